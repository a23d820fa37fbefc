"""The scenes of the LeNet-5 animations: digits of our own that move, change and are disturbed.

Each scene is a procedure that draws its frames from a seed, after the published list of
demonstrations; no original image is copied. Lengths are in pixels of LeNet-5's retina, on which
a digit is 20 high; a frame is kept as pen strokes, so that it can be drawn at any size.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from lenet.strokes import DIGITS, HEIGHT, WIDTH, smooth

SIDE, TALL, PEN = 32, 20.0, 2.7
SCALE = 2.0  # published: sizes up to a factor of two from the smallest to the largest
SHIFT = 0.5  # published: shifts of half a height, each way
TURN = 30.0  # published: degrees, each way
FINE = 8

MOVING, STILL = 80, 900  # milliseconds of a frame, of a still

Strokes = list[np.ndarray]


@dataclass(frozen=True, slots=True)
class Frame:
    """Strokes on a field of `rows` x `columns`; `pens` are their widths.

    `truth` is what is written there, None where nobody could say.
    """

    strokes: Strokes
    pens: tuple[float, ...]
    truth: str | None
    rows: int = SIDE
    columns: int = SIDE

    def image(self, scale: float = 1.0, shape: tuple[int, int] | None = None) -> np.ndarray:
        """Return the frame as an image uint8 of a shape, ink 255, drawn `scale` as large."""
        from PIL import Image, ImageDraw

        rows, columns = shape or (round(self.rows * scale), round(self.columns * scale))
        middle = np.array([columns / 2, rows / 2])
        sheet = Image.new("L", (columns * FINE, rows * FINE))
        pen = ImageDraw.Draw(sheet)
        for stroke, width in zip(self.strokes, self.pens, strict=True):
            half = width * scale * FINE / 2
            points = [tuple(p) for p in ((stroke * scale + middle) * FINE).tolist()]
            pen.line(points, 255, max(1, round(2 * half)), joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - half, y - half, x + half, y + half), fill=255)
        return np.asarray(sheet.resize((columns, rows), Image.Resampling.BOX))


@dataclass(frozen=True, slots=True)
class Scene:
    """An animation: its name, what it shows, its frames, and how long each stands (ms)."""

    name: str
    title: str
    frames: tuple[Frame, ...]
    ms: int

    @property
    def still(self) -> bool:
        """Whether it is a row of stills rather than a movement."""
        return self.ms == STILL


class Hand:
    """Somebody who writes digits, a little differently from everybody else."""

    def __init__(self, rng: np.random.Generator, calm: float = 1.0) -> None:
        self.rng, self.calm = rng, calm
        self.slant = 0.06 * calm * rng.standard_normal()
        self.aspect = 1 + 0.05 * calm * rng.standard_normal()
        self.pen = PEN * float(np.exp(0.08 * calm * rng.standard_normal()))

    def digit(self, digit: int) -> Strokes:
        """Return the strokes of a digit, its middle at (0, 0), `TALL` high."""
        wobble = 0.018 * self.calm
        return [
            self.shape(np.array(s) + wobble * self.rng.standard_normal((len(s), 2)))
            for s in DIGITS[digit]
        ]

    def shape(self, points: Iterable) -> np.ndarray:
        """Return a stroke through points given in the box of `lenet.strokes`, 1 x 1.4."""
        path = smooth(tuple(map(tuple, points)))
        path = (path - np.array([WIDTH, HEIGHT]) / 2) * ((TALL - PEN) / HEIGHT)
        path[:, 0] = path[:, 0] * self.aspect - self.slant * path[:, 1]
        return path


def moved(strokes: Strokes, x: float = 0.0, y: float = 0.0) -> Strokes:
    """Return strokes at another place."""
    return [s + np.array([x, y]) for s in strokes]


def scaled(strokes: Strokes, x: float, y: float | None = None) -> Strokes:
    """Return strokes larger by factors."""
    return [s * np.array([x, x if y is None else y]) for s in strokes]


def turned(strokes: Strokes, degrees: float) -> Strokes:
    """Return strokes turned to the right."""
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return [s @ turn for s in strokes]


def frame(strokes: Strokes, truth: str | None, pen: float, **size: int) -> Frame:
    """Return a frame whose strokes have one width."""
    return Frame(strokes, (pen,) * len(strokes), truth, **size)


def swing(count: int) -> np.ndarray:
    """Return count values that go from 0 to 1, to -1 and back, smoothly."""
    return np.sin(2 * np.pi * np.arange(count) / count)


def ease(t: float) -> float:
    """Return a smooth way from 0 to 1.

    >>> ease(-1), ease(0.5), ease(2)
    (0.0, 0.5, 1.0)
    """
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)


# ---- invariance: one digit, one thing that changes


def translation(rng: np.random.Generator, digit: int) -> list[Frame]:
    """Let the digit drift over the retina, half its height each way."""
    hand = Hand(rng)
    strokes, reach = hand.digit(digit), SHIFT * TALL
    frames = []
    for k in range(72):
        x, y = reach * np.sin(2 * np.pi * 2 * k / 72), reach * np.sin(2 * np.pi * 3 * k / 72)
        frames.append(frame(moved(strokes, x, y), str(digit), hand.pen, rows=48, columns=48))
    return frames


def scale(strokes: Strokes, hand: Hand, t: float) -> tuple[Strokes, float]:
    """Grow and shrink, by `SCALE` in all."""
    size = SCALE ** (t / 2)
    return scaled(strokes, size), hand.pen * size**0.5


def rotation(strokes: Strokes, hand: Hand, t: float) -> tuple[Strokes, float]:
    """Rock left and right."""
    return turned(strokes, TURN * t), hand.pen


def squeezing(strokes: Strokes, hand: Hand, t: float) -> tuple[Strokes, float]:
    """Get narrow, then flat."""
    size = 1 - 0.35 * abs(t)
    return (scaled(strokes, size, 1) if t > 0 else scaled(strokes, 1, size)), hand.pen


def stroke_width(strokes: Strokes, hand: Hand, t: float) -> tuple[Strokes, float]:
    """From a thin to a fat pen and back: 1 to 5 pixels."""
    return strokes, 5 ** ((t + 1) / 2)


def changing(change: Callable, rng: np.random.Generator, digit: int) -> list[Frame]:
    """Return the frames of a digit under one of the changes above."""
    hand = Hand(rng)
    strokes = hand.digit(digit)
    found = (change(strokes, hand, float(t)) for t in swing(60))
    return [frame(s, str(digit), pen) for s, pen in found]


INVARIANCE: dict[str, Callable[[np.random.Generator, int], list[Frame]]] = {
    "translation": translation,
    "scale": partial(changing, scale),
    "rotation": partial(changing, rotation),
    "squeezing": partial(changing, squeezing),
    "stroke-width": partial(changing, stroke_width),
}
SHOWN = {"translation": 4, "scale": 3, "rotation": 5, "squeezing": 2, "stroke-width": 8}


# ---- unusual patterns

ODD: tuple[tuple[int, tuple], ...] = (  # digit, strokes in the box of `lenet.strokes`
    (7, (((0.06, 0.10), (0.50, 0.08), (0.96, 0.05)), ((0.96, 0.05), (0.66, 0.62), (0.40, 1.38)),
         ((0.30, 0.70), (0.60, 0.68), (0.88, 0.66)))),
    (2, (((0.08, 0.34), (0.24, 0.08), (0.56, 0.02), (0.84, 0.20), (0.82, 0.52), (0.52, 0.98),
          (0.20, 1.32), (0.06, 1.18), (0.24, 1.04), (0.46, 1.24), (0.70, 1.36),
          (0.98, 1.26)),)),
    (4, (((0.66, 1.38), (0.66, 0.70), (0.68, 0.04)), ((0.68, 0.04), (0.36, 0.46), (0.04, 0.90)),
         ((0.04, 0.90), (0.50, 0.90), (0.96, 0.90)))),
    (3, (((0.10, 0.06), (0.50, 0.05), (0.88, 0.04)), ((0.88, 0.04), (0.64, 0.32), (0.44, 0.56)),
         ((0.44, 0.56), (0.86, 0.72), (0.94, 1.08), (0.62, 1.37), (0.26, 1.34), (0.04, 1.18)))),
    (1, (((0.20, 0.34), (0.38, 0.20), (0.54, 0.02)), ((0.54, 0.02), (0.53, 0.70), (0.52, 1.36)),
         ((0.22, 1.38), (0.52, 1.36), (0.84, 1.38)))),
    (8, (((0.50, 0.04), (0.24, 0.12), (0.22, 0.44), (0.50, 0.58), (0.78, 0.44), (0.76, 0.12),
          (0.50, 0.04)), ((0.50, 0.60), (0.14, 0.76), (0.10, 1.18), (0.50, 1.38), (0.90, 1.18),
          (0.86, 0.76), (0.50, 0.60)))),
    (9, (((0.80, 0.34), (0.58, 0.04), (0.22, 0.12), (0.16, 0.48), (0.44, 0.66), (0.78, 0.42),
          (0.82, 0.26), (0.84, 0.80), (0.72, 1.30), (0.38, 1.36), (0.16, 1.16)),)),
    (5, (((0.90, 0.06), (0.56, 0.06), (0.24, 0.10), (0.22, 0.52), (0.58, 0.56), (0.90, 0.80),
          (0.78, 1.26), (0.40, 1.38), (0.06, 1.24)),)),
    (6, (((0.58, 0.02), (0.28, 0.52), (0.10, 1.06), (0.30, 1.36), (0.66, 1.34), (0.82, 1.08),
          (0.60, 0.86), (0.30, 0.96), (0.14, 1.16)),)),
    (0, (((0.70, 0.10), (0.36, 0.06), (0.08, 0.48), (0.12, 1.08), (0.48, 1.38), (0.88, 1.06),
          (0.92, 0.46), (0.66, 0.12), (0.40, 0.20), (0.36, 0.42)),)),
    (4, (((0.20, 0.06), (0.14, 0.44), (0.24, 0.76), (0.58, 0.78), (0.86, 0.62)),
         ((0.88, 0.06), (0.84, 0.70), (0.70, 1.38)))),
    (7, (((0.08, 0.30), (0.10, 0.10), (0.50, 0.14), (0.94, 0.08)),
         ((0.94, 0.08), (0.58, 0.50), (0.46, 0.96), (0.44, 1.38)))),
)  # fmt: skip


def unusual(rng: np.random.Generator) -> list[Frame]:
    """Write oddly: crossed sevens, looped twos, closed fours, curled nines."""
    frames = []
    for digit, strokes in ODD:
        hand = Hand(rng, 1.4)
        shape = [hand.shape(s) for s in strokes]
        frames.append(frame(shape, str(digit), hand.pen))
    return frames


def along(path: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, 2) of a path, `step` apart, and the directions across it (n, 2)."""
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, reach[-1], max(int(reach[-1] / step) + 1, 3))
    points = np.stack([np.interp(at, reach, path[:, i]) for i in (0, 1)], axis=1)
    ahead = np.gradient(points, axis=0)
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    return points, np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)


def zigzag(path: np.ndarray) -> Strokes:
    """Make a saw along the path."""
    points, across = along(path, 1.7)
    sign = np.where(np.arange(len(points)) % 2, 1.0, -1.0)[:, None]
    return [points + 1.3 * sign * across]


def wave(path: np.ndarray) -> Strokes:
    """Make a wavy line."""
    points, across = along(path, 0.4)
    return [points + 1.1 * np.sin(np.arange(len(points)) * 0.9)[:, None] * across]


def curls(path: np.ndarray) -> Strokes:
    """Make a line of loops, as a telephone cord."""
    points, across = along(path, 0.3)
    turn = np.arange(len(points)) * 0.75
    ahead = np.stack([across[:, 1], -across[:, 0]], axis=1)
    return [points + 1.5 * (np.sin(turn)[:, None] * across + np.cos(turn)[:, None] * ahead)]


def beads(path: np.ndarray) -> Strokes:
    """Put dots in a row."""
    points, _ = along(path, 3.0)
    return [np.stack([p, p + 0.01]) for p in points]


def rails(path: np.ndarray) -> Strokes:
    """Draw two lines side by side."""
    points, across = along(path, 0.6)
    return [points + 1.5 * across, points - 1.5 * across]


def ladder(path: np.ndarray) -> Strokes:
    """Draw short lines across the path."""
    points, across = along(path, 1.9)
    rungs = [np.stack([p - 1.9 * a, p + 1.9 * a]) for p, a in zip(points, across, strict=True)]
    return [path, *rungs]


def spirals(path: np.ndarray) -> Strokes:
    """Put a spiral at each end."""
    turn = np.linspace(0.6, 11, 60)
    radius = 0.26 * turn
    curl = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    return [path, path[0] + curl, path[-1] + curl * np.array([-1, 1])]


ORNAMENTS: tuple[tuple[Callable, float], ...] = (
    (zigzag, 1.3), (wave, 1.6), (curls, 0.9), (beads, 2.4), (rails, 1.0), (ladder, 0.9),
    (spirals, 1.9),
)  # fmt: skip


def weirdos(rng: np.random.Generator) -> list[Frame]:
    """Make digits of saws, loops, beads, rails and ladders, with spirals at their ends."""
    digits = rng.permutation(np.repeat(np.arange(10), 2))[: 2 * len(ORNAMENTS)]
    frames = []
    for k, digit in enumerate(digits.tolist()):
        ornament, pen = ORNAMENTS[k % len(ORNAMENTS)]
        strokes = [s for path in Hand(rng).digit(digit) for s in ornament(path)]
        frames.append(frame(strokes, str(digit), pen))
    return frames


# ---- noise


def clutter(rng: np.random.Generator, count: int, inner: float, outer: float) -> Strokes:
    """Return short lines and hooks between two distances from the middle."""
    pieces = []
    for _ in range(count):
        turn, way = rng.uniform(0, 2 * np.pi, 2)
        at = rng.uniform(inner, outer) * np.array([np.cos(turn), np.sin(turn)])
        t = np.linspace(-1, 1, 9)[:, None]
        line = t * rng.uniform(0.8, 2.2) * np.array([np.cos(way), np.sin(way)])
        bend = rng.normal(0, 0.7) * (1 - t * t) * np.array([-np.sin(way), np.cos(way)])
        pieces.append(at + line + bend)
    return pieces


def noisy(rng: np.random.Generator, digit: int) -> list[Frame]:
    """Let strokes dance around the digit."""
    hand = Hand(rng)
    shape = hand.digit(digit)
    pieces = clutter(rng, 14, 11.5, 17)
    phase = rng.uniform(0, 2 * np.pi, (len(pieces), 2))
    frames = []
    for k in range(48):
        turn = 2 * np.pi * k / 48
        moving = [
            turned([p + 1.6 * np.sin(turn + f)], 50 * np.sin(turn))[0]
            for p, f in zip(pieces, phase, strict=True)
        ]
        pens = (hand.pen,) * len(shape) + (1.4,) * len(moving)
        frames.append(Frame([*shape, *moving], pens, str(digit)))
    return frames


def structured(rng: np.random.Generator) -> list[Frame]:
    """Write a 3 and a 6 on a grid, in a box, struck through, under specks and between bars."""
    frames = []
    edge = np.array([[-14, -14], [14, -14], [14, 14], [-14, 14], [-14, -14]], float)
    for digit in (3, 6):
        for kind in range(6):
            hand = Hand(rng)
            shape = hand.digit(digit)
            if kind == 0:
                noise = [np.array([[-16.0, y], [16.0, y]]) for y in (-12.5, 12.5)]
            elif kind == 1:
                noise = [edge]
            elif kind == 2:
                noise = [np.array([[-13.0, 11.0], [13.0, -12.0]])]
            elif kind == 3:
                noise = clutter(rng, 18, 9, 18)
            elif kind == 4:
                noise = [np.array([[x, -16.0], [x, 16.0]]) for x in (-12, 12)]
            else:
                noise = [
                    np.array(line, float)
                    for v in (-12, -4, 4, 12)
                    for line in (((-16, v), (16, v)), ((v, -16), (v, 16)))
                ]
            width = 0.5 if kind == 5 else 1.2
            pens = (hand.pen,) * len(shape) + (width,) * len(noise)
            frames.append(Frame([*shape, *noise], pens, str(digit)))
    return frames


# ---- several characters


def line(hand: Hand, text: str, apart: float, rows: int = SIDE) -> Frame:
    """Return a string as one frame, its digits `apart` from middle to middle."""
    strokes: Strokes = []
    for k, c in enumerate(text):
        x = (k - (len(text) - 1) / 2) * apart
        strokes += moved(hand.digit(int(c)), x, float(hand.rng.normal(0, 0.6)))
    width = round(apart * (len(text) - 1) / 4) * 4 + 44
    return frame(strokes, text, hand.pen, rows=rows, columns=width)


def multiple(rng: np.random.Generator) -> list[Frame]:
    """Write two to five digits in one wide retina."""
    texts = ("384", "35", "540", "1993", "60617", "2718", "90210", "46")
    return [line(Hand(rng), text, rng.uniform(20, 24)) for text in texts]


def together(
    hand: Hand,
    parts: list[tuple[Strokes, float, float]],
    truth: str | None,
    columns: int,
    extra: Strokes | None = None,
) -> Frame:
    """Return a frame of digits at places (strokes, x, y), with clutter of a thin pen."""
    strokes = [s for shape, x, y in parts for s in moved(shape, x, y)]
    pens = (hand.pen,) * len(strokes) + (1.4,) * len(extra or [])
    return Frame([*strokes, *(extra or [])], pens, truth, 40, columns)


NEAR = 15.0  # middles nearer than this: nobody could say


def dance_00(rng: np.random.Generator) -> list[Frame]:
    """Let two zeros move past each other, one above and one below."""
    hand = Hand(rng)
    a, b = hand.digit(0), hand.digit(0)
    frames = []
    for t in np.arange(60) / 60:
        x = 26 * np.cos(2 * np.pi * t)
        y = 4.5 * np.sin(2 * np.pi * t)
        truth = "00" if 2 * abs(x) >= NEAR else None
        frames.append(together(hand, [(a, x, y), (b, -x, -y)], truth, 96))
    return frames


def dance_384(rng: np.random.Generator) -> list[Frame]:
    """Let three digits slide together, touch and part."""
    hand = Hand(rng)
    shapes = [hand.digit(d) for d in (3, 8, 4)]
    frames = []
    for t in np.arange(60) / 60:
        x = 14.0 + 12.0 * (0.5 + 0.5 * np.cos(2 * np.pi * t))
        lift = 2.5 * np.sin(4 * np.pi * t)
        parts = [(shapes[0], -x, lift), (shapes[1], 0.0, -lift), (shapes[2], x, lift)]
        frames.append(together(hand, parts, "384" if x >= NEAR else None, 96))
    return frames


def swap(left: int, right: int, rng: np.random.Generator) -> list[Frame]:
    """Let two digits change places, and stand still at either end."""
    hand = Hand(rng)
    a, b = hand.digit(left), hand.digit(right)
    frames = []
    for k in range(60):
        t = ease((k - 10) / 40)
        x = 13 * np.cos(np.pi * t)
        y = 3.0 * np.sin(np.pi * t)
        truth = None
        if 2 * abs(x) >= NEAR:
            truth = f"{left}{right}" if x > 0 else f"{right}{left}"
        frames.append(together(hand, [(a, -x, -y), (b, x, y)], truth, 72))
    return frames


ONE = ((0.54, 0.02), (0.53, 0.36), (0.52, 0.70), (0.51, 1.04), (0.50, 1.38))
STEM = ((0.74, 0.32), (0.73, 0.58), (0.70, 0.84), (0.66, 1.11), (0.62, 1.38))
TWO = ((0.08, 0.34), (0.24, 0.08), (0.56, 0.02), (0.84, 0.20), (0.82, 0.52), (0.52, 0.92),
       (0.06, 1.34), (0.50, 1.31), (0.98, 1.32))  # fmt: skip
ANGLE = ((0.38, 0.04), (0.33, 0.18), (0.27, 0.34), (0.21, 0.50), (0.14, 0.68), (0.06, 0.86),
         (0.06, 0.86), (0.50, 0.84), (0.98, 0.80))  # fmt: skip


def between(start: Iterable, end: Iterable, t: float) -> np.ndarray:
    """Return points on the way from one stroke to another."""
    return (1 - t) * np.array(start) + t * np.array(end)


def merge(rng: np.random.Generator) -> list[Frame]:
    """Let a 1 and a 2 become the strokes of a 4, and part as 2 and 1."""
    hand = Hand(rng, 0.5)
    frames = []
    for k in range(72):
        t = k / 71
        near = ease(1 - abs(t - 0.5) / 0.32 + 0.15)  # 0 apart, 1 together
        side = 13 * (1 - near) * (1 if t < 0.5 else -1)
        stem = hand.shape(between(ONE, STEM, near))
        angle = hand.shape(between(TWO, ANGLE, near))
        truth = {0: "12" if t < 0.5 else "21", 1: "4"}.get(near)
        frames.append(together(hand, [([stem], -side, 0), ([angle], side, 0)], truth, 72))
    return frames


def cluttered(rng: np.random.Generator) -> list[Frame]:
    """Write a 30 among strokes that dance."""
    hand = Hand(rng)
    three, zero = hand.digit(3), hand.digit(0)
    pieces = clutter(rng, 26, 0, 1)
    places = np.stack([rng.uniform(-33, 33, 26), rng.uniform(-19, 19, 26)], axis=1)
    away = np.abs(places[:, 1]) > 12.5
    away |= np.abs(places[:, 0]) > 24
    phase = rng.uniform(0, 2 * np.pi, (26, 2))
    frames = []
    for k in range(48):
        turn = 2 * np.pi * k / 48
        extra = [
            piece + place + 1.8 * np.sin(turn + f)
            for piece, place, f, out in zip(pieces, places, phase, away, strict=True)
            if out
        ]
        frames.append(together(hand, [(three, -12, 0), (zero, 12, 0)], "30", 72, extra))
    return frames


# An upper stroke and a lower one, that turn 3 into 5 into 6 and 1 into 7.
MORPHS = {
    "3": (((0.12, 0.16), (0.42, 0.01), (0.80, 0.14), (0.80, 0.46), (0.62, 0.58), (0.44, 0.64)),
          ((0.44, 0.64), (0.70, 0.67), (0.88, 0.80), (0.94, 1.10), (0.64, 1.37), (0.26, 1.34),
           (0.04, 1.18))),
    "5": (((0.92, 0.03), (0.60, 0.06), (0.28, 0.06), (0.28, 0.06), (0.22, 0.34), (0.18, 0.62)),
          ((0.18, 0.62), (0.54, 0.50), (0.88, 0.68), (0.92, 1.04), (0.66, 1.34), (0.30, 1.37),
           (0.06, 1.22))),
    "6": (((0.74, 0.04), (0.52, 0.16), (0.36, 0.30), (0.22, 0.52), (0.13, 0.78), (0.12, 1.10)),
          ((0.13, 1.06), (0.38, 0.80), (0.70, 0.74), (0.90, 0.98), (0.78, 1.28), (0.40, 1.38),
           (0.12, 1.10))),
    "1": (((0.54, 0.02), (0.54, 0.02), (0.54, 0.02)),
          ((0.54, 0.02), (0.52, 0.70), (0.50, 1.38))),
    "7": (((0.06, 0.10), (0.50, 0.08), (0.96, 0.05)),
          ((0.96, 0.05), (0.66, 0.62), (0.40, 1.38))),
}  # fmt: skip


def morph(rng: np.random.Generator) -> list[Frame]:
    """Move one stroke after the other: 31 becomes 51, 57 and 61."""
    hand = Hand(rng, 0.4)
    steps = ("31", "51", "57", "61", "31")
    frames = []
    for start, end in pairwise(steps):
        for k in range(20):
            t = ease((k - 8) / 12)
            parts = []
            for c, d, x in zip(start, end, (-12, 12), strict=True):
                pairs = zip(MORPHS[c], MORPHS[d], strict=True)
                parts.append(([hand.shape(between(a, b, t)) for a, b in pairs], x, 0.0))
            frames.append(together(hand, parts, start if t == 0 else None, 72))
    return frames


def samples(rng: np.random.Generator) -> list[Frame]:
    """Show one digit after another."""
    return [
        frame((hand := Hand(rng, 1.3)).digit(d), str(d), hand.pen)
        for d in rng.permutation(np.repeat(np.arange(10), 2)).tolist()
    ]


SCENES: dict[str, tuple[str, Callable[[np.random.Generator], list[Frame]], int]] = {
    "samples": ("one digit after another", samples, STILL),
    "unusual": ("unusual styles", unusual, STILL),
    "weirdos": ("weirdos", weirdos, STILL),
    **{
        name: (name.replace("-", " "), partial(make, digit=SHOWN[name]), MOVING)
        for name, make in INVARIANCE.items()
    },
    "noise-36": ("noisy 3 and 6", structured, STILL),
    "noise-2": ("noisy 2", partial(noisy, digit=2), MOVING),
    "noise-4": ("noisy 4", partial(noisy, digit=4), MOVING),
    "multiple": ("several characters", multiple, STILL),
    "dance-00": ("dancing 00", dance_00, MOVING),
    "dance-384": ("dancing 384", dance_384, MOVING),
    "swap-35-53": ("35 becomes 53", partial(swap, 3, 5), MOVING),
    "merge-12-4-21": ("12, 4, 21", merge, MOVING),
    "swap-23-32": ("23 becomes 32", partial(swap, 2, 3), MOVING),
    "noise-30": ("30 and noise", cluttered, MOVING),
    "morph-31-51-57-61": ("31, 51, 57, 61", morph, MOVING),
}


def scene(name: str, seed: int = 1) -> Scene:
    """Return a scene by name, drawn from a seed; the same frames every time. KeyError."""
    title, make, ms = SCENES[name]
    rng = np.random.default_rng((1998, list(SCENES).index(name), seed))
    return Scene(name, title, tuple(make(rng)), ms)
