"""The vector of arbitration against a million draws, and the choice made from it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from streams.core.arbitration import Stake, floor_of, sample, vector
from streams.core.posterior import SHARES, Posterior, quantiles

FLAT, NARROW = Posterior(1, 1), Posterior(2e6, 2e6)
RARE = Stake(Posterior(3, 97), 900, 5)

SETS = {
    "a belief and one a thousand times narrower": [Stake(FLAT, 1, 0), Stake(NARROW, 1, 0)],
    "three widths": [
        Stake(Posterior(1, 3), 1, 0.1),
        Stake(Posterior(300, 700), 1, 0),
        Stake(Posterior(3e6, 7e6), 1, 0),
    ],
    "priors, weights and costs": [RARE, Stake(Posterior(30, 970), 850, 3), Stake(Posterior(3e5, 97e5), 910, 5)],
    "a cost that is often too high": [Stake(Posterior(3, 97), 100, 3)],
    "a cost above any gain": [Stake(FLAT, 1, 2), Stake(FLAT, 1, 0.5)],
    "the same four times": [RARE] * 4,
}

stakes = st.lists(
    st.builds(
        Stake,
        st.builds(Posterior, st.integers(1, 5000), st.integers(1, 5000)),
        st.integers(0, 10_000),
        st.integers(0, 500),
    ),
    min_size=1,
    max_size=60,
)


def drawn(candidates: list[Stake], draws: int = 1_000_000) -> np.ndarray:
    """Draw every propensity so often and count who scores best, with the floor mixed in."""
    source = np.random.default_rng(7)
    best, winner = np.zeros(draws), np.full(draws, len(candidates))
    for place, stake in enumerate(candidates):
        score = source.beta(*stake.posterior, size=draws) * stake.weight - stake.cost
        winner[score > best] = place
        best = np.maximum(best, score)
    shares = np.bincount(winner, minlength=len(candidates) + 1) / draws
    floor = floor_of(shares.size)
    return floor + (1 - floor * shares.size) * shares


@pytest.mark.parametrize("name", SETS)
def test_the_vector_is_what_a_million_draws_say(name: str) -> None:
    """However unlike the widths of the beliefs are, no probability is off by .002."""
    assert drawn(SETS[name]).tolist() == pytest.approx(vector(SETS[name]), abs=0.002)


@settings(max_examples=60, deadline=None)
@given(stakes)
def test_the_vector_is_a_distribution_above_its_floor(candidates: list[Stake]) -> None:
    """From 1 to 60 candidates it adds up to 1, and nobody's probability falls below the floor."""
    found = vector(candidates)

    assert len(candidates) + 1 == len(found)
    assert 1.0 == pytest.approx(sum(found), abs=1e-12)
    assert min(found) >= floor_of(len(found)) - 1e-12


def test_equal_candidates_are_equally_probable() -> None:
    """Where nothing tells them apart, they share, in whatever order they stand."""
    *actions, _ = vector([RARE] * 5)

    assert [actions[0]] * 5 == pytest.approx(actions, abs=1e-12)


def test_more_is_not_less() -> None:
    """Who promises more value is chosen more often, and who costs more less often."""
    first, second, _ = vector([RARE, RARE._replace(weight=1100)])
    third, fourth, _ = vector([RARE, RARE._replace(cost=9)])

    assert first < second
    assert third > fourth


def test_what_is_worth_nothing_loses_to_nothing() -> None:
    """An action without value that costs something is chosen at the floor only."""
    assert [floor_of(2), 1 - floor_of(2)] == pytest.approx(vector([Stake(FLAT, 0, 1)]), abs=1e-12)


def test_choices_follow_the_vector() -> None:
    """Over many decision ids each candidate is chosen as often as its probability says."""
    found = vector(SETS["three widths"])
    chosen = Counter(sample(found, f"{number:032x}") for number in range(20_000))

    assert list(found) == pytest.approx([chosen[place] / 20_000 for place in range(len(found))], abs=0.015)


def test_the_same_decision_is_made_again() -> None:
    """The choice is a function of the vector and the id."""
    assert 1 == len({sample((0.2, 0.3, 0.5), "0123456789abcdef0123456789abcdef") for _ in range(100)})


@pytest.mark.parametrize("posterior", [FLAT, NARROW, Posterior(1, 99), Posterior(5, 1), Posterior(300, 700)])
def test_quantiles_are_those_of_the_distribution(posterior: Posterior) -> None:
    """A table's points stand where an independent library says, but for the ends, which are drawn in a little."""
    assert SHARES[1:-1].tolist() == pytest.approx(beta.cdf(quantiles(posterior)[1:-1], *posterior), abs=1e-5)


@pytest.mark.parametrize("posterior", [Posterior(0.5, 3), Posterior(3, float("inf")), Posterior(float("nan"), 2)])
def test_a_belief_that_cannot_be_tabulated_is_refused(posterior: Posterior) -> None:
    """Less than one success or failure, or no number at all, is an error and no vector."""
    with pytest.raises(ValueError, match="posterior"):
        vector([Stake(posterior, 1, 0)])
