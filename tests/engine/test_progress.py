"""How far reading has come: stories of two source partitions of number 0, by both clocks."""

import pytest
from faust.types import TP

from streams.engine.progress import IDLE_S, UNKNOWN, Progress

CLICKS, ORDERS, ELSEWHERE = TP("clicks", 0), TP("orders", 0), TP("clicks", 1)
NOON = 1_800_000_000


def assigned(clicks: tuple[int, int] = (0, 0), orders: tuple[int, int] = (0, 0), now: float = 0.0) -> Progress:
    """Two partitions with (next offset, log end)."""
    progress = Progress()
    progress.assign({CLICKS: clicks[0], ORDERS: orders[0]}, {CLICKS: clicks[1], ORDERS: orders[1]}, now)
    return progress


def read(progress: Progress, tp: TP, next_offset: int, latest_s: int = -1, now: float = 0.0, stamp_ms: int = 0) -> None:
    """Bring what lies below an offset into memory."""
    progress.read(tp, next_offset, latest_s, stamp_ms, now)


# ---- catching up


def test_empty_topics_are_caught_up_at_once() -> None:
    """Where nothing lies unread nobody has to wait."""
    assert assigned().caught_up(0)


def test_one_unread_source_is_enough_to_be_catching_up() -> None:
    """All sources of the number must be read to the end they had at assignment."""
    progress = assigned(clicks=(5, 10), orders=(3, 3))
    found = [progress.caught_up(0)]
    read(progress, CLICKS, 9)
    found.append(progress.caught_up(0))
    read(progress, CLICKS, 10)
    found.append(progress.caught_up(0))

    assert [False, False, True] == found


def test_what_comes_later_does_not_bring_catching_up_back() -> None:
    """The end seen at assignment counts, not the end of now."""
    progress = assigned(clicks=(10, 10))
    progress.probe(NOON, {CLICKS: 1000, ORDERS: 0}, 1.0)

    assert progress.caught_up(0)


def test_a_number_that_is_not_followed_is_not_caught_up() -> None:
    """Of what is not held nothing is known."""
    assert not assigned().caught_up(1)
    assert not Progress().caught_up(0)


def test_a_new_assignment_begins_anew() -> None:
    """What had passed before the rebalance has not passed after it."""
    progress = assigned()
    progress.probe(NOON, {CLICKS: 0, ORDERS: 0}, 1.0)
    progress.assign({CLICKS: 0, ORDERS: 0}, {CLICKS: 4, ORDERS: 0}, 2.0)

    assert (False, UNKNOWN) == (progress.caught_up(0), progress.wall(0))


# ---- the wall clock


def test_an_instant_has_passed_when_all_was_read_to_an_end_fetched_at_or_after_it() -> None:
    """With nothing unread every probe moves the clock."""
    progress = assigned(clicks=(4, 4))
    found = [progress.wall(0)]
    for second in (NOON, NOON + 7):
        progress.probe(second, {CLICKS: 4, ORDERS: 0}, 1.0)
        found.append(progress.wall(0))

    assert [UNKNOWN, NOON, NOON + 7] == found


def test_the_wall_clock_waits_for_the_slowest_source() -> None:
    """While one record of the mark lies unread, no later instant has passed."""
    progress = assigned(clicks=(4, 4), orders=(0, 0))
    progress.probe(NOON, {CLICKS: 9, ORDERS: 2}, 1.0)
    read(progress, CLICKS, 9)
    read(progress, ORDERS, 1)
    progress.probe(NOON + 60, {CLICKS: 9, ORDERS: 2}, 2.0)
    before = progress.wall(0)
    read(progress, ORDERS, 2)
    progress.probe(NOON + 61, {CLICKS: 9, ORDERS: 2}, 3.0)

    assert (UNKNOWN, NOON + 61) == (before, progress.wall(0))


def test_under_a_steady_load_the_clock_follows_by_marks() -> None:
    """Who is always a little behind has passed the instants whose ends he has passed."""
    progress = assigned()
    passed = []
    for step in range(1, 6):
        progress.probe(NOON + step, {CLICKS: 100 * step, ORDERS: 0}, float(step))
        passed.append(progress.wall(0))
        read(progress, CLICKS, 100 * step - 10)

    assert [UNKNOWN, UNKNOWN, NOON + 1, NOON + 1, NOON + 3] == passed


def test_the_wall_clock_never_goes_back() -> None:
    """A clock that was set back moves nothing."""
    progress = assigned()
    progress.probe(NOON, {CLICKS: 0, ORDERS: 0}, 1.0)
    progress.probe(NOON - 3600, {CLICKS: 0, ORDERS: 0}, 2.0)

    assert NOON == progress.wall(0)


def test_numbers_have_clocks_of_their_own() -> None:
    """A lagging partition number holds up nobody else."""
    progress = Progress()
    progress.assign({CLICKS: 0, ELSEWHERE: 0}, {CLICKS: 0, ELSEWHERE: 9}, 0.0)
    progress.probe(NOON, {CLICKS: 0, ELSEWHERE: 9}, 1.0)

    assert (NOON, UNKNOWN) == (progress.wall(0), progress.wall(1))


# ---- the stream clock


def test_the_stream_clock_is_that_of_the_source_that_has_come_least_far() -> None:
    """Both are being read: the smaller of their largest event times has passed."""
    progress = assigned(clicks=(0, 9), orders=(0, 9))
    read(progress, CLICKS, 5, NOON + 50)
    read(progress, ORDERS, 5, NOON + 20)
    read(progress, CLICKS, 6, NOON + 10)

    assert NOON + 20 == progress.stream(0, 100.0)


def test_before_anything_was_read_nothing_has_passed() -> None:
    """No event, no time."""
    assert UNKNOWN == assigned().stream(0, 1000.0)


def test_a_source_read_to_its_end_holds_up_the_stream_until_it_was_idle_for_five_seconds() -> None:
    """Then it counts as having passed what another has passed."""
    progress = assigned(clicks=(0, 9), orders=(0, 1))
    read(progress, CLICKS, 5, NOON + 50)
    read(progress, ORDERS, 1, NOON, now=10.0)

    found = [progress.stream(0, now) for now in (10.0, 10.0 + IDLE_S - 0.1, 10.0 + IDLE_S)]

    assert [NOON, NOON, NOON + 50] == found


def test_a_source_that_was_empty_at_assignment_is_idle_after_five_seconds() -> None:
    """Topics with nothing in them stop nobody's clock."""
    progress = assigned(clicks=(0, 9), orders=(0, 0), now=10.0)
    read(progress, CLICKS, 5, NOON + 50, now=11.0)

    assert [UNKNOWN, NOON + 50] == [progress.stream(0, now) for now in (14.9, 15.0)]


def test_an_idle_source_in_which_something_appears_is_idle_no_more() -> None:
    """As soon as a probe sees an unread record the clock waits for it, and five seconds begin anew afterwards."""
    progress = assigned(clicks=(0, 9), orders=(0, 1))
    read(progress, CLICKS, 5, NOON + 50)
    read(progress, ORDERS, 1, NOON, now=10.0)
    progress.probe(0, {CLICKS: 9, ORDERS: 2}, 20.0)
    waiting = progress.stream(0, 21.0)
    read(progress, ORDERS, 2, NOON + 1, now=30.0)

    assert NOON == waiting
    assert [NOON + 1, NOON + 50] == [progress.stream(0, now) for now in (34.9, 35.0)]


def test_a_probe_does_not_prolong_idleness_of_who_is_idle() -> None:
    """Five seconds count from when the end was reached, however often it is looked at."""
    progress = assigned(clicks=(0, 9), orders=(0, 1))
    read(progress, CLICKS, 5, NOON + 50)
    read(progress, ORDERS, 1, NOON, now=10.0)
    for now in (11.0, 12.0, 13.0, 14.0):
        progress.probe(0, {CLICKS: 9, ORDERS: 1}, now)

    assert NOON + 50 == progress.stream(0, 15.0)


# ---- transaction markers


def test_where_only_markers_are_left_a_source_counts_as_read_to_its_end() -> None:
    """They are never delivered: without this such a source would be catching up for ever, and lag."""
    progress = assigned(clicks=(0, 5))
    read(progress, CLICKS, 4)
    before = (progress.unread(), progress.caught_up(0))
    progress.pass_markers(CLICKS)
    progress.probe(NOON, {CLICKS: 4, ORDERS: 0}, 1.0)

    assert ({CLICKS: 4}, False) == before
    assert ({}, True, NOON, 0) == (
        progress.unread(),
        progress.caught_up(0),
        progress.wall(0),
        progress.lag(CLICKS, 0)[0],
    )


def test_what_comes_behind_markers_is_unread_again() -> None:
    """Until the end moves, and not longer."""
    progress = assigned(clicks=(0, 5))
    read(progress, CLICKS, 4)
    progress.pass_markers(CLICKS)
    progress.probe(NOON, {CLICKS: 7, ORDERS: 0}, 1.0)

    assert ({CLICKS: 4}, 3) == (progress.unread(), progress.lag(CLICKS, 0)[0])


# ---- lag


def test_lag_counts_records_and_the_time_since_the_last_one_read_was_appended() -> None:
    """Without lag both are zero; before anything was read the time is not known."""
    progress = assigned(clicks=(2, 10), orders=(4, 4))
    before = progress.lag(CLICKS, 60_000)
    read(progress, CLICKS, 7, stamp_ms=50_000)

    assert [(8, 0.0), (3, 10.0), (0, 0.0)] == [before, progress.lag(CLICKS, 60_000), progress.lag(ORDERS, 60_000)]


@pytest.mark.parametrize("verb", ["read", "probe"])
def test_partitions_that_are_not_followed_are_passed_over(verb: str) -> None:
    """What is under way over a rebalance does no harm."""
    progress = assigned()
    if verb == "read":
        read(progress, ELSEWHERE, 5, NOON)
    else:
        progress.probe(NOON, {ELSEWHERE: 5}, 1.0)

    assert {CLICKS, ORDERS} == set(progress.partitions())
