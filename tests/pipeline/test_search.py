"""What is found on a page: the field of least penalty, its margin, a date beside it."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline import search
from pipeline.checks import draw_check
from pipeline.confidence import PAGE, Calibration
from pipeline.handwriting import StrokeHand
from pipeline.reader import CheckReader
from pipeline.search import within_margin


@pytest.fixture
def made(fake):
    def make(**settings):
        return CheckReader(**{"engine": fake.engine, "locate": fake.locate, **settings})

    return make


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


def test_amounts_on_whole_checks_have_a_confidence_of_their_own(made, fake, files):
    class Calibrated(type(fake.engine)):
        calibration = Calibration(grammars={PAGE: Calibration((1.0, 0, 0, 0, 0))})

        def decode(self, *arguments):
            return replace(super().decode(*arguments), evidence=(0.9, 0.0, 4.0, 0.9))

    def read(penalty, grammar):
        field = fake.Field((0, 0, 60, 24), penalty)
        settings = {
            "engine": Calibrated(),
            "locate": lambda pixels: [field],
            "grammar": grammar,
        }
        return made(**settings, min_confidence=0).read(files.strip())

    plain, found = read(0.0, "amount"), read(0.1, "amount")  # a strip costs nothing
    assert plain.confidence == 0.99
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert found.n_best[0][0] == plain.n_best[0][0]
    assert sum(p for _, p in found.n_best) <= 1 + 1e-5
    assert read(0.1, "digits").confidence == 0.99


def test_a_margin_of_another_tone_is_left_out(made):
    rng = np.random.default_rng(5)
    grey = rng.integers(200, 222, (40, 90)).astype(np.uint8)
    grey[10:30, 20:22] = grey[10:30, 50:52] = 10
    plain = made().read(grey)
    for tone, sides in ((255, (5, 9, 11, 3)), (255, (0, 4, 0, 7)), (90, (6, 6, 6, 6))):
        top, bottom, left, right = sides
        framed = np.full((40 + top + bottom, 90 + left + right), tone, np.uint8)
        framed[top : top + 40, left : left + 90] = grey
        x, y, inner = within_margin(framed)
        assert (x, y) == (left, top)
        assert np.array_equal(inner, grey)
        again = made().read(framed)
        assert (again.text, again.confidence) == (plain.text, plain.confidence)
        boxes = [(x - left, y - top, w, h) for x, y, w, h in (c.box for c in again.digits)]
        assert boxes == [c.box for c in plain.digits]


def test_white_around_white_paper_stays(files):
    pixels = np.pad(files.strip(60), 20, constant_values=255)
    x, y, inner = within_margin(pixels)
    assert (x, y, inner.shape) == (0, 0, pixels.shape)
    stroke = np.full((40, 40), 255, np.uint8)
    stroke[8:32, 15:24] = 30
    assert within_margin(stroke)[2] is stroke
    blank = np.full((30, 30), 255, np.uint8)
    assert within_margin(blank)[2] is blank


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


def test_a_frame_with_white_around_it_is_where_the_page_ends():
    page = np.full((80, 220), 255, np.uint8)
    page[20:60, 30:200] = 250
    page[20:60, 30:32] = page[58:60, 30:200] = 0  # two sides of a frame
    page[28:50, 60:63] = page[28:50, 100:103] = 0
    assert within_margin(page)[:2] == (32, 20)  # and its lines are no writing
    assert within_margin(page)[2].shape == (38, 168)
    page[20:60, 30:32] = page[58:60, 30:200] = 255
    assert within_margin(page)[2].shape == page.shape  # strokes alone have no frame


def test_another_field_that_says_something_else_is_a_doubt(made, fake, files):
    page = np.full((60, 120), 255, np.uint8)
    page[30:54, 50:110] = page[0:24, 0:60] = files.strip()
    fields = [fake.Field((50, 30, 60, 24), 0.1), fake.Field((0, 0, 60, 24), 0.6)]

    class Differing(type(fake.engine)):
        def decode(self, field, grammar, dpi=None):
            found = super().decode(field, grammar, dpi)
            text = self.texts.pop() if self.texts else "1.00"
            return replace(found, n_best=((text, 0.99), ("5.00", 0.005)), reason=self.reason)

    engine = Differing()

    def read(texts, reason=None):
        engine.texts, engine.reason = [*texts[::-1], "1.00"], reason  # the first one warms
        return made(engine=engine, locate=lambda pixels: fields, min_confidence=0.9).read(page)

    share = 1 / (1 + np.exp(-2 * 0.5))
    reading = read(["2.00", "3.00"])
    assert reading.status == "reject"
    assert reading.confidence == pytest.approx(0.99 * share)
    assert reading.n_best == (
        ("2.00", round(0.99 * share, 6)),
        ("5.00", round(0.005 * share, 6)),
    )
    assert reading.note == "the amount may also stand in another field"
    assert read(["2.00", "2.00"]).confidence == 0.99
    assert read(["2.00", "3.00"], "grammar").confidence == 0.99
    fields[1] = replace(fields[1], penalty=5.0)
    assert read(["2.00", "3.00"]).confidence == 0.99


def test_what_is_no_check_the_other_way_up_is_read_as_it_is(fake, files, monkeypatch):
    page = np.full((300, 700), 255, np.uint8)
    page[100:124, 100:160] = files.strip()
    found = iter([[fake.Field((90, 90, 90, 50), 0.5), fake.Field((300, 90, 90, 50), 3.0)]])
    nothing = [fake.Field((0, 0, 700, 300))]
    monkeypatch.setattr("pipeline.fields.locate", lambda pixels: next(found, nothing))
    monkeypatch.setattr("pipeline.codeline.read_code", lambda pixels: None)
    monkeypatch.setattr("pipeline.search.standing", lambda pixels: -20.0)
    reading = CheckReader(engine=fake.engine).read(page)
    assert reading.text == "4.00"
    assert reading.confidence == 0.99


def test_rows_and_columns_of_another_tone_are_found_in_bands(monkeypatch):
    page = np.full((53, 40), 200, np.uint8)
    page[[0, 9, 10, 52], [3, 8, 8, 39]] = 90
    for band in (1, 10, 512):
        monkeypatch.setattr(search, "_BAND", band)
        rows, columns = search._uneven(page, 200)
        assert (rows.tolist(), columns.tolist()) == ([0, 9, 10, 52], [3, 8, 39])
