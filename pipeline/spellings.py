r"""All ways to write what a label says: the graph that training holds a line against.

A label of a user's own field says what it means, not how it is written: the field of
``1234.56`` may show ``$1,234.56`` or ``1234 56/100``. The graph of all strings of the grammar
with that meaning takes the place of the one right string in the criterion.
"""

import numpy as np

import gtn
from pipeline.grammars import SYMBOLS, grammar
from pipeline.money import money
from pipeline.rules import kind_of
from pipeline.sdnn import BLANK
from sn.errors import SnError

DIGITS = 10
_MARK = r"[$,.\-/*x=#()]"
_FILL = r"[$#=*]{0,4}"
_NO_CENTS = r"[.,]? [\-=]{0,2} | / -"


class LabelError(SnError):
    """A label that no string of the grammar can mean."""


def spellings(text: str, label: str) -> gtn.Graph:
    """Return the graph of all strings of a grammar that mean a label.

    `text` names the grammar or is one (see `pipeline.grammars.grammar`). What strings mean is
    decided by the kind of the grammar: money, the digits alone, or the string itself. Raises
    LabelError when there is no such string.

    >>> from gtn.grammar import labels, matches
    >>> ways = spellings("amount", "1234.50")
    >>> [matches(ways, labels(s, SYMBOLS)) for s in ("$1,234.50", "1234 50/100", "12.34")]
    [True, True, False]
    """
    pattern = _pattern(kind_of(text), label)
    if pattern is None:
        raise LabelError(f"{label!r} is not what the grammar is about")
    ways = gtn.compose(grammar(pattern), grammar(text))
    if not ways.n or not np.isfinite(gtn.viterbi_penalty(ways)):
        raise LabelError(f"the grammar has no string that means {label!r}")
    return ways


def runs(ways: gtn.Graph) -> gtn.Graph:
    """Return the graph of all label sequences of the whole-line network that spell strings."""
    return gtn.compose(gtn.character_model(range(BLANK + 1), blank=BLANK), ways)


def chain(text: str) -> gtn.Graph:
    """Return the graph of one string, which may be empty; blanks are left out."""
    string = text.replace(" ", "")
    return gtn.chain_graph([SYMBOLS.index(c) for c in string])


def _pattern(kind: str, label: str) -> str | None:
    """Return an expression for all that a label can mean, more than any grammar allows."""
    if kind == "amount":
        amount = money(label)
        return None if amount is None else _money_pattern(*amount[0].split("."))
    if kind == "digits":
        digits = [c for c in label if c in SYMBOLS[:DIGITS]]
        return f"{_MARK}* " + " ".join(f"{d} {_MARK}*" for d in digits) if digits else None
    string = label.replace(" ", "")
    known = string and all(c in SYMBOLS for c in string)
    return " ".join(f"\\{c}" for c in string) if known else None


def _money_pattern(whole: str, cents: str) -> str:
    """Return an expression for the ways to write an amount of money."""
    first = len(whole) % 3 or 3
    groups = [whole[:first], *(whole[k : k + 3] for k in range(first, len(whole), 3))]
    dollars = " [.,]? ".join(" ".join(group) for group in groups)
    after = " ".join(cents)
    ends = rf"[.,] {after} \-{{0,2}} | [.,\-]? {after} / 1 0 0"
    if cents == "00":
        ends += rf" | [.,\-]? x x / 1 0 0 | {_NO_CENTS}"
    return rf"{_FILL} 0{{0,2}} {dollars} ({ends}) [*#]{{0,4}}"
