"""How a simulated act becomes an event: one place for ids, times and bytes."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from schemas import SOURCES

CLICKSTREAM, STORE_VISITS, ORDERS, RESPONSES, PROFILES = (
    SOURCES.index(name) for name in ("clickstream", "store-visits", "orders", "responses", "profiles")
)
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


Fields = dict[str, Any]


class Told(NamedTuple):
    """One event on its way: when it happened (epoch milliseconds), its topic's source number, its key and its bytes."""

    at_ms: int
    source: int
    key: str
    body: bytes


class Who(NamedTuple):
    """Under which ids somebody acts; the key is the first that is there."""

    customer_id: str | None = None
    anonymous_id: str | None = None

    @property
    def key(self) -> str:
        """The identity as Kafka key."""
        return self.customer_id or f"~{self.anonymous_id}"

    def fields(self) -> dict[str, str]:
        """The ids as fields of an event."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value is not None}


class Teller:
    """Gives the events of one visit their ids: `prefix-0`, `prefix-1` and so on, whatever other visits tell."""

    def __init__(self, prefix: str, label: str) -> None:
        """Begin a visit; `label` is the `source` of its events."""
        self._prefix = prefix
        self._label = label
        self._count = 0
        self.told: list[Told] = []

    def tell(self, at_ms: int, source: int, event_type: str, who: Who, key: str | None = None, **fields: Any) -> None:
        """Add one event; fields that are None are left out, an explicit key is for a guest's order."""
        event = {
            "event_id": f"{self._prefix}-{self._count}",
            "event_type": event_type,
            "schema_version": 1,
            "occurred_at": instant(at_ms),
            **who.fields(),
            "source": self._label,
        }
        event.update((name, value) for name, value in fields.items() if value is not None)
        self._count += 1
        self.told.append(Told(at_ms, source, key or who.key, orjson.dumps(event)))


def instant(at_ms: int) -> str:
    """
    RFC 3339 in UTC of epoch milliseconds.

    >>> instant(1_000)
    '1970-01-01T00:00:01.000Z'
    """
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()[:19]}.{at_ms % 1000:03}Z"
