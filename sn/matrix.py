"""Matrices: SN's *index* objects, views of typed storage that a program calls like functions.

``(m i j)`` reads an element, ``(m i j v)`` writes one and returns the matrix. A subscript may
also be ``()``, a whole dimension, or ``(low high)``, an inclusive range; then reading gives
nested lists, and writing takes a number, nested lists or one flat list.

A `Matrix` is a small wrapper: a numpy array for whole-matrix operations and, for elements, a
memoryview, which is three times faster. Views share their storage, as numpy's do.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sn.cells import Cons, from_items
from sn.errors import LispError
from sn.limits import room
from sn.printer import show, show_number

DTYPES: dict[str, Any] = {
    "d": np.float64,
    "f": np.float32,
    "i": np.int32,
    "s": np.int16,
    "b": np.int8,
    "u": np.uint8,
    "p": np.int8,
    "a": object,
}
NAMES = {
    "d": "double-matrix",
    "f": "float-matrix",
    "i": "int-matrix",
    "s": "short-matrix",
    "b": "byte-matrix",
    "u": "ubyte-matrix",
    "p": "packed-matrix",
    "a": "atom-matrix",
}
MOST_DIMENSIONS = 11
MOST_PRINTED = 100  # elements; larger matrices print as ::INDEX2:<10x10>
_BITS = {"i": 32, "s": 16, "b": 8, "u": 8}


class Matrix:
    """A view of typed storage.

    Parameters
    ----------
    array: numpy array (any shape), shared and not copied; packed elements are stored as int8
    letter: element type, one of d f i s b u p a

    >>> m = Matrix(np.zeros((2, 2)), "d")
    >>> m(0.0, 1.0, 5.0)(0.0, 1.0)
    5.0
    """

    __slots__ = ("__weakref__", "array", "columns", "letter", "plain", "rows", "view")

    def __init__(self, array: np.ndarray, letter: str) -> None:
        self.letter = letter
        self.set_array(array)

    def set_array(self, array: np.ndarray) -> None:
        """Look at other storage, or at the same in another shape."""
        self.array = array
        self.plain = self.letter not in "ap"
        self.view = memoryview(array) if self.plain and array.size else None
        shape = array.shape
        self.rows = shape[0] if shape else 0
        self.columns = shape[1] if len(shape) == 2 else -1
        if self.view is None:
            self.rows = self.columns = -1
        elif len(shape) not in (1, 2):
            self.rows = -1
        if not array.flags.writeable:
            self.columns = -1  # writing takes the way that looks

    # ------------------------------------------------------------------ elements

    def __call__(self, *index: Any) -> Any:
        """Read an element or part, or write it when one value follows the subscripts."""
        count = len(index)
        columns = self.columns
        if columns < 0:
            if count == 1:
                k = index[0]
                if (k.__class__ is float or k.__class__ is int) and -1 < k < self.rows:
                    return self.view[int(k)]
        elif count == 2:
            i, j = index
            if (
                (i.__class__ is float or i.__class__ is int)
                and (j.__class__ is float or j.__class__ is int)
                and -1 < i < self.rows
                and -1 < j < columns
            ):
                return self.view[int(i), int(j)]
        elif count == 3 and self.letter == "d":
            i, j, value = index
            if (
                value.__class__ is float
                and i.__class__ is float
                and j.__class__ is float
                and -1 < i < self.rows
                and -1 < j < columns
            ):
                self.view[int(i), int(j)] = value
                return self
        return self._general(index)

    def _general(self, index: tuple[Any, ...]) -> Any:
        dimensions = self.array.ndim
        if len(index) < dimensions:
            raise LispError("not enough dimensions", from_items(index))
        if len(index) > dimensions + 1:
            raise LispError("too many dimensions", from_items(index))
        place = list(index[:dimensions])
        if len(index) == dimensions:
            return self._read(place, 0)
        self._write(place, 0, index[-1], 1)
        return self

    def _subscripts(self, place: list[Any], start: int) -> int:
        """Check numeric subscripts from `start` on; return where the first other one is."""
        shape = self.array.shape
        for at in range(start, len(place)):
            k = place[at]
            if k.__class__ is not float and k.__class__ is not int:
                return at
            if not 0 <= int(k) < shape[at]:
                raise LispError("subscript out of range", k)
            place[at] = int(k)
        return len(place)

    def _range(self, part: Any, size: int) -> range:
        """Return the numbers a subscript that is not a number stands for."""
        if part is None:
            return range(size)
        if part.__class__ is Cons and part.cdr.__class__ is Cons and part.cdr.cdr is None:
            low, high = part.car, part.cdr.car
            if low.__class__ in (float, int) and high.__class__ in (float, int):
                return range(int(low), int(high) + 1)
        raise LispError("illegal subscript")

    def get(self, place: tuple[int, ...]) -> Any:
        """Return the element at checked subscripts."""
        if self.plain:
            return self.view[place]
        value = self.array[place]
        return float(value) / 16.0 if self.letter == "p" else value

    def put(self, place: tuple[int, ...], value: Any) -> None:
        """Store an element at checked subscripts, converted as C would."""
        if not self.array.flags.writeable:
            raise LispError("read only storage")
        if self.letter == "a":
            self.array[place] = value
            return
        if value.__class__ is not float and value.__class__ is not int:
            raise LispError("not a number", value)
        if self.letter == "d":
            self.array[place] = value
        elif self.letter == "f":
            with np.errstate(over="ignore"):
                self.array[place] = np.float32(value)
        elif self.letter == "p":
            self.array[place] = packed(value)
        else:
            self.array[place] = wrapped(value, self.letter)

    def _read(self, place: list[Any], start: int) -> Any:
        at = self._subscripts(place, start)
        if at == len(place):
            return self.get(tuple(place))
        values = []
        for k in self._range(place[at], self.array.shape[at]):
            inner = place.copy()
            inner[at] = float(k)
            values.append(self._read(inner, at))
        return from_items(values)

    def _write(self, place: list[Any], start: int, value: Any, mode: int) -> Any:
        """Write a value; mode 0: the same everywhere, 1: sublists, 2: in sequence."""
        at = self._subscripts(place, start)
        if at == len(place):
            if mode == 2:
                self.put(tuple(place), value.car)
                return value.cdr
            self.put(tuple(place), value)
            return None
        numbers = self._range(place[at], self.array.shape[at])
        if mode == 1 and _length(value) > len(numbers):
            mode = 2
        for k in numbers:
            inner = place.copy()
            inner[at] = float(k)
            if value.__class__ is not Cons:
                mode = 0
            if mode == 0:
                self._write(inner, at, value, 0)
            elif mode == 1:
                self._write(inner, at, value.car, 1)
                value = value.cdr
            else:
                value = self._write(inner, at, value, 2)
        return value

    # ------------------------------------------------------------------ views

    def part(self, subscripts: list[Any]) -> "Matrix":
        """Return a view of what the subscripts select."""
        if len(subscripts) != self.array.ndim:
            raise LispError("wrong number of dimensions")
        key: list[Any] = []
        for k, size in zip(subscripts, self.array.shape, strict=True):
            if k.__class__ in (float, int):
                if not 0 <= int(k) < size:
                    raise LispError("subscript out of range", k)
                key.append(int(k))
            else:
                numbers = self._range(k, size)
                if len(numbers) and (numbers[0] < 0 or numbers[-1] >= size):
                    raise LispError("subscript out of range", k)
                key.append(slice(numbers.start, numbers.stop))
        return Matrix(self.array[(*key, ...)], self.letter)

    def slices(self, last: bool = False) -> Iterator["Matrix"]:
        """Yield views along the first (or last) dimension."""
        array = np.moveaxis(self.array, -1, 0) if last else self.array
        for k in range(array.shape[0]):
            yield Matrix(array[k, ...], self.letter)

    def values(self) -> np.ndarray:
        """Return the elements as numbers: packed ones divided by 16."""
        return self.array / 16.0 if self.letter == "p" else self.array

    def assign(self, values: Any) -> None:
        """Store an array of numbers of the same number of elements, converted."""
        if not self.array.flags.writeable:
            raise LispError("read only storage")
        values = np.asarray(values).reshape(self.array.shape)
        if self.letter == "p":
            self.array[...] = np.clip(np.rint(values * 16.0 - 0.5 + 0.5), -128, 127)
        elif self.letter in _BITS:
            self.array[...] = np.trunc(values).astype(np.int64).astype(self.array.dtype)
        else:
            with np.errstate(over="ignore"):
                self.array[...] = values

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Matrix)
            and self.array.shape == other.array.shape
            and bool(np.all(self.values() == other.values()))
        )

    __hash__ = object.__hash__

    # ------------------------------------------------------------------ printing

    sn_class = "INDEX"

    def sn_describe(self) -> str:
        """Return the short form shown in error messages."""
        sizes = "x".join(str(n) for n in self.array.shape)
        return f"::INDEX{self.array.ndim}:<{sizes}>"

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form; rows below the first begin under the first."""
        if self.array.size >= MOST_PRINTED:
            return self.sn_describe()
        return self.text(column)

    def text(self, column: int = 0) -> str:
        """Return all elements as text."""
        letter = "" if self.letter in "dp" else self.letter
        opening, closing = ("#[", "#]") if self.letter == "a" else ("[" + letter, "]")
        if self.array.ndim == 0:
            value = self.get(())
            text = show(value) if self.letter == "a" else show_number(value)
            return f"{opening}@ {text} {closing}"
        return self._show(self.array, opening, closing, column)

    def _show(self, array: np.ndarray, opening: str, closing: str, column: int) -> str:
        if array.ndim == 1:
            return opening + "".join(self._elements(array)) + " " + closing
        column += len(opening)
        separator = "\n" + " " * column
        rows = [self._show(row, opening, closing, column) for row in array]
        return opening + separator.join(rows) + closing

    def _elements(self, array: np.ndarray) -> Iterator[str]:
        for value in array:
            if self.letter == "a":
                yield " " + show(value)
            elif self.letter == "p":
                yield f" {int(value / 16):5d}"
            elif self.letter in _BITS:
                yield f" {value:5d}"
            else:
                yield f" {value:5.2f}"


def _length(value: Any) -> int:
    count = 0
    while value.__class__ is Cons:
        count += 1
        value = value.cdr
    return count


def packed(value: float) -> int:
    """Return the signed byte that stores a number as sixteenths, saturating.

    >>> packed(7.9375), packed(100.0), packed(0.09375), packed(0.03)
    (127, 127, 1, 0)
    """
    return max(-128, min(127, int(value * 16)))


def wrapped(value: float, letter: str) -> int:
    """Truncate a number to an integer type, keeping the low bits.

    >>> wrapped(200.0, "b"), wrapped(-1.0, "u"), wrapped(-2.9, "i")
    (-56, 255, -2)
    """
    bits = _BITS[letter]
    number = int(value) & ((1 << bits) - 1)
    return number - (1 << bits) if letter != "u" and number >> (bits - 1) else number


def make(letter: str, shape: tuple[int, ...]) -> Matrix:
    """Return a new matrix of zeros (of () for objects)."""
    if len(shape) > MOST_DIMENSIONS:
        raise LispError("Too many dimensions", from_items([float(n) for n in shape]))
    room(math.prod(shape), 8)
    if letter == "a":
        return Matrix(np.full(shape, None, dtype=object), letter)
    return Matrix(np.zeros(shape, DTYPES[letter]), letter)


def like(letter: str, values: Any) -> Matrix:
    """Return a new matrix of a type holding an array of numbers."""
    matrix = make(letter, np.shape(values))
    matrix.assign(values)
    return matrix


def _shape(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    if not any(isinstance(value, list) for value in values):
        return (len(values),)
    inner = [_shape(value) for value in values]
    if any(shape != inner[0] for shape in inner):
        raise LispError("matrices have different number of elements", function="copy-matrix")
    return (len(values), *inner[0])


def literal(letter: str, values: Any) -> Matrix:
    """Return the matrix of a literal ``[...]``, read as nested lists."""
    if letter == "p":
        first = values
        while isinstance(first, list) and first:
            first = first[0]
        raise LispError("Not a gptr", first, function="m")
    matrix = make(letter, _shape(values))
    try:
        _fill(matrix, (), values)
    except LispError as error:
        error.function = "m"
        raise
    return matrix


def object_array(values: list[Any]) -> Matrix:
    """Return the array of a literal ``#[...#]``, read as nested lists."""
    matrix = make("a", _shape(values))
    _fill(matrix, (), values)
    return matrix


def _fill(matrix: Matrix, place: tuple[int, ...], values: Any) -> None:
    if not isinstance(values, list):
        matrix.put(place, values)
        return
    for k, value in enumerate(values):
        _fill(matrix, (*place, k), value)


def array_of(value: Any) -> np.ndarray:
    """Return the numpy array behind a matrix."""
    if value.__class__ is not Matrix:
        raise LispError("not an index", value)
    return value.array
