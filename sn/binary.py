"""Values as bytes (``bwrite``, ``bread``): the shape of lists is kept, sharing included.

A value is a tag character and what follows it: ``n`` a double, ``s`` and ``y`` a length and the
characters of a string or symbol, ``(`` car and cdr, ``.`` (), ``=`` the number of a pair or
string written before. The format is this program's own.
"""

import struct
from collections.abc import Callable
from typing import Any

from sn.cells import Cons
from sn.errors import LispError
from sn.streams import Source
from sn.symbols import Symbol

MAGIC = "\x9f"
_DOUBLE = struct.Struct("<d")
_COUNT = struct.Struct("<I")


def _packed(kind: struct.Struct, value: float) -> str:
    return kind.pack(value).decode("latin-1")


def dump(value: Any) -> str:
    """Return the bytes of a value as latin-1 characters."""
    parts = [MAGIC]
    known: dict[int, int] = {}
    stack = [value]
    while stack:
        item = stack.pop()
        kind = item.__class__
        if item is None:
            parts.append(".")
        elif kind is float or kind is int:
            parts.append("n" + _packed(_DOUBLE, float(item)))
        elif id(item) in known:
            parts.append("=" + _packed(_COUNT, known[id(item)]))
        elif kind is str or kind is Symbol:
            known[id(item)] = len(known)
            text = item if kind is str else item.name
            parts.append(("s" if kind is str else "y") + _packed(_COUNT, len(text)) + text)
        elif kind is Cons:
            known[id(item)] = len(known)
            parts.append("(")
            stack += [item.cdr, item.car]
        else:
            raise LispError("cannot save this object", item)
    return "".join(parts)


def load(source: Source, intern: Callable[[str], Symbol]) -> Any:
    """Read a value from a source."""

    def take(count: int) -> bytes:
        while len(source.text) < source.at + count:
            if not source.more():
                raise LispError("End of file")
        data = source.text[source.at : source.at + count]
        source.at += count
        return data.encode("latin-1")

    if take(1) != MAGIC.encode("latin-1"):
        raise LispError("not a binary token")
    known: list[Any] = []
    root = Cons(None, None)
    places: list[tuple[Cons, str]] = [(root, "car")]
    while places:
        cell, part = places.pop()
        tag = take(1)
        value: Any = None
        if tag == b"n":
            value = _DOUBLE.unpack(take(8))[0]
        elif tag == b"=":
            number = _COUNT.unpack(take(4))[0]
            if number >= len(known):
                raise LispError("corrupted binary file")
            value = known[number]
        elif tag in (b"s", b"y"):
            text = take(_COUNT.unpack(take(4))[0]).decode("latin-1")
            value = text if tag == b"s" else intern(text)
            known.append(value)
        elif tag == b"(":
            value = Cons(None, None)
            known.append(value)
            places += [(value, "cdr"), (value, "car")]
        elif tag != b".":
            raise LispError("corrupted binary file")
        setattr(cell, part, value)
    return root.car
