"""Learning and testing many patterns in one call: the fast way of `(learn n)` and `(perf)`.

Where the hooks of the library are the standard ones, a step does only what is done here, so
that the steps can run in one compiled loop. The result is the same to the last bit.
"""

from collections.abc import Sequence

import numpy as np

from sn.net.kernels_exact_online import learn_rows, test_rows
from sn.net.memory import Network
from sn.net.nlf import KINDS, NLF


class OnlineNet:
    """The layers of a network with their transfer functions, ready for `learn`.

    Parameters
    ----------
    inputs, desired : int32 arrays
        Units the patterns and the targets go to.
    layers : sequence of (units, nlf, slope)
        All layers after the input, in order; the last one is the output.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        desired: np.ndarray,
        layers: Sequence[tuple[np.ndarray, NLF, NLF]],
    ) -> None:
        self.inputs, self.desired = inputs, desired
        sizes = [len(units) for units, _, _ in layers]
        self.bounds = np.cumsum([0, *sizes]).astype(np.int64)
        self.units = np.concatenate([units for units, _, _ in layers])
        self.functions = self._describe([nlf for _, nlf, _ in layers])
        self.slopes = self._describe([slope for _, _, slope in layers])
        same = self.functions[1][:, 1] == self.slopes[1][:, 1]
        tanh = (self.functions[0] == KINDS["tanh"]) & (self.slopes[0] == KINDS["dtanh"])
        self.kept = same & tanh

    @staticmethod
    def possible(functions: Sequence[NLF]) -> bool:
        """Tell whether these transfer functions are simple enough for the compiled loop."""
        return all(f.order == 0 and f.native and "spline" not in f.kind for f in functions)

    @staticmethod
    def _describe(functions: Sequence[NLF]) -> tuple[np.ndarray, np.ndarray]:
        forms = np.array([KINDS[f.kind] for f in functions], dtype=np.int64)
        return forms, np.stack([f.parameters for f in functions])

    def learn(
        self,
        network: Network,
        rows: np.ndarray,
        targets: np.ndarray,
        alpha: float,
        decay: float,
    ) -> float:
        """Learn rows (n, inputs) with targets (n, outputs), float32; return the last error."""
        into, out = network.incoming, network.outgoing
        return float(
            learn_rows(
                rows,
                targets,
                self.inputs,
                self.desired,
                self.units,
                self.bounds,
                *self.functions,
                *self.slopes,
                self.kept,
                network.every_unit,
                into.starts,
                into.table,
                out.starts,
                out.table,
                network.fields,
                network.W,
                network.slot_count,
                network.kinds,
                network.link_fields,
                network.newton,
                network.iterative,
                np.float32(alpha),
                np.float32(decay),
                network.newton,
                np.zeros(network.unit_limit, dtype=np.float32),
            )
        )

    def test(
        self, network: Network, rows: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run rows (n, inputs); return errors (n,) and outputs (n, outputs), float32."""
        into = network.incoming
        energies = np.empty(len(rows), dtype=np.float32)
        results = np.empty((len(rows), len(self.desired)), dtype=np.float32)
        test_rows(
            rows,
            targets,
            self.inputs,
            self.desired,
            self.units,
            self.bounds,
            *self.functions,
            into.starts,
            into.table,
            network.fields,
            network.W,
            network.kinds,
            np.zeros(network.unit_limit, dtype=np.float32),
            energies,
            results,
        )
        return energies, results
