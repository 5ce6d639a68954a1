"""A worker that cannot start says so in one line, and one that must wait waits and says what for."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from schemas import SOURCES
from streams.app import engine_config
from streams.preflight import TopicsError, prepare, refuse_misfits
from streams.settings import Settings
from streams.topics import LOGS, roster
from tests.chaos.worker import free_port
from tests.engine.kafka import create
from tests.worker.conftest import Raise
from tests.worker.scenes import everything_committed, lines, publish, until, view

JANUARY = 1_767_225_600


@contextmanager
def answering(port: int, address: str) -> Iterator[None]:
    """Let a broker answer at another port too, from now on."""
    host, _, behind = address.rpartition(":")

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with closing(sink), suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(behind)))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", port))) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield


@pytest.mark.broker
def test_a_worker_waits_for_its_broker_and_then_works_on_empty_topics(stage: Raise) -> None:
    """Without a broker it lives, is not ready and tells why; when one answers it makes its topics and works."""
    scene = stage("waiting", topics=False)
    port = free_port()
    worker = scene.worker("w", brokers=f"127.0.0.1:{port}").start()
    until(lambda: worker.get("/livez")[0] == 200, "it answers")
    until(lambda: "waiting for it" in worker.log.read_text(), "it says that it waits")
    found = [worker.get("/livez")[0], worker.get("/readyz")[0]]

    with answering(port, scene.brokers):
        worker.wait_ready()
        until(lambda: worker.metrics()["latido_ready"] == 1, "the gauges are set")
        quiet = worker.metrics()
        publish(scene, [view("e-1")])
        everything_committed(scene)
        code = worker.terminate()

    said = lines(worker.log.read_text(), f"No broker answers at 127.0.0.1:{port}")
    assert [200, 503] == found
    assert 1 <= len(said) <= 2
    assert (0, 0) == (quiet["latido_catching_up"], quiet["latido_commit_age_seconds"])
    lags = [lag for name, lag in quiet.items() if name.startswith("latido_lag_records")]
    assert [0] * 4 * len([*SOURCES, "rerouted"]) == lags
    assert 0 == code


@pytest.mark.broker
def test_sources_with_different_partition_counts_are_refused(stage: Raise) -> None:
    """One line that names the topic and the way out, and an exit code that says whose turn it is."""
    scene = stage("uneven", topics=False)
    create(scene.brokers, scene.sources, dict.fromkeys(scene.sources, 4) | {scene.prefix + "store-visits": 3})
    worker = scene.worker("w").start()
    code = worker.wait(60)

    (said,) = [line for line in worker.log.read_text().splitlines() if "partitions" in line]
    assert 2 == code
    assert f"Topic {scene.prefix}store-visits has 3 partitions" in said
    assert "set LATIDO_PARTITIONS" in said
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.parametrize("name", LOGS)
def test_a_log_with_several_partitions_is_refused(name: str) -> None:
    """Its order is what everything hangs on, whatever number all others have."""
    settings = Settings(partitions=3)
    counts = {topic.name: topic.partitions for topic in roster(settings)}
    refuse_misfits(settings, counts)

    with pytest.raises(TopicsError, match=f"Topic {name} has 3 partitions, but it is one log: create it anew with 1."):
        refuse_misfits(settings, counts | {name: 3})


@pytest.mark.parametrize("name", ["partitioner", "day_offset_s", "base_currency"])
def test_what_may_never_differ_stands_among_the_facts(name: str) -> None:
    """Every owner compares them with what the first has written."""
    settings = Settings(partitioner="crc32", day_offset_s=3600, base_currency="EUR")

    assert getattr(settings, name) == engine_config(settings, 0).facts[name]


@pytest.mark.parametrize(
    ("speak_from", "fact", "first"), [("", None, 17), ("beginning", 0, 0), ("2026-01-01T00:00:00Z", JANUARY, JANUARY)]
)
def test_when_speaking_begins_is_a_fact(speak_from: str, fact: int | None, first: int) -> None:
    """Unset it is the moment of the very first start, which later owners take over; set, it must never differ."""
    config = engine_config(Settings(speak_from=speak_from), started_s=17)

    assert (fact, first) == (config.facts.get("speak_from"), config.first_facts["speak_from"])


@pytest.mark.broker
def test_dead_letters_that_cannot_take_the_largest_letter_are_refused(stage: Raise) -> None:
    """One letter too large would stop every worker, again and again."""
    scene = stage("letters")
    create(scene.brokers, [scene.dead_letters], 4, {"max.message.bytes": "1000000"})
    settings = Settings(brokers=scene.brokers, topic_prefix=scene.prefix)

    with pytest.raises(TopicsError, match=r"dead-letters takes records of 1000000 bytes; set its max.message.bytes"):
        asyncio.run(prepare(settings, print))


@pytest.mark.broker
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system keeps no process on a CPU")
def test_all_threads_of_a_worker_stay_on_the_cpu_that_is_set(stage: Raise) -> None:
    """Those of Faust, of the sender and of the server, too; the one who starts it stays free."""
    cpu, free = max(os.sched_getaffinity(0)), os.sched_getaffinity(0)
    worker = stage("bound").worker("w", cpu=cpu).start()
    worker.wait_ready()

    threads = [int(task.name) for task in Path(f"/proc/{worker.pid}/task").iterdir()]
    assert [{cpu}] * len(threads) == [os.sched_getaffinity(thread) for thread in threads]
    assert len(threads) >= 3
    assert free == os.sched_getaffinity(0)


@pytest.mark.broker
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system keeps no process on a CPU")
def test_a_cpu_that_is_not_there_is_refused(stage: Raise) -> None:
    """In one line that names those there are."""
    worker = stage("nowhere").worker("w", cpu=4095).start()

    assert 2 == worker.wait()
    own = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    assert [
        f"latido: LATIDO_CPU is 4095, but a worker may run here on {own} only: choose one."
    ] == worker.log.read_text().splitlines()
