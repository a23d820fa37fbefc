"""Windows: a size, a colour, a font, and a driver that carries out the drawing.

A driver is a `Driver`; what it does not override is left out of the picture, and the class
itself draws nothing: a window nobody looks at. Coordinates are pixels, y downwards, truncated
to integers as the original did.
"""

from sn.printer import show_address

CHARACTER_WIDTH = 7  # pixels, of the default font
CHARACTER_HEIGHT = 10
FOREGROUND, BACKGROUND, GRAY = -1, -2, -3
DEFAULT_FONT = "Helvetica-11"


class Driver:
    """Draws; each method is one operation. Colours are -1, -2, -3 or 0xRRGGBB."""

    def open(self, window: "Window") -> None:
        """Begin; the window's size is known."""

    def close(self) -> None:
        """Finish: write the file."""

    def state(self) -> None:
        """Know that the picture is complete for now: a moment to look at it."""

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

    def extent(self, text: str) -> tuple[int, int, int, int]:
        """Return the place (left, top), from where a text begins, and the size it takes."""
        return 0, -CHARACTER_HEIGHT + 2, CHARACTER_WIDTH * len(text), CHARACTER_HEIGHT

    def resize(self, width: int, height: int) -> None:
        """Know that the window has another size; what was drawn stays."""

    def hilite(self, x: int, y: int, width: int, height: int) -> None:
        """Exchange black and white in a rectangle."""

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
        self._held = 0
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

    def hold(self) -> None:
        """Begin drawing that is to be seen in one go."""
        self._held += 1

    def release(self) -> None:
        """End it."""
        self._held -= 1
        self.look()

    def look(self) -> None:
        """Let the driver know that the picture is complete, unless it is held."""
        if self._held == 0:
            self.driver.state()

    def resize(self, width: int, height: int) -> None:
        """Become another size."""
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self.clip = None
            self.driver.resize(width, height)

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
