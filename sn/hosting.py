"""Loads the packages written in Hy, and sees that they are compiled once.

Hy keeps byte code beside the source, as Python does. Where Python may not write there - it was
told so, or the program was installed by somebody else - compiling would take a second or more
at every start; then the byte code is kept in the user's own cache directory.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType


def hy_package(name: str) -> ModuleType:
    """Return a package whose modules are written in Hy."""
    known = sys.modules.get(name)
    if known is not None:
        return known
    import hy

    folder = Path(importlib.util.find_spec(name).origin).parent
    if _kept_beside(folder):
        return importlib.import_module(name)
    place = _own_folder()
    if place is None:
        return importlib.import_module(name)
    before = sys.dont_write_bytecode, sys.pycache_prefix
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(place / f"hy-{hy.__version__}")
    try:
        return importlib.import_module(name)
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = before


def _kept_beside(folder: Path) -> bool:
    """Tell whether byte code is beside the source, or will be."""
    source = next(folder.glob("*.hy"))
    kept = Path(importlib.util.cache_from_source(str(source)))
    if kept.exists():
        return True
    where = kept.parent if kept.parent.exists() else folder
    return not sys.dont_write_bytecode and os.access(where, os.W_OK)


def _own_folder() -> Path | None:
    """Return a directory nobody else can write to, or None."""
    from sn.jit import cache_directory

    folder = cache_directory() / "hy"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
    except OSError:
        return None
    mine = not hasattr(os, "getuid") or state.st_uid == os.getuid()
    return folder if mine and not state.st_mode & 0o022 else None
