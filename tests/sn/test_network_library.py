"""The library in SN: fast and slow ways agree, names of 1988, big networks, the digits."""

import numpy as np
import pytest

from sn.interpreter import Interpreter
from sn.matrix import Matrix

SMALL_NET = """
(libload "sn28/{kernel}")
(alloc-net 60 400)
(build-net '((input 5) (hidden 4 (nlf-tanh 0.8 0.1)) (output 3))
           '((input hidden) (hidden output) (input output)))
(ensemble 0 6) (set-class-max)
(seed 6) (forget-sqrt 1) (epsi 0.3)
(setq alpha 0.4 decay 0.001)
"""
NETMASK = """
(libload "sn28/sn28ite")
(alloc-net 469 3146 746)
(build-net-nobias
  '((input 256) (hidden-1 64) (hidden-2 64) (prepro-1 16) (prepro-2 16)
    (prepro-3 16) (prepro-4 16) (output 10)) ())
(setq hidden (list hidden-1 hidden-2))
(setq prepro (list prepro-1 prepro-2 prepro-3 prepro-4))
(each ((l (append hidden prepro))) (shared-bias-connect l))
(bias-connect output)
(each ((h hidden)) (mask-toric-connect input 16 16 h 8 8 2 2 3 3))
(each ((h hidden)) (each ((p prepro)) (mask-toric-connect h 8 8 p 4 4 2 2 3 3)))
(each ((p prepro)) (connect p output))
(ensemble 0 319) (set-class-max)
(seed 0) (forget-sqrt 1) (mask-epsi 0.1)
"""
# sn28.md, section 7.6: age, training error and percentage, test error and percentage.
NETMASK_RUN = """
0 0.67310279 9.688 0.66785419 7.500
320 0.13949492 60.000 0.14418160 53.750
640 0.08360310 88.125 0.09120654 83.125
960 0.06240283 95.312 0.06858091 95.000
1280 0.05374495 97.500 0.05911325 95.000
1600 0.04893783 99.062 0.05438378 95.625
"""


def interpreter(text=""):
    pieces = []
    sn = Interpreter(pieces.append)
    sn.warn = lambda text: None
    sn.pieces = pieces
    if text:
        sn.eval(text)
    return sn


def small_net(kernel):
    sn = interpreter(SMALL_NET.format(kernel=kernel))
    rng = np.random.default_rng(1)
    patterns = rng.normal(size=(7, 5)).astype(np.float32)
    targets = rng.choice([-1, 1], (7, 3)).astype(np.float32)
    sn.intern("pattern-matrix").value = Matrix(patterns, "f")
    sn.intern("desired-matrix").value = Matrix(targets, "f")
    return sn


def printed(sn, text):
    sn.pieces.clear()
    sn.eval(text)
    return "".join(sn.pieces)


@pytest.mark.parametrize("order", ["set-nextcho-seq", "set-nextcho-rnd"])
@pytest.mark.parametrize("kernel", ["sn28", "sn28ite", "sn28new", "sn28itenew"])
def test_hooks_do_not_change_what_is_learned(kernel, order):
    fast, slow = small_net(kernel), small_net(kernel)
    slow.eval("(de other (n) ()) (setq disp-basic-iteration other disp-perf-iteration other)")
    for sn in (fast, slow):
        sn.eval(f"({order}) (seed 9)")
        sn.eval("(learn 17) (learn-cycle 3) (perf)")
    for name in ("age", "current-pattern", "local-error", "good-answer", "global-error",
                 "good-an-num", "out-class"):  # fmt: skip
        assert fast.intern(name).value == slow.intern(name).value, name
    assert fast.generator.rand() == slow.generator.rand()
    assert np.array_equal(fast.network.weights, slow.network.weights)
    assert np.array_equal(fast.network.fields, slow.network.fields)
    assert "".join(fast.pieces) == "".join(slow.pieces)


def test_a_hook_is_called_for_every_pattern():
    sn = small_net("sn28")
    sn.eval("(defvar seen ()) (de note (n) (setq seen (cons n seen)))")
    sn.eval("(let ((disp-basic-iteration note)) (learn 4))")
    assert sn.eval("seen") == "(3 2 1 0)"
    assert sn.eval("(progn (learn 4) seen)") == "(3 2 1 0)"


def test_a_criterion_of_the_program_is_asked():
    sn = small_net("sn28")
    sn.eval("(defvar asked 0) (de classify (n) (incr asked) t)")
    assert sn.eval("(progn (performance 0 6) (list asked good-an-num))") == "(7 7)"


@pytest.mark.jit
def test_lenet_5_has_its_connections():
    sn = interpreter("""
(libload "sn28/sn28ite")
(alloc-net 9200 341000 62000)
(build-net-nobias '((input 1024) (c1 4704) (s2 1176) (c3 1600) (s4 400) (c5 120) (f6 84)
                    (output 10 euclidean)) '((s4 c5) (c5 f6) (f6 output)))
(de part (l n) (let ((r ())) (repeat n (setq r (cons (car l) r) l (cdr l))) (reverse r)))
(de maps (l size)
  (let ((r ()))
    (while l (setq r (nconc1 r (part l size)) l (nthcdr size l)))
    r))
(setq c1 (maps c1 784) s2 (maps s2 196) c3 (maps c3 100) s4 (maps s4 25))
(each ((m c1)) (mask-2d-connect input 32 32 m 28 28 1 1 5 5) (shared-bias-connect m))
(each ((a c1) (m s2)) (equal-mask-2d-connect a 28 28 m 14 14 2 2 2 2) (shared-bias-connect m))
(each ((m c3)
       (seen '((0 1 2) (1 2 3) (2 3 4) (3 4 5) (4 5 0) (5 0 1) (0 1 2 3) (1 2 3 4) (2 3 4 5)
               (3 4 5 0) (4 5 0 1) (5 0 1 2) (0 1 3 4) (1 2 4 5) (2 3 5 0) (0 1 2 3 4 5))))
  (each ((k seen)) (mask-2d-connect (nth k s2) 14 14 m 10 10 1 1 5 5))
  (shared-bias-connect m))
(each ((a c3) (m s4)) (equal-mask-2d-connect a 10 10 m 5 5 2 2 2 2) (shared-bias-connect m))
(bias-connect c5) (bias-connect f6)
""")
    assert sn.eval("(list snum wnum)") == "(340908 60840)"
    assert sn.network.euclidean == set(map(int, sn.intern("output-layer").value))
    assert [layer.name for layer in sn.network.layers][-1] == "output"
    assert sn.network.layers[-1].euclidean
    assert not sn.network.layers[1].euclidean


def test_a_kernel_has_its_own_primitives():
    sn = interpreter('(libload "sn28/sn28ite")')
    assert sn.eval("(if dup-connection 1 2)") == "1"
    sn.eval('(libload "sn28/sn28new")')
    assert sn.eval("(list (if dup-connection 1 2) (if nggrad 1 2) (newton-mode))") == "(2 1 t)"


def test_the_names_of_1988():
    sn = interpreter("""
(libload "sn28/sn28")
(alloc_net 10 20)
(build-net '((input 2) (output 1)) '((input output)))
(setq pattern-array [[1 2][3 4]] desired-array [[5][6]])
(present-pattern input 1) (present-desired desired-layer 1)
""")
    assert sn.eval("(list (state input) (state desired-layer))") == "((3 4) (6))"


def test_ascii_weight_files_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sn = small_net("sn28")
    before = sn.network.weights.copy()
    sn.eval('(save-ascii-net/merge "w" input hidden output) (forget 0)')
    assert not sn.network.weights.any()
    assert sn.eval('(list (merge-net "w") (merge-net "w" input hidden output) age)') == (
        '(12 "w" 0)'
    )
    assert np.allclose(sn.network.weights, before, atol=1e-7)


def test_a_codebook_takes_its_labels_from_a_matrix():
    sn = interpreter('(libload "sn28/sn28")')
    sn.eval("(setq book (new-codebook [f [0 0][1 1][5 5]] [i 4 4 7]))")
    assert sn.eval("(list (codebook-labels book) (codebook-label book 2))") == "((4 7) 7)"
    assert sn.eval("(knn-class [f 4 4] book 1)") == "7"


@pytest.mark.jit
def test_the_digits_of_1988(data):
    sn = interpreter(NETMASK)
    for matrix, name in (("pattern-matrix", "dig.pat"), ("desired-matrix", "dig.des")):
        sn.eval(f'(setq {matrix} (load-matrix "{data}/sn1988/{name}"))')
    first = printed(sn, '(for (i 0 4) (printf "%.9f " ((weight-to-matrix) i)))')
    assert first == "0.192794710 -0.084661514 0.031111145 -0.012560422 -0.150844395 "
    run = printed(
        sn,
        """
(for (i 0 5)
  (performance 0 319)
  (printf "%d %.8f %.3f" age global-error good-an-percent)
  (performance 320 479)
  (printf " %.8f %.3f\\n" global-error good-an-percent)
  (when (< i 5) (learn 320)))
""",
    )
    assert run.split() == NETMASK_RUN.split()
