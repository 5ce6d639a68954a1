"""
The newest few: facts of which only the K latest matter, such as the products looked at last.

Law: a blob holds the K greatest by mark, newest first, whatever the order of arrival. A mark is 12
bytes: the second, big-endian, and the hash of the event's id. An entry is its mark, its length, the
payload (at most 255 bytes) and its length again, so that the newest is read at the front and the
oldest is cut off at the back without walking over the others. Byte 0 is the number of entries.
"""

from collections.abc import Iterator
from typing import NamedTuple

MARK_BYTES = 12


class Entry(NamedTuple):
    """One fact: when, which, and what."""

    second: int
    mark: bytes
    payload: bytes


def push(blob: bytes, mark: bytes, payload: bytes, limit: int) -> bytes:
    """
    Remember one more fact, and only the `limit` newest.

    >>> blob = push(push(b"", b"000000000002", b"late", 2), b"000000000001", b"early", 2)
    >>> [entry.payload for entry in entries(push(blob, b"000000000003", b"latest", 2))]
    [b'latest', b'late']
    """
    size = len(payload).to_bytes()
    if not blob:
        return b"".join((b"\x01", mark, size, payload, size))
    if mark > blob[1:13]:
        if blob[0] < limit:
            count, others = (blob[0] + 1).to_bytes(), blob[1:]
        else:
            count, others = blob[:1], blob[1 : -14 - blob[-1]]
        return b"".join((count, mark, size, payload, size, others))
    known = [(one.mark, one.payload) for one in entries(blob)]
    return build([*known, (mark, payload)], limit)


def build(facts: list[tuple[bytes, bytes]], limit: int) -> bytes:
    """Make a blob of the `limit` newest of these marks and payloads."""
    kept = sorted(facts, reverse=True)[:limit]
    if not kept:
        return b""
    parts = [mark + bytes((len(payload),)) + payload + bytes((len(payload),)) for mark, payload in kept]
    return bytes((len(kept),)) + b"".join(parts)


def entries(blob: bytes) -> Iterator[Entry]:
    """Read the facts, newest first."""
    at = 1
    while at < len(blob):
        size = blob[at + MARK_BYTES]
        start = at + MARK_BYTES + 1
        yield Entry(int.from_bytes(blob[at : at + 4], "big"), blob[at : at + MARK_BYTES], blob[start : start + size])
        at = start + size + 1


def newest_second(blob: bytes) -> int:
    """Say when the newest fact happened, in seconds since 1970; -1 if there is none."""
    return int.from_bytes(blob[1:5], "big") if blob else -1


def newest_payload(blob: bytes) -> bytes:
    """Read what the newest fact is; there must be one."""
    return blob[14 : 14 + blob[13]]


def union(a: bytes, b: bytes, limit: int) -> bytes:
    """Keep the newest of both."""
    return build([(one.mark, one.payload) for blob in (a, b) for one in entries(blob)], limit)
