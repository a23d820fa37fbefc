"""The training criteria of 1998 (sec. VI), each with its gradient, in one compiled call.

A lattice (recognition graph) is scored against a target: a string, or a graph whose input
labels match the output labels of the lattice. The product graph is never built; value and
gradients are exact. What training minimises is called energy:

    Viterbi                     E = C_cvit                (eq. 11)
    discriminative Viterbi      E = C_cvit - C_vit        (eq. 12)
    forward                     E = C_cforw               (eqs 13-14)
    discriminative forward      E = C_cforw - C_forw      (eq. 17)
    ctc                         discriminative forward with the blank automaton as target

The free penalties C_vit and C_forw are over all paths of the lattice, or over those a
`grammar` allows. If the target cannot be spelled at all, E is inf and the gradient 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtn import kernels_criteria
from gtn.composition import compose
from gtn.graph import (
    Float,
    Graph,
    GraphError,
    backward,
    chain_graph,
    scalar,
    segment_graph,
    subtract,
)
from gtn.scores import forward, viterbi

Target = Graph | Sequence[int] | NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Loss:
    """An energy, its two parts (E = constrained - free) and its gradients.

    gradient (m,) is dE/dc on the arcs of the lattice, `target_gradient` that of the target,
    `grammar_gradient` that of the grammar, None without one.
    """

    energy: float
    constrained: float
    free: float
    gradient: Float
    target_gradient: Float
    grammar_gradient: Float | None = None


def viterbi_energy(lattice: Graph, target: Target) -> Loss:
    """Return E = C_cvit, the penalty of the best path that spells the target (eq. 11).

    Its gradient is 1 on the arcs of that path. Minimising it alone lets all penalties collapse.
    """
    return _batch(False, False, [lattice], [target])[0]


def discriminative_viterbi_energy(
    lattice: Graph, target: Target, grammar: Graph | None = None
) -> Loss:
    """Return E = C_cvit - C_vit >= 0: best right path against best path (eq. 12).

    >>> from gtn import segment_graph
    >>> graph = segment_graph([[0, 1], [1, 2]], [[0.1, 0.4], [0.3, 0.2]])
    >>> round(discriminative_viterbi_energy(graph, [0, 0]).energy, 12)
    0.1
    """
    return _against_grammar(False, lattice, target, grammar)


def forward_energy(lattice: Graph, target: Target) -> Loss:
    """Return E = C_cforw, minus the log of the summed exp(-penalty) of all right paths."""
    return _batch(True, False, [lattice], [target])[0]


def discriminative_forward_energy(
    lattice: Graph, target: Target, grammar: Graph | None = None
) -> Loss:
    """Return E = C_cforw - C_forw >= 0 (eq. 17); exp(-E) estimates the target's posterior.

    The gradient on an arc is its posterior given the target minus its free posterior.
    """
    return _against_grammar(True, lattice, target, grammar)


def _against_grammar(
    summed: bool, lattice: Graph, target: Target, grammar: Graph | None
) -> Loss:
    if grammar is None:
        return _batch(summed, True, [lattice], [target])[0]
    right, allowed = _batch(summed, False, [lattice, lattice], [target, grammar])
    if np.isinf(right.energy):
        return Loss(
            right.energy, right.constrained, allowed.constrained, right.gradient,
            right.target_gradient, np.zeros(grammar.m),
        )  # fmt: skip
    return Loss(
        right.energy - allowed.energy,
        right.constrained,
        allowed.constrained,
        right.gradient - allowed.gradient,
        right.target_gradient,
        -allowed.target_gradient,
    )


CRITERIA = {
    "viterbi": (False, False),
    "discriminative_viterbi": (False, True),
    "forward": (True, False),
    "discriminative_forward": (True, True),
}


def batch_energy(
    criterion: str, lattices: Sequence[Graph], targets: Sequence[Target]
) -> list[Loss]:
    """Return the losses of a ragged batch, computed in one compiled call.

    criterion: 'viterbi', 'discriminative_viterbi', 'forward' or 'discriminative_forward'.
    """
    if criterion not in CRITERIA:
        raise GraphError(f"batch_energy: {criterion!r} is none of {', '.join(CRITERIA)}")
    if len(lattices) != len(targets):
        raise GraphError(f"batch_energy: {len(lattices)} lattices, {len(targets)} targets")
    return _batch(*CRITERIA[criterion], lattices, targets) if lattices else []


def _packed(graphs: Sequence[Graph]) -> tuple[NDArray[np.int64], ...]:
    """Return sizes (B, 4), arcs, penalties and end nodes of graphs laid end to end."""
    sizes = np.array([(g.n, g.m, g.start.size, g.accept.size) for g in graphs])
    if len(graphs) == 1:
        g = graphs[0]
        return sizes, g.arcs, g.penalty, np.concatenate((g.start, g.accept))
    arcs = np.concatenate([g.arcs for g in graphs], axis=1)
    penalty = np.concatenate([g.penalty for g in graphs])
    ends = np.concatenate([part for g in graphs for part in (g.start, g.accept)])
    return sizes, arcs, penalty, ends


def _batch(
    summed: bool, discriminative: bool, lattices: Sequence[Graph], targets: Sequence[Target]
) -> list[Loss]:
    seconds = [t if isinstance(t, Graph) else chain_graph(t) for t in targets]
    sizes1, arcs1, penalty1, ends1 = _packed(lattices)
    sizes2, arcs2, penalty2, ends2 = _packed(seconds)
    gradient1, gradient2 = np.zeros(penalty1.size), np.zeros(penalty2.size)
    results = np.empty((len(seconds), 3))
    kernels_criteria.criterion_batch(
        summed, discriminative, sizes1, arcs1, penalty1, ends1, sizes2, arcs2, penalty2, ends2,
        gradient1, gradient2, results,
    )  # fmt: skip
    losses = []
    a1 = a2 = 0
    for lattice, second, (constrained, free, how) in zip(
        lattices, seconds, results.tolist(), strict=True
    ):
        b1, b2 = a1 + lattice.m, a2 + second.m
        if how:
            energy = constrained - free if free != np.inf else constrained
            losses.append(Loss(energy, constrained, free, gradient1[a1:b1], gradient2[a2:b2]))
        else:
            losses.append(_by_product(summed, discriminative, lattice, second))
        a1, a2 = b1, b2
    return losses


def _by_product(summed: bool, discriminative: bool, lattice: Graph, second: Graph) -> Loss:
    """Return the loss by way of the product graph, for inputs the fused kernel leaves out."""
    score = forward if summed else viterbi
    a, b = (Graph.of(g.n, g.start, g.accept, g.arcs, g.penalty) for g in (lattice, second))
    constrained = score(compose(a, b))
    missing = np.isinf(constrained.item())
    free = score(a) if discriminative and not missing else scalar(0.0)
    energy = subtract(constrained, free)
    if not missing:
        backward(energy)
    gradients = [g.grad if g.has_grad else np.zeros(g.m) for g in (a, b)]
    return Loss(energy.item(), constrained.item(), free.item(), *gradients)


# ---------------------------------------------------------------------- CTC and confidence


def ctc_graph(target: Sequence[int], *, blank: int = 0) -> Graph:
    """Return the automaton of the label runs that mean `target`, separated by blanks.

    2U + 1 nodes: each label may repeat, blanks may stand between, and must between equal ones.
    """
    labels = np.full(2 * len(target) + 1, blank, np.int32)
    labels[1::2] = target
    n = labels.size
    if (labels[1::2] == blank).any() or labels.min() < 0:
        raise GraphError(f"ctc_graph: the target {list(target)} holds the blank {blank} or -1")
    nodes = np.arange(n, dtype=np.int32)
    skip = nodes[3::2][labels[3::2] != labels[1:-2:2]]
    src = np.concatenate((nodes, nodes[:-1], skip - 2))
    dst = np.concatenate((nodes, nodes[1:], skip))
    arcs = np.empty((4, dst.size), np.int32)
    arcs[0], arcs[1] = src, dst
    arcs[2:] = labels[dst]
    start = np.zeros(1, np.int32)
    accept = np.array([n - 1] if n == 1 else [n - 2, n - 1], np.int32)
    # The run of blanks before the first label may be empty: node 0 is the start, so is none.
    return Graph.of(n, start, accept, arcs, np.zeros(dst.size))


def ctc_energy(
    penalty: ArrayLike, target: Sequence[int], *, blank: int = 0
) -> tuple[float, Float]:
    """Return the CTC energy of a (T, C) array of penalties, and its (T, C) gradient.

    E = -log of the share of all label sequences that reduce to `target`; for penalties that are
    -log softmax this is the usual CTC loss. A special case of the discriminative forward
    criterion; inf and a gradient of 0 when T frames cannot hold the target.
    """
    table = np.ascontiguousarray(penalty, np.float64)
    if table.ndim != 2:
        raise GraphError(f"ctc_energy: penalties (frames, labels), found {table.shape}")
    labels = np.asarray(target, np.int32)
    gradient, results = np.zeros(table.size), np.empty(2)
    if table.size and np.isneginf(table).any():
        raise GraphError("ctc_energy: a penalty is -inf")
    if kernels_criteria.ctc_criterion(True, table, labels, blank, gradient, results) < 0:
        raise GraphError(f"ctc_energy: the target {list(target)} holds the blank {blank} or -1")
    return float(results[0] - results[1]), gradient.reshape(table.shape)


def ctc_energies(
    penalty: ArrayLike, targets: Sequence[Sequence[int]], *, blank: int = 0
) -> Float:
    """Return the CTC energies (n,) of n strings on one (T, C) array of penalties.

    The same as the first of `ctc_energy` for each, without gradients and many times as fast.
    Beginnings of a string with less than 1e-200 of the share of the likeliest beginning at the
    same frame may be lost: the energy is too high then, or inf.

    >>> table = -np.log([[0.5, 0.5], [0.5, 0.5]])
    >>> np.exp(-ctc_energies(table, [(), (1,), (1, 1)])).round(6).tolist()
    [0.25, 0.75, 0.0]
    """
    table = np.ascontiguousarray(penalty, np.float64)
    if table.ndim != 2:
        raise GraphError(f"ctc_energies: penalties (frames, labels), found {table.shape}")
    if table.size and np.isneginf(table).any():
        raise GraphError("ctc_energies: a penalty is -inf")
    ends = np.cumsum([len(target) for target in targets]).astype(np.int64)
    labels = np.array([label for target in targets for label in target], np.int32)
    if labels.size and (labels.min() < 0 or (labels == blank).any()):
        raise GraphError(f"ctc_energies: a target holds the blank {blank} or -1")
    energies = np.empty(len(ends))
    kernels_criteria.ctc_energies(table, labels, ends, blank, energies)
    return energies


def segment_energy(
    spans: ArrayLike,
    penalty: ArrayLike,
    target: Sequence[int],
    criterion: str = "discriminative_forward",
) -> tuple[float, Float]:
    """Return the energy of a string on the recognition graph of segments, and its gradient.

    spans (S, 2) cuts from -> to of each segment, penalty (S, C), gradient (S, C); start is cut
    0, accept the last cut. The same as building `segment_graph` first, in one compiled call.

    >>> energy, gradient = segment_energy([[0, 1]], [[0.0, 0.0]], [1])
    >>> round(energy, 6), gradient.tolist()
    (0.693147, [[-0.5, 0.5]])
    """
    if criterion not in CRITERIA:
        raise GraphError(f"segment_energy: {criterion!r} is none of {', '.join(CRITERIA)}")
    table = np.ascontiguousarray(penalty, np.float64)
    cuts = np.ascontiguousarray(spans, np.int32)
    if table.ndim != 2 or cuts.shape != (table.shape[0], 2):
        raise GraphError(f"segment_energy: spans {cuts.shape} and penalties {table.shape}")
    labels = np.asarray(target, np.int32)
    gradient, results = np.zeros(table.size), np.empty(2)
    summed, discriminative = CRITERIA[criterion]
    how = kernels_criteria.segment_criterion(
        summed, discriminative, cuts, table, labels, gradient, results
    )
    if how == 0:  # a cycle of spans or a penalty of -inf: the general way knows what to say
        loss = batch_energy(criterion, [segment_graph(cuts, table)], [labels])[0]
        return loss.energy, loss.gradient.reshape(table.shape)
    if how < 0:
        raise GraphError("segment_energy: cuts and labels start at 0")
    return float(results[0] - results[1]), gradient.reshape(table.shape)


def character_model(labels: Sequence[int], *, blank: int) -> Graph:
    """Return the character-model transducer for space displacement networks.

    A run of one label emits that label once; a blank, or another label, ends the run; blanks
    emit nothing (1998, sec. VII; the paper does not print its states, this is the workable
    reading). One state per label and one for blank.
    """
    names = [label for label in dict.fromkeys(labels) if label != blank]
    arcs = [(0, 0, blank, -1)]
    for k, label in enumerate(names, 1):
        arcs += [(0, k, label, label), (k, k, label, -1), (k, 0, blank, -1)]
        arcs += [(j, k, label, label) for j in range(1, len(names) + 1) if j != k]
    src, dst, ilabel, olabel = np.array(arcs, np.int32).T
    nodes = list(range(len(names) + 1))
    return Graph(len(nodes), [0], nodes, src, dst, ilabel, olabel)


def confidence(graph: Graph, string: Sequence[int]) -> float:
    """Return exp(-E_dforw), the posterior of an output string among all of `graph`, 0...1.

    The paper prints exp(E_dforw) in sec. X; the sign is that of sec. VI-E.
    """
    energy = discriminative_forward_energy(graph, list(string)).energy
    return float(min(1.0, np.exp(-energy)))


def margin(graph: Graph) -> float:
    """Return how much the second best output string is worse than the best (inf: no second)."""
    from gtn.hypotheses import nbest

    found = nbest(graph, 2)
    if not found:
        raise GraphError("margin: the graph has no path")
    return found[1].penalty - found[0].penalty if len(found) > 1 else np.inf


def label_posteriors(graph: Graph, string: Sequence[int]) -> Float:
    """Return (L, C): how sure each character of a string is, given the others, 0...1.

    Entry [k, c] is the share of the string with label c in place k among all strings that agree
    with `string` in every other place and have one label in that one; C is the largest output
    label + 1. Rows sum to 1, or to 0 where the graph has no such string.
    """
    labels = list(string)
    count = max(int(graph.olabel.max(initial=-1)), *labels, 0) + 1
    every = np.arange(count, dtype=np.int32)
    targets = []
    for k in range(len(labels)):
        row = np.concatenate((np.array(labels[:k], np.int32), every, labels[k + 1 :]))
        place = np.arange(row.size)
        src = np.where(place < k, place, np.where(place < k + count, k, place - count + 1))
        arcs = np.stack((src, src + 1, row, row)).astype(np.int32)
        ends = np.array([0, len(labels)], np.int32)
        targets.append(
            Graph.of(
                len(labels) + 1, ends[:1].copy(), ends[1:].copy(), arcs, np.zeros(row.size)
            )
        )
    found = batch_energy("forward", [graph] * len(labels), targets)
    table = np.zeros((len(labels), count))
    for k, loss in enumerate(found):
        table[k] = loss.target_gradient[k : k + count]
    return table
