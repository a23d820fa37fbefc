"""The fast approximations SN used where an exponential was too slow.

``exp(t)`` is a Taylor polynomial of t/16 (or t/8) raised to the power 16 (8) by squaring. The
same formulas serve numbers in double precision and matrices in single precision: they are
written for arrays of either type, and beyond 13 they saturate.

>>> round(float(qtanh(np.array(0.5))), 9), float(qstdsigmoid(np.array(20.0)))
(0.462113352, 1.71593428)
"""

import numpy as np

Array = np.ndarray
LIMIT = 13.0
GAIN = 0.66666666
AMPLITUDE = 1.71593428
CUBIC = (1.0, 0.125, 0.0078125, 0.000325520833333)
QUARTIC = (1.0, 0.125, 0.0078125, 0.00032552083, 1.0172526e-5)


def _powered(x: Array, coefficients: tuple[float, ...], squarings: int) -> Array:
    """Return the polynomial of x, squared again and again, in the precision of x."""
    kind = x.dtype.type
    y = np.full_like(x, kind(coefficients[-1]))
    for c in reversed(coefficients[:-1]):
        y = kind(c) + x * y
    for _ in range(squarings):
        y = y * y
    return y


def _ratio(x: Array, scale: float) -> Array:
    """Return the approximation of tanh(scale * |x|)."""
    size = np.minimum(np.abs(x), x.dtype.type(LIMIT))
    y = _powered(size, tuple(c * scale**k for k, c in enumerate(CUBIC)), 4)
    return (y - 1) / (y + 1)


def _saturated(x: Array, inside: Array, outside: float) -> Array:
    return np.where(np.abs(x) < LIMIT, inside, x.dtype.type(outside)).astype(x.dtype)


def qtanh(x: Array) -> Array:
    """Approximate tanh(x)."""
    return np.copysign(_saturated(x, _ratio(x, 1.0), 1.0), x)


def qdtanh(x: Array) -> Array:
    """Approximate the derivative of tanh at x."""
    y = _ratio(x, 1.0)
    return _saturated(x, 1 - y * y, 0.0)


def qstdsigmoid(x: Array) -> Array:
    """Approximate 1.7159 tanh(2x/3)."""
    kind = x.dtype.type
    size = np.minimum(np.abs(x), kind(LIMIT))
    y = _powered(size, tuple(c * GAIN**k for k, c in enumerate(CUBIC)), 4)
    inside = kind(AMPLITUDE) * (y - 1) / (y + 1)
    return np.copysign(_saturated(x, inside, AMPLITUDE), x)


def qdstdsigmoid(x: Array) -> Array:
    """Approximate the derivative of `qstdsigmoid` at x."""
    kind = x.dtype.type
    y = _ratio(x, GAIN)
    slope = kind(GAIN * AMPLITUDE)
    return _saturated(x, slope - slope * y * y, 0.0)


def qexpmx(x: Array) -> Array:
    """Approximate exp(-|x|)."""
    size = np.minimum(np.abs(x), x.dtype.type(LIMIT))
    return _saturated(x, 1 / _powered(size, QUARTIC, 3), 0.0)


def qdexpmx(x: Array) -> Array:
    """Approximate exp(-|x|) with the sign of x, as the original does."""
    return np.where(x < 0, -qexpmx(x), qexpmx(x)).astype(x.dtype)


def qexpmx2(x: Array) -> Array:
    """Approximate exp(-x²)."""
    return qexpmx(x * x)


def qdexpmx2(x: Array) -> Array:
    """Return 2x exp(-x²), as the original does."""
    return 2 * x * qexpmx(x * x)


FUNCTIONS = {
    "qtanh": qtanh,
    "qdtanh": qdtanh,
    "qstdsigmoid": qstdsigmoid,
    "qdstdsigmoid": qdstdsigmoid,
    "qexpmx": qexpmx,
    "qdexpmx": qdexpmx,
    "qexpmx2": qexpmx2,
    "qdexpmx2": qdexpmx2,
}
