"""Files: loading, reading, writing, redirection, names and directories."""

from typing import TYPE_CHECKING, Any

from sn.errors import LispError
from sn.primitives.arguments import string
from sn.primitives.registry import primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


@primitive("load", interpreter=True)
def load(interpreter: "Interpreter", name: Any) -> Any:
    """Evaluate a file found on the search path; return its name."""
    path = interpreter.search(string(name))
    if path is None:
        raise LispError("No such file or directory (errno=2)")
    interpreter.load(path)
    return str(path.resolve())


@primitive("libload", interpreter=True)
def libload(interpreter: "Interpreter", name: Any, *more: Any) -> str:
    """Load a library file once."""
    return str(interpreter.libload(string(name)))
