"""Copies of states, so that links without a regular pattern become runs of pixels."""

import numpy as np

from sn.jit import kernel


@kernel
def gather(lists, row, x):
    """Copy what every unit of a group sees, one row of states per tap.

    Columns: pointer to the source positions (taps x units), units, taps, position and pitch
    of the rows.
    """
    places, n, taps, at, pitch = row[1], row[2], row[3], row[4], row[5]
    for t in range(taps):
        sources = lists[places + t * n : places + t * n + n]
        seen = x[at + t * pitch : at + t * pitch + n]
        for p in range(n):
            seen[p] = x[np.uint64(sources[p])]


@kernel
def gather_back(lists, row, d):
    """Add the derivatives by the copies to those by the states, unless column 6 forbids it."""
    places, n, taps, at, pitch = row[1], row[2], row[3], row[4], row[5]
    if row[6] == 1:
        return
    for t in range(taps):
        sources = lists[places + t * n : places + t * n + n]
        deltas = d[at + t * pitch : at + t * pitch + n]
        for p in range(n):
            d[np.uint64(sources[p])] += deltas[p]
