"""Network primitives of sn28itenew alone: second derivatives of shared weights.

Source: sn28.md, section 4.2, and the cases net-second.
"""

from typing import TYPE_CHECKING, Any

from sn.net import engine, steps
from sn.primitives.arguments import number
from sn.primitives.network import access_link, from_matrix, to_matrix, weight_index
from sn.primitives.network_arguments import units, variable
from sn.primitives.registry import expected, primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


@primitive("shess", interpreter=True)
def shess(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the accumulated second derivative of the weight between two units."""
    network = interpreter.network
    return access_link(network.hessians, weight_index(network, pre, post), value)


@primitive("clear-hess", interpreter=True)
def clear_hess(interpreter: "Interpreter") -> None:
    """Clear the accumulated second derivatives."""
    interpreter.network.hessians[:] = 0.0


@primitive("update-hess", interpreter=True, arity=expected(1))
def update_hess(interpreter: "Interpreter", layer: Any = None) -> None:
    """Add the curvatures of links to the second derivatives of weights."""
    network = interpreter.network
    if layer is None and network.steps.put_off(steps.HESSIANS):
        return
    engine.add_hessians(network, None if layer is None else units(network, layer))


@primitive("hessian-scale", interpreter=True, arity=expected(1))
def hessian_scale(interpreter: "Interpreter", mu: Any = None) -> None:
    """Divide the accumulated gradients by mu + |second derivative|."""
    value = variable(interpreter, "mu") if mu is None else number(mu)
    engine.scale_by_hessian(interpreter.network, value)


@primitive("hess-to-matrix", interpreter=True, arity=expected(1))
def hess_to_matrix(interpreter: "Interpreter", matrix: Any = None) -> Any:
    """Return the second derivatives of the weights as a matrix."""
    return to_matrix(interpreter.network.hessians, matrix)


@primitive("matrix-to-hess", interpreter=True)
def matrix_to_hess(interpreter: "Interpreter", matrix: Any) -> None:
    """Set the second derivatives of the weights from a matrix."""
    from_matrix(interpreter.network.hessians, matrix)
