"""
How good probabilities are, once the truth is known.

Law: what is judged is clipped to [1e-4, 1 - 1e-4]. Equal probabilities always share a bin of the calibration error, so
no figure depends on the order of the customers.
"""

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from streams.evaluate.extras import needed

LEAST: Final = 1e-4
BINS: Final = 15

Numbers = NDArray[np.float64]
Truth = NDArray[np.bool_]


class Measures(Struct, frozen=True, kw_only=True):
    """
    AUC and average precision rank, Brier and log loss (in nats) judge, ECE compares; silence is the positive class.

    AUC and average precision are None where everybody or nobody was silent.
    """

    auc: float | None
    average_precision: float | None
    brier: float
    log_loss: float
    ece: float


def measure(silent: Truth, risk: Numbers) -> Measures:
    """Judge the risks of silence of at least one customer; raises `ToolMissingError` without scikit-learn."""
    metrics = needed("sklearn.metrics")
    sure, ranked = clipped(risk), bool(silent.any() and not silent.all())
    return Measures(
        auc=float(metrics.roc_auc_score(silent, sure)) if ranked else None,
        average_precision=float(metrics.average_precision_score(silent, sure)) if ranked else None,
        brier=float(np.mean((sure - silent) ** 2)),
        log_loss=float(-np.mean(np.where(silent, np.log(sure), np.log1p(-sure)))),
        ece=calibration_error(silent, sure),
    )


def clipped(risk: Numbers) -> Numbers:
    """Bring probabilities into the range in which they are judged."""
    sure: Numbers = np.clip(risk, LEAST, 1.0 - LEAST)
    return sure


def reliability(silent: Truth, risk: Numbers) -> tuple[Numbers, Numbers, NDArray[np.int64]]:
    """
    Say for each bin its mean risk, its rate of silence and its size; at most `BINS` bins of equal mass.

    A bin that would end amid equal risks takes them all, and the next one begins behind them.
    """
    ordered = np.argsort(risk, kind="stable")
    ranked, truth = risk[ordered], silent[ordered].astype(np.float64)
    wanted = (np.arange(1, BINS) * len(ranked)) // BINS
    ends = np.searchsorted(ranked, ranked[wanted[wanted > 0] - 1], side="right")
    starts = np.unique(np.concatenate([[0], ends[ends < len(ranked)]])).astype(np.int64)
    size = np.diff(np.concatenate([starts, [len(ranked)]]))
    return np.add.reduceat(ranked, starts) / size, np.add.reduceat(truth, starts) / size, size


def calibration_error(silent: Truth, risk: Numbers) -> float:
    """Expected calibration error: the bins' distance between risk and rate, weighted by their size."""
    foretold, happened, size = reliability(silent, risk)
    return float(np.sum(size * np.abs(foretold - happened)) / np.sum(size))


def mean_of(several: list[Measures]) -> Measures:
    """Average each measure; None where one of them is."""
    return Measures(
        auc=_mean([one.auc for one in several]),
        average_precision=_mean([one.average_precision for one in several]),
        brier=float(np.mean([one.brier for one in several])),
        log_loss=float(np.mean([one.log_loss for one in several])),
        ece=float(np.mean([one.ece for one in several])),
    )


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there and len(there) == len(values) else None
