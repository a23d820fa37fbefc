"""What a program of unknown origin may not do: `sn --safe`."""

import time

import pytest

from sn.errors import LispError, SnError
from sn.interpreter import Interpreter
from sn.limits import Limits, OutOfMemory, OutOfSteps, OutOfTime
from tests.sn.test_toplevel import sn


def test_safe_mode_writes_nothing_and_reads_only_below_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.sn").write_text("(setq got 5)")
    (tmp_path / "secret").write_text("1")
    safe = Interpreter(safe=True, root=tmp_path / "in")
    safe.warn = lambda text: None
    assert safe.eval('(load "in/data.sn") got') == "5"
    for form in (
        '(load "secret")',
        '(reading "in/../secret" (read))',
        '(writing "out" (print 1))',
        '(save-matrix [1] "m")',
        '(unlink "secret")',
        '(ps-window 9 9 "x.ps")',
        '(chdir "/")',
        "#.(+ 1 2)",
        '(sys "ls")',
        '(getenv "HOME")',
        '(filep "secret")',
        '(dirp "/etc")',
        '(files "/")',
        '(fileinfo "/etc/passwd")',
        '(libload "../secret")',
        '(load-matrix "secret")',
        '(load "absent")',
        '(open-append "secret")',
        '(load-matrix x "/etc/passwd")',
    ):
        with pytest.raises(SnError, match=r"refused|not run"):
            safe.eval(form)
    assert (tmp_path / "secret").exists()


def test_safe_mode_may_write_where_it_is_told(tmp_path):
    safe = Interpreter(safe=True, root=tmp_path, writable=tmp_path)
    safe.eval(f'(writing "{tmp_path}/out" (print 1))')
    assert (tmp_path / "out").read_text() == "1\n"


def test_what_is_there_and_what_is_not_look_the_same(tmp_path):
    (tmp_path / "there").write_text("1")
    safe = Interpreter(safe=True, root=tmp_path / "in")
    for form in ("load", "libload", "load-matrix", "filep", "read-lines"):
        messages = set()
        for name in ("there", "absent"):
            with pytest.raises(SnError) as caught:
                safe.eval(f'({form} "{tmp_path}/{name}")')
            messages.add(str(caught.value))
        assert len(messages) == 1


def test_a_link_leads_nowhere(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("5")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    safe = Interpreter(safe=True, root=tmp_path / "in", writable=tmp_path / "in")
    for form in (
        '(reading "{}" (read))',
        '(writing "{}" (print 1))',
        '(unlink "{}/../secret")',
    ):
        with pytest.raises(SnError, match="refused"):
            safe.eval(form.format(tmp_path / "in" / "link"))
    assert (tmp_path / "secret").read_text() == "5"


# ---- limits


def limited(**limits):
    interpreter = Interpreter(lambda text: None, safe=True, limits=Limits(**limits))
    interpreter.tell = lambda text: None
    return interpreter


ENDLESS = [
    "(while t 1)",
    "(for (i 1 2 0) i)",
    "(repeat 1000000000 ())",
    "(sleep 1000000)",
    "(let ((a '(1))) (repeat 60 (setq a (list a a))) (print a))",
    "(on-error (while t ()) (while t ()))",
    "(let ((debug-hook (lambda () (while t ())))) (car 5))",
]


@pytest.mark.parametrize("form", ENDLESS)
def test_a_program_ends_when_its_time_is_up(form):
    interpreter = limited(seconds=0.3)
    start = time.monotonic()
    with pytest.raises(OutOfTime, match="time limit"):
        interpreter.eval(form)
    assert time.monotonic() - start < 15
    assert interpreter.eval("(+ 1 1)") == "2"


BLOW_UPS = [
    "(range 1 1e12)",
    "(range 0 1 1e-300)",
    '(setq s "abcdefgh") (while t (setq s (concat s s)))',
    '(strsubst "{}" "a" "{}")'.format(20000 * "a", 20000 * "b"),
    "(tab 2000000000)",
    "(matrix 100000 100000)",
    "(array 1e5 1e5)",
    "(dim m 1e4 1e4 1e4)",
    "(let ((m (matrix 1000 1000))) (idx-m2extm2 m m))",
    "(copy-matrix (unfold (matrix 100000) 0 50000 1))",
    "(idx-sin (unfold (matrix 100000) 0 50000 1))",
    "(defvar l '(1)) (while t (setq l (append l l)))",
    "(defvar l ()) (while t (setq l (cons (range 1 1000) l)))",
    "(defvar l ()) (while t (setq l (cons (matrix 1000) l)))",
]


@pytest.mark.parametrize("form", BLOW_UPS)
def test_a_program_stays_within_its_memory(form):
    interpreter = limited(seconds=120, memory=64 << 20)
    with pytest.raises(OutOfMemory, match="memory limit"):
        interpreter.eval(form)
    assert interpreter.eval("(+ 1 1)") == "2"


@pytest.mark.parametrize(
    "form",
    [
        "(while t ())",
        "(for (i 1 1e9) ())",
        "(repeat 1e9 ())",
        "(de f (x) (f x)) (f 1)",
        "(do-while t ())",
        "(mapcar (lambda (x) x) (range 1 5000))",
    ],
)
def test_steps_are_counted(form):
    interpreter = limited(steps=2000)
    with pytest.raises(OutOfSteps, match="step limit"):
        interpreter.eval(form)
    assert interpreter.eval("(repeat 1000 ()) 'fine") == "fine"


def test_calls_do_not_nest_deeper_than_they_may():
    interpreter = limited(depth=3000)
    interpreter.eval("(de depth (n) (if (= n 0) 0 (1+ (depth (1- n)))))")
    assert interpreter.eval("(depth 2000)") == "2000"
    with pytest.raises(LispError, match="too deep"):
        interpreter.eval("(depth 4000)")


def test_without_limits_no_code_counts():
    plain, counting = Interpreter(), limited(steps=10)
    for interpreter in (plain, counting):
        interpreter.eval("(de f (n) (while (> n 0) (setq n (1- n)))) (f 3)")
    sizes = [len(i.intern("f").value.__code__.co_code) for i in (plain, counting)]
    assert sizes[0] < sizes[1]


def test_the_command_takes_limits(tmp_path):
    program = tmp_path / "p.sn"
    program.write_text("(de f (x) (f x)) (f 1)")
    done = sn("--safe", "--steps", "1000", str(program))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "*** the step limit is reached",
    )
    done = sn("--steps", "1000", str(program))
    assert done.returncode == 2
    assert "need --safe" in done.stderr
    assert sn("--safe", "--mem", "lots", str(program)).returncode == 1


def test_each_form_of_a_dialogue_has_its_own_time():
    text = "(while t ())\n(+ 1 2)\n"
    done = sn("--safe", "--time", "0.5", text=text)
    assert done.returncode == 1  # a pipe ends with its first error
    assert "time limit" in done.stderr
    done = sn("--safe", "--time", "2", text="(sleep 0.1)\n" * 3 + "(+ 1 2)\n")
    assert done.stdout.endswith("= 3\n")


def test_a_primitive_that_cannot_be_stopped_ends_the_program(tmp_path):
    program = tmp_path / "p.sn"
    program.write_text('(regex-match "(a*)*b" "%s")' % (40 * "a"))
    start = time.monotonic()
    done = sn("--safe", "--time", "0.5", str(program))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert time.monotonic() - start < 45
