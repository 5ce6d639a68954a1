"""
The sample ratio: do the arms hold as many customers as their shares say?

Law: Pearson's chi-square of counts against shares. Each customer counts once, in the arm of the first decision that
would have chosen an action; whatever moves customers between arms, or loses those of one, shows here before any
result does.
"""

from collections.abc import Mapping
from math import erfc, exp, gamma, sqrt
from typing import Final

ALARM: Final = 0.001
"""Below this probability the arms cannot be compared."""


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """
    Say how probable counts at least as far from the shares are by chance; 1 without any customer.

    >>> round(sample_ratio({"treated": 9_480, "holdout": 520}, {"treated": 0.95, "holdout": 0.05}), 2)
    0.36
    >>> sample_ratio({"treated": 9_400, "holdout": 600}, {"treated": 0.95, "holdout": 0.05}) < ALARM
    True
    """
    total = sum(counts.get(arm, 0) for arm in shares)
    if not total:
        return 1.0
    expected = {arm: total * share / sum(shares.values()) for arm, share in shares.items() if share > 0}
    if any(counts.get(arm, 0) for arm in shares.keys() - expected.keys()):
        return 0.0
    statistic = sum((counts.get(arm, 0) - wanted) ** 2 / wanted for arm, wanted in expected.items())
    return _survival(statistic, len(expected) - 1)


def _survival(statistic: float, freedom: int) -> float:
    """Say P(chi-square >= statistic): the upper incomplete gamma function, raised from 1/2 or 1 by its recurrence."""
    half = statistic / 2
    at, tail = (0.5, erfc(sqrt(half))) if freedom % 2 else (0.0, 0.0 if freedom else float(half <= 0))
    while at < freedom / 2:
        tail += half**at * exp(-half) / gamma(at + 1)
        at += 1
    return tail
