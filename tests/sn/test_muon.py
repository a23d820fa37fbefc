"""The Muon rule: which weights make matrices, and how they move."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from sn.errors import SnCompileError
from sn.net import muon
from sn.net.program import compile_network

spec = importlib.util.spec_from_file_location("networks", Path(__file__).parent / "networks.py")
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def full(rng):
    net = networks.Builder()
    a, b, c = net.layer("a", 6), net.layer("b", 4, networks.TWISTED), net.layer("c", 3)
    net.full(a, b)
    net.full(b, c)
    net.bias(b)
    weights = rng.normal(size=int(net.links[2].max()) + 1)
    return compile_network(net.layers, net.links, weights, dtype=np.float64)


def test_a_turned_matrix_keeps_its_directions_and_evens_their_sizes(rng):
    for shape in ((5, 12), (12, 5), (7, 7)):
        matrix = rng.normal(size=shape)
        left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
        turned = muon.turned(matrix)
        found = left.T @ turned @ right.T
        assert np.abs(found - np.diag(np.diag(found))).max() < 1e-6
        small = sizes > 0.05 * sizes.max()
        assert (np.abs(np.diag(found)[small] - 0.95) < 0.32).all()


def test_a_step_is_as_large_as_one_of_adam(rng):
    for shape in ((22, 112), (112, 784)):
        step = muon.step(rng.normal(size=shape))
        assert math.sqrt((step**2).mean()) == pytest.approx(muon.STEP, rel=0.2)


def test_rows_of_a_matrix_are_what_one_unit_or_map_learned(rng):
    program = full(rng)
    assert [m.shape for m in program.matrices] == [(4, 6), (3, 4)]
    pattern = rng.normal(size=(1, 6))
    before = program.run(pattern).copy()
    program.weights[program.matrices[1][2]] += 1
    assert np.flatnonzero(np.abs(program.run(pattern) - before)[0] > 1e-9).tolist() == [2]


def test_kernels_of_a_convolution_are_rows_and_unequal_tables_are_left_out():
    net = networks.lenet5()
    count = int(net.links[2].max()) + 1
    program = compile_network(net.layers, net.links, np.zeros(count))
    shapes = {m.shape for m in program.matrices}
    assert (6, 25) in shapes
    assert not any(rows == 16 for rows, _ in shapes)  # C3: three, four or six maps are seen
    places = np.concatenate([m.ravel() for m in program.matrices])
    assert len(np.unique(places)) == len(places)


def test_matrices_turn_and_biases_move_as_by_adam(rng):
    program = full(rng)
    program.rates[:] = 0.01
    program.rates[program.matrices[0][1]] = 0  # these stay
    before, speed = program.weights.copy(), np.zeros(len(program.weights))
    for age in (1, 2, 3):
        gradient = rng.normal(size=len(before))
        program.gradient_sum[:] = 4 * gradient
        wanted = program.weights.copy()
        program.update(4, rule="muon", momentum=0.9, decay=0.1)
        speed = 0.9 * speed + 0.1 * gradient
        for places in program.matrices:
            mean = 0.1 * gradient[places] + 0.9 * speed[places]
            move = muon.step(mean) + 0.1 * wanted[places]
            wanted[places] -= program.rates[places] * move
        at = np.concatenate([m.ravel() for m in program.matrices])
        np.testing.assert_allclose(program.weights[at], wanted[at], rtol=1e-6, atol=1e-9)
        assert program.moves[0] == age
        assert not program.gradient_sum.any()
    np.testing.assert_array_equal(
        program.weights[program.matrices[0][1]], before[program.matrices[0][1]]
    )
    assert (program.rates[program.matrices[1]] == 0.01).all()
    assert np.abs(np.delete(program.weights - before, at)).min() > 1e-4


@pytest.mark.parametrize("batch", [4, 6, 100])
def test_learning_by_muon_moves_after_every_batch(rng, batch):
    program, step_by_step = full(rng), full(np.random.default_rng(7))
    patterns, labels, order = rng.normal(size=(6, 6)), np.arange(6) % 3, np.arange(14) % 6
    for each in (program, step_by_step):
        each.rates[:] = 0.01
    how = {"rule": "muon", "momentum": 0.9, "decay": 0.1}
    energy, errors = program.learn(patterns, labels, order, batch=batch, **how)
    total = wrong = 0
    for first in range(0, 14, batch):
        some = order[first : first + batch]
        mean, gradient = step_by_step.gradient(patterns[some], labels[some])
        wrong += int((step_by_step.classify(patterns[some]) != labels[some]).sum())
        step_by_step.gradient_sum[:] = gradient
        step_by_step.moves[:] = -(-first // batch)  # what `gradient` did to learn it counts not
        step_by_step.update(1, **how)
        total += mean * len(some)
    np.testing.assert_allclose(program.weights, step_by_step.weights, rtol=1e-6, atol=1e-9)
    assert energy == pytest.approx(total / 14)
    assert errors == wrong
    assert program.moves[0] == -(-14 // batch)


def test_muon_and_adam_want_batches(rng):
    program = full(rng)
    with pytest.raises(SnCompileError, match="the rule muon moves weights batch by batch"):
        program.learn(np.zeros((1, 6)), np.zeros(1, np.int64), np.arange(1), rule="muon")
    for how in ({"decay": 0.1}, {"momentum": 0.9}):
        with pytest.raises(SnCompileError, match="momentum and decay act batch by batch"):
            program.learn(np.zeros((1, 6)), np.zeros(1, np.int64), np.arange(1), **how)
