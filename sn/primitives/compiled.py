"""The word ``dhc-make``: functions of typed SN become machine code (`sn.compiler`)."""

import importlib
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from sn.cells import Cons
from sn.errors import LispError
from sn.functions import FunctionRecord
from sn.primitives.arguments import integer
from sn.primitives.registry import primitive, special
from sn.symbols import Symbol, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


class CompiledRecord(FunctionRecord):
    """The Lisp side of a compiled function: all of the interpreted one, and what was made.

    Parameters
    ----------
    record: the function as it was defined
    signature: types of arguments and result (`sn.compiler`)
    sites: (form, position) by the numbers that run-time errors carry
    machine: the function numba compiled
    """

    def __init__(
        self, record: FunctionRecord, signature: Any, sites: list[Any], machine: Any
    ) -> None:
        self.__dict__.update(record.__dict__)
        self.signature = signature
        self.sites = sites
        self.machine = machine
        self.converters = [converter(kind) for kind in signature.parameters]
        self.function = _wrapped(self)

    def show(self, function: Any) -> str:
        """Return the printed form."""
        return f"::DH:{self.name.name}"

    def forget_code(self) -> None:
        """Compiled code assumes nothing about symbols."""

    def call(self, arguments: tuple[Any, ...]) -> Any:
        """Check and convert arguments, run the machine code, return a value of SN."""
        import numpy as np

        converters = self.converters
        name = self.name.name
        if len(arguments) != len(converters):
            wrong = self.check(list(arguments))
            wrong.function = name
            raise wrong
        try:
            given = [make(value) for make, value in zip(converters, arguments, strict=True)]
        except LispError as error:
            error.function = name
            raise
        if self.signature.deep:
            given.append(0)
        try:
            with np.errstate(all="ignore"):
                result = self.machine(*given)
        except (IndexError, ValueError) as error:
            site = error.args[0] if error.args else None
            if site.__class__ is not int:
                raise
            message = "subscript out of range"
            if isinstance(error, ValueError):
                message = "matrices of different or illegal dimensions"
            raise LispError(message, self.sites[site][0], function=name) from None
        except ZeroDivisionError:
            raise LispError("division by zero", function=name) from None
        return self.returned(result, arguments, given)

    def returned(self, result: Any, arguments: tuple[Any, ...], given: list[Any]) -> Any:
        """Return a result as a value of SN; a matrix that was an argument is that matrix."""
        kind = self.signature.result
        if kind.__class__ is tuple:
            from sn.matrix import Matrix

            for value, array in zip(arguments, given, strict=False):
                if array is result:
                    return value
            return Matrix(result if kind[1] else result.reshape(()), kind[2])
        if kind == "void":
            return None
        return truth(result) if kind == "bool" else float(result)


def _wrapped(record: CompiledRecord) -> FunctionType:
    def function(*arguments: Any) -> Any:
        return record.call(arguments)

    function.sn = record
    function.signature = record.signature
    return function


def converter(kind: Any) -> Callable[[Any], Any]:
    """Return the function that checks an argument and gives it its machine type."""
    if kind.__class__ is tuple:
        return _array(*kind[1:])
    if kind == "bool":
        return lambda value: value is not None
    if kind == "double":
        return _double
    if kind == "float":
        return _float
    if kind == "int":
        return integer
    return _small(kind)


def _double(value: Any) -> float:
    if value.__class__ is float or value.__class__ is int:
        return float(value)
    raise LispError("not a real number", value)


def _float(value: Any) -> Any:
    import numpy as np

    with np.errstate(over="ignore"):
        return np.float32(_double(value))


def _small(kind: str) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        from sn.matrix import wrapped

        return int(wrapped(integer(value), kind[0]))

    return convert


def _array(rank: int, letter: str) -> Callable[[Any], Any]:
    from sn.matrix import NAMES, Matrix

    def convert(value: Any) -> Any:
        if value.__class__ is not Matrix:
            raise LispError("not an index", value)
        if value.letter != letter:
            raise LispError(f"not a {NAMES[letter]}", value)
        if value.array.ndim != rank:
            raise LispError(f"a matrix of {rank} dimensions was expected", value)
        if not value.array.flags.writeable:
            raise LispError("matrix is read only", value)
        return value.array if rank else value.array.reshape(1)

    return convert


def compiler() -> ModuleType:
    """Return the module `sn.compiler`, which is written in Hy."""
    import hy  # noqa: F401 - teaches Python to import it

    return importlib.import_module("sn.compiler")


@special("dhc-make", "dhc-make-c", pattern="qQ")
def dhc_make(interpreter: "Interpreter", name: Any, specs: Any) -> Any:
    """Compile typed functions together: (dhc-make () f g ...).

    The name of the file the original wrote is accepted and not used. In safe mode functions
    stay interpreted: nothing could stop machine code when its time is up.
    """
    if interpreter.safe:
        return None
    functions: dict[Symbol, FunctionRecord] = {}
    for spec in specs if specs.__class__ is Cons else ():
        if spec.__class__ is Cons:
            raise LispError("methods cannot be compiled", spec, function="dhc-make")
        record = getattr(spec.value, "sn", None) if spec.__class__ is Symbol else None
        if not isinstance(record, FunctionRecord) or spec.value.__class__ is not FunctionType:
            raise LispError("not a function defined by de", spec, function="dhc-make")
        if record.name is not spec:
            raise LispError("not defined under this name", spec, function="dhc-make")
        functions[spec] = record
    if not functions:
        return None
    from sn.typed import module

    text, signatures, sites = compiler().compiled(interpreter, functions)
    key, made = module(text)
    for symbol, record in functions.items():
        signature = signatures[symbol]
        signature.module = key
        machine = getattr(made, signature.python)
        symbol.value = CompiledRecord(record, signature, sites, machine).function
        symbol.invalidate()
    return truth(True)


@primitive("c-code", "cinline", "cheader", "ccall")
def c_code(*_: Any) -> Any:
    """Refuse C code."""
    raise LispError("C code cannot be run here: write it in SN")


@primitive("compiledp")
def compiledp(value: Any) -> Any:
    """Tell whether a function was compiled by dhc-make."""
    return truth(isinstance(getattr(value, "sn", None), CompiledRecord))
