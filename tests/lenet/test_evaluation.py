"""Errors, confusions and the reject curve, worked out by hand on a few digits."""

import json

import numpy as np
import pytest

import lenet
from lenet.cli import main
from lenet.evaluation import (
    Evaluation,
    evaluate,
    grey,
    misread_picture,
    nice,
    penalties,
    reject_picture,
)
from lenet.networks import NetworkError
from lenet.strokes import glyph


def found(margins, wrong) -> Evaluation:
    labels = np.zeros(len(margins), int)
    return Evaluation(3, labels, np.where(wrong, 2, 0), np.array(margins, float))


def test_rejecting_the_doubtful_lowers_the_error():
    few = found([0.1, 5, 0.2, 3, 4], [True, False, False, True, False])
    rejected, left = few.curve()
    assert rejected.tolist() == [0, 0.2, 0.4, 0.6, 0.8]
    assert left.tolist() == pytest.approx([2 / 5, 1 / 4, 1 / 3, 0, 0])
    assert few.error == 0.4
    assert few.rejects_for(0.4) == 0
    assert few.rejects_for(0.25) == 0.2
    assert few.rejects_for(0.01) == 0.6


def test_no_reject_helps_when_the_surest_answer_is_wrong():
    assert found([1, 2, 3], [False, False, True]).rejects_for(0.01) is None


def test_confusions_count_true_class_and_answer():
    seen = Evaluation(3, np.array([0, 1, 1, 2]), np.array([0, 2, 1, 2]), np.ones(4))
    assert seen.confusion().tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    thin = [glyph(k, pen=pen) for pen in (0.12, 0.16, 0.3) for k in range(10)]
    return np.stack(thin), np.tile(np.arange(10), 3)


def test_answers_are_those_of_classify_and_margins_their_lead(digits):
    network = lenet.load("lenet5")
    images, labels = digits
    seen = evaluate(network, images, labels)
    assert (seen.answers == network.classify(images)).all()
    two = np.sort(penalties(network, images), axis=1)
    assert seen.margins == pytest.approx(two[:, 1] - two[:, 0])
    assert seen.error < 0.2


def test_a_cost_of_squares_reads_the_greatest_output(tmp_path, digits):
    file = tmp_path / "own.sn"
    file.write_text(
        '(libload "sn28ite") (alloc-net 900 9000) (nlf-tanh 0.66666666 0)'
        "(build-net '((input 784) (output 10)) '((input output)))"
    )
    network = lenet.load(str(file), trained=False)
    network.initialize(3)
    images, labels = digits
    seen = evaluate(network, images, labels)
    assert (seen.answers == network.classify(images)).all()
    assert (seen.margins >= 0).all()


def test_nothing_to_evaluate_is_said(digits):
    network = lenet.load("lenet5")
    with pytest.raises(NetworkError, match="no digits"):
        evaluate(network, digits[0][:0], digits[1][:0])


def test_pictures_show_every_misread_digit_and_the_curve():
    few = found([0.1, 5, 0.2, 3, 4], [True, False, False, True, False])
    images = np.zeros((5, 28, 28), np.uint8)
    svg = misread_picture(few, images, "own").to_svg()
    assert svg.count("<image") == 2
    assert "own: 2 of 5 misread" in svg
    assert "own: error against rejects" in reject_picture(few, "own").to_svg()
    perfect = found([1.0, 2.0], [False, False])
    assert misread_picture(perfect, images[:2], "own").to_svg().count("<image") == 0
    assert reject_picture(perfect, "own").to_image(1).width > 300


def test_ink_is_dark_whatever_the_set_calls_ink():
    assert grey(np.array([[0, 255]], np.uint8)).tolist() == [[255, 0]]
    assert grey(np.array([[-1.0, 1.0]])).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("value", "rounded"), [(1.06, 1.25), (23, 25), (0, 0.05), (99, 100), (2.5, 2.5)]
)
def test_axes_end_at_round_numbers(value, rounded):
    assert nice(value) == rounded


@pytest.mark.jit
def test_evaluate_tells_error_rejects_and_confusions(data, capsys, tmp_path):
    picture, plot = tmp_path / "m.png", tmp_path / "r.svg"
    command = ["evaluate", "lenet5", "--misread", str(picture), "--plot", str(plot)]
    assert main([*command, "--data", str(data)]) == 0
    text = capsys.readouterr().out
    assert "of 10,000 wrong" in text
    assert "error among the rest" in text
    assert picture.stat().st_size > 10_000
    assert plot.read_text().startswith("<svg")
    assert main(["evaluate", "lenet5", "--json", "--data", str(data)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert sum(map(sum, record["confusion"])) == record["digits"] == 10_000
    right = sum(row[k] for k, row in enumerate(record["confusion"]))
    assert record["wrong"] == 10_000 - right
