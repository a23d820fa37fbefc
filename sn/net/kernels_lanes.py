"""The loop that runs a layer program over many patterns at once, forward only.

`LANES` patterns run side by side. State u of pattern b lies at ``u * LANES + b``, so every load
of a weight serves all of them, no column of a map is computed in vain, and a full connection is
a product of matrices. There is one array of states: a sum becomes the state in its place.

The table of steps is that of `sn.net.kernels_program` rewritten by `sn.net.lanes`. Its rows are
``kind, pointer, count, end, rows, a, b, ...``: the steps up to `end` are done for the first row
of units of a layer, then for the next, while its sums are in the cache.
"""

import numpy as np

from sn.jit import kernel
from sn.net.kernels_lanes_pool import pool_maximum, pool_sum
from sn.net.kernels_squash import tanh_fast
from sn.net.kernels_steps import (
    BIAS,
    CONVOLUTION,
    EUCLIDEAN,
    FILL,
    GATHER,
    LINEAR,
    MAXIMUM,
    ONE,
    RECTIFIER,
    SPARSE,
    SQUASH,
    SUBSAMPLING,
    TANH,
    ZERO,
)
from sn.net.kernels_tile import accumulate1, accumulate2, accumulate4

LANES = 16
BLOCK = 64  # inputs that are turned at once


@kernel(fastmath=True)
def convolve_lanes(lists, row, i, x, w):
    """Add convolutions and full connections to row `i` of their targets.

    Records as those of `sn.net.kernels_convolution`. Columns: kernel width, height, distance of
    kernel rows in the source and of rows in the target, length of a run, runs in a row of the
    target, pointers to where windows begin: (rows of the target), (runs). Runs lie side by
    side.
    """
    width, height, pitch, length, runs = row[5], row[6], row[7], row[9], row[10]
    down, right = lists[row[11] + i], row[12]
    at = row[1]
    for _ in range(row[2]):
        maps, forth, further, many = lists[at + 1], lists[at + 2], lists[at + 3], lists[at + 4]
        t = at + 5
        k = t + many
        for run in range(runs):
            source = lists[at] + down + lists[right + run]
            move = i * row[8] + run * length
            if many == 4:
                accumulate4(
                    x,
                    (lists[t] + move, lists[t + 1] + move,
                     lists[t + 2] + move, lists[t + 3] + move),
                    x, source, w,
                    (lists[k], lists[k + 1], lists[k + 2], lists[k + 3]),
                    maps, height, width, forth, pitch, LANES, further, width, 1, length,
                )  # fmt: skip
            elif many == 2:
                accumulate2(
                    x,
                    (lists[t] + move, lists[t + 1] + move),
                    x, source, w,
                    (lists[k], lists[k + 1]),
                    maps, height, width, forth, pitch, LANES, further, width, 1, length,
                )  # fmt: skip
            else:
                accumulate1(
                    x,
                    (lists[t] + move,),
                    x, source, w,
                    (lists[k],),
                    maps, height, width, forth, pitch, LANES, further, width, 1, length,
                )  # fmt: skip
        at = k + many


@kernel(fastmath=True)
def pool_lanes(lists, row, i, x, w):
    """Subsample row `i` of the targets, by sums or by maxima.

    Records: source position, target position, weight position. Columns: field width, height,
    source pitch, target pitch, columns, row step, column step.
    """
    width, height, pitch, columns, step = row[5], row[6], row[7], row[9], row[11]
    for q in range(row[1], row[1] + 3 * row[2], 3):
        a = lists[q] + i * row[10]
        b = lists[q + 1] + i * row[8]
        if row[0] == MAXIMUM:
            pool_maximum(x, b, a, ONE, LANES, columns, step, height, width, pitch, LANES)
        else:
            v = w[lists[q + 2]]
            pool_sum(x, b, a, v, LANES, columns, step, height, width, pitch, LANES)


@kernel(fastmath=True)
def squash_lanes(lists, constants, row, i, x, exact):
    """Make states of sums in row `i` (see `kernels_squash.squash`). Records: position, length.

    Columns: kind, pointer to the constants, pitch.
    """
    kind, at = row[5], row[6]
    A, B, C, D = constants[at], constants[at + 1], constants[at + 2], constants[at + 3]
    for q in range(row[1], row[1] + 2 * row[2], 2):
        begin = lists[q] + i * row[7]
        states = x[begin : begin + lists[q + 1]]
        if kind == TANH and exact:
            for p in range(states.size):
                states[p] = A * np.tanh(B * states[p]) + C * states[p] + D
        elif kind == TANH:
            for p in range(states.size):
                states[p] = A * tanh_fast(B * states[p]) + C * states[p] + D
        elif kind == LINEAR:
            for p in range(states.size):
                states[p] = (A * B + C) * states[p] + D
        elif kind == RECTIFIER:
            for p in range(states.size):
                states[p] = A * max(states[p], ZERO) + C * states[p] + D
        else:
            for p in range(states.size):
                states[p] = A * min(max(B * states[p], -ONE), ONE) + C * states[p] + D


@kernel(fastmath=True)
def euclidean_lanes(lists, row, x, w):
    """Add squared distances. Columns: source position, inputs, first weight."""
    m = row[6]
    for o in range(row[2]):
        at = lists[row[1] + o]
        out = x[at : at + LANES]
        for k in range(m):
            v = w[row[7] + o * m + k]
            seen = x[row[5] + k * LANES : row[5] + (k + 1) * LANES]
            for p in range(LANES):
                t = seen[p] - v
                out[p] += t * t


@kernel
def show_lanes(x, inputs, patterns):
    """Put patterns (LANES, inputs) into the states of some input units."""
    n = inputs.size
    first = inputs[0] * LANES
    if inputs[n - 1] - inputs[0] == n - 1:
        states = x[first : first + n * LANES]
        for b in range(LANES):
            line = patterns[b]
            for i in range(n):
                states[i * LANES + b] = line[i]
    else:
        for i in range(n):
            for b in range(LANES):
                x[inputs[i] * LANES + b] = patterns[b, i]


@kernel(fastmath=True)
def run_lanes(program, lists, constants, inputs, outputs, patterns, results, x, w, exact):
    """Forward pass over patterns (n, inputs) -> results (n, outputs); n a multiple of LANES."""
    for n in range(0, patterns.shape[0], LANES):
        for block in range(0, inputs.size, BLOCK):
            show_lanes(
                x, inputs[block : block + BLOCK], patterns[n : n + LANES, block : block + BLOCK]
            )
        step = 0
        while step < program.shape[0]:
            end = program[step, 3]
            for i in range(program[step, 4]):
                for k in range(step, end):
                    row = program[k]
                    kind, first, count = row[0], row[1], row[2]
                    if kind == FILL:
                        for q in range(first, first + 3 * count, 3):
                            v = w[lists[q + 2]] if lists[q + 2] >= 0 else ZERO
                            at = lists[q] + i * row[5]
                            x[at : at + lists[q + 1]] = v
                    elif kind == BIAS:
                        for q in range(count):
                            out = x[lists[first + q] : lists[first + q] + LANES]
                            v = w[row[5] + q]
                            for p in range(LANES):
                                out[p] += v
                    elif kind == CONVOLUTION:
                        convolve_lanes(lists, row, i, x, w)
                    elif kind in (SUBSAMPLING, MAXIMUM):
                        pool_lanes(lists, row, i, x, w)
                    elif kind == SQUASH:
                        squash_lanes(lists, constants, row, i, x, exact)
                    elif kind == EUCLIDEAN:
                        euclidean_lanes(lists, row, x, w)
                    elif kind == GATHER:
                        for q in range(first, first + 2 * count, 2):
                            out = x[lists[q + 1] : lists[q + 1] + LANES]
                            seen = x[lists[q] : lists[q] + LANES]
                            for p in range(LANES):
                                out[p] = seen[p]
                    elif kind == SPARSE:
                        for q in range(first, first + 3 * count, 3):
                            out = x[lists[q + 1] : lists[q + 1] + LANES]
                            seen = x[lists[q] : lists[q] + LANES]
                            v = w[lists[q + 2]]
                            for p in range(LANES):
                                out[p] += v * seen[p]
            step = end
        for i in range(outputs.size):
            for b in range(LANES):
                results[n + b, i] = x[outputs[i] * LANES + b]
