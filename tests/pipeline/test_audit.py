"""The audit log: a chain nobody can change, and decisions that replay."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline import audit
from pipeline.audit import GENESIS, AuditError, digest
from pipeline.cli import main
from pipeline.reader import CheckReader

SAMPLES = Path(__file__).parents[2] / "samples" / "strings"


@pytest.fixture
def log(tmp_path, files, monkeypatch, fakes_installed):
    """A log of two runs over three strips and a broken file."""
    monkeypatch.chdir(tmp_path)
    for name, width in (("b.png", 60), ("a.png", 48), ("c.png", 72)):
        Path(name).write_bytes(files.png(files.strip(width)))
    Path("d.png").write_bytes(b"hello")
    names = ["a.png", "b.png", "c.png", "d.png"]
    assert main(["read", "-q", "--audit", "log", *names]) == 1
    assert main(["read", "-q", "--audit", "log", "--expect", "7", "a.png"]) == 0
    return Path("log")


def lines(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_decision_stands_there_with_its_digests(log, capsys):
    found = lines(log)
    assert [e["kind"] for e in found] == [
        *("run", "decision", "decision", "decision", "failed"),
        *("run", "decision"),
    ]
    assert [e["n"] for e in found] == list(range(7))
    first = found[1]
    assert first["image"]["file"] == "a.png"
    assert (first["weights"], first["threshold"]) == ("0" * 64, 0.9)
    assert first["decision"]["amount"] == "3.00"
    assert found[4]["why"].startswith("d.png: not an image we read")
    assert (found[6]["expect"], found[6]["decision"]["reason"]) == ("7.00", "expect")
    assert found[0]["previous"] == GENESIS
    assert all(b["previous"] == a["hash"] for a, b in pairwise(found))
    assert oct(log.stat().st_mode & 0o777) == "0o600"
    capsys.readouterr()
    assert main(["audit", "verify", "log"]) == 0
    out = capsys.readouterr().out
    assert "the chain is whole: 7 entries, 4 decisions, 1 failures in 2 runs" in out
    assert f"head {found[-1]['hash']}\n" in out


def changed(entry):
    entry["decision"]["amount"] = "300.00"
    return entry


def tampered(lines, k, how):
    """Return lines with one changed, and how a careful forger would do it too."""
    entries = [json.loads(line) for line in lines]
    if how == "edit":
        entries[k] = changed(entries[k])
    elif how == "edit and digest":
        entries[k] = changed(entries[k])
        entries[k]["hash"] = digest(entries[k])
    elif how == "remove":
        del entries[k]
    elif how == "swap":
        entries[k], entries[k + 1] = entries[k + 1], entries[k]
    elif how == "repeat":
        entries.insert(k, entries[k])
    return [json.dumps(e, separators=(",", ":")) for e in entries]


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("edit", "line 3 was changed"),
        ("edit and digest", "line 4 does not follow"),
        ("remove", "line 3 does not follow"),
        ("swap", "line 3 does not follow"),
        ("repeat", "line 4 does not follow"),
    ],
)
def test_tampering_shows(log, capsys, how, line):
    log.write_text("\n".join(tampered(log.read_text().splitlines(), 2, how)) + "\n")
    assert main(["audit", "verify", "log"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"check-reader: log: {line}" in err


def test_a_log_cut_off_shows_against_a_noted_head(log, capsys):
    head = lines(log)[-1]["hash"]
    assert main(["audit", "verify", "log", "--head", head]) == 0
    assert main(["read", "-q", "--audit", "log", "a.png"]) == 0
    assert main(["audit", "verify", "log", "--head", head]) == 0
    log.write_text("".join(log.read_text().splitlines(True)[:5]))
    assert main(["audit", "verify", "log"]) == 0
    assert main(["audit", "verify", "log", "--head", head]) == 1
    assert "the log was cut off or replaced" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"hello\n", b"[1]\n", b"{}\n", b"[" * 5000 + b"\n"])
def test_what_is_no_log_is_neither_checked_nor_written(log, capsys, content):
    log.write_bytes(content)
    assert main(["audit", "verify", "log"]) == 1
    assert "line 1 is no entry of an audit log" in capsys.readouterr().err
    assert main(["read", "--audit", "log", "a.png"]) == 1
    assert "this is no audit log" in capsys.readouterr().err
    assert log.read_bytes() == content


def test_half_an_entry_of_a_killed_run_is_cut_and_noted(log, capsys):
    with log.open("a") as handle:
        handle.write('{"schema":"check')
    assert main(["audit", "verify", "log"]) == 1
    assert "line 8 is half an entry" in capsys.readouterr().err
    assert main(["read", "-q", "--audit", "log", "a.png"]) == 0
    assert lines(log)[7]["torn"] == 16
    assert main(["audit", "verify", "log"]) == 0


def test_two_runs_cannot_write_one_log(log, fake):
    reader = CheckReader(engine=fake.engine)
    with audit.Log(log, reader), pytest.raises(AuditError, match="another run is writing"):
        audit.Log(log, reader).__enter__()


def test_decisions_replay_to_the_same_bytes(log, capsys):
    capsys.readouterr()
    assert main(["audit", "replay", "log"]) == 0
    assert "decided again: 4 the same, 0 different, 0 that cannot be" in capsys.readouterr().out


def test_other_images_and_other_decisions_show(log, files, capsys, fake, monkeypatch):
    shutil.move("a.png", "moved.png")
    Path("b.png").write_bytes(files.png(files.strip(84)))
    capsys.readouterr()
    assert main(["audit", "replay", "log"]) == 1
    out = capsys.readouterr().out
    assert "missing  a.png page 1: a.png: no such file or folder" in out
    assert "missing  b.png page 1: the image has changed since" in out
    assert "decided again: 1 the same, 0 different, 3 that cannot be" in out
    assert main(["audit", "replay", "log", "--images", "."]) == 1
    assert "3 the same, 0 different, 1 that cannot be" in capsys.readouterr().out
    monkeypatch.setattr(type(fake.engine), "decode", lambda *_: None)
    assert main(["audit", "replay", "log"]) == 1
    assert (
        "differ   c.png page 1: 5.00 (0.99) then, REJECT poor_image" in capsys.readouterr().out
    )
    monkeypatch.setattr(type(fake.engine), "sha256", "1" * 64)
    assert main(["audit", "replay", "log"]) == 1
    assert "c.png page 1: the weights are other ones here" in capsys.readouterr().out


@pytest.mark.jit
def test_real_decisions_replay(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(SAMPLES)
    log = tmp_path / "log"
    names = sorted(file.name for file in SAMPLES.glob("*.png"))[:4]
    arguments = ["read", "-q", "--grammar", "digits", "--field", "auto", "--audit", str(log)]
    main([*arguments, *names])
    capsys.readouterr()
    assert main(["audit", "replay", str(log)]) == 0
    assert "decided again: 4 the same" in capsys.readouterr().out
