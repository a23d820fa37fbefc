"""The second engine: space displacement networks over the whole strip, no cuts at all.

Place on the road: normalised writing -> scores of every symbol, and of *no symbol*, every two
columns -> lattice -> character model and grammar -> strings. The networks are the scripts
`lenet/nets/strip.sn` and `strip-wide.sn`, replicated over the width of the strip (LeCun et al.
1998, sec. VII). What the first engine reads by cutting, this one reads by looking: their errors
differ, and so do those of its two networks, which see more or less of the neighbours.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

import gtn
from lenet.networks import Network
from pipeline.grammars import KEPT, SYMBOLS, grammar
from pipeline.normalization import HEIGHT, INK, Writing
from pipeline.segmentation import middle_of

ROWS, DIGIT = 32, 20  # rows of a strip, and of the digits on it
WINDOW, STEP = 34, 2  # columns the first network sees, and from one place to the next
MARGIN = 18  # white columns at either end: the first symbol must reach the middle of a window
NARROWEST, WIDEST = 48, 2000  # columns; longer strips hold no amount
BLANK = len(SYMBOLS)
SIZES = ((1.0, 1.0), (0.9, 0.93), (1.1, 1.06))  # widths and heights at which a strip is seen
REACH = 20  # places the context network sees to either side
SPREAD = 9.0  # classes dearer than the best of a place by more are left out


def strip_of(writing: Writing) -> np.ndarray:
    """Return a line of writing as the network sees it: float32 (32, columns), ink 0...1.

    The middle of the line lies on the middle row; columns are a multiple of eight, so that few
    widths occur.
    """
    import cv2

    zoom = DIGIT / HEIGHT
    ink = writing.ink
    black = (ink >= INK).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(black)
    middle = middle_of(stats[1:, :4], ink.shape[0]) * zoom
    size = (max(4, round(ink.shape[1] * zoom)), max(4, round(ink.shape[0] * zoom)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)[:, :WIDEST]
    columns = max(small.shape[1] + 2 * MARGIN, NARROWEST)
    strip = np.zeros((ROWS, columns + -columns % 8), np.float32)
    top = round(ROWS / 2 - middle)
    first, last = max(0, top), min(ROWS, top + small.shape[0])
    if last > first:
        strip[first:last, MARGIN : MARGIN + small.shape[1]] = small[first - top : last - top]
    return strip


def warped(
    strip: np.ndarray,
    wide: float,
    tall: float,
    shear: float = 0.0,
    down: float = 0.0,
    bends: Callable[[int, int], np.ndarray] | None = None,
) -> np.ndarray:
    """Return a strip stretched about its middle row, sheared (x per y), moved down by pixels.

    The first symbol stays behind the margin; columns are a multiple of eight. `bends` tells
    for rows and columns where points move: float32 (rows, columns, 2), x and y in pixels.
    """
    import cv2

    columns = max(NARROWEST, round((strip.shape[1] - 2 * MARGIN) * wide) + 2 * MARGIN)
    columns += -columns % 8
    middle = (ROWS - 1) / 2
    move = np.array([[wide, shear, 0], [0, tall, 0]], np.float64)
    move[0, 2] = MARGIN * (1 - wide) - shear * middle
    move[1, 2] = middle * (1 - tall) + down
    if bends is None:
        return cv2.warpAffine(strip, move, (columns, ROWS), flags=cv2.INTER_LINEAR)
    grid = np.dstack(np.meshgrid(np.arange(columns), np.arange(ROWS))).astype(np.float32)
    back = cv2.invertAffineTransform(move).astype(np.float32)
    points = cv2.transform((grid + bends(ROWS, columns)).astype(np.float32), back)
    return cv2.remap(strip, points, None, cv2.INTER_LINEAR)


class StripReader:
    """Replicated networks with their weights; may be shared between threads.

    One or two look at strips; a third reads what these two make of the whole line.
    """

    def __init__(self, *networks: Network) -> None:
        self.networks, self.context = networks, networks[2] if networks[2:] else None
        self._using = threading.Lock()

    def looks(self, strip: np.ndarray) -> list[np.ndarray]:
        """Return penalties, one table for each look: the plain ones first, context last.

        Every network looks at all `SIZES`; the context is that of the plain looks.
        """
        which = range(len(self.networks[:2]))
        plain = [self.look(strip, network) for network in which]
        found = [penalties for penalties, _ in plain]
        for size in SIZES[1:]:
            seen = warped(strip, *size)
            found += [self.look(seen, network)[0] for network in which]
        if self.context is not None:
            found.append(self.in_context(side_by_side(*(hidden for _, hidden in plain))))
        return found

    def heard(self, strip: np.ndarray) -> np.ndarray:
        """Return a strip as the context network sees it, see `side_by_side`."""
        return side_by_side(*(self.look(strip, which)[1] for which in (0, 1)))

    def scores(self, strip: np.ndarray, which: int = 0) -> np.ndarray:
        """Return penalties -log p (places, symbols and blank) for a strip (32, columns).

        `which` network looks: 0 or 1.
        """
        return self.look(strip, which)[0]

    def look(self, strip: np.ndarray, which: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the penalties of a network, and the states (maps, places) they come from."""
        with self._using:
            replica = self.networks[which].program.replicate(*strip.shape)
            scores = replica.run(strip)[:, 0]
            return penalties_of(scores), replica.states([*replica.layers][-2])[:, 0]

    def in_context(self, line: np.ndarray) -> np.ndarray:
        """Return the penalties (places, symbols and blank) of a line as `heard`."""
        with self._using:
            return penalties_of(self.context.program.replicate(*line.shape).run(line)[:, 0])


def penalties_of(scores: np.ndarray) -> np.ndarray:
    """Return -log p, float64 (places, classes), of the outputs (classes, places)."""
    table = scores.T.astype(np.float64)
    top = table.max(axis=1, keepdims=True)
    return top + np.log(np.exp(table - top).sum(axis=1, keepdims=True)) - table


def side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return a line as the context network sees it: float32 (maps of both, places).

    The states (maps, places) of the two networks of strips, the second of which has less
    places, are put side by side on a logarithmic scale; at either end of the line they last.
    """
    less = (first.shape[1] - second.shape[1]) // 2
    both = np.concatenate([first[:, less : less + second.shape[1]], second])
    return np.pad(np.log1p(np.maximum(both, 0)), ((0, 0), (REACH, REACH)), mode="edge")


def lattice(penalties: np.ndarray) -> gtn.Graph:
    """Return the graph of all label sequences (places, classes), the unlikely left out."""
    places = len(penalties)
    best = penalties.min(axis=1, keepdims=True)
    at, label = np.nonzero(penalties <= best + SPREAD)
    return gtn.Graph(
        places + 1,
        [0],
        [places],
        at.astype(np.int32),
        (at + 1).astype(np.int32),
        label.astype(np.int32),
        penalty=penalties[at, label],
        calc_grad=False,
    )


@lru_cache(KEPT)
def legal_sequences(text: str) -> gtn.Graph:
    """Return what turns label sequences into the strings of a grammar."""
    return gtn.compose(gtn.character_model(range(BLANK + 1), blank=BLANK), grammar(text))


def aligned(penalties: np.ndarray, string: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last place of every symbol on the best path that spells a string."""
    runs = gtn.ctc_graph(string, blank=BLANK)
    spoken = gtn.compose(gtn.linear_graph(penalties), runs)
    path = gtn.viterbi_path(spoken)
    node = runs.dst[spoken.origin[1][path.arcs]]  # 2k + 1 on symbol k
    places = [np.flatnonzero(node == 2 * k + 1) for k in range(len(string))]
    return [(int(at[0]), int(at[-1])) for at in places]


def writing_column(place: float) -> float:
    """Return the column of the normalised writing on which a place of the network looks."""
    return (STEP * place + WINDOW / 2 - MARGIN) * HEIGHT / DIGIT
