"""Grey pictures as text, and a part of a terminal that is drawn again and again.

A cell of a terminal is seen as 4 x 8 pixels. Each cell gets the block character, and the two
grey levels, that come nearest to its pixels: half blocks, quadrants and eighths; without
UTF-8, a few ASCII characters of like shape. It decides nothing about what is shown.
"""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TextIO

import numpy as np

CELL = (8, 4)  # pixels of a cell: rows, columns
PLAIN = 2e-3  # share of the full range squared below which a cell is one level
FAINT = 0.5  # share of the contrast that is ink where there are two levels only
GREY, GREEN = (1.0, 1.0, 1.0), (0.25, 0.85, 0.35)  # red, green, blue of full light
# Text styles: SGR codes on an ordinary terminal; with the period look all of it is green.
STYLES = {
    "title": "1",
    "dim": "2",
    "good": "1;32",
    "doubt": "1;33",
    "bad": "1;31",
    "key": "7",
}
ASCII = {  # 3 x 4 outlines of the characters, stretched to a cell
    " ": "000 000 000 000",
    ".": "000 000 000 010",
    "_": "000 000 000 111",
    "-": "000 000 111 000",
    "=": "000 111 000 111",
    "'": "010 010 000 000",
    '"': "111 110 000 000",
    "|": "010 010 010 010",
    "/": "001 001 010 100",
    "\\": "100 100 010 001",
    "L": "100 100 100 111",
    "J": "001 001 001 111",
    "7": "111 001 010 010",
    "r": "000 111 100 100",
    "P": "111 101 110 100",
    "d": "001 001 111 111",
    "b": "100 100 111 111",
    "T": "111 010 010 010",
    "m": "000 000 111 111",
    "#": "111 111 111 111",
}

LARGE = {  # 3 x 5 figures; two rows of them go into one line of half blocks
    "0": "111 101 101 101 111",
    "1": "110 010 010 010 111",
    "2": "111 001 111 100 111",
    "3": "111 001 111 001 111",
    "4": "101 101 111 001 001",
    "5": "111 100 111 001 111",
    "6": "111 100 111 101 111",
    "7": "111 001 001 001 001",
    "8": "111 101 111 101 111",
    "9": "111 101 111 001 111",
    "-": "000 000 111 000 000",
    "/": "001 001 010 100 100",
    ".": "000 000 000 000 010",
}


@cache
def glyphs(utf8: bool) -> tuple[str, np.ndarray]:
    """Return the characters of a picture and their shapes float32 (n, 32), 1 where inked.

    >>> glyphs(True)[0][:4]
    ' ▄▌█'
    """
    rows, columns = np.mgrid[: CELL[0], : CELL[1]]
    if not utf8:
        shapes = [
            np.array([[c == "1" for c in row] for row in outline.split()])[
                rows * 4 // CELL[0], columns * 3 // CELL[1]
            ]
            for outline in ASCII.values()
        ]
        return "".join(ASCII), np.array(shapes, np.float32).reshape(len(ASCII), -1)
    low, right = rows >= 4, columns >= 2
    made = {" ": rows < 0, "▄": low, "▌": ~right, "█": rows >= 0}
    made |= {"▀": ~low, "▐": right, "▖": low & ~right, "▗": low & right}
    made |= {"▘": ~low & ~right, "▝": ~low & right}
    made |= {"▚": low == right, "▞": low != right}
    made |= {"▙": low | ~right, "▟": low | right, "▛": ~low | ~right, "▜": ~low | right}
    made |= {c: rows >= 8 - n for n, c in zip((1, 2, 3, 5, 6, 7), "▁▂▃▅▆▇", strict=True)}
    made |= {"▎": columns < 1, "▊": columns < 3}
    return "".join(made), np.array(list(made.values()), np.float32).reshape(len(made), -1)


def cells(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return a picture uint8 (h, w) as cells float32 (rows, columns, 32), 0 to 1 white."""
    import cv2

    size = (columns * CELL[1], rows * CELL[0])
    how = cv2.INTER_AREA if picture.shape[1] > size[0] else cv2.INTER_LINEAR
    small = cv2.resize(picture, size, interpolation=how).astype(np.float32) / 255
    parts = small.reshape(rows, CELL[0], columns, CELL[1]).swapaxes(1, 2)
    return parts.reshape(rows, columns, -1)


def fitted(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, per cell, the glyph and its two grey levels that come nearest to the pixels.

    parts (rows, columns, 32) -> index of the glyph, level of its ink, level around it, each
    (rows, columns). The squared error is least where fg^2 k + bg^2 (32 - k) is greatest, k
    being the inked pixels of the glyph and fg, bg the means inside and outside.
    """
    _, shapes = glyphs(True)
    inked = shapes.sum(axis=1)
    bare = shapes.shape[1] - inked
    inside = parts @ shapes.T
    outside = parts.sum(axis=2, keepdims=True) - inside
    fg = inside / np.maximum(inked, 1)
    bg = outside / np.maximum(bare, 1)
    gain = fg * inside + bg * outside
    gain[..., 1:] -= PLAIN * shapes.shape[1]  # a blank unless a shape shows more
    best = gain.argmax(axis=2)[..., None]
    levels = (np.take_along_axis(level, best, axis=2)[..., 0] for level in (fg, bg))
    return best[..., 0], *levels


def bilevel(parts: np.ndarray, utf8: bool) -> np.ndarray:
    """Return, per cell, the glyph whose ink comes nearest to the dark pixels.

    parts (rows, columns, 32), 0 black to 1 white -> index of the glyph (rows, columns).
    """
    _, shapes = glyphs(utf8)
    low, middle = np.quantile(parts, 0.01), np.median(parts)
    dark = np.clip((middle - parts) / max(FAINT * (middle - low), 0.05), 0, 1)
    return (2 * dark @ shapes.T - shapes.sum(axis=1)).argmax(axis=2)


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal can show: `columns` and `rows` to use, `colours`, `utf8`, `period`.

    `colours` is 2**24, 256, 16, or 0 for none at all; `period` makes the screen green.
    """

    columns: int = 79
    rows: int = 24
    colours: int = 0
    utf8: bool = True
    period: bool = False

    def text(self, text: str, style: str = "") -> str:
        """Return text in one of `STYLES`."""
        code = STYLES.get(style, "")
        if self.period:
            green = "32" if self.colours == 16 else "38;5;78"
            code = f"{green};{code[:1]}" if code else green
        return f"\033[{code}m{text}\033[m" if self.colours and code and text else text

    def paint(self, level: int, ground: bool) -> str:
        """Return the SGR code of a grey level 0...31, of the ink or of the ground."""
        if self.colours > 256:
            light = [
                round(255 / 31 * level * part) for part in (GREEN if self.period else GREY)
            ]
            return f"{48 if ground else 38};2;{';'.join(map(str, light))}"
        if self.colours == 256:
            green = (16, 22, 28, 34, 40, 46)[level * 6 // 32]
            grey = {0: 16, 31: 231}.get(level, 232 + level * 24 // 32)
            return f"{48 if ground else 38};5;{green if self.period else grey}"
        names = (0, 2, 2, 10) if self.period else (0, 8, 7, 15)
        name = names[level // 8]
        return str((90 + name - 8 if name > 7 else 30 + name) + 10 * ground)

    def picture(self, picture: np.ndarray, rows: int, columns: int) -> list[str]:
        """Return a grey picture uint8 (h, w) as `rows` lines of `columns` cells."""
        parts = cells(picture, rows, columns)
        signs, _ = glyphs(self.utf8)
        if not (self.colours and self.utf8):
            return ["".join(signs[k] for k in row) for row in bilevel(parts, self.utf8)]
        best, *levels = fitted(parts)
        fg, bg = (np.clip(np.rint(31 * level), 0, 31).astype(int) for level in levels)
        lines = []
        for row in zip(best.tolist(), fg.tolist(), bg.tolist(), strict=True):
            line, ink, ground = "", -1, -1
            for k, f, b in zip(*row, strict=True):
                k = 0 if f == b else k
                codes = []
                if k and f != ink:
                    codes.append(self.paint(f, False))
                    ink = f
                if b != ground:
                    codes.append(self.paint(b, True))
                    ground = b
                line += (f"\033[{';'.join(codes)}m" if codes else "") + signs[k]
            lines.append(line + "\033[m")
        return lines

    def beneath(self, found: Sequence[tuple[str, float, str]], columns: int) -> list[str]:
        """Return the lines of characters, each under its place in a picture of `columns`.

        found: (character, place 0 to 1, style), from left to right. Large figures where all of
        them have room, else single characters, which give way to the right.
        """
        middles = [min(int(place * columns), columns - 1) for _, place, _ in found]
        room = all(b - a > 3 for a, b in pairwise(middles)) and self.utf8
        if not room or not found or not all(sign in LARGE for sign, _, _ in found):
            return [
                self._row(
                    [(at, c, style) for at, (c, _, style) in zip(middles, found, strict=True)]
                )
            ]
        lines = []
        for top in (0, 2, 4):
            row = []
            for middle, (sign, _, style) in zip(middles, found, strict=True):
                upper, lower = (*LARGE[sign].split(), "000")[top : top + 2]
                halves = "".join(
                    " ▀▄█"[int(a) + 2 * int(b)] for a, b in zip(upper, lower, strict=True)
                )
                row.append((max(0, middle - 1), halves, style))
            lines.append(self._row(row))
        return lines

    def _row(self, pieces: Sequence[tuple[int, str, str]]) -> str:
        """Return pieces of text (column, text, style) on one line, none upon another."""
        line, end = "", 0
        for at, text, style in pieces:
            line += " " * (at - end) + self.text(text, style)
            end = max(at, end) + len(text)
        return line

    def wrapped(self, text: str, style: str = "") -> list[str]:
        """Return text in as many lines as it needs, in a style; a blank line when empty."""
        lines = textwrap.wrap(text, self.columns, subsequent_indent="  ") or [""]
        return [self.text(line, style) for line in lines]


def look(
    stream: TextIO,
    environment: Mapping[str, str],
    *,
    colour: bool = True,
    period: bool = False,
    width: int | None = None,
) -> Look | None:
    """Return what `stream` can show, or None where it is no terminal that can be drawn on.

    `width` limits the columns used. NO_COLOR, TERM, COLORTERM and the encoding are respected.
    """
    kind = environment.get("TERM", "" if os.name == "posix" else "windows")
    if not stream.isatty() or kind in ("", "dumb"):
        return None
    size = shutil.get_terminal_size()
    columns = min(size.columns - 1, width or 160)  # the last column makes some terminals wrap
    if columns < 20 or size.lines < 10:
        return None
    try:
        "▄▌▚█×".encode(stream.encoding or "ascii")
        utf8 = True
    except (UnicodeEncodeError, LookupError):
        utf8 = False
    if not colour or environment.get("NO_COLOR"):
        colours = 0
    elif environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") or (
        kind == "windows" or "direct" in kind
    ):
        colours = 1 << 24
    else:
        colours = 256 if "256" in kind else 16
    return Look(columns, size.lines - 1, colours, utf8, period)


@dataclass(slots=True)
class Canvas:
    """The lines at the bottom of a terminal that are drawn in place, again and again."""

    stream: TextIO
    height: int = field(default=0, init=False)

    def draw(self, lines: Sequence[str]) -> None:
        """Put `lines` where the lines drawn before stand."""
        up = f"\033[{self.height}A" if self.height else ""
        body = "".join(f"\r{line}\033[K\n" for line in lines)
        self.stream.write(f"{up}{body}\033[J")
        self.stream.flush()
        self.height = len(lines)

    def clear(self) -> None:
        """Wipe the terminal, whose lines may have been broken, and begin at its top."""
        self.stream.write("\033[m\033[2J\033[H")
        self.height = 0

    @contextmanager
    def opened(self) -> Iterator["Canvas"]:
        """Hide the cursor while the canvas is in use."""
        if os.name == "nt":
            os.system("")  # switches the console to escape sequences
        self.stream.write("\033[?25l")
        try:
            yield self
        finally:
            self.stream.write("\033[m\033[?25h")
            self.stream.flush()


Wait = Callable[[float | None], str]


@contextmanager
def keyboard() -> Iterator[Wait | None]:
    """Give a function that waits for a key, at most some seconds, and returns it.

    It returns "" when the time is over, ``"q"`` when the keyboard is gone; None as time waits
    for ever. None stands for the function where there is no keyboard at all.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
    elif os.name == "nt":
        yield _windows_key
    else:
        import termios
        import tty

        handle = sys.stdin.fileno()
        before = termios.tcgetattr(handle)
        tty.setcbreak(handle)  # keys come at once and are not echoed; Control-C still ends
        try:
            yield _posix_key
        finally:
            termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _posix_key(seconds: float | None) -> str:
    import select

    handle = sys.stdin.fileno()
    ready, _, _ = select.select([handle], [], [], seconds)
    if not ready:
        return ""
    key = os.read(handle, 64)  # an arrow key comes as several bytes
    return key.decode(errors="replace") or "q"


def _windows_key(seconds: float | None) -> str:
    import msvcrt

    end = None if seconds is None else time.monotonic() + seconds
    while not msvcrt.kbhit():
        if end is not None and time.monotonic() >= end:
            return ""
        time.sleep(0.01)
    return msvcrt.getwch()
