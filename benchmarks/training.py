"""LeNet-5, ours against PyTorch on one thread: python -m benchmarks.training.

Ours: the network of ``lenet5.sn``, diagonal Levenberg-Marquardt, a pattern at a time.
PyTorch (extra ``bench``): the same layers, C3 with all 96 links instead of 60 (a masked
convolution costs the same), 10 linear outputs with cross-entropy instead of 10 Euclidean units
with the posterior criterion, plain SGD.
"""

import argparse
import time

import numpy as np

import lenet


def ours(images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return samples a second of online training and of inference."""
    network = lenet.load("lenet5", trained=False)
    network.initialize(1)
    program = network.program
    program.rates[:] = 1e-5
    order = np.arange(len(labels))
    program.learn(images, labels, order[:10])
    program.run(images[:10])
    start = time.perf_counter()
    program.learn(images, labels, order)
    middle = time.perf_counter()
    program.run(images)
    return len(labels) / (middle - start), len(labels) / (time.perf_counter() - middle)


def theirs(images: np.ndarray, labels: np.ndarray, batch: int) -> tuple[float, float]:
    """Return samples a second of PyTorch at a batch size."""
    import torch
    from torch import nn

    class Subsampling(nn.Module):
        def __init__(self, maps: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.full((1, maps, 1, 1), 0.5))
            self.bias = nn.Parameter(torch.zeros(1, maps, 1, 1))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return nn.functional.avg_pool2d(x, 2) * (4 * self.weight) + self.bias

    class Squash(nn.Module):
        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return 1.7159 * torch.tanh(x * (2 / 3))

    torch.set_num_threads(1)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        Squash(),
        Subsampling(6),
        Squash(),
        nn.Conv2d(6, 16, 5),
        Squash(),
        Subsampling(16),
        Squash(),
        nn.Conv2d(16, 120, 5),
        Squash(),
        nn.Flatten(),
        nn.Linear(120, 84),
        Squash(),
        nn.Linear(84, 10),
    )
    optimizer = torch.optim.SGD(net.parameters(), 1e-3)
    x = torch.from_numpy(images.reshape(-1, 1, 32, 32))
    y = torch.from_numpy(labels)

    def train(first: int) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(
            net(x[first : first + batch]), y[first : first + batch]
        )
        loss.backward()
        optimizer.step()

    train(0)
    count = max(batch, min(len(labels), 1000 if batch == 1 else 8000))
    count -= count % batch
    start = time.perf_counter()
    for first in range(0, count, batch):
        train(first)
    middle = time.perf_counter()
    with torch.no_grad():
        for first in range(0, count, batch):
            net(x[first : first + batch])
    return count / (middle - start), count / (time.perf_counter() - middle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="samples for ours")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (args.count, 32, 32)).astype(np.float32)
    labels = rng.integers(0, 10, args.count)
    rows = {"ours, batch 1": ours(images, labels)}
    for batch in (1, 16, 64, 256):
        rows[f"PyTorch, batch {batch}"] = theirs(images, labels, batch)
    training, inference = rows["ours, batch 1"]
    print(
        f"{'one thread':<20}{'training/s':>12}{'ours is':>9}{'inference/s':>14}{'ours is':>9}"
    )
    for name, (a, b) in rows.items():
        print(f"{name:<20}{a:>12,.0f}{training / a:>8.1f}x{b:>14,.0f}{inference / b:>8.1f}x")


if __name__ == "__main__":
    main()
