"""Moving the pixels of many small images: affine maps and smooth elastic ones."""

import numpy as np

from sn.jit import kernel


@kernel(fastmath=True)
def move_pixels(images, padded, affine, nodes, down, right, lines, rows, columns, out):
    """Resample images uint8 (n, h, w) into `out` of the same shape.

    Output pixel (i, j) shows the source at ``A (i - ci, j - cj) + t + c``, bent by a smooth
    field, between pixels linearly; beyond the image there is 0. `affine` (n, 6) holds A row by
    row, then t, in pixels; `nodes` (n, 2, a, b) the values of the field at the knots, `down`
    (h, a) and `right` (b, w) how pixels mix them. `padded` (h + 3, w + 3), `lines` (2, b),
    `rows`, `columns` (w,) are room for one image and one row, float32.
    """
    count, height, width = images.shape
    zero = np.float32(0)
    half = np.float32(0.5)
    ci = half * np.float32(height - 1)
    cj = half * np.float32(width - 1)
    bottom, side = np.float32(height), np.float32(width)
    pitch = np.int32(padded.shape[1])
    below, one = np.uint32(pitch), np.uint32(1)
    flat = padded.reshape(-1)
    for n in range(count):
        for i in range(height):
            for j in range(width):
                padded[i + 1, j + 1] = np.float32(images[n, i, j])
        a, b, c, e = affine[n, 0], affine[n, 1], affine[n, 2], affine[n, 3]
        ti, tj = affine[n, 4] + ci, affine[n, 5] + cj
        for i in range(height):
            y = np.float32(i) - ci
            for j in range(width):
                x = np.float32(j) - cj
                rows[j] = a * y + b * x + ti
                columns[j] = c * y + e * x + tj
            for q in range(lines.shape[1]):
                u = zero
                v = zero
                for p in range(down.shape[1]):
                    u += down[i, p] * nodes[n, 0, p, q]
                    v += down[i, p] * nodes[n, 1, p, q]
                for j in range(width):
                    rows[j] += u * right[q, j]
                    columns[j] += v * right[q, j]
            line = out[n, i]
            for j in range(width):
                # Beyond one pixel outside everything is 0: coordinates may stop there.
                u = min(max(rows[j], -np.float32(1)), bottom) + np.float32(1)
                v = min(max(columns[j], -np.float32(1)), side) + np.float32(1)
                k, m = np.int32(u), np.int32(v)
                u -= np.float32(k)
                v -= np.float32(m)
                at = np.uint32(k * pitch + m)  # unsigned: no negative indices to look for
                first, second = flat[at], flat[at + one]
                third, fourth = flat[at + below], flat[at + below + one]
                over = first + v * (second - first)
                under = third + v * (fourth - third)
                line[j] = np.uint8(np.int32(over + u * (under - over) + half))
