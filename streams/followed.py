"""
A log that every worker follows: read to the end before it opens its partitions, and on from there as long as it runs.

Law: nobody waits for a record. What is known serves, and what comes later is taken in as soon as it is read.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.settings import Settings
from streams.topics import full_name

logger = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
"""How long a reader waits after an error of the broker."""

_WAIT_MS: Final = 500


class Followed:
    """One topic of one partition, and who takes its records in, each once and in their order."""

    def __init__(self, settings: Settings, topic: str, take: Callable[[Any], None]) -> None:
        """Begin at the first record; `topic` is its name without prefix."""
        self._settings, self._topic, self._take = settings, topic, take
        self._next = 0

    async def read(self, waiting: Callable[[str], None]) -> None:
        """Read to the end that there is now, however long it takes; tell `waiting` what it waits for."""
        while True:
            try:
                async with reading(self._settings, self._topic, self._next) as (consumer, place):
                    end = (await consumer.end_offsets([place]))[place]
                    while await consumer.position(place) < end:
                        await self._take_some(consumer)
                return
            except KafkaError as error:
                waiting(f"The {self._topic} cannot be read ({type(error).__name__}); trying again.")
                await asyncio.sleep(PAUSE_S)

    async def follow(self) -> None:
        """Take in every record that comes, for ever."""
        while True:
            try:
                async with reading(self._settings, self._topic, self._next) as (consumer, _):
                    while True:
                        await self._take_some(consumer)
            except KafkaError as error:
                logger.warning("The %s could not be read: %s.", self._topic, type(error).__name__)
                await asyncio.sleep(PAUSE_S)

    async def _take_some(self, consumer: Any) -> None:
        fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
        for records in fetched.values():
            for record in records:
                self._take(record)
                self._next = record.offset + 1


@asynccontextmanager
async def reading(settings: Settings, topic: str, offset: int) -> AsyncIterator[tuple[Any, TopicPartition]]:
    """Read a topic of one partition without a group, from an offset, or the first there is if it is gone."""
    place = TopicPartition(full_name(settings, topic), 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers,
        client_id=f"latido-{topic}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        consumer.assign([place])
        consumer.seek(place, offset)
        yield consumer, place
    finally:
        await consumer.stop()
