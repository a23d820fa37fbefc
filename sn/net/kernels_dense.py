"""Full connection and Euclidean units."""

from sn.jit import kernel
from sn.net.kernels_steps import TWO, ZERO


@kernel(fastmath=True)
def dense(lists, row, x, s, w, buffer):
    """Full connection: ``s[o] += sum_i w[o, i] x[i]``.

    Columns: pointer to output positions, outputs, pointer to input positions, inputs, weights.
    """
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    for i in range(m):
        buffer[i] = x[lists[ins + i]]
    v = buffer[:m]
    whole = n - n % 4
    for o in range(0, whole, 4):
        k = base + o * m
        line0, line1 = w[k : k + m], w[k + m : k + 2 * m]
        line2, line3 = w[k + 2 * m : k + 3 * m], w[k + 3 * m : k + 4 * m]
        a0, a1, a2, a3 = ZERO, ZERO, ZERO, ZERO
        for i in range(m):
            a0 += line0[i] * v[i]
            a1 += line1[i] * v[i]
            a2 += line2[i] * v[i]
            a3 += line3[i] * v[i]
        s[lists[outs + o]] += a0
        s[lists[outs + o + 1]] += a1
        s[lists[outs + o + 2]] += a2
        s[lists[outs + o + 3]] += a3
    for o in range(whole, n):
        line = w[base + o * m : base + o * m + m]
        a = ZERO
        for i in range(m):
            a += line[i] * v[i]
        s[lists[outs + o]] += a


@kernel(fastmath=True)
def dense_back(lists, row, x, d, w, rate, grad, online, skip, buffer):
    """Backward pass of `dense`: each weight is used for the input gradient, then moved."""
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    size = buffer.size // 2
    v = buffer[:m]
    back = buffer[size : size + m]
    for i in range(m):
        v[i] = x[lists[ins + i]]
        back[i] = 0
    for o in range(n):
        t = d[lists[outs + o]]
        if t != 0:
            line = w[base + o * m : base + o * m + m]
            if online:
                steps = rate[base + o * m : base + o * m + m]
                for i in range(m):
                    back[i] += t * line[i]
                    line[i] -= steps[i] * t * v[i]
            else:
                sums = grad[base + o * m : base + o * m + m]
                for i in range(m):
                    back[i] += t * line[i]
                    sums[i] += t * v[i]
    if not skip:
        for i in range(m):
            d[lists[ins + i]] += back[i]


@kernel(fastmath=True)
def euclidean(lists, row, x, s, w, buffer):
    """Euclidean units (SN: update-nn-sum): ``s[o] += sum_i (x[i] - w[o, i])**2``."""
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    for i in range(m):
        buffer[i] = x[lists[ins + i]]
    v = buffer[:m]
    for o in range(n):
        line = w[base + o * m : base + o * m + m]
        a = ZERO
        for i in range(m):
            t = v[i] - line[i]
            a += t * t
        s[lists[outs + o]] += a


@kernel(fastmath=True)
def euclidean_back(lists, row, x, d, w, rate, grad, online, second, skip, buffer):
    """Backward pass of `euclidean`.

    The second-order pass sets the curvature of every input and centre to that of one squared
    distance, 2, whatever the outputs say: the exact diagonal may turn negative under a
    discriminative criterion (the original makes the same choice).
    """
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    if second:
        for i in range(m):
            d[lists[ins + i]] += 2
        for k in range(base, base + n * m):
            grad[k] += 2
        return
    size = buffer.size // 2
    v = buffer[:m]
    back = buffer[size : size + m]
    for i in range(m):
        v[i] = x[lists[ins + i]]
        back[i] = 0
    for o in range(n):
        t = TWO * d[lists[outs + o]]
        k = base + o * m
        line, steps, sums = w[k : k + m], rate[k : k + m], grad[k : k + m]
        if online:
            for i in range(m):
                g = t * (v[i] - line[i])
                back[i] += g
                line[i] += steps[i] * g
        else:
            for i in range(m):
                g = t * (v[i] - line[i])
                back[i] += g
                sums[i] -= g
    if not skip:
        for i in range(m):
            d[lists[ins + i]] += back[i]


@kernel(fastmath=True)
def distances(lists, first, count, row, x, s, w):
    """Euclidean units over maps: squared distances of every window to a kernel.

    Records: source position, target position, kernel position. Columns: width, height, source
    pitch, length of the run of a target.
    """
    width, height, pitch, pixels = row[3], row[4], row[5], row[6]
    for q in range(first, first + 3 * count, 3):
        sums = s[lists[q + 1] : lists[q + 1] + pixels]
        for r in range(height):
            for c in range(width):
                v = w[lists[q + 2] + r * width + c]
                at = lists[q] + r * pitch + c
                seen = x[at : at + pixels]
                for p in range(pixels):
                    t = seen[p] - v
                    sums[p] += t * t


@kernel(fastmath=True)
def distances_back(lists, first, count, row, x, d, grad, w, second):
    """Backward pass of `distances`; second derivatives as in `euclidean_back`.

    There an input gets 2 for each layer of outputs that sees it, here for each place where one
    of them stands; `count` and the records are those of all kernels.
    """
    width, height, pitch, pixels = row[3], row[4], row[5], row[6]
    skip = row[7] == 1
    for q in range(first, first + 3 * count, 3):
        deltas = d[lists[q + 1] : lists[q + 1] + pixels]
        lead = lists[q + 1] == lists[first + 1]
        for r in range(height):
            for c in range(width):
                k = lists[q + 2] + r * width + c
                at = lists[q] + r * pitch + c
                seen = x[at : at + pixels]
                back = d[at : at + pixels]
                g = ZERO
                if second:
                    for p in range(pixels):
                        if deltas[p] != ZERO:
                            g += TWO
                            if lead and not skip:
                                back[p] += TWO
                    grad[k] += g
                    continue
                for p in range(pixels):
                    t = TWO * deltas[p] * (seen[p] - w[k])
                    g -= t
                    if not skip:
                        back[p] += t
                grad[k] += g
