"""Real courtesy amounts, nothing trained on them: python -m benchmarks.amounts [--part dev].

ORAND-CAR-A as checked by eye (research use only; read from SN_DATA). Only digits count: the set
transcribes no marks. Published for images of this kind, on other splits: tools of the 2020s not
trained on them 50 to 57 %, the winner of the 2014 competition, trained on them, 81 %.

After learning from the training part: ``python -m benchmarks.amounts --part train --export A``,
``check-reader train --field-data A --grammar amount-digits -o own``, then ``python -m
benchmarks.amounts --weights own --grammar amount-digits``.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.reading import HEADER, best, default_threshold, read_all, report
from lenet.data import data_folder
from pipeline.recognition import WEIGHTS, Engine


def amounts(part: str) -> tuple[list[np.ndarray], list[str]]:
    """Return the images uint8 and digit strings of ``dev`` (167) or ``train`` (913)."""
    file = data_folder() / "orand_car_a_train_dev.npz"
    if not file.is_file():
        raise SystemExit(f"amounts: {file} is missing")
    with np.load(file, allow_pickle=False) as stored:
        z = {name: stored[name] for name in stored.files}
    chosen = np.flatnonzero(z["use"] == part)
    images = [
        z["pix"][z["off"][i] : z["off"][i + 1]].reshape(z["h"][i], z["w"][i]) for i in chosen
    ]
    return images, [str(t) for t in z["text"][chosen]]


def export(folder: Path, images: list[np.ndarray], texts: list[str]) -> None:
    """Write a folder that ``check-reader train --field-data`` and ``evaluate`` take."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{k:04}.png" for k in range(len(images))]
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)
    rows = [f"{name}\t{text}\n" for name, text in zip(names, texts, strict=True)]
    (folder / "labels.tsv").write_text("file\ttext\n" + "".join(rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", default="dev", choices=("dev", "train"))
    parser.add_argument("--show", type=int, default=0, help="print the first N errors")
    parser.add_argument("--engine", default="both", choices=("hos", "sdnn", "both"))
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="a folder of weights")
    parser.add_argument("--grammar", default="amount", choices=("amount", "amount-digits"))
    parser.add_argument("--export", type=Path, help="write images and labels, read nothing")
    args = parser.parse_args()
    images, truths = amounts(args.part)
    if args.export:
        export(args.export, images, truths)
        return
    engine = Engine.load(args.engine, args.weights)
    print(HEADER)
    found, seconds = read_all(engine, images, args.grammar)
    right = report(
        f"ORAND-CAR-A {args.part}", found, truths, default_threshold(engine, args.grammar)
    )
    for k in np.flatnonzero(~right)[: args.show]:
        guess = found[k].n_best[0][0] if found[k].n_best else found[k].reason
        print(
            f"    {k}: {truths[k]} read as {best(found[k])} [{guess}] {found[k].confidence:.3f}"
        )
    print(f"{1000 * seconds:.1f} ms an image")


if __name__ == "__main__":
    main()
