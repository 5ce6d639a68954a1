"""
Quiet hours: when nobody wants to hear from us, by the customer's own clock.

Law: the instant that quiet hours are said to end is never within them, whatever the clocks of that
place do in between. The rules of time zones come with the lock, never from the machine, so that all
workers and every replay keep the same hours; each zone is read once.
"""

from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

Span = tuple[int, int]
"""From and until, in minutes of the local day; the end is no longer quiet. If both are the same, none are quiet."""

_MOST_DAYS: Final = 8
"""So many days ahead an end is looked for: clocks may jump over it on one day, not for a week."""


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo | None:
    """Find a time zone by its IANA name; None if there is none."""
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
            return ZoneInfo.from_file(rules, key=name)
    except (ValueError, OSError):  # a file that is no zone, a folder, no file
        return None


def quiet_until(zone: str | None, span: Span, now_s: int) -> int | None:
    """
    Say when the quiet hours end in which an instant lies, in seconds since 1970; None outside them.

    A zone that is not known counts as UTC. Where a clock is put back over the end, its first passing counts.

    >>> quiet_until("Asia/Kolkata", (21 * 60, 8 * 60), 0), quiet_until("Asia/Kolkata", (21 * 60, 8 * 60), 9000)
    (9000, None)
    """
    local = datetime.fromtimestamp(now_s, _clock_of(zone))
    if not _is_within(span, local):
        return None
    today = local.toordinal()
    for day in range(today, today + _MOST_DAYS):
        for second in _ends_on(zone, span, day):
            if second > now_s:
                return second
    return now_s + _MOST_DAYS * 86400


@lru_cache(maxsize=1024)
def _ends_on(zone: str | None, span: Span, day: int) -> tuple[int, ...]:
    """Say when quiet hours end on a day (its number in the calendar), each passing of a clock that is put back."""
    tz = _clock_of(zone)
    wall = datetime.combine(date.fromordinal(day), time(*divmod(span[1], 60)), tz)
    passings = [int(wall.replace(fold=fold).timestamp()) for fold in (0, 1)]
    return tuple([second for second in passings if not _is_within(span, datetime.fromtimestamp(second, tz))])


def _clock_of(zone: str | None) -> tzinfo:
    return (zone and zone_of(zone)) or UTC


def _is_within(span: Span, local: datetime) -> bool:
    start, end = span
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start <= end else minute >= start or minute < end
