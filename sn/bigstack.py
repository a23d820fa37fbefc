"""Runs SN code on a thread with a big stack, and lets it be interrupted.

Python calls between SN functions use no C stack, but calls through primitives do. The main
thread waits; what the program asks of a terminal is done by the main thread, where line editing
and Control-C live.
"""

import ctypes
import gc
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sn.errors import SnError

STACK = 512 << 20  # bytes, reserved only as they are used
DEEPEST = 400_000  # Python frames
SOON = 0.01  # seconds until a lost interruption is repeated
NUDGES = 20  # times a Control-C is pointed out to a thread that sleeps over it
PATIENCE = 1.0  # seconds between two looks whether the evaluation is still there
ROOM = (1 << 20) + 4096  # words; the chunk they are in has nearly as many after them
THRESHOLDS = (200_000, 20, 20)  # lists are long and rarely go round in circles
_lock = threading.Lock()
_running = 0
_usual_limit = 0
_usual_thresholds = (0, 0, 0)
_usual_hook = sys.unraisablehook
_serving: dict[int, queue.SimpleQueue[tuple[str, Any]]] = {}  # thread -> who waits for it


def _roomy(work: Callable[[], Any]) -> Any:
    """Call `work` where Python's own frame stack has room.

    Python keeps frames in chunks of 16 kB and returns a chunk when the last frame on it ends. A
    recursion around such a border takes three times as long. This function claims a frame of
    megabytes, which makes the chunk after it as big.
    """
    return work()


_roomy.__code__ = _roomy.__code__.replace(co_stacksize=ROOM)


def start_big(thread: threading.Thread) -> None:
    """Start a thread with a big stack."""
    with _lock:
        previous = threading.stack_size(STACK)
        try:
            thread.start()
        finally:
            threading.stack_size(previous)


class BigStack:
    """One thread at a time that evaluates for an interpreter.

    No Control-C gets lost. It is noted by a signal handler, which raises KeyboardInterrupt in
    the evaluation, unless that is held: then it waits for `release`, or for the next question
    at the terminal, which is not asked. While somebody is asked it ends the question.
    """

    def __init__(self, deepest: int | None = None) -> None:
        self.deepest = min(deepest or DEEPEST, DEEPEST)
        self._thread: threading.Thread | None = None
        self._requests: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._guard = threading.RLock()  # of the next three
        self._held = True
        self._waiting: type[BaseException] | None = None
        self._asking = False
        self._heard = 0  # Control-Cs dealt with

    @property
    def inside(self) -> bool:
        """Whether the caller is on the big stack already."""
        return self._thread is threading.current_thread()

    def run(self, work: Callable[[], Any]) -> Any:
        """Call `work` on a big stack and return its value, or raise what it raised."""
        if self._thread is not None:
            return work()
        requests = self._requests
        result: list[Any] = [None, None]
        ended = False

        def attempt() -> None:
            try:
                self.release(False)
                result[0] = _roomy(work)
            except BaseException as error:
                result[1] = error
            self.hold()

        def body() -> None:
            nonlocal ended
            _serving[threading.get_ident()] = requests
            try:
                attempt()
            except BaseException as error:  # another one, while the first was dealt with
                result[1] = error
                self.hold()
            ended = True
            requests.put(("done", None))

        with self._listening():
            thread = self._thread = threading.Thread(target=body, daemon=True)
            with _lock:
                _raise_limit(self.deepest)
            start_big(thread)
            try:
                self._serve(thread)
            finally:
                thread.join()
                self._thread = None
                _serving.pop(thread.ident, None)
                with _lock:
                    _restore_limit()
        with self._guard:
            late, self._waiting, self._held = self._waiting, None, True
        if not ended:
            late = KeyboardInterrupt
        if result[1] is not None:
            raise result[1]
        if late is not None:
            raise late
        return result[0]

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Take Control-C over from Python, where this is possible."""
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not usual or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            with _nudging(lambda: self._heard), _typed_kept():
                yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupted(self, *_: Any) -> None:
        """Deal with Control-C; runs on the main thread, between any two of its instructions."""
        self._heard += 1
        _forget_typed()
        with self._guard:
            asking, self._asking = self._asking, False  # a question is ended once
            if not asking:
                self.stop(KeyboardInterrupt)
        if asking:
            raise KeyboardInterrupt

    def _serve(self, thread: threading.Thread) -> None:
        while True:
            try:
                kind, request = self._requests.get(timeout=PATIENCE)
            except queue.Empty:
                if not thread.is_alive():
                    return
                continue
            except KeyboardInterrupt:  # on a thread that evaluates for another interpreter
                self.stop(KeyboardInterrupt)
                continue
            if kind == "done":
                return
            if kind == "again":
                time.sleep(SOON)
                self.stop(request)
                continue
            request()

    def stop(self, kind: type[BaseException]) -> None:
        """Raise an exception in the evaluation that is running, if one is."""
        with self._guard:
            if self._held:
                self._waiting = kind
            elif self._thread is not None:
                interrupt(self._thread, kind)

    def hold(self) -> bool:
        """Make interruptions wait; return whether they do already."""
        if self._held:
            return True
        late = None
        while True:
            try:
                with self._guard:
                    self._held = True
                _pause()  # one that was sent before arrives here
                break
            except (KeyboardInterrupt, SnError) as error:
                late = type(error)
            except BaseException:  # no room for a call
                self._held = False
                raise
        if late is not None:
            self._waiting = late
        return False

    def release(self, held: bool) -> None:
        """Undo a `hold` that returned `held`; raise what has waited."""
        if held:
            return
        with self._guard:
            late, self._waiting, self._held = self._waiting, None, False
        if late is not None:
            raise late

    def on_main(self, work: Callable[[], Any]) -> Any:
        """Have the waiting thread call `work`; return its value (for terminals)."""
        if not self.inside:
            return work()
        answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        held = self.hold()
        try:
            self._requests.put(("call", lambda: answers.put(self._answer(work))))
            value, error = answers.get()
        finally:
            self.release(held)
        if error is not None:
            raise error
        return value

    def _answer(self, work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        """Call `work`, which Control-C may end; return its value, or what it raised."""
        try:
            try:
                with self._guard:
                    if self._waiting is KeyboardInterrupt:
                        self._waiting = None
                        return None, KeyboardInterrupt()
                    self._asking = True
                answer = work(), None
            except BaseException as error:
                answer = None, error
            self._asking = False
        except KeyboardInterrupt as stop:
            answer = None, stop
        return answer


@contextmanager
def _nudging(heard: Callable[[], int]) -> Iterator[None]:
    """Wake the main thread when it sleeps over a Control-C.

    Line editing waits for keys by `select`. A signal that comes just before is noted but wakes
    nobody, so that its handler would run at the next key. `heard` counts the handler's runs;
    while it does not move, another signal, which does nothing, wakes the thread.
    """
    if not hasattr(signal, "SIGURG") or signal.getsignal(signal.SIGURG) is not signal.SIG_DFL:
        yield
        return
    main = threading.get_ident()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def watch() -> None:
        known = 0
        while numbers := os.read(reader, 64):
            if signal.SIGINT not in numbers:
                continue
            for _ in range(NUDGES):
                time.sleep(SOON)
                if heard() > known:
                    break
                signal.pthread_kill(main, signal.SIGURG)
            known = heard()
        os.close(reader)

    signal.signal(signal.SIGURG, lambda *_: None)
    outer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(outer)
        signal.signal(signal.SIGURG, signal.SIG_DFL)
        os.close(writer)
        watcher.join()


@contextmanager
def _typed_kept() -> Iterator[None]:
    """Keep the terminal from forgetting what was typed before a Control-C.

    Line editing that was promised a key would wait for it, deaf to signals; `_forget_typed`
    forgets when nothing waits.
    """
    if not _at_terminal():
        yield
        return
    import termios

    before = termios.tcgetattr(0)
    kept = [*before]
    kept[3] |= termios.NOFLSH
    termios.tcsetattr(0, termios.TCSANOW, kept)
    try:
        yield
    finally:
        with suppress(termios.error):
            now = termios.tcgetattr(0)
            now[3] = now[3] & ~termios.NOFLSH | before[3] & termios.NOFLSH
            termios.tcsetattr(0, termios.TCSANOW, now)


def _forget_typed() -> None:
    """Forget what was typed and not yet read."""
    if _at_terminal():
        import termios

        with suppress(termios.error):
            termios.tcflush(0, termios.TCIFLUSH)


def _at_terminal() -> bool:
    """Whether the input is a terminal that listens to this process."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):  # none, or a system that has no such thing
        return False


def _pause() -> None:
    """Give Python occasion to raise what another thread has sent: it looks at every call."""


def interrupt(thread: threading.Thread, kind: type[BaseException] = KeyboardInterrupt) -> None:
    """Raise an exception in a thread at its next instruction."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(kind)
        )


def _again(lost: Any) -> None:
    """Interrupt again when an interruption came while Python was cleaning up, and was lost."""
    if not isinstance(lost.exc_value, SnError | KeyboardInterrupt):
        _usual_hook(lost)
        return
    requests = _serving.get(threading.get_ident())
    if requests is not None:
        requests.put(("again", lost.exc_type))  # the thread that waits does it


def _raise_limit(deepest: int) -> None:
    global _running, _usual_limit, _usual_thresholds, _usual_hook
    if _running == 0:
        _usual_hook, sys.unraisablehook = sys.unraisablehook, _again
        _usual_limit = sys.getrecursionlimit()
        _usual_thresholds = gc.get_threshold()
        if gc.isenabled():
            gc.set_threshold(*THRESHOLDS)
        sys.setrecursionlimit(max(deepest, _usual_limit))
    _running += 1


def _restore_limit() -> None:
    global _running
    _running -= 1
    if _running == 0:
        sys.unraisablehook = _usual_hook
        gc.set_threshold(*_usual_thresholds)
        sys.setrecursionlimit(_usual_limit)
