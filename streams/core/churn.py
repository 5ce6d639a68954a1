"""
Churn risk: the probability that a customer does nothing within the horizon.

Model: MBG/NBD (Batislam, Denizel, Filiztekin 2007), active days of any channel as purchases, the day
as unit. With x repeat days, the last of them tx days after the first, seen T days after the first:

    P(alive) = 1 / (1 + a/(b+x) * ((alpha+T)/(alpha+tx))**(r+x))
    P(none in H days) = 1 - P(alive) * (1 - ((alpha+T)/(alpha+T+H))**(r+x))

The second line is the risk, never 1 - P(alive). Powers are taken as logarithms, for they overflow.

Law: everything here is element by element, so a customer's risk has the same bits alone and among
thousands. In silence the risk only grows; that is why its crossings may be found by bisection (a
model without this property needs a scan).
"""

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from streams.core.engagement import DAY_S, EDGE_S, Engagement, base_of

MODEL: Final = "mbg-nbd-1"

LOOK_AHEAD_DAYS: Final = 400
"""How far a crossing is looked for."""

CHUNK: Final = 1000
"""Customers scored at once: as many as stay in the processor's cache."""

Numbers = NDArray[np.float64]


class Population(Struct, frozen=True):
    """How often customers act (r, alpha in days) and how soon they drop out (a, b)."""

    r: float
    alpha: float
    a: float
    b: float


POPULATION: Final = Population(r=0.67838, alpha=63.79607, a=0.38468, b=0.81786)
"""
Fitted by maximum likelihood on the order days of 27 909 customers: UCI Online Retail (4 339 known
customers, lines of positive quantity outside cancellations, 2010-12-01 to 2011-12-09) and CDNOW
(23 570, 1997-01-01 to 1998-06-30) together, T to the last day of either set. Log-likelihood
-322 013.64 (Online Retail -62 907.00, CDNOW -259 106.64). Online Retail alone shows no drop-out at
all (a/b -> 0). Nelder-Mead from three starts, 22 November 2026. Order days are rarer than visits,
so a customer seen only once is judged too harshly until a model is learned from the shop's own days.
"""


Rhythm = tuple[int, int, int, int]
"""What the model needs of a customer: x, tx and T in days, and the first day in sight."""


def rhythm(engagement: Engagement, now_s: int) -> Rhythm | None:
    """Derive the rhythm at an instant; None for a customer who never acted."""
    first_act_s = engagement.first_act_s
    if first_act_s < 0:
        return None
    offset_s = engagement.offset_s
    first = (first_act_s + offset_s) // DAY_S
    if first_act_s < engagement.last_s - EDGE_S:
        first = max(first, base_of(engagement))
    last = (engagement.last_act_s + offset_s) // DAY_S
    if last < first:
        last = first
    return (active_days(engagement).bit_count() or 1) - 1, last - first, (now_s + offset_s) // DAY_S - first, first


def active_days(engagement: Engagement) -> int:
    """Say the days with an act on any channel, as a bitmap from `base_of` on."""
    days = int.from_bytes(engagement.web, "little")
    if engagement.store:
        days |= int.from_bytes(engagement.store, "little")
    if engagement.order:
        days |= int.from_bytes(engagement.order, "little")
    return days


class Silence:
    """The risks of many customers, each a function of how long the silence lasts."""

    def __init__(self, rhythms: list[Rhythm], population: Population, horizon_days: int) -> None:
        """Prepare what does not change in silence."""
        table = np.array(rhythms, dtype=np.float64).reshape(-1, 4)
        self.age: Numbers = np.ascontiguousarray(table[:, 2])
        self._alpha = population.alpha
        self._horizon = float(horizon_days)
        self._power: Numbers = population.r + table[:, 0]
        last: Numbers = np.log(population.alpha + table[:, 1])
        self._odds: Numbers = np.log(population.a / (population.b + table[:, 0])) - self._power * last

    def risk(self, age: Numbers) -> Numbers:
        """Say P(none within the horizon) when the customers have been known for `age` days."""
        known: Numbers = self._alpha + age
        log_known: Numbers = np.log(known)
        dropped = np.exp(np.minimum(self._odds + self._power * log_known, 700.0))
        quiet = np.exp(self._power * (log_known - np.log(known + self._horizon)))
        risk: Numbers = 1.0 - (1.0 - quiet) / (1.0 + dropped)
        return risk

    def crossing(self, edges: Numbers) -> NDArray[np.int64]:
        """
        Say at which age, in days, the risk first reaches the edge; -1 if not within `LOOK_AHEAD_DAYS`.

        The risk now must lie below the edge; an edge above 1 is never reached.
        """
        low: Numbers = self.age
        high: Numbers = low + LOOK_AHEAD_DAYS
        if (edges > 1.0).all():
            return np.full(len(edges), -1)
        found = self.risk(high) >= edges
        for _ in range(LOOK_AHEAD_DAYS.bit_length()):
            middle = np.floor((low + high) * 0.5)
            reached = self.risk(middle) >= edges
            high = np.where(reached, middle, high)
            low = np.where(reached, low, middle)
        return np.where(found, high, -1.0).astype(np.int64)


def instant_of(day: int, offset_s: int, spread_s: int) -> int:
    """Say the second of a day at which a customer is looked at again."""
    return day * DAY_S - offset_s + spread_s
