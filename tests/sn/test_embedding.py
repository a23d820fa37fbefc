"""SN inside Hy and Python programs."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import hy
import numpy as np
import pytest

import sn
from sn.errors import LispError, SnError

FILE = Path(__file__).with_name("embedding.hy")
TOUR = Path(__file__).parents[2] / "docs" / "sn.md"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("sn_embedding_example", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    yield spec.loader.exec_module(module) or module
    del sys.modules[spec.name]


def test_values_come_back_as_python_has_them(program):
    got = program.computed
    assert got["number"] == 42.0
    assert got["list"] == [2.0, 4.0, 6.0]
    a, one, text, number, (b, c) = got["quoted"]
    assert [a.name, one, text, number, b.name, c.name] == ["a", 1.0, "text", "21", "b", "c"]
    assert got["spliced"] == [1.0, 2.0, 3.0, 4.0]
    assert got["truth"] == [True, None, None, True, True]
    assert got["text"] is True
    assert got["both"] == [[2.0], 2.0]
    assert got["global"] == [2.0, 1.0]
    assert got["matrix"].tolist() == [[10.0, 2.0], [3.0, 4.0]]
    assert got["dotted"] == 5.0
    assert [getattr(w, "name", w) for w in got["words"]] == ["alloc-net", "1+", "nil", True]
    assert got["accents"] == ["Ä", 2.0]
    assert got["loop"] == 55.0


def test_a_form_is_translated_once_and_takes_new_values(program):
    assert program.ten_times() == [2.0 * k for k in range(10)]
    count = len(program._sn_interpreter.embedded)
    assert program.ten_times() == [2.0 * k for k in range(10)]
    assert len(program._sn_interpreter.embedded) == count


def test_modules_and_interpreters_do_not_mix(program):
    assert program.elsewhere[0].name == "other"
    assert program.computed["number"] == 42.0
    assert program.other is not program._sn_interpreter


def test_host_functions_and_sn_functions_are_called_both_ways(program):
    assert program.shouted == "HÉ!2"
    assert program.doubler(4) == 8.0
    with pytest.raises(LispError, match="missing arguments"):
        program.doubler()
    with pytest.raises(LispError, match="fails : ZeroDivisionError"):
        program._sn_interpreter.eval("(fails)")


def test_matrices_share_their_memory(program):
    assert program.changed == 10.0


def test_an_error_in_embedded_code_is_sns_own(program):
    run = hy.eval(hy.read("(fn [x] (require sn.hy [sn]) (sn (car ~x)))"), program.__dict__)
    assert run([7]) == 7.0
    with pytest.raises(LispError, match="car : not a list : 5"):
        run(5)


@pytest.mark.parametrize(
    ("form", "message"),
    [("(sn {1 2})", "no such thing in SN"), ("(sn [a])", "numbers"), ("(sn ~@x)", "quoted")],
)
def test_what_sn_has_not_is_refused_when_the_program_is_read(form, message):
    with pytest.raises(hy.errors.HyMacroExpansionError, match=message):
        hy.eval(hy.read(f"(do (require sn.hy [sn]) {form})"), {"x": []})


def test_the_tour_says_what_happens():
    text = TOUR.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(hy|python)\n(.*?)^```$", text, re.S | re.M)
    assert {kind for kind, _ in blocks} == {"hy", "python"}
    compared = 0
    for kind, block in blocks:
        module = types.ModuleType("tour")
        comment = ";" if kind == "hy" else "#"
        for line in block.splitlines():
            code, _, wanted = line.partition(f"  {comment} ")
            if not code.strip() or code.startswith(comment):
                continue
            value = _evaluate(kind, code, module.__dict__)
            if wanted:
                assert repr(value) == wanted.strip(), code
                compared += 1
    assert compared >= 10


def _evaluate(kind, code, names):
    if kind == "hy":
        return hy.eval(hy.read(code), names)
    try:
        return eval(code, names)
    except SyntaxError:
        exec(code, names)
        return None


# ---- conversions


@pytest.fixture
def lisp():
    interpreter = sn.Interpreter(lambda text: None)
    interpreter.tell = lambda text: None
    return interpreter


def test_every_value_goes_there_and_back(lisp):
    lisp.eval("(de same (x) x)")
    for value in (None, True, 2.5, "Grüße", [1.0, [True, None], "a"], (1.0, 2.0)):
        assert lisp.call("same", value) == value
    assert lisp.call("same", False) is None
    assert lisp.call("same", []) is None
    assert lisp.call("same", 3) == 3.0
    assert lisp.call("same", len)("four") == 4.0


@pytest.mark.parametrize("kind", ["f8", "f4", "i4", "i2", "i1", "u1"])
def test_arrays_arrive_as_matrices_of_their_type(lisp, kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    lisp.eval("(de put (m) (m 1 1 9) (bound m))")
    assert lisp.call("put", array) == [2.0, 3.0]
    assert array[1, 1] == 9
    assert lisp.call((lambda m: m.dtype.str[1:]), array) == kind


def test_other_arrays_are_copied_or_refused(lisp):
    lisp.eval("(de same (x) x)")
    assert lisp.call("same", np.arange(3)).dtype == np.float64
    assert lisp.call("same", np.float64(2)) == 2.0
    with pytest.raises(SnError, match="no matrix of"):
        lisp.call("same", np.array(["a"]))


def test_a_call_from_python_reports_errors_like_any(lisp):
    lisp.eval("(de f (x) (car x))")
    with pytest.raises(LispError) as caught:
        lisp.call("f", 5)
    assert [frame.function for frame in caught.value.frames] == ["f"]
    with pytest.raises(LispError, match="not a function call"):
        lisp.call("undefined-word")
