"""Kernels: the best unique strings of a graph, found best first over string prefixes.

A prefix keeps every node reachable with it, each with the best penalty v and the summed penalty
f of the paths that spell the prefix. The Viterbi penalty from a node to the end is an exact
estimate of what is to come, so strings leave the heap in order of their best path, and the sum
over all paths of a string is known when it does.
"""

import numpy as np

from gtn.kernels_compose import shell_sort
from sn.jit import kernel


@kernel
def log_add(a, b):
    """Return -log(e^-a + e^-b)."""
    if a == b:
        return a - 0.6931471805599453
    if a < b:
        return a - np.log1p(np.exp(a - b))
    return b - np.log1p(np.exp(b - a))


@kernel
def doubled(array):
    """Return a copy with twice the room."""
    longer = np.empty(2 * array.size, array.dtype)
    for k in range(array.size):
        longer[k] = array[k]
    return longer


@kernel
def penalty_to_accept(arcs, penalty, n, order, accept, h):
    """Set h[v] to the penalty of the best path from v to an accept node (arcs by source)."""
    h[:] = np.inf
    for k in range(accept.size):
        h[accept[k]] = 0.0
    m = arcs.shape[1]
    offset = np.zeros(n + 1, np.int32)
    for a in range(m):
        offset[arcs[0, a] + 1] += 1
    for v in range(n):
        offset[v + 1] += offset[v]
    place = offset[:n].copy()
    arc = np.empty(m, np.int32)
    for a in range(m):
        v = arcs[0, a]
        arc[place[v]] = a
        place[v] += 1
    for k in range(n - 1, -1, -1):
        v = order[k]
        for j in range(offset[v], offset[v + 1]):
            a = arc[j]
            x = penalty[a] + h[arcs[1, a]]
            if x < h[v]:
                h[v] = x


@kernel
def sift(keys, items, size, key, item):
    """Push (key, item) on a binary heap of `size` entries."""
    i = size
    while i > 0:
        up = (i - 1) >> 1
        if keys[up] < key or (keys[up] == key and items[up] < item):
            break
        keys[i] = keys[up]
        items[i] = items[up]
        i = up
    keys[i] = key
    items[i] = item


@kernel
def sink(keys, items, size):
    """Remove the first of `size` entries of a binary heap."""
    size -= 1
    key = keys[size]
    item = items[size]
    i = 0
    while True:
        c = 2 * i + 1
        if c >= size:
            break
        if c + 1 < size and (
            keys[c + 1] < keys[c] or (keys[c + 1] == keys[c] and items[c + 1] < items[c])
        ):
            c += 1
        if key < keys[c] or (key == keys[c] and item < items[c]):
            break
        keys[i] = keys[c]
        items[i] = items[c]
        i = c
    keys[i] = key
    items[i] = item


@kernel
def close_epsilons(rank, v, f, size, order, offset, arc, arcs, penalty, row):
    """Extend a list of nodes (by rank, ascending) along epsilon arcs; return its new size."""
    i = 0
    while i < size:
        node = order[rank[i]]
        for j in range(offset[node], offset[node + 1]):
            a = arc[j]
            if arcs[row, a] >= 0:
                break
            to = arcs[4, a]
            x = v[i] + penalty[a]
            y = f[i] + penalty[a]
            if x == np.inf:
                continue
            k = i + 1
            while k < size and rank[k] < to:
                k += 1
            if k < size and rank[k] == to:
                v[k] = min(v[k], x)
                f[k] = log_add(f[k], y)
            else:
                for q in range(size, k, -1):
                    rank[q] = rank[q - 1]
                    v[q] = v[q - 1]
                    f[q] = f[q - 1]
                rank[k] = to
                v[k] = x
                f[k] = y
                size += 1
        i += 1
    return size


@kernel
def nbest(arcs, penalty, n, order, offset, arc, start, accept, h, want, limit, out, out_f):
    """Find up to `want` strings of penalty <= limit; return their count, labels and offsets.

    arcs (5, m): rows src, dst, ilabel, olabel and rank of dst; `offset` and `arc` list arcs by
    source and olabel. Sums may lack paths of penalty > limit.

    Only prefixes that leave the heap get their nodes: a child waits there as a label of its
    parent, at the penalty of the best string that begins with it.
    """
    is_accept = np.zeros(n, np.bool_)
    for k in range(accept.size):
        is_accept[accept[k]] = True
    row = 3
    labels = np.int32(0)
    for a in range(arcs.shape[1]):
        labels = max(labels, arcs[row, a] + 1)
    cheapest = np.full(labels, np.inf)  # of the children of a prefix
    parent = np.full(64, -1, np.int32)
    label = np.empty(64, np.int32)
    first = np.zeros(64, np.int64)
    last = np.zeros(64, np.int64)
    prefixes = 1  # the empty one
    members = np.empty(256, np.int32)
    member_v = np.empty(256)
    member_f = np.empty(256)
    full = np.int64(0)
    keys = np.empty(256)
    items = np.empty(256, np.int64)
    heap = np.int64(0)
    rank = np.empty(n + 1, np.int32)
    v = np.empty(n + 1)
    f = np.empty(n + 1)
    strings = np.empty(64, np.int32)
    ends = np.zeros(want + 1, np.int64)
    found = 0
    candidates = np.int64(start.size)
    room = max(np.int64(256), candidates)
    cand_rank = np.empty(room, np.int64)
    cand_v = np.zeros(room)
    cand_f = np.zeros(room)
    ranks = np.empty(room, np.int64)
    where = np.empty(n, np.int32)
    for k in range(n):
        where[order[k]] = k
    for k in range(candidates):
        cand_rank[k] = where[start[k]]
    current = 0
    while True:
        # The nodes of `current`: those its last label reaches, then along epsilons.
        for i in range(candidates):
            ranks[i] = i
        shell_sort(cand_rank, ranks, np.int64(0), candidates)
        size = 0
        for i in range(candidates):
            c = ranks[i]
            if size > 0 and rank[size - 1] == cand_rank[c]:
                v[size - 1] = min(v[size - 1], cand_v[c])
                f[size - 1] = log_add(f[size - 1], cand_f[c])
            else:
                rank[size] = cand_rank[c]
                v[size] = cand_v[c]
                f[size] = cand_f[c]
                size += 1
        size = close_epsilons(rank, v, f, size, order, offset, arc, arcs, penalty, row)
        while full + size > members.size:
            members = doubled(members)
            member_v = doubled(member_v)
            member_f = doubled(member_f)
        first[current] = full
        last[current] = full + size
        # Its children, by label, and whether a string may end here.
        end = np.inf
        low = labels
        high = np.int32(0)
        for i in range(size):
            node = order[rank[i]]
            members[full] = node
            member_v[full] = v[i]
            member_f[full] = f[i]
            full += 1
            if is_accept[node]:
                end = min(end, v[i])
            for j in range(offset[node], offset[node + 1]):
                a = arc[j]
                symbol = arcs[row, a]
                x = v[i] + penalty[a] + h[arcs[1, a]]
                if symbol < 0 or x == np.inf or x > limit:
                    continue
                low = min(low, symbol)
                high = max(high, symbol + 1)
                cheapest[symbol] = min(cheapest[symbol], x)
        while heap + 1 + high > keys.size:
            keys = doubled(keys)
            items = doubled(items)
        for symbol in range(low, high):
            if cheapest[symbol] == np.inf:
                continue
            if prefixes == parent.size:
                parent = doubled(parent)
                label = doubled(label)
                first = doubled(first)
                last = doubled(last)
            parent[prefixes] = current
            label[prefixes] = symbol
            sift(keys, items, heap, cheapest[symbol], 2 * prefixes + 1)
            cheapest[symbol] = np.inf
            heap += 1
            prefixes += 1
        if end < np.inf and end <= limit:
            sift(keys, items, heap, end, 2 * current)
            heap += 1
        # The cheapest entry: a finished string, or a prefix to extend.
        current = -1
        while heap > 0 and found < want:
            item = items[0]
            key = keys[0]
            sink(keys, items, heap)
            heap -= 1
            p = item >> 1
            if item & 1:
                current = p
                break
            total = np.inf
            for i in range(first[p], last[p]):
                if is_accept[members[i]] and member_v[i] < np.inf:
                    total = log_add(total, member_f[i]) if total < np.inf else member_f[i]
            out[found] = key
            out_f[found] = total
            length = 0
            q = p
            while parent[q] >= 0:
                length += 1
                q = parent[q]
            lo = ends[found]
            while lo + length > strings.size:
                strings = doubled(strings)
            q = p
            for i in range(length):
                strings[lo + length - 1 - i] = label[q]
                q = parent[q]
            found += 1
            ends[found] = lo + length
        if current < 0:
            break
        candidates = 0
        for i in range(first[parent[current]], last[parent[current]]):
            node = members[i]
            for j in range(offset[node], offset[node + 1]):
                a = arc[j]
                if arcs[row, a] != label[current]:
                    continue
                x = member_v[i] + penalty[a]
                if x == np.inf or x + h[arcs[1, a]] > limit:
                    continue
                if candidates == cand_rank.size:
                    cand_rank = doubled(cand_rank)
                    cand_v = doubled(cand_v)
                    cand_f = doubled(cand_f)
                    ranks = doubled(ranks)
                cand_rank[candidates] = arcs[4, a]
                cand_v[candidates] = x
                cand_f[candidates] = member_f[i] + penalty[a]
                candidates += 1
    return found, strings, ends
