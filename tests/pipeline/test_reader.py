"""The road walked for one page: candidates, decision, record."""

import hashlib
import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

import gtn
from pipeline import reader
from pipeline.checks import draw_check
from pipeline.confidence import Calibration
from pipeline.errors import BadImage, ImageError
from pipeline.grammars import SYMBOLS, grammar
from pipeline.handwriting import Script, StrokeHand
from pipeline.money import money
from pipeline.papers import strip
from pipeline.reader import CheckReader, within_margin
from pipeline.recognition import spell
from pipeline.synthesis import Style, compose


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


def test_the_candidate_of_least_total_penalty_wins(made, fake, files):
    page = np.full((60, 120), 255, np.uint8)
    page[30:54, 50:110] = np.maximum(files.strip(), 100)  # unsure
    page[0:24, 0:60] = files.strip()  # sure, but an unlikely place
    fields = [fake.Field((50, 30, 60, 24), 0.1), fake.Field((0, 0, 60, 24), 0.4)]
    reading = made(locate=lambda pixels: fields, min_confidence=0).read(page)
    assert (reading.confidence, reading.digits[0].box) == (0.99, (10, 6, 2, 10))
    fields[1] = replace(fields[1], penalty=0.7)  # more than -log 0.6
    reading = made(locate=lambda pixels: fields, min_confidence=0).read(page)
    assert (reading.confidence, reading.digits[0].box) == (0.6, (60, 36, 2, 10))


def test_at_most_four_candidates_are_decoded(made, fake, files):
    calls = []

    class Counting(type(fake.engine)):
        def decode(self, *arguments):
            calls.append(1)
            return replace(super().decode(*arguments), confidence=0.001)

    fields = [fake.Field((i, 0, 40, 24), 0.1 * i) for i in range(9)]
    made(engine=Counting(), locate=lambda pixels: fields).read(files.strip())
    assert len(calls) == 1 + 4  # the first warms the engine


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


def test_a_margin_of_another_tone_is_left_out(made):
    rng = np.random.default_rng(5)
    grey = rng.integers(200, 222, (40, 90)).astype(np.uint8)
    grey[10:30, 20:22] = grey[10:30, 50:52] = 10
    plain = made().read(grey)
    for tone, sides in ((255, (5, 9, 11, 3)), (255, (0, 4, 0, 7)), (90, (6, 6, 6, 6))):
        top, bottom, left, right = sides
        framed = np.full((40 + top + bottom, 90 + left + right), tone, np.uint8)
        framed[top : top + 40, left : left + 90] = grey
        x, y, inner = reader.within_margin(framed)
        assert (x, y) == (left, top)
        assert np.array_equal(inner, grey)
        again = made().read(framed)
        assert (again.text, again.confidence) == (plain.text, plain.confidence)
        boxes = [(x - left, y - top, w, h) for x, y, w, h in (c.box for c in again.digits)]
        assert boxes == [c.box for c in plain.digits]


def test_white_around_white_paper_stays(files):
    pixels = np.pad(files.strip(60), 20, constant_values=255)
    x, y, inner = reader.within_margin(pixels)
    assert (x, y, inner.shape) == (0, 0, pixels.shape)
    stroke = np.full((40, 40), 255, np.uint8)
    stroke[8:32, 15:24] = 30
    assert reader.within_margin(stroke)[2] is stroke
    blank = np.full((30, 30), 255, np.uint8)
    assert reader.within_margin(blank)[2] is blank


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
def test_a_date_in_a_box_is_read_beside_the_amount():
    reader = CheckReader()
    found = []
    for seed, layout in ((1, "voucher"), (2, "table"), (4, "voucher"), (0, "table")):
        rng = np.random.default_rng((5150, seed))
        hand = StrokeHand(rng, wild=float(rng.uniform(0.1, 0.35)))
        check = draw_check(rng, layout, hand, clear=True)
        text, (x, y, w, h) = check.date
        reading = reader.read(check.image)
        if reading.date is None:
            continue
        assert reading.date.text == text
        left, top, wide, high = reading.date.box
        assert left <= x + w / 2 <= left + wide
        assert top <= y + h / 2 <= top + high
        assert reading.date.p >= reading.threshold
        found.append(text)
    assert len(found) >= 2


@pytest.mark.jit
def test_no_date_is_read_where_no_box_is_or_no_amount_is_asked_for():
    check = draw_check(np.random.default_rng((5150, 3)), "lined", clear=True)
    assert check.date is None
    assert CheckReader().read(check.image).date is None
    dated = draw_check(np.random.default_rng((5150, 1)), "voucher", clear=True)
    assert CheckReader(grammar="digits").read(dated.image).date is None


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


def test_a_frame_with_white_around_it_is_where_the_page_ends():
    page = np.full((80, 220), 255, np.uint8)
    page[20:60, 30:200] = 250
    page[20:60, 30:32] = page[58:60, 30:200] = 0  # two sides of a frame
    page[28:50, 60:63] = page[28:50, 100:103] = 0
    assert within_margin(page)[:2] == (32, 20)  # and its lines are no writing
    assert within_margin(page)[2].shape == (38, 168)
    page[20:60, 30:32] = page[58:60, 30:200] = 255
    assert within_margin(page)[2].shape == page.shape  # strokes alone have no frame
