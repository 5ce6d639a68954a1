"""A fetched batch looks to Faust like one record, and is handed to the agent as it is."""

from faust.types import TP

from streams.engine.batches import Batch, RawSchema
from tests.engine.recording import Fetched

PLACE = TP("visits", 3)


def test_a_batch_stands_where_its_last_record_stands() -> None:
    """Topic, partition, last offset and timestamp; size in bytes of values, empty ones included."""
    records = [Fetched(7, b"abc", timestamp=70), Fetched(9, None, timestamp=80), Fetched(12, b"de", timestamp=75)]

    batch = Batch(PLACE, records, 5, 2)

    assert ("visits", 3, 12, 75) == (batch.topic, batch.partition, batch.offset, batch.timestamp)
    assert (5, 2, 5) == (batch.begin, batch.generation, batch.size)
    assert records is batch.records


def test_a_batch_is_its_own_value_and_nobody_decodes_it() -> None:
    """The schema hands through what it is given."""
    batch = Batch(PLACE, [Fetched(7, b"not JSON", key=b"\xff")])

    assert batch is RawSchema().loads_value(None, batch)
    assert RawSchema().loads_key(None, batch) is None
