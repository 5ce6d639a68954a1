"""
Where everything is joined, and nothing else: settings, core, engine, agents, rechecks and what operators see.

    create_app(settings, registry) → Latido, whose `app` is a Faust app that only needs to be started
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import faust
from prometheus_client import CollectorRegistry

from schemas import SOURCES
from streams import topics
from streams.agents import Pipeline
from streams.catalogues import Catalogues
from streams.core.census import Census, shares_of
from streams.core.record import load
from streams.core.retail import RetailFigures, add_record
from streams.engine.config import EngineConfig
from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.progress import UNKNOWN
from streams.engine.runtime import Runtime
from streams.learning import Learning
from streams.metrics import Metrics, build
from streams.models import Models
from streams.rechecks import Rechecks
from streams.rules import rules_of
from streams.server import Pulse, Verdict
from streams.settings import Settings
from streams.sweeps import Sweeps

DAY_S = 86400
STALLED_S = 60.0
"""Lag without progress for so long means that the worker is dead."""


class Latido:
    """One worker: a Faust app, the engine below it, and what it tells others about itself."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Join everything; nothing is connected before `app` is started."""
        self.settings = settings
        self._started_s = int(time.time())
        self._rules = rules = rules_of(settings, self._started_s)
        self._shown = ""
        """Version of the catalogue whose names are shown."""
        actions = [action.name for action in rules.catalogue.actions]
        self._segments = [segment.name for segment in rules.catalogue.segments]
        self.metrics = Metrics(registry, actions, settings.topic_prefix, self._segments)
        self.metrics.know(rules.catalogue)
        self.pipeline = Pipeline(settings, rules, self.metrics, build()["version"])
        self.runtime = Runtime(engine_config(settings, self._started_s), self.pipeline, Telling(self.metrics))
        self.rechecks = Rechecks(settings, self.runtime, self.pipeline, self.metrics)
        self.models = Models(settings, self.metrics, rules.book)
        self.catalogues = Catalogues(settings, self.metrics, rules.shelf)
        sweeps = Sweeps(settings, self.runtime, self.pipeline, self.models.book, self.rechecks.passed_s)
        learning = Learning(settings, self.runtime, self.models, self.metrics)
        self.waiting = "starting"
        """Why the worker is not yet reading, in one line; empty once the app runs."""
        self._pulse = Pulse(STALLED_S)
        self._partitions: set[int] = set()
        for number, name in enumerate([*SOURCES, topics.REROUTED]):
            self.app.agent(self.runtime.topic(number), name=f"agent-{name}")(self.runtime.drain)
        model_tasks = (self.models.log.follow, sweeps.run, learning.run)
        for task in (
            self.rechecks.run,
            self.catalogues.log.follow,
            *model_tasks,
            self._every(1.0, self._look),
            self._retail,
        ):
            self.app.task(task)

    @property
    def app(self) -> faust.App:
        """The Faust app."""
        return self.runtime.app

    def ready(self) -> Verdict:
        """Whether the worker has recovered its state and reads events."""
        if self.waiting:
            return False, self.waiting
        return (True, "ready") if self.runtime.ready else (False, "recovering or rebalancing")

    def live(self) -> Verdict:
        """Whether there is progress while there is lag; a worker that waits or recovers is alive."""
        lag = sum(self._lags().values()) if self.runtime.ready else 0
        return self._pulse.beat(self.runtime.advanced, lag, time.monotonic())

    def _lags(self) -> dict[Any, int]:
        progress, now_ms = self.runtime.progress, int(time.time() * 1000)
        return {tp: progress.lag(tp, now_ms)[0] for tp in progress.partitions()}

    # ---- what is looked at beside the road

    def _every(self, seconds: float, look: Callable[[], None]) -> Callable[[], Any]:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(seconds)
                look()

        return repeat

    def _look(self) -> None:
        """Set the gauges that are states, not counts."""
        metrics, runtime = self.metrics, self.runtime
        held = {number for number, owned in runtime.held.items() if owned.ready}
        for number in self._partitions - held:
            metrics.disown(number)
        self._partitions = held
        now_ms = int(time.time() * 1000)
        for tp in runtime.progress.partitions() if runtime.ready else ():
            records, seconds = runtime.progress.lag(tp, now_ms)
            metrics.lag_records.labels(tp.topic, tp.partition).set(records)
            metrics.lag_seconds.labels(tp.topic, tp.partition).set(seconds)
        for number in held:
            metrics.customers.labels(number).set(len(runtime.held[number].entries))
        metrics.ready.set(self.ready()[0])
        metrics.catching_up.set(not all(runtime.progress.caught_up(number) for number in held))
        metrics.recheck_delay_seconds.set(self.rechecks.delay_s())
        metrics.model_age_seconds.set(self.models.age_s(self._now_s(list(runtime.held.values()))))
        metrics.batches_in_flight.set(runtime.consumer.outstanding)
        metrics.batches_uncommitted.set(sum(owned.uncommitted for owned in runtime.held.values()))
        metrics.uncommitted_bytes.set(runtime.consumer.uncommittable)
        metrics.commit_age_seconds.set(runtime.commit_age_s())
        metrics.recovery_restored_records.set(runtime.restored)
        metrics.recovery_remaining_records.set(runtime.to_restore())

        self._look_at_catalogue(held)

    def _look_at_catalogue(self, held: set[int]) -> None:
        """Show what is left of the day's budgets, and which shares the arms should have."""
        owned = [self.runtime.held[number] for number in held]
        if (now_s := self._now_s(owned)) < 0:
            return
        metrics, catalogue = self.metrics, self._rules.catalogue_at(now_s)
        day, second = divmod(now_s + self.settings.day_offset_s, DAY_S)
        metrics.day_elapsed_ratio.set(second / DAY_S)
        if catalogue.version != self._shown:
            metrics.serve(catalogue)
            for arm, share in shares_of(catalogue).items():
                metrics.arm_share.labels(*arm).set(share)
            self._shown = catalogue.version
        for action in catalogue.actions:
            if action.budget_per_day is not None:
                for one in owned:
                    left = self.pipeline.ledger_of(one).left(action.name, action.budget_per_day, day)
                    metrics.budget_left.labels(action.name, one.number).set(left)

    async def _retail(self) -> None:
        """Add up the retail figures of every held partition, a slice of records at a time."""
        while True:
            await asyncio.sleep(min(5.0, self.settings.retail_interval_s))
            for number, owned in list(self.runtime.held.items()):
                if owned.ready:
                    await self._add_up(number, owned)
            await asyncio.sleep(self.settings.retail_interval_s)

    async def _add_up(self, number: int, owned: OwnedPartition) -> None:
        figures, today, now_s = RetailFigures(self._segments), self._today(owned), self._now_s([owned])
        census = Census(self._rules.catalogue_at(now_s), now_s)
        bodies = [entry.body for entry in owned.entries.values()]
        for start in range(0, len(bodies), 200):
            for body in bodies[start : start + 200]:
                try:
                    record = load(body)
                    add_record(figures, record, today)
                    census.count(record)
                except Exception as error:
                    self.pipeline.failed(f"the retail figures of partition {number}", error)
            await asyncio.sleep(0)
        if self.runtime.held.get(number) is not owned:
            return
        for enrolled, count in census.arms.items():
            self.metrics.enrolled.labels(*enrolled, number).set(count)
        self.metrics.responses_overdue.labels(number).set(census.overdue)
        for (window, channel, segment), cell in figures.cells.items():
            where = (f"{window}d", channel, segment, number)
            self.metrics.orders.labels(*where).set(cell.orders)
            self.metrics.guest_orders.labels(*where).set(cell.guest_orders)
            self.metrics.revenue_minor.labels(*where).set(cell.revenue_minor)
            self.metrics.customers_with_orders.labels(*where).set(cell.buyers)
            self.metrics.customers_with_repeat_orders.labels(*where).set(cell.repeat_buyers)

    def _today(self, owned: OwnedPartition) -> int:
        """The day the windows end with: the wall clock's, or the latest one that the events have reached."""
        return (self._now_s([owned]) + self.settings.day_offset_s) // DAY_S

    def _now_s(self, partitions: list[OwnedPartition]) -> int:
        """The wall clock's second, or the latest one that the events of some partitions have reached."""
        if self.settings.clock == "wall":
            return int(time.time())
        progress, now = self.runtime.progress, time.monotonic()
        return max([progress.stream(owned.number, now) for owned in partitions], default=UNKNOWN)


def create_app(settings: Settings, registry: CollectorRegistry) -> Latido:
    """Join everything for one worker; call it inside the running event loop."""
    return Latido(settings, registry)


def engine_config(settings: Settings, started_s: int) -> EngineConfig:
    """What the engine has to know, from the settings; `started_s` is when this worker came up."""
    spoken = settings.speak_from_s
    speak_from = started_s if spoken is None else spoken
    facts: dict[str, str | int] = {
        "partitioner": settings.partitioner,
        "day_offset_s": settings.day_offset_s,
        "base_currency": settings.base_currency,
    }
    if spoken is not None:
        facts["speak_from"] = speak_from
    return EngineConfig(
        app_id=topics.group(settings),
        brokers=settings.brokers,
        table=topics.TABLE,
        sources=tuple(topics.full_name(settings, name) for name in SOURCES),
        rerouted=topics.full_name(settings, topics.REROUTED),
        outputs=tuple(topics.full_name(settings, name) for name in topics.OUTPUTS),
        documents=topics.DOCUMENTS,
        partitions=settings.partitions,
        facts=facts,
        first_facts={"speak_from": speak_from},
        instance_id=settings.instance_id,
        session_timeout_s=settings.session_timeout_s,
        commit_interval_s=settings.commit_interval_s,
        tick_s=settings.tick_s,
        document_interval_s=settings.document_interval_s,
        slice_records=settings.slice_records,
        credit=settings.batch_credit,
        max_uncommitted_bytes=settings.max_uncommitted_mb << 20,
        max_uncommitted_batches=settings.max_uncommitted_batches,
        datadir=f"{settings.data_dir}/faust",
    )


class Telling(Observer):
    """Turns what the engine lets see into metrics."""

    def __init__(self, metrics: Metrics) -> None:
        """Tell it to these metrics."""
        self._metrics = metrics

    def on_reseek(self, topic: str, partition: int) -> None:
        """Count it."""
        self._metrics.reseeks.inc()

    def on_gap(self, topic: str, partition: int, records: int) -> None:
        """Count the offsets."""
        self._metrics.missing_records.inc(records)

    def on_claimed(self, partition: int, term: int) -> None:
        """Count it."""
        self._metrics.partitions_claimed.inc()

    def on_kept(self, partition: int) -> None:
        """Count it."""
        self._metrics.partitions_kept.inc()

    def on_assigned(self) -> None:
        """Count it."""
        self._metrics.rebalances.inc()

    def on_recovered(self, records: int, seconds: float) -> None:
        """Keep how long it took."""
        self._metrics.recovery_seconds.set(seconds)

    def on_stale(self, records: int) -> None:
        """Count them."""
        self._metrics.stale_records.inc(records)

    def on_resent(self, words: int) -> None:
        """Count them."""
        self._metrics.resent_signals.inc(words)

    def on_remembered(self, records: int, size: int) -> None:
        """Count records and bytes."""
        self._metrics.changelog_records.inc(records)
        self._metrics.changelog_bytes.inc(size)

    def on_said(self, topic: str, records: int, size: int) -> None:
        """Count records and bytes."""
        self._metrics.output_records.labels(topic).inc(records)
        self._metrics.output_bytes.labels(topic).inc(size)

    def on_spoken(self, arrived_ms: list[int]) -> None:
        """Observe the age of each record whose words were acknowledged."""
        now_ms = time.time() * 1000
        for stamp in arrived_ms:
            self._metrics.event_age_seconds.observe((now_ms - stamp) / 1000)

    def on_committable(self, records: int) -> None:
        """Count them."""
        self._metrics.durable_records.inc(records)

    def on_unowned(self, records: int) -> None:
        """Count them."""
        self._metrics.unowned.inc(records)
