"""Strings, formatted output and what turns values into text."""

import re
from typing import TYPE_CHECKING, Any

from sn.cells import from_items
from sn.errors import LispError
from sn.primitives.arguments import integer, number, numbers, string
from sn.primitives.registry import primitive
from sn.printer import show, show_number
from sn.reader import parse_number
from sn.symbols import truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

DIRECTIVE = re.compile(r"%(-?)(\d*)(\.\d*)?(.?)", re.S)


def format_text(interpreter: "Interpreter", template: str, values: tuple[Any, ...]) -> Any:
    """Yield the pieces of formatted text; what precedes a fault has been yielded before it."""
    remaining = list(values)
    at = 0
    for match in DIRECTIVE.finditer(template):
        if match.start() < at:
            continue
        if match.start() > at:
            yield template[at : match.start()]
        at = match.end()
        yield _directive(match, remaining)
    if at < len(template):
        yield template[at:]
    if remaining:
        raise LispError("bad argument number")


def _directive(match: re.Match[str], remaining: list[Any]) -> str:
    left, width, precision, letter = match.groups()
    if letter == "%" and match.group() == "%%":
        return "%"
    if letter not in "dsfgelp" or not letter or (precision and letter not in "fge"):
        raise LispError("bad format string")
    if not remaining:
        raise LispError("bad argument number")
    value = remaining.pop(0)
    sized = bool(left or width or precision)
    if letter == "s":
        return ("%" + left + width + "s") % string(value)
    if letter in "lp":
        return ("%" + left + width + "s") % show(value)
    if letter == "d":
        # A zero in front of the width pads with zeros, as in C.
        return ("%" + left + width + "d") % integer(value)
    number(value)
    if not sized:
        return show_number(value)
    return ("%" + left + width + (precision or "") + letter) % value


@primitive("printf", interpreter=True)
def printf(interpreter: "Interpreter", template: str, *values: Any) -> None:
    """Print formatted text."""
    for piece in format_text(interpreter, string(template), values):
        interpreter.output.write(piece)


@primitive("sprintf", interpreter=True)
def sprintf(interpreter: "Interpreter", template: str, *values: Any) -> str:
    """Return formatted text."""
    return "".join(format_text(interpreter, string(template), values))


# ---- output of values


@primitive("print", interpreter=True)
def print_values(interpreter: "Interpreter", *values: Any) -> Any:
    """Print values separated by blanks, then a newline; return the last."""
    prin(interpreter, *values)
    interpreter.output.write("\n")
    return values[-1] if values else None


@primitive("prin", interpreter=True)
def prin(interpreter: "Interpreter", *values: Any) -> Any:
    """Print values separated by blanks; return the last."""
    output = interpreter.output
    for place, value in enumerate(values):
        if place:
            output.write(" ")
        output.write(show(value, output.column))
    return values[-1] if values else None


@primitive("tab", interpreter=True)
def tab(interpreter: "Interpreter", column: Any = None) -> float:
    """Go to a column, or tell the column."""
    output = interpreter.output
    if column is not None:
        output.write(" " * max(integer(column) - output.column, 0))
    return float(output.column)


@primitive("flush", interpreter=True)
def flush(interpreter: "Interpreter") -> None:
    """Write out what is pending."""
    interpreter.output.flush()


@primitive("pname")
def pname(value: Any) -> str:
    """Return a value as it prints."""
    return show(value)


@primitive("str")
def number_text(value: float) -> str:
    """Return a number as it prints."""
    return show_number(number(value))


@primitive("strhex")
def strhex(value: float) -> str:
    """Return an integer in hexadecimal."""
    return f"{integer(value) & 0xFFFFFFFF:x}"


@primitive("stroct")
def stroct(value: float) -> str:
    """Return an integer in octal."""
    return f"{integer(value) & 0xFFFFFFFF:o}"


@primitive("val")
def val(text: str) -> Any:
    """Return the number a text is, () when it is none."""
    return parse_number(string(text).strip())


# ---- parts of strings


@primitive("len", "strlen")
def length(text: str) -> float:
    """Return the length of a string."""
    return float(len(string(text)))


@primitive("concat")
def concat(*texts: str) -> str:
    """Join strings."""
    return "".join([string(text) for text in texts])


def _place(value: Any, least: int) -> int:
    count = integer(value)
    if count < least:
        raise LispError("Argument out of range", value)
    return count


@primitive("left")
def left(text: str, count: float) -> str:
    """Return the first characters."""
    return string(text)[: _place(count, 0)]


@primitive("right")
def right(text: str, count: float) -> str:
    """Return the last characters."""
    count = _place(count, 0)
    return string(text)[-count:] if count else ""


@primitive("mid")
def mid(text: str, start: float, count: Any = None) -> str:
    """Return characters from a place counted from 1."""
    start = _place(start, 1) - 1
    end = None if count is None else start + _place(count, 0)
    return string(text)[start:end]


@primitive("index")
def index(part: str, text: str, start: Any = None) -> Any:
    """Return where a string occurs in another, counted from 1."""
    start = 0 if start is None else _place(start, 1) - 1
    found = string(text).find(string(part), start)
    return float(found + 1) if found >= 0 else None


@primitive("strins")
def strins(text: str, place: float, part: str) -> str:
    """Insert a string after so many characters."""
    place = _place(place, 0)
    return string(text)[:place] + string(part) + text[place:]


@primitive("strdel")
def strdel(text: str, place: float, count: float) -> str:
    """Delete characters from a place counted from 1."""
    place = _place(place, 1) - 1
    return string(text)[:place] + text[place + _place(count, 0) :]


@primitive("strsubst")
def strsubst(text: str, old: str, new: str) -> str:
    """Replace every occurrence of a string."""
    return string(text).replace(string(old), string(new))


def _upper(text: str) -> str:
    return "".join(c.upper() if "a" <= c <= "z" else c for c in text)


@primitive("upcase")
def upcase(text: str) -> str:
    """Return a string in capitals."""
    return _upper(string(text))


@primitive("upcase1")
def upcase1(text: str) -> str:
    """Return a string with its first letter a capital."""
    return _upper(string(text)[:1]) + text[1:]


@primitive("downcase")
def downcase(text: str) -> str:
    """Return a string in small letters."""
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in string(text))


@primitive("isprint")
def isprint(text: str) -> Any:
    """Tell whether all characters of a string can be printed."""
    return truth(string(text) and all(" " <= c <= "~" for c in text))


@primitive("asc")
def asc(text: str) -> float:
    """Return the code of the first character."""
    if not string(text):
        raise LispError("Empty string", text)
    return float(ord(text[0]))


@primitive("chr")
def chr_of(code: float) -> str:
    """Return the character of a code."""
    if not 0 <= number(code) <= 255:
        raise LispError("Out of range", code)
    return chr(int(code))


@primitive("strip")
def strip(text: str) -> str:
    """Return a string without blanks at its ends."""
    return string(text).strip(" \t\n\r\f\v")


@primitive("stripl")
def stripl(text: str) -> str:
    """Return a string without blanks at its beginning."""
    return string(text).lstrip(" \t\n\r\f\v")


@primitive("stripr")
def stripr(text: str) -> str:
    """Return a string without blanks at its end."""
    return string(text).rstrip(" \t\n\r\f\v")


@primitive("explode-chars", "explode-bytes")
def explode(text: str) -> Any:
    """Return the codes of the characters."""
    return from_items([float(ord(c)) for c in string(text)])


@primitive("implode-chars", "implode-bytes")
def implode(codes: Any) -> str:
    """Return the string of character codes."""
    return "".join([chr_of(code) for code in numbers(codes)])


@primitive("split-words")
def split_words(text: str) -> Any:
    """Return the words of a text."""
    return from_items(string(text).split())


@primitive("merge-words")
def merge_words(words: Any) -> str:
    """Join words with blanks."""
    from sn.cells import items

    return " ".join([string(word) for word in items(words)])


@primitive("first-line")
def first_line(value: Any) -> str:
    """Return the beginning of a value's text."""
    return show(value).split("\n")[0][:60]
