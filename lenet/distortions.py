"""Distorted copies of digits: planar affine maps and elastic bending, fast and by a seed.

The 1998 paper trained on affine distortions (translation, scaling, squeezing, horizontal
shearing; sec. III-B), Simard, Steinkraus and Platt 2003 on elastic ones as well. The ranges of
1998 are not published: those of `AFFINE` are ours. Elastic fields here are cubic splines
through random values at knots (free-form deformations) instead of smoothed noise: as smooth,
and several times faster.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lenet.kernels_distortions import move_pixels


@dataclass(frozen=True, slots=True)
class Distortion:
    """Random changes of small images; each field gives the range of one of them.

    Attributes
    ----------
    shift : greatest translation in pixels, along each axis
    rotation : greatest angle in degrees
    scale : greatest change of size, as the logarithm of a factor
    squeeze : greatest compression of one axis with stretching of the other, likewise
    shear : greatest horizontal shear, columns per row
    elastic : root mean square displacement of the elastic field in pixels, along each axis
    knots : distance of its knots in pixels: the field is as smooth as noise under a Gaussian of
        a sigma of 0.58 times this distance

    >>> same = Distortion()(np.full((1, 28, 28), 7, np.uint8), np.random.default_rng(0))
    >>> int(same.min()), int(same.max())
    (7, 7)
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    squeeze: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    knots: float = 7.0

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return distorted copies of images uint8 (n, h, w), each distorted in its own way.

        What comes in from beyond the image is 0. Raises ValueError for other arrays.
        """
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ValueError(
                f"distortion: images uint8 (n, h, w) expected, found {images.dtype} "
                f"{images.shape}"
            )
        nodes = None
        if self.elastic:
            count, height, width = images.shape
            knots = [spline(size, self.knots).shape[1] for size in (height, width)]
            nodes = rng.standard_normal((count, 2, *knots), dtype=np.float32)
            nodes *= np.float32(self.elastic)
        return move(images, self.affine(len(images), rng), nodes, self.knots)

    def affine(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw affine maps float32 (count, 6) from output to source: matrix, then shift."""
        u = rng.uniform(-1, 1, (count, 6))
        angle = np.radians(self.rotation) * u[:, 0]
        grow, squeeze = self.scale * u[:, 1], self.squeeze * u[:, 2]
        shear = self.shear * u[:, 3]
        cosine, sine = np.cos(angle), np.sin(angle)
        tall, wide = np.exp(-grow - squeeze), np.exp(-grow + squeeze)
        found = np.empty((count, 6), np.float32)
        found[:, 0], found[:, 1] = tall * cosine, -tall * sine
        found[:, 2] = wide * (sine + shear * cosine)
        found[:, 3] = wide * (cosine - shear * sine)
        found[:, 4:] = self.shift * u[:, 4:]
        return found


def move(
    images: np.ndarray,
    affine: np.ndarray,
    nodes: np.ndarray | None = None,
    knots: float = 7.0,
) -> np.ndarray:
    """Return images uint8 (n, h, w) resampled by affine maps (n, 6) and fields at knots.

    `affine` leads from output to source, both seen from the middle of the image: a matrix row
    by row, then a shift in pixels. `nodes` (n, 2, a, b) are displacements in pixels at knots
    that far apart. What comes in from beyond the image is 0.

    >>> right = move(np.array([[[0, 9, 0]]], np.uint8), np.float32([[1, 0, 0, 1, 0, -1]]))
    >>> right.tolist()
    [[[0, 0, 9]]]
    """
    _, height, width = images.shape
    down, right = spline(height, knots), spline(width, knots)
    if nodes is None:
        down, right = down[:, :0], right[:, :0]
        nodes = np.zeros((len(images), 2, 0, 0), np.float32)
    out = np.empty_like(images)
    move_pixels(
        np.ascontiguousarray(images),
        np.zeros((height + 3, width + 3), np.float32),
        np.ascontiguousarray(affine, np.float32),
        nodes,
        np.ascontiguousarray(down),
        np.ascontiguousarray(right.T),
        np.zeros((2, right.shape[1]), np.float32),
        np.zeros(width, np.float32),
        np.zeros(width, np.float32),
        out,
    )
    return out


@lru_cache(maxsize=32)
def spline(size: int, distance: float) -> np.ndarray:
    """Return how pixels mix the values at knots, float32 (size, knots): uniform cubic splines.

    Scaled so that independent values of variance 1 give a field of mean square 1.
    """
    place = np.arange(size) / distance
    first = np.floor(place).astype(int)
    t = place - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    mixed = np.zeros((size, int(first.max()) + 4))
    np.put_along_axis(mixed, first[:, None] + np.arange(4), weights, axis=1)
    return (mixed / np.sqrt((mixed**2).sum(axis=1).mean())).astype(np.float32)


AFFINE = Distortion(shift=2.0, scale=0.12, squeeze=0.1, shear=0.3)
ELASTIC = Distortion(
    shift=1.5, rotation=10.0, scale=0.1, squeeze=0.08, shear=0.15, elastic=1.0, knots=6.0
)
MILD = Distortion(
    shift=1.5, rotation=10.0, scale=0.1, squeeze=0.08, shear=0.15, elastic=0.7, knots=6.0
)
WIDE = Distortion(
    shift=2.0, rotation=15.0, scale=0.15, squeeze=0.12, shear=0.2, elastic=0.8, knots=8.0
)
SHIFT = Distortion(shift=1.0)
MOVED = Distortion(shift=1.5)
# By the names of the command line:
DISTORTIONS = {
    "affine": AFFINE,
    "elastic": ELASTIC,
    "mild": MILD,
    "wide": WIDE,
    "shift": SHIFT,
    "moved": MOVED,
}
