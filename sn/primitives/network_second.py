"""Network primitives of the newton kernels: second derivatives.

Source: sn28.md, section 4.2, and the cases net-second and net-euclid.
"""

from typing import TYPE_CHECKING, Any

from sn.net import engine, memory, steps
from sn.net.memory import Network
from sn.net.nlf import NLF
from sn.primitives.network import access_link, unit_field
from sn.primitives.network_arguments import Leading, real, units
from sn.primitives.network_layers import nlf_argument
from sn.primitives.registry import primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

nggrad = unit_field(memory.GGRADIENT, "Read or write the second derivative.", "nggrad")
nsqbacksum = unit_field(
    memory.SQBACKSUM, "Read or write the second derivative by the state.", "nsqbacksum"
)
nsigma = unit_field(memory.SIGMA, "Read or write the curvature of a unit.", "nsigma")


@primitive("sepsilon", interpreter=True)
def sepsilon(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the learning rate of a link."""
    network = interpreter.network
    link = network.find(int(pre), int(post))
    return access_link(network.link_epsilons, link, value)


@primitive("ssigma", interpreter=True)
def ssigma(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the running second derivative of a link."""
    network = interpreter.network
    return access_link(network.link_sigmas, network.find(int(pre), int(post)), value)


@primitive("update-ggradient", interpreter=True)
def update_ggradient(interpreter: "Interpreter", *arguments: Any) -> None:
    """Compute second derivatives: (update-ggradient [dnlf [ddnlf]] [gamma] layer...)."""
    leading = Leading(interpreter, arguments)
    slope, bend = leading.function("dnlf"), leading.function("ddnlf")
    _second(interpreter.network, leading, slope, bend)


@primitive("update-lmggradient", interpreter=True)
def update_lmggradient(interpreter: "Interpreter", *arguments: Any) -> None:
    """Compute second derivatives without f'': (update-lmggradient [dnlf] [gamma] layer...)."""
    leading = Leading(interpreter, arguments)
    _second(interpreter.network, leading, leading.function("dnlf"), None)


def _second(network: Network, leading: Leading, slope: NLF, bend: NLF | None) -> None:
    """Compute second derivatives of layers, now or later."""
    gamma = leading.number("gamma")
    functions = (slope,) if bend is None else (slope, bend)
    for layer in leading.layers():
        if not network.steps.put_off(
            steps.SECOND, (layer,), functions, (gamma,), bend is not None
        ):
            engine.update_second(network, layer, slope, bend, gamma)


@primitive("update-w-newton", interpreter=True)
def update_w_newton(interpreter: "Interpreter", *arguments: Any) -> None:
    """Move weights with rates over curvatures: ([alpha [decay [mu]]] [layer...])."""
    leading = Leading(interpreter, arguments)
    alpha, decay = leading.number("alpha"), leading.number("decay")
    mu = leading.number("mu")
    network = interpreter.network
    if not leading.arguments:
        what = steps.NEWTON_STEP if network.iterative else steps.LINK_STEP
        if network.steps.put_off(what, numbers=(alpha, decay, mu), flag=True):
            return
    for layer in leading.layers() if leading.arguments else [None]:
        engine.update_weights(network, layer, alpha, decay, mu)


@primitive("update-nn-ggradient", interpreter=True)
def update_nn_ggradient(
    interpreter: "Interpreter", dnlf: Any, ddnlf: Any, gamma: float, layer: Any, *layers: Any
) -> None:
    """Compute second derivatives of units that feed Euclidean ones."""
    slope, bend, network = nlf_argument(dnlf), nlf_argument(ddnlf), interpreter.network
    for each in (layer, *layers):
        found = units(network, each)
        engine.update_second(network, found, slope, bend, real(gamma), euclidean=True)


@primitive("update-nn-lmggradient", interpreter=True)
def update_nn_lmggradient(
    interpreter: "Interpreter", dnlf: Any, gamma: float, layer: Any, *layers: Any
) -> None:
    """Compute the same without f''."""
    slope, network = nlf_argument(dnlf), interpreter.network
    for each in (layer, *layers):
        found = units(network, each)
        engine.update_second(network, found, slope, None, real(gamma), euclidean=True)


@primitive("update-nn-w-newton", interpreter=True)
def update_nn_w_newton(
    interpreter: "Interpreter", alpha: float, decay: float, mu: float, *layers: Any
) -> None:
    """Move the weights of Euclidean units with rates over curvatures."""
    network = interpreter.network
    rates = real(alpha), real(decay), float(real(mu))
    for layer in [units(network, each) for each in layers] if layers else [None]:
        engine.update_weights(network, layer, *rates, euclidean=True)
