"""Counterfactuals: what is imagined is what would be."""

from typing import Any

import numpy as np
import pytest

from schemas import OrderLine
from streams.core.counterfactual import ordered, visited
from streams.core.engagement import Engagement, snapshot
from streams.core.habits import cut_of, habits_of
from streams.core.hazard import risk
from streams.core.record import dump
from tests.core.habits_drawn import taught
from tests.core.stories import DAY, NOON, Story, second

NOW = NOON + 40 * DAY
MODEL = taught()


def a_customer(*tags: str) -> Story:
    """A customer who acted on these kinds of occasion, three days apart, long ago."""
    story = Story()
    for number, tag in enumerate(tags):
        story.happens(tag, NOON + 3 * number * DAY)
    return story


def risk_of(engagement: Engagement) -> float:
    """The risk now."""
    return float(risk(MODEL, habits_of([engagement], np.array([cut_of(second(NOW), 0)])), 28)[0])


@pytest.mark.parametrize(("before", "visit"), [("product_viewed", "page_viewed"), ("store_entered", "store_entered")])
def test_the_risk_after_an_imagined_visit_is_that_after_a_real_one(before: str, visit: str) -> None:
    """To the last bit; whoever goes to shops is imagined there."""
    story = a_customer(before, before)
    imagined = risk_of(visited(story.record.engagement, second(NOW)))

    assert risk_of(story.happens(visit, NOW).record.engagement) == imagined


@pytest.mark.parametrize("channel", ["web", "store"])
def test_the_risk_after_an_imagined_order_is_that_after_a_real_one(channel: str) -> None:
    """Money and items of the imagined order count as they would."""
    story = a_customer("store_entered" if channel == "store" else "product_viewed", "order_placed")
    imagined = ordered(story.record.engagement, second(NOW), amount_minor=4200, items=3, base_currency="GBP")
    line: dict[str, Any] = {"product_id": "p1", "quantity": 3, "unit_price_minor": 1400}
    real = story.happens("order_placed", NOW, channel=channel, lines=(OrderLine(**line),))

    assert risk_of(real.record.engagement) == risk_of(imagined)


def test_imagining_leaves_the_record_as_it_is() -> None:
    """Not a byte of the customer changes, nor of a snapshot taken before."""
    engagement = a_customer("store_entered", "order_placed").record.engagement
    frozen = snapshot(engagement)
    before = dump(engagement)
    visited(engagement, second(NOW))
    ordered(engagement, second(NOW), amount_minor=1, items=1, base_currency="GBP")
    visited(frozen, second(NOW))

    assert before == dump(engagement) == dump(frozen)
