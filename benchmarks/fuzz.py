"""Damaged input without end: python -m benchmarks.fuzz [--seconds 3600] [--seed 1].

Image files, cash letters, grammars and requests are damaged byte by byte, images of stripes,
squares, noise and slopes are drawn, the words of SN programs are mixed up: all is given to the
program, which must answer or refuse in its own words. A process of its own does the cases. When
it dies, raises what is no error of the program, or needs more than ten seconds of processor
time or 300 MB more than it had for a case, the case is told, with the command that repeats it,
and the next process goes on behind it. Case K of a seed is always the same. The last line tells
the most memory of a process, all that the cases before left included.
"""

import argparse
import gc
import io
import json
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS, MEGABYTES = 10, 300
STARTING = 900  # seconds: kernels may have to be compiled
ALLOWED = {200, 400, 401, 403, 404, 405, 408, 413, 415, 429}
WORDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORD = re.compile(r"""\s+|[()\[\]'`,;]|"[^"]*"|[^\s()\[\]'`,;"]+""")
EXTREMES = (
    *("()", "t", "0", "-1", "1e300", "0.5", "1000000", '""', "'a", "'(1 2 3)", "'(1 . 2)"),
    *("[]", "[1 2]", "[[1 2][3 4]]", "[f 1e300]", "(lambda (x) x)", "list", "#", "("),
)
TOKEN, HOST = "a-token", "127.0.0.1:1993"


# ---- what is damaged


def drawn(columns: int = 150, rows: int = 44) -> np.ndarray:
    """Return a strip with a few strokes, uint8."""
    image = np.full((rows, columns), 235, np.uint8)
    for k, x in enumerate(range(14, columns - 14, 17)):
        image[8:36, x : x + 3] = 30
        image[(8, 20, 33)[k % 3] :, x - 5 : x + 8][:3] = 30
    return image


@cache
def images() -> tuple[bytes, ...]:
    """Return small files of every kind the gate lets in, and of some it does not."""
    grey = Image.fromarray(drawn())
    page = np.full((200, 500), 240, np.uint8)
    page[20:64, 300:450] = drawn()
    page[120:164, 40:190] = drawn()
    bits = Image.fromarray(drawn() > 127)
    found = []

    def save(image: Image.Image, form: str, **how: object) -> None:
        file = io.BytesIO()
        image.save(file, form, **how)
        found.append(file.getvalue())

    save(grey, "PNG", dpi=(200, 200))
    save(grey.convert("P"), "PNG")
    save(grey.convert("RGBA"), "PNG")
    save(bits, "PNG")
    save(Image.fromarray(page), "PNG")
    save(grey, "JPEG", quality=80)
    save(grey.convert("RGB"), "JPEG", quality=50, progressive=True)
    save(grey, "BMP")
    save(bits, "BMP")
    save(grey, "PPM")
    save(grey, "GIF")
    # TIFF goes through a file: writing it into memory has had faults (interfaces, gate).
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        for image, how in (
            (bits, {"compression": "group4"}),
            (bits, {"compression": "group3"}),
            (grey, {"compression": "tiff_lzw"}),
            (grey, {"compression": "packbits"}),
            (grey, {"compression": "tiff_adobe_deflate"}),
            (grey, {}),
            (bits, {"compression": "group4", "save_all": True, "append_images": [bits, bits]}),
        ):
            image.save(path, dpi=(200, 200), **how)
            found.append(path.read_bytes())
    found.append(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
    return tuple(found)


@cache
def letters() -> tuple[bytes, ...]:
    """Return cash letters of two checks, as ASCII and as EBCDIC."""
    found = []
    front = images()[11]
    for code in ("ascii", "cp037"):
        data = b""
        for text, body in (
            (f"01033T{'021000021' * 2}202611211200N".ljust(80), b""),
            ("10".ljust(80), b""),
            *(
                record
                for cents in ("0000012345", "0000000200")
                for record in (
                    (f"25{' ' * 45}{cents}{1:015}G".ljust(80), b""),
                    (f"501021000021202611210000{len(front):07}000".ljust(80), b""),
                    (
                        "520210000212026112101".ljust(101) + f"00000000000{len(front):07}",
                        front,
                    ),
                )
            ),
            ("70".ljust(80), b""),
            ("99".ljust(80), b""),
        ):
            record = text.encode(code) + body
            data += struct.pack(">L", len(record)) + record
        found.append(data)
    return tuple(found)


@cache
def expressions() -> tuple[bytes, ...]:
    """Return grammars: names, expressions, files of rules."""
    from pipeline.grammars import GRAMMARS
    from pipeline.rules import library

    texts = [*GRAMMARS, *GRAMMARS.values(), *library().values(), "[0-9]{3,9}", "(1|2~0.5)*"]
    return tuple(text.encode() for text in texts)


REQUESTS = tuple(
    json.dumps(one).encode()
    for one in (
        ["POST", "/read", "grammar=digits", {}],
        ["POST", "/read", "grammar=amount&engine=hos&max_error=0.01&expect=12.00", {}],
        ["POST", "/read", "field=1,2,30,20", {"content-type": "image/png"}],
        ["POST", "/look", "grammar=%5B0-9%5D%2B&graphs=1", {}],
        ["GET", "/write", "text=201-555-0142&seed=7", {}],
        ["GET", "/about", "", {}],
        ["GET", "/", "", {"origin": f"http://{HOST}"}],
        ["GET", "/openapi.json", "", {"accept": "*/*"}],
        ["POST", "/read", "", {"content-type": "multipart/form-data; boundary=x"}],
        ["POST", "/read", "", {"content-length": "12", "transfer-encoding": "chunked"}],
    )
)


def damaged(data: bytes, rng: random.Random, text: bool = False) -> bytes:
    """Return bytes with one to six faults: flips, fields of extremes, pieces cut or doubled."""
    body = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        if not body:
            break
        at = min(int(len(body) * rng.random() ** rng.choice((1, 1, 3))), len(body) - 1)
        match rng.randrange(8):
            case 0:
                body[at] ^= 1 << rng.randrange(8)
            case 1:
                body[at] = (
                    rng.choice(b"0123456789$.~()[]{}|*+?-\\<>=&,%")
                    if text
                    else (rng.randrange(256))
                )
            case 2:
                del body[at:]
            case 3:
                form = rng.choice(("<H", ">H", "<L", ">L"))
                word = rng.choice(WORDS) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
                size = struct.calcsize(form)
                body[at : at + size] = struct.pack(form, word)
            case 4:
                size = rng.randrange(1, 40)
                body[at:at] = body[at : at + size] * rng.choice((1, 1, 2, 50))
            case 5:
                del body[at : at + rng.randrange(1, 30)]
            case 6:
                other = rng.randrange(len(body))
                size = rng.randrange(1, 60)
                body[at : at + size] = body[other : other + size]
            case 7:
                body[at:at] = bytes([rng.choice(body)]) * rng.choice((1, 3, 300))
    return bytes(body[:200_000])


def pattern(rng: np.random.Generator) -> np.ndarray:
    """Return what nobody writes: stripes, squares, noise or slopes of any size, uint8."""
    rows, columns = int(rng.integers(1, 260)), int(rng.integers(1, 900))
    y, x = np.indices((rows, columns))
    size = int(rng.integers(1, 40))
    match rng.integers(5):
        case 0:  # stripes
            along = (x, y, x + y, x - 2 * y)[rng.integers(4)]
            shade = along % size < rng.integers(1, size + 1)
        case 1:
            shade = (x // size + y // size) % 2
        case 2:
            shade = rng.random((rows, columns)) < rng.random()
        case 3:
            coarse = rng.random((rows // size + 1, columns // size + 1)) < rng.random()
            shade = coarse[y // size, x // size]
        case _:
            shade = (x / columns * rng.random() + y / rows * rng.random()) % 1
    low, high = (0, 255) if rng.random() < 0.6 else rng.uniform(0, 255, 2)
    rough = rng.normal(0, rng.choice((0, 0, 12)), (rows, columns))
    return np.clip(np.rint(low + shade * (high - low) + rough), 0, 255).astype(np.uint8)


@cache
def dialogues() -> tuple[tuple[str, ...], ...]:
    """Return what is typed in the dialogues of the tests, form by form, word by word."""
    folder = Path(__file__).parents[1] / "tests" / "sessions"
    found = []
    for file in sorted(folder.glob("language-*.session")):
        lines = file.read_text(encoding="utf-8").splitlines()
        found += [tuple(WORD.findall(line[2:])) for line in lines if line.startswith("? ")]
    return tuple(found)


def mixed(rng: random.Random) -> str:
    """Return a program of some forms of a dialogue, words of it lost, doubled or exchanged."""
    at = rng.randrange(len(dialogues()))
    words = [w for form in dialogues()[at : at + rng.randrange(1, 9)] for w in (*form, "\n")]
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        k = rng.randrange(len(words)) if words else 0
        match rng.randrange(5):
            case 0:
                del words[k : k + rng.choice((1, 1, 5))]
            case 1:
                words[k : k + 1] = [rng.choice(EXTREMES)]
            case 2:
                words[k : k + 1] = [rng.choice(rng.choice(dialogues()))]
            case 3:
                words[k:k] = [f" {rng.choice(EXTREMES)} "]
            case 4:
                words[k:k] = words[k : k + rng.randrange(1, 12)]
    return "".join(words)


# ---- what it is given to


@cache
def reader(grammar: str = "digits") -> "CheckReader":  # noqa: F821
    from pipeline.reader import CheckReader

    made = CheckReader(grammar=grammar, engine=reader().engine if grammar != "digits" else None)
    made.warm()
    return made


def one_line(error: Exception) -> str:
    """Check that an error of the program is one line."""
    if "\n" in str(error):
        raise AssertionError("an error of several lines") from error
    return "refused"


def read_image(rng: random.Random) -> str:
    """Read a damaged image file."""
    from sn.errors import SnError

    data = damaged(rng.choice(images()), rng)
    told = "no page"
    try:
        for found in reader().pages(data):
            again = type(found).from_json(found.to_json())
            assert again.to_json() == found.to_json()
            told = found.status
    except SnError as error:
        told = one_line(error)
    return told


def read_pattern(rng: random.Random) -> str:
    """Read an image of no writing."""
    from sn.errors import SnError

    image = pattern(np.random.default_rng(rng.getrandbits(64)))
    try:
        return reader(rng.choice(("amount", "digits", "phone"))).read(image).status
    except SnError as error:
        return one_line(error)


def read_letter(rng: random.Random) -> str:
    """Read the checks of a damaged cash letter."""
    from pipeline.cashletter import Check, is_letter, items
    from sn.errors import SnError

    told = "no letter"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "a.x937")
        Path(path).write_bytes(damaged(rng.choice(letters()), rng))
        try:
            if not is_letter(path):
                return told
            for item, _ in zip(items(path), range(5), strict=False):
                told = "letter"
                try:
                    next(reader("amount").pages(Check(path, item)))
                except SnError:
                    told = "letter, image refused"
        except SnError as error:
            told = one_line(error)
    return told


def run_program(rng: random.Random) -> str:
    """Run a mixed-up program."""
    from sn.errors import Leave, SnError
    from sn.interpreter import Interpreter
    from sn.limits import Limits

    program = mixed(rng)
    sn = Interpreter(lambda text: None, safe=True, limits=Limits(seconds=3, memory=100 << 20))
    sn.tell = sn.warn = lambda text: None
    try:
        sn.eval(program)
    except Leave:
        return "left"
    except SnError as error:
        if "internal error" in str(error):
            raise AssertionError(program) from error
        return "refused"
    finally:
        del sn
        gc.collect()
    return "answered"


def compile_grammar(rng: random.Random) -> str:
    """Compile a damaged grammar."""
    from pipeline.grammars import grammar
    from sn.errors import SnError

    text = damaged(rng.choice(expressions()), rng, text=True).decode("utf-8", "replace")
    try:
        grammar(text)
    except SnError:
        return "refused"
    finally:
        grammar.cache_clear()
    return "grammar"


@cache
def client() -> "TestClient":  # noqa: F821
    from starlette.testclient import TestClient

    from pipeline.image import Limits
    from pipeline.web import server
    from pipeline.web.desk import Desk, Here
    from pipeline.web.sight import Sight

    sight = Sight(Limits(pixels=12_000_000, pages=20))
    sight.loaded["both"] = reader().engine
    sight.warm()
    _ = sight.fields
    door = server.Door(frozenset({HOST}), TOKEN)
    app = server.application(Desk([Here(sight)], 4), door, 1_000_000)
    headers = {"authorization": f"Bearer {TOKEN}"}
    return TestClient(app, base_url=f"http://{HOST}", headers=headers)


def send_request(rng: random.Random) -> str:
    """Send a damaged request."""
    if rng.random() < 0.3:  # whole, with a damaged image
        method, path, query, headers = json.loads(rng.choice(REQUESTS[:4]))
        body = damaged(rng.choice(images()), rng)
    else:
        try:
            text = damaged(rng.choice(REQUESTS), rng, text=True).decode("latin-1")
            method, path, query, headers = json.loads(text)
            headers = {str(k): str(v) for k, v in dict(headers).items()}
        except (ValueError, TypeError, RecursionError):
            return "no request"
        body = rng.choice(images()) if rng.random() < 0.7 else b""
    try:
        request = client().build_request(
            str(method), f"/{str(path).lstrip('/')}?{query}", headers=headers, content=body
        )
    except Exception:  # the client refuses to send it
        return "not sent"
    status = client().send(request).status_code
    assert status in ALLOWED, f"answered {status}"
    return str(status)


TARGETS: dict[str, Callable[[random.Random], str]] = {
    "image": read_image,
    "letter": read_letter,
    "grammar": compile_grammar,
    "request": send_request,
    "pattern": read_pattern,
    "program": run_program,
}
SHARES = (6, 2, 6, 3, 2, 1)


def target_of(seed: int, case: int) -> tuple[str, random.Random]:
    """Return what case `case` tries, and the generator of its damage."""
    rng = random.Random(f"{seed} {case}")
    return rng.choices(list(TARGETS), SHARES)[0], rng


# ---- the process that does the cases, and the one that watches


def peak() -> tuple[float, float]:
    """Return the most memory since the last call, and that of now, in MB, if known."""
    try:
        status = Path("/proc/self/status").read_text()
        Path("/proc/self/clear_refs").write_text("5")
        most, now = (status.split(f"{name}:")[1].split()[0] for name in ("VmHWM", "VmRSS"))
        return int(most) / 1024, int(now) / 1024
    except (OSError, IndexError):
        return 0.0, 0.0


def worker(seed: int, case: int, only: bool) -> None:
    """Do cases for ever, telling each before and after; or one, with its trace."""
    import warnings

    from lenet.kept import trim
    from pipeline.web.sight import TRIM

    warnings.simplefilter("ignore")
    reader(), client()
    reader().warm()
    if only:
        name, rng = target_of(seed, case)
        print(name, TARGETS[name](rng))
        return
    _, before = peak()
    while True:
        if case % TRIM == 0:  # as the service does
            trim()
        name, rng = target_of(seed, case)
        print(json.dumps([case, name, None, None, 0]), flush=True)
        start, fault, told = time.process_time(), None, None
        try:
            told = TARGETS[name](rng)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                return
            fault = "".join(traceback.format_exception(error)[-3:]) or repr(error)
        used, (most, now) = time.process_time() - start, peak()
        if used > SECONDS:
            fault = f"{used:.1f} s of processor time"
        elif most - before > MEGABYTES:
            fault = f"{most - before:.0f} MB more"
        before = now
        print(json.dumps([case, name, told, fault, most]), flush=True)
        case += 1


def used_by(pid: int) -> float:
    """Return the processor time of a process in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def watch(seconds: float, seed: int, case: int) -> int:
    """Do cases for some seconds; print what happened; return the number of faults."""
    counts: Counter[str] = Counter()
    faults, most, first = 0, 0.0, case
    end = time.monotonic() + STARTING
    started = False
    while time.monotonic() < end:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--worker", str(case)]
        process = subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.PIPE)
        os.set_blocking(process.stdout.fileno(), False)
        rest, begun, name, what = b"", None, "", None
        while what is None:
            data = process.stdout.read() or b""
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                case, name, told, fault, peaked = json.loads(line)
                if not started:
                    started, end = True, time.monotonic() + seconds
                begun = used_by(process.pid)
                if told is None and fault is None:
                    continue
                begun, most = None, max(most, peaked)
                case += 1
                if fault is None:
                    counts[f"{name}: {told}"] += 1
                else:
                    faults += 1
                    report(seed, case - 1, name, fault)
            if process.poll() is not None and not data:
                what = f"the process ended with {process.returncode}"
            elif begun is not None and used_by(process.pid) > begun + 2 * SECONDS:
                what = f"not finished after {2 * SECONDS} s of processor time"
            elif time.monotonic() > end:
                what = ""
            elif not data:
                time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not started:
            raise SystemExit(f"fuzz: no case could be done: {what or 'it did not start'}")
        if what:
            faults += 1
            report(seed, case, name, what)
            case += 1
    for told, count in sorted(counts.items()):
        print(f"{told:<32}{count:>8}")
    print(f"seed {seed}, cases {first} to {case}: {faults} faults, at most {most:.0f} MB")
    return faults


def report(seed: int, case: int, name: str, what: str) -> None:
    print(f"FAULT in case {case}, {name}: {what.strip()}")
    print(f"  python -m benchmarks.fuzz --seed {seed} --case {case}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="do this case alone")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # What would take the machine down ends the process instead.
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, resource.RLIM_INFINITY))
    if args.case is not None:
        worker(args.seed, args.case, only=True)
    elif args.worker is not None:
        worker(args.seed, args.worker, only=False)
    else:
        sys.exit(1 if watch(args.seconds, args.seed, args.first) else 0)


if __name__ == "__main__":
    main()
