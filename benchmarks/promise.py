"""What a promised error is worth: python -m benchmarks.promise [--seed N] [--images N].

Images of the kinds of the calibration, of a seed that nothing was trained or calibrated on, are
read with both engines: for every promised error the threshold that ``--max-error`` picks, how
many images it reads, and how many of these wrongly. Where the curve of a grammar cannot vouch
for so small an error none of its images is read.
"""

import argparse
import math

import numpy as np

from lenet.data import data_folder
from pipeline.calibration import ROUND, measured, sure
from pipeline.confidence import WEIGHTS, Calibration, Known
from pipeline.evaluation import wilson
from sn.errors import SnError

ERRORS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


def needed(curve: Calibration, grammar: str, promised: float) -> float:
    """Return the threshold for an error; infinite where the curve cannot vouch for it."""
    try:
        return curve.under(grammar).threshold(promised)
    except SnError:
        return math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=90_001)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    found = measured(
        data_folder(None),
        WEIGHTS,
        args.seed,
        args.images,
        modes=("both",),
        processes=args.processes,
    )["both"]
    curve = Known.of("both").calibration
    confidences = np.array(sure(found, curve))
    right, kinds = np.array(found.right), np.array(found.kinds)
    print(f"seed {args.seed}: {args.images} images, {len(right)} answers, {right.sum()} right")
    for promised in ERRORS:
        limits = {g: needed(curve, g, promised) for g in dict.fromkeys(found.grammars)}
        least = np.array([limits[g] for g in found.grammars])
        read = confidences >= least
        wrong = read & ~right
        low, high = wilson(int(wrong.sum()), int(read.sum()))
        each = ", ".join(
            f"{kind} {(read & (kinds == kind)).sum()} ({(wrong & (kinds == kind)).sum()})"
            for kind in dict.fromkeys(ROUND)
        )
        silent = [g for g, limit in limits.items() if limit > 1]
        none = f"; not vouched for: {', '.join(silent)}" if silent else ""
        print(
            f"{promised:<7g}{read.sum()} read, {wrong.sum()} wrong, "
            f"{low:.2%} to {high:.2%}; {each}{none}"
        )


if __name__ == "__main__":
    main()
