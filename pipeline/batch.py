"""Many inputs at once, their results in order: processes here, or workers of a Dask cluster.

A batch is a stream of `Job`s. A few inputs are read in this process; when more follow, a pool
of processes reads ahead, a bounded number of jobs, so memory does not grow with the batch. A
process that dies takes nothing with it: what it was reading is read again, each input alone,
and the one that kills its process again is told as an error of that input.
"""

import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from itertools import count as numbers
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext

from lenet.kept import trim
from pipeline import warming
from pipeline.errors import ImageError
from pipeline.image import Source
from pipeline.reader import CheckReader
from pipeline.records import Reading

FEW = 12  # inputs read here before processes are worth their start
AHEAD = 6  # jobs under way for each process: one that takes long keeps the others waiting
TRIM = 4  # jobs until free memory is given back: ten whole checks leave 25 MB

Outcome = Reading | Exception


class Blob:
    """The bytes of an input with its name, in place of a file that may not be at hand."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        return self.data[:size]


@dataclass(frozen=True, slots=True)
class Job:
    """One input, and what it is expected to say (see `CheckReader.pages`)."""

    source: Source
    expect: str | None = None

    @property
    def name(self) -> str:
        """The input as it was given."""
        return str(getattr(self.source, "name", self.source))


def outcomes(
    reader: CheckReader, jobs: Iterable[Job], *, processes: int | None = None
) -> Iterator[tuple[Job, Outcome | None]]:
    """Yield what becomes of each job, in order: readings or an error, then None for its end.

    `processes`: how many read; 1 is this one, None as many as there are cores once there are
    more than a few inputs. Read here, a reading is yielded as soon as it is known.
    """
    jobs = iter(jobs)
    count = (processes or warming.cores()) if travels(reader) else 1
    first = jobs if count == 1 else islice(jobs, FEW if processes is None else 0)
    for job in first:
        for outcome in followed(reader, job):
            yield job, outcome
        yield job, None
    following = next(jobs, None)
    if following is None:
        return
    with Pool(reader, count) as pool:
        yield from pool.results(chain([following], jobs))


def travels(reader: CheckReader) -> bool:
    """Tell whether a reader can be sent to a process; one around a network of one's own not."""
    try:
        pickle.dumps(reader)
    except (TypeError, AttributeError, pickle.PicklingError):
        return False
    return True


def followed(reader: CheckReader, job: Job) -> Iterator[Outcome]:
    """Yield the readings of one job, and the error that ended it."""
    try:
        yield from reader.pages(job.source, job.expect)
    except Exception as error:
        yield error


def portable(job: Job, most: int) -> Job:
    """Return a job that another process can do: a stream becomes its bytes.

    At most `most` + 1 bytes are read, so that the gate of the other side still refuses it.
    """
    if isinstance(job.source, str | os.PathLike | Blob) or not hasattr(job.source, "read"):
        return job
    return replace(job, source=Blob(job.name, job.source.read(most + 1)))


class Pool:
    """Processes that read, started again when one dies; a context manager."""

    def __init__(self, reader: CheckReader, processes: int) -> None:
        self.settings, self.processes = pickle.dumps(reader), processes
        self.engine = reader.mode
        self.most = reader.limits.file_bytes
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; what they are reading is finished first."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None

    def started(self, processes: int) -> ProcessPoolExecutor:
        """Return the running processes, started if there are none."""
        if self.pool is None:
            self.pool = ProcessPoolExecutor(
                processes,
                mp_context=_context(self.engine),
                initializer=prepare,
                initargs=(self.settings,),
            )
        return self.pool

    def results(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome | None]]:
        """Yield what becomes of each job, in order, as `outcomes` does."""
        jobs = iter(jobs)
        waiting: deque[tuple[Job, Future[list[Outcome]]]] = deque()
        while True:
            room = AHEAD * self.processes - len(waiting)
            for job in islice(jobs, room):
                ready = portable(job, self.most)
                waiting.append((ready, self.submit(ready)))
            if not waiting:
                return
            job, future = waiting.popleft()
            try:
                yield from ended(job, future.result())
            except BrokenProcessPool:
                self.close()
                suspects = [(job, future), *waiting]
                waiting.clear()
                for job, future in suspects:
                    whole = future.done() and not future.cancelled() and not future.exception()
                    yield from ended(job, future.result() if whole else self.alone(job))
                self.close()

    def submit(self, job: Job) -> "Future[list[Outcome]]":
        """Give a job to the pool; a broken pool gives a future that says so."""
        try:
            return self.started(self.processes).submit(work, job)
        except BrokenProcessPool as error:  # known when the next result is asked for
            future: Future[list[Outcome]] = Future()
            future.set_exception(error)
            return future

    def alone(self, job: Job) -> list[Outcome]:
        """Do a job in a process of its own; one that kills it is an error of the input."""
        try:
            return self.started(1).submit(work, job).result()
        except BrokenProcessPool:
            self.close()
            what = "the process that read it died, twice (not enough memory?). Look at it apart"
            return [ImageError(job.name, what)]


def _context(mode: str | None) -> BaseContext:
    """Return how processes are started: as copies of one that has loaded the engine.

    Copies share its memory. A fork of this process, which has threads, could hang; where there
    are no forks every process starts anew and loads for itself.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    if mode is not None:
        from multiprocessing import forkserver, resource_tracker

        context.set_forkserver_preload([warming.__name__])
        os.environ[warming.MODE] = mode
        resource_tracker.ensure_running()  # else started below, where it lets signals through
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the server is ready
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            os.environ.pop(warming.MODE, None)  # no other child of this process is meant
    return context


def ended(job: Job, found: Iterable[Outcome]) -> Iterator[tuple[Job, Outcome | None]]:
    """Yield the outcomes of one job and its end."""
    for outcome in found:
        yield job, outcome
    yield job, None


# What happens in the other processes.


@lru_cache(2)
def unpacked(settings: bytes) -> CheckReader:
    """Return the reader of pickled settings; made once in a process."""
    reader = pickle.loads(settings)
    if reader.mode in warming.engines:
        reader.take(warming.engines[reader.mode])
    return reader


_settings = b""
_jobs = numbers(1)


def prepare(settings: bytes) -> None:
    """Make this process a reader: deaf to Control-C, ended with the one that started it."""
    import warnings

    import cv2

    global _settings
    _settings = settings
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def work(job: Job) -> list[Outcome]:
    """Do one job of a process pool."""
    if next(_jobs) % TRIM == 0:
        trim()
    return done(_settings, job)


def done(settings: bytes, job: Job) -> list[Outcome]:
    """Return all outcomes of one job; errors carry their trace as a note and can be pickled."""
    found: list[Outcome] = []
    for outcome in followed(unpacked(settings), job):
        if isinstance(outcome, Exception):
            trace = "".join(traceback.format_exception(outcome))
            outcome = _sendable(outcome)
            outcome.add_note(trace)
        found.append(outcome)
    return found


def _sendable(error: Exception) -> Exception:
    try:
        same = pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return same if type(same) is type(error) else RuntimeError(str(error))
