"""Limits of `sn --safe`: time and memory, each of which ends in an error of the program."""

import re
import sys
import threading
from typing import TYPE_CHECKING

from sn.errors import LispError

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class OutOfTime(LispError):  # noqa: N818 - a limit, not a mistake
    """The time of a program is up."""

    def __init__(self) -> None:
        super().__init__("the time limit is reached")


def size(text: str) -> int:
    """Return a number of bytes written as 500M or 1G.

    >>> size("2K")
    2048
    """
    match = re.fullmatch(r"(\d+)([KMG]?)B?", text.upper())
    if match is None:
        raise LispError("not a size such as 500M", text)
    return int(match.group(1)) * UNITS[match.group(2)]


def limit(interpreter: "Interpreter", seconds: float, memory: str) -> None:
    """Stop a program after so many seconds, and keep it within so much memory."""
    limit_memory(size(memory))
    timer = threading.Timer(seconds, interpreter.stack.stop, [OutOfTime])
    timer.daemon = True
    timer.start()


def limit_memory(amount: int) -> None:
    """Bound what this process may use beyond what it uses now."""
    if sys.platform != "linux":
        return
    import resource
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    from sn.bigstack import STACK

    resource.setrlimit(resource.RLIMIT_AS, (used + STACK + amount, resource.RLIM_INFINITY))
