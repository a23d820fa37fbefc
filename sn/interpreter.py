"""The interpreter: symbols, functions, files and state of one SN, independent of any other.

Text is read one form at a time (`sn.reader`), a form is translated to Python (`sn.translator`)
and run. Everything an SN program can change is kept here or in its symbols.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any
from weakref import WeakSet

from sn.bigstack import BigStack
from sn.cells import CHANGES, Cons, from_items, items
from sn.errors import EndOfInput, Leave, LispError
from sn.evaluation import SPECIAL, Support, call_error, is_callable
from sn.fileaccess import LIBRARY, FileAccess
from sn.functions import Fexpr, FunctionRecord, Macro
from sn.graphics.screen import Screen
from sn.limits import Limits
from sn.primitives import AUTOLOAD, FAMILIES, words
from sn.primitives.registry import Special, bind
from sn.printer import show
from sn.reader import NOTHING, Reader
from sn.streams import FileInput, Output, Source, Sources, input_line
from sn.symbols import Symbol, SymbolTable, T
from sn.tracing import Tracer

DEFINERS = {"de": "DE", "df": "DF", "dm": "DM", "dmd": "DMD", "defun": "DE", "defmacro": "DMX"}


class Interpreter(FileAccess):
    """An SN of its own.

    Parameters
    ----------
    output: called with every piece of text the program prints; standard output when left out
    library: folders searched for library files before our own
    safe: refuse what a program of unknown origin must not do (`sn --safe`)
    root: in safe mode, the folder below which files may be read
    writable: in safe mode, the folder below which files may be written, if any
    limits: what a program may use; in safe mode, `Limits()` when left out

    >>> Interpreter().eval("(setq a 3) (* a 14)")
    '42'
    """

    def __init__(
        self,
        output: Callable[[str], Any] | None = None,
        *,
        library: tuple[str | Path, ...] = (),
        safe: bool = False,
        root: str | Path = ".",
        writable: str | Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.symbols = SymbolTable()
        self.intern = self.symbols.intern
        self.sources = Sources()
        self.stdout = Output(_Sink(output) if output else None)
        self.output = self.stdout
        self.stdin: Source = self.sources.add(Source("stdin", more=self._read_stdin))
        self.input = self.stdin
        super().__init__(safe, library, root, writable)
        self.closed = False
        self.limits = Limits() if safe and limits is None else limits
        self.stack = BigStack(self.limits.depth if self.limits else None)
        self.loaded: dict[Path, float] = {}
        self.manual: list[tuple[str, str]] = []
        self.handlers: list[Callable[[], Any]] = []
        self.break_handlers: list[Callable[[], Any]] = []
        self.properties: dict[Symbol, list[tuple[Any, Any]]] = {}
        self.last_error: LispError | None = None
        self.unique = 0
        self.debugger: Callable[[LispError], None] | None = None
        self.breaker: Callable[[list[Any]], None] | None = None
        self.listener: Callable[[str], None] | None = None
        self.brief = False
        self.package: tuple[str, dict[Symbol, Symbol]] | None = None
        self.embedded: dict[Any, FunctionType] = {}
        self.tell: Callable[[str], None] = self._tell
        self.warn: Callable[[str], None] = self._warn
        self.screen = Screen()
        self.network: Any = None
        self.classes: dict[str, Any] = {}
        self.this = self.intern("this")
        self.this.track()
        self.files: WeakSet[Output] = WeakSet()
        self.tracer = Tracer(self)
        self._generator: Any = None
        self._reporting = False
        self._translator: Any = None
        self.support = Support(self)
        self.runtime = self.support.names
        self.reader = Reader(self)
        self._install_core()
        self._load_standard()

    # ------------------------------------------------------------------ words

    def _install_core(self) -> None:
        from sn.primitives.special import NAMES

        for name in NAMES:
            self.put(name, Special((name,), "", None))
        for family in FAMILIES:
            self.install(family)
        from sn.primitives.aliases import ALIASES, FREE
        from sn.primitives.files import autoload_function
        from sn.primitives.graphics import variables as graphics_variables
        from sn.primitives.objects import builtin_class

        for alias, name in ALIASES.items():
            self.put(alias, self.intern(name).value)
        for alias, name in FREE.items():
            self.put(alias, self.intern(name).value)
            self.intern(alias).locked = False
        for library, names in AUTOLOAD.items():
            for name in names:
                autoload_function(self, self.intern(name), library)
        graphics_variables(self)
        self.intern("else").value = T
        self.intern("else").declared = True
        for name in ("object", "class", "NUMBER", "STRING", "SYMB", "INDEX", "HTABLE"):
            builtin_class(self, name)
        for name in "+-*/":
            self.runtime["." + name] = self.intern(name).value
        for name, value in (
            ("debug-hook", None), ("break-hook", None), ("file-being-loaded", None),
            ("argv", None), ("window", None), ("plot-port", None), ("click-script", None),
        ):  # fmt: skip
            symbol = self.intern(name)
            symbol.declared = True
            symbol.value = value

    def _load_standard(self) -> None:
        """Define the words of the language that are written in it."""
        path = LIBRARY / "standard.sn"
        text = path.read_text("latin-1")
        self.evaluate_source(self.sources.add(Source(str(path), text)))

    def install(self, family: str) -> None:
        """Define the words of a family of primitives."""
        for name, word in words(family).items():
            self.put(name, bind(word, self))

    def put(self, name: str, value: Any) -> None:
        """Give a symbol a locked global value."""
        symbol = self.intern(name)
        symbol.value = value
        symbol.locked = symbol.declared = True
        symbol.invalidate()

    def register(self, name: str, function: Callable[..., Any]) -> None:
        """Make a Python function callable from SN under a name.

        Values are converted as `sn.exchange` says: lists arrive as Python lists, matrices as
        numpy arrays of the same memory. An exception other than an `SnError` is an error, too.

        >>> sn = Interpreter()
        >>> sn.register("hypot", lambda x, y: (x * x + y * y) ** 0.5)
        >>> sn.eval("(hypot 3 4)")
        '5'
        """
        from sn.exchange import host_function

        self.put(name, host_function(self, name, function))

    def call(self, function: Any, *arguments: Any) -> Any:
        """Call an SN function, or what a name stands for, with Python values.

        >>> sn = Interpreter()
        >>> sn.eval("(de both (x y) (list x y))")
        'both'
        >>> sn.call("both", [1, 2], "three")
        [[1.0, 2.0], 'three']
        """
        from sn.exchange import to_lisp, to_python

        named = function.__class__ is str
        function = self.intern(function) if named else to_lisp(self, function)
        given = [to_lisp(self, argument) for argument in arguments]
        work = self.guarded
        return to_python(self, self.run(lambda: work(lambda: self.apply(function, *given))))

    def guarded(self, work: Callable[[], Any]) -> Any:
        """Call `work`; an error gets its report before it leaves SN."""
        try:
            return work()
        except BaseException:
            self.support.hook()
            raise

    @property
    def translator(self) -> Any:
        """The translator, imported when something is first translated."""
        if self._translator is None:
            from sn.hosting import hy_package

            self._translator = hy_package("sn.translator")
        return self._translator

    @property
    def generator(self) -> Any:
        """The stream of random numbers, shared by the language and the network kernels."""
        if self._generator is None:
            from sn.net.random import Generator

            self._generator = Generator()
        return self._generator

    # ------------------------------------------------------------------ evaluation

    def eval(self, text: str) -> str:
        """Evaluate every form of a text and return the last value as it prints."""
        return show(self.value(text))

    def value(self, text: str) -> Any:
        """Evaluate every form of a text and return the last value."""
        source = self.sources.add(Source("eval", text))
        return self.run(lambda: self.evaluate_source(source))

    def run(self, work: Callable[[], Any]) -> Any:
        """Call `work` on the big stack."""
        limits, stop = self.limits, self.stack.stop
        if limits is None:
            return self.stack.run(work)
        with limits.watched(stop):
            return self.stack.run(lambda: limits.within(work))

    def evaluate_source(self, source: Source, each: Callable[[Any], Any] | None = None) -> Any:
        """Read and evaluate forms until the source ends."""
        outer, self.input = self.input, source
        value = None
        try:
            while True:
                try:
                    form = self.read(source)
                except EndOfInput as end:
                    if end.message == "End of file":
                        return value
                    self._raise(end)
                except LispError as error:
                    self._raise(error)
                value = self.evaluate_top(form)
                if each is not None:
                    each(value)
        finally:
            self.input = outer

    def read(self, source: Source) -> Any:
        """Read a form; macro characters of the program may fail like any code."""
        try:
            return self.reader.read(source)
        except LispError:
            raise
        except BaseException:
            self.support.hook()
            raise

    def _raise(self, error: LispError) -> None:
        if not error.located:
            error.located = True
            self.report(error)
        raise error

    def evaluate_top(self, form: Any) -> Any:
        """Evaluate a form; an error gets its report before anything unwinds."""
        try:
            return self.evaluate(form)
        except BaseException:
            self.support.hook()
            raise

    def evaluate(self, form: Any) -> Any:
        """Evaluate a form."""
        if form.__class__ is not Cons:
            return form.value if form.__class__ is Symbol else form
        head = form.car
        if head.__class__ is Symbol and head.value.__class__ is Special:
            name = "" if self.tracer.translating else head.value.name
            if name == "quote" and form.cdr.__class__ is Cons and form.cdr.cdr is None:
                return form.cdr.car
            if name in DEFINERS:
                return self.thunkless_define(form)
        return self.thunk(Cons(form, None), form.pos)()

    def thunkless_define(self, form: Any) -> Any:
        """Define a function without generating code for the definition."""
        try:
            return self.define(form)
        except LispError as error:
            if error.function is None:
                error.function = form.car.name
            raise

    def thunk(self, forms: Any, pos: int | None) -> FunctionType:
        """Compile forms to a Python function without arguments."""
        return self.translator.translate_forms(self, forms, {"__builtins__": self.runtime}, pos)

    def apply(self, function: Any, *arguments: Any) -> Any:
        """Call an SN function, or what a symbol names, with evaluated arguments."""
        callee = self.function_value(function)
        try:
            return callee(*arguments)
        except TypeError:
            wrong = call_error(callee, list(arguments))
            if wrong is None:
                raise
            raise wrong from None

    def function_value(self, function: Any) -> Callable[..., Any]:
        """Return the Python callable for a function argument of a primitive."""
        if function.__class__ is FunctionType:
            return function
        if function.__class__ is Symbol:
            function = self.support.operator(function, Cons(function, None))
        if function.__class__ in SPECIAL:
            special = function  # it gets the arguments as they are, and may evaluate them
            return lambda *arguments: self.support.special(
                special, Cons(function, from_items(arguments))
            )
        return self.support.callee(function, Cons(function, None))

    def flush_files(self) -> None:
        """Write out what open files hold back."""
        for output in list(self.files):
            output.flush()

    def set_arguments(self, arguments: list[str]) -> None:
        """Give the program its arguments, the list ``argv``."""
        values = [os.fsencode(text).decode("latin-1") for text in arguments]
        self.intern("argv").value = from_items(values)

    def close(self) -> None:
        """Let go of what the program holds: files and windows are written and closed."""
        self.output.flush()
        self.closed = True
        self.screen.close()
        for symbol in self.symbols:
            if not symbol.locked:
                symbol.value = None
                symbol.stack.clear()

    # ------------------------------------------------------------------ for the translator

    make_list = staticmethod(from_items)

    def line(self, pos: int | None) -> int:
        """Return the line of a position."""
        return 1 if pos is None else self.sources.find(pos)[1]

    def file(self, pos: int | None) -> str:
        """Return the file of a position."""
        return "<sn>" if pos is None else self.sources.find(pos)[0]

    def is_function(self, value: Any) -> bool:
        """Tell whether a value can be called."""
        return is_callable(value)

    def callable_below(self, symbol: Symbol) -> Any:
        """Return the function a symbol names now, or its value if that is none."""
        if is_callable(symbol.value):
            return symbol.value
        for older in reversed(symbol.stack):
            if is_callable(older):
                return older
        return symbol.value

    def function(self, kind: str, name: Any, formals: Any, body: Any, pos: Any) -> Any:
        """Make a function object of any class."""
        if body is None:
            raise LispError("illegal definition of function")
        if pos is None and body.__class__ is Cons:
            pos = next((getattr(form, "pos", None) for form in body), None)
        record = FunctionRecord(self, kind, name, formals, body, pos)
        if kind == "DE":
            return record.function
        return Fexpr(record) if kind == "DF" else Macro(record)

    def define(self, form: Any) -> Symbol:
        """Carry out ``de`` and its relatives; return the name."""
        head = form.car
        kind = DEFINERS[self.callable_below(head).name]
        rest = form.cdr
        if rest.__class__ is not Cons or rest.cdr.__class__ is not Cons:
            raise LispError("illegal definition of function")
        name = rest.car
        if name.__class__ is not Symbol:
            raise LispError("not a symbol", name)
        if name.locked:
            raise LispError("locked symbol", name)
        if rest.cdr.cdr is None:
            raise LispError("illegal definition of function")
        value = self.function(kind, name, rest.cdr.car, rest.cdr.cdr, form.pos)
        old, name.value = name.value, value
        name.declared = True
        if (
            old.__class__ is not value.__class__
            or value.__class__ is Macro
            or getattr(old, "sn", None).__class__ is not FunctionRecord
            or old.sn.parsed.count != value.sn.parsed.count
        ):
            name.invalidate()
        return name

    def expansion(self, macro: Macro, form: Any) -> Any:
        """Return the expansion of a macro call."""
        kind = macro.sn.kind
        arguments = items(form) if kind == "DM" else items(form.cdr)
        if kind == "DM" and macro.sn.formals.__class__ is Symbol:
            return macro.function(*arguments)
        return self._checked(macro.function, arguments)

    def _checked(self, function: Any, arguments: list[Any]) -> Any:
        wrong = call_error(function, arguments)
        if wrong is not None:
            raise wrong
        return function(*arguments)

    def displace(self, macro: Macro, form: Any) -> None:
        """Replace a ``dmd`` call by its expansion, in place."""
        expansion = self.expansion(macro, form)
        CHANGES[0] += 1
        if expansion.__class__ is Cons:
            form.car, form.cdr = expansion.car, expansion.cdr
        else:
            form.car, form.cdr = self.intern("progn"), Cons(expansion, None)

    # ------------------------------------------------------------------ errors, warnings

    def report(self, error: LispError) -> None:
        """React to an error while its bindings stand: on-error forms, hooks, the debugger."""
        if self._reporting:
            return
        self.last_error = error
        handlers, self.handlers = self.handlers, []
        self._reporting = True
        try:
            while handlers:
                handlers.pop()()
            hook = self.intern("debug-hook").value
            if is_callable(hook):
                error.reported = True
                self._call_hook(hook)
                return
        finally:
            self._reporting = False
        if self.debugger is not None:
            self.debugger(error)

    def interrupted(self, stop: LispError) -> bool:
        """React to Control-C while its bindings stand: on-break forms, hook, listener.

        Tell whether somebody has been told.
        """
        self.last_error = stop
        handlers, self.break_handlers = self.break_handlers, []
        while handlers:
            handlers.pop()()
        hook = self.intern("break-hook").value
        if is_callable(hook):
            stop.reported = True
            self._call_hook(hook)
        elif self.breaker is not None:
            self.breaker(stop)
        return stop.reported

    def settle(self) -> None:
        """Undo bindings that an interruption left behind; for when nothing runs."""
        for symbol in self.symbols:
            if symbol.stack:
                symbol.value = symbol.stack[0]
                symbol.stack.clear()

    def _call_hook(self, hook: Any) -> None:
        try:
            self.apply(hook)
        except LispError as second:
            second.located = True
            raise

    def warn_undeclared(self, symbol: Symbol) -> None:
        """Warn about a global variable that nobody declared, once."""
        symbol.declared = True
        name = show(symbol)
        self.warn(f"use <defvar> to declare global variable <{name}>.")

    def _warn(self, text: str) -> None:
        self.tell(f"+++ Warning: {text}")

    def _tell(self, text: str) -> None:
        self.output.flush()
        print(text, file=sys.stderr)

    # ------------------------------------------------------------------ files

    def load(self, path: Path, each: Callable[[Any], Any] | None = None) -> Any:
        """Evaluate a file."""
        text = self.read_text(path)
        source = self.sources.add(Source(str(path), text))
        symbol = self.intern("file-being-loaded")
        outer, symbol.value = symbol.value, str(path.resolve())
        self.loading.append(path.resolve())
        try:
            return self.evaluate_source(source, each)
        finally:
            self.loading.pop()
            symbol.value = outer

    def libload(self, name: str) -> Path:
        """Load a library file once: from the loading file's folder, then the search path."""
        path = self.library_path(name)
        if path is None:
            raise LispError("File not found", name, function="libload.search")
        real = path.resolve()
        changed = real.stat().st_mtime
        if self.loaded.get(real) != changed and real not in self.loading:
            self.load(path)
            self.loaded[real] = changed
        return real

    # ------------------------------------------------------------------ terminal

    def _read_stdin(self) -> str:
        return self.stack.on_main(input_line)

    def shortcut(self, char: str, rest: str) -> Any:
        """Return the form behind ``^X``, or NOTHING when there is none."""
        name = {"L": "load", "A": "apropos", "P": "pretty", "H": "help", "S": "symbols"}.get(
            char
        )
        if name is None:
            return NOTHING
        value: Any = rest
        if char in "P":
            value = Cons(self.intern("quote"), Cons(self.intern(rest.lower()), None))
        return from_items([self.intern(name), value])


class _Sink:
    """An output that hands text to a function."""

    closed = False

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.function = function

    def write(self, data: bytes) -> None:
        """Pass text on."""
        self.function(data.decode("latin-1"))

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing to close."""


__all__ = ["FileInput", "Interpreter", "Leave"]
