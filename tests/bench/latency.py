"""Event → signal: from the moment an event is handed to a producer until its signal reaches an independent consumer.

Every event's id carries the nanosecond in which it was published, and every signal names the event that caused it; so
a pair needs no book-keeping. One event in ten is a new customer's first: it causes a signal. Publisher and reader are
processes of their own, on the same machine as broker and worker.
"""

import multiprocessing
import random
import time
from multiprocessing.synchronize import Event as Flag
from statistics import quantiles
from typing import Any, NamedTuple

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.events import stamp
from tests.bench.throughput import Step
from tests.chaos.stage import Stage

KNOWN = 20_000
WARM_UP_S = 6.0


class Latency(NamedTuple):
    """Milliseconds from event to signal, how many pairs, and the rate that was really published."""

    p50_ms: float
    p99_ms: float
    signals: int
    events_per_s: float


def publish(brokers: str, topics: list[str], rate: int, seconds: float, told: Any) -> None:
    """Publish at a steady rate; tell the rate that was reached."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 2, "partitioner": "murmur2_random"})
    rng, start, sent = random.Random(1), time.time(), 0
    while (now := time.time()) - start < seconds:
        due, at = int((now - start) * rate), stamp(now)
        while sent < due:
            customer = f"new{sent:08d}" if sent % 10 == 0 else f"c{int(rng.random() * KNOWN):07d}"
            draw = rng.random()
            kind, topic = ("page_viewed", 0) if draw < 0.96 else ("store_entered", 1)
            rest = '"url":"/p/123"' if topic == 0 else '"store_id":"shop1"'
            value = (
                f'{{"event_type":"{kind}","event_id":"{time.time_ns():016x}-{sent:08x}","schema_version":1,'
                f'"occurred_at":"{at}","customer_id":"{customer}",{rest}}}'
            )
            producer.produce(topics[topic], value.encode(), customer)
            sent += 1
        producer.poll(0)
        time.sleep(0.001)
    told.put(sent / (time.time() - start))
    producer.flush(30)


def listen(brokers: str, topics: list[str], partitions: int, ready: Flag, stop: Flag, told: Any) -> None:
    """Take every signal's arrival until told to stop; tell pairs of (published, arrived) in seconds."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "latency",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for topic in topics for p in range(partitions)])
    pairs: dict[str, tuple[float, float]] = {}
    ready.set()
    while not stop.is_set():
        message = consumer.poll(0.05)
        if message is None or message.error():
            continue
        arrived, signal = time.time(), orjson.loads(message.value())
        if event_id := signal["cause"]["event_id"]:
            pairs.setdefault(signal["signal_id"], (int(event_id[:16], 16) / 1e9, arrived))
    consumer.close()
    told.put(list(pairs.values()))


def latency(stage: Stage, rate: int, seconds: float, step: Step) -> Latency:
    """Measure at a rate, after a warm-up, over the given time; `stage` has empty topics and the wall clock."""
    worker = stage.worker("latency").start()
    worker.wait_ready()
    spawn = multiprocessing.get_context("spawn")
    rates, arrivals, ready, stop = spawn.Queue(), spawn.Queue(), spawn.Event(), spawn.Event()
    signals = stage.outputs[:2]
    reader = spawn.Process(target=listen, args=(stage.brokers, signals, stage.partitions, ready, stop, arrivals))
    source = spawn.Process(target=publish, args=(stage.brokers, stage.sources, rate, WARM_UP_S + seconds, rates))
    reader.start()
    ready.wait(30)
    began = time.time()
    source.start()
    while source.is_alive():
        step(f"{stage.name}: {rate:,} events/s", min(1, (time.time() - began) / (WARM_UP_S + seconds)))
        time.sleep(0.25)
    reached = rates.get(timeout=30)
    time.sleep(2)
    stop.set()
    pairs = arrivals.get(timeout=30)
    for process in (source, reader):
        process.join(30)
    worker.kill()
    first = min(published for published, _ in pairs) + WARM_UP_S
    waits = [1000 * (arrived - published) for published, arrived in pairs if published >= first]
    if reached < 0.95 * rate:
        raise RuntimeError(f"Only {reached:.0f} of {rate} events/s were published: the figure would flatter.")
    cuts = quantiles(waits, n=100)
    return Latency(cuts[49], cuts[98], len(waits), reached)
