"""What stands in the changelog can be read back, and its fixed keys can never be somebody's."""

import pytest

from streams.engine import envelope
from streams.engine.envelope import CLAIM, FACTS, NEVER, SPOKEN, Envelope, Spoken, Word, fence_number


def test_a_record_comes_back_as_it_went() -> None:
    """State, fences and outbox are one record."""
    words = [Word(0, "id-1", b"{}"), Word(2, "id-2", b"\xff\x00"), Word(255, "id-3", b"", "bob")]
    record = Envelope(17, 3, True, 1_800_000_000, {0: 5, 257: 9}, words, b"\x00body")

    back = envelope.decode_envelope(envelope.encode(record))

    assert record == back


def test_a_word_of_an_earlier_version_is_said_to_nobody_else() -> None:
    """A record written before words could go to another key is read as it was meant."""
    written = envelope.encode([17, 3, True, NEVER, {}, [[0, "id-1", b"{}"]], b""])

    assert [Word(0, "id-1", b"{}", "")] == envelope.decode_envelope(written).outbox


def test_a_record_that_asks_for_nothing_comes_back_as_it_went() -> None:
    """No wish to be woken, no fence, nothing to say, nothing known."""
    record = Envelope(0, 0, False, NEVER, {}, [], b"")

    assert record == envelope.decode_envelope(envelope.encode(record))


def test_a_marker_comes_back_as_it_went() -> None:
    """The spoken marker carries the durable offsets."""
    marker = Spoken(17, 3, {0: 100, 3: 1 << 40})

    assert marker == envelope.decode_spoken(envelope.encode(marker))


def test_facts_have_one_form() -> None:
    """The order in which facts were put together does not show in their bytes."""
    one, other = {"partitions": 4, "partitioner": "murmur2"}, {"partitioner": "murmur2", "partitions": 4}

    assert envelope.encode_facts(one) == envelope.encode_facts(other)
    assert one == envelope.decode_facts(envelope.encode_facts(other))


@pytest.mark.parametrize("key", [CLAIM, SPOKEN, FACTS])
def test_the_fixed_keys_are_markers(key: bytes) -> None:
    """They begin with a byte that no id may contain."""
    assert envelope.is_marker(key)


@pytest.mark.parametrize("key", [b"ada", b"~anonymous", b"#order", b"", None])
def test_everybodys_keys_are_no_markers(key: bytes | None) -> None:
    """An empty or missing key is no marker either."""
    assert not envelope.is_marker(key)


def test_fences_of_different_origins_have_different_numbers() -> None:
    """One number per source and partition of origin, for as many of both as anybody has."""
    numbers = {fence_number(source, partition) for source in range(256) for partition in range(1000)}

    assert 256 * 1000 == len(numbers)
