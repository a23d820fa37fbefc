"""The command `demo-1993`: paper under a camera, one key press, and the number is read.

In a terminal the strips of the film slide into view, are grabbed and read; the digits appear
beneath the picture, each under its place, and the clock of then stands beside the clock of now.
Where the output is no terminal, the same is told in plain lines, without waiting. Nothing heavy
is imported before it is needed.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import printable
from pipeline.web.command import add_options as add_door
from sn.command import Parser, Usage, report, run, version
from sn.errors import SnError

if TYPE_CHECKING:
    from pipeline.film import Shot
    from pipeline.recognition import Engine
    from pipeline.records import Character, Reading
    from pipeline.terminal import Look, Wait

    Outcome = tuple[Reading, "Then"]

PROGRAM = "demo-1993"
LONGEST = 24  # symbols of --text

# The machine of then (papers.md, section 7; from the captions of the film and NC89).
MULTIPLY_ADDS = 12.5e6  # a second, the peak of a DSP32C
CAMERA_RATE = 11.0  # digits a second from camera to answer, with size normalisation
PUBLISHED = "10 to 12"

SLIDE, FRAMES = 0.9, 18  # seconds a strip takes to come in, and in how many views
FLASH = 0.06  # seconds
LOOK = 0.6  # seconds a strip lies still before --auto presses the key
DWELL = 1.8  # seconds an answer stays with --auto
RESIZED = 0.2  # seconds until a window of another size is noticed
SURE = 0.9  # posterior below which a digit is marked as doubtful
BORNE = 0.005  # wrong ones among the numbers read: a wrong number rings at a stranger's


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        prog=PROGRAM,
        description="Read handwritten numbers as in 1993: a strip of paper under a camera, one "
        "key press, and the digits appear beneath it.",
        epilog="Without --strip or --text the strips of the film are shown. Keys: q leaves, "
        "every other key goes on. Where the output is no terminal, plain lines are printed.",
    )
    made.add_argument("--strip", action="append", metavar="IMAGE", help="your own strip")
    made.add_argument(
        "--text", type=_text, metavar="NUMBER", help="have a number written, as 201-555-0142"
    )
    made.add_argument("--seed", type=_seed, metavar="N", help="whose hand writes --text")
    made.add_argument(
        "--grammar",
        metavar="NAME|REGEX",
        help="what stands on --strip: digits, phone, amount, ..., or a regular expression; "
        "groups of digits by default",
    )
    made.add_argument(
        "--net",
        choices=("net1989", "lenet1", "lenet5"),
        help="read as then: one look of one network for each digit, nothing cut; by default "
        "the check reader reads",
    )
    made.add_argument("--auto", action="store_true", help="press the key by itself")
    made.add_argument(
        "--speed",
        choices=("1993", "now"),
        default="now",
        help="pace the digits as the machine of then would (default now)",
    )
    made.add_argument("--period", action="store_true", help="a green screen")
    made.add_argument("--no-color", action="store_true", help="no colours (also NO_COLOR)")
    made.add_argument("--gif", metavar="FILE", help="write the show as an animation instead")
    made.add_argument("--png", metavar="FILE", help="write the strips and answers instead")
    made.add_argument("--html", metavar="FILE", help="write them as a page instead")
    made.add_argument(
        "--web", action="store_true", help="draw your own numbers, on a page (extra web)"
    )
    made.add_argument(
        "--camera", action="store_true", help="hold your own strip before the page's camera"
    )
    add_door(made)
    made.add_argument("--width", type=_width, metavar="N", help="columns to use, 20 to 320")
    made.add_argument("-q", "--quiet", action="store_true", help="plain readings, nothing else")
    made.add_argument("--debug", action="store_true", help="show where an error arose")
    made.add_argument("--version", action="store_true", help="print the version")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(PROGRAM, argv, _run)


def _run(arguments: list[str]) -> int:
    args = parser().parse(arguments)
    if args.version:
        print(PROGRAM, version())
        return 0
    if args.seed is not None and not args.text:
        raise Usage(f"{PROGRAM}: --seed goes with --text. See {PROGRAM} --help")
    if args.web or args.camera:
        from pipeline.web.command import serve

        start = ["digits", *["1993"] * args.period, *["slow"] * (args.speed == "1993")]
        start += ["camera"] * args.camera
        return serve(f"{PROGRAM} --web", args.host, args.port, start=",".join(start))
    from pipeline import terminal

    def fitting() -> "Look | None":
        return terminal.look(
            sys.stdout,
            os.environ,
            colour=not args.no_color,
            period=args.period,
            width=args.width,
        )

    look = None if args.quiet or args.gif or args.png or args.html else fitting()
    failures: list[int] = []
    shots = _shots(args, lambda error: failures.append(report(PROGRAM, error, args.debug)))
    if failures and not shots:
        return max(failures)
    if look is None:
        reader = _reader(shots, args.net)
        outcomes = []
        for shot in shots:
            outcomes.append(reader.read(shot))
            tell(shot, *outcomes[-1], args.quiet)
        if args.gif or args.png or args.html:
            _write(args, shots, outcomes)
        return max(failures, default=0)
    print("one moment ...", file=sys.stderr)
    canvas = terminal.Canvas(sys.stdout)
    with canvas.opened(), terminal.keyboard() as wait:
        reader = _reader(shots, args.net)
        stage = Stage(look, canvas.draw, wait, args.auto, args.speed == "1993")
        stage.fitting, stage.clear = fitting, canvas.clear
        stage.show(shots, reader.read)
    return max(failures, default=0)


def _write(
    args: argparse.Namespace, shots: "Sequence[Shot]", outcomes: "Sequence[Outcome]"
) -> None:
    """Write the show into files."""
    from pipeline import monitor

    scenes = []
    for number, (shot, (reading, then)) in enumerate(zip(shots, outcomes, strict=True), 1):
        beneath = (reading.digits or (), verdict(shot, reading), clocks(reading, then)[:-1])
        scenes.append((f"{PROGRAM}  {number}  {printable(shot.caption)}", shot, beneath))
    if args.gif:
        pace = [then.seconds if args.speed == "1993" else 0.0 for _, then in outcomes]
        monitor.write_gif(args.gif, scenes, pace, args.period)
    if args.png:
        monitor.write_png(args.png, scenes, args.period)
    if args.html:
        from pipeline.page_1993 import write_html

        write_html(args.html, scenes, args.period)


def _reader(shots: "list[Shot]", net: str | None) -> "Reader":
    """Return the reader; kernels are loaded at the first shot, not while the clock runs.

    Where there are no shots the film is drawn into them, while another process compiles.
    """
    from pipeline import film

    def drawn() -> None:
        if not shots:
            shots.extend(film.film())

    if net is None:
        from pipeline.recognition import Engine
        from pipeline.warming import warmed

        def load() -> Engine:
            drawn()
            return Engine.load()

        reader = Reader(warmed(load))
    else:
        from pipeline.period import PeriodEngine

        reader = Reader(PeriodEngine(net))
    drawn()
    reader.read(shots[0])
    return reader


def _shots(args: argparse.Namespace, failed: Callable[[Exception], None]) -> "list[Shot]":
    """Return what is to be read, nothing for the film; unreadable files are told, left out."""
    from pipeline import film

    shots: list[Shot] = []
    grammar = args.grammar or film.GROUPS
    if args.grammar:
        from pipeline.grammars import grammar as automaton

        try:
            automaton(grammar)
        except SnError as error:
            raise Usage(f"{PROGRAM}: --grammar {grammar}: {error}") from None
    for path in args.strip or ():
        try:
            shots += film.own(path, grammar)
        except SnError as error:
            failed(error)
    if args.text:
        if args.seed is None:
            import secrets

            args.seed = secrets.randbelow(10**6)
        kind = "phone" if sum(map(str.isdigit, args.text)) in (7, 10) else film.GROUPS
        shots.append(film.take(film.written(args.text, args.seed, args.grammar or kind)))
    return shots


# Reading, and what it would have cost.


@dataclass(frozen=True, slots=True)
class Then:
    """What a reading would have cost the machine of then.

    `digits` read or guessed; `looks`: images given to the network; `multiply_adds` of all of
    them, biases included, 0 where the network cannot be counted.
    """

    digits: int
    looks: int = 0
    multiply_adds: int = 0

    @property
    def camera(self) -> float:
        """Seconds from camera to answer at the published rate.

        >>> round(Then(10).camera, 2)
        0.91
        """
        return self.digits / CAMERA_RATE

    @property
    def processor(self) -> float:
        """Seconds a DSP32C needs at its peak for the multiply-adds that were counted.

        >>> Then(10, 40, 25_000_000).processor
        2.0
        """
        return self.multiply_adds / MULTIPLY_ADDS

    @property
    def seconds(self) -> float:
        """The pace: no faster than the camera's rate, no faster than the processor."""
        return max(self.camera, self.processor)


class Reader:
    """Reads shots with one engine, where its curve promises `BORNE`, and counts the work."""

    def __init__(self, engine: "Engine") -> None:
        from pipeline.counting import Counted, CountedStrips

        self.engine = engine
        self.counted = []
        if getattr(engine, "recognizer", None) is not None:
            engine.recognizer = Counted(engine.recognizer)
            self.counted.append(engine.recognizer)
        if getattr(engine, "strips", None) is not None:
            engine.strips = CountedStrips(engine.strips)
            self.counted.append(engine.strips)

    def read(self, shot: "Shot") -> "Outcome":
        """Return the reading of a shot, and what it would have cost."""
        from pipeline.reader import CheckReader

        height, width = shot.image.shape
        field = (0, 0, width, height) if shot.is_frame else "auto"
        curve = self.engine.calibration.under(shot.grammar)
        least = curve.threshold(BORNE, strict=False) if curve.curve else None
        reader = CheckReader(
            grammar=shot.grammar, field=field, engine=self.engine, min_confidence=least
        )
        before = self.spent()
        reading = reader.read(shot.image)
        digits = sum(map(str.isdigit, reading.best_guess or ""))
        looks, work = (a - b for a, b in zip(self.spent(), before, strict=True))
        return reading, Then(digits, looks, work)

    def spent(self) -> tuple[int, int]:
        """Return the looks and the multiply-adds so far."""
        return tuple(
            sum(getattr(c, of) for c in self.counted) for of in ("seen", "multiply_adds")
        )


def clocks(reading: "Reading", then: Then) -> list[str]:
    """Return the lines of the clock of then and of now, and say what each figure is."""
    number = f"{then.digits} digit{'s' * (then.digits != 1)}"
    lines = [
        f"1993  {then.camera:7.3f} s  camera to answer, {number} at {CAMERA_RATE:.0f}/s "
        f"(published: {PUBLISHED})"
    ]
    if then.multiply_adds:
        each = then.multiply_adds / then.looks / 1e6
        lines.append(
            f"      {then.processor:7.3f} s  DSP32C alone, {then.looks} x {each:.2f} M "
            "multiply-adds (counted) at 12.5 M/s"
        )
    lines.append(f"now   {reading.ms / 1000:7.3f} s  this machine, image to answer")
    return lines


def verdict(shot: "Shot", reading: "Reading") -> tuple[str, str]:
    """Return the line of the answer and its style; a wrong read is called wrong."""
    if not reading:
        return reading.to_line(), "doubt"
    answer = f"{reading.text}   confidence {reading.confidence:.3f}"
    if shot.written is not None and _bare(shot.written) != _bare(reading.text):
        return f"{answer}   WRONG: {shot.written} was written", "bad"
    return answer, "good"


def _bare(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def tell(shot: "Shot", reading: "Reading", then: Then, quiet: bool) -> None:
    """Print a reading as plain lines."""
    if quiet:
        print(reading.to_line())
        return
    print(f"{printable(shot.caption)}: {verdict(shot, reading)[0]}")
    print("\n".join(f"  {line}" for line in clocks(reading, then)))


# The show.


@dataclass(slots=True)
class Stage:
    """The screen: the camera's picture, the digits beneath, the clocks and the prompt.

    `draw` puts lines where the lines before stand; `wait` waits for a key (see
    `terminal.keyboard`), None where there is no keyboard: then the show goes on by itself, as
    with `auto`. `paced` gives the digits out at the pace of then. `fitting` says what the
    terminal can show by now, and `clear` wipes one whose size has changed.
    """

    look: "Look"
    draw: Callable[[Sequence[str]], None]
    wait: "Wait | None" = None
    auto: bool = False
    paced: bool = False
    fitting: "Callable[[], Look | None]" = lambda: None
    clear: Callable[[], None] = lambda: None
    heading: str = ""
    view: object = None
    picture: Sequence[str] = ()
    columns: int = 0

    def show(self, shots: "Iterable[Shot]", read: "Callable[[Shot], Outcome]") -> None:
        """Show one shot after the other until they, or the patience of the user, end."""
        from pipeline import film

        before = None
        for number, shot in enumerate(shots, 1):
            self.heading = f"{number}  {printable(shot.caption)}"
            start = time.monotonic()
            for step, view in enumerate(film.passing(before, shot.frame, FRAMES), 1):
                self.see(view)
                self.paint("camera")
                if self.until(start + step * SLIDE / FRAMES) == "q":
                    return
            before = shot.frame
            if self.key("camera", list, "any key: read it   q: leave", LOOK) == "q":
                return
            self.see(255 - shot.frame)  # the flash of the grab
            self.paint("grabbed")
            self.until(time.monotonic() + FLASH)
            self.see(shot.frame)
            beneath = self.answer(shot, *read(shot))
            if beneath is None:
                return
            if self.key("grabbed", beneath, "any key: go on   q: leave", DWELL) == "q":
                return

    def answer(
        self, shot: "Shot", reading: "Reading", then: Then
    ) -> Callable[[], list[str]] | None:
        """Give out the digits; return what makes the lines beneath them, None to leave."""
        found = reading.digits or ()
        if self.paced:
            start, steps = time.monotonic(), max(len(found), 1)
            for step in range(1, steps + 1):
                spent = then.seconds * step / steps
                if self.until(start + spent) == "q":
                    return None
                clock = self.look.text(f"1993  {spent:7.3f} s", "dim")
                self.paint("grabbed", [*self.echo(shot, found[:step]), "", clock])
        return partial(self.beneath, shot, reading, then)

    def beneath(self, shot: "Shot", reading: "Reading", then: Then) -> list[str]:
        """Return the lines beneath the picture: the digits, the answer and the clocks."""
        lines = self.echo(shot, reading.digits or ())
        lines += self.look.wrapped(*verdict(shot, reading))
        for line in clocks(reading, then):
            lines += self.look.wrapped(line, "dim")
        return lines

    def echo(self, shot: "Shot", found: "Sequence[Character]") -> list[str]:
        """Return the lines of the digits, each under its place; doubtful ones are marked."""
        placed = [
            (c.char, shot.column(c.box), "good" if c.p >= SURE else "doubt") for c in found
        ]
        return self.look.beneath(placed, self.columns)

    def see(self, view: object) -> None:
        """Turn a view (uint8 `film.FRAME`) into the picture."""
        self.view = view
        rows = max(2, min(round(self.look.columns / 10), self.look.rows - 11))
        self.columns = min(self.look.columns, 11 * rows)
        self.picture = self.look.picture(view, rows, self.columns)

    def paint(self, state: str, beneath: Sequence[str] = (), prompt: str = "") -> None:
        """Draw the whole screen; what does not fit beneath the picture is left out."""
        self.resized()
        top = [*self.look.wrapped(f"{PROGRAM}  {self.heading}  [{state}]", "title")]
        top += self.picture
        room = max(0, self.look.rows - len(top) - 2)
        bottom = ["", *self.look.wrapped(prompt, "dim")] if prompt else []
        self.draw([*top, *beneath[:room], *bottom])

    def key(
        self, state: str, beneath: Callable[[], Sequence[str]], prompt: str, seconds: float
    ) -> str:
        """Wait for a key, or only some seconds when the show goes on by itself."""
        self.resized()  # what is beneath is fitted, too
        if self.auto or self.wait is None:
            self.paint(state, beneath())
            return self.until(time.monotonic() + seconds)
        while True:
            self.paint(state, beneath(), prompt)
            while not self.resized():
                if key := self.wait(RESIZED):
                    return leaving(key)

    def resized(self) -> bool:
        """Tell whether the terminal has another size by now, and fit the picture into it."""
        now = self.fitting()
        if now is None or now == self.look:
            return False
        self.look = now
        self.see(self.view)
        self.clear()
        return True

    def until(self, due: float) -> str:
        """Wait until a moment of `time.monotonic`; return "q" at once when told to leave."""
        while (left := due - time.monotonic()) > 0:
            if self.wait is None:
                time.sleep(left)
            elif leaving(self.wait(left)) == "q":
                return "q"
        return ""


def leaving(key: str) -> str:
    """Return "q" for the keys that leave: q, Escape, Control-C and -D; else the key."""
    return "q" if key in ("q", "Q", "\033", "\003", "\004") else key


# Values of options.


def _text(text: str) -> str:
    if not re.fullmatch(r"[0-9()./ -]+", text) or not _bare(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number: digits and - . / ( ) only")
    if len(text) > LONGEST:
        raise argparse.ArgumentTypeError(
            f"{len(text)} symbols do not fit on a strip of {LONGEST}"
        )
    return text


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)


def _width(text: str) -> int:
    if not text.isdecimal() or not 20 <= int(text) <= 320:
        raise argparse.ArgumentTypeError(f"{text} is not a number of columns from 20 to 320")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
