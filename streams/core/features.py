"""
Features: a customer's habits as the columns of the churn model.

Law: everything is element by element and in a fixed order, so a column has the same bits for a
customer alone and among thousands, for one instant and for many. Scaling and hinges are fixed
(`hazard_features.json`, read by the import as a part of this module): what was learned yesterday
never changes its meaning.
"""

import pkgutil
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np

from streams.core.habits import Habits, Numbers, Silence, silence

PSEUDO_INTERVALS: Final = 2.0
"""How many intervals of the population's mean are added to a customer's own."""

CLIP: Final = 5.0
"""No scaled feature lies farther from 0; undamped ones ruined the model on days unlike all before."""


class _File(msgspec.Struct, frozen=True):
    """What stands in hazard_features.json."""

    features: tuple[str, ...]
    knots: dict[str, tuple[float, ...]]
    expanded: tuple[str, ...]
    mu: tuple[float, ...]
    sd: tuple[float, ...]


_FILE: Final = msgspec.json.decode(pkgutil.get_data(__package__, "hazard_features.json") or b"", type=_File)

_CHANNELS: Final = tuple(f"{channel}{of}" for channel in ("web", "store", "order") for of in ("10", "90", ""))

NAMES: Final = ("intercept", *_FILE.expanded, *_CHANNELS)
"""The columns; a hinge is called `feature>knot`."""

_HINGES: Final = {name: tuple(one for one in _FILE.expanded if one.startswith(f"{name}>")) for name in _FILE.knots}
_STILL: Final = ("x", "cv", "V", "aov", "q", "epd", "last_over", *_HINGES["x"], "web", "store", "order")
_MOVING: Final = (
    *("rec", "T", "d3", "d10", "d30", "d90", "d300", "rec_over", "z", "rate", "trend"),
    *(*_HINGES["rec"], *_HINGES["z"], *_HINGES["rec_over"], *_HINGES["d30"]),
    *("web10", "web90", "store10", "store90", "order10", "order90"),
)

STILL: Final = np.array([NAMES.index(name) for name in _STILL])
"""Which of `NAMES` silence does not change."""

MOVING: Final = np.array([NAMES.index(name) for name in _MOVING])
"""Which of `NAMES` silence changes."""

_MU: Final = np.array([0.0, *_FILE.mu, *[1.0] * len(_CHANNELS)])
_SCALE: Final = np.array([1.0, *[1.0 / sd for sd in (*_FILE.sd, *[1.5**0.5] * len(_CHANNELS))]])
_STILL_MU, _STILL_SCALE = _MU[STILL, None], _SCALE[STILL, None]
_MOVING_MU, _MOVING_SCALE = _MU[MOVING, None, None], _SCALE[MOVING, None, None]
_X_KNOTS: Final = np.array(_FILE.knots["x"])[:, None]
_REC_KNOTS, _Z_KNOTS, _OVER_KNOTS, _D30_KNOTS = (
    np.array(_FILE.knots[name])[:, None, None] for name in ("rec", "z", "rec_over", "d30")
)
_HIGHEST, _LOWEST = np.array(CLIP), np.array(-CLIP)
_PIECE: Final = 500
_NOW: Final = silence(1, 1)
_FIRST_DECAY: Final = Habits._fields.index("d3")
_FIRST_OF_CHANNELS: Final = Habits._fields.index("web10")


class Scaled(NamedTuple):
    """
    The scaled columns of customers as their silence goes on.

    `still` has a row for each of `STILL` and a column for each customer; `moving` a layer for each of `MOVING`,
    in it a row for each instant.
    """

    still: Numbers
    moving: Numbers


def scaled(habits: Habits, interval_days: float, ahead: Silence, moving: Numbers) -> Scaled:
    """
    Scale the columns of customers at the instants of a silence that begins now; `moving` is the room to do it in.

    `interval_days` is the population's mean interval between two active days.
    """
    still, rhythm = _still(habits, interval_days)
    _move(moving, habits, rhythm, ahead)
    _scale(still, _STILL_MU, _STILL_SCALE)
    _scale(moving, _MOVING_MU, _MOVING_SCALE)
    return Scaled(still, moving)


def columns(habits: Habits, interval_days: float) -> Iterator[Numbers]:
    """
    Give the scaled columns in the order of `NAMES` but without the intercept, whose column is 1.

    Habits with a row per instant give columns with a row per instant. `interval_days` as in `scaled`.
    """
    shape = habits.rec.shape
    flat = Habits._make([np.broadcast_to(column, shape).reshape(-1) for column in habits])
    table = np.empty((len(NAMES), habits.rec.size))
    for at in range(0, habits.rec.size, _PIECE):
        some = flat.of(slice(at, at + _PIECE))
        found = scaled(some, interval_days, _NOW, np.empty((len(MOVING), 1, len(some.rec))))
        table[STILL, at : at + _PIECE], table[MOVING, at : at + _PIECE] = found.still, found.moving[:, 0]
    return iter(table[1:].reshape(len(NAMES) - 1, *shape))


class _Rhythm(NamedTuple):
    """A customer's own intervals: their mean, its logarithm, their deviation, and how many there are and a half."""

    mean: Numbers
    log_mean: Numbers
    spread: Numbers
    repeats: Numbers


def _still(habits: Habits, interval_days: float) -> tuple[Numbers, _Rhythm]:
    """Say, unscaled, what does not change in silence, and the rhythm."""
    repeats = np.maximum(habits.days - 1.0, 0.0)
    counted = repeats + PSEUDO_INTERVALS
    mean = (habits.age - habits.rec + PSEUDO_INTERVALS * interval_days) / counted
    # The added intervals are as scattered as exponential ones: their mean square is twice their squared mean.
    square = (habits.squares + PSEUDO_INTERVALS * 2.0 * interval_days * interval_days) / counted
    spread = np.sqrt(np.maximum(square - mean * mean, 1e-9))
    orders = np.maximum(habits.orders, 1.0)
    table = np.empty((len(STILL) + 1, len(mean)))
    x, cv, spend, per_order, basket, per_day, last = table[:7]
    log_mean = table[-1]
    x[:], cv[:], last[:], log_mean[:] = repeats, mean, habits.last, mean
    np.divide(np.maximum(habits.money_minor, 0.0), 100.0, out=spend)
    np.divide(spend, orders, out=per_order)
    np.divide(np.maximum(habits.items, 0.0), orders, out=basket)
    np.divide(np.maximum(habits.acts, habits.days), np.maximum(habits.days, 1.0), out=per_day)
    table[10], table[11], table[12] = habits.web, habits.store, habits.order
    table[7:10] = 0.0
    np.log1p(table, out=table)
    np.divide(spread, mean, out=cv)
    last -= log_mean
    hinges = np.subtract(x, _X_KNOTS, out=table[7:10])
    np.maximum(hinges, 0.0, out=hinges)
    return table[:-1], _Rhythm(mean, log_mean, spread, repeats + 0.5)


def _move(table: Numbers, habits: Habits, rhythm: _Rhythm, ahead: Silence) -> None:
    """Say, unscaled, what changes in silence; the mean interval does not, for days are whole numbers."""
    rec, age, over, z, rate, trend = table[0], table[1], table[7], table[8], table[9], table[10]
    np.add(habits.rec, ahead.days, out=rec)
    np.add(habits.age, ahead.days, out=age)
    np.subtract(rec, rhythm.mean, out=z)
    z /= rhythm.spread
    np.minimum(np.maximum(z, -4.0, out=z), 8.0, out=z)
    np.add(age, 15.0, out=rate)
    np.log(np.divide(rhythm.repeats, rate, out=rate), out=rate)
    _decayed(habits[_FIRST_DECAY:_FIRST_OF_CHANNELS], ahead.left[:5], table[2:7])
    np.log1p(table[:7], out=table[:7])
    channels = table[-6:]
    _decayed(habits[_FIRST_OF_CHANNELS:], ahead.left[5:], channels)
    np.log1p(channels, out=channels)
    np.subtract(rec, rhythm.log_mean, out=over)
    np.subtract(table[3], table[5], out=trend)
    np.subtract(rec, _REC_KNOTS, out=table[11:17])
    np.subtract(z, _Z_KNOTS, out=table[17:21])
    np.subtract(over, _OVER_KNOTS, out=table[21:25])
    np.subtract(table[4], _D30_KNOTS, out=table[25:28])
    hinges = table[11:28]
    np.maximum(hinges, 0.0, out=hinges)


def _decayed(decays: tuple[Numbers, ...], left: Numbers, out: Numbers) -> None:
    """Say ten times what is left of decays; their logarithm is the column."""
    np.multiply(np.concatenate(decays).reshape(len(decays), 1, -1), left, out=out)
    out *= 10.0


def _scale(table: Numbers, mu: Numbers, scale: Numbers) -> None:
    table -= mu
    table *= scale
    table.clip(_LOWEST, _HIGHEST, out=table)
