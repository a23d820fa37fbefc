"""What can go wrong between a file and a reading, each as one line for the person who asked."""

from sn.command import printable
from sn.errors import SnError


class ImageError(SnError):
    r"""An input that cannot be read; the message is ``name: what, and what to do``.

    Parameters
    ----------
    name
        The input as it was given; control characters and terminal sequences are escaped.
    what
        What is wrong, what was found, what to do. One line.

    >>> str(ImageError("a\x1b[2J.png", "no such file"))
    'a\\x1b[2J.png: no such file'
    """

    def __init__(self, name: str, what: str) -> None:
        super().__init__(printable(f"{name}: {what}"))
        self.name = name
        self.what = what

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.name, self.what), self.__dict__


class BadImage(ImageError):  # noqa: N818 - a name users read, like sn's own
    """Not an image, an image of a kind that is refused, or a damaged one."""


class TooLarge(ImageError):  # noqa: N818 - a name users read, like sn's own
    """An image, or a file of images, beyond the limits of the gate."""


class TooMuch(SnError):  # noqa: N818 - a reason for reject, not a fault of the input
    """More ink in a field than a line of writing has; looking at it all would take long."""


class Rejected(SnError):  # noqa: N818 - a name users read, like sn's own
    """The text of a rejected reading was used as if it had been read."""
