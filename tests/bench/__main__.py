"""`python -m tests.bench` (or `make bench`): what one worker process does on a real broker, measured and printed.

Writes bench.json, `{name: {value, unit}}`, with what was measured, the small print included. How each figure is made
stands in README.md beside this.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams import broker as local
from streams.cli.worker import stay_on
from tests.bench.latency import latency, relayed
from tests.bench.model import calibrated_share
from tests.bench.silence import silence
from tests.bench.throughput import HOT, SCATTERED, STEADY, YEAR, Step, filled, hot, steady
from tests.chaos.stage import Stage
from tests.chaos.worker import ROOT

PARTS = ("hot", "plain", "scattered", "steady", "latency", "relay", "silence")
RATE, SECONDS = 10_000, 20.0
PLAIN_EVENTS = 30_000
CALIBRATED = "calibrated share"
SILENT, SILENT_RATE = 100_000, 5_000

RATIOS = {
    "throughput, times plain Faust": ("throughput_hot_events_per_s", "plain_faust_events_per_s"),
    "p50, times the barest relay": ("latency_p50_ms_at_10k", "relay_latency_p50_ms_at_10k"),
    "p99, times the barest relay": ("latency_p99_ms_at_10k", "relay_latency_p99_ms_at_10k"),
}
"""What can be compared from machine to machine: ours by theirs, of one run."""

Figures = dict[str, tuple[float, str]]
"""Value and unit by name."""


class Bench:
    """One run on one broker; the hot load's topics are filled once for the worker and for plain Faust."""

    def __init__(self, brokers: str, folder: Path, scale: float, cpu: int, step: Step) -> None:
        self.brokers, self.folder, self.scale, self.cpu, self.step = brokers, folder, scale, cpu, step
        self.figures: Figures = {}
        self.notes: Figures = {}
        self.stage: Stage | None = None

    def run(self, parts: list[str]) -> None:
        """Measure the given parts, one after another."""
        for part in parts:
            getattr(self, part)()

    def hot(self) -> None:
        """Measure one worker over 20 000 busy customers who come in sessions."""
        load = HOT._replace(events=int(HOT.events * self.scale))
        stage = self.stage = self._staged("hot")
        speed = hot(stage, load, self.step)
        self.figures["throughput_hot_events_per_s"] = (speed.events_per_s, "events/s")
        self.figures["cpu_s_per_million_events"] = (speed.cpu_s_per_million, "s")
        self._note("hot", speed._asdict() | {CALIBRATED: calibrated_share(stage)})

    def plain(self) -> None:
        """Measure an ordinary Faust app over the same topics."""
        if (stage := self.stage) is None:
            stage = self._staged("plain")
            filled(stage, HOT._replace(events=4 * PLAIN_EVENTS), self.step)
        self.step("plain Faust: working", 0)
        name = stage.prefix + "plain"
        stage.create([name + "-spoken"])  # plain Faust does not create what it sends to
        command = [sys.executable, "-m", "tests.bench.plain_faust", self.brokers, name]
        command += [str(PLAIN_EVENTS), *stage.sources]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
            preexec_fn=lambda: stay_on(self.cpu),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Plain Faust ended with code {done.returncode}: {done.stderr[-2000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        self.figures["plain_faust_events_per_s"] = (result["events"] / result["seconds"], "events/s")
        self.notes["plain: cpu_s_per_million"] = (result["cpu_s"] / result["events"] * 1e6, "s")

    def scattered(self) -> None:
        """Measure one worker over the same customers when nearly every event is another one's."""
        load = SCATTERED._replace(events=int(SCATTERED.events * self.scale))
        stage = self._staged("scattered")
        speed = hot(stage, load, self.step)
        self.figures["throughput_scattered_events_per_s"] = (speed.events_per_s, "events/s")
        self._note("scattered", speed._asdict() | {CALIBRATED: calibrated_share(stage)})

    def steady(self) -> None:
        """Measure one worker over 200 000 customers with a year behind them, and how fast it is there again."""
        year, load = (load._replace(events=int(load.events * self.scale)) for load in (YEAR, STEADY))
        stage = self._staged("steady")
        speed, start, sizes = steady(stage, year, load, self.step)
        self.figures["throughput_steady_events_per_s"] = (speed.events_per_s, "events/s")
        self.figures["recovery_s_200k_customers"] = (start.ready_s, "s")
        self.figures["record_bytes_p50"] = (sizes.p50, "bytes")
        self.figures["record_bytes_p99"] = (sizes.p99, "bytes")
        self._note("steady", speed._asdict() | {"customers": sizes.customers, CALIBRATED: calibrated_share(stage)})
        self.notes["recovery: net of the process's start"] = (start.ready_s - start.answered_s, "s")

    def latency(self) -> None:
        """Measure the time from event to signal at a steady rate."""
        stage = self._staged("latency", clock="wall", speak_from="")
        found, decided = latency(stage, RATE, SECONDS, self.step)
        self.figures["latency_p50_ms_at_10k"] = (found.p50_ms, "ms")
        self.figures["latency_p99_ms_at_10k"] = (found.p99_ms, "ms")
        self.figures["decision_latency_p99_ms_at_10k"] = (decided.p99_ms, "ms")
        self._note(
            "latency", {"signals": found.signals, "decisions": decided.signals, CALIBRATED: calibrated_share(stage)}
        )

    def relay(self) -> None:
        """Measure the least that broker, client and machine take for the same events."""
        found = relayed(self._staged("relay"), RATE, SECONDS, self.cpu, self.step)
        self.figures["relay_latency_p50_ms_at_10k"] = (found.p50_ms, "ms")
        self.figures["relay_latency_p99_ms_at_10k"] = (found.p99_ms, "ms")
        self._note("relay", {"signals": found.signals})

    def silence(self) -> None:
        """Measure many customers falling silent within a minute, beside the events of others."""
        customers = int(SILENT * self.scale)
        stage = self._staged("silence", clock="wall")
        found = silence(stage, customers, SILENT_RATE, 60 + customers // 1000, self.step)
        self.figures["silence_rechecks_spoken_per_s"] = (found.spoken_per_s, "customers/s")
        self.figures["silence_last_spoken_s"] = (found.last_spoken_s, "s")
        self.figures["silence_latency_p99_ms_at_5k"] = (found.latency_p99_ms, "ms")
        self._note("silence", found._asdict() | {"customers": customers, CALIBRATED: calibrated_share(stage)})

    def _staged(self, name: str, *, clock: str = "stream", speak_from: str = "beginning") -> Stage:
        """
        Make a stage, its topics empty.

        As a rule its outputs are really written: event time drives silence, and speech begins with the first event.
        """
        name = f"bench-{name}-{time.time_ns() // 1_000_000:x}"
        stage = Stage(self.brokers, name, self.folder / name, clock=clock, speak_from=speak_from, cpu=self.cpu)
        stage.create_topics()
        return stage

    def _note(self, part: str, found: dict[str, float]) -> None:
        self.notes |= {f"{part}: {name}": (value, "") for name, value in found.items() if name != "events_per_s"}


def table_of(bench: Bench) -> Table:
    """Lay the figures out for people, with the ratios of one run."""
    table = Table("figure", "value", "unit", title="Latido, one worker process")
    for column in table.columns[1:2]:
        column.justify = "right"
    for name, (value, unit) in bench.figures.items():
        table.add_row(name, shown(value), unit)
    for name, (ours, theirs) in RATIOS.items():
        if ours in bench.figures and theirs in bench.figures:
            table.add_row(f"[bold]{name}", f"[bold]{bench.figures[ours][0] / bench.figures[theirs][0]:.1f}", "")
    table.add_section()
    for name, (value, unit) in bench.notes.items():
        table.add_row(f"[dim]{name}", f"[dim]{shown(value)}", f"[dim]{unit}")
    return table


def shown(value: float) -> str:
    """Write a figure with as many digits as it deserves."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def stepper(progress: Progress) -> Callable[[str, float], None]:
    """Return what shows steps: a bar per kind of work."""
    tasks: dict[str, object] = {}

    def step(text: str, share: float) -> None:
        if text not in tasks:
            for task in progress.tasks:
                progress.update(task.id, completed=1.0)
            tasks[text] = progress.add_task(text, total=1.0)
        progress.update(tasks[text], completed=share)

    return step


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, separated by commas: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "bench.json")
    parser.add_argument("--brokers", default="", help="a cluster of your own; else a broker is started and stopped")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of events, for a quick look")
    parser.add_argument(
        "--cpu", type=int, default=max(os.sched_getaffinity(0)), help="on which a worker's threads stay; -1: on any"
    )
    options = parser.parse_args()
    parts = [part for part in PARTS if part in options.only.split(",")]
    console, folder = Console(stderr=True), Path(tempfile.mkdtemp(prefix="latido-bench-"))
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console.print(f"logs: {folder}")
    libs = ROOT / ".latido" / "broker" / "libs"
    try:
        brokers = options.brokers or local.start(folder, 0, libs=libs, say=console.print).address
        with Progress(*columns, console=console) as progress:
            bench = Bench(brokers, folder, options.scale, options.cpu, stepper(progress))
            try:
                bench.run(parts)
            finally:
                if bench.stage is not None:
                    bench.stage.close()
    finally:
        if not options.brokers:
            local.stop(folder)
            shutil.rmtree(folder / "broker")  # gigabytes; the logs stay
    Console().print(table_of(bench))
    told = bench.figures | bench.notes
    figures = {name: {"value": value, "unit": unit} for name, (value, unit) in told.items()}
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
