"""
What a risk has to beat: the base rate, and a logit on recency, frequency, money and tenure.

Law: both are made anew at each cut, of nothing but labels that have matured by then: everybody known one horizon before
the cut, silent or not until the cut.
"""

import numpy as np

from streams.evaluate.extras import needed
from streams.evaluate.truth import Known, Numbers, Plain, known_at, silent

BASE_RATE, RFM_LOGIT, MBG_NBD = "base_rate", "rfm_logit", "mbg_nbd"


def foretell(table: Plain, day: int, horizon_days: int, known: Known) -> dict[str, Numbers]:
    """
    Say each baseline's risks of those known at a cut; the logit is left out while it has nothing to learn from.

    The base rate is (silent + 1) / (n + 2). Raises `ToolMissingError` without scikit-learn.
    """
    past = known_at(table, day - horizon_days)
    label = silent(table, past.customer, day - horizon_days, horizon_days)
    rate = (np.count_nonzero(label) + 1) / (len(label) + 2)
    told = {BASE_RATE: np.full(len(known.customer), rate)}
    if label.any() and not label.all():
        linear = needed("sklearn.linear_model")
        x = _features(past)
        middle, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread == 0.0] = 1.0
        logit = linear.LogisticRegression(max_iter=1000).fit((x - middle) / spread, label)
        told[RFM_LOGIT] = logit.predict_proba((_features(known) - middle) / spread)[:, 1]
    return told


def _features(known: Known) -> Numbers:
    """Recency, frequency, money and tenure as logarithms, one row per customer."""
    columns = (known.recency, known.frequency, known.spend, known.tenure)
    return np.log1p(np.stack(columns, axis=1))
