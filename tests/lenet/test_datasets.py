"""Data sets: found by their digests, fetched from a server on this machine."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lenet.cli import main
from lenet.datasets import MNIST, SETS, DataSet, FetchError, Item, fetch, state

TEXT = b"digits " * 3000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "server"
    folder.mkdir()
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_address[1]}/", folder
    served.shutdown()
    served.server_close()


def small(text: bytes = TEXT) -> DataSet:
    item = Item("small/one.gz", len(text), hashlib.sha256(text).hexdigest())
    return DataSet("small", "a set", "here", (item,))


def test_a_set_is_fetched_checked_and_not_fetched_again(server, tmp_path):
    url, folder = server
    (folder / "one.gz").write_bytes(gzip.compress(TEXT))
    shares = []
    made = fetch(small(), tmp_path, (url,), lambda name, share: shares.append(share))
    assert made == [tmp_path / "small" / "one.gz"]
    assert gzip.decompress(made[0].read_bytes()) == TEXT
    assert shares[-1] == 1
    assert state(small().items[0], tmp_path) == "present"
    assert fetch(small(), tmp_path, (url,)) == []


def test_the_next_mirror_is_asked(server, tmp_path):
    url, folder = server
    (folder / "one.gz").write_bytes(gzip.compress(TEXT))
    assert fetch(small(), tmp_path, (url + "nowhere/", url))


@pytest.mark.parametrize(
    ("served", "told"),
    [
        (gzip.compress(b"x" * len(TEXT)), "its SHA-256 differs"),
        (gzip.compress(TEXT)[:-40], "its SHA-256 differs"),
        (gzip.compress(bytes(50_000_000)), "larger than it should be"),
        (b"<html>no</html>", "incorrect header check"),
        (None, "File not found"),
    ],
    ids=("other", "cut", "large", "page", "missing"),  # bytes of gzip hold the time of day
)
def test_what_is_not_the_set_is_refused_and_leaves_nothing(served, told, server, tmp_path):
    url, folder = server
    if served is not None:
        (folder / "one.gz").write_bytes(served)
    with pytest.raises(FetchError, match=told) as caught:
        fetch(small(), tmp_path, (url,))
    assert f"Get one.gz elsewhere and put them into {tmp_path / 'small'}" in str(caught.value)
    assert list((tmp_path / "small").iterdir()) == []


def test_addresses_of_files_are_refused(tmp_path):
    with pytest.raises(FetchError, match="not an http address"):
        fetch(small(), tmp_path, ("file:///etc/",))


def test_states_tell_damaged_from_other_files(tmp_path):
    item = small().items[0]
    assert state(item, tmp_path) == "missing"
    file = tmp_path / "one.gz"
    file.write_bytes(gzip.compress(TEXT))
    assert state(item, tmp_path) == "present"
    file.write_bytes(gzip.compress(TEXT[:-1]))
    assert state(item, tmp_path) == "damaged (20,999 of 21,000 bytes)"
    file.write_bytes(gzip.compress(TEXT[:-1] + b"!"))
    assert state(item, tmp_path) == "another file"
    file.write_bytes(gzip.compress(TEXT)[:-40])
    assert state(item, tmp_path).startswith("damaged (")
    file.write_bytes(gzip.compress(TEXT + b"!"))
    assert state(item, tmp_path) == "damaged (too large)"


def test_the_sets_are_those_that_are_read():
    from lenet.data import SETS as READ

    assert {entry.name for entry in SETS} == set(READ)


def test_the_data_folder_holds_what_it_should(data):
    for entry in SETS:
        for item in entry.items:
            assert state(item, data) == "present", item.path


def test_data_tells_what_is_missing_and_where_it_goes(tmp_path, capsys):
    assert main(["data", "--data", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    for item in MNIST.items:
        assert str(tmp_path / item.path) in text
    assert text.count("missing") == sum(len(entry.items) for entry in SETS)


def test_data_says_why_nothing_was_fetched(tmp_path, capsys):
    command = ["data", "--data", str(tmp_path), "--fetch", "mnist", "--from"]
    assert main([*command, "http://127.0.0.1:1/"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("lenet: mnist could not be fetched (http://127.0.0.1:1/train-")
    assert error.count("\n") == 1
    assert main(["data", "--fetch", "usps"]) == 2
    assert main(["data", "--from", "http://127.0.0.1/"]) == 2
