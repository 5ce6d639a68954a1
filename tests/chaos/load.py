"""What is published while workers are killed: a seeded plan of records over the five topics, good and bad."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from tests.chaos.poison import KINDS

START = datetime(2025, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=60)
PARTITIONS = 4

CLICKS = {
    "page_viewed": 40,
    "product_viewed": 30,
    "search_performed": 8,
    "cart_item_added": 8,
    "cart_item_removed": 3,
    "checkout_started": 4,
    "signed_in": 3,
    "review_written": 2,
    "content_shared": 1,
    "referral_sent": 1,
}
VISITS = {"store_entered": 60, "associate_helped": 15, "fitting_room_used": 10, "store_left": 15}
ORDERS = {"order_placed": 75, "order_delivered": 10, "order_returned": 8, "order_cancelled": 7}
RESPONSES = {
    "action_delivered": 40,
    "action_opened": 15,
    "action_clicked": 10,
    "action_converted": 3,
    "action_dismissed": 5,
    "unsubscribed": 7,
    "complaint_made": 5,
    "survey_answered": 15,
}
PROFILES = {
    "consent_given": 50,
    "consent_withdrawn": 20,
    "preferences_set": 20,
    "loyalty_joined": 5,
    "social_followed": 5,
}
CHANNELS, PURPOSES = ("email", "push", "sms"), ("service", "relation", "marketing")


class Planned(NamedTuple):
    """One record to publish; partition None leaves the choice to the key, code None means that it is good."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    code: str | None


class Shares(NamedTuple):
    """How much of the load is out of the ordinary, as shares of all records."""

    duplicates: float = 0.02
    out_of_order: float = 0.05
    poison: float = 0.005
    null_key: float = 0.005
    wrong_key: float = 0.005
    wrong_partition: float = 0.01


def plan(seed: int, events: int = 60_000, customers: int = 2_000, shares: Shares | None = None) -> list[Planned]:
    """Plan the given number of records: every kind of poison at least once, the rest as the shares say."""
    shares = shares or Shares()
    rng = random.Random(seed)
    poison, duplicates = max(len(KINDS), round(events * shares.poison)), round(events * shares.duplicates)
    shop = Shop(rng, customers)
    good = events - poison - duplicates
    records = [misled(rng, shop.record(START + SPAN * (i / good), shares.out_of_order), shares) for i in range(good)]
    bad = [
        KINDS[i] if i < len(KINDS) else rng.choice([kind for kind in KINDS if kind.code != "too_large"])
        for i in range(poison)
    ]
    extra = [(rng.randrange(good), Planned(kind.topic, None, kind.key, kind.value, kind.code)) for kind in bad]
    extra += [
        (min(at + rng.choice((0, 1, 500)), good - 1), again(rng, records[at]))
        for at in rng.choices(range(good), k=duplicates)
    ]
    late: dict[int, list[Planned]] = {}
    for at, record in extra:
        late.setdefault(at, []).append(record)
    return [record for at, first in enumerate(records) for record in (first, *late.get(at, ()))]


def again(rng: random.Random, record: Planned) -> Planned:
    """Return the same event once more, sometimes in another partition."""
    return record._replace(partition=rng.randrange(PARTITIONS)) if rng.random() < 0.2 else record


def misled(rng: random.Random, record: Planned, shares: Shares) -> Planned:
    """Send a few good records astray: without a key, under somebody else's key, or to a partition at random."""
    draw = rng.random()
    if draw < shares.null_key:
        return record._replace(key=None, partition=rng.randrange(PARTITIONS))
    if draw < shares.null_key + shares.wrong_key:
        return record._replace(key=b"c%06d" % rng.randrange(1000))
    if draw < shares.null_key + shares.wrong_key + shares.wrong_partition:
        return record._replace(partition=rng.randrange(PARTITIONS))
    return record


class Shop:
    """Makes events: some customers come often, most seldom; a few visitors are anonymous, a few orders are guests'."""

    def __init__(self, rng: random.Random, customers: int) -> None:
        self.rng = rng
        self.customers = range(customers)
        self.often = list(accumulate(1 / (rank + 50) for rank in self.customers))
        self.made = 0
        self.orders: list[dict] = []

    def record(self, at: datetime, out_of_order: float) -> Planned:
        """Make the next event, which happens at the given time or, out of order, up to ten days before."""
        self.made += 1
        if self.rng.random() < out_of_order:
            at -= timedelta(seconds=self.rng.uniform(60, 10 * 86_400))
        makers = {
            "clickstream": (75, self.click),
            "store-visits": (8, self.visit),
            "orders": (12, self.order),
            "responses": (3, self.response),
            "profiles": (2, self.profile),
        }
        topic = self.rng.choices(list(makers), [weight for weight, _ in makers.values()])[0]
        maker = makers[topic][1]
        event = {"event_id": f"e{self.made:07d}", "schema_version": 1, "occurred_at": at.isoformat()} | maker()
        key = "#" + event["order_id"] if event.get("guest") else event.get("customer_id") or "~" + event["anonymous_id"]
        return Planned(topic, None, key.encode(), json.dumps(event).encode(), None)

    def who(self) -> dict:
        """Choose a customer, one in twenty of whom is known by a cookie only."""
        number = self.rng.choices(self.customers, cum_weights=self.often)[0]
        return {"anonymous_id": f"a{number:06d}"} if number % 20 == 7 else {"customer_id": f"c{number:06d}"}

    def kind(self, weights: dict[str, int]) -> str:
        """Choose a kind of event."""
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def click(self) -> dict:
        """Make something that happens on the web."""
        product = {"product_id": f"p{self.rng.randrange(300)}"}
        kind = self.kind(CLICKS)
        fields: dict[str, object] = {
            "page_viewed": {"url": "/"},
            "search_performed": {"query": "scarf ✂"},
            "checkout_started": {},
            "signed_in": {},
            "content_shared": {"network": "x"},
            "referral_sent": {},
            "review_written": product | {"rating": self.rng.randint(1, 5)},
        }.get(kind, product)
        return {"event_type": kind, "session_id": f"s{self.made // 7}"} | self.who() | fields

    def visit(self) -> dict:
        """Make something that happens in a shop."""
        return {"event_type": self.kind(VISITS), "store_id": f"s{self.rng.randrange(9)}"} | self.who()

    def response(self) -> dict:
        """Make something that comes back; it need not follow from a decision, and workers may not mind."""
        kind = self.kind(RESPONSES)
        fields: dict[str, object] = {"channel": self.rng.choice(CHANNELS)}
        if kind.startswith("action_"):
            fields |= {"decision_id": f"{self.rng.getrandbits(128):032x}", "action": "try_at_home"}
        elif kind == "unsubscribed":
            fields |= {"purpose": self.rng.choice((*PURPOSES, None))}
        elif kind == "survey_answered":
            fields = {"survey": self.rng.choice(("nps", "csat", "ces")), "score": self.rng.randint(1, 5)}
        return {"event_type": kind} | self.who() | fields

    def profile(self) -> dict:
        """Make something that a customer allows, likes or joins."""
        kind = self.kind(PROFILES)
        consent = {"channel": self.rng.choice(CHANNELS), "purpose": self.rng.choice(PURPOSES)}
        fields: dict[str, object] = {
            "preferences_set": {"time_zone": self.rng.choice(("Europe/London", "Asia/Kolkata")), "language": "en"},
            "loyalty_joined": {},
            "social_followed": {"network": "x"},
        }.get(kind, consent)
        return {"event_type": kind} | self.who() | fields

    def order(self) -> dict:
        """Make an order, or what becomes of one placed before."""
        kind = self.kind(ORDERS)
        if kind == "order_placed" or not self.orders:
            return self.placed()
        before = self.rng.choice(self.orders)
        event = {"event_type": kind} | {
            name: before[name] for name in ("customer_id", "anonymous_id", "order_id", "guest") if name in before
        }
        if kind == "order_delivered":
            return event
        return event | {
            "amount_minor": self.rng.randint(1, 5_000),
            "currency": before["currency"],
            "channel": before["channel"],
        }

    def placed(self) -> dict:
        """Place an order of one to five lines, one in ten as a guest, one in twenty in another currency."""
        lines = [
            {
                "product_id": f"p{self.rng.randrange(300)}",
                "quantity": self.rng.randint(1, 4),
                "unit_price_minor": self.rng.randint(50, 9_000),
            }
            for _ in range(self.rng.randint(1, 5))
        ]
        event = self.who() | {
            "event_type": "order_placed",
            "order_id": f"o{self.made:07d}",
            "lines": lines,
            "currency": "EUR" if self.rng.random() < 0.05 else "GBP",
            "channel": "store" if self.rng.random() < 0.3 else "web",
        }
        if self.rng.random() < 0.1:
            event["guest"] = True
        if self.rng.random() < 0.1:
            event["total_minor"] = self.rng.randint(50, 20_000)
        if self.rng.random() < 0.05:
            event["referred_by"] = f"c{self.rng.choice(self.customers):06d}"
        self.orders.append(event)
        return event
