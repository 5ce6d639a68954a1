"""
Silence → signal: many customers fall due within the same minute while other customers' events go on.

Every customer came once, thirty days before a second of that minute; then nobody is new any more, and whose segment
ends is spoken of. What a customer's first event would have said is a month old and muted; it is made good as soon as
the worker has caught up, and is over before the minute begins. The wall clock is the worker's and everybody's.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from statistics import quantiles
from typing import NamedTuple

from tests.bench.events import DAY_S, Made, stamp
from tests.bench.fill import fill
from tests.bench.flow import flow
from tests.bench.latency import latency_of
from tests.bench.model import teach
from tests.bench.throughput import Step
from tests.chaos.stage import Stage
from tests.chaos.worker import Worker

NEW_S = 30 * DAY_S
"""How long after the first act the shipped catalogue calls a customer new."""

SPREAD_S = 50
"""Within how many seconds all fall due."""

BEFORE_S = 20.0
"""How long the events of others go on before the first falls due; by then nearly all of them are known."""

AFTER_S = 5.0
REST_S = 5.0
QUIET = "quiet"
"""How the ids of those begin who fall silent."""


class Silences(NamedTuple):
    """How fast silences were spoken of, how long after the first was due the last, and how events fared meanwhile."""

    spoken_per_s: float
    last_spoken_s: float
    late_p50_s: float
    late_p99_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    before_p50_ms: float
    before_p99_ms: float
    signals: int
    cpu_share: float


def silence(stage: Stage, customers: int, rate: int, lead_s: int, step: Step) -> Silences:
    """
    Measure so many silences beside a steady rate; `stage` has empty topics and the wall clock.

    The first falls due `lead_s` after the beginning, by when the worker must have come to rest.
    """
    first_s = int(time.time()) + lead_s
    teach(stage, [first_s - NEW_S, time.time()])
    text = f"{stage.name}: {customers:,} customers came a month ago"
    fill(stage.brokers, stage.sources, once(first_s - NEW_S, customers), lambda sent: step(text, sent / customers))
    worker = stage.worker("silence").start()
    worker.wait_ready()
    _rest(stage, worker, first_s - BEFORE_S, step)
    time.sleep(max(0.0, first_s - BEFORE_S - time.time()))
    cpu_s, began = worker.cpu_s(), time.time()
    heard = flow(stage, rate, BEFORE_S + SPREAD_S + AFTER_S, step, QUIET, customers)
    cpu_share = (worker.cpu_s() - cpu_s) / (time.time() - began)
    worker.kill()
    due = {name_of(number): first_s + second_of(number, customers) for number in range(customers)}
    arrivals = {who: at for who, as_of, at in heard.silences if datetime.fromisoformat(as_of).timestamp() == due[who]}
    if len(arrivals) < customers:
        raise RuntimeError(f"{customers - len(arrivals)} of {customers} silences were not spoken of, see {worker.log}")
    late, last_s = quantiles([at - due[who] for who, at in arrivals.items()], n=100), max(arrivals.values()) - first_s
    before = latency_of(heard.pairs, first_s - BEFORE_S / 2, first_s - 1)
    beside = latency_of(heard.pairs, first_s, first_s + last_s)
    return Silences(
        spoken_per_s=customers / last_s,
        last_spoken_s=last_s,
        late_p50_s=late[49],
        late_p99_s=late[98],
        latency_p50_ms=beside.p50_ms,
        latency_p99_ms=beside.p99_ms,
        before_p50_ms=before.p50_ms,
        before_p99_ms=before.p99_ms,
        signals=beside.signals,
        cpu_share=cpu_share,
    )


def once(from_s: int, customers: int) -> Iterator[Made]:
    """Make one look at a page by each of so many customers, evenly over the seconds of the minute."""
    for number in range(customers):
        name = name_of(number)
        value = (
            f'{{"event_type":"page_viewed","event_id":"{number:08x}","schema_version":1,'
            f'"occurred_at":"{stamp(from_s + second_of(number, customers))}","customer_id":"{name}","url":"/p/123"}}'
        )
        yield Made(0, name.encode(), value.encode())


def name_of(number: int) -> str:
    """
    Name a customer who falls silent.

    >>> name_of(7)
    'quiet0000007'
    """
    return f"{QUIET}{number:07d}"


def second_of(number: int, customers: int) -> int:
    """
    Say after how many whole seconds of the minute a customer falls due.

    >>> [second_of(number, 100) for number in (0, 1, 2, 99)]
    [0, 0, 1, 49]
    """
    return number * SPREAD_S // customers


def _rest(stage: Stage, worker: Worker, until_s: float, step: Step) -> None:
    """Wait until all is committed and nobody who is due has waited for a while; there must be time left for it."""
    since = time.time()
    while time.time() - since < REST_S:
        left, delay_s = sum(stage.uncommitted().values()), worker.metrics().get("latido_recheck_delay_seconds", 1.0)
        if left or delay_s > 0:
            since = time.time()
        if time.time() > until_s or not worker.alive:
            raise RuntimeError(f"{worker.name} has not come to rest in time: {left} events left, {delay_s:.0f} s late.")
        step(f"{stage.name}: coming to rest", 0)
        time.sleep(0.25)
