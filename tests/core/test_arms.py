"""Arms: drawn by hash, and kept."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.core.arms import HOLDOUT, TREATED, arm_of, experiment_arm, holdout_arm
from streams.core.catalogue import EMPTY, Experiment, Holdout, Policy
from streams.core.ratio import ALARM, sample_ratio

CUSTOMERS = [f"c{number}" for number in range(20_000)]
GIFT = Experiment(name="free_gift", salt="2026", arms={"control": 0.5, "gift": 0.5}, from_s=0, until_s=1)
CATALOGUE = replace(EMPTY, policy=Policy(holdout=Holdout(share=0.5, salt="2026")), experiments={"free_gift": GIFT})


@pytest.mark.parametrize(
    "shares",
    [{"control": 0.5, "gift": 0.5}, {"holdout": 0.05, "treated": 0.95}, {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}],
)
def test_arms_are_as_large_as_they_should_be(shares: dict[str, float]) -> None:
    """Among many customers every arm has its share."""
    counts = Counter(arm_of("2026", customer, shares) for customer in CUSTOMERS)

    assert sample_ratio(counts, shares) > ALARM


@settings(max_examples=50)
@given(st.permutations(["a", "b", "c"]), st.text(min_size=1))
def test_the_order_of_arms_says_nothing(names: list[str], key: str) -> None:
    """A catalogue written in another order draws nobody anew."""
    shares = {"a": 0.2, "b": 0.3, "c": 0.5}

    assert arm_of("s", key, shares) == arm_of("s", key, {name: shares[name] for name in names})


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_arm_without_a_share_is_empty(share: float) -> None:
    """Nobody falls into an arm of nobody, and everybody into that of all."""
    arms = {arm_of("s", customer, {"a": share, "b": 1.0 - share}) for customer in CUSTOMERS[:1000]}

    assert {"a" if share else "b"} == arms


def test_two_draws_with_one_salt_mix() -> None:
    """Half of the holdout is in either arm of an experiment that has the same salt."""
    pairs = Counter(
        (holdout_arm(CATALOGUE, customer, {}), experiment_arm(CATALOGUE, "free_gift", customer, {}))
        for customer in CUSTOMERS
    )

    assert sample_ratio(pairs, dict.fromkeys(pairs, 0.25)) > ALARM
    assert 4 == len(pairs)


def test_whoever_is_in_an_arm_stays() -> None:
    """What was stamped on a decision holds, whatever the catalogue says by now."""
    everybody = replace(CATALOGUE, policy=Policy(holdout=Holdout(share=0.0)))

    assert HOLDOUT == holdout_arm(everybody, "c1", {HOLDOUT: HOLDOUT})
    assert TREATED == holdout_arm(everybody, "c1", {})
    assert {"control", "gift"} == {
        experiment_arm(CATALOGUE, "free_gift", "c1", {"free_gift": arm}) for arm in ("control", "gift")
    }
