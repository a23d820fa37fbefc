"""Graph transformers in the manner of 1998 (sec. IV-VIII): objects with check, fprop and bprop.

A `Transformer` turns one graph into another, or combines two. The engine, `transform`, walks
over pairs of nodes from the start on and makes new nodes as they are reached, so an expensive
transformer - one that calls a recognizer - works only where a path can lead. For every arc (or
pair of arcs) that `check` lets pass, `fprop` builds the part of the new graph between two given
nodes: one arc, several, or a whole sub-graph. `bprop` receives the gradient of what it built.
The result is on the tape, so that chains of transformers send gradients from the last graph
back to the outputs of the recognizer.

Fast paths for what needs no objects are in `composition` and `criteria`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from gtn.composition import compose
from gtn.graph import EPSILON, Float, Graph, GraphError, chain_graph, record
from gtn.scores import best_path, forward, useful_part, viterbi


class Recognizer(Protocol):
    """What the recognition transformer is handed: penalties per class and their gradient."""

    def fprop(self, image: Any) -> ArrayLike:
        """Return the penalties (C,) of the classes for one image."""

    def bprop(self, gradient: Float) -> None:
        """Take the gradient (C,) on the penalties of the latest fprop."""


@dataclass(frozen=True, slots=True)
class Arc:
    """One arc as a transformer sees it."""

    graph: Graph
    number: int
    src: int
    dst: int
    ilabel: int
    olabel: int
    penalty: float
    gradient: Float

    @property
    def data(self) -> Any:
        """The data pointer of the arc, or None."""
        return None if self.graph.data is None else self.graph.data[self.number]

    def add_grad(self, amount: float) -> None:
        """Add to the gradient on the penalty of this arc."""
        self.gradient[self.number] += amount


class Transformer:
    """The default transformer: composition of two graphs, or a copy of one.

    Override `check`, `fprop` and `bprop`. `a2` is None when there is no second graph, and for
    an output epsilon of the first; `a1` is None for an input epsilon of the second.
    """

    def check(self, a1: Arc | None, a2: Arc | None) -> bool:
        """Tell whether two arcs match; the engine asks before anything is built."""
        return a1 is None or a2 is None or a1.olabel == a2.ilabel

    def fprop(self, graph: Graph, up: int, down: int, a1: Arc | None, a2: Arc | None) -> None:
        """Build what replaces the arcs in `graph`, from node `up` to node `down`."""
        first, last = a1 or a2, a2 or a1
        assert first is not None
        assert last is not None
        penalty = sum(arc.penalty for arc in (a1, a2) if arc is not None)
        ilabel = first.ilabel if a1 is not None else EPSILON
        olabel = last.olabel if a2 is not None or a1 is last else EPSILON
        graph.add_arc(up, down, ilabel, olabel, penalty, first.data)

    def bprop(self, gradient: Float, a1: Arc | None, a2: Arc | None) -> None:
        """Take the gradient on the arcs `fprop` built, in their order; default: pass it on."""
        for arc in (a1, a2):
            if arc is not None:
                arc.add_grad(float(gradient.sum()))


def transform(first: Graph, second: Graph | None, transformer: Transformer) -> Graph:
    """Run a transformer over one graph (second None) or the pairs of two; return the result.

    Each pair of matching paths counts once, also with epsilons on both sides. Dead ends are
    removed. A node is made when its first arc is built.
    """
    gradients = [np.zeros(g.m) if g is not None else np.empty(0) for g in (first, second)]
    out1 = _arcs(first, gradients[0])
    out2 = _arcs(second, gradients[1]) if second is not None else {}
    result = Graph()
    node: dict[tuple[int, int, int], int] = {}
    work: list[tuple[int, int, int]] = []
    starts = second.start.tolist() if second is not None else [0]
    accept1 = set(first.accept.tolist())
    accept2 = set(second.accept.tolist()) if second is not None else {0}

    def reach(key: tuple[int, int, int], start: bool = False) -> int:
        if key not in node:
            node[key] = result.add_node(start, key[0] in accept1 and key[1] in accept2)
            work.append(key)
        return node[key]

    for v in first.start.tolist():
        for w in starts:
            reach((v, w, 0), start=True)
    built: list[tuple[int, int, Arc | None, Arc | None]] = []

    def build(key: tuple[int, int, int], to: tuple[int, int, int], *arcs: Arc | None) -> None:
        if transformer.check(*arcs):
            begin = result.m
            transformer.fprop(result, node[key], reach(to), *arcs)
            built.append((begin, result.m, *arcs))

    while work:
        key = work.pop()
        v, w, held = key
        for a1 in out1[v]:
            if second is None:
                build(key, (a1.dst, 0, 0), a1, None)
            elif a1.olabel == EPSILON:
                if not held:
                    build(key, (a1.dst, w, 0), a1, None)
            else:
                for a2 in out2[w]:
                    if a2.ilabel != EPSILON:
                        build(key, (a1.dst, a2.dst, 0), a1, a2)
        for a2 in out2[w] if second is not None else ():
            if a2.ilabel == EPSILON:
                build(key, (v, a2.dst, 1), None, a2)

    part, kept = useful_part(result)
    part.isymbols = first.isymbols
    part.osymbols = first.osymbols if second is None else second.osymbols
    inputs = [first] if second is None else [first, second]

    def bprop(g: Float) -> list[Float]:
        full = np.zeros(result.m)
        full[kept] = g
        for gradient in gradients:
            gradient[:] = 0.0
        for begin, end, a1, a2 in built:
            if full[begin:end].any():
                transformer.bprop(full[begin:end], a1, a2)
        return [gradient.copy() for gradient in gradients[: len(inputs)]]

    return record(part, type(transformer).__name__, inputs, bprop)


def _arcs(graph: Graph, gradient: Float) -> dict[int, list[Arc]]:
    out: dict[int, list[Arc]] = defaultdict(list)
    columns = zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True)
    for number, (src, dst, ilabel, olabel, penalty) in enumerate(columns):
        out[src].append(Arc(graph, number, src, dst, ilabel, olabel, penalty, gradient))
    return out


class RecognitionTransformer(Transformer):
    """Replace each arc of a segmentation graph by one arc per class (1998, sec. V).

    The recognizer is handed the data pointer of the arc, the image of a segment; the penalty of
    a new arc is that of the class plus that of the segment. `bprop` runs the recognizer's fprop
    again before its bprop, since the recognizer remembers one image only.
    """

    def __init__(self, recognizer: Recognizer, classes: Sequence[int] | None = None) -> None:
        self.recognizer, self.classes = recognizer, classes

    def fprop(self, graph: Graph, up: int, down: int, a1: Arc | None, a2: Arc | None) -> None:
        """Run the recognizer on the image of the arc and add one arc per class."""
        assert a1 is not None
        penalties = np.asarray(self.recognizer.fprop(a1.data), np.float64)
        labels = range(penalties.size) if self.classes is None else self.classes
        for label, penalty in zip(labels, penalties.tolist(), strict=True):
            graph.add_arc(up, down, label, label, penalty + a1.penalty, a1.data)

    def bprop(self, gradient: Float, a1: Arc | None, a2: Arc | None) -> None:
        """Send the gradient on the class arcs into the recognizer, their sum to the segment."""
        assert a1 is not None
        a1.add_grad(float(gradient.sum()))
        self.recognizer.fprop(a1.data)
        self.recognizer.bprop(gradient.copy())


class RecognizingComposition(Transformer):
    """Compose segments with a grammar directly, asking the recognizer only where needed.

    An arc of the first graph holds an image; an arc of the second a class as input label. The
    recognizer runs once per image that some grammatical path can reach.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self._known: dict[tuple[int, int], Float] = {}

    def penalties(self, arc: Arc) -> Float:
        """Return the penalties (C,) of the image of an arc, recognized at the first request."""
        key = (id(arc.graph), arc.number)
        if key not in self._known:
            self._known[key] = np.asarray(self.recognizer.fprop(arc.data), np.float64)
        return self._known[key]

    def check(self, a1: Arc | None, a2: Arc | None) -> bool:
        """Every class the recognizer knows matches."""
        return a1 is None or a2 is None or a2.ilabel < self.penalties(a1).size

    def fprop(self, graph: Graph, up: int, down: int, a1: Arc | None, a2: Arc | None) -> None:
        """Add the arc of one class, at the cost of recognizer, segment and grammar."""
        if a1 is None or a2 is None:
            super().fprop(graph, up, down, a1, a2)
            return
        penalty = float(self.penalties(a1)[a2.ilabel]) + a1.penalty + a2.penalty
        graph.add_arc(up, down, a2.ilabel, a2.olabel, penalty, a1.data)

    def bprop(self, gradient: Float, a1: Arc | None, a2: Arc | None) -> None:
        """Send the gradient to the class output, the segment and the grammar arc."""
        super().bprop(gradient, a1, a2)
        if a1 is not None and a2 is not None:
            d_penalties = np.zeros(self.penalties(a1).size)
            d_penalties[a2.ilabel] = gradient.sum()
            self.recognizer.fprop(a1.data)
            self.recognizer.bprop(d_penalties)


class Stage(Protocol):
    """One stage of a chain: a graph in, a graph on the tape out."""

    def fprop(self, graph: Graph) -> Graph:
        """Return the graph made from `graph`."""


@dataclass(frozen=True, slots=True)
class Transform:
    """The stage that runs a transformer, with a second graph or without."""

    transformer: Transformer
    second: Graph | None = None

    def fprop(self, graph: Graph) -> Graph:
        """Return the transformed graph."""
        return transform(graph, self.second, self.transformer)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The stage that composes with a grammar: the interpretation graph."""

    grammar: Graph

    def fprop(self, graph: Graph) -> Graph:
        """Return the graph of the paths the grammar allows."""
        return compose(graph, self.grammar)


@dataclass(frozen=True, slots=True)
class PathSelector:
    """The stage that keeps the paths that spell the desired answer: the constrained graph."""

    answer: Sequence[int]

    def fprop(self, graph: Graph) -> Graph:
        """Return the constrained graph; GraphError when nothing spells the answer."""
        result = compose(graph, chain_graph(list(self.answer)))
        if not result.start.size:
            raise GraphError(f"path selector: no path spells {list(self.answer)}")
        return result


@dataclass(frozen=True, slots=True)
class ViterbiTransformer:
    """The stage that keeps the best path alone (1998, sec. V)."""

    def fprop(self, graph: Graph) -> Graph:
        """Return the graph of the best path."""
        return best_path(graph)


@dataclass(frozen=True, slots=True)
class ViterbiScorer:
    """The stage that returns the Viterbi penalty as a scalar graph."""

    def fprop(self, graph: Graph) -> Graph:
        """Return C_vit."""
        return viterbi(graph)


@dataclass(frozen=True, slots=True)
class ForwardScorer:
    """The stage that returns the forward penalty as a scalar graph (1998, sec. VI-E)."""

    def fprop(self, graph: Graph) -> Graph:
        """Return C_forw."""
        return forward(graph)


@dataclass(frozen=True, slots=True)
class Chain:
    """Stages one after the other; `backward` of the last graph reaches the first."""

    stages: Sequence[Stage]

    def fprop(self, graph: Graph) -> Graph:
        """Return the graph after the last stage."""
        for stage in self.stages:
            graph = stage.fprop(graph)
        return graph
