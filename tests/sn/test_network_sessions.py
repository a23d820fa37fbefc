"""Dialogues with the network simulator: every line typed, every line answered.

A session file holds comments, forms after the prompt "? " (which may go on over several lines)
and what the listener prints. The reference runs were measured on the original.
"""

from pathlib import Path

import pytest

from sn.interpreter import Interpreter
from sn.toplevel import Toplevel

SESSIONS = sorted((Path(__file__).parent.parent / "sessions").glob("network-*.session"))


def depth(text):
    """Count the parentheses a form still lacks; the sessions have none in strings."""
    return text.count("(") - text.count(")")


def exchanges(file):
    """Yield (line number, form, wanted lines) of a session."""
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith(";;;")]
    at = 0
    while at < len(lines):
        if not lines[at].startswith("? "):
            assert not lines[at], f"{file.name}: {lines[at]!r} answers nothing"
            at += 1
            continue
        start, form = at, lines[at][2:]
        at += 1
        while depth(form) > 0:
            form += "\n" + lines[at]
            at += 1
        wanted = []
        while at < len(lines) and not lines[at].startswith("? "):
            wanted.append(lines[at])
            at += 1
        yield start, form, wanted


@pytest.mark.parametrize("file", SESSIONS, ids=lambda file: file.stem)
def test_session(file):
    interpreter = Interpreter()
    interpreter.warn = lambda text: None
    toplevel = Toplevel(interpreter, ask=lambda prompt: "n")
    count = 0
    for number, form, wanted in exchanges(file):
        pieces = []
        interpreter.stdout.target = pieces
        toplevel.show_error = lambda error, pieces=pieces: pieces.append(f"*** {error}\n")
        for line in form.split("\n"):
            toplevel.feed(line + "\n")
        assert "".join(pieces).splitlines() == wanted, f"{file.name}:{number}: {form}"
        count += bool(wanted)
    assert count > 5
