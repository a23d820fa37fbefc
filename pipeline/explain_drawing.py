"""The explanation of a reading as a picture: SVG, PNG, or a page of HTML.

Sections follow the road from the page to the posteriors. Each is a `Canvas` of its own, so the
page of HTML and the one long picture hold the same drawings.
"""

import math
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np

import gtn
from gtn.drawing import arrow_head, flatten, scene
from lenet.canvas import Canvas, PictureError, Point
from lenet.data import INK as INK_VALUE
from lenet.data import PAPER
from pipeline.explain import Explanation, Trace, best_class
from pipeline.grammars import GRAMMARS, SYMBOLS
from pipeline.recognition import RUBBISH
from pipeline.rules import is_rules
from pipeline.sdnn import BLANK, STEP, WINDOW
from sn.command import printable

WIDTH, MARGIN = 1120.0, 28.0
INK, SOFT, FAINT, BEST, READ, REJECT = (
    "#222222",
    "#6f6f6f",
    "#d8d4ca",
    "#27588f",
    "#2b7a4b",
    "#b3382c",
)
HUES = ((39, 88, 143), (176, 110, 20), (43, 122, 75), (140, 60, 130), (20, 120, 135))
GROUND = "#faf9f6"
FORMS = (".html", ".svg", ".png")
Section = tuple[str, str, Canvas]


def save(found: Explanation, file: Path) -> None:
    """Write an explanation; the name says in which form. Raises PictureError."""
    form = file.suffix.lower()
    if form not in FORMS:
        raise PictureError(
            f"{file}: explanations are HTML, SVG or PNG; call it {file.stem}.html"
        )
    if form == ".html":
        file.write_text(to_html(found), encoding="utf-8", errors="backslashreplace")
    else:
        sheet(found).save(file)


def sections(found: Explanation) -> list[Section]:
    """Return (title, caption, drawing) of every step of the road."""
    made = [("The page", page_caption(found), page_drawing(found))]
    trace = found.trace
    if trace is not None:
        made.append(("Ink and cuts", INK_CAPTION, ink_drawing(trace)))
    if trace is not None and trace.penalties is not None:
        made.append(
            ("Segmentation graph", candidates_caption(trace), candidates_drawing(trace))
        )
        for title, graph, k in (
            ("Recognition graph", trace.recognition, 0),
            ("Interpretation graph", trace.interpretation, 1),
        ):
            if graph is not None:
                told = graph_caption(trace, graph, k, found.reading.grammar)
                made.append((title, told, graph_drawing(graph)))
        if trace.path:
            made.append(("Characters", CHARACTERS_CAPTION, characters_drawing(trace)))
    if trace is not None and trace.places is not None:
        made.append(("Space displacement network", PLACES_CAPTION, places_drawing(trace)))
    if found.reading.n_best:
        made.append(("Verdict", verdict_caption(found), verdict_drawing(found)))
    return made


# ---- the page


def page_caption(found: Explanation) -> str:
    """Return what is seen of the page."""
    height, width = found.page.pixels.shape
    dpi = f", {found.page.dpi:g} dpi" if found.page.dpi else ""
    flags = ", ".join(("", *found.reading.quality.flags))
    fields = len(found.fields)
    where = f" {fields} candidate fields; numbers are penalties." if fields > 1 else ""
    return f"{width} x {height} pixels{dpi}{flags}.{where} Framed: the field that was read."


def page_drawing(found: Explanation) -> Canvas:
    """Return the page with its candidate fields; beside a whole check, the field enlarged."""
    pixels = found.page.pixels
    rows, columns = pixels.shape
    inside = WIDTH - 2 * MARGIN
    zoom = min(inside * (0.62 if len(found.fields) > 1 else 1.0) / columns, 3.0, 330 / rows)
    canvas = Canvas(WIDTH, rows * zoom + 12)
    canvas.tile((MARGIN, 6), shrunk(pixels, zoom), columns * zoom, rows * zoom)
    canvas.rectangle(MARGIN, 6, columns * zoom, rows * zoom, line=FAINT, pen=0.8)

    def frame(box: tuple[int, int, int, int], line: str, pen: float) -> Point:
        x, y, w, h = (zoom * v for v in box)
        canvas.rectangle(MARGIN + x, 6 + y, w, h, line=line, pen=pen)
        return MARGIN + x, 6 + y

    chosen = found.field
    whole = chosen is not None and chosen.box[2:] == (columns, rows)
    if not whole:
        for field in found.fields:
            if field != chosen:
                x, y = frame(field.box, SOFT, 0.9)
                canvas.text((x + 2, y - 6), f"{field.penalty:.1f}", 9, SOFT, "left")
        if chosen is not None:
            x, y = frame(chosen.box, BEST, 2.0)
            canvas.text((x + 2, y - 7), f"{chosen.penalty:.1f}", 10, BEST, "left")
            _, _, fw, fh = chosen.box
            left = MARGIN + columns * zoom + 26
            size = min((WIDTH - MARGIN - left) / fw, 3.0)
            if size * fw > 60:
                crop = chosen.crop(pixels)
                top = 6 + max(0.0, (rows * zoom - fh * size) / 2)
                canvas.tile((left, top), shrunk(crop, size), fw * size, fh * size)
                canvas.rectangle(left, top, fw * size, fh * size, line=BEST, pen=1.6)
                canvas.height = max(canvas.height, top + fh * size + 8)
    return canvas


def shrunk(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """Return pixels, at most twice as many as are shown."""
    import cv2

    factor = 2 * zoom
    if factor >= 1:
        return pixels
    rows, columns = pixels.shape
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


# ---- ink and candidates

INK_CAPTION = (
    "Paper and rules removed, brought to one digit height. Each colour is a piece between two "
    "candidate cuts; brackets below are the characters of the best path."
)


def placing(trace: Trace) -> float:
    """Return pixels of the drawing for one of the normalised ink."""
    rows, columns = trace.writing.ink.shape
    return min((WIDTH - 2 * MARGIN) / columns, 300 / rows, 6.0)


def ink_drawing(trace: Trace) -> Canvas:
    """Return the ink, its pieces coloured, and the spans of the best path."""
    ink, pieces = trace.writing.ink, trace.found.pieces
    rows, columns = ink.shape
    zoom = placing(trace)
    hues = np.array(HUES, float)
    colour = np.where((pieces >= 0)[..., None], hues[pieces % len(hues)], 170.0)
    share = np.clip(ink, 0, 1)[..., None]
    image = np.rint(255 * (1 - share) + colour * share).astype(np.uint8)
    canvas = Canvas(WIDTH, rows * zoom + 42)
    left = (WIDTH - columns * zoom) / 2
    canvas.tile((left, 4), image, columns * zoom, rows * zoom)
    canvas.rectangle(left, 4, columns * zoom, rows * zoom, line=FAINT)
    below = rows * zoom + 12
    for first, last, label, candidate in trace.path:
        if candidate < 0:
            inside = np.isin(pieces, range(first, last + 1)).any(axis=0).nonzero()[0]
            if len(inside):
                x0, x1 = left + inside[0] * zoom, left + (inside[-1] + 1) * zoom
                canvas.text(((x0 + x1) / 2, below + 16), "skipped", 9, REJECT)
                canvas.path([(x0, below), (x1, below)], REJECT, 1.2)
            continue
        x, _, width, _ = trace.found.boxes[candidate].tolist()
        x0, x1 = left + x * zoom, left + (x + width) * zoom
        canvas.path([(x0, below - 4), (x0, below), (x1, below), (x1, below - 4)], BEST, 1.4)
        canvas.text(((x0 + x1) / 2, below + 15), SYMBOLS[label], 17, BEST)
    return canvas


def candidates_caption(trace: Trace) -> str:
    """Return what the candidates are."""
    count, pieces = len(trace.found.spans), len(trace.found.weights)
    return (
        f"{pieces} pieces, {count} candidate characters: every run of neighbouring pieces, one "
        "piece in the top row, more below. Under each the symbol it looks most like, and its "
        "probability, or none where it looks like no symbol. Framed: the best path."
    )


def candidates_drawing(trace: Trace) -> Canvas:
    """Return all candidates as the recognizer sees them, over the nodes they join."""
    found = trace.found
    pieces = len(found.weights)
    column = min(64.0, (WIDTH - 2 * MARGIN) / pieces)
    tile = min(40.0, column * 0.86)
    row = tile + (24 if tile >= 20 else 8)
    lengths = found.spans[:, 1] - found.spans[:, 0]
    left = (WIDTH - column * pieces) / 2
    canvas = Canvas(WIDTH, 22 + row * (int(lengths.max()) + 1) + 4)
    chosen = {candidate for *_, candidate in trace.path}
    taken = {(first, last + 1) for first, last, *_ in trace.path}
    nodes_of_best = {0} | {end for _, end in taken}
    for k in range(pieces):
        best = any(a <= k < b for a, b in taken)
        ends = [(left + k * column, 10), (left + (k + 1) * column, 10)]
        canvas.path(ends, BEST if best else SOFT, 1.6 if best else 0.8)
    for k in range(pieces + 1):
        on = k in nodes_of_best
        style = {"line": BEST if on else SOFT, "pen": 1.8 if on else 1.0}
        canvas.circle((left + k * column, 10), 5 if on else 3.2, fill="#ffffff", **style)
    for n, (first, last) in enumerate(found.spans.tolist()):
        middle = left + (first + last + 1) / 2 * column
        top = 22 + row * (last - first)
        symbol, p = best_class(trace.penalties[n])
        on = n in chosen
        grey = np.clip((found.images[n] - PAPER) / (INK_VALUE - PAPER), 0, 1)
        fade = 1.0 if on else 0.25 + 0.75 * (p if symbol else 0.15)
        canvas.tile((middle - tile / 2, top), np.rint(255 * (1 - fade * grey)), tile, tile)
        canvas.rectangle(
            middle - tile / 2,
            top,
            tile,
            tile,
            line=BEST if on else FAINT,
            pen=2.0 if on else 0.6,
        )
        if tile >= 20:
            told = f"{symbol} {p:.2f}" if symbol else "none"
            colour = BEST if on else (INK if symbol and p > 0.5 else SOFT)
            canvas.text((middle, top + tile + 8), told, 9.5 if column > 40 else 8, colour)
    return canvas


# ---- graphs


def graph_caption(trace: Trace, graph: gtn.Graph, k: int, rules: str) -> str:
    """Return what is shown of a graph."""
    nodes, arcs = trace.sizes[k]
    what = (
        "One arc for each class of each candidate; skip leaves ink unexplained."
        if k == 0
        else f"What the grammar {grammar_name(rules)} allows of it."
    )
    shown = (
        f" Shown: {graph.m} of {arcs:,} arcs, those on paths of a posterior of "
        f"{trace.left_out[k]:g} or more"
        if graph.m < arcs
        else f" {arcs} arcs"
    )
    return (
        f"{what}{shown}; {nodes:,} nodes. In brackets the penalty, -log p; the darker, the "
        "likelier; blue: the best path."
    )


def grammar_name(rules: str) -> str:
    """Return how a grammar is called in a sentence."""
    if rules in GRAMMARS:
        return rules
    return (
        "of the file" if is_rules(rules) else rules if len(rules) < 60 else f"{rules[:57]}..."
    )


def graph_drawing(graph: gtn.Graph) -> Canvas:
    """Return the picture of a graph, made narrower to fit."""
    drawn = scene(graph, shade="posterior", lanes=5, node_numbers=False)
    zoom = min(1.0, (WIDTH - 2 * MARGIN) / drawn.width)
    left = (WIDTH - drawn.width * zoom) / 2
    canvas = Canvas(WIDTH, drawn.height * zoom + 4)

    def place(points: list[Point]) -> list[Point]:
        return [(left + x * zoom, 2 + y * zoom) for x, y in points]

    def colour(grey: float, best: bool) -> str:
        if best:
            return BEST
        value = round(255 * min(grey, 1.0))
        return f"#{value:02x}{value:02x}{value:02x}"

    for curve in sorted(drawn.curves, key=lambda c: -c.grey):
        best = curve.width > 2
        line = colour(curve.grey, best)
        canvas.path(place(flatten(curve.points)), line, max(0.6, curve.width * zoom))
        if curve.arrow:
            canvas.polygon(place(arrow_head(curve)), fill=line, line="")
    for circle in drawn.circles:
        fill = "#ffffff" if circle.filled else ""
        (at,) = place([circle.at])
        canvas.circle(at, circle.radius * zoom, fill=fill, line=INK, pen=circle.width * zoom)
    for text in sorted(drawn.texts, key=lambda t: -t.grey):  # the likely ones on top
        (at,) = place([text.at])
        size = text.size * zoom
        a, b, c, d = text.box()
        (x0, y0), (x1, y1) = place([(a, b), (c, d)])
        if text.ground:
            canvas.rectangle(x0, y0, x1 - x0, y1 - y0, fill="#ffffff", line="")
        told = f"{text.strong.replace('ε', 'skip')}{text.plain}"
        canvas.text(at, told, size, colour(text.grey, False))
    return canvas


# ---- characters and the verdict

CHARACTERS_CAPTION = (
    "What the recognizer makes of each character of the best path: its likeliest classes and "
    "their probabilities."
)
BARS = 4  # classes shown of a character


def characters_drawing(trace: Trace) -> Canvas:
    """Return the characters of the best path with the posteriors of their classes."""
    path = [(label, n) for _, _, label, n in trace.path if n >= 0]
    across = max(1, min(len(path), 8))
    cell, tile = (WIDTH - 2 * MARGIN) / max(across, 6), 52.0
    down = math.ceil(len(path) / across)
    canvas = Canvas(WIDTH, down * 74 + 6)
    left = (WIDTH - cell * across) / 2
    for k, (label, n) in enumerate(path):
        x, y = left + cell * (k % across), 4 + 74 * (k // across)
        grey = np.clip((trace.found.images[n] - PAPER) / (INK_VALUE - PAPER), 0, 1)
        canvas.tile((x, y), np.rint(255 * (1 - grey)), tile, tile)
        canvas.rectangle(x, y, tile, tile, line=FAINT)
        p = np.exp(-trace.penalties[n])
        for j, c in enumerate(np.argsort(-p, kind="stable")[:BARS].tolist()):
            top = y + 3 + 14.5 * j
            name = "none" if c == RUBBISH else SYMBOLS[c]
            line, size = BEST if c == label else SOFT, 9 if c == RUBBISH else 12
            room = cell - tile - 66
            canvas.text((x + tile + 22, top + 4), name, size, line, "right")
            canvas.rectangle(
                x + tile + 27,
                top,
                max(room * float(min(p[c], 1.0)), 0.8),
                8,
                fill=line,
                line="",
            )
            canvas.text((x + tile + 31 + room, top + 4), f"{p[c]:.3f}", 9, line, "left")
    return canvas


PLACES_CAPTION = (
    "The second engine looks at the whole strip through a window that moves by two columns, "
    "and cuts nothing: at each place the probability of every symbol, darker is likelier."
)


def places_drawing(trace: Trace) -> Canvas:
    """Return the strip the space displacement network saw, above what it said at each place."""
    p = np.exp(-trace.places[:, :BLANK])
    shown = np.flatnonzero(p.max(axis=0) >= 0.05)
    rows, columns = trace.strip.shape
    zoom = min((WIDTH - 2 * MARGIN - 30) / columns, 5.0)
    left, top, row = (WIDTH - columns * zoom) / 2 + 12, 4.0, 17.0
    canvas = Canvas(WIDTH, rows * zoom + row * len(shown) + 26)
    image = np.rint(255 * (1 - np.clip(trace.strip, 0, 1)))
    canvas.tile((left, top), image, columns * zoom, rows * zoom)
    canvas.rectangle(left, top, columns * zoom, rows * zoom, line=FAINT)
    first, wide = left + (WINDOW / 2 - STEP / 2) * zoom, STEP * zoom * len(p)
    for k, label in enumerate(shown.tolist()):
        y = top + rows * zoom + 12 + row * k
        line = np.rint(255 - (255 - np.array(HUES[0]))[None, None] * p[:, label][None, :, None])
        canvas.tile((first, y), line, wide, row - 3)
        canvas.rectangle(first, y, wide, row - 3, line=FAINT, pen=0.5)
        canvas.text((first - 10, y + row / 2 - 1), SYMBOLS[label], 12, INK, "right")
    return canvas


def verdict_caption(found: Explanation) -> str:
    """Return what the confidence was made of."""
    if found.posterior is None or found.share is None:
        return ""
    r = found.reading
    lost = r.unexplained_ink or 0.0
    return (
        f"Share of the best string among those of the grammar: {found.posterior:.4f}; of the "
        f"grammar among all strings: {found.share:.4f}; ink left over: {lost:.1%}. A curve "
        "fitted on strings of known truth makes one confidence of these"
        f"{' and of how far the two engines agree' if r.engine == 'both' else ''}."
    )


def verdict_drawing(found: Explanation) -> Canvas:
    """Return the best guesses as bars against the threshold."""
    r = found.reading
    canvas = Canvas(WIDTH, 26 * len(r.n_best) + 34)
    left, room = 330.0, WIDTH - 330.0 - MARGIN - 70
    line = READ if r else REJECT
    for k, (text, p) in enumerate(r.n_best):
        y = 24 + 26 * k
        colour = line if k == 0 else SOFT
        canvas.text((left - 14, y), r.shown(text), 15 if k == 0 else 13, colour, "right")
        canvas.rectangle(left, y - 8, max(room * p, 1.0), 16, fill=colour, line="")
        canvas.text((left + room * p + 8, y), f"{p:.3f}", 11, colour, "left")
    x = left + room * min(r.threshold, 1.0)
    low = 26 * len(r.n_best) + 14
    canvas.path([(x, 8), (x, low)], INK, 1.2)
    canvas.text((x, low + 9), f"threshold {r.threshold:.3g}", 10, INK)
    return canvas


# ---- whole pictures


def heading(found: Explanation) -> tuple[str, str]:
    """Return the two lines above everything: the verdict, and what was read with what."""
    r = found.reading
    title = f"READ  {r.shown(r.text)}" if r else f"REJECT  {(r.reason or '').replace('_', ' ')}"
    page = f", page {r.page}" if r.page > 1 else ""
    name = printable(r.file or "an image")
    model = f"{r.model} {r.model_sha256[:8]}"
    return title, f"{name}{page}; grammar {grammar_name(r.grammar)}; weights {model}"


def sheet(found: Explanation) -> Canvas:
    """Return the whole explanation as one long picture."""
    canvas = Canvas(WIDTH, 0.0)
    title, under = heading(found)
    y = 34.0
    canvas.text((MARGIN, y), title, 24, READ if found.reading else REJECT, "left")
    y += 26
    for line in wrapped(found.sentence, 13):
        canvas.text((MARGIN, y), line, 13, INK, "left")
        y += 18
    canvas.text((MARGIN, y + 2), under, 11, SOFT, "left")
    y += 30
    for title, caption, drawing in sections(found):
        canvas.path([(MARGIN, y), (WIDTH - MARGIN, y)], FAINT, 0.8)
        y += 22
        canvas.text((MARGIN, y), title, 15, INK, "left")
        y += 18
        for line in wrapped(caption, 11):
            canvas.text((MARGIN, y), line, 11, SOFT, "left")
            y += 15
        y += 4
        canvas.shapes += drawing.moved(0, y, 0, 0).shapes
        y += drawing.height + 20
    canvas.height = y
    return canvas


def wrapped(text: str, size: float) -> list[str]:
    """Return a text in lines that fit on the sheet."""
    from lenet.canvas import text_width

    return fill(text, lambda line: text_width(line, size) <= WIDTH - 2 * MARGIN)


def fill(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Return a text in lines that fit.

    >>> fill("one two three", lambda line: len(line) < 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


STYLE = """
body { margin: 0; background: #eceae4; color: #222;
       font: 15px/1.5 Helvetica, Arial, sans-serif }
main { max-width: 1120px; margin: 24px auto; background: #fff; padding: 8px 0 24px;
       box-shadow: 0 1px 6px #0002 }
h1 { margin: 22px 28px 4px; font-size: 30px; font-weight: 600 }
h1.read { color: #2b7a4b } h1.reject { color: #b3382c }
h2 { margin: 0 28px; font-size: 18px; font-weight: 600 }
p { margin: 4px 28px 10px } p.small { color: #6f6f6f; font-size: 13px }
section { border-top: 1px solid #d8d4ca; margin-top: 18px; padding-top: 16px }
svg { display: block; width: 100%; height: auto }
"""


def to_html(found: Explanation) -> str:
    """Return the explanation as a page that needs nothing else; all text is escaped."""
    title, under = heading(found)
    kind = "read" if found.reading else "reject"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f'<h1 class="{kind}">{escape(title)}</h1>',
        f"<p>{escape(found.sentence)}</p>",
        f'<p class="small">{escape(under)}</p>',
    ]
    for name, caption, drawing in sections(found):
        parts.append(f"<section><h2>{escape(name)}</h2>")
        parts.append(f'<p class="small">{escape(caption)}</p>')
        label = f'<svg role="img" aria-label="{escape(name)}" '
        parts.append(drawing.to_svg().replace("<svg ", label, 1).rstrip() + "</section>")
    return "\n".join([*parts, "</main></body></html>\n"])
