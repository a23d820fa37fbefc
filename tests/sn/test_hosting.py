"""Packages written in Hy are compiled once, wherever the program lies."""

import importlib
import sys

import pytest

from sn.hosting import hy_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package with a module in Hy; give its folder."""
    folder = tmp_path / "here" / "said_in_hy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from said_in_hy.words import word\n")
    (folder / "words.hy").write_text('(setv word "said")\n')
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith("said_in_hy")]:
        del sys.modules[name]


@pytest.mark.parametrize("may_write", [True, False])
def test_byte_code_is_kept_beside_the_source_or_by_the_user(
    package, tmp_path, monkeypatch, may_write
):
    monkeypatch.setattr(sys, "dont_write_bytecode", not may_write)
    prefix = sys.pycache_prefix
    assert hy_package("said_in_hy").word == "said"
    assert hy_package("said_in_hy") is sys.modules["said_in_hy"]
    beside = list(package.rglob("words.*.pyc"))
    own = list((tmp_path / "cache").rglob("words.*.pyc"))
    assert (len(beside), len(own)) == ((1, 0) if may_write else (0, 1))
    assert sys.dont_write_bytecode is not may_write
    assert sys.pycache_prefix == prefix


def test_a_cache_others_can_write_to_is_not_used(package, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "cache" / "sn" / "hy").mkdir(parents=True)
    (tmp_path / "cache" / "sn" / "hy").chmod(0o777)
    assert hy_package("said_in_hy").word == "said"
    assert not list(tmp_path.rglob("*.pyc"))
