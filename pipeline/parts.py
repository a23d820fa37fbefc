"""A check taken apart: ink, printed lines, pieces of writing, printed words, currency marks.

Place on the road: below the field locator, which weighs what is found here. Everything is
measured in an image of `WIDTH` columns at most, so a length means the same on every scan.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.handwriting import StrokeHand
from pipeline.image import quantiles
from pipeline.pens import Pen, Script
from pipeline.printing import print_text

WIDTH = 1200  # working width in pixels: 200 dots per inch of a personal check
MOST_PIECES = 3000  # the largest; a check has fewer, noise has any number


@dataclass(slots=True)
class Parts:
    """A check taken apart, at working size; all masks are uint8 0 or 1."""

    ink: np.ndarray
    across: np.ndarray
    down: np.ndarray
    pieces: np.ndarray  # int (n, 4): x, y, w, h of what is left without lines
    area: np.ndarray
    labels: np.ndarray  # int (rows, columns): 1 + the number of a piece, 0 where there is none
    words: np.ndarray  # int (n,): the printed word a piece belongs to, -1 for none
    marks: list[tuple[int, int, int, int, float]]  # x, y, w, h, likeness 0..1


def resized(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Return an image at a scale."""
    import cv2

    if scale == 1:
        return pixels
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def taken_apart(grey: np.ndarray) -> Parts:
    """Separate ink, long lines and pieces of writing or print."""
    import cv2

    unit = grey.shape[1] / WIDTH
    odd = max(round(19 * unit), 9) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd))
    ground = cv2.GaussianBlur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, kernel), (0, 0), odd / 3)
    dark = cv2.subtract(ground, grey)
    fifth, blackest = quantiles(dark, 0.8, 0.992)
    level = max(0.38 * blackest, 14.0)
    ink = (dark > level).astype(np.uint8)
    long_h, long_v = max(round(46 * unit), 20), max(round(26 * unit), 12)
    # Lines are printed paler than the writing: they get a lower threshold. What covers more
    # than a fifth of a page is no line, but a pattern of the paper.
    pale = (dark > max(0.45 * level, 9.0, min(1.4 * fifth, level))).astype(np.uint8)
    lax = cv2.dilate(pale, np.ones((3, 1), np.uint8))
    across = cv2.morphologyEx(lax, cv2.MORPH_OPEN, np.ones((1, long_h), np.uint8))
    lax = cv2.dilate(pale, np.ones((1, 3), np.uint8))
    down = cv2.morphologyEx(lax, cv2.MORPH_OPEN, np.ones((long_v, 1), np.uint8))
    bridge = np.ones((3, max(round(15 * unit), 7)), np.uint8)
    across = cv2.morphologyEx(across, cv2.MORPH_CLOSE, bridge)
    across = _only_long(across, 0, 2.2 * long_h, 9 * unit + 4, None)
    # Upright strokes of writing also survive: a printed line meets others at a right angle.
    down = _only_long(down, 1, 1.25 * long_v, 9 * unit + 4, across)
    lines = across | down
    rest = ink & (1 - lines)
    # Writing that crosses a rule was cut by its removal: close it again, upright.
    rest |= cv2.morphologyEx(
        rest, cv2.MORPH_CLOSE, np.ones((max(round(6 * unit), 3), 1), np.uint8)
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    big = (stats[:, 4] > 6 * unit * unit) & (np.maximum(stats[:, 2], stats[:, 3]) > 3)
    big[0] = False
    kept = np.flatnonzero(big)
    if len(kept) > MOST_PIECES:
        kept = np.sort(kept[np.argsort(-stats[kept, 4], kind="stable")[:MOST_PIECES]])
    number = np.zeros(len(stats), np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    stats = stats[kept]
    words = _words(stats[:, :4], unit)
    page = Parts(ink, across, down, stats[:, :4], stats[:, 4], number[labels], words, [])
    page.marks = _marks(page, rest)
    return page


def _only_long(
    mask: np.ndarray, axis: int, length: float, thick: float, crossed: np.ndarray | None
) -> np.ndarray:
    """Keep straight thin components of at least this extent.

    With `crossed`, only those that touch one of these lines and stand at a right angle to them.
    """
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    extent = stats[:, 2 + axis]
    keep = (extent >= length) & (stats[:, 4] / np.maximum(extent, 1) <= thick)
    if crossed is not None:
        touching = np.zeros(len(stats), bool)
        touching[np.unique(labels[cv2.dilate(crossed, np.ones((7, 7), np.uint8)) > 0])] = True
        keep &= touching
        skew = _skew(crossed)
        for i in np.flatnonzero(keep):
            x, y, w, h = stats[i, :4]
            lean = _slope(np.equal(labels[y : y + h, x : x + w].T, i))
            keep[i] = abs(lean + skew) < 0.02 + 1.5 / h
    keep[0] = False
    return keep.astype(np.uint8)[labels]


def _slope(line: np.ndarray) -> float:
    """Return the rise per column of a boolean picture of one line, rows counted downwards."""
    n = line.shape[1]
    rows = np.arange(line.shape[0])[:, None]
    ends = []
    for part in (line[:, : n // 3 + 1], line[:, n - n // 3 - 1 :]):
        ends.append(float((part * rows).sum()) / max(int(part.sum()), 1))
    return (ends[1] - ends[0]) / max(n - n // 3 - 1, 1)


def _skew(across: np.ndarray) -> float:
    """Return the usual slope of the horizontal lines, 0 when there are none."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(across, connectivity=8)
    longest = np.argsort(-stats[1:, 2])[:7] + 1
    slopes = []
    for i in longest:
        x, y, w, h = stats[i, :4]
        slopes.append(_slope(labels[y : y + h, x : x + w] == i))
    return float(np.median(slopes)) if slopes else 0.0


def _words(pieces: np.ndarray, unit: float) -> np.ndarray:
    """Return the printed word of each piece, -1 for none: equally high, in a row, close by.

    Letters of small print run together, so two pieces will do that are as broad as three.
    """
    words = np.full(len(pieces), -1)
    fit = np.flatnonzero((pieces[:, 3] < 34 * unit) & (pieces[:, 3] >= 6 * unit))
    order = fit[np.argsort(pieces[fit, 0], kind="stable")]
    x, y, w, h = pieces[order].T
    low = y + h
    follows = np.full(len(order), -1)
    for i in range(len(order)):
        gap = x[i + 1 :] - x[i] - w[i]
        alike = (gap > -0.2 * h[i]) & (gap < 1.2 * h[i])
        alike &= np.abs(h[i + 1 :] - h[i]) <= max(1.5 * unit, 0.1 * h[i])
        alike &= np.abs(low[i + 1 :] - low[i]) <= max(1.5 * unit, 0.08 * h[i])
        if alike.any():
            follows[i] = i + 1 + int(np.argmax(alike))
    count = 0
    used = np.zeros(len(order), bool)
    for i in range(len(order)):
        chain = []
        while i >= 0 and not used[i]:
            used[i] = True
            chain.append(i)
            i = int(follows[i])
        if len(chain) >= 3 or (len(chain) == 2 and w[chain].sum() >= 3 * h[chain].max()):
            words[order[chain]] = count
            count += 1
    return words


def is_page(page: Parts) -> bool:
    """Tell a whole check from a large scan of one line: much small matter, several lines."""
    rows = page.ink.shape[0]
    tall = page.pieces[:, 3] > 0.012 * page.ink.shape[1]
    heights = page.pieces[tall, 3]
    if len(heights) < 12:
        return False
    return float(np.percentile(heights, 80)) < 0.3 * rows


@cache
def money_marks() -> np.ndarray:
    """Return pictures of currency marks, printed and written, float32 (n, 24 * 16), normal."""
    import cv2

    pictures = []
    for weight in (0.10, 0.16, 0.24):
        sheet = np.ones((70, 60), np.float32)
        print_text(sheet, "$", (12, 58), 44, 0.0, weight)
        pictures.append(1 - sheet)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        hand = StrokeHand(rng, wild=0.4)
        pictures.append(hand.glyph("$", rng, Script(44, 0.15, 1.0, Pen(0.11))).ink)
    rows = []
    for picture in pictures:
        used = np.argwhere(picture > 0.3)
        (top, left), (low, right) = used.min(axis=0), used.max(axis=0) + 1
        small = cv2.resize(picture[top:low, left:right], (16, 24), interpolation=cv2.INTER_AREA)
        rows.append(_normal(small))
    return np.stack(rows)


def _normal(small: np.ndarray) -> np.ndarray:
    import cv2

    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0).ravel()
    soft = soft - soft.mean()
    return soft / (np.linalg.norm(soft) + 1e-6)


def _marks(page: Parts, rest: np.ndarray) -> list[tuple[int, int, int, int, float]]:
    """Return pieces that look like a currency mark, with their likeness."""
    import cv2

    unit = page.ink.shape[1] / WIDTH
    found = []
    for (x, y, w, h), area in zip(page.pieces.tolist(), page.area.tolist(), strict=True):
        if not 14 * unit <= h <= 64 * unit or not 0.3 <= w / h <= 0.95:
            continue
        if not 0.15 <= area / (w * h) <= 0.75:
            continue
        beside = (page.pieces[:, 0] < x) & (page.pieces[:, 3] > 0.5 * h)
        beside &= page.pieces[:, 0] + page.pieces[:, 2] > x - 0.5 * h
        beside &= np.abs(page.pieces[:, 1] + page.pieces[:, 3] / 2 - y - h / 2) < 0.5 * h
        if beside.any():  # a figure within a number
            continue
        part = rest[y : y + h, x : x + w].astype(np.float32)
        small = cv2.resize(part, (16, 24), interpolation=cv2.INTER_AREA)
        if _upright(small) < 0.7:  # the bar through the mark
            continue
        likeness = float((money_marks() @ _normal(small)).max())
        if likeness > 0.68:
            found.append((x, y, w, h, min((likeness - 0.62) / 0.22, 1.0)))
    return found


@cache
def _straight() -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns (lines, 24) of straight lines through the middle of a picture."""
    rows = np.arange(24)
    leans = np.array((-0.1, 0.0, 0.1, 0.2, 0.3, 0.4))
    at = np.array((6, 7, 8, 9))[:, None, None] + leans[:, None] * (11.5 - rows)
    columns = np.clip(np.rint(at).astype(int), 0, 15).reshape(-1, 24)
    return np.broadcast_to(rows, columns.shape), columns


def _upright(small: np.ndarray) -> float:
    """Return how much of a straight line through the middle of a 24 x 16 picture is ink."""
    return float((small[_straight()] > 0.35).mean(axis=1).max())
