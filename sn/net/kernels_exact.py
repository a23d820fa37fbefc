"""The propagation kernels of SN2.8, equal to the original to the last bit.

Everything is float32 and every sum runs in the order of the link lists, newest link first.
No fast-math: the order of additions is part of the result.

    fields (14, units)   unit fields by field number: 1 state, 2 sum, 3 gradient, 4 back-sum,
                         5 learning rate, 8, 9 second derivatives, 10 curvature
    W (5, weights)       values, last changes, accumulated gradients, second derivatives,
                         number of users
    starts, table        link lists by unit: table (3, links) holds the unit at the other end,
                         the weight, and the link number
    kinds (units,)       0 for a regular unit, 1 for a Euclidean one

Gradients are descent directions: minus the derivative of the error.
"""

import numpy as np

from sn.jit import kernel
from sn.net.kernels_nlf import nlf_value


@kernel
def uniform(random):
    """Draw from [0, 1]; random (58,) int64 is the state of the generator."""
    random[56] = random[56] % 55 + 1
    random[57] = random[57] % 55 + 1
    drawn = (random[random[56]] - random[random[57]]) * 84589 + 45989
    drawn = drawn & 0x7FFFFFFF
    random[random[56]] = drawn
    return np.float32(drawn) * np.float32(1.0 / 2147483648.0)


@kernel
def normal(random):
    """Draw a nearly normal number."""
    total = np.int64(0)
    drawn = np.int64(0)
    for _ in range(12):
        random[56] = random[56] % 55 + 1
        random[57] = random[57] % 55 + 1
        drawn = (random[random[56]] - random[random[57]]) & 0x7FFFFFFF
        random[random[56]] = drawn
        drawn = drawn & 0xFFFFFF
        if drawn & 0x800000:
            drawn = drawn - 0x1000000
        total += drawn
    random[random[56]] = (drawn * 84589 + 45989) & 0x7FFFFFFF
    return np.float32(total) * np.float32(1.0 / 16777216.0)


@kernel
def add_noise(units, fields, deviation, random):
    """Add normal noise to states (SN: gauss-state)."""
    for u in units:
        fields[1, u] = fields[1, u] + deviation * normal(random)


@kernel
def flip(units, fields, probability, random):
    """Negate states at random (SN: flip-state)."""
    for u in units:
        if uniform(random) < probability:
            fields[1, u] = np.float32(0) - fields[1, u]


@kernel
def draw_weights(units, bounds, starts, table, W, random):
    """Draw incoming weights from [-bound, bound], oldest link first; the bounds are double."""
    for i in range(units.shape[0]):
        u = units[i]
        low, high = -bounds[i], bounds[i]
        for k in range(starts[u + 1] - 1, starts[u] - 1, -1):
            W[0, table[1, k]] = np.float32((high - low) * np.float64(uniform(random)) + low)


@kernel
def weighted_sums(units, starts, table, fields, W, kinds, theta, random):
    """Weighted sums, or squared distances for Euclidean units (SN: update-weighted-sum)."""
    for u in units:
        total = np.float32(0)
        if kinds[u] == 0:
            for k in range(starts[u], starts[u + 1]):
                total = total + W[0, table[1, k]] * fields[1, table[0, k]]
        else:
            for k in range(starts[u], starts[u + 1]):
                distance = W[0, table[1, k]] - fields[1, table[0, k]]
                total = total + distance * distance
        if theta != np.float32(0):
            total = total + normal(random) * theta
        fields[2, u] = total


@kernel
def apply_nlf(units, fields, order, kind, p, knots):
    """States from sums (SN: update-state-only)."""
    for u in units:
        fields[1, u] = nlf_value(order, kind, p, knots, fields[2, u])


@kernel
def states(units, starts, table, fields, W, kinds, theta, random, order, kind, p, knots):
    """Compute the sums of a layer, then its states (SN: update-state)."""
    weighted_sums(units, starts, table, fields, W, kinds, theta, random)
    apply_nlf(units, fields, order, kind, p, knots)


@kernel
def back_sums(units, starts, table, fields, W, kinds):
    """Gradients with respect to states (SN: update-back-sum); lists of outgoing links.

    Runs of links to units of one kind are summed apart, as the original does.
    """
    for u in units:
        whole = np.float32(0)
        total = np.float32(0)
        last = np.uint8(0)
        for k in range(starts[u], starts[u + 1]):
            v = table[0, k]
            if kinds[v] != last:
                whole = whole + total
                total = np.float32(0)
                last = kinds[v]
            if last == 0:
                total = total + W[0, table[1, k]] * fields[3, v]
            else:
                pull = np.float32(2) * (fields[1, u] - W[0, table[1, k]])
                total = total + pull * fields[3, v]
        fields[4, u] = whole + total


@kernel
def euclidean_back_sums(units, starts, table, fields, W):
    """Do what update-nn-back-sum does: it takes the *sum* of the unit for its state."""
    for u in units:
        total = np.float32(0)
        for k in range(starts[u], starts[u + 1]):
            pull = fields[2, u] - W[0, table[1, k]]
            total = total + pull * fields[3, table[0, k]]
        fields[4, u] = np.float32(2) * total


@kernel
def apply_slope(units, fields, order, kind, p, knots):
    """Gradients with respect to sums (SN: update-gradient-only)."""
    for u in units:
        fields[3, u] = fields[4, u] * nlf_value(order, kind, p, knots, fields[2, u])


@kernel
def gradients(units, starts, table, fields, W, kinds, order, kind, p, knots):
    """Back-sums of the whole layer, then its gradients (SN: update-gradient)."""
    back_sums(units, starts, table, fields, W, kinds)
    apply_slope(units, fields, order, kind, p, knots)


@kernel
def delta_sums(units, starts, table, fields, W, kinds):
    """Leave the derivative of the sums along the weight changes in the gradients.

    A unit must be multiplied by its slope before the next one is done, as the layer may feed
    itself: callers pass one unit at a time.
    """
    for u in units:
        total = np.float32(0)
        for k in range(starts[u], starts[u + 1]):
            v, w = table[0, k], table[1, k]
            if kinds[u] == 0:
                total = total + W[0, w] * fields[3, v]
                total = total + W[1, w] * fields[1, v]
            else:
                change = np.float32(2) * (W[1, w] - fields[3, v])
                total = total + change * (W[0, w] - fields[1, v])
        fields[3, u] = total


@kernel
def delta_states(units, starts, table, fields, W, kinds, order, kind, p, knots):
    """Differentiate the states along the weight changes (SN: update-deltastate)."""
    for i in range(units.shape[0]):
        delta_sums(units[i : i + 1], starts, table, fields, W, kinds)
        u = units[i]
        fields[3, u] = fields[3, u] * nlf_value(order, kind, p, knots, fields[2, u])


@kernel
def output_errors(outputs, desired, fields, threshold, clipped):
    """Back-sums of the output layer and the error 0.5 sum (d - x)² (SN: init-grad-lms).

    When clipped, errors beyond the target on its side of the threshold are 0 (init-grad-thlms).
    """
    energy = np.float32(0)
    zero = np.float32(0)
    for i in range(outputs.shape[0]):
        target = fields[1, desired[i]]
        error = target - fields[1, outputs[i]]
        if clipped:
            if target > threshold:
                if error < zero:
                    error = zero
            elif error > zero:
                error = zero
        energy = energy + np.float32(0.5) * (error * error)
        fields[4, outputs[i]] = error
    return energy


@kernel
def accumulate(units, starts, table, fields, W, kinds, factor, rates, by_link):
    """Add learning rate x gradient x input of every link to its weight (SN: update-acc).

    The input of a Euclidean unit is factor x (weight - state): the factor is 2 for the
    derivative, and 1 for SN's update-nn-acc.
    """
    for u in units:
        before = fields[3, u] * fields[5, u]
        for k in range(starts[u], starts[u + 1]):
            w = table[1, k]
            if by_link:
                before = fields[3, u] * rates[table[2, k]]
            if kinds[u] == 0:
                slope = fields[1, table[0, k]]
            else:
                slope = factor * (W[0, w] - fields[1, table[0, k]])
            W[2, w] = W[2, w] + slope * before


@kernel
def update_deltas(W, count, alpha):
    """Weight changes from accumulated gradients, with momentum (SN: update-delta)."""
    if alpha != np.float32(0):
        rest = np.float32(1) - alpha
        for w in range(count):
            W[1, w] = alpha * W[1, w] + rest * W[2, w]
    else:
        for w in range(count):
            W[1, w] = W[2, w]


@kernel
def move_weights(W, count, decay):
    """Add the changes to the weights; decay is not scaled by the rate (SN: update-wghtonly)."""
    if decay != np.float32(0):
        rest = np.float32(1) - decay
        for w in range(count):
            W[0, w] = rest * W[0, w] + W[1, w]
    else:
        for w in range(count):
            W[0, w] = W[0, w] + W[1, w]


@kernel
def step_shared(
    units, starts, table, fields, W, count, kinds, factor, rates, by_link, alpha, decay
):
    """One whole weight step of the iterative kernels (SN: update-weight)."""
    for w in range(count):
        W[2, w] = np.float32(0)
    accumulate(units, starts, table, fields, W, kinds, factor, rates, by_link)
    update_deltas(W, count, alpha)
    move_weights(W, count, decay)


@kernel
def step_links(
    units, starts, table, fields, W, kinds, factor, links, by_link, newton, alpha, decay, mu
):
    """One weight step of the non-iterative kernels (SN: update-weight, update-w-newton).

    links (2, n) holds learning rates and curvatures of links (used when by_link); factor is 2
    for the derivative of a squared distance and 1 for SN's update-nn-weight. The order of the
    multiplications differs with the place of the learning rate.
    """
    zero, one = np.float32(0), np.float32(1)
    rest = one - alpha
    for u in units:
        rate = fields[5, u]
        before = fields[3, u] * rate
        if not by_link and alpha != zero:
            before = rest * before
        grad = fields[3, u]
        if by_link and alpha != zero:
            grad = rest * grad
        for k in range(starts[u], starts[u + 1]):
            w = table[1, k]
            if by_link:
                rate = links[0, table[2, k]]
                if newton:
                    rate = rate / (mu + abs(links[1, table[2, k]]))
                before = grad * rate
            if kinds[u] == 0:
                slope = fields[1, table[0, k]]
            else:
                slope = factor * (W[0, w] - fields[1, table[0, k]])
            delta = slope * before
            if alpha != zero:
                delta = W[1, w] * alpha + delta
            W[1, w] = delta
            if decay != zero:
                W[0, w] = (one - rate * decay) * W[0, w] + delta
            else:
                W[0, w] = W[0, w] + delta
