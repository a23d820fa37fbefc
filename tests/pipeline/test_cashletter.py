"""Image cash letters: their checks, their amounts, and damage of every kind."""

import json
import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.cashletter import Check, is_letter, items, named
from pipeline.cli import main
from pipeline.errors import ImageError


def letter(checks, *, code="ascii", order=">", end=True):
    """Return a letter of (cents as text, front image or None, back image or None)."""
    found = b""

    def record(text, data=b""):
        nonlocal found
        body = text.encode(code) + data
        found += struct.pack(f"{order}L", len(body)) + body

    def view(side, image, key=""):
        record(f"501{'021000021'}{'20261121'}0000{len(image):07}{side}00".ljust(80))
        head = f"52{'021000021'}{'20261121'}01".ljust(101)
        record(f"{head}{len(key):04}{key}{3:05}sig{len(image):07}", image)

    record(f"01033T{'021000021' * 2}202611211200N".ljust(80))
    record("10".ljust(80))
    record("20".ljust(80))
    for k, (cents, front, back) in enumerate(checks, 1):
        record(f"25{' ' * 45}{cents:>10}{k:015}G".ljust(80))
        record("26".ljust(80))
        if back is not None:
            view(1, back)
        if front is not None:
            view(0, front, "key" * k)
    record("70".ljust(80))
    if end:
        record("99".ljust(80))
    return found


@pytest.fixture
def scans(files):
    """Front images of three checks and a back: two, three and four strokes as TIFF."""
    return [files.tiff([files.grey_page(files.strip(w))]) for w in (36, 48, 60, 72)]


@pytest.fixture
def file(tmp_path, scans, monkeypatch):
    checks = [
        ("0000000200", scans[0], scans[3]),
        ("0000000999", scans[1], None),
        ("", scans[2], None),
        ("0000000100", None, scans[3]),
    ]
    monkeypatch.chdir(tmp_path)
    Path("a.x937").write_bytes(letter(checks))
    return "a.x937"


@pytest.mark.parametrize("code", ["ascii", "cp037"])
@pytest.mark.parametrize("order", [">", "<"])
def test_checks_are_found_with_their_amounts_and_fronts(tmp_path, scans, code, order):
    path = str(tmp_path / "letter")
    checks = [("0000012550", scans[0], scans[3]), ("0000000007", scans[1], None)]
    Path(path).write_bytes(letter(checks, code=code, order=order))
    assert is_letter(path)
    found = [Check(path, item) for item in items(path)]
    assert [c.name for c in found] == [f"{path}#1", f"{path}#2"]
    assert [c.item.amount for c in found] == ["125.50", "0.07"]
    assert [c.read(10**9) for c in found] == scans[:2]
    assert named(f"{path}#2").read(8) == scans[1][:8]
    assert named(f"{path}#3") is None
    assert named(f"{path}x#1") is None


@pytest.mark.usefixtures("fakes_installed")
class TestRead:
    def test_amounts_in_the_letter_are_expected(self, file, capsys):
        assert main(["read", "--json", file]) == 1
        out, err = capsys.readouterr()
        found = [json.loads(line) for line in out.splitlines()]
        told = [(r["file"], r["text"], r["reason"]) for r in found]
        assert told == [
            ("a.x937#1", "2.00", None),
            ("a.x937#2", None, "expect"),
            ("a.x937#3", None, "expect"),
        ]
        assert "a.x937#4: this check has no image of its front" in err
        assert "1 read, 2 rejected (2 expect), 1 failed" in err

    def test_they_can_be_ignored_or_replaced(self, file, capsys):
        assert main(["read", "--json", "-q", "--ignore-amounts", file]) == 1
        found = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
        assert found == ["2.00", "3.00", "4.00"]
        Path("e.csv").write_text("a.x937#3,4.00\na.x937#1,9.00\n")
        assert main(["read", "--json", "-q", "--expect-csv", "e.csv", file]) == 1
        found = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
        assert found == [None, None, "4.00"]

    def test_one_check_can_be_named_and_folders_hold_letters(self, file, capsys):
        assert main(["read", "--json", "a.x937#1"]) == 0
        assert json.loads(capsys.readouterr().out)["text"] == "2.00"
        assert main(["read", "--json", "-q", "."]) == 1
        assert len(capsys.readouterr().out.splitlines()) == 3

    def test_audits_replay(self, file, capsys):
        assert main(["read", "-q", "--audit", "log", file]) == 1
        capsys.readouterr()
        assert main(["audit", "replay", "log"]) == 0
        assert "3 the same, 0 different, 0 that cannot be" in capsys.readouterr().out

    def test_checks_before_the_damage_are_read(self, file, capsys):
        data = Path(file).read_bytes()
        Path("b.x937").write_bytes(data[: len(data) // 2])
        assert main(["read", "--json", "b.x937"]) == 1
        out, err = capsys.readouterr()
        assert [json.loads(line)["file"] for line in out.splitlines()][:1] == ["b.x937#1"]
        assert "b.x937: the letter ends early, in its record " in err


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d[:3], "no image cash letter"),
        (lambda d: d[:-84], "ends without its last record (99)"),
        (lambda d: d[:-10], "ends early, in its record"),
        (
            lambda d: d.replace(struct.pack(">L", 80) + b"25", struct.pack(">L", 1) + b"25"),
            "damaged",
        ),
        (lambda d: d[:84] + b"\xff\xff\xff\xff" + d[88:], "ends early, in its record 2"),
        (lambda d: d.replace(b"00003sig", b"99999sig"), "damaged"),
        (lambda d: d.replace(b"00003sig", b"000x3sig"), "damaged"),
        (lambda d: d + struct.pack(">L", 200_000) + b"70" + bytes(199_998), "damaged"),
    ],
)
def test_damage_is_told_in_one_line(file, change, what):
    Path("b").write_bytes(change(Path(file).read_bytes()))
    with pytest.raises(ImageError) as told:
        list(items("b"))
    assert what in str(told.value)
    assert "\n" not in str(told.value)


def test_mutations_never_escape(file):
    data = Path(file).read_bytes()
    chance = random.Random(7)
    kept = 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 20))):
            place = chance.randrange(len(changed))
            changed[place] = chance.choice((0, 255, 0x30, chance.randrange(256)))
        if chance.random() < 0.2:
            del changed[chance.randrange(len(changed)) :]
        Path("b").write_bytes(changed)
        found = []
        with suppress(ImageError):
            found.extend(items("b"))
            kept += 1
        for item in found:
            if item.offset is not None:
                assert item.offset + item.length <= len(changed)
                assert len(Check("b", item).read(10**9)) == item.length
    assert 30 < kept < 290
