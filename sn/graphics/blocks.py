"""Pictures as text: two pixels, one above the other, in each character of a terminal."""

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from PIL.Image import Image

Color = tuple[int, int, int]
UPPER = "▀"
DARK, LIGHT = 85, 170  # levels between which an area is grey
FAINT = 232  # the palest a line may become
INK = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
PLAIN = {(False, False): " ", (True, False): "'", (False, True): ".", (True, True): "#"}


def colors_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> str:
    """Return how a stream shows colours: "true", "256" or "" for none.

    >>> import io
    >>> colors_of(io.StringIO(), {"TERM": "xterm"})
    ''
    """
    if environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb":
        return ""
    if not stream.isatty():
        return ""
    return "true" if environment.get("COLORTERM") in ("truecolor", "24bit") else "256"


def _code(color: Color, colors: str) -> str:
    if colors == "true":
        return "2;{};{};{}".format(*color)
    if max(color) - min(color) < 12:
        shade = round(sum(color) / 3 / 255 * 25)  # black, 24 greys, white
        return f"5;{16 if shade == 0 else 231 if shade == 25 else 231 + shade}"
    red, green, blue = (round(part / 255 * 5) for part in color)
    return f"5;{16 + 36 * red + 6 * green + blue}"


def blocks(picture: "Image", columns: int, rows: int, colors: str, *, utf8: bool = True) -> str:
    r"""Return a picture (RGB) as lines of text, made smaller to fit `columns` x `rows`.

    Without colours, what is dark is drawn, as on paper; grey areas come out as a chess board.

    >>> from PIL import Image
    >>> ink = Image.new("RGB", (4, 4), "white")
    >>> ink.paste((0, 0, 0), (0, 0, 2, 3))
    >>> blocks(ink, 80, 25, "")
    '██\n▀▀\n'
    """
    from PIL import Image

    share = min(1.0, columns / picture.width, 2 * rows / picture.height)
    width = max(1, round(picture.width * share))
    height = max(2, round(picture.height * share / 2) * 2)
    if (width, height) != picture.size:
        picture = picture.resize((width, height), Image.Resampling.BOX)
    if not colors:
        return _plain(picture, INK if utf8 else PLAIN)
    data = list(picture.convert("RGB").tobytes())
    pixels: list[Color] = [tuple(data[n : n + 3]) for n in range(0, len(data), 3)]
    lines = []
    for top in range(0, height, 2):
        line, before = [], ""
        for column in range(width):
            upper = _code(pixels[top * width + column], colors)
            lower = _code(pixels[(top + 1) * width + column], colors)
            style = f"\x1b[38;{upper};48;{lower}m"
            letter = UPPER if utf8 else PLAIN[upper != lower, False]
            line.append(letter if style == before else style + letter)
            before = style
        lines.append("".join(line) + "\x1b[0m\n")
    return "".join(lines)


def _plain(picture: "Image", letters: dict[tuple[bool, bool], str]) -> str:
    """Draw what is dark, every other pixel of what is grey, and lines that became pale."""
    levels, (width, height) = picture.convert("L").tobytes(), picture.size

    def level(x: int, y: int) -> int:
        return levels[y * width + x] if 0 <= x < width and 0 <= y < height else 255

    def ink(x: int, y: int) -> bool:
        here = level(x, y)
        if here < LIGHT:
            return here < DARK or (x + y) % 2 == 0
        if here > FAINT:
            return False
        return any(
            level(x - dx, y - dy) >= here < level(x + dx, y + dy)
            and min(level(x - 2 * dx, y - 2 * dy), level(x + 2 * dx, y + 2 * dy)) > here + 20
            for dx, dy in ((1, 0), (0, 1))
        )

    return "".join(
        "".join(letters[ink(x, y), ink(x, y + 1)] for x in range(width)).rstrip() + "\n"
        for y in range(0, height, 2)
    )


def show(picture: "Image", title: str, stream: TextIO) -> None:
    """Print a picture under its title, as large as the terminal allows."""
    from sn.command import printable

    size = shutil.get_terminal_size((80, 25))
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    text = blocks(
        picture,
        min(size.columns, 160) - 1,
        max(8, size.lines - 2),
        colors_of(stream),
        utf8=encoding == "utf8",
    )
    stream.write(f"{printable(title)}\n{text}")
    stream.flush()
