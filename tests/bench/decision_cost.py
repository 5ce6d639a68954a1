"""
What a decision costs: CPU time on one core, in microseconds for each, by part.

Run `OMP_NUM_THREADS=1 python -m tests.bench.decision_cost [--customers 2000] [--runs 30]`: customers of the hot load
with the shipped catalogue, as if none of their moments had been answered. Of all runs the quietest counts, for a shared
machine only ever adds. The vector is measured once from the memory of vectors and once without it.
"""

import argparse
import gc
import time
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from streams.core import arbitration
from streams.core.arbitration import Stake, vector
from streams.core.catalogue import Catalogue, parse
from streams.core.choose import Decision, choose
from streams.core.decision import remember, told
from streams.core.engagement import Engagement
from streams.core.gates import Context
from streams.core.moments import Moment, look
from streams.core.posterior import Posterior
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.signals import NEXT_BEST_ACTIONS, Happening, Signal, signal_id
from streams.core.stance import Stance
from tests.bench.core_cost import CATALOGUE, raws, run
from tests.bench.events import Load

EVENTS_EACH = 30


class Case(NamedTuple):
    """A customer with moments that are open at the latest assessment."""

    key: str
    engagement: Engagement
    stance: Stance
    moments: list[Moment]


def cases(catalogue: Catalogue, customers: int) -> tuple[list[tuple[Engagement, Stance]], list[Case]]:
    """Give all customers as they are, and those for whom a decision would be made if nothing had been answered."""
    state = run(Rules(catalogue=catalogue), raws(Load(customers * EVENTS_EACH, customers, "sessions"))).state
    known, found = [], []
    for key, body in state.items():
        record = load(body)
        if record.stance is None:
            continue
        known.append((record.engagement, record.stance))
        fresh = replace(record.stance, answers={}, chosen={}, reservations=[], recent=[], enrolled={})
        now_s = fresh.assessed_s
        open_ = [one for one in look(catalogue, record.engagement, fresh) if one.opens_s <= now_s < one.closes_s]
        if open_:
            found.append(Case(key, record.engagement, fresh, open_))
    return known, found


def decide(catalogue: Catalogue, case: Case) -> Signal | None:
    """Do all of a decision: gather, ask the gates, choose, remember and tell."""
    stance = replace(case.stance)
    now_s, happening = stance.assessed_s, Happening(-1, None, stance.assessed_s)
    identity = signal_id(case.key, NEXT_BEST_ACTIONS, happening)
    context = Context(catalogue, case.engagement, stance, case.key, now_s, None)
    decision = choose(context, case.moments, identity)
    if not isinstance(decision, Decision):
        return None
    remember(context, decision, identity)
    return told(context, decision, identity, happening)


def quietest(work: Callable[[], object], runs: int) -> float:
    """Say the CPU seconds of the quietest run."""
    spent = []
    for _ in range(runs):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    catalogue = parse(CATALOGUE.read_text())
    known, found = cases(catalogue, options.customers)
    gc.freeze()
    gc.disable()
    stakes = [Stake(Posterior(3.0 + number, 97.0), 900.0 + 50 * number, 5.0) for number in range(5)]

    def afresh() -> None:
        arbitration._vector.cache_clear()
        vector(stakes)

    looked = quietest(lambda: [look(catalogue, *one) for one in known], options.runs) / len(known)
    decided = quietest(lambda: [decide(catalogue, case) for case in found], options.runs) / len(found)
    rows = {
        f"look for moments ({len(known):,} customers)": looked,
        f"a whole decision ({len(found):,} customers)": decided,
        "vector of 5 candidates and nothing, remembered": quietest(lambda: vector(stakes), options.runs * 50),
        "vector of 5 candidates and nothing, afresh": quietest(afresh, options.runs * 50),
    }
    for name, seconds in rows.items():
        print(f"{name:50} {seconds * 1e6:10.2f} us")


if __name__ == "__main__":
    main()
