"""The panel of an animation: retina, layer after layer, outputs, and the answer above.

Drawn on a `lenet.canvas.Canvas`, so that the same panel becomes a frame of a GIF, a PNG or an
SVG. Dark is active, light is not; the answer is as dark as the network is sure of it.
"""

import io
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.animate import AnimationError, Gaze
from lenet.canvas import Canvas, Text, Tile
from lenet.scenes import Scene

if TYPE_CHECKING:
    from PIL.Image import Image

INK, SOFT, GROUND, FALSE = "#222222", "#8a8a8a", "#f3f0e8", "#c0392b"
LEFT, TOP, BODY = 16, 84, 176  # where the retina stands; height of the layers
GAP = 14  # between layers
WIDEST = 160  # of a layer, unless a single map is wider
LIVELY = 1.2  # states beyond are black or white
ANSWER, CELL = 38, 7  # sizes of the answer and of an output
LEVELS = 16  # greys of states; more would only cost bytes
COLOURS = 48  # of a picture: greys and a few more
SHEET = 3  # stills in a row of a sheet


def panel(gaze: Gaze, scene: Scene, number: int, name: str) -> Canvas:
    """Return the panel of one frame; `number` counts from 1."""
    canvas = Canvas()
    rows, columns = gaze.image.shape
    zoom = max(1, min(144 // rows, 300 // columns))
    high, wide = rows * zoom, columns * zoom
    canvas.tile((LEFT, TOP), grey(1 - gaze.image / 255), wide, high)
    canvas.rectangle(LEFT, TOP, wide, high, line=SOFT, pen=0.8)
    answer(canvas, gaze, zoom)
    bottom = outputs(canvas, gaze, zoom, TOP + high + 8)
    right = layers(canvas, gaze, LEFT + wide + 2 * GAP)
    width, height = right + LEFT - GAP, max(bottom, TOP + BODY) + 12
    canvas.text((LEFT, 16), f"{name}   {scene.title}", 12, INK, "left")
    canvas.text((width - LEFT, 16), f"{number} / {len(scene.frames)}", 11, SOFT, "right")
    if gaze.right is False:
        canvas.text((width - LEFT, 34), f"{gaze.truth} was written", 11, FALSE, "right")
    canvas.width, canvas.height = width, height
    return canvas


def middle(gaze: Gaze, place: tuple[int, int], zoom: int) -> tuple[float, float]:
    """Return where the middle of a place of the network is on the panel."""
    y, x = (gaze.side / 2 + s * p for s, p in zip(gaze.step, place, strict=True))
    return LEFT + x * zoom, TOP + y * zoom


def answer(canvas: Canvas, gaze: Gaze, zoom: int) -> None:
    """Write the digits above their places, as dark as they are sure."""
    for digit, row, column, sure in gaze.answer:
        x, _ = middle(gaze, (row, column), zoom)
        light = round(205 * (1 - sure))
        colour = "#" + 3 * f"{light:02x}"
        if gaze.right is False:
            colour = f"#{light // 2 + 150:02x}{light:02x}{light:02x}"
        canvas.text((x, TOP - 26), str(digit), ANSWER, colour)


def outputs(canvas: Canvas, gaze: Gaze, zoom: int, top: float) -> float:
    """Draw the outputs, a square for every class and place; return where they end."""
    classes, rows, columns = gaze.confidence.shape
    shade = grey(1 - gaze.confidence)
    if columns <= rows:
        cell = max(2, min(12, 13 // rows))
        pitch = gaze.image.shape[1] * zoom / classes
        for k in range(classes):
            x = LEFT + (k + 0.5) * pitch
            canvas.tile((x - cell * columns / 2, top), shade[k], cell * columns, cell * rows)
            canvas.text((x, top + cell * rows + 10), str(k), 10, SOFT)
        return top + cell * rows + 16
    step = gaze.step[1] * zoom
    x, _ = middle(gaze, (0, 0), zoom)
    best = shade.min(axis=1)  # over the rows of places
    canvas.tile((x - step / 2, top), best, step * columns, CELL * classes)
    for k in range(classes):
        canvas.text((x - step / 2 - 7, top + (k + 0.5) * CELL), str(k), 7, SOFT)
    return top + CELL * classes


def layers(canvas: Canvas, gaze: Gaze, left: float) -> float:
    """Draw the layers side by side; return where they end."""
    for name, maps in list(gaze.layers.items())[:-1]:
        image, zoom = arranged(grey((LIVELY - maps) / (2 * LIVELY)))
        wide, high = image.shape[1] * zoom, image.shape[0] * zoom
        wide = max(wide, 24)
        canvas.text((left + wide / 2, TOP - 36), name.upper(), 11, INK)
        count, rows, columns = maps.shape
        size = f"{count}" if rows == columns == 1 else f"{count}@{rows}x{columns}"
        canvas.text((left + wide / 2, TOP - 22), size, 9, SOFT)
        at = left + (wide - image.shape[1] * zoom) / 2, TOP - 10
        canvas.tile(at, image, image.shape[1] * zoom, high)
        left += wide + GAP
    return left


def grey(values: np.ndarray) -> np.ndarray:
    """Return values from 0, black, to 1, white, as uint8."""
    steps = np.rint((LEVELS - 1) * np.clip(values, 0, 1))
    return np.rint(steps * (255 / (LEVELS - 1))).astype(np.uint8)


def arranged(maps: np.ndarray) -> tuple[np.ndarray, int]:
    """Return maps uint8 (n, rows, columns) as one image and how much to enlarge it.

    They stand in as many columns as let them be largest within `BODY` and `WIDEST`.
    """
    count, rows, columns = maps.shape
    gap = 0 if rows == 1 else 1
    if rows == columns == 1:
        across = 7 if count % 7 == 0 else math.ceil(count / 15)
        down = math.ceil(count / across)
        image = np.full(across * down, int(GROUND[1:3], 16), np.uint8)
        image[:count] = maps.ravel()
        return image.reshape(down, across), max(1, min(BODY // down, 8))
    best = (0, False, 0, 1)
    for across in range(1, count + 1):
        down = math.ceil(count / across)
        zoom = BODY // (down * (rows + gap))
        room = max(WIDEST, columns) // (across * (columns + gap))
        best = max(best, (min(zoom, room, 4), count % across == 0, -across, across))
    zoom, _, _, across = (
        best if best[0] else (1, True, 0, max(1, math.ceil(count * rows / BODY)))
    )
    down = math.ceil(count / across)
    image = np.full((down * (rows + gap), across * (columns + gap)), 0xF0, np.uint8)
    for k in range(count):
        y, x = (k // across) * (rows + gap), (k % across) * (columns + gap)
        image[y : y + rows, x : x + columns] = maps[k]
    return image, zoom


# ---- files


def panels(scene: Scene, gazes: Sequence[Gaze], name: str) -> list[Canvas]:
    """Return the panels of a scene, all of one size."""
    made = [panel(gaze, scene, k, name) for k, gaze in enumerate(gazes, 1)]
    width, height = (max(getattr(p, side) for p in made) for side in ("width", "height"))
    sheets = []
    for canvas in made:
        sheet = Canvas(width, height)
        sheet.rectangle(0, 0, width, height, fill=GROUND, line="")
        sheet.shapes += canvas.shapes
        sheets.append(sheet)
    return sheets


def write(scene: Scene, gazes: Sequence[Gaze], name: str, file: Path, size: float = 1.0) -> int:
    """Write a scene as GIF, PNG or SVG, as the name of the file says; return its bytes.

    A PNG is a sheet of panels. Raises AnimationError.
    """
    made = panels(scene, gazes, name)
    kind = file.suffix.lower()
    if kind == ".gif":
        data = gif([raster(canvas, size) for canvas in made], scene.ms)
    elif kind == ".png":
        data = png(made, scene, size)
    elif kind == ".svg":
        data = svg(made, scene.ms).encode("utf-8")
    else:
        raise AnimationError(f"{file}: animations are GIF, PNG or SVG; call it {file.stem}.gif")
    try:
        return file.write_bytes(data)
    except OSError as error:
        raise AnimationError(f"{file}: cannot be written ({error.strerror or error})") from None


def raster(canvas: Canvas, size: float) -> "Image":
    """Return a panel as an RGB image.

    Its tiles and frames lie along the pixels: much faster than `Canvas.to_image`.
    """
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (round(canvas.width * size), round(canvas.height * size)))
    pen = ImageDraw.Draw(sheet)
    for shape in canvas.shapes:
        if isinstance(shape, Tile):
            wide, high = round(shape.width * size), round(shape.height * size)
            tile = Image.fromarray(shape.pixels).resize((wide, high), Image.Resampling.NEAREST)
            sheet.paste(tile, (round(shape.at[0] * size), round(shape.at[1] * size)))
        elif isinstance(shape, Text):
            at = shape.at[0] * size, shape.at[1] * size
            anchor = {"left": "lm", "middle": "mm", "right": "rm"}[shape.anchor]
            pen.text(at, shape.text, shape.colour, font(shape.size * size), anchor=anchor)
        else:
            (x, y), _, (right, bottom), _ = shape.points
            box = [round(v * size) for v in (x, y, right, bottom)]
            pen.rectangle(box, shape.fill or None, shape.line or None)
    return sheet


@cache
def font(size: float) -> Any:
    """Return the font of panels."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def gif(images: "Sequence[Image]", ms: int) -> bytes:
    """Return images as an animation without end, in one palette."""
    from PIL import Image

    sample = Image.new("RGB", (images[0].width, images[0].height * min(4, len(images))))
    for k in range(min(4, len(images))):
        sample.paste(images[k * (len(images) - 1) // 3 if k else 0], (0, k * images[0].height))
    palette = sample.quantize(COLOURS, dither=Image.Dither.NONE)
    frames = [im.quantize(palette=palette, dither=Image.Dither.NONE) for im in images]
    file = io.BytesIO()
    how = {"append_images": frames[1:], "duration": ms, "loop": 0, "optimize": False}
    frames[0].save(file, "GIF", save_all=True, **how)
    return file.getvalue()


def png(made: Sequence[Canvas], scene: Scene, size: float) -> bytes:
    """Return panels below and beside each other: all stills, or nine of a movement."""
    from PIL import Image

    count = len(made) if scene.still else min(9, len(made))
    chosen = [made[k * len(made) // count] for k in range(count)]
    images = [raster(canvas, size) for canvas in chosen]
    across = min(SHEET, count) if images[0].width < 560 * size else min(2, count)
    down = math.ceil(count / across)
    wide, high = images[0].size
    sheet = Image.new("RGB", (wide * across, high * down), GROUND)
    for k, image in enumerate(images):
        sheet.paste(image, (k % across * wide, k // across * high))
    file = io.BytesIO()
    small = sheet.quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(file, "PNG", optimize=True)
    return file.getvalue()


def svg(made: Sequence[Canvas], ms: int) -> str:
    """Return panels as one SVG that shows them one after the other, without end."""
    head, ground, *_ = made[0].to_svg().split("\n")
    lines = [head, ground]
    total = ms * len(made) / 1000
    for k, canvas in enumerate(made):
        body = canvas.to_svg().split("\n")[2:-2]
        times = f"0;{k / len(made):.5f};{(k + 1) / len(made):.5f}"
        show = (
            f'<animate attributeName="visibility" values="hidden;visible;hidden" '
            f'keyTimes="{times}" calcMode="discrete" dur="{total:g}s" '
            'repeatCount="indefinite"/>'
        )
        hidden = ' visibility="hidden"' if k else ""
        lines += [f"<g{hidden}>", show, *body, "</g>"]
    return "\n".join([*lines, "</svg>\n"])
