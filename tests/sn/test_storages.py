"""Storages, matrices made of them, and small words of the original's compatibility library."""

import numpy as np
import pytest

from sn.errors import LispError
from sn.interpreter import Interpreter


@pytest.fixture
def sn():
    interpreter = Interpreter(lambda text: None)
    interpreter.tell = lambda text: None
    return interpreter


VALUES = [
    ("(let ((s (float-storage 4))) (list (s 2 5.5) (s 2) (s 3) (storage-size s)))",
     "(5.5 5.5 0 4)"),
    ("(let ((s (ubyte-storage))) (storage-malloc s 3) (s 0 -1))", "255"),
    ("(let ((s (atom-storage 2))) (s 1 '(a)) (storage-realloc s 3) (list (s 1) (s 2)))",
     "((a) ())"),
    ("(storagep (new-i32-storage 1))", "t"),
    ("(list (storagep [1]) (storagep 3))", "(() ())"),
    ("(pname (classof (short-storage)))", '"::class:|I16STORAGE|"'),
    # matrices that look at a storage
    ("(let* ((s (int-storage 6)) (m (new-index s '(2 3)))) (s 5 7) (m 1 2))", "7"),
    ("(let* ((s (int-storage)) (m (new-index s '(2 3)))) (m 0 0 4) (list (s 0) (storage-size"
     " s)))",
     "(4 6)"),
    ("(let* ((m [[1 2][3 4]]) (s (idx-storage m))) (s 3 9) (m 1 1))", "9"),
    ("(let ((m [[1 2 3][4 5 6]])) (= (idx-storage m) (idx-storage (select m 1 2))))", "t"),
    ("(= (idx-storage [1 2]) (idx-storage [1 2]))", "()"),
    ("(bound (new-index [[1 2 3][4 5 6]] '(2 2) '(0 1)))", "(2 2)"),
    ("((new-index [[1 2 3][4 5 6]] '(0 2) '(1 1)) 1)", "6"),
    ("(let ((m (narrow [[1 2 3][4 5 6]] 1 2 1)))"
     " (list (idx-offset m) (idx-modulo m) (idx-size m)))",
     "(1 (3 1) 32)"),
    ("(let ((m [1 2 3 4 5 6])) (idx-changedim m 0 3) (idx-changemod m 0 2)"
     " (idx-changeoffset m 1) (m ()))", "(2 4 6)"),
    ("(let ((m [1 2 3])) (idx-changeoffset m 0) (idx-changemod m 0 0) (m ()))", "(1 1 1)"),
    ("(storage-size (diagonal [[1 2][3 4]] 2))", "4"),
    ("(let* ((s (double-storage 2)) (m (new-index s '(2)))) (storage-read-only s)"
     " (list (writablep s) (writablep m)))", "(() t)"),
    # words written in the language
    ("(let ((c (matrix 2 2))) (idx-m2timesm2 [[1 2][3 4]] [[0 1][1 0]] c) (c () ()))",
     "((2 1) (4 3))"),
    ("(list ((scalar d 2)) ((scalar -ubyte- 300)))", "(2 44)"),
    ("(mean-sup-dist '(1 2) '(3 5))", "1.5"),
    ("(let ((line (regression '(1 2 3) '(3 5 7))))"
     " (list (y-estimate line 5) (x-estimate line 11)))",
     "(11 5)"),
    ("(list (ifdef no-such-word 1 2 3) (ifdef car 1 2 3) (ifcompiled 1 2))", "(3 1 2)"),
    ("(let ((l '(a b))) (list (member== 'b l) (member== '(a) '((a)))))", "((b) ())"),
    ("(begin (float 0.1) (cond (() 1) (else (bool 0))))", "()"),
    ("(let ((number 3) (float 4)) (+ number float))", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), VALUES)
def test_values(sn, form, value):
    assert sn.eval(form) == value


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("((float-storage) 0)", "unsized storage"),
        ("((float-storage 3) 3)", "subscript out of range : 3"),
        ("((float-storage 3) 'a)", "illegal subscript : a"),
        ("(float-storage 0)", "Illegal size : 0"),
        ("(storage-malloc (float-storage 3) 4)", "An unsized storage is required"),
        ("(storage-realloc (float-storage 3) 2)", "reduce the size"),
        ("((storage-read-only (double-storage 3)) 0 1)", "read only storage"),
        ("((new-index (storage-read-only (double-storage 3)) '(3)) 0 1)", "read only storage"),
        ("(idx-fill (new-index (storage-read-only (int-storage 3)) '(3)) 1)", "read only"),
        ("(new-index (double-storage 5) '(2 3))", "larger than its storage"),
        ("(new-index 5 '(2))", "neither a storage, nor an index : 5"),
        ("(new-index (double-storage 5) '(0))", "illegal dimension"),
        ("(idx-changedim [1 2 3] 0 4)", "Index is larger than its storage"),
        ("(idx-changedim [1 2 3] 0 0)", "illegal parameters"),
        ("(idx-changemod [1 2 3] 0 2)", "Index is larger than its storage"),
        ("(idx-changemod [1 2 3] 0 -1)", "Index is larger than its storage"),
        ("(idx-changeoffset [1 2 3] -1)", "Index is larger than its storage"),
        ("(new-index [[1 2][3 4]] '(2 2) '(0 1))", "larger than its storage"),
        ('(storage-save (atom-storage 1) "x")', "not a storage of numbers"),
        ("(storage-size 3)", "neither an index, nor a storage"),
        ("(private a)", "Must be used inside a package"),
    ],
)
def test_mistakes(sn, form, message):
    with pytest.raises(LispError) as caught:
        sn.eval(form)
    assert message in str(caught.value)


def test_storages_go_to_files_and_back(sn, tmp_path):
    file = tmp_path / "data"
    sn.eval(f'(let ((s (short-storage 3))) (s 1 -2) (storage-save s "{file}"))')
    assert np.fromfile(file, "<i2").tolist() == [0, -2, 0]
    assert sn.eval(f'(let ((s (short-storage))) (storage-load s "{file}") (s 1))') == "-2"
    assert sn.eval(f'(let ((s (short-storage))) (storage-mmap s "{file}" 2) (s 0))') == "-2"
    with pytest.raises(LispError, match="read only"):
        sn.eval(f'((storage-mmap (short-storage) "{file}") 0 1)')
    with pytest.raises(LispError, match="too short"):
        sn.eval(f'(storage-load (short-storage 9) "{file}")')


def test_random_layouts_never_leave_the_storage(sn):
    sn.eval("(defvar m (new-index (double-storage 24) '(2 3 4)))")
    generator = np.random.default_rng(0)
    words = ["dim m 0", "dim m 1", "dim m 2", "mod m 0", "mod m 1", "mod m 2", "offset m"]
    changed = 0
    for _ in range(300):
        form = f"(idx-change{generator.choice(words)} {generator.integers(-3, 13)})"
        try:
            sn.eval(form)
            changed += 1
        except LispError:
            pass
        array = sn.value("m").array
        spans = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
        first = array.__array_interface__["data"][0]
        start = sn.value("(idx-storage m)").array.__array_interface__["data"][0]
        assert start <= first + sum(span for span in spans if span < 0)
        assert first + sum(span for span in spans if span > 0) < start + 24 * 8
    assert changed > 50


def test_a_package_hides_its_own_words(sn):
    sn.eval(
        "(package p (private x hid) (setq x 4) (de p.get () (list x (hid)))"
        " (de hid () 'hidden) (de out () 7))"
    )
    assert sn.eval("(list (p.get) x p.x (out))") == "((4 hidden) () 4 7)"


def test_a_large_matrix_is_printed_whole_on_request():
    pieces = []
    sn = Interpreter(pieces.append)
    sn.eval("(index-print (int-matrix 30 10))")
    assert "".join(pieces).count("0") == 300
    assert sn.eval("(int-matrix 30 10)") == "::INDEX2:<30x10>"


@pytest.mark.parametrize(
    "text", ["[1 [2 3]]", "[0 [1 2 3] [4 5 6]]", "[1 []]", "[[1] [2 [3]]]", "#[ 1 #[ 2 #] #]"]
)
def test_elements_of_a_literal_have_one_shape(sn, text):
    with pytest.raises(LispError, match=r"^copy-matrix : matrices have different number of"):
        sn.eval(text)
