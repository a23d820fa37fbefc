"""Kernels of the segmenter: falling lines, pieces of ink, and their images."""

import numpy as np

from sn.jit import kernel


@kernel
def fall(black, start, path):
    """Drop a line through a component from the top and write its column per row to `path`.

    black (h, w) uint8 is one component. Hit-and-deflect (LeCun et al. 1998, sec. X): the line
    falls through paper; on contact it follows the contour downhill; at a local minimum of the
    upper profile it falls straight through the ink. Returns the number of black pixels it
    crossed, or -1 if it rolled off one side.
    """
    h, w = black.shape
    x = start
    y = 0
    direction = 0
    crossed = 0
    cutting = False
    while y < h:
        path[y] = x
        if black[y, x]:
            crossed += 1
            y += 1
            continue
        if y + 1 == h:
            break
        if not black[y + 1, x]:
            y += 1
            direction = 0
            cutting = False
            continue
        left = x == 0 or (not black[y, x - 1])
        right = x == w - 1 or (not black[y, x + 1])
        down_left = left and (x == 0 or not black[y + 1, x - 1])
        down_right = right and (x == w - 1 or not black[y + 1, x + 1])
        step = 0
        if down_left and down_right:
            step = direction if direction != 0 else (-1 if start <= x else 1)
        elif down_left:
            step = -1
        elif down_right:
            step = 1
        elif direction < 0 and left:
            step = -1
        elif direction > 0 and right:
            step = 1
        elif direction == 0:
            # A flat top: walk to the nearer end of it that goes down, if there is one.
            for reach in range(1, w):
                a, b = x - reach, x + reach
                can_left = left and a >= 0 and not black[y, a]
                can_right = right and b < w and not black[y, b]
                left = can_left
                right = can_right
                if can_left and not black[y + 1, a]:
                    step = -1
                    break
                if can_right and not black[y + 1, b]:
                    step = 1
                    break
                if not can_left and not can_right:
                    break
        if step == 0 or cutting:
            cutting = True
            y += 1  # into the ink, straight down
            continue
        direction = step
        x += step
        if x < 0 or x >= w:
            return -1
    return crossed


@kernel
def falls(black, paths, crossed):
    """Drop a line from every column; paths (w, h), crossed (w,) as `fall` returns them."""
    for start in range(black.shape[1]):
        crossed[start] = -1 if black[0, start] else fall(black, start, paths[start])


@kernel
def crop_segments(ink, pieces, spans, boxes, middle, reach, side, room, zoom, out):
    """Draw every segment centred into an image of its own.

    ink (rows, columns) 0...1; pieces (rows, columns) the piece of every pixel, -1 for none;
    spans (n, 2) first and last piece; boxes (n, 4) x y w h of the ink of every segment; out
    (n, side, side), already 0. The longer side fills `room` pixels, but nothing is magnified by
    more than `zoom`. What lies above or below row `middle` of the line is drawn above or below
    the centre, by at most `reach` pixels. Four samples a pixel, bilinear.
    """
    rows, columns = ink.shape
    for n in range(spans.shape[0]):
        x0, y0, w, h = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3]
        scale = min(room / max(w, h), zoom)
        step = 1.0 / scale
        wide, high = w * scale, h * scale
        shift = (y0 + h / 2 - middle) * scale
        left = (side - wide) / 2
        top = (side - high) / 2 + min(max(shift, -reach), reach)
        for i in range(max(0, int(top) - 1), min(side, int(top + high) + 2)):
            for j in range(max(0, int(left) - 1), min(side, int(left + wide) + 2)):
                total = 0.0
                for a in range(2):
                    for b in range(2):
                        sy = y0 + (i + 0.25 + 0.5 * a - top) * step - 0.5
                        sx = x0 + (j + 0.25 + 0.5 * b - left) * step - 0.5
                        fy, fx = int(np.floor(sy)), int(np.floor(sx))
                        for p in range(2):
                            for q in range(2):
                                y, x = fy + p, fx + q
                                if y < 0 or x < 0 or y >= rows or x >= columns:
                                    continue
                                piece = pieces[y, x]
                                if piece < spans[n, 0] or piece > spans[n, 1]:
                                    continue
                                wy = sy - fy if p == 1 else 1 - (sy - fy)
                                wx = sx - fx if q == 1 else 1 - (sx - fx)
                                total += wy * wx * ink[y, x]
                out[n, i, j] = total / 4


@kernel
def measure(ink, pieces, boxes, weights):
    """Fill boxes (n, 4) x y w h and weights (n,) of ink of every piece."""
    rows, columns = pieces.shape
    for n in range(boxes.shape[0]):
        boxes[n, 0] = columns
        boxes[n, 1] = rows
        boxes[n, 2] = -1
        boxes[n, 3] = -1
    for y in range(rows):
        for x in range(columns):
            n = pieces[y, x]
            if n >= 0:
                weights[n] += ink[y, x]
                boxes[n, 0] = min(boxes[n, 0], x)
                boxes[n, 1] = min(boxes[n, 1], y)
                boxes[n, 2] = max(boxes[n, 2], x)
                boxes[n, 3] = max(boxes[n, 3], y)
    for n in range(boxes.shape[0]):
        boxes[n, 2] += 1 - boxes[n, 0]
        boxes[n, 3] += 1 - boxes[n, 1]
