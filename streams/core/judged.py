"""
The model judged: how well a week was foretold by the version before it, and what several weeks say together.

Law: a week is judged before it is learned. Counts by the risk's logit are all that is kept of a week, so some
weeks' figures can be put together again by whoever has read them; AUC and calibration error come from
the counts and are good to about .002, the log losses are exact. Risks are clipped to [1e-4, 1 - 1e-4].
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.core.habits import Numbers
from streams.core.hazard import CHUNK, Model, step_risk
from streams.core.learner import Labels

WINDOW_WEEKS: Final = 8
"""Over how many weeks that taught the model is judged."""

_LEAST: Final = 1e-4
_BINS: Final = 320
"""Bins of the risk, by its logit: 1/16 wide, from -10 to 10."""
_GROUPS: Final = 15
_SHARES: Final = 10
_CENTRES: Final = 1.0 / (1.0 + np.exp(10.0 - (np.arange(_BINS) + 0.5) / 16.0))


class Judged(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """
    How one week was foretold: sums of the log losses in nats, and how many were silent and how many acted by risk.

    The counts are unsigned integers of four bytes, little-endian, one for each bin of the logit.
    """

    week: int
    loss: float
    base_loss: float
    silent: bytes
    acted: bytes

    @property
    def labels(self) -> int:
        """Count the labels."""
        return int(_counts(self.silent).sum() + _counts(self.acted).sum())


dump_judged = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Judged).decode


def load_judged(raw: bytes) -> Judged:
    """Read a judged week; raise ValueError if its counts are of another size."""
    judged = _decode(raw)
    if not len(judged.silent) == len(judged.acted) == 4 * _BINS:
        raise ValueError(f"the counts of a judged week must have {4 * _BINS} bytes")
    return judged


class Measures(msgspec.Struct, frozen=True):
    """
    What several weeks say together, and how far the scores of the last have drifted from those before.

    Losses are in nats per label. The drift is the population stability index over ten bins that held
    equally many scores before; 0 while there is nothing before.
    """

    log_loss: float
    base_log_loss: float
    auc: float
    calibration_error: float
    score_drift: float


def judge(model: Model, week: int, labels: Labels) -> Judged | None:
    """Judge the version before a week by its labels; None if nobody acted."""
    size = len(labels.silent)
    if labels.silent.sum() == size:
        return None
    pieces = [labels.habits.of(slice(at, at + CHUNK)) for at in range(0, size, CHUNK)]
    risks = np.clip(np.concatenate([step_risk(model, piece) for piece in pieces]), _LEAST, 1.0 - _LEAST)
    bins = ((np.log(risks) - np.log1p(-risks) + 10.0) * 16.0).astype(np.int64)
    was_silent = labels.silent > 0
    counts = [
        np.bincount(bins[chosen], minlength=_BINS).astype("<u4").tobytes() for chosen in (was_silent, ~was_silent)
    ]
    base = np.full(size, np.clip(model.base_rate, _LEAST, 1.0 - _LEAST))
    return Judged(week, _loss(labels.silent, risks), _loss(labels.silent, base), *counts)


def measure(weeks: Sequence[Judged]) -> Measures:
    """Put the weeks together, at least one, the oldest first."""
    silent = np.sum([_counts(week.silent) for week in weeks], axis=0)
    acted = np.sum([_counts(week.acted) for week in weeks], axis=0)
    total = int(silent.sum() + acted.sum())
    return Measures(
        sum([week.loss for week in weeks]) / total,
        sum([week.base_loss for week in weeks]) / total,
        _auc(silent, acted),
        _calibration_error(silent, acted),
        _drift(weeks[:-1], weeks[-1]) if len(weeks) > 1 else 0.0,
    )


def _loss(silent: Numbers, risks: Numbers) -> float:
    return float(-np.sum(silent * np.log(risks) + (1.0 - silent) * np.log1p(-risks)))


def _counts(counts: bytes) -> NDArray[np.int64]:
    return np.frombuffer(counts, "<u4").astype(np.int64)


def _auc(silent: NDArray[np.int64], acted: NDArray[np.int64]) -> float:
    """Say how often who stayed silent had the higher risk; equal ones count half, and .5 where there is no pair."""
    pairs = float(silent.sum()) * float(acted.sum())
    below = np.cumsum(acted) - acted
    return float((silent * (below + acted * 0.5)).sum()) / pairs if pairs else 0.5


def _calibration_error(silent: NDArray[np.int64], acted: NDArray[np.int64]) -> float:
    """Compare risk and rate in groups of equally many."""
    counts = silent + acted
    group = (np.cumsum(counts) - counts * 0.5) * _GROUPS / counts.sum()
    owner = np.minimum(group.astype(np.int64), _GROUPS - 1)
    apart = np.bincount(owner, counts * _CENTRES, _GROUPS) - np.bincount(owner, silent.astype(np.float64), _GROUPS)
    return float(np.abs(apart).sum() / counts.sum())


def _drift(before: Sequence[Judged], last: Judged) -> float:
    """Say the population stability index of the last week's scores against the mean of the weeks before."""
    usual = np.mean([_shares(week) for week in before], axis=0)
    share = np.minimum(((np.cumsum(usual) - usual * 0.5) * _SHARES).astype(np.int64), _SHARES - 1)
    expected, found = (np.maximum(np.bincount(share, shares, _SHARES), _LEAST) for shares in (usual, _shares(last)))
    return float(((found - expected) * np.log(found / expected)).sum())


def _shares(week: Judged) -> Numbers:
    counts = (_counts(week.silent) + _counts(week.acted)).astype(np.float64)
    shares: Numbers = counts / counts.sum()
    return shares
