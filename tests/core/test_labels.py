"""Reports of labels: first labels before first markers, weeks closed by all, and nothing kept of them afterwards."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.core.habits import Habits
from streams.core.hazard import dump_model
from streams.core.labels import Intake, Report, dump_report, load_report
from streams.core.learner import Label, Labels, learn, start

WIDTH = len(Habits._fields)
Log = list[Report]


def label(week: int, customer: int, silent: bool = False) -> Label:
    """A label; the habits tell nothing but the customer."""
    return Label(week, customer.to_bytes(8, "big"), silent, (float(customer + 1),) * WIDTH, 0.5, 100 * customer)


def said(partition: int, week: int, *customers: int, silent: bool = False) -> Report:
    """Labels of some customers."""
    return Report(partition, week, [label(week, customer, silent) for customer in customers])


def marked(partition: int, week: int) -> Report:
    """A marker."""
    return Report(partition, week)


def opened(*partitions: int, week: int = 9) -> Log:
    """The markers with which owners begin, of the week before week 10 unless told otherwise."""
    return [marked(partition, week) for partition in partitions]


def read(log: Log, intake: Intake, at: int = 0) -> tuple[dict[int, Labels], dict[int, int]]:
    """Read a log from an offset: what closes, and from where its successor would have to be read."""
    closed, resumes = dict[int, Labels](), dict[int, int]()
    for offset, report in list(enumerate(log))[at:]:
        intake.take(offset, report)
        while (week := intake.due()) is not None:
            closed[week] = intake.close(week)
            resumes[week] = intake.resume_at(offset + 1)
    return closed, resumes


def told(labels: Labels) -> list[tuple[int, float]]:
    """Customers and whether they were silent."""
    return list(zip(labels.marks.tolist(), labels.silent.tolist(), strict=True))


def test_the_first_label_counts() -> None:
    """A second owner that says another thing before the marker is too late."""
    log = [*opened(0), said(0, 10, 1, silent=True), said(0, 10, 1, 2), marked(0, 10)]

    assert {10: [(1, 1.0), (2, 0.0)]} == {week: told(labels) for week, labels in read(log, Intake(1))[0].items()}


def test_what_comes_after_the_marker_changes_nothing() -> None:
    """A late event changes no label given, nor adds one, while the week waits for others."""
    log = [*opened(0, 1), said(0, 10, 1), marked(0, 10), said(0, 10, 1, 3, silent=True), marked(0, 10), marked(1, 10)]

    assert [(1, 0.0)] == told(read(log, Intake(2))[0][10])


def test_a_later_marker_ends_the_weeks_before_it_too() -> None:
    """Who marks week 12 has nothing more to say of week 11."""
    log = [*opened(0), marked(0, 12), said(0, 11, 1)]
    closed, _ = read(log, Intake(1))

    assert [10, 11, 12] == list(closed)
    assert [] == told(closed[11])


def test_a_week_closes_when_all_have_marked_it() -> None:
    """Neither sooner nor without one of them, and then in order."""
    log = [*opened(0, 1), marked(0, 10), marked(0, 11), marked(1, 10)]
    intake = Intake(2)

    assert [10] == list(read(log, intake)[0])
    intake.take(9, marked(1, 11))
    assert 11 == intake.due()


def test_weeks_begin_with_the_earliest_that_anybody_knows() -> None:
    """A partition whose first customer came later holds nobody up before."""
    log = [*opened(0, week=9), *opened(1, week=11), marked(0, 10), marked(0, 11), marked(1, 12)]

    assert [10, 11] == list(read(log, Intake(2))[0])


def test_where_nobody_is_known_nobody_is_waited_for() -> None:
    """Before the first version it is enough to have said so; afterwards a marker is wanted."""
    log = [Report(1), *opened(0), marked(0, 10), marked(0, 11)]
    intake = Intake(2)

    assert [10] == list(read(log, intake)[0])
    intake.take(8, said(1, 10, 5))
    assert 0 == intake.kept()
    intake.take(9, marked(1, 11))
    assert 11 == intake.due()


def test_who_has_come_to_know_somebody_is_waited_for() -> None:
    """The first customer's marker takes the word back, and does not count for two."""
    log = [Report(1), *opened(0, 1), marked(0, 10)]

    assert [] == list(read(log, Intake(2))[0])
    assert [] == list(read([*log, marked(1, 10)], Intake(3))[0])


def test_where_all_are_vacant_nothing_closes() -> None:
    """A shop before its first event has no weeks."""
    assert {} == read([Report(0), Report(1)], Intake(2))[0]


def test_labels_of_closed_weeks_are_dropped() -> None:
    """However many weeks pass, what is kept is what is open, and repeated labels of closed weeks are not taken in."""
    intake = Intake(2)
    read(opened(0, 1), intake)
    kept = []
    for week in range(10, 60):
        log = [said(0, week, *range(20)), marked(0, week), said(1, week, *range(20, 30)), marked(1, week)]
        read([*log, said(0, week, *range(20))], intake)
        kept.append(intake.kept())

    assert [0] * 50 == kept
    assert 400 == intake.resume_at(400)


def test_more_labels_than_are_learned_are_not_kept() -> None:
    """The lowest marks stay, as the learner would choose them, each with its first label."""
    intake, customers = Intake(1, most=10), list(range(100))
    random.Random(1).shuffle(customers)
    read(opened(0), intake)
    for customer in customers:
        intake.take(1, said(0, 10, customer, silent=customer % 2 == 1))
        intake.take(1, said(0, 10, customer, silent=customer % 2 == 0))

    assert 20 >= intake.kept()
    assert [(n, float(n % 2)) for n in range(10)] == told(intake.close(10))


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Three partitions' owners, who begin anew at any time with the weeks that they believe open, interleaved."""
    log: Log = []
    turns = {}
    for partition in range(3):
        mine = [Report(partition)] * draw(st.integers(0, 1))
        first = draw(st.integers(10, 12))
        for begin in (first, *draw(st.lists(st.integers(first, 14), max_size=2))):
            mine.append(marked(partition, begin - 1))
            for week in range(begin, draw(st.integers(begin, 16))):
                mine.append(said(partition, week, partition * 9 + draw(st.integers(0, 2)), silent=draw(st.booleans())))
                mine.append(marked(partition, week))
        turns[partition] = mine[: draw(st.integers(1, len(mine)))]
    while any(turns.values()):
        partition = draw(st.sampled_from([number for number, mine in turns.items() if mine]))
        log.append(turns[partition].pop(0))
    return log


@given(logs())
def test_a_successor_that_reads_on_closes_the_same(log: Log) -> None:
    """From the offset that stands beside any version, what closes after it is the same to the last label."""
    whole, resumes = read(log, Intake(3))

    for version, offset in resumes.items():
        again, _ = read(log, Intake(3, version), offset)
        assert {week: told(labels) for week, labels in whole.items() if week > version} == {
            week: told(labels) for week, labels in again.items()
        }


def test_reports_travel_as_msgpack() -> None:
    """What is said is what is read."""
    for report in (said(3, 10, 1, 2), marked(3, 10), Report(3)):
        assert report == load_report(dump_report(report))


def test_gathered_labels_teach_what_the_same_labels_at_once_do() -> None:
    """Cut into reports, repeated and out of order of the marks, they are the same bytes."""
    customers = list(range(40))
    rows = [label(10, n, silent=n % 3 > 0) for n in customers]
    at_once, pieces = Intake(1), Intake(1)
    log = [*opened(0), Report(0, 10, rows), marked(0, 10)]
    cut = [*opened(0), *[Report(0, 10, rows[at : at + 7]) for at in (35, 7, 14, 0, 21, 28, 14)], marked(0, 10)]
    one, other = (read(each, intake)[0][10] for each, intake in ((log, at_once), (cut, pieces)))

    assert dump_model(learn(start(), 10, one)) == dump_model(learn(start(), 10, other))
    assert np.unique(other.marks).size == len(other.marks)
