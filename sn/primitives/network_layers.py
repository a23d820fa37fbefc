"""Network primitives of all four kernels that work on layers: propagation and field arithmetic.

Layers are lists of unit numbers, possibly nested. Arguments in front of them that are left out
are read from the variables theta, nlf, dnlf, alpha and decay.
Source: sn28.md, section 4.2 (C3, C5, C6), and the cases net-fields, net-euclid and net-iac.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.errors import LispError
from sn.matrix import Matrix
from sn.net import engine, memory, steps
from sn.net.memory import Network
from sn.net.nlf import NLF
from sn.primitives.arguments import integer
from sn.primitives.matrices import select
from sn.primitives.network import field_number
from sn.primitives.network_arguments import (
    Leading,
    floats,
    one_unit,
    real,
    rows,
    some_units,
    unit_pairs,
    units,
)
from sn.primitives.registry import expected, primitive
from sn.symbols import T

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


def nlf_argument(value: Any) -> NLF:
    """Check a transfer function."""
    if not isinstance(value, NLF):
        raise LispError("not a nlf", value)
    return value


# ---- patterns ----


def _show(network: Network, values: np.ndarray, layers: list[Any], shown: Any) -> None:
    """Give values to the units of layers, one layer after the other.

    Units left over keep their states, unless a whole layer is left over as well.
    """
    found = [units(network, layer) for layer in layers]
    if len(layers) == 1 and len(values) == len(found[0]):
        if not network.steps.show(found[0], values):
            network.values[found[0]] = values
        return
    if len(layers) == 1 and len(values) < len(found[0]):
        network.values[found[0][: len(values)]] = values
        return
    ends = np.cumsum([len(each) for each in found])
    if len(values) > ends[-1]:
        raise LispError("bad neuron number list", function="get-pattern-2")
    used = int(np.searchsorted(ends, len(values)))
    if used < len(layers) - 1 and len(values) < ends[used]:
        text = "Neuron lists do not match matrix size"
        raise LispError(text, shown, function="get-pattern-2")
    network.values[np.concatenate(found)[: len(values)]] = values


@primitive("get-pattern-2", interpreter=True)
def get_pattern_2(interpreter: "Interpreter", pattern: Any, layer: Any, *layers: Any) -> None:
    """Copy the elements of a matrix into the states of layers."""
    values = floats(pattern).reshape(-1)
    _show(interpreter.network, values, [layer, *layers], pattern)


@primitive("get-pattern", interpreter=True)
def get_pattern(
    interpreter: "Interpreter", patterns: Any, row: float, layer: Any, *layers: Any
) -> None:
    """Copy a row of a matrix into the states of layers: get-pattern-2 of what select gives."""
    if patterns.__class__ is Matrix and patterns.array.ndim == 2 and patterns.letter != "a":
        place = integer(row)
        if 0 <= place < len(patterns.array):
            _show(interpreter.network, rows(patterns, place), [layer, *layers], patterns)
            return
    try:
        pattern = select(patterns, 0, row)
    except LispError as error:
        error.function = "select"
        raise
    get_pattern_2(interpreter, pattern, layer, *layers)


# ---- propagation ----


@primitive("update-weighted-sum", interpreter=True)
def update_weighted_sum(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute weighted sums: (update-weighted-sum [theta] layer...)."""
    leading = Leading(interpreter, arguments)
    theta = leading.number("theta")
    for layer in leading.layers():
        engine.update_sums(interpreter.network, layer, theta)
    return T


@primitive("update-state-only", interpreter=True)
def update_state_only(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute states from sums: (update-state-only [nlf] layer...)."""
    leading = Leading(interpreter, arguments)
    nlf = leading.function("nlf")
    for layer in leading.layers():
        engine.update_states_only(interpreter.network, layer, nlf)
    return T


@primitive("update-state", interpreter=True)
def update_state(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute sums and states: (update-state [theta] [nlf] layer...)."""
    network = interpreter.network
    if network.steps.again("update-state", arguments):
        return T
    leading = Leading(interpreter, arguments)
    theta = leading.number("theta")
    nlf = leading.function("nlf")
    put_off = 0
    for layer in leading.layers():
        if theta == 0 and network.steps.put_off(steps.STATES, (layer,), (nlf,)):
            put_off += 1
        else:
            engine.update_states(network, layer, nlf, theta)
    if len(arguments) == put_off + 2:
        network.steps.remember("update-state", arguments, put_off)
    return T


@primitive("update-back-sum", interpreter=True)
def update_back_sum(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute gradients by the states: (update-back-sum layer...)."""
    for layer in Leading(interpreter, arguments).layers():
        engine.update_back_sums(interpreter.network, layer)
    return T


@primitive("update-gradient-only", interpreter=True)
def update_gradient_only(interpreter: "Interpreter", *arguments: Any) -> int:
    """Multiply back-sums by slopes: (update-gradient-only [dnlf] layer...)."""
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    for layer in leading.layers():
        engine.update_gradients_only(interpreter.network, layer, slope)
    return len(arguments)


@primitive("update-gradient", interpreter=True)
def update_gradient(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute both gradients: (update-gradient [dnlf] layer...)."""
    network = interpreter.network
    if network.steps.again("update-gradient", arguments):
        return T
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    put_off = 0
    for layer in leading.layers():
        if network.steps.put_off(steps.GRADIENTS, (layer,), (slope,)):
            put_off += 1
        else:
            engine.update_gradients(network, layer, slope)
    if len(arguments) == put_off + 1:
        network.steps.remember("update-gradient", arguments, put_off)
    return T


@primitive("update-deltastate", interpreter=True)
def update_deltastate(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Differentiate states along the weight changes: (update-deltastate [dnlf] layer...)."""
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    network = interpreter.network
    for layer in leading.layers():
        if not network.steps.put_off(steps.DELTA_STATES, (layer,), (slope,)):
            engine.update_delta_states(network, layer, slope)
    return T


@primitive("init-grad-lms", interpreter=True)
def init_grad_lms(interpreter: "Interpreter", *arguments: Any) -> float:
    """Start from the output errors: (init-grad-lms [dnlf] output desired); return the error."""
    network = interpreter.network
    if network.steps.again("init-grad-lms", arguments):
        return float(network.steps.run(network))
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    if len(leading.arguments) != 2:
        raise LispError(expected(2 + len(arguments) - len(leading.arguments)))
    pair = unit_pairs(network, *leading.arguments)
    if network.steps.put_off(steps.ERRORS, pair, (slope,)):
        if len(arguments) == 3:
            network.steps.remember("init-grad-lms", arguments, 1)
        return float(network.steps.run(network))
    return engine.init_gradients(network, *pair, slope)


@primitive("init-grad-thlms", interpreter=True)
def init_grad_thlms(interpreter: "Interpreter", *arguments: Any) -> float:
    """Start from output errors that count on one side only: a threshold follows the layers."""
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    threshold = 0.0
    if len(leading.arguments) == 3:
        threshold = float(real(leading.arguments.pop()))
    if len(leading.arguments) != 2:
        raise LispError(expected(2 + len(arguments) - len(leading.arguments)))
    pair = unit_pairs(interpreter.network, *leading.arguments)
    return engine.init_gradients(interpreter.network, *pair, slope, threshold)


@primitive("update-weight", interpreter=True)
def update_weight(interpreter: "Interpreter", *arguments: Any) -> None:
    """Move weights along the gradient: (update-weight [alpha [decay]] [layer...])."""
    leading = Leading(interpreter, arguments)
    alpha, decay = leading.number("alpha"), leading.number("decay")
    if not leading.arguments and _whole_step(interpreter.network, alpha, decay):
        return
    for layer in leading.layers() if leading.arguments else [None]:
        engine.update_weights(interpreter.network, layer, alpha, decay)


def _whole_step(network: Network, alpha: float, decay: float) -> bool:
    """Put a step of all weights off; False when it has to be done now."""
    what = steps.SHARED_STEP if network.iterative else steps.LINK_STEP
    return network.steps.put_off(what, numbers=(alpha, decay))


# ---- Euclidean units ----


def _theta(arguments: list[Any]) -> float:
    """Take the noise off the front; the variable theta does not count here."""
    return arguments.pop(0) if arguments and arguments[0].__class__ in (float, int) else 0.0


@primitive("update-nn-sum", interpreter=True)
def update_nn_sum(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute squared distances of weights and inputs: (update-nn-sum [theta] layer...)."""
    rest = list(arguments)
    theta = _theta(rest)
    for layer in rest:
        found = units(interpreter.network, layer)
        engine.update_sums(interpreter.network, found, theta, euclidean=True)
    return T


@primitive("update-nn-state", interpreter=True)
def update_nn_state(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Compute distances, then states: (update-nn-state [theta] nlf layer...)."""
    rest = list(arguments)
    theta = _theta(rest)
    nlf = nlf_argument(rest.pop(0) if rest else None)
    for layer in rest:
        found = units(interpreter.network, layer)
        engine.update_states(interpreter.network, found, nlf, theta, euclidean=True)
    return T


@primitive("update-nn-back-sum", interpreter=True)
def update_nn_back_sum(interpreter: "Interpreter", *layers: Any) -> Any:
    """Back-propagate to units that feed Euclidean ones."""
    for layer in layers:
        found = units(interpreter.network, layer)
        engine.update_back_sums(interpreter.network, found, euclidean=True)
    return T


@primitive("update-nn-gradient", interpreter=True)
def update_nn_gradient(interpreter: "Interpreter", dnlf: Any, *layers: Any) -> Any:
    """Back-propagate to units that feed Euclidean ones: (update-nn-gradient dnlf layer...)."""
    slope = nlf_argument(dnlf)
    for layer in layers:
        found = units(interpreter.network, layer)
        engine.update_gradients(interpreter.network, found, slope, euclidean=True)
    return T


@primitive("update-nn-deltastate", interpreter=True)
def update_nn_deltastate(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Differentiate Euclidean states along the weight changes."""
    leading = Leading(interpreter, arguments)
    slope = leading.function("dnlf")
    for layer in leading.layers():
        engine.update_delta_states(interpreter.network, layer, slope, euclidean=True)
    return T


@primitive("update-nn-weight", interpreter=True)
def update_nn_weight(
    interpreter: "Interpreter", alpha: float, decay: float, *layers: Any
) -> None:
    """Move the weights of Euclidean units: (update-nn-weight alpha decay [layer...]).

    Of several layers the original does every second one only; so does this.
    """
    network = interpreter.network
    chosen = [units(network, layer) for layer in layers[::2]] if layers else [None]
    for layer in chosen:
        engine.update_weights(network, layer, real(alpha), real(decay), euclidean=True)


@primitive("find-winner", interpreter=True)
def find_winner(interpreter: "Interpreter", layer: Any) -> int:
    """Return the unit with the largest state, the first of several."""
    network = interpreter.network
    found = some_units(network, layer)
    return int(found[network.values[found].argmax()])


@primitive("find-loser", interpreter=True)
def find_loser(interpreter: "Interpreter", layer: Any) -> int:
    """Return the unit with the smallest state, the first of several."""
    network = interpreter.network
    found = some_units(network, layer)
    return int(found[network.values[found].argmin()])


# ---- interactive activation, adaptive resonance ----


@primitive("update-excitation", interpreter=True)
def update_excitation(interpreter: "Interpreter", *layers: Any) -> int:
    """Sum the inputs over positive weights into spare field 1."""
    for layer in layers:
        engine.update_excitation(interpreter.network, units(interpreter.network, layer))
    return len(layers)


@primitive("update-inhibition", interpreter=True)
def update_inhibition(interpreter: "Interpreter", *layers: Any) -> int:
    """Sum the inputs over negative weights into spare field 2."""
    for layer in layers:
        engine.update_inhibition(interpreter.network, units(interpreter.network, layer))
    return len(layers)


def _activation(model: str, name: str, doc: str) -> Any:
    def update(
        interpreter: "Interpreter",
        layer: Any,
        alpha: float,
        beta: float,
        gamma: float,
        low: float,
        high: float,
        rest: float,
        decay: float,
    ) -> None:
        numbers = [real(v) for v in (alpha, beta, gamma, low, high, rest, decay)]
        found = units(interpreter.network, layer)
        engine.update_activation(interpreter.network, found, model, numbers)

    update.__doc__ = doc
    update.__code__ = update.__code__.replace(co_name=name)
    return primitive(name, interpreter=True)(update)


update_iac = _activation("iac", "update-iac-activation", "Step interactive activation.")
update_art = _activation("art", "update-art-activation", "Step adaptive resonance.")


# ---- arithmetic on unit fields ----


def _row(network: Network, field: Any) -> np.ndarray:
    return network.fields[field_number(network, field, rows=True)]


def _in_order_sum(values: np.ndarray) -> float:
    total = np.float32(0)
    for value in values:
        total += value
    return float(total)


@primitive("set-nfield", interpreter=True)
def set_nfield(interpreter: "Interpreter", layer: Any, field: float, value: float) -> float:
    """Set a field of a layer to a number."""
    network = interpreter.network
    _row(network, field)[some_units(network, layer)] = real(value)
    return value


@primitive("copy-nfield", interpreter=True)
def copy_nfield(
    interpreter: "Interpreter", layer: Any, field: float, source: Any, other: Any = None
) -> None:
    """Copy a field: (copy-nfield l1 f1 [l2] f2), within a layer or from another."""
    network = interpreter.network
    if other is None:
        found = some_units(network, layer)
        into, values = _row(network, field), _row(network, source)
        into[found] = values[found]
        return
    one, two = unit_pairs(network, layer, source)
    into, values = _row(network, field), _row(network, other)
    for i, j in zip(one.tolist(), two.tolist(), strict=True):
        into[i] = values[j]


@primitive("op-nfield", interpreter=True)
def op_nfield(
    interpreter: "Interpreter",
    layer: Any,
    field: float,
    field_2: float,
    factor_2: float,
    field_3: float,
    factor_3: float,
) -> None:
    """Combine two fields: f1 := g2 f2 + g3 f3."""
    network = interpreter.network
    found = some_units(network, layer)
    two, three = _row(network, field_2)[found], _row(network, field_3)[found]
    _row(network, field)[found] = real(factor_2) * two + real(factor_3) * three


@primitive("mul-nfield", interpreter=True)
def mul_nfield(
    interpreter: "Interpreter", layer: Any, field: float, field_2: float, field_3: float
) -> float:
    """Multiply two fields: f1 := f2 f3; return the sum."""
    network = interpreter.network
    found = some_units(network, layer)
    product = _row(network, field_2)[found] * _row(network, field_3)[found]
    _row(network, field)[found] = product
    return _in_order_sum(product)


@primitive("invert-nfield", interpreter=True)
def invert_nfield(
    interpreter: "Interpreter", layer: Any, field: float, field_2: float, factor: float
) -> float:
    """Invert a field: f1 := g / f2; return the sum."""
    network = interpreter.network
    found = some_units(network, layer)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = real(factor) / _row(network, field_2)[found]
    _row(network, field)[found] = inverse
    return _in_order_sum(inverse)


@primitive("gauss-state", interpreter=True)
def gauss_state(interpreter: "Interpreter", layer: Any, deviation: float) -> None:
    """Add normal noise to the states of a layer."""
    network = interpreter.network
    engine.add_noise(network, units(network, layer), real(deviation))


@primitive("flip-state", interpreter=True)
def flip_state(interpreter: "Interpreter", layer: Any, probability: float) -> None:
    """Negate each state of a layer with a probability."""
    network = interpreter.network
    engine.flip_states(network, units(network, layer), real(probability))


# ---- arithmetic on link fields ----


def _link_field(network: Network, field: Any, links: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return the array behind a link field and where the links lie in it."""
    number = integer(field)
    by_weight = {memory.LINK_VALUE: network.weights, memory.LINK_DELTA: network.deltas}
    by_link = {}
    if network.iterative:
        by_weight[memory.LINK_ACC] = network.accumulators
    if network.newton:
        by_link = {
            memory.LINK_EPSILON: network.link_epsilons,
            memory.LINK_SIGMA: network.link_sigmas,
        }
        if network.iterative:
            by_weight[memory.LINK_HESS] = network.hessians
    if number in by_link:
        return by_link[number], links
    if number not in by_weight:
        raise LispError("illegal sfield number", float(number))
    return by_weight[number], network.weights_of(links)


def _links(network: Network, layer: Any) -> np.ndarray:
    """Return the incoming links of a layer, newest first unit by unit."""
    found = [network.into(unit) for unit in some_units(network, layer)]
    return np.concatenate([np.empty(0, dtype=np.uint32), *found])


def _each_link(network: Network, layer: Any, field: Any, compute: Any, *fields: Any) -> None:
    """Set a link field link by link, as shared weights may be met several times."""
    links = _links(network, layer)
    into, at = _link_field(network, field, links)
    sources = [_link_field(network, f, links) for f in fields]
    with np.errstate(divide="ignore", invalid="ignore"):
        for k in range(len(links)):
            into[at[k]] = compute(*(array[place[k]] for array, place in sources))


@primitive("set-sfield", interpreter=True)
def set_sfield(interpreter: "Interpreter", layer: Any, field: float, value: float) -> float:
    """Set a field of the incoming links of a layer to a number."""
    network = interpreter.network
    links = _links(network, layer)
    into, at = _link_field(network, field, links)
    into[at] = real(value)
    return value


@primitive("copy-sfield", interpreter=True)
def copy_sfield(
    interpreter: "Interpreter", layer: Any, field: float, source: Any, other: Any = None
) -> None:
    """Copy a link field: (copy-sfield l1 f1 [l2] f2)."""
    network = interpreter.network
    if other is None:
        _each_link(network, layer, field, lambda value: value, source)
        return
    one, two = unit_pairs(network, layer, source)
    for i, j in zip(one.tolist(), two.tolist(), strict=True):
        mine, theirs = network.into(i), network.into(j)
        into, at = _link_field(network, field, mine)
        values, places = _link_field(network, other, theirs)
        for a, b in zip(at, places, strict=False):
            into[a] = values[b]


@primitive("op-sfield", interpreter=True)
def op_sfield(
    interpreter: "Interpreter",
    layer: Any,
    field: float,
    field_2: float,
    factor_2: float,
    field_3: float,
    factor_3: float,
) -> None:
    """Combine two link fields: f1 := g2 f2 + g3 f3."""
    two, three = real(factor_2), real(factor_3)
    network = interpreter.network
    _each_link(network, layer, field, lambda a, b: two * a + three * b, field_2, field_3)


@primitive("mul-sfield", interpreter=True)
def mul_sfield(
    interpreter: "Interpreter", layer: Any, field: float, field_2: float, field_3: float
) -> None:
    """Multiply two link fields: f1 := f2 f3."""
    _each_link(interpreter.network, layer, field, lambda a, b: a * b, field_2, field_3)


@primitive("invert-sfield", interpreter=True)
def invert_sfield(
    interpreter: "Interpreter", layer: Any, field: float, field_2: float, factor: float
) -> None:
    """Invert a link field: f1 := g / f2."""
    scale = real(factor)
    _each_link(interpreter.network, layer, field, lambda a: scale / a, field_2)


def _from_units(interpreter: "Interpreter", unit: Any, field: Any, source: Any, add: bool):
    """Copy or add a field of the upstream units of a unit to its incoming links."""
    network = interpreter.network
    unit = one_unit(network, unit)
    lists = network.incoming
    upstream = lists.table[0, lists.starts[unit] : lists.starts[unit + 1]]
    values = _row(network, source)[upstream]
    into, at = _link_field(network, field, network.into(unit))
    for place, value in zip(at, values, strict=True):
        into[place] = into[place] + value if add else value


@primitive("set-swn", interpreter=True)
def set_swn(interpreter: "Interpreter", unit: float, field: float, source: float) -> None:
    """Copy a field of the upstream units of a unit into a field of its links."""
    _from_units(interpreter, unit, field, source, add=False)


@primitive("acc-swn", interpreter=True)
def acc_swn(interpreter: "Interpreter", unit: float, field: float, source: float) -> None:
    """Add a field of the upstream units of a unit to a field of its links."""
    _from_units(interpreter, unit, field, source, add=True)
