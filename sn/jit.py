"""The one kernel decorator and its cache.

A kernel is a plain function of arrays and scalars, written so that numba can compile it. It is
compiled at its first call, never at import: importing a package costs no numba. All kernels
live in files named ``kernels*.py``. The machine code of such a file is kept in a directory
keyed by a digest of the file and of the kernel files it imports: numba alone does not notice
that a function *called* by a cached kernel was edited; and an edit recompiles only what depends
on it. Copies of the project share what is compiled.

With ``NUMBA_DISABLE_JIT=1`` kernels run as plain Python: slow, and a bad index raises.
"""

import functools
import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType
from typing import Any

_lock = threading.RLock()
_import = re.compile(rb"^(?:from|import) ([\w.]*kernels\w*)", re.MULTILINE)
_told = False
_OPTIONS = {"nogil": True, "error_model": "numpy"}


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


class Place:
    """Where numba keeps the machine code of a kernel file, whatever path the file has."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.key = cache_key(function.__module__)
        self.folder = cache_directory() / "kernels" / self.key
        self.line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "Place":
        """Return the place of a function (called by numba, as are the methods below)."""
        return cls(function)

    def ensure_cache_path(self) -> None:
        """Make the folder. OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self.folder)

    def get_source_stamp(self) -> str:
        """Return what changes with the source."""
        return self.key

    def get_disambiguator(self) -> str:
        """Return what tells functions of one name apart."""
        return str(self.line)


@contextmanager
def _kept(function: Callable[..., Any]) -> Iterator[None]:
    """Let numba keep the machine code of a function in its `Place`, if one can write there."""
    global _told
    import numba

    before = numba.config.CACHE_LOCATOR_CLASSES
    if not _given:
        place = Place(function)
        fresh = not place.folder.exists()
        with suppress(OSError):
            place.ensure_cache_path()
            numba.config.CACHE_LOCATOR_CLASSES = f"{__name__}.{Place.__name__}"
            if fresh and not _told and sys.stderr.isatty():
                print("compiling kernels, once on this machine ...", file=sys.stderr)
                _told = True
    try:
        yield
    finally:
        numba.config.CACHE_LOCATOR_CLASSES = before


def is_kept(module: str) -> bool:
    """Tell whether machine code of an imported kernel file is kept, or that it cannot be."""
    if _given:
        return True
    folder = cache_directory() / "kernels" / cache_key(module)
    with suppress(OSError):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.exists() or not os.access(folder.parent, os.W_OK)
    return True


_PAUSE = 0.05  # seconds between two occasions to interrupt who waits for the compiler
_here = threading.local()


def undisturbed(work: Callable[[], Any]) -> Any:
    """Return what work returns; an interruption ends the waiting for it, not the work.

    numba never recovers from a compilation that was broken off. In the main thread, where an
    interruption ends the program, nothing is waited for.
    """
    if threading.current_thread() is threading.main_thread() or hasattr(_here, "works"):
        return work()
    result: list[Any] = [None, None]
    ended = threading.Event()

    def run() -> None:
        _here.works = True
        try:
            result[0] = work()
        except BaseException as error:
            result[1] = error
        ended.set()

    from sn.bigstack import start_big

    start_big(threading.Thread(target=run))
    while not ended.wait(_PAUSE):
        pass
    if result[1] is not None:
        raise result[1]
    return result[0]


def careful(dispatcher: Any) -> Any:
    """Return a numba dispatcher whose compilations are not disturbed."""
    dispatcher._compile_for_args = functools.partial(_compiled_for, dispatcher)
    return dispatcher


def _compiled_for(dispatcher: Any, *arguments: Any, **named: Any) -> Any:
    compiled_for = type(dispatcher)._compile_for_args
    return undisturbed(lambda: compiled_for(dispatcher, *arguments, **named))


class Kernel:
    """A function that becomes machine code at its first call.

    Called by another kernel it becomes a part of that one: it is neither kept in the cache nor
    given an entrance for Python, which takes longer to compile than most kernels. With `entry`
    it is compiled once, with an entrance, for both.
    """

    def __init__(
        self, function: Callable[..., Any], options: dict[str, Any], entry: bool = False
    ) -> None:
        self.function = function
        self.options = options
        self.entry = entry
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self._compiled: Callable[..., Any] | None = None
        self._part: Callable[..., Any] | None = None

    @property
    def compiled(self) -> Callable[..., Any]:
        """Return the numba dispatcher (or the plain function when the JIT is off)."""
        if self._compiled is None:
            undisturbed(self._make)
        return self._compiled

    def _make(self) -> None:
        with _lock:
            if self._compiled is None:
                self._compiled = self._compile()

    @property
    def part(self) -> Callable[..., Any]:
        """Return what other kernels call."""
        if self.entry:
            return self.compiled
        if self._part is None:
            import numba

            bare = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
            options = _OPTIONS | self.options | bare
            self._part = numba.njit(**options)(self._linked())
        return self._part

    def _compile(self) -> Callable[..., Any]:
        if disabled():
            return self.function
        import numba

        with _kept(self.function):
            make = numba.njit(cache=True, **_OPTIONS, **self.options)
            return careful(make(self._linked()))

    def _linked(self) -> Callable[..., Any]:
        """Return the function with the kernels it calls by name as numba can call them."""
        function = self.function
        names = function.__globals__.copy()
        for name in function.__code__.co_names:
            if isinstance(names.get(name), Kernel):
                names[name] = names[name].part
        linked = FunctionType(function.__code__, names, function.__name__)
        linked.__module__, linked.__qualname__ = function.__module__, function.__qualname__
        return linked

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        return self.compiled(*arguments)


def kernel(
    function: Callable[..., Any] | None = None, *, entry: bool = False, **options: Any
) -> Any:
    """Mark a function as a kernel: ``@kernel`` or ``@kernel(fastmath=True)`` (see `Kernel`)."""
    if function is not None:
        return Kernel(function, {})
    return lambda function: Kernel(function, options, entry)


class Emitted(Kernel):
    """A kernel whose machine code is written instruction by instruction.

    For the few innermost loops that the compiler does not keep in registers. The function says
    in plain Python what it computes, and is what runs without the JIT; `emit` returns the
    typing function of a numba intrinsic of the same arguments.
    """

    @property
    def part(self) -> Callable[..., Any]:
        """Return the intrinsic."""
        if self._part is None:
            from numba.extending import intrinsic

            self._part = intrinsic(self.options["emit"]())
        return self._part

    def __call__(self, *arguments: Any) -> Any:
        """Run as plain Python: machine code of this kind exists only inside other kernels."""
        return self.function(*arguments)


def emitted(emit: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Mark a function as a kernel with hand-written code (see `Emitted`)."""
    return lambda function: Emitted(function, {"emit": emit})
