"""The road walked for one page: candidates, decision, record."""

import hashlib
import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

import gtn
from pipeline import reader
from pipeline.confidence import PAGE, Calibration
from pipeline.errors import BadImage, ImageError
from pipeline.grammars import SYMBOLS, grammar
from pipeline.handwriting import StrokeHand
from pipeline.money import money
from pipeline.papers import strip
from pipeline.pens import Script
from pipeline.reader import CheckReader
from pipeline.synthesis import Style, compose
from pipeline.views import spell


@pytest.fixture
def made(fake):
    def make(**settings):
        return CheckReader(**{"engine": fake.engine, "locate": fake.locate, **settings})

    return make


def test_a_sure_strip_is_read(made, files, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(files.png())
    reading = made().read(file)
    assert (reading.text, reading.amount, reading.status) == ("4.00", "4.00", "read")
    assert (reading.file, reading.page) == (str(file), 1)
    assert reading.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert reading.confidence == 0.99
    assert (reading.model, reading.engine) == ("fake", "hos")
    assert reading.digits[0].box == (10, 6, 2, 10)
    assert reading.quality.skew_deg == 0.5


def test_below_the_threshold_is_ambiguous(made, files):
    faint = np.maximum(files.strip(), 100)
    reading = made().read(faint)
    assert (reading.status, reading.reason) == ("reject", "ambiguous")
    assert reading.best_guess == "4.00"
    assert "confidence 0.60, 0.90 needed" in reading.to_line()
    assert made(min_confidence=0.5).read(faint).text == "4.00"


def test_an_amount_is_null_for_other_grammars(made, files):
    reading = made(grammar="digits").read(files.strip())
    assert (reading.text, reading.amount) == ("4", None)


def test_blank_paper_is_told_without_decoding(made, fake):
    class Never(type(fake.engine)):
        def decode(self, *_):
            raise AssertionError

    paper = np.full((40, 100), 240, np.uint8)
    paper[::2] = 246
    for page in (paper, np.zeros_like(paper)):
        reading = made(engine=Never()).read(page)
        assert (reading.reason, reading.n_best) == ("blank", ())
        assert reading.unexplained_ink is None
        assert reading.to_line() == "REJECT blank: no ink found"


def test_no_candidate_is_no_field(made, files):
    reading = made(locate=lambda pixels: []).read(files.strip())
    assert (reading.status, reading.reason) == ("reject", "no_field")


def test_a_given_field_is_cut_out_and_must_lie_on_the_page(made, files):
    reading = made(field=(0, 0, 30, 24)).read(files.strip())
    assert reading.text == "2.00"
    with pytest.raises(BadImage) as caught:
        made(field=(50, 0, 30, 24)).read(files.strip())
    assert (
        str(caught.value)
        == "the image: the field 50,0,30,24 is not on the page (60 x 24 pixels)"
    )


def test_what_the_engine_refuses_is_refused(made, fake, files):
    class Refusing(type(fake.engine)):
        def decode(self, *arguments):
            note = "12 % of the ink belongs to no character"
            found = super().decode(*arguments)
            return replace(found, reason="unexplained_ink", note=note)

    reading = made(engine=Refusing()).read(files.strip())
    assert (reading.status, reading.reason) == ("reject", "unexplained_ink")
    assert reading.to_line().endswith(": 12 % of the ink belongs to no character")


def test_what_is_no_amount_is_refused_by_grammar(made, fake, files):
    class Odd(type(fake.engine)):
        def decode(self, *arguments):
            return replace(super().decode(*arguments), n_best=(("12.5", 0.99),))

    assert made(engine=Odd()).read(files.strip()).reason == "grammar"


def test_assumed_cents_are_flagged(made, fake, files):
    class Whole(type(fake.engine)):
        def decode(self, *arguments):
            return replace(super().decode(*arguments), n_best=(("1,234", 0.99),))

    reading = made(engine=Whole()).read(files.strip())
    assert (reading.text, reading.amount) == ("1,234", "1234.00")
    assert "cents_assumed" in reading.quality.flags


@pytest.mark.parametrize(("expect", "reason"), [("4", None), ("$4.00", None), ("5", "expect")])
def test_verify_mode_refuses_another_amount(made, files, expect, reason):
    assert made(expect=expect).read(files.strip()).reason == reason


def test_settings_out_of_range_are_told():
    with pytest.raises(ValueError, match="not an amount"):
        CheckReader(expect="12,5")
    with pytest.raises(ValueError, match="0 to 1"):
        CheckReader(min_confidence=2)


def test_a_reader_can_be_pickled(made, files):
    again = pickle.loads(pickle.dumps(made(min_confidence=0.5, grammar="digits", locate=None)))
    assert (again.threshold, again.grammar) == (0.5, "digits")


def test_inversion_is_reported_and_reads_the_same(made, files):
    reading = made().read(255 - files.strip())
    assert reading.text == "4.00"
    assert "inverted" in reading.quality.flags


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_outcomes_keep_the_order_for_any_number_of_threads(made, files, tmp_path, threads):
    sources = []
    for i in range(12):
        file = tmp_path / f"{i:02d}.png"
        file.write_bytes(b"" if i % 5 == 3 else files.png(files.strip(40 + 12 * i)))
        sources.append(str(file))
    seen = [
        (source, type(outcome).__name__, getattr(outcome, "result", None))
        for source, outcome in reader.outcomes(made(), sources, threads=threads)
    ]
    wanted = []
    for i, source in enumerate(sources):
        bad = i % 5 == 3
        strokes = len(range(10, 30 + 12 * i, 12))
        text = None if bad else f"{strokes}.00"
        wanted.append((source, "BadImage" if bad else "Reading", text))
        wanted.append((source, "NoneType", None))
    assert seen == wanted


def test_read_many_counts_and_stops_at_a_bad_input(fake, files):
    counted = []
    settings = {"engine": fake.engine, "locate": fake.locate}
    strip = files.strip()
    readings = list(reader.read_many([strip, strip], progress=counted.append, **settings))
    assert ([r.text for r in readings], counted) == (["4.00", "4.00"], [1, 2])
    with pytest.raises(ImageError, match="empty"):
        list(reader.read_many([strip, b""], **settings))
    assert reader.read(strip, **settings).text == "4.00"


def test_whatever_the_grammar_of_amounts_lets_through_is_an_amount():
    graph = grammar("amount")
    rng = np.random.default_rng(5)
    arcs = {}
    for arc, node in enumerate(graph.src):
        arcs.setdefault(int(node), []).append(arc)
    accepting, seen = set(map(int, graph.accept)), set()
    for _ in range(3000):
        node, string = int(graph.start[0]), []
        while node in arcs and not (node in accepting and rng.random() < 0.3):
            arc = rng.choice(arcs[node])
            label, node = int(graph.ilabel[arc]), int(graph.dst[arc])
            if label != gtn.EPSILON:
                string.append(label)
        if node in accepting:
            seen.add(spell(string, ()))
    assert len(seen) > 500
    assert all(set(text) <= set(SYMBOLS + " ") for text in seen)
    assert [text for text in seen if money(text) is None] == []


def test_the_threshold_comes_from_the_error_that_is_borne(fake):
    fake.engine.calibration = Calibration(curve=((0.99, 150, 0), (0.9, 399, 3), (0.5, 600, 60)))
    assert CheckReader(engine=fake.engine).threshold == 0.9
    assert CheckReader(engine=fake.engine, max_error=0.2).threshold == 0.5
    assert CheckReader(engine=fake.engine, min_confidence=0.3).threshold == 0.3
    with pytest.raises(ValueError, match="give one"):
        CheckReader(max_error=0.1, min_confidence=0.3)
    with pytest.raises(ValueError, match="more than 0"):
        CheckReader(max_error=0.0)
    again = pickle.loads(pickle.dumps(CheckReader(max_error=0.2)))
    assert again.max_error == 0.2


def test_what_is_found_on_a_whole_check_has_a_threshold_of_its_own(fake, made, files):
    page = Calibration(curve=((0.8, 399, 3),))
    fake.engine.calibration = Calibration(curve=((0.995, 399, 3),), grammars={PAGE: page})
    fields = [fake.Field((0, 0, 60, 24), 0.1)]
    reader = CheckReader(engine=fake.engine, locate=lambda pixels: fields)
    assert (reader.threshold, reader.page_threshold) == (0.995, 0.8)
    found = reader.read(files.strip())
    assert (found.threshold, found.status) == (0.8, "read")
    fields[0] = replace(fields[0], penalty=0.0)  # a crop: its field costs nothing
    found = reader.read(files.strip())
    assert (found.threshold, found.status) == (0.995, "reject")
    digits = CheckReader(engine=fake.engine, grammar="digits")
    assert digits.page_threshold == digits.threshold
    given = CheckReader(engine=fake.engine, min_confidence=0.3)
    assert given.page_threshold == 0.3
    both = CheckReader(engine=fake.engine, min_confidence=0.3, page_confidence=0.2)
    assert pickle.loads(pickle.dumps(both.page_threshold)) == 0.2
    with pytest.raises(ValueError, match="page_confidence is 2"):
        CheckReader(page_confidence=2)


def test_each_input_can_have_an_expectation_of_its_own(made, files):
    reading = next(made().pages(files.png(), "5.00"))
    assert (reading.reason, reading.note) == ("expect", "expected 5.00")
    reading = next(made().pages(files.png(), ""))
    assert (reading.reason, reading.note) == ("expect", "nothing is known of what to expect")
    assert next(made(expect="5").pages(files.png(), "4.00"))


@pytest.mark.parametrize("mode", ["hos", "sdnn", "both"])
def test_each_engine_reads_alone_and_both_together(mode):
    rng = np.random.default_rng(11)
    hand = StrokeHand(rng, wild=0.1)
    style = Style(Script(height=40), gap=6.0)
    image = strip(compose("4207", hand, rng, style), rng, "plain")
    reader = CheckReader(grammar="digits", engine=mode, min_confidence=0.0)
    reading = reader.read(image)
    assert reading.engine == mode
    assert reading.text == "4207"
    assert [c.char for c in reading.digits] == list("4207")
    left = [c.box[0] for c in reading.digits]
    assert left == sorted(left)
    again = pickle.loads(pickle.dumps(reader)).read(image)
    assert again.n_best == reading.n_best


@pytest.mark.jit
def test_more_ink_than_a_line_holds_is_rejected():
    rng = np.random.default_rng(0)
    image = np.full((100, 5900), 240, np.uint8)
    for _ in range(900):
        x, y = (int(v) for v in rng.integers((0, 5), (5890, 90)))
        dx, dy = (int(v) for v in rng.integers((-20, -40), (20, 40)))
        cv2.line(image, (x, y), (x + dx, y + dy), 20, 2)
    reader = CheckReader(grammar="digits")
    reading = reader.read(image)
    assert (reading.reason, reading.n_best) == ("poor_image", ())
    assert "more stands there" in reading.note
