"""Animations of a network at work, in the panel of the originals: retina, layers, answer.

A scene (`lenet.scenes`) is shown to the network frame by frame. Over a field larger than its
retina the network runs as a space displacement network, with an output for every place; the
answer is read off the outputs, right or wrong, and shown with the brightness of its confidence.
"""

import difflib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

import numpy as np

from lenet.anatomy import anatomy
from lenet.export import digit_height
from lenet.scenes import SCENES, SIDE, TALL, Frame, Scene, scene
from sn.errors import SnCompileError, SnError
from sn.graphics.blocks import blocks, colors_of

if TYPE_CHECKING:
    from lenet.networks import Network

APART = 14.0  # pixels of a 32-pixel retina between the middles of two digits, at least
BOX = (22.0, 15.0)  # rows and columns in which the ink of a place is weighed
NEAR, SPREAD = 3.0, 2.0  # how far from the middle it may be, and how much further counts
LEAST = 8.0  # pixels of ink below which there is nothing
DOUBT = -1.0  # logarithm of the odds below which nothing is taken for a digit in a string


class AnimationError(SnError):
    """A scene that is not there, or that a network cannot look at."""


@dataclass(frozen=True, slots=True)
class Gaze:
    """What a network makes of one image.

    Attributes
    ----------
    image : uint8 (rows, columns), ink 255
    layers : name -> states (maps, rows, columns), without the input
    confidence : (classes, rows, columns), 0 to 1, for every place where the network stands
    step : pixels from one place to the next
    side : pixels of the retina
    answer : the digits that were read, with their places (row, column) and confidences
    truth : what is written, None where nobody could say
    """

    image: np.ndarray
    layers: dict[str, np.ndarray]
    confidence: np.ndarray
    step: tuple[int, int]
    side: int
    answer: tuple[tuple[int, int, int, float], ...]
    truth: str | None

    @property
    def text(self) -> str:
        """The digits that were read, as a string."""
        return "".join(str(digit) for digit, *_ in self.answer)

    @property
    def right(self) -> bool | None:
        """Whether the answer is the truth, None where there is none."""
        return None if self.truth is None else self.text == self.truth


class Watcher:
    """Looks at frames with a network."""

    def __init__(self, network: "Network") -> None:
        self.network = network
        self.side = network.retina.side
        self.scale = digit_height(network) / TALL
        self.parts = anatomy(network)[1:]
        try:
            self.step = network.program.replicate(self.side, self.side).step
        except SnCompileError:
            self.step = None

    def look(self, frame: Frame) -> Gaze:
        """Return what the network makes of a frame. Raises AnimationError."""
        shape = self.shape(frame)
        image = frame.image(self.scale, shape)
        network, program = self.network, self.network.program
        retina = network.retina
        pixels = retina.paper + image * np.float32((retina.ink - retina.paper) / 255)
        pixels = pixels.astype(np.float32)
        if self.step is None:
            outputs = program.run(pixels[None])[0][:, None, None]
            layers = {p.name: self.maps(p, program.states(p.units)) for p in self.parts}
        else:
            replica = program.replicate(*shape)
            outputs = replica.run(pixels)
            layers = {name: replica.states(name) for name in replica.layers}
        confidence = confidences(network, outputs)
        step = self.step or (1, 1)
        read = self.several if len(frame.truth or "") != 1 and self.wide(frame) else self.one
        places = confidence.shape[1:]
        weight = self.centred(image, places, step) if places != (1, 1) else 1.0
        answer = tuple(read(confidence * weight, step))
        return Gaze(image, layers, confidence, step, self.side, answer, frame.truth)

    def centred(
        self, image: np.ndarray, places: tuple[int, int], step: tuple[int, int]
    ) -> np.ndarray:
        """Return how well the ink at every place (rows, columns) is centred there, 0 to 1.

        The network learnt digits whose mass is in the middle and knows nothing of others; what
        it says of half a digit, or of paper between two, is no evidence.
        """
        ink = image / 255.0
        y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
        sums = np.stack([ink, ink * y, ink * x]).cumsum(1).cumsum(2)
        sums = np.pad(sums, ((0, 0), (1, 0), (1, 0)))
        box = np.array(BOX) * self.scale / 2
        middles, edges = [], []
        for axis in (0, 1):
            middle = self.side / 2 + step[axis] * np.arange(places[axis])
            limits = (np.rint(middle - box[axis]), np.rint(middle + box[axis]))
            middles.append(middle)
            edges.append([np.clip(v, 0, image.shape[axis]).astype(int) for v in limits])
        (top, bottom), (left, right) = edges
        top, bottom = top[:, None], bottom[:, None]
        mass, down, across = (
            s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left] for s in sums
        )
        known = np.maximum(mass, 1e-9)
        away = np.hypot(down / known - middles[0][:, None], across / known - middles[1])
        beyond = np.maximum(0, away / self.scale - NEAR) / SPREAD
        return np.exp(-(beyond**2)) * (mass > LEAST * self.scale**2)

    def wide(self, frame: Frame) -> bool:
        """Tell whether a frame may hold several digits."""
        return frame.columns >= 2 * SIDE

    def shape(self, frame: Frame) -> tuple[int, int]:
        """Return the rows and columns of the field: the retina, and whole steps beyond it."""
        if self.step is None:
            if self.wide(frame):
                raise AnimationError(
                    f"{self.network.name} cannot look at several digits: its units differ from "
                    "place to place, so that it cannot be replicated"
                )
            return self.side, self.side
        more = (max(0, n - SIDE) * self.scale for n in (frame.rows, frame.columns))
        rows, columns = (
            self.side + 2 * step * round(m / (2 * step))
            for m, step in zip(more, self.step, strict=True)
        )
        return rows, columns

    @staticmethod
    def maps(part: object, states: np.ndarray) -> np.ndarray:
        """Return the states of a layer as (maps, rows, columns); lines as maps of one unit."""
        shape = part.shape
        if shape.flat:
            return states[:, None, None]
        return states.reshape(shape.maps, shape.rows, shape.columns)

    @staticmethod
    def one(
        confidence: np.ndarray, step: tuple[int, int]
    ) -> Iterable[tuple[int, int, int, float]]:
        """Yield the digit of which the network is surest at any place."""
        digit, row, column = np.unravel_index(confidence.argmax(), confidence.shape)
        yield int(digit), int(row), int(column), float(confidence[digit, row, column])

    def several(
        self, confidence: np.ndarray, step: tuple[int, int]
    ) -> Iterable[tuple[int, int, int, float]]:
        """Yield the digits of a string from left to right.

        Places at least `APART` from each other are chosen so that the logarithms of their odds,
        less what a doubtful one has, add up to most.
        """
        rows = confidence.max(axis=0).argmax(axis=0)
        best = confidence.max(axis=(0, 1))
        odds = np.clip(best, 1e-9, 1 - 1e-9)
        gain = np.log(odds / (1 - odds)) - DOUBT
        gap = max(1, round(APART * self.scale / step[1]))
        total = np.zeros(len(gain) + gap)
        taken = np.zeros(len(gain), bool)
        for k, value in enumerate(gain.tolist()):
            taken[k] = value > 0 and total[k] + value > total[k + gap - 1]
            total[k + gap] = total[k] + value if taken[k] else total[k + gap - 1]
        found, k = [], len(gain) - 1
        while k >= 0:
            if taken[k]:
                found.append(k)
            k -= gap if taken[k] else 1
        for k in reversed(found):
            digit = int(confidence[:, rows[k], k].argmax())
            yield digit, int(rows[k]), k, float(best[k])


def confidences(network: "Network", outputs: np.ndarray) -> np.ndarray:
    """Return how sure a network is of every class (classes, ...), 0 to 1.

    Penalties become posteriors beside the rubbish class of the training; outputs of a squared
    error, -1 to 1, are shares of their range.
    """
    cost = network.recipe.cost
    if cost == "squared":
        return np.clip((outputs + 1) / 2, 0, 1)
    sign = 1 if cost == "softmax" else -1
    scores = sign * outputs.astype(np.float64)
    rubbish = np.full_like(scores[:1], -network.recipe.rubbish)
    every = scores if cost == "softmax" else np.concatenate([scores, rubbish])
    top = every.max(axis=0)
    return np.exp(scores - top) / np.exp(every - top).sum(axis=0)


def chosen(name: str, seed: int, every: int = 1) -> list[Scene]:
    """Return the scene of a name, or all; with each `every`-th frame. AnimationError."""
    if name == "all":
        return [part for known in SCENES for part in chosen(known, seed, every)]
    if name not in SCENES:
        near = difflib.get_close_matches(name, SCENES, 1, 0.4)
        hint = f" Did you mean {near[0]}?" if near else " See lenet animate --list"
        raise AnimationError(f'no animation "{name}".{hint}')
    whole = scene(name, seed)
    step = 1 if whole.still else every
    return [replace(whole, frames=whole.frames[::step], ms=whole.ms * step)]


def watch(network: "Network", watched: Scene) -> list[Gaze]:
    """Return what a network makes of every frame of a scene. Raises AnimationError."""
    watcher = Watcher(network)
    return [watcher.look(frame) for frame in watched.frames]


def tally(gazes: Iterable[Gaze]) -> tuple[int, int]:
    """Return how many frames were right, and of how many it is known what is written."""
    known = [gaze.right for gaze in gazes if gaze.right is not None]
    return sum(known), len(known)


def sentence(played: Scene, gazes: Sequence[Gaze]) -> str:
    """Return the line that says how often the network was right."""
    right, known = tally(gazes)
    count = f"{len(gazes)} frames"
    if known < len(gazes):
        count += f", {known} of them told apart by a reader"
    return f"{played.name}: {count}, {right} right of {known}"


def told(gaze: Gaze) -> str:
    """Return a line for one frame: answer, confidences, and the truth where it differs."""
    sure = " ".join(f"{p:.2f}" for *_, p in gaze.answer)
    wrong = f"   WRONG: {gaze.truth} was written" if gaze.right is False else ""
    return f"{gaze.text or '-':<6} {sure}{wrong}"


def play(played: Scene, gazes: Sequence[Gaze], stream: TextIO, pause: Callable) -> None:
    """Show a scene in a terminal, the retina as half blocks and the answer beneath it.

    `pause` is given the seconds between frames. Where the stream is no terminal, or a poor
    one, there is a line for every frame.
    """
    from PIL import Image

    size = shutil.get_terminal_size((80, 25))
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        for number, gaze in enumerate(gazes, 1):
            stream.write(f"{number:>3}  {told(gaze)}\n")
        return
    how = {"colors": colors_of(stream), "utf8": encoding == "utf8"}
    height = 0
    for number, gaze in enumerate(gazes, 1):
        picture = Image.fromarray(255 - gaze.image).convert("RGB")
        drawn = blocks(picture, size.columns - 1, max(4, size.lines - 4), **how)
        head = f"{played.title}  {number} / {len(gazes)}"
        lines = [head, *drawn.rstrip("\n").split("\n"), told(gaze)]
        lines = [line if "\033" in line else line[: size.columns - 1] for line in lines]
        up = f"\033[{height}A" if height else ""
        stream.write(up + "".join(f"\r{line}\033[K\n" for line in lines) + "\033[J")
        stream.flush()
        height = len(lines)
        pause(played.ms / 1000)
