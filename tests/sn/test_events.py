"""Events: programs whose windows react, without anybody there."""

import pytest

from sn import Interpreter
from sn.errors import LispError
from sn.printer import show

WIDGET = """
(libload "libstd/graphenv")
(defclass widget object window seen)
(defmethod widget widget ()
  (setq window (x11-window 0 0 80 60 "w"))
  (set-event-handler window this))
(defmethod widget handle (event) (setq seen (cons event seen)))
(setq w (new widget))
"""


@pytest.fixture
def sn() -> Interpreter:
    interpreter = Interpreter(lambda text: None)
    interpreter.warn = lambda text: None
    interpreter.eval(WIDGET)
    return interpreter


def test_there_is_no_x11_before_a_program_asks():
    assert Interpreter().eval("x11-window") == "()"


def test_events_sent_reach_the_method_handle(sn):
    sn.eval("(sendevent w '(mouse-down 3 4)) (sendevent w '(mouse-up 3 4 3 4))")
    assert sn.eval(":w:seen") == "()"
    sn.eval("(process-pending-events)")
    assert sn.eval(":w:seen") == "((mouse-up 3 4 3 4) (mouse-down 3 4))"


def test_events_are_taken_one_by_one(sn):
    sn.eval("(sendevent w '(a)) (sendevent w '(b)) (setq window :w:window)")
    assert sn.eval("(list (testevent w) (checkevent w) (checkevent) (checkevent w))") == (
        "((a) (a) (b) ())"
    )
    sn.eval("(sendevent w '(c))")
    assert sn.eval("(== w (checkevent ()))") == "t"
    assert sn.eval("(== w (waitevent))") == "t"


def test_timers_ring_when_the_program_waits(sn):
    sn.eval("(setq timer (create-timer w 0)) (process-pending-events)")
    assert sn.eval("(caar :w:seen)") == "timer"
    sn.eval("(setq :w:seen ()) (process-pending-events)")
    assert sn.eval(":w:seen") == "()"
    sn.eval("(kill-timer (create-timer w 1000)) (process-pending-events)")
    assert sn.eval(":w:seen") == "()"


def test_clicks_of_the_script_are_events(sn):
    sn.eval("(setq click-script '((5 6))) (waitevent) (process-pending-events)")
    assert sn.eval(":w:seen") == "((mouse-up 5 6 5 6) (mouse-down 5 6))"
    with pytest.raises(LispError, match="no click is left"):
        sn.eval("(waitevent)")


def test_a_handler_that_never_stops_is_stopped(sn):
    sn.eval("(defmethod widget handle (event) (sendevent this event)) (sendevent w '(a))")
    with pytest.raises(LispError, match="without end"):
        sn.eval("(process-pending-events)")


def test_windows_change_their_size_and_keep_what_was_drawn(sn, tmp_path):
    sn.screen.folder = tmp_path
    sn.eval('(setq window (x11-window 0 0 80 60 "big")) (fill-rect 0 0 10 10)')
    sn.eval("(x11-configure () () () 90 20)")
    assert sn.eval("(list (xsize) (ysize))") == "(90 20)"
    picture = sn.value("window").driver.picture
    assert picture.size == (90, 20)
    assert picture.getpixel((3, 3)) == (0, 0, 0)
    assert picture.getpixel((89, 19)) == (255, 255, 255)
    with pytest.raises(LispError, match="a window has"):
        sn.eval("(x11-configure () () () 90 20000)")


def test_clipping_rectangles_are_cut_with_one_another(sn):
    sn.eval("(setq window :w:window)")
    assert sn.eval("(addclip '(10 10 30 30)) (addclip '(20 0 50 20)) (clip)") == "(20 10 20 10)"
    assert sn.eval("(addclip '(50 50 5 5))") == "()"


def test_text_is_measured_as_it_is_drawn(sn, tmp_path):
    sn.screen.folder = tmp_path
    sn.eval('(setq window (x11-window 0 0 80 60 "t")) (draw-text 10 30 "grey")')
    left, top, width, height = map(
        float, show(sn.value('(rect-text 10 30 "grey")'))[1:-1].split()
    )
    box = sn.value("window").driver.picture.convert("L").point(lambda v: 255 - v).getbbox()
    assert left <= box[0] <= box[2] <= left + width + 1
    assert top <= box[1] <= box[3] <= top + height
    assert sn.eval('(rect-text 0 0 "")') == "()"
