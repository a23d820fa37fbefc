"""`compile-net` from Lisp: what it answers, and learning as the exact kernels learn."""

import numpy as np
import pytest

from sn import Interpreter
from sn.net.program import compile_built

NET = """
(libload "sn28ite")
(alloc-net 200 2000)
(build-net-nobias '((input 36) (hidden 16) (output 2)) ())
(mask-2d-connect input 6 6 hidden 4 4 1 1 3 3)
(bias-connect hidden)
(connect hidden output)
(bias-connect output)
(setq pattern-matrix (fmatrix 6 36))
(setq desired-matrix (fmatrix 6 2))
(seed 7)
(for (i 0 5)
  (for (j 0 35) (pattern-matrix i j (rand 1)))
  (desired-matrix i 0 (if (< i 3) 1 -1))
  (desired-matrix i 1 (if (< i 3) -1 1)))
(ensemble 0 5)
(set-class-max)
(forget-sqrt 1)
(mask-epsi 0.3)
"""


def trained(*before):
    interpreter = Interpreter(output=lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.value(NET)
    for form in before:
        interpreter.value(form)
    interpreter.value("(learn 60)")
    return interpreter


def test_compile_net_says_what_the_links_became():
    interpreter = trained()
    answer = interpreter.eval("(compile-net)")
    assert answer == '(("convolution" 144) ("bias" 18) ("dense" 32))'


def test_compiled_learning_equals_exact_learning():
    exact, fast = trained(), trained("(compile-net)")
    assert fast.network.weights == pytest.approx(exact.network.weights, abs=1e-5)
    assert fast.value("(nval (car output))") == pytest.approx(
        exact.value("(nval (car output))"), abs=1e-4
    )


def test_a_network_changed_after_compiling_is_compiled_again():
    change = "(connect (car input) (car output) 0.5)"
    exact, fast = trained(change), trained("(compile-net)", change)
    assert fast.network.weights == pytest.approx(exact.network.weights, abs=1e-5)


def test_compile_net_of_nothing_takes_it_back():
    fast = trained("(compile-net)", "(compile-net ())")
    assert (fast.network.weights == trained().network.weights).all()


def test_what_cannot_be_compiled_is_a_lisp_error(capsys):
    interpreter = trained("(setq nlf (nlf-f-bell))")
    with pytest.raises(Exception, match="no compiled transfer function : hidden"):
        interpreter.value("(compile-net)")


def test_a_layer_that_nothing_feeds_keeps_its_constant_states():
    program = """
    (libload "sn28ite")
    (alloc-net 20 40)
    (build-net '((input 3)
                 (border 2 (setq nlf (nlf-f-lin 0 1 0 -1) dnlf (nlf-f-0)))
                 (output 2))
               '((input output) (border output)))
    (forget 1)
    """
    interpreter = Interpreter(output=lambda text: None)
    interpreter.value(program)
    network = interpreter.network
    links = zip(*network.links(), strict=True)
    states = {0: 1.0} | dict.fromkeys(network.layers[1].units.tolist(), -1.0)
    sums = dict.fromkeys(network.layers[2].units.tolist(), 0.0)
    for pre, post, weight in links:
        if post in sums:
            sums[post] += states.get(pre, 0.0) * network.weights[weight]
    found = compile_built(network, interpreter.intern("nlf").value, dtype=np.float64)
    expected = 1.71593428 * np.tanh(2 / 3 * np.array(list(sums.values())))
    assert found.run(np.zeros((1, 3)))[0] == pytest.approx(expected, abs=1e-3)
