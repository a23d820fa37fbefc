"""Strings, formatted output and what turns values into text."""

import re
from typing import TYPE_CHECKING, Any

from sn.cells import from_items
from sn.errors import LispError
from sn.limits import room
from sn.primitives.arguments import integer, number, numbers, string
from sn.primitives.registry import primitive
from sn.printer import show, show_number
from sn.reader import parse_number
from sn.regex import compiled, pieces, seek
from sn.symbols import truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

MOST_DIGITS = 4  # of a width; the original wrote into a buffer of that order
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
    """Return the text of one directive."""
    left, width, precision, letter = match.groups()
    if letter == "%" and match.group() == "%%":
        return "%"
    if letter not in "dsfgelp" or not letter or (precision and letter not in "fge"):
        raise LispError("bad format string")
    if len(width) > MOST_DIGITS or len(precision or "") > MOST_DIGITS:
        raise LispError("bad format string")
    if not remaining:
        raise LispError("bad argument number")
    value = remaining.pop(0)
    sized = bool(left or width or precision)
    if letter == "s":
        return ("%" + left + width + "s") % string(value)
    if letter == "p":
        from sn.pretty import Printer
        from sn.streams import Output

        pieces: list[str] = []
        Printer(Output(pieces)).form(value)
        return "".join(pieces) + "\n"
    if letter == "l":
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
        blanks = max(integer(column) - output.column, 0)
        room(blanks, 1)
        output.write(" " * blanks)
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
    room(sum([len(string(text)) for text in texts]), 1)
    return "".join(texts)


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
    room(string(text).count(string(old)) * len(string(new)), 1)
    return text.replace(old, new)


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


# ---- regular expressions


@primitive("regex-match")
def regex_match(pattern: str, text: str) -> Any:
    """Tell whether a whole string matches."""
    return truth(compiled(string(pattern)).fullmatch(string(text)))


@primitive("regex-extract")
def regex_extract(pattern: str, text: str) -> Any:
    """Return what the groups of a pattern matched, () when the string does not match."""
    match = compiled(string(pattern)).fullmatch(string(text))
    return None if match is None else from_items([group or "" for group in match.groups()])


@primitive("regex-seek")
def regex_seek(pattern: str, text: str, start: Any = 1.0) -> Any:
    """Return place, from 1, and length of the first match from a place on."""
    begin = max(0, min(integer(start) - 1, len(string(text))))
    match = seek(string(pattern), text, begin)
    if match is None:
        return None
    return from_items([float(match.start() + 1), float(match.end() - match.start())])


@primitive("regex-subst")
def regex_subst(pattern: str, replacement: str, text: str) -> str:
    """Replace every match; %0...%9 stand for the groups, %% for %."""
    string(pattern), string(replacement), string(text)
    result, at = [], 0
    while (match := seek(pattern, text, at)) is not None:
        result.append(text[at : match.start()])
        groups = match.groups()

        def group(m: re.Match[str], groups: tuple[str | None, ...] = groups) -> str:
            if m.group(1) == "%":
                return "%"
            number = int(m.group(1))
            return (groups[number] or "") if number < len(groups) else ""

        result.append(re.sub("%([0-9%])", group, replacement))
        if match.end() == match.start():
            result.append(text[match.end()])
        at = max(match.end(), match.start() + 1)
    result.append(text[at:])
    return "".join(result)


def _matches(pattern: Any, text: Any, count: Any) -> list[tuple[int, int]]:
    most = -1 if count is None else max(integer(count), 0)
    found = pieces(string(pattern), string(text), most)
    return found if len(found) == most or most < 0 else []


@primitive("regex-rseek")
def regex_rseek(pattern: str, text: str, count: Any = None) -> Any:
    """Return place and length of successive matches."""
    found = _matches(pattern, text, count)
    return from_items([from_items([float(a + 1), float(b - a)]) for a, b in found])


@primitive("regex-split")
def regex_split(pattern: str, text: str, count: Any = None) -> Any:
    """Return successive matches themselves."""
    return from_items([text[a:b] for a, b in _matches(pattern, text, count)])


@primitive("regex-count")
def regex_count(pattern: str, text: str) -> float:
    """Count successive matches."""
    return float(len(_matches(pattern, text, None)))


@primitive("regex-skip")
def regex_skip(pattern: str, text: str, count: Any = None) -> Any:
    """Return what follows so many matches (1)."""
    number_of = 1 if count is None else integer(count)
    if number_of <= 0:
        return text
    found = _matches(pattern, text, float(number_of))
    return text[found[-1][1] :] if found else None


@primitive("regex-tail")
def regex_tail(pattern: str, text: str, count: Any = None) -> Any:
    """Return the end of a text that begins after all but the last matches."""
    number_of = 1 if count is None else integer(count)
    found = _matches(pattern, text, None)
    place = len(found) - number_of
    return None if place < 0 else text[found[place][0] :]
