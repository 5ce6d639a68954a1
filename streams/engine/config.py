"""What the engine is told by whoever uses it: names of topics, limits and intervals."""

from collections.abc import Mapping

import msgspec

REROUTED = 255
"""Number of the topic of re-routed records; it stands in records, whatever sources are added later."""


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """
    Everything the engine needs to know; times in seconds, sizes in bytes.

    `sources` and `outputs` are full topic names; a position in them is that topic's number, and stands in records.
    """

    app_id: str
    brokers: str
    table: str
    sources: tuple[str, ...]
    rerouted: str
    outputs: tuple[str, ...]
    documents: int
    """Number of the output topic that takes documents, the readable current truth of one key."""
    partitions: int
    facts: Mapping[str, str | int]
    """What must never differ between two owners of one partition, beside the partition count."""
    first_facts: Mapping[str, str | int]
    """Facts that the first owner writes and every later owner takes over."""
    instance_id: str = ""
    session_timeout_s: float = 10.0
    commit_interval_s: float = 0.5
    tick_s: float = 0.25
    """How long a change that has nothing to say waits for its record to be written."""
    document_interval_s: float = 60.0
    slice_records: int = 500
    """How many records are advanced, or written, with no await in between."""
    credit: int = 6
    """Batches handed over and not yet advanced, before the next poll waits."""
    max_uncommitted_bytes: int = 64 << 20
    """Bytes handed over and not yet committable, before the next poll waits: stalled acknowledgements stop reading."""
    max_uncommitted_batches: int = 1000
    """The same limit, counted in batches."""
    fetch_wait_ms: int = 10
    max_batch_bytes: int = 1 << 19
    max_record_bytes: int = 4 << 20
    datadir: str = ".latido/faust"

    @property
    def changelog(self) -> str:
        """Name of the changelog topic, as Faust forms it."""
        return f"{self.app_id}-{self.table}-changelog"

    @property
    def numbers(self) -> dict[str, int]:
        """Every consumed topic's number: of a source its position, of the re-routed records always the same."""
        return {**{topic: number for number, topic in enumerate(self.sources)}, self.rerouted: REROUTED}

    @property
    def consumed(self) -> tuple[str, ...]:
        """The source topics and, last, the topic of re-routed records."""
        return (*self.sources, self.rerouted)
