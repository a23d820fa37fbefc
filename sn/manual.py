"""The manual: what primitives say of themselves, and the ``#?`` entries of SN files.

An entry of a file is a ``#?`` line with the pattern of a call, and the comment lines below it.
"""

import re
from typing import TYPE_CHECKING

from sn.primitives.registry import Primitive, Special

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

ENTRY = re.compile(r"^#\?[ \t*]*(?P<title>[^\n]*)\n(?P<text>(?:[ \t]*;[^\n]*\n?)*)", re.M)


def _library_entries(interpreter: "Interpreter") -> list[tuple[str, str]]:
    """Return title and text of every entry of the library and of what has been loaded."""
    from sn.fileaccess import LIBRARY

    texts = [file.read_text("latin-1") for file in sorted(LIBRARY.glob("*.sn"))]
    texts += [source.text for source in interpreter.sources.all]
    found = {}
    for text in texts:
        for match in ENTRY.finditer(text):
            lines = [line.strip().lstrip(";").strip() for line in match["text"].splitlines()]
            found[match["title"].strip()] = "\n".join(lines).strip()
    return list(found.items())


def _pattern(name: str, word: object) -> str:
    """Return the call pattern of a primitive or special form."""
    function = word.function if isinstance(word, Special) else word
    code = getattr(function, "__code__", None)
    if code is None:
        return f"({name} ...)"
    record = getattr(word, "sn", None)
    count = code.co_argcount
    names = code.co_varnames[:count]
    first = isinstance(word, Special) or (isinstance(record, Primitive) and record.bound)
    names = names[int(first) :]
    optional = len(getattr(function, "__defaults__", None) or ())
    shown = [
        f"[{text}]" if place >= len(names) - optional else text
        for place, text in enumerate(text.strip("_").replace("_", "-") for text in names)
    ]
    if code.co_flags & 4:
        shown.append("...")
    return "(" + " ".join([name, *shown]) + ")"


def _title_name(title: str) -> str:
    match = re.match(r"\(?\s*([^\s()]+)", title)
    return match.group(1).lower() if match else ""


def entry(interpreter: "Interpreter", name: str) -> str:
    """Return the manual entry of a name; if there is none, say which names are near."""
    name = name.strip().lower()
    for title, text in _library_entries(interpreter):
        if _title_name(title) == name:
            return f"{title}\n{text}".strip()
    symbol = interpreter.symbols.symbols.get(name)
    value = symbol.value if symbol else None
    function = value.function if isinstance(value, Special) else value
    if getattr(function, "__doc__", None) and (
        isinstance(value, Special) or isinstance(getattr(value, "sn", None), Primitive)
    ):
        lines = [line.strip() for line in function.__doc__.strip().splitlines()]
        return _pattern(name, value) + "\n" + "\n".join(lines)
    if isinstance(value, Special):
        return f"({name} ...)\nA special form of the language; see docs/sn.md."
    near = nearest(interpreter, name)
    hint = f" Did you mean {near}?" if near else ""
    return f"There is no manual entry for {name}.{hint}"


def search(interpreter: "Interpreter", topic: str) -> list[str]:
    """Return the titles of entries and the names of functions that contain a topic."""
    topic = topic.strip().lower()
    titles = [title for title, _ in _library_entries(interpreter) if topic in title.lower()]
    names = [
        symbol.name
        for symbol in interpreter.symbols
        if topic in symbol.name and symbol.value is not None
    ]
    return titles + sorted(names)


def nearest(interpreter: "Interpreter", name: str) -> str | None:
    """Return the defined name most like a name, if one is near."""
    from difflib import get_close_matches

    names = [symbol.name for symbol in interpreter.symbols if symbol.value is not None]
    found = get_close_matches(name, names, 1, 0.75)
    return found[0] if found else None
