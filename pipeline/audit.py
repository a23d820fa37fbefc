"""The audit log: who was told what, when, by which weights, provable afterwards.

JSON Lines, only ever appended to. Every entry holds the digest of the one before and its own,
so nothing can be changed, taken out or put in without breaking the chain; what is cut off the
end shows against a head noted elsewhere. An entry names its image and its weights by digest,
and holds the settings and the decision, so that `replay` can decide again and compare bytes.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from pipeline.batch import Job
from pipeline.cashletter import named
from pipeline.errors import ImageError
from pipeline.grammars import GRAMMARS
from pipeline.image import Limits
from pipeline.reader import CheckReader
from pipeline.records import Reading, rounded
from sn.command import printable, version
from sn.errors import SnError

SCHEMA = "check-reader.audit/1"
GENESIS = "0" * 64
MOST_BYTES = 1_000_000  # of an entry


class AuditError(SnError):
    """A log that cannot be used, or that was tampered with."""


def digest(entry: dict[str, Any]) -> str:
    """Return the digest of an entry without its own: SHA-256 of its canonical JSON."""
    content = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def decision(reading: Reading) -> dict[str, Any]:
    """Return what a reading decides: its record without input, model and time."""
    record = reading.to_record()
    for key in ("schema", "file", "sha256", "page", "threshold", "model", "version", "ms"):
        del record[key]
    return record


def settings_of(reader: CheckReader) -> dict[str, Any]:
    """Return what decides besides the image, as plain values, with digests."""
    expression = GRAMMARS.get(reader.grammar, reader.grammar)
    limits = reader.limits
    return {
        "weights": {"name": reader.known.name, "sha256": reader.known.sha256},
        "grammar": {
            "name": reader.grammar,
            "sha256": hashlib.sha256(expression.encode("utf-8")).hexdigest(),
        },
        "engine": reader.known.mode,
        "threshold": reader.threshold,
        "page_threshold": reader.page_threshold,
        "max_error": reader.max_error,
        "field": reader.field if isinstance(reader.field, str) else list(reader.field),
        "limits": {
            "pixels": limits.pixels,
            "file_pixels": limits.file_pixels,
            "tiff_any": limits.tiff_any,
        },
        "version": version(),
    }


class Log:
    """An open log, this run's own until it is closed; a context manager.

    Raises AuditError when another run writes it or its end is no entry of a log.
    """

    def __init__(self, file: str | Path, reader: CheckReader) -> None:
        self.file, self.expect = Path(file), reader.expect
        self.settings = settings_of(reader)
        self.handle: BinaryIO | None = None
        self.head, self.count = GENESIS, 0

    def __enter__(self) -> "Log":
        try:
            handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ImageError(str(self.file), f"cannot be written ({error.strerror})") from None
        self.handle = os.fdopen(handle, "r+b", buffering=0)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.handle.close()
            raise AuditError(f"{self.label}: another run is writing this log") from None
        torn = self._find_head()
        self._append({"kind": "run", **self.settings, **({"torn": torn} if torn else {})})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.handle is not None
        with suppress(OSError):  # pipes and the like have nothing to sync
            os.fsync(self.handle.fileno())
        self.handle.close()

    @property
    def label(self) -> str:
        """The name for messages."""
        return printable(str(self.file))

    def _find_head(self) -> int:
        """Take up the chain at its last entry; return the bytes of half an entry cut off."""
        assert self.handle is not None
        size = self.handle.seek(0, os.SEEK_END)
        start = max(0, size - 2 * MOST_BYTES)
        self.handle.seek(start)
        tail = self.handle.read(size - start)
        end = tail.rfind(b"\n") + 1
        torn = len(tail) - end
        if end:
            line = tail[:end].splitlines()[-1]
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                entry = json.loads(line)
                if entry["schema"] == SCHEMA and digest(entry) == entry["hash"]:
                    self.head, self.count = entry["hash"], entry["n"] + 1
        if (end or torn > MOST_BYTES) and not self.count:
            raise AuditError(f"{self.label}: this is no audit log, or its end is damaged")
        if torn:  # a run was killed while it wrote: never a whole entry
            self.handle.truncate(size - torn)
        return torn

    def decided(self, job: Job, reading: Reading) -> None:
        """Append the decision on one page."""
        self._append(
            {
                "kind": "decision",
                "image": {"file": reading.file, "sha256": reading.sha256, "page": reading.page},
                "weights": reading.model_sha256,
                "grammar": self.settings["grammar"]["sha256"],
                "threshold": reading.threshold,
                "expect": self.expect if job.expect is None else job.expect,
                "decision": decision(reading),
            }
        )

    def failed(self, job: Job, error: Exception) -> None:
        """Append that an input could not be read."""
        self._append({"kind": "failed", "file": job.name, "why": printable(str(error))[:1000]})

    def _append(self, content: dict[str, Any]) -> None:
        assert self.handle is not None
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {
            "schema": SCHEMA,
            "n": self.count,
            "time": now,
            "previous": self.head,
            **content,
        }
        entry["hash"] = digest(entry)
        line = json.dumps(entry, separators=(",", ":"), allow_nan=False)
        self.handle.write(line.encode("ascii") + b"\n")
        self.head, self.count = entry["hash"], self.count + 1


def entries(file: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a log, each checked against its digest and the one before.

    Raises AuditError at the first that does not fit, naming its line.
    """
    label = printable(str(file))
    previous, number = GENESIS, 0
    try:
        handle = Path(file).open("rb")  # noqa: SIM115 - closed below, errors of opening apart
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a possible file name"
        raise ImageError(str(file), f"cannot be opened ({why})") from None
    with handle:
        while line := handle.readline(MOST_BYTES):
            where = f"{label}: line {number + 1}"
            if not line.endswith(b"\n"):
                what = "is half an entry: a run was killed while it wrote, or the log was cut"
                raise AuditError(f"{where} {what}")
            try:
                entry = json.loads(line)
                told, before, n = entry["hash"], entry["previous"], entry["n"]
                sound = entry["schema"] == SCHEMA and digest(entry) == told
            except (ValueError, KeyError, TypeError, RecursionError):
                raise AuditError(f"{where} is no entry of an audit log") from None
            if not sound:
                raise AuditError(f"{where} was changed: its content has another digest")
            if before != previous or n != number:
                what = "does not follow the line before: entries were taken out or put in"
                raise AuditError(f"{where} {what}")
            yield entry
            previous, number = told, number + 1


@dataclass(slots=True)
class Verdict:
    """What a check of a log found; `head` is the digest of its last entry."""

    entries: int = 0
    runs: int = 0
    decisions: int = 0
    failed: int = 0
    head: str = GENESIS


def verify(file: str | Path, head: str | None = None) -> Verdict:
    """Check the chain of a log.

    `head` is a digest noted earlier: the log must still hold that entry. Raises AuditError.
    """
    found, seen = Verdict(), head is None
    for entry in entries(file):
        found.entries += 1
        found.runs += entry["kind"] == "run"
        found.decisions += entry["kind"] == "decision"
        found.failed += entry["kind"] == "failed"
        found.head = entry["hash"]
        seen = seen or entry["hash"] == head
    if not seen:
        what = "the entry with the noted head is not there: the log was cut off or replaced"
        raise AuditError(f"{printable(str(file))}: {what}")
    return found


def replay(file: str | Path, images: str | Path | None = None) -> Iterator[tuple[str, str]]:
    """Decide every entry again; yield (outcome, sentence) for each page, in order.

    Outcomes: ``same`` (the same bytes), ``differ``, ``missing`` (no such image or weights at
    hand). Images are looked for under their names, and by digest in the folder `images`.
    """
    index = _index(Path(images)) if images is not None else {}
    reader: CheckReader | None = None
    run: dict[str, Any] = {}

    def key(entry: dict[str, Any]) -> tuple[object, ...]:
        image = entry.get("image", {})
        return entry["kind"], image.get("file"), image.get("sha256"), entry.get("expect")

    for (kind, name, sha256, expect), group in groupby(entries(file), key):
        if kind == "run":
            *_, run = group
            reader = _again(run)
        elif kind == "decision" and reader is not None:
            yield from _decide(reader, run, list(group), name, sha256, expect, index)


def _again(run: dict[str, Any]) -> CheckReader:
    """Return the reader of a run."""
    place = run["field"]
    return CheckReader(
        grammar=run["grammar"]["name"],
        field=place if isinstance(place, str) else tuple(place),
        min_confidence=run["threshold"],
        page_confidence=run.get("page_threshold"),
        engine=run["engine"],
        limits=Limits(**run["limits"]),
    )


def _decide(
    reader: CheckReader,
    run: dict[str, Any],
    group: list[dict[str, Any]],
    name: str | None,
    sha256: str,
    expect: str | None,
    index: dict[str, str],
) -> Iterator[tuple[str, str]]:
    label = printable(name or "an image without a name")
    here = settings_of(reader)
    lacking = [
        f"{what} are other ones here"
        for what, ours, theirs in (
            ("the weights", here["weights"]["sha256"], run["weights"]["sha256"]),
            ("the rules of the grammar", here["grammar"]["sha256"], run["grammar"]["sha256"]),
        )
        if ours != theirs
    ]
    found: dict[int, dict[str, Any]] = {}
    source = index.get(sha256, name)
    if not lacking and source is None:
        lacking.append("the image is not at hand")
    if not lacking:
        try:
            check = None if Path(str(source)).exists() else named(str(source))
            for reading in reader.pages(check or str(source), expect):
                if reading.sha256 != sha256:
                    lacking.append("the image has changed since")
                    break
                found[reading.page] = json.loads(json.dumps(decision(reading)))
        except SnError as error:
            if not found:
                lacking.append(str(error))
    for entry in group:
        page, then = entry["image"]["page"], entry["decision"]
        where = f"{label} page {page}"
        if lacking:
            yield "missing", f"{where}: {lacking[0]}"
        elif found.get(page) == then:
            yield "same", where
        else:
            now = found.get(page)
            yield "differ", f"{where}: {_told(then)} then, {_told(now)} now"


def _told(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no such page"
    what = found["text"] if found["status"] == "read" else f"REJECT {found['reason']}"
    return f"{what} ({rounded(found['confidence'])})"


def _index(folder: Path) -> dict[str, str]:
    """Return the images of a folder by their digest."""
    if not folder.is_dir():
        raise ImageError(str(folder), "no such folder")
    most = Limits().file_bytes
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.stat().st_size <= most:
            found[hashlib.sha256(file.read_bytes()).hexdigest()] = str(file)
    return found
