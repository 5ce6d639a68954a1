"""
The ring: how a copy of an event is told from a new one.

Law: a ring holds the K greatest marks of a customer's events of one source topic, sorted, never by
arrival. A mark is the event's second, big-endian in 4 bytes, and the 8-byte blake2b of its id. While
fewer than K newer events have been folded, a copy is recognised; what lies below a full ring cannot
be told any more and is `late`.
"""

from bisect import bisect_left
from hashlib import blake2b
from typing import Final

WIDTH: Final = 12

MAX_RING_ENTRIES: Final = 480
"""What fits into a record of 64 KiB beside two years of tiles and what came back: 6 KiB."""

RING_SIZES: Final = (256, 64, 64, 64, 32)
"""How many marks are kept unless told otherwise, in the order of `schemas.SOURCES`."""

DERIVED_RING: Final = 32
"""How many marks of derived events are kept."""

_nothing_hashed = blake2b(digest_size=8).copy  # a third faster than to set up the hash for each id


def mark_of(second: int, event_id: str) -> bytes:
    """Say the 12 bytes under which an event is remembered."""
    hashed = _nothing_hashed()
    hashed.update(event_id.encode())
    return second.to_bytes(4, "big") + hashed.digest()


def holds(ring: bytes, mark: bytes) -> bool:
    """
    Say whether the ring knows this mark.

    >>> ring = insert(insert(b"", mark_of(2, "b"), 8), mark_of(1, "a"), 8)
    >>> holds(ring, mark_of(1, "a")), holds(ring, mark_of(1, "b"))
    (True, False)
    """
    at = ring.find(mark)
    while at % WIDTH and at > 0:
        at = ring.find(mark, at + 1)
    return at >= 0


def is_late(ring: bytes, mark: bytes, size: int) -> bool:
    """Say whether the ring of this size is full of newer events."""
    return len(ring) >= size * WIDTH and mark < ring[:WIDTH]


def insert(ring: bytes, mark: bytes, size: int) -> bytes:
    """Remember a mark that the ring does not hold, and only the `size` greatest."""
    if mark > ring[-WIDTH:]:
        return ring + mark if len(ring) < size * WIDTH else ring[WIDTH - size * WIDTH :] + mark if size > 1 else mark
    at = WIDTH * bisect_left(range(len(ring) // WIDTH), mark, key=lambda slot: ring[slot * WIDTH : (slot + 1) * WIDTH])
    return (ring[:at] + mark + ring[at:])[-size * WIDTH :]


def union(a: bytes, b: bytes, size: int) -> bytes:
    """Keep the greatest marks of both."""
    marks = {ring[at : at + WIDTH] for ring in (a, b) for at in range(0, len(ring), WIDTH)}
    return b"".join(sorted(marks)[-size:])
