"""Fine-tuning both engines on a user's own labelled fields, in minutes.

Every field is held against all strings that mean its label (`pipeline.spellings`) by the
discriminative forward criterion (LeCun et al. 1998, eq. 17). Both engines minimise it: whole
lines over all label sequences, cut characters over all paths of the recognition graph; the
gradient goes through the graph into the network. Synthetic lines are mixed in, so that what the
fields do not show is not forgotten, and all lines are distorted anew at every look.
``check-reader train --field-data`` does it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np

import gtn
from lenet.networks import Network, NetworkError
from pipeline.course import STATE
from pipeline.errors import TooMuch
from pipeline.normalization import Writing
from pipeline.recognition import RUBBISH, recognition_graph, unswallowed
from pipeline.sdnn import StripReader, strip_of
from pipeline.segmentation import segment
from pipeline.spellings import runs
from pipeline.training_strips import bends
from sn.net.program import LayerProgram

BATCH = 8  # lines between two updates
BEND = 0.9  # pixels by which strokes bend
WARM_UP = 50  # updates until the first rate is reached
PATIENCE = 6  # passes without a better one, and the training ends
NEGLIGIBLE = 1e-3  # candidates whose scores should move less than this are left alone
UNSPELLED = 30.0  # energy at which a line that cannot be spelled is counted


@dataclass(frozen=True, slots=True)
class Line:
    """A line of writing and the graph of all strings (`ways`) that are right for it."""

    ink: np.ndarray  # uint8 (rows, columns), ink 255
    ways: gtn.Graph

    @classmethod
    def of(cls, writing: Writing, ways: gtn.Graph) -> "Line":
        """Return the line of a normalised field."""
        return cls(np.rint(255 * writing.ink).astype(np.uint8), ways)


def distorted(line: Line, rng: np.random.Generator | None) -> np.ndarray:
    """Return the ink of a line, float32 0...1, changed as another pen and scanner would.

    Size, width, slant, slope and place vary a little, strokes bend, grow thicker or thinner,
    ink paler or darker. Without `rng` it stays as it is.
    """
    import cv2

    ink = line.ink * np.float32(1 / 255)
    if rng is None:
        return ink
    if rng.random() < 0.5:
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        other = (cv2.dilate if rng.random() < 0.5 else cv2.erode)(ink, disk)
        ink = cv2.addWeighted(ink, 1 - (share := rng.random()), other, share, 0)
    rows, columns = ink.shape
    high = math.exp(rng.normal(0, 0.07))
    wide = high * math.exp(rng.normal(0, 0.08))
    move = np.array([[wide, rng.normal(0, 0.12), 0], [rng.normal(0, 0.015), high, 0]])
    size = max(8, round(wide * columns))
    middle = size / 2 + rng.normal(0, 1.4), rows / 2 + rng.normal(0, 1.1)
    move[:, 2] = np.array(middle) - move[:, :2] @ (columns / 2, rows / 2)
    across, down = np.meshgrid(np.arange(size), np.arange(rows))
    points = np.stack([across, down], axis=2).astype(np.float32) + bends(rows, size, rng, BEND)
    back = cv2.invertAffineTransform(move).astype(np.float32)
    moved = cv2.remap(ink, cv2.transform(points, back), None, cv2.INTER_LINEAR)
    return np.clip(moved, 0, 1) ** np.float32(math.exp(rng.normal(0, 0.2)))


class Pupil(Protocol):
    """A network that learns lines."""

    program: LayerProgram

    def learn(self, line: Line, rng: np.random.Generator | None) -> float:
        """Return the energy of a line; with `rng`, distort it and add its gradient."""


class WholeLines:
    """A space displacement network as a pupil."""

    def __init__(self, network: Network) -> None:
        self.program = network.program
        self.reader = StripReader(network)
        self.targets: dict[int, gtn.Graph] = {}

    def learn(self, line: Line, rng: np.random.Generator | None) -> float:
        """Return the energy of a line; with `rng`, distort it and add its gradient."""
        strip = strip_of(Writing(distorted(line, rng), 1.0, (0.0, 0.0), 0.0))
        target = self.targets.get(id(line.ways))
        if target is None:
            target = self.targets[id(line.ways)] = runs(line.ways)
        penalties = self.reader.scores(strip)
        places, classes = penalties.shape
        at = np.repeat(np.arange(places, dtype=np.int32), classes)
        label = np.tile(np.arange(classes, dtype=np.int32), places)
        lattice = gtn.Graph.of(
            places + 1,
            np.zeros(1, np.int32),
            np.full(1, places, np.int32),
            np.stack([at, at + 1, label, label]),
            penalties.reshape(-1),
        )
        # Softmax at every place: all sequences together have penalty 0, which need no sum.
        loss = gtn.forward_energy(lattice, target)
        if rng is not None and math.isfinite(loss.energy):
            wished = loss.gradient.reshape(places, classes)
            slope = np.exp(-penalties) - wished
            wide = self.program.replicate(*strip.shape)
            wide.backward(slope.T[:, None].astype(np.float32))
        return loss.energy


class CutCharacters:
    """The character recognizer as a pupil: the gradient comes through the recognition graph.

    Lines of an energy beyond `bearable` teach the less: their ink was cut wrongly, and what
    would spell them has little to do with characters.
    """

    def __init__(self, network: Network, bearable: float = math.inf) -> None:
        self.network, self.program, self.bearable = network, network.program, bearable

    def learn(self, line: Line, rng: np.random.Generator | None) -> float:
        """Return the energy of a line; with `rng`, distort it and add its gradient."""
        try:
            found = segment(distorted(line, rng))
        except TooMuch:  # specks, no line
            found = None
        if found is None:
            return math.inf
        penalties = self.network.fprop(found.images)
        graph, candidate, _ = recognition_graph(
            found, unswallowed(found, penalties), spread=math.inf
        )
        loss = gtn.discriminative_forward_energy(graph, line.ways)
        if rng is None or not math.isfinite(loss.energy):
            return loss.energy
        gradient = loss.gradient
        if loss.energy > self.bearable:
            gradient = gradient * (self.bearable / loss.energy) ** 2
        wished = np.zeros_like(penalties)
        named = candidate >= 0
        np.add.at(wished, (candidate[named], graph.ilabel[named]), gradient[named])
        apart = np.flatnonzero(found.whole)
        if len(apart):
            wished[apart, RUBBISH] += gradient[-len(apart) :]
        slope = np.exp(-penalties) * wished.sum(axis=1, keepdims=True) - wished
        one = self.program.replicate(*found.images.shape[1:])
        for n in np.flatnonzero(np.abs(slope).max(axis=1) > NEGLIGIBLE):
            one.run(found.images[n])
            one.backward(slope[n, :, None, None].astype(np.float32))
        return loss.energy


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass over all lines: its number, the mean energies of training and held-out lines."""

    number: int
    energy: float
    held_out: float

    def to_line(self) -> str:
        """Return the pass as a line of a table."""
        return (
            f"pass {self.number:>2}  energy {self.energy:6.3f}  held out {self.held_out:6.3f}"
        )


def mean_energy(pupil: Pupil, lines: Sequence[Line]) -> float:
    """Return the mean energy of lines; what cannot be spelled counts `UNSPELLED` at most."""
    return float(np.mean([min(pupil.learn(line, None), UNSPELLED) for line in lines]))


class Lessons:
    """A fine-tuning of one network that can be interrupted: `run` goes on from its checkpoint.

    Parameters
    ----------
    pupil
        What learns.
    fields, synthetic, held
        Lines to learn, lines mixed in, and lines that say when to stop.
    rate, passes
        First rate of the Muon rule, which falls as a cosine, and the most passes.
    digest : str
        What training this is; a checkpoint of another one is refused.
    """

    def __init__(
        self,
        pupil: Pupil,
        fields: Sequence[Line],
        synthetic: Sequence[Line],
        held: Sequence[Line],
        *,
        rate: float,
        passes: int,
        seed: int,
        digest: str = "",
    ) -> None:
        self.pupil, self.program = pupil, pupil.program
        self.fields, self.synthetic, self.held = fields, synthetic, held
        self.rate, self.passes, self.seed, self.digest = rate, passes, seed, digest
        self.best = self.program.weights.copy()

    def run(
        self,
        checkpoint: Path,
        progress: Callable[[float], None] | None = None,
        tell: Callable[[Pass], None] | None = None,
    ) -> list[Pass]:
        """Learn until the held-out energy falls no more; keep the weights of the best pass.

        Pass 0 is what the network knew before.
        """
        done = self.resume(checkpoint)
        if not done:
            before = mean_energy(self.pupil, self.held)
            done = [Pass(0, before, before)]
        lines = [*self.fields, *self.synthetic]
        updates = math.ceil(len(lines) / BATCH)
        while len(done) <= self.passes and not self.tired(done):
            number = len(done)
            rng = np.random.default_rng([self.seed, number, 4])
            energies = []
            order = np.array_split(rng.permutation(len(lines)), updates)
            for step, batch in enumerate(order, (number - 1) * updates):
                warm = min(1.0, (step + 1) / WARM_UP)
                turn = math.cos(math.pi * step / (self.passes * updates))
                self.program.rates[:] = self.rate * warm * (1 + turn) / 2
                energies += [self.pupil.learn(lines[k], rng) for k in batch]
                self.program.update(len(batch), rule="muon", momentum=0.95)
                if progress:
                    progress((step + 1) / (self.passes * updates))
            finite = [e for e in energies if math.isfinite(e)]
            energy = float(np.mean(finite)) if finite else math.inf
            held = mean_energy(self.pupil, self.held)
            if held < min(d.held_out for d in done):
                self.best[:] = self.program.weights
            done.append(Pass(number, energy, held))
            self.save(checkpoint, done)
            if tell:
                tell(done[-1])
        self.program.weights[:] = self.best
        return done

    def tired(self, done: Sequence[Pass]) -> bool:
        """Tell whether the last passes brought nothing."""
        best = min(done, key=lambda d: d.held_out)
        return done[-1].number - best.number >= PATIENCE

    def save(self, file: Path, done: Sequence[Pass]) -> None:
        """Write a checkpoint, all at once."""
        table = np.array([(d.number, d.energy, d.held_out) for d in done])
        kept = {name: getattr(self.program, name) for name in STATE}
        part = file.with_suffix(".part.npz")
        np.savez(part, training=np.array(self.digest), done=table, best=self.best, **kept)
        part.replace(file)

    def resume(self, file: Path) -> list[Pass]:
        """Take a checkpoint of the same training; return the passes it holds."""
        if not file.is_file():
            return []
        try:
            with np.load(file, allow_pickle=False) as stored:
                kept = {name: stored[name] for name in ("training", "done", "best", *STATE)}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            raise NetworkError(f"{file}: no checkpoint, or damaged; remove it") from None
        if str(kept["training"]) != self.digest:
            raise NetworkError(
                f"{file}: belongs to another training; remove it or name another folder"
            )
        for name in STATE:
            getattr(self.program, name)[:] = kept[name]
        self.best[:] = kept["best"]
        return [Pass(int(n), float(e), float(h)) for n, e, h in kept["done"]]
