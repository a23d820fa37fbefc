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
from sn.net.kernels_convolution import convolve, convolve_back, convolve_weights, strided
from sn.net.kernels_dense import (
    dense,
    dense_back,
    distances,
    distances_back,
    euclidean,
    euclidean_back,
)
from sn.net.kernels_gather import gather, gather_back
from sn.net.kernels_pooling import maximum, subsample
from sn.net.kernels_squash import drop, drop_back, squash, squash_back
from sn.net.kernels_steps import (
    ADAM,
    BIAS,
    CONVOLUTION,
    DENSE,
    DISTANCES,
    DROPOUT,
    EUCLIDEAN,
    FILL,
    GATHER,
    HOLD,
    LIKELIHOOD,
    MAXIMUM,
    ONE,
    POSTERIOR,
    SOFTMAX,
    SPARSE,
    SQUARED,
    SQUASH,
    STRIDED,
    SUBSAMPLING,
    ZERO,
)


@kernel(entry=True)
def forward(program, lists, constants, x, s, w, buffer, exact, keep, noise):
    """Run all steps of a layer program on the states of the input layer.

    ``noise[0]``, the state of the random numbers of dropout, is 0 when nothing is
    to be dropped.
    """
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
            euclidean(lists, row, x, s, w, buffer)
        elif kind == SPARSE:
            for q in range(first, first + 3 * count, 3):
                s[lists[q + 1]] += w[lists[q + 2]] * x[lists[q]]
        elif kind == GATHER:
            gather(lists, row, x)
        elif kind == MAXIMUM:
            maximum(lists, first, count, row, x, s, s, False)
        elif kind == DISTANCES:
            distances(lists, first, count, row, x, s, w)
        elif kind == DROPOUT:
            if noise[0] != 0:
                drop(lists, row, constants, x, keep, noise)
        else:
            squash(lists, row, constants, x, s, exact)


@kernel(entry=True, fastmath=True)
def backward(
    program,
    lists,
    constants,
    x,
    s,
    d,
    w,
    rate,
    grad,
    online,
    second,
    slopes,
    buffer,
    keep,
    noise,
):
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
                    deltas = d[at : at + lists[first + 3 * q + 1]]
                    for p in range(deltas.size):
                        g += deltas[p]
                else:
                    k = row[3] + q
                    g = d[lists[first + q]]
                if online:
                    w[k] -= rate[k] * g
                else:
                    grad[k] += g
        elif kind == CONVOLUTION:
            if row[8] > 0:
                convolve_back(
                    lists,
                    row[7],
                    row[8],
                    d,
                    w,
                    row[9],
                    row[10],
                    row[11],
                    row[6],
                )
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
            euclidean_back(lists, row, x, d, w, rate, grad, online, second, row[6] == 1, buffer)
        elif kind == GATHER:
            gather_back(lists, row, d)
        elif kind == MAXIMUM:
            if row[11] == 0:
                maximum(lists, first, count, row, slopes, s, d, True)
        elif kind == DISTANCES:
            distances_back(lists, first, count, row, x, d, grad, w, second)
        elif kind == DROPOUT:
            if noise[0] != 0:
                drop_back(lists, row, x, d, keep)
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
def show(x, inputs, pattern):
    """Put a pattern into the states of the input layer."""
    n = inputs.size
    first = inputs[0]
    if inputs[n - 1] - first == n - 1:
        for i in range(n):
            x[first + i] = pattern[i]
    else:
        for i in range(n):
            x[inputs[i]] = pattern[i]


@kernel(fastmath=True)
def move(rule, w, rate, grad, speed, squares, count, momentum, decay, age):
    """Move the weights by the mean of `count` gradients in `grad`, which is cleared.

    By default ``speed = momentum*speed - rate*(grad + decay*w)`` is added. The rule ADAM
    divides the running mean of the gradient (its memory is `momentum`) by the root of the
    running mean of its square (memory 0.999), both corrected for their beginning: `age` is the
    number of moves so far, this one included (Kingma and Ba 2015; decay apart from it).
    """
    share = ONE / w.dtype.type(count)
    if rule == ADAM:
        memory = w.dtype.type(0.999)
        first = ONE / (ONE - momentum**age)
        second = ONE / (ONE - memory**age)
        least = w.dtype.type(1e-8)
        for k in range(w.size):
            g = grad[k] * share
            speed[k] = momentum * speed[k] + (ONE - momentum) * g
            squares[k] = memory * squares[k] + (ONE - memory) * g * g
            step = speed[k] * first / (np.sqrt(squares[k] * second) + least)
            w[k] -= rate[k] * (step + decay * w[k])
            grad[k] = 0
        return
    for k in range(w.size):
        step = rate[k] * (grad[k] * share + decay * w[k])
        speed[k] = momentum * speed[k] - step
        w[k] += speed[k]
        grad[k] = 0


@kernel
def start_curvature(cost, x, outputs, constants, d):
    """Leave the second derivatives of the energy in `d` at the outputs.

    A squared error starts with 1 at every output, softmax with p(1-p); the criteria on
    penalties with 1, as if they were squared errors.
    """
    if cost != SOFTMAX:
        for i in range(outputs.size):
            d[outputs[i]] = 1
        return
    energy(cost, 0.0, x, outputs, constants, 0, d)
    d[outputs[0]] += 1
    for i in range(outputs.size):
        d[outputs[i]] *= 1 - d[outputs[i]]


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
    second,
    cost,
    rubbish,
    rule,
    batch,
    momentum,
    decay,
    least,
    x,
    s,
    d,
    w,
    rate,
    grad,
    speed,
    squares,
    age,
    buffer,
    exact,
    keep,
    noise,
):
    """Learn the patterns named by `order`; return the summed energy and the number of errors.

    `batch` 0 updates within the backward pass, after every pattern; otherwise weights move
    after every `batch` patterns (see `move`; `age` (1,) counts), or by the rule HOLD not at
    all: gradients stay in `grad`. Energies and errors are those met on the way, before each
    update. A pattern whose energy is less than `least` is counted but not learned. With
    `second`, nothing is learned: diagonal Gauss-Newton curvatures are added to `grad` (LeCun et
    al. 1998, appendix C; shared weights sum over their uses).
    """
    total = 0.0
    errors = 0
    waiting = 0
    met = 0.0
    squared_states = np.zeros(x.size if second else 0, x.dtype)
    squared_weights = w * w if second else w
    inward = squared_states if second else x
    online = batch == 0 and not second
    for q in range(order.size):
        n = order[q]
        show(x, inputs, patterns[n])
        forward(program, lists, constants, x, s, w, buffer, exact, keep, noise)
        d[:] = 0
        if second:
            start_curvature(cost, x, outputs, constants, d)
            for p in range(x.size):
                squared_states[p] = x[p] * x[p]
        else:
            target = targets[n % targets.shape[0]]
            met = energy(cost, rubbish, x, outputs, target, labels[n], d)
            total += met
            if winner(cost, x, outputs) != labels[n]:
                errors += 1
        if second or met >= least:
            backward(
                program,
                lists,
                constants,
                inward,
                s,
                d,
                squared_weights,
                rate,
                grad,
                online,
                second,
                x,
                buffer,
                keep,
                noise,
            )
        waiting += 1
        if batch == 0 or second or rule == HOLD:
            continue
        if waiting == batch or q == order.size - 1:
            age[0] += 1
            move(rule, w, rate, grad, speed, squares, waiting, momentum, decay, age[0])
            waiting = 0
    return total, errors
