r"""The grammars by name: what an amount, a phone number or a ZIP code may look like.

A grammar is a regular expression over the symbols of the recognizer (syntax: `gtn.grammar`); a
penalty ``~p`` makes a rarer form dearer, in natural units. The grammar of the 1998 check reader
was never printed; this one is ours.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gtn import Graph

SYMBOLS = "0123456789$,.-/*x=#()"

# Sums of more than five figures grow rare, and most people write cents or an ending.
_FIRST = "([1-9] | 0~3)"  # sums seldom begin with a nought
_PLAIN = rf"{_FIRST} [0-9]{{0,4}} ([0-9]~0.7)*"
_GROUPED = rf"({_FIRST} [0-9]{{0,2}} ((, [0-9]{{3}})+ | (. [0-9]{{3}})+ ~0.3))"
_CENTS = r"(. [0-9]{2} (-~0.7)? | (, [0-9]{2})~1 | ([0-9]{2} | x x) / 1 0 0)"
_ENDING = r"(. - | . = | [.,=] | - | , - | / -)"
_SUM = rf"(({_PLAIN} | {_GROUPED}) ({_CENTS} | {_ENDING}~0.5) | {_PLAIN}~1.5 | {_GROUPED}~0.5)"

_AMOUNT = rf"[$#=*]{{0,4}} {_SUM} ([*#]{{1,4}}~0.2)?"

GRAMMARS = {
    "amount": _AMOUNT,
    "amount-digits": _AMOUNT,  # of which only the digits count, see `pipeline.rules.kind_of`
    "digits": "[0-9]+",
    "phone": r"(\(~0.5)? [0-9]{3} (\)~0.5)? [\-/.]? [0-9]{3} [\-.]? [0-9]{4}"
    r" | [0-9]{3} [\-.]? [0-9]{4}",
    "zip": r"[0-9]{5} (\- [0-9]{4})?",
}
KEPT = 16  # automata: a service may be asked for any number of grammars


@lru_cache(KEPT)
def grammar(text: str) -> "Graph":
    """Return the automaton of a named grammar, of a regular expression or of a grammar file.

    Raises gtn.grammar.GrammarError, which names the column, for text that cannot be read.
    """
    from gtn import grammar as builders
    from pipeline.rules import automaton, is_rules

    if is_rules(text):
        return automaton(text, SYMBOLS)
    return builders.regex(GRAMMARS.get(text, text), SYMBOLS)
