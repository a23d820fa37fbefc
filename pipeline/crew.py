"""What the processes of a batch have in common: an engine, loaded once.

Imported by the server of forks (`multiprocessing`'s *forkserver*) before it makes the first
process, with the engine's mode in the environment: every process it makes then has the engine
at once, its memory shared with the others until it is written to.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.recognition import Engine

MODE = "SN_BATCH_ENGINE"
engines: "dict[str, Engine]" = {}


def cores() -> int:
    """Return the number of processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


def gather(mode: str) -> None:
    """Load the program's own engine `mode` and warm it; errors are left to the processes."""
    import gc
    import runpy

    import cv2

    from pipeline.reader import CheckReader
    from sn.errors import SnError

    cv2.setNumThreads(1)  # threads do not survive a fork
    own = runpy._get_code_from_file
    try:
        reader = CheckReader(engine=mode, min_confidence=0.5)
        reader.warm()
    except SnError:
        return
    finally:
        runpy._get_code_from_file = own  # Hy's takes scripts without a suffix for Hy
    engines[mode] = reader.engine
    gc.collect()
    gc.freeze()  # the collector would write to every object, and shared pages would be copied


if mode := os.environ.pop(MODE, ""):
    gather(mode)
