"""Which data sets there are, whether they lie where they belong, and how to get MNIST.

Files are known by the SHA-256 of their contents; of gzipped files by that of what is inside,
since everybody's gzip differs. Nothing is fetched unless it is asked for.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sn.errors import SnError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 20.0  # seconds without an answer
CHUNK = 1 << 16


class FetchError(SnError):
    """A data set that could not be fetched; the message says where to put its files."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a set: its place below the data folder, size and digest of its contents.

    `size` in bytes and `sha256` are of the contents once a ``.gz`` is unpacked.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A set by name: what it holds, its files, and where it comes from."""

    name: str
    what: str
    origin: str
    items: tuple[Item, ...]


MNIST = DataSet(
    "mnist",
    "60,000 + 10,000 digits, 28 x 28",
    "LeCun, Cortes, Burges; lenet data --fetch mnist",
    (
        Item(
            "mnist/train-images-idx3-ubyte.gz",
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        Item(
            "mnist/train-labels-idx1-ubyte.gz",
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        Item(
            "mnist/t10k-images-idx3-ubyte.gz",
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        Item(
            "mnist/t10k-labels-idx1-ubyte.gz",
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)
SETS = (
    MNIST,
    DataSet(
        "usps",
        "7,291 + 2,007 zip-code digits of 1989, 16 x 16",
        "the zip set of The Elements of Statistical Learning, as x_milli, y, split",
        (
            Item(
                "usps_zip_9298.npz",
                1_668_486,
                "6f0df5150b780dc35923ace55fdd2efc782ebe7763ec42acaa63c669015cb1a8",
            ),
        ),
    ),
    DataSet(
        "digits-1988",
        "480 digits drawn with a mouse, 16 x 16",
        "dig.pat of the Lush distribution (GPL)",
        (
            Item(
                "sn1988/dig.pat",
                122_933,
                "4d34649511ad2cd3460227dbd6802a94628b36a5371537fa5bee28bd622565f5",
            ),
        ),
    ),
)


def content(file: Path, most: int) -> bytes:
    """Return the contents of a file, unpacked if it is a .gz; ValueError if more than `most`.

    Raises OSError, EOFError or zlib.error for what cannot be read.
    """
    if file.suffix != ".gz":
        if file.stat().st_size > most:
            raise ValueError("too large")
        return file.read_bytes()
    with gzip.open(file) as packed:
        data = packed.read(most + 1)
    if len(data) > most:
        raise ValueError("too large")
    return data


def state(item: Item, folder: Path) -> str:
    """Return ``present``, ``missing``, or ``damaged`` with what is wrong.

    A file may lie in its place or in the folder itself.
    """
    file = find(item, folder)
    if file is None:
        return "missing"
    try:
        data = content(file, item.size)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        return f"damaged ({error})"
    if len(data) != item.size:
        return f"damaged ({len(data):,} of {item.size:,} bytes)"
    return "present" if hashlib.sha256(data).hexdigest() == item.sha256 else "another file"


def find(item: Item, folder: Path) -> Path | None:
    """Return where the file of an item lies, None if nowhere."""
    for place in (folder / item.path, folder / Path(item.path).name):
        if place.is_file():
            return place
    return None


def default_folder(given: str | None) -> Path:
    """Return the data folder: given, named by SN_DATA, or ./data; it need not exist."""
    return Path(given or os.environ.get("SN_DATA") or "data")


def fetch(
    data: DataSet,
    folder: Path,
    mirrors: tuple[str, ...] = MIRRORS,
    progress: Callable[[str, float], None] | None = None,
) -> list[Path]:
    """Fetch the files of a set that are not there and return them; FetchError says why not.

    Every file is checked by its digest before it gets its name. `progress` is told of a file
    name and the share of its contents done.
    """
    made = []
    for item in data.items:
        if state(item, folder) == "present":
            continue
        troubles = []
        for mirror in mirrors:
            url = mirror.rstrip("/") + "/" + Path(item.path).name
            try:
                made.append(_fetch(url, item, folder, progress))
                break
            except (OSError, ValueError, EOFError, zlib.error) as error:
                troubles.append(f"{url}: {getattr(error, 'reason', None) or error}")
        else:
            names = ", ".join(Path(i.path).name for i in data.items)
            place = folder / Path(item.path).parent
            raise FetchError(
                f"{data.name} could not be fetched ({'; '.join(troubles)}). "
                f"Get {names} elsewhere and put them into {place}"
            )
    return made


def _fetch(
    url: str, item: Item, folder: Path, progress: Callable[[str, float], None] | None
) -> Path:
    from urllib.request import urlopen

    if not url.startswith(("http://", "https://")):
        raise ValueError("not an http address")
    file = folder / item.path
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    unpack = zlib.decompressobj(wbits=31)
    digest, size = hashlib.sha256(), 0
    try:
        with urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as out:
            while piece := answer.read(CHUNK):
                out.write(piece)
                data = unpack.decompress(piece, item.size + 1 - size)
                size += len(data)
                digest.update(data)
                if size > item.size or unpack.unconsumed_tail:
                    raise ValueError("larger than it should be")
                if progress:
                    progress(file.name, size / item.size)
        if size != item.size or digest.hexdigest() != item.sha256:
            raise ValueError("not the file it should be (its SHA-256 differs)")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file
