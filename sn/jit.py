"""The one kernel decorator and its cache.

A kernel is a plain function of arrays and scalars, written so that numba can compile it. It is
compiled at its first call, never at import: importing a package costs no numba. All kernels
live in files named ``kernels*.py``. The machine code of such a file is kept in a directory
keyed by a digest of the file and of the kernel files it imports: numba alone does not notice
that a function *called* by a cached kernel was edited; and an edit recompiles only what depends
on it.

With ``NUMBA_DISABLE_JIT=1`` kernels run as plain Python: slow, and a bad index raises.
"""

import functools
import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_lock = threading.RLock()
_import = re.compile(rb"^(?:from|import) ([\w.]*kernels\w*)", re.MULTILINE)
_told = False


def cache_directory() -> Path:
    """Return the per-user cache directory, ``$XDG_CACHE_HOME/sn`` (not created here)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sn"


@functools.cache
def kernel_files(module: str) -> tuple[Path, ...]:
    """Return the source of a module and of all kernel files it imports, directly or not.

    >>> [file.name for file in kernel_files("sn.net.kernels_links")]
    ['kernels_links.py']
    """
    found: dict[str, Path] = {}
    todo = [module]
    while todo:
        name = todo.pop()
        source = getattr(sys.modules.get(name), "__file__", None)
        if name in found or source is None:
            continue
        found[name] = Path(source)
        todo += [match.decode() for match in _import.findall(found[name].read_bytes())]
    return tuple(found[name] for name in sorted(found))


@functools.cache
def cache_key(module: str) -> str:
    """Return the key of the machine code of a module: a digest of all it was made from."""
    import numba

    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for file in (Path(__file__), *kernel_files(module)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def disabled() -> bool:
    """Tell whether ``NUMBA_DISABLE_JIT`` asks for plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


_given = "NUMBA_CACHE_DIR" in os.environ


def _prepare(module: str) -> None:
    """Point numba at the cache directory of a module."""
    global _told
    import numba

    if _given:
        return
    place = cache_directory() / "kernels" / cache_key(module)
    fresh = not place.exists()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        numba.config.CACHE_DIR = str(place)
    except OSError:
        fresh = False
    if fresh and not _told and sys.stderr.isatty():
        print("compiling kernels, once on this machine ...", file=sys.stderr)
        _told = True


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
        import numba

        # A kernel may call other kernels by name: numba must find dispatchers there.
        names = self.function.__globals__
        for name in self.function.__code__.co_names:
            if isinstance(names.get(name), Kernel):
                names[name] = names[name].compiled
        before = numba.config.CACHE_DIR
        _prepare(self.__module__)
        try:
            return numba.njit(cache=True, nogil=True, error_model="numpy", **self.options)(
                self.function
            )
        finally:
            numba.config.CACHE_DIR = before

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        return self.compiled(*arguments)


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Mark a function as a kernel: ``@kernel`` or ``@kernel(fastmath=True)``."""
    if function is not None:
        return Kernel(function, options)
    return lambda function: Kernel(function, options)


class Emitted(Kernel):
    """A kernel whose machine code is written instruction by instruction.

    For the few innermost loops that the compiler does not keep in registers. The function says
    in plain Python what it computes, and is what runs without the JIT; `emit` returns the
    typing function of a numba intrinsic of the same arguments.
    """

    def _compile(self) -> Callable[..., Any]:
        if disabled():
            return self.function
        from numba.extending import intrinsic

        return intrinsic(self.options["emit"]())

    def __call__(self, *arguments: Any) -> Any:
        """Run as plain Python: machine code of this kind exists only inside other kernels."""
        return self.function(*arguments)


def emitted(emit: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Mark a function as a kernel with hand-written code (see `Emitted`)."""
    return lambda function: Emitted(function, {"emit": emit})
