"""Photographs of sheets with a telephone: desk, tilt, shade, blur; drawn, with seeds.

A pinhole camera looks at the sheet from about twice its width away, tilted by up to ten degrees
about either axis and turned by a few more.
"""

import numpy as np

from pipeline.papers import smooth_noise

LONG_SIDE = 1920  # pixels, as telephones send pictures
TILT = 10.0  # degrees at most
DESKS = ("dark", "wood", "cloth", "light")


def desk(shape: tuple[int, int], rng: np.random.Generator, kind: str) -> np.ndarray:
    """Return a table top of a kind of `DESKS`: float32 reflectance, 0..1."""
    h, w = shape
    tone = {"dark": (0.06, 0.25), "wood": (0.25, 0.45), "cloth": (0.2, 0.5)}
    low, high = tone.get(kind, (0.45, 0.6))
    ground = np.full(shape, rng.uniform(low, high), np.float32)
    if kind == "wood":
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        grain = y + np.float32(rng.uniform(6, 20)) * np.sin(x / np.float32(w / 4))
        grain = np.sin(grain / np.float32(rng.uniform(6, 25))) + smooth_noise(shape, 6, rng)
        ground *= 1 + np.float32(0.06) * grain
    elif kind == "cloth":
        ground *= 1 + np.float32(0.1) * smooth_noise(shape, 2.5, rng)
    ground *= 1 + np.float32(0.08) * smooth_noise(shape, 300, rng)
    return np.clip(ground, 0.02, 0.7)


def view(
    size: tuple[float, float],
    shape: tuple[int, int],
    *,
    tilt: tuple[float, float],
    turn: float,
    fill: float,
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Return the homography from a sheet to a photograph, float64 (3, 3).

    Parameters
    ----------
    size : tuple of float
        Width and height of the sheet in its own pixels.
    shape : tuple of int
        Rows and columns of the photograph.
    tilt : tuple of float
        Degrees the sheet leans about the horizontal and the vertical axis.
    turn : float
        Degrees it is turned in the picture, clockwise.
    fill : float
        Share of the width of the photograph its width takes.
    shift : tuple of float
        Displacement of its middle, in widths of the photograph.
    """
    w, h = size
    a, b, c = np.radians([*tilt, turn])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turned = about_z @ about_x @ about_y
    far = 2.0 * w
    place = np.column_stack([turned[:, 0], turned[:, 1], [0, 0, far]])
    middle = np.array([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]])
    focus = fill * shape[1] * far / w
    lens = np.array(
        [
            [focus, 0, shape[1] * (0.5 + shift[0])],
            [0, focus, shape[0] * 0.5 + shape[1] * shift[1]],
            [0, 0, 1],
        ]
    )
    found = lens @ place @ middle
    return found / found[2, 2]


def photograph(
    sheet: np.ndarray, rng: np.random.Generator, *, upside_down: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Photograph a sheet.

    Parameters
    ----------
    sheet : numpy.ndarray
        float32 reflectance (H, W).
    rng : numpy.random.Generator
        Decides desk, camera and light.
    upside_down : bool
        Turn the sheet by 180 degrees.

    Returns
    -------
    tuple
        uint8 image of 1920 pixels on its long side, and the homography (3, 3) from the
        pixels of the sheet to those of the image.
    """
    import cv2

    h, w = sheet.shape
    columns = LONG_SIDE
    rows = round(columns * float(rng.choice([9 / 16, 3 / 4])))
    tilt = tuple(float(rng.uniform(-TILT, TILT)) for _ in range(2))
    turn = float(rng.normal(0, 3)) + (180 if upside_down else 0)
    shift = (float(rng.uniform(-0.03, 0.03)), float(rng.uniform(-0.03, 0.03)))
    move = view(
        (w, h),
        (rows, columns),
        tilt=tilt,
        turn=turn,
        fill=float(rng.uniform(0.66, 0.84)),
        shift=shift,
    )
    ground = desk((rows, columns), rng, DESKS[int(rng.integers(len(DESKS)))])
    cover = cv2.warpPerspective(
        np.ones_like(sheet), move, (columns, rows), flags=cv2.INTER_AREA
    )
    paper = cv2.warpPerspective(sheet, move, (columns, rows), flags=cv2.INTER_AREA)
    cast = cv2.warpAffine(cover, np.float32([[1, 0, 5], [0, 1, 7]]), (columns, rows))
    ground *= 1 - np.float32(0.35) * cv2.GaussianBlur(cast, (0, 0), 6)
    image = paper + (1 - cover) * ground  # what the sheet leaves of its edge pixels is desk
    image *= light((rows, columns), rng)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 1.0)))
    image += np.float32(rng.uniform(0.004, 0.015)) * rng.standard_normal(
        image.shape, dtype=np.float32
    )
    grey = np.clip(image * 255, 0, 255).astype(np.uint8)
    quality = int(rng.integers(70, 93))
    _, code = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), move


def light(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return the light on a scene, float32 (rows, columns): a slope, often a soft shadow."""
    rows, columns = shape
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    a, b = rng.uniform(-0.13, 0.13, 2).astype(np.float32)
    lit = np.float32(0.95) + a * x + b * y
    if rng.random() < 0.6:  # of a hand or of the telephone
        angle = rng.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * x + np.sin(angle) * y - np.float32(rng.uniform(0.1, 0.9))
        soft = np.float32(rng.uniform(0.03, 0.3))
        lit *= 1 - np.float32(rng.uniform(0.15, 0.4)) / (1 + np.exp(-edge / soft))
    return lit
