"""Tables of inputs and what they say: that of ``--expect-csv``, and labels.

Two columns, file and amount (or text), with or without a header, parted by comma, semicolon or
tab. A file is found by its name as it was given on the command line, else by its last part.
"""

import csv
from collections.abc import Callable
from pathlib import Path, PurePath

from sn.command import printable
from sn.errors import SnError

MOST_BYTES = 200_000_000
_FILES = ("file", "image", "name", "path")
_TEXTS = ("expect", "expected", "amount", "text", "label")


class Expectations:
    """The expected string of each input.

    >>> found = Expectations({"scans/a.png": "125.00"})
    >>> found.of("scans/a.png"), found.of("elsewhere/a.png"), found.of("b.png")
    ('125.00', '125.00', '')
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = dict(texts)
        for name, text in texts.items():
            last = PurePath(name).name
            if last not in texts:
                # Two files of one last name: neither is found by it.
                self.texts[last] = "" if self.texts.get(last, text) != text else text

    def of(self, name: str) -> str:
        """Return what an input is expected to say, "" when that is not known."""
        return self.texts.get(name) or self.texts.get(PurePath(name).name, "")


def load(file: str, checked: Callable[[str], str]) -> Expectations:
    """Read what every input is expected to say; see `table`."""
    return Expectations(table(file, checked))


def table(file: str, checked: Callable[[str], str]) -> dict[str, str]:
    """Read a table of files and texts.

    `checked` brings a text into the form of readings, or raises ValueError.
    Raises SnError, naming the line, for what cannot be read.
    """
    label = printable(file)
    try:
        if Path(file).stat().st_size > MOST_BYTES:
            raise SnError(f"{label}: larger than {MOST_BYTES // 10**6} MB")
        content = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SnError(f"{label}: cannot be opened ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SnError(f"{label}: not text in UTF-8") from None
    except ValueError:
        raise SnError(f"{label}: no such file (not a possible file name)") from None
    lines = content.splitlines()
    first = next((line for line in lines if line.strip()), "")
    mark = next((m for m in ("\t", ";") if m in first), ",")
    texts: dict[str, str] = {}
    columns: tuple[int, int] | None = None
    for number, line in enumerate(lines, 1):
        try:
            cells = [
                c.strip() for c in next(csv.reader([line], delimiter=mark, strict=True), [])
            ]
        except csv.Error as error:
            raise SnError(f"{label}: line {number}: {error}") from None
        if not any(cells):
            continue
        if columns is None:
            columns = _columns([c.lower() for c in cells])
            if columns is not None:
                continue
            columns = 0, 1
        if len(cells) <= max(columns):
            raise SnError(f"{label}: line {number}: a file and an amount are expected")
        name, text = cells[columns[0]], cells[columns[1]]
        try:
            text = checked(text)
        except ValueError as error:
            raise SnError(f"{label}: line {number}: {error}") from None
        if texts.get(name, text) != text:
            raise SnError(f"{label}: line {number}: {printable(name)} stands there twice")
        texts[name] = text
    return texts


def _columns(heads: list[str]) -> tuple[int, int] | None:
    """Return the columns of file and text when a line is a header."""
    file = next((heads.index(h) for h in _FILES if h in heads), None)
    text = next((heads.index(h) for h in _TEXTS if h in heads), None)
    return None if file is None or text is None else (file, text)
