"""Hands: forms, determinism, sizes, and the middle line of scanned strokes."""

import numpy as np
import pytest

from pipeline.allographs import FORMS, forms
from pipeline.handwriting import (
    DIGITS,
    MnistHand,
    PenDigitsHand,
    StrokeHand,
    load_sources,
    random_hand,
    repen,
)
from pipeline.pens import Pen, Script, random_pen

PLAIN = Script(height=40.0, pen=Pen(width=0.08, contrast=0.0, taper=0.0))


def test_every_form_stands_on_the_baseline_and_reaches_the_top():
    for digit in DIGITS:
        for form in forms(digit):
            y = [point[1] for stroke in form.strokes for point in stroke]
            assert -0.06 < min(y) < 0.12, digit
            assert 0.94 < max(y) < 1.1, digit


def test_american_and_european_hands_prefer_other_ones_and_sevens():
    def crossed(european):
        count = 0
        for seed in range(60):
            hand = StrokeHand(np.random.default_rng(seed), european=european)
            count += len(hand.strokes("7", np.random.default_rng(0), PLAIN)) == 2
        return count

    assert crossed(1.0) > 2 * crossed(0.0)


def test_equal_generators_write_equal_ink():
    def ink():
        rng = np.random.default_rng(7)
        hand = StrokeHand(rng)
        return hand.glyph("5", rng, Script(pen=random_pen(rng)))

    first, second = ink(), ink()
    assert np.array_equal(first.ink, second.ink)
    assert (first.x, first.y, first.exit) == (second.x, second.y, second.exit)


def test_the_order_of_writing_does_not_change_a_hand():
    a, b = (StrokeHand(np.random.default_rng(3)) for _ in range(2))
    a.strokes("8", np.random.default_rng(0), PLAIN)
    one = a.strokes("2", np.random.default_rng(1), PLAIN)
    other = b.strokes("2", np.random.default_rng(1), PLAIN)
    assert all(np.array_equal(p, q) for p, q in zip(one, other, strict=True))


@pytest.mark.parametrize("symbol", sorted(FORMS))
def test_glyphs_are_tight_and_in_range(symbol):
    rng = np.random.default_rng(11)
    for _ in range(5):
        glyph = StrokeHand(rng).glyph(symbol, rng, Script(pen=random_pen(rng)))
        assert glyph.ink.dtype == np.float32
        assert glyph.ink.min() >= 0
        assert glyph.ink.max() <= 1
        for edge in (glyph.ink[0], glyph.ink[-1], glyph.ink[:, 0], glyph.ink[:, -1]):
            assert edge.max() > 0.05


def test_digits_have_the_height_asked_for():
    rng = np.random.default_rng(5)
    tall = [
        StrokeHand(rng).glyph(d, rng, PLAIN).ink.shape[0] for d in "1234567" for _ in range(20)
    ]
    assert np.median(tall) == pytest.approx(40 * 1.08, rel=0.06)


def test_slant_leans_to_the_right():
    hand = StrokeHand(np.random.default_rng(2), european=0.0, wild=0.0)
    slanted = Script(40.0, 0.5, 1.0, PLAIN.pen)
    upright = hand.strokes("1", np.random.default_rng(0), PLAIN)[0]
    leaning = hand.strokes("1", np.random.default_rng(0), slanted)[0]
    assert np.allclose(leaning[:, 0] - upright[:, 0], -0.5 * upright[:, 1])
    assert np.array_equal(leaning[:, 1], upright[:, 1])


def test_some_hands_write_figures_that_hang_below_the_line():
    bottoms = [
        max(stroke[:, 1].max() for stroke in hand.strokes("9", np.random.default_rng(0), PLAIN))
        for hand in (StrokeHand(np.random.default_rng(seed)) for seed in range(60))
    ]
    assert 3 < sum(bottom > 2.5 for bottom in bottoms) < 40


def test_an_unknown_symbol_is_a_key_error():
    with pytest.raises(KeyError):
        StrokeHand(np.random.default_rng(0)).glyph("§", np.random.default_rng(0), PLAIN)


def test_redrawing_keeps_a_stroke_whole_and_gives_it_the_width():
    ink = np.zeros((60, 60), np.float32)
    ink[10:50, 20:32] = 1
    thin = repen(ink, 2.0)
    assert (thin[20:40].max(axis=1) == 1).all()
    assert thin[30].sum() == pytest.approx(4, abs=1.2)


def test_without_data_everybody_is_a_stroke_hand():
    assert isinstance(random_hand(np.random.default_rng(0), load_sources(None)), StrokeHand)


def test_hands_from_the_open_sets_write_every_digit_and_mark(data):
    sources = load_sources(data)
    rng = np.random.default_rng(4)
    kinds = set()
    for _ in range(24):
        hand = random_hand(rng, sources)
        kinds.add(type(hand))
        for symbol in DIGITS + "$.,-/*#=x()":
            glyph = hand.glyph(symbol, rng, Script(36.0, 0.1, 1.0, random_pen(rng)))
            assert glyph.ink.max() > 0.3
            if symbol.isdigit():
                assert 20 < glyph.ink.shape[0] < 66
                assert -60 < glyph.y < -18
    assert kinds == {StrokeHand, PenDigitsHand, MnistHand}


def test_who_flags_the_one_crosses_the_seven():
    crossed = {False: [], True: []}
    for seed in range(200):
        hand = StrokeHand(np.random.default_rng(seed))
        ones, sevens = hand._habit("1"), hand._habit("7")
        long = any(one.model.points[0, 0] < 0.07 and not len(one.model.cuts) for one in ones)
        crossed[long].append(all(len(seven.model.cuts) for seven in sevens))
    assert np.mean(crossed[True]) > 0.95  # a foot, or a low flag, says it too
    assert 0.2 < np.mean(crossed[False]) < 0.7
