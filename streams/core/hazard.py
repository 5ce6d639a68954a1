"""
Churn risk as a weekly hazard: the chance of no activity in the next days, one step after another.

Model: a logistic regression gives p = P(no active day in the next `step_days`). The risk over a
horizon is the product of the steps' p, each from the habits after that much more silence; a last
step that is left over in part counts with its p raised to that part.

Law: no sum here goes through a matrix product; weighted columns are added one after another in a fixed order, so
a risk has the same bits alone and among thousands. In silence the risk is not monotone, which is why its
crossings are found by a scan.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
import numpy as np

from streams.core.features import MOVING, NAMES, STILL, Scaled, scaled
from streams.core.habits import Habits, Numbers, silence

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
_CELLS: Final = 4000
"""Customers times instants scaled at once: their columns stay in the cache, or near."""

_MEMBERS: Final = {
    group: [at for at, name in enumerate(NAMES) if _GROUP_OF.get(name.partition(">")[0]) == group] for group in GROUPS
}
_BY_SIZE: Final = sorted(GROUPS, key=lambda group: -len(_MEMBERS[group]))
_BY_RANK: Final = [
    [_MEMBERS[group][rank] for group in _BY_SIZE if len(_MEMBERS[group]) > rank]
    for rank in range(len(_MEMBERS[_BY_SIZE[0]]))
]
"""The first column of every group, the largest group first; then the second of each that has one; and so on."""

_RANKED: Final = np.array([at for some in _BY_RANK for at in some])
_FOUND_AT: Final = np.argsort(np.concatenate((STILL, MOVING)))[_RANKED - 1]
"""The ranked columns' places among the still and the moving ones."""


_spare: Final[list[Numbers]] = []
"""Room to work in, taken out and put back: memory asked for anew each time costs more than the work itself."""


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
    shape = habits.rec.shape
    flat = Habits._make([np.broadcast_to(column, shape).reshape(-1) for column in habits])
    return Outlook(model, flat, model.step_days, 0).risks().reshape(shape)


def risk(model: Model, habits: Habits, horizon_days: float) -> Numbers:
    """Say P(no activity within the horizon)."""
    return Outlook(model, habits, horizon_days, 0).risks()


def scan(model: Model, habits: Habits, horizon_days: float, steps: int = SCAN_STEPS) -> Numbers:
    """Say the risk over the horizon now and after each of so many steps of silence, a row for each."""
    return Outlook(model, habits, horizon_days, steps).scan()


def crossing(model: Model, habits: Habits, horizon_days: float, edges: Numbers) -> Numbers:
    """Say after how many days of silence (whole steps, not today) the risk first reaches the edge; -1 if never seen."""
    return Outlook(model, habits, horizon_days).crossing(edges)


def contributions(model: Model, habits: Habits) -> dict[str, Numbers]:
    """
    Say what each group of features adds to the logit of one step, compared with the mean customer.

    The groups' sum is the customer's logit less that of the mean customer.
    """
    return Outlook(model, habits, model.step_days, 0).contributions()


class Outlook:
    """What a version says of customers now and after each of so many steps of silence: found once, asked often."""

    def __init__(self, model: Model, habits: Habits, horizon_days: float, steps: int = SCAN_STEPS) -> None:
        """Find the risk of every single step that is needed: the ladder, a row for each."""
        self._model, self._steps, self._starts = model, horizon_days / model.step_days, steps + 1
        ahead = silence(steps + int(np.ceil(self._steps)), model.step_days)
        size, rungs = len(habits.rec), len(ahead.days)
        most = max(1, _CELLS // rungs)
        self._ladder = np.empty((rungs, size))
        self._now: list[Scaled] = []
        room = _room(rungs, most)
        for at in range(0, max(1, size), most):
            some = habits if size <= most else habits.of(slice(at, at + most))
            moving, terms = _laid_out(room, rungs, len(some.rec))
            found = scaled(some, model.interval_days, ahead, moving)
            self._now.append(Scaled(found.still, moving[:, 0].copy()))
            self._ladder[:, at : at + most] = _sigmoid(_logit(_decoded(model.weights), found, terms))
        _spare.append(room)

    def risks(self) -> Numbers:
        """Say P(no activity within the horizon) now."""
        risks: Numbers = _products(self._ladder, 1, self._steps)[0]
        return risks

    def scan(self) -> Numbers:
        """Say the risk over the horizon now and after each step of silence, a row for each."""
        return _products(self._ladder, self._starts, self._steps)

    def crossing(self, edges: Numbers) -> Numbers:
        """Say after how many days of silence the risk first reaches the edge; see the function of this name."""
        reached = self.scan()[1:] >= edges
        first = reached.argmax(axis=0)
        return np.where(reached[first, np.arange(len(edges))], (first + 1.0) * self._model.step_days, -1.0)

    def contributions(self) -> dict[str, Numbers]:
        """Say what each group of features adds to the logit now; see the function of this name."""
        weights, means = _decoded(self._model.weights).ranked, _decoded(self._model.means).ranked
        terms = np.concatenate([np.concatenate(now) for now in self._now], axis=1).take(_FOUND_AT, axis=0)
        terms -= means
        terms *= weights
        totals = np.zeros((len(GROUPS), terms.shape[1]))
        at = 0
        for count in map(len, _BY_RANK):
            totals[:count] += terms[at : at + count]
            at += count
        by_size = dict(zip(_BY_SIZE, totals, strict=True))
        return {group: by_size[group] for group in GROUPS}


def _products(ladder: Numbers, starts: int, steps: float) -> Numbers:
    """Multiply the steps of the horizon from each start, in the same order for every start."""
    whole = int(steps)
    product = ladder[:starts].copy() if whole else np.ones_like(ladder[:starts])
    for step in range(1, whole):
        product *= ladder[step : step + starts]
    if steps > whole:
        product *= ladder[whole : whole + starts] ** (steps - whole)
    return product


class _Vector(NamedTuple):
    """Weights or means: of the still columns, of the moving ones, of all as `_RANKED`, and that of the intercept."""

    still: Numbers
    moving: Numbers
    ranked: Numbers
    intercept: float


@lru_cache(maxsize=64)
def _decoded(body: bytes) -> _Vector:
    vector = np.frombuffer(body)
    return _Vector(vector[STILL][:, None], vector[MOVING][:, None, None], vector[_RANKED][:, None], float(vector[0]))


def _room(rungs: int, most: int) -> Numbers:
    """Take room in which nobody works for the columns and terms of so many customers; what is in it is never read."""
    needed = (len(MOVING) + _SIZE) * max(rungs * most, _CELLS)
    try:
        room = _spare.pop()
    except IndexError:
        return np.empty(needed)
    return room if len(room) >= needed else np.empty(needed)


def _laid_out(room: Numbers, rungs: int, size: int) -> tuple[Numbers, Numbers]:
    """Lay out room for the moving columns, and for all terms of the logit."""
    layers = len(MOVING) + _SIZE
    laid_out = room[: layers * rungs * size].reshape(layers, rungs, size)
    return laid_out[: len(MOVING)], laid_out[len(MOVING) :]


def _logit(weights: _Vector, found: Scaled, terms: Numbers) -> Numbers:
    """Add up the weighted columns one after another in the order of `NAMES`; the moving ones are used up."""
    moving = found.moving
    moving *= weights.moving
    terms[0] = weights.intercept
    terms[STILL] = (found.still * weights.still)[:, None]
    terms[MOVING] = moving
    rows = terms.reshape(_SIZE, -1)
    # Along the slow axis numpy adds row after row; where there is one column only, it would add in pairs.
    total: Numbers = np.add.reduce(rows, axis=0) if rows.shape[1] > 1 else np.add.accumulate(rows, axis=0)[-1]
    return total.reshape(terms.shape[1:])


def _sigmoid(logit: Numbers) -> Numbers:
    clipped = np.minimum(np.maximum(logit, -35.0), 35.0)
    probability: Numbers = 1.0 / (1.0 + np.exp(-clipped))
    return probability
