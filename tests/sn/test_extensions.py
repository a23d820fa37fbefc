"""Extensions of the language for later networks: rectifiers, maxima, dropout, other costs."""

import numpy as np
import pytest

from sn import Interpreter
from sn.errors import LispError

NET = """
(libload "sn28ite")
(alloc-net 300 4000)
(build-net-nobias
  '((input 64) (c1 (* 2 36) (nlf-rect)) (s2 (* 2 9) max) (hidden 8 (nlf-rect 0.1) {option})
    (output 3 (nlf-lin 1 1)))
  ())
(for (k 0 1)
  (let ((map (nfirst 36 (nthcdr (* k 36) c1))))
    (shared-bias-connect map)
    (mask-2d-connect input 8 8 map 6 6 1 1 3 3)
    (equal-mask-2d-connect map 6 6 (nfirst 9 (nthcdr (* k 9) s2)) 3 3 2 2 2 2)))
(bias-connect hidden)
(connect s2 hidden)
(bias-connect output)
(connect hidden output)
(setq pattern-matrix (fmatrix 9 64))
(setq desired-matrix (fmatrix 9 3))
(seed 5)
(for (i 0 8)
  (for (j 0 63) (pattern-matrix i j (rand 1)))
  (for (j 0 2) (desired-matrix i j (if (= j (mod i 3)) 1 -1))))
(ensemble 0 8)
(set-class-max)
(forget-sqrt 1)
(mask-epsi 0.05)
"""


def built(option=""):
    interpreter = Interpreter(output=lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.value(NET.format(option=option))
    return interpreter


def test_a_rectifier_is_a_transfer_function():
    interpreter = Interpreter(output=lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.value('(libload "sn28")')
    assert interpreter.eval("(nlf-rect) (list (nlf -2) (nlf 0) (nlf 3))") == "(0 0 3)"
    assert interpreter.eval("(nlf-rect 0.25) (list (nlf -2) (dnlf -2) (dnlf 3))") == (
        "(-0.5 0.25 1)"
    )


def test_a_rectified_net_learns_alike_compiled_or_not():
    def trained(*before):
        interpreter = Interpreter(output=lambda text: None)
        interpreter.warn = lambda text: None
        text = NET.format(option="").replace("(s2 (* 2 9) max)", "(s2 (* 2 9))")
        for form in (text, *before, "(learn 40)"):
            interpreter.value(form)
        return interpreter.network.weights

    assert trained("(compile-net)") == pytest.approx(trained(), abs=1e-4)


@pytest.mark.parametrize("cost", ["t", '"softmax"'])
def test_a_net_with_maxima_learns_in_a_compiled_net(cost):
    interpreter = built()
    answer = interpreter.eval(f"(compile-net {cost})")
    assert answer == '(("convolution" 648) ("bias" 83) ("maximum" 72) ("dense" 168))'
    interpreter.value("(learn 900)")
    assert interpreter.eval("(list age current-pattern)") == "(900 0)"
    interpreter.value("(learn-cycle 100)")
    assert interpreter.value("age") == 1800
    interpreter.value("(perf)")
    assert interpreter.value("good-an-percent") == 100
    pools = [interpreter.network.values[layer.units] for layer in interpreter.network.layers]
    grid = pools[1].reshape(2, 3, 2, 3, 2)
    np.testing.assert_array_equal(pools[2].reshape(2, 3, 3), grid.max(axis=(2, 4)))


def test_maxima_need_a_compiled_net():
    with pytest.raises(LispError, match="a max layer runs only in a compiled net"):
        built().value("(learn 3)")


def test_dropout_needs_a_compiled_net():
    interpreter = built("(dropout 0.5)")
    text = NET.format(option="(dropout 0.5)").replace("(s2 (* 2 9) max)", "(s2 (* 2 9))")
    interpreter = Interpreter(output=lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.value(text)
    with pytest.raises(LispError, match="dropout runs only in a compiled net"):
        interpreter.value("(learn 3)")
    interpreter.value("(compile-net)")
    interpreter.value("(learn 3)")


def test_dropout_acts_in_learning_alone():
    interpreter = built("(dropout 0.5)")
    interpreter.value('(compile-net "softmax") (learn 90)')
    units = interpreter.network.layers[3].units
    interpreter.value("(learn 1)")
    assert (interpreter.network.values[units] == 0).any()
    interpreter.value("(perf)")
    assert not (interpreter.network.values[units] == 0).any()


def test_a_probability_of_one_is_refused():
    with pytest.raises(LispError, match="dropout must be from 0 to less than 1"):
        built("(dropout 1)")
