"""Matrix operations that came as Lisp: the loop over a table of places, squared products."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import Cons, from_items, items
from sn.errors import LispError
from sn.matrix import Matrix, array_of, like
from sn.primitives.registry import primitive, special
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


# ---- idx-gloop


def gloop_form(interpreter: "Interpreter", patterns: Any, body: Any) -> Cons:
    """Return the ``idx-bloop`` an ``idx-gloop`` stands for.

    A pattern ``(x m)`` is one of ``idx-bloop``; ``(i)`` counts the rounds; ``(x p m)`` runs
    through the parts of m whose numbers stand in the vector p.
    """
    words = interpreter.intern
    loops, parts, counter = [], [], None
    for pattern in items(patterns):
        given = items(pattern)
        if not 1 <= len(given) <= 3 or given[0].__class__ is not Symbol:
            raise LispError("bad gloop construct", pattern, function="idx-gloop")
        if len(given) == 1:
            counter = given[0]
        elif len(given) == 2:
            loops.append(pattern)
        else:
            place = words(f"::place{len(loops)}")
            loops.append(from_items([place, given[1]]))
            part = from_items([words("select"), given[2], 0, from_items([place])])
            parts.append(from_items([given[0], part]))
    if counter is not None:
        step = from_items([words("+"), counter, 1])
        body = from_items([*items(body), from_items([words("setq"), counter, step])])
    if parts:
        body = from_items([Cons(words("let"), Cons(from_items(parts), body))])
    loop = Cons(words("idx-bloop"), Cons(from_items(loops), body))
    if counter is None:
        return loop
    declared = from_items([from_items([words("-int-")]), counter])
    first = from_items([from_items([counter, 0])])
    return from_items([words("let"), first, declared, loop])


@special("idx-gloop", pattern="qQ")
def idx_gloop(interpreter: "Interpreter", patterns: Any, body: Any) -> Any:
    """Loop over first dimensions: (idx-gloop ((i) (x m) (y places m)) body...)."""
    return interpreter.evaluate(gloop_form(interpreter, patterns, body))


# ---- products with squares


def _squared(name: str, one_rank: int, two_rank: int, *, outer: bool) -> None:
    """Register a product of matrices one of which is squared, and the form that adds to it.

    The outer product squares the second, m3(i j) = m1(i) m2(j)²; the others the first,
    m3(i) = sum of m1(i j)² m2(j).
    """

    def values(one: Any, two: Any) -> np.ndarray:
        a, b = array_of(one), array_of(two)
        if (a.ndim, b.ndim) != (one_rank, two_rank):
            raise LispError("incorrect number of dimensions")
        if outer:
            wide = a.reshape(a.shape + (1,) * b.ndim)
            return wide * b * b
        if a.shape[a.ndim - b.ndim :] != b.shape:
            raise LispError("matrix must have same dimensions")
        products = (a * a * b).reshape((*a.shape[: a.ndim - b.ndim], -1))
        if not products.shape[-1]:
            return np.zeros(products.shape[:-1], a.dtype)
        return np.add.accumulate(products, axis=-1)[..., -1]

    def result(one: Any, two: Any, target: Any = None) -> Matrix:
        found = values(one, two)
        if target is None:
            return like(one.letter, found)
        return _store(target, found)

    def accumulate(one: Any, two: Any, target: Any) -> Matrix:
        found = values(one, two)
        return _store(target, found, add=True)

    result.__doc__ = f"Return a product with squares ({name})."
    accumulate.__doc__ = f"Add a product with squares to a matrix ({name}acc)."
    for suffix, code in (("", result), ("acc", accumulate)):
        code.__code__ = code.__code__.replace(co_name=name + suffix)
        primitive(name + suffix)(code)


def _store(target: Any, values: np.ndarray, *, add: bool = False) -> Matrix:
    held = array_of(target)
    if held.shape != values.shape:
        raise LispError("matrix must have same dimensions")
    target.assign(held + values if add else values)
    return target


_squared("idx-m1squextm1", 1, 1, outer=True)
_squared("idx-m2squextm2", 2, 2, outer=True)
_squared("idx-m1squdotm1", 1, 1, outer=False)
_squared("idx-m2squdotm2", 2, 2, outer=False)
_squared("idx-m2squdotm1", 2, 1, outer=False)
_squared("idx-m4squdotm2", 4, 2, outer=False)
