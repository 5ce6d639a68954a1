"""How fast one worker process is: topics filled before it starts, the clock from its first commit to its last."""

import time
from collections.abc import Callable
from statistics import quantiles
from typing import NamedTuple

from tests.bench.commits import Pace, commits, pace
from tests.bench.events import DAY_S, LIVE_FROM_S, Load, make
from tests.bench.fill import fill
from tests.bench.model import teach
from tests.chaos.stage import Stage
from tests.chaos.worker import Worker
from tests.verify.readers import read

HOT = Load(events=600_000, customers=20_000, draw="sessions")
SCATTERED = Load(events=600_000, customers=20_000, draw="even")
STEADY = Load(events=600_000, customers=200_000, draw="zipf", seed=2)
YEAR = Load(
    events=2_400_000, customers=200_000, draw="mixed", from_s=LIVE_FROM_S - 365 * DAY_S, span_s=365 * DAY_S, seed=3
)
LIMIT_S = 600.0

Step = Callable[[str, float], None]
"""Told what is going on, and which share of it is done."""


class Speed(NamedTuple):
    """What was measured of one worker over one load."""

    events_per_s: float
    from_ready_per_s: float
    cpu_s_per_million: float
    changelog_mb_per_s: float
    outputs_mb_per_s: float
    signals: int
    rss_mb: float


class Start(NamedTuple):
    """Seconds from the process's start until its server answered, and until it was ready."""

    answered_s: float
    ready_s: float


class Sizes(NamedTuple):
    """Bytes of the customers' final records in the changelog, and how many customers there are."""

    customers: int
    p50: float
    p99: float


def filled(stage: Stage, load: Load, step: Step) -> None:
    """Fill a stage's source topics."""
    text = f"{stage.name}: {load.events:,} events of {load.customers:,} customers into the topics"
    fill(stage.brokers, stage.sources, make(load), lambda sent: step(text, sent / load.events))


def started(worker: Worker, step: Step) -> Start:
    """Start a worker and wait until it is ready."""
    step(f"{worker.name}: starting", 0)
    worker.start()
    while not worker.get("/livez")[0] and worker.alive:
        time.sleep(0.02)
    answered = time.monotonic() - worker.started_at
    return Start(answered, worker.wait_ready(LIMIT_S, every=0.02))


def worked_off(stage: Stage, worker: Worker, load: Load, step: Step) -> float:
    """Wait until a ready worker has committed everything; return the CPU seconds it took."""
    cpu_s, deadline = worker.cpu_s(), time.monotonic() + LIMIT_S
    while left := sum(stage.uncommitted().values()):
        if not worker.alive or time.monotonic() > deadline:
            raise RuntimeError(f"{worker.name} left {left} events, see {worker.log}")
        step(f"{stage.name}: working", 1 - left / load.events)
        time.sleep(0.1)
    return worker.cpu_s() - cpu_s


def measured(stage: Stage, worker: Worker, load: Load, step: Step) -> tuple[Speed, Start]:
    """Start a worker on filled topics and measure it until the last commit."""
    base = stage.committed()
    before = time.time()
    start = started(worker, step)
    ready_at = before + start.ready_s
    cpu_s = worked_off(stage, worker, load, step)
    rss_mb = worker.rss_mb()
    found = pace(commits(stage.brokers, stage.group), stage.sources, before, base)
    step(f"{stage.name}: reading what was written", 0)
    changelog, _ = written(stage.brokers, [stage.changelog], found)
    outputs, signals = written(stage.brokers, stage.outputs, found)
    return Speed(
        events_per_s=found.per_s,
        from_ready_per_s=load.events / (found.last - ready_at),
        cpu_s_per_million=cpu_s / load.events * 1e6,
        changelog_mb_per_s=changelog / found.seconds / 1e6,
        outputs_mb_per_s=outputs / found.seconds / 1e6,
        signals=signals,
        rss_mb=rss_mb,
    ), start


def written(brokers: str, topics: list[str], while_: Pace) -> tuple[int, int]:
    """Return bytes (keys and values) and number of the records written between the first and the last commit."""
    size = count = 0
    for topic in topics:
        for record in read(brokers, topic):
            if while_.first <= record.timestamp / 1000 <= while_.last:
                size += len(record.key or b"") + len(record.value or b"")
                count += 1
    return size, count


def record_sizes(stage: Stage) -> Sizes:
    """Return the sizes of the customers' newest records; one worker wrote them all, so the newest is the last."""
    sizes: dict[bytes, int] = {}
    for record in read(stage.brokers, stage.changelog):
        if record.key and record.value and not record.key.startswith(b"\0"):
            sizes[record.key] = len(record.value)
    cuts = quantiles(sizes.values(), n=100)
    return Sizes(len(sizes), cuts[49], cuts[98])


def hot(stage: Stage, load: Load, step: Step) -> Speed:
    """Measure a load whose customers are all in memory and busy, in sessions or scattered."""
    filled(stage, load, step)
    teach(stage, [load.from_s])
    worker = stage.worker("hot")
    speed, _ = measured(stage, worker, load, step)
    worker.kill()
    return speed


def steady(stage: Stage, year: Load, load: Load, step: Step) -> tuple[Speed, Start, Sizes]:
    """Live through a year by the worker itself, restart it, and measure a live week over that state."""
    filled(stage, year, step)
    teach(stage, [year.from_s, load.from_s])
    first = stage.worker("year")
    started(first, step)
    worked_off(stage, first, year, step)
    step(f"{stage.name}: the year's silences", 0)
    stage.settle(quiet_s=3.0, timeout=LIMIT_S)
    first.terminate()
    filled(stage, load, step)
    worker = stage.worker("steady")
    speed, start = measured(stage, worker, load, step)
    worker.kill()
    return speed, start, record_sizes(stage)
