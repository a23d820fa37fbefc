"""The one kernel decorator and its cache.

A kernel is a plain function of arrays and scalars, written so that numba can compile it. It is
compiled at its first call, never at import: importing a package costs no numba. All kernels
live in files named ``kernels*.py``, because the cache directory is keyed by a digest of exactly
those files: numba alone does not notice that a function *called* by a cached kernel was edited.

With ``NUMBA_DISABLE_JIT=1`` kernels run as plain Python: slow, and a bad index raises.
"""

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("sn", "lenet", "gtn", "pipeline")

_lock = threading.RLock()
_ready = False


def cache_directory() -> Path:
    """Return the per-user cache directory, ``$XDG_CACHE_HOME/sn`` (not created here)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sn"


def kernel_files() -> list[Path]:
    """Return the sources of all kernels, sorted; their digest keys the cache."""
    root = Path(__file__).resolve().parent.parent
    return sorted(f for package in PACKAGES for f in (root / package).rglob("kernels*.py"))


def disabled() -> bool:
    """Tell whether ``NUMBA_DISABLE_JIT`` asks for plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _prepare() -> None:
    """Point numba at a cache directory that belongs to exactly these kernel sources."""
    global _ready
    if _ready:
        return
    import numba

    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for file in [Path(__file__), *kernel_files()]:
        digest.update(file.read_bytes())
    place = cache_directory() / "kernels" / digest.hexdigest()[:16]
    if "NUMBA_CACHE_DIR" not in os.environ:
        fresh = not place.exists()
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            numba.config.CACHE_DIR = str(place)
        except OSError:
            fresh = False
        if fresh and sys.stderr.isatty():
            print("compiling kernels, once on this machine ...", file=sys.stderr)
    _ready = True


class Kernel:
    """A function that becomes machine code at its first call."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.function = function
        self.options = options
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self._compiled: Callable[..., Any] | None = None

    @property
    def compiled(self) -> Callable[..., Any]:
        """Return the numba dispatcher (or the plain function when the JIT is off)."""
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    self._compiled = self._compile()
        return self._compiled

    def _compile(self) -> Callable[..., Any]:
        if disabled():
            return self.function
        _prepare()
        import numba

        # A kernel may call other kernels by name: numba must find dispatchers there.
        names = self.function.__globals__
        for name in self.function.__code__.co_names:
            if isinstance(names.get(name), Kernel):
                names[name] = names[name].compiled
        return numba.njit(cache=True, nogil=True, error_model="numpy", **self.options)(
            self.function
        )

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        return self.compiled(*arguments)


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Mark a function as a kernel: ``@kernel`` or ``@kernel(fastmath=True)``."""
    if function is not None:
        return Kernel(function, options)
    return lambda function: Kernel(function, options)
