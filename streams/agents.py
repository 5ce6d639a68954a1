"""
The road of one event: one agent per source topic hands whole batches to the core and its results to the engine.

    record → door → event → home → fence → observe ┄ finish → body, words → the partition's writer

Bad input is a dead letter, never an exception. A fault of ours costs one event, which becomes a dead letter too, until
too many do: then the worker ends, for a bad deploy must not drain the topics into the dead letters.
"""

import gc
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from schemas import (
    APP_VERSION_HEADER,
    CODE_HEADER,
    CUT_FROM_HEADER,
    DERIVED,
    MESSAGE_HEADER,
    OFFSET_HEADER,
    PARTITION_HEADER,
    SOURCES,
    TIMESTAMP_HEADER,
    TOPIC_HEADER,
)
from streams.core.budget import Ledger
from streams.core.decode import Door, Refused, identity_of
from streams.core.document import document
from streams.core.record import funded_of
from streams.core.rules import Rules
from streams.core.signals import Signal
from streams.core.step import Advance, Step
from streams.engine.config import REROUTED as REROUTED_NUMBER
from streams.engine.ends import BROKEN, end
from streams.engine.envelope import DERIVED as DERIVED_HEADER
from streams.engine.envelope import NEVER, Word, fence_number
from streams.engine.home import PARTITIONERS
from streams.engine.partition import OwnedPartition, Version
from streams.engine.runtime import Portion
from streams.metrics import OUTCOMES, Metrics
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, LETTER_BYTES, OUTPUTS, REROUTED, full_name

logger = logging.getLogger(__name__)

ORIGIN_TOPIC: Final = "origin.topic"
ORIGIN_PARTITION: Final = "origin.partition"
ORIGIN_OFFSET: Final = "origin.offset"
ORIGIN_TIMESTAMP: Final = "origin.timestamp"

LEAST_INTERNAL: Final = 20
"""So many faults of ours are needed before their share is judged."""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """
    Where a record first entered Kafka: source number, partition, offset, timestamp in ms.

    What another customer's record said entered Kafka where it is read: its source is DERIVED.
    """

    source: int
    partition: int
    offset: int
    timestamp_ms: int


class Found:
    """What a slice finds of one partition: fences and arrivals (Kafka's ms) by key, who is strange, who is refused."""

    __slots__ = ("arrived", "fences", "outcomes", "refused", "strangers")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.fences: dict[str, dict[int, int]] = {}
        self.arrived: dict[str, int] = {}
        self.strangers: list[tuple[Origin, str, Any]] = []
        self.refused: list[tuple[Origin, Refused, Any]] = []
        self.outcomes: dict[tuple[int, str], int] = {}
        """Records by source number and what became of them."""


def word_of(signal: Signal) -> Word:
    """Say a signal to its topic, or to the customer for whom it is meant."""
    topic = REROUTED_NUMBER if signal.to else OUTPUTS.index(signal.kind)
    return Word(topic, signal.signal_id, signal.body, signal.to)


class Pipeline:
    """Joins core and engine; the engine's handler."""

    def __init__(self, settings: Settings, rules: Rules, metrics: Metrics, version: str) -> None:
        """Join the core's rules with topics and metrics; `version` goes into dead letters."""
        self._settings, self._metrics = settings, metrics
        self._sources = [full_name(settings, name) for name in SOURCES]
        self._topics = {**dict(enumerate(SOURCES)), DERIVED: REROUTED, REROUTED_NUMBER: REROUTED}
        self._doors = [Door(source, accept_from_s=settings.accept_from_s) for source in range(DERIVED + 1)]
        self._home = PARTITIONERS[settings.partitioner](settings.partitions)
        self._rerouted = full_name(settings, REROUTED)
        self._dead_letters = full_name(settings, DEAD_LETTERS)
        self._version = version.encode()
        self._rules = rules
        self._rules_since: dict[int, Rules] = {}
        self._ledgers: dict[OwnedPartition, Ledger] = {}
        self._wall = settings.clock == "wall"
        self._seen = self._internal = 0
        self.on_wake: Callable[[OwnedPartition, str, int], None] = lambda owned, key, due_s: None
        """Called whenever a key asks to be looked at again at an epoch second."""

    # ---- what the engine calls

    def advance(self, portions: Sequence[Portion]) -> list[int]:
        """Advance one slice; where the core fails, it is advanced portion by portion, and then record by record."""
        started = time.perf_counter()
        self._seen += sum([len(portion.records) for portion in portions])
        latest = self._together(portions)
        seconds = time.perf_counter() - started
        self._metrics.slice_seconds.observe(seconds)
        self._metrics.event_processing_seconds.inc(seconds)
        return latest

    def render(self, owned: OwnedPartition, key: str, body: bytes, version: Version) -> bytes | None:
        """Render the document that people read; guests have none, and a fault of ours costs one."""
        if key[0] == "#":
            return None
        try:
            return document(self.rules_of(owned), key, body, version, 0)
        except Exception as error:
            self.failed(f"a document of partition {owned.number}", error)
            return None

    def opened(self, owned: OwnedPartition) -> None:
        """Count again what was spent of budgets; what was recovered lives long, so the collector may pass it over."""
        self._ledgers = {held: ledger for held, ledger in self._ledgers.items() if held.number != owned.number}
        self.ledger_of(owned)
        gc.freeze()

    def ledger_of(self, owned: OwnedPartition) -> Ledger:
        """What a partition spent of the days' budgets, by its records."""
        ledger = self._ledgers.get(owned)
        if ledger is None:
            ledger = self._ledgers[owned] = Ledger(self._settings.partitions, owned.number)
            for entry in owned.entries.values():
                ledger.put_down(funded_of(entry.body))
        return ledger

    def recheck(self, owned: OwnedPartition, due: Sequence[tuple[str, int]]) -> None:
        """Assess keys at the instants they asked for; a key at which the core fails keeps its record as it is."""
        self._seen += len(due)
        try:
            self._recheck(owned, due)
        except Exception:
            for key, due_s in due:
                try:
                    self._recheck(owned, [(key, due_s)])
                except Exception as error:
                    self.failed(f"the recheck of a customer of partition {owned.number}", error)

    def _recheck(self, owned: OwnedPartition, due: Sequence[tuple[str, int]]) -> None:
        advance = Advance(self.rules_of(owned), self._now(), self.ledger_of(owned))
        for key, due_s in due:
            advance.recheck(key, owned.entries[key].body, due_s)
        steps = advance.finish()
        self._put_down(owned, steps, {key: {} for key in steps}, {})
        advance.put_down()
        self._count(advance.tally)

    def rules_of(self, owned: OwnedPartition) -> Rules:
        """The rules with the partition's own stored fact: from when on it speaks."""
        since = int(owned.facts.get("speak_from", 0))
        if since not in self._rules_since:
            self._rules_since[since] = msgspec.structs.replace(self._rules, speak_from_s=since)
        return self._rules_since[since]

    # ---- one slice

    def _together(self, portions: Sequence[Portion]) -> list[int]:
        """Advance together what the same rules hold for; return each portion's latest second."""
        alike, latest = dict[int, list[int]](), [-1] * len(portions)
        for place, portion in enumerate(portions):
            alike.setdefault(int(portion.owned.facts.get("speak_from", 0)), []).append(place)
        for places in alike.values():
            some = [portions[place] for place in places]
            for place, second in zip(places, self._advance(some), strict=True):
                latest[place] = second
        return latest

    def _advance(self, portions: Sequence[Portion]) -> list[int]:
        try:
            return self._slice(portions)
        except Exception:
            if len(portions) > 1:
                return [second for portion in portions for second in self._advance([portion])]
            [portion] = portions
            return [max([self._alone(portion, record) for record in portion.records])]

    def _slice(self, portions: Sequence[Portion]) -> list[int]:
        """Everything is collected first and put down last, so that a slice that fails leaves no trace."""
        advance, latest = Advance(self.rules_of(portions[0].owned), self._now()), list[int]()
        found: dict[OwnedPartition, Found] = {}
        for portion in portions:
            advance.latest_s = -1
            advance.spend_of(self.ledger_of(portion.owned))
            self._observe(portion, advance, found.setdefault(portion.owned, Found()))
            latest.append(advance.latest_s)
        touched = [key for one in found.values() for key in one.fences]
        if len(set(touched)) < len(touched):
            raise LookupError("One key in two partitions: it has two records, and they are not to be mixed.")
        steps = advance.finish()
        for owned, one in found.items():
            self._put_down(owned, steps, one.fences, one.arrived)
            for origin, key, record in one.strangers:
                self._send_home(owned, origin, key, record)
            for origin, refusal, record in one.refused:
                self._bury(owned, origin, refusal, record)
            for (source, outcome), count in one.outcomes.items():
                self._metrics.events.labels(self._topics[source], outcome).inc(count)
        advance.put_down()
        self._count(advance.tally)
        if advance.foreign:
            self._metrics.foreign_currency_orders.inc(advance.foreign)
        return latest

    def _observe(self, portion: Portion, advance: Advance, found: Found) -> None:
        """Fold a portion's events; note what became of each."""
        owned, source, records = portion
        rerouted = source == REROUTED_NUMBER
        entries, number, home = owned.entries, owned.number, self._home
        fences, arrived, strangers, refused = found.fences, found.arrived, found.strangers, found.refused
        strange, buried, duplicates, stale = -len(strangers), -len(refused), 0, 0
        origin_source, origin_number, fence = source, number, fence_number(source, number)
        read, observe = self._doors[0 if rerouted else source].read, advance.observe
        for record in records:
            offset, timestamp_ms = record.offset, record.timestamp
            if rerouted:
                said = self._origin(number, record)
                if said is None:
                    here = Origin(source, number, offset, timestamp_ms)
                    refused.append((here, Refused("malformed", "The headers do not say where it came from."), record))
                    continue
                origin_source, origin_number = said.source, said.partition
                offset, timestamp_ms = said.offset, said.timestamp_ms
                fence_source = REROUTED_NUMBER if origin_source == DERIVED else origin_source
                fence, read = fence_number(fence_source, origin_number), self._doors[origin_source].read
            event = read(record.value, timestamp_ms)
            if isinstance(event, Refused):
                refused.append((Origin(origin_source, origin_number, offset, timestamp_ms), event, record))
                continue
            key = identity_of(event)
            assert key is not None, "the door refuses what has no identity"
            entry = entries.get(key)
            if entry is None:
                if not rerouted and home(key) != number:
                    strangers.append((Origin(source, number, offset, timestamp_ms), key, record))
                    continue
                body = None
            else:
                body = entry.body
                if offset <= entry.fences.get(fence, -1):
                    stale += 1
                    continue
            applied = fences.get(key)
            if applied is None:
                applied = fences[key] = {}
            elif offset <= applied.get(fence, -1):
                stale += 1
                continue
            applied[fence] = offset
            outcome = observe(key, body, origin_source, event)
            if outcome == "advanced":
                arrived[key] = timestamp_ms
            elif outcome == "duplicate":
                duplicates += 1
            else:
                assert isinstance(outcome, Refused)
                refused.append((Origin(origin_source, origin_number, offset, timestamp_ms), outcome, record))
        strange, buried = strange + len(strangers), buried + len(refused)
        good = len(records) - duplicates - stale - strange - buried
        for outcome, count in zip(OUTCOMES, (good, duplicates, stale, buried, strange), strict=True):
            if count:
                found.outcomes[source, outcome] = found.outcomes.get((source, outcome), 0) + count

    def _alone(self, portion: Portion, record: Any) -> int:
        """Advance one record; what fails even alone becomes a dead letter, and too many of them end the worker."""
        owned, source, _ = portion
        try:
            return self._slice([Portion(owned, source, [record])])[0]
        except Exception as error:
            origin = Origin(source, owned.number, record.offset, record.timestamp)
            self._bury(owned, origin, Refused("internal", f"A fault of ours: {type(error).__name__}."), record)
            self.failed(f"{self._topics[source]} {owned.number} offset {record.offset}", error)
            return -1

    def failed(self, place: str, error: Exception) -> None:
        """Log and count a fault of ours; too many of them end the worker."""
        logger.error("A fault of ours at %s.", place, exc_info=error)
        self._internal += 1
        self._metrics.internal_errors.inc()
        if self._internal >= max(LEAST_INTERNAL, self._settings.internal_share_limit * self._seen):
            share = f"{self._internal} of {self._seen}"
            end(BROKEN, f"{share} events failed by a fault of ours; go back to the last version.")

    def _put_down(
        self,
        owned: OwnedPartition,
        steps: Mapping[str, Step],
        fences: Mapping[str, dict[int, int]],
        arrived: Mapping[str, int],
    ) -> None:
        """Put every changed record down, with what it has to say; unchanged ones only raise their fences."""
        said, muted = dict[tuple[str, str], int](), 0
        entries = owned.entries
        for key, applied in fences.items():
            step = steps.get(key)
            if step is None:
                owned.skip(key, applied)
                continue
            before = entries.get(key)
            wake_at = NEVER if step.wake_at is None else step.wake_at
            if wake_at != NEVER and (before is None or before.wake_at != wake_at):
                self.on_wake(owned, key, wake_at)
            words = [word_of(signal) for signal in step.signals]
            owned.put(
                key,
                step.body,
                fences=applied,
                words=words,
                wake_at=wake_at,
                show=None if key[0] == "#" else step.show,
                arrived_ms=arrived.get(key, 0),
            )
            muted += step.muted
            for signal in step.signals:
                if not signal.to:
                    said[signal.kind, signal.label] = said.get((signal.kind, signal.label), 0) + 1
        for labels, count in said.items():
            self._metrics.signals.labels(*labels).inc(count)
        if muted:
            self._metrics.muted_signals.inc(muted)

    def _count(self, tally: Mapping[tuple[str, str], int]) -> None:
        """Count what a slice decided, as `core.assess.Slice` tells it."""
        metrics = self._metrics
        for (what, name), count in tally.items():
            if what == "moment":
                metrics.moments.labels(name).inc(count)
                if name == "response_overdue":
                    metrics.breaches.inc(count)
            elif what == "arm":
                metrics.decisions.labels(name).inc(count)
            elif what == "refused":
                metrics.refusals.labels(name).inc(count)
            elif what == "held":
                metrics.holds.inc(count)

    def _send_home(self, owned: OwnedPartition, origin: Origin, key: str, record: Any) -> None:
        headers = [
            (ORIGIN_TOPIC, self._sources[origin.source].encode()),
            (ORIGIN_PARTITION, b"%d" % origin.partition),
            (ORIGIN_OFFSET, b"%d" % origin.offset),
            (ORIGIN_TIMESTAMP, b"%d" % origin.timestamp_ms),
        ]
        owned.post(self._rerouted, self._home(key), key.encode(), record.value, headers)

    def _bury(self, owned: OwnedPartition, origin: Origin, refused: Refused, record: Any) -> None:
        topic = full_name(self._settings, self._topics[origin.source])
        headers = [
            (CODE_HEADER, refused.code.encode()),
            (MESSAGE_HEADER, refused.message.encode()),
            (TOPIC_HEADER, topic.encode()),
            (PARTITION_HEADER, b"%d" % origin.partition),
            (OFFSET_HEADER, b"%d" % origin.offset),
            (TIMESTAMP_HEADER, b"%d" % origin.timestamp_ms),
            (APP_VERSION_HEADER, self._version),
        ]
        value = record.value
        if value is not None and len(value) > LETTER_BYTES:
            headers.append((CUT_FROM_HEADER, b"%d" % len(value)))
            value = value[:LETTER_BYTES]
        owned.post(self._dead_letters, owned.number, record.key, value, headers)
        self._metrics.dead_letters.labels(refused.code).inc()

    def _origin(self, number: int, record: Any) -> Origin | None:
        try:
            said = {name: value.decode() for name, value in record.headers}
            if DERIVED_HEADER in said:
                return Origin(DERIVED, number, record.offset, record.timestamp)
            return Origin(
                self._sources.index(said[ORIGIN_TOPIC]),
                int(said[ORIGIN_PARTITION]),
                int(said[ORIGIN_OFFSET]),
                int(said[ORIGIN_TIMESTAMP]),
            )
        except (KeyError, ValueError, AttributeError, UnicodeDecodeError):
            return None

    def _now(self) -> int | None:
        return int(time.time()) if self._wall else None
