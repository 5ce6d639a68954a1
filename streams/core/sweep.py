"""
The sweep: at the close of a week, one look at every record makes both kinds of label.

Law: a label says whether the week shows an act, and the habits as they stood before the week; whatever
was folded after it (by at most `MOST_LATER_DAYS` from its beginning) changes neither. Who had no active
day before the week is not asked.
"""

from collections.abc import Sequence

import numpy as np

from streams.core.engagement import DAY_S, Engagement
from streams.core.habits import Habits, Integers, acted_within, habits_of
from streams.core.hazard import CHUNK, STEP_DAYS
from streams.core.learner import Labels, first_day_of
from streams.core.value import expected_orders, order_rhythm, spent_minor


def sweep(
    marks: Sequence[bytes],
    engagements: Sequence[Engagement],
    week: int,
    *,
    step_days: int = STEP_DAYS,
    orders_only: bool = False,
) -> Labels:
    """Make the labels of a week; `marks` are the customers' 8-byte hashes, in the order of the engagements."""
    first = first_day_of(week, step_days)
    habits = habits_of_all(engagements, first, orders_only=orders_only)
    known = habits.days > 0
    acted = acted_within(engagements, first, step_days, orders_only=orders_only)
    numbers = np.frombuffer(b"".join(marks), ">u8").astype(np.uint64)
    orders = np.zeros(len(engagements))
    rhythms = [order_rhythm(one, first * DAY_S - one.offset_s - 1) for one in engagements]
    buyers = [place for place, rhythm in enumerate(rhythms) if rhythm is not None]
    orders[buyers] = expected_orders([rhythm for rhythm in rhythms if rhythm is not None], step_days)
    spent = np.array([spent_minor(one, first, first + step_days - 1) for one in engagements], np.float64)
    return Labels(numbers, (~acted).astype(np.float64), habits, orders, spent).of(known)


def habits_of_all(engagements: Sequence[Engagement], cut: int, *, orders_only: bool = False) -> Habits:
    """Derive the habits of however many customers at one cut, piece by piece."""
    cuts: Integers = np.full(CHUNK, cut)
    pieces = [
        habits_of(piece, cuts[: len(piece)], orders_only=orders_only)
        for piece in (engagements[at : at + CHUNK] for at in range(0, max(1, len(engagements)), CHUNK))
    ]
    return Habits._make(np.concatenate([np.empty(0), *column]) for column in zip(*pieces, strict=True))
