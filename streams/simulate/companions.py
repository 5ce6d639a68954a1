"""
Simulated clicks and shop visits of real customers, around their real orders.

Real data sets with purchases, clicks and shop visits of the same people are not to be had freely, so for the demo the
purchases are real and what surrounds them is made up: looking around in the days before, filling the cart just before
ordering, leaving a cart, coming to a shop. Nothing is told of a customer long before or after an order, so that their
silence stays their own. Since made-up clicks announce real orders, no quality of a model may be measured on them.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random

from schemas import OrderPlaced
from streams.simulate.life import STORES
from streams.simulate.telling import CLICKSTREAM, DAY_MS, HOUR_MS, MINUTE_MS, STORE_VISITS, Fields, Teller, Told, Who

BEFORE_MS = 14 * DAY_MS
"""The earliest that a companion of an order lies before it."""
SHOP_GOERS = 0.45
MOST_VIEWS = 12


def companions(orders: Iterable[OrderPlaced], seed: int, liveliness: float = 1.0) -> Iterator[Told]:
    """
    What customers do around their orders, in order of time; `orders` must be in order of time, guests are passed over.

    A function of (order, seed): an order's companions do not depend on other orders. `liveliness` 2 doubles the
    sessions of looking around. Memory is bounded by the orders of two weeks.
    """
    waiting: list[tuple[int, str, int, Told]] = []
    for order in orders:
        if order.guest or order.customer_id is None:
            continue
        at_ms = round(order.occurred_at.timestamp() * 1000)
        for place, told in enumerate(around(order, at_ms, seed, liveliness)):
            heappush(waiting, (told.at_ms, order.event_id, place, told))
        while waiting and waiting[0][0] < at_ms - BEFORE_MS:
            yield heappop(waiting)[3]
    while waiting:
        yield heappop(waiting)[3]


def around(order: OrderPlaced, at_ms: int, seed: int, liveliness: float = 1.0) -> list[Told]:
    """The companions of one order, visit by visit."""
    chance = Random(f"{seed}:{order.event_id}")
    customer_id = order.customer_id or ""
    account = Who(customer_id, f"browser-{customer_id}")
    teller = Teller(f"demo{seed}-{order.order_id}", "simulator")
    for _ in range(round(chance.expovariate(1 / (3 * liveliness)))):
        _looks_around(teller, account, order, chance, at_ms - _days(chance, 0.3, 12))
    _fills_the_cart(teller, account, order, chance, at_ms)
    if _goes_to_shops(customer_id) and chance.random() < 0.5:
        _comes_to_the_shop(teller, account, order, chance, at_ms - _days(chance, 0.2, 9))
    if chance.random() < 0.06:
        after_ms = at_ms + _days(chance, 2, 6)
        about = chance.choice(order.lines).product_id
        stars = min(5, max(1, round(chance.gauss(4, 1))))
        teller.tell(after_ms, CLICKSTREAM, "review_written", account, product_id=about, rating=stars)
    return teller.told


def _looks_around(teller: Teller, account: Who, order: OrderPlaced, chance: Random, at_ms: int) -> None:
    """A session without an order: sometimes the same product over and over, sometimes a cart that is left."""
    who = Who(anonymous_id=account.anonymous_id) if chance.random() < 0.15 else account
    session: Fields = {"session_id": f"w{at_ms // 1000}"}
    teller.tell(at_ms, CLICKSTREAM, "page_viewed", who, url="/", **session)
    favourite = chance.choice(order.lines)
    for _ in range(2 + int(chance.expovariate(1 / 5))):
        at_ms += _step(chance)
        line = favourite if chance.random() < 0.35 else chance.choice(order.lines)
        _views(teller, who, order, line.product_id, line.unit_price_minor, at_ms, session)
    if chance.random() < 0.18:
        put: Fields = {"product_id": favourite.product_id, "quantity": favourite.quantity}
        priced: Fields = {"price_minor": favourite.unit_price_minor, "currency": order.currency}
        teller.tell(at_ms + _step(chance), CLICKSTREAM, "cart_item_added", who, **put, **priced, **session)


def _fills_the_cart(teller: Teller, account: Who, order: OrderPlaced, chance: Random, at_ms: int) -> None:
    """The session that ends in the order: told backwards in time, so that it ends just before."""
    lines = order.lines[:MOST_VIEWS]
    session: Fields = {"session_id": f"w{at_ms // 1000}"}
    clock = at_ms - (3 + 2 * len(lines)) * 45_000 - int(chance.random() * 10 * MINUTE_MS)
    if chance.random() < 0.8:
        teller.tell(clock, CLICKSTREAM, "signed_in", account, **session)
    for line in lines:
        clock += 3_000 + int(chance.random() * 40_000)
        _views(teller, account, order, line.product_id, line.unit_price_minor, clock, session)
        clock += 2_000 + int(chance.random() * 20_000)
        put: Fields = {"product_id": line.product_id, "quantity": line.quantity}
        priced: Fields = {"price_minor": line.unit_price_minor, "currency": order.currency}
        teller.tell(clock, CLICKSTREAM, "cart_item_added", account, **put, **priced, **session)
    worth: Fields = {"cart_value_minor": order.amount_minor, "currency": order.currency}
    teller.tell(at_ms - 20_000, CLICKSTREAM, "checkout_started", account, **worth, **session)


def _comes_to_the_shop(teller: Teller, account: Who, order: OrderPlaced, chance: Random, at_ms: int) -> None:
    """A visit to the customer's shop, without a purchase: this shop's purchases are known, and all on the web."""
    who = Who(account.customer_id)
    place: Fields = {"store_id": STORES[_number(account.customer_id or "") // 100 % len(STORES)]}
    at_ms += 12 * HOUR_MS - at_ms % DAY_MS + int(chance.gauss(2, 2) * HOUR_MS)
    stay_ms = int((4 + chance.expovariate(1 / 18)) * MINUTE_MS)
    teller.tell(at_ms, STORE_VISITS, "store_entered", who, origin="beacon", **place)
    if chance.random() < 0.3:
        about = chance.choice(order.lines).product_id
        teller.tell(at_ms + stay_ms // 2, STORE_VISITS, "associate_helped", who, product_id=about, **place)
    teller.tell(at_ms + stay_ms, STORE_VISITS, "store_left", who, dwell_s=stay_ms // 1000, **place)


def _views(teller: Teller, who: Who, order: OrderPlaced, product: str, price: int, at_ms: int, session: Fields) -> None:
    seen: Fields = {"product_id": product, "price_minor": price, "currency": order.currency}
    teller.tell(at_ms, CLICKSTREAM, "product_viewed", who, **seen, **session)


def _goes_to_shops(customer_id: str) -> bool:
    return _number(customer_id) % 100 < SHOP_GOERS * 100


def _number(customer_id: str) -> int:
    return int.from_bytes(blake2b(customer_id.encode(), digest_size=4).digest(), "big")


def _days(chance: Random, least: float, most: float) -> int:
    return int(chance.uniform(least, most) * DAY_MS)


def _step(chance: Random) -> int:
    return 2_000 + int(chance.expovariate(1 / 40_000))
