"""How probabilities are judged: as the reference does, clipped, and without regard to the order of customers."""

import numpy as np
import pytest
from sklearn import metrics

from streams.errors import TOOL_MISSING, ToolMissingError
from streams.evaluate import extras
from streams.evaluate.measures import calibration_error, mean_of, measure, reliability

CHANCE = np.random.default_rng(7)
RISK = CHANCE.uniform(0, 1, 3_000)
SILENT = CHANCE.uniform(0, 1, 3_000) < RISK


def test_the_measures_are_those_of_the_reference() -> None:
    """AUC, average precision, Brier and log loss agree with scikit-learn's."""
    measured = measure(SILENT, RISK)

    expected = [
        judge(SILENT, np.clip(RISK, 1e-4, 1 - 1e-4))
        for judge in (
            metrics.roc_auc_score,
            metrics.average_precision_score,
            metrics.brier_score_loss,
            metrics.log_loss,
        )
    ]
    assert expected == pytest.approx(
        [measured.auc, measured.average_precision, measured.brier, measured.log_loss], abs=1e-12
    )


def test_certainty_is_clipped() -> None:
    """One who was surely silent and came costs 9.21 nats, not infinitely many."""
    measured = measure(np.array([False, True]), np.array([1.0, 0.0]))

    assert -np.log(1e-4) == pytest.approx(measured.log_loss)
    assert (1 - 1e-4) ** 2 == pytest.approx(measured.brier)


def test_there_are_fifteen_bins_of_equal_mass() -> None:
    """Where no risks are equal, 3 000 customers make bins of 200."""
    _, _, size = reliability(SILENT, RISK)

    assert [200] * 15 == size.tolist()


def test_the_calibration_error_is_the_weighted_distance() -> None:
    """Two groups, told .2 and .8, of whom half each fell silent, are .3 off; a risk that is always right is 0 off."""
    silent = np.tile([True, False], 200)

    assert 0.3 == pytest.approx(calibration_error(silent, np.repeat([0.2, 0.8], 200)))
    assert 0.0 == pytest.approx(calibration_error(silent, np.full(400, 0.5)))


def test_the_order_of_customers_does_not_show() -> None:
    """Also where many have the same risk, which then share a bin."""
    risk = np.round(RISK, 1)
    shuffled = np.random.default_rng(1).permutation(len(risk))

    assert calibration_error(SILENT, risk) == pytest.approx(
        calibration_error(SILENT[shuffled], risk[shuffled]), abs=1e-15
    )
    assert len(np.unique(risk)) >= len(reliability(SILENT, risk)[2])


@pytest.mark.parametrize("count", [1, 2, 14, 16])
def test_few_customers_have_fewer_bins(count: int) -> None:
    """Nobody is lost and nobody counts twice."""
    _, _, size = reliability(SILENT[:count], RISK[:count])

    assert count == size.sum()
    assert (size > 0).all()


def test_nothing_is_ranked_where_all_did_the_same() -> None:
    """AUC and average precision are absent, and so is their mean; the others stand."""
    same, mixed = measure(np.ones(9, dtype=bool), RISK[:9]), measure(SILENT, RISK)

    assert (None, None) == (same.auc, same.average_precision)
    mean = mean_of([same, mixed])
    assert (None, (same.brier + mixed.brier) / 2) == (mean.auc, pytest.approx(mean.brier))


def test_a_missing_extra_says_what_to_install() -> None:
    """One sentence and the exit code for a missing program."""
    with pytest.raises(ToolMissingError) as raised:
        extras.needed("sklearn_of_nobody.metrics")

    assert "needs sklearn_of_nobody, which is not here: pip install 'latido[evaluate]'." in str(raised.value)
    assert TOOL_MISSING == raised.value.exit_code
