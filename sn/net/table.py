"""A layer program under construction: rows of steps, their records, and places of weights.

What the rows mean is said in `sn.net.kernels_program`; who writes them is `sn.net.lowering`
(a network as it was built) and `sn.net.replication` (the same over a larger image).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

import numpy as np

from sn.net import kernels_steps as steps

COLUMNS = 16
FRONT = 16  # free positions before every map: convolutions read a few before and after


def stride(values: np.ndarray) -> int | None:
    """Return the constant difference of successive values, None if it is not constant."""
    gaps = np.diff(values)
    if not len(gaps):
        return 0
    return int(gaps[0]) if (gaps == gaps[0]).all() else None


@dataclass(slots=True)
class Table:
    """Rows, lists and constants of a layer program, and who owns which weight."""

    rows: list[list[int]] = dataclass_field(default_factory=list)
    pieces: list[np.ndarray] = dataclass_field(default_factory=list)
    length: int = 0
    constants: list[float] = dataclass_field(default_factory=list)
    weights: list[np.ndarray] = dataclass_field(default_factory=list)
    weight_count: int = 0
    claimed: dict[int, int] = dataclass_field(default_factory=dict)

    def put(self, values: Sequence[int] | np.ndarray) -> int:
        """Append values to the lists and return where they begin."""
        at = self.length
        piece = np.asarray(values, np.int64).ravel()
        self.pieces.append(piece)
        self.length += len(piece)
        return at

    def row(self, kind: int, first: int, count: int, *columns: int) -> None:
        """Append one step."""
        self.rows.append([kind, first, count, *columns] + [0] * (COLUMNS - 3 - len(columns)))

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return program (steps, columns), lists and constants."""
        return (
            np.array(self.rows, np.int64).reshape(-1, COLUMNS),
            np.concatenate([*self.pieces, np.zeros(1, np.int64)]),
            np.array(self.constants or [0.0]),
        )

    # ---- weights ---------------------------------------------------------------------------

    def claim(self, weights: np.ndarray) -> int:
        """Give weights the next places of the program's vector and return the first."""
        at = self.weight_count
        for k, weight in enumerate(weights.tolist()):
            self.claimed[weight] = at + k
        self.weights.append(weights)
        self.weight_count += len(weights)
        return at

    def free(self, weights: np.ndarray) -> bool:
        """Tell whether the weights are distinct and belong to no step yet."""
        if len(np.unique(weights)) != len(weights):
            return False
        return self.claimed.keys().isdisjoint(weights.tolist())

    def place(self, weight: int) -> int:
        """Return where a weight lives, giving it a place if it has none."""
        if weight not in self.claimed:
            self.claim(np.array([weight]))
        return self.claimed[weight]

    # ---- convolutions ----------------------------------------------------------------------

    def convolution(
        self,
        size: tuple[int, int],
        pitch: int,
        pixels: int,
        sources: np.ndarray,
        targets: np.ndarray,
        kernels: np.ndarray,
        skip: bool,
    ) -> None:
        """Append the step that convolves maps.

        Parameters
        ----------
        size : width and height of the kernels
        pitch, pixels : distance of rows in the sources, length of the run of a target
        sources : positions (inputs,) of the corner of the field in every source map
        targets : positions (outputs,)
        kernels : places (outputs, inputs) of the kernels, -1 where there is none
        skip : whether derivatives by the inputs are not needed
        """
        width, height = size
        full = bool((kernels >= 0).all())
        back = (0, 0, 0, 0, 0)
        if not skip:
            back = *self._records(targets, sources, kernels, full), width, height, pitch
        step = stride(sources)
        single = size == (1, 1) and len(sources) > 1 and full and bool(step)
        if single and (np.diff(kernels, axis=1) == 1).all():
            # Single taps over maps at equal distances: the maps are the rows of one kernel.
            height, pitch = len(sources), step
            sources, kernels = sources[:1], kernels[:, :1]
        first, count = self._records(sources, targets, kernels.T, full)
        self.row(steps.CONVOLUTION, first, count, width, height, pitch, pixels, *back)

    def _records(
        self, near: np.ndarray, far: np.ndarray, kernels: np.ndarray, full: bool
    ) -> tuple[int, int]:
        """Write records for `kernels` (near, far); the far ends are taken in blocks.

        Near ends at equal distances, whose kernels are so, too, share their records.
        """
        at, count = self.length, 0
        maps, forth, further = 1, stride(near), stride(kernels[:, 0])
        even = full and forth is not None and (np.diff(kernels, axis=0) == further).all()
        if even:
            maps, near, kernels = len(near), near[:1], kernels[:1]
        else:
            forth = further = 0
        for source, line in zip(near.tolist(), kernels, strict=True):
            there = np.flatnonzero(line >= 0)
            ends, taken, begun = far[there], line[there], 0
            for many in (4, 2, 1):
                blocks = (len(there) - begun) // many
                if not blocks:
                    continue
                stop = begun + many * blocks
                out = np.empty((blocks, 5 + 2 * many), np.int64)
                out[:, :5] = source, maps, forth, further, many
                out[:, 5 : 5 + many] = ends[begun:stop].reshape(blocks, many)
                out[:, 5 + many :] = taken[begun:stop].reshape(blocks, many)
                self.put(out)
                count, begun = count + blocks, stop
        return at, count
