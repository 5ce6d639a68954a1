"""Kafka as another client sees it: topics, records and offsets, by librdkafka and never by the engine's own client."""

import json
from collections.abc import Iterable, Mapping

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.verify.readers import read


def create(
    brokers: str, topics: Iterable[str], partitions: int | Mapping[str, int], settings: Mapping[str, str] | None = None
) -> None:
    """Create topics, all with so many partitions or each with its own number."""
    admin = AdminClient({"bootstrap.servers": brokers})
    counts = partitions if isinstance(partitions, Mapping) else dict.fromkeys(topics, partitions)
    for future in admin.create_topics(
        [NewTopic(topic, counts[topic], 1, config=dict(settings or {})) for topic in topics]
    ).values():
        future.result(30)


def delete(brokers: str, topics: Iterable[str]) -> None:
    """Delete topics with all they hold."""
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.delete_topics(list(topics), operation_timeout=30).values():
        future.result(30)


def publish(brokers: str, topic: str, times: Mapping[str, int], partitioner: str = "murmur2_random") -> None:
    """Publish for each key so many empty records; wait until all are acknowledged."""
    producer = Producer({"bootstrap.servers": brokers, "partitioner": partitioner, "enable.idempotence": True})
    for key, count in times.items():
        for _ in range(count):
            producer.produce(topic, key=key, value=b"")
    assert 0 == producer.flush(30)


def counts(brokers: str, topic: str) -> dict[str, int]:
    """The last count that the documents tell of each key."""
    return {record.key.decode(): json.loads(record.value)["count"] for record in read(brokers, topic)}


def drop(brokers: str, topic: str, partition: int, before: int) -> None:
    """Delete the records of a partition below an offset, as retention does."""
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
        future.result(30)


def forget(brokers: str, group: str) -> None:
    """Delete a consumer group with all its committed offsets; it must have no member."""
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.delete_consumer_groups([group]).values():
        future.result(30)
