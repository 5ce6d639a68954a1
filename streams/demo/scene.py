"""What has been seen so far: published events, signals, dead letters, and how long a signal took."""

from collections import Counter, deque
from typing import Any

import msgspec
import orjson

from schemas import BANDS, CODE_HEADER
from streams.core.signals import CHURN_RISK, NEXT_BEST_ACTIONS
from streams.listening import Heard
from streams.publishing import Outgoing
from streams.topics import DEAD_LETTERS, DOCUMENTS, OUTPUTS

LINES = 8
TOPICS = (*OUTPUTS, DEAD_LETTERS)


class Named(msgspec.Struct, gc=False):
    """The one field by which a signal's cause is found again."""

    event_id: str


_named = msgspec.json.Decoder(Named)


class Scene:
    """Gathers what is published and what is heard; ids of signals are counted once, however often they are repeated."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.published = 0
        self.event_ms = 0
        """Where the events' own time stands, in milliseconds since 1970."""
        self.signals: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.known: set[str] = set()
        """Keys of the documents: customers, and visitors (with ~) who are not signed in."""
        self.bands: dict[str, str] = {}
        self.lines: deque[Heard] = deque(maxlen=LINES)
        self.latencies_ms: list[int] = []
        self.heard = 0
        self._seen: set[str] = set()
        self._published_ms: dict[str, int] = {}

    def publish(self, outgoing: Outgoing, timestamp_ms: int) -> None:
        """Note when an event went onto its topic; of a repeated one, the first time."""
        self.published += 1
        self.event_ms = max(self.event_ms, outgoing.at_ms)
        if outgoing.key is not None:
            self._published_ms.setdefault(_named.decode(outgoing.raw).event_id, timestamp_ms)

    def hear(self, heard: Heard) -> None:
        """Note one record of an output topic."""
        self.heard += 1
        if heard.topic == DEAD_LETTERS:
            self.codes[heard.headers.get(CODE_HEADER, "?")] += 1
        elif heard.topic == OUTPUTS[DOCUMENTS]:
            self.known.add(heard.key or "")
        else:
            self._signal(heard, orjson.loads(heard.value or b"{}"))

    def _signal(self, heard: Heard, value: dict[str, Any]) -> None:
        if value["signal_id"] in self._seen:
            return
        self._seen.add(value["signal_id"])
        self.signals[heard.topic] += 1
        self.lines.append(heard)
        if heard.topic == CHURN_RISK:
            self.bands[heard.key or ""] = value["band"]
        else:
            self.actions[value["action"]] += 1
        published_ms = self._published_ms.get(value["cause"]["event_id"] or "")
        if published_ms is not None:
            self.latencies_ms.append(heard.timestamp_ms - published_ms)

    @property
    def customers(self) -> int:
        """How many customers there is a document of."""
        return sum(not key.startswith("~") for key in self.known)

    @property
    def by_band(self) -> dict[str, int]:
        """How many customers were last said to be in each band."""
        counts = Counter(self.bands.values())
        return {band: counts[band] for band in BANDS}

    def latency_ms(self, share: float) -> int | None:
        """
        The time from an event's Kafka timestamp to that of its signal, which this share of signals did not exceed.

        None before the first signal.
        """
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

    def summary(self) -> dict[str, Any]:
        """The figures of the topics as a program reads them."""
        return {
            "customers": self.customers,
            "visitors": len(self.known) - self.customers,
            "churn_risk": self.signals[CHURN_RISK],
            "next_best_actions": self.signals[NEXT_BEST_ACTIONS],
            "dead_letters": self.codes.total(),
            "dead_letters_by_code": dict(sorted(self.codes.items())),
            "bands": self.by_band,
            "actions": dict(self.actions.most_common()),
            "p50_ms": self.latency_ms(0.50),
            "p99_ms": self.latency_ms(0.99),
        }
