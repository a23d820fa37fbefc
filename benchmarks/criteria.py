"""The training criteria of 1998, one after the other: python -m benchmarks.criteria.

A small replicated network learns strings of touching MNIST digits. All criteria start from the
same weights, trained on characters whose places are known, and go on for the same CPU time on
the same strings at the same rates (Adam, a cosine in the time used):

    characters              the penalty of the right class at every place (1998, eq. 8)
    Viterbi                 the best path that spells the string (eq. 11)
    discriminative Viterbi  minus the best path of all (eq. 12)
    forward                 all paths that spell the string (eqs 13 and 14)
    discriminative forward  against all paths (eq. 17)

Penalties are half the squared distances to fixed codes of ten digits and *no digit*, as in
1998: without such codes, or a softmax, Viterbi and forward training let all penalties collapse.
With a softmax at every place forward and discriminative forward training would be the same.
Digits of the strings: MNIST training digits; measured on strings of the last 10,000 of them,
which are not learned. No test digit is used.
"""

import argparse
import math
from time import process_time

import numpy as np

import gtn
from benchmarks.strings import glyph
from lenet.data import mnist
from lenet.networks import NETS
from sn.interpreter import Interpreter
from sn.net.program import LayerProgram, compile_built

NET = """
(libload "maps")
(alloc-net 7000 500000 20000)
(nlf-tanh 0.66666666 0)
(build-net-nobias
  '((input 576)
    (c1 (* 6 20 20) (nlf-rect)) (s2 (* 6 10 10) max)
    (c3 (* 16 6 6) (nlf-rect)) (s4 (* 16 3 3) max)
    (f5 60 (nlf-rect)) (output 16 (nlf-tanh 0.66666666 0)))
  ())
(convolve input 24 (all-to-all 1 6) c1 20 5)
(max-pool c1 20 s2 10 2)
(convolve s2 10 (all-to-all 6 16) c3 6 5)
(max-pool c3 6 s4 3 2)
(full-connect s4 f5)
(full-connect f5 output)
(forget-sqrt 1.5)
"""
WINDOW, STEP, CODE = 24, 4, 16  # columns seen, columns between two places, units of a code
BLANK, SHARPNESS = 10, 0.5
BATCH, RATE = 8, 2e-3
RUNGS = (
    "characters",
    "viterbi",
    "discriminative_viterbi",
    "forward",
    "discriminative_forward",
)


def codes() -> np.ndarray:
    """Return eleven codes (11, CODE) of +1 and -1, any two of which differ in six or more."""
    rng = np.random.default_rng(1)
    found: list[np.ndarray] = []
    while len(found) <= BLANK:
        code = rng.choice([-1.0, 1.0], CODE)
        if all((code != other).sum() >= 6 for other in found):
            found.append(code)
    return np.array(found)


def strings(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, count: int
) -> list[tuple[np.ndarray, list[int], np.ndarray]]:
    """Return strings of 3 to 6 digits: strip (24, columns), digits, class at every place."""
    made = []
    for _ in range(count):
        chosen = rng.integers(0, len(labels), int(rng.integers(3, 7)))
        glyphs = [glyph(images[k], "medium", rng) / 255 for k in chosen]
        gaps = rng.integers(-3, 4, len(glyphs))
        columns = sum(g.shape[1] for g in glyphs) + int(gaps.clip(0).sum()) + WINDOW + 8
        ink = np.zeros((28, columns + -columns % STEP), np.float32)
        x, middles = WINDOW // 2 + 2, []
        for g, gap in zip(glyphs, gaps, strict=True):
            part = ink[:, x : x + g.shape[1]]
            np.maximum(part, g[:, : part.shape[1]], out=part)
            middles.append(x + g.shape[1] / 2)
            x += g.shape[1] + int(gap)
        places = (ink.shape[1] - WINDOW) // STEP + 1
        seen = np.full(places, BLANK)
        for k, middle in zip(chosen, middles, strict=True):
            at = (middle - WINDOW / 2) / STEP
            seen[min(places - 1, max(0, round(at)))] = labels[k]
        made.append((2 * ink[2:26] - 0.5, labels[chosen].tolist(), seen))
    return made


class Student:
    """The network, and penalties of the eleven classes at its places."""

    def __init__(self, seed: int) -> None:
        interpreter = Interpreter(library=(NETS,))
        interpreter.warn = lambda text: None
        interpreter.value(f"(seed {seed})")
        interpreter.value(NET)
        self.program: LayerProgram = compile_built(interpreter.network)
        self.codes = codes()
        self.targets: dict[tuple[int, ...], gtn.Graph] = {}

    def penalties(self, strip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return outputs (places, CODE) and penalties (places, 11)."""
        wide = self.program.replicate(*strip.shape)
        outputs = wide.run(strip)[:, 0].T.astype(np.float64)
        away = outputs[:, None] - self.codes
        return outputs, SHARPNESS / 2 * (away * away).sum(axis=2)

    def learn(self, rung: str, strip: np.ndarray, digits: list[int], seen: np.ndarray) -> None:
        """Add the gradient of one string."""
        outputs, table = self.penalties(strip)
        if rung == "characters":
            gradient = np.zeros_like(table)
            gradient[np.arange(len(seen)), seen] = 1
        else:
            target = self.targets.setdefault(tuple(digits), gtn.ctc_graph(digits, blank=BLANK))
            loss = gtn.batch_energy(rung, [gtn.linear_graph(table)], [target])[0]
            if not math.isfinite(loss.energy):
                return
            gradient = loss.gradient.reshape(table.shape)
        slope = SHARPNESS * (gradient.sum(axis=1)[:, None] * outputs - gradient @ self.codes)
        wide = self.program.replicate(*strip.shape)
        wide.backward(slope.T[:, None].astype(np.float32))

    def train(self, rung: str, data: list, seconds: float, seed: int) -> int:
        """Learn strings for `seconds` of CPU time; return how many."""
        program, rng = self.program, np.random.default_rng(seed)
        for state in (program.speed, program.squares, program.moves):
            state[:] = 0
        start, count = process_time(), 0
        while (share := (process_time() - start) / seconds) < 1:
            program.rates[:] = RATE * (1 + math.cos(math.pi * share)) / 2
            for k in rng.integers(0, len(data), BATCH):
                self.learn(rung, *data[k])
            program.update(BATCH, rule="adam", momentum=0.9)
            count += BATCH
        return count

    def right(self, data: list) -> float:
        """Return the share of strings spelled by the best label at every place."""
        hits = 0
        for strip, digits, _ in data:
            best = self.penalties(strip)[1].argmin(axis=1)
            first = np.concatenate([[True], best[1:] != best[:-1]])
            hits += best[first & (best != BLANK)].tolist() == digits
        return hits / len(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=120, help="CPU time of each criterion")
    parser.add_argument("--start", type=float, default=30, help="CPU time of the start")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--lines", type=int, default=20_000, help="strings to learn from")
    parser.add_argument("--tests", type=int, default=1000, help="strings measured on")
    args = parser.parse_args()
    images, labels = mnist("train")
    data = strings(images[:50_000], labels[:50_000], np.random.default_rng(1), args.lines)
    tests = strings(images[50_000:], labels[50_000:], np.random.default_rng(2), args.tests)
    print(
        f"{args.lines} strings, {args.seconds:g} s of CPU time for each criterion after "
        f"{args.start:g} s on characters; {args.tests} other strings, share right"
    )
    table: dict[str, list[float]] = {rung: [] for rung in ("the start", *RUNGS)}
    seen: dict[str, int] = {}
    for seed in args.seeds:
        student = Student(seed)
        student.train("characters", data[:64], 0.2, seed)  # kernels are loaded, nothing kept
        student = Student(seed)
        student.train("characters", data, args.start, seed)
        begun = student.program.weights.copy()
        table["the start"].append(student.right(tests))
        for rung in RUNGS:
            student.program.weights[:] = begun
            student.learn(rung, *data[0])
            student.program.gradient_sum[:] = 0
            seen[rung] = student.train(rung, data, args.seconds, seed)
            table[rung].append(student.right(tests))
    print(
        f"{'criterion':<26}" + "".join(f"{f'seed {s}':>9}" for s in args.seeds) + "   strings"
    )
    for rung, shares in table.items():
        print(
            f"{rung.replace('_', ' '):<26}"
            + "".join(f"{share:>9.1%}" for share in shares)
            + (f"{seen[rung]:>10}" if rung in seen else "")
        )


if __name__ == "__main__":
    main()
