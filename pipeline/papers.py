"""Papers under the writing, and what a scanner makes of both.

Papers are reflectances, float32 in 0..1 (1 is white). `strip` puts a composed line on one of
them with the rules, boxes and faults a cropped amount field has.
"""

import numpy as np

from pipeline.synthesis import Line

KINDS = ("plain", "tinted", "guilloche", "dots", "wash", "ruled", "boxed")


def smooth_noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of about unit deviation that changes over `cell` pixels."""
    import cv2

    h, w = shape
    coarse = rng.standard_normal((int(h / cell) + 3, int(w / cell) + 3), dtype=np.float32)
    return cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)


def _waves(shape: tuple[int, int], rng: np.random.Generator, dpi: float) -> np.ndarray:
    """Return one family of wavy security lines, 0 between them to 1 on them."""
    h, w = shape
    unit = dpi / 200
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) / np.float32(unit)
    angle = float(rng.uniform(0, np.pi))
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = x * c + y * s, y * c - x * s
    pitch = float(rng.uniform(5, 13))
    bend = np.float32(rng.uniform(0, 6)) * np.sin(along * np.float32(rng.uniform(0.01, 0.09)))
    if rng.random() < 0.5:
        bend += np.float32(rng.uniform(0, 12)) * np.sin(
            along * np.float32(rng.uniform(0.003, 0.02)) + across * np.float32(0.01)
        )
    phase = (across + bend) * np.float32(2 * np.pi / pitch)
    thin = np.float32(rng.uniform(0.3, 0.8))
    return np.clip((np.cos(phase) - thin) / (1 - thin), 0, 1)


def paper(
    shape: tuple[int, int], rng: np.random.Generator, kind: str = "plain", dpi: float = 200
) -> np.ndarray:
    """Return a sheet of paper.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    rng : numpy.random.Generator
        Source of tone, pattern and fibre.
    kind : str
        One of `KINDS`: ``plain`` office paper, ``tinted``, ``guilloche`` (one to three
        families of fine wavy lines), ``dots`` (a screen), ``wash`` (a blurred picture),
        ``ruled`` (written lines), ``boxed`` (a printed frame).
    dpi : float
        Pixels per inch; patterns have physical sizes.

    Returns
    -------
    numpy.ndarray
        float32 reflectance, 0..1.

    Raises
    ------
    ValueError
        When `kind` is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"paper: {kind!r} is no kind of paper (one of {', '.join(KINDS)})")
    h, w = shape
    unit = dpi / 200
    light = rng.uniform(0.90, 0.99) if kind in ("plain", "ruled", "boxed") else 0.0
    tone = np.float32(light or rng.uniform(0.62, 0.95))
    sheet = np.full((h, w), tone, np.float32)
    sheet += np.float32(rng.uniform(0.002, 0.012)) * smooth_noise(shape, 2.0 * unit, rng)
    if kind == "guilloche":
        for _ in range(int(rng.choice([1, 2, 3], p=(0.5, 0.35, 0.15)))):
            sheet -= np.float32(rng.uniform(0.05, 0.26)) * tone * _waves(shape, rng, dpi)
    elif kind == "dots":
        y, x = np.mgrid[0:h, 0:w].astype(np.float32) / np.float32(unit)
        k = np.float32(2 * np.pi / rng.uniform(3.0, 8.0))
        turn = np.float32(rng.uniform(0, 0.8))
        wave = np.cos(k * (x + turn * y)) * np.cos(k * (y - turn * x))
        sheet -= np.float32(rng.uniform(0.04, 0.16)) * tone * (wave > 0.3)
    elif kind == "wash":
        for cell, depth in ((70, 0.10), (28, 0.05), (9, 0.02)):
            depth *= rng.uniform(0.3, 1.3)
            sheet -= np.float32(depth) * np.abs(smooth_noise(shape, cell * unit, rng))
        if rng.random() < 0.5:
            sheet -= np.float32(rng.uniform(0.02, 0.08)) * _waves(shape, rng, dpi)
    elif kind == "ruled":
        pitch = rng.uniform(45, 80) * unit
        for y in np.arange(rng.uniform(0, pitch), h, pitch).astype(int):
            sheet[y : y + max(round(unit * 1.5), 1)] *= np.float32(rng.uniform(0.3, 0.8))
    elif kind == "boxed":
        inset = rng.uniform(2, 8, 4) * unit
        frame(
            sheet,
            (inset[0], inset[1], w - inset[0] - inset[2], h - inset[1] - inset[3]),
            rng.uniform(1.5, 4) * unit,
            rng.uniform(0.1, 0.6),
        )
    return np.clip(sheet, 0, 1)


def rule(
    sheet: np.ndarray,
    start: tuple[float, float],
    stop: tuple[float, float],
    thick: float,
    tone: float,
) -> None:
    """Print a line from `start` to `stop` (x, y); `tone` 0 is black, 1 leaves the paper."""
    import cv2

    low = np.floor(np.minimum(start, stop) - thick - 1).astype(int)
    high = np.ceil(np.maximum(start, stop) + thick + 2).astype(int)
    low, high = np.maximum(low, 0), np.minimum(high, sheet.shape[::-1])
    if (high <= low).any():
        return
    mask = np.zeros((int(high[1] - low[1]) * 4, int(high[0] - low[0]) * 4), np.uint8)
    a, b = ((np.subtract(p, low) * 4 + 1.5) for p in (start, stop))
    wide = max(round(thick * 4), 1)
    cv2.line(
        mask,
        tuple(np.rint(a).astype(int).tolist()),
        tuple(np.rint(b).astype(int).tolist()),
        255,
        wide,
    )
    size = (mask.shape[1] // 4, mask.shape[0] // 4)
    cover = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) * np.float32(1 / 255)
    sheet[low[1] : high[1], low[0] : high[0]] *= 1 - cover * np.float32(1 - tone)


def frame(
    sheet: np.ndarray, box: tuple[float, float, float, float], thick: float, tone: float
) -> None:
    """Print the outline of `box` (x, y, w, h)."""
    x, y, w, h = box
    rule(sheet, (x, y), (x + w, y), thick, tone)
    rule(sheet, (x, y + h), (x + w, y + h), thick, tone)
    rule(sheet, (x, y), (x, y + h), thick, tone)
    rule(sheet, (x + w, y), (x + w, y + h), thick, tone)


def scan(
    sheet: np.ndarray,
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
    noise: float = 0.015,
    blur: float = 0.6,
    shade: float = 0.0,
    speckle: float = 0.0,
    jpeg: int = 0,
    bilevel: bool = False,
    turn: float = 0.0,
) -> np.ndarray:
    """Digitise a sheet.

    Parameters
    ----------
    sheet : numpy.ndarray
        float32 reflectance (H, W).
    rng : numpy.random.Generator
        Source of noise.
    scale : float
        Output pixels per sheet pixel.
    noise, blur, shade, speckle : float
        Deviation of the grey noise (0..1), optical blur in output pixels, strength of uneven
        light, specks per 10,000 pixels.
    jpeg : int
        JPEG quality, 0 for none.
    bilevel : bool
        Threshold against the local mean, as fax and check scanners do.
    turn : float
        Skew in degrees, anticlockwise.

    Returns
    -------
    numpy.ndarray
        uint8 (round(H * scale), round(W * scale)).
    """
    import cv2

    h, w = sheet.shape
    size = (max(round(w * scale), 1), max(round(h * scale), 1))
    if turn:
        move = cv2.getRotationMatrix2D((w / 2, h / 2), turn, 1.0)
        sheet = cv2.warpAffine(sheet, move, (w, h), borderMode=cv2.BORDER_REPLICATE)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(sheet, size, interpolation=way) if scale != 1 else sheet.copy()
    if blur > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    if shade:
        y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
        a, b, c = rng.normal(0, shade, 3).astype(np.float32)
        image *= 1 + a * x + b * y + c * x * y
    if speckle:
        count = rng.poisson(speckle * image.size / 1e4)
        ys, xs = rng.integers(size[1], size=count), rng.integers(size[0], size=count)
        image[ys, xs] = rng.random(count, dtype=np.float32)
    if noise:
        image += np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
    grey = np.clip(image * 255, 0, 255).astype(np.uint8)
    if jpeg:
        _, code = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, jpeg])
        grey = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    if bilevel:
        reach = min(max(round(min(size) / 3), 7), 45) | 1
        local = cv2.boxFilter(grey, cv2.CV_32F, (reach, reach))
        grey = np.where(grey < local * 0.82, 0, 255).astype(np.uint8)
    return grey


def strip(
    line: Line, rng: np.random.Generator, kind: str | None = None, *, clear: bool = False
) -> np.ndarray:
    """Return a cropped amount field as a scanner delivers it: uint8 grey, ink dark.

    Paper of any kind, rules and remnants of the frame, pen of any colour, blur, noise,
    specks, JPEG, sometimes two levels only, and 100 to 300 dots per inch: the output has 0.5
    to 1.5 times the size of `line.ink`. A `clear` strip has dark ink, grey levels and a good
    scanner.
    """
    h, w = line.ink.shape
    unit = line.height / 36
    shares = (0.2, 0.15, 0.32, 0.06, 0.13, 0.06, 0.08)
    kind = KINDS[int(rng.choice(len(KINDS), p=shares))] if kind is None else kind
    sheet = paper((h, w), rng, kind, 200 * unit)
    chance = rng.random(9)
    tone = float(rng.uniform(0.15, 0.6))
    thick = float(rng.uniform(1.0, 3.0)) * unit
    if chance[0] < 0.35:  # the rule people write on
        y = line.baseline[0] + rng.uniform(-0.05, 0.3) * line.height
        rule(sheet, (-2, y), (w + 2, y + rng.normal(0, 1.5)), thick, tone)
    if chance[1] < 0.3:  # one or two sides of the frame, near the border
        for _ in range(int(rng.integers(1, 3))):
            side, off = int(rng.integers(4)), rng.uniform(0, 0.18) * line.height
            x = off if side == 0 else w - 1 - off
            y = off if side == 2 else h - 1 - off
            if side < 2:
                rule(sheet, (x, -2), (x + rng.normal(0, 1), h + 2), thick, tone)
            else:
                rule(sheet, (-2, y), (w + 2, y + rng.normal(0, 1)), thick, tone)
    if chance[2] < 0.06:  # a printed band above or below
        edge = int(rng.integers(2, max(round(0.15 * line.height), 3)))
        band = sheet[:edge] if rng.random() < 0.5 else sheet[-edge:]
        band *= np.float32(rng.uniform(0.5, 0.8))
    faint = chance[3] > 0.8 and not clear
    dark = float(rng.uniform(0.35, 0.55)) if faint else float(rng.uniform(0.08, 0.35))
    sheet *= 1 - line.ink * np.float32(1 - dark)
    least = 0.85 if clear else 0.5
    scale = float(np.clip(np.exp(rng.normal(-0.1, 0.35)), least, 1.5)) / unit
    return scan(
        sheet,
        rng,
        scale=scale,
        noise=float(rng.uniform(0.002, 0.012 if clear else 0.035)),
        blur=float(rng.uniform(0.3, 1.0)) * min(scale * unit, 1.0) ** 0.5,
        shade=float(rng.uniform(0.02, 0.08)) if chance[4] < 0.3 else 0.0,
        speckle=float(rng.uniform(1, 12)) if chance[5] < 0.2 and not clear else 0.0,
        jpeg=int(rng.integers(35, 92)) if chance[6] < 0.45 else 0,
        bilevel=bool(chance[7] < 0.1) and not clear,
        turn=float(rng.normal(0, 0.8)) if chance[8] < 0.3 else 0.0,
    )
