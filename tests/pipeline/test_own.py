"""A person's own network as the recognizer of the check reader."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from lenet.scripts import NetworkError
from pipeline.cli import main
from pipeline.grammars import SYMBOLS
from pipeline.own import NEVER, OwnRecognizer, engine, penalties
from pipeline.segmentation import INK_VALUE, PAPER

HEAD = '(libload "maps") (alloc-net 3000 90000) (nlf-tanh 0.66666666 0)\n'
STRINGS = Path(__file__).parent.parent.parent / "samples" / "strings"


def own(tmp_path: Path, inputs: int = 784, outputs: int = 10, more: str = "") -> str:
    """Write a script with fresh weights beside it and return its name."""
    file = tmp_path / "own.sn"
    layers = f"'((input {inputs}) (output {outputs} (nlf-lin 1 1)))"
    file.write_text(f"{HEAD}(build-net {layers} '((input output)))\n{more}")
    import lenet

    network = lenet.load(str(file), trained=False)
    network.initialize(1)
    network.save_weights(file.with_suffix(".wei"), {})
    return str(file)


def candidates(count: int = 3) -> np.ndarray:
    images = np.full((count, 32, 32), PAPER, np.float32)
    images[:, 6:26, 14:18] = INK_VALUE
    return images


def test_a_network_of_digits_gives_penalties_of_all_symbols(tmp_path):
    found = OwnRecognizer(own(tmp_path)).fprop(candidates())
    assert found.shape == (3, len(SYMBOLS) + 1)
    assert (found[:, 10:-1] == NEVER).all()
    total = np.exp(-found[:, :10]).sum(axis=1) + np.exp(-found[:, -1])
    assert total == pytest.approx(1)


def test_specks_are_rubbish_to_a_network_of_digits(tmp_path):
    images = np.full((1, 32, 32), PAPER, np.float32)
    images[0, 20:23, 15:18] = INK_VALUE
    found = OwnRecognizer(own(tmp_path)).fprop(images)
    assert found[0, -1] == 0
    assert (found[0, :10] == NEVER).all()


def test_an_eleventh_unit_is_rubbish(tmp_path):
    recognizer = OwnRecognizer(own(tmp_path, outputs=11))
    found = recognizer.fprop(candidates(1))
    assert found.shape == (1, len(SYMBOLS) + 1)
    assert np.exp(-found[0, [*range(10), -1]]).sum() == pytest.approx(1)


def test_a_network_of_all_symbols_sees_the_candidates_as_they_are(tmp_path):
    recognizer = OwnRecognizer(own(tmp_path, 1024, len(SYMBOLS) + 1))
    images = candidates(2)
    expected = penalties(recognizer.network.program.run(images).astype(float))
    assert recognizer.fprop(images) == pytest.approx(expected)
    recognizer.check("amount")


def test_distances_leave_the_constant_of_the_script_to_rubbish():
    recognizer = OwnRecognizer("lenet5")
    assert recognizer.rubbish == -10
    assert recognizer.fprop(candidates(1))[0].argmin() == 1


@pytest.mark.parametrize(
    ("inputs", "outputs", "told"),
    [
        (784, 7, "layer output has 7 units; a recognizer has 10 (digits), 11 (and rubbish)"),
        (784, 22, "layer input has 784 units; this recognizer needs 1,024 (32 x 32)"),
        (780, 10, "layer input has 780 units; this recognizer needs a square"),
    ],
)
def test_networks_that_cannot_read_are_told_so_with_the_line(inputs, outputs, told, tmp_path):
    with pytest.raises(NetworkError) as caught:
        OwnRecognizer(own(tmp_path, inputs, outputs))
    assert str(caught.value).startswith(f"{tmp_path / 'own.sn'}:2: ")
    assert told in str(caught.value)


def test_grammars_with_other_symbols_need_a_larger_output(tmp_path):
    script = own(tmp_path)
    for text in ("digits", "phone", "zip", "[0-4]{2}"):
        engine(script, None, text)
    with pytest.raises(NetworkError, match=r"own\.sn:2: layer output has 10 units, for digits"):
        engine(script, None, "amount")
    with pytest.raises(NetworkError, match="the grammar also has -"):
        engine(script, None, r"[0-9] \- [0-9]")


def test_another_process_can_have_it(tmp_path):
    recognizer = OwnRecognizer(own(tmp_path))
    again = pickle.loads(pickle.dumps(recognizer))
    assert again.fprop(candidates()) == pytest.approx(recognizer.fprop(candidates()))


@pytest.mark.jit
def test_check_reader_reads_with_lenet5(capsys):
    strip = str(STRINGS / "string-1993-000.png")
    command = ["read", strip, "--recognizer", "lenet5", "--grammar", "digits"]
    assert main([*command, "--min-confidence", "0"]) == 0
    assert capsys.readouterr().out.startswith("82964398 ")


def test_mistakes_are_one_line(tmp_path, capsys):
    strip = str(STRINGS / "string-1993-000.png")
    assert main(["read", strip, "--weights", "a.wei"]) == 2
    assert "--weights without --recognizer NET.sn is a folder" in capsys.readouterr().err
    assert main(["read", strip, "--recognizer", own(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"check-reader: {tmp_path / 'own.sn'}:2: layer output has 10 units")
    assert error.count("\n") == 1
