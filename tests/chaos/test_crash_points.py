"""A crash, or a freeze, at each of the points where memory, changelog, outputs and offsets differ."""

from pathlib import Path

import pytest

from streams.broker import Broker
from tests.chaos.scenario import Scenario, crashed, frozen, records

pytestmark = pytest.mark.broker

POINTS = ("outbox-filled:9", "changelog-acknowledged:9", "outputs-acknowledged:9", "reroute-sent:2", "before-commit:3")


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_a_fixed_point_changes_nothing(broker: Broker, tmp_path: Path, point: str) -> None:
    """Whatever was done and whatever was not yet: the next worker makes it whole, and nothing twice."""
    with Scenario(broker.address, tmp_path, "crash") as scenario:
        worker = scenario.broken("w", "--crash-at", point).start()
        worker.wait_ready()
        scenario.publish(records(seed=5))
        crashed(worker)
        scenario.sound("w").start()

        violations = scenario.settled()

    assert {} == violations


def test_an_owner_that_froze_does_no_harm_when_it_thaws(broker: Broker, tmp_path: Path) -> None:
    """Frozen between changelog and outputs, thawed after another took over, it ends itself and nothing is lost."""
    with Scenario(broker.address, tmp_path, "frozen") as scenario:
        first = scenario.broken("a", "--freeze-at", "changelog-acknowledged:9").start()
        second = scenario.sound("b").start()
        for worker in (first, second):
            worker.wait_ready()
        scenario.publish(records(seed=6))
        frozen(first)
        scenario.taken_over(second)
        first.thaw()

        code = first.wait()
        violations = scenario.settled()

    assert 75 == code
    assert {} == violations
