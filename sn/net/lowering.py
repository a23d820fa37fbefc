"""From a built network to a layer program: recognise the regular blocks among its links.

Nothing here knows how a network was made. The links alone decide: units whose incoming links
carry the same weights form a *feature map*; if their sources move by constant steps the map is
a convolution or a subsampling, if not, what its units see is gathered first; units that see the
same sources are a dense block; whatever is left runs as sparse links. See
`sn.net.kernels_program` for the rows that are written here.
"""

from collections.abc import Sequence

import numpy as np

from sn.errors import SnCompileError
from sn.net import gathering
from sn.net import kernels_steps as steps
from sn.net.plan import Field, Layer, Link, Lowered, Map, Plan, Stage
from sn.net.table import FRONT, Table

NAMES = {
    steps.CONVOLUTION: "convolution",
    steps.STRIDED: "strided convolution",
    steps.SUBSAMPLING: "subsampling",
    steps.MAXIMUM: "maximum",
    steps.DENSE: "dense",
    steps.EUCLIDEAN: "Euclidean",
    steps.GATHER: "gathered",
}


class Lowering:
    """The state of one translation; `lower` is the way in."""

    def __init__(
        self, layers: Sequence[Layer], pre: np.ndarray, post: np.ndarray, weight: np.ndarray
    ):
        if not layers:
            raise SnCompileError("compile-net : no network has been built : ()")
        self.layers = layers
        self.pre, self.post, self.weight = in_order(pre, post, weight)
        count = int(max([0, *(int(la.units.max()) for la in layers if len(la.units))])) + 1
        count = max(count, int(pre.max(initial=0)) + 1, int(post.max(initial=0)) + 1)
        inner = self.pre != 0
        self.bias_post, self.bias_weight = self.post[~inner], self.weight[~inner]
        self.pre, self.post, self.weight = (
            a[inner] for a in (self.pre, self.post, self.weight)
        )
        self.first = np.searchsorted(self.post, np.arange(count + 1)).tolist()
        self.bias_first = np.searchsorted(self.bias_post, np.arange(count + 1)).tolist()
        self.layer_of = np.full(count, -1)
        for k, layer in enumerate(layers):
            self.layer_of[layer.units] = k
        self.position = np.zeros(count, np.int64)
        self.size = FRONT  # position 0 is the bias
        self.known: list[Map] = []  # maps that have their place, and by unit which one
        self.map_of = np.full(count, -1, np.int32)
        self.place_of = np.zeros((count, 2), np.int64)  # row, column within its map
        self.table = Table()
        self.buffer = 1
        self.summary: dict[str, int] = {}
        self.maps: dict[str, list[Map]] = {}
        self.plans: list[Plan] = []

    def stages(self) -> list[list[int]]:
        """Group layers by their longest distance from the input."""
        layer_of = self.layer_of.astype(np.int16 if len(self.layers) < 128 else np.int64)
        sources, targets = layer_of[self.pre], layer_of[self.post]
        if (sources < 0).any() or (targets < 0).any():
            raise SnCompileError("compile-net : a link leads outside the layers : ()")
        feeds: dict[int, list[int]] = {}
        pairs = sources * layer_of.dtype.type(len(self.layers)) + targets
        for pair in np.flatnonzero(np.bincount(pairs)).tolist():
            feeds.setdefault(pair % len(self.layers), []).append(pair // len(self.layers))
        depth: dict[int, int] = {}
        for start in range(len(self.layers)):
            path = [start]
            while path:
                k = path[-1]
                todo = [a for a in feeds.get(k, []) if a not in depth]
                if any(a in path for a in todo):
                    name = self.layers[k].name
                    raise SnCompileError(f"compile-net : layer {name} feeds itself : ()")
                if todo:
                    path.append(todo[0])
                else:
                    depth[k] = 1 + max((depth[a] for a in feeds.get(k, [])), default=-1)
                    path.pop()
        out: list[list[int]] = [[] for _ in range(max(depth.values()) + 1)]
        for k in range(len(self.layers)):
            out[depth[k]].append(k)
        return out

    # ---- recognising maps ------------------------------------------------------------------

    def inner_links(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (sources, weights) of a unit without its bias, ordered by weight, source."""
        run = slice(self.first[unit], self.first[unit + 1])
        return self.pre[run], self.weight[run]

    def bias_of(self, unit: int) -> np.ndarray:
        """Return the bias weights of a unit (usually one or none)."""
        return self.bias_weight[self.bias_first[unit] : self.bias_first[unit + 1]]

    def maps_of(self, layer: Layer) -> tuple[list[Map], list[int]]:
        """Split the units of a layer into feature maps and the rest."""
        if layer.euclidean:
            return [], layer.units.tolist()
        groups: dict[bytes, list[int]] = {}
        for unit in layer.units.tolist():
            groups.setdefault(self.inner_links(unit)[1].tobytes(), []).append(unit)
        maps, rest = [], []
        for members in groups.values():
            found = self.as_map(np.array(sorted(members))) if len(members) > 1 else None
            if found is None:
                rest.extend(members)
            else:
                maps.append(found)
        return maps, sorted(rest)

    def as_map(self, units: np.ndarray) -> Map | None:
        """Recognise units with equal weights as a map if all their links move alike."""
        weights = self.inner_links(int(units[0]))[1]
        if len(weights) == 0 or (np.diff(units) != 1).any():
            return None
        sources = np.stack([self.inner_links(int(u))[0] for u in units])
        moves = sources - sources[0]
        if (moves != moves[:, :1]).any():
            return None
        return Map(units, 1, len(units), sources, weights)

    def geometry(self, found: Map) -> Field | None:
        """Describe the receptive field of a map, or None if it is no moving rectangle.

        Finds the rows and columns of the map from where its windows begin.
        """
        for unit in found.sources[0][self.map_of[found.sources[0]] < 0].tolist():
            if self.map_of[unit] < 0 and not self.guess_input(found, unit):
                return None
        places = self.place_of[found.sources[0]]
        owners = self.map_of[found.sources[0]]
        parts = []
        shape = None
        for owner in dict.fromkeys(owners.tolist()):
            source, taps = self.known[owner], np.flatnonzero(owners == owner)
            place = places[taps]
            low = place.min(axis=0)
            high, wide = (place.max(axis=0) - low + 1).tolist()
            if len(place) != high * wide:
                return None
            along = (place - low) @ (wide, 1)
            order = np.argsort(along, kind="stable")
            if (along[order] != np.arange(high * wide)).any():
                return None
            if shape not in (None, (high, wide)):
                return None
            shape = (high, wide)
            parts.append((source, taps[order], low))
        if shape is None or len({source.columns for source, _, _ in parts}) != 1:
            return None
        begins = self.place_of[found.sources[:, 0]] - places[0]
        turns = np.flatnonzero(begins[:, 0] != 0)
        columns = int(turns[0]) if len(turns) else len(begins)
        rows, left = divmod(len(begins), columns)
        if left:
            return None
        row_starts, column_starts = begins[::columns, 0], begins[:columns, 1]
        grid = np.stack(np.meshgrid(row_starts, column_starts, indexing="ij"), axis=2)
        if (grid.reshape(-1, 2) != begins).any() or min(
            row_starts.min(), column_starts.min()
        ) < 0:
            return None
        # The far corner must stay inside every source map: no wrapping round its edge.
        for source, _, low in parts:
            bottom = low[0] + row_starts.max() + shape[0]
            right = low[1] + column_starts.max() + shape[1]
            if bottom > source.rows or right > source.columns:
                return None
        found.rows, found.columns = rows, columns
        return Field(parts, *shape, row_starts, column_starts)

    def guess_input(self, found: Map, unit: int) -> bool:
        """Give an input layer its rows and columns, read off the first map that looks at it."""
        layer = self.layers[self.layer_of[unit]]
        if self.position[unit] or (np.diff(layer.units) != 1).any():
            return False  # it has its place already, and steps may know of it
        inside = np.sort(found.sources[0][np.isin(found.sources[0], layer.units)])
        breaks = np.flatnonzero(np.diff(inside) != 1)
        width = int(inside[breaks[0] + 1] - inside[0]) if len(breaks) else len(layer.units)
        rows, left = divmod(len(layer.units), width)
        if left:
            return False
        self.lay_out(Map(layer.units, rows, width, layer.units[:0], layer.units[:0], width))
        return True

    # ---- positions -------------------------------------------------------------------------

    def lay_out(self, found: Map) -> None:
        """Give a map its place among the states."""
        found.position = self.size
        name = self.layers[self.layer_of[found.units[0]]].name
        self.maps.setdefault(name, []).append(found)
        row, column = np.divmod(np.arange(len(found.units)), found.columns)
        self.position[found.units] = found.position + row * found.pitch + column
        self.place_of[found.units] = np.stack([row, column], axis=1)
        self.map_of[found.units] = len(self.known)
        self.known.append(found)
        self.reserve(found.rows * found.pitch)

    def reserve(self, length: int) -> None:
        """Move on behind `length` states, leaving free positions that stay zero."""
        self.size += -(-length // FRONT) * FRONT + FRONT

    # ---- steps -----------------------------------------------------------------------------

    def count(self, kind: str, links: int) -> None:
        """Add to the summary of links per kind of step."""
        if links:
            self.summary[kind] = self.summary.get(kind, 0) + links

    def stage(self, numbers: list[int], skip: bool) -> None:
        """Translate the layers of one stage. `skip`: its sources are all inputs."""
        table, stage = self.table, Stage(int(skip))
        for k in numbers:
            layer = self.layers[k]
            squashing = layer.squashing
            if squashing is None:
                raise SnCompileError(
                    f"compile-net : no compiled transfer function : {layer.name}"
                )
            plan = Plan(layer.name, squashing, layer.dropout)
            self.plans.append(plan)
            maps, rest = self.maps_of(layer)
            runs = []
            for found in maps:
                shape = self.geometry(found)
                if shape is None or not self.map_step(layer, found, shape, stage, plan):
                    rest.extend(found.units.tolist())
                    continue
                runs += [found.position, found.span]
                plan.maps.append(found)
                plan.bias.append(self.map_bias(found, stage))
            if not layer.maximum and not layer.euclidean:
                rest = self.gathered(sorted(rest), runs, stage, plan)
            if rest:
                if layer.maximum:
                    raise SnCompileError(
                        f"compile-net : units of a max layer need windows that move evenly : "
                        f"{layer.name}"
                    )
                units = np.array(sorted(rest), np.int64)
                self.position[units] = self.size + np.arange(len(units))
                runs += [self.size, len(units)]
                stage.fills += [self.size, len(units), -1]
                self.reserve(len(units))
                plan.units = units
                self.bias_steps(units, layer.euclidean, stage, plan)
                self.rest_steps(units, layer.euclidean, stage, plan)
            at = len(table.constants)
            table.constants += [squashing.A, squashing.B, squashing.C, squashing.D]
            first = table.put(runs)
            stage.squashings.append((first, len(runs) // 2, squashing.kind, at))
            if layer.dropout:
                table.constants.append(layer.dropout)
                stage.dropouts.append((first, len(runs) // 2, at + 4))
        self.emit(stage)

    def map_step(
        self, layer: Layer, found: Map, field: Field, stage: Stage, plan: Plan
    ) -> bool:
        """Lay a map out and note its step; False if its weights do not fit a regular step."""
        pitches = {source.pitch for source, _, _ in field.parts}
        constant = field.steps()
        alike = len(np.unique(found.weights)) == 1
        if layer.maximum or alike:
            if len(field.parts) != 1 or constant is None:
                return False
            if not layer.maximum and not self.table.free(found.weights[:1]):
                return False
        elif not self.table.free(found.weights):
            return False
        plain = not layer.maximum and not alike and constant == (1, 1) and len(pitches) == 1
        found.pitch = pitches.pop() if plain else found.columns
        self.lay_out(found)
        size = (field.width, field.height)
        for source, taps, low in field.parts:
            corner = int(low[0]), int(low[1])
            at = source.position + corner[0] * source.pitch + corner[1]
            key = (*size, source.pitch, found.pitch, found.rows, found.columns)
            kernel = -1
            if layer.maximum:
                kind = steps.MAXIMUM
                link = (at, found.position)
                stage.maxima.setdefault((*key, *constant, stage.skip), []).append(link)
            else:
                kernel = self.table.claim(found.weights[:1] if alike else found.weights[taps])
                link = (at, found.position, kernel)
                if plain:
                    kind = steps.CONVOLUTION
                    key = (*size, found.pitch, found.span)
                    stage.convolutions.setdefault(key, []).append(link)
                elif alike:
                    kind = steps.SUBSAMPLING
                    stage.subsampled.setdefault((*key, *constant, stage.skip), []).append(link)
                else:
                    kind = steps.STRIDED
                    starts = tuple(
                        tuple(v.tolist()) for v in (field.row_starts, field.column_starts)
                    )
                    stage.strided.setdefault((key, starts), []).append(link)
            plan.links.append(
                Link(kind, source, found, corner, field.height, field.width, constant, kernel)
            )
        self.count(NAMES[kind], len(found.units) * len(found.weights))
        return True

    def map_bias(self, found: Map, stage: Stage) -> int:
        """Note the bias of a map and return its place: -1 if it has none, -2 for many."""
        flat = np.concatenate([self.bias_of(int(u)) for u in found.units])
        shared = -1
        if (
            len(flat) == len(found.units)
            and (flat == flat[0]).all()
            and self.table.free(flat[:1])
        ):
            shared = self.table.claim(flat[:1])
            self.count("bias", len(flat))
        else:
            self.bias_steps(found.units, False, stage, None)
        stage.fills += [found.position, found.span, shared]
        return -2 if len(flat) and shared < 0 else shared

    def bias_steps(
        self, units: np.ndarray, euclidean: bool, stage: Stage, plan: Plan | None
    ) -> None:
        """Note biases of single units: a run of weights if regular, else sparse links."""
        own = [self.bias_of(int(u)) for u in units]
        flat = np.concatenate(own)
        if euclidean and len(flat):
            raise SnCompileError(f"compile-net : a Euclidean unit has a bias : {units[0]}")
        self.count("bias", len(flat))
        if len(flat) and all(len(b) == 1 for b in own) and self.table.free(flat):
            base = self.table.claim(flat)
            stage.biases.append((self.position[units], base))
            if plan:
                plan.unit_bias = {u: base + k for k, u in enumerate(units.tolist())}
            return
        if plan and len(flat):
            plan.irregular = True
        for unit, mine in zip(units.tolist(), own, strict=True):
            for w in mine.tolist():
                stage.sparse += [0, int(self.position[unit]), self.table.place(w)]

    def gathered(
        self, units: list[int], runs: list[int], stage: Stage, plan: Plan
    ) -> list[int]:
        """Lay out groups that share their weights, note their steps, return the other units."""
        found, rest = gathering.groups(units, self.inner_links, self.table)
        for members, sources, weights, kernel in found:
            count = len(members)
            group = Map(members, 1, count, sources, weights, count, self.size)
            self.position[members] = self.size + np.arange(count)
            self.reserve(count)
            runs += [group.position, group.span]
            self.map_bias(group, stage)
            stage.gathered.setdefault(sources.tobytes(), []).append((group, kernel))
            self.count(NAMES[steps.GATHER], sources.size)
            plan.irregular = True
        return rest

    def rest_steps(self, units: np.ndarray, euclidean: bool, stage: Stage, plan: Plan) -> None:
        """Note dense blocks among units without maps; what remains is sparse."""
        same: dict[bytes, list[int]] = {}
        for unit in units.tolist():
            same.setdefault(np.sort(self.inner_links(unit)[0]).tobytes(), []).append(unit)
        for members in same.values():
            pre = np.sort(self.inner_links(members[0])[0])
            if not len(pre):
                continue
            lines = []
            for unit in members:
                source, weight = self.inner_links(unit)
                lines.append(weight[np.argsort(source, kind="stable")])
            matrix = np.stack(lines)
            if self.table.free(matrix.ravel()):
                kind = steps.EUCLIDEAN if euclidean else steps.DENSE
                base = self.table.claim(matrix.ravel())
                stage.blocks.append((kind, self.position[members], self.position[pre], base))
                plan.blocks.append((kind, np.array(members), pre, base))
                self.buffer = max(self.buffer, len(pre))
                self.count(NAMES[kind], matrix.size)
            elif euclidean:
                raise SnCompileError(
                    f"compile-net : Euclidean units share weights : {members[0]}"
                )
            else:
                plan.irregular = True
                for unit, line in zip(members, matrix, strict=True):
                    for source, w in zip(pre.tolist(), line.tolist(), strict=True):
                        at = int(self.position[source])
                        stage.sparse += [at, int(self.position[unit]), self.table.place(w)]
                self.count("sparse", matrix.size)

    def emit(self, stage: Stage) -> None:
        """Write the rows of a stage."""
        table = self.table
        table.row(steps.FILL, table.put(stage.fills), len(stage.fills) // 3)
        for places, base in stage.biases:
            table.row(steps.BIAS, table.put(places), len(places), base)
        for (width, height, pitch, pixels), links in stage.convolutions.items():
            source, target, kernel = np.array(links, np.int64).T
            sources, near = np.unique(source, return_inverse=True)
            targets, far = np.unique(target, return_inverse=True)
            kernels = np.full((len(targets), len(sources)), -1)
            kernels[far, near] = kernel
            table.convolution(
                (width, height), pitch, pixels, sources, targets, kernels, bool(stage.skip)
            )
        for (key, starts), links in stage.strided.items():
            first = table.put(np.ravel(links))
            at = [table.put(values) for values in starts]
            table.row(steps.STRIDED, first, len(links), *key, *at, stage.skip)
        for kind, groups in (
            (steps.SUBSAMPLING, stage.subsampled),
            (steps.MAXIMUM, stage.maxima),
        ):
            for key, links in groups.items():
                table.row(kind, table.put(np.ravel(links)), len(links), *key)
        for alike in stage.gathered.values():
            targets, kernels = np.array([(m.position, k) for m, k in alike]).T
            sources = self.position[alike[0][0].sources]
            skip = bool(stage.skip)
            self.reserve(gathering.write(table, sources, targets, kernels, self.size, skip))
        for kind, outs, ins, base in stage.blocks:
            first, second = table.put(outs), table.put(ins)
            table.row(kind, first, len(outs), second, len(ins), base, stage.skip)
        if stage.sparse:
            table.row(steps.SPARSE, table.put(stage.sparse), len(stage.sparse) // 3)
        for squashing in stage.squashings:
            table.row(steps.SQUASH, *squashing)
        for dropout in stage.dropouts:
            table.row(steps.DROPOUT, *dropout)

    def lower(self, output: Layer, source: Layer) -> Lowered:
        """Translate everything and return the finished program."""
        stages = self.stages()
        for k in stages[0]:
            layer = self.layers[k]
            if not np.array_equal(layer.units, source.units):
                self.stage([k], skip=True)  # nothing feeds it: its states are constant
                continue
            if len(stages) > 1:
                self.look_ahead(k, stages)
            if len(layer.units) and self.map_of[layer.units[0]] < 0:
                self.position[layer.units] = self.size + np.arange(len(layer.units))
                self.reserve(len(layer.units))
        for number, stage in enumerate(stages[1:]):
            self.stage(stage, skip=number == 0)
        table = self.table
        for found in (m for maps in self.maps.values() for m in maps):
            found.sources = found.sources[:1].copy()
        return Lowered(
            *table.arrays(),
            self.position,
            self.size + FRONT,
            np.concatenate(table.weights or [np.zeros(0, np.int64)]).astype(np.int64),
            self.position[source.units],
            self.position[output.units],
            self.buffer,
            self.summary,
            self.maps,
            self.plans,
        )

    def look_ahead(self, k: int, stages: list[list[int]]) -> None:
        """Find the rows and columns of an input layer from the maps that look at it."""
        units = self.layers[k].units
        for number in stages[1]:
            for found in self.maps_of(self.layers[number])[0]:
                if np.isin(found.sources[0], units).any():
                    self.guess_input(found, int(found.sources[0][0]))
                    return


def in_order(
    pre: np.ndarray, post: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return links (pre, post, weight) ordered by target, then weight, then source.

    Where the three numbers fit into one of 63 bits, sorting that is several times faster.
    """
    bits = [int(a.max(initial=0)).bit_length() for a in (pre, weight, post)]
    if sum(bits) > 63:
        order = np.lexsort((pre, weight, post))
        return pre[order], post[order], weight[order]
    key = post.astype(np.int64)
    key <<= bits[1]
    key |= weight
    key <<= bits[0]
    key |= pre
    key.sort()
    return (
        (key & ((1 << bits[0]) - 1)).astype(pre.dtype),
        (key >> (bits[0] + bits[1])).astype(post.dtype),
        ((key >> bits[0]) & ((1 << bits[1]) - 1)).astype(weight.dtype),
    )


def lower(
    layers: Sequence[Layer],
    links: tuple[np.ndarray, np.ndarray, np.ndarray],
    source: Layer,
    output: Layer,
) -> Lowered:
    """Translate a network into a layer program.

    `links` are (pre, post, weight) unit and weight numbers, unit 0 being the bias; `source` and
    `output` name the layers where patterns enter and answers leave. Raises SnCompileError for
    loops, for links outside the layers and for transfer functions without a compiled form.
    """
    return Lowering(layers, *links).lower(output, source)
