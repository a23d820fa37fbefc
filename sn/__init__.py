"""SN: the neural-network simulator of 1988, a Lisp one can talk to.

>>> import sn
>>> sn.Interpreter().eval("(mapcar '1+ '(1 2))")
'(2 3)'
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Load the interpreter when it is first asked for: importing `sn` costs nothing."""
    if name == "Interpreter":
        from sn.interpreter import Interpreter

        return Interpreter
    raise AttributeError(f"module 'sn' has no attribute {name!r}")
