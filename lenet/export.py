"""A trained network as one C file, as in 1993: weights and links as arrays, and a main.

The file is C99 and needs nothing but the C library. Every step of the layer program (see
`sn.net.kernels_program`) becomes one call; sums and states are double, so that the outputs are
those of the program in float64. The main reads a PGM image and prints answer and outputs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenet.networks import NetworkError
from sn.command import version
from sn.net import kernels_steps as steps

if TYPE_CHECKING:
    from lenet.networks import Network

TEMPLATE = Path(__file__).with_suffix(".c")
WIDE = 96  # columns of the arrays
GLYPH, INSIDE = 28, 20  # a digit of MNIST and the square that its ink fits in
BEST_IS_LEAST = ("likelihood", "posterior")
SQUASHINGS = ("TANH", "LINEAR", "RECTIFIER", "PIECEWISE")


def export(network: "Network", file: Path) -> int:
    """Write a network with its weights as a C file; return the bytes written.

    Raises NetworkError when the file cannot be written or a step has no C form.
    """
    text = c_source(network)
    try:
        return file.write_bytes(text.encode("ascii"))
    except OSError as error:
        raise NetworkError(f"{file}: cannot be written ({error.strerror or error})") from None


def c_source(network: "Network") -> str:
    """Return a network with its weights as the text of a C program."""
    lowered, program = network.program.lowered, network.program
    arrays, calls, used = steps_of(network)
    retina = network.retina
    defines = {
        "SIDE": retina.side,
        "INSIDE": digit_height(network),
        "PAPER": repr(float(retina.paper)),
        "INK": repr(float(retina.ink)),
        "OUTPUTS": program.output_size,
        "LEAST": int(program.cost in BEST_IS_LEAST),
        "STATES": lowered.size,
        "WIDEST": max(lowered.buffer, 1),
    }
    weights = [f"{shortest(v)}f" for v in program.weights.astype(np.float32)]
    put = {
        "about": about(network),
        "defines": "\n".join(f"#define {name} {value}" for name, value in defines.items()),
        "weights": array("float", "w", weights),
        "tables": "\n".join(
            [
                *arrays,
                array("int", "input_runs", runs(lowered.inputs)),
                array("int", "output_runs", runs(lowered.outputs)),
            ]
        ),
        "steps": "".join(parts()[name] for name in parts() if name in used),
        "calls": "\n".join(f"    {call}" for call in calls),
    }
    text = parts()["frame"]
    for name, value in put.items():
        text = text.replace(f"/*@{name}@*/", value)
    return text


def digit_height(network: "Network") -> int:
    """Return how many pixels high a digit is on the retina of a network."""
    retina = network.retina
    if network.recipe.data != "mnist":
        return retina.side  # the digits of the 1980s fill their squares
    return round(INSIDE * (retina.scaled or min(GLYPH, retina.side)) / GLYPH)


def about(network: "Network") -> str:
    """Return the opening comment: what the file is and where its weights come from."""
    memory = network.interpreter.network
    lines = [
        f"{network.name}.c: the network {network.name}, written by holmdel {version()}.",
        f"{memory.link_count:,} connections, {len(network.program.weights):,} weights,",
        f"SHA-256 of the weights {network.sha256[:32]}",
        f"                       {network.sha256[32:]}",
        "",
        f"cc -std=c99 -O2 -o {network.name} {network.name}.c -lm",
        f"./{network.name} digit.pgm",
    ]
    if network.retina.deslanted:
        lines.append("Digits were sheared upright in training; this program does not do that.")
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in lines), " */"])


def steps_of(network: "Network") -> tuple[list[str], list[str], set[str]]:
    """Return the tables of a layer program, its calls and the C functions they need."""
    lowered = network.program.lowered
    lists = lowered.lists
    names = {
        int(lowered.position[unit]): layer.name
        for layer in network.interpreter.network.layers
        for unit in layer.units
    }
    arrays: list[str] = []
    calls: list[str] = []
    used: set[str] = set()

    def table(values: np.ndarray | list[int]) -> str:
        arrays.append(array("int", f"t{len(arrays)}", list(map(int, values))))
        return f"t{len(arrays) - 1}"

    for row in lowered.program.tolist():
        kind, first, count = row[:3]
        note = ""
        if kind == steps.FILL:
            name, values = "fill", [table(lists[first : first + 3 * count]), count]
        elif kind == steps.BIAS:
            places = runs(lists[first : first + count])
            name, values = "bias", [table(places), len(places) // 2, row[3]]
        elif kind == steps.CONVOLUTION:
            records = convolutions(lists, first, count)
            name, values = "convolve", [table(records), len(records) // 3, *row[3:7]]
        elif kind == steps.STRIDED:
            rows, columns = row[7], row[8]
            tops, lefts = lists[row[9] : row[9] + rows], lists[row[10] : row[10] + columns]
            values = [table(lists[first : first + 3 * count]), count, *row[3:9]]
            name, values = "strided", [*values, table(tops), table(lefts)]
        elif kind == steps.SUBSAMPLING:
            values = [table(lists[first : first + 3 * count]), count, *row[3:11]]
            name = "subsample"
        elif kind == steps.MAXIMUM:
            values = [table(lists[first : first + 2 * count]), count, *row[3:11]]
            name = "maximum"
        elif kind == steps.DROPOUT:
            continue  # drops nothing once the network has learnt
        elif kind in (steps.DENSE, steps.EUCLIDEAN):
            outs, ins = (
                runs(lists[at : at + n]) for at, n in ((first, count), (row[3], row[4]))
            )
            name = "dense" if kind == steps.DENSE else "euclidean"
            values = [table(outs), len(outs) // 2, table(ins), len(ins) // 2, row[4], row[5]]
        elif kind == steps.GATHER:
            places = lists[first : first + count * row[3]]
            name, values = "gather", [table(places), count, *row[3:6]]
        elif kind == steps.SPARSE:
            name, values = "sparse", [table(lists[first : first + 3 * count]), count]
        elif kind == steps.SQUASH:
            places = lists[first : first + 2 * count]
            numbers = [repr(float(v)) for v in lowered.constants[row[4] : row[4] + 4]]
            name, values = "squash", [table(places), count, SQUASHINGS[row[3]], *numbers]
            note = f" /* {names.get(int(places[0]), '')} */" if count else ""
        else:
            raise NetworkError(f"{network.name}: a step of kind {kind} has no form in C")
        used.add(name)
        calls.append(f"{name}({', '.join(map(str, values))});{note}")
    return arrays, calls, used


def convolutions(lists: np.ndarray, first: int, count: int) -> list[int]:
    """Return the records of a convolution as plain triples: input, output, kernel."""
    records: list[int] = []
    at = first
    for _ in range(count):
        source, maps, forth, further, many = lists[at : at + 5]
        targets, kernels = lists[at + 5 :][:many], lists[at + 5 + many :][:many]
        for i in range(maps):
            for target, kernel in zip(targets, kernels, strict=True):
                records += [source + i * forth, target, kernel + i * further]
        at += 5 + 2 * many
    return records


def runs(places: np.ndarray) -> list[int]:
    """Return places as runs: first, length, first, length ...

    >>> runs(np.array([4, 5, 6, 9]))
    [4, 3, 9, 1]
    """
    found: list[int] = []
    for place in places.tolist():
        if found and place == found[-2] + found[-1]:
            found[-1] += 1
        else:
            found += [place, 1]
    return found


def shortest(value: np.float32) -> str:
    """Return the shortest text that a C compiler reads back as the same float."""
    text = str(value)
    return text if any(c in text for c in ".e") else f"{text}.0"


def array(kind: str, name: str, values: list) -> str:
    """Return a constant array of C, broken into lines."""
    lines, line = [], ""
    for value in values or [0]:
        word = f"{value},"
        if line and len(line) + len(word) + 1 > WIDE:
            lines.append(line)
            line = ""
        line += f" {word}" if line else f"    {word}"
    body = "\n".join([*lines, line]).rstrip(",")
    return f"static const {kind} {name}[{len(values) or 1}] = {{\n{body}\n}};"


def parts() -> dict[str, str]:
    """Return the pieces of the C program: its frame, and one function for each kind of step."""
    pieces = TEMPLATE.read_text(encoding="ascii").split("/*@step ")
    found = {"frame": pieces[0]}
    for piece in pieces[1:]:
        name, body = piece.split("@*/\n", 1)
        found[name] = body
    return found
