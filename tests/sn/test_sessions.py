"""The dialogues of tests/sessions and of the language tour are carried out."""

import re
from pathlib import Path

import pytest

from tests.sn.dialogues import differences

ROOT = Path(__file__).parent.parent.parent
SESSIONS = sorted(ROOT.glob("tests/sessions/language-*.session"))
TOUR = ROOT / "docs" / "sn.md"
BLOCK = re.compile(r"^```sn\n(.*?)^```$", re.S | re.M)


@pytest.mark.parametrize("file", SESSIONS, ids=lambda file: file.stem)
def test_session(file: Path) -> None:
    compared, found = differences(file.read_text(encoding="latin-1"))
    assert not found, "\n".join(found)
    assert compared > 5


def test_there_are_sessions() -> None:
    assert len(SESSIONS) >= 4


def test_every_dialogue_of_the_tour_is_true() -> None:
    text = TOUR.read_text(encoding="utf-8")
    compared, found = 0, []
    for block in BLOCK.finditer(text):
        count, different = differences(block.group(1), text.count("\n", 0, block.start(1)) + 1)
        compared += count
        found += different
    assert not found, "\n".join(found)
    assert compared > 50
