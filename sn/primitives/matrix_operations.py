"""Operations on whole matrices: element by element, sums, products; SN's names of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sn import quick
from sn.errors import LispError
from sn.limits import room
from sn.matrix import Matrix, like
from sn.primitives.arguments import number
from sn.primitives.matrices import Array, copy_matrix, matrix
from sn.primitives.registry import primitive


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
    room(a.size * b.size, 8)
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


@primitive("m/m")
def m_by_m(one: Any, two: Any, target: Any = None) -> Matrix:
    """Divide two matrices element by element."""
    _same_shape(matrix(one).array, matrix(two).array)
    result = _checked("m/m", np.divide, one.values(), two.values())
    return _result(matrix(one).letter, result, target)


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
