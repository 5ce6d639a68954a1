"""Whole fetched batches through Faust: one quasi-record per partition that carries the list of Kafka's records."""

from typing import Any

import faust
from faust.types import TP


class Batch:
    """
    Looks to Faust like one record with the last record's offset, and is its own value.

    `records` are aiokafka records; `begin` is the offset that follows the previous batch, so that a run of batches has
    no holes by construction; `generation` is the delivery generation it belongs to; `size` is in bytes; `latest_s` is
    the largest event time of what is in memory of it, -1 for none.
    """

    __slots__ = (
        "begin", "checksum", "generation", "headers", "key", "latest_s", "offset", "partition", "records",
        "serialized_key_size", "serialized_value_size", "size", "timestamp", "timestamp_type", "topic",
    )  # fmt: skip

    def __init__(self, tp: TP, records: list[Any], begin: int = -1, generation: int = -1) -> None:
        """Take the records that were fetched of one partition, at least one."""
        last = records[-1]
        self.topic, self.partition, self.offset = tp.topic, tp.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.headers: tuple[()] = ()
        self.key = self.checksum = None
        self.records = records
        self.serialized_key_size = self.serialized_value_size = 0
        self.begin, self.generation, self.latest_s = begin, generation, -1
        self.size = sum([len(r.value) for r in records if r.value is not None])

    @property
    def value(self) -> "Batch":
        """What Faust hands to the agent."""
        return self


class RawSchema(faust.Schema[Any, Any]):
    """Hands key and value through untouched: decoding is not Faust's business here."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        """Return the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        """Return the value, a batch, as it is."""
        return message.value
