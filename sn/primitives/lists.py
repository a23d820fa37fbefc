"""Lists: construction, access, search, mapping, sorting, association lists."""

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from sn.cells import CHANGES, Cons, flat, from_items, items
from sn.errors import LispError
from sn.evaluation import call_error
from sn.primitives.arguments import integer
from sn.primitives.registry import primitive
from sn.symbols import Symbol, T, truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


def first(cell: Any) -> Any:
    """Return the car; that of () is ()."""
    if cell.__class__ is Cons:
        return cell.car
    if cell is None:
        return None
    raise LispError("not a list", cell)


def rest(cell: Any) -> Any:
    """Return the cdr; that of () is ()."""
    if cell.__class__ is Cons:
        return cell.cdr
    if cell is None:
        return None
    raise LispError("not a list", cell)


def _accessor(name: str) -> Any:
    """Make ``car``, ``cdr`` or a combination of them, as the letters say."""
    steps = [first if letter == "a" else rest for letter in reversed(name[1:-1])]

    def access(cell: Any) -> Any:
        for step in steps:
            cell = step(cell)
        return cell

    access.__name__ = name
    access.__doc__ = f"Return the {name} of a list."
    access.__code__ = access.__code__.replace(co_name=name)
    return primitive(name)(access)


for _length in (1, 2, 3, 4):
    for _bits in range(2**_length):
        _accessor("c" + "".join("ad"[_bits >> i & 1] for i in range(_length)) + "r")


@primitive("cons")
def cons(head: Any, tail: Any) -> Cons:
    """Return a new pair."""
    return Cons(head, tail)


@primitive("list")
def make_list(*values: Any) -> Any:
    """Return the list of the arguments."""
    return from_items(values)


@primitive("length")
def length(cell: Any) -> float:
    """Count the elements of a list; -1 for one that goes round in a circle."""
    count, slow = 0, cell
    while cell.__class__ is Cons:
        count += 1
        cell = cell.cdr
        if cell is slow:
            return -1.0
        if count % 2:
            slow = slow.cdr
    return float(count)


@primitive("member")
def member(value: Any, cell: Any) -> Any:
    """Return the part of a list that begins with an equal element."""
    while cell.__class__ is Cons:
        if cell.car == value:
            return cell
        cell = cell.cdr
    return None


@primitive("append", "nappend")
def append(*lists: Any) -> Any:
    """Return the elements of all lists in one; the last is shared."""
    if not lists:
        return None
    result = lists[-1]
    for part in reversed(lists[:-1]):
        result = from_items(_elements(part), result)
    return result


def _elements(cell: Any) -> list[Any]:
    """Return the elements of a list; of anything else, none."""
    return items(cell) if cell.__class__ is Cons else []


@primitive("nfirst", "firstn")
def nfirst(count: float, cell: Any) -> Any:
    """Return the first elements of a list."""
    number_of = max(integer(count), 0)
    found = []
    while len(found) < number_of and cell.__class__ is Cons:
        found.append(cell.car)
        cell = cell.cdr
    return from_items(found, cell if len(found) < number_of else None)


@primitive("nth")
def nth(place: Any, cell: Any) -> Any:
    """Return an element counted from 0; with the list first, counted from 1."""
    if place.__class__ is Cons or place is None:
        place, cell = integer(cell) - 1, place
    count = integer(place)
    while count > 0 and cell.__class__ is Cons:
        cell = cell.cdr
        count -= 1
    return cell.car if count == 0 and cell.__class__ is Cons else None


@primitive("nthcdr")
def nthcdr(place: Any, cell: Any) -> Any:
    """Return what remains after so many elements."""
    if place.__class__ is Cons or place is None:
        place, cell = integer(cell) - 1, place
    count = integer(place)
    while count > 0 and cell.__class__ is Cons:
        cell = cell.cdr
        count -= 1
    return cell


@primitive("last")
def last(cell: Any) -> Any:
    """Return the last element, or the end of a dotted list."""
    if cell.__class__ is not Cons:
        return None
    cell = lastcdr(cell)
    return cell.car if cell.cdr is None else cell.cdr


@primitive("lastcdr")
def lastcdr(cell: Any) -> Any:
    """Return the last pair."""
    while cell.__class__ is Cons and cell.cdr.__class__ is Cons:
        cell = cell.cdr
    return cell


@primitive("reverse")
def reverse(cell: Any) -> Any:
    """Return a list the other way round."""
    result = None
    for value in _elements(cell):
        result = Cons(value, result)
    return result


@primitive("flatten")
def flatten(value: Any) -> Any:
    """Return the atoms of nested lists in one."""
    return from_items(flat(value))


@primitive("assoc")
def assoc(key: Any, alist: Any) -> Any:
    """Return the pair of an association list with an equal key."""
    while alist.__class__ is Cons:
        pair = alist.car
        if pair.__class__ is Cons and pair.car == key:
            return pair
        alist = alist.cdr
    return None


@primitive("assq")
def assq(key: Any, alist: Any) -> Any:
    """Return the pair of an association list with the same key."""
    while alist.__class__ is Cons:
        pair = alist.car
        if pair.__class__ is Cons and same(pair.car, key):
            return pair
        alist = alist.cdr
    return None


@primitive("alist-add")
def alist_add(key: Any, value: Any, alist: Any) -> Any:
    """Change a pair of an association list, or put a new one in front."""
    pair = assoc(key, alist)
    if pair is None:
        return Cons(Cons(key, value), alist)
    pair.cdr = value
    CHANGES[0] += 1
    return alist


@primitive("alist-get")
def alist_get(key: Any, alist: Any) -> Any:
    """Return the value of a key."""
    pair = assoc(key, alist)
    return pair.cdr if pair is not None else None


@primitive("rplaca")
def rplaca(cell: Any, value: Any) -> Any:
    """Replace the car of a pair."""
    if cell.__class__ is not Cons:
        raise LispError("not a cons", cell)
    cell.car = value
    CHANGES[0] += 1
    return cell


@primitive("rplacd")
def rplacd(cell: Any, value: Any) -> Any:
    """Replace the cdr of a pair."""
    if cell.__class__ is not Cons:
        raise LispError("not a cons", cell)
    cell.cdr = value
    CHANGES[0] += 1
    return cell


@primitive("displace")
def displace(cell: Any, other: Any) -> Any:
    """Make a pair hold what another holds."""
    if cell.__class__ is not Cons:
        raise LispError("not a cons", cell)
    if other.__class__ is not Cons:
        raise LispError("not a cons", other)
    cell.car, cell.cdr = other.car, other.cdr
    CHANGES[0] += 1
    return cell


@primitive("nconc")
def nconc(*lists: Any) -> Any:
    """Join lists by changing the end of each."""
    result = end = None
    for part in lists:
        if part is None:
            continue
        if part.__class__ is not Cons:
            raise LispError("not a list", part)
        if end is None:
            result = part
        else:
            end.cdr = part
            CHANGES[0] += 1
        end = lastcdr(part)
    return result


@primitive("nconc1")
def nconc1(cell: Any, value: Any) -> Any:
    """Add an element at the end of a list, in place."""
    return nconc(cell, Cons(value, None))


@primitive("list-insert")
def list_insert(cell: Any, place: float, value: Any) -> Any:
    """Put an element into a list, at a place counted from 0."""
    count = integer(place)
    if count == 0:
        return Cons(value, cell)
    before = nthcdr(float(count - 1), cell)
    if before.__class__ is not Cons:
        raise LispError("list too short", function="error")
    before.cdr = Cons(value, before.cdr)
    CHANGES[0] += 1
    return cell


@primitive("list-delete")
def list_delete(cell: Any, place: float) -> Any:
    """Take out of a list the element at a place counted from 0."""
    count = integer(place)
    if count == 0:
        return rest(cell)
    before = nthcdr(float(count - 1), cell)
    if before.__class__ is not Cons:
        raise LispError("list too short", function="error")
    before.cdr = rest(before.cdr)
    CHANGES[0] += 1
    return cell


@primitive("list-merge")
def list_merge(one: Any, two: Any) -> Any:
    """Return the elements of two lists, those of the first not repeated."""
    values = items(one)
    values += [v for v in items(two) if not any(v == w for w in values)]
    return from_items(values)


# ---- predicates: they answer with their argument


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are one object (numbers and strings: equal ones are)."""
    if a is b:
        return True
    kind = a.__class__
    if kind is float or kind is int:
        return (b.__class__ is float or b.__class__ is int) and a == b
    return False


@primitive("==")
def identical(a: Any, b: Any) -> Any:
    """Tell whether two values are the same object."""
    return truth(same(a, b))


@primitive("numberp")
def numberp(value: Any) -> Any:
    """Return the value if it is a number."""
    return value if value.__class__ is float or value.__class__ is int else None


@primitive("stringp")
def stringp(value: Any) -> Any:
    """Return the value if it is a string."""
    return value if value.__class__ is str else None


@primitive("symbolp")
def symbolp(value: Any) -> Any:
    """Return the value if it is a symbol."""
    return value if value.__class__ is Symbol else None


@primitive("listp")
def listp(value: Any) -> Any:
    """Return the value if it is a list, t for ()."""
    if value is None:
        return T
    return value if value.__class__ is Cons else None


@primitive("consp")
def consp(value: Any) -> Any:
    """Return the value if it is a pair."""
    return value if value.__class__ is Cons else None


@primitive("atomp")
def atomp(value: Any) -> Any:
    """Return the value if it is no pair, t for ()."""
    if value is None:
        return T
    return None if value.__class__ is Cons else value


# ---- mapping


@primitive("mapcar", interpreter=True)
def mapcar(interpreter: "Interpreter", function: Any, cell: Any, *more: Any) -> Any:
    """Return the list of a function's values for the elements of one or more lists."""
    call = interpreter.function_value(function)
    if more:
        return from_items([call(*row) for row in _rows("mapcar", (cell, *more))])
    over = getattr(call, "over", None)
    if over is not None:
        values = over(interpreter, cell)
        if values is not None:
            return values
    if cell.__class__ is not Cons:
        return _no_elements("mapcar", cell)
    value: Any = None
    try:
        value = cell.car
        result = end = Cons(call(value), None)
        cell = cell.cdr
        while cell.__class__ is Cons:
            value = cell.car
            end.cdr = end = Cons(call(value), None)
            cell = cell.cdr
    except TypeError:
        _wrong_call(call, [value])
        raise
    if cell is not None:
        _no_elements("mapcar", cell)
    return result


@primitive("mapc", interpreter=True)
def mapc(interpreter: "Interpreter", function: Any, cell: Any, *more: Any) -> Any:
    """Call a function with the elements of one or more lists; return its last value."""
    call = interpreter.function_value(function)
    value = result = None
    if more:
        for row in _rows("mapc", (cell, *more)):
            result = call(*row)
        return result
    try:
        while cell.__class__ is Cons:
            value = cell.car
            result = call(value)
            cell = cell.cdr
    except TypeError:
        _wrong_call(call, [value])
        raise
    if cell is not None:
        _no_elements("mapc", cell)
    return result


def _wrong_call(call: Any, arguments: list[Any]) -> None:
    wrong = call_error(call, arguments)
    if wrong is not None:
        raise wrong from None


def _no_elements(name: str, cell: Any) -> None:
    if cell is not None:
        raise LispError("bad list as argument")


def _rows(name: str, lists: tuple[Any, ...]) -> Any:
    """Yield the elements of lists side by side."""
    cells = list(lists)
    while all(cell.__class__ is Cons for cell in cells):
        yield [cell.car for cell in cells]
        cells = [cell.cdr for cell in cells]
    for cell in cells:
        _no_elements(name, None if cell.__class__ is Cons else cell)
    if any(cell is not None for cell in cells):
        raise LispError("lists with different length")


@primitive("rmapc", interpreter=True)
def rmapc(interpreter: "Interpreter", function: Any, tree: Any) -> Any:
    """Call a function with every atom of nested lists."""
    call = interpreter.function_value(function)

    def walk(cell: Any) -> Any:
        result = None
        while cell.__class__ is Cons:
            item = cell.car
            result = walk(item) if item.__class__ is Cons or item is None else call(item)
            cell = cell.cdr
        return result

    return walk(tree) if tree.__class__ is Cons or tree is None else call(tree)


@primitive("rmapcar", interpreter=True)
def rmapcar(interpreter: "Interpreter", function: Any, tree: Any) -> Any:
    """Return nested lists of a function's values for every atom."""
    call = interpreter.function_value(function)

    def walk(cell: Any) -> Any:
        if cell.__class__ is Cons:
            return from_items([walk(item) for item in cell])
        return None if cell is None else call(cell)

    return walk(tree)


@primitive("mapcan", interpreter=True)
def mapcan(interpreter: "Interpreter", function: Any, cell: Any, *more: Any) -> Any:
    """Join the lists a function returns for the elements of lists."""
    call = interpreter.function_value(function)
    return nconc(*[call(*row) for row in _rows("mapcan", (cell, *more))])


@primitive("filter", interpreter=True)
def filter_list(interpreter: "Interpreter", function: Any, cell: Any) -> Any:
    """Return the elements for which a function is true."""
    call = interpreter.function_value(function)
    return from_items([item for item in items(cell) if call(item) is not None])


@primitive("sort-list", interpreter=True)
def sort_list(interpreter: "Interpreter", cell: Any, swap: Any) -> Any:
    """Sort a list; the function says when two elements are in the wrong order."""
    call = interpreter.function_value(swap)

    def compare(a: Any, b: Any) -> int:
        if call(a, b) is not None:
            return 1
        return -1 if call(b, a) is not None else 0

    return from_items(sorted(items(cell), key=cmp_to_key(compare)))


# ---- properties


@primitive("putp", interpreter=True)
def putp(interpreter: "Interpreter", name: Any, key: Any, value: Any) -> Any:
    """Give a symbol a property."""
    if name.__class__ is not Symbol:
        raise LispError("not a symbol", name)
    found = interpreter.properties.setdefault(name, [])
    found[:] = [(k, v) for k, v in found if k != key]
    if value is not None:
        found.append((key, value))
    return value


@primitive("getp", interpreter=True)
def getp(interpreter: "Interpreter", name: Any, key: Any) -> Any:
    """Return a property of a symbol."""
    for known, value in interpreter.properties.get(name, []):
        if known == key:
            return value
    return None


@primitive("makelist")
def makelist(count: float, value: Any) -> Any:
    """Return a list of one value, so many times."""
    number_of = integer(count)
    if number_of < 0:
        raise LispError("illegal negative value", count)
    if number_of > 32767:
        raise LispError("too large integer in makelist", count)
    return from_items([value] * number_of)


@primitive("null?")
def is_null(value: Any) -> Any:
    """Tell whether a value is ()."""
    return truth(value is None)


@primitive("boolean?")
def is_boolean(value: Any) -> Any:
    """Tell whether a value is t or ()."""
    return truth(value is None or value is T)
