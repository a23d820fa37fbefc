"""What a batch has done, kept beside its results, so that an interrupted run can go on.

``FILE.journal`` is JSON Lines: first the settings of the run, then one line for each input that
is finished, with the number of bytes of results up to there. A run that goes on cuts the
results back to the last finished input, skips what is in the journal, and ends with the same
bytes as a run that was never interrupted. A finished run leaves no journal.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import ImageError
from sn.command import printable
from sn.errors import SnError

SCHEMA = "check-reader.journal/1"


class Journal:
    """The journal of one file of results.

    Parameters
    ----------
    results
        The file of results.
    settings
        What decides them, as plain values; a run goes on with the same settings only.
    """

    def __init__(self, results: Path, settings: dict[str, Any]) -> None:
        self.results = results
        self.file = results.with_name(results.name + ".journal")
        self.settings = json.loads(json.dumps(settings))
        self.handle: BinaryIO | None = None

    def start(self) -> None:
        """Begin a new journal. Raises SnError when there is one already."""
        if self.file.exists():
            raise SnError(
                f"{printable(str(self.results))}: an interrupted run is waiting there; "
                f"--resume goes on with it, or remove {printable(str(self.file))}"
            )
        try:
            self.handle = self.file.open("xb", buffering=0)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise ImageError(str(self.results), what) from None
        self._line({"schema": SCHEMA, "settings": self.settings})

    def resume(self) -> tuple[Iterator[str], list[dict[str, Any]], int]:
        """Open the journal of an interrupted run.

        Returns the names of the finished inputs in order, their notes joined by `joined`, and
        the bytes of results they left; results beyond are to be cut off. Raises SnError when
        the run had other settings or the journal is damaged.
        """
        notes: dict[str, Any] = {}
        size = self.results.stat().st_size if self.results.exists() else 0
        whole, done = 0, 0
        for n, (line, end) in enumerate(_lines(self.file)):
            if n == 0:
                self._check(line)
            elif line["bytes"] > size:  # results that never reached the disk
                break
            else:
                done, notes = line["bytes"], joined(notes, line["note"])
            whole = end
        if not whole:
            raise SnError(f"{printable(str(self.file))}: no journal of a run; remove it")
        self.handle = self.file.open("r+b", buffering=0)
        self.handle.truncate(whole)
        self.handle.seek(0, os.SEEK_END)
        return self._names(whole), notes, done

    def _names(self, whole: int) -> Iterator[str]:
        for n, (line, end) in enumerate(_lines(self.file)):
            if n:
                yield line["input"]
            if end >= whole:
                return

    def _check(self, line: dict[str, Any]) -> None:
        if line.get("schema") != SCHEMA:
            raise SnError(f"{printable(str(self.file))}: this is no journal of check-reader")
        theirs, ours = line["settings"], self.settings
        other = [key for key in ours if theirs.get(key) != ours[key]]
        if other:
            raise SnError(
                f"{printable(str(self.results))}: the interrupted run had another "
                f"{' and another '.join(other)}; --resume goes on with the same options only"
            )

    def finished(self, name: str, end: int, note: dict[str, Any]) -> None:
        """Note one input as finished; its results are written and end at byte `end`."""
        self._line({"input": name, "bytes": end, "note": note})

    def close(self, *, complete: bool) -> None:
        """Close the journal, and remove it after a complete run."""
        if self.handle is not None:
            self.handle.close()
            self.handle = None
        if complete:
            self.file.unlink(missing_ok=True)

    def _line(self, content: dict[str, Any]) -> None:
        assert self.handle is not None
        self.handle.write(json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n")


def _lines(file: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the whole lines of a journal and where they end; half a line ends it."""
    end = 0
    with file.open("rb") as handle:
        for line in handle:
            end += len(line)
            content = None
            with suppress(ValueError, RecursionError):
                content = json.loads(line) if line.endswith(b"\n") else None
            if not isinstance(content, dict):
                return
            yield content, end


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two notes as one: numbers are added, numbers by name too, the first text stays.

    >>> joined({"read": 2, "why": {"blank": 1}}, {"read": 1, "why": {"blank": 2}, "by": "a"})
    {'read': 3, 'why': {'blank': 3}, 'by': 'a'}
    """
    result = dict(one)
    for key, value in other.items():
        before = result.get(key)
        if before is None or value is None:
            result[key] = value if before is None else before
        elif isinstance(value, dict):
            result[key] = joined(before, value)
        elif not isinstance(value, str):
            result[key] = before + value
    return result
