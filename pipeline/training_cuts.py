"""Training the recognizer of cut characters on whole strings, through the recognition graph.

Lines are written, normalised and cut by the reader's own code. All strings that the graph of
candidates spells are held against the right one by the discriminative forward criterion (LeCun
et al. 1998, sec. VI-E, eq. 17); its gradient goes through the graph to the penalties of every
candidate, and from there into the recognizer. No line is seen twice. ``check-reader train
--engine hos --criterion strings`` goes on with it from a recognizer that knows characters.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import gtn
import lenet
from lenet.networks import Network
from pipeline.course import Course, Part, provenance
from pipeline.errors import TooMuch
from pipeline.finetuning import CutCharacters, Line
from pipeline.grammars import SYMBOLS
from pipeline.handwriting import Sources, load_sources
from pipeline.lines import random_writing
from pipeline.recognition import recognition_graph, unswallowed
from pipeline.segmentation import segment
from pipeline.spellings import chain
from pipeline.training import SHARES

RATE = 2e-3  # first rate of the Muon rule
HELD = 1000  # lines that are measured on
SURE_CUT = 6.0  # energy beyond which a line counts less: most are not to be cut rightly

_pupil: CutCharacters | None = None
_sources: Sources | None = None


def _load(folder: Path) -> None:
    global _pupil, _sources
    _pupil = CutCharacters(lenet.load("character", trained=False), bearable=SURE_CUT)
    _sources = load_sources(folder, SHARES)


def line_of(sources: Sources, seed: int, number: int) -> tuple[Line, str]:
    """Write a line by its number; return it with the string that is right, and its text."""
    rng = np.random.default_rng([seed, number, 4])
    while True:
        writing, text = random_writing(rng, sources)
        if writing is not None and text:
            return Line.of(writing, chain(text)), text.replace(" ", "")


def _learn(
    weights: np.ndarray, seed: int, numbers: Sequence[int]
) -> tuple[np.ndarray, list[float]]:
    """Return the sum of the gradients of some lines, and their energies."""
    program = _pupil.program
    program.weights[:], program.gradient_sum[:] = weights, 0
    energies = [
        _pupil.learn(line_of(_sources, seed, k)[0], np.random.default_rng([seed, k, 5]))
        for k in numbers
    ]
    return program.gradient_sum.copy(), energies


def _misread(weights: np.ndarray, seed: int, numbers: Sequence[int]) -> int:
    """Return how many lines the best path without any grammar does not spell."""
    _pupil.program.weights[:] = weights
    wrong = 0
    for k in numbers:
        line, text = line_of(_sources, seed, k)
        wrong += best_string(_pupil.network, line) != text
    return wrong


def best_string(network: Network, line: Line) -> str | None:
    """Return what the cheapest way to cut a line spells; None where it cannot be cut."""
    try:
        found = segment(line.ink * np.float32(1 / 255))
    except TooMuch:
        return None
    if found is None:
        return None
    penalties = unswallowed(found, network.fprop(found.images))
    best = gtn.viterbi_path(recognition_graph(found, penalties)[0])
    return None if best is None else "".join(SYMBOLS[k] for k in best.string)


class CutTraining(Course):
    """A training of the recognizer on whole strings.

    Half of a batch is learned in each of two jobs of `pool`, with the same weights: the same
    halves however many processes it has, so that the result is the same.
    """

    def __init__(self, network: Network, pool: Executor, seed: int, held: int = HELD) -> None:
        super().__init__(network.program, seed, RATE)
        self.pool, self.held = pool, held

    def learn_batch(self, batch: Sequence[int], step: int) -> list[float]:
        """Add the gradients of the lines of update `step`; return their energies."""
        weights, halves = self.program.weights, (batch[::2], batch[1::2])
        jobs = [self.pool.submit(_learn, weights, self.seed, half) for half in halves]
        energies = []
        for job in jobs:
            gradient, some = job.result()
            self.program.gradient_sum += gradient
            energies += some
        return energies

    def test_error(self) -> float:
        """Return the share of held-out lines that the best path does not spell."""
        numbers = range(self.held)
        jobs = [
            self.pool.submit(_misread, self.program.weights, self.seed + 1, numbers[k::2])
            for k in (0, 1)
        ]
        return sum(job.result() for job in jobs) / self.held


def train_cuts(
    folder: Path,
    output: Path,
    *,
    start: Path,
    seed: int = 1,
    lines: int = 100_000,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[Part], None] | None = None,
) -> dict[str, object]:
    """Train a recognizer on from the weight file `start`; write weights and provenance.

    `folder` holds the open data sets. Lines of another seed are written and measured on.
    `progress` is told what is going on and the share done. An interrupted training goes on from
    its checkpoint.
    """
    network = lenet.load("character", start)
    origin = network.sha256
    checkpoint = output.with_name(f"{output.stem}.checkpoint.npz")
    step = (lambda share: progress("training on strings", share)) if progress else None
    with ProcessPoolExecutor(
        2, mp_context=get_context("spawn"), initializer=_load, initargs=(folder,)
    ) as pool:
        training = CutTraining(network, pool, seed)
        done = training.follow(np.arange(lines), checkpoint, step, tell)
    notes = provenance(
        f"--engine hos --criterion strings --seed {seed} --lines {lines}",
        seed,
        start,
        origin,
        data={"lines": lines},
        training_energy=done[-1].energy,
        test_error=done[-1].test_error,
    )
    network.save_weights(output, notes)
    checkpoint.unlink()
    return notes
