"""Matrices: creation, views, whole-matrix operations, files."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sn import idxfile, quick
from sn.cells import Cons, flat, from_items, items
from sn.errors import LispError
from sn.matrix import NAMES, Matrix, like, make
from sn.primitives.arguments import integer, number, string
from sn.primitives.registry import primitive, special
from sn.streams import FileInput
from sn.symbols import Symbol, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

Array = np.ndarray


def matrix(value: Any) -> Matrix:
    """Check that an argument is a matrix."""
    if value.__class__ is not Matrix:
        raise LispError("not an index", value)
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


# ---- whole-matrix operations


def _same_shape(*arrays: Array) -> None:
    if len({array.shape for array in arrays}) > 1:
        raise LispError("matrix must have same dimensions")


def _result(letter: str, values: Any, target: Any, *, add: bool = False) -> Matrix:
    """Store values in a target matrix, or in a new one."""
    if target is None:
        return like(letter, values)
    if matrix(target).array.size != np.size(values):
        raise LispError("matrix must have same dimensions")
    if add:
        values = target.values() + np.reshape(values, target.array.shape)
    target.assign(values)
    return target


def _single(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Compute in single precision, whatever the matrix is."""
    return lambda values: function(values.astype(np.float32))


UNARY: dict[str, Callable[[Array], Array]] = {
    "idx-minus": np.negative,
    "idx-abs": np.abs,
    "idx-sqrt": np.sqrt,
    "idx-inv": np.reciprocal,
    "idx-sin": np.sin,
    "idx-cos": np.cos,
    "idx-atan": np.arctan,
    "idx-exp": np.exp,
    "idx-log": np.log,
    "idx-qtanh": _single(quick.FUNCTIONS["qtanh"]),
    "idx-qdtanh": _single(quick.FUNCTIONS["qdtanh"]),
    "idx-stdsigmoid": _single(quick.FUNCTIONS["qstdsigmoid"]),
    "idx-dstdsigmoid": _single(quick.FUNCTIONS["qdstdsigmoid"]),
    "idx-expmx": _single(quick.FUNCTIONS["qexpmx"]),
    "idx-dexpmx": _single(quick.FUNCTIONS["qdexpmx"]),
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "idx-add": np.add,
    "idx-sub": np.subtract,
    "idx-mul": np.multiply,
    "idx-div": np.divide,
}


def _checked(name: str, function: Callable[..., Array], *arrays: Array) -> Array:
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            return function(*arrays)
    except FloatingPointError:
        raise LispError("Floating exception") from None


def _unary(name: str, function: Callable[[Array], Array]) -> None:
    def apply(value: Any, target: Any = None) -> Matrix:
        values = matrix(value).values().astype(np.float64)
        return _result(matrix(value).letter, _checked(name, function, values), target)

    apply.__doc__ = f"Apply {name[4:]} to every element."
    apply.__code__ = apply.__code__.replace(co_name=name)
    primitive(name)(apply)


def _binary(name: str, function: Callable[[Array, Array], Array]) -> None:
    def apply(one: Any, two: Any, target: Any = None) -> Matrix:
        a, b = matrix(one).values(), matrix(two).values()
        _same_shape(a, b)
        return _result(matrix(one).letter, _checked(name, function, a, b), target)

    apply.__doc__ = f"Apply {name[4:]} to the elements of two matrices."
    apply.__code__ = apply.__code__.replace(co_name=name)
    primitive(name)(apply)


for _name, _f in UNARY.items():
    _unary(_name, _f)
for _name, _g in BINARY.items():
    _binary(_name, _g)


def _in_order(values: Array) -> float:
    """Add elements one after the other, in their own precision."""
    flat_values = values.reshape(-1)
    return np.add.accumulate(flat_values)[-1] if flat_values.size else values.dtype.type(0)


REDUCTIONS: dict[str, Callable[[Array], float]] = {
    "idx-sum": _in_order,
    "idx-sup": np.max,
    "idx-inf": np.min,
    "idx-sumsqr": lambda a: _in_order(a * a),
}
PRODUCTS: dict[str, Callable[[Array, Array], float]] = {
    "idx-dot": lambda a, b: _in_order(a * b),
    "idx-sqrdist": lambda a, b: _in_order((a - b) * (a - b)),
}
ACCUMULATE = {"idx-sup": np.maximum, "idx-inf": np.minimum}


def _reduction(name: str, function: Callable[[Array], float]) -> None:
    def apply(value: Any, target: Any = None) -> Matrix:
        return _result(matrix(value).letter, function(matrix(value).values()), target)

    def accumulate(value: Any, target: Any) -> Matrix:
        result = function(matrix(value).values())
        combine = ACCUMULATE.get(name, np.add)
        return _result(matrix(value).letter, combine(result, matrix(target).values()), target)

    apply.__doc__ = f"Return the {name[4:]} of all elements, a 0-dimensional matrix."
    accumulate.__doc__ = f"Add the {name[4:]} of all elements to a 0-dimensional matrix."
    for suffix, code in (("", apply), ("acc", accumulate)):
        code.__code__ = code.__code__.replace(co_name=name + suffix)
        primitive(name + suffix)(code)


def _product(name: str, function: Callable[[Array, Array], Any]) -> None:
    def values_of(one: Any, two: Any) -> Any:
        return function(matrix(one).values(), matrix(two).values())

    def apply(one: Any, two: Any, target: Any = None) -> Matrix:
        return _result(matrix(one).letter, values_of(one, two), target)

    def accumulate(one: Any, two: Any, target: Any) -> Matrix:
        return _result(matrix(one).letter, values_of(one, two), target, add=True)

    apply.__doc__ = f"Return the {name[4:]} of two matrices."
    accumulate.__doc__ = f"Add the {name[4:]} of two matrices to a third."
    for suffix, code in (("", apply), ("acc", accumulate)):
        code.__code__ = code.__code__.replace(co_name=name + suffix)
        primitive(name + suffix)(code)


def _elementwise(function: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    def checked(a: Array, b: Array) -> float:
        _same_shape(a, b)
        return function(a, b)

    return checked


def _contract(a: Array, b: Array) -> Array:
    """Multiply along the last dimensions of a that b has, adding in order."""
    if a.shape[a.ndim - b.ndim :] != b.shape:
        raise LispError("matrix must have same dimensions")
    rows = a.shape[: a.ndim - b.ndim]
    products = (a * b).reshape((*rows, -1))
    return np.add.accumulate(products, axis=-1)[..., -1]


def _dimensions(function: Callable[[Array, Array], Array], *wanted: int) -> Any:
    def checked(a: Array, b: Array) -> Array:
        if (a.ndim, b.ndim) != wanted:
            raise LispError("incorrect number of dimensions")
        return function(a, b)

    return checked


def _scalar(function: Callable[[Array, Array], Array]) -> Any:
    def checked(a: Array, b: Array) -> Array:
        if b.ndim:
            raise LispError("incorrect number of dimensions")
        return function(a, b)

    return checked


def _outer(a: Array, b: Array) -> Array:
    return np.multiply.outer(a, b)


for _name, _r in REDUCTIONS.items():
    _reduction(_name, _r)
for _name, _p in PRODUCTS.items():
    _product(_name, _elementwise(_p))
_product("idx-m2dotm1", _dimensions(_contract, 2, 1))
_product("idx-m4dotm2", _dimensions(_contract, 4, 2))
_product("idx-m1extm1", _dimensions(_outer, 1, 1))
_product("idx-m2extm2", _dimensions(_outer, 2, 2))
_product("idx-dotm0", _scalar(np.multiply))
_product("idx-addm0", _scalar(np.add))


@primitive("idx-clear")
def idx_clear(value: Any) -> Matrix:
    """Set every element to zero."""
    if matrix(value).letter == "a":
        value.array[...] = None
    else:
        value.array[...] = 0
    return value


@primitive("idx-copy")
def idx_copy(source: Any, target: Any = None) -> Matrix:
    """Copy the elements of a matrix into another of the same dimensions."""
    if target is not None:
        _same_shape(matrix(source).array, matrix(target).array)
    return copy_matrix(source, target)


@primitive("idx-fill")
def idx_fill(value: Any, element: float) -> Matrix:
    """Set every element to a number."""
    matrix(value).assign(np.full(value.array.shape, number(element)))
    return value


# ---- the names of SN


@primitive("dot-product")
def dot_product(one: Any, two: Any) -> float:
    """Return the sum of products, as a number."""
    a, b = matrix(one).values(), matrix(two).values()
    if a.size != b.size:
        raise LispError("matrix must have same dimensions")
    products = a.reshape(-1) * b.reshape(-1)  # float products, but a double sum
    return float(_in_order(products.astype(np.float64)))


@primitive("sup-mat")
def sup_mat(value: Any) -> float:
    """Return the largest element."""
    return float(np.max(matrix(value).values()))


@primitive("inf-mat")
def inf_mat(value: Any) -> float:
    """Return the smallest element."""
    return float(np.min(matrix(value).values()))


@primitive("mean-mat")
def mean_mat(value: Any) -> float:
    """Return the mean of the elements."""
    values = matrix(value).values()
    return float(_in_order(values)) / values.size


@primitive("sdev-mat")
def sdev_mat(value: Any) -> float:
    """Return the *variance* of the elements, as the original does."""
    values = matrix(value).values().astype(np.float64)
    return float(_in_order(values * values)) / values.size - mean_mat(value) ** 2


@primitive("m+m")
def m_plus_m(one: Any, two: Any, target: Any = None) -> Matrix:
    """Add two matrices."""
    _same_shape(matrix(one).array, matrix(two).array)
    return _result(matrix(one).letter, one.values() + two.values(), target)


@primitive("m-m")
def m_minus_m(one: Any, two: Any, target: Any = None) -> Matrix:
    """Subtract a matrix from another."""
    _same_shape(matrix(one).array, matrix(two).array)
    return _result(matrix(one).letter, one.values() - two.values(), target)


@primitive("m*m")
def m_times_m(one: Any, two: Any, target: Any = None) -> Matrix:
    """Multiply a matrix by the one element of another."""
    if matrix(two).array.size != 1:
        raise LispError("m*m: idx 2 must have 1 element", function="error")
    return _result(matrix(one).letter, matrix(one).values() * two.values().reshape(()), target)


@primitive("m+c")
def m_plus_c(one: Any, value: float, target: Any = None) -> Matrix:
    """Add a number to every element."""
    return _result(matrix(one).letter, matrix(one).values() + number(value), target)


@primitive("m*c")
def m_times_c(one: Any, value: float, target: Any = None) -> Matrix:
    """Multiply every element by a number."""
    return _result(matrix(one).letter, matrix(one).values() * number(value), target)


@primitive("mxm")
def mxm(one: Any, two: Any, target: Any = None) -> Matrix:
    """Multiply two matrices element by element."""
    _same_shape(matrix(one).array, matrix(two).array)
    return _result(matrix(one).letter, one.values() * two.values(), target)


# ---- the float library (libidx/idx-float)


def _float_vector(name: str, function: Callable[[Array], float], doc: str) -> None:
    def apply(value: Any) -> float:
        return float(function(matrix(value).array.reshape(-1)))

    apply.__doc__ = doc
    apply.__code__ = apply.__code__.replace(co_name=name)
    primitive(name)(apply)


for _n in "1234":
    _float_vector(f"idx-f{_n}sup", np.max, "Return the largest element.")
    _float_vector(f"idx-f{_n}inf", np.min, "Return the smallest element.")
    _float_vector(f"idx-f{_n}indexmax", np.argmax, "Return where the largest element is.")
    _float_vector(f"idx-f{_n}indexmin", np.argmin, "Return where the smallest element is.")
    _float_vector(f"idx-f{_n}avg", np.mean, "Return the mean of the elements.")
    _float_vector(f"idx-f{_n}sum", _in_order, "Return the sum of the elements.")


def _with_constant(name: str, function: Callable[[Array, float], Array], *, add: bool) -> None:
    def apply(value: Any, constant: float, target: Any = None) -> Matrix:
        with np.errstate(over="ignore"):
            factor = np.float32(number(constant))
            result = function(matrix(value).values(), factor)
        return _result(matrix(value).letter, result, target, add=add)

    apply.__doc__ = f"Combine every element with a number ({name})."
    apply.__code__ = apply.__code__.replace(co_name=name)
    primitive(name)(apply)


for _n in "1234":
    _with_constant(f"idx-f{_n}dotc", np.multiply, add=False)
    _with_constant(f"idx-f{_n}dotcacc", np.multiply, add=True)
    _with_constant(f"idx-f{_n}addc", np.add, add=False)
    _with_constant(f"idx-f{_n}addcacc", np.add, add=True)


# ---- files


def _data(interpreter: "Interpreter", name: Any, suffix: str = "mat") -> bytes:
    if isinstance(name, FileInput):
        while name.more():
            pass
        rest, name.at = name.text[name.at :], len(name.text)
        return rest.encode("latin-1")
    path = interpreter.data_path(string(name), suffix)
    return path.read_bytes()


def _write(interpreter: "Interpreter", target: Any, suffix: str, data: bytes) -> None:
    output = getattr(target, "target", None)
    if output is not None and not isinstance(target, str):
        target.write(data.decode("latin-1"))
        return
    interpreter.write_file(string(target), suffix, data)


@primitive("save-matrix", interpreter=True)
def save_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write a matrix file."""
    _write(interpreter, name, "mat", idxfile.save(matrix(value)))
    return name


@primitive("save-ascii-matrix", interpreter=True)
def save_ascii_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write an ASCII matrix file."""
    _write(interpreter, name, "mat", idxfile.save_ascii(matrix(value)).encode("latin-1"))
    return name


@special("load-matrix", "map-matrix", pattern="q?e")
def load_matrix(interpreter: "Interpreter", name: Any, file: Any = None) -> Any:
    """Read a matrix file: (load-matrix file), or (load-matrix variable file)."""
    symbol = name if name.__class__ is Symbol and file is not None else None
    if symbol is None:
        file = interpreter.evaluate(name)
    result = idxfile.load(_data(interpreter, file))
    if symbol is not None:
        symbol.declared = True
        symbol.value = result
    return result


@primitive("export-raw-matrix", interpreter=True)
def export_raw_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write the elements alone."""
    _write(interpreter, name, "", np.ascontiguousarray(matrix(value).array).tobytes())
    return name


@primitive("export-text-matrix", interpreter=True)
def export_text_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write the elements as text, one a line."""
    _write(interpreter, name, "", idxfile.export_text(matrix(value)).encode("latin-1"))
    return name


@primitive("import-raw-matrix", interpreter=True)
def import_raw_matrix(
    interpreter: "Interpreter", value: Any, name: Any, offset: Any = 0.0
) -> Any:
    """Read elements alone into a matrix, from an offset in bytes on."""
    array = matrix(value).array
    data = _data(interpreter, name, "")[integer(offset) :]
    if len(data) < array.nbytes:
        raise LispError("file is too short")
    array[...] = np.frombuffer(data, array.dtype, array.size).reshape(array.shape)
    return value


@primitive("import-text-matrix", interpreter=True)
def import_text_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Read numbers in text into a matrix."""
    array = matrix(value).array
    words = re.findall(r"\S+", _data(interpreter, name, "").decode("latin-1"))[: array.size]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise LispError("Cannot read a number") from None
    if len(numbers) < array.size:
        raise LispError("Cannot read a number")
    value.assign(np.array(numbers))
    return value


@primitive("matrix-to-list")
def matrix_to_list(value: Any) -> Any:
    """Return the elements as nested lists."""
    return matrix(value)(*[None] * value.array.ndim)


@primitive("list-to-matrix")
def list_to_matrix(values: Any) -> Matrix:
    """Return a double vector of the numbers of a list."""
    return like("d", [number(value) for value in flat(values)])


@primitive("m/m")
def m_by_m(one: Any, two: Any, target: Any = None) -> Matrix:
    """Divide two matrices element by element."""
    _same_shape(matrix(one).array, matrix(two).array)
    result = _checked("m/m", np.divide, one.values(), two.values())
    return _result(matrix(one).letter, result, target)


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


@primitive("idx-m1permute")
def idx_m1permute(value: Any, order: Any, target: Any = None) -> Matrix:
    """Return the elements of a vector in another order."""
    places = matrix(order).values().astype(np.int64)
    array = matrix(value).values()
    if places.size and (places.min() < 0 or places.max() >= array.shape[0]):
        raise LispError("bad arguments")
    return _result(matrix(value).letter, array[places], target)


@primitive("idx-m2permute")
def idx_m2permute(value: Any, order: Any, target: Any = None) -> Matrix:
    """Return the rows of a matrix in another order."""
    return idx_m1permute(value, order, target)


@primitive("load-matrix-into", interpreter=True)
def load_matrix_into(interpreter: "Interpreter", name: Any, target: Any) -> Matrix:
    """Read a matrix file into a matrix of the same dimensions."""
    return idx_copy(idxfile.load(_data(interpreter, name)), target)
