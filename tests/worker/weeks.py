"""Weeks of a small shop, as they are published and as a course lives through them; and what became of them."""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from streams.core.decode import Door, Refused, second_of
from streams.core.hazard import dump_model
from streams.core.labels import Report, load_report
from streams.core.rules import Rules
from streams.engine.home import java_home
from streams.evaluate.course import Course, run
from tests.chaos.load import Planned
from tests.chaos.stage import SOURCES, Stage
from tests.verify.readers import read

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = 9
FIRST = 2930
"""The week that begins on that Monday, counted from 1970."""
LAST = FIRST + WEEKS - 1
"""The last week."""

LINE = {"product_id": "p1", "quantity": 2, "unit_price_minor": 900}

Models = list[tuple[int, bytes]]
"""Versions and their bytes."""


class Shop(NamedTuple):
    """What is published, in order of time, and in how many partitions; the last has no customers."""

    events: list[Planned]
    partitions: int

    def of(self, partitions: Iterable[int], *, since: int = 0, until: int = 9_999) -> list[Planned]:
        """The events of some partitions, from one day after the first Monday to before another."""
        wanted, home = set(partitions), java_home(self.partitions)
        days = ((record, (at(record) - MONDAY) / timedelta(days=1)) for record in self.events)
        return [one for one, day in days if since <= day < until and home(one.key.decode()) in wanted]


def shop(partitions: int, customers: int = 200, seed: int = 1) -> Shop:
    """Nine weeks of customers who come at their own pace, of whom some leave, and a last visitor in each partition."""
    rng, home = random.Random(seed), java_home(partitions)
    names = [name for name in (f"c{n}" for n in range(9_999)) if home(name) < partitions - 1][:customers]
    events = []
    for name in names:
        pace, day = rng.choice([3, 8, 20]), rng.uniform(0, 30)
        while day < WEEKS * 7 and rng.random() > 0.04:
            events.append(happening(name, day, rng.choice(["product_viewed", "order_placed", "store_entered"])))
            day += rng.expovariate(1 / pace)
    last = {home(name): name for name in (f"last{n}" for n in range(99)) if home(name) < partitions - 1}
    events += [happening(name, WEEKS * 7 + 1) for name in last.values()]
    return Shop(sorted(events, key=at), partitions)


def happening(customer: str, day: float, kind: str = "product_viewed") -> Planned:
    """One event, so many days after the first Monday."""
    when = MONDAY + timedelta(seconds=int(day * 86400))
    fields = {
        "product_viewed": {"product_id": "p1"},
        "store_entered": {"store_id": "s1"},
        "order_placed": {"order_id": "o1", "lines": [LINE], "currency": "GBP", "channel": "web"},
    }[kind]
    topic = {"product_viewed": "clickstream", "store_entered": "store-visits", "order_placed": "orders"}[kind]
    event = {
        "event_id": f"{customer}-{when:%j%H%M%S}",
        "event_type": kind,
        "schema_version": 1,
        "occurred_at": when.isoformat(),
        "customer_id": customer,
    }
    return Planned(topic, None, customer.encode(), json.dumps(event | fields).encode(), None)


def at(record: Planned) -> datetime:
    """When an event happened."""
    return datetime.fromisoformat(json.loads(record.value)["occurred_at"])


def lived_through(events: Sequence[Planned]) -> Models:
    """What the evaluation learns from the same events."""
    return [(model.version, dump_model(model)) for model in _course(events).models]


def scored(events: Sequence[Planned]) -> dict[str, float]:
    """What the evaluation says of each customer's risk at the end of the last event's day."""
    [cut] = _course(events).cuts
    assert cut.calibrated
    return dict(zip(cut.keys, cut.risks.tolist(), strict=True))


def _course(events: Sequence[Planned]) -> Course:
    rows = []
    for record in sorted(events, key=at):
        source = SOURCES.index(record.topic)
        event = Door(source, accept_from_s=0).read(record.value, None)
        assert not isinstance(event, Refused)
        rows.append((record.key.decode(), source, event))
    end = second_of(rows[-1][2]) // 86400 * 86400 + 86400
    return run(rows, cuts_s=[end], horizon_days=28, rules=Rules(), step=lambda _second: None)


def models(scene: Stage) -> Models:
    """All versions that were published, in the order of the log; what was published twice is told twice."""
    return [(int(record.key), record.value) for record in read(scene.brokers, scene.prefix + "models")]


def once(published: Models) -> Models:
    """Each version once, whoever published it; the same version with other bytes stays."""
    return sorted(set(published))


def reports(scene: Stage) -> list[Report]:
    """The log of reports."""
    return [load_report(record.value) for record in read(scene.brokers, scene.prefix + "labels")]
