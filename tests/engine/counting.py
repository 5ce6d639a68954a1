"""
The smallest user of the engine: it counts records per key and says every tenth count aloud.

Run as `python -m tests.engine.counting NAME BROKERS [CHANGES]`, it is a worker of its own over three source topics;
CHANGES is a JSON object of settings of the engine.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from streams.engine.config import EngineConfig
from streams.engine.envelope import Word, fence_number
from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.runtime import Portion, Runtime

EVERY = 10


def config_of(name: str, brokers: str, **changes: Any) -> EngineConfig:
    """The engine's settings for a run; topics are named after it."""
    given = {
        "app_id": name,
        "brokers": brokers,
        "table": "counts",
        "sources": (f"{name}-a", f"{name}-b", f"{name}-c"),
        "rerouted": f"{name}-rerouted",
        "outputs": (f"{name}-said", f"{name}-documents"),
        "documents": 1,
        "partitions": 4,
        "facts": {"partitioner": "murmur2"},
        "first_facts": {},
        "session_timeout_s": 6.0,
        "datadir": os.environ.get("COUNTING_DATADIR", "/nonexistent-never-written"),
    }
    return EngineConfig(**{**given, **changes})


def topics_of(config: EngineConfig) -> list[str]:
    """Every topic a run needs."""
    return [*config.consumed, *config.outputs, config.changelog]


class Counting:
    """A handler whose state is one integer per key."""

    def advance(self, portions: Sequence[Portion]) -> list[int]:
        """Count what was not counted yet."""
        return [self._count(*portion) for portion in portions]

    def _count(self, owned: OwnedPartition, source: int, records: Sequence[Any]) -> int:
        fence = fence_number(source, owned.number)
        for record in records:
            key = record.key.decode()
            entry = owned.entries.get(key)
            if entry is not None and record.offset <= entry.fences.get(fence, -1):
                continue
            count = (0 if entry is None else int(entry.body)) + 1
            words = []
            if count % EVERY == 0:
                said = msgspec.json.encode(
                    {"id": f"{source}:{owned.number}:{record.offset}", "key": key, "count": count}
                )
                words = [Word(0, f"{source}:{owned.number}:{record.offset}", said)]
            owned.put(key, b"%d" % count, fences={fence: record.offset}, words=words, arrived_ms=record.timestamp)
        return -1

    def render(self, owned: OwnedPartition, key: str, body: bytes, version: tuple[int, int, int]) -> bytes | None:
        """A document is the count, with its version."""
        return msgspec.json.encode({"key": key, "count": int(body), "version": version})

    def opened(self, owned: OwnedPartition) -> None:
        """Nothing to prepare."""


class Printing(Observer):
    """Says on standard output what a test waits for."""

    def __init__(self) -> None:
        self.committable = 0
        self.began: float | None = None

    def on_reseek(self, topic: str, partition: int) -> None:
        """Print it."""
        print("RESEEK", topic, partition, flush=True)

    def on_stale(self, records: int) -> None:
        """Print it."""
        print("STALE", records, flush=True)

    def on_recovered(self, records: int, seconds: float) -> None:
        """Print it."""
        print("RECOVERED", records, f"{seconds:.3f}", flush=True)

    def on_resent(self, words: int) -> None:
        """Print it."""
        print("RESENT", words, flush=True)

    def on_committable(self, records: int) -> None:
        """Print the sum."""
        self.committable += records
        self.began = self.began or time.perf_counter()
        seconds, cpu = time.perf_counter() - self.began, time.process_time()
        print("COMMITTABLE", self.committable, f"{seconds:.2f} {cpu:.2f}", flush=True)


async def work(config: EngineConfig) -> None:
    """Run a worker until it is told to stop."""
    runtime = Runtime(config, Counting(), Printing())
    for number in range(len(config.consumed)):
        runtime.app.agent(runtime.topic(number), name=f"agent-{number}")(runtime.drain)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runtime.app.start()
    await stop.wait()
    with contextlib.suppress(asyncio.CancelledError):
        await runtime.app.stop()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("LEVEL", "INFO"))
    asyncio.run(work(config_of(*sys.argv[1:3], **msgspec.json.decode("".join(sys.argv[3:]) or "{}"))))
