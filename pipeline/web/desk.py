"""The desk between requests and workers: few at once, few in line, none without end.

A worker is a process that reads one image after the other. One that takes longer than it may,
or dies of what it was given, is replaced; the request is told so and nothing else suffers.
"""

import asyncio
import threading
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from pipeline.image import Limits
from pipeline.web.sight import JSON, Answer, Sight, problem

STARTING = 600.0  # seconds: kernels may have to be compiled, on a machine that is busy


def serve_pipe(pipe: object, limits: Limits, folder: Path) -> None:
    """Be a worker: answer what comes through the pipe until it is closed."""
    import signal
    import warnings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server is told and ends its workers
    warnings.simplefilter("ignore")  # decoders remark on files; the gate says what matters
    try:
        sight = Sight(limits, folder)
        sight.warm()
        pipe.send("")
    except Exception as error:
        pipe.send(str(error) or type(error).__name__)
        return
    while True:
        try:
            name, body, asked = pipe.recv()
        except EOFError:
            return
        try:
            answer = sight.answer(name, body, asked)
        except Exception as error:
            what = f"internal error, a defect of the program: {type(error).__name__}"
            answer = 500, JSON, problem(what)
        pipe.send(answer)


class Worker:
    """A process that answers, one request at a time, each within some seconds."""

    def __init__(self, limits: Limits, folder: Path, seconds: float) -> None:
        self.settings, self.seconds = (limits, folder), seconds
        self.process = self.pipe = None
        self.ready = False

    def start(self) -> None:
        """Start the process, without waiting for it."""
        context = get_context("spawn")  # a fork of a process with threads can hang
        self.pipe, other = context.Pipe()
        self.ready = False
        self.process = context.Process(
            target=serve_pipe, args=(other, *self.settings), daemon=True, name="reader"
        )
        self.process.start()
        other.close()

    def wait(self) -> str:
        """Wait until the process is ready; return what went wrong, mostly nothing."""
        if not self.ready:
            try:
                what = self.pipe.recv() if self.pipe.poll(STARTING) else "no worker came up"
            except (EOFError, OSError):
                what = "the worker ended while it started"
            if what:
                return what
            self.ready = True
        return ""

    def ask(self, name: str, body: bytes, asked: object) -> Answer:
        """Return the answer; 503 when it takes too long or the worker dies of it."""
        if self.process is None or not self.process.is_alive():
            self.start()
        if what := self.wait():
            self.stop()
            return 503, JSON, problem(what)
        try:
            self.pipe.send((name, body, asked))
            if self.pipe.poll(self.seconds):
                return self.pipe.recv()
            what = f"this took longer than {self.seconds:g} s and was ended"
        except (EOFError, OSError):
            what = "the reader ended while it looked at this"
        self.stop()
        self.start()
        return 503, JSON, problem(what)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.pipe.close()
            self.process.kill()
            self.process.join(5)
            self.process = None


class Here:
    """A worker in this process, for tests and debuggers; nothing ends it."""

    ready = True

    def __init__(self, sight: Sight) -> None:
        self.sight, self.using = sight, threading.Lock()

    def ask(self, name: str, body: bytes, asked: object) -> Answer:
        """Return the answer."""
        with self.using:
            return self.sight.answer(name, body, asked)

    def stop(self) -> None:
        """End nothing."""


class Busy(Exception):  # noqa: N818 - an answer, not a fault
    """As many are in line as may be."""


class Desk:
    """Hands requests to workers that are ready; `line` of them may wait."""

    def __init__(self, workers: Sequence[Worker | Here], line: int) -> None:
        self.workers, self.line = list(workers), line
        self.idle = [w for w in reversed(self.workers) if w.ready]  # the last is the next
        self.starting: set[asyncio.Task] = set()
        self.waiting = 0
        self.freed = asyncio.Condition()

    def open(self) -> None:
        """Await those that are not ready; nobody waits for them while another one is."""
        for worker in self.workers:
            if not worker.ready:
                self._await(worker)

    def _await(self, worker: Worker | Here) -> None:
        task = asyncio.create_task(self._free(worker))
        self.starting.add(task)
        task.add_done_callback(self.starting.discard)

    async def _free(self, worker: Worker | Here) -> None:
        """Give a worker back; one that did not come up starts again with the next request."""
        if not worker.ready:
            await asyncio.to_thread(worker.wait)
        async with self.freed:
            self.idle.append(worker)
            self.freed.notify()

    async def ask(self, name: str, body: bytes, asked: object) -> Answer:
        """Return the answer of a worker. Raises Busy."""
        if not self.idle and self.waiting >= self.line:
            raise Busy
        async with self.freed:
            self.waiting += 1
            try:
                await self.freed.wait_for(lambda: self.idle)
            finally:
                self.waiting -= 1
            worker = self.idle.pop()
        try:
            return await asyncio.to_thread(worker.ask, name, body, asked)
        finally:
            if worker.ready:
                await self._free(worker)
            else:
                self._await(worker)

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()
