"""Networks by name: an SN script is run, its network compiled, its weights loaded.

A script of ``lenet/nets`` builds a network and sets what training needs to know:

    training-data       a set of `lenet.data`; "mnist" unless set
    training-cost       "squared", "likelihood", "posterior" or "softmax" (see `sn.net.program`)
    training-rubbish    the constant j of "posterior"
    training-frozen     layers whose incoming weights stay as they are
    training-rule       "levenberg", stochastic diagonal Levenberg-Marquardt, unless set; or
                        "gradient", "adam" or "muon" (see `sn.net.program`), at the rates that
                        (initialize) gives the units
    training-mu         the damping of the diagonal Levenberg-Marquardt rule
    training-batch      patterns for each step, 0 (at once, pattern by pattern) unless set
    training-momentum training-decay    of mini-batches, 0 unless set
    training-least      patterns of a lower energy are not learned from, 0 unless set
    training-last       passes at the end that learn from all patterns, 0 unless set
    training-plain      passes at the end that see no distortions, 0 unless set
    training-order      "shuffled" once by the seed, unless set; "anew" for every pass; "given"
    training-schedule   ((passes eta) ...)
    training-short      true: weight files hold shorts, in units of 1/4096, instead of floats
    retina-paper retina-ink      inputs of white and black, -0.1 and 1.175 unless set
    retina-scaled                rows to which images are resampled first
    retina-deslanted             true: slanted images are sheared upright first
    (initialize)        draws new weights

A script may name a committee instead of building a network:

    committee           scripts of its members, as '("lenet4" "lenet4" "lenet4")
    training-boosted    true: every member learns what those before it find hard
"""

import difflib
import hashlib
import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenet import kept, scripts
from lenet.data import INK, PAPER, Retina
from lenet.scripts import NetworkError
from sn import idxfile
from sn.errors import LispError
from sn.interpreter import Interpreter
from sn.matrix import Matrix
from sn.net.files import LARGEST, SHORT
from sn.net.plan import Lowered
from sn.net.program import LayerProgram, compile_built

NETS = Path(__file__).parent / "nets"
WEIGHTS = Path(__file__).parent / "weights"
# Scripts that define no network:
LIBRARY = ("champion-recipe", "ladder", "maps", "prototypes", "toy")


def names() -> list[str]:
    """Return the names of the networks that come with the program."""
    return sorted(f.stem for f in NETS.glob("*.sn") if f.stem not in LIBRARY)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a script wants its network trained."""

    data: str
    cost: str
    rubbish: float
    frozen: tuple[str, ...]
    rule: str
    mu: float
    batch: int
    momentum: float
    decay: float
    least: float
    last: int
    plain: int
    order: str
    short: bool
    schedule: tuple[tuple[int, float], ...]


class Classifier(ABC):
    """What reads digits and keeps its weights in one file: a network or a committee.

    Attributes
    ----------
    name : str
    script : Path
    recipe : Recipe, how it is trained
    retina : how images reach its input (`lenet.data.Retina`)
    sha256 : digest of the weights, in hexadecimal
    """

    name: str
    script: Path
    recipe: Recipe
    retina: Retina

    @abstractmethod
    def weights(self) -> np.ndarray:
        """Return the weights float32 (n,) in the network's own order."""

    @abstractmethod
    def set_weights(self, weights: np.ndarray) -> None:
        """Take weights (n,) in the network's own order."""

    @abstractmethod
    def penalties(self, images: np.ndarray) -> np.ndarray:
        """Return (n, classes), lower is better: the class is that of the least penalty.

        `images` (n, h, w) are uint8, ink 255, or float32 as the input layer takes them.
        """

    @abstractmethod
    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the class (n,) of glyphs: uint8 (n, h, w), ink 255, or retinas float32."""

    @property
    def sha256(self) -> str:
        """Digest of the weights in the network's own order."""
        return digested(self.weights())

    def load_weights(self, file: Path) -> dict[str, Any]:
        """Load a weight file of this network; return its provenance (empty if it has none).

        Raises NetworkError for a missing file, one of another network, or one that is not
        what its provenance says.
        """
        weights = read_weights(file)
        expected = len(self.weights())
        if len(weights) != expected:
            raise NetworkError(
                f"{file}: {len(weights):,} weights, but {self.name} has {expected:,}: "
                "they belong to another network"
            )
        self.set_weights(weights)
        notes = file.with_suffix(".json")
        provenance = json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {}
        if provenance and provenance.get("sha256") != self.sha256:
            raise NetworkError(f"{file}: damaged (its digest is not that of {notes.name})")
        return provenance

    def save_weights(self, file: Path, provenance: dict[str, Any]) -> None:
        """Write the weights as an SN matrix file (SN: save-net) with a note of their origin.

        Where the script wants shorts the network takes the rounded weights, too; weights
        beyond -8...8 go into no shorts, and all are kept as floats.
        """
        weights = self.weights()
        shorts = np.rint(weights / SHORT)
        if self.recipe.short and np.abs(shorts).max(initial=0) <= LARGEST:
            shorts = shorts.astype(np.int16)  # before they are floats: there is no -0
            self.set_weights(shorts * SHORT)
            file.write_bytes(idxfile.save(Matrix(shorts, "s")))
        else:
            file.write_bytes(idxfile.save(Matrix(weights, "f")))
        notes = {"network": self.name, "weights": len(weights), "sha256": self.sha256}
        text = json.dumps(notes | provenance, indent=2) + "\n"
        file.with_suffix(".json").write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Built:
    """What a script made: all that its network needs to read.

    `weights` float32 (n,) are those of the network memory, as the script left them; `sizes`
    are, for each layer after the first, its units and the links into it.
    """

    recipe: Recipe
    retina: Retina
    lowered: Lowered
    weights: np.ndarray
    sizes: dict[str, tuple[int, int]]


class Network(Classifier):
    """A network built by an SN script, compiled.

    `made` is what the script made, if that is known (`lenet.kept`): then the script is not run
    until somebody asks for its interpreter.

    Attributes
    ----------
    interpreter : the interpreter that ran the script; its `network` is the network memory
    program : the compiled network (`sn.net.program.LayerProgram`)
    sizes : dict, units of each layer after the first and links into it
    """

    def __init__(
        self,
        script: Path,
        dtype: type = np.float32,
        *,
        made: Built | None = None,
        ran: Interpreter | None = None,
    ) -> None:
        self.name = script.stem
        self.script = script
        self._ran = ran or (None if made else run(script))
        made = made or built(self._ran, script)
        self.recipe, self.retina, self.sizes = made.recipe, made.retina, made.sizes
        self._start = made.weights
        self.program = LayerProgram(
            made.lowered, made.weights, self.recipe.cost, self.recipe.rubbish, dtype
        )

    @property
    def interpreter(self) -> Interpreter:
        """The interpreter that ran the script, its network memory with the weights."""
        if self._ran is None:
            weights, self._ran = self.weights(), run(self.script)
            self._ran.network.weights[:] = weights
        return self._ran

    def weights(self) -> np.ndarray:
        """Return the weights float32 (n,) in the network's own order."""
        known = self._start if self._ran is None else self._ran.network.weights
        return self.program.network_weights(known.astype(np.float32))

    def set_weights(self, weights: np.ndarray) -> None:
        """Take weights in the network's own order, in the program and in the memory."""
        if self._ran is not None:
            self._ran.network.weights[:] = weights
        self._start = np.array(weights, np.float32)
        self.program.set_network_weights(weights)

    def initialize(self, seed: int) -> None:
        """Draw new weights by the script's own rule, or by (forget-sqrt 1), from a seed."""
        own = self.interpreter.intern("initialize").value is not None
        self.interpreter.value(f"(seed {seed}) {'(initialize)' if own else '(forget-sqrt 1)'}")
        self.program.set_network_weights(self.interpreter.network.weights)

    def frozen(self) -> np.ndarray:
        """Return which weights of the program (n,) bool stay as they are."""
        memory = self.interpreter.network
        _, post, weight = memory.links()
        layers = [la.units for la in memory.layers if la.name in self.recipe.frozen]
        units = np.concatenate(layers) if layers else np.zeros(0, int)
        fixed = np.unique(weight[np.isin(post, units)])
        return np.isin(self.program.lowered.weight_index, fixed)

    def fprop(self, images: np.ndarray) -> np.ndarray:
        """Return the penalty of every class (n, classes) for retinas float32 (n, 32, 32).

        Under a softmax these are -log p; otherwise the outputs themselves.
        """
        outputs = self.program.run(images).astype(np.float64)
        if self.recipe.cost != "softmax":
            return outputs
        top = outputs.max(axis=1, keepdims=True)
        return top + np.log(np.exp(outputs - top).sum(axis=1, keepdims=True)) - outputs

    def penalties(self, images: np.ndarray) -> np.ndarray:
        """Return (n, classes), lower is better; outputs with the sign changed if "squared"."""
        found = self.fprop(self.retina(images))
        return -found if self.recipe.cost == "squared" else found

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the class (n,) of glyphs: uint8 (n, h, w), ink 255, or retinas float32."""
        return self.program.classify(self.retina(images))


class Committee(Classifier):
    """Networks whose penalties are added; their weights lie in one file, one after the other.

    Members that are all different may have been trained by themselves: without a file of its
    own, the committee takes the weights that belong to them.

    Under a softmax, adding the penalties is adding the outputs.

    Attributes
    ----------
    members : list of Network
    boosted : bool, whether every member learns what those before it find hard
    """

    def __init__(self, script: Path, ran: Interpreter) -> None:
        self.name = script.stem
        self.script = script
        names = ran.intern("committee").value
        self.members = [from_script(member_script(script, str(name))) for name in names]
        self.boosted = bool(ran.intern("training-boosted").value)
        self.recipe = self.members[0].recipe
        self.retina = self.members[0].retina

    def trained_apart(self) -> bool:
        """Tell whether the weights are those of its members, not of a file of its own."""
        different = len({member.script for member in self.members}) == len(self.members)
        return different and not place_of_weights(self.script).is_file()

    def weights(self) -> np.ndarray:
        """Return the weights float32 (n,) of all members, one after the other."""
        return np.concatenate([member.weights() for member in self.members])

    def set_weights(self, weights: np.ndarray) -> None:
        """Take the weights (n,) of all members, one after the other."""
        ends = np.cumsum([len(member.weights()) for member in self.members])
        for member, part in zip(self.members, np.split(weights, ends[:-1]), strict=True):
            member.set_weights(part)

    def penalties(self, images: np.ndarray) -> np.ndarray:
        """Return the sums (n, classes) of the members' penalties, lower is better."""
        return np.sum([member.penalties(images) for member in self.members], axis=0)

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the class (n,) of glyphs: uint8 (n, h, w), ink 255, or retinas float32."""
        return self.penalties(images).argmin(axis=1)


def members_of(network: Network | Committee) -> list[Network]:
    """Return the members of a committee, or the network alone."""
    return network.members if isinstance(network, Committee) else [network]


def member_script(script: Path, name: str) -> Path:
    """Return the script of a member: beside the committee's own, or a shipped one."""
    own = script.with_name(f"{name.removesuffix('.sn')}.sn")
    return own if own.is_file() else NETS / own.name


def run(script: Path) -> Interpreter:
    """Run a script and return its interpreter. Raises NetworkError."""
    if not script.is_file():
        raise NetworkError(unknown(script))
    return scripts.run(script, NETS, sys.stderr.write)


def built(ran: Interpreter, script: Path) -> Built:
    """Return what a script made that has run. Raises NetworkError."""

    def value(name: str, default: Any = None) -> Any:
        found = ran.intern(name).value
        return default if found is None else found

    def choice(name: str, choices: tuple[str, ...]) -> str:
        found = value(name, choices[0])
        if found not in choices:
            raise NetworkError(f"{script.stem}: {name} is {' or '.join(choices)}, not {found}")
        return found

    rule = choice("training-rule", ("levenberg", "gradient", "adam", "muon"))
    batch = int(value("training-batch", 0))
    if rule in ("adam", "muon") and batch < 1:
        raise NetworkError(f"{script.stem}: training-rule {rule} needs a training-batch, as 32")
    for name in ("training-momentum", "training-decay"):
        if value(name, 0.0) and batch < 1:
            raise NetworkError(f"{script.stem}: {name} needs a training-batch, 1 or more")
    memory = ran.network
    schedule = scripts.schedule(value("training-schedule", ()), script)
    recipe = Recipe(
        value("training-data", "mnist"),
        value("training-cost", "squared"),
        float(value("training-rubbish", 0.0)),
        tuple(str(layer) for layer in value("training-frozen", ())),
        rule,
        float(value("training-mu", 0.02)),
        batch,
        float(value("training-momentum", 0.0)),
        float(value("training-decay", 0.0)),
        float(value("training-least", 0.0)),
        int(value("training-last", 0)),
        int(value("training-plain", 0)),
        choice("training-order", ("shuffled", "anew", "given")),
        bool(value("training-short", False)),
        schedule,
    )
    program = scripts.compiled(
        lambda: compile_built(memory, value("nlf"), cost=recipe.cost), script
    )
    retina = Retina(
        round(program.input_size**0.5),
        float(value("retina-paper", PAPER)),
        float(value("retina-ink", INK)),
        int(value("retina-scaled", 0)),
        bool(value("retina-deslanted", False)),
    )
    into = np.bincount(memory.links()[1], minlength=memory.unit_count)
    sizes = {la.name: (len(la.units), int(into[la.units].sum())) for la in memory.layers[1:]}
    return Built(recipe, retina, program.lowered, memory.weights.copy(), sizes)


def from_script(script: Path) -> Network | Committee:
    """Return what a script builds, its weights as the script leaves them. NetworkError."""
    shipped = script.parent == NETS
    made = kept.recall(script) if shipped else None
    if made is not None:
        return Network(script, made=made)
    ran = run(script)
    if ran.intern("committee").value is not None:
        return Committee(script, ran)
    if not shipped:
        return Network(script, ran=ran)
    made = built(ran, script)
    kept.keep(script, made)
    ran.network.allocate(0, 0)  # hundreds of megabytes, not left to the collector
    kept.trim()
    return Network(script, made=made)


def read_weights(file: Path) -> np.ndarray:
    """Return the weights (n,) float32 of an SN weight file (SN: save-net), floats or shorts.

    Raises NetworkError.
    """
    if not file.is_file():
        raise NetworkError(f"{file}: no such weight file")
    try:
        matrix = idxfile.load(file.read_bytes())
    except LispError as error:
        raise NetworkError(f"{file}: not a weight file ({error})") from None
    if matrix.letter not in "fs" or matrix.array.ndim != 1:
        raise NetworkError(f"{file}: not a weight file (an SN vector of floats or shorts)")
    unit = SHORT if matrix.letter == "s" else np.float32(1)
    return matrix.array.astype(np.float32) * unit


def digest_of(file: Path) -> str:
    """Return the digest that a network with the weights of a file has. Raises NetworkError."""
    return digested(read_weights(file))


def digested(weights: np.ndarray) -> str:
    """Return the digest of weights in hexadecimal: float32, little-endian."""
    return hashlib.sha256(weights.astype("<f4").tobytes()).hexdigest()


def load(
    name: str | Path, weights: str | Path | None = None, *, trained: bool = True
) -> Network | Committee:
    """Return a network by name or script (``my-net.sn``), with its trained weights.

    `weights` names another weight file than the shipped one; `trained` False leaves the
    weights at zero. Raises NetworkError.

    >>> load("lenet5").classify(np.zeros((1, 28, 28), np.uint8)).shape
    (1,)
    """
    script = Path(name) if str(name).endswith(".sn") else NETS / f"{name}.sn"
    found = from_script(script)
    if trained and isinstance(found, Committee) and not weights and found.trained_apart():
        for member in found.members:
            member.load_weights(weight_file(member.script))
    elif trained:
        found.load_weights(Path(weights or weight_file(script)))
    return found


def load_network(
    name: str | Path, weights: str | Path | None = None, *, trained: bool = True
) -> Network:
    """Return a network as `load` does. Raises NetworkError for a committee, too."""
    found = load(name, weights, trained=trained)
    if isinstance(found, Committee):
        others = ", ".join(dict.fromkeys(member.name for member in found.members))
        raise NetworkError(
            f"{found.name}: a committee of {len(found.members)}, where one network is needed; "
            f"its members are built by {others}"
        )
    return found


def place_of_weights(script: Path) -> Path:
    """Return where the weights of a script are looked for: among the shipped, or beside it."""
    shipped = script.parent == NETS
    return WEIGHTS / f"{script.stem}.wei" if shipped else script.with_suffix(".wei")


def weight_file(script: Path) -> Path:
    """Return the weights that belong to a script. Raises NetworkError if there are none yet."""
    file = place_of_weights(script)
    if not file.is_file():
        name = script.stem if script.parent == NETS else str(script)
        raise NetworkError(
            f"{name}: no weights yet; lenet train {name} makes them, --weights names others"
        )
    return file


def distorted(name: str) -> Path | None:
    """Return the shipped weights of a network that learned distorted digits, None without."""
    file = WEIGHTS / f"{name}-distorted.wei"
    return file if file.is_file() else None


def unknown(script: Path) -> str:
    """Return the line that says there is no such network."""
    name = script.stem
    if script.parent != NETS:
        return f"{script}: no such script"
    if Path(f"{name}.sn").is_file():
        return f'no model "{name}". For the script here, say {name}.sn'
    near = difflib.get_close_matches(name, names(), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f'no model "{name}". Available: {", ".join(names())}.{hint}'
