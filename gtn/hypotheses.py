"""The n best *different* output strings of a graph, with penalties and posteriors.

Several paths may spell one string: its penalty is that of the best of them, its posterior sums
over all. A best path alone always has posterior 1 against itself; a string has one against the
whole graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gtn import kernels, kernels_compose, kernels_nbest
from gtn.graph import Graph, GraphError
from gtn.scores import forward_penalty, useful, useful_part, without_useless_cycles

MANY = 4096  # labels from which on those that occur are numbered anew


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """An output string (epsilons dropped), the penalty of its best path, and its posterior."""

    string: tuple[int, ...]
    penalty: float
    posterior: float

    def text(self, symbols: Sequence[str]) -> str:
        """Return the string spelled with `symbols`."""
        return "".join(symbols[label] for label in self.string)


def nbest(graph: Graph, n: int = 5, *, beam: float = np.inf) -> list[Hypothesis]:
    """Return the n output strings with the best paths, best first.

    `beam` drops strings whose penalty exceeds the best by more; of paths dearer than that a
    posterior may lack some. Raises CycleError when an accepting path can run through a cycle.

    >>> from gtn import Graph, nbest
    >>> graph = Graph(2, [0], [1], [0, 0, 0], [1, 1, 1], [5, 5, 6], penalty=[1.0, 1.0, 0.5])
    >>> [(h.string, h.penalty, round(h.posterior, 3)) for h in nbest(graph)]
    [((6,), 0.5, 0.452), ((5,), 1.0, 0.548)]
    """
    if n < 1:
        raise GraphError(f"nbest: {n} strings asked for")
    part = graph if useful(graph).all() else useful_part(graph)[0]
    if not part.n:
        return []
    order = np.empty(part.n, np.int32)
    if kernels.topological_order(part.arcs, part.n, order) < part.n:
        without_useless_cycles(graph, "nbest")
    arcs = np.empty((5, part.m), np.int32)
    arcs[:4] = part.arcs
    rank = np.empty(part.n, np.int32)
    rank[order] = np.arange(part.n, dtype=np.int32)
    arcs[4] = rank[part.dst]
    names = None
    if part.m and part.olabel.max() >= MANY:
        names = np.unique(part.olabel[part.olabel >= 0])
        arcs[3] = np.where(part.olabel < 0, -1, np.searchsorted(names, part.olabel))
    offset = np.zeros(part.n + 1, np.int32)
    arc = np.empty(part.m, np.int32)
    kernels_compose.arcs_by_label(arcs, part.n, 3, offset, arc)
    h = np.empty(part.n)
    kernels_nbest.penalty_to_accept(part.arcs, part.penalty, part.n, order, part.accept, h)
    best = min((float(h[v]) for v in part.start), default=np.inf)
    if best == np.inf:
        return []
    penalties, sums = np.empty(n), np.empty(n)
    found, strings, ends = kernels_nbest.nbest(
        arcs, part.penalty, part.n, order, offset, arc, part.start, part.accept, h,
        n, best + beam, penalties, sums,
    )  # fmt: skip
    if names is not None:
        strings = names[strings[: ends[found]]]
    total = forward_penalty(part)
    return [
        Hypothesis(
            tuple(strings[ends[k] : ends[k + 1]].tolist()),
            float(penalties[k]),
            float(min(1.0, np.exp(total - sums[k]))) if total > -np.inf else float("nan"),
        )
        for k in range(found)
    ]
