"""Training the character recognizer on its own cuts.

Lines are written by synthetic hands, segmented by the reader's own segmenter, and every
candidate character gets the name of the symbol it holds, or *rubbish* when it holds less or
more than one: that is how a wrong cut learns to be expensive. ``check-reader train`` does it
from nothing; expect about 19 of 20 candidates named rightly, wrong cuts included.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import lenet
from lenet.data import INK, PAPER
from lenet.training import Pass, train
from pipeline.course import provenance
from pipeline.errors import TooMuch
from pipeline.grammars import SYMBOLS
from pipeline.handwriting import Sources, load_sources
from pipeline.lines import written
from pipeline.normalization import Writing, finish
from pipeline.segmentation import Segmentation, segment

RUBBISH = len(SYMBOLS)
CERTAIN, DOUBTFUL = 0.87, 0.72  # shares of ink that make a candidate a symbol, or rubbish
SWALLOWED = 0.5  # share of a symbol's ink from which a candidate holds it
WRONG_CUTS = 1.3  # kept for every symbol
CHUNK = 500  # lines written from one seed
FURTHER = ((1, 0.0003), (1, 0.00008))  # passes and rates of a training that goes on
SHARES = (0.35, 0.3, 0.35)  # stroke hands, pen-digit hands, MNIST hands


@dataclass(frozen=True, slots=True)
class Candidates:
    """Labelled candidate characters: images uint8 (n, 32, 32), ink 255, and labels (n,)."""

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
    total = np.bincount(owner[owner >= 0], ink[owner >= 0], len(text))
    sums = np.concatenate([np.zeros((1, len(text) + 1)), np.cumsum(table, axis=0)])
    held = sums[found.spans[:, 1] + 1] - sums[found.spans[:, 0]]
    main = held[:, 1:].argmax(axis=1)
    amount = held[:, 1:][np.arange(len(held)), main]
    purity = amount / np.maximum(held.sum(axis=1), 1e-9)
    whole = amount / np.maximum(total[main], 1e-9)
    least = np.minimum(purity, whole)
    # A candidate that swallows a second symbol, if only a point, is rubbish.
    shares = held[:, 1:] / np.maximum(total, 1e-9)
    shares[np.arange(len(held)), main] = 0
    least = np.where((shares > SWALLOWED).any(axis=1), 0, least)
    names = np.array([SYMBOLS.find(c) for c in text])
    labels = np.where(least >= CERTAIN, names[main], -1)
    return np.where(least < DOUBTFUL, RUBBISH, labels)


def candidates_of(sources: Sources, seed: int, chunk: int, lines: int = CHUNK) -> Candidates:
    """Cut the lines of one chunk into labelled candidates."""
    rng = np.random.default_rng([seed, chunk])
    images, labels = [np.zeros((0, 32, 32), np.uint8)], [np.zeros(0, np.uint8)]
    for _ in range(lines):
        ink, owner, text = written(rng, sources)
        writing = finish(ink)
        try:
            found = segment(writing.ink) if writing else None
        except TooMuch:  # a sheet full of specks: nothing to learn
            continue
        if writing is None or found is None:
            continue
        names = label_candidates(found, near(owner, writing), text, writing.ink)
        good = np.flatnonzero((names >= 0) & (names < RUBBISH))
        bad = rng.permutation(np.flatnonzero(names == RUBBISH))
        chosen = np.concatenate([good, bad[: max(2, round(WRONG_CUTS * len(good)))]])
        images.append(packed(found.images[chosen]))
        labels.append(names[chosen].astype(np.uint8))
    return Candidates(np.concatenate(images), np.concatenate(labels))


def packed(retinas: np.ndarray) -> np.ndarray:
    """Return retinas as glyphs uint8, ink 255."""
    share = (retinas - PAPER) / (INK - PAPER)
    return np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)


def near(owner: np.ndarray, writing: Writing) -> np.ndarray:
    """Return the owners at the pixels of normalised ink."""
    rows, columns = writing.ink.shape
    y = (writing.origin[1] + (np.arange(rows) + 0.5) * writing.scale).astype(int)
    x = (writing.origin[0] + (np.arange(columns) + 0.5) * writing.scale).astype(int)
    height, width = owner.shape
    return owner[np.ix_(np.minimum(y, height - 1), np.minimum(x, width - 1))]


_sources: Sources | None = None


def _load(folder: Path) -> None:
    global _sources
    _sources = load_sources(folder, SHARES)


def _chunk(job: Callable[[Sources, int, int], Any], seed: int, chunk: int) -> Any:
    return job(_sources, seed, chunk)


def in_chunks(
    job: Callable[[Sources, int, int], Any],
    folder: Path,
    seed: int,
    chunks: int,
    *,
    processes: int = 2,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Any]:
    """Yield job(sources, seed, chunk) for every chunk, made in processes, in order.

    The same whatever the number of processes. `progress` is told the share done, 0...1.
    """
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_load, initargs=(folder,)
    ) as pool:
        made = pool.map(_chunk, [job] * chunks, [seed] * chunks, range(chunks))
        for done, part in enumerate(made, 1):
            yield part
            if progress:
                progress(done / chunks)


def make_candidates(
    folder: Path,
    seed: int,
    chunks: int,
    *,
    processes: int = 2,
    progress: Callable[[float], None] | None = None,
) -> Candidates:
    """Write and cut `chunks` chunks of lines; arguments are those of `in_chunks`."""
    made = in_chunks(
        candidates_of, folder, seed, chunks, processes=processes, progress=progress
    )
    parts = list(made)
    return Candidates(
        np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts])
    )


def train_recognizer(
    folder: Path,
    output: Path,
    *,
    seed: int = 1,
    lines: int = 120_000,
    passes: int | None = None,
    start: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[Pass], None] | None = None,
) -> dict[str, object]:
    """Train the shipped recognizer from nothing; write weights and provenance to `output`.

    With `start`, a weight file, it goes on from there by the short schedule `FURTHER`.

    `folder` holds the open data sets (MNIST, its writers, pen digits, symbols). One chunk of
    lines more is written and measured on. `progress` is told what is going on and the share
    done. An interrupted training goes on from its checkpoint.
    """
    chunks = max(1, lines // CHUNK)

    def step(name: str) -> Callable[[float], None]:
        return lambda share: progress(name, share) if progress else None

    made = make_candidates(folder, seed, chunks + 2, progress=step("writing and cutting"))
    held = len(made.labels) * 2 // (chunks + 2)
    network = lenet.load("character", start, trained=start is not None)
    origin = network.sha256
    results = train(
        network,
        made.images[:-held],
        made.labels[:-held].astype(np.int64),
        seed=seed,
        passes=passes,
        schedule=FURTHER if start else (),
        start=network.weights() if start else None,
        validation=(made.images[-held:], made.labels[-held:].astype(np.int64)),
        checkpoint=output.with_name(f"{output.stem}.checkpoint.wei"),
        progress=tell,
        step=step("training"),
    )
    digest = hashlib.sha256(made.images.tobytes() + made.labels.tobytes()).hexdigest()
    notes = provenance(
        f"--seed {seed} --lines {lines}",
        seed,
        start,
        origin,
        passes=len(results),
        data={"candidates": len(made.labels), "sha256": digest},
        training_error=results[-1].training_error,
        test_error=results[-1].validation_error,
    )
    network.save_weights(output, notes)
    for part in output.parent.glob(f"{output.stem}.checkpoint.*"):
        part.unlink()
    return notes
