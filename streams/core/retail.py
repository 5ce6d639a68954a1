"""
The retail figures: numerators and denominators that add up over records, partitions and workers.

Law: over the last 30, 90 and 365 days (the current one included), for all channels and for web and
store alone, by the segment that a customer is in now, from day tiles in integers. Every record is in
one segment, so the figures of all segments add up to those of the shop. Cancellations and returns count
on their own day.

    average order value  = revenue_minor / orders           guest rate  = guest_orders / orders
    purchase frequency   = (orders - guest_orders) / buyers repeat rate = repeat_buyers / buyers

Buyers are known customers with at least 1 order in the window, repeat buyers with at least 2.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from streams.core.catalogue import GUESTS, UNPLACED
from streams.core.record import Record, load
from streams.core.stance import Stance
from streams.core.tiles import COUNT, MONEY, sums_since

WINDOWS: Final = (30, 90, 365)
"""The shortest first."""
CHANNELS: Final = ("all", "web", "store")


class Figures(msgspec.Struct, gc=False):
    """What adds up, for one window, channel and segment."""

    orders: int = 0
    guest_orders: int = 0
    revenue_minor: int = 0
    buyers: int = 0
    repeat_buyers: int = 0


class RetailFigures:
    """The figures of many records, by (window in days, channel, segment)."""

    def __init__(self, segments: Iterable[str]) -> None:
        """Begin with nothing counted; `segments` are the names in the catalogue."""
        self.segments: Final = (*segments, GUESTS, UNPLACED)
        self.cells: dict[tuple[int, str, str], Figures] = {
            (window, channel, segment): Figures()
            for window in WINDOWS
            for channel in CHANNELS
            for segment in self.segments
        }

    def segment_of(self, stance: Stance | None) -> str:
        """Say the segment of a record as it was last formed; one that the catalogue no longer has is none."""
        if stance is None:
            return GUESTS
        return stance.formed_segment if stance.formed_segment in self.segments else UNPLACED


def add(figures: RetailFigures, body: bytes, as_of_day: int) -> None:
    """Count one record as it is stored, as seen from a day since 1970."""
    add_record(figures, load(body), as_of_day)


def add_record(figures: RetailFigures, record: Record, as_of_day: int) -> None:
    """Count one record, as seen from a day since 1970."""
    engagement = record.engagement
    if not engagement.day_money:
        return
    cells, segment, is_guest = figures.cells, figures.segment_of(record.stance), record.stance is None
    first_days = [as_of_day - window + 1 for window in WINDOWS]
    orders = sums_since(engagement.day_orders, COUNT, first_days, as_of_day)
    money = sums_since(engagement.day_money, MONEY, first_days, as_of_day)
    for window, (web, store, _), (web_minor, store_minor, _) in zip(WINDOWS, orders, money, strict=True):
        in_web, in_store = bool(web or web_minor), bool(store or store_minor)
        if in_web or in_store:
            _count(cells[window, "all", segment], web + store, web_minor + store_minor, is_guest=is_guest)
        if in_web:
            _count(cells[window, "web", segment], web, web_minor, is_guest=is_guest)
        if in_store:
            _count(cells[window, "store", segment], store, store_minor, is_guest=is_guest)


def _count(cell: Figures, orders: int, revenue_minor: int, *, is_guest: bool) -> None:
    cell.orders += orders
    cell.revenue_minor += revenue_minor
    if is_guest:
        cell.guest_orders += orders
    else:
        cell.buyers += orders >= 1
        cell.repeat_buyers += orders >= 2
