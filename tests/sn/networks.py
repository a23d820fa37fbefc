"""Networks built link by link in Python, for tests of the compiler of networks."""

import numpy as np

from sn.net import kernels_steps as kinds
from sn.net.plan import Layer, Squashing

TANH = Squashing(kinds.TANH, 1.7159, 2 / 3)
TWISTED = Squashing(kinds.TANH, 1.7159, 2 / 3, 0.05, 0.1)
LINEAR = Squashing(kinds.LINEAR)
RECTIFIER = Squashing(kinds.RECTIFIER)

C3 = ["012", "123", "234", "345", "450", "501", "0123", "1234", "2345", "3450", "4501", "5012"]
C3 += ["0134", "1245", "2350", "012345"]


class Builder:
    """Collects links (pre, post, weight); unit 0 is the bias."""

    def __init__(self):
        self.unit_count, self.weight_count = 1, 0
        self.parts = []
        self.layers = []

    def layer(self, name, count, squashing=TANH, euclidean=False, **options):
        units = np.arange(self.unit_count, self.unit_count + count)
        self.unit_count += count
        self.layers.append(Layer(name, units, squashing, euclidean, **options))
        return units

    def connect(self, pre, post, weights):
        pre, post, weights = np.broadcast_arrays(pre, post, weights)
        self.parts.append(np.stack([pre.ravel(), post.ravel(), weights.ravel()]))
        self.weight_count = max(self.weight_count, int(weights.max()) + 1)

    def bias(self, units, shared=False):
        fresh = np.zeros(len(units), int) if shared else np.arange(len(units))
        self.connect(0, units, self.weight_count + fresh)

    def full(self, pre, post):
        pre, post = np.meshgrid(pre, post, indexing="ij")
        self.connect(pre, post, self.weight_count + np.arange(pre.size).reshape(pre.shape))

    def mask(self, pre, columns, post, height, width, row_step=1, column_step=1, equal=False):
        """One shared kernel over a source of rows of `columns` units, as mask-2d-connect."""
        rows = len(pre) // columns
        i, j, k, m = np.meshgrid(
            np.arange((rows - height) // row_step + 1),
            np.arange((columns - width) // column_step + 1),
            np.arange(height),
            np.arange(width),
            indexing="ij",
        )
        target = i * ((columns - width) // column_step + 1) + j
        weights = self.weight_count + (0 * k if equal else k * width + m)
        self.connect(
            pre[(i * row_step + k) * columns + j * column_step + m], post[target], weights
        )

    @property
    def links(self):
        return tuple(np.concatenate(self.parts, axis=1).astype(np.int32))


def lenet5(rbf=True, table=C3, side=32, classes=10, hidden=84, c5=120):
    """LeNet-5 (LeCun et al. 1998, sec. II-B), or a smaller net of the same shape."""
    net = Builder()
    retina = net.layer("input", side * side)
    width = side - 4
    c1 = net.layer("c1", 6 * width**2).reshape(6, -1)
    half = width // 2
    s2 = net.layer("s2", 6 * half**2).reshape(6, -1)
    inner = half - 4
    c3 = net.layer("c3", len(table) * inner**2).reshape(len(table), -1)
    s4 = net.layer("s4", len(table) * (inner // 2) ** 2).reshape(len(table), -1)
    c5 = net.layer("c5", c5)
    f6 = net.layer("f6", hidden)
    output = net.layer("output", classes, LINEAR, rbf)
    for m in c1:
        net.bias(m, shared=True)
        net.mask(retina, side, m, 5, 5)
    for m, source in zip(s2, c1, strict=True):
        net.bias(m, shared=True)
        net.mask(source, width, m, 2, 2, 2, 2, equal=True)
    for m, row in zip(c3, table, strict=True):
        net.bias(m, shared=True)
        for k in row:
            net.mask(s2[int(k)], half, m, 5, 5)
    for m, source in zip(s4, c3, strict=True):
        net.bias(m, shared=True)
        net.mask(source, inner, m, 2, 2, 2, 2, equal=True)
    net.bias(c5)
    net.full(s4.ravel(), c5)
    net.bias(f6)
    net.full(c5, f6)
    if not rbf:
        net.bias(output)
    net.full(f6, output)
    return net
