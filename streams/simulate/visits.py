"""What happens on a visit: to the web shop, to a shop with walls, and what follows an order."""

from random import Random
from typing import NamedTuple

from streams.simulate.life import Shopper, price_minor, product, product_id
from streams.simulate.telling import CLICKSTREAM, DAY_MS, HOUR_MS, MINUTE_MS, ORDERS, STORE_VISITS, Fields, Teller, Who

NETWORKS = ("instagram", "pinterest", "mail")
QUERIES = ("gift", "lamp", "blue mug", "garden", "something for mum", "sale")


class Basket(NamedTuple):
    """What somebody is about to buy: products with quantities."""

    products: tuple[tuple[int, int], ...]

    @property
    def amount_minor(self) -> int:
        """What it costs, in minor units."""
        return sum(quantity * price_minor(number) for number, quantity in self.products)

    def lines(self) -> list[Fields]:
        """The lines of the order."""
        return [
            {"product_id": product_id(number), "quantity": quantity, "unit_price_minor": price_minor(number)}
            for number, quantity in self.products
        ]


def web_visit(
    teller: Teller, shopper: Shopper, chance: Random, at_ms: int, currency: str, account: Who | None, browser: Who,
    referred_by: str | None = None,
) -> None:  # fmt: skip
    """A session in the web shop; some begin anonymous, some fill a cart and leave it, some buy, some as guests."""
    session: Fields = {"session_id": f"w{at_ms // 1000}-{browser.anonymous_id}"}
    who = browser if account is None or chance.random() < 0.3 else account
    signs_in = who is browser and chance.random() < 0.6
    teller.tell(at_ms, CLICKSTREAM, "page_viewed", who, url="/", **session)
    if chance.random() < 0.3:
        at_ms += _moment(chance)
        teller.tell(at_ms, CLICKSTREAM, "search_performed", who, query=chance.choice(QUERIES), **session)
    cart: dict[int, int] = {}
    for _ in range(1 + int(chance.expovariate(0.22))):
        at_ms += _moment(chance)
        seen = product(shopper.taste, chance)
        priced: Fields = {"price_minor": price_minor(seen), "currency": currency}
        teller.tell(at_ms, CLICKSTREAM, "product_viewed", who, product_id=product_id(seen), **priced, **session)
        if chance.random() < shopper.buy_share:
            at_ms += _moment(chance)
            quantity = 1 + int(chance.expovariate(1.2))
            cart[seen] = cart.get(seen, 0) + quantity
            put: Fields = {"product_id": product_id(seen), "quantity": quantity}
            teller.tell(at_ms, CLICKSTREAM, "cart_item_added", who, **put, **priced, **session)
    if cart and chance.random() < 0.15:
        at_ms += _moment(chance)
        gone, quantity = cart.popitem()
        taken: Fields = {"product_id": product_id(gone), "quantity": quantity}
        teller.tell(at_ms, CLICKSTREAM, "cart_item_removed", who, **taken, **session)
    if signs_in and account is not None:
        at_ms += _moment(chance)
        who = account
        teller.tell(at_ms, CLICKSTREAM, "signed_in", who, **session)
    if who is account:
        at_ms = _participation(teller, shopper, account, chance, at_ms, session)
    if cart and chance.random() < 0.65:
        basket = Basket(tuple(cart.items()))
        at_ms += _moment(chance)
        worth: Fields = {"cart_value_minor": basket.amount_minor, "currency": currency}
        teller.tell(at_ms, CLICKSTREAM, "checkout_started", who, **worth, **session)
        if chance.random() < 0.85:
            order(teller, who, chance, at_ms + _moment(chance), basket, "web", currency, referred_by=referred_by)


def store_visit(teller: Teller, shopper: Shopper, chance: Random, at_ms: int, currency: str) -> None:
    """A visit to the own shop, seen by a beacon at the door or only at the till."""
    who = Who(shopper.account.customer_id)
    stay_ms = int((4 + chance.expovariate(1 / 18)) * MINUTE_MS)
    buys = chance.random() < 0.1 + shopper.buy_share
    seen_by = "beacon" if not buys or chance.random() < 0.7 else "till"
    place: Fields = {"store_id": shopper.store_id}
    teller.tell(at_ms, STORE_VISITS, "store_entered", who, origin=seen_by, **place)
    if chance.random() < 0.25:
        helped: Fields = {"associate_id": f"staff-{chance.randrange(40):02}", "product_id": product_id(shopper.taste)}
        teller.tell(at_ms + stay_ms // 3, STORE_VISITS, "associate_helped", who, **helped, **place)
    if chance.random() < 0.2:
        tried = product_id(product(shopper.taste, chance))
        teller.tell(at_ms + stay_ms // 2, STORE_VISITS, "fitting_room_used", who, product_id=tried, **place)
    if buys:
        chosen = {product(shopper.taste, chance): 1 for _ in range(1 + int(chance.expovariate(0.7)))}
        basket = Basket(tuple(chosen.items()))
        order(teller, who, chance, at_ms + stay_ms * 9 // 10, basket, "store", currency, shopper.store_id)
    if seen_by == "beacon":
        teller.tell(at_ms + stay_ms, STORE_VISITS, "store_left", who, dwell_s=stay_ms // 1000, **place)


def order(
    teller: Teller, who: Who, chance: Random, at_ms: int, basket: Basket, channel: str, currency: str,
    store_id: str | None = None, referred_by: str | None = None,
) -> None:  # fmt: skip
    """An order and what follows it; without a customer's id it is a guest's."""
    order_id = f"o{at_ms // 1000}-{who.anonymous_id or who.customer_id}"
    guest = None if who.customer_id else True
    key = None if who.customer_id else f"#{order_id}"
    ids: Fields = {"order_id": order_id, "guest": guest, "key": key}
    sale: Fields = {"channel": channel, "currency": currency}
    coupon = "WELCOME10" if chance.random() < 0.05 else None
    teller.tell(
        at_ms, ORDERS, "order_placed", who, **ids, **sale,
        lines=basket.lines(), store_id=store_id, coupon=coupon, referred_by=referred_by,
    )  # fmt: skip
    if channel == "web" and chance.random() < 0.02:
        called_off = at_ms + int(chance.uniform(0.2, 8) * HOUR_MS)
        teller.tell(called_off, ORDERS, "order_cancelled", who, **ids, **sale, amount_minor=basket.amount_minor)
        return
    delivered = at_ms + int(chance.uniform(1, 4) * DAY_MS)
    if channel == "web":
        teller.tell(delivered, ORDERS, "order_delivered", who, **ids)
    if chance.random() < 0.04:
        number, quantity = basket.products[0]
        back = delivered + int(chance.uniform(1, 12) * DAY_MS)
        amount = quantity * price_minor(number)
        teller.tell(back, ORDERS, "order_returned", who, **ids, **sale, amount_minor=amount, reason="did not fit")


def _participation(teller: Teller, shopper: Shopper, who: Who, chance: Random, at_ms: int, session: Fields) -> int:
    """Reviews, shares and referrals: rare, and only of those who are signed in."""
    about = product_id(shopper.taste)
    if chance.random() < 0.03:
        at_ms += _moment(chance)
        stars = min(5, max(1, round(chance.gauss(4, 1))))
        teller.tell(at_ms, CLICKSTREAM, "review_written", who, product_id=about, rating=stars, **session)
    if chance.random() < 0.02:
        at_ms += _moment(chance)
        network = chance.choice(NETWORKS)
        teller.tell(at_ms, CLICKSTREAM, "content_shared", who, network=network, product_id=about, **session)
    if chance.random() < 0.01:
        at_ms += _moment(chance)
        code = f"R{shopper.number:06}"
        teller.tell(at_ms, CLICKSTREAM, "referral_sent", who, referral_code=code, **session)
    return at_ms


def _moment(chance: Random) -> int:
    """The time between two clicks, in milliseconds: mostly half a minute, at least two seconds."""
    return 2_000 + int(chance.expovariate(1 / 30_000))
