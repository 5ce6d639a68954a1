"""
Contacts: how often somebody was reached, and how often we already mean to.

Law: what counts is what was delivered, and every slot that a decision holds until it is delivered,
dismissed or over. What the holdout kept back counts as if it had been delivered at once. A limit is
never broken for want of memory: where more was delivered than is kept, as many as the limit allows are
taken to have come just before the oldest that is.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from schemas import CONTACT_CHANNELS
from streams.core.catalogue import Limit
from streams.core.engagement import DAY_S, DELIVERIES, Engagement
from streams.core.newest import entries
from streams.core.profile import DISMISSED
from streams.core.stance import NONE, Stance

ID_BYTES: Final = 8
"""So many bytes of a decision's id tell decisions of one customer apart."""


class Contact(NamedTuple):
    """One delivery, or one that the holdout kept back: when, and by which channel (its index)."""

    second: int
    channel: int


class Slot(NamedTuple):
    """One contact that was decided and is not over: until when it holds its slot, and on which channel."""

    until_s: int
    channel: int


class Contacts(NamedTuple):
    """All that counts at an instant; `known_s` is the oldest delivery if older ones were forgotten, else -1."""

    delivered: tuple[Contact, ...]
    open: tuple[Slot, ...]
    known_s: int


class Excess(NamedTuple):
    """A limit that is used up: what it says, and when the next contact fits (None: never)."""

    limit: str
    until_s: int | None


NOBODY_REACHED: Final = Contacts((), (), NONE)


def contacts(engagement: Engagement, stance: Stance, now_s: int) -> Contacts:
    """Gather what counts at an instant."""
    if not engagement.deliveries and not stance.reservations:
        return NOBODY_REACHED
    deliveries = list(entries(engagement.deliveries))
    over = {one.payload[1 : 1 + ID_BYTES] for one in deliveries}
    over |= {one.payload[1 : 1 + ID_BYTES] for one in entries(engagement.outcomes) if one.payload[0] == DISMISSED}
    delivered = [Contact(one.second, one.payload[0]) for one in deliveries]
    delivered += [Contact(one.since_s, one.channel) for one in stance.reservations if one.shadow]
    held = [
        Slot(one.until_s, one.channel)
        for one in stance.reservations
        if not one.shadow and one.until_s > now_s and one.decision[:ID_BYTES] not in over
    ]
    known_s = deliveries[-1].second if len(deliveries) >= DELIVERIES else NONE
    return Contacts(tuple(delivered), tuple(held), known_s)


def excess(
    found: Contacts, limits: Iterable[Limit], counts: Callable[[int], bool], now_s: int
) -> Excess | None:
    """Name the first limit that one more contact would break, among the contacts on channels that count."""
    delivered = [one.second for one in found.delivered if counts(one.channel)]
    ends = [slot.until_s for slot in found.open if counts(slot.channel)]
    for limit in limits:
        reach_s = limit.days * DAY_S
        left = [second + reach_s for second in delivered if second + reach_s > now_s]
        if found.known_s + reach_s > now_s and found.known_s >= 0:
            left += [found.known_s + reach_s] * limit.most
        if (over := len(left) + len(ends) - limit.most) >= 0:
            free = sorted(left + ends)
            until_s = free[over] if over < len(free) else None
            return Excess(f"{limit.most} in {limit.days} {'day' if limit.days == 1 else 'days'}", until_s)
    return None


def crowded(found: Contacts, at_once: int, counts: Callable[[int], bool]) -> Excess | None:
    """Say whether so many decisions already wait to be delivered."""
    ends = sorted(slot.until_s for slot in found.open if counts(slot.channel))
    if (over := len(ends) - at_once) < 0:
        return None
    return Excess(f"{at_once} at once", ends[over] if over < len(ends) else None)


def channel_named(index: int) -> str:
    """Say the name of a channel by its index; an empty one if this version does not know it."""
    return CONTACT_CHANNELS[index] if index < len(CONTACT_CHANNELS) else ""
