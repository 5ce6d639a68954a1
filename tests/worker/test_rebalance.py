"""Workers come and go: memory is kept where nobody else can have written, and every customer stays exact."""

import threading

import pytest

from tests.chaos.load import plan
from tests.chaos.scenario import IN_ORDER
from tests.chaos.verdict import verdict
from tests.chaos.worker import Worker
from tests.verify.oracle import Published
from tests.worker.conftest import Raise
from tests.worker.scenes import publish, until

pytestmark = pytest.mark.broker


def ownership(worker: Worker) -> tuple[int, float]:
    """How many partitions a worker owns, and how many it has claimed so far."""
    metrics = worker.metrics()
    return len(worker.owned(metrics)), metrics.get("latido_partitions_claimed_total", -1)


def test_memory_is_kept_while_others_join_and_leave(stage: Raise) -> None:
    """Two partitions, three workers one after another, one of them in reserve; then the first is alone again.

    The first claims three times in all: both partitions at its start, and the one that it had given away.
    """
    scene = stage("rebalance", partitions=2)
    first, second, third = (scene.worker(name) for name in ("first", "second", "third"))
    first.start().wait_ready()
    published: list[Published] = []
    load = plan(13, 3_000, 200, IN_ORDER)
    publishing = threading.Thread(target=lambda: published.extend(publish(scene, load, a_second=250)))
    publishing.start()
    until(lambda: ownership(first) == (2, 2), "the first owns both partitions")

    second.start().wait_ready()
    until(lambda: ownership(first) == (1, 2), "the first has kept one and claimed none anew")
    until(lambda: ownership(second) == (1, 1), "the second has claimed the other")
    kept = first.metrics()["latido_partitions_kept_total"]
    third.start().wait_ready()
    reserve = len(first.owned()) + len(second.owned()) + len(third.owned())
    codes = [third.terminate(), second.terminate()]
    until(lambda: ownership(first) == (2, 3), "the first has claimed what it had given away, and kept the other")
    publishing.join()
    scene.settle(quiet_s=1.0)
    codes += scene.end()

    assert 1 <= kept
    assert 2 == reserve
    assert [0, 0, 0] == codes
    assert {} == verdict(scene, published)
