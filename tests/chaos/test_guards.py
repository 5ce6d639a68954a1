"""The guards guard: with each one broken, a named point turns red; with it whole, the same point is green.

Where the whole guard is not shown here, it is by the same point in `test_crash_points.py`.
"""

from pathlib import Path

import pytest

from streams.broker import Broker
from streams.core.rules import Rules
from tests.chaos.scenario import IN_ORDER, Scenario, crashed, frozen, records
from tests.chaos.verdict import Violations, changelog_of
from tests.verify.checks import stale

pytestmark = pytest.mark.broker

TINY = (4, 2, 2, 2, 2)
"""Rings so small that they cannot stand in for the fence."""


def after_a_crash(broker: Broker, folder: Path, point: str, *broken: str, **settings: object) -> Violations:
    """Crash at a point, start the same worker without the crash, and judge."""
    with Scenario(broker.address, folder, "guard", ring_sizes=",".join(map(str, TINY)), **settings) as scenario:
        guards = [argument for guard in broken for argument in ("--break", guard)]
        worker = scenario.broken("w", "--crash-at", point, *guards).start()
        worker.wait_ready()
        scenario.publish(records(seed=7, shares=IN_ORDER))
        crashed(worker)
        scenario.broken("w", *guards).start()
        return scenario.settled(Rules(ring_sizes=TINY))


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "broken"])
def test_the_fence_keeps_what_is_delivered_again_from_counting_again(
    broker: Broker, tmp_path: Path, whole: bool
) -> None:
    """Crash when much is written and nothing flushed: what comes again is out of the rings' reach, not the fence's."""
    broken = () if whole else ("fence",)
    violations = after_a_crash(broker, tmp_path, "changelog-acknowledged:30", *broken, tick_s=5)

    assert whole == (violations == {})
    assert whole or "dead letters" in violations


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "broken"])
def test_continuity_fetches_again_what_was_lost_on_the_way(broker: Broker, tmp_path: Path, whole: bool) -> None:
    """A fetch is forgotten before its delivery: the batch after it begins too high, and is not believed."""
    guards = ("--break", "fetch") if whole else ("--break", "fetch", "--break", "continuity")
    with Scenario(broker.address, tmp_path, "guard") as scenario:
        worker = scenario.broken("w", *guards).start()
        worker.wait_ready()
        scenario.publish(records(seed=8))
        scenario.all_published()
        reseeks = worker.metrics()["latido_reseeks_total"]
        violations = scenario.settled()

    assert whole == (violations == {})
    assert whole == (reseeks > 0)
    assert whole or "oracle" in violations


def test_the_order_of_writes_keeps_what_is_committed(broker: Broker, tmp_path: Path) -> None:
    """Crash with a full outbox: had it been committed before it was written, it would be gone."""
    violations = after_a_crash(broker, tmp_path, "outbox-filled:3", "order")

    assert "oracle" in violations


def test_the_single_writer_keeps_older_images_from_landing_last(broker: Broker, tmp_path: Path) -> None:
    """Crash when a write is acknowledged: had there been two writers, an older one might land after it, or never."""
    violations = after_a_crash(broker, tmp_path, "changelog-acknowledged:12", "single-writer")

    assert "one writer" in violations


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "broken"])
def test_the_writer_term_tells_a_late_write_from_a_new_one(broker: Broker, tmp_path: Path, whole: bool) -> None:
    """An owner freezes with a write on its way, and without a lease sends it after another took over."""
    guards = () if whole else ("--break", "term")
    planned = records(seed=9, events=6_000)
    early, late = planned[:3_000], planned[3_000:]
    with Scenario(broker.address, tmp_path, "guard") as scenario:
        first = scenario.broken("a", "--late-write", "20", "--break", "lease").start()
        second = scenario.broken("b", *guards).start()
        for worker in (first, second):
            worker.wait_ready()
        scenario.publish(early)
        frozen(first)
        scenario.taken_over(second)
        scenario.all_published()
        scenario.stage.settle(quiet_s=1.0)
        first.thaw()
        crashed(first)
        second.kill()
        third = scenario.broken("b", *guards).start()
        scenario.taken_over(third)
        scenario.publish(late)
        violations = scenario.settled()
        late_images = stale(changelog_of(scenario.stage))

    assert late_images
    assert whole == (violations == {})
    assert whole or "oracle" in violations
