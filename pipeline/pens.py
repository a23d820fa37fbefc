"""Pens and what they leave on paper: strokes drawn as ink, one glyph at a time.

A `Pen` has a width, a nib and an ink, a `Script` says how large and slanted it writes, `draw`
makes strokes into ink, and a `Hand` is whoever writes symbols with it (`pipeline.handwriting`).
"""

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np

from pipeline.kernels_ink import ink_bounds, ink_strokes, pen_radii


@dataclass(frozen=True, slots=True)
class Pen:
    """What draws the line.

    `width` in digit heights; `contrast` 0..1: how much speed and pressure change the width;
    `nib` 0..1 with `angle` in radians: a flat nib; `taper` 0..1: thin ends; `ink` 0..1: how
    dark a full stroke is; `grain` 0..1: skipping and texture.
    """

    width: float = 0.09
    contrast: float = 0.2
    nib: float = 0.0
    angle: float = 0.7
    taper: float = 0.2
    ink: float = 1.0
    grain: float = 0.0


def pick(rng: np.random.Generator, shares: Sequence[float]) -> int:
    """Return an index drawn by shares that sum to 1: `rng.choice` without its checks."""
    return bisect(list(accumulate(shares)), rng.random(), 0, len(shares) - 1)


def within(value: float, low: float, high: float) -> float:
    """Return a number, or the end of the range it falls off."""
    return min(max(value, low), high)


def random_pen(rng: np.random.Generator) -> Pen:
    """Return a ball pen mostly, else a felt tip, a fountain pen or a pencil."""
    kind = pick(rng, (0.62, 0.16, 0.12, 0.10))
    width = within(0.074 * math.exp(0.28 * rng.standard_normal()), 0.04, 0.18)
    a, b, c = rng.random(3)
    if kind == 1:
        return Pen(min(width * 1.55, 0.2), 0.1 * a, 0.0, 0.7, 0.05 * b, 1.0, 0.0)
    if kind == 2:
        return Pen(width * 1.25, 0.3 * a, 0.2 + 0.4 * b, 0.3 + 0.9 * c, 0.2, 1.0, 0.0)
    if kind == 3:
        return Pen(width * 1.1, 0.3 * a, 0.0, 0.7, 0.3, 0.55 + 0.4 * b, 0.3 + 0.4 * c)
    return Pen(width, 0.1 + 0.35 * a, 0.0, 0.7, 0.45 * b, 0.85 + 0.15 * c, 0.25 * c * a)


@dataclass(frozen=True, slots=True)
class Script:
    """How a line is set: digit `height` in pixels, `slant` (x per y), `aspect`, and the pen."""

    height: float = 36.0
    slant: float = 0.0
    aspect: float = 1.0
    pen: Pen = field(default_factory=Pen)


class Glyph(NamedTuple):
    """One written symbol.

    `ink` is float32 (h, w), 0 paper to 1 full ink, cut tight. Its upper left pixel lies at
    (`x`, `y`) from the pen's origin on the baseline, y downwards, so `y` is about ``-height``
    for a digit. `entry` and `exit` are where the pen first touched and last left the paper,
    in the same coordinates, or None where nobody recorded it.
    """

    ink: np.ndarray
    x: int
    y: int
    entry: tuple[float, float] | None = None
    exit: tuple[float, float] | None = None


class Hand(Protocol):
    """Somebody who writes."""

    symbols: frozenset[str]

    def glyph(self, symbol: str, rng: np.random.Generator, script: Script) -> Glyph:
        """Write `symbol` once more; KeyError when the hand does not know it."""
        ...


def draw(
    strokes: Sequence[np.ndarray], script: Script, rng: np.random.Generator
) -> tuple[np.ndarray, int, int]:
    """Draw strokes with the script's pen.

    Parameters
    ----------
    strokes : sequence of float (n, 2)
        Pen positions in pixels, baseline at y = 0, y downwards.
    script : Script
        Its pen and height give the line width.
    rng : numpy.random.Generator
        For grain.

    Returns
    -------
    tuple
        Ink float32 (h, w) in 0..1, and the position of its upper left pixel.
    """
    pen = script.pen
    width = max(pen.width * script.height, 1.0)
    points = np.concatenate(strokes)
    cuts = np.array([0, *accumulate(len(stroke) for stroke in strokes)])
    radius, bounds = np.empty(len(points)), np.empty(4, np.int64)
    pen_radii(points, cuts, width, pen.contrast, pen.nib, pen.angle, pen.taper, radius, bounds)
    x0, y0, x1, y1 = bounds.tolist()
    ink = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.float32)
    ink_strokes(ink, points, cuts, radius, pen.ink)
    if pen.grain > 0.03:
        ink *= grain(ink.shape, pen.grain, rng)
    return tight(ink, x0, y0)


def grain(shape: tuple[int, int], amount: float, rng: np.random.Generator) -> np.ndarray:
    """Return a mottled factor in 0..1, the texture of paper under a light pen."""
    import cv2

    coarse = rng.random((shape[0] // 3 + 2, shape[1] // 3 + 2), dtype=np.float32)
    fine = rng.random(shape, dtype=np.float32)
    mottle = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 - amount * (0.7 * mottle + 0.6 * fine * mottle).clip(0, 1)


def tight(ink: np.ndarray, x: int, y: int, level: float = 0.06) -> tuple[np.ndarray, int, int]:
    """Cut empty borders off `ink`, whose upper left pixel is at (`x`, `y`)."""
    bounds = np.empty(4, np.int64)
    ink_bounds(ink, level, bounds)
    top, bottom, left, right = bounds.tolist()
    if top < 0:
        return ink[:1, :1], x, y
    return ink[top:bottom, left:right], x + left, y + top
