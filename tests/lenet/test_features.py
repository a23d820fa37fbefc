"""Pictures of what the layers make of a digit, and pictures of digits made into glyphs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lenet
from lenet.anatomy import anatomy
from lenet.cli import main
from lenet.data import DataError
from lenet.features import activities, glyph_of, kernels, picture, signed
from lenet.strokes import glyph

SAMPLES = Path(__file__).parent.parent.parent / "samples" / "digits"


@pytest.fixture(scope="module")
def lenet5():
    return lenet.load("lenet5")


def test_our_strokes_are_read_as_what_they_are(lenet5):
    assert lenet5.classify(np.stack([glyph(k) for k in range(10)])).tolist() == [*range(10)]


def test_activities_are_the_states_of_every_layer(lenet5):
    found = activities(lenet5, glyph(4))
    assert {name: a.shape for name, a in found.items()} == {
        "input": (1, 32, 32),
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (1, 1, 120),
        "f6": (1, 1, 84),
        "output": (1, 1, 10),
    }
    assert found["output"].argmin() == 4
    assert found["input"].min() == pytest.approx(-0.1)


def test_kernels_give_the_maps_of_c1_when_moved_over_the_image(lenet5):
    parts = anatomy(lenet5)
    found = kernels(lenet5, parts[1], parts[1].main(), parts[0])
    states = activities(lenet5, glyph(2))
    memory = lenet5.interpreter.network
    pre, post, slot = memory.links()
    for k in (0, 5):
        head = parts[1].units[k * 28 * 28]
        bias = memory.weights[slot[(post == head) & (pre == 0)]][0]
        window = states["input"][0, 10:15, 7:12]
        total = (found.weights[k, 0] * window).sum() + bias
        expected = 1.7159 * np.tanh(2 / 3 * total)
        assert states["c1"][k, 10, 7] == pytest.approx(expected, abs=2e-3)


def test_kernels_of_c3_exist_where_table_1_says(lenet5):
    parts = anatomy(lenet5)
    found = kernels(lenet5, parts[3], parts[3].main(), parts[2])
    assert found.exist.sum() == 60
    assert found.exist[0].tolist() == [True] * 3 + [False] * 3
    assert found.exist[15].all()


def test_the_picture_names_layers_and_answer(lenet5):
    svg = picture(lenet5, glyph(7)).to_svg()
    assert "lenet5 reads 7" in svg
    for name in ("INPUT", "C1", "C3", "F6", "OUTPUT"):
        assert f">{name}</text>" in svg
    assert svg.count("<image") == 1 + 6 + 6 + 6 + 16 + 60 + 16 + 1 + 1


def test_hidden_units_above_an_image_show_their_weights(tmp_path):
    file = tmp_path / "own.sn"
    file.write_text(
        '(libload "sn28ite") (alloc-net 900 9000) (nlf-tanh 0.66666666 0)'
        "(build-net '((input 256) (hidden 5) (output 10)) '((input hidden) (hidden output)))"
    )
    network = lenet.load(str(file), trained=False)
    network.initialize(1)
    assert (
        picture(network, np.zeros((16, 16), np.float32)).to_svg().count("<image") == 1 + 1 + 5
    )


def test_weights_are_black_and_red():
    colours = signed(np.array([1.0, 0.0, -1.0]), 1.0)
    assert colours.tolist() == [[30, 30, 30], [255, 255, 255], [176, 52, 32]]


@pytest.mark.parametrize("number", [0, 3, 4, 5, 6, 7, 8, 9])
def test_samples_are_read_from_their_files(number, lenet5):
    file = next(SAMPLES.glob(f"digit-1993-{number:03}.*"))
    assert lenet5.classify(glyph_of(file)[None])[0] == number


def test_light_ink_on_dark_paper_is_the_same_digit(tmp_path):
    dark = tmp_path / "dark.png"
    Image.fromarray(glyph(5)).save(dark)
    light = tmp_path / "light.png"
    Image.fromarray(255 - glyph(5)).save(light)
    assert (glyph_of(dark) == glyph_of(light)).all()
    assert np.abs(glyph_of(dark).astype(int) - glyph(5)).mean() < 12


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello", "not an image we read; PNG, JPEG, BMP and PGM are"),
        (b"", "not an image we read"),
        (None, "no such file"),
    ],
)
def test_files_that_are_no_digits_are_told_so(content, told, tmp_path):
    file = tmp_path / "a.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=told):
        glyph_of(file)


def test_empty_and_broken_pictures_are_told_so(tmp_path):
    file = tmp_path / "a.png"
    Image.new("L", (40, 40), 255).save(file)
    with pytest.raises(DataError, match="no ink found"):
        glyph_of(file)
    Image.fromarray(glyph(5)).resize((300, 300)).save(file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match="damaged image"):
        glyph_of(file)


def test_features_prints_the_answer_and_draws(tmp_path, capsys):
    file = tmp_path / "f.png"
    assert main(["features", "lenet5", "--digit", "3", "-o", str(file)]) == 0
    assert capsys.readouterr() == ("3\n", f"lenet: {file}\n")
    with Image.open(file) as image:
        assert image.width > 1000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "name one of IMAGE, --digit N and --test N"),
        (["--digit", "12"], "--digit is 0 to 9, not 12"),
        (["a.png", "--digit", "1"], "name one of IMAGE"),
    ],
)
def test_features_needs_one_digit(options, told, capsys):
    assert main(["features", "lenet5", *options]) == 2
    assert told in capsys.readouterr().err
