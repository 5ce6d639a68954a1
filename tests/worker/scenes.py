"""What happens on a stage: events are made and published by librdkafka, and the test waits for what must follow."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.load import Planned
from tests.chaos.stage import Stage
from tests.verify.oracle import Published
from tests.verify.readers import Record, read

NOW = datetime.now(UTC).replace(microsecond=0)


def view(event_id: str, customer: str = "ada", key: bytes | str | None = "", **fields: object) -> Planned:
    """A customer looks at a product an hour ago; the key is the customer's own unless another is given."""
    event = {
        "event_id": event_id,
        "event_type": "product_viewed",
        "schema_version": 1,
        "occurred_at": (NOW - timedelta(hours=1)).isoformat(),
        "customer_id": customer,
        "product_id": "sku-1",
    } | fields
    raw = key.encode() or customer.encode() if isinstance(key, str) else key
    return Planned("clickstream", None, raw, json.dumps(event).encode(), None)


def backlog(customers: Sequence[str]) -> list[Planned]:
    """Three looks, a visit and a delivery of each customer, in rounds."""
    visit = {"event_type": "store_entered", "store_id": "s1", "product_id": None}
    parcel = {"event_type": "order_delivered", "order_id": "o1", "product_id": None}
    return [
        *(view(f"{n}-{who}", who) for n in range(3) for who in customers),
        *(view(f"v-{who}", who, **visit)._replace(topic="store-visits") for who in customers),
        *(view(f"o-{who}", who, **parcel)._replace(topic="orders") for who in customers),
    ]


def publish(
    stage: Stage, records: Sequence[Planned], partitioner: str = "murmur2_random", a_second: int = 0
) -> list[Published]:
    """Publish, evenly at so many a second or all at once, and wait until all are acknowledged; return the ledger."""
    ledger: list[Published] = []
    settings = {"bootstrap.servers": stage.brokers, "partitioner": partitioner, "enable.idempotence": True}
    producer = Producer(settings | {"message.max.bytes": 2_000_000, "linger.ms": 5})
    started = time.monotonic()
    for number, record in enumerate(records):

        def delivered(error: KafkaError | None, message: Message, record: Planned = record) -> None:
            assert error is None
            place = (message.topic(), message.partition(), message.offset())
            ledger.append(Published(*place, record.key, record.value, record.code))

        where = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                producer.produce(
                    stage.prefix + record.topic, key=record.key, value=record.value, on_delivery=delivered, **where
                )
                break
            except BufferError:
                producer.poll(0.05)
        if a_second:
            time.sleep(max(0, started + number / a_second - time.monotonic()))
        producer.poll(0)
    producer.flush(60)
    assert len(records) == len(ledger)
    return ledger


def until(holds: Callable[[], object], what: str, timeout: float = 40.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"after {timeout:.0f} s still not: {what}"
        time.sleep(0.05)


def everything_committed(stage: Stage, timeout: float = 40.0) -> None:
    """Wait until nothing that was published is uncommitted."""
    until(lambda: not stage.uncommitted(), "everything is committed", timeout)


def documents(stage: Stage) -> list[tuple[str, list[int]]]:
    """Whose documents stand in the log, in order, and of which versions."""
    found = [(record, json.loads(record.value)) for record in read(stage.brokers, stage.prefix + "customers")]
    return [(record.key.decode(), tuple(document["version"])) for record, document in found]


def letters(stage: Stage) -> list[Record]:
    """All dead letters."""
    return list(read(stage.brokers, stage.dead_letters))


def lines(text: str, word: str) -> list[str]:
    """Lines of a log that hold a word."""
    return [line for line in text.splitlines() if word in line]
