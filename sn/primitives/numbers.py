"""Numbers: arithmetic, comparison, mathematical functions, random numbers, number lists.

These are also the slow path of the arithmetic the translator writes into generated code: it
calls them when a result is huge, and after an error to learn what was wrong.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items
from sn.errors import LispError
from sn.primitives.arguments import integer, number, numbers
from sn.primitives.registry import primitive
from sn.printer import show_number
from sn.symbols import T, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

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
        return _quotient(1.0, number(value))
    result = number(value)
    for other in others:
        result = _quotient(result, number(other))
    return result


def _quotient(a: float, b: float) -> float:
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


# ---- random numbers


@primitive("seed", interpreter=True)
def seed(interpreter: "Interpreter", value: float) -> float:
    """Restart the random numbers."""
    interpreter.generator.seed(number(value))
    return value


@primitive("rand", interpreter=True)
def rand(interpreter: "Interpreter", low: Any = None, high: Any = None) -> float:
    """Draw a uniform number: in [0, 1], [-a, a] or [a, b]."""
    arguments = [number(x) for x in (low, high) if x is not None]
    return interpreter.generator.rand(*arguments)


@primitive("gauss", interpreter=True)
def gauss(interpreter: "Interpreter", mean: Any = None, deviation: Any = None) -> float:
    """Draw a Gaussian number: (gauss), (gauss deviation) or (gauss mean deviation)."""
    value = interpreter.generator.gauss()
    if deviation is not None:
        return number(mean) + number(deviation) * value
    return value if mean is None else number(mean) * value


# ---- lists of numbers


@primitive("range")
def make_range(low: float, high: Any = None, step: Any = None) -> Any:
    """Return the numbers from `low` (or 1) to `high`, the step added again and again."""
    if high is None:
        low, high, step = 1.0, number(low), 1.0
    elif step is None:
        step = 1.0 if number(low) <= number(high) else -1.0
    low, high, step = float(number(low)), number(high), number(step)
    if step == 0:
        raise LispError("illegal argument(s)")
    values = []
    while low <= high if step > 0 else low >= high:
        values.append(low)
        low += step
    return from_items(values)


def _filled(cell: Any, message: str = "empty list") -> list[float]:
    values = numbers(cell)
    if not values:
        raise LispError(message)
    return values


@primitive("sum")
def sum_list(cell: Any) -> float:
    """Add the numbers of a list."""
    total = 0.0
    for value in numbers(cell):
        total += value
    return total


@primitive("sup")
def sup(cell: Any) -> float:
    """Return the largest number of a list."""
    return max(_filled(cell))


@primitive("inf")
def inf(cell: Any) -> float:
    """Return the smallest number of a list."""
    return min(_filled(cell))


@primitive("mean")
def mean(cell: Any) -> float:
    """Return the mean of a list."""
    values = _filled(cell)
    return sum_list(cell) / len(values)


@primitive("sdev")
def sdev(cell: Any) -> float:
    """Return the standard deviation of a list, divided by n."""
    values = _filled(cell)
    total = squares = 0.0
    for value in values:
        total += value
        squares += value * value
    count = len(values)
    return math.sqrt(max(squares / count - (total / count) ** 2, 0.0))


@primitive("median")
def median(cell: Any) -> float:
    """Return the median; of two, the lower."""
    values = sorted(_filled(cell, "Empty list"))
    return values[(len(values) - 1) // 2]


@primitive("quantile")
def quantile(cell: Any, fraction: float) -> float:
    """Return the element below which a fraction of the list lies."""
    values = sorted(_filled(cell, "Empty list"))
    if not 0 <= number(fraction) <= 1:
        raise LispError("illegal fractile", fraction)
    place = math.floor(len(values) * number(fraction))
    return values[max(0, min(place, len(values) - 1))]


@primitive("ksmallest")
def ksmallest(cell: Any, count: float) -> float:
    """Return the k-th smallest number of a list."""
    values = sorted(_filled(cell, "Empty list"))
    if not 1 <= integer(count) <= len(values):
        raise LispError("Argument is out of bounds", count)
    return values[integer(count) - 1]


@primitive("rank", arity="3 arguments were expected")
def rank(cell: Any, target: float, width: float = 0.0) -> Any:
    """Return the places, from 0, of the elements within `width` of a target."""
    low, high = number(target) - number(width), target + width
    return from_items([float(k) for k, x in enumerate(numbers(cell)) if low <= x <= high])


def _pairs(one: Any, two: Any) -> list[tuple[float, float]]:
    a, b = numbers(one), numbers(two)
    if len(a) != len(b):
        raise LispError("numeric list expected")
    return list(zip(a, b, strict=True))


@primitive("add-listes", "add-lists")
def add_lists(one: Any, two: Any) -> Any:
    """Add two lists element by element."""
    return from_items([a + b for a, b in _pairs(one, two)])


@primitive("diff-listes", "diff-lists")
def diff_lists(one: Any, two: Any) -> Any:
    """Subtract two lists element by element."""
    return from_items([a - b for a, b in _pairs(one, two)])


def _differences(one: Any, two: Any) -> list[float]:
    return numbers(one) if two is None else [a - b for a, b in _pairs(one, two)]


def _total(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@primitive("sup-dist")
def sup_dist(one: Any, two: Any = None) -> float:
    """Return the largest absolute difference."""
    return max((abs(d) for d in _differences(one, two)), default=0.0)


@primitive("abs-dist")
def abs_dist(one: Any, two: Any = None) -> float:
    """Return the sum of absolute differences."""
    return _total([abs(d) for d in _differences(one, two)])


@primitive("sqr-dist")
def sqr_dist(one: Any, two: Any = None) -> float:
    """Return the sum of squared differences."""
    return _total([d * d for d in _differences(one, two)])


def _hamming(margin: Any, one: Any, two: Any) -> float:
    if margin.__class__ is Cons:
        margin, one, two = 0.0, margin, one
    limit = number(margin)
    return float(sum(1 for a, b in _pairs(one, two) if abs(a - b) > limit))


def _quadrant(one: Any, two: Any) -> float:
    return float(sum(1 for a, b in _pairs(one, two) if (a < 0) != (b < 0)))


@primitive("hamming-dist")
def hamming_dist(margin: Any, one: Any, two: Any = None) -> float:
    """Count the elements that differ by more than a margin."""
    return _hamming(margin, one, two)


@primitive("quadrant-dist")
def quadrant_dist(one: Any, two: Any) -> float:
    """Count the elements of different sign."""
    return _quadrant(one, two)


def _count(cell: Any) -> int:
    return len(_filled(cell))


@primitive("mean-sqr-dist")
def mean_sqr_dist(one: Any, two: Any = None) -> float:
    """Return the mean squared difference."""
    return _total([d * d for d in _differences(one, two)]) / _count(one)


@primitive("mean-abs-dist")
def mean_abs_dist(one: Any, two: Any = None) -> float:
    """Return the mean absolute difference."""
    return _total([abs(d) for d in _differences(one, two)]) / _count(one)


@primitive("mean-hamming-dist")
def mean_hamming_dist(margin: Any, one: Any, two: Any = None) -> float:
    """Return the fraction of elements that differ by more than a margin."""
    return _hamming(margin, one, two) / _count(one)


@primitive("mean-quadrant-dist")
def mean_quadrant_dist(one: Any, two: Any) -> float:
    """Return the fraction of elements of different sign."""
    return _quadrant(one, two) / _count(one)


@primitive("cov")
def cov(one: Any, two: Any) -> float:
    """Return the covariance of two lists, divided by n (see `sn_cases`)."""
    pairs = _pairs(one, two)
    n = len(pairs)
    a = _total([x for x, _ in pairs]) / n
    b = _total([y for _, y in pairs]) / n
    return _total([x * y for x, y in pairs]) / n - a * b


@primitive("solve", interpreter=True)
def solve(interpreter: "Interpreter", low: float, high: float, function: Any) -> float:
    """Find a zero of a function between two numbers, by bisection."""
    call = interpreter.function_value(function)
    a, b = float(number(low)), float(number(high))
    at_a, at_b = number(call(a)), number(call(b))
    if (at_a > 0 and at_b > 0) or (at_a < 0 and at_b < 0):
        raise LispError("bad search range")
    while abs(a - b) > 1e-7 * abs(a + b):
        middle = (a + b) / 2
        value = number(call(middle))
        if (at_a >= 0 and value <= 0) or (at_a <= 0 and value >= 0):
            b = middle
        else:
            a, at_a = middle, value
    return a


@primitive("regression")
def regression(one: Any, two: Any) -> Any:
    """Return slope, intercept and correlation of the line through points."""
    pairs = _pairs(one, two)
    n = len(pairs)
    if not n:
        raise LispError("empty list")
    x, y = (_total([p[k] for p in pairs]) / n for k in (0, 1))
    xx, yy, xy = (_total([a[i] * a[j] for a in pairs]) / n for i, j in ((0, 0), (1, 1), (0, 1)))
    shared = xy - x * y
    slope = _quotient(shared, xx - x * x)
    determination = _quotient(slope * shared, yy - y * y)
    return from_items([slope, y - slope * x, math.sqrt(max(determination, 0.0))])


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


# ---- complex numbers


class Complex:
    """A complex number, which ordinary arithmetic refuses."""

    sn_class = "COMPLEX"
    __slots__ = ("value",)

    def __init__(self, value: complex) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Complex) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::COMPLEX:({show_number(self.value.real)},{show_number(self.value.imag)})"


def complex_of(value: Any) -> complex:
    """Return a number or a complex number as Python's complex."""
    return value.value if value.__class__ is Complex else complex(number(value))


@primitive("complex")
def make_complex(real: float, imaginary: float) -> Complex:
    """Return a complex number."""
    return Complex(complex(number(real), number(imaginary)))


@primitive("complexp")
def complexp(value: Any) -> Any:
    """Return the value if it is a complex number."""
    return value if value.__class__ is Complex else None


@primitive("creal")
def creal(value: Any) -> float:
    """Return the real part."""
    return complex_of(value).real


@primitive("cimag")
def cimag(value: Any) -> float:
    """Return the imaginary part."""
    return complex_of(value).imag


@primitive("cabs")
def cabs(value: Any) -> float:
    """Return the modulus."""
    return abs(complex_of(value))


@primitive("carg")
def carg(value: Any) -> float:
    """Return the argument."""
    import cmath

    return cmath.phase(complex_of(value))


@primitive("conj")
def conj(value: Any) -> Complex:
    """Return the conjugate."""
    return Complex(complex_of(value).conjugate())
