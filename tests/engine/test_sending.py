"""What is said to Kafka: in order, all or nothing, and only under the lease."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.engine import lease, sending
from streams.engine.ends import LEASE_LOST, WRITE_FAILED
from streams.engine.lease import Lease
from streams.engine.sending import Sender, size_of
from tests.engine.recording import config

BATCH_BYTES = 2_000


class EndedError(Exception):
    """The process would have ended; exit code and line are its arguments."""


@pytest.fixture(autouse=True)
def _ending(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code, sentence)

    monkeypatch.setattr(sending, "end", end)
    monkeypatch.setattr(lease, "end", end)


class Dawdling:
    """Takes the producer's place: the first batch takes its time, those that come later pass it."""

    def __init__(self) -> None:
        """Begin with an empty log."""
        self.landed: list[tuple[str, int, int]] = []
        self.failure: Exception | None = None
        self.end = self.calls = 0

    def create_batch(self) -> BatchBuilder:
        """Make a real batch, small enough to be full soon."""
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        """Append the batch after a while; the answer is the acknowledgement to come."""
        self.calls += 1
        await asyncio.sleep(0.02 if self.calls == 1 else 0)
        self.landed.append((topic, partition, batch.record_count()))
        acknowledged = asyncio.get_running_loop().create_future()
        if self.failure:
            acknowledged.set_exception(self.failure)
        else:
            acknowledged.set_result(SimpleNamespace(offset=self.end))
        self.end += batch.record_count()
        return acknowledged


async def sender() -> tuple[Sender, Dawdling]:
    """A sender whose producer is here."""
    made, producer = Sender(config(), Lease(4)), Dawdling()
    made._producer, made._loop = producer, asyncio.get_running_loop()
    return made, producer


def records(count: int, size: int = 400) -> list[Any]:
    """So many records."""
    return [(b"k", b"x" * size, [("id", b"1")])] * count


async def test_the_last_records_offset_is_the_answer_however_many_batches_it_took() -> None:
    """Whatever the size of each: what does not fit into one batch follows in the next."""
    made, producer = await sender()

    assert [0, 10, 11] == [await made.send("t", 0, some) for some in (records(1), records(10), records(1, 9_000))]
    assert 12 == sum(count for _, _, count in producer.landed)
    assert len(producer.landed) > 4


async def test_callers_for_one_partition_are_served_in_turn() -> None:
    """Nobody passes anybody, also between two batches of one send."""
    made, _ = await sender()
    first = asyncio.create_task(made.send("t", 0, records(9)))
    await asyncio.sleep(0.001)
    second = asyncio.create_task(made.send("t", 0, records(1)))

    assert [8, 9] == await asyncio.gather(first, second)


async def test_callers_for_different_partitions_do_not_wait_for_each_other() -> None:
    """A slow partition holds up nobody else."""
    made, producer = await sender()
    await made._in_turn.setdefault(("t", 0), asyncio.Lock()).acquire()
    waiting = asyncio.create_task(made.send("t", 0, records(1)))
    await made.send("t", 1, records(1))
    await made.send("u", 0, records(1))

    assert not waiting.done()
    assert [("t", 1, 1), ("u", 0, 1)] == producer.landed
    waiting.cancel()


async def test_a_write_that_fails_ends_the_worker() -> None:
    """Nothing of that partition may follow a write whose fate is unknown."""
    made, producer = await sender()
    producer.failure = KafkaTimeoutError()

    with pytest.raises(EndedError, match=r"A write to t 0 was not acknowledged \(KafkaTimeoutError\)") as ended:
        await made.send("t", 0, records(1))

    assert WRITE_FAILED == ended.value.args[0]


async def test_without_a_lease_nothing_is_sent() -> None:
    """The check stands before each batch that is handed over."""
    made, producer = await sender()
    made._lease._seen = -1e9

    with pytest.raises(EndedError, match="may no longer write") as ended:
        await made.send("t", 0, records(1))

    assert (LEASE_LOST, []) == (ended.value.args[0], producer.landed)


def test_a_size_counts_keys_and_values() -> None:
    """What is missing has none."""
    assert 5 == size_of([(b"ab", b"c", []), (None, b"d", []), (b"e", None, [("id", b"not counted")])])


async def test_sends_that_follow_one_another_do_not_come_back_in_between() -> None:
    """All of them run where the producer lives; the last answer comes home, to the loop that asked."""
    made, producer = await sender()
    made._loop = asyncio.new_event_loop()
    thread = threading.Thread(target=made._loop.run_forever)
    thread.start()
    places = list[threading.Thread]()

    async def two() -> int:
        await made.send("first", 0, records(1))
        places.append(threading.current_thread())
        return await made.send("then", 0, records(2))

    try:
        assert 2 == await made.follow(two())
    finally:
        made._loop.call_soon_threadsafe(made._loop.stop)
        thread.join()
    assert [thread] == places
    assert [("first", 0, 1), ("then", 0, 2)] == producer.landed
