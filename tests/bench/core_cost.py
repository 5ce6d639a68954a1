"""
What the core costs, phase by phase: CPU time on one core, without decoding, Faust or Kafka.

Run `python -m tests.bench.core_cost [--customers 20000] [--events 600000] [--profile]`: the hot load, its
partition number 0 of 4, in slices of 500 events. Phases are timed around each slice's calls, in microseconds of
this process's CPU time for each event; of five runs the quietest counts, slice by slice.
"""

import argparse
import cProfile
import gc
import pstats
import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from schemas import SOURCES
from streams.core.catalogue import parse
from streams.core.decode import Door, Refused
from streams.core.record import dump, load
from streams.core.rules import Rules
from streams.core.step import Advance
from tests.bench.events import Load, Made, make

SLICE = 500
PARTITIONS = 4
CATALOGUE = Path(__file__).parents[2] / "streams" / "core" / "catalogue.toml"


def raws(load_: Load) -> list[Made]:
    """Make the events of one partition number beforehand."""
    return [made for made in make(load_) if zlib.crc32(made.key) % PARTITIONS == 0]


class Run(NamedTuple):
    """CPU seconds of each slice, the records at the end, and how much was written and said."""

    observing: list[float]
    finishing: list[float]
    state: dict[str, bytes]
    written: int
    signals: Counter[str]


def run(rules: Rules, rows: list[Made]) -> Run:
    """Decode (not timed) and advance all rows, slice by slice."""
    clock = time.process_time
    doors = [Door(source, accept_from_s=0) for source in range(len(SOURCES))]
    done = Run([], [], {}, 0, Counter())
    state, written = done.state, 0
    for start in range(0, len(rows), SLICE):
        advance = Advance(rules, None)
        piece = [
            (made.source, made.key.decode(), doors[made.source].read(made.value, None))
            for made in rows[start : start + SLICE]
        ]
        began = clock()
        for source, key, event in piece:
            assert not isinstance(event, Refused)
            advance.observe(key, state.get(key), source, event)
        observed = clock()
        steps = advance.finish()
        finished = clock()
        done.observing.append(observed - began)
        done.finishing.append(finished - observed)
        written += len(steps)
        for key, step in steps.items():
            state[key] = step.body
            done.signals.update(f"{signal.kind} {signal.label}" for signal in step.signals)
    return done._replace(written=written)


def report(runs: list[Run], events: int) -> dict[str, float]:
    """Sum up; of each slice the quietest run counts, for a shared machine only ever adds."""
    last = runs[-1]
    observing = sum(map(min, zip(*[one.observing for one in runs], strict=True)))
    finishing = sum(map(min, zip(*[one.finishing for one in runs], strict=True)))
    bodies = list(last.state.values())
    records = [load(body) for body in bodies]
    sizes = sorted(map(len, bodies))
    return {
        "events": events,
        "observe, load included (us/event)": observing / events * 1e6,
        "finish, dump included (us/event)": finishing / events * 1e6,
        "together (us/event)": (observing + finishing) / events * 1e6,
        "load alone (us/record)": quietest(lambda: [load(body) for body in bodies[:64]]) / 64 * 1e6,
        "dump alone (us/record)": quietest(lambda: [dump(record) for record in records[:64]]) / 64 * 1e6,
        "records written per event": last.written / events,
        **{f"{name} per event": count / events for name, count in sorted(last.signals.items())},
        "record bytes p50": statistics.median(sizes),
        "record bytes p99": sizes[int(len(sizes) * 0.99)],
    }


def quietest(work: Callable[[], object]) -> float:
    """Say the CPU seconds of the quietest of 200 repetitions."""
    best = float("inf")
    for _ in range(200):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--draw", choices=("sessions", "even", "zipf", "mixed"), default="sessions")
    parser.add_argument("--repeat", type=int, default=5, help="of each slice the quietest run counts")
    parser.add_argument("--profile", action="store_true", help="show where the time goes, by function")
    options = parser.parse_args()
    rows = raws(Load(options.events, options.customers, options.draw))
    rules = Rules(catalogue=parse(CATALOGUE.read_text()))
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(run, rules, rows)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    for name, value in report([run(rules, rows) for _ in range(options.repeat)], len(rows)).items():
        print(f"{name:40} {value:12,.3f}")


if __name__ == "__main__":
    main()
