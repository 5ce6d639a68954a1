"""Following the models: read to the end before anything else; what cannot be read is left out, and said."""

import asyncio
import time

import pytest
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from streams.broker import Broker
from streams.core.book import Book, close_s
from streams.core.hazard import Model, dump_model
from streams.core.judged import dump_judged, judge
from streams.metrics import Metrics
from streams.models import JUDGED_HEADER, OFFSET_HEADER, Models
from streams.settings import Settings
from tests.core.habits_drawn import a_week, taught
from tests.engine.kafka import create

pytestmark = pytest.mark.broker

HEADERS = {OFFSET_HEADER: b"17"}


def publish(settings: Settings, *records: tuple[int, bytes, dict[str, bytes]]) -> None:
    """Publish models in order."""
    producer = Producer({"bootstrap.servers": settings.brokers, "enable.idempotence": True})
    for version, value, headers in records:
        producer.produce(settings.topic_prefix + "models", key=b"%d" % version, value=value, headers=headers)
    assert 0 == producer.flush(30)


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Settings with a topic of models of their own."""
    prefix = f"models-{time.time_ns() // 1_000_000:x}-"
    create(broker.address, [prefix + "models"], 1)
    return Settings(brokers=broker.address, topic_prefix=prefix)


async def test_what_can_be_read_serves(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Garbage, other features, no offset, nothing at all: named by version and left out; the order is no matter."""
    model, book = taught(), Book()
    metrics = Metrics(CollectorRegistry())
    judged = judge(model, 4, a_week(300, seed=4))
    assert judged is not None
    good = dump_model(model)
    publish(settings, (4, good, HEADERS | {JUDGED_HEADER: dump_judged(judged)}), (2, dump_model(Model(2)), HEADERS))
    publish(settings, (5, b"\xc1", HEADERS), (6, dump_model(Model(6, weights=b"")), HEADERS), (7, good, {}))
    publish(settings, (8, good, HEADERS | {JUDGED_HEADER: b"x"}), (9, None, {}))
    models = Models(settings, metrics, book)

    await models.log.read(print)

    assert models.newest is not None
    assert (4, good, 17) == (models.newest.model.version, dump_model(models.newest.model), models.newest.labels_offset)
    assert [2, 4] == [
        version for version in range(9) if (found := book.serving(close_s(version))) and found.version == version
    ]
    assert 5 == len([line for line in caplog.messages if "cannot be read" in line])
    assert [4, 1, 300] == [
        gauge._value.get() for gauge in (metrics.model_version, metrics.model_calibrated, metrics.model_labels)
    ]
    assert 86400 == models.age_s(close_s(4) + 86400)


async def test_what_is_published_later_is_followed(settings: Settings) -> None:
    """A version that comes after the start is in the book as soon as it is read, without an end in between."""
    book = Book()
    models = Models(settings, Metrics(CollectorRegistry()), book)
    publish(settings, (1, dump_model(Model(1)), HEADERS))
    await models.log.read(print)
    following = asyncio.create_task(models.log.follow())
    publish(settings, (2, dump_model(Model(2)), HEADERS))
    async with asyncio.timeout(30):
        while book.latest is None or book.latest.version < 2:
            await asyncio.sleep(0.01)
    following.cancel()

    assert 1 == book.serving(close_s(1)).version
    assert 2 == book.serving(close_s(2)).version
