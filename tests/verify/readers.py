"""Reading what stands on the broker and in the ledger, whole and in order, by a client that is not ours."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.verify.oracle import Published


class Record(NamedTuple):
    """One record as the broker holds it; the timestamp is in milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp: int


def read(brokers: str, topic: str) -> Iterator[Record]:
    """Read a topic from its first record to the end that it had when the reading began."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "reader-" + topic,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 5,
            "log_level": 2,
            "fetch.message.max.bytes": 4_000_000,
            "queued.min.messages": 20_000,
        }
    )
    try:
        for partition in sorted(consumer.list_topics(topic, 10).topics[topic].partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
            if low < high:
                consumer.assign([TopicPartition(topic, partition, low)])
                yield from _up_to(consumer, high)
    finally:
        consumer.close()


def _up_to(consumer: Consumer, end: int) -> Iterator[Record]:
    """Read the one assigned partition until the record before `end`, or the last that compaction has left."""
    while (at := max(0, consumer.position(consumer.assignment())[0].offset)) < end:
        for message in consumer.consume(min(5_000, end - at), 0.2):
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return
                raise KafkaException(message.error())
            headers = {name: value or b"" for name, value in message.headers() or ()}
            yield Record(
                message.topic(),
                message.partition(),
                message.offset(),
                message.key(),
                message.value(),
                headers,
                message.timestamp()[1],
            )
            if message.offset() >= end - 1:
                return


class Offsets:
    """What the broker says about offsets: log ends, and what a group has committed; it never joins the group."""

    def __init__(self, brokers: str, group: str) -> None:
        self.consumer = Consumer(
            {"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "log_level": 2}
        )

    def ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the log end offset of every partition of the topics that exist."""
        return {tp: self.consumer.get_watermark_offsets(TopicPartition(*tp), 10)[1] for tp in self._partitions(topics)}

    def committed(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the committed offset of every partition that has one."""
        wanted = [TopicPartition(*tp) for tp in self._partitions(topics)]
        found = self.consumer.committed(wanted, 10) if wanted else []
        if failed := next((tp.error for tp in found if tp.error), None):
            raise KafkaException(failed)
        return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}

    def _partitions(self, topics: Sequence[str]) -> list[tuple[str, int]]:
        known = self.consumer.list_topics(timeout=10).topics
        return [(topic, p) for topic in topics if topic in known for p in sorted(known[topic].partitions)]

    def close(self) -> None:
        """Close the connection."""
        self.consumer.close()


def write_ledger_line(published: Published) -> str:
    """Return the ledger's line for one acknowledged record; bytes stand in it as latin-1 text."""
    key, value = (None if raw is None else raw.decode("latin-1") for raw in (published.key, published.value))
    return json.dumps([*published[:3], key, value, published.code])


def read_ledger(path: Path) -> list[Published]:
    """Read every acknowledged record back from the ledger."""
    with path.open(encoding="ascii") as lines:
        return [_published(*json.loads(line)) for line in lines]


def _published(topic: str, partition: int, offset: int, key: str | None, value: str | None, code: str | None):
    raw_key, raw_value = (None if text is None else text.encode("latin-1") for text in (key, value))
    return Published(topic, partition, offset, raw_key, raw_value, code)
