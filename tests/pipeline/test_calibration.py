"""Images to calibrate on, and what is made of their outcome."""

import numpy as np

from pipeline.calibration import ROUND, Outcome, draw, judged
from pipeline.confidence import PAGE, Calibration
from pipeline.handwriting import load_sources
from pipeline.views import meaning


def test_every_kind_of_image_has_a_text_its_grammar_understands(data):
    sources = load_sources(data, held=True)
    rng = np.random.default_rng(3)
    for kind in dict.fromkeys(ROUND):
        image, text, grammar = draw(rng, sources, kind)
        assert image.dtype == np.uint8
        assert image.ndim == 2
        assert (text == "") == (kind == "nothing")
        assert text == "" or meaning(grammar, text)


def test_a_reading_of_nothing_is_wrong_and_raises_the_threshold():
    outcome = Outcome()
    rng = np.random.default_rng(1)
    for k in range(600):
        sure = float(rng.uniform(0.5, 0.999))
        nothing = k % 6 == 0
        outcome.evidence.append((0.9 if nothing else sure, 0.0, 4.0, 1e-4 if nothing else 0.9))
        outcome.right.append(not nothing and rng.random() < sure)
        outcome.places.append(1.0)
        outcome.read.append(True)
        outcome.kinds.append("nothing" if nothing else "amount")
        outcome.grammars.append("amount")
    note = judged(outcome)
    images, right, read, wrong = note["kinds"]["nothing"]
    assert (images, right) == (100, 0)
    assert read == wrong
    assert read <= 2
    images, right, read, wrong = note["kinds"]["amount"]
    assert images == 500
    assert wrong + read > 0
    assert Calibration.of(note).confidence((0.9, 0, 4.0, 1e-4)) < 0.3


def test_amounts_and_strings_have_thresholds_of_their_own():
    outcome, rng = Outcome(), np.random.default_rng(2)
    for k in range(3000):
        amount = k % 2 == 0  # right throughout, the others as often as their posterior says
        p = float(rng.uniform(0.8, 0.9999))
        outcome.evidence.append((p, 0.0, 4.0, 0.9))
        outcome.right.append(amount or bool(rng.random() < p))
        outcome.places.append(1.0)
        outcome.read.append(True)
        outcome.kinds.append("check" if amount else "digits")
        outcome.grammars.append("amount" if amount else "digits")
    note = judged(outcome)
    curve = Calibration.of(note)
    amounts, digits = (curve.under(g) for g in ("amount", "digits"))
    assert amounts.confidence((0.9, 0.0, 4.0, 0.9)) > 0.99
    assert digits.confidence((0.9, 0.0, 4.0, 0.9)) < 0.95
    assert note["kinds"]["check"] == [1500, 1500, 1500, 0]
    assert note["kinds"]["digits"][2] < 1000
    assert curve.under("phone") == digits  # the same kind
    outcome.grammars = [PAGE if g == "digits" else g for g in outcome.grammars]
    apart = Calibration.of(judged(outcome)).grammars
    assert [wrong for _, _, wrong in apart["amount"].curve] == [0]  # none of those of pages
    assert apart[PAGE].curve[-1][1:] == (1500, 1500 - sum(outcome.right[1::2]))
    assert curve.under("[0-9]+") == curve
