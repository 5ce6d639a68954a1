"""
One evaluation: the course of the real core over a history, judged at each cut beside what is simpler.

Law: risks come from the course alone, truth and baselines from the plain table alone, and here they meet, customer by
customer.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from streams.core.engagement import DAY_S
from streams.core.rules import Rules
from streams.errors import LatidoError
from streams.evaluate import course
from streams.evaluate.baselines import BASE_RATE, MBG_NBD, RFM_LOGIT, foretell
from streams.evaluate.history import Bools, History, rows
from streams.evaluate.measures import Measures, mean_of, measure
from streams.evaluate.truth import Numbers, Plain, known_at, plain, silent

YOUNG_WEEKS: Final = 4
"""Weeks of which nothing is asked yet."""

BASELINES: Final = (BASE_RATE, RFM_LOGIT, MBG_NBD)

_EPOCH: Final = date(1970, 1, 1)


class UnanswerableError(LatidoError):
    """The history cannot answer the question; the sentence says what it can."""


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: silence for how many days from which midnights on, learned in which steps."""

    horizon_days: int
    cuts: Sequence[date]
    step_days: int = 7
    orders_only: bool = False
    min_orders: int = 0


class CutResult(Measures, frozen=True, kw_only=True):
    """How good the risks were at one cut, beside the baselines; a baseline that had nothing to learn from is None."""

    cut: str
    n: int
    churn_rate: float
    calibrated: bool
    model_version: int
    baselines: dict[str, Measures | None]


class Mean(Measures, frozen=True, kw_only=True):
    """The mean over the cuts."""

    baselines: dict[str, Measures | None]


class WeekResult(Struct, frozen=True, kw_only=True):
    """How well a week's silence was foretold at its beginning, beside the base rate; losses in nats."""

    week_end: str
    customers: int
    silent: int
    log_loss: float
    base_log_loss: float


class Evaluation(Struct, frozen=True, kw_only=True):
    """All figures of one evaluation; `worst_week` is the most by which a week after the fourth was above base rate."""

    horizon_days: int
    step_days: int
    activity: str
    min_orders: int
    customers: int
    rows: int
    cuts: list[CutResult]
    mean: Mean
    weeks: list[WeekResult]
    worst_week: float | None
    notes: list[str]


class Evidence(NamedTuple):
    """What the curves of a cut are drawn from."""

    cut: str
    silent: Bools
    risk: Numbers


def evaluate(
    history: History, question: Question, rules: Rules, progress: Callable[[float], None]
) -> tuple[Evaluation, list[Evidence]]:
    """
    Run the course and judge it; `progress` is told the part that is done, 0 to 1. Raises `UnanswerableError`.

    Days and midnights are those of `rules.day_offset_s`.
    """
    table = plain(
        history, offset_s=rules.day_offset_s, orders_only=question.orders_only, min_orders=question.min_orders
    )
    days = sorted({(cut - _EPOCH).days for cut in question.cuts})
    _check(table, days, question.horizon_days)
    cuts_s = [day * DAY_S - rules.day_offset_s for day in days]
    first_s = int(history.at_s[0])
    lived = course.run(
        rows(history),
        cuts_s=cuts_s,
        horizon_days=question.horizon_days,
        step_days=question.step_days,
        orders_only=question.orders_only,
        min_orders=question.min_orders,
        rules=rules,
        step=lambda at_s: progress(min(1.0, (at_s - first_s) / max(1, cuts_s[-1] - first_s))),
    )
    judged = [_judge(table, scores, day, question) for scores, day in zip(lived.cuts, days, strict=True)]
    results = [result for result, _, _ in judged]
    weeks = [_week(week) for week in lived.weeks]
    evaluation = Evaluation(
        horizon_days=question.horizon_days,
        step_days=question.step_days,
        activity="orders" if question.orders_only else "any",
        min_orders=question.min_orders,
        customers=len(history.keys),
        rows=len(history.at_s),
        cuts=results,
        mean=_mean(results),
        weeks=weeks,
        worst_week=max((week.log_loss - week.base_log_loss for week in weeks[YOUNG_WEEKS:]), default=None),
        notes=[*history.notes, *(note for _, _, note in judged if note)],
    )
    return evaluation, [evidence for _, evidence, _ in judged]


def _check(table: Plain, days: list[int], horizon_days: int) -> None:
    """Refuse cuts of which the history knows nobody, or not the end."""
    for day in days:
        if day + horizon_days > table.last_day + 1:
            latest = _day(table.last_day + 1 - horizon_days)
            raise UnanswerableError(
                f"The events end on {_day(table.last_day)}, within the {horizon_days} days from the cut {_day(day)}; "
                f"the latest cut that can be judged is {latest}."
            )
        if not len(known_at(table, day).customer):
            raise UnanswerableError(
                f"Nobody is known before the cut {_day(day)}; the events begin on {_day(table.first_day)}, "
                "so name a later cut, or fewer --min-orders."
            )


def _judge(
    table: Plain, scores: course.CutScores, day: int, question: Question
) -> tuple[CutResult, Evidence, str | None]:
    """Let the scores of a cut meet the truth, and say whom only one of the two knows."""
    known = known_at(table, day)
    place = {key: at for at, key in enumerate(scores.keys)}
    at = np.array([place.get(table.history.keys[code], -1) for code in known.customer.tolist()], dtype=np.int64)
    met = at >= 0
    unmet = len(at) + len(place) - 2 * int(met.sum())
    note = f"Customers known at {_day(day)} to the table or to the records, and not to both: {unmet:,}."
    if not met.any():
        raise UnanswerableError(f"The records know nobody at the cut {_day(day)}; name another one.")
    truth = silent(table, known.customer, day, question.horizon_days)[met]
    told = {name: risk[met] for name, risk in foretell(table, day, question.horizon_days, known).items()}
    told[MBG_NBD] = scores.mbg[at[met]]
    risk = scores.risks[at[met]]
    result = CutResult(
        cut=_day(day),
        n=len(truth),
        churn_rate=float(truth.mean()),
        calibrated=scores.calibrated,
        model_version=scores.version,
        baselines={name: measure(truth, told[name]) if name in told else None for name in BASELINES},
        **asdict(measure(truth, risk)),
    )
    return result, Evidence(result.cut, truth, risk), note if unmet else None


def _mean(results: list[CutResult]) -> Mean:
    baselines = {}
    for name in BASELINES:
        there = [measures for result in results if (measures := result.baselines[name]) is not None]
        baselines[name] = mean_of(there) if len(there) == len(results) else None
    return Mean(baselines=baselines, **asdict(mean_of(list(results))))


def _week(week: course.WeekScore) -> WeekResult:
    return WeekResult(
        week_end=datetime.fromtimestamp(week.week_end_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        customers=week.customers,
        silent=week.silent,
        log_loss=week.log_loss,
        base_log_loss=week.base_log_loss,
    )


def _day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
