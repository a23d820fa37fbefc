"""A user's own labelled fields: loading them, learning from them, saying what it brought.

The folder is one that ``check-reader evaluate`` takes. A part of it is held out: it ends the
training, its readings fit the confidence anew, and the report tells how it was read before and
after. What comes out is a folder of weights for ``--weights``.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lenet
from lenet.networks import Network
from pipeline.confidence import (
    NETWORKS,
    OWN,
    Calibration,
    fit,
    own_weights,
    risk_curve,
)
from pipeline.evaluation import labelled, wilson
from pipeline.finetuning import CutCharacters, Lessons, Line, Pupil, WholeLines
from pipeline.handwriting import Sources, load_sources
from pipeline.image import scan
from pipeline.lines import random_writing
from pipeline.normalization import normalize
from pipeline.reader import CheckReader
from pipeline.recognition import WEIGHTS, Decoded, Engine
from pipeline.sdnn import StripReader
from pipeline.spellings import LabelError, chain, spellings
from pipeline.training import SHARES
from pipeline.views import meaning
from sn.command import commit, printable, version
from sn.errors import SnError

LEAST = 50  # labelled fields
HELD_OUT = 0.2
MIXED = 0.5  # synthetic lines for every field
FEW = 30.0  # how firmly the curve of a few fields is held to the posterior
PARTS = 5  # of the held-out fields, each judged by a curve fitted on the others
MODES = ("both", "hos", "sdnn")
RATES = {"strip": 1e-3, "strip-wide": 1e-3, "character": 8e-4}
PASSES = {"strip": 20, "strip-wide": 20, "character": 8}


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled field: its file, what it says, its pixels, and the line that is learned."""

    name: str
    text: str
    pixels: np.ndarray
    line: Line


@dataclass(frozen=True, slots=True)
class Score:
    """How the held-out fields were read by one engine or both.

    `confidences` (n,) are 0 where a field is rejected for another reason.
    """

    right: np.ndarray
    confidences: np.ndarray

    def read_at(self, share: float) -> float:
        """Return the share of fields that can be read, at most `share` of the reads wrong."""
        order = np.argsort(-self.confidences, kind="stable")
        order = order[self.confidences[order] > 0]
        wrong = np.cumsum(~self.right[order])
        fine = np.flatnonzero(wrong <= share * np.arange(1, len(order) + 1))
        return (int(fine[-1]) + 1) / len(self.right) if len(fine) else 0.0

    def to_line(self, name: str) -> str:
        """Return the score as a line of the report."""
        count, total = int(self.right.sum()), len(self.right)
        low, high = wilson(count, total)
        return (
            f"{name:<16}{count:>6} of {total}{count / total:>9.1%} "
            f"({low:.1%} to {high:.1%}){self.read_at(0.01):>12.1%}"
        )


REPORT = f"{'held-out fields':<16}{'right':>12}{'share (95 %)':>26}{'read at 1 %':>13}"


def load_fields(
    folder: str,
    labels: str | None,
    grammar: str,
    *,
    progress: Callable[[float], None] | None = None,
    remark: Callable[[str], None] | None = None,
) -> list[Field]:
    """Return the labelled fields of a folder; those without a reading are left out.

    `remark` is told what was left out. Raises SnError, in one line, for a folder or labels that
    cannot be used: the table, a label outside the grammar, fewer than `LEAST` fields.
    """
    truths = labelled(folder, labels)
    ways = {}
    for name, text in truths.items():
        try:
            ways[name] = spellings(grammar, text)
        except LabelError as error:
            raise SnError(f"{printable(name)}: {printable(str(error))}") from None
    reader = CheckReader(grammar=grammar)
    found, left, first = [], 0, ""
    for done, (name, text) in enumerate(truths.items(), 1):
        try:
            pixels = crop_of(reader, name)
            writing = normalize(pixels)
        except SnError as error:
            writing, first = None, first or str(error)
        if writing is None:
            left, first = left + 1, first or f"{printable(name)}: no ink found"
        else:
            found.append(Field(name, text, pixels, Line.of(writing, ways[name])))
        if progress:
            progress(done / len(truths))
    if left and remark:
        remark(f"left out: {left} of {len(truths)} images, the first: {first}")
    if len(found) < LEAST:
        raise SnError(
            f"{printable(folder)}: {len(found)} labelled fields that can be used; "
            f"{LEAST} or more are needed to learn from them"
        )
    return found


def crop_of(reader: CheckReader, name: str) -> np.ndarray:
    """Return the field on the first page of a file; one that must be looked for is read."""
    page = next(scan(name).pages())
    places = reader.candidates(page.pixels, name)
    place = places[0] if len(places) == 1 else reader.decode(page.pixels, page.dpi, name)[1]
    return place.crop(page.pixels)


def synthetic_lines(folder: Path | None, count: int, seed: int) -> list[Line]:
    """Write lines to mix in, by the hands of `folder` (None: stroke hands alone)."""
    sources = Sources() if folder is None else load_sources(folder, SHARES)
    rng = np.random.default_rng([seed, 5])
    lines: list[Line] = []
    while len(lines) < count:
        writing, text = random_writing(rng, sources)
        if writing is not None:
            lines.append(Line.of(writing, chain(text)))
    return lines


class Networks:
    """The networks of both engines that read under a grammar, and what reads with them."""

    def __init__(self, folder: Path, grammar: str) -> None:
        own = OWN[grammar] if grammar in own_weights(folder) else {}
        self.networks: dict[str, Network] = {
            name: lenet.load(name, folder / f"{own.get(name, name)}.wei")
            for name in NETWORKS["both"]
        }
        file = folder / "confidence.json"
        notes = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self.curves = {mode: Calibration.of(notes.get(mode, {})) for mode in MODES}

    def engine(self, mode: str) -> Engine:
        """Return the engine of a mode, with the curve it has now."""
        recognizer = None if mode == "sdnn" else self.networks["character"]
        wholes = [self.networks[name] for name in NETWORKS["sdnn"]]
        strips = None if mode == "hos" else StripReader(*wholes)
        return Engine(recognizer, "", self.curves[mode], strips)

    def pupil(self, name: str) -> Pupil:
        """Return what learns with a network."""
        network = self.networks[name]
        return WholeLines(network) if name in NETWORKS["sdnn"] else CutCharacters(network)

    def save(self, folder: Path, notes: dict[str, object], curves: dict[str, object]) -> None:
        """Write weights and confidence curves."""
        for name, network in self.networks.items():
            network.save_weights(folder / f"{name}.wei", notes)
        known = {mode: [self.networks[n].sha256 for n in NETWORKS[mode]] for mode in MODES}
        table = {"command": notes["command"], "commit": notes["commit"]}
        table |= {mode: {"weights": known[mode]} | curves[mode] for mode in MODES}
        file = folder / "confidence.json"
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def readings(engine: Engine, fields: Sequence[Field], grammar: str) -> list[Decoded]:
    """Read fields."""
    return [engine.decode(field.pixels, grammar) for field in fields]


def score(
    found: Sequence[Decoded], fields: Sequence[Field], grammar: str, sure: Sequence[float]
) -> Score:
    """Compare readings and their confidences `sure` with what the fields say."""
    right = [
        bool(d.n_best) and meaning(grammar, d.n_best[0][0]) == meaning(grammar, f.text)
        for d, f in zip(found, fields, strict=True)
    ]
    kept = [c if d.reason is None else 0.0 for d, c in zip(found, sure, strict=True)]
    return Score(np.array(right), np.array(kept))


def recalibrated(found: Sequence[Decoded], right: np.ndarray) -> tuple[Calibration, np.ndarray]:
    """Fit a confidence curve to readings; return it and honest confidences of the readings.

    The confidence of a reading is that of a curve fitted without its part of the readings.
    """
    known = [k for k, d in enumerate(found) if d.evidence]
    evidence = [found[k].evidence for k in known]
    truth = right[known]
    part = np.arange(len(known)) % PARTS
    sure = np.zeros(len(found))
    for p in range(PARTS):
        others = np.flatnonzero(part != p)
        curve = fit([evidence[k] for k in others], truth[others], FEW)
        for k in np.flatnonzero(part == p):
            sure[known[k]] = curve.confidence(evidence[k])
    return fit(evidence, truth, FEW), sure


def judged(
    networks: Networks, fields: Sequence[Field], grammar: str
) -> tuple[dict[str, Score], dict[str, object]]:
    """Fit the confidence curves of all modes to readings of `fields`, and score these.

    Every reading is scored with the confidence of a curve that has not seen it. Returns also
    what ``confidence.json`` says of each mode.
    """
    scores, curves = {}, {}
    for mode in MODES:
        found = readings(networks.engine(mode), fields, grammar)
        plain = score(found, fields, grammar, [d.confidence for d in found])
        curve, sure = recalibrated(found, plain.right)
        scores[mode] = after = Score(plain.right, np.where(plain.confidences > 0, sure, 0.0))
        kept = np.flatnonzero(after.confidences > 0)
        curves[mode] = {
            "coefficients": list(curve.coefficients),
            "curve": risk_curve(after.confidences[kept], after.right[kept]),
            "images": len(fields),
            "right": float(after.right.mean()),
        }
    return scores, curves


def fine_tune(
    folder: str,
    output: Path,
    *,
    labels: str | None = None,
    grammar: str = "amount",
    start: Path = WEIGHTS,
    data: Path | None = None,
    seed: int = 1,
    held_out: float = HELD_OUT,
    passes: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[str]:
    """Learn from the labelled fields of a folder; write weights and confidence to `output`.

    `start` holds the weights to go on from, `data` the open data sets for the synthetic lines
    (None: they are written by stroke hands alone), `held_out` is the share 0...1 of fields that
    are not learned. `passes` bounds those of the whole-line networks; the other makes as much
    fewer as `PASSES` says. `progress` is told what is going on and the share done, `tell` every
    pass. An interrupted training goes on from its checkpoints in `output`. Returns the report.
    Raises SnError for a folder or labels that cannot be used.
    """

    def step(name: str) -> Callable[[float], None] | None:
        return (lambda share: progress(name, share)) if progress else None

    say = tell or (lambda line: None)
    networks = Networks(start, grammar)
    fields = load_fields(folder, labels, grammar, progress=step("loading"), remark=say)
    order = np.random.default_rng([seed, 6]).permutation(len(fields))
    count = min(max(1, round(held_out * len(fields))), len(fields) - 1)
    held = [fields[k] for k in order[:count]]
    known = [fields[k] for k in order[count:]]
    output.mkdir(parents=True, exist_ok=True)
    mixed = synthetic_lines(data, round(MIXED * len(known)), seed)
    before = {}
    for mode in MODES:
        found = readings(networks.engine(mode), held, grammar)
        before[mode] = score(found, held, grammar, [d.confidence for d in found])
    what = [seed, held_out, passes, grammar, RATES, *((f.name, f.text) for f in fields)]
    what += [network.sha256 for network in networks.networks.values()]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    done = {}
    for network, most in PASSES.items():
        name = f"learning, {network}"
        lessons = Lessons(
            networks.pupil(network),
            [f.line for f in known],
            mixed,
            [f.line for f in held],
            rate=RATES[network],
            passes=math.ceil(most * (1 if passes is None else passes / PASSES["strip"])),
            seed=seed,
            digest=digest,
        )
        found = lessons.run(
            output / f"{network}.checkpoint.npz",
            step(name),
            lambda done, name=name: say(f"{name}: {done.to_line()}"),
        )
        done[network] = len(found) - 1
    after, curves = judged(networks, held, grammar)
    notes = {
        "command": f"check-reader train --field-data {Path(folder).name} --seed {seed}",
        "version": version(),
        "commit": commit(),
        "fields": len(known),
        "held_out": len(held),
        "synthetic": len(mixed),
        "passes": done,
    }
    networks.save(output, notes, curves)
    for name in NETWORKS["both"]:
        (output / f"{name}.checkpoint.npz").unlink()
    return [
        REPORT,
        *(
            table[mode].to_line(f"{mode}, {when}")
            for mode in MODES
            for when, table in (("before", before), ("after", after))
        ),
    ]
