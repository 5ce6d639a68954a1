"""
What it costs to look for moments: CPU time on one core, per scored snapshot, with the shipped catalogue.

Run `python -m tests.bench.moment_cost [--customers 5000] [--events 120000]`: the snapshots are those of the hot load,
its partition number 0 of 4, looked at again and again; of the rounds the quickest counts.
"""

import argparse
import time
from collections import Counter

import msgspec

from streams.core import assess, step
from streams.core.catalogue import Catalogue, parse
from streams.core.engagement import Engagement
from streams.core.moments import Moment, look
from streams.core.rules import Rules
from streams.core.stance import Stance
from tests.bench.core_cost import CATALOGUE, raws, run
from tests.bench.events import Load

ROUNDS = 15


def main() -> None:
    """Keep every snapshot that is looked at, then measure looking at them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=120_000)
    options = parser.parse_args()
    kept: list[tuple[Engagement, Stance]] = []

    def keep(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> list[Moment]:
        kept.append((engagement, msgspec.structs.replace(stance)))
        return look(catalogue, engagement, stance)

    vars(assess)["look"] = vars(step)["look"] = keep
    rules = Rules(catalogue=parse(CATALOGUE.read_text()))
    run(rules, raws(Load(customers=options.customers, events=options.events)))
    quickest = min(_seconds(rules.catalogue, kept) for _ in range(ROUNDS))
    found = Counter(moment.name for one in kept for moment in look(rules.catalogue, *one))
    each, moments = 1e6 * quickest / len(kept), found.total() / len(kept)
    print(f"{len(kept):,} snapshots, {each:.2f} us and {moments:.2f} moments each")
    for name, count in found.most_common():
        print(f"{count:9,} {name}")


def _seconds(catalogue: Catalogue, kept: list[tuple[Engagement, Stance]]) -> float:
    began = time.process_time()
    for engagement, stance in kept:
        look(catalogue, engagement, stance)
    return time.process_time() - began


if __name__ == "__main__":
    main()
