"""The innermost loop of pooling over patterns side by side, kept in vector registers."""

from typing import Any

import numpy as np

from sn.jit import emitted
from sn.net.kernels_tile import Writer


def write_pool(writer: Writer, greatest: bool) -> None:
    """Write the code of `pool_sum` or `pool_maximum`."""
    from numba.core import cgutils

    w, b = writer, writer.builder
    target, source, factor, lanes, columns, step, height, width, down, right = w.arguments[1:]
    states, ir = w.data(0), w.ir
    zero = ir.Constant(w.vector, None)
    scale = w.spread(factor)

    def column(out: Any, window: Any) -> None:
        cell = w.cells(w.load(window) if greatest else zero)[0]
        with cgutils.for_range(b, height, intp=w.index) as row:
            first = w.at(window, b.mul(row.index, down))
            with cgutils.for_range(b, width, intp=w.index) as tap:
                value = w.load(w.at(first, b.mul(tap.index, right)))
                best = b.load(cell)
                if greatest:
                    more = b.fcmp_ordered(">", value, best)
                    b.store(b.select(more, value, best), cell)
                else:
                    b.store(b.fadd(best, value, flags=["fast"]), cell)
        product = b.fmul(scale, b.load(cell), flags=["fast"])
        w.store(b.fadd(w.load(out), product, flags=["fast"]), out)

    parts = b.sdiv(lanes, w.number(w.lanes))
    with cgutils.for_range(b, columns, intp=w.index) as loop:
        here = w.at(states, b.add(target, b.mul(loop.index, lanes)))
        there = w.at(states, b.add(source, b.mul(loop.index, step)))
        with cgutils.for_range(b, parts, intp=w.index) as part:
            p = b.mul(part.index, w.number(w.lanes))
            column(w.at(here, p), w.at(there, p))


def emit_pool(greatest: bool) -> Any:
    """Return what makes the intrinsic."""

    def emit() -> Any:
        from numba import types

        i = types.int64

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write_pool(Writer(context, builder, signature, arguments), greatest)
            return context.get_dummy_value()

        def pool(
            context, x, target, source, factor, lanes, columns, step, height, width, down, right
        ):
            return types.none(x, i, i, x.dtype, i, i, i, i, i, i, i), write

        return pool

    return emit


def windows(x, target, source, lanes, columns, step, height, width, down, right):
    """Yield the values (lanes,) of every target and those it sees (lanes, taps)."""
    for j in range(columns):
        at = source + j * step
        seen = [
            x[at + r * down + c * right :][:lanes] for r in range(height) for c in range(width)
        ]
        yield x[target + j * lanes :][:lanes], seen


@emitted(emit_pool(False))
def pool_sum(x, target, source, factor, lanes, columns, step, height, width, down, right):
    """Add the sums of windows, times a factor, to a row of `columns` targets.

    A value is a run of `lanes`, a multiple of 8. Target j is at ``target + j*lanes``; tap r, c
    of its window of height x width is at ``source + j*step + r*down + c*right``.
    """
    for out, seen in windows(
        x, target, source, lanes, columns, step, height, width, down, right
    ):
        out += factor * sum(seen)


@emitted(emit_pool(True))
def pool_maximum(x, target, source, factor, lanes, columns, step, height, width, down, right):
    """Add the greatest of windows, as `pool_sum` adds their sums."""
    for out, seen in windows(
        x, target, source, lanes, columns, step, height, width, down, right
    ):
        best = seen[0]
        for value in seen:
            best = np.maximum(best, value)
        out += factor * best
