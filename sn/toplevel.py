"""The dialogue: ``? `` asks, ``= `` answers.

Lines come from a terminal (with history and completion), from a pipe, or one by one from
`Toplevel.feed`. After an error on a terminal the program's state can be looked at in a debug
level, where the bindings of the error are still in force; it ends with Control-D.
"""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sn.errors import EndOfInput, Leave, LispError
from sn.evaluation import Frame
from sn.interpreter import Interpreter
from sn.manual import nearest
from sn.printer import show
from sn.streams import Source, input_line, latin
from sn.tracing import first_line

PROMPT = "? "
DEEPEST_SHOWN = 7  # callers shown after an error


def error_lines(interpreter: Interpreter, error: LispError) -> list[str]:
    """Return an error as it is shown: its text, where it was, who called, a hint."""
    lines = [f"*** {error}"]
    word = "in"
    for frame in error.frames[:DEEPEST_SHOWN]:
        if isinstance(frame, Frame):
            place = f"{frame.file}:{frame.line}"
            form = "" if frame.form is None else " " + _short(frame.form)
            lines.append(f"** {word}: {frame.function} [{place}]{form}")
            word = "from"
        else:
            lines += _reading_lines(interpreter, frame[2])
    more = error.callers - DEEPEST_SHOWN
    if more > 0:
        lines.append(f"** ... {more} more")
    hint = _hint(interpreter, error)
    if hint:
        lines.append(f"** did you mean: {hint} ?")
    return lines


def _reading_lines(interpreter: Interpreter, pos: int) -> list[str]:
    file, line, column = interpreter.sources.find(pos)
    text = interpreter.sources.all[pos >> 32].line_text(line)
    return [f"** reading: [{file}:{line}:{column}] {text.strip()[:60]}"]


def _short(form: Any) -> str:
    text = show(form).split("\n")[0]
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(interpreter: Interpreter, error: LispError) -> str | None:
    """Return a name near an undefined one."""
    head = getattr(error.culprit, "car", None)
    name = getattr(head, "name", None)
    if error.message != "not a function call" or name is None:
        return None
    return nearest(interpreter, name)


class Toplevel:
    """A listener of one interpreter.

    Parameters
    ----------
    interpreter: the interpreter that evaluates
    ask: called with a prompt, returns a line of the terminal or raises EOFError; None when
        nobody can be asked
    debug: show Python's own traceback after an error, too
    """

    def __init__(
        self,
        interpreter: Interpreter,
        ask: Callable[[str], str] | None = None,
        *,
        debug: bool = False,
    ) -> None:
        self.interpreter = interpreter
        self.ask = ask
        self.debug = debug
        self.level = ""
        self._fresh = True
        self.source: Source = interpreter.sources.add(Source("stdin"))
        self.show_error: Callable[[LispError], None] = self._show_error
        interpreter.debugger = self._debugger if ask is not None else None
        interpreter.breaker = self._breaker if ask is not None else None
        interpreter.listener = self._listen

    # ------------------------------------------------------------------ one form

    def answer(self, value: Any) -> None:
        """Print the value of a form."""
        interpreter = self.interpreter
        output = interpreter.output
        output.write("= ")
        text = first_line(value) if interpreter.brief else show(value, output.column)
        output.write(text + "\n")
        result = interpreter.intern("result")
        result.declared, result.global_value = True, value

    def step(self, source: Source) -> None:
        """Read, evaluate and answer one form; raises EndOfInput when there is none."""
        interpreter = self.interpreter
        form = interpreter.read(source)
        if form is None:
            return
        outer, interpreter.input = interpreter.input, source
        interpreter.brief = False
        if interpreter.limits is not None:
            interpreter.limits.begin()
        try:
            self.answer(interpreter.evaluate_top(form))
        finally:
            interpreter.input = outer

    def feed(self, line: str) -> None:
        """Take one line: evaluate the forms that are complete."""
        self.interpreter.run(lambda: self._feed(line))

    def _feed(self, line: str) -> None:
        source = self.source
        source.text += line
        while not self.interpreter.reader.at_end(source):
            start = source.at
            try:
                self.step(source)
                if self.ask is not None:
                    self.interpreter.screen.refresh()
            except EndOfInput as end:
                if not end.located:
                    source.at = start
                    return
                self.failed(end)
            except LispError as error:
                self._skip_line(source, error)
                self.failed(error)

    def _skip_line(self, source: Source, error: LispError) -> None:
        """After an error in reading, the rest of the line means nothing."""
        if not error.located:
            newline = source.text.find("\n", max(source.at - 1, 0))
            source.at = newline + 1 if newline >= 0 else len(source.text)

    def failed(self, error: LispError) -> None:
        """Show an error that has come up to the toplevel."""
        if self.interpreter.limits is not None:
            self.interpreter.limits.rest()
        if not error.reported:
            error.reported = True
            self.show_error(error)

    def _show_error(self, error: LispError) -> None:
        self.interpreter.stdout.flush()
        print("\n".join(error_lines(self.interpreter, error)), file=sys.stderr)
        if self.debug and error.__cause__ is not None:
            import traceback

            traceback.print_exception(error.__cause__)

    # ------------------------------------------------------------------ the dialogue

    def run(self) -> int:
        """Talk until the input ends; return the exit status."""
        try:
            return self.interpreter.run(self._talk)
        except Leave as leave:
            return leave.status or 0

    def _talk(self) -> int:
        """Answer forms until the input ends; only their evaluation can be interrupted."""
        source = self.interpreter.sources.add(Source("stdin", more=self._more))
        stack = self.interpreter.stack
        status = 0
        held = stack.hold()
        try:
            while True:
                try:
                    over, bad = self._turn(source)
                    status |= bad
                    if over:
                        return status
                except KeyboardInterrupt:  # one more, while the first was told
                    stack.hold()
        finally:
            stack.release(held)

    def _turn(self, source: Source) -> tuple[bool, bool]:
        """Answer one form, or tell what went wrong.

        Return whether the dialogue is over and whether its exit status is 1.
        """
        stack = self.interpreter.stack
        self._fresh = True
        try:
            stack.release(False)
            try:
                self.step(source)
                if self.ask is not None:
                    self.interpreter.screen.refresh()
            finally:
                stack.hold()
        except EndOfInput as end:
            if end.message == "End of file" and not end.located:
                return True, False
            self.failed(end)
            source.at = len(source.text)
            return False, True
        except LispError as error:
            self._skip_line(source, error)
            self.failed(error)
            if self.ask is None:
                return True, True
        except KeyboardInterrupt as stop:
            stack.hold()
            source.at = len(source.text)
            if not self.level:
                self.interpreter.settle()
            if not getattr(stop, "told", False):
                print("\n*** Break", file=sys.stderr)
        return False, False

    def _more(self) -> str:
        """Return the next line, asking for it if somebody is there."""
        if self.ask is None:
            return self.interpreter.stack.on_main(input_line)
        self.interpreter.stdout.flush()
        if self.interpreter.limits is not None:
            self.interpreter.limits.rest()
        prompt = self.level + (PROMPT if self._fresh else "  ")
        self._fresh = False
        try:
            return latin(self.interpreter.stack.on_main(lambda: self.ask(prompt))) + "\n"
        except EOFError:
            return ""
        except KeyboardInterrupt as stop:
            stop.located = True  # nothing runs that one could look at
            raise

    # ------------------------------------------------------------------ debugging

    def _debugger(self, error: LispError) -> None:
        """Offer a debug level, the bindings of the error still standing."""
        self.failed(error)
        if self._agreed("Debug toplevel"):
            self._listen("[Debug]")

    def _breaker(self, stop: LispError) -> None:
        """Offer a break level, the bindings where Control-C came still standing."""
        print(file=sys.stderr)
        self.failed(stop)
        if self._agreed("Break toplevel"):
            self._listen("[Break]")

    def _agreed(self, question: str) -> bool:
        try:
            answer = self.interpreter.stack.on_main(lambda: self.ask(f"{question} [y/N] ? "))
        except EOFError:
            return False
        except KeyboardInterrupt:
            print("\n*** Break", file=sys.stderr)
            return False
        return answer.strip().lower().startswith(("y", "o"))

    def _listen(self, label: str) -> None:
        """Talk on a level of its own until Control-D."""
        interpreter = self.interpreter
        outer = (
            self.level,
            self.ask,
            interpreter.output,
            interpreter.input,
            interpreter.handlers,
        )
        self.level = f"{label} {self.level}"
        if self.ask is None and sys.stdin.isatty():
            self.ask = terminal(interpreter)
        interpreter.output, interpreter.handlers = interpreter.stdout, []
        try:
            self._talk()
        finally:
            self.level, self.ask, interpreter.output, interpreter.input = outer[:4]
            interpreter.handlers = outer[4]
        if self.ask is not None:
            print(file=sys.stderr)


def terminal(interpreter: Interpreter) -> Callable[[str], str]:
    """Return what asks for a line at a terminal, with history and completion."""
    try:
        import readline
    except ImportError:
        return input
    history = _history_file()

    def complete(text: str, state: int) -> str | None:
        names = sorted(s.name for s in interpreter.symbols if s.name.startswith(text.lower()))
        return names[state] if state < len(names) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n`()[]{};\"|^#'~,:")
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(2000)
    with contextlib.suppress(OSError):
        readline.read_history_file(history)

    def ask(prompt: str) -> str:
        line = input(prompt)
        with contextlib.suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)
        return line

    return ask


def _history_file() -> Path:
    import os

    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "sn" / "history"
