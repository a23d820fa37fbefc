"""Symbols: interned names with a value slot, the variables of SN.

A variable *is* the value slot of its symbol. A binder (a function's formals, ``let``, ``for``)
saves the slot, sets it, and restores it on the way out: dynamic scope by shallow binding.
Most binders keep the saved value in a local variable of the code generated for them. A symbol
that is *tracked* keeps its older bindings on its own `stack` instead, so that they can be
found: the global value (``:x``), the nearest older function when the operator of a call is
shadowed by a value that cannot be called, the slots of an object.
"""

from typing import Any


class Symbol:
    """A name and its dynamic variable.

    Attributes
    ----------
    name: text, already folded
    value: the current binding; None (``()``) when nothing was ever stored
    locked: the global value may not be changed
    declared: ``setq`` at global level gives no warning
    bound: some binder binds it, so a call through it must look at its value each time
    operator: some call has it as operator
    tracked: binders use `stack`
    stack: older values, oldest first
    users: functions whose code assumed something about this symbol
    """

    __slots__ = (
        "bound",
        "declared",
        "locked",
        "name",
        "operator",
        "stack",
        "tracked",
        "users",
        "value",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: Any = None
        self.locked = False
        self.declared = False
        self.bound = False
        self.operator = False
        self.tracked = False
        self.stack: list[Any] = []
        self.users: list[Any] = []

    def __repr__(self) -> str:
        return self.name

    def invalidate(self) -> None:
        """Have every function that assumed something about this symbol translated anew."""
        users, self.users = self.users, []
        for user in users:
            user.forget_code()

    def track(self) -> None:
        """Keep older bindings on the stack from the next binding on."""
        if not self.tracked:
            self.tracked = True
            self.invalidate()

    def bind(self, function: bool) -> None:
        """Note that a binder of this symbol is being translated.

        `function` tells whether its value now is a function, which calls must still find.
        """
        if not self.bound:
            self.bound = True
            self.invalidate()
        if function or self.operator:
            self.track()

    @property
    def global_value(self) -> Any:
        """The value below all bindings (of a tracked symbol)."""
        return self.stack[0] if self.stack else self.value

    @global_value.setter
    def global_value(self, value: Any) -> None:
        if self.stack:
            self.stack[0] = value
        else:
            self.value = value


T = Symbol("t")
T.value = T
T.locked = T.declared = True


def truth(condition: object) -> Symbol | None:
    """Return ``t`` or ``()`` for a Python condition.

    >>> truth(1 < 2), truth(None)
    (t, None)
    """
    return T if condition else None


class SymbolTable:
    """The symbols of one interpreter.

    >>> table = SymbolTable()
    >>> table.intern("age") is table.intern("age")
    True
    """

    def __init__(self) -> None:
        self.symbols: dict[str, Symbol] = {"t": T}
        nil = self.intern("nil")
        nil.locked = nil.declared = True

    def intern(self, name: str) -> Symbol:
        """Return the symbol of exactly this name, making it if needed."""
        symbol = self.symbols.get(name)
        if symbol is None:
            symbol = self.symbols[name] = Symbol(name)
        return symbol

    def __iter__(self) -> Any:
        return iter(self.symbols.values())
