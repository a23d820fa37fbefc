"""Measuring a labelled folder: counts, intervals, the curve and its picture."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import main
from pipeline.curves import picture
from pipeline.evaluation import (
    PUBLISHED,
    Case,
    Evaluation,
    report,
    usual_threshold,
    wilson,
)


def test_the_usual_threshold_is_that_of_most_cases():
    cases = [case(0.9, True), *(replace(case(0.9, True), threshold=t) for t in (0.8, 0.7, 0.7))]
    assert usual_threshold(cases, 0.5) == 0.7
    assert usual_threshold(cases[:1], 0.5) == 0.5


def case(confidence, right, reason=None):
    return Case("a.png", "1.00", "1.00" if right else "7.00", right, confidence, reason)


@pytest.fixture
def found():
    """Three right, one wrong, one rejected that was right, one without ink."""
    cases = [case(0.99, True), case(0.98, True), case(0.97, False), case(0.95, True)]
    cases.append(case(0.6, True, "ambiguous"))
    cases.append(Case("b.png", "1.00", None, False, 0.0, "blank"))
    return Evaluation(cases, 0.9)


# Agresti and Coull (1998), and Brown, Cai and DasGupta (2001), print such values.
@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (1, 100, 0.0018, 0.0545), (0, 0, 0, 1)],
)
def test_wilson_intervals(count, of, low, high):
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(of - count, of)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_intervals_hold_what_they_say():
    rng = np.random.default_rng(1)
    for p in (0.01, 0.1, 0.5):
        held = [
            low <= p <= high
            for low, high in (wilson(k, 300) for k in rng.binomial(300, p, 2000))
        ]
        assert np.mean(held) > 0.93


def test_counts_and_the_curve(found):
    assert found.counts == (3, 1, 2)
    assert found.reasons == [("ambiguous", 1), ("blank", 1)]
    assert found.curve() == [
        (0.99, 1, 0),
        (0.98, 2, 0),
        (0.97, 3, 1),
        (0.95, 4, 1),
        (0.6, 5, 1),
    ]
    assert found.promised == pytest.approx((0.01 + 0.02 + 0.03 + 0.05) / 4)


def test_equal_confidences_are_read_together():
    tied = Evaluation([case(0.9, True), case(0.9, False), case(0.8, True)], 0.5)
    assert tied.curve() == [(0.9, 2, 1), (0.8, 3, 1)]


def test_the_table_beside_that_of_1998(found):
    lines = report(found, published=True)
    assert lines[1].split() == ["correct", "3", "50.0", "%", "18.8", "to", "81.2", "%"]
    assert lines[-1].startswith("1998: 646 real business checks; the data differ")
    assert any(line.split()[-3:] == ["82", "1", "17"] for line in lines)
    assert all(sum(row[1:]) == 100 for row in PUBLISHED)
    assert "wrong among the reads: 25.0 %" in "\n".join(lines)


def test_the_picture_has_a_point_for_every_threshold(found):
    sheet = picture(found, "title", published=True)
    lines = [s for s in sheet.shapes if getattr(s, "line", "") == "#27588f"]
    assert len(lines[0].points) == 5
    assert all(0 <= x <= sheet.width and 0 <= y <= sheet.height for x, y in lines[0].points)
    picture(Evaluation([Case("b", "1", None, False, 0.0, "blank")], 0.9), "nothing read")


@pytest.mark.usefixtures("fakes_installed")
class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path, files, monkeypatch):
        place = tmp_path / "set"
        place.mkdir()
        for name, width in (("a", 48), ("b", 60), ("c", 72)):
            (place / f"{name}.png").write_bytes(files.png(files.strip(width)))
        pale = files.strip(60) // 2 + 100
        (place / "d.png").write_bytes(files.png(pale))
        (place / "e.png").write_bytes(b"hello")
        table = "file\ttext\na.png\t$ 3.00\nb.png\t400\nc.png\t5 00/100\nd.png\t4.00\n"
        (place / "labels.tsv").write_text(table)
        monkeypatch.chdir(tmp_path)
        return place

    def test_a_labelled_folder_is_measured(self, folder, capsys, monkeypatch):
        import sys

        real = __import__("pipeline.money", fromlist=["money"]).money
        module = sys.modules["pipeline.recognition"]
        monkeypatch.setattr(
            module, "meaning", lambda grammar, text: real(text)[0], raising=False
        )
        arguments = ["evaluate", "set", "--misses", "--table", "1998", "--curve", "c.svg"]
        assert main(arguments) == 0
        out = capsys.readouterr().out
        assert "correct                                2   50.0 %   15.0 to 85.0 %" in out
        assert "WRONG            set/b.png: 400 read as 4.00 (0.990)" in out
        assert "ambiguous        set/d.png: 4.00 read as 4.00 (0.600)" in out
        assert Path("c.svg").read_text().startswith("<svg")
        assert main(["evaluate", "set", "--json", "--curve", "c.png"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert [record[k]["count"] for k in ("correct", "wrong", "reject")] == [2, 1, 1]
        assert record["curve"] == [[0.99, 3, 1], [0.6, 4, 1]]
        with (folder / "labels.tsv").open("a") as table:
            table.write("e.png\t1.00\n")
        assert main(["evaluate", "set"]) == 1
        assert "set/e.png: cannot be read" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ("nowhere", "nowhere: no such folder"),
            ("set --labels x.tsv", "x.tsv: cannot be opened"),
            ("set --curve c.pdf", "pictures are SVG or PNG"),
            ("set --labels set/empty", "no labels. Two columns are expected"),
        ],
    )
    def test_errors_are_one_line(self, folder, capsys, arguments, what):
        (folder / "empty").write_text("")
        assert main(["evaluate", *arguments.split()]) == 1
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert what in err
