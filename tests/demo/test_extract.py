"""The shipped purchase histories: what they are, and how an invoice becomes an event."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from schemas import Event, OrderCancelled, OrderPlaced
from streams.core.decode import Door, Refused, identity_of
from streams.demo_data import HISTORIES
from streams.demo_data.extract import event_of, extract, occurred_at, pence, write
from streams.feeds.reading import read

DOOR = Door(2, accept_from_s=0)


def row(number: str = "536365", **changes: Any) -> dict[str, Any]:
    return {
        "InvoiceNo": number, "StockCode": "85123A", "Description": "LANTERN", "Quantity": 6,
        "InvoiceDate": datetime(2010, 12, 1, 8, 26), "UnitPrice": 2.55, "CustomerID": 17850, "Country": "France",
    } | changes  # fmt: skip


def told(*rows: dict[str, Any]) -> dict[str, Any] | None:
    return event_of(list(rows), Counter())


def shipped() -> list[Event]:
    events = [DOOR.read(line.raw, None) for line in read(str(HISTORIES))]
    assert [] == [event for event in events if isinstance(event, Refused)]
    return [event for event in events if not isinstance(event, Refused)]


def test_the_shipped_histories_are_accepted_and_in_order() -> None:
    """Hundreds of customers with orders and cancellations, and guests, in order of time, with distinct ids."""
    events = shipped()

    assert 443 == len({event.customer_id for event in events} - {None})
    assert [1955, 394] == [sum(isinstance(event, kind) for event in events) for kind in (OrderPlaced, OrderCancelled)]
    assert 160 == sum((identity_of(event) or "").startswith("#") for event in events)
    assert len(events) == len({event.event_id for event in events})
    assert sorted(event.occurred_at for event in events) == [event.occurred_at for event in events]


def test_the_shipped_histories_are_attributed() -> None:
    """CC BY 4.0 asks for the author, the source, the licence, and that it was changed."""
    text = HISTORIES.with_name("ATTRIBUTION.md").read_text()

    for needed in (
        "Daqing Chen",
        "UCI Machine Learning Repository",
        "C5BW33",
        "CC BY 4.0",
        "extract",
        "How it was changed",
    ):
        assert needed in text


def test_an_invoice_is_an_order() -> None:
    """Lines, money in pence, the customer, and an id that is the same whenever the extract is made."""
    event = told(row(), row(StockCode="22139", Quantity=1, UnitPrice=0.855))

    assert event is not None
    assert ("online-retail-536365", "order_placed", "17850") == (
        event["event_id"],
        event["event_type"],
        event["customer_id"],
    )
    assert [(6, 255), (1, 86)] == [(line["quantity"], line["unit_price_minor"]) for line in event["lines"]]


def test_an_invoice_without_customer_is_a_guest_order() -> None:
    """Nobody is made up for it."""
    event = told(row(CustomerID=None))

    assert event is not None
    assert (True, False) == (event["guest"], "customer_id" in event)


def test_a_cancellation_carries_its_amount() -> None:
    """The money that went back, positive, under the cancellation's own number."""
    event = told(row("C536379", Quantity=-2), row("C536379", StockCode="22139", Quantity=-1, UnitPrice=1))

    assert event is not None
    assert ("order_cancelled", "C536379", 610) == (event["event_type"], event["order_id"], event["amount_minor"])


@pytest.mark.parametrize(
    "odd",
    [row(UnitPrice=0.0), row(UnitPrice=0.001), row(Quantity=-3), row(StockCode="AMAZONFEE"), row()],
    ids=["free", "less than half a penny", "negative", "ledger", "repeated"],
)
def test_lines_that_are_no_purchase_are_left_out(odd: dict[str, Any]) -> None:
    """Each odd line of the published table has a stated treatment: beside a proper line it leaves no trace."""
    assert told(row()) == told(row(), odd)


def test_an_invoice_of_which_nothing_is_left_is_no_event() -> None:
    """Neither a stock correction nor an adjustment of bad debt is an order."""
    assert None is told(row(Quantity=-3))
    assert None is told(row("A563185", StockCode="B", Quantity=1, UnitPrice=11062.06))


def test_a_very_long_invoice_keeps_its_whole_amount() -> None:
    """An event has at most 500 lines; the total still is what was paid."""
    event = told(*(row(StockCode=f"{number:05}", Quantity=1, UnitPrice=1.0) for number in range(700)))

    assert event is not None
    assert (500, 70_000) == (len(event["lines"]), event["total_minor"])


@pytest.mark.parametrize(
    ("published", "instant"),
    [
        (datetime(2010, 12, 1, 8, 26), "2010-12-01T08:26:00Z"),
        (datetime(2011, 7, 1, 8, 26), "2011-07-01T07:26:00Z"),
        (datetime(2011, 10, 30, 1, 30), "2011-10-30T00:30:00Z"),
    ],
    ids=["winter", "summer", "an hour that occurs twice"],
)
def test_times_are_local_in_london(published: datetime, instant: str) -> None:
    """The published times have no zone; they are read as the shop's clock showed them."""
    assert instant == occurred_at(published)


def test_halves_of_a_penny_are_rounded_up() -> None:
    """Prices are rounded as written, not as a binary float has them."""
    assert [129, 255, 0] == [pence(1.285), pence(2.55), pence(0.001)]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """Anybody can make the shipped file anew and compare it."""
    rows = [row(f"53{number:04}", CustomerID=10_000 + number % 70) for number in range(2_000)]

    for name, given in (("one.gz", rows), ("two.gz", rows[::-1])):
        write(extract(given)[0], tmp_path / name)

    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert 0 < len(extract(rows)[0]) < 600
