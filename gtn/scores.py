"""Penalties and paths of one graph: Viterbi, forward, posteriors; with gradients on the tape.

The plain functions return numbers and arrays; `viterbi` and `forward` return scalar graphs on
the tape, `best_path` the path as a graph (the Viterbi transformer of the 1998 paper).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gtn import kernels
from gtn.graph import CycleError, Float, Graph, Index, _scalar_result, record


@dataclass(frozen=True, slots=True)
class Path:
    """One accepting path: its arcs in order (L,), their labels (epsilons kept) and data."""

    penalty: float
    arcs: Index
    ilabels: Index
    olabels: Index
    data: list[Any] | None = None

    @property
    def input_string(self) -> list[int]:
        """Input labels without epsilons."""
        return self.ilabels[self.ilabels >= 0].tolist()

    @property
    def string(self) -> list[int]:
        """Output labels without epsilons."""
        return self.olabels[self.olabels >= 0].tolist()


_NO_GRADIENT = np.empty(0)


def forward_penalty(graph: Graph) -> float:
    """Return C_forw = -log sum over accepting paths of exp(-penalty); inf without any path.

    Raises CycleError when an accepting path can run through a cycle.

    >>> from gtn import Graph, forward_penalty
    >>> round(forward_penalty(Graph(2, [0], [1], [0, 0], [1, 1], [1, 2])), 6)
    -0.693147
    """
    return _forward(graph, _NO_GRADIENT)


def posteriors(graph: Graph) -> Float:
    """Return the posterior probability of each arc (m,), the gradient of the forward penalty.

    All zero when there is no path.
    """
    gradient = np.empty(graph.m)
    _forward(graph, gradient)
    return gradient


def viterbi_penalty(graph: Graph) -> float:
    """Return C_vit, the penalty of the best accepting path; inf without any path."""
    return _viterbi(graph)[0]


def viterbi_path(graph: Graph) -> Path | None:
    """Return the best accepting path, or None; ties go to the arc inserted first."""
    penalty, found = _viterbi(graph)
    if found is None:
        return None
    data = graph.data
    ink = [data[a] for a in found[0]] if data is not None else None
    return Path(penalty, found[0], found[1], found[2], ink)


def forward(graph: Graph) -> Graph:
    """Return the forward penalty as a scalar graph on the tape (the forward scorer)."""
    gradient = np.empty(graph.m) if graph.calc_grad else _NO_GRADIENT
    value = _forward(graph, gradient)
    return record(_scalar_result(value), "forward", (graph,), lambda g: (g[0] * gradient,))


def viterbi(graph: Graph) -> Graph:
    """Return the Viterbi penalty as a scalar graph on the tape."""
    penalty, found = _viterbi(graph)

    def bprop(g: Float) -> tuple[Float]:
        gradient = np.zeros(graph.m)
        if found is not None:
            gradient[found[0]] = g[0]
        return (gradient,)

    return record(_scalar_result(penalty), "viterbi", (graph,), bprop)


def best_path(graph: Graph) -> Graph:
    """Return the graph of the best path alone, on the tape (the Viterbi transformer).

    An empty graph when there is no path; arc data travel along.
    """
    _, found = _viterbi(graph)
    result = (
        Graph.of(0, _ends(), _ends(), np.empty((4, 0), np.int32), np.empty(0))
        if found is None
        else _path_graph(graph, found[0])
    )
    result.isymbols, result.osymbols = graph.isymbols, graph.osymbols

    def bprop(g: Float) -> tuple[Float]:
        gradient = np.zeros(graph.m)
        if found is not None:
            gradient[found[0]] = g
        return (gradient,)

    return record(result, "best_path", (graph,), bprop)


def _path_graph(graph: Graph, chosen: Index) -> Graph:
    count = chosen.size
    arcs = graph.arcs[:, chosen]
    arcs[0] = np.arange(count)
    arcs[1] = arcs[0] + 1
    result = Graph.of(count + 1, _ends(0), _ends(count), arcs, graph.penalty[chosen])
    result.origin = (chosen,)
    if graph.data is not None:
        result.data = [graph.data[a] for a in chosen]
    return result


def _ends(*nodes: int) -> Index:
    return np.array(nodes, np.int32)


def _forward(graph: Graph, gradient: Float) -> float:
    result = np.empty(1)
    if not kernels.forward(
        graph.arcs, graph.penalty, graph.n, graph.start, graph.accept, gradient, result
    ):
        part, arcs = without_useless_cycles(graph, "forward_penalty")
        inner = np.empty(part.m) if gradient.size else gradient
        kernels.forward(part.arcs, part.penalty, part.n, part.start, part.accept, inner, result)
        if gradient.size:
            gradient[:] = 0.0
            gradient[arcs] = inner
    return float(result[0])


def _viterbi(graph: Graph) -> tuple[float, Index | None]:
    """Return the penalty and the arcs, ilabels and olabels (3, L) of the best path."""
    result = np.empty(1)
    path = np.empty((3, graph.n), np.int32)
    length = kernels.viterbi(
        graph.arcs, graph.penalty, graph.n, graph.start, graph.accept, path, result
    )
    if length == -2:
        part, arcs = without_useless_cycles(graph, "viterbi_penalty")
        penalty, found = _viterbi(part)
        if found is not None:
            found[0] = arcs[found[0]]
        return penalty, found
    if length < 0:
        return np.inf, None
    return float(result[0]), path[:, graph.n - length :]


def useful(graph: Graph) -> np.ndarray:
    """Return a mask (n,) of the nodes that lie on some accepting path."""
    mark = np.zeros(graph.n, np.uint8)
    kernels.useful_nodes(graph.arcs, graph.n, graph.start, graph.accept, mark)
    return mark == 3


def useful_part(graph: Graph) -> tuple[Graph, Index]:
    """Return the graph without dead ends and unreachable nodes, and the arcs that stayed.

    Nodes and arcs keep their order; symbols and data travel along; not on the tape.
    """
    keep = useful(graph)
    number = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    arcs = np.flatnonzero(keep[graph.src] & keep[graph.dst]).astype(np.int32)
    inner = graph.arcs[:, arcs]
    inner[:2] = number[inner[:2]]
    start, accept = graph.start, graph.accept
    part = Graph.of(
        int(keep.sum()),
        number[start[keep[start]]],
        number[accept[keep[accept]]],
        np.ascontiguousarray(inner),
        graph.penalty[arcs],
        like=graph,
    )
    part.origin = (arcs,)
    if graph.data is not None:
        part.data = [graph.data[a] for a in arcs]
    return part, arcs


def without_useless_cycles(graph: Graph, name: str) -> tuple[Graph, Index]:
    """Return the useful part of a cyclic graph, and its arcs; CycleError if cyclic too."""
    part, arcs = useful_part(graph)
    order = np.empty(part.n, np.int32)
    if kernels.topological_order(part.arcs, part.n, order) < part.n:
        nodes = np.flatnonzero(useful(graph))
        cycle = [int(nodes[v]) for v in find_cycle(part)]
        shown = cycle if len(cycle) <= 12 else [*cycle[:6], "...", *cycle[-5:]]
        raise CycleError(
            f"{name}: the graph has a cycle: nodes " + " -> ".join(map(str, shown)), cycle
        )
    return part, arcs


def find_cycle(graph: Graph) -> list[int]:
    """Return the nodes of one cycle, the first repeated at the end; [] if there is none."""
    order = np.empty(graph.n, np.int32)
    count = kernels.topological_order(graph.arcs, graph.n, order)
    left = np.ones(graph.n, bool)
    left[order[:count]] = False
    # Every node left over has an incoming arc from another one: walk backwards until a repeat.
    inside = left[graph.src] & left[graph.dst]
    previous = np.full(graph.n, -1, np.int64)
    previous[graph.dst[inside]] = graph.src[inside]
    if not left.any():
        return []
    node = int(np.flatnonzero(left)[0])
    place: dict[int, int] = {}
    walk: list[int] = []
    while node not in place:
        place[node] = len(walk)
        walk.append(node)
        node = int(previous[node])
    return [node, *reversed(walk[place[node] :])]
