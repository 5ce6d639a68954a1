"""
The book of models: every version that was learned, and which of them serves an instant.

Law: version k serves what is assessed from the close of week k on; where it is not known (yet), the
newest one before it does. The close comes a grace after the week's end, the same for all versions.
"""

from bisect import bisect_right
from typing import Final

import msgspec

from streams.core.engagement import DAY_S
from streams.core.hazard import Model
from streams.core.learner import first_day_of, week_of

GRACE_S: Final = 2 * DAY_S
"""How long after its end a week closes, so that late events are among its labels."""


def close_s(week: int, day_offset_s: int = 0, grace_s: int = GRACE_S) -> int:
    """Say the second since 1970 at which a week closes."""
    return first_day_of(week + 1) * DAY_S - day_offset_s + grace_s


def closed_week(second: int, day_offset_s: int = 0, grace_s: int = GRACE_S) -> int:
    """
    Say the latest week that has closed by a second since 1970.

    >>> monday = close_s(2000)
    >>> closed_week(monday - 1), closed_week(monday)
    (1999, 2000)
    """
    return week_of((second - grace_s + day_offset_s) // DAY_S) - 1


class Book:
    """All known versions, with the covariance of the latest only."""

    def __init__(self, day_offset_s: int = 0, grace_s: int = GRACE_S) -> None:
        """Begin without any version."""
        self.latest: Model | None = None
        self._day_offset_s, self._grace_s = day_offset_s, grace_s
        self._versions: list[int] = []
        self._models: list[Model] = []

    def add(self, model: Model) -> None:
        """Take in a version; one that is known already is not replaced, for it has the same bytes."""
        if self.latest is None or model.version > self.latest.version:
            self.latest = model
        at = bisect_right(self._versions, model.version)
        if at and self._versions[at - 1] == model.version:
            return
        self._versions.insert(at, model.version)
        self._models.insert(at, msgspec.structs.replace(model, covariance=b""))

    def serving(self, as_of_s: int) -> Model | None:
        """Give the version that serves an instant (seconds since 1970); None before the first."""
        at = bisect_right(self._versions, closed_week(as_of_s, self._day_offset_s, self._grace_s))
        return self._models[at - 1] if at else None
