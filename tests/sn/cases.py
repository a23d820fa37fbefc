"""Runs the measured cases of SN: programs and what the original answered to them."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sn.errors import Leave, LispError, SnError
from sn.interpreter import Interpreter

ADDRESS = re.compile(r"::([^\s:()]+):[0-9a-f]+\b")


def normal(text: str) -> str:
    """Drop what is not compared: bells, carriage returns, addresses, final newlines."""
    text = text.replace("\a", "").replace("\r", "")
    return ADDRESS.sub(r"::\1:*", text).rstrip("\n")


def normal_file(data: bytes, wanted: dict[str, Any]) -> dict[str, Any]:
    """Describe a file the way the case describes it."""
    if "hex" in wanted:
        return {"hex": data.hex()}
    if "size" in wanted:
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = data.decode("latin-1")
    if "svg" in wanted:
        return {"svg": " ".join(text.split())}
    start, end = text.find("%%Page:"), text.rfind("ENDPAGE")
    return {"ps_page": text[start : end + len("ENDPAGE")]}


@dataclass
class Outcome:
    """What a program did."""

    stdout: str = ""
    error: str | None = None
    files: dict[str, Any] = field(default_factory=dict)
    replies: list[list[str]] | None = None


def load_cases(path: Path) -> list[dict[str, Any]]:
    """Read all cases."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def run_case(case: dict[str, Any], folder: Path) -> Outcome:
    """Run a case as the script case.sn; `folder` must be the current one, and empty."""
    if case.get("mode") == "listener":
        return Outcome(replies=_listen(case["program"]))
    pieces: list[str] = []
    interpreter = Interpreter(pieces.append)
    interpreter.warn = lambda text: None
    script = folder / "case.sn"
    script.write_bytes(case["program"].encode("latin-1"))
    error = None
    try:
        interpreter.run(lambda: interpreter.load(Path("case.sn")))
    except LispError as failure:
        error = None if failure.reported else str(failure)
    except SnError as failure:
        error = str(failure)
    except Leave:
        pass
    interpreter.close()
    script.unlink()
    files = {
        f.name: normal_file(f.read_bytes(), case["files"][f.name])
        for f in sorted(folder.iterdir())
        if f.is_file() and f.name in case.get("files", {})
    }
    return Outcome(normal("".join(pieces)), None if error is None else normal(error), files)


def _listen(program: str) -> list[list[str]]:
    from sn.toplevel import Toplevel

    replies = []
    interpreter = Interpreter()
    toplevel = Toplevel(interpreter, ask=lambda prompt: "n")
    for line in program.rstrip("\n").split("\n"):
        pieces: list[str] = []
        interpreter.stdout.target = pieces
        interpreter.warn = lambda text, pieces=pieces: pieces.append(f"+++ Warning: {text}\n")
        toplevel.show_error = lambda error, pieces=pieces: pieces.append(f"*** {error}\n")
        toplevel.feed(line + "\n")
        text = normal("".join(pieces))
        replies.append([reply for reply in text.split("\n") if reply])
    return replies


def difference(case: dict[str, Any], outcome: Outcome) -> str | None:
    """Return how an outcome differs from what was measured, None when it does not."""
    if case.get("mode") == "listener":
        wanted = [[normal(line) for line in reply] for reply in case["replies"]]
        return None if wanted == outcome.replies else f"{wanted} got {outcome.replies}"
    found = []
    for name, wanted, got in (
        ("stdout", normal(case.get("stdout", "")), outcome.stdout),
        ("error", case.get("error") and normal(case["error"]), outcome.error),
        ("files", case.get("files", {}), outcome.files),
    ):
        if wanted != got:
            found.append(f"{name}:\n  wanted {wanted!r}\n  got    {got!r}")
    return "\n".join(found) or None
