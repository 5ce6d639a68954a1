"""Who holds a partition: claimed, recovered, opened; kept only by whom nobody can have replaced meanwhile."""

import asyncio
from typing import Any, NoReturn

import pytest
from faust.types import TP

from streams.engine import runtime as runtime_module
from streams.engine import table
from streams.engine.batches import Batch
from streams.engine.ends import BROKEN, LEASE_LOST, REFUSED
from streams.engine.envelope import CLAIM
from streams.engine.runtime import Runtime, lease_span_s
from tests.engine.counting import Counting
from tests.engine.recording import TERM, Fetched, Recorder, config
from tests.engine.test_delivery import Logs

CHANGELOG = config().changelog


class EndedError(Exception):
    """The process would have ended; exit code and line are its arguments."""


@pytest.fixture(autouse=True)
def _ending(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code, sentence)

    monkeypatch.setattr(table, "end", end)
    monkeypatch.setattr(runtime_module, "end", end)


class Owner(Recorder):
    """A recorder that is also told of claims and of what is kept."""

    def __init__(self) -> None:
        """Begin with neither."""
        super().__init__()
        self.claimed: list[tuple[int, int]] = []
        self.kept: list[int] = []
        self.unowned = 0

    def on_claimed(self, partition: int, term: int) -> None:
        """Put it down."""
        self.claimed.append((partition, term))

    def on_kept(self, partition: int) -> None:
        """Put it down."""
        self.kept.append(partition)

    def on_unowned(self, records: int) -> None:
        """Add them up."""
        self.unowned += records


def owner(**changes: Any) -> tuple[Runtime, Owner]:
    """A worker that speaks to a recorder and holds nothing."""
    runtime = Runtime(config(tick_s=0.05, **changes), Counting(), broker := Owner())
    runtime.sender = broker
    Logs(runtime.consumer)
    return runtime, broker


def places(*numbers: int) -> set[TP]:
    """All topics' partitions of these numbers."""
    return {TP(topic, number) for topic in (*config().consumed, CHANGELOG) for number in numbers}


async def assign(runtime: Runtime, generation: int, *numbers: int) -> None:
    """Assign these partition numbers in a generation of the group, and let recovery find nothing."""
    runtime.app.consumer_generation_id = generation
    await runtime.table.on_rebalance(places(*numbers), set(), places(*numbers), generation)
    await runtime.table.on_recovery_completed(set(), set())


async def revoke(runtime: Runtime) -> None:
    """Revoke everything, as each rebalance does."""
    await runtime._on_revoked(runtime.app, set())


# ---- claims


async def test_a_new_partition_is_claimed_in_the_log_before_anything_else() -> None:
    """The offset of the claim is the writer term, and nothing stands between claim and facts."""
    runtime, broker = owner()
    await assign(runtime, 1, 0, 1)
    await revoke(runtime)

    assert [(0, TERM + 1), (1, TERM + 1)] == broker.claimed
    assert [TERM + 1, TERM + 1] == [held.term for held in runtime.held.values()]
    assert [CLAIM, CLAIM] == [record[0] for _, _, record in broker.log][:2]


async def test_all_of_a_number_or_nothing() -> None:
    """State without one of its sources would be advanced by two workers."""
    runtime, _ = owner()

    with pytest.raises(EndedError, match="Partition 0 of run-b was assigned to another worker") as ended:
        await runtime.table.on_rebalance(places(0) - {TP("run-b", 0)}, set(), set(), 1)

    assert BROKEN == ended.value.args[0]


# ---- kept or claimed anew


async def test_what_was_owned_without_a_break_is_kept() -> None:
    """Memory and term survive; only what is new is claimed, and what is gone is forgotten."""
    runtime, broker = owner()
    await assign(runtime, 1, 0, 1)
    kept = runtime.held[0]
    await revoke(runtime)
    await assign(runtime, 2, 0, 2)
    await revoke(runtime)

    assert kept is runtime.held[0]
    assert [0] == broker.kept
    assert [0, 1, 2] == [number for number, _ in broker.claimed]
    assert {0, 2} == set(runtime.held)


async def test_what_was_not_owned_in_the_generation_before_is_claimed_anew() -> None:
    """Somebody else may have owned it in between."""
    runtime, broker = owner()
    await assign(runtime, 1, 0)
    await revoke(runtime)
    await assign(runtime, 3, 0)
    await revoke(runtime)

    assert ([], [0, 0]) == (broker.kept, [number for number, _ in broker.claimed])
    assert broker.claimed[0][1] < broker.claimed[1][1]


async def test_what_could_not_be_written_in_time_is_claimed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unclean partition is read from the log again: what is in memory may not stand there."""
    runtime, broker = owner()
    await assign(runtime, 1, 0)
    monkeypatch.setattr(runtime_module, "lease_span_s", lambda _: 0)
    broker.hold(CHANGELOG)
    runtime.held[0].put("ada", b"1", fences={})
    await revoke(runtime)
    dirty = runtime.held[0]
    broker.let_go(CHANGELOG)
    await assign(runtime, 2, 0)
    await revoke(runtime)

    assert dirty is not runtime.held[0]
    assert ([], 2) == (broker.kept, len(broker.claimed))


async def test_what_was_not_opened_is_claimed_anew() -> None:
    """A rebalance during recovery leaves nothing that could be kept."""
    runtime, broker = owner()
    runtime.app.consumer_generation_id = 1
    await runtime.table.on_rebalance(places(0), set(), places(0), 1)
    await revoke(runtime)
    await assign(runtime, 2, 0)
    await revoke(runtime)

    assert ([], 2) == (broker.kept, len(broker.claimed))


async def test_a_recovery_that_a_rebalance_has_overtaken_opens_nothing() -> None:
    """Its partitions may belong to somebody else by now."""
    runtime, _ = owner()
    runtime.app.consumer_generation_id = 1
    await runtime.table.on_rebalance(places(0), set(), places(0), 1)
    runtime.app.consumer_generation_id = 2
    await runtime.table.on_recovery_completed(set(), set())

    assert not runtime.held[0].ready


async def test_who_lost_a_partition_writes_no_more() -> None:
    """Its writer is gone with it, although nobody told it to stop."""
    runtime, _ = owner()
    await assign(runtime, 1, 0)
    lost = runtime.held[0]
    await runtime.table.on_rebalance(places(1), set(), places(1), 2)
    await asyncio.sleep(0.01)

    assert lost._task is not None
    assert lost._task.done()
    assert not lost.ready


async def test_the_changelog_of_a_kept_partition_is_not_read_again() -> None:
    """Recovery begins behind the last offset that was written here; a new one begins at the beginning."""
    runtime, broker = owner()
    await assign(runtime, 1, 0)
    await revoke(runtime)
    runtime.hold(1, TERM)

    assert broker._ends[CHANGELOG, 0] == runtime.table.persisted_offset(TP(CHANGELOG, 0))
    assert -1 == runtime.table.persisted_offset(TP(CHANGELOG, 1))
    assert -1 == runtime.table.persisted_offset(TP(CHANGELOG, 2))


# ---- opening


async def test_a_different_fact_is_refused_before_anything_is_written() -> None:
    """Another partitioner would send every event elsewhere; the line names the fact and both values."""
    runtime, broker = owner()
    runtime.hold(0, TERM)
    runtime.held[0].facts = {"partitions": 4, "partitioner": "crc32"}

    with pytest.raises(EndedError, match=r"partitioner='crc32', not 'murmur2'.*LATIDO_APP_ID") as ended:
        await runtime.open(0, 0)

    assert REFUSED == ended.value.args[0]
    assert [] == broker.effects


async def test_another_number_of_partitions_is_refused() -> None:
    """Partitions were added: keys would be at home elsewhere."""
    runtime, _ = owner(partitions=8)
    runtime.hold(0, TERM)
    runtime.held[0].facts = {"partitions": 4, "partitioner": "murmur2"}

    with pytest.raises(EndedError, match="partitions=4, not 8"):
        await runtime.open(0, 0)


async def test_state_that_is_lost_is_refused_before_anything_is_written() -> None:
    """An empty changelog under a group that has read before is one that somebody deleted."""
    runtime, broker = owner()
    logs = Logs(runtime.consumer, a=(0, 9))
    logs.committed = {TP("run-a", 0): 7}
    runtime.hold(0, TERM)

    with pytest.raises(EndedError, match=r"is empty but run-a was read up to 7.*LATIDO_APP_ID") as ended:
        await runtime.open(0, 0)

    assert REFUSED == ended.value.args[0]
    assert [] == broker.effects


async def test_facts_of_the_first_start_are_taken_over() -> None:
    """What the first owner decided holds for all later ones."""
    runtime, _ = owner(first_facts={"speak_from": 17})
    runtime.hold(0, TERM)
    await runtime.open(0, 0)
    runtime.hold(1, TERM)
    runtime.held[1].facts = {"partitions": 4, "partitioner": "murmur2", "speak_from": 3}
    await runtime.open(0, 0)
    await revoke(runtime)

    assert {"partitions": 4, "partitioner": "murmur2", "speak_from": 17, "generation": 0} == runtime.held[0].facts
    assert 3 == runtime.held[1].facts["speak_from"]


async def test_a_revocation_while_partitions_are_opened_waits_and_lets_nothing_begin() -> None:
    """No partition is opened any more, and no writer begins to write, once they may be taken away."""
    runtime, broker = owner()
    runtime.hold(0, TERM)
    runtime.hold(1, TERM)
    broker.hold(CHANGELOG)
    opening = asyncio.create_task(runtime.open(0, 0))
    await asyncio.sleep(0.01)
    revoking = asyncio.create_task(revoke(runtime))
    await asyncio.sleep(0.01)
    waited = not revoking.done()
    broker.let_go(CHANGELOG)
    await asyncio.gather(opening, revoking)

    assert waited
    assert [None, None] == [held._task for held in runtime.held.values()]
    assert [True, False] == [held.ready for held in runtime.held.values()]


async def test_claims_that_took_longer_than_the_lease_end_the_worker() -> None:
    """They may have landed behind those of the next owner."""
    runtime, broker = owner()
    runtime.lease.span_s = 0.01
    broker.hold(CHANGELOG)
    claiming = asyncio.create_task(assign(runtime, 1, 0))
    await asyncio.sleep(0.05)
    broker.let_go(CHANGELOG)

    with pytest.raises(EndedError, match="took longer than the lease") as ended:
        await claiming

    assert LEASE_LOST == ended.value.args[0]
    assert {} == runtime.held


async def test_a_recovery_that_stands_still_ends_the_worker() -> None:
    """Faust gives one up in silence after a timeout."""
    runtime, _ = owner()
    runtime._refuse_stillness()
    runtime.hold(0, TERM)
    runtime._refuse_stillness()
    runtime._recovering_since -= runtime_module.STILL_S + 1

    with pytest.raises(EndedError, match="stood still") as ended:
        runtime._refuse_stillness()

    assert BROKEN == ended.value.args[0]


async def test_a_source_that_loses_its_end_while_it_is_read_is_refused() -> None:
    """Made anew under a running worker: every new record would be passed over as delivered before."""
    runtime, _ = owner()
    logs = Logs(runtime.consumer, a=(0, 9))
    runtime.hold(0, TERM)
    runtime.assigned({TP("run-a", 0): 9}, {TP("run-a", 0): 9})
    probing = asyncio.create_task(runtime._probe())
    logs.logs[TP("run-a", 0)] = (0, 4)

    with pytest.raises(EndedError, match="ends at 4 but 9 was read") as ended:
        await asyncio.wait_for(probing, 10)

    assert REFUSED == ended.value.args[0]


async def test_a_worker_in_reserve_is_ready_and_follows_nothing() -> None:
    """More workers than partitions: who has none is not unwell, and has no lag."""
    runtime, _ = owner()
    await assign(runtime, 1, 0)
    runtime.assigned({TP("run-a", 0): 0}, {TP("run-a", 0): 9})
    await revoke(runtime)
    before = runtime.ready
    await assign(runtime, 2)

    assert (False, True) == (before, runtime.ready)
    assert [] == list(runtime.progress.partitions())


@pytest.mark.parametrize("session_s", [1.0, 3.0, 6.0, 10.0, 45.0])
def test_a_lease_always_ends_before_its_session(session_s: float) -> None:
    """By two seconds, or a third of a short session."""
    assert 0.6 * session_s < lease_span_s(session_s) < session_s


# ---- the road of a batch


class Slow(Counting):
    """Counts, and remembers how many records each slice had."""

    def __init__(self) -> None:
        """Begin with no slice."""
        self.slices: list[list[int]] = []
        self.after_slice: Any = lambda: None

    def advance(self, portions: Any) -> list[int]:
        """Count a slice."""
        self.slices.append([len(portion.records) for portion in portions])
        self.after_slice()
        return super().advance(portions)


async def advanced(records: int = 5, **changes: Any) -> tuple[Runtime, Owner, Slow, Batch]:
    """A worker that holds partition 0, and a batch of it."""
    handler = Slow()
    runtime, broker = owner(**changes)
    runtime.handler = handler
    await assign(runtime, 1, 0)
    fetched = [Fetched(n, key=b"k%d" % n) for n in range(records)]
    return runtime, broker, handler, Batch(TP("run-a", 0), fetched, 0, runtime.consumer.generation)


async def work_off(runtime: Runtime, *batches: Batch) -> None:
    """Advance batches that came together, until none waits."""
    for batch in batches:
        runtime.inbox.put(batch)
    task = asyncio.create_task(runtime._work())
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()


async def test_a_batch_is_advanced_in_slices() -> None:
    """Others get their turn in between."""
    runtime, _, handler, batch = await advanced(slice_records=2)
    await work_off(runtime, batch)
    await revoke(runtime)

    assert [[2], [2], [1]] == handler.slices
    assert {0: 5} == runtime.held[0].durable
    assert 5 == runtime.advanced


async def test_batches_that_come_together_are_advanced_together() -> None:
    """Of whatever topics: a slice costs something however little is in it; each batch counts when its last part did."""
    runtime, _, handler, batch = await advanced(records=3, slice_records=4)
    other = Batch(TP("run-b", 0), [Fetched(n, key=b"j%d" % n) for n in range(3)], 0, runtime.consumer.generation)
    await work_off(runtime, batch, other)
    await revoke(runtime)

    assert [[3, 1], [2]] == handler.slices
    assert {0: 3, 1: 3} == runtime.held[0].durable
    assert 6 == runtime.advanced


@pytest.mark.parametrize(("size", "kept"), [(2, 2), (5, 5)], ids=["between slices", "after the last"])
async def test_a_batch_that_a_rebalance_interrupts_does_not_count(size: int, kept: int) -> None:
    """What is in memory is fenced; the batch comes again and is not committable from here."""
    runtime, _, handler, batch = await advanced(slice_records=size)
    handler.after_slice = runtime.consumer.interrupt
    await work_off(runtime, batch)
    await revoke(runtime)

    assert [[size]] == handler.slices
    assert {} == runtime.held[0].durable
    assert {f"k{n}" for n in range(kept)} == set(runtime.held[0].entries)


@pytest.mark.parametrize("why", ["not held", "not ready", "of before a rebalance"])
async def test_what_is_not_ours_to_advance_is_counted_and_dropped(why: str) -> None:
    """It belongs to another worker, or comes again."""
    runtime, broker, handler, batch = await advanced()
    await revoke(runtime)
    if why == "not held":
        del runtime.held[0]
    elif why == "not ready":
        runtime.held[0].ready = False
    batch.generation = runtime.consumer.generation - (why == "of before a rebalance")
    await work_off(runtime, batch)

    assert ([], 5) == (handler.slices, broker.unowned)
