"""Each moment as a story: what must happen, what must not, and when it is answered."""

import msgspec

from streams.core.catalogue import Catalogue, parse
from streams.core.moments import look
from streams.core.rules import Rules
from tests.core.stories import CATALOGUE, DAY, HOUR, MINUTE, NOON, RULES, Story, second


def only(*names: str) -> Rules:
    """The shipped rules with these actions only."""
    actions = tuple(action for action in CATALOGUE.actions if action.name in names)
    return msgspec.structs.replace(RULES, catalogue=Catalogue(actions=actions, version="test"))


def test_a_cart_left_for_an_hour_is_a_reminder() -> None:
    """An hour after the last thing was put in, the customer is reminded of it by name."""
    story = Story().happens("cart_item_added", NOON, product_id="p1")
    story.happens("cart_item_added", NOON + 10 * MINUTE, product_id="p2")
    assert second(NOON + 70 * MINUTE) == story.wake_at

    story.wakes()

    assert ["cart_reminder"] == story.actions
    assert "Your basket is waiting: p2 is still in it." == story.latest("next-best-actions")["message"]


def test_a_cart_that_was_ordered_is_none() -> None:
    """An order closes the cart before the hour is over."""
    story = Story(only("cart_reminder")).happens("cart_item_added", NOON).happens("order_placed", NOON + 5 * MINUTE)
    story.until(NOON + 3 * DAY)

    assert [] == story.actions


def test_a_cart_that_was_emptied_is_none() -> None:
    """What was taken out again is not waited for."""
    story = Story(only("cart_reminder")).happens("cart_item_added", NOON).happens("cart_item_removed", NOON + MINUTE)
    story.until(NOON + 3 * DAY)

    assert [] == story.actions


def test_a_cart_after_a_removal_waits_for_what_is_left() -> None:
    """The moment follows the newest product that is still in the cart."""
    story = Story().happens("cart_item_added", NOON, product_id="p1")
    story.happens("cart_item_added", NOON + MINUTE, product_id="p2")
    story.happens("cart_item_removed", NOON + 2 * MINUTE, product_id="p2")

    assert second(NOON + HOUR) == story.wake_at


def test_a_cart_is_answered_once() -> None:
    """The same cart is not mentioned again, however often the customer is looked at."""
    story = Story(only("cart_reminder")).happens("cart_item_added", NOON).until(NOON + 2 * HOUR)
    for minutes in range(150, 300, 30):
        story.wakes(second(NOON + minutes * MINUTE))

    assert ["cart_reminder"] == story.actions


def test_a_cart_whose_time_has_passed_is_not_mentioned() -> None:
    """Two days after it opened the moment is over: whoever looks only then says nothing about it."""
    story = Story(only("cart_reminder")).happens("cart_item_added", NOON).wakes(second(NOON + 49 * HOUR))

    assert [] == story.actions


def test_a_visit_without_a_purchase_is_followed_up() -> None:
    """Two hours after leaving the shop with empty hands comes a word of thanks, naming the shop."""
    story = Story().happens("store_entered", NOON, store_id="s7").until(NOON + 2 * HOUR)

    assert ["shop_visit_follow_up"] == story.actions
    assert "Thank you for visiting s7." in story.latest("next-best-actions")["message"]


def test_a_visit_with_a_purchase_is_not_followed_up() -> None:
    """Steps out of the door after paying are no visit without purchase."""
    story = Story(only("shop_visit_follow_up")).happens("store_entered", NOON)
    story.happens("order_placed", NOON + 20 * MINUTE, channel="store").happens("store_left", NOON + 25 * MINUTE)
    story.until(NOON + DAY)

    assert [] == story.actions


def test_three_looks_at_one_product_are_an_offer_of_advice() -> None:
    """Who looks at one product three times and leaves is offered advice half an hour later."""
    story = Story()
    for minutes in (0, 5, 9):
        story.happens("product_viewed", NOON + minutes * MINUTE, product_id="p9")
    assert second(NOON + 39 * MINUTE) == story.wake_at

    story.wakes()

    assert ["product_advice"] == story.actions
    assert "Looked at p9 3 times and left." == story.latest("next-best-actions")["reason"]


def test_a_look_at_something_else_ends_the_moment() -> None:
    """Who went on to another product has not left with this one in mind: nobody is woken for it."""
    story = Story()
    for minutes in (0, 5, 9):
        story.happens("product_viewed", NOON + minutes * MINUTE, product_id="p9")
    story.happens("product_viewed", NOON + 12 * MINUTE, product_id="p8")

    assert story.wake_at == second(NOON + 30 * DAY), "when the customer is no longer new"


def test_looks_at_several_products_are_browsing() -> None:
    """Three looks at three products are no reason for a word."""
    story = Story(only("product_advice"))
    for number in range(3):
        story.happens("product_viewed", NOON + number * MINUTE, product_id=f"p{number}")
    story.until(NOON + DAY)

    assert [] == story.actions


def test_looks_on_three_days_are_not_one_moment() -> None:
    """The three looks must lie within 24 hours."""
    story = Story(only("product_advice"))
    for number in range(3):
        story.happens("product_viewed", NOON + number * 13 * HOUR)
    story.until(NOON + 3 * DAY)

    assert [] == story.actions


def test_who_put_it_into_the_cart_needs_no_advice() -> None:
    """A change of the cart since the looks began says that it was not left."""
    story = Story(only("product_advice"))
    for minutes in (0, 5, 9):
        story.happens("product_viewed", NOON + minutes * MINUTE)
    story.happens("cart_item_added", NOON + 10 * MINUTE).until(NOON + DAY)

    assert [] == story.actions


def test_a_first_order_is_thanked_for_at_once() -> None:
    """The first order is answered in the same step, the second is not."""
    story = Story().happens("order_placed", NOON)
    assert ["first_purchase_thanks"] == story.actions

    story.happens("order_placed", NOON + HOUR)

    assert ["first_purchase_thanks"] == story.actions


def test_the_fifth_order_is_a_milestone() -> None:
    """The fifth order is thanked for by its number."""
    story = Story(only("milestone_thanks"))
    for number in range(6):
        story.happens("order_placed", NOON + number * DAY)

    assert ["milestone_thanks"] == story.actions
    assert "This was order number 5." in story.latest("next-best-actions")["message"]


def test_a_refill_is_due_after_the_customers_own_interval() -> None:
    """Who orders every ten days is reminded ten days after the last order, once."""
    story = Story(only("refill_reminder"))
    for number in range(3):
        story.happens("order_placed", NOON + number * 10 * DAY)
    story.until(NOON + 60 * DAY)

    assert ["refill_reminder"] == story.actions
    assert "2026-04-01T12:00:00Z" == story.latest("next-best-actions")["as_of"]
    assert "Orders every 10 days; the last was 10 days ago." == story.latest("next-best-actions")["reason"]


def test_two_order_days_are_no_rhythm() -> None:
    """One interval says nothing about the next."""
    story = Story(only("refill_reminder"))
    for number in range(2):
        story.happens("order_placed", NOON + number * 10 * DAY)
    story.until(NOON + 60 * DAY)

    assert [] == story.actions


def test_a_risk_that_becomes_high_is_won_back() -> None:
    """When silence lifts the band to high, the customer is won back; a newcomer's first score is no rise."""
    story = Story(only("win_back"))
    for number in range(30):
        story.happens("page_viewed", NOON + number * DAY)
    assert [] == story.actions

    story.until(NOON + 400 * DAY)

    assert ["win_back", "nothing"] == story.actions[:2]
    assert "high" == story.bands[story.bands.index("high")]


def test_one_action_at_a_time() -> None:
    """While a decision holds the floor, the next moment is answered with nothing, naming the gate and its end."""
    story = Story().happens("order_placed", NOON).happens("cart_item_added", NOON + MINUTE).until(NOON + 2 * HOUR)
    nothing = story.latest("next-best-actions")

    assert ["first_purchase_thanks", "nothing"] == story.actions
    assert [{"action": "cart_reminder", "gate": "one_at_a_time", "until": "2026-03-04T12:00:00Z"}] == nothing["refused"]
    assert (
        "1 product left in the basket, not ordered. But cart_reminder must wait for the action before it."
        == (nothing["reason"])
    )


def test_an_action_rests_after_it_was_chosen() -> None:
    """A new cart within the cool-down gets no second reminder."""
    story = Story(only("cart_reminder"))
    for days in (0, 2, 4):
        story.happens("cart_item_added", NOON + days * DAY).until(NOON + days * DAY + 2 * HOUR)

    assert ["cart_reminder", "nothing", "cart_reminder"] == story.actions


def test_the_most_urgent_of_two_open_moments_wins() -> None:
    """Two moments open at once: the higher priority is chosen, the other is named as outranked."""
    story = Story().happens("cart_item_added", NOON).happens("store_entered", NOON + MINUTE)
    story.wakes(second(NOON + 3 * HOUR))

    assert ["cart_reminder"] == story.actions
    assert [{"action": "shop_visit_follow_up", "gate": "priority", "until": None}] == (
        story.latest("next-best-actions")["refused"]
    )


SEASONAL = """
[[action]]
name = "spring"
moment = "first_purchase"
channel = "email"
purpose = "relation"
priority = 1
window_s = 86400
cooldown_s = 0
expires_after_s = 86400
message = "Spring."
valid_from = 2026-03-01T00:00:00Z
valid_until = 2026-04-01T00:00:00Z
"""


def test_an_action_has_its_season() -> None:
    """Outside its season an action is refused at the gate of validity, with the instant at which it opens."""
    rules = Rules(catalogue=parse(SEASONAL))
    early, within, late = (
        Story(rules).happens("order_placed", NOON + days * DAY).latest("next-best-actions") for days in (-20, 0, 40)
    )

    assert ("nothing", "spring", "nothing") == (early["action"], within["action"], late["action"])
    assert ["2026-03-01T00:00:00Z", None] == [one["refused"][0]["until"] for one in (early, late)]


def test_no_open_moment_is_no_word() -> None:
    """Without a moment nothing is said, not even "nothing"."""
    story = Story()
    for number in range(20):
        story.happens("page_viewed", NOON + number * DAY)

    assert [] == story.actions


def test_nobody_is_won_back_who_has_just_been_here() -> None:
    """A risk that rises with an act, however high, is no reason to call the customer back."""
    story = Story(only("win_back"))
    story.happens("page_viewed").happens("order_placed", NOON + DAY)
    stance = story.record.stance
    assert stance is not None
    stance.band, stance.rose_s = 3, second(NOON + DAY)
    engagement = story.record.engagement

    assert [] == look(story.rules.catalogue, engagement, stance)
    stance.rose_s = second(NOON + 2 * DAY)
    assert ["win_back"] == [action.name for action, *_ in look(story.rules.catalogue, engagement, stance)]
