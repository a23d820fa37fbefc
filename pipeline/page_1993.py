"""The 1993 demo as one page of HTML: the strips, their digits in place, the clock of then.

No script and nothing from outside; the pictures are part of the page.
"""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from pipeline.errors import ImageError
from pipeline.film import Shot
from pipeline.monitor import Beneath, Monitor

STYLE = """
body { margin: 2em auto; max-width: 42em; padding: 0 1em; background: %(ground)s;
       color: %(dim)s; font: 15px/1.5 system-ui, sans-serif; }
h1, h2 { color: %(title)s; font-weight: 600; } h1 { font-size: 1.4em; } h2 { font-size: 1em; }
figure { margin: 0 0 2.5em; } img { display: block; width: 100%%; image-rendering: auto; }
.digits { position: relative; height: 2.6em; }
.digits span { position: absolute; transform: translateX(-50%%); font-size: 1.8em;
               color: %(good)s; }
.good { color: %(good)s; } .doubt { color: %(doubt)s; } .bad { color: %(bad)s; }
pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; margin: 0.3em 0; }
"""


def page(scenes: Sequence[tuple[str, Shot, Beneath]], period: bool) -> str:
    """Return the page for (heading, shot, what stands beneath it)."""
    monitor = Monitor(period)
    inks = {
        style: "#{:02x}{:02x}{:02x}".format(*monitor.ink(style))
        for style in ("ground", "title", "dim", "good", "doubt", "bad")
    }
    figures = []
    for heading, shot, (found, (answer, style), clocks) in scenes:
        digits = "".join(
            f'<span style="left:{100 * shot.column(c.box):.2f}%">{escape(c.char)}</span>'
            for c in found
        )
        said = escape(f"{heading}: {answer}", quote=True)
        figures.append(
            f"<figure>\n<h2>{escape(heading)}</h2>\n"
            f'<img alt="{said}" src="{_data(monitor.view(shot.frame))}">\n'
            f'<div class="digits" aria-hidden="true">{digits}</div>\n'
            f'<figcaption><span class="{style}">{escape(answer)}</span>\n'
            f"<pre>{escape(chr(10).join(clocks))}</pre></figcaption>\n</figure>"
        )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>demo-1993</title>\n'
        f"<style>{STYLE % inks}</style>\n</head>\n<body>\n<h1>demo-1993</h1>\n"
        + "\n".join(figures)
        + "\n</body>\n</html>\n"
    )


def write_html(path: str, scenes: Sequence[tuple[str, Shot, Beneath]], period: bool) -> None:
    """Write all strips and their answers as a page. Raises ImageError."""
    try:
        Path(path).write_text(page(scenes, period), encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise ImageError(path, f"cannot be written ({why})") from None


def _data(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
