"""
What we remember of a customer's acts.

Law: an engagement is a commutative, mergeable fold. Days are bits, money and counts are sums of
integers, first and last are min and max, the newest few are the greatest few; so the order of
arrival never shows in the bytes. Recency, rhythm and windows are derived from it when a score is
made. Every field is an integer or `bytes` and is replaced, never changed in place, except the lists
`rings` and `totals`, which `copied` copies, too.

The window: bitmaps and day tiles begin at `base_of`, at most 736 days before the latest day, always
a multiple of 8. It follows from first and last alone and is therefore not stored. An event older
than the window still counts in first, last and totals.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from schemas import (
    EVENT_TYPES,
    SOURCES,
    ActionClicked,
    ActionConverted,
    ActionDelivered,
    ActionDismissed,
    ActionEvent,
    ActionOpened,
    AssociateHelped,
    CartItemAdded,
    CartItemRemoved,
    CheckoutStarted,
    ComplaintMade,
    ConsentGiven,
    ConsentWithdrawn,
    Event,
    LoyaltyJoined,
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    OrderReturned,
    PreferencesSet,
    ProductViewed,
    ReferralConverted,
    SurveyAnswered,
    Unsubscribed,
)
from schemas.store_visits import VisitEvent
from streams.core import replies
from streams.core.newest import push
from streams.core.registers import told
from streams.core.tiles import COUNT, ITEMS, KINDS, MONEY, STORE, WEB, add, bump, trim, wrap

DAY_S: Final = 86400
HOUR_S: Final = 3600
WINDOW_DAYS: Final = 730
EDGE_S: Final = (WINDOW_DAYS - 1) * DAY_S
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
    `registers` is what was last said of consents and preferences (registers.py); `deliveries`, `outcomes`, `complaint`
    and `surveys` are the newest of what came back (replies.py), `helped` the shop where staff last helped.
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
    registers: bytes = b""
    deliveries: bytes = b""
    outcomes: bytes = b""
    complaint: bytes = b""
    surveys: bytes = b""
    helped: bytes = b""
    last_return_s: int = -1
    joined_s: int = -1
    last_referral_s: int = -1
    last_delivered_s: int = -1


class Kind(NamedTuple):
    """
    How events of one type are folded: `detail` is what they change besides active days.

    What happens to an order is folded by `order`, which is told the base currency and says whether a day is new.
    """

    number: int
    acts: bool
    is_store: bool
    detail: Callable[[Engagement, Event, int, bytes], None] | None
    order: Callable[[Engagement, Event, int, str], bool] | None


def copied(engagement: Engagement) -> Engagement:
    """Copy an engagement; folding on with the copy leaves the original as it is."""
    copy: Engagement = engagement.__copy__()  # type: ignore[attr-defined]
    copy.totals, copy.rings = copy.totals.copy(), copy.rings.copy()
    return copy


def day_of(second: int, offset_s: int) -> int:
    """Say on which day since 1970 a second falls."""
    return (second + offset_s) // DAY_S


def base_of(engagement: Engagement) -> int:
    """Say the day of bit 0 of the bitmaps, a multiple of 8."""
    first, edge = engagement.first_s, engagement.last_s - EDGE_S
    return ((first if first > edge else edge) + engagement.offset_s) // DAY_S & -8


def fold(engagement: Engagement, event: Event, second: int, mark: bytes, base_currency: str) -> bool:
    """Fold one event that is no duplicate; say whether a channel got a new active day."""
    number, acts, is_store, detail, order = KINDS_OF_EVENTS[event.__class__]
    if second > engagement.last_s:
        _extend(engagement, second)
    elif second < engagement.first_s:
        _move(engagement, second, engagement.last_s)
    totals = engagement.totals
    while len(totals) <= number:
        totals.append(0)
    totals[number] += 1
    if order is not None:
        return order(engagement, event, second, base_currency)
    if detail is not None:
        detail(engagement, event, second, mark)
    return acts and _act(engagement, second, base_of(engagement), is_store=is_store)


def begin_run(engagement: Engagement, second: int) -> bool:
    """
    Begin a run of clicks with the latest event; say whether the web got a new active day.

    Clicks come in runs: within one, only the newest few, the totals and the last second change, and the tiles by a
    count.
    """
    if second > engagement.last_s:
        _extend(engagement, second)
    if engagement.first_act_s < 0:
        engagement.first_act_s = second
    days = engagement.web
    engagement.web = _set(days, (second + engagement.offset_s) // DAY_S - base_of(engagement))
    return engagement.web is not days


def run_until(engagement: Engagement, second: int) -> int:
    """Say until when (a second, itself not included) clicks fall into the same tiles as one at `second`."""
    hour_end = second - second % HOUR_S + HOUR_S
    day_end = second - (second + engagement.offset_s) % DAY_S + DAY_S
    return hour_end if hour_end < day_end else day_end


def click(engagement: Engagement, event: Event, second: int, mark: bytes) -> None:
    """Fold a click that is the latest event into the run that was begun, but for its tiles."""
    number, _, _, detail, _ = KINDS_OF_EVENTS[event.__class__]
    engagement.last_s = engagement.last_act_s = second
    totals = engagement.totals
    while len(totals) <= number:
        totals.append(0)
    totals[number] += 1
    if detail is not None:
        detail(engagement, event, second, mark)


def count_clicks(engagement: Engagement, second: int, count: int) -> None:
    """Add a run of clicks to the tiles of its day and hour; `second` is any within the run."""
    day, hour = (second + engagement.offset_s) // DAY_S, second // HOUR_S
    engagement.day_acts = bump(engagement.day_acts, day * KINDS + WEB, count)
    engagement.hour_acts = bump(engagement.hour_acts, hour * KINDS + WEB, count)


def _extend(engagement: Engagement, second: int) -> None:
    """Let the latest second grow, and the windows that end there move on."""
    hour = second // HOUR_S
    passed = hour - engagement.last_s // HOUR_S
    if passed >= HOURS:
        engagement.hour_acts = engagement.hour_orders = engagement.hour_money = b""
    elif passed:
        first = hour - HOURS + 1
        engagement.hour_acts = trim(engagement.hour_acts, COUNT, first)
        if engagement.hour_money:
            engagement.hour_orders = trim(engagement.hour_orders, COUNT, first)
            engagement.hour_money = trim(engagement.hour_money, MONEY, first)
    if second - EDGE_S > engagement.first_s:
        _move(engagement, engagement.first_s, second)
    else:
        engagement.last_s = second


def _move(engagement: Engagement, first_s: int, last_s: int) -> None:
    """Set first and last, and bring bitmaps and day tiles to the base that follows from them."""
    before = base_of(engagement)
    engagement.first_s, engagement.last_s = first_s, last_s
    base = base_of(engagement)
    if base != before:
        rebase(engagement, (before - base) // 8)
        engagement.day_acts = trim(engagement.day_acts, COUNT, base)
        engagement.day_orders = trim(engagement.day_orders, COUNT, base)
        engagement.day_money = trim(engagement.day_money, MONEY, base)


def rebase(engagement: Engagement, by: int) -> None:
    """Move the bitmaps by whole bytes: later days for a base that became earlier, else forget the oldest."""
    engagement.web = _shifted(engagement.web, by)
    engagement.store = _shifted(engagement.store, by)
    engagement.order = _shifted(engagement.order, by)


def _shifted(days: bytes, by: int) -> bytes:
    if by < 0:
        return days[-by:]
    return bytes(by) + days if days else days


def _act(engagement: Engagement, second: int, base: int, *, is_store: bool) -> bool:
    """Count an act on the web or in a shop and mark its day, `base` being bit 0; say whether the day is new there."""
    if second > engagement.last_act_s:
        engagement.last_act_s = second
        if engagement.first_act_s < 0:
            engagement.first_act_s = second
    elif second < engagement.first_act_s:
        engagement.first_act_s = second
    day = (second + engagement.offset_s) // DAY_S
    at = day - base
    if at < 0:
        return False
    before = engagement.store if is_store else engagement.web
    days = _set(before, at)
    if is_store:
        engagement.store = days
    else:
        engagement.web = days
    kind = STORE if is_store else WEB
    engagement.day_acts = bump(engagement.day_acts, day * KINDS + kind)
    hour = second // HOUR_S
    if hour > engagement.last_s // HOUR_S - HOURS:
        engagement.hour_acts = bump(engagement.hour_acts, hour * KINDS + kind)
    return days is not before


def _set(days: bytes, at: int) -> bytes:
    """Set a bit; where it is set already, answer with the very same days."""
    byte, bit = at >> 3, 1 << (at & 7)
    if byte >= len(days):
        return days + bit.to_bytes(byte + 1 - len(days), "big")
    if days[byte] & bit:
        return days
    return days[:byte] + (days[byte] | bit).to_bytes() + days[byte + 1 :]


def _placed(engagement: Engagement, event: OrderPlaced, second: int, base_currency: str) -> bool:
    base = base_of(engagement)
    items = min(MAX_ITEMS, sum([line.quantity for line in event.lines]))
    _sell(engagement, event, second, base, base_currency, count=1, sign=1, items=items)
    engagement.last_order_s = max(engagement.last_order_s, second)
    fresh = event.channel == "store" and _act(engagement, second, base, is_store=True)
    engagement.last_act_s = max(engagement.last_act_s, second)
    first_s = engagement.first_act_s
    engagement.first_act_s = second if first_s < 0 else min(first_s, second)
    at = (second + engagement.offset_s) // DAY_S - base
    if at < 0:
        return fresh
    days = engagement.order
    engagement.order = _set(days, at)
    return fresh or engagement.order is not days


def _cancelled(engagement: Engagement, event: OrderCancelled, second: int, base_currency: str) -> bool:
    _sell(engagement, event, second, base_of(engagement), base_currency, count=-1, sign=-1, items=0)
    return False


def _returned(engagement: Engagement, event: OrderReturned, second: int, base_currency: str) -> bool:
    base = base_of(engagement)
    items = min(MAX_ITEMS, sum([line.quantity for line in event.lines or ()]))
    _sell(engagement, event, second, base, base_currency, count=0, sign=-1, items=-items)
    engagement.last_return_s = max(engagement.last_return_s, second)
    return _act(engagement, second, base, is_store=event.channel == "store")


def _arrived(engagement: Engagement, _event: OrderDelivered, second: int, _base_currency: str) -> bool:
    engagement.last_delivered_s = max(engagement.last_delivered_s, second)
    return False


def _sell(
    engagement: Engagement,
    event: OrderPlaced | OrderCancelled | OrderReturned,
    second: int,
    base: int,
    base_currency: str,
    *,
    count: int,
    sign: int,
    items: int,
) -> None:
    """Fold the sale of an order, or its cancellation or return, which count on their own day."""
    money = sign * event.amount_minor
    if event.currency != base_currency:
        money = 0
        engagement.foreign += count
    engagement.orders += count
    engagement.revenue_minor = wrap(engagement.revenue_minor + money, MONEY)
    kind = STORE if event.channel == "store" else WEB
    day, hour = (second + engagement.offset_s) // DAY_S, second // HOUR_S
    if day >= base:
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


def _helped(engagement: Engagement, event: AssociateHelped, second: int, mark: bytes) -> None:
    _visited(engagement, event, second, mark)
    engagement.helped = push(engagement.helped, mark, event.store_id.encode(), VISITS)


def _told(engagement: Engagement, event: Event, second: int, _mark: bytes) -> None:
    engagement.registers = told(engagement.registers, event, second)


def _delivered(engagement: Engagement, event: ActionDelivered, _second: int, mark: bytes) -> None:
    payload = replies.delivery_payload(event)
    engagement.deliveries = push(engagement.deliveries, mark, payload, replies.DELIVERIES)


def _came_back(engagement: Engagement, event: ActionEvent, _second: int, mark: bytes) -> None:
    engagement.outcomes = push(engagement.outcomes, mark, replies.outcome_payload(event), replies.OUTCOMES)


def _complained(engagement: Engagement, event: ComplaintMade, _second: int, mark: bytes) -> None:
    engagement.complaint = push(engagement.complaint, mark, replies.complaint_payload(event), replies.COMPLAINTS)


def _answered(engagement: Engagement, event: SurveyAnswered, _second: int, mark: bytes) -> None:
    engagement.surveys = push(engagement.surveys, mark, replies.answer_payload(event), replies.ANSWERS)


def _joined(engagement: Engagement, _event: LoyaltyJoined, second: int, _mark: bytes) -> None:
    if engagement.joined_s < 0 or second < engagement.joined_s:
        engagement.joined_s = second


def _referral_bought(engagement: Engagement, _event: ReferralConverted, second: int, _mark: bytes) -> None:
    engagement.last_referral_s = max(engagement.last_referral_s, second)


_DETAILS: Final[dict[type[Event], Callable[..., None]]] = {
    CartItemAdded: _cart_added,
    CartItemRemoved: _cart_removed,
    ProductViewed: _product_viewed,
    CheckoutStarted: _checkout_started,
    **{kind: _visited for kind in EVENT_TYPES if issubclass(kind, VisitEvent)},
    AssociateHelped: _helped,
    **dict.fromkeys((ConsentGiven, ConsentWithdrawn, PreferencesSet, Unsubscribed), _told),
    ActionDelivered: _delivered,
    **dict.fromkeys((ActionOpened, ActionClicked, ActionConverted, ActionDismissed), _came_back),
    ComplaintMade: _complained,
    SurveyAnswered: _answered,
    LoyaltyJoined: _joined,
    ReferralConverted: _referral_bought,
}

_ORDERS: Final[dict[type[Event], Callable[..., bool]]] = {
    OrderPlaced: _placed,
    OrderCancelled: _cancelled,
    OrderReturned: _returned,
    OrderDelivered: _arrived,
}

KINDS_OF_EVENTS: Final[dict[type[Event], Kind]] = {
    kind: Kind(
        number=TYPE_NUMBER[kind],
        acts=kind.customer_act,
        is_store=kind.act_channel == "store",
        detail=_DETAILS.get(kind),
        order=_ORDERS.get(kind),
    )
    for kind in EVENT_TYPES
}
