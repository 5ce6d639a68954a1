"""The same work as an ordinary Faust app does it: event by event, decode, table update, one output. For the ratio.

As its handbook shows it: JSON topics, an agent, a table in memory with its changelog, `send` for the output. Its
clock is its own, from the first event to the last, without the commits: it is flattered rather than not.
Run as `python -m tests.bench.plain_faust BROKERS NAME EVENTS TOPIC...`; it ends with one line of JSON.
"""

import json
import os
import sys
import tempfile
import time
from typing import Any

import faust


def create_app(brokers: str, name: str, events: int, topics: list[str]) -> faust.App:
    """Make the app; it ends the process after the given number of events."""
    app = faust.App(
        name,
        broker="kafka://" + brokers,
        store="memory://",
        topic_partitions=4,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="plain-faust-"),
    )
    source = app.topic(*topics, key_type=str, value_serializer="json")
    spoken = app.topic(name + "-spoken", key_type=str, value_serializer="json")
    customers = app.Table("customers", default=None, partitions=4)
    seen, began, cpu = 0, 0.0, 0.0

    @app.agent(source)
    async def advance(stream: Any) -> None:
        nonlocal seen, began, cpu
        async for event in stream:
            if not seen:
                began, cpu = time.monotonic(), time.process_time()
            customer = event["customer_id"]
            known = customers.get(customer) or {"events": 0, "first": event["occurred_at"]}
            known = {**known, "events": known["events"] + 1, "last": event["occurred_at"]}
            customers[customer] = known
            await spoken.send(key=customer, value={"customer_id": customer, **known})
            seen += 1
            if seen == events:
                result = {"seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu, "events": seen}
                os.write(1, json.dumps(result).encode() + b"\n")  # Faust takes `print` for its log
                os._exit(0)

    return app


def main() -> None:
    """Run as the command line says."""
    brokers, name, events, *topics = sys.argv[1:]
    app = create_app(brokers, name, int(events), topics)
    sys.argv = [sys.argv[0], "worker", "--loglevel=error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
