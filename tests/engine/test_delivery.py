"""Delivery: in order, without holes, no faster than the agents work, and from where nothing is lost."""

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from faust.types import TP

from streams.engine import delivery
from streams.engine.batches import Batch
from streams.engine.delivery import BatchConsumer
from streams.engine.ends import REFUSED
from streams.engine.envelope import NEVER, Envelope, fence_number
from streams.engine.observer import Observer
from streams.engine.runtime import Runtime
from tests.engine.counting import Counting
from tests.engine.recording import TERM, Fetched, config

CLICKS, VISITS, CHANGELOG = TP("run-a", 0), TP("run-b", 0), TP("run-counts-changelog", 0)


class EndedError(Exception):
    """The process would have ended; exit code and line are its arguments."""


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise where the process would end."""

    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code, sentence)

    monkeypatch.setattr(delivery, "end", end)


class Seen(Observer):
    """Remembers re-seeks and gaps."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.seen: list[tuple[Any, ...]] = []

    def on_reseek(self, topic: str, partition: int) -> None:
        """Put it down."""
        self.seen.append(("re-seek", topic, partition))

    def on_gap(self, topic: str, partition: int, records: int) -> None:
        """Put it down."""
        self.seen.append(("gap", topic, partition, records))


class Logs:
    """Stands where Faust's consumer thread is: logs of (earliest, end), and what the group has committed."""

    def __init__(self, consumer: BatchConsumer, **logs: tuple[int, int]) -> None:
        """Assign all partitions 0 of these topics to the consumer."""
        self.logs = {TP(f"run-{name}", 0): bounds for name, bounds in logs.items()}
        self.committed: dict[TP, int | None] = dict.fromkeys(self.logs)
        self.sought: list[dict[TP, int]] = []
        self.fetcher = SimpleNamespace(_fetch_max_wait_ms=1500)
        self._consumer = SimpleNamespace(_fetcher=self.fetcher)
        consumer._thread = self

    def assignment(self) -> set[TP]:
        """Everything, as aiokafka's tuples."""
        return set(self.logs)

    async def seek_to_committed(self) -> dict[TP, int | None]:
        """What is committed, or None."""
        return dict(self.committed)

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        """Where the logs begin."""
        return {tp: self.logs[tp][0] for tp in tps}

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        """Where the logs end."""
        return {tp: self.logs[tp][1] for tp in tps}

    async def seek_wait(self, partitions: dict[TP, int]) -> None:
        """Put it down."""
        self.sought.append(dict(partitions))


def worker(**changes: Any) -> tuple[BatchConsumer, Seen, list[Batch]]:
    """A consumer that reads the first two sources from 0, and what it has delivered."""
    runtime = Runtime(config(**changes), Counting(), seen := Seen())
    consumer, delivered = runtime.consumer, list[Batch]()

    async def callback(message: Any) -> None:
        delivered.append(message.value)

    consumer.callback = callback
    Logs(consumer, a=(0, 0), b=(0, 0))
    consumer._next = {CLICKS: 0, VISITS: 0}
    return consumer, seen, delivered


def fetched(*offsets: int, value: bytes = b"") -> list[Any]:
    """Records at these offsets."""
    return [Fetched(offset, value) for offset in offsets]


def told(delivered: list[Batch]) -> list[tuple[int, list[int]]]:
    """Of every batch where it begins and which offsets it holds."""
    return [(batch.begin, [record.offset for record in batch.records]) for batch in delivered]


async def deliver(consumer: BatchConsumer, *offsets: int, tp: TP = CLICKS, value: bytes = b"") -> None:
    """Deliver what one fetch has brought of one partition."""
    await consumer._deliver({tp: fetched(*offsets, value=value)}, consumer.generation)


# ---- continuity


async def test_batches_continue_one_another() -> None:
    """Each begins where the one before has ended; partitions do not mind each other."""
    consumer, seen, delivered = worker()
    await deliver(consumer, 0, 1, 2)
    await deliver(consumer, 0, tp=VISITS)
    await deliver(consumer, 3, 4)

    assert [(0, [0, 1, 2]), (0, [0]), (3, [3, 4])] == told(delivered)
    assert [] == seen.seen


async def test_what_was_delivered_before_is_cut_off() -> None:
    """A batch that begins too low loses its beginning; one that lies below altogether is passed over."""
    consumer, _, delivered = worker()
    await deliver(consumer, 0, 1, 2)
    await deliver(consumer, 1, 2, 3)
    await deliver(consumer, 2, 3)

    assert [(0, [0, 1, 2]), (3, [3])] == told(delivered)


async def test_a_batch_that_begins_too_high_is_fetched_once_more() -> None:
    """What was skipped comes after the re-seek, and nothing is lost."""
    consumer, seen, delivered = worker()
    await deliver(consumer, 5, 6)
    assert [] == delivered
    assert [{CLICKS: 0}] == consumer._thread.sought

    await deliver(consumer, *range(7))

    assert [(0, list(range(7)))] == told(delivered)
    assert [("re-seek", "run-a", 0)] == seen.seen


async def test_a_gap_is_believed_when_it_is_confirmed() -> None:
    """The same gap after the re-seek is one in the log: the batch counts from where the last one ended."""
    consumer, seen, delivered = worker()
    await deliver(consumer, 5, 6)
    await deliver(consumer, 5, 6)
    await deliver(consumer, 7)

    assert [(0, [5, 6]), (7, [7])] == told(delivered)
    assert [("re-seek", "run-a", 0), ("gap", "run-a", 0, 5)] == seen.seen


async def test_another_gap_is_not_the_one_that_was_seen() -> None:
    """Only the very same gap is believed."""
    consumer, seen, delivered = worker()
    await deliver(consumer, 5)
    await deliver(consumer, 6)

    assert [] == delivered
    assert [("re-seek", "run-a", 0)] * 2 == seen.seen


async def test_an_interruption_forgets_which_gaps_were_seen() -> None:
    """After a rebalance a gap must be confirmed anew."""
    consumer, _, delivered = worker()
    await deliver(consumer, 5)
    consumer.interrupt()
    await deliver(consumer, 5)

    assert [] == delivered


async def test_a_partition_that_was_not_sought_is_not_delivered() -> None:
    """Nothing comes before it is known where to begin."""
    consumer, _, delivered = worker()
    consumer.forget()
    await deliver(consumer, 0)

    assert [] == delivered


async def test_the_changelog_is_delivered_without_credit() -> None:
    """Recovery reads as fast as it can, and its batches say that they are none of ours."""
    consumer, _, delivered = worker()
    await deliver(consumer, 40, 41, tp=CHANGELOG, value=b"1234")

    assert [(-1, [40, 41])] == told(delivered)
    assert (0, 0, 0) == (consumer.outstanding, consumer.uncommittable, consumer.uncommitted)


@pytest.mark.parametrize("first", [38, 40])
async def test_a_changelog_that_begins_where_it_was_sought_is_taken(first: int) -> None:
    """Or below: Faust seeks one record too low."""
    consumer, _, delivered = worker()
    consumer._thread.logs = {CHANGELOG: (0, 99)}
    await consumer.seek_wait({CHANGELOG: 40})
    await deliver(consumer, first, 41, tp=CHANGELOG)
    await deliver(consumer, 60, tp=CHANGELOG)

    assert [(-1, [first, 41]), (-1, [60])] == told(delivered)


async def test_a_changelog_whose_beginning_was_taken_away_is_fetched_once_more() -> None:
    """A poll from before the seek may have swallowed it: recovery without its first records would be a silent loss."""
    consumer, _, delivered = worker()
    await consumer.seek_wait({CHANGELOG: 40})
    await deliver(consumer, 50, tp=CHANGELOG)
    await deliver(consumer, 40, 41, tp=CHANGELOG)

    assert [(-1, [40, 41])] == told(delivered)
    assert [{CHANGELOG: 40}] * 2 == consumer._thread.sought


async def test_a_changelog_whose_beginning_was_compacted_away_is_believed_the_second_time() -> None:
    """Compaction leaves holes, and they stay where they are."""
    consumer, _, delivered = worker()
    await consumer.seek_wait({CHANGELOG: 40})
    await deliver(consumer, 50, tp=CHANGELOG)
    await deliver(consumer, 50, tp=CHANGELOG)

    assert [(-1, [50])] == told(delivered)


# ---- the delivery generation


@pytest.mark.parametrize("when", ["interrupt", "stop_flow"])
async def test_an_interrupted_delivery_forgets_itself(when: str) -> None:
    """A rebalance while a batch is being handed over: it does not count as delivered, and nothing follows it."""
    consumer, _, delivered = worker()

    async def callback(message: Any) -> None:
        delivered.append(message.value)
        getattr(consumer, when)()

    consumer.callback = callback
    await consumer._deliver({CLICKS: fetched(0, 1), VISITS: fetched(0)}, consumer.generation)

    assert [(0, [0, 1])] == told(delivered)
    assert {CLICKS: 0, VISITS: 0} == consumer._next


async def test_a_poll_keeps_the_partitions_that_it_was_given() -> None:
    """Faust empties the set under a poll that outlives a rebalance, and no partition at all would mean every one."""
    consumer, _, _ = worker()
    asked, go = list[Any](), asyncio.Event()

    async def getmany(active: Any, patience_s: float) -> Any:
        await go.wait()
        asked.append(set(active))
        return {}

    consumer._thread.getmany = getmany
    consumer._set_active_tps({CLICKS})
    polling = asyncio.create_task(consumer._wait_next_records(0.5))
    await asyncio.sleep(0)
    consumer.pause_partitions({CLICKS})
    go.set()
    await polling

    assert [{CLICKS}] == asked


# ---- credit


@pytest.mark.parametrize(
    ("limits", "batches"),
    [({"credit": 2}, 2), ({"max_uncommitted_bytes": 3}, 3), ({"max_uncommitted_batches": 4}, 4)],
    ids=["not yet advanced", "bytes not yet committable", "batches not yet committable"],
)
async def test_each_limit_stops_reading(limits: dict[str, int], batches: int) -> None:
    """The next poll waits as soon as one limit is reached."""
    consumer, _, delivered = worker(**{"credit": 100, **limits})
    while not consumer._full() and len(delivered) < 50:
        await deliver(consumer, len(delivered), value=b"1")

    assert batches == len(delivered)


async def test_credit_comes_back_when_batches_are_advanced_and_when_they_are_committable() -> None:
    """Credit counts batches not yet in memory; the second limit counts until all is acknowledged."""
    consumer, _, delivered = worker()
    await deliver(consumer, 0, 1, value=b"123")
    await deliver(consumer, 2, value=b"1")
    found = [(consumer.outstanding, consumer.uncommittable, consumer.uncommitted)]
    consumer.taken(delivered[0])
    found.append((consumer.outstanding, consumer.uncommittable, consumer.uncommitted))
    consumer.committable(delivered[:1])
    found.append((consumer.outstanding, consumer.uncommittable, consumer.uncommitted))

    assert [(2, 7, 2), (1, 7, 2), (1, 1, 1)] == found


async def test_batches_of_before_a_rebalance_give_no_credit_back() -> None:
    """The interruption has given back everything; who comes late must not do so twice."""
    consumer, _, delivered = worker()
    await deliver(consumer, 0, value=b"123")
    consumer.interrupt()
    consumer.taken(delivered[0])
    consumer.committable(delivered)

    assert (0, 0, 0) == (consumer.outstanding, consumer.uncommittable, consumer.uncommitted)


async def test_the_next_poll_waits_for_room() -> None:
    """It goes on as soon as a batch was advanced."""
    consumer, _, delivered = worker(credit=1)
    await deliver(consumer, 0)
    waiting = asyncio.create_task(consumer._wait_for_room())
    await asyncio.sleep(0.01)
    assert not waiting.done()

    consumer.taken(delivered[0])

    await asyncio.wait_for(waiting, 10)


# ---- commits


async def test_what_is_committed_is_what_is_durable() -> None:
    """Not what was delivered, not what was advanced; and nothing of a partition that is not held."""
    consumer, _, _ = worker()
    runtime = consumer.runtime
    runtime.hold(0, TERM)
    runtime.held[0].durable = {0: 7}

    found = consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks())
    del runtime.held[0]

    assert {CLICKS: 7} == found
    assert {} == consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks())


async def test_a_commit_under_way_does_not_swallow_the_last_one() -> None:
    """Faust answers a commit during a commit by waiting; on revocation what became durable since must follow."""
    consumer, _, _ = worker()
    commits, first = list[int](), asyncio.Event()

    async def force_commit(*_: Any, **__: Any) -> bool:
        commits.append(len(commits))
        if len(commits) == 1:
            await first.wait()
        return True

    consumer.force_commit = force_commit
    periodic = asyncio.create_task(consumer.commit())
    await asyncio.sleep(0)
    revoking = asyncio.create_task(consumer.runtime._drain_writers())
    await asyncio.sleep(0.01)
    first.set()
    await asyncio.gather(periodic, revoking)

    assert [0, 1] == commits


# ---- where to begin


async def begin(
    log: tuple[int, int], committed: int | None = None, durable: int | None = None, fence: int | None = None
) -> tuple[int, list[tuple[Any, ...]]]:
    """Seek one partition with a log of (earliest, end); return where delivery begins, and what was seen."""
    runtime = Runtime(config(), Counting(), seen := Seen())
    consumer = runtime.consumer
    logs = Logs(consumer, a=log)
    logs.committed[CLICKS] = committed
    runtime.hold(0, TERM)
    if durable is not None:
        runtime.held[0].durable[0] = durable
    if fence is not None:
        runtime.held[0].entries["ada"] = Envelope(5, 1, True, NEVER, {fence_number(0, 0): fence}, [], b"")

    await consumer.perform_seek()
    consumer.resume_flow()

    assert [consumer._next] == logs.sought
    assert consumer._next[CLICKS] == runtime.held[0].durable[0]
    return consumer._next[CLICKS], seen.seen


@pytest.mark.parametrize(
    ("log", "committed", "durable", "start"),
    [
        ((0, 0), None, None, 0),
        ((0, 9), None, None, 0),
        ((4, 9), None, None, 4),
        ((0, 9), 0, None, 0),
        ((0, 9), 6, None, 6),
        ((0, 9), 9, None, 9),
        ((0, 9), 3, 7, 7),
        ((0, 9), 7, 3, 7),
        ((0, 9), None, 7, 7),
    ],
)
async def test_reading_begins_where_everything_before_is_known_to_be_done(
    log: tuple[int, int], committed: int | None, durable: int | None, start: int
) -> None:
    """At what is committed, or durable by the spoken marker if that is more; else at the earliest record."""
    assert (start, []) == await begin(log, committed, durable)


@pytest.mark.parametrize(("committed", "durable"), [(3, None), (None, 3), (2, 3)])
async def test_records_that_left_the_log_unread_are_counted(committed: int | None, durable: int | None) -> None:
    """Retention was faster than the worker: it goes on with what is left, and says how much is not."""
    assert (5, [("gap", "run-a", 0, 2)]) == await begin((5, 9), committed, durable)


@pytest.mark.parametrize(
    ("committed", "durable", "fence"), [(10, None, None), (None, 10, None), (None, None, 9), (3, 4, 9)]
)
async def test_a_log_that_lost_its_end_is_refused(
    ending: None, committed: int | None, durable: int | None, fence: int | None
) -> None:
    """Every new event would be skipped as applied already: below a fence, or below what was committed or durable."""
    with pytest.raises(EndedError, match=r"run-a 0 ends at 9 but 10 was read.*LATIDO_APP_ID") as ended:
        await begin((0, 9), committed, durable, fence)

    assert REFUSED == ended.value.args[0]


async def test_a_log_that_ends_where_it_was_read_to_is_taken() -> None:
    """Nothing new is no loss."""
    assert (10, []) == await begin((0, 10), 10, 10, 9)


async def test_what_comes_before_faust_has_emptied_its_queues_waits() -> None:
    """Between the seek and the resuming of the flow Faust drops what lies in the agents' queues, and tells nobody."""
    consumer, seen, delivered = worker()
    consumer.runtime.hold(0, TERM)
    await consumer.perform_seek()
    delivering = asyncio.create_task(deliver(consumer, 0, 1))
    await asyncio.sleep(0.01)
    too_early = list(delivered)
    consumer.resume_flow()
    await delivering

    assert [] == too_early
    assert [(0, [0, 1])] == told(delivered)
    assert [] == seen.seen


async def test_what_waits_forgets_itself_when_the_next_rebalance_comes_first() -> None:
    """It belongs to an assignment that never began."""
    consumer, _, delivered = worker()
    consumer.runtime.hold(0, TERM)
    await consumer.perform_seek()
    delivering = asyncio.create_task(deliver(consumer, 0, 1))
    await asyncio.sleep(0.01)
    consumer.forget()
    await asyncio.wait_for(delivering, 10)

    assert [] == delivered


async def test_a_fetch_no_longer_waits_for_a_silent_topic() -> None:
    """Faust asks the broker to hold a fetch for 1.5 s; each seek sets the time anew."""
    consumer, _, _ = worker(fetch_wait_ms=17)

    await consumer.perform_seek()

    assert 17 == consumer._thread.fetcher._fetch_max_wait_ms
