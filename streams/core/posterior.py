"""
Posteriors: what is believed of a propensity, as a Beta distribution and a table of its quantiles.

Law: a table is a function of the two parameters alone. It has 401 points, from the quantile of 0 to that of 1,
equally far apart in probability, so that whatever the width, each point stands for the same share of the belief.
"""

from functools import lru_cache
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS: Final = 401
"""Points of a table; an integral over them is off by at most half a step, 1/800, where another belief is a point."""

SHARES: Final = np.linspace(0.0, 1.0, POINTS)
"""The probabilities of a table's points."""

_FINE: Final = 8001
_WIDTHS: Final = 25.0
"""How many standard deviations around the mean are looked at; the tails of a Beta are at most exponential."""

_END: Final = 1 / (8 * (POINTS - 1))
"""The ends of a table are the quantiles of this and its complement: the very ends, 0 and 1, lie too far out."""


class Posterior(NamedTuple):
    """A Beta belief of a propensity: `a` successes and `b` failures, prior included; each at least 1."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The expected propensity."""
        return self.a / (self.a + self.b)


@lru_cache(maxsize=1024)
def quantiles(posterior: Posterior) -> NDArray[np.float64]:
    """Tabulate the quantiles of a belief at `SHARES`, ascending; read-only."""
    a, b = posterior
    if not (1.0 <= a < np.inf and 1.0 <= b < np.inf):
        raise ValueError("the parameters of a posterior must each be at least 1 and finite")
    mean = posterior.mean
    reach = _WIDTHS * sqrt(mean * (1.0 - mean) / (a + b + 1.0))
    grid = np.linspace(max(0.0, mean - reach), min(1.0, mean + reach), _FINE)
    with np.errstate(divide="ignore"):
        rises = (a - 1.0) * np.log(grid / mean) if a > 1.0 else 0.0
        falls = (b - 1.0) * np.log((1.0 - grid) / (1.0 - mean)) if b > 1.0 else 0.0
    log_density = rises + falls + np.zeros(_FINE)
    density = np.exp(log_density - log_density.max())
    below = np.concatenate(((0.0,), np.cumsum(density[1:] + density[:-1])))
    rising = np.concatenate((np.flatnonzero(np.diff(below) > 0.0), (_FINE - 1,)))
    wanted = SHARES.copy()
    wanted[0], wanted[-1] = _END, 1.0 - _END
    table: NDArray[np.float64] = np.interp(wanted * below[-1], below[rising], grid[rising])
    table.flags.writeable = False
    return table
