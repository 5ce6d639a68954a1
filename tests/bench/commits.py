"""When was how much committed: read from the broker's own log of commits, so that measuring costs nothing meanwhile."""

import struct
from typing import NamedTuple

from tests.verify.readers import read

LOG = "__consumer_offsets"


class Commit(NamedTuple):
    """One commit of one partition: the next offset to read, and the broker's time of it in seconds."""

    at: float
    topic: str
    partition: int
    offset: int


class Pace(NamedTuple):
    """Events between the first and the last commit, and the seconds between them."""

    events: int
    seconds: float
    first: float
    last: float

    @property
    def per_s(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds else 0.0


def commits(brokers: str, group: str) -> list[Commit]:
    """Return all commits of a group, oldest first."""
    found = [
        Commit(record.timestamp / 1000, *key[1:], struct.unpack_from(">hq", record.value)[1])
        for record in read(brokers, LOG)
        if record.value and record.key and (key := _key(record.key)) and key[0] == group
    ]
    return sorted(found)


def _key(raw: bytes) -> tuple[str, str, int] | None:
    """Read group, topic and partition; None where the record is not an OffsetCommitKey (versions 0, 1)."""
    (version,) = struct.unpack_from(">h", raw)
    if version > 1:
        return None
    group, at = _text(raw, 2)
    topic, at = _text(raw, at)
    return group, topic, struct.unpack_from(">i", raw, at)[0]


def _text(raw: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", raw, at)
    return raw[at + 2 : at + 2 + length].decode(), at + 2 + length


def pace(
    found: list[Commit], topics: list[str], since: float = 0.0, base: dict[tuple[str, int], int] | None = None
) -> Pace:
    """
    Measure between the first commit that moved anything (after `since`) and the last.

    What the first commit covered was processed before the clock started, and is not counted. `base` holds the offsets
    at which the partitions stood before; commits at one instant (20 ms) are one.
    """
    stood: dict[tuple[str, int], int] = dict(base or {})
    first = last = 0.0
    counted = 0
    for commit in found:
        tp = (commit.topic, commit.partition)
        if commit.topic not in topics or commit.at < since or commit.offset <= stood.get(tp, 0):
            continue
        first = first or commit.at
        last = commit.at
        if commit.at > first + 0.02:
            counted += commit.offset - stood.get(tp, 0)
        stood[tp] = commit.offset
    return Pace(counted, last - first, first, last)
