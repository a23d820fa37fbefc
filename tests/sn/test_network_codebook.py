"""Codebooks against numbers measured on the original."""

import numpy as np
import pytest

from sn.errors import LispError
from sn.net.codebook import Codebook
from sn.net.random import Generator

SMALL = [[0, 0], [0.25, 1], [1, 0.5], [0.5, 0.75], [5, 5], [5.5, 6], [6, 5.25], [5.25, 4.5]]
SMALL += [[2.5, 2.5], [3, 2], [-1, 0.5], [4.5, 5.5]]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 0, 1]


def small():
    return Codebook(np.array(SMALL, dtype=np.float32), LABELS)


def clouds():
    generator = Generator(17)
    words = np.zeros((60, 2), dtype=np.float32)
    for n in range(60):
        words[n, 0] = 10 * (3 * (n % 3) + generator.gauss())
        words[n, 1] = 10 * (generator.gauss() - n % 3)
    return Codebook(words, [n % 3 for n in range(60)])


def class_means(book, k):
    parts = [Codebook.selected([book], lambda label, c=c: label == c) for c in book.classes()]
    return Codebook.merged([part.means(k) for part in parts])


def shown(words):
    return [f"{x:.9g}" for x in words.ravel().tolist()]


def test_neighbours_come_in_the_order_of_the_original():
    assert small().neighbours([2.75, 2.25], 5) == [8, 9, 2, 1, 3]
    assert (small().vote([2.75, 2.25], 3), small().vote([2.75, 2.25], 1)) == (2, 2)


def test_means_of_classes():
    reference = class_means(clouds(), 3)
    first = ["11.6345387", "17.0516052", "7.03560877", "-8.81080341"]
    assert shown(reference.words)[:4] == first
    assert reference.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("version", "arguments", "word", "expected"),
    [
        (1, (40,), 3, ["25.4993095", "-13.5658798"]),
        (1, (20, 0.3), 6, ["53.5847969", "-25.2149925"]),
        (2, (20, 0.2, 0.6), 6, ["50.5551949", "-13.8173237"]),
        (3, (40,), 3, ["21.7607155", "-12.1303234"]),
    ],
)
def test_vector_quantisation(version, arguments, word, expected):
    book = clouds()
    reference = class_means(book, 3)
    book.learn_lvq(version, reference, *arguments)
    assert shown(reference.words[word]) == expected


def test_performance_of_neighbours():
    book = clouds()
    data, reference = book.part(18, 35), book.part(0, 17)
    rates = [data.error_rates(reference, k)[0] for k in (1, 3, 5)]
    assert [f"{rate:.4f}" for rate in rates] == ["83.3333", "83.3333", "88.8889"]


def test_files_keep_words_and_labels():
    part = Codebook(np.float32([[0, 0], [0, 1], [1, 0]]))
    expected = "0300000002000000000000000000000000000000000000000000803f000000000000803f"
    assert part.to_bytes().hex() == expected + "0000000000000000"
    for book in (
        Codebook.from_bytes(small().to_bytes()),
        Codebook.from_text(small().to_text()),
    ):
        assert np.array_equal(book.words, small().words)
        assert book.labels.tolist() == LABELS
    with pytest.raises(LispError, match="Malformed file"):
        Codebook.from_bytes(small().to_bytes()[:-1])


def test_parts_share_memory():
    book = small()
    book.part(2, 3).words[0, 0] = 9
    assert book.words[2, 0] == 9
    with pytest.raises(LispError, match="Illegal subscript"):
        book.part(3, 12)


def test_means_of_close_points_do_not_overflow():
    words = np.float32([[0, 0], [1, 1], [0, 0.01], [1, 1.01], [0.02, 0]])
    means = Codebook(words).means(2).words
    assert np.allclose(means, [[0.007, 0.003], [1, 1.005]], atol=0.005)
