"""Connection patterns: who sees whom, through which weight."""

import numpy as np
import pytest

from sn.errors import LispError
from sn.net.memory import Network
from sn.net.patterns import connect_windows, grid, inexact, seen_windows, windows


def layers(kernel, *sizes):
    network = Network(kernel)
    network.allocate(sum(sizes) + 1, 400)
    made = [np.array(network.new_units(size), dtype=np.int32) for size in sizes]
    return network, made


def test_a_mask_shares_the_weights_of_the_first_place():
    network, (a, b) = layers("sn28ite", 12, 6)
    seen = seen_windows(a, 3, 4, 2, 3, (1, 1), (2, 2))
    connect_windows(network, seen, b[:, None], "mask")
    assert network.upstream(14) == [2, 3, 6, 7]
    assert network.upstream(18) == [7, 8, 11, 12]
    assert (network.link_count, network.weight_count) == (24, 4)
    assert network.counters.tolist() == [6, 6, 6, 6]
    assert network.weight_of(network.find(6, 17)) == 0


def test_an_equal_mask_has_one_weight():
    network, (a, b) = layers("sn28ite", 16, 4)
    seen = seen_windows(a, 4, 4, 2, 2, (2, 2), (2, 2))
    connect_windows(network, seen, b[:, None], "equal")
    assert network.upstream(20) == [11, 12, 15, 16]
    assert network.counters.tolist() == [16]


def test_a_torus_wraps_around():
    network, (a, b) = layers("sn28", 9, 9)
    seen = seen_windows(a, 3, 3, 3, 3, (1, 1), (2, 2), wrap=True)
    connect_windows(network, seen, b[:, None], "none")
    assert network.upstream(18) == [9, 7, 3, 1]


def test_a_reversed_mask_fans_out():
    network, (a, b) = layers("sn28ite", 4, 16)
    seen = seen_windows(b, 4, 4, 2, 2, (2, 2), (2, 2))
    connect_windows(network, seen, a[:, None], "mask", reverse=True)
    assert network.downstream(2) == [7, 8, 11, 12]
    assert network.weight_of(network.find(2, 11)) == 2


def test_a_time_delay_layer_links_all_traits_of_a_frame():
    network, (a, b) = layers("sn28ite", 8, 6)
    frames = windows(4, 2, 3, 1)
    seen = grid(a, 4, 2)[frames].reshape(3, 4)
    connect_windows(network, seen, grid(b, 3, 2), "mask")
    assert network.upstream(9) == [1, 2, 3, 4]
    assert network.upstream(14) == [5, 6, 7, 8]
    assert network.weight_count == 8


def test_windows_that_do_not_fit_are_noticed():
    assert not inexact(7, 3, 3, 2)
    assert inexact(5, 3, 3, 2)
    with pytest.raises(LispError, match="illegal window size"):
        windows(3, 4, 1, 1)
    with pytest.raises(LispError, match="is not 2 x 3"):
        grid(np.arange(5), 2, 3)
