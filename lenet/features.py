"""What a network sees in a digit: the activities of every layer, and the kernels behind them.

One row for each layer. Activities go from white, the least of the layer, to black, the
greatest; weights are black where positive and red where negative, white at zero. Kernels stand
below the map they lead to, one for each map they look at, so that connection tables show.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenet.anatomy import Part, Sight, anatomy
from lenet.canvas import Canvas, Tile
from lenet.data import DataError
from lenet.drawing import link_label, title
from lenet.networks import Network
from lenet.strokes import centred

LEFT, WIDTH, MARGIN = 138.0, 960.0, 24.0
PIXEL, LARGEST, LEAST = 3.0, 96.0, 30.0  # of a map: one unit, the longer side, the shorter
GAP = 7.0
MOST_KERNELS = 640  # of a layer
MOST_IMAGES = 60  # units whose weights are shown as images
LINE, SOFT, RED = "#b8b4a8", "#77746c", (176, 52, 32)
FORMATS = ("PNG", "JPEG", "BMP", "PPM")
MOST_BYTES, MOST_PIXELS = 20_000_000, 40_000_000
BITMAP = (12, 7)  # rows and columns of the bitmaps at the output of LeNet-5


@dataclass(frozen=True, slots=True)
class Kernels:
    """Kernels of a layer: (maps, sources, rows, columns) and which of them exist."""

    weights: np.ndarray
    exist: np.ndarray


def activities(network: Network, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the states of every layer, float (maps, rows, columns), for one image.

    The image is uint8 (h, w), ink 255, or float32 as the input layer takes it.
    """
    network.program.run(network.retina(image[None]))
    return {
        part.name: network.program.states(part.units).reshape(
            part.shape.maps, part.shape.rows, part.shape.columns
        )
        for part in anatomy(network)
    }


def kernels(network: Network, part: Part, seen: Sight, below: Part) -> Kernels | None:
    """Return what one unit of every map looks for in every map below; None if too many.

    Maps are those of a convolution; the units of a small full layer above one image count as
    maps, whose kernels are as large as the image.
    """
    shape, under = part.shape, below.shape
    if seen.kind == "Convolutions" and seen.field and not shape.flat:
        heads, size = part.units[:: shape.rows * shape.columns], seen.field
    elif seen.field is None and shape.flat and under.maps == 1 and under.rows > 1:
        heads, size = part.units, (under.rows, under.columns)
        if len(heads) > MOST_IMAGES:
            return None
    else:
        return None
    if len(heads) * under.maps > MOST_KERNELS:
        return None
    memory = network.interpreter.network
    pre, post, slot = memory.links()
    where = np.full(memory.unit_count, -1)
    where[below.units] = np.arange(len(below.units))
    found = np.zeros((len(heads), under.maps, *size))
    exist = np.zeros((len(heads), under.maps), bool)
    for k, head in enumerate(heads.tolist()):
        mine = (post == head) & (where[pre] >= 0)
        place, weight = where[pre[mine]], memory.weights[slot[mine]]
        which, inside = np.divmod(place, under.rows * under.columns)
        row, column = np.divmod(inside, under.columns)
        found[k, which, row - row.min(), column - column.min()] = weight
        exist[k, which] = True
    return Kernels(found, exist)


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return activities as uint8: white for low, black for high."""
    share = (values - low) / max(high - low, 1e-9)
    return (255 - 255 * np.clip(share, 0, 1)).astype(np.uint8)


def signed(weights: np.ndarray, most: float) -> np.ndarray:
    """Return weights as uint8 (..., 3): black for +most, red for -most, white for 0."""
    share = np.clip(np.abs(weights) / max(most, 1e-9), 0, 1)[..., None]
    colour = np.where(weights[..., None] > 0, (30, 30, 30), RED)
    return (255 + share * (colour - 255)).astype(np.uint8)


def picture(network: Network, image: np.ndarray) -> Canvas:
    """Return the picture of one image in a network, layer by layer."""
    parts = anatomy(network)
    states = activities(network, image)
    answer = int(network.classify(image[None])[0])
    sheet = Canvas(WIDTH)
    y = MARGIN
    sheet.text((MARGIN, y), f"{network.name} reads {answer}", 14, anchor="left")
    y += 26
    for k, part in enumerate(parts):
        seen = part.main()
        words = [title(part.name), str(part.shape)]
        if seen:
            words.append(link_label(seen))
        for n, text in enumerate(words):
            colour, size = ("#222222", 12.0) if n == 0 else (SOFT, 10.0)
            sheet.text((MARGIN, y + 8 + 14 * n), text, size, colour, "left")
        if k == len(parts) - 1 and len(part.units) > 1:
            low = outputs(sheet, network, states[part.name].ravel(), y)
        elif part.shape.flat:
            low = line(sheet, states[part.name].ravel(), y, bitmap(parts, k))
            found = kernels(network, part, seen, parts[seen.source]) if seen else None
            if found:
                low = images(sheet, found, low + GAP)
        else:
            found = kernels(network, part, seen, parts[seen.source]) if seen else None
            low = maps(sheet, states[part.name], y, found)
        y = max(low, y + 14 * len(words)) + 22
    sheet.height = y - 22 + MARGIN
    sheet.width = max(t.at[0] + t.width for t in sheet.shapes if isinstance(t, Tile)) + MARGIN
    sheet.width = max(sheet.width, LEFT + 400)
    return sheet


def bitmap(parts: list[Part], k: int) -> bool:
    """Tell whether a layer is compared with bitmaps by the Euclidean units that follow it."""
    if k + 2 != len(parts) or len(parts[k].units) != BITMAP[0] * BITMAP[1]:
        return False
    seen = parts[-1].main()
    return seen is not None and seen.kind == "Gaussian connections"


def maps(sheet: Canvas, states: np.ndarray, y: float, found: Kernels | None) -> float:
    """Draw the maps of a layer and the kernels below each; return where they end."""
    count, rows, columns = states.shape
    pixel = min(PIXEL, LARGEST / max(rows, columns))
    pixel = max(pixel, LEAST / max(rows, columns))
    width, height = columns * pixel, rows * pixel
    tap = 0.0
    if found:
        high, wide = found.weights.shape[2:]
        tap = min(5.0, (width if found.weights.shape[1] > 1 else 1.2 * width) * 0.62 / wide)
    low, high_state = float(states.min()), float(states.max())
    most = float(np.abs(found.weights).max()) if found else 0.0
    x, bottom, right = LEFT, y, WIDTH - MARGIN
    for k in range(count):
        if x + width > right:
            x, y = LEFT, bottom + GAP
        sheet.tile((x, y), grey(states[k], low, high_state), width, height)
        sheet.rectangle(x, y, width, height, line=LINE, pen=0.5)
        foot = y + height
        if found:
            for source in range(found.weights.shape[1]):
                if found.exist[k, source]:
                    at = x + (width - tap * wide) / 2, foot + 5
                    colours = signed(found.weights[k, source], most)
                    sheet.tile(at, colours, tap * wide, tap * high)
                    sheet.rectangle(*at, tap * wide, tap * high, line=LINE, pen=0.4)
                foot += tap * high + 4
        bottom = max(bottom, foot)
        x += width + GAP
    return bottom


def line(sheet: Canvas, states: np.ndarray, y: float, as_bitmap: bool) -> float:
    """Draw the units of a flat layer as cells; return where they end."""
    count = len(states)
    low, high = float(states.min()), float(states.max())
    if as_bitmap:
        cells, size = states.reshape(BITMAP), 7.0
    else:
        columns = min(count, 60)
        cells = np.full(-(-count // columns) * columns, low)
        cells[:count] = states
        cells, size = cells.reshape(-1, columns), 13.0
    rows, columns = cells.shape
    sheet.tile((LEFT, y), grey(cells, low, high), size * columns, size * rows)
    for n in range(min(count, rows * columns)):
        row, column = divmod(n, columns)
        sheet.rectangle(LEFT + size * column, y + size * row, size, size, line=LINE, pen=0.4)
    return y + size * rows


def images(sheet: Canvas, found: Kernels, y: float) -> float:
    """Draw the weights of fully connected units as images; return where they end."""
    count, _, rows, columns = found.weights.shape
    pixel = min(2.5, 62.0 / max(rows, columns))
    most = float(np.abs(found.weights).max())
    x = LEFT
    for k in range(count):
        if x + columns * pixel > WIDTH - MARGIN:
            x, y = LEFT, y + rows * pixel + GAP
        size = columns * pixel, rows * pixel
        sheet.tile((x, y), signed(found.weights[k, 0], most), *size)
        sheet.rectangle(x, y, *size, line=LINE, pen=0.4)
        x += columns * pixel + GAP
    return y + rows * pixel


def outputs(sheet: Canvas, network: Network, states: np.ndarray, y: float) -> float:
    """Draw the outputs as bars, the answer in red; return where they end."""
    lower = network.program.cost in ("likelihood", "posterior")
    best = int(states.argmin() if lower else states.argmax())
    low, high = min(0.0, float(states.min())), max(0.0, float(states.max()))
    step, length = 17.0, 300.0
    zero = LEFT + 26 + length * (0 - low) / max(high - low, 1e-9)
    for k, value in enumerate(states.tolist()):
        at = y + 8 + step * k
        end = LEFT + 26 + length * (value - low) / max(high - low, 1e-9)
        colour = "#a03623" if k == best else "#55524a"
        sheet.text((LEFT + 8, at), str(k), 11, colour)
        left, right = sorted((zero, end))
        sheet.rectangle(left, at - 5, max(0.6, right - left), 10, fill=colour, line="")
        sheet.text((LEFT + 26 + length + 10, at), f"{value:.2f}", 10, colour, "left")
    what = "distances: the smallest wins" if lower else "the greatest wins"
    sheet.text((LEFT + 26, y + 8 + step * len(states)), what, 9.5, SOFT, "left")
    return y + step * (len(states) + 1)


# ---- images of people


def glyph_of(file: Path) -> np.ndarray:
    """Return a picture of one digit as a glyph uint8 (28, 28), ink 255, as MNIST's are made.

    Light ink on dark paper is turned round; the ink is cut out, scaled into 20 x 20 pixels and
    placed by its centre of mass. Raises DataError for what cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    if not file.is_file():
        raise DataError(f"{file}: no such file")
    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"{file}: larger than {MOST_BYTES // 10**6} MB; crop it to the digit")
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DataError(f"{file}: {image.width:,} x {image.height:,}; crop it")
            pixels = np.asarray(image.convert("L"), float)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, UnidentifiedImageError):
            raise DataError(
                f"{file}: not an image we read; PNG, JPEG, BMP and PGM are"
            ) from None
        raise DataError(f"{file}: damaged image ({error})") from None
    except Image.DecompressionBombError:
        raise DataError(f"{file}: too large; crop it to the digit") from None
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = float(np.median(edge))
    ink = np.abs(pixels - paper) if paper < 128 else np.clip(paper - pixels, 0, None)
    if ink.max() < 24:
        raise DataError(f"{file}: no ink found")
    ink = np.clip(ink / ink.max() * 1.25 - 0.2, 0, 1)
    rows = np.flatnonzero((ink > 0.3).any(axis=1))
    columns = np.flatnonzero((ink > 0.3).any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(cut.shape)
    size = [max(1, round(n * scale)) for n in cut.shape]
    small = Image.fromarray((255 * cut).astype(np.uint8)).resize(
        (size[1], size[0]), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    )
    out = np.zeros((28, 28), np.uint8)
    top, left = (28 - size[0]) // 2, (28 - size[1]) // 2
    out[top : top + size[0], left : left + size[1]] = small
    return centred(out)
