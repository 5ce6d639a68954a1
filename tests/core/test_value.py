"""Value: what a customer is expected to spend, and how much of it is at risk."""

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.churn import POPULATION, Population, Rhythm
from streams.core.engagement import DAY_S
from streams.core.habits import Numbers, habits_of
from streams.core.value import (
    LEAST_FACTOR,
    MOST_FACTOR,
    PSEUDO_ORDERS,
    Recalibration,
    expected_orders,
    expected_spend_minor,
    expected_values,
    mean_spend_minor,
    order_rhythm,
    recalibrated,
    spent_minor,
    value_at_risk,
)
from tests.core.stories import DAY, NOON, Story, second

PUBLISHED = Path(__file__).parents[3] / "shared" / "data"
START = second(NOON) // DAY_S


def bought(*days: int, amount_minor: int = 1000) -> Story:
    """Somebody who looked around on the first day and ordered on these."""
    story = Story().happens("page_viewed")
    for day in days:
        story.happens("order_placed", NOON + day * DAY, total_minor=amount_minor)
    return story


def expected(x: int, last: int, age: int, horizon: float, population: Population = POPULATION) -> float:
    """The order days expected of one customer."""
    return float(expected_orders([(x, last, age, 0)], horizon, population)[0])


def integrated(x: int, last: int, age: int, horizon: float, population: Population) -> float:
    """
    The same by another road: the mean of (1 - e**-lpH)/p over those who still are customers.

    Their pace l is Gamma(r+x, alpha+T), their drop-out p is Beta(a, b+x+1). With u = p**a the
    integrand has no pole; a midpoint rule does.
    """
    r, alpha, a, b = population.r, population.alpha, population.a, population.b
    drop = ((np.arange(400_000) + 0.5) / 400_000) ** (1.0 / a)
    stopped = -np.expm1(-(r + x) * np.log1p(drop * horizon / (alpha + age)))
    log_beta = math.lgamma(a) + math.lgamma(b + x + 1) - math.lgamma(a + b + x + 1)
    mean = np.mean((1.0 - drop) ** (b + x) * stopped / drop) / a / math.exp(log_beta)
    alive = 1.0 / (1.0 + a / (b + x) * ((alpha + age) / (alpha + last)) ** (r + x))
    return float(alive * mean)


@pytest.mark.parametrize(
    ("customer", "orders"),
    [
        ((0, 0, 0, 28), 0.19127612960675794),
        ((0, 0, 0, 366), 1.8088406093790266),
        ((0, 0, 200, 28), 0.03177737212712402),
        ((3, 60, 70, 28), 0.6561569174353059),
        ((3, 60, 300, 91), 0.14003567530463404),
        ((40, 700, 705, 28), 1.4535841942408056),
        ((600, 729, 729, 28), 21.05960581263259),
        ((500, 500, 730, 28), 9.213686688186457e-71),
        ((9, 30, 2000, 1), 1.2160803098779221e-14),
    ],
)
def test_expected_orders_are_those_of_a_library(customer: tuple[int, int, int, int], orders: float) -> None:
    """With 2F1 as scipy 1.17.1 has it (`scipy.special.hyp2f1`)."""
    assert pytest.approx(orders, rel=1e-11) == expected(*customer)


@pytest.mark.parametrize("population", [POPULATION, Population(2.0, 20.0, 1.5, 3.0), Population(0.3, 10.0, 0.9, 0.4)])
@pytest.mark.parametrize("customer", [(0, 0, 0, 28), (2, 30, 100, 91), (30, 200, 210, 366)])
def test_expected_orders_are_those_of_the_integral(customer: tuple[int, int, int, int], population: Population) -> None:
    """The formula says what the model's assumptions say, for drop-out on either side of 1."""
    assert pytest.approx(integrated(*customer, population), rel=1e-6) == expected(*customer, population)


def test_nothing_overflows() -> None:
    """(2000 / 64) ** 5000 is no number, and not needed."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert 0.0 == pytest.approx(expected(5000, 0, 2000, 366))
        assert expected(700, 729, 729, 366) > 290


@given(st.integers(0, 700), st.integers(0, 729), st.integers(0, 3000), st.integers(1, 366))
def test_more_days_bring_more_orders_and_silence_fewer(x: int, last: int, silent: int, horizon: int) -> None:
    """Never less than none, and the same to the last bit alone and beside whoever needs more terms."""
    last, rhythm = max(last, x), (x, max(last, x), max(last, x) + silent, 0)
    alone = expected(*rhythm[:3], horizon)
    among = expected_orders([(0, 0, 0, 0), rhythm, (3, 60, 70, 0)], horizon)

    assert alone == among[1]
    assert 0.0 <= alone <= expected(*rhythm[:3], horizon + 1)
    assert expected(x, last, last + silent + 30, horizon) <= alone


def test_the_rhythm_is_that_of_order_days_up_to_the_instant() -> None:
    """Two orders on a day are one day, a mere visit is none, and a later order is not known yet."""
    engagement = bought(3, 3, 10, 40).happens("page_viewed", NOON + 50 * DAY).record.engagement

    assert (1, 7, 9, START + 3) == order_rhythm(engagement, second(NOON + 12 * DAY))
    assert (2, 37, 57, START + 3) == order_rhythm(engagement, second(NOON + 60 * DAY))
    assert order_rhythm(engagement, second(NOON + 2 * DAY)) is None
    assert order_rhythm(engagement, second(NOON - 400 * DAY)) is None


def test_spend_is_drawn_towards_that_of_everybody() -> None:
    """As if two more orders at the mean had been placed; later ones are not known yet."""
    engagement = bought(0, 5, 9, amount_minor=4000).record.engagement

    assert 1000.0 == expected_spend_minor(engagement, second(NOON - DAY), 1000.0)
    assert (2 * 4000 + 2 * 1000) / 4 == expected_spend_minor(engagement, second(NOON + 8 * DAY), 1000.0)
    assert (3 * 4000 + 2 * 1000) / 5 == expected_spend_minor(engagement, second(NOON + 9 * DAY), 1000.0)


def test_returns_of_more_than_was_paid_are_no_negative_spend() -> None:
    """Who cost us money so far may still spend."""
    engagement = bought(0).happens("order_returned", NOON + DAY, amount_minor=9000).record.engagement

    assert 2000 / 3 == expected_spend_minor(engagement, second(NOON + DAY), 1000.0)
    assert -9000 == spent_minor(engagement, START + 1, START + 7)


def test_everybodys_mean_is_money_by_order_days() -> None:
    """Somebody with many orders counts as often, who cost us money as nothing; without any order there is no mean."""
    returned = bought(0).happens("order_returned", NOON + DAY, amount_minor=7000)
    stories = [bought(0, 1, 2), bought(0, amount_minor=9000), returned]
    engagements = [story.record.engagement for story in stories]
    cuts = np.array([START + 9] * 3)

    assert (3 * 1000 + 9000 + 0) / 5 == mean_spend_minor(habits_of(engagements, cuts))
    assert 0.0 == mean_spend_minor(habits_of([bought().record.engagement], cuts[:1]))


def test_a_value_is_orders_by_spend_by_the_factor_and_nothing_for_who_never_ordered() -> None:
    """In the order of the customers."""
    now_s = second(NOON + 30 * DAY)
    seen = [(bought(*days).record.engagement, now_s) for days in ((), (0, 20), (), (29,))]
    orders = expected_orders([(1, 20, 30, 0), (0, 0, 1, 0)], 28)
    values = expected_values(seen, 28, mean_minor=3000.0, factor=1.5)

    assert [0.0, float(orders[0] * 2000 * 1.5), 0.0, float(orders[1] * 7000 / 3 * 1.5)] == pytest.approx(
        values.tolist()
    )
    assert [0.0] == expected_values(seen[:1], 28, mean_minor=3000.0).tolist()
    assert 0.25 * 800 == value_at_risk(0.25, 800.0)


def test_the_factor_is_what_came_by_what_was_predicted_older_weeks_counting_less() -> None:
    """And 1 before anything was predicted."""
    state = recalibrated(recalibrated(Recalibration(), 1000.0, 500.0), 1000.0, 2000.0)

    assert 1.0 == Recalibration().factor
    assert (1970.0, 2485.0) == tuple(state)
    assert 2485.0 / 1970.0 == state.factor


def test_a_week_in_which_nobody_bought_teaches_nothing() -> None:
    """Nor is it forgotten by."""
    state = Recalibration(100.0, 120.0)

    assert state == recalibrated(state, 50.0, 0.0) == recalibrated(state, 50.0, -10.0)


def test_the_factor_has_bounds() -> None:
    """One strange week does not carry everything away."""
    assert MOST_FACTOR == recalibrated(Recalibration(), 1.0, 1e9).factor
    assert LEAST_FACTOR == recalibrated(Recalibration(), 1e9, 1.0).factor


class Sales:
    """A published set as order days: whose, when, and how many minor units."""

    def __init__(self, name: str, columns: list[str]) -> None:
        if not (PUBLISHED / name).is_file():
            pytest.skip(f"{name} is not in ../shared/data")
        parquet = pytest.importorskip("pyarrow.parquet")
        table = parquet.read_table(PUBLISHED / name, columns=columns)
        self.table = {column: table[column].to_numpy(zero_copy_only=False) for column in columns}

    def by_day(self, customer: Any, at: Any, minor: Numbers) -> "Sales":
        """Bring the sales of each customer's day together."""
        day = at.astype("datetime64[D]").astype(np.int64)
        key, of = np.unique(customer.astype(np.int64) * 100_000 + day, return_inverse=True)
        self.customer, self.day = np.divmod(key, 100_000)
        self.minor = np.bincount(of, np.rint(minor))
        return self

    def until(self, cut: int) -> tuple[list[Rhythm], Numbers, Numbers]:
        """Say rhythms, expected spends and whose they are, as of the midnight before a day."""
        past = self.day < cut
        who, first, count = np.unique(self.customer[past], return_index=True, return_counts=True)
        day, money = self.day[past], np.add.reduceat(self.minor[past], first)
        mean = self.minor[past].sum() / past.sum()
        spends = (np.maximum(money, 0.0) + PSEUDO_ORDERS * mean) / (count + PSEUDO_ORDERS)
        table = np.column_stack([count - 1, day[first + count - 1] - day[first], cut - 1 - day[first], first])
        rhythms: Any = table  # what numpy reads as a list of rhythms
        return rhythms, spends, who

    def between(self, cut: int, days: int, who: Any) -> tuple[Any, Any]:
        """Count order days and money of these customers within so many days from a day on."""
        place = np.searchsorted(who, self.customer).clip(max=len(who) - 1)
        future = (self.day >= cut) & (self.day < cut + days) & (who[place] == self.customer)
        place = place[future]
        return np.bincount(place, minlength=len(who)), np.bincount(place, self.minor[future], len(who))


def cdnow() -> Sales:
    """CDNOW: purchases by day."""
    sales = Sales("cdnow_master.parquet", ["customer_id", "date", "amount"])
    return sales.by_day(sales.table["customer_id"], sales.table["date"], sales.table["amount"] * 100.0)


def online_retail() -> Sales:
    """UCI Online Retail: what known customers bought, without cancellations."""
    names = ["CustomerID", "InvoiceDate", "InvoiceNo", "Quantity", "UnitPrice"]
    sales = Sales("online_retail.parquet", names)
    customer, at, number, quantity, price = (sales.table[name] for name in names)
    kept = np.array([not str(one).startswith("C") for one in number]) & (quantity > 0)
    kept &= ~np.isnan(customer.astype(np.float64))
    return sales.by_day(customer[kept], at[kept], (quantity * price * 100.0)[kept])


def test_on_cdnow_the_expectation_errs_less_than_a_rate_that_goes_on() -> None:
    """The figures in the docstrings of `expected_orders` and `expected_spend_minor`."""
    sales, found = cdnow(), []
    r, alpha, a, b = POPULATION.r, POPULATION.alpha, POPULATION.a, POPULATION.b
    for date in ("1997-10-07", "1998-01-06", "1998-03-25"):
        cut = (datetime.fromisoformat(date) - datetime(1970, 1, 1)).days
        rhythms, spends, who = sales.until(cut)
        count, money = sales.between(cut, 91, who)
        x, last, age = np.array(rhythms, np.float64).T[:3]
        alive = 1 / (1 + a / (b + x) * np.exp((r + x) * np.log((alpha + age) / (alpha + last))))
        for guess in (expected_orders(rhythms, 91), alive * (r + x) / (alpha + age) * 91, np.zeros_like(x)):
            miss = guess - count
            found += [np.sqrt(np.mean(miss**2)), np.mean(np.abs(miss)), guess.sum() / count.sum()]
        bought_some = count > 0
        found.append(np.mean(np.abs(spends - money / np.maximum(count, 1))[bought_some]) / 100)
    means = np.mean(np.reshape(found, (3, 10)), axis=0)

    assert [0.692, 0.334, 1.049, 0.693, 0.339, 1.090, 0.951, 0.281, 0.0] == pytest.approx(means[:9].tolist(), abs=6e-4)
    assert 17.83 == pytest.approx(means[9], abs=6e-3)


@pytest.mark.parametrize(("read", "without", "with_it"), [(cdnow, 0.168, 0.172), (online_retail, 0.405, 0.142)])
def test_the_factor_brings_totals_closer_where_the_population_is_another(
    read: Any, without: float, with_it: float
) -> None:
    """Learned week by week from the week that passed, judged on the next 28 days; the figures in `recalibrated`."""
    sales, state, misses = read(), Recalibration(), []
    first = int(sales.day.min()) // 7 * 7 + 28
    for number, cut in enumerate(range(first, int(sales.day.max()) - 27, 7)):
        rhythms, spends, who = sales.until(cut)
        week, month = (float((expected_orders(rhythms, days) * spends).sum()) for days in (7, 28))
        came = sales.between(cut, 28, who)[1].sum()
        if number >= 8:
            misses.append([abs(math.log(factor * month / came)) for factor in (1.0, state.factor)])
        state = recalibrated(state, week, sales.between(cut, 7, who)[1].sum())

    assert [without, with_it] == pytest.approx(np.mean(misses, axis=0).tolist(), abs=6e-4)
