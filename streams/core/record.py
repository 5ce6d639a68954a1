"""
The record of one customer, as bytes.

Law: a record is a msgpack array [format, engagement, stance], and `dump(load(body)) == body`. The
engagement part is canonical: equal facts are equal bytes. A guest order has no stance.
"""

from typing import Final

import msgspec

from streams.core.engagement import Engagement
from streams.core.stance import Stance

FORMAT: Final = 1
GUEST_MARK: Final = "#"
ANONYMOUS_MARK: Final = "~"


class Record(msgspec.Struct, array_like=True, gc=False):
    """What we know of one customer (`stance` is None for a guest order)."""

    format: int
    engagement: Engagement
    stance: Stance | None


_decode = msgspec.msgpack.Decoder(Record).decode
_decode_parts = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, msgspec.Raw]).decode

dump = msgspec.msgpack.Encoder().encode
"""Encode a record."""


def load(body: bytes) -> Record:
    """Decode a record; raise ValueError if it is of another format."""
    record = _decode(body)
    if record.format != FORMAT:
        raise ValueError(f"a record of format {record.format} cannot be read, only {FORMAT}")
    return record


def new(key: str, second: int, day_offset_s: int) -> Record:
    """Begin the record of a customer whose first event happens at `second`."""
    stance = None if key.startswith(GUEST_MARK) else Stance()
    return Record(FORMAT, Engagement(day_offset_s, second, second), stance)


def engagement_bytes(body: bytes) -> bytes:
    """Cut out the part of a record that does not depend on any order of arrival."""
    return bytes(_decode_parts(body)[1])
