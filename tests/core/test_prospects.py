"""Prospects: what the risk would be, had the customer visited or ordered just now."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Event, OrderLine
from streams.core.engagement import Engagement
from streams.core.habits import cut_of, habits_of
from streams.core.hazard import risk
from streams.core.prospects import counterfactuals, counterfactuals_of
from streams.core.record import dump
from streams.core.step import Advance
from tests.core.habits_drawn import taught
from tests.core.stories import DAY, NOON, RULES, Story, histories, second, source_of

MODEL = taught()
NOW = NOON + 60 * DAY


def regular(amount_minor: int = 3000, items: int = 2, orders: int = 4, tag: str = "page_viewed") -> Story:
    """Somebody who came and ordered every five days, at one price, and has been silent since."""
    story = Story()
    for number in range(orders):
        at = NOON + 5 * number * DAY
        story.happens(tag, at)
        orders_like_that(story, at, amount_minor, items)
    return story


def orders_like_that(story: Story, at: Any, amount_minor: int, items: int) -> Story:
    """An order of so much, of so many items."""
    line: dict[str, Any] = {"product_id": "p1", "quantity": items, "unit_price_minor": 1}
    return story.happens("order_placed", at, total_minor=amount_minor, lines=(OrderLine(**line),))


def told_on(story: Story) -> Story:
    """The same story, to go on in another way."""
    other = Story(story.rules)
    other.body, other.events = story.body, story.events
    return other


def risk_of(engagement: Engagement, horizon_days: int) -> float:
    """The risk now."""
    return float(risk(MODEL, habits_of([engagement], np.array([cut_of(second(NOW), 0)])), horizon_days)[0])


@pytest.mark.parametrize("horizon_days", [7, 28, 45])
def test_a_prospect_is_the_risk_that_follows_when_it_comes_true(horizon_days: int) -> None:
    """A visit, and an order like the mean one of before, to the last bit."""
    said = dict(counterfactuals(MODEL, regular().record.engagement, second(NOW), horizon_days))
    visit = regular().happens("page_viewed", NOW).record.engagement
    order = orders_like_that(regular(), NOW, 3000, 2).record.engagement

    assert {"visit": risk_of(visit, horizon_days), "order": risk_of(order, horizon_days)} == said


def test_orders_at_the_till_are_orders_like_others() -> None:
    """Their mean is imagined where they were placed."""
    story, till = Story(), {"channel": "store", "lines": (OrderLine(product_id="p1", quantity=3, unit_price_minor=1),)}
    for number in range(3):
        story.happens("order_placed", NOON + number * DAY, total_minor=2000, **till)
    said = dict(counterfactuals(MODEL, story.record.engagement, second(NOW), 28))

    assert risk_of(story.happens("order_placed", NOW, total_minor=2000, **till).record.engagement, 28) == said["order"]


def test_whoever_has_ordered_nothing_is_imagined_with_a_first_order() -> None:
    """Of one item, at the price that is given."""
    story = Story().happens("page_viewed")
    said = dict(counterfactuals(MODEL, story.record.engagement, second(NOW), 28, first_minor=4200))

    assert risk_of(orders_like_that(story, NOW, 4200, 1).record.engagement, 28) == said["order"]


def test_acting_ends_a_silence() -> None:
    """The model has learned that who was silent for long stays so."""
    engagement = regular().record.engagement

    assert all(after < risk_of(engagement, 28) for _, after in counterfactuals(MODEL, engagement, second(NOW), 28))


def test_a_customer_is_told_the_same_alone_and_among_others() -> None:
    """Each as of an instant of its own, and in the order given."""
    seen = [
        (regular().record.engagement, second(NOW)),
        (regular(900, 7, 2, "store_entered").record.engagement, second(NOW + 3 * DAY)),
        (Story().happens("order_cancelled").happens("signed_in").record.engagement, second(NOON)),
    ]
    alone = [counterfactuals(MODEL, engagement, now_s, 28) for engagement, now_s in seen]
    cuts = np.array([cut_of(now_s, 0) for _, now_s in seen])

    assert alone == counterfactuals_of(MODEL, habits_of([engagement for engagement, _ in seen], cuts), seen, 28)
    assert 3 == len(set(alone))


def test_returns_of_more_than_was_paid_are_no_negative_price() -> None:
    """The imagined order then costs nothing."""
    story = regular(100, orders=1).happens("order_returned", NOON + DAY, amount_minor=900)
    said = dict(counterfactuals(MODEL, story.record.engagement, second(NOW), 28))

    assert risk_of(orders_like_that(story, NOW, 0, 2).record.engagement, 28) == said["order"]


def test_imagining_leaves_the_record_as_it_is() -> None:
    """Not a byte of the customer changes."""
    engagement = regular().record.engagement
    before = dump(engagement)
    counterfactuals(MODEL, engagement, second(NOW), 28)

    assert before == dump(engagement)


@settings(deadline=None, max_examples=150)
@given(histories(max_size=25, span_days=120), st.integers(0, 40), st.booleans())
def test_whatever_the_history_a_prospect_comes_true_to_the_last_bit(
    events: list[Event], later: int, acts_today: bool
) -> None:
    """Folding the imagined act into the record gives the habits that were imagined."""
    story = Story()
    for one in events:
        advance = Advance(RULES)
        advance.observe("c1", story.body, source_of(one), one)
        story.body = next((step.body for step in advance.finish().values()), story.body)
    if story.body is None or story.record.engagement.first_act_s < 0:
        return
    now_s = story.record.engagement.last_s + later * 86400
    if acts_today:
        story.happens("page_viewed", datetime.fromtimestamp(now_s, UTC))
    engagement = story.record.engagement
    orders, money, items = (habits_of([engagement], np.array([cut_of(now_s, 0)]))[at][0] for at in (6, 8, 7))
    amount = int(max(0, money // orders)) if orders >= 1 else 700
    count = int(max(1, np.rint(items / orders))) if orders >= 1 else 1
    at, channel = datetime.fromtimestamp(now_s, UTC), "store" if engagement.store else "web"
    line: dict[str, Any] = {"product_id": "p1", "quantity": count, "unit_price_minor": 1}
    visit = told_on(story).happens("store_entered" if engagement.store else "page_viewed", at)
    order = told_on(story).happens("order_placed", at, total_minor=amount, channel=channel, lines=(OrderLine(**line),))
    true = habits_of([visit.record.engagement, order.record.engagement], np.array([cut_of(now_s, 0)] * 2))

    said = counterfactuals(MODEL, engagement, now_s, 28, first_minor=700)

    assert risk(MODEL, true, 28).tolist() == [after for _, after in said]
