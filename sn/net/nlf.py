"""Transfer functions (SN: class NLF): callable objects the propagation kernels can run.

    tanh        A tanh(Bx) + Cx + D        dtanh       its derivative
    lin         (AB + C) x + D             piecewise   A clip(Bx, -1, 1) + Cx + D
    threshold   A sgn(Bx) + Cx + D         bell        (1 - x²)³ inside (-1, 1); dbell
    spline      natural cubic spline; dspline, ddspline
    rectifier   A max(x, 0) + Cx + D, an extension
    lisp        any function of one number

A central difference of order 1 or 2 can stand in front of any of them (nlf-df-all and
nlf-ddf-all).
Source: sn28.md, sections 1 and 4.2 (C4).
"""

from collections.abc import Callable, Sequence

import numpy as np

from sn.cells import from_items
from sn.errors import LispError
from sn.net.kernels_nlf import nlf_value

KINDS = {
    "zero": 0,
    "tanh": 1,
    "dtanh": 2,
    "lin": 3,
    "piecewise": 4,
    "threshold": 5,
    "bell": 6,
    "dbell": 7,
    "spline": 8,
    "dspline": 9,
    "ddspline": 10,
    "lisp": 11,
    "rectifier": 12,
}
_NO_KNOTS = np.array([[0, 1], [0, 0], [0, 0]], dtype=np.float32)


class NLF:
    """A transfer function.

    Attributes
    ----------
    kind : str
        The closed form, a key of `KINDS`.
    parameters : float32 (6,)
        A, B, C, D, AB + C, AB.
    knots : float32 (3, n)
        Abscissas, ordinates and second derivatives of a spline.
    order : int
        0, or the order of the central difference taken of the closed form.
    inner : NLF or function or None
        What a "lisp" function calls: the function, or the NLF whose difference is taken.

    >>> NLF("tanh", 1.0, 2 / 3)(1.0)
    0.5827829837799072
    """

    def __init__(
        self,
        kind: str,
        A: float = 0.0,
        B: float = 0.0,
        C: float = 0.0,
        D: float = 0.0,
        *,
        knots: np.ndarray | None = None,
        order: int = 0,
        inner: Callable[[float], float] | None = None,
    ) -> None:
        a, b, c, d = (np.float32(v) for v in (A, B, C, D))
        self.kind = kind
        self.parameters = np.array([a, b, c, d, a * b + c, a * b], dtype=np.float32)
        self.knots = _NO_KNOTS if knots is None else knots
        self.order = order
        self.inner = inner
        self._ordered = bool((np.diff(self.knots[0]) > 0).all())

    @classmethod
    def spline(cls, kind: str, x: Sequence[float], y: Sequence[float]) -> "NLF":
        """Make a natural spline through points ("spline", "dspline" or "ddspline")."""
        if len(x) != len(y):
            raise LispError("x and y listes have different length")
        return cls(kind, knots=_spline_knots(x, y))

    @classmethod
    def difference(cls, base: "NLF", order: int) -> "NLF":
        """Make the central difference of order 1 or 2 of another function."""
        if base.order or base.kind == "lisp":
            return cls("lisp", order=order, inner=base)
        made = cls(base.kind, knots=base.knots, order=order)
        made.parameters = base.parameters
        return made

    @property
    def native(self) -> bool:
        """Whether kernels can evaluate it: no Lisp function is inside."""
        return self.kind != "lisp"

    @property
    def arguments(self) -> tuple[int, int, np.ndarray, np.ndarray]:
        """What a kernel needs to evaluate it: (order, kind, parameters, knots)."""
        if not self._ordered:
            raise LispError("unordered X values in the spline")
        return self.order, KINDS[self.kind], self.parameters, self.knots

    def __call__(self, *arguments: float) -> float:
        """Evaluate at a number, in float32."""
        if len(arguments) != 1:
            raise LispError("One argument only", from_items(arguments))
        x = arguments[0]
        if not isinstance(x, (float, int, np.floating)):
            raise LispError("Not a number", x)
        with np.errstate(over="ignore", invalid="ignore"):
            return self._at(np.float32(x))

    def _at(self, x: np.float32) -> float:
        if self.native:
            return float(nlf_value(*self.arguments, x))

        def value(at: np.float32) -> np.float32:
            return np.float32(self.inner(float(at)))

        if self.order == 0:
            return float(value(x))
        if self.order == 1:
            h = np.float32(1 / 256)
            return float((value(x + h) - value(x - h)) / np.float32(1 / 128))
        h = np.float32(1 / 128)
        rise = (value(x - h) + value(x + h)) - np.float32(2) * value(x)
        return float(rise / np.float32(1 / 16384))


def _spline_knots(xs: Sequence[float], ys: Sequence[float]) -> np.ndarray:
    """Return abscissas, ordinates and second derivatives of the natural spline."""
    n = len(xs)
    x, y = (np.asarray(v, dtype=np.float32) for v in (xs, ys))
    bent, u = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    one, two, six = np.float32(1), np.float32(2), np.float32(6)
    for i in range(1, n - 1):
        width = x[i + 1] - x[i - 1]
        share = (x[i] - x[i - 1]) / width
        pivot = share * bent[i - 1] + two
        bent[i] = (share - one) / pivot
        turn = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) - (y[i] - y[i - 1]) / (x[i] - x[i - 1])
        u[i] = (six * turn / width - share * u[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        bent[i] = bent[i] * bent[i + 1] + u[i]
    return np.stack([x, y, bent])
