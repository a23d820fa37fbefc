"""Classes and instances, and how slots become variables.

Inside a method the slots of the object are variables. Their symbols are tracked, so while a
method runs, the value of a slot *is* the binding the method made, wherever on the symbol's
stack later bindings have pushed it: an `Instance` knows its active bindings, and reads and
writes go there. When the method ends, values return to the object.
"""

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sn.cells import Cons
from sn.errors import LispError
from sn.printer import show_address, show_symbol
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


_collecting = False


def _note_collection(phase: str, _info: dict[str, int]) -> None:
    """Know that Python collects cycles: the original never freed those."""
    global _collecting
    _collecting = phase == "start"


gc.callbacks.append(_note_collection)


class SnClass:
    """A class: of the program, or a built-in one such as NUMBER (which has no slots)."""

    sn_class = "class"

    def __init__(
        self,
        name: Symbol,
        parent: "SnClass | None" = None,
        slots: tuple[Symbol, ...] = (),
        defaults: tuple[Any, ...] = (),
    ) -> None:
        self.name = name
        self.parent = parent
        self.own_slots = slots
        self.own_defaults = defaults
        self.slots: tuple[Symbol, ...] = (*(parent.slots if parent else ()), *slots)
        self.defaults: tuple[Any, ...] = (*(parent.defaults if parent else ()), *defaults)
        self.types: dict[Symbol, Any] = dict(parent.types) if parent else {}  # declarations
        self.methods: dict[Symbol, Any] = {}
        self.destroy: Callable[[Instance], None] | None = None  # what to do with the lost
        self.children: list[SnClass] = []
        if parent is not None:
            parent.children.append(self)
        for slot in slots:
            slot.bind(True)

    def find(self, method: Symbol) -> "tuple[Any, SnClass] | None":
        """Return a method and the class that defines it."""
        place: SnClass | None = self
        while place is not None:
            found = place.methods.get(method)
            if found is not None:
                return found, place
            place = place.parent
        return None

    def inherits(self, other: "SnClass") -> bool:
        """Tell whether this is a class or one of its descendants."""
        place: SnClass | None = self
        while place is not None:
            if place is other:
                return True
            place = place.parent
        return False

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::class:{show_symbol(self.name)}"


class Instance:
    """An object of a class of the program."""

    __slots__ = ("__weakref__", "active", "gone", "kind", "values")

    def __init__(self, kind: SnClass) -> None:
        self.kind = kind
        self.values = list(kind.defaults)
        self.active: list[list[int]] = []  # per running method: stack depth of each slot
        self.gone = False  # its destructor has run

    def __del__(self) -> None:
        if not self.gone and not _collecting:
            place: SnClass | None = self.kind
            while place is not None and place.destroy is None:
                place = place.parent
            if place is not None:
                place.destroy(self)

    def place(self, name: Any) -> int:
        """Return the number of a slot."""
        if name.__class__ is not Symbol:
            raise LispError("Illegal slot name", name)
        for number in range(len(self.values) - 1, -1, -1):
            if self.kind.slots[number] is name:
                return number
        raise LispError("Unknown slot name", name)

    def get(self, number: int) -> Any:
        """Return the value of a slot."""
        for depths in reversed(self.active):
            if number < len(depths):
                symbol, depth = self.kind.slots[number], depths[number]
                return symbol.value if len(symbol.stack) == depth else symbol.stack[depth]
        return self.values[number]

    def put(self, number: int, value: Any) -> None:
        """Store the value of a slot."""
        for depths in reversed(self.active):
            if number < len(depths):
                symbol, depth = self.kind.slots[number], depths[number]
                if len(symbol.stack) == depth:
                    symbol.value = value
                else:
                    symbol.stack[depth] = value
                return
        self.values[number] = value

    def sn_slot(self, name: Any) -> Any:
        """Read ``:object:slot``."""
        return self.get(self.place(name))

    def sn_set_slot(self, name: Any, value: Any) -> None:
        """Write ``:object:slot``."""
        self.put(self.place(name), value)

    def enter(self, count: int) -> None:
        """Bind the first `count` slots as variables."""
        slots = self.kind.slots
        values = [self.get(number) for number in range(count)]
        depths = []
        for symbol, value in zip(slots, values, strict=False):
            symbol.stack.append(symbol.value)
            symbol.value = value
            depths.append(len(symbol.stack))
        self.active.append(depths)

    def leave(self) -> None:
        """Undo `enter`, keeping the values."""
        count = len(self.active.pop())
        slots = self.kind.slots
        for number in range(count - 1, -1, -1):
            symbol = slots[number]
            value, symbol.value = symbol.value, symbol.stack.pop()
            self.put(number, value)

    @property
    def sn_class(self) -> SnClass:
        """The class, for ``classof``."""
        return self.kind

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return show_address(self.kind.name.name, self)


def invoke(bound: "tuple[Interpreter, Any, Any, SnClass]", *arguments: Any) -> Any:
    """Run a method of ordinary arguments: slots and `this` are bound around it."""
    interpreter, target, function, owner = bound
    this = interpreter.this
    is_instance = target.__class__ is Instance
    this.stack.append(this.value)
    this.value = target
    if is_instance:
        target.enter(len(owner.slots))
    try:
        return function(*arguments)
    except TypeError as error:
        from sn.evaluation import call_error

        wrong = call_error(function, list(arguments))
        if wrong is not None and error.__traceback__.tb_next is None:
            raise wrong from None
        interpreter.support.hook()
        raise
    except BaseException:
        interpreter.support.hook()
        raise
    finally:
        if is_instance:
            target.leave()
        this.value = this.stack.pop()


class SpecialMethod:
    """A method that wants its arguments unevaluated, found for an object."""

    __slots__ = ("bound",)

    def __init__(self, bound: "tuple[Interpreter, Any, Any, SnClass]") -> None:
        self.bound = bound

    def call(self, arguments: Any) -> Any:
        """Call it with a Lisp list of forms."""
        interpreter, target, function, owner = self.bound
        forms = list(arguments) if arguments.__class__ is Cons else []
        if function.sn.kind == "DF":
            return invoke((interpreter, target, function.function, owner), *forms)
        whole = Cons(function, arguments)

        def expand() -> Any:
            return interpreter.expansion(function, whole)

        return interpreter.evaluate(invoke((interpreter, target, expand, owner)))
