"""Random numbers; lists of numbers: ranges, statistics, distances."""

import math
from typing import TYPE_CHECKING, Any

from sn.cells import MANY, Cons, from_items
from sn.errors import LispError
from sn.limits import room
from sn.primitives.arguments import integer, number, numbers
from sn.primitives.numbers import quotient
from sn.primitives.registry import primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


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
    length = (high - low) / step
    if length > MANY:
        room(int(min(length, 1e15)))
    if low + step == low:
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
        if middle in (a, b):
            break
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
    slope = quotient(shared, xx - x * x)
    determination = quotient(slope * shared, yy - y * y)
    return from_items([slope, y - slope * x, math.sqrt(max(determination, 0.0))])
