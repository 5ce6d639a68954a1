"""Where a key is at home: the one partition number whose owner keeps its record, by the configured partitioner.

Publishers use different partitioners, and keys can be wrong. Home alone decides.
"""

import zlib
from collections.abc import Callable
from functools import cache, lru_cache

from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]

Home = Callable[[str], int]

REMEMBERED = 1 << 17
"""Keys whose home is kept in memory: murmur2 in Python costs more than all the rest of an event's road."""


def java_home(partitions: int) -> Home:
    """Home by murmur2 over the key's bytes: Kafka's Java clients, aiokafka."""

    @lru_cache(maxsize=REMEMBERED)
    def home(key: str) -> int:
        return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)

    return home


def librdkafka_home(partitions: int) -> Home:
    """Home by CRC-32 over the key's bytes: the default of librdkafka's clients."""

    def home(key: str) -> int:
        return zlib.crc32(key.encode()) % partitions

    return home


PARTITIONERS: dict[str, Callable[[int], Home]] = {"murmur2": java_home, "crc32": librdkafka_home}
"""By the name used in settings and facts."""


@cache
def home_of(partitioner: str, partitions: int) -> Home:
    """Home by the name of a partitioner, with one memory for all who ask."""
    return PARTITIONERS[partitioner](partitions)
