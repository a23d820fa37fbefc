r"""Grammars from regular expressions over symbols, as automata to compose a lattice with.

Patterns are built by functions (`cat`, `either`, `some`, `many`, `maybe`, `penalty`,
`meaning`), after the grammar builders of the AT&T library, or read from text:

    >>> from gtn import grammar
    >>> symbols = "0123456789$*,."
    >>> amount = grammar.regex(r"$? \** [0-9]{1,3} (, [0-9]{3})* (. [0-9]{2})?", symbols)
    >>> grammar.matches(amount, grammar.labels("$1,234.50", symbols))
    True

`automaton` makes a graph without epsilons in which every string has one path, whose penalty is
that of its cheapest derivation. Positions of the pattern are the states (Glushkov's
construction), so no epsilon ever appears; then subsets, then merging of equivalent states.

Text syntax: blanks mean nothing; a character is itself; `\x` is x even if x is an operator;
`<name>` is a symbol with a long name; `[0-9,]` and `[^0-9]` are sets; `( )`, `|`, `?`, `*`,
`+`, `{3}`, `{1,3}`, `{2,}` as usual; `~1.5` after an item adds a penalty; `=>x` after an item
makes the whole phrase emit the one output symbol x. `<name>` may also be a pattern made before.
Text that would make an automaton beyond `MOST_POSITIONS` and `MOST_MOVES` is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gtn.automata import determinize, minimize, trim_lists
from gtn.graph import EPSILON, Graph, GraphError

Symbols = Sequence[str] | Mapping[str, int]
MOST_POSITIONS, MOST_FOLLOW = 2_000, 60_000  # of a pattern in text, and pairs that follow
MOST_STATES, MOST_MOVES = 5_000, 1_000_000  # of its automaton, and steps to make it


class GrammarError(GraphError):
    """Grammar text that cannot be read; the message gives the column.

    `what` is the message without it, `column` counts from 1; None where there is no text.
    """

    def __init__(
        self, message: str, what: str | None = None, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.what, self.column = what or message, column


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular set of strings: positions with labels, and which may follow which at what cost.

    `empty` is the penalty of the empty string (inf: not in the set).
    """

    labels: tuple[tuple[int, int], ...] = ()
    first: tuple[tuple[int, float], ...] = ()
    last: tuple[tuple[int, float], ...] = ()
    follow: tuple[tuple[int, int, float], ...] = ()
    empty: float = 0.0


EMPTY = Pattern()


def symbol(label: int, olabel: int | None = None) -> Pattern:
    """Return the pattern of one label, emitting `olabel` (default the same; -1 nothing)."""
    if label < 0:
        raise GrammarError(f"symbol: label {label} (patterns have no epsilons)")
    pair = (label, label if olabel is None else olabel)
    return Pattern((pair,), ((0, 0.0),), ((0, 0.0),), (), math.inf)


def one_of(labels: Iterable[int]) -> Pattern:
    """Return the pattern of any single one of the labels."""
    found = tuple((label, label) for label in dict.fromkeys(labels))
    every = tuple((p, 0.0) for p in range(len(found)))
    return Pattern(found, every, every, (), math.inf)


def _cheapest(moves: Iterable[tuple[tuple[int, ...], float]]) -> dict[tuple[int, ...], float]:
    best: dict[tuple[int, ...], float] = {}
    for key, cost in moves:
        if cost < best.get(key, math.inf):
            best[key] = cost
    return best


def _pair(a: Pattern, b: Pattern) -> Pattern:
    shift = len(a.labels)
    first_b = [(p + shift, c) for p, c in b.first]
    first = list(a.first)
    last = [(p + shift, c) for p, c in b.last]
    # The cost of leaving a part out moves to the neighbour that is there.
    if a.empty < math.inf:
        first += [(p, c + a.empty) for p, c in first_b]
    if b.empty < math.inf:
        last += [(p, c + b.empty) for p, c in a.last]
    follow = [*a.follow, *((p + shift, q + shift, c) for p, q, c in b.follow)]
    follow += [(p, q, left + c) for p, left in a.last for q, c in first_b]
    return Pattern(
        a.labels + b.labels, tuple(first), tuple(last), tuple(follow), a.empty + b.empty
    )


def cat(*patterns: Pattern) -> Pattern:
    """Return the patterns one after the other."""
    result = EMPTY
    for pattern in patterns:
        result = _pair(result, pattern)
    return result


def either(*patterns: Pattern) -> Pattern:
    """Return the alternatives (gram-or)."""
    result = Pattern(empty=math.inf)
    for b in patterns:
        shift = len(result.labels)
        result = Pattern(
            result.labels + b.labels,
            result.first + tuple((p + shift, c) for p, c in b.first),
            result.last + tuple((p + shift, c) for p, c in b.last),
            result.follow + tuple((p + shift, q + shift, c) for p, q, c in b.follow),
            min(result.empty, b.empty),
        )
    return result


def some(pattern: Pattern) -> Pattern:
    """Return one or more repetitions."""
    again = _cheapest(
        [((p, q), c) for p, q, c in pattern.follow]
        + [((p, q), left + c) for p, left in pattern.last for q, c in pattern.first]
    )
    return replace(pattern, follow=tuple((p, q, c) for (p, q), c in again.items()))


def many(pattern: Pattern) -> Pattern:
    """Return any number of repetitions, also none."""
    return replace(some(pattern), empty=min(0.0, pattern.empty))


def maybe(pattern: Pattern) -> Pattern:
    """Return the pattern or nothing."""
    return replace(pattern, empty=min(0.0, pattern.empty))


def repeat(pattern: Pattern, low: int, high: int | None = None) -> Pattern:
    """Return `low` to `high` repetitions (None: no upper limit)."""
    if low < 0 or (high is not None and high < low):
        raise GrammarError(f"repeat: {low} to {high} times")
    if high is None:
        return cat(*[pattern] * low, many(pattern))
    tail = EMPTY
    for _ in range(high - low):
        tail = maybe(cat(pattern, tail))
    return cat(*[pattern] * low, tail)


def penalty(pattern: Pattern, cost: float) -> Pattern:
    """Return the pattern at an extra cost per use."""
    first = tuple((p, c + cost) for p, c in pattern.first)
    return replace(pattern, first=first, empty=pattern.empty + cost)


def meaning(pattern: Pattern, olabel: int) -> Pattern:
    """Return the pattern emitting one output label for the whole phrase, at its start."""
    if pattern.empty < math.inf:
        raise GrammarError(
            "meaning: the phrase may be empty, so nothing would carry its meaning"
        )
    count = len(pattern.labels)
    copies = {p: count + k for k, p in enumerate(dict.fromkeys(p for p, _ in pattern.first))}
    silent = tuple((ilabel, EPSILON) for ilabel, _ in pattern.labels)
    marked = tuple((pattern.labels[p][0], olabel) for p in copies)
    follow = pattern.follow + tuple(
        (copies[p], q, c) for p, q, c in pattern.follow if p in copies
    )
    last = pattern.last + tuple((copies[p], c) for p, c in pattern.last if p in copies)
    first = tuple((copies[p], c) for p, c in pattern.first)
    return Pattern(silent + marked, first, last, follow, math.inf)


def automaton(pattern: Pattern, symbols: Symbols | None = None) -> Graph:
    """Return the smallest automaton of a pattern: one start node, no epsilons, unambiguous.

    Deterministic in (input, output) label pairs, except where a penalty can only be known at
    the end of a string (see `determinize`); a penalised empty string keeps one epsilon arc.
    """
    count = len(pattern.labels)
    moves = [((-1, p), c) for p, c in pattern.first]
    moves += [((p, q), c) for p, q, c in pattern.follow]
    arcs = [(p + 1, q + 1, *pattern.labels[q], c) for (p, q), c in _cheapest(moves).items()]
    final = {p[0] + 1: c for p, c in _cheapest(((p,), c) for p, c in pattern.last).items()}
    final[0] = pattern.empty
    accept = [v for v, cost in final.items() if cost == 0.0]
    # A string that ends at a cost ends on a twin arc, since penalties lie on arcs only.
    end = count + 1
    arcs += [
        (src, end, i, o, c + final[dst])
        for src, dst, i, o, c in arcs
        if 0.0 != final.get(dst, 0.0) < math.inf
    ]
    nondeterministic = trim_lists(count + 2, [0], [*accept, end], arcs)
    graph = determinize(nondeterministic, max_states=MOST_STATES, max_moves=MOST_MOVES)
    if 0.0 != pattern.empty < math.inf:
        whole = list(zip(*graph.arcs.tolist(), graph.penalty.tolist(), strict=True))
        start = graph.start.tolist() or [0]
        whole.append((start[0], graph.n + 1, EPSILON, EPSILON, pattern.empty))
        ends = [*graph.accept.tolist(), graph.n + 1]
        graph = trim_lists(graph.n + 2, start, ends, whole)
    graph = minimize(graph)
    if symbols is not None:
        graph.isymbols = graph.osymbols = symbol_names(symbols)
    return graph


def symbol_names(symbols: Symbols) -> list[str]:
    """Return the names of labels 0, 1, ... ('' where a mapping has a gap)."""
    if not isinstance(symbols, Mapping):
        return list(symbols)
    names = [""] * (max(symbols.values(), default=-1) + 1)
    for name, label in symbols.items():
        names[label] = name
    return names


def _label_table(symbols: Symbols) -> dict[str, int]:
    if isinstance(symbols, Mapping):
        return dict(symbols)
    table: dict[str, int] = {}
    for label, name in enumerate(symbols):
        if name:
            table.setdefault(name, label)
    return table


def labels(text: str, symbols: Symbols) -> list[int]:
    """Return the labels of a text of one-character symbols; GrammarError for unknown ones."""
    table = _label_table(symbols)
    for place, char in enumerate(text):
        if char not in table:
            raise GrammarError(
                f"labels: no symbol {char!r} (character {place + 1} of {text!r})"
            )
    return [table[char] for char in text]


def matches(graph: Graph, string: Sequence[int]) -> bool:
    """Tell whether a grammar accepts a string of input labels."""
    out: dict[tuple[int, int], list[int]] = {}
    for src, dst, label in zip(*graph.arcs[:3].tolist(), strict=True):
        out.setdefault((src, label), []).append(dst)

    def close(nodes: set[int]) -> set[int]:
        stack = list(nodes)
        while stack:
            for dst in out.get((stack.pop(), EPSILON), []):
                if dst not in nodes:
                    nodes.add(dst)
                    stack.append(dst)
        return nodes

    nodes = close(set(graph.start.tolist()))
    for label in string:
        nodes = close({dst for v in nodes for dst in out.get((v, label), [])})
    return bool(nodes & set(graph.accept.tolist()))


def regex(text: str, symbols: Symbols) -> Graph:
    """Return the automaton of a regular expression in the text syntax of this module.

    >>> from gtn import grammar
    >>> grammar.regex("[0-9]{3} - [0-9]{4}", "0123456789-").n
    9
    """
    return automaton(parse(text, symbols), symbols)


def parse(
    text: str, symbols: Symbols, patterns: Mapping[str, Pattern] | None = None
) -> Pattern:
    """Return the pattern of a regular expression in text (syntax: see the module).

    `patterns` are those that the text may use by name, as ``<name>``. Raises GrammarError,
    whose `column` counts from 1.
    """
    return _Parser(text, symbols, patterns or {}).whole()


class _Parser:
    """Recursive descent over the text; one method per level of precedence."""

    def __init__(self, text: str, symbols: Symbols, patterns: Mapping[str, Pattern]) -> None:
        self.text, self.at = text, 0
        self.table, self.patterns = _label_table(symbols), patterns
        self.depth = 0

    def error(self, message: str, at: int | None = None) -> GrammarError:
        place = (self.at if at is None else at) + 1
        text = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return GrammarError(f"grammar: column {place} of {text!r}: {message}", message, place)

    def small(self, positions: int, pairs: int, at: int) -> None:
        """Refuse a pattern that would grow too large, before it is made."""
        if positions > MOST_POSITIONS or pairs > MOST_FOLLOW:
            raise self.error("up to here the pattern is too large: repeat less often", at)

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> bool:
        self.peek()
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def whole(self) -> Pattern:
        result = self.alternatives()
        if self.peek():
            raise self.error(f"unexpected {self.peek()!r}")
        return result

    def alternatives(self) -> Pattern:
        parts = [self.sequence()]
        count, pairs = len(parts[0].labels), len(parts[0].follow)
        while self.take("|"):
            at = self.at
            part = self.sequence()
            count, pairs = count + len(part.labels) + 1, pairs + len(part.follow)
            self.small(count, pairs, at)
            parts.append(part)
        return either(*parts) if len(parts) > 1 else parts[0]

    def sequence(self) -> Pattern:
        result = EMPTY
        while self.peek() and self.peek() not in "|)":
            at = self.at
            part = self.item()
            count = len(result.labels) + len(part.labels)
            pairs = len(result.last) * len(part.first)
            self.small(count, len(result.follow) + len(part.follow) + pairs, at)
            result = _pair(result, part)
        return result

    def item(self) -> Pattern:
        pattern = self.atom()
        while True:
            at = self.at
            if self.take("?"):
                pattern = maybe(pattern)
            elif self.take("*") or self.take("+"):
                self.small(0, len(pattern.last) * len(pattern.first), at)
                pattern = many(pattern) if self.text[self.at - 1] == "*" else some(pattern)
            elif self.take("{"):
                pattern = self.counted(pattern)
            elif self.take("~"):
                pattern = penalty(pattern, self.number())
            elif self.take("=>"):
                olabel = self.name_or_character()
                try:
                    pattern = meaning(pattern, olabel)
                except GrammarError as error:
                    raise self.error(str(error), at) from None
            else:
                return pattern

    def atom(self) -> Pattern:
        at = self.at
        char = self.peek()
        if self.take("("):
            self.depth += 1
            if self.depth > 100:
                raise self.error("more than 100 brackets in one another", at)
            inner = self.alternatives()
            if not self.take(")"):
                raise self.error("this ( is not closed", at)
            self.depth -= 1
            return inner
        named = self.named()
        if named is not None:
            return named
        if self.take("["):
            return one_of(self.members(at))
        if char in "?*+{}])~":
            raise self.error(f"{char!r} has nothing before it (write \\{char} for the symbol)")
        return symbol(self.name_or_character())

    def named(self) -> Pattern | None:
        """Take a name of a pattern made before, if one stands here."""
        end = self.text.find(">", self.at)
        if self.text[self.at] != "<" or end < 0:
            return None
        pattern = self.patterns.get(self.text[self.at + 1 : end])
        if pattern is not None:
            self.at = end + 1
        return pattern

    def name_or_character(self) -> int:
        self.peek()
        at = self.at
        if at >= len(self.text):
            raise self.error("a symbol is missing")
        char = self.text[at]
        if char == "<" and ">" in self.text[at:]:
            end = self.text.index(">", at)
            name, self.at = self.text[at + 1 : end], end + 1
        elif char == "\\":
            name, self.at = self.text[at + 1 : at + 2], at + 2
        else:
            name, self.at = char, at + 1
        if name not in self.table:
            known = " ".join([*self.table, *(f"<{name}>" for name in self.patterns)])
            raise self.error(f"no symbol {name!r} (symbols: {known})", at)
        return self.table[name]

    def members(self, at: int) -> list[int]:
        inverted = self.take("^")
        found: list[int] = []
        while not self.take("]"):
            if not self.peek():
                raise self.error("this [ is not closed", at)
            place = self.at
            low = self.text[self.at]
            found.append(self.name_or_character())
            if (
                self.text[self.at : self.at + 1] == "-"
                and self.text[self.at + 1 : self.at + 2] != "]"
            ):
                self.at += 1
                high = self.text[self.at : self.at + 1]
                if not low <= high:
                    raise self.error(f"the range {low}-{high} is empty", place)
                self.name_or_character()
                found += [
                    self.table[chr(c)]
                    for c in range(ord(low), ord(high) + 1)
                    if chr(c) in self.table
                ]
        if inverted:
            found = [label for label in self.table.values() if label not in set(found)]
        if not found:
            raise self.error("this set is empty", at)
        return found

    def counted(self, pattern: Pattern) -> Pattern:
        at = self.at
        end = self.text.find("}", at)
        if end < 0:
            raise self.error("this { is not closed", at - 1)
        low, comma, high = self.text[at:end].partition(",")
        try:
            least = int(low)
            most = (int(high) if high.strip() else None) if comma else least
        except ValueError:
            raise self.error("expected {3}, {1,3} or {2,}", at) from None
        self.at = end + 1
        times = max(least, most or 0) + (most is None)
        if times > 1000:
            raise self.error("more than 1000 repetitions", at)
        if least < 0 or (most is not None and most < least):
            raise self.error(f"from {least} to {most} times", at)
        # What may be left out may be followed by everything after it.
        beyond = 1 if pattern.empty == math.inf else times
        pairs = len(pattern.last) * len(pattern.first)
        follow = times * (len(pattern.follow) + pairs * beyond)
        self.small(times * len(pattern.labels), follow, at)
        return repeat(pattern, least, most)

    def number(self) -> float:
        self.peek()
        end = self.at
        while end < len(self.text) and (self.text[end].isdigit() or self.text[end] in ".-+"):
            end += 1
        try:
            value = float(self.text[self.at : end])
        except ValueError:
            raise self.error("a number must follow ~") from None
        if abs(value) > 1e6:
            raise self.error("a penalty lies between -1000000 and 1000000")
        self.at = end
        return value
