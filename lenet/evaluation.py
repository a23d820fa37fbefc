"""How good a trained network is: errors, confusions, and what rejecting the doubtful ones buys.

A digit is rejected when the two best classes lie close together (the criterion of 1989 and
1998: the difference of the two most active outputs). Rejecting in the order of that difference
gives the curve of error against rejects.
"""

from dataclasses import dataclass

import numpy as np

from lenet.canvas import Canvas
from lenet.networks import Classifier, NetworkError

CHUNK = 2000
MOST_MISREAD = 400  # shown in one picture
MOST_POINTS = 1500  # of a plotted curve
TARGETS = (0.005, 0.01)  # error rates for which the share of rejects is told


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Answers of a network to labelled digits.

    `labels`, `answers` (n,) are classes; `margins` (n,) >= 0 tell by how much the best class
    leads over the second: in penalties, in outputs, or under a softmax in -log p.
    """

    classes: int
    labels: np.ndarray
    answers: np.ndarray
    margins: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Which answers (n,) are wrong."""
        return self.answers != self.labels

    @property
    def error(self) -> float:
        """Share of wrong answers, 0...1."""
        return float(np.mean(self.wrong))

    def confusion(self) -> np.ndarray:
        """Return how often (true class, answer) occurred, int (classes, classes)."""
        matrix = np.zeros((self.classes, self.classes), int)
        np.add.at(matrix, (self.labels, self.answers), 1)
        return matrix

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return shares of rejects and of errors among the rest, (n,) each, both 0...1.

        Entry k rejects the k digits of the smallest margins.
        """
        order = np.argsort(self.margins, kind="stable")
        wrong = self.wrong[order]
        left = wrong.sum() - np.concatenate([[0], np.cumsum(wrong)[:-1]])
        count = len(wrong)
        return np.arange(count) / count, left / (count - np.arange(count))

    def rejects_for(self, error: float) -> float | None:
        """Return the least share of rejects that leaves at most this error; None if none does.

        None happens when the surest answer of all is wrong.
        """
        rejected, left = self.curve()
        enough = np.flatnonzero(left <= error)
        return float(rejected[enough[0]]) if len(enough) else None


def penalties(network: Classifier, images: np.ndarray) -> np.ndarray:
    """Return (n, classes) of images, lower is better; what `classify` decides by."""
    parts = (images[k : k + CHUNK] for k in range(0, len(images), CHUNK))
    return np.concatenate([network.penalties(part) for part in parts])


def evaluate(network: Classifier, images: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Let a network read images (n, h, w) with labels (n,). Raises NetworkError.

    Images are uint8, ink 255, or float32 as the input layer takes them.
    """
    if not len(labels):
        raise NetworkError(f"{network.name}: no digits to evaluate on")
    found = penalties(network, images)
    if found.shape[1] < 2:
        raise NetworkError(
            f"{network.name}: the output layer has one unit; it takes one for each class"
        )
    answers = found.argmin(axis=1)
    best = np.partition(found, 1, axis=1)
    return Evaluation(
        found.shape[1], np.asarray(labels, np.int64), answers, best[:, 1] - best[:, 0]
    )


def grey(image: np.ndarray) -> np.ndarray:
    """Return an image uint8 with dark ink on white paper, from uint8 ink 255 or floats."""
    if image.dtype == np.uint8:
        return 255 - image
    low, high = float(image.min()), float(image.max())
    return (255 - 255 * (image - low) / max(high - low, 1e-9)).astype(np.uint8)


def misread_picture(found: Evaluation, images: np.ndarray, name: str) -> Canvas:
    """Return the misread digits as a sheet, by class: what each is, and what it was read as.

    Of more than 400 the surest mistakes are shown.
    """
    rows = np.flatnonzero(found.wrong)
    total = len(rows)
    rows = rows[np.argsort(-found.margins[rows], kind="stable")][:MOST_MISREAD]
    rows = rows[np.lexsort((rows, found.answers[rows], found.labels[rows]))]
    side, across, down, margin = 44.0, 58.0, 72.0, 24.0
    columns = min(16, max(6, round((len(rows) * 1.6) ** 0.5)))
    lines = -(-len(rows) // columns)
    canvas = Canvas(2 * margin + across * columns, 2 * margin + 28 + down * max(1, lines))
    shown = "" if total <= MOST_MISREAD else f", the {MOST_MISREAD} surest shown"
    head = f"{name}: {total:,} of {len(found.labels):,} misread{shown}"
    canvas.text((margin + (across - side) / 2, margin + 2), head, 12.5, anchor="left")
    for k, row in enumerate(rows.tolist()):
        x = margin + across * (k % columns) + (across - side) / 2
        y = margin + 24 + down * (k // columns)
        canvas.tile((x, y), grey(images[row]), side, side)
        canvas.rectangle(x, y, side, side, line="#b8b4a8", pen=0.6)
        middle, foot = x + side / 2, y + side + 9
        canvas.text((middle - 13, foot), str(found.labels[row]), 10.5)
        canvas.arrow((middle - 6, foot), (middle + 6, foot), "#8a8a8a", 0.8)
        canvas.text((middle + 13, foot), str(found.answers[row]), 10.5)
    return canvas


def reject_picture(found: Evaluation, name: str) -> Canvas:
    """Return the reject curve as a plot: error among the accepted against rejects, in %."""
    rejected, left = found.curve()
    width, height, x0, y0 = 420.0, 260.0, 62.0, 58.0
    canvas = Canvas(width + x0 + 28, height + y0 + 56)
    top = nice(100 * float(left[0]) * 1.05)
    # As far to the right as much happens: until a fifth of the errors is left.
    low = np.flatnonzero(left <= left[0] / 5)
    right = nice(100 * float(rejected[low[0]] if len(low) else 1.0) * 1.05)

    def at(x: float, y: float) -> tuple[float, float]:
        return x0 + width * x / right, y0 + height * (1 - y / top)

    for k in range(6):
        x, y = right * k / 5, top * k / 5
        canvas.path([at(0, y), at(right, y)], "#e4e0d6", 0.7)
        canvas.path([at(x, 0), at(x, top)], "#e4e0d6", 0.7)
        canvas.text((x0 - 8, at(0, y)[1]), f"{y:g}", 10.5, "#555555", "right")
        canvas.text((at(x, 0)[0], y0 + height + 13), f"{x:g}", 10.5, "#555555")
    keep = 100 * rejected <= right
    xs, ys = 100 * rejected[keep], 100 * left[keep]
    some = slice(None, None, -(-len(xs) // MOST_POINTS))
    points = [at(float(x), float(y)) for x, y in zip(xs[some], ys[some], strict=True)]
    canvas.path(points, "#a03623", 1.6)
    for target in TARGETS:
        share = found.rejects_for(target)
        if share and 100 * share <= right:
            place = at(100 * share, 100 * target)
            canvas.circle(place, 3.2, fill="#a03623", line="#ffffff", pen=0.8)
            words = f"{100 * share:.1f} % rejected for {100 * target:g} % error"
            canvas.text((place[0] + 8, place[1] - 8), words, 10.5, anchor="left")
    canvas.text((x0, y0 - 34), f"{name}: error against rejects", 12.5, anchor="left")
    canvas.text((x0 + width / 2, y0 + height + 34), "rejected, %", 10.5, "#555555")
    canvas.text((x0, y0 - 14), "error among the rest, %", 10.5, "#555555", "left")
    return canvas


def nice(value: float) -> float:
    """Return a round number at or above a value, five times something short.

    >>> nice(1.06), nice(23.0), nice(0.0)
    (1.25, 25.0, 0.05)
    """
    for power in range(-2, 3):
        for lead in (0.5, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            if value <= lead * 10.0**power * 10:
                return round(lead * 10.0**power * 10, 6)
    return 100.0
