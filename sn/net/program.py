"""Compiled networks: a layer program with its weights, and the loops that run it.

`compile_network` translates (see `sn.net.lowering`); a `LayerProgram` owns a copy of the
weights in its own order and exchanges them with the network memory by one index. float32 is
for running, float64 (with the exact hyperbolic tangent) for checking gradients.
"""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sn.errors import SnCompileError
from sn.net import kernels_lanes, muon
from sn.net import kernels_program as kernels
from sn.net import kernels_steps as steps
from sn.net.lanes import LANES, LaneTable
from sn.net.lowering import lower
from sn.net.nlf import NLF
from sn.net.plan import Layer, Lowered, Squashing
from sn.net.replication import Atlas, Replica

if TYPE_CHECKING:
    from sn.net.memory import Network

RULES = {"gradient": steps.GRADIENT, "adam": steps.ADAM, "hold": steps.HOLD}
COSTS = {
    "squared": steps.SQUARED,
    "likelihood": steps.LIKELIHOOD,
    "posterior": steps.POSTERIOR,
    "softmax": steps.SOFTMAX,
}
QUIET = np.zeros(1, np.int64)  # drops nothing
KEPT = 48  # sizes of replicas; of the looks at 300 strips 1 % had another, with 32 sizes 2 %
ROOM = 1 << 20  # states that are kept for replicas from image to image; more only while needed


class LayerProgram:
    """A network that runs in one compiled loop.

    Parameters
    ----------
    lowered : Lowered
        The translated network.
    weights : array (weights of the network,)
        Initial weights in the network's own order.
    cost : str
        ``squared``, ``likelihood`` (LeCun et al. 1998, eq. 8), ``posterior`` (eq. 9) or
        ``softmax`` cross-entropy.
    rubbish : float
        The constant penalty j of the rubbish class of ``posterior``.
    dtype : numpy dtype
        float32 or float64.
    """

    def __init__(
        self,
        lowered: Lowered,
        weights: np.ndarray,
        cost: str = "squared",
        rubbish: float = 0.0,
        dtype: type = np.float32,
    ) -> None:
        if cost not in COSTS:
            raise SnCompileError(
                f"compile-net : unknown cost, one of {', '.join(COSTS)} : {cost}"
            )
        self.lowered = lowered
        self.cost = cost
        self.rubbish = float(rubbish)
        self.dtype = np.dtype(dtype)
        self.exact = self.dtype == np.float64
        self.weights = np.ascontiguousarray(weights[lowered.weight_index], dtype)
        self.rates = np.zeros(len(self.weights), dtype)
        self.x = np.zeros(lowered.size, dtype)
        self.x[0] = 1
        self.s = np.zeros(lowered.size, dtype)
        self.d = np.zeros(lowered.size, dtype)
        self.buffer = np.zeros(2 * lowered.buffer, dtype)
        constants = lowered.constants.astype(dtype)
        self.head = (
            lowered.program, lowered.lists, constants, lowered.inputs, lowered.outputs,
        )  # fmt: skip
        self.gradient_sum = np.zeros(len(self.weights), dtype)
        self.speed = np.zeros(len(self.weights), dtype)
        self.squares = np.zeros(len(self.weights), dtype)
        self.moves = np.zeros(1, np.int64)
        self.curvature_sum = np.zeros(len(self.weights), dtype)
        self.dropping = any(plan.dropout for plan in lowered.plans)
        self.keep = np.ones(1, dtype)
        self.noise = np.full(1, int(self.dropping), np.int64)
        self.shared = tuple(np.zeros(0, dtype) for _ in range(3))
        self.atlas: Atlas | None = None
        self.owner: Replica | None = None
        self.replicas: dict[tuple[int, int], Replica] = {}
        self.learns = False  # whether a replica has gone backward
        self.lanes: tuple[np.ndarray, ...] = ()

    @property
    def input_size(self) -> int:
        """Number of input units."""
        return len(self.lowered.inputs)

    @property
    def output_size(self) -> int:
        """Number of output units."""
        return len(self.lowered.outputs)

    def _patterns(self, patterns: np.ndarray) -> np.ndarray:
        flat = np.ascontiguousarray(patterns, self.dtype).reshape(len(patterns), -1)
        if flat.shape[1] != self.input_size:
            raise SnCompileError(
                f"compiled net : patterns of {flat.shape[1]} values, "
                f"the input layer has {self.input_size} units : ()"
            )
        return flat

    def network_weights(self, into: np.ndarray) -> np.ndarray:
        """Write the weights back in the network's own order and return `into`."""
        into[self.lowered.weight_index] = self.weights
        return into

    def set_network_weights(self, weights: np.ndarray) -> None:
        """Take weights in the network's own order."""
        self.weights[:] = weights[self.lowered.weight_index]

    def run(self, patterns: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) for patterns (n, inputs).

        Patterns run side by side, what is left over one by one: an output depends on how many
        there are by a rounding.
        """
        flat = self._patterns(patterns)
        results = np.zeros((len(flat), self.output_size), self.dtype)
        whole = len(flat) - len(flat) % LANES
        if whole:
            self._run_lanes(flat[:whole], results[:whole])
        program, lists, constants, inputs, outputs = self.head
        for pattern, result in zip(flat[whole:], results[whole:], strict=True):
            self.x[inputs] = pattern
            kernels.forward(
                program, lists, constants, self.x, self.s, self.weights, self.buffer,
                self.exact, self.x, QUIET,
            )  # fmt: skip
            result[:] = self.x[outputs]
        return results

    def _run_lanes(self, patterns: np.ndarray, results: np.ndarray) -> None:
        """Run a multiple of LANES patterns; the states of the last one are left in `x`."""
        if not self.lanes:
            made = LaneTable(self.lowered)
            table, lists, constants = made.table.arrays()
            states = np.zeros(made.size * LANES, self.dtype)
            states[:LANES] = 1
            self.lanes = table, lists, states
        table, lists, states = self.lanes
        _, _, constants, inputs, outputs = self.head
        kernels_lanes.run_lanes(
            table, lists, constants, inputs, outputs, patterns, results, states, self.weights,
            self.exact,
        )  # fmt: skip
        self.x[:] = states[LANES - 1 :: LANES][: len(self.x)]

    def states(self, units: np.ndarray) -> np.ndarray:
        """Return the states of units (by number) after the last pattern run."""
        return self.x[self.lowered.position[units]]

    def classify(self, patterns: np.ndarray) -> np.ndarray:
        """Return the winning class (n,) of every pattern."""
        outputs = self.run(patterns)
        best = np.argmin if self.cost in ("likelihood", "posterior") else np.argmax
        return best(outputs, axis=1)

    def energies(self, outputs: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return the energy (n,) of outputs (n, outputs); answers as in `learn`."""
        targets, labels = self._answers(answers)
        wide = outputs.astype(np.float64)
        if self.cost == "squared":
            return np.square(wide - targets).sum(axis=1) / 2
        right = wide[np.arange(len(wide)), labels]
        if self.cost == "likelihood":
            return right
        if self.cost == "softmax":
            return np.logaddexp.reduce(wide, axis=1) - right
        return right + np.logaddexp(np.logaddexp.reduce(-wide, axis=1), -self.rubbish)

    def learn(
        self,
        patterns: np.ndarray,
        answers: np.ndarray,
        order: np.ndarray,
        *,
        batch: int = 0,
        momentum: float = 0.0,
        decay: float = 0.0,
        rule: str = "gradient",
        least: float = 0.0,
    ) -> tuple[float, int]:
        """Learn the patterns named in `order`, in that order, at the rates in `rates`.

        `answers` are labels (n,) or, for squared error, target vectors (n, outputs) whose
        greatest value marks the class. `batch` 0 updates after every pattern, within the
        backward pass, by the rule "gradient"; other rules, momentum and decay want a batch. A
        pattern of an energy below `least` is not learned from: its gradient counts as 0, its
        backward pass is saved. Returns the mean energy and the number of errors met on the way.
        """
        if batch < 1 and rule != "gradient":
            raise SnCompileError(f"learn : the rule {rule} moves weights batch by batch : ()")
        if batch < 1 and (momentum or decay):
            raise SnCompileError("learn : momentum and decay act batch by batch : ()")
        data = self._patterns(patterns), *self._answers(answers)
        sweep = partial(self._sweep, *data, batch=batch, least=least)
        how = {"rule": rule, "momentum": momentum, "decay": decay}
        if rule == "muon":
            total = errors = 0
            for first in range(0, len(order), batch):
                some = order[first : first + batch]
                energy, wrong = sweep(some, rule="hold")
                self.update(len(some), **how)
                total, errors = total + energy, errors + wrong
        else:
            total, errors = sweep(order, **how)
        if not np.isfinite(total):
            raise SnCompileError("learn : the energy is no longer finite; lower the rate : ()")
        return total / max(1, len(order)), int(errors)

    def update(
        self,
        count: int = 1,
        *,
        momentum: float = 0.0,
        decay: float = 0.0,
        rule: str = "gradient",
    ) -> None:
        """Move the weights by the mean of `count` gradients in `gradient_sum` and clear it.

        ``rule="gradient"`` is ``rates`` times the gradient, with momentum: also stochastic
        diagonal Levenberg-Marquardt (`set_rates`). ``rule="adam"`` is that of Kingma and Ba
        2015 with weight decay apart from it; `momentum` is then the memory of the first moment
        (0.9). ``rule="muon"`` turns the steps of matrices (`sn.net.muon`) and moves the other
        weights as Adam does. Rates that are 0 keep a weight as it is.
        """
        self.moves += 1
        if rule == "muon":
            self._turn(count, momentum, decay)
            return
        kernels.move(
            RULES[rule],
            self.weights,
            self.rates,
            self.gradient_sum,
            self.speed,
            self.squares,
            count,
            self.dtype.type(momentum),
            self.dtype.type(decay),
            int(self.moves[0]),
        )

    def _turn(self, count: int, momentum: float, decay: float) -> None:
        """Move the weights by the Muon rule."""
        gradient = self.gradient_sum / self.dtype.type(count)
        rates = self.rates.copy()
        for places in self.matrices:
            self.rates[places] = 0
        self.moves -= 1
        self.update(count, momentum=momentum, decay=decay, rule="adam")
        self.rates[:] = rates
        for places in self.matrices:
            mean = (1 - momentum) * gradient[places] + momentum * self.speed[places]
            weights = self.weights[places]
            move = muon.step(mean.astype(self.dtype)) + decay * weights
            self.weights[places] = weights - rates[places] * move

    @cached_property
    def matrices(self) -> list[np.ndarray]:
        """Places of the weights that make matrices, see `sn.net.muon`."""
        return muon.matrices(self.lowered.plans)

    # ---- replicas --------------------------------------------------------------------------

    def replicate(self, height: int, width: int) -> Replica:
        """Return this network over an image of another size (see `Replica`).

        The same weights, nothing is compiled; the last `KEPT` sizes are kept, in a large
        network 60 kilobytes each. Raises SnCompileError for an image smaller than
        the input layer and for networks whose units at different places differ (a bias for
        every unit, irregular links).
        """
        found = self.replicas.pop((height, width), None) or Replica(self, height, width)
        self.replicas[height, width] = found
        if len(self.replicas) > KEPT:
            self.replicas.pop(next(iter(self.replicas)))
        return found

    def memory(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return states, sums and derivatives for `size` positions; replicas share them.

        Room for a very large image is given back when the next one is smaller.
        """
        room = len(self.shared[0])
        if room < size or room > max(size, ROOM):
            self.shared = tuple(np.zeros(size, self.dtype) for _ in range(3))
            self.shared[0][0] = 1
        return tuple(array[:size] for array in self.shared)

    def kept(self, size: int) -> np.ndarray:
        """Return room for the factors of dropout, as much as is needed."""
        if self.dropping and len(self.keep) < size:
            self.keep = np.ones(size, self.dtype)
        return self.keep

    def _answers(self, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if answers.ndim == 2:
            targets = np.ascontiguousarray(answers, self.dtype)
            return targets, targets.argmax(axis=1).astype(np.int64)
        labels = np.ascontiguousarray(answers, np.int64)
        if self.cost == "squared":
            targets = -np.ones((len(labels), self.output_size), self.dtype)
            targets[np.arange(len(labels)), labels] = 1
            return targets, labels
        if len(labels) and not 0 <= labels.min() <= labels.max() < self.output_size:
            raise SnCompileError(f"learn : labels must be 0...{self.output_size - 1} : ()")
        return np.zeros((1, self.output_size), self.dtype), labels

    def gradient(self, patterns: np.ndarray, answers: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean energy and its gradient by the weights (program order)."""
        saved, speed = self.weights.copy(), self.speed.copy()
        rates, self.rates = self.rates, np.ones_like(self.weights)
        self.speed[:] = 0
        mean, _ = self.learn(patterns, answers, np.arange(len(patterns)), batch=len(patterns))
        found = saved - self.weights
        self.weights[:], self.speed[:], self.rates = saved, speed, rates
        return mean, found

    def curvature(self, patterns: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Return the mean diagonal Gauss-Newton curvature by the weights, over `order`."""
        total = np.zeros_like(self.weights)
        flat = self._patterns(patterns)
        none = np.zeros((1, self.output_size), self.dtype)
        labels = np.zeros(0, np.int64)
        self._sweep(flat, none, labels, order, curvatures=total)
        return total / max(1, len(order))

    def _sweep(
        self,
        patterns: np.ndarray,
        targets: np.ndarray,
        labels: np.ndarray,
        order: np.ndarray,
        *,
        batch: int = 0,
        momentum: float = 0.0,
        decay: float = 0.0,
        rule: str = "gradient",
        least: float = 0.0,
        curvatures: np.ndarray | None = None,
    ) -> tuple[float, int]:
        """Run the compiled loop over patterns: to learn them, or to add curvatures."""
        second = curvatures is not None
        return kernels.learn(
            *self.head,
            patterns,
            targets,
            labels,
            np.ascontiguousarray(order, np.int64),
            second,
            COSTS[self.cost],
            self.rubbish,
            RULES[rule],
            batch,
            self.dtype.type(momentum),
            self.dtype.type(decay),
            float(least),
            self.x,
            self.s,
            self.d,
            self.weights,
            self.rates,
            curvatures if second else self.gradient_sum,
            self.speed,
            self.squares,
            self.moves,
            self.buffer,
            self.exact,
            self.kept(len(self.x)),
            np.zeros(1, np.int64) if second else self.noise,
        )

    def set_rates(self, eta: float, mu: float, curvature: np.ndarray) -> None:
        """Set the rates of stochastic diagonal Levenberg-Marquardt, ``eta / (mu + h)``.

        Source: LeCun et al. 1998, appendix C.
        """
        self.rates[:] = eta / (mu + np.maximum(curvature, 0))


def squashing_of(nlf: NLF | None) -> Squashing | None:
    """Return the compiled form of a transfer function, None if it has none."""
    if nlf is None or nlf.order:
        return None
    a, b, c, d = (float(v) for v in nlf.parameters[:4])
    kinds = {
        "tanh": steps.TANH,
        "lin": steps.LINEAR,
        "piecewise": steps.PIECEWISE,
        "rectifier": steps.RECTIFIER,
    }
    return Squashing(kinds[nlf.kind], a, b, c, d) if nlf.kind in kinds else None


def compile_built(network: "Network", nlf: NLF | None = None, **options: Any) -> LayerProgram:
    """Compile what `build-net` built; layers without a transfer function get `nlf`.

    `options` are those of `compile_network`.
    """
    layers = [
        Layer(
            layer.name,
            np.asarray(layer.units),
            squashing_of(layer.nlf if layer.nlf is not None else nlf),
            layer.euclidean,
            layer.maximum,
            layer.dropout,
        )
        for layer in network.layers
    ]
    return compile_network(layers, network.links(), network.weights, **options)


def compile_network(
    layers: Sequence[Layer],
    links: tuple[np.ndarray, np.ndarray, np.ndarray],
    weights: np.ndarray,
    *,
    source: Layer | None = None,
    output: Layer | None = None,
    cost: str = "squared",
    rubbish: float = 0.0,
    dtype: type = np.float32,
) -> LayerProgram:
    """Compile a network given by its layers and links; input first, output last by default."""
    lowered = lower(layers, links, source or layers[0], output or layers[-1])
    return LayerProgram(lowered, weights, cost, rubbish, dtype)


__all__ = [
    "COSTS",
    "Layer",
    "LayerProgram",
    "Squashing",
    "compile_built",
    "compile_network",
    "squashing_of",
]
