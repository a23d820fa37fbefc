"""The published tables again: every figure beside ours, measured by this program.

A job trains or loads what its rows need. In full it trains; quick, it measures the weights
that come with the program, takes the time from their provenance, and trains only what takes
seconds; networks without weights are left out. Times are processor time of the training, which
other programs on the machine change little. `update` writes a table into a document, between
two marks.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenet.boosting import train_committee
from lenet.data import DataError, digits_1988, read, split_by_drawing
from lenet.distortions import DISTORTIONS, Distortion
from lenet.evaluation import Evaluation, evaluate
from lenet.networks import WEIGHTS, Committee, Network, load
from lenet.training import train

SEEDS, FEW_SEEDS = 10, 3  # means over so many starts; quick
APART = 10_000  # training digits that Nielsen's networks do not learn
BEGIN, END = "<!-- lenet reproduce {} -->", "<!-- end of {} -->"
DOCUMENT = Path("docs/then-and-now.md")


@dataclass(frozen=True, slots=True)
class Result:
    """One row: what was measured, in %, as published and as found here.

    `spread` is the standard deviation over `runs` starts; `seconds` the
    processor time of one training, or None.
    """

    what: str
    published: float | None
    ours: float
    seconds: float | None = None
    runs: int = 1
    spread: float = 0.0

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as text: what, paper, ours, difference, time."""
        spread = f" ± {self.spread:.1f} ({self.runs} starts)" if self.runs > 1 else ""
        paper = "–" if self.published is None else f"{self.published:g} %"
        digits = 1 if self.runs > 1 else 2
        difference = "–"
        if self.published is not None:
            difference = f"{self.ours - self.published:+.{digits}f}"
        clock = "–" if self.seconds is None else duration(self.seconds)
        return self.what, paper, f"{self.ours:.{digits}f} %{spread}", difference, clock


HEADS = ("what", "paper", "ours", "difference", "CPU time")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reproduce: quick or in full, where the data lie, whom to tell."""

    quick: bool
    folder: str | Path | None
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Table:
    """A published table: its title, where it stands, and what measures its rows."""

    name: str
    title: str
    source: str
    jobs: Sequence[Callable[[Settings], list[Result]]]


def duration(seconds: float) -> str:
    """Return a time as ``4 s`` or ``2 min 42 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


# ---- the five networks of 1988


def toy(name: str, published: float) -> Callable[[Settings], list[Result]]:
    """Return the job of a network of 1988: % right, split as published and by drawing."""

    def job(settings: Settings) -> list[Result]:
        images, labels, drawings = digits_1988(settings.folder)
        network = load(name, trained=False)
        runs = FEW_SEEDS if settings.quick else SEEDS
        found = []
        for what, given in (("320/160 as published", published), ("split by drawing", None)):
            right = []
            clock = time.process_time()
            for seed in range(1, runs + 1):
                if given is None:
                    learn, test = split_by_drawing(labels, drawings, seed)
                else:
                    learn, test = np.arange(320), np.arange(320, 480)
                train(network, images[learn], labels[learn], seed=seed)
                answers = network.classify(images[test])
                right.append(100 * float(np.mean(answers == labels[test])))
            each = (time.process_time() - clock) / runs
            label = f"{name.replace('net', 'Net-')}, {what}: right"
            mean, spread = float(np.mean(right)), float(np.std(right, ddof=1))
            found.append(Result(label, given, mean, each, runs, spread))
        return found

    return job


# ---- networks with shipped weights


def measured(
    name: str,
    label: str,
    published: float,
    rejects: tuple[float, float] | None = None,
    learning: float | None = None,
    distort: str = "",
    file: str = "",
) -> Callable[[Settings], list[Result]]:
    """Return the job of a larger network: error on its test digits, seed 1.

    `learning` is the published error on the training digits; `rejects` the error % asked of
    the accepted digits and the published share of rejects; `distort` names the distortion
    under which it learned. `file` holds the weights, NAME.wei unless given.
    """
    weights = WEIGHTS / (file or f"{name}.wei")

    def job(settings: Settings) -> list[Result]:
        if settings.quick and not weights.is_file():
            settings.tell(f"{weights.stem}: left out, no weights come with the program")
            return []
        network = load(name, trained=False)
        seconds = ready(network, settings, weights, DISTORTIONS.get(distort))
        found = []
        if learning is not None:
            known = read(network.recipe.data, "train", settings.folder)
            share = 100 * evaluate(network, *known).error
            found.append(Result(f"{label}: errors on the training digits", learning, share))
        judged = evaluate(network, *read(network.recipe.data, "test", settings.folder))
        found.append(
            Result(
                f"{label}: errors on the test digits", published, 100 * judged.error, seconds
            )
        )
        if rejects is not None:
            found.append(rejected(label, judged, *rejects))
        return found

    return job


def distorted(name: str, label: str, published: float) -> Callable[[Settings], list[Result]]:
    """Return the job of a network that learns affine distortions: NAME-distorted.wei."""
    return measured(
        name,
        f"{label}, distortions",
        published,
        distort="affine",
        file=f"{name}-distorted.wei",
    )


def ready(
    network: Network | Committee, settings: Settings, file: Path, distort: Distortion | None
) -> float | None:
    """Give a network weights, from a file or by training; return how long training took.

    In seconds of processor time; None where the provenance of the weights does not say.
    """
    if settings.quick:
        return network.load_weights(file).get("cpu_seconds")
    clock = time.process_time()
    images, labels = read(network.recipe.data, "train", settings.folder)
    how = {
        "distort": distort,
        "progress": lambda done: settings.tell(f"{file.stem}: {done.to_line()}"),
    }
    if isinstance(network, Committee):
        train_committee(network, images, labels, tell=settings.tell, **how)
    else:
        train(network, images, labels, **how)
    return time.process_time() - clock


def rejected(label: str, judged: Evaluation, error: float, published: float) -> Result:
    """Return the share of rejects that leaves `error` % of errors among the rest."""
    share = judged.rejects_for(error / 100)
    ours = 100.0 if share is None else 100 * share
    return Result(f"{label}: rejects for {error:g} % error on the rest", published, ours)


# ---- Nielsen's ladder


def rung(
    name: str,
    label: str,
    published: float,
    short: Sequence[tuple[int, float]],
    distort: str = "",
    alone: tuple[str, float] | None = None,
) -> Callable[[Settings], list[Result]]:
    """Return the job of a row of Nielsen's chapter 6: % right, learned from 50,000 digits.

    Quick, the schedule is `short`, ((passes, rate), ...), instead of the script's. `alone` is
    the label and published figure of a committee's first member, the row above.
    """

    def job(settings: Settings) -> list[Result]:
        images, labels = read("mnist", "train", settings.folder)
        digits, answers = images[:-APART], labels[:-APART]
        test = read("mnist", "test", settings.folder)
        network = load(name, trained=False)
        schedule = tuple(short) if settings.quick else network.recipe.schedule
        how = {
            "schedule": schedule,
            "distort": DISTORTIONS.get(distort),
            "progress": lambda done: settings.tell(f"{name}: {done.to_line()}"),
        }
        clock = time.process_time()
        if isinstance(network, Committee):
            train_committee(network, digits, answers, tell=settings.tell, **how)
        else:
            train(network, digits, answers, **how)
        seconds = time.process_time() - clock
        length = f"{sum(count for count, _ in schedule)} passes"
        judged = [(label, published, network, seconds)]
        if isinstance(network, Committee) and alone:
            first = network.members[0]
            judged.insert(0, (*alone, first, seconds / len(network.members)))
        return [
            Result(f"{text}, {length}: right", known, 100 - 100 * evaluate(who, *test).error, t)
            for text, known, who, t in judged
        ]

    return job


ZIPCODE = 5.0, (1.0, 12.1), 0.14  # published: test errors, rejects, training errors

TABLES = (
    Table(
        "toy",
        "Five networks, 480 digits drawn with a mouse",
        "LeCun 1989, Generalization and network design strategies",
        (
            toy("net1", 80.0),
            toy("net2", 87.0),
            toy("net3", 88.5),
            toy("net4", 94.0),
            toy("net5", 98.4),
        ),
    ),
    Table(
        "zipcode",
        "Zip-code digits, 23 passes",
        "LeCun et al. 1989, Neural Computation 1(4)",
        (
            measured("zipcode", "9,760 weights", *ZIPCODE),
            measured("zipcode-moved", "the same, of moved digits", *ZIPCODE, distort="moved"),
        ),
    ),
    Table(
        "mnist",
        "MNIST, 60,000 training and 10,000 test digits",
        "LeCun, Bottou, Bengio and Haffner 1998, figures 9 and 10",
        (
            measured("lenet1", "LeNet-1", 1.7, (0.5, 3.7)),
            measured("lenet4", "LeNet-4", 1.1, (0.5, 1.8)),
            measured("lenet5", "LeNet-5", 0.95),
            distorted("lenet5", "LeNet-5", 0.8),
            measured("boosted-lenet4", "boosted LeNet-4", 0.7, (0.5, 0.5), distort="affine"),
        ),
    ),
    Table(
        "connected",
        "MNIST, one layer and fully connected networks",
        "LeCun, Bottou, Bengio and Haffner 1998, figures 9 and 10",
        (
            measured("linear", "linear, 20 x 20", 12.0),
            measured("full300", "28 x 28-300-10", 4.7),
            distorted("full300", "28 x 28-300-10", 3.6),
            measured("full1000", "28 x 28-1000-10", 4.5),
            distorted("full1000", "28 x 28-1000-10", 3.8),
            measured("full300-100", "28 x 28-300-100-10", 3.05),
            distorted("full300-100", "28 x 28-300-100-10", 2.5),
            measured("full500-150", "28 x 28-500-150-10", 2.95),
            distorted("full500-150", "28 x 28-500-150-10", 2.45),
            measured("deslanted300", "20 x 20 deslanted-300-10", 1.6, (0.5, 3.2)),
        ),
    ),
    Table(
        "ladder",
        "MNIST, Nielsen's ladder",
        "Nielsen 2015, Neural networks and deep learning, chapter 6",
        (
            rung("ladder1", "100 units", 97.80, ((10, 0.3), (5, 0.1), (5, 0.03))),
            rung("ladder2", "20 maps, 100 units", 98.78, ((5, 0.3), (2, 0.1), (1, 0.03))),
            rung("ladder3", "20 and 40 maps", 99.06, ((5, 0.3), (2, 0.1), (1, 0.03))),
            rung("ladder4", "the same, rectifiers", 99.23, ((4, 0.1), (2, 0.03), (2, 0.01))),
            rung(
                "ladder4",
                "the same, shifted digits",
                99.37,
                ((5, 0.1), (2, 0.03), (1, 0.01)),
                "shift",
            ),
            rung(
                "ladder-wide",
                "the same, 300 units",
                99.46,
                ((5, 0.1), (2, 0.03), (1, 0.01)),
                "shift",
            ),
            rung(
                "ladder-vote",
                "five of these",
                99.67,
                ((12, 0.1), (6, 0.03), (2, 0.01)),
                "shift",
                ("1,000 and 1,000 units, dropout", 99.60),
            ),
        ),
    ),
)


def table_names() -> list[str]:
    """Return the names of the tables."""
    return [table.name for table in TABLES]


def reproduce(
    name: str | None, settings: Settings, show: Callable[[Table, list[Result]], None]
) -> dict[str, list[Result]]:
    """Measure the rows of one table, or of all; `show` is given each when it is done.

    Raises DataError for an unknown name or missing digits.
    """
    chosen = [table for table in TABLES if name in (None, table.name)]
    if not chosen:
        raise DataError(f"no table {name!r}; there are {', '.join(table_names())}")
    found = {}
    for table in chosen:
        rows = [row for job in table.jobs for row in job(settings)]
        if rows:
            found[table.name] = rows
            show(table, rows)
    return found


def markdown(table: Table, rows: Sequence[Result], how: str) -> str:
    """Return a table as Markdown, between its marks; `how` is the command that made it."""
    lines = [BEGIN.format(table.name), f"### {table.title}", "", f"{table.source}. `{how}`", ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|---|--:|--:|--:|--:|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join([*lines, END.format(table.name)])


def update(document: Path, name: str, text: str) -> None:
    """Put a table between its marks in a document, or at the end if it has none yet."""
    whole = document.read_text(encoding="utf-8") if document.is_file() else "# Then and now\n"
    first, last = BEGIN.format(name), END.format(name)
    if first in whole and last in whole:
        before, rest = whole.split(first, 1)
        whole = before + text + rest.split(last, 1)[1]
    else:
        whole = whole.rstrip("\n") + "\n\n" + text + "\n"
    document.write_text(whole, encoding="utf-8")
