"""Readings as a table for people, drawn by rich."""

import io
from collections.abc import Sequence

from pipeline.records import Reading
from sn.command import printable

WIDTH = 100  # columns where there is no terminal


def table_of(readings: Sequence[Reading], *, guesses: int = 1, terminal: bool) -> list[str]:
    """Return a table of readings as lines of text, a reject with its `guesses` best guesses.

    Coloured for a terminal, as wide as it; plain and `WIDTH` wide otherwise.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("image", overflow="fold", ratio=3)
    table.add_column("page", justify="right")
    table.add_column("read", justify="right", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    table.add_column("why not", overflow="fold", ratio=4)
    for r in readings:
        sure = f"{r.confidence:.3f}"
        name = Text(printable(r.file or ""))
        if r:
            cells = Text(r.shown(r.text), "bold"), Text(sure, "green"), Text("")
        else:
            told = [f"{r.shown(text)} ({p:.2f})" for text, p in r.n_best[:guesses]]
            maybe = f"; perhaps {', '.join(told)}" if told else ""
            why = f"{(r.reason or '').replace('_', ' ')}: {printable(r.why())}{maybe}"
            cells = Text("–"), Text(sure if r.n_best else "", "red"), Text(why, "dim")
        table.add_row(name, str(r.page), *cells)
    sheet = io.StringIO()
    console = Console(
        file=None if terminal else sheet,
        width=None if terminal else WIDTH,
        no_color=not terminal,
        highlight=False,
    )
    with console.capture() as shown:
        console.print(table)
    return [line.rstrip() for line in shown.get().rstrip("\n").split("\n")]
