"""Complex numbers."""

from typing import Any

from sn.primitives.arguments import number
from sn.primitives.registry import primitive
from sn.printer import show_number


class Complex:
    """A complex number, which ordinary arithmetic refuses."""

    sn_class = "COMPLEX"
    __slots__ = ("value",)

    def __init__(self, value: complex) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Complex) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::COMPLEX:({show_number(self.value.real)},{show_number(self.value.imag)})"


def complex_of(value: Any) -> complex:
    """Return a number or a complex number as Python's complex."""
    return value.value if value.__class__ is Complex else complex(number(value))


@primitive("complex")
def make_complex(real: float, imaginary: float) -> Complex:
    """Return a complex number."""
    return Complex(complex(number(real), number(imaginary)))


@primitive("complexp")
def complexp(value: Any) -> Any:
    """Return the value if it is a complex number."""
    return value if value.__class__ is Complex else None


@primitive("creal")
def creal(value: Any) -> float:
    """Return the real part."""
    return complex_of(value).real


@primitive("cimag")
def cimag(value: Any) -> float:
    """Return the imaginary part."""
    return complex_of(value).imag


@primitive("cabs")
def cabs(value: Any) -> float:
    """Return the modulus."""
    return abs(complex_of(value))


@primitive("carg")
def carg(value: Any) -> float:
    """Return the argument."""
    import cmath

    return cmath.phase(complex_of(value))


@primitive("conj")
def conj(value: Any) -> Complex:
    """Return the conjugate."""
    return Complex(complex_of(value).conjugate())
