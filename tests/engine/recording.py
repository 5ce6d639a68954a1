"""A broker that is a list: every effect of a partition's writer, in the one order in which it happened."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from faust.types import TP

from streams.engine.batches import Batch
from streams.engine.config import EngineConfig
from streams.engine.envelope import CLAIM, FACTS, SPOKEN, decode_envelope
from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.sending import Record
from tests.engine.counting import config_of

TERM = 100
"""Offset of the claim of the partition under test."""


class Recorder(Observer):
    """Takes the place of producer and broker, and is told what is done: all of it stands in `effects`, in order."""

    def __init__(self) -> None:
        """Acknowledge everything at once, until told otherwise."""
        self.effects: list[tuple[Any, ...]] = []
        self.log: list[tuple[str, int, Record]] = []
        self._ends: dict[tuple[str, int], int] = {}
        self._held: dict[str, asyncio.Event] = {}

    # ---- as the broker

    async def send(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append, and acknowledge when acknowledgements of this topic are not held."""
        kind = "remember" if topic.endswith("changelog") else "say"
        self.effects.append((kind, topic, tuple(name_of(record) for record in records)))
        await asyncio.sleep(0)
        if held := self._held.get(topic):
            await held.wait()
        self.log += [(topic, partition, record) for record in records]
        end = self._ends[topic, partition] = self._ends.get((topic, partition), TERM) + len(records)
        self.effects.append(("acknowledged", topic))
        return end

    async def follow(self, sends: Awaitable[None]) -> None:
        """Send one after another."""
        await sends

    def hold(self, topic: str) -> None:
        """Acknowledge nothing of a topic from now on."""
        self._held[topic] = asyncio.Event()

    def let_go(self, topic: str) -> None:
        """Acknowledge all that was held of a topic."""
        self._held.pop(topic).set()

    def values(self, topic: str, key: bytes | None = None) -> list[bytes | None]:
        """Values that stand in a topic's log, of all keys or of one."""
        return [record[1] for name, _, record in self.log if name == topic and key in (None, record[0])]

    # ---- as the observer

    def on_resent(self, words: int) -> None:
        """Put it down."""
        self.effects.append(("said again", words))

    def on_spoken(self, arrived_ms: list[int]) -> None:
        """Put it down."""
        self.effects.append(("spoken", arrived_ms))

    def on_committable(self, records: int) -> None:
        """Put it down."""
        self.effects.append(("committable", records))


def name_of(record: Record) -> str:
    """A record's key, the fixed ones by their names."""
    key = record[0]
    return {CLAIM: "claim", FACTS: "facts", SPOKEN: "marker", None: "-"}.get(key) or key.decode()


class Fetched:
    """What aiokafka fetched, as far as the engine looks at it."""

    def __init__(self, offset: int, value: bytes | None = b"", key: bytes | None = None, **rest: Any) -> None:
        """Make a record at an offset."""
        self.offset, self.value, self.key = offset, value, key
        self.timestamp, self.headers, self.timestamp_type = rest.get("timestamp", 0), rest.get("headers", ()), 0


def config(**changes: Any) -> EngineConfig:
    """The settings of a run whose topics are named `run-…`; its tick is far away unless it is asked for."""
    return config_of("run", "nowhere:1", **{"tick_s": 60.0, **changes})


def owned(broker: Recorder, settings: EngineConfig | None = None, number: int = 0, term: int = TERM) -> OwnedPartition:
    """A partition whose writer speaks to a recorder and that was just claimed."""
    partition = OwnedPartition(number, term, settings or config(), broker, broker)
    partition.render = lambda _, key, body, version: b"%s %s %d" % (key.encode(), body, version[2])
    return partition


async def opened(broker: Recorder, settings: EngineConfig | None = None, **facts: str | int) -> OwnedPartition:
    """A partition that may be written, with everything its opening wrote forgotten; it is caught up."""
    partition = owned(broker, settings)
    await partition.open({"generation": 0, **facts})
    partition.quiet = False
    broker.effects.clear()
    broker.log.clear()
    return partition


def batch(partition: OwnedPartition, begin: int, count: int = 1, source: int = 0) -> Batch:
    """A fetched batch of a source, as delivery hands it over."""
    tp = TP(config().consumed[source], partition.number)
    return Batch(tp, [Fetched(begin + n) for n in range(count)], begin, 0)


def images(broker: Recorder) -> Mapping[str, list[Any]]:
    """Every image of every key in the changelog, oldest first."""
    found: dict[str, list[Any]] = {}
    for topic, _, (key, value, _) in broker.log:
        if topic == config().changelog and key is not None and key[:1] != b"\0" and value is not None:
            found.setdefault(key.decode(), []).append(decode_envelope(value))
    return found


async def until(holds: Any, rounds: int = 1000) -> None:
    """Let other tasks run until something holds."""
    for _ in range(rounds):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("It did not come to hold.")
