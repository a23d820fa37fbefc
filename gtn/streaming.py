"""Incremental decoding of a linear lattice: frames arrive one at a time, a prefix gets stable.

Each frame of penalties is composed with a transducer (a grammar, or the character model of a
space displacement network) as it comes. Output that all surviving hypotheses share will not
change any more, whatever follows: that is the stable prefix.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from gtn.graph import EPSILON, Graph, GraphError


@dataclass(slots=True)
class StreamingDecoder:
    """Viterbi and forward penalties of the frames so far against a transducer.

    transducer: input labels are columns of the frames, output labels the answer; no input
    epsilons. `beam`: hypotheses worse than the best by more nats are dropped (inf: exact).
    """

    transducer: Graph
    beam: float = math.inf
    frames: int = 0
    _best: dict[int, tuple[float, float, tuple[int, ...]]] = field(default_factory=dict)
    _stable: tuple[int, ...] = ()
    _out: dict[int, list[tuple[int, int, int, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.transducer.ilabel == EPSILON).any():
            arc = int(np.flatnonzero(self.transducer.ilabel == EPSILON)[0])
            raise GraphError(f"StreamingDecoder: arc {arc} of the transducer reads an epsilon")
        out = defaultdict(list)
        graph = self.transducer
        for src, dst, i, o, w in zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True):
            out[src].append((dst, i, o, w))
        self._out = dict(out)
        self._best = dict.fromkeys(graph.start.tolist(), (0.0, 0.0, ()))

    def push(self, penalties: ArrayLike) -> tuple[int, ...]:
        """Take one frame (C,) of penalties; return the labels that became stable with it."""
        frame = np.asarray(penalties, np.float64).tolist()
        reached: dict[int, tuple[float, float, tuple[int, ...]]] = {}
        for v, (best, total, tail) in self._best.items():
            for dst, i, o, w in self._out.get(v, ()):
                if i >= len(frame):
                    raise GraphError(f"push: a frame of {len(frame)} labels, label {i} needed")
                cost = w + frame[i]
                if cost == math.inf:
                    continue
                old = reached.get(dst)
                new = best + cost
                summed = total + cost
                if old is not None:
                    low, high = sorted((summed, old[1]))
                    summed = low - math.log1p(math.exp(low - high))
                if old is None or new < old[0]:
                    reached[dst] = (new, summed, tail if o == EPSILON else (*tail, o))
                else:
                    reached[dst] = (old[0], summed, old[2])
        if self.beam < math.inf and reached:
            limit = min(best for best, _, _ in reached.values()) + self.beam
            reached = {v: entry for v, entry in reached.items() if entry[0] <= limit}
        self.frames += 1
        tails = [tail for _, _, tail in reached.values()]
        shared = 0
        if tails:
            shortest = min(map(len, tails))
            while shared < shortest and len({tail[shared] for tail in tails}) == 1:
                shared += 1
        fresh = tails[0][:shared] if tails else ()
        self._best = {
            v: (best, total, tail[shared:]) for v, (best, total, tail) in reached.items()
        }
        self._stable += fresh
        return fresh

    @property
    def stable(self) -> tuple[int, ...]:
        """The output that no later frame can change (with a beam: among what was kept)."""
        return self._stable

    @property
    def string(self) -> tuple[int, ...]:
        """The output of the best hypothesis in an accept node, else of the best anywhere."""
        accepting = [self._best[v] for v in self.transducer.accept.tolist() if v in self._best]
        entries = accepting or list(self._best.values())
        return self._stable + (min(entries)[2] if entries else ())

    @property
    def viterbi_penalty(self) -> float:
        """Penalty of the best path that ends in an accept node now; inf without one."""
        ends = [self._best[v][0] for v in self.transducer.accept.tolist() if v in self._best]
        return min(ends, default=math.inf)

    @property
    def forward_penalty(self) -> float:
        """Forward penalty of the paths that end in an accept node now; inf without any."""
        ends = [self._best[v][1] for v in self.transducer.accept.tolist() if v in self._best]
        low = min(ends, default=math.inf)
        if low == math.inf:
            return low
        return low - math.log(sum(math.exp(low - total) for total in ends))
