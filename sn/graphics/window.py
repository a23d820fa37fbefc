"""Windows: a size, a colour, a font, and a driver that carries out the drawing.

A driver is a `Driver`; what it does not override is left out of the picture. Coordinates are
pixels, y downwards, truncated to integers as the original did.
"""

from typing import Any, NamedTuple

from sn.printer import show_address

CHARACTER_WIDTH = 7  # pixels, of the default font
CHARACTER_HEIGHT = 10
FOREGROUND, BACKGROUND, GRAY = -1, -2, -3
DEFAULT_FONT = "Helvetica-11"


class Operation(NamedTuple):
    """One drawing operation: its name and integer arguments (texts for ``text``)."""

    name: str
    arguments: tuple[Any, ...]


class Driver:
    """Draws; each method is one operation. Colours are -1, -2, -3 or 0xRRGGBB."""

    def open(self, window: "Window") -> None:
        """Begin; the window's size is known."""

    def close(self) -> None:
        """Finish: write the file."""

    def clear(self) -> None:
        """Begin an empty picture."""

    def color(self, color: int) -> None:
        """Choose the colour of what follows."""

    def font(self, name: str, size: int) -> None:
        """Choose the font of what follows."""

    def line_style(self, style: int) -> None:
        """Choose solid (0), dotted (1), dashed (2) or dot-dashed (3) lines."""

    def clip(self, x: int, y: int, width: int, height: int) -> None:
        """Restrict drawing to a rectangle."""

    def line(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Draw a line."""

    def rectangle(self, x: int, y: int, width: int, height: int, *, fill: bool) -> None:
        """Draw or fill a rectangle."""

    def circle(self, x: int, y: int, radius: int, *, fill: bool) -> None:
        """Draw or fill a circle."""

    def arc(self, x: int, y: int, radius: int, start: int, end: int, *, fill: bool) -> None:
        """Draw an arc, or fill a sector; angles in degrees."""

    def polygon(self, points: list[tuple[int, int]]) -> None:
        """Fill a polygon."""

    def text(self, x: int, y: int, text: str) -> None:
        """Write text on a base line."""

    def squares(
        self, x: int, y: int, columns: int, apart: int, sides: list[int], color: int
    ) -> None:
        """Draw signed squares on grey: white for positive, black for negative sides."""
        rows = -(-len(sides) // columns) if columns else 0
        self.color(GRAY)
        self.rectangle(x, y, columns * apart, rows * apart, fill=True)
        for place, side in enumerate(sides):
            if side:
                size = abs(side)
                left = x + place % columns * apart + (apart - size) // 2
                top = y + place // columns * apart + (apart - size) // 2
                self.color(BACKGROUND if side > 0 else FOREGROUND)
                self.rectangle(left, top, size, size, fill=True)
        self.color(color)

    def pixels(
        self, x: int, y: int, columns: int, apart: int, colors: list[int], color: int
    ) -> None:
        """Draw a map of squares, each of its own colour."""
        for place, shade in enumerate(colors):
            self.color(shade)
            left, top = x + place % columns * apart, y + place // columns * apart
            self.rectangle(left, top, apart, apart, fill=True)
        self.color(color)


class Recorder(Driver):
    """Keeps the operations: a window nobody looks at."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def clear(self) -> None:
        """Forget everything."""
        self.operations.clear()

    def _record(self, name: str, *arguments: Any) -> None:
        self.operations.append(Operation(name, arguments))

    def color(self, color: int) -> None:
        """Record a colour."""
        self._record("color", color)

    def font(self, name: str, size: int) -> None:
        """Record a font."""
        self._record("font", name, size)

    def line_style(self, style: int) -> None:
        """Record a line style."""
        self._record("line-style", style)

    def clip(self, x: int, y: int, width: int, height: int) -> None:
        """Record a clipping rectangle."""
        self._record("clip", x, y, width, height)

    def line(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Record a line."""
        self._record("line", x1, y1, x2, y2)

    def rectangle(self, x: int, y: int, width: int, height: int, *, fill: bool) -> None:
        """Record a rectangle."""
        self._record("fill-rect" if fill else "rect", x, y, width, height)

    def circle(self, x: int, y: int, radius: int, *, fill: bool) -> None:
        """Record a circle."""
        self._record("fill-circle" if fill else "circle", x, y, radius)

    def arc(self, x: int, y: int, radius: int, start: int, end: int, *, fill: bool) -> None:
        """Record an arc."""
        self._record("fill-arc" if fill else "arc", x, y, radius, start, end)

    def polygon(self, points: list[tuple[int, int]]) -> None:
        """Record a polygon."""
        self._record("polygon", *points)

    def text(self, x: int, y: int, text: str) -> None:
        """Record a text."""
        self._record("text", x, y, text)


class Window:
    """What programs draw in; letting go of it finishes the picture."""

    sn_class = "WINDOW"

    def __init__(self, width: int, height: int, driver: Driver, name: str = "Graphics") -> None:
        self.width = width
        self.height = height
        self.name = name
        self.driver = driver
        self.color = FOREGROUND
        self.line_style = 0
        self.font = DEFAULT_FONT
        self.clip: tuple[int, int, int, int] | None = None
        driver.open(self)
        self._open = True

    def close(self) -> None:
        """Finish the picture."""
        if self._open:
            self._open = False
            self.driver.close()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()

    def set_color(self, color: int) -> None:
        """Choose the colour."""
        self.color = color
        self.driver.color(color)

    def set_font(self, name: str) -> None:
        """Choose a font, as family-size; "default" is the font windows begin with."""
        self.font = DEFAULT_FONT if name == "default" else name
        family, _, size = self.font.rpartition("-")
        self.driver.font(family or "Helvetica", int(size) if size.isdigit() else 11)

    def set_line_style(self, style: int) -> None:
        """Choose the style of lines."""
        self.line_style = style
        self.driver.line_style(style)

    def set_clip(self, clip: tuple[int, int, int, int] | None) -> None:
        """Restrict drawing to a rectangle, or to the window."""
        self.clip = clip
        self.driver.clip(*(clip or (0, 0, self.width, self.height)))

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return show_address("WINDOW", self)
