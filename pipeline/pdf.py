"""Pages of a PDF as grey pixels, where the extra ``pdf`` (pypdfium2) is installed.

A PDF is a program for a page rather than an image, so it is opened only when the extra was
installed on purpose. Page sizes are asked first, for the gate's limits; nothing but the page
itself is drawn: no forms, no scripts.
"""

import importlib.util
import threading
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

DPI = 200
_POINTS = 72  # to the inch
_PDFIUM = threading.Lock()  # the library must not be entered twice


def available() -> bool:
    """Tell whether the extra is installed."""
    return importlib.util.find_spec("pypdfium2") is not None


class Document:
    """An open PDF; a context manager. Raises RuntimeError when it cannot be opened."""

    def __init__(self, data: bytes) -> None:
        import pypdfium2

        with _PDFIUM:
            self._document = pypdfium2.PdfDocument(data)
            self._count = len(self._document)

    def __enter__(self) -> "Document":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _PDFIUM:
            self._document.close()

    def __len__(self) -> int:
        return self._count

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height in pixels at `DPI` of page `index`, from 0."""
        with _PDFIUM:
            width, height = self._document.get_page_size(index)
        return int(np.ceil(width * DPI / _POINTS)), int(np.ceil(height * DPI / _POINTS))

    def grey(self, index: int) -> NDArray[np.uint8]:
        """Draw page `index` on white: (height, width) uint8."""
        with _PDFIUM:
            page = self._document[index]
            drawn = page.render(scale=DPI / _POINTS, grayscale=True, may_draw_forms=False)
            pixels = drawn.to_numpy().reshape(drawn.height, drawn.width).copy()
            drawn.close()
            page.close()
        return pixels
