"""What an engine makes of a field: its guesses and their shares, and those of two together.

Strings that mean the same are one guess. Place on the road: interpretation graph or lattice ->
view; the views of both engines -> posterior.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import gtn
from pipeline.grammars import SYMBOLS
from pipeline.money import money
from pipeline.records import Character
from pipeline.rules import kind_of
from pipeline.sdnn import BLANK, lattice, legal_sequences

CANDIDATES = 16  # strings looked at
BEAM = 30.0  # strings and paths dearer than the best by more are not: a share of 1e-13
PLAIN = 2  # looks, the first ones, that propose strings; all looks judge them
POWER = 0.35  # of what cut characters say, beside whole lines: these err less
VETO = 1e-3  # what an engine grants to strings it did not think of
IMPOSSIBLE = 60.0  # energies beyond say nothing more


@dataclass(frozen=True, slots=True)
class View:
    """What one engine makes of a field.

    guesses : meaning -> (text, posterior among the strings of the grammar), likeliest first
    strings : meaning -> its likeliest string of symbols
    share : of the strings of the grammar among all strings
    """

    guesses: dict[str, tuple[str, float]]
    strings: dict[str, tuple[int, ...]]
    share: float

    def known(self, meant: str) -> float:
        """Return what the engine grants to a meaning, at least `VETO`."""
        return self.guesses.get(meant, ("", 0.0))[1] + VETO


def cut_view(legal: gtn.Graph, free: float, text: str, characters: Sequence[Character]) -> View:
    """Return what the strings of a graph mean, `free` the forward penalty without grammar."""
    share = math.exp(min(0.0, free - gtn.forward_penalty(legal)))
    guesses: dict[str, tuple[str, float]] = {}
    strings: dict[str, tuple[int, ...]] = {}
    for h in gtn.nbest(legal, CANDIDATES, beam=BEAM):
        spelled = spell(h.string, characters)
        meant = meaning(text, spelled)
        first, known = guesses.get(meant, (spelled, 0.0))
        guesses[meant] = first, known + h.posterior
        strings.setdefault(meant, h.string)
    return View(guesses, strings, share)


def whole_view(looks: Sequence[np.ndarray], text: str) -> View | None:
    """Return what several looks (places, classes) at a whole line make of it together.

    The first looks propose strings of the grammar; every look then says exactly what share of
    its label sequences spells each, and the shares multiply, with the power of one look: an
    error that one look makes is unlikely to the others. None: no string of the grammar fits.
    """
    texts: dict[tuple[int, ...], str] = {}
    known, shares = [], []
    for places in looks[:PLAIN]:
        sequences = lattice(places)
        spoken = gtn.compose(sequences, legal_sequences(text))
        found = gtn.nbest(spoken, CANDIDATES, beam=BEAM)
        if not found:
            continue
        texts |= {h.string: spell(h.string, ()) for h in found}
        known.append(min(1.0, sum(h.posterior for h in found)))
        free, legal = gtn.forward_penalty(sequences), gtn.forward_penalty(spoken)
        shares.append(math.exp(min(0.0, free - legal)))
    if not texts:
        return None
    strings = list(texts)
    energies = [gtn.ctc_energies(places, strings, blank=BLANK) for places in looks]
    mean = np.mean(np.minimum(energies, IMPOSSIBLE), axis=0)
    weights = np.exp(mean.min() - mean)
    weights *= np.mean(known) / weights.sum()
    guesses: dict[str, tuple[str, float]] = {}
    likeliest: dict[str, tuple[int, ...]] = {}
    for k in np.argsort(-weights, kind="stable").tolist():
        string = strings[k]
        meant = meaning(text, texts[string])
        first, p = guesses.get(meant, (texts[string], 0.0))
        guesses[meant] = first, p + float(weights[k])
        likeliest.setdefault(meant, string)
    order = sorted(guesses, key=lambda meant: -guesses[meant][1])
    return View({m: guesses[m] for m in order}, likeliest, float(np.mean(shares)))


def merged(views: Sequence[View]) -> dict[str, tuple[str, float]]:
    """Return meaning -> (text, posterior) of the views together, likeliest first.

    The engines err for different reasons, so their posteriors multiply, that of the cut
    characters, which come first, with the power `POWER`; what an engine did not think of keeps
    the share `VETO`, so that neither can forbid what the other is sure of.
    """
    if len(views) == 1:
        return views[0].guesses
    cut, whole = views
    texts = {m: text for view in (whole, cut) for m, (text, _) in view.guesses.items()}

    def weight(m: str) -> float:
        return cut.known(m) ** POWER * whole.known(m)

    left = [max(0.0, 1 - sum(p for _, p in view.guesses.values())) + VETO for view in views]
    total = sum(map(weight, texts)) + left[0] ** POWER * left[1]
    return {m: (texts[m], weight(m) / total) for m in sorted(texts, key=weight, reverse=True)}


def disagreement(views: Sequence[View]) -> str:
    """Return the sentence that says what each engine reads, empty if they read the same."""
    best = [next(iter(view.guesses)) for view in views]
    if len(set(best)) < 2:
        return ""
    cut, whole = (view.guesses[m][0] for view, m in zip(views, best, strict=True))
    return f"cut it reads {cut}, as a whole {whole}"


def spell(string: Sequence[int], characters: Sequence[Character]) -> str:
    """Return a string of labels as text.

    A fraction of a hundred is set off by a blank. Cents that are written small and raised,
    with no point before them, get their point: the height of the figures says it.
    """
    text = "".join(SYMBOLS[k] for k in string)
    if text.endswith("/100") and len(text) > 6:
        return f"{text[:-6]} {text[-6:]}"
    body = text.rstrip("*#-=")
    if len(characters) == len(text) and body[-3:].isdigit() and len(body) > 2:
        whole = [c.box for c, s in zip(characters, text, strict=True) if s.isdigit()]
        boxes = [c.box for c in characters[len(body) - 2 : len(body)]]
        rest = whole[:-2]
        if rest:
            tall = sorted(box[3] for box in rest)[len(rest) // 2]
            base = sorted(box[1] + box[3] for box in rest)[len(rest) // 2]
            small = all(b[3] < 0.8 * tall and b[1] + b[3] < base - 0.25 * tall for b in boxes)
            if small:
                return f"{body[:-2]}.{body[-2:]}{text[len(body) :]}"
    return text


def meaning(text: str, string: str) -> str:
    """Return what two strings of a grammar share when they mean the same.

    Amounts are compared as money, phone numbers and ZIP codes by their digits.
    """
    kind = kind_of(text)
    if kind == "amount":
        amount = money(string)
        return amount[0] if amount else string
    return "".join(c for c in string if c.isdigit()) if kind == "digits" else string
