"""The command `check-reader`: arguments in, exit code out.

Results go to stdout and nothing else does; remarks, errors and summaries go to stderr. Exit
codes: 0 all inputs processed, 1 an input could not be, 2 usage, 3 a reject with ``--strict``,
70 a defect of the program, 130 interrupted. Nothing heavy is imported before it is needed.
"""

import argparse
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pipeline.errors import ImageError
from pipeline.headers import MOST_PIXELS, SUFFIXES
from pipeline.inputs import inputs, is_folder, is_single
from sn.command import Parser, Usage, printable, report, run, version
from sn.errors import SnError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from pipeline.records import Box, Reading

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
    read.add_argument("paths", nargs="+", metavar="PATH", help="image, folder, or - for stdin")
    read.add_argument(
        "--grammar",
        default="amount",
        metavar="NAME|REGEX",
        help="what stands there: amount (default), digits, phone, ..., or a regular expression",
    )
    read.add_argument(
        "--field",
        type=_field,
        default="auto",
        metavar="auto|x,y,w,h",
        help="where it stands, in pixels; found automatically by default",
    )
    read.add_argument("--expect", metavar="TEXT", help="reject whatever is not this amount")
    read.add_argument(
        "--min-confidence", type=_share, metavar="P", help="threshold, 0 to 1, for experts"
    )
    read.add_argument("--strict", action="store_true", help="exit 3 when something is rejected")
    form = read.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="JSON Lines, one record for each page"
    )
    form.add_argument("--csv", action="store_true", help="CSV with a header")
    read.add_argument("-o", "--output", metavar="FILE", help="write the results to FILE")
    read.add_argument(
        "--max-pixels", type=_pixels, metavar="N", help="largest page let in (default 40M)"
    )
    read.add_argument(
        "--allow-tiff-any",
        action="store_true",
        help="trust TIFFs of every kind (tiles, colour)",
    )
    read.add_argument("--threads", type=_count, default=1, metavar="N", help="inputs at once")
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
    train = command("train", "train the recognizer from nothing on synthetic lines", run_train)
    train.add_argument("--data", metavar="DIR", help="the open data sets; default $SN_DATA")
    train.add_argument("-o", dest="output", metavar="FILE", default="character.wei")
    train.add_argument("--seed", type=_seed, default=1, metavar="N", help="default 1")
    train.add_argument(
        "--lines", type=_count, default=60_000, metavar="N", help="default 60000"
    )
    train.add_argument("--passes", type=_count, metavar="N", help="default: the script's")
    train.add_argument("--from", dest="start", metavar="FILE", help="weights to go on from")
    curve = command("calibrate", "fit the confidence curve on synthetic images", run_calibrate)
    curve.add_argument("weights", metavar="FILE", help="a weight file of check-reader train")
    curve.add_argument("--data", metavar="DIR", help="the open data sets; default $SN_DATA")
    curve.add_argument("--seed", type=_seed, default=2, metavar="N", help="default 2")
    curve.add_argument("--lines", type=_count, default=2000, metavar="N", help="default 2000")
    command("grammars", "list the grammars that have a name", run_grammars)
    return top


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


# What `read` does.


def run_read(args: argparse.Namespace) -> int:
    """Read images and folders; one result for each page, as soon as it is known."""
    import warnings

    from pipeline.image import Limits
    from pipeline.reader import CheckReader, outcomes

    if not sys.warnoptions and not args.debug:
        warnings.simplefilter("ignore")  # decoders remark on files; the gate says what matters
    limits = Limits(tiff_any=args.allow_tiff_any)
    if args.max_pixels:
        limits = Limits(
            pixels=args.max_pixels,
            file_pixels=max(limits.file_pixels, args.max_pixels),
            tiff_any=args.allow_tiff_any,
        )
    try:
        reader = CheckReader(
            grammar=args.grammar,
            field=args.field,
            min_confidence=args.min_confidence,
            expect=args.expect,
            limits=limits,
        )
    except ValueError as error:
        raise Usage(f"{PROGRAM} read: {error}") from None
    _check_grammar(args.grammar)
    _ = reader.engine  # one message when it cannot be loaded, not one for each page
    tally = Tally(args)
    many = len(args.paths) > 1 or not is_single(args.paths[0])
    with _output(args) as sheet, _progress(args, len(args.paths), many) as advance:
        if args.csv:
            from pipeline.records import CSV_COLUMNS, csv_line

            write(sheet, csv_line(CSV_COLUMNS))
        sources = inputs(args.paths, tally.failed, remark)
        for _, outcome in outcomes(reader, sources, threads=args.threads):
            if outcome is None:
                advance()
            elif isinstance(outcome, Exception):
                tally.failed(outcome)
            else:
                write(sheet, shown(outcome, args, many))
                tally.add(outcome)
    return tally.end(many)


def _check_grammar(text: str) -> None:
    from pipeline.grammars import GRAMMARS, grammar

    try:
        grammar(text)
    except SnError as error:
        names = ", ".join(GRAMMARS)
        raise Usage(f"{PROGRAM} read: --grammar {text}: {error}. By name: {names}") from None


class Tally:
    """What a batch came to, told on stderr."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.read = 0
        self.doubt = 0.0
        self.reasons: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self.first: str | None = None
        self.model = ""

    def failed(self, error: Exception) -> None:
        """Tell one input that could not be read."""
        self.codes[report(PROGRAM, error, self.args.debug)] += 1

    def add(self, reading: "Reading") -> None:
        """Count one reading and pass on what the gate remarked."""
        self.model = reading.model
        if reading:
            self.read += 1
            self.doubt += 1 - reading.confidence
        else:
            self.reasons[str(reading.reason)] += 1
            self.first = self.first or reading.file
        if self.args.quiet:
            return
        name = printable(reading.file or "")
        if "inverted" in reading.quality.flags:
            remark(f"{name}: inverted: light ink on dark paper")
        if self.args.verbose:
            quality = reading.quality
            dpi = f"{quality.dpi:g} dpi" if quality.dpi else "resolution unknown"
            flags = ", ".join(("", *quality.flags))
            remark(
                f"{name}: page {reading.page}: {dpi}, contrast {quality.contrast:.2f}{flags}"
            )

    def end(self, many: bool) -> int:
        """Tell the summary of a batch and return the exit code."""
        rejected, failed = self.reasons.total(), self.codes.total()
        if not self.args.quiet and (many or self.read + rejected > 1):
            kinds = [
                f"{n} {reason.replace('_', ' ')}" for reason, n in self.reasons.most_common()
            ]
            told = f" ({', '.join(kinds)})" if kinds else ""
            print(
                f"{self.read} read, {rejected} rejected{told}, {failed} failed", file=sys.stderr
            )
            if self.read:
                doubt = 100 * self.doubt / self.read
                print(
                    f"expected error among the reads: {doubt:.1f} %, "
                    f"by the confidences of {printable(self.model)}",
                    file=sys.stderr,
                )
            if self.first:
                import shlex

                print(
                    f"next: {PROGRAM} read {printable(shlex.quote(self.first))} --json "
                    "shows every guess and its place",
                    file=sys.stderr,
                )
        if failed:
            return 70 if self.codes[70] else 1
        return 3 if self.args.strict and rejected else 0


def shown(reading: "Reading", args: argparse.Namespace, many: bool) -> str:
    """Return a reading in the form that was asked for."""
    if args.json:
        return reading.to_json()
    if args.csv:
        return reading.to_csv()
    page = f" page {reading.page}" if reading.page > 1 else ""
    name = f"{printable(reading.file or '')}{page}: " if many or page else ""
    return name + reading.to_line()


def remark(text: str) -> None:
    """Tell something that is neither a result nor an error."""
    print(f"{PROGRAM}: {text}", file=sys.stderr)


def write(sheet: TextIO, line: str) -> None:
    """Write one whole line at once; an interrupt waits for its end."""
    masked = hasattr(signal, "pthread_sigmask") and (
        threading.current_thread() is threading.main_thread()
    )
    if masked:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        sheet.write(line + "\n")
        sheet.flush()
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _output(args: argparse.Namespace) -> AbstractContextManager[TextIO]:
    if args.output is None or args.output == "-":
        return nullcontext(sys.stdout)
    target = Path(args.output)
    for path in map(Path, args.paths):
        same = path.resolve() == target.resolve()
        within = is_folder(path) and target.resolve().is_relative_to(path.resolve())
        if same or (within and target.suffix.lower() in SUFFIXES):
            raise Usage(f"{PROGRAM} read: -o {args.output} would overwrite an input")
    try:
        return target.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise ImageError(args.output, f"cannot be written ({error.strerror})") from None


@contextmanager
def _progress(args: argparse.Namespace, paths: int, many: bool) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, unless the results themselves scroll there."""
    to_file = args.output is not None or not sys.stdout.isatty()
    if not (many and to_file and sys.stderr.isatty()) or args.quiet or args.no_progress:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task("", total=paths if all(map(is_single, args.paths)) else None)
        yield lambda: bar.advance(task)


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
    """Train the recognizer; an interrupted training goes on where it was."""
    from rich.console import Console
    from rich.progress import Progress

    from lenet.data import data_folder
    from pipeline.training import train_recognizer

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=1.0)
            bar.update(tasks[name], completed=share)

        notes = train_recognizer(
            data_folder(args.data),
            Path(args.output),
            seed=args.seed,
            lines=args.lines,
            passes=args.passes,
            start=Path(args.start) if args.start else None,
            progress=progress,
            tell=lambda done: console.print(done.to_line()),
        )
    print(
        f"{printable(args.output)}: {notes['test_error']:.2%} of held-out candidates misnamed"
    )
    return 0


def run_calibrate(args: argparse.Namespace) -> int:
    """Fit the confidence curve and note it beside the weights."""
    from rich.console import Console
    from rich.progress import Progress

    from lenet.data import data_folder
    from pipeline.training import calibrate

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
    print(f"{printable(args.weights)}: {note['right']:.1%} of {note['images']} images right")
    return 0


def run_grammars(args: argparse.Namespace) -> int:
    """List the named grammars."""
    from pipeline.grammars import GRAMMARS

    width = max(map(len, GRAMMARS))
    for name, what in GRAMMARS.items():
        print(f"{name:<{width}}  {what}")
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
