"""
Counterfactuals: the customer's record as it would be, had the customer acted today.

Law: what is imagined is folded by the same fold as what happens, into a copy; so the risk imagined is
the risk that the event would bring. Whoever goes to shops is imagined there, everybody else on the web.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas import Event, OrderLine, OrderPlaced, PageViewed, StoreEntered
from streams.core.engagement import Engagement, fold, snapshot
from streams.core.ring import WIDTH

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = "imagined"


def visited(engagement: Engagement, now_s: int) -> Engagement:
    """Say the engagement after a visit at `now_s`, seconds since 1970."""
    head = _head(now_s)
    visit = StoreEntered(**head, store_id=_NAME) if engagement.store else PageViewed(**head)
    return _imagined(engagement, visit, now_s, "")


def ordered(engagement: Engagement, now_s: int, *, amount_minor: int, items: int, base_currency: str) -> Engagement:
    """Say the engagement after an order of so much money and so many items (at least one) at `now_s`."""
    order = OrderPlaced(
        **_head(now_s),
        order_id=_NAME,
        lines=(OrderLine(product_id=_NAME, quantity=max(1, items), unit_price_minor=0),),
        total_minor=max(0, amount_minor),
        currency=base_currency,
        channel="store" if engagement.store else "web",
    )
    return _imagined(engagement, order, now_s, base_currency)


def _head(now_s: int) -> dict[str, Any]:
    return {"event_id": _NAME, "schema_version": 1, "occurred_at": _EPOCH + timedelta(seconds=now_s)}


def _imagined(engagement: Engagement, event: Event, now_s: int, base_currency: str) -> Engagement:
    """Fold an event into a copy and leave the engagement untouched."""
    copy = snapshot(engagement)
    fold(copy, event, now_s, now_s.to_bytes(4, "big") + bytes(WIDTH - 4), base_currency)
    return copy
