"""Second derivatives, conjugate gradient and other models, equal to the original.

The arrays are those of `sn.net.kernels_exact`.
"""

import numpy as np

from sn.jit import kernel
from sn.net.kernels_nlf import nlf_value


@kernel
def square_back_sums(units, starts, table, fields, W, kinds, full):
    """Sum of squared weights times second derivatives (SN: part of update-ggradient).

    Units without outgoing links keep what they have. Towards Euclidean units the term is
    4 (x - w)² h, and with full second derivatives also 2 times the slope.
    """
    for u in units:
        if starts[u] == starts[u + 1]:
            continue
        whole = np.float32(0)
        total = np.float32(0)
        last = np.uint8(0)
        for k in range(starts[u], starts[u + 1]):
            v, w = table[0, k], table[1, k]
            if kinds[v] != last:
                whole = whole + total
                total = np.float32(0)
                last = kinds[v]
            if last == 0:
                total = total + (W[0, w] * W[0, w]) * fields[8, v]
            else:
                pull = np.float32(2) * (fields[1, u] - W[0, w])
                total = total + (pull * pull) * fields[8, v]
                if full:
                    total = total - np.float32(2) * fields[3, v]
        fields[9, u] = whole + total


@kernel
def euclidean_square_back_sums(units, starts, table, fields, W):
    """Sum as update-nn-ggradient does: it takes the *sum* of the unit for its state."""
    for u in units:
        if starts[u] == starts[u + 1]:
            continue
        total = np.float32(0)
        for k in range(starts[u], starts[u + 1]):
            v = table[0, k]
            pull = fields[2, u] - W[0, table[1, k]]
            term = (pull * pull) * fields[8, v]
            total = total + (np.float32(2) * term - fields[3, v])
        fields[9, u] = np.float32(2) * total


@kernel
def second_slopes(units, fields, order, kind, p, knots):
    """Second derivatives by the sums without the f'' term (SN: update-lmggradient)."""
    for u in units:
        slope = nlf_value(order, kind, p, knots, fields[2, u])
        fields[8, u] = fields[9, u] * (slope * slope)


@kernel
def subtract_bend(units, fields, order, kind, p, knots):
    """Take off back-sum times f'' (the rest of SN's update-ggradient)."""
    for u in units:
        bend = fields[4, u] * nlf_value(order, kind, p, knots, fields[2, u])
        fields[8, u] = fields[8, u] - bend


@kernel
def curvatures(units, starts, table, fields, W, kinds, sigmas, gamma, full):
    """Keep the running mean of the second derivative of every incoming link."""
    rest = np.float32(1) - gamma
    for u in units:
        share = gamma * fields[8, u]
        for k in range(starts[u], starts[u + 1]):
            s = table[2, k]
            if kinds[u] == 0:
                x = fields[1, table[0, k]]
                sigmas[s] = rest * sigmas[s] + share * (x * x)
            else:
                x = np.float32(2) * (W[0, table[1, k]] - fields[1, table[0, k]])
                term = share * (x * x)
                if full:
                    term = term - np.float32(2) * (gamma * fields[3, u])
                sigmas[s] = rest * sigmas[s] + term


@kernel
def euclidean_curvatures(units, starts, table, fields, W, sigmas, gamma):
    """Keep what update-nn-ggradient takes for the curvature."""
    rest = np.float32(1) - gamma
    for u in units:
        twice = (np.float32(2) * gamma) * fields[8, u]
        once = gamma * fields[3, u]
        for k in range(starts[u], starts[u + 1]):
            s = table[2, k]
            x = W[0, table[1, k]] - fields[1, table[0, k]]
            sigmas[s] = rest * sigmas[s] + (twice * (x * x) - once)


@kernel
def euclidean_delta_states(units, starts, table, fields, W, order, kind, p, knots):
    """Differentiate the states of Euclidean units (SN: update-nn-deltastate)."""
    for u in units:
        total = np.float32(0)
        for k in range(starts[u], starts[u + 1]):
            v, w = table[0, k], table[1, k]
            change = W[1, w] - fields[3, v]
            distance = W[0, w] - fields[1, v]
            total = total + (np.float32(2) * change) * distance
        fields[3, u] = total * nlf_value(order, kind, p, knots, fields[2, u])


@kernel
def add_hessians(units, starts, table, W, sigmas):
    """Add the curvatures of links to the second derivatives of weights (SN: update-hess)."""
    for u in units:
        for k in range(starts[u], starts[u + 1]):
            w = table[1, k]
            W[3, w] = W[3, w] + sigmas[table[2, k]]


@kernel
def scale_by_hessian(W, count, mu):
    """Divide accumulated gradients by mu + |second derivative| (SN: hessian-scale)."""
    for w in range(count):
        W[2, w] = W[2, w] / (mu + abs(W[3, w]))


@kernel
def line_step(W, count, curvature):
    """Move along the changes by gradient over curvature (SN: update-wghtonly-conjgrad)."""
    total = np.float32(0)
    for w in range(count):
        total = total + W[2, w] * W[1, w]
    total = total / curvature
    for w in range(count):
        W[0, w] = W[0, w] + total * W[1, w]


@kernel
def signed_sums(units, starts, table, fields, W, sign, target):
    """Weighted sums over weights of one sign (SN: update-excitation, update-inhibition)."""
    for u in units:
        total = np.float32(0)
        for k in range(starts[u], starts[u + 1]):
            weight = W[0, table[1, k]]
            if weight * sign > np.float32(0):
                total = total + weight * fields[1, table[0, k]]
        fields[target, u] = total


@kernel
def interactive_activation(units, fields, alpha, beta, gamma, low, high, rest, decay):
    """One step of the interactive activation model (SN: update-iac-activation)."""
    for u in units:
        x = fields[2, u]
        net = fields[1, u] * gamma + (fields[11, u] * alpha + fields[12, u] * beta)
        leak = decay * (x - rest)
        if net > np.float32(0):
            fields[2, u] = x + (net * (high - x) - leak)
        else:
            fields[2, u] = x + (net * (x - low) - leak)


@kernel
def resonance_activation(units, fields, alpha, beta, gamma, low, high, rest, decay):
    """One step of the adaptive resonance model (SN: update-art-activation)."""
    for u in units:
        x = fields[2, u]
        up = fields[11, u] * alpha
        down = fields[12, u] * beta
        if fields[1, u] > np.float32(0):
            up = fields[1, u] * gamma + up
        else:
            down = fields[1, u] * gamma + down
        fields[2, u] = (x + (up * (high - x) + down * (x - low))) - decay * (x - rest)
