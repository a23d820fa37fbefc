"""The raster driver: pictures drawn with Pillow, as a screen of 1988 would show them.

One unit is one pixel and lines are not smoothed. The colour *grey* of an area is a stipple; its
two tones lie close together, so that it stays grey when the picture is made smaller. Pillow is
imported when the first window opens.
"""

import math
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sn.graphics.window import BACKGROUND, FOREGROUND, GRAY, Driver, Window

if TYPE_CHECKING:
    from PIL.Image import Image

KNOWN = {FOREGROUND: 0x000000, BACKGROUND: 0xFFFFFF, GRAY: 0x808080}
STIPPLE = (0x76, 0x98)  # tones of a grey area, in turn like the fields of a chess board
DASHES = {1: (1, 2), 2: (4, 3), 3: (4, 2, 1, 2)}  # pixels drawn, left out, drawn, ...
FAR = 16384  # coordinates beyond are cut off, as those of the original were
MOST_STATES = 200  # of a film; then every other one is dropped


def _near(value: int) -> int:
    return max(-FAR, min(FAR, value))


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(max(6, min(200, size)))


class Film:
    """The states of a picture, at most `MOST_STATES`, evenly spread over its life."""

    def __init__(self) -> None:
        self.states: list[bytes] = []
        self._every = 1
        self._seen = 0
        self._last = b""

    def take(self, picture: "Image") -> None:
        """Keep a state, unless it is the one before."""
        packed = zlib.compress(picture.tobytes(), 1)
        if packed == self._last:
            return
        self._last = packed
        if self._seen % self._every == 0:
            self.states.append(packed)
            if len(self.states) > MOST_STATES:
                del self.states[1::2]
                self._every *= 2
        self._seen += 1

    def pictures(self, size: tuple[int, int]) -> "list[Image]":
        """Return the states, the last one always among them."""
        from PIL import Image

        states = [*self.states]
        if states and states[-1] != self._last:
            states.append(self._last)
        return [Image.frombytes("RGB", size, zlib.decompress(packed)) for packed in states]


class Raster(Driver):
    """Draws pixels.

    Parameters
    ----------
    finished: called with the driver when the window closes
    animate: keep the states of the picture in `film`
    """

    def __init__(self, finished: Callable[["Raster"], None], *, animate: bool = False) -> None:
        self.finished = finished
        self.film = Film() if animate else None
        self.name = ""
        self._ink = FOREGROUND
        self._dashes: tuple[int, ...] = ()
        self._size = 11
        self._clip: tuple[int, int, int, int] | None = None
        self._changed = False

    def open(self, window: Window) -> None:
        """Begin with white."""
        from PIL import Image, ImageDraw

        self.name = window.name
        self._whole = Image.new("RGB", (window.width, window.height), "white")
        self._target = self._whole
        self._pen = ImageDraw.Draw(self._target)
        self.printed = zlib.crc32(self._whole.tobytes())  # of what somebody saw last

    def resize(self, width: int, height: int) -> None:
        """Draw on a larger or smaller picture; a film begins anew."""
        from PIL import Image, ImageDraw

        self._settle()
        self._clip = None
        whole = Image.new("RGB", (width, height), "white")
        whole.paste(self._whole, (0, 0))
        self._whole = self._target = whole
        self._pen = ImageDraw.Draw(whole)
        self.film = None if self.film is None else Film()

    @property
    def picture(self) -> "Image":
        """The picture as it is, RGB."""
        self._settle()
        return self._whole

    def close(self) -> None:
        """Hand the picture over."""
        self.state()
        self.finished(self)

    def state(self) -> None:
        """Keep this state of the picture for the film."""
        if self.film is not None and self._changed:
            self.film.take(self.picture)
        self._changed = False

    # ------------------------------------------------------------------ clipping

    def clip(self, x: int, y: int, width: int, height: int) -> None:
        """Draw on a copy from now on, of which only a rectangle will be taken over."""
        from PIL import ImageDraw

        self._settle()
        right, bottom = self._whole.size
        box = (max(0, x), max(0, y), min(right, x + width), min(bottom, y + height))
        self._clip = None if box == (0, 0, right, bottom) else box
        self._target = self._whole.copy() if self._clip else self._whole
        self._pen = ImageDraw.Draw(self._target)

    def _settle(self) -> None:
        """Take over what was drawn within the clipping rectangle."""
        if self._clip is not None:
            left, top, right, bottom = self._clip
            if left < right and top < bottom:
                self._whole.paste(self._target.crop(self._clip), (left, top))

    # ------------------------------------------------------------------ style

    def color(self, color: int) -> None:
        """Set the colour of what follows."""
        self._ink = color

    def font(self, name: str, size: int) -> None:
        """Set the size of letters; there is one family."""
        self._size = size

    def line_style(self, style: int) -> None:
        """Set the dashes of what follows."""
        self._dashes = DASHES.get(style, ())

    def _rgb(self) -> tuple[int, int, int]:
        color = KNOWN.get(self._ink, self._ink)
        return color >> 16 & 255, color >> 8 & 255, color & 255

    # ------------------------------------------------------------------ lines

    def _path(self, points: Iterable[tuple[int, int]]) -> None:
        """Draw pixels one after the other, leaving out those between dashes."""
        pattern = [
            drawn % 2 == 0 for drawn, long in enumerate(self._dashes) for _ in range(long)
        ]
        kept = [p for n, p in enumerate(points) if pattern[n % len(pattern)]]
        self._pen.point(kept, fill=self._rgb())

    def line(self, x1: int, y1: int, x2: int, y2: int) -> None:
        """Draw a line, both ends included."""
        self._changed = True
        x1, y1, x2, y2 = map(_near, (x1, y1, x2, y2))
        if not self._dashes:
            self._pen.line((x1, y1, x2, y2), fill=self._rgb())
            return
        steps = max(abs(x2 - x1), abs(y2 - y1), 1)
        self._path(
            (round(x1 + (x2 - x1) * n / steps), round(y1 + (y2 - y1) * n / steps))
            for n in range(steps + 1)
        )

    def rectangle(self, x: int, y: int, width: int, height: int, *, fill: bool) -> None:
        """Draw an outline from corner to corner, or fill so many pixels."""
        self._changed = True
        left, right = sorted((_near(x), _near(x + width)))
        top, bottom = sorted((_near(y), _near(y + height)))
        if not fill:
            corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            for (x1, y1), (x2, y2) in pairwise(corners):
                self.line(x1, y1, x2, y2)
        elif left < right and top < bottom:
            self._area(lambda pen, ink: pen.rectangle((left, top, right - 1, bottom - 1), ink))

    def circle(self, x: int, y: int, radius: int, *, fill: bool) -> None:
        """Draw or fill a circle."""
        if fill:
            box = self._box(x, y, radius)
            self._area(lambda pen, ink: pen.ellipse(box, ink))
        else:
            self.arc(x, y, radius, 0, 360, fill=False)

    def arc(self, x: int, y: int, radius: int, start: int, end: int, *, fill: bool) -> None:
        """Draw an arc or fill a sector, counter-clockwise from `start`."""
        self._changed = True
        box = self._box(x, y, radius)
        if fill:
            self._area(lambda pen, ink: pen.pieslice(box, -end, -start, ink))
        elif not self._dashes:
            self._pen.arc(box, -end, -start, fill=self._rgb())
        else:
            steps = max(1, int(math.radians(abs(end - start)) * _near(abs(radius))))
            turns = (math.radians(start + (end - start) * n / steps) for n in range(steps))
            self._path(
                (round(x + radius * math.cos(t)), round(y - radius * math.sin(t)))
                for t in turns
            )

    @staticmethod
    def _box(x: int, y: int, radius: int) -> tuple[int, int, int, int]:
        x, y, radius = _near(x), _near(y), _near(abs(radius))
        return x - radius, y - radius, x + radius, y + radius

    # ------------------------------------------------------------------ areas, text

    def _area(self, draw: Callable[[Any, Any], None]) -> None:
        """Fill what `draw` draws; grey areas are stippled."""
        self._changed = True
        if self._ink != GRAY:
            draw(self._pen, self._rgb())
            return
        from PIL import Image, ImageDraw

        mask = Image.new("1", self._whole.size)
        draw(ImageDraw.Draw(mask), 1)
        box = mask.getbbox()
        if box is not None:
            width, height = box[2] - box[0], box[3] - box[1]
            rows = [bytes(STIPPLE) * (width // 2 + 1), bytes(STIPPLE[::-1]) * (width // 2 + 1)]
            first = (box[0] + box[1]) % 2  # the fields lie the same way everywhere
            tones = b"".join(rows[(first + n) % 2][:width] for n in range(height))
            field = Image.frombytes("L", (width, height), tones).convert("RGB")
            self._target.paste(field, box[:2], mask.crop(box))

    def polygon(self, points: list[tuple[int, int]]) -> None:
        """Fill a polygon."""
        corners = [(_near(x), _near(y)) for x, y in points]
        self._area(lambda pen, ink: pen.polygon(corners, ink))

    def text(self, x: int, y: int, text: str) -> None:
        """Write text; y is the line it stands on."""
        self._changed = True
        place = _near(x), _near(y)
        line = "".join(c if c.isprintable() else " " for c in text[:1000])
        self._pen.text(place, line, fill=self._rgb(), font=_font(self._size), anchor="ls")

    def extent(self, text: str) -> tuple[int, int, int, int]:
        """Return the place, from where a text begins, and the size it takes."""
        if not text:
            return 0, 0, 0, 0
        ascent, descent = _font(self._size).getmetrics()
        width = math.ceil(_font(self._size).getlength(text))
        return 0, -ascent, width, ascent + descent

    def clear(self) -> None:
        """Begin anew in white, in the clipping rectangle if there is one."""
        self._changed = True
        self._target.paste((255, 255, 255), (0, 0, *self._whole.size))

    def hilite(self, x: int, y: int, width: int, height: int) -> None:
        """Exchange black and white in a rectangle."""
        from PIL import ImageChops

        right, bottom = self._whole.size
        box = (max(0, x), max(0, y), min(right, x + width), min(bottom, y + height))
        if box[0] < box[2] and box[1] < box[3]:
            self._changed = True
            self._target.paste(ImageChops.invert(self._target.crop(box)), box[:2])

    def pixels(
        self, x: int, y: int, columns: int, apart: int, colors: list[int], color: int
    ) -> None:
        """Draw a map of colours; what its last row lacks stays as it is."""
        from PIL import Image

        if apart < 1:
            return
        self._changed = True
        x, y, apart = _near(x), _near(y), min(apart, FAR)
        whole = len(colors) // columns
        rows = [(columns, whole, colors[: columns * whole])] if whole else []
        if len(colors) % columns:
            rows.append((len(colors) % columns, 1, colors[columns * whole :]))
        for place, (wide, high, part) in enumerate(rows):
            data = b"".join((KNOWN.get(c, c) & 0xFFFFFF).to_bytes(3, "big") for c in part)
            tile = Image.frombytes("RGB", (wide, high), data)
            top = y if place == 0 else y + whole * apart
            if wide * high * apart * apart > 4 * self._whole.width * self._whole.height:
                super().pixels(x, top, wide, apart, part, color)  # mostly out of sight
            else:
                zoomed = tile.resize((wide * apart, high * apart), Image.Resampling.NEAREST)
                self._target.paste(zoomed, (x, top))
