"""Features: what each column says of a customer."""

import math

import numpy as np
import pytest

from streams.core.features import CLIP, NAMES, columns
from streams.core.habits import Habits, after
from tests.core.habits_drawn import chosen, drawn

MU_SD = {"rec": (3.420082, 1.732208), "cv": (0.922753, 0.196395), "z": (1.404099, 2.317859), "V": (5.335278, 1.699219)}


def unscaled(name: str, mu: float, sd: float, interval_days: float = 30.0, **figures: float) -> float:
    """One column of one customer before scaling; what is not said is nothing, on one day."""
    usual = dict.fromkeys(Habits._fields, 0.0) | {"days": 1.0, "age": figures.get("rec", 0.0)} | figures
    found = list(columns(Habits(**{key: np.array([value]) for key, value in usual.items()}), interval_days))
    return float(found[NAMES.index(name) - 1][0] * sd + mu)


def test_there_are_as_many_columns_as_names() -> None:
    """Eighteen features, twenty hinges and three columns for each channel, besides the intercept."""
    assert 18 + 20 + 9 == len(NAMES) - 1 == len(list(columns(drawn(3), 30.0)))


def test_a_newcomer_has_the_rhythm_of_the_population() -> None:
    """Without an interval of the customer's own, mean and deviation are both the population's mean."""
    assert 1.0 == pytest.approx(unscaled("cv", *MU_SD["cv"]))
    assert (60 - 30) / 30 == pytest.approx(unscaled("z", *MU_SD["z"], rec=60.0))


def test_own_intervals_outweigh_the_population_step_by_step() -> None:
    """Eight intervals of ten days and two of thirty make a mean of 14 days."""
    figures = {"days": 9.0, "rec": 29.0, "age": 109.0, "squares": 800.0}
    deviation = math.sqrt((800 + 2 * 2 * 900) / 10 - 14**2)

    assert (29 - 14) / deviation == pytest.approx(unscaled("z", *MU_SD["z"], **figures))


def test_money_is_told_in_whole_units_and_never_below_nothing() -> None:
    """250.00 spent is log(251); more returned than bought is as nothing."""
    assert math.log(251) == pytest.approx(unscaled("V", *MU_SD["V"], money_minor=25000.0))
    assert 0.0 == pytest.approx(unscaled("V", *MU_SD["V"], money_minor=-25000.0), abs=1e-12)


def test_a_hinge_is_flat_before_its_knot() -> None:
    """Below three days of silence the first hinge says nothing, above it the logarithm's rest."""
    mu, sd = 2.159617, 1.526389

    assert 0.0 == pytest.approx(unscaled("rec>1.39", mu, sd, rec=2.0), abs=1e-12)
    assert math.log(101 / 4) == pytest.approx(unscaled("rec>1.39", mu, sd, rec=100.0))


def test_no_column_leaves_its_bounds() -> None:
    """Whatever the customer, every column is finite and within five."""
    odd = [0.0, 1.0, 1e3, 1e9, 1e15]
    table = np.array(np.meshgrid(odd, odd, odd)).reshape(3, -1)
    usual = {name: np.zeros(table.shape[1]) for name in Habits._fields}
    usual |= {"days": table[0], "rec": table[1], "age": table[1] + table[0], "money_minor": table[2], "d10": table[2]}
    usual |= {"squares": table[2], "items": -table[0]}

    assert CLIP >= max(np.abs(column).max() for column in columns(Habits(**usual), 1e-3))


def test_columns_have_the_same_bits_alone_and_among_thousands_for_one_instant_and_many() -> None:
    """A customer's row of columns does not depend on the shape of the batch."""
    habits = drawn(3001)
    many = [np.broadcast_to(column, (4, 3001)) for column in columns(after(habits, np.arange(4.0)[:, None] * 7), 30.0)]
    for at in (0, 1, 7, 1500, 3000):
        for step in range(4):
            alone = list(columns(after(chosen(habits, slice(at, at + 1)), np.array(step * 7.0)), 30.0))

            assert [float(column[step, at]) for column in many] == [float(column[0]) for column in alone]
