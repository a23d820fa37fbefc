"""Opening the service: what ``check-reader serve`` and ``demo-1993 --web`` do."""

import argparse
import errno
import ipaddress
import os
import secrets
import signal
import socket
import sys
from pathlib import Path

from sn.command import Parser, Usage
from sn.errors import SnError

PORT = 1993
LINE = 64  # requests that may wait
MOST_BYTES, MOST_PIXELS, MOST_PAGES = 1_000_000, 12_000_000, 20
CONNECTIONS = 512


def add_options(command: Parser) -> None:
    """Add what both doors understand."""
    command.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="default 127.0.0.1"
    )
    command.add_argument(
        "--port", type=_port, default=PORT, metavar="N", help=f"default {PORT}; 0: any free one"
    )


def serve(
    program: str,
    host: str,
    port: int,
    *,
    token: str | None = None,
    public: bool = False,
    workers: int = 1,
    seconds: float = 10.0,
    most: int = MOST_BYTES,
    start: str = "",
    folder: Path | None = None,
) -> int:
    """Serve until interrupted; the address, with its token, goes to stdout.

    `start` is how the page begins, as the part of its address after #. Raises Usage, SnError.
    """
    try:
        import uvicorn

        from pipeline.web.desk import Desk, Worker
        from pipeline.web.server import Door, application
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in ("starlette", "uvicorn", "anyio"):
            raise SnError("the page needs the extra web: pip install 'holmdel[web]'") from None
        raise
    from pipeline.image import Limits
    from pipeline.recognition import WEIGHTS

    address = _address(program, host, public)
    token = token or os.environ.get("SN_TOKEN") or secrets.token_urlsafe(16)
    if not token.isascii() or not token.isprintable() or " " in token or len(token) < 8:
        raise Usage(f"{program}: a token has 8 or more printable characters and no blanks")
    listener = _listener(address, port)
    port = listener.getsockname()[1]
    limits = Limits(
        file_bytes=most, pixels=MOST_PIXELS, file_pixels=2 * MOST_PIXELS, pages=MOST_PAGES
    )
    crew = [Worker(limits, folder or WEIGHTS, seconds) for _ in range(workers)]
    shown = f"[{address}]" if address.version == 6 else str(address)
    names = (
        {shown, "localhost"} if address.is_loopback else {shown, socket.gethostname().lower()}
    )
    door = Door(frozenset(f"{name}:{port}" for name in names), token)
    print("one moment ...", file=sys.stderr)
    first, *others = crew
    try:
        first.start()
        if what := first.wait():
            raise SnError(what)
        for worker in others:  # now that everything is compiled
            worker.start()
        config = uvicorn.Config(
            application(Desk(crew, LINE), door, most),
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        place = f"http://{shown}:{port}/?token={token}{'#' + start if start else ''}"
        print(place, flush=True)
        print("open this address in a browser; Control-C ends it", file=sys.stderr)
        server = uvicorn.Server(config)
        before = signal.getsignal(signal.SIGINT)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn ends well and then raises it again
            pass
        finally:
            signal.signal(signal.SIGINT, before)
    finally:
        for worker in crew:
            worker.stop()
        listener.close()
    return 0


def run_serve(args: argparse.Namespace) -> int:
    """Do what ``check-reader serve`` was asked."""
    return serve(
        "check-reader serve",
        args.host,
        args.port,
        token=args.token,
        public=args.i_understand,
        workers=args.workers,
        seconds=args.timeout,
        most=args.max_bytes,
    )


def _address(
    program: str, host: str, public: bool
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address to listen on; other machines only when that is understood."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise Usage(f"{program}: --host {host} is not an address such as 127.0.0.1") from None
    if not address.is_loopback and not public:
        raise Usage(
            f"{program}: --host {host} opens the service, without encryption, to other "
            "machines; if that is meant, say check-reader serve --i-understand"
        )
    if address.is_unspecified:
        raise Usage(f"{program}: --host {host} is every address; name the one that is meant")
    return address


def _listener(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> socket.socket:
    """Return a socket that listens. Raises SnError."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # Told that it is TCP, asyncio sends at once what is written; else a body waits 40 ms for
    # its head to be acknowledged.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), port))
        made.listen(256)
    except OSError as error:
        made.close()
        what = (
            "is taken; choose another with --port, or 0 for any"
            if error.errno == errno.EADDRINUSE
            else f"cannot be opened ({error.strerror})"
        )
        raise SnError(f"port {port} of {address} {what}") from None
    return made


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 0 to 65535")
    return int(text)
