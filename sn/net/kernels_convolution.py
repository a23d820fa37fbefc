"""Convolutions: forward, by the inputs and by the kernels; and those with any step.

Records of a convolution: position of the first of some source maps, their number, how far apart
they are and their kernels are, number m of maps that share what is loaded (4, 2 or 1), m target
positions, m kernel positions in the weights. The work is done by the tile kernels.
"""

from sn.jit import kernel
from sn.net.kernels_steps import ZERO
from sn.net.kernels_tile import (
    accumulate1,
    accumulate2,
    accumulate4,
    correlate1,
    correlate2,
    correlate4,
)


@kernel(fastmath=True)
def convolve(lists, first, count, x, s, w, width, height, pitch, pixels):
    """Add convolutions to the sums: kernels of height x width over runs of pixels.

    `pixels` is the length of the run that covers an output map, `pitch` the distance of the
    rows of the field among the states.
    """
    at = first
    for _ in range(count):
        source, maps, many = lists[at], lists[at + 1], lists[at + 4]
        forth, further = lists[at + 2], lists[at + 3]
        t = at + 5
        k = t + many
        if many == 4:
            accumulate4(
                s, (lists[t], lists[t + 1], lists[t + 2], lists[t + 3]), x, source, w,
                (lists[k], lists[k + 1], lists[k + 2], lists[k + 3]),
                maps, height, width, forth, pitch, 1, further, width, 1, pixels,
            )  # fmt: skip
        elif many == 2:
            accumulate2(
                s, (lists[t], lists[t + 1]), x, source, w,
                (lists[k], lists[k + 1]),
                maps, height, width, forth, pitch, 1, further, width, 1, pixels,
            )  # fmt: skip
        else:
            accumulate1(
                s, (lists[t],), x, source, w,
                (lists[k],),
                maps, height, width, forth, pitch, 1, further, width, 1, pixels,
            )  # fmt: skip
        at = k + many


@kernel(fastmath=True)
def convolve_back(lists, first, count, d, w, width, height, pitch, pixels):
    """Add the derivatives by the inputs of `convolve` to `d`.

    Records as in `convolve`, with the output maps for sources and the input maps for targets.
    Rows of more than 8 taps are done in parts: what is read in front of a map are free
    positions, which hold 0.
    """
    at = first
    for _ in range(count):
        source, maps, many = lists[at], lists[at + 1], lists[at + 4]
        forth, further = lists[at + 2], lists[at + 3]
        t = at + 5
        k = t + many
        for r in range(height):
            for c in range(0, width, 8):
                n = min(8, width - c)
                move = r * pitch + c
                tap = r * width + c
                if many == 4:
                    accumulate4(
                        d,
                        (lists[t] + move, lists[t + 1] + move,
                         lists[t + 2] + move, lists[t + 3] + move),
                        d, source, w,
                        (lists[k] + tap, lists[k + 1] + tap,
                         lists[k + 2] + tap, lists[k + 3] + tap),
                        maps, 1, n, forth, 0, -1, further, 0, 1, pixels + n - 1,
                    )  # fmt: skip
                elif many == 2:
                    accumulate2(
                        d,
                        (lists[t] + move, lists[t + 1] + move),
                        d, source, w,
                        (lists[k] + tap, lists[k + 1] + tap),
                        maps, 1, n, forth, 0, -1, further, 0, 1, pixels + n - 1,
                    )  # fmt: skip
                else:
                    accumulate1(
                        d,
                        (lists[t] + move,),
                        d, source, w,
                        (lists[k] + tap,),
                        maps, 1, n, forth, 0, -1, further, 0, 1, pixels + n - 1,
                    )  # fmt: skip
        at = k + many


@kernel(fastmath=True)
def convolve_weights(
    lists, first, count, x, d, w, rate, grad, online, width, height, pitch, pixels
):
    """Add the derivatives by the kernels to `grad`, or (online) move the kernels at once.

    Records as in `convolve`.
    """
    rows, taps, step = height, width, 1
    if width == 1:
        rows, taps, step = 1, height, pitch
    at = first
    for _ in range(count):
        source, maps, many = lists[at], lists[at + 1], lists[at + 4]
        forth, further = lists[at + 2], lists[at + 3]
        t = at + 5
        k = t + many
        for q in range(maps * rows):
            i, r = divmod(q, rows)
            begin = source + i * forth + r * pitch
            tap = i * further + r * width
            if many == 4:
                correlate4(
                    grad,
                    (
                        lists[k] + tap,
                        lists[k + 1] + tap,
                        lists[k + 2] + tap,
                        lists[k + 3] + tap,
                    ),
                    d,
                    (lists[t], lists[t + 1], lists[t + 2], lists[t + 3]),
                    x,
                    begin,
                    step,
                    taps,
                    pixels,
                )
            elif many == 2:
                correlate2(
                    grad,
                    (lists[k] + tap, lists[k + 1] + tap),
                    d,
                    (lists[t], lists[t + 1]),
                    x,
                    begin,
                    step,
                    taps,
                    pixels,
                )
            else:
                correlate1(
                    grad, (lists[k] + tap,), d, (lists[t],), x, begin, step, taps, pixels
                )
        if online:
            for m in range(many):
                for i in range(maps):
                    kernel = lists[k + m] + i * further
                    for q in range(kernel, kernel + height * width):
                        w[q] -= rate[q] * grad[q]
                        grad[q] = 0
        at = k + many


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
