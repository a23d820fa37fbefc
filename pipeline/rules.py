r"""Grammars as text files: rules with names, each a regular expression over the symbols.

    # A date of this century, the day first.
    kind = text
    day   = 0? [1-9] | [12] [0-9] | 3 [01]
    month = 0? [1-9] | 1 [0-2]
    mark  = [.\-] | / ~0.5
    start = <day> <mark> <month> <mark> 2 0 [0-9]{2}

A rule begins at the left margin and may go on over lines that begin with a blank. `<name>`
stands for a rule above, so no rule can contain itself. `start` is the whole. A line whose first
character is # is a remark; elsewhere # is the symbol. `kind` says when two strings mean the
same: ``amount`` compares them as money, ``digits`` by their digits, ``text`` (the default) as
they stand. The syntax of expressions is that of `gtn.grammar`.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sn.errors import SnError

if TYPE_CHECKING:
    from gtn import Graph
    from gtn.grammar import Pattern

KINDS = ("amount", "digits", "text")
MOST_BYTES = 100_000
FOLDER = Path(__file__).parent / "grammar_files"
SUFFIX = ".grammar"
_KIND_OF_NAME = {
    "amount": "amount",
    "amount-digits": "digits",
    "phone": "digits",
    "zip": "digits",
}
_RULE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(\s*)=(?!>)")
_START = re.compile(r"^start\s*=(?!>)", re.MULTILINE)


class RuleError(SnError):
    """A grammar file that cannot be read; the message names line and column, both from 1."""

    def __init__(self, line: int, column: int, what: str) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.line, self.column = line, column


def is_rules(text: str) -> bool:
    r"""Tell whether a grammar is the text of a grammar file, and not a name or an expression.

    >>> is_rules("start = [0-9]{4}\\n"), is_rules("[0-9]{4}")
    (True, False)
    """
    return "=" in text and _START.search(text) is not None


@lru_cache(64)
def kind_of(text: str) -> str:
    r"""Return when strings of a grammar mean the same: `KINDS`; never fails.

    >>> kind_of("amount"), kind_of("[0-9]+"), kind_of("kind = amount\\nstart = $ [0-9]+")
    ('amount', 'text', 'amount')
    """
    if is_rules(text):
        found = re.search(r"^kind\s*=\s*(\w+)\s*$", text, re.MULTILINE)
        return found[1] if found and found[1] in KINDS else "text"
    return _KIND_OF_NAME.get(text, "text")


def automaton(text: str, symbols: str) -> "Graph":
    """Return the automaton of the text of a grammar file. Raises RuleError."""
    from gtn import grammar as builders
    from gtn.graph import GraphError

    patterns: dict[str, Pattern] = {}
    for line, name, expression, places in _rules(text):
        if name == "kind":
            if expression.strip() not in KINDS:
                raise RuleError(line, places[0][1], f"kind is one of {', '.join(KINDS)}")
            continue
        if name in patterns:
            raise RuleError(line, 1, f"the rule {name} stands there twice")
        try:
            patterns[name] = builders.parse(expression, symbols, patterns)
        except builders.GrammarError as error:
            raise RuleError(*_place(places, error.column or 1), error.what) from None
    if "start" not in patterns:
        raise RuleError(1, 1, "there is no rule start")
    try:
        return builders.automaton(patterns["start"], symbols)
    except GraphError as error:
        line = next(n for n, name, *_ in _rules(text) if name == "start")
        raise RuleError(line, 1, str(error)) from None


Places = list[tuple[int, int, int]]  # (line, column, first character of the expression)


def _rules(text: str) -> list[tuple[int, str, str, Places]]:
    """Return (line, name, expression, where its parts stand) of every rule."""
    found: list[tuple[int, str, str, Places]] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in " \t":
            if not found:
                raise RuleError(number, 1, "a rule begins at the left margin: name = ...")
            first, name, expression, places = found[-1]
            places.append((number, 1, len(expression) + 1))
            found[-1] = first, name, f"{expression} {line}", places
            continue
        rule = _RULE.match(line)
        if rule is None:
            raise RuleError(number, 1, "expected a rule: name = expression")
        found.append((number, rule[1], line[rule.end() :], [(number, rule.end() + 1, 0)]))
    return found


def _place(places: Places, column: int) -> tuple[int, int]:
    """Return line and column of a column (from 1) of an expression."""
    line, left, first = max(p for p in places if p[2] <= column - 1 or p is places[0])
    return line, left + column - 1 - first


def library() -> dict[str, str]:
    """Return the grammars that come as files: name to text."""
    files = sorted(FOLDER.glob(f"*{SUFFIX}"), key=lambda file: file.stem)
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


def file_of(name: str) -> str | None:
    """Return the text of a grammar file by its name or path; None when there is none.

    Raises SnError for a file that is no grammar file.
    """
    if re.fullmatch(r"[a-z][a-z0-9-]*", name) and (FOLDER / f"{name}{SUFFIX}").is_file():
        return (FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    try:
        file = Path(name)
        there = len(name) < 4096 and file.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        if name.endswith(SUFFIX):
            raise SnError("no such file")
        return None
    try:
        with file.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SnError(f"cannot be opened ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise SnError(f"byte {error.start + 1} is not text in UTF-8") from None
    if len(data) > MOST_BYTES:
        raise SnError(f"larger than {MOST_BYTES // 1000} kB. Is this a grammar?")
    if not is_rules(text):
        _rules(text)
        raise RuleError(1, 1, "there is no rule start")
    return text


def penalty_of(graph: "Graph", labels: list[int]) -> float | None:
    """Return what a grammar asks for a string of labels, None when it does not allow it."""
    import numpy as np

    import gtn

    places = np.arange(len(labels), dtype=np.int32)
    line = gtn.Graph(
        len(labels) + 1, [0], [len(labels)], places, places + 1, np.array(labels, np.int32)
    )
    best = gtn.viterbi_path(gtn.compose(line, graph))
    return None if best is None else float(best.penalty)
