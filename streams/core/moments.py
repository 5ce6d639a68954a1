"""
Moments: the contacts that count, found in what a customer did.

Law: a moment is a pure function of engagement, stance and action. It has a key - the second of what
caused it - and an instant at which it opens; it closes `window_s` later. A moment whose key is not
greater than the one an action last answered has been answered.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from schemas import BANDS, EVENT_TYPES, OrderPlaced
from streams.core.cart import cart_of
from streams.core.catalogue import Action, Catalogue, MomentName
from streams.core.days import silent_days
from streams.core.engagement import DAY_S, Engagement
from streams.core.newest import entries, newest_second
from streams.core.stance import Stance

_ORDER_PLACED: Final = EVENT_TYPES.index(OrderPlaced)
_HIGH: Final = BANDS.index("high")

Found = tuple[int, int]
"""The key of a moment and the second at which it opens."""

Opening = tuple[Action, int, int, int]
"""A moment that an action has not answered: the action, the key, when it opens and when it closes."""


class Telling(NamedTuple):
    """A moment in words: why, and the names a message may use."""

    reason: str
    words: dict[str, str]


def _cart_abandoned(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    cart = engagement.cart
    if not cart:
        return None
    key = newest_second(cart)
    if key <= engagement.last_order_s:
        return None
    if cart[14] >= 0x80:  # the newest change took something out: what is left?
        key = max(cart_of(engagement).values(), default=-1)
    return None if key < 0 else (key, key + action.delay_s)


def _visit_without_purchase(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    if not engagement.visit:
        return None
    key = newest_second(engagement.visit)
    if engagement.last_order_s + action.delay_s >= key:
        return None  # bought in the shop: the till's order precedes the steps out of the door
    return key, key + action.delay_s


def _browsed_and_left(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    views = engagement.views
    if not may_be_repeated(views, action.minimum):
        return None
    newest, *others = entries(views)
    same = [newest.second, *(view.second for view in others if view.payload == newest.payload)]
    if len(same) < action.minimum:
        return None
    first = same[action.minimum - 1]
    if first < newest.second - DAY_S or max(newest_second(engagement.cart), engagement.last_order_s) >= first:
        return None
    return newest.second, newest.second + action.delay_s


def may_be_repeated(views: bytes, minimum: int) -> bool:
    """Say, quickly and never wrongly no, whether the newest product was looked at so many times."""
    return views != b"" and views[0] >= minimum and views.count(views[13 : 15 + views[13]]) >= minimum


def _first_purchase(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    if engagement.last_order_s < 0 or engagement.totals[_ORDER_PLACED] != 1:
        return None
    return engagement.last_order_s, engagement.last_order_s + action.delay_s


def _milestone(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    if engagement.orders not in action.milestones or engagement.last_order_s < 0:
        return None
    return engagement.last_order_s, engagement.last_order_s + action.delay_s


def _refill_due(engagement: Engagement, _stance: Stance, action: Action) -> Found | None:
    interval_s = refill_interval_s(engagement, action.minimum)
    if not interval_s:
        return None
    return engagement.last_order_s, engagement.last_order_s + interval_s + action.delay_s


def refill_interval_s(engagement: Engagement, minimum: int) -> int:
    """Say the mean time between order days in seconds; 0 if there are fewer than `minimum` of them."""
    if engagement.orders < minimum:
        return 0
    days = int.from_bytes(engagement.order, "little")
    count = days.bit_count()
    if count < minimum:
        return 0
    first = (days & -days).bit_length()
    return (days.bit_length() - first) * DAY_S // (count - 1)


def _risk_high(engagement: Engagement, stance: Stance, action: Action) -> Found | None:
    if stance.band < _HIGH or stance.rose_s < 0:
        return None
    if engagement.last_act_s + DAY_S > stance.rose_s:
        return None  # nobody is won back who has just been here
    return stance.rose_s, stance.rose_s + action.delay_s


FIND: Final[dict[MomentName, Callable[[Engagement, Stance, Action], Found | None]]] = {
    "cart_abandoned": _cart_abandoned,
    "visit_without_purchase": _visit_without_purchase,
    "browsed_and_left": _browsed_and_left,
    "first_purchase": _first_purchase,
    "milestone": _milestone,
    "refill_due": _refill_due,
    "risk_high": _risk_high,
}
"""How each moment is found."""


def look(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> list[Opening]:
    """Find every moment that was not answered yet, open or not, the most urgent action first."""
    answers = stance.answers
    openings = []
    for action in catalogue.actions:
        found = FIND[action.moment](engagement, stance, action)
        if found is not None:
            key, opens_s = found
            answer = answers.get(action.name)
            if answer is None or answer[0] < key:
                openings.append((action, key, opens_s, opens_s + action.window_s))
    return openings


def tell(moment: MomentName, engagement: Engagement, stance: Stance, now_s: int) -> Telling:
    """Put an open moment into words."""
    match moment:
        case "cart_abandoned":
            cart = list(cart_of(engagement))
            left = "at the checkout" if engagement.checkout_s > engagement.last_order_s else "in the basket"
            words = {"product_id": cart[-1], "products": str(len(cart))}
            return Telling(f"{_count(len(cart), 'product')} left {left}, not ordered.", words)
        case "visit_without_purchase":
            visit = next(entries(engagement.visit))
            store = visit.payload.decode()
            return Telling(f"Was in shop {store} and bought nothing.", {"store_id": store})
        case "browsed_and_left":
            views = list(entries(engagement.views))
            product = views[0].payload
            count = sum(view.payload == product for view in views)
            words = {"product_id": product.decode(), "views": str(count)}
            return Telling(f"Looked at {words['product_id']} {count} times and left.", words)
        case "first_purchase":
            return Telling("Placed a first order.", {"orders": "1"})
        case "milestone":
            orders = str(engagement.orders)
            return Telling(f"Placed order number {orders}.", {"orders": orders})
        case "refill_due":
            days = max(1, refill_interval_s(engagement, 2) // DAY_S)
            since = (now_s - engagement.last_order_s) // DAY_S
            return Telling(f"Orders every {_count(days, 'day')}; the last was {_count(since, 'day')} ago.",
                           {"days": str(days)})  # fmt: skip
        case "risk_high":
            silent = silent_days(engagement, now_s)
            band = BANDS[stance.band]
            return Telling(f"Risk became {band} after {_count(silent, 'silent day')}.",
                           {"days": str(silent), "band": band})  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
