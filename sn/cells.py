"""Cons cells, the one compound datum of SN, and the ways to walk them.

Values of the interpreter, seen from Python:

=================  ====================================================================
SN                 Python
=================  ====================================================================
``()``, nil        None (the only false value)
t                  `sn.symbols.T`
number             float; primitives may also return int, which behaves the same
string             str, one character per byte (latin-1)
list               `Cons`, ended by None
symbol             `sn.symbols.Symbol`
=================  ====================================================================
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sn.errors import LispError
from sn.limits import room

MANY = 50_000  # elements of a list that are no small matter


class Cons:
    """A pair. `pos` is where its text begins (see `sn.streams.Sources`), or None.

    >>> Cons(1.0, Cons(2.0, None)) == from_items([1.0, 2.0])
    True
    """

    __slots__ = ("car", "cdr", "pos")

    def __init__(self, car: Any, cdr: Any, pos: int | None = None) -> None:
        self.car = car
        self.cdr = cdr
        self.pos = pos

    def __eq__(self, other: object) -> bool:
        a, b = self, other
        while a.__class__ is Cons and b.__class__ is Cons:
            if a is b:
                return True
            x, y = a.car, b.car
            if x is not y and not x == y:
                return False
            a, b = a.cdr, b.cdr
        if a.__class__ is Cons or b.__class__ is Cons:
            return False
        return a is b or bool(a == b)

    __hash__ = None

    def __iter__(self) -> Iterator[Any]:
        cell = self
        while cell.__class__ is Cons:
            yield cell.car
            cell = cell.cdr

    def __repr__(self) -> str:
        from sn.printer import show

        return show(self)


def from_items(items: Iterable[Any], tail: Any = None) -> Any:
    """Build a list from Python items; `tail` ends it."""
    values = list(items)
    if len(values) > MANY:
        room(len(values))
    result = tail
    for item in reversed(values):
        result = Cons(item, result)
    return result


def items(cell: Any) -> list[Any]:
    """Return the elements of a list; () gives an empty one, a dotted tail is left out.

    Anything that is no list raises ``not a list``.
    """
    result = []
    if cell.__class__ is not Cons and cell is not None:
        raise LispError("not a list", cell)
    while cell.__class__ is Cons:
        result.append(cell.car)
        cell = cell.cdr
    return result


def flat(value: Any) -> list[Any]:
    """Return the atoms of nested lists, () dropped; an atom alone gives itself.

    >>> flat(from_items([1.0, from_items([2.0, None, 3.0])]))
    [1.0, 2.0, 3.0]
    """
    result = []
    stack = [value]
    while stack:
        top = stack.pop()
        if top.__class__ is Cons:
            stack.append(top.cdr)
            stack.append(top.car)
        elif top is not None:
            result.append(top)
    return result


# How often an existing pair was changed; while this stays, all lists hold what they held.
CHANGES = [0]
