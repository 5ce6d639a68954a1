"""
Batches on their way into memory: those of all partitions and topics wait together and are cut into slices together.

A slice costs something however few its records are, so what has gathered goes in one; a large batch takes several.
Order is that of arrival: of one partition and topic nothing is passed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.engine.batches import Batch


class Piece(NamedTuple):
    """Records of a batch that are advanced in one slice; with the last piece all of them are in memory."""

    batch: Batch
    records: Sequence[Any]
    last: bool


class Inbox:
    """The batches that agents have taken over and that are not yet advanced."""

    def __init__(self) -> None:
        """Begin empty."""
        self._batches: deque[Batch] = deque()
        self._begun = 0
        """How many records of the first batch are in memory."""
        self._filled = asyncio.Event()

    def put(self, batch: Batch, *, more: bool = False) -> None:
        """Take a batch; when `more` are certain to follow at once, nobody is woken for this one."""
        self._batches.append(batch)
        if not more:
            self._filled.set()

    def wake(self) -> None:
        """Say that nothing more follows for now."""
        if self._batches:
            self._filled.set()

    async def wait(self) -> None:
        """Wait until there is something to advance."""
        await self._filled.wait()

    def slice(self, most: int) -> list[Piece]:
        """Take so many records at most, the earliest first."""
        pieces, room = list[Piece](), most
        while self._batches and room > 0:
            batch, begin = self._batches[0], self._begun
            records = batch.records[begin : begin + room]
            room -= len(records)
            self._begun += len(records)
            if last := self._begun == len(batch.records):
                self._batches.popleft()
                self._begun = 0
            pieces.append(Piece(batch, records, last))
        if not self._batches:
            self._filled.clear()
        return pieces
