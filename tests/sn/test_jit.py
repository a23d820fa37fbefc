"""Kernels: what keys their machine code, and the hand-written tiles against plain sums."""

import importlib.util
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sn import jit
from sn.bigstack import interrupt
from sn.net import kernels_convolution, kernels_program, kernels_tile
from sn.typed import module


def names(module):
    return {file.name for file in jit.kernel_files(module.__name__)}


def test_machine_code_depends_on_the_kernels_that_are_called():
    assert {"kernels_program.py", "kernels_tile.py"} <= names(kernels_program)
    assert names(kernels_convolution) == {
        "kernels_convolution.py",
        "kernels_steps.py",
        "kernels_tile.py",
    }
    assert names(kernels_tile) == {"kernels_tile.py"}


@pytest.fixture
def pair(tmp_path):
    """Two kernel files, the second of which imports the first."""
    made = []
    for name, text in (
        ("kernels_inner_of_test", "X = 1\n"),
        ("kernels_outer_of_test", "from kernels_inner_of_test import X\n"),
    ):
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        made.append((name, file))
    yield made
    for name, _ in made:
        del sys.modules[name]
    forget()


def forget():
    jit.kernel_files.cache_clear()
    jit.cache_key.cache_clear()


def keys(pair):
    forget()
    return [jit.cache_key(name) for name, _ in pair]


def test_an_edit_gives_new_keys_to_all_that_depends_on_it(pair):
    before = keys(pair)
    pair[1][1].write_text("from kernels_inner_of_test import X\nY = 2\n")
    between = keys(pair)
    assert between[0] == before[0]
    assert between[1] != before[1]
    pair[0][1].write_text("X = 3\n")
    after = keys(pair)
    assert after[0] != between[0]
    assert after[1] != between[1]


@pytest.mark.parametrize("pixels", [1, 7, 8, 9, 24, 40, 41, 83])
@pytest.mark.parametrize(("many", "maps"), [(4, 1), (2, 3), (4, 3), (1, 2)])
def test_tiles_equal_plain_sums_and_touch_nothing_else(many, maps, pixels):
    rng = np.random.default_rng(pixels)
    pitch, width, height = 90, 5, 3
    x = rng.normal(size=1600).astype(np.float32)
    w = rng.normal(size=300).astype(np.float32)
    targets, kernels = 16 + 120 * np.arange(many), 15 * maps * np.arange(many)
    lists = np.array([30, maps, 400, 15, many, *targets, *kernels])
    sums = np.full(800, 7, np.float32)
    wanted = sums.copy()
    for m in range(maps):
        for k in range(many):
            for r, c in np.ndindex(height, width):
                tap = w[kernels[k] + 15 * m + r * width + c]
                at = 30 + 400 * m + r * pitch + c
                wanted[targets[k] : targets[k] + pixels] += tap * x[at : at + pixels]
    kernels_convolution.convolve(lists, 0, 1, x, sums, w, width, height, pitch, pixels)
    np.testing.assert_allclose(sums, wanted, rtol=1e-4, atol=1e-4)
    untouched = np.ones(800, bool)
    for t in targets:
        untouched[t : t + pixels] = False
    assert (sums[untouched] == 7).all()


@pytest.mark.parametrize("pixels", [1, 8, 43, 200])
@pytest.mark.parametrize("many", [4, 2, 1])
def test_correlations_equal_plain_dot_products(many, pixels):
    rng = np.random.default_rng(pixels)
    x = rng.normal(size=2000).astype(np.float32)
    outputs, kernels = 16 + 240 * np.arange(many), 42 * np.arange(many)
    d = np.zeros(1000, np.float32)
    for o in outputs:
        d[o : o + pixels] = rng.normal(size=pixels)
    lists = np.array([30, 2, 1000, 21, many, *outputs, *kernels])
    grad, wanted = np.zeros((2, 168), np.float32)
    w = np.zeros(168, np.float32)
    for m, r in np.ndindex(2, 3):
        kernels_tile.correlate1.function(
            wanted,
            kernels + 21 * m + 7 * r,
            d,
            outputs,
            x,
            30 + 1000 * m + 90 * r,
            1,
            7,
            pixels,
        )
    kernels_convolution.convolve_weights(lists, 0, 1, x, d, w, w, grad, False, 7, 3, 90, pixels)
    np.testing.assert_allclose(grad, wanted, rtol=1e-4, atol=1e-4)


def test_an_interruption_ends_the_waiting_for_the_compiler_and_not_its_work():
    begun, go, finished, told = threading.Event(), threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go.wait(20)
        assert jit.undisturbed(lambda: 7) == 7  # at once: nobody waits for it
        finished.set()

    def body():
        try:
            jit.undisturbed(work)
        except KeyboardInterrupt:
            told.append("interrupted")

    thread = threading.Thread(target=body)
    thread.start()
    assert begun.wait(20)
    interrupt(thread)
    thread.join(20)
    assert told == ["interrupted"]
    assert not finished.is_set()
    go.set()
    assert finished.wait(20)


def test_what_the_compiler_refuses_is_told_to_who_waits():
    def refused():
        raise TypeError("no")

    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="no"):
        pool.submit(jit.undisturbed, refused).result()


@pytest.mark.jit
def test_kernels_and_typed_functions_are_compiled_undisturbed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []
    undisturbed = jit.undisturbed
    monkeypatch.setattr(jit, "undisturbed", lambda work: seen.append(1) or undisturbed(work))
    double = jit.kernel(twice)
    assert (double(2), double(3)) == (4, 6)
    assert len(seen) == 2  # what can be called, and its code for integers
    seen.clear()
    _, made = module("@make_anew\ndef thrice(x):\n    return 3 * x\n")
    assert (made.thrice(2), made.thrice(3)) == (6, 9)
    assert len(seen) == 1


def twice(x):
    return 2 * x
