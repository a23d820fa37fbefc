"""Heuristic over-segmentation: candidate cuts, pieces of ink, and the segmentation graph.

Place on the road: takes normalised ink, hands the recognizer a graph whose arcs are candidate
characters. Too many cuts are harmless, a missing one is fatal: lines fall from the top and rise
from the bottom of every component (LeCun et al. 1998, sec. V and X), and a candidate character
is any run of a few neighbouring pieces without a wide gap inside.
"""

from dataclasses import dataclass

import numpy as np

from lenet.data import INK as INK_VALUE
from lenet.data import PAPER, SIDE
from pipeline.errors import TooMuch
from pipeline.kernels_cuts import candidates, crop_segments, divide, measure
from pipeline.normalization import HEIGHT, INK, least

ROOM = 20  # the longer side of a candidate on it
ZOOM = 1.35 * ROOM / HEIGHT  # small marks stay small
LONGEST = 6  # pieces in a candidate
MOST = 1200  # candidates of a line; a hundred figures have about 800
WIDEST = 1.6 * HEIGHT  # pixels
REACH = 6  # pixels by which a candidate may lie off the middle of the retina
GAP = 0.4 * HEIGHT  # white columns that no candidate bridges
POINT, SPECK = 2, 4  # black pixels in the point of a fine pen, in dirt
DEEPEST = 0.75 * HEIGHT  # black pixels that a cut may cross
APART = 2  # pixels between two cuts, on average
SMALL = 0.3 * HEIGHT  # pixels: components less wide or high are not cut
SMALLEST = 0.016 * HEIGHT**2  # black pixels of a piece beside others of its component


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Candidate characters of a line.

    pieces : int32 (rows, columns), the piece of every inked pixel, -1 elsewhere; left to right
    weights : float (pieces,), ink of each piece in pixels
    spans : int32 (n, 2), first and last piece of every candidate
    boxes : int32 (n, 4), x y width height of its ink
    whole : bool (n,), candidates that no cut parts from other ink
    images : float32 (n, 32, 32), the candidates as the recognizer sees them: centred, but
        what lies high or low on the line lies high or low there
    """

    pieces: np.ndarray
    weights: np.ndarray
    spans: np.ndarray
    boxes: np.ndarray
    whole: np.ndarray
    images: np.ndarray


def fractions(stats: np.ndarray) -> dict[int, tuple[float, int]]:
    """Find fractions written one above the other among components (n, 5) x y w h area.

    Returns, for every component over, in or under a fraction bar, where it is read: (left end
    of the bar, 0 above, 1 the bar, 2 below). A fraction is read top to bottom.
    """
    places: dict[int, tuple[float, int]] = {}
    middles = stats[:, 0] + stats[:, 2] / 2
    tall = stats[:, 3] >= 0.22 * HEIGHT
    for k in range(1, len(stats)):
        x, y, w, h, _ = stats[k].tolist()
        if w < 0.45 * HEIGHT or h > 0.35 * HEIGHT or w < 2.2 * h:
            continue
        inside = (middles > x - 0.1 * w) & (middles < x + 1.1 * w) & tall
        inside[[0, k]] = False
        above = inside & (stats[:, 1] + stats[:, 3] <= y + 0.7 * h)
        below = inside & (stats[:, 1] >= y + 0.3 * h)
        if above.any() and below.any():
            for row, group in ((0, above), (2, below)):
                places.update(dict.fromkeys(np.flatnonzero(group).tolist(), (float(x), row)))
            places[k] = (float(x), 1)
    return places


def pieces_of(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the piece (rows, columns) int32 of every pixel, numbered left to right.

    The second array (pieces,) says which component each piece was cut from.
    """
    import cv2

    black = (ink >= INK).astype(np.uint8)
    faint = ink > 0.08
    count, labels, stats, centers = cv2.connectedComponentsWithStats(black, connectivity=8)
    stacked = fractions(stats)
    smallest = least(stats[1:, 4], POINT, SPECK)
    pieces = np.empty(ink.shape, np.int32)
    room = 2 * int(stats[1:, 2].sum()) + count  # two lines a column, one part more
    component, middle = np.empty(room, np.int32), np.empty(room)
    parts = divide(
        labels, stats, smallest, SMALL, DEEPEST, APART, SMALLEST, pieces, component, middle
    )

    def key(part: int) -> tuple[float, int, float]:
        k = int(component[part])
        center = float(middle[part] if middle[part] >= 0 else centers[k][0])
        return (*stacked[k], center) if k in stacked else (center, 0, 0.0)

    order = sorted(range(parts), key=key)
    number = np.full(parts + 1, -1, np.int32)  # the last one is that of paper
    number[order] = np.arange(parts)
    pieces = number[pieces]
    # Grey borders of strokes belong to the nearest piece.
    if parts:
        grown = cv2.dilate((pieces + 1).astype(np.float32), np.ones((3, 3), np.uint8)) - 1
        edge = faint & (pieces < 0)
        pieces[edge] = grown[edge].astype(np.int32)
    return pieces, component[order]


def middle_of(boxes: np.ndarray, rows: int) -> float:
    """Return the row in the middle of a line from the boxes (n, 4) x y w h of its pieces."""
    tall = boxes[boxes[:, 3] >= 0.6 * HEIGHT]
    if not len(tall):
        return rows / 2
    return float(np.median(tall[:, 1] + tall[:, 3] / 2))


def segment(ink: np.ndarray) -> Segmentation | None:
    """Return the candidate characters of normalised ink, or None without any.

    Raises TooMuch for more than `MOST` candidates: the work grows faster than their number.
    """
    pieces, component = pieces_of(ink)
    count = len(component)
    if not count:
        return None
    parts = np.zeros((count, 4), np.int32)
    weights = np.zeros(count)
    measure(ink, pieces, parts, weights)
    room = MOST + LONGEST
    spans, boxes = np.empty((room, 2), np.int32), np.empty((room, 4), np.int32)
    whole = np.empty(room, bool)
    found = candidates(component, parts, LONGEST, GAP, WIDEST, MOST, spans, boxes, whole)
    if found > MOST:
        raise TooMuch(f"more than {MOST} pieces that could be characters")
    spans, boxes, whole = spans[:found].copy(), boxes[:found].copy(), whole[:found].copy()
    images = np.zeros((found, SIDE, SIDE), np.float32)
    middle = middle_of(parts, ink.shape[0])
    crop_segments(ink, pieces, spans, boxes, middle, REACH, SIDE, ROOM, ZOOM, images)
    images *= np.float32(INK_VALUE - PAPER)
    images += np.float32(PAPER)
    return Segmentation(pieces, weights, spans, boxes, whole, images)
