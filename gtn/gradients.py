"""A public gradient check: the gradient of a graph function against central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gtn.graph import Float, Graph, GraphError, backward


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """Largest relative error found, where, and the two gradients of that graph."""

    error: float
    graph: int
    arc: int
    gradient: Float
    difference: Float

    def __bool__(self) -> bool:
        return self.error < 1e-6


def gradcheck(
    function: Callable[..., Graph], inputs: Sequence[Graph], *, step: float = 1e-5
) -> GradientCheck:
    """Compare d function / d penalty with central differences on every arc of every input.

    `function` takes the graphs and returns a scalar graph on the tape. The error is
    |gradient - difference| / max(1, |difference|); the result is true below 1e-6. Functions
    with a minimum in them (Viterbi) fail where two paths tie within `step`, rightly.

    >>> from gtn import Graph, forward, gradcheck
    >>> bool(gradcheck(forward, [Graph(2, [0], [1], [0, 0], [1, 1], [1, 2], penalty=[1, 2])]))
    True
    """
    for graph in inputs:
        graph.zero_grad()
    result = function(*inputs)
    if not np.isfinite(result.item()):
        raise GraphError(f"gradcheck: the function is {result.item()} here")
    backward(result)
    worst = GradientCheck(-1.0, 0, 0, np.empty(0), np.empty(0))
    for k, graph in enumerate(inputs):
        gradient = graph.grad.copy() if graph.has_grad else np.zeros(graph.m)
        difference = np.zeros(graph.m)
        for arc in range(graph.m):
            kept = graph.penalty[arc]
            values = []
            for way in (step, -step):
                graph.penalty[arc] = kept + way
                values.append(function(*inputs).item())
            graph.penalty[arc] = kept
            difference[arc] = (values[0] - values[1]) / (2 * step)
        error = np.abs(gradient - difference) / np.maximum(1.0, np.abs(difference))
        if graph.m and error.max() > worst.error:
            arc = int(error.argmax())
            worst = GradientCheck(float(error[arc]), k, arc, gradient, difference)
    return worst
