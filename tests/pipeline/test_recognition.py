"""From candidates to strings: recognition graph, grammar, confidence, reasons for reject."""

import itertools
import math
import shutil

import numpy as np
import pytest

import gtn
from pipeline import recognition
from pipeline.grammars import GRAMMARS, SYMBOLS, grammar
from pipeline.handwriting import StrokeHand
from pipeline.normalization import Writing
from pipeline.recognition import RUBBISH, WEIGHTS, Engine, doubt, recognition_graph
from pipeline.records import Character
from pipeline.sdnn import BLANK
from pipeline.segmentation import Segmentation
from pipeline.synthesis import compose
from pipeline.views import POWER, View, disagreement, meaning, merged, spell, whole_view
from sn.errors import SnError


def segmentation(pieces=3, longest=2, apart=()):
    spans = [(a, b) for a in range(pieces) for b in range(a, min(pieces, a + longest))]
    count = len(spans)
    return Segmentation(
        np.zeros((1, 1), np.int32),
        np.full(pieces, 20.0),
        np.array(spans, np.int32),
        np.array([[10 * a, 5, 10 * (b - a) + 8, 20] for a, b in spans], np.int32),
        np.array([span in apart for span in spans]),
        np.zeros((count, 32, 32), np.float32),
    )


def penalties_of(found, rng, favoured=()):
    """Random penalties of a proper distribution.

    favoured: {span: symbol} get most of it; then all other candidates are rubbish.
    """
    scores = rng.normal(0, 1, (len(found.spans), RUBBISH + 1))
    scores[:, RUBBISH] += 6 if favoured else 0
    for span, symbol in dict(favoured).items():
        row = [tuple(s) for s in found.spans.tolist()].index(span)
        scores[row, SYMBOLS.index(symbol)] += 15
    return np.log(np.exp(scores).sum(axis=1, keepdims=True)) - scores


def test_best_path_equals_enumeration():
    rng = np.random.default_rng(1)
    found = segmentation()
    penalties = penalties_of(found, rng)
    graph, candidate, skips = recognition_graph(found, penalties)
    best = math.inf
    for cuts in itertools.product((1, 2), repeat=3):
        at, total, spans = 0, 0.0, [tuple(s) for s in found.spans.tolist()]
        for size in cuts:
            if at < 3 and (at, at + size - 1) in spans:
                row = spans.index((at, at + size - 1))
                total += penalties[row, :RUBBISH].min()
                at += size
        if at == 3:
            best = min(best, total)
    assert gtn.viterbi_penalty(graph) == pytest.approx(best)
    assert (candidate[graph.ilabel >= 0] >= 0).all()
    assert (skips[graph.ilabel >= 0] == 0).all()


def interpret(found, penalties, text="digits", places=()):
    writing = Writing(np.zeros((40, 60), np.float32), 2.0, (100.0, 50.0), 56.0)
    return Engine(None).interpret(writing, found, penalties, text, {}, places)


def test_a_clear_string_is_found_with_its_boxes():
    found = segmentation()
    favoured = {(0, 0): "4", (1, 2): "7"}
    decoded = interpret(found, penalties_of(found, np.random.default_rng(2), favoured))
    assert decoded.n_best[0][0] == "47"
    assert decoded.reason is None
    assert decoded.unexplained_ink == 0
    assert [c.char for c in decoded.characters] == ["4", "7"]
    assert decoded.characters[0].box == (100, 60, 16, 40)
    assert decoded.confidence > 0.8


def test_posterior_and_share_of_the_grammar_make_the_posterior_among_all_strings():
    rng = np.random.default_rng(3)
    found = segmentation()
    penalties = penalties_of(found, rng)
    decoded = interpret(found, penalties)
    graph, _, _ = recognition_graph(found, penalties)
    string = [SYMBOLS.index(c) for c in decoded.n_best[0][0]]
    among_all = decoded.posterior * decoded.grammar
    assert among_all == pytest.approx(gtn.confidence(graph, string), rel=1e-6)
    assert decoded.confidence == pytest.approx(decoded.posterior)
    assert sum(p for _, p in decoded.n_best) <= 1 + 1e-9


def test_what_the_grammar_forbids_is_rejected_with_that_reason():
    found = segmentation()
    favoured = {(0, 0): "$", (1, 1): "x", (2, 2): "="}
    decoded = interpret(found, penalties_of(found, np.random.default_rng(4), favoured))
    assert decoded.reason in ("grammar", "unexplained_ink")
    assert decoded.grammar < 0.01


def test_rubbish_that_stands_apart_is_skipped_and_accounted_for():
    found = segmentation(apart={(2, 2)})
    penalties = penalties_of(found, np.random.default_rng(5), {(0, 0): "1", (1, 1): "2"})
    row = [tuple(s) for s in found.spans.tolist()].index((2, 2))
    penalties[row] = 12.0
    penalties[row, RUBBISH] = 1e-4
    decoded = interpret(found, penalties)
    assert decoded.n_best[0][0] == "12"
    assert decoded.unexplained_ink == pytest.approx(1 / 3)
    assert decoded.reason == "unexplained_ink"


def test_what_one_engine_leaves_out_and_the_other_reads_is_explained():
    found = segmentation(pieces=4, longest=1, apart=[(1, 1), (2, 2), (3, 3)])
    favoured = {(k, k): symbol for k, symbol in enumerate("7.00")}
    penalties = penalties_of(found, np.random.default_rng(6), favoured)
    penalties[1:] += 5
    penalties[1:, RUBBISH] = 0.01
    alone = interpret(found, penalties, "amount")
    assert alone.n_best[0][0] == "7"
    assert alone.reason == "unexplained_ink"
    places = np.full((12, BLANK + 1), 8.0)
    places[:, BLANK] = 0.01
    for k, symbol in enumerate("7.00"):
        places[1 + 3 * k, [BLANK, SYMBOLS.index(symbol)]] = 8.0, 0.01
    both = interpret(found, penalties, "amount", [places])
    assert both.n_best[0][0] == "7.00"
    assert (both.reason, both.unexplained_ink) == (None, 0)
    assert [c.char for c in both.characters] == list("7.00")


def test_strings_that_mean_the_same_are_one_guess():
    assert meaning("amount", "$740") == meaning("amount", "740.-") == "740.00"
    assert meaning("amount", "7.4") == "7.4"
    assert meaning("phone", "(201)555-0142") == meaning("phone", "2015550142")
    assert meaning("digits", "12") == "12"
    found = segmentation()
    penalties = penalties_of(found, np.random.default_rng(6), {(0, 0): "7", (1, 1): "5"})
    row = [tuple(s) for s in found.spans.tolist()].index((2, 2))
    penalties[row] = 12.0
    penalties[row, [SYMBOLS.index("="), SYMBOLS.index(".")]] = 0.7
    decoded = interpret(found, penalties, "amount")
    assert len({meaning("amount", text) for text, _ in decoded.n_best}) == len(decoded.n_best)
    assert meaning("amount", decoded.n_best[0][0]) == "75.00"
    assert decoded.confidence > 1.5 * decoded.n_best[1][1]
    assert [t for t, _ in decoded.n_best].count("75=") == 0


def boxes(*heights):
    return [Character(str(k), 1.0, (12 * k, 30 - h, 10, h)) for k, h in enumerate(heights)]


def labels(text):
    return [SYMBOLS.index(c) for c in text]


def test_fractions_and_raised_cents_are_spelled_out():
    assert spell(labels("88034/100"), []) == "880 34/100"
    raised = boxes(28, 28, 28)
    raised += [Character("5", 1.0, (40, 2, 8, 14)), Character("0", 1.0, (50, 2, 8, 14))]
    assert spell(labels("12350"), raised) == "123.50"
    assert spell(labels("12350"), boxes(28, 28, 28, 27, 28)) == "12350"


def test_doubt_names_the_character():
    assert doubt([("740", 0.6), ("140", 0.3)]) == "the first character is 7 or 1"
    assert doubt([("12345678", 0.6), ("12345679", 0.3)]) == "character 8 is 8 or 9"
    assert doubt([("740", 0.6), ("7401", 0.3)]) == "it may also be 7401"
    assert doubt([("740", 1.0)]) == ""


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        (
            "amount",
            ["1,234.56", "$740.-", "12534/100", "**65.-**", "1.234.567", "42952"],
            ["x"],
        ),
        ("digits", ["0", "2015550142"], ["", "1-2"]),
        ("phone", ["201-555-0142", "(201)555-0142", "5550142"], ["201-555-01"]),
        ("zip", ["07733", "07733-1234"], ["0773", "07733-"]),
    ],
)
def test_grammars_hold_what_people_write(name, yes, no):
    assert name in GRAMMARS
    for text in yes:
        assert gtn.grammar.matches(grammar(name), labels(text)), text
    for text in no:
        assert not gtn.grammar.matches(grammar(name), labels(text)), text


class Fake:
    """Certain that everything is a 3."""

    def fprop(self, images):
        penalties = np.full((len(images), RUBBISH + 1), 9.0)
        penalties[:, 3] = 1e-3
        return penalties


def test_blank_and_tiny_writing_are_rejected_before_recognition():
    engine = Engine(Fake())
    assert engine.decode(np.full((60, 200), 230, np.uint8), "digits").reason == "blank"
    rng = np.random.default_rng(0)
    line = compose("333", StrokeHand(rng), rng)
    page = np.rint(255 - 220 * line.ink).astype(np.uint8)
    small = page[:: page.shape[0] // 14, :: page.shape[0] // 14]
    decoded = engine.decode(small, "digits")
    assert decoded.reason == "low_resolution"
    assert f"{recognition.SMALLEST} or more needed" in decoded.note


def test_a_grammar_that_cannot_be_read_is_a_clear_error():
    with pytest.raises(SnError, match="column"):
        Engine(Fake()).decode(np.full((60, 200), 230, np.uint8), "[0-9")


def test_an_amount_with_cents_is_likelier_than_a_long_whole_one():
    price = {}
    for text in ("7400.00", "740000", "74", "7400.-", "7,400", "0740.00"):
        written = gtn.chain_graph(labels(text))
        price[text] = gtn.forward_penalty(gtn.compose(written, grammar("amount")))
    assert price["7400.00"] < price["7400.-"] < price["74"] < price["740000"]
    assert price["7400.-"] <= price["7,400"] < price["74"]
    assert price["0740.00"] > price["7400.00"] + 2


def test_engines_together_bear_a_veto_and_say_where_they_differ():
    def view(**guesses):
        return View({m: (m, p) for m, p in guesses.items()}, {}, 1.0)

    sure, other = view(a=0.9, b=0.1), view(b=0.6, a=0.4)
    both = merged([sure, other])
    assert list(both) == ["a", "b"]
    a, b = 0.4 * 0.9**POWER, 0.6 * 0.1**POWER
    assert both["a"][1] == pytest.approx(a / (a + b), abs=0.01)
    assert disagreement([sure, other]) == "cut it reads a, as a whole b"
    assert disagreement([sure, sure]) == disagreement([sure]) == ""
    assert merged([sure]) == sure.guesses
    alone = merged([view(a=1.0), view(b=1.0)])
    assert list(alone) == ["b", "a"]
    assert alone["b"][1] < 0.999
    assert merged([view(a=1.0), view(a=1.0)])["a"][1] > 0.999


def places_of(text, runner_up, p, count=12):
    """Return penalties (count, classes) of a network that sees two strings of equal length."""
    share = np.full((count, BLANK + 1), 1e-9)
    share[:, BLANK] = 1
    for k, (sure, other) in enumerate(zip(labels(text), labels(runner_up), strict=True)):
        place = 1 + 3 * k
        share[place, BLANK] = 1e-9
        share[place, other] = 1 - p
        share[place, sure] = max(p, share[place, sure])
    return -np.log(share / share.sum(axis=1, keepdims=True))


def test_looks_judge_together_what_the_first_ones_propose():
    sure, doubtful = places_of("73", "13", 0.9), places_of("13", "73", 0.6)
    found = whole_view([sure, doubtful], "digits")
    assert list(found.guesses)[:2] == ["73", "13"]
    odds = found.guesses["73"][1] / found.guesses["13"][1]
    assert odds == pytest.approx(math.sqrt(0.9 / 0.1 * 0.4 / 0.6), rel=1e-3)
    assert sum(p for _, p in found.guesses.values()) == pytest.approx(1)
    assert found.strings["73"] == tuple(labels("73"))
    assert found.share == pytest.approx(1, abs=1e-3)
    # A third look turns the scale, but what it alone sees is no guess.
    third = whole_view([sure, doubtful, places_of("13", "55", 0.999)], "digits")
    assert next(iter(third.guesses)) == "13"
    assert "55" not in third.guesses
    assert whole_view([sure], "phone") is None


def test_a_folder_with_some_of_the_weights_says_what_to_do(tmp_path):
    shutil.copy(WEIGHTS / "strip.wei", tmp_path)
    with pytest.raises(SnError, match=r"strip-wide\.wei is missing; check-reader train"):
        Engine.load("sdnn", tmp_path)
