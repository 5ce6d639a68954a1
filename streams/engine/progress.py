"""How far the reading of each partition number has come: caught up or not, and which instant has passed.

Silence may be judged only when nothing that lies unread could break it. So nobody is woken while *catching up*: some
partition of the number is not yet read to the end it had at assignment. Afterwards *progress* is, under the wall clock,
the latest instant t such that every partition of the number was read to an end fetched at or after t; under the stream
clock the largest event time read, where a partition read to its end for five seconds counts as having passed what
another has passed.
"""

from collections.abc import Iterable, Mapping

from faust.types import TP

IDLE_S = 5.0
"""How long a partition must have been read to its end before it no longer holds up the stream clock."""

UNKNOWN = -1
"""No instant has passed yet."""


class Progress:
    """Keeps, per partition of a topic, what was read, and answers per partition number; pure but for its memory."""

    def __init__(self) -> None:
        """Follow nothing yet."""
        self._read: dict[TP, int] = {}
        self._target: dict[TP, int] = {}
        self._ends: dict[TP, int] = {}
        self._latest: dict[TP, int] = {}
        self._read_ms: dict[TP, int] = {}
        self._idle_since: dict[TP, float] = {}
        self._marks: dict[int, tuple[int, dict[TP, int]]] = {}
        self._passed: dict[int, int] = {}

    def assign(self, starts: Mapping[TP, int], ends: Mapping[TP, int], now: float) -> None:
        """Begin anew with the given next offsets and log ends; `now` is monotonic seconds."""
        self._read, self._target, self._ends = dict(starts), dict(ends), dict(ends)
        self._latest = {tp: second for tp, second in self._latest.items() if tp in starts}
        self._read_ms = {tp: stamp for tp, stamp in self._read_ms.items() if tp in starts}
        self._idle_since = {tp: now for tp in starts if starts[tp] >= ends[tp]}
        self._marks, self._passed = {}, {}

    def read(self, tp: TP, next_offset: int, latest_s: int, timestamp_ms: int, now: float) -> None:
        """Note that everything below `next_offset` is in memory; `latest_s` is the largest event time among it."""
        if tp not in self._read:
            return
        self._read[tp] = next_offset
        self._read_ms[tp] = timestamp_ms
        if latest_s > self._latest.get(tp, UNKNOWN):
            self._latest[tp] = latest_s
        if next_offset >= self._ends[tp]:
            self._ends[tp] = next_offset
            self._idle_since[tp] = now
        else:
            self._idle_since.pop(tp, None)

    def probe(self, now_s: int, ends: Mapping[TP, int], now: float) -> None:
        """Take log ends that were fetched at or after wall second `now_s`."""
        for tp, end in ends.items():
            if tp not in self._read:
                continue
            self._ends[tp] = max(end, self._ends[tp])
            if self._read[tp] < self._ends[tp]:
                self._idle_since.pop(tp, None)
            else:
                self._idle_since.setdefault(tp, now)
        for number in {tp.partition for tp in self._read}:
            mine = {tp: self._ends[tp] for tp in self._of(number)}
            self._marks.setdefault(number, (now_s, mine))
            instant, mark = self._marks[number]
            if all(self._read[tp] >= end for tp, end in mark.items()):
                self._passed[number] = max(instant, self._passed.get(number, UNKNOWN))
                self._marks[number] = (now_s, mine)
                if all(self._read[tp] >= end for tp, end in mine.items()):
                    self._passed[number] = max(now_s, self._passed[number])
                    del self._marks[number]

    def pass_markers(self, tp: TP) -> None:
        """Take a partition as read to its end, where nothing but markers is left; until the end moves."""
        self._target[tp] = min(self._target[tp], self._read[tp])
        self._ends[tp] = self._read[tp]

    def unread(self) -> dict[TP, int]:
        """What was read of each partition that is not read to its end."""
        return {tp: read for tp, read in self._read.items() if read < self._ends[tp]}

    def caught_up(self, number: int) -> bool:
        """Whether every partition of the number was read to the end it had at assignment."""
        mine = list(self._of(number))
        return bool(mine) and all(self._read[tp] >= self._target[tp] for tp in mine)

    def wall(self, number: int) -> int:
        """The instant passed by the wall clock, epoch seconds; `UNKNOWN` before the first."""
        return self._passed.get(number, UNKNOWN)

    def stream(self, number: int, now: float) -> int:
        """The instant passed by the events themselves, epoch seconds; `UNKNOWN` before the first."""
        mine = list(self._of(number))
        furthest = max([self._latest.get(tp, UNKNOWN) for tp in mine], default=UNKNOWN)
        return min(
            [furthest if self._idle(tp, now) else self._latest.get(tp, UNKNOWN) for tp in mine],
            default=UNKNOWN,
        )

    def lag(self, tp: TP, now_ms: int) -> tuple[int, float]:
        """Records not yet read, and the seconds since the last one read was appended (0 without lag)."""
        records = max(0, self._ends.get(tp, 0) - self._read.get(tp, 0))
        if not records or tp not in self._read_ms:
            return records, 0.0
        return records, max(0.0, (now_ms - self._read_ms[tp]) / 1000)

    def partitions(self) -> Iterable[TP]:
        """All partitions that are followed."""
        return list(self._read)

    def _idle(self, tp: TP, now: float) -> bool:
        return now - self._idle_since.get(tp, now) >= IDLE_S

    def _of(self, number: int) -> Iterable[TP]:
        return [tp for tp in self._read if tp.partition == number]
