"""
Days: how long a customer has been silent, how often they come, and how often they came within a range of days.

Law: all of it is read from the bitmaps of active days and the instant; a day begins at the record's own boundary.
"""

from datetime import date
from functools import lru_cache
from typing import Final

from streams.core.engagement import Engagement, base_of, day_of

_EPOCH: Final = date(1970, 1, 1).toordinal()


def silent_days(engagement: Engagement, now_s: int) -> int:
    """Say how many days ago the customer last acted."""
    return day_of(now_s, engagement.offset_s) - day_of(engagement.last_act_s, engagement.offset_s)


def usual_days(days: int) -> float | None:
    """Say the mean time between the days of a bitmap, in days; None with fewer than two."""
    count = days.bit_count()
    if count < 2:
        return None
    first = (days & -days).bit_length()
    return (days.bit_length() - first) / (count - 1)


def latest_days(days: int, known: int, back: int) -> int:
    """
    Count the days of a bitmap among the latest `back` of its first `known`.

    >>> latest_days(0b1011, 4, 2), latest_days(0b1011, 3, 30)
    (1, 2)
    """
    return (days << back >> known & (1 << back) - 1).bit_count()


def active_between(days: int, engagement: Engagement, first_day: int, last_day: int) -> int:
    """Count the active days of a bitmap within a range of days, both ends included."""
    base = base_of(engagement)
    low, high = max(0, first_day - base), last_day - base + 1
    return 0 if high <= low else (days >> low & (1 << high - low) - 1).bit_count()


@lru_cache(maxsize=4096)
def anniversary_after(first_day: int, day: int) -> int:
    """
    Say the first anniversary of a day after another day, both counted from 1970; that of 29 February is 1 March.

    >>> leap = date(2024, 2, 29).toordinal() - _EPOCH
    >>> date.fromordinal(anniversary_after(leap, leap) + _EPOCH)
    datetime.date(2025, 3, 1)
    """
    first, after = date.fromordinal(first_day + _EPOCH), date.fromordinal(day + _EPOCH)
    years = max(1, after.year - first.year)
    found = _years_later(first, years)
    if found <= after:
        found = _years_later(first, years + 1)
    return found.toordinal() - _EPOCH


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
