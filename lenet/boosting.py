"""Committees: members trained one after the other, each on what suits it.

Drucker, Schapire and Simard 1993, "Boosting performance in neural networks", as LeCun et al.
1998 used it (sec. III-C): the second network learns digits of which the first misreads half,
the third digits on which the first two disagree. Such digits are rare: they are picked from
distorted copies. Without boosting, members differ in the seed alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lenet.distortions import Distortion
from lenet.networks import Committee, Network, NetworkError
from lenet.training import Pass, train

PIECE = 2000  # digits shown at a time
MOST_ROUNDS = 200  # through all digits, in search of hard ones


def train_committee(
    committee: Committee,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int = 1,
    distort: Distortion | None = None,
    checkpoint: Path | None = None,
    tell: Callable[[str], None] | None = None,
    step: Callable[[float], None] | None = None,
    **how: Any,
) -> list[Pass]:
    """Train the members of a committee, member k with seed + k; return all their passes.

    Images are uint8 (n, h, w), ink 255; labels (n,). A boosted committee needs `distort`: the
    first member learns under it, the others digits picked from what it makes. Every member
    keeps its own `checkpoint`. `tell` is given lines on what each member learns, `step` the
    share of all work; `how` goes to `lenet.training.train`. Raises NetworkError.
    """
    if committee.boosted and distort is None:
        raise NetworkError(
            f"{committee.name}: boosting picks distorted digits; say --distort affine"
        )
    done: list[Pass] = []
    count = len(committee.members)
    for k, member in enumerate(committee.members):
        shown, answers, bent = images, labels, distort
        told = f"network {k + 1} of {count}"
        if committee.boosted and k and distort:
            before = committee.members[:k]
            chance = np.random.default_rng((seed, k))
            shown, answers, seen = hard_digits(before, images, labels, distort, chance)
            bent = None
            told += f": {len(answers):,} of {seen:,} distorted digits"
        if tell:
            tell(told)
        done += train(
            member,
            shown,
            answers,
            seed=seed + k,
            distort=bent,
            checkpoint=checkpoint and member_checkpoint(checkpoint, k),
            step=step and (lambda share, k=k: step((k + share) / count)),
            **how,
        )
    return done


def member_checkpoint(checkpoint: Path, k: int) -> Path:
    """Return the checkpoint of member k (from 0) of a committee."""
    return checkpoint.with_name(f"{checkpoint.name.removesuffix('.npz')}-{k + 1}.npz")


def hard_digits(
    members: Sequence[Network],
    images: np.ndarray,
    labels: np.ndarray,
    distort: Distortion,
    chance: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return hard distorted digits, their labels, and how many digits were looked at.

    As many as there are images. After one member: half of them misread by it, the others read.
    After several: digits on which the last two disagree. Raises NetworkError when there are too
    few.
    """
    count = len(labels)
    picked: list[np.ndarray] = []
    known: list[np.ndarray] = []
    found = seen = 0
    for _ in range(MOST_ROUNDS):
        for rows in np.array_split(chance.permutation(count), -(-count // PIECE)):
            shown = distort(images[rows], chance)
            answers = [member.classify(shown) for member in members[-2:]]
            if len(answers) == 1:
                hard = np.flatnonzero(answers[0] != labels[rows])
                others = np.flatnonzero(answers[0] == labels[rows])
                hard = np.concatenate([hard, chance.permutation(others)[: len(hard)]])
            else:
                hard = np.flatnonzero(answers[0] != answers[1])
            picked.append(shown[hard])
            known.append(labels[rows][hard])
            found += len(hard)
            seen += len(rows)
            if found >= count:
                return np.concatenate(picked)[:count], np.concatenate(known)[:count], seen
    raise NetworkError(
        f"{members[-1].name}: only {found:,} hard digits among {seen:,} distorted ones, "
        f"{count:,} are needed; bend them more"
    )
