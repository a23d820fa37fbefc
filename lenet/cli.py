"""The command `lenet`: tables, training and measuring of the networks."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sn.command import Parser, Usage, run, version

if TYPE_CHECKING:
    from lenet.evaluation import Evaluation

PROGRAM = "lenet"
DATA = "a set (see lenet data) or the data folder; default: the script's set, $SN_DATA"


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
    features = add("features", "draw what every layer makes of a digit", run_features)
    features.add_argument("name", **name)
    features.add_argument("image", nargs="?", metavar="IMAGE", help="a picture of one digit")
    features.add_argument("--digit", type=int, metavar="N", help="a digit of our own, 0 to 9")
    features.add_argument("--test", type=int, metavar="N", help="the N-th test digit, from 0")
    features.add_argument("--data", metavar="SET|DIR", help=DATA)
    features.add_argument("--weights", metavar="FILE", help="default: the shipped weights")
    features.add_argument(
        "-o", dest="output", metavar="FILE", help="PNG or SVG; default NAME-features.png"
    )
    animate = add("animate", "show a network at work: 19 animations", run_animate)
    animate.add_argument("scene", nargs="?", metavar="NAME", help="see --list; all for all")
    animate.add_argument("--list", action="store_true", help="list the animations")
    animate.add_argument("--net", default="lenet5", metavar="NAME", help="default lenet5")
    animate.add_argument(
        "--weights",
        metavar="FILE",
        help="default: the shipped ones, of distorted digits if there are such",
    )
    animate.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    animate.add_argument(
        "--format", choices=("gif", "png", "svg", "term"), help="default gif, or that of -o"
    )
    animate.add_argument("--every", type=int, default=1, metavar="N", help="each N-th frame")
    animate.add_argument(
        "-o", dest="output", metavar="FILE", help="default NAME.gif; a folder with all"
    )
    export = add("export", "write a trained network as one C file", run_export)
    export.add_argument("name", **name)
    export.add_argument("-o", dest="output", metavar="FILE", help="default NAME.c")
    export.add_argument("--weights", metavar="FILE", help="default: the shipped weights")
    train = add("train", "train a network from new weights", run_train)
    train.add_argument("name", **name)
    train.add_argument("--data", metavar="SET|DIR", help=DATA)
    train.add_argument("--passes", type=int, metavar="N", help="default: the script's schedule")
    train.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    train.add_argument(
        "--distort",
        choices=("affine", "elastic", "mild", "wide", "shift", "moved"),
        help="show distorted copies of the digits",
    )
    train.add_argument(
        "--validation", type=int, metavar="N", help="keep the last N digits to measure on"
    )
    train.add_argument("--plot", metavar="FILE", help="draw the curves of errors: SVG or PNG")
    train.add_argument("-o", dest="output", metavar="FILE", help="default NAME.wei")
    train.add_argument("-q", "--quiet", action="store_true", help="no progress")
    evaluate = add("evaluate", "measure a trained network on test digits", run_evaluate)
    evaluate.add_argument("name", **name)
    evaluate.add_argument("--data", metavar="SET|DIR", help=DATA)
    evaluate.add_argument("--weights", metavar="FILE", help="default: the shipped weights")
    evaluate.add_argument("--misread", metavar="FILE", help="draw the misread digits: PNG, SVG")
    evaluate.add_argument("--plot", metavar="FILE", help="draw the reject curve: SVG or PNG")
    evaluate.add_argument("--json", action="store_true", help="one JSON object instead")
    again = add("reproduce", "measure the published tables again", run_reproduce)
    again.add_argument(
        "table",
        nargs="?",
        metavar="TABLE",
        help="toy, zipcode, mnist, connected, ladder; default: all",
    )
    again.add_argument("--quick", action="store_true", help="with shipped weights, few starts")
    again.add_argument("--data", metavar="DIR", help="the data folder; default $SN_DATA")
    again.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="where the tables are written; default docs/then-and-now.md if it is here",
    )
    data = add("data", "tell which data sets are present, fetch MNIST", run_data)
    data.add_argument("--data", metavar="DIR", help="the data folder; default $SN_DATA, ./data")
    data.add_argument("--fetch", metavar="SET", help="fetch a set: mnist")
    data.add_argument("--from", dest="mirror", metavar="URL", help="fetch from this folder")
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

    from lenet.anatomy import anatomy, overlaps
    from lenet.networks import load_network
    from lenet.tables import connection_tables, layer_rows

    network = load_network(args.name, trained=False)
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
    for line in overlaps(anatomy(network)):
        print(f"{PROGRAM}: {line}", file=sys.stderr)
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
    from lenet.networks import load_network

    file = Path(args.output or f"{Path(args.name).stem}.svg")
    check_name(file)
    draw(load_network(args.name, trained=False), file)
    print(file)
    return 0


def run_features(args: argparse.Namespace) -> int:
    """Draw kernels and maps for one digit; print the answer."""
    given = [args.image, args.digit, args.test]
    if sum(value is not None for value in given) != 1:
        raise Usage(f"{PROGRAM} features: name one of IMAGE, --digit N and --test N")
    if args.digit is not None and not 0 <= args.digit <= 9:
        raise Usage(f"{PROGRAM} features: --digit is 0 to 9, not {args.digit}")
    from lenet.canvas import check_name
    from lenet.features import glyph_of, picture
    from lenet.networks import load_network
    from lenet.scripts import check_digits
    from lenet.strokes import glyph

    file = Path(args.output or f"{Path(args.name).stem}-features.png")
    check_name(file)
    network = load_network(args.name, Path(args.weights) if args.weights else None)
    data = "ours"
    if args.image is not None:
        image = glyph_of(Path(args.image))
    elif args.digit is not None:
        image = glyph(args.digit)
    else:
        from lenet.data import read

        data, folder = source(args.data, network.recipe.data)
        images, labels = read(data, "test", folder)
        if not 0 <= args.test < len(labels):
            raise Usage(f"{PROGRAM} features: --test is 0 to {len(labels) - 1:,}")
        image = images[args.test]
    check_digits(network, network.program.output_size, image[None], data)
    picture(network, image).save(file)
    print(network.classify(image[None])[0])
    print(f"{PROGRAM}: {file}", file=sys.stderr)
    return 0


def run_animate(args: argparse.Namespace) -> int:
    """Show scenes to a network; write what it sees."""
    from lenet.animate import AnimationError, chosen, play, sentence, watch
    from lenet.networks import distorted, load_network
    from lenet.panel import write
    from lenet.scenes import SCENES

    if args.list or not args.scene:
        for name, (text, *_) in SCENES.items():
            print(f"{name:<20}{text}")
        return 0
    scenes = chosen(args.scene, args.seed, max(1, args.every))
    network = load_network(
        args.net, Path(args.weights) if args.weights else distorted(args.net)
    )
    kind = args.format or (Path(args.output or "").suffix[1:] if args.scene != "all" else "")
    for scene in scenes:
        try:
            gazes = watch(network, scene)
        except AnimationError as error:
            if len(scenes) == 1:
                raise
            print(f"{scene.name}: {error}", file=sys.stderr)
            continue
        if kind == "term":
            play(scene, gazes, sys.stdout, time.sleep)
            print(sentence(scene, gazes))
            continue
        file = Path(f"{scene.name}.{kind or 'gif'}")
        if args.output:
            folder = Path(args.output) if len(scenes) > 1 else None
            file = folder / file if folder else Path(args.output)
        write(scene, gazes, network.name, file)
        print(f"{file}: {sentence(scene, gazes)}")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write a network as C."""
    from lenet.export import export
    from lenet.networks import load_network

    network = load_network(args.name, Path(args.weights) if args.weights else None)
    file = Path(args.output or f"{network.name}.c")
    print(f"{file}: {export(network, file):,} bytes")
    return 0


def run_train(args: argparse.Namespace) -> int:
    """Train from new weights, with a checkpoint after every pass."""
    from lenet.command_train import train_network

    return train_network(args, *source(args.data, ""))


def run_reproduce(args: argparse.Namespace) -> int:
    """Measure the published tables again."""
    from lenet.command_train import reproduce_tables

    return reproduce_tables(args)


def run_evaluate(args: argparse.Namespace) -> int:
    """Print errors, what rejecting buys, and the confusion matrix on the test digits."""
    from lenet.canvas import check_name
    from lenet.data import read
    from lenet.evaluation import TARGETS, evaluate, misread_picture, reject_picture
    from lenet.networks import load, members_of
    from lenet.scripts import check_digits

    pictures = [Path(f) for f in (args.misread, args.plot) if f]
    for file in pictures:
        check_name(file)
    network = load(args.name, Path(args.weights) if args.weights else None)
    data, folder = source(args.data, network.recipe.data)
    images, labels = read(data, "test", folder)
    for member in members_of(network):
        check_digits(member, 10, images, data)
    found = evaluate(network, images, labels)
    rejects = {target: found.rejects_for(target) for target in TARGETS}
    if args.json:
        import json

        record = {
            "network": network.name,
            "weights_sha256": network.sha256,
            "data": data,
            "digits": len(labels),
            "wrong": int(found.wrong.sum()),
            "error": found.error,
            "rejects_for_error": {f"{target:g}": share for target, share in rejects.items()},
            "confusion": found.confusion().tolist(),
        }
        print(json.dumps(record))
    else:
        show_evaluation(network.name, data, found, rejects)
    if args.misread:
        misread_picture(found, images, network.name).save(Path(args.misread))
    if args.plot:
        reject_picture(found, network.name).save(Path(args.plot))
    for file in pictures:
        print(f"{PROGRAM}: {file}", file=sys.stderr)
    return 0


def show_evaluation(
    name: str, data: str, found: "Evaluation", rejects: dict[float, float | None]
) -> None:
    """Print an evaluation for people."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    count = len(found.labels)
    print(f"{name}: {int(found.wrong.sum())} of {count:,} wrong, {found.error:.2%} ({data})")
    for target, share in rejects.items():
        told = "out of reach" if share is None else f"{share:.1%} rejected"
        print(f"  for {100 * target:g} % error among the rest: {told}")
    matrix = found.confusion()
    table = Table(box=SIMPLE_HEAD, title="true class down, answer across", title_style="dim")
    table.add_column("", style="bold")
    for k in range(found.classes):
        table.add_column(str(k), justify="right")
    table.add_column("wrong", justify="right")
    for k, row in enumerate(matrix.tolist()):
        cells = [
            f"[dim]{n or '·'}[/]" if k == c or not n else f"[red]{n}[/]"
            for c, n in enumerate(row)
        ]
        share = (sum(row) - row[k]) / max(1, sum(row))
        table.add_row(str(k), *cells, f"{share:.1%}")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(table)


def source(given: str | None, usual: str) -> tuple[str, str | None]:
    """Return the data set and the folder that --data names; one of them stays as usual."""
    import difflib

    from lenet.data import SETS, DataError

    if given in SETS:
        return given, None
    if given and not Path(given).is_dir():
        near = difflib.get_close_matches(given, SETS, 1)
        hint = f"did you mean {near[0]}?" if near else f"the sets are {', '.join(SETS)}"
        raise DataError(f"{given}: no such folder and no data set; {hint}")
    return usual, given


def run_data(args: argparse.Namespace) -> int:
    """Tell the state of every file; fetch what is asked for."""
    from lenet.datasets import MIRRORS, MNIST, SETS, default_folder, state

    folder = default_folder(args.data)
    if args.fetch:
        if args.fetch != MNIST.name:
            raise Usage(f"{PROGRAM} data: only mnist can be fetched, not {args.fetch}")
        fetch_mnist(folder, (args.mirror,) if args.mirror else MIRRORS)
    elif args.mirror:
        raise Usage(f"{PROGRAM} data: --from goes with --fetch mnist")
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=f"data in {folder}", title_style="bold")
    for head in ("set", "file", "SHA-256 of its contents", "state"):
        table.add_column(head, no_wrap=head != "state")
    missing = []
    for entry in SETS:
        states = [state(item, folder) for item in entry.items]
        for k, (item, found) in enumerate(zip(entry.items, states, strict=True)):
            colour = "green" if found == "present" else "red"
            name = entry.name if k == 0 else ""
            told = f"[{colour}]{found}[/]"
            table.add_row(name, item.path, f"{item.sha256[:16]}…", told)
        if set(states) != {"present"}:
            missing.append(entry)
    Console(highlight=False, width=None if sys.stdout.isatty() else 110).print(table)
    for entry in missing:
        print(f"{entry.name} ({entry.what}): {entry.origin}; it goes into")
        for item in entry.items:
            print(f"    {folder / item.path}")
    if missing and not args.data:
        print("another folder: set SN_DATA, or give --data DIR", file=sys.stderr)
    return 0


def fetch_mnist(folder: Path, mirrors: tuple[str, ...]) -> None:
    """Fetch MNIST with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from lenet.datasets import MNIST, fetch

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = {}

        def progress(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=1.0)
            bar.update(tasks[name], completed=share)

        for file in fetch(MNIST, folder, mirrors, progress):
            console.print(f"{file}: fetched, its digest is right")


if __name__ == "__main__":
    sys.exit(main())
