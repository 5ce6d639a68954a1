"""Habits: exact, masked, and the same bits alone and among thousands."""

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Event
from streams.core.engagement import DAY_S, Engagement, fold
from streams.core.habits import MOST_LATER_DAYS, Habits, Integers, acted_within, after, cut_of, habits_of, silence
from streams.core.ring import mark_of
from tests.core.habits_in_plain import plain_habits
from tests.core.stories import DAY, NOON, event, histories, second

TODAY = second(NOON) // DAY_S


def engagement(events: list[Event]) -> Engagement:
    """The record's engagement after these events, in their order."""
    made = Engagement(0, second(events[0].occurred_at), second(events[0].occurred_at))
    for one in events:
        fold(made, one, second(one.occurred_at), mark_of(second(one.occurred_at), one.event_id), "GBP")
    return made


def habits(one: Engagement, cut: int, *, orders_only: bool = False) -> Habits:
    """The habits of one customer."""
    return habits_of([one], np.array([cut]), orders_only=orders_only)


def figures(found: Habits) -> dict[str, float]:
    """The figures of the only customer, by name."""
    return {name: float(column[0]) for name, column in found._asdict().items()}


def crowd(size: int, span_days: int = 800) -> tuple[list[Engagement], Integers]:
    """Customers of all kinds, each with its own cut."""
    rng = random.Random(5)
    kinds = ["product_viewed", "store_entered", "order_placed", "order_returned", "order_cancelled"]
    made = []
    for number in range(size):
        days = sorted(rng.choices(range(span_days), k=rng.choice([1, 2, 5, 30])))
        made.append(engagement([event(rng.choice(kinds), NOON + day * DAY, f"{number}-{day}") for day in days]))
    return made, np.array([TODAY + rng.randrange(900) for _ in made])


@settings(max_examples=60, deadline=None)
@given(events=histories(max_size=30), later=st.integers(-40, 1000))
def test_habits_are_what_counting_by_hand_gives(events: list[Event], later: int) -> None:
    """Days, intervals, decays, money and counts equal those of a loop over the events before the cut."""
    latest = max(second(one.occurred_at) for one in events) // DAY_S
    cut = max(TODAY + 1, TODAY + later, latest - MOST_LATER_DAYS)

    assert plain_habits(events, cut) == pytest.approx(figures(habits(engagement(events), cut)), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(events=histories(max_size=30), later=st.integers(0, MOST_LATER_DAYS))
def test_what_happens_later_changes_nothing(events: list[Event], later: int) -> None:
    """A record that has seen up to fifty days more gives the same habits, to the last bit."""
    cut = max(second(one.occurred_at) for one in events) // DAY_S + 1
    before = engagement(events)
    noise = [
        event(tag, NOON + timedelta(days=cut - TODAY + day))
        for tag in ("order_placed", "store_entered", "product_viewed")
        for day in sorted({0, later // 2, later})
    ]

    assert figures(habits(before, cut)) == figures(habits(engagement(events + noise), cut))


def test_habits_have_the_same_bits_alone_and_among_thousands() -> None:
    """Every tenth of three thousand customers, each at its own cut, has the habits of the customer alone."""
    crowded, cuts = crowd(3000)
    together = np.stack(habits_of(crowded, cuts), axis=1)[::10]
    alone = [np.concatenate(habits_of([crowded[at]], cuts[at : at + 1])) for at in range(0, 3000, 10)]

    assert np.array(alone).tobytes() == together.tobytes()


@pytest.mark.parametrize("instants", [1, 4, 30])
def test_what_silence_leaves_of_decays_is_what_imagining_it_leaves(instants: int) -> None:
    """Factors made once for all customers are those by which a customer's habits decay, to the last bit."""
    crowded, cuts = crowd(20)
    today, ahead = habits_of(crowded, cuts), silence(instants, 7)
    imagined = after(today, np.arange(float(instants))[:, None] * 7)

    assert (today.age + ahead.days).tobytes() == imagined.age.tobytes()
    assert (np.stack(today[12:])[:, None] * ahead.left).tobytes() == np.stack(imagined[12:]).tobytes()


def test_a_day_of_the_cut_itself_is_not_seen_and_the_day_before_is() -> None:
    """An act at noon counts from the next midnight on; an instant's cut is the day after it."""
    visit = engagement([event("store_entered")])

    assert 0 == habits(visit, TODAY).days[0]
    assert [1.0, 0.0] == [habits(visit, TODAY + 1).days[0], habits(visit, TODAY + 1).rec[0]]
    assert TODAY + 1 == cut_of(second(NOON), 0) == cut_of(second(NOON) + 12 * 3600 - 1, 0)
    assert TODAY + 2 == cut_of(second(NOON), 12 * 3600)


def test_with_orders_only_clicks_and_visits_are_no_acts() -> None:
    """Where only orders count, a shop visit shows nowhere, not even for an order at the till."""
    till = event("order_placed", channel="store")
    found = figures(habits(engagement([till, event("store_entered", NOON + 3 * DAY)]), TODAY + 5, orders_only=True))

    assert [1, 4, 0, 0, 1, 1] == [found[name] for name in ("days", "rec", "store", "web", "order", "acts")]


def test_whom_the_window_has_forgotten_was_silent_for_all_of_it() -> None:
    """Two years after the last act nothing is left but the silence, and nothing is infinite."""
    found = figures(habits(engagement([event("store_entered")]), TODAY + 800))

    assert 0 == found["days"]
    assert found["rec"] == found["age"] >= 672
    assert not any(found[name] for name in ("store", "d300", "acts", "money_minor"))


def test_silence_ages_habits_as_time_does() -> None:
    """Habits after 14 imagined days are those derived 14 days later, but for a rounding of decays."""
    crowded, _ = crowd(200, span_days=500)
    cuts = np.full(200, TODAY + 501)
    imagined, lived = after(habits_of(crowded, cuts), np.array(14.0)), habits_of(crowded, cuts + 14)
    seen = lived.days > 0

    np.testing.assert_allclose(np.stack(lived)[:, seen], np.stack(imagined)[:, seen], rtol=1e-9, atol=1e-9)


def test_nobody_at_all_has_habits_too() -> None:
    """An empty batch gives empty columns."""
    assert [0] * len(Habits._fields) == [len(column) for column in habits_of([], np.array([], np.int64))]


def test_a_label_may_be_made_five_weeks_late() -> None:
    """Between a week's beginning and its labels lie the week, its grace and whatever a worker was down."""
    assert 7 + 2 + 5 * 7 <= MOST_LATER_DAYS


def test_a_week_shows_who_acted_in_it() -> None:
    """Both ends of the week count, its neighbours do not; a delivery is no act, and clicks may be left out."""
    days = {"before": -1, "first": 0, "last": 6, "after": 7}
    acted = [engagement([event("product_viewed", NOON + day * DAY)]) for day in days.values()]
    delivered = engagement([event("order_delivered", NOON + DAY)])

    assert [False, True, True, False, False] == acted_within([*acted, delivered], TODAY, 7).tolist()
    assert not acted_within(acted, TODAY, 7, orders_only=True).any()
