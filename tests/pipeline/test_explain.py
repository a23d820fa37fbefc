"""The explanation of a reading: it shows what decided, in every form."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gtn
from pipeline.cli import main
from pipeline.explain import explain, likely
from pipeline.explain_drawing import fill, save, sections, sheet, to_html
from pipeline.grammars import SYMBOLS
from pipeline.reader import CheckReader
from pipeline.recognition import RUBBISH, Engine
from pipeline.sdnn import BLANK, STEP, WINDOW
from sn.errors import SnError

SAMPLES = Path(__file__).parents[2] / "samples"
pytestmark = pytest.mark.jit


@pytest.fixture(scope="module")
def reader():
    return CheckReader(grammar="digits", min_confidence=0.0, engine=Engine.load("hos"))


@pytest.fixture(scope="module")
def strip(reader):
    return explain(reader, str(SAMPLES / "strings" / "string-1993-000.png"))


@pytest.fixture(scope="module")
def check():
    reader = CheckReader(min_confidence=1.0, engine=Engine.load("hos"))
    return explain(reader, str(SAMPLES / "checks" / "check-1993-000.png"))


def test_what_is_shown_is_what_decided(strip, reader):
    reading, trace = strip.reading, strip.trace
    labels = [label for *_, label, _ in trace.path if label >= 0]
    assert "".join(SYMBOLS[k] for k in labels) == reading.best_guess
    # The path runs from the first piece to the last without a gap.
    assert trace.path[0][0] == 0
    assert trace.path[-1][1] == len(trace.found.weights) - 1
    for (_, last, *_), (first, *_) in pairwise(trace.path):
        assert first == last + 1
    for first, last, _, candidate in trace.path:
        if candidate >= 0:
            assert trace.found.spans[candidate].tolist() == [first, last]
    boxes = [
        trace.writing.box(*trace.found.boxes[n].tolist()) for *_, n in trace.path if n >= 0
    ]
    assert [c.box for c in reading.digits] == boxes
    p = [np.exp(-trace.penalties[n, label]) for *_, label, n in trace.path if n >= 0]
    assert [c.p for c in reading.digits] == pytest.approx(p, abs=1e-4)


def test_the_likely_part_of_a_graph_keeps_its_best_path():
    rng = np.random.default_rng(4)
    for n in (3, 12, 60):
        src = np.repeat(np.arange(n - 1), 8)
        labels = np.tile(np.arange(8), n - 1)
        graph = gtn.Graph(
            n, [0], [n - 1], src, src + 1, labels, penalty=rng.exponential(3, len(src))
        )
        part, least = likely(graph)
        assert part.m <= graph.m
        assert gtn.viterbi_penalty(part) == pytest.approx(gtn.viterbi_penalty(graph))
        assert least in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
        shown = set(zip(part.ilabel.tolist(), part.penalty.tolist(), strict=True))
        whole = set(zip(graph.ilabel.tolist(), graph.penalty.tolist(), strict=True))
        assert shown <= whole


def test_the_sentence_says_why(strip, check):
    assert strip.sentence.startswith(f"Read as {strip.reading.text}: the confidence")
    assert check.sentence.startswith("Rejected (ambiguous): ")
    assert "where 1 is needed." in check.sentence


def test_every_step_of_the_road_is_drawn(strip, check):
    names = [
        *("The page", "Ink and cuts", "Segmentation graph", "Recognition graph"),
        *("Interpretation graph", "Characters", "Verdict"),
    ]
    for found in (strip, check):
        drawn = sections(found)
        assert [title for title, *_ in drawn] == names
        whole = sheet(found)
        assert whole.height > sum(canvas.height for *_, canvas in drawn)
        texts = [s for s in whole.shapes if hasattr(s, "anchor")]
        for text in texts:
            assert 0 <= text.at[0] <= whole.width, text.text
            assert 0 <= text.at[1] <= whole.height
    candidates = {title: c for title, _, c in sections(strip)}["Segmentation graph"]
    tiles = [s for s in candidates.shapes if hasattr(s, "pixels")]
    assert len(tiles) == len(strip.trace.found.spans)
    characters = {title: c for title, _, c in sections(strip)}["Characters"]
    told = [s.text for s in characters.shapes if hasattr(s, "anchor")]
    assert len([t for t in told if re.fullmatch(r"\d\.\d{3}", t)]) == 4 * len(
        strip.reading.digits
    )
    assert len(SYMBOLS) == RUBBISH


def test_a_check_shows_its_fields(check):
    assert len(check.fields) > 1
    assert check.field in check.fields
    _, caption, canvas = sections(check)[0]
    assert f"{len(check.fields)} candidate fields" in caption
    frames = [s for s in canvas.shapes if getattr(s, "pen", 0) == 2.0]
    assert len(frames) == 1


def test_every_form_is_written(strip, tmp_path):
    for form in ("html", "svg", "png"):
        save(strip, tmp_path / f"why.{form}")
    tree = ElementTree.parse(tmp_path / "why.svg")
    assert tree.getroot().tag.endswith("svg")
    with Image.open(tmp_path / "why.png") as image:
        assert image.width == 2240
    page = (tmp_path / "why.html").read_text()
    assert page.count("<svg ") == page.count("</svg>") == 7
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_names_are_escaped_everywhere(reader, tmp_path):
    name = tmp_path / "<script>&\x1b[2J.png"
    name.write_bytes((SAMPLES / "strings" / "string-1993-000.png").read_bytes())
    page = to_html(explain(reader, str(name)))
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;&amp;\\x1b[2J.png" in page


def test_what_has_no_ink_is_explained_too(files, tmp_path):
    blank = np.full((60, 200), 255, np.uint8)
    found = explain(CheckReader(min_confidence=0.5), blank)
    assert found.sentence == "Rejected (blank): no ink found."
    assert [title for title, *_ in sections(found)] == ["The page"]
    save(found, tmp_path / "why.svg")
    tiny = files.strip(60, 24)
    found = explain(CheckReader(min_confidence=0.5), tiny)
    assert "Rejected" in found.sentence
    save(found, tmp_path / "why.html")


def test_a_page_that_is_not_there_is_told(reader):
    with pytest.raises(SnError, match="there is no page 2"):
        explain(reader, str(SAMPLES / "strings" / "string-1993-000.png"), 2)


def test_the_command(tmp_path, capsys):
    image = str(SAMPLES / "strings" / "string-1993-000.png")
    out = tmp_path / "why.svg"
    assert main(["explain", image, "-o", str(out), "--grammar", "digits"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert out.stat().st_size > 10_000
    assert main(["explain", image, "-o", str(tmp_path / "why.pdf")]) == 2
    assert "is not .html, .svg or .png" in capsys.readouterr().err
    assert main(["explain", image, "-o", image]) == 2
    assert "would overwrite the image" in capsys.readouterr().err
    assert main(["explain", image, "-o", str(tmp_path / "no" / "why.svg")]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err
    assert main(["explain", "nowhere.png", "-o", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_second_engine_is_shown(strip, reader, tmp_path):
    class Strips:
        def scores(self, strip):
            places = (strip.shape[1] - WINDOW) // STEP + 1
            table = np.full((places, BLANK + 1), 6.0)
            table[:, BLANK] = 0.01
            table[3, 4] = 0.02
            return table

        def under(self, text):
            return self

        def looks(self, strip):
            return [self.scores(strip)]

    given = reader.engine
    both = Engine(given.recognizer, given.sha256, None, Strips())
    alone = Engine(None, "", None, Strips())
    image = str(SAMPLES / "strings" / "string-1993-000.png")
    titles = []
    for engine in (both, alone):
        found = explain(CheckReader(grammar="digits", engine=engine), image)
        titles.append([title for title, *_ in sections(found)])
        assert found.trace.places.shape[1] == BLANK + 1
        save(found, tmp_path / "why.svg")
    assert "Space displacement network" in titles[0]
    assert "Segmentation graph" in titles[0]
    assert titles[1] == ["The page", "Ink and cuts", "Space displacement network", "Verdict"]


def test_the_library_explains_too(reader, tmp_path):
    image = str(SAMPLES / "strings" / "string-1993-000.png")
    reading = reader.explain(image, tmp_path / "why.svg")
    assert reading.n_best == reader.read(image).n_best
    assert (tmp_path / "why.svg").read_text().startswith("<svg")


def test_long_lines_are_filled():
    assert fill("a bb ccc dddd", lambda line: len(line) <= 5) == ["a bb", "ccc", "dddd"]
    assert fill("", lambda _: True) == []
