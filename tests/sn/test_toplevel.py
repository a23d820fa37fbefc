"""The listener and the command `sn`."""

import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sn.cli import main
from sn.interpreter import Interpreter
from sn.toplevel import Toplevel


def sn(*arguments, text="", **options):
    return subprocess.run(
        [sys.executable, "-m", "sn.cli", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        **options,
    )


@pytest.fixture
def listener():
    pieces = []
    interpreter = Interpreter(pieces.append)
    interpreter.warn = lambda text: None
    toplevel = Toplevel(interpreter)
    toplevel.show_error = lambda error: pieces.append(f"*** {error}\n")

    def say(*lines):
        pieces.clear()
        for line in lines:
            toplevel.feed(line + "\n")
        return "".join(pieces)

    return say


def test_values_are_answered(listener):
    assert listener("(+ 1 2) 'x") == "= 3\n= x\n"
    assert listener("()") == ""
    assert listener("nil") == "= ()\n"


def test_a_form_may_go_on_over_lines(listener):
    assert listener("(list 1", "  (+ 1 1)", ") 'done") == "= (1 2)\n= done\n"
    assert listener('"two', '"') == 2 * "*** read : illegal character : 0xa\n"


def test_an_error_leaves_the_listener_usable(listener):
    assert listener("(car 1)", "(+ 1 1)") == "*** car : not a list : 1\n= 2\n"


def test_a_program_reads_the_rest_of_its_line(listener):
    assert listener("(list (read)) (a b)") == "= ((a b))\n"


# ---- the command


def test_an_expression_is_printed():
    done = sn("-e", "(* 6 7) 'x")
    assert (done.stdout, done.returncode) == ("42\nx\n", 0)


def test_a_script_that_ends_in_an_error_exits_with_1(tmp_path):
    script = tmp_path / "p.sn"
    script.write_text("(print argv)\n(de f (x) (car x))\n(f 5)\n(print 'not-reached)\n")
    done = sn(str(script), "one", "two")
    assert done.stdout == '("one" "two")\n'
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "*** car : not a list : 5",
        f"** in: f [{script}:2] (car x)",
        f"** from: toplevel [{script}:3] (f 5)",
    ]


def test_an_unknown_option_brings_a_hint():
    done = sn("--saef")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sn: unknown option --saef. Did you mean --safe?\n"


def test_exit_gives_its_status(tmp_path):
    assert sn("-e", "(exit 3)").returncode == 3


@pytest.mark.parametrize(
    "program", ["(for (i 1 30000) (print i))", "(flush) (print 1) (flush)"]
)
def test_a_pipe_that_nobody_reads_ends_a_program_quietly(program):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sn.cli", "-e", program],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_expression_may_hold_any_bytes():
    done = sn("-e", os.fsdecode(b'(asc "\xe9")'))
    assert (done.stdout, done.stderr) == ("233\n", "")


def test_a_pipe_is_answered_without_prompts():
    done = sn(text="(+ 1 2)\n(list 'a)\n")
    assert (done.stdout, done.returncode) == ("= 3\n= (a)\n", 0)


def test_a_missing_name_brings_a_hint():
    assert "did you mean: length ?" in sn("-e", "(lenght '(1))").stderr


def test_a_missing_file_is_one_line(tmp_path):
    done = sn(str(tmp_path / "none.sn"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_the_manual_is_printed(capsys):
    assert main(["--doc", "mapcar"]) == 0
    assert capsys.readouterr().out.startswith("(mapcar function cell ...)")


def test_library_folders_come_first(tmp_path):
    (tmp_path / "netenv.sn").write_text("(print 'mine)")
    done = sn("--library", str(tmp_path), "-e", '(libload "netenv")')
    assert done.stdout == f'mine\n"{tmp_path}/netenv.sn"\n'


def test_a_time_limit_is_a_lisp_error(tmp_path):
    script = tmp_path / "p.sn"
    script.write_text("(while t 1)")
    done = sn("--safe", "--time", "1", str(script))
    assert done.returncode == 1
    assert "time limit" in done.stderr


def test_a_memory_limit_is_a_lisp_error(tmp_path):
    script = tmp_path / "p.sn"
    script.write_text("(setq l ()) (while t (setq l (cons (range 1 1000) l)))")
    done = sn("--safe", "--mem", "200M", "--time", "40", str(script))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "not enough memory" in done.stderr


def test_help_imports_nothing_heavy():
    code = (
        "import sys, contextlib, io\n"
        "from sn.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "print([m for m in ('numpy', 'numba', 'hy', 'cv2', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# ---- a real terminal


class Terminal:
    """A listener on a pseudo-terminal."""

    def __init__(self, tmp_path):
        self.process, self.handle = None, None
        self.process, self.handle = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job ignores it
            os.environ.update(TERM="dumb", XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
            os.execv(sys.executable, [sys.executable, "-m", "sn.cli"])
        self.text = ""

    def until(self, wanted, limit=120):
        """Read until a text appears; return what came before and with it."""
        end = time.monotonic() + limit
        while wanted not in self.text:
            assert time.monotonic() < end, f"no {wanted!r} in {self.text!r}"
            if select.select([self.handle], [], [], 0.1)[0]:
                self.text += os.read(self.handle, 4096).decode("latin-1").replace("\r", "")
        place = self.text.index(wanted) + len(wanted)
        before, self.text = self.text[:place], self.text[place:]
        return before

    def say(self, line):
        os.write(self.handle, line.encode() + b"\n")

    def close(self):
        os.close(self.handle)
        os.waitpid(self.process, 0)


@pytest.fixture
def terminal(tmp_path):
    if sys.platform == "win32":
        pytest.skip("needs a pseudo-terminal")
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def test_a_terminal_session(terminal):
    terminal.until("? ")
    terminal.say("(de f (x) (let ((y 2))")
    terminal.say("(car x)))")
    terminal.until("= f")
    terminal.say("(f 7)")
    terminal.until("*** car : not a list : 7")
    terminal.until("Debug toplevel [y/N] ? ")
    terminal.say("y")
    terminal.until("[Debug] ? ")
    terminal.say("(list x y)")
    terminal.until("= (7 2)\n[Debug] ? ")
    os.write(terminal.handle, b"\x04")
    terminal.until("\n? ")
    terminal.say("(list x y)")
    assert "= (() ())" in terminal.until("\n? ")
    terminal.say("(progn (print 'begun) (flush) (while t 1))")
    terminal.until("\nbegun\n")
    os.write(terminal.handle, b"\x03")
    terminal.until("*** Break")
    terminal.until("Break toplevel [y/N] ? ")
    terminal.say("")
    terminal.until("\n? ")
    terminal.say("(+ 40 2)")
    assert "Break" not in terminal.until("= 42")
    os.write(terminal.handle, b"(upca\t")
    terminal.until("(upca")
    terminal.until("se")
    terminal.say(' "ok")')
    terminal.until('= "OK"\n? ')
    os.write(terminal.handle, b"\x04")


def test_control_c_opens_a_level_where_the_bindings_stand(terminal):
    terminal.until("? ")
    terminal.say("(de turn (k) (print 'turning) (flush) (while t (incr k)))")
    terminal.until("= turn\n? ")
    terminal.say("(de spin (x) (on-break (print 'stopped) (turn 0)))")
    terminal.until("= spin\n? ")
    terminal.say("(spin 'here)")
    terminal.until("turning")
    os.write(terminal.handle, b"\x03")
    terminal.until("stopped")
    assert "** in: turn" in terminal.until("Break toplevel [y/N] ? ")
    terminal.say("y")
    terminal.until("[Break] ? ")
    terminal.say("(list x (>= k 0))")
    terminal.until("= (here t)\n[Break] ? ")
    os.write(terminal.handle, b"\x04")
    terminal.until("\n? ")
    terminal.say("(list x k)")
    terminal.until("= (() ())\n? ")
    os.write(terminal.handle, b"\x03")
    terminal.until("*** Break\n? ")
    os.write(terminal.handle, b"\x04")


def test_no_control_c_is_lost_and_none_ends_the_dialogue(terminal):
    rng = random.Random(1988)
    lines = [
        "",
        "(+ 1 2)",
        "(while t 1)",
        "(print 'a) (read)",
        "(car 5)",
        "(repeat 400 (list 1))",
    ]
    terminal.until("? ")
    for _ in range(int(os.environ.get("SN_STRESS", "100"))):
        if line := rng.choice(lines):
            terminal.say(line)
        time.sleep(rng.choice([0, 0.001, 0.01, 0.03]) * rng.random())
        os.write(terminal.handle, b"\x03")
        terminal.until("*** Break")
        while "[y/N] ? " in terminal.until("? "):
            terminal.say("")
    terminal.say("(+ 40 2)")
    assert "Break" not in terminal.until("= 42\n? ")  # each was told, and once
    os.write(terminal.handle, b"\x04")


def test_a_pause_listens_until_control_d(terminal):
    terminal.until("? ")
    terminal.say('(de f (x) (pause "at %d" x) (* 2 x))')
    terminal.until("= f\n? ")
    terminal.say("(f 21)")
    terminal.until("*** at 21")
    terminal.until("[Pause] ? ")
    terminal.say("(setq x 4)")
    terminal.until("= 4\n[Pause] ? ")
    os.write(terminal.handle, b"\x04")
    assert "***" not in terminal.until("= 8\n? ")
    os.write(terminal.handle, b"\x04")


PROMPT = re.compile(r"^(?:\[\w+\] )*\? |^  (?= *\()|^Debug toplevel \[y/N\] \? ")
TRANSCRIPTS = re.findall(
    r"^```terminal\n(.*?)^```$",
    (Path(__file__).parents[2] / "docs" / "sn.md").read_text(encoding="utf-8"),
    re.S | re.M,
)


def test_the_tour_shows_terminals():
    assert TRANSCRIPTS


@pytest.mark.parametrize("transcript", TRANSCRIPTS)
def test_a_transcript_of_the_tour_is_what_a_terminal_shows(terminal, transcript):
    shown = terminal.until("\n")  # the greeting
    shown = ""
    for line in transcript.splitlines():
        prompt = PROMPT.match(line)
        if prompt is None:
            shown += terminal.until(line + "\n")
            continue
        shown += terminal.until(prompt.group())
        typed = line[prompt.end() :]
        if typed == "^D":
            os.write(terminal.handle, b"\x04")
        else:
            terminal.say(typed)
            shown += terminal.until(typed + "\n")
    wanted = transcript.replace("^D\n", "\n")
    assert shown.strip() == wanted.strip()


def test_the_listener_keeps_its_last_result(listener):
    assert listener("(list 1 2)", "(car result)") == "= (1 2)\n= 1\n"


def test_a_discarded_result_is_shown_on_one_line(listener):
    shown = listener("(discard (range 1 100))")
    assert shown.endswith(" ... \n")
    assert len(shown) < 75
    assert listener("(length result)") == "= 100\n"
