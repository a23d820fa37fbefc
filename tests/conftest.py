"""Fixtures shared by all tests: where the data lie, and a cache of their own for no one."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples at every run: what fails here fails everywhere. HOLMDEL_EXAMPLES searches.
settings.register_profile("steady", derandomize="HOLMDEL_EXAMPLES" not in os.environ)
settings.load_profile("steady")


def data_folder() -> Path | None:
    """Return the data folder named by ``SN_DATA``, or None."""
    place = os.environ.get("SN_DATA")
    return Path(place) if place and Path(place).is_dir() else None


def spec_file(variable: str, name: str) -> Path | None:
    """Return a file of measured cases: from its own variable, else beside the data folder."""
    if os.environ.get(variable):
        return Path(os.environ[variable])
    data = data_folder()
    file = data.parent / "spec" / name if data else None
    return file if file and file.is_file() else None


@pytest.fixture
def data() -> Path:
    """Skip a test that needs the data sets when ``SN_DATA`` does not name them."""
    place = data_folder()
    if place is None:
        pytest.skip("SN_DATA does not name a data folder")
    return place


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give the tests of a file to one process: what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


# Whole networks over whole images: minutes where kernels are not compiled.
COMPILED_ONLY = {
    "test_animate.py",
    "test_explain.py",
    "test_export.py",
    "test_features.py",
    "test_finetuning.py",
    "test_networks_page.py",
    "test_own.py",
    "test_published.py",
    "test_reproduce.py",
    "test_sdnn.py",
    "test_train.py",
    "test_web.py",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in COMPILED_ONLY or "test_each_engine_reads" in item.name:
            item.add_marker(pytest.mark.jit)
