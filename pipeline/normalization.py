"""From a field on paper to ink at a known size: background, rules and specks removed.

Place on the road: between the field locator and the segmenter, and the same code when training
strips are made. The size is that of the *writing*, not of the crop: the taller components
decide. What is removed is only what cannot be part of a symbol; everything else is left for the
recognizer to judge, and the ink that no symbol explains is accounted for at the end.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.image import upto

HEIGHT = 28  # digit height in pixels after normalisation
WORKING = 84  # rows of the working image in which paper and ink are told apart
LONGEST = 200  # times as long as high: what is longer is not looked at closer
LOW = 0.45  # of the rows of a field: digits lower than this are looked at again
POINT, SPECK = 4, 10  # black pixels of the working image in the point of a fine pen, in dirt
FEW = 4  # specks that are no dirt
SIDE = 4  # pixels of the working image: how exactly a box is drawn
FAINT, PENCIL = 0.7, 30  # ink that is weak beside rules; grey levels that are no noise
RULED = 0.3  # share of the columns in a row that a rule goes along
INK = 0.35  # ink at or above this counts as black where a bitmap is needed


@dataclass(frozen=True, slots=True)
class Writing:
    """Normalised ink and where it came from.

    ink : float32 (rows, columns), 0 paper ... 1 ink, digits about `HEIGHT` rows high
    scale : pixels of the source per pixel of `ink`
    origin : (x, y) of the upper left corner of `ink` in the source, in source pixels
    digit_height : height of the digits in source pixels
    """

    ink: np.ndarray
    scale: float
    origin: tuple[float, float]
    digit_height: float

    def box(self, x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
        """Return a box of `ink` as (x, y, width, height) in source pixels."""
        left, top = self.origin[0] + x * self.scale, self.origin[1] + y * self.scale
        right, bottom = left + width * self.scale, top + height * self.scale
        return round(left), round(top), round(right) - round(left), round(bottom) - round(top)


def darkness(image: np.ndarray) -> np.ndarray:
    """Return by how much every pixel is darker than its paper: uint8, as `image` (0 black).

    The paper is what a closing by a disk larger than any pen stroke leaves.
    """
    import cv2

    rows = image.shape[0]
    size = 2 * max(4, round(rows * 0.15)) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    border = size
    padded = cv2.copyMakeBorder(image, *(border,) * 4, cv2.BORDER_REPLICATE)
    smooth = cv2.GaussianBlur(padded, (3, 3), 0)
    closed = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, disk)
    half = (closed.shape[1] // 2, closed.shape[0] // 2)  # of the size: a fifth of the time
    small = cv2.resize(closed, half, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), size / 8)
    paper = cv2.resize(blurred, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.subtract(paper, padded)[border:-border, border:-border]


def stretched(dark: np.ndarray) -> np.ndarray:
    """Return ink 0...1 (same shape) of darkness (uint8).

    Full ink is the median of what is darker than halfway to the darkest pixels, so faint pens
    count as black, and strokes come out equally bold however much of the field they fill.
    """
    import cv2

    counts = upto(dark)
    low, high = (int(np.searchsorted(counts, p * counts[-1])) for p in (0.6, 0.985))
    if high - low < 12:
        high = max(int(dark.max()), low + 12)
    half = min((low + high) // 2, 255)
    middle = (counts[half] + counts[-1]) / 2
    high = max(int(np.searchsorted(counts, middle)), low + 12)
    start = low + 0.28 * (high - low)
    levels = (np.arange(256) - start) / (0.65 * (high - low))
    return cv2.LUT(dark, np.clip(levels, 0, 1).astype(np.float32))


def without_rules(ink: np.ndarray) -> np.ndarray:
    """Return ink without long straight horizontal and vertical lines.

    A horizontal line is a run of a third of the width or more and longer than the bars of two
    digits, or nearly as wide as all ink and wider than that is high; it is at most a tenth of
    the height thick, and where a stroke crosses it the crossing stays. Vertical frame lines are
    removed only near the left and right ends, where they run over nearly the whole height, or
    hang between two that were removed.
    """
    import cv2

    rows, columns = ink.shape
    black = (ink >= INK).astype(np.uint8)
    clean = ink.copy()
    _, _, width, height = cv2.boundingRect(black)
    bars = min(3 * rows // 2, max(9 * width // 10, height))
    length = max(24, bars, min(columns // 3, 5 * rows // 2))
    # A closing bridges small breaks and steps of slightly slanted lines.
    joined = cv2.morphologyEx(black, cv2.MORPH_CLOSE, np.ones((3, 7), np.uint8))
    runs = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    runs = cv2.dilate(runs, np.ones((3, 5), np.uint8)) & joined
    count, labels, stats, _ = cv2.connectedComponentsWithStats(runs)
    thick = max(3, rows // 10)
    for k in range(1, count):
        x, y, width, height, area = stats[k].tolist()
        if area > thick * width or height > max(2 * thick, width // 6):
            continue
        line = labels[y : y + height, x : x + width] == k
        above = np.zeros(width, bool)
        below = np.zeros(width, bool)
        top = y + line.argmax(axis=0)
        bottom = y + height - 1 - line[::-1].argmax(axis=0)
        present = line.any(axis=0)
        for d in range(1, 4):
            at = np.clip(top - d, 0, rows - 1)
            above |= (black[at, np.arange(x, x + width)] > 0) & (top - d >= 0) & (d > 1)
            at = np.clip(bottom + d, 0, rows - 1)
            below |= (black[at, np.arange(x, x + width)] > 0) & (bottom + d < rows) & (d > 1)
        keep = (above & below) | ~present
        part = clean[max(0, y - 1) : y + height + 1, x : x + width]
        gone = cv2.dilate(line.astype(np.uint8), np.ones((3, 1), np.uint8), borderValue=0) > 0
        wide = np.zeros(part.shape, bool)
        offset = y - max(0, y - 1)
        wide[offset : offset + height] = gone
        wide[offset : offset + height] |= line
        part[wide & ~keep] = 0
    edge = max(4, round(0.35 * rows))
    _remove_sides(ink, clean)
    black = (clean >= INK).astype(np.uint8)
    for side in (np.s_[:, :edge], np.s_[:, max(0, columns - edge) :]):
        tall = cv2.morphologyEx(
            cv2.morphologyEx(black[side], cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8)),
            cv2.MORPH_OPEN,
            np.ones((max(8, round(0.8 * rows)), 1), np.uint8),
        )
        clean[side][cv2.dilate(tall, np.ones((1, 3), np.uint8)) > 0] = 0
    return clean


def _remove_sides(ink: np.ndarray, clean: np.ndarray) -> None:
    """Remove the sides of a box from `clean`, the `ink` without level rules.

    A side is the outermost upright stroke and hangs between two rules that were removed.
    """
    import cv2

    black = (clean >= INK).astype(np.uint8)
    gone = cv2.dilate(
        ((ink >= INK) & (clean < INK)).astype(np.uint8), np.ones((7, 5), np.uint8)
    )
    columns = np.flatnonzero(black.any(axis=0))
    if not gone.any() or not len(columns):
        return
    rows = ink.shape[0]
    upright = cv2.morphologyEx(black, cv2.MORPH_CLOSE, np.ones((5, 1), np.uint8))
    kernel = np.ones((max(8, round(0.3 * rows)), 1), np.uint8)
    upright = cv2.morphologyEx(upright, cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(upright)
    for k in range(1, count):
        x, y, width, height, _ = stats[k].tolist()
        outermost = x - columns[0] <= SIDE or columns[-1] - (x + width - 1) <= SIDE
        if not outermost or width > max(3, rows // 10):
            continue
        ends = (
            gone[y : y + SIDE, x : x + width],
            gone[y + height - SIDE : y + height, x : x + width],
        )
        if all(end.any() for end in ends):
            line = cv2.dilate((labels == k).astype(np.uint8), np.ones((9, 5), np.uint8))
            clean[line > 0] = 0


def without_specks(ink: np.ndarray) -> np.ndarray:
    """Return ink without specks: components of less than `SPECK` pixels of black.

    Where specks are few, one of `POINT` pixels may be the point of a fine pen and stays.
    """
    import cv2

    count, labels = cv2.connectedComponents((ink > 0.15).astype(np.uint8), connectivity=8)
    weight = np.bincount(labels[ink >= INK], minlength=count)
    drop = weight < least(weight[1:], POINT, SPECK)
    drop[0] = True
    return np.where(drop[labels], 0, ink).astype(np.float32)


def least(areas: np.ndarray, point: float, speck: float) -> float:
    """Return the area from which a component counts: `speck` on dirty paper, else `point`."""
    small = (areas >= point) & (areas < speck)
    return speck if small.sum() > FEW else point


def writing_size(ink: np.ndarray) -> tuple[float, float, float] | None:
    """Return (digit height, top, bottom) of the writing in rows, or None without ink.

    The height is the median of the taller half of the components that could be symbols; top
    and bottom enclose those that stand on the same line.
    """
    import cv2

    rows = ink.shape[0]
    count, _, stats, _ = cv2.connectedComponentsWithStats((ink >= INK).astype(np.uint8))
    boxes = stats[1:]
    if count < 2:
        return None
    heights = boxes[:, 3].astype(float)
    real = (heights >= 0.12 * rows) & (boxes[:, 2] <= 8 * heights) & (boxes[:, 4] >= 12)
    if not real.any():
        real = heights >= 0.5 * heights.max()
    boxes, heights = boxes[real], heights[real]
    tall = np.sort(heights)[len(heights) // 2 :].tolist()
    height = (tall[(len(tall) - 1) // 2] + tall[len(tall) // 2]) / 2
    same = heights >= 0.6 * height
    middles = np.sort(boxes[same, 1] + boxes[same, 3] / 2)
    middle = float(middles[(len(middles) - 1) // 2])
    near = same & (np.abs(boxes[:, 1] + boxes[:, 3] / 2 - middle) < 0.75 * height)
    top = float(np.min(boxes[near, 1]))
    bottom = float(np.max(boxes[near, 1] + boxes[near, 3]))
    return height, top, bottom


def normalize(image: np.ndarray) -> Writing | None:
    """Return the writing of a field (uint8, paper light), or None when there is no ink.

    Where the writing is low beside the field, strokes of a line of digits look like a rule: a
    second look is taken at the rows of the line alone, rules at their edges left out.
    """
    ink, scale, ruled = _seen(image)
    writing = finish(ink, scale)
    if writing is None or writing.digit_height >= LOW * image.shape[0]:
        return writing
    first = max(0, int(writing.origin[1]))
    last = min(image.shape[0], first + round(writing.ink.shape[0] * writing.scale))
    while first < last and ruled[min(round(first / scale), WORKING - 1)]:
        first += 1
    while first < last and ruled[min(round(last / scale), WORKING - 1)]:
        last -= 1
    if image.shape[1] > LONGEST * (last - first):
        return writing
    closer = finish(*_seen(image[first:last])[:2])
    if closer is None:
        return writing
    return replace(closer, origin=(closer.origin[0], closer.origin[1] + first))


def _seen(image: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Return clean ink of a field, `WORKING` rows, its scale, and which rows held a rule.

    The scale is in pixels of the field.
    """
    import cv2

    scale = image.shape[0] / WORKING
    columns = max(8, round(image.shape[1] / scale))
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    work = cv2.resize(image, (columns, WORKING), interpolation=how)
    dark = darkness(work)
    ink = stretched(dark)
    clean = without_rules(ink)
    ruled = (clean < ink).astype(np.uint8)
    if ruled.any():
        near = cv2.dilate(ruled, np.ones((5, 5), np.uint8))
        if (dark[near == 0] >= PENCIL).any() and _median(clean) < FAINT:
            dark[ruled > 0] = 0  # what is left is faint beside black rules only
            clean = without_rules(stretched(dark))
    lines = cv2.dilate(ruled, np.ones((3, 1), np.uint8)).mean(axis=1) > RULED
    return without_specks(clean), scale, lines


def _median(ink: np.ndarray) -> float:
    """Return how black the strokes are, 0 without any."""
    inked = ink[ink > 0]
    return float(np.median(inked)) if inked.size else 0.0


def finish(ink: np.ndarray, scale: float = 1.0) -> Writing | None:
    """Scale clean ink so that its digits are `HEIGHT` rows high, and crop it to the line."""
    import cv2

    inked = ink[ink > 0.15]
    if inked.size:  # faint pens: the strokes themselves say what black is
        ink = np.minimum(ink / max(0.3, min(1.0, float(np.percentile(inked, 80)))), 1)
    size = writing_size(ink)
    if size is None:
        return None
    height, top, bottom = size
    margin = 0.45 * height
    first, last = max(0, round(top - margin)), min(ink.shape[0], round(bottom + margin))
    columns = np.flatnonzero((ink[first:last] >= INK).any(axis=0))
    if not len(columns):
        return None
    left = max(0, int(columns[0]) - 2)
    right = min(ink.shape[1], int(columns[-1]) + 3)
    part = ink[first:last, left:right]
    zoom = HEIGHT / height
    shape = (max(4, round(part.shape[1] * zoom)), max(4, round(part.shape[0] * zoom)))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    out = cv2.resize(part, shape, interpolation=how)
    origin = (left * scale, first * scale)
    return Writing(np.clip(out, 0, 1), scale / zoom, origin, height * scale)
