"""
Features: a customer's habits as the columns of the churn model.

Law: everything is element by element and in a fixed order, so a column has the same bits for a
customer alone and among thousands, for one instant and for many. Scaling and hinges are fixed
(`hazard_features.json`, read by the import as a part of this module): what was learned yesterday
never changes its meaning.
"""

import pkgutil
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from streams.core.habits import Habits, Numbers

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

_MU: Final = (*_FILE.mu, *[1.0] * len(_CHANNELS))
_SCALE: Final = tuple(1.0 / sd for sd in (*_FILE.sd, *[1.5**0.5] * len(_CHANNELS)))


def columns(habits: Habits, interval_days: float) -> Iterator[Numbers]:
    """
    Give the scaled columns in the order of `NAMES` but without the intercept, whose column is 1.

    `interval_days` is the population's mean interval between two active days.
    """
    for raw, mu, scale in zip(_raw(habits, interval_days), _MU, _SCALE, strict=True):
        scaled = raw - mu
        scaled *= scale
        np.minimum(scaled, CLIP, out=scaled)
        np.maximum(scaled, -CLIP, out=scaled)
        yield scaled


def _raw(habits: Habits, interval_days: float) -> Iterator[Numbers]:
    """Give the unscaled columns: features, then hinges feature by feature, then channels."""
    named = _features(habits, interval_days)
    for name in _FILE.features:
        yield named[name]
    for name, knots in _FILE.knots.items():
        for knot in knots:
            yield np.maximum(named[name] - knot, 0.0)
    for name in _CHANNELS:
        yield _log_decay(getattr(habits, name)) if name[-1] == "0" else np.log1p(getattr(habits, name))


def _features(habits: Habits, interval_days: float) -> dict[str, Numbers]:
    repeats = np.maximum(habits.days - 1.0, 0.0)
    counted = repeats + PSEUDO_INTERVALS
    mean = (habits.age - habits.rec + PSEUDO_INTERVALS * interval_days) / counted
    # The added intervals are as scattered as exponential ones: their mean square is twice their squared mean.
    square = (habits.squares + PSEUDO_INTERVALS * 2.0 * interval_days * interval_days) / counted
    spread = np.sqrt(np.maximum(square - mean * mean, 1e-9))
    log_mean = np.log1p(mean)
    recency, decayed10, decayed90 = np.log1p(habits.rec), _log_decay(habits.d10), _log_decay(habits.d90)
    spend = np.maximum(habits.money_minor, 0.0) / 100.0
    orders = np.maximum(habits.orders, 1.0)
    return {
        "rec": recency,
        "x": np.log1p(repeats),
        "T": np.log1p(habits.age),
        "d3": _log_decay(habits.d3),
        "d10": decayed10,
        "d30": _log_decay(habits.d30),
        "d90": decayed90,
        "d300": _log_decay(habits.d300),
        "rec_over": recency - log_mean,
        "z": np.minimum(np.maximum((habits.rec - mean) / spread, -4.0), 8.0),
        "cv": spread / mean,
        "rate": np.log((repeats + 0.5) / (habits.age + 15.0)),
        "V": np.log1p(spend),
        "aov": np.log1p(spend / orders),
        "q": np.log1p(np.maximum(habits.items, 0.0) / orders),
        "epd": np.log1p(np.maximum(habits.acts, habits.days) / np.maximum(habits.days, 1.0)),
        "last_over": np.log1p(habits.last) - log_mean,
        "trend": decayed10 - decayed90,
    }


def _log_decay(decay: Numbers) -> Numbers:
    return np.log1p(10.0 * decay)
