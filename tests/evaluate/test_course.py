"""The course: nothing later is used, the records are the pipeline's, and twice is the same bytes."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from schemas import Event
from streams.core.habits import habits_of
from streams.core.hazard import dump_model, risk
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.step import Advance
from streams.evaluate.course import Course, run
from tests.core.stories import event, source_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
Row = tuple[str, int, Event]


def row(key: str, at: datetime, tag: str = "order_placed", number: int = 0, **fields: object) -> Row:
    """One row of a history."""
    one = event(tag, at, f"{key}-{at:%j%H}-{number}", customer_id=key, **fields)
    return key, source_of(one), one


def history(days: int = 70, customers: int = 40, seed: int = 1) -> list[Row]:
    """Some act often, some seldom, and some fall silent."""
    rng = random.Random(seed)
    rows = []
    for number in range(customers):
        pace, end = rng.choice([2, 6, 20]), rng.choice([days, days, days // 3])
        day = rng.random() * 10
        while day < end:
            rows.append(row(f"c{number}", MONDAY + day * DAY, rng.choice(["order_placed", "product_viewed"])))
            day += rng.expovariate(1 / pace)
    return sorted(rows, key=lambda one: one[2].occurred_at)


def at(day: int) -> int:
    """A midnight, in seconds since 1970."""
    return int((MONDAY + day * DAY).timestamp())


def live(
    rows: list[Row], *cuts: int, orders_only: bool = False, min_orders: int = 0, rules: Rules | None = None
) -> Course:
    """Live through a history; what is not said is usual."""
    return run(
        rows, cuts_s=[at(cut) for cut in cuts], horizon_days=28, orders_only=orders_only, min_orders=min_orders,
        rules=rules or Rules(), step=lambda _second: None,
    )  # fmt: skip


def told(course: Course) -> list[object]:
    """Everything that a course says, to the last bit."""
    cuts = [(cut.cut_s, cut.keys, cut.risks.tobytes(), cut.mbg.tobytes(), cut.version) for cut in course.cuts]
    return [*cuts, course.weeks, [dump_model(model) for model in course.models]]


def test_what_happens_after_a_cut_is_not_used_for_it() -> None:
    """The scores of a cut are the same whatever follows, and however many cuts follow."""
    rows = history()
    other = [one for one in rows if one[2].occurred_at < MONDAY + 45 * DAY]
    other += [row(f"c{number}", MONDAY + 46 * DAY) for number in range(40)]
    first = live(rows, 45, 60).cuts[0]

    assert told(Course([first], [], [])) == told(Course(live(other, 45).cuts, [], []))


def test_lived_through_twice_all_bytes_are_the_same() -> None:
    """Scores, weeks and every version of the model repeat."""
    assert told(live(history(), 45, 60)) == told(live(history(), 45, 60))


def test_the_scores_are_those_of_the_pipelines_records() -> None:
    """At a cut, the records that the pipeline has written give the same risks under the same version."""
    rows = history()
    course = live(rows, 45)
    bodies: dict[str, bytes] = {}
    for key, source, one in rows:
        if one.occurred_at < MONDAY + 45 * DAY:
            advance = Advance(Rules())
            advance.observe(key, bodies.get(key), source, one)
            bodies |= {name: step.body for name, step in advance.finish().items()}
    engagements = [load(bodies[key]).engagement for key in course.cuts[0].keys]
    habits = habits_of(engagements, np.full(len(engagements), at(45) // 86400))

    assert course.models[-1].version == course.cuts[0].version
    assert risk(course.models[-1], habits, 28).tolist() == course.cuts[0].risks.tolist()


def test_a_week_is_closed_at_its_end_and_not_before() -> None:
    """On Sunday the week's acts have taught nothing yet; at Monday's midnight they have."""
    sunday, monday = (live(history(), day).cuts[0].version for day in (41, 42))

    assert sunday + 1 == monday


def test_weeks_follow_the_day_of_the_shop() -> None:
    """Where the day begins at noon UTC, a week ends at noon on Monday."""
    rules = Rules(day_offset_s=-12 * 3600)
    course = live(history(), 42, rules=rules)

    assert {(12 * 3600 + at(0)) % (7 * 86400)} == {week.week_end_s % (7 * 86400) for week in course.weeks}


def test_a_closed_shop_teaches_nothing() -> None:
    """A week without any act has no score, and the model after it is the one before but for its number."""
    closed = [one for one in history() if not 35 <= (one[2].occurred_at - MONDAY).days < 42]
    course = live(closed, 50)
    before, after = course.models[4:6]

    assert at(42) not in [week.week_end_s for week in course.weeks]
    assert (before.weights, before.weeks, before.version + 1) == (after.weights, after.weeks, after.version)


def test_a_week_is_judged_by_what_was_known_at_its_beginning() -> None:
    """Customers are those of before the week, silent those of them without an act in it."""
    rows = [row("a", MONDAY), row("b", MONDAY), row("b", MONDAY + 8 * DAY), row("new", MONDAY + 9 * DAY)]
    course = live(rows, 14)

    assert [(at(14), 2, 1)] == [(week.week_end_s, week.customers, week.silent) for week in course.weeks]
    assert pytest.approx(np.log(2)) == course.weeks[0].log_loss == course.weeks[0].base_log_loss


def test_who_has_ordered_too_little_and_guests_are_not_scored() -> None:
    """With at least two orders asked for, one order or ten clicks are too few; a guest is nobody known."""
    rows = [row("a", MONDAY), row("b", MONDAY), row("#o1", MONDAY, guest=True), row("b", MONDAY + DAY)]
    rows += [row("c", MONDAY + DAY, "product_viewed")]

    assert ["a", "b", "c"] == sorted(live(rows, 5).cuts[0].keys)
    assert ["b"] == live(rows, 5, min_orders=2).cuts[0].keys
    assert ["a", "b"] == sorted(live(rows, 5, orders_only=True).cuts[0].keys)


def test_a_copy_of_an_event_counts_once() -> None:
    """As in the pipeline, the same event again changes nothing."""
    rows = history()
    doubled = [copy for one in rows for copy in (one, one)]

    assert told(live(rows, 45)) == told(live(doubled, 45))


def test_rows_out_of_order_are_refused() -> None:
    """A course cannot go back in time."""
    with pytest.raises(ValueError, match="sorted by occurred_at"):
        live([row("a", MONDAY + DAY), row("b", MONDAY)], 5)


def test_calibrated_is_said_after_four_weeks_of_labels() -> None:
    """The first week knows nobody and four more must close."""
    early, late = live(history(), 28, 35).cuts

    assert [False, True] == [early.calibrated, late.calibrated]


def test_before_that_the_risk_is_that_of_the_own_rhythm() -> None:
    """As in the pipeline: a model of too few weeks is learned, but not asked."""
    early, late = live(history(), 28, 60).cuts

    assert early.mbg.tolist() == early.risks.tolist()
    assert late.mbg.tolist() != late.risks.tolist()


def test_nothing_is_read_after_the_last_cut() -> None:
    """The rest of the file may be as long as it likes."""

    def rows() -> object:
        yield from [row("a", MONDAY), row("a", MONDAY + 6 * DAY)]
        raise AssertionError("read on")

    assert ["a"] == live(rows(), 5).cuts[0].keys  # type: ignore[arg-type]


def test_a_history_without_events_scores_nobody() -> None:
    """Every cut is there, and empty."""
    assert [(at(5), [], 0)] == [(cut.cut_s, cut.keys, len(cut.risks)) for cut in live([], 5).cuts]
