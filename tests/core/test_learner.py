"""The learner: a function of the set of labels, and the filter that its docstring says."""

import msgspec
import numpy as np
import pytest

from streams.core.features import NAMES, columns
from streams.core.hazard import dump_model, step_risk
from streams.core.learner import Label, Labels, first_day_of, labels_of, learn, mark_of, rows_of, start, week_of
from tests.core.habits_drawn import a_week, taught

_decode = msgspec.msgpack.Decoder(list[Label]).decode


def some(labels: Labels, order: np.ndarray) -> Labels:
    """The same labels in another order, or fewer."""
    return labels.of(order)


def test_the_order_in_which_labels_come_is_nowhere_to_be_seen() -> None:
    """Any shuffling of every week gives the same bytes."""
    straight = shuffled = start()
    for week in range(4):
        labels = a_week(200, seed=week)
        straight = learn(straight, week, labels)
        shuffled = learn(shuffled, week, some(labels, np.random.default_rng(week).permutation(200)))

    assert dump_model(straight) == dump_model(shuffled)


def test_labels_learned_after_a_journey_are_the_same_labels() -> None:
    """One by one as msgpack and gathered again, they teach the same bytes."""
    labels = a_week(100)
    travelled = _decode(msgspec.msgpack.encode(rows_of(7, labels)))

    assert {7} == {label.week for label in travelled}
    assert dump_model(learn(start(), 7, labels)) == dump_model(learn(start(), 7, labels_of(reversed(travelled))))


def test_a_label_is_small() -> None:
    """A label takes less than 256 bytes on its way."""
    assert 256 > max(len(msgspec.msgpack.encode(label)) for label in rows_of(7, a_week(100)))


def test_the_cap_takes_the_lowest_marks_whoever_came_first() -> None:
    """With more labels than are learned, the hash decides which."""
    labels = a_week(200)
    lowest = some(labels, np.argsort(labels.marks)[:50])

    assert dump_model(learn(start(), 0, lowest)) == dump_model(learn(start(), 0, labels, most=50))


def test_a_week_in_which_nobody_acted_teaches_nothing() -> None:
    """A closed shop, or nobody known: the version moves on, the model does not."""
    model = taught()
    labels = a_week(50)
    closed = labels._replace(silent=np.ones(50))

    assert msgspec.structs.replace(model, version=9) == learn(model, 9, closed)
    assert msgspec.structs.replace(model, version=9) == learn(model, 9, labels_of([]))


def test_a_week_is_learned_once() -> None:
    """A week that is not later than the version is refused."""
    with pytest.raises(ValueError, match="of week 4 cannot learn week 4"):
        learn(taught(weeks=5), 4, a_week(10))


def test_the_filter_is_the_one_of_the_formulas() -> None:
    """Weights and covariance equal the textbook's, written out with plain matrices."""
    model, labels = taught(weeks=2, size=60), a_week(60, seed=9)
    learned = learn(model, 2, labels)
    size = len(NAMES)
    lower = np.tril_indices(size)
    covariance = np.zeros((size, size))
    covariance[lower] = np.frombuffer(model.covariance)
    covariance = covariance + np.tril(covariance, -1).T
    precision = np.diag([0.1] + [1.0] * (size - 1))
    covariance = np.linalg.inv(0.97 * np.linalg.inv(covariance) + 0.03 * precision)
    weights = np.frombuffer(model.weights)
    table = np.stack([np.ones(60), *columns(labels.habits, learned.interval_days)], axis=1)
    for at in np.argsort(labels.marks):
        z, y = table[at], labels.silent[at]
        p = 1 / (1 + np.exp(-weights @ z))
        h = max(p * (1 - p), 1e-4)
        gain = covariance @ z
        scale = 1 / h + z @ gain
        weights = weights + gain * (y - p) / (h * scale)
        covariance = covariance - np.outer(gain, gain) / scale

    np.testing.assert_allclose(weights, np.frombuffer(learned.weights), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(covariance[lower], np.frombuffer(learned.covariance), rtol=1e-9, atol=1e-9)


def test_what_was_learned_foretells_better_than_the_base_rate() -> None:
    """After a few weeks the model knows that a long silence lasts."""
    model, labels = taught(weeks=6), a_week(2000, seed=77)

    def loss(foretold: np.ndarray | float) -> float:
        return float(-np.mean(labels.silent * np.log(foretold) + (1 - labels.silent) * np.log1p(-np.asarray(foretold))))

    assert loss(step_risk(model, labels.habits)) < loss(model.base_rate) - 0.03


def test_the_model_counts_what_it_has_seen() -> None:
    """Labels and weeks are counted, the base rate is that of the labels, and the interval that of the customers."""
    labels = a_week(400)
    model = learn(start(), 0, labels)
    intervals = (labels.habits.age - labels.habits.rec).sum() / (labels.habits.days - 1).sum()

    assert (400, 1) == (model.n_labels, model.weeks)
    assert pytest.approx(labels.silent.mean(), abs=0.01) == model.base_rate
    assert pytest.approx(intervals, rel=0.05) == model.interval_days


def test_weeks_are_one_grid_of_mondays() -> None:
    """22 November 2026 is a Sunday, and the last day of its week; steps of ten days have a grid of their own."""
    sunday = 20779

    assert week_of(sunday) + 1 == week_of(sunday + 1)
    assert sunday - 6 == first_day_of(week_of(sunday))
    assert first_day_of(week_of(sunday, 10), 10) <= sunday < first_day_of(week_of(sunday, 10) + 1, 10)


def test_a_customer_travels_under_a_hash() -> None:
    """The mark is eight bytes and holds nothing of the name."""
    assert 8 == len(mark_of("ada"))
    assert mark_of("ada") != mark_of("adb")
