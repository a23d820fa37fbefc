"""The command `check-reader`: arguments in, exit code out.

Results go to stdout and nothing else does; remarks, errors and summaries go to stderr. Exit
codes: 0 all inputs processed, 1 an input could not be, 2 usage, 3 a reject with ``--strict``,
70 a defect of the program, 130 interrupted. Nothing heavy is imported before it is needed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.headers import MOST_PIXELS
from pipeline.web.command import add_options as add_door
from sn.command import Parser, Usage, printable, run, version

if TYPE_CHECKING:
    from pipeline.records import Box

PROGRAM = "check-reader"


def parser() -> Parser:
    """Return the parser of the command."""
    top = Parser(
        prog=PROGRAM,
        description="Read handwritten amounts and digit strings from scanned checks.",
        epilog="A reject with a reason is a result; a wrong amount is not.",
    )
    top.add_argument("--version", action="store_true", help="print the version")
    command = top.add_commands()

    read = command("read", "read an amount or a digit string from images", run_read)
    read.epilog = "A higher threshold means fewer but safer reads."
    read.add_argument("paths", nargs="*", metavar="PATH", help="image, folder, or - for stdin")
    read.add_argument(
        "--list", metavar="FILE", help="read what FILE names, one on each line; -"
    )
    read.add_argument(
        "--null", action="store_true", help="names in --list end with a zero byte"
    )
    add_settings(read)
    read.add_argument("--expect", metavar="TEXT", help="reject whatever is not this amount")
    read.add_argument("--expect-csv", metavar="FILE", help="table of files and their amounts")
    read.add_argument(
        "--ignore-amounts",
        action="store_true",
        help="image cash letters: do not expect the amounts in them",
    )
    read.add_argument("--strict", action="store_true", help="exit 3 when something is rejected")
    form = read.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="JSON Lines, one record for each page"
    )
    form.add_argument("--csv", action="store_true", help="CSV with a header")
    form.add_argument("--table", action="store_true", help="a table for people")
    read.add_argument("--n-best", type=_count, metavar="N", help="tell the N best guesses")
    read.add_argument("-o", "--output", metavar="FILE", help="write the results to FILE")
    read.add_argument(
        "--resume",
        action="store_true",
        help="go on with the interrupted run that wrote -o FILE",
    )
    read.add_argument("--audit", metavar="LOG", help="append every decision to an audit log")
    add_processes(read)
    read.add_argument("--cluster", metavar="ADDRESS", help="read on a Dask cluster, host:port")
    read.add_argument("-q", "--quiet", action="store_true", help="errors only, no summary")
    read.add_argument("-v", "--verbose", action="store_true", help="tell the image quality too")
    read.add_argument("--no-progress", action="store_true", help="no progress bar")

    samples = command("samples", "draw sample checks and strings with labels", run_samples)
    samples.add_argument("folder", metavar="DIR", help="where they go; a new or empty folder")
    samples.add_argument("--seed", type=_seed, default=1, metavar="N", help="default 1")
    samples.add_argument(
        "-n",
        dest="count",
        type=_count,
        default=10,
        metavar="N",
        help="of each kind, default 10",
    )
    train = command("train", "train from nothing, or on your own labelled fields", run_train)
    train.add_argument(
        "--field-data",
        metavar="FOLDER",
        help="learn from these images; without it, from synthetic lines alone",
    )
    train.add_argument(
        "--all",
        action="store_true",
        help="train every network of the program from nothing and calibrate, as shipped",
    )
    train.add_argument(
        "--labels", metavar="TSV", help="table of file and text; default FOLDER/labels.tsv"
    )
    train.add_argument(
        "--grammar",
        metavar="FILE|NAME|REGEX",
        help="of the fields, default amount; amount-digits where labels lack the marks",
    )
    train.add_argument(
        "--weights", metavar="DIR", help="begin with these weights, not the program's own"
    )
    train.add_argument(
        "--held-out", type=_share, metavar="P", help="share of fields not learned, default 0.2"
    )
    train.add_argument("--data", metavar="DIR", help="the open data sets; default $SN_DATA")
    train.add_argument(
        "--engine",
        choices=("hos", "sdnn"),
        help="hos: characters cut from lines (default); sdnn: whole lines",
    )
    train.add_argument(
        "--net",
        choices=("strip", "strip-wide"),
        help="of --engine sdnn: which of its two networks, default strip",
    )
    train.add_argument(
        "--mix",
        choices=("all", "phone"),
        help="of --engine sdnn: what it learns, all kinds of lines (default) or telephone "
        "numbers alone",
    )
    train.add_argument(
        "--criterion",
        choices=("characters", "strings"),
        help="of --engine hos: candidates named one by one (default), or on from there by "
        "whole strings, through the recognition graph",
    )
    train.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="default the network's name with .wei; of fields and --all a folder, own-weights",
    )
    train.add_argument("--seed", type=_seed, metavar="N", help="default 1")
    train.add_argument(
        "--lines",
        type=_count,
        metavar="N",
        help="default 120000 (hos), 100000 (hos by strings), 200000 (sdnn)",
    )
    train.add_argument("--passes", type=_count, metavar="N", help="default 8; of fields 20")
    train.add_argument(
        "--from", dest="start", metavar="FILE", help="go on from these weights, at a lower rate"
    )
    curve = command("calibrate", "fit the confidence curve on synthetic images", run_calibrate)
    curve.add_argument("weights", metavar="DIR", help="holds the weights of all networks")
    curve.add_argument("--data", metavar="DIR", help="the open data sets; default $SN_DATA")
    curve.add_argument("--seed", type=_seed, default=2, metavar="N", help="default 2")
    curve.add_argument(
        "--lines", type=_count, default=4000, metavar="N", help="images, default 4000"
    )
    evaluate = command("evaluate", "measure how well a labelled folder is read", run_evaluate)
    evaluate.add_argument("folder", metavar="FOLDER", help="a folder of images")
    evaluate.add_argument(
        "--labels", metavar="TSV", help="table of file and text; default FOLDER/labels.tsv"
    )
    add_settings(evaluate)
    add_processes(evaluate)
    evaluate.add_argument("--curve", metavar="FILE", help="read-error curve as .svg or .png")
    evaluate.add_argument(
        "--table", choices=("1998",), help="print the published figures of 1998 beside"
    )
    evaluate.add_argument("--misses", action="store_true", help="list what is not right")
    evaluate.add_argument("--json", action="store_true", help="all figures as one JSON object")
    why = command("explain", "draw why an image was read or rejected", run_explain)
    why.add_argument("image", metavar="IMAGE", help="an image, or - for stdin")
    why.add_argument(
        "-o", "--output", metavar="FILE", required=True, help=".html, .svg or .png"
    )
    why.add_argument("--page", type=_count, default=1, metavar="N", help="of a file of many")
    add_settings(why)
    why.add_argument("--expect", metavar="TEXT", help="the amount that should stand there")
    door = command("serve", "read images sent by HTTP, and show the drawing page", run_serve)
    door.epilog = "Only programs of this machine can ask, and only with the token."
    add_door(door)
    door.add_argument("--token", metavar="TEXT", help="default: $SN_TOKEN, or a new one")
    door.add_argument(
        "--i-understand", action="store_true", help="allow a --host that others can reach"
    )
    door.add_argument(
        "--workers", type=_count, default=2, metavar="N", help="images at once, default 2"
    )
    door.add_argument(
        "--timeout", type=_count, default=10, metavar="S", help="seconds for one, default 10"
    )
    door.add_argument(
        "--max-bytes",
        type=_count,
        default=10**6,
        metavar="N",
        help="of a body, default 1000000",
    )
    audit = command("audit", "check an audit log, or decide everything in it again", run_audit)
    audit.add_argument("action", choices=("verify", "replay"), help="what to do")
    audit.add_argument("log", metavar="LOG", help="a log of check-reader read --audit")
    audit.add_argument("--head", metavar="HASH", help="digest of an entry that must be there")
    audit.add_argument("--images", metavar="DIR", help="look here for images, by their digest")
    audit.add_argument("-q", "--quiet", action="store_true", help="replay: the summary only")
    rules = command("grammars", "list the grammars by name, or show and test one", run_grammars)
    rules.add_argument("grammar", nargs="?", metavar="FILE|NAME|REGEX", help="show this one")
    rules.add_argument("texts", nargs="*", metavar="TEXT", help="does the grammar allow this?")
    return top


def add_settings(command: Parser) -> None:
    """Add the options that decide what is read and when it is rejected."""
    command.add_argument(
        "--grammar",
        default="amount",
        metavar="FILE|NAME|REGEX",
        help="what stands there: amount, digits, date, ... (check-reader grammars)",
    )
    command.add_argument(
        "--field",
        type=_field,
        default="auto",
        metavar="auto|x,y,w,h",
        help="where it stands, in pixels; found automatically by default",
    )
    threshold = command.add_mutually_exclusive_group()
    threshold.add_argument(
        "--max-error", type=_share, metavar="P", help="share of wrong reads borne, default 0.01"
    )
    threshold.add_argument(
        "--min-confidence", type=_share, metavar="P", help="threshold, 0 to 1, for experts"
    )
    command.add_argument(
        "--engine",
        choices=("hos", "sdnn", "both"),
        help="hos: cut and recognize; sdnn: whole lines; both together (default)",
    )
    command.add_argument(
        "--recognizer", metavar="NET.sn", help="a network of your own (docs/networks.md)"
    )
    command.add_argument(
        "--weights",
        metavar="FILE|DIR",
        help="its weights; default NET.wei. Alone: a folder of train --field-data",
    )
    command.add_argument(
        "--max-pixels", type=_pixels, metavar="N", help="largest page let in (default 40M)"
    )
    command.add_argument(
        "--allow-tiff-any",
        action="store_true",
        help="trust TIFFs of every kind (tiles, colour)",
    )


def add_processes(command: Parser) -> None:
    """Add the option for processes."""
    command.add_argument(
        "--processes",
        "--threads",
        dest="processes",
        type=_count,
        metavar="N",
        help="inputs at once, each in a process (default: one for each core)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(PROGRAM, argv, _run)


def _run(arguments: list[str]) -> int:
    top = parser()
    args = top.parse(arguments)
    if args.version:
        print(PROGRAM, version())
        return 0
    if not args.command:
        top.print_help()
        return 0
    return args.run(args)


def run_read(args: argparse.Namespace) -> int:
    """Read images and folders."""
    from pipeline import command_read

    if not args.paths and args.list is None:
        raise Usage(f"{PROGRAM} read: name an image or a folder, or a list with --list")
    return command_read.run_read(args)


# The small commands.


def run_samples(args: argparse.Namespace) -> int:
    """Draw samples."""
    folder = Path(args.folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Usage(f"{PROGRAM} samples: {args.folder} is there already; name a new folder")
    from pipeline.checks import write_samples

    write_samples(folder, args.seed, args.count)
    kinds = sorted(place.name for place in folder.iterdir() if place.is_dir())
    told = (
        f"{args.count} each of {', '.join(kinds)} in {printable(args.folder)}, seed {args.seed}"
    )
    print(told, file=sys.stderr)
    return 0


def run_train(args: argparse.Namespace) -> int:
    """Train a recognizer, or both engines on labelled fields."""
    from pipeline import command_train

    return command_train.run_train(args)


def run_calibrate(args: argparse.Namespace) -> int:
    """Fit the confidence curve and note it beside the weights."""
    from rich.console import Console
    from rich.progress import Progress

    from lenet.data import data_folder
    from pipeline.calibration import calibrate

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading images", total=1.0)
        note = calibrate(
            data_folder(args.data),
            Path(args.weights),
            seed=args.seed,
            lines=args.lines,
            progress=lambda share: bar.update(task, completed=share),
        )
    for mode in ("both", "hos", "sdnn"):
        print(f"{mode}: {note[mode]['right']:.1%} of {note[mode]['images']} images right")
    for kind, (images, right, read, wrong) in note["both"]["kinds"].items():
        told = f"{right} of {images} best guesses right; {read} read, of these {wrong} wrong"
        print(f"both, {kind}: {told}")
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Read a labelled folder and tell how much is right."""
    from pipeline import command_evaluate

    return command_evaluate.run_evaluate(args)


def run_explain(args: argparse.Namespace) -> int:
    """Draw why an image was read or rejected; the sentence goes to stdout."""
    from pipeline import command_explain

    return command_explain.run_explain(args)


def run_serve(args: argparse.Namespace) -> int:
    """Serve the page and the endpoint until interrupted."""
    from pipeline.web import command

    return command.run_serve(args)


def run_audit(args: argparse.Namespace) -> int:
    """Check the chain of an audit log; with ``replay``, decide again and compare."""
    from collections import Counter

    from pipeline import audit

    found = audit.verify(args.log, args.head)
    print(
        f"{printable(args.log)}: the chain is whole: {found.entries} entries, "
        f"{found.decisions} decisions, {found.failed} failures in {found.runs} runs"
    )
    print(f"head {found.head}")
    if args.action == "verify":
        return 0
    counted: Counter[str] = Counter()
    for outcome, told in audit.replay(args.log, args.images):
        counted[outcome] += 1
        if outcome != "same" and not args.quiet:
            print(f"{outcome:<7}  {told}")
    print(
        f"decided again: {counted['same']} the same, {counted['differ']} different, "
        f"{counted['missing']} that cannot be"
    )
    return 1 if counted["differ"] or counted["missing"] else 0


def run_grammars(args: argparse.Namespace) -> int:
    """List the named grammars, or show one and say what it makes of some texts."""
    from pipeline.grammars import GRAMMARS
    from pipeline.rules import library

    if args.grammar is not None:
        from pipeline.command_grammars import show

        return show(args)
    width = max(map(len, (*GRAMMARS, *library())))
    for name, what in GRAMMARS.items():
        print(f"{name:<{width}}  {what}")
    for name, text in library().items():
        remark = text.splitlines()[0].removeprefix("#").strip()
        print(f"{name:<{width}}  {remark}")
    return 0


# Values of options.


def _field(text: str) -> "str | Box":
    if text == "auto":
        return text
    numbers = text.split(",")
    if len(numbers) != 4 or not all(n.strip().isdecimal() for n in numbers):
        raise argparse.ArgumentTypeError(f"{text} is not auto or x,y,w,h in pixels")
    x, y, w, h = map(int, numbers)
    return x, y, w, h


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return share


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)


def _pixels(text: str) -> int:
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    scale = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}.get(unit)
    try:
        pixels = int(float(number) * scale)
    except (ValueError, TypeError, OverflowError):
        pixels = 0
    if not 0 < pixels <= MOST_PIXELS:
        most = f"{MOST_PIXELS // 10**6}M"
        raise argparse.ArgumentTypeError(f"{text} is not a number of pixels up to {most}")
    return pixels


if __name__ == "__main__":
    sys.exit(main())
