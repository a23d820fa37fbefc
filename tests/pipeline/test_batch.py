"""Batches: processes that die, runs that are interrupted, lists of names, expected amounts."""

import io
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from pipeline import batch, command_read
from pipeline.batch import Blob, Job, Pool
from pipeline.cli import main
from pipeline.errors import ImageError, TooLarge
from pipeline.expectations import Expectations, load
from pipeline.inputs import listed
from pipeline.journal import Journal, joined
from pipeline.reader import CheckReader
from sn.errors import SnError

SAMPLES = Path(__file__).parents[2] / "samples" / "strings"


def timeless(text):
    """Return records without their times."""
    return re.sub(r'"ms":[0-9.]+', '"ms":0', text)


@pytest.fixture
def folder(tmp_path, files, monkeypatch):
    """Twenty-three strips, a broken file and a file of two pages."""
    place = tmp_path / "scans"
    place.mkdir()
    for k in range(23):
        (place / f"s{k:02}.png").write_bytes(files.png(files.strip(36 + 12 * (k % 5))))
    (place / "s07b.png").write_bytes(b"hello")
    pages = [files.grey_page(files.strip(w)) for w in (48, 60)]
    (place / "s11.tif").write_bytes(files.tiff(pages))
    monkeypatch.chdir(tmp_path)
    return place


def run(capsys, *arguments):
    code = main(["read", "--json", "--processes", "1", "-o", "out.jsonl", *arguments])
    return code, *capsys.readouterr()


@pytest.mark.usefixtures("fakes_installed")
class TestResume:
    def interrupted(self, monkeypatch, after):
        """Let the run end in the middle of writing down its reading number `after`."""
        counted = []
        add = command_read.Tally.add

        def adding(tally, reading):
            counted.append(reading)
            if len(counted) == after:
                raise KeyboardInterrupt
            add(tally, reading)

        monkeypatch.setattr(command_read.Tally, "add", adding)

    @pytest.mark.parametrize("after", [1, 2, 8, 9, 12, 13, 14, 25])
    def test_an_interrupted_run_goes_on_to_the_same_bytes(
        self, folder, capsys, monkeypatch, after
    ):
        code, _, told = run(capsys, "scans")
        assert code == 1
        whole = Path("out.jsonl").read_text()
        assert len(whole.splitlines()) == 25
        assert not Path("out.jsonl.journal").exists()
        Path("out.jsonl").unlink()
        with monkeypatch.context() as patch:
            self.interrupted(patch, after)
            code, _, err = run(capsys, "scans")
        assert code == 130
        assert "the same command with --resume goes on in out.jsonl" in err
        for file in ("out.jsonl", "out.jsonl.journal"):  # as a kill leaves them
            with Path(file).open("a") as handle:
                handle.write('{"schema":"che')
        code, _, err = run(capsys, "scans", "--resume")
        assert code == 1
        assert timeless(Path("out.jsonl").read_text()) == timeless(whole)
        summary = [line for line in told.splitlines() if " read, " in line]
        assert summary == [line for line in err.splitlines() if " read, " in line]
        assert not Path("out.jsonl.journal").exists()

    def test_nothing_is_read_twice(self, folder, capsys, monkeypatch):
        with monkeypatch.context() as patch:
            self.interrupted(patch, 10)
            run(capsys, "scans")
        begun = []
        pages = CheckReader.pages

        def counting(reader, source, expect=None):
            begun.append(source)
            return pages(reader, source, expect)

        monkeypatch.setattr(CheckReader, "pages", counting)
        run(capsys, "scans", "--resume")
        # Nine readings and the broken file were finished before.
        assert [Path(name).name for name in begun] == [
            *(f"s{k:02}.png" for k in (9, 10)),
            "s11.png",
            "s11.tif",
            *(f"s{k:02}.png" for k in range(12, 23)),
        ]

    def test_a_waiting_run_is_not_overwritten(self, folder, capsys, monkeypatch):
        with monkeypatch.context() as patch:
            self.interrupted(patch, 10)
            run(capsys, "scans")
        before = Path("out.jsonl").read_bytes()
        code, _, err = run(capsys, "scans")
        assert (code, err.count("\n")) == (1, 1)
        assert "an interrupted run is waiting there; --resume goes on with it" in err
        assert Path("out.jsonl").read_bytes() == before

    def test_other_settings_or_other_inputs_are_refused(self, folder, capsys, monkeypatch):
        with monkeypatch.context() as patch:
            self.interrupted(patch, 10)
            run(capsys, "scans")
        code, _, err = run(capsys, "scans", "--resume", "--grammar", "digits")
        assert code == 1
        assert "had another grammar; --resume goes on with the same options only" in err
        (folder / "s00.png").unlink()
        code, _, err = run(capsys, "scans", "--resume")
        assert code == 1
        assert "scans/s01.png comes now where scans/s00.png was read" in err

    def test_resuming_what_is_complete_or_never_began(self, folder, capsys):
        assert run(capsys, "scans", "--resume", "-q")[0] == 1
        whole = Path("out.jsonl").read_bytes()
        assert len(whole.splitlines()) == 25
        code, _, err = run(capsys, "scans", "--resume")
        assert code == 0
        assert "out.jsonl: complete, nothing is left to read" in err
        assert Path("out.jsonl").read_bytes() == whole

    def test_results_that_never_reached_the_disk_are_read_again(
        self, folder, capsys, monkeypatch
    ):
        run(capsys, "scans")
        whole = Path("out.jsonl").read_text()
        Path("out.jsonl").unlink()
        with monkeypatch.context() as patch:
            self.interrupted(patch, 15)
            run(capsys, "scans")
        Path("out.jsonl").write_bytes(Path("out.jsonl").read_bytes()[:2500])
        run(capsys, "scans", "--resume")
        assert timeless(Path("out.jsonl").read_text()) == timeless(whole)

    def test_csv_gets_one_header(self, folder, capsys, monkeypatch):
        arguments = ["read", "--csv", "-q", "--processes", "1", "-o", "out.csv", "scans"]
        with monkeypatch.context() as patch:
            self.interrupted(patch, 5)
            main(arguments)
        main([*arguments, "--resume"])
        lines = Path("out.csv").read_text().splitlines()
        assert [k for k, line in enumerate(lines) if line.startswith("file,")] == [0]
        assert len(lines) == 26

    @pytest.mark.parametrize("arguments", ["", "--table -o x", "-o -"])
    def test_resume_needs_a_file(self, folder, capsys, arguments):
        assert main(["read", "scans", "--resume", *arguments.split()]) == 2
        assert "--resume goes with -o FILE" in capsys.readouterr().err


def test_a_damaged_journal_is_told(tmp_path):
    file = tmp_path / "out.journal"
    for content in ("", "junk\n", "[1]\n", '{"schema":"other","settings":{}}\n'):
        file.write_text(content)
        with pytest.raises(SnError, match="no journal"):
            Journal(tmp_path / "out", {}).resume()


def test_notes_are_joined():
    one = {"read": 1, "first": None, "reasons": {"blank": 1}}
    other = {"read": 2, "first": "a", "reasons": {"blank": 1, "expect": 3}}
    assert joined(one, other) == {
        "read": 3,
        "first": "a",
        "reasons": {"blank": 2, "expect": 3},
    }


# Lists of names, expected amounts, tables.


@pytest.mark.usefixtures("fakes_installed")
class TestNames:
    def test_a_list_names_images_and_folders_and_nothing_else(
        self, folder, capsys, monkeypatch
    ):
        (folder / "list").write_text("scans/s01.png\r\n\nscans/s00.png\n-\nscans/s0[12].png")
        assert main(["read", "--json", "--list", "scans/list"]) == 1
        out, err = capsys.readouterr()
        assert [json.loads(line)["file"] for line in out.splitlines()] == [
            "scans/s01.png",
            "scans/s00.png",
        ]
        assert "check-reader: -: no such file or folder" in err
        assert "check-reader: scans/s0[12].png: no such file or folder" in err

    def test_a_list_on_standard_input_with_zero_bytes(self, folder, capsys, monkeypatch):
        (folder / "a\nb.png").write_bytes((folder / "s00.png").read_bytes())
        names = io.TextIOWrapper(io.BytesIO(b"scans/a\nb.png\0scans/s01.png\0"))
        monkeypatch.setattr(sys, "stdin", names)
        assert main(["read", "--json", "-q", "--list", "-", "--null"]) == 0
        found = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
        assert found == ["scans/a\nb.png", "scans/s01.png"]

    def test_an_image_is_no_list(self, tmp_path):
        (tmp_path / "x").write_bytes(bytes(200_000))
        with pytest.raises(ImageError, match="longer than any name"):
            list(listed(str(tmp_path / "x")))
        with pytest.raises(ImageError, match="cannot be opened"):
            list(listed(str(tmp_path / "y")))

    @pytest.mark.parametrize("target", ["list", "scans/s03.png", "e.csv", "log"])
    def test_results_never_overwrite_what_is_read(self, folder, capsys, target):
        Path("list").write_text("scans/s03.png\n")
        Path("e.csv").write_text("s03.png,4.00\n")
        before = Path(target).read_bytes() if Path(target).exists() else None
        others = ["--expect-csv", "e.csv", "--audit", "log"]
        assert main(["read", "--list", "list", *others, "-o", target]) == 2
        assert "would overwrite an input" in capsys.readouterr().err
        assert (Path(target).read_bytes() if Path(target).exists() else None) == before

    def test_folders_hold_pdfs_where_they_can_be_read(self, folder, files, capsys):
        pytest.importorskip("pypdfium2")
        pages = [Image.fromarray(files.strip(w)) for w in (48, 60)]
        pages[0].save("scans/z.pdf", save_all=True, append_images=pages[1:], resolution=200)
        main(["read", "--json", "-q", "scans"])
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(r["file"], r["page"]) for r in found[-2:]] == [
            ("scans/z.pdf", 1),
            ("scans/z.pdf", 2),
        ]

    def test_nothing_to_read_is_a_usage_error(self, capsys):
        assert main(["read"]) == 2
        assert "name an image or a folder, or a list with --list" in capsys.readouterr().err

    def test_expected_amounts_come_from_a_table(self, folder, capsys):
        table = "file;amount\nscans/s00.png;$ 2\ns01.png;3,00\ns02.png;9.99\n"
        Path("e.csv").write_text(table)
        names = [f"scans/s0{k}.png" for k in range(4)]
        assert main(["read", "--json", "-q", "--expect-csv", "e.csv", *names]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [r["text"] for r in found] == ["2.00", "3.00", None, None]
        assert [r["reason"] for r in found] == [None, None, "expect", "expect"]

    def test_guesses_are_told_on_request(self, folder, capsys):
        main(["read", "-q", "--n-best", "2", "scans/s00.png"])
        _, first, second = capsys.readouterr().out.splitlines()
        assert re.fullmatch(r"  1\. \$ 2\.00 +confidence 0\.990", first)
        assert re.fullmatch(r"  2\. \$ 92\.00 +confidence 0\.010", second)
        main(["read", "-q", "--json", "--n-best", "1", "scans/s00.png"])
        assert json.loads(capsys.readouterr().out)["n_best"] == [["2.00", 0.99]]

    def test_a_table_for_people(self, folder, files, capsys):
        (folder / "s00.png").write_bytes(files.png(files.strip(60) // 2 + 100))
        (folder / "[red]x[.png").write_bytes(files.png())
        assert main(["read", "-q", "--processes", "1", "--table", "scans"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["image", "page", "read", "sure", "why", "not"]
        assert any(re.search(r"\[red\]x\[\.png +1 +\$ 4\.00 +0\.990", line) for line in lines)
        assert any(re.search(r"s00\.png +1 +– +0\.600 +ambiguous", line) for line in lines)
        assert len([line for line in lines if ".tif" in line]) == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("a.png,12.5\n", "line 1: '12.5' is not an amount"),
        ("file,amount\na.png,1\n\na.png,2.00\n", "line 4: a.png stands there twice"),
        ("file,amount\na.png\n", "line 2: a file and an amount are expected"),
        ('a.png,"1', "line 1: unexpected end of data"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path, content, what):
    file = tmp_path / "e.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SnError) as told:
        load(str(file), CheckReader().expected)
    assert what in str(told.value)
    assert "\n" not in str(told.value)


def test_columns_are_found_by_their_heads(tmp_path):
    (tmp_path / "e.tsv").write_text("page\tlabel\timage\n1\t7.00\tx/a.png\n2\t8.00\ty/a.png\n")
    found = load(str(tmp_path / "e.tsv"), str)
    assert (found.of("x/a.png"), found.of("y/a.png"), found.of("a.png")) == ("7.00", "8.00", "")
    assert Expectations({"a": "1"}).of("b/a") == "1"


# Processes.


class Poison(Blob):
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (9,)


@pytest.fixture(scope="module")
def reader():
    return CheckReader(grammar="digits")


def told(pairs):
    """Return names with what became of them, times left out."""
    return [
        (job.name, str(o) if isinstance(o, Exception) else timeless(o.to_json()))
        for job, o in pairs
        if o is not None
    ]


@pytest.mark.jit
def test_a_process_that_dies_loses_nothing(reader):
    jobs = [Job(str(file)) for file in sorted(SAMPLES.glob("*.*")) if file.suffix != ".tsv"]
    jobs.insert(3, Job("nowhere.png"))
    alone = told(batch.outcomes(reader, jobs, processes=1))
    assert len(alone) == 13
    poisoned = [*jobs[:5], Job(Poison("poison.png", b"")), *jobs[5:]]
    found = []
    with Pool(reader, 2) as pool:
        for job, outcome in pool.results(iter(poisoned)):
            found.append((job, outcome))
            if len(found) == 4:
                os.kill(next(iter(pool.pool._processes)), signal.SIGKILL)
    texts = told(found)
    (killed,) = [text for name, text in texts if name == "poison.png"]
    assert "the process that read it died, twice" in killed
    assert [pair for pair in texts if pair[0] != "poison.png"] == alone
    ends = [job.name for job, outcome in found if outcome is None]
    assert ends == [job.name for job in poisoned]


@pytest.mark.jit
def test_a_reader_that_cannot_be_sent_reads_here():
    reader = CheckReader(grammar="digits", min_confidence=0.5, locate=lambda _: [])
    assert not batch.travels(reader)
    jobs = [Job(str(file)) for file in sorted(SAMPLES.glob("*.png"))[:2]]
    assert len(told(batch.outcomes(reader, jobs, processes=2))) == 2


def test_errors_travel_between_processes(reader):
    import pickle

    for kind in (ImageError, TooLarge):
        again = pickle.loads(pickle.dumps(kind("a\n.png", "too large")))
        assert (type(again), str(again), again.name) == (kind, r"a\n.png: too large", "a\n.png")
    (outcome,) = batch.done(pickle.dumps(reader), Job("nowhere.png"))
    assert isinstance(outcome, ImageError)
    assert "Traceback" in outcome.__notes__[0]


@pytest.mark.slow
@pytest.mark.jit
def test_kill_nine_and_resume_give_the_same_bytes(tmp_path):
    place = tmp_path / "scans"
    place.mkdir()
    for k in range(10):
        for file in SAMPLES.glob("*.png"):
            (place / f"{k}-{file.name}").write_bytes(file.read_bytes())
    (place / "3-broken.png").write_bytes(b"hello")
    command = [sys.executable, "-m", "pipeline.cli", "read", "--json", "--processes", "2"]
    command += ["--grammar", "digits", "scans", "-o"]
    subprocess.run([*command, "whole.jsonl"], cwd=tmp_path, capture_output=True, check=False)
    whole = (tmp_path / "whole.jsonl").read_text()
    for _ in range(3):
        running = subprocess.Popen(
            [*command, "out.jsonl", "--resume"], cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        out = tmp_path / "out.jsonl"
        before = out.stat().st_size if out.exists() else 0
        while running.poll() is None:
            if out.exists() and out.stat().st_size > before + 8000:
                running.kill()
            time.sleep(0.02)
    last = subprocess.run(
        [*command, "out.jsonl", "--resume"], cwd=tmp_path, capture_output=True, check=False
    )
    assert last.returncode == 1
    assert timeless((tmp_path / "out.jsonl").read_text()) == timeless(whole)


# Which engines a process of a pool had from the start; functions of tests do not travel.
CREW = "sorted(__import__('pipeline.warming', fromlist=['engines']).engines)"


@pytest.mark.jit
def test_a_batch_loads_its_engine_once(reader, monkeypatch):
    """The process that starts a pool needs none, and the pool's share one."""
    fresh = CheckReader(grammar="digits")
    jobs = [Job(str(file)) for file in sorted(SAMPLES.glob("*.png"))[:3]]
    found = told(batch.outcomes(fresh, jobs, processes=2))
    assert found == told(batch.outcomes(reader, jobs, processes=1))
    assert fresh._engine is None
    if "forkserver" in multiprocessing.get_all_start_methods():
        with Pool(fresh, 1) as pool:
            held = pool.started(1).submit(eval, CREW).result()
        assert held == ["both"]


@pytest.mark.jit
@pytest.mark.parametrize("later", [0.0, 0.1, 0.3])
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_control_c_while_the_engine_is_loaded_says_one_line(later):
    """The terminal sends it to all processes, the one that is loading, too."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "read", "--processes", "2", *[str(SAMPLES)] * 4]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def group():
        """Return the processes of the command, by the process group that /proc tells."""
        stats = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended meanwhile
                stats.append(file.read_text().rpartition(")")[2].split())
        return [stat for stat in stats if int(stat[2]) == running.pid]

    try:
        while running.poll() is None and len(group()) < 2:
            time.sleep(0.01)
        time.sleep(later)  # into what is loaded
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (out, err) == ("", "check-reader: interrupted\n")
    assert running.returncode == 130
    due = time.monotonic() + 20
    while group() and time.monotonic() < due:
        time.sleep(0.05)
    assert not group()
