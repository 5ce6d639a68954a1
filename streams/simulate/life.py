"""
Who a simulated shopper is: a rhythm, habits, and perhaps a day after which only silence follows.

A shopper is a function of (seed, number) and nothing else, so more shoppers or more days never change the others.
"""

from random import Random
from typing import NamedTuple

from streams.simulate.telling import DAY_MS, HOUR_MS, MINUTE_MS, Who

STORES = tuple(f"store-{number:02}" for number in range(1, 13))
PRODUCTS = 2_000
DRIFTERS = 0.4
DRIFT_MEAN_DAYS = 60.0
INVITED = 0.25


class Shopper(NamedTuple):
    """The habits of one shopper; shares are probabilities, gaps are times between two visits."""

    number: int
    gap_days: float
    regularity: float
    """Shape of the gamma distribution of gaps: 1 is memoryless, 4 is like clockwork."""
    hour: float
    """Hour of the day (UTC) around which this shopper comes."""
    web_share: float
    buy_share: float
    store_id: str
    taste: int
    """Number of the product around which this shopper's choices lie."""
    drifts_after_ms: int | None
    """How long after the start this shopper stops coming, or None."""
    invited_by: str | None
    """The customer who told this shopper of the shop; orders of the first visit say so."""

    @property
    def browser(self) -> Who:
        """The shopper before signing in: only the browser is known."""
        return Who(anonymous_id=f"a{self.number:06}")

    @property
    def account(self) -> Who:
        """The shopper signed in."""
        return Who(account_id(self.number), f"a{self.number:06}")


def seeded(seed: int, *parts: int) -> Random:
    """A source of chance of its own for each shopper and each visit."""
    mixed = seed
    for part in parts:
        mixed = mixed << 40 | part
    return Random(mixed)


def shopper(seed: int, number: int, activity: float) -> Shopper:
    """The shopper of this number; `activity` 2 comes twice as often as 1."""
    chance = seeded(seed, number)
    gap_days = min(60.0, max(0.7, chance.lognormvariate(1.6, 0.9)))
    return Shopper(
        number=number,
        gap_days=gap_days / activity,
        regularity=chance.choice((1.0, 2.0, 3.0, 4.0)),
        hour=chance.gauss(15.0, 3.5),
        web_share=chance.choice((0.5, 0.7, 0.8, 0.9, 1.0)),
        buy_share=chance.uniform(0.06, 0.4),
        store_id=chance.choice(STORES),
        taste=chance.randrange(PRODUCTS),
        drifts_after_ms=int(chance.expovariate(1 / DRIFT_MEAN_DAYS) * DAY_MS) if chance.random() < DRIFTERS else None,
        invited_by=account_id(chance.randrange(number)) if chance.random() < INVITED and number else None,
    )


def account_id(number: int) -> str:
    """The customer id of the shopper with this number."""
    return f"c{number:06}"


def first_visit(shopper: Shopper, chance: Random, start_ms: int) -> int:
    """When a shopper first comes: a share of the own gap after the start."""
    return start_ms + int(chance.random() * shopper.gap_days * DAY_MS)


def next_visit(shopper: Shopper, chance: Random, after_ms: int, start_ms: int) -> int | None:
    """When a shopper comes again, drawn to the own hour of the day; None when this shopper has drifted away."""
    gap_ms = chance.gammavariate(shopper.regularity, shopper.gap_days / shopper.regularity) * DAY_MS
    at_ms = after_ms + HOUR_MS + int(gap_ms)
    if shopper.gap_days >= 1:
        at_ms += int((shopper.hour + chance.gauss(0, 1.5)) * HOUR_MS) - at_ms % DAY_MS
    at_ms = max(at_ms, after_ms + 30 * MINUTE_MS)
    if shopper.drifts_after_ms is not None and at_ms > start_ms + shopper.drifts_after_ms:
        return None
    return at_ms


def product(taste: int, chance: Random) -> int:
    """A product near a shopper's taste, sometimes anything."""
    return (taste + int(chance.gauss(0, 12))) % PRODUCTS if chance.random() < 0.85 else chance.randrange(PRODUCTS)


def product_id(number: int) -> str:
    """A product's id in events."""
    return f"p{number:04}"


def price_minor(number: int) -> int:
    """A product's price in minor units: fixed, between 2.00 and 82.00."""
    return 200 + number * 7919 % 8001
