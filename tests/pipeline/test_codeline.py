"""The code line: drawn, read, and refused where nothing vouches for it."""

import numpy as np
import pytest

from pipeline.checks import draw_check
from pipeline.codeline import checksum, read_code
from pipeline.desk import routing
from pipeline.printing import MAGNETIC, print_code


def drawn(text, dpi=200):
    sheet = np.full((round(2.75 * dpi), round(6 * dpi)), 0.95, np.float32)
    print_code(sheet, text, (0.4 * dpi, 2.5 * dpi), dpi)
    return (255 * sheet).astype(np.uint8)


def test_the_checksum_weighs_three_seven_one():
    assert checksum("021000018")
    assert not checksum("021000081")  # two digits changed places
    for wrong in ("000000000", "02100001", "0210000180", "02100001x", "٠٢١٠٠٠٠١٨"):
        assert not checksum(wrong)


def test_every_drawn_routing_number_has_its_checksum():
    rng = np.random.default_rng(3)
    assert all(checksum(routing(rng.integers(10, size=9))) for _ in range(100))


@pytest.mark.parametrize("dpi", [120, 200, 240, 300, 600])
def test_all_figures_are_read(dpi):
    found = read_code(drawn("U0123456789U T021000018T 98-76543210U", dpi))
    assert found.line == "U0123456789U T021000018T 98-76543210U"
    assert (found.routing, found.account, found.serial) == (
        "021000018",
        "98-76543210",
        "0123456789",
    )
    x, y, w, h = found.box
    assert abs(x - 0.4 * dpi) < 0.05 * dpi
    assert abs(y + h - 2.5 * dpi) < 0.05 * dpi
    assert abs(w - (37 * 0.125 - 0.034) * dpi) < 0.08 * dpi


def test_an_amount_field_does_not_disturb():
    found = read_code(drawn("T021000018T 987654U 0102 A0000012500A"))
    assert (found.account, found.serial) == ("987654", "0102")
    assert found.line.endswith("A0000012500A")


def test_without_its_checksum_nothing_is_read():
    assert read_code(drawn("T021000019T 987654U 0102")) is None


def test_a_covered_figure_is_never_left_out():
    image = drawn("T021000018T 987654U 0102")
    assert read_code(image).account == "987654"
    left = round(200 * (0.4 + 15 * 0.125))  # the fourth figure of the account
    image[470:510, left - 1 : left + 24] = 20
    found = read_code(image)
    assert found is None or found.account is None


def test_neither_blank_nor_noise_is_a_line():
    rng = np.random.default_rng(1)
    assert read_code(np.full((500, 1200), 255, np.uint8)) is None
    for _ in range(5):
        assert read_code(rng.integers(0, 256, (500, 1200), dtype=np.uint8)) is None


@pytest.mark.jit
def test_lines_of_whole_checks():
    right = lines = 0
    for seed in range(40):
        rng = np.random.default_rng((60, seed))
        check = draw_check(rng, dpi=float(rng.choice([200, 240, 300])))
        found = read_code(check.image)
        if check.code is None:
            assert found is None
            continue
        lines += 1
        right += found is not None and (
            (found.routing, found.account, found.serial) == check.code[1:]
        )
        assert found is None or found.routing == check.code[1]
    assert lines > 25
    assert right == lines


def test_figures_stay_within_their_cells():
    for shape in MAGNETIC.values():
        for x, y, w, h in (map(int, part) for part in shape.split()):
            assert x + w <= 7
            assert y + h <= 9
