"""The propagation kernels against numbers measured on the original, for all four kernels."""

import numpy as np
import pytest

from sn.net import engine
from sn.net.memory import EPSILON, KERNELS, Network
from sn.net.nlf import NLF

PATTERNS = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
TARGETS = [-1, 1, 1, -1]
ERRORS = ["0.520094097", "1.41332424", "2.55070639", "0.214724764", "0.462192744"]
ERRORS += ["0.607293308", "1.94895411", "0.991855621", "0.441961199", "0.507663429"]


def default_nlfs():
    amplitude = 1 / NLF("tanh", 1, 0.66666666)(1)
    return NLF("tanh", amplitude, 0.66666666), NLF("dtanh", amplitude, 0.66666666)


def units(numbers):
    return np.array(numbers, dtype=np.int32)


def xor_network(kernel, seed):
    """A 2-3-1 network with biases, weights within 1 and rates 0.5 over the fan-in."""
    network = Network(kernel)
    network.generator.seed(seed)
    network.allocate(40, 200)
    layers = [units(network.new_units(n)) for n in (2, 3, 1, 1)]
    inputs, hidden, output, _ = layers
    network.connect_all([0], hidden)
    network.connect_all([0], output)
    network.connect_all(inputs, hidden)
    network.connect_all(hidden, output)
    engine.draw_weights(network, network.every_unit, np.ones(network.unit_count))
    network.fields[EPSILON, hidden] = np.float32(0.5 / 3)
    network.fields[EPSILON, output] = np.float32(0.5 / 4)
    post = network.links()[1]
    network.link_epsilons[:] = np.where(post == output, 0.5 / 4, 0.5 / 3)
    return network, layers


def iterate(network, layers, pattern):
    inputs, hidden, output, desired = layers
    nlf, slope = default_nlfs()
    network.values[inputs] = PATTERNS[pattern]
    network.values[desired] = TARGETS[pattern]
    engine.update_states(network, hidden, nlf)
    engine.update_states(network, output, nlf)
    error = engine.init_gradients(network, output, desired, slope)
    engine.update_gradients(network, hidden, slope)
    engine.update_weights(network, None, 0, 0)
    return error


@pytest.mark.parametrize("kernel", KERNELS)
def test_ten_steps_on_xor(kernel):
    network, layers = xor_network(kernel, 4)
    errors = [f"{iterate(network, layers, step % 4):.9g}" for step in range(10)]
    assert errors == ERRORS
    lists = network.incoming
    output = network.weights[lists.table[1, lists.starts[6] : lists.starts[7]][::-1]]
    expected = "0.0278384537 0.290154606 0.0713902414 -0.334195316"
    assert " ".join(f"{w:.9g}" for w in output) == expected


def test_a_euclidean_unit_has_the_gradient_of_its_distance():
    network, layers = xor_network("sn28ite", 2)
    inputs, hidden, output, desired = layers
    network.kinds[output] = 1
    linear, flat = NLF("lin", 1, 1), NLF("lin", 0, 1, 0, 1)
    network.values[inputs] = [0.3, -0.7]
    network.values[desired] = 0.5

    def error():
        engine.update_states(network, hidden, linear)
        engine.update_states(network, output, linear)
        return 0.5 * float(network.values[6] - network.values[7]) ** 2

    error()
    engine.init_gradients(network, output, desired, flat)
    engine.update_gradients(network, hidden, flat)
    network.fields[EPSILON] = 1.0
    engine.accumulate(network)
    for weight in range(network.weight_count):
        step = np.float32(1e-2)
        network.weights[weight] += step
        up = error()
        network.weights[weight] -= 2 * step
        down = error()
        network.weights[weight] += step
        slope = (up - down) / (2 * float(step))
        assert network.accumulators[weight] == pytest.approx(-slope, rel=2e-2, abs=1e-3)
