"""An evaluation in lines for people: the weeks, each cut, and last of all the mean."""

from collections.abc import Iterator
from typing import Final

from streams.evaluate.judging import BASELINES, Evaluation
from streams.evaluate.measures import Measures
from streams.evaluate.published import Target
from streams.evaluate.report import MEASURES, NAMES, question

_WIDTH: Final = 9


def lines(evaluation: Evaluation) -> Iterator[str]:
    """Say a whole evaluation."""
    yield question(evaluation)
    yield ""
    yield from _weeks(evaluation)
    for cut in evaluation.cuts:
        yield ""
        known = "" if cut.calibrated else ", not yet calibrated"
        yield f"{cut.cut}: {cut.n:,} customers, {cut.churn_rate:.1%} silent; model version {cut.model_version}{known}"
        yield from _compared(cut, cut.baselines)
    yield ""
    yield "Mean over the cuts"
    yield from _compared(evaluation.mean, evaluation.mean.baselines)


def _weeks(evaluation: Evaluation) -> Iterator[str]:
    yield "week until    customers    silent  log loss  base rate     beyond"
    for week in evaluation.weeks:
        yield (
            f"{week.week_end[:10]} {week.customers:>12,} {week.silent:>9,} {week.log_loss:>9.4f} "
            f"{week.base_log_loss:>10.4f} {week.log_loss - week.base_log_loss:>+10.4f}"
        )


def _compared(measures: Measures, baselines: dict[str, Measures | None]) -> Iterator[str]:
    yield " " * 11 + "".join(f"{name.replace('average precision', 'AP'):>{_WIDTH}}" for name in MEASURES.values())
    for name, one in [("risk", measures), *((name, baselines[name]) for name in BASELINES)]:
        values = [None if one is None else getattr(one, measure) for measure in MEASURES]
        yield f"{NAMES[name]:<11}" + "".join(f"{_shown(value):>{_WIDTH}}" for value in values)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


MOST_BEYOND: Final = 0.02
"""How far a week after the fourth may stand above the base rate, in nats."""


def missed(evaluation: Evaluation, target: Target | None) -> list[str]:
    """Name the figures that do not reach their target, each with both."""
    if target is None:
        return []
    mean, worst = evaluation.mean, evaluation.worst_week
    checks = [
        ("AUC", mean.auc is not None and mean.auc >= target.auc, mean.auc, target.auc),
        ("log loss", mean.log_loss <= target.log_loss, mean.log_loss, target.log_loss),
        ("ECE", mean.ece <= target.ece, mean.ece, target.ece),
        ("worst week", worst is not None and worst <= MOST_BEYOND, worst, MOST_BEYOND),
    ]
    return [f"{name} {_shown(value)} (target {wanted})" for name, reached, value, wanted in checks if not reached]


def summary_head() -> str:
    """Head the lines of `summary`."""
    return f"{'set':<14}{'AUC':>15}{'log loss':>17}{'ECE':>17}{'worst week':>12}{'RFM logit':>17}"


def summary(name: str, evaluation: Evaluation, target: Target | None) -> str:
    """Say a set in one line, each mean beside its target, and the RFM logit's AUC and log loss."""
    mean, logit = evaluation.mean, evaluation.mean.baselines["rfm_logit"]
    wanted = ["", "", ""]
    if target is not None:
        wanted = [f"≥ {target.auc:.3f}", f"≤ {target.log_loss:.3f}", f"≤ {target.ece:.3f}"]
    told = zip((mean.auc, mean.log_loss, mean.ece), wanted, strict=True)
    cells = "".join(f"{_shown(value):>8} {aim:>7} " for value, aim in told)
    beside = "" if logit is None else f"{_shown(logit.auc)}/{_shown(logit.log_loss)}"
    worst = "" if evaluation.worst_week is None else f"{evaluation.worst_week:+.4f}"
    return f"{name:<14}{cells}{worst:>11}{beside:>17}"
