"""Where SN text comes from and goes to.

A `Source` is text being read, by the reader or byte by byte by the program itself: both move
the same position, so a program may ``(read)`` what follows it in its own file. `Sources` gives
every source a range of positions of its own, so one integer in a cons cell says file, line and
column. An `Output` counts columns, for ``tab`` and for matrices.
"""

import sys
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from sn.errors import Leave

SHIFT = 32  # a position is source number << SHIFT | offset


class Source:
    """Text and how far it has been read.

    Parameters
    ----------
    name: file name, or a word such as ``stdin``, for messages
    text: what is there from the start (latin-1: one character per byte)
    more: called for more text when all has been read; returns "" at the end
    """

    def __init__(
        self,
        name: str,
        text: str = "",
        more: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.text = text
        self.at = 0
        self.base = 0
        self._more = more
        self._lines: list[int] = []
        self._counted = 0

    def more(self) -> bool:
        """Fetch more text; False at the end."""
        text = self._more() if self._more else ""
        self.text += text
        return bool(text)

    def peek(self) -> str:
        """Return the next character without reading it; "" at the end."""
        if self.at < len(self.text) or self.more():
            return self.text[self.at]
        return ""

    def getc(self) -> str:
        """Read one character; "" at the end."""
        char = self.peek()
        if char:
            self.at += 1
        return char

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of an offset."""
        if self._counted < len(self.text):
            if not self._lines:
                self._lines.append(0)
            start = self._counted
            while (start := self.text.find("\n", start) + 1) > 0:
                self._lines.append(start)
            self._counted = len(self.text)
        line = max(bisect_right(self._lines, offset), 1)
        start = self._lines[line - 1] if self._lines else 0
        return line, offset - start + 1

    def line_text(self, line: int) -> str:
        """Return the text of a line, counted from 1."""
        lines = self.text.split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def close(self) -> None:
        """Forget what has not been read."""
        self.at = len(self.text)
        self._more = None


class Sources:
    """All sources of one interpreter, findable by position."""

    def __init__(self) -> None:
        self.all: list[Source] = []

    def add(self, source: Source) -> Source:
        """Give a source its range of positions."""
        source.base = len(self.all) << SHIFT
        self.all.append(source)
        return source

    def find(self, pos: int) -> tuple[str, int, int]:
        """Return file name, line and column of a position."""
        source = self.all[pos >> SHIFT]
        line, column = source.place(pos & ((1 << SHIFT) - 1))
        return source.name, line, column


def input_line() -> str:
    """Return the next line of standard input, one character per byte."""
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        return latin(sys.stdin.readline())
    return buffer.readline().decode("latin-1")


def latin(text: str) -> str:
    """Return text of the host as SN has it, one character per byte of UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def write_out(text: str) -> None:
    """Write SN's text to standard output: the bytes it stands for."""
    if not text.isascii():
        data = text.encode("latin-1", "replace")
        text = data.decode("utf-8", "surrogateescape")
        try:
            text.encode(sys.stdout.encoding or "utf-8", sys.stdout.errors or "strict")
        except UnicodeError:
            text = data.decode("utf-8", "replace").encode("ascii", "replace").decode()
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        _leave_quietly()


def _leave_quietly() -> NoReturn:
    """End a program whose output nobody reads any more, as the signal SIGPIPE did."""
    from sn.command import hush

    hush()
    raise Leave(0) from None


class Output:
    """A destination of text that knows its column.

    `target` is None for standard output as it is when text is written, an open binary file,
    or a list that collects pieces.
    """

    def __init__(self, target: Any = None, name: str = "$stdout") -> None:
        self.target = target
        self.name = name
        self.column = 0

    def write(self, text: str) -> None:
        """Write text (latin-1 characters)."""
        if not text:
            return
        newline = text.rfind("\n")
        if newline >= 0:
            self.column = 0
            tail = text[newline + 1 :]
        else:
            tail = text
        for char in tail.split("\b")[0] if "\b" in tail else tail:
            if char == "\t":
                self.column = (self.column // 8 + 1) * 8
            elif char >= " ":
                self.column += 1
        target = self.target
        if target is None:
            write_out(text)
        elif target.__class__ is list:
            target.append(text)
        else:
            target.write(text.encode("latin-1", "replace"))

    def flush(self) -> None:
        """Push everything out."""
        if self.target is None:
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                _leave_quietly()
        elif self.target.__class__ is not list and not self.target.closed:
            self.target.flush()

    def close(self) -> None:
        """Close the file, if it is one."""
        if self.target is not None and self.target.__class__ is not list:
            self.target.close()

    def __del__(self) -> None:
        self.close()

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form of a file opened for writing."""
        return f"::FILE_WO:{Path(self.name).name}"


class FileInput(Source):
    """A file opened for reading, as a Lisp object."""

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form of a file opened for reading."""
        return f"::FILE_RO:{Path(self.name).name}"
