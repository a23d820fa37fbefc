"""The requests: who may ask, what may be asked, how much of it; nothing of it is trusted.

Every request must name this host, come from this page or from no page at all, and bear the
token. There are no paths to files in it. What an image does to a reader is the business of
`desk`; here it is bytes below a limit that arrived in time.
"""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.demo_1993 import LONGEST
from pipeline.web.desk import Busy, Desk
from pipeline.web.openapi import document
from pipeline.web.sight import ENGINES, JSON, Asked, problem

HERE = Path(__file__).parent
LONGEST_GRAMMAR, LONGEST_EXPECT, LONGEST_QUERY = 200, 40, 2000  # characters
ARRIVING = 10.0  # seconds a body may take
NUMBER = re.compile(r"[0-9()./ -]*[0-9][0-9()./ -]*")


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is not answered, with the status that says why."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in: the names of this host, with its port, and the token."""

    hosts: frozenset[str]
    token: str

    def admit(self, scope: Scope) -> None:
        """Check Host, Origin and token of a request. Raises Refused."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(
                value.decode("latin-1")
            )
        host = headers.get("host", [])
        if len(host) != 1 or host[0].lower() not in self.hosts:
            raise Refused(403, "this Host is not served here")
        origins = {f"http://{name}" for name in self.hosts}
        if any(origin.lower() not in origins for origin in headers.get("origin", [])):
            raise Refused(403, "requests from other pages are not answered")
        if any(s not in ("same-origin", "none") for s in headers.get("sec-fetch-site", [])):
            # Following a link here is not asking from here; the token still must be right.
            navigating = (
                headers.get("sec-fetch-mode") == ["navigate"] and scope["method"] == "GET"
            )
            if not navigating:
                raise Refused(403, "requests from other pages are not answered")
        given = [v.removeprefix("Bearer ") for v in headers.get("authorization", [])]
        query = scope["query_string"].decode("latin-1")
        if len(query) > LONGEST_QUERY:
            raise Refused(400, f"the query is longer than {LONGEST_QUERY} characters")
        given += [value for name, value in parse_qsl(query) if name == "token"]
        if not any(hmac.compare_digest(t.encode(), self.token.encode()) for t in given):
            raise Refused(
                401, "the token is missing or wrong: use the address that the program printed"
            )


class Guard:
    """Lets in what the door admits, and puts the safe headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door, policy: str) -> None:
        self.app, self.door = app, door
        self.headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"x-frame-options", b"DENY"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of connections are not taken."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: dict) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self.headers]}
            await send(message)

        try:
            self.door.admit(scope)
        except Refused as error:
            await refusal(error)(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)


def refusal(error: Refused) -> Response:
    """Return the answer that says why."""
    headers = {"Retry-After": "1"} if error.status == 429 else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(problem(str(error)), error.status, headers, JSON)


def page() -> tuple[str, str]:
    """Return the one page, style and script in it, and the policy that lets in these alone."""
    parts = {kind: (HERE / f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js")}
    digests = {
        kind: base64.b64encode(hashlib.sha256(parts[kind].encode()).digest()).decode()
        for kind in ("css", "js")
    }
    policy = (
        "default-src 'none'; connect-src 'self'; img-src 'self' data: blob:; "
        f"style-src 'sha256-{digests['css']}'; script-src 'sha256-{digests['js']}'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    text = parts["html"].replace("/*style*/", parts["css"]).replace("/*script*/", parts["js"])
    return text, policy


def application(desk: Desk, door: Door, most: int) -> ASGIApp:
    """Return the service: requests pass `door`, bodies hold at most `most` bytes."""
    text, policy = page()

    def route(path: str, method: str, work: Callable[[Request], Awaitable[Response]]) -> Route:
        async def answered(request: Request) -> Response:
            try:
                return await work(request)
            except Refused as error:
                return refusal(error)
            except Busy:
                return refusal(Refused(429, "too many requests at once; ask again in a second"))
            except ClientDisconnect:
                return refusal(Refused(400, "the request ended early"))
            except asyncio.CancelledError:  # Control-C, and this took too long to wait for
                return refusal(Refused(503, "the service is ending"))

        return Route(path, answered, methods=[method])

    async def ask(name: str, body: bytes, asked: object) -> Response:
        status, kind, content = await desk.ask(name, body, asked)
        return Response(content, status, media_type=kind)

    async def shown(request: Request) -> Response:
        query(request, ())
        return Response(text, media_type="text/html")

    async def read(request: Request) -> Response:
        asked = settings(query(request, ("grammar", "engine", "field", "max_error", "expect")))
        return await ask("read", await body(request, most), asked)

    async def look(request: Request) -> Response:
        asked = settings(query(request, ("grammar", "engine", "field", "graphs")))
        return await ask("look", await body(request, most), asked)

    async def write(request: Request) -> Response:
        given = query(request, ("text", "seed"))
        number, seed = given.get("text", ""), given.get("seed", "1")
        if not NUMBER.fullmatch(number) or len(number) > LONGEST:
            what = f"text is a number of at most {LONGEST} symbols: digits and - . / ( )"
            raise Refused(400, what)
        if not re.fullmatch("[0-9]{1,9}", seed):
            raise Refused(400, "seed is a whole number of at most 9 digits")
        return await ask("write", b"", (number, int(seed)))

    async def about(request: Request) -> Response:
        query(request, ())
        return await ask("about", b"", None)

    async def openapi(request: Request) -> Response:
        query(request, ())
        return JSONResponse(document(most))

    async def unknown(request: Request, error: Exception) -> Response:
        return refusal(Refused(getattr(error, "status_code", 404), "there is nothing here"))

    @asynccontextmanager
    async def lifespan(_: Starlette):
        desk.open()
        try:
            yield
        finally:
            desk.stop()

    routes = [
        route("/", "GET", shown),
        route("/read", "POST", read),
        route("/look", "POST", look),
        route("/write", "GET", write),
        route("/about", "GET", about),
        route("/openapi.json", "GET", openapi),
    ]
    made = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={404: unknown, 405: unknown},
    )
    made.router.redirect_slashes = False
    return Guard(made, door, policy)


# ---- what stands in a request


def query(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters of a request, each known and given once. Raises Refused."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in (*known, "token"):
            raise Refused(400, f"unknown parameter {name[:40]!r}; known: {', '.join(known)}")
        if name in found:
            raise Refused(400, f"{name} stands there twice")
        if not value.isprintable():
            raise Refused(400, f"{name} holds characters that cannot be printed")
        found[name] = value
    return found


def settings(given: dict[str, str]) -> Asked:
    """Return the settings of a reading. Raises Refused."""
    grammar, engine = given.get("grammar", "amount"), given.get("engine", "")
    if not 0 < len(grammar) <= LONGEST_GRAMMAR:
        raise Refused(400, f"a grammar has 1 to {LONGEST_GRAMMAR} characters")
    if engine not in ("", *ENGINES):
        raise Refused(400, f"engine is one of {', '.join(ENGINES)}")
    expect = given.get("expect")
    if expect is not None and len(expect) > LONGEST_EXPECT:
        raise Refused(400, f"expect has at most {LONGEST_EXPECT} characters")
    share = given.get("max_error")
    if share is not None and not (
        re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,9}", share) and 0 < float(share) <= 1
    ):
        raise Refused(400, "max_error is a number above 0 and at most 1")
    graphs = given.get("graphs", "0")
    if graphs not in ("0", "1"):
        raise Refused(400, "graphs is 0 or 1")
    return Asked(
        grammar,
        engine,
        box(given.get("field", "auto")),
        None if share is None else float(share),
        expect,
        graphs == "1",
    )


def box(text: str) -> "str | tuple[int, int, int, int]":
    """Return a field, as ``auto`` or x,y,w,h in pixels. Raises Refused."""
    if text == "auto":
        return text
    if not re.fullmatch("[0-9]{1,6}(,[0-9]{1,6}){3}", text):
        raise Refused(400, "field is auto or x,y,w,h in pixels")
    x, y, w, h = map(int, text.split(","))
    return x, y, w, h


async def body(request: Request, most: int) -> bytes:
    """Return the body, which holds at most `most` bytes and arrives in time. Raises Refused."""
    large = Refused(413, f"the body is larger than {most:,} bytes")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/x-www-form-urlencoded":
        raise Refused(415, "send the image itself as the body, not a form")
    told = request.headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,15}", told):
        raise Refused(400, "Content-Length is no number")
    if int(told) > most:
        raise large
    parts, size = [], 0
    try:
        async with asyncio.timeout(ARRIVING):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise large
                parts.append(part)
    except TimeoutError:
        raise Refused(408, f"the body took longer than {ARRIVING:g} s to arrive") from None
    return b"".join(parts)
