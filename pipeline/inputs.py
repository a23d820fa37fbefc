"""From the arguments of a batch to its inputs: files, folders, patterns, lists, standard input.

Names are passed on exactly as they were given, a folder's files joined with the folder as it
was given, because the records promise so. Nothing is opened here.
"""

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

from pipeline import pdf
from pipeline.cashletter import SUFFIXES as LETTERS
from pipeline.errors import ImageError
from pipeline.headers import SUFFIXES
from sn.command import printable

LONGEST_NAME = 8192  # bytes of a name in a list


class Stdin:
    """Standard input as one image; its content is never a list of paths."""

    name = "-"

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        return sys.stdin.buffer.read(size)


def listed(file: str, mark: bytes = b"\n") -> Iterator[str]:
    """Yield the names in a list, one on each line, as they come; ``-`` is standard input.

    `mark` ends a name: a zero byte for names that hold newlines. Raises ImageError when the
    list cannot be read or a line is no name.
    """
    try:
        handle = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise ImageError(file, f"cannot be opened ({error.strerror})") from None
    except ValueError:
        raise ImageError(file, "no such file (not a possible file name)") from None
    rest, number = b"", 0
    with handle if file != "-" else nullcontext():
        while True:
            part = handle.read1(65536) if hasattr(handle, "read1") else handle.read(65536)
            *names, rest = (rest + part).split(mark)
            if not part and rest:
                names, rest = [rest], b""
            for name in names:
                number += 1
                name = name.removesuffix(b"\r") if mark == b"\n" else name
                if name:
                    yield os.fsdecode(name)
            if len(rest) > LONGEST_NAME:
                what = f"entry {number + 1} is longer than any name. Is this a list of names?"
                raise ImageError(file, what)
            if not part:
                return


def inputs(
    paths: Iterable[str],
    failed: Callable[[Exception], None],
    skipped: Callable[[str], None],
    *,
    plain: bool = False,
) -> Iterator["str | Stdin"]:
    """Yield the inputs behind the arguments; folders are entered.

    Of a folder come, sorted, the images, image cash letters, and PDFs where they can be read.
    Hidden files are left alone. A symbolic link that leads out of its folder is skipped. A
    pattern the shell left alone, in quotes or too long for it, stands for the names it matches.
    With `plain` a path is a name and nothing else: neither a pattern nor standard input.
    """
    for path in paths:
        if not plain and is_pattern(path):
            matching = sorted(glob.iglob(path, recursive=True))  # noqa: PTH207 - names as given
            if not matching:
                failed(ImageError(path, "no file or folder has a name of this pattern"))
            yield from inputs(matching, failed, skipped)
        elif path == "-" and not plain:
            yield Stdin()
        elif is_folder(path):
            found = False
            for item in _entered(path, skipped):
                found = True
                if isinstance(item, ImageError):
                    failed(item)
                else:
                    yield item
            if not found:
                kinds = "PNG, JPEG, TIFF, BMP or PGM"
                failed(ImageError(path, f"no images in this folder ({kinds})"))
        else:
            yield path


def _entered(folder: str, skipped: Callable[[str], None]) -> Iterator[str | ImageError]:
    """Yield the images below a folder, and an error for each folder that cannot be opened."""
    known = SUFFIXES | LETTERS | ({".pdf"} if pdf.available() else frozenset())
    closed: list[OSError] = []
    home = Path(folder).resolve()
    # os.path.join keeps the folder exactly as it was given, as the record promises
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or Path(name).suffix.lower() not in known:
                continue
            file = os.path.join(place, name)  # noqa: PTH118 - see above
            if Path(file).is_symlink() and not _within(file, home):
                skipped(
                    f"{printable(file)}: skipped, the link leads out of {printable(folder)}"
                )
                continue
            yield file
    for error in closed:
        yield ImageError(str(error.filename), f"cannot be opened ({error.strerror})")


def _within(link: str, home: Path) -> bool:
    try:
        return Path(link).resolve().is_relative_to(home)
    except RuntimeError:  # a loop of links
        return False


def is_folder(path: str | Path) -> bool:
    """Tell whether a path is a folder that may be looked at."""
    with suppress(OSError):  # no permission to look: opening it will say so
        return Path(path).is_dir()
    return False


def is_pattern(path: str) -> bool:
    """Tell whether a path is a shell pattern and not the name of something."""
    return any(mark in path for mark in "*?[") and not os.path.lexists(path)


def is_single(path: str) -> bool:
    """Tell whether a path can stand for one input only."""
    return not (is_folder(path) or is_pattern(path))
