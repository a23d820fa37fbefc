"""Where the courtesy amount may stand: candidate fields with penalties, cheapest first.

The field locator of the cascade. It looks for printed boxes, for rules to write on and for
currency marks, measures each candidate by the terms of `TERMS`, and adds them up with the
weights given there into a penalty: lower is better, the scale is that of a negative logarithm
(differences of penalties are log odds), so it can be added to those of recognition along a
path. The weights were fitted by `fit` on drawn checks; see docs/synthesis.md.

A crop that is no whole check (small, or filled by a single line) is one field of penalty 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.parts import WIDTH, Parts, is_page, resized, taken_apart

TERMS = {
    # 1 when the field is the room between two rules, not a closed box.
    "two rules": 0.92,
    # 1 when the field is the room above a single rule.
    "one rule": 3.35,
    # 1 when nothing but a currency mark points at it.
    "only a mark": 1.29,
    # Doubt, 0..1, that a currency mark stands at its left end.
    "no mark": 3.16,
    # Squared distance of its centre from 84 % of the width, in 11 %, at most 2.
    "across": 1.57,
    # Squared distance of its centre from 33 % of the height, in 13 %, at most 2.
    "down": 0.76,
    # How much its width falls below 1.8 heights, in heights.
    "narrow": 1.11,
    # How much its width exceeds 7 heights, in heights.
    "long": 1.18,
    # How much it is lower than 0.18 inch of a personal check, in tenths of an inch.
    "low": 0.99,
    # How much it is higher than 0.5 inch, in tenths of an inch.
    "high": 1.02,
    # 1 when no writing stands in it.
    "empty": 1.43,
    # How far its pieces fall below 36 % of its height, in tenths of the height.
    "small": 1.25,
    # Pieces beyond eleven: words, not an amount.
    "many": 1.02,
    # Share of pieces much broader than high: joined letters.
    "broad": 1.25,
    # Share of pieces of exactly one height, as print has them.
    "print": 1.56,
}
WEIGHTS = np.array(list(TERMS.values()))
Box = tuple[int, int, int, int]
LEAST = 4  # pixels of the working image in a candidate's width and height
LIMIT = 8  # candidates handed on
DEARER = 2.5  # a closed box around the same writing may be, and is still preferred
LIKELY = 0.6  # likeness from which a mark alone makes a field: an 8 or 1 has half of it
MOST_RULES = 120  # the longest; a check has fewer, noise has any number


@dataclass(frozen=True, slots=True)
class Field:
    """A place where an amount may stand.

    `box` is x, y, width, height in pixels of the image; `penalty` is at least 0; `kind` is
    ``strip`` (the whole image), ``box``, ``rules``, ``rule`` or ``mark``. `foreign`, bool
    (height, width), is what stands in the box and belongs to something else: the ends of
    printed words, letters of another line; None without any.
    """

    box: Box
    penalty: float = 0.0
    kind: str = "strip"
    foreign: np.ndarray | None = field(default=None, compare=False, repr=False)

    def crop(self, pixels: np.ndarray) -> np.ndarray:
        """Return the field cut out of its image, uint8, paper where something foreign is."""
        x, y, w, h = self.box
        part = pixels[y : y + h, x : x + w].copy()
        if self.foreign is not None:
            import cv2

            disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(h // 3, 5) | 1,) * 2)
            part[self.foreign] = cv2.morphologyEx(part, cv2.MORPH_CLOSE, disk)[self.foreign]
        return part


def locate(pixels: np.ndarray) -> list[Field]:
    """Find the fields that may hold the courtesy amount.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8 grey image (H, W), dark writing on light paper: a cropped strip or a whole check.

    Returns
    -------
    list of Field
        Cheapest first, at least one. Boxes lie inside the image and take in writing that
        crosses the printed lines.

    Raises
    ------
    ValueError
        When `pixels` is not a two-dimensional uint8 image.
    """
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            f"locate: a 2-D uint8 image is expected, not {pixels.ndim}-D {pixels.dtype}"
        )
    rows, columns = pixels.shape
    whole = Field((0, 0, columns, rows))
    if columns < 480 or rows < 190 or not 1.5 <= columns / rows <= 3.8:
        return [whole]
    scale = min(WIDTH / columns, 1.0)
    page = taken_apart(resized(pixels, scale))
    if not is_page(page):
        return [whole]
    fields: list[Field] = []
    priced = []
    for room, kind in _candidates(page):
        box, terms = measure(page, room, kind)
        if min(box[2:]) < LEAST:  # above a rule at the upper edge, say
            continue
        priced.append((float(WEIGHTS @ terms), kind, box, room))
    for penalty, kind, box, room in sorted(_tightest(page, priced)):
        outer = _outward(box, scale, pixels.shape)
        if all(_overlap(outer, other.box) < 0.5 for other in fields):
            foreign = _foreign(page, box, room)
            if foreign is not None:
                x, y = np.arange(outer[2]) + outer[0], np.arange(outer[3]) + outer[1]
                rows, columns = (
                    _working(y, scale, box[1], box[3]),
                    _working(x, scale, box[0], box[2]),
                )
                foreign = foreign[np.ix_(rows, columns)]
            fields.append(Field(outer, penalty, kind, foreign))
        if len(fields) == LIMIT:
            break
    return fields or [whole]


def _working(at: np.ndarray, scale: float, start: int, size: int) -> np.ndarray:
    """Return the rows or columns of a working crop that pixels of the original fall on."""
    return np.clip(((at + 0.5) * scale).astype(np.intp) - start, 0, size - 1)


def _tightest(
    page: Parts, priced: list[tuple[float, str, Box, Box]]
) -> list[tuple[float, str, Box, Box]]:
    """Leave out what holds the same writing as a closed box that fits it more closely.

    The room after a currency mark or above a rule takes the frame of a box in, and of two
    boxes one within the other the larger does.
    """
    tall = page.pieces[:, 3] > 10 * page.ink.shape[1] / WIDTH
    held = [_inside(page, room) & tall for *_, room in priced]
    kept = []
    for i, (penalty, kind, box, room) in enumerate(priced):
        for j, (other, sort, _, closed) in enumerate(priced):
            if sort != "box" or i == j or other > penalty + DEARER or not held[j].any():
                continue
            same = np.count_nonzero(held[i] & held[j]) >= 0.75 * np.count_nonzero(held[i])
            smaller = closed[2] * closed[3] < 0.85 * room[2] * room[3] or kind != "box"
            more = np.count_nonzero(held[i]) > np.count_nonzero(held[j]) and kind == "box"
            if same and smaller and not more and held[i].any():
                break
        else:
            kept.append((penalty, kind, box, room))
    return kept


def _foreign(page: Parts, box: Box, room: Box) -> np.ndarray | None:
    """Return what in a crop belongs to something else, bool (height, width); None: nothing.

    Pieces that the crop cuts and that stand outside the field, printed words above or below
    the line of the writing, and the lines around the field.
    """
    import cv2

    x, y, w, h = box
    p = page.pieces
    right, low = p[:, 0] + p[:, 2], p[:, 1] + p[:, 3]
    touched = (p[:, 0] < x + w) & (right > x) & (p[:, 1] < y + h) & (low > y)
    inside = _inside(page, room)
    chosen = np.zeros(len(p), bool)
    chosen[_crossing(page, room, inside)] = True
    writing = chosen & (page.words < 0)
    writing = writing if writing.any() else chosen
    if not writing.any():
        return None
    heights = p[writing, 3]
    large = writing & (p[:, 3] >= 0.5 * np.percentile(heights, 80))
    size = float(np.median(p[large, 3]))
    top, base = float(np.median(p[large, 1])), float(np.median(low[large]))
    middle = (p[:, 1] + low) / 2
    off = (middle < top - 0.05 * size) | (middle > base + 0.05 * size)
    cut = (p[:, 0] < x) | (right > x + w) | (p[:, 1] < y) | (low > y + h)
    foreign = touched & cut & ~chosen
    flat = (p[:, 3] < 0.45 * size) & (p[:, 2] > 2.5 * p[:, 3]) & (p[:, 3] > 0.15 * size)
    foreign |= touched & flat & (middle < top - 0.1 * size)  # print that ran together
    for word in np.unique(page.words[touched & (page.words >= 0)]):
        letters = page.words == word
        if (off[letters]).all() and p[letters, 3].max() < 0.75 * size:
            foreign |= letters & touched
    listed = np.concatenate([[False], foreign])
    part = np.s_[y : y + h, x : x + w]
    labels = page.labels[part]
    mask = cv2.dilate(listed[labels].astype(np.uint8), np.ones((5, 5), np.uint8))
    lines = page.down[part].copy()
    edge = round(4 * page.ink.shape[1] / WIDTH)
    lines[:, max(room[0] + edge - x, 0) : max(room[0] + room[2] - edge - x, 0)] = 0
    lines = cv2.dilate(lines | page.across[part], np.ones((3, 3), np.uint8))
    own = np.concatenate([[False], chosen & ~foreign])[labels].astype(np.uint8)
    # A line that meets the writing is left whole: what follows knows how to take it out.
    _, at = cv2.connectedComponents(lines)
    met = np.unique(at[cv2.dilate(own, np.ones((9, 7), np.uint8)) > 0])
    mask |= lines & ~np.isin(at, met)
    mask &= 1 - own
    return mask > 0 if mask.any() else None


def _outward(box: Box, scale: float, shape: tuple[int, ...]) -> Box:
    """Return a box of the working image in pixels of the original."""
    x, y = max(int(box[0] / scale), 0), max(int(box[1] / scale), 0)
    right = min(int(np.ceil((box[0] + box[2]) / scale)), shape[1])
    low = min(int(np.ceil((box[1] + box[3]) / scale)), shape[0])
    return x, y, right - x, low - y


def _candidates(page: Parts) -> list[tuple[Box, str]]:
    """Propose boxes, the room between two rules or above one, and the room after a mark."""
    import cv2

    rows, columns = page.ink.shape
    unit = columns / WIDTH
    found: list[tuple[Box, str]] = []
    bridge = max(round(9 * unit), 5)
    lines = cv2.morphologyEx(page.across, cv2.MORPH_CLOSE, np.ones((1, bridge), np.uint8))
    lines |= cv2.morphologyEx(page.down, cv2.MORPH_CLOSE, np.ones((bridge, 1), np.uint8))
    lines = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    cells: list[Box] = []
    contours, tree = cv2.findContours(lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for i, contour in enumerate(contours):
        if tree[0][i][3] < 0:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        if not 24 * unit <= w <= 0.5 * columns or not 22 * unit <= h <= 130 * unit:
            continue
        if cv2.contourArea(contour) > 0.7 * w * h:
            cells.append((x + 2, y + 2, w - 4, h - 4))
    for x, y, w, h in _merged(page, cells, unit):
        if w > 60 * unit and w > 1.1 * h:
            found.append(((x, y, w, h), "box"))
    _, _, stats, _ = cv2.connectedComponentsWithStats(page.across, connectivity=8)
    rules = [tuple(s[:4]) for s in stats[1:].tolist() if s[2] <= 0.5 * columns]
    rules = sorted(rules, key=lambda rule: -rule[2])[:MOST_RULES]
    high = round(62 * unit)
    for x, y, w, h in rules:
        if w < 90 * unit:
            continue
        found.append(((x, max(y - high, 0), w, min(high, y)), "rule"))
        for x2, y2, w2, _ in rules:
            if 24 * unit <= y2 - y <= 130 * unit:
                shared = min(x + w, x2 + w2) - max(x, x2)
                if shared > 0.75 * max(w, w2):
                    left = max(x, x2)
                    found.append(((left, y + h, shared, y2 - y - h), "rules"))
    for x, y, w, h, likeness in page.marks:
        if likeness < LIKELY:
            continue
        top, low = max(y - round(0.5 * h), 0), min(y + round(1.5 * h), rows)
        room = min(_end_of_line(page, x + w, y, h), columns - 2) - x
        if room > w + 50 * unit:
            found.append(((x - 2, top, room, low - top), "mark"))
    return found


def _end_of_line(page: Parts, x: int, y: int, h: int) -> int:
    """Return where the writing right of `x` ends that goes on without a wide gap."""
    p = page.pieces
    level = (p[:, 1] < y + h) & (p[:, 1] + p[:, 3] > y) & (p[:, 3] < 2.5 * h)
    end = x + 1.5 * h  # the first piece may stand further off
    line = p[level & (p[:, 0] >= x - 2)]
    for left, _, width, _ in line[np.argsort(line[:, 0])].tolist():
        if left > end + 1.2 * h:
            break
        end = max(end, left + width)
    return round(end + 0.3 * h)


def _merged(page: Parts, cells: list[Box], unit: float) -> list[Box]:
    """Join boxes side by side that an upright stroke of the writing parts, not a printed line.

    Writing stands close to the stroke on both sides, or on one side with nothing on the other;
    the contents of neighbouring printed cells keep their distance.
    """
    cells = sorted(cells)
    i = 0
    while i < len(cells):
        x, y, w, h = cells[i]
        for j in range(i + 1, len(cells)):
            x2, y2, w2, h2 = cells[j]
            level = abs(y2 - y) < 14 * unit and abs(y2 + h2 - y - h) < 14 * unit
            if not level or not 0 <= x2 - (x + w) <= 14 * unit:
                continue
            left = page.pieces[_inside(page, cells[i])]
            right = page.pieces[_inside(page, cells[j])]
            left = left[left[:, 3] > 0.2 * h]
            right = right[right[:, 3] > 0.2 * h]
            ends = int((left[:, 0] + left[:, 2]).max()) if len(left) else None
            starts = int(right[:, 0].min()) if len(right) else None
            near_left = ends is None or x + w - ends < 0.55 * h
            near_right = starts is None or starts - x2 < 0.55 * h
            if near_left and near_right and (ends is not None or starts is not None):
                top, low = min(y, y2), max(y + h, y2 + h2)
                cells[i] = (x, top, x2 + w2 - x, low - top)
                del cells[j]
                i -= 1
                break
        i += 1
    return cells


def measure(page: Parts, box: Box, kind: str) -> tuple[Box, np.ndarray]:
    """Return a candidate's box, made to take in writing that crosses it, and its terms."""
    rows, columns = page.ink.shape
    unit = columns / WIDTH
    x, y, w, h = box
    doubt = 1.0
    for mx, my, mw, mh, likeness in page.marks:
        if not y - 0.4 * h <= my + mh / 2 <= y + 1.3 * h:
            continue
        outside = -6 * unit <= x - (mx + mw) <= 46 * unit
        first = mx >= x - 4 * unit and mx + mw <= x + 0.3 * w + 10 * unit
        if outside or first:
            doubt = min(doubt, 1 - likeness)
    cx, cy = (x + w / 2) / columns, (y + h / 2) / rows
    ratio = w / max(h, 1)
    inside = _inside(page, box)
    pieces = page.pieces[inside]
    deep = min(h, 66 * unit)
    tall = pieces[pieces[:, 3] > max(0.28 * deep, 10 * unit)]
    terms = [
        float(kind == "rules"),
        float(kind == "rule"),
        float(kind == "mark"),
        doubt,
        min(((cx - 0.84) / 0.11) ** 2, 2.0),
        min(((cy - 0.33) / 0.13) ** 2, 2.0),
        max(1.8 - ratio, 0),
        max(ratio - 7, 0),
        max(36 * unit - h, 0) / (20 * unit),
        max(h - 100 * unit, 0) / (20 * unit),
        float(not len(tall)),
    ]
    if not len(tall):
        return box, np.array([*terms, 0.0, 0.0, 0.0, 0.0])
    size = float(np.median(tall[:, 3]))
    broad = float((tall[:, 2] > 2.6 * tall[:, 3]).mean())
    even = float((abs(tall[:, 3] - size) <= 1).mean()) if len(tall) > 3 else 0.0
    terms += [10 * max(0.36 - size / deep, 0), max(len(tall) - 11.0, 0), broad, even]
    pieces = page.pieces[_crossing(page, box, inside)]
    near, more = 7 * unit, 0.14 * h
    top = -_reach(-int(pieces[:, 1].min()), -y, near, more)
    low = _reach(int((pieces[:, 1] + pieces[:, 3]).max()), y + h, near, more)
    near, more = 2 * unit, 0.1 * h
    left = -_reach(-int(pieces[:, 0].min()), -x, near, more)
    right = _reach(int((pieces[:, 0] + pieces[:, 2]).max()), x + w, near, more)
    left = max(left, x - round(0.7 * h), 0)
    right = min(right, x + w + round(0.8 * h), columns)
    top, low = max(top, y - round(0.6 * h), 0), min(low, y + h + round(0.5 * h), rows)
    return (left, top, right - left, low - top), np.array(terms)


def _reach(writing: int, edge: int, near: float, more: float) -> int:
    """Return how far a crop goes in one direction, given where writing and field end.

    Writing that reaches the frame goes on beneath it, where the removed line took it; without
    it the crop leaves the frame out, for an upright of the frame could be read as a 1.
    """
    return round(max(writing + 3, edge + more)) if writing > edge - near else edge


def _crossing(page: Parts, box: Box, inside: np.ndarray) -> np.ndarray:
    """Tell the pieces of writing in `box` and what the removal of its frame cut off them."""
    x, y, w, h = box
    near = 7.5 * page.ink.shape[1] / WIDTH
    p = page.pieces
    right, low = p[:, 0] + p[:, 2], p[:, 1] + p[:, 3]
    chosen = inside | (
        (_share(page, box) > 0.12) & (p[:, 3] < 1.4 * h) & (p[:, 2] < min(2 * h, 0.5 * w))
    )
    for before, after in (
        ((low <= y + near) & (low > y - near), p[:, 1] < y + near),
        ((p[:, 1] >= y + h - near) & (p[:, 1] < y + h + near), low > y + h - near),
        ((right <= x + near) & (right > x - near), p[:, 0] < x + near),
        ((p[:, 0] >= x + w - near) & (p[:, 0] < x + w + near), right > x + w - near),
    ):
        ends = p[inside & after]
        for i in np.flatnonzero(before & ~inside):
            alike = (abs(p[:, 1] - p[i, 1]) <= 1) & (abs(low - low[i]) <= 1) & before
            if np.count_nonzero(alike) >= 3:  # a printed word beside the frame
                continue
            wide = np.minimum(right[i], ends[:, 0] + ends[:, 2]) - np.maximum(
                p[i, 0], ends[:, 0]
            )
            high = np.minimum(low[i], ends[:, 1] + ends[:, 3]) - np.maximum(p[i, 1], ends[:, 1])
            chosen[i] = bool(((wide > -near) & (high > -near)).any())
    return chosen


def fit(
    samples: Iterable[tuple[np.ndarray, Box, Box]], rounds: int = 400, rate: float = 0.05
) -> np.ndarray:
    """Fit `WEIGHTS` on whole checks whose amount is known.

    The probability of a candidate is proportional to exp(-penalty); the negative logarithm of
    the probability of all right candidates of a check is descended, with a weak pull of every
    weight towards 1 (the terms are scaled so that this is a sensible guess), never below 0.

    Parameters
    ----------
    samples : iterable of tuple
        Image (uint8), box of the amount's ink, box of the printed field.
    rounds, rate : int, float
        Steps of plain gradient descent and their size.

    Returns
    -------
    numpy.ndarray
        float64 (len(TERMS),).
    """
    known = []
    for pixels, ink, room in samples:
        scale = min(WIDTH / pixels.shape[1], 1.0)
        page = taken_apart(resized(pixels, scale))
        measured = [measure(page, box, kind) for box, kind in _candidates(page)]
        boxes = [_outward(box, scale, pixels.shape) for box, _ in measured]
        right = np.array([holds(box, ink, room) for box in boxes], bool)
        if right.any() and not right.all():
            known.append((np.stack([terms for _, terms in measured]), right))
    weights = np.full(len(TERMS), 1.0)
    for _ in range(rounds):
        slope = 0.004 * (weights - 1.0) * len(known)
        for terms, right in known:
            p = np.exp(-(terms @ weights - (terms @ weights).min()))
            slope += (p * right / (p * right).sum() - p / p.sum()) @ terms
        weights = np.maximum(weights - rate * slope / len(known) * 10, 0)
    return weights


def holds(box: Box, ink: Box, room: Box, slack: int = 3) -> bool:
    """Tell whether `box` takes in all the ink and is not much larger than the printed room."""
    inside = (
        ink[0] >= box[0] - slack
        and ink[1] >= box[1] - slack
        and ink[0] + ink[2] <= box[0] + box[2] + slack
        and ink[1] + ink[3] <= box[1] + box[3] + slack
    )
    return inside and box[2] * box[3] < 3 * room[2] * room[3]


def _share(page: Parts, box: Box) -> np.ndarray:
    """Return which part of each piece's box lies in a box, 0..1."""
    x, y, w, h = box
    p = page.pieces
    wide = np.minimum(p[:, 0] + p[:, 2], x + w) - np.maximum(p[:, 0], x)
    high = np.minimum(p[:, 1] + p[:, 3], y + h) - np.maximum(p[:, 1], y)
    return np.clip(wide, 0, None) * np.clip(high, 0, None) / (p[:, 2] * p[:, 3])


def _inside(page: Parts, box: Box) -> np.ndarray:
    """Tell which pieces lie mostly in a box."""
    return _share(page, box) > 0.5


def _overlap(a: Box, b: Box) -> float:
    """Return the shared part of two boxes over their union."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
