"""Whole checks: python -m benchmarks.checks [--images 500] [--set calm] [--seed 4001].

Sets, all of hands and seeds that nothing was trained or calibrated on:

calm     hands of people who take care, as in samples/; one in four in an unseen layout
all      every hand the designer can draw, the same layouts
photos   calm hands, photographed by telephone, one in four upside down
blank    calm hands on ten blank designs of others (SSBI, NC: read from SN_DATA, never kept)
nothing  no amount at all: noise, letters, scribbles, blank paper, photographs of nothing

Two processes read at the default threshold; drawing is not in the time. With --causes one
process looks where it went wrong: the right field among the candidates, chosen, its ink whole
(at most 1 % of the written pixels missing) and alone (at most 2 % of the ink another's); then
what was read of those that were.
"""

import argparse
import io
import itertools
import json
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from lenet.data import data_folder
from pipeline.batch import Job, outcomes
from pipeline.checks import LAYOUTS, UNSEEN, amount_value, draw_check
from pipeline.desk import PAYEES, Desk
from pipeline.evaluation import wilson
from pipeline.handwriting import StrokeHand
from pipeline.money import money
from pipeline.normalization import HEIGHT, normalize
from pipeline.papers import KINDS, paper, scan
from pipeline.pens import Script, random_pen
from pipeline.photographs import desk, photograph
from pipeline.reader import CheckReader, Look
from pipeline.records import Reading
from pipeline.synthesis import Style, compose
from pipeline.texts import random_amount

CHUNK = 50  # images drawn ahead of their reading
DPI = (150.0, 200.0, 200.0, 240.0, 300.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image, the amount that stands there (None: none) and what it is."""

    image: np.ndarray
    amount: str | None
    kind: str
    routing: str | None = None
    ink: np.ndarray | None = None
    room: tuple[int, int, int, int] = (0, 0, 0, 0)


def calm(rng: np.random.Generator) -> StrokeHand:
    """Return the hand of somebody who takes care."""
    return StrokeHand(rng, wild=float(rng.uniform(0.1, 0.35)))


def layout(rng: np.random.Generator) -> str:
    """Return the name of a layout, one in four unseen."""
    names = list(UNSEEN) if rng.random() < 0.25 else list(LAYOUTS)
    return names[int(rng.integers(len(names)))]


def a_check(rng: np.random.Generator, *, hand: bool, photo: bool) -> Drawn:
    check = draw_check(
        rng,
        layout(rng),
        calm(rng) if hand else None,
        dpi=float(rng.choice(DPI)),
        clear=hand,
        photo=photo,
        upside_down=photo and bool(rng.random() < 0.25),
    )
    routing = check.code[1] if check.code else None
    kind = check.layout + (" (unseen)" if check.layout in UNSEEN else "")
    amount = amount_value(check.text)
    return Drawn(check.image, amount, kind, routing, check.ink, check.field)


def designs() -> list[tuple[str, np.ndarray, dict[str, tuple[float, ...]]]]:
    """Return name, float32 reflectance and field boxes of the blank designs."""
    from PIL import Image

    file = data_folder() / "ssbi_blank_check_templates_10.tar"
    if not file.is_file():
        raise SystemExit(f"checks: {file} is missing")
    with tarfile.open(file) as tar:
        notes = json.load(tar.extractfile("ssbi_blank/labels.json"))
        kinds = {c["id"]: c["name"] for c in notes["categories"]}
        found = []
        for note in notes["images"]:
            name = f"{note['file_name'].rpartition('.')[0]}.jpg"
            data = tar.extractfile(f"ssbi_blank/{name}").read()
            grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
            scale = grey.shape[1] / note["width"]
            boxes = {
                kinds[a["category_id"]]: tuple(scale * v for v in a["bbox"])
                for a in notes["annotations"]
                if a["image_id"] == note["id"]
            }
            found.append((name, grey.astype(np.float32) / 255, boxes))
    return found


def filled(rng: np.random.Generator, design: tuple[str, np.ndarray, dict]) -> Drawn:
    """Fill in a blank design, taken to be six inches wide, and scan it."""
    name, sheet, boxes = design
    dpi = sheet.shape[1] / 6
    place = Desk(rng, calm(rng), (6, sheet.shape[0] / dpi), dpi)
    place.sheet = sheet.copy()
    place.clear = True
    text = random_amount(rng, True)
    while len(text) > 11:
        text = random_amount(rng, True)
    amount = amount_value(text)
    inches = {kind: [v / dpi for v in box] for kind, box in boxes.items()}
    size = float(rng.uniform(0.14, 0.17))
    for kind, words in (
        ("payee", place.some(PAYEES)),
        ("amount_words", place.words(amount)),
        ("date", place.date()),
    ):
        if kind in inches:
            x, y, w, h = inches[kind]
            place.write(words, x + 0.05, y + 0.8 * h, min(size, 0.8 * h), w - 0.1)
    if "signature" in inches:
        x, y, w, h = inches["signature"]
        place.signature(x, y + 0.7 * h, w)
    place.amount(text, *inches["amount"])
    image = scan(place.sheet, rng, noise=0.006, blur=0.4)
    return Drawn(image, amount, name, None, place.ink, place.field)


def nothing(rng: np.random.Generator) -> Drawn:
    """Draw an image without an amount."""
    kind = ("noise", "letters", "scribbles", "blank", "photo")[int(rng.integers(5))]
    whole = rng.random() < 0.4
    rows, columns = (550, 1200) if whole else (int(rng.integers(60, 140)), 500)
    ground = paper((rows, columns), rng, KINDS[int(rng.integers(5))])
    if kind == "noise":
        ground *= 1 - (rng.random((rows, columns)) < rng.uniform(0.002, 0.3)) * np.float32(0.8)
    elif kind in ("letters", "scribbles"):
        for y in range(rows // 2 if not whole else 60, rows - 10, 80):
            words = " ".join(PAYEES[int(k)] for k in rng.integers(len(PAYEES), size=3))
            words = "".join(c for c in words if c.isalpha() or c == " ")
            words = words[: int(rng.integers(4, 30 if whole else 12))]
            height = 0.4 * min(rows, 100)
            wild = 4.0 if kind == "scribbles" else 0.5
            script = Script(height, 0.2, 1.0, random_pen(rng))
            line = compose(words, StrokeHand(rng, wild=wild), rng, Style(script, gap=-1.0))
            part = ground[max(y - line.ink.shape[0] // 2, 0) :, 20:]
            h, w = (min(a, b) for a, b in zip(part.shape, line.ink.shape, strict=True))
            part[:h, :w] *= 1 - 0.8 * line.ink[:h, :w]
    elif kind == "photo":
        table = desk(
            (rows, columns), rng, ("dark", "wood", "cloth", "light")[int(rng.integers(4))]
        )
        ground = photograph(table, rng)[0].astype(np.float32) / 255 if whole else table
    image = scan(ground, rng, noise=0.01)
    return Drawn(image, None, kind + (", page" if whole else ""))


def drawings(name: str, seed: int, count: int) -> Iterator[Drawn]:
    """Yield the images of a set."""
    blanks = designs() if name == "blank" else []
    makers: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
        "calm": lambda rng, k: a_check(rng, hand=True, photo=False),
        "all": lambda rng, k: a_check(rng, hand=False, photo=False),
        "photos": lambda rng, k: a_check(rng, hand=True, photo=True),
        "blank": lambda rng, k: filled(rng, blanks[k % len(blanks)]),
        "nothing": lambda rng, k: nothing(rng),
    }
    for k in range(count):
        yield makers[name](np.random.default_rng((seed, k)), k)


def verdict(reading: Reading, truth: str | None) -> str:
    """Return right, wrong or reject."""
    if not reading:
        return "reject"
    return "right" if reading.amount == truth else "wrong"


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a check went wrong: what became of its field, and of what stands there."""

    place: str
    told: str
    lost: float = 0.0
    foreign: float = 0.0


PLACES = ("not among the candidates", "not chosen", "cut", "foreign ink", "clean")


def cause(drawn: Drawn, reading: Reading, look: Look | None) -> Cause:
    """Compare the field that was read with the ink of the amount, which is known."""
    told = verdict(reading, drawn.amount)
    if told == "reject":
        guess = money(reading.best_guess or "")
        right = guess is not None and guess[0] == drawn.amount
        told = f"{'right' if right else 'misread'}, rejected: {reading.reason}"
    if look is None or look.field is None:
        return Cause("not among the candidates", told)
    pixels, known = look.sheet.pixels, drawn.ink
    if look.sheet.back is not None:
        size = pixels.shape[::-1]
        how = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        known = cv2.warpPerspective(known, look.sheet.back, size, flags=how)
    whole = np.count_nonzero(known == 1)
    room = drawn.room[2] * drawn.room[3] * pixels.size / drawn.image.size

    def lost(box: tuple[int, int, int, int]) -> float:
        x, y, w, h = box
        return 1 - np.count_nonzero(known[y : y + h, x : x + w] == 1) / max(whole, 1)

    def right(box: tuple[int, int, int, int]) -> bool:
        return lost(box) < 0.3 and box[2] * box[3] < 4 * room

    if not any(right(f.box) for f in look.fields):
        return Cause("not among the candidates", told)
    if not right(look.field.box):
        return Cause("not chosen", told)
    x, y, _, _ = look.field.box
    writing = normalize(look.field.crop(pixels))
    if writing is None:
        return Cause("cut", told, 1.0)
    rows, columns = writing.ink.shape
    back = np.array(
        [[writing.scale, 0, x + writing.origin[0]], [0, writing.scale, y + writing.origin[1]]]
    )
    there = cv2.warpAffine(
        (known > 0).astype(np.uint8),
        back,
        (columns, rows),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
    )
    around = cv2.dilate(there, np.ones((5, 5), np.uint8)) > 0
    if drawn.kind.endswith(".jpg"):  # the design's own currency mark belongs to the amount
        left = int(np.flatnonzero(there.any(axis=0))[0]) if there.any() else 0
        before = (writing.ink > 0.15) & ~around
        before[:, left:] = False
        _, labels, marks, _ = cv2.connectedComponentsWithStats(before.astype(np.uint8))
        for k, (_, _, w, h, _) in enumerate(marks[1:].tolist(), 1):
            if 0.5 * HEIGHT < h < 1.6 * HEIGHT and 0.3 < w / h < 1:
                around |= labels == k
    foreign = float(writing.ink[~around].sum() / max(writing.ink.sum(), 1e-9))
    missing = lost(look.field.box)
    if look.field.foreign is not None:
        part = known[y : y + look.field.box[3], x : x + look.field.box[2]]
        missing += np.count_nonzero((part == 1) & look.field.foreign) / max(whole, 1)
    place = "cut" if missing > 0.01 else "foreign ink" if foreign > 0.02 else "clean"
    return Cause(place, told, missing, foreign)


def causes(reader: CheckReader, source: Iterator[Drawn], show: int) -> None:
    """Print the shares of the causes."""
    found: list[Cause] = []
    for k, drawn in enumerate(source):
        reading, _, look = next(reader.examined(drawn.image))
        told = cause(drawn, reading, look)
        found.append(told)
        if show and (told.place != "clean" or told.told != "right"):
            show -= 1
            print(
                f"  {k}: {drawn.kind}, {drawn.amount}: {told.place} ({told.lost:.1%} lost, "
                f"{told.foreign:.1%} foreign), {told.told}, {reading.best_guess} "
                f"{reading.confidence:.3f}"
            )
    count = len(found)
    for place in PLACES:
        here = Counter(c.told for c in found if c.place == place)
        total = sum(here.values())
        low, high = wilson(total, count)
        print(f"{place:<26}{total:>6} {total / count:>7.1%}  {low:.1%} to {high:.1%}")
        for told, n in here.most_common():
            print(f"    {told:<34}{n:>5} {n / count:>7.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument(
        "--set", default="calm", choices=("calm", "all", "photos", "blank", "nothing")
    )
    parser.add_argument("--seed", type=int, default=4001)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--max-error", type=float)
    parser.add_argument("--show", type=int, default=0, help="print the first N not right")
    parser.add_argument("--causes", action="store_true", help="where it went wrong")
    args = parser.parse_args()
    reader = CheckReader(max_error=args.max_error)
    if args.causes:
        if args.set == "nothing":
            parser.error("--causes: there is no amount to be found in nothing")
        causes(reader, drawings(args.set, args.seed, args.images), args.show)
        return
    list(outcomes(reader, [Job(draw_check(np.random.default_rng(0)).image)], processes=1))
    counts: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    guessed = routing = lines = shown = 0
    seconds = 0.0
    source = drawings(args.set, args.seed, args.images)
    while drawn := list(itertools.islice(source, CHUNK)):
        start = time.perf_counter()
        jobs = [Job(d.image) for d in drawn]
        found = [
            o for _, o in outcomes(reader, jobs, processes=args.processes) if o is not None
        ]
        seconds += time.perf_counter() - start
        for d, reading in zip(drawn, found, strict=True):
            if isinstance(reading, Exception):
                raise reading
            told = verdict(reading, d.amount)
            guess = money(reading.best_guess or "")
            guessed += guess is not None and guess[0] == d.amount
            total[told] += 1
            counts.setdefault(d.kind, Counter())[told] += 1
            reasons[reading.reason or "read"] += 1
            if d.routing:
                lines += 1
                routing += reading.code_line is not None and (
                    reading.code_line.routing == d.routing
                )
            if told == "wrong" or (told == "reject" and d.amount and shown < args.show):
                shown += told == "reject"
                at = sum(total.values()) - 1
                print(
                    f"  {at}: {d.kind}, {d.amount}: {told}, {reading.best_guess} "
                    f"{reading.confidence:.3f} {reading.reason or ''}"
                )
    count = sum(total.values())
    print(
        f"{args.set}, seed {args.seed}: {count} images, threshold {reader.page_threshold:.3f}"
    )
    for told in ("right", "wrong", "reject"):
        low, high = wilson(total[told], count)
        print(f"{told:<8}{total[told]:>6} {total[told] / count:>7.1%}  {low:.1%} to {high:.1%}")
    print(f"best guess right: {guessed / count:.1%}; rejects: {dict(reasons.most_common())}")
    if lines:
        print(f"routing numbers: {routing} of {lines}")
    for kind in sorted(counts):
        told = ", ".join(f"{n} {what}" for what, n in counts[kind].most_common())
        print(f"  {kind:<22}{told}")
    print(f"{count / seconds:.1f} images a second, {args.processes} processes")


if __name__ == "__main__":
    main()
