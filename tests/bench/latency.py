"""Event → signal: from the moment an event is handed to a producer until its signal reaches an independent consumer."""

import subprocess
import sys
import time
from statistics import quantiles
from typing import NamedTuple

from streams.cli.worker import stay_on
from tests.bench.flow import WARM_UP_S, flow
from tests.bench.model import teach
from tests.bench.throughput import Step
from tests.chaos.stage import Stage
from tests.chaos.worker import ROOT


class Latency(NamedTuple):
    """Milliseconds from event to signal, and how many pairs."""

    p50_ms: float
    p99_ms: float
    signals: int


def latency(stage: Stage, rate: int, seconds: float, step: Step) -> tuple[Latency, Latency]:
    """
    Measure at a rate, after a warm-up, over the given time: all signals, and next best actions alone.

    `stage` has empty topics and the wall clock.
    """
    teach(stage, [time.time()])
    worker = stage.worker("latency").start()
    worker.wait_ready()
    heard = flow(stage, rate, WARM_UP_S + seconds, step)
    worker.kill()
    since = min(published for published, _ in heard.pairs) + WARM_UP_S
    return latency_of(heard.pairs, since), latency_of(heard.decisions, since)


def relayed(stage: Stage, rate: int, seconds: float, cpu: int, step: Step) -> Latency:
    """Measure the barest relay at the same rate, as `latency` does the worker."""
    output, command = stage.outputs[0], [sys.executable, "-m", "tests.bench.relay", stage.brokers, stage.group]
    stage.create([stage.changelog, *stage.outputs])
    with subprocess.Popen(
        [*command, stage.changelog, output, *stage.sources], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: stay_on(cpu),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("The relay did not start.")
            heard = flow(stage, rate, WARM_UP_S + seconds, step)
        finally:
            process.kill()
    return latency_of(heard.pairs, min(published for published, _ in heard.pairs) + WARM_UP_S)


def latency_of(pairs: list[tuple[float, float]], since: float, until: float = float("inf")) -> Latency:
    """Sum up the pairs of (published, arrived) whose event was published within a time."""
    waits = [1000 * (arrived - published) for published, arrived in pairs if since <= published <= until]
    cuts = quantiles(waits, n=100)
    return Latency(cuts[49], cuts[98], len(waits))
