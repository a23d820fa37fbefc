"""Facts about graphs, scores, composition, grammars and n-best strings."""

import math

import numpy as np
import pytest

from gtn import (
    Graph,
    GraphError,
    NodeError,
    chain_graph,
    compose,
    confidence,
    forward_penalty,
    grammar,
    linear_graph,
    nbest,
    posteriors,
    segment_graph,
    viterbi_path,
    viterbi_penalty,
)
from gtn.graph import CycleError

SYMBOLS = "0123456789$*,."


def test_lush_test_graph_has_forward_penalty_below_viterbi():
    graph = Graph(3, [0], [2], [0, 0, 1], [1, 1, 2], [1, 2, 3], penalty=[1.0, 2.0, 0.5])
    assert viterbi_penalty(graph) == 1.5
    assert forward_penalty(graph) == pytest.approx(
        -math.log(math.exp(-1.5) + math.exp(-2.5)), rel=1e-14
    )


def test_a_cycle_is_named_with_its_nodes():
    graph = Graph(4, [0], [3], [0, 1, 2, 2], [1, 2, 1, 3], 0)
    with pytest.raises(CycleError, match=r"nodes (1 -> 2 -> 1|2 -> 1 -> 2)") as caught:
        forward_penalty(graph)
    assert sorted(set(caught.value.nodes)) == [1, 2]


def test_an_arc_to_a_missing_node_is_named():
    with pytest.raises(NodeError, match="arc 1 runs 0 -> 7"):
        Graph(2, [0], [1], [0, 0], [1, 7], 0)
    with pytest.raises(IndexError, match="arc 0 runs 0 -> 50000000"):
        Graph(2, [0], [1]).add_arc(0, 50_000_000, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ilabel": [-2]}, "arc 0 has label -2"),
        ({"penalty": [math.nan]}, "penalty of arc 0"),
        ({"penalty": [1.0, 2.0]}, "expected"),
        ({"ilabel": [0.5]}, "integers"),
        ({"data": [1, 2]}, "data has 2"),
    ],
)
def test_malformed_arcs_are_refused(arguments, message):
    with pytest.raises(GraphError, match=message):
        Graph(2, [0], [1], [0], [1], **arguments)


def test_a_lattice_composed_with_a_grammar_reads_the_amount():
    lattice = linear_graph(np.full((4, len(SYMBOLS)), 5.0))
    wanted = grammar.labels("$1.5", SYMBOLS)
    lattice.penalty[[t * len(SYMBOLS) + c for t, c in enumerate(wanted)]] = 0.1
    amount = grammar.regex(r"$? [0-9]+ (. [0-9]{1,2})?", SYMBOLS)
    read = compose(lattice, amount)
    assert viterbi_path(read).string == wanted
    best = nbest(read, 3)
    assert best[0].text(SYMBOLS) == "$1.5"
    assert best[0].posterior == pytest.approx(confidence(read, wanted), rel=1e-12)
    assert posteriors(read).sum() == pytest.approx(4.0, rel=1e-12)


def test_segment_graph_paths_use_every_piece_once():
    graph = segment_graph([[0, 1], [1, 2], [0, 2]], [[0.5, 9], [9, 0.25], [1, 0.5]])
    path = viterbi_path(graph)
    assert path.string == [1]
    assert path.penalty == 0.5


def test_arc_data_travel_through_composition():
    graph = Graph(2, [0], [1], [0, 0], [1, 1], [1, 2], data=["ink one", "ink two"])
    assert viterbi_path(compose(graph, chain_graph([2]))).data == ["ink two"]


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        (
            r"$? \** [0-9]{1,3} (, [0-9]{3})* (. [0-9]{2})?",
            ["1,234.50", "$**12", "7"],
            ["1,23"],
        ),
        ("[0-9]{2,}", ["12", "12345"], ["1", ""]),
        ("(1|2)* 3", ["3", "12123"], ["12", "33"]),
        ("[^0-9]+", ["$,"], ["$1"]),
    ],
)
def test_regular_expressions_accept_what_they_say(text, accepted, refused):
    graph = grammar.regex(text, SYMBOLS)
    for string in accepted:
        assert grammar.matches(graph, grammar.labels(string, SYMBOLS)), string
    for string in refused:
        assert not grammar.matches(graph, grammar.labels(string, SYMBOLS)), string


def test_grammar_penalties_are_those_of_the_cheapest_derivation():
    graph = grammar.regex("(1~1 | 1 2~.25 | [12]~3)", SYMBOLS)
    for string, cost in (([1], 1.0), ([1, 2], 0.25), ([2], 3.0)):
        assert viterbi_penalty(compose(chain_graph(string), graph)) == cost
        assert forward_penalty(compose(chain_graph(string), graph)) == pytest.approx(cost)


def test_a_phrase_emits_its_meaning_once():
    graph = grammar.regex("(12+ | 3)=>$ ,", SYMBOLS)
    path = viterbi_path(compose(chain_graph([1, 2, 2, 12]), graph))
    assert path.string == grammar.labels("$,", SYMBOLS)


@pytest.mark.parametrize(
    "text", ["(1", "[0-9", "x", "*", "[9-0]", "1{a}", "1~", "(1?)=>2", "1)"]
)
def test_unreadable_grammars_are_refused_with_the_column(text):
    with pytest.raises(GraphError, match="column"):
        grammar.parse(text, SYMBOLS)


def test_a_notebook_shows_the_text_of_a_graph_too_large_to_draw():
    n = 1000
    large = Graph(n, [0], [n - 1], range(n - 1), range(1, n), [0] * (n - 1))
    assert large._repr_svg_() is None
    assert Graph(2, [0], [1], [0], [1], [3])._repr_svg_().startswith("<svg")
