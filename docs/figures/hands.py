"""Draw the pictures of hands and lines in docs/synthesis.md: python docs/figures/hands.py.

``forms.png`` shows every form of every digit unbent, ``learned.png`` lines of our own hands, of
each kind, as a network of strips sees them.
"""

from pathlib import Path

import cv2
import numpy as np

from pipeline.handwriting import StrokeHand, _Habit, _models, load_sources
from pipeline.lines import MIXES, writing_of
from pipeline.pens import Pen, Script
from pipeline.sdnn import strip_of

PICTURES = Path(__file__).parent.parent / "pictures"
CELL = (50, 46)  # columns and rows of a form
ROWS, COLUMNS, WIDE = 3, 4, 240  # lines of a kind, and their room


def forms() -> np.ndarray:
    """Return all forms of the digits, one row for each digit, uint8."""
    hand = StrokeHand(np.random.default_rng(1), 0.5, 0.0)
    most = max(len(_models(digit)) for digit in "0123456789")
    sheet = np.full((10 * CELL[1], most * CELL[0]), 255, np.uint8)
    for row, digit in enumerate("0123456789"):
        for column, model in enumerate(_models(digit)):
            hand._habits[digit] = [_Habit(1.0, model, model.points, 1.0, 0.0)]
            script = Script(34.0, 0.0, 1.0, Pen(0.075))
            ink = hand.glyph(digit, np.random.default_rng(2), script).ink
            ink = ink[: CELL[1] - 2, : CELL[0] - 2]
            y, x = row * CELL[1] + 2, column * CELL[0] + (CELL[0] - ink.shape[1]) // 2
            sheet[y : y + ink.shape[0], x : x + ink.shape[1]] = 255 - np.rint(255 * ink)
    return sheet


def learned() -> np.ndarray:
    """Return lines as the network sees them, three rows of each kind, uint8."""
    sources = load_sources(None)
    rng = np.random.default_rng(12)
    rows = []
    for kind in (kind for kind in MIXES["all"] if kind != "digits"):
        for _ in range(ROWS):
            row = []
            while len(row) < COLUMNS:
                writing, _ = writing_of(rng, sources, kind)
                strip = None if writing is None else strip_of(writing)
                if strip is not None and strip.shape[1] <= WIDE:
                    white = ((2, 2), (0, WIDE - strip.shape[1]))
                    row.append(np.pad(strip, white))
            rows.append(np.hstack(row))
    return 255 - np.rint(255 * np.vstack(rows)).astype(np.uint8)


def main() -> None:
    """Draw both pictures."""
    for name, sheet in (("forms", forms()), ("learned", learned())):
        cv2.imwrite(str(PICTURES / f"{name}.png"), sheet)


if __name__ == "__main__":
    main()
