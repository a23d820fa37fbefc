"""Training lines and the labels of their candidates."""

import numpy as np
import pytest

from pipeline import calibration, command_train, training
from pipeline.cli import main
from pipeline.confidence import NETWORKS
from pipeline.errors import TooMuch
from pipeline.handwriting import Sources, StrokeHand
from pipeline.lines import printed_mark
from pipeline.normalization import finish
from pipeline.segmentation import Segmentation, segment
from pipeline.synthesis import Style, compose
from pipeline.training import (
    RUBBISH,
    SYMBOLS,
    candidates_of,
    label_candidates,
    near,
    packed,
)


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

    monkeypatch.setattr(command_train, "training", lambda engine: learned)
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
            (whole.get("start"), {k: v for k, v in whole.items() if k != "start"})
        ]
    ]
    wanted.insert(1, wanted[1])  # interrupted, and once more
    assert calls == [*wanted, ("own", command_train.CALIBRATION)]
    made = [name for name, _, _ in wanted]
    assert all(start in made[:k] for k, (_, start, _) in enumerate(wanted) if start)
    assert {f"{name}.wei" for name in NETWORKS["both"]} <= set(made)
    assert "25.00% of held-out misread" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--all", "--lines", "3"], "--lines is part of --all"),
        (["--all", "--field-data", "x"], "--all trains from nothing"),
        (["--net", "strip"], "--net goes with --engine sdnn"),
        (["--field-data", "x", "--engine", "hos"], "--engine trains from nothing"),
        (["--held-out", "0.1"], "--held-out goes with --field-data FOLDER"),
    ],
)
def test_options_that_do_not_go_together(given, said, capsys):
    assert main(["train", *given]) == 2
    assert said in capsys.readouterr().err
