"""A short run with one fault at a fixed point: a worker with something wrong, then a sound one, then the verdict."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from streams.core.rules import Rules
from tests.chaos.entry import CRASHED
from tests.chaos.exact import QUICK
from tests.chaos.load import Planned, Shares, plan
from tests.chaos.publisher import Publisher
from tests.chaos.stage import Stage
from tests.chaos.verdict import Violations, verdict
from tests.chaos.worker import ENTRY, Worker
from tests.verify.oracle import Published
from tests.verify.readers import read_ledger

EVENTS, CUSTOMERS, SECONDS = 3_000, 200, 3.0
IN_ORDER = Shares(duplicates=0, out_of_order=0, null_key=0, wrong_key=0, wrong_partition=0)


class Scenario:
    """A stage of its own, records that arrive while workers come and go, and a ledger."""

    def __init__(self, brokers: str, folder: Path, name: str, **settings: object) -> None:
        self.stage = Stage(brokers, f"{name}-{time.time_ns() // 1_000_000:x}", folder, **(QUICK | settings))
        self.stage.create_topics(compaction=False)
        self.published: list[Published] = []
        self._number = self._planned = 0
        self._publishing: list[threading.Thread] = []
        self._publishers: list[Publisher] = []

    def __enter__(self) -> "Scenario":
        return self

    def __exit__(self, *_: object) -> None:
        for publisher in self._publishers:
            publisher.stopped = True
        for thread in self._publishing:
            thread.join()
        self.stage.close()

    def broken(self, name: str, *arguments: str) -> Worker:
        """Make a worker with something wrong, as the entry point's command line says."""
        return self.stage.worker(name, [*ENTRY, *arguments], instance_id=name)

    def sound(self, name: str) -> Worker:
        """Make a worker with nothing wrong; under the name of one that has ended it takes over its place at once."""
        return self.stage.worker(name, instance_id=name)

    def publish(self, records: Sequence[Planned], seconds: float = SECONDS) -> None:
        """Begin to publish, evenly over some seconds; `published` waits for it."""
        thread = threading.Thread(target=self._publish, args=(self._number, records, seconds))
        self._number += 1
        self._planned += len(records)
        self._publishing.append(thread)
        thread.start()

    def _publish(self, number: int, records: Sequence[Planned], seconds: float) -> None:
        path = self.stage.folder / f"ledger-{number}.jsonl"
        with path.open("w", encoding="ascii") as ledger:
            publisher = Publisher(self.stage.brokers, self.stage.prefix, ledger)
            self._publishers.append(publisher)
            publisher.run(records, seconds)
        self.published += read_ledger(path)

    def all_published(self) -> None:
        """Wait until everything has been published."""
        for thread in self._publishing:
            thread.join()
        self._publishing.clear()
        assert self._planned == len(self.published)

    def taken_over(self, worker: Worker, timeout: float = 40.0) -> None:
        """Wait until a worker owns every partition and takes events."""
        deadline = time.monotonic() + timeout
        while not worker.ready() or len(worker.owned()) < self.stage.partitions:
            assert worker.alive, f"it ended, see {worker.log}"
            assert time.monotonic() < deadline, f"it never took over, see {worker.log}"
            time.sleep(0.05)

    def settled(self, rules: Rules | None = None) -> Violations:
        """Wait until all is published and committed, end the workers, and judge."""
        self.all_published()
        self.stage.settle(quiet_s=1.0)
        assert {0} == set(self.stage.end())
        return verdict(self.stage, self.published, rules)


def crashed(worker: Worker, timeout: float = 40.0) -> None:
    """Wait until a worker has ended at its point; anything else proves nothing."""
    assert CRASHED == worker.wait(timeout), f"it ended otherwise, see {worker.log}"


def frozen(worker: Worker, timeout: float = 40.0) -> None:
    """Wait until a worker stands still at its point."""
    deadline = time.monotonic() + timeout
    while state_of(worker) != "T":
        assert worker.alive, f"it ended before its point, see {worker.log}"
        assert time.monotonic() < deadline, f"it never came to its point, see {worker.log}"
        time.sleep(0.02)


def state_of(worker: Worker) -> str:
    """Return the state of a worker's process; T is stopped."""
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0]


def records(seed: int, events: int = EVENTS, shares: Shares | None = None) -> list[Planned]:
    """Plan the records of a short run."""
    return plan(seed, events, CUSTOMERS, shares)
