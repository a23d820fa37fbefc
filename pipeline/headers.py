"""What the first bytes of a file say: its kind, its size in pixels, where it should end.

Read by hand, so that limits hold before a decoder runs and a file that stops short is told
from one that is damaged. TIFF has directories instead of a header: see `pipeline.tiff`.
"""

import re
import struct
from dataclasses import dataclass

MOST_PIXELS = 178_000_000  # of a page; just below what Pillow itself refuses to open
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".pgm")
)
SUPPORTED = "PNG, JPEG, TIFF, BMP and PGM are supported"
_MOST_CHUNKS = 50_000  # of a PNG; each costs the decoder more than it costs its writer
_KINDS = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"II\*\x00|MM\x00\*", "TIFF"),
    (rb"BM", "BMP"),
    (rb"P[25][\s#]", "PGM"),
)
_OTHERS = (
    (rb"\s*%PDF", 'a PDF. Install the extra "pdf", or export the page as PNG'),
    (rb"....ftyp(hei|hev|mif1|msf1)", "a HEIC photograph. Export it as PNG or JPEG"),
    (rb"....ftypavi[fs]", "an AVIF image. Export it as PNG or JPEG"),
    (rb"....ftyp", "a film. Export one picture of it as PNG or JPEG"),
    (
        rb"(\xef\xbb\xbf)?\s*(<\?xml.*?|<!--.*?|<!DOCTYPE.*?)?<svg\b",
        "an SVG drawing. Export it as PNG",
    ),
    (rb"GIF8[79]a", "a GIF. Export it as PNG"),
    (rb"RIFF....WEBP", "a WebP image. Export it as PNG or JPEG"),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image. Export it as PNG or JPEG"),
    (rb"8BPS", "a Photoshop file. Export it as PNG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file. Export the page as PNG"),
    (rb"SIMPLE  =", "a FITS file. Export it as PNG"),
    (rb"II\+\x00|MM\x00\+", "a BigTIFF. Save it as a plain TIFF"),
    (rb"P[1346][\s#]", "a PBM or PPM image. Save it as PGM or PNG"),
    (rb"PK\x03\x04", "a zip archive. Unpack it first"),
    (rb"\x1f\x8b", "a gzip archive. Unpack it first"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """Width and height in pixels; `expected` is the least number of bytes of a whole file.

    `width` is None when the file ends before it says; `expected` None when nothing says.
    """

    width: int | None
    height: int | None
    expected: int | None = None


def kind(data: bytes) -> str | None:
    """Return the format a file has by its content: PNG, JPEG, TIFF, BMP or PGM, else None.

    >>> kind(b"P5 2 2 255 abcd"), kind(b"hello")
    ('PGM', None)
    """
    return next((name for magic, name in _KINDS if re.match(magic, data)), None)


def is_pdf(data: bytes) -> bool:
    """Tell whether a file is a PDF by its content."""
    return data[:1024].lstrip().startswith(b"%PDF")


def refusal(data: bytes) -> str:
    """Return what to say of a file that is of no kind we read.

    >>> refusal(b"hello world")
    'not an image we read (starts with "hello"); PNG, JPEG, TIFF, BMP and PGM are supported'
    """
    head = data[:1024]
    for magic, what in _OTHERS:
        if re.match(magic, head, re.DOTALL):
            return f"this is {what}"
    word = re.match(rb"\s*([!-~]{1,16})", head)
    start = f'"{word[1].decode("ascii")}"' if word else f"bytes {head[:4].hex(' ')}"
    return f"not an image we read (starts with {start}); {SUPPORTED}"


def header(data: bytes, name: str) -> Header | None:
    """Return what the header of a PNG, JPEG, BMP or PGM says, None when it is damaged."""
    try:
        return {"PNG": _png, "JPEG": _jpeg, "BMP": _bmp, "PGM": _pgm}[name](data)
    except (struct.error, IndexError):  # a field lies beyond the end
        return Header(None, None)


def _png(data: bytes) -> Header | None:
    length, chunk, width, height = struct.unpack_from(">L4sLL", data, 8)
    if chunk != b"IHDR" or length != 13:
        return None
    at, chunks = 8, 0
    while at + 8 <= len(data):
        chunks += 1
        if chunks > _MOST_CHUNKS:
            return None
        length, chunk = struct.unpack_from(">L4s", data, at)
        at += 12 + length
        if chunk == b"IEND":
            return Header(width, height, at)
    return Header(width, height, at + 12)  # at least an IEND must follow


def _jpeg(data: bytes) -> Header | None:
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in (0x01, *range(0xD0, 0xD8)):  # markers without a segment
            continue
        if marker in (0x00, 0xD8, 0xD9, 0xDA):  # no frame header before the picture
            return None
        (length,) = struct.unpack_from(">H", data, at)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 3)
            return Header(width, height)
        at += max(length, 2)


def _bmp(data: bytes) -> Header | None:
    start, size = struct.unpack_from("<LL", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    elif size >= 40:
        width, height, _, bits, packing = struct.unpack_from("<iiHHL", data, 18)
    else:
        return None
    height = abs(height)  # negative: rows run downwards
    if width < 0:
        return None
    plain = packing in (0, 3)
    row = (width * bits + 31) // 32 * 4
    return Header(width, height, start + row * height if plain else None)


def _pgm(data: bytes) -> Header | None:
    space = rb"(?:\s|#[^\r\n]*[\r\n])+"
    number = rb"(\d{1,10})"
    found = re.match(rb"P([25])" + (space + number) * 3 + rb"\s", data[:65536])
    if not found:
        partial = rb"P[25](?:" + space + rb"(?:\d{1,10}|$)){0,3}\s*(?:#[^\r\n]*)?$"
        return Header(None, None) if re.match(partial, data[:65536]) else None
    width, height, most = int(found[2]), int(found[3]), int(found[4])
    pixel = 2 if found[1] == b"2" or most > 255 else 1  # plain text: a digit and a space
    return Header(width, height, found.end() + width * height * pixel - (found[1] == b"2"))
