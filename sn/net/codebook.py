"""Codebooks: labelled reference vectors, their neighbours and their training.

Source: sn28.md, section 4.2 (L8). A codebook made of a matrix shares its memory.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sn.errors import LispError
from sn.net import kernels_codebook as kernels

MOST_WORDS = 10_000_000
WIDEST = 100_000


class Codebook:
    """Reference vectors `words`, float32 (n, d), and their classes `labels`, int32 (n,).

    `matrix` is the Lisp matrix the words belong to, where there is one.

    >>> book = Codebook(np.float32([[0, 0], [4, 4], [0, 2]]), [0, 1, 0])
    >>> book.neighbours([1, 1], 2), book.vote([3, 3], 1), book.classes()
    ([0, 2], 1, [0, 1])
    """

    def __init__(
        self,
        words: np.ndarray,
        labels: Sequence[int] | None = None,
        matrix: Callable[..., Any] | None = None,
    ) -> None:
        if words.ndim != 2 or words.dtype != np.float32:
            raise LispError("not a 2-dimensional float matrix")
        self.words = words
        self.labels = np.zeros(len(words), dtype=np.int32)
        if labels is not None:
            if len(labels) != len(words):
                raise LispError("illegal dimension #0")
            self.labels[:] = labels
        self.matrix = matrix

    def __call__(self, *subscripts: Any) -> Any:
        """Read or write as the matrix of words does: a codebook is called like a matrix."""
        return self.matrix(*subscripts)

    def sn_show(self, column: int = 0) -> str:
        """Return the printed form."""
        return f"::CODEBOOK:{len(self)}x{self.width}"

    @classmethod
    def empty(cls, count: int, width: int) -> "Codebook":
        """Make a codebook of zero vectors."""
        if not 1 <= width <= WIDEST:
            raise LispError("Word dimension is incorrect", width)
        if not 0 <= count <= MOST_WORDS:
            raise LispError("Codebook size is incorrect", count)
        return cls(np.zeros((count, width), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def width(self) -> int:
        """How many numbers a word has."""
        return self.words.shape[1]

    # ---- parts ----

    def part(self, first: int, last: int) -> "Codebook":
        """Return words first...last, sharing their memory (SN: codebook-split)."""
        if first > last or first < 0 or last >= len(self):
            raise LispError("Illegal subscript")
        return Codebook(self.words[first : last + 1], self.labels[first : last + 1])

    @staticmethod
    def merged(books: Sequence["Codebook"]) -> "Codebook":
        """Return all words of several codebooks, copied (SN: codebook-merge)."""
        if any(book.width != books[0].width for book in books):
            raise LispError("Codebook items have different sizes")
        words = np.concatenate([book.words for book in books])
        return Codebook(words, np.concatenate([book.labels for book in books]))

    @staticmethod
    def selected(books: Sequence["Codebook"], wanted: Callable[[int], bool]) -> "Codebook":
        """Return the words whose label is wanted (SN: codebook-select)."""
        whole = Codebook.merged(books)
        chosen = [i for i, label in enumerate(whole.labels.tolist()) if wanted(label)]
        return Codebook(whole.words[chosen], whole.labels[chosen])

    def classes(self) -> list[int]:
        """Return the labels in use, rising."""
        self.label_count()
        return sorted(set(self.labels.tolist()))

    def label_count(self) -> int:
        """Return the largest label plus one."""
        for i in np.flatnonzero(self.labels < 0):
            raise LispError("Codebook labels is negative for item", int(i))
        return int(self.labels.max(initial=-1)) + 1

    # ---- neighbours ----

    def _vector(self, x: Sequence[float]) -> np.ndarray:
        vector = np.asarray(x, dtype=np.float32)
        if vector.shape != (self.width,):
            raise LispError("Vector and codebook have different sizes")
        return np.ascontiguousarray(vector)

    def distances(self, x: Sequence[float]) -> np.ndarray:
        """Return the squared distances to all words, float32 (n,)."""
        result = np.empty(len(self), dtype=np.float32)
        kernels.all_distances(self._vector(x), self.words, result)
        return result

    def neighbours(self, x: Sequence[float], k: int) -> list[int]:
        """Return the k nearest words; from three on, in the order of a partial quicksort."""
        vector = self._vector(x)
        if k == 1:
            return [int(kernels.nearest(vector, self.words))]
        if k == 2:
            return [int(i) for i in kernels.nearest_two(vector, self.words)]
        if k > len(self):
            raise LispError("Reference codebook is too small")
        size = len(self)
        order = np.arange(size + 1)
        distances = np.append(self.distances(vector), np.float32(np.inf))
        stack = np.zeros((size + 3, 3), dtype=np.int64)
        kernels.partial_sort(distances, order, k, stack)
        return order[:k].tolist()

    def vote(self, x: Sequence[float], k: int) -> int:
        """Return the class most of the k nearest words have, -1 in case of a tie."""
        counts = np.zeros(self.label_count(), dtype=np.int64)
        for i in self.neighbours(x, k):
            counts[self.labels[i]] += 1
        best = int(counts.argmax())
        return best if np.count_nonzero(counts == counts[best]) == 1 else -1

    def error_rates(self, reference: "Codebook", k: int) -> tuple[float, float, float]:
        """Classify every word by a reference; return percent right, wrong and undecided."""
        if k < 1:
            raise LispError("k must be larger than 1", k)
        self._check(reference)
        votes = np.array([reference.vote(word, k) for word in self.words])
        undecided = np.count_nonzero(votes == -1)
        wrong = np.count_nonzero((votes != -1) & (votes != self.labels))
        count = np.float32(len(self))
        wrong = np.float32(wrong * 100) / count
        undecided = np.float32(undecided * 100) / count
        return float(np.float32(100) - wrong - undecided), float(wrong), float(undecided)

    # ---- training ----

    def _check(self, other: "Codebook") -> None:
        if self.width != other.width:
            raise LispError("Codebooks have different sizes")

    def distortion(self, reference: "Codebook") -> float:
        """Return the mean squared distance to the nearest reference words."""
        if self.width != reference.width:
            raise LispError("Codebook dimension mismatch")
        return float(kernels.distortion(self.words, reference.words))

    def move_means(self, reference: "Codebook", passes: int = 32768) -> None:
        """Run k-means on these data, moving the reference (SN: k-means-internal)."""
        if len(reference) > len(self):
            raise LispError("Not enough patterns in codebook")
        if self.width != reference.width:
            raise LispError("Codebooks have different widths")
        used = np.ones(len(reference), dtype=np.int64)
        with np.errstate(over="ignore"):
            kernels.k_means(self.words, reference.words, used, passes)

    def means(self, k: int) -> "Codebook":
        """Return k means of these data, starting from the first k words (SN: k-means)."""
        if k < 1:
            raise LispError("k must be larger than 1", k)
        if k > len(self):
            raise LispError("Not enough patterns in codebook")
        reference = Codebook(self.words[:k].copy(), self.labels[:k])
        self.move_means(reference)
        return reference

    def learn_lvq(
        self,
        version: int,
        reference: "Codebook",
        rounds: int,
        rate: float = 0.1,
        window: float = 0.01,
    ) -> None:
        """Move a reference by learning vector quantisation, version 1, 2 or 3."""
        self._check(reference)
        if version not in (1, 2, 3):
            raise LispError("This version of LVQ is not implemented", version)
        missing = kernels.learn_lvq(
            version,
            self.words,
            self.labels,
            reference.words,
            reference.labels,
            rounds,
            np.float32(rate),
            np.float32(window),
        )
        if missing >= 0:
            label = int(self.labels[missing])
            raise LispError("Class not represented in the references", label)

    # ---- files ----

    def to_bytes(self) -> bytes:
        """Return the binary file: counts, then each word and its label."""
        record = np.dtype([("word", "<f4", (self.width,)), ("label", "<i4")])
        table = np.empty(len(self), dtype=record)
        table["word"], table["label"] = self.words, self.labels
        return struct.pack("<ii", len(self), self.width) + table.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Codebook":
        """Read a binary file."""
        if len(data) < 8:
            raise LispError("Illegal file format")
        count, width = struct.unpack_from("<ii", data)
        if not (1 <= count <= MOST_WORDS and 1 <= width <= WIDEST):
            raise LispError("Illegal file format")
        record = np.dtype([("word", "<f4", (width,)), ("label", "<i4")])
        if len(data) < 8 + count * record.itemsize:
            raise LispError("Malformed file")
        table = np.frombuffer(data, record, count, 8)
        words = np.ascontiguousarray(table["word"], dtype=np.float32)
        return cls(words.reshape(count, width), table["label"])

    def to_text(self) -> str:
        """Return the ASCII file: counts, then each word and its label on lines of their own."""
        lines = [f"{len(self)}\n{self.width}\n"]
        for word, label in zip(self.words.tolist(), self.labels.tolist(), strict=True):
            lines.append("".join(f"{x:f}  " for x in word) + f"\n{label}\n")
        return "".join(lines)

    @classmethod
    def from_text(cls, text: str) -> "Codebook":
        """Read an ASCII file."""
        fields = text.split()
        try:
            count, width = int(fields[0]), int(fields[1])
        except (IndexError, ValueError):
            raise LispError("Illegal file format") from None
        if not (1 <= count <= MOST_WORDS and 1 <= width <= WIDEST):
            raise LispError("Illegal file format")
        if len(fields) < 2 + count * (width + 1):
            raise LispError("Malformed file")
        try:
            table = np.array(fields[2 : 2 + count * (width + 1)], dtype=np.float64)
        except ValueError:
            raise LispError("Malformed file") from None
        table = table.reshape(count, width + 1)
        return cls(table[:, :width].astype(np.float32), table[:, width].astype(np.int32))
