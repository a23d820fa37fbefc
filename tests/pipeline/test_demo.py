"""The 1993 demo: strips, pictures made of characters, the show and its clocks."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pipeline import demo_1993, film, monitor, period, terminal
from pipeline.confidence import Calibration
from pipeline.counting import Counted, CountedStrips, replicated
from pipeline.demo_1993 import CAMERA_RATE, MULTIPLY_ADDS, Reader, Stage, Then, main
from pipeline.recognition import Engine
from pipeline.records import Character
from pipeline.sdnn import SIZES
from pipeline.terminal import Canvas, Look, bilevel, cells, fitted, glyphs
from sn.matrix import Matrix

ESCAPES = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


def bare(line):
    return ESCAPES.sub("", line)


class Scribe:
    """Reads whatever was announced; its network looks at four images for each character."""

    name, mode, sha256, calibration = "scribe", "hos", "0" * 64, Calibration()

    def __init__(self, fake, texts, confidence=0.98, reason=None):
        self.recognizer = SimpleNamespace(
            fprop=lambda images: np.zeros((len(images), 22)),
            sizes={"hidden": (10, 600), "output": (10, 400)},
        )
        self.fake, self.texts = fake, texts
        self.confidence, self.reason = confidence, reason

    def decode(self, image, grammar, dpi=None):
        text = self.texts[0]
        width = image.shape[1] / len(text)
        self.recognizer.fprop(np.zeros((4 * len(text), 32, 32), np.float32))
        found = tuple(
            Character(c, 0.99, (round(k * width), 20, round(width), 60))
            for k, c in enumerate(text)
        )
        return self.fake.Decoded(
            ((text, self.confidence),), found, self.confidence, 0.0, self.reason, "", {}
        )


@pytest.fixture
def scribe(fake, monkeypatch):
    """Let the command find a reader that knows what the first strip says."""
    engine = Scribe(fake, [film.FILM[0].text])
    module = SimpleNamespace(Engine=SimpleNamespace(load=lambda: Scribe(fake, engine.texts)))
    monkeypatch.setitem(sys.modules, "pipeline.recognition", module)
    monkeypatch.setattr("pipeline.fields.locate", lambda pixels: [fake.Field((0, 0, 40, 20))])
    return engine


# The strips.


def test_the_film_begins_with_its_number_and_goes_on_with_fictional_ones():
    assert film.FILM[0].text == "201-949-4038"
    phones = [strip.text for strip in film.FILM[1:] if strip.grammar == "phone"]
    assert phones
    assert all(re.fullmatch(r"201-555-01\d\d", phone) for phone in phones)


def test_the_same_frames_every_time_and_all_of_the_writing_in_them():
    for strip in film.FILM:
        shot = film.take(strip)
        assert shot.frame.dtype == np.uint8
        assert shot.frame.shape == film.FRAME
        assert np.array_equal(shot.frame, film.take(strip).frame)
        dark = shot.frame < 0.7 * np.median(shot.frame)
        rows, columns = np.nonzero(dark)
        assert dark.sum() > 300
        assert rows.min() > 0
        assert rows.max() < film.FRAME[0] - 1
        assert columns.min() > 0
        assert columns.max() < film.FRAME[1] - 1


def test_the_strips_are_of_several_sizes():
    dark = [film.take(s).frame < 100 for s in film.FILM if s.caption in ("large", "small")]
    large, small = (int(np.ptp(np.nonzero(d.any(axis=1))[0])) for d in dark)
    assert large > 2 * small > 40


@pytest.mark.parametrize("text", ["7", "201-555-0142", "1234567890-1234567890-12"])
def test_any_number_fits_on_a_strip(text):
    shot = film.take(film.written(text, 5, "digits"))
    assert shot.written == text
    dark = shot.frame < 0.6 * np.median(shot.frame)
    assert dark.sum() > 100
    assert not dark[:, :2].any()
    assert not dark[:, -2:].any()
    assert not dark[:2].any()
    assert not dark[-2:].any()


def test_another_seed_is_another_hand():
    one, two = (film.take(film.written("60617", seed, "digits")).frame for seed in (1, 2))
    assert not np.array_equal(one, two)


def test_a_passing_strip_ends_where_it_is_grabbed():
    frame = film.take(film.FILM[0]).frame
    views = list(film.passing(None, frame, 5))
    assert len(views) == 5
    assert all(view.shape == film.FRAME for view in views)
    assert np.array_equal(views[-1], frame)
    assert views[0][:, :300].max() == film.DESK  # the desk is still bare


def test_an_image_of_ones_own_is_seen_whole_and_its_boxes_where_they_are(files, tmp_path):
    (tmp_path / "own.png").write_bytes(files.png(np.full((100, 200), 230, np.uint8)))
    (shot,) = film.own(str(tmp_path / "own.png"))
    paper = np.nonzero((shot.frame > 200).all(axis=0))[0]
    assert shot.image.shape == (100, 200)
    assert not shot.is_frame
    for x in (0, 100, 200):
        seen = paper[0] + x / 200 * (np.ptp(paper) + 1)
        assert shot.column((x, 0, 0, 10)) * film.FRAME[1] == pytest.approx(seen, abs=1)


# Pictures made of characters.


@pytest.mark.parametrize("utf8", [True, False])
def test_every_character_is_the_picture_of_itself(utf8):
    signs, shapes = glyphs(utf8)
    assert len(set(signs)) == len(signs) == len(shapes)
    assert len(np.unique(shapes, axis=0)) == len(shapes)
    columns = 255 - 255 * shapes.reshape(-1, 8, 4).swapaxes(0, 1).reshape(8, -1)
    # Paper around it, or a full block would be taken for the paper.
    picture = np.concatenate([np.full((24, columns.shape[1]), 255), columns]).astype(np.uint8)
    parts = cells(picture, 4, len(signs))
    assert "".join(signs[k] for k in bilevel(parts, utf8)[3]) == signs


def test_a_cell_gets_the_shape_and_levels_of_least_squared_error():
    rng = np.random.default_rng(7)
    parts = rng.random((3, 4, 32), dtype=np.float32)
    best, fg, bg = fitted(parts)
    shapes = glyphs(True)[1].astype(bool)
    for r, c in np.ndindex(3, 4):
        errors = []
        for shape in shapes:
            inside, outside = parts[r, c][shape], parts[r, c][~shape]
            errors.append(sum(((p - p.mean()) ** 2).sum() for p in (inside, outside) if p.size))
        assert errors[best[r, c]] == pytest.approx(min(errors), rel=1e-4)
        shape = shapes[best[r, c]]
        assert fg[r, c] == pytest.approx(parts[r, c][shape].mean(), abs=1e-5)
        assert bg[r, c] == pytest.approx(parts[r, c][~shape].mean(), abs=1e-5)


@pytest.mark.parametrize("colours", [0, 16, 256, 1 << 24])
@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("period", [True, False])
def test_pictures_have_their_size_and_no_more_codes_than_allowed(colours, utf8, period):
    look = Look(50, 24, colours, utf8, period)
    lines = look.picture(film.take(film.FILM[0]).frame, 5, 50)
    assert [len(bare(line)) for line in lines] == [50] * 5
    text = "".join(lines)
    assert utf8 or text.isascii()
    if not colours or not utf8:
        assert "\033" not in text
        return
    assert all(line.endswith("\033[m") for line in lines)
    codes = [int(n) for n in re.findall(r"[\[;](\d+)(?=[;m])", text)]
    assert codes
    if colours == 16:
        assert set(codes) <= {*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)}
    else:
        assert ";2;" in text if colours > 256 else ";5;" in text


def test_a_green_screen_is_green():
    frame = film.take(film.FILM[0]).frame
    text = "".join(Look(40, 24, 1 << 24, True, True).picture(frame, 4, 40))
    lights = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", text)
    assert max(int(g) for _, g, _ in lights) > 150
    assert all(int(g) >= int(r) and int(g) >= int(b) for r, g, b in lights)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, 1 << 24),
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm"}, 16),
        ({"TERM": "xterm", "NO_COLOR": ""}, 16),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, 0),
    ],
)
def test_colours_are_those_of_the_terminal(environment, colours, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    assert terminal.look(Terminal(), environment).colours == colours
    assert terminal.look(Terminal(), environment, colour=False).colours == 0


def test_what_is_no_terminal_to_draw_on_is_told(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    assert terminal.look(io.StringIO(), {"TERM": "xterm"}) is None
    assert terminal.look(Terminal(), {"TERM": "dumb"}) is None
    assert terminal.look(Terminal(), {"TERM": "xterm"}, width=40).columns == 40
    plain = Terminal()
    plain.encoding = "ascii"
    assert not terminal.look(plain, {"TERM": "xterm"}).utf8
    monkeypatch.setenv("COLUMNS", "15")
    assert terminal.look(Terminal(), {"TERM": "xterm"}) is None


class Glass:
    """A terminal that understands what the canvas sends: lines, up, clear."""

    def __init__(self):
        self.lines, self.row = [""], 0

    def write(self, text):
        for code, n, what, char in re.findall(r"(\033\[([0-9?;]*)([A-Za-z]))|([^\033])", text):
            if what == "A":
                self.row -= int(n)
                assert self.row >= 0
            elif what == "J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = ""
            elif code or char == "\r":
                if char:
                    self.lines[self.row] = ""
            elif char == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            else:
                self.lines[self.row] += char

    def flush(self):
        pass


def test_a_canvas_is_drawn_in_place():
    glass = Glass()
    glass.write("before\n")
    canvas = Canvas(glass)
    canvas.draw(["one", "two", "three"])
    canvas.draw(["four", "five"])
    assert glass.lines == ["before", "four", "five", ""]
    canvas.draw(["six", "seven", "eight", "nine"])
    assert glass.lines == ["before", "six", "seven", "eight", "nine", ""]


def test_digits_stand_under_their_places():
    look = Look(60, 24, 0)
    (line,) = look.beneath([("4", 0.1, ""), ("2", 0.14, ""), ("7", 0.9, "")], 50)
    assert [line.index(c) for c in "427"] == [5, 7, 45]
    (crowded,) = look.beneath([("1", 0.5, ""), ("2", 0.5, ""), ("3", 0.51, "")], 50)
    assert crowded.strip() == "123"
    large = look.beneath([("4", 0.1, ""), ("7", 0.9, "")], 50)
    assert len(large) == 3
    assert [line[4:7] for line in large] == ["█ █", "▀▀█", "  ▀"]
    assert large[0][44:47] == "▀▀█"
    (alone,) = Look(60, 24, 0, utf8=False).beneath([("4", 0.1, ""), ("7", 0.9, "")], 50)
    assert alone.split() == ["4", "7"]


# The clocks.


def test_the_pace_of_then_is_the_slower_of_the_published_and_the_counted_rate():
    light = Then(10, 10, 10 * 64_660)  # the net of 1989, one look for each digit
    assert light.processor == pytest.approx(10 * 64_660 / 12.5e6)
    assert light.seconds == light.camera == pytest.approx(10 / 11)
    heavy = Then(10, 40, 40 * 700_000)
    assert heavy.seconds == heavy.processor == pytest.approx(2.24)
    assert 10 <= CAMERA_RATE <= 12


def test_looks_and_multiply_adds_are_counted(fake):
    reader = Reader(Scribe(fake, ["60617"]))
    for _ in range(2):  # counted anew each time
        reading, then = reader.read(film.take(film.FILM[2]))
        assert reading.text == "60617"
        assert (then.digits, then.looks, then.multiply_adds) == (5, 20, 20 * 1000)
    assert Counted(None).connections == 0


def test_clocks_say_which_figure_is_which(fake):
    reading, _ = Reader(Scribe(fake, ["60617"])).read(film.take(film.FILM[2]))
    published, counted, now = demo_1993.clocks(reading, Then(5, 20, 12_500_000))
    assert published.split()[:2] == ["1993", "0.455"]
    assert "published: 10 to 12" in published
    assert counted.split()[0] == "1.000"
    assert "counted" in counted
    assert now.startswith("now")
    assert len(demo_1993.clocks(reading, Then(5))) == 2


# The show.


class Time:
    """A clock that only waiting moves, and a keyboard with keys pressed beforehand."""

    def __init__(self, keys=""):
        self.now, self.keys = 100.0, list(keys)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def wait(self, seconds):
        self.now += seconds
        return self.keys.pop(0) if seconds == demo_1993.RESIZED else ""


@pytest.fixture
def staged(fake, monkeypatch):
    """Return a function that plays shots on a stage; it returns (moment, lines) drawn."""

    def play(keys="", texts=("60617",), shots=None, auto=False, paced=False, sizes=(), **how):
        moment = Time(keys)
        monkeypatch.setattr(demo_1993, "time", moment)
        drawn = []
        engine = Scribe(fake, list(texts), **how)

        def draw(lines):
            drawn.append((moment.now, [bare(line) for line in lines]))

        stage = Stage(Look(79, 24, 256), draw, None if auto else moment.wait, auto, paced)
        stage.fitting = lambda: Look(*sizes.pop(0), 256) if sizes else None
        stage.clear = lambda: drawn.append((moment.now, ["cleared"]))
        reader = Reader(engine)

        def read(shot):
            outcome = reader.read(shot)
            engine.texts.pop(0)
            return outcome

        stage.show(shots or [film.take(film.FILM[2])], read)
        return drawn

    return play


def test_nothing_is_read_before_a_key_is_pressed(staged):
    drawn = staged("q", texts=())
    assert "any key: read it" in drawn[-1][1][-1]
    assert not any("confidence" in line for _, lines in drawn for line in lines)


def test_a_window_that_becomes_narrow_is_drawn_anew(staged):
    shots = [film.take(film.FILM[2])]
    before = max(len(line) for line in staged(" q", shots=shots)[-1][1])
    assert before > 50
    views = demo_1993.FRAMES + 9  # the strip comes in, is read, and waits for a key
    keys = ["", " ", *[""] * 9, "q"]
    drawn = staged(keys, shots=shots, sizes=[(79, 24)] * views + [(50, 20)])
    assert [lines for _, lines in drawn].count(["cleared"]) == 1
    last = drawn[-1][1]
    assert drawn[-2][1] == ["cleared"]
    assert max(map(len, last)) <= 50
    assert len(last) <= 20
    assert any("60617" in line for line in last)
    assert "any key" in last[-1]


def test_a_key_reads_the_strip_and_another_one_brings_the_next(staged):
    shots = [film.take(strip) for strip in film.FILM[2:4]]
    drawn = staged("  q", ["60617"], shots)
    last = drawn[-1][1]
    assert last[0].startswith("demo-1993  2  small")
    assert "[camera]" in last[0]
    (answer,) = {line for _, lines in drawn for line in lines if "confidence" in line}
    assert answer == "60617   confidence 0.980"
    assert all(len(line) <= 79 for _, lines in drawn for line in lines)
    assert all(len(lines) < 24 for _, lines in drawn)


def test_auto_presses_the_keys_and_ends_with_the_film(staged):
    shots = [film.take(strip) for strip in film.FILM[2:4]]
    drawn = staged("", ["60617", "4019385"], shots, auto=True)
    text = "\n".join(drawn[-1][1])
    assert "4019385   confidence" in text
    assert "any key" not in text
    assert drawn[-1][0] - drawn[0][0] < 10


def test_digits_come_out_at_the_pace_of_then(staged, monkeypatch):
    for rate in (MULTIPLY_ADDS, 2e4):  # the camera limits, then the processor
        monkeypatch.setattr(demo_1993, "MULTIPLY_ADDS", rate)
        drawn = staged("", ["60617"], auto=True, paced=True)
        spent = [now for now, lines in drawn if any(re.match("1993 ", s) for s in lines)]
        seconds = Then(5, 20, 20_000).seconds
        assert len(spent) == 6  # five digits and the answer
        steps = np.diff(spent[:5])
        assert steps == pytest.approx(np.full(4, seconds / 5), rel=0.05)
    assert seconds == 1.0


def test_without_pacing_the_answer_is_there_at_once(staged):
    drawn = staged("", ["60617"], auto=True)
    grabbed = [now for now, lines in drawn if "[grabbed]" in lines[0]]
    assert grabbed[-1] - grabbed[0] < 0.1


def test_a_wrong_read_is_called_wrong(staged):
    text = "\n".join(staged("", ["60611"], auto=True)[-1][1])
    assert "WRONG: 60617 was written" in text


@pytest.mark.parametrize("how", [{"confidence": 0.4}, {"reason": "unexplained_ink"}])
def test_a_reject_shows_its_reason_and_no_digits(staged, how):
    lines = staged("", ["60617"], auto=True, **how)[-1][1]
    beneath = lines[9:]
    assert beneath[0] == ""
    assert beneath[1].startswith("REJECT  best guess 60617")
    assert ("ink" in beneath[1]) == ("reason" in how)


# The command.


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.demo_1993 import main; rc = main(['--help']);"
        "print(rc, {'numpy', 'numba', 'cv2', 'hy', 'PIL', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("0 set()\n")
    assert "--speed {1993,now}" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--text", "hello"],
        ["--text", "1" * 25],
        ["--width", "3"],
        ["--seed", "1"],
        ["--sped", "now"],
        ["--speed", "1994"],
        ["--grammar", "[", "--strip", "x"],
    ],
)
def test_usage_errors_are_one_line(arguments, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"demo-1993: .+\n", told.err)


def test_without_a_terminal_there_are_plain_lines_and_no_waiting(scribe, capsys, monkeypatch):
    monkeypatch.setattr(demo_1993.time, "sleep", None)
    monkeypatch.setattr(film, "FILM", film.FILM[:2])
    assert main(["--speed", "1993"]) == 0
    told = capsys.readouterr().out
    assert "\033" not in told
    assert told.isascii()
    lines = told.splitlines()
    assert lines[0] == "the number of the film: 201-949-4038   confidence 0.980"
    assert lines[1].split()[:2] == ["1993", "0.909"]
    assert "WRONG: 201-555-0142 was written" in lines[4]


def test_quiet_gives_readings_only(scribe, capsys, monkeypatch):
    monkeypatch.setattr(film, "FILM", film.FILM[:1])
    assert main(["-q"]) == 0
    told = capsys.readouterr()
    assert re.fullmatch(r"201-949-4038 +confidence 0\.980 +\d+ ms\n", told.out)
    assert told.err == ""


def test_a_number_is_written_by_a_hand_of_its_own(scribe, capsys):
    scribe.texts[0] = "201-555-0199"
    assert main(["--text", "201-555-0199", "--seed", "4"]) == 0
    assert capsys.readouterr().out.startswith("hand 4: 201-555-0199   confidence")


def test_a_bad_file_is_one_line_and_the_others_are_read(scribe, files, tmp_path, capsys):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(files.png())
    bad.write_bytes(b"hello")
    assert main(["--strip", str(bad), "--strip", str(good)]) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"demo-1993: {bad}: not an image we read")
    assert told.err.count("\n") == 1
    assert told.out.startswith(f"{good}: 201-949-4038")
    assert main(["--strip", str(tmp_path / "none.png")]) == 1


# The show as a file.


def test_the_show_is_written_as_an_animation_at_the_pace_of_then(
    scribe, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(film, "FILM", film.FILM[:1])
    names = [str(tmp_path / name) for name in ("a.gif", "b.gif", "now.gif")]
    for name in names:
        speed = "now" if "now" in name else "1993"
        assert main(["--gif", name, "--speed", speed, "-q"]) == 0
    one, two = (Path(name).read_bytes() for name in names[:2])
    assert one == two
    assert len(one) < 450_000  # the whole film stays below 5 MB
    paced, quick = (played(name) for name in (names[0], names[2]))
    assert paced - quick == pytest.approx(1000 * 10 / CAMERA_RATE, rel=0.05)


def played(name):
    with Image.open(name) as image:
        return sum(frame.info["duration"] for frame in ImageSequence.Iterator(image))


@pytest.mark.parametrize("period", [False, True])
def test_the_answers_are_written_as_a_picture(scribe, tmp_path, capsys, monkeypatch, period):
    monkeypatch.setattr(film, "FILM", film.FILM[:2])
    name = tmp_path / "film.png"
    assert main(["--png", str(name), "--period"][: 3 if period else 2]) == 0
    with Image.open(name) as image:
        assert image.size == (monitor.SIZE[0], 2 * monitor.SIZE[1])
        pixels = np.asarray(image.convert("RGB")).astype(int)
    r, g, b = np.moveaxis(pixels, 2, 0)
    assert (g > 200).any()
    assert ((g >= r) & (g >= b)).all() == period
    shown = pixels[monitor.TOP :, monitor.LEFT :][: film.FRAME[0], : film.FRAME[1], 1]
    frame = film.take(film.FILM[0]).frame
    assert np.corrcoef(shown.ravel(), frame.ravel())[0, 1] > 0.98


def test_a_file_that_cannot_be_written_is_one_line(scribe, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(film, "FILM", film.FILM[:1])
    name = str(tmp_path / "nowhere" / "a.png")
    assert main(["--png", name]) == 1
    err = capsys.readouterr().err
    assert err == f"demo-1993: {name}: cannot be written (No such file or directory)\n"


IN_A_TERMINAL = """
import sys
sys.path.insert(0, {here!r})
from types import SimpleNamespace
from pipeline import film
from test_demo import Scribe
from pipeline.recognition import Decoded

film.FILM = film.FILM[:1]
engine = Scribe(SimpleNamespace(Decoded=Decoded), [film.FILM[0].text])
loader = SimpleNamespace(load=lambda: engine)
sys.modules["pipeline.recognition"] = SimpleNamespace(Engine=loader)
from pipeline.demo_1993 import main

sys.exit(main([]))
"""


def own_terminal():
    import fcntl
    import signal
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job ignores it
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_in_a_terminal_keys_work_and_everything_is_put_back(key, tmp_path):
    import pty
    import select
    import termios
    import time

    script = tmp_path / "show.py"
    script.write_text(IN_A_TERMINAL.format(here=str(Path(__file__).parent)), encoding="utf-8")
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLORTERM")}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "70", "LINES": "24"}
    environment |= {"PYTHONIOENCODING": "utf-8"}
    show = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
        preexec_fn=own_terminal,
    )
    seen, pressed, end = b"", 0, time.monotonic() + 60
    try:
        while show.poll() is None and time.monotonic() < end:
            if select.select([master], [], [], 0.05)[0]:
                seen += os.read(master, 65536)
            if pressed == 0 and b"any key: read it" in seen:
                pressed = os.write(master, b" ")
            elif pressed == 1 and b"any key: go on" in seen:
                pressed += os.write(master, key)
        while select.select([master], [], [], 0.05)[0]:
            seen += os.read(master, 65536)
    finally:
        show.kill()
        after = termios.tcgetattr(slave)
        os.close(master)
        os.close(slave)
    text = seen.decode()
    assert "201-949-4038   confidence 0.980" in text
    assert "\033[48;5;" in text
    assert show.wait() == (0 if key == b"q" else 130)
    assert text.count("\033[?25l") == text.count("\033[?25h") == 1
    assert before == after


# One look for each digit, as then.


def test_what_hangs_together_is_one_part_and_a_flag_belongs_to_its_digit():
    ink = np.zeros((40, 120), np.float32)
    ink[6:34, 10:24] = 1  # a digit
    ink[8:10, 30:44] = 1  # the flag of another one
    ink[14:34, 32:40] = 1
    ink[20:23, 60:72] = 1  # a dash
    ink[30, 90] = 1  # dirt
    places, owner = period.parts(ink)
    assert places == [(10, 6, 14, 28), (30, 8, 14, 26), (60, 20, 12, 3)]
    assert [owner[y, x] for y, x in ((6, 10), (8, 30), (33, 39), (21, 65))] == [0, 1, 1, 2]
    assert owner[30, 90] == owner[0, 0] == -1


def test_a_part_is_seen_without_the_ink_of_its_neighbour():
    ink = np.zeros((40, 80), np.float32)
    ink[6:34, 10:13] = ink[31:34, 13:30] = 1  # an L
    ink[6:34, 36:39] = ink[6:9, 24:36] = 1  # leans over it
    ink[20, 13] = 0.2  # the rim of the first
    _, owner = period.parts(ink)
    seen = period.apart(ink, owner == 0)
    assert seen[20, 13] == np.float32(0.2)
    assert seen[31:34, 10:30].min() == 1
    assert not seen[:20, 15:].any()


@pytest.mark.parametrize(("side", "high"), [(32, 20), (28, 20), (16, 16)])
def test_a_digit_comes_to_the_size_of_the_net_and_its_mass_to_the_middle(side, high):
    ink = np.zeros((50, 90), np.float32)
    ink[5:45, 30:50] = 1
    seen = period.retina(ink, (30, 5, 20, 40), side, high)
    rows, columns = (np.flatnonzero(seen.max(axis=k) > 0.5) for k in (1, 0))
    assert seen.shape == (side, side)
    assert (len(rows), len(columns)) == (high, high // 2)
    assert abs(rows.mean() - (side - 1) / 2) <= 0.5
    assert abs(columns.mean() - (side - 1) / 2) <= 0.5


@pytest.fixture(scope="module")
def lenet5_reader():
    return Reader(period.PeriodEngine("lenet5"))


@pytest.mark.jit
@pytest.mark.parametrize(("net", "published"), [("net1989", 5.2e-3), ("lenet1", 7.9e-3)])
def test_a_digit_costs_what_was_published(net, published):
    reading, then = Reader(period.PeriodEngine(net)).read(film.take(film.FILM[0]))
    pairs = zip(reading.best_guess, film.FILM[0].text, strict=True)
    assert sum(a == b for a, b in pairs) >= 10  # of 12 symbols
    assert then.looks == 10
    assert then.processor / then.looks == pytest.approx(published, rel=0.05)
    assert then.seconds == then.camera == pytest.approx(10 * 0.09, rel=0.05)


@pytest.mark.jit
def test_a_dash_that_is_lost_between_cuts_is_shown():
    shot = film.take(film.written("201-555-0110", 300_010, "phone"))
    cut, both = (Engine.load(mode).decode(shot.image, "phone") for mode in ("hos", "both"))
    assert cut.n_best[0][0] == "201555-0110"
    assert both.n_best[0][0] == "201-555-0110"
    assert "".join(c.char for c in both.characters) == "201-555-0110"
    middles = [c.box[0] + c.box[2] / 2 for c in both.characters]
    assert middles == sorted(middles)


@pytest.mark.jit
def test_the_check_reader_reads_the_number_of_the_film():
    reading, then = Reader(Engine.load()).read(film.take(film.FILM[0]))
    assert reading.best_guess == film.FILM[0].text
    assert then.seconds == then.processor > then.camera


@pytest.mark.jit
def test_lenet5_reads_the_number_of_the_film_with_ten_looks(lenet5_reader):
    reading, then = lenet5_reader.read(film.take(film.FILM[0]))
    assert reading.best_guess == film.FILM[0].text
    assert reading
    assert (then.digits, then.looks, then.multiply_adds) == (10, 10, 10 * 340_908)
    # The published pace: ten to twelve digits a second from camera to answer.
    assert then.processor == pytest.approx(10 * 340_908 / 12.5e6)
    assert then.seconds / then.digits == pytest.approx(1 / 11, rel=0.05)


@pytest.mark.jit
def test_the_looks_are_those_of_an_sn_script(lenet5_reader):
    recognizer = lenet5_reader.engine.recognizer.recognizer
    images = np.random.default_rng(3).random((2, 32, 32)).astype(np.float32)
    look = recognizer.network.retina
    pixels = look.paper + images * np.float32(look.ink - look.paper)
    expected = recognizer.network.fprop(pixels)
    recognizer.pictures.value = Matrix(pixels.reshape(2, -1), "f")
    outputs = recognizer.interpreter.value("(look-at-strip strip-pictures 2)")
    found = np.array([list(row) for row in outputs])
    assert found == pytest.approx(expected, rel=1e-5)
    assert recognizer.fprop(images).shape == (2, 10)


@pytest.mark.jit
def test_touching_digits_are_rejected_with_the_reason(lenet5_reader):
    crowded = next(s for s in film.FILM if s.caption == "crowded")
    reading, _ = lenet5_reader.read(film.take(crowded))
    assert not reading
    assert "digits touch" in reading.to_line()


def test_a_net_without_weights_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(period.NETS, "lenet1", "net5")  # a script that never has weights
    assert main(["--net", "lenet1"]) == 1
    told = capsys.readouterr()
    assert told.err == (
        "demo-1993: net5: no weights yet; lenet train net5 makes them, --weights names others\n"
    )


@pytest.mark.jit
def test_a_replicated_network_does_shared_work_once(lenet5_reader):
    network = lenet5_reader.engine.network
    assert replicated(network, (32, 32)) == 340_908
    wide = replicated(network, (32, 72))
    assert 340_908 * 2 < wide < 340_908 * 11
    c1 = 6 * 28 * 68 * 26
    s2 = 6 * 14 * 34 * 5
    assert wide > c1 + s2
    strips = SimpleNamespace(
        networks=(network,), scores=lambda strip, which: np.zeros((11, 22))
    )
    counted = CountedStrips(strips)
    counted.scores(np.zeros((32, 72), np.float32))
    assert (counted.seen, counted.multiply_adds) == (11, wide)
    counted.looks(np.zeros((32, 72), np.float32))  # at several sizes
    assert counted.seen == 11 * (1 + len(SIZES))


@pytest.mark.parametrize("period_look", [False, True])
def test_the_page_holds_everything_itself(scribe, tmp_path, monkeypatch, period_look, capsys):
    monkeypatch.setattr(film, "FILM", film.FILM[:2])
    names = [str(tmp_path / n) for n in ("a.html", "b.html")]
    for name in names:
        assert main(["--html", name, *(["--period"] if period_look else [])]) == 0
    one, two = (Path(name).read_text(encoding="utf-8") for name in names)
    assert one == two
    assert re.findall(r'(?:src|href)="(?!data:)', one) == []
    assert one.count("<figure>") == one.count("</figure>") == 2
    assert "201-949-4038   confidence 0.980" in one
    assert one.count("<span style") == 24
    assert ("#6eff8c" in one) == period_look
    assert main(["--html", str(tmp_path / "no" / "a.html")]) == 1
    assert capsys.readouterr().err.endswith("cannot be written (No such file or directory)\n")
