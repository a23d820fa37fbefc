"""What must not change a read: python -m benchmarks.properties [--images 100] [--seed 41].

Drawn strips are read, changed, and read again. A changed image may be rejected, but a read must
never become another read; some changes must not change anything. Every violation is printed.
"""

import argparse
import io
from collections import Counter
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from pipeline.batch import Job, outcomes
from pipeline.papers import strip
from pipeline.reader import CheckReader
from pipeline.records import Reading
from pipeline.synthesis import compose
from pipeline.texts import random_digits

Grey = np.ndarray
Change = Callable[[Grey, Reading, np.random.Generator], Grey | bytes]


def padded(image: Grey, _: Reading, rng: np.random.Generator) -> Grey:
    """Add white paper around the strip, as a generous crop has it."""
    sides = rng.integers(3, 30, 4)
    return cv2.copyMakeBorder(image, *map(int, sides), cv2.BORDER_CONSTANT, value=255)


def shifted(image: Grey, _: Reading, rng: np.random.Generator) -> Grey:
    """Change every pixel by -1, 0 or 1 grey level."""
    return np.clip(image + rng.integers(-1, 2, image.shape), 0, 255).astype(np.uint8)


def resampled(image: Grey, _: Reading, rng: np.random.Generator) -> Grey:
    """Bring 200 dots per inch to 240."""
    return cv2.resize(image, None, fx=1.2, fy=1.2, interpolation=cv2.INTER_AREA)


def inverted(image: Grey, _: Reading, rng: np.random.Generator) -> Grey:
    """Turn dark on light into light on dark."""
    return 255 - image


def file_of(form: str) -> Change:
    """Return the change that writes a file of a format without loss."""

    def write(image: Grey, _: Reading, rng: np.random.Generator) -> bytes:
        file = io.BytesIO()
        Image.fromarray(image).save(file, format=form)
        return file.getvalue()

    return write


def erased(image: Grey, reading: Reading, rng: np.random.Generator) -> Grey:
    """Paint paper over one of the characters that were read."""
    changed = image.copy()
    x, y, width, height = reading.digits[int(rng.integers(len(reading.digits)))].box
    paper = int(np.median(image))
    changed[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1] = paper
    return changed


def added(image: Grey, reading: Reading, rng: np.random.Generator) -> Grey:
    """Copy one of the characters behind the last one."""
    boxes = [c.box for c in reading.digits]
    x, y, width, height = boxes[int(rng.integers(len(boxes)))]
    gap = 6
    changed = cv2.copyMakeBorder(
        image, 0, 0, 0, width + 3 * gap, cv2.BORDER_CONSTANT, value=int(np.median(image))
    )
    right = max(b[0] + b[2] for b in boxes) + gap
    part = image[max(0, y) : y + height, max(0, x) : x + width]
    place = changed[max(0, y) : max(0, y) + part.shape[0], right : right + part.shape[1]]
    np.minimum(place, part[:, : place.shape[1]], out=place)
    return changed


# (name, change, what the second reading must be: same text, same or reject, or another text)
PROPERTIES: tuple[tuple[str, Change, str], ...] = (
    ("padding", padded, "same or reject"),
    ("one grey level", shifted, "same or reject"),
    ("200 to 240 dpi", resampled, "same or reject"),
    ("inversion", inverted, "same"),
    ("PNG", file_of("PNG"), "same"),
    ("BMP", file_of("BMP"), "same"),
    ("TIFF", file_of("TIFF"), "same"),
    ("a digit erased", erased, "never the same"),
    ("a digit added", added, "never the same"),
)


def holds(must: str, before: Reading, after: Reading) -> bool:
    """Tell whether a second reading is allowed after a first one that was a read."""
    if must == "same":
        return after.status == "read" and after.text == before.text
    if must == "same or reject":
        return not after or after.text == before.text
    return not after or after.text != before.text


def strips(count: int, seed: int) -> list[tuple[Grey, str]]:
    """Draw strips of digits with their truth, from the sources that come with the program."""
    from pipeline.handwriting import StrokeHand

    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        text = random_digits(rng, 3, 9)
        found.append((strip(compose(text, StrokeHand(rng), rng), rng), text))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument(
        "--min-confidence", type=float, help="default: that of --max-error 0.01"
    )
    args = parser.parse_args()
    reader = CheckReader(grammar="digits", min_confidence=args.min_confidence)
    drawn = strips(args.images, args.seed)
    first = [reader.read(image) for image, _ in drawn]
    read = [k for k, reading in enumerate(first) if reading]
    wrong = sum(first[k].text != drawn[k][1] for k in read)
    print(f"{args.images} strips, seed {args.seed}: {len(read)} read, {wrong} of them wrongly")
    print(
        f"{'property':<18} {'must be':<16} {'same':>6} {'other':>6} {'reject':>7} {'broken':>7}"
    )
    broken = 0
    for name, change, must in PROPERTIES:
        seen: Counter[str] = Counter()
        for k in read:
            rng = np.random.default_rng([args.seed, k])
            after = reader.read(change(drawn[k][0], first[k], rng))
            same = after.status == "read" and after.text == first[k].text
            seen["same" if same else "other" if after else "reject"] += 1
            if not holds(must, first[k], after):
                seen["broken"] += 1
                now = after.text if after else f"REJECT {after.reason}"
                print(f"  strip {k}: {first[k].text} became {now} ({after.confidence:.3f})")
        broken += seen["broken"]
        told = " ".join(
            f"{seen[kind]:>{width}}"
            for kind, width in (("same", 6), ("other", 6), ("reject", 7), ("broken", 7))
        )
        print(f"{name:<18} {must:<16} {told}")
    broken += order_and_processes(reader, [image for image, _ in drawn], first)
    print(f"{broken} violations")


def order_and_processes(reader: CheckReader, images: list[Grey], first: list[Reading]) -> int:
    """Read in reverse, by two processes; return how many records differ but for their time."""

    def record(reading: Reading) -> str:
        values = reading.to_record()
        del values["ms"]
        return str(values)

    jobs = [Job(image) for image in reversed(images)]
    found = [o for _, o in outcomes(reader, jobs, processes=2) if o is not None]
    differ = sum(
        isinstance(o, Exception) or record(o) != record(f)
        for o, f in zip(found, reversed(first), strict=True)
    )
    print(f"{'order, processes':<18} {'same records':<16} {differ} differ of {len(images)}")
    return differ


if __name__ == "__main__":
    main()
