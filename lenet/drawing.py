"""The architecture of a network as a picture, after figure 2 of the 1998 paper.

Feature maps are stacked planes, a receptive field is a square with lines to the unit that sees
it, other layers are bars. A network of few units is drawn unit by unit with all its links. All
of it is read off the live object by `lenet.anatomy`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lenet.anatomy import Part, Shape, Sight, anatomy
from lenet.canvas import Canvas, Point, text_width
from lenet.networks import Network
from lenet.strokes import HEIGHT, WIDTH, paths

INK, SOFT, FIELD = "#222222", "#8a8a8a", "#e4e0d6"
PLANE, BAR = "#fbfaf6", "#efece3"
EDGE = 118.0  # the longer side of the largest plane
SMALLEST = 7.0  # of a plane
MOST_PLANES = 32  # drawn of one layer
STACK = 78.0  # how far a stack may reach out, at most
GAP = 54.0  # between layers, at least
SLANT = 0.42  # of bars: to the right for each step down
THICK = 8.0  # of bars
CELLS = 12  # a bar of at most so many units shows each
MARGIN = 26.0
LABEL, SMALL = 11.5, 10.5
FEW, FEW_IN_ALL = 12, 40  # units of a layer, of a network: drawn one by one


@dataclass(slots=True)
class Solid:
    """Where one layer stands: its planes or its bar, as rectangles of the canvas.

    `left`...`right` and `top`...`bottom` enclose it; `front` (x, y, width, height) is the
    nearest plane, or the bar's enclosing box.
    """

    part: Part
    left: float
    right: float
    top: float
    bottom: float
    front: tuple[float, float, float, float]
    step: float = 0.0

    def corners(self) -> tuple[Point, Point]:
        """Return the upper and lower point where lines from the left arrive."""
        if self.part.shape.rows == 1 and self.part.shape.maps == 1:
            return (self.left, self.top), (self.right - THICK, self.bottom)
        x, y, _, height = self.front
        return (x, y), (x, y + height)

    def exits(self) -> tuple[Point, Point]:
        """Return the upper and lower point where lines to the right start."""
        if self.part.shape.rows == 1 and self.part.shape.maps == 1:
            return (self.left + THICK, self.top), (self.right, self.bottom)
        x, y, width, height = self.front
        return (x + width, y), (x + width, y + height)


def draw(network: Network, file: Path) -> None:
    """Write the picture of a network as SVG or PNG. Raises PictureError."""
    picture(network).save(file)


def picture(network: Network) -> Canvas:
    """Return the picture of a network."""
    parts = without_frames(anatomy(network))
    sizes = [len(p.units) for p in parts]
    if max(sizes) <= FEW and sum(sizes) <= FEW_IN_ALL:
        return units_picture(network, parts)
    return planes_picture(parts)


def without_frames(parts: list[Part]) -> list[Part]:
    """Leave out layers that see nothing: constants, such as a border around an image."""
    kept = [k for k, part in enumerate(parts) if k == 0 or part.sights]
    return [
        replace(
            parts[k],
            sights=[
                replace(s, source=kept.index(s.source))
                for s in parts[k].sights
                if s.source in kept
            ],
        )
        for k in kept
    ]


def title(name: str) -> str:
    """Return a layer's name as the paper writes it: C1, INPUT; longer names stay.

    >>> title("c1"), title("input"), title("hidden")
    ('C1', 'INPUT', 'hidden')
    """
    return name.upper() if len(name) <= 3 or name in ("input", "output") else name


def captions(part: Part, first: bool, last: bool) -> list[str]:
    """Return the lines written above a layer."""
    shape, name = part.shape, title(part.name)
    if first or last:
        return [name, str(shape)]
    if shape.flat:
        return [f"{name}: layer", str(shape)]
    what = "feature maps" if shape.maps > 1 else "feature map"
    return [f"{name}: {what}", str(shape)]


# ---- planes


def planes_picture(parts: list[Part]) -> Canvas:
    """Return the picture of layers as stacked planes and bars."""
    canvas = Canvas()
    sides = [n for p in parts for n in (p.shape.rows, p.shape.columns) if p.shape.rows > 1]
    scale = EDGE / max(sides, default=1)
    words = [captions(p, k == 0, k == len(parts) - 1) for k, p in enumerate(parts)]
    solids = place(parts, scale)
    for k, solid in enumerate(solids):
        body(canvas, solid, k == 0 and len(parts[-1].units) >= 10)
    for k, solid in enumerate(solids):
        for sight in solid.part.sights:
            if sight.source == k - 1:
                rays(canvas, solids[k - 1], solid, sight, k)
    label_layers(canvas, solids, words)
    label_links(canvas, solids)
    return fitted(canvas)


def place(parts: list[Part], scale: float) -> list[Solid]:
    """Stand the layers in a row, each centred on the line y = 0."""
    solids: list[Solid] = []
    for k, part in enumerate(parts):
        make = bar if part.shape.flat else stack
        if not k:
            solids.append(make(part, 0.0, scale))
            continue
        below = solids[-1]
        solid = make(part, below.right + GAP, scale)
        main = part.main()
        words = text_width(link_label(main), SMALL) + 18 if main else 0.0
        apart = (solid.left + solid.right - below.left - below.right) / 2
        solids.append(make(part, solid.left + max(0.0, words - apart), scale))
    return solids


def link_label(sight: Sight) -> str:
    """Return what is written below a connection: its kind and the window."""
    return f"{sight.kind} {sight.field[0]}x{sight.field[1]}" if sight.field else sight.kind


def stack(part: Part, x: float, scale: float) -> Solid:
    """Stand planes one behind the other; the nearest is the lowest."""
    shape = part.shape
    width, height = (max(SMALLEST, n * scale) for n in (shape.columns, shape.rows))
    planes = min(shape.maps, MOST_PLANES)
    step = min(9.0, max(2.2, 0.22 * min(width, height)), STACK / max(1, planes - 1))
    reach = step * (planes - 1)
    top = -(height + reach) / 2
    front = (x + reach, top + reach, width, height)
    return Solid(part, x, x + reach + width, top, -top, front, step)


def bar(part: Part, x: float, _: float) -> Solid:
    """Stand a line of units as a slanted bar, longer for more units."""
    length = 26.0 + 34.0 * np.log10(max(2, part.shape.columns))
    wide = THICK + SLANT * length
    return Solid(
        part, x, x + wide, -length / 2, length / 2, (x, -length / 2, wide, float(length))
    )


def body(canvas: Canvas, solid: Solid, digit: bool) -> None:
    """Draw the planes or the bar of a layer; `digit` writes one on the plane."""
    shape = solid.part.shape
    if shape.flat:
        a, b = (solid.left, solid.top), (solid.right - THICK, solid.bottom)
        outline = [a, (a[0] + THICK, a[1]), (b[0] + THICK, b[1]), b]
        canvas.polygon(outline, fill=BAR, line=INK)
        if shape.columns <= CELLS:
            for k in range(1, shape.columns):
                t = k / shape.columns
                at = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
                canvas.path([at, (at[0] + THICK, at[1])], INK, 0.6)
        return
    x, y, width, height = solid.front
    planes = min(shape.maps, MOST_PLANES)
    for k in range(planes - 1, -1, -1):
        canvas.rectangle(
            x - k * solid.step, y - k * solid.step, width, height, fill=PLANE, line=INK
        )
    if digit and min(shape.rows, shape.columns) >= 12:
        unit = min(width, height) * 0.62 / HEIGHT
        corner = (
            np.array([x + width / 2, y + height / 2]) - unit * np.array([WIDTH, HEIGHT]) / 2
        )
        for path in paths(5):
            points = [(float(px), float(py)) for px, py in path * unit + corner]
            canvas.path(points, INK, 0.05 * min(width, height))


def rays(canvas: Canvas, source: Solid, target: Solid, sight: Sight, k: int) -> None:
    """Draw what one unit sees, or the ends of a full connection."""
    if sight.field is None or sight.corners is None:
        for start, end in zip(source.exits(), target.corners(), strict=True):
            canvas.path([start, end], SOFT, 0.7)
        return
    shape = target.part.shape
    # One unit, high in one layer and low in the next, so that fields do not lie on each other.
    row = int((0.26 if k % 2 else 0.62) * (shape.rows - 1) + 0.5)
    column = int((0.66 if k % 2 else 0.34) * (shape.columns - 1) + 0.5)
    window = on_plane(source, sight.corners[row * shape.columns + column], sight.field)
    unit = on_plane(target, np.array([row, column]), (1, 1))
    canvas.rectangle(*window, fill=FIELD if k > 1 else "", line=INK, pen=0.8)
    canvas.rectangle(*unit, fill=INK, line=INK, pen=0.6)
    x, y, width, height = window
    ux, uy, wide, high = unit
    for dx in (0, 1):
        for dy in (0, 1):
            ends = [(x + dx * width, y + dy * height), (ux + wide / 2, uy + high / 2)]
            canvas.path(ends, SOFT if dx == 0 else INK, 0.5 if dx == 0 else 0.6)


def on_plane(
    solid: Solid, corner: np.ndarray, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return a window of the nearest plane as a rectangle of the canvas."""
    x, y, width, height = solid.front
    shape: Shape = solid.part.shape
    dx, dy = width / shape.columns, height / shape.rows
    return x + float(corner[1]) * dx, y + float(corner[0]) * dy, size[1] * dx, size[0] * dy


def label_layers(canvas: Canvas, solids: list[Solid], words: list[list[str]]) -> None:
    """Write names and sizes above the layers, higher where neighbours would touch."""
    taken: list[tuple[float, float, float]] = []  # left, right, lowest line in use
    line = 1.3 * LABEL
    for solid, lines in zip(solids, words, strict=True):
        half = max(text_width(text, LABEL) for text in lines) / 2
        at = (solid.left + solid.right) / 2
        y = solid.top - 12
        moved = True
        while moved:
            moved = False
            for left, right, base in taken:
                apart = at + half + 8 < left or right + 8 < at - half
                if not apart and abs(y - base) < 2 * line + 2:
                    y, moved = base - 2 * line - 4, True
        # Never across a layer that stands higher.
        for other in solids:
            if other is not solid and other.left < at + half and at - half < other.right:
                y = min(y, other.top - 12) if y > other.top - 12 - line else y
        taken.append((at - half, at + half, y))
        for k, text in enumerate(reversed(lines)):
            canvas.text((at, y - k * line), text, LABEL)


def label_links(canvas: Canvas, solids: list[Solid]) -> None:
    """Write the kinds of connections below, each on a span from layer to layer.

    Connections that pass over layers come further down, with an arrow head.
    """
    base = max(s.bottom for s in solids) + 13
    middles = [(s.left + s.right) / 2 for s in solids]
    spans = [(k - s.source, k, s) for k, solid in enumerate(solids) for s in solid.part.sights]
    row = 0
    for length, k, sight in sorted(spans, key=lambda span: span[:2]):
        left, right = middles[sight.source] + 4, middles[k] - 4
        row += length > 1
        y = base + 30 * row
        canvas.path([(left, y - 3), (left, y + 3)], SOFT, 0.6)
        if length > 1:
            canvas.arrow((left, y), (right, y), SOFT, 0.7)
        else:
            canvas.path([(left, y), (right, y)], SOFT, 0.6)
            canvas.path([(right, y - 3), (right, y + 3)], SOFT, 0.6)
        canvas.text(((left + right) / 2, y + 13), link_label(sight), SMALL, INK)


def fitted(canvas: Canvas) -> Canvas:
    """Move everything so that the sheet fits around it."""
    boxes = []
    for shape in canvas.shapes:
        if hasattr(shape, "points"):
            xs, ys = zip(*shape.points, strict=True)
            boxes.append((min(xs), min(ys), max(xs), max(ys)))
        else:
            half = text_width(shape.text, shape.size) / 2
            x, y = shape.at
            left = x - {"left": 0, "middle": half, "right": 2 * half}[shape.anchor]
            boxes.append((left, y - 0.6 * shape.size, left + 2 * half, y + 0.6 * shape.size))
    left, top = (min(b[i] for b in boxes) - MARGIN for i in (0, 1))
    right, bottom = (max(b[i] for b in boxes) + MARGIN for i in (2, 3))
    return canvas.moved(-left, -top, right - left, bottom - top)


# ---- unit by unit


def units_picture(network: Network, parts: list[Part]) -> Canvas:
    """Return the picture of a small network: every unit a disc, every link a line."""
    canvas = Canvas()
    memory = network.interpreter.network
    pre, post, _ = memory.links()
    across, down, radius = 118.0, 58.0, 15.0
    where: dict[int, Point] = {}
    for k, part in enumerate(parts):
        count = len(part.units)
        for i, unit in enumerate(part.units.tolist()):
            where[unit] = (k * across, (i - (count - 1) / 2) * down)
    low = max(y for _, y in where.values())
    depth = {unit: k for k, part in enumerate(parts) for unit in part.units.tolist()}
    ends = list(zip(pre.tolist(), post.tolist(), strict=True))
    biased = [b for a, b in ends if a == 0 and b in where]
    for a, b in ends:
        if a in where and b in where:
            line = INK if depth[b] - depth[a] == 1 else SOFT
            points = curve(where[a], where[b], depth[b] - depth[a], down)
            low = max(low, max(y for _, y in points) - radius)
            canvas.path(points, line, 1.0)
    for unit, (x, y) in where.items():
        first = depth[unit] == 0
        canvas.circle((x, y), radius, fill="#ffffff" if first else BAR, line=INK, pen=1.1)
        if unit in biased:
            canvas.text((x, y), "+b", 9.5, SOFT)
    for k, part in enumerate(parts):
        high = min(where[u][1] for u in part.units.tolist())
        canvas.text((k * across, high - radius - 26), title(part.name), LABEL)
        canvas.text((k * across, high - radius - 12), str(len(part.units)), LABEL, SOFT)
        main = part.main()
        if k and main and main.source == k - 1:
            canvas.text(((k - 0.5) * across, low + radius + 24), main.kind, SMALL, INK)
    return fitted(canvas)


def curve(a: Point, b: Point, layers: int, down: float) -> list[Point]:
    """Return a straight line, or an arch for a link that passes over layers."""
    if layers == 1:
        return [a, b]
    t = np.linspace(0, 1, 33)
    x = a[0] + t * (b[0] - a[0])
    y = a[1] + t * (b[1] - a[1]) + np.sin(np.pi * t) * down * 0.9 * (layers - 1)
    return list(zip(x.tolist(), y.tolist(), strict=True))
