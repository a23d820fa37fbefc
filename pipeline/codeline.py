"""The code line at the foot of a check: E-13B figures, eight to the inch.

`read_code` finds the line by its figures of one height on one baseline, brings it to a known
size, compares every place with the shapes of `pipeline.printing.MAGNETIC`, and lets the
cheapest path through places one pitch apart decide. What counts as read must hold a routing
number between its two marks whose checksum is right; anything less is no line at all.
"""

import re
from functools import cache

import numpy as np

from pipeline.image import quantiles
from pipeline.printing import MAGNETIC, magnetic
from pipeline.records import Box, CodeLine

CELL = 2  # pixels of the working image in a cell of 0.013 inch; figures are 7 x 9 cells
WIDTH = 2000  # working width in pixels at most
PITCH = 0.125 / 0.013 * CELL
FOOT = 0.36  # share of the height of a check, from below, in which the line is looked for
LEAST_HEIGHT = 9  # pixels of the source in a figure
LIKE, APART = 0.62, 0.04  # likeness that is enough for a figure, and lead over the next one
BREAK = 0.05  # what a gap between groups costs, in likeness
ENOUGH = 0.55  # likeness that makes a place worth taking
_LINE = re.compile(r"T(\d{9})T")
_ACCOUNT = re.compile(r"T\d{9}T[ ]*([\d-][\d -]*?)[ ]*U")
_SERIAL = (re.compile(r"U(\d+)U"), re.compile(r"T\d{9}T[\d -]+U[ ]*(\d+)(?![\d?])"))


def checksum(routing: str) -> bool:
    """Tell whether nine digits are a routing number: weighted 3, 7, 1 they end in 0.

    >>> checksum("011000015"), checksum("011000016")
    (True, False)
    """
    if not re.fullmatch(r"[0-9]{9}", routing) or routing == "000000000":
        return False
    return sum(int(d) * w for d, w in zip(routing, (3, 7, 1) * 3, strict=True)) % 10 == 0


def read_code(pixels: np.ndarray) -> CodeLine | None:
    """Return the code line of a whole, upright check, uint8 (rows, columns), or None."""
    import cv2

    scale = min(WIDTH / pixels.shape[1], 1.0)
    rows, columns = pixels.shape
    top = round((1 - FOOT) * rows)
    foot = pixels[top:]
    if scale < 1:
        foot = cv2.resize(foot, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        columns = foot.shape[1]
    reach = max(round(columns / 90), 7) | 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    dark = cv2.morphologyEx(foot, cv2.MORPH_BLACKHAT, disk)
    level = max(0.4 * quantiles(dark, 0.995)[0], 16.0)
    _, _, stats, _ = cv2.connectedComponentsWithStats((dark > level).astype(np.uint8))
    pieces = stats[1:].astype(float)
    for line in _baselines(pieces, columns):
        found = _along(foot, dark, line, level)
        if found is not None:
            text, p, box = found
            x, y, w, h = (round(value / scale) for value in box)
            return _understood(text, p, (x, y + top, w, h))
    return None


def _baselines(pieces: np.ndarray, columns: int) -> list[tuple[float, float, float]]:
    """Return up to three lines (height of figures, row at column 0, slope), likeliest first."""
    x, y, w, h = pieces[:, 0], pieces[:, 1], pieces[:, 2], pieces[:, 3]
    fit = (h >= max(LEAST_HEIGHT, 0.011 * columns)) & (h <= 0.032 * columns)
    fit &= (w <= 1.1 * h) & (w >= 0.1 * h)
    x, low, h = (x + w / 2)[fit], (y + pieces[:, 3])[fit], h[fit]
    found: list[tuple[int, float, float, float]] = []
    if len(h) < 9:
        return []
    sizes = np.unique(np.round(h))
    slopes = np.linspace(-0.02, 0.02, 17)
    for size in sizes:
        alike = np.abs(h - size) <= max(1.0, 0.06 * size)
        if alike.sum() < 9:
            continue
        level = low[alike, None] - slopes * x[alike, None]
        bins = np.floor(level / (0.2 * size)).astype(int)
        for k, slope in enumerate(slopes):
            values, counts = np.unique(bins[:, k], return_counts=True)
            best = int(counts.argmax())
            near = np.abs(level[:, k] - (values[best] + 0.5) * 0.2 * size) < 0.25 * size
            if near.sum() >= 9:
                found.append((int(near.sum()), size, float(np.median(level[near, k])), slope))
    found.sort(key=lambda f: -f[0])
    lines: list[tuple[float, float, float]] = []
    for _, size, at, slope in found:
        if all(abs(at - other[1]) > other[0] for other in lines):
            on = (np.abs(low - slope * x - at) < 0.3 * size) & (abs(h - size) < 0.1 * size + 1)
            if np.ptp(x[on]) > 0 and on.sum() >= 9:
                better, start = np.polyfit(x[on], low[on], 1)
                lines.append((float(np.median(h[on])), float(start), float(better)))
    return lines[:3]


def _along(
    grey: np.ndarray, dark: np.ndarray, line: tuple[float, float, float], level: float
) -> tuple[str, float, Box] | None:
    """Read along a baseline; return text, least likeness and box in `dark`."""
    import cv2

    height, start, slope = line
    zoom = 9 * CELL / height
    over = 3 * CELL  # rows above and below the figures
    columns = round(dark.shape[1] * zoom)
    turn = np.array([[1 / zoom, 0, 0], [slope / zoom, 1 / zoom, start - height - over / zoom]])
    size = (columns, 9 * CELL + 2 * over)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if zoom < 0.8:
        dark = cv2.GaussianBlur(dark, (0, 0), 0.4 / zoom)
    band = cv2.warpAffine(dark, turn.astype(np.float32), size, flags=how)
    band = np.minimum(band.astype(np.float32) / (2.0 * level), 1)
    names, shapes = _shapes()
    likeness = []
    for shape in shapes:
        found = cv2.matchTemplate(band, shape, cv2.TM_CCOEFF_NORMED)
        likeness.append(found[over - 2 * CELL : over + CELL + 1].max(axis=0))
    likeness = np.nan_to_num(np.stack(likeness), posinf=0, neginf=0)
    order = np.sort(likeness, axis=0)
    best, lead = order[-1], order[-1] - order[-2]
    places = _places(best)
    if len(places) < 9:
        return None
    labels = likeness.argmax(axis=0)
    # Blots are no thin structures: what lies in a gap is asked of the paper itself.
    paper = cv2.warpAffine(grey, turn.astype(np.float32), size, flags=how).astype(np.float32)
    ink = np.maximum(float(np.median(paper)) - paper, 0)[over:-over].sum(axis=0)
    thin = band[over:-over].sum(axis=0)
    figure = np.array(
        [[part[at + CELL : at + 8 * CELL].mean() for part in (ink, thin)] for at in places]
    )
    blank, blot = 0.35 * np.median(figure, axis=0)
    places = [(at, held[1]) for at, held in zip(places, figure, strict=True) if held[0] > blank]
    text, least, last = "", 1.0, places[0][0]
    for at, strokes in places:
        if at - last > 1.5 * PITCH:
            text += " " if ink[last + 9 * CELL : at + CELL].mean() < blank else "?"
        sure = best[at] >= LIKE and lead[at] >= APART and strokes > blot
        text += names[labels[at]] if sure else "?"
        least = min(least, float(best[at])) if sure else least
        last = at
    left, right = places[0][0] / zoom, (places[-1][0] + 9 * CELL) / zoom
    rows = sorted(start + slope * at for at in (left, right))
    box = (round(left), round(rows[0] - height), round(right - left), 0)
    return text, least, (box[0], box[1], box[2], round(rows[1] - rows[0] + height))


def _places(best: np.ndarray) -> list[int]:
    """Return the columns of figures: the best path through places a pitch apart.

    Neighbours in a group stand one pitch apart, give or take a tenth; a new group costs
    `BREAK`, and every place brings what its likeness exceeds `ENOUGH` by.
    """
    count = len(best)
    gain = best - ENOUGH
    near = [round(PITCH) + d for d in range(-2, 3)]
    total = np.full(count, -np.inf)
    back = np.full(count, -1)
    reached, where = 0.0, -1  # the best end so far at least a pitch before
    for i in range(count):
        j = i - round(PITCH)
        if j >= 0 and total[j] > reached:
            reached, where = total[j], j
        total[i], back[i] = reached - BREAK, where
        for step in near:
            j = i - step
            if j >= 0 and total[j] > total[i]:
                total[i], back[i] = total[j], j
        total[i] += gain[i]
    if not count or total.max() <= 0:
        return []
    at, path = int(total.argmax()), []
    while at >= 0:
        path.append(at)
        at = int(back[at])
    return path[::-1]


def _understood(text: str, p: float, box: Box) -> CodeLine | None:
    """Return the parts of a line, None without a routing number whose checksum is right."""
    routing = _LINE.search(text)
    if routing is None or not checksum(routing[1]):
        return None
    account = _ACCOUNT.search(text)
    serial = next(filter(None, (rule.search(text) for rule in _SERIAL)), None)
    return CodeLine(
        text,
        routing[1],
        re.sub(r"\s+", "", account[1]) if account else None,
        serial[1] if serial else None,
        round(p, 3),
        box,
    )


@cache
def _shapes() -> tuple[str, list[np.ndarray]]:
    """Return the names of figures and marks, and their pictures at working size, blurred."""
    import cv2

    names = "".join(MAGNETIC)
    pictures = []
    for name in names:
        fine = np.zeros((11 * 8, 9 * 8), np.float32)
        for x, y, w, h in magnetic(name):
            fine[(1 + y) * 8 : (1 + y + h) * 8, (1 + x) * 8 : (1 + x + w) * 8] = 1
        small = cv2.resize(fine, (9 * CELL, 11 * CELL), interpolation=cv2.INTER_AREA)
        pictures.append(cv2.GaussianBlur(small, (0, 0), 0.35 * CELL))
    return names, pictures
