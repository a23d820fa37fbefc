"""A corpus of nasty files, made here byte by byte, each with the exact text it must earn.

The texts follow the file's name, as in ``scan.png: the file is empty (0 bytes)``.
"""

import struct
import sys
import zlib
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pipeline.confidence import Calibration
from pipeline.fields import Field
from pipeline.recognition import Decoded
from pipeline.records import Character
from sn.errors import SnError

SUPPORTED = "PNG, JPEG, TIFF, BMP and PGM are supported"
AGAIN = "Scan or copy it again"
ANY = (
    "Save it as 8-bit grey or 1-bit, in strips, G4, LZW or uncompressed, "
    "or --allow-tiff-any if you trust it"
)


def strip_pixels(width=60, height=24):
    """White paper with dark upright strokes, (height, width) uint8."""
    pixels = np.full((height, width), 255, np.uint8)
    pixels[height // 4 : -height // 4, 10 : width - 10 : 12] = 20
    pixels[height // 4 : -height // 4, 11 : width - 10 : 12] = 20
    return pixels


def png(pixels=None, *, size=None, level=0):
    """Return a grey PNG of `pixels`, its header claiming `size` (width, height)."""
    pixels = strip_pixels() if pixels is None else pixels
    width, height = size or pixels.shape[::-1]

    def chunk(name, body):
        check = zlib.crc32(name + body)
        return struct.pack(">L", len(body)) + name + body + struct.pack(">L", check)

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, level))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


def tiff(pages, *, loop=False, order="<"):
    """Return a TIFF of (tags, strips) pages; the last directory points back with `loop`."""
    data = struct.pack(order + "2sHL", b"II" if order == "<" else b"MM", 42, 0)
    link, first = 4, None
    for tags, strips in pages:
        places = []
        for body in strips:
            places.append(len(data))
            data += body
        tags = {273: places, 279: [len(body) for body in strips], **tags}
        tags = {t: v if isinstance(v, list) else [v] for t, v in tags.items() if v is not None}
        data += bytes(len(data) % 2)
        place = len(data)
        first = first or place
        far, tail, entries = place + 2 + 12 * len(tags) + 4, b"", b""
        for tag in sorted(tags):
            values = struct.pack(f"{order}{len(tags[tag])}L", *tags[tag])
            entries += struct.pack(order + "HHL", tag, 4, len(tags[tag]))
            entries += values if len(values) == 4 else struct.pack(order + "L", far + len(tail))
            tail += b"" if len(values) == 4 else values
        data = data[:link] + struct.pack(order + "L", place) + data[link + 4 :]
        data += struct.pack(order + "H", len(tags)) + entries
        link = len(data)
        data += bytes(4) + tail
    return data[:link] + struct.pack(order + "L", first if loop else 0) + data[link + 4 :]


def grey_page(pixels=None, **tags):
    """Return tags and the one strip of an uncompressed 8-bit page; tags as ``t262=0``."""
    pixels = strip_pixels() if pixels is None else pixels
    height, width = pixels.shape
    plain = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height}
    return {**plain, **{int(t[1:]): v for t, v in tags.items()}}, [pixels.tobytes()]


def white_g4_page(width, height):
    """Return a blank page in G4: one bit for each row like the one above, then the end mark."""
    bits = "1" * height + "000000000001" * 2
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return {256: width, 257: height, 258: 1, 259: 4, 262: 0, 277: 1, 278: height}, [body]


def bmp(pixels=None):
    pixels = strip_pixels() if pixels is None else pixels
    height, width = pixels.shape
    colours = b"".join(bytes((i, i, i, 0)) for i in range(256))
    head = struct.pack("<LiiHHLLiiLL", 40, width, height, 1, 8, 0, 0, 0, 0, 256, 0)
    start = 14 + len(head) + len(colours)
    rows = b"".join(row.tobytes() + bytes(-width % 4) for row in pixels[::-1])
    return b"BM" + struct.pack("<LHHL", start + len(rows), 0, 0, start) + head + colours + rows


def pgm(pixels=None):
    pixels = strip_pixels() if pixels is None else pixels
    height, width = pixels.shape
    return b"P5\n# drawn by a test\n%d %d\n255\n" % (width, height) + pixels.tobytes()


JPEG_START = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043") + bytes(60)


def _twice(page):
    """Return a TIFF whose width stands twice: the height's tag is made a second width."""
    return tiff([page]).replace(struct.pack("<H", 257), struct.pack("<H", 256), 1)


NASTY = {
    "empty.png": (lambda: b"", "the file is empty (0 bytes)"),
    "notes.png": (
        lambda: b"hello",
        f'not an image we read (starts with "hello"); {SUPPORTED}',
    ),
    "zeros.tif": (
        lambda: bytes(64),
        f"not an image we read (starts with bytes 00 00 00 00); {SUPPORTED}",
    ),
    "a.pdf": (
        lambda: b"%PDF-1.7\n",
        'this is a PDF. Install the extra "pdf", or export the page as PNG',
    ),
    "a.heic": (
        lambda: b"\0\0\0\x18ftypheic\0\0\0\0",
        "this is a HEIC photograph. Export it as PNG or JPEG",
    ),
    "a.svg": (
        lambda: b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>",
        "this is an SVG drawing. Export it as PNG",
    ),
    "a.gif": (lambda: b"GIF89a" + bytes(20), "this is a GIF. Export it as PNG"),
    "big.tif.png": (lambda: b"II+\0" + bytes(20), "this is a BigTIFF. Save it as a plain TIFF"),
    "short.png": (
        lambda: png()[:200],
        f"the image ends early (200 of ~1,500 bytes read). {AGAIN}",
    ),
    "header.png": (lambda: png()[:20], f"the image ends early (20 bytes read). {AGAIN}"),
    "short.tif": (
        lambda: tiff([grey_page()])[:700],
        f"the image ends early (700 of ~1,400 bytes read). {AGAIN}",
    ),
    "short.jpg": (lambda: JPEG_START, f"the image ends early (84 bytes read). {AGAIN}"),
    "short.bmp": (
        lambda: bmp()[:1100],
        f"the image ends early (1,100 of ~2,500 bytes read). {AGAIN}",
    ),
    "short.pgm": (
        lambda: pgm()[:1000],
        f"the image ends early (1,000 of ~1,500 bytes read). {AGAIN}",
    ),
    "flipped.png": (
        lambda: png(level=9)[:50] + b"\xff\xff\xff" + png(level=9)[53:],
        f"the image is damaged and cannot be decoded. {AGAIN}",
    ),
    "broken.jpg": (
        lambda: b"\xff\xd8\xff\xd9" + bytes(20) + b"\xff\xd9",
        f"the image is damaged and cannot be decoded. {AGAIN}",
    ),
    "bomb.tif": (
        lambda: tiff([white_g4_page(9400, 9400)]),
        "9,400 x 9,400 = 88 Mpixel, limit 40. Crop to the check, "
        "or --max-pixels 100M if you trust it",
    ),
    "huge.png": (
        lambda: png(size=(60000, 60000)),
        "60,000 x 60,000 = 3,600 Mpixel, limit 40. Crop to the check",
    ),
    "huge.pgm": (
        lambda: b"P5 90000000 90000000 255\n" + bytes(10),
        "90,000,000 x 90,000,000 = 8,100,000,000 Mpixel, limit 40. Crop to the check",
    ),
    "nothing.png": (lambda: png(size=(0, 5)), "the image is 0 x 5 pixels: there is none"),
    "long.png": (
        lambda: png(np.full((4, 400), 255, np.uint8)),
        "400 x 4 is 100 times as long as wide, limit 60. Crop to the writing",
    ),
    "many.tif": (
        lambda: tiff([white_g4_page(8, 8)] * 201),
        "more than 200 pages. Split the file",
    ),
    "deep.tif": (
        lambda: tiff([white_g4_page(6000, 6000)] * 12),
        "its pages together have 432 Mpixel, limit 400. Split the file",
    ),
    "loop.tif": (
        lambda: tiff([grey_page(), grey_page()], loop=True),
        "its page directories run in a loop. Scan or export it again",
    ),
    "nowhere.tif": (
        lambda: b"II*\0\xf0\xff\xff\xff" + bytes(100),
        f"the image is damaged and cannot be decoded. {AGAIN}",
    ),
    "nopage.tif": (
        lambda: b"II*\0" + bytes(100),
        "this TIFF has no page. Scan or export it again",
    ),
    "rgb.tif": (
        lambda: tiff([grey_page(t277=3, t258=[8, 8, 8])]),
        f"this TIFF is in colour (or has an alpha channel). {ANY}",
    ),
    "jpeg.tif": (lambda: tiff([grey_page(t259=7)]), f"this TIFF is compressed as JPEG. {ANY}"),
    "tiled.tif": (lambda: tiff([grey_page(t322=16, t323=16)]), f"this TIFF is tiled. {ANY}"),
    "sixteen.tif": (
        lambda: tiff([grey_page(t258=16)]),
        f"this TIFF is of 16 bits per pixel. {ANY}",
    ),
    "float.tif": (
        lambda: tiff([grey_page(t339=3)]),
        f"this TIFF is of signed or floating-point samples. {ANY}",
    ),
    "ycbcr.tif": (
        lambda: tiff([grey_page(t262=6)]),
        f"this TIFF is of photometric kind 6. {ANY}",
    ),
    "twice.tif": (
        lambda: _twice(grey_page()),
        "its page directory is damaged (tag 256 stands twice). Scan or export it again",
    ),
    "strips.tif": (
        lambda: tiff([grey_page(t278=1)]),
        "its page directory is damaged (24 strips announced, 1 listed with 1 lengths). "
        "Scan or export it again",
    ),
    "thin.tif": (
        lambda: tiff([grey_page(t279=100)]),
        "its page directory is damaged (strips are shorter than the page needs). "
        "Scan or export it again",
    ),
    "overlap.tif": (
        lambda: tiff([grey_page(t278=12, t273=[8, 9], t279=[1400, 1400])]),
        "its page directory is damaged (strips overlap or are empty). Scan or export it again",
    ),
    "wordy.tif": (
        lambda: tiff([({256: 8, 257: 8, **dict.fromkeys(range(1000, 1600), 0)}, [bytes(64)])]),
        "its page directory is damaged (604 tags). Scan or export it again",
    ),
    "listy.tif": (
        lambda: tiff([grey_page(t273=[8] * 70_000)]),
        "its page directory is damaged (tag 273 has type 4 and 70,000 values). "
        "Scan or export it again",
    ),
    "chunky.png": (
        lambda: png()[:-12] + struct.pack(">L4sL", 0, b"tEXt", 0) * 60_000 + png()[-12:],
        f"the image is damaged and cannot be decoded. {AGAIN}",
    ),
    "scans.jpg": (
        lambda: (
            JPEG_START[:20]
            + bytes.fromhex("ffc0000b080020004001011100")
            + bytes.fromhex("ffda0008010100003f00") * 3000
            + b"\xff\xd9"
        ),
        "a JPEG of 3,000 scans, limit 64. Save it as a plain JPEG",
    ),
    "crumpled.tif": (
        lambda: tiff([(white_g4_page(60, 60)[0], [b"\x01\x80" * 20])]),
        f"the image is damaged and cannot be decoded. {AGAIN}",
    ),
}


@pytest.fixture(params=NASTY)
def nasty(request, tmp_path, monkeypatch):
    """One nasty file after another: its path and the text it must earn."""
    monkeypatch.setitem(sys.modules, "pypdfium2", None)  # as if not installed
    make, text = NASTY[request.param]
    file = tmp_path / request.param
    file.write_bytes(make())
    return file, text


@pytest.fixture
def files():
    """Makers of files in every supported format, whole ones."""
    return SimpleNamespace(
        strip=strip_pixels,
        png=png,
        tiff=tiff,
        grey_page=grey_page,
        white_g4_page=white_g4_page,
        bmp=bmp,
        pgm=pgm,
        nasty=NASTY,
    )


class FakeEngine:
    """Reads the number of upright strokes; black ink is sure, grey ink is not.

    Stands in for the recognition in tests of what surrounds it.
    """

    name, mode, sha256, calibration = "fake", "hos", "0" * 64, Calibration()
    recognizer = strips = None

    @classmethod
    def load(cls, mode=""):
        return cls()

    def decode(self, field, grammar, dpi=None):
        dark = field.min(axis=0) < 128
        starts = np.flatnonzero(np.diff(np.r_[0, dark.astype(int)]) == 1)
        if grammar == "crash":
            raise ZeroDivisionError("no\nsuch luck")
        if starts.size == 0:
            return Decoded((), (), 0.0, 0.0, "blank", "no ink found", {})
        text = f"{starts.size}.00" if grammar == "amount" else str(starts.size)
        sure = 0.99 if field.min() < 50 else 0.6
        other = f"9{text}"
        n_best = ((text, sure), (other, round(1 - sure, 3)))
        top = int(np.flatnonzero(field.min(axis=1) < 128)[0])
        characters = tuple(
            Character("1", sure, (int(x), top, 2, 10), (("7", 0.01),)) for x in starts
        )
        quality = {"skew_deg": 0.5, "contrast": 0.9, "flags": (), "dpi": dpi}
        return Decoded(n_best, characters, sure, 0.02, None, "", quality)


def whole_page(pixels):
    return [Field((0, 0, pixels.shape[1], pixels.shape[0]))]


@pytest.fixture
def fake():
    """A fake engine and locator, and what they are made of."""
    return SimpleNamespace(engine=FakeEngine(), locate=whole_page, Decoded=Decoded, Field=Field)


@pytest.fixture
def fakes_installed(monkeypatch):
    """Let the command find the fakes where it looks for the real recognition."""
    for name, module in fake_modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("pipeline.confidence.Known.of", lambda *_: None)


def fake_modules():
    """Return the modules the command imports for reading, by name, made of the fakes."""

    def grammar(text):
        if text == "[":
            raise SnError("column 1: the bracket is never closed")

    places = {
        "recognition": {"Engine": FakeEngine},
        "fields": {"locate": whole_page, "Field": Field},
        "grammars": {"grammar": grammar, "GRAMMARS": {"amount": "...", "digits": "[0-9]+"}},
    }
    made = {}
    for name, content in places.items():
        module = made[f"pipeline.{name}"] = ModuleType(f"pipeline.{name}")
        vars(module).update(content)
    return made
