"""Every case of the reference file of graph behaviour (variable GTN_CASES names another).

The file speaks of scores (larger is better): penalty = -score. Its numbers have seven digits,
so they are compared at 1e-6 relative; at 1e-9 the results are compared with a naive sum over
all paths, wherever a case has few enough of them to list.
"""

import importlib.util
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import gtn
from gtn import Graph, GraphError
from gtn.graph import NodeError, TapeError


def sibling(name):
    """Import a module that lies beside this one."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


enumeration = sibling("enumeration")
SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
FILE_DIGITS = 1e-6


def number(value):
    return SPECIAL[value] if isinstance(value, str) else value


def cases_file():
    conftest = importlib.util.spec_from_file_location(
        "gtn_conftest", Path(__file__).parents[1] / "conftest.py"
    )
    module = importlib.util.module_from_spec(conftest)
    conftest.loader.exec_module(module)
    return module.spec_file("GTN_CASES", "gtn_cases.json")


def load_cases():
    file = cases_file()
    return json.loads(file.read_text(encoding="utf-8"))["cases"] if file else []


CASES = load_cases()
if not CASES:
    pytest.skip("no gtn_cases.json beside SN_DATA, GTN_CASES not set", allow_module_level=True)


def graph(spec):
    arcs = spec["arcs"]
    columns = [np.array([arc[k] for arc in arcs], np.int64) for k in range(4)]
    penalty = [-number(arc[4]) for arc in arcs]
    return Graph(
        spec["n"],
        np.array(spec["start"], np.int64),
        np.array(spec["accept"], np.int64),
        *columns,
        np.array(penalty),
    )


def close(got, wanted, tolerance=FILE_DIGITS):
    got = np.atleast_1d(np.asarray(got, np.float64))
    wanted = np.atleast_1d(np.array([number(w) for w in np.atleast_1d(wanted)], np.float64))
    assert got.shape == wanted.shape
    same = got == wanted
    with np.errstate(invalid="ignore"):
        scale = np.maximum(1, np.maximum(np.abs(got), np.abs(wanted)))
        assert np.all(same | (np.abs(got - wanted) <= tolerance * scale)), (got, wanted)


def chain(graphs, places):
    result = graphs[places[0]]
    for k in places[1:]:
        result = gtn.compose(result, graphs[k])
    return result


def check_score(case, graphs, expect):
    result = graphs[0] if len(graphs) == 1 else gtn.compose(*graphs)
    forward = gtn.forward(result)
    gtn.backward(forward, retain=True)
    close(-forward.item(), expect["forward_score"])
    close(-gtn.viterbi_penalty(result), expect["viterbi_score"])
    wanted = expect["forward_grad"]
    for g, grad in zip(graphs, wanted if len(graphs) > 1 else [wanted], strict=True):
        close(g.grad, grad)
    path = gtn.viterbi_path(result)
    if expect["viterbi_score"] == "-inf":
        assert path is None
    elif expect.get("n_best_paths") == 1 and len(graphs) == 1:
        assert path.arcs.tolist() == expect["viterbi_arcs"]
        assert path.ilabels.tolist() == expect["viterbi_ilabels"]
        assert path.olabels.tolist() == expect["viterbi_olabels"]
    elif "viterbi_ilabels" in expect:
        assert path.input_string == expect["viterbi_ilabels"]
        assert path.string == expect["viterbi_olabels"]
    if path is not None:  # ties: one rule for the path and for the gradient
        score = gtn.viterbi(result)
        result.zero_grad()
        gtn.backward(score)
        close(result.grad, np.bincount(path.arcs, minlength=result.m), 0)
    found = enumeration.paths(result, 20_000)
    if found is not None and not any(math.isinf(p.penalty) for p in found):
        close(forward.item(), enumeration.forward(found), 1e-9)
        result.zero_grad()
        close(gtn.posteriors(result), enumeration.posteriors(found, result.m), 1e-9)
    if found is not None and "paths" in expect:
        got = sorted((list(p.istring), list(p.ostring), -p.penalty) for p in found)
        wanted = sorted((i, o, number(w)) for i, o, w in expect["paths"])
        assert len(got) == len(wanted)
        key = {}
        for i, o, w in got:
            key.setdefault((tuple(i), tuple(o)), []).append(w)
        for i, o, w in wanted:
            assert any(abs(w - x) <= 2e-5 for x in key[tuple(i), tuple(o)])


def check_loss(case, graphs, expect):
    score = gtn.forward if case["op"] == "loss_forward" else gtn.viterbi
    constrained = chain(graphs, expect["positive_chain"])
    free = chain(graphs, expect["negative_chain"])
    positive, negative = score(constrained), score(free)
    close(-positive.item(), expect["positive_score"])
    close(-negative.item(), expect["negative_score"])
    loss = gtn.subtract(positive, negative)
    close(loss.item(), expect["loss"])
    gtn.backward(loss)
    unique = (
        case["op"] == "loss_forward"
        or len(enumeration.best(constrained)) == len(enumeration.best(free)) == 1
    )
    for g, wanted in zip(graphs, expect["grads"], strict=True):
        # the file differentiates by weights = -penalties
        if unique:
            close(-g.grad if g.has_grad else np.zeros(g.m), wanted)


def check_viterbi_of_chain(case, graphs, expect):
    close(-gtn.viterbi_penalty(chain(graphs, range(len(graphs)))), expect["viterbi_score"])


def check_algebra(case, graphs, expect):
    op = case["op"]
    result = (
        getattr(gtn, op)(graphs) if op in ("union", "concat") else getattr(gtn, op)(*graphs)
    )
    wanted = graph(expect["graph"])
    assert gtn.equal(result, wanted)
    assert np.array_equal(result.arcs, wanted.arcs)
    if graphs:
        gtn.backward(result, expect["grad_out"])
        for g, gradient in zip(graphs, expect["grad_in"], strict=True):
            close(g.grad, gradient, 0)


def check_remove(case, graphs, expect):
    result = gtn.remove(graphs[0], *case.get("args", []))
    assert gtn.isomorphic(result, graph(expect["graph"]))


def check_scalars(case, values, expect):
    scalars = [gtn.scalar(value) for value in values]
    result = getattr(gtn, case["op"])(*scalars)
    close(result.item(), expect["value"], 0)
    gtn.backward(result)
    for s, wanted in zip(scalars, expect["grads"], strict=True):
        close(s.grad, wanted, 0)


def check_tape(case, values, expect):
    if "call" in expect:
        depth = int(re.search(r"\d+", expect["call"]).group())
        x = gtn.scalar(1.0)
        y = x
        for _ in range(depth):
            y = gtn.negate(y)
        gtn.backward(y)
        close(x.grad, expect["grad"], 0)
        return
    names = dict(zip("xyzuvw", map(gtn.scalar, values), strict=False))
    last = None
    for statement in expect["expr"].replace(" ", "").split(";"):
        call = re.fullmatch(r"backward\((\w+)(,retain)?\)(twice)?", statement)
        if call:
            for _ in range(2 if call[3] else 1):
                gtn.backward(names[call[1]], retain=bool(call[2]))
            continue
        target, function, arguments = re.fullmatch(
            r"(\w+)=(\w+)\(([\w,]+)\)", statement
        ).groups()
        last = names[target] = getattr(gtn, function)(*(names[a] for a in arguments.split(",")))
    if "value" in expect:
        close(last.item(), expect["value"], 0)
    if "grad" in expect:
        close(names["x"].grad, expect["grad"], 0)
    for key, wanted in expect.items():
        if key.startswith("grad_"):
            close(names[key[5:]].grad, wanted, 0)


def check_equal(case, graphs, expect):
    assert gtn.equal(*graphs) == expect["equal"]
    assert gtn.isomorphic(*graphs) == expect["isomorphic"]


def check_loadtxt(case, texts, expect):
    # Text carries the numbers of the graph, whichever sign convention they follow.
    if "raises" in expect:
        with pytest.raises({"ValueError": ValueError}[expect["raises"]]) as caught:
            gtn.from_text(texts[0])
        if "start" in expect.get("message", "") or "accept" in expect.get("message", ""):
            word = "start" if "start" in expect["message"] else "accept"
            assert word in str(caught.value)
        return
    wanted = graph(expect["graph"])
    wanted.penalty = -wanted.penalty
    assert gtn.equal(gtn.from_text(texts[0]), wanted)


def check_savetxt(case, graphs, expect):
    graphs[0].penalty = -graphs[0].penalty
    assert gtn.to_text(graphs[0]) == expect["text"]


def two_arcs():
    return Graph(2, [0], [1], [0, 0], [1, 1], [1, 2])


def backward_twice():
    y = gtn.negate(gtn.scalar(1.0))
    gtn.backward(y)
    gtn.backward(y)


def grad_switched_off():
    return gtn.scalar(1.0, calc_grad=False).grad


def short_weights():
    g = two_arcs()
    g.penalty = [1.0]


CALLS = {
    "item() on": (lambda: two_arcs().item(), GraphError),
    "grad() before": (lambda: two_arcs().grad, TapeError),
    "calc_grad": (grad_switched_off, TapeError),
    "backward twice": (backward_twice, TapeError),
    "add of a": (lambda: gtn.add(two_arcs(), gtn.scalar(1.0)), GraphError),
    "subtract of a": (lambda: gtn.subtract(two_arcs(), gtn.scalar(1.0)), GraphError),
    "negate of a": (lambda: gtn.negate(two_arcs()), GraphError),
    "backward through remove": (lambda: gtn.backward(gtn.remove(two_arcs())), TapeError),
    "compose([2": (lambda: gtn.compose([two_arcs()] * 2, [two_arcs()] * 3), GraphError),
    "add_arc": (lambda: Graph(2, [0], [1]).add_arc(0, 50_000_000, 1), NodeError),
    "set_weights": (short_weights, GraphError),
}
SCORES = {
    "forward_score": gtn.forward_penalty,
    "viterbi_score": gtn.viterbi_penalty,
    "viterbi_path": gtn.viterbi_path,
}


def check_error(case, graphs, expect):
    call = expect["call"]
    if call in SCORES:
        with pytest.raises(ValueError, match="cycle"):
            SCORES[call](graphs[0])
        return
    found = [value for key, value in CALLS.items() if key in call]
    if not found:
        pytest.skip(f"no counterpart of: {call}")
    function, error = found[0]
    with pytest.raises(error):
        function()


CHECKS = {
    **dict.fromkeys(("score", "compose", "intersect"), check_score),
    **dict.fromkeys(("loss_forward", "loss_viterbi"), check_loss),
    **dict.fromkeys(("union", "concat", "closure", "clone"), check_algebra),
    **dict.fromkeys(("project_input", "project_output"), check_algebra),
    **dict.fromkeys(("add", "subtract", "negate"), check_scalars),
    "viterbi_of_chain": check_viterbi_of_chain,
    "remove": check_remove,
    "tape": check_tape,
    "equal": check_equal,
    "loadtxt": check_loadtxt,
    "savetxt": check_savetxt,
    "error": check_error,
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case):
    inputs = [graph(g) if isinstance(g, dict) else number_or_text(g) for g in case["inputs"]]
    CHECKS[case["op"]](case, inputs, case["expect"])


def number_or_text(value):
    return SPECIAL.get(value, value) if isinstance(value, str) else value
