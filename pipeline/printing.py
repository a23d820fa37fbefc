"""Printed matter of a check, drawn without any font: block letters and magnetic figures.

Letters are strokes on a grid of 4 x 6, figures of the code line are cells of 7 x 9, after the
look of E-13B; nothing here is meant to pass a machine's inspection.
"""

import numpy as np

from pipeline.kernels_ink import ink_strokes

# Two digits are a point: column 0..4, row 0 (top) .. 6 (baseline); `|` lifts the pen.
BLOCK = {
    "A": "06 20 46|14 34",
    "B": "00 06 36 45 44 33 03|00 30 41 42 33",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 06 26 44 42 20 00",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06|40 46|03 43",
    "I": "20 26",
    "J": "40 45 36 16 05",
    "K": "00 06|40 03|13 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 30 41 45 36 16 05 01 10|24 46",
    "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
    "0": "10 30 41 45 36 16 05 01 10",
    "1": "11 20 26|16 36",
    "2": "01 10 30 41 42 06 46",
    "3": "00 40 23 33 44 45 36 16 05",
    "4": "36 30 04 44",
    "5": "40 00 03 33 44 45 36 16 05",
    "6": "30 10 01 05 16 36 45 44 33 03",
    "7": "00 40 16",
    "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
    "9": "43 13 02 01 10 30 41 45 36 16",
    "$": "41 30 10 01 02 13 33 44 45 36 16 05|20 26",
    ".": "16 16",
    ",": "26 17",
    ":": "22 22|26 26",
    "-": "13 33",
    "/": "40 06",
    "&": "46 11 10 20 21 04 05 16 26 44",
    "#": "10 16|30 36|02 42|04 44",
    "*": "21 25|02 44|42 04",
    "(": "20 11 15 26",
    ")": "20 31 35 26",
    "'": "20 21",
}

# Rectangles x, y, w, h on the 7 x 9 cells of a figure of the code line; T is the transit mark,
# U on us, A amount, - the dash.
MAGNETIC = {
    "0": "0071 0871 0019 6019",
    "1": "1021 2019 1851 4524",
    "2": "2041 5015 2441 2415 2841",
    "3": "1041 4019 1441 1851 4425",
    "4": "1016 1551 4326",
    "5": "1041 1015 1451 5415 1851",
    "6": "0019 0021 0461 5415 0861",
    "7": "0013 0061 5015 3431 3415",
    "8": "1051 1015 5015 0471 0425 5425 0871",
    "9": "0061 0015 5019 0461 4524",
    "T": "0019 4023 4623",
    "U": "0216 2216 4533",
    "A": "0523 3117 5123",
    "-": "0313 3313 6313",
}


def magnetic(symbol: str) -> list[tuple[int, int, int, int]]:
    """Return the rectangles (x, y, width, height) of a figure of the code line, in cells."""
    return [tuple(map(int, code)) for code in MAGNETIC[symbol].split()]


def text_width(text: str, size: float) -> float:
    """Return the width in pixels of `text` printed with capitals `size` pixels high."""
    return len(text) * size * 0.92


def print_text(
    sheet: np.ndarray,
    text: str,
    at: tuple[float, float],
    size: float,
    tone: float = 0.2,
    weight: float = 0.14,
) -> None:
    """Print capitals onto `sheet`.

    Parameters
    ----------
    sheet : numpy.ndarray
        float32 reflectance, changed in place.
    text : str
        Capitals, digits and a few marks; anything else becomes a gap.
    at : tuple of float
        Left end of the baseline (x, y) in pixels.
    size, weight : float
        Height of the capitals in pixels; line width in heights.
    tone : float
        Reflectance of the ink.
    """
    pieces: list[np.ndarray] = []
    for i, symbol in enumerate(text.upper()):
        for stroke in BLOCK.get(symbol, "").split("|"):
            if not stroke:
                continue
            grid = np.array([(int(p[0]), int(p[1])) for p in stroke.split()], float)
            x = at[0] + (i * 0.92 + grid[:, 0] * 0.16) * size
            y = at[1] - (6 - grid[:, 1]) / 6 * size
            pieces.append(np.stack([x, y], axis=1))
    if not pieces:
        return
    points = np.concatenate(pieces)
    cuts = np.cumsum([0, *map(len, pieces)])
    radius = np.full(len(points), max(0.5 * weight * size, 0.45))
    _ink(sheet, points, cuts, radius, tone)


def _ink(
    sheet: np.ndarray, points: np.ndarray, cuts: np.ndarray, radius: np.ndarray, tone: float
) -> None:
    """Multiply the ink of these strokes into the part of `sheet` they touch."""
    low = np.maximum(np.floor(points.min(axis=0) - 4).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0) + 5).astype(int), sheet.shape[::-1])
    if (high <= low).any():
        return
    ink = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    ink_strokes(ink, points - low, cuts.astype(np.int64), radius, 1.0)
    sheet[low[1] : high[1], low[0] : high[0]] *= 1 - ink * np.float32(1 - tone)


def print_code(
    sheet: np.ndarray, text: str, at: tuple[float, float], dpi: float, tone: float = 0.12
) -> None:
    """Print the code line: digits and marks of `MAGNETIC`, 8 to the inch, baseline at `at`."""
    cell, pitch = 0.013 * dpi, 0.125 * dpi
    for i, symbol in enumerate(text):
        if symbol == " ":
            continue
        for x, y, w, h in magnetic(symbol):
            left = round(at[0] + i * pitch + x * cell)
            top = round(at[1] - (9 - y) * cell)
            right, bottom = left + max(round(w * cell), 1), top + max(round(h * cell), 1)
            part = sheet[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            np.minimum(part, np.float32(tone), out=part)
