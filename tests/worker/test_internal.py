"""A fault of ours costs one event; too many end the worker before they drain the topics into the dead letters."""

import pytest

from tests.chaos.load import plan
from tests.chaos.scenario import IN_ORDER
from tests.chaos.verdict import verdict
from tests.worker.conftest import Raise
from tests.worker.entry import COMMAND
from tests.worker.scenes import letters, lines, publish, view

pytestmark = pytest.mark.broker

BROKEN = 70


def test_a_fault_of_ours_costs_one_event_and_too_many_the_worker(stage: Raise) -> None:
    """One event of many fails: it alone is a dead letter `internal`. Then a bad deploy: exit code 70, most unread."""
    scene = stage("internal", partitions=1)
    worker = scene.worker("w", [*COMMAND, "faulty", "faulty"]).start()
    worker.wait_ready()
    good = plan(15, 300, 20, IN_ORDER)
    fault = view("faulty-1", "c000003")._replace(code="internal")
    published = publish(scene, [*good[:200], fault, *good[200:]])
    scene.settle(quiet_s=1.0)
    counted, violations = worker.metrics()["latido_internal_errors_total"], verdict(scene, published)

    publish(scene, [view(f"faulty-{n}", f"c{n % 5}") for n in range(2, 4_000)])
    code = worker.wait(40)
    log = worker.log.read_text()
    buried = [letter for letter in letters(scene) if letter.headers["dlq.error.code"] == b"internal"]

    assert {} == violations
    assert 1 == counted
    assert {b"A fault of ours: ArithmeticError."} == {letter.headers["dlq.error.message"] for letter in buried}
    assert BROKEN == code
    assert len(buried) < 1_000 < sum(scene.uncommitted().values())
    assert 1 == len(lines(log, "go back to the last version"))
    assert [] == lines(log, "names")
