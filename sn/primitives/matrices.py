"""Matrices: creation, size, views, copies, lists."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import Cons, flat, from_items, items
from sn.errors import LispError
from sn.limits import room
from sn.matrix import NAMES, Matrix, like, make
from sn.primitives.arguments import integer, number
from sn.primitives.registry import primitive, special
from sn.symbols import Symbol, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

Array = np.ndarray
LARGE = 1 << 22  # elements


def matrix(value: Any) -> Matrix:
    """Check that an argument is a matrix."""
    if value.__class__ is not Matrix:
        raise LispError("not an index", value)
    if value.array.size > LARGE:  # a view may have more elements than its storage
        room(value.array.size, 8)
    return value


# ---- creation

ALIASES = {
    "d": ("matrix", "dmatrix"),
    "f": ("fmatrix",),
    "i": ("imatrix",),
    "s": ("smatrix",),
    "b": ("bmatrix",),
    "u": ("umatrix",),
    "p": ("pmatrix",),
    "a": ("array",),
}


def _sizes(values: tuple[Any, ...]) -> tuple[int, ...]:
    if len(values) == 1 and values[0].__class__ is Cons:
        values = tuple(items(values[0]))
    sizes = []
    for value in values:
        if number(value) < 0:
            raise LispError("illegal dimension", value)
        sizes.append(integer(value))
    return tuple(sizes)


def _creator(letter: str, name: str) -> None:
    def create(*sizes: float) -> Matrix:
        return make(letter, _sizes(sizes))

    create.__doc__ = f"Return a new matrix of type {letter}."
    create.__code__ = create.__code__.replace(co_name=name)
    primitive(name, f"{name}-nc", *ALIASES[letter])(create)


for _letter, _name in NAMES.items():
    _creator(_letter, _name)


@special("dim", pattern="qE")
def dim(interpreter: "Interpreter", name: Any, sizes: list[Any]) -> Matrix:
    """Set a global variable to a new float matrix."""
    if name.__class__ is not Symbol:
        raise LispError("not a symbol", name)
    result = make("f", _sizes(tuple(sizes)))
    name.declared = True
    name.global_value = result
    return result


@primitive("indexp", "matrixp")
def matrixp(value: Any) -> Any:
    """Tell whether a value is a matrix of numbers."""
    return truth(value.__class__ is Matrix and value.letter != "a")


@primitive("arrayp")
def arrayp(value: Any) -> Any:
    """Tell whether a value is an array of objects."""
    return truth(value.__class__ is Matrix and value.letter == "a")


# ---- size and shape


@primitive("bound")
def bound(value: Any, which: Any = None) -> Any:
    """Return the dimensions; their number (0); or the last index of the k-th, from 1."""
    shape = matrix(value).array.shape
    if which is None:
        return from_items([float(n) for n in shape])
    k = integer(which)
    if k == 0:
        return float(len(shape))
    if not 1 <= k <= len(shape):
        raise LispError("illegal dimension number", which)
    return float(shape[k - 1] - 1)


@primitive("idx-dim", "idx-bound")
def idx_dim(value: Any, which: Any = None) -> Any:
    """Return the size of a dimension counted from 0, or all sizes."""
    shape = matrix(value).array.shape
    if which is None:
        return from_items([float(n) for n in shape])
    k = integer(which)
    if not 0 <= k < len(shape):
        raise LispError("illegal dimension number", which)
    return float(shape[k])


@primitive("idx-ndim")
def idx_ndim(value: Any) -> float:
    """Return the number of dimensions."""
    return float(matrix(value).array.ndim)


@primitive("idx-nelements")
def idx_nelements(value: Any) -> float:
    """Return the number of elements."""
    return float(matrix(value).array.size)


@primitive("idx-modulo")
def idx_modulo(value: Any, which: Any = None) -> Any:
    """Return the distance, in elements, between neighbours along a dimension."""
    array = matrix(value).array
    steps = [float(step // array.itemsize) for step in array.strides]
    return from_items(steps) if which is None else steps[integer(which)]


# ---- views


@primitive("submatrix", "sub-index")
def submatrix(value: Any, *subscripts: Any) -> Matrix:
    """Return a view of a part."""
    return matrix(value).part(list(subscripts))


@primitive("select", "idx-select")
def select(value: Any, dimension: float, place: float) -> Matrix:
    """Return a view with one dimension fixed."""
    array = matrix(value).array
    axis = _axis(array, dimension)
    if not 0 <= integer(place) < array.shape[axis]:
        raise LispError("specified subscript is too large", place)
    key = [slice(None)] * array.ndim
    key[axis] = integer(place)
    return Matrix(array[(*key, ...)], value.letter)


def _axis(array: Array, dimension: Any) -> int:
    axis = integer(dimension)
    if not 0 <= axis < array.ndim:
        raise LispError("illegal parameters")
    return axis


@primitive("narrow", "idx-narrow")
def narrow(value: Any, dimension: float, size: float, offset: Any = 0.0) -> Matrix:
    """Return a view of `size` places of a dimension, from an offset on."""
    array = matrix(value).array
    axis, size, offset = _axis(array, dimension), integer(size), integer(offset)
    if offset < 0 or size < 0 or offset + size > array.shape[axis]:
        raise LispError("specified interval is too large")
    key = [slice(None)] * array.ndim
    key[axis] = slice(offset, offset + size)
    return Matrix(array[tuple(key)], value.letter)


@primitive("unfold", "idx-unfold")
def unfold(value: Any, dimension: float, size: float, step: float) -> Matrix:
    """Return a view whose new last dimension slides along an old one."""
    array = matrix(value).array
    axis, size, step = _axis(array, dimension), integer(size), integer(step)
    if size < 1 or step < 1 or array.shape[axis] < size:
        raise LispError("illegal parameters")
    if (array.shape[axis] - size) % step:
        raise LispError("Index dimension does not match size and step")
    windows = np.lib.stride_tricks.sliding_window_view(array, size, axis, writeable=True)
    key = [slice(None)] * windows.ndim
    key[axis] = slice(None, None, step)
    return Matrix(windows[tuple(key)], value.letter)


def _diagonal(value: Any, count: float) -> Matrix:
    array = matrix(value).array
    n = integer(count)
    if not 2 <= n <= array.ndim:
        raise LispError("illegal parameters", function="idx-diagonal")
    sizes = array.shape[-n:]
    if len(set(sizes)) > 1:
        raise LispError(
            "The last dimensions should have the same size", function="idx-diagonal"
        )
    strides = (*array.strides[:-n], sum(array.strides[-n:]))
    shape = (*array.shape[:-n], sizes[0])
    view = np.lib.stride_tricks.as_strided(array, shape, strides)
    return Matrix(view, value.letter)


@primitive("diagonal", "idx-diagonal")
def diagonal(value: Any, count: float) -> Matrix:
    """Return a view of the diagonal of the last dimensions."""
    if count.__class__ not in (float, int):
        raise LispError("not a real number", count, function="idx-diagonal")
    return _diagonal(value, count)


def _order(array: Array, order: Any) -> list[int]:
    places = [integer(k) for k in items(order)]
    if len(places) != array.ndim:
        raise LispError("Permutation list is too short or too long", order)
    if sorted(places) != list(range(array.ndim)):
        raise LispError("Bad permutation list", order)
    return places


@primitive("idx-transpose")
def idx_transpose(value: Any, order: Any) -> None:
    """Permute dimensions in place."""
    array = matrix(value).array
    value.set_array(array.transpose(_order(array, order)))


@primitive("idx-transpose2")
def idx_transpose2(value: Any, one: float, two: float) -> None:
    """Exchange two dimensions in place."""
    array = matrix(value).array
    value.set_array(array.swapaxes(_axis(array, one), _axis(array, two)))


@primitive("idx-transclone")
def idx_transclone(value: Any, order: Any) -> Matrix:
    """Return a view with permuted dimensions."""
    array = matrix(value).array
    return Matrix(array.transpose(_order(array, order)), value.letter)


@primitive("transpose")
def transpose(value: Any, order: Any = None) -> Matrix:
    """Return a view with dimensions exchanged, or permuted."""
    array = matrix(value).array
    if order is not None:
        return idx_transclone(value, order)
    return Matrix(array.T, value.letter)


@primitive("idx-clone")
def idx_clone(value: Any) -> Matrix:
    """Return another view of the same elements."""
    return Matrix(matrix(value).array, value.letter)


@primitive("redim", "idx-redim")
def redim(value: Any, *sizes: Any) -> Matrix:
    """Return a view of the elements in another shape."""
    array = matrix(value).array
    shape = _sizes(sizes)
    if int(np.prod(shape)) != array.size:
        raise LispError("incorrect number of elements")
    return Matrix(array.reshape(shape), value.letter)


@primitive("copy-matrix", "copy-any-matrix", "copy-array", "idx-copy-any")
def copy_matrix(source: Any, target: Any = None) -> Matrix:
    """Copy the elements into a new matrix, or into a given one."""
    array = matrix(source).array
    if target is None:
        return Matrix(array.copy(), source.letter)
    if matrix(target).array.size != array.size:
        raise LispError("matrices have different number of elements")
    _copy(source, target)
    return target


def _copy(source: Matrix, target: Matrix) -> None:
    if target.letter == "a":
        target.array[...] = source.array.reshape(target.array.shape)
    else:
        target.assign(source.values())


@primitive("clone-matrix")
def clone_matrix(value: Any) -> Matrix:
    """Return a new float matrix of the same dimensions."""
    return make("f", matrix(value).array.shape)


@primitive("contiguousp")
def contiguousp(value: Any) -> Any:
    """Tell whether the elements of a matrix lie side by side."""
    return truth(matrix(value).array.flags.c_contiguous)


@primitive("idx-undim")
def idx_undim(value: Any) -> None:
    """Take the dimensions off a matrix: it becomes a vector of its elements, in place."""
    matrix(value).set_array(value.array.reshape(-1))


# ---- lists


@primitive("matrix-to-list")
def matrix_to_list(value: Any) -> Any:
    """Return the elements as nested lists."""
    return matrix(value)(*[None] * value.array.ndim)


@primitive("list-to-matrix")
def list_to_matrix(values: Any) -> Matrix:
    """Return a double vector of the numbers of a list."""
    return like("d", [number(value) for value in flat(values)])
