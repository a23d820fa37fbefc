"""Digits to train on and to be measured by, and how they reach the retina.

No set is part of this project: they are read from the folder named by ``SN_DATA`` (or given).

    mnist          28 x 28, 60,000 + 10,000: the four gzipped IDX files, there or in mnist/
    usps           16 x 16, 7,291 + 2,007 zip-code digits: usps_zip_9298.npz
    digits-1988    16 x 16, 320 + 160 drawn with a mouse: dig.pat, there or in sn1988/
"""

import gzip
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lenet.distortions import move
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


def usps(part: str, folder: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return images float32 (n, 16, 16), paper -1 to ink 1, and labels uint8 (n,).

    `part` is ``train`` or ``test``, the 7,291 and 2,007 digits of 1989. Raises DataError.
    """
    file = data_folder(folder) / "usps_zip_9298.npz"
    if not file.is_file():
        raise DataError(f"{file}: missing; the zip-code digits are that one file")
    try:
        with np.load(file, allow_pickle=False) as archive:
            mine = archive["split"] == part
            pixels, labels = archive["x_milli"][mine], archive["y"][mine]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: damaged ({error}); fetch it again") from None
    return pixels.astype(np.float32) / 1000, labels


def digits_1988(folder: str | Path | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images float32 (480, 16, 16), -1 or 1, labels (480,) and drawings (480,).

    Each of 120 drawings, 12 of every digit, appears at four places side by side; `drawings`
    numbers them from what is left when the columns without ink are cut off. Raises DataError.
    """
    place = data_folder(folder)
    file = next((f for f in (place / "sn1988/dig.pat", place / "dig.pat") if f.is_file()), None)
    if file is None:
        raise DataError(f"{place / 'sn1988' / 'dig.pat'}: missing; Lush distributes it")
    data = file.read_bytes()[20 : 20 + 480 * 256]  # 33 stray bytes follow
    if len(data) < 480 * 256 or set(data) != {0x10, 0xF0}:
        raise DataError(f"{file}: damaged; fetch it again")
    images = np.frombuffer(data, np.int8).reshape(480, 16, 16) / np.float32(16)
    labels = np.arange(480) % 10
    shapes: dict[bytes, int] = {}
    drawings = np.zeros(480, int)
    for k, image in enumerate(images):
        used = np.flatnonzero((image > 0).any(axis=0))
        shape = image[:, used[0] : used[-1] + 1].tobytes()
        drawings[k] = shapes.setdefault(shape, len(shapes))
    return images, labels, drawings


def split_by_drawing(
    labels: np.ndarray, drawings: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which digits to train on and which to test on: 8 and 4 drawings of each digit.

    As published, copies of one drawing lie on both sides; here none does.
    """
    rng = np.random.default_rng(seed)
    test: list[int] = []
    for digit in np.unique(labels):
        mine = np.unique(drawings[labels == digit])
        test.extend(rng.permutation(mine)[: len(mine) // 3].tolist())
    apart = np.isin(drawings, test)
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def _published_1988(part: str, folder: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    images, labels, _ = digits_1988(folder)
    return (images[:320], labels[:320]) if part == "train" else (images[320:], labels[320:])


SETS = {"mnist": mnist, "usps": usps, "digits-1988": _published_1988}


def read(
    name: str, part: str, folder: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, rows, columns) and labels (n,) of a set by name. Raises DataError.

    `part` is ``train`` or ``test``. Images are uint8, ink 255, or float32 as they are.
    """
    if name not in SETS:
        raise DataError(f"no data set {name!r}; there are {', '.join(SETS)}")
    return SETS[name](part, folder)


@dataclass(frozen=True, slots=True)
class Retina:
    """How images reach the input units of a network.

    Attributes
    ----------
    side : int, rows and columns of the input layer
    paper, ink : input of a pixel 0 and of a pixel 255
    scaled : int, rows and columns that an image is first resampled to; 0 leaves it
    deslanted : bool, whether it is first sheared until its ink stands upright
    """

    side: int = SIDE
    paper: float = PAPER
    ink: float = INK
    scaled: int = 0
    deslanted: bool = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (n, side, side): images uint8 (n, h, w), ink 255, centred.

        Larger images lose their margins. What is not uint8 passes as it is.
        """
        if images.dtype != np.uint8:
            return images
        if self.deslanted:
            images = deslant(images)
        if self.scaled and self.scaled != images.shape[1]:
            size = self.scaled, self.scaled
            images = np.stack(
                [
                    np.asarray(Image.fromarray(i).resize(size, Image.Resampling.BOX))
                    for i in images
                ]
            )
        cut = [max(0, n - self.side) // 2 for n in images.shape[1:]]
        images = images[:, cut[0] :, cut[1] :][:, : self.side, : self.side]
        count, rows, columns = images.shape
        out = np.full((count, self.side, self.side), self.paper, np.float32)
        top, left = (self.side - rows) // 2, (self.side - columns) // 2
        part = out[:, top : top + rows, left : left + columns]
        part += images.astype(np.float32) * np.float32((self.ink - self.paper) / 255)
        return out

    def grey(self, inputs: np.ndarray) -> np.ndarray:
        """Return images uint8, ink 255, of inputs float32 (n, h, w) from paper to ink."""
        share = (inputs - self.paper) / (self.ink - self.paper)
        return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def retina(images: np.ndarray) -> np.ndarray:
    """Return retinas float32 (n, 32, 32) of glyphs uint8 (n, h, w), ink 255, centred."""
    return Retina()(images)


def deslant(images: np.ndarray) -> np.ndarray:
    """Shear images uint8 (n, h, w), ink 255, until the moments of their ink stand upright."""
    count, rows, columns = images.shape
    ink = images.astype(np.float32)
    y, x = (np.arange(n, dtype=np.float32) - np.float32(n - 1) / 2 for n in (rows, columns))
    down, right = ink.sum(axis=2), ink.sum(axis=1)
    mass = np.maximum(down.sum(axis=1), 1.0)
    my, mx = down @ y / mass, right @ x / mass
    across = (ink @ x) @ y - mass * my * mx
    upright = down @ y**2 - mass * my**2
    shear = np.divide(across, upright, out=np.zeros(count, np.float32), where=upright > 0)
    affine = np.zeros((count, 6), np.float32)
    affine[:, 0] = affine[:, 3] = 1
    affine[:, 2], affine[:, 5] = shear, -shear * my
    return move(images, affine)
