"""Telephone strips of other hands, read by the check reader or by one look for each digit.

python -m benchmarks.phones [check|net1989|lenet1|lenet5] [STRIPS]
"""

import sys

from pipeline import film
from pipeline.demo_1993 import Reader

FIRST = 9000  # seed of the first hand


def main(name: str = "check", count: int = 100) -> None:
    if name == "check":
        from pipeline.recognition import Engine

        engine = Engine.load()
    else:
        from pipeline.period import PeriodEngine

        engine = PeriodEngine(name)
    reader = Reader(engine)
    guessed = read = wrong = 0
    for seed in range(FIRST, FIRST + count):
        text = f"201-555-01{seed % 100:02d}"
        reading, _ = reader.read(film.take(film.written(text, seed, "phone")))
        digits = "".join(c for c in reading.best_guess or "" if c.isdigit())
        right = digits == text.replace("-", "")
        guessed += right
        if reading:
            read += 1
            wrong += not right
    print(f"{name}: best guess right {guessed} of {count}; read {read}, of these {wrong} wrong")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
