"""Where the windows of programs go: nowhere, into a folder, or onto a terminal.

A program that opens windows runs without any of this; then nothing is drawn. The names of
files come from the titles of windows, and never leave the folder they are written to.
"""

import re
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sn.cells import from_items
from sn.errors import LispError, SnError
from sn.graphics.window import Driver, Window

if TYPE_CHECKING:
    from sn.graphics.raster import Raster

LARGEST = 4096  # pixels, of the side of a window
MOST_WINDOWS = 999
HELD = 1500  # milliseconds the last state of a film stays


@dataclass
class Screen:
    """What becomes of windows.

    Parameters
    ----------
    folder: where every window is written as PNG when it closes; it must exist
    animate: write a GIF of the states of each window too
    show: print windows on standard output when they close, if anything was drawn
    """

    folder: Path | None = None
    animate: bool = False
    show: bool = False
    opened: int = 0
    trouble: str = ""
    _windows: "WeakValueDictionary[int, Window]" = field(default_factory=WeakValueDictionary)

    def window(self, width: int = 512, height: int = 512, name: str = "Graphics") -> Window:
        """Open a window of so many pixels."""
        self.check(width, height)
        if self.folder is None and not self.show:
            return Window(width, height, Driver(), name)
        if self.opened >= MOST_WINDOWS:
            raise LispError(f"more than {MOST_WINDOWS} windows")
        from sn.graphics.raster import Raster

        self.opened += 1
        number = self.opened
        raster = Raster(lambda raster: self._finish(raster, number), animate=self.animate)
        made = Window(width, height, raster, name)
        self._windows[number] = made
        return made

    @staticmethod
    def check(width: int, height: int) -> None:
        """Refuse a size no window may have."""
        if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
            raise LispError(f"a window has 1 to {LARGEST} pixels a side")

    def look(self) -> None:
        """Let every film have a state: the program waits."""
        for window in list(self._windows.values()):
            window.look()

    def refresh(self) -> None:
        """Print what changed since it was printed, for somebody who talks to the program."""
        for _, window in sorted(self._windows.items()):
            self._print(window.driver)

    def close(self) -> None:
        """Close the windows that are still open, in the order they were opened in."""
        for _, window in sorted(self._windows.items()):
            window.close()

    def _finish(self, raster: "Raster", number: int) -> None:
        """Write and show what was drawn."""
        if self.folder is not None:
            path = self.folder / f"{number:02d}-{file_name(raster.name)}.png"
            try:
                self._write(raster, path)
            except OSError as error:
                self.trouble = f"{path}: {error.strerror or error}"
        self._print(raster)

    def _print(self, raster: "Raster") -> None:
        digest = zlib.crc32(raster.picture.tobytes()) if self.show else raster.printed
        if digest != raster.printed:
            from sn.graphics.blocks import show

            raster.printed = digest
            show(raster.picture, raster.name, sys.stdout)

    def _write(self, raster: "Raster", path: Path) -> None:
        raster.picture.save(path, optimize=True)
        if raster.film is None:
            return
        states = raster.film.pictures(raster.picture.size)
        if len(states) < 2:
            return
        from PIL import Image

        frames = [state.quantize(256, dither=Image.Dither.NONE) for state in states]
        each = max(40, min(400, 12000 // len(frames) // 10 * 10))
        frames[0].save(
            path.with_suffix(".gif"),
            save_all=True,
            append_images=frames[1:],
            duration=[each] * (len(frames) - 1) + [HELD],
            loop=0,
        )


def file_name(title: str) -> str:
    """Return a file name for the title of a window: letters, digits and hyphens.

    >>> file_name("Average NMSE vs age"), file_name("../../etc/passwd"), file_name("//")
    ('average-nmse-vs-age', 'etc-passwd', 'window')
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-") or "window"


def folder(name: str) -> Path:
    """Return the folder for pictures, made if it does not exist."""
    path = Path(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SnError(f"{name}: {error.strerror or error}") from None
    return path


def read_clicks(file: str) -> object:
    """Read a script of clicks: a line "x y" each, in pixels; the rest after ; is a remark.

    Returns
    -------
    a Lisp list of lists (x y)
    """
    try:
        text = Path(file).read_text("latin-1")
    except OSError as error:
        raise SnError(f"{file}: {error.strerror or error}") from None
    made = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition(";")[0].split()
        if not words:
            continue
        try:
            x, y = (float(int(word)) for word in words)
        except ValueError:
            raise SnError(f"{file}: line {number} is not a click, two numbers x y") from None
        made.append(from_items([x, y]))
    return from_items(made)
