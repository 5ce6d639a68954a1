"""The model judged: the figures are those of the labels themselves, and weeks add up."""

import numpy as np
import pytest

from streams.core.hazard import step_risk
from streams.core.judged import Judged, dump_judged, judge, load_judged, measure
from streams.evaluate.measures import calibration_error
from tests.core.habits_drawn import a_week, taught

MODEL = taught(weeks=6)


def judged(seed: int) -> Judged:
    """One week of 3000 labels, judged."""
    found = judge(MODEL, seed, a_week(3000, seed=seed))
    assert found is not None
    return found


def test_the_figures_are_those_of_the_labels() -> None:
    """Counted by risk and put together, they are the reference's on all labels at once."""
    weeks = [a_week(3000, seed=seed) for seed in (70, 71, 72)]
    silent = np.concatenate([week.silent for week in weeks]) > 0
    risks = np.concatenate([step_risk(MODEL, week.habits) for week in weeks])
    found, base = measure([judged(seed) for seed in (70, 71, 72)]), MODEL.base_rate

    assert pytest.approx(-np.mean(np.where(silent, np.log(risks), np.log1p(-risks)))) == found.log_loss
    assert pytest.approx(-np.mean(np.where(silent, np.log(base), np.log1p(-base)))) == found.base_log_loss
    assert pytest.approx(np.mean(risks[silent][:, None] > risks[~silent]), abs=0.002) == found.auc
    assert pytest.approx(calibration_error(silent, risks), abs=0.004) == found.calibration_error


def test_a_wrong_model_is_seen_to_be_wrong() -> None:
    """Where everybody is silent who was foretold to act, and the other way, all three figures say so."""
    labels = a_week(3000, seed=70)
    found = judge(MODEL, 70, labels._replace(silent=(step_risk(MODEL, labels.habits) < 0.5).astype(float)))
    assert found is not None
    measures = measure([found])

    assert measures.log_loss > measures.base_log_loss + 0.3
    assert measures.auc < 0.05
    assert measures.calibration_error > 0.3


def test_scores_drift_when_the_customers_are_others() -> None:
    """Alike weeks hardly drift; a week of the active only does, and the alarm's limit lies between."""
    before = [judged(seed) for seed in (70, 71, 72)]
    risks = step_risk(MODEL, a_week(3000, seed=73).habits)
    labels = a_week(3000, seed=73)
    active = risks < np.quantile(risks, 0.3)
    others = judge(MODEL, 73, labels.of(active))
    assert others is not None

    assert measure([*before, judged(73)]).score_drift < 0.05
    assert measure([*before, others]).score_drift > 0.25
    assert 0.0 == measure([others]).score_drift


def test_a_week_in_which_nobody_acted_is_not_judged() -> None:
    """It has taught nothing either."""
    labels = a_week(10)

    assert judge(MODEL, 9, labels._replace(silent=np.ones(10))) is None


def test_a_judged_week_travels_and_is_counted() -> None:
    """As msgpack and back, in less than three kilobytes, with its labels; one of another form is refused."""
    week = judged(70)

    assert week == load_judged(dump_judged(week))
    assert 3000 == week.labels
    assert 3000 > len(dump_judged(week))
    with pytest.raises(ValueError, match="the counts of a judged week"):
        load_judged(dump_judged(Judged(70, 1.0, 1.0, b"", b"")))
