"""Kernels: composition of two graphs, exact with epsilons on both sides.

A state of the product is (node of first, node of second, filter). The filter makes the order of
epsilon moves unique: between two matched symbols all output epsilons of the first graph come
before the input epsilons of the second, so each pair of matching paths appears exactly once.
States are found from the start pairs on, bucket by bucket when one graph is numbered
topologically: then the product is, too.
"""

import numpy as np

from sn.jit import kernel


@kernel
def shell_sort(key, item, lo, hi):
    """Sort item[lo:hi] by key[item], ties by item (numpy's sorts take long to compile)."""
    gap = 1
    while 3 * gap < hi - lo:
        gap = 3 * gap + 1
    while gap > 0:
        for j in range(lo + gap, hi):
            a = item[j]
            k = key[a]
            i = j
            while i >= lo + gap:
                b = item[i - gap]
                if key[b] < k or (key[b] == k and b < a):
                    break
                item[i] = b
                i -= gap
            item[i] = a
        gap //= 3


@kernel
def arcs_by_label(arcs, n, row, offset, arc):
    """List arcs by source and then by label (arcs[row]); epsilons first, ties by arc number."""
    m = arcs.shape[1]
    label = arcs[row]
    src = arcs[0]
    for a in range(m):
        offset[src[a] + 1] += 1
    for v in range(n):
        offset[v + 1] += offset[v]
    place = offset[:n].copy()
    for a in range(m):
        v = src[a]
        arc[place[v]] = a
        place[v] += 1
    for v in range(n):
        lo = offset[v]
        hi = offset[v + 1]
        ordered = True
        for j in range(lo + 1, hi):
            if label[arc[j]] < label[arc[j - 1]]:
                ordered = False
                break
        if not ordered:
            shell_sort(label, arc, lo, hi)


@kernel
def label_index(arcs, n, row):
    """Index arcs by source and label: (offset, arc, label, dst, cell, labels).

    Arcs of node v are offset[v]:offset[v + 1] in order of label. If nodes x labels is
    no larger than a few times the arcs, `labels` > 0 and the arcs of node v with label l are
    cell[v * labels + l + 1]:cell[v * labels + l + 2]; else `cell` is empty and one must bisect.
    """
    m = arcs.shape[1]
    top = np.int64(-1)
    for a in range(m):
        top = max(top, np.int64(arcs[row, a]))
    labels = top + 2
    offset = np.zeros(n + 1, np.int32)
    arc = np.empty(m, np.int32)
    label = np.empty(m, np.int32)
    dst = np.empty(m, np.int32)
    if n * labels <= 4 * m + 16384:
        cell = np.zeros(n * labels + 1, np.int32)
        for a in range(m):
            cell[arcs[0, a] * labels + arcs[row, a] + 2] += 1
        for k in range(n * labels):
            cell[k + 1] += cell[k]
        place = cell.copy()
        for a in range(m):
            k = arcs[0, a] * labels + arcs[row, a] + 1
            arc[place[k]] = a
            place[k] += 1
        for v in range(n + 1):
            offset[v] = cell[v * labels]
    else:
        cell = np.empty(0, np.int32)
        labels = 0
        arcs_by_label(arcs, n, row, offset, arc)
    for j in range(m):
        label[j] = arcs[row, arc[j]]
        dst[j] = arcs[1, arc[j]]
    return offset, arc, label, dst, cell, labels


@kernel
def ascends(arcs):
    """Tell whether every arc leads to a higher node number."""
    result = True
    for a in range(arcs.shape[1]):
        if arcs[0, a] >= arcs[1, a]:
            result = False
            break
    return result


@kernel
def most_parallel(label, offset, n):
    """Return the largest number of arcs with one label leaving one node."""
    most = 1
    for v in range(n):
        run = 1
        for j in range(offset[v] + 1, offset[v + 1]):
            run = run + 1 if label[j] == label[j - 1] else 1
            most = max(most, run)
    return most


@kernel
def slot_of(keys, key):
    """Return the slot of a key in an open-addressed table (empty slots hold -1)."""
    mask = keys.size - 1
    slot = ((key * -7046029254386353131) >> 20) & mask
    while keys[slot] != -1 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def bisect(label, lo, hi, wanted):
    """Return the first place in label[lo:hi], ascending, that is not below `wanted`."""
    while lo < hi:
        middle = (lo + hi) >> 1
        if label[middle] < wanted:
            lo = middle + 1
        else:
            hi = middle
    return lo


@kernel
def rehash(state_key, states, size):
    """Return keys and states of an open-addressed table of `size` (a power of two) slots."""
    keys = np.full(size, np.int64(-1))
    values = np.zeros(size, np.int32)
    for s in range(states):
        slot = slot_of(keys, state_key[s])
        keys[slot] = state_key[s]
        values[slot] = s + 1
    return keys, values


@kernel
def explore(
    progress, buckets, bucketed, filters, n2, most1, most2,
    offset1, arc1, label1, dst1, cell1, labels1,
    offset2, arc2, label2, dst2, cell2, labels2,
    table, keys, dense, state_key, state_next, head, tail, out, key, into,
):  # fmt: skip
    """Find states and arcs of the product until done (0) or an array is too short (the need).

    progress: [bucket, state, states, arcs, all arcs lead to later states]. The moves of a state
    are first those of the first graph alone (olabel epsilon), then of the second alone, then
    the matching pairs, found from the side with fewer arcs. All loops are in one function:
    passing so many arrays costs more than treating a state.
    """
    bucket = progress[0]
    state = progress[1]
    states = progress[2]
    count = progress[3]
    onwards = progress[4]
    need = np.int64(0)
    last_pair = np.int64(-1)
    q1 = np.int64(0)
    q2 = np.int64(0)
    while True:
        while state < 0 and bucket + 1 < buckets:
            bucket += 1
            state = head[bucket]
        if state < 0:
            break
        held = state_key[state] & (filters - 1)
        pair = state_key[state] >> (filters - 1)
        if pair != last_pair:
            q1 = pair // n2
            q2 = pair - q1 * n2
            last_pair = pair
        lo1 = np.int64(offset1[q1])
        hi1 = np.int64(offset1[q1 + 1])
        lo2 = np.int64(offset2[q2])
        hi2 = np.int64(offset2[q2 + 1])
        bound = hi1 - lo1 + hi2 - lo2 + min((hi1 - lo1) * most2, (hi2 - lo2) * most1)
        if (
            count + bound > out.shape[1]
            or states + bound > state_key.size
            or bound > key.size
            or (not dense and 2 * (states + bound) > keys.size)
        ):
            need = bound
            break
        k = count
        while lo1 < hi1 and label1[lo1] < 0:
            if held == 0:
                d1 = np.int64(dst1[lo1])
                key[k - count] = (d1 * n2 + q2) * filters
                into[k - count] = d1 if bucketed == 1 else (q2 if bucketed == 2 else 0)
                out[2, k] = arc1[lo1]
                out[3, k] = -1
                k += 1
            lo1 += 1
        while lo2 < hi2 and label2[lo2] < 0:
            d2 = np.int64(dst2[lo2])
            key[k - count] = (q1 * n2 + d2) * filters + filters - 1
            into[k - count] = q1 if bucketed == 1 else (d2 if bucketed == 2 else 0)
            out[2, k] = -1
            out[3, k] = arc2[lo2]
            k += 1
            lo2 += 1
        if hi1 - lo1 <= hi2 - lo2:
            for j1 in range(lo1, hi1):
                label = label1[j1]
                if labels2 > 0:
                    if label >= labels2 - 1:
                        break
                    a = np.int64(cell2[q2 * labels2 + label + 1])
                    b = np.int64(cell2[q2 * labels2 + label + 2])
                else:
                    a = bisect(label2, lo2, hi2, label)
                    b = bisect(label2, a, hi2, np.int32(label + 1))
                d1 = np.int64(dst1[j1])
                for j2 in range(a, b):
                    d2 = np.int64(dst2[j2])
                    key[k - count] = (d1 * n2 + d2) * filters
                    into[k - count] = d1 if bucketed == 1 else (d2 if bucketed == 2 else 0)
                    out[2, k] = arc1[j1]
                    out[3, k] = arc2[j2]
                    k += 1
        else:
            for j2 in range(lo2, hi2):
                label = label2[j2]
                if labels1 > 0:
                    if label >= labels1 - 1:
                        break
                    a = np.int64(cell1[q1 * labels1 + label + 1])
                    b = np.int64(cell1[q1 * labels1 + label + 2])
                else:
                    a = bisect(label1, lo1, hi1, label)
                    b = bisect(label1, a, hi1, np.int32(label + 1))
                d2 = np.int64(dst2[j2])
                for j1 in range(a, b):
                    d1 = np.int64(dst1[j1])
                    key[k - count] = (d1 * n2 + d2) * filters
                    into[k - count] = d1 if bucketed == 1 else (d2 if bucketed == 2 else 0)
                    out[2, k] = arc1[j1]
                    out[3, k] = arc2[j2]
                    k += 1
        for i in range(k - count):
            slot = key[i]
            if not dense:
                mask = keys.size - 1
                slot = ((key[i] * -7046029254386353131) >> 20) & mask
                while keys[slot] != -1 and keys[slot] != key[i]:
                    slot = (slot + 1) & mask
            target = table[slot] - 1
            if target < 0:
                target = states
                table[slot] = states + 1
                if not dense:
                    keys[slot] = key[i]
                state_key[states] = key[i]
                state_next[states] = -1
                if head[into[i]] < 0:
                    head[into[i]] = states
                else:
                    state_next[tail[into[i]]] = states
                tail[into[i]] = states
                states += 1
            elif into[i] == bucket:
                onwards = 0
            out[0, count + i] = state
            out[1, count + i] = target
        count = k
        state = np.int64(state_next[state])
    progress[0] = bucket
    progress[1] = state
    progress[2] = states
    progress[3] = count
    progress[4] = onwards
    return need


@kernel
def mark_useful(out, count, states, onwards, keep):
    """Extend `keep` (accepting states) to all states from which one can be reached."""
    if onwards:
        for a in range(count - 1, -1, -1):
            if keep[out[1, a]]:
                keep[out[0, a]] = True
        return
    offset = np.zeros(states + 1, np.int32)
    for a in range(count):
        offset[out[1, a] + 1] += 1
    for s in range(states):
        offset[s + 1] += offset[s]
    place = offset[:states].copy()
    source = np.empty(count, np.int32)
    for a in range(count):
        d = out[1, a]
        source[place[d]] = out[0, a]
        place[d] += 1
    stack = np.empty(states, np.int32)
    top = 0
    for s in range(states):
        if keep[s]:
            stack[top] = s
            top += 1
    while top > 0:
        top -= 1
        s = stack[top]
        for j in range(offset[s], offset[s + 1]):
            d = source[j]
            if not keep[d]:
                keep[d] = True
                stack[top] = d
                top += 1


@kernel
def has_epsilon(arcs, row):
    """Tell whether a label in a row of arcs is epsilon."""
    found = False
    for a in range(arcs.shape[1]):
        if arcs[row, a] < 0:
            found = True
            break
    return found


@kernel
def compose(
    arcs1, penalty1, n1, start1, accept1, arcs2, penalty2, n2, start2, accept2, dense_limit
):
    """Return the trimmed product: arcs, penalty, origins, start, accept, node pairs."""
    filters = 2 if has_epsilon(arcs1, np.int64(3)) and has_epsilon(arcs2, np.int64(2)) else 1
    offset1, arc1, label1, dst1, cell1, labels1 = label_index(arcs1, n1, np.int64(3))
    offset2, arc2, label2, dst2, cell2, labels2 = label_index(arcs2, n2, np.int64(2))
    most1 = most_parallel(label1, offset1, n1)
    most2 = most_parallel(label2, offset2, n2)
    bucketed = 1 if ascends(arcs1) else (2 if ascends(arcs2) else 0)
    buckets = n1 if bucketed == 1 else (n2 if bucketed == 2 else 1)
    head = np.full(buckets, -1, np.int32)
    tail = np.full(buckets, -1, np.int32)
    size = np.int64(n1) * n2 * filters
    dense = size <= dense_limit
    starts = np.int64(start1.size) * start2.size
    capacity = starts + n1 + n2 + 64
    state_key = np.empty(capacity, np.int64)
    state_next = np.empty(capacity, np.int32)
    slots = np.int64(1024)
    while slots < 4 * capacity:
        slots *= 2
    table = np.zeros(size if dense else slots, np.int32)  # state + 1, 0 for none
    keys = np.full(1 if dense else slots, np.int64(-1))
    room = 2 * np.int64(label1.size + label2.size) + 64
    out = np.empty((4, room), np.int32)  # source, destination, arc of first, arc of second
    key = np.empty(64, np.int64)
    into = np.empty(64, np.int64)
    states = np.int64(0)
    for i in range(start1.size):
        for j in range(start2.size):
            pair = np.int64(start1[i]) * n2 + start2[j]
            bucket = start1[i] if bucketed == 1 else (start2[j] if bucketed == 2 else 0)
            slot = pair * filters if dense else slot_of(keys, pair * filters)
            table[slot] = states + 1
            if not dense:
                keys[slot] = pair * filters
            state_key[states] = pair * filters
            state_next[states] = -1
            if head[bucket] < 0:
                head[bucket] = states
            else:
                state_next[tail[bucket]] = states
            tail[bucket] = states
            states += 1
    progress = np.array([-1, -1, states, 0, bucketed != 0], np.int64)
    while True:
        need = explore(
            progress, buckets, bucketed, filters, n2, most1, most2,
            offset1, arc1, label1, dst1, cell1, labels1,
            offset2, arc2, label2, dst2, cell2, labels2,
            table, keys, dense, state_key, state_next, head, tail, out, key, into,
        )  # fmt: skip
        states = progress[2]
        count = progress[3]
        if need == 0:
            break
        if need > key.size:
            key = np.empty(2 * need, np.int64)
            into = np.empty(2 * need, np.int64)
        if count + need > out.shape[1]:
            grown = np.empty((4, 3 * (count + need)), np.int32)
            for row in range(4):
                for a in range(count):
                    grown[row, a] = out[row, a]
            out = grown
        if states + need > state_key.size:
            more_keys = np.empty(3 * (states + need), np.int64)
            more_next = np.empty(3 * (states + need), np.int32)
            for s in range(states):
                more_keys[s] = state_key[s]
                more_next[s] = state_next[s]
            state_key = more_keys
            state_next = more_next
        if not dense and 2 * (states + need) > keys.size:
            while 2 * (states + need) > slots:
                slots *= 2
            keys, table = rehash(state_key, states, 2 * slots)
            slots *= 2
    onwards = progress[4] != 0

    is_accept1 = np.zeros(n1, np.bool_)
    for k in range(accept1.size):
        is_accept1[accept1[k]] = True
    is_accept2 = np.zeros(n2, np.bool_)
    for k in range(accept2.size):
        is_accept2[accept2[k]] = True
    accepts = np.zeros(states, np.bool_)
    for s in range(states):
        pair = state_key[s] >> (filters - 1)
        q1 = pair // n2
        accepts[s] = is_accept1[q1] and is_accept2[pair - q1 * n2]
    keep = accepts.copy()
    mark_useful(out, count, states, onwards, keep)

    # Number the states in the order they were treated.
    number = np.full(states, -1, np.int32)
    n = 0
    last = 0
    for bucket in range(buckets):
        state = head[bucket]
        while state >= 0:
            if keep[state]:
                number[state] = n
                n += 1
                last += accepts[state]
            state = state_next[state]
    pairs = np.empty((2, n), np.int32)
    accept = np.empty(last, np.int32)
    last = 0
    for bucket in range(buckets):
        state = head[bucket]
        while state >= 0:
            v = number[state]
            if v >= 0:
                pair = state_key[state] >> (filters - 1)
                q1 = pair // n2
                pairs[0, v] = q1
                pairs[1, v] = pair - q1 * n2
                if accepts[state]:
                    accept[last] = v
                    last += 1
            state = state_next[state]
    first = 0
    for s in range(starts):
        first += keep[s]
    start = np.empty(first, np.int32)
    first = 0
    for s in range(starts):
        if keep[s]:
            start[first] = number[s]
            first += 1
    m = 0
    for a in range(count):
        m += keep[out[0, a]] and keep[out[1, a]]
    arcs = np.empty((4, m), np.int32)
    penalty = np.empty(m)
    origin = np.empty((2, m), np.int32)
    m = 0
    for a in range(count):
        v = number[out[0, a]]
        w = number[out[1, a]]
        if v < 0 or w < 0:
            continue
        a1 = out[2, a]
        a2 = out[3, a]
        arcs[0, m] = v
        arcs[1, m] = w
        arcs[2, m] = arcs1[2, a1] if a1 >= 0 else -1
        arcs[3, m] = arcs2[3, a2] if a2 >= 0 else -1
        penalty[m] = (penalty1[a1] if a1 >= 0 else 0.0) + (penalty2[a2] if a2 >= 0 else 0.0)
        origin[0, m] = a1
        origin[1, m] = a2
        m += 1
    return arcs, penalty, origin, start, accept, pairs


@kernel
def scatter_add(gradient, origin, total):
    """Add gradient[a] to total[origin[a]], skipping origin -1."""
    for a in range(gradient.size):
        if origin[a] >= 0:
            total[origin[a]] += gradient[a]
