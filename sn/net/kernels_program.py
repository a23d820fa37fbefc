"""The loop that executes a layer program: forward, backward, curvature, update.

The machine
-----------
A *layer program* is an int64 table with one row per step. Steps read and write flat vectors:

* ``x`` states, ``s`` weighted sums, ``d`` derivatives by sums or states, all in one
  position space. Position 0 is the bias unit, whose state is 1.
* ``w`` weights in the order the steps like best, ``rate`` one learning rate per weight.

A feature map lies row by row at a pitch: unit (i, j) of a map is at ``position + i*pitch + j``.
A map made by a convolution keeps the pitch of its source, so a whole map is one run of pixels;
the columns beyond its width are computed and ignored, and their derivatives are always 0.

Row layout: ``kind, pointer, count, a, b, ...``; ``pointer`` and ``count`` select records in
``lists``; the other columns depend on the kind and are named where the step is executed.
Derivatives are those of the energy: lower is better, weights move by ``-rate * gradient``.
"""

import numpy as np

from sn.jit import kernel

FILL, BIAS, CONVOLUTION, STRIDED, SUBSAMPLING, DENSE, EUCLIDEAN, SPARSE, SQUASH = range(9)
TANH, LINEAR, RECTIFIER, PIECEWISE = range(4)
SQUARED, LIKELIHOOD, POSTERIOR, SOFTMAX = range(4)

# Python's own 0, 1 and 2 would turn float32 arithmetic into float64.
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


@kernel(fastmath=True)
def convolve(lists, first, count, x, s, w, width, height, pitch, pixels):
    """Add convolutions to the sums, one kernel row at a time, up to 4 maps sharing the loads.

    Records: input position, number m of output maps (1 or 4), then m output positions and m
    kernel positions. `pixels` is the length of the run that covers an output map.
    """
    at = first
    for _ in range(count):
        source = lists[at]
        many = lists[at + 1]
        for r in range(height):
            for c in range(0, width, 5):
                k = r * width + c
                n = min(5, width - c)
                i = source + r * pitch + c
                ins = x[i : i + pixels + 4]
                v0 = w[lists[at + 2 + many] + k : lists[at + 2 + many] + k + n]
                o0 = s[lists[at + 2] : lists[at + 2] + pixels]
                zero = ZERO
                a0 = v0[0]
                a1 = v0[1] if n > 1 else zero
                a2 = v0[2] if n > 2 else zero
                a3 = v0[3] if n > 3 else zero
                a4 = v0[4] if n > 4 else zero
                if many == 4:
                    v1 = w[lists[at + 7] + k : lists[at + 7] + k + n]
                    v2 = w[lists[at + 8] + k : lists[at + 8] + k + n]
                    v3 = w[lists[at + 9] + k : lists[at + 9] + k + n]
                    o1 = s[lists[at + 3] : lists[at + 3] + pixels]
                    o2 = s[lists[at + 4] : lists[at + 4] + pixels]
                    o3 = s[lists[at + 5] : lists[at + 5] + pixels]
                    b0 = v1[0]
                    b1 = v1[1] if n > 1 else zero
                    b2 = v1[2] if n > 2 else zero
                    b3 = v1[3] if n > 3 else zero
                    b4 = v1[4] if n > 4 else zero
                    c0 = v2[0]
                    c1 = v2[1] if n > 1 else zero
                    c2 = v2[2] if n > 2 else zero
                    c3 = v2[3] if n > 3 else zero
                    c4 = v2[4] if n > 4 else zero
                    e0 = v3[0]
                    e1 = v3[1] if n > 1 else zero
                    e2 = v3[2] if n > 2 else zero
                    e3 = v3[3] if n > 3 else zero
                    e4 = v3[4] if n > 4 else zero
                    for p in range(pixels):
                        i0, i1, i2, i3, i4 = (
                            ins[p],
                            ins[p + 1],
                            ins[p + 2],
                            ins[p + 3],
                            ins[p + 4],
                        )
                        o0[p] += a0 * i0 + a1 * i1 + a2 * i2 + a3 * i3 + a4 * i4
                        o1[p] += b0 * i0 + b1 * i1 + b2 * i2 + b3 * i3 + b4 * i4
                        o2[p] += c0 * i0 + c1 * i1 + c2 * i2 + c3 * i3 + c4 * i4
                        o3[p] += e0 * i0 + e1 * i1 + e2 * i2 + e3 * i3 + e4 * i4
                else:
                    for p in range(pixels):
                        o0[p] += (
                            a0 * ins[p]
                            + a1 * ins[p + 1]
                            + a2 * ins[p + 2]
                            + a3 * ins[p + 3]
                            + a4 * ins[p + 4]
                        )
        at += 2 + 2 * many


@kernel(fastmath=True)
def convolve_back(lists, first, count, d, back, w, width, height, pitch, pixels):
    """Add the gradient with respect to the inputs of `convolve` to `back`.

    Records: output position, number m of input maps (1 or 4), then m input positions and m
    kernel positions. `d` and `back` may be the same array: the maps are different.
    """
    at = first
    for _ in range(count):
        source = lists[at]
        many = lists[at + 1]
        for r in range(height):
            for c in range(0, width, 5):
                k = r * width + c
                n = min(5, width - c)
                shift = r * pitch + c
                ins = d[source - 4 : source + pixels + 4]
                size = pixels + 4
                v0 = w[lists[at + 2 + many] + k : lists[at + 2 + many] + k + n]
                q0 = lists[at + 2] + shift
                o0 = back[q0 : q0 + size]
                zero = ZERO
                a0 = v0[0]
                a1 = v0[1] if n > 1 else zero
                a2 = v0[2] if n > 2 else zero
                a3 = v0[3] if n > 3 else zero
                a4 = v0[4] if n > 4 else zero
                if many == 4:
                    v1 = w[lists[at + 7] + k : lists[at + 7] + k + n]
                    v2 = w[lists[at + 8] + k : lists[at + 8] + k + n]
                    v3 = w[lists[at + 9] + k : lists[at + 9] + k + n]
                    q1 = lists[at + 3] + shift
                    q2 = lists[at + 4] + shift
                    q3 = lists[at + 5] + shift
                    o1 = back[q1 : q1 + size]
                    o2 = back[q2 : q2 + size]
                    o3 = back[q3 : q3 + size]
                    b0 = v1[0]
                    b1 = v1[1] if n > 1 else zero
                    b2 = v1[2] if n > 2 else zero
                    b3 = v1[3] if n > 3 else zero
                    b4 = v1[4] if n > 4 else zero
                    c0 = v2[0]
                    c1 = v2[1] if n > 1 else zero
                    c2 = v2[2] if n > 2 else zero
                    c3 = v2[3] if n > 3 else zero
                    c4 = v2[4] if n > 4 else zero
                    e0 = v3[0]
                    e1 = v3[1] if n > 1 else zero
                    e2 = v3[2] if n > 2 else zero
                    e3 = v3[3] if n > 3 else zero
                    e4 = v3[4] if n > 4 else zero
                    for p in range(size):
                        i0, i1, i2, i3, i4 = (
                            ins[p + 4],
                            ins[p + 3],
                            ins[p + 2],
                            ins[p + 1],
                            ins[p],
                        )
                        o0[p] += a0 * i0 + a1 * i1 + a2 * i2 + a3 * i3 + a4 * i4
                        o1[p] += b0 * i0 + b1 * i1 + b2 * i2 + b3 * i3 + b4 * i4
                        o2[p] += c0 * i0 + c1 * i1 + c2 * i2 + c3 * i3 + c4 * i4
                        o3[p] += e0 * i0 + e1 * i1 + e2 * i2 + e3 * i3 + e4 * i4
                else:
                    for p in range(size):
                        o0[p] += (
                            a0 * ins[p + 4]
                            + a1 * ins[p + 3]
                            + a2 * ins[p + 2]
                            + a3 * ins[p + 1]
                            + a4 * ins[p]
                        )
        at += 2 + 2 * many


@kernel(fastmath=True)
def convolve_weights(
    lists, first, count, x, d, w, rate, grad, online, width, height, pitch, pixels
):
    """Accumulate the gradient of every kernel in `grad`, or (online) move the weights at once.

    Records as in `convolve`; five dot products run over a map at a time.
    """
    at = first
    for _ in range(count):
        source = lists[at]
        many = lists[at + 1]
        for m in range(many):
            o = lists[at + 2 + m]
            base = lists[at + 2 + many + m]
            delta = d[o : o + pixels]
            for r in range(height):
                for c in range(0, width, 5):
                    i = source + r * pitch + c
                    ins = x[i : i + pixels + 4]
                    g0 = ZERO
                    g1 = g0
                    g2 = g0
                    g3 = g0
                    g4 = g0
                    for p in range(pixels):
                        t = delta[p]
                        g0 += t * ins[p]
                        g1 += t * ins[p + 1]
                        g2 += t * ins[p + 2]
                        g3 += t * ins[p + 3]
                        g4 += t * ins[p + 4]
                    k = base + r * width + c
                    n = min(5, width - c)
                    for q in range(n):
                        g = (
                            g0
                            if q == 0
                            else g1
                            if q == 1
                            else g2
                            if q == 2
                            else g3
                            if q == 3
                            else g4
                        )
                        if online:
                            w[k + q] -= rate[k + q] * g
                        else:
                            grad[k + q] += g
        at += 2 + 2 * many


@kernel(fastmath=True)
def strided(lists, first, count, row, x, s, d, w, rate, grad, mode, skip):
    """Convolve with any step (`mode` 0: forward, 1: backward accumulating, 2: online).

    Records: input position, output position, kernel position. Columns of the row: kernel
    width, height, input pitch, output pitch, rows, columns, pointers to the first row and
    first column of every window.
    """
    width, height, pitch, out_pitch = row[3], row[4], row[5], row[6]
    rows, columns = row[7], row[8]
    tops = lists[row[9] : row[9] + rows]
    lefts = lists[row[10] : row[10] + columns]
    for q in range(count):
        source = lists[first + 3 * q]
        target = lists[first + 3 * q + 1]
        base = lists[first + 3 * q + 2]
        for k in range(height):
            for m in range(width):
                v = w[base + k * width + m]
                g = ZERO
                for i in range(rows):
                    a = source + (tops[i] + k) * pitch + m
                    b = target + i * out_pitch
                    if mode == 0:
                        for j in range(columns):
                            s[b + j] += v * x[a + lefts[j]]
                    else:
                        for j in range(columns):
                            g += d[b + j] * x[a + lefts[j]]
                        if not skip:
                            for j in range(columns):
                                d[a + lefts[j]] += v * d[b + j]
                if mode == 1:
                    grad[base + k * width + m] += g
                elif mode == 2:
                    w[base + k * width + m] -= rate[base + k * width + m] * g


@kernel(fastmath=True)
def subsample(lists, first, count, row, x, s, d, w, rate, grad, mode, second):
    """One weight for a whole receptive field: the sum of the field times a coefficient.

    Records: input position, output position, weight position. Columns: field width, height,
    input pitch, output pitch, rows, columns, row step, column step. `x` holds true states also
    in the second-order pass: the weight sees the *sum* of its field, not each input.
    """
    width, height, pitch, out_pitch = row[3], row[4], row[5], row[6]
    rows, columns, row_step, column_step = row[7], row[8], row[9], row[10]
    for q in range(count):
        source = lists[first + 3 * q]
        target = lists[first + 3 * q + 1]
        k = lists[first + 3 * q + 2]
        v = w[k]
        g = ZERO
        for i in range(rows):
            b = target + i * out_pitch
            a = source + i * row_step * pitch
            for j in range(columns):
                if width == 2 and height == 2:
                    total = x[a] + x[a + 1] + x[a + pitch] + x[a + pitch + 1]
                else:
                    total = ZERO
                    for m in range(height):
                        for n in range(width):
                            total += x[a + m * pitch + n]
                if mode == 0:
                    s[b + j] += v * total
                else:
                    t = d[b + j]
                    g += t * (total * total if second else total)
                    t *= v
                    if width == 2 and height == 2:
                        d[a] += t
                        d[a + 1] += t
                        d[a + pitch] += t
                        d[a + pitch + 1] += t
                    else:
                        for m in range(height):
                            for n in range(width):
                                d[a + m * pitch + n] += t
                a += column_step
        if mode == 1:
            grad[k] += g
        elif mode == 2:
            w[k] -= rate[k] * g


@kernel(fastmath=True)
def dense(lists, row, x, s, w, buffer):
    """Full connection: ``s[o] += sum_i w[o, i] x[i]``.

    Columns: pointer to output positions, outputs, pointer to input positions, inputs, weights.
    """
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    for i in range(m):
        buffer[i] = x[lists[ins + i]]
    v = buffer[:m]
    for o in range(n):
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
def euclidean(lists, row, x, s, w):
    """Euclidean units (SN: update-nn-sum): ``s[o] += sum_i (x[i] - w[o, i])**2``."""
    outs, n, ins, m, base = row[1], row[2], row[3], row[4], row[5]
    for o in range(n):
        a = ZERO
        for i in range(m):
            t = x[lists[ins + i]] - w[base + o * m + i]
            a += t * t
        s[lists[outs + o]] += a


@kernel(fastmath=True)
def euclidean_back(lists, row, x, d, w, rate, grad, online, second, skip):
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
    for o in range(n):
        t = TWO * d[lists[outs + o]]
        for i in range(m):
            k = base + o * m + i
            g = t * (x[lists[ins + i]] - w[k])
            if not skip:
                d[lists[ins + i]] += g
            if online:
                w[k] += rate[k] * g
            else:
                grad[k] -= g


@kernel(fastmath=True)
def tanh_fast(v):
    """Hyperbolic tangent by a clamped odd rational of our own fit; error below 4e-7."""
    v = min(max(v, np.float32(-9.0)), np.float32(9.0))
    u = v * v
    p = np.float32(-8.291030816650066e-14)
    p = p * u + np.float32(5.1925831424597314e-11)
    p = p * u + np.float32(-2.0029334724752754e-08)
    p = p * u + np.float32(1.1101768515304903e-05)
    p = p * u + np.float32(3.0986492093308254e-03)
    p = p * u + np.float32(0.13079159133414284)
    p = p * u + np.float32(0.999999968930111)
    q = np.float32(2.5385936476568315e-04)
    q = q * u + np.float32(2.4473741331666393e-02)
    q = q * u + np.float32(0.464124793827386)
    q = q * u + np.float32(1.0)
    return v * p / q


@kernel(fastmath=True)
def squash(lists, row, constants, x, s, exact):
    """States from sums: ``A tanh(Bx) + Cx + D`` and its kin. Records: position, length."""
    first, count, kind = row[1], row[2], row[3]
    A, B, C, D = (
        constants[row[4]],
        constants[row[4] + 1],
        constants[row[4] + 2],
        constants[row[4] + 3],
    )
    for q in range(count):
        at = lists[first + 2 * q]
        n = lists[first + 2 * q + 1]
        sums = s[at : at + n]
        states = x[at : at + n]
        if kind == TANH:
            if exact:
                for p in range(n):
                    states[p] = A * np.tanh(B * sums[p]) + C * sums[p] + D
            else:
                for p in range(n):
                    states[p] = A * tanh_fast(B * sums[p]) + C * sums[p] + D
        elif kind == LINEAR:
            for p in range(n):
                states[p] = (A * B + C) * sums[p] + D
        elif kind == RECTIFIER:
            for p in range(n):
                states[p] = max(sums[p], ZERO)
        else:
            for p in range(n):
                states[p] = A * min(max(B * sums[p], -ONE), ONE) + C * sums[p] + D


@kernel(fastmath=True)
def squash_back(lists, row, constants, x, s, d, second):
    """Multiply derivatives by f' (by its square in the second-order pass).

    `x` holds true states also in the second-order pass: the slope comes from the output.
    """
    first, count, kind = row[1], row[2], row[3]
    A, B, C, D = (
        constants[row[4]],
        constants[row[4] + 1],
        constants[row[4] + 2],
        constants[row[4] + 3],
    )
    for q in range(count):
        at = lists[first + 2 * q]
        n = lists[first + 2 * q + 1]
        sums = s[at : at + n]
        states = x[at : at + n]
        deltas = d[at : at + n]
        inverse = ONE / A if A != ZERO else ZERO
        for p in range(n):
            if kind == TANH:
                t = (states[p] - C * sums[p] - D) * inverse
                slope = A * B * (ONE - t * t) + C
            elif kind == LINEAR:
                slope = A * B + C
            elif kind == RECTIFIER:
                slope = ONE if sums[p] > ZERO else ZERO
            else:
                slope = A * B + C if abs(B * sums[p]) < 1 else C
            deltas[p] *= slope * slope if second else slope


@kernel
def forward(program, lists, constants, x, s, w, buffer, exact):
    """Run all steps of a layer program on the states of the input layer."""
    for step in range(program.shape[0]):
        row = program[step]
        kind, first, count = row[0], row[1], row[2]
        if kind == FILL:
            for q in range(first, first + 3 * count, 3):
                v = w[lists[q + 2]] if lists[q + 2] >= 0 else ZERO
                s[lists[q] : lists[q] + lists[q + 1]] = v
        elif kind == BIAS:
            for q in range(count):
                s[lists[first + q]] += w[row[3] + q]
        elif kind == CONVOLUTION:
            convolve(lists, first, count, x, s, w, row[3], row[4], row[5], row[6])
        elif kind == STRIDED:
            strided(lists, first, count, row, x, s, s, w, w, w, 0, True)
        elif kind == SUBSAMPLING:
            subsample(lists, first, count, row, x, s, s, w, w, w, 0, False)
        elif kind == DENSE:
            dense(lists, row, x, s, w, buffer)
        elif kind == EUCLIDEAN:
            euclidean(lists, row, x, s, w)
        elif kind == SPARSE:
            for q in range(first, first + 3 * count, 3):
                s[lists[q + 1]] += w[lists[q + 2]] * x[lists[q]]
        else:
            squash(lists, row, constants, x, s, exact)


@kernel(fastmath=True)
def backward(program, lists, constants, x, s, d, w, rate, grad, online, second, slopes, buffer):
    """Walk the program backward from the derivatives in `d` at the outputs.

    `second` propagates diagonal curvatures instead of gradients: then `x` and `w` hold squared
    states and weights, and `slopes` the true states.
    """
    for step in range(program.shape[0] - 1, -1, -1):
        row = program[step]
        kind, first, count = row[0], row[1], row[2]
        if kind == SQUASH:
            squash_back(lists, row, constants, slopes, s, d, second)
        elif kind in (FILL, BIAS):
            for q in range(count):
                g = ZERO
                if kind == FILL:
                    k = lists[first + 3 * q + 2]
                    if k < 0:
                        continue
                    at = lists[first + 3 * q]
                    for p in range(at, at + lists[first + 3 * q + 1]):
                        g += d[p]
                else:
                    k = row[3] + q
                    g = d[lists[first + q]]
                if online:
                    w[k] -= rate[k] * g
                else:
                    grad[k] += g
        elif kind == CONVOLUTION:
            if row[8] > 0:
                convolve_back(lists, row[7], row[8], d, d, w, row[3], row[4], row[5], row[6])
            convolve_weights(
                lists, first, count, x, d, w, rate, grad, online, row[3], row[4], row[5], row[6]
            )
        elif kind == STRIDED:
            strided(
                lists,
                first,
                count,
                row,
                x,
                s,
                d,
                w,
                rate,
                grad,
                2 if online else 1,
                row[11] == 1,
            )
        elif kind == SUBSAMPLING:
            subsample(
                lists,
                first,
                count,
                row,
                slopes,
                s,
                d,
                w,
                rate,
                grad,
                2 if online else 1,
                second,
            )
        elif kind == DENSE:
            dense_back(lists, row, x, d, w, rate, grad, online, row[6] == 1, buffer)
        elif kind == EUCLIDEAN:
            euclidean_back(lists, row, x, d, w, rate, grad, online, second, row[6] == 1)
        else:
            for q in range(first, first + 3 * count, 3):
                t = d[lists[q + 1]]
                k = lists[q + 2]
                g = t * x[lists[q]]
                d[lists[q]] += w[k] * t
                grad[k] += g
    if online:
        # A weight of sparse links may be used by several steps: it moves when all are done.
        for step in range(program.shape[0]):
            row = program[step]
            if row[0] == SPARSE:
                for q in range(row[1], row[1] + 3 * row[2], 3):
                    k = lists[q + 2]
                    w[k] -= rate[k] * grad[k]
                    grad[k] = 0


@kernel
def energy(cost, rubbish, x, outputs, targets, label, d):
    """Return the energy of a pattern and leave its derivatives in `d` at the outputs.

    Squared error uses `targets`; the likelihood criterion is the penalty of the right class
    (LeCun et al. 1998, eq. 8), the posterior criterion adds the competing classes and a rubbish
    class of constant penalty (eq. 9); softmax takes outputs as scores, not penalties.
    """
    total = 0.0
    n = outputs.size
    if cost == SQUARED:
        for i in range(n):
            t = x[outputs[i]] - targets[i]
            d[outputs[i]] = t
            total += 0.5 * t * t
    elif cost == LIKELIHOOD:
        for i in range(n):
            d[outputs[i]] = 0
        d[outputs[label]] = 1
        total = x[outputs[label]]
    else:
        sign = 1.0 if cost == SOFTMAX else -1.0
        top = -rubbish if cost == POSTERIOR else -1e30
        for i in range(n):
            top = max(top, sign * x[outputs[i]])
        norm = np.exp(-rubbish - top) if cost == POSTERIOR else 0.0
        for i in range(n):
            norm += np.exp(sign * x[outputs[i]] - top)
        for i in range(n):
            p = np.exp(sign * x[outputs[i]] - top) / norm
            d[outputs[i]] = sign * (p - (1.0 if i == label else 0.0))
        total = top + np.log(norm) - sign * x[outputs[label]]
    return total


@kernel
def winner(cost, x, outputs):
    """Return the class with the best output: the least penalty or the greatest score."""
    best = 0
    for i in range(1, outputs.size):
        if cost in (LIKELIHOOD, POSTERIOR):
            if x[outputs[i]] < x[outputs[best]]:
                best = i
        elif x[outputs[i]] > x[outputs[best]]:
            best = i
    return best


@kernel
def run(program, lists, constants, inputs, outputs, patterns, results, x, s, w, buffer, exact):
    """Forward pass over patterns (n, inputs) -> results (n, outputs)."""
    for n in range(patterns.shape[0]):
        for i in range(inputs.size):
            x[inputs[i]] = patterns[n, i]
        forward(program, lists, constants, x, s, w, buffer, exact)
        for i in range(outputs.size):
            results[n, i] = x[outputs[i]]


@kernel
def learn(
    program,
    lists,
    constants,
    inputs,
    outputs,
    patterns,
    targets,
    labels,
    order,
    cost,
    rubbish,
    batch,
    momentum,
    decay,
    x,
    s,
    d,
    w,
    rate,
    grad,
    speed,
    buffer,
    exact,
):
    """Learn the patterns named by `order`; return the summed energy and the number of errors.

    `batch` 0 updates within the backward pass, after every pattern; otherwise weights move
    after every `batch` patterns by ``speed = momentum*speed - rate*(grad/batch + decay*w)``.
    Energies and errors are those met on the way, before each update.
    """
    total = 0.0
    errors = 0
    waiting = 0
    for q in range(order.size):
        n = order[q]
        for i in range(inputs.size):
            x[inputs[i]] = patterns[n, i]
        forward(program, lists, constants, x, s, w, buffer, exact)
        d[:] = 0
        total += energy(cost, rubbish, x, outputs, targets[n % targets.shape[0]], labels[n], d)
        if winner(cost, x, outputs) != labels[n]:
            errors += 1
        backward(
            program, lists, constants, x, s, d, w, rate, grad, batch == 0, False, x, buffer
        )
        waiting += 1
        if batch > 0 and (waiting == batch or q == order.size - 1):
            for k in range(w.size):
                step = rate[k] * (grad[k] / waiting + decay * w[k])
                speed[k] = momentum * speed[k] - step
                w[k] += speed[k]
                grad[k] = 0
            waiting = 0
    return total, errors


@kernel
def curvature(
    program,
    lists,
    constants,
    inputs,
    outputs,
    patterns,
    order,
    cost,
    x,
    s,
    d,
    w,
    squares,
    total,
    buffer,
    exact,
):
    """Add the diagonal Gauss-Newton curvatures of the patterns in `order` to `total`.

    Source: LeCun et al. 1998, appendix C: a squared error starts with curvature 1 at every
    output, softmax with p(1-p); shared weights sum over their uses.
    """
    weights = w * w
    for q in range(order.size):
        n = order[q]
        for i in range(inputs.size):
            x[inputs[i]] = patterns[n, i]
        forward(program, lists, constants, x, s, w, buffer, exact)
        d[:] = 0
        if cost == SOFTMAX:
            energy(cost, 0.0, x, outputs, constants, 0, d)
            d[outputs[0]] += 1
            for i in range(outputs.size):
                d[outputs[i]] *= 1 - d[outputs[i]]
        else:
            for i in range(outputs.size):
                d[outputs[i]] = 1
        for p in range(x.size):
            squares[p] = x[p] * x[p]
        backward(
            program, lists, constants, squares, s, d, weights, w, total, False, True, x, buffer
        )
