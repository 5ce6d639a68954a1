"""The document tells the truth of the record at an instant, in the contract's own form."""

import msgspec
import pytest

from schemas import CustomerDocument
from streams.core.document import document
from tests.core.stories import DAY, HOUR, MINUTE, NOON, RULES, Story, second


def told(story: Story, as_of_s: int = 0) -> CustomerDocument:
    """The story's document, as a reader sees it."""
    return msgspec.json.decode(document(RULES, story.key, story.body or b"", (1, 2, 3), as_of_s), type=CustomerDocument)


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


def test_what_was_decided_is_shown() -> None:
    """The last actions and the one that holds the floor are in the document, until it expires."""
    story = Story().happens("order_placed", NOON)
    now, later = told(story), told(story, second(NOON + 3 * DAY))

    assert {"first_purchase_thanks": NOON} == now.last_actions == later.last_actions
    assert ("first_purchase_thanks", None) == (now.pending_action and now.pending_action.action, later.pending_action)


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
