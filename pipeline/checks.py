"""A designer of checks: layouts, papers, hands and scanners of our own.

`draw_check` makes one whole check with known amount and place; `write_samples` fills a folder
with checks, strips, digit strings and single digits and their answers. Lengths of the layouts
are inches; everything printed is drawn by `pipeline.printing`, everything written by a
`pipeline.handwriting.StrokeHand`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.desk import BANKS, FIRMS, NOTES, PAYEES, PEOPLE, Box, Desk, careful
from pipeline.handwriting import DIGITS, StrokeHand
from pipeline.papers import KINDS, paper, scan, strip
from pipeline.pens import Hand
from pipeline.photographs import photograph
from pipeline.sheet import enclosing
from pipeline.synthesis import Style, compose, random_style
from pipeline.texts import random_amount, random_digits, random_phone


@dataclass(frozen=True, slots=True)
class Check:
    """A drawn check.

    Attributes
    ----------
    image : numpy.ndarray
        uint8 (H, W), dark on light.
    text : str
        The courtesy amount as written, without a printed currency mark.
    box : tuple of int
        x, y, width, height of the amount's ink in the image.
    field : tuple of int
        x, y, width, height of the place printed for it (a box, or the room above a rule).
    layout : str
        Name of the layout, a key of `LAYOUTS`.
    dpi : float
        Pixels per inch.
    code : tuple of str or None
        The code line, its routing number, account and serial number; None without one.
    ink : numpy.ndarray or None
        uint8 (H, W): 1 where the amount is written, 2 where a currency mark is printed.
    date : tuple or None
        The date as written and the box of its ink, where the layout prints a box for it.
    """

    image: np.ndarray
    text: str
    box: Box
    field: Box
    layout: str
    dpi: float
    code: tuple[str, str, str, str] | None = None
    ink: np.ndarray | None = None
    date: tuple[str, Box] | None = None


def _head(desk: Desk, name: str, x: float = 0.25, y: float = 0.3) -> None:
    """Print the account holder's block."""
    desk.print(name, x, y, 0.1)
    desk.print(f"{desk.rng.integers(10, 990)} RIVER ROAD", x, y + 0.14, 0.065)
    desk.print(f"SOMEWHERE {desk.rng.integers(10000, 99999)}", x, y + 0.26, 0.065)


def _written(desk: Desk, money: str, y_payee: float, y_words: float, right: float) -> None:
    """Write payee and legal amount."""
    size = float(desk.rng.uniform(0.15, 0.2))
    desk.write(desk.some(PAYEES), 1.05 + desk.jitter(), y_payee - 0.02, size, right - 1.2)
    room = right - 0.35
    desk.write(desk.words(money), 0.35 + desk.jitter(), y_words - 0.02, size, room)


def _foot(desk: Desk, y: float, right: float) -> None:
    """Print and fill memo, signature and code line."""
    desk.print("MEMO", 0.25, y)
    desk.rule(0.6, y + 0.02, 1.8)
    desk.write(desk.some(NOTES), 0.7, y, 0.15, 1.5)
    desk.rule(right - 2.3, y + 0.02, 2.3)
    desk.signature(right - 2.2, y, 2.1)
    desk.code(desk.height - 0.19 - abs(desk.jitter(0.05)))


def _personal(desk: Desk, money: str, text: str) -> None:
    rng = desk.rng
    right = desk.width - 0.25
    _head(desk, desk.some(PEOPLE))
    desk.print_right(str(rng.integers(101, 9999)), right, 0.32, 0.12)
    desk.print_right(
        f"{rng.integers(10, 99)}-{rng.integers(100, 999)}/{rng.integers(100, 999)}",
        right,
        0.46,
        0.05,
    )
    desk.print("DATE", right - 1.75, 0.68)
    desk.rule(right - 1.4, 0.7, 1.15)
    desk.write(desk.date(), right - 1.3, 0.68, 0.15, 1.0)
    y = 1.12 + desk.jitter()
    w, h = 1.05 + abs(desk.jitter(0.2)), 0.27 + abs(desk.jitter(0.06))
    x = right - w + desk.jitter(0.04)
    desk.print("PAY TO THE", 0.25, y - 0.1, 0.06)
    desk.print("ORDER OF", 0.25, y, 0.06)
    desk.rule(0.95, y + 0.02, x - 0.32 - 0.95)
    desk.print("$", x - 0.19, y + 0.01, 0.17)
    if rng.random() < 0.4:
        desk.shade(x, y - h + 0.04, w, h)
    desk.frame(x, y - h + 0.04, w, h, 1.0 if rng.random() < 0.7 else 2.2)
    below = y + 0.4 + desk.jitter(0.04)
    desk.rule(0.25, below + 0.02, right - 1.1)
    desk.print("DOLLARS", right - 0.75, below + 0.02, 0.08)
    _written(desk, money, y, below, x - 0.3 if x - 0.3 < right - 0.9 else right - 0.9)
    desk.print(desk.some(BANKS), 0.25, below + 0.28, 0.09)
    _foot(desk, 2.28 + desk.jitter(0.03), right)
    desk.amount(text, x, y - h + 0.04, w, h)


def _lined(desk: Desk, money: str, text: str) -> None:
    """Draw a personal check without a box: a currency mark and a rule."""
    rng = desk.rng
    right = desk.width - 0.25
    _head(desk, desk.some(PEOPLE))
    desk.print_right("NO. " + str(rng.integers(101, 999)), right, 0.3, 0.1)
    desk.rule(right - 2.2, 0.66, 1.5)
    desk.print("19", right - 0.62, 0.66, 0.09)
    desk.write(desk.date(), right - 2.1, 0.64, 0.15, 1.3)
    y = 1.1 + desk.jitter()
    w, h = 1.2 + abs(desk.jitter(0.2)), 0.34
    x = right - w
    desk.print("PAY TO", 0.25, y - 0.1, 0.065)
    desk.print("ORDER OF", 0.25, y, 0.065)
    desk.rule(0.95, y + 0.02, x - 0.3 - 0.95)
    desk.print("$", x - 0.22, y + 0.01, 0.2)
    desk.rule(x, y + 0.02, w)
    below = y + 0.4 + desk.jitter(0.04)
    desk.rule(0.25, below + 0.02, right - 1.1)
    desk.print("DOLLARS", right - 0.75, below + 0.02, 0.08)
    _written(desk, money, y, below, x - 0.3)
    desk.print(desk.some(BANKS), 0.25, below + 0.28, 0.1)
    _foot(desk, 2.28 + desk.jitter(0.03), right)
    desk.amount(text, x, y - h + 0.01, w, h)


def _business(desk: Desk, money: str, text: str) -> None:
    rng = desk.rng
    right = desk.width - 0.3
    _head(desk, desk.some(FIRMS), 0.35, 0.38)
    desk.print(desk.some(BANKS), 3.2, 0.4, 0.09)
    desk.print_right("CHECK NO. " + str(rng.integers(10000, 99999)), right, 0.36, 0.11)
    desk.print("DATE", right - 2.0, 0.78)
    desk.rule(right - 1.6, 0.8, 1.4)
    desk.write(desk.date(), right - 1.5, 0.78, 0.17, 1.2)
    y = 1.45 + desk.jitter()
    w, h = 1.5 + desk.jitter(0.2), 0.36 + abs(desk.jitter(0.08))
    x = right - w
    desk.print("PAY", 0.35, y, 0.09)
    desk.rule(0.7, y + 0.03, x - 1.0)
    desk.print("AMOUNT", x + 0.05, y - h - 0.02, 0.07)
    if rng.random() < 0.5:
        desk.shade(x, y - h + 0.06, w, h)
    desk.frame(x, y - h + 0.06, w, h, 1.5)
    inside = rng.random() < 0.5
    if inside:
        desk.print("$", x + 0.06, y, 0.16)
    size = float(rng.uniform(0.16, 0.2))
    desk.write(desk.words(money), 0.8, y, size, x - 1.2)
    below = y + 0.5
    desk.print("TO THE", 0.35, below - 0.11, 0.065)
    desk.print("ORDER OF", 0.35, below, 0.065)
    desk.rule(1.1, below + 0.03, 4.0)
    desk.write(desk.some(PAYEES), 1.25, below, size, 3.6)
    for k in range(2):
        desk.rule(right - 2.6, 2.35 + 0.42 * k, 2.6)
    desk.print("AUTHORIZED SIGNATURE", right - 2.0, 2.87, 0.055)
    desk.signature(right - 2.4, 2.33 + 0.42 * float(rng.integers(2)), 2.3)
    if rng.random() < 0.4:
        desk.print("NOT VALID OVER $5,000.00", 0.35, 2.75, 0.06)
    desk.code(desk.height - 0.22)
    shift = 0.2 if inside else 0.0
    desk.amount(text, x + shift, y - h + 0.06, w - shift, h, sign=not inside)


def _table(desk: Desk, money: str, text: str) -> None:
    """Draw a business check whose date, number and amount stand in a row of boxes."""
    rng = desk.rng
    right = desk.width - 0.3
    _head(desk, desk.some(FIRMS), 0.35, 0.38)
    y, h = 1.0 + desk.jitter(), 0.4
    widths = (1.05, 0.95, 1.6)
    x = right - sum(widths)
    for label, w in zip(("DATE", "CHECK NO.", "AMOUNT"), widths, strict=True):
        desk.frame(x, y, w, h)
        desk.rule(x, y + 0.12, w)
        desk.print(label, x + 0.1, y + 0.1, 0.065)
        if label == "DATE":
            desk.boxed_date(x + 0.08, y + h - 0.06, 0.14, w - 0.16)
        elif label == "CHECK NO.":
            desk.print(str(rng.integers(10000, 99999)), x + 0.2, y + h - 0.08, 0.11)
        else:
            field = (x, y + 0.12, w, h - 0.12)
        x += w
    desk.print("PAY TO THE ORDER OF", 0.35, 1.85, 0.06)
    desk.rule(1.7, 1.88, 4.2)
    size = float(rng.uniform(0.16, 0.2))
    desk.write(desk.some(PAYEES), 1.9, 1.86, size, 3.8)
    desk.rule(0.35, 2.28, right - 1.3)
    desk.print("DOLLARS", right - 0.8, 2.28, 0.08)
    desk.write(desk.words(money), 0.5, 2.26, size, right - 1.6)
    desk.print(desk.some(BANKS), 0.35, 2.7, 0.1)
    desk.rule(right - 2.6, 2.9, 2.6)
    desk.signature(right - 2.4, 2.88, 2.3)
    desk.code(desk.height - 0.22)
    desk.amount(text, *field, sign=True)


def _corner(desk: Desk, money: str, text: str) -> None:
    """Draw a check with a large amount box in the upper right corner."""
    rng = desk.rng
    right = desk.width - 0.2
    w, h = 2.0 + desk.jitter(0.2), 0.42 + abs(desk.jitter(0.06))
    x, y = right - w, 0.22 + abs(desk.jitter(0.08))
    if rng.random() < 0.8:
        desk.shade(x, y, w, h)
    desk.frame(x, y, w, h)
    inside = rng.random() < 0.6
    if inside:
        desk.print("$", x + 0.06, y + h - 0.1, 0.18)
    desk.print(desk.some(BANKS), 0.3, 0.4, 0.12)
    desk.print("SERIE " + str(rng.integers(1000000, 9999999)), 0.3, 0.62, 0.07)
    desk.rule(3.0, 1.0, right - 3.0)
    desk.write(desk.date(), right - 1.6, 0.98, 0.17, 1.3)
    desk.print("PAY TO", 0.3, 1.35, 0.065)
    desk.rule(1.0, 1.38, right - 1.0)
    size = float(rng.uniform(0.16, 0.2))
    desk.write(desk.some(PAYEES), 1.2, 1.36, size, 4.0)
    desk.print("THE SUM OF", 0.3, 1.75, 0.065)
    desk.rule(1.0, 1.78, right - 1.0)
    desk.write(desk.words(money), 1.2, 1.76, size, right - 1.5)
    desk.print(
        f"{rng.integers(100, 999)}-{rng.integers(10000, 99999)}-{rng.integers(9)}",
        0.3,
        2.3,
        0.08,
    )
    desk.rule(right - 2.4, 2.45, 2.4)
    desk.signature(right - 2.2, 2.43, 2.1)
    desk.code(desk.height - 0.2)
    shift = 0.22 if inside else 0.0
    desk.amount(text, x + shift, y, w - shift, h, sign=not inside)


def _receipt(desk: Desk, money: str, text: str) -> None:
    """Draw a receipt form: the amount box stands lower left."""
    rng = desk.rng
    right = desk.width - 0.3
    desk.print("RECEIPT", 0.3, 0.38, 0.16)
    desk.print_right("NO. " + str(rng.integers(100, 9999)), right, 0.36, 0.1)
    desk.print("DATE", right - 1.9, 0.68)
    desk.rule(right - 1.5, 0.7, 1.5)
    desk.write(desk.date(), right - 1.4, 0.68, 0.15, 1.2)
    size = float(rng.uniform(0.15, 0.2))
    for y, label in ((1.08, "RECEIVED FROM"), (1.5, "THE SUM OF")):
        desk.print(label, 0.3, y, 0.065)
        desk.rule(1.2, y + 0.02, right - 1.2)
    desk.write(desk.some(PAYEES), 1.4, 1.08, size, right - 1.8)
    desk.write(desk.words(money), 1.4, 1.5, size, right - 1.8)
    w, h = 1.5 + desk.jitter(0.2), 0.36
    x, y = 0.6 + desk.jitter(), 1.95 + desk.jitter()
    desk.print("$", x - 0.22, y + h - 0.08, 0.2)
    desk.frame(x, y, w, h, 1.5)
    desk.rule(right - 2.5, 2.35, 2.5)
    desk.signature(right - 2.3, 2.33, 2.2)
    desk.amount(text, x, y, w, h)


def _counter(desk: Desk, money: str, text: str) -> None:
    """Draw a plain counter check: the amount stands on a rule beneath the payee."""
    rng = desk.rng
    right = desk.width - 0.3
    desk.print(desk.some(BANKS), 0.3, 0.42, 0.13)
    desk.print_right("COUNTER CHECK", right, 0.36, 0.08)
    desk.print("DATE", 0.3, 0.8)
    desk.rule(0.75, 0.82, 1.4)
    desk.write(desk.date(), 0.85, 0.8, 0.16, 1.2)
    size = float(rng.uniform(0.15, 0.2))
    desk.print("PAY TO", 0.3, 1.2, 0.07)
    desk.rule(0.9, 1.22, right - 0.9)
    desk.write(desk.some(PAYEES), 1.1, 1.2, size, right - 1.4)
    w, h = 1.3 + abs(desk.jitter(0.2)), 0.34
    x, y = right - w, 1.66 + desk.jitter(0.04)
    desk.print("$", x - 0.2, y + 0.01, 0.19)
    desk.rule(x, y + 0.02, w)
    desk.rule(0.3, y + 0.02, x - 0.9)
    desk.write(desk.words(money), 0.4, y, size, x - 1.1)
    desk.print("DOLLARS", x - 0.55, y + 0.1, 0.055)
    desk.rule(right - 2.3, 2.3, 2.3)
    desk.signature(right - 2.2, 2.28, 2.1)
    desk.code(desk.height - 0.19)
    desk.amount(text, x, y - h + 0.01, w, h)


def _voucher(desk: Desk, money: str, text: str) -> None:
    """Draw a business check with the amount box beside the payee, its mark within."""
    rng = desk.rng
    right = desk.width - 0.35
    _head(desk, desk.some(FIRMS), 0.4, 0.4)
    desk.print_right(str(rng.integers(10000, 99999)), right, 0.4, 0.13)
    desk.print("VOUCHER", 4.2, 0.45, 0.08)
    desk.print("DATE", right - 1.9, 0.95)
    desk.frame(right - 1.5, 0.72, 1.5, 0.28)
    desk.boxed_date(right - 1.4, 0.95, 0.15, 1.2)
    size = float(rng.uniform(0.16, 0.2))
    desk.rule(0.4, 1.35, right - 0.4)
    desk.write(desk.words(money), 0.6, 1.33, size, right - 1.2)
    y = 1.9 + desk.jitter(0.05)
    w, h = 1.7 + desk.jitter(0.15), 0.38 + abs(desk.jitter(0.05))
    x = right - w
    desk.print("TO THE ORDER OF", 0.4, y, 0.065)
    desk.rule(1.5, y + 0.03, x - 1.8)
    desk.write(desk.some(PAYEES), 1.7, y, size, x - 2.2)
    if rng.random() < 0.5:
        desk.shade(x, y - h + 0.06, w, h)
    desk.frame(x, y - h + 0.06, w, h, 1.5)
    desk.print("$", x + 0.07, y - 0.01, 0.17)
    desk.print(desk.some(BANKS), 0.4, 2.6, 0.1)
    desk.rule(right - 2.7, 2.75, 2.7)
    desk.signature(right - 2.5, 2.73, 2.3)
    desk.code(desk.height - 0.22)
    desk.amount(text, x + 0.22, y - h + 0.06, w - 0.22, h)


LAYOUTS: dict[str, tuple[tuple[float, float], Callable[[Desk, str, str], None]]] = {
    "personal": ((6.0, 2.75), _personal),
    "lined": ((6.0, 2.75), _lined),
    "business": ((8.25, 3.5), _business),
    "table": ((8.25, 3.5), _table),
    "corner": ((7.0, 3.0), _corner),
    "receipt": ((6.5, 2.75), _receipt),
}
UNSEEN: dict[str, tuple[tuple[float, float], Callable[[Desk, str, str], None]]] = {
    # Nothing is fitted to these: they tell how layouts are read that nobody thought of.
    "counter": ((6.0, 2.75), _counter),
    "voucher": ((8.5, 3.5), _voucher),
}


def amount_value(text: str) -> str:
    """Return the canonical value, such as ``1250.00``, of a text of `random_amount`."""
    cents = re.search(r"[.,](\d\d)[-=*#]*$|(\d\d)/100", text)
    whole = text[: cents.start()] if cents else re.sub(r"xx/100", "", text)
    value = re.sub(r"\D", "", whole)
    return f"{int(value or 0)}.{(cents[1] or cents[2]) if cents else '00'}"


def draw_check(
    rng: np.random.Generator,
    layout: str | None = None,
    hand: Hand | None = None,
    *,
    dpi: float = 200,
    bilevel: bool | None = None,
    noise: float | None = None,
    clear: bool = False,
    photo: bool = False,
    upside_down: bool = False,
) -> Check:
    """Draw a whole check.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything that is not given.
    layout : str, optional
        A key of `LAYOUTS` or `UNSEEN`; one of `LAYOUTS` when not given.
    hand : Hand, optional
        Who fills it in; a new stroke hand when not given. It must write letters.
    dpi : float
        Pixels per inch of the image.
    bilevel : bool, optional
        Black and white, as fax and check scanners deliver; one in eight when not given.
    noise : float, optional
        Deviation of the scanner's grey noise, 0..1.
    clear : bool
        Write the amount well apart and mostly in plain cents.
    photo : bool
        Photograph it with a telephone instead of scanning it; `dpi`, `bilevel` and `noise` are
        then those of the camera.
    upside_down : bool
        Lay it the wrong way round.

    Returns
    -------
    Check
        Image, amount and where it stands.
    """
    import cv2

    hand = StrokeHand(rng) if hand is None else hand
    layout = list(LAYOUTS)[int(rng.integers(len(LAYOUTS)))] if layout is None else layout
    size, design = (LAYOUTS | UNSEEN)[layout]
    american = True if layout not in ("corner", "receipt") else None
    text = random_amount(rng, american)
    while len(text) > 13:
        text = random_amount(rng, american)
    desk = Desk(rng, hand, size, 200.0)
    desk.clear = clear
    design(desk, amount_value(text), text)
    if photo:
        image, move = photograph(desk.sheet, rng, upside_down=upside_down)
        dpi = 200 * float(np.sqrt(abs(np.linalg.det(move[:2, :2]))))
    else:
        scale = dpi / 200
        turn = float(rng.normal(0, 0.35)) if rng.random() < 0.5 else 0.0
        image = scan(
            desk.sheet,
            rng,
            scale=scale,
            noise=float(rng.uniform(0.002, 0.02)) if noise is None else noise,
            blur=float(rng.uniform(0.3, 0.8)),
            shade=float(rng.uniform(0.01, 0.05)) if rng.random() < 0.3 else 0.0,
            speckle=float(rng.uniform(0.2, 2)) if rng.random() < 0.2 else 0.0,
            jpeg=int(rng.integers(50, 92)) if rng.random() < 0.3 and noise is None else 0,
            bilevel=bool(rng.random() < 0.125) if bilevel is None else bilevel,
            turn=turn,
        )
        move = _scanned(desk.sheet.shape, turn, scale)
        if upside_down:
            image = np.ascontiguousarray(image[::-1, ::-1])
            h, w = image.shape
            move = np.array([[-1, 0, w], [0, -1, h], [0, 0, 1]]) @ move
    box, field = (enclosing(b, move, image.shape) for b in (desk.box, desk.field))
    ink = cv2.warpPerspective(desk.ink, move, image.shape[::-1], flags=cv2.INTER_NEAREST)
    date = desk.dated and (desk.dated[0], enclosing(desk.dated[1], move, image.shape))
    return Check(image, desk.text, box, field, layout, dpi, desk.line_of_code, ink, date)


def _scanned(shape: tuple[int, ...], turn: float, scale: float) -> np.ndarray:
    """Return the matrix (3, 3) that takes pixels of a sheet to those of its scan."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    x, y = shape[1] / 2, shape[0] / 2
    moved = np.array([[c, s, x - c * x - s * y], [-s, c, y + s * x - c * y], [0, 0, 1]])
    return np.diag([scale, scale, 1.0]) @ moved


# --- samples -----------------------------------------------------------------------------


def _legible(rng: np.random.Generator) -> tuple[StrokeHand, Style]:
    """Return a clear hand and a clear layout: what a good reader gets right."""
    hand = StrokeHand(rng, wild=float(rng.uniform(0.1, 0.35)))
    style = random_style(rng, hand, float(rng.uniform(32, 42)))
    pen = replace(style.script.pen, ink=1.0, grain=0.0)
    script = replace(style.script, pen=pen)
    return hand, replace(careful(style, rng), script=script, margin=0.4)


def _save(image: np.ndarray, path: Path) -> None:
    """Write a grey image in the format its suffix names; TIFF is bilevel G4, PNG 32 greys."""
    from PIL import Image

    if path.suffix == ".tif":
        Image.fromarray(image > 127).save(path, compression="group4", dpi=(200, 200))
    elif path.suffix == ".jpg":
        Image.fromarray(image).save(path, quality=80, dpi=(200, 200))
    elif path.suffix == ".png":
        coarse = np.rint(np.rint(image / 255 * 31) * (255 / 31)).astype(np.uint8)
        Image.fromarray(coarse).save(path, optimize=True, dpi=(200, 200))
    else:
        Image.fromarray(image).save(path)


def write_samples(folder: Path, seed: int, n: int) -> None:
    """Draw `n` samples of each kind into subfolders of `folder`.

    ``checks/`` holds whole checks, ``strips/`` cropped amounts, ``strings/`` digit strings and
    telephone numbers, ``digits/`` single digits; each with ``labels.tsv`` (a header line, then
    file and text as written). Most files are PNG; in every folder one is a JPEG, one a G4 TIFF
    and one a PGM where there are enough. Equal arguments give equal pixels.

    Parameters
    ----------
    folder : pathlib.Path
        Made when it does not exist; files of the same names are replaced.
    seed : int
        Seed of everything drawn; also written into the file names.
    n : int
        Images of each kind, at least 1.

    Raises
    ------
    ValueError
        When `n` is below 1 or `seed` below 0.
    """
    if n < 1 or seed < 0:
        raise ValueError(
            f"write_samples: n is {n}, seed is {seed}: n >= 1 and seed >= 0 expected"
        )
    makers: dict[str, Callable[[np.random.Generator, int, str], tuple[np.ndarray, str]]] = {
        "checks": _sample_check,
        "strips": _sample_strip,
        "strings": _sample_string,
        "digits": _sample_digit,
    }
    for kind, (name, make) in enumerate(makers.items()):
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        special = {1: ".jpg", 2: ".tif"} | ({} if name == "checks" else {3: ".pgm"})
        rows = ["file\ttext"]
        for i in range(n):
            suffix = special.get(i, ".png")
            image, text = make(np.random.default_rng((seed, kind, i)), i, suffix)
            file = f"{name[:-1]}-{seed}-{i:03d}{suffix}"
            _save(image, place / file)
            rows.append(f"{file}\t{text}")
        (place / "labels.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _sample_check(rng: np.random.Generator, i: int, suffix: str) -> tuple[np.ndarray, str]:
    hand = StrokeHand(rng, wild=float(rng.uniform(0.1, 0.35)))
    layout = list(LAYOUTS)[i % len(LAYOUTS)]
    check = draw_check(rng, layout, hand, bilevel=suffix == ".tif", noise=0.003, clear=True)
    return check.image, check.text


def _sample_strip(rng: np.random.Generator, i: int, suffix: str) -> tuple[np.ndarray, str]:
    hand, style = _legible(rng)
    line = compose(random_amount(rng), hand, rng, style)
    kind = "ruled" if suffix == ".tif" else KINDS[i % len(KINDS)]
    image = strip(line, rng, kind, clear=True)
    return _two_levels(image) if suffix == ".tif" else image, line.text


def _sample_string(rng: np.random.Generator, i: int, suffix: str) -> tuple[np.ndarray, str]:
    hand, style = _legible(rng)
    text = random_phone(rng) if i % 3 == 2 else random_digits(rng, 4, 10)
    line = compose(text, hand, rng, style)
    image = strip(line, rng, KINDS[i % 2], clear=True)
    return _two_levels(image) if suffix == ".tif" else image, line.text


def _sample_digit(rng: np.random.Generator, i: int, suffix: str) -> tuple[np.ndarray, str]:
    hand, style = _legible(rng)
    line = compose(DIGITS[i % 10], hand, rng, style)
    image = scan(paper(line.ink.shape, rng) * (1 - 0.85 * line.ink), rng, noise=0.005)
    return _two_levels(image) if suffix == ".tif" else image, line.text


def _two_levels(image: np.ndarray) -> np.ndarray:
    """Threshold by Otsu's rule."""
    import cv2

    return cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
