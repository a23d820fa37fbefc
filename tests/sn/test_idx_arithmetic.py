"""Products with squares, and the loop that counts and looks up."""

import numpy as np
import pytest

import sn
from sn.errors import LispError


@pytest.fixture
def lisp() -> sn.Interpreter:
    made = sn.Interpreter(lambda _: None)
    made.warn = lambda _: None
    return made


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("(idx-m1squextm1 [1 2] [3 4 5])", [[9, 16, 25], [18, 32, 50]]),
        ("(idx-m2squdotm1 [[1 2][3 4]] [1 10])", [41, 169]),
        ("(idx-m1squdotm1 [1 2] [3 4])", 19),
        ("(idx-m2squdotm2 [[1 2][3 4]] [[1 1][1 2]])", 46),
        ("(idx-m1squextm1acc [1 2] [3 4] [[1 1][1 1]])", [[10, 17], [19, 33]]),
        ("(idx-m2squdotm1acc [[1 2][3 4]] [1 10] [1 2])", [42, 171]),
    ],
)
def test_products_with_squares(lisp: sn.Interpreter, call: str, expected: list[float]) -> None:
    assert lisp.value(call).array.tolist() == expected


def test_products_with_squares_of_more_dimensions(lisp: sn.Interpreter) -> None:
    lisp.eval(
        "(setq m (double-matrix 2 2 2 2)) (m () () () () '(1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 0))"
    )
    m, v = lisp.value("m").array, np.array([[1, 2], [3, 4]])
    found = lisp.value("(idx-m4squdotm2 m [[1 2][3 4]])").array
    np.testing.assert_array_equal(found, np.einsum("ijkl,kl->ij", m * m, v))
    found = lisp.value("(idx-m2squextm2 [[1 2][3 4]] [[1 2][3 4]])").array
    np.testing.assert_array_equal(found, np.einsum("ij,kl->ijkl", v, v * v))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("(idx-m2squdotm1 [1 2] [1 2])", "incorrect number of dimensions"),
        ("(idx-m2squdotm1 [[1 2][3 4]] [1 2 3])", "matrix must have same dimensions"),
        ("(idx-m1squextm1 [1 2] [3 4] [[1 2]])", "matrix must have same dimensions"),
        ("(idx-m1squextm1 1 [3 4])", "not an index"),
        ("(idx-gloop ((i j k l)) 1)", "bad gloop construct"),
    ],
)
def test_what_does_not_fit_is_an_error(lisp: sn.Interpreter, call: str, message: str) -> None:
    with pytest.raises(LispError, match=message):
        lisp.eval(call)


def test_gloop_counts_and_looks_up(lisp: sn.Interpreter) -> None:
    lisp.eval("(setq m [[1 2][3 4][5 6]]) (setq seen ())")
    lisp.eval(
        "(idx-gloop ((k) (p [2 0]) (row [2 0] m)) (setq seen (cons (list k (row 1)) seen)))"
    )
    assert lisp.eval("seen") == "((1 2) (0 6))"
    lisp.eval("(setq k 9 seen ()) (idx-gloop ((x [5 6])) (setq seen (cons (x) seen)))")
    assert lisp.eval("(list k seen)") == "(9 (6 5))"
