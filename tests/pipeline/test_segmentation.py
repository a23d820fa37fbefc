"""Cuts and candidates: a missing cut is fatal, so every symbol must be some candidate."""

import itertools

import cv2
import numpy as np
import pytest

from pipeline.handwriting import StrokeHand
from pipeline.kernels_cuts import cuts
from pipeline.normalization import HEIGHT, finish
from pipeline.segmentation import APART, DEEPEST, LONGEST, pieces_of, segment
from pipeline.synthesis import Style, compose
from pipeline.texts import random_digits
from pipeline.training import RUBBISH, SYMBOLS, label_candidates, near


def circles(gap=0):
    """Two rings of digit size side by side, `gap` pixels between them (negative: joined)."""
    ink = np.zeros((HEIGHT + 12, 2 * HEIGHT + 20 + max(gap, 0)), np.uint8)
    for k in range(2):
        center = (8 + HEIGHT // 3 + k * (2 * (HEIGHT // 3) + 4 + gap), 6 + HEIGHT // 2)
        cv2.ellipse(ink, center, (HEIGHT // 3, HEIGHT // 2), 0, 0, 360, 255, 3)
    return ink.astype(np.float32) / 255


def test_joined_rings_are_cut_where_they_touch():
    ink = circles(-3)
    black = (ink >= 0.35).astype(np.uint8)
    assert cv2.connectedComponents(black)[0] == 2
    columns = np.flatnonzero(black.any(axis=0))
    middle = columns.mean()
    part = np.ascontiguousarray(black[:, columns[0] : columns[-1] + 1])
    rows = np.flatnonzero(part.any(axis=1))
    part = np.ascontiguousarray(part[rows[0] : rows[-1] + 1])
    found = np.zeros((2 * part.shape[1], part.shape[0]), np.int32)
    found = found[: cuts(part, DEEPEST, APART, found)]
    assert min(abs(cut.mean() + columns[0] - middle) for cut in found) < 3


def test_a_ring_alone_is_one_candidate_among_others():
    found = segment(circles(12))
    whole = found.boxes[:, 2] > 0.55 * HEIGHT
    assert whole.sum() == 2
    assert found.whole[whole].all()


def test_pieces_are_numbered_from_left_to_right():
    pieces, component = pieces_of(circles(6))
    assert len(component) == pieces.max() + 1
    centers = [np.mean(np.nonzero(pieces == k)[1]) for k in range(pieces.max() + 1)]
    assert centers == sorted(centers)


def test_candidates_are_runs_of_pieces_on_a_retina():
    found = segment(circles(0))
    assert (found.spans[:, 0] <= found.spans[:, 1]).all()
    assert (found.spans[:, 1] - found.spans[:, 0] < LONGEST).all()
    assert found.images.shape[1:] == (32, 32)
    assert found.images.min() >= -0.1 - 1e-6
    assert found.images.max() <= 1.175 + 1e-5
    assert found.images.max(axis=(1, 2)).min() > 0.3


def test_a_candidate_is_whole_when_it_parts_no_component():
    rng = np.random.default_rng(4)
    line = compose("30 588", StrokeHand(rng), rng, Style(gap=-3.0))
    ink = finish(line.ink).ink
    _, component = pieces_of(ink)
    found = segment(ink)
    assert len(component) > len(np.unique(component)) > 1
    for (first, last), whole in zip(found.spans.tolist(), found.whole.tolist(), strict=True):
        inside = set(component[first : last + 1].tolist())
        outside = set(np.delete(component, np.s_[first : last + 1]).tolist())
        assert whole == (not inside & outside)
    assert found.whole.any()
    assert not found.whole.all()


@pytest.mark.parametrize("ink", [np.zeros((40, 90), np.float32), np.zeros((3, 3), np.float32)])
def test_no_ink_gives_no_candidates(ink):
    assert segment(ink) is None


@pytest.mark.jit
def test_nearly_every_symbol_of_a_line_is_some_candidate():
    rng = np.random.default_rng(11)
    missed = total = 0
    for _ in range(60):
        line = compose(random_digits(rng, 4, 8), StrokeHand(rng), rng, Style(gap=2.0))
        writing = finish(line.ink)
        found = segment(writing.ink)
        labels = label_candidates(found, near(line.owner, writing), line.text, writing.ink)
        assert set(labels) <= {-1, *range(RUBBISH + 1)}
        have = [SYMBOLS[k] for k in labels[(labels >= 0) & (labels < RUBBISH)]]
        for symbol in set(line.text):
            total += line.text.count(symbol)
            missed += max(0, line.text.count(symbol) - have.count(symbol))
    assert missed <= 0.06 * total


def test_a_stacked_fraction_is_read_from_top_to_bottom():
    ink = np.zeros((60, 80), np.uint8)
    cv2.line(ink, (8, 16), (8, 44), 255, 3)  # a one
    cv2.line(ink, (30, 30), (66, 30), 255, 3)  # the bar
    cv2.circle(ink, (40, 18), 5, 255, 2)
    cv2.circle(ink, (56, 18), 5, 255, 2)
    cv2.line(ink, (34, 38), (34, 50), 255, 2)
    cv2.circle(ink, (47, 44), 5, 255, 2)
    cv2.circle(ink, (60, 44), 5, 255, 2)
    pieces, component = pieces_of(ink.astype(np.float32) / 255)
    order = []
    for k in range(len(component)):
        y, x = np.nonzero(pieces == k)
        row = "bar" if np.ptp(x) > 30 else "over" if y.mean() < 30 else "under"
        order.append("one" if x.mean() < 15 else row)
    assert [name for name, _ in itertools.groupby(order)] == ["one", "over", "bar", "under"]
