"""Evaluation, errors, symbols, functions and macros as data, output of values."""

from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items, items
from sn.errors import Leave, LispError
from sn.functions import Macro, is_function
from sn.primitives.arguments import integer, string
from sn.primitives.registry import primitive, special
from sn.printer import show
from sn.symbols import Symbol, T, truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sn.interpreter import Interpreter


@primitive("eval", interpreter=True)
def evaluate(interpreter: "Interpreter", *forms: Any) -> Any:
    """Evaluate forms; return the last value."""
    if not forms:
        raise LispError("no arguments")
    value = None
    for form in forms:
        value = interpreter.evaluate(form)
    return value


@primitive("apply", interpreter=True)
def apply(interpreter: "Interpreter", function: Any, *arguments: Any) -> Any:
    """Call a function with a list of arguments, and others before it."""
    if not arguments:
        raise LispError("2 arguments were expected")
    values = [*arguments[:-1], *items(arguments[-1])]
    return interpreter.apply(function, *values)


# ---- errors


@primitive("error", interpreter=True)
def error(interpreter: "Interpreter", *arguments: Any) -> None:
    """Raise an error: (error ['name] "message" [object])."""
    name = "error"
    if arguments and arguments[0].__class__ is Symbol:
        symbol, arguments = arguments[0], arguments[1:]
        if symbol in _running(interpreter):
            name = symbol.name
    if not arguments or len(arguments) > 2:
        raise LispError("illegal arguments")
    culprit = arguments[1] if len(arguments) > 1 else None
    raise LispError(string(arguments[0]), culprit, function=name)


def _running(interpreter: "Interpreter") -> set[Any]:
    """Return the names of the SN functions that are running."""
    import sys

    found = set()
    frame = sys._getframe(2)
    while frame is not None:
        record = frame.f_globals.get("_self")
        if record is not None and record.interpreter is interpreter:
            found.add(record.name)
        frame = frame.f_back
    return found


@primitive("errname", interpreter=True)
def errname(interpreter: "Interpreter") -> Any:
    """Return the text of the last error."""
    error = interpreter.last_error
    return None if error is None else str(error)


@special("on-error", pattern="lb")
def on_error(
    interpreter: "Interpreter", handler: "Callable[[], Any]", body: "Callable[[], Any]"
) -> Any:
    """Evaluate a body; if it fails, evaluate the first form before the error goes on."""
    return _with_handler(interpreter, interpreter.handlers, handler, body)


@special("on-break", pattern="lb")
def on_break(
    interpreter: "Interpreter", handler: "Callable[[], Any]", body: "Callable[[], Any]"
) -> Any:
    """Evaluate a body; if Control-C stops it, evaluate the first form before."""
    return _with_handler(interpreter, interpreter.break_handlers, handler, body)


def _with_handler(
    interpreter: "Interpreter",
    handlers: list["Callable[[], Any]"],
    handler: "Callable[[], Any]",
    body: "Callable[[], Any]",
) -> Any:
    """Evaluate a body while a handler stands on its stack."""
    handlers.append(handler)
    depth = len(handlers)
    try:
        return body()
    except BaseException:
        interpreter.support.hook()
        raise
    finally:
        del handlers[depth - 1 :]


@primitive("exit", "quit", interpreter=True)
def leave(interpreter: "Interpreter", status: Any = None) -> None:
    """End the program."""
    raise Leave(0 if status is None else integer(status))


# ---- variables


@special("defvar", pattern="q?e")
def defvar(interpreter: "Interpreter", name: Any, value: Any = None) -> Any:
    """Declare a global variable, with a value if it has none."""
    symbol = _symbol(name)
    if not symbol.declared or symbol.global_value is None:
        _no_lock(symbol)
        symbol.declared = True
        if symbol.global_value is None:
            symbol.global_value = value
    return symbol


@special("defparameter", pattern="q?e")
def defparameter(interpreter: "Interpreter", name: Any, value: Any = None) -> Any:
    """Declare a global variable and set it."""
    symbol = _symbol(name)
    _no_lock(symbol)
    symbol.declared = True
    symbol.global_value = value
    return symbol


@special("defconstant", pattern="qe")
def defconstant(interpreter: "Interpreter", name: Any, value: Any) -> Any:
    """Declare a locked global variable."""
    symbol = defparameter(interpreter, name, value)
    symbol.locked = True
    symbol.invalidate()
    return symbol


def _symbol(name: Any) -> Symbol:
    if name.__class__ is not Symbol:
        raise LispError("Not a symbol", name)
    return name


def _no_lock(symbol: Symbol) -> None:
    if symbol.locked:
        raise LispError("locked symbol", symbol)


@primitive("set", interpreter=True)
def set_value(interpreter: "Interpreter", name: Any, value: Any) -> Any:
    """Set the variable a symbol or a scope form names."""
    if name.__class__ is Cons:
        quoted = from_items([interpreter.intern("quote"), value])
        interpreter.evaluate(from_items([interpreter.intern("setq"), name, quoted]))
        return value
    if name.__class__ is not Symbol:
        raise LispError("neither a symbol nor an explicit scope specification", name)
    if name.locked and not name.stack:
        raise LispError("locked symbol", name)
    if not name.declared and not name.bound:
        interpreter.warn_undeclared(name)
    kind = name.value.__class__
    name.value = value
    if name.users and kind is not value.__class__:
        name.invalidate()
    return value


@special("lock-symbol", pattern="Q")
def lock_symbol(interpreter: "Interpreter", names: Any) -> None:
    """Forbid changes of global values."""
    for name in items(names):
        _symbol(name).locked = True
        name.invalidate()


@special("unlock-symbol", pattern="Q")
def unlock_symbol(interpreter: "Interpreter", names: Any) -> None:
    """Allow changes of global values again."""
    for name in items(names):
        _symbol(name).locked = False
        name.invalidate()


@primitive("symbol-locked-p", "lockedp")
def symbol_locked_p(name: Any) -> Any:
    """Tell whether a symbol is locked."""
    return truth(_symbol(name).locked)


@primitive("symbol-globally-bound-p")
def symbol_globally_bound_p(name: Any) -> Any:
    """Tell whether a symbol has a global value."""
    return truth(_symbol(name).declared)


@primitive("symbol-globally-locked-p")
def symbol_globally_locked_p(name: Any) -> Any:
    """Tell whether the global value of a symbol is locked."""
    return truth(_symbol(name).locked)


@primitive("nameof")
def nameof(name: Any) -> str:
    """Return the name of a symbol."""
    if name.__class__ is not Symbol:
        raise LispError("Not a symbol", name)
    return name.name


@primitive("named", interpreter=True)
def named(interpreter: "Interpreter", name: str) -> Symbol:
    """Return the symbol of exactly this name."""
    return interpreter.intern(string(name))


@primitive("namedclean", interpreter=True)
def namedclean(interpreter: "Interpreter", name: str) -> Symbol:
    """Return the symbol the reader would make of a name."""
    from sn.reader import fold_name

    return interpreter.intern(fold_name(string(name)) if name else "")


_counter = iter(range(1, 1 << 62))


@primitive("gensym")
def gensym() -> Symbol:
    """Return a new symbol that no text can name."""
    return Symbol(f"g{next(_counter)}")


# ---- functions as data


@primitive("functionp")
def functionp(value: Any) -> Any:
    """Return the value if it is a function."""
    return value if is_function(value) else None


@primitive("funcdef")
def funcdef(value: Any) -> Any:
    """Return the lambda expression of a function."""
    record = getattr(value, "sn", None)
    if record is None or not hasattr(record, "body"):
        return None
    kinds = {"DE": "lambda", "DF": "flambda", "DM": "mlambda", "DMD": "mlambda"}
    head = record.interpreter.intern(kinds.get(record.kind, "mlambda"))
    return Cons(head, Cons(record.formals, record.body))


@special("macro-expand", "macroexpand", pattern="q")
def macro_expand(interpreter: "Interpreter", form: Any) -> Any:
    """Expand a macro call once."""
    value = form.car if form.__class__ is Cons else None
    if value.__class__ is Symbol:
        value = interpreter.callable_below(value)
    if value.__class__ is not Macro:
        raise LispError("not a macro", value)
    return interpreter.expansion(value, form)


@special("dmc", pattern="qQ")
def dmc(interpreter: "Interpreter", name: Any, body: Any) -> Any:
    """Define a macro character: a character, ``^c`` or ``#c``."""
    key = _symbol(name).name.lower()
    if len(key) > 2 or (len(key) == 2 and key[0] not in "^#"):
        raise LispError("illegal macro character", name)
    interpreter.reader.macros[key] = interpreter.thunk(body, None)
    return name


@primitive("macrochp", interpreter=True)
def macrochp(interpreter: "Interpreter", name: Any) -> Any:
    """Tell whether a program made a character a macro character."""
    if name.__class__ is not Symbol:
        raise LispError("not a symbol", name)
    return truth(name.name in interpreter.reader.macros)


# ---- number of repetitions, time, odds and ends


@special("time", pattern="b")
def time_used(interpreter: "Interpreter", body: "Callable[[], Any]") -> float:
    """Return the processor time a body takes, in seconds."""
    import time

    start = time.process_time()
    body()
    return time.process_time() - start


@primitive("hashcode")
def hashcode(value: Any) -> str:
    """Return a string that equal values share."""
    import hashlib

    return hashlib.md5(show(value).encode("latin-1", "replace")).hexdigest()


@primitive("process-pending-events", "check-menu")
def process_pending_events() -> None:
    """Nothing happens behind a program's back here."""


# ---- layout of programs


@primitive("pprint", interpreter=True)
def pprint(interpreter: "Interpreter", value: Any) -> Any:
    """Print a value laid out as a program."""
    from sn import pretty

    pretty.pprint(interpreter, value)
    return T


@special("pretty", pattern="q")
def pretty_form(interpreter: "Interpreter", form: Any) -> None:
    """Print what defines a function, a class or a value."""
    from sn import pretty

    if form.__class__ is Symbol:
        pretty.pretty(interpreter, form.value, form)
    else:
        pretty.pretty(interpreter, interpreter.evaluate(form))


@special("save", pattern="eQ")
def save(interpreter: "Interpreter", name: Any, symbols: Any) -> None:
    """Write definitions of symbols to a file, suffix lsh."""
    from sn.primitives.files import open_output

    output = open_output(interpreter, string(name), "lsh")
    outer, interpreter.output = interpreter.output, output
    try:
        for symbol in items(symbols):
            pretty_form(interpreter, symbol)
    finally:
        interpreter.output = outer
        output.close()


# ---- odds and ends


@primitive("uniq", interpreter=True)
def uniq(interpreter: "Interpreter") -> float:
    """Return a number that was not returned before."""
    interpreter.unique += 1
    return float(interpreter.unique)


@special("let-filter", pattern="qQ")
def let_filter(interpreter: "Interpreter", declaration: Any, body: Any) -> Any:
    """Evaluate a body with a list taken apart by a pattern, if it has that shape."""
    if declaration.__class__ is not Cons or declaration.car.__class__ is not Cons:
        raise LispError("syntax error in variable declaration part")
    pattern, value = declaration.car.car, interpreter.evaluate(declaration.car.cdr.car)
    found: list[tuple[Symbol, Any]] = []
    if not _matches(pattern, value, found):
        return None
    quote = interpreter.intern("quote")
    pairs = [from_items([name, from_items([quote, part])]) for name, part in found]
    form = Cons(interpreter.intern("let"), Cons(from_items(pairs), body))
    return interpreter.evaluate(form)


def _matches(pattern: Any, value: Any, found: list[tuple[Symbol, Any]]) -> bool:
    while pattern.__class__ is Cons and value.__class__ is Cons:
        if not _matches(pattern.car, value.car, found):
            return False
        pattern, value = pattern.cdr, value.cdr
    if pattern.__class__ is Symbol:
        found.append((pattern, value))
        return True
    return bool(pattern == value)


# ---- packages


@special("package", pattern="qQ")
def package(interpreter: "Interpreter", name: Any, forms: Any) -> Any:
    """Evaluate forms in which the words named by (private word...) mean name.word."""
    outer, interpreter.package = interpreter.package, (f"{show(name)}.", {})
    try:
        for form in items(forms):
            interpreter.evaluate(_renamed(form, interpreter.package[1]))
    finally:
        interpreter.package = outer
    return name


@special("private", pattern="Q")
def private(interpreter: "Interpreter", names: Any) -> None:
    """Name words that are a package's own."""
    if interpreter.package is None:
        raise LispError("Must be used inside a package")
    prefix, hidden = interpreter.package
    for name in items(names):
        hidden[_symbol(name)] = interpreter.intern(prefix + name.name)


def _renamed(form: Any, hidden: dict[Symbol, Symbol]) -> Any:
    if form.__class__ is Symbol:
        return hidden.get(form, form)
    if form.__class__ is not Cons or not hidden:
        return form
    parts, cell = [], form
    while cell.__class__ is Cons:
        parts.append((_renamed(cell.car, hidden), cell.pos))
        cell = cell.cdr
    result = _renamed(cell, hidden)
    for part, pos in reversed(parts):
        result = Cons(part, result, pos)
    return result
