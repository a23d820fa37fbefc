"""Primitives of our own library (netenv.sn, connect.sn): what would be loops over all links.

None of these names is of SN2.8; all begin with ``net-``.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import Cons, items
from sn.errors import LispError
from sn.matrix import Matrix
from sn.net import engine, patterns
from sn.net.compiled import compiled
from sn.net.memory import EPSILON, Layer
from sn.net.nlf import NLF
from sn.net.online import OnlineNet
from sn.primitives.arguments import integer, number, string, symbol
from sn.primitives.network import get_field, publish, set_field
from sn.primitives.network_arguments import one_unit, rows, units, variable
from sn.primitives.registry import primitive

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

CHUNK = 512  # patterns learned between two looks for an interruption
# The hooks on which learning and testing depend; the last one of LEARNING is not used by
# learn-cycle.
RUNNING = ("present-pattern", "present-desired", "forward-prop", "do-compute-err", "init-grad",
           "classify")  # fmt: skip
LEARNING = (*RUNNING, "backward-prop", "do-update-weight", "basic-iteration", "net-show",
            "net-judge", "disp-basic-iteration", "next-pattern")  # fmt: skip
TESTING = (*RUNNING, "test-pattern", "disp-perf-iteration")


@primitive("net-declare", interpreter=True)
def net_declare(interpreter: "Interpreter", name: Any, value: Any) -> None:
    """Declare a global variable and set it."""
    declared = symbol(name)
    declared.value = value
    declared.declared = True


# ---- weights and rates of many units ----


def _chosen(interpreter: "Interpreter", layer: Any) -> np.ndarray:
    """Return the units of a layer, or all of them, that have incoming links."""
    network = interpreter.network
    found = network.every_unit if layer is None else units(network, layer)
    return found[network.fan_in(found) > 0]


@primitive("net-forget", interpreter=True)
def net_forget(interpreter: "Interpreter", layer: Any, x: float, exponent: float) -> None:
    """Draw weights within x over a power of the fan-in; with power 0, clear the changes."""
    network = interpreter.network
    chosen = _chosen(interpreter, layer)
    if exponent == 0:
        chosen = chosen[chosen > 0]
    bounds = number(x) / network.fan_in(chosen).astype(np.float64) ** exponent
    engine.draw_weights(network, chosen, bounds)
    if exponent == 0:
        for unit in chosen if layer is not None else []:
            network.deltas[network.weights_of(network.into(unit))] = 0.0
        if layer is None:
            network.deltas[network.links()[2]] = 0.0


@primitive("net-epsi", interpreter=True)
def net_epsi(interpreter: "Interpreter", layer: Any, x: float, exponent: float) -> None:
    """Set learning rates to x over a power of the fan-in."""
    network = interpreter.network
    chosen = _chosen(interpreter, layer)
    rates = number(x) / network.fan_in(chosen).astype(np.float64) ** exponent
    _set_rates(interpreter, chosen, rates)


@primitive("net-share-epsi", interpreter=True)
def net_share_epsi(interpreter: "Interpreter") -> None:
    """Divide every learning rate by the root of the users of the unit's newest weight."""
    network = interpreter.network
    chosen = _chosen(interpreter, None)
    lists = network.incoming
    users = network.counters[lists.table[1, lists.starts[chosen]]].astype(np.float64)
    if network.newton:
        now = np.array([get_field(network, unit, EPSILON) for unit in chosen.tolist()])
    else:
        now = network.fields[EPSILON, chosen].astype(np.float64)
    _set_rates(interpreter, chosen, now / np.sqrt(users))


def _set_rates(interpreter: "Interpreter", chosen: np.ndarray, rates: np.ndarray) -> None:
    network = interpreter.network
    with np.errstate(over="ignore"):  # as in C: beyond the range of a float is infinity
        rates = rates.astype(np.float32)
    if network.newton:
        for unit, rate in zip(chosen.tolist(), rates.tolist(), strict=True):
            set_field(network, unit, EPSILON, np.float32(rate))
    else:
        network.fields[EPSILON, chosen] = rates


# ---- connection patterns ----


@primitive("net-windows", interpreter=True)
def net_windows(
    interpreter: "Interpreter",
    name: str,
    sharing: Any,
    layer: Any,
    rows: float,
    columns: float,
    target: Any,
    target_rows: float,
    target_columns: float,
    x_step: float,
    y_step: float,
    x_size: float,
    y_size: float,
    wrap: Any = None,
) -> None:
    """Link windows of a grid of units to the units of another (see `sn.net.patterns`)."""
    network = interpreter.network
    kind = symbol(sharing).name
    rows, columns = integer(rows), integer(columns)
    target_rows, target_columns = integer(target_rows), integer(target_columns)
    steps = integer(x_step), integer(y_step)
    sizes = integer(x_size), integer(y_size)
    around = wrap is not None
    if patterns.inexact(rows, sizes[1], target_rows, steps[1], around) or patterns.inexact(
        columns, sizes[0], target_columns, steps[0], around
    ):
        interpreter.output.write(f"{string(name)}:[warning]:inexact layer size.\n")
    if kind != "none" and not network.iterative:
        raise LispError("shared weights need an iterative kernel")
    seen = patterns.seen_windows(
        units(network, layer), rows, columns, target_rows, target_columns, steps, sizes, around
    )
    places = patterns.grid(units(network, target), target_rows, target_columns).reshape(-1, 1)
    reverse = kind == "reverse"
    try:
        patterns.connect_windows(
            network, seen, places, "mask" if reverse else kind, reverse=reverse
        )
    finally:
        publish(interpreter)


@primitive("net-frames", interpreter=True)
def net_frames(
    interpreter: "Interpreter",
    layer: Any,
    frames: float,
    traits: float,
    target: Any,
    target_frames: float,
    target_traits: float,
    step: float,
    size: float,
) -> None:
    """Link windows of frames to frames, all traits to all traits, shared over time."""
    network = interpreter.network
    frames, traits = integer(frames), integer(traits)
    target_frames, target_traits = integer(target_frames), integer(target_traits)
    step, size = integer(step), integer(size)
    if step and patterns.inexact(frames, size, target_frames, step):
        interpreter.output.write("tdnn-connect:[benign warning] bad frame numbers.\n")
    cells = patterns.grid(units(network, layer), frames, traits)
    seen = cells[patterns.windows(frames, size, target_frames, step)]
    places = patterns.grid(units(network, target), target_frames, target_traits)
    try:
        patterns.connect_windows(
            network, seen.reshape(target_frames, size * traits), places, "mask"
        )
    finally:
        publish(interpreter)


@primitive("net-share-bias", interpreter=True)
def net_share_bias(interpreter: "Interpreter", unit: float, layer: Any) -> None:
    """Link the bias to the units of a layer with the weight of its link to one unit."""
    network = interpreter.network
    slot = network.weight_of(network.find(0, one_unit(network, unit)))
    found = units(network, layer)
    try:
        network.share_weights(np.full(len(found), slot), np.zeros_like(found), found)
    finally:
        publish(interpreter)


# ---- layers ----


@primitive("net-layers", interpreter=True)
def net_layers(interpreter: "Interpreter", description: Any) -> None:
    """Note the layers `define-net` declared: (name units kind nlf dnlf dropout) each."""
    network = interpreter.network
    layers = []
    for entry in items(description):
        name, layer, kind, nlf, slope, dropout = items(entry)
        kind = kind and symbol(kind).name
        if not 0 <= number(dropout) < 1:
            raise LispError("dropout must be from 0 to less than 1", dropout)
        found = units(network, layer)
        options = kind == "euclidean", slope, kind == "max", float(dropout)
        layers.append(Layer(symbol(name).name, found, nlf, *options))
    network.layers = layers
    network.touch()


# ---- learning many patterns in one call ----


@primitive("net-standard", interpreter=True)
def net_standard(interpreter: "Interpreter", names: Any) -> None:
    """Note that these hooks now have standard values."""
    for name in items(names):
        interpreter.network.standard[symbol(name).name] = symbol(name).value


@primitive("net-choices", interpreter=True)
def net_choices(interpreter: "Interpreter", functions: Any) -> None:
    """Note the standard ways to choose a pattern: in order, at random."""
    interpreter.network.choices = items(functions)


@primitive("net-criterion", interpreter=True)
def net_criterion(interpreter: "Interpreter", name: Any) -> None:
    """Note the name of the standard criterion in use."""
    interpreter.network.criterion = "" if name is None else symbol(name).name


def _prepare(interpreter: "Interpreter", hooks: tuple[str, ...]) -> OnlineNet | None:
    """Return the network ready for many patterns in one call, None if anything is unusual."""
    network = interpreter.network

    def value(name: str) -> Any:
        return interpreter.symbols.intern(name).value

    for name in hooks:
        if name not in network.standard or value(name) is not network.standard[name]:
            return None
    if not network.layers or value("theta") != 0 or value("input-noise") != 0:
        return None
    layers = []
    for layer in network.layers[1:]:
        nlf, slope = layer.nlf, layer.slope
        if nlf is None:
            nlf, slope = value("nlf"), value("dnlf")
        if not (isinstance(nlf, NLF) and isinstance(slope, NLF)):
            return None
        layers.append((layer.units, nlf, slope))
    exact = network.compiled is None or value("alpha") != 0 or value("decay") != 0
    functions = [f for layer in layers for f in layer[1:]]
    if not layers or (exact and not OnlineNet.possible(functions)):
        return None
    names = ("input-layer", "output-layer", "desired-layer")
    if any(value(name).__class__ is not Cons for name in names):
        return None
    inputs, outputs, desired = (units(network, value(name)) for name in names)
    if not np.array_equal(outputs, layers[-1][0]) or len(outputs) != len(desired):
        return None
    return compiled(network, value("nlf"), OnlineNet(inputs, desired, layers))


def _whole(interpreter: "Interpreter") -> bool:
    """Tell whether no pattern may be left to run form by form: a layer could not."""
    network = interpreter.network
    compiled_only = any(layer.compiled_only for layer in network.layers)
    return compiled_only and network.compiled is not None


def _matrices(
    interpreter: "Interpreter", net: OnlineNet, order: np.ndarray
) -> tuple[Matrix, Matrix] | None:
    """Return patterns and targets if these rows of them fit the network."""
    found = []
    for names, layer in (
        (("pattern-matrix", "pattern-array"), net.inputs),
        (("desired-matrix", "desired-array"), net.desired),
    ):
        values = [interpreter.symbols.intern(name).value for name in names]
        matrix = values[0] if values[0] is not None else values[1]
        if matrix.__class__ is not Matrix or matrix.letter == "a":
            return None
        if matrix.array.shape[1:] != (len(layer),) or order.max() >= len(matrix.array):
            return None
        found.append(matrix)
    return None if order.min() < 0 else (found[0], found[1])


def _learn_rows(interpreter: "Interpreter", net: OnlineNet, order: np.ndarray) -> bool:
    """Learn these patterns; False, with nothing done, when the matrices do not fit."""
    matrices = _matrices(interpreter, net, order)
    if matrices is None:
        return False
    alpha, decay = variable(interpreter, "alpha"), variable(interpreter, "decay")
    age = interpreter.symbols.intern("age")
    for start in range(0, len(order), CHUNK):
        shown, wanted = (rows(matrix, order[start : start + CHUNK]) for matrix in matrices)
        net.learn(interpreter.network, shown, wanted, alpha, decay)
        age.value += float(len(shown))
    return True


@primitive("net-learn", interpreter=True)
def net_learn(interpreter: "Interpreter", count: float) -> float:
    """Learn all but one of so many patterns at once, if possible; return how many are left.

    None is left of a compiled net with layers that run nowhere else.
    """
    left = integer(count)
    last = 0 if _whole(interpreter) else 1
    net = _prepare(interpreter, LEARNING) if left > last else None
    left += 1 - last
    if net is None:
        return count
    current = interpreter.symbols.intern("current-pattern")
    low, high = (interpreter.symbols.intern(name).value for name in ("patt-min", "patt-max"))
    choose = interpreter.symbols.intern("next-choice").value
    choices = interpreter.network.choices
    numbers = (current.value, low, high)
    if any(v.__class__ not in (int, float) or v != int(v) for v in numbers):
        return count
    row, low, high = (int(v) for v in numbers)
    if choose is choices[0]:
        if not low <= row <= high:
            return count
        order = low + (np.arange(left) + row - low) % (high - low + 1)
    elif choose is choices[1]:
        before = interpreter.network.generator.state()
        draw = interpreter.network.generator.rand
        drawn = [row] + [int(np.floor(draw(low, high + 1))) for _ in range(left - 1)]
        order = np.array(drawn)
    else:
        return count
    if not _learn_rows(interpreter, net, order[:-1]):
        if choose is choices[1]:
            interpreter.network.generator.restore(before)
        return count
    current.value = float(order[-1])
    return last


@primitive("net-learn-rows", interpreter=True)
def net_learn_rows(interpreter: "Interpreter", first: float, last: float) -> float:
    """Learn patterns first...last - 1 at once, if possible; return the first one left."""
    if first.__class__ not in (int, float) or last.__class__ not in (int, float):
        return first
    last += _whole(interpreter)
    net = _prepare(interpreter, LEARNING[:-1]) if last > first else None
    if net is None or not _learn_rows(interpreter, net, np.arange(int(first), int(last))):
        return first
    return last


def _right(criterion: str, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray | None:
    """Judge outputs (n, outputs) as a standard criterion does; None for the other ones."""
    if criterion == "class-max":
        places = outputs == outputs.max(axis=1, keepdims=True)
        return (places == (targets == targets.max(axis=1, keepdims=True))).all(axis=1)
    if criterion == "class-quadrant":
        return ((outputs < 0) == (targets < 0)).all(axis=1)
    return None


@primitive("net-test-rows", interpreter=True)
def net_test_rows(interpreter: "Interpreter", first: float, last: float) -> float:
    """Test patterns first...last - 1 at once, if possible; return the first one left.

    Their errors and good answers are added to global-error and good-an-num.
    """
    if first.__class__ not in (int, float) or last.__class__ not in (int, float):
        return first
    network = interpreter.network
    last += _whole(interpreter)
    if network.criterion not in ("class-max", "class-quadrant") or last <= first:
        return first
    net = _prepare(interpreter, TESTING)
    order = np.arange(int(first), int(last))
    matrices = None if net is None else _matrices(interpreter, net, order)
    if net is None or matrices is None:
        return first
    total = interpreter.symbols.intern("global-error")
    good = interpreter.symbols.intern("good-an-num")
    for start in range(0, len(order), CHUNK):
        shown, wanted = (rows(matrix, order[start : start + CHUNK]) for matrix in matrices)
        energies, outputs = net.test(network, shown, wanted)
        for energy in energies.tolist():
            total.value += energy / len(net.desired)
        good.value += float(np.count_nonzero(_right(network.criterion, outputs, wanted)))
    return last
