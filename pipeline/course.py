"""A training on lines that can be interrupted: its batches, its falling rate, its checkpoints.

What a batch teaches is up to whoever learns: a network of strips (`pipeline.training_strips`)
or the recognizer of cut characters (`pipeline.training_cuts`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lenet.networks import NetworkError
from sn.command import commit, version
from sn.net.program import LayerProgram

SOURCES = "own stroke hands, UCI pen digits, MNIST training digits, MIT symbols"
BATCH = 16  # lines between two updates
WARM_UP = 300  # updates until the first rate of the Muon rule is reached
PARTS = 20  # checkpoints of a training
STATE = ("weights", "speed", "squares", "moves")  # of a program, kept from part to part


@dataclass(frozen=True, slots=True)
class Part:
    """What happened in a part of a training: mean energy, share of held-out lines misread."""

    number: int
    energy: float
    test_error: float

    def to_line(self) -> str:
        """Return the part as a line of a table."""
        return (
            f"part {self.number:>2} of {PARTS}  energy {self.energy:7.4f}  "
            f"held-out lines misread {self.test_error:7.2%}"
        )


class Course(ABC):
    """A training of one program: `follow` goes on from its checkpoint."""

    def __init__(self, program: LayerProgram, seed: int, rate: float) -> None:
        self.program, self.seed, self.rate = program, seed, rate
        self.bound = math.inf  # no weight goes beyond

    @abstractmethod
    def learn_batch(self, batch: Sequence[int], step: int) -> list[float]:
        """Add the gradients of the lines of update `step`; return their energies."""

    @abstractmethod
    def test_error(self) -> float:
        """Return the share of held-out lines that are misread."""

    def follow(
        self,
        order: np.ndarray,
        checkpoint: Path,
        progress: Callable[[float], None] | None = None,
        tell: Callable[[Part], None] | None = None,
    ) -> list[Part]:
        """Learn the lines numbered in `order`, batch after batch; return all parts.

        The rate falls as a cosine. A part learned before stands in `checkpoint`. Raises
        NetworkError for fewer lines than a batch has, and for a checkpoint that is none.
        """
        updates = len(order) // BATCH
        if not updates:
            raise NetworkError(f"{len(order)} lines are too few to learn from: {BATCH} or more")
        done = self.resume(checkpoint, len(order))
        for number, part in enumerate(
            np.array_split(np.arange(updates), min(PARTS, updates)), 1
        ):
            if number <= len(done):
                continue
            energies = []
            for step in part.tolist():
                warm = min(1.0, (step + 1) / WARM_UP)
                self.program.rates[:] = (
                    self.rate * warm * (1 + math.cos(math.pi * step / updates)) / 2
                )
                batch = order[step * BATCH : (step + 1) * BATCH].tolist()
                energies += self.learn_batch(batch, step)
                self.program.update(BATCH, rule="muon", momentum=0.95)
                weights = self.program.weights
                np.clip(weights, -self.bound, self.bound, out=weights)
                if progress and step % 50 == 0:
                    progress(step / updates)
            finite = [e for e in energies if math.isfinite(e)]
            done.append(Part(number, float(np.mean(finite)), self.test_error()))
            self.save(checkpoint, len(order), done)
            if tell:
                tell(done[-1])
        return done

    def save(self, file: Path, lines: int, done: Sequence[Part]) -> None:
        """Write a checkpoint."""
        kept = {name: getattr(self.program, name) for name in STATE}
        table = np.array([(d.number, d.energy, d.test_error) for d in done])
        part = file.with_suffix(".part.npz")
        np.savez(part, training=[self.seed, lines], done=table, **kept)
        part.replace(file)

    def resume(self, file: Path, lines: int) -> list[Part]:
        """Take a checkpoint of the same training; return the parts it holds."""
        if not file.is_file():
            return []
        try:
            with np.load(file, allow_pickle=False) as stored:
                kept = {name: stored[name] for name in ("training", "done", *STATE)}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            raise NetworkError(f"{file}: no checkpoint, or damaged; remove it") from None
        same = kept["training"].tolist() == [self.seed, lines]
        if not same or kept["weights"].shape != self.program.weights.shape:
            raise NetworkError(
                f"{file}: belongs to another training; remove it or name another file"
            )
        for name in STATE:
            getattr(self.program, name)[:] = kept[name]
        return [Part(int(n), float(e), float(t)) for n, e, t in kept["done"]]


def provenance(
    command: str, seed: int, start: Path | None, origin: str, **found: object
) -> dict[str, object]:
    """Return where weights come from: the command without its name, and what was found.

    `start` are the weights it went on from, None from nothing, `origin` is their digest.
    """
    further = f" --from {start.name}" if start else ""
    return {
        "command": f"check-reader train {command}{further}",
        **({"start": origin} if start else {}),
        "version": version(),
        "commit": commit(),
        "seed": seed,
        "sources": SOURCES,
        **found,
    }
