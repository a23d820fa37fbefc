import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from pipeline import film, warming
from pipeline.normalization import normalize
from pipeline.recognition import Engine
from pipeline.segmentation import segment
from sn import jit
from sn.net.kernels_lanes import LANES

KERNEL_FILES = ("gtn.kernels", "pipeline.kernels_cuts", "sn.net.kernels")


def machine_code():
    """Return the signatures of all kernels that can be called by now."""
    return {
        (name, kernel.__name__, signature)
        for name, module in list(sys.modules.items())
        if name.startswith(KERNEL_FILES)
        for kernel in vars(module).values()
        if type(kernel) is jit.Kernel
        for signature in getattr(kernel._compiled, "signatures", ())
    }


class Process:
    def __init__(self, command, **streams):
        self.command, self.waits, self.kills = command, 0, 0

    def wait(self):
        self.waits += 1

    def kill(self):
        self.kills += 1


@pytest.fixture
def processes(monkeypatch):
    """The processes that were started, none of them in truth."""
    started = []

    def start(*given, **more):
        started.append(Process(*given, **more))
        return started[-1]

    fake = types.SimpleNamespace(Popen=start, DEVNULL=None)
    monkeypatch.setattr(warming, "subprocess", fake)
    monkeypatch.setattr(warming, "cores", lambda: 2)
    monkeypatch.setattr(jit, "disabled", lambda: False)
    return started


def test_the_line_has_more_candidates_than_run_side_by_side():
    found = segment(normalize(warming.line()).ink)
    assert len(found.images) > LANES
    assert len(found.weights) > 1  # something was cut


@pytest.mark.jit
def test_after_the_line_no_strip_waits_for_a_compiler():
    engine = Engine.load()
    engine.decode(warming.line(), "digits")
    known = machine_code()
    assert known
    for shot in film.film():
        engine.decode(shot.image, shot.grammar)
    assert machine_code() == known


@pytest.mark.jit
def test_the_half_of_the_other_process_is_graphs_and_images_side_by_side():
    warming.half()
    names = {(module, kernel) for module, kernel, _ in machine_code()}
    for kernel in ("compose", "nbest", "viterbi", "forward", "divide", "run_lanes"):
        assert any(name == kernel for _, name in names), kernel


def test_two_processes_compile_where_nothing_is_kept(processes, monkeypatch):
    monkeypatch.setattr(jit, "is_kept", lambda module: False)
    seen = []

    class Recorder:
        recognizer = strips = None

        def decode(self, image, text):
            assert processes[0].waits
            seen.append(image)

    warming.warmed(Recorder)
    (process,) = processes
    assert process.command[0] == sys.executable
    assert process.kills
    assert np.array_equal(seen[0], warming.line())


def test_the_other_process_is_ended_when_there_are_no_weights(processes, monkeypatch):
    monkeypatch.setattr(jit, "is_kept", lambda module: False)

    def load():
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        warming.warmed(load)
    assert processes[0].kills


@pytest.mark.parametrize("kept", ["gtn.kernels_compose", "sn.net.kernels_program"])
def test_one_process_is_enough_where_a_half_is_kept(processes, monkeypatch, kept):
    monkeypatch.setattr(jit, "is_kept", lambda module: module == kept)
    warming.warmed(lambda: types.SimpleNamespace(decode=lambda image, text: None))
    assert not processes


def test_machine_code_is_kept_once_its_folder_exists(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jit, "_given", False)
    assert not jit.is_kept("sn.net.kernels_lanes")
    (tmp_path / "sn/kernels" / jit.cache_key("sn.net.kernels_lanes")).mkdir()
    assert jit.is_kept("sn.net.kernels_lanes")
    monkeypatch.setattr(jit, "_given", True)
    assert jit.is_kept("gtn.kernels")


def test_ready_is_what_has_kernels_and_networks(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "disabled", lambda: False)
    monkeypatch.setattr(jit, "is_kept", lambda module: True)
    monkeypatch.setattr(warming.kept, "place_of", lambda script: tmp_path / script.stem)
    assert not warming.ready("sdnn")
    for name in ("strip", "strip-wide"):
        (tmp_path / name).touch()
    assert warming.ready("sdnn")
    assert not warming.ready("both")
    (tmp_path / "character").touch()
    assert warming.ready("both")
    monkeypatch.setattr(jit, "is_kept", lambda module: "gtn" not in module)
    assert not warming.ready("both")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_apart_is_another_process_that_leaves_nothing_behind(tmp_path):
    done = []

    def work():
        done.append(1)
        (tmp_path / "pid").write_text(str(os.getpid()))
        raise MemoryError

    warming.apart(work)
    assert not done
    assert int((tmp_path / "pid").read_text()) != os.getpid()


@pytest.mark.jit
@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux")
def test_code_that_was_put_away_is_there_when_it_is_called():
    """The compiler's code takes tens of megabytes, and compiles afterwards."""

    def resident():
        sizes, inside = 0, False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if "-" in line.split()[0]:
                inside = "libllvmlite" in line and " r-xp " in line
            elif inside and line.startswith("Rss"):
                sizes += int(line.split()[1])
        return sizes

    def compiled(n):
        import numba

        return numba.njit(lambda x: x + n)(1)

    assert compiled(1) == 2
    before = resident()
    warming.put_away("libllvmlite")
    assert resident() < before / 4
    assert compiled(2) == 3
