"""Events from publishers with another partitioner come home, each once, whatever happens on the way."""

from collections import Counter

import pytest

from tests.chaos.entry import CRASHED
from tests.chaos.load import plan
from tests.chaos.verdict import verdict
from tests.chaos.worker import ENTRY
from tests.verify.readers import read
from tests.worker.conftest import Raise
from tests.worker.scenes import publish

pytestmark = pytest.mark.broker


def test_strangers_come_home_once_although_a_worker_crashed_on_the_way(stage: Raise) -> None:
    """All is published with librdkafka's own partitioner, and the worker dies with strangers sent and not committed.

    Every customer's record stands in one partition and holds each event once; the second sending is passed over.
    """
    scene = stage("strangers")
    published = publish(scene, plan(seed=11, events=3_000, customers=300), "consistent_random")
    crashing = scene.worker("w", [*ENTRY, "--crash-at", "reroute-sent:1"], instance_id="w").start()
    assert CRASHED == crashing.wait(60), f"see {crashing.log}"

    sound = scene.worker("w", instance_id="w").start()
    sound.wait_ready()
    scene.settle(quiet_s=1.0)
    stale = sound.metrics()['latido_events_total{outcome="stale",topic="rerouted"}']
    codes = scene.end()

    assert {} == verdict(scene, published)
    assert [0] == codes
    sent = Counter(
        tuple(record.headers[f"origin.{name}"] for name in ("topic", "partition", "offset"))
        for record in read(scene.brokers, scene.rerouted)
        if "derived" not in record.headers
    )
    assert len(sent) > 1_000
    # What the crashed worker had remembered and not committed is passed over as well.
    assert 0 < sum(count - 1 for count in sent.values()) <= stale
