"""Kernels of the handwriting: a pen's strokes as ink, and the outline of ink.

Arrays are float32 ink (rows, columns) in 0..1; the caller allocates and checks.
"""

import math

import numpy as np

from sn.jit import kernel


@kernel
def bend_points(points, bends, jitter, low, high, wild, lean, wide, bent):
    """Fill `bent` (n, 2) with control points deformed smoothly, and each a little on its own.

    `bends` (5, 2) and `jitter` (n, 2) are normal draws, `low` and `high` (2,) enclose the
    points. A tall form keeps its height and leans by `lean`; then all are `wide` times as
    wide. Returns the larger of width and height.
    """
    middle_x, middle_y = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
    half_x, half_y = max((high[0] - low[0]) / 2, 0.12), max((high[1] - low[1]) / 2, 0.12)
    scale_x = 0.058 * wild * min(half_x, 0.4) / 0.4
    scale_y = 0.058 * wild * min(half_y, 0.4) / 0.4
    top, bottom = math.inf, -math.inf
    for i in range(len(points)):
        u, v = (points[i, 0] - middle_x) / half_x, (points[i, 1] - middle_y) / half_y
        basis = (v, u * v, v * v - 0.5, u * u - 0.5, u * (v * v - 0.5))
        x = y = 0.0
        for k in range(5):
            x += basis[k] * bends[k, 0]
            y += basis[k] * bends[k, 1]
        bent[i, 0] = points[i, 0] + scale_x * (x + 0.3 * jitter[i, 0])
        bent[i, 1] = points[i, 1] + scale_y * (0.8 * y + 0.3 * jitter[i, 1])
        top, bottom = min(top, bent[i, 1]), max(bottom, bent[i, 1])
    if half_y > 0.3:  # the bend shifts proportions, not the height
        for i in range(len(points)):
            bent[i, 1] = low[1] + (bent[i, 1] - top) * ((high[1] - low[1]) / (bottom - top))
            bent[i, 0] += lean * (0.5 - points[i, 1])
    left = top = math.inf
    right = bottom = -math.inf
    for i in range(len(points)):
        bent[i, 0] *= wide
        left, right = min(left, bent[i, 0]), max(right, bent[i, 0])
        top, bottom = min(top, bent[i, 1]), max(bottom, bent[i, 1])
    return max(right - left, bottom - top)


@kernel
def pen_path(matrix, points, noise, wobble, shake, tremor, wide, tall, drop, slant, path):
    """Fill `path` (samples, 2) with the pen's way through `points` (n, 2), baseline at 0.

    `matrix` (samples, n) makes the curve, `noise` (n, 2) times `wobble` moves the points, and
    `shake` (samples + 2, 2) times `tremor` the curve. `wide` and `tall` scale it, `drop`
    lowers it, `slant` leans it.
    """
    samples, n = matrix.shape
    for i in range(samples):
        x = y = 0.0
        for k in range(n):
            x += matrix[i, k] * (points[k, 0] + wobble * noise[k, 0])
            y += matrix[i, k] * (points[k, 1] + wobble * noise[k, 1])
        if tremor > 0.0:
            x += tremor * (shake[i, 0] + shake[i + 1, 0] + shake[i + 2, 0])
            y += tremor * (shake[i, 1] + shake[i + 1, 1] + shake[i + 2, 1])
        y = (y - 1.0) * tall + drop
        path[i, 0] = x * wide - slant * y
        path[i, 1] = y


@kernel
def pen_radii(points, cuts, width, contrast, nib, angle, taper, radius, bounds):
    """Fill `radius` (n,) with the pen's half width at every point of every stroke.

    `points` is float64 (n, 2); stroke k runs from ``cuts[k]`` to ``cuts[k + 1]``. `contrast`
    makes quick parts thin, `nib` thins lines along `angle`, `taper` thins both ends. The
    points are moved so that the ink begins at pixel 0, 0; `bounds` says where that was: first
    column and row, last column and row.
    """
    for k in range(len(cuts) - 1):
        a, b = cuts[k], cuts[k + 1]
        total = 0.0
        for i in range(a, b - 1):
            total += math.hypot(
                points[i + 1, 0] - points[i, 0], points[i + 1, 1] - points[i, 1]
            )
        mean = total / max(b - a - 1, 1) + 1e-6
        done = 0.0
        for i in range(a, b):
            j = min(max(i, a + 1), b - 1)
            dx = points[j, 0] - points[j - 1, 0] if b - a > 1 else 0.0
            dy = points[j, 1] - points[j - 1, 1] if b - a > 1 else 0.0
            step = math.hypot(dx, dy) + 1e-6
            if i > a:
                done += step
            factor = 1.0 + contrast * min(max(1.0 - step / mean, -0.7), 0.8)
            factor *= 1.0 - nib * abs(dx * math.cos(angle) - dy * math.sin(angle)) / step
            end = min(done, total - done) / (4.0 * width)
            factor *= 1.0 - taper * min(max(1.0 - end, 0.0), 1.0)
            radius[i] = 0.5 * width * factor
        # Pressure changes slowly: average over neighbours.
        for _ in range(2):
            before = radius[a]
            for i in range(a + 1, b - 1):
                here = radius[i]
                radius[i] = 0.25 * before + 0.5 * here + 0.25 * radius[i + 1]
                before = here
    thickest = 0.0
    left, top, right, low = math.inf, math.inf, -math.inf, -math.inf
    for i in range(len(points)):
        thickest = max(thickest, radius[i])
        left, right = min(left, points[i, 0]), max(right, points[i, 0])
        top, low = min(top, points[i, 1]), max(low, points[i, 1])
    margin = thickest + 1.5
    bounds[0], bounds[1] = math.floor(left - margin), math.floor(top - margin)
    bounds[2], bounds[3] = math.ceil(right + margin), math.ceil(low + margin)
    for i in range(len(points)):
        points[i, 0] -= bounds[0]
        points[i, 1] -= bounds[1]


@kernel
def ink_strokes(canvas, points, cuts, radius, level):
    """Draw round-ended strokes of changing width; a pixel keeps the darkest ink it gets.

    `points` are in pixel coordinates where pixel (row r, column c) has its centre at
    (x, y) = (c, r). Lines thinner than a pixel are paler instead of thinner.
    """
    rows, columns = canvas.shape
    for k in range(len(cuts) - 1):
        for i in range(cuts[k], max(cuts[k + 1] - 1, cuts[k] + 1)):
            j = min(i + 1, cuts[k + 1] - 1)
            x, y = points[i, 0], points[i, 1]
            dx, dy = points[j, 0] - x, points[j, 1] - y
            square = dx * dx + dy * dy
            reach = max(radius[i], radius[j], 0.5) + 0.5
            top = max(math.ceil(min(y, y + dy) - reach), 0)
            low = min(math.floor(max(y, y + dy) + reach), rows - 1)
            left = max(math.ceil(min(x, x + dx) - reach), 0)
            right = min(math.floor(max(x, x + dx) + reach), columns - 1)
            for r in range(top, low + 1):
                for c in range(left, right + 1):
                    t = 0.0
                    if square > 0.0:
                        t = min(max(((c - x) * dx + (r - y) * dy) / square, 0.0), 1.0)
                    half = radius[i] + (radius[j] - radius[i]) * t
                    ex, ey = c - x - t * dx, r - y - t * dy
                    cover = max(half, 0.5) + 0.5 - math.sqrt(ex * ex + ey * ey)
                    if cover > 0.0:
                        value = np.float32(min(cover, 1.0) * min(2.0 * half, 1.0) * level)
                        canvas[r, c] = max(canvas[r, c], value)


@kernel
def ink_bounds(ink, level, bounds):
    """Write top, bottom, left, right (past the end) of ink above `level`; top = -1: none."""
    rows, columns = ink.shape
    bounds[0], bounds[1], bounds[2], bounds[3] = -1, 0, columns, 0
    for r in range(rows):
        for c in range(columns):
            if ink[r, c] > level:
                if bounds[0] < 0:
                    bounds[0] = r
                bounds[1] = r + 1
                bounds[2] = min(bounds[2], c)
                bounds[3] = max(bounds[3], c + 1)


@kernel
def ink_edges(ink, level, top, first, last):
    """Write the first inked column and the one past the last of each row, from row `top` on."""
    rows, columns = ink.shape
    for r in range(rows):
        for c in range(columns):
            if ink[r, c] > level:
                last[top + r] = c + 1
                if first[top + r] > c:
                    first[top + r] = c


@kernel
def ink_nearest(edge, first, none):
    """Return the largest ``edge - first`` of rows where both are at most `none` from zero.

    0 and False where there is no such row: (largest, whether there is one).
    """
    nearest, found = 0, False
    for i in range(len(edge)):
        if edge[i] > -none and first[i] < none:
            near = edge[i] - first[i]
            nearest, found = max(near, nearest) if found else near, True
    return nearest, found


@kernel
def ink_over(canvas, owner, piece, top, left, index):
    """Lay a piece of ink on the canvas; where it is darker than what is there, it owns it."""
    rows, columns = piece.shape
    for r in range(rows):
        for c in range(columns):
            value = piece[r, c]
            if value > canvas[top + r, left + c]:
                canvas[top + r, left + c] = value
                if value > 0.06:
                    owner[top + r, left + c] = index
