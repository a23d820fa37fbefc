"""Why a field was read, or not: everything the decision was made of, gathered in one place.

The road of `pipeline.recognition` walked once more, keeping what lies on it: field, ink, cuts,
candidates, the recognition graph, the interpretation graph and the posteriors. What is shown is
recomputed by the engine's own functions, so it is what decided. `pipeline.explain_drawing`
draws it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

import gtn
from pipeline.fields import Field
from pipeline.grammars import SYMBOLS, grammar
from pipeline.image import Page, Source, scan
from pipeline.normalization import Writing, normalize
from pipeline.reader import CheckReader
from pipeline.recognition import RUBBISH, recognition_graph, unswallowed
from pipeline.records import Reading
from pipeline.sdnn import strip_of
from pipeline.segmentation import Segmentation, segment
from sn.errors import SnError

SHOWN_NODES, SHOWN_ARCS = 26, 60  # of a graph that is drawn
UNLIKELY = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # posteriors left out


@dataclass(frozen=True, slots=True)
class Trace:
    """What lies between the ink of a field and its best string.

    Attributes
    ----------
    writing, found
        Normalised ink, and its cuts and candidates.
    penalties : numpy.ndarray or None
        float (candidates, classes): the recognizer's, rubbish last; None where it is not used.
    strip, places : numpy.ndarray or None
        What the space displacement network saw, float (32, columns), and its penalties
        (places, classes), blank last; None where it does not read.
    recognition, interpretation
        The graphs of the candidates before and after composition with the grammar, their
        likely parts: arcs of a posterior above `left_out`.
    left_out : tuple of float
        For either graph, the posterior below which arcs are not shown.
    sizes : tuple
        Nodes and arcs of the whole graphs: (recognition, interpretation).
    path : list of tuple
        The path of the best string: (first piece, last piece, label, candidate); label and
        candidate are -1 where ink is skipped.
    """

    writing: Writing
    found: Segmentation
    penalties: np.ndarray | None
    strip: np.ndarray | None
    places: np.ndarray | None
    recognition: gtn.Graph | None
    interpretation: gtn.Graph | None
    left_out: tuple[float, float]
    sizes: tuple[tuple[int, int], tuple[int, int]]
    path: list[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reading with the page it was made on, its fields and, where there is ink, its trace.

    `page` is flat and upright, as it was read; `fields` are the candidate fields with their
    penalties, `field` the one that was decoded, `posterior` and `share` what the confidence was
    made of (see `Decoded`), None where nothing was.
    """

    reading: Reading
    page: Page
    fields: list[Field]
    field: Field | None
    trace: Trace | None
    posterior: float | None
    share: float | None

    @property
    def sentence(self) -> str:
        """The sentence that says why it was read or rejected."""
        r = self.reading
        if r:
            return (
                f"Read as {r.shown(r.text)}: the confidence {r.confidence:.3f} of the whole "
                f"string reaches the threshold {r.threshold:.3g}, {_ink(r)}."
            )
        why = r.why()
        guess = f" The best guess is {r.shown(r.n_best[0][0])}" if r.n_best else ""
        needed = (
            f", with confidence {r.confidence:.3f} where {r.threshold:.3g} is needed"
            if r.n_best and r.confidence < r.threshold
            else ""
        )
        told = f"Rejected ({(r.reason or '').replace('_', ' ')}): {why}."
        return told + (f"{guess}{needed}." if guess else "")


def _ink(reading: Reading) -> str:
    lost = reading.unexplained_ink or 0.0
    return "and no ink is left over" if lost < 0.0005 else f"{lost:.1%} of the ink is left over"


def explain(reader: CheckReader, source: Source, page: int = 1) -> Explanation:
    """Read one page and keep everything the decision was made of.

    Raises SnError as reading does, and for a page that is not there.
    """
    examined = reader.examined(source)
    found = next((one for one in examined if one[0].page == page), None)
    if found is None:
        raise SnError(f"{scan(source, reader.limits).label}: there is no page {page}")
    reading, seen, look = found
    if look is None or (not reading.n_best and reading.reason in ("blank", "no_field")):
        return Explanation(reading, seen, [], None, None, None, None)
    seen = replace(seen, pixels=look.sheet.pixels)
    fields, decoded = look.fields, look.decoded
    if decoded is None:
        return Explanation(reading, seen, fields, None, None, None, None)
    return Explanation(
        reading,
        seen,
        fields,
        look.field,
        trace(
            reader,
            look.field.crop(seen.pixels),
            [SYMBOLS.index(c.char) for c in decoded.characters],
        ),
        decoded.posterior if decoded.n_best else None,
        decoded.grammar if decoded.n_best else None,
    )


def trace(reader: CheckReader, crop: np.ndarray, string: list[int]) -> Trace | None:
    """Walk the road from a field, uint8 (rows, columns), to its graphs; None without ink.

    `string` holds the labels that were decided on.
    """
    writing = normalize(crop)
    found = segment(writing.ink) if writing is not None else None
    if writing is None or found is None:
        return None
    engine = reader.engine
    strip = places = None
    if engine.strips is not None:
        strip = strip_of(writing)
        places = engine.strips.under(reader.grammar).scores(strip)
    if engine.recognizer is None:
        none = (0.0, 0.0), ((0, 0), (0, 0))
        return Trace(writing, found, None, strip, places, None, None, *none, [])
    penalties = unswallowed(found, engine.recognizer.fprop(found.images))
    graph, candidate, _ = recognition_graph(found, penalties)
    graph.isymbols = graph.osymbols = list(SYMBOLS)
    legal = gtn.compose(graph, grammar(reader.grammar))
    best = gtn.viterbi_path(legal)
    arcs = np.zeros(0, np.int64) if best is None else legal.origin[0][best.arcs]
    spelled = gtn.compose(legal, gtn.chain_graph(string))
    chosen = gtn.viterbi_path(spelled)
    if chosen is not None:  # else the other engine's string has no cuts
        arcs = legal.origin[0][spelled.origin[0][chosen.arcs]]
    path = []
    if arcs.size:
        for arc in arcs.tolist():
            first, last = int(graph.src[arc]), int(graph.dst[arc]) - 1
            path.append((first, last, int(graph.ilabel[arc]), int(candidate[arc])))
    before, cut = likely(graph)
    after, cut_after = likely(legal) if best is not None else (None, 0.0)
    if after is not None:
        after.isymbols = after.osymbols = list(SYMBOLS)
    sizes = (graph.n, graph.m), (legal.n, legal.m)
    cuts = cut, cut_after
    return Trace(writing, found, penalties, strip, places, before, after, cuts, sizes, path)


def likely(graph: gtn.Graph) -> tuple[gtn.Graph, float]:
    """Return the part of a graph that is worth showing, and the posterior left out below.

    The best path always stays; penalties are those of the whole graph.
    """
    p = gtn.posteriors(graph)
    best = gtn.viterbi_path(graph)
    on_best = np.zeros(graph.m, bool)
    if best is not None:
        on_best[best.arcs] = True
    part, least = graph, 0.0
    for least in UNLIKELY:
        kept = on_best | (p >= least)
        arcs = graph.arcs[:, kept]
        part = gtn.Graph(
            graph.n, graph.start, graph.accept, *arcs, penalty=graph.penalty[kept],
            calc_grad=False,
        )  # fmt: skip
        part, _ = gtn.useful_part(part)
        if part.n <= SHOWN_NODES and part.m <= SHOWN_ARCS:
            break
    part.isymbols, part.osymbols = graph.isymbols, graph.osymbols
    return part, least


def best_class(penalties: np.ndarray) -> tuple[str, float]:
    """Return the symbol a candidate looks most like and its probability; "" for rubbish.

    penalties (classes,) as in `Trace`.
    """
    k = int(np.argmin(penalties))
    return ("" if k == RUBBISH else SYMBOLS[k]), math.exp(-float(penalties[k]))
