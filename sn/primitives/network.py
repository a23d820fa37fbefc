"""Network primitives of all four kernels: allocation, topology, fields of units and links.

Source: sn28.md, section 4.2 (C1, C2, C7), and the cases net-build, net-fields and net-files.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import from_items
from sn.errors import LispError
from sn.matrix import Matrix
from sn.net import memory
from sn.net.memory import Network
from sn.primitives.arguments import integer, string
from sn.primitives.network_arguments import (
    cells,
    one_unit,
    plain_units,
    real,
    units,
    vector,
)
from sn.primitives.registry import expected, primitive
from sn.symbols import truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


def publish(interpreter: "Interpreter") -> None:
    """Set the read-only variables nnum, snum, nmax, smax (and wnum, wmax) from the memory."""
    network = interpreter.network
    counts = {
        "nnum": network.unit_count,
        "snum": network.link_count,
        "nmax": network.unit_limit,
        "smax": network.link_limit,
    }
    if network.iterative:
        counts |= {"wnum": network.weight_count, "wmax": network.weight_limit}
    for name, count in counts.items():
        symbol = interpreter.symbols.intern(name)
        symbol.value = float(count)
        symbol.locked = symbol.declared = True


# ---- allocation and topology ----


@primitive("alloc-net", interpreter=True)
def alloc_net(interpreter: "Interpreter", *counts: float) -> int:
    """Free the network and reserve room for units, links and (iterative) weights."""
    network = interpreter.network
    if len(counts) != 2 and not (network.iterative and len(counts) == 3):
        raise LispError(expected(3 if network.iterative else 2))
    size = network.allocate(*(integer(count) for count in counts))
    publish(interpreter)
    return size


@primitive("clear_net", interpreter=True)
def clear_net(interpreter: "Interpreter") -> int:
    """Drop all units and links but keep the room."""
    network = interpreter.network
    network.clear()
    publish(interpreter)
    return network.size


@primitive("newneurons", interpreter=True)
def newneurons(interpreter: "Interpreter", count: float) -> Any:
    """Return a list of fresh unit numbers."""
    made = interpreter.network.new_units(integer(count))
    publish(interpreter)
    return from_items([float(unit) for unit in made])


@primitive("connect", interpreter=True, arity=expected(2))
def connect(
    interpreter: "Interpreter", pre: Any, post: Any, value: Any = None, epsilon: Any = None
) -> None:
    """Link every unit of one list to every unit of another, or one unit to one with a value."""
    network = interpreter.network
    try:
        if value is None:
            network.connect_all(cells(network, pre), cells(network, post))
        else:
            rate = real(epsilon) if epsilon is not None else 0.0
            network.connect(integer(pre), integer(post), real(value), rate)
    finally:
        publish(interpreter)


@primitive("cut-connection", interpreter=True)
def cut_connection(interpreter: "Interpreter", pre: float, post: float) -> None:
    """Remove the link between two units."""
    interpreter.network.cut(integer(pre), integer(post))


@primitive("amont", interpreter=True)
def amont(interpreter: "Interpreter", unit: float) -> Any:
    """List the units upstream of a unit, oldest link first."""
    network = interpreter.network
    found = network.upstream(one_unit(network, unit, "illegal cell number"))
    return from_items([float(u) for u in found])


@primitive("aval", interpreter=True)
def aval(interpreter: "Interpreter", unit: float) -> Any:
    """List the units downstream of a unit, oldest link first."""
    network = interpreter.network
    found = network.downstream(one_unit(network, unit, "illegal cell number"))
    return from_items([float(u) for u in found])


@primitive("nfanin", interpreter=True)
def nfanin(interpreter: "Interpreter", unit: float) -> int:
    """Count the links into a unit."""
    network = interpreter.network
    return len(network.into(one_unit(network, unit, "illegal cell number")))


@primitive("iterative-mode", interpreter=True)
def iterative_mode(interpreter: "Interpreter") -> Any:
    """Tell whether links can share weights."""
    return truth(interpreter.network.iterative)


@primitive("newton-mode", interpreter=True)
def newton_mode(interpreter: "Interpreter") -> Any:
    """Tell whether second derivatives are kept."""
    return truth(interpreter.network.newton)


@primitive("synepsilon-mode", interpreter=True)
def synepsilon_mode(interpreter: "Interpreter") -> Any:
    """Tell whether learning rates belong to links."""
    return truth(interpreter.network.newton)


@primitive("desired-mode")
def desired_mode() -> None:
    """Tell whether units have desired states: they never have."""
    return


@primitive("set-neurtype-regular", interpreter=True)
def set_neurtype_regular(interpreter: "Interpreter", layer: Any) -> None:
    """Make units regular: their sum is a weighted sum."""
    network = interpreter.network
    network.kinds[units(network, layer)] = 0
    network.touch()


@primitive("set-neurtype-euclidean", interpreter=True)
def set_neurtype_euclidean(interpreter: "Interpreter", layer: Any) -> None:
    """Make units Euclidean: their sum is a squared distance (an extension)."""
    network = interpreter.network
    network.kinds[units(network, layer)] = 1
    network.touch()


@primitive("get-neurtype", interpreter=True)
def get_neurtype(interpreter: "Interpreter", unit: float) -> str:
    """Name the type of a unit."""
    network = interpreter.network
    kind = network.kinds[one_unit(network, unit, "illegal neuron index")]
    return "euclidean:0" if kind else "regular:0"


# ---- fields of units ----


def field_number(network: Network, value: Any, *, rows: bool = False) -> int:
    """Check a unit field number; `rows` excludes what is kept by link."""
    field = integer(value)
    known = {1, 2, 3, 4, 11, 12, 13}
    if network.newton:
        known |= {8, 9}
    if not (network.newton and rows):
        known |= {5, 10} if network.newton else {5}
    if field not in known:
        raise LispError("illegal Nfield number", float(field))
    return field


def _by_link(network: Network, field: int) -> np.ndarray | None:
    """Return the link array behind a unit field of the newton kernels."""
    if not network.newton:
        return None
    return {memory.EPSILON: network.link_epsilons, memory.SIGMA: network.link_sigmas}.get(field)


def get_field(network: Network, unit: int, field: int) -> float:
    """Read a unit field; rates kept by link are averaged over the incoming links."""
    by_link = _by_link(network, field)
    if by_link is None:
        return float(network.fields[field, unit])
    links = network.into(unit)
    if not len(links):
        return 0.0
    total = np.float32(0)
    for link in links:
        total += by_link[link]
    return float(total / np.float32(len(links)))


def set_field(network: Network, unit: int, field: int, value: np.float32) -> None:
    """Write a unit field; rates kept by link go to every incoming link."""
    by_link = _by_link(network, field)
    if by_link is None:
        network.fields[field, unit] = value
    else:
        by_link[network.into(unit)] = value


@primitive("nfield", interpreter=True)
def nfield(interpreter: "Interpreter", unit: float, field: float, value: Any = None) -> float:
    """Read or write a field of a unit by its number (n-val, n-sum, ...)."""
    network = interpreter.network
    unit = one_unit(network, unit)
    field = field_number(network, field)
    if value is None:
        return get_field(network, unit, field)
    set_field(network, unit, field, real(value))
    return float(real(value))


def unit_field(field: int, doc: str, *names: str) -> Any:
    """Make the accessor of one unit field."""

    def access(interpreter: "Interpreter", unit: float, value: Any = None) -> float:
        network = interpreter.network
        unit = one_unit(network, unit)
        if value is None:
            return get_field(network, unit, field)
        set_field(network, unit, field, real(value))
        return float(real(value))

    def over(interpreter: "Interpreter", layer: Any) -> Any:
        """Return the field of all units of a layer at once, None if that is no plain layer."""
        network = interpreter.network
        found = plain_units(network, layer)
        if found is None or _by_link(network, field) is not None:
            return None
        return from_items(network.fields[field, found].tolist())

    access.__doc__ = doc
    access.__code__ = access.__code__.replace(co_name=names[0])
    access.over = over
    return primitive(*names, interpreter=True)(access)


nval = unit_field(memory.VALUE, "Read or write the state of a unit.", "nval")
nsum = unit_field(memory.SUM, "Read or write the weighted sum of a unit.", "nsum")
ngrad = unit_field(memory.GRADIENT, "Read or write the gradient of a unit.", "ngrad")
nbacksum = unit_field(memory.BACKSUM, "Read or write the back-sum of a unit.", "nbacksum")
nepsilon = unit_field(memory.EPSILON, "Read or write the learning rate.", "nepsilon")
nspare = unit_field(memory.SPARE1, "Read or write spare field 1.", "nspare")
nspare1 = unit_field(memory.SPARE1, "Read or write spare field 1.", "nspare1")
nspare2 = unit_field(memory.SPARE2, "Read or write spare field 2.", "nspare2")
nspare3 = unit_field(memory.SPARE3, "Read or write spare field 3.", "nspare3")


# ---- fields of links ----


def access_link(array: np.ndarray, at: int, value: Any) -> float | None:
    """Read or write what belongs to a link; at is negative when there is none."""
    if value is None:
        return float(array[at]) if at >= 0 else None
    if at < 0:
        raise LispError("can't set unexistent synapse")
    array[at] = real(value)
    return float(array[at])


def weight_index(network: Network, pre: Any, post: Any) -> int:
    """Return the number of the weight between two units, or -1."""
    link = network.find(integer(pre), integer(post))
    return network.weight_of(link) if link >= 0 else -1


@primitive("sval", interpreter=True)
def sval(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the weight between two units; () without a link."""
    network = interpreter.network
    return access_link(network.weights, weight_index(network, pre, post), value)


@primitive("sdelta", interpreter=True)
def sdelta(interpreter: "Interpreter", pre: float, post: float, value: Any = None) -> Any:
    """Read or write the last change of the weight between two units."""
    network = interpreter.network
    return access_link(network.deltas, weight_index(network, pre, post), value)


def _mean_square(network: Network, array: np.ndarray, wanted: tuple[Any, ...]) -> float:
    total, count = np.float32(0), 0
    for unit in wanted:
        part = np.float32(0)
        for link in network.into(one_unit(network, unit)):
            value = array[network.weight_of(link)]
            part += value * value
            count += 1
        total += part
    return float(total / np.float32(count)) if count else 0.0


@primitive("mean-sqr-weight", interpreter=True)
def mean_sqr_weight(interpreter: "Interpreter", *wanted: float) -> float:
    """Return the mean square of the incoming weights of units."""
    network = interpreter.network
    return _mean_square(network, network.weights, wanted)


@primitive("mean-sqr-delta", interpreter=True)
def mean_sqr_delta(interpreter: "Interpreter", *wanted: float) -> float:
    """Return the mean square of the last changes of the incoming weights of units."""
    network = interpreter.network
    return _mean_square(network, network.deltas, wanted)


# ---- weights and matrices ----


def to_matrix(array: np.ndarray, matrix: Any) -> Any:
    """Copy a vector of the network into a matrix, a new one when none is given."""
    if not len(array):
        raise LispError("No network created")
    if matrix is None:
        return Matrix(array.copy(), "f")
    vector(matrix, len(array)).assign(array)
    return matrix


def from_matrix(array: np.ndarray, matrix: Any) -> None:
    """Copy a matrix into a vector of the network."""
    if not len(array):
        raise LispError("No network created")
    array[:] = vector(matrix, len(array)).values()


@primitive("weight-to-matrix", interpreter=True, arity=expected(1))
def weight_to_matrix(interpreter: "Interpreter", matrix: Any = None) -> Any:
    """Return the weights as a float matrix, in order of creation."""
    return to_matrix(interpreter.network.weights, matrix)


@primitive("matrix-to-weight", interpreter=True)
def matrix_to_weight(interpreter: "Interpreter", matrix: Any) -> None:
    """Set the weights from a matrix; shorts are in the unit of weight files."""
    from sn.net.files import SHORT

    weights = interpreter.network.weights
    from_matrix(weights, matrix)
    if matrix.letter == "s":
        weights *= SHORT


# ---- weight files ----


@primitive("save-net/merge", interpreter=True, arity="filename string expected")
def save_net_merge(interpreter: "Interpreter", name: str, *layers: Any) -> str:
    """Write the weights of the links between layers, one record per link."""
    from sn.net.files import weights_to_bytes

    network = interpreter.network
    chosen = [units(network, layer) for layer in layers]
    age = integer(interpreter.symbols.intern("age").value)
    interpreter.write_file(string(name), "wei", weights_to_bytes(network, chosen, age))
    return name


@primitive("save-ascii-net/merge", interpreter=True, arity="filename string expected")
def save_ascii_net_merge(interpreter: "Interpreter", name: str, *layers: Any) -> str:
    """Write the weights of the links between layers as text, one line per link."""
    from sn.net.files import weights_to_text

    network = interpreter.network
    chosen = [units(network, layer) for layer in layers]
    age = integer(interpreter.symbols.intern("age").value)
    text = weights_to_text(network, chosen, age)
    interpreter.write_file(string(name), "wei", text.encode("latin-1"))
    return name


@primitive("merge-net", interpreter=True, arity="filename string expected")
def merge_net(interpreter: "Interpreter", name: str, *layers: Any) -> Any:
    """Read weights into the links between layers; without layers, return the unit count."""
    from sn.net.files import WeightFile, load_weights

    network = interpreter.network
    file = WeightFile.parse(interpreter.read_file(string(name), "wei"))
    if not layers:
        return file.units if file else None
    if file is None:
        raise LispError("this is probably not a weight file")
    load_weights(network, [units(network, layer) for layer in layers], file)
    interpreter.symbols.intern("age").value = float(file.age)
    return name
