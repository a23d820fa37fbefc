"""Reading as the demonstration of 1993 did: one look of a small network for each digit.

What hangs together is taken for one digit, brought to the size the network learnt, without the
ink of others, and shown to it once; long flat marks are dashes. There is no second cut and no
grammar in the search, so touching digits are not read. The networks are SN scripts of `lenet`,
and `demo.sn` looks. No source says how the original cut its strips (papers.md, section 7); this
is the plainest way.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.confidence import Calibration
from pipeline.normalization import HEIGHT, INK, normalize
from pipeline.recognition import SMALLEST, Decoded
from pipeline.records import Character

if TYPE_CHECKING:
    from lenet.networks import Network

SCRIPT = Path(__file__).parent / "demo.sn"
NETS = {"net1989": "zipcode", "lenet1": "lenet1", "lenet5": "lenet5"}
OVERLAP = 0.5  # share of the narrower part, side by side, above which two parts are one digit
MARK, FLAT = 0.5, 0.35  # of the digit height: lower parts are marks; the flat ones are dashes
WIDE = 1.35  # times as wide as high: more than one digit
RIM = 5  # pixels across, within which faint ink is that of a black pixel
DUST = 0.004  # of the square of the digit height: less ink than that is dirt

Place = tuple[int, int, int, int]


class PeriodEngine:
    """One network, one look for each digit; it learned distorted digits where there are such.

    Parameters
    ----------
    name : str
        One of `NETS`.

    Raises
    ------
    lenet.networks.NetworkError
        If the network has no weights.
    """

    mode = "period"
    strips = None

    def __init__(self, name: str) -> None:
        import lenet
        from lenet.networks import distorted

        self.name = name
        self.network: Network = lenet.load(NETS[name], distorted(NETS[name]))
        self.sha256 = self.network.sha256
        self.calibration = Calibration()
        self.recognizer = OneLook(self.network)

    def decode(
        self, image: np.ndarray, text: str = "digits", dpi: float | None = None
    ) -> Decoded:
        """Read one line: image uint8 (rows, columns), paper light; see `Engine.decode`."""
        writing = normalize(image)
        if writing is None:
            return Decoded((), (), 0.0, 0.0, "blank", "no ink found")
        quality: dict[str, object] = {"digit_height": round(writing.digit_height, 1)}
        if writing.digit_height < SMALLEST:
            return Decoded((), (), 0.0, 0.0, "low_resolution", "digits are too small", quality)
        places, owner = parts(writing.ink)
        digits = [k for k, place in enumerate(places) if place[3] >= MARK * HEIGHT]
        if not digits:
            return Decoded((), (), 0.0, 0.0, "blank", "no digit found", quality)
        from lenet.export import digit_height

        side, high = self.network.retina.side, digit_height(self.network)
        sure = self.recognizer.fprop(
            np.stack(
                [retina(apart(writing.ink, owner == k), places[k], side, high) for k in digits]
            )
        )
        looks = iter(sure)
        characters = []
        for k, place in enumerate(places):
            box = writing.box(*place)
            if k in digits:
                p = next(looks)
                first, second = np.argsort(-p, kind="stable")[:2]
                margin = float(p[first] - p[second])
                others = ((str(second), round(float(p[second]), 4)),)
                characters.append(Character(str(first), round(margin, 4), box, others))
            elif place[2] > place[3] and place[3] < FLAT * HEIGHT:
                characters.append(Character("-", 1.0, box))
        string = "".join(c.char for c in characters)
        confidence = math.prod(c.p for c in characters)
        reason = note = None
        if any(places[k][2] > WIDE * places[k][3] for k in digits):
            reason, note = "ambiguous", "digits touch, and this reader cuts nothing"
        elif not fits(string, text):
            reason, note = "grammar", f"{string} is not what was asked for"
        n_best = ((string, round(confidence, 6)),)
        return Decoded(n_best, tuple(characters), confidence, 0.0, reason, note or "", quality)


class OneLook:
    """A network of `lenet` as the engine's recognizer: retinas in, confidences out.

    The looking is done in SN, by `demo.sn` in the network's own interpreter, with the exact
    arithmetic of the simulator.
    """

    def __init__(self, network: "Network") -> None:
        self.network = network
        self.interpreter, self.sizes = network.interpreter, network.sizes
        self.interpreter.run(lambda: self.interpreter.load(SCRIPT))
        self.pictures = self.interpreter.intern("strip-pictures")

    def fprop(self, images: np.ndarray) -> np.ndarray:
        """Return confidences (n, 10), 0 to 1, for ink (n, side, side), 0 to 1."""
        from lenet.animate import confidences
        from sn.matrix import Matrix

        look = self.network.retina
        pixels = (look.paper + images * (look.ink - look.paper)).astype(np.float32)
        self.pictures.value = Matrix(pixels.reshape(len(images), -1), "f")
        outputs = self.interpreter.value(f"(look-at-strip strip-pictures {len(images)})")
        rows = np.array([list(row) for row in outputs])
        return confidences(self.network, rows.T).T


def parts(ink: np.ndarray) -> tuple[list[Place], np.ndarray]:
    """Return the boxes (x, y, width, height) of what hangs together, from left to right.

    Parts above each other are one: the flag of a five belongs to the five. Second comes to
    which of them every pixel belongs (rows, columns), -1 to none.
    """
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink >= INK).astype(np.uint8))
    dust = DUST * HEIGHT * HEIGHT
    boxes = sorted(
        (int(x), int(y), int(w), int(h), label)
        for label, (x, y, w, h, area) in enumerate(stats)
        if label and area >= dust
    )
    owner = np.full(len(stats), -1)
    merged: list[Place] = []
    for x, y, w, h, label in boxes:
        if merged:
            left, top, wide, high = merged[-1]
            shared = min(left + wide, x + w) - max(left, x)
            if shared > OVERLAP * min(wide, w):
                right, low = max(left + wide, x + w), max(top + high, y + h)
                left, top = min(left, x), min(top, y)
                merged[-1] = left, top, right - left, low - top
                owner[label] = len(merged) - 1
                continue
        owner[label] = len(merged)
        merged.append((x, y, w, h))
    return merged, owner[labels]


def apart(ink: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return the ink of a part, `mine` (rows, columns) its black pixels, with its faint rim."""
    import cv2

    return ink * cv2.dilate(mine.astype(np.uint8), np.ones((RIM, RIM), np.uint8))


def retina(ink: np.ndarray, place: Place, side: int, high: int) -> np.ndarray:
    """Return what a network of `side` pixels sees of a place: ink float32 (side, side).

    The longer edge becomes `high` pixels; where there is room, the mass is in the middle.
    """
    import cv2

    x, y, w, h = place
    scale = high / max(w, h)
    rows, columns = max(1, round(h * scale)), max(1, round(w * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(ink[y : y + h, x : x + w], (columns, rows), interpolation=how)
    mass = max(float(small.sum()), 1e-6)
    down = float(small.sum(axis=1) @ (np.arange(rows) + 0.5)) / mass
    across = float(small.sum(axis=0) @ (np.arange(columns) + 0.5)) / mass
    top = min(max(0, round(side / 2 - down)), side - rows)
    left = min(max(0, round(side / 2 - across)), side - columns)
    seen = np.zeros((side, side), np.float32)
    seen[top : top + rows, left : left + columns] = small
    return seen


def fits(string: str, text: str) -> bool:
    """Tell whether a string is one of a grammar's."""
    import gtn
    from pipeline.grammars import SYMBOLS, grammar

    chain = gtn.chain_graph([SYMBOLS.index(c) for c in string])
    return gtn.viterbi_path(gtn.compose(chain, grammar(text))) is not None
