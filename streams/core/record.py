"""
The record of one customer, as bytes.

Law: a record is a msgpack array [format, engagement, stance, wake_s], and `dump(load(body)) == body`.
The engagement part is canonical: equal facts are equal bytes. A guest order has no stance. Most clicks
change no stance, so a step reads it only when it must and else passes its bytes on. The format is that of
the stance: one of a former format is passed on as it is, and brought up when it is read.
"""

from typing import Final

import msgspec

from streams.core.engagement import Engagement
from streams.core.former import FORMER, stance_before
from streams.core.stance import NONE, Stance

FORMAT: Final = 2
GUEST_MARK: Final = "#"
ANONYMOUS_MARK: Final = "~"


class Record(msgspec.Struct, array_like=True, gc=False):
    """What we know of one customer; `stance` is None for a guest order, `wake_s` -1 for no wish to be woken."""

    format: int
    engagement: Engagement
    stance: Stance | None
    wake_s: int


class Folded(msgspec.Struct, array_like=True, gc=False):
    """A record whose stance has not been read."""

    format: int
    engagement: Engagement
    stance: msgspec.Raw
    wake_s: int


_decode_folded = msgspec.msgpack.Decoder(Folded).decode
_decode_parts = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, msgspec.Raw, int]).decode
_decode_stance = msgspec.msgpack.Decoder(Stance | None).decode

dump = msgspec.msgpack.Encoder().encode
"""Encode a record, whether its stance was read or not."""


_FRESH: Final = msgspec.Raw(dump(Stance()))
_GUEST: Final = msgspec.Raw(dump(None))


def load(body: bytes) -> Record:
    """Decode a record; raise ValueError if it is of a format that is not known."""
    folded = load_folded(body)
    return Record(FORMAT, folded.engagement, stance_of(folded), folded.wake_s)


def load_folded(body: bytes) -> Folded:
    """Decode a record but for its stance; raise ValueError if it is of a format that is not known."""
    record: Folded = _decode_folded(body)
    if record.format != FORMAT and record.format != FORMER:
        raise ValueError(f"a record of format {record.format} cannot be read, only {FORMAT} and {FORMER}")
    return record


def stance_of(folded: Folded) -> Stance | None:
    """Read the stance that was left unread."""
    if folded.format == FORMER:
        return stance_before(folded.stance)
    stance: Stance | None = _decode_stance(folded.stance)
    return stance


def new(key: str, second: int, day_offset_s: int) -> Folded:
    """Begin the record of a customer whose first event happens at `second`."""
    return Folded(FORMAT, Engagement(day_offset_s, second, second), _GUEST if key[:1] == GUEST_MARK else _FRESH, NONE)


def engagement_bytes(body: bytes) -> bytes:
    """Cut out the part of a record that does not depend on any order of arrival."""
    return bytes(_decode_parts(body)[1])


def funded_of(body: bytes) -> list[tuple[str, int]]:
    """Read only which actions a day's budget paid for, and on which day since 1970."""
    written, _, raw, _ = _decode_parts(body)
    stance = _decode_stance(raw) if written == FORMAT else None
    return [] if stance is None else stance.funded
