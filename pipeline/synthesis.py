"""Lines of handwriting: what people write into an amount field, and how it reaches the reader.

`compose` sets a text in one hand and knows every pixel's owner. From there two roads lead to
training images: `cleaned`, cheap, is ink as it looks after paper and rules were removed;
`pipeline.papers.strip` is the grey scan with everything still on it.
"""

import math
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pipeline.handwriting import StrokeHand
from pipeline.kernels_ink import ink_edges, ink_nearest, ink_over
from pipeline.pens import Glyph, Hand, Pen, Script, draw, pick, random_pen, within

SMALL = {"plain": 1.0, "raised": 0.62, "underlined": 0.6}


@dataclass(frozen=True, slots=True)
class Style:
    """How a line is laid out; lengths in pixels unless said otherwise.

    `gap` and `gap_spread`: mean and deviation of the clear distance between neighbours (-6
    overlaps, 9 is loose); `size_spread`: relative deviation of the digits' heights; `slope`:
    rise of the baseline per pixel; `drift`: deviation of each symbol from it, in digit
    heights; `join`: chance that two successive digits are joined by the pen; `cents`: how the
    two figures after the last point are set (``plain``, ``raised``, ``underlined``);
    `stacked`: fractions drawn one above the other; `shrink`: size of zeros at the end of the
    whole amount; `first`: size of its first digit; `flourish`: chance of a tail or an
    underline that says nothing; `margin`: empty border in digit heights.
    """

    script: Script = field(default_factory=Script)
    gap: float = 3.0
    gap_spread: float = 1.5
    size_spread: float = 0.05
    slope: float = 0.0
    drift: float = 0.02
    join: float = 0.0
    cents: str = "plain"
    stacked: bool = False
    shrink: float = 1.0
    first: float = 1.0
    flourish: float = 0.0
    margin: float = 0.35


def random_style(
    rng: np.random.Generator, hand: Hand | None = None, height: float | None = None
) -> Style:
    """Return a plausible layout; `height` fixes the digit height (else 28 to 44 pixels).

    Hands taken from scans have their own slant: for those the added slant is smaller.
    """
    own = hand is None or isinstance(hand, StrokeHand)
    slant = within(rng.normal(0.2 if own else 0.06, 0.15), -0.15, 0.55)
    tall = float(rng.uniform(28, 44)) if height is None else height
    aspect = within(math.exp(rng.normal(0.0, 0.16)), 0.7, 1.4)
    unit = tall / 36
    pen = random_pen(rng)
    pen = replace(pen, width=min(pen.width, 0.15 * aspect))  # narrow digits keep their holes
    gap = within(rng.normal(3.4, 2.4), -2.5, 9.0) * unit
    return Style(
        Script(tall, slant, aspect, pen),
        gap=gap,
        gap_spread=float(rng.uniform(0.6, 2.6)) * unit,
        size_spread=float(rng.uniform(0.01, 0.09)),
        slope=float(rng.normal(0, 0.025)),
        drift=float(rng.uniform(0.0, 0.05)),
        join=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.35 else 0.0,
        cents=("plain", "raised", "underlined")[pick(rng, (0.55, 0.25, 0.2))],
        stacked=bool(rng.random() < 0.5),
        shrink=float(rng.uniform(0.55, 0.85)) if rng.random() < 0.15 else 1.0,
        first=within(1 + abs(rng.normal(0, 0.25)), 1, 1.7) if rng.random() < 0.4 else 1.0,
        flourish=float(rng.random() < 0.15),
        margin=float(rng.uniform(0.15, 0.6)),
    )


def varied_style(
    rng: np.random.Generator, hand: Hand | None = None, height: float | None = None
) -> Style:
    """Return a layout to learn from: as `random_style`, with more of what is hard.

    One line in five is crowded, its neighbours touch or overlap; some are spread over the
    field; more digits are joined by the pen, more zeros small, more figures broad.
    """
    style = random_style(rng, hand, height)
    script, unit = style.script, style.script.height / 36
    spacing, broad = rng.random(2)
    gap = style.gap
    if spacing < 0.2:
        gap = float(rng.uniform(-4.2, 0.5)) * unit
    elif spacing > 0.92:
        gap = float(rng.uniform(8, 20)) * unit
    if broad < 0.2:
        script = replace(script, aspect=float(rng.uniform(1.2, 1.8)))
    return replace(
        style,
        script=script,
        gap=gap,
        join=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.15 else style.join,
        shrink=float(rng.uniform(0.5, 0.88)) if rng.random() < 0.15 else style.shrink,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A written line.

    Attributes
    ----------
    ink : numpy.ndarray
        float32 (H, W), 0 paper to 1 full ink.
    owner : numpy.ndarray
        int16 (H, W): index into `text` of the symbol with most ink at the pixel, -1 where
        there is none (bare paper, or a tail that belongs to no symbol).
    boxes : numpy.ndarray
        int32 (n, 4): x, y, width, height of each symbol of `text`; width 0 for what is not
        drawn (a space, the point before raised cents).
    text : str
        What was written.
    height : float
        Nominal digit height in pixels.
    baseline : tuple of float
        Row of the baseline at column 0, and its change per column.
    pen : Pen
        The pen used.
    """

    ink: np.ndarray
    owner: np.ndarray
    boxes: np.ndarray
    text: str
    height: float
    baseline: tuple[float, float]
    pen: Pen

    @property
    def drawn(self) -> str:
        """The symbols of `text` that left ink."""
        return "".join(c for c, box in zip(self.text, self.boxes, strict=True) if box[2])


@dataclass(slots=True)
class _Part:
    """A symbol being placed: which character it is, its ink and its corner on the line."""

    index: int
    glyph: Glyph
    x: int = 0
    y: int = 0


_Bar = tuple[np.ndarray, int, int, int]  # ink, x, y, owner of a stroke besides the symbols


def _plan(text: str, style: Style, rng: np.random.Generator) -> list[tuple[float, float, bool]]:
    """Return (size, raise in digit heights, drawn) of every character."""
    n = len(text)
    plan = [(1.0, 0.0, c != " ") for c in text]
    cents = re.search(r"[.,](\d\d)(?=[-=*#]*$)", text)
    whole = re.match(r"[$*# ]*(\d[\d,.]*\d|\d)", text)
    if cents and style.cents != "plain":
        small = SMALL[style.cents] * rng.uniform(0.85, 1.15)
        for i in range(*cents.span(1)):
            plan[i] = (small, 1 - small + rng.uniform(-0.02, 0.12), True)
        if rng.random() < 0.5:
            plan[cents.start()] = (1.0, 0.0, False)
    fraction = re.search(r"(\d\d|xx|no)/(100|xx)", text)
    if fraction:
        small = rng.uniform(0.42, 0.52) if style.stacked else rng.uniform(0.45, 0.65)
        low, high = (-0.17, 0.60) if style.stacked else (0.0, 1.04 - small)
        for i in range(fraction.start(), fraction.end()):
            top = i < fraction.start() + 2
            plan[i] = (small, high if top else low, True)
        plan[fraction.start() + 2] = (0.9, 0.05, True)
    if style.first > 1 and whole and len(whole[1]) > 1:
        plan[whole.start(1)] = (style.first, -0.25 * (style.first - 1), True)
    if style.shrink < 1 and whole:
        end = whole.end(1) - (3 if cents else 0)
        for i in range(min(end, n) - 1, 0, -1):
            if text[i] not in "0.,":
                break
            if text[i] == "0":
                lift = 0.0 if style.shrink > 0.7 else rng.choice([0.0, 1 - style.shrink])
                plan[i] = (style.shrink, float(lift), True)
    return plan


def _edges(ink: np.ndarray, top: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last inked column (plus one) on each row of the line."""
    first = np.full(rows, 1 << 20)
    last = np.full(rows, -(1 << 20))
    ink_edges(ink, 0.3, top, first, last)
    return first, last


def compose(
    text: str, hand: Hand, rng: np.random.Generator, style: Style | None = None
) -> Line:
    """Write `text` in one hand.

    Parameters
    ----------
    text : str
        Symbols of the hand, and spaces.
    hand : Hand
        Who writes.
    rng : numpy.random.Generator
        Source of all variation.
    style : Style, optional
        The layout; `random_style` when not given.

    Returns
    -------
    Line
        Ink with owners and boxes.

    Raises
    ------
    ValueError
        When `text` holds nothing to write.
    KeyError
        When the hand does not know a symbol.
    """
    if not text.strip():
        raise ValueError("compose: the text holds nothing to write")
    style = random_style(rng, hand) if style is None else style
    script = style.script
    height = script.height
    plan = _plan(text, style, rng)
    middle = round(2.0 * height)  # row of the baseline while placing
    rows = round(3.4 * height)
    parts: list[_Part] = []
    bars: list[_Bar] = []
    previous: tuple[np.ndarray, int] | None = None
    x = 0.0
    fraction = re.search(r"(\d\d|xx|no)/(100|xx)", text) if style.stacked else None
    over = range(fraction.start(), fraction.end()) if fraction else range(0)
    over_x = over_end = 0.0
    for i, symbol in enumerate(text):
        size, lift, drawn = plan[i]
        if i in over and i == over.start:
            over_x = x
        if not drawn:
            x += 0.35 * height if symbol == " " else 0.1 * height
            previous = None if symbol == " " else previous
            continue
        if i in over and i == over.start + 2:  # the bar of a stacked fraction comes last
            over_end, x, previous = x, over_x, None
            continue
        pen = script.pen if size == 1 else replace(script.pen, width=script.pen.width / size)
        tall = height * size * float(1 + style.size_spread * rng.standard_normal())
        glyph = hand.glyph(
            symbol, rng, Script(max(tall, 6.0), script.slant, script.aspect, pen)
        )
        base = -lift * height + style.drift * height * rng.standard_normal()
        y = within(middle + glyph.y + round(base), 0, rows - glyph.ink.shape[0])
        first, last = _edges(glyph.ink, y, rows)
        gap = style.gap + style.gap_spread * rng.standard_normal()
        if symbol in ".,":
            gap = max(gap, 0.5)
        if previous is None:
            left = round(x)
        else:
            edge, right = previous
            left = _beside(edge, right, first, glyph.ink.shape[1], gap, height)
            if parts[-1].index == i - 1 and text[i - 1] in ".,":  # never hide a point
                left = max(left, round(right + rng.uniform(0.0, 0.12) * height))
        parts.append(_Part(i, glyph, left, y))
        end = left + glyph.ink.shape[1]
        edge = np.where(last > 0, last + left, -(1 << 20))
        previous = (edge if previous is None else np.maximum(edge, previous[0]), end)
        x = end + max(style.gap, 1.0)
        if i in over and i == over.stop - 1:
            x = max(x, over_end)
            previous = None
    _join(parts, text, style, rng, bars, middle)
    if fraction:
        _stack(parts, over, style, rng, bars, middle)
    if style.flourish and rng.random() < style.flourish:
        _flourish(parts, style, rng, bars, middle)
    if style.cents == "underlined":
        _underline(parts, text, plan, style, rng, bars, middle)
    return _assemble(text, parts, bars, style, rng, middle)


def _beside(
    edge: np.ndarray, right: int, first: np.ndarray, width: int, gap: float, height: float
) -> int:
    """Return where a glyph goes so that it clears what stands to its left by `gap`.

    Between the nearest rows and the boxes: slanted neighbours may tuck under each other, but
    not by more than half of their width.
    """
    nearest, beside = ink_nearest(edge, first, 1 << 19)
    boxed = right + gap
    if not beside:
        return round(right + max(gap, -0.05 * height) if gap > -2 else boxed)
    near = nearest + gap
    tuck = max(near, boxed - 0.5 * width, boxed - 0.3 * height)
    return round(0.7 * tuck + 0.3 * boxed)


def _pen_line(
    points: np.ndarray, script: Script, rng: np.random.Generator, bars: list[_Bar], owner: int
) -> None:
    """Draw an extra stroke of the same pen and remember whose it is."""
    ink, x, y = draw([points], script, rng)
    bars.append((ink, x, y, owner))


def _curve(points: np.ndarray, n: int = 14) -> np.ndarray:
    """Return `n` points of the quadratic or cubic Bezier curve with these control points."""
    t = np.linspace(0, 1, n)[:, None]
    level = [np.repeat(p[None, :], n, axis=0) for p in points]
    while len(level) > 1:
        level = [(1 - t) * a + t * b for a, b in pairwise(level)]
    return level[0]


def _join(
    parts: list[_Part],
    text: str,
    style: Style,
    rng: np.random.Generator,
    bars: list[_Bar],
    middle: int,
) -> None:
    """Join successive digits where the pen may have stayed on the paper."""
    if not style.join:
        return
    height = style.script.height
    thin = replace(style.script, pen=replace(style.script.pen, taper=0.0, contrast=0.0))
    for a, b in pairwise(parts):
        if a.glyph.exit is None or b.glyph.entry is None or b.index != a.index + 1:
            continue
        pair = text[a.index] + text[b.index]
        if not pair.isdigit() or rng.random() > style.join * (1.5 if pair == "00" else 0.8):
            continue
        # Glyph coordinates start at the pen's origin: shift to where the ink was placed.
        start = np.add(a.glyph.exit, (a.x - a.glyph.x, a.y - a.glyph.y))
        stop = np.add(b.glyph.entry, (b.x - b.glyph.x, b.y - b.glyph.y))
        reach = stop - start
        if not -0.1 * height < reach[0] < 0.9 * height or abs(reach[1]) > 0.75 * height:
            continue
        if _misleading(pair[1], b, start, stop):
            continue
        sag = rng.uniform(-0.05, 0.18) * height
        mid = [start + 0.35 * reach + (0, sag), start + 0.7 * reach + (0, sag)]
        _pen_line(_curve(np.array([start, *mid, stop])), thin, rng, bars, a.index)


def _misleading(symbol: str, part: _Part, start: np.ndarray, stop: np.ndarray) -> bool:
    """Tell whether a joint would make another digit of the one it leads to.

    From above the middle it is the bar that makes a 7 of a 1; to a 5 or 6 begun on its right
    side it runs across, as the diagonal of an 8.
    """
    rows, columns = part.glyph.ink.shape
    if symbol == "1":
        return bool(start[1] < part.y + 0.5 * rows)
    return symbol in "56" and bool(stop[0] > part.x + 0.6 * columns)


def _stack(
    parts: list[_Part],
    over: range,
    style: Style,
    rng: np.random.Generator,
    bars: list[_Bar],
    middle: int,
) -> None:
    """Draw the bar of a stacked fraction; it is the ink of the slash."""
    inside = [p for p in parts if p.index in over]
    low = min(p.x for p in inside)
    high = max(p.x + p.glyph.ink.shape[1] for p in inside)
    height = style.script.height
    y = middle - height * rng.uniform(0.43, 0.50)
    points = np.array([[low - 0.1 * height, y], [(low + high) / 2, y], [high, y]])
    points[:, 1] += rng.normal(0, 0.02, 3) * height
    _pen_line(_curve(points), style.script, rng, bars, over.start + 2)


def _underline(
    parts: list[_Part],
    text: str,
    plan: list[tuple[float, float, bool]],
    style: Style,
    rng: np.random.Generator,
    bars: list[_Bar],
    middle: int,
) -> None:
    """Underline raised cents once or twice; nobody's ink."""
    small = [p for p in parts if text[p.index].isdigit() and plan[p.index][1] > 0.2]
    if not small or re.search(r"/(100|xx)", text):
        return
    height = style.script.height
    low = min(p.x for p in small)
    high = max(p.x + p.glyph.ink.shape[1] for p in small)
    bottom = max(p.y + p.glyph.ink.shape[0] for p in small)
    for k in range(1 + int(rng.random() < 0.3)):
        y = bottom + (0.12 + 0.12 * k) * height
        points = np.array([[low, y], [(low + high) / 2, y], [high, y]])
        points[:, 1] += rng.normal(0, 0.025, 3) * height
        _pen_line(_curve(points), style.script, rng, bars, -1)


def _flourish(
    parts: list[_Part],
    style: Style,
    rng: np.random.Generator,
    bars: list[_Bar],
    middle: int,
) -> None:
    """Add a tail after the amount or a line under it; nobody's ink."""
    height = style.script.height
    low = min(p.x for p in parts)
    high = max(p.x + p.glyph.ink.shape[1] for p in parts)
    kind = int(rng.integers(3))
    if kind == 0:  # a stroke that fills the rest of the field
        y = middle - rng.uniform(0.1, 0.6) * height
        start = high + rng.uniform(0.1, 0.5) * height
        end = start + rng.uniform(1.2, 2.8) * height  # longer than a dash
        points = np.array([[start, y], [(start + end) / 2, y], [end, y]])
        points[:, 1] += rng.normal(0, 0.12, 3) * height
    elif kind == 1:  # a wave
        start = high + rng.uniform(0.1, 0.4) * height
        x = start + np.linspace(0, rng.uniform(0.8, 2.2), 16) * height
        wave = np.sin(np.linspace(0, rng.uniform(4, 12), 16)) * rng.uniform(0.04, 0.1)
        y = middle - (rng.uniform(0.2, 0.5) + wave) * height
        points = np.stack([x, y], axis=1)
        _pen_line(points, style.script, rng, bars, -1)
        return
    else:  # underline
        y = middle + rng.uniform(0.12, 0.3) * height
        start = low + rng.uniform(-0.2, 0.3) * (high - low)
        points = np.array([[start, y], [(start + high) / 2, y], [high + 0.2 * height, y]])
        points[:, 1] += rng.normal(0, 0.06, 3) * height
    _pen_line(_curve(points), style.script, rng, bars, -1)


def _assemble(
    text: str,
    parts: list[_Part],
    bars: list[_Bar],
    style: Style,
    rng: np.random.Generator,
    middle: int,
) -> Line:
    """Put parts and extra strokes onto one canvas, along the baseline's slope."""
    height = style.script.height
    pieces = [(p.glyph.ink, p.x, p.y, p.index) for p in parts] + bars
    center = np.mean([p.x for p in parts])
    placed = []
    for ink, x, y, index in pieces:
        at = x + ink.shape[1] / 2 if index < 0 else x
        placed.append((ink, x, round(y - style.slope * (at - center)), index))
    margin = max(round(style.margin * height * rng.uniform(0.6, 1.4)), 1)
    left = min(x for _, x, _, _ in placed) - margin
    top = min(y for _, _, y, _ in placed) - max(round(margin * rng.uniform(0.4, 1.0)), 1)
    right = max(x + ink.shape[1] for ink, x, _, _ in placed) + margin
    bottom = max(y + ink.shape[0] for ink, _, y, _ in placed)
    bottom += max(round(margin * rng.uniform(0.4, 1.0)), 1)
    ink = np.zeros((bottom - top, right - left), np.float32)
    owner = np.full(ink.shape, -1, np.int16)
    for piece, x, y, index in placed:
        ink_over(ink, owner, piece, y - top, x - left, index)
    boxes = np.zeros((len(text), 4), np.int32)
    for piece, x, y, index in placed[: len(parts)]:
        boxes[index] = (x - left, y - top, piece.shape[1], piece.shape[0])
    for piece, x, y, index in bars:
        if index >= 0 and not boxes[index, 2]:
            boxes[index] = (x - left, y - top, piece.shape[1], piece.shape[0])
    base = middle - top + style.slope * (center - left)
    return Line(ink, owner, boxes, text, height, (float(base), -style.slope), style.script.pen)


# --- ink after cleaning ------------------------------------------------------------------


def cleaned(line: Line, rng: np.random.Generator) -> np.ndarray:
    """Return ink as it looks after paper and lines were removed: float32 (H, W) in 0..1.

    Fragments of rules and frames stay behind, strokes are broken where a rule was taken out,
    the ink is blurred, faded or fattened, and specks of the paper survive. Pixels keep their
    places, so `line.owner` still fits.
    """
    import cv2

    ink = line.ink.copy()
    h, w = ink.shape
    height = line.height
    chance = rng.random(10)
    thin = max(round(0.05 * height), 1)
    if chance[0] < 0.30:  # pieces of a rule near the baseline or anywhere
        y = line.baseline[0] + rng.normal(0.1, 0.2) * height
        y = float(rng.uniform(0, h)) if rng.random() < 0.15 else y
        for _ in range(int(rng.integers(1, 5))):
            a = rng.uniform(0, w)
            b = a + rng.uniform(0.1, 1.6) * height
            _segment(ink, (a, y), (b, y + rng.normal(0, 1)), thin, rng.uniform(0.4, 1.0))
    if chance[1] < 0.15:  # a rule was removed and took ink with it
        y = int(np.clip(line.baseline[0] - rng.uniform(-0.1, 1.0) * height, 1, h - 3))
        ink[y : y + int(rng.integers(1, thin + 2))] *= np.float32(rng.uniform(0.0, 0.5))
    if chance[2] < 0.15:  # what is left of a frame
        for _ in range(int(rng.integers(1, 3))):
            _frame_piece(ink, rng, height, thin)
    if chance[3] < 0.4:  # specks
        for _ in range(int(rng.integers(1, 9))):
            x, y = rng.uniform(0, w), rng.uniform(0, h)
            dx, dy = rng.normal(0, 0.05, 2) * height
            _segment(
                ink, (x, y), (x + dx, y + dy), int(rng.integers(1, 3)), rng.uniform(0.3, 0.9)
            )
    if chance[4] < 0.12:  # strokes broken by a weak scan
        weak = rng.random((h // 4 + 2, w // 4 + 2), dtype=np.float32)
        mask = cv2.resize(weak, (w, h), interpolation=cv2.INTER_LINEAR)
        ink *= np.clip((mask - 0.22) * 6, 0.1, 1)
    if chance[5] < 0.12:
        ink = cv2.dilate(ink, np.ones((2, 2), np.uint8))
    if chance[6] < 0.7:
        ink = cv2.GaussianBlur(ink, (0, 0), float(rng.uniform(0.3, 1.1)) * height / 36 + 0.1)
    if chance[7] < 0.5:
        ink = ink ** np.float32(rng.uniform(0.6, 1.6))
    if chance[8] < 0.35:
        ink = np.clip(ink * np.float32(rng.uniform(0.6, 1.6)), 0, 1)
    if chance[9] < 0.35:
        noise = rng.standard_normal((h, w), dtype=np.float32)
        ink = ink + noise * np.float32(rng.uniform(0.01, 0.06))
    return np.clip(ink, 0, 1).astype(np.float32, copy=False)


def _frame_piece(ink: np.ndarray, rng: np.random.Generator, height: float, thick: int) -> None:
    """Draw what is left of one side of a frame.

    An upright piece runs over all rows or is a short corner: one as long as a digit would be a
    1 that the text does not name.
    """
    h, w = ink.shape
    side, level = int(rng.integers(4)), rng.uniform(0.4, 1.0)
    if side < 2:
        x = rng.uniform(0, 0.2 * height) if side == 0 else w - 1 - rng.uniform(0, 6)
        a, b = -2.0, h + 2.0
        if rng.random() < 0.3:
            b = rng.uniform(0.1, 0.25) * h
            if rng.random() < 0.5:
                a, b = h - b, h + 2.0
        _segment(ink, (x, a), (x + rng.normal(0, 1), b), thick, level)
    else:
        y = rng.uniform(0, 3) if side == 2 else h - 1 - rng.uniform(0, 3)
        a, b = np.sort(rng.uniform(-0.1, 1.1, 2)) * w
        _segment(ink, (a, y), (b, y + rng.normal(0, 1)), thick, level)


def _segment(
    ink: np.ndarray,
    start: tuple[float, float],
    stop: tuple[float, float],
    thick: int,
    level: float,
) -> None:
    """Draw a straight piece of foreign ink."""
    import cv2

    a = (round(start[0] * 8), round(start[1] * 8))
    b = (round(stop[0] * 8), round(stop[1] * 8))
    layer = np.zeros(ink.shape, np.uint8)
    cv2.line(layer, a, b, round(255 * level), thick, cv2.LINE_AA, 3)
    np.maximum(ink, layer * np.float32(1 / 255), out=ink)
