"""Connection patterns: windows that slide over a grid of units, their weights shared or not.

A layer is seen as a grid, row by row. Every place of the target grid sees a window of the
source grid; windows start `step` apart and stay inside the grid (the last ones are pushed
back), or wrap around it. With shared weights all places use the weights of the first one.

Links are made place by place, within a place source unit by source unit: the order in which the
original made them, which later decides the order of additions.
"""

from functools import lru_cache

import numpy as np

from sn.errors import LispError
from sn.net.memory import Network


@lru_cache(64)  # layers of many maps ask again for every pair of them
def windows(count: int, size: int, places: int, step: int, wrap: bool = False) -> np.ndarray:
    """Return the positions each place sees along one axis, int32 (places, size).

    >>> windows(6, 3, 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4], [3, 4, 5]]
    >>> windows(3, 2, 3, 1, wrap=True).tolist()
    [[0, 1], [1, 2], [2, 0]]
    """
    bound = count + size - step if wrap else count
    if size < 1 or size > bound or places < 1:
        raise LispError("illegal window size", size)
    starts = np.minimum(np.arange(places) * step, bound - size)
    positions = starts[:, None] + np.arange(size)[None, :]
    return (positions % count).astype(np.int32)


def grid(layer: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """See a layer as a grid of unit numbers, row by row."""
    if rows * columns != len(layer):
        raise LispError(f"layer of {len(layer)} units is not {rows} x {columns}")
    return layer.reshape(rows, columns)


def inexact(count: int, size: int, places: int, step: int, wrap: bool = False) -> bool:
    """Tell whether the windows do not tile the grid exactly (the original warns)."""
    return count != (places * step if wrap else (places - 1) * step + size)


def connect_windows(
    network: Network, seen: np.ndarray, places: np.ndarray, sharing: str, reverse: bool = False
) -> None:
    """Link the units each place sees to the units of the place.

    Parameters
    ----------
    seen : int32 (places, window)
        Units each place sees.
    places : int32 (places, units)
        Units of each place.
    sharing : str
        "none", every link has a weight of its own; "mask", all places use the weights of the
        first; "equal", there is one weight for everything.
    reverse : bool
        Link from the place to what it sees instead.
    """
    count, window = seen.shape
    width = places.shape[1]
    pre = np.repeat(seen, width, axis=1)
    post = np.repeat(places[:, None], window, axis=1).reshape(count, -1)
    if reverse:
        pre, post = post, pre
    if sharing == "none":
        network.connect_blocks(pre.ravel(), post.ravel())
        return
    first = network.slot_count
    if sharing == "equal":
        network.connect_blocks(pre[0, :1], post[0, :1])
        network.share_weights(np.full(window - 1, first), pre[0, 1:], post[0, 1:])
        slots = np.full((count - 1) * window, first)
    else:
        network.connect_blocks(pre[0], post[0])
        fresh = np.arange(first, first + window * width)
        slots = np.repeat(fresh[None], count - 1, axis=0).ravel()
    network.share_weights(slots, pre[1:].ravel(), post[1:].ravel())


def seen_windows(
    layer: np.ndarray,
    rows: int,
    columns: int,
    target_rows: int,
    target_columns: int,
    steps: tuple[int, int],
    sizes: tuple[int, int],
    wrap: bool = False,
) -> np.ndarray:
    """Return what every place of a target grid sees of a layer, int32 (places, window).

    steps and sizes are (x, y), as the connection functions take them.
    """
    cells = grid(layer, rows, columns)
    across = windows(columns, sizes[0], target_columns, steps[0], wrap)
    down = windows(rows, sizes[1], target_rows, steps[1], wrap)
    seen = cells[down[:, None, :, None], across[None, :, None, :]]
    return seen.reshape(target_rows * target_columns, sizes[0] * sizes[1])
