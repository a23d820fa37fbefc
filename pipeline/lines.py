"""The lines a network of strips learns from, normalised as the reader does it.

Kinds by their shares: lines cleaned cheaply (`written`), the same on paper through the whole of
`normalize`, strings of MNIST digits on grey, noisy paper, telephone numbers in calm and wild
hands of our own, in any hand, or under the camera of the film, and what says nothing: words,
scribbles, noise.
"""

from dataclasses import replace

import numpy as np

from pipeline import film
from pipeline.allographs import LETTERS
from pipeline.handwriting import Sources, StrokeHand, random_hand
from pipeline.normalization import Writing, finish, normalize
from pipeline.papers import strip
from pipeline.pens import tight
from pipeline.printing import print_text
from pipeline.synthesis import Line, cleaned, compose, random_style, varied_style
from pipeline.texts import random_amount, random_digits, random_phone

MIXES = {  # what is written: the shares of its kinds
    "all": {"clean": 0.34, "paper": 0.17, "digits": 0.4, "phone": 0.07, "nothing": 0.02},
    "phone": {"film": 0.55, "phone": 0.25, "number": 0.17, "nothing": 0.03},
}
FIRST_HAND = 2**30  # hands of the film from here on are learned from, those before are not
PRINTED = 0.35  # share of amounts behind a printed money mark
TOUCHING = 0.55  # share of the strings of MNIST digits that overlap throughout


def random_writing(
    rng: np.random.Generator, sources: Sources, mix: str = "all"
) -> tuple[Writing | None, str]:
    """Write a line of one of `MIXES`; what is returned is that of `writing_of`."""
    kinds = MIXES[mix]
    kind = tuple(kinds)[int(rng.choice(len(kinds), p=tuple(kinds.values())))]
    return writing_of(rng, sources, kind)


def writing_of(
    rng: np.random.Generator, sources: Sources, kind: str
) -> tuple[Writing | None, str]:
    """Write a line of a kind; return it normalised, and its text.

    None for a line of which normalisation leaves nothing.
    """
    if kind == "digits" and sources.mnist:
        image, text = random_string(rng, sources)
        return normalize(image), text
    if kind == "nothing":
        return normalize(random_nothing(rng)), ""
    if kind == "film":
        text = random_phone(rng)
        hand = int(rng.integers(FIRST_HAND, 2**40))
        return normalize(film.take(film.written(text, hand, "phone")).image), text
    if kind in ("paper", "phone", "number"):
        image, text = random_field(rng, sources, kind)
        return normalize(image), text
    ink, _, text = written(rng, sources)
    return finish(ink), text


def written(rng: np.random.Generator, sources: Sources) -> tuple[np.ndarray, np.ndarray, str]:
    """Write a line as it looks after cleaning; return (ink, owner, text)."""
    kind = rng.random()
    if kind < 0.45:
        text = random_amount(rng)
    elif kind < 0.55:
        text = random_phone(rng)
    else:
        text = random_digits(rng, 2, 9)
    while True:
        try:
            hand = random_hand(rng, sources)
            line = compose(text, hand, rng, varied_style(rng, hand))
        except KeyError:  # a hand that lacks one of the symbols
            continue
        ink, owner = cleaned(line, rng), line.owner
        if kind < 0.45 and text[0] != "$" and rng.random() < PRINTED:
            ink, owner, text = printed_mark(ink, owner, text, line, rng)
        return ink, owner, text


def printed_mark(
    ink: np.ndarray, owner: np.ndarray, text: str, line: Line, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, str]:
    """Print the money mark of a form to the left of a written amount."""
    size = line.height * rng.uniform(0.55, 1.15)
    width = round(1.1 * size + rng.uniform(0.1, 1.5) * line.height)
    sheet = np.ones((ink.shape[0], width), np.float32)
    base = line.baseline[0] + rng.uniform(-0.25, 0.15) * line.height
    print_text(sheet, "$", (rng.uniform(1, 5), base), size, 0.0, rng.uniform(0.08, 0.2))
    mark = (1 - sheet) * np.float32(rng.uniform(0.7, 1.0))
    shifted = np.where(owner >= 0, owner + 1, -1).astype(owner.dtype)
    theirs = np.where(mark > 0.06, 0, -1).astype(owner.dtype)
    return np.hstack([mark, ink]), np.hstack([theirs, shifted]), "$" + text


def random_field(
    rng: np.random.Generator, sources: Sources, kind: str
) -> tuple[np.ndarray, str]:
    """Return a field on paper (uint8, ink dark) and its text.

    ``paper``: amounts and digits; ``number``: a telephone number, too, in any hand; ``phone``:
    that in one of ours.
    """
    while True:
        if kind == "phone":
            text = random_phone(rng)
            hand = StrokeHand(rng, float(rng.random() < 0.4), float(rng.uniform(0.4, 1.2)))
            style = random_style(rng, hand, float(rng.uniform(32, 56)))
            style = replace(style, margin=float(rng.uniform(0.1, 1.1)))
        else:
            if kind == "number":
                text = random_phone(rng)
            else:
                text = random_amount(rng) if rng.random() < 0.75 else random_digits(rng, 2, 9)
            hand = random_hand(rng, sources)
            style = varied_style(rng, hand)
        try:
            line = compose(text, hand, rng, style)
        except KeyError:  # a hand that lacks one of the symbols
            continue
        plain = kind == "phone" and rng.random() < 0.8
        return strip(line, rng, "plain" if plain else None, clear=plain), text


def random_nothing(rng: np.random.Generator) -> np.ndarray:
    """Return an image uint8 on which no digit stands: a word, a scribble, or noise."""
    import cv2

    kind = rng.random()
    if kind < 0.55:
        word = "".join(rng.choice(list(LETTERS), int(rng.integers(2, 11))))
        hand = StrokeHand(rng)
        return strip(compose(word, hand, rng, varied_style(rng, hand)), rng)
    rows, columns = int(rng.integers(40, 130)), int(rng.integers(100, 700))
    sheet = np.full((rows, columns), rng.uniform(120, 255), np.float32)
    if kind < 0.85:
        count = int(rng.integers(3, 60))
        steps = rng.normal(0, 1, (count, 2)) * (columns / 12, rows / 5)
        path = np.cumsum(steps, axis=0) % (columns, rows)
        if rng.random() < 0.5:
            path = rng.random((count, 2)) * (columns, rows)
        points = np.rint(8 * path).astype(np.int32).reshape(-1, 1, 2)
        closed, thick = bool(rng.random() < 0.2), int(rng.integers(1, 6))
        cv2.polylines(sheet, [points], closed, rng.uniform(0, 90), thick, cv2.LINE_AA, 3)
    size = rng.uniform(0.3, 3)
    noise = cv2.GaussianBlur(rng.standard_normal(sheet.shape), (0, 0), size) * size * 3
    sheet += np.float32(rng.uniform(0, 25)) * noise.astype(np.float32)
    return np.clip(np.rint(sheet), 0, 255).astype(np.uint8)


def random_string(rng: np.random.Generator, sources: Sources) -> tuple[np.ndarray, str]:
    """Return a string of 2 to 10 MNIST digits on grey paper (uint8) and its text.

    By one writer, or each digit by another; sizes, shears, overlaps, baselines, noise and
    rules grow with a hardness drawn from 0 to 1. In `TOUCHING` of them every digit overlaps
    the next.
    """
    import cv2

    hard = float(rng.random()) ** 0.7
    text = random_digits(rng, 2, 10)
    writers = sources.mnist
    one = writers[int(rng.integers(len(writers)))] if rng.random() < 0.4 else None
    size = float(rng.uniform(0.9, 1.5))
    low = -6 if hard > 0.8 else round(2 - 7 * hard)
    touching = rng.random() < TOUCHING
    if touching:
        hard = min(hard, 0.75)
    glyphs, x = [], 8.0
    slope = float(rng.uniform(-0.07, 0.07)) * hard
    for symbol in text:
        known = (one or writers[int(rng.integers(len(writers)))])[symbol]
        image = known[int(rng.integers(len(known)))]
        grow = size * float(rng.uniform(1 - 0.17 * hard, 1 + 0.17 * hard))
        shear = float(rng.uniform(-0.22, 0.22)) * hard
        side = round(34 * size)
        move = np.array([[grow, shear, 0], [0, grow, 0]], np.float64)
        move[:, 2] = side / 2 - move[:, :2] @ (13.5, 13.5)
        image = cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_LINEAR)
        ink, _, top = tight(image.astype(np.float32), 0, 0, 40)
        glyphs.append((ink, round(x), top))
        gap = rng.uniform(-6.5, -1.5) if touching else rng.integers(low, low + 10)
        x += ink.shape[1] + float(gap) * size
        x = max(x, 0.0)
    rows, columns = round(52 * size), round(max(g[1] + g[0].shape[1] for g in glyphs) + 8)
    sheet = np.zeros((rows, columns), np.float32)
    for ink, left, top in glyphs:
        drop = 9 * size + slope * (left - columns / 2) + rng.uniform(-1.2, 1.2) * hard
        y = int(np.clip(top + round(drop), 0, rows - ink.shape[0]))
        part = sheet[y : y + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(part, ink, out=part)
    if hard > 0.6 and rng.random() < 0.3:
        row, thick = int(rng.integers(rows - 3)), int(rng.integers(1, 4))
        part = sheet[row : row + thick]
        np.maximum(part, rng.uniform(70, 220), out=part)
    if rng.random() < 0.2:  # another pen
        pen = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(
            sheet, np.ones((2, 2), np.uint8)
        )
        share = float(rng.uniform(0.3, 0.8))
        sheet = (1 - share) * sheet + share * pen
    paper = rng.uniform(165, 255) if hard > 0.5 else 255.0
    grey = paper + (rng.uniform(0, 60) - paper) * sheet / 255
    grey += rng.standard_normal(grey.shape) * rng.uniform(0, 16) * hard
    if hard > 0.6:
        spots = rng.random(grey.shape)
        share = rng.uniform(0, 0.012)
        grey[spots < share] = 0
        grey[spots > 1 - share] = 255
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8), text
