"""
A worker's life: a backlog, odd records, a quiet end, a start with nothing to do, and one without its offsets.

The story is told once; each test looks at one thing that was seen in it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.broker import Broker
from tests.chaos.exact import QUICK
from tests.chaos.load import Planned
from tests.chaos.poison import event
from tests.chaos.stage import Stage
from tests.chaos.verdict import verdict
from tests.engine.kafka import drop, forget
from tests.verify.oracle import Published
from tests.verify.readers import Record
from tests.worker.scenes import backlog, documents, letters, publish, until, view

pytestmark = pytest.mark.broker

SESSION_S = QUICK["session_timeout_s"]
CUSTOMERS = [f"c{n}" for n in range(30)]
CANARY = "canary"
PARTS = ("code", "message", "topic", "partition", "offset", "timestamp", "app.version")
HEADERS = [f"dlq.error.{part}" for part in PARTS]
SPEAKING = {"customer_id": "canary-customer", "url": "https://shop/?for=canary@example.com", "session_id": "canary-1"}


def odd(topic: str, key: bytes | None, value: bytes | None, code: str | None) -> Planned:
    """Plan a record that is out of the ordinary."""
    return Planned(topic, None, key, value, code)


ODD = {
    "a megabyte": odd("clickstream", b"c1", event(url="x" * 999_000, event_id="odd-1"), "too_large"),
    "an empty value": odd("orders", b"c2", b"", "malformed"),
    "no value": odd("store-visits", b"c3", None, "malformed"),
    "neither key nor value": odd("orders", None, None, "malformed"),
    "a null key": view("odd-2", "nokey", key=None),
    "another's key": view("odd-3", "c4", key="c5"),
    "a key that is no text": view("odd-4", "c6", key=b"\xff\xfe"),
    "words of its own": view("odd-5", **SPEAKING, key="canary@example.com"),
    "refused words": odd("clickstream", b"canary@example.com", event(**SPEAKING, event_id="canary 1"), "schema"),
    "words that are no JSON": odd("clickstream", b"canary-2", b"canary@example.com", "malformed"),
}


class Life(NamedTuple):
    """What was seen."""

    shown_after_backlog: list[tuple[str, Any]]
    shown_at_last: list[tuple[str, Any]]
    buried: list[Record]
    page: str
    log: str
    codes: list[int]
    uncommitted: list[dict[tuple[str, int], int]]
    grown: dict[str, int]
    resent: float
    without_offsets: dict[str, float]
    violations: dict[str, list[str]]


def signs(metrics: dict[str, float]) -> dict[str, float]:
    """Events by what became of them, over all topics, and what was missing or said again."""
    outcomes: Counter[str] = Counter()
    for name, value in metrics.items():
        if found := re.match(r'latido_events_total\{outcome="(\w+)"', name):
            outcomes[found[1]] += value
    missing, resent = (metrics[f"latido_{name}_total"] for name in ("missing_records", "resent_signals"))
    return {name: value for name, value in outcomes.items() if value} | {"missing": missing, "resent": resent}


def ends(scene: Stage) -> dict[str, int]:
    """How many records each topic holds that workers write."""
    found: Counter[str] = Counter()
    for (topic, _), end in scene.offsets.ends([*scene.outputs, scene.dead_letters, scene.rerouted]).items():
        found[topic.removeprefix(scene.prefix)] += end
    return dict(found)


@pytest.fixture(scope="module")
def life(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Tell the story."""
    folder: Path = tmp_path_factory.mktemp("life")
    scene = Stage(broker.address, "life", folder, 2, **QUICK | {"document_interval_s": 1})
    try:
        scene.create_topics(compaction=False)
        yield story(scene)
    finally:
        scene.close()


def story(scene: Stage) -> Life:
    """A backlog, then odd records, then more of the same; an end, a start with nothing new, a start without offsets."""
    published: list[Published] = publish(scene, backlog(CUSTOMERS))
    worker = scene.worker("w").start()
    worker.wait_ready()
    scene.settle(quiet_s=1.5)
    shown_after_backlog = documents(scene)
    published += publish(scene, list(ODD.values()))
    published += publish(scene, [view(f"again-{who}", who) for who in CUSTOMERS[:10]])
    scene.settle(quiet_s=1.5)
    page = worker.get("/metrics")[1]
    shown_at_last = documents(scene)
    codes, uncommitted = [worker.terminate(SESSION_S)], [scene.uncommitted()]

    before = ends(scene)
    worker.start().wait_ready()
    scene.settle(quiet_s=1.5)
    resent = signs(worker.metrics())["resent"]
    codes.append(worker.terminate(SESSION_S))
    uncommitted.append(scene.uncommitted())
    grown = {topic: end - before[topic] for topic, end in ends(scene).items()}
    buried, violations = letters(scene), verdict(scene, published)

    forget(scene.brokers, scene.group)
    late = publish(scene, [view(f"late-{n}", "c0") for n in range(30)])
    drop(scene.brokers, *late[0][:2], before=late[20].offset)
    slow = scene.worker("slow", tick_s=5, commit_interval_s=60).start()
    slow.wait_ready()
    until(lambda: signs(slow.metrics()).get("advanced"), "what is left is in memory, and neither written nor committed")
    without_offsets = signs(slow.metrics())
    codes.append(slow.terminate(SESSION_S))
    uncommitted.append(scene.uncommitted())
    log = worker.log.read_text() + slow.log.read_text()
    return Life(
        shown_after_backlog, shown_at_last, buried, page, log, codes, uncommitted, grown, resent, without_offsets,
        violations,
    )  # fmt: skip


def test_everything_is_exact(life: Life) -> None:
    """Every check holds: the oracle, the replay, one home, remembered is spoken, each refused record in its place."""
    assert {} == life.violations


def test_after_a_backlog_each_customer_has_one_document(life: Life) -> None:
    """None is written while catching up, however often a customer changed; afterwards one."""
    assert dict.fromkeys(CUSTOMERS, 1) == Counter(who for who, _ in life.shown_after_backlog)


def test_a_customers_documents_grow_in_version(life: Life) -> None:
    """Readers keep the highest; the later ones of the ten who came again are higher."""
    versions: dict[str, list[Any]] = {}
    for who, version in life.shown_at_last:
        versions.setdefault(who, []).append(version)

    assert all(sorted(set(found)) == found for found in versions.values())
    assert set(CUSTOMERS[:10]) <= {who for who, found in versions.items() if len(found) > 1}


@pytest.mark.parametrize("name", [name for name, record in ODD.items() if record.code])
def test_an_odd_record_is_buried_untouched(life: Life, name: str) -> None:
    """Its own key and value, its code, where it came from, and no other header but what was promised."""
    record = ODD[name]
    (found,) = [letter for letter in life.buried if (letter.key, letter.value) == (record.key, record.value)]

    assert set(HEADERS) == set(found.headers)
    assert record.code == found.headers["dlq.error.code"].decode()
    assert found.headers["dlq.error.topic"].decode().endswith(record.topic)


def test_only_what_is_bad_is_buried(life: Life) -> None:
    """A null key or a wrong one is no reason: the body decides."""
    assert len([record for record in ODD.values() if record.code]) == len(life.buried)


def test_nobody_is_named_in_metrics(life: Life) -> None:
    """No id, no key, no e-mail in the page, and its series do not grow with the customers."""
    series = [line for line in life.page.splitlines() if line and not line.startswith("#")]
    retail = [line for line in series if "window=" in line]
    windows, channels, segments, figures, partitions = 3, 3, 6, 5, 4

    assert [] == [line for line in life.page.splitlines() if CANARY in line or "again-" in line or '"c1"' in line]
    assert [] == [line for line in series if '"other"' in line]
    assert 0 < len(retail) <= windows * channels * segments * figures * partitions
    assert 100 < len(series) - len(retail) <= 400


def test_nobody_is_named_in_the_log(life: Life) -> None:
    """Whatever was refused, re-routed or said, the log holds places and counts only."""
    assert "Recovered" in life.log
    assert [] == [line for line in life.log.splitlines() if CANARY in line or "late-" in line]


def test_a_worker_that_is_asked_to_end_does_so_in_time_with_all_committed(life: Life) -> None:
    """SIGTERM: exit code 0 within the session timeout, and what was in memory is written and committed with it."""
    assert [0, 0, 0] == life.codes
    assert [{}, {}, {}] == life.uncommitted


def test_a_start_with_nothing_new_says_nothing(life: Life) -> None:
    """No signal, no document, no letter, and no outbox again."""
    assert dict.fromkeys(["churn-risk", "next-best-actions", "customers", "dead-letters", "rerouted"], 0) == life.grown
    assert 0 == life.resent


def test_without_its_groups_offsets_a_worker_reads_nothing_twice(life: Life) -> None:
    """The spoken marker knows what is durable; of thirty new records twenty had left the log, and that is told."""
    assert {"advanced": 10, "missing": 20, "resent": 0} == life.without_offsets
