"""Hash tables and sets: ``(h key)`` reads, ``(h key value)`` writes and returns the table."""

from typing import Any

from sn.cells import Cons, from_items, items
from sn.errors import UNEVALUATED, LispError
from sn.primitives.arguments import integer
from sn.primitives.registry import primitive
from sn.printer import show_address
from sn.symbols import T


def frozen(value: Any) -> Any:
    """Return a hashable stand-in for a value: equal structures share it."""
    kind = value.__class__
    if kind is Cons:
        parts = []
        while value.__class__ is Cons:
            parts.append(frozen(value.car))
            value = value.cdr
        return (*parts, ".", frozen(value))
    return ("number", float(value)) if kind in (float, int) else (kind, value)


class HashTable:
    """A table by equality, or by identity."""

    sn_class = "HTABLE"
    __slots__ = ("__weakref__", "entries", "identity")

    def __init__(self, *, identity: bool = False) -> None:
        self.identity = identity
        self.entries: dict[Any, tuple[Any, Any]] = {}

    def key(self, value: Any) -> Any:
        """Return what an entry is filed under."""
        if self.identity and value.__class__ is Cons:
            return id(value)
        return frozen(value)

    def __call__(self, *arguments: Any) -> Any:
        """Read an entry, or write one; () removes it."""
        if len(arguments) == 1:
            entry = self.entries.get(self.key(arguments[0]))
            return None if entry is None else entry[1]
        if len(arguments) != 2:
            raise LispError("One or two arguments expected", UNEVALUATED)
        key, value = arguments
        if value is None:
            self.entries.pop(self.key(key), None)
        else:
            self.entries[self.key(key)] = (key, value)
        return self

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return show_address("HTABLE", self)


def table(value: Any) -> HashTable:
    """Check that an argument is a hash table."""
    if value.__class__ is not HashTable:
        raise LispError("not a hash table", value)
    return value


@primitive("htable", arity="At most two arguments expected")
def htable(size: Any = None, identity: Any = None) -> HashTable:
    """Return a new hash table; a true second argument compares by identity."""
    if size is not None:
        integer(size)
    return HashTable(identity=identity is not None)


@primitive("htable-keys")
def htable_keys(value: Any) -> Any:
    """Return the keys of a table."""
    return from_items([key for key, _ in table(value).entries.values()])


@primitive("htable-alist")
def htable_alist(value: Any) -> Any:
    """Return the entries of a table as an association list."""
    return from_items([Cons(key, entry) for key, entry in table(value).entries.values()])


@primitive("htable-size")
def htable_size(value: Any) -> float:
    """Return the number of entries of a table."""
    return float(len(table(value).entries))


@primitive("htable-rehash")
def htable_rehash(value: Any) -> Any:
    """Return a table; there is nothing to do."""
    return table(value)


@primitive("hset")
def hset(keys: Any) -> HashTable:
    """Return the set of the elements of a list."""
    result = HashTable()
    for key in items(keys):
        result(key, T)
    return result


@primitive("hset-and")
def hset_and(one: Any, two: Any) -> HashTable:
    """Return the intersection of two sets."""
    result = HashTable()
    for key, value in table(one).entries.values():
        if table(two)(key) is not None:
            result(key, value)
    return result


@primitive("hset-or")
def hset_or(one: Any, two: Any) -> HashTable:
    """Return the union of two sets."""
    result = HashTable()
    for source in (one, two):
        for key, value in table(source).entries.values():
            result(key, value)
    return result
