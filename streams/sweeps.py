"""
Sweeps: the owner of a partition says of each week, once it has closed, who of its customers was silent in it.

Law: a week is swept when the partition's progress has passed its close, never while catching up, and every week in its
turn. Nothing is remembered of it here: a new owner goes on from the newest model, and what it says again
the learner passes over. No more than `AHEAD_WEEKS` beyond the newest model are swept: the learner holds only so many.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from streams.agents import Pipeline
from streams.core.book import Book, close_s
from streams.core.engagement import Engagement, day_of
from streams.core.labels import Report, dump_report
from streams.core.learner import mark_of, rows_of, week_of
from streams.core.record import GUEST_MARK, load_folded
from streams.core.sweep import sweep
from streams.engine.partition import OwnedPartition
from streams.engine.progress import UNKNOWN
from streams.engine.runtime import Runtime, may_judge
from streams.settings import Settings
from streams.topics import LABELS, full_name

PAUSE_S: Final = 0.1
SLICE: Final = 250
"""Records looked at in one go."""

AHEAD_WEEKS: Final = 3


class Sweeps:
    """Where the sweeping of every held partition stands, and the task that goes on with it."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        pipeline: Pipeline,
        book: Book,
        passed_s: Callable[[OwnedPartition], int],
    ) -> None:
        """Follow the partitions that a runtime holds; `passed_s` is the instant that each has passed."""
        self._settings, self._runtime, self._pipeline, self._book = settings, runtime, pipeline, book
        self._passed_s = passed_s
        self._swept: dict[OwnedPartition, int] = {}
        self._opened: dict[OwnedPartition, int] = {}
        self._known_s: dict[OwnedPartition, int] = {}
        """The latest event in the records when we opened: so far the stream clock had come before."""
        self._vacant: set[OwnedPartition] = set()

    async def run(self) -> None:
        """Sweep whatever has closed, for ever."""
        while True:
            await asyncio.sleep(PAUSE_S)
            held = {owned for owned in self._runtime.held.values() if may_judge(self._runtime, owned)}
            for known in (self._swept, self._opened, self._known_s):
                for gone in set(known) - held:
                    del known[gone]
            self._vacant &= held
            for owned in sorted(held, key=lambda one: one.number):
                await self._work_off(owned)

    async def _work_off(self, owned: OwnedPartition) -> None:
        if not may_judge(self._runtime, owned) or (owned not in self._opened and not await self._open(owned)):
            return
        while may_judge(self._runtime, owned):
            latest, opened = self._version(), self._opened[owned]
            week = max(latest, self._swept.get(owned, opened)) + 1
            if week > max(latest, opened) + AHEAD_WEEKS or not self._has_closed(owned, week):
                return
            if not await self._sweep(owned, week):
                return
            self._swept[owned] = week

    async def _open(self, owned: OwnedPartition) -> bool:
        """Say at which week we begin; without a model and a customer there is none, and nobody shall wait for us."""
        latest = self._version()
        if not owned.entries and latest == UNKNOWN:
            if owned not in self._vacant:
                await self._say(Report(owned.number))
                self._vacant.add(owned)
            return False
        if latest == UNKNOWN or self._settings.clock == "stream":
            first_s, last_s = await self._span(owned)
            if not may_judge(self._runtime, owned):
                return False
            self._known_s[owned] = last_s
            if latest == UNKNOWN:
                latest = max(0, week_of(day_of(first_s, self._settings.day_offset_s))) - 1
                await self._say(Report(owned.number, latest))
        self._opened[owned] = latest
        return True

    async def _span(self, owned: OwnedPartition) -> tuple[int, int]:
        """Find the earliest and the latest second that any record knows."""
        first_s, last_s = [self._passed_s(owned)], [UNKNOWN]
        for keys in _slices(list(owned.entries)):
            engagements = [engagement for _, engagement in self._engagements(owned, keys)]
            first_s += [engagement.first_s for engagement in engagements]
            last_s += [engagement.last_s for engagement in engagements]
            await asyncio.sleep(0)
        return min([second for second in first_s if second != UNKNOWN], default=0), max(last_s)

    def _has_closed(self, owned: OwnedPartition, week: int) -> bool:
        settings, passed_s = self._settings, self._passed_s(owned)
        if settings.clock == "stream" and passed_s == UNKNOWN:
            # No event has come since we own it, and where nobody is known none ever may: then it goes with the others.
            passed_s = self._known_s[owned]
            if passed_s == UNKNOWN:
                return week == self._version() + 1
        return passed_s >= close_s(week, settings.day_offset_s, settings.label_grace_s)

    async def _sweep(self, owned: OwnedPartition, week: int) -> bool:
        """Say the labels of a week, then that they are all; stop when the partition is taken away."""
        for keys in _slices([key for key in owned.entries if key[:1] != GUEST_MARK]):
            found = self._engagements(owned, keys)
            labels = sweep([mark_of(key) for key, _ in found], [engagement for _, engagement in found], week)
            if len(labels.silent):
                await self._say(Report(owned.number, week, rows_of(week, labels)))
            await asyncio.sleep(0)
            if not may_judge(self._runtime, owned):
                return False
        await self._say(Report(owned.number, week))
        return True

    def _engagements(self, owned: OwnedPartition, keys: Sequence[str]) -> list[tuple[str, Engagement]]:
        """Read records; one that cannot be read has no label, and the others have theirs."""
        found = []
        for key in keys:
            try:
                found.append((key, load_folded(owned.entries[key].body).engagement))
            except Exception as error:
                self._pipeline.failed(f"the label of a customer of partition {owned.number}", error)
        return found

    async def _say(self, report: Report) -> None:
        topic = full_name(self._settings, LABELS)
        await self._runtime.sender.send(topic, 0, [(None, dump_report(report), [])])

    def _version(self) -> int:
        latest = self._book.latest
        return UNKNOWN if latest is None else latest.version


def _slices(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + SLICE] for start in range(0, len(keys), SLICE))
