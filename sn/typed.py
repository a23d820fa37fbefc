"""What the source written by `sn.compiler` stands on, and the modules made of it.

A module of compiled functions is a real file in the user's own cache directory, named after a
digest of its text and of the versions of Python and numba. Numba keeps machine code beside it,
except for recursions, which it cannot load again. Where that directory cannot be written, the
module lives in memory alone.
"""

import hashlib
import importlib.util
import linecache
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sn.jit import cache_directory, disabled

PREFIX = "sn_typed_"

# The beginning of every module. Without numba the helpers do in Python what C does.
HEADER = '''\
"""Made from SN by dhc-make. It may be deleted at any time."""

import math
import sys

import numpy as np

KEPT = "__file__" in globals()
HERE = __name__.removeprefix("sn_typed_")


def module(digest):
    return sys.modules["sn_typed_" + digest]


if JIT:
    from numba import njit

    from sn.jit import careful

    helper = njit(error_model="numpy", nogil=True)

    def make(function):
        return careful(njit(error_model="numpy", nogil=True, cache=KEPT)(function))

    def make_anew(function):
        return careful(helper(function))

    def fixed(bits):
        kind = {8: np.int8, 16: np.int16, 32: np.int32}[bits]
        return helper(lambda x: np.int64(kind(x)))

    def quiet(name):
        function = getattr(math, name)
        return helper(lambda x: function(x))

    _place = helper(lambda i: np.uint64(i))
    _over = helper(lambda a, b: a / b)
    _pow = helper(lambda a, b: math.pow(a, b))
    _ubyte = helper(lambda x: np.int64(x & 255))
    _read = helper(lambda x: np.int64(x))
else:

    def make(function):
        return function

    helper = make_anew = make

    def fixed(bits):
        half, mask = 1 << (bits - 1), (1 << bits) - 1
        return lambda x: ((int(x) + half) & mask) - half

    def quiet(name):
        exact = getattr(math, name)
        other = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh",
                 "acosh": "arccosh", "atanh": "arctanh"}.get(name, name)

        def function(x):
            try:
                return exact(x)
            except (ValueError, OverflowError):
                return float(getattr(np, other)(np.float64(x)))

        return function

    def _over(a, b):
        return np.divide(a, b)

    def _pow(a, b):
        return float(np.power(np.float64(a), np.float64(b)))

    def _ubyte(x):
        return int(x) & 255

    _place = _read = int

_byte, _short, _int32 = fixed(8), fixed(16), fixed(32)


@helper
def _int(x):
    return int(x) if -2147483649.0 < x < 2147483648.0 else -2147483648


@helper
def _floor(x):
    if x >= 4e18:
        return 4 * 10**18
    return int(np.floor(x)) if x >= -4e18 else -4 * 10**18


@helper
def _ceil(x):
    if x <= -4e18:
        return -4 * 10**18
    return int(np.ceil(x)) if x <= 4e18 else 4 * 10**18


@helper
def _quotient(a, b):
    if b == 0:
        raise ZeroDivisionError()
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


@helper
def _remainder(a, b):
    return a - b * _quotient(a, b)


@helper
def _bitand(a, b):
    return a & b


@helper
def _bitor(a, b):
    return a | b


@helper
def _bitxor(a, b):
    return a ^ b


@helper
def _bitshl(a, b):
    return _int32(a << (b & 31))


@helper
def _bitshr(a, b):
    return a >> (b & 31)


# The random numbers of sn.net.random; the state is the table and its two places.
@helper
def _next(state):
    state[56] = state[56] % 55 + 1
    state[57] = state[57] % 55 + 1
    return state[state[56]] - state[state[57]]


@helper
def _uniform(state):
    drawn = (_next(state) * 84589 + 45989) & 0x7FFFFFFF
    state[state[56]] = drawn
    return np.float32(drawn) * np.float32(1.0 / 2147483648.0)


@helper
def _normal(state):
    total = np.int64(0)
    drawn = np.int64(0)
    for _ in range(12):
        drawn = _next(state) & 0x7FFFFFFF
        state[state[56]] = drawn
        drawn = drawn & 0xFFFFFF
        if drawn & 0x800000:
            drawn = drawn - 0x1000000
        total += drawn
    state[state[56]] = (drawn * 84589 + 45989) & 0x7FFFFFFF
    return np.float32(total) * np.float32(1.0 / 16777216.0)


@helper
def _seed(state, seed):
    current = (161803398 - abs(int(seed))) & 0x7FFFFFFF
    state[55] = current
    following = 1
    for i in range(1, 55):
        place = 21 * i % 55
        state[place] = following
        following = (current - following) & 0x7FFFFFFF
        current = state[place]
    for _ in range(4):
        for i in range(1, 55):
            state[i] = (state[i] - state[1 + (i + 30) % 55]) & 0x7FFFFFFF
    state[56] = 0
    state[57] = 31


# The approximations of sn.quick, for one number, in either precision.
def quick(kind):
    one, limit, slope = kind(1), kind(13.0), kind(0.66666666 * 1.71593428)
    amplitude = kind(1.71593428)

    def power(c, squarings):
        last, others = kind(c[-1]), tuple(kind(x) for x in reversed(c[:-1]))

        def function(x):
            y = last
            for k in others:
                y = k + x * y
            for _ in range(squarings):
                y = y * y
            return y

        return helper(function)

    def scaled(scale):
        c = (1.0, 0.125, 0.0078125, 0.000325520833333)
        return power(tuple(x * scale**k for k, x in enumerate(c)), 4)

    plain, sigmoid = scaled(1.0), scaled(0.66666666)
    decay = power((1.0, 0.125, 0.0078125, 0.00032552083, 1.0172526e-5), 3)

    @helper
    def qtanh(x):
        size = kind(abs(x))
        if not size < limit:
            return kind(math.copysign(one, x)) if size >= limit else kind(x)
        y = plain(size)
        return kind(math.copysign((y - one) / (y + one), x))

    @helper
    def qdtanh(x):
        size = kind(abs(x))
        if not size < limit:
            return kind(0)
        y = plain(size)
        y = (y - one) / (y + one)
        return one - y * y

    @helper
    def qstdsigmoid(x):
        size = kind(abs(x))
        if not size < limit:
            return kind(math.copysign(amplitude, x)) if size >= limit else kind(x)
        y = sigmoid(size)
        return kind(math.copysign(amplitude * (y - one) / (y + one), x))

    @helper
    def qdstdsigmoid(x):
        size = kind(abs(x))
        if not size < limit:
            return kind(0)
        y = sigmoid(size)
        y = (y - one) / (y + one)
        return slope - slope * y * y

    @helper
    def qexpmx(x):
        size = kind(abs(x))
        return one / decay(size) if size < limit else kind(0)

    @helper
    def qdexpmx(x):
        return -qexpmx(x) if x < 0 else qexpmx(x)

    return qtanh, qdtanh, qstdsigmoid, qdstdsigmoid, qexpmx, qdexpmx


_qtanh, _qdtanh, _qstdsigmoid, _qdstdsigmoid, _qexpmx, _qdexpmx = quick(np.float64)
(_qtanh32, _qdtanh32, _qstdsigmoid32, _qdstdsigmoid32, _qexpmx32,
 _qdexpmx32) = quick(np.float32)


@helper
def _upcase(text):
    made = ""
    for c in text:
        made += chr(ord(c) - 32) if 97 <= ord(c) <= 122 else c
    return made


@helper
def _upcase1(text):
    return _upcase(text[:1]) + text[1:]


@helper
def _downcase(text):
    made = ""
    for c in text:
        made += chr(ord(c) + 32) if 65 <= ord(c) <= 90 else c
    return made


@helper
def _isprint(text):
    for c in text:
        if not 32 <= ord(c) <= 126:
            return False
    return len(text) > 0


@helper
def _padded(text, width, left, zeros):
    if zeros and text[:1] == "-":
        return "-" + text[1:].rjust(width - 1, "0")
    if zeros:
        return text.rjust(width, "0")
    return text.ljust(width) if left else text.rjust(width)


@helper
def _contiguous(a):
    expected = a.itemsize
    for k in range(a.ndim - 1, -1, -1):
        if a.shape[k] != 1 and a.strides[k] != expected:
            return False
        expected *= a.shape[k]
    return True


for _name in ("sqrt exp log log10 log1p expm1 sin cos tan asin acos atan sinh cosh tanh asinh "
              "acosh atanh erf erfc").split():
    globals()["_" + _name] = quiet(_name)


'''


def digest(text: str) -> str:
    """Return the name of a module: a digest of all its behaviour depends on."""
    versions = [sys.version]
    if not disabled():
        import numba

        versions.append(numba.__version__)
    whole = "\n".join([*versions, HEADER, text])
    return hashlib.sha256(whole.encode()).hexdigest()[:20]


def module(text: str) -> tuple[str, ModuleType]:
    r"""Return the digest and the module of a text written by the compiler.

    Parameters
    ----------
    text: function definitions; modules of functions they call are loaded already

    >>> module("@make\ndef twice(x):\n    return 2 * x\n")[1].twice(21)
    42
    """
    key = digest(text)
    name = PREFIX + key
    known = sys.modules.get(name)
    if known is not None:
        return key, known
    source = HEADER.replace("JIT:", f"{not disabled()}:", 1) + text
    file = _kept(key, source)
    if file is None:
        made = ModuleType(name)
        place = f"<{name}>"
        linecache.cache[place] = (len(source), None, source.splitlines(True), place)
    else:
        made = importlib.util.module_from_spec(
            importlib.util.spec_from_file_location(name, file)
        )
        place = str(file)
    sys.modules[name] = made
    try:
        with _beside():
            exec(compile(source, place, "exec"), made.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return key, made


class _beside:  # noqa: N801 - reads as a word in `with _beside()`
    """Have numba keep machine code beside the source while decorators run."""

    def __enter__(self) -> None:
        self.config: Any = None
        if not disabled() and "NUMBA_CACHE_DIR" not in os.environ:
            import numba

            self.config = numba.config
            self.old = numba.config.CACHE_DIR
            numba.config.CACHE_DIR = ""

    def __exit__(self, *_: object) -> None:
        if self.config is not None:
            self.config.CACHE_DIR = self.old


def _kept(key: str, source: str) -> Path | None:
    """Write the source to its file, if the directory is ours alone; return the file."""
    folder = cache_directory() / "typed"
    file = folder / f"{PREFIX}{key}.py"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        if state.st_uid != os.getuid() or state.st_mode & 0o077:
            return None
        if not file.exists() or file.read_text() != source:
            temporary = folder / f".{file.name}.{os.getpid()}"
            temporary.write_text(source)
            temporary.replace(file)
    except OSError:
        return None
    return file
