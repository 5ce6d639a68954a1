"""
What we remember of a customer's acts.

Law: an engagement is a commutative, mergeable fold. Days are bits, money and counts are sums of
integers, first and last are min and max, the newest few are the greatest few; so the order of
arrival never shows in the bytes. Recency, rhythm and windows are derived from it when a score is
made. Every field is an integer or `bytes` and is replaced, never changed in place, except the lists
`rings` and `totals`, which `snapshot` detaches; so a shallow copy freezes the state.

The window: bitmaps and day tiles begin at `base_of`, at most 736 days before the latest day, always
a multiple of 8. It follows from first and last alone and is therefore not stored. An event older
than the window still counts in first, last and totals.
"""

from collections.abc import Callable
from copy import copy
from typing import Final, NamedTuple

import msgspec

from schemas import (
    EVENT_TYPES,
    SOURCES,
    CartItemAdded,
    CartItemRemoved,
    CheckoutStarted,
    Event,
    OrderCancelled,
    OrderPlaced,
    OrderReturned,
    ProductViewed,
)
from schemas.store_visits import VisitEvent
from streams.core.newest import push
from streams.core.tiles import COUNT, ITEMS, KINDS, MONEY, STORE, WEB, add, trim, wrap

DAY_S: Final = 86400
HOUR_S: Final = 3600
WINDOW_DAYS: Final = 730
HOURS: Final = 25
"""Hour tiles kept: the current hour and the 24 before it."""

CART_CHANGES, VIEWS, VISITS = 8, 12, 1
"""How many of the newest are kept."""

MAX_ITEMS: Final = 1_000_000
"""The most items that one order adds to a tile."""

CART_HEAD: Final = 12
"""Bytes before the product in a cart change: the signed quantity in 4, the price in minor units in 8."""

TYPE_NUMBER: Final = {kind: number for number, kind in enumerate(EVENT_TYPES)}


class Engagement(msgspec.Struct, array_like=True, gc=False):
    """
    What one customer did; stored as it stands, as a msgpack array.

    `offset_s` is the day boundary's fixed offset from UTC. Seconds are since 1970; -1 is "never".
    `web`, `store`, `order` are the active days, little-endian, bit 0 = `base_of`, without zero bytes at the end.
    `rings` has one ring per source, `totals` one count per event type (see `TYPE_NUMBER`).
    `orders` and `revenue_minor` are net of cancellations and returns; `foreign` are
    those of the orders that were in another currency than the base currency: they count without money.
    """

    offset_s: int
    first_s: int
    last_s: int
    first_act_s: int = -1
    last_act_s: int = -1
    web: bytes = b""
    store: bytes = b""
    order: bytes = b""
    rings: list[bytes] = msgspec.field(default_factory=lambda: [b""] * len(SOURCES))
    totals: list[int] = msgspec.field(default_factory=list)
    orders: int = 0
    revenue_minor: int = 0
    foreign: int = 0
    day_acts: bytes = b""
    day_orders: bytes = b""
    day_money: bytes = b""
    hour_acts: bytes = b""
    hour_orders: bytes = b""
    hour_money: bytes = b""
    cart: bytes = b""
    views: bytes = b""
    visit: bytes = b""
    last_order_s: int = -1
    checkout_s: int = -1


class Kind(NamedTuple):
    """How events of one type are folded."""

    number: int
    acts: bool
    web: bool
    store: bool
    detail: Callable[[Engagement, Event, int, bytes], None] | None
    sale: bool


def snapshot(engagement: Engagement) -> Engagement:
    """Freeze an engagement as it is now; folding on does not touch the copy."""
    frozen = copy(engagement)
    engagement.totals = engagement.totals.copy()
    engagement.rings = engagement.rings.copy()
    return frozen


def day_of(second: int, offset_s: int) -> int:
    """Say on which day since 1970 a second falls."""
    return (second + offset_s) // DAY_S


def base_of(engagement: Engagement) -> int:
    """Say the day of bit 0 of the bitmaps, a multiple of 8."""
    first = engagement.first_s
    edge = engagement.last_s - (WINDOW_DAYS - 1) * DAY_S
    return ((first if first > edge else edge) + engagement.offset_s) // DAY_S & -8


def fold(engagement: Engagement, event: Event, second: int, mark: bytes, base_currency: str) -> bool:
    """Fold one event that is no duplicate; say whether a channel got a new active day."""
    kind = KINDS_OF_EVENTS[event.__class__]
    if second > engagement.last_s or second < engagement.first_s:
        _stretch(engagement, second)
    totals = engagement.totals
    while len(totals) <= kind.number:
        totals.append(0)
    totals[kind.number] += 1
    fresh = False
    if kind.acts:
        fresh = _act(engagement, event, kind, second)
    if kind.sale:
        _sell(engagement, event, second, base_currency)
    elif kind.detail is not None:
        kind.detail(engagement, event, second, mark)
    return fresh


def _stretch(engagement: Engagement, second: int) -> None:
    """Widen first and last, and move the windows that follow from them."""
    base, hour = base_of(engagement), engagement.last_s // HOUR_S
    if second > engagement.last_s:
        engagement.last_s = second
    else:
        engagement.first_s = second
    moved = base_of(engagement)
    if moved != base:
        rebase(engagement, (base - moved) // 8)
        engagement.day_acts = trim(engagement.day_acts, COUNT, moved)
        engagement.day_orders = trim(engagement.day_orders, COUNT, moved)
        engagement.day_money = trim(engagement.day_money, MONEY, moved)
    first_hour = engagement.last_s // HOUR_S - HOURS + 1
    if first_hour + HOURS - 1 != hour:
        engagement.hour_acts = trim(engagement.hour_acts, COUNT, first_hour)
        if engagement.hour_orders:
            engagement.hour_orders = trim(engagement.hour_orders, COUNT, first_hour)
            engagement.hour_money = trim(engagement.hour_money, MONEY, first_hour)


def rebase(engagement: Engagement, by: int) -> None:
    """Move the bitmaps by whole bytes: later days for a base that became earlier, else forget the oldest."""
    engagement.web = _shifted(engagement.web, by)
    engagement.store = _shifted(engagement.store, by)
    engagement.order = _shifted(engagement.order, by)


def _shifted(days: bytes, by: int) -> bytes:
    if by < 0:
        return days[-by:]
    return bytes(by) + days if days else days


def _act(engagement: Engagement, event: Event, kind: Kind, second: int) -> bool:
    """Count an act of the customer and mark its day on every channel it belongs to."""
    if second > engagement.last_act_s:
        engagement.last_act_s = second
    if second < engagement.first_act_s or engagement.first_act_s < 0:
        engagement.first_act_s = second
    day = (second + engagement.offset_s) // DAY_S
    at = day - base_of(engagement)
    if at < 0:
        return False
    web, store, order = kind.web, kind.store, False
    if kind.sale:
        order = event.__class__ is OrderPlaced
        store = event.channel == "store"  # type: ignore[attr-defined]
        web = not store and not order
    fresh = False
    hour = second // HOUR_S
    recent = hour > engagement.last_s // HOUR_S - HOURS
    if web:
        if not _is_set(engagement.web, at):
            engagement.web, fresh = _set(engagement.web, at), True
        engagement.day_acts = add(engagement.day_acts, COUNT, day * KINDS + WEB, 1)
        if recent:
            engagement.hour_acts = add(engagement.hour_acts, COUNT, hour * KINDS + WEB, 1)
    if store:
        if not _is_set(engagement.store, at):
            engagement.store, fresh = _set(engagement.store, at), True
        engagement.day_acts = add(engagement.day_acts, COUNT, day * KINDS + STORE, 1)
        if recent:
            engagement.hour_acts = add(engagement.hour_acts, COUNT, hour * KINDS + STORE, 1)
    if order and not _is_set(engagement.order, at):
        engagement.order, fresh = _set(engagement.order, at), True
    return fresh


def _is_set(days: bytes, at: int) -> int:
    return len(days) > at >> 3 and days[at >> 3] >> (at & 7) & 1


def _set(days: bytes, at: int) -> bytes:
    byte = at >> 3
    if byte >= len(days):
        return days + bytes(byte - len(days)) + bytes((1 << (at & 7),))
    return days[:byte] + bytes((days[byte] | 1 << (at & 7),)) + days[byte + 1 :]


def _sell(engagement: Engagement, event: Event, second: int, base_currency: str) -> None:
    """Fold an order, or its cancellation or return, which count on their own day."""
    assert isinstance(event, OrderPlaced | OrderCancelled | OrderReturned)
    count, sign = (0, -1) if isinstance(event, OrderReturned) else (-1, -1)
    if isinstance(event, OrderPlaced):
        count, sign = 1, 1
        engagement.last_order_s = max(engagement.last_order_s, second)
    money = sign * event.amount_minor
    if event.currency != base_currency:
        money = 0
        engagement.foreign += count
    lines = () if isinstance(event, OrderCancelled) else event.lines or ()
    items = sign * min(MAX_ITEMS, sum([line.quantity for line in lines]))
    engagement.orders += count
    engagement.revenue_minor = wrap(engagement.revenue_minor + money, MONEY)
    kind = STORE if event.channel == "store" else WEB
    day, hour = (second + engagement.offset_s) // DAY_S, second // HOUR_S
    if day >= base_of(engagement):
        engagement.day_orders = _order(engagement.day_orders, day * KINDS, kind, count, items)
        engagement.day_money = add(engagement.day_money, MONEY, day * KINDS + kind, money)
    if hour > engagement.last_s // HOUR_S - HOURS:
        engagement.hour_orders = _order(engagement.hour_orders, hour * KINDS, kind, count, items)
        engagement.hour_money = add(engagement.hour_money, MONEY, hour * KINDS + kind, money)


def _order(tiles: bytes, unit: int, kind: int, count: int, items: int) -> bytes:
    if count:
        tiles = add(tiles, COUNT, unit + kind, count)
    return add(tiles, COUNT, unit + ITEMS, items) if items else tiles


def _cart_added(engagement: Engagement, event: CartItemAdded, _second: int, mark: bytes) -> None:
    price = (event.price_minor or 0).to_bytes(8, "big")
    payload = event.quantity.to_bytes(4, "big") + price + event.product_id.encode()
    engagement.cart = push(engagement.cart, mark, payload, CART_CHANGES)


def _cart_removed(engagement: Engagement, event: CartItemRemoved, _second: int, mark: bytes) -> None:
    payload = (-event.quantity).to_bytes(4, "big", signed=True) + bytes(8) + event.product_id.encode()
    engagement.cart = push(engagement.cart, mark, payload, CART_CHANGES)


def _product_viewed(engagement: Engagement, event: ProductViewed, _second: int, mark: bytes) -> None:
    engagement.views = push(engagement.views, mark, event.product_id.encode(), VIEWS)


def _checkout_started(engagement: Engagement, _event: CheckoutStarted, second: int, _mark: bytes) -> None:
    if second > engagement.checkout_s:
        engagement.checkout_s = second


def _visited(engagement: Engagement, event: VisitEvent, _second: int, mark: bytes) -> None:
    engagement.visit = push(engagement.visit, mark, event.store_id.encode(), VISITS)


_DETAILS: Final[dict[type[Event], Callable[..., None]]] = {
    CartItemAdded: _cart_added,
    CartItemRemoved: _cart_removed,
    ProductViewed: _product_viewed,
    CheckoutStarted: _checkout_started,
    **{kind: _visited for kind in EVENT_TYPES if issubclass(kind, VisitEvent)},
}

_SALES: Final = (OrderPlaced, OrderCancelled, OrderReturned)

KINDS_OF_EVENTS: Final[dict[type[Event], Kind]] = {
    kind: Kind(
        number=TYPE_NUMBER[kind],
        acts=kind.customer_act,
        web=kind.act_channel == "web",
        store=kind.act_channel == "store",
        detail=_DETAILS.get(kind),
        sale=kind in _SALES,
    )
    for kind in EVENT_TYPES
}
