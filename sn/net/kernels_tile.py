"""The two innermost loops of feature maps, kept in vector registers.

LLVM vectorises loops over pixels but loads and stores the sums at every tap. Here 4 maps times
some vectors of pixels stay in registers while the taps of all maps they see go by: 35 thousand
million products a second on a core on which a product of matrices in OpenBLAS reaches 37. Each
kernel exists for 4, 2 and 1 maps.

Vectors are 256 bits (128 on processors other than x86); how many fit the registers is asked of
the processor. A last vector may reach beyond the run of pixels: what it reads there is not
used, what it writes there is what was there before. So 8 readable positions must follow every
map.
"""

from typing import Any

from sn.jit import emitted


def vectors(element: Any) -> tuple[int, int, int]:
    """Return (lanes of a vector, vectors of a tile, taps held at once) for this processor."""
    import platform

    from llvmlite import binding, ir

    size = 4 if isinstance(element, ir.FloatType) else 8
    if platform.machine() not in ("x86_64", "AMD64"):
        return 16 // size, 4, 5
    wide = binding.get_host_cpu_features().get("avx512vl", False)
    return 32 // size, 5 if wide else 3, 5 if wide else 2


class Writer:
    """What both kernels need to write instructions."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        from llvmlite import ir

        self.ir, self.context, self.builder = ir, context, builder
        self.signature, self.arguments = signature, arguments
        self.index = ir.IntType(64)
        self.element = context.get_value_type(signature.args[0].dtype)
        self.size = 4 if isinstance(self.element, ir.FloatType) else 8
        self.lanes, self.tile, self.taps = vectors(self.element)
        self.vector = ir.VectorType(self.element, self.lanes)

    def number(self, value: int) -> Any:
        """Return a constant index."""
        return self.ir.Constant(self.index, value)

    def data(self, k: int) -> Any:
        """Return the pointer to the data of an array argument."""
        make = self.context.make_array(self.signature.args[k])
        return make(self.context, self.builder, value=self.arguments[k]).data

    def parts(self, k: int, count: int) -> list[Any]:
        """Return the members of a tuple argument."""
        return [self.builder.extract_value(self.arguments[k], m) for m in range(count)]

    def at(self, pointer: Any, offset: Any) -> Any:
        """Return a pointer moved by some elements."""
        return self.builder.gep(pointer, [offset])

    def load(self, pointer: Any, offset: int = 0) -> Any:
        """Load a vector."""
        moved = self.at(pointer, self.number(offset))
        cast = self.builder.bitcast(moved, self.vector.as_pointer())
        return self.builder.load(cast, align=self.size)

    def store(self, value: Any, pointer: Any, offset: int = 0) -> None:
        """Store a vector."""
        moved = self.at(pointer, self.number(offset))
        cast = self.builder.bitcast(moved, self.vector.as_pointer())
        self.builder.store(value, cast, align=self.size)

    def spread(self, value: Any) -> Any:
        """Return a vector with the same value in all lanes."""
        ir, kind = self.ir, self.ir.VectorType(value.type, self.lanes)
        none = ir.Constant(kind, ir.Undefined)
        one = self.builder.insert_element(none, value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(one, none, zeros)

    def first_lanes(self, count: Any) -> Any:
        """Return a mask of the first lanes."""
        ir = self.ir
        lanes = ir.Constant(ir.VectorType(self.index, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, self.spread(count))

    def cells(self, value: Any, *shape: int) -> list[Any]:
        """Return variables (later registers) that begin with a vector."""
        from numba.core import cgutils

        count = 1
        for n in shape:
            count *= n
        return [cgutils.alloca_once_value(self.builder, value) for _ in range(count)]

    def add_product(self, cell: Any, a: Any, b: Any) -> None:
        """Add a product to a variable."""
        product = self.builder.fmul(a, b, flags=["fast"])
        total = self.builder.fadd(self.builder.load(cell), product, flags=["fast"])
        self.builder.store(total, cell)


def write_accumulate(writer: Writer, many: int) -> None:
    """Write the code of `accumulate` for so many maps."""
    from numba.core import cgutils

    w, b, arguments = writer, writer.builder, writer.arguments
    source, maps, height, width, forth, down, right, k_forth, k_down, k_right, pixels = (
        arguments[k] for k in (3, *range(6, 16))
    )
    targets = [w.at(w.data(0), t) for t in w.parts(1, many)]
    kernels = [w.at(w.data(4), k) for k in w.parts(5, many)]
    sources = w.at(w.data(2), source)

    def tile(start: Any, count: int, rest: Any = None) -> None:
        places = [w.at(t, start) for t in targets]
        begin = [w.load(p, v * w.lanes) for p in places for v in range(count)]
        cells = [w.cells(value)[0] for value in begin]
        window = w.at(sources, start)
        with (
            cgutils.for_range(b, maps, intp=w.index) as seen,
            cgutils.for_range(b, height, intp=w.index) as row,
            cgutils.for_range(b, width, intp=w.index) as column,
        ):
            move = b.add(b.mul(seen.index, forth), b.mul(row.index, down))
            here = w.at(window, b.add(move, b.mul(column.index, right)))
            tap = b.add(b.mul(seen.index, k_forth), b.mul(row.index, k_down))
            tap = b.add(tap, b.mul(column.index, k_right))
            loaded = [w.load(here, v * w.lanes) for v in range(count)]
            for m in range(many):
                factor = w.spread(b.load(w.at(kernels[m], tap)))
                for v in range(count):
                    w.add_product(cells[m * count + v], factor, loaded[v])
        mask = None if rest is None else w.first_lanes(rest)
        for m in range(many):
            for v in range(count):
                value = b.load(cells[m * count + v])
                if mask is not None and v == count - 1:
                    value = b.select(mask, value, begin[m * count + v])
                w.store(value, places[m], v * w.lanes)

    whole = w.number(w.tile * w.lanes)
    tiles = b.sdiv(pixels, whole)
    with cgutils.for_range(b, tiles, intp=w.index) as loop:
        tile(b.mul(loop.index, whole), w.tile)
    done = b.mul(tiles, whole)
    left = b.sub(pixels, done)
    for count in range(1, w.tile + 1):
        before = w.number((count - 1) * w.lanes)
        more = b.icmp_signed(">", left, before)
        enough = b.icmp_signed("<=", left, w.number(count * w.lanes))
        with b.if_then(b.and_(more, enough)):
            tile(done, count, b.sub(left, before))


def write_correlate(writer: Writer, many: int) -> None:
    """Write the code of `correlate` for so many maps."""
    from numba.core import cgutils

    w, b, arguments = writer, writer.builder, writer.arguments
    source, step, taps, pixels = (arguments[k] for k in (5, 6, 7, 8))
    sums = [w.at(w.data(0), k) for k in w.parts(1, many)]
    deltas = [w.at(w.data(2), d) for d in w.parts(3, many)]
    sources = w.at(w.data(4), source)
    name = f"llvm.vector.reduce.fadd.v{w.lanes}f{8 * w.size}"
    kind = w.ir.FunctionType(w.element, [w.element, w.vector])
    reduce = cgutils.get_or_insert_function(b.module, kind, name)
    zero = w.ir.Constant(w.element, 0.0)
    runs = b.sdiv(b.add(pixels, w.number(w.lanes - 1)), w.number(w.lanes))

    def block(first: Any, count: int) -> None:
        cells = w.cells(w.ir.Constant(w.vector, None), many, count)
        begin = w.at(sources, b.mul(first, step))
        windows = [w.at(begin, b.mul(w.number(t), step)) for t in range(count)]
        with cgutils.for_range(b, runs, intp=w.index) as loop:
            p = b.mul(loop.index, w.number(w.lanes))
            loaded = [w.load(w.at(d, p)) for d in deltas]
            for t in range(count):
                value = w.load(w.at(windows[t], p))
                for m in range(many):
                    w.add_product(cells[m * count + t], loaded[m], value)
        for m in range(many):
            for t in range(count):
                call = b.call(reduce, [zero, b.load(cells[m * count + t])], fastmath=["fast"])
                place = w.at(sums[m], b.add(first, w.number(t)))
                b.store(b.fadd(b.load(place), call), place)

    done = w.number(0)
    for count in sorted({w.taps, min(3, w.taps), 1}, reverse=True):
        blocks = b.sdiv(b.sub(taps, done), w.number(count))
        with cgutils.for_range(b, blocks, intp=w.index) as loop:
            block(b.add(done, b.mul(loop.index, w.number(count))), count)
        done = b.add(done, b.mul(blocks, w.number(count)))


def emit_accumulate(many: int) -> Any:
    """Return what makes the intrinsic `accumulate` for so many maps."""

    def emit() -> Any:
        from numba import types

        i = types.int64
        places = types.UniTuple(i, many)

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write_accumulate(Writer(context, builder, signature, arguments), many)
            return context.get_dummy_value()

        def accumulate(
            context, sums, targets, x, source, w, kernels, maps, height, width, forth, down,
            right, k_forth, k_down, k_right, pixels,
        ):  # fmt: skip
            sizes = (i,) * 10
            return types.none(sums, places, x, i, w, places, *sizes), write

        return accumulate

    return emit


def emit_correlate(many: int) -> Any:
    """Return what makes the intrinsic `correlate` for so many maps."""

    def emit() -> Any:
        from numba import types

        i = types.int64
        places = types.UniTuple(i, many)

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write_correlate(Writer(context, builder, signature, arguments), many)
            return context.get_dummy_value()

        def correlate(context, sums, kernels, d, deltas, x, source, step, taps, pixels):
            return types.none(sums, places, d, places, x, i, i, i, i), write

        return correlate

    return emit


@emitted(emit_accumulate(1))
def accumulate1(
    sums, targets, x, source, w, kernels, maps, height, width, forth, down, right, k_forth,
    k_down, k_right, pixels,
):  # fmt: skip
    """Add taps: ``sums[t + p] += w[k + tap(m, r, c)] * x[s + place(m, r, c) + p]``.

    For every pixel p in ``range(pixels)`` and every map with target t of `targets` and kernel k
    of `kernels` (tuples of positions); s is `source`, m in ``range(maps)``, r in
    ``range(height)``, c in ``range(width)``; a tap is ``m*k_forth + r*k_down + c*k_right``, a
    place ``m*forth + r*down + c*right``. Runs of targets do not overlap with what is read.
    """
    for target, kernel in zip(targets, kernels, strict=True):
        for m in range(maps):
            for r in range(height):
                for c in range(width):
                    at = source + m * forth + r * down + c * right
                    factor = w[kernel + m * k_forth + r * k_down + c * k_right]
                    sums[target : target + pixels] += factor * x[at : at + pixels]


@emitted(emit_correlate(1))
def correlate1(sums, kernels, d, deltas, x, source, step, taps, pixels):
    """Add dot products: ``sums[k + t] += sum_p d[o + p] x[source + t*step + p]``.

    For every tap t in ``range(taps)`` and every map with kernel k of `kernels` and run o of
    `deltas` (tuples of positions), p in ``range(pixels)``; the 7 values of `d` after a run
    must be 0.
    """
    for kernel, delta in zip(kernels, deltas, strict=True):
        for t in range(taps):
            at = source + t * step
            sums[kernel + t] += d[delta : delta + pixels] @ x[at : at + pixels]


accumulate2 = emitted(emit_accumulate(2))(accumulate1.function)
accumulate4 = emitted(emit_accumulate(4))(accumulate1.function)
correlate2 = emitted(emit_correlate(2))(correlate1.function)
correlate4 = emitted(emit_correlate(4))(correlate1.function)
