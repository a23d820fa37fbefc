"""How well a labelled folder is read: correct, wrong, reject, with intervals and the curve.

A string counts by what it means (`pipeline.views.meaning`): ``98 98/100`` is ``98.98``.
Beside it stand the published figures of 1998 (LeCun et al., section X), of other data.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.batch import Job, Outcome
from pipeline.expectations import table
from pipeline.records import Reading
from sn.errors import SnError

Z = 1.959964  # of a two-sided 95 % interval
# (name, correct, wrong, reject) in per cent of 646 machine-printed business checks.
PUBLISHED = (
    ("1998: graph transformer network", 82, 1, 17),
    ("1998: the system before it", 68, 1, 31),
    ("1998: threshold of economy", 50, 1, 49),
)
NOT_COMPARABLE = (
    "1998: 646 real business checks; the data differ, so the figures do not compare"
)


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high), 0...1, of a share after Wilson (1927).

    >>> low, high = wilson(0, 10)
    >>> (low, round(high, 3))
    (0.0, 0.278)
    """
    if not of:
        return 0.0, 1.0
    p, zz = count / of, Z * Z
    middle = (p + zz / (2 * of)) / (1 + zz / of)
    half = Z / (1 + zz / of) * (p * (1 - p) / of + zz / (4 * of * of)) ** 0.5
    return (
        0.0 if count == 0 else max(0.0, middle - half),
        1.0 if count == of else min(1.0, middle + half),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled image: what stands there, what was made of it.

    `guess` is the best string, None without one; `reason` is None for a read, the reason of a
    reject, or ``failed`` for an input that could not be read. `threshold` is the confidence
    that a read needed: on whole checks it may be another one than in single fields.
    """

    name: str
    truth: str
    guess: str | None
    right: bool
    confidence: float
    reason: str | None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The cases of a folder and the threshold in force for most of them."""

    cases: Sequence[Case]
    threshold: float

    @property
    def counts(self) -> tuple[int, int, int]:
        """Correct, wrong and rejected cases."""
        read = [c.right for c in self.cases if c.reason is None]
        return sum(read), len(read) - sum(read), len(self.cases) - len(read)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """How many were rejected for each reason, the commonest first."""
        return Counter(c.reason for c in self.cases if c.reason).most_common()

    @property
    def promised(self) -> float:
        """The share of wrong ones among the reads that their confidences announce."""
        doubts = [1 - c.confidence for c in self.cases if c.reason is None]
        return sum(doubts) / len(doubts) if doubts else 0.0

    def curve(self) -> list[tuple[float, int, int]]:
        """Return (threshold, reads, wrong ones) for every threshold, highest first.

        Cases rejected for another reason than their confidence are read at no threshold.
        """
        ranked = sorted(
            (c for c in self.cases if c.reason in (None, "ambiguous") and c.guess is not None),
            key=lambda c: -c.confidence,
        )
        points, wrong = [], 0
        for reads, case in enumerate(ranked, 1):
            wrong += not case.right
            if reads == len(ranked) or ranked[reads].confidence < case.confidence:
                points.append((case.confidence, reads, wrong))
        return points

    def to_record(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        correct, wrong, rejected = self.counts
        total = len(self.cases)
        return {
            "schema": "check-reader.evaluation/1",
            "images": total,
            "threshold": self.threshold,
            **{
                name: {"count": n, "interval": [round(x, 6) for x in wilson(n, total)]}
                for name, n in (("correct", correct), ("wrong", wrong), ("reject", rejected))
            },
            "reasons": dict(self.reasons),
            "wrong_among_reads": wrong / (correct + wrong) if correct + wrong else None,
            "promised": round(self.promised, 6),
            "curve": [[round(t, 6), reads, bad] for t, reads, bad in self.curve()],
        }


def usual_threshold(cases: Sequence[Case], otherwise: float) -> float:
    """Return the threshold most cases were held against."""
    known = Counter(c.threshold for c in cases if c.threshold is not None)
    return known.most_common(1)[0][0] if known else otherwise


def labelled(folder: str, labels: str | None = None) -> dict[str, str]:
    """Return what stands in the images of a folder: path to text, in the order of the table.

    `labels` names the table, ``labels.tsv`` in the folder by default. Raises SnError when it
    cannot be read or names nothing.
    """
    if not Path(folder).is_dir():
        raise SnError(f"{folder}: no such folder")
    texts = table(labels or str(Path(folder) / "labels.tsv"), str)
    if not texts:
        raise SnError(f"{labels or folder}: no labels. Two columns are expected: file, text")
    return {str(Path(folder) / name): text for name, text in texts.items()}


def evaluated(
    outcomes: Iterable[tuple[Job, Outcome | None]], truths: dict[str, str], grammar: str
) -> Iterator[Case]:
    """Yield one case for each input; of files of several pages the first page counts."""
    from pipeline.views import meaning

    case: Case | None = None
    for job, outcome in outcomes:
        truth = truths[job.name]
        if outcome is None:
            if case is not None:
                yield case
            case = None
        elif isinstance(outcome, Reading) and case is None:
            guess = outcome.best_guess
            right = guess is not None and (
                meaning(grammar, guess) == meaning(grammar, truth.replace("$ ", "$"))
            )
            sure, least = outcome.confidence, outcome.threshold
            case = Case(job.name, truth, guess, right, sure, outcome.reason, least)
        elif case is None:
            case = Case(job.name, truth, None, False, 0.0, "failed")


def report(found: Evaluation, *, published: bool = False) -> list[str]:
    """Return the table for people, line by line."""
    total = len(found.cases)
    counts = found.counts
    lines = [f"{'':<32} {'images':>7} {'share':>8}   95 % interval"]
    for name, count in zip(("correct", "wrong", "reject"), counts, strict=True):
        low, high = wilson(count, total)
        share = f"{100 * count / total:.1f} %"
        lines.append(
            f"{name:<32} {count:>7} {share:>8}   {100 * low:.1f} to {100 * high:.1f} %"
        )
    lines += [f"  {reason.replace('_', ' '):<30} {n:>7}" for reason, n in found.reasons]
    reads, wrong = counts[0] + counts[1], counts[1]
    if reads:
        _, high = wilson(wrong, reads)
        lines.append(
            f"wrong among the reads: {100 * wrong / reads:.1f} % (at most {100 * high:.1f} %); "
            f"announced by the confidences: {100 * found.promised:.1f} %"
        )
    for borne in (0.01, 0.02):
        kept = [n for _, n, k in found.curve() if k <= borne * total]
        share = max(kept, default=0) / total
        lines.append(
            f"with at most {borne:.0%} of all wrong, {100 * share:.1f} % could be read"
        )
    lines.append(f"threshold {found.threshold:g}, {total} images")
    if published:
        lines += ["", f"{'per cent':<40} {'correct':>8} {'wrong':>6} {'reject':>7}"]
        ours = [100 * n / total for n in counts]
        lines.append(f"{'here':<40} {ours[0]:>8.1f} {ours[1]:>6.1f} {ours[2]:>7.1f}")
        lines += [f"{name:<40} {a:>8} {b:>6} {c:>7}" for name, a, b, c in PUBLISHED]
        lines.append(NOT_COMPARABLE)
    return lines
