"""Many steps of online back-propagation in one call, equal to the steps one by one.

Every number is computed by the formulas and in the order of `sn.net.kernels_exact`; only the
hyperbolic tangent of a unit is kept from the forward pass for its slope, where both are taken
of the same number.
"""

import math

import numpy as np

from sn.jit import kernel
from sn.net.kernels_exact import accumulate, back_sums, move_weights, step_links, update_deltas
from sn.net.kernels_nlf import base_value

NO_KNOTS = np.zeros((3, 2), dtype=np.float32)


@kernel
def forward_layer(units, starts, table, fields, W, kinds, form, p, tangents):
    """Compute sums, then states; keep the tangents of tanh units."""
    for u in units:
        total = np.float32(0)
        if kinds[u] == 0:
            for k in range(starts[u], starts[u + 1]):
                total = total + W[0, table[1, k]] * fields[1, table[0, k]]
        else:
            for k in range(starts[u], starts[u + 1]):
                distance = W[0, table[1, k]] - fields[1, table[0, k]]
                total = total + distance * distance
        fields[2, u] = total
    for u in units:
        x = fields[2, u]
        if form == 1:
            y = np.float32(math.tanh(np.float64(p[1] * x)))
            tangents[u] = y
            fields[1, u] = p[2] * x + (p[0] * y + p[3])
        else:
            fields[1, u] = base_value(form, p, NO_KNOTS, x)


@kernel
def slope_layer(units, fields, form, p, kept, tangents):
    """Multiply back-sums by slopes, from the kept tangents where allowed."""
    for u in units:
        if kept:
            y = tangents[u]
            fields[3, u] = fields[4, u] * (p[4] - p[5] * (y * y))
        else:
            fields[3, u] = fields[4, u] * base_value(form, p, NO_KNOTS, fields[2, u])


@kernel
def test_rows(
    rows,
    targets,
    inputs,
    desired,
    units,
    bounds,
    forms,
    parameters,
    in_starts,
    in_table,
    fields,
    W,
    kinds,
    tangents,
    energies,
    results,
):
    """Present rows without learning: errors (n,) and output states (n, outputs)."""
    layers = bounds.shape[0] - 1
    outputs = units[bounds[layers - 1] :]
    for row in range(rows.shape[0]):
        for i in range(inputs.shape[0]):
            fields[1, inputs[i]] = rows[row, i]
        for i in range(layers):
            forward_layer(
                units[bounds[i] : bounds[i + 1]],
                in_starts,
                in_table,
                fields,
                W,
                kinds,
                forms[i],
                parameters[i],
                tangents,
            )
        energy = np.float32(0)
        for i in range(outputs.shape[0]):
            results[row, i] = fields[1, outputs[i]]
            fields[1, desired[i]] = targets[row, i]
            error = targets[row, i] - results[row, i]
            energy = energy + np.float32(0.5) * (error * error)
        energies[row] = energy


@kernel
def learn_rows(
    rows,
    targets,
    inputs,
    desired,
    units,
    bounds,
    forms,
    parameters,
    slope_forms,
    slope_parameters,
    kept,
    every_unit,
    in_starts,
    in_table,
    out_starts,
    out_table,
    fields,
    W,
    count,
    kinds,
    link_fields,
    by_link,
    shared,
    alpha,
    decay,
    newton_units,
    tangents,
):
    """Present rows one after the other, each with a full learning step; return the last error.

    Layer i is units[bounds[i]:bounds[i + 1]], the last one the output; forms, parameters,
    slope_forms, slope_parameters and kept describe its transfer function.
    """
    layers = bounds.shape[0] - 1
    outputs = units[bounds[layers - 1] :]
    energy = np.float32(0)
    two, one = np.float32(2), np.float32(1)
    zero = np.float32(0)
    for row in range(rows.shape[0]):
        for i in range(inputs.shape[0]):
            fields[1, inputs[i]] = rows[row, i]
        for i in range(layers):
            forward_layer(
                units[bounds[i] : bounds[i + 1]],
                in_starts,
                in_table,
                fields,
                W,
                kinds,
                forms[i],
                parameters[i],
                tangents,
            )
        for i in range(desired.shape[0]):
            fields[1, desired[i]] = targets[row, i]
        energy = zero
        for i in range(outputs.shape[0]):
            error = fields[1, desired[i]] - fields[1, outputs[i]]
            energy = energy + np.float32(0.5) * (error * error)
            fields[4, outputs[i]] = error
            if newton_units:
                fields[9, outputs[i]] = one
        for i in range(layers - 1, -1, -1):
            layer = units[bounds[i] : bounds[i + 1]]
            if i < layers - 1:
                back_sums(layer, out_starts, out_table, fields, W, kinds)
            slope_layer(layer, fields, slope_forms[i], slope_parameters[i], kept[i], tangents)
        if shared:
            for w in range(count):
                W[2, w] = zero
            accumulate(
                every_unit,
                in_starts,
                in_table,
                fields,
                W,
                kinds,
                two,
                link_fields[0],
                by_link,
            )
            update_deltas(W, count, alpha)
            move_weights(W, count, decay)
        else:
            step_links(
                every_unit,
                in_starts,
                in_table,
                fields,
                W,
                kinds,
                two,
                link_fields,
                by_link,
                False,
                alpha,
                decay,
                zero,
            )
    return energy
