"""Pictures of architectures: what `lenet.anatomy` finds from the links, and how it is drawn."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lenet
from lenet.anatomy import anatomy
from lenet.canvas import Canvas, PictureError
from lenet.cli import main
from lenet.drawing import picture

HEAD = '(libload "maps") (nlf-tanh 0.66666666 0)\n'


def built(tmp_path: Path, text: str) -> lenet.Network:
    file = tmp_path / "own.sn"
    file.write_text(HEAD + text)
    return lenet.load(str(file), trained=False)


def described(network: lenet.Network) -> list[tuple]:
    return [
        (p.name, str(p.shape), [(s.source, s.kind, s.field) for s in p.sights])
        for p in anatomy(network)
    ]


@pytest.fixture(scope="module")
def lenet5() -> lenet.Network:
    return lenet.load("lenet5", trained=False)


def test_lenet5_is_found_from_its_links_as_figure_2_shows_it(lenet5):
    assert described(lenet5) == [
        ("input", "32x32", []),
        ("c1", "6@28x28", [(0, "Convolutions", (5, 5))]),
        ("s2", "6@14x14", [(1, "Subsampling", (2, 2))]),
        ("c3", "16@10x10", [(2, "Convolutions", (5, 5))]),
        ("s4", "16@5x5", [(3, "Subsampling", (2, 2))]),
        ("c5", "120", [(4, "Full connection", None)]),
        ("f6", "84", [(5, "Full connection", None)]),
        ("output", "10", [(6, "Gaussian connections", None)]),
    ]


def test_fields_of_unshared_weights_make_planes_too(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 400 2000)
        (build-net-nobias '((input 256) (h1 64) (h2 16) (output 10)) '((h2 output)))
        (local-2d-connect input 16 16 h1 8 8 2 2 2 2)
        (local-2d-connect h1 8 8 h2 4 4 1 1 5 5)""",
    )
    assert described(network)[1:3] == [
        ("h1", "8x8", [(0, "Local connections", (2, 2))]),
        ("h2", "4x4", [(1, "Local connections", (5, 5))]),
    ]


def test_a_time_delay_network_has_frames_and_traits(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 400 9000 2000)
        (build-net-nobias '((input 240) (h1 104) (h2 27) (output 3)) '((h2 output)))
        (tdnn-connect input 15 16 h1 13 8 1 3)
        (tdnn-connect h1 13 8 h2 9 3 1 5)""",
    )
    assert [line[1] for line in described(network)] == ["15x16", "13x8", "9x3", "3"]
    assert described(network)[1][2] == [(0, "Convolutions", (3, 16))]


def test_a_signal_stays_a_line(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 400 9000 2000)
        (build-net-nobias '((input 20) (h1 18) (output 2)) '((h1 output) (input output)))
        (mask-1d-connect input 20 h1 18 1 3)""",
    )
    assert described(network) == [
        ("input", "20", []),
        ("h1", "18", [(0, "Convolutions", (1, 3))]),
        ("output", "2", [(0, "Full connection", None), (1, "Full connection", None)]),
    ]


def test_irregular_links_are_called_connections(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 40 200)
        (build-net '((input 6) (h 4) (output 2)) '((h output)))
        (connect (nfirst 2 input) (nfirst 2 h)) (connect (nthcdr 1 input) (nthcdr 2 h))""",
    )
    assert described(network)[1] == ("h", "4", [(0, "Connections", None)])


def test_windows_may_reach_over_the_edge_into_a_border_of_constants():
    network = lenet.load("zipcode", trained=False)
    layers = {line[0]: line[1:] for line in described(network)}
    assert layers["h1"][0] == "12@8x8"
    assert layers["h1"][1][0] == (0, "Convolutions", (5, 5))
    assert layers["h2"][0] == "12@4x4"
    found = texts(picture(network).to_svg())
    assert found.count("Convolutions 5x5") == 2
    assert not {"border", "edge", "Connections"} & set(found)


def test_the_greatest_of_a_window_is_max_pooling(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 400 9000)
        (build-net-nobias '((input 256) (pooled 64 max) (output 10)) '((pooled output)))
        (max-pool input 16 pooled 8 2)""",
    )
    assert described(network)[1] == ("pooled", "8x8", [(0, "Max pooling", (2, 2))])


def texts(svg: str) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def test_the_picture_of_lenet5_has_the_words_of_figure_2(lenet5):
    found = texts(picture(lenet5).to_svg())
    for words in ("INPUT", "C1: feature maps", "6@28x28", "C5: layer", "Gaussian connections"):
        assert words in found
    assert found.count("Convolutions 5x5") == 2
    assert found.count("Subsampling 2x2") == 2


def test_no_two_labels_lie_on_each_other(lenet5):
    sheet = picture(lenet5).to_image(scale=1)
    assert sheet.width > 700
    places = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" .*?>([^<]*)<', picture(lenet5).to_svg()
    )
    for i, (x, y, text) in enumerate(places):
        for other_x, other_y, other in places[:i]:
            near = abs(float(y) - float(other_y)) < 10
            apart = abs(float(x) - float(other_x)) > 2.4 * (len(text) + len(other))
            assert not near or apart, (text, other)


def test_a_small_network_is_drawn_unit_by_unit_with_every_link(tmp_path):
    network = built(
        tmp_path,
        """(alloc-net 10 20)
        (build-net '((input 2) (hidden 2) (output 1)) '((input hidden) (hidden output)))""",
    )
    svg = picture(network).to_svg()
    assert svg.count("<polygon") == 5
    assert svg.count("<polyline") == 6
    assert texts(svg).count("+b") == 3


def test_draw_writes_svg_and_png(tmp_path, capsys):
    for name in ("a.svg", "a.png"):
        assert main(["draw", "lenet5", "-o", str(tmp_path / name)]) == 0
        assert capsys.readouterr().out == f"{tmp_path / name}\n"
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")
    with Image.open(tmp_path / "a.png") as image:
        ink = np.asarray(image.convert("L")) < 128
    assert 0.005 < ink.mean() < 0.2
    assert not ink[:20].any()


def test_other_forms_of_pictures_are_refused_before_any_work(tmp_path, capsys):
    assert main(["draw", "lenet5", "-o", str(tmp_path / "a.gif")]) == 1
    assert "pictures are SVG or PNG; call it a.svg" in capsys.readouterr().err
    with pytest.raises(PictureError, match="SVG or PNG"):
        Canvas(10, 10).save(tmp_path / "a")
