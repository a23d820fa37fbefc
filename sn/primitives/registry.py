"""How a Python function becomes a word of SN.

A primitive gets its arguments evaluated and returns a value::

    @primitive("left")
    def left(text: str, count: float) -> str:
        '''Return the first characters of a string.'''
        text, count = string(text), integer(count)
        ...

- The first name is the one printed (``::DX:left``); further names are aliases.
- Arity comes from the signature: plain parameters are required, defaults make optional ones,
  ``*rest`` takes any number. A wrong count never reaches the function: the registry's
  message (``2 arguments were expected``) is raised instead; ``arity="..."`` replaces it.
- ``interpreter=True`` passes the `Interpreter` first.
- Arguments are *not* checked: use the helpers of `sn.primitives.arguments`, or raise
  ``LispError(message, culprit)`` without a function name. It is filled in from the call.
- Values are those of `sn.cells`: numbers arrive as float (or int), return either; return
  ``T`` or None for truth (`sn.symbols.truth`), never True and False.

A special form gets what its pattern says; the interpreter always comes first::

    @special("writing", pattern="eb")
    def writing(interpreter, target, body):
        ...body()...

One letter per argument: ``e`` evaluated, ``q`` unevaluated; a final ``b`` compiles the
remaining forms into a function without arguments that returns the last value, ``E`` passes a
list of the remaining evaluated values, ``Q`` the remaining forms as a Lisp list. ``l`` compiles
one form into such a function.

A module of primitives is named in `sn.primitives.FAMILIES`, and is imported when the first
interpreter is made. The families of the network simulator are installed when it is started
(``(libload "sn28/sn28")``): see `sn.primitives.simulator`.
"""

from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

from sn.errors import LispError


class Primitive:
    """What is known about a primitive: the attribute ``sn`` of its function."""

    kind = "DX"

    def __init__(self, names: tuple[str, ...], code: CodeType, defaults: int, *, bound: bool):
        self.names = names
        self.name = names[0]
        positional = code.co_argcount - bound
        self.least = positional - defaults
        self.most = None if code.co_flags & 4 else positional
        self.arity: str | None = None
        self.bound = bound
        self.family = ""

    def show(self, function: Any) -> str:
        """Return the printed form."""
        return f"::{self.kind}:{self.name}"

    def check(self, count: int) -> LispError | None:
        """Return the error for a number of arguments, None when it is right."""
        if count >= self.least and (self.most is None or count <= self.most):
            return None
        if self.arity:
            return LispError(self.arity)
        if self.most != self.least:
            return LispError("incorrect number of arguments")
        return LispError(expected(self.least))


def expected(count: int) -> str:
    """Return the message about a wrong number of arguments.

    >>> expected(2), expected(1)
    ('2 arguments were expected', 'one argument was expected')
    """
    if count == 1:
        return "one argument was expected"
    return f"{count or 'no'} arguments were expected"


class Special:
    """A special form: its pattern and the function behind it (class DY)."""

    kind = "DY"

    def __init__(
        self, names: tuple[str, ...], pattern: str, function: Callable[..., Any] | None
    ) -> None:
        self.names = names
        self.name = names[0]
        self.pattern = pattern
        self.function = function
        self.arity: str | None = None
        self.family = ""

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::DY:{self.name}"


WORDS: dict[str, dict[str, Any]] = {}  # family (module) -> name -> function or Special
CODES: dict[CodeType, str] = {}  # code of a primitive -> its name, for error messages


def _family(function: FunctionType) -> dict[str, Any]:
    return WORDS.setdefault(function.__module__, {})


def primitive(*names: str, interpreter: bool = False, arity: str | None = None) -> Any:
    """Register a function as a primitive under one or more names (see the module)."""

    def register(function: FunctionType) -> FunctionType:
        defaults = len(function.__defaults__ or ())
        record = Primitive(names, function.__code__, defaults, bound=interpreter)
        record.arity = arity
        record.family = function.__module__
        function.sn = record
        CODES[function.__code__] = names[0]
        words = _family(function)
        for name in names:
            words[name] = function
        return function

    return register


def special(*names: str, pattern: str = "", arity: str | None = None) -> Any:
    """Register a function as a special form (see the module)."""

    def register(function: FunctionType) -> FunctionType:
        form = Special(names, pattern, function)
        form.arity = arity
        form.family = function.__module__
        CODES[function.__code__] = names[0]
        words = _family(function)
        for name in names:
            words[name] = form
        return function

    return register


def bind(word: Any, interpreter: Any) -> Any:
    """Return the value a symbol gets for a registered word."""
    if word.__class__ is FunctionType and word.sn.bound:
        return MethodType(word, interpreter)
    return word
