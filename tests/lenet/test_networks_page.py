"""docs/networks.md is carried out: its dialogues, its scripts, its commands, its messages."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import lenet
from lenet import cli
from lenet.strokes import glyph
from pipeline import cli as pipeline_cli
from tests.sn.dialogues import Listener, differences

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
STRIP = ROOT / "samples" / "strings" / "string-1993-007.png"
SCRIPTS = dict(re.findall(r"<!-- file: (\S+) -->\n```lisp\n(.*?)```", TEXT, re.S))
PROGRAMS = {"lenet": cli.main, "check-reader": pipeline_cli.main}


def commands() -> list[tuple[list[str], str]]:
    """Return the command lines of the page with what they are said to print."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, printed = part.partition("\n")
            found.append((shlex.split(line), printed))
    return found


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "strip.png").write_bytes(STRIP.read_bytes())
    return tmp_path


def test_the_dialogue_is_true(monkeypatch):
    def quiet(self: Listener, text: str) -> None:
        if not text.startswith("+++ Warning"):  # as with sn -q
            self.pieces.append(f"{text}\n")

    monkeypatch.setattr(Listener, "_tell", quiet)
    found = []
    for block in re.finditer(r"^```sn\n(.*?)^```$", TEXT, re.S | re.M):
        first = TEXT.count("\n", 0, block.start(1)) + 1
        count, wrong = differences(block.group(1), first)
        assert count == 7
        found += wrong
    assert not found, "\n".join(found)


def test_the_scripts_are_the_networks_the_page_says(here):
    assert set(SCRIPTS) == {"xor.sn", "first.sn", "own-lenet.sn"}
    sizes = {}
    for name in SCRIPTS:
        memory = lenet.load(name, trained=False).interpreter.network
        sizes[name] = memory.link_count, memory.weight_count
    assert sizes == {
        "xor.sn": (9, 9),
        "first.sn": (23_860, 23_860),
        "own-lenet.sn": (213_034, 3_934),
    }
    for count in ("213,034", "3,934"):
        assert count in TEXT


@pytest.mark.jit
def test_every_command_runs(here, monkeypatch, capsys):
    """Training and measuring get a set of our own: the page is about the commands."""
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 10
    pens = rng.uniform(0.1, 0.3, 600)
    drawn = np.stack([glyph(int(k), pen=float(p)) for k, p in zip(labels, pens, strict=True)])
    monkeypatch.setattr("lenet.data.SETS", {"mnist": lambda part, folder: (drawn, labels)})
    monkeypatch.setenv("SN_DATA", str(here))
    for words, printed in commands():
        assert PROGRAMS[words[0]](words[1:]) == 0, (words, capsys.readouterr().err)
        told = capsys.readouterr().out
        assert told
        if printed:
            assert told == printed
    for name in ("xor.svg", "first.wei", "wrong.png", "curve.svg", "own-lenet.png"):
        assert (here / name).stat().st_size > 500
    images = np.stack([glyph(k) for k in range(10)])
    assert lenet.load("own-lenet.sn").classify(images).shape == (10,)


@pytest.mark.parametrize(
    ("script", "change", "told"),
    [
        ("first.sn", ("build-net", "biuld-net"), "there is no function biuld-net; did you"),
        ("first.sn", ("((input hidden)", "((input hiden)"), "says hiden: did you mean hidden?"),
        (
            "first.sn",
            (" (hidden output))", ")"),
            "layer hidden leads nowhere; a connection such",
        ),
        ("own-lenet.sn", ("input 28", "input 32"), "784 units are not 32 x 32 = 1,024; it may"),
        (
            "own-lenet.sn",
            ("all-to-all 1 6", "all-to-all 1 7"),
            "the layer has no such map of 24",
        ),
        (
            "first.sn",
            ("900 30000", "100 9"),
            "(alloc-net ...) in line 2 makes room for 100 units",
        ),
    ],
)
def test_mistakes_are_told_as_the_page_says(script, change, told, here):
    text = SCRIPTS[script]
    assert change[0] in text
    (here / script).write_text(text.replace(*change))
    with pytest.raises(lenet.networks.NetworkError) as caught:
        lenet.load(script, trained=False)
    assert str(caught.value).startswith(f"{script}:")
    assert told in str(caught.value)
    assert told in TEXT


def test_the_whole_page_is_ten_minutes():
    words = re.sub(r"```.*?```", "", TEXT, flags=re.S).split()
    assert len(words) < 1400
