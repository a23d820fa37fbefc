"""Transfer functions in float32, every intermediate rounded as in the original."""

import math

import numpy as np

from sn.jit import kernel


@kernel
def spline_interval(x, value):
    """Return the interval of the knots x that holds a value, by bisection."""
    low = 0
    high = x.shape[0] - 1
    while high - low > 1:
        middle = (high + low + 2) // 2 - 1
        if x[middle] > value:
            high = middle
        else:
            low = middle
    return low


@kernel
def spline_value(knots, x):
    """Natural cubic spline, linear beyond its ends: knots (3, n) hold x, y and y''."""
    low = spline_interval(knots[0], x)
    high = low + 1
    x_low, x_high = knots[0, low], knots[0, high]
    y_low, y_high = knots[1, low], knots[1, high]
    h = x_high - x_low
    if low == 0 and x < x_low:
        return y_low + (y_high - y_low) / h * (x - x_low)
    if high == knots.shape[1] - 1 and x > x_high:
        return y_high + (y_high - y_low) / h * (x - x_high)
    a = (x_high - x) / h
    b = np.float32(1) - a
    h = h * h / np.float32(6)
    c = (a * (a * a) - a) * h
    d = (b * (b * b) - b) * h
    return (a * y_low + b * y_high) + (c * knots[2, low] + d * knots[2, high])


@kernel
def spline_slope(knots, x):
    """First derivative of the spline."""
    low = spline_interval(knots[0], x)
    high = low + 1
    x_low, x_high = knots[0, low], knots[0, high]
    h = x_high - x_low
    slope = (knots[1, high] - knots[1, low]) / h
    if (low == 0 and x < x_low) or (high == knots.shape[1] - 1 and x > x_high):
        return slope
    a = (x_high - x) / h
    b = np.float32(1) - a
    h = h / np.float32(6)
    a = (np.float32(3) * (a * a) - np.float32(1)) * h * knots[2, low]
    b = (np.float32(3) * (b * b) - np.float32(1)) * h * knots[2, high]
    return slope + (b - a)


@kernel
def spline_curvature(knots, x):
    """Second derivative of the spline."""
    low = spline_interval(knots[0], x)
    high = low + 1
    if low == 0 and x < knots[0, 0]:
        return np.float32(0)
    if high == knots.shape[1] - 1 and x > knots[0, high]:
        return np.float32(0)
    a = (knots[0, high] - x) / (knots[0, high] - knots[0, low])
    b = np.float32(1) - a
    return a * knots[2, low] + b * knots[2, high]


@kernel
def base_value(kind, p, knots, x):
    """Evaluate a closed form; p (6,) holds A, B, C, D, AB + C, AB; kinds as in sn.net.nlf."""
    zero, one = np.float32(0), np.float32(1)
    if kind == 1:
        y = np.float32(math.tanh(np.float64(p[1] * x)))
        return p[2] * x + (p[0] * y + p[3])
    if kind == 2:
        y = np.float32(math.tanh(np.float64(p[1] * x)))
        return p[4] - p[5] * (y * y)
    if kind == 3:
        return p[4] * x + p[3]
    if kind == 4:
        y = p[1] * x
        if y > one:
            y = one
        elif y < -one:
            y = -one
        return (p[0] * y + p[2] * x) + p[3]
    if kind == 5:
        y = one if x * p[1] >= zero else -one
        return (p[0] * y + p[2] * x) + p[3]
    if kind == 6:
        if x >= one or x <= -one:
            return zero
        y = one - x * x
        return y * (y * y)
    if kind == 7:
        if x >= one or x <= -one:
            return zero
        y = one - x * x
        return np.float32(-6) * ((y * y) * x)
    if kind == 8:
        return spline_value(knots, x)
    if kind == 9:
        return spline_slope(knots, x)
    if kind == 10:
        return spline_curvature(knots, x)
    if kind == 12:
        y = x if x > zero else zero
        return (p[0] * y + p[2] * x) + p[3]
    return zero


@kernel
def nlf_value(order, kind, p, knots, x):
    """Evaluate a closed form (order 0) or its first or second central difference."""
    if order == 0:
        return base_value(kind, p, knots, x)
    if order == 1:
        h = np.float32(1.0 / 256.0)
        rise = base_value(kind, p, knots, x + h) - base_value(kind, p, knots, x - h)
        return rise / np.float32(1.0 / 128.0)
    h = np.float32(1.0 / 128.0)
    rise = base_value(kind, p, knots, x - h) + base_value(kind, p, knots, x + h)
    rise = rise - np.float32(2) * base_value(kind, p, knots, x)
    return rise / np.float32(1.0 / 16384.0)
