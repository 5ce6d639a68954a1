"""
The learner: a closed week's labels become the next version of the churn model.

Law: the model after a week is a function of the set of labels up to it. A week's labels are learned
at its close, in the order of a hash of the customer, at most `MOST_LABELS` of them by that hash; the
order in which they came is nowhere to be seen. A week in which nobody acted, or nobody was known,
teaches nothing and lets nothing be forgotten.

Method: one step of an extended Kalman filter for a logistic regression per label; once a week the
precision is drawn towards that of the start, C^-1 <- .97 C^-1 + .03 P0, which is the forgetting.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.core.features import NAMES, columns
from streams.core.habits import Habits, Numbers
from streams.core.hazard import START_INTERVAL_DAYS, STEP_DAYS, Model
from streams.core.value import Recalibration, mean_spend_minor, recalibrated, spend_minor

MOST_LABELS: Final = 200_000
"""The most labels of one week that are learned."""

KEPT: Final = 0.97
"""What is kept of the precision from one week to the next."""

FIRST_DAY: Final = 4
"""A Monday, in days since 1970: the grid of weeks begins here."""

_START_WEIGHT: Final = 20.0
"""For how many intervals the start value of the population's mean interval counts."""

_LEAST_VARIANCE: Final = 1e-4
_PRECISION: Final = np.diag([0.1] + [1.0] * (len(NAMES) - 1))
_LOWER: Final = np.tril_indices(len(NAMES))


class Label(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """
    Whether one customer was silent in a week, and the habits at its beginning.

    `mark` is the 8-byte hash of the customer, `habits` the figures of `Habits` in their order. `orders` are
    the order days that were expected within the week, `spent_minor` what was spent in it.
    """

    week: int
    mark: bytes
    silent: bool
    habits: tuple[float, ...]
    orders: float
    spent_minor: int


class Labels(NamedTuple):
    """The labels of one week as columns: marks as numbers, whether silent (1 or 0), habits, orders, money spent."""

    marks: NDArray[np.uint64]
    silent: Numbers
    habits: Habits
    orders: Numbers
    spent: Numbers

    def of(self, chosen: Any) -> "Labels":
        """Choose some of the customers, by anything that chooses from an array."""
        habits = self.habits.of(chosen)
        return Labels(self.marks[chosen], self.silent[chosen], habits, self.orders[chosen], self.spent[chosen])


def week_of(day: int, step_days: int = STEP_DAYS) -> int:
    """
    Say the week of a day since 1970; a week has `step_days`, the first begins on Monday, 5 January 1970.

    >>> week_of(3), week_of(4), week_of(10), week_of(11)
    (-1, 0, 0, 1)
    """
    return (day - FIRST_DAY) // step_days


def first_day_of(week: int, step_days: int = STEP_DAYS) -> int:
    """Say the first day of a week."""
    return FIRST_DAY + week * step_days


def mark_of(key: str) -> bytes:
    """Say the hash under which a customer's labels are known."""
    return blake2b(key.encode(), digest_size=8).digest()


def rows_of(week: int, labels: Labels) -> list[Label]:
    """Say labels one by one, as they travel."""
    marks = [mark.to_bytes(8, "big") for mark in labels.marks.tolist()]
    silent, habits = labels.silent.tolist(), np.stack(labels.habits, axis=1).tolist()
    return [
        Label(week, mark, bool(was_silent), tuple(row), orders, int(spent))
        for mark, was_silent, row, orders, spent in zip(
            marks, silent, habits, labels.orders.tolist(), labels.spent.tolist(), strict=True
        )
    ]


def labels_of(rows: Iterable[Label]) -> Labels:
    """Gather the labels of one week, one for each customer, in whatever order they came."""
    gathered = list(rows)
    marks = np.frombuffer(b"".join([row.mark for row in gathered]), ">u8").astype(np.uint64)
    table = np.array([row.habits for row in gathered], np.float64).reshape(-1, len(Habits._fields))
    silent, orders, spent = (
        np.array([getattr(row, name) for row in gathered], np.float64) for name in ("silent", "orders", "spent_minor")
    )
    return Labels(marks, silent, Habits(*table.T.copy()), orders, spent)


def start(step_days: int = STEP_DAYS) -> Model:
    """Begin with weights of zero; the version is that before the first week."""
    covariance = np.linalg.inv(_PRECISION)[_LOWER].tobytes()
    return Model(-1, step_days, covariance=covariance)


def learn(model: Model, week: int, labels: Labels, most: int = MOST_LABELS) -> Model:
    """
    Close a week: learn its labels, and give the version of that number.

    Raise ValueError if the model has learned that week already.
    """
    if week <= model.version:
        raise ValueError(f"the model of week {model.version} cannot learn week {week}")
    if labels.silent.sum() == len(labels.silent):
        return msgspec.structs.replace(model, version=week)
    labels = _in_order(labels, most)
    size, silent = len(labels.silent), float(labels.silent.sum())
    interval_days = _interval_days(labels.habits)
    table = np.ones((size, len(NAMES)))
    for at, column in enumerate(columns(labels.habits, interval_days), 1):
        table[:, at] = column
    weights = np.frombuffer(model.weights).copy()
    if not model.weeks:
        weights[0] = np.log((silent + 1.0) / (size - silent + 1.0))
    mean_minor = mean_spend_minor(labels.habits)
    predicted = float((labels.orders * spend_minor(labels.habits, mean_minor)).sum())
    covariance = _forgotten(_square(model.covariance))
    _filter(weights, covariance, table, labels.silent)
    return Model(
        week,
        model.step_days,
        weights.tobytes(),
        covariance[_LOWER].tobytes(),
        table.mean(axis=0).tobytes(),
        interval_days,
        KEPT * model.silent + silent,
        KEPT * model.seen + size,
        model.n_labels + size,
        model.weeks + 1,
        mean_minor,
        *recalibrated(Recalibration(model.predicted, model.actual), predicted, float(labels.spent.sum())),
    )


def _in_order(labels: Labels, most: int) -> Labels:
    """Put labels into the order of their marks, and leave out those beyond the cap."""
    order = np.argsort(labels.marks, kind="stable")[:most]
    return labels.of(order)


def _interval_days(habits: Habits) -> float:
    """Say the mean of all intervals of all customers, a little drawn to the start value."""
    total = float((habits.age - habits.rec)[habits.days > 0].sum()) + _START_WEIGHT * START_INTERVAL_DAYS
    return total / (float(np.maximum(habits.days - 1.0, 0.0).sum()) + _START_WEIGHT)


def _forgotten(covariance: Numbers) -> Numbers:
    """Let a week's share of the past fade into the start."""
    faded = np.linalg.inv(KEPT * np.linalg.inv(covariance) + (1.0 - KEPT) * _PRECISION)
    symmetric: Numbers = (faded + faded.T) * 0.5
    return symmetric


def _filter(weights: Numbers, covariance: Numbers, table: Numbers, silent: Numbers) -> None:
    """Take one Kalman step per label, in place."""
    gain, outer = np.empty_like(weights), np.empty_like(covariance)
    column = gain[:, None]
    for row, outcome in zip(table, silent.tolist(), strict=True):
        logit = float(weights.dot(row))
        probability = 1.0 / (1.0 + np.exp(-min(max(logit, -35.0), 35.0)))
        variance = max(probability * (1.0 - probability), _LEAST_VARIANCE)
        covariance.dot(row, out=gain)
        scale = 1.0 / variance + float(row.dot(gain))
        weights += gain * ((outcome - probability) / (variance * scale))
        gain /= scale**0.5
        np.multiply(column, gain, out=outer)
        covariance -= outer


def _square(triangle: bytes) -> Numbers:
    """Make the whole matrix from its lower triangle."""
    square = np.zeros((len(NAMES), len(NAMES)))
    square[_LOWER] = np.frombuffer(triangle)
    upper = np.triu_indices(len(NAMES), 1)
    square[upper] = square.T[upper]
    return square
