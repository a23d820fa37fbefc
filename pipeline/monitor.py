"""The 1993 demo as a file: the monitor's picture, the digits beneath, the clock of then.

The same strips and the same readings as in the terminal, drawn with Pillow. The time of this
machine is left out, so that the same readings give the same file.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.errors import ImageError
from pipeline.film import FRAME, Shot, passing
from pipeline.records import Character

SIZE = (680, 288)  # width, height of the monitor
LEFT, TOP = 20, 40  # where the camera's frame stands on it
LONGEST = 88  # characters of a line
VIEWS, VIEW_MS = 8, 70  # of a strip coming in
STILL_MS, FLASH_MS, DWELL_MS = 500, 60, 2000
GREYS = 24  # levels of the picture; the noise of the camera costs bytes
INKS = {  # style -> ordinary, period
    "ground": ((22, 24, 28), (4, 14, 6)),
    "title": ((235, 235, 235), (110, 255, 140)),
    "dim": ((150, 154, 160), (60, 170, 85)),
    "good": ((90, 220, 120), (110, 255, 140)),
    "doubt": ((240, 180, 70), (190, 255, 120)),
    "bad": ((250, 100, 90), (190, 255, 120)),
}
Beneath = tuple[Sequence[Character], tuple[str, str], Sequence[str]]  # digits, verdict, clocks


class Monitor:
    """Draws what the monitor shows; `period` makes it a green screen."""

    def __init__(self, period: bool = False) -> None:
        self.period = period
        ramp = np.rint(np.linspace(0, 255, GREYS)).astype(int)
        tint = (0.25, 0.85, 0.35) if period else (1, 1, 1)
        colours = [tuple(round(level * part) for part in tint) for level in ramp.tolist()]
        colours += [self.ink(style) for style in INKS]
        colours += [  # half tones, for the edges of letters
            tuple(
                (a + b) // 2 for a, b in zip(self.ink(style), self.ink("ground"), strict=True)
            )
            for style in INKS
        ]
        self.palette = Image.new("P", (1, 1))
        self.palette.putpalette([part for colour in colours for part in colour])
        self.shades = np.array(colours[:GREYS], np.uint8)
        self.fonts = {size: ImageFont.load_default(size) for size in (14, 30)}

    def ink(self, style: str) -> tuple[int, int, int]:
        """Return the colour of a style."""
        return INKS[style][self.period]

    def view(self, view: np.ndarray) -> Image.Image:
        """Return a view (uint8 `FRAME`) in the shades of the monitor."""
        levels = np.rint(view * ((GREYS - 1) / 255)).astype(int)
        return Image.fromarray(self.shades[levels])

    def screen(
        self, heading: str, view: np.ndarray, shot: Shot, beneath: Beneath | None = None
    ) -> Image.Image:
        """Return the monitor with a view (uint8 `FRAME`) and what stands beneath it."""
        image = Image.new("RGB", SIZE, self.ink("ground"))
        image.paste(self.view(view), (LEFT, TOP))
        draw = ImageDraw.Draw(image)
        draw.text(
            (LEFT, 12), textwrap.shorten(heading, LONGEST), self.ink("title"), self.fonts[14]
        )
        if beneath is not None:
            found, (answer, style), clocks = beneath
            for character in found:
                x = LEFT + shot.column(character.box) * FRAME[1]
                at = (x, TOP + FRAME[0] + 2)
                draw.text(at, character.char, self.ink("good"), self.fonts[30], anchor="ma")
            y = TOP + FRAME[0] + 38
            lines = [(text, style) for text in textwrap.wrap(answer, LONGEST)]
            lines += [(text, "dim") for text in clocks]
            for k, (text, how) in enumerate(lines):
                draw.text((LEFT, y + 18 * k), text, self.ink(how), self.fonts[14])
        return image.quantize(palette=self.palette, dither=Image.Dither.NONE)


def write_gif(
    path: str, shots: Sequence[tuple[str, Shot, Beneath]], pace: Sequence[float], period: bool
) -> None:
    """Write the show as an animated GIF.

    shots: (heading, shot, what stands beneath); `pace`: seconds in which the digits of each
    come out, 0 for at once. Raises ImageError when the file cannot be written.
    """
    monitor = Monitor(period)
    frames: list[Image.Image] = []
    times: list[int] = []

    def add(image: Image.Image, ms: int) -> None:
        frames.append(image)
        times.append(ms)

    before = None
    for (heading, shot, beneath), seconds in zip(shots, pace, strict=True):
        for view in passing(before, shot.frame, VIEWS):
            add(monitor.screen(heading, view, shot), VIEW_MS)
        times[-1] = STILL_MS
        add(monitor.screen(heading, 255 - shot.frame, shot), FLASH_MS)
        steps = len(beneath[0]) if seconds else 0  # due at whole hundredths, as GIF counts
        for step in range(steps):
            part = (beneath[0][:step], ("", "dim"), ())
            due = [round(100 * seconds * k / steps) for k in (step, step + 1)]
            add(monitor.screen(heading, shot.frame, shot, part), 10 * (due[1] - due[0]))
        add(monitor.screen(heading, shot.frame, shot, beneath), DWELL_MS)
        before = shot.frame
    how = {"append_images": frames[1:], "duration": times, "loop": 0, "optimize": False}
    _save(frames[0], path, "GIF", save_all=True, **how)


def write_png(path: str, shots: Sequence[tuple[str, Shot, Beneath]], period: bool) -> None:
    """Write all strips and their answers below each other as one PNG."""
    monitor = Monitor(period)
    screens = [monitor.screen(heading, s.frame, s, beneath) for heading, s, beneath in shots]
    sheet = Image.new("RGB", (SIZE[0], SIZE[1] * len(screens)))
    for k, screen in enumerate(screens):
        sheet.paste(screen.convert("RGB"), (0, k * SIZE[1]))
    _save(sheet.quantize(palette=monitor.palette, dither=Image.Dither.NONE), path, "PNG")


def _save(image: Image.Image, path: str, kind: str, **how: object) -> None:
    try:
        with Path(path).open("wb") as file:
            image.save(file, kind, **how)
    except OSError as error:
        why = error.strerror or str(error)
        raise ImageError(path, f"cannot be written ({why})") from None
