"""Units that share their weights but see no moving rectangle, as on a torus.

What they see is copied first, one run of states per tap in the order of the units; over these
runs every tap is a convolution of one pixel, whatever the places it came from. Groups that see
the same, such as the maps of a layer, share the copies.
"""

from collections.abc import Callable

import numpy as np

from sn.net import kernels_steps as steps
from sn.net.table import Table

FEWEST = 4  # units of a group: below, copies cost more than single links
LANES = 8  # the tile kernels read whole vectors


def groups(
    units: list[int],
    links: Callable[[int], tuple[np.ndarray, np.ndarray]],
    table: Table,
) -> tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray, int]], list[int]]:
    """Split units into groups that share all their weights, which are claimed, and the rest.

    `links` gives (sources, weights) of a unit in the order of the weights. A group is its units
    (n,), their sources (n, taps), the weights (taps,) and the place of the first; taps are
    ordered by what the units see, so that groups with the same sources are equal there.
    """
    alike: dict[bytes, list[int]] = {}
    for unit in units:
        alike.setdefault(links(unit)[1].tobytes(), []).append(unit)
    found, rest = [], []
    for members in alike.values():
        weights = links(members[0])[1]
        if len(members) < FEWEST or not len(weights) or not table.free(weights):
            rest += members
            continue
        sources = np.stack([links(unit)[0] for unit in members])
        order = np.lexsort(sources[::-1])
        kernel = table.claim(weights[order])
        found.append((np.array(members), sources[:, order], weights[order], kernel))
    return found, sorted(rest)


def write(
    table: Table,
    sources: np.ndarray,
    targets: np.ndarray,
    kernels: np.ndarray,
    at: int,
    skip: bool,
) -> int:
    """Append the steps of groups that see the same; return how many states the copies take.

    Parameters
    ----------
    sources : positions (units, taps) of what the units see
    targets : position (groups,) of the first unit of every group
    kernels : place (groups,) of the first weight of every group
    at : position of the copies
    skip : whether derivatives by the sources are not needed
    """
    units, taps = sources.shape
    pitch = -(-units // LANES) * LANES
    table.row(steps.GATHER, table.put(sources.T), units, taps, at, pitch, int(skip))
    copies = at + pitch * np.arange(taps)
    places = kernels[:, None] + np.arange(taps)
    table.convolution((1, 1), pitch, units, copies, targets, places, skip)
    return taps * pitch
