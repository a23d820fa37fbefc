"""What ``check-reader evaluate`` does."""

import argparse
import json
import sys
from pathlib import Path

from lenet.canvas import check_name
from pipeline.batch import Job, outcomes
from pipeline.command_read import PROGRAM, reader_of
from pipeline.evaluation import Case, Evaluation, evaluated, labelled, report, usual_threshold
from sn.command import printable


def run_evaluate(args: argparse.Namespace) -> int:
    """Read a labelled folder; the table to stdout, the curve to a file."""
    import warnings

    if not sys.warnoptions and not args.debug:
        warnings.simplefilter("ignore")  # decoders remark on files; the gate says what matters
    if args.curve:
        check_name(Path(args.curve))
    truths = labelled(args.folder, args.labels)
    reader = reader_of(args)
    found = outcomes(reader, map(Job, truths), processes=args.processes)
    cases = progressed(args, evaluated(found, truths, reader.grammar), len(truths))
    result = Evaluation(cases, usual_threshold(cases, reader.threshold))
    for case in cases:
        if case.reason == "failed":
            print(f"{PROGRAM}: {printable(case.name)}: cannot be read", file=sys.stderr)
    if args.json:
        print(json.dumps(result.to_record(), separators=(",", ":")))
    else:
        print("\n".join(report(result, published=args.table is not None)))
    if args.misses:
        for case in cases:
            if not case.right or case.reason:
                print(missed(case), file=sys.stderr if args.json else sys.stdout)
    if args.curve:
        from pipeline.curves import save_curve

        title = f"{printable(args.folder.rstrip('/'))}, grammar {printable(args.grammar)}"
        save_curve(result, Path(args.curve), title, published=args.table is not None)
    return 1 if any(case.reason == "failed" for case in cases) else 0


def missed(case: Case) -> str:
    """Return the line that tells of a wrong or rejected case."""
    what = case.reason.replace("_", " ") if case.reason else "WRONG"
    guess = f"{case.guess} ({case.confidence:.3f})" if case.guess is not None else "nothing"
    return f"{what:<16} {printable(case.name)}: {case.truth} read as {guess}"


def progressed(args: argparse.Namespace, cases: object, total: int) -> list[Case]:
    """Collect the cases, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        return list(cases)
    return list(track(cases, "reading", total, console=console, transient=True))
