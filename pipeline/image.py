"""The image gate: everything passes it before a decoder runs.

The first stage of the road: a path, bytes, a file object, a Pillow image or an array goes in,
pages come out: 8-bit grey, dark ink on light paper, upright. The kind is told by content,
limits hold on what the headers say, TIFF directories are read by our own parser, and only the
one decoder of that kind is ever tried. It does not judge whether a page can be read.
"""

import hashlib
import io
import os
import re
import stat
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import headers, pdf, tiff
from pipeline.errors import BadImage, ImageError, TooLarge

Grey = NDArray[np.uint8]
Source = str | os.PathLike[str] | bytes | BinaryIO | Grey | Image.Image

_PLUGIN = {"PNG": "PNG", "JPEG": "JPEG", "TIFF": "TIFF", "BMP": "BMP", "PGM": "PPM"}
_UPRIGHT: dict[int, Callable[[Grey], Grey]] = {  # TIFF 6.0 and EXIF tag 274
    2: np.fliplr,
    3: lambda a: a[::-1, ::-1],
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: np.rot90,
}
_BAND = 256  # rows that are converted at once
_LARGE_PAGE = 8_000_000  # pixels; what decoding it took goes back to the system at once
_MOST_SCANS = 64  # of a progressive JPEG: each is a pass over all pixels; cameras write 10
_LARGE, _STDERR = threading.Lock(), threading.Lock()
_LIBTIFF = re.compile(rb"(\w*Decode\w*|TIFF\w+|tempfile\.tif|\w*: Warning)\b.*: ")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gate lets in: bytes of a file, pixels of a page and of a file, pages, shape.

    `aspect` is the longer side over the shorter one. `tiff_any` lets Pillow's own TIFF reader
    see the file when our directory parser would refuse it (tiles, colour, JPEG).
    """

    file_bytes: int = 20_000_000
    pixels: int = 40_000_000
    file_pixels: int = 400_000_000
    pages: int = 200
    aspect: int = 60
    tiff_any: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `pixels` (height, width) uint8, 0 black ink ... 255 white paper.

    `dpi` is the stated resolution in dots per inch, None when unstated or a screen's default;
    `number` counts from 1; `format` is PNG, JPEG, TIFF, BMP, PGM, PDF or array; `flags` tell
    what was changed: ``inverted`` (light ink on dark paper), ``turned`` (stated orientation).
    """

    pixels: Grey = field(repr=False)
    dpi: float | None
    number: int
    format: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """An input past the first look: its `name` as given, kind, and what it holds.

    `sha256` is that of the file, or of the pixels where there is no file.
    """

    name: str | None
    sha256: str
    format: str
    content: bytes | Grey = field(repr=False)
    limits: Limits = Limits()

    @property
    def label(self) -> str:
        """The name for messages."""
        return "the image" if self.name is None else self.name

    def pages(self) -> Iterator[Page]:
        """Yield the pages in order; all headers are checked before the first is decoded.

        Raises
        ------
        BadImage, TooLarge
        """
        if isinstance(self.content, np.ndarray):
            _check_size(self, self.content.shape[1], self.content.shape[0])
            yield _page(self.content, None, 1, "array", 1)
        elif self.format == "TIFF":
            yield from _tiff_any(self) if self.limits.tiff_any else _tiff(self)
        elif self.format == "PDF":
            yield from _pdf(self)
        else:
            yield _single(self)


def load(source: Source, limits: Limits = Limits()) -> list[Page]:
    """Return all pages of an input.

    Parameters
    ----------
    source
        A path, the bytes of a file, a binary file object, a Pillow image, or a 2-D uint8 array
        (0 black ... 255 white).
    limits
        See `Limits`.

    Raises
    ------
    ImageError
        When there is no such file, or it cannot be opened.
    BadImage, TooLarge
        When the gate refuses it.
    """
    return list(scan(source, limits).pages())


def scan(source: Source, limits: Limits = Limits()) -> Scan:
    """Take a first look at an input: fetch it within the limit, hash it, tell its kind."""
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 2 or not source.size:
            raise BadImage(
                "the array",
                f"{source.dtype} of shape {source.shape}; "
                "a 2-D uint8 array is expected, 0 black to 255 white",
            )
        pixels = np.ascontiguousarray(source)
        return Scan(None, hashlib.sha256(pixels).hexdigest(), "array", pixels, limits)
    if isinstance(source, bytes | bytearray | memoryview):
        return _look(None, bytes(source), len(source), limits)
    if isinstance(source, str | os.PathLike):
        return _look(os.fspath(source), *fetch(os.fspath(source), limits), limits)
    if isinstance(source, Image.Image):
        return scan(_decoded("the image", source), limits)
    if hasattr(source, "read"):
        data = source.read(limits.file_bytes + 1)
        name = getattr(source, "name", None)
        return _look(name if isinstance(name, str) else None, data, len(data), limits)
    raise TypeError(f"cannot read a {type(source).__name__}; give a path, bytes or an array")


def fetch(name: str, limits: Limits) -> tuple[bytes, int]:
    """Return at most one byte more than the limit of a regular file, and its size."""
    try:
        # Without O_NONBLOCK a named pipe would hang here.
        handle = os.open(
            name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(name, "not a file that can be read. Give an image or a folder")
            return file.read(limits.file_bytes + 1), status.st_size
    except FileNotFoundError:
        raise ImageError(name, f"no such file or folder{_nearest(name)}") from None
    except IsADirectoryError:
        raise ImageError(name, "this is a folder, not an image") from None
    except OSError as error:
        raise ImageError(name, f"cannot be opened ({error.strerror})") from None
    except ValueError:
        raise ImageError(name, "no such file (not a possible file name)") from None


def _nearest(name: str) -> str:
    """Return a hint at the most similar name in the folder, if there is one."""
    import difflib

    folder, last = Path(name).parent, Path(name).name
    try:
        if not folder.is_dir():
            return f" (there is no {folder} either)"
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(10_000), strict=False)]
    except OSError:
        return ""
    near = difflib.get_close_matches(last, names, 1, 0.75)
    return f". Did you mean {folder / near[0]}?" if near else ". Check the name"


def _look(name: str | None, data: bytes, size: int, limits: Limits) -> Scan:
    label = "the image" if name is None else name
    if not data:
        raise BadImage(label, "the file is empty (0 bytes)")
    format_ = headers.kind(data)
    if format_ is None and headers.is_pdf(data) and pdf.available():
        format_ = "PDF"
    if format_ is None:
        raise BadImage(label, headers.refusal(data))
    if len(data) > limits.file_bytes:
        raise TooLarge(
            label,
            f"{max(size, len(data)) / 1e6:,.0f} MB, limit {limits.file_bytes / 1e6:,.0f}. "
            "Scan at 200 dpi in grey, or split the file",
        )
    return Scan(name, hashlib.sha256(data).hexdigest(), format_, data, limits)


def _check_size(source: Scan, width: int, height: int) -> None:
    """Refuse sizes beyond the limits; the numbers come from a header, nothing is decoded."""
    limits = source.limits
    if not (width and height):
        raise BadImage(
            source.label, f"the image is {width:,} x {height:,} pixels: there is none"
        )
    pixels = width * height
    if pixels > limits.pixels:
        held = f"{width:,} x {height:,} = {_mega(pixels)} Mpixel, limit {_mega(limits.pixels)}"
        more = next(n * 10**k for k in range(6, 30) for n in (1, 2, 5) if n * 10**k >= pixels)
        trust = f", or --max-pixels {more // 10**6}M if you trust it"
        raise TooLarge(
            source.label,
            f"{held}. Crop to the check{trust if more <= headers.MOST_PIXELS else ''}",
        )
    longer, shorter = max(width, height), min(width, height)
    if longer > limits.aspect * shorter:
        raise TooLarge(
            source.label,
            f"{width:,} x {height:,} is {longer / shorter:,.0f} times as long as wide, "
            f"limit {limits.aspect}. Crop to the writing",
        )


def _mega(pixels: int) -> str:
    mega = pixels / 1e6
    return f"{mega:,.0f}" if mega >= 50 else f"{mega:.3g}"


def _too_many(limit: int) -> str:
    return f"more than {limit} pages. Split the file"


def _check_total(source: Scan, pixels: int) -> None:
    if pixels > source.limits.file_pixels:
        limit = _mega(source.limits.file_pixels)
        raise TooLarge(
            source.label,
            f"its pages together have {_mega(pixels)} Mpixel, limit {limit}. Split the file",
        )


def _ends_early(source: Scan, expected: int | None) -> BadImage:
    """Return the error for a file that stops short; estimates have two significant digits."""
    assert isinstance(source.content, bytes)
    size = len(source.content)
    if expected is not None and expected > source.limits.file_bytes:
        return _damaged(source)  # a field of nonsense, not a copy that stopped
    if expected is None or expected <= size:
        read = f"{size:,} bytes read"
    else:
        about = float(f"{expected:.1e}")
        read = f"{size:,} of ~{about if about > size else expected:,.0f} bytes read"
    return BadImage(source.label, f"the image ends early ({read}). Scan or copy it again")


def _damaged(source: Scan, number: int = 1) -> BadImage:
    page = f"page {number} " if number > 1 else "the image "
    return BadImage(
        source.label, f"{page}is damaged and cannot be decoded. Scan or copy it again"
    )


def _single(source: Scan) -> Page:
    """Decode a PNG, JPEG, BMP or PGM."""
    assert isinstance(source.content, bytes)
    header = headers.header(source.content, source.format)
    if header is None:
        raise _damaged(source)
    if header.width is None or header.height is None:
        raise _ends_early(source, header.expected)
    _check_size(source, header.width, header.height)
    scans = source.content.count(b"\xff\xda") if source.format == "JPEG" else 0
    if scans > _MOST_SCANS:
        raise BadImage(
            source.label,
            f"a JPEG of {scans:,} scans, limit {_MOST_SCANS}. Save it as a plain JPEG",
        )
    image = None
    try:
        image = _open(source.content, source.format, header.width * header.height)
        if image.size != (header.width, header.height):
            raise _damaged(source)
        pixels, dpi, turn = _decoded(source.label, image), _dpi(image), _orientation(image)
        image = None  # as large as the page
        if pixels.size > _LARGE_PAGE:
            from lenet.kept import trim

            trim()
        return _page(pixels, dpi, 1, source.format, turn)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise nearly anything on a damaged file
        short = header.expected is not None and header.expected > len(source.content)
        short = short or (source.format == "JPEG" and b"\xff\xd9" not in source.content[-64:])
        if short or "truncated" in str(error):
            raise _ends_early(source, _estimate(source, image, header.expected)) from error
        raise _damaged(source) from error


def _estimate(source: Scan, image: Image.Image | None, expected: int | None) -> int | None:
    """Return how long the whole file may have been, from the rows that could be decoded."""
    assert isinstance(source.content, bytes)
    size = len(source.content)
    if image is None or source.format not in ("PNG", "JPEG"):
        return expected
    image.tile = []  # what has been decoded so far, and no second attempt
    try:
        rows = np.flatnonzero(np.asarray(image.convert("L")).any(axis=1))
    except Exception:  # nothing was allocated yet
        return expected
    seen = int(rows[-1]) + 1 if rows.size else 0
    if seen < 16:  # too few to tell a proportion from
        return expected
    return max(expected or 0, size * image.height // seen)


def _tiff(source: Scan) -> Iterator[Page]:
    """Check all directories, then decode page after page; directories are not kept."""
    data, total = source.content, 0
    assert isinstance(data, bytes)
    for directory in _directories(source):
        total += directory.width * directory.height
        _check_total(source, total)
    for number, directory in enumerate(_directories(source), 1):
        pixels = directory.width * directory.height
        try:
            with _libtiff_heard() as complaints:
                alone = tiff.alone(data, directory)
                grey = _decoded(source.label, _open(alone, "TIFF", pixels))
            if complaints or grey.shape != (directory.height, directory.width):
                raise _damaged(source, number)
        except (ImageError, MemoryError):
            raise
        except Exception as error:
            raise _damaged(source, number) from error
        if directory.palette:
            index = grey if directory.bits == 8 else grey // 255
            grey = np.array(directory.palette, np.uint8)[index]
        yield _page(grey, directory.dpi, number, "TIFF", directory.orientation)


def _directories(source: Scan) -> Iterator[tiff.Directory]:
    assert isinstance(source.content, bytes)
    try:
        for tags in tiff.directories(source.content, most=source.limits.pages):
            _check_size(source, *tiff.size(tags))
            yield tiff.check(source.content, tags)
    except tiff.TiffFault as fault:
        if fault.expected is not None:
            raise _ends_early(source, fault.expected) from None
        raise (TooLarge if fault.large else BadImage)(source.label, fault.what) from None


def _tiff_any(source: Scan) -> Iterator[Page]:
    """Decode a trusted TIFF with Pillow's own directory reader (limits still hold)."""
    assert isinstance(source.content, bytes)
    number, total = 1, 0
    try:
        image = _open(source.content, "TIFF", source.limits.pixels)
        while True:
            _check_size(source, *image.size)
            total += image.width * image.height
            _check_total(source, total)
            with _libtiff_heard() as complaints:
                pixels = _decoded(source.label, image)
            if complaints:
                raise _damaged(source, number)
            yield _page(pixels, _dpi(image), number, "TIFF", _orientation(image))
            try:
                image.seek(number)
            except EOFError:
                return
            number += 1
            if number > source.limits.pages:
                raise TooLarge(source.label, _too_many(source.limits.pages))
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(source, number) from error


def _pdf(source: Scan) -> Iterator[Page]:
    """Draw the pages of a PDF, where the extra is installed."""
    assert isinstance(source.content, bytes)
    try:
        document = pdf.Document(source.content)
    except RuntimeError as error:
        locked = "password" in str(error).lower()
        why = "needs a password" if locked else "is damaged and cannot be opened"
        raise BadImage(source.label, f"this PDF {why}. Export the page as PNG") from error
    with document:
        if len(document) > source.limits.pages:
            raise TooLarge(source.label, _too_many(source.limits.pages))
        total = 0
        for index in range(len(document)):
            width, height = document.size(index)
            _check_size(source, width, height)
            total += width * height
        _check_total(source, total)
        for index in range(len(document)):
            try:
                pixels = document.grey(index)
            except RuntimeError as error:
                raise _damaged(source, index + 1) from error
            yield _page(pixels, pdf.DPI, index + 1, "PDF", 1)


def _open(data: bytes, format_: str, pixels: int) -> Image.Image:
    """Open with the one decoder of the kind; silently above Pillow's own warning limit."""
    if pixels <= (Image.MAX_IMAGE_PIXELS or pixels):
        return Image.open(io.BytesIO(data), formats=(_PLUGIN[format_],))
    with _LARGE, warnings.catch_warnings():  # the caller has raised the limit on purpose
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=(_PLUGIN[format_],))
        image.load()
        return image


@contextmanager
def _libtiff_heard() -> Iterator[list[bytes]]:
    """Collect what libtiff says of a strip it decoded all the same, wrongly.

    It writes ``Fax4Decode: Bad code word`` to the file descriptor of stderr and returns
    success; Pillow has no way to ask. What others write there meanwhile is passed on.
    """
    heard: list[bytes] = []
    with _STDERR, tempfile.TemporaryFile() as paper:
        try:
            kept = os.dup(2)
        except OSError:  # no stderr: nothing can be heard
            yield heard
            return
        os.dup2(paper.fileno(), 2)
        try:
            yield heard
        finally:
            os.dup2(kept, 2)
            paper.seek(0)
            for line in paper:
                if _LIBTIFF.match(line):
                    heard.append(line)
                else:
                    os.write(kept, line)
            os.close(kept)


def _decoded(label: str, image: Image.Image) -> Grey:
    """Return the pixels of a Pillow image as 8-bit grey on white paper.

    Band by band: a page of 40 million pixels is not held three times over.
    """
    if image.mode == "F":
        raise BadImage(label, "floating-point pixels are not read. Save it as 8-bit grey")
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        deep = np.asarray(image)
        return np.clip(deep // 257 if deep.max(initial=0) > 255 else deep, 0, 255).astype(
            np.uint8
        )
    pixels = np.empty((image.height, image.width), np.uint8)
    for top in range(0, image.height, _BAND):
        end = min(top + _BAND, image.height)
        pixels[top:end] = np.asarray(_grey(image.crop((0, top, image.width, end))))
    return pixels


def _grey(image: Image.Image) -> Image.Image:
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        if image.mode not in ("LA", "RGBA"):
            image = image.convert("RGBA")
        white = Image.new("L", image.size, 255)
        image = Image.composite(image.convert("L"), white, image.getchannel("A"))
    if image.mode == "CMYK":
        image = image.convert("RGB")
    return image if image.mode == "L" else image.convert("L")


def _dpi(image: Image.Image) -> float | None:
    stated = image.info.get("dpi")
    return float(stated[0]) if isinstance(stated, tuple) and stated else None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(274, 1))
    except Exception:  # EXIF is a guest in the file; a broken one does not spoil the picture
        return 1


def _page(pixels: Grey, dpi: float | None, number: int, format_: str, orientation: int) -> Page:
    flags = []
    if orientation in _UPRIGHT:
        pixels = _UPRIGHT[orientation](pixels)
        flags.append("turned")
    if is_inverted(pixels):
        pixels = 255 - pixels
        flags.append("inverted")
    # Programs that know nothing write 72 or 96; no scan of a check is that coarse.
    known = dpi is not None and 100 <= dpi <= 2400
    return Page(
        np.ascontiguousarray(pixels),
        round(dpi, 2) if known else None,
        number,
        format_,
        tuple(flags),
    )


def upto(grey: Grey) -> NDArray[np.float64]:
    """Return how many pixels have each grey level or a darker one, (256,).

    >>> upto(np.array([[1, 2], [3, 10]], np.uint8))[[0, 1, 2, 3, 9, 10]].tolist()
    [0.0, 1.0, 2.0, 3.0, 3.0, 4.0]
    """
    import cv2

    return np.cumsum(cv2.calcHist([grey], [0], None, [256], [0, 256]), dtype=np.float64)


def levels(pixels: Grey) -> tuple[int, int, int]:
    """Return the darkest, the middle and the lightest grey level, two per mille cut off.

    >>> levels(np.full((4, 4), 200, np.uint8))
    (200, 200, 200)
    """
    step = 1 + pixels.size // 4_000_000
    share = upto(np.ascontiguousarray(pixels.reshape(-1)[::step]))
    low, middle, high = np.searchsorted(share, share[-1] * np.array([0.002, 0.5, 0.998]))
    return int(low), int(middle), int(high)


def is_inverted(pixels: Grey) -> bool:
    """Tell whether thin light strokes stand on dark paper.

    Most pixels are paper, so paper that lies nearer to the darkest level than to the lightest
    is suspected. Glare on dark paper looks the same, so the thin structures decide: those
    lighter than the paper and removed by an opening against those darker and filled by a
    closing, each by a fifth of the range.
    """
    low, middle, high = levels(pixels)
    if high - middle <= middle - low:
        return False
    import cv2

    from pipeline.sheet import corners_of

    if corners_of(pixels) is not None:  # photographed on a dark table
        return False
    scale = min(1.0, 1000 / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    width = max(5, min(small.shape) // 12 | 1)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    least = (high - low) / 5
    light = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, around) > least
    dark = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, around) > least
    light &= small > middle + least
    dark &= small < middle - least  # or the gaps between light strokes would count
    return bool(light.sum() > dark.sum())


def quantiles(grey: Grey, *shares: float) -> list[float]:
    """Return the grey levels below which shares (0...1) of the pixels lie, as numpy does.

    By counting: a page has many pixels and few levels.

    >>> quantiles(np.array([[1, 2], [3, 10]], np.uint8), 0.5, 0.9)
    [2.5, 7.9]
    """
    counts = upto(grey)
    found = []
    for share in shares:
        place = share * (counts[-1] - 1)
        low = np.floor(place)
        one, two = np.searchsorted(counts, (low, min(low + 1, counts[-1] - 1)), "right")
        found.append(round(float(one + (place - low) * (two - one)), 9))
    return found
