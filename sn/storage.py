"""Storages: the vectors of elements that matrices look at.

Every matrix has one. A program meets it as an object when it asks for it (``idx-storage``) or
makes matrices of its own layout (``new-index``).
"""

from typing import Any

import numpy as np

from sn.errors import LispError
from sn.limits import room
from sn.matrix import DTYPES, Matrix

CLASSES = {
    "a": "ATSTORAGE",
    "p": "PSTORAGE",
    "f": "FSTORAGE",
    "d": "DSTORAGE",
    "i": "I32STORAGE",
    "s": "I16STORAGE",
    "b": "I8STORAGE",
    "u": "U8STORAGE",
}


class Storage:
    """A vector of elements of one type; without elements until it gets some.

    Parameters
    ----------
    letter: element type, one of d f i s b u p a
    array: one-dimensional numpy array, shared and not copied; None for an unsized storage
    """

    __slots__ = ("__weakref__", "letter", "mapped", "matrix")

    def __init__(self, letter: str, array: np.ndarray | None = None) -> None:
        self.letter = letter
        self.mapped = False
        self.matrix: Matrix | None = None
        if array is not None:
            self.matrix = Matrix(array, letter)

    @property
    def array(self) -> np.ndarray:
        """The elements, as they are stored."""
        if self.matrix is None:
            raise LispError("unsized storage", self)
        return self.matrix.array

    @property
    def size(self) -> int:
        """The number of elements."""
        return 0 if self.matrix is None else self.matrix.array.size

    def __call__(self, *arguments: Any) -> Any:
        """Read an element, or write it and return what it is then."""
        array = self.array
        place = arguments[0] if arguments else None
        if place.__class__ is not float and place.__class__ is not int:
            raise LispError("illegal subscript", place)
        if not 0 <= place < array.size:
            raise LispError("subscript out of range", place)
        if len(arguments) > 2:
            raise LispError("bad value")
        if len(arguments) == 2:
            self.check_writable()
            self.matrix.put((int(place),), arguments[1])
        return self.matrix.get((int(place),))

    def check_writable(self) -> None:
        """Refuse to change elements that are only to be read."""
        if not self.array.flags.writeable:
            raise LispError("read only storage")

    def allocate(self, count: int) -> None:
        """Give an unsized storage elements: zeros, or ()."""
        if count <= 0:
            raise LispError("Illegal size", float(count))
        if self.matrix is not None:
            raise LispError("An unsized storage is required", self)
        self.matrix = Matrix(_zeros(self.letter, count), self.letter)

    def enlarge(self, count: int) -> None:
        """Add elements at the end. Matrices made before keep looking at the old ones."""
        if count <= 0:
            raise LispError("Illegal size", float(count))
        if self.matrix is None or self.mapped:
            raise LispError("Only a ram based storage can be enlarged", self)
        if count < self.size:
            raise LispError("Attempt to reduce the size of a storage", self)
        array = _zeros(self.letter, count)
        array[: self.size] = self.array
        self.matrix = Matrix(array, self.letter)

    @property
    def sn_class(self) -> str:
        """The name of the class, for ``classof``."""
        return CLASSES[self.letter]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Storage) or self.letter != other.letter:
            return False
        if self.matrix is None or other.matrix is None:
            return self is other
        return _address(self.array) == _address(other.array) and self.size == other.size

    def __hash__(self) -> int:
        return hash(self.letter)

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        if self.matrix is None:
            return f"::{self.sn_class}:unsized@{id(self) & 0xFFFFFFFF:x}"
        kind = "mmap" if self.mapped else "ram"
        return f"::{self.sn_class}:{kind}@{_address(self.array):x}:<{self.size}>"


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _zeros(letter: str, count: int) -> np.ndarray:
    room(count, 8)
    if letter == "a":
        return np.full(count, None, dtype=object)
    return np.zeros(count, DTYPES[letter])


def root(array: np.ndarray) -> np.ndarray:
    """Return the vector a view looks into.

    >>> root(np.arange(6).reshape(2, 3)[1:, ::2]).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    while True:
        base = array.base
        if base.__class__.__name__ == "DummyArray":  # what as_strided puts in between
            base = base.base
        if not isinstance(base, np.ndarray) or base.dtype != array.dtype:
            break
        array = base
    if array.ndim == 1 and (array.size < 2 or array.strides[0] == array.itemsize):
        return array
    if not array.flags.c_contiguous:
        raise LispError("this index has no storage of its own")
    return array.reshape(-1)


def storage_of(matrix: Matrix) -> Storage:
    """Return the storage of a matrix."""
    return Storage(matrix.letter, root(matrix.array))


def layout(matrix: Matrix) -> tuple[list[int], list[int], int]:
    """Return dimensions, distances between neighbours, and offset, in elements."""
    array = matrix.array
    base = root(array)
    offset = (_address(array) - _address(base)) // array.itemsize if array.size else 0
    return list(array.shape), [step // array.itemsize for step in array.strides], offset


def look(storage: np.ndarray, shape: list[int], steps: list[int], offset: int) -> np.ndarray:
    """Return a view of a vector with any dimensions that stay inside it."""
    low = high = offset
    for count, step in zip(shape, steps, strict=True):
        if step < 0:
            low += (count - 1) * step
        else:
            high += (count - 1) * step
    if offset < 0 or low < 0 or high >= storage.size:
        raise LispError("Index is larger than its storage")
    strides = [step * storage.itemsize for step in steps]
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, strides, writeable=storage.flags.writeable
    )
