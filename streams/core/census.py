"""
The census: how many customers are in which arm, and how many wait for an answer for too long.

Law: counts add up over records, partitions and workers. A customer is in an arm from the first decision that it
mattered to; only experiments of the catalogue that serves are counted, and every arm of these, be it empty.
"""

from collections import Counter
from typing import Final

from streams.core.arms import HOLDOUT, TREATED
from streams.core.catalogue import Catalogue
from streams.core.clocks import respond_by
from streams.core.engagement import DAY_S
from streams.core.record import Record

FORGIVEN_S: Final = 30 * DAY_S
"""So long after it was due nobody expects an answer any more."""


def shares_of(catalogue: Catalogue) -> dict[tuple[str, str], float]:
    """Say the share of every arm: by experiment, the holdout among them, and arm."""
    holdout = catalogue.policy.holdout.share
    shares = {(HOLDOUT, TREATED): 1.0 - holdout, (HOLDOUT, HOLDOUT): holdout}
    for name, experiment in catalogue.experiments.items():
        shares |= {(name, arm): share for arm, share in experiment.arms.items()}
    return shares


class Census:
    """Counts over many records, as seen from a second since 1970."""

    def __init__(self, catalogue: Catalogue, now_s: int) -> None:
        """Begin with nobody."""
        self.arms: Counter[tuple[str, str]] = Counter(dict.fromkeys(shares_of(catalogue), 0))
        self.overdue = 0
        self._catalogue, self._now_s = catalogue, now_s

    def count(self, record: Record) -> None:
        """Count one record; a guest order is nobody."""
        stance = record.stance
        if stance is None:
            return
        for enrolled in stance.enrolled.items():
            if enrolled in self.arms:
                self.arms[enrolled] += 1
        engagement = record.engagement
        if engagement.complaint or engagement.surveys:
            clock = respond_by(self._catalogue, engagement, stance)
            self.overdue += clock is not None and clock.due_s <= self._now_s < clock.due_s + FORGIVEN_S
