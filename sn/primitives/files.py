"""Files: loading, reading, writing, redirection.

A file opened for reading is read whole and becomes a `FileInput`; a string names a file or one
of ``$stdin``, ``$stdout``, ``$stderr``. End of file is the character 255.
"""

import sys
from typing import TYPE_CHECKING, Any

from sn.cells import from_items, items
from sn.errors import LispError
from sn.fileaccess import latin
from sn.primitives.arguments import integer, string
from sn.primitives.registry import primitive, special
from sn.streams import FileInput, Output, Source
from sn.symbols import Symbol, T, truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sn.interpreter import Interpreter

END = "\xff"
BLANKS = " \n\r\t\f"


def missing() -> LispError:
    """Return the error about a file that is not there."""
    return LispError("No such file or directory (errno=2)")


# ---- loading


@primitive("load", interpreter=True)
def load(interpreter: "Interpreter", name: Any, output: Any = None, prompt: str = "? ") -> Any:
    """Evaluate a file found on the search path; return its name. "$stdin" begins a dialogue."""
    if name == "$stdin" and interpreter.listener is not None:
        interpreter.listener(string(prompt).split("|")[0].replace("?", "").strip())
        return name
    path = interpreter.search(string(name))
    if path is None:
        raise missing()
    interpreter.load(path)
    return latin(path.resolve())


@primitive("libload", interpreter=True)
def libload(interpreter: "Interpreter", name: Any, *_: Any) -> str:
    """Load a library file once."""
    return latin(interpreter.libload(string(name)))


@special("autoload", pattern="eQ")
def autoload(interpreter: "Interpreter", name: Any, symbols: Any) -> None:
    """Have functions load a library file when they are first called."""
    library = string(name)
    for symbol in items(symbols):
        autoload_function(interpreter, symbol, library)


def autoload_function(interpreter: "Interpreter", symbol: Symbol, library: str) -> None:
    """Have a function load a library file when it is first called."""

    def first_call(*arguments: Any) -> Any:
        interpreter.libload(library)
        if symbol.value is first_call:
            raise LispError("autoload failed to define this function", symbol)
        return interpreter.apply(symbol.value, *arguments)

    from sn.primitives.registry import Primitive

    first_call.sn = Primitive((symbol.name,), first_call.__code__, 0, bound=False)
    symbol.value = first_call
    symbol.declared = True
    symbol.invalidate()


@primitive("path", interpreter=True)
def search_path(interpreter: "Interpreter", *folders: str) -> Any:
    """Return the search path, or set it."""
    if folders:
        interpreter.path = [string(folder) for folder in folders]
    return from_items(interpreter.path)


@primitive("addpath", interpreter=True)
def addpath(interpreter: "Interpreter", folder: str) -> Any:
    """Put a folder on the search path, after the current one."""
    name = latin(interpreter.check_name(string(folder)).resolve())
    interpreter.path = [name, *(known for known in interpreter.path if known != name)]
    return from_items(interpreter.path)


# ---- opening


def _with_suffix(name: str, suffix: Any) -> str:
    """Add a default suffix to a name that has none."""
    if suffix is None or not string(suffix) or suffix[0] == "|" or "." in name.split("/")[-1]:
        return name
    if suffix[0] == ".":
        return name + "." + suffix[1:].split("|")[0]
    return name + "." + (suffix[5:] if len(suffix) > 5 and suffix[4] == "@" else suffix)


def open_source(interpreter: "Interpreter", name: str, suffix: Any = None) -> Source:
    """Open a file for reading."""
    if name == "$stdin":
        return interpreter.stdin
    for candidate in dict.fromkeys((name, _with_suffix(name, suffix))):
        path = interpreter.readable_path(interpreter.check_name(candidate))
        if path.is_file():
            interpreter.flush_files()
            text = interpreter.read_text(path)
            return interpreter.sources.add(FileInput(latin(path), text))
    raise missing()


def open_output(
    interpreter: "Interpreter", name: str, suffix: Any = None, mode: str = "wb"
) -> Output:
    """Open a file for writing or appending."""
    if name == "$stdout":
        return interpreter.stdout
    if name == "$stderr":
        return Output(_Stderr(), name)
    path = interpreter.writable_path(interpreter.check_name(_with_suffix(name, suffix)))
    output = Output(path.open(mode), latin(path))
    interpreter.files.add(output)
    return output


class _Stderr:
    """Standard error as it is when text is written."""

    closed = False

    def write(self, data: bytes) -> None:
        """Write text."""
        sys.stderr.write(data.decode("latin-1"))

    def flush(self) -> None:
        """Push everything out."""
        sys.stderr.flush()

    def close(self) -> None:
        """Leave standard error open."""


@primitive("open-read", interpreter=True)
def open_read(interpreter: "Interpreter", name: str, suffix: Any = None) -> Any:
    """Open a file for reading; () when it is not there."""
    try:
        return open_source(interpreter, string(name), suffix)
    except (LispError, OSError):
        return None


@primitive("open-write", interpreter=True)
def open_write(interpreter: "Interpreter", name: str, suffix: Any = None) -> Output:
    """Open a file for writing."""
    return open_output(interpreter, string(name), suffix)


@primitive("open-append", interpreter=True)
def open_append(interpreter: "Interpreter", name: str, suffix: Any = None) -> Output:
    """Open a file for writing at its end."""
    return open_output(interpreter, string(name), suffix, "ab")


# ---- redirection


@special("writing", pattern="eb")
def writing(interpreter: "Interpreter", target: Any, body: "Callable[[], Any]") -> Any:
    """Evaluate a body whose output goes to a file."""
    opened = target.__class__ is str
    if opened:
        output = open_output(interpreter, target)
    elif isinstance(target, Output):
        output = target
    else:
        raise LispError("neither a string nor a file descriptor", target)
    outer, interpreter.output = interpreter.output, output
    try:
        return body()
    finally:
        interpreter.output = outer
        if opened and output is not interpreter.stdout:
            output.close()


@special("reading", pattern="eb")
def reading(interpreter: "Interpreter", source: Any, body: "Callable[[], Any]") -> Any:
    """Evaluate a body whose input comes from a file."""
    if source.__class__ is str:
        source = open_source(interpreter, source)
    if not isinstance(source, Source):
        raise LispError("neither a string nor a file descriptor", source)
    return _reading_from(interpreter, source, body)


@special("reading-string", pattern="eb")
def reading_string(interpreter: "Interpreter", text: Any, body: "Callable[[], Any]") -> Any:
    """Evaluate a body whose input is a string."""
    source = interpreter.sources.add(Source("string", string(text)))
    return _reading_from(interpreter, source, body)


def _reading_from(interpreter: "Interpreter", source: Source, body: "Callable[[], Any]") -> Any:
    outer, interpreter.input = interpreter.input, source
    try:
        return body()
    finally:
        interpreter.input = outer


# ---- input


@primitive("read", interpreter=True)
def read(interpreter: "Interpreter") -> Any:
    """Read the next form of the current input."""
    return interpreter.read(interpreter.input)


def _characters(text: str) -> set[str]:
    """Return the characters of a set such as ``a-z`` or, complemented, ``~@``."""
    complement = text.startswith("~")
    text = text[complement:]
    found: set[str] = set()
    at = 0
    while at < len(text):
        if at + 2 < len(text) and text[at + 1] == "-":
            found.update(chr(c) for c in range(ord(text[at]), ord(text[at + 2]) + 1))
            at += 3
        else:
            found.add(text[at])
            at += 1
    if complement:
        found = {chr(c) for c in range(256)} - found
    found.discard(END)
    if "\n" in found:
        found.add("\r")
    return found


@primitive("read-string", interpreter=True)
def read_string(interpreter: "Interpreter", which: Any = "~\n\r\xff") -> str:
    """Read characters of a set, or so many characters; up to the end of the line."""
    source = interpreter.input
    result = []
    if which.__class__ is float or which.__class__ is int:
        for _ in range(integer(which)):
            char = source.getc()
            if not char:
                break
            result.append(char)
        return "".join(result)
    wanted = _characters(string(which))
    while (char := source.peek()) and char in wanted:
        result.append(char)
        source.at += 1
    return "".join(result)


@primitive("skip-char", interpreter=True)
def skip_char(interpreter: "Interpreter", which: Any = BLANKS) -> str:
    """Skip characters of a set; return the next one without reading it."""
    source = interpreter.input
    wanted = _characters(string(which))
    while (char := source.peek()) and char in wanted:
        source.at += 1
    return char or END


@primitive("ask", interpreter=True)
def ask(interpreter: "Interpreter", question: str) -> Any:
    """Ask a question that is answered by y or n."""
    while True:
        interpreter.output.write(f"{string(question)} [y/n] ? ")
        interpreter.output.flush()
        answer = interpreter.stdin.getc()
        while interpreter.stdin.text[interpreter.stdin.at - 1 :][:1] not in ("\n", ""):
            if not interpreter.stdin.getc():
                break
        if answer in "yYoO" and answer:
            return T
        if answer in "nN":
            return None


@primitive("read8")
def read8(source: Any) -> float:
    """Read a byte of a file; -1 at its end."""
    if not isinstance(source, Source):
        raise LispError("not a file opened for reading", source)
    char = source.getc()
    return float(ord(char)) if char else -1.0


@primitive("write8")
def write8(output: Any, value: float) -> float:
    """Write a byte to a file."""
    if not isinstance(output, Output):
        raise LispError("not a file opened for writing", output)
    output.write(chr(integer(value) & 255))
    return value


@primitive("fsize", interpreter=True)
def fsize(interpreter: "Interpreter", source: Any) -> float:
    """Return the size of a file in bytes."""
    if isinstance(source, Source):
        return float(len(source.text))
    interpreter.flush_files()
    path = interpreter.readable_path(interpreter.check_name(string(source)))
    return float(path.stat().st_size)


@primitive("read-lines", interpreter=True)
def read_lines(interpreter: "Interpreter", name: str) -> Any:
    """Return the lines of a file."""
    text = open_source(interpreter, string(name)).text
    lines = text.split("\n")
    return from_items(lines[:-1] if lines and not lines[-1] else lines)


@primitive("write-lines", interpreter=True)
def write_lines(interpreter: "Interpreter", lines: Any) -> None:
    """Print strings, one a line."""
    for line in items(lines):
        interpreter.output.write(string(line) + "\n")


@primitive("isatty")
def isatty(name: Any) -> Any:
    """Tell whether somebody sits at a standard stream, $stdin or $stdout."""
    stream = {"$stdin": sys.stdin, "$stdout": sys.stdout, "$stderr": sys.stderr}.get(
        string(name)
    )
    return truth(stream is not None and stream.isatty())


# ---- binary form of values


@primitive("bwrite", interpreter=True)
def bwrite(interpreter: "Interpreter", *values: Any) -> float:
    """Write values in a binary form that keeps what they share."""
    from sn.binary import dump

    start = [dump(value) for value in values]
    for data in start:
        interpreter.output.write(data)
    return float(sum(len(data) for data in start))


@primitive("bread", interpreter=True)
def bread(interpreter: "Interpreter") -> Any:
    """Read a value `bwrite` wrote."""
    from sn.binary import load as load_value

    return load_value(interpreter.input, interpreter.intern)
