"""
Prospects: what the risk would be, had the customer visited or ordered just now.

Law: a prospect is the risk that the same model gives the record as that act would leave it, so it has
the same bits for a customer alone and among thousands. It says what the model expects of a customer
who acts, not that acting would make a customer stay.
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from streams.core.counterfactual import ordered, visited
from streams.core.engagement import Engagement, day_of
from streams.core.habits import cut_of, habits_of
from streams.core.hazard import Model, risk
from streams.core.tiles import COUNT, MONEY, sums

Act = Literal["visit", "order"]

Prospects = tuple[tuple[Act, float], ...]
"""An act and P(no activity within the horizon) after it."""

_ACTS: Final[tuple[Act, ...]] = ("visit", "order")
_SOME_CURRENCY: Final = "XXX"  # ISO 4217 for none; it is its own base, so the money counts


def counterfactuals(
    model: Model, engagement: Engagement, now_s: int, horizon_days: float, *, first_minor: int = 0
) -> Prospects:
    """Say the risk after a visit and after an order at `now_s`; see `counterfactuals_of`."""
    return counterfactuals_of(model, [(engagement, now_s)], horizon_days, first_minor=first_minor)[0]


def counterfactuals_of(
    model: Model, seen: Sequence[tuple[Engagement, int]], horizon_days: float, *, first_minor: int = 0
) -> list[Prospects]:
    """
    Say the risks after a visit and after an order of many customers, each at a second since 1970.

    The order is like the customer's mean order within the window, in money and items; a first order is of one item
    and costs `first_minor` (minor units of the base currency).
    """
    imagined = []
    for engagement, now_s in seen:
        amount_minor, items = _usual_order(engagement, now_s, first_minor)
        imagined.append(visited(engagement, now_s))
        order = ordered(engagement, now_s, amount_minor=amount_minor, items=items, base_currency=_SOME_CURRENCY)
        imagined.append(order)
    cuts = np.array([cut_of(now_s, engagement.offset_s) for engagement, now_s in seen], np.int64)
    risks = risk(model, habits_of(imagined, np.repeat(cuts, len(_ACTS))), horizon_days)
    return [tuple(zip(_ACTS, pair, strict=True)) for pair in risks.reshape(-1, len(_ACTS)).tolist()]


def _usual_order(engagement: Engagement, now_s: int, first_minor: int) -> tuple[int, int]:
    """Say money and items of the customer's mean order, as the model's features have them."""
    today = day_of(now_s, engagement.offset_s)
    web, store, items = sums(engagement.day_orders, COUNT, 0, today)
    orders = web + store
    if orders < 1:
        return first_minor, 1
    money = sum(sums(engagement.day_money, MONEY, 0, today)[:2])
    return money // orders, round(items / orders)
