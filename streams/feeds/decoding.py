"""Lines through the Door: each becomes an event, or a refusal that knows its place in the file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from schemas import SOURCES, Event
from streams.core.decode import Door, Refused, second_of
from streams.feeds.reading import Line, read


class Reading(NamedTuple):
    """A line and what the Door said."""

    line: Line
    event: Event | Refused


def decoded(lines: Iterable[Line], accept_from_s: int, now_ms: Callable[[], int] | None = None) -> Iterator[Reading]:
    """
    Each line with its event or its refusal; nothing is `future` unless `now_ms` tells when it will reach Kafka.

    What does not say its topic is read as the first one's, which then says why it is none of its events.
    """
    doors = [Door(source, accept_from_s=accept_from_s) for source in range(len(SOURCES))]
    for line in lines:
        yield Reading(line, doors[line.source or 0].read(line.raw, now_ms() if now_ms else None))


def read_files(
    paths: Sequence[str], accept_from_s: int, now_ms: Callable[[], int] | None = None, *, by_time: bool = True
) -> Iterator[Reading]:
    """
    The readings of several files, merged by time or one file after another; raises `FeedError`.

    Merging keeps the order within each file, also where that is not the order of time: an event waits for those before
    it. So one file per topic, each in its own order, are heard as they happened.
    """
    files = [decoded(read(path), accept_from_s, now_ms) for path in paths]
    if len(files) == 1 or not by_time:
        for readings in files:
            yield from readings
        return
    for _, _, reading in merge(*(_timed(readings, place) for place, readings in enumerate(files))):
        yield reading


def _timed(readings: Iterator[Reading], place: int) -> Iterator[tuple[int, tuple[int, int], Reading]]:
    """Each reading with the latest second of its file so far, and a place that makes comparing readings needless."""
    latest = 0
    for number, reading in enumerate(readings):
        if not isinstance(reading.event, Refused):
            latest = max(latest, second_of(reading.event))
        yield latest, (place, number), reading
