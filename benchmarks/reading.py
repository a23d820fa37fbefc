"""What the reading benchmarks share: reading a list of images, and the table of results."""

import time
from collections.abc import Sequence

import numpy as np

from pipeline.reader import CheckReader
from pipeline.recognition import Decoded, Engine


def digits_of(text: str) -> str:
    """Return the digits of a string, marks dropped."""
    return "".join(c for c in text if c.isdigit())


def read_all(
    engine: Engine, images: Sequence[np.ndarray], grammar: str
) -> tuple[list[Decoded], float]:
    """Read images one after the other; return what was found and the seconds per image."""
    engine.decode(images[0], grammar)
    start = time.perf_counter()
    found = [engine.decode(image, grammar) for image in images]
    return found, (time.perf_counter() - start) / len(images)


def best(decoded: Decoded) -> str:
    """Return the digits of the best string, whatever its confidence."""
    return digits_of(decoded.n_best[0][0]) if decoded.n_best else ""


def read_at(wrong: float, confidences: np.ndarray, right: np.ndarray) -> float:
    """Return the greatest share of all images that can be read with at most `wrong` of those
    read being wrong, the threshold chosen on the same images.
    """
    order = np.argsort(-confidences, kind="stable")
    order = order[confidences[order] > 0]  # the rest is rejected at any threshold
    errors = np.cumsum(~right[order])
    read = np.arange(1, len(order) + 1)
    fine = np.flatnonzero(errors <= wrong * read)
    return float(read[fine[-1]] / len(confidences)) if len(fine) else 0.0


def default_threshold(engine: Engine, grammar: str) -> float:
    """Return the confidence that a read needs where nobody chose one."""
    return CheckReader(engine=engine, grammar=grammar).threshold


def report(
    name: str, decoded: Sequence[Decoded], truths: Sequence[str], threshold: float
) -> np.ndarray:
    """Print one row of the table; return which strings are right (n,) bool.

    The last three columns are of the reads at `threshold`: their share, how many of them are
    wrong, and how many have a wrong number of digits.
    """
    texts = [best(d) for d in decoded]
    right = np.array([a == b for a, b in zip(texts, truths, strict=True)])
    length = np.mean([len(a) == len(b) for a, b in zip(texts, truths, strict=True)])
    sure = np.array([d.confidence if d.reason is None else 0.0 for d in decoded])
    reads = sure >= threshold
    wrong = reads & ~right
    short = wrong & (np.array([len(a) for a in texts]) != [len(b) for b in truths])
    spread = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / len(right))
    print(
        f"{name:<24}{len(right):>6}{right.mean():>9.1%} ± {spread:<6.1%}{length:>9.1%}"
        f"{read_at(0.01, sure, right):>14.1%}{read_at(0.02, sure, right):>10.1%}"
        f"{reads.mean():>9.1%}{wrong.sum():>7}{short.sum():>8}"
    )
    return right


HEADER = f"{'set':<24}{'n':>6}{'right':>9}   {'95 %':<6}{'length':>9}"
HEADER += f"{'read@1%wrong':>14}{'@2%wrong':>10}{'read':>9}{'wrong':>7}{'length':>8}"
