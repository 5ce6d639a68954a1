"""Nothing was ever committed, and nobody had to: fences and the changelog alone keep every count exact."""

import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import Broker
from tests.engine.counting import EVERY, config_of, topics_of
from tests.engine.kafka import counts, create, publish
from tests.verify.readers import Offsets, read
from tests.worker.scenes import until

pytestmark = pytest.mark.broker

NEVER_S = 3600
KEYS = [f"key-{n}" for n in range(40)]
BEFORE, AFTER = 25, 18


class Counter:
    """A counting worker as its own process, and what it has said on standard output."""

    def __init__(self, name: str, brokers: str, me: str, log: Path) -> None:
        """Start it."""
        changes = json.dumps({"commit_interval_s": NEVER_S, "instance_id": me, "document_interval_s": 1, "tick_s": 0.1})
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.engine.counting", name, brokers, changes],
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self.said: list[list[str]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(line.split() for line in self.process.stdout)

    def durable(self) -> int:
        """Records that the worker says are committable."""
        return max([int(words[1]) for words in self.said if words[0] == "COMMITTABLE"], default=0)

    def recovered(self) -> bool:
        """Whether it has recovered something."""
        return any(words[0] == "RECOVERED" for words in self.said)


@pytest.fixture
def started(broker: Broker, tmp_path: Path) -> Iterator[list[Counter]]:
    """Processes to be ended, whatever happens."""
    processes: list[Counter] = []
    yield processes
    for each in processes:
        each.process.kill()
        each.process.wait()


def test_counts_are_exact_although_nothing_was_committed(
    broker: Broker, tmp_path: Path, started: list[Counter]
) -> None:
    """Killed before its first commit, followed by two that share the work: each record counts once, each word is one.

    Some partitions are empty and stay so; none has a committed offset while workers join and are killed.
    """
    name = "uncommitted"
    settings, log = config_of(name, broker.address), tmp_path / "log"
    create(broker.address, topics_of(settings), settings.partitions)
    offsets = Offsets(broker.address, name)
    for source in settings.sources[:2]:
        publish(broker.address, source, dict.fromkeys(KEYS, BEFORE))

    started.append(first := Counter(name, broker.address, "a", log))
    until(lambda: first.durable() == 2 * BEFORE * len(KEYS), "the first has counted all")
    first.process.kill()
    first.process.wait()
    after_kill = offsets.committed(settings.consumed)
    publish(broker.address, settings.sources[0], dict.fromkeys(KEYS, AFTER))
    started.append(second := Counter(name, broker.address, "a", log))
    until(second.recovered, "the second has recovered")
    started.append(third := Counter(name, broker.address, "b", log))
    until(third.recovered, "the third has claimed its share")
    publish(broker.address, settings.sources[1], dict.fromkeys(KEYS, AFTER))
    total = 2 * (BEFORE + AFTER)
    until(
        lambda: counts(broker.address, settings.outputs[settings.documents]) == dict.fromkeys(KEYS, total),
        "the documents tell what was published",
    )
    for each in (second, third):
        each.process.terminate()
    codes = [each.process.wait(30) for each in (second, third)]
    said = defaultdict(set)
    for record in read(broker.address, settings.outputs[0]):
        said[record.headers["id"]].add(record.value)
    ends = offsets.ends(settings.consumed)

    assert {} == after_kill
    assert [0, 0] == codes
    assert {1} == {len(bodies) for bodies in said.values()}
    assert sorted((key, count) for key in KEYS for count in range(EVERY, total + 1, EVERY)) == sorted(
        (word["key"], word["count"]) for word in (json.loads(body) for bodies in said.values() for body in bodies)
    )
    assert ends == offsets.committed(settings.consumed)
    assert 0 == ends[settings.sources[2], 0]
    offsets.close()
