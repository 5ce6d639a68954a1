"""
Events onto the source topics: to the right partition, in order, acknowledged by all replicas, and fast.

An event's partition is the home of its identity under the configured partitioner, so that a worker never has to send
it on. Events gather in one batch per partition; a batch goes when it is full, or when the next event is not yet due.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple
from zlib import crc32

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, MessageSizeTooLargeError  # type: ignore[import-untyped]

from schemas import SOURCES
from streams.broker import reachable
from streams.engine.home import PARTITIONERS
from streams.errors import BrokerUnreachableError, LatidoError
from streams.pace import Pace
from streams.preflight import prepare
from streams.settings import Settings
from streams.topics import full_name

BATCH_BYTES = 512 * 1024
LARGEST_EVENT_BYTES = 16 * 1024 * 1024
TIMEOUT_MS = 20_000
SHORTEST_SLEEP_S = 0.005
MOST_HOMES = 1_000_000
"""Homes of so many identities are remembered; computing one costs some microseconds."""


class Outgoing(NamedTuple):
    """One event to publish; without a key its partition follows from its bytes. `at_ms` is when it happened."""

    source: int
    key: str | None
    raw: bytes
    at_ms: int


class Publisher:
    """An idempotent producer for the source topics; `acknowledged` counts what the brokers have."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is connected before `async with`."""
        self._settings = settings
        self._topics = [full_name(settings, name) for name in SOURCES]
        self._home = PARTITIONERS[settings.partitioner](settings.partitions)
        self._homes: dict[str, int] = {}
        self._open: dict[tuple[int, int], Any] = {}
        self._full: list[tuple[int, int, Any]] = []
        self._underway: set[asyncio.Future[Any]] = set()
        self._failure: BaseException | None = None
        self.acknowledged = 0
        self.published = 0

    async def __aenter__(self) -> "Publisher":
        """Connect, and make the topics that are missing; raises `BrokerUnreachableError` at once."""
        await asyncio.to_thread(reachable, self._settings.brokers)
        await prepare(self._settings, lambda reason: None)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.brokers,
            client_id="latido-publisher",
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_EVENT_BYTES,
            request_timeout_ms=TIMEOUT_MS,
        )
        try:
            await self._producer.start()
        except KafkaError as error:
            raise self._refusal(error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left unless there was an error (Ctrl-C is none), and close; raises when it was not taken."""
        try:
            if error is None or isinstance(error, asyncio.CancelledError):
                await self.flush()
        finally:
            await self._producer.stop()

    def put(self, source: int, key: str | None, raw: bytes) -> int:
        """Take an event in; returns its Kafka timestamp in milliseconds. Call `send` when `is_full`."""
        number = self._number(key, raw)
        timestamp = time.time_ns() // 1_000_000
        batch = self._open.get((source, number))
        if batch is None:
            batch = self._open[source, number] = self._producer.create_batch()
        key_bytes = None if key is None else key.encode()
        if batch.append(key=key_bytes, value=raw, timestamp=timestamp) is None:
            self._full.append((source, number, batch))
            batch = self._open[source, number] = self._producer.create_batch()
            batch.append(key=key_bytes, value=raw, timestamp=timestamp)
        self.published += 1
        return timestamp

    @property
    def is_full(self) -> bool:
        """Whether a batch waits to be sent."""
        return bool(self._full)

    async def send(self) -> None:
        """Send the full batches, in order; waits while the brokers are behind."""
        full, self._full = self._full, []
        for source, number, batch in full:
            await self._send(source, number, batch)

    async def send_all(self) -> None:
        """Send everything taken in so far, without waiting for acknowledgements."""
        await self.send()
        gathered, self._open = self._open, {}
        for (source, number), batch in gathered.items():
            await self._send(source, number, batch)

    async def flush(self) -> None:
        """Send everything and wait until the brokers have it; raises `LatidoError` when they do not take it."""
        await self.send_all()
        while self._underway:
            await asyncio.wait(self._underway)
        self._raise_failure()

    async def _send(self, source: int, number: int, batch: Any) -> None:
        self._raise_failure()
        count = batch.record_count()
        try:
            future = await self._producer.send_batch(batch, self._topics[source], partition=number)
        except KafkaError as error:
            raise self._refusal(error) from None
        self._underway.add(future)
        future.add_done_callback(lambda done: self._acknowledge(done, count))

    def _acknowledge(self, done: "asyncio.Future[Any]", count: int) -> None:
        self._underway.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            self._failure = self._failure or error
        else:
            self.acknowledged += count

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._refusal(self._failure) from None

    def _refusal(self, error: BaseException) -> LatidoError:
        if isinstance(error, MessageSizeTooLargeError):
            return LatidoError("An event is larger than its topic accepts; leave it out, or raise max.message.bytes.")
        return BrokerUnreachableError(
            f"The broker at {self._settings.brokers} took {self.acknowledged} events and then no more "
            f"({type(error).__name__}); publish again, what is there already is told by its event_id."
        )

    def _number(self, key: str | None, raw: bytes) -> int:
        if key is None:
            return crc32(raw) % self._settings.partitions
        number = self._homes.get(key)
        if number is None:
            if len(self._homes) >= MOST_HOMES:
                self._homes.clear()
            number = self._homes[key] = self._home(key)
        return number


async def publish(
    outgoing: Iterable[Outgoing],
    publisher: Publisher,
    pace: Pace,
    told: Callable[[Outgoing, int], None] | None = None,
) -> None:
    """
    Publish events one after another, each when it is due; returns when all are acknowledged.

    `told` is called with each event and its Kafka timestamp in milliseconds.
    """
    for count, event in enumerate(outgoing):
        wait_s = pace.wait_s(event.at_ms)
        if wait_s > 0:
            await publisher.send_all()
            await asyncio.sleep(max(wait_s, SHORTEST_SLEEP_S))
        elif count % 1000 == 0:
            await asyncio.sleep(0)  # acknowledgements, progress and Ctrl-C get their turn
        timestamp = publisher.put(event.source, event.key, event.raw)
        if told is not None:
            told(event, timestamp)
        if publisher.is_full:
            await publisher.send()
    await publisher.flush()
