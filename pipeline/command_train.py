"""What ``check-reader train`` does: a network from nothing, all of them, or own fields."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sn.command import Usage, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

PROGRAM = "check-reader train"
OWN = "own-weights"  # where weights of own fields go
OF_FIELDS = {
    "labels": "--labels",
    "held_out": "--held-out",
    "grammar": "--grammar",
    "weights": "--weights",
}
OF_LINES = {
    "engine": "--engine",
    "net": "--net",
    "mix": "--mix",
    "criterion": "--criterion",
    "lines": "--lines",
    "start": "--from",
}
OF_ONE = OF_FIELDS | OF_LINES | {"seed": "--seed", "passes": "--passes"}
WIDE = {"net": "strip-wide"}
PHONE = {"mix": "phone", "lines": 80_000, "passes": 8}
# How the weights of the program are made: file, engine, and what its training is given.
SHIPPED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("character-1", "hos", {}),
    ("character-2", "hos", {"seed": 9, "lines": 40_000, "start": "character-1"}),
    ("character-3", "hos", {"seed": 12, "lines": 80_000, "start": "character-2"}),
    ("character", "hos", {"criterion": "strings", "seed": 15, "start": "character-3"}),
    ("strip-1", "sdnn", {}),
    ("strip-2", "sdnn", {"seed": 2, "lines": 60_000, "passes": 3, "start": "strip-1"}),
    ("strip-3", "sdnn", {"seed": 7, "passes": 4, "start": "strip-2"}),
    ("strip", "sdnn", {"seed": 11, "passes": 6, "start": "strip-3"}),
    ("strip-wide-1", "sdnn", WIDE | {"seed": 3, "passes": 12}),
    ("strip-wide-2", "sdnn", WIDE | {"seed": 6, "passes": 8, "start": "strip-wide-1"}),
    (
        "strip-wide-3",
        "sdnn",
        WIDE | {"seed": 8, "lines": 100_000, "passes": 4, "start": "strip-wide-2"},
    ),
    ("strip-wide", "sdnn", WIDE | {"seed": 10, "passes": 6, "start": "strip-wide-3"}),
    ("phone", "sdnn", PHONE | {"seed": 31, "start": "strip"}),
    ("phone-wide", "sdnn", PHONE | WIDE | {"seed": 32, "start": "strip-wide"}),
)
CALIBRATION = {"seed": 5, "lines": 20_000}
Steps = Callable[[str, float], None]


def run_train(args: argparse.Namespace) -> int:
    """Train; an interrupted training goes on where it was."""
    fields = args.field_data is not None
    if args.all and fields:
        raise Usage(f"{PROGRAM}: --all trains from nothing")
    for name, option in (OF_ONE if args.all else OF_LINES if fields else OF_FIELDS).items():
        if getattr(args, name) is not None:
            other = "trains from nothing" if fields else "goes with --field-data FOLDER"
            raise Usage(f"{PROGRAM}: {option} {'is part of --all' if args.all else other}")
    args.seed = 1 if args.seed is None else args.seed
    work = train_all if args.all else train_fields if fields else train_lines
    with bars() as (console, progress):
        return work(args, console, progress)


@contextmanager
def bars() -> "Iterator[tuple[Console, Steps]]":
    """Show a bar for every step told of, on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=1.0)
            bar.update(tasks[name], completed=share)

        yield console, progress


def training(engine: str, criterion: str | None = None) -> Callable[..., dict[str, Any]]:
    """Return what trains a network of an engine by a criterion."""
    from pipeline.training import train_recognizer
    from pipeline.training_cuts import train_cuts
    from pipeline.training_strips import train_strips

    if criterion == "strings":
        return train_cuts
    return train_recognizer if engine == "hos" else train_strips


def train_all(args: argparse.Namespace, console: "Console", progress: Steps) -> int:
    """Train all networks of the program one after the other, then fit the confidence.

    What stands in the folder is not trained again.
    """
    from lenet.data import data_folder
    from pipeline.calibration import calibrate

    data, folder = data_folder(args.data), Path(args.output or OWN)
    folder.mkdir(parents=True, exist_ok=True)
    for name, engine, given in SHIPPED:
        file = folder / f"{name}.wei"
        if file.with_suffix(".json").is_file():
            continue
        settings = dict(given)
        if "start" in given:
            settings["start"] = folder / f"{given['start']}.wei"
        notes = training(engine, settings.pop("criterion", None))(
            data,
            file,
            **settings,
            progress=lambda step, share, name=name: progress(f"{name}, {step}", share),
            tell=lambda done, name=name: console.print(f"{name}: {done.to_line()}"),
        )
        print(f"{printable(str(file))}: {notes['test_error']:.2%} of held-out misread")
    calibrate(
        data, folder, **CALIBRATION, progress=lambda share: progress("calibrating", share)
    )
    print(f"read with them: check-reader read --weights {printable(str(folder))}")
    return 0


def train_lines(args: argparse.Namespace, console: "Console", progress: Steps) -> int:
    """Train one recognizer on synthetic lines."""
    from lenet.data import data_folder

    engine = args.engine or "hos"
    given = {n: v for n in ("lines", "passes") if (v := getattr(args, n)) is not None}
    if args.start is not None:
        given["start"] = Path(args.start)
    for name in ("net", "mix"):
        if (value := getattr(args, name)) is not None:
            if engine == "hos":
                raise Usage(f"{PROGRAM}: --{name} goes with --engine sdnn")
            given[name] = value
    strings = args.criterion == "strings"
    if args.criterion is not None and engine == "sdnn":
        raise Usage(f"{PROGRAM}: --criterion goes with --engine hos")
    if strings and args.start is None:
        raise Usage(f"{PROGRAM}: --criterion strings goes on from weights: --from FILE")
    if strings and args.passes is not None:
        raise Usage(f"{PROGRAM}: --criterion strings sees no line twice: give --lines")
    output = "character.wei" if engine == "hos" else f"{args.net or 'strip'}.wei"
    what = "candidates misnamed" if engine == "hos" and not strings else "lines misread"
    notes = training(engine, args.criterion)(
        data_folder(args.data),
        Path(args.output or output),
        seed=args.seed,
        progress=progress,
        tell=lambda done: console.print(done.to_line()),
        **given,
    )
    where = printable(args.output or output)
    print(f"{where}: {notes['test_error']:.2%} of held-out {what}")
    return 0


def train_fields(args: argparse.Namespace, console: "Console", progress: Steps) -> int:
    """Fine-tune both engines on labelled fields; the report goes to stdout."""
    import os

    from lenet.data import data_folder
    from pipeline.command_read import grammar_of
    from pipeline.field_data import HELD_OUT, fine_tune
    from pipeline.recognition import WEIGHTS

    args.grammar = args.grammar or "amount"
    output = Path(args.output or OWN)
    report = fine_tune(
        args.field_data,
        output,
        labels=args.labels,
        grammar=grammar_of(args),
        start=Path(args.weights) if args.weights else WEIGHTS,
        data=data_folder(args.data) if args.data or os.environ.get("SN_DATA") else None,
        seed=args.seed,
        held_out=HELD_OUT if args.held_out is None else args.held_out,
        passes=args.passes,
        progress=progress,
        tell=console.print,
    )
    print("\n".join(report))
    print(f"read with them: check-reader read --weights {printable(str(output))}")
    return 0
