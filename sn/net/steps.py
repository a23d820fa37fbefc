"""Steps that wait until somebody looks, and then run in one call.

Learning from one pattern takes a dozen primitives, each of which does little; calling a kernel
for each costs more than what it computes. So a step on the whole network is put off: it runs,
with those before and behind it, when an array of the `Network` is asked for. Nothing can tell
the difference, as the arrays are the only way to the network, and the bits are the same.

A step waits only when it was seen before: programs that make a layer anew for each call gain
nothing by waiting.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sn.cells import CHANGES
from sn.net.kernels_exact_steps import run_steps
from sn.net.nlf import NLF

if TYPE_CHECKING:
    from sn.net.memory import Network

# What a step does, as `kernels_exact_steps.run_steps` numbers it.
STATES, GRADIENTS, ERRORS, SHARED_STEP, LINK_STEP, NEWTON_STEP = 1, 2, 3, 4, 5, 6
ACCUMULATE, SECOND, DELTA_STATES, HESSIANS, SHOW = 7, 8, 9, 10, 11
WIDTH = 9  # numbers of a step: six of its transfer function, three of its own
MOST_KNOWN = 512
MOST_WAITING = 256
_NO_KNOTS = np.zeros((3, 2), dtype=np.float32)
_NO_RANDOM = np.zeros(58, dtype=np.int64)
_NO_UNITS = np.zeros(0, dtype=np.int32)
_NOTHING = np.zeros(0, dtype=np.float32)


class Step:
    """One step: the rows it has in the table, or none when it cannot wait."""

    __slots__ = ("keep", "layers", "numbers", "rows")

    def __init__(
        self,
        what: int,
        layers: tuple[np.ndarray, ...],
        functions: tuple[NLF, ...],
        numbers: tuple[float, ...],
        flag: bool,
    ) -> None:
        self.keep = functions
        self.layers = layers
        self.rows: list[tuple[int, int, int, int]] = []
        self.numbers: list[np.ndarray] = []
        if not all(f.native and "spline" not in f.kind for f in functions):
            return
        for i in range(max(1, len(layers), len(functions))):
            order, form, row = 0, 0, np.zeros(WIDTH, dtype=np.float32)
            if i < len(functions):
                order, form, row[:6], _ = functions[i].arguments
            if i == 0:
                row[6 : 6 + len(numbers)] = numbers
            self.rows.append((what if i == 0 else 0, order, form, int(flag)))
            self.numbers.append(row)


class Program:
    """Steps in a row as the kernel takes them."""

    __slots__ = ("numbers", "steps", "table", "units")

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        table, layers, end = [], [_NO_UNITS], 0
        for step in steps:
            for i, (what, order, form, flag) in enumerate(step.rows):
                begin = end
                if i < len(step.layers):
                    layers.append(step.layers[i])
                    end += len(step.layers[i])
                table.append((what, begin, end, order, form, flag))
        self.table = np.array(table, dtype=np.int64)
        self.numbers = np.stack([row for step in steps for row in step.numbers])
        self.units = np.concatenate(layers)


class Steps:
    """The steps of a network that wait."""

    def __init__(self) -> None:
        self.waiting: list[Step] = []
        self._shown: list[np.ndarray] = []
        self._known: dict[tuple, Step] = {}
        self._calls: dict[tuple, tuple[int, tuple, tuple[Step, ...]]] = {}
        self._programs: dict[tuple, Program] = {}
        self._version = -1
        self._arrays: tuple = ()
        self._kernel: Callable[..., float] = run_steps

    def forget(self) -> None:
        """Drop what waits and what is known: the memory was freed."""
        self.waiting.clear()
        self._shown.clear()
        self._calls.clear()

    def put_off(
        self,
        what: int,
        layers: tuple[np.ndarray, ...] = (),
        functions: tuple[NLF, ...] = (),
        numbers: tuple[float, ...] = (),
        flag: bool = False,
    ) -> bool:
        """Let a step wait; False when it has to be done now, by the caller."""
        key = what, *map(id, layers), *map(id, functions), numbers, flag
        step = self._known.get(key)
        if step is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = Step(what, layers, functions, numbers, flag)
            return False
        if not step.rows or len(self.waiting) >= MOST_WAITING:
            return False
        self.waiting.append(step)
        return True

    def show(self, layer: np.ndarray, states: np.ndarray) -> bool:
        """Let the states (float32) that a layer is given wait, if something else waits."""
        if not self.waiting or not self.put_off(SHOW, (layer,)):
            return False
        self._shown.append(states.copy())
        return True

    def again(self, name: str, arguments: tuple) -> bool:
        """Let the steps wait that this call of a primitive led to when it was last made."""
        known = self._calls.get((name, *map(id, arguments)))
        if known is None or known[0] != CHANGES[0] or len(self.waiting) >= MOST_WAITING:
            return False
        self.waiting += known[2]
        return True

    def remember(self, name: str, arguments: tuple, count: int) -> None:
        """Note that a call of a primitive meant the last steps, so many, and nothing else."""
        if len(self._calls) >= MOST_KNOWN:
            self._calls.clear()
        steps = tuple(self.waiting[-count:])
        self._calls[name, *map(id, arguments)] = CHANGES[0], arguments, steps

    def run(self, network: "Network") -> float:
        """Run what waits; return the error the last step of kind ERRORS computed."""
        steps, self.waiting = self.waiting, []
        shown = _NOTHING
        if self._shown:
            shown = np.concatenate(self._shown)
            self._shown.clear()
        key = tuple(map(id, steps))
        program = self._programs.get(key)
        if program is None:
            if len(self._programs) >= MOST_KNOWN:
                self._programs.clear()
            program = self._programs[key] = Program(steps)
        if self._version != network.version:
            into, out = network.incoming, network.outgoing
            self._arrays = (
                network.every_unit,
                into.starts,
                into.table,
                out.starts,
                out.table,
                network.fields,
                network.W,
                network.kinds,
                network.link_fields,
                network.weight_count,
                network.newton,
                _NO_KNOTS,
                _NO_RANDOM,
                np.zeros((2, network.unit_limit), dtype=np.float32),
            )
            self._version = network.version
            self._kernel = run_steps.compiled
        return self._kernel(program.table, program.numbers, program.units, *self._arrays, shown)
