"""How often LeNet-5 is right in the invariance animations, over all digits and several hands.

python -m benchmarks.invariance [HANDS] [EVERY]

The weights are those of distorted digits; EVERY 3 looks at each third frame.
"""

import sys

import numpy as np

import lenet
from lenet.animate import tally, watch
from lenet.networks import distorted
from lenet.scenes import INVARIANCE, MOVING, Scene


def main(hands: int = 3, every: int = 1) -> None:
    network = lenet.load("lenet5", distorted("lenet5"))
    for name, make in INVARIANCE.items():
        shares = []
        for digit in range(10):
            frames = [
                part
                for hand in range(hands)
                for part in make(np.random.default_rng((hand, digit)), digit)[::every]
            ]
            right, known = tally(watch(network, Scene(name, name, tuple(frames), MOVING)))
            shares.append(right / known)
        each = " ".join(f"{share:5.0%}" for share in shares)
        print(f"{name:<14}{np.mean(shares):7.1%}   0 to 9: {each}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
