"""Training the space displacement network on whole lines, no symbol cut out of them.

Lines are written by synthetic hands and normalised by the reader's own code; what the network
says at all places of a line is judged together: the forward criterion over all label sequences
that spell the text (LeCun et al. 1998, sec. VI; `gtn.ctc_energy`), its gradient sent back
through the replicated network. ``check-reader train --engine sdnn`` does it from nothing.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import gtn
import lenet
from lenet.networks import Network
from pipeline.course import Course, Part, provenance
from pipeline.grammars import SYMBOLS
from pipeline.handwriting import Sources
from pipeline.lines import random_writing
from pipeline.sdnn import BLANK, ROWS, StripReader, strip_of, warped
from pipeline.training import CHUNK, in_chunks
from sn.net.files import LARGEST, SHORT
from sn.net.program import LayerProgram

RATE = 5e-3  # first rate of the Muon rule
FURTHER = 3e-4  # first rate of a training that goes on from weights
SURE, SELDOM = 0.1, 0.2  # lines of an energy below are learned less often, at least so often
BEND, BEND_REACH = 1.1, 9.0  # pixels by which strokes bend, and from one bend to the next


@dataclass(frozen=True, slots=True)
class Strips:
    """Lines as the network sees them, and what they say.

    pixels uint8 (ROWS * all columns,), line after line, ink 255; widths int (n,); texts (n,)
    without blanks.
    """

    pixels: np.ndarray
    widths: np.ndarray
    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def starts(self) -> np.ndarray:
        """Return where each line begins in `pixels`."""
        return ROWS * np.concatenate([[0], np.cumsum(self.widths)[:-1]])


def strips_of(
    sources: Sources, seed: int, chunk: int, lines: int = CHUNK, mix: str = "all"
) -> Strips:
    """Write the lines of one chunk of one of `pipeline.lines.MIXES`."""
    rng = np.random.default_rng([seed, chunk, 1])
    pixels, widths, texts = [np.zeros(0, np.uint8)], [], []
    while len(texts) < lines:
        writing, text = random_writing(rng, sources, mix)
        if writing is not None:
            strip = strip_of(writing)
            pixels.append(np.rint(255 * strip).astype(np.uint8).reshape(-1))
            widths.append(strip.shape[1])
            texts.append(text.replace(" ", ""))
    return Strips(np.concatenate(pixels), np.array(widths), texts)


def bends(rows: int, columns: int, rng: np.random.Generator, size: float) -> np.ndarray:
    """Return where points move when strokes bend: float32 (rows, columns, 2), in pixels.

    Drawn with deviation `size` on a coarse grid and smooth in between (elastic distortions as
    those of Simard et al. 2003).
    """
    import cv2

    grid = round(rows / BEND_REACH) + 2, round(columns / BEND_REACH) + 2
    coarse = rng.normal(0, size, (*grid, 2)).astype(np.float32)
    return cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)


def varied(strip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a strip a little larger or smaller, sheared, shifted, fatter, thinner, fainter.

    In every second strip the strokes bend. So that no line is seen twice: float32 (ROWS,
    columns), columns a multiple of eight.
    """
    import cv2

    if rng.random() < 0.15:
        return strip
    draws = rng.random(10)
    wide, tall = 0.86 + 0.3 * draws[0], 0.88 + 0.22 * draws[1]
    shear, down = 0.3 * (draws[2] - 0.5), 3.0 * (draws[3] - 0.5)
    bend = partial(bends, rng=rng, size=BEND * draws[9]) if rng.random() < 0.5 else None
    ink = warped(strip, wide, tall, shear, down, bend)
    if draws[4] < 0.35:
        thick = cv2.dilate if draws[5] < 0.5 else cv2.erode
        share = np.float32((0.8 if draws[5] < 0.5 else 0.5) * draws[6])
        ink = (1 - share) * ink + share * thick(ink, np.ones((2, 2), np.uint8))
    if draws[7] < 0.25:
        ink = ink ** np.float32(0.6 + draws[8])
    elif draws[7] < 0.4:
        ink = cv2.GaussianBlur(ink, (0, 0), 0.3 + 0.5 * draws[8])
    return ink


def collapsed(penalties: np.ndarray) -> str:
    """Return the text of the best label at every place (places, classes): runs once."""
    best = penalties.argmin(axis=1)
    first = np.concatenate([[True], best[1:] != best[:-1]])
    return "".join(SYMBOLS[k] for k in best[first & (best != BLANK)])


def twin_of(program: LayerProgram) -> LayerProgram:
    """Return a program for another thread: the same weights, gradients of its own."""
    blank = np.zeros(int(program.lowered.weight_index.max()) + 1, program.dtype)
    twin = LayerProgram(program.lowered, blank, program.cost, dtype=program.dtype.type)
    twin.weights = program.weights
    return twin


class Training(Course):
    """A training of a network of strips: `run` goes on from its checkpoint.

    Two threads learn half of a batch each, with the same weights: the same halves whatever the
    machine, so that the result is the same.
    """

    def __init__(
        self, network: Network, strips: Strips, held: int, seed: int, rate: float = RATE
    ) -> None:
        super().__init__(network.program, seed, rate)
        if network.recipe.short:
            self.bound = float(SHORT * LARGEST)
        self.twin = twin_of(self.program)
        self.second = ThreadPoolExecutor(1)
        self.reader = StripReader(network)
        self.strips, self.held = strips, held
        self.starts = strips.starts()

    def strip(self, k: int) -> np.ndarray:
        """Return line k, float32 (32, columns)."""
        start, width = self.starts[k], self.strips.widths[k]
        flat = self.strips.pixels[start : start + ROWS * width]
        return flat.reshape(ROWS, width) * np.float32(1 / 255)

    def learn(
        self,
        k: int,
        strip: np.ndarray | None = None,
        program: LayerProgram | None = None,
        draw: float = 0.0,
    ) -> float:
        """Add the gradient of one line; return its energy (inf: no room for the text).

        `strip` replaces the pixels of the line, `program` is where the gradient goes. Of lines
        that are spelled surely few are learned, those the more: by `draw` 0...1, uniform.
        """
        strip = self.strip(k) if strip is None else strip
        wide = (program or self.program).replicate(*strip.shape)
        scores = wide.run(strip)[:, 0]
        target = [SYMBOLS.index(c) for c in self.strips.texts[k]]
        energy, gradient = gtn.ctc_energy(-scores.T.astype(np.float64), target, blank=BLANK)
        share = min(1.0, max(SELDOM, energy / SURE))
        if math.isfinite(energy) and draw < share:
            wide.backward((-gradient.T[:, None] / share).astype(np.float32))
        return energy

    def learn_half(self, program: LayerProgram, half: Iterable[int], step: int) -> list[float]:
        """Add the gradients of some lines of update `step`, every one varied."""
        energies = []
        for k in half:
            own = np.random.default_rng([self.seed, 3, step, k])
            strip = varied(self.strip(k), own)
            energies.append(self.learn(k, strip, program, own.random()))
        return energies

    def test_error(self) -> float:
        """Return the share of held-out lines whose best labels do not spell their text."""
        n = len(self.strips)
        wrong = [
            collapsed(self.reader.scores(self.strip(k))) != self.strips.texts[k]
            for k in range(n - self.held, n)
        ]
        return float(np.mean(wrong))

    def learn_batch(self, batch: Sequence[int], step: int) -> list[float]:
        """Add the gradients of the lines of update `step`, half of them in each thread."""
        other = self.second.submit(self.learn_half, self.twin, batch[1::2], step)
        energies = self.learn_half(self.program, batch[::2], step) + other.result()
        self.program.gradient_sum += self.twin.gradient_sum
        self.twin.gradient_sum[:] = 0
        return energies

    def run(
        self,
        passes: int,
        checkpoint: Path,
        progress: Callable[[float], None] | None = None,
        tell: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Train for `passes` passes over all lines but the held-out ones."""
        known = len(self.strips) - self.held
        rng = np.random.default_rng([self.seed, 2])
        order = np.concatenate([rng.permutation(known) for _ in range(passes)])
        return self.follow(order, checkpoint, progress, tell)


def train_strips(
    folder: Path,
    output: Path,
    *,
    net: str = "strip",
    mix: str = "all",
    seed: int = 1,
    lines: int = 200_000,
    passes: int = 8,
    start: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    tell: Callable[[Part], None] | None = None,
) -> dict[str, object]:
    """Train a network of strips from nothing; write weights and provenance to `output`.

    `net` names the script, strip or strip-wide, `mix` what is written (`pipeline.lines.MIXES`).
    With `start`, a weight file, it goes on from there at the lower rate `FURTHER`. `folder` has
    the open data sets. Two chunks of lines more are written and measured on. `progress` is told
    what is going on and the share done. An interrupted training goes on from its checkpoint.
    """

    def step(name: str) -> Callable[[float], None] | None:
        return (lambda share: progress(name, share)) if progress else None

    chunks = max(1, lines // CHUNK)
    write = partial(strips_of, mix=mix)
    parts = list(in_chunks(write, folder, seed, chunks + 2, progress=step("writing")))
    strips = Strips(
        np.concatenate([p.pixels for p in parts]),
        np.concatenate([p.widths for p in parts]),
        [text for p in parts for text in p.texts],
    )
    held = len(parts[-1]) + len(parts[-2])
    del parts
    network = lenet.load(net, start, trained=start is not None)
    origin = network.sha256
    if start is None:
        network.initialize(seed)
    checkpoint = output.with_name(f"{output.stem}.checkpoint.npz")
    training = Training(network, strips, held, seed, FURTHER if start else RATE)
    done = training.run(passes, checkpoint, step("training"), tell)
    digest = hashlib.sha256(strips.pixels.tobytes() + "\n".join(strips.texts).encode())
    what = "" if mix == "all" else f" --mix {mix}"
    notes = provenance(
        f"--engine sdnn --net {net}{what} --seed {seed} --lines {lines} --passes {passes}",
        seed,
        start,
        origin,
        passes=passes,
        data={"lines": len(strips) - held, "sha256": digest.hexdigest()},
        training_energy=done[-1].energy,
        test_error=done[-1].test_error,
    )
    network.save_weights(output, notes)
    checkpoint.unlink()
    return notes
