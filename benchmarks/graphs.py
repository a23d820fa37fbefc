"""Graph operations against OpenFst (pynini), and the growth of the fused losses.

    python -m benchmarks.graphs [--plot docs/figures/loss-growth.svg]

One process, one core; each figure is the shortest of many runs after warming up, because the
machine may be shared. "rebuilt" includes making the graphs. Without pynini only our own times
are printed. Problems: emission lattices of T frames and C labels (log-softmax of normal scores,
standard deviation 2), CTC targets of U random labels, segmentation graphs of N pieces with up
to 4 pieces per segment and 10 classes, a random acyclic graph of 20,000 nodes.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np

import gtn

BARS = {  # times OpenFst
    "forward T=100 C=28": 14.0,
    "best path T=1000 C=11": 3.5,
    "compose CTC o E T=100 C=28 U=20": 3.0,
    "compose CTC o E T=1000 C=28 U=200": 2.8,
    "forward DAG 200k arcs": 16.0,
}
LIMITS = {  # ms where OpenFst's forward of T=100 C=28 takes 0.25 ms
    "CTC loss T=100 C=11 U=10": 0.09,
    "CTC loss T=1000 C=28 U=100": 7.0,
    "segment loss N=10": 0.018,
    "segment loss N=80": 0.2,
}


def shortest(function, budget=0.4):
    """Return the shortest time of repeated calls in ms, spending about `budget` seconds."""
    function()
    best, spent, count = math.inf, 0.0, 0
    while spent < budget or count < 5:
        begin = time.perf_counter()
        function()
        took = time.perf_counter() - begin
        best, spent, count = min(best, took), spent + took, count + 1
    return best * 1e3


def emissions(rng, frames, labels):
    scores = rng.normal(size=(frames, labels)) * 2
    return np.log(np.exp(scores).sum(1, keepdims=True)) - scores


def random_dag(rng, nodes=20_000, arcs=200_000):
    chain = np.stack((np.arange(nodes - 1), np.arange(1, nodes)))
    ends = np.sort(rng.integers(0, nodes, (2, arcs - nodes + 1)), axis=0)
    ends = ends[:, ends[0] != ends[1]]
    ends = np.concatenate((chain, ends), axis=1)
    ends = ends[:, rng.permutation(ends.shape[1])]
    labels = rng.integers(0, 10, ends.shape[1])
    penalty = rng.exponential(size=ends.shape[1])
    return gtn.Graph(nodes, [0], [nodes - 1], *ends, labels, penalty=penalty)


def segments(rng, pieces):
    spans = [(i, j) for i in range(pieces) for j in range(i + 1, min(pieces, i + 4) + 1)]
    spans = np.array(spans, np.int32)
    return spans, rng.exponential(2, (len(spans), 10)), rng.integers(0, 10, pieces // 2)


class OpenFst:
    """The same operations in OpenFst, by way of pywrapfst."""

    def __init__(self):
        import pywrapfst

        self.fst = pywrapfst

    def graph(self, graph, arc_type):
        fst = self.fst
        result = fst.VectorFst(arc_type=arc_type)
        kind = result.weight_type()
        result.reserve_states(graph.n)
        for _ in range(graph.n):
            result.add_state()
        columns = zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True)
        for src, dst, i, o, w in columns:
            result.add_arc(src, fst.Arc(i + 1, o + 1, fst.Weight(kind, w), dst))
        result.set_start(int(graph.start[0]))
        for v in graph.accept.tolist():
            result.set_final(v)
        return result

    def forward(self, graph):
        one = self.graph(graph, "log64")
        return lambda: self.fst.shortestdistance(one)

    def best_path(self, graph):
        one = self.graph(graph, "standard")
        return lambda: self.fst.shortestpath(one)

    def compose(self, a, b):
        one, two = self.graph(a, "log64"), self.graph(b, "log64")
        one.arcsort("olabel")
        two.arcsort("ilabel")
        return lambda: self.fst.compose(one, two)


def operations(rng):
    """Yield (name, our call, OpenFst's method and its graphs)."""
    linear = gtn.linear_graph(emissions(rng, 100, 28))
    yield (
        "forward T=100 C=28",
        lambda: gtn.forward_penalty(linear),
        ("forward", linear),
    )
    tall = gtn.linear_graph(emissions(rng, 1000, 11))
    yield "best path T=1000 C=11", lambda: gtn.viterbi_path(tall), ("best_path", tall)
    dag = random_dag(rng)
    yield "forward DAG 200k arcs", lambda: gtn.forward_penalty(dag), ("forward", dag)
    yield "forward + gradient DAG 200k arcs", lambda: gtn.posteriors(dag), None
    for frames, targets in ((100, 20), (1000, 200)):
        e = gtn.linear_graph(emissions(rng, frames, 28))
        c = gtn.ctc_graph(rng.integers(1, 28, targets))
        yield (
            f"compose CTC o E T={frames} C=28 U={targets}",
            lambda e=e, c=c: gtn.compose(c, e),
            ("compose", c, e),
        )
    amount = gtn.grammar.regex(r"\** [0-9]{1,9} (. [0-9]{2})?", "0123456789*.")
    wide = gtn.linear_graph(emissions(rng, 100, 12))
    yield (
        "compose E o amount grammar T=100 C=12",
        lambda: gtn.compose(wide, amount),
        ("compose", wide, amount),
    )


def losses(rng):
    """Yield (name, call) of the fused losses, graphs rebuilt each time."""
    for frames, labels, count in ((20, 11, 2), (100, 11, 10), (200, 28, 20), (1000, 28, 100)):
        table, target = emissions(rng, frames, labels), rng.integers(1, labels, count)
        yield (
            f"CTC loss T={frames} C={labels} U={count}",
            lambda table=table, target=target: gtn.ctc_energy(table, target),
        )
    for pieces in (5, 10, 20, 40, 80):
        spans, table, target = segments(rng, pieces)
        yield (
            f"segment loss N={pieces}",
            lambda s=spans, p=table, t=target: gtn.segment_energy(s, p, t),
        )
    batch = [segments(rng, 12) for _ in range(64)]
    yield (
        "64 segment losses N=12, one call",
        lambda: gtn.batch_energy(
            "discriminative_forward",
            [gtn.segment_graph(s, p) for s, p, _ in batch],
            [t for _, _, t in batch],
        ),
    )


def growth(rng):
    """Return {name: [(size, ms)]}: CTC time in T with U = 20, segment loss in its arcs."""
    ctc = []
    for frames in (40, 100, 200, 400, 1000, 2000, 4000, 10_000):
        table, target = emissions(rng, frames, 11), rng.integers(1, 11, 20)
        ctc.append((frames, shortest(lambda t=table, y=target: gtn.ctc_energy(t, y))))
    cut = []
    for pieces in (10, 20, 40, 100, 200, 400, 1000):
        spans, table, _ = segments(rng, pieces)
        target = rng.integers(0, 10, 10)
        call = shortest(lambda s=spans, p=table, t=target: gtn.segment_energy(s, p, t))
        cut.append((table.size, call))
    return {"CTC in T (C=11, U=20)": ctc, "segment loss in arcs (10 symbols)": cut}


def exponent(points):
    """Return the slope in double logarithms over the first two decades of sizes."""
    x, y = np.log(np.array([p for p in points if p[0] <= 100 * points[0][0]])).T
    return float(np.polyfit(x, y, 1)[0])


def plot(curves, file):
    """Write the curves as a double-logarithmic SVG plot."""
    width, height, left, low = 560, 380, 64, 48
    points = np.log10(np.array([p for curve in curves.values() for p in curve]))
    (x0, y0), (x1, y1) = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))

    def at(x, y):
        return (
            left + (math.log10(x) - x0) / (x1 - x0) * (width - left - 16),
            height - low - (math.log10(y) - y0) / (y1 - y0) * (height - low - 16),
        )

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(int(x0), int(x1) + 1):
        x, bottom = at(10.0**power, 10.0**y0)
        lines.append(f'<path d="M{x:.1f},16 V{bottom:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">'
                     f"{10**power:,}</text>")  # fmt: skip
    for power in range(int(y0), int(y1) + 1):
        x, y = at(10.0**x0, 10.0**power)
        lines.append(f'<path d="M{x:.1f},{y:.1f} H{width - 16}" stroke="#ddd"/>')
        lines.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">'
                     f"{10.0**power:g}</text>")  # fmt: skip
    for k, (name, curve) in enumerate(curves.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*p) for p in curve))
        dash = ' stroke-dasharray="6 4"' if k else ""
        lines.append(f'<polyline points="{path}" fill="none" stroke="black" '
                     f'stroke-width="2"{dash}/>')  # fmt: skip
        y = 34 + 20 * k
        lines.append(
            f'<path d="M{left + 14},{y - 4} h34" stroke="#000" stroke-width="2"{dash}/>'
        )
        lines.append(f'<text x="{left + 56}" y="{y}">{name}: exponent '
                     f"{exponent(curve):.2f}</text>")  # fmt: skip
    lines.append(
        f'<text x="{(left + width) / 2:.0f}" y="{height - 8}" text-anchor="middle">'
        "frames, or arcs; vertical: ms per loss</text></svg>"
    )
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plot", help="write the growth plot to this SVG file")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    try:
        peer = OpenFst()
    except ImportError:
        peer = None
        print("pynini is not installed: no comparison (extra 'bench')")
    print(f"{'operation':40}{'ours ms':>10}{'OpenFst ms':>12}{'ratio':>8}{'bar':>7}")
    for name, call, other in operations(rng):
        ours = shortest(call)
        line = f"{name:40}{ours:10.4f}"
        if peer is not None and other is not None:
            theirs = shortest(getattr(peer, other[0])(*other[1:]))
            line += f"{theirs:12.4f}{theirs / ours:8.1f}"
            line += f"{BARS[name]:7.1f}" if name in BARS else ""
        print(line)
    print(f"\n{'loss with gradient, graphs rebuilt':40}{'ours ms':>10}{'limit':>12}")
    for name, call in losses(rng):
        limit = f"{LIMITS[name]:12.3f}" if name in LIMITS else ""
        print(f"{name:40}{shortest(call):10.4f}{limit}")
    curves = growth(rng)
    print("\ngrowth (exponent over two decades)")
    for name, points in curves.items():
        print(f"{name:40}{exponent(points):10.3f}")
        print("   " + "  ".join(f"{size:,}: {ms:.3g} ms" for size, ms in points))
    if options.plot:
        plot(curves, options.plot)


if __name__ == "__main__":
    main()
