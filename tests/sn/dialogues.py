"""Dialogues written down: forms after the prompt "? ", then what the listener prints."""

from collections.abc import Iterator

from sn.interpreter import Interpreter
from sn.toplevel import Toplevel
from tests.sn.cases import ADDRESS


def exchanges(text: str, first_line: int = 1) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield line number, lines typed and lines wanted; a form goes on under its prompt.

    Lines that begin with two blanks after a prompt line belong to the form. Lines beginning
    with ``;;;`` are remarks.
    """
    lines = [(n, line) for n, line in enumerate(text.splitlines(), first_line)]
    lines = [(n, line) for n, line in lines if not line.startswith(";;;")]
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        if not line.startswith("? "):
            assert not line.strip(), f"line {number}: {line!r} answers nothing"
            continue
        typed, wanted = [line[2:]], []
        while at < len(lines) and "".join(typed).count("(") > "".join(typed).count(")"):
            typed.append(lines[at][1].removeprefix("  "))
            at += 1
        while at < len(lines) and not lines[at][1].startswith("? "):
            wanted.append(lines[at][1])
            at += 1
        while wanted and not wanted[-1].strip():
            wanted.pop()
        yield number, typed, wanted


class Listener:
    """An interpreter that is talked to; an error is answered by its first line."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.interpreter = Interpreter(self.pieces.append)
        self.interpreter.tell = self._tell
        self.toplevel = Toplevel(self.interpreter, ask=lambda prompt: "n")
        self.toplevel.show_error = self._fail

    def _tell(self, text: str) -> None:
        self.pieces.append(f"{text}\n")

    def _fail(self, error: object) -> None:
        self.pieces.append(f"*** {error}\n")

    def say(self, lines: list[str]) -> list[str]:
        """Type lines; return what was printed."""
        self.pieces.clear()
        for line in lines:
            self.toplevel.feed(line + "\n")
        return ADDRESS.sub(r"::\1:*", "".join(self.pieces)).splitlines()


def differences(text: str, first_line: int = 1) -> tuple[int, list[str]]:
    """Run a dialogue; return how many answers were compared, and what was different."""
    listener = Listener()
    compared, found = 0, []
    for number, typed, wanted in exchanges(text, first_line):
        got = listener.say(typed)
        compared += 1
        if got != wanted:
            found.append(f"line {number}: {typed}\n  wanted {wanted}\n  got    {got}")
    return compared, found
