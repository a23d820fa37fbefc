"""The designer's checks, the samples, and the field locator on both."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.checks import LAYOUTS, UNSEEN, amount_value, draw_check, write_samples
from pipeline.desk import in_words
from pipeline.fields import TERMS, WEIGHTS, fit, holds, locate
from pipeline.handwriting import StrokeHand
from pipeline.money import money
from pipeline.papers import strip
from pipeline.synthesis import compose
from pipeline.texts import random_amount


def drawn(seed, layout=None, dpi=200):
    return draw_check(np.random.default_rng((42, seed)), layout, dpi=dpi)


@pytest.mark.parametrize("layout", [*LAYOUTS, *UNSEEN])
def test_the_amount_is_dark_where_the_check_says(layout):
    check = drawn(1, layout)
    x, y, w, h = check.box
    part = check.image[y : y + h, x : x + w]
    assert part.min() < np.median(check.image) - 60
    assert check.image.dtype == np.uint8
    assert w > 0.3 * h


def test_equal_generators_draw_equal_checks():
    assert np.array_equal(drawn(3).image, drawn(3).image)


def test_dots_per_inch_scale_the_check():
    assert drawn(2, "personal", 100).image.shape == (275, 600)


def test_every_random_amount_is_money_of_its_value():
    rng = np.random.default_rng(0)
    for _ in range(500):
        text = random_amount(rng)
        found = money(text)
        assert found is not None, text
        assert found[0] == amount_value(text), text


def test_sums_are_spelled_in_english():
    assert in_words(0) == "zero"
    assert in_words(98) == "ninety-eight"
    assert in_words(1203) == "one thousand two hundred three"
    assert in_words(4_000_017) == "four million seventeen"


def test_a_strip_is_one_field_that_costs_nothing():
    rng = np.random.default_rng(5)
    for _ in range(20):
        image = strip(compose(random_amount(rng), StrokeHand(rng), rng), rng)
        (field,) = locate(image)
        assert field.box == (0, 0, image.shape[1], image.shape[0])
        assert field.penalty == 0
        assert field.kind == "strip"


def test_a_large_scan_of_one_line_is_a_strip():
    rng = np.random.default_rng(6)
    image = np.kron(
        strip(compose("1,250.00", StrokeHand(rng), rng), rng, "plain"), np.ones((5, 5))
    )
    (field,) = locate(image.astype(np.uint8))
    assert field.kind == "strip"


@pytest.mark.parametrize("seed", [0, 1, 4, 5])
def test_a_pattern_of_the_paper_is_no_lines(seed):
    check = draw_check(np.random.default_rng((42, seed)), "table", dpi=200, clear=True)
    rows, columns = np.indices(check.image.shape)
    waves = (columns + 2 * np.sin(rows / 40)) % 6 < 2.2
    image = np.minimum(check.image, np.where(waves, np.median(check.image) - 34, 255))
    assert holds(locate(image.astype(np.uint8))[0].box, check.box, check.field)


def test_blank_and_noisy_pages_do_not_fail():
    noise = np.random.default_rng(1).integers(0, 256, (500, 1200), dtype=np.uint8)
    for image in (np.full((500, 1200), 255, np.uint8), np.zeros((500, 1200), np.uint8), noise):
        assert locate(image)


def test_rules_at_the_edges_leave_no_room_and_no_error():
    page = np.full((550, 1200), 245, np.uint8)
    for k in range(40):
        page[100 + 60 * (k // 10) : 118 + 60 * (k // 10), 60 + 60 * (k % 10)] = 20
        page[100 + 60 * (k // 10), 60 + 60 * (k % 10) : 75 + 60 * (k % 10)] = 20
    page[0:2, 100:400] = page[0:2, 500:900] = page[1:3, 950:1190] = 40
    page[-2:, 100:400] = page[-2:, 700:1100] = 40
    fields = locate(page)
    assert all(min(field.box[2:]) >= 4 for field in fields)


def test_wrong_arrays_are_refused():
    with pytest.raises(ValueError, match="2-D uint8"):
        locate(np.zeros((20, 20)))


@pytest.mark.jit
def test_fields_come_cheapest_first_and_inside_the_image():
    for seed in range(6):
        check = drawn(seed)
        fields = locate(check.image)
        penalties = [field.penalty for field in fields]
        assert penalties == sorted(penalties)
        assert penalties[0] >= 0
        for field in fields:
            x, y, w, h = field.box
            assert x >= 0
            assert y >= 0
            assert x + w <= check.image.shape[1]
            assert y + h <= check.image.shape[0]


@pytest.mark.jit
def test_the_true_field_is_among_the_first_four():
    first = four = 0
    for seed in range(100, 130):
        check = drawn(seed, dpi=(150, 200, 240)[seed % 3])
        right = [holds(field.box, check.box, check.field) for field in locate(check.image)]
        first += right[0]
        four += any(right[:4])
    assert first >= 27
    assert four >= 29


@pytest.mark.jit
def test_what_is_foreign_is_taken_out_of_a_field_and_the_amount_is_not():
    painted = 0
    for seed, layout in enumerate(("counter", "table", "lined") * 3):
        check = draw_check(np.random.default_rng((77, seed)), layout, clear=True, bilevel=False)
        field = next(f for f in locate(check.image) if holds(f.box, check.box, check.field))
        x, y, w, h = field.box
        before, after = check.image[y : y + h, x : x + w], field.crop(check.image)
        own = check.ink[y : y + h, x : x + w] == 1
        changed = before != after
        assert (changed & own).sum() <= 0.01 * own.sum()
        assert (after[changed] >= before[changed]).all()  # paper, nothing dark
        painted += changed.any()
    assert painted >= 3


def test_a_label_beside_a_field_is_painted_over():
    page = np.full((550, 1200), 245, np.uint8)
    page[150:152, 880:1140] = page[210:212, 880:1140] = 60
    page[150:212, 880:882] = page[150:212, 1138:1140] = 60
    for k in range(5):  # figures, the first one through the lower line
        cv2.line(page, (925 + 30 * k, 165), (905 + 30 * k, 200 if k else 224), 20, 5)
    for k in range(6):  # print below the frame, where the crop reaches down
        page[217:227, 960 + 14 * k : 969 + 14 * k] = 40
    for k in range(40):  # what makes it a page
        page[300 + 40 * (k // 10) : 318 + 40 * (k // 10), 60 + 60 * (k % 10)] = 20
        page[300 + 40 * (k // 10), 60 + 60 * (k % 10) : 75 + 60 * (k % 10)] = 20
    field = next(f for f in locate(page) if f.kind == "box")
    x, y, _, h = field.box
    assert y + h > 222
    crop = field.crop(page)
    assert crop[216 - y :, 955 - x :].min() > 200
    assert crop[182 - y, 1034 - x] == 20


@pytest.mark.slow
@pytest.mark.jit
def test_sixty_unseen_checks():
    first = four = 0
    for seed in range(60):
        rng = np.random.default_rng((190_001, seed))
        check = draw_check(rng, dpi=float(rng.choice([120, 150, 200, 240, 300])))
        right = [holds(field.box, check.box, check.field) for field in locate(check.image)]
        first += right[0]
        four += any(right[:4])
    assert first >= 57
    assert four >= 59


@pytest.mark.jit
def test_fitting_finds_weights_that_put_true_fields_first():
    samples = [drawn(seed) for seed in range(8)]
    weights = fit(((c.image, c.box, c.field) for c in samples), rounds=60)
    assert weights.shape == WEIGHTS.shape == (len(TERMS),)
    assert (weights >= 0).all()
    assert weights[list(TERMS).index("no mark")] > 0.5


def test_samples_have_answers_and_all_formats(tmp_path):
    write_samples(tmp_path, 9, 4)
    kinds = set()
    for name in ("checks", "strips", "strings", "digits"):
        lines = (tmp_path / name / "labels.tsv").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "file\ttext"
        assert len(lines) == 5
        for line in lines[1:]:
            file, text = line.split("\t")
            assert re.search(r"\d", text)
            with Image.open(tmp_path / name / file) as image:
                image.load()
                kinds.add(image.format)
    assert kinds == {"PNG", "JPEG", "TIFF", "PPM"}


def test_samples_repeat_with_their_seed(tmp_path):
    for run in ("a", "b"):
        write_samples(tmp_path / run, 5, 2)
    for file in (tmp_path / "a").rglob("*.*"):
        other = tmp_path / "b" / file.relative_to(tmp_path / "a")
        assert file.read_bytes() == other.read_bytes(), file.name


def test_no_samples_are_refused(tmp_path):
    with pytest.raises(ValueError, match="n >= 1"):
        write_samples(tmp_path, 0, 0)
