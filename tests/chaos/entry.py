"""The worker with something wrong: a test-only way in, which patches the engine and then runs `latido worker`.

    python -m tests.chaos.entry [--crash-at POINT[:N]] [--freeze-at POINT[:N]] [--break GUARD]...

At the N-th passing of a point the process ends at once (exit code 99), or stops as if by SIGSTOP until somebody thaws
it. `--late-write N` stops it when the N-th write to the changelog has left our hands and not yet the machine, and ends
it when that write is acknowledged after all. A broken guard is one that does not guard. Nothing of this ships: the
product knows no such switch.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.cli import main as latido
from streams.engine import envelope, table
from streams.engine.delivery import BatchConsumer
from streams.engine.lease import Lease
from streams.engine.partition import Image, OwnedPartition, Place
from streams.engine.sending import Record
from streams.learning import Learning
from streams.sweeps import Sweeps

CRASHED = 99

Reached = Callable[[], None]
Method = Callable[..., Awaitable[Any]]
Said = Mapping[Place, Sequence[Record]]
Concern = Callable[[OwnedPartition, Said], bool]


def crash() -> None:
    """End as a crash does: nothing is flushed, nothing is said."""
    os._exit(CRASHED)


def freeze() -> None:
    """Stand still until a SIGCONT comes."""
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.5)  # the stop may reach this thread a moment later, and nothing more may happen until then


def at_the(number: int, act: Callable[[], None]) -> Reached:
    """Act at the given passing, counted from 1, and never again."""
    passed = 0

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            act()

    return reached


def at_the_writer(method: str, concerns: Concern, *, after: bool) -> Callable[[Reached], None]:
    """Make a point before or after a step of the writer, reached only where what is to be said concerns it."""

    def patch(reached: Reached) -> None:
        original: Method = getattr(OwnedPartition, method)

        async def passing(owned: OwnedPartition, what: Image | Said) -> None:
            concerned = concerns(owned, what.said if isinstance(what, Image) else what)
            if concerned and not after:
                reached()
            await original(owned, what)
            if concerned and after:
                reached()

        setattr(OwnedPartition, method, passing)

    return patch


def words(owned: OwnedPartition, said: Said) -> bool:
    """Whether there is something to say in the output topics."""
    return any(topic in owned._config.outputs for topic, _ in said)


def derived(owned: OwnedPartition, said: Said) -> bool:
    """Whether there are words to other keys."""
    return any(envelope.DERIVED in dict(headers) for _, _, headers in rerouted(owned, said))


def strangers(owned: OwnedPartition, said: Said) -> bool:
    """Whether there are records on their way home."""
    return any(envelope.DERIVED not in dict(headers) for _, _, headers in rerouted(owned, said))


def rerouted(owned: OwnedPartition, said: Said) -> list[Record]:
    """All records for the topic that brings them to their home."""
    return [record for (topic, _), records in said.items() if topic == owned._config.rerouted for record in records]


def before_commit(reached: Reached) -> None:
    """Reach the point when everything is done but the commit of the source's offsets."""
    original: Method = BatchConsumer._commit_offsets

    async def commit(consumer: BatchConsumer, offsets: Any, *args: Any, **kwargs: Any) -> bool:
        if offsets:
            reached()
        return await original(consumer, offsets, *args, **kwargs)

    BatchConsumer._commit_offsets = commit


def labels_said(reached: Reached) -> None:
    """Reach the point when some labels of a week are acknowledged, and its marker is not."""
    original: Method = Sweeps._say

    async def say(sweeps: Sweeps, report: Any) -> None:
        await original(sweeps, report)
        if report.labels is not None:
            reached()

    Sweeps._say = say


def week_marked(reached: Reached) -> None:
    """Reach the point when a partition's week is marked, and it may not be learned."""
    original: Method = Sweeps._say

    async def say(sweeps: Sweeps, report: Any) -> None:
        await original(sweeps, report)
        if report.labels is None:
            reached()

    Sweeps._say = say


def week_learned(reached: Reached) -> None:
    """Reach the point when a version of the model is made, and nobody has it."""
    original: Method = Learning._publish

    async def publish(learning: Learning, *args: Any) -> None:
        reached()
        await original(learning, *args)

    Learning._publish = publish


def model_published(reached: Reached) -> None:
    """Reach the point when a version is acknowledged, and the learner has not gone on."""
    original: Method = Learning._publish

    async def publish(learning: Learning, *args: Any) -> None:
        await original(learning, *args)
        reached()

    Learning._publish = publish


POINTS: dict[str, Callable[[Reached], None]] = {
    # a record with something to say is about to be written; it is remembered, and nothing of it is said; all is said,
    # and nothing in the log says so
    "outbox-filled": at_the_writer("_remember", words, after=False),
    "changelog-acknowledged": at_the_writer("_remember", words, after=True),
    "outputs-acknowledged": at_the_writer("_speak", words, after=True),
    # a record with a word to another key is remembered, and the word is not said; it is said, and nothing says so
    "derived-remembered": at_the_writer("_remember", derived, after=True),
    "derived-said": at_the_writer("_speak", derived, after=True),
    # strangers are on their way home, and their origin is not committed
    "reroute-sent": at_the_writer("_speak", strangers, after=True),
    "before-commit": before_commit,
    "labels-said": labels_said,
    "week-marked": week_marked,
    "week-learned": week_learned,
    "model-published": model_published,
}


def without_fence() -> None:
    """Apply every event that is delivered, applied before or not: no record remembers an offset."""
    original = OwnedPartition.put
    OwnedPartition.put = lambda owned, key, body, *, fences, **rest: original(owned, key, body, fences={}, **rest)
    OwnedPartition.skip = lambda owned, key, fences: None


def without_continuity() -> None:
    """Believe that every batch continues the one before, whatever its first offset is."""

    async def believe(consumer: BatchConsumer, tp: Any, fetched: list[Any]) -> tuple[list[Any], int]:
        return fetched, consumer._next.get(tp, fetched[0].offset)

    BatchConsumer._continue = believe


def forgetful_fetch() -> None:
    """Lose a few fetches on their way to delivery, as an interrupted `getmany` does: what continuity is there for."""
    original: Method = BatchConsumer._wait_next_records
    fetched = 0

    async def wait_next_records(consumer: BatchConsumer, patience_s: float) -> Any:
        nonlocal fetched
        records, active = await original(consumer, patience_s)
        if records and any(tp.topic in consumer.runtime.config.sources for tp in records):
            fetched += 1
            if fetched in (3, 6, 9):
                return {}, active
        return records, active

    BatchConsumer._wait_next_records = wait_next_records


def without_order() -> None:
    """Commit what is in memory, and write it afterwards."""
    original: Method = OwnedPartition._write

    async def write(owned: OwnedPartition, keys: Sequence[str]) -> None:
        await asyncio.sleep(2 * owned._config.commit_interval_s)
        await original(owned, keys)

    OwnedPartition.advanced = lambda owned, batch: owned._make_committable([batch])
    OwnedPartition._write = write


def without_single_writer() -> None:
    """Let every write run on its own, and every second one dawdle between its image and the log."""
    written: Method = OwnedPartition._write
    remembered: Method = OwnedPartition._remember
    running: set[asyncio.Task[None]] = set()
    count = 0

    async def write(owned: OwnedPartition, keys: Sequence[str]) -> None:
        task = asyncio.create_task(written(owned, keys))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0)

    async def remember(owned: OwnedPartition, image: Image) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(1.0 if count % 2 else 0)
        await remembered(owned, image)

    OwnedPartition._write = write
    OwnedPartition._remember = remember


def without_term() -> None:
    """Believe whatever stands last in the changelog, whoever wrote it."""
    original = table.restore

    def restore(owned: OwnedPartition, records: Any) -> None:
        for record in records:
            if not envelope.is_marker(record.key):
                owned.entries.pop(record.key.decode(), None)
            original(owned, [record])

    table.restore = restore


def without_lease() -> None:
    """Go on writing after a standstill: then the writer term is all that is left."""
    Lease.check = lambda lease: None


GUARDS: dict[str, Callable[[], None]] = {
    "fence": without_fence,
    "continuity": without_continuity,
    "order": without_order,
    "single-writer": without_single_writer,
    "term": without_term,
    "lease": without_lease,
    "fetch": forgetful_fetch,
}


def late_write(number: int) -> None:
    """Freeze with the N-th write to the changelog in the client's hands; end when it is acknowledged after the thaw."""
    original: Method = AIOKafkaProducer.send_batch
    written = 0

    async def send(producer: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        nonlocal written
        acknowledgement = await original(producer, batch, topic, partition=partition)
        if topic.endswith("-changelog") and batch.record_count() > 2:
            written += 1
            if written == number:
                acknowledgement.add_done_callback(lambda _: crash())
                freeze()
        return acknowledgement

    AIOKafkaProducer.send_batch = send


def point(text: str) -> tuple[str, int]:
    """Read POINT or POINT:N."""
    name, _, number = text.partition(":")
    if name not in POINTS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(POINTS)}")
    return name, int(number or 1)


def main() -> None:
    """Patch as the command line says, and run the worker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crash-at", type=point, action="append", default=[])
    parser.add_argument("--freeze-at", type=point, action="append", default=[])
    parser.add_argument("--late-write", type=int)
    parser.add_argument("--break", dest="broken", choices=GUARDS, action="append", default=[])
    options = parser.parse_args()
    for guard in options.broken:
        GUARDS[guard]()
    for act, wanted in ((crash, options.crash_at), (freeze, options.freeze_at)):
        for name, number in wanted:
            POINTS[name](at_the(number, act))
    if options.late_write:
        late_write(options.late_write)
    latido(["worker"])


if __name__ == "__main__":
    main()
