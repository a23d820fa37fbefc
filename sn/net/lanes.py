"""Layer programs over patterns side by side: the table of steps as `kernels_lanes` takes it.

A full connection becomes a convolution of one run, a convolution with steps one of many runs.
Steps that treat the rows of maps of one shape alike are chained, to be run row by row.
"""

from collections.abc import Iterator

import numpy as np

from sn.net import kernels_steps as steps
from sn.net.kernels_lanes import LANES
from sn.net.plan import Lowered
from sn.net.table import FRONT, Table

Shape = tuple[int, int, int]  # rows, columns, pitch


def blocks(count: int) -> Iterator[slice]:
    """Cut a range into pieces of 4, then 2, then 1: what the tile kernels take at once.

    >>> [(b.start, b.stop) for b in blocks(7)]
    [(0, 4), (4, 6), (6, 7)]
    """
    at = 0
    for size in (4, 2, 1):
        while count - at >= size:
            yield slice(at, at + size)
            at += size


class LaneTable:
    """A lowered network rewritten for `LANES` patterns at a time.

    Attributes
    ----------
    table : its steps and their records
    size : states of one pattern, with room for copies
    """

    def __init__(self, lowered: Lowered) -> None:
        self.table = Table()
        self.lists = lowered.lists
        self.size = lowered.size
        self.shapes = {
            m.position: (m.rows, m.columns, m.pitch)
            for maps in lowered.maps.values()
            for m in maps
        }
        self.begun = 0  # first step of the rows of maps that are chained
        for row in lowered.program.tolist():
            self.step(row[0], row[1], row[2], row[3:])

    def write(self, kind: int, first: int, count: int, rows: int, *columns: int) -> None:
        """Append a step; it is chained to those before it if they have as many rows."""
        table = self.table
        at = len(table.rows)
        if kind == steps.FILL or not at or rows == 1 or table.rows[self.begun][4] != rows:
            self.begun = at
        table.row(kind, first, count, at + 1, rows, *columns)
        table.rows[self.begun][3] = at + 1

    def step(self, kind: int, first: int, count: int, row: list[int]) -> None:
        """Rewrite a step."""
        table, lists = self.table, self.lists
        if kind == steps.FILL:
            for (rows, columns, pitch), found in self.shaped(first, count, 3).items():
                records = [(p * LANES, columns * LANES, bias) for p, _, bias in found]
                at = table.put(np.ravel(records))
                self.write(kind, at, len(found), rows, pitch * LANES)
        elif kind == steps.SQUASH:
            for (rows, columns, pitch), found in self.shaped(first, count, 2).items():
                at = table.put(np.ravel([(p * LANES, columns * LANES) for p, _ in found]))
                self.write(kind, at, len(found), rows, row[0], row[1], pitch * LANES)
        elif kind == steps.BIAS:
            at = table.put(lists[first : first + count] * LANES)
            self.write(kind, at, count, 1, row[0])
        elif kind == steps.CONVOLUTION:
            width, height, pitch, pixels = row[:4]
            rows = (pixels - 1) // pitch + 1
            columns = pixels - (rows - 1) * pitch
            size = (width, height, pitch, pitch)
            records = self.records(first, count)
            self.convolution(records, rows, size, columns, range(rows), [0])
        elif kind == steps.STRIDED:
            width, height, pitch, out_pitch, rows, columns = row[:6]
            tops, lefts = lists[row[6] :][:rows], lists[row[7] :][:columns]
            records = self.blocked(lists[first : first + 3 * count].reshape(-1, 3))
            size = (width, height, pitch, out_pitch)
            self.convolution(records, rows, size, 1, tops.tolist(), lefts.tolist())
        elif kind == steps.DENSE:
            outs = lists[first : first + count]
            for begin, source, inputs in self.runs(row[0], row[1]):
                kernels = row[2] + begin + row[1] * np.arange(count)
                links = np.stack([np.full(count, source), outs, kernels], axis=1)
                self.convolution(self.blocked(links), 1, (inputs, 1, 0, 0), 1, [0], [0])
        elif kind == steps.EUCLIDEAN:
            source = self.together(row[0], row[1])
            at = table.put(lists[first : first + count] * LANES)
            self.write(kind, at, count, 1, source * LANES, row[1], row[2])
        elif kind in (steps.SUBSAMPLING, steps.MAXIMUM):
            width, height, pitch, out_pitch, rows, columns, down, right = row[:8]
            wide = 3 if kind == steps.SUBSAMPLING else 2
            links = np.zeros((count, 3), np.int64)
            links[:, :wide] = lists[first : first + wide * count].reshape(-1, wide)
            links[:, :2] *= LANES
            pitches = pitch * LANES, out_pitch * LANES
            moves = down * pitch * LANES, right * LANES
            at = table.put(links)
            self.write(kind, at, count, rows, width, height, *pitches, columns, *moves)
        elif kind == steps.GATHER:
            taps, place, pitch = row[:3]
            targets = place + pitch * np.arange(taps)[:, None] + np.arange(count)
            self.copy(lists[first : first + taps * count], targets)
        elif kind == steps.SPARSE:
            links = lists[first : first + 3 * count].reshape(-1, 3) * (LANES, LANES, 1)
            self.write(kind, table.put(links), count, 1)

    def shaped(self, first: int, count: int, wide: int) -> dict[Shape, list[list[int]]]:
        """Group records (position, length, ...) by the shape of the maps they stand for."""
        found: dict[Shape, list[list[int]]] = {}
        for record in self.lists[first : first + wide * count].reshape(-1, wide).tolist():
            shape = self.shapes.get(record[0], (1, record[1], 0))
            found.setdefault(shape, []).append(record)
        return found

    def records(self, first: int, count: int) -> list[list[int]]:
        """Return the records of a convolution."""
        found, at = [], first
        for _ in range(count):
            end = at + 5 + 2 * int(self.lists[at + 4])
            found.append(self.lists[at:end].tolist())
            at = end
        return found

    def blocked(self, links: np.ndarray) -> list[list[int]]:
        """Return links (source, target, kernel) as records; those of one source in blocks."""
        found = []
        for source in np.unique(links[:, 0]).tolist():
            mine = links[links[:, 0] == source, 1:]
            for block in blocks(len(mine)):
                many = len(mine[block])
                found.append([source, 1, 0, 0, many, *mine[block].T.ravel().tolist()])
        return found

    def convolution(
        self,
        records: list[list[int]],
        rows: int,
        size: tuple[int, int, int, int],
        columns: int,
        tops: range | list[int],
        lefts: list[int],
    ) -> None:
        """Append a convolution.

        `size`: width and height of kernels, pitch of sources and of targets; `columns`: length
        of a run; `tops` and `lefts`: where the windows of rows and of runs begin.
        """
        table, (width, height, pitch, out_pitch) = self.table, size
        flat = []
        for source, maps, forth, further, many, *rest in records:
            flat += [source * LANES, maps, forth * LANES, further, many]
            flat += [*(t * LANES for t in rest[:many]), *rest[many:]]
        first = table.put(flat)
        down = table.put([top * pitch * LANES for top in tops])
        right = table.put([left * LANES for left in lefts])
        pitches = pitch * LANES, out_pitch * LANES
        runs = columns * LANES, len(lefts)
        kind = steps.CONVOLUTION
        self.write(kind, first, len(records), rows, width, height, *pitches, *runs, down, right)

    def runs(self, first: int, count: int) -> list[tuple[int, int, int]]:
        """Return (offset, position, length) of the runs in which states lie side by side.

        Where these are short, the states are copied into one.
        """
        places = self.lists[first : first + count]
        ends = [*(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), count]
        begins = [0, *ends[:-1]]
        if len(begins) * LANES > count:
            return [(0, self.together(first, count), count)]
        return [(a, int(places[a]), b - a) for a, b in zip(begins, ends, strict=True)]

    def together(self, first: int, count: int) -> int:
        """Return where states lie side by side; they are copied if they do not."""
        places = self.lists[first : first + count]
        if (np.diff(places) == 1).all():
            return int(places[0])
        at = self.size
        self.size += -(-count // FRONT) * FRONT
        self.copy(places, at + np.arange(count))
        return at

    def copy(self, sources: np.ndarray, targets: np.ndarray) -> None:
        """Append a step that copies states."""
        pairs = np.stack([np.ravel(sources), np.ravel(targets)], axis=1) * LANES
        self.write(steps.GATHER, self.table.put(pairs), len(pairs), 1)
