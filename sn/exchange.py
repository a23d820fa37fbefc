"""Python values for SN, SN values for Python, and SN code inside programs of the host.

=======================  ==========================================
SN                       Python
=======================  ==========================================
``()``, ``t``            None, True (False and None become ``()``)
number                   float (int and bool's kin become float)
string                   str (text is UTF-8 bytes in SN)
list                     list, of such values
dotted pair              tuple
matrix of numbers        numpy array of the same memory
function                 callable that takes and returns such values
symbol, object, table    themselves
=======================  ==========================================
"""

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items
from sn.errors import LispError, SnError
from sn.functions import is_function
from sn.primitives.registry import Primitive
from sn.symbols import T

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

LETTERS = {
    "float64": "d",
    "float32": "f",
    "int32": "i",
    "int16": "s",
    "int8": "b",
    "uint8": "u",
}


def to_python(interpreter: "Interpreter", value: Any) -> Any:
    """Return an SN value as Python has it (see the module)."""
    if value is T:
        return True
    if value.__class__ is str:
        return value.encode("latin-1").decode("utf-8", "surrogateescape")
    if value.__class__ is int:
        return float(value)
    if value.__class__ is Cons:
        parts, cell = [], value
        while cell.__class__ is Cons:
            parts.append(to_python(interpreter, cell.car))
            cell = cell.cdr
        return parts if cell is None else (*parts, to_python(interpreter, cell))
    array = getattr(value, "array", None)
    if array is not None:
        return array / 16.0 if value.letter == "p" else array
    if value.__class__ is FunctionType or (is_function(value) and callable(value)):
        return _callable(interpreter, value)
    return value


def _callable(interpreter: "Interpreter", function: Any) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return interpreter.call(function, *arguments)

    return call


def to_lisp(interpreter: "Interpreter", value: Any) -> Any:
    """Return a Python value as SN has it; what SN does not know stays what it is."""
    if value is None or value is False:
        return None
    if value is True:
        return T
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    if isinstance(value, list):
        return from_items([to_lisp(interpreter, item) for item in value])
    if isinstance(value, tuple):
        if len(value) < 2:
            raise SnError("a tuple stands for a dotted pair, so it has two parts at least")
        parts = [to_lisp(interpreter, item) for item in value]
        return from_items(parts[:-1], parts[-1])
    if hasattr(value, "__array__") and hasattr(value, "dtype"):
        return _matrix(value)
    if callable(value) and not hasattr(value, "sn") and not hasattr(value, "sn_class"):
        return host_function(interpreter, getattr(value, "__name__", "python"), value)
    return value


def _matrix(value: Any) -> Any:
    import numpy as np

    from sn.matrix import Matrix

    array = np.asarray(value)
    letter = LETTERS.get(array.dtype.name)
    if letter is None:
        if array.dtype.kind not in "buif":
            raise SnError(f"there is no matrix of {array.dtype} in SN")
        array, letter = array.astype(np.float64), "d"
    if array.ndim == 0:
        return float(array)
    return Matrix(array, letter)


def host_function(
    interpreter: "Interpreter", name: str, function: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a Python function as SN calls it, with values converted both ways."""

    def call(*arguments: Any) -> Any:
        given = [to_python(interpreter, argument) for argument in arguments]
        try:
            return to_lisp(interpreter, function(*given))
        except SnError:
            raise
        except Exception as error:
            raise LispError(f"{type(error).__name__}: {error}", function=name) from error

    call.sn = Primitive((name,), call.__code__, 0, bound=False)
    return call


# ---- SN inside a Hy program (`sn.hy`)

OWN = "_sn_interpreter"  # the interpreter of a module of the host, in its globals


def interpreter_of(namespace: dict[str, Any]) -> "Interpreter":
    """Return the interpreter of a module, making it at first use."""
    from sn.interpreter import Interpreter

    if OWN not in namespace:
        namespace[OWN] = Interpreter()
    return namespace[OWN]


def run_text(interpreter: "Interpreter", text: str) -> Any:
    """Evaluate SN text; return the last value as Python has it."""
    value = interpreter.value(text.encode("utf-8").decode("latin-1"))
    return to_python(interpreter, value)


def run_forms(interpreter: "Interpreter", template: tuple[Any, ...], values: list[Any]) -> Any:
    """Evaluate the forms of a template with values put in; return the last value.

    A template is a tuple: ``("list", parts...)``, ``("dotted", parts..., tail)``, ``("symbol",
    name)``, ``("matrix", rows)`` or ``("value", number)``; strings and numbers stand for
    themselves. It is translated once.
    """
    function = interpreter.embedded.get(template)
    if function is None:
        names = [interpreter.intern(f"~{number}") for number in range(len(values))]
        body = from_items([_form(interpreter, part) for part in template])
        function = interpreter.function("DE", None, from_items(names), body, None)
        interpreter.embedded[template] = function
    given = [to_lisp(interpreter, value) for value in values]
    value = interpreter.run(lambda: interpreter.guarded(lambda: function(*given)))
    return to_python(interpreter, value)


def _form(interpreter: "Interpreter", part: Any) -> Any:
    if part.__class__ is not tuple:
        return to_lisp(interpreter, part)
    kind, *rest = part
    if kind == "symbol":
        from sn.reader import fold_name

        return interpreter.intern(fold_name(to_lisp(interpreter, rest[0])))
    if kind == "value":
        return interpreter.intern(f"~{rest[0]}")
    if kind == "matrix":
        from sn.matrix import literal

        return literal("d", _nested(rest[0]))
    parts = [_form(interpreter, item) for item in rest]
    return from_items(parts[:-1], parts[-1]) if kind == "dotted" else from_items(parts)


def _nested(rows: Any) -> Any:
    return [_nested(row) for row in rows] if rows.__class__ is tuple else rows
