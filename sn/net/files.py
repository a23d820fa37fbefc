"""Weight files of SN2.8, link by link, and their renumbering.

    binary   int magic 0x2d4f1c93, int count, int age, then int pre, int post, float weight
    old      the same with magic 0x2d4f1c91 and a learning rate after each weight
    ASCII    ".WEI count age", then lines "pre post weight"

A matrix file (SN: save-net without layers) of shorts holds weights in units of `SHORT`, in half
the bytes of floats: an extension.

Unit numbers are positions in the layers given when saving, from 1 on; 0 is the bias.
Source: sn28.md, section 3.3.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sn.errors import LispError
from sn.net.memory import Network

MAGIC = 0x2D4F1C93
OLD_MAGIC = 0x2D4F1C91
SHORT, LARGEST = np.float32(2**-12), 2**15 - 1  # unit of weights kept as shorts, greatest short
RECORD = np.dtype([("pre", "<i4"), ("post", "<i4"), ("weight", "<f4")])
OLD_RECORD = np.dtype([*RECORD.descr, ("epsilon", "<f4")])


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A weight file: unit count, age, and its records (epsilon is None in new files)."""

    units: int
    age: int
    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray
    epsilon: np.ndarray | None = None

    @classmethod
    def parse(cls, data: bytes) -> "WeightFile | None":
        """Read any of the three formats; None when it is none of them."""
        if data.startswith(b".WEI"):
            return cls._parse_text(data)
        if len(data) < 12:
            raise LispError("can't read for an unknown reason")
        magic, units, age = struct.unpack_from("<iii", data)
        if magic not in (MAGIC, OLD_MAGIC):
            return None
        record = RECORD if magic == MAGIC else OLD_RECORD
        table = np.frombuffer(data, record, (len(data) - 12) // record.itemsize, 12)
        epsilon = table["epsilon"] if magic == OLD_MAGIC else None
        return cls(units, age, table["pre"], table["post"], table["weight"], epsilon)

    @classmethod
    def _parse_text(cls, data: bytes) -> "WeightFile":
        fields = data.split()
        try:
            units, age = int(fields[1]), int(fields[2])
            table = np.array(fields[3:], dtype=np.float64)
        except (IndexError, ValueError):
            raise LispError("can't read for an unknown reason") from None
        table = table[: len(table) // 3 * 3].reshape(-1, 3)
        pre, post = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        return cls(units, age, pre, post, table[:, 2].astype(np.float32))


def _records(
    network: Network, layers: Sequence[np.ndarray]
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Return the unit count and the renumbered links of all links ever made between layers."""
    numbers = np.full(network.unit_limit, -1, dtype=np.int64)
    if layers:
        numbers[0] = 0
        chosen = np.concatenate(layers)
        count = len(chosen)
        for position, unit in enumerate(chosen, 1):
            if numbers[unit] >= 0:
                text = "cell referenced twice in 'save-net' listes"
                raise LispError(text, float(unit))
            numbers[unit] = position
    else:
        numbers[: network.unit_count] = np.arange(network.unit_count)
        count = network.unit_count - 1
    pre, post, slots = network.all_links()
    pre, post = numbers[pre], numbers[post]
    chosen = (pre >= 0) & (post >= 0)
    return count, pre[chosen], post[chosen], network.weights[slots[chosen]]


def weights_to_bytes(network: Network, layers: Sequence[np.ndarray], age: int) -> bytes:
    """Return a binary weight file of the links between layers, of all links without layers."""
    count, pre, post, weights = _records(network, layers)
    table = np.empty(len(pre), dtype=RECORD)
    table["pre"], table["post"], table["weight"] = pre, post, weights
    return struct.pack("<iii", MAGIC, count, age) + table.tobytes()


def weights_to_text(network: Network, layers: Sequence[np.ndarray], age: int) -> str:
    """Return an ASCII weight file."""
    count, pre, post, weights = _records(network, layers)
    rows = zip(pre.tolist(), post.tolist(), weights.tolist(), strict=True)
    lines = [f"{i:4d} {j:4d} {w:10.7f}\n" for i, j, w in rows]
    return f".WEI {count} {age}\n" + "".join(lines)


def load_weights(network: Network, layers: Sequence[np.ndarray], file: WeightFile) -> None:
    """Set the weights of the links between layers from a file."""
    numbers = np.concatenate([np.zeros(1, dtype=np.int64), *layers])
    if len(file.pre) and max(file.pre.max(), file.post.max()) >= len(numbers):
        raise LispError("illegal neuron number")
    pre, post = numbers[file.pre], numbers[file.post]
    links = network.find_all(pre, post)
    found = links >= 0
    stop = len(links) if found.all() else int(np.flatnonzero(~found)[0])
    for i in range(stop):
        network.weights[network.weight_of(links[i])] = file.weight[i]
        if file.epsilon is not None and network.newton:
            network.link_epsilons[links[i]] = file.epsilon[i]
    if stop < len(links):
        raise LispError("you should create the connections first")
