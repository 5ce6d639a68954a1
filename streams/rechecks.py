"""
Silence: customers who asked to be looked at again are, at the instant they named, however late that is.

Per partition a heap of (due second, key) is rebuilt from the records when it is opened. A due instant counts only while
the record still names it; what a later event has moved is passed over. Nobody is called silent while catching up.
However many fall due at once, the partitions take turns slice by slice, and two thirds of the time are left to the
events, or half of it when somebody has waited long. No more than `UNSAID_SLICES` wait to be said.
"""

import asyncio
import heapq
import time
from collections import deque
from typing import Final

from streams.agents import Pipeline
from streams.engine.envelope import NEVER
from streams.engine.partition import OwnedPartition
from streams.engine.runtime import Runtime, may_judge
from streams.metrics import Metrics
from streams.settings import Settings

PAUSE_S: Final = 0.05

SAYING_S: Final = 0.005
"""How long to wait before asking again whether a slice's words are said."""

UNSAID_SLICES: Final = 3
"""With one, a busy machine said 1 100 silences a second in four partitions, for each slice waited for two writes."""

LONG_S: Final = 3
"""Whoever has waited for so many seconds has waited long; an instant that has passed is known up to one later."""

SLICE: Final = 100
"""Most customers looked at in one go; 8 ms with all of them spoken of, and the cost of a slice itself is 1 ms of it."""


class Rechecks:
    """The due-heaps of all held partitions, and the task that works them off."""

    def __init__(self, settings: Settings, runtime: Runtime, pipeline: Pipeline, metrics: Metrics) -> None:
        """Follow the partitions that a runtime holds."""
        self._settings, self._runtime, self._pipeline, self._metrics = settings, runtime, pipeline, metrics
        self._heaps: dict[OwnedPartition, list[tuple[int, str]]] = {}
        self._most = min(SLICE, settings.slice_records)
        self._unsaid: dict[OwnedPartition, deque[str]] = {}
        """Keys that were looked at and may have words to be said, the earliest first."""
        pipeline.on_wake = self.schedule

    def schedule(self, owned: OwnedPartition, key: str, due_s: int) -> None:
        """Remember when a key asks to be looked at again."""
        heap = self._heaps.get(owned)
        if heap is not None:
            heapq.heappush(heap, (due_s, key))

    def delay_s(self) -> int:
        """How far the longest waiting recheck is behind the instant that has passed, in seconds."""
        return max([self.passed_s(owned) - heap[0][0] for owned, heap in self._heaps.items() if heap] + [0])

    async def run(self) -> None:
        """Look at whoever is due, for ever."""
        while True:
            self._follow()
            if not any([await self._work_off(owned) for owned in list(self._heaps)]):
                await asyncio.sleep(PAUSE_S)

    def _follow(self) -> None:
        held = {owned for owned in self._runtime.held.values() if owned.ready}
        for owned in set(self._heaps) - held:
            del self._heaps[owned]
            self._unsaid.pop(owned, None)
        for owned in held:
            heap = self._heaps.get(owned)
            if heap is None or len(heap) > 2 * len(owned.entries) + 1000:
                self._heaps[owned] = _heap_of(owned)

    async def _work_off(self, owned: OwnedPartition) -> bool:
        """Look at a slice of those who are due, and rest in proportion to that; say whether there may be more."""
        if self._is_saying(owned):
            await asyncio.sleep(SAYING_S)
            return True
        passed_s = self.passed_s(owned)
        due = self._due(owned, passed_s) if may_judge(self._runtime, owned) else []
        if not due:
            return False
        began = time.monotonic()
        self._unsaid.setdefault(owned, deque()).extend([key for key, _ in due])
        self._pipeline.recheck(owned, due)
        self._metrics.rechecks.inc(len(due))
        await asyncio.sleep((time.monotonic() - began) * (1 if passed_s - due[0][1] > LONG_S else 2))
        return True

    def _is_saying(self, owned: OwnedPartition) -> bool:
        """Whether so many words of those who were looked at wait to be said that nobody else's turn has come."""
        entries, keys = owned.entries, self._unsaid.get(owned, deque())
        while keys and not ((entry := entries.get(keys[0])) and entry.outbox):
            keys.popleft()
        return len(keys) > (UNSAID_SLICES - 1) * self._most

    def passed_s(self, owned: OwnedPartition) -> int:
        """Say which instant a partition has passed, in seconds since 1970, by the clock in use."""
        progress = self._runtime.progress
        wall = self._settings.clock == "wall"
        return progress.wall(owned.number) if wall else progress.stream(owned.number, time.monotonic())

    def _due(self, owned: OwnedPartition, passed_s: int) -> list[tuple[str, int]]:
        """Take at most a slice of keys whose instant has passed, each once."""
        heap, due = self._heaps[owned], dict[str, int]()
        while heap and heap[0][0] <= passed_s and len(due) < self._most:
            due_s, key = heapq.heappop(heap)
            entry = owned.entries.get(key)
            if entry is not None and entry.wake_at == due_s:
                due[key] = due_s
        return list(due.items())


def _heap_of(owned: OwnedPartition) -> list[tuple[int, str]]:
    heap = [(entry.wake_at, key) for key, entry in owned.entries.items() if entry.wake_at != NEVER]
    heapq.heapify(heap)
    return heap
