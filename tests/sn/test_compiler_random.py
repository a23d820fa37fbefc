"""Random typed programs give the same values interpreted and compiled."""

import random
from pathlib import Path

import numpy as np
import pytest

import sn
from sn.errors import LispError

CALLS = ("(f 1 2 m o)", "(f -3 0.5 m o)", "(f 2.5 -7 m o)")
CELL = """
(defclass cell object ((-double-) n) ((-idx1- (-double-)) v))
(defmethod cell add (x) (v 0 (- (v 0) x)) (setq n (+ n x)) n)
(defmethod cell both (x) (- (==> this add x) n))
"""


class Programs:
    """Random forms over numbers, with side effects in every position."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, depth: int, names: list[str]) -> str:
        """Return a form whose value is a number."""
        pick = self.random.choice
        if depth == 0 or self.random.random() < 0.25:
            return pick([*names, str(self.random.randint(-5, 9)), pick(["0.5", "-1.25"])])
        n = [self.number(depth - 1, names) for _ in range(3)]
        place = pick(["0", "1", "3", "a", "i" if "i" in names else "2"])
        inner = self.number(depth - 1, [*names, "i", "s"])
        steps = f"{pick([-2, 0, 3])} {pick([-1, 4, 6])} {pick([1, 2, -1, 0.5, -2])}"
        return pick(
            [
                f"({pick('+-*')} {n[0]} {n[1]})",
                f"(if {self.condition(depth - 1, names)} {n[0]} {n[1]})",
                f"(cond ({self.condition(depth - 1, names)} {n[0]}) (t {n[1]}))",
                f"(let ((p {n[0]})) {self.number(depth - 1, [*names, 'p'])})",
                f"(let* ((p {n[0]}) (q p)) (incr q {self.number(depth - 1, ['p', 'q'])}) q)",
                f"(progn (setq {pick(names)} {n[0]}) {n[1]})",
                f"(prog1 {n[0]} (setq {pick(names)} {n[1]}))",
                f"(incr {pick(names)} {n[0]})",
                f"(max {n[0]} {n[1]} {n[2]})",
                f"(let ((s 0)) (for (i {steps}) (setq s (+ s {inner}))) s)",
                f"(m {place})",
                f"(progn (m {place} {n[0]}) {n[1]})",
                f"(rand {n[0]} {n[1]})",
                "(gauss)",
                f"(progn (idx-minus m m) {n[0]})",
                f"((idx-dot (idx-{pick(['add', 'sub'])} m :o:v) m))",
                f"(let ((m (narrow m 0 2 1))) {self.number(depth - 1, names)})",
                ":o:n",
                f"(incr :o:n {n[0]})",
                f"(progn (setq :o:n {n[0]}) {n[1]})",
                f"(==> o {pick(['add', 'both'])} {n[0]})",
                f"(:o:v {place} )",
                f"(len {self.string(depth - 1, names)})",
                f'(if (< {self.string(depth - 1, names)} "b") {n[0]} {n[1]})',
            ]
        )

    def string(self, depth: int, names: list[str]) -> str:
        """Return a form whose value is a string."""
        pick = self.random.choice
        if depth <= 0 or self.random.random() < 0.3:
            return pick(['""', '"abc"', '"Za"', '"b c"'])
        text = self.string(depth - 1, names)
        count = self.number(depth - 1, names)
        return pick(
            [
                f"(concat {text} {self.string(depth - 1, names)})",
                f"(left {text} (abs {count}))",
                f"(mid {text} (max 1 {count}) 2)",
                f"(if {self.condition(depth - 1, names)} {text} (upcase {text}))",
                f"(progn (incr {pick(names)}) {text})",
            ]
        )

    def condition(self, depth: int, names: list[str]) -> str:
        """Return a form whose value is t or ()."""
        if depth <= 0 or self.random.random() < 0.6:
            operator = self.random.choice(["<", ">", "<=", ">=", "=", "<>"])
            return f"({operator} {self.number(max(depth - 1, 0), names)} {names[0]})"
        one, two = (self.condition(depth - 1, names) for _ in range(2))
        return self.random.choice([f"(and {one} {two})", f"(or {one} {two})", f"(not {one})"])


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_agree(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without numba: it is the translation that is tested, at a thousandth of the time.
    monkeypatch.setattr("sn.typed.disabled", lambda: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    programs = Programs(seed)
    one, two = sn.Interpreter(lambda _: None), sn.Interpreter(lambda _: None)
    for lisp in (one, two):
        lisp.eval(CELL)
    two.eval("(dhc-make () (cell add both))")
    compared = 0
    for _ in range(60):
        body = programs.number(4, ["a", "b"])
        text = f"(de f (a b m o) ((-idx1- (-double-)) m) ((-obj- (cell)) o) {body})"
        for lisp in (one, two):
            lisp.eval(text)
        two.eval("(dhc-make () f)")
        for call in CALLS:
            results = []
            for lisp in (one, two):
                lisp.warn = lambda _: None
                lisp.eval("(seed 3) (setq m [1 -2 3.5 4]) (setq o (new cell))")
                lisp.eval("(setq :o:n 0.5 :o:v [1 2 3 4])")
                try:
                    value = lisp.value(call)
                    after = [lisp.value("m").array, lisp.value(":o:v").array]
                    results.append([value, lisp.value(":o:n"), *np.concatenate(after)])
                except LispError as error:
                    results.append(error.message)
            if results[0] == "Floating exception":
                continue  # machine code goes on with infinity
            if isinstance(results[0], str):
                assert results[1] == results[0], (text, call)
            else:
                np.testing.assert_allclose(results[1], results[0], 1e-12, err_msg=text + call)
                compared += 1
    assert compared > 100
