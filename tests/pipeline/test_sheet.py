"""Photographed, skewed, turned: the sheet in a page and the way back."""

import numpy as np
import pytest

from pipeline.checks import amount_value, draw_check
from pipeline.codeline import read_code
from pipeline.fields import holds, locate
from pipeline.photographs import light, photograph, view
from pipeline.reader import CheckReader
from pipeline.sheet import Sheet, corners_of, enclosing, flattened, skew_of, standing


def check(seed, **how):
    return draw_check(np.random.default_rng((71, seed)), **how)


def page(seed=1, columns=1200, rows=550):
    """Return dark text-like bars on light paper."""
    rng = np.random.default_rng(seed)
    image = np.full((rows, columns), 240, np.uint8)
    for y in range(60, rows - 60, 60):
        for x in range(80, columns - 80, 30):
            image[y : y + int(rng.integers(8, 22)), x : x + int(rng.integers(4, 20))] = 30
    return image


def turned(image, degrees, paper=240):
    import cv2

    rows, columns = image.shape
    move = cv2.getRotationMatrix2D((columns / 2, rows / 2), -degrees, 1.0)
    return cv2.warpAffine(image, move, (columns, rows), borderValue=paper)


def test_a_photograph_keeps_its_promises():
    sheet = np.full((300, 700), 0.9, np.float32)
    image, move = photograph(sheet, np.random.default_rng(4))
    again, _ = photograph(sheet, np.random.default_rng(4))
    assert np.array_equal(image, again)
    assert max(image.shape) == 1920
    x, y, w, h = enclosing((0, 0, 700, 300), move, image.shape)
    assert image[y + h // 2, x + w // 2] > image[5, 5]


def test_light_is_never_dark():
    lit = light((60, 80), np.random.default_rng(2))
    assert lit.shape == (60, 80)
    assert lit.min() > 0.3


@pytest.mark.parametrize("tilt", [(0, 0), (10, 0), (0, -10), (-10, 10)])
@pytest.mark.parametrize("turn", [-9, 0, 4])
def test_corners_are_found_to_a_pixel_or_two(tilt, turn):
    import cv2

    sheet = page()
    move = view((1200, 550), (1080, 1920), tilt=tilt, turn=turn, fill=0.7)
    image = cv2.warpPerspective(sheet, move, (1920, 1080), borderValue=60)
    true = np.array([[0, 0, 1], [1200, 0, 1], [1200, 550, 1], [0, 550, 1]]) @ move.T
    true = true[:, :2] / true[:, 2:]
    found = corners_of(image)
    assert np.abs(found - true).max() < 5
    flat = flattened(image)
    assert flat.flags == ("rectified",)
    size = flat.pixels.shape[1] / 1200, flat.pixels.shape[0] / 550
    assert 0.85 < size[0] / size[1] < 1.18


def test_scans_and_noise_hold_no_sheet():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (500, 1200), dtype=np.uint8)
    for image in (page(), np.full((500, 1200), 255, np.uint8), noise, 255 - page()):
        assert corners_of(image) is None


@pytest.mark.parametrize("degrees", [-8, -2.5, 0, 1, 6])
def test_the_skew_of_a_scan(degrees):
    image = turned(page(), degrees)
    assert skew_of(image) == pytest.approx(degrees, abs=0.15)
    flat = flattened(image)
    assert ("deskewed" in flat.flags) == (abs(degrees) > 0.7)
    assert skew_of(flat.pixels) == pytest.approx(0, abs=0.75)


def test_blank_paper_has_no_skew():
    assert skew_of(np.full((500, 1200), 255, np.uint8)) is None


def test_boxes_find_their_way_back():
    image = turned(page(), 5)
    flat = flattened(image)
    here = (300, 200, 60, 30)
    x, y, w, h = flat.on_page(here, image.shape)
    assert w > 60
    assert h > 30
    assert flat.pixels[200:230, 300:360].mean() == pytest.approx(
        image[y : y + h, x : x + w].mean(), abs=25
    )
    over = flat.overturned()
    rows, columns = flat.pixels.shape
    opposite = (columns - 360, rows - 230, 60, 30)
    assert np.abs(np.subtract(over.on_page(opposite, image.shape), (x, y, w, h))).max() <= 1


def test_a_page_on_its_short_side_is_turned():
    flat = flattened(np.ascontiguousarray(np.rot90(page(), -1)))
    assert flat.flags == ("turned",)
    assert np.array_equal(flat.pixels, page())
    assert flat.on_page((0, 0, 100, 20), (1200, 550)) == (530, 0, 20, 100)


def test_small_crops_are_left_alone():
    line = np.full((100, 400), 255, np.uint8)
    assert flattened(line).pixels is line
    assert Sheet(line).on_page((1, 2, 3, 4), line.shape) == (1, 2, 3, 4)


@pytest.mark.jit
def test_photographed_checks_are_located():
    found = 0
    for seed in range(12):
        drawn = check(seed, photo=True)
        flat = flattened(drawn.image)
        box = locate(flat.pixels)[0].box
        found += holds(flat.on_page(box, drawn.image.shape), drawn.box, drawn.field, 8)
    assert found >= 10


@pytest.mark.jit
@pytest.mark.parametrize("photo", [False, True])
def test_the_code_line_tells_which_way_up(photo):
    drawn = check(5, layout="personal", photo=photo, upside_down=True)
    reading = CheckReader().read(drawn.image)
    assert "upside_down" in reading.quality.flags
    assert reading.code_line.routing == drawn.code[1]
    upright = flattened(drawn.image).overturned().pixels
    assert read_code(upright).routing == drawn.code[1]
    assert reading.code_line.box[1] < drawn.image.shape[0] / 2


@pytest.mark.jit
def test_without_a_code_line_what_can_be_read_tells():
    turned_over = 0
    for seed in range(5):
        drawn = check(seed, layout="receipt", upside_down=True, clear=True)
        reading = CheckReader().read(drawn.image)
        turned_over += "upside_down" in reading.quality.flags
        assert not reading or reading.amount == amount_value(drawn.text)
    assert turned_over >= 2


@pytest.mark.jit
def test_letters_tell_which_way_up_a_sheet_lies():
    odds = []
    for seed, layout in enumerate(("personal", "business", "corner", "counter", "voucher")):
        image = check(seed, layout=layout).image
        odds.append((standing(image), standing(np.ascontiguousarray(image[::-1, ::-1]))))
    assert all(upright > 2 for upright, _ in odds)
    assert sum(turned < 0 for _, turned in odds) >= 4


def test_paper_and_noise_lie_as_scans_do():
    noise = np.random.default_rng(1).integers(0, 256, (500, 1200), dtype=np.uint8)
    assert standing(noise) == 1
    assert standing(np.full((500, 1200), 250, np.uint8)) == 1


@pytest.mark.jit
def test_upright_checks_stay_upright():
    for seed in range(5):
        reading = CheckReader().read(check(seed).image)
        assert "upside_down" not in reading.quality.flags
