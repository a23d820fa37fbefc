"""Graphs as text and as binary files.

Own text: a line of start nodes, a line of accept nodes, then ``src dst ilabel [olabel
[penalty]]`` per arc. AT&T text (OpenFst): ``src dst ilabel olabel [weight]`` per arc and
``state [weight]`` per final state, label 0 being epsilon; its weights are penalties already.
Binary: one .npz of plain arrays, read without pickle.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gtn.graph import EPSILON, Graph, GraphError

MAX_BYTES = 1 << 32  # of one array in a binary file


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _written(value: float) -> str:
    return _number(value) if np.isfinite(value) else ("inf" if value > 0 else "-inf")


def to_text(graph: Graph) -> str:
    """Return the graph in the text format of this library; penalties round-trip exactly."""
    lines = [" ".join(map(str, nodes.tolist())) for nodes in (graph.start, graph.accept)]
    for arc, penalty in zip(graph.arcs.T.tolist(), graph.penalty.tolist(), strict=True):
        lines.append(" ".join(map(str, arc)) + " " + _written(penalty))
    return "\n".join(lines) + "\n"


def from_text(text: str, *, name: str = "graph text") -> Graph:
    r"""Return the graph of a text; errors name the line.

    >>> from gtn import from_text
    >>> from_text("0\n2\n0 1 1\n1 2 2 3 0.5\n")
    Graph(3 nodes, 2 arcs, start [0], accept [2])
    """
    lines = text.splitlines()
    ends: list[list[int]] = []
    for place, what in enumerate(("start", "accept")):
        words = lines[place].split() if place < len(lines) else []
        if not words:
            raise GraphError(f"{name}: line {place + 1}: must specify {what} node(s)")
        nodes = [_integer(word, name, place + 1) for word in words]
        if len(set(nodes)) < len(nodes):
            raise GraphError(f"{name}: line {place + 1}: a {what} node is repeated")
        ends.append(nodes)
    arcs, penalties = [], []
    for place, line in enumerate(lines[2:], 3):
        words = line.split()
        if not words:
            continue
        if not 3 <= len(words) <= 5:
            raise GraphError(
                f"{name}: line {place}: {len(words)} columns, expected "
                "src dst ilabel [olabel [penalty]]"
            )
        labels = [_integer(word, name, place) for word in words[:4]]
        arcs.append(labels if len(labels) == 4 else [*labels, labels[2]])
        penalties.append(_real(words[4], name, place) if len(words) == 5 else 0.0)
    table = np.array(arcs, np.int64).reshape(-1, 4).T
    nodes = [*ends[0], *ends[1], *table[:2].ravel().tolist()]
    if min(nodes) < 0:
        raise GraphError(f"{name}: node {min(nodes)}: node numbers start at 0")
    return Graph(max(nodes) + 1, *ends, *table, penalties)


def _integer(word: str, name: str, line: int) -> int:
    try:
        value = int(word)
    except ValueError:
        raise GraphError(f"{name}: line {line}: {word!r} is not a whole number") from None
    if not -(2**31) <= value < 2**31 - 1:
        raise GraphError(f"{name}: line {line}: {word} is too large")
    return value


def _real(word: str, name: str, line: int) -> float:
    try:
        return float(word)
    except ValueError:
        raise GraphError(f"{name}: line {line}: {word!r} is not a number") from None


def to_att(graph: Graph, *, symbols: bool = False) -> str:
    """Return the graph in the text format of OpenFst and AT&T FSM.

    That format has one start state, the first one mentioned: a graph with several gets one in
    front, with epsilon arcs. Labels are shifted by 1, since 0 is epsilon there; with `symbols`
    the names of the graph's symbols are written instead (``<eps>`` for epsilon).
    """

    def label(value: int, names: Sequence[str] | None) -> str:
        if not symbols or names is None:
            return str(value + 1)
        return "<eps>" if value == EPSILON else names[value]

    first = int(graph.start[0]) if graph.start.size == 1 else graph.n
    lines = []
    if graph.start.size > 1:
        epsilon = "<eps>" if symbols and graph.isymbols is not None else "0"
        lines += [f"{first} {v} {epsilon} {epsilon}" for v in graph.start.tolist()]
    order = np.argsort(graph.src != first, kind="stable")
    for a in order.tolist():
        src, dst, i, o = graph.arcs[:, a].tolist()
        weight = float(graph.penalty[a])
        tail = (
            ""
            if weight == 0
            else " " + {np.inf: "Infinity", -np.inf: "-Infinity"}.get(weight, repr(weight))
        )
        lines.append(f"{src} {dst} {label(i, graph.isymbols)} {label(o, graph.osymbols)}{tail}")
    accepts = graph.accept.tolist()
    if not lines or lines[0].split()[0] != str(first):  # the start state must come first
        lines.insert(0, str(first) if first in accepts else f"{first} Infinity")
        accepts = [v for v in accepts if v != first]
    lines += [str(v) for v in accepts]
    return "".join(line + "\n" for line in lines)


def from_att(
    text: str,
    *,
    isymbols: Sequence[str] | None = None,
    osymbols: Sequence[str] | None = None,
    name: str = "AT&T text",
) -> Graph:
    """Return the graph of an OpenFst/AT&T text (acceptor or transducer lines).

    Labels are numbers (0 is epsilon, shifted to -1) or names looked up in the given symbols.
    Final weights become epsilon arcs to a new accept node, since penalties lie on arcs only.
    """
    tables = [
        None if names is None else {word: k for k, word in enumerate(names)}
        for names in (isymbols, osymbols if osymbols is not None else isymbols)
    ]

    def label(word: str, side: int, line: int) -> int:
        table = tables[side]
        if table is None:
            return _integer(word, name, line) - 1
        if word in ("<eps>", "<epsilon>"):
            return EPSILON
        if word not in table:
            raise GraphError(f"{name}: line {line}: no symbol {word!r}")
        return table[word]

    arcs: list[tuple[int, int, int, int]] = []
    penalties: list[float] = []
    finals: dict[int, float] = {}
    states: set[int] = set()
    start: int | None = None
    for line, row in enumerate(text.splitlines(), 1):
        words = row.split()
        if not words:
            continue
        state = _integer(words[0], name, line)
        start = state if start is None else start
        if len(words) <= 2:
            weight = _real(words[1], name, line) if len(words) == 2 else 0.0
            states.add(state)
            if weight < np.inf:
                finals[state] = weight
            continue
        if len(words) > 5:
            raise GraphError(f"{name}: line {line}: {len(words)} columns")
        dst = _integer(words[1], name, line)
        ilabel = label(words[2], 0, line)
        acceptor = len(words) == 3 or (len(words) == 4 and _is_weight(words[3]))
        tail = words[3:] if acceptor else words[4:]
        arcs.append((state, dst, ilabel, ilabel if acceptor else label(words[3], 1, line)))
        penalties.append(_real(tail[0], name, line) if tail else 0.0)
    if start is None:
        return Graph()
    n = max([start, *states, *(v for arc in arcs for v in arc[:2])]) + 1
    accept = [v for v, weight in finals.items() if weight == 0.0]
    if len(accept) < len(finals):
        for v, weight in finals.items():
            if weight != 0.0:
                arcs.append((v, n, EPSILON, EPSILON))
                penalties.append(weight)
        accept.append(n)
        n += 1
    table = np.array(arcs, np.int64).reshape(-1, 4).T
    return Graph(n, [start], accept, *table, penalties, isymbols=isymbols, osymbols=osymbols)


def _is_weight(word: str) -> bool:
    """Tell whether the fourth column of a four-column line is a weight (it has a point)."""
    return any(c in word for c in ".eEI") and _is_real(word)


def _is_real(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def save(graph: Graph, file: str | Path) -> None:
    """Write a graph to a binary file: arrays and symbols, not the data pointers."""
    arrays = {
        "n": np.array(graph.n),
        "start": graph.start,
        "accept": graph.accept,
        "arcs": graph.arcs,
        "penalty": graph.penalty,
    }
    for side in ("isymbols", "osymbols"):
        names = getattr(graph, side)
        if names is not None:
            arrays[side] = np.array(list(names), dtype=np.str_)
    with Path(file).open("wb") as stream:
        np.savez(stream, **arrays)


def load(file: str | Path) -> Graph:
    """Return the graph of a binary file; GraphError when it is not one."""
    path = Path(file)
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            sizes = {item.filename: item.file_size for item in archive.infolist()}
        if max(sizes.values(), default=0) > MAX_BYTES:
            raise GraphError(f"{path.name}: an array of {max(sizes.values())} bytes")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        arcs = arrays["arcs"]
        if arcs.ndim != 2 or arcs.shape[0] != 4:
            raise GraphError(f"{path.name}: arcs of shape {arcs.shape}, expected (4, m)")
        names = {
            side: arrays[side].tolist() for side in ("isymbols", "osymbols") if side in arrays
        }
        return Graph(
            int(arrays["n"]),
            arrays["start"],
            arrays["accept"],
            *arcs,
            arrays["penalty"],
            **names,
        )
    except (KeyError, zipfile.BadZipFile, TypeError, EOFError) as error:
        raise GraphError(f"{path.name}: not a graph file ({error})") from None
