"""The command `sn`: a listener, a script, or an expression."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sn.command import Parser, Usage, run, version

if TYPE_CHECKING:
    from sn.interpreter import Interpreter
    from sn.limits import Limits
    from sn.toplevel import Toplevel

PROGRAM = "sn"
GREETING = "SN 2.8. Control-D leaves, (help 'name) explains."


def parser() -> Parser:
    """Return the parser of the command line."""
    result = Parser(
        prog=PROGRAM,
        description="SN, the neural-network simulator of 1988: talk to it, or run a program.",
    )
    result.add_argument(
        "file", nargs="?", metavar="FILE", help="program to run (- reads stdin)"
    )
    result.add_argument("arguments", nargs="*", help="the program finds them in argv")
    result.add_argument("-e", dest="expression", metavar="EXPR", help="evaluate and print")
    result.add_argument(
        "--library",
        action="append",
        default=[],
        metavar="DIR",
        help="search library files here first (also SN_LIBRARY)",
    )
    result.add_argument("--doc", metavar="NAME", help="print the manual entry of a name")
    result.add_argument("--warm", action="store_true", help="compile the kernels now")
    result.add_argument("--debug", action="store_true", help="show Python tracebacks")
    result.add_argument("-q", "--quiet", action="store_true", help="no greeting, no warnings")
    windows = result.add_argument_group("windows")
    windows.add_argument("--windows", metavar="DIR", help="write every window as PNG")
    windows.add_argument("--animate", action="store_true", help="and the states of each as GIF")
    windows.add_argument("--show", action="store_true", help="print windows as they close")
    windows.add_argument("--clicks", metavar="FILE", help="what get-click reads: lines x y")
    safe = result.add_argument_group("programs of unknown origin")
    safe.add_argument("--safe", action="store_true", help="no writing, reading only below FILE")
    safe.add_argument("-o", dest="output", metavar="DIR", help="with --safe: may write here")
    safe.add_argument("--time", type=float, metavar="S", help="seconds a form or program (60)")
    safe.add_argument("--mem", metavar="N", help="memory (1G)")
    safe.add_argument("--steps", type=int, metavar="N", help="calls and rounds of loops")
    safe.add_argument("--depth", type=int, metavar="N", help="nested calls (400000)")
    result.add_argument("--version", action="store_true", help="print the version")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run(PROGRAM, argv, _work)


def _work(arguments: list[str]) -> int:
    """Carry out a command line until it is done or left."""
    from sn.errors import Leave

    try:
        return _carry_out(arguments)
    except Leave as leave:
        return leave.status or 0


def _carry_out(arguments: list[str]) -> int:
    options = parser().parse(arguments)
    if options.version:
        print(f"sn 2.8 (holmdel {version()})")
        return 0
    if options.animate and not options.windows:
        raise Usage("sn: --animate needs --windows DIR. See sn --help")
    limits = _limits(options)
    from sn.interpreter import Interpreter
    from sn.toplevel import Toplevel, terminal

    script = Path(options.file) if options.file and options.file != "-" else None
    library = [*options.library, *os.environ.get("SN_LIBRARY", "").split(os.pathsep)]
    interpreter = Interpreter(
        library=tuple(folder for folder in library if folder),
        safe=options.safe,
        root=script.parent if script else ".",
        writable=options.output,
        limits=limits,
    )
    if options.quiet:
        interpreter.warn = lambda text: None
    interpreter.set_arguments(options.arguments)
    screen(interpreter, options)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")  # any bytes a program writes
    if limits is not None:
        from sn.limits import limit_process

        limit_process(limits)
    if options.warm:
        return warm(interpreter)
    if options.doc:
        from sn.manual import entry

        print(entry(interpreter, options.doc))
        return 0
    talking = script is None and options.expression is None and sys.stdin.isatty()
    ask = terminal(interpreter) if talking and options.file != "-" else None
    toplevel = Toplevel(interpreter, ask, debug=options.debug)
    if options.expression is not None:
        return evaluate(toplevel, options.expression)
    if script is not None:
        return run_script(toplevel, script)
    if ask is not None and not options.quiet:
        print(GREETING)
    try:
        status = toplevel.run()
    finally:
        interpreter.close()
    return status or lost_pictures(interpreter)


def _limits(options: argparse.Namespace) -> "Limits | None":
    """Return the limits of a program that is not trusted."""
    given = (options.time, options.mem, options.steps, options.depth, options.output)
    if not options.safe:
        if any(value is not None for value in given):
            raise Usage("sn: -o, --time, --mem, --steps and --depth need --safe. See sn --help")
        return None
    if any(value is not None and value <= 0 for value in (*given[:1], *given[2:4])):
        raise Usage("sn: a limit is a number above 0. See sn --help")
    from sn.limits import Limits, size

    result = Limits(steps=options.steps, depth=options.depth)
    result.seconds = options.time or result.seconds
    result.memory = size(options.mem) if options.mem else result.memory
    return result


def screen(interpreter: "Interpreter", options: argparse.Namespace) -> None:
    """Say what becomes of windows, and where clicks come from."""
    from sn.graphics.screen import folder, read_clicks

    interpreter.screen.folder = folder(options.windows) if options.windows else None
    interpreter.screen.animate = options.animate
    interpreter.screen.show = options.show
    if options.clicks:
        interpreter.intern("click-script").value = read_clicks(options.clicks)


def run_script(toplevel: "Toplevel", script: Path) -> int:
    """Run a program; an error ends it with status 1."""
    interpreter = toplevel.interpreter
    if not script.is_file():
        print(f"sn: {script}: no such file", file=sys.stderr)
        return 1
    return _finish(toplevel, lambda: interpreter.load(script))


def evaluate(toplevel: "Toplevel", text: str) -> int:
    """Evaluate an expression and print the value of each of its forms."""
    interpreter = toplevel.interpreter
    from sn.printer import show
    from sn.streams import Source

    source = interpreter.sources.add(Source("-e", os.fsencode(text).decode("latin-1")))

    def each(value: object) -> None:
        interpreter.stdout.write(show(value) + "\n")

    return _finish(toplevel, lambda: interpreter.evaluate_source(source, each))


def _finish(toplevel: "Toplevel", work: object) -> int:
    from sn.errors import Leave, LispError, SnError

    interpreter = toplevel.interpreter
    try:
        interpreter.run(work)
        status = 0
    except Leave as leave:
        status = leave.status or 0
    except LispError as error:
        toplevel.failed(error)
        status = 1
    except SnError as error:
        print(f"*** {error}", file=sys.stderr)
        status = 1
    except MemoryError:
        print("*** not enough memory", file=sys.stderr)
        status = 1
    interpreter.close()
    sys.stdout.flush()
    return status or lost_pictures(interpreter)


def lost_pictures(interpreter: "Interpreter") -> int:
    """Say that a window could not be written; return the exit status."""
    if not interpreter.screen.trouble:
        return 0
    print(f"sn: {interpreter.screen.trouble}", file=sys.stderr)
    return 1


def warm(interpreter: "Interpreter") -> int:
    """Compile the kernels of all four simulators by running a small program with each."""
    for kernel in ("sn28", "sn28new", "sn28ite", "sn28itenew"):
        print(f"compiling {kernel} ...", file=sys.stderr)
        interpreter.value(f'(libload "sn28/{kernel}") (load "warm")')
    return 0


if __name__ == "__main__":
    sys.exit(main())
