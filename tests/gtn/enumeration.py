"""The slow truth: every accepting path of a small graph, one by one."""

import math
from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    arcs: tuple
    istring: tuple
    ostring: tuple
    penalty: float


def paths(graph, limit=10_000):
    """Return all accepting paths of an acyclic graph; None when there are more than limit."""
    out = defaultdict(list)
    back = defaultdict(list)
    for a, (src, dst) in enumerate(graph.arcs[:2].T.tolist()):
        out[src].append((a, dst))
        back[dst].append(src)
    accept = set(graph.accept.tolist())
    alive = set(accept)
    stack = list(alive)
    while stack:
        for v in back[stack.pop()]:
            if v not in alive:
                alive.add(v)
                stack.append(v)
    labels = graph.arcs[2:].T.tolist()
    penalty = graph.penalty.tolist()
    found = []
    stack = [(v, ()) for v in graph.start.tolist() if v in alive]
    while stack:
        v, arcs = stack.pop()
        if v in accept:
            if len(found) == limit:
                return None
            found.append(
                Path(
                    arcs,
                    tuple(labels[a][0] for a in arcs if labels[a][0] >= 0),
                    tuple(labels[a][1] for a in arcs if labels[a][1] >= 0),
                    math.fsum(penalty[a] for a in arcs),
                )
            )
        stack += [(dst, (*arcs, a)) for a, dst in out[v] if dst in alive]
    return found


def forward(found):
    """Return the forward penalty of a list of paths."""
    if not found:
        return math.inf
    low = min(p.penalty for p in found)
    return low - math.log(math.fsum(math.exp(low - p.penalty) for p in found))


def viterbi(found):
    """Return the Viterbi penalty of a list of paths."""
    return min((p.penalty for p in found), default=math.inf)


def posteriors(found, m):
    """Return the posterior of each of m arcs."""
    total = forward(found)
    sums = [0.0] * m
    for p in found:
        share = math.exp(total - p.penalty)
        for a in p.arcs:
            sums[a] += share
    return sums


def strings(found):
    """Return {output string: list of penalties}."""
    result = defaultdict(list)
    for p in found:
        result[p.ostring].append(p.penalty)
    return dict(result)


def best(graph, limit=200_000):
    """Return the paths within 1e-9 of the best."""
    found = paths(graph, limit)
    if found is None:
        return []
    low = viterbi(found)
    return [p for p in found if p.penalty <= low + 1e-9]
