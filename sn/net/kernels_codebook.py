"""Nearest neighbours, k-means and learning vector quantisation in float32.

words (n, d) float32 are reference vectors, labels (n,) int32 their classes. Sums run in index
order, as in the original.
"""

import numpy as np

from sn.jit import kernel

LARGEST = np.float32(3.4028234663852886e38)


@kernel
def distance(a, b):
    """Squared Euclidean distance of two vectors."""
    total = np.float32(0)
    for i in range(a.shape[0]):
        step = a[i] - b[i]
        total = total + step * step
    return total


@kernel
def all_distances(x, words, result):
    """Squared distances of one vector to all words."""
    for i in range(words.shape[0]):
        result[i] = distance(x, words[i])


@kernel
def nearest(x, words):
    """Return the number of the nearest word, the first of several."""
    least = LARGEST
    best = -1
    for i in range(words.shape[0]):
        d = distance(x, words[i])
        if d < least:
            least = d
            best = i
    return best


@kernel
def nearest_two(x, words):
    """Return the numbers of the two nearest words."""
    least, second = LARGEST, LARGEST
    best, next_best = -1, -1
    for i in range(words.shape[0]):
        d = distance(x, words[i])
        if d < least:
            second, next_best = least, best
            least, best = d, i
        elif d < second:
            second, next_best = d, i
    return best, next_best


@kernel
def nearest_of_class(x, words, labels, label):
    """Return the numbers of the nearest word and of the nearest one of a class."""
    least, second = LARGEST, LARGEST
    best, of_class = -1, -1
    for i in range(words.shape[0]):
        d = distance(x, words[i])
        if d < least:
            least, best = d, i
        if labels[i] == label and d < second:
            second, of_class = d, i
    return best, of_class


@kernel
def exchange(x, order, i, j):
    """Exchange two entries of both arrays."""
    x[i], x[j] = x[j], x[i]
    order[i], order[j] = order[j], order[i]


@kernel
def partial_sort(x, order, k, stack):
    """Bring the k smallest distances to the front, in the order the original leaves them.

    Quicksort with a median of three; x (n + 1,) ends in a sentinel, stack (n + 3, 3) is
    scratch.
    """
    top = 1
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, x.shape[0] - 1, k
    while top > 0:
        top -= 1
        at, n, wanted = stack[top, 0], stack[top, 1], stack[top, 2]
        if n < 2:
            continue
        exchange(x, order, at + 1, at + (n >> 1))
        if x[at + 1] > x[at]:
            exchange(x, order, at + 1, at)
        if x[at] > x[at + n - 1]:
            exchange(x, order, at, at + n - 1)
        if x[at + 1] > x[at]:
            exchange(x, order, at + 1, at)
        pivot = x[at]
        low, high = 1, n - 1
        while True:
            low += 1
            while x[at + low] < pivot:
                low += 1
            high -= 1
            while x[at + high] > pivot:
                high -= 1
            if low > high:
                break
            exchange(x, order, at + low, at + high)
        exchange(x, order, at, at + high)
        if low >= wanted:
            stack[top, 0], stack[top, 1], stack[top, 2] = at, high, wanted
            top += 1
        else:
            stack[top, 0], stack[top, 1], stack[top, 2] = at, high, high
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2] = at + low, n - low, wanted - high
            top += 1


@kernel
def distortion(data, words):
    """Mean squared distance of data to their nearest words."""
    total = np.float32(0)
    for i in range(data.shape[0]):
        total = total + distance(data[i], words[nearest(data[i], words)])
    return total / np.float32(data.shape[0])


@kernel
def k_means(data, words, used, passes):
    """Move words to the running mean of what is nearest to them, until nothing improves.

    used (words,) int64 counts what each word has seen, and begins at 1.
    """
    now, before = np.float32(1), LARGEST
    done = 0
    while now > 0.00001 and (before - now) / now > 0.0001:
        if done > 0:
            before = now
        for i in range(data.shape[0]):
            best = 1
            least = LARGEST
            for j in range(words.shape[0]):
                d = distance(words[j], data[i])
                if d < least:
                    least = d
                    best = j
            if least != np.float32(0):
                share = np.float32(used[best])
                for c in range(data.shape[1]):
                    moved = share * words[best, c] + data[i, c]
                    words[best, c] = moved / np.float32(used[best] + 1)
                used[best] += 1
        done += 1
        if done >= passes:
            break
        now = distortion(data, words)


@kernel
def pull(word, x, rate):
    """Move a word away from a vector, or towards it when the rate is negative."""
    for c in range(word.shape[0]):
        word[c] = word[c] - rate * (x[c] - word[c])


@kernel
def inside_window(a, b, x, width):
    """Tell whether a vector lies near the middle between two words."""
    along = np.float32(0)
    span = np.float32(0)
    for c in range(a.shape[0]):
        across = b[c] - a[c]
        span = span + across * across
        along = along + (x[c] - a[c]) * across
    return abs(np.float32(2) * along - span) <= width * span


@kernel
def learn_lvq(version, data, labels, words, word_labels, rounds, first_rate, width):
    """Run LVQ1, LVQ2 or LVQ3; return -1, or the number of data whose class has no word.

    In LVQ1 a right answer is rewarded with the rate of the latest wrong one.
    """
    rate = np.float32(0)
    one = np.float32(1)
    for round_ in range(rounds):
        for i in range(data.shape[0]):
            x, label = data[i], labels[i]
            if version == 1:
                best = nearest(x, words)
                if label != word_labels[best]:
                    rate = first_rate * (one - np.float32(round_) / np.float32(rounds))
                    pull(words[best], x, rate)
                else:
                    pull(words[best], x, -rate)
                continue
            if version == 2:
                best, other = nearest_two(x, words)
            else:
                best, other = nearest_of_class(x, words, word_labels, label)
            if label == word_labels[best]:
                continue
            if version == 3 and other < 0:
                return i
            if version == 2 and (other < 0 or label != word_labels[other]):
                continue
            if inside_window(words[best], words[other], x, width):
                rate = first_rate * (one - np.float32(round_) / np.float32(rounds))
                pull(words[best], x, rate)
                pull(words[other], x, -rate)
    return -1
