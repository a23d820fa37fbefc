"""From the arguments of a batch to its inputs: files, folders, patterns, standard input.

Names are passed on exactly as they were given, a folder's files joined with the folder as it
was given, because the records promise so. Nothing is opened here.
"""

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.errors import ImageError
from pipeline.headers import SUFFIXES
from sn.command import printable


class Stdin:
    """Standard input as one image; its content is never a list of paths."""

    name = "-"

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        return sys.stdin.buffer.read(size)


def inputs(
    paths: Sequence[str], failed: Callable[[Exception], None], skipped: Callable[[str], None]
) -> Iterator["str | Stdin"]:
    """Yield the inputs behind the arguments: folders are entered, sorted, images only.

    Hidden files are left alone. A symbolic link that leads out of its folder is skipped. A
    pattern the shell left alone, in quotes or too long for it, stands for the names it matches.
    """
    for path in paths:
        if is_pattern(path):
            matching = sorted(glob.iglob(path, recursive=True))  # noqa: PTH207 - names as given
            if not matching:
                failed(ImageError(path, "no file or folder has a name of this pattern"))
            yield from inputs(matching, failed, skipped)
        elif path == "-":
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
    closed: list[OSError] = []
    home = Path(folder).resolve()
    # os.path.join keeps the folder exactly as it was given, as the record promises
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
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
