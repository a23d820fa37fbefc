"""From scores to a confidence: how often a string like this one is right.

The forward scores give two shares: of the best string among all strings of the grammar, and of
the grammar among all strings. Further witnesses are the ink that no symbol explains and the
agreement of two engines. On lines whose truth is known a logistic curve through them is fitted;
what it says of a new string is its confidence. It holds for writing like that of the
calibration, which its note names.

How many of those lines a threshold reads, and how many of these wrongly, is kept too: an error
that is borne picks its threshold from there.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.rules import kind_of
from sn.errors import SnError

WEIGHTS = Path(__file__).parent / "weights"
NETWORKS = {"hos": ("character",), "sdnn": ("strip", "strip-wide")}  # of the two engines
NETWORKS["both"] = NETWORKS["hos"] + NETWORKS["sdnn"]
# Grammars whose lines are read by networks of their own: weights of each network of strips.
OWN = {"phone": {"strip": "phone", "strip-wide": "phone-wide"}}
ENGINES = {"hos": "character", "sdnn": "strip", "both": "character+strip"}  # as records say
PAGE = "check"  # the calibration of amounts in fields that were found on a whole check
FLOOR, CERTAIN = 1e-6, 1e-4
HOPELESS = 0.3  # share of wrong reads at which a curve ends


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients of the logistic curve, one for every feature.

    `curve` lists (threshold, reads, wrong ones among them), highest threshold first: the
    outcome of the calibration, see `risk_curve`. `grammars` holds calibrations of their own for
    grammars, by name or kind.

    >>> Calibration().confidence((0.9, 0.0, 4, 1.0))
    0.9
    """

    coefficients: tuple[float, ...] = ()
    curve: tuple[tuple[float, int, int], ...] = ()
    grammars: "dict[str, Calibration]" = field(default_factory=dict)

    @classmethod
    def of(cls, note: dict[str, Any]) -> "Calibration":
        """Return the calibration that stands in the note of a weight file, if one does."""
        if "coefficients" not in note:
            return cls()
        curve = tuple((float(t), int(n), int(k)) for t, n, k in note.get("curve", ()))
        grammars = {name: cls.of(own) for name, own in note.get("grammars", {}).items()}
        return cls(tuple(note["coefficients"]), curve, grammars)

    def under(self, grammar: str) -> "Calibration":
        """Return the calibration for a grammar: its own, that of its kind, or this one."""
        return self.grammars.get(grammar) or self.grammars.get(kind_of(grammar)) or self

    def confidence(self, evidence: Sequence[float]) -> float:
        """Return the probability 0...1 that the best string is right, from its evidence.

        Without coefficients that is its posterior.
        """
        if not self.coefficients:
            return round(min(max(evidence[0], 0.0), 1.0), 9)
        score = float(np.dot(self.coefficients, features(evidence)))
        return round(float(1 / (1 + np.exp(-np.clip(score, -30, 30)))), 9)

    def threshold(self, max_error: float, *, strict: bool = True) -> float:
        """Return the lowest threshold at which at most `max_error` of the reads are wrong.

        Of n reads with k wrong ones the next is expected to be wrong with (k + 1) / (n + 1),
        as in conformal risk control, so a small error needs many calibration lines. Raises
        SnError when there were too few; with `strict` false the safest threshold is returned.

        >>> Calibration(curve=((0.99, 150, 0), (0.9, 399, 3), (0.5, 600, 60))).threshold(0.01)
        0.9
        """
        if not self.curve:
            raise SnError(
                "these weights have no calibration curve: check-reader calibrate makes it, "
                "or give --min-confidence"
            )
        chances = [(wrong + 1) / (reads + 1) for _, reads, wrong in self.curve]
        kept = [t for (t, _, _), p in zip(self.curve, chances, strict=True) if p <= max_error]
        if kept:
            return min(kept)
        least = min(chances)
        if strict:
            raise SnError(
                f"an error of {max_error:g} was never measured: the calibration of these "
                f"weights can vouch for {math.ceil(least * 10_000) / 10_000:g} at best. "
                "Calibrate on more lines, or give --min-confidence"
            )
        return self.curve[chances.index(least)][0]


def own_weights(folder: Path) -> dict[str, list[Path]]:
    """Return for grammars of `OWN` the weights of both networks of strips, where they are."""
    found = {g: [folder / f"{n}.wei" for n in names.values()] for g, names in OWN.items()}
    return {g: files for g, files in found.items() if all(f.is_file() for f in files)}


def weight_files(mode: str, folder: Path) -> list[Path]:
    """Return the weights an engine reads with, there or not, those for `OWN` last."""
    files = [folder / f"{name}.wei" for name in NETWORKS[mode]]
    own = own_weights(folder).values() if mode != "hos" else ()
    return files + [file for both in own for file in both]


@dataclass(frozen=True, slots=True)
class Known:
    """What the notes say of one of the program's own engines: no network is loaded for it.

    The attributes are those of `pipeline.recognition.Engine`.
    """

    name: str
    sha256: str
    mode: str
    calibration: Calibration

    @classmethod
    def of(cls, mode: str, folder: Path = WEIGHTS) -> "Known | None":
        """Return what is known of an engine; None where the notes are not all there."""
        names = [file.stem for file in weight_files(mode, folder)]
        try:
            note = json.loads((folder / "confidence.json").read_text(encoding="utf-8"))[mode]
            digests = [
                json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["sha256"]
                for name in names
            ]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        if note.get("weights") != digests:
            return None
        if not all((folder / f"{name}.wei").is_file() for name in names):
            return None
        both = hashlib.sha256("".join(digests).encode()).hexdigest()
        sha256 = digests[0] if len(digests) == 1 else both
        return cls(ENGINES[mode], sha256, mode, Calibration.of(note))


def risk_curve(
    confidences: Sequence[float], right: Sequence[bool]
) -> list[tuple[float, int, int]]:
    """Return (threshold, reads, wrong ones), highest threshold first.

    Between two wrong strings only the lower threshold matters, since it reads more at no more
    errors; what lies beyond `HOPELESS` is left out.

    >>> risk_curve([0.9, 0.99, 0.7, 0.8, 0.6], [True, True, True, False, True])
    [(0.9, 2, 0), (0.6, 5, 1)]
    """
    order = sorted(range(len(right)), key=lambda k: -confidences[k])
    curve, wrong = [], 0
    for reads, k in enumerate(order, 1):
        wrong += not right[k]
        following = order[reads] if reads < len(order) else None
        if following is not None and (
            confidences[following] == confidences[k] or right[following]
        ):
            continue
        if wrong > HOPELESS * reads and curve:
            break
        step = math.floor(confidences[k] * 1e6) / 1e6
        if not curve or wrong <= 20 or reads >= 1.02 * curve[-1][1] or following is None:
            curve.append((step, reads, wrong))
    return curve


def features(evidence: Sequence[float]) -> np.ndarray:
    """Return what the curve is fitted to.

    `evidence`: the share of the best string among the strings of the grammar, the share of ink
    outside of it, its number of characters; then, of every engine, the share of the grammar
    among all strings; then, where there are two, what each grants to the best string.
    """
    posterior, lost, length, *more = evidence
    engines = 1 if len(more) < 2 else len(more) // 2
    shares = np.log(np.clip(more[:engines], FLOOR, 1.0))
    odds = [log_odds(p) for p in (posterior, *more[engines:])]
    return np.array([1.0, lost, length / 10, *shares, *odds])


def log_odds(p: float) -> float:
    """Return log p / (1 - p), bounded: the last digits of a posterior mean nothing."""
    p = min(max(p, CERTAIN), 1 - CERTAIN)
    return math.log(p / (1 - p))


def fit(
    evidence: Sequence[Sequence[float]], right: np.ndarray, ridge: float = 1.0
) -> Calibration:
    """Fit the curve to evidence (n of equal length) and truths (n,) bool by Newton's method.

    `ridge` holds it to the posterior alone: where readings are few, the other witnesses say
    more about these than about others.
    """
    x = np.stack([features(e) for e in evidence])
    y = right.astype(float)
    posterior = 2 + len(evidence[0]) // 2
    alone = np.zeros(x.shape[1])
    alone[posterior] = 1.0
    held = np.full(x.shape[1], ridge)
    held[[0, posterior]] = 1.0
    w = alone.copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (y - p) - held * (w - alone)
        bend = (x * (p * (1 - p))[:, None]).T @ x + np.diag(held)
        step = np.linalg.solve(bend, slope)
        w += step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(tuple(round(float(v), 6) for v in w))
