"""Fixtures of the tests of networks."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lenet.data import FILES


@pytest.fixture
def mnist_of() -> Callable[[Path, np.ndarray, np.ndarray], None]:
    """Return what writes digits as the four files of MNIST; all are test digits, too."""

    def write(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        for part in FILES.values():
            for name, array in zip(part, (images, labels), strict=True):
                head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
                (folder / name).write_bytes(gzip.compress(head + array.tobytes()))

    return write
