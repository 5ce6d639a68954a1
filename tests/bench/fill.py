"""Filling the source topics before any clock starts, by a client that is not ours."""

from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import Producer

from tests.bench.events import Made


def fill(brokers: str, topics: Sequence[str], events: Iterable[Made], on_sent: Callable[[int], None]) -> int:
    """Publish all events, keyed as Java clients do (murmur2), until the broker has every one; return how many."""
    failed: list[object] = []
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "batch.num.messages": 5_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "on_delivery": lambda error, _: failed.append(error) if error else None,
        }
    )
    sent = 0
    for event in events:
        while True:
            try:
                producer.produce(topics[event.source], event.value, event.key)
                break
            except BufferError:
                producer.poll(0.1)
        sent += 1
        if sent % 10_000 == 0:
            producer.poll(0)
            on_sent(sent)
    left = producer.flush(120)
    if failed or left:
        raise RuntimeError(f"{len(failed) + left} of {sent} events were not accepted by the broker.")
    on_sent(sent)
    return sent
