"""Lines: owners, boxes, texts, determinism, and ink after cleaning."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.handwriting import StrokeHand
from pipeline.kernels_ink import ink_nearest
from pipeline.papers import KINDS, paper, rule, strip
from pipeline.pens import Pen, Script
from pipeline.synthesis import Style, cleaned, compose, random_style
from pipeline.texts import random_amount, random_digits, random_phone

PLAIN = Style(Script(36.0, 0.0, 1.0, Pen(0.08)), gap=6.0, gap_spread=0.0)


def write(text, seed=0, style=PLAIN):
    rng = np.random.default_rng(seed)
    return compose(text, StrokeHand(rng), rng, style)


def test_every_symbol_owns_ink_inside_its_box():
    line = write("$1,234.50")
    for i in range(len(line.text)):
        x, y, w, h = line.boxes[i]
        rows, columns = np.nonzero(line.owner == i)
        assert len(rows) > 3
        assert x <= columns.min()
        assert columns.max() < x + w
        assert y <= rows.min()
        assert rows.max() < y + h


def test_owned_pixels_carry_ink_and_bare_paper_belongs_to_nobody():
    line = write("907.-")
    assert line.ink.dtype == np.float32
    assert line.owner.dtype == np.int16
    assert (line.ink[line.owner >= 0] > 0.05).all()
    assert (line.owner[line.ink == 0] == -1).all()


def test_symbols_stand_in_reading_order():
    for seed in range(20):
        line = write("31415926", seed)
        assert (np.diff(line.boxes[:, 0]) > 0).all()


@pytest.mark.parametrize("text", ["01", "61"])
def test_a_joint_makes_no_seven_of_a_one(text):
    joined = high = 0
    for seed in range(60):
        style = replace(PLAIN, margin=0.0)
        one = write(text, seed, replace(style, join=2.0))
        apart = write(text, seed, style)
        if one.ink.shape != apart.ink.shape:  # the joint stands out
            continue
        rows, columns = np.nonzero(one.ink - apart.ink > 0.5)
        if len(rows):
            _, y, _, h = one.boxes[1]
            joined += 1
            high += rows[columns.argmin()] < y + 0.25 * h
    assert joined
    assert not high


def test_the_gap_separates_or_overlaps_neighbours():
    def touching(gap):
        count = 0
        for seed in range(10):
            line = write("5286", seed, replace(PLAIN, gap=gap))
            empty = (line.ink.max(axis=0) < 0.1)[line.boxes[0, 0] : line.boxes[3, 0]]
            count += not empty.any()
        return count

    assert touching(9.0) <= 1
    assert touching(-5.0) >= 8


def test_nearest_rows_are_those_where_both_have_ink():
    rng = np.random.default_rng(3)
    none = 1 << 19
    for _ in range(30):
        edge, first = rng.integers(-40, 40, (2, 12))
        edge[rng.random(12) < 0.6] = -2 * none
        first[rng.random(12) < 0.6] = 2 * none
        both = (edge > -none) & (first < none)
        nearest = (edge[both] - first[both]).max() if both.any() else 0
        assert ink_nearest(edge, first, none) == (nearest, both.any())


def test_spaces_and_lost_points_have_no_box():
    line = write("12 50")
    assert line.boxes[2, 2] == 0
    assert line.drawn == "1250"
    raised = replace(PLAIN, cents="raised")
    drawn = {write("45.00", seed, raised).drawn for seed in range(12)}
    assert drawn == {"45.00", "4500"}


def test_raised_cents_are_smaller_and_higher():
    line = write("123.45", 3, replace(PLAIN, cents="raised"))
    bottoms = line.boxes[:, 1] + line.boxes[:, 3]
    assert line.boxes[4:, 3].max() < 0.85 * line.boxes[:3, 3].min()
    assert bottoms[4:].max() < bottoms[:3].min()


def test_a_stacked_fraction_stands_above_its_bar():
    line = write("9 50/100", 1, replace(PLAIN, stacked=True))
    top, bar, bottom = line.boxes[2:4], line.boxes[4], line.boxes[5:]
    assert bar[2] > 2 * bar[3]
    assert (top[:, 1] + top[:, 3]).max() < (bottom[:, 1] + bottom[:, 3]).min()


def test_equal_generators_compose_equal_lines():
    def line():
        rng = np.random.default_rng(21)
        made = compose(random_amount(rng), StrokeHand(rng), rng)
        return made, cleaned(made, rng)

    (a, dirty_a), (b, dirty_b) = line(), line()
    assert a.text == b.text
    assert np.array_equal(a.ink, b.ink)
    assert np.array_equal(a.owner, b.owner)
    assert np.array_equal(dirty_a, dirty_b)


def test_hundreds_of_random_lines_are_sound():
    rng = np.random.default_rng(8)
    for _ in range(150):
        text = (random_amount, random_digits, random_phone)[int(rng.integers(3))](rng)
        hand = StrokeHand(rng)
        line = compose(text, hand, rng, random_style(rng, hand))
        ink = cleaned(line, rng)
        assert line.text == text
        assert line.boxes.shape == (len(text), 4)
        assert ink.shape == line.ink.shape == line.owner.shape
        assert np.isfinite(ink).all()
        assert 0 <= ink.min() <= ink.max() <= 1
        owners = set(np.unique(line.owner)) - {-1}
        digits = {i for i, c in enumerate(text) if c.isdigit()}
        assert digits <= owners, text


def test_amounts_are_amounts():
    rng = np.random.default_rng(1)
    texts = [random_amount(rng) for _ in range(400)]
    assert len(set(texts)) > 350
    for text in texts:
        assert set(text) <= set("0123456789$.,-/*#=x ")
        assert re.sub(r"[^0-9]", "", text)[0] != "0", text
    for kind in (r"^\$", r"\d\d/100$", r"xx/100$", r"\.-$", r"=$", r"^\*\*", r"\d,\d{3}"):
        assert any(re.search(kind, text) for text in texts), kind


def test_phone_numbers_have_seven_or_ten_digits():
    rng = np.random.default_rng(1)
    counts = {sum(c.isdigit() for c in random_phone(rng)) for _ in range(60)}
    assert counts == {7, 10}


def test_nothing_to_write_is_refused():
    with pytest.raises(ValueError, match="nothing to write"):
        write("  ")


@pytest.mark.parametrize("kind", KINDS)
def test_papers_are_light_and_have_the_shape(kind):
    sheet = paper((60, 200), np.random.default_rng(2), kind)
    assert sheet.shape == (60, 200)
    assert sheet.dtype == np.float32
    assert 0 <= sheet.min() <= sheet.max() <= 1
    assert np.median(sheet) > 0.4


def test_an_unknown_paper_is_refused():
    with pytest.raises(ValueError, match="no kind of paper"):
        paper((10, 10), np.random.default_rng(0), "velvet")


def test_strips_show_the_ink_dark_on_paper():
    rng = np.random.default_rng(6)
    for _ in range(30):
        line = write("824", int(rng.integers(1000)))
        image = strip(line, rng)
        assert image.dtype == np.uint8
        assert 0.45 < image.shape[0] / line.ink.shape[0] < 1.55
        small = cv2.resize(line.ink, image.shape[::-1], interpolation=cv2.INTER_AREA)
        assert image[small > 0.8].mean() < image[small < 0.05].mean() - 25


def test_a_ruled_line_is_printed_where_it_is_asked():
    sheet = np.ones((20, 40), np.float32)
    rule(sheet, (5, 10), (34, 10), 2.0, 0.2)
    assert sheet[9:12, 10:30].min(axis=0).max() < 0.3
    assert sheet[:7].min() == sheet[14:].min() == 1
