"""Windows drawn with Pillow: pixels, files, films, blocks of text, clicks."""

import io
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from sn import Interpreter
from sn.cli import main
from sn.errors import LispError
from sn.graphics.blocks import blocks, colors_of
from sn.graphics.raster import MOST_STATES, STIPPLE, Raster
from sn.graphics.screen import LARGEST, file_name
from sn.graphics.window import Window
from sn.toplevel import Toplevel

PROGRAMS = Path(__file__).parent.parent.parent / "samples" / "programs"
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)
GREYS = {(tone,) * 3 for tone in STIPPLE}


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


class Drawn:
    """An interpreter whose windows are drawn and written to a folder."""

    def __init__(self, folder: Path, animate: bool = False) -> None:
        self.folder = folder
        self.printed: list[str] = []
        self.sn = Interpreter(self.printed.append)
        self.sn.warn = lambda text: None
        self.sn.screen.folder = folder
        self.sn.screen.animate = animate

    def __call__(self, program: str) -> dict[str, Image.Image]:
        self.sn.eval(program)
        self.sn.close()
        return {path.name: opened(path) for path in sorted(self.folder.iterdir())}

    def picture(self, program: str) -> Image.Image:
        pictures = self(f'(new-window 60 40 "w") {program}')
        assert list(pictures) == ["01-w.png"]
        assert pictures["01-w.png"].size == (60, 40)
        return pictures["01-w.png"].convert("RGB")


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return Drawn(tmp_path)


def inked(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the box of what is not white."""
    return ImageChops.invert(picture).getbbox()


def count(picture: Image.Image, *colors: tuple[int, int, int]) -> int:
    return sum(n for n, color in picture.getcolors(1 << 20) if color in colors)


# ---- pixels


def test_a_line_has_both_its_ends(drawn: Drawn) -> None:
    picture = drawn.picture("(draw-line 5 7 25 7)")
    assert inked(picture) == (5, 7, 26, 8)
    assert count(picture, BLACK) == 21


@pytest.mark.parametrize(
    ("style", "row"),
    [
        ("solid", "############"),
        ("dotted", "#..#..#..#.."),
        ("dashed", "####...####."),
        ("dotdashed", "####..#..###"),
    ],
)
def test_line_styles(drawn: Drawn, style: str, row: str) -> None:
    picture = drawn.picture(f"(linestyle-{style}) (draw-line 0 3 11 3)")
    found = "".join("#" if picture.getpixel((x, 3)) == BLACK else "." for x in range(12))
    assert found == row


def test_a_filled_rectangle_has_as_many_pixels_as_it_says(drawn: Drawn) -> None:
    picture = drawn.picture("(fill-rect 10 5 20 8)")
    assert inked(picture) == (10, 5, 30, 13)
    assert count(picture, BLACK) == 160


def test_an_outline_goes_from_corner_to_corner(drawn: Drawn) -> None:
    picture = drawn.picture("(draw-rect 10 5 20 8)")
    assert inked(picture) == (10, 5, 31, 14)
    assert count(picture, BLACK) == 2 * 21 + 2 * 7
    assert picture.getpixel((15, 9)) == WHITE


def test_circles_and_arcs(drawn: Drawn) -> None:
    picture = drawn.picture("(fill-circle 15 20 8) (draw-arc 45 20 10 0 90)")
    assert picture.getpixel((15, 20)) == BLACK
    assert inked(picture.crop((0, 0, 30, 40))) == (7, 12, 24, 29)
    left, top, right, bottom = inked(picture.crop((30, 0, 60, 40)))
    assert (right, top) == (26, 10)  # a quarter, above and right of the centre
    assert left >= 14
    assert bottom <= 22


def test_a_polygon_is_filled(drawn: Drawn) -> None:
    picture = drawn.picture("(color-rgb 1 0 0) (fill-polygon 10 10 40 10 10 35)")
    assert picture.getpixel((12, 12)) == RED
    assert picture.getpixel((39, 34)) == WHITE


def test_a_clipping_rectangle_bounds_everything(drawn: Drawn) -> None:
    picture = drawn.picture(
        "(gsave (clip 20 10 10 5) (fill-rect 0 0 60 40) (fill-circle 20 10 20))"
        "(draw-line 0 39 59 39)"
    )
    assert count(picture, BLACK) == 50 + 60
    assert inked(picture.crop((0, 0, 60, 39))) == (20, 10, 30, 15)


def test_text_stands_on_its_line(drawn: Drawn) -> None:
    left, top, _, bottom = inked(drawn.picture('(draw-text 5 30 "HEH")'))
    assert bottom == 30
    assert left in (5, 6, 7)
    assert 18 <= top <= 24


def test_fonts_have_sizes(drawn: Drawn) -> None:
    small = drawn.picture('(gprintf 0 30 "%d" 88)')
    drawn.sn.screen.opened = 0
    large = drawn.picture('(font "Helvetica-24") (gprintf 0 30 "%d" 88)')
    assert inked(large)[2] > 1.8 * inked(small)[2]


def test_far_coordinates_are_harmless(drawn: Drawn) -> None:
    picture = drawn.picture(
        "(draw-line -2e9 5 2e9 5) (fill-rect 50 30 2e9 2e9) (fill-circle 0 0 -1e9)"
        "(draw-rect -5 -5 1e9 1e9) (fill-polygon 1e9 1e9 -1e9 3 4 5)"
    )
    assert picture.getpixel((30, 5)) == BLACK


def test_hilite_exchanges_black_and_white(drawn: Drawn) -> None:
    picture = drawn.picture("(fill-rect 0 0 10 10) (hilite 1 5 5 10 10) (hilite 0 40 0 9 9)")
    assert picture.getpixel((7, 7)) == WHITE
    assert picture.getpixel((12, 12)) == BLACK
    assert count(picture, BLACK) == 75 + 75


# ---- values as squares


def test_draw_list_looks_like_the_original(drawn: Drawn) -> None:
    picture = drawn.picture("(draw-list 4 6 '(1 -1 0.25 -0.25 0 4) 3 1 16 12)")
    squares = {}
    for place in range(6):
        x, y = 4 + place % 3 * 16, 6 + place // 3 * 16
        cell = picture.crop((x, y, x + 16, y + 16))
        assert cell.getpixel((0, 0)) in GREYS
        squares[place] = count(cell, WHITE), count(cell, BLACK), count(cell, *GREYS)
    assert squares == {
        0: (144, 0, 112),  # the whole side
        1: (0, 144, 112),
        2: (36, 0, 220),  # a quarter of the area
        3: (0, 36, 220),
        4: (0, 0, 256),
        5: (144, 0, 112),  # never larger than the side
    }
    neighbours = [picture.getpixel((x, 6)) for x in range(4, 20)]
    assert len(set(neighbours)) == 2
    assert all(a != b for a, b in pairwise(neighbours))
    assert inked(picture) == (4, 6, 52, 38)


def test_draw_value_is_centred(drawn: Drawn) -> None:
    picture = drawn.picture("(draw-value 20 20 -1 1 10)")
    assert inked(picture) == (15, 15, 25, 25)
    assert count(picture, BLACK) == 100


def test_gray_lists_and_matrices(drawn: Drawn) -> None:
    picture = drawn.picture(
        "(gray-draw-list 0 0 '(1.2 -1.2 0) 2 1.2 -1.2 10)"
        "(gray-draw-matrix 30 0 [[0 1][1 0]] 0 1 8 4)"
    )
    assert picture.getpixel((5, 5)) == BLACK
    assert picture.getpixel((15, 5)) == WHITE
    assert 120 < picture.getpixel((5, 15))[0] < 140
    assert picture.getpixel((15, 15)) == WHITE  # a short row leaves the rest alone
    assert [picture.getpixel((x, y)) for x, y in ((31, 1), (39, 1), (31, 5), (39, 5))] == [
        BLACK, WHITE, WHITE, BLACK,
    ]  # fmt: skip


def test_colors_of_matrices(drawn: Drawn) -> None:
    picture = drawn.picture(
        "(let ((m (int-matrix 64))) (for (i 0 63) (m i (if (> i 31) 0xff0000 0x0000ff)))"
        "(color-draw-list 0 0 '(0 1) 2 0 1 5 m) (color-draw-matrix 20 0 [0 1] 0 1 5 5 m))"
        "(let ((m (ubyte-matrix 1 2 3))) (m 0 0 1 255) (m 0 1 0 255)"
        " (rgb-draw-matrix 40 0 m 6 6))"
    )
    found = [picture.getpixel((x, 2)) for x in (2, 7, 22, 27, 42, 48)]
    assert found == [(0, 0, 255), RED, (0, 0, 255), RED, (0, 255, 0), RED]


def test_a_huge_zoom_of_pixels_costs_no_memory(drawn: Drawn) -> None:
    picture = drawn.picture("(gray-draw-list 0 0 '(0 1 0 1) 2 0 1 16000)")
    assert picture.getcolors() == [(2400, BLACK)]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("(new-window 0 10)", f"a window has 1 to {LARGEST} pixels a side"),
        ("(new-window 1e6 10)", f"a window has 1 to {LARGEST} pixels a side"),
        ("(rgb-draw-matrix 0 0 [1 2 3])", "2D or 3D index expected"),
        ("(rgb-draw-matrix 0 0 [[[1 2]]])", "the last dimension must be three or more"),
        ("(gray-draw-matrix 0 0 '(1 2) 0 1)", "1D or 2D index expected"),
        ("(color-draw-list 0 0 '(1) 1 0 1 5 [1 2])", "not a matrix of 64 colors"),
        ("(get-click)", "no click is left in click-script"),
        ("(setq click-script '((1 2 3))) (get-click)", "not a click"),
    ],
)
def test_errors(drawn: Drawn, program: str, message: str) -> None:
    with pytest.raises(LispError, match=re.escape(message)):
        drawn.sn.eval(program)


# ---- files


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Error plotting", "error-plotting"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\CON\x00\n", "c-con"),
        ("été", "t"),
        ("...", "window"),
        ("x" * 300, "x" * 40),
    ],
)
def test_file_names_come_from_titles_and_stay_in_the_folder(title: str, name: str) -> None:
    assert file_name(title) == name


def test_every_window_is_written_when_it_closes(drawn: Drawn) -> None:
    drawn.sn.eval('(defvar kept (create-window 5 5 30 20 "Kept"))')
    drawn.sn.eval('(new-window 10 10 "../Lost") (setq window ())')
    assert [path.name for path in drawn.folder.iterdir()] == ["02-lost.png"]
    pictures = drawn("(let ((window kept)) (fill-rect 0 0 30 20))")
    assert {name: picture.size for name, picture in pictures.items()} == {
        "01-kept.png": (30, 20),
        "02-lost.png": (10, 10),
    }
    assert count(pictures["01-kept.png"].convert("RGB"), BLACK) == 600


def test_a_window_in_a_cycle_is_written_too(drawn: Drawn) -> None:
    pictures = drawn("(let ((l (list 1 (new-window 8 8)))) (rplacd (cdr l) l) ()) ()")
    assert list(pictures) == ["01-graphics.png"]


def test_a_number_of_windows_is_too_much(drawn: Drawn) -> None:
    drawn.sn.screen.opened = 999
    with pytest.raises(LispError, match="more than 999 windows"):
        drawn.sn.eval("(new-window 5 5)")


def test_without_a_screen_nothing_is_drawn_or_imported() -> None:
    program = '(new-window 900 900 "w") (draw-list 0 0 (range 1 9) 3 9 9 9) (draw-text 1 1 "a")'
    code = (
        "import sys, sn; s = sn.Interpreter(); s.eval(sys.argv[1]); s.close();"
        "print([n for n in sys.modules if n.startswith('PIL')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_file_that_cannot_be_written_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "01-w.png").mkdir()
    assert main(["-q", "--windows", str(tmp_path), "-e", '(new-window 5 5 "w")']) == 1
    assert "01-w.png: Is a directory" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO('(new-window 5 5 "w")\n'))
    assert main(["-q", "--windows", str(tmp_path), "-"]) == 1
    assert "01-w.png: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--windows", "{file}"], "File exists"),
        (["--clicks", "{folder}/none"], "No such file or directory"),
        (["--clicks", "{file}"], "line 2 is not a click, two numbers x y"),
    ],
)
def test_errors_of_the_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    file = tmp_path / "file"
    file.write_text("1 2 ; a click\nhere\n")
    words = [word.format(file=file, folder=tmp_path) for word in options]
    assert main([*words, "-e", "1"]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_animate_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--animate", "-e", "1"]) == 2
    assert "--animate needs --windows DIR" in capsys.readouterr().err


# ---- films


def test_a_film_has_a_state_for_every_batch_and_every_clear(tmp_path: Path) -> None:
    pictures = Drawn(tmp_path, animate=True)(
        '(new-window 20 20 "w")'
        "(for (i 1 3) (graphics-batch (cls) (fill-rect 0 0 i i) (graphics-batch (cls)"
        "  (fill-rect 0 0 i i))))"
        "(graphics-batch ())"  # nothing new
        "(cls) (fill-rect 0 0 4 4) (cls) (fill-rect 0 0 5 5)"
    )
    film = pictures["01-w.gif"]
    areas = []
    for frame in range(film.n_frames):
        film.seek(frame)
        areas.append(count(film.convert("RGB"), BLACK))
    assert areas == [1, 4, 9, 16, 25]
    assert film.info["duration"] == 1500
    assert count(pictures["01-w.png"].convert("RGB"), BLACK) == 25


def test_a_program_that_waits_is_looked_at(tmp_path: Path) -> None:
    pictures = Drawn(tmp_path, animate=True)(
        '(defvar w (new-window 20 20 "w")) (for (i 1 3) (fill-rect 0 0 i i) (sleep 0))'
    )
    assert pictures["01-w.gif"].n_frames == 3


def test_a_still_picture_makes_no_film(tmp_path: Path) -> None:
    pictures = Drawn(tmp_path, animate=True)("(new-window 20 20) (draw-line 0 0 9 9)")
    assert list(pictures) == ["01-graphics.png"]


def test_a_film_is_bounded_and_keeps_its_ends(tmp_path: Path) -> None:
    finished: list[Raster] = []
    window = Window(40, 40, Raster(finished.append, animate=True))
    for n in range(1001):
        window.driver.rectangle(n % 40, n // 40, 1, 1, fill=True)
        window.look()
    window.close()
    pictures = finished[0].film.pictures((40, 40))
    assert MOST_STATES // 2 < len(pictures) <= MOST_STATES + 1
    assert count(pictures[0], BLACK) == 1
    assert count(pictures[-1], BLACK) == 1001


# ---- text


def test_pictures_as_half_blocks() -> None:
    picture = Image.new("RGB", (4, 4), "white")
    picture.paste(BLACK, (0, 0, 2, 3))
    assert blocks(picture, 80, 25, "") == "██\n▀▀\n"
    assert blocks(picture, 80, 25, "", utf8=False) == "##\n''\n"
    true = blocks(picture, 80, 25, "true")
    assert true.count("▀") == 8
    assert "\x1b[38;2;0;0;0;48;2;255;255;255m" in true
    assert true.endswith("\x1b[0m\n")
    assert "\x1b[38;5;16;48;5;231m" in blocks(picture, 80, 25, "256")


def test_blocks_fit_the_terminal() -> None:
    lines = blocks(Image.new("RGB", (641, 362), "black"), 79, 23, "").splitlines()
    assert len(lines) <= 23
    assert {len(line) for line in lines} == {79}


@pytest.mark.parametrize(
    ("environment", "colors"),
    [
        ({"TERM": "xterm"}, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "true"),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, ""),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
    ],
)
def test_colors_of_a_terminal(environment: dict[str, str], colors: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert colors_of(Terminal(), environment) == colors
    assert colors_of(io.StringIO(), environment) == ""


def test_show_prints_windows(capsys: pytest.CaptureFixture[str]) -> None:
    program = '(new-window 10 4 (concat "A" (chr 27) "[2Jtitle")) (fill-rect 2 0 4 4)'
    assert main(["-q", "--show", "-e", program]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("A\\x1b[2Jtitle\n  ████\n  ████\n")


def test_somebody_who_talks_sees_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["(new-window 4 2)", "(fill-rect 0 0 3 2)", "(+ 1 2)", "(cls)"])
    interpreter = Interpreter()
    interpreter.screen.show = True

    def ask(prompt: str) -> str:
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line

    assert Toplevel(interpreter, ask).run() == 0
    interpreter.close()
    printed = re.sub(r"::WINDOW:\w+", "WINDOW", capsys.readouterr().out)
    assert printed.split("\n") == [
        "= WINDOW", "= ()", "Graphics", "███", "= 3", "= ()", "Graphics", "", "",
    ]  # fmt: skip


# ---- clicks


def test_clicks_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "clicks"
    script.write_text("; two points\n10 20\n\n300 40 ; and out\n")
    words = ["-q", "--clicks", str(script), "-e", "(list (get-click) (get-click))"]
    assert main(words) == 0
    assert capsys.readouterr().out == "((10 20) (300 40))\n"


def test_points_asked_for_by_clicks(drawn: Drawn) -> None:
    program = """
        (libload "sn28/sn28") (libload "sn28/knnenv")
        (new-window 100 100 "points")
        (setq click-script '((50 50) (100 100) (5 5) (1 1)))
        (list (bidim-query "done") click-script)"""
    assert re.match(r"\(.*\(\(1 1\)\)\)", drawn.sn.eval(program), re.S)
    with pytest.raises(LispError, match="no click is left"):
        drawn.sn.eval("(get-click) (get-click)")


# ---- programs


def run(program: str, folder: Path) -> None:
    assert main(["-q", "--windows", str(folder), "--animate", str(PROGRAMS / program)]) == 0


def test_the_encoder_of_1988(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("encoder.sn", tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if "age" in line]
    found = [tuple(map(float, re.findall(r"[\d.]+", line)[2:])) for line in lines]
    assert found == [
        (0, 0.6718, 0),
        (10, 0.2258, 25),
        (20, 0.181, 50),
        (30, 0.2156, 50),
        (40, 0.1663, 50),
        (50, 0.0748, 100),
    ]
    curve = opened(tmp_path / "01-error.png").convert("RGB")
    for age, error, _ in found:
        assert curve.getpixel((60 + 8 * int(age), round(250 - 260 * error))) == BLACK
    states = opened(tmp_path / "02-states.png").convert("RGB")
    codes = set()
    for pattern in range(4):
        x = 60 + 120 * pattern
        for y in (52, 152):  # outputs and inputs: one is on
            row = [states.getpixel((x + 24 * unit + 12, y)) for unit in range(4)]
            assert row == [WHITE if unit == pattern else BLACK for unit in range(4)]
        codes.add(tuple(states.getpixel((x + 24 * unit + 36, 102)) for unit in range(2)))
    assert codes == {(a, b) for a in (WHITE, BLACK) for b in (WHITE, BLACK)}
    assert opened(tmp_path / "02-states.gif").n_frames == 6


@pytest.mark.jit
def test_the_film_of_feature_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("film.sn", tmp_path)
    scores = re.findall(r"performance=([\d.]+)", capsys.readouterr().out)
    assert float(scores[-1]) >= 95
    film = opened(tmp_path / "01-feature-maps.gif")
    assert film.n_frames == 30
    assert film.size == (640, 300)
    seen = set()
    for frame in range(10):
        film.seek(frame)
        seen.add(film.convert("RGB").crop((250, 52, 440, 250)).tobytes())
    assert len(seen) == 10
