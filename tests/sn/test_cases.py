"""Every measured program gives, here too, what the original printed.

The file of cases is found through SN_CASES, else beside the data folder; where it is absent
these tests are skipped.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import spec_file
from tests.sn.cases import difference, load_cases, run_case

FILE = spec_file("SN_CASES", "sn_cases.jsonl")
CASES = load_cases(FILE) if FILE else []

# Cases known to differ, each with its reason (docs/fidelity.md says more).
DIFFERENT: dict[str, str] = {}


@pytest.mark.skipif(FILE is None, reason="the file of measured cases is not there")
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = difference(case, run_case(case, tmp_path))
    if case["id"] in DIFFERENT:
        assert found is not None, "this case agrees now: take it out of DIFFERENT"
    else:
        assert found is None, found


@pytest.mark.skipif(FILE is None, reason="the file of measured cases is not there")
def test_every_known_difference_is_a_case() -> None:
    assert {case["id"] for case in CASES} >= DIFFERENT.keys()


def test_cases_named_by_variable_exist() -> None:
    assert not os.environ.get("SN_CASES") or FILE is not None
