"""What a reading is, and how it is written down: JSON Lines, CSV, one line for people, HTML.

The last stage of the road. A record tells either what was read or why nothing was; the guesses
of a rejected field stand in `n_best` and nowhere else. It holds no pixels and decides nothing:
the decision is taken in `pipeline.reader`.
"""

import csv
import html
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import Rejected
from pipeline.money import money
from pipeline.rules import kind_of
from sn.command import printable

SCHEMA = "check-reader.read/1"
REASONS = (
    "ambiguous",
    "unexplained_ink",
    "grammar",
    "disagreement",
    "expect",
    "blank",
    "low_resolution",
    "poor_image",
    "no_field",
)
CSV_COLUMNS = (
    "file",
    "page",
    "status",
    "text",
    "amount",
    "confidence",
    "threshold",
    "reason",
    "n_best",
    "unexplained_ink",
    "dpi",
    "flags",
    "routing",
    "account",
    "serial",
    "date",
    "model",
    "engine",
    "version",
    "ms",
    "sha256",
)

_IN_WORDS = {
    "ambiguous": "no reading is sure enough",
    "unexplained_ink": "some of the ink belongs to no character",
    "grammar": "what is written is not of the expected form",
    "disagreement": "the two readers disagree",
    "expect": "not the expected amount",
    "blank": "no ink found",
    "low_resolution": "the digits are too small; rescan at 200 dpi",
    "poor_image": "the image is too poor; rescan",
    "no_field": "no field found",
}

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Character:
    """One character of a reading.

    `char` is the symbol, `p` its posterior 0...1, `box` its place (x, y, width, height) in
    pixels of the page, `alt` other symbols at the same place with their posteriors.
    """

    char: str
    p: float
    box: Box
    alt: tuple[tuple[str, float], ...] = ()

    def moved(self, x: int, y: int) -> "Character":
        """Return the character with its box moved by (x, y) pixels."""
        left, top, width, height = self.box
        return Character(self.char, self.p, (left + x, top + y, width, height), self.alt)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was seen of the image before reading.

    `dpi` dots per inch or None when unknown; `contrast` 0...1 between ink and paper;
    `skew_deg` degrees or None when not measured; `flags` remarks such as ``inverted``.
    """

    dpi: float | None = None
    contrast: float | None = None
    skew_deg: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeLine:
    """The code line of a check, read because the checksum of its routing number is right.

    `line` holds the figures and marks from left to right: T transit, U on us, A amount, - dash,
    ? what cannot be told. `routing` is the nine digits between the transit marks; `account` and
    `serial` are None where the line has none that can be read. `p` is the least likeness 0...1
    of a figure to its shape, `box` the place (x, y, width, height) in pixels of the page.
    """

    line: str
    routing: str
    account: str | None
    serial: str | None
    p: float
    box: Box


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """The date in a printed box of a check, read as surely as an amount must be.

    `text` is what stands there, as ``7/4/26``; `p` the confidence 0...1 of the whole; `box` the
    place of the box (x, y, width, height) in pixels of the page.
    """

    text: str
    p: float
    box: Box


@dataclass(frozen=True, slots=True)
class Reading:
    """One field, read or rejected; `bool(reading)` is "was read".

    `result` is the string of symbols, `amount` the amount with two decimals (None unless the
    grammar is ``amount``); both are None on a reject, as is `digits`. `confidence` is that of
    the whole path, `threshold` the one in force. `reason` is one of `REASONS` on a reject.
    `n_best` lists (text, confidence), best first. `unexplained_ink` is the share 0...1 of the
    ink outside the winning path, None when nothing was decoded. `ms` is the time in
    milliseconds. `code_line` and `date` are those of a whole check, if they can be read.
    `grammar` and `note`, a sentence, serve people and are not in the record.
    """

    file: str | None
    sha256: str
    page: int
    status: str
    result: str | None
    amount: str | None
    confidence: float
    threshold: float
    reason: str | None
    n_best: tuple[tuple[str, float], ...]
    digits: tuple[Character, ...] | None
    unexplained_ink: float | None
    quality: Quality
    model: str
    model_sha256: str
    engine: str
    version: str
    ms: float
    code_line: CodeLine | None = None
    date: WrittenDate | None = None
    grammar: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        read = self.status == "read"
        if self.status not in ("read", "reject"):
            raise ValueError(f"a reading is read or reject, not {self.status!r}")
        if read != (self.reason is None) or (self.reason and self.reason not in REASONS):
            raise ValueError(f"reason {self.reason!r} does not go with status {self.status!r}")
        if read != (self.result is not None) or (not read and (self.amount or self.digits)):
            raise ValueError("a text goes with a read, and with nothing else")

    @property
    def text(self) -> str:
        """The string read; raises `Rejected` after a reject."""
        if self.result is None:
            name = printable(self.file or "the image")
            raise Rejected(f"{name}: rejected as {self.reason}; look at best_guess, or rescan")
        return self.result

    @property
    def best_guess(self) -> str | None:
        """The most likely string, read or not; None when there is no guess at all."""
        return self.n_best[0][0] if self.n_best else None

    def __bool__(self) -> bool:
        return self.status == "read"

    def __str__(self) -> str:
        return self.result if self.result is not None else f"REJECT {self.reason}"

    def to_record(self, guesses: int | None = None) -> dict[str, object]:
        """Return the record of one line as plain values, keys in their fixed order.

        `guesses` is the number of best guesses told at most, None for all.
        """
        return {
            "schema": SCHEMA,
            "file": self.file,
            "sha256": self.sha256,
            "page": self.page,
            "status": self.status,
            "text": self.result,
            "amount": self.amount,
            "confidence": rounded(self.confidence),
            "threshold": self.threshold,
            "reason": self.reason,
            "n_best": [[text, rounded(p)] for text, p in self.n_best[:guesses]],
            "digits": None
            if self.digits is None
            else [
                {
                    "char": c.char,
                    "p": rounded(c.p),
                    "box": list(c.box),
                    "alt": [[char, rounded(p)] for char, p in c.alt],
                }
                for c in self.digits
            ],
            "unexplained_ink": rounded(self.unexplained_ink),
            "quality": {
                "dpi": rounded(self.quality.dpi),
                "contrast": rounded(self.quality.contrast),
                "skew_deg": rounded(self.quality.skew_deg),
                "flags": list(self.quality.flags),
            },
            "code_line": None
            if self.code_line is None
            else {
                "line": self.code_line.line,
                "routing": self.code_line.routing,
                "account": self.code_line.account,
                "serial": self.code_line.serial,
                "p": rounded(self.code_line.p),
                "box": list(self.code_line.box),
            },
            "date": None
            if self.date is None
            else {
                "text": self.date.text,
                "p": rounded(self.date.p),
                "box": list(self.date.box),
            },
            "model": {"name": self.model, "sha256": self.model_sha256},
            "engine": self.engine,
            "version": self.version,
            "ms": round(self.ms, 1),
        }

    def to_json(self, guesses: int | None = None) -> str:
        """Return the record as one line of JSON, ASCII only, without the newline.

        File names that are not valid text keep their stray bytes as lone surrogates, so the
        `file` of the record is the name exactly as it was given.
        """
        return json.dumps(self.to_record(guesses), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Reading":
        """Return the reading a line of `to_json` tells of; `note` is not part of a record."""
        record = json.loads(line)
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise ValueError(f"not a {SCHEMA} record")
        quality = record["quality"]
        digits = record["digits"]
        return cls(
            file=record["file"],
            sha256=record["sha256"],
            page=record["page"],
            status=record["status"],
            result=record["text"],
            amount=record["amount"],
            confidence=record["confidence"],
            threshold=record["threshold"],
            reason=record["reason"],
            n_best=tuple((text, p) for text, p in record["n_best"]),
            digits=None
            if digits is None
            else tuple(
                Character(
                    d["char"], d["p"], tuple(d["box"]), tuple((c, p) for c, p in d["alt"])
                )
                for d in digits
            ),
            unexplained_ink=record["unexplained_ink"],
            quality=Quality(
                quality["dpi"],
                quality["contrast"],
                quality["skew_deg"],
                tuple(quality["flags"]),
            ),
            model=record["model"]["name"],
            model_sha256=record["model"]["sha256"],
            engine=record["engine"],
            version=record["version"],
            ms=record["ms"],
            code_line=None
            if record.get("code_line") is None
            else CodeLine(**{**record["code_line"], "box": tuple(record["code_line"]["box"])}),
            date=None
            if record.get("date") is None
            else WrittenDate(**{**record["date"], "box": tuple(record["date"]["box"])}),
        )

    def to_csv(self, guesses: int | None = None) -> str:
        """Return the record as one CSV line (columns `CSV_COLUMNS`) without the newline."""
        record = self.to_record()
        record["n_best"] = "; ".join(f"{text} ({p:.3f})" for text, p in self.n_best[:guesses])
        record["dpi"] = self.quality.dpi
        record["flags"] = " ".join(self.quality.flags)
        code = self.code_line
        record["routing"] = code and code.routing
        record["account"] = code and code.account
        record["serial"] = code and code.serial
        record["date"] = self.date and self.date.text
        record["model"] = f"{self.model} sha256:{self.model_sha256}"
        return csv_line(record[column] for column in CSV_COLUMNS)

    def to_line(self) -> str:
        """Return what a person is told: the string and its confidence, or why there is none."""
        if self.result is not None:
            sure = f"confidence {self.confidence:.3f}  {self.ms:3.0f} ms"
            return f"{self.shown(self.result):<50}  {sure}"
        if not self.n_best:
            return f"REJECT {self.reason}: {self.why()}"
        guesses = ", then ".join(f"{self.shown(text)} ({p:.2f})" for text, p in self.n_best[:2])
        return f"REJECT  best guess {guesses}: {self.why()}"

    def guess_lines(self, count: int) -> list[str]:
        """Return the `count` best guesses, one on each line, as they stand below a result."""
        return [
            f"  {k}. {self.shown(text):<45}  confidence {p:.3f}"
            for k, (text, p) in enumerate(self.n_best[:count], 1)
        ]

    def why(self) -> str:
        """Return the sentence why there is no result, empty after a read."""
        return "" if self.reason is None else self.note or _IN_WORDS[self.reason]

    def shown(self, text: str) -> str:
        """Return a string as a person writes it: amounts with their money mark."""
        amount = money(text) if kind_of(self.grammar) == "amount" else None
        return f"$ {amount[0]}" if amount else text

    def _repr_html_(self) -> str:
        """Show the reading in a notebook; everything from outside is escaped."""

        def cell(value: object) -> str:
            return f"<td>{html.escape(str(value))}</td>"

        head = html.escape(printable(self.to_line()))
        if self.digits:
            rows = "".join(
                "<tr>" + cell(c.char) + cell(f"{c.p:.3f}") + cell(c.box) + "</tr>"
                for c in self.digits
            )
            title = "<tr><th>character</th><th>p</th><th>x, y, width, height</th></tr>"
        else:
            rows = "".join(
                "<tr>" + cell(text) + cell(f"{p:.3f}") + "</tr>" for text, p in self.n_best
            )
            title = "<tr><th>guess</th><th>confidence</th></tr>"
        name = html.escape(printable(self.file or ""))
        return f"<p>{name}<br><b>{head}</b></p><table>{title}{rows}</table>"


def csv_line(cells: Iterable[object]) -> str:
    r"""Return cells as one line of CSV that no spreadsheet takes for a formula.

    None becomes an empty cell; a text that starts with ``= + - @`` or a control character gets
    a leading apostrophe.

    >>> csv_line(["a,b", "=1+2", None, 3])
    '"a,b",\'=1+2,,3'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(_neutral(cell) for cell in cells)
    return line.getvalue()


def _neutral(cell: object) -> object:
    if isinstance(cell, str):
        cell = printable(cell)
        return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
    return cell


def rounded(value: float | None) -> float | None:
    """Return a number with the six decimals a record keeps.

    >>> rounded(0.123456789), rounded(None)
    (0.123457, None)
    """
    return None if value is None else round(float(value), 6)
