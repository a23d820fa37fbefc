"""Transformers in the manner of 1998, the worked example of the paper, streaming, drawing."""

import math

import numpy as np
import pytest

import gtn
from gtn import Graph, GraphError, grammar
from gtn.transformer import (
    Chain,
    ForwardScorer,
    Grammar,
    PathSelector,
    RecognitionTransformer,
    RecognizingComposition,
    Transform,
    Transformer,
    ViterbiScorer,
    ViterbiTransformer,
    transform,
)


class Linear:
    """A recognizer of three classes: penalties = W @ image, with a gradient on W."""

    def __init__(self):
        self.W = np.array([[0.5, -0.2], [0.1, 0.9], [-0.3, 0.4]])
        self.d_W = np.zeros_like(self.W)
        self.calls = 0

    def fprop(self, image):
        self.calls += 1
        self.image = np.asarray(image)
        return self.W @ self.image

    def bprop(self, gradient):
        self.d_W += np.outer(gradient, self.image)


def segmentation():
    rng = np.random.default_rng(3)
    images = [rng.normal(size=2) for _ in range(5)]
    return Graph(
        4, [0], [3], [0, 0, 1, 1, 2], [1, 2, 2, 3, 3], 0, penalty=[0.1, 0.4, 0, 0.2, 0.3],
        data=images,
    )  # fmt: skip


# ------------------------------------------------------------------ the paper's example


def recognition_graph():
    """A recognition graph in which "34" costs 0.7 and the best other string 0.6."""
    return gtn.from_text(
        """0
        3
        0 1 3 3 0.1
        0 1 2 2 0.6
        1 3 4 4 0.6
        1 2 4 4 0.4
        2 3 1 1 0.1
        0 2 8 8 1.2
        1 3 7 7 0.9
        """
    )


def test_worked_example_34_has_energy_a_tenth():
    graph = recognition_graph()
    constrained = PathSelector([3, 4]).fprop(graph)
    assert gtn.viterbi_penalty(constrained) == pytest.approx(0.7, rel=1e-12)
    assert gtn.viterbi_penalty(graph) == pytest.approx(0.6, rel=1e-12)
    loss = gtn.discriminative_viterbi_energy(graph, [3, 4])
    assert loss.constrained == pytest.approx(0.7, rel=1e-12)
    assert loss.free == pytest.approx(0.6, rel=1e-12)
    assert loss.energy == pytest.approx(0.1, rel=1e-9)
    # The first arc lies on both best paths, so its gradient cancels.
    assert loss.gradient.tolist() == [0, 0, 1, -1, -1, 0, 0]


def test_worked_example_chain_of_transformers_gives_the_same_gradient():
    graph = recognition_graph()
    right = Chain([PathSelector([3, 4]), ViterbiTransformer(), ViterbiScorer()]).fprop(graph)
    free = Chain([ViterbiTransformer(), ViterbiScorer()]).fprop(graph)
    energy = gtn.subtract(right, free)
    gtn.backward(energy)
    assert energy.item() == pytest.approx(0.1, rel=1e-9)
    assert graph.grad.tolist() == [0, 0, 1, -1, -1, 0, 0]


# ------------------------------------------------------------------ transformers


def test_default_transformer_is_composition():
    a = Graph(3, [0], [2], [0, 0, 1], [1, 1, 2], [0, 1, 2], [3, -1, 4], [0.1, 0.2, 0.3])
    b = Graph(3, [0], [2], [0, 0, 1, 2], [1, 1, 2, 2], [3, -1, 4, -1], [5, 6, 7, 8],
              [1.0, 2.0, 3.0, 0.5])  # fmt: skip
    b.arcs[1, 3] = 1  # close no cycle: arc 3 leads back before the accept node
    b.arcs[0, 3] = 0
    general = transform(a, b, Transformer())
    assert gtn.forward_penalty(general) == pytest.approx(
        gtn.forward_penalty(gtn.compose(a, b)), rel=1e-12
    )
    gtn.backward(gtn.forward(general))
    one = a.grad.copy(), b.grad.copy()
    a.zero_grad(), b.zero_grad()
    gtn.backward(gtn.forward(gtn.compose(a, b)))
    assert np.allclose(one[0], a.grad, rtol=1e-12)
    assert np.allclose(one[1], b.grad, rtol=1e-12)


def test_recognition_transformer_sends_gradients_to_the_recognizer():
    recognizer = Linear()
    road = Chain(
        [
            Transform(RecognitionTransformer(recognizer)),
            Grammar(grammar.regex("[01]+ 2?", "012")),
            ForwardScorer(),
        ]
    )
    graph = segmentation()
    gtn.backward(road.fprop(graph))
    analytic, segment = recognizer.d_W.copy(), graph.grad.copy()
    for target, gradient in ((recognizer.W, analytic), (graph.penalty, segment)):
        for place in np.ndindex(target.shape):
            kept = target[place]
            values = []
            for step in (1e-6, -1e-6):
                target[place] = kept + step
                values.append(road.fprop(segmentation_like(graph)).item())
            target[place] = kept
            assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


def segmentation_like(graph):
    fresh = segmentation()
    fresh.penalty = graph.penalty
    return fresh


def test_recognizer_is_asked_only_where_the_grammar_leads():
    recognizer = Linear()
    graph = segmentation()
    only_one = grammar.regex("0", "012")  # no path of one symbol leads through cut 1 to 2
    result = transform(graph, only_one, RecognizingComposition(recognizer))
    assert result.n == 0
    assert recognizer.calls < graph.m
    two = grammar.regex("[012] 1", "012")
    lazy = transform(graph, two, RecognizingComposition(recognizer))
    eager = gtn.compose(transform(graph, None, RecognitionTransformer(recognizer)), two)
    assert gtn.forward_penalty(lazy) == pytest.approx(gtn.forward_penalty(eager), rel=1e-12)


def test_a_transformer_may_insert_a_subgraph():
    class Doubling(Transformer):
        def fprop(self, graph, up, down, a1, a2):
            middle = graph.add_node()
            graph.add_arc(up, middle, a1.ilabel, a1.ilabel, a1.penalty / 2)
            graph.add_arc(middle, down, a1.olabel, a1.olabel, a1.penalty / 2)

        def bprop(self, gradient, a1, a2):
            a1.add_grad(float(gradient.sum()) / 2)

    graph = segmentation()
    result = transform(graph, None, Doubling())
    assert result.m == 2 * graph.m
    assert gtn.viterbi_penalty(result) == pytest.approx(gtn.viterbi_penalty(graph))
    gtn.backward(gtn.forward(result))
    assert np.allclose(graph.grad, gtn.posteriors(segmentation()))


def test_path_selector_names_the_answer_it_cannot_find():
    with pytest.raises(GraphError, match=r"no path spells \[9\]"):
        PathSelector([9]).fprop(recognition_graph())


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("operation", ["union", "concat", "closure", "compose", "remove"])
def test_gradcheck_of_the_algebra(operation):
    rng = np.random.default_rng(5)
    a = gtn.linear_graph(rng.normal(size=(3, 2)))
    b = gtn.linear_graph(rng.normal(size=(3, 2)))

    def function(*graphs):
        if operation == "union":
            whole = gtn.union(graphs)
        elif operation == "concat":
            whole = gtn.concat(graphs)
        elif operation == "closure":
            twice = gtn.linear_graph(np.zeros((6, 2)))
            whole = gtn.compose(gtn.closure(graphs[0]), twice)
        elif operation == "compose":
            whole = gtn.compose(*graphs)
        else:
            whole = gtn.project_output(gtn.invert(gtn.reverse(graphs[0])))
        return gtn.forward(whole)

    used = [a, b] if operation in ("union", "concat", "compose") else [a]
    result = gtn.gradcheck(function, used)
    assert result, result


def test_gradcheck_finds_a_wrong_gradient():
    def wrong(graph):
        result = gtn.forward(graph)
        good = result.tape.bprop
        result.tape.bprop = lambda g: (good(g)[0] * 1.01,)
        return result

    assert not gtn.gradcheck(wrong, [recognition_graph()])


def test_grammar_gradient_of_the_discriminative_criterion():
    lattice = gtn.linear_graph(np.random.default_rng(1).normal(size=(4, 3)))
    rules = grammar.regex("[01]* ([012]~.5 2)*", "012")
    loss = gtn.discriminative_forward_energy(lattice, [0, 1, 2, 2], rules)
    step = 1e-6
    for arc in range(rules.m):
        values = []
        for way in (step, -step):
            rules.penalty[arc] += way
            values.append(
                gtn.discriminative_forward_energy(lattice, [0, 1, 2, 2], rules).energy
            )
            rules.penalty[arc] -= way
        assert loss.grammar_gradient[arc] == pytest.approx(
            (values[0] - values[1]) / (2 * step), abs=1e-8
        )


# ------------------------------------------------------------------ large and degenerate


@pytest.mark.jit
def test_a_chain_of_200_000_nodes():
    n = 200_000
    graph = gtn.chain_graph(np.zeros(n - 1, np.int32), penalty=np.full(n - 1, 0.5))
    score = gtn.forward(graph)
    assert score.item() == pytest.approx((n - 1) / 2, rel=1e-12)
    gtn.backward(score)
    assert (graph.grad == 1.0).all()
    assert gtn.viterbi_path(graph).arcs.size == n - 1
    assert gtn.forward_penalty(gtn.compose(graph, gtn.closure(gtn.chain_graph([0])))) > 0
    with pytest.raises(GraphError, match="too many to see"):
        gtn.svg(graph)


@pytest.mark.jit
def test_long_alignments_stay_exact():
    """States that differ by thousands of nats: the wide numbers agree with the log domain."""
    rng = np.random.default_rng(0)
    table = rng.exponential(30, (900, 5))
    target = rng.integers(1, 5, 60)
    energy, gradient = gtn.ctc_energy(table, target)
    lattice = gtn.linear_graph(table)
    product = gtn.compose(lattice, gtn.ctc_graph(target))
    wanted = gtn.subtract(gtn.forward(product), gtn.forward(lattice))
    gtn.backward(wanted)
    assert energy == pytest.approx(wanted.item(), rel=1e-9)
    assert np.allclose(gradient.ravel(), lattice.grad, atol=1e-9)


def test_forced_paths_far_below_the_best_fall_back_exactly():
    table = np.zeros((60, 2))
    table[:, 0] = 100.0  # every frame forced to label 0 costs 100 nats more than label 1
    loss = gtn.discriminative_forward_energy(gtn.linear_graph(table), [0] * 60)
    assert loss.energy == pytest.approx(6000.0, rel=1e-12)


def test_huge_labels_cost_no_memory():
    label = 2_000_000_000
    graph = Graph(2, [0], [1], [0, 0], [1, 1], [label, 3], penalty=[1.0, 2.0])
    assert gtn.viterbi_penalty(gtn.compose(graph, gtn.chain_graph([label]))) == 1.0
    assert gtn.forward_energy(graph, [label]).energy == 1.0


# ------------------------------------------------------------------ streaming


def test_streaming_equals_the_whole_lattice_and_its_prefix_never_changes():
    rng = np.random.default_rng(8)
    model = gtn.character_model(range(3), blank=3)
    table = rng.exponential(3, (40, 4))
    decoder = gtn.StreamingDecoder(model)
    stable = ()
    for t, frame in enumerate(table, 1):
        fresh = decoder.push(frame)
        stable += fresh
        assert decoder.stable == stable
        whole = gtn.compose(gtn.linear_graph(table[:t]), model)
        assert decoder.viterbi_penalty == pytest.approx(gtn.viterbi_penalty(whole), rel=1e-12)
        assert decoder.forward_penalty == pytest.approx(gtn.forward_penalty(whole), rel=1e-12)
    assert decoder.string == tuple(gtn.viterbi_path(whole).string)
    assert decoder.string[: len(stable)] == stable
    assert stable


def test_character_model_reads_a_run_once_and_a_blank_separates():
    model = gtn.character_model(range(10), blank=10)
    for frames, wanted in (([5, 5, 10, 5], [5, 5]), ([3, 3, 4], [3, 4]), ([10, 10], [])):
        assert gtn.viterbi_path(gtn.compose(gtn.chain_graph(frames), model)).string == wanted


# ------------------------------------------------------------------ confidence


def test_label_posteriors_are_shares_of_strings_that_differ_in_one_place():
    table = np.random.default_rng(2).exponential(1, (3, 4))
    lattice = gtn.linear_graph(table)
    soft = np.exp(-table) / np.exp(-table).sum(1, keepdims=True)
    assert np.allclose(gtn.label_posteriors(lattice, [0, 1, 2]), soft, rtol=1e-12)
    assert gtn.confidence(lattice, [0, 1, 2]) == pytest.approx(
        soft[0, 0] * soft[1, 1] * soft[2, 2]
    )
    best, second = gtn.nbest(lattice, 2)
    assert gtn.margin(lattice) == pytest.approx(second.penalty - best.penalty)


def test_beam_keeps_only_strings_near_the_best():
    lattice = gtn.linear_graph([[0.0, 1.0, 5.0]])
    assert [h.string for h in gtn.nbest(lattice, 3, beam=2.0)] == [(0,), (1,)]


# ------------------------------------------------------------------ drawing


def test_drawing_writes_svg_and_png(tmp_path):
    from PIL import Image

    graph = recognition_graph()
    text = gtn.svg(graph, shade="posterior")
    assert text.count("<circle") == 5  # four nodes, and the second ring of the accept node
    assert text.count("<path") == graph.m + 1  # one arrow leads in
    assert text.count('stroke-width="2.8"') == 3  # the best path
    assert "[0.1]" in text
    gtn.save_png(graph, tmp_path / "graph.png")
    with Image.open(tmp_path / "graph.png") as image:
        assert min(image.size) > 100
        assert image.getextrema() == (0, 255)
    assert graph._repr_svg_() == gtn.svg(graph)


def test_symbols_in_drawings_are_escaped():
    graph = Graph(2, [0], [1], [0], [1], [0], isymbols=["<&>"], osymbols=["<&>"])
    assert "&lt;&amp;&gt;" in gtn.svg(graph)


def test_cycles_and_loops_can_be_drawn():
    model = gtn.character_model([0, 1], blank=2)
    assert "0:ε" in gtn.svg(model)
    assert gtn.svg(Graph())
    with pytest.raises(gtn.CycleError):
        gtn.svg(model, shade="posterior")


# ------------------------------------------------------------------ files


def test_att_text_with_names_and_final_weights():
    graph = gtn.from_att("0 1 a b 0.5\n1 2 <eps> a\n2 1.5\n", isymbols=["a", "b"])
    assert gtn.viterbi_penalty(graph) == 2.0
    assert gtn.viterbi_path(graph).string == [1, 0]
    assert math.isinf(gtn.viterbi_penalty(gtn.from_att("0 Infinity\n1\n")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: must specify start"),
        ("0\n\n", "line 2: must specify accept"),
        ("0 0\n1\n", "line 1: a start node is repeated"),
        ("0\n1\n0 1\n", "line 3: 2 columns"),
        ("0\n1\n0 1 x\n", "line 3: 'x' is not a whole number"),
        ("0\n1\n0 1 1 1 y\n", "line 3: 'y' is not a number"),
        ("-1\n1\n", "node -1"),
    ],
)
def test_unreadable_text_names_the_line(text, message):
    with pytest.raises(GraphError, match=message):
        gtn.from_text(text)


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    file = tmp_path / "graph.npz"
    file.write_bytes(b"nonsense")
    with pytest.raises(GraphError, match="not a graph file"):
        gtn.load(file)
    np.savez(file, a=np.zeros(3))
    with pytest.raises(GraphError, match="not a graph file"):
        gtn.load(file)


def test_ctc_energies_of_many_strings_at_once():
    rng = np.random.default_rng(7)
    table = rng.uniform(0, 9, (300, 22))
    strings = [(), (3,), (3, 3), tuple(rng.integers(0, 21, 40)), tuple(range(21)) * 3]
    wanted = [gtn.ctc_energy(table, s, blank=21)[0] for s in strings]
    assert np.allclose(gtn.ctc_energies(table, strings, blank=21), wanted, rtol=1e-9)
    assert gtn.ctc_energies(table, [], blank=21).shape == (0,)
    assert np.isinf(gtn.ctc_energies(table[:2], [(1, 2, 3), (1, 1)], blank=21)).all()
    assert np.isinf(gtn.ctc_energies(np.full((2, 3), np.inf), [(), (1,)])).all()
    for bad in ([(0,)], [(-1,)]):
        with pytest.raises(gtn.GraphError, match="holds the blank 0"):
            gtn.ctc_energies(np.zeros((3, 2)), bad)
    with pytest.raises(gtn.GraphError, match="found"):
        gtn.ctc_energies(np.zeros(3), [(1,)])
