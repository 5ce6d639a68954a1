"""One run's own corner of a broker: its topics, its consumer group, its workers, and what stands there at the end."""

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tests.chaos.worker import LATIDO, Worker
from tests.verify.readers import Offsets

SOURCES = ("clickstream", "store-visits", "orders", "responses", "profiles")
OUTPUTS = ("churn-risk", "next-best-actions", "customers")
KEEP_ALL = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class Stage:
    """Topics under a prefix of their own, and workers that know only these."""

    def __init__(self, brokers: str, name: str, folder: Path, partitions: int = 4, **settings: object) -> None:
        self.brokers, self.name, self.folder, self.partitions = brokers, name, folder, partitions
        self.prefix = name + "-"
        self.group = self.prefix + "latido"
        self.settings = {
            "LATIDO_BROKERS": brokers,
            "LATIDO_TOPIC_PREFIX": self.prefix,
            "LATIDO_PARTITIONS": str(partitions),
            "LATIDO_DATA_DIR": str(folder / "data"),
        } | {"LATIDO_" + key.upper(): str(value) for key, value in settings.items()}
        self.workers: list[Worker] = []
        self.offsets = Offsets(brokers, self.group)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def sources(self) -> list[str]:
        """Full names of the source topics."""
        return [self.prefix + name for name in SOURCES]

    @property
    def outputs(self) -> list[str]:
        """Full names of the output topics, dead letters apart."""
        return [self.prefix + name for name in OUTPUTS]

    @property
    def dead_letters(self) -> str:
        """Full name of the topic of dead letters."""
        return self.prefix + "dead-letters"

    @property
    def rerouted(self) -> str:
        """Full name of the topic by which strangers travel home."""
        return self.prefix + "rerouted"

    @property
    def changelog(self) -> str:
        """Full name of the changelog."""
        return self.group + "-engagement-changelog"

    def create_topics(self, compaction: bool = True) -> None:
        """Create the source topics, and without compaction also a changelog that forgets nothing."""
        self.create(self.sources if compaction else [*self.sources, self.changelog])

    def create(self, names: Sequence[str]) -> None:
        """Create topics that keep everything."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        topics = [NewTopic(name, self.partitions, 1, config=KEEP_ALL) for name in names]
        for future in admin.create_topics(topics).values():
            future.result(30)

    def worker(self, name: str, command: Sequence[str] = LATIDO, **settings: object) -> Worker:
        """Make a worker of this stage; it is not started yet."""
        own = {"LATIDO_" + key.upper(): str(value) for key, value in settings.items()}
        worker = Worker(name, self.settings | own, self.folder, command)
        self.workers.append(worker)
        return worker

    def committed(self) -> dict[tuple[str, int], int]:
        """Return the committed offset of every partition that has one."""
        return self.offsets.committed([*self.sources, self.rerouted])

    def ends(self) -> dict[tuple[str, int], int]:
        """Return the log end of every partition that workers read."""
        return self.offsets.ends([*self.sources, self.rerouted])

    def uncommitted(self) -> dict[tuple[str, int], int]:
        """Return how many records of each partition are in the log and not committed."""
        done, tops = self.committed(), self.ends()
        return {tp: top - done.get(tp, 0) for tp, top in tops.items() if top > done.get(tp, 0)}

    def settle(
        self, quiet_s: float = 2.0, timeout: float = 60.0, on_wait: Callable[[int], None] = lambda left: None
    ) -> None:
        """Wait until everything is committed and nothing more is written for a while."""
        deadline, before, since = time.monotonic() + timeout, None, time.monotonic()
        while True:
            left = sum(self.uncommitted().values())
            now = self.offsets.ends([self.changelog, self.rerouted, self.dead_letters, *self.outputs])
            if left or now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet_s:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} records are not committed after {timeout:.0f} s: {self.uncommitted()}")
            on_wait(left)
            time.sleep(0.25)

    def end(self) -> list[int]:
        """Ask every running worker to end, so that nothing is written any more; return their exit codes."""
        running = [worker for worker in self.workers if worker.alive]
        for worker in running:
            worker.send(signal.SIGTERM)
        return [worker.wait() for worker in running]

    def close(self) -> None:
        """Leave no process and no connection behind."""
        for worker in self.workers:
            worker.close()
        self.offsets.close()
