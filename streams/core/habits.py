"""
Habits: what the churn model needs of a customer, as it stood at the midnight before a day.

Law: habits follow from the order-free part of a record alone, and from nothing that happened on or
after the day of the cut; so a record that has seen later events, by at most `MOST_LATER_DAYS`, gives
the same habits as one that has not. Only whole days count, the last `WINDOW_DAYS` of them and up to
seven more. Counts are integers and decays multiples of 2**-40, both held as floats, so every sum is exact
and does not depend on what else is in the batch.
"""

from collections.abc import Sequence
from functools import lru_cache
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


_WEIGHTS: Final = np.stack([_weights(tau) for tau in TAUS])
_OF_CHANNELS: Final = slice(TAUS.index(10), TAUS.index(90) + 1, TAUS.index(90) - TAUS.index(10))
_EARLIER: Final = np.array([(1 << bit) - 1 for bit in range(8)], np.uint8)
"""For the bit of a day the bits of the days before it in the same byte."""
_WEB_ROW: Final = Habits._fields.index("web")
_SUMMED: Final = len(Habits._fields) - _WEB_ROW


def decay_of_today(tau: int) -> float:
    """Say what an act of today is worth in a decay by one of `TAUS`."""
    return float(_WEIGHTS[TAUS.index(tau), 1])


def cut_of(now_s: int, offset_s: int) -> int:
    """Say the cut of an instant: the day after its own, so that what happened today is seen."""
    return (now_s + offset_s) // DAY_S + 1


def habits_of(engagements: Sequence[Engagement], cuts: Integers, *, orders_only: bool = False) -> Habits:
    """
    Derive the habits of customers, each as of the beginning of its own cut (a day since 1970).

    With `orders_only` nothing counts as an act but an order. Who has no active day in the window has
    `days` 0 and was silent for all of it.
    """
    table = np.zeros((len(Habits._fields), len(engagements)))
    found = Habits._make(table)
    if not engagements:
        return found
    starts = (cuts >> 3) - (_BYTES - 1)
    _count_days(table, engagements, cuts, starts, orders_only=orders_only)
    blobs = [one.day_orders for one in engagements]
    if not orders_only:
        blobs += [one.day_acts for one in engagements]
    orders, *acts = _tiles(blobs, _COUNT, cuts, starts)
    [money] = _tiles([one.day_money for one in engagements], _MONEY, cuts, starts)
    np.add(orders[WEB], orders[STORE], out=found.orders)
    np.add(money[WEB], money[STORE], out=found.money_minor)
    found.items[:] = orders[ITEMS]
    found.acts[:] = found.orders
    for act in acts:  # an order at the till is an act there
        np.add(act[WEB], act[STORE], out=found.acts)
        np.add(found.acts, orders[WEB], out=found.acts)
    return found


class Silence(NamedTuple):
    """Instants ever more days of silence from now: the days, and for each decay of `Habits` what is left of it."""

    days: Numbers
    left: Numbers


@lru_cache(maxsize=64)
def silence(instants: int, step_days: int) -> Silence:
    """Say so many instants, the first of them now, with so many days between them; an instant is a row."""
    days = np.arange(instants, dtype=np.float64)[:, None] * step_days
    left = np.exp(days / -np.array(list(_DECAYS.values()), np.float64)[:, None, None])
    days.flags.writeable = left.flags.writeable = False
    return Silence(days, left)


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


def _count_days(
    table: Numbers, engagements: Sequence[Engagement], cuts: Integers, starts: Integers, *, orders_only: bool
) -> None:
    """Fill in the rows that follow from the active days."""
    size = len(engagements)
    grids = _grids(engagements, starts, orders_only=orders_only)
    union = np.bitwise_or.reduce(grids, axis=0)
    union.reshape(size, _BYTES)[:, -1] &= _EARLIER[cuts & 7]
    places = (union != 0).nonzero()[0]  # of truth values, twice as fast
    bits = _bits(union.take(places)).nonzero()[0]
    at = (places << 3).take(bits >> 3) + (bits & 7)
    owner = at // (8 * _BYTES)
    ages = (cuts - (starts << 3) + np.arange(0, 8 * _BYTES * size, 8 * _BYTES)).take(owner) - at
    days = np.bincount(owner, minlength=size)
    table[0], table[1:3] = days, 8.0 * _BYTES
    if not len(ages):
        return
    seen = slice(None) if days.all() else days.nonzero()[0]
    ends = days.cumsum()[seen]
    first, last = ends - days[seen], ends - 1
    figures = np.empty((_SUMMED + 1, len(ages)))
    channels, decays = figures[:3], figures[3 : 3 + len(TAUS)]
    channels[:] = _bits(grids.take(places, axis=1).ravel()).reshape(3, -1).take(bits, axis=1)
    _WEIGHTS.take(ages, axis=1, out=decays, mode="clip")
    of_channels = figures[3 + len(TAUS) : _SUMMED].reshape(3, len(CHANNEL_TAUS), -1)
    np.multiply(channels[:, None], decays[_OF_CHANNELS], out=of_channels)
    intervals = figures[_SUMMED]
    np.subtract(ages[:-1], ages[1:], out=intervals[1:])
    intervals[first] = 0.0
    table[1, seen], table[2, seen], table[4, seen] = ages[last] - 1, ages[first] - 1, intervals[last]
    intervals *= intervals
    sums = np.add.reduceat(figures, first, axis=1)  # exact, so the order does not matter
    table[_WEB_ROW:, seen], table[3, seen] = sums[:_SUMMED], sums[_SUMMED]


def _grids(engagements: Sequence[Engagement], starts: Integers, *, orders_only: bool) -> Bytes:
    """Lay bitmaps side by side, each moved into its window; a row for the web, for shops and for orders."""
    size = len(engagements)
    bitmaps = [one.order for one in engagements]
    if not orders_only:
        bitmaps = [one.web for one in engagements] + [one.store for one in engagements] + bitmaps
    flat = np.frombuffer(b"".join(bitmaps), np.uint8)
    sizes = np.array([len(one) for one in bitmaps])
    full = (flat != 0).nonzero()[0]
    owner = np.arange(len(bitmaps)).repeat(sizes)[full]
    shifts = sizes - sizes.cumsum()
    shifts.reshape(-1, size)[:] += _bases(engagements) - starts
    column = full + shifts[owner]
    inside = column.view(np.uint64) < _BYTES
    grids = np.zeros((3, size * _BYTES), np.uint8)
    filled = grids.reshape(-1)[-len(bitmaps) * _BYTES :]
    filled[(owner * _BYTES + column)[inside]] = flat[full[inside]]
    return grids


def _tiles(blobs: list[bytes], form: np.dtype[np.void], cuts: Integers, starts: Integers) -> Numbers:
    """Sum the day tiles of each window: by list of blobs, one after another, by kind, and by customer."""
    lists = len(blobs) // len(cuts)
    flat = np.frombuffer(b"".join(blobs), form)
    sizes = np.array([len(one) for one in blobs]) // form.itemsize
    lowest = starts * (8 * KINDS)
    key = flat["key"] - np.concatenate([lowest] * lists).repeat(sizes)
    inside = key.view(np.uint64) < np.concatenate([(cuts * KINDS - lowest).view(np.uint64)] * lists).repeat(sizes)
    key &= KINDS - 1
    key += np.arange(0, KINDS * len(blobs), KINDS).repeat(sizes)
    sums = np.bincount(key, flat["value"] * inside, KINDS * len(blobs))
    return sums.astype(np.float64, copy=False).reshape(lists, -1, KINDS).transpose(0, 2, 1)


def _bits(some: Bytes) -> NDArray[np.bool_]:
    """Say every bit of some bytes, the lowest first."""
    return np.unpackbits(some, bitorder="little").view(np.bool_)
