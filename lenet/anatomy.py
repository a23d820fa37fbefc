"""What a network looks like, found from its links alone: planes, receptive fields, kinds.

A script only makes units and links. Here the planes come back: units whose windows move over
the layer below by rows and columns are maps, and windows that begin again are the next map.
Nothing is remembered from how the network was made, and weights need not be shared.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lenet.networks import Network

SQUARE = 64  # an input of as many units, a square number, is taken for an image


@dataclass(frozen=True, slots=True)
class Shape:
    """A layer as planes: maps of rows x columns; one row means a line of units."""

    maps: int
    rows: int
    columns: int

    @property
    def flat(self) -> bool:
        """Tell whether the layer is a line of units."""
        return self.maps == 1 and self.rows == 1

    def __str__(self) -> str:
        """Return ``6@28x28``, ``28x28`` for one map, or the number of units of a line."""
        if self.flat:
            return str(self.columns)
        size = f"{self.rows}x{self.columns}"
        return size if self.maps == 1 else f"{self.maps}@{size}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a layer sees of another one.

    `kind` as the 1998 paper words it: Convolutions, Subsampling, Full connection, Gaussian
    connections; also Max pooling, Local connections (fields of unshared weights) and, for
    anything else, Connections. `field` (rows, columns) is the window of one unit, None where
    there is none; `corners` (units, 2) is where the window of every unit begins, below 0 where
    it reaches over the edge.
    """

    source: int
    kind: str
    field: tuple[int, int] | None = None
    corners: np.ndarray | None = None


@dataclass(slots=True)
class Part:
    """One layer: its units, their shape, what it sees, whether it has biases."""

    name: str
    units: np.ndarray
    shape: Shape
    biased: bool = False
    sights: list[Sight] = field(default_factory=list)

    def main(self) -> Sight | None:
        """Return the sight of the nearest layer below, None for an input."""
        return max(self.sights, key=lambda s: s.source, default=None)


def anatomy(network: "Network") -> list[Part]:
    """Return the layers of a network, from the input on, with shapes and receptive fields."""
    memory = network.interpreter.network
    pre, post, weight = memory.links()
    owner = np.full(memory.unit_count, -1)
    parts = []
    for k, layer in enumerate(memory.layers):
        units = np.asarray(layer.units)
        owner[units] = k
        parts.append(Part(layer.name, units, Shape(1, 1, len(units))))
    place = np.zeros(memory.unit_count, np.int64)  # index of a unit within its layer
    for part in parts:
        place[part.units] = np.arange(len(part.units))
    if parts:
        parts[0].shape = image_shape(len(parts[0].units))
    order = np.lexsort((pre, post))
    pre, post, weight = pre[order], post[order], weight[order]
    target = np.where(pre == 0, -1, owner[post])
    for k, layer in enumerate(memory.layers):
        parts[k].biased = bool(np.isin(post[pre == 0], parts[k].units).any())
        mine = target == k
        ends, starts, slots = place[post[mine]], pre[mine], weight[mine]
        for source in np.unique(owner[starts]).tolist():
            seen = owner[starts] == source
            if source >= 0:
                links = Links(ends[seen], place[starts[seen]], slots[seen])
                parts[k].sights.append(sight(parts, k, source, links, layer))
    return parts


def overlaps(parts: list[Part]) -> list[str]:
    """Return a remark for every layer some of whose windows lie on each other.

    Windows that would leave the layer below are pushed back into it, as in SN; when several
    are pushed to the same place the sizes of the script rarely are what was meant.
    """
    remarks = []
    for part in parts:
        for seen in part.sights:
            if seen.corners is None or seen.field is None:
                continue
            shape, below = part.shape, parts[seen.source]
            plane = seen.corners[: shape.rows * shape.columns]
            for axis, (what, count) in enumerate(
                (("rows", shape.rows), ("columns", shape.columns))
            ):
                places = len(np.unique(plane[:, axis]))
                if places < count:
                    size = "x".join(map(str, seen.field))
                    remarks.append(
                        f"{part.name} has {count} {what}, but its {size} windows have only "
                        f"{places} places in {below.name}: the last ones lie on each other"
                    )
    return remarks


def image_shape(count: int) -> Shape:
    """Return the shape of an input about which nothing else is known."""
    side = round(count**0.5)
    if count >= SQUARE and side * side == count:
        return Shape(1, side, side)
    return Shape(1, 1, count)


@dataclass(frozen=True, slots=True)
class Links:
    """Links between two layers, sorted by target, then source: (links,) each."""

    target: np.ndarray
    source: np.ndarray
    weight: np.ndarray


def sight(parts: list[Part], k: int, source: int, links: Links, layer: Any) -> Sight:
    """Describe the links of one layer into another; notes the shapes that they reveal."""
    before = parts[source].shape
    found = window_of(parts, k, source, links, layer)
    if found is None:
        parts[source].shape = before
        return Sight(source, "Connections")
    return found


def window_of(parts: list[Part], k: int, source: int, links: Links, layer: Any) -> Sight | None:
    """Describe links that are full or move like a window over planes; None for others."""
    part, below = parts[k], parts[source]
    count = len(part.units)
    fan = np.bincount(links.target, minlength=count)
    if (fan == len(below.units)).all():
        kind = "Gaussian connections" if layer.euclidean else "Full connection"
        return Sight(source, kind)
    if (fan == 0).any():
        return None
    reveal(below, source, links)
    shape = below.shape
    inside = links.source % (shape.rows * shape.columns)
    first = np.searchsorted(links.target, np.arange(count))
    row, column = np.divmod(inside, shape.columns)
    spans = [span(row, first, shape.rows), span(column, first, shape.columns)]
    if any(s is None for s in spans):
        return None
    (top, high, tall), (left, wide, broad) = spans
    window = tall, broad
    if (fan % (high * wide)).any() or tall * broad == len(below.units):
        return None
    corners = np.stack([top, left], axis=1)
    if (corners == corners[0]).all():  # windows that do not move: full, of some maps
        kind = "Gaussian connections" if layer.euclidean else "Full connection"
        return Sight(source, kind) if part.shape.flat else None
    found = grid(corners)
    if found is None:
        return None
    if frames(below, corners, window):
        return window_of(parts, k, source, links, layer)
    if part.shape.flat:
        part.shape = found
    return Sight(source, local_kind(part, links, first, fan, window, layer), window, corners)


def span(
    places: np.ndarray, first: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Return where windows begin, how much of each is seen, and their length, along an axis.

    `places` (links,) are the rows or columns of what is seen, `end` is how many there are;
    `first` is where the links of each unit begin. Windows that reach over the edge of the plane
    by less than half are cut off there; None if windows differ in length elsewhere.
    """
    low, high = (f.reduceat(places, first) for f in (np.minimum, np.maximum))
    seen = high - low + 1
    length = int(seen.max())
    cut = seen < length
    if (cut & (low > 0) & (high < end - 1)).any() or 2 * seen.min() <= length:
        return None
    begins = np.where(cut & (low == 0), high + 1 - length, low)
    if cut.any() and len(np.unique(np.diff(np.unique(begins)))) > 1:
        return None
    return begins, seen, length


def reveal(below: Part, number: int, links: Links) -> None:
    """Give a line of units rows and columns if windows of several runs look at it."""
    shape = below.shape
    if not shape.flat and not (number == 0 and shape.maps == 1):
        return
    mine = np.sort(links.source[links.target == links.target[0]])
    breaks = np.flatnonzero(np.diff(mine) != 1)
    if len(breaks):
        width = int(mine[breaks[0] + 1] - mine[0])
        rows, left = divmod(len(below.units), width)
        if not left:
            below.shape = Shape(1, rows, width)


def frames(below: Part, corners: np.ndarray, window: tuple[int, int]) -> bool:
    """Give a line of units its frames if whole groups of units see the same part of it."""
    steps = np.diff(np.unique(corners[:, 1]))
    again = (corners[0] == corners[1]).all()
    if not below.shape.flat or not again or not len(steps):
        return False
    traits = int(np.gcd.reduce([*steps.tolist(), window[1], len(below.units)]))
    below.shape = Shape(1, len(below.units) // traits, traits)
    return not below.shape.flat


def grid(corners: np.ndarray) -> Shape | None:
    """Return the maps, rows and columns of units whose windows begin at corners (n, 2)."""
    count = len(corners)
    again = np.flatnonzero((corners == corners[0]).all(axis=1))
    run = int(np.argmax((corners != corners[0]).any(axis=1)))
    if run > 1:  # several units see the same window before the next: traits of a frame
        whole = count % run == 0
        same = whole and (corners.reshape(-1, run, 2) == corners[::run, None]).all()
        return Shape(1, count // run, run) if same else None
    period = int(again[1]) if len(again) > 1 else count
    if count % period or (corners.reshape(-1, period, 2) != corners[:period]).any():
        return None
    turns = np.flatnonzero(np.diff(corners[:period, 0]))
    columns = int(turns[0]) + 1 if len(turns) else period
    rows, left = divmod(period, columns)
    if left or (corners[:columns, 1] != corners[:period, 1].reshape(rows, columns)).any():
        return None
    return Shape(count // period, rows, columns)


def local_kind(
    part: Part,
    links: Links,
    first: np.ndarray,
    fan: np.ndarray,
    window: tuple[int, int],
    layer: Any,
) -> str:
    """Return what moving windows do: pooling, Convolutions or Local connections."""
    if layer.maximum:
        return "Max pooling"
    most = np.maximum.reduceat(links.weight, first)
    alone = (most == np.minimum.reduceat(links.weight, first)).all()
    if alone and int(fan[0]) == window[0] * window[1] > 1:
        return "Subsampling"
    shared = len(part.units) > 1 and len(np.unique(most)) < len(part.units)
    return "Convolutions" if shared else "Local connections"
