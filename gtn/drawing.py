"""Pictures of graphs, after the figures of 1998: SVG and PNG, without any other program.

Nodes are circles, start nodes have an arrow in, accept nodes a second circle. An arc carries
its symbol (input:output where they differ) and its penalty in brackets; the best path is thick,
and posteriors show as grey: a black arc is certain, a pale one improbable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from gtn.graph import CycleError, Float, Graph, GraphError
from gtn.layout import Bundle, Layout, Point, lay_out
from gtn.scores import posteriors, viterbi_path

MAX_NODES, MAX_ARCS = 400, 4000
RADIUS = 11.0
LANE = 22.0
FONT = 12.0
PALE = 0.80  # grey of an arc of posterior 0; 0 is black


@dataclass(slots=True)
class Curve:
    """A chain of cubic Bezier pieces: 1 + 3k points."""

    points: list[Point]
    width: float
    grey: float
    arrow: bool = True


@dataclass(slots=True)
class Text:
    """A centred line of text, a strong part and a plain one, mostly on a white ground."""

    at: Point
    strong: str
    plain: str
    grey: float
    size: float = FONT
    ground: bool = True

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the text, estimated."""
        half = _text_width(self.strong, self.plain, self.size) / 2.0
        x, y = self.at
        return (x - half, y - 0.6 * self.size, x + half, y + 0.6 * self.size)


@dataclass(slots=True)
class Circle:
    """A node."""

    at: Point
    radius: float
    width: float
    filled: bool = True


@dataclass(slots=True)
class Scene:
    """What is drawn, in order: curves, then circles, then texts; sizes in pixels."""

    width: float
    height: float
    curves: list[Curve] = field(default_factory=list)
    circles: list[Circle] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


Shade = Literal["none", "posterior"]


def scene(
    graph: Graph,
    *,
    best: bool = True,
    shade: Shade = "none",
    symbols: Sequence[str] | None = None,
    penalties: bool = True,
    lanes: int = 6,
    node_numbers: bool = True,
) -> Scene:
    """Return the picture of a graph as a list of shapes.

    best: draw the best path thick; shade: 'posterior' greys arcs by their posterior; symbols:
    names of the labels (default: those of the graph, else numbers); lanes: parallel arcs shown,
    the cheapest ones. Raises GraphError for more than 400 nodes or 4000 arcs.
    """
    if graph.n > MAX_NODES or graph.m > MAX_ARCS:
        raise GraphError(
            f"draw: {graph.n:,} nodes and {graph.m:,} arcs are too many to see "
            f"(at most {MAX_NODES} and {MAX_ARCS:,}); draw a part"
        )
    captions = [_caption(graph, a, symbols, penalties) for a in range(graph.m)]
    on_best, grey = _emphasis(graph, best, shade)
    widest = max((_text_width(*caption) for caption in captions), default=20.0)
    step = max(70.0, widest + 52.0)
    layout = lay_out(graph, lanes=lanes, gap=0.9)
    picture = Scene(0.0, 0.0)

    def place(p: Point) -> Point:
        return (p[0] * step, p[1] * LANE)

    for bundle in layout.bundles:
        _draw_bundle(picture, graph, bundle, place, captions, on_best, grey)
    for v, arcs in layout.loops.items():
        for k, arc in enumerate(arcs):
            _draw_loop(
                picture, place(layout.nodes[v]), k, captions[arc], on_best[arc], grey[arc]
            )
    _draw_nodes(picture, graph, layout, place, node_numbers)
    _fit(picture)
    return picture


def _fit(picture: Scene, margin: float = 8.0) -> None:
    """Shift all shapes so that the picture begins at the margin, and set its size."""
    corners = [p for curve in picture.curves for p in flatten(curve.points, 8)]
    for circle in picture.circles:
        x, y = circle.at
        corners += [(x - RADIUS, y - RADIUS), (x + RADIUS, y + RADIUS)]
    for text in picture.texts:
        left, top, right, bottom = text.box()
        corners += [(left, top), (right, bottom)]
    if not corners:
        corners = [(0.0, 0.0)]
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    dx, dy = margin - float(left), margin - float(top)
    picture.width = float(right - left) + 2 * margin
    picture.height = float(bottom - top) + 2 * margin
    for curve in picture.curves:
        curve.points = [(x + dx, y + dy) for x, y in curve.points]
    for shape in (*picture.circles, *picture.texts):
        shape.at = (shape.at[0] + dx, shape.at[1] + dy)


def _emphasis(graph: Graph, best: bool, shade: Shade) -> tuple[list[bool], Float]:
    """Return which arcs lie on the best path, and the grey of each arc."""
    on_best = np.zeros(graph.m, bool)
    grey = np.zeros(graph.m)
    try:
        path = viterbi_path(graph) if best else None
        if path is not None:
            on_best[path.arcs] = True
        if shade == "posterior":
            grey = PALE * (1.0 - np.clip(posteriors(graph), 0.0, 1.0) ** 0.5)
    except CycleError:
        if shade == "posterior":
            raise
    return on_best.tolist(), grey


def _caption(
    graph: Graph, arc: int, symbols: Sequence[str] | None, penalties: bool
) -> tuple[str, str]:
    _, _, ilabel, olabel = graph.arcs[:, arc].tolist()

    def name(label: int, names: Sequence[str] | None) -> str:
        if label < 0:
            return "ε"
        return names[label] if names is not None and label < len(names) else str(label)

    strong = name(ilabel, symbols or graph.isymbols)
    if olabel != ilabel:
        strong += ":" + name(olabel, symbols or graph.osymbols)
    penalty = float(graph.penalty[arc])
    number = "inf" if penalty == math.inf else f"{penalty:.3g}"
    return strong, f" [{number}]" if penalties else ""


def _text_width(strong: str, plain: str, size: float = FONT) -> float:
    return (sum(map(_advance, strong)) * 1.06 + sum(map(_advance, plain))) * size


def _advance(char: str) -> float:
    """Return the width of a character of a Helvetica-like face, in font sizes."""
    if char in " .,:;'|!il[]()ft/-*":
        return 0.30
    return 0.86 if char in "mwMW@%" else 0.57


def _piece(a: Point, b: Point, bow: float, tension: float = 0.42) -> list[Point]:
    """Return control points from a to b with level ends, lifted by `bow` in the middle."""
    reach = (b[0] - a[0]) * tension
    lift = bow * 4.0 / 3.0
    return [(a[0] + reach, a[1] + lift), (b[0] - reach, b[1] + lift), b]


def _split(points: list[Point], t: float) -> tuple[list[Point], list[Point]]:
    """Cut one cubic piece at t (de Casteljau)."""
    p = np.array(points)
    rows = [p]
    while len(p) > 1:
        p = p[:-1] * (1 - t) + p[1:] * t
        rows.append(p)
    first = [tuple(row[0].tolist()) for row in rows]
    second = [tuple(row[-1].tolist()) for row in reversed(rows)]
    return first, second


def _clip(points: list[Point], at_start: Point, at_end: Point) -> list[Point]:
    """Shorten a curve to the rims of the circles at its two ends."""
    head, tail = points[:4], points[-4:]
    for t in np.linspace(0.0, 0.9, 91):
        cut = _split(head, float(t))[1]
        if math.dist(cut[0], at_start) >= RADIUS + 1.0:
            points = cut + points[4:]
            break
    tail = points[-4:]
    for t in np.linspace(1.0, 0.1, 91):
        cut = _split(tail, float(t))[0]
        if math.dist(cut[-1], at_end) >= RADIUS + 2.0:
            points = points[:-4] + cut
            break
    return points


def _draw_bundle(
    picture: Scene,
    graph: Graph,
    bundle: Bundle,
    place: object,
    captions: list[tuple[str, str]],
    on_best: list[bool],
    grey: Float,
) -> None:
    where = [place(p) for p in bundle.points]  # type: ignore[operator]
    count = len(bundle.arcs) + bool(bundle.hidden)
    for lane in range(count):
        offset = (lane - (count - 1) / 2.0) * LANE
        if len(where) == 2:
            points = [where[0], *_piece(where[0], where[1], offset)]
        else:
            inner = [(x, y + offset) for x, y in where[1:-1]]
            stops = [where[0], *inner, where[-1]]
            points = [where[0]]
            for a, b in pairwise(stops):
                points += _piece(a, b, 0.0)
        if lane == len(bundle.arcs):
            text = Text((0.0, 0.0), "", f"{bundle.hidden} more", 0.45, FONT - 1)
            _settle(picture, text, points)
            continue
        arc = bundle.arcs[lane]
        points = _clip(points, where[0], where[-1])
        if int(graph.src[arc]) != bundle.left:
            points.reverse()
        thick = on_best[arc]
        picture.curves.append(Curve(points, 2.8 if thick else 1.1, float(grey[arc])))
        _settle(picture, Text((0.0, 0.0), *captions[arc], float(grey[arc]) * 0.8), points)


def _settle(picture: Scene, text: Text, points: list[Point]) -> None:
    """Put a text on a curve near its middle, where it covers no text already there."""
    pieces = (len(points) - 1) // 3
    fewest = math.inf
    best = points[0]
    for t in (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74):
        piece = min(int(t * pieces), pieces - 1)
        text.at = _split(points[3 * piece : 3 * piece + 4], t * pieces - piece)[0][-1]
        left, top, right, bottom = text.box()
        covered = 0
        for other in picture.texts:
            a, b, c, d = other.box()
            covered += a < right and c > left and b < bottom and d > top
        if covered < fewest:
            fewest, best = covered, text.at
        if not covered:
            break
    text.at = best
    picture.texts.append(text)


def _draw_loop(
    picture: Scene, at: Point, k: int, caption: tuple[str, str], thick: bool, grey: float
) -> None:
    x, y = at
    size = 20.0 + 11.0 * k
    rise = 30.0 + 20.0 * k
    angle = math.radians(58)
    left = (x - RADIUS * math.cos(angle), y - RADIUS * math.sin(angle))
    right = (x + (RADIUS + 2) * math.cos(angle), y - (RADIUS + 2) * math.sin(angle))
    points = [left, (x - size, y - RADIUS - rise), (x + size, y - RADIUS - rise), right]
    picture.curves.append(Curve(points, 2.8 if thick else 1.1, float(grey)))
    picture.texts.append(Text((x, y - RADIUS * 0.9 - rise * 0.76), *caption, float(grey) * 0.8))


def _draw_nodes(
    picture: Scene, graph: Graph, layout: Layout, place: object, numbers: bool
) -> None:
    accept = set(graph.accept.tolist())
    for v in graph.start.tolist():
        x, y = place(layout.nodes[v])  # type: ignore[operator]
        tip = (x - RADIUS - 2.0, y)
        back = (x - RADIUS - 20.0, y)
        picture.curves.append(Curve([back, back, tip, tip], 1.1, 0.0))
    for v in range(graph.n):
        at = place(layout.nodes[v])  # type: ignore[operator]
        picture.circles.append(Circle(at, RADIUS, 1.3))
        if v in accept:
            picture.circles.append(Circle(at, RADIUS - 3.0, 1.0, filled=False))
        if numbers:
            picture.texts.append(
                Text(at, "", str(v), 0.35, FONT - (2 if v < 100 else 4), False)
            )


def arrow_head(curve: Curve) -> list[Point]:
    """Return the triangle at the end of a curve."""
    tip = curve.points[-1]
    base = next(
        (p for p in reversed(curve.points[:-1]) if math.dist(p, tip) > 1e-6),
        (tip[0] - 1, tip[1]),
    )
    angle = math.atan2(tip[1] - base[1], tip[0] - base[0])
    length = 7.0 + 1.2 * curve.width
    half = 2.6 + 0.8 * curve.width
    cos, sin = math.cos(angle), math.sin(angle)
    left = (tip[0] - length * cos + half * sin, tip[1] - length * sin - half * cos)
    right = (tip[0] - length * cos - half * sin, tip[1] - length * sin + half * cos)
    return [tip, left, right]


def _shade(grey: float) -> str:
    value = round(255 * min(max(grey, 0.0), 1.0))
    return f"#{value:02x}{value:02x}{value:02x}"


def _pairs(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def svg(graph: Graph, **options: object) -> str:
    """Return the picture of a graph as an SVG document; options as for `scene`."""
    picture = scene(graph, **options)  # type: ignore[arg-type]
    width, height = round(picture.width), round(picture.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" '
        'text-anchor="middle">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for curve in sorted(picture.curves, key=lambda c: -c.grey):
        start, rest = curve.points[0], curve.points[1:]
        colour = _shade(curve.grey)
        lines.append(
            f'<path d="M{_pairs([start])} C{_pairs(rest)}" fill="none" stroke="{colour}" '
            f'stroke-width="{curve.width}" stroke-linecap="round"/>'
        )
        if curve.arrow:
            lines.append(f'<polygon points="{_pairs(arrow_head(curve))}" fill="{colour}"/>')
    for circle in picture.circles:
        fill = "white" if circle.filled else "none"
        lines.append(
            f'<circle cx="{circle.at[0]:.1f}" cy="{circle.at[1]:.1f}" r="{circle.radius}" '
            f'fill="{fill}" stroke="black" stroke-width="{circle.width}"/>'
        )
    for text in picture.texts:
        x, y = text.at
        left, top, right, bottom = text.box()
        bold = f'<tspan font-weight="bold">{escape(text.strong)}</tspan>' if text.strong else ""
        if text.ground:
            lines.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{bottom - top:.1f}" fill="white"/>'
            )
        lines.append(
            f'<text x="{x:.1f}" y="{y + text.size * 0.35:.1f}" font-size="{text.size:g}" '
            f'fill="{_shade(text.grey)}">{bold}{escape(text.plain)}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def flatten(points: list[Point], pieces: int = 24) -> list[Point]:
    """Return a polyline along a chain of cubic pieces."""
    t = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    line: list[Point] = []
    for k in range(0, len(points) - 1, 3):
        a, b, c, d = (np.array(p) for p in points[k : k + 4])
        s = 1 - t
        xy = s**3 * a + 3 * s**2 * t * b + 3 * s * t**2 * c + t**3 * d
        line += [tuple(p) for p in xy.tolist()]
    return line


def save_png(graph: Graph, file: str | Path, *, scale: float = 2.0, **options: object) -> None:
    """Write the picture of a graph as a PNG of `scale` pixels per unit; options as `scene`."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    picture = scene(graph, **options)  # type: ignore[arg-type]
    fine = 3  # drawn this many times larger, then reduced: smooth edges
    zoom = scale * fine
    size = (math.ceil(picture.width * zoom), math.ceil(picture.height * zoom))
    if size[0] * size[1] > 400_000_000:
        raise GraphError(f"save_png: {size[0] // fine} x {size[1] // fine} pixels are too many")
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)

    def up(points: Sequence[Point]) -> list[Point]:
        return [(x * zoom, y * zoom) for x, y in points]

    def level(grey: float) -> int:
        return round(255 * min(max(grey, 0.0), 1.0))

    for curve in sorted(picture.curves, key=lambda c: -c.grey):
        line = up(flatten(curve.points))
        draw.line(line, fill=level(curve.grey), width=round(curve.width * zoom), joint="curve")
        if curve.arrow:
            draw.polygon(up(arrow_head(curve)), fill=level(curve.grey))
    for circle in picture.circles:
        (x, y), r = circle.at, circle.radius
        draw.ellipse(
            up([(x - r, y - r), (x + r, y + r)]),
            fill=255 if circle.filled else None,
            outline=0,
            width=max(1, round(circle.width * zoom)),
        )
    for text in picture.texts:
        font = ImageFont.load_default(size=text.size * zoom)
        # The face has no epsilon: a mirrored 3 is one.
        widths = [draw.textlength(c.replace("ε", "3"), font=font) for c in text.strong]
        width = sum(widths) + draw.textlength(text.plain, font=font)
        x, y = text.at[0] * zoom - width / 2, text.at[1] * zoom
        half = 0.6 * text.size * zoom
        if text.ground:
            draw.rectangle((x - zoom, y - half, x + width + zoom, y + half), fill=255)
        fill, bold = level(text.grey), round(0.3 * zoom)
        for char, advance in zip(text.strong, widths, strict=True):
            if char == "ε":
                glyph = Image.new("L", (math.ceil(advance) + 2, math.ceil(2 * half)), 255)
                ImageDraw.Draw(glyph).text(
                    (1, half), "3", font=font, fill=fill, anchor="lm", stroke_width=bold,
                    stroke_fill=fill,
                )  # fmt: skip
                small = ImageOps.mirror(glyph).resize((glyph.width, round(glyph.height * 0.8)))
                image.paste(small, (round(x), round(y - half * 0.64)))
            else:
                draw.text(
                    (x, y), char, font=font, fill=fill, anchor="lm", stroke_width=bold,
                    stroke_fill=fill,
                )  # fmt: skip
            x += advance
        draw.text((x, y), text.plain, font=font, fill=fill, anchor="lm")
    reduced = image.reduce(fine)
    reduced.save(Path(file), format="PNG", optimize=True)


def save_svg(graph: Graph, file: str | Path, **options: object) -> None:
    """Write the picture of a graph as an SVG file; options as for `scene`."""
    Path(file).write_text(svg(graph, **options), encoding="utf-8")
