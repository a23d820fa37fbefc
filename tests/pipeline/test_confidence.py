"""The curve from scores to confidence."""

import numpy as np
import pytest

import lenet
from pipeline import film
from pipeline.confidence import OWN, WEIGHTS, Calibration, Known, fit, risk_curve
from pipeline.field_data import Networks
from pipeline.recognition import Engine
from pipeline.sdnn import StripReader
from sn.errors import SnError


def test_without_calibration_the_posterior_is_the_confidence():
    for p in (0.01, 0.5, 0.93):
        assert Calibration().confidence((p, 0.5, 6, 0.3)) == pytest.approx(p, abs=1e-6)


def test_a_fitted_curve_says_how_often_strings_are_right():
    rng = np.random.default_rng(8)
    witnesses = np.stack(
        [
            rng.beta(3, 1, 6000),
            rng.beta(1, 20, 6000),
            rng.integers(1, 9, 6000),
            rng.beta(4, 1, 6000),
        ],
        axis=1,
    )
    odds = np.log(witnesses[:, 0] / (1 - witnesses[:, 0] + 1e-9)) - 8 * witnesses[:, 1] - 0.5
    right = rng.random(6000) < 1 / (1 + np.exp(-odds))
    curve = fit(witnesses, right)
    said = np.array([curve.confidence(e) for e in witnesses])
    for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 0.95)):
        inside = (said >= low) & (said < high)
        assert said[inside].mean() == pytest.approx(right[inside].mean(), abs=0.05)


@pytest.mark.parametrize("witnesses", [4, 7])
def test_a_curve_held_firmly_ranks_as_the_posterior(witnesses):
    rng = np.random.default_rng(4)
    evidence = rng.uniform(0.01, 0.99, (80, witnesses))
    right = rng.random(80) < 0.2 + 0.7 * evidence[:, 0]
    order = np.argsort(evidence[:, 0])
    free, firm = (
        np.array([fit(evidence, right, ridge).confidence(e) for e in evidence[order]])
        for ridge in (1.0, 1e6)
    )
    assert (np.diff(firm) > 0).all()
    assert (np.diff(free) < 0).any()


def test_more_lost_ink_is_never_more_confident_after_such_a_fit():
    curve = Calibration((0.5, -9.0, -0.1, 0.3, 0.8))
    told = [curve.confidence((0.95, lost, 5, 0.9)) for lost in (0.0, 0.1, 0.3)]
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("extreme", [(0.0, 1.0, 0, 0.0), (1.0, 0.0, 100, 1.0)])
def test_extremes_stay_between_0_and_1(extreme):
    assert 0 <= Calibration((3, -9, 1, 2, 9)).confidence(extreme) <= 1


def test_an_error_that_is_borne_picks_the_lowest_threshold_that_keeps_it():
    rng = np.random.default_rng(3)
    confidences = rng.uniform(0.3, 1, 4000)
    right = rng.uniform(size=4000) < confidences
    curve = Calibration(curve=tuple(risk_curve(confidences, right)))
    for borne in (0.02, 0.05, 0.1):
        threshold = curve.threshold(borne)
        read = confidences >= threshold
        assert (np.sum(~right[read]) + 1) / (read.sum() + 1) <= borne
        lower = [t for t, n, k in curve.curve if (k + 1) / (n + 1) <= borne]
        assert threshold == min(lower)
        # No lower one keeps it, but for what a thinned curve leaves out.
        for t in confidences[~read]:
            n, k = np.sum(confidences >= t), np.sum(~right[confidences >= t])
            assert (k + 1) / (n + 1) > 0.95 * borne
    thresholds = [curve.threshold(e) for e in (0.02, 0.05, 0.1, 0.2)]
    assert thresholds == sorted(thresholds, reverse=True)
    for t, n, k in curve.curve:
        assert (n, k) == (np.sum(confidences >= t), np.sum(~right[confidences >= t]))


def test_what_was_never_measured_is_not_promised():
    with pytest.raises(SnError, match=r"these weights have no calibration curve"):
        Calibration().threshold(0.01)
    curve = Calibration(curve=((0.99, 150, 0), (0.9, 399, 3)))
    with pytest.raises(SnError, match=r"0\.001 was never measured.* 0\.0067 at best"):
        curve.threshold(0.001)
    assert curve.threshold(0.001, strict=False) == 0.99


def test_a_note_without_a_calibration_gives_the_plain_one():
    assert Calibration.of({}) == Calibration()
    note = {"coefficients": [1, 2, 3, 4, 5], "curve": [[0.9, 10, 0]]}
    assert Calibration.of(note).curve == ((0.9, 10, 0),)


@pytest.mark.parametrize("mode", ["hos", "sdnn"])
def test_what_is_known_of_an_engine_is_what_it_says_of_itself(mode):
    known, engine = Known.of(mode), Engine.load(mode)
    assert (known.name, known.mode, known.sha256) == (engine.name, mode, engine.sha256)
    assert known.calibration == engine.calibration


@pytest.fixture
def folder(tmp_path):
    """Weights whose networks for telephone numbers know nothing."""
    for file in WEIGHTS.glob("*.wei"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in ("strip", "strip-wide"):
        network = lenet.load(name, WEIGHTS / f"{name}.wei")
        network.set_weights(np.zeros_like(network.weights()))  # all symbols alike, everywhere
        network.save_weights(tmp_path / f"{OWN['phone'][name]}.wei", {})
    return tmp_path


@pytest.mark.jit
def test_telephone_numbers_are_read_by_networks_of_their_own(folder, monkeypatch):
    engine = Engine.load("sdnn", folder)
    own = engine.strips.under("phone")
    assert own is engine.strips.under("phone")
    assert own.networks is not engine.strips.networks
    assert engine.strips.under("digits") is engine.strips
    assert np.ptp(own.scores(np.zeros((32, 80), np.float32))) < 1e-9
    asked = []
    monkeypatch.setattr(StripReader, "under", lambda self, text: asked.append(text) or self)
    image = film.take(film.written("201-555-0142", 3, "phone")).image
    assert engine.decode(image, "phone").n_best[0][0] == "201-555-0142"
    assert asked == ["phone"]


@pytest.mark.jit
def test_weights_for_one_grammar_count_in_the_digest_and_only_whole(folder):
    both, alone = Engine.load("both", folder), Engine.load("hos", folder)
    (folder / "phone.wei").unlink()
    less = Engine.load("both", folder)
    assert less.sha256 != both.sha256
    assert less.strips.under("phone") is less.strips
    assert Engine.load("hos", folder).sha256 == alone.sha256


@pytest.mark.jit
def test_fine_tuning_goes_on_from_the_networks_of_the_grammar(folder):
    def total(grammar):
        return abs(Networks(folder, grammar).networks["strip"].weights()).sum()

    assert total("phone") == 0
    assert total("amount") > 0


def test_notes_of_other_weights_say_nothing(tmp_path):
    for file in WEIGHTS.iterdir():
        if file.suffix in (".json", ".wei"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert Known.of("both", tmp_path) == Known.of("both")
    note = tmp_path / "strip.json"
    note.write_text(note.read_text().replace('"sha256": "', '"sha256": "0'), encoding="utf-8")
    assert Known.of("both", tmp_path) is None
    assert Known.of("hos", tmp_path) is not None
    (tmp_path / "character.wei").unlink()
    assert Known.of("hos", tmp_path) is None
