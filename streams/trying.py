"""
Trying a catalogue: the past decided twice, by the catalogue that was and by the one that may be.

Law: both see the same events at the same instants, and a decision is compared by its moment. What customers did is what
they did: nobody answers a message that was never sent. Whatever is decided is taken for delivered at once, so that it
counts for the limits; deliveries of the past belong to the decisions of the past and are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from schemas import ActionDelivered, Event, NextBestAction
from streams.core.catalogue import NOTHING, Catalogue
from streams.core.decode import second_of
from streams.core.rules import Rules
from streams.core.signals import NEXT_BEST_ACTIONS, Signal
from streams.feeds.decoding import Reading
from streams.replay import Origin, Replay

WEEK_S = 7 * 86400

_decode = msgspec.json.Decoder(NextBestAction).decode


class Change(msgspec.Struct, frozen=True):
    """One moment that is answered otherwise; an action is None where there is no decision at all."""

    moment: str
    moment_id: str
    customer: str
    before: str | None
    after: str | None


class Tally(msgspec.Struct):
    """
    What one catalogue decided: by action, by (action, gate), and by moment.

    Contacts are those on channels that count for the limits over all; `free` are the others.
    """

    free: Collection[str] = ()
    decisions: Counter[str] = msgspec.field(default_factory=Counter)
    customers: defaultdict[str, set[str]] = msgspec.field(default_factory=lambda: defaultdict(set))
    refusals: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    moments: Counter[str] = msgspec.field(default_factory=Counter)
    held_out: int = 0
    contacts: Counter[tuple[str, int]] = msgspec.field(default_factory=Counter)
    answers: dict[str, tuple[str, str, str]] = {}

    def hear(self, signal: Signal) -> None:
        """Count a decision; other signals are passed over."""
        if signal.kind != NEXT_BEST_ACTIONS:
            return
        said = _decode(signal.body)
        customer = said.customer_id or f"~{said.anonymous_id}"
        self.decisions[said.action] += 1
        self.customers[said.action].add(customer)
        self.moments[said.moment] += 1
        self.held_out += said.would_have is not None
        self.refusals.update({(refused.action, refused.gate) for refused in said.refused})
        self.answers[said.moment_id] = (said.moment, customer, said.would_have or said.action)
        if said.action != NOTHING and said.channel not in self.free:
            self.contacts[customer, int(said.as_of.timestamp()) // WEEK_S] += 1

    @property
    def contacted(self) -> int:
        """How many decisions were to reach somebody on a channel that counts."""
        return self.contacts.total()

    def contacts_per_week(self) -> "Spread":
        """Say how often customers who are contacted at all are, in a week."""
        return spread(sorted(self.contacts.values()))


class Spread(NamedTuple):
    """Contacts of a customer within a week in which there were any: customer-weeks, mean, 95 %, most."""

    weeks: int
    mean: float
    p95: int
    most: int


def spread(counts: list[int]) -> Spread:
    """
    Describe sorted counts.

    >>> spread([1, 1, 2, 4])
    Spread(weeks=4, mean=2.0, p95=4, most=4)
    """
    if not counts:
        return Spread(0, 0.0, 0, 0)
    return Spread(len(counts), round(sum(counts) / len(counts), 3), counts[int(0.95 * len(counts))], counts[-1])


def tally_of(catalogue: Catalogue) -> Tally:
    """Begin to count what a catalogue decides."""
    return Tally(free=frozenset(name for name, rule in catalogue.channels.items() if not rule.counts))


def delivered(signal: Signal) -> Event | None:
    """Say of a decision to do something that it was delivered at once; None of any other signal."""
    if signal.kind != NEXT_BEST_ACTIONS or signal.label == NOTHING:
        return None
    said = _decode(signal.body)
    assert said.channel is not None, "what is done is done on a channel"
    return ActionDelivered(
        event_id=f"delivered-{said.signal_id}",
        schema_version=1,
        occurred_at=said.as_of,
        customer_id=said.customer_id,
        anonymous_id=said.anonymous_id,
        decision_id=said.signal_id,
        action=said.action,
        channel=said.channel,
    )


class Trial:
    """Takes events one by one and replays them under both catalogues."""

    def __init__(self, before: Rules, after: Rules) -> None:
        """Begin with nobody known; the rules differ in their catalogues only."""
        self.before, self.after = tally_of(before.catalogue), tally_of(after.catalogue)
        self.events = 0
        self._speak_from_s = before.speak_from_s
        self._runs = [
            Replay(rules, tally.hear, _bury, echo=delivered)
            for rules, tally in ((before, self.before), (after, self.after))
        ]

    def take(self, origin: Origin, reading: Reading) -> None:
        """Take in what the Door said of an event."""
        event = reading.event
        if isinstance(event, ActionDelivered) and second_of(event) >= self._speak_from_s:
            return
        self.events += 1
        for run in self._runs:
            run.take(origin, reading.line.source or 0, reading.line.raw, event)

    def close(self) -> None:
        """Let silence last until the latest event."""
        for run in self._runs:
            run.close()

    def changes(self) -> list[Change]:
        """List every moment that is answered otherwise, by moment and its id."""
        before, after = self.before.answers, self.after.answers
        found = []
        for moment_id in before.keys() | after.keys():
            old, new = before.get(moment_id), after.get(moment_id)
            moment, customer, _ = old or new  # type: ignore[misc]
            if (old and old[2]) != (new and new[2]):
                found.append(Change(moment, moment_id, customer, old and old[2], new and new[2]))
        return sorted(found, key=lambda change: (change.moment, change.moment_id))


def _bury(_letter: object) -> None:
    """What is refused is refused under any catalogue."""
