"""What people write in a field: amounts, telephone numbers, strings of digits."""

import numpy as np

from pipeline.handwriting import DIGITS
from pipeline.pens import pick


def random_digits(rng: np.random.Generator, low: int = 1, high: int = 10) -> str:
    """Return a string of `low` to `high` digits."""
    return "".join(DIGITS[i] for i in rng.integers(10, size=int(rng.integers(low, high + 1))))


def random_phone(rng: np.random.Generator) -> str:
    """Return an American telephone number in one of its usual spellings."""
    d = "".join(DIGITS[i] for i in rng.integers(10, size=10))
    area, office, line = str(2 + int(d[0]) % 8) + d[1:3], str(2 + int(d[3]) % 8) + d[4:6], d[6:]
    form = (
        "{0}-{1}-{2}",
        "({0}) {1}-{2}",
        "{1}-{2}",
        "{0} {1} {2}",
        "{0}/{1}-{2}",
        "{0}.{1}.{2}",
        "{0}{1}{2}",
        "({0}){1}-{2}",
        "{0}/{1}.{2}",
        "{0}.{1}-{2}",
        "{1}.{2}",
    )
    share = (0.3, 0.14, 0.08, 0.1, 0.06, 0.08, 0.08, 0.06, 0.03, 0.04, 0.03)
    return form[pick(rng, share)].format(area, office, line)


def random_amount(rng: np.random.Generator, american: bool | None = None) -> str:
    """Return an amount as people write it: separators, cents, endings, currency, fill.

    `american` amounts part thousands by commas and mostly have cents; others use points for
    thousands and endings such as ``.-``; drawn, three to two, when not given.
    """
    figures = 1 + pick(rng, (0.03, 0.12, 0.25, 0.27, 0.2, 0.1, 0.03))
    digits = [str(rng.integers(1, 10))] + [
        DIGITS[i] for i in rng.integers(10, size=figures - 1)
    ]
    if figures > 2 and rng.random() < 0.4:  # people pay round sums
        for i in range(figures - int(rng.integers(1, figures)), figures):
            digits[i] = "0"
    whole = "".join(digits)
    american = rng.random() < 0.6 if american is None else american
    comma, point = (",", ".") if american else (".", ",")
    if figures > 3 and rng.random() < 0.6:
        whole = f"{int(whole):,}".replace(",", comma)
        if rng.random() < 0.06:
            whole = whole.replace(comma, " ")
    cents = "00" if rng.random() < 0.4 else f"{int(rng.integers(100)):02d}"
    if rng.random() < (0.75 if american else 0.2):
        kind = rng.random()
        if kind < 0.65:
            text = whole + point + cents
        elif kind < 0.91:
            text = f"{whole} {cents}/100"
        else:
            text = f"{whole} xx/100"
    else:
        ending = ("", ".-", "=", ".", "-", ".=", ",-", "#")
        share = (0.46, 0.2, 0.08, 0.1, 0.08, 0.03, 0.03, 0.02)
        text = whole + ending[pick(rng, share)]
    opening = ("", "$", "$ ", "#", "**", "*", "$**")
    share = (0.57, 0.22, 0.07, 0.03, 0.05, 0.03, 0.03)
    text = opening[pick(rng, share)] + text
    if text.startswith("**") and rng.random() < 0.7:
        text += "**"
    return text
