"""SN text to cells: one form at a time, because a program may change the reader as it runs.

Words, blanks and comments are matched by regular expressions; every other character looks up
its reader in a table, in which ``dmc`` of a program may put more. Lists are read in a loop and
remember where they begin. Backquoted forms stay ``(backquote x)``; it is the translator that
builds code for them.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items
from sn.errors import EndOfInput, LispError
from sn.streams import Source
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

SKIP = re.compile(r"(?:[ \t\r\n\v]+|;[^\n]*)*")
WORD = re.compile(r"[^\x00-\x20\x7f`()\[\]{};\"|^#'~,:]+")
NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(0[xX][0-9a-fA-F]+))\Z")
PLAIN_STRING = re.compile(r'"([^"\\\x00-\x1f]*)"')
ESCAPED = re.compile(r'[^"\\\x00-\x1f]+')
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f", "\\": "\\", '"': '"'}
SIMPLE_ESCAPES |= {"e": "\xff"}
NOTHING = object()
DOT = object()
CLOSE = object()


def parse_number(text: str) -> float | None:
    """Return the number a whole text spells, else None.

    >>> parse_number("-.5"), parse_number("0x1F"), parse_number("1_000")
    (-0.5, 31.0, None)
    """
    match = NUMBER.match(text)
    if match is None:
        return None
    if match.group(1):
        value = float(int(match.group(1), 16))
        return -value if text[0] == "-" else value
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise LispError("Floating exception", function="read")
    return value


def fold_name(text: str) -> str:
    """Return a symbol's name as the reader folds it.

    >>> fold_name("_Alloc_Net")
    '_alloc-net'
    """
    return text[0].lower() + text[1:].lower().replace("_", "-")


class Reader:
    """Reads forms for one interpreter.

    `macros` maps a character, ``^c`` or ``#c`` to what ``dmc`` gave it.
    """

    def __init__(self, interpreter: "Interpreter") -> None:
        self.interpreter = interpreter
        self.intern = interpreter.intern
        self.macros: dict[str, Callable[[], Any]] = {}
        self._words: dict[str, Any] = {}
        self._depth = 0
        self._quoted = 0
        names = ("quote", "backquote", "unquote", "unquote-splicing", "null", "scope")
        self._symbols = {name: self.intern(name) for name in names}
        self._table: dict[str, Callable[[Source, int], Any]] = {
            "'": self._quote,
            '"': self._string,
            "|": self._word,
            "`": self._backquote,
            ",": self._comma,
            "~": self._not,
            ":": self._scope,
            "[": self._matrix,
            "{": self._brace,
            "#": self._hash,
            "^": self._caret,
        }

    # ------------------------------------------------------------------ entry points

    def read(self, source: Source) -> Any:
        """Read the next form; raises `EndOfInput` when there is none."""
        depth, quoted, self._depth, self._quoted = self._depth, self._quoted, 0, 0
        try:
            while True:
                form = self._next(source)
                if form is NOTHING or form is CLOSE:
                    continue
                if form is DOT:
                    return self.intern(".")
                return _alone(form)
        finally:
            self._depth, self._quoted = depth, quoted

    def at_end(self, source: Source) -> bool:
        """Skip blanks, comments and closing parentheses; True when no text remains.

        Only what is there already is looked at: no more text is fetched.
        """
        while True:
            source.at = SKIP.match(source.text, source.at).end()
            if source.at >= len(source.text):
                return True
            if source.text[source.at] != ")":
                return False
            source.at += 1

    def error(
        self, message: str, culprit: Any = None, source: Source | None = None
    ) -> LispError:
        """Return a reading error that knows its place."""
        error = LispError(message, culprit, function="read")
        if source is not None:
            error.frames = [("reading", None, source.base + source.at)]
        return error

    # ------------------------------------------------------------------ one item

    def _next(self, source: Source) -> Any:
        """Return the next form, or NOTHING, DOT or CLOSE."""
        while True:
            at = SKIP.match(source.text, source.at).end()
            if at < len(source.text):
                break
            source.at = at
            if not source.more():
                raise EndOfInput("End of file", function="read")
        text = source.text
        char = text[at]
        if char == "(":
            return self._list(source, at)
        if char == ")":
            source.at = at + 1
            return CLOSE
        source.at = at
        if char in self.macros:
            source.at = at + 1
            return self._user_macro(char, source)
        handler = self._table.get(char)
        if handler is not None:
            return handler(source, at)
        match = WORD.match(text, at)
        if match is None:
            if char < " ":
                return self._control(source, char)
            source.at = at + 1
            raise self.error("illegal character : " + hex(ord(char)), None, source)
        end = match.end()
        if end < len(text) and text[end] == "|":
            return self._word(source, at)
        source.at = end
        word = match.group()
        known = self._words.get(word)
        if known is None:
            if word == ".":
                return DOT
            known = parse_number(word)
            if known is None:
                known = self.intern(fold_name(word))
            self._words[word] = known
        return known

    def _form(self, source: Source) -> Any:
        """Return the form a prefix such as ``'`` needs."""
        while True:
            form = self._next(source)
            if form is NOTHING:
                continue
            if form is CLOSE or form is DOT:
                raise self.error("bad syntax near a closing parenthesis", None, source)
            return _alone(form)

    def _list(self, source: Source, start: int) -> Any:
        source.at = start + 1
        first = last = None
        try:
            while True:
                item = self._next(source)
                if item is CLOSE:
                    if first is not None:
                        first.pos = source.base + start
                    return first
                if item is NOTHING:
                    continue
                if item is DOT:
                    return self._tail(source, start, first, last)
                if item.__class__ is _Splice:
                    for value in item:
                        cell = Cons(value, None)
                        if last is None:
                            first = cell
                        else:
                            last.cdr = cell
                        last = cell
                    continue
                cell = Cons(item, None)
                if last is None:
                    first = cell
                else:
                    last.cdr = cell
                last = cell
        except EndOfInput:
            raise self._unfinished(source, start) from None

    def _unfinished(self, source: Source, start: int) -> EndOfInput:
        error = EndOfInput("end of file", function="read")
        error.frames = [("reading", None, source.base + start)]
        return error

    def _tail(self, source: Source, start: int, first: Any, last: Any) -> Any:
        tail = self._next(source)
        while tail is NOTHING:
            tail = self._next(source)
        if tail is CLOSE and last is None:
            raise self._unfinished(source, start)
        if tail.__class__ is _Splice:
            tail = tail.items
        end = self._next(source) if tail is not CLOSE else CLOSE
        while end is NOTHING:
            end = self._next(source)
        if tail is CLOSE or tail is DOT or end is not CLOSE:
            raise self.error("bad dotted construction", None, source)
        if last is None:
            return tail
        last.cdr = tail
        first.pos = source.base + start
        return first

    # ------------------------------------------------------------------ prefixes

    def _prefixed(self, name: str, source: Source, at: int) -> Cons:
        return Cons(self._symbols[name], Cons(self._form(source), None), source.base + at)

    def _quote(self, source: Source, at: int) -> Any:
        source.at = at + 1
        quoted, self._quoted = self._quoted, 1
        try:
            return self._prefixed("quote", source, at)
        finally:
            self._quoted = quoted

    def _backquote(self, source: Source, at: int) -> Any:
        source.at = at + 1
        self._depth += 1
        try:
            return self._prefixed("backquote", source, at)
        finally:
            self._depth -= 1

    def _comma(self, source: Source, at: int) -> Any:
        if self._depth == 0:
            function = "read" if self._quoted else "error"
            source.at = at + 1
            raise LispError("Comma outside backquote", function=function)
        if self._depth > 1:
            raise LispError("Nested comma in a backquoted expression", function="error")
        source.at = at + 1
        name = "unquote"
        if source.peek() and source.peek() in "@.":
            source.at += 1
            name = "unquote-splicing"
        self._depth -= 1
        try:
            return self._prefixed(name, source, at)
        finally:
            self._depth += 1

    def _not(self, source: Source, at: int) -> Any:
        source.at = at + 1
        return self._prefixed("null", source, at)

    def _scope(self, source: Source, at: int) -> Any:
        source.at = at + 1
        if source.peek() == ":":
            source.at = at + 2
            raise self.error("illegal character : ':'", None, source)
        parts = [self._form(source)]
        while source.peek() == ":":
            source.at += 1
            parts.append(self._form(source))
        if parts[0].__class__ is Symbol:
            parts[0].track()
        return Cons(self._symbols["scope"], from_items(parts), source.base + at)

    # ------------------------------------------------------------------ atoms

    def _word(self, source: Source, at: int) -> Any:
        """Read a symbol that contains ``|...|``."""
        text, name = source.text, ""
        while True:
            if at < len(text) and text[at] == "|":
                end = text.find("|", at + 1)
                while end < 0:
                    if not source.more():
                        raise self.error("end of file", None, source)
                    text = source.text
                    end = text.find("|", at + 1)
                name += text[at + 1 : end]
                at = end + 1
                continue
            match = WORD.match(text, at)
            if match is None:
                break
            name += fold_name(match.group())
            at = match.end()
        source.at = at
        return self.intern(name)

    def _string(self, source: Source, at: int) -> str:
        match = PLAIN_STRING.match(source.text, at)
        if match:
            source.at = match.end()
            return match.group(1)
        source.at = at + 1
        parts: list[str] = []
        while True:
            match = ESCAPED.match(source.text, source.at)
            if match:
                parts.append(match.group())
                source.at = match.end()
            char = source.getc()
            if char == '"':
                return "".join(parts)
            if char == "":
                raise self.error("end of file", None, source)
            if char != "\\":
                raise self.error(f"illegal character : 0x{ord(char):x}", None, source)
            parts.append(self._escape(source))

    def _escape(self, source: Source) -> str:
        char = source.getc()
        if char in SIMPLE_ESCAPES:
            return SIMPLE_ESCAPES[char]
        if char == "\n":
            return ""
        if char == "\r" and source.peek() == "\n":
            source.getc()
            return ""
        if char == "^":
            return chr(ord(source.getc()) & 31)
        if char == "+":
            return chr(ord(source.getc()) | 128)
        limits = {"x": (16, 2), "u": (16, 4), "U": (16, 8)}
        base, width = limits.get(char, (8, 3))
        digits = char if char in "01234567" and base == 8 else ""
        if base == 8 and not digits:
            raise self.error("bad backslash sequence in a string", None, source)
        alphabet = "0123456789abcdefABCDEF" if base == 16 else "01234567"
        while len(digits) < width and source.peek() and source.peek() in alphabet:
            digits += source.getc()
        if not digits:
            raise self.error("bad backslash sequence in a string", None, source)
        code = int(digits, base)
        if char in "uU":
            return chr(code).encode("utf-8").decode("latin-1")
        return chr(code & 255)

    # ------------------------------------------------------------------ brackets

    def _matrix(self, source: Source, at: int) -> Any:
        from sn.matrix import literal

        source.at = at + 1
        letter = "d"
        following = source.peek()
        if following and following in "dfisbuap" and self._ends_word(source, 1):
            letter = source.getc()
        return literal(letter, self._elements(source, at, letter))

    def _ends_word(self, source: Source, offset: int) -> bool:
        match = WORD.match(source.text, source.at)
        return match is None or match.end() - source.at == offset or match.group()[1] == "@"

    def _elements(self, source: Source, start: int, letter: str) -> Any:
        """Read up to the closing bracket; nested brackets become nested lists."""
        if source.peek() == "@":
            source.at += 1
            value = self._form(source)
            self._closing(source, start)
            return value
        values: list[Any] = []
        while True:
            source.at = SKIP.match(source.text, source.at).end()
            char = source.peek()
            if char == "":
                raise self._unfinished(source, start)
            if char == "]":
                source.at += 1
                return values
            if char == "[":
                source.at += 1
                if source.peek() == letter and self._ends_word(source, 1):
                    source.at += 1
                values.append(self._elements(source, start, letter))
            elif not char.isspace():
                values.append(self._form(source))

    def _closing(self, source: Source, start: int) -> None:
        while True:
            source.at = SKIP.match(source.text, source.at).end()
            char = source.getc()
            if char == "]":
                return
            if char == "":
                raise self._unfinished(source, start)
            if not char.isspace():
                raise self.error("a closing bracket is missing", None, source)

    def _objects(self, source: Source, start: int) -> list[Any]:
        """Read the rest of ``#[ ... #]``; nested arrays become nested lists."""
        values: list[Any] = []
        while True:
            source.at = SKIP.match(source.text, source.at).end()
            two = source.text[source.at : source.at + 2]
            if two == "#]":
                source.at += 2
                return values
            if two == "#[":
                source.at += 2
                values.append(self._objects(source, start))
            elif not two and not source.more():
                raise self._unfinished(source, start)
            elif two:
                values.append(self._form(source))

    def _brace(self, source: Source, at: int) -> Any:
        """Read ``{...}``, documentation mark-up, as a list of its text."""
        text = source.text
        verbatim = re.compile(r"\{<(pre|code|c)>").match(text, at)
        if verbatim:
            end = text.find(f"</{verbatim.group(1)}>", at)
            end = text.find("}", end) if end >= 0 else -1
        else:
            depth, end = 0, at
            for match in re.compile(r"\\.|[{}]").finditer(text, at):
                depth += {"{": 1, "}": -1}.get(match.group(), 0)
                if depth == 0:
                    end = match.start()
                    break
            else:
                end = -1
        if end < 0:
            if source.more():
                return self._brace(source, at)
            source.at = len(text)
            raise self._unfinished(source, at)
        source.at = end + 1
        body = text[at + 1 : end]
        if not verbatim:
            body = re.sub(r"\\([{}\\])", r"\1", body)
        return Cons(self.intern("brace"), Cons(body, None), source.base + at)

    # ------------------------------------------------------------------ macro characters

    def _user_macro(self, key: str, source: Source) -> Any:
        """Call a macro character of the program; what it reads comes from this source."""
        outer, self.interpreter.input = self.interpreter.input, source
        try:
            return self.macros[key]()
        finally:
            self.interpreter.input = outer

    def _hash(self, source: Source, at: int) -> Any:
        source.at = at + 1
        char = source.getc()
        key = "#" + char.lower()
        if key in self.macros:
            value = self._user_macro(key, source)
            return _Splice(value)
        if char == "?":
            return self._help(source)
        if char == "!":
            end = source.text.find("!#", source.at)
            if end < 0:
                end = source.text.find("\n", source.at)
                source.at = end if end >= 0 else len(source.text)
            else:
                source.at = end + 2
            return NOTHING
        if char == "[":
            from sn.matrix import object_array

            return object_array(self._objects(source, at))
        if char == "{":
            end = source.text.find("#}", source.at)
            if end < 0:
                source.at = len(source.text)
                raise self._unfinished(source, at)
            text = source.text[source.at : end]
            source.at = end + 2
            return Cons(self.intern("c-code"), Cons(text, None), source.base + at)
        if char == ".":
            self.interpreter.trust("#.")
            return self.interpreter.evaluate(self._form(source))
        if char == "\\":
            return source.getc()
        raise self.error(f"undefined macro-character : #{char}", None, source)

    def _help(self, source: Source) -> Any:
        """Note a manual entry: the line and the comment lines that follow it."""
        match = re.compile(r"[^\n]*\n?(?:[ \t]*;[^\n]*\n?)*").match(source.text, source.at)
        self.interpreter.manual.append((source.name, match.group()))
        source.at = source.text.find("\n", source.at)
        if source.at < 0:
            source.at = len(source.text)
        return NOTHING

    def _caret(self, source: Source, at: int) -> Any:
        source.at = at + 1
        char = source.getc()
        return self._shortcut(source, char)

    def _control(self, source: Source, char: str) -> Any:
        source.at += 1
        if char in "\f\v":
            return NOTHING
        return self._shortcut(source, chr(ord(char) + 64))

    def _shortcut(self, source: Source, char: str) -> Any:
        key = "^" + char.lower()
        if key in self.macros:
            value = self._user_macro(key, source)
            return NOTHING if value is None else value
        end = source.text.find("\n", source.at)
        end = end if end >= 0 else len(source.text)
        rest = source.text[source.at : end].strip()
        form = self.interpreter.shortcut(char.upper(), rest)
        if form is NOTHING:
            raise self.error(f"undefined macro-character : ^{char}", None, source)
        source.at = end
        return form


class _Splice:
    """What a ``#c`` macro returned: elements to splice into the list being read."""

    __slots__ = ("items",)

    def __init__(self, items: Any) -> None:
        self.items = items

    def __iter__(self) -> Any:
        cell = self.items
        while cell.__class__ is Cons:
            yield cell.car
            cell = cell.cdr


def _alone(form: Any) -> Any:
    """Return a form read outside a list: a spliced list stands for its first element."""
    if form.__class__ is _Splice:
        return form.items.car if form.items.__class__ is Cons else None
    return form
