"""
Habits: what the churn model needs of a customer, as it stood at the midnight before a day.

Law: habits follow from the order-free part of a record alone, and from nothing that happened on or
after the day of the cut; so a record that has seen later events, by at most `MOST_LATER_DAYS`, gives
the same habits as one that has not. Only whole days count, the last `WINDOW_DAYS` of them and up to
seven more. Counts are integers and decays multiples of 2**-40, both held as floats, so every sum is exact
and does not depend on what else is in the batch.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.engagement import DAY_S, EDGE_S, Engagement
from streams.core.tiles import ITEMS, KINDS, STORE, WEB

WINDOW_DAYS: Final = 672
"""How many days before the cut are looked at, at least."""

MOST_LATER_DAYS: Final = EDGE_S // DAY_S - WINDOW_DAYS - 7
"""How many days after the cut a record may have seen and still hold the window: seven weeks and a day."""

TAUS: Final = (3, 10, 30, 90, 300)
"""After how many days an active day counts e times less, for days on any channel."""

CHANNEL_TAUS: Final = (10, 90)
"""The same for the days of each channel."""

_BYTES: Final = WINDOW_DAYS // 8 + 1
_GRID: Final = 2.0**40

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_COUNT: Final = np.dtype([("key", ">u4"), ("value", ">i4")])
_MONEY: Final = np.dtype([("key", ">u4"), ("value", ">i8")])


class Habits(NamedTuple):
    """
    The habits of many customers, an array for each figure; `after` may give some of them a row per instant.

    `days` are active days, `rec` and `age` the days from the last and the first of them to the day before the
    cut, the latest that is seen. `squares` is the sum of the squared intervals between them, `last` the last
    interval (0: none).
    `acts`, `orders`, `items` and `money_minor` are sums over the window. `web`, `store`, `order` count
    the days of a channel; d3 to d300 and the like are sums of exp(-(age - half a day) / tau).
    """

    days: Numbers
    rec: Numbers
    age: Numbers
    squares: Numbers
    last: Numbers
    acts: Numbers
    orders: Numbers
    items: Numbers
    money_minor: Numbers
    web: Numbers
    store: Numbers
    order: Numbers
    d3: Numbers
    d10: Numbers
    d30: Numbers
    d90: Numbers
    d300: Numbers
    web10: Numbers
    web90: Numbers
    store10: Numbers
    store90: Numbers
    order10: Numbers
    order90: Numbers

    def of(self, chosen: slice | NDArray[np.bool_] | Integers) -> "Habits":
        """Give the habits of some of the customers."""
        return Habits._make(column[chosen] for column in self)


_DECAYS: Final = {f"d{tau}": tau for tau in TAUS} | {
    f"{channel}{tau}": tau for channel in ("web", "store", "order") for tau in CHANNEL_TAUS
}


def _weights(tau: int) -> Numbers:
    """Say what a day is worth by its age in days, from 0 (never used) to the oldest of the window."""
    ages = np.arange(8 * _BYTES + 1) - 0.5
    weights: Numbers = np.rint(np.exp(-ages / tau) * _GRID) / _GRID
    return weights


_WEIGHTS: Final = {tau: _weights(tau) for tau in TAUS}


def cut_of(now_s: int, offset_s: int) -> int:
    """Say the cut of an instant: the day after its own, so that what happened today is seen."""
    return (now_s + offset_s) // DAY_S + 1


def habits_of(engagements: Sequence[Engagement], cuts: Integers, *, orders_only: bool = False) -> Habits:
    """
    Derive the habits of customers, each as of the beginning of its own cut (a day since 1970).

    With `orders_only` nothing counts as an act but an order. Who has no active day in the window has
    `days` 0 and was silent for all of it.
    """
    starts = (cuts >> 3) - (_BYTES - 1)
    days = _Days(engagements, cuts, starts, orders_only=orders_only)
    channels = days.channels()
    orders = _Tiles([one.day_orders for one in engagements], _COUNT, cuts, starts)
    money = _Tiles([one.day_money for one in engagements], _MONEY, cuts, starts)
    sold = orders.sums(WEB) + orders.sums(STORE)
    acts = sold
    if not orders_only:
        acted = _Tiles([one.day_acts for one in engagements], _COUNT, cuts, starts)
        acts = acted.sums(WEB) + acted.sums(STORE) + orders.sums(WEB)  # an order at the till is an act there
    return Habits._make(
        [
            *days.rhythm(),
            acts,
            sold,
            orders.sums(ITEMS),
            money.sums(WEB) + money.sums(STORE),
            *[count for count, _ in channels],
            *days.decays(),
            *[decay for _, decays in channels for decay in decays],
        ]
    )


def after(habits: Habits, silent_days: Numbers) -> Habits:
    """Say the habits after days of silence; given as a column, every instant becomes a row."""
    changed = {name: getattr(habits, name) * np.exp(silent_days / -tau) for name, tau in _DECAYS.items()}
    return habits._replace(rec=habits.rec + silent_days, age=habits.age + silent_days, **changed)


def acted_within(
    engagements: Sequence[Engagement], first_day: int, days: int, *, orders_only: bool = False
) -> NDArray[np.bool_]:
    """Say who has an active day among the days from `first_day` on."""
    bases = _bases(engagements) << 3
    mask = (1 << days) - 1
    found = np.zeros(len(engagements), np.bool_)
    for at, (one, base) in enumerate(zip(engagements, bases.tolist(), strict=True)):
        bitmap = int.from_bytes(one.order, "little")
        if not orders_only:
            bitmap |= int.from_bytes(one.web, "little") | int.from_bytes(one.store, "little")
        lag = first_day - base
        found[at] = (bitmap >> lag if lag >= 0 else bitmap << -lag) & mask
    return found


def _bases(engagements: Sequence[Engagement]) -> Integers:
    """Say the byte since 1970 at which the bitmaps begin: `base_of`, of all at once."""
    first_s = np.array([one.first_s for one in engagements], np.int64)
    last_s = np.array([one.last_s for one in engagements], np.int64)
    offset_s = np.array([one.offset_s for one in engagements], np.int64)
    bases: Integers = (np.maximum(first_s, last_s - EDGE_S) + offset_s) // DAY_S >> 3
    return bases


class _Days:
    """The active days of many customers before their cuts: whose each is, and how long before the cut."""

    def __init__(
        self, engagements: Sequence[Engagement], cuts: Integers, starts: Integers, *, orders_only: bool
    ) -> None:
        """Lay the bitmaps side by side and find the days on any channel."""
        self._size = len(engagements)
        shifts = _bases(engagements) - starts
        self._grids: list[Bytes | None] = [None, None, _spread([one.order for one in engagements], shifts)]
        if not orders_only:
            self._grids[0] = _spread([one.web for one in engagements], shifts)
            self._grids[1] = _spread([one.store for one in engagements], shifts)
        union = np.zeros(self._size * _BYTES, np.uint8)
        for grid in self._grids:
            if grid is not None:
                union |= grid
        union.reshape(self._size, _BYTES)[:, -1] &= ((1 << (cuts & 7)) - 1).astype(np.uint8)
        self._places = np.flatnonzero(union != 0)  # of truth values, twice as fast
        self._bits = np.flatnonzero(_bits(union[self._places]))
        place = self._places[self._bits >> 3]
        self._owner = place // _BYTES
        day = (place - self._owner * _BYTES << 3) + (self._bits & 7)
        self._ages = (cuts - (starts << 3))[self._owner] - day
        self._weights = {tau: _WEIGHTS[tau][self._ages] for tau in TAUS}

    def rhythm(self) -> list[Numbers]:
        """Say days, rec, age, squares and last."""
        ages, size = self._ages, self._size
        days = np.bincount(self._owner, minlength=size)
        seen = days > 0
        last = np.cumsum(days)[seen] - 1
        first = last + 1 - days[seen]
        intervals = np.zeros(len(ages), np.int64)
        intervals[1:] = ages[:-1] - ages[1:]
        intervals[first] = 0
        rec, age, recent = np.full(size, 8.0 * _BYTES), np.full(size, 8.0 * _BYTES), np.zeros(size)
        rec[seen], age[seen], recent[seen] = ages[last] - 1, ages[first] - 1, intervals[last]
        return [days.astype(np.float64), rec, age, _sums(self._owner, intervals * intervals, size), recent]

    def decays(self) -> list[Numbers]:
        """Say the decayed days on any channel, for each of `TAUS`."""
        return [_sums(self._owner, self._weights[tau], self._size) for tau in TAUS]

    def channels(self) -> list[tuple[Numbers, list[Numbers]]]:
        """Count the days of each channel, and decay them by each of `CHANNEL_TAUS`."""
        return [self._channel(grid) for grid in self._grids]

    def _channel(self, grid: Bytes | None) -> tuple[Numbers, list[Numbers]]:
        if grid is None:
            return np.zeros(self._size), [np.zeros(self._size) for _ in CHANNEL_TAUS]
        active = np.flatnonzero(_bits(grid[self._places])[self._bits])
        owner = self._owner[active]
        count = np.bincount(owner, minlength=self._size).astype(np.float64)
        return count, [_sums(owner, self._weights[tau][active], self._size) for tau in CHANNEL_TAUS]


class _Tiles:
    """The day tiles of many customers, those of each window only."""

    def __init__(self, blobs: list[bytes], form: np.dtype[np.void], cuts: Integers, starts: Integers) -> None:
        """Read the blobs."""
        flat = np.frombuffer(b"".join(blobs), form)
        sizes = np.array([len(one) for one in blobs], np.int64) // form.itemsize
        key = flat["key"].astype(np.int64)
        owner = np.repeat(np.arange(len(blobs)), sizes)
        inside = (key < cuts[owner] * KINDS) & (key >= starts[owner] * (8 * KINDS))
        self._size = len(blobs)
        self._owner, self._kind, self._value = owner[inside], key[inside] & (KINDS - 1), flat["value"][inside]

    def sums(self, kind: int) -> Numbers:
        """Sum one kind for each customer."""
        mine = self._kind == kind
        return _sums(self._owner[mine], self._value[mine], self._size)


def _spread(bitmaps: list[bytes], shifts: Integers) -> Bytes | None:
    """Lay bitmaps side by side, each moved by so many bytes into its window; None where all are empty."""
    flat = np.frombuffer(b"".join(bitmaps), np.uint8)
    if not len(flat):
        return None
    sizes = np.array([len(one) for one in bitmaps], np.int64)
    full = np.flatnonzero(flat != 0)
    owner = np.repeat(np.arange(len(bitmaps)), sizes)[full]
    column = full + (shifts - np.cumsum(sizes) + sizes)[owner]
    inside = (column >= 0) & (column < _BYTES)
    grid = np.zeros(len(bitmaps) * _BYTES, np.uint8)
    grid[(owner * _BYTES + column)[inside]] = flat[full[inside]]
    return grid


def _bits(some: Bytes) -> NDArray[np.bool_]:
    """Say every bit of some bytes, the lowest first."""
    return np.unpackbits(some, bitorder="little").view(np.bool_)


def _sums(owner: Integers, values: NDArray[np.int64] | Numbers, size: int) -> Numbers:
    """Sum values by their owner."""
    return np.bincount(owner, values, size).astype(np.float64, copy=False)
