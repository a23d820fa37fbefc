"""Windows that react: events, timers, and what tool kits need besides to draw themselves.

The original got events from X11. Here they come from programs (`sendevent`), from timers, and
from the clicks of `sn --clicks FILE`, each of which is a mouse-down and a mouse-up for the
handler of the window opened last. A program that waits for more gets an error.

The family is installed when a program loads ``libstd/graphenv`` (``(window-events)``), as the
original's tool kit does: before, programs find that there is no X11, and draw themselves.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sn.cells import from_items, items
from sn.errors import LispError
from sn.graphics.window import Window
from sn.primitives.arguments import integer, number, numbers, string
from sn.primitives.graphics import current, get_click
from sn.primitives.objects import apply_send, check_send, class_of
from sn.primitives.registry import primitive
from sn.symbols import T

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

DEPTH = 24.0  # bits of a colour
MOST_EVENTS = 10_000  # handled in one go: handlers may send events


@dataclass
class Timer:
    """Sends an event to a handler when the program lets events happen."""

    handler: Any
    again: bool
    sn_class = "gptr"

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return "::gptr:timer"


@dataclass
class Events:
    """What happened and was not handled yet."""

    waiting: deque[tuple[Any, Any]] = field(default_factory=deque)
    timers: list[Timer] = field(default_factory=list)
    handlers: list[tuple[Window, Any]] = field(default_factory=list)

    def ring(self, interpreter: "Interpreter") -> None:
        """Let the timers send their events."""
        timers, self.timers = self.timers, [t for t in self.timers if t.again]
        for timer in timers:
            event = from_items([interpreter.intern("timer"), timer])
            self.waiting.append((timer.handler, event))


def events(interpreter: "Interpreter") -> Events:
    """Return the events of an interpreter."""
    if not hasattr(interpreter, "window_events"):
        interpreter.window_events = Events()
    return interpreter.window_events


@primitive("x11-window", interpreter=True)
def x11_window(
    interpreter: "Interpreter", x: Any, y: Any, width: float, height: float, name: Any = None
) -> Window:
    """Open a window at a place, of a size, with a title."""
    title = "Graphics" if name is None else string(name)
    made = interpreter.screen.window(integer(width), integer(height), title)
    interpreter.intern("window").value = made
    return made


@primitive("x11-configure", interpreter=True)
def x11_configure(interpreter: "Interpreter", *arguments: Any) -> Any:
    """Change the size of the window: ([raise x y] width height); return what it is."""
    window = current(interpreter)
    if len(arguments) >= 2 and arguments[-2] is not None and arguments[-1] is not None:
        interpreter.screen.check(integer(arguments[-2]), integer(arguments[-1]))
        window.resize(integer(arguments[-2]), integer(arguments[-1]))
    size = [0.0, 0.0, float(window.width), float(window.height)]
    return from_items([T, *size, window.name])


@primitive("x11-depth")
def x11_depth() -> float:
    """Return the bits of a colour."""
    return DEPTH


@primitive("gdriver")
def gdriver() -> str:
    """Return the name of what windows are drawn with."""
    return "Pillow"


@primitive("addclip", interpreter=True)
def addclip(interpreter: "Interpreter", rectangle: Any) -> Any:
    """Restrict drawing to a rectangle as well; () when nothing is left."""
    window = current(interpreter)
    x, y, width, height = map(int, numbers(rectangle))
    left, top, wide, high = window.clip or (0, 0, window.width, window.height)
    right, bottom = min(x + width, left + wide), min(y + height, top + high)
    left, top = max(x, left), max(y, top)
    if left >= right or top >= bottom:
        return None
    window.set_clip((left, top, right - left, bottom - top))
    return rectangle


@primitive("rect-text", interpreter=True)
def rect_text(interpreter: "Interpreter", x: float, y: float, text: str) -> Any:
    """Return the rectangle that a text written at a place takes, () for an empty one."""
    left, top, width, height = current(interpreter).driver.extent(string(text))
    if not width:
        return None
    place = integer(x) + left, integer(y) + top, width, height
    return from_items([float(v) for v in place])


@primitive("text-width", interpreter=True)
def text_width(interpreter: "Interpreter", text: str) -> float:
    """Return the width of a text in pixels, as the window draws it."""
    return float(current(interpreter).driver.extent(string(text))[2])


@primitive("text-height", interpreter=True)
def text_height(interpreter: "Interpreter", text: str) -> float:
    """Return the height of a text in pixels, as the window draws it."""
    return float(current(interpreter).driver.extent(string(text))[3])


@primitive("colorp")
def colorp() -> Any:
    """Tell that windows have colours."""
    return T


# ---- events


@primitive("set-event-handler", interpreter=True)
def set_event_handler(interpreter: "Interpreter", window: Any, handler: Any) -> Any:
    """Name the object that gets the events of a window; return the one before."""
    if not isinstance(window, Window):
        raise LispError("not a window", window)
    known = events(interpreter).handlers
    before = next((h for w, h in known if w is window), None)
    known[:] = [(w, h) for w, h in known if w is not window]
    if handler is not None:
        known.append((window, handler))
    return before


@primitive("sendevent", interpreter=True)
def sendevent(interpreter: "Interpreter", handler: Any, event: Any) -> None:
    """Let an event (type x y ...) wait for an object."""
    if handler is not None and event is not None:
        events(interpreter).waiting.append((handler, event))


@primitive("create-timer", interpreter=True)
def create_timer(
    interpreter: "Interpreter", handler: Any, delay: float, interval: Any = None
) -> Timer:
    """Send a handler an event (timer) soon: delays are over when the program waits."""
    number(delay)
    again = interval is not None and number(interval) > 0
    made = Timer(handler, again)
    events(interpreter).timers.append(made)
    return made


@primitive("kill-timer", interpreter=True)
def kill_timer(interpreter: "Interpreter", timer: Any) -> None:
    """Stop a timer."""
    known = events(interpreter)
    known.timers = [t for t in known.timers if t is not timer]


def _handler(interpreter: "Interpreter", handler: tuple[Any, ...]) -> Any:
    if handler:
        return handler[0]
    window = interpreter.intern("window").value
    return next((h for w, h in events(interpreter).handlers if w is window), None)


def _find(interpreter: "Interpreter", handler: Any, remove: bool) -> Any:
    waiting = events(interpreter).waiting
    if handler is None:
        return waiting[0][0] if waiting else None
    for place, (owner, event) in enumerate(waiting):
        if owner is handler:
            if remove:
                del waiting[place]
            return event
    return None


@primitive("checkevent", interpreter=True)
def checkevent(interpreter: "Interpreter", *handler: Any) -> Any:
    """Take the next event of an object, of the window's when left out; with () tell whose."""
    return _find(interpreter, _handler(interpreter, handler), remove=True)


@primitive("testevent", interpreter=True)
def testevent(interpreter: "Interpreter", *handler: Any) -> Any:
    """Return the next event of an object and leave it."""
    return _find(interpreter, _handler(interpreter, handler), remove=False)


@primitive("waitevent", interpreter=True)
def waitevent(interpreter: "Interpreter") -> Any:
    """Wait for an event; return the object it is for."""
    known = events(interpreter)
    if not known.waiting:
        known.ring(interpreter)
    if not known.waiting:
        click(interpreter)
    return known.waiting[0][0]


def click(interpreter: "Interpreter") -> None:
    """Turn the next click of the script into events of the window opened last."""
    known = events(interpreter)
    if not known.handlers:
        raise LispError("no window waits for events")
    place = items(get_click(interpreter))
    handler = known.handlers[-1][1]
    known.waiting.append((handler, from_items([interpreter.intern("mouse-down"), *place])))
    up = from_items([interpreter.intern("mouse-up"), *place, *place])
    known.waiting.append((handler, up))


@primitive("eventinfo")
def eventinfo() -> Any:
    """Return what is known of the last event: its name, shift, control."""
    return from_items(["n/a", None, None])


@primitive("process-pending-events", "check-menu", interpreter=True)
def process_pending_events(interpreter: "Interpreter") -> None:
    """Send the events that wait to their objects' method `handle`."""
    known = events(interpreter)
    handle = interpreter.intern("handle")
    for _ in range(MOST_EVENTS):
        if not known.waiting:
            known.ring(interpreter)
            if not known.waiting:
                return
        handler, event = known.waiting.popleft()
        kind = class_of(interpreter, handler)
        if kind is not None and check_send(kind, handle) is not None:
            apply_send(interpreter, handler, handle, from_items([event]))
    raise LispError("events without end")
