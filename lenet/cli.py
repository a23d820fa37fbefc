"""The command `lenet`: tables, training and measuring of the networks."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sn.command import Parser, commit, run, version

PROGRAM = "lenet"


def parser() -> Parser:
    """Return the parser of the command."""
    top = Parser(
        prog=PROGRAM,
        description="Networks of 1989 to 1998 as SN scripts: tables, training, measuring.",
    )
    top.add_argument("--version", action="store_true", help="print the version")
    add = top.add_commands()
    name = {"metavar": "NAME", "help": "a network (see lenet list) or a script, my-net.sn"}

    add("list", "list the networks", run_list)
    table = add("table", "print the layers of a network, counted on the live object", run_table)
    table.add_argument("name", **name)
    draw = add("draw", "draw the layers of a network as the 1998 paper did", run_draw)
    draw.add_argument("name", **name)
    draw.add_argument("-o", dest="output", metavar="FILE", help="SVG or PNG; default NAME.svg")
    train = add("train", "train a network on MNIST", run_train)
    train.add_argument("name", **name)
    train.add_argument("--data", metavar="DIR", help="the data folder; default $SN_DATA")
    train.add_argument("--passes", type=int, metavar="N", help="default: the script's schedule")
    train.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    train.add_argument("-o", dest="output", metavar="FILE", help="default NAME.wei")
    train.add_argument("-q", "--quiet", action="store_true", help="no progress")
    evaluate = add(
        "evaluate", "measure a trained network on the MNIST test digits", run_evaluate
    )
    evaluate.add_argument("name", **name)
    evaluate.add_argument("--data", metavar="DIR", help="the data folder; default $SN_DATA")
    evaluate.add_argument("--weights", metavar="FILE", help="default: the shipped weights")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(PROGRAM, argv, _work)


def _work(arguments: list[str]) -> int:
    top = parser()
    args = top.parse(arguments)
    if args.version:
        print(PROGRAM, version())
        return 0
    if not args.command:
        top.print_help()
        return 0
    return args.run(args)


def run_list(args: argparse.Namespace) -> int:
    """Print the names of the networks."""
    from lenet.networks import names

    print("\n".join(names()))
    return 0


def run_table(args: argparse.Namespace) -> int:
    """Print the table of layers and the connection tables."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from lenet.networks import load
    from lenet.tables import connection_tables, layer_rows

    network = load(args.name, trained=False)
    rows = layer_rows(network)
    table = Table(box=SIMPLE_HEAD, show_footer=True, title=network.name, title_style="bold")
    fixed = sum(row.fixed for row in rows)
    footers = ("total", "", "", f"{sum(r.units for r in rows):,}")
    footers += (f"{sum(r.weights for r in rows):,}", f"{sum(r.connections for r in rows):,}")
    heads = ("layer", "maps", "kind", "units", "weights", "connections")
    for head, footer in zip(heads, footers, strict=True):
        right = head in heads[3:]
        table.add_column(head, footer, justify="right" if right else "left")
    for row in rows:
        table.add_row(
            row.name,
            row.size,
            row.kind,
            f"{row.units:,}",
            f"{row.weights:,}" + (f" (+{row.fixed:,} fixed)" if row.fixed else ""),
            f"{row.connections:,}",
        )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    console.print(table)
    if fixed:
        print(f"fixed weights are not trained: {fixed:,}")
    for layer, sees in connection_tables(network).items():
        print(f"\n{layer}: which maps each map sees")
        most = max(max(r, default=0) for r in sees) + 1
        print("     " + " ".join(f"{k:>2}" for k in range(len(sees))))
        for source in range(most):
            print(f"  {source:>2} " + " ".join(" X" if source in r else " ." for r in sees))
    return 0


def run_draw(args: argparse.Namespace) -> int:
    """Draw the architecture."""
    from lenet.canvas import check_name
    from lenet.drawing import draw
    from lenet.networks import load

    file = Path(args.output or f"{Path(args.name).stem}.svg")
    check_name(file)
    draw(load(args.name, trained=False), file)
    print(file)
    return 0


def run_train(args: argparse.Namespace) -> int:
    """Train from new weights, with a checkpoint after every pass."""
    import hashlib

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lenet.data import mnist
    from lenet.networks import load
    from lenet.training import train

    network = load(args.name, trained=False)
    images, labels = mnist("train", args.data)
    test = mnist("test", args.data)
    file = Path(args.output or f"{network.name}.wei")
    checkpoint = file.with_name(f"{file.stem}.checkpoint.wei")
    console = Console(stderr=True, highlight=False)
    start = time.perf_counter()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=args.quiet or not console.is_terminal,
    )
    console.print(f"{network.name}: {len(labels):,} digits, seed {args.seed}")
    with bar:
        task = bar.add_task("training", total=1.0)

        passes = train(
            network,
            images,
            labels,
            seed=args.seed,
            passes=args.passes,
            test=test,
            checkpoint=checkpoint,
            progress=None if args.quiet else lambda done: console.print(done.to_line()),
            step=lambda share: bar.update(task, completed=share),
        )
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    last = passes[-1]
    network.save_weights(
        file,
        {
            "command": f"lenet train {args.name} --seed {args.seed}",
            "version": version(),
            "commit": commit(),
            "seed": args.seed,
            "passes": len(passes),
            "data": {"MNIST training digits": digest},
            "training_error": last.training_error,
            "test_error": last.test_error,
            "seconds": round(time.perf_counter() - start, 1),
        },
    )
    for part in (checkpoint, checkpoint.with_suffix(".json")):
        part.unlink(missing_ok=True)
    print(f"{file}: test error {last.test_error:.2%}")
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Print the error and the confusion matrix on the test digits."""
    import numpy as np

    from lenet.data import mnist, retina
    from lenet.networks import load

    weights = Path(args.weights) if args.weights else None
    network = load(args.name, weights)
    images, labels = mnist("test", args.data)
    answers = network.classify(retina(images))
    missed = int(np.sum(answers != labels))
    print(f"{network.name}: {missed} of {len(labels):,} wrong, {missed / len(labels):.2%}")
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, answers), 1)
    print("\ntrue \\ answer" + "".join(f"{k:>6}" for k in range(10)))
    for k, row in enumerate(matrix):
        print(f"{k:>13}" + "".join(f"{n or '.':>6}" for n in row))
    return 0
