"""Telling: what drives a learned risk, in words and figures."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Event, OrderLine, Reason
from streams.core.engagement import Engagement
from streams.core.habits import cut_of, habits_of
from streams.core.hazard import GROUPS, contributions
from streams.core.telling import LEAST_LOGIT, amount, reasons_of
from tests.core.habits_drawn import taught
from tests.core.stories import DAY, NOON, Story, histories, second

HIGH = 2
MODEL = taught()


def weekly(days: int, tag: str = "page_viewed", story: Story | None = None) -> Story:
    """Somebody who comes every seven days."""
    story = story or Story()
    for number in range(0, days, 7):
        story.happens(tag, NOON + number * DAY)
    return story


def on(*days: int, tag: str = "page_viewed") -> Story:
    """Somebody who came on these days."""
    story = Story()
    for day in days:
        story.happens(tag, NOON + day * DAY)
    return story


def bought(*totals: int, currency: str = "GBP") -> Story:
    """Somebody who placed orders of these amounts on one day, of three items each."""
    story = Story().happens("page_viewed")
    for total in totals:
        line: dict[str, Any] = {"product_id": "p1", "quantity": 3, "unit_price_minor": 1}
        story.happens("order_placed", total_minor=total, currency=currency, lines=(OrderLine(**line),))
    return story


def told(story: Story, days: int, group: str, logit: float = 1.0, **said: Any) -> Reason:
    """How a group is told some days after the story began."""
    (reason,) = reasons_of({group: logit}, story.record.engagement, second(NOON + days * DAY), **said)
    return reason


def codes(added: Mapping[str, float], **said: Any) -> list[str]:
    """The codes of the reasons, in their order."""
    return [reason.code for reason in reasons_of(added, weekly(28).record.engagement, second(NOON + 40 * DAY), **said)]


def test_silence_is_measured_by_the_customers_own_rhythm() -> None:
    """With the figures, and with what it adds to the logit."""
    reason = told(weekly(28), 21 + 19, "silence", 0.8123)

    assert ("silence", "No visit for 19 days; usually every 7 days.") == (reason.code, reason.text)
    assert {"silent_days": 19, "usual_days": 7.0, "logit": 0.812} == reason.figures


def test_what_lowers_the_risk_says_so() -> None:
    """By its first words, and by the sign of its figure."""
    reason = told(weekly(28), 21, "silence", -0.5)

    assert "Speaks for staying: active today; usually every 7 days." == reason.text
    assert -0.5 == reason.figures["logit"]


@pytest.mark.parametrize(
    ("story", "days", "group", "text"),
    [
        (on(0), 1, "silence", "No visit for 1 day; seen on one day only."),
        (on(0, 1), 1, "silence", "Active today; usually every day."),
        (on(0), 1, "rhythm", "Seen on one day only, so there is no rhythm yet."),
        (on(0, 5), 9, "rhythm", "Seen on two days, 5 days apart."),
        (on(0, 5, 10), 19, "rhythm", "Always 5 days from one active day to the next."),
        (on(0, 1, 21, 24), 30, "rhythm", "From 1 to 20 days from one active day to the next; last 3 days."),
        (on(0), 3, "activity", "1 active day in the last 30."),
        (weekly(60), 80, "activity", "1 active day in the last 30; 4.71 per 30 days before."),
        (weekly(95), 95, "activity", "4 active days in the last 30; 4.5 per 30 days before."),
        (on(0), 0, "tenure", "First seen today."),
        (on(0), 412, "tenure", "First seen 412 days ago."),
        (on(0), 4321, "tenure", "First seen 4321 days ago."),
        (on(0, 3), 4321, "silence", "No visit for 4318 days; usually every 3 days."),
        (on(0), 1, "money", "No order so far."),
        (on(0), 1, "basket", "No order so far."),
        (bought(500).happens("order_cancelled"), 1, "money", "No order that was kept."),
        (bought(500).happens("order_cancelled"), 1, "basket", "No order that was kept."),
        (bought(41250), 1, "money", "Spent 412.50 GBP in one order."),
        (bought(100000, 23456), 1, "money", "Spent 1,234.56 GBP in 2 orders, 617.28 GBP each."),
        (bought(500, currency="EUR"), 1, "money", "1 order, in another currency only."),
        (bought(500, 500), 1, "basket", "3.0 items per order."),
        (on(0), 400, "web", "On the web on 1 day, none of them in the last 30 days."),
        (weekly(60), 60, "web", "On the web on 9 days, 4 of them in the last 30 days."),
        (on(0), 1, "store", "Never in the shops."),
        (on(0, 3, tag="store_entered"), 30, "store", "In the shops on 2 days, 1 of them in the last 30 days."),
        (on(0, tag="store_entered"), 1, "web", "Never on the web."),
        (on(0), 1, "order", "Never ordered."),
        (bought(500), 1, "order", "Ordered on 1 day, 1 of them in the last 30 days."),
    ],
)
def test_each_group_has_words_for_every_customer(story: Story, days: int, group: str, text: str) -> None:
    """In one sentence, with figures."""
    assert text == told(story, days, group, currency="GBP").text


def test_figures_are_numbers_beside_the_words() -> None:
    """Money stays in minor units there."""
    expected = {"spent_minor": 123456, "orders": 2, "average_minor": 61728, "logit": 1.0}

    assert expected == told(bought(100000, 23456), 1, "money").figures


def test_money_is_written_with_the_digits_of_its_currency() -> None:
    """A yen has no hundredths."""
    story = Story().happens("order_placed", total_minor=1200)

    assert "Spent 1,200 JPY in one order." == told(story, 0, "money", currency="JPY").text


def test_the_largest_comes_first_whatever_its_sign() -> None:
    """While the risk is no alarm."""
    added = {"silence": 0.2, "activity": -0.9, "tenure": 0.5}

    assert ["activity", "tenure", "silence"] == codes(added) == codes(added, band=HIGH - 1)


def test_in_alarm_what_raises_the_risk_comes_first() -> None:
    """From the band high on."""
    added = {"silence": 0.2, "activity": -0.9, "tenure": 0.5}

    assert ["tenure", "silence", "activity"] == codes(added, band=HIGH) == codes(added, band=HIGH + 1)


def test_at_most_five_are_told() -> None:
    """The weakest of nine are left out."""
    added = {group: 0.1 * number for number, group in enumerate(GROUPS, start=1)}

    assert list(GROUPS)[:3:-1] == codes(added)


def test_what_adds_next_to_nothing_is_not_told() -> None:
    """Just above the least it is, at it no more, and the mean customer has no reasons."""
    assert ["web"] == codes({"web": LEAST_LOGIT + 1e-9, "store": LEAST_LOGIT, "order": -LEAST_LOGIT})
    assert [] == codes(dict.fromkeys(GROUPS, 0.0)) == codes({})


def test_of_equal_reasons_the_order_does_not_depend_on_that_of_the_groups_given() -> None:
    """The same customer is told the same, however the figures came."""
    added = dict.fromkeys(GROUPS, 0.5)

    assert list(GROUPS)[:5] == codes(added) == codes(dict(reversed(added.items())))


@given(histories(max_size=12), st.integers(0, 1000))
def test_every_customer_can_be_told_every_group(history: list[Event], later: int) -> None:
    """In one sentence with a full stop, and figures that a program can read."""
    story = Story()
    for one in history:
        fields = {name: getattr(one, name) for name in one.__struct_fields__ if name != "occurred_at"}
        story.happens(str(one.__struct_config__.tag), one.occurred_at, **fields)
    engagement = story.record.engagement
    if engagement.first_act_s < 0:
        return
    now_s = engagement.last_s + later * 86400
    reasons = [reason for group in GROUPS for reason in reasons_of({group: -1.0}, engagement, now_s)]

    assert list(GROUPS) == [reason.code for reason in reasons]
    assert reasons == msgspec.json.decode(msgspec.json.encode(reasons), type=list[Reason])
    assert all(reason.text.endswith(".") and "\n" not in reason.text for reason in reasons)


def test_the_silence_that_is_told_is_the_silence_that_was_scored() -> None:
    """A model that learned silence gives it as the first reason; the words count the days that the features count."""
    engagement: Engagement = weekly(56).record.engagement
    now_s = second(NOON + (49 + 40) * DAY)
    habits = habits_of([engagement], np.array([cut_of(now_s, 0)]))
    added = {group: float(values[0]) for group, values in contributions(MODEL, habits).items()}
    silence = next(reason for reason in reasons_of(added, engagement, now_s, band=HIGH) if reason.code == "silence")

    assert added["silence"] > LEAST_LOGIT
    assert {"silent_days": habits.rec[0], "usual_days": 7.0, "logit": round(added["silence"], 3)} == silence.figures


@pytest.mark.parametrize(("minor", "currency", "text"), [
    (123_456, "GBP", "1,234.56 GBP"), (1_200, "JPY", "1,200 JPY"), (-5, "EUR", "-0.05 EUR"),
    (1_234_567, "KWD", "1,234.567 KWD"),
])  # fmt: skip
def test_money_has_the_digits_of_its_currency(minor: int, currency: str, text: str) -> None:
    """A yen has no cents, a dinar has a thousand fils."""
    assert text == amount(minor, currency)
