"""Training the character recognizer on its own cuts.

Expect (see `lenet/weights`): about nine candidates of ten named rightly, wrong cuts included.
Lines are written by synthetic hands, segmented by the reader's own segmenter, and every
candidate character gets the name of the symbol it holds, or *rubbish* when it holds less or
more than one. That is how a wrong cut learns to be expensive.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.normalization import finish
from pipeline.segmentation import Segmentation, segment

SYMBOLS = "0123456789$,.-/*x=#()"
RUBBISH = len(SYMBOLS)
CERTAIN, DOUBTFUL = 0.87, 0.72  # shares of ink that make a candidate a symbol, or rubbish


@dataclass(frozen=True, slots=True)
class Candidates:
    """Labelled candidate characters: images uint8 (n, 32, 32) 0...255, labels uint8 (n,)."""

    images: np.ndarray
    labels: np.ndarray


def label_candidates(
    found: Segmentation, owner: np.ndarray, text: str, ink: np.ndarray
) -> np.ndarray:
    """Return the class (n,) of every candidate: a symbol, rubbish, or -1 where it is doubtful.

    owner int (rows, columns): which character of `text` every pixel of `ink` belongs to, -1
    for none.
    """
    count = int(found.pieces.max()) + 1
    inside = found.pieces >= 0
    key = found.pieces[inside].astype(np.int64) * (len(text) + 1) + owner[inside] + 1
    table = np.bincount(key, ink[inside], count * (len(text) + 1)).reshape(count, -1)
    total = np.bincount((owner[owner >= 0]).ravel(), ink[owner >= 0].ravel(), len(text))
    sums = np.concatenate([np.zeros((1, len(text) + 1)), np.cumsum(table, axis=0)])
    held = sums[found.spans[:, 1] + 1] - sums[found.spans[:, 0]]
    main = held[:, 1:].argmax(axis=1)
    amount = held[:, 1:][np.arange(len(held)), main]
    purity = amount / np.maximum(held.sum(axis=1), 1e-9)
    whole = amount / np.maximum(total[main], 1e-9)
    least = np.minimum(purity, whole)
    names = np.array([SYMBOLS.find(c) for c in text])
    labels = np.where(least >= CERTAIN, names[main], -1)
    return np.where(least < DOUBTFUL, RUBBISH, labels)


def candidates_of(
    write: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, str]],
    rng: np.random.Generator,
    lines: int,
    rubbish: float = 1.0,
    progress: Callable[[int], None] | None = None,
) -> Candidates:
    """Cut `lines` synthetic lines into labelled candidates.

    `write(rng)` returns (ink, owner, text) of a line; at most `rubbish` wrong cuts are kept
    for every symbol.
    """
    images, labels = [], []
    for done in range(lines):
        ink, owner, text = write(rng)
        writing = finish(ink)
        found = segment(writing.ink) if writing else None
        if found is None:
            continue
        rows = (
            writing.origin[1] + (np.arange(writing.ink.shape[0]) + 0.5) * writing.scale
        ).astype(int)
        columns = (
            writing.origin[0] + (np.arange(writing.ink.shape[1]) + 0.5) * writing.scale
        ).astype(int)
        near = owner[
            np.ix_(
                np.minimum(rows, owner.shape[0] - 1), np.minimum(columns, owner.shape[1] - 1)
            )
        ]
        names = label_candidates(found, near, text, writing.ink)
        good = np.flatnonzero((names >= 0) & (names < RUBBISH))
        bad = np.flatnonzero(names == RUBBISH)
        bad = rng.permutation(bad)[: max(2, round(rubbish * len(good)))]
        chosen = np.concatenate([good, bad])
        span = found.images[chosen]
        images.append(np.clip(np.rint((span + 0.1) * 200), 0, 255).astype(np.uint8))
        labels.append(names[chosen].astype(np.uint8))
        if progress:
            progress(done + 1)
    return Candidates(np.concatenate(images), np.concatenate(labels))
