"""
Arms that can be compared: a year in which no action changes what anybody does must show no difference between them.

What a decision for the holdout leaves behind stands for the delivery that there was not; if anything were forgotten,
one arm would be refused, asked or chosen more often than the other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import blake2b
from math import sqrt
from statistics import fmean, variance

import pytest

from schemas import NextBestAction
from streams.core import arms
from streams.core.arms import HOLDOUT, TREATED, holdout_arm
from streams.core.catalogue import NOTHING
from streams.core.gates import GATES
from streams.core.ratio import ALARM, sample_ratio
from tests.core.years import Year, lived, shipped

HALVES = {HOLDOUT: 0.5, TREATED: 0.5}
RULES = shipped(share=0.5, budget=1)
DUTIES = {action.name for action in RULES.catalogue.actions if action.duty}
SURE = 3.0
"""So many standard errors apart is not by chance."""


@cache
def year() -> Year:
    return lived(RULES, 150)


def enrolled(lived: Year) -> Counter[str]:
    """Count each customer once, in the arm of the first decision that would have chosen an action."""
    return Counter(arm for stance in lived.stances.values() if (arm := stance.enrolled.get(HOLDOUT)) is not None)


def wanted(decision: NextBestAction) -> str:
    """Say what is done, or would have been."""
    return decision.would_have or decision.action


def apart(lived: Year, what: Callable[[NextBestAction], Iterable[str]]) -> list[str]:
    """Name what one arm's customers meet with surely more often, on average, than the other's."""
    counts: dict[str, Counter[str]] = {key: Counter() for key in lived.stances}
    for decision in lived.decisions:
        counts[decision.customer_id or ""].update(what(decision))
    by_arm: dict[str, list[Counter[str]]] = {HOLDOUT: [], TREATED: []}
    for key, found in counts.items():
        by_arm[holdout_arm(RULES.catalogue, key, lived.stances[key].enrolled)].append(found)
    return [name for name in sorted(set().union(*counts.values())) if _is_apart(name, by_arm)]


def _is_apart(name: str, by_arm: Mapping[str, list[Counter[str]]]) -> bool:
    here, there = ([counted[name] for counted in by_arm[arm]] for arm in (HOLDOUT, TREATED))
    error = sqrt(variance(here) / len(here) + variance(there) / len(there))
    return abs(fmean(here) - fmean(there)) > SURE * error


def test_the_arms_are_as_large_as_they_should_be() -> None:
    """Everybody for whom anything would have been done is counted once, and nobody changes the arm."""
    chosen = {decision.customer_id for decision in year().decisions if wanted(decision) not in {NOTHING, *DUTIES}}

    assert chosen == {key for key, stance in year().stances.items() if HOLDOUT in stance.enrolled}
    assert len(year().stances) == len({(decision.customer_id, decision.arm) for decision in year().decisions})
    assert sample_ratio(enrolled(year()), HALVES) > ALARM


def test_both_arms_meet_with_the_same_refusals() -> None:
    """Every gate refuses, and none the holdout more often than the treated, or less."""
    assert set(GATES) == {refused.gate for decision in year().decisions for refused in decision.refused}
    assert [] == apart(year(), lambda decision: [refused.gate for refused in decision.refused])


def test_both_arms_have_the_same_moments_and_actions() -> None:
    """As often as the treated is the holdout asked, and would be contacted; what is owed to it is done."""
    assert [] == apart(year(), lambda decision: ["decision", decision.moment])
    assert [] == apart(year(), lambda decision: ["contact" if wanted(decision) != NOTHING else "", wanted(decision)])
    assert {NOTHING} == {decision.action for decision in year().decisions if decision.arm == HOLDOUT} - DUTIES


def test_whether_customers_are_kept_back_changes_hardly_a_decision() -> None:
    """All customers treated and all kept back, with nothing owed: only the minutes until a delivery differ."""
    treated, kept_back = ([_told(one) for one in _all(share).decisions] for share in (0.0, 1.0))

    same = len(set(treated) & set(kept_back))

    assert 0.99 * len(treated) < same
    assert 0.99 * len(kept_back) < same


def _all(share: float) -> Year:
    return lived(shipped(share, budget=10_000, duties=False), 30)


def _told(decision: NextBestAction) -> tuple[object, ...]:
    refused = frozenset((one.action, one.gate) for one in decision.refused)
    return decision.signal_id, decision.moment, wanted(decision), decision.probability, refused


def test_a_hash_that_is_not_even_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a byte by 200 is below 100 in 61 of 100 cases; three weeks are enough to see it."""

    def uneven(salt: str, key: str, shares: Mapping[str, float]) -> str:
        drawn = blake2b(f"{key} {salt}".encode(), digest_size=1).digest()[0] % 200
        return HOLDOUT if drawn < 200 * shares[HOLDOUT] else TREATED

    monkeypatch.setattr(arms, "arm_of", uneven)

    assert sample_ratio(enrolled(lived(RULES, 400, days=21)), HALVES) < ALARM


def test_customers_who_are_lost_because_they_were_contacted_ring() -> None:
    """Every second of the treated has the record erased after a contact, and with it the arm; else nothing rings."""
    month = lived(RULES, 400, days=21)
    treated = [decision for decision in month.decisions if decision.arm == TREATED]
    contacted = {decision.customer_id or "" for decision in treated if decision.action != NOTHING}
    left = month.stances.keys() - set(sorted(contacted)[::2])

    assert sample_ratio(enrolled(month), HALVES) > ALARM
    assert sample_ratio(enrolled(Year([], {key: month.stances[key] for key in left})), HALVES) < ALARM
