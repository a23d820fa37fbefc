"""Following an evaluation step by step: ``debug``, ``trace-hook`` and ``nodebug``.

While a ``debug`` form runs, functions are translated so that every evaluation is told to the
`Tracer` before and after (`traced` in `sn.translator`). They get their ordinary code back when
it ends, so that a program that is not watched pays nothing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sn.cells import Cons
from sn.printer import show

if TYPE_CHECKING:
    from sn.functions import FunctionRecord
    from sn.interpreter import Interpreter

WIDTH = 60  # characters of a value that are shown


def first_line(value: Any) -> str:
    """Return the beginning of a value as it prints.

    >>> first_line(1 / 3)
    '0.3333'
    """
    text = show(value)
    line = text.split("\n")[0]
    return line if line == text and len(line) <= WIDTH else line[:WIDTH] + " ... "


class Tracer:
    """What one interpreter tells ``trace-hook``.

    Attributes
    ----------
    translating: whether functions are translated with their steps
    on: whether the next evaluation is told
    functions: every function of the interpreter
    """

    def __init__(self, interpreter: "Interpreter") -> None:
        self.interpreter = interpreter
        self.translating = False
        self.on = False
        self.level = 0
        self.calls: Any = None
        self.functions: WeakSet[FunctionRecord] = WeakSet()

    def watch(self, form: Any) -> Any:
        """Evaluate a form, telling every step."""
        outer = self.translating, self.on, self.level, self.calls
        if not self.translating:
            self._renew(True)
        self.on = True
        try:
            return self.interpreter.thunk(Cons(form, None), getattr(form, "pos", None))()
        finally:
            translating, self.on, self.level, self.calls = outer
            if not translating:
                self._renew(False)

    def _renew(self, translating: bool) -> None:
        self.translating = translating
        for record in list(self.functions):
            record.forget_code()

    def quietly(self, body: Callable[[], Any]) -> Any:
        """Call `body`, telling nothing."""
        outer, self.on = self.on, False
        try:
            return body()
        finally:
            self.on = outer

    def enter(self, form: Any) -> tuple[int, Any] | None:
        """Tell that a form is about to be evaluated; return what `leave` needs."""
        if not self.on:
            return None
        self.level += 1
        token = self.level, self.calls
        self._tell(self.level, form, form, self.calls)
        self.calls = Cons(form, self.calls)
        return token

    def leave(self, token: tuple[int, Any] | None, form: Any, value: Any) -> Any:
        """Tell the value of a form, and return it."""
        if token is not None:
            level, self.calls = token
            self._tell(-level, value, form, value)
            self.level = level - 1
        return value

    def _tell(self, level: int, shown: Any, form: Any, info: Any) -> None:
        self.on = False
        hook = self.interpreter.intern("trace-hook")
        answer = self.interpreter.apply(hook, float(level), first_line(shown), form, info)
        self.on = answer is not None
