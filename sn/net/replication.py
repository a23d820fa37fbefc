"""Space displacement networks: a compiled network over a larger image, sharing all computation.

The same weights run over an image of any size at least that of the input layer; every output
becomes a map with one value for each place the network could stand. What is connected in full
becomes a convolution. Only the table of steps is written anew (it holds the geometry); weights,
gradients and kernels are those of the program, so nothing is compiled for a new width.

Source: LeCun et al. 1998, sec. VII; Matan et al. 1992.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sn.errors import SnCompileError
from sn.net import kernels_program as kernels
from sn.net import kernels_steps as steps
from sn.net.plan import Link, Lowered, Map, Plan
from sn.net.table import FRONT, Table

if TYPE_CHECKING:
    from sn.net.program import LayerProgram

ABSENT = -2  # no link, where links without weights have -1
LIMIT = 1 << 28  # states of a replica: 1 GiB of float32


@dataclass(frozen=True, slots=True)
class Part:
    """Windows of the same size through which maps see others; maps go by their numbers.

    Map `targets[o]` sees a window of `sources[i]` whose first one begins at `corners[i]` and
    whose neighbours are `steps` away; its weights begin at `kernels[o, i]`, -1 if it sees none.
    """

    kind: int
    size: tuple[int, int]
    steps: tuple[int, int]
    sources: np.ndarray
    corners: np.ndarray
    targets: np.ndarray
    kernels: np.ndarray


@dataclass(frozen=True, slots=True)
class Floor:
    """Maps that are computed together; single units count as maps of one unit.

    Its `count` maps of `size` rows and columns are numbered from `first`; `bias` (count,).
    """

    plan: Plan
    first: int
    count: int
    size: tuple[int, int]
    bias: np.ndarray
    parts: list[Part]


class Atlas:
    """What all replicas of a program have in common: its layers as maps and windows.

    Raises SnCompileError where the units of a map are not treated alike.
    """

    def __init__(self, lowered: Lowered) -> None:
        self.map_of: dict[int, Map] = {}
        self.place: dict[int, tuple[int, int]] = {}
        self.numbers: dict[int, int] = {}  # of maps, by id
        position = lowered.position
        image = [m for maps in lowered.maps.values() for m in maps if not len(m.sources)]
        image = [m for m in image if np.array_equal(position[m.units], lowered.inputs)]
        if not image:
            raise SnCompileError(
                "replicate : the input layer is not one image seen through windows : ()"
            )
        self.image = image[0]
        self.know(self.image)
        self.floors = [floor for plan in lowered.plans for floor in self.plan(plan)]
        unit_at = {int(p): u for u, p in enumerate(position.tolist())}
        outputs = [self.map_of[unit_at[p]] for p in lowered.outputs.tolist()]
        if any(len(m.units) > 1 for m in outputs):
            raise SnCompileError("replicate : the outputs are maps already : ()")
        self.outputs = self.numbered(outputs)

    def know(self, found: Map) -> None:
        """Note which units a map has, and number it."""
        self.numbers[id(found)] = len(self.numbers)
        row, column = np.divmod(np.arange(len(found.units)), found.columns)
        places = zip(row.tolist(), column.tolist(), strict=True)
        for unit, place in zip(found.units.tolist(), places, strict=True):
            self.map_of[unit], self.place[unit] = found, place

    def numbered(self, maps: Iterable[Map]) -> np.ndarray:
        """Return the numbers of maps."""
        return np.array([self.numbers[id(m)] for m in maps])

    def plan(self, plan: Plan) -> list[Floor]:
        """Describe a layer."""
        if plan.irregular or -2 in plan.bias:
            what = "irregular links" if plan.irregular else "a bias for every unit"
            raise SnCompileError(f"replicate : layer {plan.name} has {what} : ()")
        floors = []
        if plan.maps:
            first, size = len(self.numbers), (plan.maps[0].rows, plan.maps[0].columns)
            for found in plan.maps:
                self.know(found)
            bias = np.array(plan.bias)
            floors.append(Floor(plan, first, len(bias), size, bias, self.windows(plan)))
        if len(plan.units):
            none = plan.units[:0]
            first = len(self.numbers)
            for u in plan.units.tolist():
                self.know(Map(np.array([u]), 1, 1, none, none))
            bias = np.array([plan.unit_bias.get(u, -1) for u in plan.units.tolist()])
            parts = [part for block in plan.blocks for part in self.full(plan, *block)]
            if not parts:
                raise SnCompileError(f"replicate : layer {plan.name} is not connected : ()")
            floors.append(Floor(plan, first, len(bias), (1, 1), bias, parts))
        return floors

    def windows(self, plan: Plan) -> list[Part]:
        """Return how the feature maps of a layer see others."""
        shapes = {(ln.target.rows, ln.target.columns, ln.steps, ln.kind) for ln in plan.links}
        if len(shapes) > 1 or plan.links[0].steps is None:
            raise SnCompileError(f"replicate : the maps of layer {plan.name} differ : ()")
        groups: dict[tuple, list[Link]] = {}
        for link in plan.links:
            groups.setdefault((link.kind, (link.width, link.height)), []).append(link)
        parts = []
        for (kind, size), links in groups.items():
            near = {(id(ln.source), ln.corner): ln for ln in links}
            far = {id(ln.target): ln.target for ln in links}
            i = {key: k for k, key in enumerate(near)}
            o = {key: k for k, key in enumerate(far)}
            kernels = np.full((len(far), len(near)), -1)
            seen = np.zeros((len(far), len(near)), bool)
            for ln in links:
                at = o[id(ln.target)], i[id(ln.source), ln.corner]
                kernels[at], seen[at] = ln.kernel, True
            if kind != steps.CONVOLUTION:  # these name their links one by one
                kernels = np.where(seen, kernels, ABSENT)
            sources = self.numbered(ln.source for ln in near.values())
            corners = np.array([ln.corner for ln in near.values()])
            targets = self.numbered(far.values())
            parts.append(Part(kind, size, links[0].steps, sources, corners, targets, kernels))
        return parts

    def full(
        self, plan: Plan, kind: int, members: np.ndarray, pre: np.ndarray, base: int
    ) -> list[Part]:
        """Return a full connection as windows that cover all that is seen of each map."""
        found: dict[tuple[int, int], list[tuple[Map, np.ndarray, int]]] = {}
        at = 0
        while at < len(pre):
            here = self.map_of.get(int(pre[at]))
            if here is None:
                raise SnCompileError(f"replicate : layer {plan.name} sees a lone unit : ()")
            end = at
            while end < len(pre) and self.map_of.get(int(pre[end])) is here:
                end += 1
            seen = np.array([self.place[u] for u in pre[at:end].tolist()])
            low = seen.min(axis=0)
            high, wide = (seen.max(axis=0) - low + 1).tolist()
            whole = np.stack(np.divmod(np.arange(high * wide), wide), axis=1) + low
            if len(seen) != high * wide or (seen != whole).any():
                raise SnCompileError(
                    f"replicate : layer {plan.name} sees a part of a map that is no rectangle "
                    ": ()"
                )
            found.setdefault((wide, high), []).append((here, low, at))
            at = end
        lines = base + len(pre) * np.arange(len(members))[:, None]
        targets = self.numbered(self.map_of[u] for u in members.tolist())
        kind = steps.CONVOLUTION if kind == steps.DENSE else steps.DISTANCES
        return [
            Part(
                kind,
                size,
                (1, 1),
                self.numbered(m for m, _, _ in seen),
                np.array([low for _, low, _ in seen]),
                targets,
                lines + np.array([offset for _, _, offset in seen]),
            )
            for size, seen in found.items()
        ]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Maps of one size in a replica.

    `small` and `large` are (rows, columns) in the program and in the replica; `step` is how far
    the network moves over the image, in pixels, from one unit to its neighbour.
    """

    pitch: int
    small: tuple[int, int]
    large: tuple[int, int]
    step: tuple[int, int]

    @property
    def motion(self) -> tuple[object, ...]:
        """What layers must have in common to be seen by one: rows, places, and their steps."""
        places = tuple(n - m for n, m in zip(self.large, self.small, strict=True))
        return self.pitch, places, self.step

    @property
    def span(self) -> int:
        """Length of the run of states from the first to the last unit of a map."""
        return (self.large[0] - 1) * self.pitch + self.large[1]


class Places:
    """Where the states of a layer's maps are; kept small, for there is one for every width.

    `starts` (maps,): the first state of every map; rows lie `pitch` apart.
    """

    def __init__(self, starts: np.ndarray, rows: int, columns: int, pitch: int) -> None:
        self.starts, self.rows, self.columns, self.pitch = starts, rows, columns, pitch

    @property
    def shape(self) -> tuple[int, int, int]:
        """Maps, rows and columns."""
        return len(self.starts), self.rows, self.columns

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.starts) * self.rows * self.columns

    def __call__(self) -> np.ndarray:
        """Return them, int64 (maps, rows, columns)."""
        i, j = np.arange(self.rows), np.arange(self.columns)
        return self.starts[:, None, None] + i[:, None] * self.pitch + j


class Replication:
    """One translation of a program to another size of image.

    `learns`: with the records of the backward pass, which take as long to write again.
    """

    def __init__(self, atlas: Atlas, height: int, width: int, learns: bool) -> None:
        image = atlas.image
        if height < image.rows or width < image.columns:
            raise SnCompileError(
                f"replicate : an image of {height} x {width} is smaller than the input layer "
                f"of {image.rows} x {image.columns} : ()"
            )
        self.table, self.learns = Table(), learns
        self.size = FRONT
        self.starts = np.zeros(len(atlas.numbers), np.int64)  # of maps, among the states
        self.sheets: list[Sheet] = []
        self.sheet_of = np.zeros(len(atlas.numbers), np.int64)
        small = image.rows, image.columns
        self.lay_out(0, 1, Sheet(width, small, (height, width), (1, 1)))
        for floor in atlas.floors:
            self.floor(floor)

    def lay_out(self, first: int, count: int, sheet: Sheet) -> np.ndarray:
        """Give maps their places among the states, at equal distances."""
        apart = -(-sheet.large[0] * sheet.pitch // FRONT) * FRONT + FRONT
        places = self.size + apart * np.arange(count)
        self.size += apart * count
        if self.size > LIMIT:
            raise SnCompileError("replicate : the image is too large : ()")
        self.starts[first : first + count] = places
        self.sheet_of[first : first + count] = len(self.sheets)
        self.sheets.append(sheet)
        return places

    def places(self, maps: np.ndarray) -> "Places":
        """Return where the states of maps of one size are."""
        sheet = self.sheets[self.sheet_of[maps[0]]]
        return Places(self.starts[maps], *sheet.large, sheet.pitch)

    def floor(self, floor: Floor) -> None:
        """Write the steps of a layer."""
        plan, table = floor.plan, self.table
        seen = np.unique(np.concatenate([self.sheet_of[part.sources] for part in floor.parts]))
        source, *others = (self.sheets[k] for k in seen.tolist())
        if any(other.motion != source.motion for other in others):
            raise SnCompileError(
                f"replicate : layer {plan.name} sees maps that do not move together : ()"
            )
        move, small = floor.parts[0].steps, floor.size
        large = tuple(small[k] + (source.large[k] - source.small[k]) // move[k] for k in (0, 1))
        plain = floor.parts[0].kind in (steps.CONVOLUTION, steps.DISTANCES)
        step = tuple(source.step[k] * move[k] for k in (0, 1))
        sheet = Sheet(source.pitch if plain else large[1], small, large, step)
        places = self.lay_out(floor.first, floor.count, sheet)
        spans = np.full(len(places), sheet.span)
        fills = table.put(np.stack([places, spans, floor.bias], axis=1))
        table.row(steps.FILL, fills, len(places))
        for part in floor.parts:
            self.part(part, source, sheet)
        runs = table.put(np.stack([places, spans], axis=1))
        at, f = len(table.constants), plan.squashing
        table.constants += [f.A, f.B, f.C, f.D]
        table.row(steps.SQUASH, runs, len(places), f.kind, at)
        if plan.dropout:
            table.constants.append(plan.dropout)
            table.row(steps.DROPOUT, runs, len(places), at + 4)

    def part(self, part: Part, source: Sheet, sheet: Sheet) -> None:
        """Write the step of some windows."""
        table, skip = self.table, not part.sources.any()  # the image is map 0
        near = self.starts[part.sources] + part.corners @ np.array([source.pitch, 1])
        far = self.starts[part.targets]
        kind, size = part.kind, part.size
        if kind == steps.CONVOLUTION:
            skip |= not self.learns
            table.convolution(size, source.pitch, sheet.span, near, far, part.kernels, skip)
            return
        records = np.stack(np.broadcast_arrays(near, far[:, None], part.kernels), axis=2)
        records = records[part.kernels != ABSENT]
        if kind == steps.MAXIMUM:
            records = records[:, :2]
        first, count = table.put(records), len(records)
        if kind == steps.DISTANCES:
            table.row(kind, first, count, *size, source.pitch, sheet.span, int(skip))
            return
        last = part.steps
        if kind == steps.STRIDED:
            last = [table.put(np.arange(n) * m) for n, m in zip(sheet.large, last, strict=True)]
        key = (*size, source.pitch, sheet.pitch, *sheet.large, *last, int(skip))
        table.row(kind, first, count, *key)


class Replica:
    """A compiled network that runs over a whole image; made by `LayerProgram.replicate`.

    Attributes
    ----------
    shape : (height, width) of the image
    rows, columns : number of places where the network stands
    step : (rows, columns) in pixels from one place to the next

    Training over whole strings, with any loss that has gradients by the outputs::

        wide = program.replicate(32, strip.shape[1])
        scores = wide.run(strip)                    # (classes, rows, columns)
        loss, d_scores = my_loss(scores[:, 0])      # d_scores (classes, columns)
        wide.backward(d_scores[:, None])            # adds to program.gradient_sum
        ...                                         # more strings, of any width
        program.update(count, rule="adam", momentum=0.9)

    Output (k, i, j) is what the program gives for class k on the window of the image whose
    corner is (i*step[0], j*step[1]). All replicas of a program use the same memory: `backward`
    must follow the `run` of the same image.
    """

    def __init__(self, program: "LayerProgram", height: int, width: int) -> None:
        if program.atlas is None:
            program.atlas = Atlas(program.lowered)
        atlas = program.atlas
        self.program = program
        self.shape = height, width
        made = self.translate()
        self.image = int(made.starts[0])
        self.size = made.size + FRONT
        self.learning = False
        sheet = made.sheets[made.sheet_of[atlas.outputs[0]]]
        self.rows, self.columns = sheet.large
        self.step = sheet.step
        self.places = made.places(atlas.outputs)()
        self.layers = {
            floor.plan.name: made.places(floor.first + np.arange(floor.count))
            for floor in atlas.floors
        }

    def translate(self) -> Replication:
        """Write the steps, those of the backward pass only once the program has learned."""
        p = self.program
        self.learns = p.learns
        made = Replication(p.atlas, *self.shape, p.learns)
        self.rows_of_steps, self.lists, constants = made.table.arrays()
        self.constants = constants.astype(p.dtype)
        return made

    def run(self, image: np.ndarray, *, learning: bool = False) -> np.ndarray:
        """Return the outputs (classes, rows, columns) for an image (height, width).

        `learning` lets dropout act.
        """
        if image.shape != self.shape:
            raise SnCompileError(
                f"replica : an image of {image.shape} was given, expected {self.shape} : ()"
            )
        p = self.program
        x, s, _ = p.memory(self.size)
        x[self.image : self.image + image.size] = image.reshape(-1)
        p.owner = self
        kernels.forward(
            self.rows_of_steps,
            self.lists,
            self.constants,
            x,
            s,
            p.weights,
            p.buffer,
            p.exact,
            p.kept(self.size),
            p.noise if learning else np.zeros(1, np.int64),
        )
        self.learning = learning
        return x[self.places]

    def states(self, layer: str) -> np.ndarray:
        """Return the states (maps, rows, columns) of a layer after the last `run`."""
        return self.program.memory(self.size)[0][self.layers[layer]()]

    def backward(self, d_outputs: np.ndarray) -> None:
        """Add the gradient by the weights to `program.gradient_sum`.

        `d_outputs` (classes, rows, columns): derivatives of the loss by what `run` returned.
        """
        self._back(d_outputs, False)

    def backward_second(self, dd_outputs: np.ndarray) -> None:
        """Add diagonal Gauss-Newton curvatures by the weights to `program.curvature_sum`.

        `dd_outputs` (classes, rows, columns): second derivatives of the loss by the outputs.
        """
        self._back(dd_outputs, True)

    def _back(self, derivatives: np.ndarray, second: bool) -> None:
        p = self.program
        if p.owner is not self:
            raise SnCompileError("replica : backward must follow run of the same image : ()")
        if derivatives.shape != self.places.shape:
            raise SnCompileError(
                f"replica : derivatives of shape {derivatives.shape} were given, expected "
                f"{self.places.shape} : ()"
            )
        if not self.learns:
            p.learns = True
            self.translate()
        x, s, d = p.memory(self.size)
        d[:] = 0
        d[self.places] = derivatives
        learning = self.learning and not second
        kernels.backward(
            self.rows_of_steps,
            self.lists,
            self.constants,
            x * x if second else x,
            s,
            d,
            p.weights * p.weights if second else p.weights,
            p.rates,
            p.curvature_sum if second else p.gradient_sum,
            False,
            second,
            x,
            p.buffer,
            p.kept(self.size),
            p.noise if learning else np.zeros(1, np.int64),
        )
        if learning and p.dropping:
            p.owner = None
