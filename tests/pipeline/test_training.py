"""Training lines and the labels of their candidates."""

from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest

import lenet
from lenet.networks import NetworkError
from pipeline import calibration, command_train, course, training, training_cuts
from pipeline.cli import main
from pipeline.confidence import NETWORKS, WEIGHTS
from pipeline.errors import TooMuch
from pipeline.finetuning import CutCharacters, Line
from pipeline.handwriting import Sources, StrokeHand
from pipeline.lines import printed_mark
from pipeline.normalization import finish
from pipeline.segmentation import Segmentation, segment
from pipeline.spellings import chain
from pipeline.synthesis import Style, compose
from pipeline.training import (
    RUBBISH,
    SYMBOLS,
    candidates_of,
    label_candidates,
    near,
    packed,
)
from pipeline.training_cuts import CutTraining, best_string, line_of
from pipeline.training_strips import strips_of


def segmentation(pieces, spans):
    count = int(pieces.max()) + 1
    return Segmentation(
        pieces,
        np.ones(count),
        np.array(spans, np.int32),
        np.zeros((len(spans), 4), np.int32),
        np.ones(len(spans), bool),
        np.zeros((len(spans), 32, 32), np.float32),
    )


def test_candidates_are_named_by_the_ink_they_hold():
    pieces = np.array([[0] * 5 + [1] * 5 + [-1] + [2] * 2 + [-1] + [3] * 10], np.int32)
    owner = np.array([[0] * 10 + [-1] + [1] * 2 + [-1] + [2] * 10], np.int16)
    ink = (pieces >= 0).astype(np.float32)
    spans = [(0, 0), (0, 1), (1, 1), (2, 2), (1, 2), (0, 2), (3, 3), (2, 3)]
    labels = label_candidates(segmentation(pieces, spans), owner, "7.4", ink)
    names = [(SYMBOLS + "~")[k] for k in labels]
    # The last but two swallows the point, which would be lost in the 7; so does the last.
    assert names == ["~", "7", "~", ".", "~", "~", "4", "~"]


def test_foreign_ink_alone_is_rubbish_and_a_little_of_it_does_no_harm():
    pieces = np.array([[0] * 20 + [1] + [2] * 6], np.int32)
    owner = np.array([[0] * 20 + [-1] * 7], np.int16)
    labels = label_candidates(
        segmentation(pieces, [(0, 1), (2, 2)]), owner, "5", np.ones((1, 27), np.float32)
    )
    assert labels.tolist() == [SYMBOLS.index("5"), RUBBISH]


def test_a_printed_mark_stands_before_the_amount():
    rng = np.random.default_rng(2)
    line = compose("740", StrokeHand(rng), rng, Style())
    ink, owner, text = printed_mark(line.ink, line.owner, line.text, line, rng)
    assert text == "$740"
    assert ink.shape == owner.shape
    assert (ink[owner == 0] > 0).all()
    first = [np.flatnonzero((owner == k).any(axis=0))[0] for k in range(4)]
    assert first == sorted(first)
    writing = finish(ink)
    found = segment(writing.ink)
    labels = label_candidates(found, near(owner, writing), text, writing.ink)
    assert {SYMBOLS.index(c) for c in "$740"} <= set(labels.tolist())


def test_chunks_repeat_with_their_seed():
    one, two = (candidates_of(Sources(), 5, 3, lines=4) for _ in range(2))
    assert (one.images == two.images).all()
    assert (one.labels == two.labels).all()
    assert one.labels.max() <= RUBBISH
    assert not np.array_equal(one.labels, candidates_of(Sources(), 5, 4, lines=4).labels)


def test_a_line_that_is_too_much_is_left_out(monkeypatch):
    whole = candidates_of(Sources(), 5, 3, lines=2)
    turns = iter([True, False])

    def segmented(ink):
        if next(turns):
            raise TooMuch("more than a line holds")
        return segment(ink)

    monkeypatch.setattr(training, "segment", segmented)
    assert 0 < len(candidates_of(Sources(), 5, 3, lines=2).labels) < len(whole.labels)


def test_telephone_numbers_are_what_the_mix_says():
    texts = strips_of(Sources(), 5, 0, lines=30, mix="phone").texts
    assert sum(len("".join(c for c in t if c.isdigit())) in (7, 10) for t in texts) >= 25
    assert strips_of(Sources(), 5, 0, lines=30).texts != texts


def test_packed_retinas_keep_their_ink():
    retinas = np.array([-0.1, 0.5375, 1.175], np.float32)
    assert packed(retinas).tolist() == pytest.approx([0, 128, 255], abs=1)


def test_all_networks_are_trained_in_turn_and_none_twice(tmp_path, monkeypatch, capsys):
    calls = []

    def learned(data, file, *, progress, tell, start=None, **given):
        assert start is None or start.is_file()
        calls.append((file.name, start and start.name, given))
        file.write_bytes(b"")
        if len(calls) == 2:
            raise KeyboardInterrupt
        file.with_suffix(".json").write_text("{}")
        return {"test_error": 0.25}

    monkeypatch.setattr(command_train, "training", lambda engine, criterion: learned)
    monkeypatch.setattr(
        calibration, "calibrate", lambda *a, progress, **k: calls.append((a[1].name, k))
    )
    command = ["train", "--all", "-o", str(tmp_path / "own"), "--data", str(tmp_path)]
    assert main(command) == 130
    assert main(command) == 0
    wanted = [
        (f"{name}.wei", f"{start}.wei" if start else None, given)
        for name, _, whole in command_train.SHIPPED
        for start, given in [
            (
                whole.get("start"),
                {k: v for k, v in whole.items() if k not in ("start", "criterion")},
            )
        ]
    ]
    wanted.insert(1, wanted[1])  # interrupted, and once more
    assert calls == [*wanted, ("own", command_train.CALIBRATION)]
    made = [name for name, _, _ in wanted]
    assert all(start in made[:k] for k, (_, start, _) in enumerate(wanted) if start)
    assert {f"{name}.wei" for name in NETWORKS["both"]} <= set(made)
    assert "25.00% of held-out misread" in capsys.readouterr().out


class Here(Executor):
    """Runs a job at once, in this process; from job `last` on it breaks off."""

    def __init__(self, last=1000):
        self.left = last

    def submit(self, function, *arguments):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        done = Future()
        done.set_result(function(*arguments))
        return done


@pytest.mark.jit
def test_an_interrupted_training_on_strings_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "BATCH", 2)
    monkeypatch.setattr(course, "PARTS", 3)
    learning = lenet.load("character", WEIGHTS / "character.wei")
    shipped = learning.weights()
    monkeypatch.setattr(training_cuts, "_pupil", CutCharacters(learning, bearable=6.0))
    monkeypatch.setattr(training_cuts, "_sources", Sources())

    def trained(file, pool):
        network = lenet.load("character", WEIGHTS / "character.wei")
        lesson = CutTraining(network, pool, seed=3, held=2)
        return lesson.follow(np.arange(6), tmp_path / file), network.weights()

    parts, whole = trained("one.npz", Here())
    assert [p.number for p in parts] == [1, 2, 3]
    assert np.abs(whole - shipped).max() > 0
    with pytest.raises(KeyboardInterrupt):
        trained("two.npz", Here(last=7))  # four jobs a part
    again, weights = trained("two.npz", Here())
    assert again == parts
    np.testing.assert_array_equal(weights, whole)


@pytest.mark.jit
def test_a_course_refuses_what_is_no_checkpoint_and_too_few_lines(tmp_path):
    network = lenet.load("character", WEIGHTS / "character.wei")
    lesson = CutTraining(network, Here(), seed=3, held=2)
    with pytest.raises(NetworkError, match="10 lines are too few"):
        lesson.follow(np.arange(10), tmp_path / "none.npz")
    (tmp_path / "junk.npz").write_text("junk")
    with pytest.raises(NetworkError, match=r"junk\.npz: no checkpoint"):
        lesson.follow(np.arange(40), tmp_path / "junk.npz")
    lesson.save(tmp_path / "kept.npz", 40, [course.Part(1, 2.0, 0.5)])
    assert lesson.resume(tmp_path / "kept.npz", 40) == [course.Part(1, 2.0, 0.5)]
    with pytest.raises(NetworkError, match="belongs to another training"):
        lesson.follow(np.arange(80), tmp_path / "kept.npz")


@pytest.mark.jit
def test_lines_beyond_bearing_teach_the_less():
    line, _ = line_of(Sources(), 4, 1)
    steps = []
    for bearable in (np.inf, 1e-3):
        network = lenet.load("character", WEIGHTS / "character.wei")
        pupil = CutCharacters(network, bearable)
        network.program.gradient_sum[:] = 0
        wrong = replace(line, ways=chain("4711"))  # so that its energy is high
        energy = pupil.learn(wrong, np.random.default_rng(2))
        steps.append(network.program.gradient_sum.copy())
    assert energy > 1
    assert np.abs(steps[0]).max() > 0
    # Slopes that the smaller gradient makes negligible are left out: a few per thousand.
    assert np.abs(steps[1]).max() < 1e-2 * np.abs(steps[0]).max()


@pytest.mark.jit
def test_the_recognizer_reads_a_careful_line():
    rng = np.random.default_rng(8)
    writing = finish(compose("3058", StrokeHand(rng, 0.0, 0.1), rng).ink)
    network = lenet.load("character", WEIGHTS / "character.wei")
    assert best_string(network, Line.of(writing, chain("3058"))) == "3058"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--engine", "sdnn", "--criterion", "strings"], "--criterion goes with --engine hos"),
        (["--criterion", "strings"], "goes on from weights: --from FILE"),
        (["--criterion", "strings", "--from", "x", "--passes", "2"], "sees no line twice"),
        (["--all", "--lines", "3"], "--lines is part of --all"),
        (["--all", "--field-data", "x"], "--all trains from nothing"),
        (["--net", "strip"], "--net goes with --engine sdnn"),
        (["--mix", "phone"], "--mix goes with --engine sdnn"),
        (["--field-data", "x", "--engine", "hos"], "--engine trains from nothing"),
        (["--held-out", "0.1"], "--held-out goes with --field-data FOLDER"),
    ],
)
def test_options_that_do_not_go_together(given, said, capsys):
    assert main(["train", *given]) == 2
    assert said in capsys.readouterr().err
