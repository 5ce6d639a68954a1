"""Habits of imaginary customers, without records, and a week in which the long silent stay silent."""

import numpy as np

from streams.core.habits import CHANNEL_TAUS, TAUS, Habits
from streams.core.hazard import Model
from streams.core.learner import Labels, learn, start


def drawn(size: int, seed: int = 1) -> Habits:
    """Customers of all kinds."""
    rng = np.random.default_rng(seed)
    days = np.floor(rng.exponential(8, size)) + 1
    rec = np.floor(rng.exponential(30, size))
    span = np.where(days > 1, (days - 1) * np.ceil(rng.exponential(9, size)), 0.0)
    mean = span / np.maximum(days - 1, 1)
    decays = [days * np.exp(-rec / tau) * rng.random(size) for tau in TAUS]
    channels = [days * np.exp(-rec / tau) * rng.random(size) for tau in CHANNEL_TAUS * 3]
    rest = [np.floor(days * rng.random(size) * most) for most in (2, 1, 5, 9000)]
    counts = [np.floor(days * rng.random(size)) for _ in range(3)]
    return Habits(days, rec, rec + span, (days - 1) * mean**2 * 1.5, np.floor(mean), *rest, *counts, *decays, *channels)


def a_week(size: int, seed: int = 1) -> Labels:
    """One week: the longer somebody has been silent, the likelier so again."""
    rng = np.random.default_rng(seed + 1000)
    habits = drawn(size, seed)
    silent = rng.random(size) < 1 / (1 + np.exp(1.0 - 0.05 * habits.rec))
    orders, spent = rng.random(size), np.floor(rng.exponential(900, size))
    return Labels(rng.integers(0, 2**64, size, np.uint64), silent.astype(np.float64), habits, orders, spent)


def taught(weeks: int = 5, size: int = 300) -> Model:
    """A model that has learned some weeks."""
    model = start()
    for week in range(weeks):
        model = learn(model, week, a_week(size, seed=week))
    return model


def chosen(habits: Habits, at: slice) -> Habits:
    """Some of the customers."""
    return Habits(*[column[at] for column in habits])
