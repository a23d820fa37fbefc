"""The service and its page: who may ask, what is refused, and that answers are the reader's."""

import asyncio
import importlib
import io
import json
import re
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline import demo_1993
from pipeline.errors import TooLarge
from pipeline.image import Limits
from pipeline.reader import CheckReader
from sn.command import Usage
from sn.errors import SnError

for name in ("starlette", "uvicorn", "httpx2"):
    pytest.importorskip(name, reason=f"{name} is not installed (extra web; its tests: httpx2)")

TestClient = importlib.import_module("starlette.testclient").TestClient
command, desk, server, sight = (
    importlib.import_module(f"pipeline.web.{name}")
    for name in ("command", "desk", "server", "sight")
)
Busy, Desk, Here, Worker = desk.Busy, desk.Desk, desk.Here, desk.Worker
Asked, Sight = sight.Asked, sight.Sight
TOKEN, MOST = "a-token-of-tests", 200_000
HOST = "127.0.0.1:1993"
WHOLE = {"grammar": "digits", "field": "0,0,60,24"}


def sight_of(engine):
    class Fake(Sight):
        engines = ("hos",)

        def engine(self, mode):
            if mode not in ("", "hos"):
                raise SnError(f"engine {mode}: there are weights for hos")
            return engine

    return Fake(Limits(file_bytes=MOST, pixels=1_000_000, pages=3))


def client_of(desk):
    app = server.application(
        desk, server.Door(frozenset({HOST, "localhost:1993"}), TOKEN), MOST
    )
    headers = {"authorization": f"Bearer {TOKEN}"}
    return TestClient(app, base_url=f"http://{HOST}", headers=headers)


@pytest.fixture
def client(fake):
    return client_of(Desk([Here(sight_of(fake.engine))], 4))


@pytest.fixture
def strip(files):
    return files.png(files.strip(60, 24))


def test_a_record_is_that_of_the_reader(client, fake, strip):
    answer = client.post("/read", params=WHOLE, content=strip)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert answer.text.endswith("}\n")
    assert answer.text.count("\n") == 1
    own = CheckReader(grammar="digits", field=(0, 0, 60, 24), engine=fake.engine).read(strip)
    told, record = answer.json(), own.to_record()
    assert told.pop("ms") >= 0
    record.pop("ms")
    assert told == json.loads(json.dumps(record))
    assert list(answer.json()) == list(own.to_record())


def test_every_page_has_its_line(client, files):
    pages = files.tiff([files.grey_page(), files.grey_page()])
    answer = client.post("/read", content=pages)
    assert [json.loads(line)["page"] for line in answer.text.splitlines()] == [1, 2]


def test_what_is_expected_decides(client, strip):
    read = client.post("/read", params=WHOLE, content=strip).json()
    guess = read["n_best"][0][0]
    for expect, reason in ((guess, None), ("77", "expect")):
        told = client.post("/read", params={**WHOLE, "expect": expect}, content=strip).json()
        assert told["reason"] == reason


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:1993"}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"host": "127.0.0.1:1993.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"host": "localhost:1993"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://127.0.0.1:1993"}, 403),
        ({"origin": f"http://{HOST}"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer \xff"}, 401),
    ],
)
def test_who_may_ask(client, strip, headers, status):
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.post("/read", params=WHOLE, content=strip, headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status != 200:
        assert set(answer.json()) == {"error"}


def test_the_token_may_stand_in_the_address(client):
    bare = {"authorization": ""}
    assert client.get("/", headers=bare).status_code == 401
    assert client.get("/", params={"token": TOKEN}, headers=bare).status_code == 200
    # A link from elsewhere leads here; a script from elsewhere does not.
    elsewhere = {**bare, "sec-fetch-site": "cross-site"}
    away = client.get("/", params={"token": TOKEN}, headers=elsewhere)
    link = client.get(
        "/", params={"token": TOKEN}, headers={**elsewhere, "sec-fetch-mode": "navigate"}
    )
    assert (away.status_code, link.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"grammar": ""}, "a grammar has"),
        ({"grammar": "[0-9"}, "column"),
        ({"grammar": "[0-9]" * 60}, "a grammar has"),
        ({"grammar": "/etc/passwd"}, "column"),
        ({"grammar": "a\nb"}, "cannot be printed"),
        ({"engine": "sdnn"}, "there are weights for hos"),
        ({"engine": "tea"}, "engine is one of"),
        ({"field": "1,2,3"}, "field is auto"),
        ({"field": "0,0,999,999"}, "is not on the page"),
        ({"field": "0,0,0,0"}, "is not on the page"),
        ({"max_error": "0"}, "max_error is"),
        ({"max_error": "nan"}, "max_error is"),
        ({"max_error": "1e-3"}, "max_error is"),
        ({"grammar": "amount", "expect": "tea"}, "is not an amount"),
        ({"expect": "1" * 41}, "expect has at most"),
        ({"path": "/etc/passwd"}, "unknown parameter"),
        ([("engine", "hos"), ("engine", "hos")], "twice"),
        ({"grammar": "1" * 3000}, "longer than"),
    ],
)
def test_bad_parameters_are_told(client, strip, params, what):
    answer = client.post("/read", params=params, content=strip)
    assert answer.status_code == 400
    assert what in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_bodies_that_are_no_images(client, files):
    for content, status in (
        (b"", 400),
        (b"hello", 400),
        (b"%PDF-1.7", 400),
        (b"\x89PNG\r\n\x1a\n", 400),
        (b"x" * (MOST + 1), 413),
        (files.png(np.full((2000, 1000), 255, np.uint8)), 413),
        (files.tiff([files.grey_page()] * 4), 413),
    ):
        for place in ("/read", "/look"):
            answer = client.post(place, content=content)
            assert answer.status_code == status, (content[:20], place)
            assert answer.json()["error"].count("\n") == 0
    form = client.post("/read", files={"image": b"1"})
    assert form.status_code == 415


def test_a_body_without_a_length_is_counted(client):
    def parts():
        for _ in range(MOST // 1000 + 2):
            yield b"x" * 1000

    assert client.post("/read", content=parts()).status_code == 413


def test_every_nasty_file_is_an_answer(client, files):
    for name, (make, _) in files.nasty.items():
        content = make()
        if len(content) <= MOST:
            answer = client.post("/read", content=content)
            assert answer.status_code in (400, 413), name
            assert len(answer.json()["error"].splitlines()) == 1


def test_there_is_nothing_else(client):
    for method, place in (
        ("GET", "/read"),
        ("POST", "/"),
        ("GET", "/page.html"),
        ("GET", "/../server.py"),
        ("GET", "/%2e%2e/etc/passwd"),
        ("DELETE", "/read"),
        ("GET", "/read/"),
    ):
        answer = client.request(method, place)
        assert answer.status_code in (404, 405), place
        assert answer.json() == {"error": "there is nothing here"}


def test_the_page_needs_nothing_from_outside(client):
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'")
    assert "unsafe" not in policy
    text = answer.text
    assert "/*style*/" not in text
    assert "/*script*/" not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"\sstyle=|\son[a-z]+=\"", text)
    # Every control is named for those who do not see it.
    for tag in re.findall(r"<(?:canvas|input)\b[^>]*>", text):
        named = "aria-label" in tag or 'type="radio"' in tag or 'type="file"' in tag
        assert named, tag
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    asked = set(re.findall(r'\$\("([^"]+)"\)', text))
    assert asked <= set(ids)


def test_the_description_names_every_place(client):
    told = client.get("/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) == {"/read", "/look", "/write", "/about"}
    record = told["components"]["schemas"]["Reading"]["properties"]
    png = io.BytesIO()
    Image.fromarray(np.full((24, 60), 255, np.uint8)).save(png, "PNG")
    blank = client.post("/read", params=WHOLE, content=png.getvalue()).json()
    assert list(record) == list(blank)
    for place in told["paths"].values():
        for operation in place.values():
            assert {"200", "400", "401", "403", "413", "429"} <= set(operation["responses"])


def test_a_hand_writes(client):
    answer = client.get("/write", params={"text": "201-555-0142", "seed": "3"})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size[0] > 300
    again = client.get("/write", params={"text": "201-555-0142", "seed": "3"})
    assert again.content == answer.content
    for text, seed in (("", "1"), ("abc", "1"), ("1" * 25, "1"), ("12", "-1"), ("12", "x")):
        bad = client.get("/write", params={"text": text, "seed": seed})
        assert bad.status_code == 400


parameters = st.dictionaries(
    st.sampled_from(
        ["grammar", "engine", "field", "max_error", "expect", "graphs", "file", ""]
    ),
    st.text(max_size=12) | st.sampled_from(["digits", "hos", "0,0,9,9", "auto", "1", "[0-9]+"]),
    max_size=4,
)
bodies = st.binary(max_size=300) | st.sampled_from(
    [
        b"P5 9 9 255\n" + bytes(81),
        b"P5 0 0 255\n",
        b"BM" + bytes(60),
        b"II*\0\x08\0\0\0\xff\xff",
    ]
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(
    st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]),
    st.sampled_from(["/", "/read", "/look", "/write", "/about", "/openapi.json", "//", "/x"]),
    parameters,
    st.dictionaries(
        st.sampled_from(["host", "origin", "content-type", "authorization", "cookie", "range"]),
        st.binary(max_size=20).filter(lambda v: not set(v) & set(b"\r\n\0")),
        max_size=2,
    ),
    bodies,
)
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_hostile_requests_are_answered(client, method, place, params, headers, content):
    answer = client.request(method, place, params=params, headers=headers, content=content)
    assert answer.status_code in (200, 400, 401, 403, 404, 405, 413, 415)
    if answer.status_code >= 400 and method != "HEAD":
        told = answer.json()["error"]
        assert told
        assert len(told.splitlines()) == 1
        assert "Traceback" not in told


def test_too_many_at_once_are_sent_away(fake, strip):
    class Slow(Here):
        def ask(self, *request):
            time.sleep(0.2)
            return super().ask(*request)

    client = client_of(Desk([Slow(sight_of(fake.engine))], 2))
    codes, retry = [], []

    def one():
        answer = client.post("/read", params=WHOLE, content=strip)
        codes.append(answer.status_code)
        if answer.status_code == 429:
            retry.append(answer.headers["retry-after"])

    with client:
        crowd = [threading.Thread(target=one) for _ in range(8)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert sorted(set(codes)) == [200, 429]
        assert codes.count(200) >= 3
        assert set(retry) == {"1"}
        assert client.post("/read", params=WHOLE, content=strip).status_code == 200


def test_a_desk_lets_so_many_wait():
    class Sleeper:
        ready = True

        def ask(self, *_):
            time.sleep(0.05)
            return 200, "text/plain", b""

    async def crowd():
        desk = Desk([Sleeper()], 1)
        tasks = [asyncio.ensure_future(desk.ask("read", b"", None)) for _ in range(5)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    told = asyncio.run(crowd())
    assert sum(isinstance(t, Busy) for t in told) >= 1
    assert sum(isinstance(t, tuple) for t in told) >= 2


def test_no_request_waits_for_a_worker_that_starts():
    class Named:
        def __init__(self, name, ready):
            self.name, self.ready = name, ready
            self.up = threading.Event()

        def wait(self):
            self.up.wait()
            self.ready = True
            return ""

        def ask(self, *_):
            time.sleep(0.05)
            return 200, "text/plain", self.name

    async def asked(ready):
        second = Named(b"second", ready)
        desk = Desk([Named(b"first", True), second], 4)
        desk.open()
        alone = [await desk.ask("read", b"", None) for _ in range(3)]
        crowd = await asyncio.gather(*(desk.ask("read", b"", None) for _ in range(3)))
        second.up.set()
        while desk.starting:
            await asyncio.sleep(0.01)
        later = await asyncio.gather(*(desk.ask("read", b"", None) for _ in range(2)))
        return [{body for _, _, body in told} for told in (alone, crowd, later)]

    both = {b"first", b"second"}
    assert asyncio.run(asked(True)) == [{b"first"}, both, both]
    assert asyncio.run(asked(False)) == [{b"first"}, {b"first"}, both]


def test_what_is_cut_off_by_control_c_is_told_so(fake, strip):
    class Ending(Desk):
        async def ask(self, *_):
            raise asyncio.CancelledError

    answer = client_of(Ending([], 1)).post("/read", params=WHOLE, content=strip)
    assert answer.status_code == 503
    assert "ending" in answer.json()["error"]


def test_a_defect_is_one_line_and_large_is_413(fake):
    sight = sight_of(fake.engine)
    sight.read = lambda body, asked: (_ for _ in ()).throw(TooLarge("the image", "vast\nvast"))
    status, _, body = sight.answer("read", b"", Asked())
    assert status == 413
    assert "\n" not in json.loads(body)["error"]


def test_addresses_and_ports(capsys):
    address = command._address("x", "127.0.0.1", False)
    assert address.is_loopback
    for host, what in (
        ("0.0.0.0", "--i-understand"),
        ("10.1.2.3", "--i-understand"),
        ("a", "no"),
    ):
        with pytest.raises(Usage, match=what):
            command._address("x", host, False)
    with pytest.raises(Usage, match="name the one"):
        command._address("x", "0.0.0.0", True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SnError, match=f"port {port} of 127.0.0.1 is taken; choose another"):
            command._listener(address, port)
    with command._listener(address, 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # else asyncio leaves delays on
    with pytest.raises(Usage, match="a token has 8"):
        command.serve("x", "127.0.0.1", 0, token="short")


def test_without_the_extra_it_is_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SnError, match=r"needs the extra web: pip install 'holmdel\[web\]'"):
        command.serve("x", "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["--web"], "digits"),
        (["--camera"], "digits,camera"),
        (["--web", "--camera", "--period", "--speed", "1993"], "digits,1993,slow,camera"),
    ],
)
def test_the_page_begins_as_the_demonstration_was_asked(words, start, monkeypatch):
    asked = {}
    monkeypatch.setattr(command, "serve", lambda *_, **how: asked.update(how) or 0)
    assert demo_1993.main([*words, "--port", "0"]) == 0
    assert asked == {"start": start}
    page = (Path(command.__file__).parent / "page.js").read_text(encoding="utf-8")
    assert all(f'wanted.includes("{word}")' in page for word in start.split(",")[1:])


@pytest.mark.jit
def test_what_lies_between_is_shown(files):
    sight = Sight()
    image = Path(__file__).parents[2] / "samples" / "strings" / "string-1993-000.png"
    status, _, body = sight.answer("look", image.read_bytes(), Asked("digits", graphs=True))
    assert status == 200
    told = json.loads(body)
    cuts = told["segmentation"]
    assert cuts["nodes"] == sorted(cuts["nodes"])
    assert cuts["path"][0][0] == 0
    assert cuts["path"][-1][1] == len(cuts["nodes"]) - 2
    assert {g["title"] for g in told["graphs"]} == {"Recognition graph", "Interpretation graph"}
    read = sight.answer("read", image.read_bytes(), Asked("digits"))[2]
    guess = json.loads(read)["n_best"][0][0]
    assert told["clock"]["digits"] == len(guess) > 0
    path = "".join(told["symbols"][label] for *_, label, n in cuts["path"] if n >= 0)
    assert path == guess
    if "sdnn" in sight.engines:
        rows, columns = told["strip"]["shape"]
        assert rows == 32
        for layer in told["layers"]:
            _, high, wide = layer["shape"]
            (tall, broad), (down, step) = layer["field"], layer["step"]
            assert tall + down * (high - 1) == 32 or high == 1
            assert broad + step * (wide - 1) == columns


@pytest.mark.jit
def test_a_worker_that_takes_too_long_is_replaced(files):
    from pipeline.recognition import WEIGHTS

    worker = Worker(Limits(), WEIGHTS, 10.0)
    strip = files.png(files.strip(60, 24))
    try:
        status, _, body = worker.ask("read", strip, Asked("digits"))
        assert status == 200
        worker.seconds = 0.0
        status, _, body = worker.ask("read", strip, Asked("digits"))
        assert status == 503
        assert "longer than 0 s" in json.loads(body)["error"]
        worker.seconds = 10.0
        worker.wait()
        worker.process.kill()
        assert worker.ask("read", strip, Asked("digits"))[0] in (200, 503)
        assert worker.ask("read", strip, Asked("digits"))[0] == 200
    finally:
        worker.stop()
    assert server.page()[0].startswith("<!DOCTYPE html>")
