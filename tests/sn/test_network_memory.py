"""The network memory: allocation, links, shared weights, lists."""

import numpy as np
import pytest

from sn.errors import LispError
from sn.interpreter import Interpreter
from sn.net.memory import KERNELS, Network


@pytest.mark.parametrize("kernel", KERNELS)
def test_fresh_memory_holds_the_bias_alone(kernel):
    network = Network(kernel)
    network.allocate(10, 20)
    assert (network.unit_count, network.link_count) == (1, 0)
    assert network.values[0] == 1
    assert list(network.new_units(3)) == [1, 2, 3]


def full_network():
    network = Network()
    network.allocate(20, 60)
    inputs, hidden = network.new_units(2), network.new_units(3)
    output = network.new_units(1)
    network.connect_all([0], hidden)
    network.connect_all([0], output)
    network.connect_all(inputs, hidden)
    network.connect_all(hidden, output)
    return network


def test_lists_are_oldest_first_for_lisp():
    network = full_network()
    assert network.upstream(3) == [0, 1, 2]
    assert network.upstream(6) == [0, 3, 4, 5]
    assert network.downstream(0) == [3, 4, 5, 6]
    assert network.link_count == 13


def test_links_are_listed_in_order_of_creation():
    pre, post, weight = full_network().links()
    assert pre.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5]
    assert post.tolist() == [3, 4, 5, 6, 3, 4, 5, 3, 4, 5, 6, 6, 6]
    assert weight.tolist() == list(range(13))


def test_a_duplicate_link_stops_the_block():
    network = full_network()
    with pytest.raises(LispError, match="this connection exists already"):
        network.connect_blocks([1, 1, 2], [6, 3, 6])
    assert network.link_count == 14
    assert network.upstream(6) == [0, 3, 4, 5, 1]


def test_room_is_checked():
    network = Network("sn28ite")
    with pytest.raises(LispError, match="never need more weights"):
        network.allocate(4, 2, 3)
    network.allocate(4, 2, 1)
    network.new_units(3)
    with pytest.raises(LispError, match="too many neurons"):
        network.new_units(1)
    network.connect(1, 2)
    with pytest.raises(LispError, match="too many weights"):
        network.connect(1, 3)
    network.share_blocks([1], [2], [1], [3])
    with pytest.raises(LispError, match="too many connections"):
        network.connect(2, 3)


def test_a_cut_link_leaves_the_lists_but_not_the_count():
    network = Network()
    network.allocate(10, 20)
    network.new_units(4)
    network.connect_all([1, 2], [3, 4])
    version = network.version
    network.cut(1, 4)
    assert network.version != version
    assert (network.link_count, network.upstream(4), network.downstream(1)) == (4, [2], [3])
    assert network.find(1, 4) == -1
    assert network.links()[2].tolist() == [0, 2, 3]
    network.connect(1, 4)
    assert network.upstream(4) == [2, 1]


def test_shared_weights_take_the_running_mean():
    network = Network("sn28ite")
    network.allocate(10, 20)
    network.new_units(6)
    network.connect(1, 4, 0.3)
    network.share_blocks([1], [4], [2], [5], 0.9)
    assert network.weights.tolist() == [np.float32(0.6)]
    network.share_blocks([1], [4], [3], [6], -0.6)
    assert network.weights.tolist() == [np.float32(0.2)]
    assert (network.counters.tolist(), network.weight_count) == ([3.0], 1)
    network.cut(1, 4)
    network.cut(2, 5)
    assert network.weights[0] != 0
    network.cut(3, 6)
    assert network.weights[0] == 0


def test_many_links_find_their_way_through_the_table():
    network = Network()
    network.allocate(301, 90_000)
    network.new_units(300)
    network.connect_all(range(1, 301), range(1, 301))
    assert [network.find(7, 9), network.find(300, 300)] == [6 * 300 + 8, 89_999]
    assert network.find(0, 5) == -1


@pytest.mark.parametrize("form", ["(epsi-sqrt 1e300)", "(epsilon 1e300)", "(nval 1 1e300)"])
def test_a_number_beyond_the_range_of_a_float_is_infinity(form):
    sn = Interpreter(lambda text: None)
    sn.warn = lambda text: None
    sn.eval(
        '(libload "sn28/sn28ite") (alloc-net 10 10 10)'
        "(build-net '((input 2) (output 1)) '((input output)))"
    )
    sn.eval(form)
    assert np.isinf(sn.network.fields).any()
