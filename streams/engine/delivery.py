"""Own delivery: what Kafka fetched reaches the agents whole, in order, and no faster than they work.

Faust's own bookkeeping of read offsets and gaps loses records when a rebalance interrupts a delivery. Here the consumer
keeps the *next* offset per partition. A batch that starts below it is trimmed; one that starts above causes one re-seek
and is believed only when the gap is confirmed. A delivery generation makes an interrupted delivery forget itself.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aiokafka.consumer.fetcher import READ_COMMITTED  # type: ignore[import-untyped]
from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped]
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.batches import Batch
from streams.engine.ends import REFUSED, end

if TYPE_CHECKING:
    from streams.engine.runtime import Runtime

logger = logging.getLogger(__name__)


class BatchConsumer(driver.Consumer):
    """Faust's aiokafka consumer with its own delivery, continuity, back-pressure and durable offsets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with nothing to deliver."""
        super().__init__(*args, **kwargs)
        self.runtime: Runtime = cast(BatchTransport, self.transport).runtime
        self.generation = 0
        """Delivery generation: moves whenever what was handed over before must be forgotten."""
        self.outstanding = 0
        """Batches handed over and not yet advanced."""
        self.delivering = False
        """More batches of a poll are certain to follow those already handed over."""
        self.uncommittable = 0
        """Bytes handed over and not yet committable."""
        self.uncommitted = 0
        """Batches handed over and not yet committable."""
        self.committed_at = time.monotonic()
        """When offsets were last committed, monotonic seconds."""
        self._next: dict[TP, int] = {}
        self._sought: dict[TP, int] = {}
        self._begun = asyncio.Event()
        self._changelog: dict[TP, int] = {}
        """Where changelogs were sought and nothing of them delivered yet."""
        self._gaps: dict[TP, tuple[int, int]] = {}
        self._room = asyncio.Event()

    # ---- commits: only what the broker acknowledged, contiguously

    def _new_offset(self, tp: TP) -> int | None:
        held = self.runtime.held.get(tp.partition)
        return None if held is None else held.durable.get(self.runtime.number_of(tp.topic))

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter([tp for tp in self._next if topics is None or tp in topics or tp.topic in topics])

    async def verify_all_partitions_active(self) -> None:
        """Faust looks for stalls partition by partition; ours are seen by lag and progress, at no cost."""

    # ---- credit

    def taken(self, batch: Batch) -> None:
        """Give back the credit of a batch that is in memory now."""
        if batch.generation == self.generation:
            self.outstanding -= 1
            self._room.set()

    def committable(self, batches: Sequence[Batch]) -> None:
        """Give back the bytes of batches that may be committed now."""
        for batch in batches:
            if batch.generation == self.generation:
                self.uncommittable -= batch.size
                self.uncommitted -= 1
        self._room.set()

    def interrupt(self) -> None:
        """Forget every delivery under way."""
        self.generation += 1
        self.outstanding = self.uncommittable = self.uncommitted = 0
        self._gaps.clear()
        self._room.set()

    def forget(self) -> None:
        """Deliver nothing until the next seek says where to begin."""
        self.interrupt()
        self._next.clear()
        self._sought.clear()
        self._begun.set()

    def _full(self) -> bool:
        config = self.runtime.config
        return (
            self.outstanding >= config.credit
            or self.uncommittable >= config.max_uncommitted_bytes
            or self.uncommitted >= config.max_uncommitted_batches
        )

    async def _wait_for_room(self) -> None:
        while self._full() and self.flow_active and not self._stopped.is_set():
            self._room.clear()
            try:
                async with asyncio.timeout(0.5):
                    await self._room.wait()
            except TimeoutError:
                pass

    # ---- where to begin

    async def _commit(self, offsets: Any) -> bool:
        committed = await super()._commit(offsets)
        if committed:
            self.committed_at = time.monotonic()
        return committed

    async def perform_seek(self) -> None:
        """Seek every source partition to what is durable, or to the earliest record; refuse a log that lost its end."""
        consumer: Any = self._thread._consumer
        consumer._fetcher._fetch_max_wait_ms = self.runtime.config.fetch_wait_ms
        # Faust reads uncommitted records outside its own transactions: an aborted event never happened.
        consumer._fetcher._isolation_level = READ_COMMITTED
        await super().perform_seek()
        self.forget()
        mine = [TP(*tp) for tp in self.assignment() if tp.topic in self.runtime.config.consumed]
        if not mine:
            return
        earliest, ends = await self.earliest_offsets(*mine), await self.highwaters(*mine)
        starts = {}
        for tp in mine:
            committed = self._read_offset.get(tp)
            durable = self.runtime.durable_floor(tp)
            begun = committed is not None or durable > 0
            start = max(committed or 0, durable) if begun else earliest[tp]
            known = max(committed or 0, durable, self.runtime.fence_floor(tp) + 1)
            if ends[tp] < known:
                end(REFUSED, lost_its_end(tp, ends[tp], known))
            if start < earliest[tp]:
                lost = earliest[tp] - start
                logger.error("%s %d: %d records left the log before they were read.", tp.topic, tp.partition, lost)
                self.runtime.observer.on_gap(tp.topic, tp.partition, lost)
                start = earliest[tp]
            starts[tp] = start
        self._sought = dict(starts)
        self._begun.clear()
        await self.seek_wait(starts)
        self.runtime.assigned(starts, {tp: ends[tp] for tp in mine})

    def resume_flow(self) -> None:
        """Let sources begin where they were sought; what was delivered before this Faust drops from its queues."""
        super().resume_flow()
        self._next |= self._sought
        self._sought = {}
        self._begun.set()

    async def only_markers_left(self, tp: TP, read: int, log_end: int) -> bool:
        """
        Whether nothing but transaction markers stands between what was read and the log's end.

        They are never delivered; only the fetcher's position passes them.
        """
        if self.outstanding or self._next.get(tp) != read:
            return False
        position = await self.position(tp)
        return position is not None and position >= log_end and self._next.get(tp) == read

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Seek, and remember where a changelog begins."""
        await super().seek_wait(partitions)
        sources = self.runtime.config.consumed
        self._changelog |= {TP(*tp): offset for tp, offset in partitions.items() if tp.topic not in sources}

    # ---- delivery

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's name
        # A poll outlives a rebalance, and Faust changes its set under it: an empty one would mean all partitions.
        frozen: Any = None if active_partitions is None else frozenset(active_partitions)
        return await super()._getmany(frozen, timeout)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._wait_for_room()
                records, _ = await self._wait_next_records(1.0)
                await asyncio.sleep(0)
                if records and self.flow_active:
                    await self._hand_over(records)
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    async def _hand_over(self, records: Any) -> None:
        self.delivering = True
        try:
            await self._deliver(records, self.generation)
        finally:
            self.delivering = False
            self.runtime.inbox.wake()

    async def _deliver(self, records: Any, generation: int) -> None:
        for tp, fetched in records.items():
            if not fetched:
                continue
            begin = -1
            if tp.topic in self.runtime.config.consumed:
                if tp in self._sought:
                    await self._begun.wait()
                    if self.generation != generation:
                        return
                fetched, begin = await self._continue(tp, fetched)
                if self.generation != generation:
                    return
            elif tp in self._changelog:
                fetched = await self._begin_changelog(tp, fetched)
            if not fetched:
                continue
            batch = Batch(tp, fetched, begin, generation)
            if begin >= 0:
                self.outstanding += 1
                self.uncommittable += batch.size
                self.uncommitted += 1
            await self.wait_first(self.callback(self._to_message(tp, batch)), self.suspend_flow.wait())
            if self.generation != generation or not self.flow_active:
                return
            if begin >= 0:
                self._next[tp] = batch.offset + 1
            self._read_offset[tp] = batch.offset

    async def _continue(self, tp: TP, fetched: list[Any]) -> tuple[list[Any], int]:
        """Return the records that continue what was delivered before, and the offset they continue from."""
        begin = self._next.get(tp)
        if begin is None:
            return [], -1
        if fetched[0].offset < begin:
            fetched = [record for record in fetched if record.offset >= begin]
        if fetched and fetched[0].offset > begin:
            gap = (begin, fetched[0].offset)
            if self._gaps.get(tp) != gap:
                self._gaps[tp] = gap
                self.runtime.observer.on_reseek(tp.topic, tp.partition)
                await self._seek_again(tp, begin)
                return [], -1
            self.runtime.observer.on_gap(tp.topic, tp.partition, gap[1] - gap[0])
        return fetched, begin

    async def _begin_changelog(self, tp: TP, fetched: list[Any]) -> list[Any]:
        """Return a changelog's first records after a seek; what a poll from before it took away is fetched again."""
        sought = self._changelog.pop(tp)
        gap = (sought, fetched[0].offset)
        if fetched[0].offset <= sought or self._gaps.get(tp) == gap:
            return fetched
        self._gaps[tp], self._changelog[tp] = gap, sought
        await self._seek_again(tp, sought)
        return []

    async def _seek_again(self, tp: TP, offset: int) -> None:
        # The partition may be taken away meanwhile: then nobody waits for its records.
        with contextlib.suppress(IllegalStateError):
            await super().seek_wait({tp: offset})


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer."""

    Consumer = BatchConsumer
    runtime: "Runtime"


def lost_its_end(tp: TP, log_end: int, known: int) -> str:
    """One line for a source whose log ends before what was read of it."""
    return (
        f"{tp.topic} {tp.partition} ends at {log_end} but {known} was read before: it was recreated or truncated; "
        "restore it, or start with a new LATIDO_APP_ID to rebuild all state from what the topics hold."
    )
