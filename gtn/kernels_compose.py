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
        if ordered:
            continue
        if hi - lo <= 32:
            for j in range(lo + 1, hi):
                a = arc[j]
                i = j
                while i > lo and label[arc[i - 1]] > label[a]:
                    arc[i] = arc[i - 1]
                    i -= 1
                arc[i] = a
        else:
            part = arc[lo:hi].copy()
            keys = np.empty(hi - lo, np.int64)
            for j in range(hi - lo):
                keys[j] = (np.int64(label[part[j]]) + 1) * m + part[j]
            ranks = np.argsort(keys)
            for j in range(hi - lo):
                arc[lo + j] = part[ranks[j]]


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
def find_slot(keys, key):
    """Return the slot of a key in an open-addressed table (empty slots hold -1)."""
    mask = keys.size - 1
    slot = (key * -7046029254386353131 >> 20) & mask
    while keys[slot] != -1 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def compose(
    arcs1, penalty1, n1, start1, accept1, arcs2, penalty2, n2, start2, accept2, dense_limit
):
    """Return the trimmed product: arcs, penalty, origins, start, accept, node pairs."""
    empty1 = False
    for a in range(arcs1.shape[1]):
        if arcs1[3, a] < 0:
            empty1 = True
            break
    empty2 = False
    for a in range(arcs2.shape[1]):
        if arcs2[2, a] < 0:
            empty2 = True
            break
    filters = 2 if empty1 and empty2 else 1
    off1 = np.zeros(n1 + 1, np.int32)
    by1 = np.empty(arcs1.shape[1], np.int32)
    arcs_by_label(arcs1, n1, 3, off1, by1)
    off2 = np.zeros(n2 + 1, np.int32)
    by2 = np.empty(arcs2.shape[1], np.int32)
    arcs_by_label(arcs2, n2, 2, off2, by2)
    label1 = np.empty(by1.size, np.int32)
    for j in range(by1.size):
        label1[j] = arcs1[3, by1[j]]
    label2 = np.empty(by2.size, np.int32)
    for j in range(by2.size):
        label2[j] = arcs2[2, by2[j]]

    if ascends(arcs1):
        bucketed = 1
        buckets = n1
    elif ascends(arcs2):
        bucketed = 2
        buckets = n2
    else:
        bucketed = 0
        buckets = 1
    head = np.full(buckets, -1, np.int32)
    tail = np.full(buckets, -1, np.int32)

    size = np.int64(n1) * n2 * filters
    dense = size <= dense_limit
    table = np.zeros(size if dense else 1, np.int32)  # state + 1
    slots = np.int64(1024)
    keys = np.full(1 if dense else slots, np.int64(-1))
    values = np.empty(1 if dense else slots, np.int32)

    capacity = 256
    state_key = np.empty(capacity, np.int64)
    state_next = np.empty(capacity, np.int32)
    states = 0
    arc_capacity = 1024
    arc_out = np.empty((4, arc_capacity), np.int32)  # source, destination, arc 1, arc 2
    count = 0
    monotone = bucketed != 0

    is_accept1 = np.zeros(n1, np.bool_)
    for k in range(accept1.size):
        is_accept1[accept1[k]] = True
    is_accept2 = np.zeros(n2, np.bool_)
    for k in range(accept2.size):
        is_accept2[accept2[k]] = True

    for i in range(start1.size):
        for j in range(start2.size):
            key = (np.int64(start1[i]) * n2 + start2[j]) * filters
            if states == capacity:
                capacity *= 2
                state_key = np.append(state_key, state_key)
                state_next = np.append(state_next, state_next)
            state_key[states] = key
            state_next[states] = -1
            bucket = start1[i] if bucketed == 1 else (start2[j] if bucketed == 2 else 0)
            if head[bucket] < 0:
                head[bucket] = states
            else:
                state_next[tail[bucket]] = states
            tail[bucket] = states
            states += 1
            if dense:
                table[key] = states
            else:
                if 2 * states > slots:
                    slots *= 4
                    old_keys = keys
                    old_values = values
                    keys = np.full(slots, np.int64(-1))
                    values = np.empty(slots, np.int32)
                    for s in range(old_keys.size):
                        if old_keys[s] != -1:
                            slot = find_slot(keys, old_keys[s])
                            keys[slot] = old_keys[s]
                            values[slot] = old_values[s]
                slot = find_slot(keys, key)
                keys[slot] = key
                values[slot] = states - 1
    starts = states

    for bucket in range(buckets):
        state = head[bucket]
        while state >= 0:
            key = state_key[state]
            held = key % filters
            pair = key // filters
            q1 = pair // n2
            q2 = pair - q1 * n2
            lo1 = off1[q1]
            hi1 = off1[q1 + 1]
            lo2 = off2[q2]
            hi2 = off2[q2 + 1]
            match1 = lo1
            while match1 < hi1 and label1[match1] < 0:
                match1 += 1
            match2 = lo2
            while match2 < hi2 and label2[match2] < 0:
                match2 += 1
            # Moves: phase 0 first graph alone, 1 second alone, 2 both on a common label.
            for phase in range(3):
                if phase == 0:
                    j1 = lo1 if held == 0 else match1
                    end1 = match1
                    j2 = 0
                    end2 = 1
                elif phase == 1:
                    j1 = 0
                    end1 = 1
                    j2 = lo2
                    end2 = match2
                else:
                    j1 = match1
                    end1 = hi1
                    j2 = match2
                    end2 = hi2
                first2 = j2
                while j1 < end1:
                    if phase == 2:
                        # Advance to the next common label, galloping in the longer list.
                        if first2 >= end2:
                            break
                        gap = label1[j1] - label2[first2]
                        if gap < 0:
                            if end1 - j1 > 16:
                                a = j1
                                b = end1
                                want = label2[first2]
                                while a < b:
                                    mid = (a + b) // 2
                                    if label1[mid] < want:
                                        a = mid + 1
                                    else:
                                        b = mid
                                j1 = a
                            else:
                                j1 += 1
                            continue
                        if gap > 0:
                            if end2 - first2 > 16:
                                a = first2
                                b = end2
                                want = label1[j1]
                                while a < b:
                                    mid = (a + b) // 2
                                    if label2[mid] < want:
                                        a = mid + 1
                                    else:
                                        b = mid
                                first2 = a
                            else:
                                first2 += 1
                            continue
                        j2 = first2
                    else:
                        j2 = first2
                    while j2 < end2 and (phase != 2 or label2[j2] == label1[j1]):
                        if phase == 0:
                            a1 = by1[j1]
                            a2 = -1
                            d1 = np.int64(arcs1[1, a1])
                            d2 = q2
                            flag = 0
                        elif phase == 1:
                            a1 = -1
                            a2 = by2[j2]
                            d1 = q1
                            d2 = np.int64(arcs2[1, a2])
                            flag = filters - 1
                        else:
                            a1 = by1[j1]
                            a2 = by2[j2]
                            d1 = np.int64(arcs1[1, a1])
                            d2 = np.int64(arcs2[1, a2])
                            flag = 0
                        key = (d1 * n2 + d2) * filters + flag
                        if dense:
                            target = table[key] - 1
                            slot = key
                        else:
                            slot = find_slot(keys, key)
                            target = values[slot] if keys[slot] != -1 else -1
                        into = d1 if bucketed == 1 else (d2 if bucketed == 2 else 0)
                        if target < 0:
                            target = states
                            if states == capacity:
                                capacity *= 2
                                state_key = np.append(state_key, state_key)
                                state_next = np.append(state_next, state_next)
                            state_key[states] = key
                            state_next[states] = -1
                            if head[into] < 0:
                                head[into] = states
                            else:
                                state_next[tail[into]] = states
                            tail[into] = states
                            states += 1
                            if dense:
                                table[key] = states
                            else:
                                keys[slot] = key
                                values[slot] = target
                                if 2 * states > slots:
                                    slots *= 4
                                    old_keys = keys
                                    old_values = values
                                    keys = np.full(slots, np.int64(-1))
                                    values = np.empty(slots, np.int32)
                                    for s in range(old_keys.size):
                                        if old_keys[s] != -1:
                                            slot = find_slot(keys, old_keys[s])
                                            keys[slot] = old_keys[s]
                                            values[slot] = old_values[s]
                        elif into == bucket:
                            monotone = False
                        if count == arc_capacity:
                            grown = np.empty((4, 2 * arc_capacity), np.int32)
                            grown[:, :arc_capacity] = arc_out
                            arc_out = grown
                            arc_capacity *= 2
                        arc_out[0, count] = state
                        arc_out[1, count] = target
                        arc_out[2, count] = a1
                        arc_out[3, count] = a2
                        count += 1
                        j2 += 1
                    j1 += 1
            state = state_next[state]

    # Trim: keep the states from which an accepting pair can be reached.
    keep = np.zeros(states, np.bool_)
    for s in range(states):
        pair = state_key[s] // filters
        keep[s] = is_accept1[pair // n2] and is_accept2[pair % n2]
    if monotone:
        for a in range(count - 1, -1, -1):
            if keep[arc_out[1, a]]:
                keep[arc_out[0, a]] = True
    else:
        into_off = np.zeros(states + 1, np.int32)
        for a in range(count):
            into_off[arc_out[1, a] + 1] += 1
        for s in range(states):
            into_off[s + 1] += into_off[s]
        place = into_off[:states].copy()
        source = np.empty(count, np.int32)
        for a in range(count):
            d = arc_out[1, a]
            source[place[d]] = arc_out[0, a]
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
            for j in range(into_off[s], into_off[s + 1]):
                d = source[j]
                if not keep[d]:
                    keep[d] = True
                    stack[top] = d
                    top += 1

    # Number the states in the order they were treated.
    number = np.full(states, -1, np.int32)
    n = 0
    for bucket in range(buckets):
        state = head[bucket]
        while state >= 0:
            if keep[state]:
                number[state] = n
                n += 1
            state = state_next[state]
    m = 0
    for a in range(count):
        if keep[arc_out[0, a]] and keep[arc_out[1, a]]:
            m += 1
    arcs = np.empty((4, m), np.int32)
    penalty = np.empty(m)
    origin = np.empty((2, m), np.int32)
    m = 0
    for a in range(count):
        s = arc_out[0, a]
        d = arc_out[1, a]
        if not (keep[s] and keep[d]):
            continue
        a1 = arc_out[2, a]
        a2 = arc_out[3, a]
        arcs[0, m] = number[s]
        arcs[1, m] = number[d]
        w = 0.0
        arcs[2, m] = -1
        arcs[3, m] = -1
        if a1 >= 0:
            arcs[2, m] = arcs1[2, a1]
            w += penalty1[a1]
        if a2 >= 0:
            arcs[3, m] = arcs2[3, a2]
            w += penalty2[a2]
        penalty[m] = w
        origin[0, m] = a1
        origin[1, m] = a2
        m += 1
    pairs = np.empty((2, n), np.int32)
    accepts = 0
    for s in range(states):
        if keep[s]:
            pair = state_key[s] // filters
            pairs[0, number[s]] = pair // n2
            pairs[1, number[s]] = pair % n2
            if is_accept1[pair // n2] and is_accept2[pair % n2]:
                accepts += 1
    accept = np.empty(accepts, np.int32)
    accepts = 0
    for v in range(n):
        if is_accept1[pairs[0, v]] and is_accept2[pairs[1, v]]:
            accept[accepts] = v
            accepts += 1
    begin = 0
    for s in range(starts):
        if keep[s]:
            begin += 1
    start = np.empty(begin, np.int32)
    begin = 0
    for s in range(starts):
        if keep[s]:
            start[begin] = number[s]
            begin += 1
    return arcs, penalty, origin, start, accept, pairs


@kernel
def scatter_add(gradient, origin, total):
    """Add gradient[a] to total[origin[a]], skipping origin -1."""
    for a in range(gradient.size):
        if origin[a] >= 0:
            total[origin[a]] += gradient[a]
