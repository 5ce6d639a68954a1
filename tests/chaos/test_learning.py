"""The learner under `kill -9`: wherever it ends, each label is learned once, and the models are the same."""

import os
import random
import time
from pathlib import Path

import pytest

from streams.broker import Broker
from tests.chaos.scenario import Scenario, crashed
from tests.worker.scenes import publish, until
from tests.worker.weeks import LAST, lived_through, models, once, shop

pytestmark = pytest.mark.broker

POINTS = ("labels-said", "week-marked", "week-learned", "model-published")


def test_a_killed_learner_loses_no_label_and_learns_none_twice(broker: Broker, tmp_path: Path) -> None:
    """It ends at two points in turn, each at a random passing; the same versions stand there, byte for byte."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    chance = random.Random(seed)
    points = [f"{name}:{chance.randint(2, 4)}" for name in chance.sample(POINTS, 2)]
    print(f"again with: CHAOS_SEED={seed} make test; ends at {points}; logs: {tmp_path}")
    with Scenario(broker.address, tmp_path, "learner", clock="wall", label_grace_s=3600) as scenario:
        past = shop(scenario.stage.partitions)
        publish(scenario.stage, past.events)
        for point in points:
            crashed(scenario.broken("w", "--crash-at", point).start())
        scenario.sound("w").start()
        until(lambda: LAST in dict(models(scenario.stage)), "the last week is learned")
        published = [model for model in models(scenario.stage) if model[0] <= LAST]

    assert lived_through(past.events) == once(published)
