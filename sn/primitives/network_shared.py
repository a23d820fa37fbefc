"""Network primitives of the iterative kernels: shared weights, batch steps.

Source: sn28.md, section 4.2, and the cases net-batch.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.errors import LispError
from sn.net import engine, steps
from sn.primitives.arguments import integer, number
from sn.primitives.network import access_link, from_matrix, publish, to_matrix, weight_index
from sn.primitives.network_arguments import cells, real, units, variable
from sn.primitives.registry import expected, primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


@primitive("dup-connection", interpreter=True, arity=expected(4))
def dup_connection(
    interpreter: "Interpreter",
    source_pre: Any,
    source_post: Any,
    pre: Any,
    post: Any,
    value: Any = None,
    epsilon: Any = None,
) -> None:
    """Link units with the weights of other links, list by list in parallel."""
    network = interpreter.network
    blocks = [cells(network, x) for x in (pre, post, source_pre, source_post)]
    if len(blocks[0]) != len(blocks[2]) or len(blocks[1]) != len(blocks[3]):
        raise LispError("source and target listes should have the same length")
    width = len(blocks[1])
    new_pre, old_pre = (np.repeat(blocks[i], width) for i in (0, 2))
    new_post, old_post = (np.tile(blocks[i], len(blocks[0])) for i in (1, 3))
    mean = None if value is None else float(real(value))
    rate = 0.0 if epsilon is None else float(real(epsilon))
    try:
        network.share_blocks(old_pre, old_post, new_pre, new_post, mean, rate)
    finally:
        publish(interpreter)


@primitive("sacc", interpreter=True)
def sacc(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the accumulated gradient of the weight between two units."""
    network = interpreter.network
    return access_link(network.accumulators, weight_index(network, pre, post), value)


@primitive("scounter", interpreter=True)
def scounter(interpreter: "Interpreter", pre: float, post: float) -> int:
    """Count the links that share the weight between two units, 0 without a link."""
    network = interpreter.network
    index = weight_index(network, pre, post)
    return int(network.counters[index]) if index >= 0 else 0


@primitive("sindex", interpreter=True)
def sindex(interpreter: "Interpreter", pre: float, post: float, index: Any = None) -> Any:
    """Return the number of the weight between two units, or make the link use another."""
    network = interpreter.network
    if index is None:
        found = weight_index(network, pre, post)
        return found if found >= 0 else None
    link, slot = network.find(integer(pre), integer(post)), integer(index)
    if not 0 <= slot < network.weight_limit:
        raise LispError("out of range", float(slot))
    if link < 0:
        raise LispError("synapse not found")
    network.redirect(link, slot)
    return slot


# ---- batch steps ----


@primitive("clear-acc", interpreter=True)
def clear_acc(interpreter: "Interpreter") -> None:
    """Clear the accumulated gradients."""
    interpreter.network.accumulators[:] = 0.0


@primitive("update-acc", interpreter=True, arity=expected(1))
def update_acc(interpreter: "Interpreter", layer: Any = None) -> None:
    """Add the gradients of all weights, or of a layer, to the accumulators."""
    network = interpreter.network
    if layer is None and network.steps.put_off(steps.ACCUMULATE):
        return
    engine.accumulate(network, None if layer is None else units(network, layer))


@primitive("update-nn-acc", interpreter=True, arity=expected(1))
def update_nn_acc(interpreter: "Interpreter", layer: Any = None) -> None:
    """Add the gradients of Euclidean units; without a layer the original does regular ones."""
    network = interpreter.network
    if layer is None:
        engine.accumulate(network)
    else:
        engine.accumulate(network, units(network, layer), euclidean=True)


@primitive("update-delta", interpreter=True, arity="Too many arguments")
def update_delta(interpreter: "Interpreter", alpha: Any = None) -> None:
    """Turn accumulated gradients into weight changes, with momentum alpha."""
    value = variable(interpreter, "alpha") if alpha is None else number(alpha)
    engine.update_deltas(interpreter.network, value)


@primitive("update-wghtonly", interpreter=True, arity="Too many arguments")
def update_wghtonly(interpreter: "Interpreter", decay: Any = None) -> None:
    """Add the changes to the weights, with weight decay."""
    value = variable(interpreter, "decay") if decay is None else number(decay)
    engine.move_weights(interpreter.network, value)


@primitive("update-wghtonly-conjgrad", interpreter=True)
def update_wghtonly_conjgrad(interpreter: "Interpreter", curvature: float) -> None:
    """Move the weights along their changes by gradient over curvature."""
    if not real(curvature) > 0:
        raise LispError("Curvature must be positive", curvature)
    engine.line_step(interpreter.network, curvature)


@primitive("acc-to-matrix", interpreter=True, arity=expected(1))
def acc_to_matrix(interpreter: "Interpreter", matrix: Any = None) -> Any:
    """Return the accumulated gradients as a matrix."""
    return to_matrix(interpreter.network.accumulators, matrix)


@primitive("matrix-to-acc", interpreter=True)
def matrix_to_acc(interpreter: "Interpreter", matrix: Any) -> None:
    """Set the accumulated gradients from a matrix."""
    from_matrix(interpreter.network.accumulators, matrix)


@primitive("delta-to-matrix", interpreter=True, arity=expected(1))
def delta_to_matrix(interpreter: "Interpreter", matrix: Any = None) -> Any:
    """Return the last weight changes as a matrix."""
    return to_matrix(interpreter.network.deltas, matrix)


@primitive("matrix-to-delta", interpreter=True)
def matrix_to_delta(interpreter: "Interpreter", matrix: Any) -> None:
    """Set the weight changes from a matrix."""
    from_matrix(interpreter.network.deltas, matrix)
