"""Kernels that keep the link lists: look a link up, append blocks, sort links by unit.

Links are numbered in order of creation. The original keeps them in two lists per unit, newest
first; since a list only ever grows at its head, that order is the descending link number, and
an index (starts, links) sorted by unit holds the same lists.

A hash table finds the link between two units: `keys` (size,) int64 holds pre * 2**32 + post,
`places` (size,) int32 holds link + 1, 0 where the table is free and -1 where a link was cut.
"""

import numpy as np

from sn.jit import kernel


@kernel
def hash_place(keys, places, pre, post):
    """Return the place of a link in the table, or of the first free place, as -place - 1."""
    mask = keys.shape[0] - 1
    key = (np.int64(pre) << 32) | np.int64(post)
    place = np.int64(pre) * 40503 + np.int64(post) * 60493
    place = (place ^ (place >> 13)) & mask
    while True:
        if places[place] == 0:
            return -place - 1
        if places[place] > 0 and keys[place] == key:
            return place
        place = (place + 1) & mask


@kernel
def find_link(keys, places, pre, post):
    """Return the number of the link between two units, or -1."""
    place = hash_place(keys, places, pre, post)
    if place < 0:
        return -1
    return np.int64(places[place]) - 1


@kernel
def remove_link(keys, places, pre, post):
    """Take a link out of the table."""
    places[hash_place(keys, places, pre, post)] = -1


@kernel
def append_links(keys, places, pre, post, new_pre, new_post, first):
    """Append links first, first + 1, ... and return how many were new before a duplicate."""
    for i in range(new_pre.shape[0]):
        place = hash_place(keys, places, new_pre[i], new_post[i])
        if place >= 0:
            return i
        place = -place - 1
        keys[place] = (np.int64(new_pre[i]) << 32) | np.int64(new_post[i])
        places[place] = first + i + 1
        pre[first + i] = new_pre[i]
        post[first + i] = new_post[i]
    return new_pre.shape[0]


@kernel
def find_links(keys, places, pre, post, links):
    """Look many links up; a missing one is -1."""
    for i in range(pre.shape[0]):
        links[i] = find_link(keys, places, pre[i], post[i])


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
