"""The version of the installed program."""

from functools import cache


@cache
def version() -> str:
    """Return the version as the distribution states it."""
    from importlib.metadata import version as installed

    return installed("holmdel")
