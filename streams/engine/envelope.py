"""What stands in the changelog: one envelope per key, and three fixed-key records per partition.

State and fences are one record, so a crash can never separate them. The engine does not look inside `body`.
"""

from typing import Any

import msgspec

CLAIM = b"\x00claim"
"""Key of the marker a new owner appends; its offset is the owner's writer term."""

SPOKEN = b"\x00spoken"
"""Key of the marker that says up to which write everything remembered has been said, and which offsets are durable."""

FACTS = b"\x00facts"
"""Key of the record with what may never differ between two owners."""

NEVER = -1
"""No instant at which the key asks to be woken."""

DERIVED = "derived"
"""Header of a record in the topic of re-routed ones that was said by another key; its value is the word's id."""


class Word(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """
    One thing to say aloud: the number of the output topic, a stable id, and the bytes.

    With `to` it is said to another key: through the topic of re-routed records, to the home of that key.
    """

    topic: int
    word_id: str
    value: bytes
    to: str = ""


class Envelope(msgspec.Struct, array_like=True, gc=False):
    """
    One key's record.

    `term` and `counter` order all images of a key; `shown` says that this very image was rendered as a document;
    `fences` holds, per source and partition of origin, the highest offset applied; `wake_at` is in epoch seconds.
    """

    term: int
    counter: int
    shown: bool
    wake_at: int
    fences: dict[int, int]
    outbox: list[Word]
    body: bytes


class Spoken(msgspec.Struct, array_like=True, frozen=True):
    """Everything up to (term, counter) has been said; `durable` is the next offset to read per source number."""

    term: int
    counter: int
    durable: dict[int, int]


def fence_number(source: int, partition: int) -> int:
    """One number for a source topic and a partition of origin."""
    return partition << 8 | source


_encoder = msgspec.msgpack.Encoder()
_envelope_decoder = msgspec.msgpack.Decoder(Envelope)
_spoken_decoder = msgspec.msgpack.Decoder(Spoken)
_facts_decoder = msgspec.msgpack.Decoder(dict[str, str | int])

encode = _encoder.encode
decode_envelope = _envelope_decoder.decode
decode_spoken = _spoken_decoder.decode


def encode_facts(facts: dict[str, str | int]) -> bytes:
    """Facts in a canonical form, sorted by name."""
    return _encoder.encode(dict(sorted(facts.items())))


def decode_facts(raw: bytes) -> dict[str, str | int]:
    """Read back what `encode_facts` wrote."""
    return _facts_decoder.decode(raw)


def is_marker(key: Any) -> bool:
    """Whether a changelog key is one of the fixed ones."""
    return isinstance(key, bytes) and key[:1] == b"\x00"
