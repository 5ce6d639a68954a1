"""Truth and baselines: from the plain table alone, and never from what lies behind the midnight."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.core.engagement import DAY_S
from streams.evaluate.baselines import BASE_RATE, RFM_LOGIT, foretell
from streams.evaluate.measures import measure
from streams.evaluate.truth import Plain, known_at, plain, silent
from tests.evaluate.shops import START, Row, jsonl_file, past, published, row, shop

FIRST = int(START.timestamp()) // DAY_S


def table(folder: Path, rows: list[Row], **how: Any) -> Plain:
    usual = {"offset_s": 0, "orders_only": False, "min_orders": 0}
    return plain(past(jsonl_file(folder, rows)), **usual | how)


def keys(one: Plain, customers: Any) -> list[str]:
    return [one.history.keys[code] for code in customers]


def test_known_is_who_acted_before_the_midnight(tmp_path: Path) -> None:
    """The day of the cut itself is already the horizon."""
    one = table(tmp_path, [row("early", 3), row("late", 4)])

    assert ["early"] == keys(one, known_at(one, FIRST + 4).customer)
    assert ["early", "late"] == keys(one, known_at(one, FIRST + 5).customer)


def test_silent_is_who_does_nothing_from_the_midnight_on(tmp_path: Path) -> None:
    """The horizon begins with the cut's day and ends before the day after it."""
    rows = [*(row(key, 0) for key in "abc"), row("a", 4), row("b", 10), row("c", 11)]
    one = table(tmp_path, rows)

    known = known_at(one, FIRST + 4).customer

    assert ["c"] == keys(one, known[silent(one, known, FIRST + 4, 7)])


def test_what_is_known_are_recency_frequency_money_and_tenure(tmp_path: Path) -> None:
    """Days active count once, money adds up, and what comes later does not show."""
    rows = [row("a", 1, 100), row("a", 1, 50), row("a", 5, 25, kind="return"), row("a", 9, 7)]
    known = known_at(table(tmp_path, rows), FIRST + 8)

    assert [3, 2, 125, 7] == [column[0] for column in known[1:]]


def test_activity_may_be_orders_only(tmp_path: Path) -> None:
    """Then who only looks is not known, and looking ends no silence."""
    rows = [row("looks", 0, kind="view"), row("buys", 0), row("buys", 5, kind="view")]
    one = table(tmp_path, rows, orders_only=True)

    known = known_at(one, FIRST + 4).customer

    assert ["buys"] == keys(one, known)
    assert [True] == silent(one, known, FIRST + 4, 7).tolist()


def test_so_many_orders_may_be_asked_for(tmp_path: Path) -> None:
    """Orders before the cut count, views do not."""
    rows = [row("two", 0), row("two", 1), row("two", 1, kind="view"), row("one", 1), row("one", 2, kind="view")]
    one = table(tmp_path, sorted([*rows, row("one", 9)], key=lambda each: each["occurred_at"]), min_orders=2)

    assert ["two"] == keys(one, known_at(one, FIRST + 5).customer)


def test_a_day_begins_where_the_setting_says(tmp_path: Path) -> None:
    """Nine in the evening is the next day, five hours east."""
    rows = [row("a") | {"occurred_at": (START + timedelta(hours=12)).isoformat()}]

    assert (FIRST, FIRST + 1) == (table(tmp_path, rows).first_day, table(tmp_path, rows, offset_s=5 * 3600).first_day)


def test_the_truth_is_what_a_loop_over_the_rows_finds(tmp_path: Path) -> None:
    """Counted once more, row by row, on a whole shop."""
    rows, day = shop(), 90
    one = table(tmp_path, rows)
    days: dict[str, list[int]] = {}
    for each in rows:
        at = each["occurred_at"]
        days.setdefault(each["customer_id"], []).append((np.datetime64(at[:10]).astype(int)) - FIRST)
    expected = {key: not any(day <= on < day + 28 for on in acted) for key, acted in days.items() if min(acted) < day}

    known = known_at(one, FIRST + day).customer

    assert expected == dict(zip(keys(one, known), silent(one, known, FIRST + day, 28).tolist(), strict=True))
    assert {True, False} == set(expected.values())


def test_baselines_know_nothing_that_comes_later(tmp_path: Path) -> None:
    """Without the rows behind the cut they say the same, to the last bit."""
    rows, cut = shop(), FIRST + 100
    until = (START + timedelta(days=100)).isoformat()[:10]
    whole, cut_off = (table(tmp_path, kept) for kept in (rows, [each for each in rows if each["occurred_at"] < until]))

    told = [foretell(one, cut, 28, known_at(one, cut)) for one in (whole, cut_off)]

    assert {BASE_RATE, RFM_LOGIT} == set(told[0])
    assert [risks.tolist() for risks in told[0].values()] == [risks.tolist() for risks in told[1].values()]


def test_the_base_rate_is_that_of_the_latest_labels_that_have_matured(tmp_path: Path) -> None:
    """Of those known four weeks before the cut, (silent + 1) / (n + 2)."""
    rows = [*(row(key, 0) for key in "abcd"), row("a", 40), row("new", 45)]
    one = table(tmp_path, rows)

    told = foretell(one, FIRST + 60, 28, known_at(one, FIRST + 60))

    assert [4 / 6] * 5 == pytest.approx(told[BASE_RATE].tolist())


def test_without_labels_there_is_no_logit(tmp_path: Path) -> None:
    """A model of nothing is not compared with; the base rate is then one half."""
    one = table(tmp_path, [row("a", 0), row("b", 20)])

    told = foretell(one, FIRST + 21, 28, known_at(one, FIRST + 21))

    assert {BASE_RATE} == set(told)
    assert [0.5, 0.5] == told[BASE_RATE].tolist()


@pytest.mark.parametrize(
    ("name", "horizon_days", "cuts", "auc"),
    [
        ("cdnow_master.parquet", 91, ("1997-10-07", "1998-01-06", "1998-03-25"), 0.806),
        ("online_retail.parquet", 30, ("2011-08-10", "2011-09-09", "2011-10-09", "2011-11-08"), 0.740),
    ],
)
def test_the_logit_is_as_good_as_others_found_it(
    name: str, horizon_days: int, cuts: tuple[str, ...], auc: float
) -> None:
    """On the published sets it has the AUC that was measured elsewhere: population, truth and cuts are the same."""
    one = plain(past(published(name)), offset_s=0, orders_only=False, min_orders=0)

    found = []
    for day in (int(np.datetime64(cut).astype(int)) for cut in cuts):
        known = known_at(one, day)
        risk = foretell(one, day, horizon_days, known)[RFM_LOGIT]
        found.append(measure(silent(one, known.customer, day, horizon_days), risk).auc)

    assert auc == pytest.approx(np.mean(np.array(found, dtype=float)), abs=0.001)
