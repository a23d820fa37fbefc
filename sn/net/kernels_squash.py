"""Transfer functions of whole layers, and dropout."""

import numpy as np

from sn.jit import kernel
from sn.net.kernels_steps import LINEAR, ONE, RECTIFIER, TANH, ZERO


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
                states[p] = A * max(sums[p], ZERO) + C * sums[p] + D
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
                slope = A + C if sums[p] > ZERO else C
            else:
                slope = A * B + C if abs(B * sums[p]) < 1 else C
            deltas[p] *= slope * slope if second else slope


@kernel
def drop(lists, row, constants, x, keep, noise):
    """Silence units at random and scale up the others, so that the mean stays.

    Records: position, length. Columns: pointer to the probability. `keep` gets the factors;
    ``noise[0]`` is the state of a multiplicative generator (Park and Miller 1988).
    """
    first, count, probability = row[1], row[2], constants[row[3]]
    gain = ONE / (ONE - probability)
    limit = np.int64(probability * 2147483647.0)
    for q in range(count):
        at = lists[first + 2 * q]
        for p in range(at, at + lists[first + 2 * q + 1]):
            noise[0] = noise[0] * 48271 % 2147483647
            keep[p] = ZERO if noise[0] <= limit else gain
            x[p] *= keep[p]


@kernel
def drop_back(lists, row, x, d, keep):
    """Backward pass of `drop`; the states that were kept get back their own scale."""
    first, count = row[1], row[2]
    for q in range(count):
        at = lists[first + 2 * q]
        for p in range(at, at + lists[first + 2 * q + 1]):
            d[p] *= keep[p]
            if keep[p] != ZERO:
                x[p] /= keep[p]
