"""
How the shipped extract is made from UCI Online Retail: the same file in gives the same bytes out.

    python -m streams.demo_data.extract online_retail.parquet

The input is the published table as parquet, one row per invoice line, with the published column names.
An invoice becomes one event of `orders`: `order_placed`, or `order_cancelled` where its number begins with C.
What is kept, left out and rounded stands in ATTRIBUTION.md; the counts of it are printed.
"""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from streams.demo_data import HISTORIES

ONE_IN = 10
MOST_LINES = 500
PUBLISHED_ZONE = ZoneInfo("Europe/London")
# Bank charges, marketplace fees, charity shares, discounts, samples and bad debt: entries of a ledger, not goods.
LEDGER_CODES = frozenset({"AMAZONFEE", "B", "BANK CHARGES", "CRUK", "D", "S"})

Row = dict[str, Any]


def chosen(name: str) -> bool:
    """Whether a customer or a guest's invoice belongs to the extract: one in ten, by a hash of its published number."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") % ONE_IN == 0


def occurred_at(published: datetime) -> str:
    """An RFC 3339 instant in UTC of a published time, which is read as local time in London (the earlier if twice)."""
    return published.replace(tzinfo=PUBLISHED_ZONE, fold=0).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pence(price: float) -> int:
    """A published price in pounds as whole pence, halves up."""
    return int((Decimal(str(price)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def event_of(rows: list[Row], left_out: Counter[str]) -> Row | None:
    """The event that one invoice tells, or None when nothing of it remains; what is left out is counted."""
    number = rows[0]["InvoiceNo"]
    if number.startswith("A"):
        left_out["invoices adjusting bad debt"] += 1
        return None
    cancels = number.startswith("C")
    lines = goods(rows, -1 if cancels else 1, left_out)
    if not lines:
        left_out["invoices without goods"] += 1
        return None
    customer = rows[0]["CustomerID"]
    event: Row = {
        "event_id": f"online-retail-{number}",
        "event_type": "order_cancelled" if cancels else "order_placed",
        "schema_version": 1,
        "occurred_at": occurred_at(min(row["InvoiceDate"] for row in rows)),
        **({"guest": True} if customer is None else {"customer_id": str(customer)}),
        "source": "online-retail",
        "order_id": number,
        "channel": "web",
        "currency": "GBP",
    }
    amount = sum(line["quantity"] * line["unit_price_minor"] for line in lines)
    if cancels:
        return event | {"amount_minor": amount}
    if len(lines) > MOST_LINES:
        left_out["lines beyond the 500th, still in the total"] += len(lines) - MOST_LINES
        return event | {"total_minor": amount, "lines": lines[:MOST_LINES]}
    return event | {"lines": lines}


def goods(rows: list[Row], sign: int, left_out: Counter[str]) -> list[Row]:
    """The lines of an invoice that moved goods for money, in the published order, an exact repetition once."""
    kept: dict[tuple[object, ...], Row] = {}
    for row in rows:
        quantity, price = sign * row["Quantity"], pence(row["UnitPrice"])
        if price <= 0:
            left_out["lines without a price"] += 1
        elif quantity <= 0:
            left_out["lines with a negative quantity outside a cancellation"] += 1
        elif row["StockCode"].upper() in LEDGER_CODES:
            left_out["lines of the ledger"] += 1
        elif tuple(row.values()) in kept:
            left_out["lines repeated exactly"] += 1
        else:
            line = {"product_id": row["StockCode"], "quantity": quantity, "unit_price_minor": price}
            kept[tuple(row.values())] = line
    return list(kept.values())


def extract(rows: Iterable[Row]) -> tuple[list[Row], Counter[str]]:
    """The events of all chosen customers and guests in order of time, and the count of what was left out."""
    kept = [row for row in rows if chosen(row["InvoiceNo"] if row["CustomerID"] is None else str(row["CustomerID"]))]
    kept.sort(key=lambda row: row["InvoiceNo"])  # stable: the lines of an invoice keep their published order
    left_out: Counter[str] = Counter()
    invoices = (list(group) for _, group in groupby(kept, key=lambda row: row["InvoiceNo"]))
    events = [event for invoice in invoices if (event := event_of(invoice, left_out)) is not None]
    events.sort(key=lambda event: (event["occurred_at"], event["event_id"]))
    return events, left_out


def write(events: Iterable[Row], path: Path) -> None:
    """Write one event per line, gzipped without name and time of writing, so that equal events are equal bytes."""
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
    path.write_bytes(gzip.compress(lines.encode(), compresslevel=9, mtime=0))


def main(source: str) -> None:
    """Make the extract from the parquet file `source` and print what became of its rows."""
    from pyarrow import parquet  # type: ignore[import-untyped]  # an extra, needed only here; ships no types

    events, left_out = extract(parquet.read_table(source).to_pylist())
    write(events, HISTORIES)
    customers = {event["customer_id"] for event in events if "customer_id" in event}
    kinds = Counter(("guest " if "guest" in event else "") + event["event_type"] for event in events)
    print(f"{HISTORIES.name}: {len(events)} events, {len(customers)} customers, {HISTORIES.stat().st_size} bytes")
    for what, count in sorted((kinds + left_out).items()):
        print(f"{count:7} {what}")


if __name__ == "__main__":
    main(sys.argv[1])
