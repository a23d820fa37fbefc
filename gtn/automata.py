"""Finite-state algebra for grammars: deterministic, minimal, epsilon-free automata.

Plain Python over dictionaries: grammars are small and made once. A pair (ilabel, olabel) is
treated as one symbol, so transducers are handled as acceptors of pairs.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict

import numpy as np

from gtn.graph import EPSILON, CycleError, Graph, GraphError, Index

Pair = tuple[int, int]
DIGITS = 10  # residual penalties closer than 1e-10 count as equal


def _combine(a: float, b: float, semiring: str) -> float:
    if semiring == "viterbi":
        return min(a, b)
    if math.isinf(a) or math.isinf(b):
        return min(a, b)
    low = min(a, b)
    return low - math.log1p(math.exp(low - max(a, b)))


def _check_semiring(semiring: str) -> None:
    if semiring not in ("viterbi", "forward"):
        raise GraphError(f"unknown semiring {semiring!r}: 'viterbi' or 'forward'")


def determinize(
    graph: Graph,
    *,
    semiring: str = "viterbi",
    max_states: int = 100_000,
    max_moves: float = math.inf,
) -> Graph:
    """Return an automaton in which each string of label pairs has exactly one path.

    Its penalty is the least ("viterbi") or the log-add ("forward") of the paths that spelled it
    in `graph`. No two arcs of a node carry the same pair, except that a string ending with a
    penalty left over ends on a twin arc into a node of its own (penalties lie on arcs only);
    only a penalised empty string needs an epsilon. Arcs with both labels epsilon must be
    removed first. Raises GraphError when more than `max_states` states appear, or more than
    `max_moves` arcs have to be looked at: some cyclic automata with penalties have no finite
    deterministic form.
    """
    _check_semiring(semiring)
    out: dict[int, list[tuple[Pair, int, float]]] = defaultdict(list)
    columns = zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True)
    for arc, (src, dst, ilabel, olabel, weight) in enumerate(columns):
        if ilabel == EPSILON and olabel == EPSILON:
            raise GraphError(f"determinize: arc {arc} is an epsilon; use remove_epsilon first")
        if weight < math.inf:
            out[src].append(((ilabel, olabel), dst, weight))
    accepting = set(graph.accept.tolist())
    first: dict[int, float] = dict.fromkeys(graph.start.tolist(), 0.0)
    subsets: list[dict[int, float]] = []
    number: dict[tuple[tuple[int, float], ...], int] = {}

    def state(subset: dict[int, float]) -> int:
        key = tuple(sorted((v, round(r, DIGITS)) for v, r in subset.items()))
        if key not in number:
            number[key] = len(subsets)
            subsets.append(subset)
            if len(subsets) > max_states:
                raise GraphError(f"determinize: more than {max_states} states")
        return number[key]

    arcs: list[tuple[int, int, int, int, float]] = []
    leftover: dict[int, float] = {}
    if first:
        state(first)
    k, looked = 0, 0
    while k < len(subsets):
        subset = subsets[k]
        left = math.inf
        for v, residual in subset.items():
            if v in accepting:
                left = _combine(left, residual, semiring)
        leftover[k] = left
        moves: dict[Pair, dict[int, float]] = {}
        looked += sum(len(out[v]) for v in subset)
        if looked > max_moves:
            raise GraphError(f"determinize: more than {max_moves:,.0f} moves; it is too large")
        for v, residual in subset.items():
            for pair, dst, weight in out[v]:
                target = moves.setdefault(pair, {})
                x = residual + weight
                target[dst] = _combine(target[dst], x, semiring) if dst in target else x
        for pair in sorted(moves):
            target = moves[pair]
            total = math.inf
            for x in target.values():
                total = _combine(total, x, semiring)
            to = state({v: x - total for v, x in target.items()})
            arcs.append((k, to, *pair, total))
        k += 1
    n = len(subsets)
    accept = [k for k in range(n) if abs(leftover[k]) < 10.0**-DIGITS]
    late = {k: r for k, r in leftover.items() if abs(r) >= 10.0**-DIGITS and r < math.inf}
    if late:
        arcs += [
            (src, n, i, o, weight + late[dst]) for src, dst, i, o, weight in arcs if dst in late
        ]
        accept.append(n)
        n += 1
        if 0 in late:  # from a start node of its own: arcs may lead back to node 0
            arcs.append((n, n - 1, EPSILON, EPSILON, late[0]))
            return trim_lists(n + 1, [0, n], accept, arcs, graph)
    return trim_lists(n, [0] if first else [], accept, arcs, graph)


def minimize(graph: Graph) -> Graph:
    """Return the automaton with equivalent nodes merged (deterministic input: the smallest).

    Nodes are merged when they agree on acceptance and on the pairs, penalties and classes their
    arcs lead to. Penalties are not moved along paths.
    """
    n = graph.n
    arcs = list(zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True))
    out: list[list[tuple[int, int, float, int]]] = [[] for _ in range(n)]
    for src, dst, ilabel, olabel, weight in arcs:
        out[src].append((ilabel, olabel, round(weight, DIGITS), dst))
    accepting = set(graph.accept.tolist())
    kind = [1 if v in accepting else 0 for v in range(n)]
    order = _last_first(n, [[dst for *_, dst in leaving] for leaving in out])
    if order is not None:  # without cycles one look at each node, the last first, is enough
        known: dict[tuple[object, ...], int] = {}
        for v in order:
            arcs_of = sorted((i, o, w, kind[d]) for i, o, w, d in out[v])
            kind[v] = known.setdefault((v in accepting, *arcs_of), len(known))
    else:
        kind = _refined(kind, out)
    first: dict[int, int] = {}
    kind = [first.setdefault(k, len(first)) for k in kind]
    chosen: dict[int, int] = {}
    for v in range(n):
        chosen.setdefault(kind[v], v)
    merged = [
        (kind[src], kind[dst], i, o, w)
        for src, dst, i, o, w in arcs
        if chosen[kind[src]] == src
    ]
    start = list(dict.fromkeys(kind[v] for v in graph.start.tolist()))
    accept = list(dict.fromkeys(kind[v] for v in graph.accept.tolist()))
    return trim_lists(len(first), start, accept, merged, graph)


def _refined(kind: list[int], out: list[list[tuple[int, int, float, int]]]) -> list[int]:
    """Return the coarsest classes within `kind` whose nodes lead to the same classes.

    Of a class that splits the largest part keeps its number, so that a node is renumbered at
    most log n times, and only nodes that lead to renumbered ones are looked at again (Hopcroft
    1971).
    """
    kind = list(kind)
    into: list[list[int]] = [[] for _ in kind]
    members: dict[int, set[int]] = {}
    for v, leaving in enumerate(out):
        members.setdefault(kind[v], set()).add(v)
        for *_, dst in leaving:
            into[dst].append(v)
    unused = max(members, default=0) + 1
    again = set(range(len(kind)))
    while again:
        parts: dict[int, dict[tuple[object, ...], list[int]]] = {}
        for v in sorted(again):
            leads = tuple(sorted((i, o, w, kind[d]) for i, o, w, d in out[v]))
            parts.setdefault(kind[v], {}).setdefault(leads, []).append(v)
        again = set()
        for number, found in parts.items():
            block, groups = members[number], sorted(found.values(), key=len, reverse=True)
            if len(block) - sum(map(len, groups)) <= len(groups[0]):
                groups.append(list(block.difference(*groups)))  # these lead where they led
                groups.pop(0)
            for group in filter(None, groups):
                block.difference_update(group)
                members[unused] = set(group)
                for v in group:
                    kind[v] = unused
                    again.update(into[v])
                unused += 1
    return kind


def _last_first(n: int, out: list[list[int]]) -> list[int] | None:
    """Return the nodes in an order in which arcs lead to earlier ones, None for cycles."""
    left = [len(targets) for targets in out]
    into: list[list[int]] = [[] for _ in range(n)]
    for v, targets in enumerate(out):
        for w in targets:
            into[w].append(v)
    order = [v for v in range(n) if not left[v]]
    for v in order:
        for u in into[v]:
            left[u] -= 1
            if not left[u]:
                order.append(u)
    return order if len(order) == n else None


def remove_epsilon(graph: Graph, *, semiring: str = "viterbi") -> Graph:
    """Return an equivalent graph without arcs whose two labels are both epsilon.

    Penalties are kept: parallel epsilon paths combine by their least penalty ("viterbi") or by
    log-add ("forward"), so that the score of that name of every string is unchanged. Epsilon
    cycles are allowed for "viterbi" if their penalties are >= 0; else CycleError. An empty
    string with a penalty keeps one epsilon arc, since penalties lie on arcs only.
    """
    _check_semiring(semiring)
    n = graph.n
    silent: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    loud: list[list[tuple[int, int, int, float]]] = [[] for _ in range(n)]
    for src, dst, i, o, w in zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True):
        if i == EPSILON and o == EPSILON:
            silent[src].append((dst, w))
        else:
            loud[src].append((dst, i, o, w))
    accepting = set(graph.accept.tolist())
    rank = _epsilon_rank(n, silent)
    arcs: list[tuple[int, int, int, int, float]] = []
    final: dict[int, float] = {}
    for v in range(n):
        reach = _epsilon_reach(v, silent, rank, semiring)
        for w, x in reach.items():
            arcs += [(v, dst, i, o, x + weight) for dst, i, o, weight in loud[w]]
            if w in accepting:
                final[v] = _combine(final.get(v, math.inf), x, semiring)
    accept = [v for v in range(n) if abs(final.get(v, 1.0)) < 10.0**-DIGITS]
    late = {v: r for v, r in final.items() if abs(r) >= 10.0**-DIGITS}
    if late:
        arcs += [(src, n, i, o, w + late[dst]) for src, dst, i, o, w in arcs if dst in late]
        accept.append(n)
        n += 1
    start = graph.start.tolist()
    for v in graph.start.tolist():
        if v in late:  # from a start node of its own: arcs may lead back to this one
            arcs.append((n, accept[-1], EPSILON, EPSILON, late[v]))
            start.append(n)
            n += 1
    return trim_lists(n, start, accept, arcs, graph)


def _epsilon_rank(n: int, silent: list[list[tuple[int, float]]]) -> list[int] | None:
    """Return a topological rank over epsilon arcs, or None when they form a cycle."""
    degree = [0] * n
    for moves in silent:
        for dst, _ in moves:
            degree[dst] += 1
    ready = [v for v in range(n) if not degree[v]]
    rank = [0] * n
    for place, v in enumerate(ready):
        rank[v] = place
        for dst, _ in silent[v]:
            degree[dst] -= 1
            if not degree[dst]:
                ready.append(dst)
    return rank if len(ready) == n else None


def _epsilon_reach(
    origin: int, silent: list[list[tuple[int, float]]], rank: list[int] | None, semiring: str
) -> dict[int, float]:
    """Return the combined penalty of the epsilon paths from a node to each node."""
    reach = {origin: 0.0}
    if not silent[origin]:
        return reach
    if rank is not None:
        heap = [(rank[origin], origin)]
        while heap:
            _, v = heapq.heappop(heap)
            for dst, w in silent[v]:
                if dst not in reach:
                    heapq.heappush(heap, (rank[dst], dst))
                    reach[dst] = reach[v] + w
                else:
                    reach[dst] = _combine(reach[dst], reach[v] + w, semiring)
        return reach
    if semiring == "forward":
        raise CycleError(
            "remove_epsilon: a cycle of epsilon arcs has no finite forward sum", []
        )
    costs = [(0.0, origin)]
    while costs:
        x, v = heapq.heappop(costs)
        if x > reach[v]:
            continue
        for dst, w in silent[v]:
            if w < 0:
                raise CycleError("remove_epsilon: epsilon cycles need penalties >= 0", [])
            if x + w < reach.get(dst, math.inf):
                reach[dst] = x + w
                heapq.heappush(costs, (x + w, dst))
    return reach


def trim_lists(
    n: int,
    start: list[int],
    accept: list[int],
    arcs: list[tuple[int, int, int, int, float]],
    like: Graph | None = None,
) -> Graph:
    """Return the graph of a list of arcs without useless nodes, numbered from the start on."""
    forth: list[list[int]] = [[] for _ in range(n)]
    back: list[list[int]] = [[] for _ in range(n)]
    for arc, (src, dst, *_) in enumerate(arcs):
        forth[src].append(arc)
        back[dst].append(arc)
    order = list(start)
    seen = set(order)
    for v in order:
        for arc in forth[v]:
            if arcs[arc][1] not in seen:
                seen.add(arcs[arc][1])
                order.append(arcs[arc][1])
    stack = [v for v in accept if v in seen]
    alive = set(stack)
    while stack:
        for arc in back[stack.pop()]:
            if arcs[arc][0] in seen and arcs[arc][0] not in alive:
                alive.add(arcs[arc][0])
                stack.append(arcs[arc][0])
    number = {v: k for k, v in enumerate(v for v in order if v in alive)}
    kept = [
        (number[arcs[a][0]], number[arcs[a][1]], *arcs[a][2:])
        for v in number
        for a in forth[v]
        if arcs[a][1] in number
    ]
    table = np.array([arc[:4] for arc in kept], np.int32).reshape(-1, 4)
    return Graph.of(
        len(number),
        _array([number[v] for v in start if v in number]),
        _array([number[v] for v in accept if v in number]),
        np.ascontiguousarray(table.T),
        np.array([arc[4] for arc in kept], np.float64),
        like=like,
    )


def _array(nodes: list[int]) -> Index:
    return np.array(nodes, np.int32)
