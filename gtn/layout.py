"""Where the nodes and arcs of a drawn graph lie: ranks from left to right, smooth long arcs.

The layered method of Sugiyama: a node's column is the longest way to it (arcs that close a
cycle count backwards), arcs that pass a column get a waypoint in it, the order in a column
follows the mean height of the neighbours, and heights relax towards straight lines. Parallel
arcs form one bundle with a lane for each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from gtn.graph import Graph

Point = tuple[float, float]


@dataclass(slots=True)
class Bundle:
    """The drawn arcs between two nodes, in one direction of the layout."""

    left: int
    right: int
    arcs: list[int] = field(default_factory=list)
    hidden: int = 0
    points: list[Point] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """Node positions, bundles with their waypoints, loops per node; in columns and lanes."""

    nodes: list[Point]
    bundles: list[Bundle]
    loops: dict[int, list[int]]
    columns: int


def columns_of(graph: Graph) -> list[int]:
    """Return the column of each node: the longest way from a start, cycles cut."""
    n = graph.n
    out: list[list[int]] = [[] for _ in range(n)]
    for src, dst in graph.arcs[:2].T.tolist():
        if src != dst:
            out[src].append(dst)
    state = [0] * n
    order: list[int] = []
    closing: set[tuple[int, int]] = set()
    for root in [*graph.start.tolist(), *range(n)]:
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            v, targets = stack[-1]
            for w in targets:
                if state[w] == 1:
                    closing.add((v, w))
                elif not state[w]:
                    state[w] = 1
                    stack.append((w, iter(out[w])))
                    break
            else:
                state[v] = 2
                order.append(v)
                stack.pop()
    column = [0] * n
    for v in reversed(order):
        for w in out[v]:
            if (v, w) not in closing:
                column[w] = max(column[w], column[v] + 1)
    return column


def lay_out(graph: Graph, *, lanes: int, gap: float) -> Layout:
    """Place nodes and bundles; at most `lanes` parallel arcs are kept, the cheapest ones.

    Heights are in lanes; `gap` is the free height around a node or waypoint.
    """
    column = columns_of(graph)
    bundles, loops = _bundles(graph, column, lanes)
    # Items of a column: nodes (n of them, first), then waypoints of long bundles.
    columns = max(column, default=-1) + 1
    rows: list[list[int]] = [[] for _ in range(columns)]
    for v, c in enumerate(column):
        rows[c].append(v)
    left: dict[int, list[tuple[int, float]]] = defaultdict(list)
    right: dict[int, list[tuple[int, float]]] = defaultdict(list)
    height = [1.0] * graph.n
    chains = []
    for k, bundle in enumerate(sorted(bundles, key=lambda b: column[b.right] - column[b.left])):
        chain = [bundle.left]
        for c in range(column[bundle.left] + 1, column[bundle.right]):
            item = len(height)
            height.append(float(len(bundle.arcs) + bool(bundle.hidden)))
            rows[c].insert(0 if k % 2 else len(rows[c]), item)
            chain.append(item)
        chain.append(bundle.right)
        chains.append((bundle, chain))
        for a, b in pairwise(chain):
            # Straight lines between nodes and along a long arc matter more than its two ends.
            weight = 1.0 + 7.0 * (len(chain) == 2) + 3.0 * (min(a, b) >= graph.n)
            right[a].append((b, weight))
            left[b].append((a, weight))
    for bundle in bundles:
        if column[bundle.right] == column[bundle.left] + 1:
            for v in (bundle.left, bundle.right):
                height[v] = max(height[v], float(len(bundle.arcs) + bool(bundle.hidden)))
    y = [0.0] * len(height)
    for row in rows:
        _stack(row, [0.0] * len(row), height, gap, y)
    for sweep in range(24):
        forth = sweep % 2 == 0
        for row in rows if forth else reversed(rows):
            wanted = []
            for item in row:
                near = left[item] if forth else right[item]
                if sweep > 7:
                    near = left[item] + right[item]
                total = sum(w for _, w in near)
                wanted.append(sum(y[k] * w for k, w in near) / total if near else y[item])
            if sweep < 8:
                places = sorted(range(len(row)), key=lambda k: (wanted[k], y[row[k]]))
                row[:] = [row[k] for k in places]
                wanted = [wanted[k] for k in places]
            _stack(row, wanted, height, gap, y)
    for bundle, chain in chains:
        c = column[bundle.left]
        bundle.points = [(float(c + k), y[item]) for k, item in enumerate(chain)]
    nodes = [(float(c), y[v]) for v, c in enumerate(column)]
    return Layout(nodes, bundles, loops, columns)


def _bundles(
    graph: Graph, column: list[int], lanes: int
) -> tuple[list[Bundle], dict[int, list[int]]]:
    grouped: dict[tuple[int, int], list[int]] = defaultdict(list)
    loops: dict[int, list[int]] = defaultdict(list)
    for arc, (src, dst) in enumerate(graph.arcs[:2].T.tolist()):
        if src == dst:
            loops[src].append(arc)
        else:
            ends = (src, dst) if column[src] < column[dst] else (dst, src)
            grouped[ends].append(arc)
    bundles = []
    for (a, b), arcs in grouped.items():
        kept = sorted(sorted(arcs, key=lambda k: graph.penalty[k])[:lanes])
        bundles.append(Bundle(a, b, kept, len(arcs) - len(kept)))
    return bundles, dict(loops)


def _stack(
    row: list[int], wanted: list[float], height: list[float], gap: float, y: list[float]
) -> None:
    """Place the items of a row in order, near their wanted heights, without overlap."""
    placed: list[list[float]] = []  # blocks: [sum of (wanted - offset), items, extent]
    members: list[list[int]] = []
    for k, item in enumerate(row):
        block = [wanted[k], 1.0, 0.0]
        group = [item]
        while placed:
            below = placed[-1]
            distance = _distance(members[-1][-1], group[0], height, gap)
            if below[0] / below[1] + below[2] + distance <= block[0] / block[1]:
                break
            shift = below[2] + distance
            block = [
                below[0] + block[0] - shift * block[1],
                below[1] + block[1],
                shift + block[2],
            ]
            group = members[-1] + group
            placed.pop()
            members.pop()
        placed.append(block)
        members.append(group)
    for block, group in zip(placed, members, strict=True):
        at = block[0] / block[1]
        for k, item in enumerate(group):
            if k:
                at += _distance(group[k - 1], item, height, gap)
            y[item] = at


def _distance(a: int, b: int, height: list[float], gap: float) -> float:
    return (height[a] + height[b]) / 2.0 + gap
