"""A steady flow of events and who listens to it, in processes of their own on the machine of broker and worker.

Every event's id carries the nanosecond in which it was published, and every signal names the event that caused it; so
a pair needs no book-keeping. One event in ten is a new customer's first: it causes a signal. What nobody's event has
caused is a silence, and its arrival is taken as well.
"""

import multiprocessing
import random
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event as Flag
from typing import Any, NamedTuple

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.events import stamp
from tests.bench.throughput import Step
from tests.chaos.stage import Stage

KNOWN = 20_000
WARM_UP_S = 6.0
PATIENCE_S = 120.0
"""How long after the last event signals may still be waited for."""

Silence = tuple[str, str, float]
"""Whose silence was spoken of, as of when (RFC 3339), and when that arrived (seconds since 1970)."""


class Heard(NamedTuple):
    """
    Pairs of (published, arrived) in seconds since 1970, the silences, and the rate that was really published.

    `decisions` are the pairs of next best actions, which are among `pairs`, too.
    """

    pairs: list[tuple[float, float]]
    decisions: list[tuple[float, float]]
    silences: list[Silence]
    events_per_s: float


def flow(stage: Stage, rate: int, seconds: float, step: Step, quiet: str = "", silences: int = 0) -> Heard:
    """
    Publish at a rate for so many seconds, and listen to what is said from now on, by a ready worker.

    Goes on listening until all is committed, for who comes late counts most, and so many churn risks of customers
    whose id begins with `quiet` have arrived.
    """
    spawn = multiprocessing.get_context("spawn")
    rates, told, ready, stop, count = spawn.Queue(), spawn.Queue(), spawn.Event(), spawn.Event(), spawn.Value("i", 0)
    ends = [(*place, end) for place, end in stage.offsets.ends(stage.outputs[:2]).items()]
    reader = spawn.Process(target=listen, args=(stage.brokers, ends, quiet, ready, stop, count, told))
    source = spawn.Process(target=publish, args=(stage.brokers, stage.sources, rate, seconds, rates))
    reader.start()
    ready.wait(30)
    began = time.time()
    source.start()
    while source.is_alive():
        step(f"{stage.name}: {rate:,} events/s", min(1, (time.time() - began) / seconds))
        time.sleep(0.25)
    while (count.value < silences or stage.uncommitted()) and time.time() < began + seconds + PATIENCE_S:
        time.sleep(0.25)
    reached = rates.get(timeout=30)
    time.sleep(2)
    stop.set()
    heard = Heard(*told.get(timeout=60), reached)
    for process in (source, reader):
        process.join(30)
    if reached < 0.95 * rate:
        raise RuntimeError(f"Only {reached:.0f} of {rate} events/s were published: the figure would flatter.")
    return heard


def publish(brokers: str, topics: Sequence[str], rate: int, seconds: float, told: Any) -> None:
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


def listen(
    brokers: str, starts: Sequence[tuple[str, int, int]], quiet: str, ready: Flag, stop: Flag, count: Any, told: Any
) -> None:
    """Take every signal's arrival until told to stop, counting the silences; tell pairs and silences."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "listening",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(*place) for place in starts])
    pairs, decided, silences = dict[str, tuple[float, float]](), set[str](), list[Silence]()
    ready.set()
    while not stop.is_set():
        message = consumer.poll(0.05)
        if message is None or message.error():
            continue
        arrived, signal = time.time(), orjson.loads(message.value())
        if event_id := signal["cause"]["event_id"]:
            pairs.setdefault(signal["signal_id"], (int(event_id[:16], 16) / 1e9, arrived))
            if "candidates" in signal:
                decided.add(signal["signal_id"])
        elif quiet and "risk" in signal and signal["customer_id"].startswith(quiet):
            silences.append((signal["customer_id"], signal["as_of"], arrived))
            count.value = len(silences)
    consumer.close()
    told.put((list(pairs.values()), [pairs[decision] for decision in decided], silences))
