"""The graph: arcs in parallel arrays, with two labels, a penalty and, on demand, a gradient.

Place on the road: every stage hands the next one a `Graph`. This file holds the data and the
tape (which graphs a graph was computed from); what is computed is in the other modules.

Conventions (LeCun et al. 1998, sec. IV): a *penalty* is -log p, lower is better, float64. Label
-1 is epsilon, ordinary labels are >= 0; an acceptor has equal input and output labels. Several
start and accept nodes are allowed, penalties lie on arcs only. Ties go to the first arc.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sn.errors import SnError

Float = NDArray[np.float64]
Index = NDArray[np.int32]
EPSILON = -1


class GraphError(SnError, ValueError):
    """A graph that cannot be used: cyclic, malformed, or without the path asked for."""


class NodeError(GraphError, IndexError):
    """An arc, start or accept list that names a node the graph does not have."""


class CycleError(GraphError):
    """A cycle through which an accepting path can run; `nodes` lists it, first = last."""

    def __init__(self, message: str, nodes: list[int]) -> None:
        super().__init__(message)
        self.nodes = nodes


class TapeError(SnError, RuntimeError, ValueError):
    """A gradient that is not there, or a tape already used up."""


class Graph:
    """A directed graph with `n` nodes and parallel arrays of m arcs.

    Parameters
    ----------
    n : number of nodes, numbered 0...n-1
    start, accept : node numbers; an accepting path leads from any start to any accept node
    src, dst : (m,) source and destination node of each arc
    ilabel, olabel : (m,) labels, -1 is epsilon; `olabel` defaults to `ilabel`, that to epsilon
    penalty : (m,) penalties, default 0
    data : optional list of m Python objects, one per arc (the image segment, for instance)
    isymbols, osymbols : optional sequences naming the labels
    calc_grad : False keeps the graph off the tape

    Raises NodeError for a missing node, GraphError for labels below -1, penalties that are not
    numbers, repeated start or accept nodes and arrays of unequal length; each names the arc.

    >>> Graph(2, [0], [1], [0, 0], [1, 1], [3, 4], penalty=[0.5, 1.0])
    Graph(2 nodes, 2 arcs, start [0], accept [1])
    """

    __slots__ = (
        "__weakref__",
        "_accept",
        "_arcs",
        "_grad",
        "_n",
        "_penalty",
        "_pending",
        "_start",
        "calc_grad",
        "data",
        "isymbols",
        "origin",
        "osymbols",
        "tape",
    )

    def __init__(
        self,
        n: int = 0,
        start: ArrayLike = (),
        accept: ArrayLike = (),
        src: ArrayLike = (),
        dst: ArrayLike = (),
        ilabel: ArrayLike | None = None,
        olabel: ArrayLike | None = None,
        penalty: ArrayLike | None = None,
        *,
        data: Sequence[Any] | None = None,
        isymbols: Sequence[str] | None = None,
        osymbols: Sequence[str] | None = None,
        calc_grad: bool = True,
    ) -> None:
        sources = np.asarray(src)
        m = sources.size
        arcs = np.empty((4, m), np.int32)
        ilabel = EPSILON if ilabel is None else ilabel
        columns = (sources, dst, ilabel, ilabel if olabel is None else olabel)
        for row, (name, values) in enumerate(zip(_COLUMNS, columns, strict=True)):
            array = np.asarray(values)
            if array.size and array.dtype.kind not in "iu":
                raise GraphError(f"Graph: {name} must be integers, found {array.dtype}")
            if array.shape not in ((m,), ()):
                raise GraphError(f"Graph: {name} has shape {array.shape}, expected ({m},)")
            arcs[row] = array
        weights = np.zeros(m)
        if penalty is not None:
            given = np.asarray(penalty, np.float64)
            if given.shape not in ((m,), ()):
                raise GraphError(f"Graph: penalty has shape {given.shape}, expected ({m},)")
            weights[:] = given
        if data is not None and len(data) != m:
            raise GraphError(f"Graph: data has {len(data)} entries, expected {m}")
        self._set(int(n), _nodes(start), _nodes(accept), arcs, weights)
        self.data = list(data) if data is not None else None
        self.isymbols, self.osymbols, self.calc_grad = isymbols, osymbols, calc_grad
        self._check()

    def _set(self, n: int, start: Index, accept: Index, arcs: Index, penalty: Float) -> None:
        self._n, self._start, self._accept, self._arcs, self._penalty = (
            n, start, accept, arcs, penalty,
        )  # fmt: skip
        self._pending: list[tuple[int, int, int, int, float, Any]] = []
        self._grad: Float | None = None
        self.tape: Tape | None = None
        self.origin: tuple[Index, ...] = ()

    @classmethod
    def of(
        cls,
        n: int,
        start: Index,
        accept: Index,
        arcs: Index,
        penalty: Float,
        *,
        like: Graph | None = None,
    ) -> Graph:
        """Wrap finished arrays, unchecked: arcs (4, m) int32 rows src dst ilabel olabel."""
        graph = cls.__new__(cls)
        graph._set(n, start, accept, arcs, penalty)
        graph.data = None
        graph.isymbols = graph.osymbols = None
        graph.calc_grad = True
        if like is not None:
            graph.isymbols, graph.osymbols = like.isymbols, like.osymbols
            graph.calc_grad = like.calc_grad
        return graph

    def _check(self) -> None:
        n, arcs, weights = self._n, self._arcs, self._penalty
        if n < 0:
            raise GraphError(f"Graph: {n} nodes")
        for name, nodes in (("start", self._start), ("accept", self._accept)):
            if nodes.size:
                if int(nodes.min()) < 0 or int(nodes.max()) >= n:
                    bad = next(int(k) for k in nodes if not 0 <= k < n)
                    raise NodeError(
                        f"Graph: {name} node {bad} does not exist (nodes 0...{n - 1})"
                    )
                if nodes.size > 1 and np.unique(nodes).size < nodes.size:
                    raise GraphError(f"Graph: a {name} node is repeated in {nodes.tolist()}")
        if not arcs.size:
            return
        ends = arcs[:2]
        if int(ends.min()) < 0 or int(ends.max()) >= n:
            arc = int(np.flatnonzero(((ends < 0) | (ends >= n)).any(axis=0))[0])
            a, b = ends[:, arc].tolist()
            raise NodeError(
                f"Graph: arc {arc} runs {a} -> {b}, but the nodes are "
                + (f"0...{n - 1}" if n else "none")
            )
        if int(arcs[2:].min()) < EPSILON:
            arc = int(np.flatnonzero((arcs[2:] < EPSILON).any(axis=0))[0])
            raise GraphError(
                f"Graph: arc {arc} has label {int(arcs[2:, arc].min())} (epsilon is -1)"
            )
        if np.isnan(weights).any():
            arc = int(np.flatnonzero(np.isnan(weights))[0])
            raise GraphError(f"Graph: the penalty of arc {arc} is not a number")

    # ------------------------------------------------------------------ reading and writing

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self._n

    @property
    def m(self) -> int:
        """Number of arcs."""
        return self._arcs.shape[1] + len(self._pending)

    def __len__(self) -> int:
        return self.m

    @property
    def arcs(self) -> Index:
        """The arcs as one array (4, m): rows src, dst, ilabel, olabel. A view, writable."""
        if self._pending:
            self._merge()
        return self._arcs

    @property
    def src(self) -> Index:
        """Source node of each arc (m,), a writable view."""
        return self.arcs[0]

    @property
    def dst(self) -> Index:
        """Destination node of each arc (m,), a writable view."""
        return self.arcs[1]

    @property
    def ilabel(self) -> Index:
        """Input label of each arc (m,), a writable view."""
        return self.arcs[2]

    @property
    def olabel(self) -> Index:
        """Output label of each arc (m,), a writable view."""
        return self.arcs[3]

    @property
    def penalty(self) -> Float:
        """Penalty of each arc (m,), a writable view; assigning checks the length."""
        if self._pending:
            self._merge()
        return self._penalty

    @penalty.setter
    def penalty(self, values: ArrayLike) -> None:
        array = np.asarray(values, np.float64)
        if array.shape != (self.m,):
            raise GraphError(f"Graph: {self.m} penalties expected, found shape {array.shape}")
        self.penalty[:] = array

    @property
    def start(self) -> Index:
        """Start nodes, in the order given."""
        return self._start

    @property
    def accept(self) -> Index:
        """Accept nodes, in the order given."""
        return self._accept

    def add_node(self, start: bool = False, accept: bool = False) -> int:
        """Add a node and return its number."""
        if start:
            self._start = np.append(self._start, np.int32(self._n))
        if accept:
            self._accept = np.append(self._accept, np.int32(self._n))
        self._n += 1
        return self._n - 1

    def add_arc(
        self,
        src: int,
        dst: int,
        ilabel: int,
        olabel: int | None = None,
        penalty: float = 0.0,
        data: Any = None,
    ) -> int:
        """Add an arc and return its number; `olabel` defaults to `ilabel`."""
        n, arc = self._n, self.m
        if not (0 <= src < n and 0 <= dst < n):
            raise NodeError(
                f"add_arc: arc {arc} runs {src} -> {dst}, but the nodes are "
                + (f"0...{n - 1}" if n else "none")
            )
        olabel = ilabel if olabel is None else olabel
        if min(ilabel, olabel) < EPSILON or penalty != penalty:
            raise GraphError(f"add_arc: arc {arc}: labels {ilabel}:{olabel}, penalty {penalty}")
        self._pending.append((src, dst, ilabel, olabel, float(penalty), data))
        return arc

    def _merge(self) -> None:
        new, self._pending = self._pending, []
        if self.data is not None or any(arc[5] is not None for arc in new):
            old = self.data if self.data is not None else [None] * self._arcs.shape[1]
            self.data = old + [arc[5] for arc in new]
        columns = np.array([arc[:4] for arc in new], np.int32).T
        self._arcs = np.ascontiguousarray(np.concatenate((self._arcs, columns), axis=1))
        self._penalty = np.concatenate((self._penalty, np.array([arc[4] for arc in new])))

    def __repr__(self) -> str:
        return (
            f"Graph({self.n} nodes, {self.m} arcs, "
            f"start {_short(self._start)}, accept {_short(self._accept)})"
        )

    def _repr_svg_(self) -> str | None:
        from gtn.drawing import svg

        try:
            return svg(self)
        except GraphError:  # too many nodes to see: a notebook shows the text
            return None

    # ------------------------------------------------------------------ the tape

    def item(self) -> float:
        """Return the penalty of a graph with exactly one arc, as a number."""
        if self.m != 1:
            raise GraphError(f"item: a scalar graph has one arc, this one has {self.m}")
        return float(self.penalty[0])

    @property
    def has_grad(self) -> bool:
        """Whether a backward pass has reached this graph."""
        return self._grad is not None

    @property
    def grad(self) -> Float:
        """Gradient on the penalties (m,); it accumulates until `zero_grad`."""
        if not self.calc_grad:
            raise TapeError("grad: this graph was made with calc_grad=False")
        if self._grad is None:
            raise TapeError("grad: no backward pass has reached this graph yet")
        return self._grad

    def add_grad(self, gradient: ArrayLike) -> None:
        """Add to the gradient; does nothing when `calc_grad` is off."""
        if not self.calc_grad:
            return
        array = np.asarray(gradient, np.float64)
        if array.shape != (self.m,):
            raise GraphError(f"add_grad: {self.m} numbers expected, found shape {array.shape}")
        if self._grad is None:
            self._grad = array.copy()
        else:
            self._grad += array

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None


class Tape:
    """How a graph was computed: from which graphs, and how a gradient goes back to them.

    `bprop(gradient)` returns one gradient per input, or None where there is nothing to add.
    """

    __slots__ = ("bprop", "inputs", "name", "spent")

    def __init__(
        self,
        name: str,
        inputs: Sequence[Graph],
        bprop: Callable[[Float], Sequence[Float | None]] | None,
    ) -> None:
        self.name, self.inputs, self.bprop, self.spent = name, tuple(inputs), bprop, False


def record(
    result: Graph,
    name: str,
    inputs: Sequence[Graph],
    bprop: Callable[[Float], Sequence[Float | None]] | None,
) -> Graph:
    """Put `result` on the tape, unless none of its inputs wants a gradient."""
    result.calc_grad = any(graph.calc_grad for graph in inputs)
    if result.calc_grad:
        result.tape = Tape(name, inputs, bprop)
    return result


def backward(graph: Graph, gradient: ArrayLike | None = None, *, retain: bool = False) -> None:
    """Send a gradient back along the tape and add it to `grad` of every graph on the way.

    gradient (m,) on the arcs of `graph`, default ones. Without `retain` the tape is used up and
    a second pass raises TapeError. Gradients accumulate, also in the graphs between: a second
    retained pass sends the accumulated gradient of `graph` back. No recursion: a tape may be
    as long as memory allows.
    """
    if not graph.calc_grad:
        raise TapeError("backward: no input of this graph wants a gradient")
    graph.add_grad(np.ones(graph.m) if gradient is None else gradient)
    for node in _tape_order(graph):
        tape = node.tape
        if tape is None or node._grad is None:
            continue
        if tape.spent:
            raise TapeError(f"backward: the tape of {tape.name} was used up by an earlier pass")
        if tape.bprop is None:
            raise TapeError(f"backward: {tape.name} has no gradient")
        for source, g in zip(tape.inputs, tape.bprop(node._grad), strict=True):
            if g is not None:
                source.add_grad(g)
        if not retain:
            tape.spent = True


def _tape_order(graph: Graph) -> list[Graph]:
    """Return the graphs on the tape, each before those it was computed from."""
    uses: dict[int, int] = {}
    seen = {id(graph)}
    stack = [graph]
    while stack:
        node = stack.pop()
        for source in node.tape.inputs if node.tape else ():
            uses[id(source)] = uses.get(id(source), 0) + 1
            if id(source) not in seen:
                seen.add(id(source))
                stack.append(source)
    order, ready = [], [graph]
    while ready:
        node = ready.pop()
        order.append(node)
        for source in node.tape.inputs if node.tape else ():
            uses[id(source)] -= 1
            if not uses[id(source)]:
                ready.append(source)
    return order


# ---------------------------------------------------------------------- scalars and chains


def scalar(value: float, *, calc_grad: bool = True) -> Graph:
    """Return a graph of one epsilon arc with penalty `value`."""
    return Graph(2, [0], [1], [0], [1], EPSILON, EPSILON, [value], calc_grad=calc_grad)


def _scalars(name: str, graphs: Iterable[Graph]) -> list[float]:
    values = []
    for graph in graphs:
        if graph.m != 1:
            raise GraphError(f"{name}: inputs must have exactly one arc, found {graph.m}")
        values.append(float(graph.penalty[0]))
    return values


def _scalar_result(value: float) -> Graph:
    arcs = np.array([[0], [1], [EPSILON], [EPSILON]], np.int32)
    ends = np.array([0, 1], np.int32)
    return Graph.of(2, ends[:1].copy(), ends[1:].copy(), arcs, np.array([value]))


def add(a: Graph, b: Graph) -> Graph:
    """Return the sum of two scalar graphs, on the tape."""
    x, y = _scalars("add", (a, b))
    return record(_scalar_result(x + y), "add", (a, b), lambda g: (g, g))


def subtract(a: Graph, b: Graph) -> Graph:
    """Return the difference of two scalar graphs, on the tape."""
    x, y = _scalars("subtract", (a, b))
    return record(_scalar_result(x - y), "subtract", (a, b), lambda g: (g, -g))


def negate(a: Graph) -> Graph:
    """Return minus a scalar graph, on the tape."""
    (x,) = _scalars("negate", (a,))
    return record(_scalar_result(-x), "negate", (a,), lambda g: (-g,))


def chain_graph(
    ilabels: ArrayLike, olabels: ArrayLike | None = None, penalty: ArrayLike | None = None
) -> Graph:
    """Return the graph that accepts exactly one string: nodes 0...L, one arc per label.

    >>> chain_graph([3, 4])
    Graph(3 nodes, 2 arcs, start [0], accept [2])
    """
    labels = np.asarray(ilabels, np.int32).reshape(-1)
    count = labels.size
    arcs = np.empty((4, count), np.int32)
    arcs[0] = np.arange(count)
    arcs[1] = arcs[0] + 1
    arcs[2] = labels
    arcs[3] = labels if olabels is None else olabels
    if count and int(arcs[2:].min()) < EPSILON:
        raise GraphError(f"chain_graph: label {int(arcs[2:].min())} (epsilon is -1)")
    weights = np.zeros(count)
    if penalty is not None:
        weights[:] = penalty
    ends = np.array([0, count], np.int32)
    return Graph.of(count + 1, ends[:1].copy(), ends[1:].copy(), arcs, weights)


def linear_graph(penalty: ArrayLike) -> Graph:
    """Return the lattice of a (T, C) array: T + 1 nodes in a row, arc t*C + c carries label c.

    The output of a space displacement network (LeCun et al. 1998, sec. VII) has this form.

    >>> linear_graph(np.zeros((5, 10)))
    Graph(6 nodes, 50 arcs, start [0], accept [5])
    """
    table = np.asarray(penalty, np.float64)
    if table.ndim != 2:
        raise GraphError(f"linear_graph: penalties (frames, labels), found {table.shape}")
    frames, labels = table.shape
    arcs = np.empty((4, frames * labels), np.int32)
    grid = arcs.reshape(4, frames, labels)
    grid[0] = np.arange(frames, dtype=np.int32)[:, None]
    grid[1] = np.arange(1, frames + 1, dtype=np.int32)[:, None]
    grid[2:] = np.arange(labels, dtype=np.int32)
    ends = np.array([0, frames], np.int32)
    return Graph.of(
        frames + 1, ends[:1].copy(), ends[1:].copy(), arcs, table.reshape(-1).copy()
    )


def segment_graph(spans: ArrayLike, penalty: ArrayLike, *, nodes: int | None = None) -> Graph:
    """Return the recognition graph of a segmentation: one arc per segment and class.

    spans (S, 2) cut numbers from -> to of each segment, penalty (S, C) of the recognizer; arc
    s*C + c carries label c. Start node 0, accept node the last cut (`nodes` - 1).

    >>> segment_graph([[0, 1], [1, 2], [0, 2]], np.zeros((3, 10)))
    Graph(3 nodes, 30 arcs, start [0], accept [2])
    """
    table = np.asarray(penalty, np.float64)
    cuts = np.asarray(spans, np.int32)
    if table.ndim != 2 or cuts.shape != (table.shape[0], 2):
        raise GraphError(f"segment_graph: spans {cuts.shape} and penalties {table.shape}")
    segments, labels = table.shape
    last = int(cuts.max()) if cuts.size else 0
    count = last + 1 if nodes is None else nodes
    if cuts.size and (last >= count or int(cuts.min()) < 0):
        raise NodeError(f"segment_graph: a span names a cut outside 0...{count - 1}")
    arcs = np.empty((4, segments * labels), np.int32)
    grid = arcs.reshape(4, segments, labels)
    grid[:2] = cuts.T[:, :, None]
    grid[2:] = np.arange(labels, dtype=np.int32)
    ends = np.array([0, count - 1], np.int32)
    return Graph.of(count, ends[:1].copy(), ends[1:].copy(), arcs, table.reshape(-1).copy())


_COLUMNS = ("src", "dst", "ilabel", "olabel")


def _nodes(values: ArrayLike) -> Index:
    array = np.atleast_1d(np.asarray(values))
    if array.size and array.dtype.kind not in "iu":
        raise GraphError(f"Graph: node numbers must be integers, found {array.dtype}")
    return array.astype(np.int32).reshape(-1)


def _short(nodes: Index) -> str:
    return str(nodes.tolist()) if nodes.size <= 8 else f"[{nodes.size} nodes]"
