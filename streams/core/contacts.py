"""
Contacts: how often somebody was reached, and how often we already mean to.

Law: what counts is what was delivered, and every slot that a decision holds until it is delivered,
dismissed or over. What the holdout kept back counts as if it had been delivered at once. A limit is
never broken for want of memory: where more was delivered than is kept, as many as the limit allows are
taken to have come just before the oldest that is.
"""

from typing import Final, NamedTuple

from schemas import CONTACT_CHANNELS, ContactChannel
from streams.core.catalogue import Catalogue, Limit
from streams.core.engagement import DAY_S, Engagement
from streams.core.newest import entries
from streams.core.once import once
from streams.core.replies import DECISION_BYTES, DELIVERIES, outcomes
from streams.core.stance import NONE, Reservation, Stance

_ID_END: Final = 1 + DECISION_BYTES
"""Where in a delivery the decision ends, after the channel's number in one byte."""

_MOST_APART_S: Final = DAY_S
"""So much earlier than the decision its delivery may seem to be, by clocks that differ."""


class Excess(NamedTuple):
    """A limit that is used up: what it says, and when the next contact fits, if nothing else happens."""

    limit: str
    until_s: int


class Contacts:
    """All contacts of one customer that count at an instant; each limit is looked at once."""

    __slots__ = ("_catalogue", "_delivered", "_found", "_known_s", "_now_s", "_slots", "_touched")

    def __init__(self, catalogue: Catalogue, engagement: Engagement, stance: Stance, now_s: int) -> None:
        """Gather what counts; `now_s` is never earlier than the record."""
        self._catalogue, self._now_s, self._known_s = catalogue, now_s, NONE
        self._delivered: list[tuple[int, int]] = []
        self._slots: list[tuple[int, int]] = []
        self._touched: set[int] = set()
        self._found: dict[ContactChannel | None, Excess | None] = {}
        if engagement.deliveries or stance.reservations:
            self._gather(engagement, stance)

    def excess(self, channel: ContactChannel) -> Excess | None:
        """Name the first limit that one more contact on a channel would break: its own, then those over all."""
        if not self._touched:
            return None
        if channel not in self._found:
            rule = self._catalogue.channels[channel]
            found = self._excess(rule.contacts, _numbers(self._catalogue)[channel])
            if found is not None:
                found = found._replace(limit=f"{channel}: {found.limit}")
            self._found[channel] = self._excess_over_all() if found is None and rule.counts else found
        return self._found[channel]

    def left(self, limit: Limit, channel: ContactChannel | None = None) -> int:
        """Say how many more contacts a limit allows now: a channel's, or one over all channels that count."""
        numbers = _numbers(self._catalogue)[channel]
        if not self._touches(numbers):
            return limit.most
        return max(0, limit.most - len(self._ends(limit, *self._those(numbers))))

    def _gather(self, engagement: Engagement, stance: Stance) -> None:
        now_s = self._now_s
        since_s = now_s - reach_s(self._catalogue)
        waiting: list[Reservation] = []
        for one in stance.reservations:
            if one.shadow:
                if one.since_s > since_s:
                    self._delivered.append((one.since_s, one.channel))
            elif one.until_s > now_s:
                waiting.append(one)
        over = self._deliver(engagement.deliveries, since_s, waiting) if engagement.deliveries else set()
        if waiting:
            over |= {one.decision for one in outcomes(engagement.outcomes) if one.result == "dismissed"}
            self._slots = [(one.until_s, one.channel) for one in waiting if one.decision[:DECISION_BYTES] not in over]
        self._touched = {number for _, number in (*self._delivered, *self._slots)}

    def _deliver(self, deliveries: bytes, since_s: int, waiting: list[Reservation]) -> set[bytes]:
        """Count what was delivered since an instant; say which decisions were, of those that may still be waiting."""
        earliest_s = min([since_s, *[one.since_s - _MOST_APART_S for one in waiting]])
        over, kept = set(), 0
        for second, _, payload in entries(deliveries):
            if second <= earliest_s:
                break
            over.add(payload[1:_ID_END])
            if second > since_s:
                self._delivered.append((second, payload[0]))
                kept += 1
        if kept == DELIVERIES:
            self._known_s = self._delivered[-1][0]
        return over

    def _excess_over_all(self) -> Excess | None:
        if None not in self._found:
            policy, numbers = self._catalogue.policy, _numbers(self._catalogue)[None]
            ends = sorted([until_s for until_s, number in self._slots if number in numbers])
            if len(ends) >= policy.at_once:
                self._found[None] = Excess(f"{policy.at_once} at once", ends[len(ends) - policy.at_once])
            else:
                self._found[None] = self._excess(policy.contacts, numbers)
        return self._found[None]

    def _excess(self, limits: tuple[Limit, ...], numbers: frozenset[int]) -> Excess | None:
        if not self._touches(numbers):
            return None
        those = self._those(numbers)
        for limit in limits:
            ends = self._ends(limit, *those)
            if len(ends) >= limit.most:
                until_s = sorted(ends)[len(ends) - limit.most]
                return Excess(f"{limit.most} in {limit.days} day{'s' if limit.days > 1 else ''}", until_s)
        return None

    def _touches(self, numbers: frozenset[int]) -> bool:
        """Say whether anything may count on these channels: of more deliveries than are kept, any may have been."""
        return self._known_s >= 0 or not self._touched.isdisjoint(numbers)

    def _those(self, numbers: frozenset[int]) -> tuple[list[int], list[int]]:
        """Say when there were deliveries on these channels, and when slots on them are over."""
        return (
            [second for second, number in self._delivered if number in numbers],
            [until_s for until_s, number in self._slots if number in numbers],
        )

    def _ends(self, limit: Limit, delivered: list[int], slots: list[int]) -> list[int]:
        """Say when everything that counts for a limit ceases to."""
        length_s, now_s = limit.days * DAY_S, self._now_s
        ends = slots + [second + length_s for second in delivered if second + length_s > now_s]
        if self._known_s >= 0 and self._known_s + length_s > now_s:
            ends += [self._known_s + length_s] * limit.most
        return ends


@once
def reach_s(catalogue: Catalogue) -> int:
    """Say how long a contact may count, in seconds."""
    longest = max([limit.days for limit in catalogue.policy.contacts], default=0)
    for rule in catalogue.channels.values():
        for limit in rule.contacts:
            longest = max(longest, limit.days)
    return longest * DAY_S


@once
def _numbers(catalogue: Catalogue) -> dict[ContactChannel | None, frozenset[int]]:
    """Say which channels count for each channel's own limits, and under None for those over all; one not used does."""
    numbered = list(enumerate(CONTACT_CHANNELS))
    numbers: dict[ContactChannel | None, frozenset[int]] = {channel: frozenset([one]) for one, channel in numbered}
    free = {channel for channel, rule in catalogue.channels.items() if not rule.counts}
    numbers[None] = frozenset([one for one, channel in numbered if channel not in free])
    return numbers
