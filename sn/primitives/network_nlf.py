"""Transfer functions as Lisp values (sn28.md, section 4.2, C4; cases net-nlf)."""

from typing import Any

from sn.errors import LispError
from sn.net.nlf import NLF
from sn.primitives.arguments import number, numbers
from sn.primitives.network_layers import nlf_argument
from sn.primitives.registry import primitive


def _closed(name: str, kind: str, doc: str) -> Any:
    """Make the primitive of a closed form with parameters A, B, C and D."""

    def make(A: float, B: float, C: float, D: float) -> NLF:
        return NLF(kind, number(A), number(B), number(C), number(D))

    make.__doc__ = doc
    make.__code__ = make.__code__.replace(co_name=name)
    return primitive(name)(make)


nlf_f_tanh = _closed("nlf-f-tanh", "tanh", "Return A tanh(Bx) + Cx + D.")
nlf_df_tanh = _closed("nlf-df-tanh", "dtanh", "Return the derivative of A tanh(Bx) + Cx + D.")
nlf_f_lin = _closed("nlf-f-lin", "lin", "Return (AB + C) x + D.")
nlf_f_piecewise = _closed("nlf-f-piecewise", "piecewise", "Return A clip(Bx, -1, 1) + Cx + D.")
nlf_f_threshold = _closed("nlf-f-threshold", "threshold", "Return A sgn(Bx) + Cx + D.")


nlf_f_rectifier = _closed(
    "nlf-f-rect", "rectifier", "Return A max(x, 0) + Cx + D (an extension); B is not used."
)


@primitive("nlf-f-0")
def nlf_f_0() -> NLF:
    """Return the function that is always 0."""
    return NLF("zero")


@primitive("nlf-f-bell")
def nlf_f_bell() -> NLF:
    """Return the bell (1 - x²)³ between -1 and 1."""
    return NLF("bell")


@primitive("nlf-df-bell")
def nlf_df_bell() -> NLF:
    """Return the derivative of the bell."""
    return NLF("dbell")


@primitive("nlf-f-spline")
def nlf_f_spline(xs: Any, ys: Any) -> NLF:
    """Return the natural cubic spline through points."""
    return NLF.spline("spline", numbers(xs), numbers(ys))


@primitive("nlf-df-spline")
def nlf_df_spline(xs: Any, ys: Any) -> NLF:
    """Return the first derivative of the natural cubic spline through points."""
    return NLF.spline("dspline", numbers(xs), numbers(ys))


@primitive("nlf-ddf-spline")
def nlf_ddf_spline(xs: Any, ys: Any) -> NLF:
    """Return the second derivative of the natural cubic spline through points."""
    return NLF.spline("ddspline", numbers(xs), numbers(ys))


@primitive("nlf-f-lisp")
def nlf_f_lisp(function: Any) -> NLF:
    """Return a Lisp function of one number as a transfer function."""
    if not callable(function):
        raise LispError("not a function", function)
    return NLF("lisp", inner=function)


@primitive("nlf-df-all")
def nlf_df_all(function: Any) -> NLF:
    """Return the central difference of a transfer function."""
    return NLF.difference(nlf_argument(function), 1)


@primitive("nlf-ddf-all")
def nlf_ddf_all(function: Any) -> NLF:
    """Return the second central difference of a transfer function."""
    return NLF.difference(nlf_argument(function), 2)
