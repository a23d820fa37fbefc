"""The network compiler, ours against PyTorch on one thread: python -m benchmarks.training.

LeNet-5. Ours: the network of ``lenet5.sn``, diagonal Levenberg-Marquardt, a pattern at a time.
PyTorch (extra ``bench``): the same layers, C3 with all 96 links instead of 60 (a masked
convolution costs the same), 10 linear outputs with cross-entropy instead of 10 Euclidean units
with the posterior criterion, plain SGD.

Then a network of 158,035 weights replicated over a strip of 32 x 200, the distortion of
digits, and, with ``--cold``, the time to compile all kernels into an empty cache and to load
them again.

All times are CPU times, the least of several runs: a busy machine disturbs them less.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from time import process_time

import numpy as np

import lenet
from lenet.distortions import AFFINE, ELASTIC
from lenet.networks import NETS
from sn.interpreter import Interpreter
from sn.net.program import LayerProgram, compile_built

REPEATS = 10
STRIP_NET = """
(libload "maps")
(alloc-net 24500 3200000 158500)
(build-net-nobias
  '((input 1024)
    (c1 (* 16 28 28) (nlf-rect)) (s2 (* 16 14 14) max)
    (c3 (* 40 10 10) (nlf-rect)) (s4 (* 40 5 5) max)
    (c5 128 (nlf-rect)) (f6 96 (nlf-rect)) (output 11 (nlf-lin 1 1)))
  ())
(convolve input 32 (all-to-all 1 16) c1 28 5)
(max-pool c1 28 s2 14 2)
(convolve s2 14 (all-to-all 16 40) c3 10 5)
(max-pool c3 10 s4 5 2)
(full-connect s4 c5)
(full-connect c5 f6)
(full-connect f6 output)
(forget-sqrt 1)
"""
# Multiply-adds over a strip of 32 x 200: 43 places.
STRIP_PRODUCTS = (
    16 * 25 * 28 * 196 + 16 * 40 * 25 * 10 * 94 + (40 * 25 * 128 + 128 * 96 + 96 * 11) * 43
)
FIRST_USE = """
import numpy as np, lenet
network = lenet.load("lenet5")
images, labels = np.zeros((2, 32, 32), np.float32), np.array([0, 1])
network.classify(images)
network.program.learn(images, labels, np.arange(2))
network.program.curvature(images, np.arange(2))
wide = network.program.replicate(32, 40)
wide.backward(wide.run(np.zeros((32, 40), np.float32)))
network.program.update()
"""


def least(action: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the least CPU time of an action in seconds; it is run once before."""
    action()
    times = []
    for _ in range(repeats):
        start = process_time()
        action()
        times.append(process_time() - start)
    return min(times)


def ours(images: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Return samples a second of online training and of inference, and s for one image."""
    network = lenet.load("lenet5", trained=False)
    network.initialize(1)
    program = network.program
    program.rates[:] = 1e-5
    order = np.arange(len(labels))
    training = least(lambda: program.learn(images, labels, order))
    inference = least(lambda: program.run(images))
    one = least(lambda: program.run(images[:1]), 2000)
    return len(labels) / training, len(labels) / inference, one


def strips() -> None:
    """Print the speed of a replicated network."""
    interpreter = Interpreter(library=(NETS,))
    interpreter.warn = lambda text: None
    interpreter.value(STRIP_NET)
    program: LayerProgram = compile_built(interpreter.network)
    strip = np.random.default_rng(0).normal(size=(32, 200)).astype(np.float32)
    wide = program.replicate(32, 200)
    scores = wide.run(strip)
    forward = least(lambda: wide.run(strip), 50)
    backward = least(lambda: wide.backward(scores), 50)
    widths = iter(range(204, 10_000, 4))
    fresh = least(lambda: program.replicate(32, next(widths)), 20)
    work = 2e-9 * STRIP_PRODUCTS
    print(
        f"\n{len(program.weights):,} weights over a strip of 32 x 200, "
        f"{scores.shape[2]} places\n"
        f"forward            {1e3 * forward:8.2f} ms {work / forward:8.1f} GFLOP/s\n"
        f"backward           {1e3 * backward:8.2f} ms {2 * work / backward:8.1f} GFLOP/s\n"
        f"training           {1e3 * (forward + backward):8.2f} ms "
        f"{3 * work / (forward + backward):8.1f} GFLOP/s\n"
        f"a width never seen {1e3 * fresh:8.2f} ms"
    )


def distortions() -> None:
    """Print the speed of distortions."""
    digits = np.random.default_rng(0).integers(0, 256, (500, 28, 28)).astype(np.uint8)
    rng = np.random.default_rng(0)
    print()
    for name, distortion in (("affine", AFFINE), ("affine and elastic", ELASTIC)):
        seconds = least(lambda d=distortion: d(digits, rng))
        print(f"{name:<20}{len(digits) / seconds:>12,.0f} images of 28 x 28 a second")


def first_use() -> None:
    """Print the CPU time of a process that compiles all kernels, and of one that loads them."""
    print()
    with tempfile.TemporaryDirectory() as cache:
        for name in ("empty cache", "filled cache"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-c", FIRST_USE],
                env=os.environ | {"XDG_CACHE_HOME": cache},
                check=True,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{name:<20}{seconds:>8.2f} s for a process that uses all kernels")


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

    def infer(first: int) -> None:
        with torch.no_grad():
            net(x[first : first + batch])

    count = max(batch, 200)
    count -= count % batch
    starts = range(0, count, batch)
    training = least(lambda: [train(first) for first in starts])
    inference = least(lambda: [infer(first) for first in starts])
    return count / training, count / inference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cold", action="store_true", help="compile all kernels anew, too")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (512, 32, 32)).astype(np.float32)
    labels = rng.integers(0, 10, len(images))
    training, inference, one = ours(images, labels)
    rows = {"ours, batch 1": (training, inference)}
    for batch in (1, 16, 64, 256):
        rows[f"PyTorch, batch {batch}"] = theirs(images, labels, batch)
    print(
        f"{'one thread':<20}{'training/s':>12}{'ours is':>9}{'inference/s':>14}{'ours is':>9}"
    )
    for name, (a, b) in rows.items():
        print(f"{name:<20}{a:>12,.0f}{training / a:>8.1f}x{b:>14,.0f}{inference / b:>8.1f}x")
    print(f"one image, called from Python: {1e6 * one:.1f} microseconds")
    strips()
    distortions()
    if args.cold:
        first_use()


if __name__ == "__main__":
    main()
