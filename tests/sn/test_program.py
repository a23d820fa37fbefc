"""The compiler of networks: every kind of step against plain sums over links."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sn.errors import SnCompileError
from sn.net import kernels_steps as kinds
from sn.net.kernels_squash import tanh_fast
from sn.net.lanes import LANES
from sn.net.plan import Squashing
from sn.net.program import compile_network

spec = importlib.util.spec_from_file_location("networks", Path(__file__).parent / "networks.py")
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)
Builder, lenet5 = networks.Builder, networks.lenet5


def slope(f, sums):
    if f.kind == kinds.TANH:
        return f.A * f.B * (1 - np.tanh(f.B * sums) ** 2) + f.C
    return np.ones_like(sums) if f.kind == kinds.LINEAR else f.A * (sums > 0) + f.C


def squash(f, sums):
    if f.kind == kinds.TANH:
        return f.A * np.tanh(f.B * sums) + f.C * sums + f.D
    return sums if f.kind == kinds.LINEAR else f.A * np.maximum(sums, 0) + f.C * sums


def by_links(net, weights, pattern):
    """Forward pass as plain sums over links; returns (states, sums) by unit."""
    pre, post, weight = net.links
    states, sums = np.zeros(net.unit_count), np.zeros(net.unit_count)
    states[0] = 1
    states[net.layers[0].units] = pattern
    for layer in net.layers[1:]:
        mine = np.isin(post, layer.units)
        a, w = states[pre[mine]], weights[weight[mine]]
        if layer.maximum:
            sums[layer.units] = -np.inf
            np.maximum.at(sums, post[mine], a)
        else:
            np.add.at(sums, post[mine], (a - w) ** 2 if layer.euclidean else a * w)
        states[layer.units] = squash(layer.squashing, sums[layer.units])
    return states, sums


def curvature_by_links(net, weights, pattern):
    """Diagonal Gauss-Newton curvature of a squared error, by links."""
    pre, post, weight = net.links
    states, sums = by_links(net, weights, pattern)
    back, total = np.zeros(net.unit_count), np.zeros(len(weights))
    back[net.layers[-1].units] = 1
    for layer in reversed(net.layers[1:]):
        back[layer.units] *= slope(layer.squashing, sums[layer.units]) ** 2
        mine = np.isin(post, layer.units)
        if layer.maximum:
            best = mine & (states[pre] == sums[post])
            np.add.at(back, pre[best], back[post[best]])
            continue
        np.add.at(total, weight[mine], back[post[mine]] * states[pre[mine]] ** 2)
        np.add.at(back, pre[mine], back[post[mine]] * weights[weight[mine]] ** 2)
    return total


def full_net():
    net = Builder()
    a, b, c = net.layer("a", 5), net.layer("b", 4, networks.TWISTED), net.layer("c", 3)
    for pre, post in ((a, b), (b, c), (a, c)):
        net.full(pre, post)
    net.bias(b)
    net.bias(c)
    return net, {"dense", "bias"}


def strided_net():
    """The first layer of the 1989 net: shared kernels, step 2, a bias for every unit."""
    net = Builder()
    retina, h1 = net.layer("input", 7 * 9), net.layer("h1", 2 * 3 * 4)
    output = net.layer("output", 3, networks.RECTIFIER)
    for m in h1.reshape(2, -1):
        net.bias(m)
        net.mask(retina, 9, m, 3, 3, 2, 2)
    net.full(h1, output)
    return net, {"strided convolution", "dense", "bias"}


def convolution_net():
    """Two stacked convolutions, 7x3 and 5x5 kernels, several and single maps."""
    net = Builder()
    retina, c1 = net.layer("input", 14 * 12), net.layer("c1", 5 * 8 * 10).reshape(5, -1)
    c2 = net.layer("c2", 6 * 4 * 6).reshape(6, -1)
    output = net.layer("output", 3, networks.LINEAR)
    for m in c1:
        net.bias(m, shared=True)
        net.mask(retina, 12, m, 7, 3)
    for k, m in enumerate(c2):
        for source in c1[: 1 + k]:
            net.mask(source, 10, m, 5, 5)
    net.full(c2.ravel(), output)
    return net, {"convolution", "dense", "bias"}


def time_delay_net():
    """A kernel that slides over frames of three traits, in steps of whole frames."""
    net = Builder()
    frames, hidden = net.layer("input", 10 * 3), net.layer("hidden", 8)
    output = net.layer("output", 2, networks.LINEAR)
    for k in range(8):
        net.connect(frames[3 * k : 3 * k + 9], hidden[k], np.arange(9))
    net.full(hidden, output)
    return net, {"strided convolution", "dense"}


def sparse_net():
    """Irregular links, a weight shared by two layers, a bias shared irregularly."""
    net, rng = Builder(), np.random.default_rng(5)
    a, b, c = net.layer("a", 8), net.layer("b", 6), net.layer("c", 4, networks.LINEAR)
    for unit in b:
        net.connect(rng.permutation(a)[:3], unit, rng.permutation(7)[:3])
    for unit in c:
        net.connect(rng.permutation(b)[:2], unit, rng.permutation(7)[:2])
    net.connect(0, b[:3], 7)
    net.connect(0, c, np.array([7, 8, 8, 9]))
    return net, {"sparse", "dense", "bias"}


def torus(side, size, step):
    """Sources (units, taps) of windows that move over a torus."""
    starts = np.arange(0, side, step)
    i, j, k, m = np.meshgrid(starts, starts, *[np.arange(size)] * 2, indexing="ij")
    seen = (i + k) % side * side + (j + m) % side
    return seen.reshape(len(starts) ** 2, size * size)


def toric_net():
    """Two stacked layers of kernels that wrap round the edge; the second sees both maps."""
    net = Builder()
    retina, a = net.layer("input", 100), net.layer("a", 2 * 25).reshape(2, -1)
    b = net.layer("b", 3 * 9).reshape(3, -1)
    output = net.layer("output", 2, networks.LINEAR)
    for m in a:
        net.bias(m, shared=True)
        net.connect(retina[torus(10, 3, 2)], m[:, None], net.weight_count + np.arange(9))
    for m in b:
        net.bias(m)
        for source in a:
            seen = source[torus(5, 3, 2)]
            net.connect(seen, m[:, None], net.weight_count + np.arange(9))
    net.full(b.ravel(), output)
    return net, {"gathered", "bias", "dense"}


def mask_over_full_net():
    """A kernel that moves over units without a place in a map, and over the input."""
    net = Builder()
    retina, hidden = net.layer("input", 36), net.layer("hidden", 20)
    a, output = net.layer("a", 16), net.layer("output", 2)
    net.full(retina, hidden)
    net.mask(retina, 6, a, 3, 3)
    net.mask(hidden[:16], 4, a[:4], 3, 3)
    net.full(a, output)
    net.full(hidden, output)
    return net, None


def mask_over_hidden_net():
    """A kernel that moves over units of a full layer."""
    net = Builder()
    retina, hidden = net.layer("input", 5), net.layer("hidden", 36)
    a, output = net.layer("a", 16), net.layer("output", 2)
    net.full(retina, hidden)
    net.mask(hidden, 6, a, 3, 3)
    net.full(a, output)
    return net, {"gathered", "dense"}


def twin_net():
    """The same kernel over two images: one weight vector in two blocks."""
    net = Builder()
    images, maps = net.layer("input", 2 * 36).reshape(2, -1), net.layer("maps", 2 * 16)
    output = net.layer("output", 2, networks.LINEAR)
    for image, m in zip(images, maps.reshape(2, -1), strict=True):
        i, j, k, n = np.meshgrid(*[np.arange(4)] * 2, *[np.arange(3)] * 2, indexing="ij")
        net.connect(image[(i + k) * 6 + j + n], m[i * 4 + j], k * 3 + n)
    net.full(maps, output)
    return net, None


def pushed_back_net():
    """Windows that step by two; the last row and column are pushed back inside the source."""
    net = Builder()
    retina, maps = net.layer("input", 8 * 8), net.layer("maps", 16)
    output = net.layer("output", 2, networks.LINEAR)
    starts = np.array([0, 2, 4, 5])
    i, j, k, m = np.meshgrid(np.arange(4), np.arange(4), *[np.arange(3)] * 2, indexing="ij")
    net.connect(retina[(starts[i] + k) * 8 + starts[j] + m], maps[i * 4 + j], k * 3 + m)
    net.full(maps, output)
    return net, {"strided convolution", "dense"}


def maximum_net(size=2, step=2, leak=0.0):
    """A convolution of leaky rectifiers whose maps are reduced to their maxima."""
    net = Builder()
    rectifier = Squashing(kinds.RECTIFIER, 1 - leak, 1.0, leak)
    retina, c1 = net.layer("input", 11 * 11), net.layer("c1", 3 * 81, rectifier)
    side = (9 - size) // step + 1
    pool = net.layer("pool", 3 * side**2, networks.LINEAR, maximum=True)
    output = net.layer("output", 2)
    for m, s in zip(c1.reshape(3, -1), pool.reshape(3, -1), strict=True):
        net.bias(m, shared=True)
        net.mask(retina, 11, m, 3, 3)
        net.mask(m, 9, s, size, size, step, step, equal=True)
    net.bias(output)
    net.full(pool, output)
    return net, {"convolution", "maximum", "dense", "bias"}


def overlapping_maximum_net():
    """Windows of 3 x 3 that step by two."""
    return maximum_net(3, 2, 0.1)


NETS = [
    full_net,
    maximum_net,
    overlapping_maximum_net,
    strided_net,
    convolution_net,
    time_delay_net,
    sparse_net,
    toric_net,
    mask_over_full_net,
    mask_over_hidden_net,
    twin_net,
    pushed_back_net,
]
NETS = {make.__name__: make for make in NETS}
NETS["lenet"] = lambda: (
    lenet5(False, networks.C3[:3], 20, 4, 8, 10),
    {"convolution", "subsampling", "dense", "bias"},
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def weights_of(net, rng):
    return rng.uniform(-0.7, 0.7, net.weight_count)


@pytest.mark.parametrize("name", NETS)
def test_forward_equals_sums_over_links(name, rng):
    net, steps = NETS[name]()
    weights = weights_of(net, rng)
    patterns = rng.normal(size=(2, len(net.layers[0].units)))
    program = compile_network(net.layers, net.links, weights, dtype=np.float64)
    if steps:
        assert set(program.lowered.summary) == steps
    for pattern, found in zip(patterns, program.run(patterns), strict=True):
        states, _ = by_links(net, weights, pattern)
        np.testing.assert_allclose(found, states[net.layers[-1].units], rtol=1e-10, atol=1e-12)
    units = np.arange(1, net.unit_count)
    np.testing.assert_allclose(program.states(units), states[1:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(np.float64, 1e-11), pytest.param(np.float32, 1e-5, marks=pytest.mark.jit)],
)
def test_patterns_side_by_side_give_what_each_gives_alone(name, dtype, tolerance, rng):
    net, _ = NETS[name]()
    patterns = rng.normal(size=(LANES + 1, len(net.layers[0].units)))
    program = compile_network(net.layers, net.links, weights_of(net, rng), dtype=dtype)
    units = np.arange(net.unit_count)
    expected = np.concatenate([program.run(pattern[None]) for pattern in patterns])
    last = program.states(units)
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(program.run(patterns), expected, **close)
    np.testing.assert_allclose(program.run(patterns[1:]), expected[1:], **close)
    np.testing.assert_allclose(program.states(units), last, **close)


@pytest.mark.jit
def test_lenet5_side_by_side_gives_what_each_image_gives_alone(rng):
    net = lenet5()
    patterns = rng.normal(size=(LANES, 1024))
    program = compile_network(net.layers, net.links, weights_of(net, rng))
    expected = np.concatenate([program.run(pattern[None]) for pattern in patterns])
    np.testing.assert_allclose(program.run(patterns), expected, rtol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_float32_is_close_to_float64(name, rng):
    net, _ = NETS[name]()
    weights, pattern = weights_of(net, rng), rng.normal(size=(1, len(net.layers[0].units)))
    exact = compile_network(net.layers, net.links, weights, dtype=np.float64).run(pattern)
    fast = compile_network(net.layers, net.links, weights).run(pattern)
    np.testing.assert_allclose(fast, exact, rtol=1e-4, atol=1e-4)


def slope_along(program, patterns, answers, rng):
    """Return (directional derivative by differences, by the gradient)."""
    _, gradient = program.gradient(patterns, answers)
    direction = rng.normal(size=gradient.size)
    start = program.weights.copy()
    ends = []
    for sign in (1, -1):
        program.weights[:] = start + sign * 1e-6 * direction
        ends.append(program.gradient(patterns, answers)[0])
    program.weights[:] = start
    return (ends[0] - ends[1]) / 2e-6, gradient @ direction


@pytest.mark.parametrize("name", NETS)
def test_gradient_equals_differences(name, rng):
    net, _ = NETS[name]()
    program = compile_network(net.layers, net.links, weights_of(net, rng), dtype=np.float64)
    patterns = rng.normal(size=(3, program.input_size))
    targets = rng.normal(size=(3, program.output_size))
    wanted, found = slope_along(program, patterns, targets, rng)
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("cost", ["likelihood", "posterior", "softmax"])
def test_criteria_have_the_right_gradient(cost, rng):
    net = lenet5(cost != "softmax", networks.C3[:3], 20, 4, 8, 10)
    program = compile_network(
        net.layers, net.links, weights_of(net, rng), cost=cost, rubbish=2.0, dtype=np.float64
    )
    patterns, labels = rng.normal(size=(3, program.input_size)), np.array([0, 3, 1])
    wanted, found = slope_along(program, patterns, labels, rng)
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_curvature_equals_gauss_newton_by_links(name, rng):
    net, _ = NETS[name]()
    weights = weights_of(net, rng)
    pattern = rng.normal(size=(1, len(net.layers[0].units)))
    program = compile_network(net.layers, net.links, weights, dtype=np.float64)
    found = np.zeros(net.weight_count)
    found[program.lowered.weight_index] = program.curvature(pattern, np.array([0]))
    wanted = curvature_by_links(net, weights, pattern[0])
    if name == "lenet":  # subsampling: the weight sees the sum of its field, not each input
        pre, post, weight = net.links
        pools = [layer.units for layer in net.layers if layer.name in ("s2", "s4")]
        coefficients = np.unique(weight[np.isin(post, np.concatenate(pools)) & (pre != 0)])
        assert len(coefficients) == 6 + 3
        found[coefficients] = wanted[coefficients]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("name", NETS)
def test_online_step_equals_gradient_step(name, rng):
    net, _ = NETS[name]()
    program = compile_network(net.layers, net.links, weights_of(net, rng), dtype=np.float64)
    pattern = rng.normal(size=(1, program.input_size))
    target = rng.normal(size=(1, program.output_size))
    start = program.weights.copy()
    _, gradient = program.gradient(pattern, target)
    program.rates[:] = rng.uniform(1e-3, 1e-2, program.rates.size)
    program.learn(pattern, target, np.array([0]))
    np.testing.assert_allclose(program.weights, start - program.rates * gradient, atol=1e-12)


@pytest.mark.parametrize("pooled", [False, True])
def test_dropout_has_the_right_gradient(pooled, rng):
    net = Builder()
    a = net.layer("a", 36)
    if pooled:  # maxima are silenced, not what they see
        maps = net.layer("maps", 10 * 16).reshape(10, -1)
        b = net.layer("b", 10 * 4, networks.LINEAR, maximum=True, dropout=0.5)
        for k in range(10):
            net.mask(a, 6, maps[k], 3, 3)
            net.mask(maps[k], 4, b[4 * k : 4 * k + 4], 2, 2, 2, 2, equal=True)
    else:
        b = net.layer("b", 40, dropout=0.5)
        net.full(a, b)
    c = net.layer("c", 3, networks.LINEAR)
    net.full(b, c)
    program = compile_network(net.layers, net.links, weights_of(net, rng), dtype=np.float64)
    patterns, targets = rng.normal(size=(2, 36)), rng.normal(size=(2, 3))
    gradient = program.gradient

    def alike(*arguments):  # the same units are silent at every call
        program.noise[0] = 7
        return gradient(*arguments)

    program.gradient = alike
    wanted, found = slope_along(program, patterns, targets, rng)
    assert found == pytest.approx(wanted, rel=1e-6)
    silent = int((program.states(b) == 0).sum())
    assert 10 <= silent <= 30
    program.noise[0] = 8
    assert found != pytest.approx(gradient(patterns, targets)[0])


def test_adam_moves_by_its_formula(rng):
    net, _ = full_net()
    program = compile_network(net.layers, net.links, weights_of(net, rng), dtype=np.float64)
    program.rates[:] = 0.01
    weights = program.weights.copy()
    first, second = np.zeros((2, len(weights)))
    for age in (1, 2, 3):
        gradient = rng.normal(size=len(weights))
        program.gradient_sum[:] = 4 * gradient
        program.update(4, rule="adam", momentum=0.9, decay=0.1)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = np.sqrt(second / (1 - 0.999**age)) + 1e-8
        weights -= 0.01 * (first / (1 - 0.9**age) / root + 0.1 * weights)
    np.testing.assert_allclose(program.weights, weights, rtol=1e-5)


def test_learning_lowers_the_energy(rng):
    net, _ = full_net()
    program = compile_network(net.layers, net.links, weights_of(net, rng))
    patterns, labels = rng.normal(size=(6, 5)), np.arange(6) % 3
    program.rates[:] = 0.05
    order = np.tile(np.arange(6), 200)
    first, _ = program.learn(patterns, labels, order)
    last, errors = program.learn(patterns, labels, order)
    assert last < 0.2 * first
    assert errors == 0


def test_patterns_of_little_energy_are_not_learned_from(rng):
    net, _ = full_net()
    weights = weights_of(net, rng)
    patterns, labels = rng.normal(size=(6, 5)), np.arange(6) % 3

    def moved(rows, **how):
        program = compile_network(
            net.layers, net.links, weights, cost="softmax", dtype=np.float64
        )
        program.rates[:] = 1
        energy = program.learn(patterns, labels, rows, batch=len(rows), **how)[0]
        return energy, program.weights - weights[program.lowered.weight_index]

    each = np.array([moved(np.array([n]))[0] for n in range(6)])
    limit = float(np.median(each))
    energy, change = moved(np.arange(6), least=limit)
    assert energy == pytest.approx(each.mean())
    hard = np.flatnonzero(each > limit)
    np.testing.assert_allclose(6 * change, len(hard) * moved(hard)[1], rtol=1e-9, atol=1e-12)
    assert not moved(np.arange(6), least=each.max() + 1)[1].any()


def test_rational_tanh_is_within_4e7():
    x = np.linspace(-12, 12, 20001, dtype=np.float32)
    found = np.array([tanh_fast(v) for v in x])
    assert np.abs(found - np.tanh(x.astype(np.float64))).max() < 4e-7


@pytest.mark.jit
def test_lenet5_has_60000_weights_and_340908_links_and_no_sparse_step():
    net = lenet5()
    program = compile_network(net.layers, net.links, np.zeros(net.weight_count))
    assert len(program.weights) == 60_000 + 840
    assert sum(program.lowered.summary.values()) == 340_908
    assert "sparse" not in program.lowered.summary


def test_a_loop_is_refused():
    net = Builder()
    a, b = net.layer("a", 2), net.layer("b", 2)
    net.full(a, b)
    net.full(b, b)
    with pytest.raises(SnCompileError, match="layer b feeds itself"):
        compile_network(net.layers, net.links, np.zeros(net.weight_count))


def test_patterns_of_the_wrong_size_are_refused(rng):
    net, _ = full_net()
    program = compile_network(net.layers, net.links, weights_of(net, rng))
    with pytest.raises(SnCompileError, match="patterns of 4 values, the input layer has 5"):
        program.run(np.zeros((1, 4)))
