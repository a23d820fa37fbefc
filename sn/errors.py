"""The one root of every error a user can meet.

A user's mistake is an `SnError` and is shown as one clear line; anything else that escapes is
a defect of the program and is reported as such.
"""

from typing import Any


class SnError(Exception):
    """Root of all errors of the four packages. `str(error)` is the line shown to the user."""


class SnRuntimeError(SnError):
    """An error while evaluating, printed as SN printed it: ``function : message : object``."""


class SnCompileError(SnError):
    """A typed function or a network that cannot be compiled; the message names the form."""


class UntrustedForm(SnError):  # noqa: N818 - the name users meet
    """A form refused in safe mode."""


# As culprit of a LispError: the arguments of the call as they stand in the program.
UNEVALUATED = object()


class LispError(SnRuntimeError):
    """An error of an SN program.

    Parameters
    ----------
    message: what is wrong, in SN's words ("not a list")
    culprit: the object shown after it; None shows none
    function: the name shown before it. Primitives leave it out: the name under which the
        program called them is filled in when the error reaches SN code.
    """

    def __init__(
        self, message: str, culprit: Any = None, *, function: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.culprit = culprit
        self.function = function
        self.located = False
        self.reported = False
        self.entering = False
        self.frames: list[Any] = []
        self.callers = 0

    def __str__(self) -> str:
        """Return ``function : message : object``, the line after ``*** ``."""
        from sn.printer import show

        parts = [self.function] if self.function else []
        parts.append(self.message)
        if self.culprit is not None:
            describe = getattr(self.culprit, "sn_describe", None)
            parts.append(describe() if describe else show(self.culprit))
        return " : ".join(parts)


class EndOfInput(LispError):  # noqa: N818 - not always a mistake
    """Nothing more to read."""


class Leave(BaseException):
    """Unwinds the whole evaluation: ``exit``, or a return to the toplevel.

    `status` is the exit status to end with, or None to go on at the toplevel.
    """

    def __init__(self, status: int | None = None) -> None:
        super().__init__(status)
        self.status = status
