"""What ``check-reader grammars GRAMMAR TEXT...`` does: show a grammar, test strings on it."""

import argparse

from pipeline.command_read import grammar_of
from pipeline.grammars import GRAMMARS, SYMBOLS, grammar
from pipeline.rules import kind_of, penalty_of
from sn.command import printable


def show(args: argparse.Namespace) -> int:
    """Show a grammar, or tell what it asks for each text; 1 if one is refused."""
    text = grammar_of(args)
    graph = grammar(text)
    if not args.texts:
        print(GRAMMARS.get(text, text).rstrip("\n"))
        print(f"# {graph.n} states, {graph.m} arcs; strings compare as {kind_of(text)}")
        return 0
    refused = 0
    for given in args.texts:
        told = printable(given)
        labels = [SYMBOLS.find(char) for char in given if not char.isspace()]
        if -1 in labels:
            char = next(c for c in given if not c.isspace() and c not in SYMBOLS)
            found = f"no: there is no symbol {printable(char)}"
        else:
            penalty = penalty_of(graph, labels)
            found = "no" if penalty is None else f"yes, at a penalty of {penalty:.3g}"
        refused += not found.startswith("yes")
        print(f"{told}: {found}")
    return 1 if refused else 0
