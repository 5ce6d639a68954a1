"""
Contacts: how often somebody was reached, and how often we already mean to.

Law: what counts is what was delivered, and every slot that a decision holds until it is delivered,
dismissed or over. What the holdout kept back counts as if it had been delivered at once. A limit is
never broken for want of memory: where more was delivered than is kept, as many as the limit allows are
taken to have come just before the oldest that is.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from schemas import CONTACT_CHANNELS, ContactChannel
from streams.core.catalogue import Catalogue, Limit
from streams.core.engagement import DAY_S, Engagement
from streams.core.replies import DELIVERIES, deliveries, outcomes
from streams.core.stance import NONE, Stance

_ID_BYTES: Final = 8


class Contact(NamedTuple):
    """One delivery, or one that the holdout kept back: when (second since 1970), and by which channel."""

    second: int
    channel: ContactChannel


class Slot(NamedTuple):
    """One contact that was decided and is not over: until when it holds its slot, and on which channel."""

    until_s: int
    channel: ContactChannel


class Contacts(NamedTuple):
    """All that counts at an instant; `known_s` is the oldest delivery if older ones may be forgotten, else -1."""

    delivered: tuple[Contact, ...]
    slots: tuple[Slot, ...]
    known_s: int


class Excess(NamedTuple):
    """A limit that is used up: what it says, and when the next contact fits, if nothing else happens."""

    limit: str
    until_s: int


Counts = Callable[[ContactChannel], bool]
"""Says whether contacts on a channel count."""

NOBODY_REACHED: Final = Contacts((), (), NONE)


def reach_s(catalogue: Catalogue) -> int:
    """Say how long a contact may count, in seconds."""
    limits = [*catalogue.policy.contacts, *(limit for rule in catalogue.channels.values() for limit in rule.contacts)]
    return max([limit.days for limit in limits], default=0) * DAY_S


def contacts(catalogue: Catalogue, engagement: Engagement, stance: Stance, now_s: int) -> Contacts:
    """Gather what counts at an instant."""
    blob, reservations = engagement.deliveries, stance.reservations
    if not blob and not reservations:
        return NOBODY_REACHED
    since_s = now_s - reach_s(catalogue)
    delivered, over, known_s = [], set(), NONE
    for delivery in deliveries(blob):
        over.add(delivery.decision)
        if delivery.second > since_s:
            delivered.append(Contact(delivery.second, delivery.channel))
    if len(delivered) == DELIVERIES:
        known_s = delivered[-1].second
    over |= {outcome.decision for outcome in outcomes(engagement.outcomes) if outcome.result == "dismissed"}
    slots = []
    for one in reservations:
        channel = CONTACT_CHANNELS[one.channel]
        if one.shadow:
            if one.since_s > since_s:
                delivered.append(Contact(one.since_s, channel))
        elif one.until_s > now_s and one.decision[:_ID_BYTES] not in over:
            slots.append(Slot(one.until_s, channel))
    return Contacts(tuple(delivered), tuple(slots), known_s)


def excess(found: Contacts, limits: Iterable[Limit], counts: Counts, now_s: int) -> Excess | None:
    """Name the first limit that one more contact would break, among the contacts on channels that count."""
    delivered = [one.second for one in found.delivered if counts(one.channel)]
    ends = [slot.until_s for slot in found.slots if counts(slot.channel)]
    for limit in limits:
        length_s = limit.days * DAY_S
        ending = ends + [second + length_s for second in delivered if second + length_s > now_s]
        if found.known_s >= 0 and found.known_s + length_s > now_s:
            ending += [found.known_s + length_s] * limit.most
        if len(ending) >= limit.most:
            ending.sort()
            return Excess(f"{limit.most} in {limit.days} days", ending[len(ending) - limit.most])
    return None


def crowded(found: Contacts, at_once: int, counts: Counts) -> Excess | None:
    """Say whether as many decisions as may be already wait to be delivered, on channels that count."""
    ends = sorted(slot.until_s for slot in found.slots if counts(slot.channel))
    return Excess(f"{at_once} at once", ends[len(ends) - at_once]) if len(ends) >= at_once else None
