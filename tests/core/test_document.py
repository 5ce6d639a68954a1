"""The document tells the truth of the record at an instant, in the contract's own form."""

import msgspec
import pytest

from schemas import CustomerDocument, StatedPreferences
from streams.core.catalogue import parse
from streams.core.document import document
from streams.core.rules import Rules
from tests.core.stories import DAY, HOUR, MINUTE, NOON, RULES, Story, second

GIFT = """
[policy]
contacts = [{ most = 3, days = 7 }]
at_once = 3
holdout = { share = 0.0, salt = "1" }
%s
[channels.email]
needs_consent = ["marketing"]
quiet = true
contacts = [{ most = 2, days = 7 }]
[brand.footer.email]
en = "Stop: unsubscribe."
[moments.first_purchase]
delay_s = 0
window_s = 172800
[moments.complaint]
window_s = 172800
respond_within_s = 86400
[[action]]
name = "gift"
moments = ["first_purchase", "complaint"]
channel = "email"
purpose = "%s"
value_minor = 1000000
cost_minor = 0
prior = [9999, 1]
cooldown_s = 60
expires_after_s = 86400
template = { en = "A gift." }
"""
GIFTS = Rules(catalogue=parse(GIFT % ("", "marketing")))
ALL_DAY = 'quiet_hours = { from = "08:00", until = "07:00", zone = "Europe/London" }'
QUIET = Rules(catalogue=parse(GIFT % (ALL_DAY, "service")))
"""Mails may be sent between seven and eight in the morning only."""


def told(story: Story, as_of_s: int = 0) -> CustomerDocument:
    """The story's document, as a reader sees it."""
    return msgspec.json.decode(
        document(story.rules, story.key, story.body or b"", (1, 2, 3), as_of_s), type=CustomerDocument
    )


def test_windows_are_whole_tiles_that_end_now() -> None:
    """An hour window is this hour and the one before; a day window counts today."""
    story = Story().happens("page_viewed", NOON - 30 * DAY).happens("page_viewed", NOON - 6 * DAY)
    story.happens("store_entered", NOON - 23 * HOUR).happens("page_viewed", NOON - HOUR)
    story.happens("order_placed", NOON - MINUTE).happens("order_cancelled", NOON)
    windows = told(story).windows

    assert [(1, 0), (1, 1), (2, 1), (2, 1)] == [
        (window.web, window.store) for window in (windows.h1, windows.h24, windows.d7, windows.d30)
    ]
    assert (0, 0) == (windows.d30.orders, windows.d30.revenue_minor)


def test_windows_empty_as_time_passes() -> None:
    """Seen a week later the last 24 hours are empty."""
    story = Story().happens("page_viewed", NOON)

    assert (1, 0) == (told(story).windows.h24.web, told(story, second(NOON + 7 * DAY)).windows.h24.web)


def test_active_days_are_counted_for_each_channel() -> None:
    """Days with an act, each day once, over 30, 90 and 365 days."""
    story = Story()
    for days in (-364, -89, -29, -29, 0):
        story.happens("store_entered", NOON + days * DAY)
    active = told(story).days_active

    assert (2, 3, 4) == (active.store.d30, active.store.d90, active.store.d365)
    assert (0, 0, 0) == (active.web.d30, active.web.d90, active.web.d365)


def test_the_average_order_leaves_foreign_orders_out() -> None:
    """An order without known money does not pull the average down."""
    story = Story().happens("order_placed", NOON).happens("order_placed", NOON + HOUR, currency="EUR")
    story.happens("order_placed", NOON + 2 * HOUR, total_minor=700)

    assert (3, 1200, 600) == (told(story).orders, told(story).revenue_minor, told(story).average_order_minor)


def test_taking_part_is_counted() -> None:
    """Reviews, shares and referrals are in the document."""
    story = Story().happens("review_written").happens("content_shared").happens("content_shared", NOON + MINUTE)
    story.happens("referral_sent")
    part = told(story).participation

    assert (1, 2, 1) == (part.reviews, part.shares, part.referrals)


def test_what_was_decided_is_shown_until_it_is_over() -> None:
    """The decision by its id, the contact that waits for its delivery, and the slot it takes of the limits."""
    story = Story(GIFTS).happens("consent_given", channel="email", purpose="marketing").happens("order_placed", NOON)
    now, later = told(story), told(story, second(NOON + 3 * DAY))
    decision = story.latest("next-best-actions")

    assert [(decision["signal_id"], "first_purchase", "gift", NOON)] == [
        (one.decision_id, one.moment, one.action, one.at) for one in now.last_decisions
    ]
    assert {"gift": NOON} == now.last_actions == later.last_actions
    assert ("gift", None) == (now.pending_action and now.pending_action.action, later.pending_action)
    assert [("gift", "email", NOON + DAY)] == [(one.action, one.channel, one.until) for one in now.waiting]
    assert () == later.waiting
    assert [(None, 3, 7, 2), ("email", 2, 7, 1)] == left(now)
    assert [3, 2] == [limit.left for limit in later.limits]
    assert {"holdout": "treated"} == now.arms


def left(document_: CustomerDocument) -> list[tuple[str | None, int, int, int]]:
    """What is left of each limit."""
    return [(limit.channel, limit.most, limit.days, limit.left) for limit in document_.limits]


def test_a_delivery_takes_its_slot_and_waits_no_more() -> None:
    """It counts for as long as the limit reaches back."""
    story = Story(GIFTS).happens("consent_given", channel="email", purpose="marketing").happens("order_placed", NOON)
    decision_id = story.latest("next-best-actions")["signal_id"]
    story.happens("action_delivered", NOON + HOUR, channel="email", action="gift", decision_id=decision_id)
    now = told(story)

    assert () == now.waiting
    assert [("gift", "email", NOON + HOUR)] == [(one.action, one.channel, one.at) for one in now.contacts]
    assert [2, 1] == [limit.left for limit in now.limits]
    assert [3, 2] == [limit.left for limit in told(story, second(NOON + 8 * DAY)).limits]


def test_what_a_customer_allows_and_likes_is_shown() -> None:
    """Only what they said; the latest word counts."""
    story = Story().happens("consent_given", NOON, channel="email", purpose="marketing")
    story.happens("consent_given", NOON, channel="sms", purpose="relation")
    story.happens("consent_withdrawn", NOON + HOUR, channel="sms", purpose="relation")
    story.happens("preferences_set", NOON, time_zone="Europe/Berlin", quiet_from="21:30", quiet_until="07:05")
    now, stranger = told(story), told(Story().happens("page_viewed"))

    assert [("email", "marketing", "given"), ("sms", "relation", "withdrawn")] == [
        (one.channel, one.purpose, one.state) for one in now.consents
    ]
    assert StatedPreferences(time_zone="Europe/Berlin", quiet_from="21:30", quiet_until="07:05") == now.preferences
    assert ((), StatedPreferences()) == (stranger.consents, stranger.preferences)


def test_what_is_open_and_what_was_promised_is_shown_until_it_is_over() -> None:
    """A moment that nobody may answer by mail yet waits with its expiry, and a complaint has its clock."""
    story = Story(QUIET).happens("page_viewed", NOON).happens("complaint_made", NOON + HOUR)
    now, later = told(story), told(story, second(NOON + 9 * DAY))

    assert [("complaint", NOON + HOUR, NOON + 25 * HOUR)] == [
        (one.moment, one.since, one.due) for one in [now.response_clock] if one
    ]
    assert [("complaint", NOON + HOUR, NOON + HOUR + 2 * DAY)] == [
        (one.moment, one.since, one.expires_at) for one in now.moments
    ]
    assert () == later.moments
    story.happens("action_delivered", NOON + 2 * HOUR, channel="phone", action="call")
    assert told(story).response_clock is None


def test_who_was_never_scored_has_no_risk() -> None:
    """A customer who only received something has neither risk nor band."""
    document_ = told(Story().happens("order_delivered"))

    assert (None, None, None, None) == (
        document_.risk, document_.band, document_.risk_as_of, document_.last_act
    )  # fmt: skip


def test_a_visitor_is_named_as_one() -> None:
    """An anonymous visitor's document carries the anonymous id."""
    assert (None, "a7", (1, 2, 3)) == (
        (one := told(Story(key="~a7").happens("page_viewed"))).customer_id, one.anonymous_id, one.version
    )  # fmt: skip


def test_a_guest_order_has_no_document() -> None:
    """There is nothing to tell about nobody."""
    story = Story(key="#o1").happens("order_placed", guest=True)

    with pytest.raises(ValueError, match="guest"):
        document(RULES, "#o1", story.body or b"", (0, 0, 0), 0)
