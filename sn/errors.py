"""The one root of every error a user can meet.

A user's mistake is an `SnError` and is shown as one clear line; anything else that escapes is
a defect of the program and is reported as such.
"""


class SnError(Exception):
    """Root of all errors of the four packages. `str(error)` is the line shown to the user."""


class SnSyntaxError(SnError):
    """SN text that cannot be read; the message carries file, line and column."""


class SnRuntimeError(SnError):
    """An error while evaluating, printed as SN printed it: ``function : message : object``."""


class SnCompileError(SnError):
    """A typed function or a network that cannot be compiled; the message names the form."""


class UntrustedForm(SnError):
    """A form refused in safe mode."""
