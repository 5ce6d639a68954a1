"""
Our own events as a history: each goes through the Door of a worker, and what it refuses is left out, counted and said.

Guests and visitors without a name are nobody's past and are left out, too. The events stay as the bytes they are until
one is asked for.
"""

from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np

from schemas import SOURCES, Event, OrderCancelled, OrderEvent, OrderPlaced, OrderReturned
from streams.core.decode import Door, Refused, second_of
from streams.evaluate.history import History, in_order
from streams.feeds.decoding import Reading, decoded
from streams.feeds.reading import FeedError, Line


class Kept:
    """The named customers' events as columns, with their bytes one behind the other."""

    def __init__(self, accept_from_s: int, currency: str) -> None:
        """Begin with none; `currency` is the one whose money counts."""
        self.codes: dict[str, int] = {}
        self.customer, self.source, self.flags = array("i"), array("b"), array("b")
        self.at_s, self.value_minor, self.ends = array("q"), array("q"), array("q", [0])
        self.raw = bytearray()
        self.nameless = self.repeated = 0
        self.refused: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._currency = currency
        self._doors = [Door(source, accept_from_s=accept_from_s) for source in range(len(SOURCES))]

    def take(self, reading: Reading) -> None:
        """Add one line, or count why not."""
        line, event = reading
        if isinstance(event, Refused):
            self.refused[event.message] += 1
            return
        if event.customer_id is None or (isinstance(event, OrderEvent) and event.guest):
            self.nameless += 1
            return
        source, at_s = line.source or 0, second_of(event)
        mark = hash((source, event.event_id, at_s, event.customer_id))
        if mark in self._seen:
            self.repeated += 1
            return
        self._seen.add(mark)
        self.customer.append(self.codes.setdefault(event.customer_id, len(self.codes)))
        self.source.append(source)
        self.flags.append(event.customer_act + 2 * isinstance(event, OrderPlaced))
        self.at_s.append(at_s)
        self.value_minor.append(self._money(event))
        self.raw += line.raw
        self.ends.append(len(self.raw))

    def event(self, place: int) -> Event:
        """Say the event at a place, in the order of taking."""
        raw = bytes(self.raw[self.ends[place] : self.ends[place + 1]])
        event = self._doors[self.source[place]].read(raw, None)
        assert not isinstance(event, Refused), "the Door let it in once"
        return event

    def notes(self) -> list[str]:
        """Say in a sentence each what was left out."""
        notes = []
        if refused := self.refused.total():
            notes.append(f"Lines that are no events were left out: {refused:,}, most because: {self.why()}")
        if self.nameless:
            notes.append(f"Events that name no customer were left out: {self.nameless:,}.")
        if self.repeated:
            notes.append(f"Events that came again count once: {self.repeated:,}.")
        return notes

    def why(self) -> str:
        """Say the sentence with which most lines were refused."""
        [(message, _)] = self.refused.most_common(1)
        return f"{message.rstrip('.')}."

    def _money(self, event: Event) -> int:
        """Say what an order brought, in minor units, negative where it went back; other currencies are no money."""
        if not isinstance(event, OrderPlaced | OrderCancelled | OrderReturned) or event.currency != self._currency:
            return 0
        return event.amount_minor if isinstance(event, OrderPlaced) else -event.amount_minor


def events(path: str, lines: Iterable[Line], accept_from_s: int, currency: str) -> History:
    """Make a history of lines with our events; raises `FeedError` where there is none."""
    kept = Kept(accept_from_s, currency)
    for reading in decoded(lines, accept_from_s):
        kept.take(reading)
    if not kept.customer:
        why = f"all lines were refused, most because: {kept.why()}" if kept.refused else "give a file that has some."
        raise FeedError(f"{path} holds no event of a named customer; {why}")
    flags = np.frombuffer(kept.flags, np.int8)
    return in_order(
        list(kept.codes),
        np.frombuffer(kept.customer, np.int32).astype(np.int64),
        np.frombuffer(kept.at_s, np.int64),
        (flags & 1).astype(np.bool_),
        (flags & 2).astype(np.bool_),
        np.frombuffer(kept.value_minor, np.int64),
        kept.event,
        kept.notes(),
    )
