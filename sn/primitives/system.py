"""Dates, clocks, rectangles, and what a listener is asked about itself."""

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sn.cells import from_items
from sn.errors import LispError
from sn.primitives.arguments import integer, number, numbers, string
from sn.primitives.registry import primitive
from sn.printer import show
from sn.symbols import Symbol, T, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

FIELDS = ("year", "month", "day", "hour", "minute", "second")
FORMATS = ("%Y", "%m", "%d", "%H", "%M", "%S")
SEPARATORS = ("", "-", "-", " ", ":", ":")
EPOCH = datetime(1970, 1, 1)


class Date:
    """A moment, known from one field (year ... second) to another."""

    sn_class = "DATE"
    sn_ranked = True
    __slots__ = ("first", "last", "moment")

    def __init__(self, moment: datetime, first: int = 0, last: int = 5) -> None:
        self.moment = moment
        self.first = first
        self.last = last

    def key(self) -> tuple[int, ...]:
        """Return the known fields."""
        m = self.moment
        values = (m.year, m.month, m.day, m.hour, m.minute, m.second)
        return values[self.first : self.last + 1]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Date)
            and (self.first, self.last) == (other.first, other.last)
            and self.key() == other.key()
        )

    def __hash__(self) -> int:
        return hash(self.key())

    def __lt__(self, other: "Date") -> bool:
        if (self.first, self.last) != (other.first, other.last):
            raise LispError("Cannot rank incompatible dates")
        return self.key() < other.key()

    def __le__(self, other: "Date") -> bool:
        return self == other or self < other

    def text(self) -> str:
        """Return the date as text."""
        parts = []
        for field in range(self.first, self.last + 1):
            if field > self.first:
                parts.append(SEPARATORS[field])
            parts.append(self.moment.strftime(FORMATS[field]).rjust(2, "0"))
        return "".join(parts)

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::DATE:{FIELDS[self.first]}-{FIELDS[self.last]}:({self.text()})"


def date(value: Any) -> Date:
    """Check that an argument is a date."""
    if value.__class__ is not Date:
        raise LispError("Not a date", value)
    return value


def _field(name: Any, default: int) -> int:
    if name is None:
        return default
    if name.__class__ is not Symbol or name.name not in FIELDS:
        raise LispError("illegal date range specification", name)
    return FIELDS.index(name.name)


@primitive("string-to-date")
def string_to_date(text: str, first: Any = None, last: Any = None) -> Date:
    """Return the date a text spells."""
    start, end = _field(first, 0), _field(last, 5)
    if start > end:
        raise LispError("illegal date range specification")
    pattern = "".join(
        (SEPARATORS[f] if f > start else "") + FORMATS[f] for f in range(start, end + 1)
    )
    try:
        return Date(datetime.strptime(string(text), pattern), start, end)
    except ValueError:
        raise LispError("Illegal date", text) from None


@primitive("date-to-string")
def date_to_string(value: Any, pattern: Any = None) -> str:
    """Return a date as text, in a format of strftime."""
    if pattern is None:
        return date(value).text()
    return date(value).moment.strftime(string(pattern))


@primitive("date-type", interpreter=True)
def date_type(interpreter: "Interpreter", value: Any) -> Any:
    """Return the first and the last field a date knows."""
    intern = interpreter.intern
    return from_items([intern(FIELDS[date(value).first]), intern(FIELDS[value.last])])


@primitive("date-extend")
def date_extend(value: Any, first: Any, last: Any) -> Date:
    """Return a date known from one field to another."""
    start, end = _field(first, 0), _field(last, 5)
    if start > end:
        raise LispError("illegal date range specification")
    return Date(date(value).moment, start, end)


def _moved(value: Any, delta: timedelta) -> Date:
    try:
        return Date(date(value).moment + delta, value.first, value.last)
    except OverflowError:
        raise LispError("date out of range") from None


def _adder(unit: str) -> None:
    def add(value: Any, count: float) -> Date:
        return _moved(value, timedelta(**{unit + "s": integer(count)}))

    name = f"date-add-{unit}"
    add.__doc__ = f"Return a date so many {unit}s later."
    add.__code__ = add.__code__.replace(co_name=name)
    primitive(name)(add)


for _unit in ("second", "minute", "hour", "day"):
    _adder(_unit)


def _later_months(value: Any, months: int) -> Date:
    moment = date(value).moment
    place = moment.year * 12 + moment.month - 1 + months
    try:
        return Date(
            moment.replace(year=place // 12, month=place % 12 + 1), value.first, value.last
        )
    except ValueError:
        raise LispError("date out of range") from None


@primitive("date-add-month")
def date_add_month(value: Any, count: float) -> Date:
    """Return a date so many months later."""
    return _later_months(value, integer(count))


@primitive("date-add-year")
def date_add_year(value: Any, count: float) -> Date:
    """Return a date so many years later."""
    return _later_months(value, 12 * integer(count))


@primitive("date-to-day")
def date_to_day(value: Any) -> float:
    """Return the number of days since 1970."""
    return float((date(value).moment - EPOCH).days)


@primitive("day-to-date")
def day_to_date(day: float) -> Date:
    """Return the date so many days after 1970 began."""
    return _moved(Date(EPOCH), timedelta(days=integer(day)))


@primitive("now")
def now() -> Date:
    """Return the date and time."""
    return Date(datetime.now().replace(microsecond=0))


@primitive("today")
def today() -> Date:
    """Return the date."""
    return Date(datetime.now(), 0, 2)


@primitive("ctime")
def ctime() -> str:
    """Return date and time as C writes them."""
    return time.ctime()


@primitive("cputime")
def cputime() -> float:
    """Return the processor time used, in seconds."""
    return time.process_time()


@primitive("realtime")
def realtime() -> float:
    """Return the time since 1970, in seconds."""
    return time.time()


# ---- rectangles: (x y width height)


def _rectangle(value: Any) -> tuple[float, ...]:
    sides = numbers(value)
    if len(sides) != 4:
        raise LispError("not a rectangle", value)
    return tuple(sides)


@primitive("point-in-rect")
def point_in_rect(x: float, y: float, rectangle: Any) -> Any:
    """Tell whether a point lies in a rectangle."""
    left, top, width, height = _rectangle(rectangle)
    return truth(left <= number(x) < left + width and top <= number(y) < top + height)


@primitive("rect-in-rect")
def rect_in_rect(inner: Any, outer: Any) -> Any:
    """Tell whether a rectangle lies in another."""
    x, y, w, h = _rectangle(inner)
    left, top, width, height = _rectangle(outer)
    inside = left <= x and top <= y and x + w <= left + width and y + h <= top + height
    return truth(inside)


@primitive("collide-rect")
def collide_rect(one: Any, two: Any) -> Any:
    """Return what two rectangles share, or ()."""
    x1, y1, w1, h1 = _rectangle(one)
    x2, y2, w2, h2 = _rectangle(two)
    x, y = max(x1, x2), max(y1, y2)
    w, h = min(x1 + w1, x2 + w2) - x, min(y1 + h1, y2 + h2) - y
    return from_items([x, y, w, h]) if w > 0 and h > 0 else None


@primitive("bounding-rect")
def bounding_rect(one: Any, two: Any) -> Any:
    """Return the smallest rectangle around two."""
    x1, y1, w1, h1 = _rectangle(one)
    x2, y2, w2, h2 = _rectangle(two)
    x, y = min(x1, x2), min(y1, y2)
    return from_items([x, y, max(x1 + w1, x2 + w2) - x, max(y1 + h1, y2 + h2) - y])


@primitive("expand-rect")
def expand_rect(rectangle: Any, dx: float, dy: float) -> Any:
    """Return a rectangle grown on every side."""
    x, y, w, h = _rectangle(rectangle)
    return from_items([x - number(dx), y - number(dy), w + 2 * dx, h + 2 * dy])


# ---- what there is


@primitive("symblist", "oblist", interpreter=True)
def symblist(interpreter: "Interpreter") -> Any:
    """Return the names of all symbols, in order."""
    return from_items(sorted(symbol.name for symbol in interpreter.symbols))


@primitive("symbols", interpreter=True)
def symbols(interpreter: "Interpreter", part: Any = "") -> None:
    """Print the symbols whose name contains a text."""
    text = part.name if part.__class__ is Symbol else string(part)
    names = sorted(s.name for s in interpreter.symbols if text in s.name)
    for start in range(0, len(names), 4):
        row = "".join(f"{name[:17]:19}" for name in names[start : start + 4])
        interpreter.output.write(row.rstrip() + "\n")


@primitive("apropos", interpreter=True)
def apropos(interpreter: "Interpreter", topic: Any) -> None:
    """Print the manual entries about a topic."""
    from sn.manual import search

    text = topic.name if topic.__class__ is Symbol else string(topic)
    found = search(interpreter, text)
    for title in found:
        interpreter.output.write(f"{title}\n")
    if not found:
        interpreter.output.write(f"nothing about {show(text)}\n")


@primitive("help", interpreter=True)
def help_about(interpreter: "Interpreter", topic: Any = "help") -> None:
    """Print the manual entry of a function."""
    from sn.manual import entry

    text = topic.name if topic.__class__ is Symbol else string(topic)
    interpreter.output.write(entry(interpreter, text) + "\n")


@primitive("lush-is-quiet", interpreter=True)
def lush_is_quiet(interpreter: "Interpreter", quiet: Any = None) -> Any:
    """Accept the question whether the listener greets."""
    return T


@primitive("beep", interpreter=True)
def beep(interpreter: "Interpreter") -> None:
    """Ring the bell."""
    interpreter.output.write("\a")


@primitive("startup", "lush-version", "version")
def version() -> str:
    """Return name and version of this simulator."""
    return "SN 2.8 (holmdel)"


@primitive("split-date", interpreter=True)
def split_date(interpreter: "Interpreter", value: Any) -> Any:
    """Return the fields of a date as an association list, with wday and yday if known."""
    from sn.cells import Cons

    intern = interpreter.intern
    known = zip(FIELDS[date(value).first : value.last + 1], value.key(), strict=True)
    pairs = [
        Cons(intern(name), float(part - 1900 if name == "year" else part))
        for name, part in known
    ]
    if value.first == 0 and value.last >= 2:
        day = value.moment.timetuple()
        pairs.append(Cons(intern("wday"), float((day.tm_wday + 1) % 7)))
        pairs.append(Cons(intern("yday"), float(day.tm_yday - 1)))
    return from_items(pairs)


@primitive("points-2-rect")
def points_2_rect(points: Any) -> Any:
    """Return the rectangle around points x1 y1 x2 y2 ..."""
    values = numbers(points)
    xs, ys = values[::2], values[1::2]
    if not xs or len(xs) != len(ys):
        raise LispError("not a list of points", points)
    x, y = min(xs), min(ys)
    return from_items([x, y, max(xs) - x + 1, max(ys) - y + 1])


@primitive("rect-2-points")
def rect_2_points(rectangle: Any) -> Any:
    """Return two opposite corners of a rectangle."""
    x, y, w, h = _rectangle(rectangle)
    return from_items([x, y, x + w - 1, y + h - 1])
