"""A sheet on which a check is printed and written: the designer's pens, words and names.

Public lengths are inches from the upper left corner. Print comes from `pipeline.printing`,
writing from one hand.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.handwriting import StrokeHand
from pipeline.papers import KINDS, frame, paper, rule
from pipeline.pens import Hand, Script, random_pen
from pipeline.printing import print_code, print_text, text_width
from pipeline.synthesis import Style, compose, random_style

Box = tuple[int, int, int, int]

# fmt: off
ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
PAYEES = (
    "Dora Bell", "Lake Garage", "Holm Nursery", "Paul Reed & Son", "Glass and Frame",
    "Red Barn Feed", "Clara Moss", "North End Books", "Marsh Dental", "Tom Ferro",
    "Oak Lane School", "The Corner Shop", "Wood and Nail", "Lena Park", "Bay Street Gas",
    "Heron Clinic", "Alma Pereira", "Stone Mill Bakery",
)
PEOPLE = (
    "Anna Holm", "Peter Larch", "Maria Soto", "John Weaver", "Ruth Pine", "Carl Benson",
    "Edith Marlow", "Leo Brandt", "Grace Fell", "Oscar Dahl",
)
# fmt: on
FIRMS = (
    "HOLM FABRICS",
    "LARCH & MOSS",
    "NORTH LIGHT SUPPLY",
    "TIDEWATER TOOLS",
    "PINE STREET MILL",
)
BANKS = ("FIRST DRAWN BANK", "BANK OF NOWHERE", "SAMPLE SAVINGS", "STROKE NATIONAL BANK")
NOTES = ("rent", "books", "garden", "repairs", "invoice 4417", "dues", "tuition", "milk")


def in_words(value: int) -> str:
    """Return a whole number below a thousand million in English words.

    >>> in_words(1250)
    'one thousand two hundred fifty'
    """
    if value < 20:
        return ONES[value]
    if value < 100:
        ten, one = divmod(value, 10)
        return TENS[ten - 2] + ("-" + ONES[one] if one else "")
    for size, name in ((1000000, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            many, rest = divmod(value, size)
            return f"{in_words(many)} {name}" + (" " + in_words(rest) if rest else "")
    raise AssertionError("every number of 20 and more has been handled")


def routing(digits: Sequence[int]) -> str:
    """Make a routing number of nine digits: a district of the first two, and the checksum.

    >>> routing([9, 7, 1, 0, 0, 0, 0, 1, 0])
    '021000018'
    """
    district = (int(digits[0]) * 10 + int(digits[1])) % 12 + 1
    first = f"{district:02d}" + "".join(str(d) for d in digits[2:8])
    total = sum(int(d) * w for d, w in zip(first, (3, 7, 1) * 3, strict=False))
    return first + str(-total % 10)


def careful(style: Style, rng: np.random.Generator) -> Style:
    """Return the style of somebody who takes care."""
    unit = style.script.height / 36
    return replace(
        style,
        gap=max(style.gap, 2.5 * unit),
        gap_spread=min(style.gap_spread, 1.0 * unit),
        size_spread=min(style.size_spread, 0.05),
        cents="plain" if rng.random() < 0.6 else style.cents,
        stacked=False,
        flourish=0.0,
        join=0.4 * style.join,
    )


class Desk:
    """A blank check being printed and written on; public lengths are inches."""

    def __init__(
        self, rng: np.random.Generator, hand: Hand, size: tuple[float, float], dpi: float
    ):
        self.rng, self.hand, self.dpi = rng, hand, dpi
        self.width, self.height = size
        shape = (round(size[1] * dpi), round(size[0] * dpi))
        kind = KINDS[int(rng.choice(5, p=(0.34, 0.22, 0.24, 0.06, 0.14)))]
        depth = np.float32(rng.uniform(0.35, 0.75))
        self.sheet = 1 - (1 - paper(shape, rng, kind, dpi)) * depth
        self.tone = float(rng.uniform(0.12, 0.5))
        self.line = float(rng.uniform(0.005, 0.012))
        pen = random_pen(rng)
        self.pen = replace(pen, ink=1.0, grain=min(pen.grain, 0.2))
        self.nib = float(np.clip(0.017 * np.exp(0.22 * rng.standard_normal()), 0.011, 0.03))
        slant = float(np.clip(rng.normal(0.2, 0.15), -0.1, 0.5))
        self.script = Script(30.0, slant, float(rng.uniform(0.85, 1.2)), self.pen)
        self.dark = float(rng.uniform(0.08, 0.3))
        self.clear = False
        self.text, self.box, self.field = "", (0, 0, 0, 0), (0, 0, 0, 0)
        self.written = 0, 0, np.zeros((0, 0), np.float32)  # what was written last
        self.ink = np.zeros(shape, np.uint8)  # 1 the amount, 2 printed currency marks
        self.dated: tuple[str, Box] | None = None
        self.line_of_code: tuple[str, str, str, str] | None = None

    def print(self, text: str, x: float, y: float, size: float = 0.075) -> None:
        """Print capitals `size` inches high."""
        place = (x * self.dpi, y * self.dpi)
        print_text(self.sheet, text, place, size * self.dpi, self.tone)
        if text == "$":
            alone = np.ones_like(self.sheet)
            print_text(alone, text, place, size * self.dpi, 0.0)
            self.ink[alone < 0.9] = 2

    def print_right(self, text: str, x: float, y: float, size: float = 0.075) -> None:
        """Print capitals that end at `x`."""
        self.print(text, x - text_width(text, size), y, size)

    def rule(self, x: float, y: float, length: float) -> None:
        """Print a line to write on."""
        d = self.dpi
        thick = max(self.line * d, 1.0)
        rule(self.sheet, (x * d, y * d), ((x + length) * d, y * d), thick, self.tone)

    def frame(self, x: float, y: float, w: float, h: float, weight: float = 1.0) -> None:
        """Print a box."""
        d = self.dpi
        thick = max(self.line * weight * d, 1.0)
        frame(self.sheet, (x * d, y * d, w * d, h * d), thick, self.tone)

    def shade(self, x: float, y: float, w: float, h: float) -> None:
        """Print a security ground into a field."""
        d = self.dpi
        rows = slice(max(round(y * d), 0), round((y + h) * d))
        part = self.sheet[rows, max(round(x * d), 0) : round((x + w) * d)]
        kind = ("guilloche", "dots", "tinted")[int(self.rng.integers(3))]
        part *= 1 - (1 - paper(part.shape, self.rng, kind, d)) * np.float32(0.7)

    def write(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        room: float,
        *,
        style: Style | None = None,
        hand: Hand | None = None,
        centre: bool = False,
    ) -> Box:
        """Write on the baseline `y`, from `x` on, in at most `room` inches.

        Returns the box of the ink in pixels.
        """
        rng, d = self.rng, self.dpi
        words = re.search("[a-z]{2}", text) is not None
        for _ in range(6):
            height = size * d
            script = replace(
                self.script if style is None else replace(style.script, pen=self.pen),
                height=height,
                pen=replace(self.pen, width=min(self.nib * d / height, 0.16)),
            )
            gap = (-0.02 if words else 0.10) * height
            base = style or Style(
                gap=gap, gap_spread=0.03 * height, drift=0.01, size_spread=0.03
            )
            line = compose(
                text, hand or self.hand, rng, replace(base, script=script, margin=0.02)
            )
            if line.ink.shape[1] <= room * d:
                break
            size *= max(0.55, 0.97 * room * d / line.ink.shape[1])
        h, w = line.ink.shape
        left = round(x * d + (max(room * d - w, 0) / 2 if centre else 0))
        top = round(y * d - line.baseline[0] - line.baseline[1] * w / 2)
        left, top = max(left, 0), max(top, 0)
        part = self.sheet[top : top + h, left : left + w]
        ink = line.ink[: part.shape[0], : part.shape[1]]
        self.written = left, top, ink
        part *= 1 - ink * np.float32(1 - self.dark)
        rows, columns = (
            np.flatnonzero(ink.max(axis=1) > 0.1),
            np.flatnonzero(ink.max(axis=0) > 0.1),
        )
        return (
            left + int(columns[0]),
            top + int(rows[0]),
            int(np.ptp(columns)) + 1,
            int(np.ptp(rows)) + 1,
        )

    def amount(
        self, text: str, x: float, y: float, w: float, h: float, sign: bool = False
    ) -> None:
        """Write the courtesy amount into the field; `sign` keeps a written currency mark."""
        rng = self.rng
        text = text if sign else text.lstrip("$ ") or text
        size = h * float(rng.uniform(0.42, 0.72))
        style = random_style(rng, self.hand, size * self.dpi)
        style = replace(
            style,
            gap=max(style.gap, 0.02 * size * self.dpi),
            slope=float(rng.normal(0, 0.012)),
            flourish=0.0,
        )
        style = careful(style, rng) if self.clear else style
        base = y + h - (h - size) * float(rng.uniform(0.3, 0.65))
        self.box = self.write(
            text, x + 0.06, base, size, w - 0.12, style=style, centre=bool(rng.random() < 0.4)
        )
        self.text = text
        left, top, ink = self.written
        self.ink[top : top + ink.shape[0], left : left + ink.shape[1]][ink > 0.1] = 1
        d = self.dpi
        self.field = (round(x * d), round(y * d), round(w * d), round(h * d))

    def date(self) -> str:
        """Return a date as people write it."""
        rng = self.rng
        m, day, year = rng.integers(1, 13), rng.integers(1, 29), rng.integers(88, 126)
        form = ("{0}/{1}/{2:02d}", "{0}-{1}-{2:02d}", "{1}.{0}.{2:02d}", "{0} {1} {2:02d}")
        return form[int(rng.integers(4))].format(m, day, year % 100)

    def boxed_date(self, x: float, y: float, size: float, room: float) -> None:
        """Write a date into a box that is printed for it, and keep what was written."""
        text = self.date()
        self.dated = (text, self.write(text, x, y, size, room))

    def words(self, money: str) -> str:
        """Return the legal amount of a canonical sum such as ``1250.00``."""
        whole, cents = money.split(".")
        text = in_words(int(whole)) + " and " + (cents if cents != "00" else "00") + "/100"
        return text[0].upper() + text[1:]

    def signature(self, x: float, y: float, room: float) -> None:
        """Sign above a rule."""
        rng = self.rng
        scribbler = StrokeHand(np.random.default_rng(int(rng.integers(1 << 60))), wild=2.2)
        size = float(rng.uniform(0.22, 0.32))
        script = replace(self.script, slant=self.script.slant + 0.25, aspect=1.4)
        gap = -0.1 * size * self.dpi
        style = Style(
            script, gap=gap, gap_spread=2.0, slope=0.04, flourish=float(rng.random() < 0.4)
        )
        self.write(
            PEOPLE[int(rng.integers(len(PEOPLE)))],
            x,
            y,
            size,
            room,
            style=style,
            hand=scribbler,
        )

    def code(self, y: float) -> None:
        """Print the magnetic code line, its routing number one that could be."""
        rng = self.rng
        bank = routing(rng.integers(10, size=9))
        account = "".join(str(i) for i in rng.integers(10, size=int(rng.integers(6, 11))))
        serial = "".join(str(i) for i in rng.integers(10, size=4))
        lines = (f"T{bank}T {account}U {serial}", f"U{serial}U T{bank}T {account}U")
        line = lines[int(rng.integers(2))]
        self.line_of_code = (line, bank, account, serial)
        print_code(
            self.sheet,
            line,
            (rng.uniform(0.3, 0.8) * self.dpi, y * self.dpi),
            self.dpi,
        )

    def some(self, names: Sequence[str]) -> str:
        """Return one of them."""
        return names[int(self.rng.integers(len(names)))]

    def jitter(self, spread: float = 0.06) -> float:
        """Return a small displacement in inches."""
        return float(self.rng.uniform(-spread, spread))
