"""Compiled networks: `compile-net`, an extension of the language."""

from typing import TYPE_CHECKING, Any

from sn.cells import from_items
from sn.errors import LispError, SnCompileError
from sn.net.compiled import compile_net
from sn.primitives.registry import primitive
from sn.symbols import T

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


@primitive("compile-net", interpreter=True)
def compile_network(interpreter: "Interpreter", wanted: Any = T) -> Any:
    """Let `learn` and `perf` run in one compiled loop; (compile-net ()) takes it back.

    A string names another cost than "squared": "softmax", "likelihood", "posterior". Returns
    what the links became: ((kind links) ...). Learning is the same up to rounding.
    """
    network = interpreter.network
    if wanted is None:
        network.compiled = None
        return None
    try:
        cost = wanted if isinstance(wanted, str) else "squared"
        program = compile_net(network, interpreter.intern("nlf").value, cost)
    except SnCompileError as error:
        message = str(error).partition(" : ")[2].removesuffix(" : ()")
        raise LispError(message) from None
    summary = program.lowered.summary.items()
    return from_items([from_items([kind, float(links)]) for kind, links in summary])
