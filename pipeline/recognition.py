"""The recognition transformer and what follows it: from ink to strings with confidence.

Place on the road: segmentation graph -> one arc per class and candidate (recognition graph) ->
composition with a grammar (interpretation graph) -> best strings. Penalties are -log p of a
softmax that includes *rubbish*, so a wrong cut has no cheap class. Ink that belongs to nothing
may be skipped, at a price that grows with its amount.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

import gtn
from lenet.networks import digest_of
from pipeline.confidence import ENGINES, NETWORKS, WEIGHTS, Calibration, weight_files
from pipeline.grammars import SYMBOLS, grammar
from pipeline.normalization import HEIGHT, INK, Writing, normalize
from pipeline.records import Character
from pipeline.rules import kind_of
from pipeline.sdnn import StripReader, aligned, strip_of, writing_column
from pipeline.segmentation import Segmentation, segment
from pipeline.views import VETO, View, cut_view, disagreement, merged, whole_view
from sn.errors import SnError

RUBBISH = len(SYMBOLS)
SPREAD = 9.0  # classes dearer than the best of a candidate by more are left out
SKIP_PIECE, SKIP_PIECE_INK = 1.5, 14.0  # to skip a piece, plus as much ink as a digit has
SKIP_APART, SKIP_APART_INK = 2.0, 3.0  # the same for rubbish that stands apart
FLAT = 0.4 * HEIGHT, 0.3 * HEIGHT  # least width and most height of a stroke that lies flat
DIGIT_INK = 0.11 * HEIGHT * HEIGHT  # pixels of black in a thin digit
N_BEST = 5  # different guesses told
LIKELY = 0.97  # how much a mark that stands apart is believed to be one
SMALLEST = 14  # digits lower than this in the source, in pixels, are not read
FOREIGN = 0.02  # a grammar with less than this of all strings is the wrong one
DOUBTED = 0.9  # share of a field below which the doubt is told
UNEXPLAINED = 0.12  # share of skipped ink above which a string is rejected


class Recognizer(Protocol):
    """What the engine needs of a network: images (n, 32, 32) -> penalties (n, classes)."""

    def fprop(self, images: np.ndarray) -> np.ndarray:
        """Return -log p of every symbol and of rubbish, float (n, len(SYMBOLS) + 1)."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was found in a field; the reader decides whether it may be called read.

    `posterior` is the share of the best string among the strings of the grammar, `grammar` the
    share of these among all strings; `disagreement` says where the engines differ, if they do;
    `evidence` and `place`, the share of this field among all candidates, are all that
    `confidence` was made of (see `pipeline.confidence.features`).
    """

    n_best: tuple[tuple[str, float], ...]
    characters: tuple[Character, ...]
    confidence: float
    unexplained_ink: float
    reason: str | None
    note: str
    quality: dict[str, object] = field(default_factory=dict)
    posterior: float = 0.0
    grammar: float = 0.0
    evidence: tuple[float, ...] = ()
    disagreement: str = ""
    place: float = 1.0

    def rated(self, curve: Calibration) -> "Decoded":
        """Return the same with the confidence that another curve gives."""
        p = curve.confidence(self.evidence)
        rest = (1 - p) / max(1 - self.confidence, 1e-12)
        others = ((text, round(min(1.0, q * rest), 6)) for text, q in self.n_best[1:])
        n_best = ((self.n_best[0][0], round(p, 6)), *others)
        return replace(self, n_best=n_best, confidence=p)

    def placed(self, share: float) -> "Decoded":
        """Return the same with the confidence that its field is the one asked for, 0...1."""
        n_best = tuple((text, round(share * p, 6)) for text, p in self.n_best)
        note = self.note if share > DOUBTED else "the amount may also stand in another field"
        return replace(
            self, n_best=n_best, confidence=share * self.confidence, note=note, place=share
        )


def recognition_graph(
    found: Segmentation, penalties: np.ndarray, spread: float = SPREAD
) -> tuple[gtn.Graph, np.ndarray, np.ndarray]:
    """Return the recognition graph and per arc its candidate (-1: none) and its lost ink.

    Nodes are the gaps between pieces; penalties (n, classes) are the recognizer's. Epsilon arcs
    leave ink unexplained: any piece, at the price of its ink, and whatever stands apart and
    looks like rubbish, for less; what lies flat and apart, as under cents, is not lost. Classes
    dearer than the best of a candidate by more than `spread` have no arc.
    """
    best = penalties[:, :RUBBISH].min(axis=1, keepdims=True)
    rows, classes = np.nonzero(penalties[:, :RUBBISH] <= best + spread)
    count = len(found.weights)
    pieces = np.arange(count)
    apart = np.flatnonzero(found.whole)
    spans = np.concatenate(
        [found.spans[rows], np.stack([pieces] * 2, axis=1), found.spans[apart]]
    )
    before = np.concatenate([[0.0], np.cumsum(found.weights)])
    width, height = found.boxes[:, 2], found.boxes[:, 3]
    flat = found.whole & (height <= FLAT[1]) & (width >= FLAT[0]) & (width >= 2 * height)
    alone = flat & (found.spans[:, 0] == found.spans[:, 1])
    weights = found.weights.copy()
    weights[found.spans[alone, 0]] = 0
    lost = before[found.spans[apart, 1] + 1] - before[found.spans[apart, 0]]
    graph = gtn.Graph(
        count + 1,
        [0],
        [count],
        spans[:, 0].astype(np.int32),
        (spans[:, 1] + 1).astype(np.int32),
        np.concatenate([classes, np.full(count + len(apart), gtn.EPSILON)]).astype(np.int32),
        penalty=np.concatenate(
            [
                penalties[rows, classes],
                SKIP_PIECE + SKIP_PIECE_INK * found.weights / DIGIT_INK,
                penalties[apart, RUBBISH] + SKIP_APART + SKIP_APART_INK * lost / DIGIT_INK,
            ]
        ),
        calc_grad=False,
    )
    candidate = np.concatenate([rows, np.full(count + len(apart), -1)])
    return graph, candidate, np.concatenate([np.zeros(len(rows)), weights, lost * ~flat[apart]])


def unswallowed(found: Segmentation, penalties: np.ndarray) -> np.ndarray:
    """Return penalties (n, classes) in which a point that stands apart is hard to swallow.

    A candidate that holds a point or comma beside other ink pays for the probability that the
    mark is a symbol of its own: lost points turn dollars into cents.
    """
    single = found.whole & (found.spans[:, 0] == found.spans[:, 1])
    mark = np.exp(-penalties[:, [SYMBOLS.index("."), SYMBOLS.index(",")]]).sum(axis=1)
    price = np.zeros(len(found.weights) + 1)
    np.add.at(price, found.spans[single, 0] + 1, -np.log(1 - LIKELY * mark[single]))
    total = np.cumsum(price)
    held = total[found.spans[:, 1] + 1] - total[found.spans[:, 0]]
    held[found.spans[:, 0] == found.spans[:, 1]] = 0
    result = penalties.copy()
    result[:, :RUBBISH] += held[:, None]
    return result


class Engine:
    """Heuristic over-segmentation, a space displacement network, or both, and grammars.

    Parameters
    ----------
    recognizer : Recognizer or None
        Names the candidates of the over-segmentation; None: strips alone.
    sha256 : str
        Digest of the weights.
    calibration : Calibration, optional
        What makes a confidence of the evidence.
    strips : StripReader, optional
        The space displacement networks.
    """

    def __init__(
        self,
        recognizer: Recognizer | None,
        sha256: str = "",
        calibration: Calibration | None = None,
        strips: StripReader | None = None,
    ) -> None:
        self.recognizer = recognizer
        self.sha256 = sha256
        self.calibration = calibration or Calibration()
        self.strips = strips
        self.origin: tuple[str, Path] | None = None
        self.name = ENGINES[self.mode]

    def __reduce__(self) -> tuple[object, ...]:
        if self.origin is not None:  # another process loads the weights again
            return Engine.load, self.origin
        parts = self.recognizer, self.sha256, self.calibration, self.strips
        return Engine, parts, {"name": self.name}

    @property
    def mode(self) -> str:
        """Which engines read: ``hos``, ``sdnn`` or ``both``."""
        return "hos" if self.strips is None else "both" if self.recognizer else "sdnn"

    @classmethod
    def load(cls, mode: str = "both", folder: Path = WEIGHTS) -> "Engine":
        """Return an engine with the weights of a folder; `mode` is hos, sdnn or both."""
        import lenet

        missing = [n for n in NETWORKS[mode] if not (folder / f"{n}.wei").is_file()]
        if missing and len(missing) < len(NETWORKS[mode]):
            raise SnError(
                f"{folder}: {missing[0]}.wei is missing; check-reader train --field-data makes "
                "a folder of all weights"
            )
        named, whole = mode != "sdnn", mode != "hos"
        recognizer = lenet.load("character", folder / "character.wei") if named else None
        strips = StripReader.load(folder) if whole else None
        digests = [digest_of(file) for file in weight_files(mode, folder)]
        both = hashlib.sha256("".join(digests).encode()).hexdigest()
        sha256 = digests[0] if len(digests) == 1 else both
        file = folder / "confidence.json"
        notes = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        note = notes.get(mode, {})
        if note and note.get("weights") != digests:
            raise SnError(f"{file}: made for other weights; check-reader calibrate makes it")
        made = cls(recognizer, sha256, Calibration.of(note), strips)
        made.origin = mode, folder
        return made

    def decode(
        self, image: np.ndarray, text: str = "amount", dpi: float | None = None
    ) -> Decoded:
        """Read one field.

        image uint8 (rows, columns), paper light; `text` names a grammar or is a regular
        expression; `dpi` is only reported. Raises GrammarError for a bad expression.
        """
        grammar(text)
        writing = normalize(image)
        if writing is None:
            return Decoded((), (), 0.0, 0.0, "blank", "no ink found")
        quality: dict[str, object] = {"digit_height": round(writing.digit_height, 1)}
        if writing.digit_height < SMALLEST:
            note = (
                f"digits are {writing.digit_height:.0f} px high; {SMALLEST} or more needed. "
                "Rescan at 200 dpi"
            )
            return Decoded((), (), 0.0, 0.0, "low_resolution", note, quality)
        found = segment(writing.ink)
        if found is None:
            return Decoded((), (), 0.0, 0.0, "blank", "no ink found", quality)
        penalties = self.recognizer.fprop(found.images) if self.recognizer else None
        places = self.strips.under(text).looks(strip_of(writing)) if self.strips else ()
        return self.interpret(writing, found, penalties, text, quality, places)

    def interpret(
        self,
        writing: Writing,
        found: Segmentation,
        penalties: np.ndarray | None,
        text: str,
        quality: dict[str, object],
        places: Sequence[np.ndarray] = (),
    ) -> Decoded:
        """Compose the recognition graphs with a grammar and judge the best string.

        `penalties` (candidates, classes) are the recognizer's, `places`, one (places, classes)
        for each look, those of the space displacement network; None and () where there are
        none. Strings that mean the same are one guess: its share is the sum of theirs.
        """
        lost, characters, cut = 0.0, (), None
        seen: dict[str, View | None] = {}
        if penalties is not None:
            penalties = unswallowed(found, penalties)
            graph, candidate, skips = recognition_graph(found, penalties)
            legal = gtn.compose(graph, grammar(text))

            def cut(
                string: Sequence[int] | None,
            ) -> tuple[tuple[Character, ...], float] | None:
                """Return the characters of a string (None: the best), and its lost ink.

                None for a string that cannot be cut out.
                """
                if string is None:
                    best = gtn.viterbi_path(legal)
                    arcs = legal.origin[0][best.arcs]
                else:
                    spelled = gtn.compose(legal, gtn.chain_graph(string))
                    best = gtn.viterbi_path(spelled)
                    if best is None:
                        return None
                    arcs = legal.origin[0][spelled.origin[0][best.arcs]]
                path = [(int(candidate[a]), int(graph.ilabel[a])) for a in arcs]
                share = float(skips[arcs].sum() / found.weights.sum())
                return self.characters(writing, found, penalties, path), share

            seen["hos"] = None
            if gtn.viterbi_path(legal) is not None:
                characters, lost = cut(None)
                seen["hos"] = cut_view(legal, gtn.forward_penalty(graph), text, characters)
        if places:
            seen["sdnn"] = whole_view(places, text)
        views = [v for v in seen.values() if v is not None]
        if not views:
            note = "no string of the grammar fits the ink"
            return Decoded((), (), 0.0, 1.0, "grammar", note, quality)
        guesses = merged(views)
        meant, (chosen, posterior) = next(iter(guesses.items()))
        posterior = min(1.0, posterior)
        by_cuts, by_places = seen.get("hos"), seen.get("sdnn")
        if by_cuts and meant in by_cuts.strings:
            if meant != next(iter(by_cuts.strings)):
                characters, lost = cut(by_cuts.strings[meant])
            if lost > UNEXPLAINED and by_places and meant in by_places.strings:
                # Raised cents, say, that the one leaves out and the other reads.
                whole = cut(by_places.strings[meant])
                if whole is not None and whole[1] < lost:
                    characters, lost = whole
                    chosen = by_places.guesses[meant][0]
        elif by_places and meant in by_places.strings:
            characters = spoken_characters(writing, places[0], by_places.strings[meant])
        evidence = (
            posterior,
            lost,
            float(len(chosen)),
            *(v.share if v else 0.0 for v in seen.values()),
            *(v.known(meant) if v else VETO for v in seen.values() if len(seen) > 1),
        )
        confidence = self.calibration.under(text).confidence(evidence)
        shown = by_places.guesses.get(meant, (chosen,))[0] if by_places else chosen
        if shown != chosen and kind_of(text) == "digits":
            # Marks that mean nothing are lost in one strip of ten that is cut, seldom else.
            chosen = shown
            characters = spoken_characters(writing, places[0], by_places.strings[meant])
        # What the best string leaves is shared out among the others as their posteriors say.
        rest = (1 - confidence) / max(1 - posterior, 1e-12)
        others = [guesses[m] for m in guesses if m != meant]
        ranked = [(chosen, confidence), *((s, min(1.0, p * rest)) for s, p in others)]
        texts = tuple((s, round(p, 6)) for s, p in ranked[:N_BEST])
        reason, note = None, doubt(texts)
        share = max(v.share for v in views)
        if lost > UNEXPLAINED:
            reason, note = "unexplained_ink", f"{lost:.0%} of the ink belongs to no character"
        elif share < FOREIGN and posterior > 0.5:
            reason, note = "grammar", "another string, outside the grammar, fits better"
        return Decoded(
            texts,
            characters,
            confidence,
            lost,
            reason,
            note,
            quality,
            posterior,
            share,
            evidence,
            disagreement(views),
        )

    def characters(
        self,
        writing: Writing,
        found: Segmentation,
        penalties: np.ndarray,
        path: Sequence[tuple[int, int]],
    ) -> tuple[Character, ...]:
        """Return the characters of a path of (candidate, class), skipped ink left out."""
        result = []
        for n, label in path:
            if n < 0:
                continue
            p = np.exp(-penalties[n, :RUBBISH])
            order = np.argsort(-p, kind="stable")[:4]
            others = tuple(
                (SYMBOLS[k], round(float(p[k]), 4)) for k in order if k != label and p[k] > 1e-3
            )
            box = writing.box(*found.boxes[n].tolist())
            result.append(Character(SYMBOLS[label], round(float(p[label]), 4), box, others))
        return tuple(result)


def spoken_characters(
    writing: Writing, places: np.ndarray, string: Sequence[int]
) -> tuple[Character, ...]:
    """Return the characters of a string where the space displacement network saw them."""
    path = aligned(places, string)
    middles = [writing_column(sum(run) / 2) for run in path]
    black = writing.ink >= INK
    result = []
    for k, (label, (first, last)) in enumerate(zip(string, path, strict=True)):
        reach = 0.5 * HEIGHT
        left = middles[k] - (min(reach, (middles[k] - middles[k - 1]) / 2) if k else reach)
        more = k + 1 < len(middles)
        right = middles[k] + (min(reach, (middles[k + 1] - middles[k]) / 2) if more else reach)
        x0, x1 = max(0, round(left)), max(1, min(black.shape[1], round(right)))
        rows = np.flatnonzero(black[:, x0:x1].any(axis=1))
        top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, black.shape[0])
        p = np.exp(-places[first : last + 1].min(axis=0))
        order = np.argsort(-p[:RUBBISH], kind="stable")[:4]
        others = tuple(
            (SYMBOLS[n], round(float(p[n]), 4)) for n in order if n != label and p[n] > 1e-3
        )
        box = writing.box(x0, top, max(1, x1 - x0), bottom - top)
        result.append(Character(SYMBOLS[label], round(float(p[label]), 4), box, others))
    return tuple(result)


def doubt(texts: Sequence[tuple[str, float]]) -> str:
    """Return the sentence that says where the two best strings differ."""
    if len(texts) < 2:
        return ""
    (best, _), (second, _) = texts[:2]
    if len(best) == len(second):
        places = [k for k in range(len(best)) if best[k] != second[k]]
        if len(places) == 1:
            k = places[0]
            ordinal = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
            which = f"the {ordinal[k]} character" if k < len(ordinal) else f"character {k + 1}"
            return f"{which} is {best[k]} or {second[k]}"
    return f"it may also be {second}"
