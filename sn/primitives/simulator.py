"""The door to the network simulator: choosing one of its four kernels.

``(libload "sn28/sn28")`` and its relatives end here. The network primitives are imported only
now, so that a program without networks pays nothing for them.
"""

from typing import TYPE_CHECKING

from sn.errors import LispError
from sn.primitives.arguments import string
from sn.primitives.registry import WORDS, primitive

if TYPE_CHECKING:
    from pathlib import Path

    from sn.interpreter import Interpreter

FAMILIES = ("network", "network_layers", "network_nlf", "network_library", "network_codebook",
            "network_compiled")  # fmt: skip
LIBRARY = ("netenv", "connect", "knnenv")
VARIABLES = ("age", "theta", "alpha", "decay")


def _remove(interpreter: "Interpreter", family: str) -> None:
    """Undefine what the last kernel had and this one has not."""
    for name in WORDS.get(f"sn.primitives.{family}", ()):
        symbol = interpreter.symbols.intern(name)
        symbol.value = None
        symbol.locked = False
        symbol.invalidate()


def _home(library: "list[Path]") -> str | None:
    """Return the folder of the original that a library folder lies in, if it does."""
    for folder in library:
        for place in (folder.resolve(), *folder.resolve().parents):
            if (place / "packages" / "sn28").is_dir():
                return str(place)
    return None


@primitive("window-events", interpreter=True)
def window_events(interpreter: "Interpreter") -> None:
    """Start events and timers (see `sn.primitives.events`)."""
    interpreter.install("events")


@primitive("net-kernel", interpreter=True)
def net_kernel(interpreter: "Interpreter", name: str) -> str:
    """Start the simulator with a kernel: sn28, sn28ite, sn28new or sn28itenew.

    The library (netenv, connect, knnenv) is loaded from the search path, where a library of the
    user's own comes before ours.
    """
    from sn.net.memory import KERNELS, Network
    from sn.primitives.network import publish
    from sn.primitives.objects import builtin_class

    if string(name) not in KERNELS:
        raise LispError("unknown kernel", name)
    if interpreter.network is None:
        interpreter.network = Network(name, interpreter.generator)
    else:
        interpreter.network.set_kernel(name)
    network = interpreter.network
    some = {
        "network_shared": network.iterative,
        "network_second": network.newton,
        "network_both": network.iterative and network.newton,
    }
    for family, wanted in some.items():
        if not wanted:
            _remove(interpreter, family)
    for family in (*FAMILIES, *(family for family, wanted in some.items() if wanted)):
        interpreter.install(family)
    for name_of_class in ("NLF", "CODEBOOK"):
        builtin_class(interpreter, name_of_class)
    publish(interpreter)
    home = interpreter.symbols.intern("lushdir")
    home.value = home.value or _home(interpreter.library)
    home.declared = True
    numbers = dict.fromkeys(VARIABLES, 0.0)
    if network.newton:
        numbers |= {"gamma": 0.05, "mu": 0.05}
    for variable, value in numbers.items():
        symbol = interpreter.symbols.intern(variable)
        symbol.value = value
        symbol.declared = True
    for file in LIBRARY:
        path = interpreter.search(file)
        if path is not None:
            interpreter.load(path)
    return name
