"""Fine-tuning on labelled fields: gradients through the graphs, checkpoints, the command."""

import json

import numpy as np
import pytest
from PIL import Image

import lenet
from lenet.scripts import NetworkError
from pipeline import finetuning
from pipeline.cli import main
from pipeline.field_data import REPORT, Score, recalibrated
from pipeline.finetuning import CutCharacters, Lessons, Line, WholeLines, distorted
from pipeline.handwriting import StrokeHand
from pipeline.normalization import finish
from pipeline.recognition import WEIGHTS, Decoded, Engine
from pipeline.spellings import spellings
from pipeline.synthesis import Style, cleaned, compose


def line_of(text, seed, grammar="digits"):
    rng = np.random.default_rng(seed)
    written = compose(text, StrokeHand(rng), rng, Style())
    return Line.of(finish(cleaned(written, rng)), spellings(grammar, text))


def pupil(kind):
    if kind == "whole":
        return WholeLines(lenet.load("strip", WEIGHTS / "strip.wei"))
    return CutCharacters(lenet.load("character", WEIGHTS / "character.wei"))


@pytest.mark.parametrize("kind", ["whole", "cut"])
def test_the_gradient_is_that_of_the_energy(kind, monkeypatch):
    monkeypatch.setattr(finetuning, "distorted", lambda line, rng: line.ink / np.float32(255))
    student = pupil(kind)
    program = student.program
    line = line_of("4107", 5)
    noise = np.random.default_rng(2).normal(0, 0.01, len(program.weights))
    program.weights += noise.astype(np.float32)  # away from a flat place
    energy = student.learn(line, np.random.default_rng(1))
    assert energy == pytest.approx(student.learn(line, None), rel=1e-6)
    slope = program.gradient_sum.astype(np.float64).copy()
    step = 1e-4 / np.linalg.norm(slope)  # a larger one crosses corners of the rectifiers
    known = program.weights.copy()
    ends = []
    for sign in (1, -1):
        program.weights[:] = known + np.float32(sign * step) * slope.astype(np.float32)
        ends.append(student.learn(line, None))
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope @ slope, rel=0.02)


def test_a_line_is_never_seen_twice_the_same():
    line = line_of("382", 6)
    rng = np.random.default_rng(1)
    one, two = distorted(line, rng), distorted(line, rng)
    assert one.shape[0] == two.shape[0] == line.ink.shape[0]
    assert one.shape != two.shape or np.abs(one - two).max() > 0.1
    assert one.min() >= 0
    assert one.max() <= 1
    assert np.allclose(distorted(line, None), line.ink / 255)


def lessons(digest="a", passes=2):
    lines = [line_of(text, k) for k, text in enumerate(("4107", "35", "982", "66"))]
    return Lessons(
        pupil("whole"), lines[:3], lines[3:], lines, rate=1e-3, passes=passes, seed=1,
        digest=digest,
    )  # fmt: skip


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    whole = lessons()
    done = whole.run(tmp_path / "one.npz")
    assert done[-1].energy < done[0].energy + 5
    assert min(d.held_out for d in done[1:]) < done[0].held_out

    def stop(found):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lessons().run(tmp_path / "two.npz", tell=stop)
    again = lessons()
    assert again.run(tmp_path / "two.npz") == done
    assert np.array_equal(again.program.weights, whole.program.weights)


def test_the_best_pass_stays_and_the_rest_ends_it(tmp_path, monkeypatch):
    values = iter([5.0, 3.0, 4.0, 4.0, 4.0, 4.0])
    monkeypatch.setattr(finetuning, "mean_energy", lambda pupil, lines: next(values))
    monkeypatch.setattr(finetuning, "PATIENCE", 3)
    taught, kept = lessons(passes=20), []
    done = taught.run(
        tmp_path / "x.npz", tell=lambda d: kept.append(taught.program.weights.copy())
    )
    assert [d.held_out for d in done] == [5, 3, 4, 4, 4]
    assert np.array_equal(taught.program.weights, kept[0])


def test_checkpoints_of_other_trainings_are_refused(tmp_path):
    file = tmp_path / "x.npz"
    lessons(passes=1).run(file)
    with pytest.raises(NetworkError, match="another training"):
        lessons("b").run(file)
    file.write_bytes(b"nothing")
    with pytest.raises(NetworkError, match="no checkpoint"):
        lessons().run(file)


def test_the_share_that_can_be_read():
    right = np.array([True] * 150 + [False] + [True] * 49)
    falling = np.linspace(1, 0.1, 200)
    assert Score(right, falling).read_at(0.01) == 1.0
    assert Score(right, falling).read_at(0.001) == 0.75
    assert Score(right, np.where(np.arange(200) < 50, falling, 0)).read_at(0.01) == 0.25
    assert Score(~right, falling).read_at(0.01) == 0.0


def test_confidences_of_the_report_come_from_other_fields():
    # One field of its kind: only a curve that has seen it could be sure of it.
    def decoded(p, lost):
        return Decoded((("1", p),), (), p, lost, None, "", evidence=(p, lost, 3.0, 0.9))

    rng = np.random.default_rng(1)
    shares = rng.uniform(0.05, 0.95, 200)
    found = [decoded(p, 0.0) for p in shares]
    right = rng.random(200) < shares
    curve, sure = recalibrated(found, right)
    assert np.corrcoef(sure, shares)[0, 1] > 0.9
    assert abs(sure.mean() - right.mean()) < 0.05
    assert curve.confidence(found[0].evidence) != sure[0]


def write_fields(folder, texts, seed=0):
    folder.mkdir()
    rows = ["file\ttext"]
    for k, text in enumerate(texts):
        rng = np.random.default_rng([seed, k])
        ink = compose(text, StrokeHand(rng), rng, Style()).ink
        Image.fromarray((255 - 235 * np.pad(ink, 6)).astype(np.uint8)).save(folder / f"{k}.png")
        rows.append(f"{k}.png\t{text}")
    (folder / "labels.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.jit
def test_the_command_learns_and_read_takes_its_weights(tmp_path, capsys):
    rng = np.random.default_rng(4)
    texts = [f"{rng.integers(10, 9999)}.{rng.integers(0, 100):02}" for _ in range(54)]
    folder = write_fields(tmp_path / "fields", texts)
    own = tmp_path / "own"
    done = main(
        ["train", "--field-data", str(folder), "-o", str(own), "--passes", "1", "--data", ""]
    )
    out, err = capsys.readouterr()
    assert done == 0
    assert REPORT in out
    assert "both, before" in out
    assert "both, after" in out
    assert "learning, strip: pass  1" in err
    assert sorted(p.name for p in own.iterdir()) == [
        "character.json", "character.wei", "confidence.json",
        "strip-wide.json", "strip-wide.wei", "strip.json", "strip.wei",
    ]  # fmt: skip
    assert json.loads((own / "strip.json").read_text())["held_out"] == 11
    assert Engine.load("both", own).sha256 != Engine.load("both").sha256
    assert main(["read", str(folder / "3.png"), "--weights", str(own), "--json"]) == 0
    model = json.loads(capsys.readouterr().out)["model"]
    assert model["sha256"] == Engine.load("both", own).sha256


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "labels.tsv: cannot be opened"),
        ("file\ttext\n", "no labels"),
        ("file\ttext\n0.png\t12.5\n", "0.png: '12.5' is not what the grammar is about"),
        ("file\ttext\n0.png\t12.50\n", "1 labelled fields that can be used; 50 or more"),
        ("file\ttext\nno.png\t12.50\n", "0 labelled fields that can be used"),
    ],
)
def test_bad_folders_are_one_line(tmp_path, capsys, table, said):
    folder = write_fields(tmp_path / "fields", ["12.50"])
    (folder / "labels.tsv").unlink()
    if table is not None:
        (folder / "labels.tsv").write_text(table)
    assert main(["train", "--field-data", str(folder), "-o", str(tmp_path / "own")]) == 1
    err = capsys.readouterr().err.strip()
    assert said in err
    assert not (tmp_path / "own").exists()


def test_options_that_do_not_go_together(capsys):
    assert main(["train", "--field-data", "x", "--engine", "hos"]) == 2
    assert "--engine trains from nothing" in capsys.readouterr().err
    assert main(["train", "--held-out", "0.5"]) == 2
    assert "--held-out goes with --field-data FOLDER" in capsys.readouterr().err
    assert main(["train", "--field-data", "nowhere"]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err
    assert main(["read", "x.png", "--weights", "nowhere"]) == 2
    assert "--weights without --recognizer NET.sn is a folder" in capsys.readouterr().err
