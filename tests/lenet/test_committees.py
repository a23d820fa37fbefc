"""Committees: members from a script, penalties added, members that learn what others miss."""

import json

import numpy as np
import pytest

import lenet
from lenet.boosting import hard_digits, train_committee
from lenet.cli import main
from lenet.distortions import AFFINE
from lenet.evaluation import evaluate
from lenet.networks import Committee, NetworkError, load_network
from lenet.strokes import glyph
from lenet.training import train

ONE = """
(libload "maps")
(alloc-net 840 7850)
(build-net-nobias '((input 784) (output 10 (nlf-lin 1 1))) ())
(full-connect input output)
(setq training-cost "softmax")
(setq training-schedule '((2 0.01)))
"""


@pytest.fixture
def pair(tmp_path):
    """Return the script of a committee of two, a network of one layer each."""
    (tmp_path / "one.sn").write_text(ONE)
    script = tmp_path / "pair.sn"
    script.write_text('(setq committee \'("one" one))')
    return script


@pytest.fixture(scope="module")
def digits():
    pens = np.linspace(0.1, 0.3, 8)
    return np.stack([glyph(k, pen=p) for p in pens for k in range(10)]), np.tile(
        np.arange(10, dtype=np.uint8), 8
    )


def test_members_add_their_outputs(pair, digits):
    images, labels = digits
    both = lenet.load(str(pair), trained=False)
    assert isinstance(both, Committee)
    for k, member in enumerate(both.members):
        member.initialize(k + 1)
    outputs = sum(m.program.run(m.retina(images)).astype(float) for m in both.members)
    assert (both.classify(images) == outputs.argmax(axis=1)).all()
    two = np.sort(outputs, axis=1)[:, -2:]
    found = evaluate(both, images, labels)
    assert found.margins == pytest.approx(two[:, 1] - two[:, 0], abs=1e-4)
    assert (found.answers == both.classify(images)).all()


def test_all_weights_lie_in_one_file(pair, tmp_path):
    both = lenet.load(str(pair), trained=False)
    both.set_weights(np.arange(2 * 7_850, dtype=np.float32))
    assert both.members[1].weights()[0] == 7_850
    both.save_weights(tmp_path / "pair.wei", {})
    again = lenet.load(str(pair))
    assert (again.weights() == both.weights()).all()
    assert again.sha256 == both.sha256 != both.members[0].sha256
    both.members[0].save_weights(tmp_path / "half.wei", {})
    with pytest.raises(NetworkError, match="7,850 weights, but pair has 15,700"):
        lenet.load(str(pair), tmp_path / "half.wei")


def test_members_that_differ_bring_their_own_weights(pair, tmp_path):
    (tmp_path / "two.sn").write_text(ONE)
    pair.write_text('(setq committee \'("one" "two"))')
    for k, name in enumerate(("one", "two")):
        member = lenet.load(str(tmp_path / f"{name}.sn"), trained=False)
        with pytest.raises(NetworkError, match=f"{name}.sn: no weights yet; lenet train"):
            lenet.load(str(pair))
        member.set_weights(np.full(7_850, k + 1, np.float32))
        member.save_weights(tmp_path / f"{name}.wei", {})
    assert lenet.load(str(pair)).weights()[[0, 7_850]].tolist() == [1, 2]
    pair.write_text('(setq committee \'("one" "one"))')
    with pytest.raises(NetworkError, match=r"pair\.sn: no weights yet"):
        lenet.load(str(pair))


def test_what_needs_one_network_says_so(pair, capsys):
    with pytest.raises(NetworkError, match="a committee of 2, where one network is needed"):
        load_network(str(pair), trained=False)
    assert main(["table", str(pair)]) == 1
    told = "lenet: pair: a committee of 2, where one network is needed; its members are built"
    assert capsys.readouterr().err == f"{told} by one\n"


def test_unknown_members_are_named(tmp_path):
    script = tmp_path / "pair.sn"
    script.write_text('(setq committee \'("lenet9"))')
    with pytest.raises(NetworkError, match='no model "lenet9"'):
        lenet.load(str(script), trained=False)


@pytest.mark.jit
def test_the_second_learns_what_the_first_misreads_the_third_where_they_differ(pair, digits):
    images, labels = digits
    both = lenet.load(str(pair), trained=False)
    first, second = both.members
    first.initialize(1)
    second.initialize(2)
    chance = np.random.default_rng(3)
    shown, answers, seen = hard_digits([first], images, labels, AFFINE, chance)
    assert shown.shape == images.shape
    assert seen >= len(shown)
    # Untrained, it reads fewer than half: those misread are more than those read.
    assert 0.5 <= np.mean(first.classify(shown) != answers) < 1
    shown, answers, _ = hard_digits([first, second], images, labels, AFFINE, chance)
    assert (first.classify(shown) != second.classify(shown)).all()
    second.set_weights(first.weights())
    with pytest.raises(NetworkError, match="only 0 hard digits among 16,000"):
        hard_digits([first, second], images, labels, AFFINE, chance)


@pytest.mark.jit
def test_a_boosted_committee_learns_better_than_its_first_member(pair, digits):
    images, labels = digits
    pair.write_text('(setq committee \'("one" "one" "one")) (setq training-boosted t)')
    three = lenet.load(str(pair), trained=False)
    with pytest.raises(NetworkError, match="say --distort affine"):
        train_committee(three, images, labels)
    told = []
    train_committee(three, images, labels, distort=AFFINE, passes=4, tell=told.append)
    assert [line.split(":")[0] for line in told] == [f"network {k} of 3" for k in (1, 2, 3)]
    hard, answers, _ = hard_digits(
        three.members[:1], images, labels, AFFINE, np.random.default_rng(5)
    )
    alone = evaluate(three.members[0], hard, answers).error
    assert evaluate(three, hard, answers).error < alone


@pytest.mark.jit
def test_a_committee_is_trained_and_measured_by_name(pair, digits, tmp_path, mnist_of, capsys):
    mnist_of(tmp_path, *digits)
    data = ["--data", str(tmp_path)]
    file = tmp_path / "pair.wei"
    assert main(["train", str(pair), *data, "--seed", "4", "-q"]) == 0
    notes = json.loads(file.with_suffix(".json").read_text())
    assert (notes["network"], notes["passes"], notes["weights"]) == ("pair", 4, 15_700)
    one = lenet.load(str(tmp_path / "one.sn"), trained=False)
    train(one, *digits, seed=5)
    assert (one.weights() == lenet.load(str(pair)).members[1].weights()).all()
    assert not list(tmp_path.glob("*checkpoint*"))
    capsys.readouterr()
    assert main(["evaluate", str(pair), *data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["error"] == notes["test_error"]
