"""Contacts: what was delivered, what we mean to deliver, and what the holdout kept back."""

from typing import Any

import pytest

from schemas import CONTACT_CHANNELS, ContactChannel
from schemas.catalogue import ChannelRule, Limit, Policy
from streams.core.catalogue import Catalogue
from streams.core.contacts import Contacts, Excess
from streams.core.engagement import DAY_S, Engagement, fold
from streams.core.ring import mark_of
from streams.core.stance import Reservation, Stance
from tests.core.stories import NOON, event, second

NOW_S = second(NOON)
HOUR_S = 3600
ONE_A_DAY, TWO_A_DAY = Limit(most=1, days=1), Limit(most=2, days=1)
THREE_A_WEEK = Limit(most=3, days=7)


def decision(number: int) -> str:
    """Make the id of a decision."""
    return f"{number:032x}"[::-1]


def reached(*told: tuple[str, int, ContactChannel, int]) -> Engagement:
    """Remember what came back: the kind, hours ago, the channel, and of which decision."""
    engagement = Engagement(0, NOW_S - 400 * DAY_S, NOW_S)
    for number, (kind, hours, channel, of) in enumerate(told):
        at_s = NOW_S - hours * HOUR_S
        one = event(f"action_{kind}", decision_id=decision(of), channel=channel)
        fold(engagement, one, at_s, mark_of(at_s, f"m{number}"), "GBP")
    return engagement


def mailed(*hours: int) -> Engagement:
    """Remember e-mails that were delivered so many hours ago."""
    return reached(*[("delivered", ago, "email", 100 + number) for number, ago in enumerate(hours)])


def reserved(of: int, channel: ContactChannel = "email", since_h: int = -1, until_h: int = 5, **fields: Any) -> Stance:
    """Hold a slot for a decision."""
    slot = Reservation(
        bytes.fromhex(decision(of)),
        "letter",
        CONTACT_CHANNELS.index(channel),
        NOW_S + since_h * HOUR_S,
        NOW_S + until_h * HOUR_S,
        **fields,
    )
    return Stance(reservations=[slot])


def found(
    engagement: Engagement,
    stance: Stance | None = None,
    *limits: Limit,
    at_once: int = 9,
    web: ChannelRule | None = None,
) -> Contacts:
    """Gather what counts now, under limits over all channels."""
    catalogue = Catalogue(
        version="v",
        policy=Policy(contacts=limits, at_once=at_once),
        channels={"email": ChannelRule(), "web": web or ChannelRule(counts=False)},
    )
    return Contacts(catalogue, engagement, stance or Stance(), NOW_S)


@pytest.mark.parametrize(
    ("hours", "free_h"),
    [((), None), ((23,), 1), ((24,), None), ((2, 30, 50), 22), ((30, 50, 70), 98), ((30, 50, 168), None)],
)
def test_a_limit_counts_what_was_delivered(hours: tuple[int, ...], free_h: int | None) -> None:
    """One a day and three a week: who had as many must wait until the one that is too many is old enough."""
    over = found(mailed(*hours), None, ONE_A_DAY, THREE_A_WEEK).excess("email")

    assert (None if free_h is None else NOW_S + free_h * HOUR_S) == (over and over.until_s)


def test_more_than_a_limit_allows_must_all_grow_old() -> None:
    """When three came on a day that allows one, the newest decides."""
    assert Excess("1 in 1 day", NOW_S + 23 * HOUR_S) == found(mailed(1, 2, 3), None, ONE_A_DAY).excess("email")


def test_a_slot_counts_until_it_is_over() -> None:
    """What was decided counts like a delivery, until it expires."""
    assert Excess("1 in 1 day", NOW_S + 5 * HOUR_S) == found(mailed(), reserved(1), ONE_A_DAY).excess("email")
    assert found(mailed(), reserved(1, until_h=0), ONE_A_DAY).excess("email") is None


def test_a_slot_that_was_delivered_counts_once() -> None:
    """The delivery takes the slot's place, and another's delivery does not."""
    assert found(reached(("delivered", 1, "email", 1)), reserved(1), TWO_A_DAY).excess("email") is None
    assert found(reached(("delivered", 1, "email", 2)), reserved(1), TWO_A_DAY).excess("email") is not None


def test_a_slot_is_known_to_be_delivered_when_no_limit_reaches_back() -> None:
    """A decision of two days ago that was delivered does not wait any more, though no limit counts its delivery."""
    delivered = reached(("delivered", 47, "email", 1))

    assert found(delivered, reserved(1, since_h=-48), at_once=1).excess("email") is None
    assert found(mailed(47), reserved(1, since_h=-48), at_once=1).excess("email") is not None


@pytest.mark.parametrize(("kind", "is_over"), [("dismissed", True), ("opened", False)])
def test_a_slot_that_was_dismissed_is_free(kind: str, is_over: bool) -> None:
    """What was waved away before it was delivered never reached anybody."""
    assert is_over == (found(reached((kind, 1, "email", 1)), reserved(1), at_once=1).excess("email") is None)


def test_what_the_holdout_kept_back_counts_as_delivered() -> None:
    """In the holdout the same limits hold, as if everything had been delivered at once; nothing waits there."""
    shadow = reserved(1, since_h=-20, until_h=9, shadow=True)

    assert Excess("1 in 1 day", NOW_S + 4 * HOUR_S) == found(mailed(), shadow, ONE_A_DAY).excess("email")
    assert found(mailed(), shadow, TWO_A_DAY, at_once=1).excess("email") is None


def test_as_many_wait_as_may() -> None:
    """A second decision waits until the first is delivered or over."""
    stance = reserved(1)
    stance.reservations += reserved(2, "sms", until_h=2).reservations

    assert [Excess("1 at once", NOW_S + 5 * HOUR_S), Excess("2 at once", NOW_S + 2 * HOUR_S), None] == [
        found(mailed(), stance, at_once=most).excess("email") for most in (1, 2, 3)
    ]


def test_a_channel_that_does_not_count_is_free() -> None:
    """Limits over all are asked by and of the channels that count; a channel's own are its own."""
    shown, waiting = reached(("delivered", 1, "web", 1)), reserved(2, "web")
    mails = reserved(3)

    assert found(shown, waiting, ONE_A_DAY, at_once=1).excess("email") is None
    assert found(mailed(1), mails, ONE_A_DAY, at_once=1).excess("web") is None
    assert Excess("web: 2 in 1 day", NOW_S + 5 * HOUR_S) == found(
        shown, waiting, web=ChannelRule(counts=False, contacts=(TWO_A_DAY,))
    ).excess("web")
    assert found(mailed(1, 2), mails, web=ChannelRule(counts=False, contacts=(TWO_A_DAY,))).excess("web") is None


def test_what_was_forgotten_breaks_no_limit() -> None:
    """Thirty-two newer deliveries on the web may have pushed e-mails out: then there may have been as many as may."""
    flood = [("delivered", 1, "web", number) for number in range(32)]
    limit = Limit(most=9, days=3)

    assert Excess("9 in 3 days", NOW_S + 71 * HOUR_S) == found(reached(*flood), None, limit).excess("email")
    assert found(reached(*flood[1:]), None, limit).excess("email") is None


def test_it_can_be_said_how_many_are_left() -> None:
    """A limit of three a week, of which one was delivered and one waits, allows one more."""
    here = found(reached(("delivered", 30, "email", 7), ("delivered", 1, "web", 8)), reserved(1, "sms"), THREE_A_WEEK)

    assert [1, 2, 2] == [here.left(THREE_A_WEEK, channel) for channel in (None, "email", "web")]
