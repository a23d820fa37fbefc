"""The commands `lenet train` and `lenet reproduce`."""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as TextTable

from lenet import reproduce
from lenet.boosting import member_checkpoint, train_committee
from lenet.canvas import check_name
from lenet.curves import learning_picture
from lenet.data import DataError, read
from lenet.distortions import DISTORTIONS
from lenet.evaluation import evaluate
from lenet.networks import Committee, load, members_of
from lenet.scripts import check_digits
from lenet.training import digest_of, train
from sn.command import commit, version


def train_network(args: argparse.Namespace, data: str, folder: str | None) -> int:
    """Train from new weights, with a checkpoint after every pass, and write the weights.

    `data` names a set ("": the script's own) and `folder` where it lies.
    """
    if args.plot:
        check_name(Path(args.plot))
    network = load(args.name, trained=False)
    data = data or network.recipe.data
    images, labels = read(data, "train", folder)
    kept = None
    if args.validation:
        images, labels, kept = held_out(images, labels, args.validation)
    for member in members_of(network):
        check_digits(member, 10, images, data)
    file = Path(args.output) if args.output else new_weights(args.name)
    checkpoint = file.with_name(f"{file.stem}.checkpoint.npz")
    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=args.quiet or not console.is_terminal,
    )
    if not args.quiet:
        again = ", going on from a checkpoint" if checkpoint.is_file() else ""
        console.print(f"{network.name}: {len(labels):,} digits, seed {args.seed}{again}")
    told = None if args.quiet else console.print
    with bar:
        task = bar.add_task("training", total=1.0)
        how = {
            "seed": args.seed,
            "passes": args.passes,
            "distort": DISTORTIONS.get(args.distort),
            "validation": kept,
            "checkpoint": checkpoint,
            "progress": told and (lambda done: told(done.to_line())),
            "step": lambda share: bar.update(task, completed=share),
        }
        if isinstance(network, Committee):
            passes = train_committee(network, images, labels, tell=told, **how)
            files = [member_checkpoint(checkpoint, k) for k in range(len(network.members))]
        else:
            passes = train(network, images, labels, **how)
            files = [checkpoint]
    judged = evaluate(network, *(kept or read(data, "test", folder)))
    measured = "validation_error" if args.validation else "test_error"
    command = f"lenet train {args.name} --seed {args.seed}"
    command += f" --passes {args.passes}" if args.passes else ""
    command += f" --distort {args.distort}" if args.distort else ""
    command += f" --validation {args.validation}" if args.validation else ""
    network.save_weights(
        file,
        {
            "command": command,
            "version": version(),
            "commit": commit(),
            "seed": args.seed,
            "passes": len(passes),
            "data": {f"{data} training digits": digest_of(images, labels)},
            "training_error": passes[-1].training_error,
            measured: judged.error,
            "cpu_seconds": round(sum(done.seconds for done in passes), 1),
        },
    )
    for made in files:
        made.unlink(missing_ok=True)
    if args.plot:
        what = f"last {args.validation:,} digits" if args.validation else ""
        learning_picture(passes, network.name, what).save(Path(args.plot))
    print(f"{file}: {measured.replace('_', ' ')} {judged.error:.2%}")
    if not args.quiet:
        weights = "" if args.name.endswith(".sn") else f" --weights {file}"
        console.print(f"next: lenet evaluate {args.name}{weights}")
    return 0


def held_out(
    images: np.ndarray, labels: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Split the last `count` digits off: images, labels, and both of those kept apart."""
    if not 0 < count < len(labels):
        raise DataError(f"--validation takes 1 to {len(labels) - 1:,} digits, not {count:,}")
    return images[:-count], labels[:-count], (images[-count:], labels[-count:])


def new_weights(name: str) -> Path:
    """Return where new weights go: into this folder, or beside one's own script."""
    return Path(name).with_suffix(".wei") if name.endswith(".sn") else Path(f"{name}.wei")


def reproduce_tables(args: argparse.Namespace) -> int:
    """Measure published tables again, print them, and write them into the document."""
    document = Path(args.output) if args.output else reproduce.DOCUMENT
    wanted = bool(args.output) or document.is_file()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    progress = Console(stderr=True, highlight=False)
    settings = reproduce.Settings(args.quick, args.data, progress.print)
    how = " ".join(
        ["lenet reproduce", *([args.table] if args.table else []), *["--quick"] * args.quick]
    )

    def show(table: reproduce.Table, rows: list[reproduce.Result]) -> None:
        text = TextTable(box=SIMPLE_HEAD, title=table.title, title_style="bold")
        for head in reproduce.HEADS:
            text.add_column(head, justify="left" if head == "what" else "right")
        for row in rows:
            text.add_row(*row.cells())
        console.print(text)
        if wanted:
            reproduce.update(document, table.name, reproduce.markdown(table, rows, how))

    reproduce.reproduce(args.table, settings, show)
    if wanted:
        print(f"{document}: written")
    return 0
