"""Drawing: windows, lines, areas, text, and the squares that show states and weights."""

import math
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items
from sn.errors import LispError
from sn.graphics.window import (
    BACKGROUND,
    CHARACTER_HEIGHT,
    CHARACTER_WIDTH,
    FOREGROUND,
    GRAY,
    Window,
)
from sn.primitives.arguments import integer, number, numbers, string
from sn.primitives.registry import primitive, special
from sn.primitives.strings import format_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sn.interpreter import Interpreter

COLORS = {"color-fg": FOREGROUND, "color-bg": BACKGROUND, "color-gray": GRAY}
LINE_STYLES = ("solid", "dotted", "dashed", "dotdashed")


def current(interpreter: "Interpreter") -> Window:
    """Return the window programs draw in: the value of `window`, made when there is none."""
    symbol = interpreter.intern("window")
    if not isinstance(symbol.value, Window):
        symbol.value = interpreter.screen.window()
    return symbol.value


# ---- windows


@primitive("new-window", "create-window", interpreter=True)
def new_window(interpreter: "Interpreter", *arguments: Any) -> Window:
    """Open a window: (new-window [[x y] width height] [name])."""
    sizes = [integer(a) for a in arguments if a.__class__ in (float, int)]
    names = [a for a in arguments if a.__class__ is str]
    width, height = sizes[-2:] if len(sizes) >= 2 else (512, 512)
    made = interpreter.screen.window(width, height, names[-1] if names else "Graphics")
    interpreter.intern("window").value = made
    return made


@primitive("ps-window", interpreter=True)
def ps_window(
    interpreter: "Interpreter", width: Any = 512.0, height: Any = 512.0, name: str = "tmp.ps"
) -> Window:
    """Open a window that becomes a PostScript file."""
    from sn.graphics.postscript import PostScript

    path = interpreter.writable_path(interpreter.check_name(string(name)))
    return Window(integer(width), integer(height), PostScript(path), name)


@primitive("svg-window", interpreter=True)
def svg_window(
    interpreter: "Interpreter", width: Any = 512.0, height: Any = 512.0, name: str = "tmp.svg"
) -> Window:
    """Open a window that becomes an SVG file."""
    from sn.graphics.svg import Svg

    path = interpreter.writable_path(interpreter.check_name(string(name)))
    return Window(integer(width), integer(height), Svg(path), name)


@primitive("windowp")
def windowp(value: Any) -> Any:
    """Return the value if it is a window."""
    return value if isinstance(value, Window) else None


@primitive("cls", interpreter=True)
def cls(interpreter: "Interpreter") -> None:
    """Clear the window."""
    window = current(interpreter)
    window.look()
    window.driver.clear()


@primitive("xsize", interpreter=True)
def xsize(interpreter: "Interpreter") -> float:
    """Return the width of the window."""
    return float(current(interpreter).width)


@primitive("ysize", interpreter=True)
def ysize(interpreter: "Interpreter") -> float:
    """Return the height of the window."""
    return float(current(interpreter).height)


@primitive("window-rect", interpreter=True)
def window_rect(interpreter: "Interpreter") -> Any:
    """Return the rectangle of the window."""
    window = current(interpreter)
    return from_items([0.0, 0.0, float(window.width), float(window.height)])


@special("graphics-batch", pattern="b")
def graphics_batch(interpreter: "Interpreter", body: "Callable[[], Any]") -> Any:
    """Evaluate a body that draws; it is seen in one go: a film gets one picture of it."""
    window = current(interpreter)
    window.hold()
    try:
        return body()
    finally:
        window.release()


@primitive("hilite", interpreter=True)
def hilite(
    interpreter: "Interpreter", code: float, x: float, y: float, width: float, height: float
) -> None:
    """Exchange black and white in a rectangle, if the code is not 0."""
    rectangle = integer(x), integer(y), integer(width), integer(height)
    if integer(code):
        current(interpreter).driver.hilite(*rectangle)


@primitive("get-click", interpreter=True)
def get_click(interpreter: "Interpreter") -> Any:
    """Return the next click (x y): the first of the list `click-script`, which loses it."""
    current(interpreter).look()
    script = interpreter.intern("click-script")
    if script.value.__class__ is not Cons:
        raise LispError("no click is left in click-script (sn --clicks FILE fills it)")
    click, script.value = script.value.car, script.value.cdr
    if click is not None and len(numbers(click)) != 2:
        raise LispError("not a click (x y)", click)
    return click


@special("gsave", pattern="b")
def gsave(interpreter: "Interpreter", body: "Callable[[], Any]") -> Any:
    """Evaluate a body; colour, font, line style and clipping are as before afterwards."""
    window = current(interpreter)
    color, font, style, clip = window.color, window.font, window.line_style, window.clip
    try:
        return body()
    finally:
        if window.font != font:
            window.set_font(font)
        if window.color != color:
            window.set_color(color)
        if window.clip != clip:
            window.set_clip(clip)
        if window.line_style != style:
            window.set_line_style(style)


# ---- colours and styles


def _channel(value: Any) -> int:
    if not 0 <= number(value) <= 1:
        raise LispError("illegal color", value)
    return int(255 * value)


def rgb(red: Any, green: Any, blue: Any) -> int:
    """Return a colour from components between 0 and 1."""
    return _channel(red) << 16 | _channel(green) << 8 | _channel(blue)


@primitive("color", interpreter=True)
def set_color(interpreter: "Interpreter", color: Any = None) -> float:
    """Choose a colour by number; return it."""
    window = current(interpreter)
    if color is not None:
        window.set_color(integer(color))
    return float(window.color)


@primitive("alloccolor")
def alloccolor(red: float, green: float, blue: float) -> float:
    """Return the number of a colour."""
    return float(rgb(red, green, blue))


@primitive("color-rgb", interpreter=True)
def color_rgb(interpreter: "Interpreter", red: float, green: float, blue: float) -> float:
    """Choose a colour by components between 0 and 1."""
    return set_color(interpreter, float(rgb(red, green, blue)))


@primitive("color-shade", interpreter=True)
def color_shade(interpreter: "Interpreter", shade: float) -> float:
    """Choose a grey between black (0) and white (1)."""
    return set_color(interpreter, float(rgb(shade, shade, shade)))


@primitive("linestyle", interpreter=True)
def linestyle(interpreter: "Interpreter", style: Any = None) -> float:
    """Choose the style of lines by number."""
    window = current(interpreter)
    if style is not None:
        if integer(style) not in range(len(LINE_STYLES)):
            raise LispError("illegal line style", style)
        window.set_line_style(integer(style))
    return float(window.line_style)


def _line_style(place: int, name: str) -> None:
    def choose(interpreter: "Interpreter") -> float:
        return linestyle(interpreter, float(place))

    choose.__doc__ = f"Choose {name} lines."
    choose.__code__ = choose.__code__.replace(co_name=f"linestyle-{name}")
    primitive(f"linestyle-{name}", interpreter=True)(choose)


for _place, _name in enumerate(LINE_STYLES):
    _line_style(_place, _name)


@primitive("font", interpreter=True)
def font(interpreter: "Interpreter", name: Any = None) -> str:
    """Choose a font such as "Helvetica-18" or "default"; return the one there was."""
    window = current(interpreter)
    old = window.font
    if name is not None:
        window.set_font(string(name))
    return old


@primitive("clip", interpreter=True)
def clip(interpreter: "Interpreter", *rectangle: Any) -> Any:
    """Restrict drawing to a rectangle; () lifts it."""
    window = current(interpreter)
    if rectangle == (None,):
        window.set_clip(None)
    elif len(rectangle) == 4:
        x, y, width, height = (integer(value) for value in rectangle)
        window.set_clip((x, y, width, height))
    elif rectangle:
        raise LispError("4 arguments were expected")
    return from_items([float(value) for value in window.clip]) if window.clip else None


# ---- lines and areas


def _drawing(name: str, count: int, method: str, doc: str, **options: bool) -> None:
    def draw(interpreter: "Interpreter", *arguments: float) -> None:
        if len(arguments) != count:
            raise LispError(f"{count} arguments were expected")
        getattr(current(interpreter).driver, method)(*map(integer, arguments), **options)

    draw.__doc__ = doc
    draw.__code__ = draw.__code__.replace(co_name=name)
    primitive(name, interpreter=True)(draw)


_drawing("draw-line", 4, "line", "Draw a line: x1 y1 x2 y2.")
_drawing("draw-rect", 4, "rectangle", "Draw a rectangle: x y width height.", fill=False)
_drawing("fill-rect", 4, "rectangle", "Fill a rectangle: x y width height.", fill=True)
_drawing("draw-circle", 3, "circle", "Draw a circle: x y radius.", fill=False)
_drawing("fill-circle", 3, "circle", "Fill a circle: x y radius.", fill=True)
_drawing("draw-arc", 5, "arc", "Draw an arc: x y radius from to, in degrees.", fill=False)
_drawing("fill-arc", 5, "arc", "Fill a sector: x y radius from to, in degrees.", fill=True)


@primitive("fill-polygon", interpreter=True)
def fill_polygon(interpreter: "Interpreter", *coordinates: float) -> None:
    """Fill a polygon: x1 y1 x2 y2 ..."""
    if len(coordinates) % 2 or len(coordinates) < 4:
        raise LispError("illegal number of arguments")
    values = [integer(value) for value in coordinates]
    points = list(zip(values[::2], values[1::2], strict=True))
    current(interpreter).driver.polygon(points)


def _corners(x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
    left, top = integer(x), integer(y)
    return left, top, left + integer(width), top + integer(height)


@primitive("draw-round-rect", interpreter=True)
def draw_round_rect(
    interpreter: "Interpreter", x: float, y: float, width: float, height: float, r: Any = 3.0
) -> None:
    """Draw a rectangle with round corners."""
    left, top, right, bottom = _corners(x, y, width, height)
    r = integer(r)
    driver = current(interpreter).driver
    driver.line(right - r, top, left + r, top)
    driver.line(left + r, bottom, right - r, bottom)
    driver.line(left, top + r, left, bottom - r)
    driver.line(right, bottom - r, right, top + r)
    driver.arc(left + r, top + r, r, 90, 180, fill=False)
    driver.arc(left + r, bottom - r, r, 180, 270, fill=False)
    driver.arc(right - r, top + r, r, 0, 90, fill=False)
    driver.arc(right - r, bottom - r, r, 270, 360, fill=False)


@primitive("fill-round-rect", interpreter=True)
def fill_round_rect(
    interpreter: "Interpreter", x: float, y: float, width: float, height: float, r: Any = 3.0
) -> None:
    """Fill a rectangle with round corners."""
    left, top, right, bottom = _corners(x, y, width, height)
    r = integer(r)
    driver = current(interpreter).driver
    driver.rectangle(left, top + r, right - left, bottom - top - 2 * r, fill=True)
    driver.rectangle(left + r, top, right - left - 2 * r, r, fill=True)
    driver.rectangle(left + r, bottom - r, right - left - 2 * r, r, fill=True)
    driver.arc(left + r, top + r, r, 90, 180, fill=True)
    driver.arc(left + r, bottom - r - 1, r, 180, 270, fill=True)
    driver.arc(right - r - 1, top + r, r, 0, 90, fill=True)
    driver.arc(right - r - 1, bottom - r - 1, r, 270, 360, fill=True)


# ---- text


@primitive("draw-text", interpreter=True)
def draw_text(interpreter: "Interpreter", x: float, y: float, text: str) -> None:
    """Write text on a base line."""
    current(interpreter).driver.text(integer(x), integer(y), string(text))


@primitive("gprintf", interpreter=True)
def gprintf(
    interpreter: "Interpreter", x: float, y: float, template: str, *values: Any
) -> None:
    """Write formatted text on a base line."""
    text = "".join(format_text(interpreter, string(template), values))
    current(interpreter).driver.text(integer(x), integer(y), text)


@primitive("text-width")
def text_width(text: str) -> float:
    """Return the width of a text in the default font."""
    return float(CHARACTER_WIDTH * len(string(text)))


@primitive("text-height")
def text_height(text: str) -> float:
    """Return the height of a text in the default font."""
    string(text)
    return float(CHARACTER_HEIGHT)


# ---- values as squares


def _side(value: float, largest: float, side: int) -> int:
    """Return the signed side of the square for a value."""
    share = max(-1.0, min(1.0, value / largest))
    return int(math.copysign(math.sqrt(abs(share)), share) * side)


@primitive("draw-value", interpreter=True)
def draw_value(
    interpreter: "Interpreter", x: float, y: float, value: float, largest: float, side: float
) -> None:
    """Draw a square around a point: white for positive, black for negative values."""
    if number(largest) == 0:
        raise LispError("Max value is 0")
    window = current(interpreter)
    signed = _side(number(value), largest, integer(side))
    size = abs(signed)
    if signed:
        window.driver.color(BACKGROUND if signed > 0 else FOREGROUND)
        left, top = integer(x) - size // 2, integer(y) - size // 2
        window.driver.rectangle(left, top, size, size, fill=True)
    window.driver.color(window.color)


def _columns(columns: Any) -> int:
    if integer(columns) <= 0:
        raise LispError("Negative number of columns")
    return integer(columns)


@primitive("draw-list", interpreter=True)
def draw_list(
    interpreter: "Interpreter",
    x: float,
    y: float,
    values: Any,
    columns: float,
    largest: float,
    apart: float,
    side: float,
) -> None:
    """Draw values as squares on grey, so many a row, `largest` with the full side."""
    if number(largest) == 0:
        raise LispError("Illegal scaling factor")
    window = current(interpreter)
    sides = [_side(value, largest, integer(side)) for value in numbers(values)]
    place = integer(x), integer(y)
    window.driver.squares(*place, _columns(columns), integer(apart), sides, window.color)


GRAYS = [int(255 * shade / 63) * 0x010101 for shade in range(64)]


def _palette(colors: Any) -> list[int]:
    from sn.matrix import Matrix

    if colors.__class__ is not Matrix or colors.values().shape != (64,):
        raise LispError("not a matrix of 64 colors", colors)
    return [int(color) for color in colors.values()]


def _colored(
    interpreter: "Interpreter",
    place: tuple[Any, Any],
    values: list[float],
    columns: int,
    limits: tuple[Any, Any],
    apart: tuple[Any, Any],
    palette: list[int],
) -> None:
    """Draw values as rectangles, the first of 64 colours for the lower limit."""
    low, high = (number(limit) for limit in limits)
    if low == high:
        raise LispError("Illegal scaling factor")
    shades = (max(0, min(63, int(64 * (value - low) / (high - low)))) for value in values)
    _tiles(interpreter, place, [palette[shade] for shade in shades], columns, apart)


def _tiles(
    interpreter: "Interpreter",
    place: tuple[Any, Any],
    colors: list[int],
    columns: int,
    apart: tuple[Any, Any],
) -> None:
    """Draw rectangles, each of its own colour."""
    window = current(interpreter)
    (x, y), (width, height) = map(integer, place), map(integer, apart)
    if not colors:
        return
    if width == height:
        window.driver.pixels(x, y, columns, width, colors, window.color)
        return
    for number_, color in enumerate(colors):
        row, column = divmod(number_, columns)
        window.driver.color(color)
        left, top = x + column * width, y + row * height
        window.driver.rectangle(left, top, width, height, fill=True)
    window.driver.color(window.color)


@primitive("gray-draw-list", interpreter=True)
def gray_draw_list(
    interpreter: "Interpreter",
    x: float,
    y: float,
    values: Any,
    columns: float,
    lowest: float,
    highest: float,
    apart: float,
) -> None:
    """Draw values as squares of 64 greys, black for `lowest`, white for `highest`."""
    made, limits = numbers(values), (lowest, highest)
    _colored(interpreter, (x, y), made, _columns(columns), limits, (apart, apart), GRAYS)


@primitive("color-draw-list", interpreter=True)
def color_draw_list(
    interpreter: "Interpreter",
    x: float,
    y: float,
    values: Any,
    columns: float,
    lowest: float,
    highest: float,
    apart: float,
    colors: Any,
) -> None:
    """Draw values as squares in the 64 colours of a matrix."""
    made, limits = numbers(values), (lowest, highest)
    palette = _palette(colors)
    _colored(interpreter, (x, y), made, _columns(columns), limits, (apart, apart), palette)


def _table(matrix: Any) -> tuple[list[float], int]:
    """Return the elements of a vector or a matrix, and how many a row has."""
    from sn.matrix import Matrix

    if matrix.__class__ is not Matrix or matrix.values().ndim not in (1, 2):
        raise LispError("1D or 2D index expected", matrix)
    values = matrix.values()
    return [float(value) for value in values.reshape(-1)], max(1, values.shape[-1])


@primitive("gray-draw-matrix", interpreter=True)
def gray_draw_matrix(
    interpreter: "Interpreter",
    x: float,
    y: float,
    matrix: Any,
    lowest: float,
    highest: float,
    width: Any = 1.0,
    height: Any = None,
) -> None:
    """Draw a matrix as rectangles of grey, `width` and `height` pixels each."""
    values, columns = _table(matrix)
    size = width, width if height is None else height
    _colored(interpreter, (x, y), values, columns, (lowest, highest), size, GRAYS)


@primitive("color-draw-matrix", interpreter=True)
def color_draw_matrix(
    interpreter: "Interpreter",
    x: float,
    y: float,
    matrix: Any,
    lowest: float,
    highest: float,
    *size_and_colors: Any,
) -> None:
    """Draw a matrix in the 64 colours of another: [width height] colors."""
    if len(size_and_colors) not in (1, 3):
        raise LispError("8 arguments were expected")
    *size, colors = size_and_colors
    values, columns = _table(matrix)
    width, height = size or (1.0, 1.0)
    limits = lowest, highest
    _colored(interpreter, (x, y), values, columns, limits, (width, height), _palette(colors))


@primitive("rgb-draw-matrix", interpreter=True)
def rgb_draw_matrix(
    interpreter: "Interpreter",
    x: float,
    y: float,
    matrix: Any,
    width: Any = 1.0,
    height: Any = None,
) -> None:
    """Draw a matrix of rows x columns x (red green blue), 0 to 255, or of greys."""
    from sn.matrix import Matrix

    if matrix.__class__ is not Matrix or matrix.values().ndim not in (2, 3):
        raise LispError("2D or 3D index expected", matrix)
    values = matrix.values()
    if values.ndim == 3 and values.shape[2] < 3:
        raise LispError("the last dimension must be three or more", matrix)
    size = width, width if height is None else height
    if min(map(integer, size)) < 1:
        raise LispError("illegal zoom factor")
    flat = values.reshape(-1, values.shape[2])[:, :3] if values.ndim == 3 else None
    parts = values.reshape(-1, 1).repeat(3, 1) if flat is None else flat
    shades = parts.clip(0, 255).astype("int64")
    colors = [int(c) for c in shades[:, 0] << 16 | shades[:, 1] << 8 | shades[:, 2]]
    _tiles(interpreter, (x, y), colors, max(1, values.shape[1]), size)


def variables(interpreter: "Interpreter") -> None:
    """Define the colours as variables."""
    for name, color in COLORS.items():
        interpreter.put(name, float(color))
