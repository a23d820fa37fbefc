"""Some seconds of the fuzzer (benchmarks/fuzz.py), and that it would tell of a fault."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 10

# A worker whose targets fail, or do not, as their name says.
PROGRAM = """
from types import SimpleNamespace

from benchmarks import fuzz

def boom(rng):
    raise KeyError("broken")

fuzz.reader = fuzz.client = lambda *_: SimpleNamespace(warm=lambda: None)
fuzz.TARGETS, fuzz.SHARES = {"good": lambda rng: "fine", "bad": boom}, (1, 1)
fuzz.worker(1, 0, only=False)
"""


@pytest.mark.jit
def test_damaged_input_is_answered_or_refused():
    pytest.importorskip("starlette", reason="starlette is not installed (extra web)")
    command = [
        sys.executable,
        "-m",
        "benchmarks.fuzz",
        "--seconds",
        str(SECONDS),
        "--seed",
        "7",
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 faults" in found.stdout


def test_a_fault_is_told():
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = [json.loads(process.stdout.readline()) for _ in range(40)]
        process.kill()
    ended = [line for line in lines if line[2:4] != [None, None]]
    assert {name for _, name, _, _, _ in ended} == {"good", "bad"}
    for _, name, told, fault, _ in ended:
        assert (told, fault is None) == (("fine", True) if name == "good" else (None, False))
        assert fault is None or "KeyError" in fault


def test_damage_is_the_same_every_time():
    code = (
        "import random; from benchmarks.fuzz import damaged; "
        "print([damaged(bytes(range(200)), random.Random(k)).hex() for k in range(30)])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert len(set(json.loads(runs.pop().replace("'", '"')))) > 25
