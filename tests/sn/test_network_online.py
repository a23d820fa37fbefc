"""Learning many patterns in one call equals learning them one by one, to the last bit."""

import numpy as np
import pytest

from sn.net import engine
from sn.net.memory import EPSILON, KERNELS, Network
from sn.net.nlf import NLF
from sn.net.online import OnlineNet
from sn.net.patterns import connect_windows, seen_windows

FUNCTIONS = [
    (NLF("tanh", 1.7, 0.66, 0.05), NLF("dtanh", 1.7, 0.66, 0.05)),
    (NLF("lin", 0.5, 0.9, 0.1, 0.2), NLF("lin", 0, 0, 0, 0.55)),
    (NLF("tanh", 1.2, 0.8), NLF("dtanh", 1.2, 0.7)),
]


def network_and_layers(kernel, euclidean):
    network = Network(kernel)
    network.generator.seed(3)
    network.allocate(60, 600)
    layers = [np.array(network.new_units(n), dtype=np.int32) for n in (9, 4, 5, 3, 3)]
    inputs, maps, hidden, output, _ = layers
    seen = seen_windows(inputs, 3, 3, 2, 2, (1, 1), (2, 2))
    connect_windows(network, seen, maps[:, None], "mask" if network.iterative else "none")
    for one, other in ((maps, hidden), (hidden, output), (maps, output)):
        network.connect_all(one, other)
    network.connect_all([0], hidden)
    if euclidean:
        network.kinds[output] = 1
    engine.draw_weights(network, network.every_unit, np.full(network.unit_count, 0.7))
    network.fields[EPSILON] = 0.05
    network.link_epsilons[:] = 0.05
    return network, layers


def step(network, layers, row, target, alpha, decay):
    inputs, *above, desired = layers
    network.values[inputs] = row
    for layer, (nlf, _) in zip(above, FUNCTIONS, strict=True):
        engine.update_states(network, layer, nlf)
    network.values[desired] = target
    error = engine.init_gradients(network, above[-1], desired, FUNCTIONS[-1][1])
    for layer, (_, slope) in list(zip(above, FUNCTIONS, strict=True))[-2::-1]:
        engine.update_gradients(network, layer, slope)
    engine.update_weights(network, None, alpha, decay)
    return error


@pytest.mark.parametrize("euclidean", [False, True])
@pytest.mark.parametrize(("alpha", "decay"), [(0, 0), (0.6, 0.01)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_one_call_equals_many(kernel, alpha, decay, euclidean):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(7, 9)).astype(np.float32)
    targets = rng.normal(size=(7, 3)).astype(np.float32)
    slow, layers = network_and_layers(kernel, euclidean)
    fast, _ = network_and_layers(kernel, euclidean)
    inputs, *above, desired = layers
    pairs = zip(above, FUNCTIONS, strict=True)
    net = OnlineNet(inputs, desired, [(layer, *functions) for layer, functions in pairs])
    errors = [
        step(slow, layers, row, target, alpha, decay)
        for row, target in zip(rows, targets, strict=True)
    ]
    assert net.learn(fast, rows, targets, alpha, decay) == errors[-1]
    assert np.array_equal(slow.fields, fast.fields)
    assert np.array_equal(slow.W, fast.W)
    assert np.abs(fast.weights).sum() > 1
