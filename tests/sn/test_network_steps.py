"""Steps that wait give the bits of steps done at once, whatever is done in between."""

import numpy as np
import pytest

from sn.interpreter import Interpreter
from sn.net.steps import MOST_WAITING, Steps

BUILD = """
(libload "sn28/{kernel}")
(alloc-net 40 400)
(build-net '((input 6) (h1 8 (nlf-tanh 0.5 0.1)) (h2 5) (output 3))
           '((input h1) (input h2) (h1 h2) (h2 output)))
(seed 3) (forget 1) (epsi 0.4) (setq alpha 0.3 decay 0.01)
(setq pattern-matrix (float-matrix 7 6) desired-matrix (float-matrix 7 3))
(for (i 0 6) (for (j 0 5) (pattern-matrix i j (rand 1))))
(for (i 0 6) (for (j 0 2) (desired-matrix i j (rand 1))))
(ensemble 0 6)
(de disp-other (n) ()) (setq disp-basic-iteration disp-other)
"""
KERNELS = ("sn28", "sn28ite", "sn28new", "sn28itenew")


def built(kernel: str, waits: bool, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    """Make a network; without waiting every step runs when its primitive is called."""
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval(BUILD.format(kernel=kernel))
    if not waits:
        for name in ("put_off", "again", "show"):
            monkeypatch.setattr(sn.network.steps, name, lambda *a, **k: False)
    return sn


def assert_same_bits(kernel: str, program: str, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    """Run a program both ways; compare everything the network holds."""
    waiting, direct = (built(kernel, waits, monkeypatch) for waits in (True, False))
    values = [sn.eval(program) for sn in (waiting, direct)]
    assert values[0] == values[1]
    one, other = waiting.network, direct.network
    for name in ("fields", "W", "link_fields"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    return waiting


PROGRAMS = {
    "online": "(learn 30)",
    "rates": "(for (i 1 9) (setq alpha (/ i 20)) (learn 3) (epsi (/ 1 i)))",
    "reads": "(for (i 1 9) (learn 2) (nval (car output) 0.5) (sval 0 (car h1) 0.25) (learn 1))",
    "layers": "(repeat 9 (update-state h1 h2 output) (update-gradient h2 h1) (update-weight))",
    "nested": "(for (i 1 9) (update-state theta nlf (list h1 h2)) (update-weight 0 0))",
    "noise": "(let ((theta 0.1)) (learn 5)) (learn 5)",
    "splines": "(nlf-spline (range -3 3) (range -3 3)) (learn 12)",
    "lisp": "(setq nlf (nlf-f-lisp (lambda (x) (/ x 2))) dnlf (nlf-df-all nlf)) (learn 8)",
    "differences": "(setq dnlf (nlf-df-all nlf)) (learn 8)",
    "threshold": "(set-cost-thlms 0.2) (learn 12)",
}
ITERATIVE = {
    "batch": "(learn-batch 5)",
    "conjugate": "(learn-batch-cg 3)",
}
NEWTON = {"newton": "(learn-newton 12)", "levenberg": "(learn-lm 12)"}
BOTH = {"batch newton": "(learn-batch-newton 3)", "batch lm": "(learn-batch-lm 3)"}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_waiting_changes_no_bit(kernel, name, monkeypatch):
    assert_same_bits(kernel, PROGRAMS[name], monkeypatch)


@pytest.mark.parametrize(
    ("kernel", "program"),
    [
        *(("sn28ite", p) for p in ITERATIVE.values()),
        *(("sn28new", p) for p in NEWTON.values()),
        *(("sn28itenew", p) for p in (ITERATIVE | NEWTON | BOTH).values()),
    ],
)
def test_waiting_changes_no_bit_of_other_algorithms(kernel, program, monkeypatch):
    assert_same_bits(kernel, program, monkeypatch)


def test_steps_do_wait(monkeypatch):
    sn = built("sn28ite", True, monkeypatch)
    sn.eval("(learn 4) (update-state theta nlf h1) (update-state theta nlf h1)")
    assert len(sn.network.steps.waiting) == 1  # the first one is done: a layer as never before
    before = sn.network._fields.copy()
    assert sn.eval("(nval 3)") is not None
    assert not sn.network.steps.waiting
    assert before.shape == sn.network.fields.shape


def test_a_layer_changed_in_place_is_read_again(monkeypatch):
    program = """
        (setq l (list (car h1) (cadr h1)))
        (for (i 1 4) (update-state theta nlf l) (nval (car h1)))
        (rplaca l (caddr h1)) (nval (caddr h1) 9)
        (update-state theta nlf l)
        (rplacd l (list (car h2))) (nval (car h2) 9)
        (update-state theta nlf l)
        (list (nval (caddr h1)) (nval (car h2)))"""
    sn = assert_same_bits("sn28", program, monkeypatch)
    assert 9 not in (sn.eval("(nval (caddr h1))"), sn.eval("(nval (car h2))"))


def test_the_topology_may_change_while_steps_wait(monkeypatch):
    program = """
        (for (i 1 3) (update-state theta nlf h1) (update-state theta nlf h2))
        (cut-connection (car input) (car h1))
        (for (i 1 3) (update-state theta nlf h1) (update-state theta nlf h2))
        (connect (car input) (car output) 0.5)
        (for (i 1 3) (update-state theta nlf h1) (update-weight alpha decay))
        (setq more (newneurons 2)) (connect more output)
        (for (i 1 3) (update-state theta nlf h2) (update-state theta nlf output))"""
    assert_same_bits("sn28", program, monkeypatch)
    assert_same_bits("sn28ite", program, monkeypatch)


def test_the_kind_of_units_may_change_while_steps_wait(monkeypatch):
    program = """
        (for (i 1 3) (update-state theta nlf h2) (update-state theta nlf output))
        (set-neurtype-euclidean h2)
        (for (i 1 3) (update-state theta nlf h2) (update-state theta nlf output))"""
    assert_same_bits("sn28", program, monkeypatch)


def test_memory_allocated_anew_forgets_what_waits(monkeypatch):
    sn = built("sn28", True, monkeypatch)
    sn.eval("(for (i 1 3) (update-state theta nlf h1)) (alloc-net 10 10)")
    assert sn.network.steps.waiting == []
    assert not sn.network.fields[1, 1:].any()


def test_not_too_many_steps_wait(monkeypatch):
    sn = built("sn28", True, monkeypatch)
    sn.eval("(repeat 1000 (update-state theta nlf h1))")
    assert len(sn.network.steps.waiting) <= MOST_WAITING


def test_what_was_seen_does_not_grow_without_end(monkeypatch):
    sn = built("sn28", True, monkeypatch)
    sn.eval("(for (i 1 3000) (update-weight (/ i 1e4) 0) (update-state 0 nlf (list (car h1))))")
    steps: Steps = sn.network.steps
    assert max(len(steps._known), len(steps._calls), len(steps._programs)) <= 600
    assert len(sn.network.known_layers) <= 300
