"""Whole strings of MNIST test digits in four tiers: python -m benchmarks.strings [--seed N].

Every source digit is used once. Clean: gaps of 2 to 9 pixels. Medium: gaps of -1 to 7, size and
shear vary, light noise. Hard: gaps of -4 to 5, sloping baseline, grey paper, gaussian and
salt-and-pepper noise, a rule in a quarter of the images. Touching: as medium, every digit
overlaps the next by 2 to 6 pixels. Digits of one string come from different writers. On a set
made by the same recipe (without the last tier) Tesseract 5.3 reads 6 %, connected components
with an MNIST network 49 %, quick sketches of over-segmentation 76 %.

``--engine each`` reads by cut characters alone, by whole lines alone, and by both.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.reading import HEADER, best, default_threshold, read_all, report
from lenet.data import mnist
from pipeline.recognition import WEIGHTS, Engine

TIERS = {"clean": (2, 9), "medium": (-1, 7), "hard": (-4, 5), "touching": (-6, -2)}
THREE = ("clean", "medium", "hard")  # those of the published comparison
MODES = ("hos", "sdnn", "both")


def glyph(image: np.ndarray, tier: str, rng: np.random.Generator) -> np.ndarray:
    """Return a digit's ink, cropped to its columns, varied as the tier wants."""
    if tier != "clean":
        size, shear = rng.uniform(0.85, 1.15), rng.uniform(-0.2, 0.2)
        middle = 14.0
        move = np.array([[size, shear, 0], [0, size, 0]], np.float64)
        move[:, 2] = [middle - size * middle - shear * middle, middle - size * middle]
        image = cv2.warpAffine(image, move, (28, 28), flags=cv2.INTER_LINEAR)
    columns = np.flatnonzero(image.max(axis=0) > 40)
    return image[:, columns[0] : columns[-1] + 1].astype(np.float32)


def compose(images: np.ndarray, tier: str, rng: np.random.Generator) -> np.ndarray:
    """Return a grey image uint8 of the digits written side by side, dark on light."""
    low, high = TIERS[tier]
    glyphs = [glyph(image, tier, rng) for image in images]
    gaps = rng.integers(low, high + 1, len(glyphs))
    slope = rng.uniform(-0.06, 0.06) if tier == "hard" else 0.0
    width = 16 + sum(g.shape[1] for g in glyphs) + int(np.maximum(gaps, 0).sum())
    ink = np.zeros((28 + 24, width), np.float32)
    x = 8
    for g, gap in zip(glyphs, gaps, strict=True):
        y = 12 + (round(slope * (x - width / 2)) if tier == "hard" else 0)
        y = int(np.clip(y + (rng.integers(-1, 2) if tier != "clean" else 0), 0, 24))
        part = ink[y : y + 28, x : x + g.shape[1]]
        np.maximum(part, g[:, : part.shape[1]], out=part)
        x = max(0, x + g.shape[1] + int(gap))
    ink = ink[:, : x + 8]
    paper = np.full(ink.shape, 255.0, np.float32)
    if tier == "hard":
        paper[:] = rng.uniform(170, 230)
        if rng.random() < 0.25:
            row = int(rng.integers(8, 46))
            ink[row : row + int(rng.integers(1, 3))] = np.maximum(
                ink[row : row + 1], rng.uniform(90, 200)
            )
    grey = paper * (1 - ink / 255) + 20 * ink / 255
    if tier != "clean":
        grey += rng.normal(0, 14 if tier == "hard" else 6, grey.shape)
    if tier == "hard":
        spots = rng.random(grey.shape)
        grey[spots < 0.01] = 0
        grey[spots > 0.99] = 255
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def strings(
    images: np.ndarray, labels: np.ndarray, seed: int, count: int
) -> dict[str, tuple[list[np.ndarray], list[str]]]:
    """Return `count` strings of 4 to 10 digits per tier: images and what they say."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    result, at = {}, 0
    for tier in TIERS:
        pictures, texts = [], []
        for _ in range(count):
            chosen = order[at : at + int(rng.integers(4, 11))]
            at += len(chosen)
            pictures.append(compose(images[chosen], tier, rng))
            texts.append("".join(str(d) for d in labels[chosen]))
        result[tier] = pictures, texts
    if at > len(order):
        raise SystemExit("strings: more digits wanted than there are; lower --count")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1998)
    parser.add_argument("--count", type=int, default=100, help="strings per tier")
    parser.add_argument("--part", default="test", help="test, or train for tuning")
    parser.add_argument("--show", type=int, default=0, help="print the first N errors of each")
    parser.add_argument("--save", type=Path, help="write the images to a folder")
    parser.add_argument("--engine", default="both", choices=(*MODES, "each"))
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="a folder of weights")
    args = parser.parse_args()
    images, labels = mnist(args.part)
    tiers = strings(images, labels, args.seed, args.count)
    print(f"seed {args.seed}, {args.count} strings per tier, MNIST {args.part} digits")
    for tier, (pictures, texts) in tiers.items() if args.save else ():
        args.save.mkdir(parents=True, exist_ok=True)
        for k, picture in enumerate(pictures):
            cv2.imwrite(str(args.save / f"{tier}-{k:03}-{texts[k]}.png"), picture)
    for mode in MODES if args.engine == "each" else (args.engine,):
        print(f"\nengine {mode}\n{HEADER}")
        measure(Engine.load(mode, args.weights), tiers, args.show)


def measure(
    engine: Engine, tiers: dict[str, tuple[list[np.ndarray], list[str]]], show: int
) -> None:
    """Print how the tiers are read, and the first `show` errors of each."""
    threshold = default_threshold(engine, "digits")
    decoded, times = {}, []
    for tier, (pictures, texts) in tiers.items():
        decoded[tier], seconds = read_all(engine, pictures, "digits")
        times.append(seconds)
        right = report(tier, decoded[tier], texts, threshold)
        for k in np.flatnonzero(~right)[:show]:
            found = decoded[tier][k]
            print(f"    {texts[k]} read as {best(found)} ({found.confidence:.3f})")
    for name, chosen in (("clean to hard", THREE), ("all", tuple(tiers))):
        everything = [d for tier in chosen for d in decoded[tier]]
        report(name, everything, [t for tier in chosen for t in tiers[tier][1]], threshold)
    print(f"threshold {threshold:g}, {1000 * np.mean(times):.1f} ms an image")


if __name__ == "__main__":
    main()
