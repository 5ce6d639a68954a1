"""
What a condition costs: microseconds for asking it of a customer of whom nothing was asked before.

Run `python -m tests.bench.condition_cost`: a shopper of a year with a visit every fifth day and an order every
twentieth; the best of seven runs of 20 000, on one core.
"""

import timeit

from streams.core.expressions import compile_expression
from streams.core.facts import Facts
from streams.core.stance import Stance
from tests.core.stance_drawn import folded
from tests.core.stories import DAY, HOUR, NOON, event, second

RUNS, TIMES = 7, 20_000
CONDITIONS = (
    "orders >= 1",
    "orders >= 1 and not band in ['critical']",
    "orders >= 3 and segment == 'loyal'",
    "loyalty and language == 'en'",
    "days_since_order >= 14 or cart > 0",
    "last_survey.nps >= 9 and not complaint_days <= 30",
    "days_active.web.d30 >= 2",
    "windows.d7.orders >= 1",
    "windows.d30.revenue_minor > 2 * average_order_minor",
)


def main() -> None:
    """Print a line for each condition, and what reading one costs."""
    events = [event("store_entered", NOON - days * DAY) for days in range(360, 0, -5)]
    events += [event("order_placed", NOON - days * DAY) for days in range(340, 0, -20)]
    events += [event("product_viewed", NOON - hours * HOUR) for hours in range(30, 0, -2)]
    events += [event("cart_item_added"), event("preferences_set", language="en"), event("survey_answered")]
    engagement, stance, now_s = folded(events), Stance(band=2, risk=0.6, formed_segment="loyal"), second(NOON)
    for text in CONDITIONS:
        holds = compile_expression(text).holds

        def ask(holds: object = holds) -> None:
            holds(Facts("c1", engagement, stance, now_s))  # type: ignore[operator]  # bound here, for speed

        print(f"{min(timeit.repeat(ask, number=TIMES, repeat=RUNS)) / TIMES * 1e6:6.2f} µs  {text}")
    facts, holds = Facts("c1", engagement, stance, now_s), compile_expression(CONDITIONS[1]).holds
    again = min(timeit.repeat(lambda: holds(facts), number=TIMES, repeat=RUNS)) / TIMES
    reading = min(timeit.repeat(lambda: compile_expression(CONDITIONS[1]), number=1000, repeat=RUNS)) / 1000
    print(f"{again * 1e6:6.2f} µs  the second, asked again of the same facts; {reading * 1e6:.0f} µs to read it")


if __name__ == "__main__":
    main()
