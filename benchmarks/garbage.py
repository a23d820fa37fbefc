"""Images without an amount, and how many are read all the same: python -m benchmarks.garbage.

Noise, words of letters, scribbles, blank paper and textures in equal parts, all drawn here from
a seed that nothing was trained on, and read as a user's images are: the whole road, at the
default threshold, grammar of amounts and of digits in turn.
"""

import argparse
from collections import Counter

import cv2
import numpy as np

from pipeline.allographs import LETTERS
from pipeline.handwriting import StrokeHand
from pipeline.papers import KINDS as PAPERS
from pipeline.papers import paper, scan
from pipeline.reader import CheckReader
from pipeline.synthesis import Style, compose

KINDS = ("noise", "letters", "scribbles", "blank", "textures")
GRAMMARS = ("amount", "digits")


def sheet(rng: np.random.Generator, kind: str | None = None) -> np.ndarray:
    """Return paper (rows, columns) float32, 1 white, of the size of an amount field."""
    shape = int(rng.integers(48, 110)), int(rng.integers(160, 520))
    return paper(shape, rng, kind or "plain")


def scribbled(rng: np.random.Generator) -> np.ndarray:
    """Return paper with one to four curves that are no writing: loops, spirals, zigzags."""
    page = sheet(rng)
    rows, columns = page.shape
    for _ in range(int(rng.integers(1, 5))):
        t = np.linspace(0, 1, 240)
        turns = rng.uniform(2, 40) * t
        kind = int(rng.integers(3))
        grow = t if kind == 1 else np.ones_like(t)
        x = rng.uniform(0.1, 0.9) + rng.uniform(0.05, 0.4) * grow * np.cos(turns)
        y = rng.uniform(0.3, 0.7) + rng.uniform(0.1, 0.5) * grow * np.sin(turns)
        x += (0 if kind == 1 else rng.uniform(-0.7, 0.7)) * (t - 0.5)
        if kind == 2:
            y = 0.5 + 0.45 * (2 * np.abs(turns / np.pi % 2 - 1) - 1)
        path = np.rint(np.stack([8 * x * columns, 8 * y * rows], axis=1)).astype(np.int32)
        ink = np.zeros(page.shape, np.uint8)
        thick = int(rng.integers(1, 5))
        cv2.polylines(ink, [path.reshape(-1, 1, 2)], False, 255, thick, cv2.LINE_AA, 3)
        page *= 1 - ink / np.float32(255) * np.float32(rng.uniform(0.5, 0.9))
    return page


def noisy(rng: np.random.Generator) -> np.ndarray:
    """Return noise, fine to coarse, or specks."""
    page = sheet(rng)
    if rng.random() < 0.3:
        return np.where(rng.random(page.shape) < rng.uniform(0.002, 0.2), 0.1, page)
    noise = rng.standard_normal(page.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), float(np.exp(rng.uniform(-1.5, 2.3))))
    return np.clip(0.6 + noise / noise.std() * rng.uniform(0.05, 0.35), 0, 1)


def draw(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return an image uint8 on which no digit was written."""
    if kind == "letters":
        word = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 10))))
        ink = compose(word, StrokeHand(rng), rng, Style()).ink
        page = paper(ink.shape, rng, "plain") * (1 - ink * np.float32(rng.uniform(0.6, 0.9)))
    elif kind == "textures":
        page = sheet(rng, str(rng.choice(PAPERS)))
    else:
        page = {"noise": noisy, "scribbles": scribbled, "blank": sheet}[kind](rng)
    return scan(page.astype(np.float32), rng, noise=float(rng.uniform(0.002, 0.03)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=77_001)
    parser.add_argument("--count", type=int, default=2000, help="images, of all kinds together")
    parser.add_argument("--engine", default="both", choices=("hos", "sdnn", "both"))
    parser.add_argument("--save", help="write the images that were read to a folder")
    args = parser.parse_args()
    first = CheckReader(grammar=GRAMMARS[0], engine=args.engine)
    readers = [first, *(CheckReader(grammar=g, engine=first.engine) for g in GRAMMARS[1:])]
    each = max(1, args.count // len(KINDS))
    print(f"seed {args.seed}, threshold {first.threshold:g}")
    total = 0
    for n, kind in enumerate(KINDS):
        reasons: Counter[str] = Counter()
        for k in range(each):
            image = draw(kind, np.random.default_rng([args.seed, n, k]))
            reading = readers[k % len(readers)].read(image)
            reasons[reading.reason or "READ"] += 1
            if reading and args.save:
                cv2.imwrite(f"{args.save}/{kind}-{k:04}-{reading.text}.png", image)
        total += reasons["READ"]
        told = ", ".join(f"{name} {n}" for name, n in reasons.most_common() if name != "READ")
        print(f"{kind:<10}{each:>6} images {reasons['READ']:>4} read  ({told})")
    count = each * len(KINDS)
    print(f"{'all':<10}{count:>6} images {total:>4} read, {total / count:.2%}")


if __name__ == "__main__":
    main()
