"""Files as histories: all forms tell the same, and what cannot be used is one sentence with a way out."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from schemas import OrderPlaced, OrderReturned, PageViewed, StoreEntered
from streams.evaluate.history import History, rows
from streams.evaluate.kinds import KINDS
from streams.feeds.reading import FeedError
from tests.evaluate.shops import START, Row, csv_file, jsonl_file, past, published, row, text_file

TABLE = [
    row("c1", 0, 1250, items=3, kind="order"),
    row("c2", 1, 0, items=None, kind="view"),
    row("c1", 9, 0, kind="visit"),
]


def parquet_file(folder: Path, columns: dict[str, Any], name: str = "shop.parquet") -> str:
    path = folder / name
    parquet.write_table(pyarrow.table(columns), path)
    return str(path)


def as_columns(table: list[Row], times: pyarrow.Array | None = None) -> dict[str, Any]:
    columns = {name: [one.get(name) for one in table] for name in table[0]}
    instants = [datetime.fromisoformat(one["occurred_at"]) for one in table]
    return columns | {
        "occurred_at": pyarrow.array(instants, pyarrow.timestamp("ns", "UTC")) if times is None else times
    }


def told(history: History) -> list[Any]:
    return list(rows(history))


def refusal(path: str, **how: Any) -> str:
    with pytest.raises(FeedError) as raised:
        past(path, **how)
    return str(raised.value)


def test_all_forms_of_a_table_tell_the_same(tmp_path: Path) -> None:
    """CSV, JSONL and parquet, plain or packed, become the same events."""
    full = [{"items": None, **one} for one in TABLE]
    plain = csv_file(tmp_path, [{name: one[name] for name in sorted(one)} for one in full])
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))

    histories = [
        past(path)
        for path in (plain, str(packed), jsonl_file(tmp_path, TABLE), parquet_file(tmp_path, as_columns(full)))
    ]

    assert 3 == len(told(histories[0]))
    assert [told(histories[0])] * 4 == [told(history) for history in histories]
    assert [[1250, 0, 0]] * 4 == [history.value_minor.tolist() for history in histories]


def test_a_row_becomes_the_event_that_a_publisher_would_have_sent(tmp_path: Path) -> None:
    """Kind, instant, money and items are those of the row, the number of the row is the event's id."""
    (key, source, event), (_, _, view), (_, _, visit) = told(past(jsonl_file(tmp_path, TABLE)))

    assert isinstance(event, OrderPlaced)
    assert ("c1", 2, "row-1", START, 1250, 3) == (
        key, source, event.event_id, event.occurred_at, event.amount_minor, event.lines[0].quantity,
    )  # fmt: skip
    assert (PageViewed, StoreEntered) == (type(view), type(visit))


def test_every_kind_can_be_told(tmp_path: Path) -> None:
    """Each word makes an event that counts as the column says: as an act, as an order."""
    words = [word for kind in KINDS for word in kind.words]

    history = past(jsonl_file(tmp_path, [row(day=day, kind=word) for day, word in enumerate(words)]))

    events = [event for _, _, event in rows(history)]
    assert len(words) == len(events)
    assert [event.customer_act for event in events] == history.acts.tolist()
    assert [isinstance(event, OrderPlaced) for event in events] == history.orders.tolist()


def test_without_a_kind_a_row_is_an_order(tmp_path: Path) -> None:
    """So is a row whose kind is empty."""
    history = past(csv_file(tmp_path, [row(kind=""), row(kind=None)]))

    assert [True, True] == history.orders.tolist()
    assert past(csv_file(tmp_path, [row()])).orders.all()


def test_returns_take_money_back(tmp_path: Path) -> None:
    """Whether a return is written with or without a sign."""
    history = past(jsonl_file(tmp_path, [row(value=900, kind="return"), row(value=-900, kind="return")]))

    assert [-900, -900] == history.value_minor.tolist()
    assert [900, 900] == [event.amount_minor for _, _, event in rows(history) if isinstance(event, OrderReturned)]


def test_orders_below_zero_count_without_money_and_that_is_said(tmp_path: Path) -> None:
    """A correction in a list of orders is still an act."""
    history = past(csv_file(tmp_path, [row(value=-5), row(day=1)]))

    assert ["Orders with a value below zero count without money: 1."] == history.notes
    assert [0, 1000] == history.value_minor.tolist()


def test_tables_of_pandas_are_read(tmp_path: Path) -> None:
    """Ids and money that became floats for the gaps between them are whole again."""
    path = parquet_file(
        tmp_path, as_columns([row(17.0, 0, 250.0), row(float("nan"), 1, 1.0), row(18.0, 2, float("nan"))])
    )

    history = past(path)

    assert (["17", "18"], [250, 0]) == (history.keys, history.value_minor.tolist())


def test_missing_columns_are_named_with_those_found(tmp_path: Path) -> None:
    """Whoever reads it knows which column to rename."""
    wrong = [{"customer": "c1", "occurred_at": "2026-01-05T09:00:00Z", "amount": 5}]

    paths = csv_file(tmp_path, wrong), jsonl_file(tmp_path, wrong), parquet_file(tmp_path, as_columns(wrong))

    for path in paths:
        assert (
            f"{path} has no column `customer_id` and no `value_minor`; the columns found are `customer`, "
            "`occurred_at`, `amount`, so rename or add them."
        ) == refusal(path)


@pytest.mark.parametrize("at", ["2026-01-05 09:00:00", "2026-01-05"])
def test_times_without_zone_are_refused_unless_one_is_named(tmp_path: Path, at: str) -> None:
    """A guess would move every day; --zone is the way out."""
    naive = [row() | {"occurred_at": at}]

    for path in (csv_file(tmp_path, naive), jsonl_file(tmp_path, naive)):
        assert (
            f"{path}, row 1: `occurred_at` has no zone; write 2026-01-31T10:00:00Z, or name the zone by --zone +00:00."
            == refusal(path)
        )
        ((_, _, event),) = rows(past(path, zone=timezone(timedelta(hours=2))))
        assert datetime.fromisoformat(at).replace(tzinfo=timezone(timedelta(hours=2))) == event.occurred_at


@pytest.mark.parametrize(
    "times",
    [
        pyarrow.array([datetime(2026, 1, 5, 9)], pyarrow.timestamp("us")),
        pyarrow.array([date(2026, 1, 5)], pyarrow.date32()),
    ],
)
def test_parquet_without_zone_is_refused_unless_one_is_named(tmp_path: Path, times: pyarrow.Array) -> None:
    """The type of the column says it, before a row is read."""
    path = parquet_file(tmp_path, as_columns([row()], times))

    assert (
        f"{path} has times without a zone in `occurred_at`; write them with a zone, or name it by --zone +00:00."
        == refusal(path)
    )
    ((_, _, event),) = rows(past(path, zone=timezone(timedelta(hours=-5))))
    hour = 9 if isinstance(times[0].as_py(), datetime) else 0
    assert datetime(2026, 1, 5, hour + 5, tzinfo=UTC) == event.occurred_at


def test_unsorted_rows_are_sorted_and_that_is_said(tmp_path: Path) -> None:
    """Rows of the same second keep their order; ids stay those of the file."""
    history = past(csv_file(tmp_path, [row(day=3), row("c2", 1), row("c1", 1), row("c3", 2)]))

    assert ["The rows were not in order of time; all 4 were sorted by it."] == history.notes
    assert [("c2", "row-2"), ("c1", "row-3"), ("c3", "row-4"), ("c1", "row-1")] == [
        (key, event.event_id) for key, _, event in rows(history)
    ]


def test_rows_without_customer_are_left_out_and_counted(tmp_path: Path) -> None:
    """An order of nobody teaches nothing about anybody."""
    history = past(csv_file(tmp_path, [row(None), row(" "), row("c1", 1)]))

    assert ["Rows that name no customer were left out: 2 of 3."] == history.notes
    assert ["c1"] == history.keys


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "levitated"}, "`kind` is a word that is not known here; write one of order, store_order, view,"),
        ({"value_minor": "99.5"}, "`value_minor` is no whole number; write money in minor units, 1250 for 12.50."),
        ({"value_minor": "much"}, "`value_minor` is no whole number"),
        ({"items": 1.5}, "`items` is no whole number; write one, or leave it empty."),
        ({"occurred_at": "yesterday"}, "`occurred_at` is no time; write it like 2026-01-31T10:00:00Z."),
        ({"occurred_at": 1767603600}, "`occurred_at` is no time"),
        ({"occurred_at": "1969-01-05T09:00:00Z"}, "`occurred_at` lies before 1970 or after 2106"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_and_not_repeated(tmp_path: Path, fields: Row, said: str) -> None:
    """The sentence names row and column; what stands there may be about a person."""
    bad = row("c2", 1) | fields

    for path in (
        jsonl_file(tmp_path, [row(kind="view", items=1), bad]),
        csv_file(tmp_path, [row(kind="view", items=1), {"kind": "", "items": "", **bad}]),
    ):
        assert f"{path}, row 2: {said}" in refusal(path)
        assert str(next(iter(fields.values()))) not in refusal(path).removeprefix(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("customer_id,occurred_at,value_minor\n", "has no row with a customer"),
        ("customer_id,occurred_at,value_minor\nc1,2026-01-05T09:00:00Z\n", "rows that are longer or shorter"),
        ('{"customer_id": "c1"', "line 1, is no JSON object"),
        ("\xff\xfe", "has no column"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """No stack of errors for a wrong file."""
    assert said in refusal(text_file(tmp_path, text, "odd"))


OWN: Row = {"event_type": "page_viewed", "schema_version": 1}


def own(number: int, day: int = 0, **fields: Any) -> Row:
    at = (START + timedelta(days=day)).isoformat()
    return {"event_id": f"e{number}", "occurred_at": at, "customer_id": "c1"} | OWN | fields


def test_own_events_are_those_of_a_worker(tmp_path: Path) -> None:
    """Each goes through the Door; what is refused, nameless or repeated is left out and said in a sentence each."""
    order = {"event_type": "order_placed", "order_id": "o1", "currency": "GBP", "channel": "web", "total_minor": 70}
    lines = [{"product_id": "p", "quantity": 1, "unit_price_minor": 70}]
    table = [
        own(1, 5),
        own(2, 1, customer_id="c2", **order, lines=lines),
        own(1, 5),
        own(3, customer_id=None, anonymous_id="a"),
        own(4, guest=True, **order, lines=lines),
        own(5, occurred_at="2026-01-05T09:00:00"),
    ]

    history = past(jsonl_file(tmp_path, table))

    assert [
        "Lines that are no events were left out: 1, most because: "
        "Expected `datetime` with a timezone component - at `$.occurred_at`.",
        "Events that name no customer were left out: 2.",
        "Events that came again count once: 1.",
        "The rows were not in order of time; all 2 were sorted by it.",
    ] == history.notes
    assert [("c2", 2, "e2"), ("c1", 0, "e1")] == [(key, source, event.event_id) for key, source, event in rows(history)]
    assert ([70, 0], [True, False]) == (history.value_minor.tolist(), history.orders.tolist())


def test_own_events_in_parquet_are_known_by_their_columns(tmp_path: Path) -> None:
    """As one column of JSON, or one column per field; a table that has a column `event` of its own stays a table."""
    one = parquet_file(tmp_path, {"event": [json.dumps(own(1))]}, "one.parquet")
    many = parquet_file(tmp_path, as_columns([own(1)]), "many.parquet")
    table = parquet_file(tmp_path, as_columns([row("c1", 0, event="spring sale")]), "table.parquet")

    assert told(past(one)) == told(past(many))
    assert (["e1"], ["row-1"]) == tuple([event.event_id for _, _, event in rows(past(path))] for path in (one, table))


def test_a_file_of_nothing_but_refused_lines_says_why(tmp_path: Path) -> None:
    """An empty result would hide what is wrong."""
    path = jsonl_file(tmp_path, [own(1, schema_version=2)])

    assert (
        "holds no event of a named customer; all lines were refused, most because: schema_version is not 1"
        in refusal(path)
    )


def test_money_of_another_currency_is_none(tmp_path: Path) -> None:
    """As in a record."""
    cancelled = {"event_type": "order_cancelled", "order_id": "o1", "channel": "web", "amount_minor": 70}
    table = [own(1, **cancelled, currency="GBP"), own(2, 1, **cancelled, currency="EUR")]

    assert [-70, 0] == past(jsonl_file(tmp_path, table)).value_minor.tolist()


def test_the_published_invoices_become_orders_of_known_customers(tmp_path: Path) -> None:
    """Lines of an invoice are one order; cancellations and guests are left out."""
    at = pyarrow.array([datetime(2011, 3, day) for day in (1, 1, 2, 3)], pyarrow.timestamp("us"))
    path = parquet_file(
        tmp_path,
        {
            "InvoiceNo": ["7", "7", "C8", "9"], "Quantity": [2, 3, 1, 1], "UnitPrice": [1.0, 0.5, 9.0, 9.0],
            "InvoiceDate": at, "CustomerID": pyarrow.array([5, 5, 5, None], pyarrow.int32()),
        },
        "online_retail.parquet",
    )  # fmt: skip

    ((key, _, order),) = rows(past(path))

    assert isinstance(order, OrderPlaced)
    assert ("5", datetime(2011, 3, 1, tzinfo=UTC), 350, 5) == (
        key, order.occurred_at, order.amount_minor, order.lines[0].quantity,
    )  # fmt: skip


def test_the_published_actions_stand_on_the_days_of_their_shop(tmp_path: Path) -> None:
    """A midnight of Beijing is the midnight of its day."""
    columns = {"user_id": [7, 7], "event": ["favourite", "transaction"], "ts": [1431273600] * 2}

    history = past(parquet_file(tmp_path, columns, "tmall_ijcai15.parquet"))

    assert [1431302400] * 2 == history.at_s.tolist()
    assert [False, True] == history.orders.tolist()


@pytest.mark.parametrize(
    ("name", "customers", "kept"),
    [("cdnow_master.parquet", 23_570, 69_659), ("online_retail.parquet", 4_339, 18_536)],
)
def test_the_published_sets_are_read_whole(name: str, customers: int, kept: int) -> None:
    """As many customers and purchases as their publishers count."""
    history = past(published(name))

    assert (customers, kept) == (len(history.keys), len(history.at_s))
