"""Speed of writing, reading and training on whole lines: python -m benchmarks.speed [--torch].

Writing: lines of about seven symbols a second of CPU time, a new hand for each: our own stroke
hands, and all sources of hands as the trainings draw them.

Reading, warm, one core, CPU time of strips of own hands: the whole-line network alone, the
engine of cut characters alone, both together with confidence. Training: lines a second of the
network ``strip`` with the discriminative forward criterion fused into one kernel, a line at a
time, on one thread and, as ``check-reader train`` does it, on two; with ``--torch`` (extra
``bench``) the same layers with CTC in PyTorch on two threads, in batches of 8 and 32 lines of
one width, which spares it all padding. The least of
several turns counts, ours and theirs in alternation: a busy machine disturbs both alike.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import gtn
import lenet
from lenet.data import data_folder
from pipeline.handwriting import StrokeHand, load_sources, random_hand
from pipeline.normalization import normalize
from pipeline.papers import strip
from pipeline.pens import Hand
from pipeline.recognition import WEIGHTS, Engine
from pipeline.sdnn import BLANK, ROWS, strip_of
from pipeline.synthesis import compose, varied_style
from pipeline.texts import random_amount, random_digits
from pipeline.training import SHARES
from pipeline.training_strips import twin_of

COLUMNS, DIGITS = 160, 6  # of the lines of the training
TURNS = 7


def least(action: Callable[[], object], clock: Callable[[], float], turns: int = 1) -> float:
    """Return the least time of an action in seconds."""
    times = []
    for _ in range(turns):
        start = clock()
        action()
        times.append(clock() - start)
    return min(times)


def writing(count: int) -> None:
    """Print how many lines a second are written, by our own hands and from all sources."""
    sources = load_sources(data_folder(), SHARES)

    def own(rng: np.random.Generator) -> Hand:
        return StrokeHand(rng)

    def any_hand(rng: np.random.Generator) -> Hand:
        return random_hand(rng, sources)

    for name, bar, who in (("stroke hands", 1000, own), ("all sources", 0, any_hand)):
        for part in (count // 10, count):
            rng = np.random.default_rng(882)
            start, lines = time.process_time(), 0
            while lines < part:
                text = random_amount(rng) if rng.random() < 0.5 else random_digits(rng, 2, 9)
                hand = who(rng)
                try:
                    compose(text, hand, rng, varied_style(rng, hand))
                except KeyError:  # a hand that lacks one of the symbols
                    continue
                lines += 1
            took = time.process_time() - start
        told = f" (bar {bar})" if bar else ""
        print(f"{f'lines written by {name}':<40}{count / took:>8.0f} a second{told}")


def reading(count: int) -> None:
    """Print the CPU time of reading a strip, by each engine and by both."""
    images = []
    for k in range(count):
        rng = np.random.default_rng([881, k])
        images.append(strip(compose(random_amount(rng), StrokeHand(rng), rng), rng, clear=True))
    engine = Engine.load()
    strips = [strip_of(writing) for image in images if (writing := normalize(image))]
    tasks: list[tuple[str, float, Callable[[object], object], list]] = [
        ("whole-line network, scores of a strip", 3, engine.strips.scores, strips),
        ("cut characters alone, image to string", 15, Engine.load("hos").decode, images),
        ("whole lines alone, image to string", 0, Engine.load("sdnn").decode, images),
        ("both, image to string and confidence", 20, engine.decode, images),
    ]
    for name, bar, action, inputs in tasks:
        action(inputs[0])
        times = [least(lambda a=action, x=x: a(x), time.process_time, 3) for x in inputs]
        told = f" (bar {bar} ms)" if bar else ""
        print(
            f"{name:<40}{1e3 * np.mean(times):>8.2f} ms, "
            f"slowest of twenty {1e3 * np.quantile(times, 0.95):.2f} ms{told}"
        )


def lines(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return strips (count, rows, columns) of ink, and targets (count, DIGITS)."""
    ink = (rng.random((count, ROWS, COLUMNS)) < 0.15).astype(np.float32)
    return ink, rng.integers(0, 10, (count, DIGITS))


def ours(threads: int) -> Callable[[], None]:
    """Return what trains our network on sixteen lines."""
    program = lenet.load("strip", WEIGHTS / "strip.wei").program
    program.rates[:] = 1e-6
    programs = [program, twin_of(program)][:threads]
    ink, targets = lines(16, np.random.default_rng(1))
    pool = ThreadPoolExecutor(threads)

    def learn(k: int) -> None:
        for line, target in zip(ink[k::threads], targets[k::threads], strict=True):
            wide = programs[k].replicate(ROWS, COLUMNS)
            scores = wide.run(line)[:, 0]
            _, slope = gtn.ctc_energy(-scores.T.astype(np.float64), target, blank=BLANK)
            wide.backward(-slope.T[:, None].astype(np.float32))

    def turn() -> None:
        for done in [pool.submit(learn, k) for k in range(threads)]:
            done.result()
        for other in programs[1:]:
            program.gradient_sum += other.gradient_sum
            other.gradient_sum[:] = 0
        program.update(16, rule="adam", momentum=0.9)

    return turn


def theirs(batch: int) -> Callable[[], None]:
    """Return what trains the same layers on `batch` lines in PyTorch."""
    import torch

    torch.set_num_threads(2)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 40, 3), nn.ReLU(), nn.MaxPool2d((2, 1)),
        nn.Conv2d(40, 64, 3), nn.ReLU(), nn.Conv2d(64, 112, 3), nn.ReLU(),
        nn.Conv2d(112, 112, (1, 7)), nn.ReLU(), nn.Conv2d(112, BLANK + 1, 1),
    )  # fmt: skip
    rule = torch.optim.Adam(model.parameters(), 1e-6)
    loss = nn.CTCLoss(blank=BLANK, reduction="mean")
    ink, targets = lines(batch, np.random.default_rng(1))
    images, wished = torch.from_numpy(ink)[:, None], torch.from_numpy(targets)
    known = torch.full((batch,), DIGITS)

    def turn() -> None:
        scores = model(images)[:, :, 0].permute(2, 0, 1).log_softmax(2)
        places = torch.full((batch,), len(scores))
        rule.zero_grad()
        loss(scores, wished, places, known).backward()
        rule.step()

    return turn


def training(peer: bool) -> None:
    """Print lines a second of training, and those of PyTorch."""
    rivals: list[tuple[str, int, Callable[[], None]]] = [
        ("here, 2 threads", 16, ours(2)),
        ("here, one thread", 16, ours(1)),
    ]
    if peer:
        rivals += [(f"PyTorch, 2 threads, batches of {n}", n, theirs(n)) for n in (8, 32)]
    wall, cpu = dict.fromkeys(range(len(rivals)), 9e9), dict.fromkeys(range(len(rivals)), 9e9)
    for _, _, turn in rivals:
        turn()
    for _ in range(TURNS):
        for k, (_, count, turn) in enumerate(rivals):
            used = time.process_time()
            wall[k] = min(wall[k], least(turn, time.perf_counter) / count)
            cpu[k] = min(cpu[k], (time.process_time() - used) / count)
    print(f"\ntraining on lines of {ROWS} x {COLUMNS}, {DIGITS} digits")
    for k, (name, _, _) in enumerate(rivals):
        print(
            f"{name:<40}{1 / wall[k]:>8.0f} lines/s, {1e3 * cpu[k]:.2f} ms of CPU a line"
            + (f"; {wall[k] / wall[0]:.1f} times the first by the clock" if k else "")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="strips read")
    parser.add_argument("--torch", action="store_true", help="PyTorch beside it")
    args = parser.parse_args()
    writing(20 * args.count)
    reading(args.count)
    training(args.torch)


if __name__ == "__main__":
    main()
