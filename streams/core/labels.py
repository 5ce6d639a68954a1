"""
Reports of labels: what the owners of the partitions say of each week, and what the learner takes of it.

Law: what is taken is a function of the log of reports, whoever reads it and from whichever offset `resume_at`
named. Of a customer and a week the first label counts that came before its partition's first marker for that
week or a later one; a week closes when every partition has marked it or a later one; closed weeks are dropped,
and whatever is reported of them afterwards is passed over.

An owner opens with a marker of the week before its first one. Where nobody is known at all it says so instead,
so that before the first version nobody waits for it; from then on a partition counts as having closed what is learned.
"""

import msgspec
import numpy as np

from streams.core.habits import Habits
from streams.core.learner import MOST_LABELS, Label, Labels, labels_of


class Report(msgspec.Struct, array_like=True, frozen=True):
    """
    One record of the log: labels of a week; without labels a marker, that all of them are made.

    Without a week it says that nobody is known in the partition.
    """

    partition: int
    week: int | None = None
    labels: list[Label] | None = None


dump_report = msgspec.msgpack.Encoder().encode
load_report = msgspec.msgpack.Decoder(Report).decode


class Intake:
    """What was reported of the weeks that are not closed; at most `most` labels of each are kept for long."""

    def __init__(self, partitions: int, version: int | None = None, most: int = MOST_LABELS) -> None:
        """Begin behind the close of the week `version`, or before any."""
        self._partitions, self._version, self._most = partitions, version, most
        self._reached = {} if version is None else dict.fromkeys(range(partitions), version)
        self._vacant: set[int] = set()
        self._first: dict[int, int] = {}
        self._pieces: dict[int, list[Labels]] = {}
        self._offsets: dict[int, int] = {}

    def take(self, offset: int, report: Report) -> None:
        """Take in the next report of the log, which stands at an offset."""
        partition, week = report.partition, report.week
        if week is None:
            if self._version is None and partition not in self._reached:
                self._vacant.add(partition)
        elif partition not in self._reached or week > self._reached[partition]:
            self._offsets.setdefault(week, offset)
            if report.labels is None:
                self._first.setdefault(partition, week)
                self._reached[partition] = week
                self._vacant.discard(partition)
            else:
                self._gather(week, labels_of(report.labels))

    def due(self) -> int | None:
        """Say which week is to be closed next; None while some partition has not marked it."""
        if not self._reached or len(self._reached) + len(self._vacant) < self._partitions:
            return None
        week = (min(self._first.values()) if self._version is None else self._version) + 1
        return week if week <= min(self._reached.values()) else None

    def close(self, week: int) -> Labels:
        """Give the labels of the week that is due, and drop them."""
        labels = self._firsts(self._pieces.get(week, []))
        self._version = week
        self._vacant.clear()
        for partition in range(self._partitions):
            self._reached[partition] = max(week, self._reached.get(partition, week))
        for kept in (self._pieces, self._offsets):
            for closed in [each for each in kept if each <= week]:
                del kept[closed]
        return labels

    def resume_at(self, next_offset: int) -> int:
        """Say from which offset the open weeks can be read again, when `next_offset` would be the next to be read."""
        return min(self._offsets.values(), default=next_offset)

    def kept(self) -> int:
        """Count the labels in memory."""
        return sum([len(piece.marks) for pieces in self._pieces.values() for piece in pieces])

    def _gather(self, week: int, labels: Labels) -> None:
        pieces = self._pieces.setdefault(week, [])
        pieces.append(labels)
        if sum([len(piece.marks) for piece in pieces]) > 2 * self._most:
            self._pieces[week] = [self._firsts(pieces)]

    def _firsts(self, pieces: list[Labels]) -> Labels:
        """Join labels, the first of each customer, and of more than `most` customers those that are learned."""
        if not pieces:
            return labels_of([])
        joined = Labels(
            np.concatenate([piece.marks for piece in pieces]),
            np.concatenate([piece.silent for piece in pieces]),
            Habits(*[np.concatenate(column) for column in zip(*[piece.habits for piece in pieces], strict=True)]),
            np.concatenate([piece.orders for piece in pieces]),
            np.concatenate([piece.spent for piece in pieces]),
        )
        _, first = np.unique(joined.marks, return_index=True)
        return joined.of(first[: self._most])
