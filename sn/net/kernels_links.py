"""Kernels that keep the link lists: look a link up, append blocks, sort links by unit.

Links are numbered in order of creation. The original keeps them in two lists per unit, newest
first; since a list only ever grows at its head, that order is the descending link number, and
an index (starts, links) sorted by unit holds the same lists.

A hash table finds the link between two units: `places` (size,) int32 holds link + 1, 0 where
the table is free and -1 where a link was cut; `pre` and `post` are the units of all links.
"""

import numpy as np

from sn.jit import kernel


@kernel
def hash_place(places, pre, post, source, target):
    """Return the place of a link in the table, or of the first free place, as -place - 1."""
    mask = places.shape[0] - 1
    place = np.int64(source) * 40503 + np.int64(target) * 60493
    place = (place ^ (place >> 13)) & mask
    while True:
        link = np.int64(places[place]) - 1
        if link == -1:
            return -place - 1
        if link >= 0 and pre[link] == source and post[link] == target:
            return place
        place = (place + 1) & mask


@kernel
def find_link(places, pre, post, source, target):
    """Return the number of the link between two units, or -1."""
    place = hash_place(places, pre, post, source, target)
    if place < 0:
        return -1
    return np.int64(places[place]) - 1


@kernel
def remove_link(places, pre, post, source, target):
    """Take a link out of the table."""
    places[hash_place(places, pre, post, source, target)] = -1


@kernel
def append_links(places, pre, post, new_pre, new_post, first):
    """Append links first, first + 1, ... and return how many were new before a duplicate."""
    for i in range(new_pre.shape[0]):
        place = hash_place(places, pre, post, new_pre[i], new_post[i])
        if place >= 0:
            return i
        places[-place - 1] = first + i + 1
        pre[first + i] = new_pre[i]
        post[first + i] = new_post[i]
    return new_pre.shape[0]


@kernel
def find_links(places, pre, post, sources, targets, links):
    """Look many links up; a missing one is -1."""
    for i in range(sources.shape[0]):
        links[i] = find_link(places, pre, post, sources[i], targets[i])


@kernel
def list_links(unit, alive, starts, links):
    """Sort live links by a unit of theirs, the newest first within each unit.

    unit, alive (n,) -> starts (units + 1,), links (live,): the list of unit u is
    links[starts[u]:starts[u + 1]].
    """
    starts[:] = 0
    for i in range(unit.shape[0]):
        if alive[i]:
            starts[unit[i] + 1] += 1
    for u in range(starts.shape[0] - 1):
        starts[u + 1] += starts[u]
    for i in range(unit.shape[0] - 1, -1, -1):
        if alive[i]:
            links[starts[unit[i]]] = i
            starts[unit[i]] += 1
    for u in range(starts.shape[0] - 1, 0, -1):
        starts[u] = starts[u - 1]
    starts[0] = 0
