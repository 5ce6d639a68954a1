"""When an event is due: by count, by the events' own time, or by the slower of both."""

from streams.pace import Pace


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_without_limits_nothing_waits() -> None:
    """Rate 0 and speed 0 mean as fast as possible."""
    pace = Pace(0, 0, Clock())

    assert [0.0, 0.0, 0.0] == [pace.wait_s(at_ms) for at_ms in (0, 10**9, 5)]


def test_a_rate_spreads_events_evenly_and_catches_up() -> None:
    """Ten per second are a tenth of a second apart, counted from the start: a delay is made good."""
    clock = Clock()
    pace = Pace(10, 0, clock)
    first, second = pace.wait_s(0), pace.wait_s(0)
    clock.now += 0.5

    late, later = pace.wait_s(0), pace.wait_s(0)

    assert [0.0, 0.1, 0.0, 0.0] == [round(wait, 3) for wait in (first, second, late, later)]


def test_a_speed_follows_the_events_own_time() -> None:
    """At a day per second, two days later is two seconds later; what is out of order is due at once."""
    pace = Pace(0, 86_400, Clock())

    assert [0.0, 2.0, 1.0] == [pace.wait_s(day * 86_400_000) for day in (5, 7, 6)]


def test_of_two_limits_the_slower_holds() -> None:
    """A crowded minute is held back by the rate, an empty one by the speed."""
    pace = Pace(2, 60, Clock())

    assert [0.0, 0.5, 10.0] == [pace.wait_s(at_ms) for at_ms in (0, 0, 600_000)]
