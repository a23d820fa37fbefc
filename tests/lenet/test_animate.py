"""The animations: their scenes, what the network makes of them, and the files."""

import io
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

import lenet
from lenet.animate import (
    AnimationError,
    Watcher,
    chosen,
    confidences,
    play,
    sentence,
    tally,
    told,
    watch,
)
from lenet.cli import main
from lenet.networks import distorted
from lenet.panel import arranged, panels, write
from lenet.scenes import INVARIANCE, SCENES, SHOWN, SIDE, TALL, scene

THE_19 = [
    *("samples", "unusual", "weirdos", "translation", "scale", "rotation", "squeezing"),
    *("stroke-width", "noise-36", "noise-2", "noise-4", "multiple", "dance-00", "dance-384"),
    *("swap-35-53", "merge-12-4-21", "swap-23-32", "noise-30", "morph-31-51-57-61"),
]


@pytest.fixture(scope="module")
def lenet5():
    return lenet.load("lenet5", distorted("lenet5"))


# The scenes.


def test_there_are_the_nineteen_of_the_list():
    assert list(SCENES) == THE_19


@pytest.mark.parametrize("name", THE_19)
def test_a_scene_is_the_same_every_time_and_other_seeds_are_other_hands(name):
    one, two, other = scene(name), scene(name), scene(name, 2)
    assert len(one.frames) >= 8
    for a, b in zip(one.frames, two.frames, strict=True):
        assert np.array_equal(a.image(), b.image())
    assert not np.array_equal(one.frames[0].image(), other.frames[0].image())
    for part in one.frames:
        image = part.image()
        assert image.dtype == np.uint8
        assert image.shape == (part.rows, part.columns)
        assert image.max() > 200
        assert image.mean() < 128
    assert any(part.truth for part in one.frames)


def extent(frame):
    y, x = np.nonzero(frame.image(4) > 127)
    return np.array([y.min(), y.max() + 1, x.min(), x.max() + 1]) / 4


def test_invariance_scenes_cover_the_published_ranges():
    heights = [np.diff(extent(f)[:2])[0] for f in scene("scale").frames]
    assert max(heights) / min(heights) == pytest.approx(2, rel=0.1)
    middles = np.array(
        [extent(f).reshape(2, 2).mean(axis=1) for f in scene("translation").frames]
    )
    assert np.ptp(middles, axis=0) == pytest.approx([TALL, TALL], rel=0.03)
    strokes = [f.strokes[0] for f in scene("rotation").frames]
    turns = [np.degrees(np.arctan2(*(s[-1] - s[0]))) for s in strokes]
    assert np.ptp(turns) == pytest.approx(60, abs=0.5)


def test_digits_swap_places_and_nobody_is_asked_while_they_cross():
    truths = [f.truth for f in scene("swap-35-53").frames]
    assert truths[0] == "35"
    assert truths[-1] == "53"
    assert None in truths
    assert {f.truth for f in scene("merge-12-4-21").frames} == {"12", None, "4", "21"}
    order = [f.truth for f in scene("morph-31-51-57-61").frames if f.truth]
    assert list(dict.fromkeys(order)) == ["31", "51", "57", "61"]


# The network.


@pytest.mark.jit
@pytest.mark.parametrize("name", INVARIANCE)
def test_lenet5_is_right_in_95_of_100_frames_of_invariance(name, lenet5):
    gazes = watch(lenet5, replace(scene(name), frames=scene(name).frames[::2]))
    right, known = tally(gazes)
    assert known == len(gazes)
    assert right >= 0.95 * known


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("name", INVARIANCE)
def test_all_ten_digits_are_right_in_95_of_100_frames(name, lenet5):
    frames = [
        part
        for digit in range(10)
        for part in INVARIANCE[name](np.random.default_rng((0, digit)), digit)[::6]
    ]
    right, known = tally(watch(lenet5, replace(scene(name), frames=tuple(frames))))
    assert known == len(frames)
    assert right >= 0.95 * known


@pytest.mark.jit
def test_strings_are_read_from_left_to_right(lenet5):
    gazes = watch(lenet5, replace(scene("swap-35-53"), frames=scene("swap-35-53").frames[::59]))
    assert [gaze.text for gaze in gazes] == ["35", "53"]
    columns = [column for _, _, column, _ in gazes[0].answer]
    assert columns == sorted(columns)


@pytest.mark.jit
def test_every_place_has_the_output_of_the_network_standing_there(lenet5):
    gaze = Watcher(lenet5).look(scene("dance-384").frames[0])
    rows, columns = gaze.confidence.shape[1:]
    assert gaze.image.shape == (SIDE + 4 * (rows - 1), SIDE + 4 * (columns - 1))
    window = gaze.image[4 : 4 + SIDE, 20 : 20 + SIDE]
    alone = lenet5.program.run(lenet5.retina(window[None]))
    expected = confidences(lenet5, alone.T)[:, 0]
    assert gaze.confidence[:, 1, 5] == pytest.approx(expected, abs=1e-3)
    assert gaze.layers["c1"].shape == (6, gaze.image.shape[0] - 4, gaze.image.shape[1] - 4)


def test_confidence_is_one_where_all_is_sure_and_small_beside_rubbish(lenet5):
    penalties = np.full((10, 1), 100.0)
    assert confidences(lenet5, penalties).max() < 1e-30
    penalties[7] = 0.0
    assert confidences(lenet5, penalties)[7, 0] == pytest.approx(1, abs=1e-4)


def test_networks_that_cannot_be_replicated_say_so():
    network = lenet.load("net5", trained=False)  # no network of its units at other places
    watcher = Watcher(network)
    assert watcher.step is None
    gaze = watcher.look(scene("samples").frames[0])
    assert gaze.confidence.shape == (10, 1, 1)
    assert gaze.image.shape == (16, 16)
    with pytest.raises(AnimationError, match="net5 cannot look at several digits"):
        watcher.look(scene("dance-00").frames[0])


# The panel and the files.


@pytest.fixture(scope="module")
def shown(lenet5):
    short = replace(scene("noise-36"), frames=scene("noise-36").frames[:4])
    return short, watch(lenet5, short)


def test_panels_are_of_one_size_and_show_all_layers(shown):
    made = panels(*shown, "lenet5")
    assert len({(p.width, p.height) for p in made}) == 1
    words = {shape.text for shape in made[0].shapes if hasattr(shape, "text")}
    assert {"C1", "S2", "C3", "S4", "C5", "F6", "6@28x28", "1 / 4"} <= words


def test_wrong_frames_are_shown_as_they_are(shown):
    short, gazes = shown
    wrong = replace(gazes[0], truth="7")
    assert wrong.right is False
    words = [s.text for s in panels(short, [wrong], "x")[0].shapes if hasattr(s, "text")]
    assert "7 was written" in words
    assert gazes[0].text in words
    assert "WRONG: 7 was written" in told(wrong)
    right, known = tally([*gazes, wrong])
    assert sentence(short, [*gazes, wrong]) == f"noise-36: 5 frames, {right} right of {known}"
    assert tally([replace(gazes[0], truth=None)]) == (0, 0)


def test_maps_stand_side_by_side_as_large_as_fits():
    maps = np.arange(6 * 28 * 28).reshape(6, 28, 28).astype(np.uint8)
    image, zoom = arranged(maps)
    assert zoom == 2
    assert image.shape == (3 * 29, 2 * 29)
    assert (image[29:57, 29:57] == maps[3]).all()
    for shape in ((1, 1, 1), (120, 1, 1), (120, 3, 17), (300, 2, 40), (2, 90, 300)):
        image, zoom = arranged(np.zeros(shape, np.uint8))
        assert zoom >= 1
        assert image.size >= np.prod(shape)


def test_gif_png_and_svg_are_written_the_same_every_time(shown, tmp_path):
    short, gazes = shown
    for kind in ("gif", "png", "svg"):
        one, two = tmp_path / f"one.{kind}", tmp_path / f"two.{kind}"
        assert write(short, gazes, "lenet5", one) == one.stat().st_size
        write(short, gazes, "lenet5", two)
        assert one.read_bytes() == two.read_bytes()
    with Image.open(tmp_path / "one.gif") as film:
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
    assert times == [short.ms] * 4
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.width > 600
    root = ET.fromstring((tmp_path / "one.svg").read_text(encoding="utf-8"))
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == 4
    with pytest.raises(AnimationError, match=r"call it a\.gif"):
        write(short, gazes, "lenet5", tmp_path / "a.mp4")
    with pytest.raises(AnimationError, match="cannot be written"):
        write(short, gazes, "lenet5", tmp_path / "no" / "a.gif")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_in_a_terminal_frames_are_drawn_in_place(shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream, waited = Terminal(), []
    play(*shown, stream, waited.append)
    assert waited == [0.9] * 4
    text = stream.getvalue()
    assert "█" in text
    assert "\033[3" not in text.replace("\033[K", "")
    assert all(len(part.split("\033")[0]) < 40 for part in text.split("\r"))
    plain = io.StringIO()
    play(*shown, plain, None)
    assert len(plain.getvalue().splitlines()) == 4
    assert plain.getvalue().isascii()


# The command.


def test_the_command_lists_writes_and_counts(tmp_path, capsys):
    assert main(["animate", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == THE_19
    file = tmp_path / "scale.png"
    assert main(["animate", "scale", "--every", "12", "-o", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: scale: 5 frames, 5 right of 5\n"
    assert file.is_file()
    assert main(["animate", "samples", "--format", "term"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 21


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rotate"], 'no animation "rotate". Did you mean rotation?'),
        (["samples", "-o", "a.mp4"], "animations are GIF, PNG or SVG"),
        (["scale", "--net", "lenet9"], 'no model "lenet9"'),
    ],
)
def test_mistakes_are_one_line(arguments, message, capsys):
    assert main(["animate", *arguments]) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_every_other_frame_takes_twice_as_long():
    (half,) = chosen("scale", 1, 2)
    assert (len(half.frames), half.ms) == (30, 160)
    assert len(chosen("all", 1)) == 19
    assert set(SHOWN) == set(INVARIANCE)
