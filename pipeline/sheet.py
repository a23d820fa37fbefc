"""The sheet in a page: found in a photograph, made flat, turned upright.

Place on the road: between the image gate and the field locator. `flattened` looks for a sheet
that lies on something darker, and takes the perspective out; or measures by how much a scan is
skewed, and turns it back. What it changes it tells in flags, and it keeps the way back, so that
every box of a record lies in the page as it was given.
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.image import Grey, quantiles

Box = tuple[int, int, int, int]
LEAST = (480, 190)  # columns and rows below which a page is a crop of one line
LOOK = 560  # pixels on the long side of the picture in which the sheet is looked for
SHARE = 0.2  # of the page that a sheet takes at least
SHAPE = (1.5, 3.8)  # of a check: width over height
STEEP = 12.0  # degrees of skew that are looked for
CROOKED = 0.7  # degrees from which a scan is turned back
MOST_LETTERS = 1500  # pieces of a sheet with letters on it; more is texture
MOST = 2400  # columns of a flat sheet: 300 dots per inch of the widest


@dataclass(frozen=True, slots=True)
class Sheet:
    """A flat, upright sheet.

    pixels : uint8 (rows, columns), dark ink on light paper
    back : float64 (3, 3), from its pixels to those of the page; None where they are the same
    flags : ``rectified`` (perspective taken out), ``deskewed``, ``turned``, ``upside_down``
    skew_deg : degrees by which it was turned in the page, None when not measured
    """

    pixels: Grey = field(repr=False)
    back: np.ndarray | None = None
    flags: tuple[str, ...] = ()
    skew_deg: float | None = None

    def on_page(self, box: Box, shape: tuple[int, ...]) -> Box:
        """Return a box of the sheet as a box of the page, whose shape is given."""
        return box if self.back is None else enclosing(box, self.back, shape)

    def overturned(self) -> "Sheet":
        """Return the sheet turned by 180 degrees."""
        rows, columns = self.pixels.shape
        half = np.array([[-1.0, 0, columns], [0, -1.0, rows], [0, 0, 1]])
        back = half if self.back is None else self.back @ half
        pixels = np.ascontiguousarray(self.pixels[::-1, ::-1])
        return Sheet(pixels, back, (*self.flags, "upside_down"), self.skew_deg)


def enclosing(box: Box, move: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the upright box, inside an image of `shape`, around a moved box."""
    x, y, w, h = box
    corners = np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]], float)
    moved = corners @ move.T
    moved = moved[:, :2] / moved[:, 2:]
    low = np.clip(np.floor(moved.min(axis=0)), 0, np.array(shape[1::-1]) - 1).astype(int)
    high = np.clip(np.ceil(moved.max(axis=0)), low + 1, shape[1::-1]).astype(int)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def flattened(pixels: Grey) -> Sheet:
    """Return the sheet of a page (uint8, dark ink), or the page itself as a sheet.

    A page too small for a whole check is returned as it is.
    """
    rows, columns = pixels.shape
    if max(rows, columns) < LEAST[0] or min(rows, columns) < LEAST[1]:
        return Sheet(pixels)
    corners = corners_of(pixels)
    if corners is not None:
        return _rectified(pixels, corners)
    if rows > columns:
        return _upright(pixels)
    if not SHAPE[0] <= columns / rows <= SHAPE[1]:
        return Sheet(pixels)
    skew = skew_of(pixels)
    if skew is None or abs(skew) < CROOKED:
        return Sheet(pixels, skew_deg=skew)
    return _deskewed(pixels, skew)


def _upright(pixels: Grey) -> Sheet:
    """Return the sheet of a page that stands on a short side; the page itself without one."""
    rows, columns = pixels.shape
    turned = np.ascontiguousarray(np.rot90(pixels))
    found = flattened(turned)
    if found.back is None and not SHAPE[0] <= rows / columns <= SHAPE[1]:
        return Sheet(pixels)
    quarter = np.array([[0.0, -1, columns], [1, 0, 0], [0, 0, 1]])
    back = quarter if found.back is None else quarter @ found.back
    return Sheet(found.pixels, back, (*found.flags, "turned"), found.skew_deg)


def corners_of(pixels: Grey) -> np.ndarray | None:
    """Return the corners of a sheet on a darker ground, None when the page shows none.

    float64 (4, 2): x, y of upper left, upper right, lower right, lower left. The sheet is what
    a threshold parts from its ground as one piece with four straight sides; of several
    thresholds the one whose piece fills its four sides best is taken.
    """
    import cv2

    if max(pixels.shape) < LEAST[0] or min(pixels.shape) < LEAST[1]:
        return None
    scale = min(LOOK / max(pixels.shape), 1.0)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # Writing and print go; the sheet and its shade stay.
    small = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    small = cv2.medianBlur(small, 5)
    rows, columns = small.shape
    ring = np.concatenate([small[:4].ravel(), small[-4:].ravel(), small[:, :4].ravel()])
    ring = np.concatenate([ring, small[:, -4:].ravel()])
    middle = small[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
    ground, paper = float(np.median(ring)), float(np.median(middle))
    if paper - ground < 20:  # paper to the edges, or nothing that is lighter than its ground
        return None
    best, fits = None, 0.0
    for share in (0.35, 0.5, 0.65, 0.2, 0.8):
        mask = (small > ground + share * (paper - ground)).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not contours:
            continue
        contour = max(contours, key=cv2.contourArea)
        if cv2.contourArea(contour) < SHARE * small.size:
            continue
        found = _four_sides(contour[:, 0].astype(np.float64))
        if found is None or not _plausible(found, (rows, columns)):
            continue
        fit = _agreement(found, mask)
        if fit > fits + 0.005:
            best, fits = found, fit
    return best / scale if best is not None and fits > 0.93 else None


def _four_sides(contour: np.ndarray) -> np.ndarray | None:
    """Return the corners (4, 2) of the sides of a contour, clockwise from the upper left."""
    import cv2

    hull = cv2.convexHull(contour.astype(np.float32))
    around = cv2.boxPoints(cv2.minAreaRect(hull)).astype(np.float64)
    angle = np.degrees(np.arctan2(*(around[1] - around[0])[::-1])) % 90
    angle -= 90 if angle > 45 else 0
    middle = around.mean(axis=0)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    upright = (contour - middle) @ np.array([[c, -s], [s, c]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    size = high - low
    lines = []
    for axis, edge in ((1, low[1]), (0, high[0]), (1, high[1]), (0, low[0])):
        inner = np.abs(upright[:, 1 - axis] - (low + high)[1 - axis] / 2) < 0.4 * size[1 - axis]
        near = inner & (np.abs(upright[:, axis] - edge) < 0.2 * size[axis])
        if near.sum() < 12:
            return None
        along, off = upright[near, 1 - axis], upright[near, axis]
        slope, start = np.polyfit(along, off, 1)
        for _ in range(3):  # a few ends of other things do not bend a side
            away = np.abs(off - slope * along - start)
            keep = away <= max(1.0, 1.5 * float(np.median(away)))
            if keep.sum() < 12:
                return None
            slope, start = np.polyfit(along[keep], off[keep], 1)
        lines.append((axis, slope, start))
    corners = []
    for (_, a, b), (_, c_, d) in (
        (lines[0], lines[3]),
        (lines[0], lines[1]),
        (lines[2], lines[1]),
        (lines[2], lines[3]),
    ):
        y = (a * d + b) / (1 - a * c_)
        corners.append((c_ * y + d, y))
    return np.array(corners) @ np.array([[c, s], [-s, c]]) + middle


def _plausible(corners: np.ndarray, shape: tuple[int, int]) -> bool:
    """Tell whether four corners are those of a check lying somewhere within a picture."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    wide, high = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    if not SHAPE[0] <= wide / max(high, 1) <= SHAPE[1]:
        return False
    if max(sides[0] / sides[2], sides[2] / sides[0]) > 1.5:
        return False
    if max(sides[1] / sides[3], sides[3] / sides[1]) > 1.5:
        return False
    room = np.array(shape[::-1])
    return bool((corners > -0.03 * room).all() and (corners < 1.03 * room).all())


def _agreement(corners: np.ndarray, mask: np.ndarray) -> float:
    """Return the shared part of a mask and a quadrilateral over their union."""
    import cv2

    filled = np.zeros_like(mask)
    cv2.fillConvexPoly(filled, np.rint(corners).astype(np.int32), 1)
    solid = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    return float((filled & solid).sum() / max(int((filled | solid).sum()), 1))


def _rectified(pixels: Grey, corners: np.ndarray) -> Sheet:
    import cv2

    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    wide, high = max(sides[0], sides[2]), max(sides[1], sides[3])
    zoom = min(MOST / wide, 1.0)
    size = (round(wide * zoom), round(high * zoom))
    flat = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    back = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    sheet = cv2.warpPerspective(pixels, back, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    rise = corners[1] - corners[0] + corners[2] - corners[3]
    skew = float(np.degrees(np.arctan2(rise[1], rise[0])))
    return Sheet(sheet, back, ("rectified",), round(skew, 2))


def skew_of(pixels: Grey) -> float | None:
    """Return the degrees, clockwise, by which the lines of a page are turned, None without any.

    The angle at which the rows of ink, added up along it, differ most.
    """
    import cv2

    scale = min(700 / pixels.shape[1], 1.0)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    dark = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, np.ones((9, 9), np.uint8))
    level = max(0.4 * quantiles(dark, 0.99)[0], 12.0)
    y, x = np.nonzero(dark > level)
    if not 300 <= len(x) <= 0.3 * small.size:
        return None
    x = x - small.shape[1] / 2
    slope = np.tan(np.radians(STEEP))
    around, step = 0.0, slope / 16
    reach = slope
    while step > 2e-4:
        slopes = np.arange(around - reach, around + reach + step / 2, step)
        sums = [_contrast(y - s * x) for s in slopes]
        around = float(slopes[int(np.argmax(sums))])
        reach, step = step, step / 4
    return round(float(np.degrees(np.arctan(around))), 2)


def standing(pixels: Grey) -> float:
    """Return the log odds that a sheet lies the right way up, by its lines of letters.

    Letters of a line stand on one level and reach up to different ones: two neighbours whose
    upper edges differ and whose lower edges do not, or the other way round, are a vote.
    Capitals and figures do not vote. Scans lie mostly right, which counts as a vote too.
    """
    import cv2

    scale = min(1200 / pixels.shape[1], 1.0)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    dark = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, disk)
    ink = (dark > max(0.38 * quantiles(dark, 0.992)[0], 14.0)).astype(np.uint8)
    rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, 40), np.uint8))
    ink &= 1 - cv2.dilate(rules, np.ones((3, 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h, area = stats[1:].astype(float).T
    fit = (h >= 6) & (h <= 90) & (w <= 2.5 * h) & (area > 12)
    if np.count_nonzero(fit) > MOST_LETTERS:
        return 1.0
    order = np.flatnonzero(fit)[np.argsort(x[fit], kind="stable")]
    x, y, w, h = x[order], y[order], w[order], h[order]
    low = y + h
    votes = 1
    for i in range(len(order) - 1):
        gap, high = x[i + 1 :] - x[i] - w[i], h[i + 1 :]
        shared = np.minimum(low[i + 1 :], low[i]) - np.maximum(y[i + 1 :], y[i])
        beside = (gap > -0.3 * h[i]) & (gap < h[i]) & (shared > 0.6 * np.minimum(h[i], high))
        beside &= (high < 2.2 * h[i]) & (h[i] < 2.2 * high)
        if beside.any():
            j = i + 1 + int(np.argmin(np.where(beside, gap, np.inf)))
            size = max(h[i], h[j])
            above, below = abs(y[i] - y[j]) / size, abs(low[i] - low[j]) / size
            votes += int(above > 0.2 and below < 0.12) - int(below > 0.2 and above < 0.12)
    return float(votes)


def _contrast(level: np.ndarray) -> float:
    rows = np.bincount((level - level.min()).astype(np.int64))
    return float((rows.astype(float) ** 2).sum())


def _deskewed(pixels: Grey, skew: float) -> Sheet:
    import cv2

    rows, columns = pixels.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), skew, 1.0)
    sheet = cv2.warpAffine(
        pixels, turn, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    back = np.linalg.inv(np.vstack([turn, [0, 0, 1]]))
    return Sheet(sheet, back, ("deskewed",), skew)
