"""Replicated networks: the same as the network on every window, forward and backward."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sn.errors import SnCompileError
from sn.net.program import compile_network

spec = importlib.util.spec_from_file_location("networks", Path(__file__).parent / "networks.py")
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)
Builder, lenet5 = networks.Builder, networks.lenet5


def rectified_net():
    """Two convolutions with rectifiers and max pooling, three layers on top."""
    net = Builder()
    retina = net.layer("input", 20 * 20)
    c1 = net.layer("c1", 6 * 16 * 16, networks.RECTIFIER).reshape(6, -1)
    s2 = net.layer("s2", 6 * 8 * 8, networks.LINEAR).reshape(6, -1)
    c3 = net.layer("c3", 7 * 4 * 4, networks.RECTIFIER).reshape(7, -1)
    c5, f6 = net.layer("c5", 5, networks.RECTIFIER), net.layer("f6", 6)
    output = net.layer("output", 4, networks.LINEAR)
    net.layers[2] = replace(net.layers[2], maximum=True)
    for m, source in zip(s2, c1, strict=True):
        net.bias(source, shared=True)
        net.mask(retina, 20, source, 5, 5)
        net.mask(source, 16, m, 2, 2, 2, 2, equal=True)
    for m in c3:
        net.bias(m, shared=True)
        for source in s2:
            net.mask(source, 8, m, 5, 5)
    for pre, post in ((c3.ravel(), c5), (c5, f6), (f6, output)):
        net.bias(post)
        net.full(pre, post)
    return net


def strided_net():
    """A convolution by steps of two, its maps seen in full."""
    net = Builder()
    retina, h1 = net.layer("input", 9 * 9), net.layer("h1", 3 * 16)
    output = net.layer("output", 3, networks.LINEAR)
    for m in h1.reshape(3, -1):
        net.bias(m, shared=True)
        net.mask(retina, 9, m, 3, 3, 2, 2)
    net.bias(output)
    net.full(h1, output)
    return net


def skipping_net():
    """A time delay network over columns whose outputs see the middles of all its layers."""
    net = Builder()
    columns = net.layer("input", 9 * 9)
    here = net.layer("here", 4 * 9).reshape(4, -1)
    near = net.layer("near", 4 * 5).reshape(4, -1)
    far, output = net.layer("far", 5), net.layer("output", 3, networks.LINEAR)
    for m in here:
        net.bias(m, shared=True)
        net.mask(columns, 9, m, 9, 1)
    for m in near:
        net.bias(m, shared=True)
        for source in here:
            net.mask(source, 9, m, 1, 5)
    for post in (far, output):
        net.bias(post)
    net.full(near.ravel(), far)
    for pre in (far, near[:, 2], here[:, 4]):
        net.full(pre, output)
    return net


NETS = {
    "rectified": (rectified_net, 20),
    "strided": (strided_net, 9),
    "skipping": (skipping_net, 9),
    "lenet": (lambda: lenet5(False, networks.C3[:5], 20, 4, 8, 10), 20),
    "Euclidean lenet": (lambda: lenet5(True, networks.C3[:5], 20, 4, 8, 10), 20),
}


def made(name, seed=3):
    net, side = NETS[name][0](), NETS[name][1]
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-0.7, 0.7, net.weight_count)
    return compile_network(net.layers, net.links, weights, dtype=np.float64), side, rng


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("more", [(0, 0), (0, 13), (7, 8)])
def test_outputs_are_those_of_every_window(name, more):
    program, side, rng = made(name)
    image = rng.normal(size=(side + more[0], side + more[1]))
    wide = program.replicate(*image.shape)
    outputs = wide.run(image)
    down, right = wide.step
    assert outputs.shape[1:] == (1 + more[0] // down, 1 + more[1] // right)
    for i in range(outputs.shape[1]):
        for j in range(outputs.shape[2]):
            window = image[i * down : i * down + side, j * right : j * right + side]
            np.testing.assert_allclose(
                outputs[:, i, j], program.run(window[None])[0], rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("name", ["lenet", "Euclidean lenet"])
def test_maps_of_every_layer_are_those_of_every_window(name):
    program, side, rng = made(name)
    image = rng.normal(size=(side, side + 8))
    wide, alone = program.replicate(*image.shape), program.replicate(side, side)
    wide.run(image)
    large = {layer: wide.states(layer) for layer in wide.layers}
    for j in range(wide.columns):
        alone.run(image[:, j * wide.step[1] :][:, :side])
        for layer, maps in large.items():
            small = alone.states(layer)
            at = j * (maps.shape[2] - small.shape[2]) // (wide.columns - 1)
            np.testing.assert_allclose(maps[:, :, at:][:, :, : small.shape[2]], small)


@pytest.mark.parametrize("name", NETS)
def test_gradient_equals_differences(name):
    program, side, rng = made(name)
    image = rng.normal(size=(side + 4, side + 9))
    wide = program.replicate(*image.shape)
    pull = rng.normal(size=wide.run(image).shape)
    wide.backward(pull)
    direction = rng.normal(size=program.weights.size)
    found = program.gradient_sum @ direction
    start, ends = program.weights.copy(), []
    for sign in (1, -1):
        program.weights[:] = start + sign * 1e-6 * direction
        ends.append((wide.run(image) * pull).sum())
    assert found == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_gradient_is_the_sum_over_windows(name):
    program, side, rng = made(name)
    image = rng.normal(size=(side, side + 12))
    wide = program.replicate(*image.shape)
    pull = rng.normal(size=wide.run(image).shape)
    wide.backward(pull)
    whole = program.gradient_sum.copy()
    program.gradient_sum[:] = 0
    alone = program.replicate(side, side)
    for j in range(pull.shape[2]):
        alone.run(image[:, j * wide.step[1] :][:, :side])
        alone.backward(pull[:, :, j : j + 1])
    np.testing.assert_allclose(program.gradient_sum, whole, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", NETS)
def test_curvature_on_one_window_is_that_of_the_program(name):
    program, side, rng = made(name)
    image = rng.normal(size=(side, side))
    wide = program.replicate(side, side)
    wide.backward_second(np.ones_like(wide.run(image)))
    wanted = program.curvature(image[None], np.array([0]))
    np.testing.assert_allclose(program.curvature_sum, wanted, rtol=1e-8, atol=1e-10)


def test_curvature_over_an_image_is_that_of_the_network_built_so():
    def build(width):
        net = Builder()
        places = width - 5
        retina, c1 = net.layer("input", 6 * width), net.layer("c1", 2 * 4 * (width - 2))
        f2 = net.layer("f2", 3 * places).reshape(3, -1)
        output = net.layer("output", 2 * places, networks.LINEAR).reshape(2, -1)
        c1 = c1.reshape(2, -1)
        for m in c1:
            net.bias(m, shared=True)
            net.mask(retina, width, m, 3, 3)
        for m in f2:
            net.bias(m, shared=True)
            for source in c1:
                net.mask(source, width - 2, m, 4, 4)
        for m in output:
            net.bias(m, shared=True)
            for source in f2:
                net.mask(source, places, m, 1, 1)
        return net

    rng = np.random.default_rng(1)
    small, large = build(6), build(11)
    weights = rng.normal(size=small.weight_count)
    image = rng.normal(size=(6, 11))
    results = []
    for net, size in ((small, 11), (large, 11)):
        program = compile_network(net.layers, net.links, weights, dtype=np.float64)
        if net is small:
            wide = program.replicate(6, size)
            wide.backward_second(np.ones_like(wide.run(image)))
            found = program.curvature_sum
        else:
            found = program.curvature(image[None], np.array([0]))
        own = np.zeros(len(weights))
        own[program.lowered.weight_index] = found
        results.append(own)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9)


@pytest.mark.jit
@pytest.mark.parametrize("rule", ["gradient", "adam"])
def test_strings_of_several_widths_train_one_network(rule):
    net = rectified_net()
    rng = np.random.default_rng(0)
    program = compile_network(net.layers, net.links, rng.uniform(-0.2, 0.2, net.weight_count))
    program.rates[:] = 0.003
    strips = [rng.normal(size=(20, width)).astype(np.float32) for width in (24, 31, 40)]
    wanted = [rng.normal(size=(4, 1, 1 + (s.shape[1] - 20) // 2)) for s in strips]
    errors = []
    for _ in range(60):
        total = 0.0
        for strip, target in zip(strips, wanted, strict=True):
            wide = program.replicate(*strip.shape)
            difference = wide.run(strip) - target
            total += float((difference**2).sum())
            wide.backward(difference)
        program.update(len(strips), rule=rule, momentum=0.9)
        errors.append(total)
    assert errors[-1] < 0.5 * errors[0]
    assert not program.gradient_sum.any()


def test_backward_must_follow_its_own_run():
    program, side, _ = made("strided")
    one, other = program.replicate(side, side), program.replicate(side, side + 2)
    outputs = one.run(np.zeros((side, side)))
    other.run(np.zeros((side, side + 2)))
    with pytest.raises(SnCompileError, match="backward must follow run"):
        one.backward(outputs)


def test_what_differs_from_place_to_place_is_refused():
    net = Builder()
    retina, h1 = net.layer("input", 7 * 7), net.layer("h1", 25)
    net.bias(h1)
    net.mask(retina, 7, h1, 3, 3)
    output = net.layer("output", 2, networks.LINEAR)
    net.full(h1, output)
    program = compile_network(net.layers, net.links, np.zeros(net.weight_count))
    with pytest.raises(SnCompileError, match="layer h1 has a bias for every unit"):
        program.replicate(9, 9)


def test_layers_that_move_differently_cannot_be_seen_together():
    net = Builder()
    retina = net.layer("input", 9 * 9)
    fine, coarse = net.layer("fine", 7 * 7), net.layer("coarse", 4 * 4)
    output = net.layer("output", 2, networks.LINEAR)
    for maps, step in ((fine, 1), (coarse, 2)):
        net.bias(maps, shared=True)
        net.mask(retina, 9, maps, 3, 3, step, step)
    net.bias(output)
    net.full(np.concatenate([fine, coarse]), output)
    program = compile_network(net.layers, net.links, np.zeros(net.weight_count))
    with pytest.raises(SnCompileError, match="layer output sees maps that do not move togeth"):
        program.replicate(9, 11)


def test_an_image_smaller_than_the_input_layer_is_refused():
    program, _, _ = made("strided")
    with pytest.raises(SnCompileError, match="8 x 12 is smaller than the input layer of 9 x 9"):
        program.replicate(8, 12)


def test_a_replica_keeps_no_array_as_large_as_its_states():
    """A batch of strips keeps one for every width."""
    program, side, _ = made("strided")
    wide = program.replicate(side, 4000)
    wide.run(np.zeros((side, 4000)))
    arrays = [a for a in vars(wide).values() if isinstance(a, np.ndarray)]
    assert sum(a.nbytes for a in arrays) < 4 * wide.size
    assert wide.states("output").shape[1:] == (wide.rows, wide.columns)


def test_what_the_backward_pass_needs_comes_with_the_first_one():
    """Who only reads does not write it; a training writes each replica but once."""
    program, side, rng = made("lenet")
    image = rng.normal(size=(side, side + 8))
    wide = program.replicate(*image.shape)
    pull = wide.run(image)
    rows = wide.rows_of_steps
    wide.backward(pull)
    assert len(wide.rows_of_steps) == len(rows)
    assert (wide.rows_of_steps != rows).any()
    np.testing.assert_array_equal(wide.run(image), pull)
    found, program.gradient_sum[:] = program.gradient_sum.copy(), 0
    program.replicas.clear()
    ready = program.replicate(*image.shape)
    made_once = ready.rows_of_steps
    ready.run(image)
    ready.backward(pull)
    assert ready.rows_of_steps is made_once
    np.testing.assert_array_equal(program.gradient_sum, found)


def test_room_for_a_very_large_image_is_given_back(monkeypatch):
    program, side, _ = made("strided")
    small, wide = program.replicate(side, side), program.replicate(side, 4000)
    monkeypatch.setattr("sn.net.program.ROOM", small.size)
    image = np.random.default_rng(1).normal(size=(side, side))
    before = small.run(image)
    wide.run(np.zeros((side, 4000)))
    assert len(program.shared[0]) == wide.size
    after = small.run(image)
    assert len(program.shared[0]) == small.size
    np.testing.assert_array_equal(before, after)
    small.backward(after)
