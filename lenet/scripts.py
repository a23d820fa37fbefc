"""Scripts that build networks: how they are run, and how their mistakes are explained.

A person who writes ``my-net.sn`` should never need to know what the simulator is made of:
whatever goes wrong is told in one line that begins with the file and the line of the script.
"""

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sn.errors import LispError, SnCompileError, SnError
from sn.interpreter import Interpreter
from sn.manual import nearest
from sn.net.nlf import NLF
from sn.printer import show

if TYPE_CHECKING:
    from sn.net.memory import Network as Memory

FORM = 48  # characters shown of a form
BENIGN = re.compile(r"\[(benign )?warning\]")
TOKEN = re.compile(r""";[^\n]*|"(?:\\.|[^"\\])*"|\|[^|]*\||[^\s()'`,;"|]+""")


class NetworkError(SnError):
    """A network or weight file that is not there or does not fit."""


def run(script: Path, library: Path, tell: Callable[[str], None]) -> Interpreter:
    """Run a script and return its interpreter, which holds the network.

    `library` is searched by (libload ...) after the script's own folder; `tell` is given what
    the script prints. A script that names a committee builds none. Raises NetworkError, which
    names the line.
    """

    def said(text: str) -> None:
        if not BENIGN.search(text):  # that windows do not fit exactly, which may be meant
            tell(text)

    interpreter = Interpreter(said, library=(library,))
    interpreter.warn = lambda text: None
    try:
        interpreter.run(lambda: interpreter.load(script))
    except LispError as error:
        raise NetworkError(explained(interpreter, script, error, library)) from error
    if interpreter.intern("committee").value is not None:
        return interpreter
    memory = interpreter.network
    if memory is None or not memory.layers:
        raise NetworkError(f"{script}: it builds no network; (build-net ...) is missing")
    check(interpreter, script)
    return interpreter


# ---- where things stand in the script


def tokens(script: Path) -> list[tuple[int, str]]:
    """Return the words of a script with their lines, without comments and strings."""
    text = script.read_text(encoding="latin-1")
    found = []
    for match in TOKEN.finditer(text):
        if match.group()[0] not in ';"|':
            found.append((text.count("\n", 0, match.start()) + 1, match.group().lower()))
    return found


def line_of(script: Path, word: str) -> int | None:
    """Return the first line of a script in which a word stands, outside of comments."""
    wanted = word.lower().replace("_", "-")
    for line, token in tokens(script):
        if token.replace("_", "-") == wanted:
            return line
    return None


def at(script: Path, *words: str) -> str:
    """Return ``file:line`` of the first of these words that stands in the script."""
    for word in words:
        line = line_of(script, word)
        if line is not None:
            return f"{script}:{line}"
    return str(script)


# ---- errors while the script runs


def explained(interpreter: Interpreter, script: Path, error: LispError, library: Path) -> str:
    """Return the line that tells an error of a script: place, form, what is wrong, advice."""
    for frame in error.frames:
        if getattr(frame, "function", None) is None:  # while reading
            file, line, _ = interpreter.sources.find(frame[2])
            if error.message == "end of file":
                return f"{file}:{line}: this form has no end; a closing parenthesis is missing"
            return f"{file}:{line}: {error}"
    inside = [f for f in error.frames if Path(f.file) == script]
    other = next((f for f in error.frames if f not in inside), None)
    place, form = str(script), ""
    if inside:
        place = f"{inside[0].file}:{inside[0].line}"
        form = _short(inside[0].form)
    elif other:
        place, form = f"{other.file}:{other.line}", _short(other.form)
    told = in_plain_words(interpreter, script, error, library)
    head = f"{place}: {form}: " if form and form != "()" else f"{place}: "
    return head + told


def _short(form: Any) -> str:
    text = " ".join(show(form).split())
    text = re.sub(r"\(quote (\((?:[^()]|\([^()]*\))*\)|[^\s()]+)\)", r"'\1", text)
    return text if len(text) <= FORM else text[: FORM - 3] + "..."


def in_plain_words(
    interpreter: Interpreter, script: Path, error: LispError, library: Path
) -> str:
    """Return what an error means to the writer of a script."""
    memory: Memory | None = interpreter.network
    message = error.message
    size = re.fullmatch(r"layer of (\d+) units is not (\d+) x (\d+)", message)
    if size:
        count, rows, columns = map(int, size.groups())
        if count == 0:
            return (
                f"the layer has no such map of {rows} x {columns} units; "
                "the table of maps and the sizes of the layers must agree"
            )
        side = round(count**0.5)
        square = f"; it may be {side} x {side}" if side * side == count else ""
        return f"{count:,} units are not {rows} x {columns} = {rows * columns:,}{square}"
    room = re.fullmatch(r"too many (neurons|connections|weights)", message)
    if room and memory is not None:
        return _no_room(memory, script, room.group(1))
    if message == "not a function call":
        return _unknown(interpreter, error, library)
    if message == "File not found":
        files = {f.stem for f in library.glob("*.sn")} | {"sn28ite", "connect", "netenv"}
        near = difflib.get_close_matches(str(error.culprit), sorted(files), 1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {_list(files)}"
        return f"no library file {show(error.culprit)}{hint}"
    plain = {
        "this connection exists already": "these units are connected already",
        "shared weights need an iterative kernel": 'shared weights need (libload "sn28ite")',
        "bad neuron number": f"{show(error.culprit)} is not a unit of this network",
    }
    if message in plain:
        return plain[message]
    if message == "missing arguments":
        return f"{error.function} needs more arguments: {show(error.culprit)}"
    if message == "not a real number" and error.function == "newneurons":
        return f"the size of a layer is a number, not {show(error.culprit)}"
    if message == "illegal window size":
        return f"a window of {show(error.culprit)} units does not fit into the layer"
    return str(error)


def _no_room(memory: "Memory", script: Path, what: str) -> str:
    limits = {
        "neurons": (memory.unit_limit, "units (all layers, the output twice, and one)"),
        "connections": (memory.link_limit, "links"),
        "weights": (memory.weight_limit, "weights"),
    }
    limit, name = limits[what]
    if memory.unit_limit <= 1 and memory.link_limit == 0:
        return "no room for a network yet: put (alloc-net UNITS LINKS) before this"
    place = line_of(script, "alloc-net")
    where = f" in line {place}" if place else ""
    return f"(alloc-net ...){where} makes room for {limit:,} {name}; more are needed"


def _unknown(interpreter: Interpreter, error: LispError, library: Path) -> str:
    head = getattr(error.culprit, "car", None)
    name = getattr(head, "name", None)
    if name is None:
        return f"{_short(error.culprit)} is no call: its first word must name a function"
    value = interpreter.intern(name).value
    if value is not None or name in ("input", "output", "hidden"):
        return f"{name} is no function; a list stands here as it is behind a quote: '(...)"
    ready = Interpreter(library=(library,))
    ready.run(lambda: ready.libload("maps"))
    if ready.intern(name).value is not None:
        return f'{name} is not known yet: begin the script with (libload "maps")'
    near = nearest(interpreter, name) or nearest(ready, name)
    return f"there is no function {name}" + (f"; did you mean {near}?" if near else "")


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


# ---- networks that cannot work


def constant(nlf: NLF | None) -> bool:
    """Tell whether a transfer function has the same value everywhere."""
    return nlf is not None and nlf.kind == "lin" and nlf.parameters[4] == 0


def check(interpreter: Interpreter, script: Path) -> None:
    """Raise NetworkError for layers that are not connected as a feed-forward network's are."""
    memory = interpreter.network
    pre, post, _ = memory.links()
    owner = np.full(memory.unit_count, -1)
    for k, layer in enumerate(memory.layers):
        owner[layer.units] = k
    used = np.bincount(pre, minlength=memory.unit_count)
    reached = np.bincount(post, minlength=memory.unit_count)
    outside = (owner < 0) & ((reached > 0) | (used > 0))
    if outside[1:].any() or reached[0]:
        raise NetworkError(
            f"{at(script, 'build-net', 'build-net-nobias')}: links lead to units of no layer; "
            "a script builds one network, with one build-net"
        )
    reached -= np.bincount(post[pre == 0], minlength=memory.unit_count)  # biases do not count
    last = len(memory.layers) - 1
    for k, layer in enumerate(memory.layers):
        place = at(script, layer.name)
        hint = misspelled(interpreter, script)
        count = len(layer.units)
        alone = int((reached[layer.units] == 0).sum()) if k else 0
        if alone == count and constant(layer.nlf):
            alone = 0  # such units always say the same, as a border does
        elif alone == count:
            hint = hint or _connect(memory, k)
            raise NetworkError(f"{place}: nothing leads into layer {layer.name}{hint}")
        if alone:
            raise NetworkError(
                f"{place}: nothing leads to {alone:,} of the {count:,} units of layer "
                f"{layer.name}; its size and what is connected to it do not agree"
            )
        if k < last and not used[layer.units].any():
            hint = hint or _connect(memory, k + 1)
            raise NetworkError(f"{place}: layer {layer.name} leads nowhere{hint}")


def _connect(memory: "Memory", to: int) -> str:
    names = [layer.name for layer in memory.layers]
    return f"; a connection such as (connect {names[to - 1]} {names[to]}) is missing"


def misspelled(interpreter: Interpreter, script: Path) -> str:
    """Return a hint at the first unbound word of a script that looks like one of a layer."""
    names = [layer.name for layer in interpreter.network.layers]
    for line, token in tokens(script):
        if token in names or not token[0].isalpha() or len(token) < 2:
            continue
        if interpreter.intern(token).value is None:
            near = difflib.get_close_matches(token, names, 1, 0.75)
            if near:
                return f"; line {line} says {token}: did you mean {near[0]}?"
    return ""


def compiled(work: Callable[[], Any], script: Path) -> Any:
    """Return what `work` compiles; a SnCompileError is told in the script's terms."""
    try:
        return work()
    except SnCompileError as error:
        text = str(error).removeprefix("compile-net : ").removesuffix(" : ()")
        loop = re.fullmatch(r"layer (\S+) feeds itself", text)
        if loop:
            name = loop.group(1)
            raise NetworkError(
                f"{at(script, name)}: layer {name} leads back to itself; "
                "connections must lead from the input towards the output"
            ) from None
        cost = re.fullmatch(r"unknown cost, one of (.*) : (\S+)", text)
        if cost:
            raise NetworkError(
                f"{at(script, 'training-cost')}: training-cost is one of {cost.group(1)}, "
                f"not {cost.group(2)}"
            ) from None
        nlf = re.fullmatch(r"no compiled transfer function : (\S+)", text)
        if nlf:
            raise NetworkError(
                f"{at(script, nlf.group(1))}: layer {nlf.group(1)} has a transfer function "
                "that cannot be compiled; nlf-tanh, nlf-lin and nlf-piecewise can"
            ) from None
        raise NetworkError(f"{script}: {text}") from None


def schedule(value: Any, script: Path) -> tuple[tuple[int, float], ...]:
    """Return a training-schedule as ((passes, rate), ...). Raises NetworkError."""
    try:
        found = tuple((int(n), float(eta)) for n, eta in value)
    except (TypeError, ValueError):
        found = ((0, 0.0),)
    if any(n < 1 or eta < 0 for n, eta in found):
        raise NetworkError(
            f"{at(script, 'training-schedule')}: training-schedule is a list of passes and "
            f"rates, as '((5 0.001) (5 0.0002)), not {_short(value)}"
        )
    return found


def check_digits(network: Any, classes: int, images: np.ndarray, data: str) -> None:
    """Raise NetworkError unless the network can read the digits of a data set.

    `network` is a `lenet.networks.Network`; images (n, rows, columns) are uint8, ink 255, or
    float32, which reach the input layer as they are; `data` is the name of the set.
    """
    memory = network.interpreter.network
    first, last = memory.layers[0], memory.layers[-1]
    script = network.script
    count = len(first.units)
    rows, columns = images.shape[1:]
    side = round(count**0.5)
    fits = side * side == count and (side >= 0.6 * rows or network.retina.scaled)
    more = " or a somewhat larger square"
    if images.dtype != np.uint8:
        fits, more = count == rows * columns, ""
    if not fits:
        raise NetworkError(
            f"{at(script, first.name)}: layer {first.name} has {count:,} units; digits of "
            f"{data} need {rows * columns:,} ({rows} x {columns}){more}"
        )
    if len(last.units) != classes:
        raise NetworkError(
            f"{at(script, last.name)}: layer {last.name} has {len(last.units):,} units; "
            f"the {classes} classes of {data} need one each"
        )
