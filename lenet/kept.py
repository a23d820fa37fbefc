"""What the scripts that come with the program built, kept for the next process.

To run a script and to find the regular blocks among its millions of links takes seconds and
hundreds of megabytes; what comes of it is small and the same every time. It is kept beside the
machine code of kernels (`sn.jit`), under a digest of everything it was made from: scripts,
simulator and this package. A file that is damaged is made again.

Like machine code, what is kept is trusted: it is pickled, in a folder that nobody but the user
may write to.
"""

import ctypes
import functools
import hashlib
import os
import pickle
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import sn
from sn.jit import cache_directory

PLACES = (Path(sn.__file__).parent, Path(__file__).parent)
SOURCES = {".py", ".hy", ".sn"}
MOST = 6  # of one network that are kept, the newest: copies of the project share the folder
DIGEST = hashlib.sha256().digest_size


@functools.cache
def key() -> str:
    """Return a digest of all that decides what a script builds."""
    digest = hashlib.sha256(f"{np.__version__} {sys.version}".encode())
    for place in PLACES:
        for file in sorted(f for f in place.rglob("*") if f.suffix in SOURCES):
            digest.update(f"{file.relative_to(place)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def place_of(script: Path) -> Path:
    """Return the file in which is kept what a script built."""
    return cache_directory() / "networks" / f"{script.stem}-{key()}.pickle"


def recall(script: Path) -> Any:
    """Return what was kept of a script, None without."""
    place = place_of(script)
    with suppress(OSError):
        folder = place.parent.stat()
        mine = not hasattr(os, "geteuid") or folder.st_uid == os.geteuid()
        if not mine or folder.st_mode & 0o022:
            return None
        data = place.read_bytes()
        if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST]:
            return pickle.loads(data[DIGEST:])
    return None


def keep(script: Path, built: object) -> None:
    """Keep what a script built, where one can write; all at once, for others may read it."""
    data = pickle.dumps(built, pickle.HIGHEST_PROTOCOL)
    place = place_of(script)
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        Path(name).replace(place)
        found = place.parent.glob(f"{script.stem}-{'?' * len(key())}.pickle")
        for old in sorted(found, key=lambda f: f.stat().st_mtime)[:-MOST]:
            old.unlink()


def trim() -> None:
    """Give memory that is free back to the system, where the C library can."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
