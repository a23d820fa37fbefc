"""What scripts built is kept, and is what they would build again."""

import numpy as np
import pytest

import lenet
from lenet import kept, networks
from lenet.networks import NETS, Network


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sn" / "networks"


@pytest.fixture
def runs(monkeypatch):
    """The scripts that were run."""
    seen, run = [], networks.run

    def noted(script):
        seen.append(script.stem)
        return run(script)

    monkeypatch.setattr(networks, "run", noted)
    return seen


def test_a_script_is_run_once_and_its_network_reads_the_same(cache, runs):
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    first, second = lenet.load("lenet1"), lenet.load("lenet1")
    assert runs == ["lenet1"]
    plain = Network(NETS / "lenet1.sn")
    plain.set_weights(first.weights())
    for network in (first, second):
        assert network.recipe == plain.recipe
        assert network.retina == plain.retina
        assert network.sizes == plain.sizes
        assert network.sha256 == plain.sha256
        assert np.array_equal(network.penalties(images), plain.penalties(images))


def test_reading_holds_no_links_and_the_interpreter_comes_with_the_weights(cache, runs):
    """Units and links of a large network take hundreds of megabytes that nobody reads with."""
    lenet.load("lenet1")
    network = lenet.load("lenet1")
    assert network._ran is None
    assert sum(links for _, links in network.sizes.values()) == 98_442
    memory = network.interpreter.network
    assert runs == ["lenet1", "lenet1"]
    assert memory.link_count == 98_442
    assert np.array_equal(memory.weights, network.weights())
    network.initialize(3)
    again = lenet.load("lenet1", trained=False)
    again.initialize(3)
    assert again.sha256 == network.sha256


def test_a_damaged_file_is_made_again(cache, runs):
    lenet.load("lenet1")
    (file,) = cache.glob("*.pickle")
    for data in (file.read_bytes()[:-9], b"", b"\x80" * 99):
        file.write_bytes(data)
        assert lenet.load("lenet1").name == "lenet1"
    assert runs == ["lenet1"] * 4


def test_what_others_could_have_written_is_not_read(cache, runs):
    lenet.load("lenet1")
    cache.chmod(0o777)
    lenet.load("lenet1")
    assert runs == ["lenet1"] * 2


def test_only_what_comes_with_the_program_is_kept(cache, runs, tmp_path):
    script = tmp_path / "mine.sn"
    script.write_bytes((NETS / "lenet1.sn").read_bytes())
    lenet.load(str(script), NETS.parent / "weights" / "lenet1.wei")
    assert runs == ["mine"]
    assert not cache.exists()


def test_a_few_of_each_name_are_kept(cache, monkeypatch):
    for k in range(kept.MOST + 2):
        monkeypatch.setattr(kept, "key", lambda k=k: f"{k:016}")
        kept.keep(NETS / "net1.sn", k)
        kept.keep(NETS / "net2.sn", k)
    assert kept.recall(NETS / "net1.sn") == kept.MOST + 1
    assert len(list(cache.glob("net1-*"))) == len(list(cache.glob("net2-*"))) == kept.MOST


def test_without_a_place_to_write_it_is_built_every_time(cache, runs):
    cache.parent.write_text("no folder")
    assert lenet.load("net1", trained=False).name == "net1"
    assert kept.recall(NETS / "net1.sn") is None
