"""Silence: who asked to be looked at is, when the instant has passed, once, and never while events lie unread."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from faust.types import TP
from prometheus_client import CollectorRegistry

from streams.engine.envelope import NEVER, Envelope, Word
from streams.engine.partition import OwnedPartition
from streams.engine.progress import Progress
from streams.metrics import Metrics
from streams.rechecks import SLICE, UNSAID_SLICES, Rechecks
from streams.settings import Settings
from tests.engine.recording import Recorder, owned

NOON = 1_800_000_000
CLICKS = TP("clicks", 0)


class Looking:
    """Takes the core's place: remembers who was looked at, and lets each ask again, or never."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.looked: list[tuple[str, int]] = []
        self.on_wake: Any = None
        self.again_s = 0
        self.after_a_slice: Callable[[], None] = lambda: None

    def recheck(self, owned: OwnedPartition, due: list[tuple[str, int]]) -> None:
        """Look at them."""
        self.looked += due
        asyncio.get_running_loop().call_soon(self.after_a_slice)
        for key, due_s in due:
            wake_s = due_s + self.again_s if self.again_s else NEVER
            owned.entries[key].wake_at = wake_s
            if wake_s != NEVER:
                self.on_wake(owned, key, wake_s)


class Holding:
    """A runtime that holds partition 0, and perhaps more."""

    def __init__(self, *partitions: OwnedPartition) -> None:
        """Be ready, with everything read."""
        self.held, self.progress, self.ready = {owned.number: owned for owned in partitions}, Progress(), True
        ends = {TP("clicks", number): 0 for number in self.held}
        self.progress.assign(ends, ends, time.monotonic())


def asking(**wishes: int) -> tuple[Rechecks, Looking, Holding]:
    """A partition whose customers ask to be looked at so many seconds after noon."""
    return looking_at(a_partition(wishes), slice_records=2)


def a_partition(wishes: dict[str, int], number: int = 0) -> OwnedPartition:
    """A partition that is ready, and who in it asks to be looked at when."""
    partition = owned(Recorder(), number=number)
    partition.ready = True
    partition.entries = {key: Envelope(5, 1, True, NOON + s, {}, [], b"") for key, s in wishes.items()}
    return partition


def looking_at(*partitions: OwnedPartition, slice_records: int) -> tuple[Rechecks, Looking, Holding]:
    """Partitions that are held, in slices of at most so many."""
    holding, looking = Holding(*partitions), Looking()
    settings = Settings(clock="wall", slice_records=slice_records)
    rechecks = Rechecks(settings, holding, looking, Metrics(CollectorRegistry()))
    rechecks._follow()
    return rechecks, looking, holding


async def passed(rechecks: Rechecks, holding: Holding, seconds: int, unread: int = 0) -> None:
    """Let an instant pass on the wall clock, with so many records unread, and work off who is due."""
    holding.progress.probe(NOON + seconds, {CLICKS: unread}, time.monotonic())
    rechecks._follow()
    for partition in list(rechecks._heaps):
        while await rechecks._work_off(partition):
            pass


async def test_who_is_due_is_looked_at_in_order_and_once() -> None:
    """At the instants they named, however late; the others wait."""
    rechecks, looking, holding = asking(ada=50, bob=10, cleo=30, dora=70)
    await passed(rechecks, holding, 60)
    await passed(rechecks, holding, 65)

    assert [("bob", NOON + 10), ("cleo", NOON + 30), ("ada", NOON + 50)] == looking.looked


async def test_nobody_is_looked_at_while_events_lie_unread() -> None:
    """An instant has not passed before all was read that had arrived by then."""
    rechecks, looking, holding = asking(ada=50)
    await passed(rechecks, holding, 60, unread=3)
    early = list(looking.looked)
    holding.progress.read(CLICKS, 3, 0, 0, time.monotonic())
    await passed(rechecks, holding, 61, unread=3)

    assert ([], [("ada", NOON + 50)]) == (early, looking.looked)


async def test_nobody_is_looked_at_while_catching_up_or_rebalancing() -> None:
    """Whatever the clock says."""
    rechecks, looking, holding = asking(ada=50)
    holding.progress.probe(NOON + 60, {CLICKS: 0}, time.monotonic())
    holding.ready = False
    await passed(rechecks, holding, 60)
    holding.ready = True
    holding.progress._target[CLICKS] = 9
    await passed(rechecks, holding, 61)

    assert [] == looking.looked


async def test_an_instant_that_an_event_has_moved_is_passed_over() -> None:
    """What counts is what the record names now."""
    rechecks, looking, holding = asking(ada=50, bob=50)
    (partition,) = rechecks._heaps
    partition.entries["ada"].wake_at = NOON + 90
    rechecks.schedule(partition, "ada", NOON + 90)
    partition.entries["bob"].wake_at = NEVER
    await passed(rechecks, holding, 60)
    early = list(looking.looked)
    await passed(rechecks, holding, 95)

    assert ([], [("ada", NOON + 90)]) == (early, looking.looked)


async def test_who_asks_again_is_looked_at_again() -> None:
    """As often as instants have passed, within one working off."""
    rechecks, looking, holding = asking(ada=10)
    looking.again_s = 20
    await passed(rechecks, holding, 60)

    assert [NOON + 10, NOON + 30, NOON + 50] == [due_s for _, due_s in looking.looked]


async def test_a_partition_that_is_lost_is_forgotten_and_one_that_is_new_is_read() -> None:
    """Its heap is rebuilt from its records."""
    rechecks, looking, holding = asking(ada=10)
    lost = holding.held.pop(0)
    await passed(rechecks, holding, 60)
    new = owned(Recorder())
    new.ready, new.entries = True, {"bob": Envelope(5, 1, True, NOON + 5, {}, [], b"")}
    holding.held[0] = new
    rechecks.schedule(lost, "ada", NOON + 11)
    await passed(rechecks, holding, 61)

    assert [("bob", NOON + 5)] == looking.looked


async def test_under_the_stream_clock_the_events_time_counts() -> None:
    """However late it is by the wall."""
    partition = owned(Recorder())
    partition.ready, partition.entries = True, {"ada": Envelope(5, 1, True, NOON + 5, {}, [], b"")}
    holding, looking = Holding(partition), Looking()
    rechecks = Rechecks(Settings(clock="stream"), holding, looking, Metrics(CollectorRegistry()))
    await passed(rechecks, holding, 10**6)
    early = list(looking.looked)
    holding.progress.read(CLICKS, 1, NOON + 6, 0, time.monotonic())
    await passed(rechecks, holding, 10**6)

    assert ([], [("ada", NOON + 5)]) == (early, looking.looked)


async def wave(rechecks: Rechecks, holding: Holding, looking: Looking, customers: int) -> None:
    """Let everybody fall due, and run until so many were looked at."""
    holding.progress.probe(NOON + 60, {TP("clicks", number): 0 for number in holding.held}, time.monotonic())
    running = asyncio.create_task(rechecks.run())
    async with asyncio.timeout(10):
        while len(looking.looked) < customers:
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait({running})


async def test_a_wave_goes_in_slices_and_everybody_else_gets_a_turn_between_them() -> None:
    """However large the slices of events are."""
    wishes = {f"c{number:03d}": 1 for number in range(3 * SLICE)}
    rechecks, looking, holding = looking_at(a_partition(wishes), slice_records=10_000)
    seen: list[int] = []
    looking.after_a_slice = lambda: seen.append(len(looking.looked))
    await wave(rechecks, holding, looking, len(wishes))

    assert [SLICE, 2 * SLICE, 3 * SLICE] == seen


async def test_partitions_take_turns_in_a_wave() -> None:
    """A small one does not wait for the end of a large one."""
    large, small = a_partition({"ada": 1, "bob": 2, "cleo": 3}), a_partition({"dora": 9}, number=1)
    rechecks, looking, holding = looking_at(large, small, slice_records=1)
    await wave(rechecks, holding, looking, 4)

    assert {"ada", "dora"} == {key for key, _ in looking.looked[:2]}


async def test_a_partition_that_comes_within_a_wave_is_taken_up_and_one_that_goes_is_left_alone() -> None:
    """At the next slice."""
    gone, new = a_partition({"ada": 1, "bob": 2}), a_partition({"cleo": 3, "dora": 4})
    rechecks, looking, holding = looking_at(gone, slice_records=1)
    looking.after_a_slice = lambda: holding.held.update({0: new})
    await wave(rechecks, holding, looking, 3)

    assert ["ada", "cleo", "dora"] == [key for key, _ in looking.looked]


async def test_no_more_than_some_slices_wait_to_be_said() -> None:
    """So what an event causes never waits behind a whole wave; the other partitions go on."""
    slow, quick = a_partition({f"s{n}": n for n in range(9)}), a_partition({f"q{n}": n for n in range(9)}, number=1)
    rechecks, looking, holding = looking_at(slow, quick, slice_records=1)
    for entry in slow.entries.values():
        entry.outbox = [Word(0, "1", b"risk")]
    await wave(rechecks, holding, looking, 9 + UNSAID_SLICES)
    early = [key for key, _ in looking.looked if key[0] == "s"]
    slow.entries["s0"].outbox.clear()
    await wave(rechecks, holding, looking, 10 + UNSAID_SLICES)

    assert ([f"s{n}" for n in range(UNSAID_SLICES)], f"s{UNSAID_SLICES}") == (early, looking.looked[-1][0])
