"""Digits to train on and to be measured by, and how they reach the retina.

MNIST is not part of this project: it is read from the folder named by ``SN_DATA`` (or given),
as the four gzipped IDX files in which it is distributed.
"""

import gzip
import os
from pathlib import Path

import numpy as np

from sn import idxfile
from sn.errors import LispError, SnError

SIDE = 32
PAPER, INK = -0.1, 1.175  # LeCun et al. 1998, sec. II-B: mean 0, variance 1
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class DataError(SnError):
    """A data set that is missing or damaged; the message says which file goes where."""


def data_folder(given: str | Path | None = None) -> Path:
    """Return the data folder: the one given, else the one named by ``SN_DATA``."""
    place = given or os.environ.get("SN_DATA")
    if not place:
        raise DataError("no data folder: set SN_DATA, or give --data FOLDER")
    folder = Path(place)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; set SN_DATA, or give --data FOLDER")
    return folder


def mnist(part: str, folder: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (n, 28, 28), ink 255, and labels uint8 (n,) of ``train`` or ``test``.

    Looks in the folder and in its ``mnist/``. Raises DataError.
    """
    place = data_folder(folder)
    place = place / "mnist" if (place / "mnist").is_dir() else place
    images, labels = (place / name for name in FILES[part])
    return _idx(images, 3), _idx(labels, 1)


def _idx(file: Path, dimensions: int) -> np.ndarray:
    if not file.is_file():
        raise DataError(
            f"{file}: missing; MNIST is the four files {', '.join(sum(FILES.values(), ()))}"
        )
    try:
        array = idxfile.load(gzip.decompress(file.read_bytes())).array
    except (OSError, EOFError, LispError) as error:
        raise DataError(f"{file}: damaged ({error}); fetch it again") from None
    if array.ndim != dimensions or array.dtype != np.uint8:
        raise DataError(f"{file}: {array.ndim} dimensions of {array.dtype}, not MNIST")
    return array


def retina(images: np.ndarray) -> np.ndarray:
    """Return retinas float32 (n, 32, 32) of glyphs uint8 (n, h, w), ink 255, centred."""
    count, rows, columns = images.shape
    out = np.full((count, SIDE, SIDE), PAPER, np.float32)
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    part = out[:, top : top + rows, left : left + columns]
    part += images.astype(np.float32) * np.float32((INK - PAPER) / 255)
    return out
