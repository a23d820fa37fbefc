"""The word ``dhc-make``: functions of typed SN become machine code (`sn.compiler`)."""

import functools
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, items
from sn.errors import LispError
from sn.functions import FunctionRecord
from sn.hosting import hy_package
from sn.objects import SnClass
from sn.primitives.arguments import integer, string
from sn.primitives.registry import primitive, special
from sn.symbols import Symbol, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


class CompiledRecord(FunctionRecord):
    """The Lisp side of a compiled function: all of the interpreted one, and what was made.

    Parameters
    ----------
    record: the function as it was defined
    signature: types of arguments and result (`sn.compiler.functions`); a method's first
        argument is its object
    machine: the function numba compiled
    """

    def __init__(self, record: FunctionRecord, signature: Any, machine: Any) -> None:
        self.__dict__.update(record.__dict__)
        self.signature = signature
        self.machine = machine
        self.owner = signature.owner
        self.takes_objects = any(is_object(kind) for kind in signature.parameters)
        self.converters = [
            None if is_object(kind) else converter(kind) for kind in signature.parameters
        ]
        self.variants = {tuple(signature.parameters): self}
        self.function = _wrapped(self)

    @property
    def title(self) -> str | None:
        """The name shown in errors; a method has none, and shows the word that called it."""
        return self.name.name if self.name else None

    def show(self, function: Any) -> str:
        """Return the printed form."""
        return f"::DH:{self.title or '*'}"

    def forget_code(self) -> None:
        """Compiled code assumes nothing about symbols."""

    def call(self, arguments: tuple[Any, ...]) -> Any:
        """Check and convert arguments, run the machine code, return a value of SN."""
        if len(arguments) != len(self.converters) - (self.owner is not None):
            wrong = self.check(list(arguments))
            wrong.function = self.title
            raise wrong
        if self.takes_objects:
            return self._call_with_objects(arguments)
        try:
            given = [
                make(value) for make, value in zip(self.converters, arguments, strict=True)
            ]
        except LispError as error:
            error.function = self.title
            raise
        return self.returned(self.run(given), arguments, given)

    def _call_with_objects(self, arguments: tuple[Any, ...]) -> Any:
        """Call what was compiled for exactly these objects, compiling it if need be."""
        if self.owner is not None:
            arguments = (self.interpreter.this.value, *arguments)
        border = compiler().Border(self._declared, converter)
        given: list[Any] = []
        types: list[Any] = []
        try:
            for kind, make, value in zip(
                self.signature.parameters, self.converters, arguments, strict=True
            ):
                made, type_ = (
                    border.enter(value, kind[1]) if make is None else (make(value), kind)
                )
                given.append(made)
                types.append(type_)
        except LispError as error:
            error.function = self.title
            raise
        variant = self.variants.get(tuple(types))
        if variant is None:
            variant = self.variants[tuple(types)] = self._variant(types)
        try:
            result = variant.run(list(parts(given)))
        finally:
            border.leave()
        if is_object(variant.signature.result):
            return border.instance(result)
        return variant.returned(result, arguments, given)

    def _declared(self, kind: Any) -> Any:
        return compiler().declared_class(self.interpreter, kind)

    def _variant(self, types: list[Any]) -> "CompiledRecord":
        """Compile the function for other objects than those it declares."""
        ((signature, machine),) = _made(self.interpreter, {self: self.owner}, types)
        return CompiledRecord(self, signature, machine)

    def run(self, given: list[Any]) -> Any:
        """Run the machine code on values it knows; name its errors."""
        import numpy as np

        generator = self.interpreter.generator if self.signature.draws else None
        hidden: list[Any] = []
        if self.signature.deep:
            hidden.append(0)
        if generator is not None:
            hidden.append(generator.state())
        try:
            with np.errstate(all="ignore"):
                return self.machine(*given, *hidden)
        except ValueError as error:
            where = error.args[0] if error.args else None
            if where not in self.signature.places:
                raise
            form, message = self.signature.places[where][error.args[1]]
            raise LispError(message, form, function=self.title) from None
        except Exception as error:
            if not type(error).__module__.startswith("numba."):
                raise
            reason = next((line for line in str(error).splitlines()[1:] if line.strip()), "")
            raise LispError(
                f"numba cannot compile it: {reason}", function=self.title
            ) from error
        finally:
            if generator is not None:
                generator.restore(hidden[-1])

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
        if kind == "string":
            return result
        return truth(result) if kind == "bool" else float(result)


def _made(
    interpreter: "Interpreter", records: dict[Any, Any], types: list[Any] | None = None
) -> list[tuple[Any, Any]]:
    """Compile functions together; return their signatures and what the interpreter calls."""
    from sn.typed import module

    text, signatures, sites, places = compiler().compiled(interpreter, records, types)
    key, made = module(text)
    for signature in signatures:
        signature.module = key
        signature.places = {**places, key: sites}
    return [
        (s, getattr(made, f"enter_{s.python}", getattr(made, s.python))) for s in signatures
    ]


def parts(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the arrays, numbers and strings that values are made of, objects taken apart."""
    for value in values:
        if value.__class__ is tuple:
            yield from parts(value)
        else:
            yield value


def is_object(kind: Any) -> bool:
    """Tell whether a type is one of objects."""
    return kind.__class__ is tuple and kind[0] == "obj"


def _wrapped(record: CompiledRecord) -> FunctionType:
    def function(*arguments: Any) -> Any:
        return record.call(arguments)

    function.sn = record
    function.signature = record.signature
    return function


@functools.cache
def converter(kind: Any) -> Callable[[Any], Any]:
    """Return the function that checks an argument and gives it its machine type."""
    if kind.__class__ is tuple:
        return compiler().matrix_converter(*kind[1:])
    if kind == "bool":
        return lambda value: value is not None
    if kind == "string":
        return string
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


@functools.cache
def compiler() -> ModuleType:
    """Return the package `sn.compiler`, which is loaded when something is compiled."""
    return hy_package("sn.compiler")


@special("dhc-make", "dhc-make-c", pattern="qQ")
def dhc_make(interpreter: "Interpreter", name: Any, specs: Any) -> Any:
    """Compile typed functions together: (dhc-make () f g (class method...) ...).

    The name of the file the original wrote is accepted and not used. In safe mode functions
    stay interpreted: nothing could stop machine code when its time is up.
    """
    if interpreter.safe:
        return None
    places: list[tuple[Any, FunctionRecord]] = []  # where what is compiled is put
    for spec in specs if specs.__class__ is Cons else ():
        if spec.__class__ is Cons:
            owner = spec.car.value if spec.car.__class__ is Symbol else None
            if owner.__class__ is not SnClass:
                raise LispError("not a class", spec, function="dhc-make")
            for name in items(spec.cdr):
                places.append(((owner, name), _record(owner.methods.get(name), spec)))
        else:
            record = _record(spec.value if spec.__class__ is Symbol else None, spec)
            if record.name is not spec:
                raise LispError("not defined under this name", spec, function="dhc-make")
            places.append((spec, record))
    if not places:
        return None
    records = {
        record: place[0] if place.__class__ is tuple else None for place, record in places
    }
    made = {
        signature.record: (signature, machine)
        for signature, machine in _made(interpreter, records)
    }
    for place, record in places:
        function = CompiledRecord(record, *made[record]).function
        if place.__class__ is Symbol:
            place.value = function
            place.invalidate()
        else:
            place[0].methods[place[1]] = function
    return truth(True)


def _record(value: Any, spec: Any) -> FunctionRecord:
    record = getattr(value, "sn", None)
    if not isinstance(record, FunctionRecord) or value.__class__ is not FunctionType:
        raise LispError("not a function defined by de", spec, function="dhc-make")
    return record


@primitive("c-code", "cinline", "cheader", "ccall")
def c_code(*_: Any) -> Any:
    """Refuse C code."""
    raise LispError("C code cannot be run here: write it in SN")


@primitive("compiledp")
def compiledp(value: Any) -> Any:
    """Tell whether a function was compiled by dhc-make."""
    return truth(isinstance(getattr(value, "sn", None), CompiledRecord))
