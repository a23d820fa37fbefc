"""The training criteria of 1998 (sec. VI) and the confidence they give to a string."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gtn.composition import compose
from gtn.graph import Graph, chain_graph
from gtn.scores import forward_penalty


def confidence(graph: Graph, string: Sequence[int]) -> float:
    """Return exp(-E_dforw), the posterior of an output string among all of `graph`, 0...1.

    E_dforw = C_cforw - C_forw (1998, eq. 17 with the string as the desired answer; the paper
    prints exp(E_dforw) in sec. X, the sign is that of sec. VI-E).
    """
    constrained = forward_penalty(compose(graph, chain_graph(list(string))))
    if constrained == np.inf:
        return 0.0
    return float(min(1.0, np.exp(forward_penalty(graph) - constrained)))
