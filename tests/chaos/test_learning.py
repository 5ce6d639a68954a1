"""The learner under `kill -9`: wherever it ends, each label is learned once, and the models are the same."""

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from streams.broker import Broker
from tests.chaos.scenario import Scenario, crashed
from tests.worker.scenes import publish, until
from tests.worker.weeks import LAST, lived_through, models, once, shop

pytestmark = pytest.mark.broker

POINTS = ("week-learned", "model-published", "labels-said", "week-marked")


def ends_at(scenario: Scenario, points: Sequence[str]) -> list[str]:
    """Let two workers end at the first point; start who has ended anew with the next one until the last week."""
    waiting, fallen = {name: list(points) for name in ("a", "b")}, []
    running = {}

    def go_on() -> bool:
        for name, left in waiting.items():
            if name in running and running[name].alive:
                continue
            if name in running:
                crashed(running[name])
                fallen.append(name)
            running[name] = (scenario.broken(name, "--crash-at", left.pop(0)) if left else scenario.sound(name)).start()
        return all(worker.ready() for worker in running.values()) and LAST in dict(models(scenario.stage))

    until(go_on, "the last week is learned", timeout=90)
    return fallen


def test_a_killed_learner_loses_no_label_and_learns_none_twice(broker: Broker, tmp_path: Path) -> None:
    """It ends twice, at random passings of points that only a learner reaches, or any owner: not a byte is another."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    chance = random.Random(seed)
    points = [f"{name}:{chance.randint(2, 4)}" for name in (chance.choice(POINTS[:2]), chance.choice(POINTS))]
    print(f"again with: CHAOS_SEED={seed} make test; ends at {points}; logs: {tmp_path}")
    with Scenario(broker.address, tmp_path, "learner", clock="wall", label_grace_s=3600) as scenario:
        past = shop(scenario.stage.partitions)
        publish(scenario.stage, past.events)
        fallen = ends_at(scenario, points)
        published = [model for model in models(scenario.stage) if model[0] <= LAST]

    assert len(fallen) >= 2
    assert lived_through(past.events) == once(published)
