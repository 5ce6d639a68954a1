"""When the next event is due: so many events a second, or the events' own time, real or compressed."""

from collections.abc import Callable


class Pace:
    """
    Says how long to wait before an event, given how many went before and when it happened.

    `rate` is in events per second; `speed` in seconds of event time per second: 1 is real time, 86400 a day each
    second. 0 means no limit. With both, the slower one holds. `clock` returns seconds and never runs backwards.

    >>> now = 100.0
    >>> pace = Pace(rate=10, speed=0, clock=lambda: now)
    >>> [round(pace.wait_s(at_ms=0), 1) for _ in range(3)]
    [0.0, 0.1, 0.2]
    >>> pace = Pace(rate=0, speed=60, clock=lambda: now)
    >>> [pace.wait_s(at_ms) for at_ms in (0, 30_000, 120_000)]
    [0.0, 0.5, 2.0]
    """

    def __init__(self, rate: float, speed: float, clock: Callable[[], float]) -> None:
        """Start at the first event that is asked for."""
        self._rate, self._speed, self._clock = rate, speed, clock
        self._count = 0
        self._start_s: float | None = None
        self._first_ms = 0

    def wait_s(self, at_ms: int) -> float:
        """Seconds until the next event, which happened at `at_ms`, is due; 0 when it is already."""
        if not (self._rate or self._speed):
            return 0.0
        now = self._clock()
        if self._start_s is None:
            self._start_s, self._first_ms = now, at_ms
        due = self._start_s
        if self._rate:
            due += self._count / self._rate
        if self._speed:
            due = max(due, self._start_s + (at_ms - self._first_ms) / 1000 / self._speed)
        self._count += 1
        return max(0.0, due - now)
