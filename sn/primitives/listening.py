"""Looking on while a program runs: steps, pauses, breaks, and where an error was."""

from typing import TYPE_CHECKING, Any

from sn.cells import items
from sn.primitives.arguments import integer, number, string
from sn.primitives.registry import primitive, special
from sn.primitives.strings import format_text
from sn.symbols import T
from sn.tracing import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from sn.interpreter import Interpreter


@special("debug", "trace", pattern="Q")
def debug(interpreter: "Interpreter", forms: Any) -> Any:
    """Evaluate a body, showing every evaluation in it and its value (see trace-hook)."""
    value = None
    for form in items(forms):
        value = interpreter.tracer.watch(form)
    return value


@special("nodebug", pattern="b")
def nodebug(interpreter: "Interpreter", body: "Callable[[], Any]") -> Any:
    """Evaluate a body without showing its steps, even inside debug."""
    return interpreter.tracer.quietly(body)


@primitive("trace-hook", interpreter=True)
def trace_hook(
    interpreter: "Interpreter", level: float, line: str, form: Any, info: Any
) -> Any:
    """Show a step of debug: called before (level > 0) and after (level < 0) an evaluation.

    A function of the program's own may take its place. It gets the depth, the first line of
    the form or of its value, the form, and the calls around it or the value. Returning () it
    is not told of the steps inside.
    """
    depth = integer(level)
    interpreter.tell("-" * abs(depth) + "<>"[depth >= 0] + " " + string(line))
    return T


@special("discard", pattern="b")
def discard(interpreter: "Interpreter", body: "Callable[[], Any]") -> Any:
    """Evaluate a body whose value the listener shows on one line only."""
    value = body()
    interpreter.brief = True
    return value


@primitive("where", interpreter=True)
def where(interpreter: "Interpreter", count: Any = 0.0) -> None:
    """Print the calls that led to the last error, or so many of them."""
    error = interpreter.last_error
    frames = [] if error is None else [f for f in error.frames if hasattr(f, "form")]
    most = integer(count) - 1 if integer(count) > 0 else len(frames)
    for place, frame in enumerate(frames[:most]):
        word = "from:" if place else "in:  "
        interpreter.output.write(f"** {word} {first_line(frame.form)}\n")


@primitive("pause", interpreter=True)
def pause(interpreter: "Interpreter", template: str = "Paused", *values: Any) -> None:
    """Print a text as printf does, and listen until Control-D: variables can be looked at."""
    text = "".join(format_text(interpreter, string(template), values))
    interpreter.tell(f"\n*** {text}")
    if interpreter.listener is not None:
        interpreter.listener("[Pause]")


@primitive("sleep", interpreter=True)
def sleep(interpreter: "Interpreter", seconds: float) -> Any:
    """Wait, so that somebody may look at the windows."""
    import time

    interpreter.screen.look()
    end = time.monotonic() + max(number(seconds), 0.0)
    while (remaining := end - time.monotonic()) > 0:
        time.sleep(min(remaining, 0.1))  # Control-C and limits are heard in between
    return T
