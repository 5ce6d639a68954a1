"""
What the churn model costs: CPU time on one core, in microseconds for each customer, and for a few at once in all.

Run `OMP_NUM_THREADS=1 python -m tests.bench.hazard_cost [--customers 1000] [--runs 20]`: records of a year on the web
and in shops, from their bytes. Of all runs the quietest counts, for a shared machine only ever adds.
"""

import argparse
import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from schemas import Event, OrderLine, OrderPlaced, ProductViewed, StoreEntered
from streams.core.decode import second_of
from streams.core.engagement import DAY_S, Engagement
from streams.core.habits import Integers, cut_of, habits_of
from streams.core.hazard import Model, Outlook, contributions, crossing, risk
from streams.core.learner import Labels, learn, mark_of, start
from streams.core.record import load_folded
from streams.core.rules import Rules
from streams.core.step import Advance

YEAR = 365
FEW = (1, 20)
REPEATS = 50
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = {ProductViewed: 0, StoreEntered: 1, OrderPlaced: 2}


def a_life(rng: random.Random, number: int) -> list[Event]:
    """One customer's year: active on 2 to 80 days, mostly on the web."""
    days = sorted(rng.sample(range(YEAR), min(80, 2 + int(rng.expovariate(1 / 18)))))
    made: list[Event] = []
    for day in days:
        head = {"schema_version": 1, "occurred_at": BEGIN + timedelta(days=day, seconds=rng.randrange(DAY_S))}
        head |= {"event_id": f"{number}-{day}", "customer_id": f"c{number}"}
        kind = rng.random()
        if kind < 0.7:
            made.append(ProductViewed(**head, product_id="p"))
        elif kind < 0.8:
            made.append(StoreEntered(**head, store_id="s"))
        else:
            line = OrderLine(product_id="p", quantity=2, unit_price_minor=1999)
            made.append(OrderPlaced(**head, order_id="o", lines=(line,), currency="GBP", channel="web"))
    return made


def records(customers: int, seed: int = 1) -> list[bytes]:
    """The records of so many customers, as bytes."""
    rng, rules, bodies = random.Random(seed), Rules(), []
    for number in range(customers):
        advance = Advance(rules)
        for event in a_life(rng, number):
            advance.observe(f"c{number}", None, SOURCE[type(event)], event)
        bodies.append(advance.finish()[f"c{number}"].body)
    return bodies


def quietest(runs: int, work: Callable[[], object]) -> float:
    """CPU seconds of the quietest run."""
    spent = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def of_few(
    engagements: list[Engagement], cuts: Integers, model: Model, horizon: int
) -> dict[str, Callable[[], object]]:
    """What is done for a chunk of customers: each part alone, and all of it as the pipeline does it."""
    habits, edges = habits_of(engagements, cuts), np.full(len(cuts), 0.75)

    def all_of_it() -> None:
        outlook = Outlook(model, habits_of(engagements, cuts), horizon)
        outlook.risks()
        outlook.crossing(edges)
        outlook.contributions()

    return {
        "habits": lambda: habits_of(engagements, cuts),
        "risk": lambda: risk(model, habits, horizon),
        "next crossing": lambda: crossing(model, habits, horizon, edges),
        "contributions": lambda: contributions(model, habits),
        "all four, by one outlook": all_of_it,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--horizon-days", type=int, default=28)
    given = parser.parse_args()
    bodies = records(given.customers)
    gc.freeze()
    size, horizon = len(bodies), given.horizon_days
    cuts = np.full(size, cut_of(second_of(a_life(random.Random(1), 0)[0]) + YEAR * DAY_S, 0))
    engagements = [load_folded(body).engagement for body in bodies]
    habits = habits_of(engagements, cuts)
    marks = np.array([int.from_bytes(mark_of(f"c{number}"), "big") for number in range(size)], np.uint64)
    labels = Labels(marks, (np.arange(size) % 3 > 0).astype(np.float64), habits, np.zeros(size), np.zeros(size))
    model = learn(start(), 0, labels)
    edges = np.full(size, 0.75)

    def from_bytes() -> None:
        risk(model, habits_of([load_folded(body).engagement for body in bodies], cuts), horizon)

    table = {
        "record bytes to risk": from_bytes,
        "  of this decoding": lambda: [load_folded(body).engagement for body in bodies],
        "  of this habits": lambda: habits_of(engagements, cuts),
        "  of this risk": lambda: risk(model, habits, horizon),
        "next crossing (when spoken)": lambda: crossing(model, habits, horizon, edges),
        "reasons' contributions (when spoken)": lambda: contributions(model, habits),
        "learning one label": lambda: learn(model, 1, labels),
    }
    print(f"{size} customers, {sum(map(len, bodies)) // size} bytes a record, {horizon} days; µs of CPU for each")
    for name, work in table.items():
        print(f"{name:40s} {quietest(given.runs, work) / size * 1e6:7.2f}")
    for few in FEW:
        print(f"{few} at once; µs of CPU for all of them")
        for name, work in of_few(engagements[:few], cuts[:few], model, horizon).items():
            often = quietest(given.runs, lambda work=work: [work() for _ in range(REPEATS)])  # type: ignore[misc]
            print(f"{name:40s} {often / REPEATS * 1e6:7.0f}")


if __name__ == "__main__":
    main()
