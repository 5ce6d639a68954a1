"""The habits of one customer, computed from a list of events without any cleverness."""

import math
from collections.abc import Iterable
from itertools import pairwise

from schemas import Event, OrderCancelled, OrderDelivered, OrderPlaced, OrderReturned
from streams.core.habits import WINDOW_DAYS
from tests.core.stories import second

DAY_S = 86400


def plain_habits(events: Iterable[Event], cut: int, currency: str = "GBP") -> dict[str, float]:
    """Every figure of `Habits`, by its name."""
    first = (cut // 8 - WINDOW_DAYS // 8) * 8
    seen = [one for one in events if first <= second(one.occurred_at) // DAY_S < cut]
    days: dict[str, set[int]] = {"web": set(), "store": set(), "order": set()}
    found = dict.fromkeys(("acts", "orders", "items", "money_minor"), 0.0)
    for one in seen:
        for channel in _channels(one):
            days[channel].add(second(one.occurred_at) // DAY_S)
        found["acts"] += isinstance(one, OrderPlaced) or any(_channels(one))
        if isinstance(one, OrderPlaced | OrderCancelled | OrderReturned):
            sign = 1 if isinstance(one, OrderPlaced) else -1
            found["orders"] += 0 if isinstance(one, OrderReturned) else sign
            found["money_minor"] += sign * one.amount_minor * (one.currency == currency)
            if not isinstance(one, OrderCancelled):
                found["items"] += sign * sum(line.quantity for line in one.lines or ())
        if isinstance(one, OrderCancelled) and one.channel == "web":
            found["acts"] -= 1  # the tile of orders is net
    union = sorted(days["web"] | days["store"] | days["order"])
    intervals = [later - earlier for earlier, later in pairwise(union)]
    whole = 8 * (WINDOW_DAYS // 8 + 1)
    found |= {
        "days": len(union),
        "rec": cut - 1 - union[-1] if union else whole,
        "age": cut - 1 - union[0] if union else whole,
        "squares": sum(interval**2 for interval in intervals),
        "last": intervals[-1] if intervals else 0,
    }
    found |= {f"d{tau}": _decay(union, cut, tau) for tau in (3, 10, 30, 90, 300)}
    for channel, active in days.items():
        found[channel] = len(active)
        found |= {f"{channel}{tau}": _decay(active, cut, tau) for tau in (10, 90)}
    return found


def _channels(one: Event) -> set[str]:
    if isinstance(one, OrderPlaced):
        return {"order"} | ({"store"} if one.channel == "store" else set())
    if isinstance(one, OrderReturned):
        return {one.channel}
    if isinstance(one, OrderCancelled | OrderDelivered):
        return set()
    return {one.act_channel} if one.act_channel else set()


def _decay(days: Iterable[int], cut: int, tau: int) -> float:
    return sum(math.exp(-(cut - day - 0.5) / tau) for day in days)
