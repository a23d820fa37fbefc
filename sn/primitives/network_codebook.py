"""Codebooks as Lisp values (sn28.md, section 4.2, L8; cases net-codebook)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sn.cells import from_items, items
from sn.errors import LispError
from sn.matrix import Matrix
from sn.net.codebook import Codebook
from sn.primitives.arguments import integer, number, string
from sn.primitives.network_arguments import float_vector, floats, matrix, real, vector
from sn.primitives.registry import expected, primitive
from sn.symbols import truth

if TYPE_CHECKING:
    from sn.interpreter import Interpreter


def book(value: Any) -> Codebook:
    """Check a codebook."""
    if not isinstance(value, Codebook):
        raise LispError("Not a codebook", value)
    return value


def lisp_book(made: Codebook) -> Codebook:
    """Give a codebook the matrix that shows its words."""
    made.matrix = Matrix(made.words, "f")
    return made


def subscript(value: Any, count: int) -> int:
    """Check the number of a word."""
    index = integer(value)
    if not 0 <= index < count:
        raise LispError("subscript out of range", float(index))
    return index


# ---- making and taking apart ----


@primitive("new-codebook", arity=expected(2))
def new_codebook(words: Any, labels: Any = None) -> Codebook:
    """Make a codebook of (n, width), of a float matrix, or of a float matrix and labels."""
    if words.__class__ in (float, int):
        return lisp_book(Codebook.empty(integer(words), integer(labels)))
    if words.__class__ is not Matrix:
        raise LispError("not an index", words)
    if words.array.ndim != 2:
        raise LispError("2D index expected", words)
    if words.letter != "f":
        raise LispError("Not an index on a flt storage", words)
    names = None if labels is None else vector(labels, len(words.array)).values()
    return Codebook(words.array, names, words)


@primitive("net-codebook-p")
def is_codebook(value: Any) -> Any:
    """Tell codebooks from other values."""
    return truth(isinstance(value, Codebook))


@primitive("codebook-word")
def codebook_word(codebook: Any, index: Any = None, word: Any = None) -> Any:
    """Return all words as a matrix, or one word; or set one word."""
    found = book(codebook)
    if index is None:
        return found.matrix
    row = found.words[subscript(index, len(found))]
    if word is not None:
        row[:] = floats(word).reshape(row.shape)
    return Matrix(row, "f")


@primitive("codebook-label")
def codebook_label(codebook: Any, index: Any = None, label: Any = None) -> Any:
    """Return all labels as a matrix, or one label; or set one label."""
    found = book(codebook)
    if index is None:
        return Matrix(found.labels.copy(), "i")
    place = integer(index)
    if not 0 <= place < len(found):
        raise LispError("Subscript out of range", index)
    if label is not None:
        if not 0 <= integer(label) <= 1_000_000:
            raise LispError("Class label is strange", label)
        found.labels[place] = integer(label)
    return int(found.labels[place])


@primitive("codebook-labels")
def codebook_labels(codebook: Any) -> Any:
    """List the labels in use."""
    return from_items([float(label) for label in book(codebook).classes()])


@primitive("codebook-split")
def codebook_split(codebook: Any, first: float, last: float) -> Codebook:
    """Return a range of words, which stay shared, as a codebook."""
    return lisp_book(book(codebook).part(integer(first), integer(last)))


@primitive("codebook-merge")
def codebook_merge(first: Any, *others: Any) -> Codebook:
    """Return the words of several codebooks in a new one."""
    return lisp_book(Codebook.merged([book(each) for each in (first, *others)]))


@primitive("codebook-select", interpreter=True)
def codebook_select(
    interpreter: "Interpreter", predicate: Any, first: Any, *others: Any
) -> Codebook:
    """Return the words whose label satisfies a predicate in a new codebook."""
    call = interpreter.function_value(predicate)
    books = [book(each) for each in (first, *others)]
    return lisp_book(Codebook.selected(books, lambda label: call(float(label)) is not None))


@primitive("net-rank-of-max")
def rank_of_max(values: Any) -> Any:
    """Return the place of the largest element of a list or vector; a list of places if many."""
    if values is None or hasattr(values, "cdr"):
        numbers = [number(item) for item in items(values)]
    else:
        numbers = floats(values).reshape(-1).tolist()
    best = max(numbers)
    places = [float(i) for i, value in enumerate(numbers) if value == best]
    return places[0] if len(places) == 1 else from_items(places)


# ---- files ----


@primitive("save-codebook", interpreter=True)
def save_codebook(interpreter: "Interpreter", codebook: Any, name: str) -> None:
    """Write a codebook, suffix .cb."""
    interpreter.write_file(string(name), "cb", book(codebook).to_bytes())


@primitive("save-ascii-codebook", interpreter=True)
def save_ascii_codebook(interpreter: "Interpreter", codebook: Any, name: str) -> None:
    """Write a codebook as text, suffix .cb."""
    interpreter.write_file(string(name), "cb", book(codebook).to_text().encode("latin-1"))


@primitive("load-codebook", interpreter=True)
def load_codebook(interpreter: "Interpreter", name: str) -> Codebook:
    """Read a codebook."""
    return lisp_book(Codebook.from_bytes(interpreter.read_file(string(name), "cb")))


@primitive("load-ascii-codebook", interpreter=True)
def load_ascii_codebook(interpreter: "Interpreter", name: str) -> Codebook:
    """Read a codebook from text."""
    text = interpreter.read_file(string(name), "cb").decode("latin-1")
    return lisp_book(Codebook.from_text(text))


# ---- neighbours ----


def _near(point: Any, codebook: Any) -> Codebook:
    """Check a vector against a codebook; return the codebook."""
    size, found = len(float_vector(point)), book(codebook)
    if size != found.width:
        raise LispError("Vector and codebook have different sizes", point)
    return found


@primitive("knn")
def knn(point: Any, codebook: Any, k: float) -> Any:
    """List the k words nearest to a vector."""
    found = _near(point, codebook).neighbours(point.array, integer(k))
    return from_items([float(index) for index in found])


@primitive("knn-class")
def knn_class(point: Any, codebook: Any, k: float) -> int:
    """Return the label most of the k nearest words have, -1 in case of a tie."""
    return _near(point, codebook).vote(point.array, integer(k))


@primitive("codebook-distances")
def codebook_distances(point: Any, codebook: Any, result: Any = None) -> Any:
    """Return the squared distances of all words to a vector, in a given matrix if any."""
    found = book(codebook)
    vector(point, found.width)
    distances = found.distances(float_vector(point))
    if result is None:
        return Matrix(distances, "f")
    vector(result, len(found))
    float_vector(result)[:] = distances
    return result


@primitive("codebook-distorsion")
def codebook_distorsion(data: Any, reference: Any) -> float:
    """Return the mean squared distance of words to the nearest words of a reference."""
    return book(data).distortion(book(reference))


@primitive("perf-knn", arity=expected(2))
def perf_knn(data: Any, reference: Any, k: float = 1.0, flag: Any = None) -> Any:
    """Return the percentage of words labelled right by a reference, or (wrong undecided)."""
    right, wrong, undecided = book(data).error_rates(book(reference), integer(k))
    return right if flag is None else from_items([wrong, undecided])


# ---- training ----


@primitive("k-means")
def k_means(data: Any, k: float) -> Codebook:
    """Return k words by k-means, starting from the first k of the data."""
    return lisp_book(book(data).means(integer(k)))


@primitive("k-means-internal")
def k_means_internal(passes: float, data: Any, reference: Any) -> None:
    """Run some passes of k-means on a reference."""
    book(data).move_means(book(reference), integer(passes))


@primitive("learn-lvq")
def learn_lvq(
    version: float,
    data: Any,
    reference: Any,
    rounds: float,
    rate: float | None = None,
    window: float | None = None,
) -> None:
    """Move a reference by learning vector quantisation, version 1, 2 or 3."""
    if window is not None and integer(version) == 1:
        raise LispError("A window size cannot be specified with LVQ1")
    first = 0.1 if rate is None else float(real(rate))
    width = 0.01 if window is None else float(real(window))
    book(data).learn_lvq(integer(version), book(reference), integer(rounds), first, width)


@primitive("net-pull")
def net_pull(codebook: Any, index: float, point: Any, share: float) -> None:
    """Move a word a share of the way to a vector."""
    found = book(codebook)
    word = found.words[subscript(index, len(found))]
    word *= np.float32(1 - number(share))
    word += floats(point) * np.float32(share)


@primitive("net-topology")
def net_topology(result: Any, index: float, shape: Any, ring: Any) -> None:
    """Fill a vector with the distances of all places of a grid from one of them."""
    sizes = [integer(size) for size in items(shape)]
    places = np.indices(sizes).reshape(len(sizes), -1)
    steps = np.abs(places - places[:, [integer(index)]])
    if ring is not None:
        steps = np.minimum(steps, np.array(sizes)[:, None] - steps)
    matrix(result).array[:] = steps.sum(axis=0)
