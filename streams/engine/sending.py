"""Everything the engine says to Kafka goes through here: batches with acks=all, idempotent, under the lease.

A send that fails ends the worker: nothing of that partition may follow a write whose fate is unknown.
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.engine.config import EngineConfig
from streams.engine.ends import WRITE_FAILED, end
from streams.engine.lease import Lease

T = TypeVar("T")

Headers = list[tuple[str, bytes]]
Record = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers."""


def size_of(records: Sequence[Record]) -> int:
    """Bytes of keys and values."""
    return sum([len(key or b"") + len(value or b"") for key, value, _ in records])


class Sender:
    """
    One idempotent producer for changelog, outputs, dead letters and re-routed records, in a thread of its own.

    On the loop of the agents every step of a send would have to wait for a slice of work; a write is many steps.
    """

    def __init__(self, config: EngineConfig, lease: Lease) -> None:
        """Connect to nothing yet."""
        self._config = config
        self._lease = lease
        self._producer: AIOKafkaProducer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = asyncio.Lock()
        self._in_turn: dict[tuple[str, int], asyncio.Lock] = {}

    async def send(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """
        Append records to one partition, in order; wait until all are acknowledged; return the last one's offset.

        Callers for one partition are served in turn: aiokafka lets a newcomer pass one who waits.
        """
        return await self.follow(self._send(topic, partition, records))

    async def follow(self, sends: Coroutine[Any, Any, T]) -> T:
        """
        Run what sends several times, one after another, in the sender's thread.

        Each acknowledgement that came back to the loop of the agents would wait there for a slice of work.
        """
        loop = self._loop or await self._start()
        if asyncio.get_running_loop() is loop:
            return await sends
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(sends, loop))

    async def stop(self) -> None:
        """Send what is left and close."""
        if self._loop is not None and self._producer is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._producer.stop(), self._loop))
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def _start(self) -> asyncio.AbstractEventLoop:
        async with self._starting:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="sender", daemon=True).start()
                connecting = asyncio.run_coroutine_threadsafe(self._connect(), loop)
                self._producer = await asyncio.wrap_future(connecting)
                self._loop = loop
        return self._loop

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._config.brokers,
            client_id=f"{self._config.app_id}-engine",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=self._config.max_batch_bytes,
            max_request_size=self._config.max_record_bytes,
        )
        await producer.start()
        return producer

    async def _send(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        try:
            async with self._in_turn.setdefault((topic, partition), asyncio.Lock()):
                acknowledgements, count = await self._hand_over(topic, partition, records)
            *_, last = await asyncio.gather(*acknowledgements)
        except KafkaError as error:
            reason = type(error).__name__
            end(WRITE_FAILED, f"A write to {topic} {partition} was not acknowledged ({reason}); start again.")
        offset: int = last.offset + count - 1
        return offset

    async def _hand_over(self, topic: str, partition: int, records: Sequence[Record]) -> tuple[list[Any], int]:
        """Queue all records; return the batches' acknowledgements and how many records the last one holds."""
        producer, acknowledgements = self._producer, []
        assert producer is not None
        batch = producer.create_batch()
        for key, value, headers in records:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                self._lease.check()
                acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=headers)
        self._lease.check()
        acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
        return acknowledgements, batch.record_count()
