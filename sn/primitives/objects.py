"""Classes, methods, messages, slots."""

from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items, items
from sn.errors import LispError, SnError
from sn.functions import Fexpr, is_function
from sn.graphics.window import Window
from sn.objects import Instance, SnClass, SpecialMethod, invoke
from sn.primitives.registry import Special, primitive, special
from sn.streams import Output, Source
from sn.symbols import Symbol, truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sn.interpreter import Interpreter


def class_name_of(value: Any) -> str | None:
    """Return the name of a built-in value's class; None for lists."""
    kind = value.__class__
    if kind is float or kind is int:
        return "NUMBER"
    if kind is str:
        return "STRING"
    if kind is Symbol:
        return "SYMB"
    if kind is FunctionType or kind is MethodType or isinstance(value, Fexpr):
        return value.sn.kind if value.sn.kind in ("DX", "DE", "DF") else "DM"
    if kind is Special:
        return "DY"
    if isinstance(value, Source):
        return "FILE_RO"
    if isinstance(value, Output):
        return "FILE_WO"
    return getattr(value, "sn_class", None)


def class_of(interpreter: "Interpreter", value: Any) -> SnClass | None:
    """Return the class of a value; None for lists and ()."""
    if value is None or value.__class__ is Cons:
        return None
    if value.__class__ is Instance:
        return value.kind
    name = class_name_of(value) or value.__class__.__name__.upper()
    return builtin_class(interpreter, name)


def builtin_class(interpreter: "Interpreter", name: str) -> SnClass:
    """Return a built-in class, which is also the value of the symbol of its name."""
    known = interpreter.classes.get(name)
    if known is None:
        symbol = interpreter.intern(name)
        known = interpreter.classes[name] = SnClass(symbol)
        if symbol.value is None:
            symbol.value = known
            symbol.declared = True
    return known


def a_class(value: Any) -> SnClass:
    """Check that an argument is a class."""
    if value.__class__ is not SnClass:
        raise LispError("not a class", value)
    return value


# ---- classes


@special("defclass", pattern="qeQ")
def defclass(interpreter: "Interpreter", name: Any, parent: Any, slots: Any) -> Symbol:
    """Define a class: (defclass name super slot... (slot default)...)."""
    names: list[Symbol] = []
    defaults: list[Any] = []
    types: dict[Symbol, Any] = {}
    for slot in items(slots):
        if slot.__class__ is Symbol:
            names.append(slot)
            defaults.append(None)
        elif slot.__class__ is Cons and slot.car.__class__ is Cons:
            for typed in items(slot.cdr):
                names.append(typed)
                defaults.append(None)
                types[typed] = slot.car
        elif (
            slot.__class__ is Cons
            and slot.car.__class__ is Symbol
            and (slot.cdr is None or slot.cdr.cdr is None)
        ):
            names.append(slot.car)
            defaults.append(None if slot.cdr is None else interpreter.evaluate(slot.cdr.car))
        else:
            raise LispError("Illegal slot specification", slot, function="defclass")
    if name.__class__ is not Symbol:
        raise LispError("not a symbol", name, function="makeclass")
    made = _make_class(name, parent, names, defaults)
    made.types.update(types)
    if name.locked:
        raise LispError("locked symbol", name, function="setq")
    name.declared = True
    name.value = made
    return name


def _make_class(name: Symbol, parent: Any, slots: list[Symbol], defaults: list[Any]) -> SnClass:
    if parent.__class__ is not SnClass:
        raise LispError("not a class", parent, function="makeclass")
    for slot in slots:
        if slot.__class__ is not Symbol:
            raise LispError("not a symbol", slot, function="makeclass")
    return SnClass(name, parent, tuple(slots), tuple(defaults))


@primitive("makeclass")
def makeclass(name: Any, parent: Any, slots: Any, defaults: Any) -> SnClass:
    """Return a new class."""
    names, values = items(slots), items(defaults)
    if len(names) != len(values):
        raise LispError("slot list and default list have different lengths")
    if name.__class__ is not Symbol:
        raise LispError("not a symbol", name)
    return _make_class(name, parent, names, values)


@primitive("putmethod", interpreter=True)
def putmethod(interpreter: "Interpreter", kind: Any, name: Any, function: Any) -> Any:
    """Give a class a method, or take one away."""
    if kind.__class__ is not SnClass:
        raise LispError("Not a class", kind)
    if name.__class__ is not Symbol:
        raise LispError("Not a symbol", name)
    if function is None:
        kind.methods.pop(name, None)
    elif not is_function(function):
        raise LispError("Not a function", function)
    else:
        kind.methods[name] = function
        if name.name == "-destructor":
            kind.destroy = partial(_lost, interpreter)
    return function


def _defmethod(*names: str, kind: str) -> None:
    def define(interpreter: "Interpreter", owner: Any, name: Any, rest: Any) -> Any:
        if rest.__class__ is not Cons:
            raise LispError("illegal definition of function")
        function = interpreter.function(kind, None, rest.car, rest.cdr, rest.pos)
        if owner.__class__ is not SnClass:
            raise LispError("Not a class", owner, function="putmethod")
        return putmethod(interpreter, owner, name, function)

    define.__doc__ = f"Define a method of class {kind}."
    define.__code__ = define.__code__.replace(co_name=names[0])
    special(*names, pattern="eqQ")(define)


_defmethod("defmethod", "demethod", kind="DE")
_defmethod("dfmethod", kind="DF")
_defmethod("dmmethod", kind="DM")


@primitive("classof", interpreter=True)
def classof(interpreter: "Interpreter", value: Any) -> Any:
    """Return the class of a value, () for lists."""
    return class_of(interpreter, value)


@primitive("is-of-class", interpreter=True)
def is_of_class(interpreter: "Interpreter", value: Any, kind: Any) -> Any:
    """Tell whether a value is an instance of a class or of a descendant."""
    own = class_of(interpreter, value)
    return truth(own is not None and own.inherits(a_class(kind)))


@primitive("classp")
def classp(value: Any) -> Any:
    """Tell whether a value is a class."""
    return truth(value.__class__ is SnClass)


@primitive("classname")
def classname(kind: Any) -> Symbol:
    """Return the name of a class."""
    return a_class(kind).name


@primitive("super")
def superclass(kind: Any) -> Any:
    """Return the class a class inherits from."""
    return a_class(kind).parent


@primitive("subclasses")
def subclasses(kind: Any) -> Any:
    """Return the classes that inherit from a class."""
    return from_items(a_class(kind).children)


@primitive("slots")
def slots(kind: Any) -> Any:
    """Return the slots of a class, with its defaults."""
    pairs = zip(a_class(kind).own_slots, kind.own_defaults, strict=True)
    return from_items([s if d is None else from_items([s, d]) for s, d in pairs])


@primitive("methods")
def methods(kind: Any) -> Any:
    """Return the names of a class's own methods."""
    return from_items(a_class(kind).methods)


@primitive("check==>")
def check_send(kind: Any, name: Any) -> Any:
    """Return the method a class has under a name."""
    found = a_class(kind).find(name)
    return None if found is None else found[0]


# ---- instances


def _program_class(interpreter: "Interpreter", kind: Any) -> SnClass:
    if kind.__class__ is not SnClass:
        raise LispError("not a class", kind)
    if not kind.inherits(builtin_class(interpreter, "object")):
        raise LispError("class is not a subclass of ::class:object", kind)
    return kind


@special("new", pattern="eQ")
def new(interpreter: "Interpreter", kind: Any, forms: Any) -> Instance:
    """Make an object; the method with the name of the class gets the arguments."""
    made = Instance(_program_class(interpreter, kind))
    found = kind.find(kind.name)
    if found is None:
        if forms is not None:
            raise LispError("Class constructor expects no arguments")
        return made
    method = bound_method(interpreter, made, *found)
    if method.__class__ is SpecialMethod:
        method.call(forms)
    else:
        method(*[interpreter.evaluate(form) for form in items(forms)])
    return made


@primitive("new-empty", interpreter=True)
def new_empty(interpreter: "Interpreter", kind: Any) -> Instance:
    """Make an object without calling its constructor."""
    return Instance(_program_class(interpreter, kind))


@primitive("new-copy")
def new_copy(value: Any) -> Instance:
    """Return an object with the same slots."""
    if value.__class__ is not Instance:
        raise LispError("Not an instance of a user defined class", value)
    copy = Instance(value.kind)
    copy.values = [value.get(number) for number in range(len(value.values))]
    return copy


@primitive("delete", interpreter=True)
def delete(interpreter: "Interpreter", value: Any) -> None:
    """Run an object's destructors, those of its class first; close a window."""
    if value is None or isinstance(value, Window):
        if value is not None:
            value.close()
        return
    if value.__class__ is not Instance:
        raise LispError("Cannot delete this object", value)
    value.gone = True
    done, place = None, value.kind
    while place is not None:
        found = place.find(interpreter.intern("-destructor"))
        place = place.parent
        if found is None:
            break
        if found[0] is not done:
            done = found[0]
            bound_method(interpreter, value, *found)()


def _lost(interpreter: "Interpreter", value: Instance) -> None:
    """Delete an object whose last reference went; there is nobody to tell of errors."""
    if not interpreter.closed:
        with suppress(SnError):
            interpreter.run(lambda: delete(interpreter, value))


# ---- messages


def bound_method(interpreter: "Interpreter", target: Any, function: Any, owner: SnClass) -> Any:
    """Return what calls a method with evaluated arguments, or a `SpecialMethod`."""
    bound = (interpreter, target, function, owner)
    if isinstance(function, Fexpr):
        return SpecialMethod(bound)
    return MethodType(invoke, bound)


def find_method(interpreter: "Interpreter", target: Any, message: Any) -> Any:
    """Find the method for ``(==> target message ...)``; a pair names a superclass too."""
    if target is None:
        raise LispError("cannot send a message to nil")
    kind = class_of(interpreter, target)
    if kind is None:
        raise LispError("cannot send a message to this object", target)
    if message.__class__ is Cons:
        parent, message = message.car, message.cdr
        place: SnClass | None = kind
        while place is not None and place.name is not parent:
            place = place.parent
        if place is None:
            raise LispError("cannot find superclass", parent)
        kind = place
    if message.__class__ is not Symbol:
        raise LispError("Not a valid method name", message)
    found = kind.find(message)
    if found is not None:
        return bound_method(interpreter, target, *found)
    unknown = kind.find(interpreter.intern("-unknown"))
    if unknown is not None:
        function = bound_method(interpreter, target, *unknown)
        if function.__class__ is not SpecialMethod:
            return lambda *arguments: function(message, from_items(arguments))
    raise LispError("undefined method for this object", target)


@primitive("apply==>", interpreter=True)
def apply_send(interpreter: "Interpreter", target: Any, message: Any, arguments: Any) -> Any:
    """Send a message with a list of evaluated arguments."""
    method = find_method(interpreter, target, message)
    if method.__class__ is SpecialMethod:
        return method.call(arguments)
    return method(*items(arguments))


@special("letslot", pattern="eQ")
def letslot(interpreter: "Interpreter", value: Any, body: Any) -> Any:
    """Evaluate a body with the slots of an object as variables."""
    owner = None
    if value.__class__ is SnClass and body.__class__ is Cons:
        other = interpreter.evaluate(body.car)
        if other.__class__ is Instance:
            if not other.kind.inherits(value):
                raise LispError("object is not an instance of this superclass", value)
            owner, value, body = value, other, body.cdr
    if value is None:
        raise LispError("Cannot send a message to the empty list")
    if owner is None:
        owner = class_of(interpreter, value) or builtin_class(interpreter, "object")
    thunk: Callable[[], Any] = interpreter.thunk(body, None)
    return invoke((interpreter, value, thunk, owner))
