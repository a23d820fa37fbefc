"""Checks of arguments, with SN's messages. Each returns its value in Python's terms."""

from typing import Any

from sn.cells import Cons
from sn.errors import LispError
from sn.symbols import Symbol


def number(value: Any) -> float:
    """Return a number."""
    if value.__class__ is float or value.__class__ is int:
        return value
    raise LispError("not a real number", value)


def integer(value: Any) -> int:
    """Return a number truncated to an integer."""
    if value.__class__ is float or value.__class__ is int:
        if -2147483648 <= value <= 2147483647:
            return int(value)
        raise LispError("Floating exception")
    raise LispError("not a real number", value)


def string(value: Any) -> str:
    """Return a string."""
    if value.__class__ is str:
        return value
    raise LispError("not a string", value)


def symbol(value: Any) -> Symbol:
    """Return a symbol."""
    if value.__class__ is Symbol:
        return value
    raise LispError("not a symbol", value)


def numbers(value: Any) -> list[float]:
    """Return the elements of a list of numbers."""
    result = []
    if value.__class__ is not Cons and value is not None:
        raise LispError("numeric list expected")
    while value.__class__ is Cons:
        item = value.car
        if item.__class__ is not float and item.__class__ is not int:
            raise LispError("numeric list expected")
        result.append(item)
        value = value.cdr
    return result
