"""The ten digits as pen strokes of our own, for pictures and for trying a network out.

Each stroke is a list of points in a box of 1 x 1.4, y downwards; the pen goes through them
smoothly. Nothing is taken from any data set.
"""

import numpy as np

WIDTH, HEIGHT = 1.0, 1.4
DIGITS: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0.55, 0.02), (0.22, 0.14), (0.03, 0.62), (0.14, 1.16), (0.46, 1.38), (0.82, 1.18),
      (0.97, 0.70), (0.84, 0.18), (0.55, 0.02), (0.40, 0.05)),),
    (((0.30, 0.30), (0.46, 0.18), (0.60, 0.02)), ((0.60, 0.02), (0.56, 0.70), (0.50, 1.38))),
    (((0.08, 0.34), (0.24, 0.08), (0.56, 0.02), (0.84, 0.20), (0.82, 0.52), (0.52, 0.92),
      (0.06, 1.34)), ((0.06, 1.34), (0.50, 1.30), (0.98, 1.32))),
    (((0.12, 0.16), (0.42, 0.01), (0.80, 0.14), (0.80, 0.46), (0.44, 0.64)),
     ((0.44, 0.64), (0.86, 0.76), (0.94, 1.10), (0.62, 1.37), (0.26, 1.34), (0.04, 1.18))),
    (((0.38, 0.04), (0.24, 0.44), (0.06, 0.86)), ((0.06, 0.86), (0.50, 0.84), (0.98, 0.80)),
     ((0.74, 0.32), (0.70, 0.84), (0.62, 1.38))),
    (((0.28, 0.06), (0.60, 0.06), (0.92, 0.03)), ((0.28, 0.06), (0.22, 0.34), (0.18, 0.62)),
     ((0.18, 0.62), (0.54, 0.50), (0.88, 0.68), (0.92, 1.04), (0.66, 1.34), (0.30, 1.37),
      (0.06, 1.22))),
    (((0.74, 0.04), (0.38, 0.28), (0.12, 0.76), (0.12, 1.14), (0.40, 1.38), (0.78, 1.28),
      (0.90, 0.98), (0.70, 0.74), (0.38, 0.80), (0.13, 1.06)),),
    (((0.06, 0.10), (0.50, 0.08), (0.96, 0.05)), ((0.96, 0.05), (0.66, 0.62), (0.40, 1.38))),
    (((0.82, 0.18), (0.52, 0.01), (0.20, 0.14), (0.22, 0.44), (0.52, 0.68), (0.86, 0.94),
      (0.86, 1.24), (0.52, 1.39), (0.16, 1.26), (0.14, 0.98), (0.48, 0.68), (0.78, 0.44),
      (0.82, 0.18)),),
    (((0.84, 0.30), (0.64, 0.04), (0.30, 0.06), (0.12, 0.34), (0.24, 0.62), (0.56, 0.64),
      (0.84, 0.32)), ((0.84, 0.32), (0.80, 0.84), (0.68, 1.38))),
)  # fmt: skip


def smooth(points: tuple[tuple[float, float], ...], steps: int = 12) -> np.ndarray:
    """Return the path (n, 2) of a pen that goes through points (Catmull-Rom)."""
    p = np.array(points, float)
    ends = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    a, b, c, d = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    pieces = [
        0.5
        * (
            2 * b[k]
            + (c[k] - a[k]) * t
            + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t**2
            + (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t**3
        )
        for k in range(len(p) - 1)
    ]
    return np.concatenate([*pieces, p[-1:]])


def paths(digit: int) -> list[np.ndarray]:
    """Return the strokes of a digit, each a path (n, 2) in a box of 1 x 1.4."""
    return [smooth(stroke) for stroke in DIGITS[digit]]


def glyph(digit: int, side: int = 28, pen: float = 0.15) -> np.ndarray:
    """Return a digit as a glyph uint8 (side, side), ink 255, made like those of MNIST.

    It fills 20/28 of the side and its centre of mass is the centre of the image.
    """
    from PIL import Image, ImageDraw

    fine = 8
    image = Image.new("L", (side * fine, side * fine))
    draw = ImageDraw.Draw(image)
    unit = 20 / 28 * side / (HEIGHT + pen) * fine
    middle = side * fine / 2 - unit * np.array([WIDTH, HEIGHT]) / 2
    half = pen * unit / 2
    for path in paths(digit):
        points = [tuple(p) for p in (path * unit + middle).tolist()]
        draw.line(points, 255, round(2 * half), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    small = image.resize((side, side), Image.Resampling.BOX)
    return centred(np.asarray(small))


def centred(image: np.ndarray) -> np.ndarray:
    """Return an image moved by whole pixels so that its ink (bright) is centred by mass."""
    total = image.sum(dtype=float)
    if not total:
        return image
    rows, columns = image.shape
    down = round((rows - 1) / 2 - (image.sum(axis=1) @ np.arange(rows)) / total)
    right = round((columns - 1) / 2 - (image.sum(axis=0) @ np.arange(columns)) / total)
    out = np.zeros_like(image)
    height, width = rows - abs(down), columns - abs(right)
    out[max(0, down) :, max(0, right) :][:height, :width] = image[
        max(0, -down) :, max(0, -right) :
    ][:height, :width]
    return out
