"""Each moment as a story: what must happen, what must not, and that it is answered once."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Event
from streams.core.catalogue import MOMENTS, WORDS, MomentName, parse
from streams.core.clocks import Clock, respond_by
from streams.core.moments import UNRULED, Moment, look, moment_id, next_opening
from streams.core.moments_found import FIND
from streams.core.moments_told import Telling, tell
from streams.core.rules import Rules
from streams.core.stance import Stance
from streams.core.step import Advance
from streams.core.templates import LONGEST
from tests.core.stories import CATALOGUE, DAY, HOUR, MINUTE, NOON, RULES, Story, event, second, source_of

MOMENT_RULES = """
cart_abandoned = { delay_s = 3600, window_s = 172800 }
checkout_abandoned = { delay_s = 1800, window_s = 172800 }
browsed_and_left = { delay_s = 1800, window_s = 86400, minimum = 3 }
visit_without_purchase = { delay_s = 7200, window_s = 172800 }
helped_and_left = { delay_s = 7200, window_s = 172800 }
first_purchase = { window_s = 86400 }
second_purchase = { window_s = 86400 }
milestone = { window_s = 86400, orders = [3, 5], spend_minor = [2000], anniversaries = true }
return_made = { delay_s = 3600, window_s = 86400 }
complaint = { window_s = 604800, respond_within_s = 86400 }
detractor = { window_s = 604800, respond_within_s = 172800 }
response_overdue = { window_s = 604800 }
promoter = { delay_s = 3600, window_s = 604800 }
referral_bought = { window_s = 604800 }
risk_rose = { window_s = 604800 }
win_back = { delay_s = 1209600, window_s = 1209600 }
refill_due = { window_s = 604800, minimum = 3 }
survey_due = { delay_s = 259200, window_s = 604800 }
came_to_shop = { window_s = 3600 }
came_to_web = { window_s = 3600 }
"""


def only(*names: MomentName) -> Rules:
    """Rules that know these moments only, each with an action on the page, which no limit stops."""
    rules = [line for line in MOMENT_RULES.splitlines() if line.partition(" ")[0] in names]
    text = "[channels.web]\ncounts = false\nanonymous = true\n[moments]\n" + "\n".join(rules)
    for name in names:
        text += (
            f'\n[[action]]\nname = "on_{name}"\nmoments = ["{name}"]\nchannel = "web"\npurpose = "service"\n'
            "value_minor = 1000\nprior = [50, 50]\ncooldown_s = 0\nexpires_after_s = 60\n"
            'template = { en = "Hello." }\n'
        )
    return msgspec.structs.replace(RULES, catalogue=parse(text))


def decided(story: Story) -> list[str]:
    """The moments that were decided about, in order."""
    signals = [signal for signal in story.said if signal.kind == "next-best-actions"]
    return [msgspec.json.decode(signal.body)["moment"] for signal in signals]


def decided_at(story: Story) -> str:
    """When the latest decision was made."""
    at: str = story.latest("next-best-actions")["as_of"]
    return at


def stance_of(story: Story) -> Stance:
    """Where we stand towards the customer of the story."""
    stance = story.record.stance
    assert stance is not None
    return stance


def sought(story: Story) -> list[Moment]:
    """What is found of the story's record, and not answered."""
    return look(story.rules.catalogue, story.record.engagement, stance_of(story))


def told(story: Story, name: MomentName) -> Telling:
    """A moment of the story in words, as of its cause, answered or not."""
    engagement, stance = story.record.engagement, stance_of(story)
    forgotten = msgspec.structs.replace(stance, answers={}, assessed_s=engagement.last_s)
    found = next(one for one in look(story.rules.catalogue, engagement, forgotten) if one.name == name)
    return tell(found, engagement, stance, max(found.opens_s, stance.assessed_s))


def looks(story: Story, *minutes: int, product_id: str = "p9") -> Story:
    """Let a product be looked at, at these minutes after noon."""
    for minute in minutes:
        story.happens("product_viewed", NOON + minute * MINUTE, product_id=product_id)
    return story


# ---- Carts and checkouts ------------------------------------------------------------------------------------------


def test_a_cart_left_for_an_hour_is_a_moment() -> None:
    """An hour after the last thing was put in it opens, once, and names that thing."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON, product_id="p1")
    story.happens("cart_item_added", NOON + 10 * MINUTE, product_id="p2").until(NOON + 5 * HOUR)

    assert ["cart_abandoned"] == decided(story)
    assert "2026-03-02T13:10:00Z" == decided_at(story)
    assert (
        "2 products left in the basket, not ordered.",
        {"orders": "0", "product_id": "p2", "products": "2"},
    ) == told(story, "cart_abandoned")


def test_a_cart_that_was_ordered_is_none() -> None:
    """An order closes the cart before the hour is over."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON).happens("order_placed", NOON + 5 * MINUTE)

    assert [] == decided(story.until(NOON + 3 * DAY))


def test_a_cart_that_was_emptied_is_none() -> None:
    """What was taken out again is not waited for."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON)
    story.happens("cart_item_removed", NOON + MINUTE)

    assert [] == decided(story.until(NOON + 3 * DAY))


def test_a_cart_after_a_removal_waits_for_what_is_left() -> None:
    """The moment follows the newest product that is still in the cart."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON, product_id="p1")
    story.happens("cart_item_added", NOON + MINUTE, product_id="p2")
    story.happens("cart_item_removed", NOON + 2 * MINUTE, product_id="p2")

    assert [second(NOON + HOUR)] == [moment.opens_s for moment in sought(story)]


def test_a_cart_is_answered_once() -> None:
    """The same cart is not mentioned again, however often the customer is looked at; a new thing in it is."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON).until(NOON + 2 * HOUR)
    for minutes in range(150, 300, 30):
        story.wakes(second(NOON + minutes * MINUTE))
    assert ["cart_abandoned"] == decided(story)

    story.happens("cart_item_added", NOON + DAY, product_id="p2").until(NOON + DAY + 2 * HOUR)

    assert ["cart_abandoned"] * 2 == decided(story)


def test_a_cart_whose_time_has_passed_is_not_mentioned() -> None:
    """Two days after it opened the moment is over: whoever looks only then says nothing about it."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON).wakes(second(NOON + 49 * HOUR))

    assert ([], []) == (decided(story), sought(story))


def test_a_checkout_that_was_left_is_one_moment_and_the_cart_none() -> None:
    """Who began to pay and went is one contact; the basket behind it is no second one."""
    story = Story(only("cart_abandoned", "checkout_abandoned")).happens("cart_item_added", NOON)
    story.happens("checkout_started", NOON + MINUTE).until(NOON + 3 * DAY)

    assert ["checkout_abandoned"] == decided(story)
    assert "2026-03-02T12:31:00Z" == decided_at(story)
    assert "1 product left at the checkout, not ordered." == told(story, "checkout_abandoned").reason


def test_a_checkout_is_noticed_long_after_its_cart() -> None:
    """Yesterday's basket was answered; today's checkout with it is a moment of its own."""
    story = Story(only("cart_abandoned", "checkout_abandoned")).happens("cart_item_added", NOON)
    story.until(NOON + HOUR).happens("page_viewed", NOON + DAY).happens("checkout_started", NOON + DAY + MINUTE)

    assert ["cart_abandoned", "checkout_abandoned"] == decided(story.until(NOON + DAY + HOUR))


@pytest.mark.parametrize(
    ("tag", "expected"), [("order_placed", []), ("cart_item_removed", []), ("cart_item_added", ["cart_abandoned"])]
)
def test_a_checkout_ends_with_what_follows(tag: str, expected: list[str]) -> None:
    """An order ends it, emptying the basket too, and who puts in more has gone back to the basket."""
    story = Story(only("cart_abandoned", "checkout_abandoned")).happens("cart_item_added", NOON)
    story.happens("checkout_started", NOON + MINUTE).happens(tag, NOON + 2 * MINUTE).until(NOON + 3 * DAY)

    assert expected == decided(story)


def test_a_checkout_with_nothing_in_the_cart_is_none() -> None:
    """Where nothing is known to be left, nothing can be named."""
    story = Story(only("checkout_abandoned")).happens("cart_item_added", NOON)
    story.happens("cart_item_removed", NOON + MINUTE).happens("checkout_started", NOON + 2 * MINUTE)

    assert [] == decided(story.until(NOON + DAY))


def test_without_an_action_for_checkouts_the_cart_stands_for_them() -> None:
    """A catalogue that answers no checkout still answers the basket."""
    story = Story(only("cart_abandoned")).happens("cart_item_added", NOON)

    assert ["cart_abandoned"] == decided(story.happens("checkout_started", NOON + MINUTE).until(NOON + 3 * DAY))


# ---- Looking ------------------------------------------------------------------------------------------------------


def test_three_looks_at_one_product_are_a_moment() -> None:
    """Who looks at one product three times and leaves is thought of half an hour later, once."""
    story = looks(Story(only("browsed_and_left")), 0, 5, 9).until(NOON + 5 * HOUR)

    assert ["browsed_and_left"] == decided(story)
    assert "2026-03-02T12:39:00Z" == decided_at(story)
    words = {"orders": "0", "product_id": "p9", "views": "3"}
    assert ("Looked at p9 3 times and left.", words) == told(story, "browsed_and_left")


def test_looks_in_between_do_not_matter() -> None:
    """Between the looks others may lie, also at a product whose name the first contains."""
    story = looks(looks(Story(only("browsed_and_left")), 0, 4), 1, 5, product_id="p99")

    assert ["browsed_and_left"] == [moment.name for moment in sought(looks(story, 9))]


@pytest.mark.parametrize(
    ("minutes", "after"),
    [
        ((0, 9), ("page_viewed", 10)),
        ((0, 780, 1560), ("page_viewed", 1561)),
        ((0, 5, 9), ("cart_item_added", 10)),
        ((0, 5, 9), ("order_placed", 10)),
        ((0, 5, 9), ("cart_item_added", 6)),
        ((0, 5, 9), ("product_viewed", 12)),
        ((0, 2000, 2009), ("product_viewed", 2004)),
    ],
    ids=["two", "in more than a day", "put in", "ordered", "put in before", "went on to another", "two and another"],
)
def test_looks_that_are_no_moment(minutes: tuple[int, ...], after: tuple[str, int]) -> None:
    """Two looks are too few, three in 26 hours too slow, and who took it, bought or went on has not left."""
    story = looks(Story(only("browsed_and_left")), *minutes).happens(after[0], NOON + after[1] * MINUTE)

    assert [] == decided(story.until(NOON + 3 * DAY))


# ---- Shops --------------------------------------------------------------------------------------------------------


def test_a_visit_without_a_purchase_is_a_moment() -> None:
    """Two hours after the last step in the shop it opens, naming the shop."""
    story = Story(only("visit_without_purchase")).happens("store_entered", NOON, store_id="s7")
    story.happens("store_left", NOON + 30 * MINUTE, store_id="s7").until(NOON + DAY)

    assert ["visit_without_purchase"] == decided(story)
    assert "2026-03-02T14:30:00Z" == decided_at(story)
    assert ("Was in shop s7 and bought nothing.", {"orders": "0", "store_id": "s7"}) == told(
        story, "visit_without_purchase"
    )


def test_a_visit_with_a_purchase_is_none() -> None:
    """Steps out of the door after paying are no visit without purchase, nor is one that ends at home on the web."""
    paid = Story(only("visit_without_purchase")).happens("store_entered", NOON)
    paid.happens("order_placed", NOON + 20 * MINUTE, channel="store").happens("store_left", NOON + 25 * MINUTE)
    at_home = Story(only("visit_without_purchase")).happens("store_entered", NOON).happens("order_placed", NOON + HOUR)

    assert [[], []] == [decided(story.until(NOON + DAY)) for story in (paid, at_home)]


def test_a_long_visit_is_one_moment() -> None:
    """Who still was in the shop when it opened is not thought of again at the door; the next visit is another one."""
    story = Story(only("visit_without_purchase")).happens("store_entered", NOON).until(NOON + 2 * HOUR)
    story.happens("store_left", NOON + 3 * HOUR).until(NOON + DAY)
    assert ["visit_without_purchase"] == decided(story)

    story.happens("store_entered", NOON + DAY).until(NOON + 2 * DAY)

    assert ["visit_without_purchase"] * 2 == decided(story)


def test_who_was_helped_and_left_is_one_moment_and_the_visit_none() -> None:
    """The help counts, not the visit around it; the moment opens two hours after the door."""
    story = Story(only("visit_without_purchase", "helped_and_left")).happens("store_entered", NOON, store_id="s7")
    story.happens("associate_helped", NOON + 10 * MINUTE, store_id="s7")
    story.happens("store_left", NOON + 30 * MINUTE, store_id="s7").until(NOON + DAY)

    assert ["helped_and_left"] == decided(story)
    assert "2026-03-02T14:30:00Z" == decided_at(story)
    assert "Was helped in shop s7 and bought nothing." == told(story, "helped_and_left").reason


def test_who_was_helped_and_bought_is_none() -> None:
    """Help that ended at the till needs no word."""
    story = Story(only("helped_and_left")).happens("associate_helped", NOON)
    story.happens("order_placed", NOON + 20 * MINUTE, channel="store")

    assert [] == decided(story.until(NOON + DAY))


def test_who_is_known_from_the_web_is_noticed_in_the_shop() -> None:
    """At the first step of a visit, once a visit; whoever was never on the web is a stranger there."""
    story = Story(only("came_to_shop")).happens("page_viewed", NOON - DAY)
    story.happens("store_entered", NOON, store_id="s7").happens("store_left", NOON + HOUR, store_id="s7")
    stranger = Story(only("came_to_shop")).happens("store_entered", NOON)

    assert (["came_to_shop"], []) == (decided(story), decided(stranger))
    assert "2026-03-02T12:00:00Z" == decided_at(story)
    assert "Known from the web, and now in shop s7." == told(story, "came_to_shop").reason


def test_who_was_in_the_shop_is_noticed_on_the_web() -> None:
    """On the first day on the web after a visit, with the first click; not on the second, nor a month later."""
    story = Story(only("came_to_web")).happens("store_entered", NOON, store_id="s7")
    story.happens("page_viewed", NOON + 2 * DAY)
    assert ["came_to_web"] == decided(story)
    assert "On the web for the first time since the visit to shop s7." == told(story, "came_to_web").reason

    story.happens("page_viewed", NOON + 2 * DAY + HOUR).happens("page_viewed", NOON + 3 * DAY)
    late = Story(only("came_to_web")).happens("store_entered", NOON).happens("page_viewed", NOON + 31 * DAY)

    assert (["came_to_web"], []) == (decided(story), decided(late))


# ---- Orders -------------------------------------------------------------------------------------------------------


def test_the_first_and_the_second_order_are_moments_at_once() -> None:
    """Each is answered in the step that brings it, the third is neither."""
    story = Story(only("first_purchase", "second_purchase"))
    for number in range(3):
        story.happens("order_placed", NOON + number * HOUR)

    assert ["first_purchase", "second_purchase"] == decided(story)


def test_an_order_called_off_makes_no_first_one() -> None:
    """An order that was called off before its event was read is not thanked for, nor is the next one as the first."""
    story = Story(only("first_purchase")).happens("page_viewed", NOON).happens("order_cancelled", NOON + 2 * MINUTE)

    assert [] == decided(story.happens("order_placed", NOON + MINUTE).happens("order_placed", NOON + HOUR))


def test_the_third_and_the_fifth_order_are_milestones() -> None:
    """Those that the catalogue names, each once."""
    story = Story(only("milestone"))
    for number in range(7):
        story.happens("order_placed", NOON + number * DAY, total_minor=1)

    assert ["milestone"] * 2 == decided(story)
    assert "2026-03-06T12:00:00Z" == decided_at(story)


def test_a_sum_is_a_milestone_on_the_day_it_is_reached() -> None:
    """Once, though more is spent the same day, and though later orders cross it again after a cancellation."""
    story = Story(only("milestone")).happens("order_placed", NOON, total_minor=1500)
    story.happens("order_placed", NOON + DAY, total_minor=700)
    assert ["milestone"] == decided(story)
    assert "Reached a milestone with order number 2." == told(story, "milestone").reason

    story.happens("order_cancelled", NOON + DAY + HOUR, amount_minor=700)
    story.happens("order_placed", NOON + DAY + 2 * HOUR, total_minor=900)
    story.happens("order_cancelled", NOON + 2 * DAY, amount_minor=900)
    story.happens("order_placed", NOON + 3 * DAY, total_minor=800)

    assert ["milestone"] == decided(story)


def test_each_year_is_a_milestone() -> None:
    """On the anniversary of the first act, found by a recheck, for whoever ever ordered; a year later again."""
    story = Story(only("milestone")).happens("page_viewed", NOON).happens("order_placed", NOON + DAY)
    regretted = Story(only("milestone")).happens("order_placed", NOON).happens("order_cancelled", NOON + DAY)

    assert [] == decided(regretted.until(NOON + 800 * DAY))
    assert ["milestone"] * 2 == decided(story.until(NOON + 800 * DAY))
    assert "2028-03-02T00:00:00Z" == decided_at(story)
    assert "With us for 2 years today." == story.latest("next-best-actions")["reason"]


def test_who_has_been_gone_for_two_years_has_no_anniversary() -> None:
    """Two are celebrated in silence; then nobody is woken any more."""
    story = Story(only("milestone")).happens("order_placed", NOON).until(NOON + 5000 * DAY)

    assert ("2027-03-02T00:00:00Z", None) == (decided_at(story), story.wake_at)


def test_who_joined_counts_from_then() -> None:
    """The anniversary of a member is that of joining the programme."""
    story = Story(only("milestone")).happens("order_placed", NOON).happens("loyalty_joined", NOON + 40 * DAY)

    assert "2027-04-11T00:00:00Z" == decided_at(story.until(NOON + 500 * DAY))


def test_a_return_is_a_moment_each_time() -> None:
    """An hour after something was brought back."""
    story = Story(only("return_made")).happens("order_placed", NOON).happens("order_returned", NOON + DAY)
    story.until(NOON + 3 * DAY)
    assert ["return_made"] == decided(story)
    assert "2026-03-03T13:00:00Z" == decided_at(story)

    story.happens("order_returned", NOON + 4 * DAY).until(NOON + 6 * DAY)

    assert ["return_made"] * 2 == decided(story)


def test_a_refill_is_due_after_the_customers_own_interval() -> None:
    """Who orders every ten days is thought of ten days after the last order, once."""
    story = Story(only("refill_due"))
    for number in range(3):
        story.happens("order_placed", NOON + number * 10 * DAY)
    story.until(NOON + 60 * DAY)

    assert ["refill_due"] == decided(story)
    assert "2026-04-01T12:00:00Z" == decided_at(story)
    assert "Orders every 10 days; the last was 10 days ago." == story.latest("next-best-actions")["reason"]


def test_who_orders_every_few_days_needs_no_reminder() -> None:
    """Order days closer together than `least_days`, ten unless stated, make no moment of any silence after."""
    story = Story(only("refill_due"))
    for number in range(8):
        story.happens("order_placed", NOON + number * 9 * DAY)

    assert [] == decided(story.until(NOON + 200 * DAY))


def test_a_refill_is_due_when_the_silence_is_longer_than_usual() -> None:
    """Whose order days lie 14 days apart on average, but 20 days more than once, is overdue after 20 days."""
    story, at = Story(only("refill_due")), NOON
    story.happens("order_placed", at)
    for gap in (10, 10, 20, 20, 10):
        at += gap * DAY
        story.happens("order_placed", at)
    story.until(at + 60 * DAY)

    assert "2026-05-31T12:00:00Z" == decided_at(story)


def test_two_order_days_are_no_rhythm() -> None:
    """One interval says nothing about the next."""
    story = Story(only("refill_due")).happens("order_placed", NOON).happens("order_placed", NOON + 10 * DAY)

    assert [] == decided(story.until(NOON + 60 * DAY))


# ---- The customer's voice -----------------------------------------------------------------------------------------


def test_a_complaint_is_a_moment_at_once() -> None:
    """Each complaint is, but a copy of it is not."""
    story = Story(only("complaint")).happens("complaint_made", NOON, event_id="e-complaint")
    story.happens("complaint_made", NOON, event_id="e-complaint")
    assert ["complaint"] == decided(story)
    assert "Complained just now." == story.latest("next-best-actions")["reason"]

    assert ["complaint"] * 2 == decided(story.happens("complaint_made", NOON + DAY))


@pytest.mark.parametrize(
    ("survey", "against", "neither", "for_us"), [("nps", 6, 8, 9), ("csat", 2, 4, 5), ("ces", 3, 4, None)]
)
def test_an_answer_makes_a_detractor_or_a_promoter(survey: str, against: int, neither: int, for_us: int | None) -> None:
    """A low score is a moment at once, a high one an hour later, between them and after an easy purchase is none."""
    rules = only("detractor", "promoter")
    found = [
        decided(Story(rules).happens("survey_answered", NOON, survey=survey, score=score).until(NOON + DAY))
        for score in (against, neither, for_us if for_us is not None else 7)
    ]

    assert [["detractor"], [], [] if for_us is None else ["promoter"]] == found


def test_the_latest_answer_takes_back_the_one_before() -> None:
    """A promoter who thinks worse of us within the hour is asked for nothing; one who comes round is."""
    worse = Story(only("promoter")).happens("survey_answered", NOON, survey="nps", score=10)
    worse.happens("survey_answered", NOON + MINUTE, survey="nps", score=7)
    angry = Story(only("promoter")).happens("survey_answered", NOON, survey="nps", score=10)
    angry.happens("complaint_made", NOON + MINUTE)
    better = Story(only("promoter")).happens("survey_answered", NOON, survey="nps", score=3)
    better.happens("survey_answered", NOON + DAY, survey="nps", score=9)

    stories = [story.until(NOON + 3 * DAY) for story in (worse, angry, better)]

    assert [0, 0, 1] == [decided(story).count("promoter") for story in stories]


def test_a_complaint_nobody_answers_is_overdue() -> None:
    """A day after it the silence is a moment, once, though the catalogue has no action for it."""
    story = Story(only()).happens("complaint_made", NOON).until(NOON + 10 * DAY)

    assert ["complaint", "response_overdue"] == decided(story)
    assert "2026-03-03T12:00:00Z" == decided_at(story)
    reason = story.latest("next-best-actions")["reason"]
    assert "Has waited for an answer for 24 hours. No action answers it." == reason


DECISION = "0" * 32


@pytest.mark.parametrize(
    ("action", "channel", "hours", "expected"),
    [
        ("on_complaint", "web", 1, []),
        ("anything", "phone", 1, []),
        ("anything", "staff", 23, []),
        ("anything", "email", 1, ["response_overdue"]),
        ("on_complaint", "web", -1, ["response_overdue"]),
        ("on_complaint", "web", 25, ["response_overdue"]),
    ],
    ids=["its action", "a call", "staff", "something else", "before it", "too late"],
)
def test_an_answer_that_reached_the_customer_stops_the_clock(
    action: str, channel: str, hours: int, expected: list[str]
) -> None:
    """An action for complaints does, and people do; other messages, those before it and those too late do not."""
    story = Story(only("complaint", "response_overdue")).happens("page_viewed", NOON - DAY)
    delivery: dict[str, Any] = {"decision_id": DECISION, "action": action, "channel": channel}
    if hours < 0:
        story.happens("action_delivered", NOON + hours * HOUR, **delivery).happens("complaint_made", NOON)
    else:
        story.happens("complaint_made", NOON).until(NOON + hours * HOUR)
        story.happens("action_delivered", NOON + hours * HOUR, **delivery)
    story.until(NOON + 5 * DAY)

    assert expected == [name for name in decided(story) if name == "response_overdue"]


def test_the_clock_says_who_must_be_answered_first() -> None:
    """Of a detractor and a later complaint the complaint is due first; both are answered by one call."""
    story = Story(only("complaint", "detractor")).happens("survey_answered", NOON, survey="nps", score=0)
    story.happens("complaint_made", NOON + HOUR)
    catalogue = story.rules.catalogue

    assert Clock("complaint", second(NOON + HOUR), second(NOON + 25 * HOUR)) == respond_by(
        catalogue, story.record.engagement, story.stance
    )
    story.happens("action_delivered", NOON + 2 * HOUR, decision_id=DECISION, action="call", channel="phone")
    assert respond_by(catalogue, story.record.engagement, story.stance) is None


def test_a_survey_is_due_after_a_delivery_and_after_help() -> None:
    """Three days later, once for each; not of somebody who answered one within the 90 days before."""
    story = Story(only("survey_due")).happens("order_placed", NOON).happens("order_delivered", NOON + DAY)
    story.until(NOON + 8 * DAY)
    assert ["survey_due"] == decided(story)
    assert "2026-03-06T12:00:00Z" == decided_at(story)

    story.happens("survey_answered", NOON + 9 * DAY, score=8).happens("associate_helped", NOON + 95 * DAY)
    story.until(NOON + 110 * DAY)
    assert ["survey_due"] == decided(story)

    story.happens("associate_helped", NOON + 120 * DAY).until(NOON + 130 * DAY)
    assert ["survey_due"] * 2 == decided(story)
    assert ["survey_due"] == decided(Story(only("survey_due")).happens("associate_helped", NOON).until(NOON + 9 * DAY))


def test_a_referral_that_bought_is_a_moment_each_time() -> None:
    """Whoever invited somebody is thanked when they buy, and when the next one does, but not for a copy."""
    story = Story(only("referral_bought")).happens("referral_sent", NOON)
    story.happens("referral_converted", NOON + DAY, event_id="e-first")
    story.happens("referral_converted", NOON + DAY, event_id="e-first").until(NOON + 2 * DAY)
    assert ["referral_bought"] == decided(story)

    assert ["referral_bought"] * 2 == decided(story.happens("referral_converted", NOON + 3 * DAY))


# ---- Risk ---------------------------------------------------------------------------------------------------------


def test_a_risk_that_rises_in_silence_is_a_moment() -> None:
    """At each of the bands high and critical, found by the recheck of the crossing; not before."""
    story = Story(only("risk_rose"))
    for number in range(30):
        story.happens("page_viewed", NOON + number * DAY)
    assert [] == decided(story)

    story.until(NOON + 400 * DAY)

    assert ["risk_rose"] * 2 == decided(story)
    assert ["high", "critical"] == story.bands[-2:]


def test_two_weeks_after_the_risk_became_critical_is_the_time_to_win_back() -> None:
    """Once, unless the customer came back meanwhile."""
    story = Story(only("win_back"))
    for number in range(30):
        story.happens("page_viewed", NOON + number * DAY)
    while stance_of(story).band < 3:
        story.wakes()
    body, wake_at = story.body, story.wake_at
    critical_s = stance_of(story).rose_s

    assert ["win_back"] == decided(story.until(NOON + 400 * DAY))
    assert {"win_back": critical_s} == stance_of(story).answers
    assert second(datetime.fromisoformat(decided_at(story))) == critical_s + 14 * 86400

    back = Story(only("win_back"))
    back.body, back.wake_at = body, wake_at
    back.happens("page_viewed", NOON + 400 * DAY)
    assert [] == decided(back.wakes(second(NOON + 401 * DAY)))


def test_nobody_is_won_back_who_has_just_been_here() -> None:
    """A risk that rises with an act, however high, is no reason to call the customer back."""
    story = Story(only("risk_rose", "win_back")).happens("page_viewed").happens("order_placed", NOON + DAY)
    stance = stance_of(story)
    stance.band, stance.rose_s = 3, second(NOON + DAY)
    engagement, catalogue = story.record.engagement, story.rules.catalogue

    assert [] == look(catalogue, engagement, stance)
    stance.rose_s = second(NOON + 2 * DAY)
    assert ["risk_rose", "win_back"] == [moment.name for moment in look(catalogue, engagement, stance)]


# ---- All of them --------------------------------------------------------------------------------------------------

EVERY = only(*MOMENTS)


def history() -> list[Event]:
    """What brings about most moments within a few days, with a copy of everything."""
    tale: list[tuple[str, int, dict[str, Any]]] = [
        ("page_viewed", 0, {}),
        ("store_entered", 1, {}),
        ("associate_helped", 2, {}),
        ("order_placed", 40, {}),
        ("order_placed", 41, {"total_minor": 2500}),
        ("order_delivered", 60, {}),
        ("order_returned", 70, {}),
        ("complaint_made", 80, {}),
        ("survey_answered", 81, {"survey": "nps", "score": 1}),
        ("survey_answered", 82, {"survey": "csat", "score": 5}),
        ("referral_converted", 83, {}),
        ("cart_item_added", 90, {}),
        ("checkout_started", 91, {}),
        *[("product_viewed", 92 + hour, {"product_id": "p9"}) for hour in range(3)],
        ("associate_helped", 100, {}),
    ]
    return [
        event(tag, NOON + hour * HOUR, event_id=f"m{number}", **fields)
        for number, (tag, hour, fields) in enumerate(tale)
    ]


def found_after(events: list[Event]) -> list[Moment]:
    """What is found when these events came in one slice, in this order, and nothing was answered or assessed yet."""
    advance = Advance(EVERY, None)
    for one in events:
        advance.observe("c1", None, source_of(one), one)
    story = Story(EVERY)
    story.body = advance.finish()["c1"].body
    return look(EVERY.catalogue, story.record.engagement, Stance())


@settings(max_examples=30, deadline=None)
@given(st.permutations(history() * 2))
def test_neither_order_nor_copies_change_what_is_found(events: list[Event]) -> None:
    """The same moments, with the same keys and strengths, in whatever order and however often their causes arrive."""
    assert found_after(history()) == found_after(events)


def test_a_history_brings_about_most_moments() -> None:
    """The test above looks at all that events alone cause at one time."""
    elsewhere = {
        "cart_abandoned",
        "visit_without_purchase",
        "first_purchase",
        "refill_due",
        "survey_due",
        "came_to_web",
    }

    assert set(MOMENTS) - elsewhere - {"risk_rose", "win_back"} == {moment.name for moment in found_after(history())}


@settings(max_examples=20, deadline=None)
@given(st.permutations(history() * 2), st.lists(st.integers(0, 400), max_size=6))
def test_no_moment_is_answered_twice(events: list[Event], hours: list[int]) -> None:
    """Event by event, in any order, with copies, and looked at at any time: no moment's id is decided about twice."""
    story = Story(EVERY)
    for one in events:
        advance = Advance(EVERY, None)
        advance.observe("c1", story.body, source_of(one), one)
        story._note(advance)
    for hour in sorted(hours):
        story.wakes(second(NOON + hour * HOUR))
    story.until(NOON + 30 * DAY)
    bodies = [msgspec.json.decode(signal.body) for signal in story.said if signal.kind == "next-best-actions"]
    ids = [body["moment_id"] for body in bodies]

    assert sorted(set(ids)) == sorted(ids)


def test_a_past_of_a_year_asks_for_no_contact() -> None:
    """After a backfill only what is open now is looked for: of a year's history nothing older is left."""
    rules = msgspec.structs.replace(EVERY, speak_from_s=second(NOON + 365 * DAY))
    story = Story(rules)
    for day in range(0, 360, 12):
        story.happens("store_entered", NOON + day * DAY).happens("order_placed", NOON + day * DAY + HOUR)
        story.happens("cart_item_added", NOON + day * DAY + 2 * HOUR).happens("complaint_made", NOON + (day + 1) * DAY)
        story.until(NOON + (day + 6) * DAY)
    assert [] == decided(story)

    story.wakes(second(NOON + 366 * DAY))

    now = second(NOON + 366 * DAY)
    assert all(moment.closes_s > now for moment in sought(story))
    assert {"complaint", "response_overdue", "cart_abandoned"}.isdisjoint(decided(story))


@settings(max_examples=30, deadline=None)
@given(st.permutations(history()), st.integers(0, 16))
def test_every_moment_is_told_with_every_word_it_promises(events: list[Event], count: int) -> None:
    """Whatever was found can be told, and fills each name that a message may use, no longer than promised."""
    advance = Advance(EVERY, None)
    for one in events[:count] or events:
        advance.observe("c1", None, source_of(one), one)
    story = Story(EVERY)
    story.body = advance.finish()["c1"].body
    engagement, stance = story.record.engagement, Stance(band=3, rose_s=second(NOON + 900 * HOUR))
    for moment in look(EVERY.catalogue, engagement, stance):
        telling = tell(moment, engagement, stance, moment.opens_s)

        assert telling.words.keys() >= WORDS[moment.name] | {"orders"}
        assert all(len(word) <= LONGEST[name] for name, word in telling.words.items())
        assert telling.reason.endswith(".")
        assert 5 <= moment.strength <= 100
        assert moment.strength % 5 == 0
        assert moment.key <= moment.opens_s < moment.closes_s


def test_every_name_is_found_weighed_and_told() -> None:
    """No name of the catalogue is without its finder, and the shipped catalogue answers all of them."""
    assert set(MOMENTS) == {name for name, _, _ in FIND} == set(CATALOGUE.by_moment)


def test_a_moment_keeps_its_name_wherever_it_is_found() -> None:
    """The id follows from customer, name and key alone; the instants may move."""
    moment = Moment("complaint", 100, 100, 200, 80)

    assert moment_id("c1", moment) == moment_id("c1", moment._replace(opens_s=150, closes_s=250, strength=5))
    assert 3 == len({moment_id("c1", moment), moment_id("c2", moment), moment_id("c1", moment._replace(key=101))})


def test_a_catalogue_without_actions_looks_for_waiting_customers_only() -> None:
    """Complaints, detractors and overdue answers are looked for even where nothing is done about them."""
    story = Story(only()).happens("order_placed", NOON).happens("cart_item_added", NOON + MINUTE)
    story.happens("complaint_made", NOON + 2 * MINUTE)

    assert ["response_overdue"] == [moment.name for moment in sought(story)]
    assert second(NOON + DAY + 2 * MINUTE) + UNRULED.window_s == sought(story)[0].closes_s


def test_what_is_not_answered_is_woken_for() -> None:
    """A moment to come at its opening, an open one in the next second, and one that is held when quiet hours end."""
    stance = Stance(assessed_s=1000, answers={"complaint": 400})
    to_come, open_ = Moment("promoter", 900, 1500, 2000, 50), Moment("detractor", 900, 900, 2000, 50)
    over, answered = Moment("win_back", 100, 200, 1000, 50), Moment("complaint", 400, 400, 2000, 50)

    assert [1500, 1001, -1] == [next_opening(one, stance) for one in ([to_come], [to_come, open_], [over, answered])]
    stance.held_until_s = 1200
    assert [1200, 1500] == [next_opening(one, stance) for one in ([to_come, open_], [to_come])]


def test_an_open_moment_weighs_what_hangs_on_it() -> None:
    """A basket worth twice the usual order weighs more than one worth half of it."""

    def left(price: int) -> int:
        story = Story(only("cart_abandoned")).happens("order_placed", NOON - DAY, total_minor=1000)
        story.happens("cart_item_added", NOON, price_minor=price)
        assert [50] == [moment.strength for moment in sought(story)], "not weighed before it opens"
        story.until(NOON + HOUR)
        return int(100 * story.latest("next-best-actions")["strength"] + 0.5)

    assert [25, 50, 100] == [left(price) for price in (500, 1000, 5000)]
