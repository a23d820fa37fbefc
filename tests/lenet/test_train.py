"""The command `lenet train`: what is kept apart, curves, checkpoints."""

import json

import numpy as np
import pytest

import lenet
from lenet.cli import main
from lenet.command_train import held_out, new_weights
from lenet.curves import learning_picture
from lenet.data import DataError, Retina, deslant
from lenet.networks import NetworkError
from lenet.strokes import glyph
from lenet.training import Pass, train


def test_the_last_digits_are_kept_to_measure_on():
    images, labels = np.arange(12).reshape(6, 1, 2), np.arange(6)
    some, known, (kept, answers) = held_out(images, labels, 2)
    assert known.tolist() == [0, 1, 2, 3]
    assert answers.tolist() == [4, 5]
    assert len(some) == 4
    assert kept.tolist() == images[4:].tolist()
    with pytest.raises(DataError, match="1 to 5 digits, not 6"):
        held_out(images, labels, 6)


def test_new_weights_lie_beside_ones_own_script():
    assert str(new_weights("nets/mine.sn")) == "nets/mine.wei"
    assert str(new_weights("lenet5")) == "lenet5.wei"


def test_curves_reach_from_the_first_pass_to_the_last(tmp_path):
    passes = [Pass(k, 0.1, 1.0, 0.08 / k, 0.05 / k, 1.0) for k in range(1, 6)]
    picture = learning_picture(passes, "net5", "test digits")
    picture.save(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "net5: errors in % by pass" in text
    flat = [Pass(k, 0.1, 1.0, 0.0, None, 1.0) for k in range(1, 3)]
    learning_picture(flat, "x", "none").save(tmp_path / "b.svg")


def test_a_retina_scales_and_places_digits():
    glyph = np.full((1, 28, 28), 255, np.uint8)
    found = Retina(28, -1, 1, 22)(glyph)
    assert found.shape == (1, 28, 28)
    assert (found[0, 3:25, 3:25] == 1).all()
    assert (found[0, :3] == -1).all()
    assert Retina(20)(glyph).shape == (1, 20, 20)
    floats = np.zeros((2, 16, 16), np.float32)
    assert Retina(16)(floats) is floats


def test_deslanting_sets_a_slanted_stroke_upright():
    image = np.zeros((1, 28, 28), np.uint8)
    for row in range(4, 24):
        image[0, row, 22 - row // 2 : 24 - row // 2] = 255
    upright = deslant(image)[0].astype(float)
    y, x = np.mgrid[:28, :28]
    my, mx = (np.average(v, weights=upright) for v in (y, x))
    slant = (upright * (y - my) * (x - mx)).sum() / (upright * (y - my) ** 2).sum()
    assert abs(slant) < 0.05
    assert np.ptp(np.flatnonzero(upright.any(axis=0))) <= 4


@pytest.mark.jit
def test_training_from_the_command_line_leaves_weights_and_their_origin(data, tmp_path):
    file, curves = tmp_path / "n.wei", tmp_path / "n.svg"
    command = ["train", "net5", "--data", str(data), "--passes", "3", "-q"]
    assert main([*command, "-o", str(file), "--plot", str(curves)]) == 0
    notes = json.loads(file.with_suffix(".json").read_text())
    assert notes["command"] == "lenet train net5 --seed 1 --passes 3"
    assert notes["passes"] == 3
    assert 0 < notes["test_error"] < 0.4
    assert lenet.load("net5", file).sha256 == notes["sha256"]
    assert curves.is_file()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["n.json", "n.svg", "n.wei"]
    assert main([*command, "-o", str(file), "--validation", "80"]) == 0
    notes = json.loads(file.with_suffix(".json").read_text())
    assert "test_error" not in notes
    assert 0 < notes["validation_error"] < 0.5


@pytest.mark.jit
def test_nothing_is_measured_on_test_digits_before_the_end(data, tmp_path, capsys):
    command = ["train", "net5", "--data", str(data), "--passes", "2", "-o"]
    assert main([*command, str(tmp_path / "n.wei")]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("training") == 2
    assert "validation" not in printed.err
    assert "test error" not in printed.err
    assert printed.out.count("test error") == 1
    assert main([*command, str(tmp_path / "n.wei"), "--validation", "80"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("validation") == 2
    assert "test error" not in printed.out


@pytest.mark.jit
def test_checkpoints_of_other_trainings_and_damaged_ones_are_refused(tmp_path):
    images = np.random.default_rng(0).normal(size=(20, 16, 16)).astype(np.float32)
    labels = np.arange(20) % 10
    network = lenet.load("net1", trained=False)
    file = tmp_path / "c.npz"
    train(network, images, labels, passes=2, checkpoint=file)
    again = train(network, images, labels, passes=2, checkpoint=file)
    assert [p.number for p in again] == [1, 2]
    with pytest.raises(NetworkError, match=r"belongs to another training \(rates differ\)"):
        train(network, images, labels, passes=3, checkpoint=file)
    with pytest.raises(NetworkError, match=r"another training \(data differ\)"):
        train(network, -images, labels, passes=2, checkpoint=file)
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(NetworkError, match="damaged; remove it to start anew"):
        train(network, images, labels, passes=2, checkpoint=file)


@pytest.mark.jit
def test_distorted_digits_are_the_same_by_a_seed(tmp_path, mnist_of):
    images = np.stack([glyph(k % 10, pen=0.12 + k / 1000) for k in range(40)])
    mnist_of(tmp_path, images, np.arange(40, dtype=np.uint8) % 10)
    command = ["train", "linear", "--data", str(tmp_path), "--passes", "2", "-q"]
    found = {}
    for name, more in {
        "plain": "",
        "affine": " --distort affine",
        "again": " --distort affine",
        "elastic": " --distort elastic",
    }.items():
        assert main([*command, *more.split(), "-o", str(tmp_path / f"{name}.wei")]) == 0
        notes = json.loads((tmp_path / f"{name}.json").read_text())
        assert notes["command"] == f"lenet train linear --seed 1 --passes 2{more}"
        found[name] = notes["sha256"]
    assert found["affine"] == found.pop("again")
    assert len(set(found.values())) == 3


@pytest.mark.jit
def test_inputs_are_distorted_as_256_greys(monkeypatch):
    seen = []

    def distort(images, chance):
        seen.append(images)
        return images

    network = lenet.load("zipcode", trained=False)
    inputs = np.random.default_rng(3).uniform(-1, 1, (40, 16, 16)).astype(np.float32)
    train(network, inputs, np.arange(40) % 10, passes=1, distort=distort)
    greys = np.concatenate(seen)
    assert greys.dtype == np.uint8
    assert network.retina(greys) == pytest.approx(inputs, abs=1 / 255)


@pytest.mark.jit
def test_nine_of_ten_digits_are_distorted_and_anew_in_every_pass(monkeypatch):
    drawn, shown = [], []

    def distort(images, chance):
        drawn.append(chance.integers(1 << 30))
        return np.zeros_like(images)

    def retina(images):
        shown.append(images.any(axis=(1, 2)).mean())
        return Retina(20)(images)

    network = lenet.load("linear", trained=False)
    monkeypatch.setattr(network, "retina", retina)
    images = np.full((2000, 28, 28), 255, np.uint8)
    train(network, images, np.arange(2000) % 10, passes=2, distort=distort)
    learned = [share for share in shown if share < 1]  # the others are samples of curvature
    assert len(learned) == len(drawn) == 11
    assert learned == pytest.approx([0.1] * 11, abs=0.1)
    assert len(set(drawn)) == 11


@pytest.mark.jit
def test_the_last_passes_of_the_moved_zip_code_net_are_plain():
    passes = []
    network = lenet.load("zipcode-moved", trained=False)
    train(
        network,
        np.zeros((10, 16, 16), np.uint8),
        np.arange(10),
        distort=lambda images, chance: passes.append(chance) or images,
    )
    assert len(set(map(id, passes))) == 23 - 7


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('(setq training-rule "muon")', "training-rule muon needs a training-batch"),
        ("(setq training-decay 0.001)", "training-decay needs a training-batch"),
        ("(setq training-momentum 0.9)", "training-momentum needs a training-batch"),
    ],
)
def test_what_acts_on_mini_batches_needs_them(tmp_path, said, told):
    script = tmp_path / "n.sn"
    script.write_text(
        '(libload "maps")\n(alloc-net 30 200)\n(nlf-tanh 1 0)\n'
        "(build-net '((input 4) (output 2)) '((input output)))\n"
        f"{said}\n"
    )
    with pytest.raises(NetworkError, match=told):
        lenet.load(str(script), trained=False)


@pytest.mark.jit
@pytest.mark.parametrize("rule", ["adam", "muon"])
def test_an_order_may_be_drawn_anew_for_every_pass(tmp_path, monkeypatch, rule):
    script = tmp_path / "n.sn"
    script.write_text(
        '(libload "maps")\n(alloc-net 30 200)\n(nlf-tanh 1 0)\n'
        "(build-net '((input 4) (output 2)) '((input output)))\n"
        f'(setq training-order "anew" training-batch 3 training-rule "{rule}")\n'
        "(setq training-schedule '((3 0.01)))\n"
    )
    images = np.arange(36, dtype=np.float32).reshape(9, 2, 2) / 36
    network = lenet.load(str(script), trained=False)
    shown = []
    real = network.program.learn
    monkeypatch.setattr(
        network.program,
        "learn",
        lambda patterns, *rest, **how: (
            shown.append(patterns[:, 0, 0].copy()) or real(patterns, *rest, **how)
        ),
    )
    train(network, images, np.arange(9) % 2)
    last = network.weights()
    assert len({tuple(order) for order in shown}) == 3
    assert all(sorted(order) == images[:, 0, 0].tolist() for order in shown)
    train(network, images, np.arange(9) % 2)
    assert network.weights().tolist() == last.tolist()


@pytest.mark.jit
def test_the_last_passes_learn_from_all_patterns(tmp_path, monkeypatch):
    script = tmp_path / "n.sn"
    script.write_text(
        '(libload "maps")\n(alloc-net 30 200)\n(nlf-tanh 1 0)\n'
        "(build-net '((input 4) (output 2)) '((input output)))\n"
        "(setq training-least 0.25 training-last 2)\n"
        "(setq training-schedule '((3 0.01) (1 0.001)))\n"
    )
    network = lenet.load(str(script), trained=False)
    asked = []
    real = network.program.learn
    monkeypatch.setattr(
        network.program,
        "learn",
        lambda *given, **how: asked.append(how["least"]) or real(*given, **how),
    )
    train(network, np.ones((9, 2, 2), np.float32), np.arange(9) % 2)
    assert asked[-4:] == [0.25, 0.25, 0.0, 0.0]
    assert len(asked) == 9 + 3  # of nine patterns, the first pass has as many parts
