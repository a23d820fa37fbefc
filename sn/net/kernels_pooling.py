"""Subsampling by sums and by maxima."""

from sn.jit import kernel
from sn.net.kernels_steps import ZERO


@kernel(fastmath=True)
def subsample(lists, first, count, row, x, s, d, w, rate, grad, mode, second):
    """One weight for a whole receptive field: the sum of the field times a coefficient.

    Records: input position, output position, weight position. Columns: field width, height,
    input pitch, output pitch, rows, columns, row step, column step. `x` holds true states also
    in the second-order pass: the weight sees the *sum* of its field, not each input.
    """
    width, height, pitch, out_pitch = row[3], row[4], row[5], row[6]
    rows, columns, row_step, column_step = row[7], row[8], row[9], row[10]
    pairs = width == 2 and height == 2 and column_step == 2
    for q in range(count):
        source = lists[first + 3 * q]
        target = lists[first + 3 * q + 1]
        k = lists[first + 3 * q + 2]
        v = w[k]
        g = ZERO
        for i in range(rows):
            b = target + i * out_pitch
            a = source + i * row_step * pitch
            if pairs:
                over = x[a : a + 2 * columns]
                under = x[a + pitch : a + pitch + 2 * columns]
                if mode == 0:
                    out = s[b : b + columns]
                    for j in range(columns):
                        total = over[2 * j] + over[2 * j + 1] + under[2 * j] + under[2 * j + 1]
                        out[j] += v * total
                    continue
                out = d[b : b + columns]
                above = d[a : a + 2 * columns]
                below = d[a + pitch : a + pitch + 2 * columns]
                for j in range(columns):
                    total = over[2 * j] + over[2 * j + 1] + under[2 * j] + under[2 * j + 1]
                    g += out[j] * (total * total if second else total)
                for j in range(columns):
                    t = v * out[j]
                    above[2 * j] += t
                    above[2 * j + 1] += t
                    below[2 * j] += t
                    below[2 * j + 1] += t
                continue
            for j in range(columns):
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
                    for m in range(height):
                        for n in range(width):
                            d[a + m * pitch + n] += t
                a += column_step
        if mode == 1:
            grad[k] += g
        elif mode == 2:
            w[k] -= rate[k] * g


@kernel(fastmath=True)
def maximum(lists, first, count, row, x, s, d, back):
    """Pass on the greatest state of a receptive field; (back) derivatives go where it was.

    Of several equal states the first counts. Records: input position, output position.
    Columns: field width, height, input pitch, output pitch, rows, columns, row step, column
    step.
    """
    width, height, pitch, out_pitch = row[3], row[4], row[5], row[6]
    rows, columns, row_step, column_step = row[7], row[8], row[9], row[10]
    pairs = width == 2 and height == 2 and column_step == 2
    for q in range(count):
        for i in range(rows):
            a = lists[first + 2 * q] + i * row_step * pitch
            b = lists[first + 2 * q + 1] + i * out_pitch
            if pairs:
                over = x[a : a + 2 * columns]
                under = x[a + pitch : a + pitch + 2 * columns]
                if not back:
                    out = s[b : b + columns]
                    for j in range(columns):
                        out[j] += max(
                            max(over[2 * j], over[2 * j + 1]),
                            max(under[2 * j], under[2 * j + 1]),
                        )
                else:
                    out = d[b : b + columns]
                    above = d[a : a + 2 * columns]
                    below = d[a + pitch : a + pitch + 2 * columns]
                    for j in range(columns):
                        v0, v1 = over[2 * j], over[2 * j + 1]
                        v2, v3 = under[2 * j], under[2 * j + 1]
                        top, bottom = max(v0, v1), max(v2, v3)
                        t = out[j] if top >= bottom else ZERO
                        u = out[j] - t
                        above[2 * j] += t if v0 >= v1 else ZERO
                        above[2 * j + 1] += t if v0 < v1 else ZERO
                        below[2 * j] += u if v2 >= v3 else ZERO
                        below[2 * j + 1] += u if v2 < v3 else ZERO
                continue
            for j in range(columns):
                best = a
                for m in range(height):
                    for n in range(width):
                        if x[a + m * pitch + n] > x[best]:
                            best = a + m * pitch + n
                if back:
                    d[best] += d[b + j]
                else:
                    s[b + j] += x[best]
                a += column_step
