"""What `(compile-net)` changes: learning and testing run in the layer program.

A `CompiledNet` stands where an `OnlineNet` stands. Weights go into the program before a call
and come back after it, so that every field accessor sees them. The sums are the same up to the
order of additions, not to the last bit.
"""

import numpy as np

from sn.errors import LispError
from sn.net.memory import EPSILON, Network
from sn.net.nlf import NLF
from sn.net.online import OnlineNet
from sn.net.program import LayerProgram, compile_built


class CompiledNet(OnlineNet):
    """An `OnlineNet` whose learning steps run in a layer program.

    Momentum and weight decay are not in the compiled step: with either, learning takes the
    exact kernels.
    """

    program: LayerProgram

    def learn(
        self,
        network: Network,
        rows: np.ndarray,
        targets: np.ndarray,
        alpha: float,
        decay: float,
    ) -> float:
        """Learn rows (n, inputs) with targets (n, outputs); return the mean error."""
        if alpha != 0 or decay != 0:
            if any(layer.compiled_only for layer in network.layers):
                raise LispError("a compiled net learns without momentum and decay")
            return super().learn(network, rows, targets, alpha, decay)
        program = self.program
        program.set_network_weights(network.weights)
        program.rates[:] = weight_rates(network)[program.lowered.weight_index]
        mean, _ = program.learn(rows, targets, np.arange(len(rows)))
        program.network_weights(network.weights)
        self.show(network)
        return mean

    def test(
        self, network: Network, rows: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run rows (n, inputs); return errors (n,) and outputs (n, outputs), float32."""
        self.program.set_network_weights(network.weights)
        outputs = self.program.run(rows)
        self.show(network)
        return self.program.energies(outputs, targets).astype(np.float32), outputs

    def show(self, network: Network) -> None:
        """Write the states after the last pattern back into the network memory."""
        for layer in network.layers:
            network.values[layer.units] = self.program.states(layer.units)


def weight_rates(network: Network) -> np.ndarray:
    """Return the learning rate (slots,) of every weight, the mean over its links."""
    _, post, weight = network.links()
    rates = network.link_epsilons if network.newton else network.fields[EPSILON, post]
    count = np.bincount(weight, minlength=network.slot_count)
    total = np.bincount(weight, rates, network.slot_count)
    return (total / np.maximum(count, 1)).astype(np.float32)


def compile_net(network: Network, nlf: NLF | None, cost: str = "squared") -> LayerProgram:
    """Compile the network for `learn` and `perf`; `nlf` serves layers without their own."""
    program = compile_built(network, nlf, cost=cost)
    network.compiled = (network.version, program)
    return program


def compiled(network: Network, nlf: NLF | None, net: OnlineNet) -> OnlineNet:
    """Return `net`, or its compiled double if `compile-net` was called.

    A network that was changed since is compiled again.
    """
    if network.compiled is None:
        return net
    version, program = network.compiled
    if version != network.version:
        program = compile_net(network, nlf, program.cost)
    double = CompiledNet.__new__(CompiledNet)
    double.__dict__.update(net.__dict__)
    double.program = program
    return double
