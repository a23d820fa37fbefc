"""The network that reads strips without cutting them: geometry, gradients, resuming."""

import numpy as np
import pytest

import gtn
import lenet
from pipeline.grammars import SYMBOLS
from pipeline.handwriting import Sources, StrokeHand, load_sources
from pipeline.lines import MIXES, random_string, writing_of
from pipeline.normalization import finish
from pipeline.sdnn import (
    BLANK,
    MOST,
    ROWS,
    WINDOW,
    StripReader,
    lattice,
    legal_sequences,
    strip_of,
    warped,
)
from pipeline.synthesis import compose
from pipeline.training_strips import (
    SELDOM,
    SURE,
    Strips,
    Training,
    bends,
    collapsed,
    varied,
)


@pytest.fixture(scope="module")
def drawn():
    """Weights as the script of the network draws them; running it takes its time."""
    network = lenet.load("strip", trained=False)
    network.initialize(1)
    return network.weights()


def untrained(weights):
    network = lenet.load("strip", trained=False)
    network.set_weights(weights)
    return network


@pytest.fixture
def network(drawn):
    return untrained(drawn)


def a_line(text, seed=5):
    rng = np.random.default_rng(seed)
    return compose(text, StrokeHand(rng), rng)


def a_strip(text, seed=5):
    return strip_of(finish(a_line(text, seed).ink))


def test_a_strip_holds_the_line_in_the_middle():
    strip = a_strip("3817")
    assert strip.shape[0] == ROWS
    assert strip.shape[1] % 8 == 0
    assert strip.max() <= 1
    rows = np.flatnonzero(strip.max(axis=1) > 0.5)
    assert 16 <= np.ptp(rows) + 1 <= 26
    assert abs(rows.mean() - ROWS / 2) < 3.5
    columns = np.flatnonzero(strip.max(axis=0) > 0.5)
    assert columns[0] >= 14
    assert strip.shape[1] - columns[-1] > 14


def test_even_a_speck_gives_a_strip():
    assert strip_of(finish(np.pad(np.ones((9, 3), np.float32), 20))).shape[1] >= WINDOW


def test_scores_are_those_of_the_network_on_every_window(network):
    strip = a_strip("42")
    table = StripReader(network).scores(strip)
    np.testing.assert_allclose(np.exp(-table).sum(axis=1), 1, rtol=1e-6)
    windows = np.stack(
        [strip[:, 2 * t : 2 * t + WINDOW].reshape(-1) for t in range(len(table))]
    )
    scores = network.program.run(windows).astype(np.float64)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(-table), shares, atol=1e-5)


def test_lattice_and_grammar_spell_what_the_places_say():
    places = "$__77_7_"
    table = np.full((len(places), BLANK + 1), 8.0)
    for t, c in enumerate(places):
        table[t, BLANK if c == "_" else SYMBOLS.index(c)] = 0.01
    best = gtn.nbest(gtn.compose(lattice(table), legal_sequences("amount")), 1)[0]
    assert "".join(SYMBOLS[k] for k in best.string) == "$77"
    assert collapsed(table) == "$77"


def test_variations_keep_the_writing_inside():
    strip = a_strip("3817")
    rng = np.random.default_rng(2)
    for _ in range(40):
        other = varied(strip, rng)
        assert other.shape[0] == ROWS
        assert other.shape[1] % 8 == 0
        assert other.min() >= 0
        assert other.max() <= 1 + 1e-6
        assert other.dtype == np.float32
        assert 0.4 < other.sum() / strip.sum() < 2.2


def test_bends_move_strokes_and_leave_the_rest():
    strip = a_strip("3817")
    still = warped(strip, 1.1, 0.95, bends=lambda rows, columns: np.zeros((rows, columns, 2)))
    np.testing.assert_allclose(still, warped(strip, 1.1, 0.95), atol=0.06)
    right = warped(
        strip, 1.0, 1.0, bends=lambda rows, columns: np.full((rows, columns, 2), 1.0)
    )
    np.testing.assert_allclose(right[:-1, :-1], strip[1:, 1:], atol=1e-3)
    move = bends(ROWS, 160, np.random.default_rng(1), 1.0)
    assert move.shape == (ROWS, 160, 2)
    assert 0.4 < move.std() < 1.5
    assert np.abs(np.diff(move[..., 0], axis=1)).max() < 1  # no pixel jumps over the next


def test_every_kind_of_line_is_a_strip_and_a_text():
    rng = np.random.default_rng(4)
    for kind in sorted({kind for kinds in MIXES.values() for kind in kinds}):
        for _ in range(6):
            writing, text = writing_of(rng, Sources(), kind)
            assert set(text) <= set(SYMBOLS) | {" "}
            assert (text == "") == (kind == "nothing")
            assert writing is None or strip_of(writing).shape[0] == ROWS


def test_strings_of_held_writers_are_drawn_from_them_alone(data):
    known, held = load_sources(data).mnist, load_sources(data, held=True).mnist
    assert len(held) < 0.15 * len(known)
    seen = {known[k]["3"][0].tobytes() for k in range(len(known))}
    assert not seen & {digits["3"][0].tobytes() for digits in held}
    image, text = random_string(np.random.default_rng(1), load_sources(data, held=True))
    assert image.dtype == np.uint8
    assert 2 <= len(text) <= 10
    assert image.min() < 120


def test_a_lattice_over_what_is_no_writing_has_no_more_arcs_than_others():
    rng = np.random.default_rng(3)
    places = rng.uniform(0, 8, (900, BLANK + 1))
    found = lattice(places)
    assert len(found.src) == MOST
    assert set(found.src.tolist()) == set(range(900))
    left = places[found.src, found.ilabel] - places[found.src].min(axis=1)
    assert left.max() < np.sort(places - places.min(axis=1, keepdims=True), axis=None)[MOST]
    short = lattice(places[:100])
    assert len(short.src) == 100 * (BLANK + 1)


def lines(texts):
    strips = [a_strip(t, k) for k, t in enumerate(texts)]
    pixels = np.concatenate([np.rint(255 * s).astype(np.uint8).reshape(-1) for s in strips])
    return Strips(pixels, np.array([s.shape[1] for s in strips]), list(texts))


def test_gradient_through_replicas_and_criterion_equals_differences(network):
    training = Training(network, lines(["907", "11"]), 1, 1)
    assert np.isfinite(training.learn(0))
    program = network.program
    slope = program.gradient_sum.astype(np.float64)
    direction = slope / np.linalg.norm(slope)
    start, ends = program.weights.copy(), []
    step = 0.02
    for sign in (1, -1):
        program.weights[:] = start + np.float32(sign * step) * direction
        ends.append(training.learn(0))
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(np.linalg.norm(slope), rel=0.03)


def blank_first():
    """Return two lines, the first of which is said to say nothing."""
    made = lines(["4", "11"])
    return Strips(made.pixels, made.widths, ["", "11"])


def test_lines_spelled_surely_are_learned_seldom_and_the_more(network):
    program = network.program
    training = Training(network, blank_first(), 1, 1)
    program.rates[:] = 0.001
    while training.learn(0) > 0.7 * SURE:  # until *no symbol* is sure everywhere
        program.update(1, rule="adam", momentum=0.9)
    gradients = []
    for draw in (0.0, 1.0):
        program.gradient_sum[:] = 0
        energy = training.learn(0, draw=draw)
        gradients.append(program.gradient_sum.copy())
    assert energy < SURE
    assert gradients[0].any()
    assert not gradients[1].any()
    share = max(SELDOM, energy / SURE)
    other = Training(network, blank_first(), 1, 1)
    scores = program.replicate(*other.strip(0).shape).run(other.strip(0))[:, 0]
    _, slope = gtn.ctc_energy(-scores.T.astype(np.float64), [], blank=BLANK)
    program.gradient_sum[:] = 0
    program.replicate(*other.strip(0).shape).backward(-slope.T[:, None].astype(np.float32))
    np.testing.assert_allclose(gradients[0] * share, program.gradient_sum, atol=1e-5)


@pytest.mark.jit
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, drawn):
    strips = lines(["907", "11", "26", "580", "4"] * 70)

    def trained(stop):
        training = Training(untrained(drawn), strips, 4, 1)
        if stop:

            def halt(part):
                if part.number == 3:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                training.run(1, tmp_path / "c.npz", tell=halt)
            training = Training(untrained(drawn[::-1]), strips, 4, 1)
        training.run(1, tmp_path / ("c.npz" if stop else "d.npz"))
        return training.program.weights.copy()

    np.testing.assert_array_equal(trained(True), trained(False))
