"""A catalogue that is pushed serves in all workers without a restart; one that cannot be used changes nothing."""

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from streams.catalogues import EFFECTIVE_HEADER
from streams.cli import main
from streams.core.catalogue import parse
from tests.chaos.stage import Stage
from tests.chaos.worker import Worker
from tests.core.decided import HEAD, action
from tests.verify.readers import read
from tests.worker.conftest import Raise
from tests.worker.scenes import NOW, lines, publish, until, view

pytestmark = pytest.mark.broker

OLD, NEW = (HEAD % 0.0 + action(name, channel="web", prior=[999_000, 1000]) for name in ("thanks", "hello"))
VERSION = {name: parse(text).version for name, text in (("old", OLD), ("new", NEW))}
HOUR = timedelta(hours=1)
FIRST, SECOND = NOW - 4 * HOUR, NOW - 2 * HOUR
"""From when the new catalogue serves, and from when the old one serves again."""

BROKEN = OLD.replace('channel = "web"', 'channel = "pigeon"').encode()
_customers = itertools.count()


def latido(stage: Stage, *words: str) -> Result:
    """Run a command against a stage; what it prints as JSON is read by `told`."""
    return CliRunner().invoke(main, ["catalogue", *words], env=stage.settings)


def told(result: Result) -> dict[str, Any]:
    assert 0 == result.exit_code, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def pushed_by_hand(stage: Stage, value: bytes, **headers: str) -> None:
    """Put something into the log without asking whether it holds."""
    producer = Producer({"bootstrap.servers": stage.brokers})
    producer.produce(stage.prefix + "catalogues", key=b"by hand", value=value, headers=headers or None)
    assert 0 == producer.flush(30)


def bought(stage: Stage, when: timedelta) -> set[str]:
    """Let new customers of all partitions buy for the first time; return the catalogues by which was decided."""
    names = [f"c{next(_customers)}" for _ in range(16)]
    order = {"event_type": "order_placed", "channel": "web", "currency": "GBP", "occurred_at": (NOW + when).isoformat()}
    line = {"product_id": "p1", "quantity": 1, "unit_price_minor": 500}
    orders = [view(f"e-{who}", who, order_id=f"o-{who}", lines=[line], product_id=None, **order) for who in names]
    publish(stage, [one._replace(topic="orders") for one in orders])
    until(lambda: len(_decided(stage, names)) == len(names), "all have their decision")
    return set(_decided(stage, names).values())


def _decided(stage: Stage, names: list[str]) -> dict[str, str]:
    found = (json.loads(record.value or b"") for record in read(stage.brokers, stage.prefix + "next-best-actions"))
    return {one["customer_id"]: one["catalogue"] for one in found if one["customer_id"] in names}


def in_all(workers: list[Worker], words: str) -> None:
    """Wait until every worker has said something in its log."""
    until(lambda: all(lines(worker.log.read_text(), words) for worker in workers), f"all say: {words}")


def test_what_is_pushed_serves_everywhere_and_what_is_broken_nowhere(stage: Raise, tmp_path: Path) -> None:
    """Two workers take a new catalogue, take the old one back, and hold to it whatever else is put into the log."""
    files = {name: tmp_path / f"{name}.toml" for name in VERSION}
    for name, text in (("old", OLD), ("new", NEW)):
        files[name].write_text(text)
    scene = stage("catalogues", catalogue=files["old"])
    workers = [scene.worker(name).start() for name in ("first", "second")]
    for worker in workers:
        worker.wait_ready()
    until(lambda: all(len(worker.owned()) == 2 for worker in workers), "both own partitions")
    said_before = latido(scene, "list").stdout

    new = told(latido(scene, "push", str(files["new"]), "--from", FIRST.isoformat(), "--json"))
    in_all(workers, f"Catalogue 1 ({VERSION['new']}) serves from")
    before, after = bought(scene, -5 * HOUR), bought(scene, -3 * HOUR)
    back = told(latido(scene, "rollback", "--from", SECOND.isoformat(), "--json"))
    in_all(workers, f"Catalogue 2 ({VERSION['old']}) serves from")
    rolled_back = bought(scene, -HOUR)

    pushed_by_hand(scene, BROKEN, **{EFFECTIVE_HEADER: str(int((NOW - HOUR).timestamp()))})
    pushed_by_hand(scene, NEW.encode())
    in_all(workers, "Catalogue 4 cannot be used")
    refused = [worker.metrics()["latido_catalogues_refused_total"] for worker in workers]
    undisturbed = bought(scene, timedelta(minutes=-30))
    workers[0].terminate()
    workers[0].start().wait_ready()
    until(lambda: len(workers[0].owned()) == 2, "the one that was restarted owns partitions again")
    restarted = bought(scene, timedelta(minutes=-20))
    listed = told(latido(scene, "list", "--json"))["catalogues"]

    assert "None of them serves" in said_before
    assert ((1, VERSION["new"]), (2, VERSION["old"])) == tuple((one["number"], one["version"]) for one in (new, back))
    assert [{VERSION["old"]}, {VERSION["new"]}, {VERSION["old"]}] == [before, after, rolled_back]
    assert [2.0, 2.0] == refused
    assert [{VERSION["old"]}] * 2 == [undisturbed, restarted]
    assert ["past", "serves", "refused", "refused"] == [one["state"] for one in listed]
    (why,) = lines(workers[1].log.read_text(), "Catalogue 3 cannot be used")
    assert "action 'thanks' channel: there is no 'pigeon'" in why
    assert [0, 0] == scene.end()
