"""
Churn risk as a weekly hazard: the chance of no activity in the next days, one step after another.

Model: a logistic regression gives p = P(no active day in the next `step_days`). The risk over a
horizon is the product of the steps' p, each from the habits after that much more silence; a last
step that is left over in part counts with its p raised to that part.

Law: no sum here goes through a matrix product; weights are applied column by column, so a risk has
the same bits alone and among thousands. In silence the risk is not monotone, which is why its
crossings are found by a scan.
"""

from typing import Final

import msgspec
import numpy as np

from streams.core.features import NAMES, columns
from streams.core.habits import Habits, Numbers, after

STEP_DAYS: Final = 7

START_INTERVAL_DAYS: Final = 30.0
"""The population's mean interval before any was seen."""

CALIBRATED_AFTER: Final = 4
"""So many weeks must have taught before the risks are called calibrated."""

SCAN_STEPS: Final = 26
"""How many steps ahead a crossing is looked for."""

CHUNK: Final = 1000
"""Customers scored at once: as many as stay in the processor's cache."""

GROUPS: Final = {
    "silence": ("rec", "rec_over", "z"),
    "rhythm": ("cv", "last_over"),
    "activity": ("x", "rate", "d3", "d10", "d30", "d90", "d300", "trend", "epd"),
    "tenure": ("T",),
    "money": ("V", "aov"),
    "basket": ("q",),
    "web": ("web10", "web90", "web"),
    "store": ("store10", "store90", "store"),
    "order": ("order10", "order90", "order"),
}
"""What the features speak of; a hinge goes with its feature."""

_GROUP_OF: Final = {name: group for group, names in GROUPS.items() for name in names}
_SIZE: Final = len(NAMES)
_SCANNED: Final = 256
"""Customers scanned at once: their many weeks stay in the cache."""


class Model(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """
    What was learned until the close of a week, and its version: the number of that week.

    `weights` and `means` (of the columns over the last labels) are float64, little-endian, in the order of
    `NAMES`; `covariance` is the lower triangle of the weights' covariance, row by row. `interval_days` is the
    population's mean interval between active days; `silent` of `seen` labels showed no act, older weeks
    counting less. `n_labels` were learned in `weeks` that taught. `mean_minor` is everybody's mean spend on
    an order day; `predicted` and `actual` are the sums of `value.Recalibration`, in minor units.
    """

    version: int
    step_days: int = STEP_DAYS
    weights: bytes = bytes(8 * _SIZE)
    covariance: bytes = b""
    means: bytes = bytes(8 * _SIZE)
    interval_days: float = START_INTERVAL_DAYS
    silent: float = 0.0
    seen: float = 0.0
    n_labels: int = 0
    weeks: int = 0
    mean_minor: float = 0.0
    predicted: float = 0.0
    actual: float = 0.0

    @property
    def calibrated(self) -> bool:
        """Say whether enough weeks have taught."""
        return self.weeks >= CALIBRATED_AFTER

    @property
    def base_rate(self) -> float:
        """Say the share of customers who stay silent for a step."""
        return (self.silent + 1.0) / (self.seen + 2.0)


dump_model = msgspec.msgpack.Encoder().encode
load_model = msgspec.msgpack.Decoder(Model).decode


def step_risk(model: Model, habits: Habits) -> Numbers:
    """Say P(no activity within one step); habits with a row per instant give a row per instant."""
    return _sigmoid(_logit(model, habits))


def risk(model: Model, habits: Habits, horizon_days: float) -> Numbers:
    """Say P(no activity within the horizon)."""
    risks: Numbers = _products(_ladder(model, habits, 1, horizon_days), 1, horizon_days / model.step_days)[0]
    return risks


def scan(model: Model, habits: Habits, horizon_days: float, steps: int = SCAN_STEPS) -> Numbers:
    """Say the risk over the horizon now and after each of so many steps of silence, a row for each."""
    return _products(_ladder(model, habits, steps + 1, horizon_days), steps + 1, horizon_days / model.step_days)


def crossing(model: Model, habits: Habits, horizon_days: float, edges: Numbers) -> Numbers:
    """Say after how many days of silence (whole steps, not today) the risk first reaches the edge; -1 if never seen."""
    days = np.full(len(edges), -1.0)
    for at in range(0, len(edges), _SCANNED):
        piece = slice(at, at + _SCANNED)
        reached = scan(model, habits.of(piece), horizon_days)[1:] >= edges[piece]
        first = (reached.argmax(axis=0) + 1.0) * model.step_days
        days[piece] = np.where(reached.any(axis=0), first, -1.0)
    return days


def contributions(model: Model, habits: Habits) -> dict[str, Numbers]:
    """
    Say what each group of features adds to the logit of one step, compared with the mean customer.

    The groups' sum is the customer's logit less that of the mean customer.
    """
    weights, means = np.frombuffer(model.weights).tolist(), np.frombuffer(model.means).tolist()
    scaled = columns(habits, model.interval_days)
    totals = {group: np.zeros_like(habits.rec) for group in GROUPS}
    for name, weight, mean, column in zip(NAMES[1:], weights[1:], means[1:], scaled, strict=True):
        totals[_GROUP_OF[name.partition(">")[0]]] += weight * (column - mean)
    return totals


def _ladder(model: Model, habits: Habits, starts: int, horizon_days: float) -> Numbers:
    """Say the risk of every single step that the horizon needs, a row for each."""
    steps = starts - 1 + int(np.ceil(horizon_days / model.step_days))
    silent_days: Numbers = np.arange(steps, dtype=np.float64)[:, None] * model.step_days
    return step_risk(model, after(habits, silent_days))


def _products(ladder: Numbers, starts: int, steps: float) -> Numbers:
    """Multiply the steps of the horizon from each start, in the same order for every start."""
    whole = int(steps)
    product = ladder[:starts].copy() if whole else np.ones_like(ladder[:starts])
    for step in range(1, whole):
        product *= ladder[step : step + starts]
    if steps > whole:
        product *= ladder[whole : whole + starts] ** (steps - whole)
    return product


def _logit(model: Model, habits: Habits) -> Numbers:
    weights = np.frombuffer(model.weights).tolist()
    total = np.full_like(habits.rec, weights[0])
    for weight, column in zip(weights[1:], columns(habits, model.interval_days), strict=True):
        column *= weight
        total += column
    return total


def _sigmoid(logit: Numbers) -> Numbers:
    clipped = np.minimum(np.maximum(logit, -35.0), 35.0)
    probability: Numbers = 1.0 / (1.0 + np.exp(-clipped))
    return probability
