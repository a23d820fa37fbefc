"""Layout of programs: ``pprint``, ``pretty``, ``save``.

Each word has a style: how many arguments stay on its line, and how the next one is laid out;
the rest go below each other. Closing parentheses after a line break are set off by a blank.
"""

from typing import TYPE_CHECKING, Any

from sn.cells import Cons, from_items, items
from sn.functions import Fexpr
from sn.objects import SnClass
from sn.printer import show
from sn.streams import Output
from sn.symbols import Symbol

if TYPE_CHECKING:
    from sn.interpreter import Interpreter

WIDTH = 78
STYLES: dict[str, tuple[int, str]] = {}
for _count, _next, _names in (
    (0, "", "progn graphics-batch debug nodebug"),
    (1, "", "when while do-while for mapfor mapwhile repeat lambda flambda mlambda"),
    (1, "", "writing reading"),
    (2, "", "de df dm dmd defclass"),
    (3, "", "defmethod demethod dfmethod dmmethod"),
    (0, "let", "let let* let-filter each all idx-bloop idx-eloop idx-gloop"),
    (1, "indent", "if"),
    (0, "indent", "prog1"),
    (0, "cond", "cond"),
    (1, "cond", "selectq"),
):
    STYLES.update(dict.fromkeys(_names.split(), (_count, _next)))


class Printer:
    """Writes forms to an output, knowing its column."""

    def __init__(self, output: Output) -> None:
        self.output = output

    def write(self, text: str) -> None:
        """Write text."""
        self.output.write(text)

    def line(self, column: int) -> None:
        """Begin a line at a column."""
        self.output.write("\n" + " " * column)

    def form(self, value: Any) -> bool:
        """Write a value; tell whether it took more than one line."""
        if value.__class__ is not Cons:
            self.write(show(value, self.output.column))
            return False
        head, start = value.car, self.output.column
        name = head.name if head.__class__ is Symbol else ""
        if name in STYLES:
            return self.styled(value, start, *STYLES[name])
        if name == "quote" and value.cdr.__class__ is Cons and value.cdr.cdr is None:
            self.write("'")
            return self.form(value.cdr.car)
        if name == "scope" and value.cdr.__class__ is Cons:
            for part in items(value.cdr):
                self.write(":")
                self.form(part)
            return False
        self.write("(")
        self.form(head)
        return self.flowing(value.cdr, start + 2)

    def styled(self, value: Any, start: int, count: int, special: str) -> bool:
        """Write a form whose first words stay on the line."""
        self.write("(")
        rest = value
        for place in range(count + 1):
            if rest.__class__ is not Cons:
                break
            if place:
                self.write(" ")
            self.form(rest.car)
            rest = rest.cdr
        if rest.__class__ is Cons and special == "indent":
            self.line(start + 4)
            self.form(rest.car)
            rest = rest.cdr
        elif rest.__class__ is Cons and special == "cond":
            while rest.__class__ is Cons:
                self.line(start + 2)
                clause = rest.car
                if clause.__class__ is Cons:
                    self.write("(")
                    self.form(clause.car)
                    self.column(clause.cdr, start + 4)
                else:
                    self.form(clause)
                rest = rest.cdr
        elif rest.__class__ is Cons and special == "let":
            self.write(" ")
            if rest.car.__class__ is Cons:
                self.write("(")
                inside = self.output.column
                self.form(rest.car.car)
                self.column(rest.car.cdr, inside)
            else:
                self.form(rest.car)
            rest = rest.cdr
        return self.column(rest, start + 2)

    def column(self, rest: Any, column: int) -> bool:
        """Write the rest of a list, one element a line."""
        broken = False
        while rest.__class__ is Cons:
            broken = True
            self.line(column)
            self.form(rest.car)
            rest = rest.cdr
        if rest is not None:
            broken = True
            self.line(column + 2)
            self.write(". ")
            self.form(rest)
        self.write(" )" if broken else ")")
        return broken

    def flowing(self, rest: Any, column: int) -> bool:
        """Write the rest of a list along the line, breaking where it gets too long."""
        broken = False
        while rest.__class__ is Cons:
            here = self.output.column
            if here <= column or here + len(show(rest.car)) < WIDTH:
                self.write(" ")
            else:
                self.line(column)
                broken = True
            if self.form(rest.car):
                self.column(rest.cdr, column)
                return True
            rest = rest.cdr
        if rest is not None:
            if self.output.column + len(show(rest)) < WIDTH - 2:
                self.write(" . ")
            else:
                self.line(column)
                broken = True
                self.write(". ")
            self.form(rest)
        self.write(" )" if broken else ")")
        return broken


def pprint(interpreter: "Interpreter", value: Any) -> None:
    """Write a value, laid out, and a newline."""
    Printer(interpreter.output).form(value)
    interpreter.output.write("\n")


def definition(interpreter: "Interpreter", name: Symbol, value: Any) -> Any:
    """Return the form that defines a function under a name."""
    record = value.sn
    word = {"DE": "de", "DF": "df", "DM": "dm", "DMD": "dmd", "DMX": "defmacro"}[record.kind]
    return Cons(interpreter.intern(word), Cons(name, Cons(record.formals, record.body)))


def pretty(interpreter: "Interpreter", value: Any, name: Symbol | None = None) -> None:
    """Write what defines a value."""
    record = getattr(value, "sn", None)
    if record is not None and hasattr(record, "body"):
        shown = definition(interpreter, name, value) if name else _lambda(interpreter, value)
        pprint(interpreter, shown)
    elif record is not None:
        kind = record.kind
        interpreter.output.write(f"{show(value)} ; {kind}-type intrinsic function\n")
    elif value.__class__ is SnClass:
        _pretty_class(interpreter, value)
    else:
        pprint(interpreter, value)


def _lambda(interpreter: "Interpreter", value: Any) -> Any:
    word = "flambda" if value.__class__ is Fexpr else "mlambda"
    word = "lambda" if value.sn.kind == "DE" else word
    return Cons(interpreter.intern(word), Cons(value.sn.formals, value.sn.body))


def _pretty_class(interpreter: "Interpreter", kind: SnClass) -> None:
    output = interpreter.output
    if kind.parent is not None:
        output.write(f"(defclass {show(kind.name)} {show(kind.parent.name)}")
        for slot, default in zip(kind.own_slots, kind.own_defaults, strict=True):
            if default is None:
                output.write(f"\n  {show(slot)}")
            else:
                output.write(f"\n  ({show(slot)} '{show(default)})")
        output.write(" )\n")
    words = {"DE": "demethod", "DF": "dfmethod"}
    for name, method in kind.methods.items():
        output.write("\n")
        record = method.sn
        head = [interpreter.intern(words.get(record.kind, "dmmethod")), kind.name, name]
        pprint(interpreter, from_items(head, Cons(record.formals, record.body)))
