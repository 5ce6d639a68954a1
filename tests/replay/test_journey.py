"""Complete Journey as events: a few of its rows, and what they become."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from schemas import SOURCES, Event, OrderPlaced
from schemas.profiles import ConsentGiven, LoyaltyJoined
from schemas.responses import ActionConverted, ActionDelivered
from streams.core.decode import Door, Refused
from tests import journey

BASKET = {
    "household_id": 7, "store_id": 330, "basket_id": 9001, "product_id": 50, "quantity": 2, "sales_value": 3.0,
    "coupon_disc": 0.0, "transaction_timestamp": datetime(2017, 1, 5, 11, 53, 26),
}  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "products": [{"product_id": 50, "product_category": "COFFEE"}],
    "transactions": [
        BASKET | {"basket_id": 9002, "transaction_timestamp": datetime(2017, 1, 9, 8, 0, 0), "coupon_disc": 0.4},
        BASKET,
        BASKET | {"product_id": 51, "quantity": 1, "sales_value": 0.99},
        BASKET | {"product_id": 52, "quantity": 1, "sales_value": 0.0},
        BASKET | {"household_id": 8, "basket_id": 9003},
    ],
    "campaigns": [{"campaign_id": 3, "household_id": 7}],
    "campaign_descriptions": [{"campaign_id": 3, "campaign_type": "Type B", "start_date": datetime(2017, 1, 7)}],
    "coupon_redemptions": [{"campaign_id": 3, "household_id": 7, "redemption_date": datetime(2017, 1, 9)}],
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What these few rows become."""
    monkeypatch.setattr(journey, "rows", TABLES.__getitem__)
    return list(journey.events())


def of(told: list[Event], kind: type[Event]) -> list[Any]:
    """The events of one kind."""
    return [event for event in told if isinstance(event, kind)]


def test_a_basket_is_an_order(told: list[Event]) -> None:
    """Its lines that cost something are the order's lines, in cents, and a coupon is named."""
    orders = {order.order_id: order for order in of(told, OrderPlaced)}
    order = orders["9001"]

    assert {"9001", "9002", "9003"} == set(orders)
    assert [("50", 2, 150, "COFFEE"), ("51", 1, 99, None)] == [
        (line.product_id, line.quantity, line.unit_price_minor, line.category) for line in order.lines
    ]
    assert (399, "USD", "store", "330", None) == (
        order.total_minor, order.currency, order.channel, order.store_id, order.coupon
    )  # fmt: skip
    assert journey.COUPON == orders["9002"].coupon


def test_consents_stand_before_the_first_basket(told: list[Event]) -> None:
    """All joined; whoever was mailed had allowed post and email for all purposes, nobody else anything."""
    kinds = [type(event) for event in told if event.customer_id == "7"]

    assert [LoyaltyJoined, *[ConsentGiven] * 6, OrderPlaced] == kinds[:8]
    assert {"7", "8"} == {event.customer_id for event in of(told, LoyaltyJoined)}
    assert {"7"} == {event.customer_id for event in of(told, ConsentGiven)}
    assert {"post", "email"} == {event.channel for event in of(told, ConsentGiven)}


def test_a_redeemed_coupon_answers_the_campaign_that_was_mailed(told: list[Event]) -> None:
    """Both speak of one decision, by post, under the campaign's kind."""
    delivered, converted = of(told, ActionDelivered)[0], of(told, ActionConverted)[0]

    assert ("campaign_b", "post", delivered.decision_id) == (delivered.action, converted.channel, converted.decision_id)
    assert delivered.occurred_at < converted.occurred_at


def test_what_is_told_is_read(told: list[Event]) -> None:
    """Each event keeps the contract, and they come in the order of their instants."""
    kinds: dict[str, tuple[type[Event], ...]] = {
        "orders": (OrderPlaced,),
        "responses": (ActionDelivered, ActionConverted),
        "profiles": (LoyaltyJoined, ConsentGiven),
    }
    doors = {
        kind: Door(SOURCES.index(source), accept_from_s=0) for source, of_source in kinds.items() for kind in of_source
    }

    for event in told:
        assert not isinstance(doors[type(event)].read(msgspec.json.encode(event), None), Refused)
    assert sorted(event.occurred_at for event in told) == [event.occurred_at for event in told]


@pytest.mark.skipif(journey.place("products") is None, reason=f"the package {journey.PACKAGE} is not installed")
def test_the_set_has_the_columns_that_are_read() -> None:
    """The smaller tables of the real set have every column that is read here."""
    for name in ("campaigns", "campaign_descriptions", "coupon_redemptions"):
        assert set(TABLES[name][0]) <= set(journey.rows(name)[0])
