"""The sweep: both kinds of label from one look, whenever it is taken."""

import msgspec
import numpy as np

from streams.core.engagement import DAY_S, Engagement
from streams.core.habits import habits_of
from streams.core.learner import Labels, first_day_of, mark_of, rows_of, week_of
from streams.core.sweep import sweep
from tests.core.stories import DAY, NOON, Story, second

WEEK = week_of(second(NOON) // DAY_S) + 1
BEGIN = NOON + (first_day_of(WEEK) - second(NOON) // DAY_S) * DAY


def customer(*days: int, tag: str = "store_entered") -> Story:
    """A customer who acts on these days, counted from the first of the week."""
    story = Story()
    for day in days:
        story.happens(tag, BEGIN + day * DAY)
    return story


def swept(*stories: Story, orders_only: bool = False) -> Labels:
    """The labels of these customers."""
    engagements: list[Engagement] = [story.record.engagement for story in stories]
    marks = [mark_of(f"c{number}") for number in range(len(stories))]
    return sweep(marks, engagements, WEEK, orders_only=orders_only)


def test_one_look_makes_both_kinds_of_label() -> None:
    """Silent is who acted before the week and not in it; who came in the week or after it is not asked."""
    labels = swept(customer(-3), customer(-3, 0), customer(-3, 6), customer(-3, 7), customer(2), customer(9))

    assert [1.0, 0.0, 0.0, 1.0] == labels.silent.tolist()
    assert [mark_of(f"c{number}") for number in range(4)] == [label.mark for label in rows_of(WEEK, labels)]


def test_later_events_change_no_label() -> None:
    """Taken five weeks late, a label has the bytes that it had at the end of the week."""
    prompt = rows_of(WEEK, swept(customer(-40, -3), customer(-20, -4, 5)))
    late = rows_of(WEEK, swept(customer(-40, -3, 8, 20, 43), customer(-20, -4, 5, 7, 43)))

    assert msgspec.msgpack.encode(prompt) == msgspec.msgpack.encode(late)


def test_habits_are_those_before_the_week() -> None:
    """What happens in the week is the answer and no part of the question."""
    story = customer(-12, -3, 1)
    before = habits_of([story.record.engagement], np.array([first_day_of(WEEK)]))

    assert np.stack(before).tobytes() == np.stack(swept(story).habits).tobytes()


def test_with_orders_only_a_visit_is_silence() -> None:
    """Where only orders count, who merely visits neither is known nor breaks the silence."""
    buyer = customer(-3, tag="order_placed").happens("store_entered", BEGIN + DAY)

    assert [1.0] == swept(buyer, customer(-3, 1), orders_only=True).silent.tolist()
    assert [0.0, 0.0] == swept(buyer, customer(-3, 1)).silent.tolist()


def test_more_customers_than_are_swept_at_once_all_get_their_label() -> None:
    """Pieces leave nobody out and mix up nobody."""
    body = [customer(-3).record.engagement, customer(-3, 1).record.engagement]
    many = [body[number % 3 == 0] for number in range(2500)]
    labels = sweep([mark_of(str(number)) for number in range(2500)], many, WEEK)

    assert [float(number % 3 > 0) for number in range(2500)] == labels.silent.tolist()


def test_a_partition_without_customers_has_no_labels() -> None:
    """Nobody is asked, and that is no error."""
    assert 0 == len(swept().silent) == len(rows_of(WEEK, swept()))
