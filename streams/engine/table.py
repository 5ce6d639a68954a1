"""Ownership and recovery: a changelog partition is claimed, read to the claim, and only then written.

**Writer term.** On assignment a new owner first appends a claim marker; the offset the broker gives it is the owner's
term: unique, and growing with the order of append. Each record carries its writer's (term, counter), and recovery
prefers the greater one, so what a frozen worker writes late is recognised as stale.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import faust
from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped]
from faust.types import TP

from streams.engine import envelope
from streams.engine.ends import BROKEN, LEASE_LOST, REFUSED, end
from streams.engine.envelope import CLAIM, FACTS, SPOKEN
from streams.engine.partition import OwnedPartition
from streams.engine.sending import Record

if TYPE_CHECKING:
    from streams.engine.runtime import Runtime


class ChangelogTable(faust.Table[Any, Any]):
    """A Faust table in name: Faust assigns, seeks and reads its changelog; the records live in `Runtime.held`."""

    def __init__(self, *args: Any, runtime: "Runtime", **kwargs: Any) -> None:
        """Belong to a runtime."""
        super().__init__(*args, **kwargs)
        self.runtime = runtime
        self._group_generation: int | None = None
        self._records = 0
        self._since = time.monotonic()

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog of a partition that was kept in memory need not be read again."""
        held = self.runtime.held.get(tp.partition)
        return held.last_offset if held is not None and held.ready else -1

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Keep what was owned without a break and is clean; drop the rest; claim what is new."""
        runtime = self.runtime
        mine = {tp.partition for tp in assigned if tp.topic == self.changelog_topic_name}
        for number in mine:
            if missing := [t for t in runtime.config.consumed if TP(t, number) not in assigned]:
                end(
                    BROKEN, f"Partition {number} of {', '.join(missing)} was assigned to another worker than its state."
                )
        unbroken = self._group_generation is not None and generation_id == self._group_generation + 1
        for number, owned in list(runtime.held.items()):
            if number in mine and unbroken and owned.ready and owned.clean:
                runtime.observer.on_kept(number)
            else:
                runtime.held.pop(number).abandon()
        runtime.observer.on_assigned()
        self._group_generation = generation_id
        self._records, self._since = 0, time.monotonic()
        await self._claim(sorted(mine - set(runtime.held)))
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def _claim(self, numbers: list[int]) -> None:
        """
        Append a claim to each partition's changelog, all within the lease.

        No heartbeat is sent meanwhile: a claim that lands when this worker is no member any more could outrank
        the rightful owner's.
        """
        runtime, since = self.runtime, time.monotonic()
        claim: list[Record] = [(CLAIM, b"claim", [])]
        sends = [runtime.sender.send(self.changelog_topic_name, number, claim) for number in numbers]
        terms = await asyncio.gather(*sends)
        if time.monotonic() - since > runtime.lease.span_s:
            end(LEASE_LOST, "Claiming partitions took longer than the lease; start the worker again.")
        for number, term in zip(numbers, terms, strict=True):
            runtime.hold(number, term)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Take whole fetched batches of the changelog into memory."""
        for event in batch:
            message = event.message
            owned = self.runtime.held.get(message.partition)
            if owned is None or owned.ready:
                continue
            records = message.value.records
            try:
                restore(owned, records)
            except Exception:
                # Faust would log it and go on without these records.
                end(REFUSED, unreadable(self.changelog_topic_name, message.partition))
            self._records += len(records)
        self.runtime.recovering(self._records)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Open what was recovered, unless the next rebalance has begun already."""
        if self.app.consumer_generation_id != self._group_generation:
            return
        try:
            await self.runtime.open(self._records, time.monotonic() - self._since)
        except IllegalStateError:
            return  # Partitions were taken away meanwhile: the next recovery opens what is left.
        except Exception as error:
            end(BROKEN, f"A recovered partition could not be opened ({type(error).__name__}); start the worker again.")
        await super().on_recovery_completed(active_tps, standby_tps)


def restore(owned: OwnedPartition, records: Iterable[Any]) -> None:
    """Take changelog records into a partition's memory; the greater (term, counter) of a key wins."""
    entries = owned.entries
    for record in records:
        key, value = record.key, record.value
        if envelope.is_marker(key):
            _restore_marker(owned, record)
            continue
        name = key.decode()
        if value is None:
            entries.pop(name, None)
            continue
        new = envelope.decode_envelope(value)
        if new.term >= owned.term:
            end(REFUSED, unreadable(f"the changelog of partition {owned.number}", owned.number))
        old = entries.get(name)
        if old is not None and (old.term, old.counter) > (new.term, new.counter):
            owned.stale += 1
        else:
            entries[name] = new


def _restore_marker(owned: OwnedPartition, record: Any) -> None:
    if record.key == CLAIM:
        owned.claimed = record.offset
    elif record.key == FACTS:
        owned.facts = owned.facts or envelope.decode_facts(record.value)
    elif record.key == SPOKEN:
        marker = envelope.decode_spoken(record.value)
        owned.spoken = max(owned.spoken, (marker.term, marker.counter))
        # Whoever writes behind a later claim has lost the partition: what it knows durable, the new owner does not.
        if marker.term >= owned.claimed:
            for source, offset in marker.durable.items():
                owned.durable[source] = max(offset, owned.durable.get(source, 0))


def unreadable(topic: str, partition: int) -> str:
    """One line for a changelog this worker must not touch."""
    return (
        f"{topic} {partition} holds records this worker did not write or cannot read: it was recreated, mirrored or "
        "written by a newer version; restore it, or start with a new LATIDO_APP_ID to rebuild all state."
    )
