"""
Arbitration: which of several actions, or none, by how likely each is to be the best.

Law: the vector holds, for each candidate, the probability that its score is the greatest, over what is believed of all
propensities (Thompson sampling with the probabilities written out), and no candidate's falls below a floor. It is
a function of the candidates alone, and the choice a function of the vector and the decision's id; so the propensity
that is recorded is exact, and the same decision is made again from the same facts.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from streams.core.posterior import SHARES, Posterior, quantiles

MOST_FLOOR: Final = 0.03
FLOOR_TOGETHER: Final = 0.5
"""A candidate's floor is `MOST_FLOOR`, or its part of this where there are many."""

_BITS: Final = 53


class Stake(NamedTuple):
    """
    What one action promises: its score is propensity x `weight` - `cost`, in minor units.

    `weight` is context weight x value x lever, at least 0.
    """

    posterior: Posterior
    weight: float
    cost: float


def floor_of(candidates: int) -> float:
    """
    Say the least probability of each of so many candidates.

    >>> floor_of(2), floor_of(50)
    (0.03, 0.01)
    """
    return min(MOST_FLOOR, FLOOR_TOGETHER / candidates)


def vector(stakes: Sequence[Stake]) -> tuple[float, ...]:
    """Say how probable each choice is: the stakes in their order and, last, "nothing"; they add up to 1."""
    return _vector(tuple(stakes))


@lru_cache(maxsize=4096)
def _vector(stakes: tuple[Stake, ...]) -> tuple[float, ...]:
    best = _best(stakes)
    floor = floor_of(best.size)
    mixed = floor + (1.0 - floor * best.size) * best / best.sum()
    probabilities = mixed.tolist()
    probabilities[-1] = 1.0 - sum(probabilities[:-1])
    return tuple(probabilities)


def _best(stakes: tuple[Stake, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """
    Integrate, for each stake over its own belief, the probability that all others score less; "nothing" scores 0.

    Over a belief's own quantiles the integral is a mean with halved ends: the trapezoid rule, whatever the widths.
    Where scores are equal, they share.
    """
    tables = [quantiles(stake.posterior) for stake in stakes]
    scores = np.array([table * stake.weight - stake.cost for stake, table in zip(stakes, tables, strict=True)])
    wins = np.heaviside(scores, 0.5)
    nothing = 1.0
    for number, (stake, own) in enumerate(zip(stakes, scores, strict=True)):
        if own[0] < own[-1]:
            below = np.interp(scores, own, SHARES, left=0.0, right=1.0)
            nothing *= float(np.interp(0.0, own, SHARES, left=0.0, right=1.0))
        else:
            below = np.heaviside(scores + stake.cost, 0.5)
            nothing *= float(np.heaviside(stake.cost, 0.5))
        below[number] = 1.0
        wins *= below
    means = (wins.sum(axis=1) - (wins[:, 0] + wins[:, -1]) / 2) / (SHARES.size - 1)
    return np.append(means, nothing)


def sample(probabilities: Sequence[float], decision_id: str) -> int:
    """Choose a place of a vector by a hash of the decision's id."""
    drawn = int.from_bytes(blake2b(decision_id.encode(), digest_size=8).digest()) >> (64 - _BITS)
    share, reached = drawn / (1 << _BITS), 0.0
    for place, probability in enumerate(probabilities):
        reached += probability
        if share < reached:
            return place
    return len(probabilities) - 1
