"""The random generator against numbers measured on the original."""

import pytest

from sn.net.random import Generator


def test_check_values_of_seed_3():
    generator = Generator(3)
    drawn = [generator.rand(), generator.rand(1), generator.rand(0, 10), generator.gauss()]
    assert [f"{x:.4f}" for x in drawn] == ["0.2813", "-0.9194", "1.3166", "-0.8297"]


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (1, ["0.796579182", "0.906505704", "0.461839408", "0.0497669764", "0.69884932"]),
        (-5, ["0.765925586", "0.174063474"]),
        (123456789, ["0.288188905", "0.146494016"]),
    ],
)
def test_uniform_numbers(seed, expected):
    generator = Generator(seed)
    assert [f"{generator.rand():.9g}" for _ in expected] == expected


def test_ranges_are_computed_in_double():
    generator = Generator(3)
    expected = ["12.812524139881134", "10.402845852077007", "11.316631734371185"]
    assert [f"{generator.rand(10, 20):.17g}" for _ in expected] == expected
    generator.seed(3)
    expected = ["-1.09373793006", "-2.29857707396", "-1.84168413281"]
    assert [f"{generator.rand(2.5):.12g}" for _ in expected] == expected


def test_gauss_with_mean_and_deviation():
    generator = Generator(2)
    assert f"{generator.gauss(10, 2):.12g}" == "9.91766750813"
    assert f"{generator.gauss(-1, 0.1):.12g}" == "-0.964888632298"


def test_gauss_statistics():
    generator = Generator(8)
    drawn = [generator.gauss() for _ in range(1000)]
    assert f"{sum(drawn) / 1000:.12g}" == "0.0171601335406"


def test_the_seed_is_truncated():
    assert Generator(0.87).rand() == Generator(0).rand()


def test_a_stored_state_continues_the_stream():
    one, other = Generator(5), Generator(6)
    one.rand()
    other.restore(one.state())
    assert [one.rand(), one.gauss()] == [other.rand(), other.gauss()]
