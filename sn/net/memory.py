"""The network memory of SN2.8: units, links and weights addressed by small integers.

Unit 0 is the bias; its state is 1. A link goes from one unit to another and carries a weight.
In the *iterative* kernels several links may share a weight; otherwise weight and link have
the same number. In the *newton* kernels the learning rate belongs to the link and second
derivatives are kept; otherwise it belongs to the unit. The topology may change at any time.

    kernel      iterative newton
    sn28        no        no        netold, tsp, knnenv
    sn28ite     yes       no        shared weights
    sn28new     no        yes       second order
    sn28itenew  yes       yes       everything

Links are numbered in order of creation and never renumbered; a link that was cut keeps its
number. Kernels walk them unit by unit, *newest first*, as the original did (`LinkLists`).
What moves states and weights is in `sn.net.engine`; this module keeps the topology.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sn.errors import LispError
from sn.net.kernels_links import append_links, find_link, find_links, list_links, remove_link
from sn.net.nlf import NLF
from sn.net.random import Generator
from sn.net.steps import Steps

# Numbers of the unit fields, as Lisp programs use them (n-val ... n-spare3).
VALUE, SUM, GRADIENT, BACKSUM, EPSILON = 1, 2, 3, 4, 5
GGRADIENT, SQBACKSUM, SIGMA, SPARE1, SPARE2, SPARE3 = 8, 9, 10, 11, 12, 13
# Numbers of the link fields (s-val ... s-hess).
LINK_VALUE, LINK_DELTA, LINK_ACC, LINK_EPSILON, LINK_SIGMA, LINK_HESS = 1, 2, 3, 4, 5, 6

KERNELS = {
    "sn28": (False, False),
    "sn28ite": (True, False),
    "sn28new": (False, True),
    "sn28itenew": (True, True),
}
# Bytes of a unit, a link and a weight in the original: what alloc-net returns.
BYTES = {
    (False, False): (64, 40, 0),
    (True, False): (64, 40, 16),
    (False, True): (72, 48, 0),
    (True, True): (72, 48, 20),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer declared by `define-net`: its units, its transfer function and its kind.

    nlf and slope are None where the layer follows the Lisp variables nlf and dnlf.
    """

    name: str
    units: np.ndarray
    nlf: NLF | None
    euclidean: bool = False
    slope: NLF | None = None
    maximum: bool = False
    dropout: float = 0.0

    @property
    def compiled_only(self) -> bool:
        """Whether it runs in compiled nets alone."""
        return self.maximum or self.dropout > 0


@dataclass(frozen=True, slots=True)
class LinkLists:
    """The links of every unit, newest first, as kernels walk them.

    The list of unit u is table[:, starts[u]:starts[u + 1]]; the rows of the table, int32, are
    the unit at the other end, the weight and the number of each link.
    """

    starts: np.ndarray
    table: np.ndarray


class Network:
    """Units, links and weights in plain arrays; every change of topology changes `version`.

    Attributes
    ----------
    fields : float32 (14, unit_limit)
        The unit fields by field number; `values`, `sums`, `gradients` are rows.
    W : float32 (5, slots)
        What kernels know of weights; the rows, up to `slot_count`, are `weights`, `deltas`,
        `accumulators`, `hessians` and `counters`.
    link_fields : float32 (2, link_limit)
        Learning rates and running second derivatives of links (newton kernels); the rows, up to
        `link_count`, are `link_epsilons` and `link_sigmas`.
    kinds : uint8 (unit_limit,)
        0 for a regular unit, 1 for a Euclidean one, whose sum is a squared distance.
    steps : Steps
        Steps that wait; they run when one of these arrays is asked for.
    known_layers : dict
        Unit numbers of lists seen before (`sn.primitives.network_arguments.units`).
    layers : list of Layer
        What `define-net` declared, from the input on.
    compiled : tuple (version, program) or None
        The layer program that `compile-net` made of one version of this network.
    standard, choices, criterion : dict, list, str
        Hooks of the library as it defined them, and the name of the criterion: while they are
        unchanged, `(learn n)` and `(perf)` may run in one call.
    """

    def __init__(self, kernel: str = "sn28", generator: Generator | None = None) -> None:
        self.generator = generator or Generator()
        self.version = 0
        self.kernel = kernel
        self.iterative, self.newton = KERNELS[kernel]
        self.layers: list[Layer] = []
        self.standard: dict[str, Any] = {}
        self.choices: list[Any] = []
        self.criterion = ""
        self.compiled: tuple[int, Any] | None = None
        self.steps = Steps()
        self.known_layers: dict[int, tuple] = {}
        self.every_unit = np.zeros(0, np.int32)
        self.allocate(0, 0)

    def set_kernel(self, kernel: str) -> None:
        """Become one of the four kernels; the memory is freed."""
        self.kernel = kernel
        self.iterative, self.newton = KERNELS[kernel]
        self.allocate(0, 0)

    # ---- allocation ----

    def allocate(self, units: int, links: int, weights: int | None = None) -> int:
        """Free everything and reserve room (SN: alloc-net); return the size in bytes."""
        weights = links if weights is None else weights
        if min(units, links, weights) < 0:
            raise LispError("illegal negative value")
        if weights > links:
            raise LispError("you never need more weights than connections")
        self.unit_limit, self.link_limit, self.weight_limit = units, links, weights
        self._table_size = 4
        while 2 * self._table_size < 3 * links:
            self._table_size *= 2
        self._pre = np.zeros(links, dtype=np.int32)
        self._post = np.zeros(links, dtype=np.int32)
        self._slots = np.zeros(links, dtype=np.int32)
        self._alive = np.zeros(links, dtype=np.bool_)
        self.clear()
        return self.size

    @property
    def size(self) -> int:
        """The bytes the original takes for this much room."""
        unit_bytes, link_bytes, weight_bytes = BYTES[self.iterative, self.newton]
        size = self.unit_limit * unit_bytes + self.link_limit * link_bytes
        return size + self.weight_limit * weight_bytes

    def clear(self) -> None:
        """Drop all units and links but keep the room (SN: |clear_net|)."""
        self.steps.forget()
        self.known_layers.clear()
        self.unit_count = min(self.unit_limit, 1)
        self.link_count = 0
        self.weight_count = 0
        self._places = np.zeros(self._table_size, dtype=np.int32)
        self._alive[:] = False
        self._fields = np.zeros((14, self.unit_limit), dtype=np.float32)
        if self.unit_limit:
            self._fields[VALUE, 0] = 1.0
        slots = self.weight_limit if self.iterative else self.link_limit
        self._W = np.zeros((5, slots), dtype=np.float32)
        self._link_fields = np.zeros((2, self.link_limit), dtype=np.float32)
        self._kinds = np.zeros(self.unit_limit, dtype=np.uint8)
        self.all_euclidean = np.ones(self.unit_limit, dtype=np.uint8)
        self.layers = []
        self.compiled = None
        self._changed()

    def new_units(self, count: int) -> range:
        """Take fresh units (SN: newneurons) and return their numbers."""
        if count <= 0:
            raise LispError("illegal negative value")
        first = self.unit_count
        if first + count > self.unit_limit:
            raise LispError("too many neurons")
        self.settle()
        self.unit_count += count
        self._changed()
        return range(first, self.unit_count)

    # ---- arrays ----

    def settle(self) -> None:
        """Run the steps that wait (see `sn.net.steps`); every way to the arrays does it."""
        if self.steps.waiting:
            self.steps.run(self)

    @property
    def fields(self) -> np.ndarray:
        """The unit fields by field number, float32 (14, unit_limit)."""
        if self.steps.waiting:
            self.steps.run(self)
        return self._fields

    @property
    def W(self) -> np.ndarray:  # noqa: N802 - the name kernels use
        """What kernels know of weights, float32 (5, slots)."""
        if self.steps.waiting:
            self.steps.run(self)
        return self._W

    @property
    def link_fields(self) -> np.ndarray:
        """Learning rates and running second derivatives of links, float32 (2, link_limit)."""
        if self.steps.waiting:
            self.steps.run(self)
        return self._link_fields

    @property
    def kinds(self) -> np.ndarray:
        """0 for a regular unit, 1 for a Euclidean one, uint8 (unit_limit,)."""
        if self.steps.waiting:
            self.steps.run(self)
        return self._kinds

    @property
    def values(self) -> np.ndarray:
        """States of the units, float32 (unit_limit,)."""
        return self.fields[VALUE]

    @property
    def sums(self) -> np.ndarray:
        """Weighted sums of the units."""
        return self.fields[SUM]

    @property
    def gradients(self) -> np.ndarray:
        """Minus the derivative of the error by the weighted sums."""
        return self.fields[GRADIENT]

    @property
    def slot_count(self) -> int:
        """How many weights there are: shared ones when iterative, else one per link."""
        return self.weight_count if self.iterative else self.link_count

    @property
    def weights(self) -> np.ndarray:
        """The weights, a live view, float32 (slot_count,)."""
        return self.W[0, : self.slot_count]

    @property
    def deltas(self) -> np.ndarray:
        """The last weight changes."""
        return self.W[1, : self.slot_count]

    @property
    def accumulators(self) -> np.ndarray:
        """Accumulated gradients of the weights (iterative kernels)."""
        return self.W[2, : self.slot_count]

    @property
    def hessians(self) -> np.ndarray:
        """Accumulated second derivatives of the weights."""
        return self.W[3, : self.slot_count]

    @property
    def counters(self) -> np.ndarray:
        """How many links share each weight (iterative kernels)."""
        return self.W[4, : self.slot_count]

    @property
    def epsilons(self) -> np.ndarray:
        """Learning rates: by link in the newton kernels, by unit otherwise."""
        return self.link_epsilons if self.newton else self.fields[EPSILON]

    @property
    def link_epsilons(self) -> np.ndarray:
        """Learning rates by link number (newton kernels)."""
        return self.link_fields[0, : self.link_count]

    @property
    def link_sigmas(self) -> np.ndarray:
        """Running second derivatives by link number (newton kernels)."""
        return self.link_fields[1, : self.link_count]

    def links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (pre, post, weight) of the live links in order of creation, int32."""
        n = self.link_count
        live = self._alive[:n]
        if live.all():
            return self.all_links()
        return self._pre[:n][live], self._post[:n][live], self._slots[:n][live]

    def all_links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (pre, post, weight) of all links ever made, cut ones too, int32."""
        n = self.link_count
        return self._pre[:n], self._post[:n], self._slots[:n]

    @property
    def euclidean(self) -> set[int]:
        """The numbers of the Euclidean units."""
        return set(np.flatnonzero(self.kinds).tolist())

    # ---- links ----

    def touch(self) -> None:
        """Note a change of kinds or layers, which keeps the links."""
        self.version += 1

    def _changed(self) -> None:
        self.version += 1
        self._incoming: LinkLists | None = None
        self._outgoing: LinkLists | None = None
        if len(self.every_unit) != self.unit_count:
            self.every_unit = np.arange(self.unit_count, dtype=np.int32)

    def _check_units(self, *blocks: np.ndarray) -> None:
        for units in blocks:  # negative numbers are large ones here
            if len(units) and units.view(np.uint32).max() >= self.unit_count:
                raise LispError("illegal neuron number")

    def find(self, pre: int, post: int) -> int:
        """Return the number of the link between two units, or -1."""
        if not (0 <= pre < self.unit_count and 0 <= post < self.unit_count):
            raise LispError("illegal neuron number")
        return int(find_link(self._places, self._pre, self._post, pre, post))

    def find_all(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Return the numbers of many links, -1 where there is none."""
        links = np.empty(len(pre), dtype=np.int64)
        find_links(self._places, self._pre, self._post, pre, post, links)
        return links

    def weight_of(self, link: int) -> int:
        """Return the number of the weight of a link."""
        return int(self._slots[link])

    def connect(self, pre: int, post: int, value: float = 0.0, epsilon: float = 0.0) -> None:
        """Make one link with a weight of its own."""
        self.connect_blocks([pre], [post], value, epsilon)

    def connect_all(self, pre: Iterable[int], post: Iterable[int]) -> None:
        """Link every unit of one list to every unit of another, the first list outermost."""
        pre, post = np.asarray(pre, dtype=np.int32), np.asarray(post, dtype=np.int32)
        self.connect_blocks(np.repeat(pre, len(post)), np.tile(post, len(pre)))

    def connect_blocks(
        self,
        pre: Iterable[int],
        post: Iterable[int],
        value: float = 0.0,
        epsilon: float = 0.0,
    ) -> None:
        """Append links pre[i] -> post[i], each with a fresh weight."""
        pre, post = np.asarray(pre, dtype=np.int32), np.asarray(post, dtype=np.int32)
        first = self.link_count
        room = self.weight_limit - self.weight_count if self.iterative else len(pre)
        done = self._append(pre[:room], post[:room], epsilon)
        if self.iterative:
            slot = self.weight_count
            self.weight_count += done
        else:
            slot = first
        self._slots[first : first + done] = np.arange(slot, slot + done)
        fresh = self.W[:, slot : slot + done]
        fresh[:3] = 0.0
        fresh[0] = value
        fresh[4] = 1.0
        self._finish_append("this connection exists already", done, len(pre), room)

    def share_blocks(
        self,
        source_pre: Iterable[int],
        source_post: Iterable[int],
        pre: Iterable[int],
        post: Iterable[int],
        value: float | None = None,
        epsilon: float = 0.0,
    ) -> None:
        """Append links pre[i] -> post[i] that share the weights of existing links."""
        pre, post = np.asarray(pre, dtype=np.int32), np.asarray(post, dtype=np.int32)
        source_pre = np.asarray(source_pre, dtype=np.int32)
        source_post = np.asarray(source_post, dtype=np.int32)
        self._check_units(source_pre, source_post, pre, post)
        sources = self.find_all(source_pre, source_post)
        missing = np.flatnonzero(sources < 0)
        room = int(missing[0]) if len(missing) else len(pre)
        self.share_weights(self._slots[sources[:room]], pre[:room], post[:room], value, epsilon)
        if room < len(pre):
            raise LispError("the source connection does'nt exist")

    def share_weights(
        self,
        slots: Iterable[int],
        pre: Iterable[int],
        post: Iterable[int],
        value: float | None = None,
        epsilon: float = 0.0,
    ) -> None:
        """Append links pre[i] -> post[i] that use the existing weights slots[i].

        A value is averaged into the weight, which counts for as many values as it has links.
        """
        slots = np.asarray(slots, dtype=np.int32)
        pre, post = np.asarray(pre, dtype=np.int32), np.asarray(post, dtype=np.int32)
        first = self.link_count
        done = self._append(pre, post, epsilon)
        used = slots[:done]
        self._slots[first : first + done] = used
        values, counters = self.W[0], self.W[4]
        if value is not None:
            for slot in used:
                total = np.float32(value) + counters[slot] * values[slot]
                values[slot] = total / (counters[slot] + np.float32(1))
        self.W[1:3, used] = 0.0
        np.add.at(counters, used, np.float32(1))
        self._finish_append("the target connection exists already", done, len(pre), len(pre))

    def _append(self, pre: np.ndarray, post: np.ndarray, epsilon: float) -> int:
        """Enter links up to the first duplicate or the end of the room; return how many."""
        self.settle()
        self._check_units(pre, post)
        first, room = self.link_count, self.link_limit - self.link_count
        done = int(
            append_links(self._places, self._pre, self._post, pre[:room], post[:room], first)
        )
        self._alive[first : first + done] = True
        if epsilon:  # else they are 0, and the pages are not touched
            self.link_fields[0, first : first + done] = epsilon
        self.link_count += done
        self._changed()
        return done

    def _finish_append(self, message: str, done: int, wanted: int, weight_room: int) -> None:
        """Report why not all links could be made, after those that could."""
        if done == wanted:
            return
        if self.link_count >= self.link_limit:
            raise LispError("too many connections")
        if done >= weight_room:
            raise LispError("too many weights")
        raise LispError(message)

    def cut(self, pre: int, post: int) -> None:
        """Remove a link from the lists (SN: cut-connection); the counts stay."""
        if not (0 <= pre < self.unit_count and 0 <= post < self.unit_count):
            raise LispError("Illegal neuron number")
        link = self.find(pre, post)
        if link < 0:
            raise LispError("Synapse not found")
        self.settle()
        remove_link(self._places, self._pre, self._post, pre, post)
        self._alive[link] = False
        slot = self._slots[link]
        if self.iterative:
            self.counters[slot] -= np.float32(1)
            if self.counters[slot] == 0:
                self.weights[slot] = 0.0
                self.accumulators[slot] = 0.0
        else:
            self.weights[slot] = 0.0
        self._changed()

    def redirect(self, link: int, slot: int) -> None:
        """Make a link use another weight (SN: sindex)."""
        if slot >= self.weight_limit:
            raise LispError("out of range")
        self.settle()
        self.W[4, self._slots[link]] -= np.float32(1)
        self._slots[link] = slot
        self.W[4, slot] += np.float32(1)
        self._changed()

    def weights_of(self, links: np.ndarray) -> np.ndarray:
        """Return the numbers of the weights of links."""
        return self._slots[links]

    # ---- lists ----

    def _lists(self, near: np.ndarray, far: np.ndarray) -> LinkLists:
        n = self.link_count
        starts = np.zeros(self.unit_limit + 1, dtype=np.int32)
        links = np.empty(int(np.count_nonzero(self._alive[:n])), dtype=np.int32)
        list_links(near[:n], self._alive[:n], starts, links)
        return LinkLists(
            starts, np.stack([far[links], self._slots[links], links]).astype(np.uint32)
        )

    @property
    def incoming(self) -> LinkLists:
        """The links into every unit, newest first."""
        if self._incoming is None:
            self._incoming = self._lists(self._post, self._pre)
        return self._incoming

    @property
    def outgoing(self) -> LinkLists:
        """The links out of every unit, newest first."""
        if self._outgoing is None:
            self._outgoing = self._lists(self._pre, self._post)
        return self._outgoing

    def into(self, unit: int) -> np.ndarray:
        """Return the numbers of the links into a unit, newest first."""
        lists = self.incoming
        return lists.table[2, lists.starts[unit] : lists.starts[unit + 1]]

    def fan_in(self, units: np.ndarray) -> np.ndarray:
        """Return how many links lead into units."""
        starts = self.incoming.starts
        return starts[units + 1] - starts[units]

    def upstream(self, unit: int) -> list[int]:
        """Return the units that feed a unit, oldest link first (SN: amont)."""
        lists = self.incoming
        return lists.table[0, lists.starts[unit] : lists.starts[unit + 1]][::-1].tolist()

    def downstream(self, unit: int) -> list[int]:
        """Return the units a unit feeds, oldest link first (SN: aval)."""
        lists = self.outgoing
        return lists.table[0, lists.starts[unit] : lists.starts[unit + 1]][::-1].tolist()
