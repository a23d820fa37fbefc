"""The curve from scores to confidence."""

import numpy as np
import pytest

from pipeline.confidence import Calibration, fit


def test_without_calibration_the_posterior_is_the_confidence():
    for p in (0.01, 0.5, 0.93):
        assert Calibration().confidence(p, 0.3, 0.5, 6) == pytest.approx(p, abs=1e-6)


def test_a_fitted_curve_says_how_often_strings_are_right():
    rng = np.random.default_rng(8)
    witnesses = np.stack(
        [
            rng.beta(3, 1, 6000),
            rng.beta(4, 1, 6000),
            rng.beta(1, 20, 6000),
            rng.integers(1, 9, 6000),
        ],
        axis=1,
    )
    odds = np.log(witnesses[:, 0] / (1 - witnesses[:, 0] + 1e-9)) - 8 * witnesses[:, 2] - 0.5
    right = rng.random(6000) < 1 / (1 + np.exp(-odds))
    curve = fit(witnesses, right)
    said = np.array([curve.confidence(p, g, lost, int(n)) for p, g, lost, n in witnesses])
    for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 0.95)):
        inside = (said >= low) & (said < high)
        assert said[inside].mean() == pytest.approx(right[inside].mean(), abs=0.05)


def test_more_lost_ink_is_never_more_confident_after_such_a_fit():
    curve = Calibration((0.5, 0.8, 0.3, -9.0, -0.1))
    told = [curve.confidence(0.95, 0.9, lost, 5) for lost in (0.0, 0.1, 0.3)]
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("extreme", [(0.0, 0.0, 1.0, 0), (1.0, 1.0, 0.0, 100)])
def test_extremes_stay_between_0_and_1(extreme):
    assert 0 <= Calibration((3, 9, 2, -9, 1)).confidence(*extreme) <= 1
