"""
The models as they are published: read to the end before a worker opens its partitions, and followed from then on.

Law: nobody waits for a model. What is known serves, and a version that comes later is in the book as soon as it is
read. The value of a record is the model's bytes and nothing else; what only the learner needs travels in headers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.core.book import Book, close_s
from streams.core.hazard import Model, load_model
from streams.core.judged import WINDOW_WEEKS, Judged, load_judged, measure
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import MODELS, full_name

logger = logging.getLogger(__name__)

OFFSET_HEADER: Final = "labels.offset"
"""From which offset of the labels the weeks after the model's can be read."""

JUDGED_HEADER: Final = "judged"
"""How well the version before foretold the week; absent where nobody acted."""

PAUSE_S: Final = 1.0
"""How long a reader waits after an error of the broker."""

_WAIT_MS: Final = 500
_WEIGHTS_SIZE: Final = len(Model(0).weights)


class Published(NamedTuple):
    """A model as it was published, and the offset of the labels from which its successor is learned."""

    model: Model
    labels_offset: int


class Models:
    """The book of all versions, and what the newest ones say of themselves."""

    def __init__(self, settings: Settings, metrics: Metrics, book: Book) -> None:
        """Fill a book that is empty yet."""
        self.book = book
        self.newest: Published | None = None
        self._settings, self._metrics = settings, metrics
        self._judged: deque[Judged] = deque(maxlen=WINDOW_WEEKS)
        self._next = 0

    async def read(self, waiting: Callable[[str], None]) -> None:
        """Read to the end that there is now, however long it takes; tell `waiting` what it waits for."""
        while True:
            try:
                async with reading(self._settings, MODELS, self._next) as (consumer, place):
                    end = (await consumer.end_offsets([place]))[place]
                    while await consumer.position(place) < end:
                        await self._take_some(consumer)
                return
            except KafkaError as error:
                waiting(f"The models cannot be read ({type(error).__name__}); trying again.")
                await asyncio.sleep(PAUSE_S)

    async def follow(self) -> None:
        """Take in every version that is published, for ever."""
        while True:
            try:
                async with reading(self._settings, MODELS, self._next) as (consumer, _):
                    while True:
                        await self._take_some(consumer)
            except KafkaError as error:
                logger.warning("The models could not be read: %s.", type(error).__name__)
                await asyncio.sleep(PAUSE_S)

    def age_s(self, now_s: int) -> int:
        """Say how long ago, in seconds, the newest version closed; 0 without one."""
        latest, settings = self.book.latest, self._settings
        if latest is None:
            return 0
        return max(0, now_s - close_s(latest.version, settings.day_offset_s, settings.label_grace_s))

    async def _take_some(self, consumer: Any) -> None:
        fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
        for records in fetched.values():
            for record in records:
                self._take(record)
                self._next = record.offset + 1

    def _take(self, record: Any) -> None:
        headers = dict(record.headers)
        try:
            model = load_model(record.value)
            if len(model.weights) != _WEIGHTS_SIZE:
                raise ValueError("the model has other features")
            judged = load_judged(headers[JUDGED_HEADER]) if JUDGED_HEADER in headers else None
            published = Published(model, int(headers[OFFSET_HEADER]))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            logger.error("Version %s of the model cannot be read; the one before serves on.", _name(record.key))
            return
        self.book.add(model)
        if self.newest is not None and model.version <= self.newest.model.version:
            return
        self.newest = published
        self._metrics.model_version.set(model.version)
        self._metrics.model_calibrated.set(model.calibrated)
        if judged is not None:
            self._show(judged)

    def _show(self, judged: Judged) -> None:
        """Show what the last weeks say of the model; on every worker, so that a new learner leaves no gap."""
        self._judged.append(judged)
        measures, metrics = measure(list(self._judged)), self._metrics
        metrics.model_labels.set(judged.labels)
        metrics.model_log_loss.set(measures.log_loss)
        metrics.model_base_log_loss.set(measures.base_log_loss)
        metrics.model_auc.set(measures.auc)
        metrics.model_calibration_error.set(measures.calibration_error)
        metrics.model_score_drift_psi.set(measures.score_drift)


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


def _name(key: bytes | None) -> str:
    return key.decode("ascii", "replace")[:20] if key else "without a key"
