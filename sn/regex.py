"""The regular expressions of SN, carried out by Python's.

SN knows ``. [] [^] () | * + ? ^ $`` and a backslash before any character that means itself;
what is special only in Python is escaped. Matching is greedy, alternatives are tried in order.
"""

import re
from functools import lru_cache

from sn.errors import LispError

CLASSES = {"n": "\\n", "t": "\\t", "r": "\\r", "b": "\\x08", "f": "\\f", "e": "\\xff"}
WORDS = {"d": "[0-9]", "D": "[^0-9]", "s": r"[ \t\n\r\f]", "S": r"[^ \t\n\r\f]"}
WORDS |= {"w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]"}


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return Python's form of a pattern."""
    parts = []
    at, depth = 0, 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "[":
            text, at = _set(pattern, at)
            parts.append(text)
        elif char == "\\":
            if at == len(pattern):
                raise LispError("Bad badslash escape in regex", pattern)
            char = pattern[at]
            parts.append(CLASSES.get(char) or WORDS.get(char) or re.escape(char))
            at += 1
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth < 0:
                raise LispError("Unbalanced () in regex", pattern)
            parts.append(char)
        elif char in ".|*+?^$":
            parts.append(char)
        else:
            parts.append(re.escape(char))
    if depth:
        raise LispError("Unbalanced () in regex", pattern)
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise LispError("Syntax error in regex", pattern) from None


def _set(pattern: str, at: int) -> tuple[str, int]:
    """Translate ``[...]``; return it and where it ends."""
    start = at
    negated = pattern[at : at + 1] == "^"
    at += negated
    members = []
    first = True
    while True:
        if at >= len(pattern):
            raise LispError("Unbalanced [] in regex", pattern)
        char = pattern[at]
        if char == "]" and not first:
            break
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            char = pattern[at]
            members.append(CLASSES.get(char) or re.escape(char))
        elif char == "-" and not first and pattern[at + 1 : at + 2] not in ("]", ""):
            members.append("-")
        else:
            members.append(re.escape(char))
        first = False
        at += 1
    if at == start:
        raise LispError("Unbalanced [] in regex", pattern)
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1


def seek(pattern: str, text: str, start: int = 0) -> re.Match[str] | None:
    """Return the first match from an offset on; the end of the text is no place to match."""
    match = compiled(pattern).search(text, start)
    return match if match is not None and match.start() < len(text) else None


def pieces(pattern: str, text: str, most: int = -1) -> list[tuple[int, int]]:
    """Return start and end of successive matches, at most so many."""
    found = []
    at = 0
    while most != 0 and (match := seek(pattern, text, at)) is not None:
        found.append(match.span())
        at = max(match.end(), match.start() + 1)
        most -= 1
    return found
