"""Where objects of the interpreter become objects of compiled code, and come back.

The type of an object tells its class and what its slots hold; a function that takes objects
is compiled for each combination of types it meets. See `sn.compiler.objects`.
"""

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from sn.errors import LispError
from sn.matrix import NAMES, Matrix
from sn.objects import Instance, SnClass
from sn.symbols import Symbol, truth

Type = Any  # see sn.compiler.types
SCALARS = ("double", "float", "int", "long", "short", "byte", "ubyte", "bool")


def layout(type_: Type) -> dict[Symbol, tuple[Type, int | None]]:
    """Return what each slot of an object type holds, and where.

    The place is an index into the vector of numbers, or into the tuple; it is None for a slot
    that is not declared (type None) or holds () (type ``"nil"``).
    """
    _, kind, types = type_
    places: dict[Symbol, tuple[Type, int | None]] = {}
    numbers, others = 0, 1
    for slot, held in zip(kind.slots, types, strict=True):
        if held is None or held == "nil":
            places[slot] = (held, None)
        elif held in SCALARS:
            places[slot] = (held, numbers)
            numbers += 1
        else:
            places[slot] = (held, others)
            others += 1
    return places


class Border:
    """The objects that one call takes across.

    Parameters
    ----------
    declared: gives the type of an object of a class, as declared (`sn.compiler.class_type`)
    converters: gives the function that turns a number or matrix of a type into machine form
    """

    types: ClassVar[WeakKeyDictionary[SnClass, Type]] = WeakKeyDictionary()  # as declared

    def __init__(self, declared: Any, converter: Any) -> None:
        self.declared = declared
        self.converter = converter
        self.crossed: dict[int, tuple[Instance, tuple[Any, ...], Type, np.ndarray]] = {}
        self.under_way: set[int] = set()

    def enter(self, value: Any, kind: SnClass) -> tuple[tuple[Any, ...], Type]:
        """Return an object in machine form, and its type.

        Raises
        ------
        LispError
            not an object of the class, or a slot holds what it was not declared to hold
        """
        if value.__class__ is not Instance or not value.kind.inherits(kind):
            raise LispError(f"not an object of class {kind.name.name}", value)
        known = self.crossed.get(id(value))
        if known is not None:
            return known[1], known[2]
        if id(value) in self.under_way:
            raise LispError("an object within itself cannot be compiled", value)
        self.under_way.add(id(value))
        numbers: list[float] = []
        others: list[Any] = []
        types: list[Type] = []
        declared = self.types.get(value.kind)
        if declared is None:
            declared = self.types[value.kind] = self.declared(value.kind)
        for number, held in enumerate(declared[2]):
            given = value.get(number)
            type_ = self._slot(
                value.kind.slots[number], given, held, numbers, others, value.kind
            )
            types.append(type_)
        self.under_way.discard(id(value))
        vector = np.array(numbers or [0.0])
        made = (vector, *others)
        type_ = ("obj", value.kind, tuple(types))
        self.crossed[id(value)] = (value, made, type_, vector.copy())
        return made, type_

    def _slot(
        self, slot: Symbol, given: Any, held: Type, numbers: list[float], others: list[Any],
        kind: SnClass,
    ) -> Type:  # fmt: skip
        """Add what a slot holds to the numbers or the others; return its type."""
        form = kind.types.get(slot)
        if form is None:
            return None
        if held in SCALARS:
            empty = given is None and held != "bool"
            numbers.append(0.0 if empty else float(self.converter(held)(given)))
            return held
        if given is None:
            return "nil"
        if held == "string" or (held is not None and held[0] == "idx"):
            others.append(self.converter(held)(given))
            return held
        wanted = form.cdr.car.car.value
        made, type_ = self.enter(given, wanted)
        others.append(made)
        return type_

    def leave(self) -> None:
        """Give the objects the numbers that compiled code has stored in their slots."""
        for value, made, type_, before in self.crossed.values():
            vector = made[0]
            if vector.tobytes() == before.tobytes():
                continue
            _, _, types = type_
            at = 0
            for number, held in enumerate(types):
                if held not in SCALARS:
                    continue
                if vector[at] != before[at]:
                    new = float(vector[at])
                    value.put(number, truth(new) if held == "bool" else new)
                at += 1

    def instance(self, made: tuple[Any, ...]) -> Instance:
        """Return the object a result is: results are objects that went in."""
        for value, other, _, _ in self.crossed.values():
            if other[0] is made[0]:
                return value
        raise LispError("an object from nowhere")


def matrix_converter(rank: int, letter: str) -> Any:
    """Return the function that checks a matrix and gives its array."""

    def convert(value: Any) -> Any:
        if value.__class__ is not Matrix:
            raise LispError("not an index", value)
        if value.letter != letter:
            raise LispError(f"not a {NAMES[letter]}", value)
        if value.array.ndim != rank:
            raise LispError(f"a matrix of {rank} dimensions was expected", value)
        if not value.array.flags.writeable:
            raise LispError("matrix is read only", value)
        return value.array if rank else value.array.reshape(1)

    return convert
