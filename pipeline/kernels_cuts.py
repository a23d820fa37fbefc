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
def copied(source, target):
    """Copy one line; assigning it takes numba two seconds to compile, for an error's text."""
    for y in range(source.size):
        target[y] = source[y]


@kernel
def cuts(black, deepest, apart, found):
    """Fill `found` (2w, h) with the cuts of a component black (h, w), left to right.

    A cut is a column per row. Lines fall from the top and rise from the bottom of every column;
    of those that meet in their lower half one is kept, then, those through the least ink first,
    what lies `apart` pixels from the others on average and crosses at most `deepest` black
    pixels. Returns their number.
    """
    h, w = black.shape
    paths = np.empty((2 * w, h), np.int32)
    depth = np.empty(2 * w, np.int32)
    count = 0
    upside = black
    for way in range(2):
        begun = count
        for start in range(w):
            if upside[0, start]:
                continue
            depth[count] = fall(upside, start, paths[count])
            if depth[count] <= 0 or depth[count] > deepest:
                continue
            seen = False
            for k in range(begun, count):
                y = h - 1
                while y >= h // 2 and paths[k, y] == paths[count, y]:
                    y -= 1
                if y < h // 2:
                    seen = True
                    break
            if not seen:
                count += 1
        if way == 0:
            upside = black[::-1].copy()
        else:
            for k in range(begun, count):
                for y in range(h // 2):
                    paths[k, y], paths[k, h - 1 - y] = paths[k, h - 1 - y], paths[k, y]
    kept = 0
    column = np.empty(2 * w, np.int64)  # sums over the rows
    for least in range(1, int(deepest) + 1):
        for k in range(count):
            if depth[k] != least:
                continue
            far = True
            for q in range(kept):
                gap = 0
                for y in range(h):
                    gap += abs(found[q, y] - paths[k, y])
                if gap < apart * h:
                    far = False
                    break
            if far:
                column[kept] = 0
                for y in range(h):
                    found[kept, y] = paths[k, y]
                    column[kept] += paths[k, y]
                kept += 1
    path = np.empty(h, np.int32)
    for k in range(1, kept):
        at = column[k]
        copied(found[k], path)
        q = k
        while q > 0 and column[q - 1] > at:
            column[q] = column[q - 1]
            copied(found[q - 1], found[q])
            q -= 1
        column[q] = at
        copied(path, found[q])
    return kept


@kernel
def joined(sizes, smallest, home):
    """Join parts that are too small to neighbours: fill `home` with the part each belongs to.

    sizes (n,) in pixels, from left to right; parts of none disappear, home -1. The smallest
    joins the smaller of its neighbours, until none is smaller than `smallest`. Returns the
    number of parts left.
    """
    count = 0
    for k in range(sizes.size):
        home[k] = count if sizes[k] > 0 else -1
        sizes[count] = sizes[k]
        count += sizes[k] > 0
    while count > 1:
        k = 0
        for j in range(1, count):
            if sizes[j] < sizes[k]:
                k = j
        if sizes[k] >= smallest:
            break
        j = k - 1 if k > 0 and (k + 1 == count or sizes[k - 1] <= sizes[k + 1]) else k + 1
        low = min(j, k)
        sizes[low] += sizes[low + 1]
        for q in range(low + 1, count - 1):
            sizes[q] = sizes[q + 1]
        count -= 1
        for q in range(home.size):
            home[q] -= home[q] > low
    return count


@kernel
def divide(labels, stats, least, small, deepest, apart, smallest, pieces, component, middle):
    """Cut components into parts; write the part of every pixel to `pieces`, elsewhere -1.

    labels (rows, columns) and stats (n, 5) x y w h area are those of the components, the first
    of which is paper; those of an area below `least` are left out, those less than `small` wide
    or high not cut. component, middle: for every part its component and the mean of its
    columns, -1 for one that was not cut. Returns the number of parts.
    """
    count = 0
    pieces[:] = -1
    for k in range(1, stats.shape[0]):
        x, y, w, h = stats[k, 0], stats[k, 1], stats[k, 2], stats[k, 3]
        if stats[k, 4] < least:
            continue
        mine = labels[y : y + h, x : x + w] == k
        if w < small or h < small:
            for i in range(h):
                for j in range(w):
                    if mine[i, j]:
                        pieces[y + i, x + j] = count
            component[count] = k
            middle[count] = -1.0
            count += 1
            continue
        paths = np.empty((2 * w, h), np.int32)
        found = cuts(mine.astype(np.uint8), deepest, apart, paths)
        side = np.zeros((h, w), np.int32)
        sizes = np.zeros(found + 1, np.int64)
        for i in range(h):
            for j in range(w):
                if mine[i, j]:
                    for q in range(found):
                        side[i, j] += paths[q, i] <= j
                    sizes[side[i, j]] += 1
        home = np.empty(found + 1, np.int64)
        parts = joined(sizes, smallest, home)
        total = np.zeros(parts)
        columns = np.zeros(parts)
        last = np.full(parts, -1)
        for j in range(w):
            for i in range(h):
                if mine[i, j]:
                    q = home[side[i, j]]
                    pieces[y + i, x + j] = count + q
                    if last[q] != j:
                        last[q] = j
                        total[q] += j
                        columns[q] += 1
        for q in range(parts):
            component[count] = k
            middle[count] = x + total[q] / columns[q]
            count += 1
    return count


@kernel
def candidates(component, boxes, longest, gap, widest, most, spans, outer, whole):
    """List the candidates: runs of at most `longest` pieces, narrow and without a wide gap.

    component (n,), boxes (n, 4) x y w h of the pieces, left to right. Fills spans (m, 2) first
    and last piece, outer (m, 4) x y w h, and whole (m,): that no cut parts it from other ink.
    Returns their number, which is more than `most` if there is no room.
    """
    n = component.size
    ends = 0
    for k in range(n):
        ends = max(ends, component[k] + 1)
    sizes = np.zeros(ends, np.int64)
    for k in range(n):
        sizes[component[k]] += 1
    inside = np.zeros(ends, np.int64)
    count = 0
    for first in range(n):
        x0, y0 = boxes[first, 0], boxes[first, 1]
        x1, y1 = x0 + boxes[first, 2], y0 + boxes[first, 3]
        parted = 0  # components that are inside in part
        stop = first
        for last in range(first, min(n, first + longest)):
            x, y = boxes[last, 0], boxes[last, 1]
            if x - x1 > gap:
                break
            x0, x1 = min(x0, x), max(x1, x + boxes[last, 2])
            y0, y1 = min(y0, y), max(y1, y + boxes[last, 3])
            if x1 - x0 > widest and last > first:
                break
            k = component[last]
            parted += inside[k] == 0
            inside[k] += 1
            parted -= inside[k] == sizes[k]
            stop = last + 1
            spans[count, 0], spans[count, 1] = first, last
            outer[count, 0], outer[count, 1] = x0, y0
            outer[count, 2], outer[count, 3] = x1 - x0, y1 - y0
            whole[count] = parted == 0
            count += 1
        for last in range(first, stop):
            inside[component[last]] = 0
        if count > most:
            break
    return count


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
