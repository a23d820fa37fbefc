"""Distortions: known maps of pixels, smooth fields, the same by the same seed."""

import numpy as np
import pytest

from lenet.distortions import AFFINE, ELASTIC, Distortion, spline
from lenet.kernels_distortions import move_pixels


@pytest.fixture
def digits():
    """Twenty blurred strokes, uint8 (20, 28, 28)."""
    rng = np.random.default_rng(1)
    i, j = np.mgrid[:28, :28]
    centre = rng.uniform(11, 16, (20, 2, 1, 1))
    far = ((i - centre[:, 0]) / 6) ** 2 + ((j - centre[:, 1]) / 3) ** 2
    return (255 * np.exp(-far)).astype(np.uint8)


def moved(images, affine, nodes=None, knots=7.0):
    count, height, width = images.shape
    down, right = spline(height, knots), spline(width, knots)
    if nodes is None:
        down, right = down[:, :0].copy(), right[:, :0].copy()
        nodes = np.zeros((count, 2, 0, 0), np.float32)
    out = np.empty_like(images)
    room = np.zeros((height + 3, width + 3), np.float32), np.zeros(width, np.float32)
    move_pixels(
        images,
        room[0],
        np.tile(np.array(affine, np.float32), (count, 1)),
        nodes,
        down,
        np.ascontiguousarray(right.T),
        np.zeros((2, right.shape[1]), np.float32),
        room[1],
        room[1].copy(),
        out,
    )
    return out


def test_the_identity_changes_nothing(digits):
    np.testing.assert_array_equal(moved(digits, [1, 0, 0, 1, 0, 0]), digits)
    np.testing.assert_array_equal(Distortion()(digits, np.random.default_rng(0)), digits)


def test_a_shift_moves_pixels_and_brings_in_paper(digits):
    found = moved(digits, [1, 0, 0, 1, 3, -2])
    np.testing.assert_array_equal(found[:, :25, 2:], digits[:, 3:, :26])
    assert not found[:, 25:].any()
    assert not found[:, :, :2].any()


def test_half_a_pixel_is_the_mean_of_two(digits):
    found = moved(digits, [1, 0, 0, 1, 0, 0.5])
    mean = (digits[:, :, :-1].astype(int) + digits[:, :, 1:] + 1) // 2
    np.testing.assert_array_equal(found[:, :, :-1], mean)


def test_a_quarter_turn_is_exact(digits):
    found = moved(digits, [0, 1, -1, 0, 0, 0])
    np.testing.assert_array_equal(found, np.rot90(digits, 1, axes=(1, 2)))


def test_far_away_there_is_nothing(digits):
    assert not moved(digits, [1, 0, 0, 1, 1000, -1000]).any()


def test_an_elastic_field_of_equal_values_is_a_shift(digits):
    down, right = spline(28, 7.0), spline(28, 7.0)
    nodes = np.zeros((20, 2, down.shape[1], right.shape[1]), np.float32)
    nodes[:, 0] = 3.0
    gain = float((down.sum(axis=1)[:, None] * right.sum(axis=1))[14, 14])
    assert np.ptp(down.sum(axis=1)) < 1e-5
    found = moved(digits, [1, 0, 0, 1, 0, 0], nodes)
    wanted = moved(digits, [1, 0, 0, 1, 3 * gain, 0])
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_elastic_displacements_have_the_amplitude_asked_for():
    down = spline(28, 6.0)
    nodes = np.random.default_rng(0).normal(size=(4000, down.shape[1], down.shape[1]))
    field = down @ nodes @ down.T
    assert np.sqrt((field**2).mean()) == pytest.approx(1, abs=0.02)
    assert np.abs(np.diff(field, axis=2)).mean() < 0.2


@pytest.mark.parametrize("distortion", [AFFINE, ELASTIC])
def test_the_same_seed_gives_the_same_images(digits, distortion):
    one, again = (distortion(digits, np.random.default_rng(5)) for _ in range(2))
    other = distortion(digits, np.random.default_rng(6))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any(axis=(1, 2)).all()
    ink = one.sum(axis=(1, 2)) / digits.sum(axis=(1, 2))
    assert 0.6 < ink.min() < ink.max() < 1.6


def test_affine_maps_stay_within_their_ranges():
    drawn = Distortion(shift=2, squeeze=0.1).affine(500, np.random.default_rng(0))
    assert np.abs(drawn[:, 4:]).max() <= 2
    np.testing.assert_allclose(drawn[:, 0] * drawn[:, 3], 1, rtol=1e-5)
    assert np.abs(np.log(drawn[:, 0])).max() <= 0.1
    assert not drawn[:, 1:3].any()


def test_other_arrays_are_refused(digits):
    with pytest.raises(ValueError, match="uint8"):
        AFFINE(digits.astype(np.float32), np.random.default_rng(0))
