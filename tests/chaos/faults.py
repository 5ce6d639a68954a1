"""The random fault plan: what strikes whom and when, and the evidence that it struck where it hurts.

A fault counts only if it struck an owner with uncommitted events, between 20 and 80 % of progress. The evidence, in
this order: the victim's own word a moment before (ready; in its `/metrics` the partitions it owns, and that it advanced
batches that are not acknowledged); the log ends of these partitions; the strike; and then, from the broker, how far
the offsets committed for these partitions stay below those ends. Progress is judged twice, as the share published and
as the share committed, and both must lie in the window. A run with a fault that does not count is void: it fails.
"""

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.stage import Stage
from tests.chaos.worker import ROOT, Worker

FROM, UNTIL = 0.20, 0.80
MARGIN = 0.035
PATIENCE_S = 20.0
ADVANCED = "latido_batches_uncommitted"

KINDS = ("kill", "kill", "kill", "term", "freeze")
LENGTHS = {"kill": 1, "term": 1, "freeze": 2}
"""How long each fault takes compared with the others: a freeze outlasts the session."""

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "freeze": signal.SIGSTOP}


class VoidError(AssertionError):
    """A fault did not strike where it counts: the run proves nothing."""


class Strike(NamedTuple):
    """One fault that happened, with its evidence."""

    kind: str
    victim: str
    published: float
    committed: float
    uncommitted: int

    def __str__(self) -> str:
        """Say what happened in a line."""
        return (
            f"{self.kind} {self.victim}, an owner with {self.uncommitted} uncommitted events, "
            f"at {self.published:.0%} published and {self.committed:.0%} committed"
        )

    def counts(self) -> bool:
        """Whether it struck an owner with uncommitted events within the window of progress."""
        low, high = min(self.published, self.committed), max(self.published, self.committed)
        return self.uncommitted > 0 and low >= FROM and high <= UNTIL


class Source:
    """The publisher's process, and how far it is."""

    def __init__(self, stage: Stage, seed: int, events: int, customers: int, seconds: float) -> None:
        self.events, self.acked = events, 0
        self.ledger = stage.folder / "ledger.jsonl"
        command = [sys.executable, "-m", "tests.chaos.publisher", stage.brokers, stage.prefix, str(self.ledger)]
        command += [f"--seed={seed}", f"--events={events}", f"--customers={customers}", f"--seconds={seconds}"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.acked = int(line)

    @property
    def share(self) -> float:
        """Share of all records that the broker has acknowledged."""
        return self.acked / self.events

    def wait(self, timeout: float) -> None:
        """Wait until everything is published."""
        code = self.process.wait(timeout)
        self._reading.join()
        assert (0, self.events) == (code, self.acked)

    def close(self) -> None:
        """Stop publishing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Faults:
    """Strikes running workers at random; every draw comes from the seed."""

    def __init__(self, stage: Stage, source: Source, seed: int, session_s: float, say: Callable[[str], None]) -> None:
        self.stage, self.source, self.session_s, self.say = stage, source, session_s, say
        self.rng = random.Random(seed)
        self.strikes: list[Strike] = []

    def run(self, kinds: tuple[str, ...] = KINDS) -> list[Strike]:
        """Strike once per kind, in random order, at random moments of the window; return what happened."""
        order = self.rng.sample(kinds, len(kinds))
        lengths = [LENGTHS[kind] for kind in order]
        unit = (UNTIL - FROM - 2 * MARGIN) / sum(lengths)
        for number, kind in enumerate(order):
            moment = FROM + MARGIN / 5 + unit * (sum(lengths[:number]) + self.rng.uniform(0, 0.4))
            while self._progress() < moment:
                time.sleep(0.05)
            self._strike(kind)
        return self.strikes

    def _strike(self, kind: str) -> None:
        """Strike the chosen worker, or another if that one has nothing to lose, and keep the evidence."""
        chosen = self.rng.choice(self.stage.workers)
        victim, owned = self._exposed([chosen, *(worker for worker in self.stage.workers if worker is not chosen)])
        ends = {tp: end for tp, end in self.stage.ends().items() if tp[1] in owned}
        victim.send(SIGNALS[kind])
        done = self.stage.committed()
        strike = Strike(
            kind=kind,
            victim=victim.name,
            published=self.source.share,
            committed=self._share(done),
            uncommitted=sum(end - done.get(tp, 0) for tp, end in ends.items()),
        )
        self.strikes.append(strike)
        self.say(str(strike))
        if not strike.counts():
            raise VoidError(f"the run is void, this fault does not count: {strike}")
        self._after(kind, victim)

    def _exposed(self, candidates: list[Worker]) -> tuple[Worker, set[int]]:
        """Wait until one of the workers owns something and has advanced what is not acknowledged."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for worker in candidates:
                metrics = worker.metrics() if worker.alive and worker.ready() else {}
                if (owned := worker.owned(metrics)) and metrics.get(ADVANCED, 0) > 0:
                    return worker, owned
            time.sleep(0.02)
        raise VoidError(f"the run is void: no owner with uncommitted events for {PATIENCE_S:.0f} s")

    def _after(self, kind: str, victim: Worker) -> None:
        """Let the fault take its course, and start the victim again if it ended."""
        if kind == "freeze":
            time.sleep(self.session_s + self.rng.uniform(1.5, 3.0))
            victim.thaw()
            with contextlib.suppress(subprocess.TimeoutExpired):
                victim.wait(2)
            if victim.alive:
                return
        victim.wait()
        victim.start()

    def _share(self, committed: dict[tuple[str, int], int]) -> float:
        """Return how much of all that will be published is committed."""
        return sum(at for (topic, _), at in committed.items() if topic in self.stage.sources) / self.source.events

    def _progress(self) -> float:
        return min(self.source.share, self._share(self.stage.committed()))
