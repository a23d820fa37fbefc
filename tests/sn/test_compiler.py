"""Typed SN, interpreted and compiled: the same values, and clear refusals."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sn
from sn.errors import LispError
from sn.matrix import Matrix
from sn.primitives.compiled import CompiledRecord
from sn.symbols import T

LIBRARY = Path(__file__).with_name("typed_library.sn")

# What is called, for every function of the library. Matrices are made anew for each call.
CALLS = {
    "hypotenuse": ["(hypotenuse 3 4)", "(hypotenuse 0.1 -7)"],
    "fib": ["(fib 0)", "(fib 15)"],
    "even": ["(even 10)", "(even 7)"],
    "odd": ["(odd 10)", "(odd 7)"],
    "halves": ["(halves 7)", "(halves -7)"],
    "common-divisor": ["(common-divisor 84 36)", "(common-divisor 17 5)"],
    "bits": ["(bits 12 10)", "(bits -7 3)", "(bits 1234567 77)"],
    "sign-word": ["(sign-word -2)", "(sign-word 0)", "(sign-word 0.5)"],
    "month-days": ["(month-days 2)", "(month-days 6)", "(month-days 12)"],
    "inside": ["(inside 1 0 2)", "(inside 3 0 2)", "(inside -1 0 2)"],
    "outside": ["(outside 1 0 2)", "(outside 3 0 2)", "(outside -1 0 2)"],
    "newton": ["(newton 2)", "(newton 1e6)"],
    "harmonic": ["(harmonic 100)", "(harmonic 0)", "(harmonic 3.7)"],
    "downward": ["(downward 9)", "(downward -1)"],
    "fractions": ["(fractions 0 1 0.1)", "(fractions 5 1 -0.75)", "(fractions 1 0 1)"],
    "changed-counter": ["(changed-counter 9)"],
    "collatz": ["(collatz 27)", "(collatz 1)"],
    "thrice": ["(thrice 1.5)"],
    "swapped": ["(swapped 1 5)"],
    "shadowed": ["(shadowed 5)"],
    "ordered": ["(ordered 3)"],
    "late": ["(late 3)"],
    "extremes": ["(extremes 3 -1 2)", "(extremes 1 2 3)", "(extremes 2 2 2)"],
    "math": ["(math 0.3)", "(math 2)"],
    "rounded": ["(rounded 3)", "(rounded 0.1)"],
    "product": ["(product [[1 2 3][4 5 6]] [[1 2][3 4][5 6.5]] (double-matrix 2 2))",
                "(product [[1 2 3][4 5 6]] (transpose [[1 2 3][4 5 7]]) (double-matrix 2 2))"],
    "product-rows": ["(product-rows (floats 5 7) (floats 7 4) (float-matrix 5 4))"],
    "row-sums": ["(row-sums [[1 2 3][4 5 6.25]] (double-matrix 2))"],
    "column-sums": ["(column-sums [[1 2 3][4 5 6.25]] (double-matrix 3))"],
    "diagonal-sum": ["(diagonal-sum (ints 4 4))"],
    "histogram": ["(histogram ((ubyte-matrix 6) () '(3 1 3 200 3 1)) (int-matrix 256))"],
    "bubble": ["(bubble [3 1 -2 8 5 0.5])"],
    "table": ["(table 3 5)"],
    "second-row": ["(second-row [[1 2][3 4]])"],
    "plane-sum": ["(plane-sum ((short-matrix 2 2 3) () () () '(1 2 3 4 5 6 7 8 9 10 11 12)))"],
    "wrapped-bytes": ["(wrapped-bytes ((byte-matrix 3) () '(1 2 -3)))"],
    "filled": ["(filled (float-matrix 2 2) 0.3)"],
    "norm": ["(norm [3 4])"],
    "normalize": ["(normalize [3 4])"],
    "draws": ["(draws 0)", "(draws 70)", "(draws 3)"],
    "bells": ["(bells 1)", "(bells 30)"],
    "seeded": ["(seeded 5)", "(seeded -7.9)", "(seeded 0.87)"],
    "walk": ["(walk 100)"],
    "step-of": ["(step-of 2)"],
    "shuffled": ["(shuffled [1 2 3 4 5 6 7 8])"],
    "greeting": ['(greeting "world")', '(greeting "")', '(greeting "\\xe9\\n")'],
    "pieces": ['(pieces "hello" 2)',
               '(pieces "hello" 0)', '(pieces "hello" 99)', '(pieces "" 1)'],
    "edited": ['(edited " Hello wOrld\\t")', '(edited "\\xe9t\\xc9")'],
    "letters": ['(letters "aB cd")'],
    "reversed": ['(reversed "abc")', '(reversed "")'],
    "rotated": ['(rotated "hello, World" 13)'],
    "word-value": ['(word-value "one")', '(word-value "deux")', '(word-value "three")'],
    "label": ['(label 7 "ab")', '(label -7 "abcdefg")', '(label 12345 "")'],
    "numbered": ["(numbered 0)", "(numbered 123456)"],
    "ordered-words": ['(ordered-words "a" "b")',
                      '(ordered-words "b" "a")', '(ordered-words "" "")'],
    "printable": ['(printable "ab")', '(printable "a\\n")', '(printable "")'],
    "gathered": ["(gathered ((int-matrix 3) () '(2 0 2)) [[1 2][3 4][5 6]])"],
    "weighted-index": ["(weighted-index ((float-matrix 3) () '(2 0.5 2)))"],
    "corner": ["(corner [[1 2 3][4 5 6][7 8 9]])"],
    "turned": ["(turned [[1 2 3][4 5 6]])"],
    "permuted": ["(permuted ((int-matrix 2 3 2) () () () '(1 2 3 4 5 6 7 8 9 10 11 12)))"],
    "diagonal-of": ["(diagonal-of [[1 2][3 4]])"],
    "moving-sums": ["(moving-sums [1 2 3 4 5] 3 [0 0 0])"],
    "reshaped": ["(reshaped (floats 2 3))"],
    "shifted": ["(shifted [1 2 3 4 5])", "(shifted [1])"],
    "functions": ["(functions (idx-f2addc (floats 3 2) 1.5 (float-matrix 3 2)))"],
    "squashed": ["(squashed [-20 -1 -0.1 0 0.5 3 13] (double-matrix 6 7))"],
    "quick-numbers": ["(quick-numbers 0.3)", "(quick-numbers -2)", "(quick-numbers 40)"],
    "combined": ["(combined [[1 2][3 4]] [[5 6][7 8.5]])"],
    "whole": ["(whole ((ubyte-matrix 3) () '(200 7 9)) ((ubyte-matrix 3) () '(3 2 100)))"],
    "reductions": ["(reductions (floats 3 5))"],
    "accumulated": ["(accumulated [1 2.5] [3 4] (double-matrix))"],
    "dots": ["(dots ((float-matrix 3) () '(.1 .2 .3)) ((float-matrix 3) () '(7 .5 3)))"],
    "scaled": ["(scaled (floats 2 3) ((float-matrix) 0.3))"],
    "constants": ["(constants ((float-matrix 2) () '(1 2)) 0.7 (float-matrix 2))"],
    "float-library": ["(float-library ((float-matrix 5) () '(1 9 2 9 -1)))"],
    "matrix-by-vector": [
        "(matrix-by-vector (floats 2 3) ((float-matrix 3) () '(1 .1 2)) (float-matrix 2))"],
    "tensor-by-matrix": ["(tensor-by-matrix (redim (range-matrix 24) 3 2 2 2) [[1 2][3 4.5]])"],
    "outer": [
        "(outer (m+c (float-matrix 2) 0.1) ((float-matrix 3) () '(7 2 3)) (float-matrix 2 3))"],
    "outer-matrices": ["(outer-matrices (ints 2 2) (ints 3 2))"],
    "squared-products": ["(squared-products [[1 2][3 4]] [0.5 -3])"],
    "images": ["(images (floats 4 5) (floats 2 2) (float-matrix 3 4))"],
    "converted": ["(converted [1.9 -1 300] (ubyte-matrix 3))"],
}  # fmt: skip

MAKERS = """
(de floats (n m) (let ((a (float-matrix n m)))
  (for (i 0 (1- n)) (for (j 0 (1- m)) (a i j (sin (+ i (* 3 j)))))) a))
(de range-matrix (n) (let ((a (double-matrix n))) (for (i 0 (1- n)) (a i (1+ i))) a))
(de ints (n m) (let ((a (int-matrix n m)))
  (for (i 0 (1- n)) (for (j 0 (1- m)) (a i j (- (* i j) 5)))) a))
"""


def interpreter(text: str = "") -> sn.Interpreter:
    made = sn.Interpreter(lambda _: None)
    made.warn = lambda _: None
    made.eval(text)
    return made


@pytest.fixture(scope="module")
def interpreted() -> sn.Interpreter:
    return interpreter(LIBRARY.read_text() + MAKERS)


@pytest.fixture(scope="module")
def compiled() -> sn.Interpreter:
    made = interpreter(LIBRARY.read_text() + MAKERS)
    assert made.eval(f"(dhc-make () {' '.join(CALLS)})") == "t"
    return made


def source_of(name: str) -> str:
    """Return the text of a function of the library."""
    return LIBRARY.read_text().split(f"(de {name} ")[1].split("\n(de ")[0]


def plain(value: Any) -> Any:
    return value.array if isinstance(value, Matrix) else value


def test_every_function_of_the_library_is_called() -> None:
    defined = [
        line.split()[1] for line in LIBRARY.read_text().splitlines() if line[:4] == "(de "
    ]
    assert sorted(defined) == sorted(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_compiled_gives_what_interpreted_gives(
    name: str, interpreted: sn.Interpreter, compiled: sn.Interpreter
) -> None:
    assert isinstance(compiled.intern(name).value.sn, CompiledRecord)
    # Floats multiply and add in single precision where the interpreter has doubles.
    single = "(-float-)" in source_of(name)
    interpreted.eval("(seed 3)")
    compiled.eval("(seed 3)")
    for call in CALLS[name]:
        one, two = plain(interpreted.value(call)), plain(compiled.value(call))
        if isinstance(one, np.ndarray):
            assert one.dtype == two.dtype
        if one is None or one is T or isinstance(one, str):
            assert two == one, call
            assert two.__class__ is one.__class__
        else:
            np.testing.assert_allclose(two, one, 1e-5 if single else 1e-14, err_msg=call)


def test_compiled_functions_stay_functions_and_keep_their_text() -> None:
    one = interpreter("(de twice (x) (* 2 x))")
    before = one.intern("twice").value.sn
    one.eval("(de caller (x) (twice x)) (caller 4)")
    one.eval("(dhc-make () twice)")
    after = one.intern("twice").value.sn
    assert (after.formals, after.body) == (before.formals, before.body)
    assert one.eval("twice") == "::DH:twice"
    assert one.eval("(list (functionp twice) (compiledp twice) (compiledp caller))") == (
        "(::DH:twice t ())"
    )
    assert one.eval("(caller 4)") == "8"
    assert one.eval("(mapcar twice '(1 2))") == "(2 4)"
    one.eval("(de twice (x) (list x x))")
    assert one.eval("(caller 4)") == "(4 4)"


def error(text: str, before: str = "") -> str:
    one = interpreter(before)
    with pytest.raises(LispError) as caught:
        one.eval(text)
    return str(caught.value)


ARGUMENTS = """
(de add (a b) (+ a b))
(de first (m) ((-idx2- (-float-)) m) (m 0 0))
(de down (n) ((-int-) n) (- n 1))
(dhc-make () add first down)
"""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("(add 1)", "add : missing arguments : (b)"),
        ("(add 1 2 3)", "add : too many arguments : (3)"),
        ("(add 1 'x)", "add : not a real number : x"),
        ("(down 1e12)", "down : Floating exception"),
        ("(first 5)", "first : not an index : 5"),
        (
            "(first (float-matrix 2))",
            "first : a matrix of 2 dimensions was expected : ::INDEX1:<2>",
        ),
        ("(first (double-matrix 2 2))", "first : not a float-matrix : ::INDEX2:<2x2>"),
    ],
)
def test_a_call_checks_its_arguments(call: str, message: str) -> None:
    found = " ".join(error(call, ARGUMENTS).split())
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("(car x)", "eval:1 : not in the compiled language : (car x)"),
        ('(+ 1 (if (= x 1) "a" x))', "not a number : (+ 1 "),
        ("(str x)", "only an integer can be turned into text: declare it (-int-)"),
        ('(sprintf "%6.2f" x)', "only %s, %d and %% can be compiled"),
        ('(concat "a" x)', "a number where a string was expected"),
        ("(idx-add x x)", "a matrix was expected : (idx-add x x)"),
        ("(==> x size)", "no message can go to a number : (==> x size)"),
        (":x:y", "a number has no slots : "),
        (":x", "global variables cannot be compiled : "),
        ("(new object)", "not in the compiled language : (new object)"),
        ("(narrow (double-matrix 3) x 1 1)", "number of the dimension must be constant"),
        ("(x 1)", "eval:1 : not declared as a matrix : (x 1)"),
        ("(+ x y)", "eval:1 : no variable of this function : y"),
        ("(setq zork x)", "zork is no variable of this function : (setq zork x)"),
        ("(if x 1 2)", "not a truth value: all numbers are true : x"),
        ("(+ x (for (i 0 3) i))", "not a number : (+ x"),
        ("#{ return 1; #}", "C code cannot be compiled, write it in SN : (c-code "),
        ("(lambda (y) y)", "not in the compiled language : (lambda (y) y)"),
        ("(f x)", "it calls itself in every case : f"),
        ("(f x 2)", "one argument was expected : (f x 2)"),
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_refused_with_form_and_line(body: str, message: str) -> None:
    found = error("(dhc-make () f)", f"(de f (x) {body})")
    assert found.startswith("dhc-make : cannot compile eval:1 : ")
    assert message in found


def test_a_refusal_names_the_line_and_leaves_the_function() -> None:
    one = interpreter("(de good (x) x)\n(de f (x)\n  (+ x\n    (list x)))\n")
    with pytest.raises(LispError, match=r"cannot compile eval:4 : .*\(list x\)"):
        one.eval("(dhc-make () good f)")
    assert one.eval("good").startswith("::DE:")


def test_c_code_is_an_error_when_interpreted() -> None:
    found = error("(f)", '(de f () #{ printf("x"); #})')
    assert "C code cannot be run here: write it in SN" in found


@pytest.mark.parametrize(
    "call",
    ["(get m 4)", "(get m -1)", "(run m 0 4)", "(run m -1 2)", "(some m 9)", "(put m 2 5)"],
)
def test_a_subscript_out_of_range_never_touches_memory(call: str) -> None:
    one = interpreter("""
        (de get (m i) ((-idx1- (-double-)) m) (m i))
        (de put (m i j) ((-idx1- (-double-)) m) ((-int-) i j) (m i 1) (m j 2) ())
        (de run (m a b) ((-idx1- (-double-)) m) ((-int-) a b)
          (let ((s 0)) (for (i a b) (setq s (+ s (m i)))) s))
        (de some (m n) ((-idx1- (-double-)) m) ((-int-) n)
          (let ((s 0)) (for (i 0 n) (when (or (< i 3) (> i 6)) (setq s (+ s (m i))))) s))
        (setq m [1 2 3 4])""")
    with pytest.raises(LispError, match="subscript out of range"):
        one.eval(call)
    one.eval("(dhc-make () get put run some)")
    with pytest.raises(LispError, match=f"{call[1:4]}.* : subscript out of range : \\(m "):
        one.eval(call)


def test_a_guarded_subscript_is_no_error() -> None:
    one = interpreter("""
        (de inner (m n) ((-idx1- (-double-)) m) ((-int-) n)
          (let ((s 0))
            (for (i -5 n) (when (and (>= i 0) (<= i (bound m 1))) (incr s (m i)))) s))
        (de empty (m k) ((-idx1- (-double-)) m) ((-int-) k)
          (let ((s 0)) (for (i 3 2) (incr s (m k))) s))
        (de second (m) ((-idx1- (-double-)) m)
          (let ((s 0)) (for (i 0 (idx-dim m 0) 2) (incr s (m i)))
                       (for (i (bound m 1) -1 -2) (incr s (m i))) s))
        (dhc-make () inner empty second)""")
    assert one.eval("(list (inner [1 2 3 4] 100) (empty [1] 50))") == "(10 0)"
    assert one.eval("(list (second [1 2 4]) (second [1]))") == "(10 2)"


def test_a_shadowed_counter_is_checked_for_itself() -> None:
    one = interpreter("""
        (dmd bump (v) `(setq ,v (+ ,v 100)))
        (de f (m) ((-idx1- (-double-)) m)
          (let ((s 0)) (for (i 0 1) (let ((i (* 1000 (1+ i)))) (incr s (m i)))) s))
        (de g (m) ((-idx1- (-double-)) m)
          (let ((s 0)) (for (i 0 1) (bump i) (incr s (m i))) s))
        (dhc-make () f g)""")
    for call in ("(f [1 2])", "(g [1 2])"):
        with pytest.raises(LispError, match="subscript out of range"):
            one.eval(call)


def test_views_share_their_elements_with_compiled_code() -> None:
    one = interpreter("""
        (de paint (v x) ((-idx1- (-double-)) v) (for (i 0 (bound v 1)) (v i x)) v)
        (dhc-make () paint)
        (setq m [[1 2][3 4]]) (setq c (select m 1 0))""")
    assert one.eval("(== c (paint c 9))") == "t"
    assert one.value("m").array.tolist() == [[9, 2], [9, 4]]


def test_later_functions_may_call_earlier_ones() -> None:
    one = interpreter("""
        (de square (x) (* x x)) (dhc-make () square)
        (de fourth (x) (square (square x))) (dhc-make () fourth)""")
    assert one.eval("(fourth 3)") == "81"
    assert "not in the compiled language : (g x)" in error(
        "(dhc-make () f)", "(de g (x) x) (de f (x) (g x))"
    )


def test_an_error_names_the_form_in_the_function_that_was_compiled_before() -> None:
    one = interpreter("""
        (de get (m i) ((-idx1- (-double-)) m) ((-int-) i) (+ (m 0) (m i)))
        (dhc-make () get)
        (de f (m i) ((-idx1- (-double-)) m) ((-int-) i) (* 2 (get m i)))
        (dhc-make () f)
        (de g (m i) ((-idx1- (-double-)) m) ((-int-) i) (f m i) (m 1))
        (dhc-make () g)""")
    for name in ("f", "g"):
        with pytest.raises(LispError, match=f"{name} : subscript out of range : \\(m i\\)"):
            one.eval(f"({name} [1 2] 2)")
    with pytest.raises(LispError, match="g : subscript out of range : \\(m 1\\)"):
        one.eval("(g [1] 0)")


def test_compiled_callers_keep_what_they_were_compiled_with() -> None:
    one = interpreter("(de g (x) (* x x)) (de f (x) (g x)) (dhc-make () f g)")
    one.eval("(de g (x) 0)")
    assert one.eval("(list (f 3) (g 3))") == "(9 0)"


def test_a_procedure_returns_nothing() -> None:
    one = interpreter("(de f (n) (for (i 0 n) i)) (de g (n) (when (> n 0) n))")
    assert one.eval("(list (f 3) (g 3))") == "(3 3)"
    one.eval("(dhc-make () f g)")
    assert one.eval("(list (f 3) (g 3))") == "(() ())"


def test_macros_are_expanded() -> None:
    one = interpreter("(dmd unless (c . b) `(if ,c () ,@b))")
    one.eval("(de f (x) (let ((y 0)) (unless (< x 0) (setq y 1)) y)) (dhc-make () f)")
    assert one.eval("(list (f 1) (f -1))") == "(1 0)"


def test_endless_recursion_is_an_error() -> None:
    text = "(de f (n) (if (< n 0) 0 (+ 1 (f (+ n 1))))) (dhc-make () f)"
    assert "stack overflow" in error("(f 1)", text)


def test_arithmetic_beyond_the_range_goes_on_as_in_c() -> None:
    one = interpreter("""
        (de over (a b) (/ a b)) (de root (x) (sqrt x))
        (de wrap (n) ((-int-) n) (let ((m (* n 2))) ((-int-) m) m))
        (dhc-make () over root wrap)""")
    assert one.value("(over 1 0)") == float("inf")
    assert one.value("(root -1)") != one.value("(root -1)")
    assert one.value("(wrap 2147483647)") == -2


def test_division_by_zero_of_integers_is_an_error() -> None:
    text = "(de f (a b) ((-int-) a b) (div a b)) (dhc-make () f)"
    assert error("(f 1 0)", text) == "f : division by zero : (div a b)"


def test_safe_mode_compiles_nothing() -> None:
    one = sn.Interpreter(lambda _: None, safe=True)
    assert one.eval("(de f (x) (* 2 x)) (dhc-make () f) (f 2)") == "4"
    assert one.eval("f").startswith("::DE:")


def test_source_is_kept_for_its_owner_alone_and_loads_again(tmp_path: Path) -> None:
    program = tmp_path / "p.sn"
    program.write_text(
        "(de even (n) ((-int-) n) (if (= n 0) t (odd (- n 1))))\n"
        "(de odd (n) ((-int-) n) (if (= n 0) () (even (- n 1))))\n"
        "(de fib (n) ((-int-) n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))\n"
        "(de both (n) ((-int-) n) (if (even n) (fib n) 0))\n"
        "(dhc-make () even odd fib) (dhc-make () both) (print (even 4) (fib 20) (both 10))\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", f"from sn.cli import main; main([{str(program)!r}])"],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.stdout, done.stderr, done.returncode) == ("t 6765 55\n", "", 0)
    folder = tmp_path / "cache" / "sn" / "typed"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.glob("sn_typed_*.py"))) == 2


def test_an_unwritable_cache_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    one = interpreter("(de unwritable (x) (+ (* 3 x) 0.125)) (dhc-make () unwritable)")
    assert one.eval("(unwritable 2)") == "6.125"
