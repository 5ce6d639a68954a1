"""The least that a pipeline of this kind does: take what came, remember it, then speak. For the ratio of the latency.

It reads what a worker reads, writes a record of the usual size for every event and, once all of them are acknowledged,
a signal of the usual size for every new customer. It keeps no state, decides nothing and knows no Faust: what it takes
is what broker, client and machine take. Run as `python -m tests.bench.relay BROKERS GROUP LOG OUTPUT TOPIC...`; it says
"ready" and goes on until it is ended.
"""

import asyncio
import sys
import time
from collections.abc import Iterable

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PARTITIONS = 4
RECORD, SIGNAL = b"." * 900, "." * 1000
COMMIT_S = 0.5

Record = tuple[bytes, bytes]
"""Key and value."""


async def relay(brokers: str, group: str, log: str, output: str, topics: list[str]) -> None:
    """Relay until ended."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, group_id=group, enable_auto_commit=False)
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
    await asyncio.gather(consumer.start(), producer.start())
    consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)])
    await consumer.seek_to_end()
    print("ready", flush=True)
    committed = time.monotonic()
    while True:
        fetched = await consumer.getmany(timeout_ms=100)
        heard: dict[int, list[Record]] = {}
        for place, records in fetched.items():
            heard.setdefault(place.partition, []).extend([(record.key, record.value) for record in records])
        await asyncio.gather(*[_carry_out(producer, log, output, number, told) for number, told in heard.items()])
        if time.monotonic() - committed > COMMIT_S:
            await consumer.commit()
            committed = time.monotonic()


async def _carry_out(producer: AIOKafkaProducer, log: str, output: str, number: int, told: list[Record]) -> None:
    await _send(producer, log, number, [(key, RECORD) for key, _ in told])
    await _send(producer, output, number, [(key, _signal(value)) for key, value in told if key.startswith(b"new")])


def _signal(value: bytes) -> bytes:
    event_id = orjson.loads(value)["event_id"]
    return orjson.dumps({"signal_id": event_id, "cause": {"event_id": event_id}, "text": SIGNAL})


async def _send(producer: AIOKafkaProducer, topic: str, number: int, records: Iterable[Record]) -> None:
    sent, batch = [], producer.create_batch()
    for key, value in records:
        while batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=number))
            batch = producer.create_batch()
    if batch.record_count():
        sent.append(await producer.send_batch(batch, topic, partition=number))
    await asyncio.gather(*sent)


if __name__ == "__main__":
    brokers, group, log, output, *topics = sys.argv[1:]
    asyncio.run(relay(brokers, group, log, output, topics))
