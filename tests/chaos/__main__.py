"""Chaos by hand: `make chaos` runs the exactness test with one seed after another, also with more workers."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from streams import broker as local
from tests.chaos.exact import Run, run
from tests.chaos.worker import ROOT


def main() -> int:
    """Run as the command line says; the exit code is the number of rounds that were not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000, help="of the first round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=76, help="over which the events are published")
    parser.add_argument("--kinds", default="kill,kill,kill,term,freeze", help="of the faults of each round")
    options = parser.parse_args()
    folder, failed = Path(tempfile.mkdtemp(prefix="latido-chaos-")), 0
    print(f"ledgers and logs: {folder}")
    broker = local.start(folder, 0, libs=ROOT / ".latido" / "broker" / "libs", say=print)
    try:
        for seed in range(options.seed, options.seed + options.rounds):
            plan = Run(
                seed,
                workers=options.workers,
                events=options.events,
                seconds=options.seconds,
                kinds=tuple(options.kinds.split(",")),
            )
            print(f"seed {seed}")
            _, violations = run(broker.address, folder / str(seed), plan, lambda text: print("  " + text, flush=True))
            failed += bool(violations)
            print("  exact" if not violations else "  NOT EXACT")
            for name, found in violations.items():
                print(f"  {name}: {len(found)} violations, the first: {found[0]}")
    finally:
        local.stop(folder)
        shutil.rmtree(folder / "broker")  # gigabytes; the logs stay
    return failed


if __name__ == "__main__":
    sys.exit(main())
