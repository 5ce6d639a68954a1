"""Segments and stages: which group a customer belongs to, and how far the relation has come."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import BANDS, Band, Event
from streams.core.catalogue import SEGMENTS, CatalogueError, parse
from streams.core.segments import prepared, segment_end_s, segment_of, stage_of
from tests.core.stories import CATALOGUE, DAY, NOON, Story, histories, second

RULES = prepared(CATALOGUE.segments)
WRITTEN = """
[segments]
first = { first_days = 30 }
second = { orders = 3, bands = ["low"] }
rest = {}
"""


def bought(times: int) -> Story:
    """Somebody who came at first, and then bought so many times on the same day."""
    story = Story().happens("page_viewed")
    for _ in range(times):
        story.happens("order_placed", NOON)
    return story


def segment(story: Story, days: int, band: Band, text: str | None = None) -> str:
    """The segment so many days after the first act."""
    rules = RULES if text is None else prepared(parse(text).segments)
    return segment_of(story.record.engagement, BANDS.index(band), second(NOON + days * DAY), rules)


def stage(story: Story, days: int = 0) -> str:
    """The stage so many days after the story began."""
    return stage_of(story.record.engagement, second(NOON + days * DAY))


def test_the_first_thirty_days_are_new_whatever_else_is_true() -> None:
    """Even for somebody who bought three times and is lost."""
    assert "new" == segment(bought(3), 29, "critical")
    assert "at-risk" == segment(bought(3), 30, "critical")


@pytest.mark.parametrize(
    ("orders", "band", "expected"),
    [
        (3, "high", "at-risk"),
        (0, "critical", "at-risk"),
        (3, "medium", "loyal"),
        (2, "medium", "occasional"),
        (0, "low", "occasional"),
    ],
)
def test_the_first_rule_that_matches_counts(orders: int, band: Band, expected: str) -> None:
    """Risk goes before loyalty, and three orders make it."""
    assert expected == segment(bought(orders), 40, band)


def test_an_order_called_off_does_not_make_loyal() -> None:
    """Orders count net of cancellations."""
    assert "occasional" == segment(bought(3).happens("order_cancelled"), 40, "low")


def test_without_a_band_nobody_is_at_risk() -> None:
    """Before the first assessment there is no band."""
    assert "loyal" == segment_of(bought(3).record.engagement, -1, second(NOON + 40 * DAY), RULES)


def test_who_never_acted_is_new_from_the_first_event() -> None:
    """A cancellation by the shop is no act, but it is when the customer was first heard of."""
    engagement = Story().happens("order_cancelled").record.engagement

    assert "new" == segment_of(engagement, 0, second(NOON + 29 * DAY), RULES)
    assert "occasional" == segment_of(engagement, 0, second(NOON + 30 * DAY), RULES)


@given(st.integers(0, 60 * 86400))
@example(30 * 86400)
@example(30 * 86400 - 1)
def test_a_segment_ends_at_the_second_that_is_told(after_s: int) -> None:
    """The second before it is new, at it no longer, and once it has passed nothing is told."""
    engagement, now_s = bought(0).record.engagement, second(NOON) + after_s
    end_s = segment_end_s(engagement, now_s, RULES)
    is_new = "new" == segment_of(engagement, 0, now_s, RULES)

    assert is_new == (end_s > now_s)
    assert (second(NOON + 30 * DAY) if is_new else -1) == end_s


def test_of_two_ends_ahead_the_sooner_is_told() -> None:
    """And after it the later."""
    rules = prepared(parse("[segments]\nknown.first_days = 60\nnew.first_days = 30\nrest = {}\n").segments)
    engagement = bought(0).record.engagement
    ends = [segment_end_s(engagement, second(NOON + days * DAY), rules) for days in (0, 30, 60)]

    assert [second(NOON + 30 * DAY), second(NOON + 60 * DAY), -1] == ends


def test_a_catalogue_states_segments_of_its_own() -> None:
    """All conditions of a rule must hold."""
    assert "first" == segment(bought(3), 29, "low", WRITTEN)
    assert "second" == segment(bought(3), 30, "low", WRITTEN)
    assert "rest" == segment(bought(3), 30, "medium", WRITTEN)
    assert "rest" == segment(bought(2), 30, "low", WRITTEN)


def test_the_shipped_segments_are_those_of_a_catalogue_without_any() -> None:
    """A catalogue written before there were segments goes on to work."""
    assert SEGMENTS == CATALOGUE.segments == parse("").segments


def test_the_version_follows_the_segments() -> None:
    """Another rule is another catalogue; another wording of the same is not."""
    assert parse(WRITTEN).version != parse(WRITTEN.replace("30", "31")).version
    assert parse("").version == parse("[segments]\n" + (CATALOGUE_SEGMENTS)).version


CATALOGUE_SEGMENTS = """
new.first_days = 30
at-risk.bands = ["high", "critical"]
loyal.orders = 3
occasional = {}
"""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            CATALOGUE_SEGMENTS.replace("occasional", "rare.orders = 1\noccasional"),
            "catalogue.toml:7: segments.occasional: this is one of 5; at most 4 are allowed, "
            "for more than these nobody keeps apart.",
        ),
        ("a = {}\nb = {}\n", "catalogue.toml:2: segments.a: it states no rule, so those after it would stay empty."),
        ("a.orders = 1\n", "catalogue.toml:2: segments.a: the last must state no rule, so that nobody is left over."),
        ("a.orders = 0\nb = {}\n", "catalogue.toml:2: segments.a orders: expected a whole number >= 1."),
        (
            "guest.orders = 1\nb = {}\n",
            "catalogue.toml:2: segments.guest: the name is taken by those who are in no segment.",
        ),
        (
            "a.orders = 1\nnone = {}\n",
            "catalogue.toml:3: segments.none: the name is taken by those who are in no segment.",
        ),
        (
            "a.colour = 1\nb = {}\n",
            "catalogue.toml:2: segments.a colour: there is no such field; there are bands, first_days and orders.",
        ),
        (
            "",
            "catalogue.toml:1: segments: there is none; leave the table out for those that come with Latido.",
        ),
        (
            "a = 3\n",
            "catalogue.toml:2: segments.a: expected a table, got a whole number.",
        ),
    ],
)
def test_what_is_wrong_with_segments_is_said(text: str, sentence: str) -> None:
    """One sentence names the segment and the reason."""
    with pytest.raises(CatalogueError) as caught:
        parse("[segments]\n" + text)

    assert sentence == str(caught.value)


def test_a_bad_name_is_refused() -> None:
    """A segment's name becomes a label of figures."""
    with pytest.raises(CatalogueError) as caught:
        parse("[segments]\n'At Risk' = {}\n")

    assert str(caught.value).startswith("catalogue.toml:2: segments.At Risk: expected a name: ")


def test_a_first_look_is_discovering() -> None:
    """One product seen once, on one day."""
    assert "discovering" == stage(Story().happens("product_viewed"))


@pytest.mark.parametrize(
    "story",
    [
        Story().happens("cart_item_added"),
        Story().happens("checkout_started"),
        Story().happens("product_viewed").happens("product_viewed"),
        Story().happens("store_entered").happens("store_entered", NOON - DAY),
    ],
)
def test_a_second_look_is_considering(story: Story) -> None:
    """A cart, a checkout, the same product again, or another day: for ninety days, the one it happened on included."""
    assert ("considering", "considering") == (stage(story), stage(story, 88))
    assert "discovering" == stage(story, 90)


def test_two_products_seen_once_are_still_discovering() -> None:
    """Only the same product again tells of an intent."""
    assert "discovering" == stage(Story().happens("product_viewed").happens("product_viewed", product_id="p2"))


def test_an_order_is_buying_until_it_is_called_off() -> None:
    """A cancelled order is none."""
    story = Story().happens("order_placed")
    assert ("buying", "buying", "discovering") == (stage(story), stage(story, 89), stage(story, 90))
    assert "discovering" == stage(story.happens("order_cancelled"))


def test_two_orders_on_one_day_are_one_purchase() -> None:
    """Who comes back does so on another day."""
    assert "buying" == stage(bought(2))


def test_an_order_after_an_earlier_one_is_returning_however_long_ago() -> None:
    """The last ninety days hold the second, the first lies a year back."""
    story = Story().happens("order_placed", NOON - 365 * DAY).happens("order_placed")

    assert ("returning", "returning", "discovering") == (stage(story), stage(story, 89), stage(story, 90))


@pytest.mark.parametrize("tag", ["review_written", "content_shared", "referral_sent"])
def test_who_speaks_for_us_is_advocating_while_on_the_web(tag: str) -> None:
    """Beyond buying, for as long as the customer comes by where it is done."""
    story = Story().happens("order_placed").happens(tag)
    assert ("advocating", "discovering") == (stage(story), stage(story, 90))
    assert "advocating" == stage(story.happens("page_viewed", NOON + 90 * DAY), 90)


@given(histories(max_size=12))
def test_the_order_of_arrival_changes_no_stage(history: list[Event]) -> None:
    """A stage is read from what does not depend on it."""
    there, back = Story(), Story()
    for story, events in ((there, history), (back, history[::-1])):
        for one in events:
            fields = {name: getattr(one, name) for name in one.__struct_fields__ if name not in ("occurred_at",)}
            story.happens(str(one.__struct_config__.tag), one.occurred_at, **fields)
    now_s = second(NOON + timedelta(days=900))

    assert stage_of(there.record.engagement, now_s) == stage_of(back.record.engagement, now_s)
