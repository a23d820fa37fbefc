"""`debug`, `nodebug` and `trace-hook`."""

import pytest

from sn.errors import LispError
from sn.interpreter import Interpreter


@pytest.fixture
def told():
    """An interpreter, and the lines it tells."""
    interpreter = Interpreter(lambda text: None)
    lines = []
    interpreter.tell = lines.append
    interpreter.lines = lines
    return interpreter


def test_every_evaluation_is_shown_with_its_depth(told):
    assert told.eval("(setq a 8) (debug (* (+ 3 4) a))") == "56"
    assert told.lines[1:] == [
        "-> (* (+ 3 4) a)",
        "--> (+ 3 4)",
        "---> 3",
        "---< 3",
        "---> 4",
        "---< 4",
        "--< 7",
        "--> a",
        "--< 8",
        "-< 56",
    ]


def test_functions_are_followed_and_fast_again_afterwards(told):
    told.eval("(de f (x) (if (> x 0) (* x (f (1- x))) 1)) (f 1)")
    plain = told.intern("f").value.__code__
    assert told.eval("(debug (f 2))") == "2"
    assert told.lines.count("--> (if (> x 0) (* x (f (1- x))) 1)") == 1
    assert "---------> (> x 0)" in told.lines
    count = len(told.lines)
    assert told.eval("(f 3)") == "6"
    assert len(told.lines) == count
    assert told.intern("f").value.__code__.co_code == plain.co_code


LOOPS = (
    "(let ((y 0)) (for (i 1 2) (while (< y i) (incr y)) (setq l (cons y l))) (all ((k l)) k))"
)


@pytest.mark.parametrize(
    "form",
    [
        LOOPS,
        "(cond ((= 1 2) 'a) ((and 1 (or () 2)) 'b))",
        "(let* ((x 1) (y (+ x 1))) (selectq y (1 'one) (2 'two)))",
        "(mapcar (lambda (x) (when x (* x x))) '(1 2 3))",
        "`(1 ,(+ 1 1) ,@(list 3 4))",
        "(progn (dmd twice (x) `(+ ,x ,x)) (twice (car '(4))))",
        "(prog1 (setq z 5) (incr z) (do-while () (repeat 2 (incr z))))",
        "(each ((x '(1 2)) (y '(3 4))) (list x y))",
        "((lambda (a &optional (b 2) &rest c) (list a b c)) 1)",
    ],
)
def test_a_watched_form_has_the_value_it_always_has(told, form):
    plain = Interpreter(lambda text: None)
    plain.tell = lambda text: None
    assert told.eval(f"(defvar l ()) (debug {form})") == plain.eval(f"(defvar l ()) {form}")
    assert told.lines


def test_nodebug_is_not_followed(told):
    told.eval("(de f (x) (1+ x)) (debug (nodebug (f (f 1))))")
    assert told.lines == ["-> (nodebug (f (f 1)))", "-< 3"]


def test_a_hook_of_the_program_decides_how_deep_to_look(told):
    told.eval(
        "(defvar seen ()) (de hook (level line form info) (setq seen (cons level seen)) ())"
    )
    told.eval("(let ((trace-hook hook)) (debug (+ 1 (* 2 3))))")
    assert told.eval("(reverse seen)") == "(1 -1)"


def test_an_error_ends_the_watching(told):
    with pytest.raises(LispError, match="not a list"):
        told.eval("(debug (list 1 (car 5)))")
    told.lines.clear()
    assert told.eval("(list 1 2)") == "(1 2)"
    assert told.lines == []
    told.eval("(debug (+ 1 2))")
    assert told.lines[0] == "-> (+ 1 2)"


def test_long_values_are_cut(told):
    told.eval("(debug (range 1 50))")
    assert told.lines[-1].endswith(" ... ")
    assert max(map(len, told.lines)) < 70
