"""Kernels: topological order, the Viterbi and forward recursions on one graph, and gradients.

Arcs are (4, m) int32 rows src, dst, ilabel, olabel; penalties float64. Node penalties of the
forward pass stay logarithms; within a node the sum is taken in the linear domain relative to
the cheapest incoming arc, so one exponential per arc is all (eqs 14-16 of the 1998 paper), and
nothing can overflow.
"""

import numpy as np

from sn.jit import kernel

LOG2E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10


@kernel(inline="always")
def exponential(x):
    """Return e^x for x <= 0, relative error 3e-15, exactly 0 below -708; loops vectorize."""
    y = max(x, -708.0)
    k = np.floor(y * LOG2E + 0.5)
    r = y - k * LN2_HIGH - k * LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    scale = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    return p * scale if x >= -708.0 else 0.0


@kernel
def incoming(arcs, n, offset, arc):
    """List arcs by destination, stable: those of node v are arc[offset[v]:offset[v + 1]]."""
    m = arcs.shape[1]
    dst = arcs[1]
    is_sorted = True
    for a in range(1, m):
        if dst[a] < dst[a - 1]:
            is_sorted = False
            break
    for a in range(m):
        offset[dst[a] + 1] += 1
    for v in range(n):
        offset[v + 1] += offset[v]
    if is_sorted:
        for a in range(m):
            arc[a] = a
    else:
        place = offset[:n].copy()
        for a in range(m):
            v = dst[a]
            arc[place[v]] = a
            place[v] += 1


@kernel
def topological_order(arcs, n, order):
    """Fill `order` with the nodes, sources first; return fewer than n when there is a cycle."""
    m = arcs.shape[1]
    src = arcs[0]
    dst = arcs[1]
    ascending = True
    for a in range(m):
        if src[a] >= dst[a]:
            ascending = False
            break
    if ascending:
        for v in range(n):
            order[v] = v
        return n
    degree = np.zeros(n, np.int32)
    offset = np.zeros(n + 1, np.int32)
    for a in range(m):
        degree[dst[a]] += 1
        offset[src[a] + 1] += 1
    for v in range(n):
        offset[v + 1] += offset[v]
    place = offset[:n].copy()
    target = np.empty(m, np.int32)
    for a in range(m):
        v = src[a]
        target[place[v]] = dst[a]
        place[v] += 1
    count = 0
    for v in range(n):
        if degree[v] == 0:
            order[count] = v
            count += 1
    k = 0
    while k < count:
        v = order[k]
        k += 1
        for j in range(offset[v], offset[v + 1]):
            w = target[j]
            degree[w] -= 1
            if degree[w] == 0:
                order[count] = w
                count += 1
    return count


@kernel
def useful_nodes(arcs, n, start, accept, mark):
    """Set mark[v] to 3 for the nodes v on a path from a start to an accept node."""
    m = arcs.shape[1]
    offset = np.empty(n + 1, np.int32)
    link = np.empty(m, np.int32)
    stack = np.empty(n + 1, np.int32)
    for way in range(2):
        near = arcs[way]
        far = arcs[1 - way]
        bit = 1 + way
        offset[:] = 0
        for a in range(m):
            offset[near[a] + 1] += 1
        for v in range(n):
            offset[v + 1] += offset[v]
        place = offset[:n].copy()
        for a in range(m):
            v = near[a]
            link[place[v]] = far[a]
            place[v] += 1
        top = 0
        ends = start if way == 0 else accept
        for k in range(ends.size):
            if mark[ends[k]] & bit == 0:
                mark[ends[k]] |= bit
                stack[top] = ends[k]
                top += 1
        while top > 0:
            top -= 1
            v = stack[top]
            for j in range(offset[v], offset[v + 1]):
                w = link[j]
                if mark[w] & bit == 0:
                    mark[w] |= bit
                    stack[top] = w
                    top += 1


@kernel(fastmath={"nnan", "nsz", "reassoc"})
def least(x, count, low):
    """Return the smallest of `low` and count numbers."""
    for j in range(count):
        low = min(low, x[j])
    return low


@kernel(fastmath={"nnan", "nsz", "reassoc", "contract"})
def relative_sum(x, count, low):
    """Replace count numbers by e^(low - x) and return their sum; low is no larger than any."""
    for j in range(count):
        x[j] = exponential(low - x[j])
    total = 0.0
    for j in range(count):
        total += x[j]
    return total


@kernel
def forward(arcs, penalty, n, start, accept, gradient, result):
    """Set result[0] to the forward penalty, gradient (if it has m entries) to dE/dc.

    f_v = -log sum_i e^-(c_i + f_src(i)) over the arcs i into v (1998, eqs 14-16). Returns 1, or
    0 when the graph has a cycle (nothing is computed then).
    """
    m = arcs.shape[1]
    src = arcs[0]
    dst = arcs[1]
    wants = gradient.size == m and m > 0
    result[0] = np.inf
    falls = 0
    breaks = 0
    for a in range(m):
        falls += src[a] >= dst[a]
    for a in range(1, m):
        breaks += dst[a] < dst[a - 1]
    ascending = falls == 0
    in_line = ascending and breaks == 0
    order = np.empty(0 if ascending else n, np.int32)
    if not ascending and topological_order(arcs, n, order) < n:
        return 0
    offset = np.zeros(0 if in_line else n + 1, np.int32)
    arc = np.empty(0 if in_line else m, np.int32)
    if not in_line:
        incoming(arcs, n, offset, arc)
    f = np.full(n, np.inf)
    for k in range(start.size):
        f[start[k]] = 0.0
    x = np.empty(m)  # c_i + f_src of one node, then e^-(...) relative to the cheapest
    p = gradient if in_line else np.empty(m if wants else 0)  # the share of an arc in its node
    hi = 0
    for k in range(n):
        v = k if ascending else order[k]
        lo = hi if in_line else offset[v]
        if in_line:
            while hi < m and dst[hi] == v:
                hi += 1
        else:
            hi = offset[v + 1]
        count = hi - lo
        if count == 0:
            continue
        base = f[v]
        if in_line:
            for j in range(count):
                before = f[src[lo + j]]
                x[j] = penalty[lo + j] + before if before < np.inf else np.inf
        else:
            for j in range(count):
                a = arc[lo + j]
                before = f[src[a]]
                x[j] = penalty[a] + before if before < np.inf else np.inf
        if count == 1 and base == np.inf:
            f[v] = x[0]
            if wants:
                p[lo] = 1.0 if x[0] < np.inf else 0.0
            continue
        low = least(x, count, base)
        if abs(low) < np.inf:
            total = relative_sum(x, count, low)
            if base != np.inf:
                total += np.exp(low - base)
            f[v] = low - np.log(total)
        else:
            total = 1.0 if base == low or low > 0.0 else 0.0
            for j in range(count):
                x[j] = 1.0 if x[j] == low and low < 0.0 else 0.0
                total += x[j]
            f[v] = low
        if wants:
            share = 1.0 / total
            for j in range(count):
                p[lo + j] = x[j] * share
    low = np.inf
    for k in range(accept.size):
        low = min(low, f[accept[k]])
    if low == np.inf:
        gradient[:] = 0.0
        return 1
    total = 0.0
    for k in range(accept.size):
        at = f[accept[k]]
        if at == low:
            total += 1.0
        elif low != -np.inf:
            total += np.exp(low - at)
    result[0] = low - np.log(total)
    if not wants:
        return 1
    g = np.zeros(n)
    for k in range(accept.size):
        at = f[accept[k]]
        if at == low:
            g[accept[k]] = 1.0 / total
        elif low != -np.inf:
            g[accept[k]] = np.exp(low - at) / total
    hi = m
    for k in range(n):
        v = n - 1 - k if ascending else order[n - 1 - k]
        if in_line:
            end = hi
            while hi > 0 and dst[hi - 1] == v:
                hi -= 1
            gv = g[v]
            for a in range(hi, end):
                share = gv * p[a]
                gradient[a] = share
                g[src[a]] += share
        else:
            gv = g[v]
            for j in range(offset[v], offset[v + 1]):
                a = arc[j]
                share = gv * p[j]
                gradient[a] = share
                g[src[a]] += share
    return 1


@kernel
def viterbi(arcs, penalty, n, start, accept, path, result):
    """Set result[0] to the Viterbi penalty, path[:, -length:] to arcs and labels of the best.

    v_n = min_i (c_i + v_src(i)) (1998, eq. 10); ties: a start node keeps the empty prefix, else
    the first arc; among accept nodes the first listed. Returns the length of the path, -1 when
    there is none, -2 when the graph has a cycle.
    """
    m = arcs.shape[1]
    src = arcs[0]
    dst = arcs[1]
    result[0] = np.inf
    falls = 0
    breaks = 0
    for a in range(m):
        falls += src[a] >= dst[a]
    for a in range(1, m):
        breaks += dst[a] < dst[a - 1]
    ascending = falls == 0
    in_line = ascending and breaks == 0
    order = np.empty(0 if ascending else n, np.int32)
    if not ascending and topological_order(arcs, n, order) < n:
        return -2
    offset = np.zeros(0 if in_line else n + 1, np.int32)
    arc = np.empty(0 if in_line else m, np.int32)
    if not in_line:
        incoming(arcs, n, offset, arc)
    f = np.full(n, np.inf)
    back = np.full(n, -1, np.int32)
    for k in range(start.size):
        f[start[k]] = 0.0
    x = np.empty(m)
    hi = 0
    for k in range(n):
        v = k if ascending else order[k]
        lo = hi if in_line else offset[v]
        if in_line:
            while hi < m and dst[hi] == v:
                hi += 1
        else:
            hi = offset[v + 1]
        count = hi - lo
        if count == 0:
            continue
        if in_line:
            for j in range(count):
                before = f[src[lo + j]]
                x[j] = penalty[lo + j] + before if before < np.inf else np.inf
        else:
            for j in range(count):
                a = arc[lo + j]
                before = f[src[a]]
                x[j] = penalty[a] + before if before < np.inf else np.inf
        low = least(x, count, f[v])
        if low < f[v]:
            f[v] = low
            j = 0
            while x[j] != low:
                j += 1
            back[v] = lo + j if in_line else arc[lo + j]
    end = -1
    for k in range(accept.size):
        if f[accept[k]] < result[0]:
            result[0] = f[accept[k]]
            end = accept[k]
    if end < 0:
        return -1
    length = 0
    place = path.shape[1]
    while back[end] >= 0:
        a = back[end]
        length += 1
        path[0, place - length] = a
        path[1, place - length] = arcs[2, a]
        path[2, place - length] = arcs[3, a]
        end = src[a]
    return length
