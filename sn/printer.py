"""SN values as text, exactly as SN prints them.

Numbers between 0.001 and 1e10 show four decimals without trailing zeros, others are
printed by ``%g``. Matrices take six columns and two decimals an element, and go on below
the column in which they began.
"""

import math
import re
from types import FunctionType, MethodType
from typing import Any

from sn.cells import Cons
from sn.symbols import Symbol

_ORDINARY = re.compile(r"[^\x00-\x1f\x7f-\xff`()\[\]{};\"|^#'~,:A-Z]+\Z")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|0x[0-9a-f]+)\Z")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b"}
_ESCAPES |= {"\f": "\\f"}
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f-\uffff]')


def show_number(number: float) -> str:
    """Return a number in the width-less format.

    >>> show_number(1 / 3), show_number(3.0), show_number(1e-05), show_number(1e11)
    ('0.3333', '3', '1e-05', '1e+11')
    """
    size = abs(number)
    if 0.001 <= size <= 1e10:
        return f"{number:.4f}".rstrip("0").rstrip(".")
    if size == 0:
        return "0"
    if size != size:
        return "Nan"
    if math.isinf(size):
        return "Inf" if number > 0 else "-Inf"
    return f"{number:g}"


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if code == 255:
        return "\\e"
    return "\\^" + chr(code + 64) if code < 32 else f"\\x{code:02x}"


def show_string(text: str) -> str:
    """Return a string in quotes, as it could be read back."""
    return '"' + _SPECIAL.sub(_escape, text) + '"'


def show_symbol(symbol: Symbol) -> str:
    """Return a symbol's name, between bars where the reader would change it."""
    name = symbol.name
    if _ORDINARY.match(name) and not _NUMBER.match(name) and "_" not in name[1:]:
        return name
    return f"|{name}|"


def show_address(name: str, value: object) -> str:
    """Return ``::name:address``, the print of objects that cannot be read back."""
    return f"::{name}:{id(value) & 0xFFFFFFFF:08x}"


def show_atom(value: Any, column: int = 0) -> str:
    """Return the text of anything but a pair; `column` is where it will begin."""
    kind = value.__class__
    if kind is float or kind is int:
        return show_number(value)
    if kind is Symbol:
        return show_symbol(value)
    if kind is str:
        return show_string(value)
    if value is None:
        return "()"
    if kind is FunctionType or kind is MethodType:
        record = getattr(value, "sn", None)
        if record is None:
            return show_address("DX", value)
        return record.show(value)
    show = getattr(value, "sn_show", None)
    if show is not None:
        return show(column)
    return show_address(kind.__name__.upper(), value)


def show(value: Any, column: int = 0) -> str:
    """Return the text of any value as ``print`` writes it.

    >>> show(Cons(1.0, Cons("a", 2.0)))
    '(1 "a" . 2)'
    """
    if value.__class__ is not Cons:
        return show_atom(value, column)
    parts: list[str] = []
    _show_list(value, parts, column, set())
    return "".join(parts)


def _show_list(cell: Any, parts: list[str], column: int, above: set[int]) -> None:
    first = id(cell)
    above.add(first)
    parts.append("(")
    seen = {first}
    while True:
        item = cell.car
        if item.__class__ is Cons:
            if id(item) in above:
                parts.append("...")
            else:
                _show_list(item, parts, column, above)
        elif hasattr(item, "sn_show"):
            so_far = "".join(parts)
            parts[:] = [so_far]
            line = so_far.rpartition("\n")
            parts.append(item.sn_show(len(line[2]) + (0 if line[1] else column)))
        else:
            parts.append(show_atom(item))
        cell = cell.cdr
        if cell.__class__ is not Cons:
            break
        if id(cell) in seen:
            parts.append(" ...")
            cell = None
            break
        seen.add(id(cell))
        parts.append(" ")
    if cell is not None:
        parts.append(" . ")
        parts.append(show_atom(cell))
    parts.append(")")
    above.discard(first)
