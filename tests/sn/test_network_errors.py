"""What the network primitives say when they are used wrongly."""

import pytest

from sn.errors import LispError
from sn.interpreter import Interpreter

NETWORK = '(libload "sn28/{}") (alloc-net 10 20) (newneurons 5) (connect 1 2) '


def message(kernel, form):
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    with pytest.raises(LispError) as error:
        sn.eval(NETWORK.format(kernel) + form)
    return str(error.value)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("(alloc-net 1)", "alloc-net : 2 arguments were expected"),
        ("(alloc-net -1 2)", "alloc-net : illegal negative value"),
        ("(connect 1 77)", "connect : illegal cell number : 77"),
        ("(connect '(1 a) 3)", "connect : not a cell number : a"),
        ("(nval 99)", "nval : illegal neuron number : 99"),
        ("(sval 1 5 3)", "sval : can't set unexistent synapse"),
        ("(cut-connection 1 5)", "cut-connection : Synapse not found"),
        ("(update-state '(1 99))", "update-state : bad neuron number : 99"),
        ("(nfield 1 8)", "nfield : illegal Nfield number : 8"),
        ("(set-sfield '(2) 3 1)", "set-sfield : illegal sfield number : 3"),
        ("(set-nfield () 1 1)", "set-nfield : empty list"),
        ("(nlf 'a)", "nlf : Not a number : a"),
        ("(let ((nlf 3)) (update-state (list 2)))", "nlf : not a nlf : 3"),
        ("(dup-connection 1 2 3 4)", "eval : not a function call : (dup-connection 1 2 3 4)"),
        ("(ensemble 4 2)", "ensemble : first argument must be smaller than second one"),
        ("(knn [1 2] (new-codebook 3 2) 1)", "knn : Not an index on a flt storage"),
        (
            "(get-pattern [[1 2][3 4]] 5 '(1 2))",
            "select : specified subscript is too large : 5",
        ),
    ],
)
def test_message(form, expected):
    assert message("sn28", form).startswith(expected)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("(alloc-net 5 3 4)", "alloc-net : you never need more weights than connections"),
        ("(dup-connection 1 3 2 4)", "dup-connection : the source connection does'nt exist"),
        ("(sindex 1 2 99)", "sindex : out of range : 99"),
        ("(update-delta 1 2)", "update-delta : Too many arguments"),
        (
            "(update-wghtonly-conjgrad 0)",
            "update-wghtonly-conjgrad : Curvature must be positive",
        ),
    ],
)
def test_message_of_shared_weights(form, expected):
    assert message("sn28itenew", form).startswith(expected)


def test_a_bad_unit_number_leaves_the_units_before_it_alone():
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval(NETWORK.format("sn28") + "(nval 1 1) (sval 1 2 3) (nval 2 0.25)")
    with pytest.raises(LispError, match="bad neuron number"):
        sn.eval("(update-state '(2 99))")
    assert sn.eval("(nval 2)") == "0.25"
    sn.eval("(update-state '(2))")
    assert sn.eval("(nval 2)") != "0.25"


@pytest.mark.parametrize("made", ["f", "(nlf-df-all f)", "(nlf-ddf-all f)"])
def test_no_warning_of_numpy_is_shown_where_a_function_overflows(made, recwarn):
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval('(libload "sn28/sn28") (setq f (nlf-f-lisp (lambda (x) (* x x))))')
    sn.eval(f"(setq g {made})")
    for x in ("1e30", "-1e30", "1e300"):
        sn.eval(f"(g {x})")
    assert not recwarn.list
