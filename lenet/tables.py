"""Tables of a network, counted on the live object: layers, weights, links, who sees whom."""

from dataclasses import dataclass

import numpy as np

from lenet.networks import Network


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer: its maps (or None), and what leads into it."""

    name: str
    units: int
    maps: tuple[int, int, int] | None
    kind: str
    weights: int
    fixed: int
    connections: int

    @property
    def size(self) -> str:
        """Maps and their size, as ``6@28x28``, or the number of units."""
        if self.maps is None:
            return f"{self.units}"
        return "{}@{}x{}".format(*self.maps)


def layer_rows(network: Network) -> list[LayerRow]:
    """Return one row per layer, from the input on."""
    memory = network.interpreter.network
    _, post, weight = memory.links()
    lowered = network.program.lowered
    rows = []
    for k, layer in enumerate(memory.layers):
        mine = np.isin(post, layer.units)
        distinct = 0 if layer.maximum else len(np.unique(weight[mine]))
        fixed = distinct if layer.name in network.recipe.frozen else 0
        maps = lowered.maps.get(layer.name, [])
        shape = None
        whole = sum(len(m.units) for m in maps) == len(layer.units)
        if maps and whole and len({(m.rows, m.columns) for m in maps}) == 1:
            shape = len(maps), maps[0].rows, maps[0].columns
        kind = "input" if k == 0 else kind_of(network, layer)
        rows.append(
            LayerRow(
                layer.name,
                len(layer.units),
                shape,
                kind,
                distinct - fixed,
                fixed,
                int(mine.sum()),
            )
        )
    return rows


def kind_of(network: Network, layer: object) -> str:
    """Return what a layer does: convolution 5x5, subsampling, maximum 2x2, full, Euclidean."""
    maps = network.program.lowered.maps.get(layer.name, [])
    if not maps:
        return "Euclidean" if layer.euclidean else "full"
    first = maps[0]
    seen = network.program.lowered.maps
    source = next(
        (m for ms in seen.values() for m in ms if first.sources[0][0] in m.units), None
    )
    alike = len(np.unique(first.weights)) == 1
    kind = "maximum" if layer.maximum else "subsampling" if alike else "convolution"
    if source is None:
        return kind
    inside = first.sources[0][np.isin(first.sources[0], source.units)] - source.units[0]
    rows, columns = np.divmod(inside, source.columns)
    field = f"{np.ptp(rows) + 1}x{np.ptp(columns) + 1}"
    return f"{kind} {field}"


def connection_tables(network: Network) -> dict[str, list[list[int]]]:
    """Return, for layers whose maps do not all see the same maps, which ones each sees."""
    lowered = network.program.lowered
    owner = {
        int(unit): (name, k)
        for name, maps in lowered.maps.items()
        for k, m in enumerate(maps)
        for unit in (m.units[0], *m.units)
    }
    tables = {}
    for name, maps in lowered.maps.items():
        rows = []
        for m in maps:
            sources = m.sources[0].tolist() if len(m.sources) else []
            rows.append(sorted({owner[u][1] for u in sources if u in owner}))
        several = len(rows) > 1 and len({tuple(r) for r in rows}) > 1
        if several and any(len(r) > 1 for r in rows):
            tables[name] = rows
    return tables
