"""Networks drawn: net-display and nettool, with the descriptions NetTool wrote into files."""

from pathlib import Path

import pytest
from PIL import Image

from sn import Interpreter
from sn.errors import LispError

NETWORK = """
(libload "sn28/sn28ite")
(de nettool-net ()
  (let ((input (new c-layer '("input" (4 3) t () () () () () t) 20 40 40 30))
        (output (new c-layer '("output" (1 2) () t () () () t ()) 140 40 20 40)))
    (new c-connection input output (list ct-connect '(1 1) '(1 1)))))
(alloc-net 40 200)
(build-net '((input 12) (output 2)) '((input output)))
(seed 1) (forget 1)
(de draw-net (&optional l n)
  (when (null draw-net-windowobject)
    (when (null net-display) (libload "nettool.sn"))
    (setq :draw-net-windowobject
      (new net-display 0 0 200 100 "Network Window"
        (lambda ()
          (graphics-batch
            (cls)
            (gray-draw-list 20 40 (neurval input) 4 1.2 -1.2 10)
            (draw-list 140 40 (neurval output) 1 1.2 20 18)))
        (lambda (x y)
          (when (point-in-rect x y '(140 40 20 40)) (nth (div (- y 40) 20) output)))))
    (setq :draw-net-window :draw-net-windowobject:window))
  (==> draw-net-windowobject expose)
  (==> draw-net-windowobject repair-damaged))
"""


@pytest.fixture
def sn(tmp_path: Path) -> Interpreter:
    interpreter = Interpreter(lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.screen.folder = tmp_path
    interpreter.eval(NETWORK)
    return interpreter


def gray(value: float) -> tuple[int, int, int]:
    """Return the grey of a number between 1.2, black, and -1.2, white."""
    return (round(255 * (1.2 - value) / 2.4),) * 3


def close(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 2


def picture(sn: Interpreter) -> Image.Image:
    return sn.value("draw-net-window").driver.picture


def test_states_are_drawn_dark_for_ink_and_as_squares(sn):
    sn.eval("(state input '(1 -1 0 0.5 1 1 1 1 0 0 0 -1)) (state output '(1 -0.5)) (draw-net)")
    drawn = picture(sn)
    assert drawn.size == (200, 100)
    for column, value in enumerate((1, -1, 0, 0.5)):
        assert close(drawn.getpixel((25 + 10 * column, 45)), gray(value))
    assert drawn.getpixel((150, 50)) == (255, 255, 255)
    assert drawn.getpixel((150, 70)) == (0, 0, 0)
    white = sum(drawn.getpixel((x, 50)) == (255, 255, 255) for x in range(140, 160))
    black = sum(drawn.getpixel((x, 70)) == (0, 0, 0) for x in range(140, 160))
    assert (white, black) == (16, 11)  # areas are proportional: 18 pixels are 1.2
    sn.eval("(state input '(-1 -1 0 0.5 1 1 1 1 0 0 0 -1)) (draw-net)")
    assert close(picture(sn).getpixel((25, 45)), gray(-1))


def test_a_click_shows_the_weights_into_a_unit(sn):
    sn.eval("(draw-net) (==> draw-net-windowobject mouse-up 0 0 145 65)")
    unit = sn.value("(cadr output)")
    weight = sn.value(f"(* (sval (car input) {unit:g}) (sqrt (nfanin {unit:g})))")
    assert abs(weight) < 1.2
    assert close(picture(sn).getpixel((25, 45)), gray(weight))
    sn.eval("(state input 1) (==> draw-net-windowobject mouse-up 0 0 5 5)")
    assert close(picture(sn).getpixel((25, 45)), gray(sn.value("(nval (car input))")))


def test_a_loop_over_patterns_with_a_display_hook_makes_a_film(sn, tmp_path):
    sn.screen.animate = True
    sn.eval("""
        (setq pattern-matrix (float-matrix 5 12) desired-matrix (float-matrix 5 2))
        (for (i 0 4) (for (j 0 11) (pattern-matrix i j (rand 1))))
        (ensemble 0 4)
        (de show (n) (draw-net))
        (let ((disp-perf-iteration show)) (for (i 0 4) (test-pattern i)))
        (test-pattern 0)""")
    sn.close()
    with Image.open(next(tmp_path.glob("*.gif"))) as film:
        assert film.n_frames == 5


def test_nettool_draws_layers_and_connections(sn):
    window = sn.value("(nettool)")
    drawn = window.driver.picture
    assert drawn.size == (300 + 60, 200 + 40)
    shade = drawn.getpixel((40, 55))
    assert shade == drawn.getpixel((150, 60)) == (216, 216, 216)
    assert drawn.getpixel((100, 57)) == (0, 0, 0) or drawn.getpixel((100, 58)) == (0, 0, 0)
    names = drawn.crop((20, 20, 110, 40)).convert("L").point(lambda v: 255 * (v < 128))
    assert names.getbbox() is not None


def test_the_originals_tool_kit_is_asked_for_by_name(sn):
    with pytest.raises(LispError, match="tool kit"):
        sn.eval("(ogre)")


def test_a_text_in_braces_is_filled_into_lines():
    printed: list[str] = []
    sn = Interpreter(printed.append)
    sn.eval(
        '(libload "sn28/sn28")'
        "(render-brace-text 0 20 '{<p> One <b>two</b> three four five. <p> Six  seven })"
    )
    assert "".join(printed) == "One two three four \nfive. \n\nSix seven \n\n"


def test_the_originals_folder_is_known_from_the_library_path(tmp_path):
    library = tmp_path / "packages" / "sn28" / "lib"
    library.mkdir(parents=True)
    sn = Interpreter(library=(str(library),))
    sn.warn = lambda text: None
    sn.eval('(libload "sn28/sn28")')
    assert sn.value("lushdir") == str(tmp_path.resolve())
    ours = Interpreter()
    ours.warn = lambda text: None
    assert ours.eval('(libload "sn28/sn28") lushdir') == "()"


def test_deleting_a_window_finishes_its_picture(sn, tmp_path):
    sn.eval('(delete ()) (new-window 20 20 "short") (delete window)')
    assert [path.name for path in tmp_path.iterdir()] == ["01-short.png"]
