"""Hands: people who write digits and marks, one of them per string.

A *hand* owns habits (which form of each symbol, how it is bent, how large it is) and writes
each symbol a little differently every time. Four kinds share one interface, `Hand`: our own
stroke models (`StrokeHand`, needs no data), the pen trajectories of the UCI pen digits
(`PenDigitsHand`), the MNIST training digits of one writer (`MnistHand`), and scanned marks for
the last two (`SymbolGlyphs`). Everything random comes from the generator passed as `rng`.

Curves are cardinal splines whose samples depend linearly on their control points, so that a
form is one matrix, and a writer's version of it one product.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.allographs import FORMS, LETTERS, forms
from pipeline.kernels_ink import bend_points, pen_path
from pipeline.pens import Glyph, Hand, Script, draw, grain, pick, tight, within

DIGITS = "0123456789"
STEPS = 5  # curve samples between two control points


# --- our own stroke models ---------------------------------------------------------------


def _spline(points: np.ndarray, corners: Sequence[bool]) -> np.ndarray:
    """Return the matrix (samples, points) from control points to points on the curve."""
    n = len(points)
    knots = [0, *(i for i in range(1, n - 1) if corners[i]), n - 1]
    rows = []
    for a, b in pairwise(knots):
        chord = np.hypot(*np.diff(points[a : b + 1], axis=0).T) ** 0.5 + 1e-3
        unit = np.eye(n)[a : b + 1]
        slope = np.empty_like(unit)
        secant = np.diff(unit, axis=0) / chord[:, None]
        slope[0], slope[-1] = secant[0], secant[-1]
        for i in range(1, b - a):
            before, after = chord[i - 1], chord[i]
            slope[i] = (after * secant[i - 1] + before * secant[i]) / (before + after)
        t = np.linspace(0, 1, STEPS, endpoint=False)[:, None]
        for i in range(b - a):
            h00, h10 = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
            h01, h11 = -2 * t**3 + 3 * t**2, t**3 - t**2
            rows.append(
                h00 * unit[i]
                + h10 * chord[i] * slope[i]
                + h01 * unit[i + 1]
                + h11 * chord[i] * slope[i + 1]
            )
    rows.append(np.eye(n)[-1:])
    return np.concatenate(rows)


def _smoother(n: int, reach: int) -> np.ndarray:
    """Return a matrix (n, n) that averages neighbours up to `reach` away, ends kept."""
    matrix = np.zeros((n, n))
    for i in range(n):
        r = min(reach, i, n - 1 - i)
        matrix[i, i - r : i + r + 1] = 1 / (2 * r + 1)
    return matrix


class _Model(NamedTuple):
    """A form made ready: control points, and one matrix per amount of rounding."""

    american: float
    european: float
    points: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray]
    matrices: tuple[np.ndarray, ...]
    cuts: np.ndarray


@cache
def _models(symbol: str) -> tuple[_Model, ...]:
    ready = []
    for form in forms(symbol):
        points = [np.array([(x, y) for x, y, _ in stroke]) for stroke in form.strokes]
        curves = [
            _spline(p, [corner for _, _, corner in stroke])
            for p, stroke in zip(points, form.strokes, strict=True)
        ]
        matrices = []
        for reach in range(4):
            whole = np.zeros((sum(map(len, curves)), sum(map(len, points))))
            row = column = 0
            for curve in curves:
                n, k = curve.shape
                whole[row : row + n, column : column + k] = _smoother(n, reach) @ curve
                row, column = row + n, column + k
            matrices.append(whole)
        cuts = np.cumsum([len(curve) for curve in curves])[:-1]
        joined = np.concatenate(points)
        bounds = joined.min(axis=0), joined.max(axis=0)
        ready.append(
            _Model(form.american, form.european, joined, bounds, tuple(matrices), cuts)
        )
    return tuple(ready)


@cache
def _shares(symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """Return how common the forms of a symbol are in American and in European hands."""
    table = np.array([(m.american, m.european) for m in _models(symbol)])
    return table[:, 0].copy(), table[:, 1].copy()


def _flagged(one: _Model) -> bool:
    """Tell whether a form of the 1 begins with a long flag, so that its writer crosses the 7.

    A foot says what it is without that.
    """
    x, y = one.points.T
    apex = int(y.argmin())
    foot = x[y > y.max() - 0.06]
    return bool(x[apex] - x[0] > FLAG and np.ptp(foot) < FLAG)


class _Habit(NamedTuple):
    """A writer's version of a form: how often, its points, size and how far it hangs."""

    share: float
    model: _Model
    points: np.ndarray
    extent: float
    size: float
    drop: float


FLAG = 0.18  # of the height, to the left of a 1
SIZES = {"$": (1.0, 0.12), ".": (1.0, 0.03), ",": (1.0, 0.04), "-": (1.0, 0.06)}


class StrokeHand:
    """A writer who exists only as numbers: forms, bends, sizes, tremor.

    Parameters
    ----------
    rng : numpy.random.Generator
        The writer is drawn from it; two hands from equal generators are equal.
    european : float, optional
        0 writes American forms, 1 European ones; drawn when not given.
    wild : float, optional
        Scale of all deviations from the table's forms; drawn when not given.
    """

    symbols = frozenset(FORMS) | frozenset(LETTERS)

    def __init__(
        self,
        rng: np.random.Generator,
        european: float | None = None,
        wild: float | None = None,
    ) -> None:
        draws = rng.random(5)
        self.european = float(rng.beta(0.6, 0.6)) if european is None else european
        self.wild = 0.5 + 0.9 * float(draws[0]) if wild is None else wild
        self.width = float(np.exp(0.18 * rng.standard_normal()))
        self.zero = within(0.9 + 0.13 * rng.standard_normal(), 0.6, 1.06)
        self.hanging = 0.05 + 0.2 * float(draws[1]) if draws[2] < 0.4 else 0.0
        self.rounding = pick(rng, (0.22, 0.38, 0.28, 0.12))
        self.tremor = 0.004 * float(draws[3]) + (0.010 if draws[4] < 0.08 else 0.0)
        self.lean = 0.05 * rng.standard_normal()
        self._seed = int(rng.integers(1 << 62))
        self._habits: dict[str, list[_Habit]] = {}

    def _habit(self, symbol: str) -> list[_Habit]:
        """Return this writer's versions of a symbol."""
        known = self._habits.get(symbol)
        if known is not None:
            return known
        models = _models(symbol)
        own = np.random.default_rng((self._seed, ord(symbol)))
        american, european = _shares(symbol)
        share = american * (1 - self.european) + european * self.european
        if symbol == "7" and any(_flagged(habit.model) for habit in self._habit("1")):
            # Else nobody could tell the two apart.
            share *= [1.0 if len(m.cuts) else 1e-9 for m in models]
        count = 1 if len(models) == 1 or own.random() < 0.75 else 2
        # Exponential races pick forms in proportion to their shares, without replacement.
        picks = np.argsort(own.standard_exponential(len(models)) / share)[:count]
        size, spread = SIZES.get(symbol, (1.0, 0.07))
        size *= within(1 + spread * self.wild * own.standard_normal(), 0.75, 1.25)
        drop = 0.0
        if symbol == "0":
            size *= self.zero
        elif symbol in "1479" and self.hanging:  # figures that hang below the line
            drop = self.hanging * float(own.random())
            size *= 1 + 0.8 * drop
        elif symbol == "6" and self.hanging:  # and the one that rises above the others
            size *= 1 + 0.7 * self.hanging * float(own.random())
        known = []
        for rank, chosen in enumerate(picks):
            model = models[int(chosen)]
            points, extent = self._bend(model, own)
            share_of = 1.0 if count == 1 else (0.72, 0.28)[rank]
            known.append(_Habit(share_of, model, points, extent, size, drop))
        self._habits[symbol] = known
        return known

    def _bend(self, model: _Model, own: np.random.Generator) -> tuple[np.ndarray, float]:
        """Return this writer's version of a form: its points, deformed, and its extent."""
        bends, jitter = own.standard_normal((5, 2)), own.standard_normal(model.points.shape)
        bent = np.empty_like(model.points)
        low, high = model.bounds
        wide = self.width * np.exp(0.14 * self.wild * own.standard_normal())
        extent = bend_points(
            model.points, bends, jitter, low, high, self.wild, self.lean, wide, bent
        )
        return bent, extent

    def strokes(
        self, symbol: str, rng: np.random.Generator, script: Script
    ) -> list[np.ndarray]:
        """Return the pen's path for one more `symbol`, in pixels, baseline at y = 0."""
        habit = self._habit(symbol)
        chosen = 0 if len(habit) == 1 or rng.random() < habit[0].share else 1
        _, model, points, extent, size, drop = habit[chosen]
        noise = rng.standard_normal((len(points) + 3, 2))
        (size_by, _), (turn_by, stretch_by), (drop_by, _) = noise[:3].tolist()
        matrix = model.matrices[self.rounding]
        shake = noise[:0]
        if self.tremor:
            shake = rng.standard_normal((len(matrix) + 2, 2))
        size *= 1 + 0.03 * size_by
        stretch = script.aspect * (1 + 0.06 * self.wild * stretch_by)
        path = np.empty((len(matrix), 2))
        pen_path(
            matrix,
            points,
            noise[3:],
            0.009 * (0.5 + self.wild) * min(1.0, extent),
            shake,
            self.tremor,
            stretch * size,
            size,
            drop + 0.015 * drop_by,
            script.slant + 0.03 * self.wild * turn_by,
            path,
        )
        path *= script.height
        return np.split(path, model.cuts) if len(model.cuts) else [path]

    def glyph(self, symbol: str, rng: np.random.Generator, script: Script) -> Glyph:
        """Write `symbol` once; KeyError when there is no model of it."""
        strokes = self.strokes(symbol, rng, script)
        ink, x, y = draw(strokes, script, rng)
        return Glyph(ink, x, y, tuple(strokes[0][0]), tuple(strokes[-1][-1]))


# --- pen trajectories --------------------------------------------------------------------


@cache
def load_pendigits(folder: Path) -> dict[int, dict[str, list[list[np.ndarray]]]]:
    """Load the training part of the UCI pen digits: writer -> digit -> samples of strokes.

    Coordinates are in heights of the writer's median digit, baseline (the lowest point of the
    sample) at y = 0, y downwards.
    """
    with np.load(folder / "pendigits_unipen_10992.npz", allow_pickle=False) as z:
        xy, ends, offsets = z["xy"], z["stroke_end"], z["off"]
        digits, writers, split = z["y"], z["writer"], z["split"]
    raw: dict[int, list[tuple[str, np.ndarray, np.ndarray]]] = {}
    for i in np.flatnonzero(split == "train"):
        a, b = offsets[i], offsets[i + 1]
        path = xy[a:b].astype(np.float64)
        path[:, 1] = path[:, 1].max() - path[:, 1] + 0.0
        path[:, 1] -= path[:, 1].max()
        path[:, 0] -= path[:, 0].min()
        cuts = np.flatnonzero(ends[a:b])[:-1] + 1
        raw.setdefault(int(writers[i]), []).append((str(digits[i]), path, cuts))
    hands: dict[int, dict[str, list[list[np.ndarray]]]] = {}
    for writer, samples in raw.items():
        usual = float(np.median([np.ptp(path[:, 1]) for _, path, _ in samples]))
        for digit, path, cuts in samples:
            height = float(np.ptp(path[:, 1]))
            if height < 0.3 * usual:
                continue
            scale = np.clip(height / usual, 0.8, 1.2) / height
            strokes = [_even(s * scale) for s in np.split(path, cuts) if len(s) > 1]
            hands.setdefault(writer, {}).setdefault(digit, []).append(strokes)
    return hands


def _even(stroke: np.ndarray, step: float = 0.045) -> np.ndarray:
    """Smooth a stroke and sample it evenly, about every `step` digit heights."""
    reach = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(reach)])
    count = max(int(along[-1] / step) + 1, 3)
    at = np.linspace(0, along[-1], count)
    path = np.stack([np.interp(at, along, stroke[:, i]) for i in (0, 1)], axis=1)
    smooth = path.copy()
    smooth[1:-1] = 0.25 * path[:-2] + 0.5 * path[1:-1] + 0.25 * path[2:]
    return smooth


class PenDigitsHand:
    """One writer of the UCI pen digits, bent a little, with our pens; marks by `rest`."""

    def __init__(self, rng: np.random.Generator, samples: dict[str, list[list[np.ndarray]]]):
        self.rest = StrokeHand(rng)
        self.symbols = self.rest.symbols
        self._samples = samples
        self._warp = rng.standard_normal((5, 2)) * (0.03, 0.015)
        self._width = float(np.exp(0.12 * rng.standard_normal()))
        self._few = rng.integers(1 << 30, size=10)  # a hand repeats itself: few samples each

    def glyph(self, symbol: str, rng: np.random.Generator, script: Script) -> Glyph:
        """Write `symbol` once; marks come from a stroke hand."""
        samples = self._samples.get(symbol)
        if not samples:
            return self.rest.glyph(symbol, rng, script)
        first = int(self._few[int(symbol)])
        chosen = samples[(first + int(rng.integers(4))) % len(samples)]
        noise = rng.standard_normal(4)
        path = np.concatenate(chosen)
        u, v = path[:, 0] / 0.4 - 1, path[:, 1] * 2 + 1
        basis = np.stack([v, u * v, v * v, u * u, u * v * v], axis=1)
        path = path + basis @ self._warp
        size = 1 + 0.03 * noise[0]
        x = path[:, 0] * (script.aspect * self._width * size * (1 + 0.05 * noise[1]))
        y = path[:, 1] * size + 0.015 * noise[2]
        x = x - (script.slant + 0.03 * noise[3]) * y
        path = np.stack([x, y], axis=1) * script.height
        strokes = np.split(path, np.cumsum([len(s) for s in chosen])[:-1])
        ink, left, top = draw(strokes, script, rng)
        return Glyph(ink, left, top, tuple(strokes[0][0]), tuple(strokes[-1][-1]))


# --- scanned digits and marks ------------------------------------------------------------


@cache
def load_mnist(folder: Path, held: bool = False) -> dict[int, dict[str, np.ndarray]]:
    """Load MNIST training digits: writer -> digit -> uint8 (n, 28, 28), ink 255.

    Every tenth writer is kept back: nothing is trained on them, and `held` gives them alone.
    """
    place = folder / "mnist"
    with gzip.open(place / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with np.load(folder / "mnist_writer_ids_from_qmnist.npz", allow_pickle=False) as z:
        writers, digits = z["train_writer"].astype(int), z["train_y"].astype(int)
    hands: dict[int, dict[str, np.ndarray]] = {}
    order = np.lexsort((digits, writers))
    keys = writers[order] * 10 + digits[order]
    for group in np.split(order, np.flatnonzero(np.diff(keys)) + 1):
        known = hands.setdefault(int(writers[group[0]]), {})
        known[str(digits[group[0]])] = images[group]
    return {
        writer: known
        for writer, known in hands.items()
        if len(known) == 10 and (writer % 10 == 9) == held
    }


def _rescale(
    image: np.ndarray, size: tuple[float, float], slant: float, fine: int = 2
) -> np.ndarray:
    """Return ink 0..1 of a tight uint8 glyph at `fine` times `size` (h, w), slanted."""
    import cv2

    h, w = image.shape
    sy, sx = size[0] * fine / h, size[1] * fine / w
    tall = max(round(size[0] * fine), 2)
    lean = abs(slant) * tall
    wide = max(round(size[1] * fine + lean), 2)
    shift = slant * tall if slant > 0 else 0.0
    move = np.array([[sx, -slant * sy, 0.5 * sx + shift + 2], [0, sy, 0.5 * sy + 2]])
    move[:, 2] -= 0.5
    flags = cv2.INTER_CUBIC
    out = cv2.warpAffine(image, move, (wide + 4, tall + 4), flags=flags)
    return out.astype(np.float32) * np.float32(1 / 255)


def repen(ink: np.ndarray, half: float) -> np.ndarray:
    """Redraw scanned ink with a pen of half width `half` (pixels) along its middle line.

    The middle line is the ridge of the distance map, where its curvature is strongly negative.
    """
    import cv2

    solid = (ink > 0.45).astype(np.uint8)
    if not solid.any():
        return ink
    inside = cv2.distanceTransform(np.pad(solid, 2), cv2.DIST_L2, 5)
    bend = cv2.Laplacian(cv2.GaussianBlur(inside, (3, 3), 0.7), cv2.CV_32F, ksize=1)
    r = max(round(0.5 * float(inside.max())), 1)
    near = cv2.dilate(inside, np.ones((2 * r + 1, 2 * r + 1), np.uint8))
    ridge = (bend < -0.42) & (inside > 0.45 * near)  # the second condition drops spurs
    away = cv2.distanceTransform((~ridge).astype(np.uint8), cv2.DIST_L2, 5)[2:-2, 2:-2]
    return np.clip(half + 0.5 - away, 0, 1).astype(np.float32)


def _settle(ink: np.ndarray, fine: int = 2) -> np.ndarray:
    """Average `fine` x `fine` pixels into one."""
    h, w = ink.shape
    grown = np.pad(ink, ((0, -h % fine), (0, -w % fine)))
    h, w = grown.shape
    return grown.reshape(h // fine, fine, w // fine, fine).mean(axis=(1, 3))


MARKS = {"minus": "-", "slash": "/", "dot": ".", "x": "x"}
# Smallest and largest extent and where the bottom lies, in digit heights.
PLACES = {
    "-": (0.35, 0.75, 0.5),
    "/": (1.0, 1.25, 1.06),
    ".": (0.07, 0.15, 1.0),
    "x": (0.5, 0.62, 1.0),
}


class SymbolGlyphs:
    """Scanned marks ``- / . x`` of the two MIT-licensed symbol sets."""

    def __init__(self, folder: Path) -> None:
        self._images: dict[str, list[np.ndarray]] = {}
        with np.load(folder / "symbols_hand.npz", allow_pickle=False) as z:
            sets = [(255 - z["bhmsds_x"], z["bhmsds_label"]), (z["mdas_x"], z["mdas_label"])]
        for images, labels in sets:
            for name, symbol in MARKS.items():
                found = self._images.setdefault(symbol, [])
                for image in images[labels == name]:
                    cut = tight(image, 0, 0, 60)[0]
                    if min(cut.shape) > 1 and (symbol != "-" or np.ptp(cut.shape) > 4):
                        found.append(cut)
        self.symbols = frozenset(self._images)

    def glyph(self, symbol: str, rng: np.random.Generator, script: Script) -> Glyph:
        """Return one of the scanned marks, redrawn with the script's pen."""
        images = self._images[symbol]
        image = images[int(rng.integers(len(images)))]
        low, high, bottom = PLACES[symbol]
        extent = rng.uniform(low, high) * script.height / max(image.shape)
        ink = _rescale(image, (image.shape[0] * extent, image.shape[1] * extent), 0.0)
        if symbol != ".":
            ink = repen(ink, script.pen.width * script.height)
        ink = _settle(ink) * np.float32(script.pen.ink)
        ink, left, _ = tight(ink, 0, 0)
        drop = bottom - 1 + 0.04 * rng.standard_normal()
        if symbol == "-":
            return Glyph(ink, left, int((bottom - 1) * script.height) - ink.shape[0] // 2)
        return Glyph(ink, left, round(drop * script.height) - ink.shape[0])


class MnistHand:
    """One writer of the MNIST training digits; marks by a stroke hand or scanned ones."""

    def __init__(
        self,
        rng: np.random.Generator,
        digits: dict[str, np.ndarray],
        marks: SymbolGlyphs | None = None,
    ) -> None:
        self.rest = StrokeHand(rng)
        self.symbols = self.rest.symbols
        self._digits = digits
        self._marks = marks if rng.random() < 0.4 else None
        self._repen = rng.random() < 0.7

    def glyph(self, symbol: str, rng: np.random.Generator, script: Script) -> Glyph:
        """Write `symbol` once; KeyError when it is neither a digit nor a known mark."""
        images = self._digits.get(symbol)
        if images is None:
            if self._marks is not None and symbol in self._marks.symbols:
                return self._marks.glyph(symbol, rng, script)
            return self.rest.glyph(symbol, rng, script)
        image, _, _ = tight(images[int(rng.integers(len(images)))], 0, 0, 60)
        noise = rng.standard_normal(4)
        scale = script.height / 20 * (1 + 0.03 * noise[0])
        tall = image.shape[0] * scale
        wide = image.shape[1] * scale * script.aspect * (1 + 0.04 * noise[1])
        ink = _rescale(image, (tall, wide), script.slant + 0.02 * noise[2])
        if self._repen:
            ink = repen(ink, script.pen.width * script.height)
        ink = np.clip(_settle(ink), 0, 1) * np.float32(script.pen.ink)
        if script.pen.grain > 0.03:
            ink = ink * grain(ink.shape, script.pen.grain, rng)
        ink, left, top = tight(ink.astype(np.float32), 0, 0)
        drop = 0.015 * script.height * noise[3]
        return Glyph(ink, left, round(top - tall + drop))


# --- choosing a hand ---------------------------------------------------------------------


@dataclass(frozen=True)
class Sources:
    """Where hands come from; without a data folder, only from our own stroke models."""

    pendigits: tuple[dict[str, list[list[np.ndarray]]], ...] = ()
    mnist: tuple[dict[str, np.ndarray], ...] = ()
    marks: SymbolGlyphs | None = None
    shares: tuple[float, float, float] = (0.55, 0.2, 0.25)


def load_sources(
    folder: Path | None,
    shares: tuple[float, float, float] = (0.55, 0.2, 0.25),
    *,
    held: bool = False,
) -> Sources:
    """Load the open data sets of handwriting from `folder`; None gives stroke hands only.

    `shares` weighs stroke hands, pen-digit hands and MNIST hands in `random_hand`; `held`
    takes the MNIST writers that nothing is trained on.
    """
    if folder is None:
        return Sources()
    folder = Path(folder)
    return Sources(
        tuple(load_pendigits(folder).values()),
        tuple(load_mnist(folder, held).values()),
        SymbolGlyphs(folder),
        shares,
    )


def random_hand(rng: np.random.Generator, sources: Sources | None = None) -> Hand:
    """Return somebody who writes, drawn from `sources` by their shares."""
    if sources is None or not sources.mnist:
        return StrokeHand(rng)
    shares = np.array(sources.shares)
    kind = int(rng.choice(3, p=shares / shares.sum()))
    if kind == 1:
        return PenDigitsHand(rng, sources.pendigits[int(rng.integers(len(sources.pendigits)))])
    if kind == 2:
        digits = sources.mnist[int(rng.integers(len(sources.mnist)))]
        return MnistHand(rng, digits, sources.marks)
    return StrokeHand(rng)
