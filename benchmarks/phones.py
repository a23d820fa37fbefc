"""Telephone strips: the number of the film, and those of other hands with seeds held out.

python -m benchmarks.phones [--net both|sdnn|hos|net1989|lenet1|lenet5] [--strips N] [--seed N]

Both readers together, the space displacement network alone and over-segmentation alone read as
the demonstration does, at its promise; the networks of then take one look at each digit.
``--seed`` is the first hand; 9000 on are held out.
"""

import argparse

from pipeline import film
from pipeline.demo_1993 import Reader

HELD_OUT = 9000


def reader_of(net: str) -> Reader:
    if net in ("both", "sdnn", "hos"):
        from pipeline.recognition import Engine

        return Reader(Engine.load(net))
    from pipeline.period import PeriodEngine

    return Reader(PeriodEngine(net))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    nets = ("both", "sdnn", "hos", "net1989", "lenet1", "lenet5")
    parser.add_argument("--net", choices=nets, default="both")
    parser.add_argument("--strips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=HELD_OUT)
    args = parser.parse_args()
    reader = reader_of(args.net)
    strips = [film.FILM[0]]
    for seed in range(args.seed, args.seed + args.strips):
        strips.append(film.written(f"201-555-01{seed % 100:02d}", seed, "phone"))
    guessed = read = wrong = 0
    for strip in strips:
        reading, _ = reader.read(film.take(strip))
        guess = "".join(c for c in reading.best_guess or "" if c.isdigit())
        right = guess == strip.text.replace("-", "")
        guessed += right
        read += bool(reading)
        wrong += bool(reading) and not right
        if not right:
            told = "READ" if reading else reading.reason
            print(f"{strip.caption:<22} {strip.text:<13} {reading.best_guess!s:<15} {told}")
    share = guessed / len(strips)
    print(f"{args.net}: best guess right {guessed} of {len(strips)} ({share:.1%})")
    print(f"{args.net}: read {read}, of these {wrong} wrong")


if __name__ == "__main__":
    main()
