"""The same batch on a Dask cluster that is already there: extra ``cluster``.

Only this module knows of Dask. Bytes of images travel, never paths, so workers need no shared
disk and open no file. Dask ships pickles: whoever can talk to the scheduler can run code on its
workers, so it belongs on trusted networks only.
"""

import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import islice

from pipeline.batch import Blob, Job, Outcome, done, ended, travels
from pipeline.errors import ImageError
from pipeline.image import fetch
from pipeline.reader import CheckReader
from sn.errors import SnError

AHEAD = 3  # jobs under way for each thread of the cluster
PATIENCE = 10  # seconds to find the scheduler
DEATHS = 3  # workers an input may take with it


def outcomes(
    reader: CheckReader, jobs: Iterable[Job], address: str
) -> Iterator[tuple[Job, Outcome | None]]:
    """Yield what becomes of each job, in order, as `pipeline.batch.outcomes` does.

    What a lost worker was reading is read by another one. Raises SnError when there is no
    cluster at `address` (``tcp://host:8786``), or when it goes away.
    """
    try:
        import distributed
    except ImportError:
        raise SnError(
            '--cluster needs the extra "cluster": pip install holmdel[cluster]'
        ) from None
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SnError(f"no Dask cluster answers at {address} ({what})") from None
    if not travels(reader):
        raise SnError(
            "a network of your own cannot be sent to a cluster; read without --cluster"
        )
    settings = pickle.dumps(reader)
    with client:
        here = client.scatter(settings, broadcast=True)

        def submit(job: Job) -> "Future[list[Outcome]]":
            try:
                sent = _carried(job, reader)
            except Exception as error:  # no such file: known without the cluster
                future: Future[list[Outcome]] = Future()
                future.set_result([error])
                return future
            return client.submit(done, here, sent, pure=False)

        threads = sum(client.nthreads().values()) or 1
        waiting: deque[tuple[Job, Future[list[Outcome]]]] = deque()
        jobs = iter(jobs)
        while True:
            for job in islice(jobs, AHEAD * threads - len(waiting)):
                waiting.append((job, submit(job)))
            if not waiting:
                return
            job, future = waiting.popleft()
            try:
                found = future.result()
            except distributed.KilledWorker:
                what = f"the workers that read it died, {DEATHS} times. Look at it apart"
                found = [ImageError(job.name, what)]
            except (distributed.CancelledError, OSError) as error:
                raise SnError(f"the Dask cluster at {address} went away ({error})") from None
            yield from ended(job, found)


def _carried(job: Job, reader: CheckReader) -> Job:
    """Return a job with the bytes of its input."""
    if isinstance(job.source, str):
        return Job(Blob(job.source, fetch(job.source, reader.limits)[0]), job.expect)
    return Job(Blob(job.name, job.source.read(reader.limits.file_bytes + 1)), job.expect)
