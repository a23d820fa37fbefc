"""Engines that are ready before the first reading: compiled, and loaded once for a batch.

Building the networks takes about as long as compiling what reads graphs. Where nothing is kept
yet, this process compiles the cuts, builds the networks and compiles what runs them once; a
second one compiles graphs, and then what runs a network for many images side by side.

The server of forks (`multiprocessing`'s *forkserver*) imports this module before it makes the
first process, with the engine's mode in the environment: every process it makes then has the
engine at once, its memory shared with the others until it is written to.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

MODE = "SN_BATCH_ENGINE"
if os.environ.get(MODE):  # the server of forks: Control-C ends it, and without a word
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

import numpy as np  # noqa: E402

from lenet import kept  # noqa: E402
from pipeline.normalization import normalize  # noqa: E402
from pipeline.segmentation import segment  # noqa: E402

if TYPE_CHECKING:
    from pipeline.recognition import Engine

NOT_NEEDED = 4  # MADV_DONTNEED of Linux
engines: "dict[str, Engine]" = {}


def cores() -> int:
    """Return the number of processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


def line() -> np.ndarray:
    """Return a line uint8 (64, 324) on which everything that reads has something to do.

    Ten eights of straight bars, some of them joined: more candidates than a network looks at
    side by side, and something to cut.
    """
    paper = np.full((64, 324), 255, np.uint8)
    for k, left in enumerate(range(12, 312, 30)):
        for x in (left, left + 18):
            paper[12:52, x : x + 4] = 0
        for y in (12, 30, 48):
            paper[y : y + 4, left : left + 22] = 0
        if k % 3 == 1:
            paper[48:52, left : left + 31] = 0
    return paper


def warmed(load: "Callable[[], Engine]") -> "Engine":
    """Return the engine that `load` loads, its kernels compiled or found compiled."""
    other = _other_process()
    collecting = gc.isenabled()
    try:
        if other is not None:
            gc.disable()  # the collector looks in vain through what the compiler holds
            segment(normalize(line()).ink)
        engine = load()
        if other is not None:
            if engine.recognizer is not None:
                engine.recognizer.fprop(np.zeros((1, 32, 32), np.float32))
            if engine.strips is not None:
                engine.strips.looks(np.zeros((32, 160), np.float32))
            other.wait()  # what it has left, by dying, is compiled here
    finally:
        if collecting:
            gc.enable()
        if other is not None:
            other.kill()
            other.wait()
    engine.decode(line(), "digits")
    kept.trim()  # what building and compiling leave behind: 100 MB on a fresh machine
    return engine


def _other_process() -> "subprocess.Popen[bytes] | None":
    """Start what compiles the one half; None where it is kept, or a process gains nothing."""
    from sn import jit

    if cores() < 2 or not sys.executable or jit.disabled():
        return None
    if any(_halves_kept()):
        return None
    root = str(Path(__file__).parents[1])
    program = f"import sys; sys.path.insert(0, {root!r}); import {__name__} as w; w.half()"
    none = subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", program], stdin=none, stdout=none, stderr=none
        )
    except OSError:
        return None


def _halves_kept() -> tuple[bool, bool]:
    """Tell of what reads graphs and of what runs networks whether its machine code is kept."""
    import gtn.kernels_compose
    import sn.net.kernels_program
    from sn import jit

    halves = gtn.kernels_compose, sn.net.kernels_program
    return jit.is_kept(halves[0].__name__), jit.is_kept(halves[1].__name__)


def half() -> None:
    """Compile the half of the second process: graphs first, what others compile meanwhile last.

    What is read is read by networks that say eight whatever they see.
    """
    from pipeline.recognition import Engine
    from pipeline.views import whole_view
    from sn.net.lanes import LANES

    gc.disable()
    whole_view(Eights().looks(np.zeros((32, 160))), "digits")
    Engine(Eights(), strips=Eights()).decode(line(), "digits")
    Engine.load("hos").recognizer.fprop(np.zeros((LANES, 32, 32), np.float32))


class Eights:
    """A recognizer and a reader of strips that know one digit."""

    def fprop(self, images: np.ndarray) -> np.ndarray:
        """Return penalties (n, classes): an eight, or with less conviction a three."""
        from pipeline.recognition import RUBBISH

        penalties = np.full((len(images), RUBBISH + 1), 20.0)
        penalties[:, 8], penalties[:, 3] = 0.1, 3.0
        return penalties

    def under(self, text: str) -> "Eights":
        """Return what reads the lines of a grammar: this one."""
        return self

    def looks(self, strip: np.ndarray) -> list[np.ndarray]:
        """Return the penalties of one look, nothing at most places, in a list."""
        penalties = self.fprop(strip[0, ::2])
        penalties[np.arange(len(penalties)) % 8 > 0, :-1] += 20.0
        penalties[:, -1] = 10.0
        return [penalties]


def ready(mode: str) -> bool:
    """Tell whether kernels and networks are kept from an earlier start."""
    from lenet.networks import NETS
    from pipeline.confidence import NETWORKS
    from sn import jit

    if jit.disabled():
        return True
    modes = NETWORKS if mode == "both" else [mode]
    scripts = [NETS / f"{name}.sn" for m in modes for name in NETWORKS[m]]
    return all(_halves_kept()) and all(kept.place_of(s).is_file() for s in scripts)


def apart(work: Callable[[], object]) -> None:
    """Do something in a process of its own, which takes with it the memory it needed."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        work()
    finally:
        os._exit(0)


def put_away(library: str) -> None:
    """Let go of the code of a library that has done its work; called again, it is read anew."""
    with suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if library in line and rights == "r-xp":  # what nobody wrote to
                first, last = (int(end, 16) for end in place.split("-"))
                advise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), NOT_NEEDED)


def gather(mode: str) -> None:
    """Load the program's own engine `mode` and warm it; errors are left to the processes."""
    import runpy

    import cv2

    from pipeline import codeline, parts  # noqa: F401  (codeline: loaded once for all copies)
    from pipeline.reader import CheckReader
    from sn.errors import SnError

    def load() -> None:
        reader.warm()
        parts.money_marks()

    cv2.setNumThreads(1)  # threads do not survive a fork
    own = runpy._get_code_from_file
    try:
        reader = CheckReader(engine=mode, min_confidence=0.5)
        if not ready(mode):
            apart(load)
        load()
    except SnError:
        return
    finally:
        runpy._get_code_from_file = own  # Hy's takes scripts without a suffix for Hy
    engines[mode] = reader.engine
    gc.collect()
    gc.freeze()  # the collector would write to every object, and shared pages would be copied
    put_away("libllvmlite")


if mode := os.environ.pop(MODE, ""):
    gather(mode)
