"""The SVG driver: one element per operation."""

import math
from html import escape
from pathlib import Path

from sn.graphics.window import BACKGROUND, FOREGROUND, GRAY, Driver, Window

NAMESPACES = (
    'xmlns="http://www.w3.org/2000/svg" '
    'xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"'
)
KNOWN = {FOREGROUND: "#000000", BACKGROUND: "#ffffff", GRAY: "#808080"}
DASHES = {1: "1,2", 2: "4,3", 3: "4,2,1,2"}


class Svg(Driver):
    """Writes SVG when the window is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.elements: list[str] = []
        self.current = KNOWN[FOREGROUND]
        self.dashes = ""
        self.family, self.size = "Helvetica", 11
        self.width = self.height = 0

    def open(self, window: Window) -> None:
        """Note the size."""
        self.width, self.height = window.width, window.height

    def close(self) -> None:
        """Write the file."""
        size = f'width="{self.width}px" height="{self.height}px"'
        box = f'viewBox="0 0 {self.width} {self.height}"'
        body = "\n".join(self.elements)
        self.path.write_text(f"<svg {NAMESPACES} {size} {box} >\n{body}\n</svg>\n", "latin-1")

    def clear(self) -> None:
        """Forget what was drawn."""
        self.elements.clear()

    def color(self, color: int) -> None:
        """Set the colour of what follows."""
        self.current = KNOWN.get(color, f"#{color & 0xFFFFFF:06x}")

    def line_style(self, style: int) -> None:
        """Set the dashes of what follows."""
        self.dashes = DASHES.get(style, "")

    def font(self, name: str, size: int) -> None:
        """Set the font of what follows."""
        self.family, self.size = name, size

    def style(self, *, fill: bool) -> str:
        """Return the style attribute."""
        dashes = f"stroke-dasharray:{self.dashes};" if self.dashes else ""
        return (
            f'style="fill:{self.current if fill else "none"};fill-opacity:1;'
            f"fill-rule:evenodd;stroke:{self.current};stroke-width:1;{dashes}"
            'stroke-linecap:butt;stroke-linejoin:miter;stroke-opacity:1;opacity:1;"'
        )

    def line(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Draw a line."""
        ends = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
        self.elements.append(f"<line {ends} {self.style(fill=False)} />")

    def rectangle(self, x: int, y: int, width: int, height: int, *, fill: bool) -> None:
        """Draw or fill a rectangle."""
        sides = f'x="{x}" y="{y}" width="{width}" height="{height}"'
        self.elements.append(f"<rect {sides} {self.style(fill=fill)} />")

    def circle(self, x: int, y: int, radius: int, *, fill: bool) -> None:
        """Draw or fill a circle."""
        place = f'cx="{x}" cy="{y}" r="{radius}"'
        self.elements.append(f"<circle {place} {self.style(fill=fill)} />")

    def arc(self, x: int, y: int, radius: int, start: int, end: int, *, fill: bool) -> None:
        """Draw an arc or fill a sector."""
        ends = [
            (x + radius * math.cos(math.radians(a)), y - radius * math.sin(math.radians(a)))
            for a in (start, end)
        ]
        (x1, y1), (x2, y2) = ends
        large = int(abs(end - start) > 180)
        curve = f"A {radius},{radius} 0 {large} 0 {x2:g},{y2:g}"
        path = f"M {x1:g},{y1:g} {curve}" + (f" L {x},{y} z" if fill else "")
        self.elements.append(f'<path {self.style(fill=fill)} d="{path}" />')

    def polygon(self, points: list[tuple[int, int]]) -> None:
        """Fill a polygon."""
        path = "M " + " L ".join(f"{x},{y}" for x, y in points) + " z"
        self.elements.append(f'<path {self.style(fill=True)} d="{path}" />')

    def text(self, x: int, y: int, text: str) -> None:
        """Write text."""
        font = f'font-family="{escape(self.family)}" font-size="{self.size}"'
        self.elements.append(
            f'<text x="{x}" y="{y}" {font} fill="{self.current}">{escape(text)}</text>'
        )
