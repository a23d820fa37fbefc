"""Draw the pictures of docs/reading.md: python docs/figures/reading.py [--curve | --gallery].

The learning curves come from the logs beside this file, what ``check-reader train --engine
sdnn`` tells of its parts. The gallery shows strips of our own stroke hands that are misread by
the shipped weights: the surest errors of both engines together, of seeds that nothing learned.
"""

import argparse
import re
from pathlib import Path

import cv2
import numpy as np

from lenet.canvas import Canvas, Point
from pipeline.handwriting import StrokeHand
from pipeline.papers import strip
from pipeline.recognition import Engine
from pipeline.synthesis import compose
from pipeline.texts import random_amount
from pipeline.views import meaning

HERE = Path(__file__).parent
PICTURES = HERE.parent / "pictures"
INK, SOFT, GRID = "#222222", "#777777", "#e6e3dc"
LOGS = {"strip": "#27588f", "strip-wide": "#b4541f"}  # networks and the colours of their curves
SEED, SHOWN, ROW, COLUMNS = 991, 12, 56, 3
TILE, CAPTION = 300, 20  # pixels


def curves(file: Path) -> None:
    """Draw the two columns of the training logs, one panel each."""
    tables = []
    for name in LOGS:
        text = (HERE / f"{name}-training.log").read_text()
        rows = re.findall(r"part +(\d+) of (\d+) +energy +([\d.]+).* ([\d.]+)%", text)
        tables.append(np.array([[float(value) for value in row] for row in rows]))
    table = np.concatenate(tables)
    sheet = Canvas(700, 300)
    panels = (
        (60.0, "energy of the lines learned", 2, "{:g}"),
        (400.0, "held-out lines misread", 3, "{:g} %"),
    )
    for left, title, column, form in panels:
        top = float(np.ceil(table[:, column].max() / 10 + 0.001) * 10)

        def place(part: float, value: float, left: float = left, top: float = top) -> Point:
            return left + 260 * part / table[0, 1], 240 - 180 * value / top

        sheet.text((left, 30), title, 13, INK, "left")
        for k in range(5):
            height = place(0, top * k / 4)
            sheet.path([height, place(table[0, 1], top * k / 4)], GRID, 0.8)
            sheet.text((left - 6, height[1]), form.format(top * k / 4), 10, SOFT, "right")
            x, y = place(table[0, 1] * k / 4, 0)
            sheet.text((x, y + 14), f"{table[0, 1] * k / 4:g}", 10, SOFT)
        for k, ((name, colour), rows) in enumerate(zip(LOGS.items(), tables, strict=True)):
            sheet.path([place(row[0], row[column]) for row in rows], colour, 1.8)
            sheet.text((left + 258, 66 + 15 * k), name, 11, colour, "right")
        sheet.text((left + 130, 276), "parts of the training", 11, SOFT)
    sheet.save(file)


def misread(count: int) -> tuple[list[tuple[float, np.ndarray, str, str]], int]:
    """Read `count` strips; return (confidence, image, text, guess) of the misread.

    The surest come first; the number is that of all misread.
    """
    engine, found = Engine.load(), []
    for k in range(count):
        rng = np.random.default_rng([SEED, k])
        text = random_amount(rng)
        image = strip(compose(text, StrokeHand(rng), rng), rng)
        decoded = engine.decode(image)
        guess = decoded.n_best[0][0] if decoded.n_best else ""
        if guess and meaning("amount", guess) != meaning("amount", text.replace("$ ", "$")):
            found.append((decoded.confidence, image, text, guess))
    return sorted(found, key=lambda case: -case[0]), len(found)


def gallery(count: int, file: Path) -> None:
    """Draw the surest errors, their text and what was read below them; 16 greys."""
    cases, wrong = misread(count)
    tiles = []
    for sure, image, text, guess in cases[:SHOWN]:
        scale = min(ROW / image.shape[0], (TILE - 12) / image.shape[1])
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        tile = np.full((ROW + CAPTION + 8, TILE), 255, np.uint8)
        tile[4 : 4 + size[1], 4 : 4 + size[0]] = small
        told = f"{text} read as {guess} ({sure:.2f})"
        at = 4, ROW + CAPTION
        cv2.putText(tile, told, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 0, 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[k : k + COLUMNS]) for k in range(0, len(tiles), COLUMNS)]
    sheet = np.vstack(rows) // 17 * 17
    cv2.imwrite(str(file), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{file.name}: {wrong} of {count} misread, {file.stat().st_size:,} bytes")


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curve", action="store_true", help="the learning curve alone")
    parser.add_argument("--gallery", action="store_true", help="the gallery alone")
    parser.add_argument("--count", type=int, default=400, help="strips read for the gallery")
    args = parser.parse_args()
    if args.curve or not args.gallery:
        curves(PICTURES / "strip-learning.svg")
    if args.gallery or not args.curve:
        gallery(args.count, PICTURES / "misread.png")


if __name__ == "__main__":
    main()
