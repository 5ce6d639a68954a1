"""
The crowd: many shoppers, one order of time.

Memory is bounded by the number of shoppers and the events of visits under way, never by the number of days.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from streams.simulate.life import first_visit, next_visit, seeded, shopper
from streams.simulate.telling import DAY_MS, HOUR_MS, Teller, Told, Who
from streams.simulate.visits import store_visit, web_visit
from streams.simulate.wishes import wishes

PASSERS_BY = 0.15
"""How often a visit brings somebody along who has no account and never comes again; some of them buy as guests."""


class Crowd(NamedTuple):
    """What to simulate; `activity` 2 makes everybody come twice as often."""

    seed: int = 1
    customers: int = 1_000
    start_ms: int = 0
    days: float = 30.0
    activity: float = 1.0
    currency: str = "GBP"


def shoppers(crowd: Crowd) -> Iterator[Told]:
    """
    All events of a crowd in order of time, from its start to the end of its days.

    Equal crowds tell equal events; a further customer, or a further day, leaves the others' as they are.
    """
    end_ms = crowd.start_ms + int(crowd.days * DAY_MS)
    visits = [(_first(crowd, number), number, 0) for number in range(crowd.customers)]
    heapify(visits)
    waiting: list[tuple[int, int, int, Told]] = []
    while visits or waiting:
        if visits and (not waiting or visits[0][0] <= waiting[0][0]):
            at_ms, number, count = heappop(visits)
            if at_ms >= end_ms:
                visits.clear()
                continue
            told, again_ms = _visit(crowd, number, count, at_ms)
            for place, event in enumerate(told):
                heappush(waiting, (event.at_ms, number, count << 20 | place, event))
            if again_ms is not None:
                heappush(visits, (again_ms, number, count + 1))
        else:
            event = heappop(waiting)[3]
            if event.at_ms >= end_ms:
                return
            yield event


def _first(crowd: Crowd, number: int) -> int:
    return first_visit(shopper(crowd.seed, number, crowd.activity), seeded(crowd.seed, number, 0), crowd.start_ms)


def _visit(crowd: Crowd, number: int, count: int, at_ms: int) -> tuple[list[Told], int | None]:
    """What one visit tells, with what follows from it later, and when the same shopper comes again."""
    who = shopper(crowd.seed, number, crowd.activity)
    chance = seeded(crowd.seed, number, count + 1)
    teller = Teller(f"sim{crowd.seed}-{number}-{count}", "simulator")
    if chance.random() < who.web_share:
        referred_by = who.invited_by if count == 0 else None
        web_visit(teller, who, chance, at_ms, crowd.currency, who.account, who.browser, referred_by)
    else:
        store_visit(teller, who, chance, at_ms, crowd.currency)
    if chance.random() < PASSERS_BY:
        passer_by = Who(anonymous_id=f"v{number:06}-{count}")
        later_ms = at_ms + int(chance.random() * HOUR_MS)
        web_visit(teller, who, chance, later_ms, crowd.currency, None, passer_by)
    wishes(teller, who, crowd.seed, count, at_ms)
    return teller.told, next_visit(who, chance, at_ms, crowd.start_ms)
