"""Random small graphs against the enumeration of their paths.

HOLMDEL_EXAMPLES sets the number of examples per property (default small; releases use 2,000).
"""

import importlib.util
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import gtn
from gtn import Graph
from gtn.automata import _refined
from gtn.criteria import CRITERIA
from gtn.hypotheses import MANY

spec = importlib.util.spec_from_file_location(
    "enumeration", Path(__file__).with_name("enumeration.py")
)
enumeration = importlib.util.module_from_spec(spec)
spec.loader.exec_module(enumeration)

pytestmark = pytest.mark.jit
EXAMPLES = int(os.environ.get("HOLMDEL_EXAMPLES", "40"))
many = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
PENALTIES = st.floats(-4, 4, allow_nan=False) | st.sampled_from([0.0, 1.0, 300.0, 2000.0])


@st.composite
def graphs(
    draw, *, epsilons=True, nodes=6, arcs=9, labels=3, acyclic=True, penalties=PENALTIES
):
    n = draw(st.integers(1, nodes))
    names = draw(st.permutations(range(n)))
    low = -1 if epsilons else 0
    found = []
    for _ in range(draw(st.integers(0, arcs))):
        a, b = draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))
        if acyclic and a == b:
            continue
        if acyclic and a > b:
            a, b = b, a
        i, o = draw(st.integers(low, labels - 1)), draw(st.integers(low, labels - 1))
        found.append((names[a], names[b], i, o, draw(penalties)))
    ends = st.lists(st.integers(0, n - 1), min_size=1, max_size=3, unique=True)
    columns = list(zip(*found, strict=True)) or [()] * 5
    whole = [np.array(column, np.int64) for column in columns[:4]]
    return Graph(n, draw(ends), draw(ends), *whole, np.array(columns[4], float))


def near(a, b, tolerance=1e-9):
    return a == b or abs(a - b) <= tolerance * max(1, abs(a), abs(b))


@many
@given(graphs(nodes=8, arcs=14))
def test_scores_and_posteriors_are_sums_over_paths(graph):
    found = enumeration.paths(graph)
    assume(found is not None)
    assert near(gtn.forward_penalty(graph), enumeration.forward(found))
    assert near(gtn.viterbi_penalty(graph), enumeration.viterbi(found))
    assert np.allclose(
        gtn.posteriors(graph), enumeration.posteriors(found, graph.m), rtol=1e-9, atol=1e-9
    )
    path = gtn.viterbi_path(graph)
    assert (path is None) == (not found)
    if path is not None:
        assert tuple(path.arcs) in {p.arcs for p in found}
        assert near(float(graph.penalty[path.arcs].sum()), path.penalty)


@many
@given(graphs(nodes=7, arcs=12), st.integers(1, 6))
def test_nbest_are_the_best_unique_strings(graph, n):
    found = enumeration.paths(graph)
    assume(found is not None)
    strings = enumeration.strings(found)
    got = gtn.nbest(graph, n)
    assert len(got) == min(n, len(strings))
    assert len({h.string for h in got}) == len(got)
    wanted = sorted(min(penalties) for penalties in strings.values())
    total = enumeration.forward(found)
    for h, penalty in zip(got, wanted, strict=False):
        assert near(h.penalty, penalty)
        assert near(h.penalty, min(strings[h.string]))
        posterior = math.fsum(math.exp(total - p) for p in strings[h.string])
        assert near(h.posterior, posterior)
        assert near(gtn.confidence(graph, h.string), posterior, 1e-8)
    far = np.where(graph.olabel < 0, -1, graph.olabel * MANY)  # labels too many for a table
    copy = gtn.Graph(
        graph.n,
        graph.start,
        graph.accept,
        graph.src,
        graph.dst,
        graph.ilabel,
        far,
        penalty=graph.penalty,
    )
    strings = [tuple(MANY * label for label in h.string) for h in got]
    assert [h.string for h in gtn.nbest(copy, n)] == strings


def joined(first, second):
    """Return the paths of a composition: pairs of paths that agree on the inner string."""
    inner = {}
    for q in second:
        inner.setdefault(q.istring, []).append(q)
    return [
        enumeration.Path((p.arcs, q.arcs), p.istring, q.ostring, p.penalty + q.penalty)
        for p in first
        for q in inner.get(p.ostring, [])
    ]


@many
@given(graphs(), graphs())
def test_composition_counts_each_pair_of_matching_paths_once(first, second):
    one, two = enumeration.paths(first, 300), enumeration.paths(second, 300)
    assume(one is not None and two is not None)
    product = gtn.compose(first, second)
    got = enumeration.paths(product, 100_000)
    wanted = joined(one, two)
    assert sorted((p.istring, p.ostring) for p in got) == sorted(
        (p.istring, p.ostring) for p in wanted
    )
    assert np.allclose(
        sorted(p.penalty for p in got), sorted(p.penalty for p in wanted), rtol=1e-12
    )
    score = gtn.forward(product)
    assert near(score.item(), enumeration.forward(wanted))
    gtn.backward(score)
    total = enumeration.forward(wanted)
    for k, graph in enumerate((first, second)):
        sums = np.zeros(graph.m)
        for p in wanted:
            for a in p.arcs[k]:
                sums[a] += math.exp(total - p.penalty)
        assert np.allclose(graph.grad, sums, rtol=1e-9, atol=1e-9)


@many
@given(
    graphs(nodes=5, arcs=9),
    graphs(epsilons=False, nodes=4, arcs=8, acyclic=False),
    st.sampled_from(sorted(CRITERIA)),
)
def test_criteria_equal_the_product_graph(lattice, target, name):
    summed, discriminative = CRITERIA[name]
    assume(enumeration.paths(lattice, 500) is not None)
    loss = gtn.batch_energy(name, [lattice], [target])[0]
    score = gtn.forward if summed else gtn.viterbi
    constrained = score(gtn.compose(lattice, target))
    if math.isinf(constrained.item()):
        assert loss.energy == math.inf
        assert not loss.gradient.any()
        return
    energy = gtn.subtract(constrained, score(lattice)) if discriminative else constrained
    gtn.backward(energy)
    assert near(loss.energy, energy.item())
    if summed:
        assert np.allclose(loss.gradient, lattice.grad, rtol=1e-9, atol=1e-9)
        wanted = target.grad if target.has_grad else np.zeros(target.m)
        assert np.allclose(loss.target_gradient, wanted, rtol=1e-9, atol=1e-9)
    elif not discriminative:  # ties may choose another path of the same penalty
        again = loss.gradient @ lattice.penalty + loss.target_gradient @ target.penalty
        assert near(float(again), loss.energy, 1e-8)


@many
@given(graphs(nodes=5, arcs=9), st.floats(0, 4))
def test_a_beam_drops_strings_and_counts_at_least_the_paths_within(graph, beam):
    found = enumeration.paths(graph)
    assume(found)
    best = enumeration.viterbi(found)
    margins = [p.penalty - best - beam for p in found]
    assume(best < np.inf and min(map(abs, margins)) > 1e-9)
    within = [p for p, margin in zip(found, margins, strict=True) if margin <= 0]
    free = enumeration.forward(found)
    hypotheses = gtn.nbest(graph, 1000, beam=beam)
    assert {h.string for h in hypotheses} == {p.ostring for p in within}
    for h in hypotheses:
        known = [p for p in found if p.ostring == h.string]
        inside = [p for p in within if p.ostring == h.string]
        assert near(h.penalty, enumeration.viterbi(known))
        least, most = (np.exp(free - enumeration.forward(p)) for p in (inside, known))
        assert least - 1e-9 <= h.posterior <= most + 1e-9


@many
@given(graphs(nodes=5, arcs=9), st.lists(st.integers(0, 2), max_size=3))
def test_criteria_of_a_string_are_sums_over_paths(lattice, string):
    found = enumeration.paths(lattice)
    assume(found is not None)
    right = [p for p in found if p.ostring == tuple(string)]
    loss = gtn.discriminative_forward_energy(lattice, string)
    if not right:
        assert loss.energy == math.inf
        return
    assert near(loss.energy, enumeration.forward(right) - enumeration.forward(found))
    posterior = np.array(enumeration.posteriors(right, lattice.m))
    free = np.array(enumeration.posteriors(found, lattice.m))
    assert np.allclose(loss.gradient, posterior - free, rtol=1e-9, atol=1e-9)
    assert near(
        gtn.discriminative_viterbi_energy(lattice, string).energy,
        enumeration.viterbi(right) - enumeration.viterbi(found),
    )
    assert near(gtn.viterbi_energy(lattice, string).energy, enumeration.viterbi(right))
    assert near(gtn.forward_energy(lattice, string).energy, enumeration.forward(right))


@many
@given(
    st.integers(1, 5), st.integers(2, 4), st.lists(st.integers(1, 3), max_size=3), st.randoms()
)
def test_ctc_is_a_sum_over_alignments(frames, classes, target, random):
    target = [1 + label % (classes - 1) for label in target]
    table = np.array([[random.uniform(-2, 5) for _ in range(classes)] for _ in range(frames)])
    right, free = [], []
    for code in range(classes**frames):
        labels = [code // classes**t % classes for t in range(frames)]
        cost = math.fsum(table[t, c] for t, c in enumerate(labels))
        runs = [c for t, c in enumerate(labels) if t == 0 or c != labels[t - 1]]
        free.append(cost)
        if [c for c in runs if c] == target:
            right.append(cost)
    energy, gradient = gtn.ctc_energy(table, target)
    others = [[], target, target[::-1], [1, *target]]
    each = [gtn.ctc_energy(table, other)[0] for other in others]
    assert np.allclose(gtn.ctc_energies(table, others), each, atol=1e-9)
    if not right:
        assert energy == math.inf
        assert not gradient.any()
        return
    wanted = -math.log(
        math.fsum(math.exp(-c) for c in right) / math.fsum(math.exp(-c) for c in free)
    )
    assert near(energy, wanted)
    general = gtn.discriminative_forward_energy(gtn.linear_graph(table), gtn.ctc_graph(target))
    assert np.allclose(general.gradient.reshape(table.shape), gradient, atol=1e-12)


@many
@given(graphs(nodes=5, arcs=8, penalties=st.floats(0, 4)))
def test_epsilon_removal_and_determinization_keep_every_string(graph):
    found = enumeration.paths(graph)
    assume(found is not None)

    def table(g, combine):
        pairs = {}
        for p in enumeration.paths(g, 100_000):
            labels = tuple(
                tuple(pair) for pair in g.arcs[2:, list(p.arcs)].T.tolist() if pair != [-1, -1]
            )
            pairs.setdefault(labels, []).append(p.penalty)
        return {labels: combine(costs) for labels, costs in pairs.items()}

    def log_sum(costs):
        low = min(costs)
        return low - math.log(math.fsum(math.exp(low - c) for c in costs))

    for semiring, combine in (("viterbi", min), ("forward", log_sum)):
        wanted = table(graph, combine)
        removed = gtn.remove_epsilon(graph, semiring=semiring)
        single = gtn.determinize(drop_empty(removed), semiring=semiring)
        small = gtn.minimize(single)
        for g, skip in ((removed, False), (single, True), (small, True)):
            got = table(g, combine)
            expected = {k: v for k, v in wanted.items() if k or not skip}
            got = {k: v for k, v in got.items() if k or not skip}
            assert got.keys() == expected.keys()
            assert all(near(got[k], expected[k], 1e-8) for k in expected)
        assert len({k for k in table(single, len).items() if k[1] > 1 and k[0]}) == 0
        assert small.n <= single.n


def drop_empty(graph):
    """Return the graph without its remaining epsilon arc (a penalised empty string)."""
    keep = (graph.ilabel >= 0) | (graph.olabel >= 0)
    arcs = graph.arcs[:, keep]
    return Graph(graph.n, graph.start, graph.accept, *arcs, graph.penalty[keep])


@many
@given(graphs(nodes=6, arcs=8, acyclic=False))
def test_text_binary_and_att_forms_come_back_equal(tmp_path_factory, graph):
    largest = max([*graph.src, *graph.dst, *graph.start, *graph.accept])
    again = gtn.from_text(gtn.to_text(graph))
    assert again.n == largest + 1
    if again.n == graph.n:
        assert gtn.equal(graph, again)
        assert np.array_equal(graph.arcs, again.arcs)
    file = tmp_path_factory.mktemp("graph") / "graph.npz"
    gtn.save(graph, file)
    assert gtn.equal(gtn.load(file), graph)
    back = gtn.from_att(gtn.to_att(graph))
    if enumeration_possible(graph):
        a, b = enumeration.paths(graph), enumeration.paths(back)
        key = sorted((p.istring, p.ostring, round(p.penalty, 9)) for p in a)
        assert sorted((p.istring, p.ostring, round(p.penalty, 9)) for p in b) == key


def enumeration_possible(graph):
    order = np.empty(graph.n, np.int32)
    from gtn import kernels

    return kernels.topological_order(graph.arcs, graph.n, order) == graph.n


@many
@given(graphs(nodes=6, arcs=9, acyclic=False), st.randoms())
def test_isomorphism_sees_through_renumbering(graph, random):
    names = list(range(graph.n))
    random.shuffle(names)
    names = np.array(names)
    places = list(range(graph.m))
    random.shuffle(places)
    arcs = graph.arcs[:, places]
    other = Graph(
        graph.n, names[graph.start], names[graph.accept], *names[arcs[:2]], *arcs[2:],
        graph.penalty[places],
    )  # fmt: skip
    assert gtn.isomorphic(graph, other)
    if graph.m:
        other.penalty[random.randrange(graph.m)] += 0.5
        assert not gtn.isomorphic(graph, other)


def classes_by_rounds(kind, out):
    """Return Moore's classes: all nodes are looked at again until nothing splits."""
    while True:
        seen = [
            (kind[v], *sorted((*arc[:-1], kind[arc[-1]]) for arc in out[v]))
            for v in range(len(out))
        ]
        fresh = [sorted(set(seen)).index(s) for s in seen]
        if len(set(fresh)) == len(set(kind)):
            return fresh
        kind = fresh


def partition(kind):
    return {tuple(v for v, k in enumerate(kind) if k == one) for one in set(kind)}


@pytest.mark.parametrize("seed", range(60))
def test_classes_are_refined_as_by_looking_at_all_nodes_again(seed):
    rng = np.random.default_rng(seed)
    n, labels = int(rng.integers(1, 25)), int(rng.integers(1, 3))
    kind = rng.integers(2, size=n).tolist()
    out = [
        [
            (label, label, float(rng.integers(2)), int(rng.integers(n)))
            for label in range(labels)
            if rng.random() < 0.8
        ]
        for _ in range(n)
    ]
    assert partition(_refined(kind, out)) == partition(classes_by_rounds(kind, out))


def test_a_long_chain_before_a_loop_is_minimized():
    n = 6000  # looking at all nodes in every round would take minutes
    arcs = [(v, v + 1, 1, 1, 0.0) for v in range(n)] + [(n, n, 2, 2, 0.0)]
    src, dst, i, o, w = (list(column) for column in zip(*arcs, strict=True))
    graph = Graph(n + 1, [0], [n], src, dst, i, o, penalty=w)
    assert gtn.minimize(graph).n == n + 1
