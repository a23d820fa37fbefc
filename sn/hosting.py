"""Loads the translator, which is written in Hy.

Hy caches its byte code as Python does. Where Python is told not to write byte code, compiling
the translator would take most of a second at every start; then its code is kept in the user's
own cache directory, under a digest of everything it depends on.
"""

import hashlib
import importlib.util
import marshal
import os
import sys
from pathlib import Path
from types import ModuleType

NAME = "sn.translator"


def translator() -> ModuleType:
    """Return the module `sn.translator`."""
    known = sys.modules.get(NAME)
    if known is not None:
        return known
    import hy

    spec = importlib.util.find_spec(NAME)
    if not sys.dont_write_bytecode or Path(spec.cached or "").exists():
        return importlib.import_module(NAME)
    source = Path(spec.origin).read_bytes()
    key = hashlib.sha256(b"%r %r" % (sys.version.encode(), hy.__version__.encode()) + source)
    module = importlib.util.module_from_spec(spec)
    code = _kept(f"{key.hexdigest()[:32]}.code")
    if code is None:
        code = spec.loader.get_code(NAME)
        _keep(f"{key.hexdigest()[:32]}.code", code)
    sys.modules[NAME] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[NAME]
        raise
    return module


def _folder() -> Path:
    from sn.jit import cache_directory

    return cache_directory() / "translator"


def _kept(name: str) -> object | None:
    """Return code that was kept, if the directory is nobody else's."""
    folder = _folder()
    try:
        state = folder.stat()
        if state.st_uid != os.getuid() or state.st_mode & 0o022:
            return None
        return marshal.loads((folder / name).read_bytes())
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _keep(name: str, code: object) -> None:
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_bytes(marshal.dumps(code))
        temporary.replace(folder / name)
    except OSError:
        pass
