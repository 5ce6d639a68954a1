"""Reading topics for people: a follower of all partitions, and one customer's latest document; no group, no commits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.broker import reachable
from streams.engine.home import PARTITIONERS
from streams.errors import BrokerUnreachableError, LatidoError
from streams.settings import Settings
from streams.topics import full_name

FETCH_WAIT_MS = 50
POLL_MS = 200
PARTITION_FETCH_BYTES = 4 * 1024 * 1024


class Heard(NamedTuple):
    """One record of a topic; `topic` is the name without prefix, the timestamp is Kafka's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    value: bytes | None
    headers: dict[str, str]


class Versioned(msgspec.Struct, gc=False):
    """The one field by which the newest of several documents is told."""

    version: tuple[int, int, int]


_version = msgspec.json.Decoder(Versioned)


class Listener:
    """Reads whole topics; made by `listening`."""

    def __init__(self, settings: Settings, consumer: Any, admin: Any) -> None:
        """Read with a started consumer; an admin client says which partitions there are."""
        self._settings, self._consumer, self._admin = settings, consumer, admin
        self._names: dict[str, str] = {}

    async def follow(
        self, topics: Sequence[str], *, from_beginning: bool = False, once: bool = False
    ) -> AsyncIterator[list[Heard]]:
        """
        Batches of records as they come: from the end, or from the beginning; with `once` up to the end as it is now.

        A batch may be empty when nothing comes. Order holds within a partition.
        """
        partitions = [place for topic in topics for place in await self._partitions(topic)]
        async for batch in self._read(partitions, from_beginning=from_beginning, once=once):
            yield batch

    async def by_time(self, topics: Sequence[str]) -> AsyncIterator[Heard]:
        """
        All records of some topics up to their ends as they are now, merged by Kafka's timestamp.

        The order within a partition is kept, also where that is not the order of time.
        """
        consumer, places = self._consumer, [place for topic in topics for place in await self._partitions(topic)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        # seek_to_beginning races with the consumer's own first reset, to the end
        for place, start in (await consumer.beginning_offsets(places)).items():
            consumer.seek(place, start)
        waiting: list[tuple[int, int, deque[Any]]] = []

        async def refill(number: int, latest_ms: int) -> None:
            place = places[number]
            while await consumer.position(place) < ends[place]:
                fetched = await consumer.getmany(place, timeout_ms=POLL_MS)
                if records := deque(record for record in fetched.get(place, ()) if record.offset < ends[place]):
                    heappush(waiting, (max(latest_ms, records[0].timestamp), number, records))
                    return

        for number in range(len(places)):
            await refill(number, 0)
        while waiting:
            latest_ms, number, records = heappop(waiting)
            yield self._heard(records.popleft())
            if records:
                heappush(waiting, (max(latest_ms, records[0].timestamp), number, records))
            else:
                await refill(number, latest_ms)

    async def latest(self, topic: str, key: str) -> Heard | None:
        """The last record of a key, found in the partition where the key is at home; None if there is none."""
        partitions = await self._partitions(topic)
        home = PARTITIONERS[self._settings.partitioner](len(partitions))(key)
        latest: Heard | None = None
        async for batch in self._read([partitions[home]], from_beginning=True, once=True):
            for heard in batch:
                if heard.key == key and not _is_older(heard, latest):
                    latest = heard
        return latest

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        name = full_name(self._settings, topic)
        (described,) = await self._admin.describe_topics([name])
        if described["error_code"] or not described["partitions"]:
            raise LatidoError(f"There is no topic {name} at {self._settings.brokers}; a worker makes it at its start.")
        self._names[name] = topic
        return [TopicPartition(name, number) for number in range(len(described["partitions"]))]

    async def _read(
        self, partitions: list[TopicPartition], *, from_beginning: bool, once: bool
    ) -> AsyncIterator[list[Heard]]:
        consumer = self._consumer
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions) if from_beginning else ends
        for place in partitions:
            consumer.seek(place, starts[place])
        while not once or any([await consumer.position(place) < ends[place] for place in partitions]):
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            yield [
                self._heard(record)
                for place, records in fetched.items()
                for record in records
                if not once or record.offset < ends[place]
            ]

    def _heard(self, record: Any) -> Heard:
        return Heard(
            self._names[record.topic],
            record.partition,
            record.offset,
            record.timestamp,
            None if record.key is None else record.key.decode(errors="replace"),
            record.value,
            {name: value.decode(errors="replace") for name, value in record.headers},
        )


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[Listener]:
    """A listener that is connected; raises `BrokerUnreachableError` at once when nobody answers."""
    await asyncio.to_thread(reachable, settings.brokers)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers,
        client_id="latido-listener",
        enable_auto_commit=False,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, client_id="latido-listener")
    try:
        await consumer.start()
        await admin.start()
        yield Listener(settings, consumer, admin)
    except KafkaError as error:
        raise BrokerUnreachableError(
            f"The broker at {settings.brokers} stopped answering ({type(error).__name__}); is it still running?"
        ) from None
    finally:
        await admin.close()
        await consumer.stop()


def _is_older(heard: Heard, than: Heard | None) -> bool:
    """Whether a document carries a lower version than another; what carries none goes by its place in the log."""
    if than is None or than.value is None or heard.value is None:
        return False
    try:
        return _version.decode(heard.value).version < _version.decode(than.value).version
    except msgspec.MsgspecError:
        return False
