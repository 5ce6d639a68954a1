"""A steady publisher: the plan of a seed at a fixed rate, each record in the ledger once the broker acknowledged it.

Run as its own process: `python -m tests.chaos.publisher BROKERS PREFIX LEDGER --seed 1 --events 60000 --seconds 70`.
It prints one line per tenth of a second, the number of records acknowledged so far, and ends with code 0 only if
every record was acknowledged.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.load import Planned, plan
from tests.verify.oracle import Published
from tests.verify.readers import write_ledger_line


class Publisher:
    """Publishes planned records and writes the ledger from the broker's acknowledgements."""

    def __init__(self, brokers: str, prefix: str, ledger: TextIO) -> None:
        self.prefix, self.ledger, self.acked, self.failed, self.stopped = prefix, ledger, 0, 0, False
        self.producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "message.max.bytes": 2_000_000,
                "linger.ms": 5,
                "log_level": 2,
            }
        )

    def send(self, record: Planned) -> None:
        """Hand one record to the client; its line is written when the broker has it."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error:
                self.failed += 1
                return
            self.acked += 1
            published = Published(
                message.topic(), message.partition(), message.offset(), record.key, record.value, record.code
            )
            self.ledger.write(write_ledger_line(published) + "\n")

        where = {} if record.partition is None else {"partition": record.partition}
        self.producer.produce(
            self.prefix + record.topic, key=record.key, value=record.value, on_delivery=delivered, **where
        )

    def run(self, records: Sequence[Planned], seconds: float, told: Callable[[int], None] = lambda acked: None) -> None:
        """Publish all records evenly over the given time, and tell how many are acknowledged."""
        start, sent = time.monotonic(), 0
        while sent < len(records) and not self.stopped:
            due = len(records) * (time.monotonic() - start) / seconds if seconds else len(records)
            for record in records[sent : int(due)]:
                self.send(record)
                sent += 1
            self.producer.poll(0)
            told(self.acked)
            time.sleep(min(0.1, seconds / 100))
        if self.stopped:
            self.producer.purge()
        self.producer.flush(60)
        self.ledger.flush()
        told(self.acked)


def main() -> int:
    """Publish as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("brokers")
    parser.add_argument("prefix")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=70)
    options = parser.parse_args()
    records = plan(options.seed, options.events, options.customers)
    with options.ledger.open("w", encoding="ascii") as ledger:
        publisher = Publisher(options.brokers, options.prefix, ledger)
        publisher.run(records, options.seconds, lambda acked: print(acked, flush=True))
    return 0 if publisher.acked == len(records) else 1


if __name__ == "__main__":
    sys.exit(main())
