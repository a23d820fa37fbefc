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
from pipeline.kernels_cuts import crop_segments, falls, measure
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


def cuts_of(black: np.ndarray) -> list[np.ndarray]:
    """Return candidate cuts of one component (h, w) as columns per row (h,), left to right."""
    h, w = black.shape
    found: list[tuple[int, np.ndarray]] = []
    for upside in (black, black[::-1]):
        paths = np.zeros((w, h), np.int32)
        crossed = np.zeros(w, np.int32)
        falls(np.ascontiguousarray(upside), paths, crossed)
        seen: set[bytes] = set()
        for path, depth in zip(paths, crossed.tolist(), strict=True):
            if 0 < depth <= DEEPEST:
                deepest = path[-h // 2 :].tobytes()
                if deepest not in seen:
                    seen.add(deepest)
                    found.append((depth, path if upside is black else path[::-1]))
    found.sort(key=lambda cut: cut[0])
    kept, count = np.zeros((len(found), h), np.int32), 0
    for _, path in found:
        if (np.abs(kept[:count] - path).sum(axis=1) >= APART * h).all():
            kept[count] = path
            count += 1
    return sorted(kept[:count], key=lambda path: float(path.mean()))


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
    parts: list[tuple[tuple[float, int, float], np.ndarray, tuple[int, int], int]] = []
    stacked = fractions(stats)
    smallest = least(stats[1:, 4], POINT, SPECK)

    def key(k: int, center: float) -> tuple[float, int, float]:
        return (*stacked[k], center) if k in stacked else (center, 0, 0.0)

    for k in range(1, count):
        x, y, w, h, area = stats[k].tolist()
        if area < smallest:
            continue
        mask = (labels[y : y + h, x : x + w] == k).astype(np.uint8)
        if w < 0.3 * HEIGHT or h < 0.3 * HEIGHT:
            parts.append((key(k, float(centers[k][0])), mask > 0, (x, y), k))
            continue
        sides = np.zeros((h, w), np.int32)
        for cut in cuts_of(mask):
            sides += np.arange(w) >= cut[:, None]
        for side in merged(mask, sides):
            columns = np.flatnonzero(side.any(axis=0))
            parts.append((key(k, x + float(columns.mean())), side, (x, y), k))
    parts.sort(key=lambda part: part[0])
    pieces = np.full(ink.shape, -1, np.int32)
    for k, (_, mask, (x, y), _) in enumerate(parts):
        pieces[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = k
    # Grey borders of strokes belong to the nearest piece.
    if parts:
        grown = cv2.dilate((pieces + 1).astype(np.float32), np.ones((3, 3), np.uint8)) - 1
        edge = faint & (pieces < 0)
        pieces[edge] = grown[edge].astype(np.int32)
    return pieces, np.array([part[3] for part in parts], np.int64)


def merged(mask: np.ndarray, sides: np.ndarray) -> list[np.ndarray]:
    """Return the parts of a cut component, those too small joined to a neighbour."""
    groups = [(sides == k) & (mask > 0) for k in range(int(sides.max()) + 1)]
    groups = [g for g in groups if g.any()]
    smallest = 0.016 * HEIGHT**2
    while len(groups) > 1:
        sizes = [int(g.sum()) for g in groups]
        k = int(np.argmin(sizes))
        if sizes[k] >= smallest:
            break
        near = [j for j in (k - 1, k + 1) if 0 <= j < len(groups)]
        j = min(near, key=lambda j: sizes[j])
        groups[min(j, k)] = groups[j] | groups[k]
        del groups[max(j, k)]
    return groups


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
    left, right = parts[:, 0], parts[:, 0] + parts[:, 2]
    top, bottom = parts[:, 1], parts[:, 1] + parts[:, 3]
    spans, boxes, whole = [], [], []
    sizes = np.bincount(component)
    for first in range(count):
        x0, y0, x1, y1 = left[first], top[first], right[first], bottom[first]
        for last in range(first, min(count, first + LONGEST)):
            if left[last] - x1 > GAP:
                break
            x0, x1 = min(x0, left[last]), max(x1, right[last])
            y0, y1 = min(y0, top[last]), max(y1, bottom[last])
            if x1 - x0 > WIDEST and last > first:
                break
            spans.append((first, last))
            boxes.append((x0, y0, x1 - x0, y1 - y0))
            inside = np.bincount(component[first : last + 1], minlength=len(sizes))
            whole.append(bool(((inside == 0) | (inside == sizes)).all()))
        if len(spans) > MOST:
            raise TooMuch(f"more than {MOST} pieces that could be characters")
    spans_array = np.array(spans, np.int32)
    boxes_array = np.array(boxes, np.int32)
    images = np.zeros((len(spans), SIDE, SIDE), np.float32)
    middle = middle_of(parts, ink.shape[0])
    crop_segments(
        ink, pieces, spans_array, boxes_array, middle, REACH, SIDE, ROOM, ZOOM, images
    )
    images *= np.float32(INK_VALUE - PAPER)
    images += np.float32(PAPER)
    return Segmentation(pieces, weights, spans_array, boxes_array, np.array(whole), images)
