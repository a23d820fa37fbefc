"""Functions defined in SN: what ``de``, ``df``, ``dm``, ``dmd`` and ``lambda`` make.

An SN function is a plain Python function, so that SN calls are Python calls. It keeps its
cons body; compiled code is only a cache, made at the first call and thrown away when something
it assumed about a symbol stops being true.
"""

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, items
from sn.errors import LispError
from sn.printer import show_address
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


# Run in place of code that has not been made yet; both names come from the function's globals.
STUB: CodeType = (lambda *arguments: _enter(_self, arguments)).__code__  # noqa: F821


class Formals:
    """A parsed argument list.

    `required` and `optional` are symbols or, for destructuring, trees; `rest` takes what
    remains. `binds` lists every symbol in the order it is bound.
    """

    def __init__(self, interpreter: "Interpreter", tree: Any) -> None:
        self.tree = tree
        self.required: list[Any] = []
        self.optional: list[tuple[Any, Any]] = []
        self.rest: Any = None
        mode = ""
        while tree.__class__ is Cons:
            item = tree.car
            if item.__class__ is Symbol and item.name in ("&optional", "&rest"):
                mode = item.name
                if mode == "&rest":
                    if tree.cdr.__class__ is not Cons:
                        raise LispError("error in &rest syntax", self.tree)
                    self.rest = tree.cdr.car
                    tree = None
                    break
            elif mode == "&optional":
                if item.__class__ is Cons:
                    default = item.cdr.car if item.cdr.__class__ is Cons else None
                    self.optional.append((item.car, default))
                else:
                    self.optional.append((item, None))
            else:
                self.required.append(item)
            tree = tree.cdr
        if tree is not None:
            self.rest = tree
        self.count = (len(self.required), len(self.optional), self.rest is not None)
        self.binds: list[Symbol] = []
        for item in [*self.required, *(name for name, _ in self.optional), self.rest]:
            symbols_of(item, self.binds)


def symbols_of(tree: Any, found: list[Symbol], again: bool = False) -> list[Symbol]:
    """Add to `found` the symbols a formal (a symbol, or a tree of them) binds.

    With `again` a symbol that stands there twice is added twice.
    """
    stack = [tree]
    while stack:
        item = stack.pop()
        if item.__class__ is Cons and getattr(item.car, "name", None) == "&optional":
            optional = [o.car if o.__class__ is Cons else o for o in items(item.cdr)]
            stack += reversed(optional)
        elif item.__class__ is Cons:
            stack.append(item.cdr)
            stack.append(item.car)
        elif item.__class__ is Symbol:
            if item.name not in ("&optional", "&rest") and (again or item not in found):
                found.append(item)
        elif item is not None:
            raise LispError("syntax error. formal arguments", tree)
    return found


class FunctionRecord:
    """The Lisp side of a function: the attribute ``sn`` of the Python function."""

    def __init__(
        self,
        interpreter: "Interpreter",
        kind: str,
        name: Symbol | None,
        formals: Any,
        body: Any,
        pos: int | None,
    ) -> None:
        self.interpreter = interpreter
        self.kind = kind
        self.name = name
        self.formals = formals
        self.body = body
        self.pos = pos
        self.parsed = Formals(interpreter, formals)
        self.stale = False
        names = {"__builtins__": interpreter.runtime, "_self": self}
        self.function = FunctionType(STUB, names, name.name if name else "lambda")
        self.function.sn = self
        interpreter.tracer.functions.add(self)

    def show(self, function: Any) -> str:
        """Return the printed form."""
        return show_address(self.kind, function)

    def forget_code(self) -> None:
        """Go back to the cons body; the next call compiles it again."""
        self.stale = True
        self.function.__code__ = STUB
        self.function.__defaults__ = None

    def check(self, arguments: list[Any]) -> LispError | None:
        """Return the error a call with these arguments makes, None when their count fits."""
        formals = self.parsed
        count, least = len(arguments), len(formals.required)
        if count < least:
            tree = formals.tree
            for _ in range(count):
                tree = tree.cdr
            return LispError("missing arguments", tree)
        if formals.rest is None and count > least + len(formals.optional):
            from sn.cells import from_items

            extra = arguments[least + len(formals.optional) :]
            return LispError("too many arguments", from_items(extra))
        return None


class Fexpr:
    """A function of unevaluated arguments (``df``, ``flambda``)."""

    __slots__ = ("function", "sn")

    def __init__(self, record: FunctionRecord) -> None:
        self.sn = record
        self.function = record.function

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return show_address(self.sn.kind, self)


class Macro(Fexpr):
    """A macro: ``dm`` and ``mlambda`` get the whole form, ``dmd`` the arguments."""

    __slots__ = ()


def is_function(value: Any) -> bool:
    """Tell functions (of any class) from other values."""
    return value.__class__ is FunctionType or hasattr(value, "sn") or _special(value)


def _special(value: Any) -> bool:
    from sn.primitives.registry import Special

    return isinstance(value, Special)
