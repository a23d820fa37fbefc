"""The graph of all strings that mean a label."""

import numpy as np
import pytest

import gtn
from gtn.grammar import labels, matches
from pipeline.grammars import SYMBOLS, grammar
from pipeline.sdnn import BLANK
from pipeline.spellings import LabelError, chain, runs, spellings
from pipeline.texts import random_amount
from pipeline.views import meaning


def string(hypothesis):
    text = "".join(SYMBOLS[k] for k in hypothesis.string)
    return f"{text[:-6]} {text[-6:]}" if text.endswith("/100") and len(text) > 6 else text


def symbols(text):
    return labels(text.replace(" ", ""), SYMBOLS)


def test_all_spellings_mean_the_label():
    rng = np.random.default_rng(1)
    for _ in range(20):
        text = random_amount(rng)
        meant = meaning("amount", text)
        found = [string(h) for h in gtn.nbest(spellings("amount", text), 40)]
        assert found
        assert {meaning("amount", s) for s in found} == {meant}


def test_what_people_write_is_among_them():
    rng = np.random.default_rng(2)
    allowed = 0
    for _ in range(40):
        text = random_amount(rng)
        if matches(grammar("amount"), symbols(text)):
            allowed += 1
            assert matches(spellings("amount", text), symbols(text)), text
    assert allowed > 30


@pytest.mark.parametrize(
    ("label", "right", "wrong"),
    [
        ("740", ["740", "740.-", "$740.00", "740 00/100"], ["7.40", "74000"]),
        ("1234.56", ["1,234.56", "1234 56/100", "$1.234,56"], ["1234.5", "123456"]),
        ("0.50", ["0.50", "00.50"], ["50", "5.00"]),
    ],
)
def test_amounts(label, right, wrong):
    ways = spellings("amount", label)
    for text in right:
        expected = matches(grammar("amount"), symbols(text)) and meaning("amount", text) == (
            meaning("amount", label)
        )
        assert matches(ways, symbols(text)) == expected, text
    assert not any(matches(ways, symbols(text)) for text in wrong)


def test_where_only_digits_count_marks_stand_anywhere():
    ways = spellings("amount-digits", "74000")
    assert all(matches(ways, symbols(s)) for s in ("740.00", "74,000", "$74000.-", "74000"))
    assert not matches(ways, symbols("740.0"))
    assert meaning("amount-digits", "$740.00") == meaning("amount-digits", "74000")


@pytest.mark.parametrize(
    ("rules", "label"),
    [("amount", "12.5"), ("amount", "?"), ("[0-9]{4}", "123"), ("amount-digits", "-")],
)
def test_labels_outside_the_grammar_are_refused(rules, label):
    with pytest.raises(LabelError):
        spellings(rules, label)


def test_runs_hold_every_label_sequence_that_collapses_to_the_string():
    allowed = runs(chain("11"))
    one, two = SYMBOLS.index("1"), SYMBOLS.index("2")
    for sequence, right in (
        ([one, BLANK, one], True),
        ([BLANK, one, one, BLANK, BLANK, one], True),
        ([one, one], False),
        ([one, BLANK, two], False),
    ):
        line = gtn.chain_graph(sequence)
        assert np.isfinite(gtn.forward_penalty(gtn.compose(line, allowed))) == right
    blank = gtn.chain_graph([BLANK, BLANK])
    assert np.isfinite(gtn.forward_penalty(gtn.compose(blank, runs(chain("")))))


def test_forward_over_runs_is_ctc():
    rng = np.random.default_rng(3)
    table = -np.log(rng.dirichlet(np.ones(BLANK + 1), 9))
    target = [3, 3, 7]
    energy, gradient = gtn.ctc_energy(table, target, blank=BLANK)
    loss = gtn.forward_energy(gtn.linear_graph(table), runs(gtn.chain_graph(target)))
    assert loss.energy == pytest.approx(energy)
    assert loss.gradient.sum() == pytest.approx(9)
    # Penalties are normalised, so the free term of CTC takes exp(-penalty) off every place.
    assert (loss.gradient.reshape(9, -1) - np.exp(-table)) == pytest.approx(gradient)
