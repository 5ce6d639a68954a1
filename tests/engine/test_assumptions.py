"""
What the engine takes for granted of Faust 0.15.3 and aiokafka 0.14.0, one test for each.

The table in streams/engine/README.md names the place in the engine that leans on each. When an upgrade turns one of
these red, that is the place to look at; when one that documents a weakness turns red, a cure may have become needless.
"""

import asyncio
import importlib.metadata
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.consumer.fetcher import Fetcher as AiokafkaFetcher
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.settings import Settings

from streams import engine
from streams.broker import Broker
from streams.engine.batches import Batch
from streams.engine.delivery import BatchConsumer, BatchTransport
from streams.engine.runtime import Runtime
from streams.engine.table import ChangelogTable
from tests.engine.counting import Counting, config_of, topics_of
from tests.engine.kafka import create, publish
from tests.engine.recording import TERM, Fetched, Recorder, config
from tests.engine.test_delivery import CHANGELOG, CLICKS, Logs, worker

KIB = 1024
NAMED = re.compile(r"def (test_\w+)")


@pytest.mark.parametrize(("name", "known"), [("faust-streaming", "0.15.3"), ("aiokafka", "0.14.0")])
def test_these_are_the_versions_whose_inside_is_known(name: str, known: str) -> None:
    """Another version may have moved what the engine touches."""
    found = importlib.metadata.version(name)

    assert known == found, (
        f"{name} is {found}: read its changelog, streams/engine/README.md and whatever is red below, run `make chaos`, "
        "and only then write the new version here and into pyproject.toml."
    )


def test_the_readme_names_every_test_of_an_assumption() -> None:
    """And none that does not exist."""
    readme = (Path(engine.__file__).parent / "README.md").read_text()
    known = {name for path in Path(__file__).parent.glob("test_*.py") for name in NAMED.findall(path.read_text())}
    here = {name for name in globals() if name.startswith("test_") and "readme" not in name}

    assert set() == set(re.findall(r"`(test_\w+)`", readme)) - known
    assert set() == {name for name in here if f"`{name}`" not in readme}


# ---- aiokafka's producer: batches


def builder(batch_size: int = KIB) -> BatchBuilder:
    """An empty batch for so many bytes."""
    return BatchBuilder(batch_size, 0)


def append(batch: BatchBuilder, value: bytes | None = b"x", key: bytes | None = b"k", headers: Any = None) -> Any:
    """Append one record as the engine does."""
    return batch.append(key=key, value=value, timestamp=None, headers=[] if headers is None else headers)


def test_a_full_batch_answers_none_and_keeps_what_it_has() -> None:
    """Then the engine sends it and begins another."""
    batch = builder()
    answers = [append(batch, b"x" * 100) for _ in range(20)]

    assert answers[0] is not None
    assert answers[-1] is None
    assert batch.record_count() == sum(answer is not None for answer in answers)


def test_a_batch_always_takes_its_first_record() -> None:
    """However large: what is too large for the broker fails there and is not lost here."""
    batch = builder(KIB)

    assert append(batch, b"x" * 100 * KIB) is not None
    assert 1 == batch.record_count()


def test_headers_must_be_a_list() -> None:
    """A tuple of headers, as consumers give them, is refused."""
    with pytest.raises(TypeError):
        append(builder(), headers=(("id", b"1"),))


def test_key_and_value_may_both_be_missing() -> None:
    """A dead letter of a record with neither can be written, although the documentation says otherwise."""
    assert append(builder(), None, None) is not None


async def test_a_producer_makes_batches_of_the_size_that_was_asked_for() -> None:
    """`create_batch` takes as much as `max_batch_size` says, before the producer is started."""
    made = []
    for size in (KIB, 100 * KIB):
        batch = AIOKafkaProducer(max_batch_size=size, enable_idempotence=True).create_batch()
        while append(batch, b"x" * 100):
            made.append(size)

    assert 10 >= made.count(KIB)
    assert 800 < made.count(100 * KIB)


class Leader:
    """A cluster of one node."""

    def leader_for_partition(self, tp: TopicPartition) -> int:
        """Every partition is led by it."""
        return 1


def values_of(accumulator: MessageAccumulator) -> list[bytes]:
    """What one drain gives to the node; afterwards the partition has room again."""
    nodes, _ = accumulator.drain_by_nodes(ignore_nodes=[])
    return [bytes(batch.get_data_buffer()) for batches in nodes.values() for batch in batches.values()]


async def test_batches_of_one_caller_leave_in_their_order() -> None:
    """One batch of a partition is under way at a time, and the next is the next that was given."""
    accumulator, tp, left = MessageAccumulator(Leader(), KIB, 0, 30), TopicPartition("t", 0), list[bytes]()

    async def give() -> None:
        for name in (b"first!", b"second", b"third!"):
            batch = builder()
            append(batch, name)
            await accumulator.add_batch(batch, tp, 10)

    giving = asyncio.create_task(give())
    while len(left) < 3:
        await asyncio.sleep(0)
        left += values_of(accumulator)
    await giving

    assert [True] * 3 == [name in raw for name, raw in zip((b"first!", b"second", b"third!"), left, strict=True)]


async def test_a_newcomer_passes_one_who_waits() -> None:
    """Why a changelog partition has one writer only: of two callers the later one may land first."""
    accumulator, tp, left = MessageAccumulator(Leader(), KIB, 0, 30), TopicPartition("t", 0), list[bytes]()
    batches = {name: builder() for name in (b"first!", b"waiting", b"newcomer")}
    for name, batch in batches.items():
        append(batch, name)
    await accumulator.add_batch(batches[b"first!"], tp, 10)
    waiting = asyncio.create_task(accumulator.add_batch(batches[b"waiting"], tp, 10))
    for _ in range(5):
        await asyncio.sleep(0)

    left += values_of(accumulator)
    await accumulator.add_batch(batches[b"newcomer"], tp, 10)
    left += values_of(accumulator)
    await waiting
    left += values_of(accumulator)

    assert [True] * 3 == [name in raw for name, raw in zip((b"first!", b"newcomer", b"waiting"), left, strict=True)]


# ---- Faust's app and its settings


async def test_faust_knows_every_setting_that_the_engine_gives() -> None:
    """An unknown one would be passed over in silence, and Faust's own default would hold."""
    given = {
        "store", "datadir", "web_enabled", "topic_partitions", "topic_disable_leader", "topic_allow_declare",
        "table_standby_replicas", "stream_wait_empty", "stream_buffer_maxsize", "consumer_auto_offset_reset",
        "consumer_max_fetch_size", "consumer_group_instance_id", "broker_session_timeout", "broker_heartbeat_interval",
        "broker_commit_interval", "producer_acks",
    }  # fmt: skip
    told = Runtime(config(session_timeout_s=6.0, instance_id="me"), Counting(), Recorder()).app.conf

    assert given <= set(Settings.SETTINGS)
    assert (6.0, 1.0, "me", False, "earliest", -1, 4096, False, 0) == (
        told.broker_session_timeout,
        told.broker_heartbeat_interval,
        told.consumer_group_instance_id,
        told.stream_wait_empty,
        told.consumer_auto_offset_reset,
        told.producer_acks,
        told.stream_buffer_maxsize,
        told.web_enabled,
        told.table_standby_replicas,
    )


async def test_nobody_limits_how_much_one_poll_returns() -> None:
    """A poll returns all that was fetched, so that batches grow with the load."""
    assert Runtime(config(), Counting(), Recorder()).app.conf.broker_max_poll_records is None


async def test_the_transport_can_be_set_and_makes_the_consumer() -> None:
    """`app.transport = …` before anything is started is the way in for our own delivery."""
    app = Runtime(config(), Counting(), Recorder()).app

    assert isinstance(app.transport, BatchTransport)
    assert isinstance(app.consumer, BatchConsumer)
    assert app.consumer.transport is app.transport


async def test_the_changelog_has_the_name_that_the_engine_forms_itself() -> None:
    """Topics are made before Faust runs, so the name must be known without it."""
    runtime = Runtime(config(), Counting(), Recorder())

    assert runtime.config.changelog == runtime.table.changelog_topic_name


async def test_a_batch_comes_through_faust_as_it_is() -> None:
    """From the fetch to the agent: message, schema, event."""
    consumer, _, _ = worker()
    batch = Batch(CLICKS, [Fetched(3), Fetched(4)])

    message = consumer._to_message(CLICKS, batch)
    event = await consumer.runtime.topic(0).decode(message)

    assert batch is event.message.value
    assert (CLICKS, 4) == (event.message.tp, event.message.offset)


async def test_a_stream_without_acks_leaves_offsets_alone() -> None:
    """What is committed is our own business."""
    runtime = Runtime(config(), Counting(), Recorder())
    stream = runtime.app.stream(runtime.topic(0)).noack()

    assert stream.enable_acks is False


async def test_revocation_is_told_after_delivery_has_stopped_and_queues_are_empty() -> None:
    """Then the engine drains its writers and commits, and no new batch comes meanwhile."""
    consumer, _, _ = worker()
    app, told = consumer.runtime.app, list[Any]()
    Logs(consumer, a=(0, 0))

    async def revoked(sender: Any, partitions: Any, **_: Any) -> None:
        told.append((sender is app, partitions, consumer.flow_active, app.flow_control.is_active()))

    app.on_partitions_revoked.connect(revoked, weak=False)
    consumer.runtime.app.on_partitions_revoked.disconnect(consumer.runtime._on_revoked)
    await app._on_partitions_revoked({CLICKS})

    assert [(True, {CLICKS}, False, False)] == told


# ---- Faust's consumer: who calls what


def test_what_the_engine_replaces_still_has_its_form() -> None:
    """Names and parameters of the methods that delivery and table override."""
    forms = {
        driver.Consumer._drain_messages: ["self", "fetcher"],
        driver.Consumer._new_offset: ["self", "tp"],
        driver.Consumer._filter_tps_with_pending_acks: ["self", "topics"],
        driver.Consumer._commit: ["self", "offsets"],
        driver.Consumer.perform_seek: ["self"],
        driver.Consumer._wait_next_records: ["self", "timeout"],
        driver.Consumer._to_message: ["self", "tp", "record"],
        driver.Consumer.seek_wait: ["self", "partitions"],
        driver.Consumer.maybe_wait_for_commit_to_finish: ["self"],
        faust.Table.persisted_offset: ["self", "tp"],
        faust.Table.on_rebalance: ["self", "assigned", "revoked", "newly_assigned", "generation_id"],
        faust.Table.apply_changelog_batch: ["self", "batch"],
        faust.Table.on_recovery_completed: ["self", "active_tps", "standby_tps"],
    }

    assert forms == {method: list(inspect.signature(method).parameters) for method in forms}


def test_records_come_and_seeks_go_through_these_callers_only() -> None:
    """`getmany`, with its own seek and its gaps, is called by the replaced `_drain_messages` alone."""
    source = inspect.getsource(inspect.getmodule(Fetcher))

    assert "await consumer._drain_messages(self)" in inspect.getsource(Fetcher)
    assert 1 == source.count("getmany = self.getmany")
    assert 2 == inspect.getsource(Recovery).count("consumer.perform_seek()")


async def test_the_fetcher_asks_the_consumer_to_drain() -> None:
    """And gives itself, so that draining ends when the fetcher is stopped."""
    consumer, _, _ = worker()
    drained = list[Any]()

    async def drain(fetcher: Any) -> None:
        drained.append(fetcher)

    consumer._drain_messages = drain
    fetcher = consumer.runtime.app._fetcher
    await Fetcher._fetcher(fetcher)

    assert [fetcher] == drained
    assert hasattr(fetcher, "_stopped")


async def test_a_commit_asks_for_our_offsets_and_ends_in_our_commit() -> None:
    """`commit` → pending partitions → new offset of each → `_commit` on the consumer's thread."""
    consumer, _, _ = worker()
    consumer.runtime.hold(0, TERM)
    consumer.runtime.held[0].durable = {0: 7, 1: 0}
    committed = list[Any]()

    async def commit(offsets: Any) -> bool:
        committed.append(dict(offsets))
        return True

    consumer._thread.commit = commit
    answers = [await consumer.commit(), await consumer.commit()]

    assert [{CLICKS: 7, TP("run-b", 0): 0}] == committed
    assert [True, False] == answers


async def test_what_was_committed_once_is_not_committed_lower() -> None:
    """Faust remembers, and an offset that has not grown is no reason to ask the broker."""
    consumer, _, _ = worker()
    consumer._committed_offset[CLICKS] = 7

    assert [False, False, True] == [consumer._should_commit(CLICKS, offset) for offset in (6, 7, 8)]


async def test_faust_knows_what_is_committed_after_its_own_seek() -> None:
    """`_read_offset` holds it per partition, None where there is none; aiokafka's tuples are as good as Faust's."""
    consumer, _, _ = worker()
    logs = Logs(consumer, a=(0, 9), b=(0, 9), c=(0, 9))
    topics = [TopicPartition(tp.topic, tp.partition) for tp in logs.logs]
    logs.committed = dict(zip(topics, (5, None, 0), strict=True))

    await driver.Consumer.perform_seek(consumer)

    assert [5, None, 0] == [consumer._read_offset[tp] for tp in logs.logs]


async def test_the_next_records_are_those_of_the_active_partitions() -> None:
    """Records by partition, or nothing; without active partitions nothing is asked for."""
    consumer, _, _ = worker()
    asked = list[Any]()

    async def getmany(active: Any, patience_s: float) -> Any:
        asked.append((set(active), patience_s))
        return {CLICKS: [Fetched(0)]}

    consumer._thread.getmany = getmany
    consumer._set_active_tps({CLICKS})
    records, active = await consumer._wait_next_records(0.5)

    assert [({CLICKS}, 0.5)] == asked
    assert ([CLICKS], {CLICKS}) == (list(records or ()), active)


async def test_faust_searches_for_stalls_by_the_one_method_that_is_replaced() -> None:
    """It would look at every partition, again and again, for timeouts that are not ours."""
    assert "await self.verify_all_partitions_active()" in inspect.getsource(FaustConsumer)
    assert 1 == inspect.getsource(FaustConsumer).count("self.verify_all_partitions_active()")


async def test_paused_partitions_are_not_active() -> None:
    """In recovery only the changelog is read: sources are paused until the seek is done."""
    consumer, _, _ = worker()
    consumer._set_active_tps({CLICKS, CHANGELOG})
    consumer.pause_partitions({CLICKS})

    assert {CHANGELOG} == consumer._get_active_partitions()


async def test_faust_changes_the_set_of_active_partitions_in_place() -> None:
    """Why a poll is given a copy: the set that one was started with can be empty when it looks."""
    consumer, _, _ = worker()
    given = consumer._set_active_tps({CLICKS})
    consumer.pause_partitions({CLICKS})

    assert set() == given


async def test_a_poll_for_no_partition_takes_from_all() -> None:
    """Why an empty set must never reach aiokafka: what it takes then is lost."""
    source = inspect.getsource(AiokafkaFetcher.fetched_records)

    assert "if partitions and tp not in partitions:" in source


async def test_the_flow_can_be_watched() -> None:
    """A delivery that is interrupted sees it by these."""
    consumer, _, _ = worker()
    consumer.stop_flow()
    stopped = (consumer.flow_active, consumer.suspend_flow.is_set(), consumer.can_resume_flow.is_set())
    consumer.resume_flow()
    resumed = (consumer.flow_active, consumer.suspend_flow.is_set(), consumer.can_resume_flow.is_set())

    assert [(False, True, False), (True, False, True)] == [stopped, resumed]
    assert driver.ConsumerStoppedError in consumer.consumer_stopped_errors


# ---- Faust's recovery


async def test_tables_hear_of_a_rebalance_before_recovery_looks_at_the_log() -> None:
    """So the claim that a table appends there lies below the end to which recovery reads."""
    runtime = Runtime(config(), Counting(), Recorder())
    tables, order = runtime.app.tables, list[str]()

    def noting(name: str) -> Any:
        async def note(*_: Any, **__: Any) -> None:
            order.append(name)

        return note

    runtime.table.on_rebalance = noting("table")
    tables._update_channels = noting("channels")
    tables.recovery.on_rebalance = noting("recovery")
    await tables.on_rebalance(set(), set(), set(), 1)

    assert ["table", "channels", "recovery"] == order


async def test_recovery_starts_above_what_the_table_has_and_ends_at_the_end_of_the_log() -> None:
    """`persisted_offset` is the last offset that need not be read; -1 reads from the beginning."""
    runtime = Runtime(config(), Counting(), Recorder())
    recovery: Recovery = runtime.app.tables.recovery
    new, kept = CHANGELOG, TP("run-counts-changelog", 1)
    logs = Logs(runtime.consumer)
    logs.logs = {new: (0, 12), kept: (0, 31)}
    runtime.hold(0, TERM)
    runtime.hold(1, TERM)
    runtime.held[1].ready, runtime.held[1].last_offset = True, 30
    for tp in (new, kept):
        recovery.add_active(runtime.table, tp)

    await recovery._build_highwaters(runtime.consumer, {new, kept}, recovery.active_highwaters, "active")
    await recovery._build_offsets(runtime.consumer, {new, kept}, recovery.active_offsets, "active")
    await recovery._seek_offsets(runtime.consumer, {new, kept}, recovery.active_offsets, "active")

    assert {new: 12, kept: 0} == dict(recovery.active_remaining())
    assert 12 == recovery.active_remaining_total()
    assert recovery.need_recovery()
    assert [{new: 0, kept: 30}] == logs.sought


async def slurped(runtime: Runtime, *batches: Batch) -> Recovery:
    """Let recovery read these batches of the changelog and stop."""
    recovery: Recovery = runtime.app.tables.recovery
    recovery.add_active(runtime.table, CHANGELOG)
    recovery.active_highwaters[CHANGELOG] = batches[-1].offset
    recovery.in_recovery, recovery._last_active_event_processed_at = True, None
    for batch in batches:
        message = runtime.consumer._to_message(CHANGELOG, batch)
        event = await runtime.table.changelog_topic.decode(message)
        runtime.app.tables.changelog_queue.put_nowait(event)
    ended = asyncio.create_task(recovery.signal_recovery_end.wait())
    await asyncio.sleep(0)
    reading = asyncio.create_task(Recovery._slurp_changelogs(recovery))
    await asyncio.wait_for(ended, 10)
    reading.cancel()
    return recovery


async def test_recovery_hands_whole_batches_to_the_table_and_ends_at_the_last_ones_offset() -> None:
    """Batches count by their last offset, also those that still lie in the buffer when the end is reached."""
    runtime = Runtime(config(), Counting(), Recorder())
    applied = list[int]()
    runtime.table.apply_changelog_batch = lambda events: applied.extend(
        [event.message.value.offset for event in events]
    )
    batches = [Batch(CHANGELOG, [Fetched(10 * n + k) for k in range(10)]) for n in range(11)]

    recovery = await slurped(runtime, *batches)

    assert [batch.offset for batch in batches] == applied
    assert 109 == recovery.active_offsets[CHANGELOG]


async def test_what_is_raised_while_recovery_applies_is_swallowed() -> None:
    """Why the table ends the process itself: Faust logs one line and goes on without these records."""
    runtime = Runtime(config(), Counting(), Recorder())
    raised = list[int]()

    def apply(events: Any) -> None:
        events = list(events)
        if events and not raised:
            raised.append(len(events))
            raise ValueError("unreadable")

    runtime.table.apply_changelog_batch = apply
    await slurped(runtime, *[Batch(CHANGELOG, [Fetched(n)]) for n in range(9)])

    assert [8] == raised


async def test_what_is_raised_when_recovery_is_complete_is_swallowed() -> None:
    """Why the table ends the process itself: Faust would go on with a partition that is not open."""
    runtime = Runtime(config(), Counting(), Recorder())
    Logs(runtime.consumer)
    recovery: Recovery = runtime.app.tables.recovery
    called = list[Any]()

    async def completed(active: Any, standby: Any) -> None:
        called.append((active, standby))
        raise ValueError("not open")

    runtime.table.on_recovery_completed = completed
    recovery.add_active(runtime.table, CHANGELOG)
    await recovery.on_recovery_completed(-1)

    assert [({CHANGELOG}, set())] == called


async def test_tables_are_told_of_complete_recovery_before_sources_are_sought_and_read() -> None:
    """So a partition is open before its first event, and what it knows to be durable counts for the seek.

    What is delivered between the seek and the resuming of the flow is dropped with the agents' queues.
    """
    runtime = Runtime(config(), Counting(), Recorder())
    consumer, app, order = runtime.consumer, runtime.app, list[str]()
    Logs(consumer, a=(0, 0))
    consumer.stop_flow()

    async def completed(active: Any, standby: Any) -> None:
        order.append("completed")

    async def seek() -> None:
        order.append(f"seek while {'flowing' if consumer.flow_active else 'stopped'}")

    async def fetch() -> None:
        order.append(f"fetch while {'flowing' if consumer.flow_active else 'stopped'}")

    runtime.table.on_recovery_completed = completed
    consumer.perform_seek = seek
    app._fetcher.maybe_start = fetch
    app.flow_control.clear = lambda: order.append("queues emptied")
    app.consumer_generation_id = 3
    await app.tables.recovery.on_recovery_completed(3)

    assert ["completed", "seek while stopped", "queues emptied", "fetch while flowing"] == order


# ---- Faust's assignor


class Cluster:
    """Topics with so many partitions."""

    def __init__(self, **partitions: int) -> None:
        """Know them."""
        self.partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Their partitions."""
        return set(range(self.partitions.get(topic.replace("-", "_"), 0)))


def assigned(workers: list[Runtime], partitions: int) -> list[dict[str, list[int]]]:
    """Assign all topics to workers; each takes its share to heart for the next time."""
    names = [*topics_of(workers[0].config)[:4], workers[0].config.changelog]
    cluster = Cluster(**{name.replace("-", "_"): partitions for name in names})
    assignors: dict[str, PartitionAssignor] = {f"m{n}": each.app.assignor for n, each in enumerate(workers)}
    metadata = {member: assignor.metadata(set(names)) for member, assignor in assignors.items()}
    shares = assignors["m0"].assign(cluster, metadata)
    for member, assignor in assignors.items():
        assignor.on_assignment(shares[member])
    return [{topic: sorted(numbers) for topic, numbers in shares[member].assignment} for member in assignors]


async def test_all_topics_with_the_same_number_of_partitions_are_assigned_together() -> None:
    """Whoever has a partition of one source has the same number of all sources and of the changelog."""
    workers = [Runtime(config(), Counting(), Recorder()) for _ in range(3)]
    for count in (1, 2, 3, 2):
        shares = assigned(workers[:count], 8)

        assert all(len(set(map(tuple, share.values()))) == 1 and len(share) == 5 for share in shares)
        assert list(range(8)) == sorted(number for share in shares for number in share["run-a"])


# ---- a worker on a real broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(broker: Broker) -> AsyncIterator[Runtime]:
    """A counting worker in this very process, which has counted one record of each key, and its topics."""
    settings = config_of("assumed", broker.address, partitions=2)
    create(broker.address, topics_of(settings), 2)
    publish(broker.address, settings.sources[0], {f"k{n}": 1 for n in range(20)})
    seen = SimpleNamespace(rebalances=[])
    original = ChangelogTable.on_rebalance

    async def on_rebalance(table: Any, *args: Any) -> None:
        seen.rebalances.append((args, table.app.consumer_generation_id))
        await original(table, *args)

    ChangelogTable.on_rebalance = on_rebalance
    runtime = Runtime(settings, Counting(), Recorder())
    runtime.seen = seen
    for number in range(len(settings.consumed)):
        runtime.app.agent(runtime.topic(number), name=f"agent-{number}")(runtime.drain)
    await runtime.app.start()
    async with asyncio.timeout(60):
        while runtime.advanced < 20:
            await asyncio.sleep(0.05)
    yield runtime
    await runtime.app.stop()
    ChangelogTable.on_rebalance = original


def live(test: Any) -> Any:
    """Run a test in the loop of the worker that lives through this module."""
    return pytest.mark.broker(pytest.mark.asyncio(loop_scope="module")(test))


@live
async def test_every_fetch_waits_and_reads_as_the_engine_has_set(running: Runtime) -> None:
    """`_fetch_max_wait_ms` and `_isolation_level` of `_thread._consumer._fetcher` are read for each request.

    So no silent topic holds up others, and what a transaction aborted never comes.
    """
    fetcher: Any = running.consumer._thread._consumer._fetcher
    sent = list[tuple[int, int]]()
    original = fetcher._get_actions_per_node

    def actions(assignment: Any) -> Any:
        found = original(assignment)
        sent.extend((request._max_wait_ms, request._isolation_level) for _, request in found[0])
        return found

    fetcher._get_actions_per_node = actions
    async with asyncio.timeout(30):
        while not sent:
            await asyncio.sleep(0.05)
    fetcher._get_actions_per_node = original

    assert {(running.config.fetch_wait_ms, READ_COMMITTED)} == set(sent)


@live
async def test_an_assignment_tells_all_topics_and_the_groups_generation(running: Runtime) -> None:
    """Tables are given what is assigned now, and the generation that the app carries at that moment."""
    ((assigned_now, _, _, generation), known), *_ = running.seen.rebalances

    assert {
        TP(topic, number) for topic in (*running.config.consumed, running.config.changelog) for number in (0, 1)
    } == (assigned_now)
    assert generation == known > 0


@live
async def test_log_ends_and_beginnings_can_be_asked_for_at_any_time(running: Runtime) -> None:
    """By several partitions at once; the end is the next offset."""
    tps = [TP(running.config.sources[0], number) for number in (0, 1)]

    assert 20 == sum((await running.consumer.highwaters(*tps)).values())
    assert dict.fromkeys(tps, 0) == dict(await running.consumer.earliest_offsets(*tps))


@live
async def test_a_position_is_the_next_offset_also_where_nothing_is_delivered(running: Runtime) -> None:
    """The fetcher's position passes transaction markers, by which delivery knows that nothing else is left."""
    tp = TP(running.config.sources[0], 0)

    assert (await running.consumer.highwaters(tp))[tp] == await running.consumer.position(tp)


@live
async def test_an_acknowledgement_tells_the_offset_of_the_batchs_first_record(running: Runtime) -> None:
    """So a claim's offset is its term, and the last of several records lies `count - 1` further."""
    topic, place = running.config.outputs[0], TP(running.config.outputs[0], 1)
    before = (await running.consumer.highwaters(place))[place]

    offsets = [await running.sender.send(topic, 1, [(b"k", b"v", [])] * count) for count in (1, 3, 2)]

    assert [before, before + 3, before + 5] == offsets


@live
async def test_a_send_of_several_batches_lands_in_order(running: Runtime) -> None:
    """What does not fit into one batch follows in the next, and the last offset is the answer."""
    records = [(b"%d" % n, b"x" * 100_000, []) for n in range(25)]
    place = TP(running.config.outputs[0], 0)
    before = (await running.consumer.highwaters(place))[place]

    last = await running.sender.send(place.topic, place.partition, records)

    assert before + 24 == last


@live
async def test_sends_to_one_partition_are_served_in_turn(running: Runtime) -> None:
    """Several callers at once, each with more than one batch: whoever came first lands first, and whole."""
    place = TP(running.config.outputs[0], 1)
    before = (await running.consumer.highwaters(place))[place]
    records = [(b"k", b"x" * 100_000, [])] * 12

    offsets = await asyncio.gather(*[running.sender.send(place.topic, place.partition, records) for _ in range(4)])

    assert [before + 12 * n - 1 for n in range(1, 5)] == offsets


@live
async def test_a_running_recovery_can_be_asked_how_much_is_left(running: Runtime) -> None:
    """And afterwards it is over."""
    assert running.app.in_recovery is False
    assert 0 == running.to_restore()
