"""TIFF directories, read by hand before any decoder sees the file.

A TIFF is a list of directories of tags that point anywhere, and most decoder faults begin in a
tag nobody needed. So the few tags a scan needs are read and checked here, everything else is
refused by name, and `alone` writes each accepted page as a file of its own that holds those
tags and its strips and nothing more: that is what the decoder gets. Source: TIFF 6.0 (1992),
sections 2-8, 10, 11 and 14. No pixel is decoded here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

COMPRESSIONS = {
    1: "none",
    3: "G3",
    4: "G4",
    5: "LZW",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
}
REFUSED = {
    2: "Huffman (CCITT 1D)",
    6: "old JPEG",
    7: "JPEG",
    34661: "JBIG",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _COUNTS = 273, 274, 277, 278, 279
_X_RESOLUTION, _T4, _T6, _UNIT, _PREDICTOR, _COLOURS = 282, 292, 293, 296, 317, 320
_TILES, _SAMPLE_FORMAT = (322, 323, 324, 325), 339
_KNOWN = {
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _OFFSETS, _ORIENTATION),
    *(_SAMPLES, _ROWS, _COUNTS, _X_RESOLUTION, _T4, _T6, _UNIT, _PREDICTOR, _COLOURS),
    *(*_TILES, _SAMPLE_FORMAT),
}
_MOST_TAGS, _MOST_VALUES = 512, 65536  # of a directory, of a tag; scans have 20 and 3,000
_LETTERS = {3: "H", 4: "L", 5: "L"}  # SHORT, LONG, and RATIONAL as two LONGs


class TiffFault(Exception):  # noqa: N818 - never leaves the gate
    """A file the gate refuses; `expected` is its least size in bytes when it ends early."""

    def __init__(self, what: str, expected: int | None = None, *, large: bool = False) -> None:
        super().__init__(what)
        self.what, self.expected, self.large = what, expected, large


@dataclass(frozen=True, slots=True)
class Directory:
    """One page as its directory describes it; offsets and sizes in bytes.

    `tags` holds the values of the tags passed on to the decoder; `palette` the grey level
    0...255 of each index, for palette pages.
    """

    width: int
    height: int
    bits: int
    compression: int
    strips: tuple[tuple[int, int], ...]
    tags: dict[int, int]
    orientation: int
    dpi: float | None
    palette: tuple[int, ...] | None


def directories(data: bytes, *, most: int = 200) -> Iterator[dict[int, tuple[int, ...]]]:
    """Yield the known tags of each directory of a classic TIFF, in the order of its pages.

    Raises
    ------
    TiffFault
        For loops, more than `most` directories, and offsets or counts that leave the file.
    """
    order = "<" if data[:2] == b"II" else ">"
    offset, seen = _number(data, order, "L", 4), set()
    if offset == 0:
        raise TiffFault("this TIFF has no page. Scan or export it again")
    while offset:
        if offset in seen:
            raise TiffFault("its page directories run in a loop. Scan or export it again")
        if len(seen) == most:
            raise TiffFault(f"more than {most} pages. Split the file", large=True)
        seen.add(offset)
        count = _number(data, order, "H", offset)
        end = offset + 2 + 12 * count
        if count > _MOST_TAGS:
            raise _broken(f"{count:,} tags")
        if end + 4 > len(data):
            raise TiffFault("ends early", end + 4)
        yield _tags(data, order, offset + 2, count)
        offset = _number(data, order, "L", end)


def _tags(data: bytes, order: str, place: int, count: int) -> dict[int, tuple[int, ...]]:
    tags: dict[int, tuple[int, ...]] = {}
    for at in range(place, place + 12 * count, 12):
        tag, kind, values = struct.unpack_from(order + "HHL", data, at)
        if tag not in _KNOWN:
            continue
        if tag in tags:
            raise _broken(f"tag {tag} stands twice")
        letter = _LETTERS.get(kind)
        if letter is None or not 0 < values <= _MOST_VALUES:
            raise _broken(f"tag {tag} has type {kind} and {values:,} values")
        values *= 2 if kind == 5 else 1
        length = values * (2 if letter == "H" else 4)
        where = at + 8 if length <= 4 else _number(data, order, "L", at + 8)
        if where + length > len(data):
            raise TiffFault("ends early", where + length)
        tags[tag] = struct.unpack_from(f"{order}{values}{letter}", data, where)
    return tags


def _broken(why: str) -> TiffFault:
    return TiffFault(f"its page directory is damaged ({why}). Scan or export it again")


def size(tags: dict[int, tuple[int, ...]]) -> tuple[int, int]:
    """Return the (width, height) in pixels a directory announces, 0 where it does not."""
    return tags.get(_WIDTH, (0,))[0], tags.get(_HEIGHT, (0,))[0]


def check(data: bytes, tags: dict[int, tuple[int, ...]]) -> Directory:
    """Return what one directory describes, or raise `TiffFault` by name."""

    def one(tag: int, otherwise: int) -> int:
        return tags.get(tag, (otherwise,))[0]

    width, height = size(tags)
    samples, compression = one(_SAMPLES, 1), one(_COMPRESSION, 1)
    bits = one(_BITS, 1)
    refused = None
    if compression not in COMPRESSIONS:
        refused = f"compressed as {REFUSED.get(compression, f'type {compression}')}"
    elif any(tag in tags for tag in _TILES):
        refused = "tiled"
    elif samples != 1 or len(tags.get(_BITS, (1,))) != 1:
        refused = "in colour (or has an alpha channel)"
    elif bits not in (1, 8):
        refused = f"of {bits} bits per pixel"
    elif one(_SAMPLE_FORMAT, 1) != 1:
        refused = "of signed or floating-point samples"
    elif COMPRESSIONS[compression] in ("G3", "G4") and bits != 1:
        refused = f"{COMPRESSIONS[compression]} of {bits} bits per pixel"
    photometric = one(_PHOTOMETRIC, 0 if bits == 1 else 1)
    palette = _palette(tags.get(_COLOURS), bits) if photometric == 3 else None
    if photometric not in (0, 1) and palette is None:
        refused = refused or f"of photometric kind {photometric}"
    if refused:
        raise TiffFault(
            f"this TIFF is {refused}. Save it as 8-bit grey or 1-bit, "
            "in strips, G4, LZW or uncompressed, or --allow-tiff-any if you trust it"
        )
    if not (width and height):
        raise TiffFault("the image has no width or no height. Scan or export it again")
    numerator, denominator = (*tags.get(_X_RESOLUTION, (0, 1)), 1)[:2]
    per_inch = {2: 1.0, 3: 2.54}.get(one(_UNIT, 2), 0.0)
    passed = {
        _PHOTOMETRIC: 1 if palette else photometric,
        _FILL_ORDER: one(_FILL_ORDER, 1),
    }
    if compression == 3 and _T4 in tags:
        passed[_T4] = one(_T4, 0)
    if compression == 4 and _T6 in tags:
        passed[_T6] = one(_T6, 0)
    if COMPRESSIONS[compression] in ("LZW", "Deflate") and _PREDICTOR in tags:
        passed[_PREDICTOR] = one(_PREDICTOR, 1)
    rows = min(one(_ROWS, height), height)
    return Directory(
        width=width,
        height=height,
        bits=bits,
        compression=compression,
        strips=_strips(len(data), tags, (width * bits + 7) // 8, height, rows, compression),
        tags={**passed, _ROWS: rows},
        orientation=one(_ORIENTATION, 1),
        dpi=per_inch * numerator / denominator if denominator else None,
        palette=palette,
    )


def _palette(colours: tuple[int, ...] | None, bits: int) -> tuple[int, ...] | None:
    """Return the grey level of each index (red, green and blue stand one after another)."""
    entries = 1 << bits
    if bits not in (1, 8) or colours is None or len(colours) != 3 * entries:
        return None
    red, green, blue = (colours[i * entries : (i + 1) * entries] for i in range(3))
    # ITU-R 601 luma, as for every other colour image of the gate; entries are 16 bits wide.
    grey = [
        round((0.299 * r + 0.587 * g + 0.114 * b) / 257)
        for r, g, b in zip(red, green, blue, strict=True)
    ]
    return tuple(grey)


def _strips(
    length: int,
    tags: dict[int, tuple[int, ...]],
    row: int,
    height: int,
    rows: int,
    compression: int,
) -> tuple[tuple[int, int], ...]:
    """Return (offset, length) of each strip, all inside a file of `length` bytes."""
    offsets, counts = tags.get(_OFFSETS, ()), tags.get(_COUNTS, ())
    number = -(-height // rows) if rows else 0
    wanted = (
        [row * min(rows, height - i * rows) for i in range(number)]
        if len(offsets) == number
        else []
    )
    if not counts and compression == 1:
        counts = tuple(wanted)
    if not number or len(offsets) != number or len(counts) != number:
        listed = f"{len(offsets)} listed with {len(counts)} lengths"
        raise _broken(f"{number} strips announced, {listed}")
    strips = tuple(zip(offsets, counts, strict=True))
    end = max(offset + count for offset, count in strips)
    if end > length:
        raise TiffFault("ends early", end)
    if sum(counts) > length or not all(counts):
        raise _broken("strips overlap or are empty")
    if compression == 1 and any(c < w for c, w in zip(counts, wanted, strict=True)):
        raise _broken("strips are shorter than the page needs")
    return strips


def alone(data: bytes, page: Directory) -> bytes:
    """Return one checked page as a TIFF of its own: the checked tags, the strips, no more."""
    tags = {
        _WIDTH: [page.width],
        _HEIGHT: [page.height],
        _BITS: [page.bits],
        _COMPRESSION: [page.compression],
        _SAMPLES: [1],
        **{tag: [value] for tag, value in page.tags.items()},
    }
    head = 8
    places, at = [], head
    for _, count in page.strips:
        places.append(at)
        at += count
    tags[_OFFSETS], tags[_COUNTS] = places, [count for _, count in page.strips]
    directory = at + at % 2
    far = directory + 2 + 12 * len(tags) + 4
    entries, tail = [], b""
    for tag in sorted(tags):
        values = struct.pack(f"<{len(tags[tag])}L", *tags[tag])
        where = values if len(values) == 4 else struct.pack("<L", far + len(tail))
        tail += b"" if len(values) == 4 else values
        entries.append(struct.pack("<HHL", tag, 4, len(tags[tag])) + where)
    return b"".join(
        (
            struct.pack("<2sHL", b"II", 42, directory),
            *(data[offset : offset + count] for offset, count in page.strips),
            bytes(at % 2),
            struct.pack("<H", len(entries)),
            *entries,
            bytes(4),
            tail,
        )
    )


def _number(data: bytes, order: str, letter: str, offset: int) -> int:
    end = offset + (2 if letter == "H" else 4)
    if end > len(data):
        raise TiffFault("ends early", end)
    return struct.unpack_from(order + letter, data, offset)[0]
