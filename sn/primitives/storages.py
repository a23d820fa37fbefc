"""Storages, and matrices looked at through them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import items
from sn.errors import LispError
from sn.matrix import DTYPES, MOST_DIMENSIONS, NAMES, Matrix
from sn.primitives.arguments import integer
from sn.primitives.matrices import matrix
from sn.primitives.matrix_files import read_data, write_data
from sn.primitives.registry import primitive
from sn.storage import Storage, layout, look, root, storage_of
from sn.symbols import T, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

OLD_NAMES = {
    "d": "new-d-storage",
    "f": "new-f-storage",
    "i": "new-i32-storage",
    "s": "new-i16-storage",
    "b": "new-i8-storage",
    "u": "new-u8-storage",
    "p": "new-p-storage",
    "a": "new-at-storage",
}


def storage(value: Any) -> Storage:
    """Check that an argument is a storage."""
    if value.__class__ is not Storage:
        raise LispError("not a storage", value)
    return value


def _creator(letter: str, name: str) -> None:
    def create(size: Any = None) -> Storage:
        made = Storage(letter)
        if size is not None:
            made.allocate(integer(size))
        return made

    create.__doc__ = f"Return a new storage of type {letter}, without elements or with so many."
    create.__code__ = create.__code__.replace(co_name=name)
    primitive(name, OLD_NAMES[letter])(create)


for _letter, _name in NAMES.items():
    _creator(_letter, _name.replace("matrix", "storage"))


@primitive("storagep")
def storagep(value: Any) -> Any:
    """Tell whether a value is a storage."""
    return truth(value.__class__ is Storage)


@primitive("storage-size")
def storage_size(value: Any) -> float:
    """Return the number of elements of a storage, or of a matrix's storage."""
    if value.__class__ is Matrix:
        return float(root(value.array).size)
    if value.__class__ is not Storage:
        raise LispError("neither an index, nor a storage", value)
    return float(value.size)


@primitive("storage-malloc", "storage-malloc-nc")
def storage_malloc(value: Any, size: float) -> Storage:
    """Give an unsized storage elements."""
    storage(value).allocate(integer(size))
    return value


@primitive("storage-realloc", "storage-realloc-nc")
def storage_realloc(value: Any, size: float) -> Storage:
    """Enlarge a storage."""
    storage(value).enlarge(integer(size))
    return value


@primitive("storage-clear")
def storage_clear(value: Any) -> None:
    """Set every element to zero, or ()."""
    storage(value).check_writable()
    value.array[...] = None if value.letter == "a" else 0


@primitive("storage-read-only")
def storage_read_only(value: Any) -> Storage:
    """Forbid changes of the elements through this storage."""
    view = storage(value).array.view()
    view.flags.writeable = False
    value.matrix = Matrix(view, value.letter)
    return value


@primitive("writablep", interpreter=True)
def writablep(interpreter: "Interpreter", value: Any) -> Any:
    """Tell whether a matrix or a storage may be changed, or a file written."""
    if value.__class__ is Matrix:
        return truth(value.array.flags.writeable)
    if value.__class__ is Storage:
        return truth(value.matrix is None or value.array.flags.writeable)
    from sn.primitives.filesystem import may_be_written

    return may_be_written(interpreter, value)


def _numbers(value: Any) -> Storage:
    if storage(value).letter == "a":
        raise LispError("not a storage of numbers", value)
    return value


@primitive("storage-load", interpreter=True)
def storage_load(interpreter: "Interpreter", value: Any, file: Any) -> Any:
    """Read the elements from a file; an unsized storage takes all there are."""
    data = read_data(interpreter, file, "")
    width = np.dtype(DTYPES[_numbers(value).letter]).itemsize
    if value.matrix is None:
        if not data:
            return None
        value.allocate(len(data) // width)
    value.check_writable()
    if len(data) < value.size * width:
        raise LispError("file is too short")
    value.array[...] = np.frombuffer(data, value.array.dtype, value.size)
    return value


@primitive("storage-save", interpreter=True)
def storage_save(interpreter: "Interpreter", value: Any, file: Any) -> Storage:
    """Write the elements to a file."""
    write_data(interpreter, file, "", _numbers(value).array.tobytes())
    return value


@primitive("storage-mmap", interpreter=True)
def storage_mmap(
    interpreter: "Interpreter", value: Any, file: Any, offset: Any = 0.0
) -> Storage:
    """Give an unsized storage a file's elements, from an offset in bytes on, to read only."""
    if _numbers(value).matrix is not None:
        raise LispError("An unsized storage is required")
    kind = np.dtype(DTYPES[value.letter])
    data = read_data(interpreter, file, "")[max(integer(offset), 0) :]
    value.matrix = Matrix(np.frombuffer(data, kind, len(data) // kind.itemsize), value.letter)
    value.mapped = True
    return value


# ---- matrices and their storages


def _dimensions(value: Any, least: int = 1) -> list[int]:
    sizes = [integer(size) for size in items(value)]
    if len(sizes) > MOST_DIMENSIONS:
        raise LispError("Too many dimensions", value)
    if any(size < least for size in sizes):
        raise LispError("illegal dimension", value)
    return sizes


def _row_major(shape: list[int]) -> list[int]:
    steps, step = [], 1
    for size in reversed(shape):
        steps.insert(0, step)
        step *= size
    return steps


@primitive("new-index")
def new_index(value: Any, sizes: Any, starts: Any = None) -> Matrix:
    """Return a matrix that looks at a storage; or at a part of a matrix, from a start on.

    Of a storage the dimensions are given, an unsized storage gets the elements it needs. Of a
    matrix, too: a dimension 0 is left out, and the place in it is the start.
    """
    if value.__class__ is Storage:
        if starts is not None:
            raise LispError("2 arguments were expected")
        shape = _dimensions(sizes)
        if value.matrix is None:
            value.allocate(int(np.prod(shape, dtype=object)))
        return Matrix(look(value.array, shape, _row_major(shape), 0), value.letter)
    if value.__class__ is not Matrix:
        raise LispError("neither a storage, nor an index", value)
    array = value.array
    shape, first = _dimensions(sizes, 0), [] if starts is None else _dimensions(starts, 0)
    if len(shape) != array.ndim or len(first) > array.ndim:
        raise LispError("incorrect number of dimensions", sizes)
    first += [0] * (array.ndim - len(first))
    key: list[Any] = []
    for size, start, most in zip(shape, first, array.shape, strict=True):
        if start + max(size, 1) > most:
            raise LispError("Index is larger than its storage")
        key.append(slice(start, start + size) if size else start)
    return Matrix(array[(*key, ...)], value.letter)


@primitive("idx-storage")
def idx_storage(value: Any) -> Storage:
    """Return the storage of a matrix."""
    return storage_of(matrix(value))


@primitive("idx-offset")
def idx_offset(value: Any) -> float:
    """Return the place of a matrix's first element in its storage."""
    return float(layout(matrix(value))[2])


@primitive("idx-size")
def idx_size(value: Any) -> float:
    """Return the bytes the elements of a matrix take."""
    return float(matrix(value).array.nbytes)


def _change(value: Any, which: int, place: Any, number: float) -> None:
    shape, steps, offset = layout(matrix(value))
    entry = [shape, steps][which]
    k = integer(place)
    if not 0 <= k < len(shape) or (which == 0 and integer(number) <= 0):
        raise LispError("illegal parameters")
    entry[k] = integer(number)
    value.set_array(look(root(value.array), shape, steps, offset))


@primitive("idx-changedim")
def idx_changedim(value: Any, place: float, size: float) -> None:
    """Change a dimension of a matrix, in place."""
    _change(value, 0, place, size)


@primitive("idx-changemod")
def idx_changemod(value: Any, place: float, step: float) -> None:
    """Change the distance between neighbours along a dimension, in place."""
    _change(value, 1, place, step)


@primitive("idx-changeoffset")
def idx_changeoffset(value: Any, offset: float) -> None:
    """Move a matrix along its storage, in place."""
    shape, steps, _ = layout(matrix(value))
    value.set_array(look(root(value.array), shape, steps, integer(offset)))


@primitive("index-print", interpreter=True)
def index_print(interpreter: "Interpreter", value: Any) -> Any:
    """Print a matrix of any size, all its elements."""
    output = interpreter.output
    output.write(matrix(value).text(output.column))
    return T
