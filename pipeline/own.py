"""A person's own network as the recognizer: ``--recognizer my-net.sn --weights FILE``.

The last layer decides what the network can read:

    22 units    the symbols of the reader, then rubbish: every grammar
    11 units    the ten digits, then rubbish: grammars of digits
    10 units    the ten digits: the same, and every wrong cut must look like a poor digit

A network of digits sees candidates as MNIST shows digits: centred by mass. Without a class for
rubbish a constant stands in: the one of its script (training-rubbish) for distances, zero for
outputs, between a unit that is on and one that is off.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gtn import EPSILON
from lenet.networks import Network, load_network
from lenet.scripts import NetworkError, at
from lenet.strokes import centred
from pipeline.grammars import SYMBOLS, grammar
from pipeline.recognition import Engine
from pipeline.segmentation import INK_VALUE, PAPER, SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = 10
GLYPH = 28  # rows and columns of a digit as MNIST has it
NEVER = 100.0  # penalty of symbols that the network does not know
MARKS = ("phone", "zip")  # grammars whose marks between digits may be missing
SHARPNESS = 4.0  # of outputs that stay near +1 and -1
SMALL = 9  # rows of a candidate of 32 below which its ink is no digit


class OwnRecognizer:
    """A network of one's own behind the interface of `pipeline.recognition.Recognizer`.

    Can be pickled: another process runs the script again.
    """

    def __init__(self, script: str, weights: str | None = None) -> None:
        self.script, self.weights = script, weights
        self.network: Network = load_network(script, Path(weights) if weights else None)
        self.classes = self.network.program.output_size
        memory = self.network.interpreter.network
        self.first, self.last = memory.layers[0], memory.layers[-1]
        every = len(SYMBOLS) + 1
        if self.classes not in (DIGITS, DIGITS + 1, every):
            raise NetworkError(
                f"{at(self.network.script, self.last.name)}: layer {self.last.name} has "
                f"{self.classes:,} units; a recognizer has {DIGITS} (digits), {DIGITS + 1} "
                f"(and rubbish) or {every} (all symbols and rubbish)"
            )
        side = self.network.retina.side
        if side * side != len(self.first.units) or (self.classes == every and side != SIDE):
            needed = f"{SIDE * SIDE:,} ({SIDE} x {SIDE})"
            wanted = needed if self.classes == every else "a square, as 28 x 28"
            raise NetworkError(
                f"{at(self.network.script, self.first.name)}: layer {self.first.name} has "
                f"{len(self.first.units):,} units; this recognizer needs {wanted}"
            )

    def __reduce__(self) -> "tuple[Callable[..., object], tuple[object, ...]]":
        return OwnRecognizer, (self.script, self.weights)

    def check(self, text: str) -> None:
        """Raise NetworkError if a grammar holds symbols that the network does not know."""
        if self.classes == len(SYMBOLS) + 1 or text in MARKS:
            return
        labels = {int(k) for k in grammar(text).ilabel if k != EPSILON}
        others = "".join(SYMBOLS[k] for k in sorted(labels) if k >= DIGITS)
        if others:
            raise NetworkError(
                f"{at(self.network.script, self.last.name)}: layer {self.last.name} has "
                f"{self.classes} units, for digits; the grammar also has {' '.join(others)}. "
                f"Say --grammar digits, or make {len(SYMBOLS) + 1} units: all symbols, rubbish"
            )

    def fprop(self, images: np.ndarray) -> np.ndarray:
        """Return -log p of every symbol and of rubbish, float (n, symbols + 1).

        images float32 (n, 32, 32), the candidates of the segmentation.
        """
        if self.classes == len(SYMBOLS) + 1:
            return penalties(self.scores(images))
        ink = np.clip((images - PAPER) / (INK_VALUE - PAPER), 0, 1)
        shown = (255 * ink).astype(np.uint8)
        cut = (SIDE - GLYPH) // 2
        glyphs = np.stack([centred(image)[cut:-cut, cut:-cut] for image in shown])
        scores = self.scores(self.network.retina(glyphs))
        if self.classes == DIGITS:
            scores = np.concatenate([scores, np.full((len(scores), 1), self.rubbish)], axis=1)
        low = (shown.max(axis=2) > 64).sum(axis=1) < SMALL
        wide = (shown.max(axis=1) > 64).sum(axis=1) < SMALL
        found = penalties(scores)
        found[low & wide] = [NEVER] * DIGITS + [0.0]
        result = np.full((len(images), len(SYMBOLS) + 1), NEVER)
        result[:, :DIGITS] = found[:, :DIGITS]
        result[:, -1] = found[:, DIGITS]
        return result

    @property
    def rubbish(self) -> float:
        """The score of rubbish where the network has no class for it."""
        if self.network.program.cost in ("likelihood", "posterior"):
            return -(self.network.recipe.rubbish or DIGITS)
        return 0.0

    def scores(self, retinas: np.ndarray) -> np.ndarray:
        """Return what goes into the softmax, float64 (n, classes)."""
        outputs = self.network.program.run(retinas).astype(np.float64)
        cost = self.network.program.cost
        if cost in ("likelihood", "posterior"):
            return -outputs
        return SHARPNESS * outputs if self.bounded else outputs

    @property
    def bounded(self) -> bool:
        """Tell whether the outputs cannot leave the range of a tanh."""
        nlf = self.last.nlf or self.network.interpreter.intern("nlf").value
        return getattr(nlf, "kind", "") == "tanh"


def penalties(scores: np.ndarray) -> np.ndarray:
    """Return -log of the softmax of scores (n, classes)."""
    top = scores.max(axis=1, keepdims=True)
    return top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True)) - scores


def engine(script: str, weights: str | None, text: str) -> Engine:
    """Return a reading engine around a network of one's own, for a grammar.

    `script` is a file my-net.sn or the name of a network of `lenet list`; `weights` its weight
    file, by default the one beside it. Raises NetworkError when it cannot read the grammar.
    Confidences are posteriors, which nothing has calibrated.
    """
    recognizer = OwnRecognizer(script, weights)
    recognizer.check(text)
    made = Engine(recognizer, recognizer.network.sha256)
    made.name = recognizer.network.name
    return made
