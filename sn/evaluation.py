"""What generated code calls: the run-time support of the translator, and the error path.

Generated code carries no checks on its fast path. When Python raises, `Support.hook` is called
by the innermost binding region, while all dynamic bindings still stand. It finds the place in
the traceback, looks up the *site* the translator left for it (form, operator, where the
operands are), and lets the primitive itself say what was wrong with them.

A site describes an operand as: a str, a local variable of the frame or a name of its globals;
a one-element tuple, a constant; a list, a description of several values; a Symbol, its slot.
"""

import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from sn.cells import Cons, from_items, items
from sn.errors import UNEVALUATED, EndOfInput, Leave, LispError, SnError
from sn.functions import STUB, Fexpr, FunctionRecord, Macro
from sn.objects import SpecialMethod
from sn.primitives.registry import CODES, Primitive, Special
from sn.printer import show
from sn.symbols import Symbol, T

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

SPECIAL = frozenset({Fexpr, Macro, Special, SpecialMethod})
# What Python raises when a primitive gets a value of a kind it did not look for.
UNSUITABLE = (TypeError, AttributeError, ValueError, IndexError, KeyError)
_MISSING = object()
MOST_CALLERS = 50  # kept in an error
RESERVE = 8 << 20  # bytes given back when memory runs out, so that the error can be told


class Frame(NamedTuple):
    """One SN call of the chain shown after an error."""

    function: str
    file: str
    line: int
    form: Any


def is_callable(value: Any) -> bool:
    """Tell whether a value can be the operator of a call."""
    return callable(value) or value.__class__ in SPECIAL


class Support:
    """The names ``.x`` of generated code, for one interpreter."""

    def __init__(self, interpreter: "Interpreter") -> None:
        self.interpreter = interpreter
        self.reserve = bytes(RESERVE)
        self.names: dict[str, Any] = {
            ".T": T,
            ".Cons": Cons,
            ".SPECIAL": SPECIAL,
            ".interpreter": interpreter,
            ".items": items,
            ".list": from_items,
            ".step": interpreter.tracer.enter,
            ".stepped": interpreter.tracer.leave,
            ".count_step": interpreter.limits.step if interpreter.limits else None,
            "_enter": self.enter,
            "__build_class__": None,
            "__name__": "sn",
        }
        for name in (
            "hook", "fail", "operator", "callee", "special", "expand", "destructure", "number",
            "count", "ends", "in_list", "splice", "setq", "global_value", "set_global", "slot",
            "set_slot", "unlocked", "incremented", "define", "rows", "columns",
            "method", "print_item", "print_end", "unchecked",
        ):  # fmt: skip
            self.names["." + name] = getattr(self, name)

    # ------------------------------------------------------------------ calls

    def enter(self, record: FunctionRecord, arguments: tuple[Any, ...]) -> Any:
        """Compile a function at its first call, and call it."""
        wrong = record.check(list(arguments))
        if wrong is not None:
            raise wrong
        return self.interpreter.translator.translate_function(record)(*arguments)

    def operator(self, symbol: Symbol, form: Any) -> Any:
        """Return what a call through a symbol calls, looking below unsuitable values."""
        value = symbol.value
        if callable(value) or value.__class__ in SPECIAL:
            return value
        for older in reversed(symbol.stack):
            if callable(older) or older.__class__ in SPECIAL:
                return older
        return self.not_callable(value, form)

    def callee(self, value: Any, form: Any) -> Any:
        """Return a computed operator if it can be called."""
        if callable(value) or value.__class__ in SPECIAL:
            return value
        return self.not_callable(value, form)

    def method(self, target: Any, message: Any) -> Any:
        """Return the method for a message."""
        from sn.primitives.objects import find_method

        return find_method(self.interpreter, target, message)

    def not_callable(self, value: Any, form: Any) -> Any:
        """Raise the error about an operator that is no function."""
        if value is None or value.__class__ is Cons:
            raise LispError("not a function call", form, function="eval")
        raise LispError("can't evaluate this list", function=show(value))

    def special(self, value: Any, form: Any) -> Any:
        """Call a function that wants its arguments unevaluated."""
        if value.__class__ is SpecialMethod:
            return value.call(form.cdr.cdr.cdr)
        if value.__class__ is Fexpr:
            return value.function(*items(form.cdr))
        if value.__class__ is Macro:
            return self.interpreter.evaluate(self.expansion(value, form))
        head = Symbol(value.name)
        head.value = value
        return self.interpreter.evaluate(Cons(head, form.cdr, form.pos))

    def expansion(self, macro: Macro, form: Any) -> Any:
        """Return a macro's expansion of a form."""
        if macro.sn.kind == "DMD":
            return macro.function(*items(form.cdr))
        return macro.function(form) if self.whole(macro) else macro.function(*items(form))

    @staticmethod
    def whole(macro: Macro) -> bool:
        """Tell whether a macro takes the form itself (a symbol as argument list)."""
        return macro.sn.formals.__class__ is Symbol

    def expand(self, cache: list[Any], macro: Macro, form: Any) -> Any:
        """Expand a ``dm`` call each time; compile only when the expansion is a new one."""
        expansion = self.interpreter.expansion(macro, form)
        if cache[1] is None or cache[0] != expansion:
            cache[0] = expansion
            cache[1] = self.interpreter.thunk(Cons(expansion, None), getattr(form, "pos", None))
        return cache[1]()

    def define(self, form: Any) -> Any:
        """Define a function: ``de``, ``df``, ``dm``, ``dmd`` and their aliases."""
        return self.interpreter.define(form)

    # ------------------------------------------------------------------ pieces of forms

    def fail(self, error: LispError) -> Any:
        """Raise an error found while translating."""
        raise LispError(error.message, error.culprit, function=error.function)

    def destructure(self, tree: Any, value: Any) -> tuple[Any, ...]:
        """Take a value apart as a tree of formals says."""
        found: list[Any] = []
        self._take(tree, value, found)
        return tuple(found)

    def _take(self, tree: Any, value: Any, found: list[Any]) -> None:
        while tree.__class__ is Cons:
            name = tree.car.name if tree.car.__class__ is Symbol else ""
            if name == "&optional":
                self._take_optional(tree.cdr, value, found)
                return
            if name == "&rest":
                tree = tree.cdr.car if tree.cdr.__class__ is Cons else None
                break
            if value.__class__ is not Cons:
                raise _entering(LispError("missing arguments", tree))
            self._take(tree.car, value.car, found)
            tree, value = tree.cdr, value.cdr
        if tree.__class__ is Symbol:
            found.append(value)
        elif value is not None:
            raise _entering(LispError("too many arguments", value))

    def _take_optional(self, tree: Any, value: Any, found: list[Any]) -> None:
        """Take what may be missing; a default is not evaluated."""
        while tree.__class__ is Cons and getattr(tree.car, "name", "") != "&rest":
            given, formal = value.__class__ is Cons, tree.car
            default = formal.cdr.car if formal.__class__ is Cons else None
            found.append(value.car if given else default)
            tree, value = tree.cdr, value.cdr if given else value
        if tree.__class__ is Symbol:
            raise _entering(LispError("error in &optional syntax", tree))
        self._take(tree, value, found)

    def number(self, value: Any) -> float:
        """Check a limit of ``for``."""
        if value.__class__ is float or value.__class__ is int:
            return value
        raise LispError("not a number", value)

    def count(self, value: Any) -> range:
        """Return how often ``repeat`` goes round."""
        if value.__class__ is not float and value.__class__ is not int:
            raise LispError("not a number", value)
        if not 0 <= value < 2**31:
            raise LispError("out of range", value)
        return range(int(value))

    def ends(self, owner: str, cells: tuple[Any, ...]) -> None:
        """Check that all lists of ``each`` or ``all`` ended together."""
        for cell in cells:
            if cell is not None and cell.__class__ is not Cons:
                raise LispError("bad list as argument", function=owner)
        if any(cell is not None for cell in cells):
            raise LispError("lists with different length", function=owner)

    def in_list(self, value: Any, keys: Any) -> bool:
        """Tell whether a key list of ``selectq`` has a value."""
        return any(value == key for key in keys)

    def splice(self, head: Any, tail: Any) -> Any:
        """Put a list in front of another (``,@``)."""
        if head.__class__ is not Cons:
            return tail
        return from_items(head, tail)

    def rows(self, value: Any) -> Any:
        """Return the list of views ``idx-bloop`` walks along."""
        return self._slices(value, last=False)

    def columns(self, value: Any) -> Any:
        """Return the list of views ``idx-eloop`` walks along."""
        return self._slices(value, last=True)

    def _slices(self, value: Any, *, last: bool) -> Any:
        slices = getattr(value, "slices", None)
        if slices is None or value.array.ndim == 0:
            raise LispError("not an index", value)
        return from_items(slices(last))

    # ------------------------------------------------------------------ variables

    def setq(self, symbol: Symbol, value: Any) -> None:
        """Set a variable that was never declared, with a warning the first time."""
        if not symbol.declared:
            self.interpreter.warn_undeclared(symbol)
        symbol.value = value

    def unlocked(self, symbol: Symbol) -> None:
        """Refuse to set a locked symbol that nothing binds."""
        if not symbol.stack:
            raise LispError("locked symbol", symbol, function="setq")

    def global_value(self, symbol: Symbol) -> Any:
        """Read ``:x``."""
        return symbol.global_value

    def set_global(self, symbol: Symbol, value: Any) -> Any:
        """Write ``:x``."""
        if symbol.locked:
            raise LispError("locked symbol", symbol)
        symbol.declared = True
        symbol.global_value = value
        return value

    def slot(self, target: Any, name: Any) -> Any:
        """Read ``:object:slot``."""
        read = getattr(target, "sn_slot", None)
        if read is None:
            raise LispError("This object does not accept scope syntax", target)
        return read(name)

    def set_slot(self, target: Any, name: Any, value: Any) -> Any:
        """Write ``:object:slot``."""
        write = getattr(target, "sn_set_slot", None)
        if write is None:
            raise LispError("This object does not accept scope syntax", target)
        write(name, value)
        return value

    def incremented(self, old: Any, amount: Any) -> float:
        """Return the sum ``incr`` stores."""
        for value in (old, amount):
            if value.__class__ is not float and value.__class__ is not int:
                raise LispError("not a number", value)
        result = old + amount
        if not -1e300 < result < 1e300:
            result = self.names[".+"](old, amount)
        return result

    def unchecked(self, operator: str, *values: Any) -> float:
        """Calculate inside ``progn-without-fpe``: no result is an error."""
        from sn.primitives.numbers import unchecked

        return unchecked(operator, values)

    # ------------------------------------------------------------------ printing

    def print_item(self, value: Any, more: bool) -> None:
        """Write an argument of ``print`` or ``prin``; a blank if another follows."""
        output = self.interpreter.output
        output.write(show(value, output.column))
        if more:
            output.write(" ")

    def print_end(self) -> None:
        """Write the newline of ``print``."""
        self.interpreter.output.write("\n")

    # ------------------------------------------------------------------ errors

    def hook(self) -> None:
        """Deal with an exception where it is first seen, the bindings still standing."""
        error = sys.exc_info()[1]
        if getattr(error, "located", False) or isinstance(error, Leave):
            return
        if isinstance(error, KeyboardInterrupt):
            error.located = True
            error.told = self.interpreter.interrupted(self.located(error, sys._getframe(1)))
            return
        if isinstance(error, MemoryError):
            self.reserve = b""
        frame = sys._getframe(1)
        located = self.located(error, frame)
        self.interpreter.report(located)
        if located is not error:
            raise located from error

    def located(self, error: BaseException | None, outer: FrameType) -> LispError:
        """Return an error with the name of the function and the chain of callers filled in."""
        stack = [(f, f.f_lasti) for f in _outward(outer.f_back)][::-1]
        stack += _inner(error.__traceback__)
        own = [i for i, (frame, _) in enumerate(stack) if _is_sn(frame)]
        if own and getattr(error, "entering", False):
            own = own[:-1]  # the caller made the mistake
        helpers = []
        site = frame = None
        if own:
            frame, last = stack[own[-1]]
            helpers = [f for f, _ in stack[own[-1] + 1 :]]
            site = _site(frame, last)
        result = self._as_lisp(error, site, frame, helpers)
        if result.function is None:
            result.function = self._name(site, helpers)
        if result.culprit is UNEVALUATED:
            result.culprit = site[0].cdr if site and site[0].__class__ is Cons else None
        result.located = True
        callers = [stack[i] for i in reversed(range(len(stack))) if _is_sn(stack[i][0])]
        chain = [_frame(f, last) for f, last in callers[:MOST_CALLERS]]
        result.callers = len(callers)
        result.frames = result.frames + chain if isinstance(result, EndOfInput) else chain
        return result

    def _name(self, site: Any, helpers: list[FrameType]) -> str | None:
        """Return the name shown before the message."""
        names = [CODES[f.f_code] for f in helpers if f.f_code in CODES]
        operator = site[1] if site else None
        called = operator.name if operator.__class__ is Symbol else None
        if not names:
            return called
        if len(names) == 1 and called:
            return called
        return names[-1]

    def _as_lisp(
        self,
        error: BaseException | None,
        site: Any,
        frame: FrameType | None,
        helpers: list[FrameType],
    ) -> LispError:
        if isinstance(error, LispError):
            return error
        if isinstance(error, KeyboardInterrupt):
            return LispError("Break", function="")
        if isinstance(error, RecursionError):
            return LispError("stack overflow: the recursion is too deep", function="eval")
        if isinstance(error, MemoryError):
            return LispError("not enough memory")
        if isinstance(error, SnError):
            return LispError(str(error))
        if isinstance(error, OSError) and error.errno:
            return LispError(f"{error.strerror} (errno={error.errno})")
        if site is not None and not helpers:
            found = self._explain(site, frame)
            if found is not None:
                return found
        if isinstance(error, ZeroDivisionError | OverflowError):
            return LispError("Floating exception")
        if isinstance(error, UNSUITABLE) and any(f.f_code in CODES for f in helpers):
            return LispError("unsuitable argument")
        return LispError(f"internal error: {type(error).__name__}: {error}")

    def _explain(self, site: Any, frame: FrameType) -> LispError | None:
        """Find out what Python refused, by doing it again the slow way."""
        form, operator, described = site
        try:
            if operator.__class__ is tuple:
                function = self.callee(frame.f_locals.get(operator[0]), form)
            elif operator.__class__ is Symbol:
                function = self.operator(operator, form)
            else:
                return None
        except LispError as found:
            return found
        arguments: list[Any] = []
        for description in described:
            value = _operand(description, frame)
            if value is _MISSING:
                return None
            if description.__class__ is list:
                arguments.extend(value)
            else:
                arguments.append(value)
        try:
            record = getattr(function, "sn", None)
            if record.__class__ is FunctionRecord:
                return record.check(arguments)
            wrong = record.check(len(arguments)) if record.__class__ is Primitive else None
            if wrong is not None:
                return wrong
            function(*arguments)
        except LispError as found:
            return found
        except ArithmeticError:
            return LispError("Floating exception")
        return None


def _entering(error: LispError) -> LispError:
    """Mark an error about arguments found after a function was entered."""
    error.entering = True
    return error


def call_error(function: Any, arguments: list[Any]) -> LispError | None:
    """Return what is wrong with calling a function like this, if it is the arguments."""
    record = getattr(function, "sn", None)
    if record.__class__ is FunctionRecord:
        return record.check(arguments)
    if record.__class__ is Primitive:
        return record.check(len(arguments))
    return None


def _inner(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lasti
        traceback = traceback.tb_next


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_sn(frame: FrameType) -> bool:
    return ".sites" in frame.f_globals and frame.f_code is not STUB


def _position(frame: FrameType, last: int) -> tuple[int, int]:
    """Return line and site number of the instruction a frame is at."""
    if last >= 0:
        for index, position in enumerate(frame.f_code.co_positions()):
            if index == last // 2:
                return position[0] or 1, -1 if position[2] is None else position[2]
    return 1, -1


def _site(frame: FrameType, last: int) -> Any:
    """Return the site of the instruction a frame is at."""
    sites = frame.f_globals[".sites"]
    number = _position(frame, last)[1]
    return sites[number] if 0 <= number < len(sites) else None


def _frame(frame: FrameType, last: int) -> Frame:
    record = frame.f_globals.get("_self")  # parts of a function have code of their own
    name = record.function.__name__ if record else "toplevel"
    site = _site(frame, last)
    line = _position(frame, last)[0]
    return Frame(name, frame.f_code.co_filename, line, site[0] if site else None)


def _operand(description: Any, frame: FrameType) -> Any:
    """Return the value an operand had (see the module)."""
    kind = description.__class__
    if kind is tuple:
        return description[0]
    if kind is Symbol:
        return description.value
    if kind is list:
        value = _operand(description[0], frame)
        return value if value is _MISSING else list(value)
    if kind is str:
        if description in frame.f_locals:
            return frame.f_locals[description]
        if description in frame.f_globals:
            return frame.f_globals[description]
        return frame.f_builtins.get(description, _MISSING)
    return _MISSING


__all__ = ["Frame", "Support", "call_error", "is_callable"]
