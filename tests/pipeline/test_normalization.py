"""Ink taken from paper: its size is that of the writing, rules and specks are gone."""

import cv2
import numpy as np
import pytest

from pipeline import normalization
from pipeline.handwriting import StrokeHand
from pipeline.normalization import HEIGHT, INK, normalize, without_rules
from pipeline.pens import Pen, Script
from pipeline.segmentation import segment
from pipeline.synthesis import Style, compose


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(4)
    return compose("2605", StrokeHand(rng), rng, Style())


def on_paper(line, margin=20, paper=235.0, ink=40.0):
    page = np.full(np.add(line.ink.shape, 2 * margin), paper, np.float32)
    inside = page[margin:-margin, margin:-margin]
    inside[:] = paper + (ink - paper) * line.ink
    return page


@pytest.mark.parametrize("zoom", [0.7, 1.0, 2.0, 3.5])
def test_digits_come_out_at_one_height_whatever_the_scan(line, zoom):
    page = cv2.resize(on_paper(line), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    writing = normalize(np.rint(page).astype(np.uint8))
    rows = np.flatnonzero((writing.ink >= INK).any(axis=1))
    assert 0.8 * HEIGHT <= np.ptp(rows) + 1 <= 1.5 * HEIGHT
    assert writing.digit_height == pytest.approx(zoom * normalize_height(line), rel=0.2)


def normalize_height(line):
    return float(np.median(line.boxes[:, 3]))


def test_boxes_lead_back_to_the_source(line):
    page = on_paper(line, margin=30)
    writing = normalize(page.astype(np.uint8))
    columns = np.flatnonzero((writing.ink >= INK).any(axis=0))
    rows = np.flatnonzero((writing.ink >= INK).any(axis=1))
    x, y, width, height = writing.box(
        columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1
    )
    dark = page < 140
    assert x == pytest.approx(np.flatnonzero(dark.any(axis=0))[0], abs=4)
    assert y == pytest.approx(np.flatnonzero(dark.any(axis=1))[0], abs=4)
    assert x + width == pytest.approx(np.flatnonzero(dark.any(axis=0))[-1] + 1, abs=4)
    assert y + height == pytest.approx(np.flatnonzero(dark.any(axis=1))[-1] + 1, abs=4)


def black(writing):
    return float((writing.ink >= INK).sum())


def test_a_rule_is_removed_and_the_digits_stay(line):
    page = on_paper(line, margin=25)
    clean = black(normalize(page.astype(np.uint8)))
    ruled = page.copy()
    ruled[-22:-20] = 60
    assert black(normalize(ruled.astype(np.uint8))) == pytest.approx(clean, rel=0.12)


def boxed(page, inset, tone):
    cv2.rectangle(page, (inset, inset), tuple(n - 1 - inset for n in page.shape[::-1]), tone, 2)
    return normalize(page.astype(np.uint8))


def test_a_box_is_removed_and_the_digits_stay():
    rng = np.random.default_rng(4)
    style = Style(Script(height=60), margin=0.1)
    page = on_paper(compose("2605", StrokeHand(rng), rng, style), margin=25)
    clean = normalize(page.astype(np.uint8))
    writing = boxed(page, 18, 60)
    assert black(writing) == pytest.approx(black(clean), rel=0.12)
    assert writing.ink.shape[1] == pytest.approx(clean.ink.shape[1], abs=3)


@pytest.mark.parametrize("inset", range(14, 22))
def test_no_rule_is_left_at_the_edge_of_low_writing(line, inset):
    page = on_paper(line, margin=25)
    clean = normalize(page.astype(np.uint8))
    assert boxed(page, inset, 60).ink.shape[1] == pytest.approx(clean.ink.shape[1], abs=3)


def test_a_pencil_beside_black_lines_is_not_faint(line):
    pencil = on_paper(line, margin=25, ink=185)
    assert boxed(pencil.copy(), 8, 0).ink.max() > 0.95
    strong = black(normalize(pencil.astype(np.uint8)))
    assert black(boxed(pencil, 8, 0)) == pytest.approx(strong, rel=0.2)


def test_shaded_and_tinted_paper_is_no_ink(line):
    page = on_paper(line, paper=200, ink=30)
    clean = black(normalize(page.astype(np.uint8)))
    shade = np.linspace(0.65, 1.0, page.shape[1], dtype=np.float32)
    assert black(normalize((page * shade).astype(np.uint8))) == pytest.approx(clean, rel=0.2)


def test_faint_ink_counts_like_black_ink(line):
    strong = black(normalize(on_paper(line).astype(np.uint8)))
    faint = black(normalize(on_paper(line, paper=230, ink=175).astype(np.uint8)))
    assert faint == pytest.approx(strong, rel=0.2)


@pytest.mark.parametrize("seed", [6, 7, 13])
def test_the_bars_of_fours_are_no_rule_however_wide_the_margin(seed):
    rng = np.random.default_rng(seed)
    line = compose("444444", StrokeHand(rng, wild=0.1), rng, Style())
    close, far = (normalize(on_paper(line, m).astype(np.uint8)).ink for m in (6, 60))
    assert (far >= INK).sum() == pytest.approx((close >= INK).sum(), rel=0.15)


@pytest.mark.parametrize("text", ["429", "27", "4", "640"])
def test_the_bars_of_a_few_digits_are_no_rule(text):
    # In a narrow field a third of the width is less than a digit.
    for seed in range(20):
        rng = np.random.default_rng(seed)
        line = compose(text, StrokeHand(rng, wild=0.1), rng, Style(Script(aspect=1.2)))
        rows, columns = line.ink.shape
        ink = cv2.resize(np.pad(line.ink, 6), (round(84 * columns / rows), 84))
        assert np.array_equal(without_rules(ink), ink)


@pytest.mark.parametrize("text", ["2", "27", "54"])
def test_strokes_are_equally_bold_in_an_empty_and_a_full_field(text):
    rng = np.random.default_rng(2)
    page = on_paper(compose(text, StrokeHand(rng, wild=0.1), rng, Style(Script(aspect=1.2))), 6)
    wide = np.pad(page, ((0, 0), (0, 300)), constant_values=235.0)
    full, empty = (black(normalize(p.astype(np.uint8))) for p in (page, wide))
    assert full == pytest.approx(empty, rel=0.12)


@pytest.mark.parametrize("shape", [(40, 200), (8, 8), (300, 40), (1, 60)])
def test_blank_paper_has_no_writing(shape):
    assert normalize(np.full(shape, 240, np.uint8)) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_point_of_a_fine_pen_in_a_tall_field_survives(seed):
    rng = np.random.default_rng(seed)
    style = Style(Script(height=40, pen=Pen(width=0.085)), gap=5)
    line = compose("94.50", StrokeHand(rng), rng, style)
    x, y, width, height = line.boxes[2].tolist()
    writing = normalize(on_paper(line, margin=30).astype(np.uint8))
    found = segment(writing.ink)
    left, top = ((np.array([x, y]) + 30) - writing.origin) / writing.scale
    right, bottom = left + width / writing.scale, top + height / writing.scale
    at = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    small = (found.boxes[:, 2:] < HEIGHT / 3).all(axis=1)
    near = (at > [left - 1, top - 1]).all(axis=1) & (at < [right + 1, bottom + 1]).all(axis=1)
    assert (small & near).any()


def test_a_dash_at_the_lower_edge_is_no_trouble():
    image = np.full((20, 30), 235, np.uint8)
    image[-2:, 1:29] = 30  # most of it is a rule, and a row of the working image remains
    assert normalize(image).digit_height < 1


@pytest.mark.parametrize(("columns", "looks"), [(2400, 2), (6400, 1)])
def test_low_writing_is_looked_at_closer_but_no_street(monkeypatch, columns, looks):
    """A row of one pixel, made as high as digits, would be as long as a street."""
    seen, plain = [], normalization._seen
    monkeypatch.setattr(normalization, "_seen", lambda i: (seen.append(i.shape), plain(i))[1])
    page = np.full((200, columns), 240, np.uint8)
    for x in range(100, columns - 100, 60):
        page[100:114, x : x + 4] = 30
    assert normalize(page).digit_height == pytest.approx(14, abs=1)
    assert len(seen) == looks
    assert max(wide / high for high, wide in seen) <= normalization.LONGEST


def test_more_ink_than_paper_is_no_trouble():
    """Between black strokes on most of a field the paper is as white as beside them."""
    field = np.full((60, 240), 255, np.uint8)
    field[:, np.arange(240) % 10 < 7] = 0
    assert (normalization.darkness(field) == 255).mean() > 0.6
    normalize(field)
    assert (normalization.stretched(np.full((9, 9), 255, np.uint8)) == 0).all()
