"""Records: JSON Lines, CSV, lines for people, and the rule that guesses stay guesses."""

import csv
import io
import json
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Rejected
from pipeline.money import money
from pipeline.records import (
    CSV_COLUMNS,
    REASONS,
    Character,
    CodeLine,
    Quality,
    Reading,
    WrittenDate,
    csv_line,
)
from sn.errors import SnError

READ = Reading(
    file="scans/017.png",
    sha256="ab" * 32,
    page=1,
    status="read",
    result="740",
    amount="740.00",
    confidence=0.9971234567,
    threshold=0.92,
    reason=None,
    n_best=(("740", 0.9971234567), ("140", 0.001)),
    digits=(Character("7", 0.99, (3, 4, 10, 20), (("1", 0.005),)),),
    unexplained_ink=0.01,
    quality=Quality(200.0, 0.8, -1.25, ("inverted",)),
    model="lenet5",
    model_sha256="cd" * 32,
    engine="hos",
    version="0.1.0",
    ms=9.04,
    grammar="amount",
)
REJECT = replace(
    READ,
    status="reject",
    result=None,
    amount=None,
    digits=None,
    confidence=0.61,
    reason="ambiguous",
    n_best=(("740", 0.61), ("140", 0.35)),
    note="the first digit is 7 or 1",
)


def test_a_record_has_the_keys_of_the_schema_in_their_order():
    assert list(json.loads(READ.to_json())) == [
        "schema",
        "file",
        "sha256",
        "page",
        "status",
        "text",
        "amount",
        "confidence",
        "threshold",
        "reason",
        "n_best",
        "digits",
        "unexplained_ink",
        "quality",
        "code_line",
        "date",
        "model",
        "engine",
        "version",
        "ms",
    ]


def test_a_read_is_written_whole():
    record = json.loads(READ.to_json())
    assert record["schema"] == "check-reader.read/1"
    assert (record["status"], record["text"], record["amount"]) == ("read", "740", "740.00")
    assert record["reason"] is None
    assert record["confidence"] == 0.997123
    alternates = [["1", 0.005]]
    assert record["digits"] == [
        {"char": "7", "p": 0.99, "box": [3, 4, 10, 20], "alt": alternates}
    ]
    assert record["quality"] == {
        "dpi": 200.0,
        "contrast": 0.8,
        "skew_deg": -1.25,
        "flags": ["inverted"],
    }
    assert record["model"] == {"name": "lenet5", "sha256": "cd" * 32}


def test_a_reject_keeps_its_guesses_in_n_best_alone():
    record = json.loads(REJECT.to_json())
    assert record["text"] is record["amount"] is record["digits"] is None
    assert record["n_best"] == [["740", 0.61], ["140", 0.35]]
    del record["n_best"]
    assert "740" not in json.dumps(record)


def test_the_text_of_a_reject_cannot_be_used_by_mistake():
    with pytest.raises(Rejected, match=r"scans/017\.png: rejected as ambiguous"):
        _ = REJECT.text
    assert issubclass(Rejected, SnError)
    assert REJECT.best_guess == "740"
    assert not REJECT
    assert READ
    assert (READ.text, str(READ), str(REJECT)) == ("740", "740", "REJECT ambiguous")


def test_a_reading_cannot_contradict_itself():
    for wrong in (
        {"status": "maybe"},
        {"reason": "ambiguous"},
        {"result": None},
        {"status": "reject"},
    ):
        with pytest.raises(ValueError, match=r"read|status"):
            replace(READ, **wrong)
    with pytest.raises(ValueError, match="does not go with"):
        replace(REJECT, reason="unlucky")
    with pytest.raises(FrozenInstanceError):
        READ.page = 2


@pytest.mark.parametrize("reading", [READ, REJECT])
def test_json_round_trips(reading):
    again = Reading.from_json(reading.to_json())
    assert again.to_json() == reading.to_json()
    assert Reading.from_json(again.to_json()) == again
    with pytest.raises(ValueError, match="not a check-reader"):
        Reading.from_json('{"schema":"other/1"}')


@given(name=st.text(st.characters(exclude_categories=()), max_size=12))
def test_any_file_name_survives_json_on_one_line(name):
    line = replace(READ, file=name).to_json()
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["file"] == name


@pytest.mark.parametrize(
    ("reading", "line"),
    [
        (replace(READ, amount=None, result="201-555-0142", grammar="phone"), "201-555-0142"),
        (READ, "$ 740.00"),
    ],
)
def test_a_read_is_told_with_confidence_and_time(reading, line):
    assert reading.to_line() == f"{line:<50}  confidence 0.997    9 ms"


def test_a_reject_is_told_with_its_guesses_and_the_reason():
    assert REJECT.to_line() == (
        "REJECT  best guess $ 740.00 (0.61), then $ 140.00 (0.35): the first digit is 7 or 1"
    )
    blank = replace(REJECT, n_best=(), reason="blank", note="no ink found")
    assert blank.to_line() == "REJECT blank: no ink found"


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_words(reason):
    line = replace(REJECT, n_best=(), reason=reason, note="").to_line()
    assert line.startswith(f"REJECT {reason}: ")
    assert len(line) > len(f"REJECT {reason}: ") + 5


def test_csv_has_a_cell_for_every_column():
    (row,) = csv.reader(io.StringIO(REJECT.to_csv()))
    cells = dict(zip(CSV_COLUMNS, row, strict=True))
    assert (cells["text"], cells["reason"]) == ("", "ambiguous")
    assert cells["n_best"] == "740 (0.610); 140 (0.350)"
    assert cells["model"] == "lenet5 sha256:" + "cd" * 32


@given(text=st.text(max_size=8))
def test_no_cell_is_a_formula_or_breaks_its_line(text):
    line = csv_line([text, "end"])
    ((cell, end),) = csv.reader(io.StringIO(line))
    assert end == "end"
    assert "\n" not in line
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_formulas_get_an_apostrophe():
    assert csv_line(["=1+2", "-5", "@x", "+1", "12"]) == "'=1+2,'-5,'@x,'+1,12"


def test_html_escapes_what_comes_from_outside():
    shown = replace(READ, file="<script>\x1b[2J.png")._repr_html_()
    assert "<script>" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown
    assert "<td>7</td>" in shown
    guesses = REJECT._repr_html_()
    assert "140" in guesses


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234.56", ("1234.56", False)),
        ("$1,234,567.80", ("1234567.80", False)),
        ("1.234.567", ("1234567.00", True)),
        ("1.234,56", ("1234.56", False)),
        ("740", ("740.00", True)),
        ("740.-", ("740.00", True)),
        ("740=", ("740.00", True)),
        ("740/-", ("740.00", True)),
        ("740.=", ("740.00", True)),
        ("740,-", ("740.00", True)),
        ("=740.", ("740.00", True)),
        ("125.50-", ("125.50", False)),
        ("1.234.56", ("1234.56", False)),
        ("$#125 xx/100**", ("125.00", False)),
        ("**740**", ("740.00", True)),
        (".50", ("0.50", False)),
        ("007.10", ("7.10", False)),
        ("125 50/100", ("125.50", False)),
        ("125 xx/100", ("125.00", False)),
        ("125-50/100", ("125.50", False)),
        ("50/100", ("0.50", False)),
        ("547/100*", ("5.47", False)),
        ("5xx/100", ("5.00", False)),
        ("12.5", None),
        ("1,2345", None),
        ("12,34.567", None),
        ("", None),
        ("$", None),
        ("12-34", None),
    ],
)
def test_amounts_become_exact_decimal_strings(written, amount):
    assert money(written) == amount


@given(st.integers(0, 10**12))
def test_an_amount_written_with_commas_comes_back(cents):
    whole, rest = divmod(cents, 100)
    assert money(f"${whole:,}.{rest:02d}") == (f"{whole}.{rest:02d}", False)


def test_a_code_line_goes_into_record_and_table():
    code = CodeLine("T021000018T 4417U 0101", "021000018", "4417", None, 0.9, (1, 2, 3, 4))
    reading = replace(READ, code_line=code)
    assert json.loads(reading.to_json())["code_line"]["routing"] == "021000018"
    assert Reading.from_json(reading.to_json()).code_line == code
    row = dict(zip(CSV_COLUMNS, next(csv.reader([reading.to_csv()])), strict=True))
    assert (row["routing"], row["account"], row["serial"]) == ("021000018", "4417", "")


def test_a_date_goes_into_record_and_table():
    reading = replace(READ, date=WrittenDate("7/4/26", 0.99, (1, 2, 3, 4)))
    written = {"text": "7/4/26", "p": 0.99, "box": [1, 2, 3, 4]}
    assert json.loads(reading.to_json())["date"] == written
    assert Reading.from_json(reading.to_json()).date == reading.date
    row = dict(zip(CSV_COLUMNS, next(csv.reader([reading.to_csv()])), strict=True))
    assert row["date"] == "7/4/26"


def test_records_of_before_code_line_and_date_are_understood():
    record = json.loads(READ.to_json())
    del record["code_line"], record["date"]
    before = Reading.from_json(json.dumps(record))
    assert before.code_line is before.date is None
