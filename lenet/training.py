"""Training one pattern after the other, pass after pass, as a script's recipe says.

Expect of ``lenet train lenet5`` (MNIST, seed 1): 20 passes of 5 s, about 1 % test error; the
1998 paper says 0.95 % after 10 to 12 passes and two to three days.
"""

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenet.distortions import Distortion
from lenet.networks import Network, NetworkError
from sn.net.compiled import weight_rates

PIECE = 2000  # patterns handed over at a time
SAMPLE = 500  # patterns from which curvatures are estimated (LeCun et al. 1998, sec. III-C)
PLAIN = 0.1  # of the digits shown under distortion (1998: 60,000 plain, 540,000 distorted)
STARTING_PARTS = 10  # the first pass re-estimates this often: curvatures change fastest there


@dataclass(frozen=True, slots=True)
class Pass:
    """What happened in one pass.

    Mean energy and share of errors met on the way; share of errors on the digits kept to
    choose by, if there are any; seconds of processor time.
    """

    number: int
    eta: float
    energy: float
    training_error: float
    validation_error: float | None
    seconds: float

    def to_line(self) -> str:
        """Return the pass as a line of a table."""
        kept = self.validation_error
        told = "" if kept is None else f"  validation {kept:6.2%}"
        return (
            f"pass {self.number:>2}  eta {self.eta:<8g} energy {self.energy:8.4f}  "
            f"training {self.training_error:7.2%}{told}  {self.seconds:5.1f} s"
        )


def etas(schedule: Sequence[tuple[int, float]], passes: int | None = None) -> list[float]:
    """Return the global learning rate of every pass; the last one goes on if asked for more."""
    full = [eta for count, eta in schedule for _ in range(count)]
    if passes is None:
        return full
    return (full + [full[-1]] * passes)[:passes]


def train(
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int = 1,
    passes: int | None = None,
    schedule: Sequence[tuple[int, float]] = (),
    start: np.ndarray | None = None,
    distort: Distortion | None = None,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[Pass], None] | None = None,
    step: Callable[[float], None] | None = None,
) -> list[Pass]:
    """Train a network from new weights on images (n, h, w), and labels (n,).

    Images are uint8, ink 255, or float32 as the input layer takes them. The order is drawn once
    and kept (1998, sec. III-B) unless the script says "anew"; weights change after every
    pattern or mini-batch. Under the rule ``levenberg`` curvatures are re-estimated on 500
    patterns before every pass, and ten times within the first. `distort` changes nine of ten
    images, anew at every presentation but in the last passes that the script calls plain;
    float32 ones are rounded to 256 greys for it. `checkpoint` is written after every pass, and
    an interrupted training continues from it to the same weights. `progress` is told of every
    pass, `step` of the share of all work done (0...1). `schedule` replaces the script's own;
    `start` (n,) are weights to go on from instead of new ones. `validation` are images and
    labels read after every pass.
    """
    recipe = network.recipe
    rates = etas(schedule or recipe.schedule, passes)
    if not rates:
        raise NetworkError(f"{network.name}: the script sets no training-schedule")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    if recipe.order == "given":
        order = np.arange(len(labels))
    network.initialize(seed)
    if start is not None:
        network.set_weights(start)
    if distort and images.dtype != np.uint8:
        images = network.retina.grey(images)
    fixed = network.frozen()
    program = network.program
    units = _unit_rates(network)
    for memory in (program.speed, program.squares, program.moves):
        memory[:] = 0  # what an earlier training left
    program.noise[:] = int(program.dropping)

    def look(rows: np.ndarray, chance: np.random.Generator | None = None) -> np.ndarray:
        picked = images[rows]
        if distort and chance and number < len(rates) - recipe.plain:
            plain = chance.random(len(picked)) < PLAIN
            picked = np.where(plain[:, None, None], picked, distort(picked, chance))
        return network.retina(picked)

    training = {
        "network": network.name,
        "seed": seed,
        "rates": rates,
        "distortion": repr(distort),
        "start": "" if start is None else hashlib.sha256(start.tobytes()).hexdigest(),
        "data": digest_of(images, labels) if checkpoint else "",
    }
    done = _resume(network, checkpoint, training)
    for number, eta in enumerate(rates):
        clock = time.process_time()
        energy = errors = 0.0
        seen = 0
        chance = np.random.default_rng((seed, number))
        second = recipe.rule == "levenberg"
        parts = min(STARTING_PARTS, len(order)) if number == 0 and second else 1
        if recipe.order == "anew":
            order = np.random.default_rng((seed, number, 1)).permutation(len(labels))
        for part in np.array_split(order, parts):
            sample = rng.choice(len(labels), SAMPLE)  # drawn even if the pass was done before
            if number < len(done):
                continue
            if second:
                curvature = program.curvature(look(sample), np.arange(SAMPLE))
                program.set_rates(eta, recipe.mu, curvature)
            else:
                program.rates[:] = eta * units
            program.rates[fixed] = 0
            least = recipe.least if number < len(rates) - recipe.last else 0.0
            for piece in np.array_split(part, max(1, len(part) // PIECE)):
                shown = look(piece, chance)
                mean, wrong = program.learn(
                    shown,
                    labels[piece],
                    np.arange(len(piece)),
                    batch=recipe.batch,
                    momentum=recipe.momentum,
                    decay=recipe.decay,
                    rule="gradient" if second else recipe.rule,
                    least=least,
                )
                energy += mean * len(piece)
                errors += wrong
                seen += len(piece)
                if step:
                    step((number + seen / len(labels)) / len(rates))
        if number < len(done):
            continue
        missed = None
        if validation is not None:
            answers = [network.classify(p) for p in np.array_split(validation[0], 16)]
            missed = float(np.mean(np.concatenate(answers) != validation[1]))
        count = len(labels)
        took = time.process_time() - clock
        done.append(Pass(number + 1, eta, energy / count, errors / count, missed, took))
        if checkpoint:
            _keep(network, checkpoint, training | {"done": [asdict(p) for p in done]})
        if progress:
            progress(done[-1])
    return done


def digest_of(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the digest of labelled images, in hexadecimal."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def _unit_rates(network: Network) -> np.ndarray:
    """Return the rates that the script gave the units, by weight; 1 where it gave none."""
    rates = weight_rates(network.interpreter.network)
    if not rates.any():
        rates = np.ones_like(rates)
    return rates[network.program.lowered.weight_index]


MEMORY = (
    "weights",
    "speed",
    "squares",
    "moves",
    "noise",
)  # of a program, kept from pass to pass


def _keep(network: Network, checkpoint: Path, notes: dict[str, Any]) -> None:
    """Write a checkpoint, all at once: an interruption leaves the one before."""
    part = checkpoint.with_name(f"{checkpoint.name}.part")
    arrays = {name: getattr(network.program, name) for name in MEMORY}
    with part.open("wb") as stream:
        np.savez(stream, notes=np.array(json.dumps(notes)), **arrays)
    part.replace(checkpoint)


def _resume(network: Network, checkpoint: Path | None, training: dict[str, Any]) -> list[Pass]:
    """Load a checkpoint of the same training; return the passes it holds."""
    if checkpoint is None or not checkpoint.is_file():
        return []
    try:
        with checkpoint.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            notes = json.loads(str(archive["notes"]))
            arrays = {name: archive[name] for name in MEMORY}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise NetworkError(f"{checkpoint}: damaged; remove it to start anew") from None
    odd = next((key for key in training if notes.get(key) != training[key]), None)
    if odd or any(a.shape != getattr(network.program, n).shape for n, a in arrays.items()):
        raise NetworkError(
            f"{checkpoint}: belongs to another training ({odd or 'weights'} differ); "
            "remove it or name another file"
        )
    for name, array in arrays.items():
        getattr(network.program, name)[:] = array
    network.set_weights(network.weights())
    return [Pass(**p) for p in notes["done"]]
