"""A sheet to draw on, written as SVG or PNG: the pictures of this package in either form.

Lengths are in pixels of the picture at scale 1, y grows downwards; a PNG is drawn four times as
large and made smaller, so that slanted lines are smooth. Pillow is imported at the first use.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sn.errors import SnError

if TYPE_CHECKING:
    from PIL.Image import Image

Point = tuple[float, float]
FINE = 4  # how much larger than the PNG it is drawn
SCALE = 2  # pixels of the PNG for one unit
FAMILY = "Aileron, Helvetica, Arial, sans-serif"
ANCHORS = {"left": "start", "middle": "middle", "right": "end"}
FORMS = (".svg", ".png")


class PictureError(SnError):
    """A picture that cannot be written."""


def check_name(file: Path) -> None:
    """Raise PictureError unless the name ends in .svg or .png."""
    if file.suffix.lower() not in FORMS:
        raise PictureError(f"{file}: pictures are SVG or PNG; call it {file.stem}.svg")


@cache
def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> float:
    """Return how wide a line of text is."""
    return _font(64).getlength(text) * size / 64


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled and outlined area; `fill` or `line` may be empty."""

    points: Sequence[Point]
    fill: str
    line: str
    pen: float


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points, with round ends."""

    points: Sequence[Point]
    line: str
    pen: float


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `at` is the middle of its height."""

    at: Point
    text: str
    size: float
    colour: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Tile:
    """An image uint8 (rows, columns) or (rows, columns, 3), its pixels as sharp squares."""

    at: Point
    pixels: np.ndarray
    width: float
    height: float


class Canvas:
    """A sheet of white paper."""

    def __init__(self, width: float = 0.0, height: float = 0.0) -> None:
        self.width, self.height = width, height
        self.shapes: list[Polygon | Stroke | Text | Tile] = []

    def polygon(
        self,
        points: Sequence[Point],
        fill: str = "",
        line: str = "#222222",
        pen: float = 0.8,
    ) -> None:
        """Draw an area."""
        self.shapes.append(Polygon(points, fill, line, pen))

    def rectangle(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """Draw an upright rectangle by its upper left corner and its size."""
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        self.polygon(corners, **style)

    def circle(self, at: Point, radius: float, **style: Any) -> None:
        """Draw a disc."""
        turns = np.linspace(0, 2 * np.pi, 49)[:-1]
        x, y = at[0] + radius * np.cos(turns), at[1] + radius * np.sin(turns)
        self.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), **style)

    def path(self, points: Sequence[Point], line: str = "#222222", pen: float = 0.8) -> None:
        """Draw a line through points."""
        self.shapes.append(Stroke(points, line, pen))

    def arrow(self, start: Point, end: Point, line: str, pen: float) -> None:
        """Draw a level arrow to the right."""
        self.path([start, end], line, pen)
        x, y = end
        self.path([(x - 3.5, y - 2.5), end, (x - 3.5, y + 2.5)], line, pen)

    def text(
        self,
        at: Point,
        text: str,
        size: float = 11.0,
        colour: str = "#222222",
        anchor: str = "middle",
    ) -> None:
        """Write one line; `anchor` tells what of it stands at x: left, middle or right."""
        self.shapes.append(Text(at, text, size, colour, anchor))

    def tile(self, at: Point, pixels: np.ndarray, width: float, height: float) -> None:
        """Place an image with its upper left corner at a point."""
        self.shapes.append(Tile(at, np.ascontiguousarray(pixels, np.uint8), width, height))

    def moved(self, right: float, down: float, width: float, height: float) -> "Canvas":
        """Return everything moved, on a sheet of another size."""
        sheet = Canvas(width, height)
        for shape in self.shapes:
            if isinstance(shape, Text | Tile):
                at = shape.at[0] + right, shape.at[1] + down
                sheet.shapes.append(replace(shape, at=at))
            else:
                points = [(x + right, y + down) for x, y in shape.points]
                sheet.shapes.append(replace(shape, points=points))
        return sheet

    def save(self, file: Path) -> None:
        """Write the sheet; the name says in which form. Raises PictureError."""
        check_name(file)
        if file.suffix.lower() == ".svg":
            file.write_text(self.to_svg(), encoding="utf-8")
        else:
            self.to_image().save(file, format="PNG", optimize=True)

    # ---- SVG

    def to_svg(self) -> str:
        """Return the sheet as SVG text."""
        size = f'width="{self.width:.0f}" height="{self.height:.0f}"'
        box = f'viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} font-family="{FAMILY}">',
            f'<rect {size} fill="#ffffff"/>',
            *(_element(shape) for shape in self.shapes),
            "</svg>\n",
        ]
        return "\n".join(lines)

    # ---- PNG

    def to_image(self, scale: float = SCALE) -> "Image":
        """Return the sheet as an RGB image, `scale` pixels for one unit."""
        from PIL import Image, ImageDraw

        fine = scale * FINE
        size = round(self.width * scale), round(self.height * scale)
        sheet = Image.new("RGB", (size[0] * FINE, size[1] * FINE), "white")
        pen = ImageDraw.Draw(sheet)
        for shape in self.shapes:
            if isinstance(shape, Text):
                x, y = shape.at
                anchor = {"left": "lm", "middle": "mm", "right": "rm"}[shape.anchor]
                font = _font(shape.size * fine)
                pen.text((x * fine, y * fine), shape.text, shape.colour, font, anchor=anchor)
            elif isinstance(shape, Tile):
                image = Image.fromarray(shape.pixels)
                wide, high = round(shape.width * fine), round(shape.height * fine)
                image = image.resize((wide, high), Image.Resampling.NEAREST)
                sheet.paste(image, (round(shape.at[0] * fine), round(shape.at[1] * fine)))
            else:
                _draw(pen, shape, fine)
        return sheet.resize(size, Image.Resampling.BOX)


def _draw(pen: Any, shape: Polygon | Stroke, fine: float) -> None:
    points = [(x * fine, y * fine) for x, y in shape.points]
    if isinstance(shape, Polygon):
        if shape.fill:
            pen.polygon(points, fill=shape.fill)
        points.append(points[0])
    if not shape.line:
        return
    width = max(1, round(shape.pen * fine))
    pen.line(points, shape.line, width, joint="curve")
    half = (width - 1) / 2
    if half >= 1:
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - half, y - half, x + half, y + half), fill=shape.line)


def _element(shape: Polygon | Stroke | Text | Tile) -> str:
    if isinstance(shape, Text):
        x, y = shape.at
        place = f'x="{x:.1f}" y="{y + 0.35 * shape.size:.1f}"'
        style = f'font-size="{shape.size:g}" fill="{shape.colour}"'
        anchor = f'text-anchor="{ANCHORS[shape.anchor]}"'
        return f"<text {place} {style} {anchor}>{escape(shape.text)}</text>"
    if isinstance(shape, Tile):
        place = f'x="{shape.at[0]:.2f}" y="{shape.at[1]:.2f}"'
        size = f'width="{shape.width:.2f}" height="{shape.height:.2f}"'
        style = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
        return f'<image {place} {size} {style} href="{_data(shape.pixels)}"/>'
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
    if isinstance(shape, Polygon):
        line = f'stroke="{shape.line}" stroke-width="{shape.pen:g}"' if shape.line else ""
        fill = f'fill="{shape.fill or "none"}"'
        return f'<polygon points="{points}" {fill} {line} stroke-linejoin="round"/>'
    style = f'fill="none" stroke="{shape.line}" stroke-width="{shape.pen:g}"'
    ends = 'stroke-linecap="round" stroke-linejoin="round"'
    return f'<polyline points="{points}" {style} {ends}/>'


def _data(pixels: np.ndarray) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
