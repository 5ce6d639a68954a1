"""
What the core costs, phase by phase: CPU time on one core, without decoding, Faust or Kafka.

Run `python -m tests.bench.core_cost [--customers 20000] [--events 600000] [--profile]`: the hot load, its
partition number 0 of 4, in slices of 500 events. Phases are timed around each slice's calls; times are CPU
time of this process, in microseconds for each event.
"""

import argparse
import cProfile
import gc
import pstats
import statistics
import time
import zlib
from pathlib import Path

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


def yardstick() -> float:
    """Say how long a thousand plain additions take just now: shared machines differ from moment to moment."""
    numbers = list(range(1000))
    began = time.process_time()
    for _ in range(10):
        sum([number + 1 for number in numbers])
    return (time.process_time() - began) / 10


def run(rules: Rules, rows: list[Made]) -> dict[str, float]:
    """Decode (not timed) and advance all rows slice by slice; say what it cost."""
    clock = time.process_time
    doors = [Door(source, accept_from_s=0) for source in range(3)]
    state: dict[str, bytes] = {}
    observing = finishing = 0.0
    signals: dict[str, int] = {}
    dirty = 0
    yardsticks = []
    for start in range(0, len(rows), SLICE):
        if start % (20 * SLICE) == 0:
            yardsticks.append(yardstick())
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
        finishing += clock() - observed
        observing += observed - began
        dirty += len(steps)
        for key, step in steps.items():
            state[key] = step.body
            for signal in step.signals:
                signals[signal.kind] = signals.get(signal.kind, 0) + 1
    bodies = list(state.values())
    sizes = sorted(map(len, bodies))
    began = clock()
    records = [load(body) for body in bodies]
    loaded = clock()
    for record in records:
        dump(record)
    dumped = clock()
    events = len(rows)
    return {
        "events": events,
        "observe, load included (us/event)": observing / events * 1e6,
        "finish, dump included (us/event)": finishing / events * 1e6,
        "together (us/event)": (observing + finishing) / events * 1e6,
        "of it load (us/record)": (loaded - began) / len(bodies) * 1e6,
        "of it dump (us/record)": (dumped - loaded) / len(bodies) * 1e6,
        "records written per event": dirty / events,
        **{f"{kind} per event": count / events for kind, count in signals.items()},
        "yardstick (us)": statistics.mean(yardsticks) * 1e6,
        "record bytes p50": statistics.median(sizes),
        "record bytes p99": sizes[int(len(sizes) * 0.99)],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--draw", choices=("even", "zipf", "mixed"), default="even")
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
    for name, value in run(rules, rows).items():
        print(f"{name:40} {value:12,.3f}")


if __name__ == "__main__":
    main()
