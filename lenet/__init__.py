"""LeNet and its ancestors: networks as SN scripts, their training, weights and tables.

import lenet
digits = lenet.load("lenet5")
digits.classify(images)          # uint8 (n, 28, 28), ink 255 -> classes (n,)

Names are loaded at first use, so that importing the package costs nothing.
"""

from importlib import import_module

_HOME = {"load": "lenet.networks", "Network": "lenet.networks", "names": "lenet.networks"}


def __getattr__(name: str) -> object:
    """Load the networks when they are first asked for: importing `lenet` costs nothing."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lenet' has no attribute {name!r}")
