"""The random generator of SN2.8, number for number.

Knuth's subtractive table of 55 integers, each draw followed by a linear congruential scramble.
The language (`seed`, `rand`, `gauss`) and the network kernels draw from one `Generator`, so
that a program gives the numbers of 1988 whatever mixture of the two it uses.

Source: sn28.md, section 2.9; measured on Lush 1.2.1.
"""

import struct
import time

import numpy as np

MASK = 0x7FFFFFFF
SEED_CONSTANT = 161803398
MULTIPLIER = 84589
INCREMENT = 45989
_FLOAT = struct.Struct("f")


def float32(value: float) -> float:
    """Round a number to the nearest float32 value, returned as a Python float."""
    return _FLOAT.unpack(_FLOAT.pack(value))[0]


class Generator:
    """The one stream of random numbers of an interpreter; seeded from the clock.

    >>> generator = Generator(3)
    >>> [round(x, 4) for x in (generator.rand(), generator.rand(1), generator.rand(0, 10))]
    [0.2813, -0.9194, 1.3166]
    >>> round(generator.gauss(), 4)
    -0.8297
    """

    def __init__(self, seed: float | None = None) -> None:
        self.table = [0] * 56  # entries 1...55, as in the original
        self.first = 0
        self.second = 31
        self.seed(time.time() if seed is None else seed)

    def seed(self, seed: float) -> None:
        """Restart the stream; only the integer part of the seed counts (0.87 is seed 0)."""
        table = self.table
        current = (SEED_CONSTANT - abs(int(seed))) & MASK
        table[55] = current
        following = 1
        for i in range(1, 55):
            place = 21 * i % 55
            table[place] = following
            following = (current - following) & MASK
            current = table[place]
        for _ in range(4):
            for i in range(1, 55):
                table[i] = (table[i] - table[1 + (i + 30) % 55]) & MASK
        self.first = 0
        self.second = 31

    def uniform(self) -> float:
        """Draw a float32 value in [0, 1]."""
        self.first = first = self.first % 55 + 1
        self.second = second = self.second % 55 + 1
        table = self.table
        drawn = ((table[first] - table[second]) * MULTIPLIER + INCREMENT) & MASK
        table[first] = drawn
        return float32(drawn) / 2147483648.0

    def rand(self, low: float | None = None, high: float | None = None) -> float:
        """Draw from [0, 1], from [-low, low], or from [low, high] (in double)."""
        if low is None:
            return self.uniform()
        if high is None:
            low, high = -low, low
        return (high - low) * self.uniform() + low

    def normal(self) -> float:
        """Draw a nearly normal float32 value: the sum of twelve uniform ones."""
        table = self.table
        total = drawn = 0
        for _ in range(12):
            self.first = first = self.first % 55 + 1
            self.second = second = self.second % 55 + 1
            drawn = (table[first] - table[second]) & MASK
            table[first] = drawn
            drawn &= 0xFFFFFF
            if drawn & 0x800000:
                drawn -= 0x1000000
            total += drawn
        table[self.first] = (drawn * MULTIPLIER + INCREMENT) & MASK
        return float32(total) / 16777216.0

    def gauss(self, mean: float | None = None, deviation: float | None = None) -> float:
        """Draw a normal value: standard, of a deviation, or of a mean and a deviation."""
        if mean is None:
            return self.normal()
        if deviation is None:
            mean, deviation = 0.0, mean
        return mean + deviation * self.normal()

    def state(self) -> np.ndarray:
        """Return the state as kernels take it: int64 (58,), the table and both indices."""
        return np.array([*self.table, self.first, self.second], dtype=np.int64)

    def restore(self, state: np.ndarray) -> None:
        """Take over a state advanced by a kernel."""
        *self.table, self.first, self.second = state.tolist()
