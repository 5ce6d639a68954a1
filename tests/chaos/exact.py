"""One exactness run: workers under random faults while events arrive at a steady rate, then the verdict."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.chaos.faults import KINDS, Faults, Source, Strike
from tests.chaos.stage import Stage
from tests.chaos.verdict import Violations, verdict
from tests.verify.readers import read_ledger

SESSION_S = 6.0

QUICK = {
    "session_timeout_s": SESSION_S,
    "commit_interval_s": 0.5,
    "document_interval_s": 5,
    "retail_interval_s": 5,
    "clock": "stream",
    "speak_from": "beginning",
}
"""Settings of workers that are tested: short sessions, and every signal spoken."""


class Run(NamedTuple):
    """What is run: everything follows from it but the timing."""

    seed: int
    workers: int = 2
    events: int = 60_000
    customers: int = 2_000
    seconds: float = 76.0
    kinds: tuple[str, ...] = KINDS


def run(brokers: str, folder: Path, plan: Run, say: Callable[[str], None]) -> tuple[list[Strike], Violations]:
    """Run workers under faults; return the faults and, per check, the violations found afterwards."""
    stage = Stage(brokers, f"exact-{plan.seed}-{time.time_ns() // 1_000_000:x}", folder, **QUICK)
    source = None
    try:
        stage.create_topics(compaction=False)
        for number in range(plan.workers):
            stage.worker(f"worker-{number}").start()
        for worker in stage.workers:
            worker.wait_ready()
        source = Source(stage, plan.seed, plan.events, plan.customers, plan.seconds)
        strikes = Faults(stage, source, plan.seed, SESSION_S, say).run(plan.kinds)
        source.wait(plan.seconds + 60)
        say("everything is published")
        stage.settle()
        codes = stage.end()
        say(f"everything is committed, the workers ended with {codes}")
        return strikes, verdict(stage, read_ledger(source.ledger), seed=plan.seed)
    finally:
        if source is not None:
            source.close()
        stage.close()
