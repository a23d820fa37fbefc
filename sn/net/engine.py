"""What moves through a network: states, gradients, second derivatives, weight steps.

Each function is one primitive of SN2.8 applied to one layer, an int32 array of unit numbers; it
chooses the kernel and hands it the arrays of the `Network`. The arithmetic is in
`sn.net.kernels_exact`. Transfer functions that call Lisp are applied unit by unit from here.
"""

from collections.abc import Callable

import numpy as np

from sn.net import kernels_exact as exact
from sn.net import kernels_exact_second as second
from sn.net.memory import (
    BACKSUM,
    GGRADIENT,
    GRADIENT,
    SQBACKSUM,
    SUM,
    VALUE,
    Network,
)
from sn.net.nlf import NLF

REGULAR_FACTOR = np.float32(2)
SN_FACTOR = np.float32(1)
_NO_RANDOM = np.zeros(58, dtype=np.int64)


def _with_random(network: Network, wanted: bool, run: Callable[[np.ndarray], None]) -> None:
    """Run a kernel that may draw numbers, keeping the one stream of the interpreter."""
    if not wanted:
        run(_NO_RANDOM)
        return
    state = network.generator.state()
    run(state)
    network.generator.restore(state)


def _apply(nlf: NLF, values: np.ndarray) -> np.ndarray:
    """Evaluate a transfer function that calls Lisp."""
    return np.array([nlf(float(v)) for v in values], dtype=np.float32)


def _kinds(network: Network, euclidean: bool) -> np.ndarray:
    """Return the kinds of all units, or Euclidean for all (the update-nn primitives)."""
    return network.all_euclidean if euclidean else network.kinds


# ---- forward ----


def update_sums(
    network: Network, units: np.ndarray, theta: float = 0.0, euclidean: bool = False
) -> None:
    """Compute weighted sums (update-weighted-sum) or squared distances (update-nn-sum)."""
    lists, theta = network.incoming, np.float32(theta)
    kinds = _kinds(network, euclidean)

    def run(random: np.ndarray) -> None:
        exact.weighted_sums(
            units, lists.starts, lists.table, network.fields, network.W, kinds, theta, random
        )

    _with_random(network, theta != 0, run)


def update_states_only(network: Network, units: np.ndarray, nlf: NLF) -> None:
    """Compute states from sums (update-state-only)."""
    fields = network.fields
    if nlf.native:
        exact.apply_nlf(units, fields, *nlf.arguments)
    else:
        fields[VALUE, units] = _apply(nlf, fields[SUM, units])


def update_states(
    network: Network,
    units: np.ndarray,
    nlf: NLF,
    theta: float = 0.0,
    euclidean: bool = False,
) -> None:
    """Compute all sums of a layer, then its states (update-state, update-nn-state)."""
    if theta or not nlf.native:
        update_sums(network, units, theta, euclidean)
        update_states_only(network, units, nlf)
        return
    lists = network.incoming
    exact.states(
        units,
        lists.starts,
        lists.table,
        network.fields,
        network.W,
        _kinds(network, euclidean),
        np.float32(0),
        _NO_RANDOM,
        *nlf.arguments,
    )


# ---- backward ----


def update_back_sums(network: Network, units: np.ndarray, euclidean: bool = False) -> None:
    """Compute gradients by the states (update-back-sum, update-nn-back-sum)."""
    lists = network.outgoing
    arrays = units, lists.starts, lists.table, network.fields, network.W
    if euclidean:
        exact.euclidean_back_sums(*arrays)
    else:
        exact.back_sums(*arrays, network.kinds)


def update_gradients_only(network: Network, units: np.ndarray, slope: NLF) -> None:
    """Compute gradients by the sums from those by the states (update-gradient-only)."""
    fields = network.fields
    if slope.native:
        exact.apply_slope(units, fields, *slope.arguments)
    else:
        slopes = _apply(slope, fields[SUM, units])
        fields[GRADIENT, units] = fields[BACKSUM, units] * slopes


def update_gradients(
    network: Network, units: np.ndarray, slope: NLF, euclidean: bool = False
) -> None:
    """Compute both (update-gradient, update-nn-gradient)."""
    update_back_sums(network, units, euclidean)
    update_gradients_only(network, units, slope)


def init_gradients(
    network: Network,
    outputs: np.ndarray,
    desired: np.ndarray,
    slope: NLF,
    threshold: float | None = None,
) -> float:
    """Start the backward pass from the output errors; return the error 0.5 sum (d - x)².

    With a threshold, errors beyond the target on its side of the threshold do not count.
    """
    energy = exact.output_errors(
        outputs, desired, network.fields, np.float32(threshold or 0.0), threshold is not None
    )
    update_gradients_only(network, outputs, slope)
    if network.newton:
        network.fields[SQBACKSUM, outputs] = 1.0
    return float(energy)


def update_delta_states(
    network: Network, units: np.ndarray, slope: NLF, euclidean: bool = False
) -> None:
    """Differentiate states along the weight changes (update-deltastate)."""
    lists = network.incoming
    arrays = lists.starts, lists.table, network.fields, network.W
    if slope.native:
        run = second.euclidean_delta_states if euclidean else exact.delta_states
        kinds = () if euclidean else (network.kinds,)
        run(units, *arrays, *kinds, *slope.arguments)
        return
    kinds = _kinds(network, euclidean)
    for i in range(len(units)):
        unit = units[i : i + 1]
        exact.delta_sums(unit, *arrays, kinds)
        network.fields[GRADIENT, unit] *= _apply(slope, network.fields[SUM, unit])


def update_second(
    network: Network,
    units: np.ndarray,
    slope: NLF,
    bend: NLF | None,
    gamma: float,
    euclidean: bool = False,
) -> None:
    """Compute second derivatives and running curvatures of a layer.

    With the second derivative `bend` of the transfer function (update-ggradient) or without it
    (update-lmggradient, the Levenberg-Marquardt approximation).
    """
    fields, W, full = network.fields, network.W, bend is not None
    out, into, gamma = network.outgoing, network.incoming, np.float32(gamma)
    if euclidean:
        second.euclidean_square_back_sums(units, out.starts, out.table, fields, W)
    else:
        second.square_back_sums(units, out.starts, out.table, fields, W, network.kinds, full)
    if slope.native:
        second.second_slopes(units, fields, *slope.arguments)
    else:
        slopes = _apply(slope, fields[SUM, units])
        fields[GGRADIENT, units] = fields[SQBACKSUM, units] * (slopes * slopes)
    if bend is not None:
        if bend.native:
            second.subtract_bend(units, fields, *bend.arguments)
        else:
            bends = fields[BACKSUM, units] * _apply(bend, fields[SUM, units])
            fields[GGRADIENT, units] -= bends
    arrays = units, into.starts, into.table, fields, W
    sigmas = network.link_sigmas
    if euclidean:
        second.euclidean_curvatures(*arrays, sigmas, gamma)
    else:
        second.curvatures(*arrays, network.kinds, sigmas, gamma, full)


# ---- weights ----


def update_weights(
    network: Network,
    units: np.ndarray | None,
    alpha: float,
    decay: float,
    mu: float | None = None,
    euclidean: bool = False,
) -> None:
    """Move the weights of a layer, or of all units (update-weight, update-w-newton, -nn-).

    Under the iterative kernels a layer is done unit by unit, each with a full step of *all*
    weights: that is what the original does.
    """
    alpha, decay = np.float32(alpha), np.float32(decay)
    if network.iterative:
        blocks = [network.every_unit] if units is None else np.split(units, len(units))
        for block in blocks:
            _step_shared(network, block, alpha, decay, mu, euclidean)
        return
    lists = network.incoming
    exact.step_links(
        network.every_unit if units is None else units,
        lists.starts,
        lists.table,
        network.fields,
        network.W,
        _kinds(network, euclidean),
        SN_FACTOR if euclidean else REGULAR_FACTOR,
        network.link_fields,
        network.newton,
        mu is not None,
        alpha,
        decay,
        np.float32(mu or 0.0),
    )


def _step_shared(
    network: Network,
    units: np.ndarray,
    alpha: np.float32,
    decay: np.float32,
    mu: float | None,
    euclidean: bool,
) -> None:
    lists, W, count = network.incoming, network.W, network.weight_count
    arrays = units, lists.starts, lists.table
    rates = network.link_fields[0]
    kinds = _kinds(network, euclidean)
    factor = SN_FACTOR if euclidean else REGULAR_FACTOR
    if mu is None:
        tail = count, kinds, factor, rates, network.newton, alpha, decay
        exact.step_shared(*arrays, network.fields, W, *tail)
        return
    network.accumulators[:] = 0.0
    exact.accumulate(*arrays, network.fields, W, kinds, factor, rates, network.newton)
    network.hessians[:] = 0.0
    second.add_hessians(*arrays, W, network.link_sigmas)
    second.scale_by_hessian(W, count, np.float32(mu))
    exact.update_deltas(W, count, alpha)
    exact.move_weights(W, count, decay)


def accumulate(
    network: Network, units: np.ndarray | None = None, euclidean: bool = False
) -> None:
    """Add the gradients of a layer, or of all units, to the accumulators (update-acc)."""
    lists = network.incoming
    exact.accumulate(
        network.every_unit if units is None else units,
        lists.starts,
        lists.table,
        network.fields,
        network.W,
        _kinds(network, euclidean),
        SN_FACTOR if euclidean else REGULAR_FACTOR,
        network.link_fields[0],
        network.newton,
    )


def update_deltas(network: Network, alpha: float) -> None:
    """Turn accumulated gradients into weight changes (update-delta)."""
    exact.update_deltas(network.W, network.weight_count, np.float32(alpha))


def move_weights(network: Network, decay: float) -> None:
    """Add the changes to the weights (update-wghtonly)."""
    exact.move_weights(network.W, network.weight_count, np.float32(decay))


def line_step(network: Network, curvature: float) -> None:
    """Move the weights along their changes to the minimum (update-wghtonly-conjgrad)."""
    second.line_step(network.W, network.weight_count, np.float32(curvature))


def add_hessians(network: Network, units: np.ndarray | None = None) -> None:
    """Add the curvatures of links to those of weights (update-hess)."""
    lists = network.incoming
    units = network.every_unit if units is None else units
    second.add_hessians(units, lists.starts, lists.table, network.W, network.link_sigmas)


def scale_by_hessian(network: Network, mu: float) -> None:
    """Divide the accumulated gradients by the curvatures (hessian-scale)."""
    second.scale_by_hessian(network.W, network.weight_count, np.float32(mu))


# ---- chance ----


def draw_weights(network: Network, units: np.ndarray, bounds: np.ndarray) -> None:
    """Draw the incoming weights of each unit from [-bound, bound], oldest link first."""
    lists = network.incoming
    bounds = np.asarray(bounds, dtype=np.float64)

    def run(random: np.ndarray) -> None:
        exact.draw_weights(units, bounds, lists.starts, lists.table, network.W, random)

    _with_random(network, True, run)


def add_noise(network: Network, units: np.ndarray, deviation: float) -> None:
    """Add normal noise to states (gauss-state)."""
    deviation = np.float32(deviation)

    def run(random: np.ndarray) -> None:
        exact.add_noise(units, network.fields, deviation, random)

    _with_random(network, True, run)


def flip_states(network: Network, units: np.ndarray, probability: float) -> None:
    """Negate each state with a probability (flip-state)."""
    probability = np.float32(probability)

    def run(random: np.ndarray) -> None:
        exact.flip(units, network.fields, probability, random)

    _with_random(network, True, run)


# ---- other models ----


def update_excitation(network: Network, units: np.ndarray) -> None:
    """Sum the inputs over positive weights into nspare1 (update-excitation)."""
    lists = network.incoming
    arrays = units, lists.starts, lists.table, network.fields, network.W
    second.signed_sums(*arrays, np.float32(1), 11)


def update_inhibition(network: Network, units: np.ndarray) -> None:
    """Sum the inputs over negative weights into nspare2 (update-inhibition)."""
    lists = network.incoming
    arrays = units, lists.starts, lists.table, network.fields, network.W
    second.signed_sums(*arrays, np.float32(-1), 12)


def update_activation(
    network: Network, units: np.ndarray, model: str, parameters: list[float]
) -> None:
    """One step of the "iac" or "art" model; alpha beta gamma min max rest decay."""
    run = second.interactive_activation if model == "iac" else second.resonance_activation
    run(units, network.fields, *(np.float32(p) for p in parameters))
