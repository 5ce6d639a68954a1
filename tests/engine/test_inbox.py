"""Batches wait together and are cut into slices together."""

import asyncio

import pytest
from faust.types import TP

from streams.engine.batches import Batch
from streams.engine.inbox import Inbox
from tests.engine.recording import Fetched


def batch(topic: str, count: int) -> Batch:
    """A batch of so many records."""
    return Batch(TP(topic, 0), [Fetched(n, b"") for n in range(count)])


def slices(inbox: Inbox, most: int) -> list[list[tuple[str, int, bool]]]:
    """All that waits, slice by slice: topic, number of records, whether the batch is finished."""
    found = []
    while pieces := inbox.slice(most):
        found.append([(piece.batch.topic, len(piece.records), piece.last) for piece in pieces])
    return found


def test_small_batches_share_a_slice_and_a_large_one_takes_several() -> None:
    """In the order in which they came, and no slice holds more than it may."""
    inbox = Inbox()
    for topic, count in (("a", 2), ("b", 9), ("c", 1), ("d", 3)):
        inbox.put(batch(topic, count))

    assert [
        [("a", 2, True), ("b", 3, False)],
        [("b", 5, False)],
        [("b", 1, True), ("c", 1, True), ("d", 3, True)],
    ] == slices(inbox, 5)


def test_every_record_comes_once_and_in_order() -> None:
    """Whatever the size of a slice."""
    inbox, one = Inbox(), batch("a", 7)
    inbox.put(one)

    assert one.records == [record for _ in range(3) for piece in inbox.slice(3) for record in piece.records]


async def test_nobody_is_woken_while_more_is_certain_to_follow() -> None:
    """One wake-up for all the batches of a poll; none when all of them are gone again."""
    inbox = Inbox()
    inbox.put(batch("a", 1), more=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await inbox.wait()
    inbox.wake()
    await inbox.wait()

    assert [[("a", 1, True)]] == slices(inbox, 5)
    inbox.wake()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await inbox.wait()
