"""Contacts: what was delivered, what we mean to deliver, and what the holdout kept back."""

from typing import Any

import pytest

from schemas import CONTACT_CHANNELS, ContactChannel
from schemas.catalogue import ChannelRule, Limit, Policy
from streams.core.catalogue import EMPTY, Catalogue
from streams.core.contacts import Contacts, Excess, contacts, crowded, excess, reach_s
from streams.core.engagement import DAY_S, Engagement, fold
from streams.core.ring import mark_of
from streams.core.stance import Reservation, Stance
from tests.core.stories import NOON, event, second

NOW_S = second(NOON)
HOUR_S = 3600
ONE_A_DAY = Limit(most=1, days=1)
THREE_A_WEEK = Limit(most=3, days=7)
CATALOGUE = Catalogue(
    version="v",
    policy=Policy(contacts=(ONE_A_DAY,)),
    channels={"email": ChannelRule(contacts=(THREE_A_WEEK,)), "web": ChannelRule(counts=False)},
)


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


def found(engagement: Engagement, stance: Stance | None = None) -> Contacts:
    """Gather what counts now."""
    return contacts(CATALOGUE, engagement, stance or Stance(), NOW_S)


def every(_channel: ContactChannel) -> bool:
    return True


@pytest.mark.parametrize(
    ("hours", "free_h"),
    [((), None), ((23,), 1), ((24,), None), ((2, 30, 50), 22), ((30, 50, 70), 98), ((30, 50, 168), None)],
)
def test_a_limit_counts_what_was_delivered(hours: tuple[int, ...], free_h: int | None) -> None:
    """One a day and three a week: who had as many must wait until the one that is too many is old enough."""
    over = excess(found(mailed(*hours)), (ONE_A_DAY, THREE_A_WEEK), every, NOW_S)

    assert (None if free_h is None else NOW_S + free_h * HOUR_S) == (over and over.until_s)


def test_more_than_a_limit_allows_must_all_grow_old() -> None:
    """When three came on a day that allows one, the newest decides."""
    over = excess(found(mailed(1, 2, 3)), (ONE_A_DAY,), every, NOW_S)

    assert Excess("1 in 1 days", NOW_S + 23 * HOUR_S) == over


def test_a_slot_counts_until_it_is_over() -> None:
    """What was decided counts like a delivery, until it expires."""
    assert Excess("1 in 1 days", NOW_S + 5 * HOUR_S) == excess(found(mailed(), reserved(1)), (ONE_A_DAY,), every, NOW_S)
    assert excess(found(mailed(), reserved(1, until_h=0)), (ONE_A_DAY,), every, NOW_S) is None


def test_a_slot_that_was_delivered_counts_once() -> None:
    """The delivery takes the slot's place, and another's delivery does not."""
    two = (Limit(most=2, days=1),)

    assert excess(found(reached(("delivered", 1, "email", 1)), reserved(1)), two, every, NOW_S) is None
    assert excess(found(reached(("delivered", 1, "email", 2)), reserved(1)), two, every, NOW_S) is not None


@pytest.mark.parametrize(("kind", "is_over"), [("dismissed", True), ("opened", False)])
def test_a_slot_that_was_dismissed_is_free(kind: str, is_over: bool) -> None:
    """What was waved away before it was delivered never reached anybody."""
    assert is_over == (crowded(found(reached((kind, 1, "email", 1)), reserved(1)), 1, every) is None)


def test_what_the_holdout_kept_back_counts_as_delivered() -> None:
    """In the holdout the same limits hold, as if everything had been delivered at once; nothing waits there."""
    shadow = found(mailed(), reserved(1, since_h=-20, until_h=-10, shadow=True))

    assert Excess("1 in 1 days", NOW_S + 4 * HOUR_S) == excess(shadow, (ONE_A_DAY,), every, NOW_S)
    assert crowded(shadow, 1, every) is None


def test_as_many_wait_as_may() -> None:
    """A second decision waits until the first is delivered or over."""
    stance = reserved(1)
    stance.reservations += reserved(2, "sms", until_h=2).reservations

    assert [Excess("1 at once", NOW_S + 5 * HOUR_S), Excess("2 at once", NOW_S + 2 * HOUR_S), None] == [
        crowded(found(mailed(), stance), most, every) for most in (1, 2, 3)
    ]


def test_a_channel_that_does_not_count_is_free() -> None:
    """A limit is asked of the channels that count."""
    shown = found(reached(("delivered", 1, "web", 1)), reserved(2, "web"))

    assert excess(shown, (ONE_A_DAY,), lambda channel: channel != "web", NOW_S) is None
    assert crowded(shown, 1, lambda channel: channel != "web") is None
    assert excess(shown, (ONE_A_DAY,), lambda channel: channel == "web", NOW_S) is not None


def test_what_was_forgotten_breaks_no_limit() -> None:
    """Thirty-two newer deliveries on the web may have pushed an e-mail out: then there may have been one."""
    flooded = found(reached(*[("delivered", 1, "web", number) for number in range(32)], ("delivered", 2, "email", 99)))

    assert 3 * DAY_S + NOW_S - HOUR_S == excess(flooded, (Limit(most=9, days=3),), lambda _: False, NOW_S).until_s


def test_what_is_too_old_for_every_limit_is_not_looked_at() -> None:
    """The longest limit says how long a contact may count."""
    assert 7 * DAY_S == reach_s(CATALOGUE)
    assert 0 == reach_s(EMPTY)
    assert Contacts((), (), -1) == found(mailed(7 * 24, 8 * 24))
