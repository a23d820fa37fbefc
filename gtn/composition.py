"""The algebra of graphs: composition, union, concatenation, closure, projection and kin.

Every function takes graphs and returns a new graph on the tape, so gradients come back to the
input arcs; `origin` of a composed graph holds, per arc, the arc of each input it came from (-1:
none). Functions of two graphs also take lists: a list of one is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gtn import kernels_compose
from gtn.graph import Float, Graph, GraphError, record

# Tables of states up to this size are arrays (256 MB of address space), larger ones hashed.
DENSE_LIMIT = 1 << 26


def compose(first: Graph | list[Graph], second: Graph | list[Graph]) -> Any:
    """Return the composition: output labels of `first` matched with input labels of `second`.

    Penalties add; input labels come from `first`, output labels from `second`, arc data from
    `first`. Exact with epsilons on both sides: each pair of matching paths counts once. The
    result is trimmed and, when one input is numbered topologically, so is it (up to epsilon
    moves of the other).

    >>> from gtn import chain_graph, compose, viterbi_path
    >>> lattice = Graph(2, [0], [1], [0, 0], [1, 1], [3, 4], penalty=[0.2, 0.1])
    >>> viterbi_path(compose(lattice, chain_graph([3]))).penalty
    0.2
    """
    if isinstance(first, list) or isinstance(second, list):
        return _broadcast("compose", compose, first, second)
    arcs, penalty, origin, start, accept, pairs = kernels_compose.compose(
        first.arcs, first.penalty, first.n, first.start, first.accept,
        second.arcs, second.penalty, second.n, second.start, second.accept, DENSE_LIMIT,
    )  # fmt: skip
    result = Graph.of(pairs.shape[1], start, accept, arcs, penalty)
    result.isymbols, result.osymbols = first.isymbols, second.osymbols
    result.origin = (origin[0], origin[1])
    if first.data is not None:
        data = first.data
        result.data = [data[a] if a >= 0 else None for a in origin[0].tolist()]

    def bprop(g: Float) -> list[Float]:
        totals = [np.zeros(first.m), np.zeros(second.m)]
        for row, total in enumerate(totals):
            kernels_compose.scatter_add(g, origin[row], total)
        return totals

    return record(result, "compose", (first, second), bprop)


def intersect(first: Graph | list[Graph], second: Graph | list[Graph]) -> Any:
    """Return the intersection of two acceptors (their composition)."""
    if isinstance(first, list) or isinstance(second, list):
        return _broadcast("intersect", intersect, first, second)
    for name, graph in (("first", first), ("second", second)):
        if not np.array_equal(graph.ilabel, graph.olabel):
            arc = int(np.flatnonzero(graph.ilabel != graph.olabel)[0])
            raise GraphError(f"intersect: the {name} graph is no acceptor (arc {arc})")
    return compose(first, second)


def _broadcast(name: str, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    lists = [a if isinstance(a, list) else [a] for a in arguments]
    size = max(len(a) for a in lists)
    if any(len(a) not in (1, size) for a in lists):
        raise GraphError(f"{name}: lists of {' and '.join(str(len(a)) for a in lists)} graphs")
    wide = [a * size if len(a) == 1 else a for a in lists]
    return [function(*one) for one in zip(*wide, strict=True)]
