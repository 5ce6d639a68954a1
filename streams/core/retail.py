"""
The retail figures: numerators and denominators that add up over records, partitions and workers.

Law: over the last 30, 90 and 365 days (the current one included), for all channels and for web and
store alone, from day tiles in integers. Cancellations and returns count on their own day.

    average order value  = revenue_minor / orders           guest rate  = guest_orders / orders
    purchase frequency   = (orders - guest_orders) / buyers repeat rate = repeat_buyers / buyers

Buyers are known customers with at least 1 order in the window, repeat buyers with at least 2.
"""

from typing import Final

import msgspec

from streams.core.record import load
from streams.core.tiles import COUNT, MONEY, sums

WINDOWS: Final = (30, 90, 365)
CHANNELS: Final = ("all", "web", "store")


class Figures(msgspec.Struct, gc=False):
    """What adds up, for one window and channel."""

    orders: int = 0
    guest_orders: int = 0
    revenue_minor: int = 0
    buyers: int = 0
    repeat_buyers: int = 0


class RetailFigures:
    """The figures of many records, by (window in days, channel)."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.cells: dict[tuple[int, str], Figures] = {
            (window, channel): Figures() for window in WINDOWS for channel in CHANNELS
        }


def add(figures: RetailFigures, body: bytes, as_of_day: int) -> None:
    """Count one record, as seen from a day since 1970."""
    record = load(body)
    engagement = record.engagement
    if not engagement.day_money:
        return
    is_guest = record.stance is None
    for window in WINDOWS:
        first_day = as_of_day - window + 1
        web_orders, store_orders, _ = sums(engagement.day_orders, COUNT, first_day, as_of_day)
        web_money, store_money, _ = sums(engagement.day_money, MONEY, first_day, as_of_day)
        _count(figures.cells[window, "all"], web_orders + store_orders, web_money + store_money, is_guest=is_guest)
        _count(figures.cells[window, "web"], web_orders, web_money, is_guest=is_guest)
        _count(figures.cells[window, "store"], store_orders, store_money, is_guest=is_guest)


def _count(cell: Figures, orders: int, revenue_minor: int, *, is_guest: bool) -> None:
    cell.orders += orders
    cell.revenue_minor += revenue_minor
    if is_guest:
        cell.guest_orders += orders
    else:
        cell.buyers += orders >= 1
        cell.repeat_buyers += orders >= 2
