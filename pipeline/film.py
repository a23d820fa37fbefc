"""The strips of the film, and the camera that sees them.

The film of 1993 shows paper strips under a video camera: a telephone number first, then other
strips of several sizes and styles. Ours are written by the synthesizer from fixed seeds; a
shot is what the camera grabs, and the grabbed frame itself is what is read. Only the first
number is that of the film (from memory, unverified); all others are fictional. The seeds were
chosen by the look of the strips, not by how they are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from pipeline.handwriting import StrokeHand
from pipeline.image import Grey, load
from pipeline.papers import paper, scan
from pipeline.pens import Pen, Script
from pipeline.records import Box
from pipeline.synthesis import Line, Style, compose, random_style

FRAME = (128, 640)  # rows and columns of the camera: five to one, as the strips are
DESK = 52  # grey level under the paper
BORDER = 14  # pixels of a frame that stay free of writing
GROUPS = r"[0-9]+ ([\-/.] [0-9]+)*"  # digits, with or without marks between groups


@dataclass(frozen=True, slots=True)
class Strip:
    """A strip to be written: what, by which hand (`seed`, `european`, `wild`), laid out how.

    `grammar` is a name or a regular expression; lengths of `style` are in pixels of the frame.
    """

    caption: str
    text: str
    grammar: str
    seed: int
    style: Style
    european: float = 0.0
    wild: float = 0.5
    paper: str = "plain"


@dataclass(frozen=True, slots=True)
class Shot:
    """What lies under the camera.

    Attributes
    ----------
    caption : str
    frame : numpy.ndarray
        uint8 `FRAME`, the picture on the monitor.
    image : numpy.ndarray
        uint8 (rows, columns), what is read: the frame itself, or the whole image it shows.
    grammar : str
    written : str or None
        The truth, where it is known.
    scale, x, y : float
        Where a pixel of `image` is seen: at (x, y) plus `scale` times its place.
    """

    caption: str
    frame: Grey = field(repr=False)
    image: Grey = field(repr=False)
    grammar: str
    written: str | None = None
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @property
    def is_frame(self) -> bool:
        """Whether the frame itself is read."""
        return self.image is self.frame

    def column(self, box: Box) -> float:
        """Return where the middle of a box of `image` is seen, 0 left to 1 right."""
        return (self.x + self.scale * (box[0] + box[2] / 2)) / FRAME[1]


def _style(height: float, pen: Pen, slant: float = 0.15, aspect: float = 1.0, **how) -> Style:
    unit = height / 36
    how = {"gap": 5.0, "gap_spread": 1.0} | how
    how |= {"gap": how["gap"] * unit, "gap_spread": how["gap_spread"] * unit}
    return Style(Script(height, slant, aspect, pen), **how)


_FELT = Pen(0.13, 0.1, taper=0.05)
_BALL = Pen(0.085, 0.25, taper=0.2)
_FINE = Pen(0.06, 0.2, taper=0.3)
_NIB = Pen(0.13, 0.25, nib=0.6, angle=0.7)
_PENCIL = Pen(0.09, 0.25, taper=0.3, ink=0.75, grain=0.5)

FILM = (
    Strip("the number of the film", "201-949-4038", "phone", 3, _style(62, _FELT, 0.1)),
    Strip(
        "a ball pen in a hurry",
        "201-555-0142",
        "phone",
        12,
        _style(56, _BALL, 0.4, gap=4.0, size_spread=0.08, drift=0.04),
        wild=0.9,
    ),
    Strip("large", "60617", "digits", 8, _style(92, _FELT, 0.12)),
    Strip("small", "4019385", "digits", 21, _style(34, _BALL, 0.15)),
    Strip(
        "large and small in one line",
        "7350241",
        "digits",
        5,
        _style(66, _BALL, 0.1, size_spread=0.28, drift=0.08),
    ),
    Strip(
        "crowded",
        "5807263",
        "digits",
        31,
        _style(74, _BALL, 0.1, gap=-2.0, gap_spread=1.2),
    ),
    Strip(
        "joined by the pen",
        "300558",
        "digits",
        17,
        _style(76, _FINE, 0.3, gap=1.0, join=0.9),
        wild=0.7,
    ),
    Strip(
        "European, with crossed sevens",
        "1474717",
        "digits",
        6,
        _style(76, _BALL, 0.2),
        european=1.0,
    ),
    Strip(
        "ornamental, with a broad nib",
        "2834659",
        "digits",
        44,
        _style(80, _NIB, 0.25, 1.15, flourish=1.0, drift=0.05),
        wild=1.5,
    ),
    Strip(
        "wild",
        "96280357",
        "digits",
        27,
        _style(66, _FELT, -0.05, size_spread=0.15, drift=0.1, slope=0.04),
        european=0.5,
        wild=2.0,
    ),
    Strip(
        "pencil on a tinted form",
        "201-555-0167",
        "phone",
        9,
        _style(56, _PENCIL, 0.2),
        paper="tinted",
    ),
)


def written(text: str, seed: int, grammar: str) -> Strip:
    """Return a strip on which a hand drawn from `seed` writes `text`.

    Tails, a large first figure and small zeros are habits of those who write amounts.
    """
    rng = np.random.default_rng((1993, seed))
    style = random_style(rng, height=float(rng.uniform(80, 100)))  # less where it is long
    style = replace(style, flourish=0.0, first=1.0, shrink=1.0)
    wild = float(rng.uniform(0.4, 1.1))
    return Strip(f"hand {seed}", text, grammar, seed, style, float(rng.random() < 0.3), wild)


def take(strip: Strip) -> Shot:
    """Write a strip, lay it under the camera and grab the frame; the same bytes every time."""
    line = _fitting(strip)
    rng = np.random.default_rng((1993, strip.seed, 2))
    sheet = paper(FRAME, rng, strip.paper, 200)
    h, w = line.ink.shape
    top, left = (FRAME[0] - h) // 2, (FRAME[1] - w) // 2
    sheet[top : top + h, left : left + w] *= 1 - 0.85 * line.ink
    frame = scan(sheet, rng, noise=0.012, blur=0.8, shade=0.03)
    return Shot(strip.caption, frame, frame, strip.grammar, strip.text)


def _fitting(strip: Strip) -> Line:
    """Return the strip's line, written smaller where it would not fit into the frame."""
    style = replace(strip.style, margin=0.02)
    for _ in range(8):
        rng = np.random.default_rng((1993, strip.seed, 1))
        hand = StrokeHand(rng, strip.european, strip.wild)
        line = compose(strip.text, hand, rng, style)
        room = min((f - BORDER) / size for f, size in zip(FRAME, line.ink.shape, strict=True))
        if room >= 1:
            break
        zoom = 0.98 * room
        style = replace(
            style,
            script=replace(style.script, height=zoom * style.script.height),
            gap=zoom * style.gap,
            gap_spread=zoom * style.gap_spread,
        )
    return line


def film() -> list[Shot]:
    """Return the shots of the film in their order."""
    return [take(strip) for strip in FILM]


def own(path: str, grammar: str = GROUPS) -> list[Shot]:
    """Return one shot for each page of an image file; raises the errors of the image gate."""
    pages = load(path)
    many = len(pages) > 1
    make = partial(_shown, grammar=grammar)
    return [make(p.pixels, f"{path} page {p.number}" if many else path) for p in pages]


def _shown(image: Grey, caption: str, grammar: str) -> Shot:
    """Lay an image of any size on the desk, as large as the camera sees it whole."""
    import cv2

    rows, columns = image.shape
    scale = min(FRAME[0] / rows, FRAME[1] / columns)
    h, w = max(1, round(scale * rows)), max(1, round(scale * columns))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    frame = np.full(FRAME, DESK, np.uint8)
    top, left = (FRAME[0] - h) // 2, (FRAME[1] - w) // 2
    frame[top : top + h, left : left + w] = cv2.resize(image, (w, h), interpolation=how)
    return Shot(caption, frame, image, grammar, None, scale, left, top)


def passing(previous: Grey | None, frame: Grey, steps: int) -> Iterator[Grey]:
    """Yield `steps` views (uint8 `FRAME`) of one strip leaving to the left, the next coming in.

    The last view is `frame` itself. The strip is fastest half way.
    """
    rows, columns = FRAME
    desk = np.full((rows, columns // 8), DESK, np.uint8)
    before = np.full(FRAME, DESK, np.uint8) if previous is None else previous
    band = np.concatenate([before, desk, frame], axis=1)
    way = band.shape[1] - columns
    for step in range(1, steps + 1):
        t = step / steps
        at = round(way * t * t * (3 - 2 * t))
        yield band[:, at : at + columns]
