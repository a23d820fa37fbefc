"""Names of files, folders, and the system around."""

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items
from sn.errors import LispError
from sn.fileaccess import LIBRARY, SUFFIXES, latin
from sn.primitives.arguments import string
from sn.primitives.registry import primitive
from sn.symbols import T, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

# ---- names


def _absolute(name: str) -> str:
    path = posixpath.normpath(posixpath.join(latin(Path.cwd()), name))
    return path[1:] if path.startswith("//") else path


@primitive("concat-fname")
def concat_fname(folder: str, name: Any = None) -> str:
    """Return the absolute name of a file in a folder."""
    if name is None:
        return _absolute(string(folder))
    return _absolute(posixpath.join(string(folder), string(name)))


@primitive("basename")
def basename(name: str, suffix: Any = None) -> str:
    """Return a file name without its folder, and without a suffix."""
    result = string(name).rsplit("/", 1)[-1]
    ending = string(suffix).removeprefix(".") if suffix is not None else ""
    if ending and result.endswith("." + ending) and len(result) > len(ending) + 1:
        result = result[: -len(ending) - 1]
    return result


@primitive("dirname")
def dirname(name: str) -> str:
    """Return the folder of a file name."""
    name = string(name)
    text = name.rstrip("/") if len(name) > 1 else name
    folder, slash, _ = text.rpartition("/")
    if not slash:
        return text if name.startswith("/") else "."
    return folder or "/"


@primitive("relative-fname")
def relative_fname(folder: str, name: str) -> Any:
    """Return a file name relative to a folder, () when it is not in it."""
    base, path = _absolute(string(folder)), _absolute(string(name))
    if path == base:
        return "."
    return path[len(base) + 1 :] if path.startswith(base.rstrip("/") + "/") else None


def _suffix_start(name: str) -> int:
    """Return where the suffixes of a file name begin, or the end."""
    start = name.rfind("/") + 1
    dot = name.find(".", start + 1)
    return dot if dot >= 0 else len(name)


@primitive("filename-get-suffixes")
def filename_get_suffixes(name: str) -> Any:
    """Return all suffixes of a file name."""
    return string(name)[_suffix_start(name) + 1 :] or None


@primitive("filename-chop-suffixes")
def filename_chop_suffixes(name: str) -> str:
    """Return a file name without its suffixes."""
    return string(name)[: _suffix_start(name)]


@primitive("filename-get-suffix")
def filename_get_suffix(name: str) -> Any:
    """Return the last suffix of a file name."""
    rest = string(name)[_suffix_start(name) :]
    return rest.rpartition(".")[2] or None


@primitive("filename-chop-suffix")
def filename_chop_suffix(name: str) -> str:
    """Return a file name without its last suffix."""
    start = _suffix_start(string(name))
    dot = name.rfind(".")
    return name[:dot] if dot >= start else name


@primitive("filepath", interpreter=True)
def filepath(interpreter: "Interpreter", name: str, suffixes: Any = None) -> Any:
    """Return the absolute name of a file found on the search path, or ()."""
    endings = SUFFIXES
    if suffixes is not None:
        endings = tuple(
            "." + part.removeprefix(".") if part else "" for part in string(suffixes).split("|")
        )
    path = interpreter.search(string(name), endings)
    return None if path is None else latin(path.resolve())


# ---- the file system


@primitive("filep", interpreter=True)
def filep(interpreter: "Interpreter", name: str) -> Any:
    """Tell whether a file is there."""
    return truth(interpreter.readable_path(interpreter.check_name(string(name))).is_file())


@primitive("dirp", interpreter=True)
def dirp(interpreter: "Interpreter", name: str) -> Any:
    """Tell whether a folder is there."""
    return truth(interpreter.readable_path(interpreter.check_name(string(name))).is_dir())


@primitive("files", interpreter=True)
def files(interpreter: "Interpreter", name: str = ".") -> Any:
    """Return the names of what is in a folder."""
    path = interpreter.readable_path(interpreter.check_name(string(name)))
    return from_items(sorted([".", "..", *(latin(entry.name) for entry in path.iterdir())]))


@primitive("mkdir", interpreter=True)
def mkdir(interpreter: "Interpreter", name: str) -> Any:
    """Make a folder."""
    interpreter.writable_path(interpreter.check_name(string(name))).mkdir()
    return T


@primitive("unlink", interpreter=True)
def unlink(interpreter: "Interpreter", name: str) -> Any:
    """Remove a file, or an empty folder."""
    path = interpreter.writable_path(interpreter.check_name(string(name)))
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    return T


@primitive("rename", interpreter=True)
def rename(interpreter: "Interpreter", old: str, new: str) -> Any:
    """Give a file another name."""
    source = interpreter.writable_path(interpreter.check_name(string(old)))
    source.rename(interpreter.writable_path(interpreter.check_name(string(new))))
    return T


@primitive("copyfile", interpreter=True)
def copyfile(interpreter: "Interpreter", source: str, target: str) -> Any:
    """Copy a file."""
    interpreter.flush_files()
    data = interpreter.readable_path(interpreter.check_name(string(source))).read_bytes()
    interpreter.writable_path(interpreter.check_name(string(target))).write_bytes(data)
    return T


@primitive("chdir", interpreter=True)
def chdir(interpreter: "Interpreter", name: Any = None) -> str:
    """Change the current folder; return it."""
    if name is not None:
        interpreter.trust("chdir")
        os.chdir(interpreter.check_name(string(name)))
    return latin(Path.cwd())


@primitive("getcwd")
def getcwd() -> str:
    """Return the current folder."""
    return latin(Path.cwd())


@primitive("tmpname", interpreter=True)
def tmpname(interpreter: "Interpreter", folder: str = "/tmp", suffix: Any = None) -> str:
    """Return the name of a new empty file."""
    import tempfile

    place = interpreter.writable_path(interpreter.check_name(string(folder)))
    ending = "" if suffix is None else "." + string(suffix)
    handle, name = tempfile.mkstemp(ending, "sn.", place)
    os.close(handle)
    return latin(name)


@primitive("lushdir-path", interpreter=True)
def lushdir(interpreter: "Interpreter") -> str:
    """Return the folder of the library."""
    return latin(LIBRARY)


@primitive("sys", "bground", interpreter=True)
def sys_command(interpreter: "Interpreter", command: str) -> None:
    """Refuse to run a command: programs of 1990 need none, and others must not."""
    raise LispError("commands of the system are not run")


@primitive("getenv", interpreter=True)
def getenv(interpreter: "Interpreter", name: str) -> Any:
    """Return an environment variable."""
    interpreter.trust("getenv")
    return os.environ.get(string(name))


@primitive("fileinfo", interpreter=True)
def fileinfo(interpreter: "Interpreter", name: str) -> Any:
    """Return type, size and times of a file as an association list, () if it is not there."""
    from datetime import datetime

    from sn.primitives.system import Date

    path = interpreter.readable_path(interpreter.check_name(string(name)))
    if not path.exists():
        return None
    state, intern = path.stat(), interpreter.intern

    def moment(seconds: float) -> Date:
        return Date(datetime.fromtimestamp(int(seconds)))

    return from_items(
        [
            Cons(intern("type"), intern("dir" if path.is_dir() else "reg")),
            Cons(intern("size"), float(state.st_size)),
            Cons(intern("mode"), float(state.st_mode)),
            Cons(intern("atime"), moment(state.st_atime)),
            Cons(intern("mtime"), moment(state.st_mtime)),
            Cons(intern("ctime"), moment(state.st_ctime)),
        ]
    )


def may_be_written(interpreter: "Interpreter", name: str) -> Any:
    """Tell whether a file may be written."""
    path = interpreter.readable_path(interpreter.check_name(string(name)))
    return truth(os.access(path, os.W_OK))
