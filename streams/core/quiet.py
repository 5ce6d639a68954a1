"""
Quiet hours: when nobody wants to hear from us, by the customer's own clock.

Law: the instant that quiet hours are said to end is never within them, whatever the clocks of that
place do in between. The rules of time zones come with the lock, never from the machine, so that all
workers and every replay keep the same hours; each zone is read once.
"""

from datetime import UTC, datetime, time, timedelta
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
    tz = (zone and zone_of(zone)) or UTC
    local = datetime.fromtimestamp(now_s, tz)
    if not _is_within(span, local):
        return None
    end = time(*divmod(span[1], 60))
    for days in range(_MOST_DAYS):
        wall = datetime.combine(local.date() + timedelta(days), end, tz)
        for fold in (0, 1):
            second = int(wall.replace(fold=fold).timestamp())
            if second > now_s and not _is_within(span, datetime.fromtimestamp(second, tz)):
                return second
    return now_s + _MOST_DAYS * 86400


def _is_within(span: Span, local: datetime) -> bool:
    start, end = span
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start <= end else minute >= start or minute < end
