"""
What the demo publishes: real orders, simulated companions and consents, and a few records that nobody should publish.

Order of time is kept throughout, so that a year passes in compressed time as it did.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import count
from random import Random

import orjson

from schemas import MAX_VALUE_BYTES, OrderPlaced
from streams.core.decode import Refused, identity_of
from streams.demo_data import HISTORIES
from streams.feeds.decoding import decoded
from streams.feeds.reading import read
from streams.publishing import Outgoing
from streams.simulate.companions import companions
from streams.simulate.telling import CLICKSTREAM, DAY_MS, ORDERS, PROFILES, STORE_VISITS, instant

REPEATED_EVERY = 997
"""Every so many events one is published twice, as a publisher does that did not hear the acknowledgement."""


CONSENTS = (("email", "relation", 0.7), ("email", "marketing", 0.55), ("push", "marketing", 0.3))
"""What customers allow with their first order, and how many of them; the histories say nothing of it."""


def story(seed: int) -> list[Outgoing]:
    """All that is published, in order of time; bad records have no key, as their publishers would know none."""
    orders, events = histories()
    clicks = [Outgoing(told.source, told.key, told.body, told.at_ms) for told in companions(orders, seed)]
    good = merge(events, clicks, consents(orders, seed), key=lambda outgoing: outgoing.at_ms)
    first_ms, last_ms = min(events[0].at_ms, clicks[0].at_ms), events[-1].at_ms
    told = merge(repeated(good), mishaps(first_ms, last_ms), key=lambda outgoing: outgoing.at_ms)
    return [outgoing for outgoing in told if outgoing.at_ms <= last_ms]


def histories() -> tuple[list[OrderPlaced], list[Outgoing]]:
    """The shipped orders as events, and all shipped events as they are published."""
    orders: list[OrderPlaced] = []
    events: list[Outgoing] = []
    for line, event in decoded(read(str(HISTORIES)), accept_from_s=0):
        assert not isinstance(event, Refused), "the shipped histories are accepted"
        if isinstance(event, OrderPlaced):
            orders.append(event)
        events.append(Outgoing(ORDERS, identity_of(event), line.raw, round(event.occurred_at.timestamp() * 1000)))
    return orders, events


def consents(orders: list[OrderPlaced], seed: int) -> list[Outgoing]:
    """What some customers allow with their first order."""
    told: list[Outgoing] = []
    first = {order.customer_id: order.occurred_at for order in reversed(orders) if order.customer_id is not None}
    for customer, at in sorted(first.items(), key=lambda row: (row[1], row[0])):
        chance, at_ms = Random(f"{seed} {customer}"), round(at.timestamp() * 1000)
        for channel, purpose, share in CONSENTS:
            if chance.random() < share:
                said = {
                    "event_id": f"consent-{channel}-{purpose}-{customer}", "event_type": "consent_given",
                    "schema_version": 1, "occurred_at": instant(at_ms), "customer_id": customer, "channel": channel,
                    "purpose": purpose,
                }  # fmt: skip
                told.append(Outgoing(PROFILES, customer, orjson.dumps(said), at_ms))
    return told


def repeated(events: Iterator[Outgoing]) -> Iterator[Outgoing]:
    """The same events, some of them twice."""
    for number in count(1):
        event = next(events, None)
        if event is None:
            return
        yield event
        if number % REPEATED_EVERY == 0:
            yield event


def mishaps(first_ms: int, last_ms: int) -> list[Outgoing]:
    """Records that are refused, each for a reason of its own, spread over the time."""
    clicks, visits, orders = _spoilt()
    bad = [
        *((CLICKSTREAM, raw) for raw in clicks),
        *((STORE_VISITS, raw) for raw in visits),
        *((ORDERS, raw) for raw in orders),
    ]
    step = (last_ms - first_ms) // (len(bad) + 1)
    return [Outgoing(source, None, raw, first_ms + step * (place + 1)) for place, (source, raw) in enumerate(bad)]


def _spoilt() -> tuple[list[bytes], list[bytes], list[bytes]]:
    def event(event_type: str, **fields: object) -> bytes:
        usual: dict[str, object] = {
            "event_id": f"mishap-{event_type}-{len(fields)}", "event_type": event_type, "schema_version": 1,
            "occurred_at": instant(15_000 * DAY_MS), "customer_id": "mishap",
        }  # fmt: skip
        return orjson.dumps({name: value for name, value in (usual | fields).items() if value is not None})

    clicks = [
        b'{"event_type":"page_viewed","event_id":"mishap-cut-off","occ',
        event("page_viewed", schema_version=7),
        event("page_viewed", occurred_at="2011-05-01 12:00"),
        event("page_viewed", customer_id=None),
        event("page_viewed", url="x" * MAX_VALUE_BYTES),
    ]
    visits = [event("store_visited", store_id="store-01"), event("store_entered", store_id="a shop")]
    orders = [
        event("order_placed", lines=[]),
        event("page_viewed"),
        event("order_delivered", occurred_at="1970-01-05T00:00:00Z", order_id="o1"),
    ]
    return clicks, visits, orders
