"""The load: seeded events over the three topics, made fast, each one a line of JSON as a shop would send it.

90 % clickstream, 4 % store visits, 6 % orders of one to five lines, evenly over the span of event time, in the order of
time. Customers are drawn visit by visit, as a shop sees them ("sessions": eight events on average, some eighty visits
at a time), evenly (each event is another customer's: what a scattered backfill looks like, the hardest case for merging
writes), by Zipf's law (weight 1/rank: few come often), or three to one of both.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Literal, NamedTuple

DAY_S = 86_400
LIVE_FROM_S = 1_762_128_000  # 2025-11-03, a Monday
CLICKS = (
    ("page_viewed", 45),
    ("product_viewed", 30),
    ("search_performed", 8),
    ("cart_item_added", 8),
    ("cart_item_removed", 2),
    ("checkout_started", 3),
    ("signed_in", 3),
    ("review_written", 1),
)
VISITS = (("store_entered", 70), ("associate_helped", 10), ("fitting_room_used", 10), ("store_left", 10))

SESSION_EVENTS = 8
"""Events of a visit, on average."""

SESSIONS_AT_A_TIME = 80
"""Visits under way at any time."""

Draw = Literal["sessions", "even", "zipf", "mixed"]


class Load(NamedTuple):
    """What to make: how many events of how many customers, over which span of event time."""

    events: int
    customers: int
    draw: Draw = "even"
    from_s: int = LIVE_FROM_S
    span_s: int = 7 * DAY_S
    seed: int = 1


class Made(NamedTuple):
    """One event: its source topic's number, its key and its bytes."""

    source: int
    key: bytes
    value: bytes


def make(load: Load) -> Iterator[Made]:
    """Make all events of a load, in the order of time."""
    rng = random.Random(load.seed)
    who, uniform = drawer(rng, load), rng.random
    kinds, visits = pool(rng, CLICKS), pool(rng, VISITS)
    step = load.span_s / load.events
    for number in range(load.events):
        at, customer, draw = load.from_s + number * step, f"c{who():07d}", uniform()
        common = (
            f'"event_id":"{load.seed:08x}{number:024x}","schema_version":1,"occurred_at":"{stamp(at)}",'
            f'"customer_id":"{customer}"'
        )
        if draw < 0.90:
            value, source = click(common, kinds[int(uniform() * 1000)], number, int(uniform() * 5000)), 0
        elif draw < 0.94:
            kind = visits[int(uniform() * 1000)]
            value, source = f'{{"event_type":"{kind}",{common},"store_id":"shop{number % 40}"}}', 1
        else:
            value, source = order(common, number, rng), 2
        yield Made(source, customer.encode(), value.encode())


def drawer(rng: random.Random, load: Load) -> Callable[[], int]:
    """Return what draws the next customer's number."""
    customers = load.customers
    if load.draw == "even":
        return lambda: int(rng.random() * customers)
    if load.draw == "sessions":
        return visitors(rng, customers)
    weights = list(accumulate(1 / (rank + 1) for rank in range(customers)))
    numbers, size = range(customers), 4096
    drawn: list[int] = []

    def draw() -> int:
        if load.draw == "mixed" and rng.random() < 0.75:
            return int(rng.random() * customers)
        if not drawn:
            drawn.extend(rng.choices(numbers, cum_weights=weights, k=size))
        return drawn.pop()

    return draw


def visitors(rng: random.Random, customers: int) -> Callable[[], int]:
    """Return what draws the visit that goes on; now and then it ends, and another customer's begins in its place."""
    uniform = rng.random
    inside = [int(uniform() * customers) for _ in range(SESSIONS_AT_A_TIME)]

    def draw() -> int:
        seat = int(uniform() * SESSIONS_AT_A_TIME)
        if uniform() * SESSION_EVENTS < 1:
            inside[seat] = int(uniform() * customers)
        return inside[seat]

    return draw


def pool(rng: random.Random, weights: tuple[tuple[str, int], ...]) -> list[str]:
    """Return a thousand kinds of event in the given shares: drawing is an index."""
    return rng.choices([kind for kind, _ in weights], [weight for _, weight in weights], k=1000)


def stamp(at: float) -> str:
    """
    Write an epoch second as RFC 3339 with milliseconds.

    >>> stamp(1762128000.25)
    '2025-11-03T00:00:00.250Z'
    """
    whole = int(at)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((at - whole) * 1000):03d}Z"


def click(common: str, kind: str, number: int, product: int) -> str:
    """Make something that happens on the web."""
    head = f'{{"event_type":"{kind}",{common},"session_id":"s{number // 8:08x}"'
    if kind in ("product_viewed", "cart_item_added"):
        return f'{head},"product_id":"sku{product}","price_minor":{100 + product},"currency":"GBP"}}'
    if kind in ("cart_item_removed", "review_written"):
        return f'{head},"product_id":"sku{product}"}}'
    if kind == "page_viewed":
        return f'{head},"url":"https://shop.example/p/{product}"}}'
    return f'{head},"query":"blue scarf {product}"}}' if kind == "search_performed" else head + "}"


def order(common: str, number: int, rng: random.Random) -> str:
    """Place an order of one to five lines, three in ten of them in a shop."""
    lines = ",".join(
        f'{{"product_id":"sku{int(rng.random() * 5000)}","quantity":{1 + int(rng.random() * 3)},'
        f'"unit_price_minor":{100 + int(rng.random() * 5000)}}}'
        for _ in range(1 + int(rng.random() * 5))
    )
    channel = "store" if rng.random() < 0.3 else "web"
    return (
        f'{{"event_type":"order_placed",{common},"order_id":"o{number:08x}","lines":[{lines}],'
        f'"currency":"GBP","channel":"{channel}"}}'
    )
