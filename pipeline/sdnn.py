"""The second engine: space displacement networks over the whole strip, no cuts at all.

Place on the road: normalised writing -> scores of every symbol, and of *no symbol*, every two
columns -> lattice -> character model and grammar -> strings. The networks are the scripts
`lenet/nets/strip.sn` and `strip-wide.sn`, replicated over the width of the strip (LeCun et al.
1998, sec. VII). What the first engine reads by cutting, this one reads by looking: their errors
differ, and so do those of its two networks, which see more or less of the neighbours.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

import gtn
import lenet
from lenet.networks import Network
from pipeline.confidence import NETWORKS, own_weights
from pipeline.grammars import KEPT, SYMBOLS, grammar
from pipeline.normalization import HEIGHT, INK, Writing
from pipeline.segmentation import middle_of

ROWS, DIGIT = 32, 20  # rows of a strip, and of the digits on it
WINDOW, STEP = 34, 2  # columns the first network sees, and from one place to the next
MARGIN = 18  # white columns at either end: the first symbol must reach the middle of a window
NARROWEST, WIDEST = 48, 2000  # columns; longer strips hold no amount
BLANK = len(SYMBOLS)
SIZES = ((1.0, 1.0), (0.9, 0.93), (1.1, 1.06))  # widths and heights at which a strip is seen
SPREAD = 9.0  # classes dearer than the best of a place by more are left out
EMPTY: Mapping = MappingProxyType({})
MOST = 4000  # arcs of a lattice: over what is no writing every class may stand everywhere


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
    """Replicated networks with their weights, one or two; may be shared between threads.

    `own` are the weights of networks that read the lines of a grammar instead of these, one
    file for each; they are loaded when first `under` asks for them.
    """

    def __init__(self, *networks: Network, own: Mapping[str, Sequence[Path]] = EMPTY) -> None:
        self.networks = networks
        self.own = own
        self._others: dict[str, StripReader] = {}
        self._using = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> "StripReader":
        """Return the networks of strips with the weights of a folder. Raises NetworkError."""
        networks = (lenet.load(name, folder / f"{name}.wei") for name in NETWORKS["sdnn"])
        return cls(*networks, own=own_weights(folder))

    def under(self, text: str) -> "StripReader":
        """Return what reads the lines of a grammar: networks of its own, or these."""
        if text not in self.own:
            return self
        with self._using:
            if text not in self._others:
                pairs = zip(NETWORKS["sdnn"], self.own[text], strict=True)
                self._others[text] = StripReader(*(lenet.load(n, file) for n, file in pairs))
            return self._others[text]

    def looks(self, strip: np.ndarray) -> list[np.ndarray]:
        """Return the penalties of every network at all `SIZES`, the plain looks first."""
        sizes = [strip, *(warped(strip, *size) for size in SIZES[1:])]
        which = range(len(self.networks))
        return [self.scores(seen, network) for seen in sizes for network in which]

    def scores(self, strip: np.ndarray, which: int = 0) -> np.ndarray:
        """Return penalties -log p (places, symbols and blank) for a strip (32, columns).

        `which` network looks: 0 or 1.
        """
        with self._using:
            scores = self.networks[which].program.replicate(*strip.shape).run(strip)[:, 0]
        table = scores.T.astype(np.float64)
        top = table.max(axis=1, keepdims=True)
        return top + np.log(np.exp(table - top).sum(axis=1, keepdims=True)) - table


def lattice(penalties: np.ndarray) -> gtn.Graph:
    """Return the graph of all label sequences (places, classes), the unlikely left out."""
    places = len(penalties)
    dearer = penalties - penalties.min(axis=1, keepdims=True)
    spread = SPREAD
    if np.count_nonzero(dearer <= SPREAD) > MOST:
        spread = np.partition(dearer, MOST, axis=None)[MOST - 1]
    at, label = np.nonzero(dearer <= spread)
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
