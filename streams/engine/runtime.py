"""Everything of the engine that lives as long as the process: the Faust app, what it holds, and who is told.

Whoever uses the engine gives it a `Handler` and starts `Runtime.app`; it then drives

    fetched batches → handler.advance (in slices, synchronous) → partition's writer → changelog, outputs → commit
"""

import asyncio
import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import faust
from faust.types import TP

from streams.engine.batches import Batch, RawSchema
from streams.engine.config import EngineConfig
from streams.engine.delivery import BatchConsumer, BatchTransport, lost_its_end
from streams.engine.ends import BROKEN, REFUSED, end
from streams.engine.envelope import fence_number
from streams.engine.inbox import Inbox, Piece
from streams.engine.lease import Lease
from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.progress import Progress
from streams.engine.sending import Sender
from streams.engine.table import ChangelogTable

logger = logging.getLogger(__name__)

STILL_S = 120.0
"""So long a recovery may stand still before the worker ends itself."""

SWITCH_S = 0.0005
"""So soon a thread gives way to one that waits: with Python's 5 ms every hop to the consumer's or the sender's thread
and back waited for as long, several times on the road of each event."""

LEASE_MARGIN_S = 2.0
"""How much sooner than its session a worker's lease ends, unless the session is short."""


def lease_span_s(session_timeout_s: float) -> float:
    """Seconds for which a worker may write without having been seen alive; always less than its session."""
    return max(session_timeout_s - LEASE_MARGIN_S, session_timeout_s * 2 / 3)


class Portion(NamedTuple):
    """What a slice holds of one partition and topic: records in their order, `source` the topic's number."""

    owned: OwnedPartition
    source: int
    records: Sequence[Any]


class Handler(Protocol):
    """What the engine calls; everything is synchronous and must not raise."""

    def advance(self, portions: Sequence[Portion]) -> Sequence[int]:
        """Advance one slice in memory; return each portion's largest event time in epoch seconds."""

    def render(self, owned: OwnedPartition, key: str, body: bytes, version: tuple[int, int, int]) -> bytes | None:
        """Make the readable document of a key."""

    def opened(self, owned: OwnedPartition) -> None:
        """Call when a partition's records are in memory and may be advanced."""


class Runtime:
    """One worker's engine."""

    def __init__(self, config: EngineConfig, handler: Handler, observer: Observer) -> None:
        """Join the parts; nothing is connected before `app` is started."""
        self.config, self.handler, self.observer = config, handler, observer
        self.held: dict[int, OwnedPartition] = {}
        self.progress = Progress()
        self.lease = Lease(lease_span_s(config.session_timeout_s))
        self.sender = Sender(config, self.lease)
        self.restored = 0
        """Changelog records read in the running, or else the last, recovery."""
        self.advanced = 0
        """Source records brought into memory since the start."""
        self.ready = False
        """Recovered, and reading; false during a rebalance."""
        self._numbers = config.numbers
        self._era = 0
        """Moves whenever partitions may be taken away; what began before must not go on."""
        self._opening = asyncio.Lock()
        self._recovering_since = time.monotonic()
        self._stood_at: dict[TP, int] = {}
        """What was read of each partition not read to its end, at the last look."""
        self.inbox = Inbox()
        self._tasks: list[asyncio.Task[None]] = []
        self.app = self._new_app()
        self.table = ChangelogTable(
            self.app, name=config.table, default=None, partitions=config.partitions, schema=RawSchema(),
            recovery_buffer_size=8, runtime=self,
        )  # fmt: skip
        self.app.tables.add(self.table)
        revoked: Any = self._on_revoked
        shutdown: Any = self._on_shutdown
        self.app.on_partitions_revoked.connect(revoked, weak=False)
        self.app.on_before_shutdown.connect(shutdown, weak=False)

    def _new_app(self) -> faust.App:
        config = self.config
        app = faust.App(
            config.app_id,
            broker=[f"kafka://{address}" for address in config.brokers.split(",")],
            store="memory://",
            datadir=config.datadir,
            web_enabled=False,
            topic_partitions=config.partitions,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            stream_wait_empty=False,
            stream_buffer_maxsize=4096,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=1 << 20,
            consumer_group_instance_id=config.instance_id or None,
            broker_session_timeout=config.session_timeout_s,
            broker_heartbeat_interval=config.session_timeout_s / 6,
            broker_commit_interval=config.commit_interval_s,
            producer_acks=-1,
        )
        transport = BatchTransport(app.conf.broker_consumer, app)
        transport.runtime = self
        app.transport = transport
        return app

    @property
    def consumer(self) -> BatchConsumer:
        """Faust's consumer, which is ours."""
        return cast(BatchConsumer, self.app.consumer)

    def number_of(self, topic: str) -> int:
        """A consumed topic's number."""
        return self._numbers[topic]

    def topic(self, position: int) -> Any:
        """The channel of a consumed topic, for an agent."""
        return self.app.topic(self.config.consumed[position], schema=RawSchema(), partitions=self.config.partitions)

    # ---- the road of a batch

    async def drain(self, stream: Any) -> None:
        """Body of an agent: have every batch of a stream advanced."""
        self._begin()
        async for event in stream.noack().events():
            self.inbox.put(event.message.value, more=self.consumer.delivering)

    async def _work(self) -> None:
        """Advance what the agents have taken, one slice in a pass of the loop, so that others have their turn."""
        while True:
            await self.inbox.wait()
            self._advance(self.inbox.slice(self.config.slice_records))
            await asyncio.sleep(0)

    def _advance(self, pieces: Sequence[Piece]) -> None:
        """Advance one slice; what is not ours any more is dropped."""
        ours, portions = list[Piece](), list[Portion]()
        for piece in pieces:
            batch = piece.batch
            owned = self.held.get(batch.partition)
            if owned is None or not owned.ready or self.consumer.generation != batch.generation:
                self.observer.on_unowned(len(piece.records))
            else:
                ours.append(piece)
                portions.append(Portion(owned, self.number_of(batch.topic), piece.records))
        latest = self.handler.advance(portions) if portions else ()
        for piece, portion, latest_s in zip(ours, portions, latest, strict=True):
            batch = piece.batch
            batch.latest_s = max(batch.latest_s, latest_s)
            if piece.last:
                self._advanced(portion.owned, batch)
        for piece in pieces:
            if piece.last:
                self.consumer.taken(piece.batch)

    def _advanced(self, owned: OwnedPartition, batch: Batch) -> None:
        if self.consumer.generation != batch.generation:
            return
        owned.advanced(batch)
        self.advanced += len(batch.records)
        tp = TP(batch.topic, batch.partition)
        self.progress.read(tp, batch.offset + 1, batch.latest_s, batch.timestamp, time.monotonic())

    # ---- ownership

    def hold(self, number: int, term: int) -> None:
        """Begin to hold a partition that was just claimed; it is not ready before its recovery."""
        owned = OwnedPartition(number, term, self.config, self.sender, self.observer)
        owned.render = self.handler.render
        owned.on_committable = lambda batches: self.consumer.committable(batches)
        self.held[number] = owned
        self.ready = False
        self._recovering_since = time.monotonic()
        self.observer.on_claimed(number, term)

    def recovering(self, records: int) -> None:
        """Note how many changelog records the running recovery has read."""
        self.restored = records
        self._recovering_since = time.monotonic()

    def to_restore(self) -> int:
        """Changelog records that the running recovery has still to read."""
        recovery: Any = cast(Any, self.app.tables).recovery
        return max(0, recovery.active_remaining_total()) if self.app.in_recovery else 0

    def commit_age_s(self) -> float:
        """Seconds since offsets were last committed; 0 while there is nothing to commit."""
        consumer = self.consumer
        return time.monotonic() - consumer.committed_at if consumer.uncommitted else 0.0

    async def open(self, records: int, seconds: float) -> None:
        """Open every held partition that was just recovered, and start every writer, unless they are taken away."""
        era = self._era
        async with self._opening:
            new = [owned for owned in self.held.values() if not owned.ready]
            await self._refuse_lost_state([owned for owned in new if not owned.facts])
            for owned in new:
                if self._era != era:
                    return
                self._compare_facts(owned)
                await owned.open(self._facts())
                self.observer.on_stale(owned.stale)
                self.handler.opened(owned)
        if self._era != era:
            return
        for owned in self.held.values():
            owned.start()
        if not self.held:
            # Nothing to seek: a worker in reserve is ready as it is.
            self.assigned({}, {})
        if new:
            self.observer.on_recovered(records, seconds)
            logger.info(
                "Recovered %d changelog records, partitions %s, in %.1f s.", records, sorted(self.held), seconds
            )

    async def _refuse_lost_state(self, unwritten: Sequence[OwnedPartition]) -> None:
        """End when a changelog is empty although offsets were committed: then its state is gone, not yet to come."""
        committed = await self.consumer.seek_to_committed() if unwritten and self.consumer.assignment() else {}
        for owned in unwritten:
            for topic, offset in ((t, committed.get(TP(t, owned.number))) for t in self.config.consumed):
                if offset:
                    end(
                        REFUSED,
                        f"{self.config.changelog} {owned.number} is empty but {topic} was read up to {offset}: its "
                        "state is lost; restore it, or start with a new LATIDO_APP_ID to rebuild all state.",
                    )

    def _facts(self) -> dict[str, str | int]:
        fixed = {"partitions": self.config.partitions, "generation": 0, **self.config.facts}
        return {**self.config.first_facts, **fixed}

    def _compare_facts(self, owned: OwnedPartition) -> None:
        wanted = {"partitions": self.config.partitions, **self.config.facts}
        for name, value in wanted.items() if owned.facts else ():
            if owned.facts.get(name) != value:
                end(
                    REFUSED,
                    f"{self.config.changelog} {owned.number} was written with {name}={owned.facts.get(name)!r}, not "
                    f"{value!r}: set it back, or start with a new LATIDO_APP_ID to rebuild all state.",
                )

    def assigned(self, starts: dict[TP, int], ends: dict[TP, int]) -> None:
        """Take the offsets at which reading begins; called by the consumer before the first batch."""
        for tp, start in starts.items():
            if owned := self.held.get(tp.partition):
                owned.durable[self.number_of(tp.topic)] = start
        self.progress.assign(starts, ends, time.monotonic())
        self.ready = True

    def durable_floor(self, tp: TP) -> int:
        """Next offset that the spoken marker knows to be durable; 0 when it knows none."""
        owned = self.held.get(tp.partition)
        return 0 if owned is None else owned.durable.get(self.number_of(tp.topic), 0)

    def fence_floor(self, tp: TP) -> int:
        """Highest offset of a partition that stands in any fence; -1 for none."""
        owned, number = self.held.get(tp.partition), fence_number(self.number_of(tp.topic), tp.partition)
        entries = () if owned is None else owned.entries.values()
        return max([entry.fences.get(number, -1) for entry in entries], default=-1)

    async def _on_revoked(self, sender: Any, revoked: Any, **kwargs: Any) -> None:
        self.ready = False
        self._recovering_since = time.monotonic()
        await self._drain_writers()

    async def _on_shutdown(self, sender: Any, **kwargs: Any) -> None:
        self.ready = False
        await self._drain_writers()
        for task in self._tasks:
            task.cancel()
        await self.sender.stop()

    async def _drain_writers(self) -> None:
        """Write and commit what is in memory, as far as the session lasts, and forget what was not advanced."""
        self._era += 1
        self.consumer.interrupt()
        async with self._opening:
            pass
        patience_s = max(1.0, lease_span_s(self.config.session_timeout_s) - 1.0)
        await asyncio.gather(*[owned.stop(patience_s) for owned in self.held.values()])
        # A commit while another is under way would only wait for that one, which knows less.
        await self.consumer.maybe_wait_for_commit_to_finish()
        await self.consumer.commit()
        self.consumer.forget()

    # ---- what runs beside the agents

    def _begin(self) -> None:
        if not self._tasks:
            sys.setswitchinterval(SWITCH_S)
            works = (self._work(), self.lease.beat(), self._probe(), self._documents())
            self._tasks = [asyncio.create_task(work) for work in works]
            for task in self._tasks:
                task.add_done_callback(_must_not_fail)

    async def _probe(self) -> None:
        """Fetch log ends twice a second: for lag, for catching up, and for the wall clock's progress."""
        while True:
            await asyncio.sleep(0.5)
            followed = self.progress.partitions()
            if not self.ready:
                self._refuse_stillness()
            elif followed:
                now_s, era = int(time.time()), self._era
                durable = {tp: self.durable_floor(tp) for tp in followed}
                try:
                    ends = await self.consumer.highwaters(*followed)
                except Exception as error:
                    logger.warning("Log ends could not be fetched: %s.", type(error).__name__)
                    continue
                if self._era == era:
                    for tp in followed:
                        if ends[tp] < durable[tp]:
                            end(REFUSED, lost_its_end(tp, ends[tp], durable[tp]))
                    self.progress.probe(now_s, await self._without_markers(ends), time.monotonic())

    async def _without_markers(self, ends: Mapping[TP, int]) -> dict[TP, int]:
        """Bring log ends down to what was read where it has stood still and only transaction markers follow."""
        found, still = dict(ends), self.progress.unread()
        for tp, read in still.items():
            if self._stood_at.get(tp) == read and await self.consumer.only_markers_left(tp, read, ends[tp]):
                self.progress.pass_markers(tp)
                found[tp] = read
        self._stood_at = still
        return found

    def _refuse_stillness(self) -> None:
        """End when a recovery stands still: Faust gives up silently after a timeout, and never tries again."""
        if self.held and time.monotonic() - self._recovering_since > STILL_S:
            end(BROKEN, f"Recovery has stood still for {STILL_S:g} s; start the worker again.")

    async def _documents(self) -> None:
        """Have documents written at once after catching up, and then of each key within an interval of its change."""
        while True:
            await asyncio.sleep(0.2)
            for number, owned in list(self.held.items()):
                was_quiet = owned.quiet
                owned.quiet = not (owned.ready and self.progress.caught_up(number))
                if not owned.quiet:
                    owned.show(math.inf if was_quiet else time.monotonic() - self.config.document_interval_s)


def may_judge(runtime: Runtime, owned: OwnedPartition) -> bool:
    """Whether a partition is still ours, and all that it had at assignment has been read: then silence is silence."""
    ours = runtime.ready and owned.ready and runtime.held.get(owned.number) is owned
    return ours and runtime.progress.caught_up(owned.number)


def _must_not_fail(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        end(BROKEN, f"A task beside the agents failed ({type(error).__name__}); start the worker again.")
