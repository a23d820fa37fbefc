"""The drawing page in a real browser: numbers are drawn with pointer events, answers are timed.

python -m benchmarks.page [NUMBERS] [FOLDER for screenshots]

Needs Chromium and the extras ``web`` and ``bench``.
"""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.handwriting import StrokeHand
from pipeline.pens import Script

WIDE, HIGH, BASE, ROOM = 640, 160, 118, 600  # the paper; where digits stand, how wide they run
# How long a request takes that goes the same way and reads nothing, in the page itself.
BARE = """(async () => {
    const start = performance.now();
    await (await ask("about")).text();
    return performance.now() - start;
})()"""
# Notes, too, when an answer is painted; how long the last request for one took.
PAINTED = """(() => {
    const plain = settled;
    settled = () => {
        const since = lifted;
        plain();
        if (since) requestAnimationFrame(() => setTimeout(() => {
            document.body.dataset.painted = performance.now() - since;
        }));
    };
})()"""
ASKED = """performance.getEntriesByType("resource")
    .filter((one) => one.name.includes("/read?")).at(-1).duration"""
# The same drawing read again and again, nothing else going on.
AGAIN = """(async () => { for (let k = 0; k < %d; k++) await read(); })()"""
TIMES = 5
PAUSE = 0.006  # seconds from one pointer event to the next


def number(seed: int, length: int) -> tuple[str, list[np.ndarray]]:
    """Return a number and its pen strokes on the paper, (points, 2) in its pixels."""
    rng = np.random.default_rng((93, seed))
    hand = StrokeHand(rng, wild=0.5)
    text = "".join(str(d) for d in rng.integers(0, 10, length))
    script = Script(height=62.0, slant=float(rng.uniform(0, 0.2)))
    strokes, x = [], 30.0
    for digit in text:
        glyph = hand.strokes(digit, rng, script)
        points = np.concatenate(glyph)
        left, right = points[:, 0].min(), points[:, 0].max()
        strokes += [s + np.array((x - left, BASE)) for s in glyph]
        x += right - left + rng.uniform(14, 22)
    zoom = min(1.0, ROOM / x)
    return text, [(s - (0, BASE)) * zoom + (0, BASE) for s in strokes]


class Browser:
    """Chromium without a window, driven through its debugging protocol."""

    def __init__(self, width: int = 1180, height: int = 1500) -> None:
        from websockets.sync.client import connect

        program = next(
            filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
        )
        self.folder = tempfile.mkdtemp()
        self.process = subprocess.Popen(
            [
                program,
                "--headless=new",
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                "--disable-gpu",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--user-data-dir={self.folder}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = Path(self.folder, "DevToolsActivePort")
        while not told.is_file() or not told.read_text():
            time.sleep(0.05)
        port = told.read_text().split()[0]
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as reply:
            page = next(p for p in json.load(reply) if p["type"] == "page")
        self.socket = connect(page["webSocketDebuggerUrl"], max_size=None).__enter__()
        self.numbers = itertools.count(1)
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Performance.setTimeDomain", timeDomain="threadTicks")
        self.call("Performance.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)

    def call(self, method: str, **params: object) -> dict:
        """Call a method and return its result; errors of the page are noted on the way."""
        n = next(self.numbers)
        self.socket.send(json.dumps({"id": n, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == n:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            kind, told = message.get("method"), message.get("params", {})
            if kind == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"])[:400])
            elif kind == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(told["entry"]["text"])
            elif kind == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
                self.complaints.append(str(told["args"]))

    def value(self, expression: str) -> object:
        """Return the value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"])[:400])
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 20.0) -> None:
        """Wait until an expression is true."""
        due = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > due:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def open(self, address: str) -> None:
        """Open the page and wait until it is ready."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.until("document.body && document.body.dataset.ready === '1'")

    def point(self, kind: str, x: float, y: float, **more: object) -> None:
        """Move, press or release the mouse at a place of the window."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def draw(self, strokes: list[np.ndarray]) -> None:
        """Draw strokes on the paper."""
        left, top, width = self.value(
            "(() => { const b = document.getElementById('ink').getBoundingClientRect();"
            " return [b.left, b.top, b.width]; })()"
        )
        zoom = width / WIDE
        for stroke in strokes:
            (x, y), *rest = (stroke * zoom + (left, top)).tolist()
            self.point("mousePressed", x, y, button="left", clickCount=1, buttons=1)
            for x, y in rest:
                self.point("mouseMoved", x, y, button="left", buttons=1)
                time.sleep(PAUSE)
            self.point("mouseReleased", x, y, button="left", clickCount=1)

    def seconds(self) -> float:
        """Return the seconds of a processor the page has used."""
        metrics = self.call("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    def picture(self, file: Path, whole: bool = True) -> None:
        """Save a screenshot."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        file.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def seconds(process: int) -> float:
    """Return the seconds of a processor that a process and its children have used (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    total = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    for task in Path(f"/proc/{process}/task").glob("*"):
        with contextlib.suppress(OSError):
            children = (task / "children").read_text().split()
            total += sum(seconds(int(child)) for child in children)
    return total


def main(count: int = 20, folder: Path | None = None, address: str = "") -> None:
    browser, server = Browser(), None
    if not address:
        command = [sys.executable, "-m", "pipeline.cli", "serve", "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = server.stdout.readline().strip()
    right = read = wrong = guessed = 0
    times, painted, asked, bare, page, behind = [], [], [], [], 0.0, 0.0
    try:
        browser.open(address)
        browser.value(PAINTED)
        for k in range(count):
            text, strokes = number(k, 4 + k % 5)
            browser.value("clear(); performance.clearResourceTimings()")
            browser.value("delete document.body.dataset.painted")
            bare.append(float(browser.value(BARE)))
            browser.draw(strokes)
            browser.until("document.body.dataset.answered == version && !lifted")
            browser.until("document.body.dataset.painted")
            times.append(float(browser.value("document.body.dataset.latency")))
            painted.append(float(browser.value("document.body.dataset.painted")))
            asked.append(float(browser.value(ASKED)))
            found = browser.value("record.status === 'read' ? record.text : ''")
            guess = browser.value("(record.n_best[0] || [''])[0]")
            read += bool(found)
            right += found == text
            guessed += guess == text
            reason = browser.value("record.reason || ''")
            wrong += bool(found) and found != text
            mark = "" if found == text else "  <- wrong" if found else f"  <- {reason}"
            print(f"{text:<10} {guess:<10} {times[-1]:6.1f} ms{mark}", flush=True)
            browser.until("looked === version && !looking")
            if folder and (k < 3 or found != text):
                folder.mkdir(parents=True, exist_ok=True)
                browser.picture(folder / f"page-{k}-{text}.png")
            before = browser.seconds(), seconds(server.pid) if server else 0.0
            browser.value(AGAIN % TIMES)
            page += browser.seconds() - before[0]
            behind += (seconds(server.pid) if server else 0.0) - before[1]
    finally:
        browser.close()
        if server is not None:
            server.terminate()
            server.wait(10)
    print(f"{right} of {count} read right, {wrong} wrong, {count - read} rejected")
    print(f"best guess right: {guessed} of {count}")
    for name, found in (
        ("pen-up to answer", times),
        ("the same until it is painted", painted),
        ("request of that answer", asked),
        ("a request that reads nothing, beside them", bare),
    ):
        middle, late = np.percentile(found, (50, 95))
        print(f"{name}: half {middle:.0f} ms, 95 % {late:.0f} ms, all {max(found):.0f} ms")
    each = 1000 / (count * TIMES)
    print(f"CPU of an answer: page {each * page:.0f} ms, server {each * behind:.0f} ms")
    print(
        f"complaints of the console: {len(browser.complaints)}", *browser.complaints, sep="\n  "
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        int(given[0]) if given else 20,
        Path(given[1]) if len(given) > 1 else None,
        given[2] if len(given) > 2 else "",
    )
