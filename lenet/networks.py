"""Networks by name: an SN script is run, its network compiled, its weights loaded.

A script of ``lenet/nets`` builds a network and sets what training needs to know:

    training-cost       "squared", "likelihood", "posterior" or "softmax" (see `sn.net.program`)
    training-rubbish    the constant j of "posterior"
    training-frozen     layers whose incoming weights stay as they are
    training-mu         the damping of the diagonal Levenberg-Marquardt rule
    training-schedule   ((passes eta) ...)
    (initialize)        draws new weights
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenet.data import retina
from sn import idxfile
from sn.errors import LispError, SnError
from sn.interpreter import Interpreter
from sn.matrix import Matrix
from sn.net.program import LayerProgram, compile_built

NETS = Path(__file__).parent / "nets"
WEIGHTS = Path(__file__).parent / "weights"
LIBRARY = ("maps", "prototypes")  # scripts that define no network


class NetworkError(SnError):
    """A network or weight file that is not there or does not fit."""


def names() -> list[str]:
    """Return the names of the networks that come with the program."""
    return sorted(f.stem for f in NETS.glob("*.sn") if f.stem not in LIBRARY)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a script wants its network trained."""

    cost: str
    rubbish: float
    frozen: tuple[str, ...]
    mu: float
    schedule: tuple[tuple[int, float], ...]


class Network:
    """A network built by an SN script, compiled.

    Attributes
    ----------
    name : str
    interpreter : the interpreter that ran the script; its `network` is the network memory
    program : the compiled network (`sn.net.program.LayerProgram`)
    recipe : how it is trained
    sha256 : digest of the weights, in hexadecimal
    """

    def __init__(self, script: Path, dtype: type = np.float32) -> None:
        if not script.is_file():
            known = ", ".join(names())
            raise NetworkError(f'no model "{script.stem}". Available: {known}')
        self.name = script.stem
        self.interpreter = Interpreter(library=(NETS,))
        self.interpreter.warn = lambda text: None
        self.interpreter.run(lambda: self.interpreter.load(script))
        self.recipe = self._recipe()
        memory = self.interpreter.network
        if memory is None or not memory.layers:
            raise NetworkError(f"{script}: the script builds no network (build-net)")
        self.program: LayerProgram = compile_built(
            memory,
            self._value("nlf"),
            cost=self.recipe.cost,
            rubbish=self.recipe.rubbish,
            dtype=dtype,
        )

    def _value(self, name: str, default: Any = None) -> Any:
        value = self.interpreter.intern(name).value
        return default if value is None else value

    def _recipe(self) -> Recipe:
        schedule = tuple(
            (int(n), float(eta)) for n, eta in self._value("training-schedule", ())
        )
        return Recipe(
            self._value("training-cost", "squared"),
            float(self._value("training-rubbish", 0.0)),
            tuple(str(layer) for layer in self._value("training-frozen", ())),
            float(self._value("training-mu", 0.02)),
            schedule,
        )

    @property
    def sha256(self) -> str:
        """Digest of the weights in the network's own order, float32, little-endian."""
        return hashlib.sha256(self.weights().astype("<f4").tobytes()).hexdigest()

    def weights(self) -> np.ndarray:
        """Return the weights float32 (n,) in the network's own order."""
        memory = self.interpreter.network
        return self.program.network_weights(memory.weights.astype(np.float32))

    def set_weights(self, weights: np.ndarray) -> None:
        """Take weights in the network's own order, in the program and in the memory."""
        self.interpreter.network.weights[:] = weights
        self.program.set_network_weights(weights)

    def initialize(self, seed: int) -> None:
        """Draw new weights by the script's own rule, from a seed."""
        self.interpreter.value(f"(seed {seed}) (initialize)")
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

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Return the class (n,) of glyphs: uint8 (n, h, w), ink 255, or retinas float32."""
        pixels = retina(images) if images.dtype == np.uint8 else images
        return self.program.classify(pixels)

    def load_weights(self, file: Path) -> dict[str, Any]:
        """Load a weight file of this network; return its provenance (empty if it has none).

        Raises NetworkError for a missing file, one of another network, or one that is not
        what its provenance says.
        """
        weights = read_weights(file)
        expected = len(self.interpreter.network.weights)
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
        """Write the weights as an SN matrix file (SN: save-net) with a note of their origin."""
        weights = self.weights()
        file.write_bytes(idxfile.save(Matrix(weights, "f")))
        notes = {"network": self.name, "weights": len(weights), "sha256": self.sha256}
        text = json.dumps(notes | provenance, indent=2) + "\n"
        file.with_suffix(".json").write_text(text, encoding="utf-8")


def read_weights(file: Path) -> np.ndarray:
    """Return the weights (n,) float32 of an SN weight file (SN: save-net). NetworkError."""
    if not file.is_file():
        raise NetworkError(f"{file}: no such weight file")
    try:
        matrix = idxfile.load(file.read_bytes())
    except LispError as error:
        raise NetworkError(f"{file}: not a weight file ({error})") from None
    if matrix.letter != "f" or matrix.array.ndim != 1:
        raise NetworkError(f"{file}: not a weight file (an SN vector of floats)")
    return np.array(matrix.array, np.float32)


def load(name: str, weights: Path | None = None, *, trained: bool = True) -> Network:
    """Return a network by name or script (``my-net.sn``), with its trained weights.

    `weights` names another weight file than the shipped one; `trained` False leaves the
    weights at zero. Raises NetworkError.

    >>> load("lenet5").classify(np.zeros((1, 28, 28), np.uint8)).shape
    (1,)
    """
    script = Path(name) if name.endswith(".sn") else NETS / f"{name}.sn"
    network = Network(script)
    if trained:
        network.load_weights(weights or WEIGHTS / f"{network.name}.wei")
    return network
