"""Several propagation steps in one call, each by the kernel that does it alone.

The table has a row of integers (kind, begin, end, order, form, flag) for each step: begin and
end bound its layer in `units`, order and form belong to its transfer function, whose parameters
are the first six of its row of numbers. A step that needs more has a second row of kind 0.
tangents (2, units) holds what the hyperbolic tangent of each unit was last taken of, and its
value: the slope is of the same number if the sum has not been changed since. shown (n,) holds
the states that steps give to their layers, one after the other.
"""

import math

import numpy as np

from sn.jit import kernel
from sn.net.kernels_exact import (
    accumulate,
    apply_nlf,
    apply_slope,
    back_sums,
    delta_states,
    move_weights,
    output_errors,
    step_links,
    step_shared,
    update_deltas,
    weighted_sums,
)
from sn.net.kernels_exact_second import (
    add_hessians,
    curvatures,
    scale_by_hessian,
    second_slopes,
    square_back_sums,
    subtract_bend,
)


@kernel
def squash(units, fields, order, form, p, knots, tangents):
    """States from sums (SN: update-state-only); keep the tangents and what they are of."""
    if order == 0 and form == 1:
        for u in units:
            x = fields[2, u]
            y = np.float32(math.tanh(np.float64(p[1] * x)))
            tangents[0, u] = p[1] * x
            tangents[1, u] = y
            fields[1, u] = p[2] * x + (p[0] * y + p[3])
    else:
        apply_nlf(units, fields, order, form, p, knots)


@kernel
def slope(units, fields, order, form, p, knots, tangents):
    """Gradients with respect to sums (SN: update-gradient-only), from the tangents kept."""
    if order == 0 and form == 2:
        for u in units:
            x = p[1] * fields[2, u]
            y = tangents[1, u]
            if tangents[0, u] != x:
                y = np.float32(math.tanh(np.float64(x)))
            fields[3, u] = fields[4, u] * (p[4] - p[5] * (y * y))
    else:
        apply_slope(units, fields, order, form, p, knots)


@kernel
def step_shared_newton(
    units, starts, table, fields, W, count, kinds, factor, links, by_link, alpha, decay, mu
):
    """One weight step of the iterative kernels with curvatures (SN: update-w-newton)."""
    for w in range(count):
        W[2, w] = np.float32(0)
        W[3, w] = np.float32(0)
    accumulate(units, starts, table, fields, W, kinds, factor, links[0], by_link)
    add_hessians(units, starts, table, W, links[1])
    scale_by_hessian(W, count, mu)
    update_deltas(W, count, alpha)
    move_weights(W, count, decay)


@kernel
def run_steps(
    steps,
    numbers,
    units,
    every_unit,
    in_starts,
    in_table,
    out_starts,
    out_table,
    fields,
    W,
    kinds,
    links,
    count,
    newton,
    knots,
    random,
    tangents,
    shown,
):
    """Run steps; return the error of the last one that computes one (SN: init-grad-lms)."""
    energy = np.float32(0)
    two = np.float32(2)
    seen = 0
    for i in range(steps.shape[0]):
        what = steps[i, 0]
        layer = units[steps[i, 1] : steps[i, 2]]
        order, form, flag = steps[i, 3], steps[i, 4], steps[i, 5] != 0
        p = numbers[i]
        if what == 1:
            weighted_sums(layer, in_starts, in_table, fields, W, kinds, np.float32(0), random)
            squash(layer, fields, order, form, p, knots, tangents)
        elif what == 2:
            back_sums(layer, out_starts, out_table, fields, W, kinds)
            slope(layer, fields, order, form, p, knots, tangents)
        elif what == 3:
            desired = units[steps[i + 1, 1] : steps[i + 1, 2]]
            energy = output_errors(layer, desired, fields, p[6], flag)
            slope(layer, fields, order, form, p, knots, tangents)
            if newton:
                for u in layer:
                    fields[9, u] = np.float32(1)
        elif what == 4:
            step_shared(
                every_unit, in_starts, in_table, fields, W, count, kinds, two, links[0],
                newton, p[6], p[7],
            )  # fmt: skip
        elif what == 5:
            step_links(
                every_unit, in_starts, in_table, fields, W, kinds, two, links,
                newton, flag, p[6], p[7], p[8],
            )  # fmt: skip
        elif what == 6:
            step_shared_newton(
                every_unit, in_starts, in_table, fields, W, count, kinds, two, links,
                newton, p[6], p[7], p[8],
            )  # fmt: skip
        elif what == 7:
            accumulate(every_unit, in_starts, in_table, fields, W, kinds, two, links[0], newton)
        elif what == 8:
            square_back_sums(layer, out_starts, out_table, fields, W, kinds, flag)
            second_slopes(layer, fields, order, form, p, knots)
            if flag:
                bend = steps[i + 1]
                subtract_bend(layer, fields, bend[3], bend[4], numbers[i + 1], knots)
            curvatures(layer, in_starts, in_table, fields, W, kinds, links[1], p[6], flag)
        elif what == 9:
            delta_states(layer, in_starts, in_table, fields, W, kinds, order, form, p, knots)
        elif what == 10:
            add_hessians(every_unit, in_starts, in_table, W, links[1])
        elif what == 11:
            for k in range(layer.shape[0]):
                fields[1, layer[k]] = shown[seen + k]
            seen += layer.shape[0]
    return energy
