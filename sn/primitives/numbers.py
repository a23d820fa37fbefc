"""Numbers: arithmetic, comparison, mathematical functions.

These are also the slow path of the arithmetic the translator writes into generated code: it
calls them when a result is huge, and after an error to learn what was wrong.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sn.errors import LispError
from sn.primitives.arguments import integer, number
from sn.primitives.registry import primitive
from sn.symbols import T, truth

if TYPE_CHECKING:
    pass

LARGEST = 1.7976931348623157e308


def finite(result: float, *arguments: float) -> float:
    """Return a result; one that left the finite numbers is a floating exception."""
    if -LARGEST <= result <= LARGEST:
        return result
    if all(-LARGEST <= a <= LARGEST for a in arguments):
        raise LispError("Floating exception")
    return result


@primitive("+")
def add(*values: float) -> float:
    """Add numbers."""
    total = 0.0
    for value in values:
        total = finite(total + number(value), total, value)
    return total


@primitive("*")
def multiply(*values: float) -> float:
    """Multiply numbers."""
    product = 1.0
    for value in values:
        product = finite(float(product * number(value)), product, value)
    return product


@primitive("-", arity="incorrect number of arguments")
def subtract(value: float, *others: float) -> float:
    """Subtract from the first number, or negate it."""
    if not others:
        return -float(number(value))
    result = number(value)
    for other in others:
        result = finite(result - number(other), result, other)
    return result


@primitive("/", arity="incorrect number of arguments")
def divide(value: float, *others: float) -> float:
    """Divide the first number, or return its reciprocal."""
    if not others:
        return quotient(1.0, number(value))
    result = number(value)
    for other in others:
        result = quotient(result, number(other))
    return result


def quotient(a: float, b: float) -> float:
    """Divide; what is no finite number is a floating exception."""
    if b == 0:
        raise LispError("Floating exception")
    return finite(a / b, a, b)


def unchecked(operator: str, values: tuple[float, ...]) -> float:
    """Calculate as the processor does when nothing is trapped."""
    import numpy as np

    operation = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator]
    operands = [np.float64(number(value)) for value in values]
    if len(operands) < 2:
        neutral = np.float64(operator in "*/")
        operands = [neutral, *operands] if operator in "-/" or not operands else operands
    result = operands[0]
    with np.errstate(all="ignore"):
        for operand in operands[1:]:
            result = operation(result, operand)
    return float(result)


@primitive("1+")
def increment(value: float) -> float:
    """Add one."""
    return number(value) + 1.0


@primitive("1-")
def decrement(value: float) -> float:
    """Subtract one."""
    return number(value) - 1.0


@primitive("2*")
def double(value: float) -> float:
    """Multiply by two."""
    return finite(number(value) * 2.0, value)


@primitive("2/")
def halve(value: float) -> float:
    """Divide by two."""
    return number(value) / 2.0


@primitive("**")
def power(base: float, exponent: float) -> float:
    """Raise to a power; the base may not be negative."""
    number(base), number(exponent)
    if base < 0:
        raise LispError("bad argument in math function", base)
    return _math(lambda x: math.pow(x, exponent), base)


@primitive("div")
def div(a: float, b: float) -> float:
    """Divide integers, truncating toward zero."""
    a, b = integer(a), integer(b)
    if b == 0:
        raise LispError("division by zero")
    quotient = abs(a) // abs(b)
    return float(quotient if (a < 0) == (b < 0) else -quotient)


@primitive("mod")
def mod(a: float, b: float) -> float:
    """Return the remainder of `div`."""
    a, b = integer(a), integer(b)
    if b == 0:
        raise LispError("division by zero")
    return math.fmod(a, b)


def _bits(name: str, operation: Callable[[int, int], int]) -> None:
    def bits(a: float, b: float) -> float:
        result = operation(integer(a), integer(b)) & 0xFFFFFFFF
        return float(result - (1 << 32) if result >> 31 else result)

    bits.__doc__ = f"Combine two integers bit by bit ({name})."
    bits.__code__ = bits.__code__.replace(co_name=name)
    primitive(name)(bits)


_bits("bitand", lambda a, b: a & b)
_bits("bitor", lambda a, b: a | b)
_bits("bitxor", lambda a, b: a ^ b)
_bits("bitshl", lambda a, b: a << (b & 31))
_bits("bitshr", lambda a, b: a >> (b & 31))


# ---- comparison


def _ranked(a: Any, b: Any) -> bool:
    kinds = (float, int)
    if a.__class__ in kinds and b.__class__ in kinds:
        return True
    if a.__class__ is str and b.__class__ is str:
        return True
    return getattr(a, "sn_ranked", False) and a.__class__ is b.__class__


def _compare(name: str, operation: Callable[[Any, Any], bool]) -> None:
    def compare(a: Any, b: Any) -> Any:
        if not _ranked(a, b):
            raise LispError("Cannot rank these objects")
        return truth(operation(a, b))

    compare.__doc__ = f"Tell whether a {name} b, for numbers or strings."
    compare.__code__ = compare.__code__.replace(co_name=name)
    primitive(name)(compare)


_compare("<", lambda a, b: a < b)
_compare(">", lambda a, b: a > b)
_compare("<=", lambda a, b: a <= b)
_compare(">=", lambda a, b: a >= b)


@primitive("=")
def equal(a: Any, b: Any) -> Any:
    """Tell whether two values have equal structure."""
    return truth(a == b)


@primitive("<>")
def unequal(a: Any, b: Any) -> Any:
    """Tell whether two values differ."""
    return truth(a != b)


@primitive("0=")
def zero(value: Any) -> Any:
    """Return the number if it is zero."""
    return value if value.__class__ in (float, int) and value == 0 else None


@primitive("0<>")
def nonzero(value: Any) -> Any:
    """Return the value if it is not the number zero."""
    if value.__class__ in (float, int) and value == 0:
        return None
    return T if value is None else value


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> None:
    def extreme(value: Any, *others: Any) -> Any:
        for other in others:
            if not _ranked(value, other):
                raise LispError("Cannot rank these objects")
            if better(other, value):
                value = other
        return value

    extreme.__doc__ = f"Return the {name} of numbers or strings."
    extreme.__code__ = extreme.__code__.replace(co_name=name)
    primitive(name, arity="one argument was expected")(extreme)


_extreme("max", lambda a, b: a > b)
_extreme("min", lambda a, b: a < b)


# ---- functions of one number


def _math(function: Callable[[float], float], value: float) -> float:
    try:
        return finite(float(function(float(number(value)))), value)
    except (ValueError, OverflowError):
        raise LispError("Floating exception") from None


def sgn(x: float) -> float:
    """Return the sign, 1 for zero."""
    return 1.0 if x >= 0 else -1.0


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "int": math.floor,
    "sgn": sgn,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "log1+": math.log1p,
    "exp-1": math.expm1,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "erf": math.erf,
    "erfc": math.erfc,
    "gamma-function": math.gamma,
    "0-x-1": lambda x: max(-1.0, min(1.0, x)),
    "0-1-0": lambda x: 1.0 if -1 <= x <= 1 else 0.0,
    "ceil": math.ceil,
    "floor": math.floor,
}


def _function(name: str, function: Callable[[float], float]) -> None:
    def apply(value: float) -> float:
        return _math(function, value)

    apply.__doc__ = f"Return {name} of a number."
    apply.__code__ = apply.__code__.replace(co_name=name)
    primitive(name)(apply)


for _name, _f in FUNCTIONS.items():
    _function(_name, _f)


@primitive("to-int")
def to_int(value: float) -> float:
    """Truncate toward zero."""
    return float(integer(value))


@primitive("to-float")
def to_float(value: float) -> float:
    """Round to single precision."""
    from sn.net.random import float32

    return float32(number(value))


@primitive("to-number", "to-double")
def to_number(value: float) -> float:
    """Return a number as it is."""
    return number(value)


@primitive("to-bool")
def to_bool(value: Any) -> Any:
    """Return () for 0 and (), t for everything else."""
    return truth(value is not None and value != 0)


@primitive("nan")
def nan() -> float:
    """Return the number that is none."""
    return math.nan


@primitive("infinity", "inf-number")
def infinity() -> float:
    """Return the infinite number."""
    return math.inf


@primitive("infinityp")
def infinityp(value: float) -> Any:
    """Tell whether a number is infinite."""
    return truth(number(value) in (math.inf, -math.inf))


@primitive("not-nan")
def not_nan(value: float) -> Any:
    """Return a number unless it is none."""
    return value if number(value) == value else None


@primitive("isnan", "nanp")
def isnan(value: float) -> Any:
    """Tell whether a number is none."""
    return truth(number(value) != value)


def _quick(name: str) -> None:
    def approximate(value: float) -> float:
        import numpy as np

        from sn import quick

        with np.errstate(all="ignore"):
            return float(quick.FUNCTIONS[name](np.array(float(number(value)))))

    approximate.__doc__ = f"Approximate {name[1:]} quickly."
    approximate.__code__ = approximate.__code__.replace(co_name=name)
    primitive(name)(approximate)


for _name in (
    "qtanh", "qdtanh", "qstdsigmoid", "qdstdsigmoid", "qexpmx", "qdexpmx", "qexpmx2", "qdexpmx2"
):  # fmt: skip
    _quick(_name)
