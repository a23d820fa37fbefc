"""The networks of 1989 to 1998: units, links and weights as published, from the live object."""

import numpy as np
import pytest

import lenet
from lenet.strokes import glyph
from lenet.tables import connection_tables, layer_rows
from lenet.training import etas

PUBLISHED = {  # LeCun 1989, table; LeCun et al. 1989, 1990, 1998
    "net1": (266, 2_570, 2_570),
    "net2": (278, 3_214, 3_214),
    "net3": (346, 1_226, 1_226),
    "net4": (410, 2_266, 1_132),
    "net5": (458, 5_194, 1_060),
    "zipcode": (1_256, 64_660, 9_760),
    "zipcode-moved": (1_256, 64_660, 9_760),
    "lenet1": (4_634, 98_442, 2_578),
    "lenet4": (7_858, 258_306, 16_998),  # about 260,000 and 17,000
    "linear": (410, 4_010, 4_010),
    "deslanted300": (710, 123_310, 123_310),
    "full300": (1_094, 238_510, 238_510),
    "full1000": (1_794, 795_010, 795_010),
    "full300-100": (1_194, 266_610, 266_610),
    "full500-150": (1_444, 469_160, 469_160),
}
LADDER = {  # Nielsen, chapter 6: layers of units that are not maxima, and their weights
    "ladder1": ((784, 100, 10), 79_510),
    "ladder2": ((784, 20 * 576, 100, 10), 289_630),
    "ladder3": ((784, 20 * 576, 40 * 64, 100, 10), 85_670),
    "ladder4": ((784, 20 * 576, 40 * 64, 100, 10), 85_670),
    "ladder5": ((784, 20 * 576, 40 * 64, 1_000, 1_000, 10), 1_672_570),
    "ladder-wide": ((784, 20 * 576, 40 * 64, 300, 10), 215_870),
}
BORDERS = ("border", "edge")  # units that always say -1 stand in for those outside the image
LAYERS = {  # units, links, weights
    "zipcode": {
        "h1": (768, 19_968, 1_068),
        "h2": (192, 38_592, 2_592),
        "h3": (30, 5_790, 5_790),
        "output": (10, 310, 310),
    },
    "lenet1": {
        "h1": (2_304, 59_904, 104),
        "h2": (576, 2_880, 8),
        "h3": (768, 32_768, 512),
        "h4": (192, 960, 24),
        "output": (10, 1_930, 1_930),
    },
}


@pytest.fixture(scope="module")
def nets():
    return {name: lenet.load(name, trained=False) for name in PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_units_links_and_weights_are_those_published(nets, name):
    rows = [row for row in layer_rows(nets[name]) if row.name not in BORDERS]
    found = tuple(
        sum(getattr(r, of) for r in rows) for of in ("units", "connections", "weights")
    )
    assert found == PUBLISHED[name]
    memory = nets[name].interpreter.network
    assert (memory.link_count, memory.slot_count) == PUBLISHED[name][1:]


@pytest.mark.parametrize("name", LADDER)
def test_the_ladder_has_the_layers_of_the_book(name):
    rows = layer_rows(lenet.load(name, trained=False))
    sizes = tuple(row.units for row in rows if not row.kind.startswith("maximum"))
    assert (sizes, sum(row.weights for row in rows)) == LADDER[name]
    pooled = [row.size for row in rows if row.kind == "maximum 2x2"]
    assert pooled == ["20@12x12", "40@4x4"][: len(pooled)]


CHAMPIONS = {  # units, links, weights, kernels
    "champion": (52_826, 10_521_034, 422_890, "5x5 3x3 3x3"),
    "champion-slim": (35_482, 4_847_242, 188_746, "5x5 3x3 3x3"),
}


@pytest.mark.parametrize("name", CHAMPIONS)
def test_champions_have_what_their_scripts_say(name):
    network = lenet.load(name, trained=False)
    rows = layer_rows(network)
    of = ("units", "connections", "weights")
    counts = tuple(sum(getattr(r, what) for r in rows) for what in of)
    assert counts == CHAMPIONS[name][:3]
    said = "{:,} units, {:,} links, {:,} weights".format(*counts)
    assert said in network.script.read_text()
    kernels = [r.kind.split()[1] for r in rows if "convolution" in r.kind]
    assert " ".join(kernels) == CHAMPIONS[name][3]
    rates = etas(network.recipe.schedule)
    assert rates[0] < rates[1]
    assert (np.diff(rates[1:]) < 0).all()
    assert rates[-1] < rates[1] / 100


@pytest.mark.parametrize("name", CHAMPIONS)
def test_champions_read_drawn_digits(name):
    champion = lenet.load(name)
    for pen in (0.1, 0.15, 0.2, 0.25):
        drawn = np.stack([glyph(k, pen=pen) for k in range(10)])
        assert champion.classify(drawn).tolist() == list(range(10))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_those_published(nets, name):
    rows = {row.name: row for row in layer_rows(nets[name])}
    for layer, counts in LAYERS[name].items():
        row = rows[layer]
        assert (row.units, row.connections, row.weights) == counts


def test_lenet1_sees_what_the_table_of_1990_says(nets):
    text = "1 12 12 2 12 12 3 34 34 4 34 34"
    expected = [[int(k) - 1 for k in row] for row in text.split()]
    assert connection_tables(nets["lenet1"])["h3"] == expected


def test_the_border_of_the_zip_code_net_says_minus_one(nets):
    network = nets["zipcode"]
    network.initialize(1)
    network.program.run(np.zeros((1, 256), np.float32))
    for layer in network.interpreter.network.layers:
        if layer.name in BORDERS:
            assert (network.program.states(layer.units) == -1).all()


def sources(network, layer, unit):
    memory = network.interpreter.network
    pre, post, _ = memory.links()
    mine = pre[(post == next(la for la in memory.layers if la.name == layer).units[unit])]
    return {la.name: np.flatnonzero(np.isin(la.units, mine)) for la in memory.layers}


def test_the_first_unit_of_the_zip_code_net_sees_the_corner_and_its_border(nets):
    seen = sources(nets["zipcode"], "h1", 0)
    assert seen["input"].tolist() == [0, 1, 2, 16, 17, 18, 32, 33, 34]
    assert len(seen["border"]) == 16


def test_every_map_of_h2_sees_eight_maps_of_h1(nets):
    for k in range(12):
        maps = np.unique(sources(nets["zipcode"], "h2", 16 * k + 5)["h1"] // 64)
        assert len(maps) == 8


@pytest.mark.parametrize("name", PUBLISHED)
def test_compiled_networks_answer_as_the_exact_kernels_do(nets, name):
    network = nets[name]
    network.initialize(4)
    pattern = np.random.default_rng(0).uniform(-1, 1, network.program.input_size)
    run = network.interpreter.value
    memory = network.interpreter.network
    memory.values[memory.layers[0].units] = pattern
    run("(forward-prop net-struc)")
    exact = memory.values[memory.layers[-1].units]
    found = network.program.run(pattern[None].astype(np.float32))[0]
    assert found == pytest.approx(exact, abs=1e-4)
    assert np.ptp(exact) > 0.01
