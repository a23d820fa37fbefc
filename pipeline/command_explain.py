"""What ``check-reader explain`` does."""

import argparse
import sys
from pathlib import Path

from pipeline.batch import Blob
from pipeline.cashletter import named
from pipeline.command_read import PROGRAM, reader_of
from pipeline.errors import ImageError
from pipeline.explain import explain
from pipeline.explain_drawing import FORMS, save
from sn.command import Usage, printable


def run_explain(args: argparse.Namespace) -> int:
    """Draw why an image was read or rejected; the sentence goes to stdout."""
    import warnings

    if not sys.warnoptions and not args.debug:
        warnings.simplefilter("ignore")  # decoders remark on files; the gate says what matters
    target = Path(args.output)
    if target.suffix.lower() not in FORMS:
        raise Usage(f"{PROGRAM} explain: -o {args.output} is not .html, .svg or .png")
    if args.image != "-" and target.resolve() == Path(args.image).resolve():
        raise Usage(f"{PROGRAM} explain: -o {args.output} would overwrite the image")
    reader = reader_of(args)
    source = args.image
    if (check := named(source)) is not None and not Path(source).exists():
        source = check
    elif source == "-":
        source = Blob("-", sys.stdin.buffer.read(reader.limits.file_bytes + 1))
    found = explain(reader, source, args.page)
    try:
        save(found, target)
    except OSError as error:
        raise ImageError(args.output, f"cannot be written ({error.strerror})") from None
    print(printable(found.sentence))
    return 0
