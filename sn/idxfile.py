"""Matrix files: SN's binary and ASCII formats, and IDX, the format of MNIST.

An SN file is a magic number, the number of dimensions, the dimensions (padded with 1 up to
three when there are one or two, as SN1 did), and the elements row by row. It is written in
little-endian order; both orders are read. What follows the elements is ignored.

Source: sn28.md, section 3.2.
"""

import math
import struct

import numpy as np

from sn.errors import LispError
from sn.matrix import DTYPES, Matrix

MAGIC = {
    "f": 0x1E3D4C51,
    "p": 0x1E3D4C52,
    "d": 0x1E3D4C53,
    "i": 0x1E3D4C54,
    "u": 0x1E3D4C55,
    "s": 0x1E3D4C56,
    "b": 0x1E3D4C57,
}
LETTERS = {magic: letter for letter, magic in MAGIC.items()}
IDX_LETTERS = {0x08: "u", 0x09: "b", 0x0B: "s", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
LARGEST = 1 << 31  # elements


def save(matrix: Matrix) -> bytes:
    """Return a matrix as the bytes of an SN file."""
    if matrix.letter == "a":
        raise LispError("Cannot save an index this storage")
    shape = list(matrix.array.shape)
    padded = shape + [1] * (3 - len(shape)) if len(shape) in (1, 2) else shape
    header = struct.pack(f"<Ii{len(padded)}i", MAGIC[matrix.letter], len(shape), *padded)
    data = np.ascontiguousarray(matrix.array)
    return header + data.astype(data.dtype.newbyteorder("<")).tobytes()


def save_ascii(matrix: Matrix) -> str:
    """Return a matrix as the text of an ASCII SN file, four decimals an element."""
    shape = matrix.array.shape
    header = " ".join([".MAT", str(len(shape)), *(str(n) for n in shape)])
    return header + "\n" + export_text(matrix)


def export_text(matrix: Matrix) -> str:
    """Return the elements, one a line, with four decimals."""
    return "".join(f"{value:6.4f}\n" for value in matrix.values().reshape(-1))


def load(data: bytes) -> Matrix:
    """Return the matrix of an SN or IDX file's bytes."""
    if data[:4] == b".MAT":
        return _load_ascii(data.decode("latin-1"))
    if len(data) < 4:
        raise LispError("not a recognized matrix file")
    for order in "<>":
        magic = struct.unpack(order + "I", data[:4])[0]
        if magic in LETTERS:
            return _load_binary(data, order, LETTERS[magic])
    kind, dimensions = data[2], data[3]
    if data[:2] == b"\0\0" and kind in IDX_LETTERS and 1 <= dimensions <= 3:
        return _elements(data, 4, ">", IDX_LETTERS[kind], dimensions, dimensions)
    raise LispError("not a recognized matrix file")


def _load_binary(data: bytes, order: str, letter: str) -> Matrix:
    if len(data) < 8:
        raise LispError("corrupted matrix file")
    dimensions = struct.unpack(order + "i", data[4:8])[0]
    if not 0 <= dimensions <= 11:
        raise LispError("corrupted matrix file")
    stored = 3 if dimensions in (1, 2) else dimensions
    return _elements(data, 8, order, letter, dimensions, stored)


def _elements(
    data: bytes, at: int, order: str, letter: str, dimensions: int, stored: int
) -> Matrix:
    end = at + 4 * stored
    if len(data) < end:
        raise LispError("corrupted matrix file")
    shape = struct.unpack(f"{order}{stored}i", data[at:end])[:dimensions]
    count = math.prod(shape)
    if any(n < 0 for n in shape) or count > LARGEST:
        raise LispError("corrupted matrix file")
    kind = np.dtype(DTYPES[letter]).newbyteorder(order)
    if len(data) < end + count * kind.itemsize:
        raise LispError("file is too short")
    values = np.frombuffer(data, kind, count, end).astype(DTYPES[letter])
    return Matrix(values.reshape(shape), letter)


def _load_ascii(text: str) -> Matrix:
    words = text.split()
    try:
        dimensions = int(words[1])
        shape = [int(word) for word in words[2 : 2 + dimensions]]
        count = math.prod(shape)
        if dimensions < 0 or len(shape) < dimensions or min(shape, default=0) < 0:
            raise ValueError
    except (ValueError, IndexError):
        raise LispError("corrupted matrix file") from None
    elements = words[2 + dimensions : 2 + dimensions + count]
    if len(elements) < count:
        raise LispError("Cannot read a number")
    try:
        values = np.array([float(word) for word in elements])
    except ValueError:
        raise LispError("Cannot read a number") from None
    return Matrix(values.reshape(shape), "d")
