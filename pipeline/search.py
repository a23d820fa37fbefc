"""What stands on a page: its sheet, the way up, the candidate fields and the cheapest string.

Place on the road: between the image gate and the decision of `pipeline.reader`, whose settings
say where to look and for what. Every candidate field is decoded and the one with the lowest
total penalty, -log(confidence) plus that of the field, is kept: a first, honest form of the
field graph of 1996. Nothing is decided here.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.confidence import PAGE
from pipeline.errors import BadImage, TooMuch
from pipeline.image import Grey, Page, quantiles
from pipeline.records import CodeLine, WrittenDate
from pipeline.rules import kind_of, library
from pipeline.sheet import Sheet, flattened, standing
from pipeline.views import meaning

if TYPE_CHECKING:
    from pipeline.fields import Field
    from pipeline.reader import CheckReader
    from pipeline.recognition import Decoded

_CANDIDATES = 4
_RIVAL = 4.0  # penalty by which a field may be dearer than the best and still be looked at
_SHARP = 2.0  # log odds of two fields that a difference of one in penalty makes
_BOXES = 3  # printed boxes beside that of the amount in which a date is looked for
_FLAT, _OTHER_TONE = 6, 8  # grey levels: within a margin, between it and paper
_BAND = 512  # rows looked at at once
_LEAST_PAGE = 8  # pixels
_EDGE, _DARKER = 4, 60  # pixels in which a frame lies, grey levels by which it is darker
_PAPER = 96  # grey levels: paper is lighter, a stroke alone is darker
PATIENCE = 8.0  # seconds of work after which no further field of a page is looked at
_UPRIGHT = 6.0  # log odds from which a check is not read the other way up
_EITHER = 3.0  # lead in penalty below which both ways up are possible


@dataclass(frozen=True, slots=True)
class Look:
    """What was found on a page, all in pixels of its flat sheet.

    `fields` are the candidate fields with their penalties, `field` the one that was decoded and
    `decoded` what it says, both None where nothing could be; `code` is the code line and `date`
    the date in a box, if any.
    `either_way` tells of a check without one that can be read both ways up, `late` that
    looking at its fields took too long.
    """

    sheet: Sheet
    fields: "list[Field]"
    decoded: "Decoded | None"
    field: "Field | None"
    code: CodeLine | None
    either_way: bool = False
    late: bool = False
    date: WrittenDate | None = None

    @property
    def whole(self) -> bool:
        """Whether the page is a whole check, on which the field had to be found."""
        return _whole(self.fields)

    def date_line(self, page: Page) -> WrittenDate | None:
        """Return the date with its place in pixels of the page."""
        if self.date is None:
            return None
        return replace(self.date, box=self.sheet.on_page(self.date.box, page.pixels.shape))

    def code_line(self, page: Page) -> CodeLine | None:
        """Return the code line with its place in pixels of the page."""
        if self.code is None:
            return None
        return replace(self.code, box=self.sheet.on_page(self.code.box, page.pixels.shape))


def confidence(decoded: "Decoded | None") -> float:
    """Return the confidence of what was decoded, 0...1."""
    return min(1.0, max(0.0, float(decoded.confidence))) if decoded else 0.0


def look(reader: "CheckReader", page: Page, label: str) -> Look:
    """Find sheet, field, string and code line of a page; nothing is decided.

    A code line that is read says which way up a check is. Without one its lines of writing
    do; where they leave a doubt it is read both ways, and the total penalty decides.
    """
    plain = reader.knows_where
    sheet = Sheet(page.pixels) if plain else flattened(page.pixels)
    fields = candidates(reader, sheet.pixels, label)
    if sheet.back is not None and not _whole(fields):
        sheet = Sheet(page.pixels)
        fields = candidates(reader, sheet.pixels, label)
    code = None
    if not plain and _whole(fields):
        from pipeline.codeline import read_code

        code = read_code(sheet.pixels)
        other = sheet.overturned()
        if code is None and (code := read_code(other.pixels)) is not None:
            sheet, fields = other, candidates(reader, other.pixels, label)
    if len(fields) > 1:
        reader.warm(page.dpi)
    due = time.thread_time() + PATIENCE
    if plain or code is not None or not _whole(fields):
        decoded, field, _ = cheapest(reader, sheet.pixels, fields, page.dpi, due)
        late = len(fields) > 1 and time.thread_time() > due
        date = None if plain else _date(reader, sheet.pixels, fields, field, page.dpi, due)
        return Look(sheet, fields, decoded, field, code, late=late, date=date)
    odds = standing(sheet.pixels)
    ways = [(sheet, fields), (other, candidates(reader, other.pixels, label))]
    seen = []
    for (sheet, fields), against in sorted(
        zip(ways, (max(-odds, 0), max(odds, 0)), strict=True), key=lambda way: way[1]
    ):
        if against < _UPRIGHT and _whole(fields):
            found = cheapest(reader, sheet.pixels, fields, page.dpi, due)
            seen.append((found[2] + against, len(seen), sheet, fields, *found[:2]))
    if not seen:  # the other way up it would be no check
        sheet, fields = ways[0]
        found = cheapest(reader, sheet.pixels, fields, page.dpi, due)
        seen.append((found[2], 0, sheet, fields, *found[:2]))
    seen.sort()
    total, _, sheet, fields, decoded, field = seen[0]
    either_way = len(seen) > 1 and seen[1][0] - total < _EITHER
    either_way = either_way and _sure(reader, decoded) and _sure(reader, seen[1][4])
    either_way = either_way and decoded.n_best[0][0] != seen[1][4].n_best[0][0]
    date = _date(reader, sheet.pixels, fields, field, page.dpi, due)
    late = time.thread_time() > due
    return Look(sheet, fields, decoded, field, None, either_way, late, date)


def _date(
    reader: "CheckReader",
    pixels: Grey,
    fields: "list[Field]",
    amount: "Field | None",
    dpi: float | None,
    due: float,
) -> WrittenDate | None:
    """Return the date in a printed box beside that of the amount, if one can be read."""
    if amount is None or kind_of(reader.grammar) != "amount":
        return None
    best = None
    boxes = [f for f in fields if f.kind == "box" and f.box != amount.box]
    for field in boxes[:_BOXES]:
        if time.thread_time() > due:
            break
        try:
            found = reader.engine.decode(field.crop(pixels), library()["date"], dpi)
        except TooMuch:
            continue
        p = confidence(found)
        least = reader.threshold if best is None else max(reader.threshold, best.p)
        if found.reason is None and found.n_best and p >= least:
            best = WrittenDate(found.n_best[0][0], p, field.box)
    return best


def _sure(reader: "CheckReader", decoded: "Decoded | None") -> bool:
    return (
        decoded is not None
        and decoded.reason is None
        and confidence(decoded) >= reader.page_threshold
    )


def cheapest(
    reader: "CheckReader",
    pixels: Grey,
    fields: "list[Field]",
    dpi: float | None,
    due: float = math.inf,
) -> "tuple[Decoded | None, Field | None, float]":
    """Return what the field of least total penalty says, the field and that penalty.

    Fields cheapest first; where nothing can be decoded the penalty is infinite. After `due`,
    seconds of this thread's work, no further field is looked at. Fields nearly as cheap that
    say something else take their share of the confidence.
    """
    best, chosen, least = None, None, math.inf
    seen = []
    curve = None
    if _whole(fields) and kind_of(reader.grammar) == "amount":
        curve = reader.engine.calibration.grammars.get(PAGE)
    for field in fields[:_CANDIDATES]:
        if field.penalty >= least + _RIVAL:  # confidence can only add to it
            break
        if best is not None and time.thread_time() > due:
            break
        try:
            decoded = reader.engine.decode(field.crop(pixels), reader.grammar, dpi)
        except TooMuch:
            continue
        if curve is not None and decoded.evidence and decoded.n_best:
            decoded = decoded.rated(curve)
        total = field.penalty - math.log(max(confidence(decoded), 1e-12))
        if decoded and decoded.n_best and decoded.reason is None:
            seen.append((meaning(reader.grammar, decoded.n_best[0][0]), total))
        if total < least:
            best, chosen, least = decoded, field, total
    if len(seen) > 1 and best.n_best and best.reason is None:
        meant = meaning(reader.grammar, best.n_best[0][0])
        weights = [(other == meant, math.exp(_SHARP * (least - t))) for other, t in seen]
        share = sum(w for same, w in weights if same) / sum(w for _, w in weights)
        best = best.placed(share)
    return best, chosen, least


def candidates(reader: "CheckReader", pixels: Grey, label: str) -> "list[Field]":
    """Return the candidate fields of a page with their penalties, cheapest first.

    `label` names the page in errors. Raises BadImage for a given field off the page.
    """
    from pipeline.fields import Field

    height, width = pixels.shape
    if reader.field != "auto":
        box = reader.field
        assert not isinstance(box, str)
        if not _inside(box, width, height):
            where = ",".join(map(str, box))
            raise BadImage(
                label, f"the field {where} is not on the page ({width} x {height} pixels)"
            )
        return [Field(box)]
    left, top, inner = within_margin(pixels)
    found = []
    for field in reader.locate(inner):
        x, y, w, h = map(int, field.box)
        moved = replace(field, box=(x + left, y + top, w, h))
        if _inside(moved.box, width, height):
            found.append(moved)
    return found


def _whole(fields: "list[Field]") -> bool:
    """Tell a whole check by its fields: a crop is one field that costs nothing."""
    return bool(fields) and (len(fields) > 1 or fields[0].penalty > 0)


def within_margin(pixels: Grey) -> tuple[int, int, Grey]:
    """Return (x, y) and the pixels of a page inside a flat margin that is not its paper.

    Copied into a white frame, grey paper has an edge all around that looks like strokes, and
    printed lines at the edges of a crop no longer lie there.
    """
    left, top, inner = 0, 0, pixels
    for corner in ((0, 0), (-1, -1)):
        tone = int(inner[corner])
        rows, columns = _uneven(inner, tone)
        if min(len(rows), len(columns)) < _LEAST_PAGE:
            continue
        part = inner[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        (tone,) = quantiles(part, 0.5)
        other = abs(tone - float(inner[corner])) > _OTHER_TONE
        if tone >= _PAPER and (other or _framed(part, tone)):
            left, top, inner = left + int(columns[0]), top + int(rows[0]), part
    return left, top, inner


def _uneven(page: Grey, tone: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns with pixels of another tone; no mask as large as the page."""
    import cv2

    rows, columns = [], np.zeros(page.shape[1], bool)
    for top in range(0, page.shape[0], _BAND):
        flat = cv2.inRange(page[top : top + _BAND], tone - _FLAT, tone + _FLAT)  # 255 or 0
        rows.append(cv2.reduce(flat, 1, cv2.REDUCE_MIN)[:, 0] == 0)
        columns |= cv2.reduce(flat, 0, cv2.REDUCE_MIN)[0] == 0
    return np.flatnonzero(np.concatenate(rows)), np.flatnonzero(columns)


def _framed(part: Grey, paper: float) -> bool:
    """Tell whether lines run along an upright and a level edge of a page."""
    dark = paper - _DARKER
    upright = np.concatenate([part[:, :_EDGE] < dark, part[:, -_EDGE:] < dark], axis=1)
    level = np.concatenate([part[:_EDGE] < dark, part[-_EDGE:] < dark])
    upright, level = upright.mean(axis=0), level.mean(axis=1)
    return bool(upright.max() > 0.8 and level.max() > 0.8)


def _inside(box: Sequence[int], width: int, height: int) -> bool:
    x, y, w, h = box
    return x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width and y + h <= height
