"""Fitting the confidence: images whose truth is known, read on the whole road.

Amounts and strings on paper, MNIST digits of writers that nothing was trained on, whole checks,
telephone strips under the camera, and images that say nothing: of those every reading is wrong.
``check-reader calibrate`` reads them with both engines, together and alone, and writes
``confidence.json`` beside the weights.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import lenet
from lenet.networks import digest_of
from pipeline.checks import draw_check
from pipeline.confidence import PAGE, Calibration, fit, risk_curve, weight_files
from pipeline.film import take
from pipeline.film import written as on_film
from pipeline.handwriting import Sources, load_sources, random_hand
from pipeline.lines import random_nothing, random_string
from pipeline.papers import strip
from pipeline.reader import MAX_ERROR, CheckReader
from pipeline.recognition import Engine
from pipeline.sdnn import StripReader
from pipeline.synthesis import compose
from pipeline.texts import random_amount, random_digits, random_phone
from pipeline.training import SHARES
from pipeline.views import meaning
from sn.command import commit

# What is drawn, in turn.
ROUND = (
    *("amount", "digits", "string", "check", "amount", "phone", "string", "nothing"),
    *("amount", "check", "digits", "string", "amount", "phone", "check", "nothing"),
)
MODES = ("both", "hos", "sdnn")
PART = 2 * len(ROUND)  # images a process reads at a time
OWN = ("amount", PAGE, "digits")  # with curves of their own
GRAMMAR = {"amount": "amount", "check": "amount", "phone": "phone"}


@dataclass(slots=True)
class Outcome:
    """What became of the images one engine read; lists of equal length.

    `read` says whether nothing but the confidence can reject the image; `kinds` and `grammars`
    what it is and how it was read.
    """

    evidence: list[tuple[float, ...]] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    read: list[bool] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    grammars: list[str] = field(default_factory=list)

    def extend(self, other: "Outcome") -> None:
        """Add what became of other images."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))

    def under(self, *grammars: str) -> "Outcome":
        """Return what became of the images read under these grammars."""
        mine = [k for k, g in enumerate(self.grammars) if g in grammars]
        return Outcome(*([getattr(self, name)[k] for k in mine] for name in self.__slots__))


def draw(rng: np.random.Generator, sources: Sources, kind: str) -> tuple[np.ndarray, str, str]:
    """Return an image uint8 of a kind of `ROUND`, its text (empty: nothing), and a grammar."""
    grammar = GRAMMAR.get(kind, "digits")
    if kind == "nothing":
        return random_nothing(rng), "", ("amount", "digits", "phone")[int(rng.integers(3))]
    if kind == "string":
        return *random_string(rng, sources), grammar
    if kind == "check":
        check = draw_check(rng)
        return check.image, check.text.replace("$ ", "$"), grammar
    if kind == "phone":
        text = random_phone(rng)
        shot = take(on_film(text, int(rng.integers(10**6, 10**9)), "phone"))
        return shot.image, text, grammar
    while True:
        text = random_digits(rng, 3, 9) if kind == "digits" else random_amount(rng)
        try:
            line = compose(text, random_hand(rng, sources), rng)
        except KeyError:  # a hand that lacks one of the symbols
            continue
        return strip(line, rng), text.replace("$ ", "$"), grammar


_engines: dict[str, Engine] = {}
_sources: Sources | None = None


def _load(folder: Path, weights: Path, modes: Sequence[str]) -> None:
    """Load what a process reads with, and what it draws from."""
    global _sources
    network = lenet.load("character", weights / "character.wei")
    strips = StripReader.load(weights)
    made = Engine(network, strips=strips), Engine(network), Engine(None, strips=strips)
    _engines.update({e.mode: e for e in made if e.mode in modes})
    _sources = load_sources(folder, SHARES, held=True)


def _outcomes(seed: int, numbers: range) -> dict[str, Outcome]:
    """Read images by their numbers, every second round also by the engines alone."""
    outcomes = {mode: Outcome() for mode in _engines}
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        kind = ROUND[number % len(ROUND)]
        image, text, grammar = draw(rng, _sources, kind)
        meant = meaning(grammar, text) if text else None
        for mode, engine in _engines.items():
            if mode != "both" and number // len(ROUND) % 2:
                continue
            found, _ = CheckReader(grammar=grammar, engine=engine).decode(image)
            if found is not None and found.n_best:
                known = outcomes[mode]
                known.evidence.append(found.evidence)
                known.places.append(found.place)
                known.right.append(meaning(grammar, found.n_best[0][0]) == meant)
                known.read.append(found.reason is None)
                known.kinds.append(kind)
                known.grammars.append(PAGE if kind == "check" else grammar)
    return outcomes


def measured(
    folder: Path,
    weights: Path,
    seed: int,
    count: int,
    *,
    modes: Sequence[str] = MODES,
    processes: int = 2,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Outcome]:
    """Read `count` images with the weights of a folder; the same in any number of processes.

    `folder` holds the open data sets. Of `modes` the engines alone read every second round of
    images only. `progress` is told the share done, 0...1.
    """
    parts = [range(k, min(k + PART, count)) for k in range(0, count, PART)]
    total = {mode: Outcome() for mode in modes}
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_load, initargs=(folder, weights, modes)
    ) as pool:
        for done, part in enumerate(pool.map(_outcomes, [seed] * len(parts), parts), 1):
            for mode, outcome in part.items():
                total[mode].extend(outcome)
            if progress:
                progress(done / len(parts))
    return total


def judged(outcome: Outcome) -> dict[str, object]:
    """Return coefficients and curves fitted to an outcome, and what each kind of image gives.

    One curve for all images, and one for each of `OWN`, with coefficients of its own.
    """
    note: dict[str, object] = {"coefficients": coefficients(outcome)}
    known = [g for g in OWN if g in outcome.grammars]
    own = {g: {"coefficients": coefficients(outcome.under(g))} for g in known}
    note["grammars"] = own
    curve = Calibration.of(note)
    for name in known:
        own[name]["curve"] = risks(outcome.under(name), curve)
    note["curve"] = risks(outcome, Calibration.of({"coefficients": note["coefficients"]}))
    note |= {"images": len(outcome.right), "right": float(np.mean(outcome.right))}
    curve = Calibration.of(note)
    kinds = note["kinds"] = {kind: [0, 0, 0, 0] for kind in dict.fromkeys(ROUND)}
    confidences = sure(outcome, curve)
    for right, p, kind, grammar in zip(
        outcome.right, confidences, outcome.kinds, outcome.grammars, strict=True
    ):
        read = p >= curve.under(grammar).threshold(MAX_ERROR, strict=False)
        for n, counts in enumerate((True, right, read, read and not right)):
            kinds[kind][n] += counts
    return note


def coefficients(outcome: Outcome) -> list[float]:
    """Return the coefficients fitted to an outcome."""
    return list(fit(outcome.evidence, np.array(outcome.right)).coefficients)


def risks(outcome: Outcome, curve: Calibration) -> list[tuple[float, int, int]]:
    """Return the risk curve of an outcome."""
    confidences = sure(outcome, curve)
    kept = [k for k, p in enumerate(confidences) if p > 0]
    return risk_curve([confidences[k] for k in kept], [outcome.right[k] for k in kept])


def sure(outcome: Outcome, curve: Calibration) -> list[float]:
    """Return the confidence of every image, 0 for those that are rejected anyhow."""
    parts = outcome.places, outcome.evidence, outcome.read, outcome.grammars
    return [
        place * curve.under(grammar).confidence(evidence) if read else 0.0
        for place, evidence, read, grammar in zip(*parts, strict=True)
    ]


def calibrate(
    folder: Path,
    weights: Path,
    *,
    seed: int = 2,
    lines: int = 4000,
    progress: Callable[[float], None] | None = None,
) -> dict[str, object]:
    """Fit the confidence curves on synthetic images; write confidence.json beside the weights.

    `weights` is a folder that holds the weights of all networks; each engine alone and both
    together get a curve, and for each kind of image the numbers of answers, right best
    guesses, reads at the default threshold, and wrong ones among these. Returns what was
    written.
    """
    notes: dict[str, object] = {
        "command": f"check-reader calibrate --seed {seed} --lines {lines}",
        "commit": commit(),
    }
    for mode, outcome in measured(folder, weights, seed, lines, progress=progress).items():
        digests = [digest_of(file) for file in weight_files(mode, weights)]
        notes[mode] = {"weights": digests, **judged(outcome)}
    file = weights / "confidence.json"
    file.write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
    return notes
