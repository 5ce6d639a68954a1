"""The hazard: risk over a horizon, its crossings, and what it is made of."""

import msgspec
import numpy as np
import pytest

from streams.core.features import MOVING, NAMES, STILL, columns
from streams.core.habits import after
from streams.core.hazard import (
    GROUPS,
    SCAN_STEPS,
    Model,
    Outlook,
    contributions,
    crossing,
    dump_model,
    load_model,
    risk,
    scan,
    step_risk,
)
from tests.core.habits_drawn import chosen, drawn, taught


def knowing(**weights: float) -> Model:
    """A model with these weights and no others."""
    vector = np.zeros(len(NAMES))
    for name, weight in weights.items():
        vector[NAMES.index(name)] = weight
    return Model(0, weights=vector.tobytes())


@pytest.mark.parametrize(("horizon", "power"), [(7, 1), (28, 4), (91, 13), (30, 4 + 2 / 7), (3, 3 / 7)])
def test_a_constant_hazard_is_raised_to_the_steps_of_the_horizon(horizon: int, power: float) -> None:
    """Where every week is like every other, the risk is p to the number of weeks, the last one in part."""
    weekly = 1 / (1 + np.exp(-0.8))

    assert weekly**power == pytest.approx(risk(knowing(intercept=0.8), drawn(1), horizon)[0], rel=1e-12)


def test_the_risk_is_the_product_of_ever_more_silent_weeks() -> None:
    """30 days are four weeks after 0, 7, 14 and 21 silent days, and two sevenths of the fifth."""
    model, habits = taught(), drawn(50)
    steps = [step_risk(model, after(habits, np.array(7.0 * number))) for number in range(5)]

    np.testing.assert_allclose(np.prod(steps[:4], axis=0) * steps[4] ** (2 / 7), risk(model, habits, 30), rtol=1e-12)


def test_a_score_has_the_same_bits_alone_and_among_thousands() -> None:
    """Risk and crossing of a customer are bitwise those of the customer alone."""
    model, habits = taught(), drawn(3000)
    edges = np.full(3000, 0.75)
    risks, crossings = risk(model, habits, 30), crossing(model, habits, 30, edges)
    singles = [chosen(habits, slice(at, at + 1)) for at in range(0, 3000, 30)]

    assert [float(risk(model, one, 30)[0]) for one in singles] == risks[::30].tolist()
    assert [float(crossing(model, one, 30, edges[:1])[0]) for one in singles] == crossings[::30].tolist()


@pytest.mark.parametrize("size", [*range(1, 20), 33, 700, 4500])
def test_weights_are_added_in_the_order_of_the_names_however_many_customers(size: int) -> None:
    """The risk of a step is, to the last bit, what adding one weighted column after another gives."""
    model, habits = taught(), drawn(size)
    intercept, *weights = np.frombuffer(model.weights).tolist()
    logit = np.full(size, intercept)
    for weight, column in zip(weights, columns(habits, model.interval_days), strict=True):
        logit = logit + weight * column
    expected = 1.0 / (1.0 + np.exp(-np.minimum(np.maximum(logit, -35.0), 35.0)))

    assert expected.tobytes() == step_risk(model, habits).tobytes()


@pytest.mark.parametrize("size", [1, 20, 1000])
def test_a_scan_is_made_of_the_risks_of_habits_that_were_silent(size: int) -> None:
    """Each row is, to the last bit, the product of the weeks' risks, each from the habits after so much silence."""
    model, habits = taught(), drawn(size)
    weeks = step_risk(model, after(habits, np.arange(SCAN_STEPS + 4.0)[:, None] * 7))
    expected = [weeks[at] * weeks[at + 1] * weeks[at + 2] * weeks[at + 3] for at in range(SCAN_STEPS + 1)]

    assert np.array(expected).tobytes() == scan(model, habits, 28).tobytes()


def test_an_outlook_answers_every_question_as_it_is_answered_alone() -> None:
    """Risk, crossing and contributions share their work, and none is changed by it."""
    model, habits = taught(), drawn(500)
    edges = np.full(500, 0.75)
    outlook = Outlook(model, habits, 30)
    together = outlook.contributions()

    assert risk(model, habits, 30).tobytes() == outlook.risks().tobytes()
    assert crossing(model, habits, 30, edges).tobytes() == outlook.crossing(edges).tobytes()
    assert {name: one.tobytes() for name, one in contributions(model, habits).items()} == {
        name: one.tobytes() for name, one in together.items()
    }


def test_every_column_changes_in_silence_or_does_not() -> None:
    """Still and moving columns are all there are, and only the moving ones change while nothing happens."""
    habits = drawn(200)
    before, later = (np.array(list(columns(one, 30.0))) for one in (habits, after(habits, np.array(20.0))))
    changed = (before != later).any(axis=1)

    assert list(range(1, len(NAMES))) == sorted([*STILL.tolist(), *MOVING.tolist()])
    assert sorted(MOVING.tolist()) == (np.flatnonzero(changed) + 1).tolist()


def test_nobody_at_all_is_scored_too() -> None:
    """No customers have no risks, no crossings and no contributions."""
    model, nobody = taught(1), chosen(drawn(1), slice(0, 0))

    assert [0, 0] == [len(risk(model, nobody, 28)), len(crossing(model, nobody, 28, np.empty(0)))]
    assert {0} == {len(one) for one in contributions(model, nobody).values()}


def test_the_first_row_of_a_scan_is_the_risk_now() -> None:
    """A scan begins with today, to the last bit."""
    model, habits = taught(), drawn(100)

    assert risk(model, habits, 28).tobytes() == scan(model, habits, 28)[0].tobytes()


def test_a_crossing_is_the_first_week_that_reaches_the_edge() -> None:
    """Looked for week by week from the next one on; an edge never reached is -1."""
    model, habits = taught(), drawn(200)
    ahead = [risk(model, after(habits, np.array(7.0 * week)), 28) for week in range(1, SCAN_STEPS + 1)]
    expected = [
        next((7.0 * week for week, risks in enumerate(ahead, 1) if risks[at] >= 0.8), -1.0) for at in range(200)
    ]

    assert len(set(expected)) > 4
    assert expected == crossing(model, habits, 28, np.full(200, 0.8)).tolist()


def test_a_risk_that_rises_and_falls_again_is_found() -> None:
    """What is high for some weeks only is no reason to overlook it, as halving an interval would."""
    hump = knowing(intercept=0.4, **{"rec>2.08": 6.0, "rec>2.71": -18.0})
    habits = chosen(drawn(1), slice(0, 1))._replace(rec=np.array([0.0]))
    risks = scan(hump, habits, 7)[:, 0]
    edge = np.array([risks.max() - 1e-9])

    assert risks[-1] < edge[0]
    assert 7.0 * risks.argmax() == crossing(hump, habits, 7, edge)[0]


def test_contributions_add_up_to_the_distance_from_the_mean_customer() -> None:
    """All groups together are the customer's logit less that of the mean columns."""
    model, habits = taught(), drawn(300)
    weights, means = np.frombuffer(model.weights), np.frombuffer(model.means)
    silent = step_risk(model, habits)
    logit = np.log(silent / (1 - silent))

    np.testing.assert_allclose(logit - weights @ means, sum(contributions(model, habits).values()), atol=1e-9)


def test_every_feature_belongs_to_one_group() -> None:
    """No column is left out of the reasons, and none is told twice."""
    grouped = sorted(name for names in GROUPS.values() for name in names)

    assert sorted({name.partition(">")[0] for name in NAMES} - {"intercept"}) == grouped


def test_a_model_is_the_same_after_a_journey_as_bytes() -> None:
    """A version travels as some ten kilobytes and comes back as it was."""
    model = taught()
    body = dump_model(model)

    assert model == load_model(body)
    assert 16 * 1024 > len(body)


def test_a_model_is_calibrated_after_four_weeks_that_taught() -> None:
    """Three weeks are too few."""
    assert [False, True] == [taught(weeks, 20).calibrated for weeks in (3, 4)]


def test_a_model_that_knows_nothing_says_one_half() -> None:
    """Weights of zero are a coin."""
    assert [0.5] * 3 == step_risk(msgspec.structs.replace(knowing()), drawn(3)).tolist()
