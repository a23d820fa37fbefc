"""The check reader: images in, amounts out.

from pipeline import read
reading = read("scan.png")
reading.status, reading.confidence, str(reading)

Names are loaded at first use, so that importing the package costs nothing.
"""

from importlib import import_module

_HOME = {
    "CheckReader": "pipeline.reader",
    "Reading": "pipeline.records",
    "read": "pipeline.reader",
    "read_many": "pipeline.reader",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    """Load the reader when it is first asked for: importing `pipeline` costs nothing."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
