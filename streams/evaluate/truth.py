"""
What the plain table says at a midnight: who is known, and who will be silent.

Law: nothing here knows our records or our model; it is numpy over the columns of the history. Recency, frequency, money
and tenure use what lies before the midnight, the truth what lies in the horizon behind it, and nothing else.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.engagement import DAY_S
from streams.evaluate.history import Bools, History, Integers

Numbers = NDArray[np.float64]


class Known(NamedTuple):
    """Those known at a midnight: index into the history's keys, and for each their past in days and minor units."""

    customer: Integers
    recency: Numbers
    frequency: Numbers
    spend: Numbers
    tenure: Numbers


class Plain(NamedTuple):
    """The table as days: of which rows count as activity, and where a day begins (offset from UTC in seconds)."""

    history: History
    day: Integers
    active: Bools
    offset_s: int
    min_orders: int

    @property
    def first_day(self) -> int:
        """The first row's day since 1970."""
        return int(self.day[0])

    @property
    def last_day(self) -> int:
        """The last row's day since 1970."""
        return int(self.day[-1])


def plain(history: History, *, offset_s: int, orders_only: bool, min_orders: int) -> Plain:
    """Prepare the table; activity is an act on any channel, or an order only."""
    active = history.orders if orders_only else history.acts
    return Plain(history, (history.at_s + offset_s) // DAY_S, active, offset_s, min_orders)


def known_at(table: Plain, day: int) -> Known:
    """Say who has an active day, and orders enough, before a day, and what is known of them."""
    history, count = table.history, len(table.history.keys)
    before = table.day < day
    active = before & table.active
    customer, on = history.customer[active], table.day[active]
    first, last = np.full(count, day), np.full(count, -1)
    np.minimum.at(first, customer, on)
    np.maximum.at(last, customer, on)
    orders = np.bincount(history.customer[before & history.orders], minlength=count)
    chosen = np.flatnonzero((last >= 0) & (orders >= table.min_orders))
    days = np.unique(customer * (day + 1) + on) // (day + 1)
    spend = np.bincount(history.customer[before], history.value_minor[before], minlength=count)
    return Known(
        chosen,
        (day - last[chosen]).astype(np.float64),
        np.bincount(days, minlength=count)[chosen].astype(np.float64),
        np.maximum(spend[chosen], 0.0),
        (day - first[chosen]).astype(np.float64),
    )


def silent(table: Plain, customer: Integers, day: int, horizon_days: int) -> Bools:
    """Say of each customer whether nothing is done from the day on for as many days."""
    within = (table.day >= day) & (table.day < day + horizon_days) & table.active
    acted = np.zeros(len(table.history.keys), dtype=np.bool_)
    acted[table.history.customer[within]] = True
    return ~acted[customer]
