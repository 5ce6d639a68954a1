"""While acknowledgements stall, reading stops: memory stays flat, and afterwards everything is exact."""

import threading
from pathlib import Path

import pytest

from tests.chaos.load import plan
from tests.chaos.scenario import IN_ORDER
from tests.chaos.verdict import verdict
from tests.verify.oracle import Published
from tests.worker.conftest import Raise
from tests.worker.entry import COMMAND
from tests.worker.scenes import everything_committed, publish, until, view

pytestmark = pytest.mark.broker

MB = 1 << 20
EVENTS, PADDING = 12_000, 2_000
LIMIT, ONE_FETCH = 1 * MB, 1 * MB
MARGIN_MB = 12
LAG = 'latido_lag_records{partition="0",topic="clickstream"}'


def test_while_the_changelog_does_not_answer_reading_stops_and_memory_stays_flat(stage: Raise, tmp_path: Path) -> None:
    """Some 24 MB arrive meanwhile; no more than the limit and one fetch is taken in, and the rest waits in Kafka."""
    stall = tmp_path / "stall"
    scene = stage("stalled", partitions=1, max_uncommitted_mb=1)
    worker = scene.worker("w", [*COMMAND, "stalled", str(stall)]).start()
    worker.wait_ready()
    published: list[Published] = publish(scene, plan(12, 300, 50, IN_ORDER))
    everything_committed(scene)
    stall.touch()
    before_mb = worker.rss_mb()

    load = [view(f"e-{n}", f"c{n % 250}", url="x" * PADDING) for n in range(EVENTS)]
    publishing = threading.Thread(target=lambda: published.extend(publish(scene, load, a_second=4_000)))
    publishing.start()
    taken, memory = [], []
    while publishing.is_alive():
        metrics = worker.metrics()
        taken.append((metrics["latido_uncommitted_bytes"], metrics["latido_batches_uncommitted"]))
        memory.append(worker.rss_mb())
        publishing.join(0.2)
    until(lambda: worker.metrics()["latido_uncommitted_bytes"] >= LIMIT, "the limit is reached")
    until(lambda: worker.metrics()[LAG] > EVENTS / 2, "most of it lies unread")
    memory.append(worker.rss_mb())
    stall.unlink()
    everything_committed(scene)
    codes = scene.end()

    assert max(size for size, _ in taken) <= LIMIT + ONE_FETCH
    assert max(batches for _, batches in taken) <= 1000
    assert max(memory) - before_mb < MARGIN_MB
    assert [0] == codes
    assert {} == verdict(scene, published)
