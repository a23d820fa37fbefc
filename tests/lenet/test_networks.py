"""The networks as published, counted on the live object, and the weights that are shipped."""

import json

import numpy as np
import pytest

import lenet
from lenet.data import DataError, mnist, retina
from lenet.networks import NETS, WEIGHTS, NetworkError, read_weights
from lenet.tables import connection_tables, layer_rows
from lenet.training import etas, train

PAPER = {  # LeCun et al. 1998, sec. II-B: maps, weights, connections
    "c1": ((6, 28, 28), 156, 122_304),
    "s2": ((6, 14, 14), 12, 5_880),
    "c3": ((16, 10, 10), 1_516, 151_600),
    "s4": ((16, 5, 5), 32, 2_000),
    "c5": (None, 48_120, 48_120),
    "f6": (None, 10_164, 10_164),
    "output": (None, 0, 840),
}


@pytest.fixture(scope="module")
def lenet5():
    return lenet.load("lenet5", trained=False)


def test_lenet5_has_the_layers_of_the_paper(lenet5):
    rows = {row.name: row for row in layer_rows(lenet5)}
    for name, (maps, weights, connections) in PAPER.items():
        found = rows[name]
        assert (found.maps, found.weights, found.connections) == (maps, weights, connections)


def test_lenet5_has_60000_weights_and_340908_connections(lenet5):
    rows = layer_rows(lenet5)
    assert sum(row.weights for row in rows) == 60_000
    assert sum(row.connections for row in rows) == 340_908
    assert lenet5.interpreter.network.link_count == 340_908


def test_c3_sees_what_table_1_says(lenet5):
    table = connection_tables(lenet5)["c3"]
    text = "012 123 234 345 450 501 0123 1234 2345 3450 4501 5012 0134 1245 2350 012345"
    assert table == [sorted(int(k) for k in row) for row in text.split()]


def test_the_squashing_function_passes_through_one(lenet5):
    squashing = lenet5.interpreter.value("(nlf 1)"), lenet5.interpreter.value("(nlf -1)")
    assert squashing == pytest.approx((1, -1), abs=1e-6)


def test_new_weights_follow_the_script(lenet5):
    lenet5.initialize(3)
    memory = lenet5.interpreter.network
    pre, _, weight = memory.links()
    assert (memory.weights[weight[pre == 0]] == 0).all()
    assert set(
        np.abs(memory.weights[lenet5.program.lowered.weight_index[lenet5.frozen()]])
    ) == {1}
    assert lenet5.frozen().sum() == 840
    s2 = next(layer for layer in memory.layers if layer.name == "s2")
    coefficients = np.isin(memory.links()[1], s2.units) & (pre != 0)
    assert set(memory.weights[weight[coefficients]]) == {0.5}


def test_prototypes_differ_in_at_least_12_pixels(lenet5):
    bitmaps = [
        np.array(list(lenet5.interpreter.value(f"(prototype {k})")), float) for k in range(10)
    ]
    assert all(b.shape == (84,) and set(b) == {-1.0, 1.0} for b in bitmaps)
    gaps = [int((a != b).sum()) for i, a in enumerate(bitmaps) for b in bitmaps[:i]]
    assert min(gaps) == 12


@pytest.mark.jit
@pytest.mark.parametrize("file", sorted(WEIGHTS.glob("*.wei")), ids=lambda f: f.stem)
def test_shipped_weights_are_what_their_provenance_says(file):
    notes = json.loads(file.with_suffix(".json").read_text())
    assert {"command", "commit", "seed", "data", "test_error", "sha256"} <= notes.keys()
    network = lenet.load(notes["network"], file)
    assert network.sha256 == notes["sha256"]
    assert len(read_weights(file)) == notes["weights"]


def test_names_of_files_may_be_strings(lenet5):
    named = lenet.load(str(NETS / "lenet5.sn"), str(WEIGHTS / "lenet5.wei"))
    assert lenet.load(NETS / "lenet5.sn").sha256 == named.sha256
    with pytest.raises(NetworkError, match=r"^none\.wei: no such weight file$"):
        lenet.load("lenet5", "none.wei")


@pytest.mark.jit
def test_shipped_lenet5_misses_at_most_1_1_percent(data):
    images, labels = mnist("test", data)
    answers = lenet.load("lenet5").classify(retina(images))
    assert np.mean(answers != labels) <= 0.011


@pytest.mark.jit
def test_lenet5_that_learned_distorted_digits_misses_at_most_0_8_percent(data):
    images, labels = mnist("test", data)
    network = lenet.load("lenet5", WEIGHTS / "lenet5-distorted.wei")
    assert np.mean(network.classify(images) != labels) <= 0.008


@pytest.mark.jit
@pytest.mark.parametrize(("name", "most"), [("lenet4", 0.011), ("boosted-lenet4", 0.007)])
def test_shipped_lenet4_misses_no_more_than_in_1998(name, most, data):
    images, labels = mnist("test", data)
    assert np.mean(lenet.load(name).classify(images) != labels) <= most


@pytest.mark.jit
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, 60)

    class StopError(Exception):
        pass

    def stop(done):
        if done.number == 2:
            raise StopError

    def run(**how):
        network = lenet.load("lenet5", trained=False)
        train(network, images, labels, passes=3, **how)
        return network.weights()

    whole = run()
    file = tmp_path / "half.wei"
    with pytest.raises(StopError):
        run(checkpoint=file, progress=stop)
    assert (run(checkpoint=file) == whole).all()
    with pytest.raises(NetworkError, match="belongs to another training"):
        run(checkpoint=file, seed=2)


def test_the_schedule_is_the_papers_at_half_its_rates(lenet5):
    paper = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert etas(lenet5.recipe.schedule) == [rate / 2 for rate in paper]
    assert etas(lenet5.recipe.schedule, 22)[-2:] == [5e-6] * 2


def test_unknown_networks_are_named_with_the_known_ones():
    with pytest.raises(NetworkError, match=r'no model "lenet7"\. Available: .*lenet5'):
        lenet.load("lenet7")


def test_weights_of_another_network_are_refused(lenet5, tmp_path):
    file = tmp_path / "a.wei"
    header = np.array([0x1E3D4C51, 1, 10, 1, 1], "<i4").tobytes()
    file.write_bytes(header + bytes(40))
    with pytest.raises(NetworkError, match="10 weights, but lenet5 has 60,840"):
        lenet5.load_weights(file)
    file.write_bytes(header + bytes(30))
    with pytest.raises(NetworkError, match="not a weight file"):
        lenet5.load_weights(file)
    file.write_bytes(b"hello")
    with pytest.raises(NetworkError, match="not a weight file"):
        lenet5.load_weights(file)
    with pytest.raises(NetworkError, match="no such weight file"):
        lenet5.load_weights(tmp_path / "b.wei")


def test_saved_weights_are_those_lisp_reads(lenet5, tmp_path):
    lenet5.initialize(5)
    file = tmp_path / "five.wei"
    lenet5.save_weights(file, {"seed": 5})
    before = lenet5.weights()
    lenet5.interpreter.value(f'(forget 0.1) (load-net "{file}")')
    assert (lenet5.interpreter.network.weights == before).all()


def test_weights_kept_as_shorts_are_rounded_and_read_alike(tmp_path):
    script = tmp_path / "n.sn"
    script.write_text(
        '(libload "maps")\n(alloc-net 30 200)\n(nlf-tanh 1 0)\n'
        "(build-net '((input 4) (output 2)) '((input output)))\n(setq training-short t)\n"
    )
    network, other = (lenet.load(str(script), trained=False) for _ in range(2))
    exact = np.linspace(-7.9, 7.9, 10).astype(np.float32)
    exact[4] = -1e-5
    network.set_weights(exact)
    file = tmp_path / "n.wei"
    network.save_weights(file, {})
    assert len(file.read_bytes()) == 20 + 2 * 10
    kept = network.weights()
    assert 0 < np.abs(kept - exact).max() <= 2**-13
    other.load_weights(file)
    assert (other.weights() == kept).all()
    other.interpreter.value(f'(forget 0.1) (load-net "{file}")')
    assert (other.interpreter.network.weights == kept).all()
    network.set_weights(2 * exact)  # too great for shorts
    network.save_weights(file, {})
    other.load_weights(file)
    assert (other.weights() == 2 * exact).all()


def test_a_script_without_a_network_says_so(tmp_path):
    file = tmp_path / "empty.sn"
    file.write_text('(libload "maps")')
    with pytest.raises(NetworkError, match="builds no network"):
        lenet.load(str(file), trained=False)


def test_retina_centres_glyphs_on_light_paper():
    found = retina(np.full((1, 28, 28), 255, np.uint8))
    assert found.shape == (1, 32, 32)
    assert found[0, 0, 0] == pytest.approx(-0.1)
    assert found[0, 2, 2] == found[0, 29, 29] == pytest.approx(1.175)


def test_missing_and_damaged_data_name_the_file(tmp_path, monkeypatch):
    monkeypatch.delenv("SN_DATA", raising=False)
    with pytest.raises(DataError, match="set SN_DATA, or give --data"):
        mnist("train")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: missing"):
        mnist("train", tmp_path)
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: damaged"):
        mnist("train", tmp_path)


def test_every_script_of_the_folder_is_loaded_by_name():
    shared = {"champion-recipe", "ladder", "maps", "prototypes", "toy"}
    assert set(lenet.names()) == {f.stem for f in NETS.glob("*.sn")} - shared
