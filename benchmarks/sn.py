"""Speed of the SN language and of the network simulator: ``python -m benchmarks.sn``.

One row per measure of the language and of the exact kernels, each with what the original did
where that is known (Lush 1.2.1 on one core of the 2020s). Times are CPU seconds, the best of
several runs: the machine may be shared. With ``--library DIR``, the original's own library is
measured beside ours.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sn.errors import LispError
from sn.interpreter import Interpreter
from sn.matrix import Matrix

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

PRODUCT = """
(de product (a b c) ((-idx2- (-float-)) a b c)
  (for (i 0 (bound a 1))
    (for (j 0 (bound c 2)) (c i j 0))
    (for (k 0 (bound a 2))
      (let ((x (a i k))) ((-float-) x)
        (for (j 0 (bound b 2)) (c i j (+ (c i j) (* x (b k j)))))))))
(dhc-make () product)
(defvar a (float-matrix 256 256)) (defvar b (float-matrix 256 256))
(defvar c (float-matrix 256 256))
(de fill (m) (for (i 0 255) (for (j 0 255) (m i j (sin (+ (* 3 i) j))))))
(fill a) (fill b)
(de run () (for (i 1 20) (product a b c)))
"""


def best(run: Callable[[], object], times: int = 5) -> float:
    """Return the least CPU seconds of several runs."""
    least = float("inf")
    for _ in range(times):
        start = time.process_time()
        run()
        least = min(least, time.process_time() - start)
    return least


def digits() -> tuple[np.ndarray, np.ndarray, str]:
    """Return patterns (480, 256) and targets (480, 10): the 1988 digits, or noise."""
    folder = Path(os.environ.get("SN_DATA", "")) / "sn1988"
    if (folder / "dig.pat").is_file():
        read = [
            np.frombuffer((folder / name).read_bytes(), np.int8, 480 * width, 20) / 16
            for name, width in (("dig.pat", 256), ("dig.des", 10))
        ]
        patterns, targets = read[0].reshape(480, 256), read[1].reshape(480, 10)
        return patterns.astype(np.float32), targets.astype(np.float32), "dig.pat"
    rng = np.random.default_rng(0)
    patterns = rng.choice([-1, 1], (480, 256)).astype(np.float32)
    targets = (2 * np.eye(10)[np.arange(480) % 10] - 1).astype(np.float32)
    return patterns, targets, "random patterns"


def netmask(kernel: str = "sn28ite", library: tuple[str, ...] = ()) -> tuple[Interpreter, str]:
    """Build the shared-weight network of 1988 in an interpreter of its own."""
    sn = Interpreter(lambda text: None, library=library)
    sn.warn = lambda text: None
    sn.eval(NETMASK.replace("sn28ite", kernel))
    patterns, targets, what = digits()
    sn.intern("pattern-matrix").value = Matrix(patterns, "f")
    sn.intern("desired-matrix").value = Matrix(targets, "f")
    return sn, what


def row(what: str, value: str, original: str) -> None:
    """Print one measure."""
    print(f"{what:46}{value:>22}   {original}", flush=True)


def language() -> None:
    """Measure the language."""
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval("(de fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))")
    sn.eval("(defvar x 0) (de count-it () (for (i 1 1000000) (setq x (+ x i))))")
    sn.eval("(defvar l (range 1 100000)) (de map-it () (mapcar '1+ l) ())")

    def python_fib(n: int) -> int:
        return n if n < 2 else python_fib(n - 1) + python_fib(n - 2)

    plain = best(lambda: python_fib(24))
    here = best(lambda: sn.eval("(fib 24)"))
    row("(fib 24)", f"{here:.3f} s", f"plain Python {plain:.3f} s; original 0.02-0.036 s")
    row("10^6 x for, setq", f"{best(lambda: sn.eval('(count-it)')):.3f} s", "original 0.13 s")
    row("mapcar over 10^5", f"{best(lambda: sn.eval('(map-it)')):.3f} s", "original 0.017 s")
    sn.eval("(de down (n) (if (= n 0) 0 (1+ (down (1- n)))))")
    deep = best(lambda: sn.eval("(down 100000)"), 2)
    row("recursion 100,000 deep", f"{deep:.3f} s", "")
    sn.eval("(de endless (n) (1+ (endless n)))")
    try:
        sn.eval("(endless 1)")
    except LispError as error:
        row("... without end", str(error), "")


def start() -> None:
    """Measure a library of 500 lines, and a process from nothing to the first prompt."""
    lines = [
        f"(de part-{i} (x y)\n  (let ((a (+ x {i})) (b (* y 2)))\n"
        f"    (when (> a b) (setq a (- a b)))\n"
        f"    (if (= a {i}) (list a b)\n      (cons a b))))"
        for i in range(100)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.sn"
        path.write_text("\n".join(lines) + "\n", "latin-1")
        sn = Interpreter(lambda text: None)
        loaded = best(lambda: sn.run(lambda: sn.load(path)))
    row("loading a library of 500 lines", f"{loaded:.3f} s", "")

    def process() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "sn.cli", "-e", "1"], check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    row("sn -e 1, CPU of the process", f"{min(process() for _ in range(5)):.2f} s", "")


def compiler() -> None:
    """Measure typed Lisp: a matrix product of three loops, 256 x 256 x 256, float."""
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval(PRODUCT)
    sn.eval("(run)")
    speed = 20 * 2 * 256**3 / best(lambda: sn.eval("(run)")) / 1e9
    a, b, c = (sn.intern(name).value.array for name in "abc")
    wrong = float(np.abs(c - a.astype(np.float64) @ b).max())
    row(
        "typed Lisp, matrix product 256^3", f"{speed:.1f} GFLOP/s", f"largest error {wrong:.1e}"
    )


def networks(library: str | None) -> None:
    """Measure the network simulator with exact arithmetic."""
    sn, what = netmask()
    sn.eval("(learn 3200)")
    learned = 16000 / best(lambda: sn.eval("(learn 16000)"))
    row(f"NetMASK, (learn n), {what}", f"{learned:,.0f} patterns/s", "original 19,000")
    exact_speed = learned
    tested = 480 / best(lambda: sn.eval("(performance 0 479)"))
    row("NetMASK, (performance 0 479)", f"{tested:,.0f} patterns/s", "original 20,000")
    sn.eval("(de disp-other (n) ()) (setq disp-basic-iteration disp-other)")
    learned = 3200 / best(lambda: sn.eval("(learn 3200)"))
    row("... (learn n), a display hook is set", f"{learned:,.0f} patterns/s", "original 19,000")
    if library is not None:
        other, _ = netmask(library=(library,))
        other.eval("(learn 640)")
        learned = 3200 / best(lambda: other.eval("(learn 3200)"))
        row("... with the original's library", f"{learned:,.0f} patterns/s", "original 19,000")
    for kernel, what, count in (
        ("sn28ite", "learn-batch", 2),
        ("sn28ite", "learn-batch-cg", 1),
        ("sn28itenew", "learn-lm", 640),
        ("sn28itenew", "learn-batch-lm", 2),
    ):
        other, _ = netmask(kernel)
        other.eval(f"(epsilon 0.001) ({what} {count})")
        epochs = 320 if "batch" in what else 1
        learned = count * epochs / best(lambda o=other, w=what, c=count: o.eval(f"({w} {c})"))
        row(f"... ({what} n)", f"{learned:,.0f} patterns/s", "")
    compiled(exact_speed)


def compiled(exact_speed: float) -> None:
    """Measure the same network after `compile-net`, and how far apart the errors are."""
    errors = []
    for command in ("", "(compile-net)"):
        sn, _ = netmask()
        sn.eval(command)
        sn.eval("(learn 3200) (performance 0 319)")
        errors.append(sn.value("global-error"))
    learned = 16000 / best(lambda: sn.eval("(learn 16000)"))
    ratio = f"{learned / exact_speed:.1f} x exact"
    row("NetMASK after (compile-net)", f"{learned:,.0f} patterns/s", ratio)
    apart = abs(errors[0] - errors[1])
    row(
        "... error after 3,200 patterns",
        f"{errors[1]:.5f}",
        f"exact {errors[0]:.5f}: {apart:.1e}",
    )


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", metavar="DIR", help="the original's library, outside")
    options = parser.parse_args(argv)
    language()
    start()
    compiler()
    networks(options.library)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
