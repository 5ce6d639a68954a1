"""Reads and writes topics with an independent client."""

import itertools
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

_groups = itertools.count()


class Found(NamedTuple):
    """One record as another client sees it."""

    partition: int
    key: bytes | None
    value: bytes | None


def everything(brokers: str, topic: str) -> list[Found]:
    """Read all that a topic holds, partition after partition."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": f"reader-{next(_groups)}", "fetch.queue.backoff.ms": 5}
    )
    found: list[Found] = []
    try:
        for number in consumer.list_topics(topic, 10).topics[topic].partitions:
            place = TopicPartition(topic, number, 0)
            _, end = consumer.get_watermark_offsets(place, 10)
            consumer.assign([place])
            while consumer.position([place])[0].offset < end and end:
                message = consumer.poll(10)
                assert message is not None
                assert message.error() is None, message.error()
                found.append(Found(number, message.key(), message.value()))
    finally:
        consumer.close()
    return found


def write(brokers: str, topic: str, records: list[tuple[bytes, bytes | None]]) -> None:
    """Write records as a Java client would place them."""
    producer = Producer({"bootstrap.servers": brokers, "partitioner": "murmur2_random"})
    for key, value in records:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(20) == 0
