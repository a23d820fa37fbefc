"""The command: texts, streams, exit codes; every nasty file in a batch that goes on."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline import command_read
from pipeline.cli import main

HEAVY = ("numpy", "numba", "cv2", "PIL", "rich", "hy")


@pytest.fixture
def scans(tmp_path, files, monkeypatch):
    """A folder of three scans, the current folder being its parent."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, width in (("b.png", 60), ("a.png", 48), ("c.png", 72)):
        (folder / name).write_bytes(files.png(files.strip(width)))
    (folder / "labels.tsv").write_text("a.png\t3.00\n")
    monkeypatch.chdir(tmp_path)
    return folder


def records(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("fakes_installed")
class TestRead:
    def test_one_image_gives_one_line(self, scans, capsys):
        assert main(["read", "scans/a.png"]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("$ 3.00   ")
        assert "confidence 0.990" in out
        assert (out.count("\n"), err) == (1, "")

    def test_json_names_the_file_as_given(self, scans, capsys):
        assert main(["read", "--json", "scans/b.png", "scans//a.png", "./scans"]) == 0
        out, err = capsys.readouterr()
        found = [(r["file"], r["text"]) for r in records(out)]
        assert found == [
            ("scans/b.png", "4.00"),
            ("scans//a.png", "3.00"),
            ("./scans/a.png", "3.00"),
            ("./scans/b.png", "4.00"),
            ("./scans/c.png", "5.00"),
        ]
        assert err.startswith("5 read, 0 rejected, 0 failed\n")
        assert "expected error among the reads: 1.0 %, by the confidences of fake" in err

    def test_folders_are_entered_in_order_and_hidden_files_left_alone(
        self, scans, files, capsys
    ):
        (scans / "sub").mkdir()
        (scans / "sub" / "D.PNG").write_bytes(files.png())
        (scans / "._a.png").write_bytes(b"junk")
        assert main(["read", "--json", "-q", "scans/"]) == 0
        out, err = capsys.readouterr()
        names = ["scans/a.png", "scans/b.png", "scans/c.png", "scans/sub/D.PNG"]
        assert [r["file"] for r in records(out)] == names
        assert err == ""

    def test_a_quoted_pattern_stands_for_the_names_it_matches(self, scans, capsys):
        assert main(["read", "--json", "-q", "scans/[bc].png", "sc*"]) == 0
        found = [r["file"][-5] for r in records(capsys.readouterr().out)]
        assert found == ["b", "c", "a", "b", "c"]
        assert main(["read", "-q", "*.bmp"]) == 1
        text = "check-reader: *.bmp: no file or folder has a name of this pattern\n"
        assert capsys.readouterr() == ("", text)

    def test_links_that_lead_out_are_skipped_and_said(self, scans, files, capsys, tmp_path):
        (tmp_path / "out.png").write_bytes(files.png())
        (scans / "d.png").symlink_to(tmp_path / "out.png")
        (scans / "e.png").symlink_to(scans / "a.png")
        (scans / "f.png").symlink_to(scans / "f.png")
        assert main(["read", "--json", "scans"]) == 0
        out, err = capsys.readouterr()
        assert [r["file"][-5] for r in records(out)] == ["a", "b", "c", "e"]
        for name in ("d", "f"):
            assert (
                f"check-reader: scans/{name}.png: skipped, the link leads out of scans\n" in err
            )

    def test_a_nasty_file_earns_its_text_and_the_batch_goes_on(self, nasty, scans, capfd):
        file, text = nasty
        assert main(["read", "--json", str(file), "scans/a.png"]) == 1
        out, err = capfd.readouterr()
        assert [r["text"] for r in records(out)] == ["3.00"]
        line, summary, *_ = err.splitlines()
        assert line == f"check-reader: {file}: {text}"
        assert summary == "1 read, 0 rejected, 1 failed"
        assert "Traceback" not in err

    def test_a_nasty_file_alone_is_one_line_and_exit_1(self, nasty, capfd):
        file, text = nasty
        assert main(["read", str(file)]) == 1
        assert capfd.readouterr() == ("", f"check-reader: {file}: {text}\n")

    def test_missing_files_and_empty_folders_are_one_line_each(self, scans, tmp_path, capsys):
        (tmp_path / "bare").mkdir()
        (tmp_path / "bare" / "notes.txt").write_text("nothing to see")
        arguments = ["scans/a.jpg", "bare", "nowhere/x.png", "scans/a.png"]
        assert main(["read", "-q", "--json", *arguments]) == 1
        out, err = capsys.readouterr()
        assert len(records(out)) == 1
        assert err.splitlines() == [
            "check-reader: scans/a.jpg: no such file or folder. Did you mean scans/a.png?",
            "check-reader: bare: no images in this folder (PNG, JPEG, TIFF, BMP or PGM)",
            "check-reader: nowhere/x.png: no such file or folder (there is no nowhere either)",
        ]

    def test_what_cannot_be_opened_or_is_no_file_is_said(self, tmp_path, capsys):
        os.mkfifo(tmp_path / "pipe.png")
        assert main(["read", str(tmp_path / "pipe.png"), "/dev/null/x"]) == 1
        err = capsys.readouterr().err.splitlines()
        kind = "not a file that can be read. Give an image or a folder"
        assert err[0] == f"check-reader: {tmp_path}/pipe.png: {kind}"
        assert err[1] == "check-reader: /dev/null/x: cannot be opened (Not a directory)"

    def test_names_cannot_command_the_terminal(self, tmp_path, files, capsys):
        name = tmp_path / "a\x1b[31m\n=.png"
        name.write_bytes(files.png())
        assert main(["read", str(name), str(name)]) == 0
        assert main(["read", str(name) + "x"]) == 1
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        assert len(out.splitlines()) == 2
        assert "a\\x1b[31m\\n=.png" in out

    def test_names_that_are_not_text_are_kept(self, tmp_path, files, capsys):
        name = os.fsencode(tmp_path) + b"/\xff.png"
        with open(name, "wb") as file:  # noqa: PTH123 - pathlib knows no bytes
            file.write(files.png())
        assert main(["read", "--json", os.fsdecode(name)]) == 0
        (record,) = records(capsys.readouterr().out)
        assert os.fsencode(record["file"]) == name

    def test_pages_are_records_and_a_broken_page_follows_whole_ones(
        self, tmp_path, files, capsys
    ):
        tags, _ = files.white_g4_page(60, 60)
        pages = [
            files.grey_page(),
            files.grey_page(files.strip(48)),
            (tags, [b"\x01\x80" * 20]),
        ]
        file = tmp_path / "m.tif"
        file.write_bytes(files.tiff(pages))
        assert main(["read", "--json", str(file)]) == 1
        out, err = capsys.readouterr()
        assert [(r["page"], r["text"]) for r in records(out)] == [(1, "4.00"), (2, "3.00")]
        text = "page 3 is damaged and cannot be decoded. Scan or copy it again"
        assert err.splitlines()[0] == f"check-reader: {file}: {text}"

    def test_rejects_are_results_unless_strict(self, tmp_path, files, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "faint.png").write_bytes(files.png(np.maximum(files.strip(), 100)))
        (tmp_path / "white.png").write_bytes(files.png(np.full((24, 60), 255, np.uint8)))
        assert main(["read", "faint.png", "white.png", "faint.png"]) == 0
        out, err = capsys.readouterr()
        assert out.splitlines()[1] == "white.png: REJECT blank: no ink found"
        assert out.startswith(
            "faint.png: REJECT  best guess $ 4.00 (0.60), then $ 94.00 (0.40): "
        )
        assert err.splitlines() == [
            "0 read, 3 rejected (2 ambiguous, 1 blank), 0 failed",
            "next: check-reader explain faint.png -o why.html shows why",
        ]
        assert main(["read", "--strict", "faint.png"]) == 3
        assert main(["read", "--strict", "--min-confidence", "0.5", "faint.png"]) == 0
        assert main(["read", "--strict", "faint.png", "missing.png"]) == 1

    def test_a_reject_has_null_for_text_and_amount(self, tmp_path, files, capsys):
        file = tmp_path / "faint.png"
        file.write_bytes(files.png(np.maximum(files.strip(), 100)))
        assert main(["read", "--json", str(file)]) == 0
        (record,) = records(capsys.readouterr().out)
        assert record["text"] is record["amount"] is record["digits"] is None
        assert record["n_best"][0] == ["4.00", 0.6]

    def test_inversion_is_remarked(self, tmp_path, files, capsys):
        file = tmp_path / "dark.png"
        file.write_bytes(files.png(255 - files.strip()))
        assert main(["read", str(file)]) == 0
        remark = f"check-reader: {file}: inverted: light ink on dark paper\n"
        assert capsys.readouterr().err == remark

    def test_verify_mode(self, scans, capsys):
        assert main(["read", "--strict", "--expect", "3", "scans/a.png"]) == 0
        assert main(["read", "--strict", "--expect", "7.00", "scans/a.png"]) == 3
        assert "expected 7.00" in capsys.readouterr().out
        assert main(["read", "--expect", "x", "scans/a.png"]) == 2

    def test_csv_has_a_header_and_a_row_each(self, scans, capsys):
        assert main(["read", "--csv", "scans"]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [(r["file"], r["amount"], r["status"]) for r in rows] == [
            ("scans/a.png", "3.00", "read"),
            ("scans/b.png", "4.00", "read"),
            ("scans/c.png", "5.00", "read"),
        ]

    def test_results_go_to_a_file_but_never_over_an_input(self, scans, capsys, tmp_path):
        assert main(["read", "--json", "-o", "out.jsonl", "scans"]) == 0
        assert capsys.readouterr().out == ""
        assert len(records((tmp_path / "out.jsonl").read_text())) == 3
        before = (scans / "a.png").read_bytes()
        for paths in (["scans/a.png"], ["scans"]):
            assert main(["read", "-o", "scans/a.png", *paths]) == 2
        assert "would overwrite an input" in capsys.readouterr().err
        assert (scans / "a.png").read_bytes() == before
        assert main(["read", "-o", "no/such/out", "scans"]) == 1
        text = "check-reader: no/such/out: cannot be written (No such file or directory)\n"
        assert capsys.readouterr().err == text

    def test_a_larger_page_is_let_in_on_request(self, tmp_path, files, capsys):
        file = tmp_path / "big.tif"
        file.write_bytes(files.tiff([files.white_g4_page(9400, 9400)]))
        assert main(["read", "--max-pixels", "100M", str(file)]) == 0
        assert capsys.readouterr() == ("REJECT blank: no ink found\n", "")

    def test_standard_input_is_one_image_and_never_a_list(self, scans, monkeypatch, capsys):
        def given(data):
            wrapped = io.TextIOWrapper(io.BytesIO(data))
            monkeypatch.setattr(sys, "stdin", wrapped)
            return main(["read", "--json", "-"])

        assert given((scans / "a.png").read_bytes()) == 0
        (record,) = records(capsys.readouterr().out)
        assert (record["file"], record["text"]) == ("-", "3.00")
        assert given(b"scans/a.png\n") == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(
            'check-reader: -: not an image we read (starts with "scans/a.png");'
        )

    def test_a_defect_is_owned_told_in_one_line_and_traced_on_request(self, scans, capsys):
        assert main(["read", "--grammar", "crash", "scans/a.png"]) == 70
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            "check-reader: internal error, a defect of the program "
            "(ZeroDivisionError: no); --debug shows where\n"
        )
        assert main(["read", "--debug", "--grammar", "crash", "scans/a.png"]) == 70
        assert "Traceback (most recent call last)" in capsys.readouterr().err

    def test_debug_shows_the_trace_of_a_refused_image_too(self, tmp_path, capsys):
        (tmp_path / "a.png").write_bytes(b"")
        assert main(["read", "--debug", str(tmp_path / "a.png")]) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err

    def test_an_interrupt_is_130_and_leaves_whole_lines(self, scans, capsys, monkeypatch):
        counted = []
        add = command_read.Tally.add

        def interrupted(self, reading):
            add(self, reading)
            counted.append(1)
            if len(counted) == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(command_read.Tally, "add", interrupted)
        assert main(["read", "--json", "scans"]) == 130
        out, err = capsys.readouterr()
        assert len(records(out)) == 2
        assert out.endswith("}\n")
        assert err == "check-reader: interrupted\n"

    def test_a_grammar_that_cannot_be_is_a_usage_error(self, scans, capsys):
        assert main(["read", "--grammar", "[", "scans/a.png"]) == 2
        assert capsys.readouterr().err == (
            "check-reader read: --grammar [: column 1: the bracket is never closed. "
            "By name: amount, digits, amount-us, date, date-day-first, routing\n"
        )

    def test_grammars_are_listed_by_name(self, capsys):
        assert main(["grammars"]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("amount          ...\ndigits          [0-9]+\n")
        assert err == ""

    def test_verbose_tells_the_quality(self, scans, capsys):
        assert main(["read", "-v", "scans/a.png"]) == 0
        err = capsys.readouterr().err
        assert err == "check-reader: scans/a.png: page 1: resolution unknown, contrast 0.90\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("read --jsno a", "check-reader read: unknown option --jsno. Did you mean --json?"),
        ("read --min-confidense=1 a", "Did you mean --min-confidence?"),
        ("read -z a", "check-reader read: unknown option -z. See check-reader read --help"),
        ("raed a", "check-reader: unknown command raed. Did you mean read?"),
        ("--versio", "check-reader: unknown option --versio. Did you mean --version?"),
        ("read", "check-reader read: name an image or a folder, or a list with --list"),
        ("read a --min-confidence 2", "2 is not a number from 0 to 1"),
        ("read a --field 1,2", "1,2 is not auto or x,y,w,h in pixels"),
        ("read a --threads 0", "0 is not a whole number from 1 on"),
        ("read a --max-pixels 1T", "1T is not a number of pixels up to 178M"),
        ("read a --json --csv", "not allowed with argument"),
        ("samples", "the following arguments are required: DIR"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(line, text, capsys):
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err
    assert err.count("\n") == 1


def test_after_the_double_dash_everything_is_a_path(
    fakes_installed, tmp_path, monkeypatch, files, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "--json").write_bytes(files.png())
    assert main(["read", "--", "--json"]) == 0
    assert capsys.readouterr().out.startswith("$ 4.00")


def test_samples_never_go_into_a_folder_in_use(tmp_path, capsys):
    (tmp_path / "x").write_text("mine")
    assert main(["samples", str(tmp_path)]) == 2
    assert "is there already; name a new folder" in capsys.readouterr().err


def test_help_is_instant_and_imports_nothing_heavy():
    code = (
        "import sys, time\n"
        "from pipeline.cli import main\n"
        "for words in (['--help'], ['read', '--help'], ['--version'], ['read', '--jsno', 'x'],"
        " ['read', 'x', '--max-pixels', '1T']):\n"
        "    main(words)\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print(heavy, time.process_time(), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy, seconds = done.stderr.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]"
    assert float(seconds) < 0.4  # five commands; one alone takes about 0.05


CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {here!r})
import conftest
sys.modules.update(conftest.fake_modules())
from pipeline.cli import main
sys.exit(main(sys.argv[1:]))
"""


def child(*arguments, closed="", **options):
    code = CHILD.format(here=os.path.dirname(__file__))  # noqa: PTH120 - a plain string
    command = [sys.executable, "-c", code, *arguments]
    if closed:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    return subprocess.Popen(command, text=True, **options)


def test_a_closed_pipe_ends_quietly(scans):
    arguments = ["read", "--json", "--processes", "1", *["scans"] * 400]
    with child(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        first = running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
        assert running.wait(60) == 0
    assert json.loads(first)["text"] == "3.00"
    assert err == ""


def test_lines_come_as_soon_as_they_are_known(scans):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with child("read", "--json", "scans/a.png", "-", **options) as running:
        assert json.loads(running.stdout.readline())["file"] == "scans/a.png"
        time.sleep(0.05)
        assert running.poll() is None  # it waits for the image on stdin
        running.stdin.close()
        assert running.wait(60) == 1
        assert "-: the file is empty (0 bytes)" in running.stderr.read()


def test_control_c_ends_between_lines(scans):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with child("read", "--json", *["scans"] * 2000, **options) as running:
        lines = [running.stdout.readline()]
        running.send_signal(signal.SIGINT)
        lines += running.stdout.readlines()
        assert running.wait(60) == 130
        assert running.stderr.read() == "check-reader: interrupted\n"
    assert 0 < len(lines) < 6000
    assert all(line.endswith("}\n") and json.loads(line) for line in lines)


def test_nothing_but_results_goes_to_stdout_when_stderr_is_closed(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    arguments = ["read", str(tmp_path / "empty.png")]
    with child(*arguments, closed="2>&-", stdout=subprocess.PIPE) as running:
        assert running.stdout.read() == ""
        assert running.wait(60) == 1
