"""Matrices in files: SN's and IDX, bare elements, text."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sn import idxfile
from sn.errors import LispError
from sn.matrix import Matrix
from sn.primitives.arguments import integer, string
from sn.primitives.matrices import matrix
from sn.primitives.matrix_operations import idx_copy
from sn.primitives.registry import primitive, special
from sn.streams import FileInput
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


def read_data(interpreter: "Interpreter", name: Any, suffix: str = "mat") -> bytes:
    """Return the bytes of a file found on the search path, or the rest of an open one."""
    if isinstance(name, FileInput):
        while name.more():
            pass
        rest, name.at = name.text[name.at :], len(name.text)
        return rest.encode("latin-1")
    path = interpreter.data_path(string(name), suffix)
    return path.read_bytes()


def write_data(interpreter: "Interpreter", target: Any, suffix: str, data: bytes) -> None:
    """Write a file, or to an open one."""
    output = getattr(target, "target", None)
    if output is not None and not isinstance(target, str):
        target.write(data.decode("latin-1"))
        return
    interpreter.write_file(string(target), suffix, data)


@primitive("save-matrix", interpreter=True)
def save_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write a matrix file."""
    write_data(interpreter, name, "mat", idxfile.save(matrix(value)))
    return name


@primitive("save-ascii-matrix", interpreter=True)
def save_ascii_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write an ASCII matrix file."""
    write_data(interpreter, name, "mat", idxfile.save_ascii(matrix(value)).encode("latin-1"))
    return name


@special("load-matrix", "map-matrix", pattern="q?e")
def load_matrix(interpreter: "Interpreter", name: Any, file: Any = None) -> Any:
    """Read a matrix file: (load-matrix file), or (load-matrix variable file)."""
    symbol = name if name.__class__ is Symbol and file is not None else None
    if symbol is None:
        file = interpreter.evaluate(name)
    result = idxfile.load(read_data(interpreter, file))
    if symbol is not None:
        symbol.declared = True
        symbol.value = result
    return result


@primitive("export-raw-matrix", interpreter=True)
def export_raw_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write the elements alone."""
    write_data(interpreter, name, "", np.ascontiguousarray(matrix(value).array).tobytes())
    return name


@primitive("export-text-matrix", interpreter=True)
def export_text_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Write the elements as text, one a line."""
    write_data(interpreter, name, "", idxfile.export_text(matrix(value)).encode("latin-1"))
    return name


@primitive("import-raw-matrix", interpreter=True)
def import_raw_matrix(
    interpreter: "Interpreter", value: Any, name: Any, offset: Any = 0.0
) -> Any:
    """Read elements alone into a matrix, from an offset in bytes on."""
    array = matrix(value).array
    data = read_data(interpreter, name, "")[integer(offset) :]
    if len(data) < array.nbytes:
        raise LispError("file is too short")
    array[...] = np.frombuffer(data, array.dtype, array.size).reshape(array.shape)
    return value


@primitive("import-text-matrix", interpreter=True)
def import_text_matrix(interpreter: "Interpreter", value: Any, name: Any) -> Any:
    """Read numbers in text into a matrix."""
    array = matrix(value).array
    words = re.findall(r"\S+", read_data(interpreter, name, "").decode("latin-1"))[: array.size]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise LispError("Cannot read a number") from None
    if len(numbers) < array.size:
        raise LispError("Cannot read a number")
    value.assign(np.array(numbers))
    return value


@primitive("load-matrix-into", interpreter=True)
def load_matrix_into(interpreter: "Interpreter", name: Any, target: Any) -> Matrix:
    """Read a matrix file into a matrix of the same dimensions."""
    return idx_copy(idxfile.load(read_data(interpreter, name)), target)
