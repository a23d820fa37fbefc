"""The Muon rule: steps that turn all directions of a matrix of weights alike.

What the running mean of the gradient says of a layer is a matrix, one row for every map or
unit. Its few large singular values would have most of the step; made all alike by a short
Newton-Schulz iteration, the rare directions are learned as fast as the common ones (Jordan et
al. 2024; steps as large as those of Adam: Liu et al. 2025).
"""

import math
from collections.abc import Sequence

import numpy as np

from sn.net.plan import Plan

ITERATIONS = 5
A, B, C = 3.4445, -4.7750, 2.0315  # singular values x -> A x + B x^3 + C x^5
STEP = 0.2  # root mean square of a step at rate 1, about that of Adam


def matrices(plans: Sequence[Plan]) -> list[np.ndarray]:
    """Return the places of the weights that make matrices: int (maps or units, their inputs).

    A layer whose maps have kernels of unequal number or size, or that shares one kernel among
    several maps, is left out.
    """
    found = []
    for plan in plans:
        rows: dict[int, list[np.ndarray]] = {}
        for link in plan.links:
            if link.kernel >= 0:
                size = link.height * link.width
                places = np.arange(link.kernel, link.kernel + size)
                rows.setdefault(id(link.target), []).append(places)
        kernels = [np.concatenate(parts) for parts in rows.values()]
        if kernels and len({len(kernel) for kernel in kernels}) == 1:
            found.append(np.stack(kernels))
        for _, units, sources, first in plan.blocks:
            size = len(units) * len(sources)
            found.append(np.arange(first, first + size).reshape(len(units), len(sources)))
    return [m for m in found if min(m.shape) > 1 and len(np.unique(m)) == m.size]


def turned(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix (m, n) with the same singular vectors, all singular values near 1."""
    x = matrix / (np.linalg.norm(matrix) + matrix.dtype.type(1e-7))
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = A * x + (B * square + C * (square @ square)) @ x
    return x.T if tall else x


def step(matrix: np.ndarray) -> np.ndarray:
    """Return the step for a mean gradient (m, n), at rate 1."""
    return STEP * math.sqrt(max(matrix.shape)) * turned(matrix)
