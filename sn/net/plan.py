"""What `sn.net.lowering` is given, what it finds, and what it returns."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, slots=True)
class Squashing:
    """A transfer function ``A tanh(Bx) + Cx + D`` or its kin (`kind` as in kernels_steps)."""

    kind: int
    A: float = 1.0
    B: float = 1.0
    C: float = 0.0
    D: float = 0.0


@dataclass(frozen=True, slots=True)
class Layer:
    """Units computed together: their numbers, transfer function and kind of sum.

    `maximum` units take the greatest of what they see, without weights; `dropout` is the
    probability with which units are silenced in learning.
    """

    name: str
    units: np.ndarray
    squashing: Squashing | None = None
    euclidean: bool = False
    maximum: bool = False
    dropout: float = 0.0


@dataclass(slots=True)
class Map:
    """Units that share their weights, laid out in rows.

    `units` row by row (rows*columns); `sources` (units, taps) and `weights` (taps,) are their
    links, ordered alike for all units; `pitch` is the distance of rows among the states. Of a
    finished program `sources` has the links of the first unit alone.
    """

    units: np.ndarray
    rows: int
    columns: int
    sources: np.ndarray
    weights: np.ndarray
    pitch: int = 0
    position: int = 0

    @property
    def span(self) -> int:
        """Length of the run of states from the first to the last unit."""
        return (self.rows - 1) * self.pitch + self.columns


@dataclass(frozen=True, slots=True)
class Field:
    """The receptive field of a map: the same rectangle of one or several source maps.

    `parts` are (source map, taps row by row, corner seen by unit 0); the windows of row i and
    column j of the map begin `row_starts[i]` rows and `column_starts[j]` columns further.
    """

    parts: list[tuple[Map, np.ndarray, np.ndarray]]
    height: int
    width: int
    row_starts: np.ndarray
    column_starts: np.ndarray

    def steps(self) -> tuple[int, int] | None:
        """Return the steps between rows and between columns, None if they are not constant."""
        found = []
        for starts in (self.row_starts, self.column_starts):
            gaps = np.diff(starts)
            if len(gaps) and (gaps != gaps[0]).any():
                return None
            found.append(int(gaps[0]) if len(gaps) else 1)
        return found[0], found[1]


@dataclass(slots=True)
class Stage:
    """The steps of layers that are computed together, before their rows are written."""

    skip: int
    fills: list[int] = dataclass_field(default_factory=list)
    biases: list[tuple[np.ndarray, int]] = dataclass_field(default_factory=list)
    convolutions: dict[tuple, list[tuple]] = dataclass_field(default_factory=dict)
    strided: dict[tuple, list[tuple]] = dataclass_field(default_factory=dict)
    maxima: dict[tuple, list[tuple]] = dataclass_field(default_factory=dict)
    subsampled: dict[tuple, list[tuple]] = dataclass_field(default_factory=dict)
    gathered: dict[bytes, list[tuple[Map, int]]] = dataclass_field(default_factory=dict)
    blocks: list[tuple] = dataclass_field(default_factory=list)
    sparse: list[int] = dataclass_field(default_factory=list)
    squashings: list[tuple] = dataclass_field(default_factory=list)
    dropouts: list[tuple] = dataclass_field(default_factory=list)


class Link(NamedTuple):
    """A map sees a rectangle of another: what `sn.net.replication` needs to know of it.

    `kind` is a step; windows are `height` x `width`, the one of unit (0, 0) begins at `corner`
    and those of its neighbours `steps` further (None if they move unevenly); `kernel` is the
    place of the first weight, -1 if there is none.
    """

    kind: int
    source: Map
    target: Map
    corner: tuple[int, int]
    height: int
    width: int
    steps: tuple[int, int] | None
    kernel: int


@dataclass(slots=True)
class Plan:
    """A layer as it was recognised.

    `maps` with their `links`; `bias` (maps,) holds the place of the one bias of a map, -1 for
    none, -2 for one for every unit; `units` are the others, with their biases in `unit_bias`,
    and `blocks` (step, units, sources, first weight) connect them; `irregular` if there are
    links of no such kind.
    """

    name: str
    squashing: Squashing
    dropout: float = 0.0
    maps: list[Map] = dataclass_field(default_factory=list)
    links: list[Link] = dataclass_field(default_factory=list)
    bias: list[int] = dataclass_field(default_factory=list)
    units: np.ndarray = dataclass_field(default_factory=lambda: np.zeros(0, np.int64))
    unit_bias: dict[int, int] = dataclass_field(default_factory=dict)
    blocks: list[tuple[int, np.ndarray, np.ndarray, int]] = dataclass_field(
        default_factory=list
    )
    irregular: bool = False


@dataclass(frozen=True, slots=True)
class Lowered:
    """A finished layer program.

    `program` (steps, 16), `lists`, `constants`: see `sn.net.kernels_program`. `position` maps a
    unit number to its place among `size` states; `weight_index` maps a place of the program's
    weight vector to the network's weight; `summary` counts links per kind of step; `maps` are
    the feature maps recognised in each layer, `plans` the layers as they were recognised.
    """

    program: np.ndarray
    lists: np.ndarray
    constants: np.ndarray
    position: np.ndarray
    size: int
    weight_index: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    buffer: int
    summary: dict[str, int]
    maps: dict[str, list[Map]]
    plans: list[Plan]
