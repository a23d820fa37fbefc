"""What the network primitives share: layers, scalars and variables as the kernels need them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import CHANGES, Cons, flat
from sn.errors import LispError
from sn.matrix import Matrix
from sn.net.memory import Network
from sn.net.nlf import NLF
from sn.primitives.arguments import integer, number

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


_NUMBERS = {float, int}
MOST_LAYERS = 256  # whose unit numbers are kept


def units(network: Network, layer: Any) -> np.ndarray:
    """Return the unit numbers of a layer, a list that may be nested, as int32.

    The array is kept, not to be changed: the same list gives the same array while no pair
    anywhere is changed in place.
    """
    known = network.known_layers.get(id(layer))
    if known is not None:
        same, changes, count, found, _ = known
        if same is layer and changes == CHANGES[0] and count == network.unit_count:
            return found
    atoms: list[Any] = []
    plain = _collect(layer, atoms)
    if not set(map(type, atoms)) <= _NUMBERS:
        raise LispError("bad neuron number", next(a for a in atoms if type(a) not in _NUMBERS))
    if atoms and (min(atoms) < 0 or max(atoms) >= network.unit_count):
        bad = next(a for a in atoms if not 0 <= a < network.unit_count)
        raise LispError("bad neuron number", bad)
    found = np.array(atoms, dtype=np.int32)
    if layer.__class__ is Cons:
        if len(network.known_layers) >= MOST_LAYERS:
            network.known_layers.clear()
        network.known_layers[id(layer)] = layer, CHANGES[0], network.unit_count, found, plain
    return found


def plain_units(network: Network, layer: Any) -> np.ndarray | None:
    """Return the unit numbers of a list of nothing but unit numbers, None of anything else."""
    known = network.known_layers.get(id(layer))
    if known is None or known[0] is not layer or known[1] != CHANGES[0] or not known[4]:
        return None
    return known[3] if known[2] == network.unit_count else None


def _collect(cell: Any, atoms: list[Any]) -> bool:
    """Append the atoms of a list; tell whether it holds nothing else."""
    append, plain = atoms.append, True
    while cell.__class__ is Cons:
        item = cell.car
        if item.__class__ is Cons:
            plain = False
            _collect(item, atoms)
        elif item is None:
            plain = False
        else:
            append(item)
        cell = cell.cdr
    if cell is not None:
        raise LispError("bad neuron numbers list")
    return plain


def unit_pairs(network: Network, one: Any, other: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two layers of the same shape, unit by unit."""
    _match(one, other)
    return units(network, one), units(network, other)


def _match(one: Any, other: Any) -> None:
    while one is not None and other is not None:
        if one.__class__ is not Cons or other.__class__ is not Cons:
            raise LispError("bad neuron numbers list")
        a, b = one.car, other.car
        if a.__class__ is Cons and b.__class__ is Cons:
            _match(a, b)
        elif (a.__class__ is Cons) != (b.__class__ is Cons):
            raise LispError("listes doesn't have the same structure")
        one, other = one.cdr, other.cdr
    if one is not None or other is not None:
        raise LispError("listes doesn't have the same length")


def cells(network: Network, layer: Any) -> np.ndarray:
    """Return a number or nested lists of numbers as `connect` takes them."""
    found = flat(layer)
    for item in found:
        if item.__class__ is not float and item.__class__ is not int:
            raise LispError("not a cell number", item)
        if not 0 <= item <= network.unit_count:
            raise LispError("illegal cell number", item)
    return np.array(found, dtype=np.int32)


def one_unit(network: Network, value: Any, message: str = "illegal neuron number") -> int:
    """Return one unit number."""
    unit = integer(value)
    if not 0 <= unit < network.unit_count:
        raise LispError(message, float(unit))
    return unit


def real(value: Any) -> np.float32:
    """Return a number as the engine keeps it: infinity beyond the range, as in C."""
    with np.errstate(over="ignore"):
        return np.float32(number(value))


def variable(interpreter: "Interpreter", name: str) -> float:
    """Return the number in one of the global variables theta, alpha, decay, gamma, mu."""
    value = interpreter.symbols.intern(name).value
    if value.__class__ is not float and value.__class__ is not int:
        raise LispError("Not a number", value, function=name)
    return value


def function_variable(interpreter: "Interpreter", name: str) -> NLF:
    """Return the transfer function in one of the variables nlf, dnlf, ddnlf."""
    value = interpreter.symbols.intern(name).value
    if not isinstance(value, NLF):
        raise LispError("not a nlf", value, function=name)
    return value


class Leading:
    """The optional arguments in front of the layers: numbers and transfer functions.

    Each one left out is read from the Lisp variable of its name.
    """

    def __init__(self, interpreter: "Interpreter", arguments: tuple[Any, ...]) -> None:
        self.interpreter = interpreter
        self.arguments = list(arguments)

    def number(self, name: str) -> float:
        """Take a number from the front, or from its variable."""
        if self.arguments and self.arguments[0].__class__ in (float, int):
            return self.arguments.pop(0)
        return variable(self.interpreter, name)

    def function(self, name: str) -> NLF:
        """Take a transfer function from the front, or from its variable."""
        if self.arguments and isinstance(self.arguments[0], NLF):
            return self.arguments.pop(0)
        return function_variable(self.interpreter, name)

    def layers(self) -> list[np.ndarray]:
        """Return all that is left as layers."""
        network = self.interpreter.network
        return [units(network, layer) for layer in self.arguments]


def some_units(network: Network, layer: Any) -> np.ndarray:
    """Return the unit numbers of a layer that must not be ()."""
    if layer.__class__ is not Cons:
        raise LispError("empty list", layer)
    return units(network, layer)


def vector(value: Any, size: int) -> Matrix:
    """Check a vector of a certain size."""
    if value.__class__ is not Matrix:
        raise LispError("not an index", value)
    if value.array.ndim != 1:
        raise LispError("1D index expected", value)
    if len(value.array) != size:
        raise LispError("illegal dimension #0", value)
    return value


def float_vector(value: Any) -> np.ndarray:
    """Return the elements of a float vector."""
    if value.__class__ is not Matrix:
        raise LispError("Not an index", value)
    if value.array.ndim != 1:
        raise LispError("Not a 1D index", value)
    if value.letter != "f":
        raise LispError("Not an index on a flt storage", value)
    return value.array


def matrix(value: Any) -> Matrix:
    """Check a matrix of numbers."""
    if value.__class__ is not Matrix or value.letter == "a":
        raise LispError("not a numeric index", value)
    return value


def floats(value: Any) -> np.ndarray:
    """Return the elements of a matrix as float32."""
    return matrix(value).values().astype(np.float32, copy=False)


def rows(value: Matrix, chosen: Any) -> np.ndarray:
    """Return some rows of a matrix as float32."""
    found = value.array[chosen].astype(np.float32)
    return found / np.float32(16) if value.letter == "p" else found
