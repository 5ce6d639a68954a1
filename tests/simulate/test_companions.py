"""The made-up surroundings of real orders: in order of time, of the same customers, and near the orders only."""

from datetime import UTC, datetime, timedelta

from schemas import OrderLine, OrderPlaced
from streams.core.decode import Door, Refused
from streams.simulate.companions import BEFORE_MS, companions
from streams.simulate.telling import DAY_MS, Told

DOORS = [Door(source, accept_from_s=0) for source in range(3)]
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)


def order(number: int, day: float, *, customer: str | None = None, guest: bool = False) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"e{number}", schema_version=1, occurred_at=MONDAY + timedelta(days=day), order_id=f"o{number}",
        customer_id=None if guest else customer or f"c{number % 40}", guest=guest, channel="web", currency="GBP",
        lines=tuple(OrderLine(product_id=f"p{number + n}", quantity=1, unit_price_minor=250) for n in range(9)),
    )  # fmt: skip


ORDERS = [order(number, number * 0.7) for number in range(200)]


def at_ms(order: OrderPlaced) -> int:
    return round(order.occurred_at.timestamp() * 1000)


def test_they_come_in_order_of_time_and_are_accepted() -> None:
    """They can be merged with the orders and published as they come."""
    told = list(companions(ORDERS, seed=3))

    assert sorted(told, key=lambda event: event.at_ms) == told
    assert [] == [event for event in told if isinstance(DOORS[event.source].read(event.body, None), Refused)]


def test_an_order_has_the_same_companions_among_others_and_alone() -> None:
    """They are a function of the order and the seed, so the extract may grow without changing the rest."""
    alone = list(companions(ORDERS[:1], seed=3))

    assert alone == [event for event in companions(ORDERS, seed=3) if b'"demo3-o0-' in event.body]
    assert alone != list(companions(ORDERS[:1], seed=4))


def test_the_cart_is_filled_just_before_the_order() -> None:
    """Each order is led up to by views and a checkout of the same customer, none of them after it."""
    single = order(1, 0)
    leading = [event for event in companions([single], seed=3) if at_ms(single) - DAY_MS / 24 < event.at_ms]

    assert all(event.at_ms < at_ms(single) for event in leading)
    assert b"checkout_started" in leading[-1].body


def test_silence_stays_silence() -> None:
    """Long before and long after an order nothing is made up, so that real silence is seen as such."""
    real = at_ms(order(0, 0))
    told: list[Told] = []
    for number in range(300):
        told += companions([order(number, 0, customer="c1")], seed=3)

    assert real - BEFORE_MS <= min(event.at_ms for event in told)
    assert max(event.at_ms for event in told) <= real + 7 * DAY_MS


def test_guests_have_no_companions() -> None:
    """A guest is unknown before and after."""
    assert [] == list(companions([order(1, 0, guest=True)], seed=3))
