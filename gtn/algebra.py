"""Building graphs from graphs: union, concatenation, closure, projection, reversal, equality.

All results are on the tape: the gradient of a result arc returns to the arc it was copied from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from gtn.graph import EPSILON, Float, Graph, Index, record


def _joined(graphs: Sequence[Graph]) -> tuple[int, list[int], list[Index], list[Float]]:
    """Return total nodes, node shifts, shifted arc blocks and penalty blocks."""
    shifts, blocks, weights = [], [], []
    n = 0
    for graph in graphs:
        arcs = graph.arcs.copy()
        arcs[:2] += np.int32(n)
        shifts.append(n)
        blocks.append(arcs)
        weights.append(graph.penalty)
        n += graph.n
    return n, shifts, blocks, weights


def _build(
    name: str,
    inputs: Sequence[Graph],
    n: int,
    start: Index,
    accept: Index,
    blocks: list[Index],
    weights: list[Float],
    places: list[int],
) -> Graph:
    """Join arc blocks; places[k] is the block that copies the arcs of inputs[k]."""
    arcs = np.concatenate([np.empty((4, 0), np.int32), *blocks], axis=1)
    penalty = np.concatenate([np.empty(0), *weights])
    begins = np.cumsum([0, *(block.shape[1] for block in blocks)])
    result = Graph.of(n, start, accept, np.ascontiguousarray(arcs), penalty)
    if inputs:
        result.isymbols, result.osymbols = inputs[0].isymbols, inputs[0].osymbols
    if any(graph.data is not None for graph in inputs):
        data: list[object] = [None] * result.m
        for place, graph in zip(places, inputs, strict=True):
            if graph.data is not None:
                data[begins[place] : begins[place + 1]] = graph.data
        result.data = data
    if not inputs:
        return result

    def bprop(g: Float) -> list[Float]:
        return [g[begins[place] : begins[place + 1]] for place in places]

    return record(result, name, inputs, bprop)


def _epsilons(sources: Sequence[int], targets: Sequence[int]) -> Index:
    pairs = [(a, b, EPSILON, EPSILON) for a in sources for b in targets]
    return np.array(pairs, np.int32).reshape(-1, 4).T


def _shifted(graphs: Sequence[Graph], shifts: Sequence[int], which: str) -> Index:
    parts = [getattr(g, which) + np.int32(s) for g, s in zip(graphs, shifts, strict=True)]
    return np.concatenate([np.empty(0, np.int32), *parts])


def union(graphs: Sequence[Graph]) -> Graph:
    """Return the graph that accepts what any of the graphs accepts (none: the empty graph)."""
    n, shifts, blocks, weights = _joined(graphs)
    start = _shifted(graphs, shifts, "start")
    accept = _shifted(graphs, shifts, "accept")
    return _build("union", graphs, n, start, accept, blocks, weights, list(range(len(graphs))))


def concat(graphs: Sequence[Graph]) -> Graph:
    """Return the concatenation, joined by epsilon arcs at penalty 0 (none: empty string)."""
    if not graphs:
        node = np.zeros(1, np.int32)
        return Graph.of(1, node, node.copy(), np.empty((4, 0), np.int32), np.empty(0))
    n, shifts, parts, penalties = _joined(graphs)
    blocks, weights, places = [parts[0]], [penalties[0]], [0]
    for k in range(1, len(graphs)):
        places.append(len(blocks))
        joint = _epsilons(
            (graphs[k - 1].accept + shifts[k - 1]).tolist(),
            (graphs[k].start + shifts[k]).tolist(),
        )
        blocks += [parts[k], joint]
        weights += [penalties[k], np.zeros(joint.shape[1])]
    start = _shifted(graphs[:1], shifts[:1], "start")
    accept = _shifted(graphs[-1:], shifts[-1:], "accept")
    return _build("concat", graphs, n, start, accept, blocks, weights, places)


def closure(graph: Graph) -> Graph:
    """Return the graph that accepts any number of strings of `graph` in a row, also none.

    A new start and accept node 0 stands in front; epsilon arcs lead to the old start nodes and
    back from the old accept nodes.
    """
    arcs = graph.arcs.copy()
    arcs[:2] += np.int32(1)
    begin = _epsilons([0], (graph.start + 1).tolist())
    end = _epsilons((graph.accept + 1).tolist(), [0])
    blocks = [arcs, begin, end]
    weights = [graph.penalty, np.zeros(begin.shape[1]), np.zeros(end.shape[1])]
    node = np.zeros(1, np.int32)
    return _build("closure", [graph], graph.n + 1, node, node.copy(), blocks, weights, [0])


def _rewritten(name: str, graph: Graph, rows: Sequence[int], swap: bool = False) -> Graph:
    """Return a copy whose arc rows are the given rows of `graph`."""
    start, accept = graph.start.copy(), graph.accept.copy()
    if swap:
        start, accept = accept, start
    result = Graph.of(
        graph.n,
        start,
        accept,
        np.ascontiguousarray(graph.arcs[list(rows)]),
        graph.penalty.copy(),
        like=graph,
    )
    result.data = None if graph.data is None else list(graph.data)
    return record(result, name, [graph], lambda g: [g])


def clone(graph: Graph) -> Graph:
    """Return a copy, on the tape."""
    return _rewritten("clone", graph, (0, 1, 2, 3))


def project_input(graph: Graph) -> Graph:
    """Return the acceptor of the input labels."""
    result = _rewritten("project_input", graph, (0, 1, 2, 2))
    result.osymbols = graph.isymbols
    return result


def project_output(graph: Graph) -> Graph:
    """Return the acceptor of the output labels."""
    result = _rewritten("project_output", graph, (0, 1, 3, 3))
    result.isymbols = graph.osymbols
    return result


def invert(graph: Graph) -> Graph:
    """Return the graph with input and output labels exchanged."""
    result = _rewritten("invert", graph, (0, 1, 3, 2))
    result.isymbols, result.osymbols = graph.osymbols, graph.isymbols
    return result


def reverse(graph: Graph) -> Graph:
    """Return the graph of the reversed paths: arcs turned, start and accept exchanged."""
    return _rewritten("reverse", graph, (1, 0, 2, 3), swap=True)


def remove(graph: Graph, ilabel: int = EPSILON, olabel: int | None = None) -> Graph:
    """Return the unweighted graph without arcs labelled ilabel:olabel.

    All penalties become 0, and no gradient comes back; `remove_epsilon` keeps penalties.
    """
    olabel = ilabel if olabel is None else olabel
    silent = (graph.ilabel == ilabel) & (graph.olabel == olabel)
    skip: dict[int, list[int]] = defaultdict(list)
    loud: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for quiet, (src, dst, i, o) in zip(silent.tolist(), graph.arcs.T.tolist(), strict=True):
        if quiet:
            skip[src].append(dst)
        else:
            loud[src].append((dst, i, o))
    kept = np.zeros(graph.n, bool)
    kept[graph.start] = True
    kept[graph.dst[~silent]] = True
    number = {int(v): k for k, v in enumerate(np.flatnonzero(kept))}
    accepting = set(graph.accept.tolist())
    arcs, accept = [], []
    for v, k in number.items():
        reach = [v]
        seen = {v}
        for w in reach:
            arcs += [(k, number[dst], i, o) for dst, i, o in loud[w]]
            for dst in skip[w]:
                if dst not in seen:
                    seen.add(dst)
                    reach.append(dst)
        if seen & accepting:
            accept.append(k)
    table = np.array(arcs, np.int32).reshape(-1, 4).T
    start = np.array([number[v] for v in graph.start.tolist()], np.int32)
    result = Graph.of(
        len(number),
        start,
        np.array(accept, np.int32),
        np.ascontiguousarray(table),
        np.zeros(len(arcs)),
        like=graph,
    )
    return record(result, "remove", [graph], None)


# ---------------------------------------------------------------------- equality


def equal(a: Graph, b: Graph) -> bool:
    """Tell whether two graphs have the same nodes and the same arcs, in whatever order."""
    if a.n != b.n or a.m != b.m:
        return False
    for one, other in ((a.start, b.start), (a.accept, b.accept)):
        if sorted(one.tolist()) != sorted(other.tolist()):
            return False
    return _arc_counter(a) == _arc_counter(b)


def _arc_counter(graph: Graph) -> Counter[tuple[float, ...]]:
    return Counter(zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True))


def isomorphic(a: Graph, b: Graph) -> bool:
    """Tell whether two graphs are equal up to the numbering of their nodes.

    Nodes are told apart by refinement of their surroundings; where that leaves a choice, it is
    searched (graphs with much symmetry can take long).
    """
    if (a.n, a.m, a.start.size, a.accept.size) != (b.n, b.m, b.start.size, b.accept.size):
        return False
    pending: list[tuple[list[int], list[int]]] = [(_kinds(a), _kinds(b))]
    while pending:
        kinds = _refine(a, b, *pending.pop())
        if kinds is None:
            continue
        left, right = kinds
        groups: dict[int, list[int]] = defaultdict(list)
        for v, kind in enumerate(left):
            groups[kind].append(v)
        open_groups = [g for g in groups.values() if len(g) > 1]
        if not open_groups:
            where = {kind: v for v, kind in enumerate(right)}
            renamed = a.arcs.copy()
            mapping = np.array([where[kind] for kind in left], np.int32)
            renamed[:2] = mapping[a.arcs[:2]] if a.m else renamed[:2]
            start, accept = mapping[a.start], mapping[a.accept]
            if equal(Graph.of(a.n, start, accept, renamed, a.penalty), b):
                return True
            continue
        group = min(open_groups, key=len)
        fresh = len(groups)
        for w in (w for w, kind in enumerate(right) if kind == left[group[0]]):
            one, other = list(left), list(right)
            one[group[0]] = other[w] = fresh
            pending.append((one, other))
    return False


def _kinds(graph: Graph) -> list[int]:
    kinds = np.zeros(graph.n, np.int64)
    kinds[graph.start] += 1
    kinds[graph.accept] += 2
    return [int(k) for k in kinds]


def _refine(
    a: Graph, b: Graph, left: list[int], right: list[int]
) -> tuple[list[int], list[int]] | None:
    """Refine node kinds of both graphs by their arcs until stable; None when they differ."""
    count = len(set(left))
    while True:
        names: dict[tuple[object, ...], int] = {}
        fresh = []
        for graph, kinds in ((a, left), (b, right)):
            around: list[list[tuple[float, ...]]] = [[] for _ in range(graph.n)]
            columns = zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True)
            for src, dst, i, o, w in columns:
                around[src].append((0, i, o, w, kinds[dst]))
                around[dst].append((1, i, o, w, kinds[src]))
            fresh.append(
                [
                    names.setdefault((kinds[v], *sorted(around[v])), len(names))
                    for v in range(graph.n)
                ]
            )
        left, right = fresh
        if Counter(left) != Counter(right):
            return None
        if len(names) == count:
            return left, right
        count = len(names)
