"""
The course: a history of events lived through once, in event time, by the churn model of the pipeline.

Law: nothing later is used for anything earlier. Events are folded into real records; at the end of
each week of one fixed grid (without grace) its labels are made from the records, the prediction made
with the weights known at its beginning is judged, and then the labels are learned. At a cut, a
midnight, everybody known is scored by the records and the latest closed week.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import Event
from streams.core.churn import Population, Silence
from streams.core.decode import second_of
from streams.core.engagement import DAY_S, Engagement, day_of, fold
from streams.core.habits import Habits, Numbers
from streams.core.hazard import CHUNK, Model, risk, step_risk
from streams.core.learner import first_day_of, learn, mark_of, start, week_of
from streams.core.record import GUEST_MARK, new
from streams.core.ring import WIDTH, holds, insert, is_late
from streams.core.ring import mark_of as event_mark
from streams.core.rules import Rules
from streams.core.sweep import habits_of_all, sweep

_TOLD_EVERY: Final = 10_000
"""After how many events the caller is told how far we are."""

_LEAST: Final = 1e-4
"""No probability counts as surer than this when it is judged."""


class CutScores(NamedTuple):
    """
    What was known at a cut: whom, their risk over the horizon, by which version, and MBG/NBD's risk.

    Until the version is calibrated the risk is MBG/NBD's, as in the pipeline.
    """

    cut_s: int
    keys: list[str]
    risks: NDArray[np.float64]
    calibrated: bool
    version: int
    mbg: NDArray[np.float64]


class WeekScore(NamedTuple):
    """How well a week's silence was foretold at its beginning, beside the base rate known then; losses in nats."""

    week_end_s: int
    customers: int
    silent: int
    log_loss: float
    base_log_loss: float


class Course(NamedTuple):
    """The scores of all cuts, of all weeks in which somebody acted, and every version of the model."""

    cuts: list[CutScores]
    weeks: list[WeekScore]
    models: list[Model]


def run(
    rows: Iterable[tuple[str, int, Event]],
    *,
    cuts_s: Sequence[int],
    horizon_days: int,
    step_days: int = 7,
    orders_only: bool = False,
    min_orders: int = 0,
    rules: Rules,
    step: Callable[[float], None],
) -> Course:
    """
    Live through a history: rows of key, source number and event, sorted by `occurred_at`.

    `cuts_s` are midnights of the rules' day, as seconds since 1970. `step` is told the latest second of the events
    folded. Nothing is read after the last cut. Raise ValueError if a row is earlier than the one before it.
    """
    cuts = sorted(cuts_s)
    walk = _Walk(rules, horizon_days, step_days, orders_only, min_orders)
    latest = 0
    for number, (key, source, event) in enumerate(rows):
        second = second_of(event)
        if second < latest:
            raise ValueError("the events of a course must be sorted by occurred_at")
        latest = second
        while cuts and second >= cuts[0]:
            walk.take(cuts.pop(0))
        if not cuts:
            break
        walk.close_weeks(second)
        walk.fold(key, source, event, second)
        if not number % _TOLD_EVERY:
            step(float(second))
    for cut_s in cuts:
        walk.take(cut_s)
    return Course(walk.scores, walk.weeks, walk.models)


class _Walk:
    """Where we are in the history: everybody's record, and the latest model."""

    def __init__(self, rules: Rules, horizon_days: int, step_days: int, orders_only: bool, min_orders: int) -> None:
        """Stand before the first event."""
        self.scores: list[CutScores] = []
        self.weeks: list[WeekScore] = []
        self.models: list[Model] = []
        self._rules, self._horizon_days, self._step_days = rules, horizon_days, step_days
        self._orders_only, self._min_orders = orders_only, min_orders
        self._model = start(step_days)
        self._engagements: dict[str, Engagement] = {}
        self._marks: list[bytes] = []
        self._week: int | None = None
        self._week_end_s = 0

    def fold(self, key: str, source: int, event: Event, second: int) -> None:
        """Fold one event, as the pipeline does; a copy or what came too late for the ring is passed over."""
        if key[:1] == GUEST_MARK:
            return
        engagement = self._engagements.get(key)
        if engagement is None:
            engagement = self._engagements[key] = new(key, second, self._rules.day_offset_s).engagement
            self._marks.append(mark_of(key))
        ring, size = engagement.rings[source], self._rules.ring_sizes[source]
        mark = event_mark(second, event.event_id)
        if mark <= ring[-WIDTH:] and (holds(ring, mark) or is_late(ring, mark, size)):
            return
        engagement.rings[source] = insert(ring, mark, size)
        fold(engagement, event, second, mark, self._rules.base_currency)

    def close_weeks(self, second: int) -> None:
        """Close every week that ends by that second."""
        if self._week is None:
            self._enter(week_of(day_of(second, self._rules.day_offset_s), self._step_days))
        while self._week is not None and second >= self._week_end_s:
            self._close(self._week)
            self._enter(self._week + 1)

    def take(self, cut_s: int) -> None:
        """Score everybody known at a cut."""
        if self._week is not None:
            self.close_weeks(cut_s)
        cut = day_of(cut_s, self._rules.day_offset_s)
        habits = habits_of_all(list(self._engagements.values()), cut, orders_only=self._orders_only)
        known = (habits.days > 0) & (habits.orders >= self._min_orders)
        known_keys = [key for key, is_known in zip(self._engagements, known.tolist(), strict=True) if is_known]
        habits = habits.of(known)
        model = self._model
        mbg = _mbg(habits, self._rules.population, self._horizon_days)
        risks = mbg
        if model.calibrated:
            pieces = [risk(model, piece, self._horizon_days) for piece in _pieces(habits)]
            risks = np.concatenate([np.empty(0), *pieces])
        self.scores.append(CutScores(cut_s, known_keys, risks, model.calibrated, model.version, mbg))

    def _enter(self, week: int) -> None:
        self._week = week
        self._week_end_s = first_day_of(week + 1, self._step_days) * DAY_S - self._rules.day_offset_s

    def _close(self, week: int) -> None:
        """Judge the prediction for the week that ends, and learn from it."""
        engagements = list(self._engagements.values())
        labels = sweep(self._marks, engagements, week, step_days=self._step_days, orders_only=self._orders_only)
        model, self._model = self._model, learn(self._model, week, labels)
        self.models.append(self._model)
        customers, silent = len(labels.silent), int(labels.silent.sum())
        if silent == customers:
            return
        risks = np.concatenate([step_risk(model, piece) for piece in _pieces(labels.habits)])
        base = np.full(customers, model.base_rate)
        losses = [_log_loss(labels.silent, foretold) for foretold in (risks, base)]
        self.weeks.append(WeekScore(self._week_end_s, customers, silent, *losses))


def _pieces(habits: Habits) -> list[Habits]:
    """Cut the habits of many into pieces that stay in the processor's cache."""
    starts = range(0, len(habits.days), CHUNK)
    return [habits.of(slice(at, at + CHUNK)) for at in starts]


def _mbg(habits: Habits, population: Population, horizon_days: int) -> Numbers:
    """Say MBG/NBD's risk from the same days."""
    rhythms = zip(
        (habits.days - 1).tolist(), (habits.age - habits.rec).tolist(), (habits.age + 1).tolist(), strict=True
    )
    silence = Silence([(x, span, age, 0) for x, span, age in rhythms], population, horizon_days)
    return silence.risk(silence.age)


def _log_loss(silent: Numbers, foretold: Numbers) -> float:
    sure = np.clip(foretold, _LEAST, 1.0 - _LEAST)
    return float(-np.mean(silent * np.log(sure) + (1.0 - silent) * np.log1p(-sure)))
