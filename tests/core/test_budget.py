"""Budgets: divided among partitions, counted by each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core import budget as budgets
from streams.core.budget import Ledger, day_end_s, share
from streams.core.engagement import day_of


@settings(max_examples=100)
@given(budget=st.integers(0, 10_000), partitions=st.integers(1, 64), day=st.integers(0, 40_000))
def test_the_shares_add_up_to_the_budget(budget: int, partitions: int, day: int) -> None:
    """No day's budget is exceeded or left lying, and no partition has more than one more than another."""
    shares = [share(budget, partitions, number, day) for number in range(partitions)]

    assert budget == sum(shares)
    assert max(shares) - min(shares) <= 1


@settings(max_examples=100)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 64), st.integers(0, 40_000))
def test_a_larger_budget_leaves_no_partition_less(one: int, other: int, partitions: int, day: int) -> None:
    """So when it is changed during a day, all together spend no more than the larger one."""
    small, large = sorted([one, other])

    assert all(
        share(small, partitions, number, day) <= share(large, partitions, number, day) for number in range(partitions)
    )


def test_the_rest_goes_round() -> None:
    """A budget smaller than the partitions is not always that of the first few."""
    assert {0, 1, 2, 3} == {number for day in range(4) for number in range(4) if share(1, 4, number, day)}


def test_a_slice_that_fails_has_spent_nothing() -> None:
    """What an overlay spends is seen in it at once, and by the ledger when it is put down."""
    ledger = Ledger()
    slice_ = ledger.overlay()
    slice_.spend("gift", 7)

    assert (1, 2) == (slice_.left("gift", 2, 7), ledger.left("gift", 2, 7))
    ledger.put_down(slice_.funded)
    assert (1, 1) == (ledger.left("gift", 2, 7), ledger.overlay().left("gift", 2, 7))


def test_each_action_and_day_has_its_own() -> None:
    """One action's budget, or one day's, is not another's; it is never below nothing."""
    ledger = Ledger()
    ledger.put_down([("gift", 7), ("gift", 7), ("gift", 7)])

    assert [0, 2, 2] == [ledger.left("gift", 2, 7), ledger.left("gift", 2, 8), ledger.left("letter", 2, 7)]
    assert 3 == ledger.spent("gift", 7)


def test_a_ledger_that_is_full_closes_its_oldest_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was forgotten is not spent again."""
    monkeypatch.setattr(budgets, "MAX_ENTRIES", 4)
    ledger = Ledger()
    ledger.put_down([("gift", day) for day in range(10, 15)])

    assert [0, 0, 0, 1, 1, 2] == [ledger.left("gift", 2, day) for day in range(10, 16)]


@settings(max_examples=50)
@given(now_s=st.integers(0, 2**32), offset_s=st.integers(-43_200, 50_400))
def test_a_day_ends_where_the_next_begins(now_s: int, offset_s: int) -> None:
    """The instant at which a budget is renewed is the first of the next day, by the shop's day boundary."""
    day = day_of(now_s, offset_s)

    assert (day, day + 1) == (
        day_of(day_end_s(day, offset_s) - 1, offset_s),
        day_of(day_end_s(day, offset_s), offset_s),
    )
