"""Pictures of a training: errors by pass."""

from collections.abc import Sequence
from math import ceil, floor, log2

from lenet.canvas import Canvas
from lenet.training import Pass

LEFT, TOP, WIDTH, HEIGHT = 62.0, 58.0, 420.0, 260.0
TRAINING, TEST, GRID, SOFT = "#3a6ea5", "#a03623", "#e4e0d6", "#555555"


def learning_picture(passes: Sequence[Pass], name: str, what: str) -> Canvas:
    """Return the errors of a training as curves, in % by pass.

    Blue are the training digits, as met on the way, before each is learned; red the validation
    digits, if there were any, which `what` names, after the pass. The scale is logarithmic:
    powers of two.
    """
    curves = {
        ("training digits, on the way", TRAINING): [p.training_error for p in passes],
        (what, TEST): [p.validation_error for p in passes if p.validation_error is not None],
    }
    errors = [100 * e for curve in curves.values() for e in curve]
    least = min((e for e in errors if e > 0), default=1.0)
    low = 2.0 ** min(0, floor(log2(least)))
    steps = ceil(log2(max(2.0, *errors) / low))
    canvas = Canvas(WIDTH + LEFT + 28, HEIGHT + TOP + 74)

    def at(number: int, error: float) -> tuple[float, float]:
        across = (number - 1) / max(1, len(passes) - 1)
        return LEFT + WIDTH * across, TOP + HEIGHT * (1 - log2(max(error, low) / low) / steps)

    for k in range(steps + 1):
        y = at(1, low * 2**k)[1]
        canvas.path([(LEFT, y), (LEFT + WIDTH, y)], GRID, 0.7)
        canvas.text((LEFT - 8, y), f"{low * 2**k:g}", 10.5, SOFT, "right")
    stride = -(-len(passes) // 10)
    for number in range(1, len(passes) + 1, stride):
        x = at(number, low)[0]
        canvas.path([(x, TOP), (x, TOP + HEIGHT)], GRID, 0.7)
        canvas.text((x, TOP + HEIGHT + 13), f"{number}", 10.5, SOFT)
    for (_, color), curve in curves.items():
        points = [at(k + 1, 100 * error) for k, error in enumerate(curve)]
        if len(points) > 1:
            canvas.path(points, color, 1.6)
        for point in points:
            canvas.circle(point, 1.8, fill=color, line=color)
    canvas.text((LEFT, TOP - 34), f"{name}: errors in % by pass", 12.5, anchor="left")
    canvas.text((LEFT, TOP - 14), "training digits, on the way", 10.5, TRAINING, "left")
    canvas.text((LEFT + 170, TOP - 14), what, 10.5, TEST, "left")
    canvas.text((LEFT + WIDTH / 2, TOP + HEIGHT + 32), "pass", 10.5, SOFT)
    return canvas
