"""What the commands share: one-line usage errors, exit codes, clean streams.

Exit codes: 0 done, 1 an input could not be processed, 2 usage, 70 a defect of the program, 130
interrupted. A closed pipe is no error. Nothing heavy is imported here.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from sn.errors import SnError


class Usage(Exception):  # noqa: N818 - ends this program, never another one
    """A command line that cannot be understood."""


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors that name the nearest option."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self.commands: dict[str, Parser] = {}

    def error(self, message: str) -> NoReturn:
        """Raise `Usage` instead of printing the whole synopsis."""
        raise Usage(f"{self.prog}: {message}. See {self.prog} --help")

    def add_commands(self) -> Callable[..., "Parser"]:
        """Begin subcommands; return the function (name, help, run) that adds one."""
        group = self.add_subparsers(dest="command", metavar="COMMAND")

        def add(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> Parser:
            made = group.add_parser(
                name, help=text, description=text[0].upper() + text[1:] + "."
            )
            made.set_defaults(run=run)
            made.add_argument("--debug", action="store_true", help="show where an error arose")
            self.commands[name] = made
            return made

        return add

    def parse(self, arguments: list[str]) -> argparse.Namespace:
        """Parse a command line; `Usage` names the nearest option or command."""
        name = next((word for word in arguments if not word.startswith("-")), "")
        chosen = self.commands.get(name)
        if name and self.commands and not chosen:
            raise Usage(
                f"{self.prog}: unknown command {name}.{_nearest(name, self.commands, self)}"
            )
        where = chosen or self
        known = list(where._option_string_actions)
        for word in arguments[: arguments.index("--")] if "--" in arguments else arguments:
            option = word.split("=")[0] if word.startswith("--") else word[:2]
            if (
                option.startswith("-")
                and option not in (*known, "-")
                and not option[1:].isdigit()
            ):
                near = _nearest(option, known, where)
                raise Usage(f"{where.prog}: unknown option {option}.{near}")
        return self.parse_args(arguments)


def _nearest(word: str, known: Sequence[str] | dict[str, Parser], where: Parser) -> str:
    import difflib

    long = [other for other in known if len(other) > 2]
    near = difflib.get_close_matches(word, long, 1, 0.5) if len(word) > 2 else []
    return f" Did you mean {near[0]}?" if near else f" See {where.prog} --help"


def printable(text: str) -> str:
    r"""Escape what a terminal could take for a command: controls, bidi marks, stray bytes.

    >>> printable("check 017.png"), printable("a\nb")
    ('check 017.png', 'a\\nb')
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


@cache
def version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version as installed

    return installed("holmdel")


def commit() -> str | None:
    """Return the commit of the checkout this program runs from, None outside of one."""
    import subprocess

    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def run(program: str, argv: Sequence[str] | None, work: Callable[[list[str]], int]) -> int:
    """Call `work` with the command line and return the exit code; no traceback gets out."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller; print would pick the other one
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")
    try:
        return work(arguments)
    except Usage as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    except SystemExit as done:  # argparse after --help
        return int(done.code or 0)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        hush()
        return 0
    except Exception as error:
        return report(program, error, "--debug" in arguments)


def hush() -> None:
    """Let standard output go nowhere; Python flushes what is left there when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(program: str, error: Exception, debug: bool) -> int:
    """Tell one error in one line on stderr and return the exit code it means."""
    code = 1
    if isinstance(error, SnError):
        message = printable(str(error))
    elif isinstance(error, OSError):
        what = error.strerror or str(error)
        message = f"{printable(str(error.filename or 'output'))}: {what}"
    elif isinstance(error, MemoryError):
        message = "not enough memory; crop the image or give a smaller one"
    else:
        what = printable(f"{type(error).__name__}: {error}".splitlines()[0])
        hint = "" if debug else "; --debug shows where"
        message = f"internal error, a defect of the program ({what}){hint}"
        code = 70
    print(f"{program}: {message}", file=sys.stderr)
    if debug:
        import traceback

        traceback.print_exception(error)
    return code
