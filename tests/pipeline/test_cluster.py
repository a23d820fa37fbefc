"""The same batch on a local Dask cluster, with a worker killed in the middle."""

import os
import re
import signal
from pathlib import Path

import pytest

from pipeline import batch, cluster
from pipeline.batch import Job
from pipeline.cli import main
from pipeline.reader import CheckReader
from sn.errors import SnError

SAMPLES = Path(__file__).parents[2] / "samples" / "strings"


def test_without_the_extra_or_a_cluster_one_line_says_so(tmp_path, monkeypatch, capsys):
    import sys

    image = str(SAMPLES / "string-1993-000.png")
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["read", "--cluster", "tcp://127.0.0.1:1", image]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert 'needs the extra "cluster"' in err


def test_no_cluster_answers(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(SnError, match=r"no Dask cluster answers at tcp://127\.0\.0\.1:9"):
        next(cluster.outcomes(CheckReader(), iter([]), "tcp://127.0.0.1:9"))


def told(pairs):
    return [
        (
            job.name,
            str(o) if isinstance(o, Exception) else re.sub(r'"ms":[\d.]+', "", o.to_json()),
        )
        for job, o in pairs
        if o is not None
    ]


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.filterwarnings("ignore")
def test_a_worker_is_killed_and_nothing_is_lost_or_read_twice():
    distributed = pytest.importorskip("distributed")
    reader = CheckReader(grammar="digits")
    files = sorted(str(f) for f in SAMPLES.iterdir() if f.suffix != ".tsv")
    jobs = [Job(name) for name in files * 3]
    jobs.insert(5, Job("nowhere.png"))
    alone = told(batch.outcomes(reader, jobs, processes=1))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        found = []
        for job, outcome in cluster.outcomes(reader, jobs, local.scheduler_address):
            found.append((job, outcome))
            if len(found) == 10:
                worker = next(iter(local.workers.values()))
                os.kill(
                    worker.pid if hasattr(worker, "pid") else worker.process.pid, signal.SIGKILL
                )
    assert told(found) == alone
    assert [job.name for job, o in found if o is None] == [job.name for job in jobs]
