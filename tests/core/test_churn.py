"""The model: its formulas, its limits, and the same bits alone and among thousands."""

import math
import random

import numpy as np
import pytest

from streams.core.churn import LOOK_AHEAD_DAYS, POPULATION, Population, Rhythm, Silence, active_days, rhythm
from streams.core.engagement import Engagement
from tests.core.stories import DAY, NOON, Story, second

H = 28


def risk(x: int, tx: int, age: int, population: Population = POPULATION) -> float:
    """The risk of one customer."""
    silence = Silence([(x, tx, age, 0)], population, H)
    return float(silence.risk(silence.age)[0])


def many(count: int) -> list[Rhythm]:
    """Customers of all kinds."""
    rng = random.Random(3)
    made = []
    for _ in range(count):
        x = rng.choice([0, 1, 2, 5, 30, 300, 729])
        tx = rng.randrange(x, 736) if x else 0
        made.append((x, tx, tx + rng.randrange(3000), rng.randrange(20000)))
    return made


@pytest.mark.parametrize(("x", "tx", "age"), [(0, 0, 0), (0, 0, 90), (3, 40, 60), (12, 300, 301), (5, 5, 365)])
def test_the_risk_is_the_formula(x: int, tx: int, age: int) -> None:
    """The risk is P(none in H) = 1 - P(alive)(1 - ((alpha+T)/(alpha+T+H))^(r+x)), computed here without logarithms."""
    r, alpha, a, b = POPULATION.r, POPULATION.alpha, POPULATION.a, POPULATION.b
    alive = 1 / (1 + a / (b + x) * ((alpha + age) / (alpha + tx)) ** (r + x))
    expected = 1 - alive * (1 - ((alpha + age) / (alpha + age + H)) ** (r + x))

    assert expected == pytest.approx(risk(x, tx, age), rel=1e-12)


def test_a_score_has_the_same_bits_alone_and_among_thousands() -> None:
    """Risk and crossing of each of three thousand customers are bitwise those of the customer alone."""
    rhythms = many(3001)
    edges = np.full(len(rhythms), 1.0)
    together = Silence(rhythms, POPULATION, H)
    risks, crossings = together.risk(together.age), together.crossing(edges)
    alone = [Silence([one], POPULATION, H) for one in rhythms]

    assert [one.risk(one.age)[0] for one in alone] == risks.tolist()
    assert [one.crossing(edges[:1])[0] for one in alone] == crossings.tolist()


def test_powers_that_overflow_are_finite() -> None:
    """The busiest customer after the longest silence is lost, not a NaN; the busiest of today is safe."""
    assert 1.0 == risk(736, 736, 30_000)
    assert 0.0 <= risk(736, 736, 736) < 1e-3


def test_risk_grows_in_silence() -> None:
    """For customers of all kinds, one more silent day never lowers the risk."""
    silence = Silence(many(500), POPULATION, H)
    ages = [silence.age + days for days in range(0, 400, 7)]
    risks = np.array([silence.risk(age) for age in ages])

    assert (np.diff(risks, axis=0) >= 0).all()


def test_the_crossing_is_the_first_day_at_or_above_the_edge() -> None:
    """The bisection finds the same day as a scan of all days; none when it lies too far."""
    rhythms = [one for one in many(300) if one[0] < 100]
    silence = Silence(rhythms, POPULATION, H)
    now = silence.risk(silence.age)
    edges = np.minimum(now + 0.2, 0.999)
    scanned = []
    for number, (_, _, age, _) in enumerate(rhythms):
        one = Silence(rhythms[number : number + 1], POPULATION, H)
        days = range(age + 1, age + LOOK_AHEAD_DAYS + 1)
        scanned.append(next((day for day in days if one.risk(np.array([float(day)]))[0] >= edges[number]), -1))
    keep = now < edges

    assert np.array(scanned)[keep].tolist() == silence.crossing(edges)[keep].tolist()


def test_the_parameters_are_probable() -> None:
    """At the fitted population a customer seen once today comes back within 28 days with about one in seven."""
    assert 0.14 < 1 - risk(0, 0, 0) < 0.16


def test_a_rhythm_counts_days_of_any_channel() -> None:
    """A click and a visit on one day are one active day."""
    story = Story().happens("page_viewed", NOON).happens("store_entered", NOON).happens("order_placed", NOON + 9 * DAY)
    engagement = story.record.engagement

    assert (1, 9, 12) == (rhythm(engagement, second(NOON + 12 * DAY)) or ())[:3]
    assert 2 == active_days(engagement).bit_count()


def test_a_rhythm_lies_within_the_window() -> None:
    """A first act before the window counts from the window's first day; old acts leave no repeat days."""
    story = Story().happens("page_viewed", NOON).happens("order_delivered", NOON + 2000 * DAY)
    x, tx, age, _ = rhythm(story.record.engagement, second(NOON + 2000 * DAY)) or (None,) * 4

    assert (0, 0) == (x, tx)
    assert 729 <= (age or 0) <= 736


def test_who_never_acted_has_no_rhythm() -> None:
    """Without an act there is nothing to go by."""
    assert rhythm(Engagement(0, 86400, 86400), 86400) is None


def test_risk_is_not_one_minus_alive() -> None:
    """Somebody surely alive may still do nothing for 28 days."""
    alive = Population(r=0.8, alpha=70.0, a=1e-9, b=1.0)

    assert math.isclose((70 / 98) ** 0.8, risk(0, 0, 0, alive), rel_tol=1e-6)
