"""What stands in Kafka does not fit the worker: it refuses in one line that names the way out, and writes nothing."""

from collections.abc import Callable

import pytest

from tests.chaos.load import plan
from tests.chaos.scenario import IN_ORDER
from tests.chaos.stage import Stage
from tests.engine.kafka import create, delete
from tests.verify.readers import read
from tests.worker.conftest import Raise
from tests.worker.scenes import lines, publish, view

pytestmark = pytest.mark.broker

REFUSED = 78


def worked_before(scene: Stage) -> None:
    """Let a worker do a few hundred records and end."""
    worker = scene.worker("before").start()
    publish(scene, plan(14, 400, 50, IN_ORDER))
    worker.wait_ready()
    scene.settle(quiet_s=0.5)
    assert [0] == scene.end()


def refused(scene: Stage, name: str, **settings: object) -> tuple[int, list[str], int]:
    """Start a worker; return its exit code, the lines that name a way out, and how many images it wrote."""
    before = images(scene)
    worker = scene.worker(name, instance_id="w", **settings).start()
    code = worker.wait(60)
    return code, lines(worker.log.read_text(), "LATIDO_APP_ID"), images(scene) - before


def images(scene: Stage) -> int:
    """How many records of customers stand in the changelog."""
    if scene.changelog not in scene.offsets.consumer.list_topics(timeout=10).topics:
        return 0
    return sum(1 for record in read(scene.brokers, scene.changelog) if not (record.key or b"").startswith(b"\0"))


def recreated_shorter(scene: Stage) -> None:
    """Make a source anew and publish less into it than was read of the old one."""
    delete(scene.brokers, [scene.sources[0]])
    create(scene.brokers, [scene.sources[0]], scene.partitions)
    publish(scene, [view(f"again-{n}", f"c{n}") for n in range(40)])


def changelog_deleted(scene: Stage) -> None:
    """Lose all state."""
    delete(scene.brokers, [scene.changelog])


def another_day(scene: Stage) -> dict[str, str]:
    """Set another beginning of the day."""
    return {"day_offset_s": "3600"}


MISFITS: dict[str, tuple[Callable[[Stage], dict[str, str] | None], str]] = {
    "day": (another_day, "day_offset_s=0, not 3600"),
    "source": (recreated_shorter, "was recreated or truncated"),
    "state": (changelog_deleted, "is empty but"),
}


def test_what_does_not_fit_is_refused_with_a_way_out(stage: Raise) -> None:
    """Another day, a source made anew, a lost changelog: exit code 78, one line, not one write."""
    scene = stage("misfit", partitions=1)
    worked_before(scene)

    found = {name: refused(scene, name, **(misfit(scene) or {})) for name, (misfit, _) in MISFITS.items()}

    assert dict.fromkeys(MISFITS, (REFUSED, 1, 0)) == {
        name: (code, len(said), written) for name, (code, said, written) in found.items()
    }
    assert all(word in found[name][1][0] for name, (_, word) in MISFITS.items())
