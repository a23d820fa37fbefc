"""Kernels: scores and gradients of a composition whose product graph is never built.

The first graph (lattice) is acyclic, the second (target, grammar) arbitrary but without input
epsilons: a table of lattice nodes x target nodes takes the place of the product.

Sums are taken in the linear domain, with one exponential per lattice arc and direction. On
short lattices one scale per lattice node is tried; it would lose states that differ by more
than about 700 nats, which does happen in long alignments and is noticed. Then, and for long
lattices, each entry of the table is a float64 times a power of 2^256 of its own: as exact as
the log domain for any penalties, without its logarithms.

Target arcs are listed by input label: those with label l are at[l]:at[l + 1] of `source`,
`target`, `arc`.
"""

import numpy as np

from gtn.kernels import exponential, incoming, least, topological_order
from sn.jit import kernel

inner = kernel(no_cpython_wrapper=True, no_cfunc_wrapper=True)  # called by kernels only

TINY = 660.0  # nats below the best of a node at which a state is dropped ...
DROP = 1e-286  # ... just above e^-TINY: smaller numbers become denormal, and slow
MARGIN = 50.0  # nats by which anything lost must stay below the result
SHORT = 400  # one scale per node is tried on lattices of up to so many nodes,
NARROW = 64  # or with targets of up to so many
STEP = 256  # bits in one unit of a power
STEP_NATS = STEP * 0.6931471805599453
LARGEST = 2.0**128
SMALLEST = 2.0**-128


@inner
def by_label(arcs, at, source, target, arc):
    """List the arcs of the second graph by input label (counting sort)."""
    m = arcs.shape[1]
    for a in range(m):
        at[arcs[2, a] + 1] += 1
    for k in range(at.size - 1):
        at[k + 1] += at[k]
    place = at.copy()
    for a in range(m):
        k = place[arcs[2, a]]
        place[arcs[2, a]] += 1
        source[k] = arcs[0, a]
        target[k] = arcs[1, a]
        arc[k] = a


@inner
def outgoing(arcs, n, offset, arc):
    """List arcs by source, stable: those of node v are arc[offset[v]:offset[v + 1]]."""
    m = arcs.shape[1]
    for a in range(m):
        offset[arcs[0, a] + 1] += 1
    for v in range(n):
        offset[v + 1] += offset[v]
    place = offset[:n].copy()
    for a in range(m):
        v = arcs[0, a]
        arc[place[v]] = a
        place[v] += 1


@inner
def accumulate(value, power, z, y, e, scales):
    """Add y 2^(STEP e) to entry z."""
    if value[z] == 0.0:
        value[z] = y
        power[z] = e
    elif e <= power[z]:
        if power[z] - e < 4:
            value[z] += y * scales[4 + e - power[z]]
    else:
        gap = min(e - power[z], 4)
        value[z] = y + value[z] * scales[4 - gap]
        power[z] = e


@inner
def normalise(value, power, lo, hi):
    """Bring entries lo...hi - 1 into 2^-128...2^128, moving whole steps to their powers."""
    outside = 0
    for z in range(lo, hi):
        outside += (value[z] > LARGEST) | ((value[z] < SMALLEST) & (value[z] > 0.0))
    if outside == 0:
        return
    for z in range(lo, hi):
        while value[z] > LARGEST:
            value[z] *= 2.0**-STEP
            power[z] += 1
        while 0.0 < value[z] < SMALLEST:
            value[z] *= 2.0**STEP
            power[z] -= 1


@inner
def relative_exponentials(x, count, base):
    """Replace count numbers by e^(base - x); base is no larger than any."""
    for j in range(count):
        x[j] = exponential(base - x[j])


@inner
def split(nats, fraction, power, count):
    """Write e^-x of count numbers x >= 0 as fraction x 2^(-STEP power), in place of x."""
    for j in range(count):
        k = np.floor(min(nats[j], 1e12) * (1.0 / STEP_NATS))
        power[j] = np.int32(k)
        fraction[j] = exponential(k * STEP_NATS - nats[j])


@inner
def wide_forward(
    arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, penalty2, n2,
    start2, accept2, weight, gradient1, gradient2, result,
):  # fmt: skip
    """Set result[0] to the forward penalty and add weight x its gradient to both graphs."""
    m1 = arcs1.shape[1]
    m2 = arc.size
    src1 = arcs1[0]
    dst1 = arcs1[1]
    label1 = arcs1[3]
    labels = at.size - 1
    # Unsigned indices: numba then leaves out the test for negative ones, a third of the time.
    origin = source.astype(np.uint64)
    goal = target.astype(np.uint64)
    bound = at.astype(np.uint64)
    width = np.uint64(n2)
    scales = np.array([2.0 ** (STEP * k) for k in range(-4, 5)])
    scales[0] = 0.0

    shift = np.inf  # the cheapest target arc; charged to the lattice arcs instead
    for i in range(m2):
        shift = min(shift, penalty2[arc[i]])
    if shift == np.inf:
        shift = 0.0
    w2 = np.empty(m2)
    for i in range(m2):
        w2[i] = np.exp(shift - penalty2[arc[i]])
    cost = np.empty(m1)
    for a in range(m1):
        label = label1[a]
        cost[a] = np.inf
        if label < 0:
            cost[a] = penalty1[a]
        elif label < labels and at[label + 1] > at[label]:
            cost[a] = penalty1[a] + shift

    x = np.empty(max(m1, 1))
    power = np.empty(max(m1, 1), np.int32)
    offset = np.zeros(n1 + 1, np.int32)
    listed = np.empty(m1, np.int32)
    incoming(arcs1, n1, offset, listed)
    alpha = np.zeros(n1 * n2)
    alpha_power = np.zeros(n1 * n2, np.int32)
    scale = np.full(n1, np.inf)
    is_end = np.zeros(n1, np.bool_)
    for k in range(start1.size):
        is_end[start1[k]] = True
    for k in range(n1):
        v = order[k]
        lo = offset[v]
        count = offset[v + 1] - lo
        for j in range(count):
            a = listed[lo + j]
            before = scale[src1[a]]
            x[j] = cost[a] + before if before < np.inf else np.inf
        base = least(x, count, 0.0 if is_end[v] else np.inf)
        if base == np.inf:
            continue
        scale[v] = base
        row = np.uint64(v) * width
        if count > 0:  # guess the powers: a right guess saves a branch per product arc
            near = np.uint64(src1[listed[lo]]) * width
            for s in range(width):
                alpha_power[row + s] = alpha_power[near + s]
        if is_end[v]:
            e = np.floor(-base / STEP_NATS)
            for i in range(start2.size):
                alpha[row + np.uint64(start2[i])] = np.exp(e * STEP_NATS + base)
                alpha_power[row + np.uint64(start2[i])] = -np.int32(e)
        for j in range(count):
            x[j] -= base
        split(x, x, power, count)
        for j in range(count):
            f = x[j]
            if f == 0.0:
                continue
            a = listed[lo + j]
            before_row = np.uint64(src1[a]) * width
            label = label1[a]
            if label < 0:
                for s in range(width):
                    y = f * alpha[before_row + s]
                    if y > 0.0:
                        e = alpha_power[before_row + s] - power[j]
                        accumulate(alpha, alpha_power, row + s, y, e, scales)
            else:
                for i in range(bound[label], bound[label + 1]):
                    z = before_row + origin[i]
                    y = f * w2[i] * alpha[z]
                    if y > 0.0:
                        e = alpha_power[z] - power[j]
                        z = row + goal[i]
                        gap = alpha_power[z] - e
                        if gap == 0:
                            alpha[z] += y
                        elif gap < 4 or alpha[z] == 0.0:
                            accumulate(alpha, alpha_power, z, y, e, scales)
        normalise(alpha, alpha_power, row, row + width)
    low = np.inf
    for k in range(accept1.size):
        low = min(low, scale[accept1[k]])
    total = np.zeros(1)
    total_power = np.zeros(1, np.int32)
    for k in range(accept1.size):
        v = accept1[k]
        if scale[v] < np.inf:
            e = np.floor((scale[v] - low) / STEP_NATS)
            f = np.exp(e * STEP_NATS - (scale[v] - low))
            for i in range(accept2.size):
                z = np.uint64(v) * width + np.uint64(accept2[i])
                y = f * alpha[z]
                if y > 0.0:
                    accumulate(
                        total,
                        total_power,
                        np.uint64(0),
                        y,
                        alpha_power[z] - np.int32(e),
                        scales,
                    )
    if total[0] == 0.0:
        result[0] = np.inf
        return
    energy = low - np.log(total[0]) - total_power[0] * STEP_NATS
    result[0] = energy

    # The way back: beta in the same form; gradient = alpha x arc x beta / total.
    offset[:] = 0
    outgoing(arcs1, n1, offset, listed)
    beta = np.zeros(n1 * n2)
    beta_power = np.zeros(n1 * n2, np.int32)
    back = np.full(n1, np.inf)
    is_end[:] = False
    for k in range(accept1.size):
        is_end[accept1[k]] = True
    sums2 = np.zeros(m2)
    for k in range(n1 - 1, -1, -1):
        v = order[k]
        if scale[v] == np.inf:
            continue
        lo = offset[v]
        count = offset[v + 1] - lo
        for j in range(count):
            a = listed[lo + j]
            after = back[dst1[a]]
            x[j] = cost[a] + after if after < np.inf else np.inf
        base = least(x, count, 0.0 if is_end[v] else np.inf)
        if base == np.inf:
            continue
        back[v] = base
        row = np.uint64(v) * width
        if count > 0:
            near = np.uint64(dst1[listed[lo]]) * width
            for s in range(width):
                beta_power[row + s] = beta_power[near + s]
        if is_end[v]:
            e = np.floor(-base / STEP_NATS)
            for i in range(accept2.size):
                beta[row + np.uint64(accept2[i])] = np.exp(e * STEP_NATS + base)
                beta_power[row + np.uint64(accept2[i])] = -np.int32(e)
        for j in range(count):
            x[j] -= base
        split(x, x, power, count)
        e = np.floor((energy - scale[v] - base) / STEP_NATS)
        here = np.exp(energy - scale[v] - base - e * STEP_NATS)
        here_power = np.int32(e)
        for j in range(count):
            f = x[j]
            if f == 0.0:
                continue
            a = listed[lo + j]
            after_row = np.uint64(dst1[a]) * width
            label = label1[a]
            sums1 = 0.0
            if label < 0:
                for s in range(width):
                    y = f * beta[after_row + s]
                    if y > 0.0:
                        e = beta_power[after_row + s] - power[j]
                        accumulate(beta, beta_power, row + s, y, e, scales)
                        e += alpha_power[row + s] + here_power
                        if e > -4 and alpha[row + s] > 0.0:
                            sums1 += alpha[row + s] * y * here * scales[e + 4]
            else:
                for i in range(bound[label], bound[label + 1]):
                    z = after_row + goal[i]
                    y = f * w2[i] * beta[z]
                    if y > 0.0:
                        e = beta_power[z] - power[j]
                        z = row + origin[i]
                        gap = beta_power[z] - e
                        if gap == 0:
                            beta[z] += y
                        elif gap < 4 or beta[z] == 0.0:
                            accumulate(beta, beta_power, z, y, e, scales)
                        e += alpha_power[z] + here_power
                        if e > -4 and alpha[z] > 0.0:
                            y *= alpha[z] * here
                            if e != 0:
                                y *= scales[e + 4]
                            sums1 += y
                            sums2[i] += y
            gradient1[a] += weight * sums1
        normalise(beta, beta_power, row, row + width)
    for i in range(m2):
        gradient2[arc[i]] += weight * sums2[i]


@inner
def linear_forward(
    arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, w2, shift, n2,
    start2, accept2, weight, gradient1, gradient2, result,
):  # fmt: skip
    """Do what `wide_forward` does with one scale per lattice node: quicker, for short lattices.

    Returns 1, or 0 when the scales could have lost something (nothing is added then).
    """
    m1 = arcs1.shape[1]
    src1 = arcs1[0]
    dst1 = arcs1[1]
    label1 = arcs1[3]
    labels = at.size - 1
    origin = source.astype(np.uint64)
    goal = target.astype(np.uint64)
    bound = at.astype(np.uint64)
    width = np.uint64(n2)
    offset = np.zeros(n1 + 1, np.int32)
    into = np.empty(m1, np.int32)
    incoming(arcs1, n1, offset, into)
    alpha = np.zeros(n1 * n2)  # row v is v * n2 ...; true value x e^-scale, its largest is 1
    scale = np.full(n1, np.inf)
    floor = np.full(n1, np.inf)  # whatever was lost at a node is below e^-floor
    cost = np.empty(m1)
    for a in range(m1):
        label = label1[a]
        cost[a] = np.inf
        if label < 0:
            cost[a] = penalty1[a]
        elif label < labels and at[label + 1] > at[label]:
            cost[a] = penalty1[a] + shift
    x = np.empty(m1)
    is_start = np.zeros(n1, np.bool_)
    for k in range(start1.size):
        is_start[start1[k]] = True
    for k in range(n1):
        v = order[k]
        lo = offset[v]
        count = offset[v + 1] - lo
        for j in range(count):
            a = into[lo + j]
            before = scale[src1[a]]
            x[j] = cost[a] + before if before < np.inf else np.inf
        base = least(x, count, 0.0 if is_start[v] else np.inf)
        if base == np.inf:
            continue
        if base == -np.inf:
            return 0
        relative_exponentials(x, count, base)
        row = np.uint64(v) * width
        if is_start[v]:
            for i in range(start2.size):
                alpha[row + np.uint64(start2[i])] += np.exp(base)
        for j in range(count):
            f = x[j]
            if f == 0.0:
                continue
            a = into[lo + j]
            before_row = np.uint64(src1[a]) * width
            label = label1[a]
            if label < 0:
                for s in range(width):
                    alpha[row + s] += f * alpha[before_row + s]
            else:
                for i in range(bound[label], bound[label + 1]):
                    alpha[row + goal[i]] += f * w2[i] * alpha[before_row + origin[i]]
        top = 0.0
        for s in range(width):
            top = max(top, alpha[row + s])
        floor[v] = base + TINY
        if top > 0.0:
            share = 1.0 / top
            if share == np.inf:
                return 0
            for s in range(width):
                y = alpha[row + s] * share
                alpha[row + s] = y if y > DROP else 0.0
            scale[v] = base - np.log(top)
    low = np.inf
    for k in range(accept1.size):
        low = min(low, scale[accept1[k]])
    total = 0.0
    for k in range(accept1.size):
        v = accept1[k]
        if scale[v] < np.inf:
            e = np.exp(low - scale[v])
            for i in range(accept2.size):
                total += e * alpha[v * n2 + accept2[i]]
    if total == 0.0:
        return 0
    energy = low - np.log(total)

    # The way back: beta in the same form; gradient = alpha x arc x beta / total.
    offset[:] = 0
    outgoing(arcs1, n1, offset, into)
    beta = np.zeros(n1 * n2)
    back = np.full(n1, np.inf)
    is_accept = np.zeros(n1, np.bool_)
    for k in range(accept1.size):
        is_accept[accept1[k]] = True
    sums1 = np.zeros(m1)
    sums2 = np.zeros(arc.size)
    for k in range(n1 - 1, -1, -1):
        v = order[k]
        lo = offset[v]
        count = offset[v + 1] - lo
        for j in range(count):
            a = into[lo + j]
            after = back[dst1[a]]
            x[j] = cost[a] + after if after < np.inf else np.inf
        base = least(x, count, 0.0 if is_accept[v] else np.inf)
        if base == np.inf:
            continue
        if base == -np.inf:
            return 0
        # Anything lost in alpha here, times beta, and the other way round, must not matter.
        reach = min(scale[v], floor[v])
        if base + reach - energy < MARGIN - TINY or base + floor[v] - energy < MARGIN:
            return 0
        here = np.exp(energy - scale[v] - base) if scale[v] < np.inf else 0.0
        relative_exponentials(x, count, base)
        row = np.uint64(v) * width
        if is_accept[v]:
            for i in range(accept2.size):
                beta[row + np.uint64(accept2[i])] += np.exp(base)
        for j in range(count):
            f = x[j]
            if f == 0.0:
                continue
            a = into[lo + j]
            after_row = np.uint64(dst1[a]) * width
            label = label1[a]
            total = 0.0
            if label < 0:
                for s in range(width):
                    y = f * beta[after_row + s]
                    beta[row + s] += y
                    total += y * alpha[row + s]
            else:
                for i in range(bound[label], bound[label + 1]):
                    y = f * w2[i] * beta[after_row + goal[i]]
                    z = row + origin[i]
                    beta[z] += y
                    y *= alpha[z]
                    total += y
                    sums2[i] += here * y
            sums1[a] = total * here
        top = 0.0
        for s in range(width):
            top = max(top, beta[row + s])
        if top > 0.0:
            share = 1.0 / top
            if share == np.inf:
                return 0
            for s in range(width):
                y = beta[row + s] * share
                beta[row + s] = y if y > DROP else 0.0
            back[v] = base - np.log(top)
    result[0] = energy
    for a in range(m1):
        gradient1[a] += weight * sums1[a]
    for i in range(arc.size):
        gradient2[arc[i]] += weight * sums2[i]
    return 1


@inner
def fused_viterbi(
    arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, penalty2, n2,
    start2, accept2, weight, gradient1, gradient2, result,
):  # fmt: skip
    """Set result[0] to the Viterbi penalty; add `weight` on the arcs of the best path."""
    m1 = arcs1.shape[1]
    labels = at.size - 1
    offset = np.zeros(n1 + 1, np.int32)
    into = np.empty(m1, np.int32)
    incoming(arcs1, n1, offset, into)
    best = np.full((n1, n2), np.inf)
    back1 = np.full((n1, n2), -1, np.int32)
    back2 = np.full((n1, n2), -1, np.int32)
    for k in range(start1.size):
        for i in range(start2.size):
            best[start1[k], start2[i]] = 0.0
    for k in range(n1):
        v = order[k]
        for j in range(offset[v], offset[v + 1]):
            a = into[j]
            q = arcs1[0, a]
            label = arcs1[3, a]
            c = penalty1[a]
            if label < 0:
                for s in range(n2):
                    if best[q, s] + c < best[v, s]:
                        best[v, s] = best[q, s] + c
                        back1[v, s] = a
                        back2[v, s] = -1
            elif label < labels:
                for i in range(at[label], at[label + 1]):
                    x = best[q, source[i]] + c + penalty2[arc[i]]
                    if x < best[v, target[i]]:
                        best[v, target[i]] = x
                        back1[v, target[i]] = a
                        back2[v, target[i]] = i
    energy = np.inf
    v = -1
    s = -1
    for k in range(accept1.size):
        for i in range(accept2.size):
            if best[accept1[k], accept2[i]] < energy:
                energy = best[accept1[k], accept2[i]]
                v = accept1[k]
                s = accept2[i]
    result[0] = energy
    if v < 0:
        return
    while back1[v, s] >= 0:
        a = back1[v, s]
        i = back2[v, s]
        gradient1[a] += weight
        if i >= 0:
            gradient2[arc[i]] += weight
            s = source[i]
        v = arcs1[0, a]


@inner
def fused(
    summed, weight, arcs1, penalty1, n1, start1, accept1, arcs2, penalty2, n2, start2, accept2,
    gradient1, gradient2, result,
):  # fmt: skip
    """Set result[0] to the penalty of first o second; add weight x gradient to both.

    summed: forward, else Viterbi. Returns 1, or 0 when the
    first graph has a cycle, the second input epsilons or penalties more than 177 nats apart,
    or a penalty is -inf: then the product is needed.
    """
    m2 = arcs2.shape[1]
    top = -1
    low = np.inf
    high = -np.inf
    for a in range(m2):
        if arcs2[2, a] < 0:
            return 0
        top = max(top, arcs2[2, a])
        low = min(low, penalty2[a])
        if penalty2[a] < np.inf:
            high = max(high, penalty2[a])
    if low == -np.inf or (summed and high - low > STEP_NATS):
        return 0
    if top > 65536 + 4 * m2:  # a list by label would be mostly empty
        return 0
    for a in range(arcs1.shape[1]):
        if penalty1[a] == -np.inf:
            return 0
    order = np.empty(n1, np.int32)
    if topological_order(arcs1, n1, order) < n1:
        return 0
    at = np.zeros(top + 2, np.int32)
    source = np.empty(m2, np.int32)
    target = np.empty(m2, np.int32)
    arc = np.empty(m2, np.int32)
    by_label(arcs2, at, source, target, arc)
    if summed and (n1 <= SHORT or n2 <= NARROW) and high - low < STEP_NATS:
        shift = low if low < np.inf else 0.0
        w2 = np.empty(m2)
        for i in range(m2):
            w2[i] = np.exp(shift - penalty2[arc[i]])
        if linear_forward(
            arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, w2, shift, n2,
            start2, accept2, weight, gradient1, gradient2, result,
        ):  # fmt: skip
            return 1
    if summed:
        wide_forward(
            arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, penalty2, n2,
            start2, accept2, weight, gradient1, gradient2, result,
        )  # fmt: skip
    else:
        fused_viterbi(
            arcs1, penalty1, n1, start1, accept1, order, at, source, target, arc, penalty2, n2,
            start2, accept2, weight, gradient1, gradient2, result,
        )  # fmt: skip
    return 1
