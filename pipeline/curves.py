"""The read-error curve as a picture: how much is read, and how much of it wrongly."""

from pathlib import Path

from lenet.canvas import Canvas, Point, check_name
from pipeline.evaluation import Evaluation, wilson

WIDTH, HEIGHT = 700.0, 470.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 30.0, 88.0, 58.0
INK, SOFT, GRID, BAND, LINE, MARK = (
    "#222222",
    "#777777",
    "#e6e3dc",
    "#dfe7f0",
    "#27588f",
    "#b3382c",
)
_TOPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # where the vertical axis may end


def save_curve(found: Evaluation, file: Path, title: str, *, published: bool = False) -> None:
    """Write the picture as SVG or PNG. Raises lenet.canvas.PictureError for other names."""
    check_name(file)
    picture(found, title, published=published).save(file)


def picture(found: Evaluation, title: str, *, published: bool = False) -> Canvas:
    """Return the picture: share read to the right, wrong ones among the reads upwards.

    The band is the 95 % interval at each threshold; the dot is the threshold in force; with
    `published` a ring shows the system of 1998 on its own data.
    """
    total = len(found.cases)
    points = [(n / total, k / n, *wilson(k, n)) for _, n, k in found.curve()]
    shown = [p for p in points if p[0] >= 0.05] or points
    highest = max([0.02, *(error for _, error, _, _ in shown)])
    top = next(t for t in _TOPS if highest <= t)
    sheet = Canvas(WIDTH, HEIGHT)

    def place(read: float, error: float) -> Point:
        x = LEFT + read * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - min(error / top, 1.0) * (HEIGHT - TOP - BOTTOM)

    sheet.text((LEFT, 22), title, 15, INK, "left")
    under = f"{total:,} images; band: 95 % interval; dot: threshold {found.threshold:.3g}"
    sheet.text((LEFT, 42), under, 11, SOFT, "left")
    if points:
        upper = [place(read, high) for read, _, _, high in points]
        lower = [place(read, low) for read, _, low, _ in points]
        sheet.polygon([*upper, *reversed(lower)], fill=BAND, line="")
    for k in range(6):
        x, y = place(k / 5, 0)
        sheet.path([(x, y), place(k / 5, top)], GRID, 0.8)
        sheet.text((x, y + 14), f"{20 * k} %", 11, SOFT)
        left = place(0, k / 5 * top)
        sheet.path([left, place(1, k / 5 * top)], GRID, 0.8)
        sheet.text((left[0] - 8, left[1]), f"{100 * k / 5 * top:g} %", 11, SOFT, "right")
    if points:
        steps: list[Point] = []
        for read, error, _, _ in points:
            steps.append(place(read, error))
        sheet.path(steps, LINE, 1.8)
    sheet.path([place(0, top), place(0, 0), place(1, 0)], INK, 1.0)
    correct, wrong, _ = found.counts
    if correct + wrong:
        reads = correct + wrong
        x, y = place(reads / total, wrong / reads)
        sheet.circle((x, y), 4.5, fill=MARK, line="#ffffff", pen=1.2)
        told = f"{100 * reads / total:.0f} % read, {100 * wrong / reads:.1f} % of them wrong"
        beyond = x > LEFT + 230  # the curve rises: above to the left there is room
        sheet.text(
            (x - 8 if beyond else x + 8, y - 15),
            told,
            11,
            MARK,
            "right" if beyond else "left",
        )
    if published:
        x, y = place(0.83, 1 / 83)
        sheet.circle((x, y), 4.5, fill="#ffffff", line=SOFT, pen=1.4)
        sheet.text((x, y - 14), "1998, on other data", 11, SOFT)
    sheet.text(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16), "share of the images read", 12, INK)
    sheet.text((LEFT - 50, TOP - 18), "wrong among the reads", 12, INK, "left")
    return sheet
