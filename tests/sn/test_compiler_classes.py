"""Methods of typed classes, interpreted and compiled: the same values, the same slots."""

from pathlib import Path

import pytest

import sn
from sn.errors import LispError

CLASSES = Path(__file__).with_name("typed_classes.sn")
METHODS = """
  (point point norm area move twice far) (rect area norm) (param update jitter)
  (layer fprop train size noise first-weight)
  total swap-x same-object nearer sum-of-moves
"""
OBJECTS = """
(seed 1)
(setq p (new point 3 4)) (setq q (new point -1 0.5)) (setq r (new rect))
(setq :r:x 1 :r:y 2 :r:moves 0 :r:w 5 :r:h 6)
(setq b (new param)) (setq :b:x (float-matrix 2) :b:dx (float-matrix 2) :b:eta 0.5)
(setq l (new layer)) (setq :l:bias b :l:name "first")
(setq :l:w ((float-matrix 2 3) () () '(1 2 3 4 5 6)))
(setq i ((float-matrix 3) () '(1 0.5 2))) (setq o (float-matrix 2))
"""
# Each group runs in order on objects made anew; slots are looked at between calls.
GROUPS = {
    "slots": ["(==> p norm)", "(==> p move 1 2.5)", "(list :p:x :p:y :p:moves :p:seen)",
              "(list :q:x :q:seen)"],
    "this": ["(==> p twice 2)", "(list :p:x :p:y :p:moves)"],
    "recursion": ["(==> p far 0)", "(==> p far 50)"],
    "inheritance": ["(==> r norm)", "(==> r area)", "(total p)", "(total r)", "(==> r twice 1)",
                    "(list :r:x :r:moves :r:w)"],
    "paths": ["(swap-x p q)", "(list :p:x :q:x)", "(swap-x p r)", "(list :p:x :r:x)"],
    "aliases": ["(swap-x p p)", ":p:x", "(sum-of-moves p p)", "(sum-of-moves p q)"],
    "results": ["(== (same-object p) p)", "(== (nearer p q) q)", "(== (nearer q p) q)"],
    "matrices": ["(==> l fprop i o)", "(== (==> l fprop i o) o)", "o"],
    "objects": ["(==> l train o)", "(==> l train i2)", ":b:eta", ":b:x", ":b:dx"],
    "optional": ["(==> l size)", "(progn (setq :l:other b) (==> l size))",
                 "(progn (setq :l:other ()) (==> l size))"],
    "random": ["(==> l noise 0.5)", "(rand)", "(==> b jitter 1)", "(==> l first-weight)"],
    "variables": ["(letslot p (==> q move 1 1) (==> p move 1 1) (list x y moves))", ":p:x"],
}  # fmt: skip


def interpreter(*texts: str) -> sn.Interpreter:
    made = sn.Interpreter(lambda _: None)
    made.warn = lambda _: None
    for text in texts:
        made.eval(text)
    return made


@pytest.fixture(scope="module")
def interpreted() -> sn.Interpreter:
    return interpreter(CLASSES.read_text())


@pytest.fixture(scope="module")
def compiled() -> sn.Interpreter:
    made = interpreter(CLASSES.read_text())
    assert made.eval(f"(dhc-make () {METHODS})") == "t"
    return made


def test_every_method_is_compiled_and_called(compiled: sn.Interpreter) -> None:
    calls = " ".join(call for group in GROUPS.values() for call in group) + OBJECTS
    for line in CLASSES.read_text().splitlines():
        words = line.replace("(", " ").split()
        if line.startswith("(defmethod"):
            method = f"(check==> {words[1]} '{words[2]})"
            assert compiled.eval(f"(compiledp {method})") == "t", line
            name = words[2]
        elif line.startswith("(de "):
            name = words[1]
        else:
            continue
        assert name in calls or f"==> bias {name}" in CLASSES.read_text(), name


@pytest.mark.parametrize("group", GROUPS)
def test_methods_give_what_interpreted_ones_give(
    group: str, interpreted: sn.Interpreter, compiled: sn.Interpreter
) -> None:
    for lisp in (interpreted, compiled):
        lisp.eval(OBJECTS)
        lisp.eval("(setq i2 ((float-matrix 2) () '(0.5 -1)))")
    for call in GROUPS[group]:
        assert compiled.eval(call) == interpreted.eval(call), call


def error(one: sn.Interpreter, text: str) -> str:
    with pytest.raises(LispError) as caught:
        one.eval(text)
    return str(caught.value)


def test_a_compiled_method_checks_its_arguments(compiled: sn.Interpreter) -> None:
    compiled.eval(OBJECTS)
    assert compiled.eval("(check==> point 'norm)") == "::DH:*"
    assert "missing arguments : (dy)" in error(compiled, "(==> p move 1)")
    assert "not a real number : x" in error(compiled, "(==> p move 1 'x)")
    assert error(compiled, "(total 5)") == "total : not an object of class point : 5"
    assert error(compiled, "(total l)").startswith("total : not an object of class point : ")
    compiled.eval("(setq :p:x 'far)")
    assert "not a real number : far" in error(compiled, "(==> p norm)")


def test_numbers_stored_before_an_error_stay(compiled: sn.Interpreter) -> None:
    one = interpreter(
        "(defclass c object ((-double-) n) ((-idx1- (-double-)) m))"
        "(defmethod c run (k) ((-int-) k) (setq n 7) (m k 1) ())"
        "(setq o (new c)) (setq :o:m [1 2]) (dhc-make () (c run))"
    )
    assert "subscript out of range : (m k 1)" in error(one, "(==> o run 2)")
    assert one.eval(":o:n") == "7"


def test_what_objects_hold_is_known_when_a_call_is_compiled() -> None:
    one = interpreter(CLASSES.read_text(), f"(dhc-make () {METHODS})", OBJECTS)
    # Objects of two classes have no common type.
    assert "its value may have several types : (if" in error(one, "(nearer p r)")
    # A slot that holds () has no matrix.
    assert "a matrix was expected : (idx-f1dotcacc dx" in error(one, "(==> (new param) update)")
    one.eval("(defclass disk point) (defmethod disk area () (list 1)) (setq d (new disk))")
    assert "the method area of class disk is not compiled" in error(one, "(total d)")
    one.eval("(defmethod disk area () 2) (dhc-make () (disk area))")
    assert one.eval("(total d)") == "20"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(defmethod c f () u) (dhc-make () (c f))", "this slot is not declared"),
        ("(defmethod c f () (setq m (double-matrix 2))) (dhc-make () (c f))",
         "the slot m cannot be set here"),
        ("(defmethod c f (o) ((-obj- (c)) o) (setq :o:m m)) (dhc-make () (c f))",
         "only slots that are numbers can be set here"),
        ("(defmethod c f (o) ((-obj- (c)) o) :o:z) (dhc-make () (c f))", "unknown slot z"),
        ("(defmethod c f () (==> this g)) (dhc-make () (c f))",
         "undefined method for this object"),
        ("(defmethod c f () (==> this (object . f))) (dhc-make () (c f))",
         "undefined method for this object"),
        ("(defmethod c g () 1) (defmethod c f () (==> this g)) (dhc-make () (c f))",
         "the method g of class c is not compiled"),
        ("(defmethod c f (o) ((-obj- (zork)) o) 1) (dhc-make () (c f))", "not a class"),
        ("(defclass d c n) (defmethod d f () 1) (dhc-make () (d f))",
         "a class with two slots of one name cannot be compiled"),
        ("(dfmethod c f (o) 1) (dhc-make () (c f))", "not a function defined by de"),
        ("(dhc-make () (c nothing))", "not a function defined by de"),
        ("(dhc-make () (car cdr))", "not a class"),
    ],
)  # fmt: skip
def test_what_methods_cannot_do_is_refused(text: str, message: str) -> None:
    one = interpreter("(defclass c object ((-int-) n) ((-idx1- (-double-)) m) u)")
    assert message in error(one, text)


def test_a_chain_of_objects_can_be_walked_but_not_a_ring() -> None:
    one = interpreter(
        "(defclass node object ((-double-) value) ((-obj- (node)) next))"
        "(defmethod node sum () (if next (+ value (==> next sum)) value))"
        "(de chain (n) (if (= n 0) () (let ((a (new node))) (setq :a:value n)"
        " (setq :a:next (chain (1- n))) a)))"
        "(dhc-make () (node sum))"
    )
    assert [one.eval(f"(==> (chain {n}) sum)") for n in (1, 3)] == ["1", "6"]
    one.eval("(setq ring (chain 2)) (setq :ring:next:next ring)")
    assert "an object within itself cannot be compiled" in error(one, "(==> ring sum)")
    assert "more kinds of objects than can be compiled" in error(one, "(==> (chain 40) sum)")


def test_safe_mode_leaves_methods_interpreted() -> None:
    one = sn.Interpreter(lambda _: None, safe=True)
    one.eval("(defclass c object ((-int-) n)) (defmethod c f () 1) (dhc-make () (c f))")
    assert one.eval("(compiledp (check==> c 'f))") == "()"
