"""Image cash letters: the exchange files X9.37 and X9.100-187, their checks as inputs.

A letter is a chain of records, each after its length in four bytes, in ASCII or EBCDIC. A check
is a record 25 (or 31, returned) with its amount; the records 50 and 52 after it describe and
hold its images, of which the front is read. Lengths are bounded by the bytes that remain, and
an image goes through the same gate as any other. Only the records and fields named here are
looked at; nothing in a letter becomes a path.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import BadImage, ImageError, TooLarge
from pipeline.money import money

SUFFIXES = frozenset((".x9", ".x937", ".x9.37", ".x9100", ".icl"))
MOST_TEXT = 100_000  # bytes of a record without image; the standard has 80 and a few hundred
MOST_ITEMS = 10_000_000
_AMOUNT = {"25": slice(47, 57), "31": slice(31, 41)}  # of check and return records, in cents
_SIDE = 31  # of record 50: 0 is the front
_FIXED = 105  # bytes of record 52 before its image reference key


@dataclass(frozen=True, slots=True)
class Item:
    """One check of a letter.

    `number` counts from 1; `amount` is the amount of its record as ``125.00``, None when that
    is not a number; `offset` and `length` are those of its front image, None without one.
    """

    number: int
    amount: str | None
    offset: int | None = None
    length: int = 0


class Check:
    """The front image of one check of a letter, named ``FILE#NUMBER``; read when asked for."""

    def __init__(self, file: str, item: Item) -> None:
        self.file, self.item = file, item
        self.name = f"{file}#{item.number}"

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes of the image. Raises ImageError without one."""
        if self.item.offset is None:
            raise BadImage(self.name, "this check has no image of its front in the letter")
        try:
            with Path(self.file).open("rb") as handle:
                handle.seek(self.item.offset)
                return handle.read(min(size, self.item.length))
        except OSError as error:
            raise ImageError(self.file, f"cannot be opened ({error.strerror})") from None


def is_letter(file: str) -> bool:
    """Tell by its first bytes whether a file is an image cash letter."""
    try:
        path = Path(file)
        if not path.is_file():
            return False
        with path.open("rb") as handle:
            return _encoding(handle.read(6)) is not None
    except (OSError, ValueError):
        return False


def _encoding(head: bytes) -> tuple[str, str] | None:
    """Return byte order and character code of a letter by its first six bytes."""
    for order in (">", "<"):
        if len(head) == 6 and 80 <= struct.unpack(f"{order}L", head[:4])[0] < 256:
            if head[4:] == b"01":
                return order, "ascii"
            if head[4:] == b"\xf0\xf1":
                return order, "cp037"
    return None


def items(file: str) -> Iterator[Item]:
    """Yield the checks of a letter in order. Raises ImageError for a damaged one.

    Checks before the damage are yielded; a letter that stops without its last record (99) is
    damaged too, so that checks cannot be cut off unseen.
    """
    try:
        with Path(file).open("rb") as handle:
            handle.seek(0, 2)
            size = handle.tell()
            handle.seek(0)
            yield from _items(file, handle, size)
    except OSError as error:
        raise ImageError(file, f"cannot be opened ({error.strerror})") from None


def _items(file: str, handle: BinaryIO, size: int) -> Iterator[Item]:
    found = _encoding(handle.read(6))
    if found is None:
        raise BadImage(file, "this is no image cash letter (X9.37, X9.100-187)")
    order, code = found
    place, record, number, front = 0, 0, 0, False
    item: Item | None = None
    kind = ""
    while place < size:
        record += 1
        handle.seek(place)
        head = handle.read(4)
        length = struct.unpack(f"{order}L", head)[0] if len(head) == 4 else size
        if length > size - place - 4:
            what = f"the letter ends early, in its record {record:,}. Fetch or copy it again"
            raise BadImage(file, what)
        if length < 2:
            raise _damaged(file, record)
        kind = handle.read(2).decode(code, "replace")
        start, place = place + 4, place + 4 + length
        if kind in _AMOUNT:
            if item is not None:
                yield item
            number += 1
            if number > MOST_ITEMS:
                raise TooLarge(file, f"more than {MOST_ITEMS:,} checks. Split the letter")
            text = _text(file, handle, start, length, code, record)
            item, front = Item(number, _amount(text[_AMOUNT[kind]])), False
        elif kind == "50":
            front = _text(file, handle, start, length, code, record)[_SIDE : _SIDE + 1] == "0"
        elif kind == "52" and front and item is not None and item.offset is None:
            offset, bytes_ = _image(file, handle, start, length, code, record)
            item = Item(item.number, item.amount, offset, bytes_)
        elif kind != "52" and length > MOST_TEXT:
            raise _damaged(file, record)
    if item is not None:
        yield item
    if kind != "99":
        what = "the letter ends without its last record (99). Fetch or copy it again"
        raise BadImage(file, what)


def _text(file: str, handle: BinaryIO, start: int, length: int, code: str, record: int) -> str:
    if length > MOST_TEXT:
        raise _damaged(file, record)
    handle.seek(start)
    return handle.read(length).decode(code, "replace")


def _image(
    file: str, handle: BinaryIO, start: int, length: int, code: str, record: int
) -> tuple[int, int]:
    """Return offset and length of the image of a record 52, which has fields of any length."""
    at = _FIXED - 4

    def number(width: int) -> int:
        nonlocal at
        handle.seek(start + at)
        text = handle.read(width).decode(code, "replace").strip()
        at += width
        if at > length or (text and not (text.isascii() and text.isdigit())):
            raise _damaged(file, record)
        return int(text or 0)

    for width in (4, 5):  # the image reference key, the digital signature
        skipped = number(width)
        at += skipped
    count = number(7)
    if at + count > length:
        raise _damaged(file, record)
    return start + at, count


def _amount(cents: str) -> str | None:
    cents = cents.strip()
    if not (cents.isascii() and cents.isdigit()):
        return None
    found = money(f"{cents.zfill(3)[:-2]}.{cents.zfill(3)[-2:]}")
    return found[0] if found else None


def _damaged(file: str, record: int) -> BadImage:
    return BadImage(file, f"record {record:,} of the letter is damaged. Fetch or copy it again")


@lru_cache(4)
def _index(file: str, _: tuple[int, int]) -> dict[int, Item]:
    return {item.number: item for item in items(file)}


def named(name: str) -> Check | None:
    """Return the check that ``FILE#NUMBER`` names, None when that is no name of a check."""
    file, mark, number = name.rpartition("#")
    if not mark or not (number.isascii() and number.isdigit()) or not is_letter(file):
        return None
    status = Path(file).stat()
    item = _index(file, (status.st_mtime_ns, status.st_size)).get(int(number))
    return None if item is None else Check(file, item)
