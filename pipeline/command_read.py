"""What ``check-reader read`` does: a batch in; results to stdout or a file; a summary.

Results come in the order of the inputs, each as soon as it and those before it are known.
"""

import argparse
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pipeline.batch import Job, Outcome
from pipeline.cashletter import Check, is_letter, items, named
from pipeline.errors import ImageError
from pipeline.expectations import Expectations, load
from pipeline.headers import SUFFIXES, is_pdf, kind
from pipeline.image import Limits
from pipeline.inputs import Stdin, inputs, is_folder, is_single, listed
from pipeline.journal import Journal, joined
from pipeline.reader import CheckReader
from pipeline.records import CSV_COLUMNS, Reading, csv_line
from sn.command import Usage, printable, report
from sn.errors import SnError

if TYPE_CHECKING:
    from pipeline.audit import Log
    from pipeline.recognition import Engine

PROGRAM = "check-reader"


def run_read(args: argparse.Namespace) -> int:
    """Read images and folders; one result for each page, as soon as it is known."""
    import warnings

    if not sys.warnoptions and not args.debug:
        warnings.simplefilter("ignore")  # decoders remark on files; the gate says what matters
    reader = reader_of(args)
    expectations = expected(args, reader)
    tally = Tally(args)
    many = len(args.paths) != 1 or not is_single(args.paths[0]) or is_letter(args.paths[0])
    with Output(args, many) as sheet, progress_bar(args, many) as advance:
        journal = Journal(sheet.file, settings(args, reader)) if kept(args, many) else None
        jobs = jobs_of(args, tally.failed, expectations)
        if journal is not None:
            jobs = started(args, journal, sheet, tally, jobs)
        sheet.begin()
        complete = False
        try:
            with audit_log(args, reader) as log:
                follow(args, reader, jobs, sheet, tally, journal, log, advance)
            complete = True
        finally:
            sheet.end()
            if journal is not None:
                journal.close(complete=complete)
                if not complete and not args.quiet:
                    remark(
                        f"interrupted; the same command with --resume goes on in {args.output}"
                    )
    return tally.end(many)


def follow(
    args: argparse.Namespace,
    reader: CheckReader,
    jobs: Iterable[Job],
    sheet: "Output",
    tally: "Tally",
    journal: Journal | None,
    log: "Log | None",
    advance: Callable[[], None],
) -> None:
    """Write down what becomes of each job, and when it is finished that it is."""
    before = tally.note
    tally.note = {}
    for job, outcome in results(args, reader, jobs):
        if outcome is None:
            if journal is not None:
                journal.finished(job.name, sheet.place, tally.note)
            before = joined(before, tally.note)
            tally.note = {}
            advance()
        elif isinstance(outcome, Exception):
            if log is not None:
                log.failed(job, outcome)
            tally.failed(outcome)
        else:
            if log is not None:
                log.decided(job, outcome)
            sheet.reading(outcome)
            tally.add(outcome)
    tally.note = joined(before, tally.note)


def reader_of(args: argparse.Namespace) -> CheckReader:
    """Return the reader the options describe, its weights loaded; `Usage` when they clash."""
    limits = Limits(tiff_any=args.allow_tiff_any)
    if args.max_pixels:
        limits = Limits(
            pixels=args.max_pixels,
            file_pixels=max(limits.file_pixels, args.max_pixels),
            tiff_any=args.allow_tiff_any,
        )
    grammar = grammar_of(args)
    try:
        reader = CheckReader(
            grammar=grammar,
            engine=chosen_engine(args, grammar),
            field=args.field,
            min_confidence=args.min_confidence,
            max_error=args.max_error,
            expect=getattr(args, "expect", None),
            limits=limits,
        )
    except ValueError as error:
        raise Usage(f"{PROGRAM} {args.command}: {error}") from None
    _ = reader.threshold  # one message when it cannot be known, not one for each page
    return reader


def chosen_engine(args: argparse.Namespace, grammar: str) -> "Engine | str | None":
    """Return an engine of --recognizer or --weights, or which of the program's own reads."""
    if args.recognizer is None:
        if args.weights is None:
            return args.engine
        if not Path(args.weights).is_dir():
            raise Usage(
                f"{PROGRAM} {args.command}: --weights without --recognizer NET.sn is a folder "
                "made by check-reader train --field-data or --all"
            )
        from pipeline.recognition import Engine

        return Engine.load(args.engine or "both", Path(args.weights))
    if args.engine not in (None, "hos"):
        raise Usage(
            f"{PROGRAM} {args.command}: --recognizer names cut characters: --engine hos"
        )
    from pipeline.own import engine

    return engine(args.recognizer, args.weights, grammar)


def grammar_of(args: argparse.Namespace) -> str:
    """Return the grammar that was asked for by name, as a file or in place; it is sound."""
    from pipeline.grammars import GRAMMARS, grammar
    from pipeline.rules import file_of, library

    text = args.grammar
    try:
        if text in GRAMMARS:
            return text
        text = file_of(args.grammar) or text
        grammar(text)
    except SnError as error:
        hint = (
            "" if text != args.grammar else f". By name: {', '.join((*GRAMMARS, *library()))}"
        )
        what = f"--grammar {args.grammar}: {error}{hint}"
        raise Usage(f"{PROGRAM} {args.command}: {what}") from None
    return text


def expected(args: argparse.Namespace, reader: CheckReader) -> Expectations | None:
    """Return the table of ``--expect-csv``, None without one."""
    return load(args.expect_csv, reader.expected) if args.expect_csv else None


def jobs_of(
    args: argparse.Namespace,
    failed: Callable[[Exception], None],
    expectations: Expectations | None,
) -> Iterator[Job]:
    """Yield the jobs behind the arguments."""
    sources = inputs(args.paths, failed, remark)
    if args.list is not None:
        mark = b"\0" if args.null else b"\n"
        names = inputs(listed(args.list, mark), failed, remark, plain=True)
        sources = chain(sources, names)
    for source in chain.from_iterable(opened(source, failed) for source in sources):
        job = Job(source)
        if expectations is not None:
            yield Job(source, expectations.of(job.name))
        elif isinstance(source, Check) and not args.ignore_amounts and not args.expect:
            # An amount that is no number is not known: the check is rejected.
            yield Job(source, source.item.amount or "")
        else:
            yield job


def opened(
    source: str | Stdin, failed: Callable[[Exception], None]
) -> Iterator[str | Stdin | Check]:
    """Yield an input, or the checks in it when it is a letter."""
    if not isinstance(source, str):
        yield source
    elif (check := named(source)) is not None and not Path(source).exists():
        yield check
    elif Path(source).suffix.lower() in SUFFIXES or not is_letter(source):
        yield source
    else:
        try:
            for item in items(source):
                yield Check(source, item)
        except SnError as error:
            failed(error)


def results(
    args: argparse.Namespace, reader: CheckReader, jobs: Iterable[Job]
) -> Iterator[tuple[Job, Outcome | None]]:
    """Yield what becomes of each job: read here, in processes, or on a cluster."""
    if args.cluster:
        from pipeline.cluster import outcomes as of_cluster

        return of_cluster(reader, jobs, args.cluster)
    from pipeline.batch import FEW, outcomes
    from pipeline.warming import cores

    processes = args.processes
    if processes is None and args.list is None and hold_more(args.paths, FEW):
        processes = cores()  # none is read here: then this process needs no engine
    return outcomes(reader, jobs, processes=processes)


def hold_more(paths: Sequence[str], count: int) -> bool:
    """Tell whether files and folders, looked at from above, are more than `count` inputs."""
    found = 0
    for path in paths:
        if path == "-":
            return False
        try:
            with os.scandir(path) as entries:
                found += sum(1 for _ in islice(entries, count + 1))
        except OSError:
            found += 1
        if found > count:
            return True
    return False


# An interrupted run goes on.


def kept(args: argparse.Namespace, many: bool) -> bool:
    """Tell whether this run keeps a journal: a batch that writes lines into a file."""
    to_file = args.output not in (None, "-")
    if args.resume and (not to_file or args.table):
        raise Usage(f"{PROGRAM} read: --resume goes with -o FILE, and not with --table")
    if not to_file or args.table or not (many or args.resume):
        return False
    target = Path(args.output)
    return target.is_file() or not target.exists()  # not a pipe, nor /dev/null


def settings(args: argparse.Namespace, reader: CheckReader) -> dict[str, Any]:
    """Return what decides the bytes of a run's results."""
    limits = reader.limits
    return {
        "form": "json" if args.json else "csv" if args.csv else "lines",
        "grammar": reader.grammar,
        "field": reader.field if isinstance(reader.field, str) else list(reader.field),
        "threshold": reader.threshold,
        "page_threshold": reader.page_threshold,
        "expect": reader.expect,
        "expect-csv": args.expect_csv,
        "n-best": args.n_best,
        "limits": [limits.pixels, limits.tiff_any],
        "model": reader.known.sha256,
    }


def started(
    args: argparse.Namespace,
    journal: Journal,
    sheet: "Output",
    tally: "Tally",
    jobs: Iterator[Job],
) -> Iterator[Job]:
    """Return the jobs that are left, having begun a journal or gone on with one."""
    if not args.resume or not (journal.file.exists() or sheet.file.exists()):
        journal.start()
        return jobs
    if not journal.file.exists():
        remark(f"{printable(args.output)}: complete, nothing is left to read")
        sheet.keep(sheet.file.stat().st_size)
        return iter(())
    names, tally.note, place = journal.resume()
    sheet.keep(place)
    return left(jobs, names)


def left(jobs: Iterator[Job], names: Iterator[str]) -> Iterator[Job]:
    """Yield the jobs after those named, which must come first and in this order."""
    for name in names:
        job = next(jobs, None)
        if job is None or job.name != name:
            now = f"{printable(job.name)} comes now" if job else "nothing comes now"
            raise SnError(
                f"the inputs are not those of the interrupted run: {now} where "
                f"{printable(name)} was read. Read what is new apart"
            )
    yield from jobs


@contextmanager
def audit_log(args: argparse.Namespace, reader: CheckReader) -> "Iterator[Log | None]":
    """Open the log of ``--audit``; without it there is none."""
    if args.audit is None:
        yield None
        return
    from pipeline.audit import Log

    with Log(args.audit, reader) as log:
        yield log


# Results.


class Output:
    """Where the results go, and in what form; a context manager.

    `place` is the number of bytes written to a file; a file is made at `begin`, not before.
    """

    def __init__(self, args: argparse.Namespace, many: bool) -> None:
        self.args, self.many = args, many
        self.place = 0
        self.handle: BinaryIO | None = None
        self.file = Path("-" if args.output is None else args.output)
        self.kept: int | None = None
        self.rows: list[Reading] = []
        if str(self.file) != "-":
            self._spare_inputs()

    def _spare_inputs(self) -> None:
        target = self.file
        for path in map(Path, self.args.paths):
            same = path.resolve() == target.resolve()
            within = is_folder(path) and target.resolve().is_relative_to(path.resolve())
            if same or (within and target.suffix.lower() in SUFFIXES):
                raise Usage(f"{PROGRAM} read: -o {self.args.output} would overwrite an input")
        others = self.args.list, self.args.expect_csv, self.args.audit
        same = any(o is not None and Path(o).resolve() == target.resolve() for o in others)
        if same or (self.args.list is not None and _holds_images(target)):
            raise Usage(f"{PROGRAM} read: -o {self.args.output} would overwrite an input")

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        if self.handle is not None:
            self.handle.close()

    def keep(self, place: int) -> None:
        """Go on behind the first `place` bytes of the file instead of beginning anew."""
        self.kept = place

    def begin(self) -> None:
        """Make the file, or cut it back to what is kept."""
        if str(self.file) != "-":
            try:
                mode = "wb" if self.kept is None else "r+b"
                self.handle = self.file.open(mode, buffering=0)
            except OSError as error:
                what = f"cannot be written ({error.strerror})"
                raise ImageError(str(self.args.output), what) from None
            if self.kept is not None:
                self.handle.truncate(self.kept)
                self.handle.seek(self.kept)
                self.place = self.kept
        if self.args.csv and not self.place:
            self.line(csv_line(CSV_COLUMNS))

    def reading(self, reading: Reading) -> None:
        """Write one reading."""
        if self.args.table:
            self.rows.append(reading)
            if len(self.rows) == ROWS:
                self._table()
        else:
            self.line(shown(reading, self.args, self.many))

    def end(self) -> None:
        """Write what is still held back."""
        if self.rows:
            self._table()

    def line(self, text: str) -> None:
        """Write one whole line at once; an interrupt waits for its end."""
        masked = hasattr(signal, "pthread_sigmask") and (
            threading.current_thread() is threading.main_thread()
        )
        if masked:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            if self.handle is None:
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
            else:
                data = (text + "\n").encode("utf-8", "backslashreplace")
                self.handle.write(data)
                self.place += len(data)
        finally:
            if masked:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _table(self) -> None:
        from pipeline.tables import table_of

        terminal = self.handle is None and sys.stdout.isatty()
        for line in table_of(self.rows, guesses=self.args.n_best or 1, terminal=terminal):
            self.line(line)
        self.rows.clear()


def _holds_images(target: Path) -> bool:
    """Tell whether a file is an image or a letter, which a list may name."""
    try:
        with target.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return False
    return kind(head) is not None or is_pdf(head) or is_letter(str(target))


ROWS = 500  # of a table before it is written and the next one begins


def shown(reading: Reading, args: argparse.Namespace, many: bool) -> str:
    """Return a reading in the form that was asked for."""
    if args.json:
        return reading.to_json(args.n_best)
    if args.csv:
        return reading.to_csv(args.n_best)
    page = f" page {reading.page}" if reading.page > 1 else ""
    name = f"{printable(reading.file or '')}{page}: " if many or page else ""
    return "\n".join([name + reading.to_line(), *reading.guess_lines(args.n_best or 0)])


def remark(text: str) -> None:
    """Tell something that is neither a result nor an error."""
    print(f"{PROGRAM}: {text}", file=sys.stderr)


class Tally:
    """What a batch came to, told on stderr.

    `note` holds the numbers as plain values: those of an interrupted run are added to them.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.note: dict[str, Any] = {}

    def failed(self, error: Exception) -> None:
        """Tell one input that could not be read."""
        code = report(PROGRAM, error, self.args.debug)
        self.note = joined(self.note, {"failed": {str(code): 1}})

    def add(self, reading: Reading) -> None:
        """Count one reading and pass on what the gate remarked."""
        new: dict[str, Any] = {"model": reading.model}
        if reading:
            new |= {"read": 1, "doubt": round(1 - reading.confidence, 9)}
        else:
            new |= {"reasons": {str(reading.reason): 1}, "first": reading.file}
        self.note = joined(self.note, new)
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
        note = self.note
        reasons: dict[str, int] = note.get("reasons", {})
        codes: dict[str, int] = note.get("failed", {})
        read, rejected, failed = note.get("read", 0), sum(reasons.values()), sum(codes.values())
        if not self.args.quiet and (many or read + rejected > 1):
            ranked = sorted(reasons.items(), key=lambda item: -item[1])
            kinds = [f"{n} {reason.replace('_', ' ')}" for reason, n in ranked]
            told = f" ({', '.join(kinds)})" if kinds else ""
            print(f"{read} read, {rejected} rejected{told}, {failed} failed", file=sys.stderr)
            if read:
                doubt = 100 * note["doubt"] / read
                print(
                    f"expected error among the reads: {doubt:.1f} %, "
                    f"by the confidences of {printable(note['model'])}",
                    file=sys.stderr,
                )
            if note.get("first"):
                first = printable(shlex.quote(note["first"]))
                print(
                    f"next: {PROGRAM} explain {first} -o why.html shows why",
                    file=sys.stderr,
                )
        if failed:
            return 70 if "70" in codes else 1
        return 3 if self.args.strict and rejected else 0


@contextmanager
def progress_bar(args: argparse.Namespace, many: bool) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, unless the results themselves scroll there."""
    to_file = args.output is not None or not sys.stdout.isatty()
    if not (many and to_file and sys.stderr.isatty()) or args.quiet or args.no_progress:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    single = args.list is None and all(map(is_single, args.paths))
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task("", total=len(args.paths) if single else None)
        yield lambda: bar.advance(task)
