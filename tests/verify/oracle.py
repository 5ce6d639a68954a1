"""What must be true of every customer, recomputed from the published bytes: the second opinion on the worker.

It knows the contract and nothing of the program: it imports nothing of ours, keeps no windows, no rings and no
bitmaps, only sets and sums. It stays under 100 lines, so that it can be checked by reading it.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400
NO_ACTS = {"order_cancelled", "order_delivered", "action_delivered", "action_opened", "action_converted"}
NO_ACTS |= {"action_dismissed", "referral_converted", "unsubscribed", "consent_given", "consent_withdrawn"}
NO_ACTS.add("preferences_set")
IN_A_SHOP = {"store_entered", "associate_helped", "fitting_room_used", "store_left"}


class Published(NamedTuple):
    """One record that the broker acknowledged, and the code it must be refused with, if it must."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    code: str | None


class Known(NamedTuple):
    """What is known of a customer: distinct events, active days per channel, orders and money (net), consents."""

    events: int
    web: frozenset[int]
    store: frozenset[int]
    order: frozenset[int]
    orders: int
    money: int
    consents: frozenset[tuple[tuple[str, str], bool]] = frozenset()


def expected(published: Iterable[Published], base_currency: str = "GBP") -> dict[str, Known]:
    """Recompute every customer from the good records, each event (topic, id, second) once."""
    events: dict[str, dict[tuple[str, str, int], dict]] = {}
    for record in published:
        if record.code is None and record.value is not None:
            event = json.loads(record.value)
            cause = (record.topic, event["event_id"], second_of(event))
            events.setdefault(identity_of(event), {})[cause] = event
            if event.get("referred_by") not in (None, event.get("customer_id")):  # nobody invites themselves
                events.setdefault(event["referred_by"], {})["", *cause] = event | {"event_type": "referral_converted"}
    return {customer: fold(list(distinct.values()), base_currency) for customer, distinct in events.items()}


def second_of(event: dict) -> int:
    """Return the whole second (epoch, UTC) in which the event happened."""
    return (datetime.fromisoformat(event["occurred_at"]) - EPOCH) // timedelta(seconds=1)


def identity_of(event: dict) -> str:
    """Return the key under which the event is kept: guest orders by order, then customers, then visitors."""
    if event.get("guest"):
        return "#" + event["order_id"]
    return event.get("customer_id") or "~" + event["anonymous_id"]


def channels_of(event: dict) -> tuple[str, ...]:
    """Return the channels on which the event makes its day an active one."""
    kind = event["event_type"]
    bought = ("order", "store") if event.get("channel") == "store" else ("order",)
    usual = () if kind in NO_ACTS else ("store",) if kind in IN_A_SHOP else ("web",)
    return {"order_placed": bought, "order_returned": (event.get("channel"),)}.get(kind, usual)


def amount_of(event: dict) -> int:
    """Return what an order event moves, in minor units: placed, or cancelled and returned."""
    if event["event_type"] != "order_placed":
        return -event["amount_minor"]
    lines = sum(line["quantity"] * line["unit_price_minor"] for line in event["lines"])
    return event.get("total_minor", lines)


def fold(events: list[dict], base_currency: str) -> Known:
    """Count one customer's distinct events; the last saying counts, in one second a withdrawal is the last."""
    days: dict[str, set[int]] = {"web": set(), "store": set(), "order": set()}
    orders, money, consents = 0, 0, {}
    for event in sorted(events, key=lambda event: (second_of(event), event["event_type"] != "consent_given")):
        for channel in channels_of(event):
            days[channel].add(second_of(event) // DAY_S)
        kind = event["event_type"]
        orders += {"order_placed": 1, "order_cancelled": -1}.get(kind, 0)
        if kind in ("order_placed", "order_cancelled", "order_returned") and event["currency"] == base_currency:
            money += amount_of(event)
        if kind in ("consent_given", "consent_withdrawn", "unsubscribed"):
            for purpose in [event["purpose"]] if event.get("purpose") else ["relation", "marketing"]:
                consents[event["channel"], purpose] = kind == "consent_given"
    return Known(len(events), *map(frozenset, days.values()), orders, money, frozenset(consents.items()))
