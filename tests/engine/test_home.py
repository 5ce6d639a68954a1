"""Home is where the same partitioner of another client would put the key."""

import zlib

import pytest

from streams.engine.home import PARTITIONERS

KEYS = [f"customer-{number}" for number in range(500)] + ["", "~anonymous", "#order-1", "é", "x" * 64]

# From Apache Kafka's own UtilsTest.testMurmur2.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def murmur2(data: bytes) -> int:
    """Signed murmur2 as Kafka's Java clients compute it, written from its definition and not from aiokafka's."""
    m, h, whole = 0x5BD1E995, 0x9747B28C ^ len(data), len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & 0xFFFFFFFF
        h = h * m & 0xFFFFFFFF ^ (k ^ k >> 24) * m & 0xFFFFFFFF
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & 0xFFFFFFFF
    h = (h ^ h >> 13) * m & 0xFFFFFFFF
    h ^= h >> 15
    return h - (1 << 32) if h >> 31 else h


@pytest.mark.parametrize("key", JAVA)
def test_the_independent_hash_is_kafkas(key: bytes) -> None:
    """The yardstick of the next test agrees with the vectors in Kafka's own tests."""
    assert JAVA[key] == murmur2(key)


@pytest.mark.parametrize("partitions", [1, 4, 7, 64])
def test_murmur2_is_that_of_the_java_clients(partitions: int) -> None:
    """The sign is dropped, not turned: that is what Java's `toPositive` does."""
    home = PARTITIONERS["murmur2"](partitions)

    assert [(murmur2(key.encode()) & 0x7FFFFFFF) % partitions for key in KEYS] == [home(key) for key in KEYS]


@pytest.mark.parametrize("partitions", [1, 4, 7])
def test_crc32_is_that_of_librdkafka(partitions: int) -> None:
    """Its `consistent` partitioner: CRC-32 over the key, modulo."""
    home = PARTITIONERS["crc32"](partitions)

    assert [zlib.crc32(key.encode()) % partitions for key in KEYS] == [home(key) for key in KEYS]
