"""Kernels: the training criteria on single lattices, on batches, and straight from arrays."""

import math

import numpy as np

from gtn.kernels import forward, viterbi
from gtn.kernels_fused import fused
from sn.jit import kernel

inner = kernel(no_cpython_wrapper=True, no_cfunc_wrapper=True)  # called by kernels only


@inner
def free_score(summed, weight, arcs, penalty, n, start, accept, gradient, result):
    """Set result[0] to the penalty of one graph; add weight x gradient. 0: it has a cycle."""
    if summed:
        own = np.empty(arcs.shape[1])
        if not forward(arcs, penalty, n, start, accept, own, result):
            return 0
        for a in range(own.size):
            gradient[a] += weight * own[a]
        return 1
    path = np.empty((3, n), np.int32)
    length = viterbi(arcs, penalty, n, start, accept, path, result)
    if length == -2:
        return 0
    for k in range(n - max(length, 0), n):
        gradient[path[0, k]] += weight
    return 1


@kernel
def criterion_batch(
    summed, discriminative, sizes1, arcs1, penalty1, ends1, sizes2, arcs2, penalty2, ends2,
    gradient1, gradient2, results,
):  # fmt: skip
    """Evaluate a criterion on a ragged batch of (lattice, target) pairs.

    Graphs lie one after the other in `arcs`, `penalty` and `ends` (start, then accept nodes);
    sizes (B, 4): nodes, arcs, start and accept nodes of each. results (B, 3): constrained and
    free penalty, and how it was done (see `fused`).
    """
    count = sizes1.shape[0]
    a1 = np.int64(0)
    a2 = np.int64(0)
    e1 = np.int64(0)
    e2 = np.int64(0)
    result = np.empty(1)
    for b in range(count):
        m1 = sizes1[b, 1]
        m2 = sizes2[b, 1]
        part1 = arcs1 if count == 1 else arcs1[:, a1 : a1 + m1].copy()
        part2 = arcs2 if count == 1 else arcs2[:, a2 : a2 + m2].copy()
        start1 = ends1[e1 : e1 + sizes1[b, 2]]
        accept1 = ends1[e1 + sizes1[b, 2] : e1 + sizes1[b, 2] + sizes1[b, 3]]
        start2 = ends2[e2 : e2 + sizes2[b, 2]]
        accept2 = ends2[e2 + sizes2[b, 2] : e2 + sizes2[b, 2] + sizes2[b, 3]]
        done = fused(
            summed, 1.0, part1, penalty1[a1 : a1 + m1], sizes1[b, 0], start1, accept1,
            part2, penalty2[a2 : a2 + m2], sizes2[b, 0], start2, accept2,
            gradient1[a1 : a1 + m1], gradient2[a2 : a2 + m2], result,
        )  # fmt: skip
        results[b, 0] = result[0]
        results[b, 1] = 0.0
        if done and discriminative and result[0] < np.inf:
            if not free_score(
                summed, -1.0, part1, penalty1[a1 : a1 + m1], sizes1[b, 0], start1, accept1,
                gradient1[a1 : a1 + m1], result,
            ):  # fmt: skip
                done = 0
            results[b, 1] = result[0]
        results[b, 2] = done
        a1 += m1
        a2 += m2
        e1 += sizes1[b, 2] + sizes1[b, 3]
        e2 += sizes2[b, 2] + sizes2[b, 3]


@inner
def pair_criterion(
    summed, discriminative, arcs1, penalty1, n1, ends1, arcs2, n2, ends2, gradient, results
):
    """Evaluate a criterion on one lattice with one start, and a target without penalties."""
    result = np.empty(1)
    results[1] = 0.0
    done = fused(
        summed, 1.0, arcs1, penalty1, n1, ends1[:1], ends1[1:],
        arcs2, np.zeros(arcs2.shape[1]), n2, ends2[:1], ends2[1:],
        gradient, np.zeros(arcs2.shape[1]), result,
    )  # fmt: skip
    results[0] = result[0]
    if done and discriminative and result[0] < np.inf:
        if not free_score(
            summed, -1.0, arcs1, penalty1, n1, ends1[:1], ends1[1:], gradient, result
        ):
            done = 0
        results[1] = result[0]
    return done


@kernel
def segment_criterion(summed, discriminative, spans, table, labels, gradient, results):
    """Evaluate a criterion on the recognition graph of segments against a string.

    Returns 1, 0 if the spans form a cycle, -1 for a negative number.
    """
    segments = table.shape[0]
    classes = table.shape[1]
    n1 = np.int64(1)  # a bare literal would compile everything below once more
    for s in range(segments):
        if spans[s, 0] < 0 or spans[s, 1] < 0:
            return -1
        n1 = max(n1, spans[s, 0] + 1, spans[s, 1] + 1)
    arcs1 = np.empty((4, segments * classes), np.int32)
    a = 0
    for s in range(segments):
        for c in range(classes):
            arcs1[0, a] = spans[s, 0]
            arcs1[1, a] = spans[s, 1]
            arcs1[2, a] = c
            arcs1[3, a] = c
            a += 1
    count = labels.size
    arcs2 = np.empty((4, count), np.int32)
    for k in range(count):
        if labels[k] < 0:
            return -1
        arcs2[0, k] = k
        arcs2[1, k] = k + 1
        arcs2[2, k] = labels[k]
        arcs2[3, k] = labels[k]
    return pair_criterion(
        summed, discriminative, arcs1, table.copy().reshape(segments * classes), n1,
        np.array([0, n1 - 1], np.int32), arcs2, count + 1, np.array([0, count], np.int32),
        gradient, results,
    )  # fmt: skip


@kernel
def ctc_criterion(summed, table, labels, blank, gradient, results):
    """Evaluate the CTC criterion (summed: True); -1 if the target holds the blank or a -1."""
    frames = table.shape[0]
    classes = table.shape[1]
    arcs1 = np.empty((4, frames * classes), np.int32)
    a = 0
    for t in range(frames):
        for c in range(classes):
            arcs1[0, a] = t
            arcs1[1, a] = t + 1
            arcs1[2, a] = c
            arcs1[3, a] = c
            a += 1
    n2 = 2 * labels.size + 1
    arcs2 = np.empty((4, 3 * n2), np.int32)
    m2 = 0
    # All repeats, then all steps, then all skips: neighbouring arcs share no node.
    for back in range(3):
        for v in range(back, n2):
            label = blank if v % 2 == 0 else labels[v // 2]
            if v % 2 == 1 and (label == blank or label < 0):
                return -1
            if back == 2 and (v % 2 == 0 or label == labels[v // 2 - 1]):
                continue
            arcs2[0, m2] = v - back
            arcs2[1, m2] = v
            arcs2[2, m2] = label
            arcs2[3, m2] = label
            m2 += 1
    ends2 = np.array([0, n2 - 1, n2 - 2], np.int32)
    return pair_criterion(
        summed, summed, arcs1, table.copy().reshape(frames * classes), frames + 1,
        np.array([0, frames], np.int32), arcs2[:, :m2].copy(), n2, ends2[: 2 + (n2 > 1)],
        gradient, results,
    )  # fmt: skip


@kernel
def ctc_energies(table, labels, ends, blank, energies):
    """Score strings of labels, one after the other in `labels`, on penalties -log p.

    Shares are kept relative to the best label of a frame and scaled when they grow small; a
    label that the table does not have is impossible.
    """
    frames = table.shape[0]
    classes = table.shape[1]
    shares = np.empty((frames, classes + 1))
    total = 0.0
    for t in range(frames):
        low = np.inf
        for c in range(classes):
            low = min(low, table[t, c])
        summed = 0.0
        for c in range(classes):
            shares[t, c] = math.exp(low - table[t, c]) if low < np.inf else 0.0
            summed += shares[t, c]
        shares[t, classes] = 0.0
        total += math.log(summed) if summed > 0 else -np.inf
    first = np.int64(0)
    for k in range(ends.size):
        count = ends[k] - first
        states = 2 * count + 1
        chance = np.zeros(states)
        chance[0] = 1.0
        scale = 0.0
        for t in range(frames):
            largest = 0.0
            for back in range(states):
                v = states - 1 - back
                label = blank if v % 2 == 0 else labels[first + v // 2]
                c = label if label < classes else classes
                x = chance[v]
                if v > 0:
                    x += chance[v - 1]
                if v > 2 and v % 2 == 1 and label != labels[first + v // 2 - 1]:
                    x += chance[v - 2]
                chance[v] = x * shares[t, c]
                largest = max(largest, chance[v])
            if 0.0 < largest < 1e-100:
                for v in range(states):
                    chance[v] /= largest
                scale += math.log(largest)
        summed = chance[states - 1]
        if states > 1:
            summed += chance[states - 2]
        energies[k] = total - scale - math.log(summed) if summed > 0 else np.inf
        first = ends[k]
