"""From scores to a confidence: how often a string like this one is right.

The forward scores give two shares: of the best string among all strings of the grammar, and of
the grammar among all strings. A third witness is the ink that no symbol explains. On lines
whose truth is known a logistic curve through the three is fitted; what it says of a new string
is its confidence. It holds for writing like that of the calibration, which its note names.
"""

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients of the logistic curve: constant, posterior, grammar, lost ink, length.

    >>> Calibration().confidence(0.9, 1.0, 0.0, 4)
    0.9
    """

    coefficients: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0, 0.0)

    def confidence(self, posterior: float, grammar: float, lost: float, length: int) -> float:
        """Return the probability 0...1 that the best string is right.

        `posterior`: its share among the strings of the grammar; `grammar`: theirs among all
        strings; `lost`: share of ink outside of it; `length`: its number of characters.
        """
        score = float(np.dot(self.coefficients, features(posterior, grammar, lost, length)))
        return round(float(1 / (1 + np.exp(-np.clip(score, -30, 30)))), 9)


def features(posterior: float, grammar: float, lost: float, length: int) -> np.ndarray:
    """Return what the curve is fitted to (5,)."""
    p = min(max(posterior, FLOOR), 1 - FLOOR)
    share = min(max(grammar, FLOOR), 1.0)
    return np.array([1.0, np.log(p / (1 - p)), np.log(share), lost, length / 10])


def fit(witnesses: np.ndarray, right: np.ndarray, ridge: float = 1.0) -> Calibration:
    """Fit the curve to witnesses (n, 4) and truths (n,) bool by Newton's method."""
    x = np.stack([features(p, g, lost, int(n)) for p, g, lost, n in witnesses])
    y = right.astype(float)
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (y - p) - ridge * w
        bend = (x * (p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(w))
        step = np.linalg.solve(bend, slope)
        w += step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(tuple(round(float(v), 6) for v in w))
