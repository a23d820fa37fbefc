"""What `sn --safe` allows a program: time, memory, steps, depth. Beyond is a Lisp error.

A watch on a thread of its own looks at time and memory ten times a second and stops the
evaluation; steps are counted by code the translator adds where a limit is set.
"""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sn.errors import LispError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
CELL = 56  # bytes of a cons cell
SMALL = 1 << 20  # bytes nobody asks about
LOOK = 0.1  # seconds between two looks of the watch
PATIENCE = 1.0  # seconds a stopped program has before it is stopped again
SPARE = 256 << 20  # bytes of address space beyond the memory allowed
GRACE = 2.0  # seconds after which a program that cannot be stopped is ended
_here = threading.local()


class OutOfTime(LispError):  # noqa: N818 - a limit, not a mistake
    """The time of a program is up."""

    def __init__(self) -> None:
        super().__init__("the time limit is reached", function="")


class OutOfMemory(LispError):  # noqa: N818 - a limit, not a mistake
    """A program wants more cells than it may have."""

    def __init__(self) -> None:
        super().__init__("not enough memory: the memory limit is reached", function="")


class OutOfSteps(LispError):  # noqa: N818 - a limit, not a mistake
    """A program made as many calls and rounds as it may."""

    def __init__(self) -> None:
        super().__init__("the step limit is reached", function="")


@dataclass
class Limits:
    """What a program may use; None is no limit.

    Parameters
    ----------
    seconds: time of one evaluation from the host, or of one form of a dialogue
    memory: bytes beyond those in use when the evaluation began; a cons cell takes 56, and its
        number 24 more
    steps: calls of functions and rounds of loops, in one evaluation
    depth: nested calls, in Python frames: a call of an SN function is one, through a primitive
        such as mapcar two or three
    """

    seconds: float | None = 60.0
    memory: int | None = 1 << 30
    steps: int | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        self._deadline = float("inf")
        self._base = 0
        self._left = 0
        self._counting = self._watching = False
        self.final: Any = None  # where to go when a single primitive does not end in time

    def begin(self) -> None:
        """Start counting anew: an evaluation begins."""
        self._left = self.steps or 0
        self._base = in_use()
        if self.seconds is not None:
            self._deadline = time.monotonic() + self.seconds
            if self.final:
                import faulthandler

                end = self.seconds + GRACE
                faulthandler.dump_traceback_later(end, exit=True, file=self.final)
        self._counting = True

    def rest(self) -> None:
        """Stop counting: an evaluation has ended, or somebody is asked."""
        self._counting = False
        if self.final:
            import faulthandler

            faulthandler.cancel_dump_traceback_later()

    def step(self) -> None:
        """Count a step."""
        self._left -= 1
        if self._left < 0:
            raise OutOfSteps

    @contextmanager
    def watched(self, stop: Callable[[type], None]) -> Iterator[None]:
        """Watch an evaluation; `stop` raises an exception in it."""
        if self._watching:
            yield
            return
        self._watching = True
        self.begin()
        threading.Thread(target=self._watch, args=(stop,), daemon=True).start()
        try:
            yield
        finally:
            self._watching = False
            self.rest()

    def within(self, work: Callable[[], Any]) -> Any:
        """Call `work` in the evaluation that is watched."""
        outer = getattr(_here, "limits", None)
        _here.limits = self
        try:
            return work()
        finally:
            _here.limits = outer

    def _watch(self, stop: Callable[[type], None]) -> None:
        told = 0.0
        while self._watching:
            time.sleep(LOOK)
            if time.monotonic() < told + PATIENCE:
                continue  # the program is on its way out
            if not self._counting:
                continue
            if time.monotonic() > self._deadline:
                stop(OutOfTime)
                told = time.monotonic()
            elif self.memory is not None and in_use() - self._base > self.memory:
                stop(OutOfMemory)
                told = time.monotonic()

    def room(self, amount: int) -> None:
        """Raise an error if so many bytes more are too many."""
        if self.memory is not None and in_use() - self._base + amount > self.memory:
            raise OutOfMemory


@cache
def _state(process: int) -> int:
    """Return what tells the memory of a process; it stays open: limits may strike anywhere."""
    return os.open("/proc/self/statm", os.O_RDONLY)


def in_use() -> int:
    """Return how many bytes this process uses."""
    try:
        return int(os.pread(_state(os.getpid()), 128, 0).split()[1]) * 4096
    except (OSError, AttributeError):
        return sys.getallocatedblocks() * 48


def room(count: int, each: int = CELL) -> None:
    """Raise an error if the running program may not have so many more things of a size."""
    if count * each < SMALL:
        return
    limits = getattr(_here, "limits", None)
    if limits is not None:
        limits.room(count * each)


def size(text: str) -> int:
    """Return a number of bytes written as 500M or 1G.

    >>> size("2K")
    2048
    """
    match = re.fullmatch(r"(\d+)([KMG]?)B?", text.upper())
    if match is None:
        raise LispError("not a size such as 500M", text)
    return int(match.group(1)) * UNITS[match.group(2)]


def limit_process(limits: Limits) -> None:
    """Have the system enforce what cannot be stopped from inside.

    Bounds what this process may use beyond what it uses now, and the size of its files; ends it
    when a single primitive goes on after the time is up.
    """
    limits.final = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    if sys.platform != "linux" or limits.memory is None:
        return
    import resource

    from sn.bigstack import STACK

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + STACK + limits.memory + SPARE
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.memory, resource.RLIM_INFINITY))
