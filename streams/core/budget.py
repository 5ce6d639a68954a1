"""
Budgets: how often an action may be chosen on one day, over all customers.

Law: the shares of all partitions add up to the budget, so no day's budget is ever exceeded, and none
of them needs to ask another; on a day on which a budget is changed, the largest of them holds. What a
slice spends stands in an overlay until its records are put down; a slice that fails has spent nothing.
This is the one thing in a decision that depends on other customers.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from streams.core.engagement import DAY_S

FUNDED_DAYS: Final = 7
"""So many days a record names what was spent on its customer, for a new owner to count again."""

MAX_ENTRIES: Final = 65_536
"""So many actions and days are kept; what is older than those is closed: nothing is left of it."""

Funded = tuple[str, int]
"""An action that was paid for, and the day since 1970."""


def share(budget: int, partitions: int, number: int, turn: int = 0) -> int:
    """
    Say a partition's part of a budget, by largest remainder.

    All are equally large, so the remainders tie; `turn` (the day) says with whom the rest begins.

    >>> [share(5, 3, number) for number in range(3)], [share(5, 3, number, turn=1) for number in range(3)]
    ([2, 2, 1], [1, 2, 2])
    """
    part, rest = divmod(budget, partitions)
    return part + ((number - turn) % partitions < rest)


def day_end_s(day: int, offset_s: int) -> int:
    """Say when a day since 1970 ends, and with it its budgets, in seconds since 1970."""
    return (day + 1) * DAY_S - offset_s


class Ledger:
    """What one partition spent of the budgets, by action and day."""

    def __init__(self, partitions: int = 1, number: int = 0) -> None:
        """Begin with nothing spent, as partition `number` of so many."""
        self._partitions, self._number = partitions, number
        self._spent: Counter[Funded] = Counter()
        self._closed_day = -1

    def spent(self, action: str, day: int) -> int:
        """Say how often an action was paid for on a day."""
        return self._spent[action, day]

    def left(self, action: str, budget: int, day: int) -> int:
        """Say how often it may still be chosen on that day in this partition; never below 0."""
        if day <= self._closed_day:
            return 0
        return max(0, share(budget, self._partitions, self._number, day) - self.spent(action, day))

    def put_down(self, funded: Iterable[Funded]) -> None:
        """Count what was spent, when the records that name it are put down or read again."""
        self._spent.update(funded)
        if len(self._spent) > MAX_ENTRIES:
            self._close()

    def overlay(self) -> "Overlay":
        """Begin a slice."""
        return Overlay(self)

    def _close(self) -> None:
        days = sorted(day for _, day in self._spent)
        self._closed_day = days[len(days) // 2]
        self._spent = Counter({entry: count for entry, count in self._spent.items() if entry[1] > self._closed_day})


class Overlay:
    """A ledger and what a slice spends on top of it; the ledger does not know of it until it is put down."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin with nothing spent."""
        self._ledger = ledger
        self._spent: Counter[Funded] = Counter()
        self.funded: list[Funded] = []

    def left(self, action: str, budget: int, day: int) -> int:
        """Say how often an action may still be chosen on a day in this partition; never below 0."""
        left = self._ledger.left(action, budget, day)
        return max(0, left - self._spent[action, day]) if self._spent else left

    def spend(self, action: str, day: int) -> None:
        """Pay once for an action."""
        self._spent[action, day] += 1
        self.funded.append((action, day))
