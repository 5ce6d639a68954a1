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

_VISIT, _ORDER = 0, 1
_WEB, _STORE, _ORDERED = 0, 1, 2
_FLAGS: Final = np.array([[1], [2], [4], [8]])
_CHANNELS: Final = slice(Habits._fields.index("web"), Habits._fields.index("order") + 1)
_DECAYS: Final = slice(Habits._fields.index("d3"), Habits._fields.index("d300") + 1)
_OF_CHANNELS: Final = slice(Habits._fields.index("web10"), Habits._fields.index("order90") + 1)
_WORTH: Final = np.array([decay_of_today(tau) for tau in TAUS])[:, None, None]
_WORTH_IN_CHANNEL: Final = np.array([decay_of_today(tau) for tau in CHANNEL_TAUS])[:, None, None]
"""What an act of today is worth in each decay."""


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
    table = np.array(habits)[:, None].repeat(2, axis=1)  # a layer for each figure, in it a row for each act
    _act(table, habits, np.array([_channels_of(*one) for one in seen], np.int64) & _FLAGS != 0)
    _order(Habits._make(table[:, _ORDER]), habits, first_minor)
    risks = risk(model, Habits._make(table.reshape(len(table), -1)), horizon_days).reshape(2, -1).tolist()
    return [(("visit", visit), ("order", order)) for visit, order in zip(*risks, strict=True)]


def _channels_of(engagement: Engagement, now_s: int) -> int:
    """Say, a bit each, whether the day is active on the web, in shops, by an order, and whether any day is in shops."""
    at = day_of(now_s, engagement.offset_s) - base_of(engagement)
    byte, bit = at >> 3, at & 7
    web, store, order = engagement.web, engagement.store, engagement.order
    flags = 8 if store else 0
    if len(web) > byte:
        flags |= web[byte] >> bit & 1
    if len(store) > byte:
        flags |= (store[byte] >> bit & 1) << 1
    if len(order) > byte:
        flags |= (order[byte] >> bit & 1) << 2
    return flags


def _act(table: Numbers, habits: Habits, flags: NDArray[np.bool_]) -> None:
    """Turn habits into those after one more act today; `flags` has a row for each that `_channels_of` says."""
    today, in_shop = flags[:3], flags[3]
    new = np.zeros((3, *table.shape[1:]), np.bool_)
    new[_WEB, _VISIT], new[_STORE], new[_ORDERED, _ORDER] = ~in_shop, in_shop, True
    new &= ~today[:, None]
    fresh, known = ~today.any(axis=0), habits.days > 0
    returns = fresh & known
    gap = returns * habits.rec
    acted = Habits._make(table)
    acted.days[:] += fresh
    acted.rec[:] = 0.0
    acted.age[:] *= known
    acted.squares[:] += gap * gap
    np.copyto(acted.last, gap, where=returns)
    acted.acts[:] += 1.0
    table[_CHANNELS] += new
    table[_DECAYS] += fresh * _WORTH
    table[_OF_CHANNELS] += (new[:, None] * _WORTH_IN_CHANNEL).reshape(-1, *table.shape[1:])


def _order(acted: Habits, habits: Habits, first_minor: int) -> None:
    """Count an order like the mean one, or like a first one, among habits after an act."""
    orders, is_first = np.maximum(habits.orders, 1.0), habits.orders < 1
    acted.orders[:] += 1.0
    acted.items[:] += np.where(is_first, 1.0, np.maximum(np.rint(habits.items / orders), 1.0))
    acted.money_minor[:] += np.where(is_first, first_minor, np.maximum(habits.money_minor // orders, 0.0))
