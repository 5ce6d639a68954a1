"""
Prospects: what the risk would be, had the customer visited or ordered just now.

Law: a prospect is the risk that the same model gives the habits as that act would leave them, to the last bit
what it gives once the act has come true. It says what the model expects of a customer who acts, not that
acting would make a customer stay. Whoever goes to shops is imagined there, everybody else on the web.
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streams.core.engagement import Engagement, base_of, day_of
from streams.core.habits import CHANNEL_TAUS, TAUS, Habits, Numbers, cut_of, decay_of_today, habits_of
from streams.core.hazard import Model, risk

Act = Literal["visit", "order"]

Prospects = tuple[tuple[Act, float], ...]
"""An act and P(no activity within the horizon) after it."""

_CHANNELS: Final = ("web", "store", "order")

Flags = NDArray[np.bool_]


def counterfactuals(
    model: Model, engagement: Engagement, now_s: int, horizon_days: float, *, first_minor: int = 0
) -> Prospects:
    """Say the risk after a visit and after an order at `now_s`; see `counterfactuals_of`."""
    habits = habits_of([engagement], np.array([cut_of(now_s, engagement.offset_s)], np.int64))
    return counterfactuals_of(model, habits, [(engagement, now_s)], horizon_days, first_minor=first_minor)[0]


def counterfactuals_of(
    model: Model, habits: Habits, seen: Sequence[tuple[Engagement, int]], horizon_days: float, *, first_minor: int = 0
) -> list[Prospects]:
    """
    Say the risks after a visit and after an order of many customers, each at a second since 1970.

    `habits` are theirs as of the end of that day. The order is like the customer's mean order within the window, in
    money and items; a first order is of one item and costs `first_minor` (minor units of the base currency).
    """
    today = np.array([_active_today(engagement, now_s) for engagement, now_s in seen], np.bool_).reshape(-1, 3).T
    in_shop = np.array([bool(engagement.store) for engagement, _ in seen], np.bool_)
    visited = _acted(habits, today, (~in_shop, in_shop, np.zeros_like(in_shop)))
    ordered = _acted(habits, today, (np.zeros_like(in_shop), in_shop, np.ones_like(in_shop)))
    orders = np.maximum(habits.orders, 1.0)
    is_first = habits.orders < 1
    money = np.where(is_first, first_minor, np.maximum(habits.money_minor // orders, 0.0))
    items = np.where(is_first, 1.0, np.maximum(np.rint(habits.items / orders), 1.0))
    ordered = ordered._replace(
        orders=habits.orders + 1.0, items=habits.items + items, money_minor=habits.money_minor + money
    )
    both = [risk(model, imagined, horizon_days).tolist() for imagined in (visited, ordered)]
    return [(("visit", visit), ("order", order)) for visit, order in zip(*both, strict=True)]


def _active_today(engagement: Engagement, now_s: int) -> tuple[int, int, int]:
    """Say whether the day of an instant is active on the web, in shops, by an order."""
    at = day_of(now_s, engagement.offset_s) - base_of(engagement)
    byte, bit = at >> 3, at & 7
    web, store, order = engagement.web, engagement.store, engagement.order
    return (
        len(web) > byte and web[byte] >> bit & 1,
        len(store) > byte and store[byte] >> bit & 1,
        len(order) > byte and order[byte] >> bit & 1,
    )


def _acted(habits: Habits, today: Flags, channels: tuple[Flags, Flags, Flags]) -> Habits:
    """Say the habits after one more act today on these channels; `today` says on which an act was seen already."""
    fresh = ~today.any(axis=0)
    returns = fresh & (habits.days > 0)
    gap = np.where(returns, habits.rec, 0.0)
    changed: dict[str, Numbers] = {
        "days": habits.days + fresh,
        "rec": np.zeros_like(habits.rec),
        "age": np.where(habits.days > 0, habits.age, 0.0),
        "squares": habits.squares + gap * gap,
        "last": np.where(returns, gap, habits.last),
        "acts": habits.acts + 1.0,
    }
    for tau in TAUS:
        changed[f"d{tau}"] = getattr(habits, f"d{tau}") + fresh * decay_of_today(tau)
    for name, seen, acts in zip(_CHANNELS, today, channels, strict=True):
        new = acts & ~seen
        changed[name] = getattr(habits, name) + new
        for tau in CHANNEL_TAUS:
            changed[f"{name}{tau}"] = getattr(habits, f"{name}{tau}") + new * decay_of_today(tau)
    return habits._replace(**changed)
