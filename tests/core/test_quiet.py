"""Quiet hours: by the customer's clock, whatever the clocks do."""

from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.quiet import quiet_until, zone_of

NIGHT = (21 * 60, 8 * 60)
ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
LONGEST_SHIFT_S = 3600
DAY_S = 86400


def second(at: str) -> int:
    """Say an instant in seconds since 1970."""
    return int(datetime.fromisoformat(at).timestamp())


def minute_of(zone: str, at_s: int) -> int:
    """Say the minute that a clock on the wall of that place shows; by the machine's zones, not by ours."""
    local = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def is_quiet(span: tuple[int, int], minute: int) -> bool:
    """Say whether a minute is quiet: walk from the beginning to the end."""
    start, end = span
    return (minute - start) % 1440 < (end - start) % 1440


def shifts(zone: str) -> list[int]:
    """Find the hours after which the clocks of a place were moved, in three years."""
    first = second("2025-01-01T00:00:00+00:00") // 3600
    offsets = [
        (hour, datetime.fromtimestamp(hour * 3600, ZoneInfo(zone)).utcoffset()) for hour in range(first, first + 26304)
    ]
    return [hour * 3600 for (hour, before), (_, after) in pairwise(offsets) if before != after]


SHIFTS = {zone: shifts(zone) or [second("2026-03-29T00:00:00+00:00")] for zone in ZONES}


@pytest.mark.parametrize(
    ("zone", "at", "end"),
    [
        ("Europe/London", "2026-01-10T22:00:00+00:00", "2026-01-11T08:00:00+00:00"),
        ("Europe/London", "2026-01-11T07:59:59+00:00", "2026-01-11T08:00:00+00:00"),
        ("Europe/London", "2026-01-11T08:00:00+00:00", None),
        ("Europe/London", "2026-01-11T20:59:59+00:00", None),
        ("Europe/London", "2026-03-28T22:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        ("Europe/London", "2026-10-24T21:00:00+00:00", "2026-10-25T08:00:00+00:00"),
        ("America/New_York", "2026-03-08T03:00:00+00:00", "2026-03-08T12:00:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00+00:00", "2026-04-04T21:30:00+00:00"),
        ("Asia/Kolkata", "2026-07-01T16:00:00+00:00", "2026-07-02T02:30:00+00:00"),
    ],
)
def test_the_night_ends_at_eight_in_the_morning_there(zone: str, at: str, end: str | None) -> None:
    """A night from nine to eight ends at eight by the clock of that place, also when the clocks are moved in it."""
    assert (None if end is None else second(end)) == quiet_until(zone, NIGHT, second(at))


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    which=st.integers(0, 9),
    aside_s=st.integers(-2 * DAY_S, 2 * DAY_S),
    span=st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
)
@example(zone="Europe/London", which=0, aside_s=-3600, span=(23 * 60, 90))  # ends at half past one, which is missing
@example(zone="Europe/London", which=1, aside_s=4500, span=(22 * 60, 90))  # …or comes twice, and this is the second
def test_what_is_held_is_let_go_outside_quiet_hours(zone: str, which: int, aside_s: int, span: tuple[int, int]) -> None:
    """Around every shift of the clocks: quiet is what the wall says; the end is not quiet, nor a day too late."""
    at_s = SHIFTS[zone][which % len(SHIFTS[zone])] + aside_s
    end_s = quiet_until(zone, span, at_s)

    assert is_quiet(span, minute_of(zone, at_s)) == (end_s is not None)
    if end_s is not None:
        assert not is_quiet(span, minute_of(zone, end_s))
        open_s = DAY_S - (span[1] - span[0]) % 1440 * 60
        days = 1 if open_s > LONGEST_SHIFT_S else 2  # what is open for less than an hour may be jumped over
        assert at_s < end_s <= at_s + days * DAY_S + LONGEST_SHIFT_S


def test_equal_ends_are_no_quiet_hours() -> None:
    """Whoever says from eight to eight wants none."""
    assert [None] * 24 == [quiet_until("Europe/London", (480, 480), hour * 3600) for hour in range(24)]


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../__init__.py", "/etc/passwd", "zone.tab", "é", "a" * 999]
)
def test_a_zone_that_is_none_is_not_found(name: str) -> None:
    """A name that is no zone is not found, whatever file it may name, and counts as UTC."""
    assert (None, 8 * 3600) == (zone_of(name), quiet_until(name, NIGHT, 0))


def test_the_rules_come_with_the_lock(tmp_path: Path) -> None:
    """A machine whose time zones are wrong, or missing, holds messages until the same instant as any other."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "London").write_bytes(files("tzdata.zoneinfo.Asia").joinpath("Kolkata").read_bytes())
    at_s = second("2026-01-10T22:00:00+00:00")
    zone_of.cache_clear()
    ZoneInfo.clear_cache()
    try:
        reset_tzpath([str(tmp_path)])

        assert second("2026-01-11T08:00:00+00:00") == quiet_until("Europe/London", NIGHT, at_s)
    finally:
        reset_tzpath()
        ZoneInfo.clear_cache()
